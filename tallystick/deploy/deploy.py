"""Deployment: a plan becomes contracts on several ledgers, once, whatever interrupts it.

Every step first asks the ledger whether it is done, so that running a plan again changes nothing
and a run that was killed anywhere goes on where it stood. A journal keeps what the deployment was
begun with, so that no half of it is of another plan, and the addresses that no contract knows
(blueprint, authority, implementations, verifiers, custodies), each written *before* its
transaction is sent. Proxies are found through the authority. Nothing here knows which
back end a ledger has: it is handed `Chain`s. A ledger whose chain is not at hand is left for
another run, which finds the proxies of the others in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.chain import Chain
from tallystick.chain.opcodes import missing_opcodes
from tallystick.deploy.changes import Change, changes
from tallystick.deploy.describe import manifest_of
from tallystick.deploy.journal import Journal
from tallystick.deploy.rebuild import Given, rebuild
from tallystick.deploy.steps import EngineSigners, LedgerSteps, NotYet, Step
from tallystick.errors import CheckFailed, InputError, refuse, shown
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.reach.accounts import Parties

__all__ = ["Given", "Report", "StepState", "deploy"]


@dataclass(frozen=True)
class StepState:
    """One step as a report shows it; `state` is `done`, `pending`, `executed` or `elsewhere`.

    `elsewhere`: its ledger's chain is not at hand.
    """

    ledger: str
    title: str
    state: str


@dataclass(frozen=True)
class Report:
    """All steps of a plan; `manifest` is None unless everything stands.

    `changes`: what plan and instrument say otherwise than at the beginning, on no ledger.
    """

    steps: tuple[StepState, ...]
    manifest: Manifest | None
    changes: tuple[Change, ...] = ()

    @property
    def pending(self) -> int:
        """How many steps are still to be carried out."""
        return sum(step.state == "pending" for step in self.steps)

    @property
    def elsewhere(self) -> int:
        """How many steps are those of ledgers whose chains are not at hand."""
        return sum(step.state == "elsewhere" for step in self.steps)


def deploy(
    plan: Plan,
    parties: Parties,
    chains: Mapping[str, Chain],
    *,
    journal: Path | None = None,
    given: Given | None = None,
    execute: bool = False,
    progress: Callable[[StepState], None] = lambda _: None,
) -> Report:
    """Carry out a plan, or say what is still to be done.

    Args:
        plan: what is to stand.
        parties: its accounts, found.
        chains: the ledgers by name. The steps of those that are missing are left for another run,
            and so are the steps that need to know where something stands there.
        journal: file that makes the run resumable; None keeps it in memory.
        given: what is said to stand already: a journal that does not know it is rebuilt from there.
        execute: send transactions; without it nothing is sent and nothing written.
        progress: called with each step once its state is known.

    Raises:
        InputError: plan or instrument say something else than at the beginning, each field with
            what it takes; or what is given is something else.
        CheckFailed: a ledger's EVM is too old, the journal is of other chains, a contract that was
            created can't be seen, or a step did not hold after it was sent.
    """
    for name, chain in chains.items():
        if lacking := missing_opcodes(chain):
            raise CheckFailed(
                f"{name}: its EVM lacks {', '.join(lacking)}, which the contracts need (it has to "
                "be at Cancun or later)"
            )
    book = Journal(journal)
    rebuilt = rebuild(book, plan, chains, given or Given())
    changed = _bound(book, plan, parties, execute=execute)
    if execute and rebuilt:
        book.write()
    ledgers = {
        name: LedgerSteps(name, plan, accounts, chains.get(name), book)
        for name, accounts in parties.on_ledger.items()
    }
    everywhere = all(ledger.is_here for ledger in ledgers.values())
    states: list[StepState] = []
    for step in _steps(plan, parties, ledgers):
        if not ledgers[step.ledger].is_here:
            state = "elsewhere"
        else:
            left = any(s.ledger == step.ledger and s.state == "pending" for s in states)
            state = _run(step, execute and not (step.last and left), everywhere)
        if state == "executed" and not everywhere:
            ledgers[step.ledger].note_proxies()
        states.append(StepState(step.ledger, step.title, state))
        progress(states[-1])
    finished = all(state.state in {"done", "executed"} for state in states)
    manifest = manifest_of(plan, parties, ledgers) if finished else None
    return Report(tuple(states), manifest, tuple(changed))


def _bound(book: Journal, plan: Plan, parties: Parties, *, execute: bool) -> list[Change]:
    """Bind the journal to what is meant; returns what changed of it and stands on no ledger."""
    content, instrument = plan.content
    meant = {"plan": content, "instrument": instrument, "accounts": parties.addresses}
    found = changes(book.meant, meant) if book.meant else []
    refuse(
        InputError(
            plan.file,
            change.path,
            change.now,
            f"{shown(change.path, change.before)}, with which {book.name} began; otherwise it "
            f"takes {change.takes}",
        )
        for change in found
        if change.takes
    )
    if execute:
        book.bind(meant)
    return found


def _steps(plan: Plan, parties: Parties, ledgers: Mapping[str, LedgerSteps]) -> Iterator[Step]:
    """All steps in the order of their dependence."""
    for ledger in ledgers.values():
        yield from ledger.foundation()
    for index, (lane, attestors) in enumerate(zip(plan.lanes, parties.attestors, strict=True)):
        home, remote = ledgers[lane.home], ledgers[lane.remote]
        yield from home.lane_steps(lane, attestors, index, remote)
        yield from remote.lane_steps(lane, attestors, index, home)
    if plan.actions is not None:
        signers = EngineSigners.of(plan.actions, parties)
        for ledger in ledgers.values():
            yield from ledger.engine_steps(signers, tuple(ledgers.values()))
    for ledger in ledgers.values():
        yield from ledger.role_steps()
        yield from ledger.registration(
            lambda: {n: each.proxy_address("SecurityToken") for n, each in ledgers.items()}
        )
    for ledger in ledgers.values():
        yield from ledger.hand_over()


def _run(step: Step, execute: bool, everywhere: bool) -> str:
    try:
        if step.done():
            return "done"
    except NotYet:
        # With execute, what it builds on was carried out before it; only its own object is missing.
        pass
    if not execute:
        return "pending"
    try:
        step.act()
    except NotYet:
        if everywhere:
            raise
        # It needs something of a ledger that another run has at hand.
        return "pending"
    if not step.done():
        raise CheckFailed(f"{step.ledger}: {step.title}: sent, but it does not hold")
    return "executed"
