"""Any play of both ledgers over several record days: engines split each close as the model does.

What stood at a close is seen as it happens, from balances of that moment; no history is asked for
it. Who may claim what is counted afterwards, account by account and message by message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.cut import Cut, HomeEnd, HomeFigures, RemoteEnd, Share, fix
from tallystick.actions.message import Figures
from tallystick.actions.record import EventRecord
from tallystick.bridge.figures import Landing
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Revert, reverts
from tallystick.token.position import business_day
from tests.support.actions import APPLE, CLOSE_MINUTE, Actions, begin
from tests.support.world import DAY, Side

# Days from the first to each record day, and to the end of all plays.
RECORD_DAYS = (3, 4, 6)
LAST_DAY = 8
# Why a closing is not answered by a hint, in token or escrow.
UNANSWERED = ("not kept, or give a hint", "hint is no later opening")
ADMITTED = ("investor", "buyer", "fund")
LATER = ("outsider", "attacker")


def dividend(day: int, number: int) -> EventRecord:
    """A dividend of its own for each record day."""
    return replace(
        APPLE,
        coaf=f"US-2020-DVCA-{number:02}",
        ex=0,
        record_day=day,
        figures_by=day + 3,
        payment_day=day + 3,
        relief_until=day + 3,
        expires=day + 400,
    )


@dataclass(frozen=True)
class Stood:
    """What stood on a ledger at a moment, but for what its accounts held: that it is asked for."""

    supply: int
    custody: int
    suspense: int
    sent: int


@dataclass
class Play:
    """Both ledgers, what was seen of each close, and every message."""

    actions: Actions
    records: tuple[EventRecord, ...]
    sent: Counter[str] = field(default_factory=Counter)
    pending: list[LaneMessage] = field(default_factory=list)
    waiting: list[LaneMessage] = field(default_factory=list)
    messages: list[LaneMessage] = field(default_factory=list)
    # (ledger, day) -> what stood at its close
    closings: dict[tuple[str, int], Stood] = field(default_factory=dict)
    taken: list[EventRecord] = field(default_factory=list)

    def side(self, home: bool) -> Side:
        """One of the ledgers."""
        return self.actions.home if home else self.actions.remote

    def day(self, side: Side) -> int:
        """The business day on a ledger."""
        return int(side.token.business_day())

    def stands(self, side: Side) -> Stood:
        """What stands there now; what was sent this test has counted."""
        return Stood(
            supply=int(side.token.totalSupply()),
            custody=side.balance(side.custody),
            suspense=int(self.actions.world.lane_state(side).suspense),
            sent=self.sent[side.chain.name],
        )

    def run(self, act: Callable[..., None], *arguments: Any) -> None:
        """Carry out one act, and see what stood at whatever closes it leads over.

        What moves units is an act's last transaction: that is before the closes or after them.
        """
        sides = (self.actions.home, self.actions.remote)
        before = [(side, self.day(side), self.stands(side)) for side in sides]
        act(*arguments)
        for side, day, stood in before:
            moved = business_day(side.chain.block().timestamp, CLOSE_MINUTE)
            for closed in range(day, self.day(side)):
                at_close = stood if moved > day else self.stands(side)
                self.closings[side.chain.name, closed] = at_close

    # --- acts: each moves units at most once, in its last transaction

    def transfer(self, home: bool, sender: int, receiver: int, amount: int) -> None:
        """Units move on one ledger."""
        side = self.side(home)
        holder = side.parties[ADMITTED[sender]]
        units = min(amount, side.balance(holder))
        side.token.transfer(side.parties[ADMITTED[receiver]], units, sender=holder)

    def issue(self, holder: int, amount: int) -> None:
        """The issue grows."""
        network = self.actions.world.network
        network.issue([(self.actions.home.parties[ADMITTED[holder]], amount)])

    def send(self, home: bool, sender: int, receiver: int, amount: int) -> None:
        """Units leave a ledger, for a holder or for somebody who can't take them yet."""
        side, network = self.side(home), self.actions.world.network
        there = self.side(not home)
        holder = side.parties[ADMITTED[sender]]
        units = min(amount, side.balance(holder))
        if units:
            recipient = there.parties[(*ADMITTED, *LATER)[receiver]]
            leave = network.lock if home else network.burn
            message = leave(holder, recipient, units, deadline=side.chain.now + 60 * DAY)
            self.sent[side.chain.name] += units
            self.pending.append(message)
            self.messages.append(message)

    def deliver(self, which: int) -> None:
        """Any message arrives, in any order, unless the clock there is behind its lock time."""
        if not self.pending:
            return
        message = self.pending[which % len(self.pending)]
        world = self.actions.world
        if world.side_of(message).chain.now < message.lock_time:
            with reverts("transit: before its lock time"):
                world.deliver(message)
            return
        self.pending.remove(message)
        if not world.deliver(message).return_value:
            self.waiting.append(message)

    def admit(self, home: bool, who: int) -> None:
        """Somebody may hold from now on."""
        side, network = self.side(home), self.actions.world.network
        network.admit(network.suite(side.chain.name), side.parties[LATER[who]], 40_000)

    def claim(self, which: int) -> None:
        """Somebody gets what waits, if it may be had."""
        if not self.waiting:
            return
        message = self.waiting[which % len(self.waiting)]
        side = self.actions.world.side_of(message)
        if side.token.canReceive("0x" + message.recipient[12:].hex()):
            self.actions.world.network.claim(message)
            self.waiting.remove(message)

    def tick(self, home: bool, hours: int) -> None:
        """One ledger's clock goes on alone."""
        self.side(home).chain.advance(hours * 3_600)

    def to_close(self, home: bool, seconds: int) -> None:
        """One ledger's clock goes to the moment of its next close, or a little before or after."""
        side = self.side(home)
        if side.chain.now < close_ahead(side) + seconds:
            begin(side, self.day(side) + 1, seconds)

    def catch_up(self) -> None:
        """Both clocks show the same."""
        self.actions.world.synchronise()

    def cut(self) -> None:
        """Whatever day is over on both ledgers is cut, and both take it."""
        today = min(self.day(side) for side in (self.actions.home, self.actions.remote))
        for record in self.records:
            if record.record_day < today and record not in self.taken:
                self.taken.append(record)
                cut(self.actions, record)


