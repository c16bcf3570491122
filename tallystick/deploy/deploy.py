"""Deployment: a plan becomes contracts on several ledgers, once, whatever interrupts it.

Every step first asks the ledger whether it is done, so that running a plan again changes nothing
and a run that was killed anywhere goes on where it stood. A journal keeps what the deployment was
begun with, so that no half of it is of another plan, and the addresses that no contract knows
(blueprint, authority, implementations, verifiers, custodies), each written *before* its
transaction is sent. Proxies are found through the authority. Nothing here knows which
back end a ledger has: it is handed `Chain`s. A ledger whose chain is not at hand is left for
another run, which finds the proxies of the others in the journal.

It goes in rounds: whatever builds on what stands is sent on every ledger, one transaction behind
the other, and then waited for. So nothing waits but for what it builds on, and nothing is sent
before that is seen to stand.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from tallystick.chain import Account, Chain, ChainError, Receipt, Revert
from tallystick.chain.abi import CodecError
from tallystick.chain.opcodes import missing_opcodes
from tallystick.deploy.changes import Change, changes
from tallystick.deploy.describe import manifest_of
from tallystick.deploy.joining import beside, check_joined
from tallystick.deploy.journal import Journal
from tallystick.deploy.rebuild import Given, rebuild
from tallystick.deploy.signers import EngineSigners
from tallystick.deploy.step import Call, NotYet, Question, Step
from tallystick.deploy.steps import LedgerSteps
from tallystick.errors import CheckFailed, InputError, refuse, shown
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.reach.accounts import Parties

__all__ = ["FUNDING", "Act", "Given", "Report", "StepState", "carry_out", "check_opcodes", "deploy"]

# As many of one account wait in any node's pool.
_AT_ONCE: Final = 16
# Wei for a deployer that has nothing, on a ledger that does what it is told.
FUNDING: Final = 10**24
_PENDING_SECONDS: Final = 120
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True)
class StepState:
    """One step as a report shows it; `state` is `done`, `pending`, `executed` or `elsewhere`.

    Attributes:
        ledger: where it is.
        title: what people call it.
        state: `elsewhere` where its ledger's chain is not at hand.
        group: what it belongs to.
        gas: what it took, once executed.
        address: of what it put on the ledger, once that stands.
        by: the role whose act it is; empty: the deployer's.
    """

    ledger: str
    title: str
    state: str
    group: str = ""
    gas: int = 0
    address: str | None = None
    by: str = ""


@dataclass(frozen=True)
class Act:
    """An act that is next on a ledger, and whose key is not here.

    Attributes:
        ledger: where.
        by: the role whose it is, as the manifest calls it.
        account: who has that role.
        contract: what is called, by name.
        to: and by address.
        data: the call.
    """

    ledger: str
    by: str
    account: str
    contract: str
    to: str
    data: bytes


@dataclass(frozen=True)
class Report:
    """All steps of a plan; `manifest` is None unless everything stands.

    Attributes:
        failures: why ledgers stopped.
        changes: what plan and instrument say otherwise than at the beginning, on no ledger.
        acts: what roles have to do next, in order.
    """

    steps: tuple[StepState, ...]
    manifest: Manifest | None
    failures: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    acts: tuple[Act, ...] = ()

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

    What fails on a ledger stops that ledger alone; the next run goes on there.

    Args:
        plan: what is to stand.
        parties: its accounts, found.
        chains: the ledgers by name. The steps of those that are missing are left for another run,
            and so are the steps that need to know where something stands there.
        journal: file that makes the run resumable; None keeps it in memory.
        given: what is said to stand already: a journal that does not know it is rebuilt from there.
        execute: send transactions; without it nothing is sent and nothing written.
        progress: called with each step once it is done.

    Raises:
        InputError: plan or instrument say something else than at the beginning, each field with
            what it takes; or what is given is something else.
        CheckFailed: a ledger's EVM is too old, the journal is of other chains, a contract that was
            created can't be seen, or a step failed or did not hold after it was sent.
    """
    report = carry_out(
        plan, parties, chains, journal=journal, given=given, execute=execute, progress=progress
    )
    if report.failures:
        raise CheckFailed("; ".join(report.failures))
    return report


def carry_out(
    plan: Plan,
    parties: Parties,
    chains: Mapping[str, Chain],
    *,
    journal: Path | None = None,
    given: Given | None = None,
    execute: bool = False,
    progress: Callable[[StepState], None] = lambda _: None,
) -> Report:
    """Like `deploy`, but what failed on a ledger is in the report."""
    check_opcodes(chains)
    book = Journal(journal)
    deployers = {name: accounts["deployer"] for name, accounts in parties.on_ledger.items()}
    # What an earlier run sent, and is still under way, is not looked past.
    unsettled = dict(_unsettled(chains, deployers)) if execute else {}
    rebuilt = rebuild(book, plan, deployers, chains, given or Given())
    changed = _bound(book, plan, parties, execute=execute)
    if execute and rebuilt:
        book.write()
    ledgers = {
        name: LedgerSteps(name, plan, accounts, chains.get(name), book)
        for name, accounts in parties.on_ledger.items()
    }
    run = _Run(ledgers, dict(_steps(plan, parties, ledgers)), progress, unsettled)
    check_joined(plan, ledgers)
    run.ask()
    if execute:
        run.carry_out()
    states = tuple(map(run.state, run.groups))
    finished = all(each.state in {"done", "executed"} for each in states)
    manifest = manifest_of(plan, parties, ledgers, beside(plan, given)) if finished else None
    return Report(states, manifest, tuple(run.failures.values()), tuple(changed), run.acts())


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


