"""Any play of both ledgers with several events at once, paid while units go on moving.

The play of `test_cut_on_chain`, with bars and freezes, tax categories, funding and payments as acts
of their own in any order. The invariants are asked of the contracts after every act; what each is
owed is counted from balances as they were seen at the close.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.entitlement import Entitlement, Rate, entitlement
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import PAGE, words_of
from tallystick.token.position import business_day
from tests.actions.test_cut_on_chain import (
    _FIRST,
    _KINDS,
    ADMITTED,
    LAST_DAY,
    LATER,
    Play,
    Stood,
    check_split,
    hint,
    land_all,
)
from tests.support.actions import ACCOUNTS, APPLE, CLOSE_MINUTE, TAXES, Actions, begin
from tests.support.world import AMOUNT_MAX, ELIGIBLE_UNTIL, STATED, Side, read_slot, refused

EVERYBODY: Final = (*ADMITTED, *LATER)
# Days from the first to each record day, and what a base unit is paid.
EVENTS: Final = ((3, Rate(41, 50)), (4, Rate(1, 3)), (4, Rate(7)))


@dataclass(frozen=True)
class Seen(Stood):
    """What stood on a ledger, and what each account of the play held."""

    holders: dict[str, int]


@dataclass(frozen=True)
class Claim:
    """Who is owed for what by an event: an account of the play, or for a message that landed."""

    record: EventRecord
    side: Side
    party: str
    units: int
    message: LaneMessage | None = None

    @property
    def coaf(self) -> bytes:
        """The event."""
        return bytes(self.record.as_tuple()[2])

    @property
    def part(self) -> tuple[str, bytes, bytes]:
        """Ledger, event and lane whose cash it is paid with."""
        return self.side.chain.name, self.coaf, self.message.lane if self.message else ACCOUNTS

    @property
    def key(self) -> tuple[str, bytes, str]:
        """What it is paid once for."""
        return (
            self.side.chain.name,
            self.coaf,
            self.message.id.hex() if self.message else self.party,
        )


@dataclass
class Paying(Play):
    """The play, and what it has paid."""

    category: dict[tuple[str, str], int] = field(default_factory=dict)
    # message -> ledger and day on which it landed on an account
    landed: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    # part -> units and cash left, as counted here
    parts: dict[tuple[str, bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    withheld: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    paid: dict[tuple[str, bytes, str], Entitlement] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Home, then the other."""
        return self.actions.home, self.actions.remote

    def stands(self, side: Side) -> Seen:
        """What stands there now, and who holds it."""
        balances = {party: balance(side, side.parties[party]) for party in EVERYBODY}
        return Seen(
            supply=int(side.token.totalSupply()),
            custody=balance(side, side.custody.address),
            suspense=suspense(self, side),
            sent=self.sent[side.chain.name],
            pooled=0,
            came=0,
            holders=balances,
        )

    def run(self, act: Callable[..., None], *arguments: Any) -> None:
        """Carry out one act; every invariant holds after it."""
        super().run(act, *arguments)
        check_units(self)
        check_cash(self, every=act in (self.fund, self.pay, self.pay_rest))

    def reach(self, day: int) -> None:
        """A business day begins on both ledgers, if it has not, and what is over is cut."""
        for side in self.sides:
            if self.day(side) < day:
                self.run(begin, side, day)
        self.run(self.cut)

    # --- acts of the play that a bar refuses, and when units landed

    def transfer(self, home: bool, sender: int, receiver: int, amount: int) -> None:
        side = self.side(home)
        holder, taker = (side.parties[ADMITTED[each]] for each in (sender, receiver))
        if side.token.canTransfer(holder, taker, min(amount, side.balance(holder))):
            super().transfer(home, sender, receiver, amount)

    def issue(self, holder: int, amount: int) -> None:
        side = self.actions.home
        if side.token.canReceive(side.parties[ADMITTED[holder]]):
            super().issue(holder, amount)

    def send(self, home: bool, sender: int, receiver: int, amount: int, days: int) -> None:
        """Nothing comes too late: what goes back has plays of its own (test_paid_to_the_unit)."""
        side = self.side(home)
        if side.token.canSend(side.parties[ADMITTED[sender]]):
            super().send(home, sender, receiver, amount, max(days, 85))

    def deliver(self, which: int) -> None:
        before = list(self.pending)
        super().deliver(which)
        self._note_landed(set(before) - set(self.pending) - set(self.waiting))

    def claim(self, which: int) -> None:
        before = list(self.waiting)
        super().claim(which)
        self._note_landed(set(before) - set(self.waiting))

    def _note_landed(self, messages: set[LaneMessage]) -> None:
        for message in messages:
            side = self.actions.world.side_of(message)
            day = business_day(side.chain.block().timestamp, CLOSE_MINUTE)
            self.landed[message.id] = side.chain.name, day

    # --- bars, taxes, money

    def freeze(self, home: bool, who: int, frozen: bool) -> None:
        """The custodian freezes an account, or no longer."""
        side = self.side(home)
        account = side.parties[ADMITTED[who]]
        side.token.setAddressFrozen(account, frozen, *STATED, sender=side.custodian)

    def bar(self, home: bool, who: int, barred: bool) -> None:
        """The registrar ends an admission, or renews it."""
        side, until = self.side(home), 1 if barred else ELIGIBLE_UNTIL
        side.token.admit(side.parties[ADMITTED[who]], until, *STATED, sender=side.registrar)

    def categorise(self, home: bool, who: int, category: int) -> None:
        """The paying agent enters what an account has proven."""
        side, party = self.side(home), EVERYBODY[who]
        self.category[side.chain.name, party] = category
        account = [side.parties[party]]
        side.engine.set_tax_category(account, category, *STATED, sender=side.paying_agent)

    def fund(self, which: int) -> None:
        """Somebody pays in for a part that is fixed."""
        waiting = [
            (record, side, lane)
            for record in self.taken
            for side in self.sides
            for lane in (ACCOUNTS, self.actions.world.lane)
            if (side.chain.name, record.as_tuple()[2], lane) not in self.parts
        ]
        if waiting:
            record, side, lane = waiting[which % len(waiting)]
            self.fund_part(record, side, lane)

    def fund_part(self, record: EventRecord, side: Side, lane: bytes) -> None:
        """One part is funded in full, with what its units are due."""
        coaf = record.as_tuple()[2]
        units = units_of(side, coaf, lane)
        assert record.rate is not None
        gross = entitlement(units, record.rate).gross
        assert self.actions.fund(side, record, lane).return_value == gross
        self.parts[side.chain.name, coaf, lane] = units, gross

    def claims(self) -> Iterator[Claim]:
        """Everything that is owed and was not paid, by events that both ledgers have fixed."""
        for record in self.taken:
            for side in self.sides:
                for claim in owed(self, record, side):
                    if claim.part in self.parts and claim.key not in self.paid:
                        yield claim

    def pay(self, which: int) -> None:
        """One that is owed is paid, on or after the payment day of its ledger."""
        due = [c for c in self.claims() if self.day(c.side) >= c.record.payment_day]
        if due:
            self.pay_one(due[which % len(due)])

    def pay_rest(self) -> None:
        """All that is owed is paid."""
        for claim in list(self.claims()):
            self.pay_one(claim)

    def pay_one(self, claim: Claim) -> None:
        """The holder claims; when relief has ended anybody does, and accounts are pushed."""
        side, account = claim.side, claim.side.parties[claim.party]
        engine, day, today = side.engine, claim.record.record_day, self.day(claim.side)
        anybody = today > claim.record.relief_until
        sender = side.courier if anybody else account
        if claim.message:
            receipt = engine.claim_crossed(claim.coaf, claim.message.as_tuple(), sender=sender)
        else:
            by = hint(partial(side.token.entitled_at_close, account), day, today)
            if anybody:
                receipt = engine.push(claim.coaf, [account], [by], sender=sender)
            else:
                receipt = engine.claim(claim.coaf, account, by, sender=sender)
        assert claim.record.rate is not None
        tax = TAXES.rate_of(self.category.get((side.chain.name, claim.party), 0))
        due = entitlement(claim.units, claim.record.rate, tax)
        assert tuple(receipt.one("Paid").payment) == (due.units, due.gross, due.tax)
        units, cash = self.parts[claim.part]
        self.parts[claim.part] = units - due.units, cash - due.gross
        self.withheld[claim.part[:2]] += due.tax
        self.paid[claim.key] = due


