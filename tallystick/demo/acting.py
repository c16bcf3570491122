"""What the story's events share: who takes part, steps that must be done, what was told carried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.chain import Account, Contract
from tallystick.demo.report import Report
from tallystick.errors import CheckFailed
from tallystick.events.acts import Step
from tallystick.events.announcing import Announcer
from tallystick.files.instrument import Instrument
from tallystick.local.network import Network
from tallystick.reach.connection import Suite
from tallystick.status.reconciled import reconciled_of
from tallystick.text import units_text
from tallystick.token.position import date_of

__all__ = ["Party", "Scene", "business_days", "carry", "done", "engine_of", "is_declared"]

# More blocks than a manifest of the demo waits for.
_FINAL: Final = 4
# There and back.
_ROUNDS: Final = 3


@dataclass(frozen=True)
class Party:
    """Who takes part, by name."""

    name: str
    ledger: str
    account: Account
    until_day: int


@dataclass(frozen=True)
class Scene:
    """What one event is told with.

    `home` and `remote` are two holders each; the second remote one can't receive at the close.
    """

    report: Report
    network: Network
    instrument: Instrument
    home: tuple[Party, Party]
    remote: tuple[Party, Party]
    names: Mapping[tuple[str, str], str]
    reach: Callable[[int], None]

    @property
    def _suites(self) -> dict[str, Suite]:
        """The two ledgers of the lane."""
        return {suite.chain.name: suite for suite in (self.network.home, self.network.remote)}

    def _portion(self, party: Party, part: int) -> int:
        held = int(self._suites[party.ledger].token.balanceOf(party.account))
        return held // part or held

    def _units(self, amount: int) -> str:
        return units_text(amount, self.instrument.decimals)


def engine_of(suite: Suite) -> Contract:
    """Return the actions engine of a ledger, which every local network has."""
    assert suite.engine is not None
    return suite.engine


def done(steps: Iterable[Step]) -> None:
    """Take steps; none may wait or be refused.

    Raises:
        CheckFailed: one does, or is.
    """
    for step in steps:
        if step.state in {"waiting", "refused"}:
            raise CheckFailed(f"{step.ledger}: {step.act}: {step.detail}")


def carry(driver: Announcer, suites: Iterable[Suite]) -> None:
    """Let what was told become final and carry it, until nothing waits to be.

    Raises:
        CheckFailed: it does not arrive.
    """
    for _ in range(_ROUNDS):
        for suite in suites:
            suite.chain.mine(_FINAL)
        steps = list(driver.carry())
        if not any(step.state == "waiting" for step in steps):
            return done(steps)
    raise CheckFailed("what engines tell does not arrive")


def is_declared(network: Network, coaf: str) -> None:
    """Compare what an event declares with what the ledgers gave, from logs alone.

    Raises:
        CheckFailed: they differ.
    """
    for event in reconciled_of(network.connection, coaf).events:
        for each in event.differences:
            raise CheckFailed(f"{coaf}: {each.ledger}: {each.kind}: {each.what}")


def business_days(today: int) -> Iterator[int]:
    """Yield the business days after the next one; weekends are none."""
    day = today + 1
    while True:
        day += 1
        if date_of(day).weekday() < 5:
            yield day
