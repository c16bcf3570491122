"""A redemption over two ledgers, with units between them at the close of its record day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Ratio, RatioState
from tallystick.actions.record import EventRecord
from tallystick.chain import Receipt
from tests.support.actions import APPLE, COAF
from tests.support.arming import Arming
from tests.support.dividend import Dividend
from tests.support.world import Side, World

# All of it at the rate of the dividend, and a quarter of each unit.
WHOLE: Final = replace(APPLE, caev="REDM", left=Rate(0))
PARTIAL: Final = replace(APPLE, caev="PCAL", left=Rate(3, 4))
# Business days from the payment day, on which home arms it, to the first without units.
NOTICE: Final = 3


@dataclass(frozen=True)
class Redemption:
    """A redemption whose totals are fixed on both ledgers; nothing is funded, nothing landed."""

    dividend: Dividend
    arming: Arming

    @classmethod
    def fixed(cls, world: World, record: EventRecord = WHOLE) -> Redemption:
        """Bring a world there."""
        dividend = Dividend.fixed(world, record)
        return cls(dividend, Arming(dividend.actions))

    @property
    def record(self) -> EventRecord:
        """Its record."""
        return self.dividend.record

    @property
    def sides(self) -> tuple[Side, Side]:
        """Home, then the other."""
        return self.dividend.sides

    @property
    def first_day(self) -> int:
        """The first business day without units at home, if it is armed on the payment day."""
        return self.record.payment_day + NOTICE

    def funded(self) -> Redemption:
        """Every part is paid in for, the payment day has come, and home was told."""
        self.dividend.fund().begin(self.record.payment_day)
        self.dividend.actions.take_paid(self.dividend.actions.paid())
        return self

    def redeem(self, hints: tuple[int, int] = (0, 0), sender: Any = None) -> Receipt:
        """Somebody has home arm it."""
        home = self.sides[0]
        return Receipt.of(home.engine.redeem(COAF, hints, sender=sender or home.attacker))

    def ratio(self, **changed: Any) -> Ratio:
        """What home tells of it."""
        return self.arming.ratio(self.record, **{"first_day": self.first_day, **changed})

    def armed(self) -> Redemption:
        """Armed on both ledgers, in time."""
        self.redeem()
        self.arming.take(self.ratio())
        return self

    def ended(self) -> Redemption:
        """The first day without units has begun on both ledgers, and home was told so."""
        self.dividend.begin(self.first_day)
        self.arming.tell(self.sides[1], self.record)
        self.arming.take_entered(
            self.arming.entered(self.record, first_day=self.first_day, state=RatioState.IN_FORCE)
        )
        return self