def balance(side: Side, account: Any) -> int:
    """Units of an account, from storage: a hundred times cheaper than a call."""
    return read_slot(side.token, "book", "_positions", account) & AMOUNT_MAX


def suspense(play: Play, side: Side) -> int:
    """Units that wait for recipients who can't take them yet, from storage too."""
    return read_slot(side.escrow, "lanes", "_suspense", play.actions.world.lane) & AMOUNT_MAX


def units_of(side: Side, coaf: bytes, lane: bytes) -> int:
    """What a part of a ledger was fixed to."""
    engine = side.engine
    if engine.is_home():
        share = engine.share_of(coaf, lane)
        return int(share.accounts if lane == ACCOUNTS else share.home_crossing)
    share = engine.share_of(coaf, ACCOUNTS)
    return int(share.accounts if lane == ACCOUNTS else share.crossing)


def owed(play: Paying, record: EventRecord, side: Side) -> Iterator[Claim]:
    """What an event owes on a ledger, from what was seen; of messages, those that landed there."""
    day, name = record.record_day, side.chain.name
    seen = play.closings[name, day]
    assert isinstance(seen, Seen)
    for party, units in seen.holders.items():
        if units:
            yield Claim(record, side, party, units)
    for message in play.messages:
        where, landed = play.landed.get(message.id, ("", 0))
        if where == name and business_day(message.lock_time, CLOSE_MINUTE) <= day < landed:
            recipient = "0x" + message.recipient[12:].hex()
            party = next(p for p in EVERYBODY if side.parties[p].address.lower() == recipient)
            yield Claim(record, side, party, message.amount, message)


