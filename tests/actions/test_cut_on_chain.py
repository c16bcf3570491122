"""Any play of both ledgers over several record days: engines split each close as the model does.

What stood at a close is seen as it happens, from balances of that moment; no history is asked for
it. Who may claim what is counted afterwards, account by account and message by message. On either
ledger there is somebody else's bridge, and a pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.cut import Cut, HomeEnd, HomeFigures, RemoteEnd, fix
from tallystick.actions.message import Figures
from tallystick.actions.record import EventRecord
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage, message_of, party
from tallystick.chain import Contract, Revert, reverts
from tallystick.token.position import AccountClass, business_day
from tests.support.actions import CLOSE_MINUTE, Actions, begin
from tests.support.over_ratio import paid_soon
from tests.support.world import DAY, STATED, UINT_MAX, Side

# Days from the first to each record day, and to the end of all plays.
RECORD_DAYS = (3, 4, 6)
LAST_DAY = 8
# Why a closing is not answered by a hint, in token or escrow.
UNANSWERED = ("not kept, or give a hint", "hint is no later opening")
ADMITTED = ("investor", "buyer", "fund")
LATER = ("outsider", "attacker")
POOL = "courier"


@dataclass(frozen=True)
class Stood:
    """What stood on a ledger at a moment, but for what its accounts held: that it is asked for."""

    supply: int
    custody: int
    suspense: int
    sent: int
    pooled: int
    came: int


@dataclass
class Play:
    """Both ledgers, what was seen of each close, and every message."""

    actions: Actions
    records: tuple[EventRecord, ...]
    bridges: dict[str, Contract]
    sent: Counter[str] = field(default_factory=Counter)
    came: Counter[str] = field(default_factory=Counter)
    # Units with the bridges: the day on which each left.
    away: list[int] = field(default_factory=list)
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
        """What stands there now; what was sent and carried this test has counted."""
        return Stood(
            supply=int(side.token.totalSupply()),
            custody=side.balance(side.custody),
            suspense=int(self.actions.world.lane_state(side).suspense),
            sent=self.sent[side.chain.name],
            pooled=side.balance(side.parties[POOL]),
            came=self.came[side.chain.name],
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

    def carry(self, home: bool, inward: bool, holder: int, amount: int) -> None:
        """Somebody else's bridge takes units out, or brings such in, on that day or a later one."""
        side = self.side(home)
        name, today = side.chain.name, self.day(side)
        account, bridge = side.parties[ADMITTED[holder]], self.bridges[name].address
        if not inward:
            units = min(amount, side.balance(account))
            side.token.crosschainBurn(account, units, sender=bridge)
            self.came[name] -= units
            self.away += [today] * units
            return
        most = -self.came[name] if home else amount
        units = min(amount, most, sum(left <= today for left in self.away))
        side.token.crosschainMint(account, units, sender=bridge)
        self.came[name] += units
        for _ in range(units):
            self.away.remove(next(left for left in self.away if left <= today))

    def pool(self, home: bool, inward: bool, holder: int, amount: int) -> None:
        """Units go to a pool or leave it."""
        side = self.side(home)
        account, pool = side.parties[ADMITTED[holder]], side.parties[POOL]
        sender, receiver = (account, pool) if inward else (pool, account)
        side.token.transfer(receiver, min(amount, side.balance(sender)), sender=sender)

    def issue(self, holder: int, amount: int) -> None:
        """The issue grows."""
        network = self.actions.world.network
        network.issue([(self.actions.home.parties[ADMITTED[holder]], amount)])

    def send(self, home: bool, sender: int, receiver: int, amount: int, days: int) -> None:
        """Units leave a ledger, for a holder or for somebody who can't take them yet."""
        side, network = self.side(home), self.actions.world.network
        there = self.side(not home)
        holder = side.parties[ADMITTED[sender]]
        units = min(amount, side.balance(holder))
        if units:
            recipient = there.parties[(*ADMITTED, *LATER)[receiver]]
            leave = network.lock if home else network.burn
            message = leave(holder, recipient, units, deadline=side.chain.now + days * DAY)
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

    def give_back(self, which: int) -> None:
        """What waits past its deadline goes back, as a message of its own."""
        if not self.waiting:
            return
        message = self.waiting[which % len(self.waiting)]
        side = self.actions.world.side_of(message)
        if not is_late(message, side):
            return
        self.waiting.remove(message)
        receipt = side.escrow.return_to_source(message.as_tuple(), sender=side.courier)
        answer = message_of(receipt.one("MessageSent"))
        self.sent[side.chain.name] += answer.amount
        self.pending.append(answer)
        self.messages.append(answer)

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
        recipient = "0x" + message.recipient[12:].hex()
        if side.token.canReceive(recipient) and not is_late(message, side):
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


def is_late(message: LaneMessage, side: Side) -> bool:
    """Whether a message goes back from where it is, by the clock of the next block there."""
    return message.is_late(side.chain.now + 1)


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


