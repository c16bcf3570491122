"""Claims of fractions on the two-ledger world, and what they are by arithmetic of the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import Treatment, treat
from tallystick.actions.record import PRICED, EventRecord, Rounding
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import RETURNED, LaneMessage
from tallystick.chain import Account, Receipt
from tallystick.token.ratios import Ratio
from tests.support.over_ratio import E, Over
from tests.support.world import STATED, UINT_MAX, Side, World

NO_MESSAGE: Final = bytes(32)
# Units and cash that the agent has, and lets the engine have, on each ledger.
AGENT_UNITS, AGENT_CASH = 1_000, 10**18
PAYMENT_DAY: Final = E + 6
ONE_FOR_TEN: Final = Rate(1, 10)
PRICE: Final = Rate(165, 4)


def price_of(ratio: EventRecord, rate: Rate, **changed: Any) -> EventRecord:
    """The price of a ratio's fractions, announced once it is in force."""
    price = replace(
        ratio,
        coaf=f"{ratio.coaf}-P",
        announced=ratio.record_day + 1,
        record_day=0,
        payment_day=PAYMENT_DAY,
        rate=rate,
        currency="USD",
        cash_decimals=6,
        unit_epoch=ratio.unit_epoch + 1,
        rounding=Rounding.DOWN,
    )
    return replace(price, **changed)


@dataclass(frozen=True)
class OfRecord:
    """An amount in old units that is of record on a ledger: an account's, or a message's."""

    side: Side
    account: Account
    amount: int
    message: LaneMessage | None = None
    # That took its units back, and landed.
    answer: LaneMessage | None = None

    @property
    def message_id(self) -> bytes:
        """The message; empty of an account."""
        return self.message.id if self.message else NO_MESSAGE


@dataclass
class Fractions:
    """A ratio in force on both ledgers, with all that was under way landed in new units."""

    over: Over
    ratio: EventRecord
    price: EventRecord

    @classmethod
    def of(
        cls, world: World, rounding: Rounding, rate: Rate = ONE_FOR_TEN, price: Rate = PRICE
    ) -> Fractions:
        """Units left both ways in old units, one wait, one goes back; then all land in new ones."""
        over = Over.of(world)
        ratio = over.arm(rate, rounding=rounding)
        over.begin(E - 1)
        over.lock(5_000_005)
        over.burn(2_000_003)
        over.begin(E)
        over.lock(7)
        over.burn(5)
        waits = [
            over.lock(1_000_009, over.remote.outsider),
            over.burn(700_001, over.home.outsider),
        ]
        backs = [
            over.lock(30_011, over.remote.outsider, 2),
            over.burn(20_013, over.home.outsider, 2),
        ]
        for message in (*waits, *backs):
            assert not over.deliver(message)
        over.begin(E + 1)
        over.lock(4_000_001)
        over.begin(E + 3)
        for message in backs:
            over.give_back(message)
        over.begin(PAYMENT_DAY)
        over.land_all()
        found = cls(over, ratio, price_of(ratio, price))
        if rounding in PRICED:
            over.arming.in_force(found.price)
        return found

    @property
    def coaf(self) -> bytes:
        """The ratio's event."""
        coaf = self.ratio.as_tuple()[2]
        assert isinstance(coaf, bytes)
        return coaf

    @property
    def home(self) -> Side:
        """The home ledger."""
        return self.over.home

    @property
    def remote(self) -> Side:
        """The other ledger."""
        return self.over.remote

    @property
    def as_ratio(self) -> Ratio:
        """New units for old ones."""
        rate = self.ratio.rate
        assert rate is not None
        return Ratio(rate.numerator, rate.denominator, self.ratio.record_day + 1)

    def due(self, amount: int) -> Treatment:
        """What an amount of record is given, as the package reckons."""
        rounding = self.ratio.rounding
        rate = self.price.rate if rounding in PRICED else None
        return treat(rounding.code, amount, self.as_ratio, rate or Rate(0))

    # --- what happens

    def open(self, side: Side) -> Receipt:
        """Somebody opens claims on a ledger."""
        return Receipt.of(side.engine.open_fractions(self.coaf, sender=side.courier))

    def supply_agents(self, units: int = AGENT_UNITS, cash: int = AGENT_CASH) -> None:
        """The notary authorises, the issuer issues to home's agent, who sends some by the lane;
        both agents let the engine have what they have."""
        home, remote, network = self.home, self.remote, self.over.world.network
        home.token.authorise_issuance(2 * units, *STATED, sender=home.notary)
        home.token.mint(home.fund, 2 * units, *STATED, sender=home.issuer)
        message = network.lock(home.fund, remote.fund, units)
        self.over.world.synchronise()
        assert self.over.deliver(message)
        for side in self.over.sides:
            side.token.approve(side.engine, UINT_MAX, sender=side.fund)
            side.cash.mint(side.fund, cash, sender=side.issuer)
            side.cash.approve(side.engine, UINT_MAX, sender=side.fund)

    def buyers_pay(self) -> None:
        """Whoever has a fraction has cash to buy what lacks, and lets the engine have it."""
        for side in self.over.sides:
            for account in self.over.holders(side):
                if account.address != side.fund.address:
                    side.cash.mint(account, AGENT_CASH, sender=side.issuer)
                    side.cash.approve(side.engine, UINT_MAX, sender=account)

    def claim(self, of: OfRecord, **how: Any) -> Receipt:
        """The holder claims, or who is said."""
        how = {"sender": of.account, **how}
        if of.message is None:
            receipt = of.side.engine.claim_fraction(self.coaf, of.account, 0, **how)
        else:
            nonce, lock_time = (of.answer.nonce, of.answer.lock_time) if of.answer else (0, 0)
            receipt = of.side.engine.claim_crossed_fraction(
                self.coaf, of.message.as_tuple(), nonce, lock_time, **how
            )
        assert isinstance(receipt, Receipt)
        return receipt

    # --- who is of record, reckoned from what was held and sent

    def accounts(self) -> Iterator[OfRecord]:
        """Accounts with what they held at the last close in old units."""
        for side in self.over.sides:
            held = self.over.held[side.chain.name, self.ratio.record_day]
            for account in self.over.holders(side):
                if held[str(account.address)]:
                    yield OfRecord(side, account, held[str(account.address)])

    def messages(self) -> Iterator[OfRecord]:
        """Messages that left in old units and landed in new ones, where they did."""
        by_address = {
            str(account.address).lower(): account
            for side in self.over.sides
            for account in self.over.holders(side)
        }
        for message in self.over.messages:
            if message.action_epoch or message.kind & RETURNED:
                continue
            side, answer = self.over.world.side_of(message), self.over.answers.get(message.id)
            last = answer or message
            where = self.over.world.side_of(last)
            landing = Landing.unpack(int(where.escrow.landed(last.id)))
            if landing is None or landing.day <= self.ratio.record_day:
                continue
            assert landing.how is not Landed.WENT_BACK
            party = message.sender if answer else message.recipient
            account = by_address["0x" + party[12:].hex()]
            yield OfRecord(where if answer else side, account, message.amount, message, answer)

    def all(self) -> list[OfRecord]:
        """Everything of record."""
        return [*self.accounts(), *self.messages()]
