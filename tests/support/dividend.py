"""A dividend over two ledgers with units between them at the close of its record day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from tallystick.actions.entitlement import Entitlement, Rate, entitlement
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Event
from tests.support.actions import (
    ACCOUNTS,
    APPLE,
    COAF,
    STATUTORY,
    Actions,
    begin,
)
from tests.support.world import (
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    STATED,
    BothSides,
    Side,
    World,
    refused,
)

# Base units: on the remote investor's account, and of that on the buyer's; under way to the remote
# investor and to the fund at home; waiting for the outsider, who is not admitted yet.
ABROAD, BOUGHT, OUTWARD, HOMEWARD, WAITING = 5_000_003, 1_000_001, 3_000_007, 2_000_003, 1_000_009
# What holders have at the close.
AT_HOME = INVESTOR_UNITS - ABROAD - OUTWARD - WAITING
INVESTOR_ABROAD = ABROAD - BOUGHT - HOMEWARD


@dataclass(frozen=True)
class Dividend(BothSides):
    """Announced, carried, closed and fixed on both ledgers; terms are set, nothing is funded, and
    nothing that was under way has landed."""

    actions: Actions
    record: EventRecord
    outward: LaneMessage
    homeward: LaneMessage
    waiting: LaneMessage

    @classmethod
    def fixed(cls, world: World, record: EventRecord = APPLE, hidden: int = 0) -> Self:
        """Bring a world there; of the remote ledger's supply so much is not told."""
        actions, home, remote = Actions(world), world.home, world.remote
        for side in (home, remote):
            actions.set_pay_terms(side)
            actions.give_cash(side, side.paying_agent)
        actions.take(actions.in_force(record))
        for side in (home, remote):
            begin(side, record.record_day)
        world.arrived(ABROAD)
        remote.token.transfer(remote.buyer, BOUGHT, sender=remote.investor)
        waiting = world.locked(WAITING, remote.outsider)
        world.deliver(waiting)
        outward = world.locked(OUTWARD)
        homeward = world.burned(HOMEWARD)
        actions.close(record.record_day)
        figures = actions.figures(record.record_day)
        actions.take_figures(replace(figures, supply=figures.supply - hidden))
        actions.fix(record)
        actions.fix_lane(record)
        actions.take_totals(record)
        return cls(actions, record, outward, homeward, waiting)

    @property
    def world(self) -> World:
        """Both ledgers."""
        return self.actions.world

    @property
    def parts(self) -> Iterator[tuple[Side, bytes, int]]:
        """Every part: where, of which lane, how many units were fixed."""
        accounts, crossing = ABROAD - HOMEWARD, OUTWARD + WAITING
        home = INVESTOR_UNITS + 10**11 - ABROAD - OUTWARD - WAITING
        yield self.home, ACCOUNTS, home
        yield self.home, self.lane, HOMEWARD
        yield self.remote, ACCOUNTS, accounts
        yield self.remote, self.lane, crossing

    @contextmanager
    def isolated(self) -> Iterator[Self]:
        """Undo what the block does."""
        with self.world.isolated():
            yield self

    def fund(self) -> Self:
        """Every part is paid in for."""
        for side, lane, _ in self.parts:
            self.actions.fund(side, self.record, lane)
        return self

    def begin(self, day: int) -> Self:
        """A business day begins on both ledgers."""
        for side in self.sides:
            begin(side, day)
        return self

    def fund_of(self, side: Side, lane: bytes = ACCOUNTS) -> Self:
        """One part of one ledger is paid in for."""
        self.actions.fund(side, self.record, lane)
        return self

    def land(self) -> Self:
        """What was between ledgers lands."""
        self.lands(self.outward, self.remote.investor)
        self.lands(self.homeward, self.home.fund)
        return self.lands_waiting()

    def lands_waiting(self) -> Self:
        """Who what waits is for is admitted, and claims it."""
        network = self.world.network
        network.admit(network.suite("remote"), self.remote.outsider, ELIGIBLE_UNTIL)
        return self.lands(self.waiting, self.remote.outsider)

    def lands(self, message: LaneMessage, account: Account) -> Self:
        """A message lands with its recipient; past its deadline two roles have it so."""
        side = self.world.side_of(message)
        arrived = side.escrow.has_arrived(message.lane, message.nonce)
        if not arrived and self.world.deliver(message).return_value:
            return self
        if side.chain.now < message.deadline:
            self.world.network.claim(message)
        else:
            redirected = (message.as_tuple(), account, *STATED)
            side.escrow.propose_redirect(*redirected, sender=side.registrar)
            side.escrow.redirect(*redirected, sender=side.custodian)
        return self

    def paying(self) -> Self:
        """Every part is paid in for, all has landed, and the payment day has come."""
        return self.fund().land().begin(self.record.payment_day)

    def open_to_all(self) -> Self:
        """The same on the day after relief ends, on which anybody claims."""
        return self.fund().land().begin(self.record.relief_until + 1)

    def due(self, units: int, tax: Rate = STATUTORY) -> Entitlement:
        """What units are paid."""
        assert self.record.rate is not None
        return entitlement(units, self.record.rate, tax)

    def paid(
        self,
        side: Side,
        account: Any,
        units: int,
        tax: Rate = STATUTORY,
        *,
        receiver: Any = None,
        message: LaneMessage | None = None,
    ) -> tuple[Event, Event]:
        """The events of a payment: the engine's, then its cash."""
        due, receiver = self.due(units, tax), receiver or account
        payment = (due.units, due.gross, due.tax)
        crossed = message.id if message else bytes(32)
        return (
            side.engine.emitted("Paid", COAF, account, crossed, payment, receiver),
            side.cash.emitted("Transfer", side.engine, receiver, due.net),
        )

    def part(self, side: Side, lane: bytes = ACCOUNTS) -> tuple[bool, int, int]:
        """What is left of a part: whether it is funded, units, cash."""
        funded, units, cash = side.engine.part_of(COAF, lane)
        return bool(funded), int(units), int(cash)

    def withheld(self, side: Side, lane: bytes = ACCOUNTS) -> int:
        """Tax of a part that was not passed on yet."""
        return int(side.engine.withheld(COAF, lane))

    @contextmanager
    def refused(self, reason: str | None = None, **how: Any) -> Iterator[None]:
        """The block reverts exactly so, and nothing has changed."""
        with refused(self.world, reason, **how):
            yield


def holders(dividend: Dividend) -> Iterator[tuple[Side, Account, int]]:
    """Every account with units at the close: where, whose, how many."""
    home, remote = dividend.sides
    yield home, home.investor, AT_HOME
    yield home, home.buyer, 10**11
    yield remote, remote.investor, INVESTOR_ABROAD
    yield remote, remote.buyer, BOUGHT


def crossed(dividend: Dividend) -> Iterator[tuple[Side, Account, LaneMessage]]:
    """Every message under way at the close: where its units landed, with whom, the message."""
    home, remote = dividend.sides
    yield remote, remote.investor, dividend.outward
    yield home, home.fund, dividend.homeward
    yield remote, remote.outsider, dividend.waiting