def close_ahead(side: Side) -> int:
    """The next moment at which a ledger closes."""
    now = int(side.chain.now)
    return now + DAY - (now + DAY - CLOSE_MINUTE * 60) % DAY


def hint(view: Callable[..., Any], day: int, today: int) -> int:
    """A hint by which a closing is answered."""
    for each in (0, *range(day + 1, today + 1)):
        try:
            view(day, each)
        except Revert as refusal:
            if str(refusal.reason).partition(": ")[2] not in UNANSWERED:
                raise
        else:
            return int(each)
    raise AssertionError(f"the close of {day} is not answered on {today}")


def hints_of(actions: Actions, side: Side, day: int) -> tuple[int, int, int, int]:
    """Hints for the supply, for custody, suspense and what was sent."""
    lane, today = actions.world.lane, int(side.token.business_day())
    views: tuple[Callable[..., Any], ...] = (
        side.token.supply_at_close,
        partial(side.token.balance_at_close, side.custody),
        partial(side.escrow.suspense_at_close, lane),
        partial(side.escrow.sent_at_close, lane),
    )
    supply, custody, suspense, sent = (hint(view, day, today) for view in views)
    return supply, custody, suspense, sent


def cut(actions: Actions, record: EventRecord) -> None:
    """Anyone: figures told and taken, home's accounts and the lane fixed, totals taken.

    Events of one record day share its figures.
    """
    day = record.record_day
    if not actions.home.engine.figures_at(actions.world.lane, day)[0]:
        supply, custody, _, sent = hints_of(actions, actions.remote, day)
        told = actions.send_figures(day, hints=(supply, custody, sent)).one("FiguresSent")
        actions.take_figures(Figures(*told.figures))
    supply, custody, suspense, sent = hints_of(actions, actions.home, day)
    actions.fix(record, supply, (custody,))
    actions.fix_lane(record, (custody, suspense, sent))
    actions.take_totals(record)


def reference(play: Play, day: int) -> Cut:
    """The cut of what was seen."""
    home, remote = (play.closings[side, day] for side in ("home", "remote"))
    lane = play.actions.world.network.lane
    end = HomeEnd(home.custody - home.suspense, home.suspense, home.sent, refunded=0)
    told = RemoteEnd(remote.supply, remote.suspense, remote.sent, refunded=0)
    assert remote.custody == remote.suspense
    return fix(HomeFigures(home.supply, home.custody), {lane: end}, {lane: told})


def check_split(play: Play, record: EventRecord) -> Share:
    """Both engines say what the reference says, and it is the whole issue (INV-6)."""
    actions, coaf = play.actions, record.as_tuple()[2]
    lane = actions.world.network.lane
    expected = reference(play, record.record_day)
    assert (expected.breaks, expected.elsewhere) == ((), 0)
    share = expected.shares[lane]
    home, remote = actions.home.engine, actions.remote.engine
    assert tuple(home.share_of(coaf, bytes(32))) == (True, 0, expected.accounts, 0)
    parts = (True, share.home_crossing, share.accounts, share.crossing)
    assert tuple(home.share_of(coaf, lane)) == parts
    assert tuple(remote.share_of(coaf, lane)) == (True, 0, share.accounts, share.crossing)
    issue = play.closings["home", record.record_day].supply
    assert expected.accounts + sum(parts[1:]) == issue == expected.issue
    return share