def hints_of(actions: Actions, side: Side, day: int) -> tuple[int, int, int, int, int]:
    """Hints for the supply, for custody, suspense, what was sent, and what bridges carried."""
    lane, today = actions.world.lane, int(side.token.business_day())
    views: tuple[Callable[..., Any], ...] = (
        side.token.supply_at_close,
        partial(side.token.balance_at_close, side.custody),
        partial(side.escrow.suspense_at_close, lane),
        partial(side.escrow.sent_at_close, lane),
        side.token.came_at_close,
    )
    supply, custody, suspense, sent, came = (hint(view, day, today) for view in views)
    return supply, custody, suspense, sent, came


def cut(actions: Actions, record: EventRecord) -> None:
    """Anyone: figures told and taken, home's accounts and the lane fixed, totals taken.

    Events of one record day share its figures.
    """
    day = record.record_day
    if not actions.home.engine.figures_at(actions.world.lane, day)[0]:
        supply, custody, _, sent, came = hints_of(actions, actions.remote, day)
        told = actions.send_figures(day, hints=(supply, custody, sent, came)).one("FiguresSent")
        actions.take_figures(Figures(*told.figures))
    supply, custody, suspense, sent, came = hints_of(actions, actions.home, day)
    actions.fix(record, supply, (custody,), came)
    actions.fix_lane(record, (custody, suspense, sent))
    actions.take_totals(record)


def reference(play: Play, day: int) -> Cut:
    """The cut of what was seen."""
    home, remote = (play.closings[side, day] for side in ("home", "remote"))
    lane = play.actions.world.network.lane
    end = HomeEnd(home.custody - home.suspense, home.suspense, home.sent)
    told = RemoteEnd(remote.supply, remote.suspense, remote.sent, remote.came, remote.pooled)
    assert remote.custody == remote.suspense
    own = HomeFigures(home.supply, home.custody, home.pooled, bridged_out=-home.came)
    return fix(own, {lane: end}, {lane: told})


def check_split(play: Play, record: EventRecord) -> Cut:
    """Both engines say what the reference says, and it is the whole issue (INV-6).

    Of what accounts hold they don't know what is in pools.
    """
    actions, coaf = play.actions, record.as_tuple()[2]
    lane = actions.world.network.lane
    expected = reference(play, record.record_day)
    assert expected.breaks == ()
    share = expected.shares[lane]
    home, remote = actions.home.engine, actions.remote.engine
    own, there = expected.accounts + expected.pooled, share.accounts + share.pooled
    elsewhere = party(actions.home.token.address)
    assert tuple(home.share_of(coaf, bytes(32))) == (True, 0, own, 0)
    assert tuple(home.share_of(coaf, elsewhere)) == (
        expected.elsewhere > 0,
        expected.elsewhere,
        0,
        0,
    )
    parts = (True, share.home_crossing, there, share.crossing)
    assert tuple(home.share_of(coaf, lane)) == parts
    assert tuple(remote.share_of(coaf, lane)) == (True, 0, there, share.crossing)
    stood = play.closings["home", record.record_day]
    assert own + expected.elsewhere + sum(parts[1:]) == stood.supply - stood.came == expected.issue
    return expected


def crossed(play: Play, home: bool, day: int) -> int:
    """Units of messages that landed on a ledger, and were under way or waited at that close.

    Of those that went back since, cash is given up there; they are paid where they landed.
    """
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
    for name in (*ADMITTED, *LATER, POOL, "custody"):
        account = side.custody if name == "custody" else side.parties[name]
        by = hint(partial(token.balance_at_close, account), day, today)
        units += int(token.entitled_at_close(account, day, by))
    return units


def pooled(play: Play, side: Side, day: int) -> int:
    """Units that can be set aside for the pools of a ledger."""
    token, today = side.token, int(side.token.business_day())
    view = partial(token.pooled_at_close, side.parties[POOL])
    return int(view(day, hint(view, day, today)))


def check_claims(play: Play, record: EventRecord, expected: Cut) -> None:
    """Once everything has landed, each reserve is claimed to the unit."""
    day, home, remote = record.record_day, play.actions.home, play.actions.remote
    share = expected.shares[play.actions.world.network.lane]
    assert entitled(play, home, day) == expected.accounts
    assert entitled(play, remote, day) == share.accounts
    assert pooled(play, home, day) == expected.pooled
    assert pooled(play, remote, day) == share.pooled
    assert crossed(play, True, day) == share.home_crossing
    assert crossed(play, False, day) == share.crossing