# ------------------------------------------------------------------------- invariants


def check_units(play: Paying) -> None:
    """INV-1 to INV-5: every unit is in one place, every message took effect as often as it did."""
    (home, remote), world = play.sides, play.actions.world
    for side in play.sides:
        held = sum(balance(side, side.parties[party]) for party in EVERYBODY)
        assert side.token.totalSupply() == held + balance(side, side.custody.address)
        waits = sum(m.amount for m in play.waiting if world.side_of(m) is side)
        assert suspense(play, side) == waits
    under_way = sum(message.amount for message in play.pending)
    owed_to_lane = balance(home, home.custody.address) - suspense(play, home)
    assert owed_to_lane == remote.token.totalSupply() + under_way
    assert balance(remote, remote.custody.address) == suspense(play, remote)
    for message in play.messages[-3:]:
        source, target = (home, remote) if message.kind == 1 else (remote, home)
        sent = {m.nonce: m.id for m in play.messages if m.kind == message.kind}
        page = message.nonce // PAGE
        assert source.escrow.outbox(world.lane, page) == words_of(sent)[page]
        arrived = target.escrow.has_arrived(world.lane, message.nonce)
        assert arrived is (message not in play.pending)


def check_cash(play: Paying, *, every: bool) -> None:
    """INV-6: of each part is left what was not paid, never more than was paid in.

    Parts are asked for one by one after acts that move cash; after others it is all there.
    """
    for side in play.sides:
        name, held = side.chain.name, 0
        for (where, coaf, lane), (units, cash) in play.parts.items():
            if where == name:
                assert min(units, cash) >= 0
                if every:
                    assert tuple(side.engine.part_of(coaf, lane)) == (True, units, cash)
                held += cash
        taxed = sum(tax for (where, _), tax in play.withheld.items() if where == name)
        assert side.cash.balanceOf(side.engine) == held + taxed


