"""Dividends around a ratio, with units on their way both ways when it takes effect.

What each holder and each message is owed is reckoned here from what was sent and held, in whole
numbers, and never asked of an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState
from tallystick.actions.record import EventRecord
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import RETURNED, LaneMessage, message_of
from tallystick.chain import Account
from tallystick.token.position import business_day
from tests.support.actions import ACCOUNTS, APPLE, CLOSE_MINUTE, Actions, begin
from tests.support.arming import Arming, ratio_event
from tests.support.world import DAY, ELIGIBLE_UNTIL, BothSides, Side, World

# The last close in old units at home.
E = 18_484
# Odd numbers, so that every part of the issue leaves a remainder.
ABROAD, BOUGHT = 50_000_003, 10_000_001


def dividend(number: int, day: int, epoch: int, days: int = 8) -> EventRecord:
    """A dividend with a record day of its own, paid so many days later."""
    return replace(
        APPLE,
        coaf=f"US-2020-DVCA-{number:02}",
        ex=0,
        record_day=day,
        figures_by=day + days,
        payment_day=day + days,
        relief_until=day + days,
        expires=day + 400,
        unit_epoch=epoch,
    )


def paid_soon(number: int, day: int, epoch: int = 0) -> EventRecord:
    """The same, paid three days later."""
    return dividend(number, day, epoch, 3)


@dataclass
class Over(BothSides):
    """A world in which ratios are armed, messages go both ways and closes pass."""

    arming: Arming
    ratios: list[EventRecord] = field(default_factory=list)
    # every message that left, returns too; and those that answer them
    messages: list[LaneMessage] = field(default_factory=list)
    answers: dict[bytes, LaneMessage] = field(default_factory=dict)
    # (ledger, day) -> what its accounts held then, by address
    held: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Over:
        """Cash and terms on both ledgers; some of the issue abroad."""
        over = cls(Arming.of(world))
        for side in over.sides:
            over.actions.set_pay_terms(side)
            over.actions.give_cash(side, side.paying_agent, 10**40)
        world.arrived(ABROAD)
        world.remote.token.transfer(world.remote.buyer, BOUGHT, sender=world.remote.investor)
        return over

    @property
    def actions(self) -> Actions:
        """The engines."""
        return self.arming.actions

    @property
    def world(self) -> World:
        """Both ledgers."""
        return self.arming.world

    # --- what happens

    def arm(self, rate: Rate, day: int = E, *, late: bool = False, **changed: Any) -> EventRecord:
        """A ratio is armed on both ledgers, or at home alone; a late one is carried later."""
        number = len(self.ratios) + 1
        record = ratio_event(number, rate, day, unit_epoch=number - 1, **changed)
        self.arming.in_force(record)
        self.arming.arm(record)
        if not late:
            self.arming.take(self.arming.ratio(record))
        self.ratios.append(record)
        return record

    def begin(self, day: int, seconds: int = 60) -> None:
        """A business day begins on both ledgers; what accounts hold at each close is noted."""
        for side in self.sides:
            today = int(side.token.business_day())
            if day > today:
                holdings = {str(who.address): side.balance(who) for who in self.holders(side)}
                begin(side, today + 1)
                for closed in range(today, day):
                    self.held[side.chain.name, closed] = (
                        holdings if closed == today else self.now(side, closed)
                    )
                begin(side, day, seconds)
        self.world.synchronise()

    def now(self, side: Side, day: int) -> dict[str, int]:
        """What accounts hold on a day on which nobody does anything."""
        begin(side, day, 60)
        return {str(who.address): side.balance(who) for who in self.holders(side)}

    @staticmethod
    def holders(side: Side) -> tuple[Account, ...]:
        """Whoever may have units there."""
        return side.investor, side.buyer, side.fund, side.outsider

    def lock(self, amount: int, to: Any = None, days: int = 60) -> LaneMessage:
        """The investor's units leave home."""
        return self._sent(self.world.network.lock, self.home, self.remote, amount, to, days)

    def burn(self, amount: int, to: Any = None, days: int = 60) -> LaneMessage:
        """The investor's units leave the remote ledger."""
        return self._sent(self.world.network.burn, self.remote, self.home, amount, to, days)

    def _sent(
        self, leave: Any, side: Side, there: Side, amount: int, to: Any, days: int
    ) -> LaneMessage:
        deadline = side.chain.now + days * DAY
        message = leave(side.investor, to or there.investor, amount, deadline=deadline)
        assert isinstance(message, LaneMessage)
        self.world.synchronise()
        self.messages.append(message)
        return message

    def deliver(self, message: LaneMessage) -> bool:
        """A courier delivers a message; whether its recipient was credited."""
        return bool(self.world.deliver(message).return_value)

    def give_back(self, message: LaneMessage) -> LaneMessage:
        """What waits past its deadline goes back."""
        side = self.world.side_of(message)
        receipt = side.escrow.return_to_source(message.as_tuple(), sender=side.courier)
        answer = message_of(receipt.one("MessageSent"))
        self.world.synchronise()
        self.messages.append(answer)
        self.answers[message.id] = answer
        return answer

    def land_all(self) -> None:
        """Outsiders are admitted, and every message lands; units of nothing end too."""
        network = self.world.network
        for name, side in zip(("home", "remote"), self.sides, strict=True):
            network.admit(network.suite(name), side.outsider, ELIGIBLE_UNTIL)
        for message in list(self.messages):
            side = self.world.side_of(message)
            if not side.escrow.has_arrived(message.lane, message.nonce):
                self.world.deliver(message)
            elif message.id not in self.answers and side.escrow.suspended(message.id):
                network.claim(message)

    # --- the cut

    def fix(self, record: EventRecord) -> None:
        """Figures of the record day come home, home fixes, the remote ledger takes its totals."""
        if not self.home.engine.figures_at(self.lane, record.record_day)[0]:
            self.actions.take_figures(self.arming.figures(record.record_day))
        self.actions.fix(record)
        self.actions.fix_lane(record)
        self.actions.take_totals(record)

    def carry(
        self, ratio: EventRecord, first_day: int = 0, hints: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """Home carries the lane over a ratio that is in force on both ledgers."""
        self.arming.carried(ratio, first_day, hints)

    def fund(self, record: EventRecord) -> None:
        """Every part is paid in for."""
        for side in self.sides:
            for key in (ACCOUNTS, self.lane):
                self.actions.fund(side, record, key)

    # --- what is owed, reckoned here

    def carried(self, amount: int, since: int, until: int) -> int:
        """Units of one epoch in those of another, rounded down at each ratio."""
        for ratio in self.ratios[since:until]:
            assert ratio.rate is not None
            amount = ratio.rate.down(amount)
        return amount

    def crossing(self, record: EventRecord) -> Iterator[tuple[LaneMessage, Landing]]:
        """Messages under way at a close: their landing, or that they went back."""
        for message in self.messages:
            side = self.world.side_of(message)
            left = business_day(message.lock_time, CLOSE_MINUTE)
            landing = Landing.unpack(int(side.escrow.landed(message.id)))
            if landing is not None and left <= record.record_day < landing.day:
                yield message, landing

    def pay(
        self, record: EventRecord, but: tuple[Account, ...] = ()
    ) -> dict[tuple[str, bytes], int]:
        """Pay everybody and return the units paid, by ledger and part, as reckoned here.

        `but` whom home has paid before.
        """
        coaf, paid = record.as_tuple()[2], dict[tuple[str, bytes], int]()
        for side in self.sides:
            name = side.chain.name
            held = self.held[name, record.record_day]
            since = int(side.token.epoch_on(record.record_day))
            for account in self.holders(side):
                units = self.carried(held[str(account.address)], since, record.unit_epoch)
                if units and (side is self.remote or account not in but):
                    receipt = side.engine.claim(coaf, account, 0, sender=account)
                    assert receipt.one("Paid").payment.units == units
                    paid[name, ACCOUNTS] = paid.get((name, ACCOUNTS), 0) + units
        for message, landing in self.crossing(record):
            side = self.world.side_of(message)
            name = side.chain.name
            units = self.carried(message.amount, message.action_epoch, record.unit_epoch)
            paid[name, self.lane] = paid.get((name, self.lane), 0) + units
            if landing.how is Landed.WENT_BACK:
                self._went_back(record, side, message, units)
                continue
            receipt = side.engine.claim_crossed(coaf, message.as_tuple(), sender=side.courier)
            assert receipt.one("Paid").payment.units == units
        return paid

    def _went_back(self, record: EventRecord, side: Side, message: LaneMessage, units: int) -> None:
        """Given up where it was bound for, and paid where it landed."""
        coaf, answer = record.as_tuple()[2], self.answers[message.id]
        assert answer.kind & RETURNED
        receipt = side.engine.give_up(coaf, message.as_tuple(), sender=side.courier)
        assert receipt.one("GivenUp").units == units
        there = self.home if side is self.remote else self.remote
        arguments = (coaf, message.as_tuple(), answer.nonce, answer.lock_time)
        receipt = there.engine.pay_returned(*arguments, sender=there.paying_agent)
        assert receipt.one("Paid").payment.units == units

    def left(self, record: EventRecord) -> dict[tuple[str, bytes], int]:
        """What is left of each part, in units."""
        coaf = record.as_tuple()[2]
        return {
            (side.chain.name, key): int(side.engine.part_of(coaf, key)[1])
            for side in self.sides
            for key in (ACCOUNTS, self.lane)
        }

    def most_left(self, record: EventRecord, key: bytes) -> int:
        """Base units that no claim reaches, at most, of a part.

        Each ratio leaves less than one of each account or message, and of the sums that home keeps
        of custody and suspense; ratios after it make of that what they make of all units.
        """
        each = len(self.messages) + 2 if key == self.lane else len(self.holders(self.home))
        most = 0
        for ratio in self.ratios[: record.unit_epoch]:
            assert ratio.rate is not None
            most = -(-most * ratio.rate.numerator // ratio.rate.denominator) + each
        return most

    def is_paid_out(self, record: EventRecord) -> bool:
        """Whether nothing but such remainders is left of any part."""
        return all(
            0 <= units <= self.most_left(record, key)
            for (_, key), units in self.left(record).items()
        )

    def fixed(self, record: EventRecord) -> dict[tuple[str, bytes], int]:
        """What was fixed, by ledger and part."""
        coaf, home = record.as_tuple()[2], self.home.engine
        share = home.share_of(coaf, self.lane)
        return {
            ("home", ACCOUNTS): int(home.share_of(coaf, ACCOUNTS).accounts),
            ("home", self.lane): int(share.home_crossing),
            ("remote", ACCOUNTS): int(share.accounts),
            ("remote", self.lane): int(share.crossing),
        }

    def state(self, ratio: EventRecord, side: Side) -> RatioState:
        """Where a ratio stands on a ledger."""
        return RatioState(self.arming.standing(side, ratio).state)
