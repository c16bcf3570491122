"""A dry run: the whole plan is carried out on embedded chains over what stands on its ledgers.

Nothing is sent to a ledger; what stands there is read where the rehearsal meets it. So addresses
are those that the same transactions will make there, gas is what they will take, and what differs
from the plan shows where it is: in the steps that fail, or in what stands at the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tallystick.chain import Chain
from tallystick.chain.fees import Price
from tallystick.chain.fork import ForkedChain
from tallystick.chain.opcodes import hardfork_of
from tallystick.deploy.deploy import FUNDING, Given, Report, StepState, carry_out, deploy
from tallystick.deploy.describe import roles_of
from tallystick.deploy.verify import verify, wrong
from tallystick.files.plan import Plan
from tallystick.reach.accounts import Parties
from tallystick.reach.connection import connection_of

__all__ = ["Rehearsal", "Stage", "rehearse"]


@dataclass(frozen=True)
class Stage:
    """One ledger of a rehearsal.

    Attributes:
        name: of the ledger.
        chain_id: its EIP-155 id.
        hardfork: the newest whose rules it was seen to run.
        price: what gas costs there now.
        payer: address of who pays for the steps, the deployer.
        balance: wei that it has.
        gas: what the pending steps take.
    """

    name: str
    chain_id: int
    hardfork: str
    price: Price
    payer: str
    balance: int
    gas: int

    @property
    def cost(self) -> int:
        """Wei that the pending steps cost at that price."""
        return self.gas * self.price.wei

    @property
    def short(self) -> int:
        """Wei that the payer lacks, 0 if it has enough."""
        return max(self.cost - self.balance, 0)


@dataclass(frozen=True)
class Rehearsal:
    """What a run would do now.

    Attributes:
        report: every step, pending ones with the gas that they take; addresses as they will be.
        stages: the ledgers at hand.
        roles: addresses by ledger, then by title as a manifest has it.
        differences: in words, where what stands keeps the plan from being carried out as meant.
    """

    report: Report
    stages: tuple[Stage, ...]
    roles: Mapping[str, Mapping[str, str]]
    differences: tuple[str, ...]

    @property
    def lacking(self) -> tuple[Stage, ...]:
        """The ledgers whose payer has not enough."""
        return tuple(stage for stage in self.stages if stage.short)


def rehearse(
    plan: Plan,
    parties: Parties,
    chains: Mapping[str, Chain],
    *,
    journal: Path | None = None,
    given: Given | None = None,
    progress: Callable[[StepState], None] = lambda _: None,
) -> Rehearsal:
    """Rehearse what is left of a plan; the arguments are those of `deploy`.

    Raises:
        InputError: plan or instrument say something else than at the beginning, or what is given
            is something else.
        CheckFailed: a ledger's EVM is too old, or the journal is of other chains.
    """
    report, reached = deploy(plan, parties, chains, journal=journal, given=given), chains
    if report.pending:
        reached = {name: ForkedChain(chain) for name, chain in chains.items()}
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "journal.json"
            if journal is not None and journal.exists():
                shutil.copy(journal, copy)
            report = carry_out(
                plan,
                parties,
                reached,
                journal=copy,
                given=given,
                execute=True,
                progress=progress,
            )
    differences = list(report.failures)
    if report.manifest is not None:
        facts = verify(connection_of(report.manifest, reached), plan, parties)
        differences += map(str, wrong(facts))
    steps = tuple(
        replace(step, state="pending") if step.state == "executed" else step
        for step in report.steps
    )
    if any(step.state == "pending" for step in steps):
        report = replace(report, manifest=None)
    return Rehearsal(
        replace(report, steps=steps),
        tuple(_stage(name, chain, parties, steps) for name, chain in chains.items()),
        {
            ledger: {title: entry.address for title, entry in roles.items()}
            for ledger, roles in roles_of(plan, parties).items()
        },
        tuple(differences),
    )


def _stage(name: str, chain: Chain, parties: Parties, steps: tuple[StepState, ...]) -> Stage:
    deployer = parties.on_ledger[name]["deployer"]
    return Stage(
        name=name,
        chain_id=chain.chain_id,
        hardfork=hardfork_of(chain),
        price=chain.price(),
        payer=deployer.address,
        # A ledger that does what it is told gives one that has nothing what it needs.
        balance=chain.balance(deployer) or (FUNDING if chain.controlled else 0),
        # What roles do, they pay.
        gas=sum(step.gas for step in steps if step.ledger == name and not step.by),
    )