def settle(play: Paying) -> None:
    """Everybody is let in, all lands, every part is funded and all are paid; then nobody is."""
    for home in (True, False):
        for who in range(len(ADMITTED)):
            play.run(play.freeze, home, who, False)
            play.run(play.bar, home, who, False)
    land_all(play)
    play.reach(max(record.relief_until for record in play.records) + 1)
    while len(play.parts) < 4 * len(play.records):
        play.run(play.fund, 0)
    play.run(play.pay_rest)
    assert not list(play.claims())
    for record in play.records:
        issue = play.closings["home", record.record_day].supply
        mine = [due for (_, coaf, _), due in play.paid.items() if coaf == record.as_tuple()[2]]
        assert sum(due.units for due in mine) == issue
    for units, cash in play.parts.values():
        assert units == 0
        assert cash < len(play.paid)
    side, account = play.actions.home, play.actions.home.investor
    for record in play.records:
        key = ("home", record.as_tuple()[2], "investor")
        if key in play.paid:
            by = hint(
                partial(side.token.entitled_at_close, account), record.record_day, play.day(side)
            )
            with refused(play.actions.world, "payments: paid already"):
                side.engine.claim(key[1], account, by, sender=account)


# ------------------------------------------------------------------------------- plays

_sides, _who, _which = st.booleans(), st.integers(0, 2), st.integers(0, 30)
_ACTS: Final[dict[st.SearchStrategy[tuple[Any, ...]], int]] = {
    st.tuples(st.just("freeze"), _sides, _who, st.booleans()): 1,
    st.tuples(st.just("bar"), _sides, _who, st.booleans()): 1,
    st.tuples(st.just("categorise"), _sides, st.integers(0, 4), st.integers(0, 3)): 2,
    st.tuples(st.just("cut")): 2,
    st.tuples(st.just("fund"), _which): 4,
    st.tuples(st.just("pay"), _which): 8,
    st.tuples(st.just("tick"), _sides, st.sampled_from([24, 40])): 3,
}
_kinds = _KINDS + [kind for kind, often in _ACTS.items() for _ in range(often)]
_steps = st.lists(st.sampled_from(_kinds).flatmap(lambda kind: kind), min_size=40, max_size=80)


@pytest.fixture
def announced(actions: Actions) -> tuple[EventRecord, ...]:
    """Three dividends, two of them of one record day, known on both ledgers; and cash."""
    today = int(actions.home.token.business_day())
    records = []
    for number, (days, rate) in enumerate(EVENTS):
        day = today + days
        record = replace(
            APPLE,
            coaf=f"US-2020-DVCA-{number:02}",
            ex=0,
            record_day=day,
            figures_by=day + 1,
            payment_day=day + 1,
            relief_until=day + 2,
            expires=day + 400,
            rate=rate,
        )
        actions.take(actions.in_force(record))
        records.append(record)
    for side in (actions.home, actions.remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    return tuple(records)


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5", "INV-6")
@settings(max_examples=max(settings.default.max_examples // 8, 1))
@given(steps=_steps)
def test_events_at_once_are_paid_to_the_unit_while_units_go_on_moving(
    actions: Actions, announced: tuple[EventRecord, ...], steps: list[tuple[Any, ...]]
) -> None:
    with actions.world.isolated():
        play = Paying(actions, announced, {})
        middle = announced[0].payment_day
        last = middle - EVENTS[0][0] - 1 + LAST_DAY
        half = len(steps) // 2
        for name, *arguments in _FIRST + steps[:half]:
            play.run(getattr(play, name), *arguments)
        # The first event pays while the others' record day goes on.
        play.reach(middle)
        for _ in range(4):
            play.run(play.fund, 0)
        for name, *arguments in steps[half:]:
            play.run(getattr(play, name), *arguments)
        play.reach(last)
        for record in announced:
            check_split(play, record)
        settle(play)