def check_opcodes(chains: Mapping[str, Chain]) -> None:
    """Make sure that every ledger knows what the contracts are compiled to.

    Raises:
        CheckFailed: some don't, each named with what it lacks.
    """
    wrong = [
        f"{name}: its EVM lacks {', '.join(lacking)}"
        for name, chain in chains.items()
        if (lacking := missing_opcodes(chain))
    ]
    if wrong:
        raise CheckFailed(
            f"{'; '.join(wrong)}, which the contracts need (it has to be at Cancun or later)"
        )


def _steps(
    plan: Plan, parties: Parties, ledgers: Mapping[str, LedgerSteps]
) -> Iterator[tuple[Step, str]]:
    """All steps in the order in which one by one they could be carried out, each with its group."""
    everyone = tuple(ledgers.values())

    def tokens() -> dict[str, str]:
        return {ledger.name: ledger.proxy_address("SecurityToken") for ledger in everyone}

    for ledger in everyone:
        yield from product(ledger.foundation(), ["contracts"])
    for index, (lane, attestors) in enumerate(zip(plan.lanes, parties.attestors, strict=True)):
        home, remote = ledgers[lane.home], ledgers[lane.remote]
        yield from product(home.lane_steps(lane, attestors, index, remote), ["lanes"])
        yield from product(remote.lane_steps(lane, attestors, index, home), ["lanes"])
    if plan.actions is not None:
        signers = EngineSigners.of(plan.actions, parties)
        for ledger in everyone:
            yield from product(ledger.engine_steps(signers, everyone), ["engines"])
    for ledger in everyone:
        yield from product(ledger.role_steps(), ["roles"])
        yield from product(ledger.registration(tokens), ["record"])
    for ledger in everyone:
        yield from product(ledger.hand_over(), ["hand-over"])