def check_returns(play: Play, day: int) -> None:
    """Units that went back after a close are paid where they landed, to whom they had left, once.

    For each what was given up is there to be paid.
    """
    messages = {message.id: message for message in play.messages}
    for answer in play.messages:
        if answer.origin is None:
            continue
        message = messages[answer.origin]
        source, bound = (play.actions.world.side_of(each) for each in (answer, message))
        left, back = (business_day(each.lock_time, CLOSE_MINUTE) for each in (message, answer))
        gone = Landing.unpack(int(bound.escrow.landed(message.id)))
        assert gone == Landing(back, Landed.WENT_BACK)
        if left <= day < back:
            landed = Landing.unpack(int(source.escrow.landed(answer.id)))
            assert landed is not None
            assert (answer.amount, answer.recipient) == (message.amount, message.sender)


def land_all(play: Play) -> None:
    """Clocks meet, everybody is admitted, every message lands; what is late goes back first."""
    play.run(play.catch_up)
    for home in (True, False):
        for who in range(len(LATER)):
            play.run(play.admit, home, who)
    while play.pending or play.waiting:
        play.run(play.deliver, 0)
        play.run(play.claim, 0)
        play.run(play.give_back, 0)


_sides, _holders, _which = st.booleans(), st.integers(0, 2), st.integers(0, 9)
_amounts = st.sampled_from([1, 2, 7, 30, 90])
# How often, of how many acts; hypothesis would flatten `one_of` and choose all alike.
_ACTS: dict[st.SearchStrategy[tuple[Any, ...]], int] = {
    st.tuples(
        st.just("send"), _sides, _holders, st.integers(0, 4), _amounts, st.sampled_from([1, 3, 60])
    ): 6,
    st.tuples(st.just("deliver"), _which): 5,
    st.tuples(st.just("tick"), _sides, st.sampled_from([1, 5, 12, 24, 40])): 2,
    st.tuples(st.just("to_close"), _sides, st.integers(-2, 1)): 2,
    st.tuples(st.just("catch_up")): 2,
    st.tuples(st.just("claim"), _which): 1,
    st.tuples(st.just("give_back"), _which): 2,
    st.tuples(st.just("admit"), _sides, st.integers(0, 1)): 1,
    st.tuples(st.just("transfer"), _sides, _holders, _holders, _amounts): 1,
    st.tuples(st.just("issue"), _holders, st.integers(1, 9)): 1,
    st.tuples(st.just("cut")): 1,
}
# What other people's bridges and pools do.
_OTHERS: dict[st.SearchStrategy[tuple[Any, ...]], int] = {
    st.tuples(st.just("carry"), _sides, st.booleans(), _holders, _amounts): 3,
    st.tuples(st.just("pool"), _sides, st.booleans(), _holders, _amounts): 1,
}
_KINDS = [kind for kind, often in _ACTS.items() for _ in range(often)]
_steps = st.lists(
    st.sampled_from(
        _KINDS + [kind for kind, often in _OTHERS.items() for _ in range(often)]
    ).flatmap(lambda kind: kind),
    # Long enough that most plays have something under way at some close.
    min_size=30,
    max_size=60,
)
# Everybody has units there before chance has its way.
_FIRST: list[tuple[Any, ...]] = [
    *(("send", True, 0, holder, 200, 60) for holder in range(3)),
    ("catch_up",),
    *(("deliver", 0),) * 3,
]


@pytest.fixture
def bridges(actions: Actions) -> dict[str, Contract]:
    """Somebody else's bridge on each ledger, with everybody's allowance; a pool besides."""
    found = {}
    for side in (actions.home, actions.remote):
        found[side.chain.name] = bridge = side.foreign_bridge()
        for holder in ADMITTED:
            side.token.approve(bridge, UINT_MAX, sender=side.parties[holder])
        side.set_class(side.parties[POOL], AccountClass.POOL)
        side.token.admit(side.parties[POOL], 40_000, *STATED, sender=side.registrar)
    return found


@pytest.fixture
def announced(actions: Actions, bridges: dict[str, Contract]) -> tuple[EventRecord, ...]:
    """A dividend for each record day, known on both ledgers."""
    today = int(actions.home.token.business_day())
    records = tuple(paid_soon(days, today + days) for days in RECORD_DAYS)
    for record in records:
        actions.take(actions.in_force(record))
    return records


@pytest.mark.requirement("R-41", "R-42", "INV-6")
@settings(max_examples=max(settings.default.max_examples // 2, 1))
@given(steps=_steps)
def test_every_close_is_split_as_the_reference_splits_it(
    actions: Actions,
    bridges: dict[str, Contract],
    announced: tuple[EventRecord, ...],
    steps: list[tuple[Any, ...]],
) -> None:
    with actions.world.isolated():
        play = Play(actions, announced, bridges)
        last = int(actions.home.token.business_day()) + LAST_DAY
        for name, *arguments in _FIRST + steps:
            play.run(getattr(play, name), *arguments)
        for home in (True, False):
            if play.day(play.side(home)) < last:
                play.run(begin, play.side(home), last)
        play.run(play.cut)
        cuts = [check_split(play, record) for record in announced]
        land_all(play)
        for record, split in zip(announced, cuts, strict=True):
            check_claims(play, record, split)
            check_returns(play, record.record_day)
            assert check_split(play, record) == split