def crossed(play: Play, home: bool, day: int) -> int:
    """Units of messages that landed on a ledger, and were under way or waited at that close."""
    units = 0
    for message in play.messages:
        side = play.actions.world.side_of(message)
        landing = Landing.unpack(int(side.escrow.landed(message.id)))
        if side is play.side(home) and landing is not None:
            left = business_day(message.lock_time, CLOSE_MINUTE)
            units += message.amount if left <= day < landing.day else 0
    return units


def entitled(play: Play, side: Side, day: int) -> int:
    """Units that accounts of a ledger claim for."""
    token, today = side.token, int(side.token.business_day())
    units = 0
    for name in (*ADMITTED, *LATER, "custody"):
        account = side.custody if name == "custody" else side.parties[name]
        by = hint(partial(token.balance_at_close, account), day, today)
        units += int(token.entitled_at_close(account, day, by))
    return units


def check_claims(play: Play, record: EventRecord, share: Share) -> None:
    """Once everything has landed, each reserve is claimed to the unit."""
    day, coaf = record.record_day, record.as_tuple()[2]
    home, remote = play.actions.home, play.actions.remote
    accounts = home.engine.share_of(coaf, bytes(32)).accounts
    assert entitled(play, home, day) == accounts
    assert entitled(play, remote, day) == share.accounts
    assert crossed(play, True, day) == share.home_crossing
    assert crossed(play, False, day) == share.crossing


def land_all(play: Play) -> None:
    """Clocks meet, everybody is admitted, every message lands."""
    play.run(play.catch_up)
    for home in (True, False):
        for who in range(len(LATER)):
            play.run(play.admit, home, who)
    while play.pending:
        play.run(play.deliver, 0)
    while play.waiting:
        play.run(play.claim, 0)


_sides, _holders, _which = st.booleans(), st.integers(0, 2), st.integers(0, 9)
_amounts = st.sampled_from([1, 2, 7, 30, 90])
# How often, of how many acts; hypothesis would flatten `one_of` and choose all alike.
_ACTS: dict[st.SearchStrategy[tuple[Any, ...]], int] = {
    st.tuples(st.just("send"), _sides, _holders, st.integers(0, 4), _amounts): 6,
    st.tuples(st.just("deliver"), _which): 5,
    st.tuples(st.just("tick"), _sides, st.sampled_from([1, 5, 12, 24, 40])): 2,
    st.tuples(st.just("to_close"), _sides, st.integers(-2, 1)): 2,
    st.tuples(st.just("catch_up")): 2,
    st.tuples(st.just("claim"), _which): 1,
    st.tuples(st.just("admit"), _sides, st.integers(0, 1)): 1,
    st.tuples(st.just("transfer"), _sides, _holders, _holders, _amounts): 1,
    st.tuples(st.just("issue"), _holders, st.integers(1, 9)): 1,
    st.tuples(st.just("cut")): 1,
}
_KINDS = [kind for kind, often in _ACTS.items() for _ in range(often)]
_steps = st.lists(
    st.sampled_from(_KINDS).flatmap(lambda kind: kind),
    # Long enough that most plays have something under way at some close.
    min_size=30,
    max_size=60,
)
# Everybody has units there before chance has its way.
_FIRST: list[tuple[Any, ...]] = [
    *(("send", True, 0, holder, 200) for holder in range(3)),
    ("catch_up",),
    *(("deliver", 0),) * 3,
]


@pytest.fixture
def announced(actions: Actions) -> tuple[EventRecord, ...]:
    """A dividend for each record day, known on both ledgers."""
    today = int(actions.home.token.business_day())
    records = tuple(dividend(today + days, days) for days in RECORD_DAYS)
    for record in records:
        actions.take(actions.in_force(record))
    return records


@pytest.mark.requirement("R-41", "R-42", "INV-6")
@settings(max_examples=max(settings.default.max_examples // 2, 1))
@given(steps=_steps)
def test_every_close_is_split_as_the_reference_splits_it(
    actions: Actions, announced: tuple[EventRecord, ...], steps: list[tuple[Any, ...]]
) -> None:
    with actions.world.isolated():
        play = Play(actions, announced)
        last = int(actions.home.token.business_day()) + LAST_DAY
        for name, *arguments in _FIRST + steps:
            play.run(getattr(play, name), *arguments)
        for home in (True, False):
            if play.day(play.side(home)) < last:
                play.run(begin, play.side(home), last)
        play.run(play.cut)
        shares = [check_split(play, record) for record in announced]
        land_all(play)
        for record, share in zip(announced, shares, strict=True):
            check_claims(play, record, share)
            assert check_split(play, record) == share