class _Run:
    """The steps of a plan while they are carried out.

    Attributes:
        groups: the steps in order, each with what it belongs to.
        failures: by ledger, why it stopped.
    """

    def __init__(
        self,
        ledgers: Mapping[str, LedgerSteps],
        groups: Mapping[Step, str],
        progress: Callable[[StepState], None],
        failures: dict[str, str],
    ) -> None:
        self.groups = groups
        self.failures = failures
        self._ledgers = ledgers
        self._progress = progress
        self._everywhere = all(ledger.is_here for ledger in ledgers.values())
        # What is done, and what was seen not to be: the rest can't be asked for yet.
        self._done: dict[Step, str] = {}
        self._open: set[Step] = set()
        self._gas: dict[Step, int] = {}

    def state(self, step: Step) -> StepState:
        """How far a step is."""
        ledger = self._ledgers[step.ledger]
        state = self._done.get(step, "pending" if ledger.is_here else "elsewhere")
        address = ledger.where(step.makes) if step in self._done and step.makes else None
        gas = self._gas.get(step, 0)
        group = self.groups[step]
        return StepState(step.ledger, step.title, state, group, gas, address, step.by)

    def acts(self) -> tuple[Act, ...]:
        """What roles can do next: their steps that build on what stands."""
        found = []
        for ledger in self._going():
            for step, call in self._ready(self._left(ledger)):
                if step.by and call.to is not None:
                    name, to = call.to.artifact.name, str(call.to.address)
                    who = str(ledger.sender(step))
                    found.append(Act(ledger.name, step.by, who, name, to, call.data))
        return tuple(found)

    def _left(self, ledger: LedgerSteps) -> list[Step]:
        return [s for s in self.groups if s.ledger == ledger.name and s not in self._done]

    def _going(self) -> Iterator[LedgerSteps]:
        """The ledgers on which nothing failed."""
        for ledger in self._ledgers.values():
            if ledger.is_here and ledger.name not in self.failures:
                yield ledger

    def _fail(self, step: Step, why: object) -> None:
        self.failures.setdefault(step.ledger, f"{step.ledger}: {step.title}: {why}")

    def _settle(self, step: Step, state: str) -> None:
        self._done[step] = state
        self._progress(self.state(step))

    def ask(self) -> None:
        """Ask the ledgers for all steps of which nothing is known yet."""
        for ledger in self._going():
            ledger.look_again()
            unknown = [step for step in self._left(ledger) if step not in self._open]
            for step, done in self._answers(ledger, unknown).items():
                if done:
                    self._settle(step, "done")
                else:
                    self._open.add(step)

    def _answers(self, ledger: LedgerSteps, steps: Sequence[Step]) -> dict[Step, bool]:
        """Which steps of a ledger are done, of those that can be asked for; asked all at once."""
        found: dict[Step, bool] = {}
        asked: dict[Step, Question] = {}
        for step in steps:
            try:
                answer = step.done()
            except NotYet:
                continue
            except (ChainError, CheckFailed, Revert) as error:
                self._fail(step, error)
                return found
            if isinstance(answer, Question):
                asked[step] = answer
            else:
                found[step] = answer
        if not asked:
            return found
        step = next(iter(asked))
        try:
            outputs = ledger.chain.call_all(
                [(each.method.contract, each.method.encode(*each.args)) for each in asked.values()]
            )
            for (step, question), output in zip(asked.items(), outputs, strict=True):
                if isinstance(output, Revert):
                    raise output
                found[step] = question.holds(question.method.decode(output))
        except (ChainError, CodecError, Revert) as error:
            self._fail(step, error)
        return found

    def carry_out(self) -> None:
        """Send in rounds what is left, until nothing is or nothing can be."""
        sent = True
        while sent:
            begun = [(ledger, self._send(ledger)) for ledger in self._going()]
            for ledger, waiting in begun:
                self._await(ledger, waiting)
            sent = any(waiting for _, waiting in begun)
            if sent:
                self.ask()
        if self._everywhere and not self.failures and not self.acts():
            for step in self.groups:
                if step not in self._done:
                    self._fail(step, "what it builds on does not stand")

    def _send(self, ledger: LedgerSteps) -> list[tuple[Step, Callable[[], Receipt]]]:
        """Send what builds on what stands, without waiting in between."""
        begun = []
        left = self._left(ledger)
        for nonce, step, call in (*self._numbered(ledger, left), *self._of_roles(ledger, left)):
            try:
                begun.append((step, ledger.begin(step, call, nonce)))
            except (ChainError, CheckFailed, Revert) as error:
                self._fail(step, error)
                break
        return begun

    def _numbered(
        self, ledger: LedgerSteps, left: Sequence[Step]
    ) -> Iterator[tuple[int, Step, Call]]:
        """The steps of a round in order, with the nonces of their transactions.

        A creation that was journalled, and maybe sent, before a run was killed keeps its nonce: at
        most one of the two takes effect, and where the journal says.
        """
        ready = deque(each for each in self._ready(left) if not each[0].by)
        if not ready:
            return
        nonce = ledger.chain.nonce(ledger.deployer)
        kept = {at: each for each in ready if (at := ledger.nonce_of(each[0])) >= nonce}
        free = deque(each for each in ready if each not in kept.values())
        for number in range(nonce, nonce + min(len(ready), _AT_ONCE)):
            if number in kept or not free:
                step, call = kept.pop(number if number in kept else min(kept))
            else:
                step, call = free.popleft()
            yield number, step, call

    def _of_roles(
        self, ledger: LedgerSteps, left: Sequence[Step]
    ) -> Iterator[tuple[int, Step, Call]]:
        """Of the roles whose keys are here, the next act of each."""
        acting: set[str] = set()
        for step, call in self._ready(left):
            account = ledger.sender(step)
            if step.by and account.address not in acting and ledger.chain.signs_for(account):
                acting.add(account.address)
                yield ledger.chain.nonce(account), step, call

    def _ready(self, left: Sequence[Step]) -> Iterator[tuple[Step, Call]]:
        """The steps that only build on what stands; those that end a set-up when all others do."""
        # What roles put their names to comes after.
        ending = all(step.last or step.by for step in left)
        for step in left:
            if (step.last and not ending) or not self._done.keys() >= set(step.after):
                continue
            with suppress(NotYet):
                yield step, step.call()

    def _await(
        self, ledger: LedgerSteps, begun: Sequence[tuple[Step, Callable[[], Receipt]]]
    ) -> None:
        """Wait for what was sent, and see that it holds."""
        for step, receipt in begun:
            try:
                self._gas[step] = receipt().gas_used
            except Revert as error:
                self._fail(step, error)
            except ChainError as error:
                self._fail(step, error)
                break
        ledger.look_again()
        mined = [step for step, _ in begun if step in self._gas]
        answers = self._answers(ledger, mined)
        for step in mined:
            if answers.get(step):
                self._settle(step, "executed")
            else:
                self._fail(step, "sent, but it does not hold")
        if begun and not self._everywhere:
            ledger.note_proxies()


def _unsettled(
    chains: Mapping[str, Chain], deployers: Mapping[str, Account]
) -> Iterator[tuple[str, str]]:
    """Wait until nothing that an earlier run sent is under way; yields where it stays so."""
    for name, chain in chains.items():
        try:
            _await_pending(chain, deployers[name])
        except ChainError as error:
            yield name, f"{name}: {error}"


def _await_pending(chain: Chain, deployer: Account) -> None:
    end = time.monotonic() + _PENDING_SECONDS
    while chain.nonce(deployer, pending=True) > chain.nonce(deployer):
        if time.monotonic() > end:
            raise ChainError(
                f"transactions of the deployer {deployer} wait in the pool since "
                f"{_PENDING_SECONDS} s: replace them or wait, then run again"
            )
        time.sleep(_POLL_SECONDS)
