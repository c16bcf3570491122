"""A lane's limit by itself, against what it is for, in fractions: waits, room, changes (INV-11)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.bridge.limits import Limit
from tallystick.chain import Chain, Contract, Receipt
from tallystick.chain.reverts import reverts
from tests.support.world import AMOUNT_MAX, DAY

HOUR = 3_600
# The smallest step in which what is left is counted, in seconds.
STEP = Fraction(1, 2**32)
LAST = 2**89 - 1


@dataclass(frozen=True)
class Model:
    """What the limit is for: units left to work off, evenly, and how many of them may be at once.

    `left` are units at `at`; `slack` how many seconds of work the contract may have rounded up.
    """

    limit: int
    window: int
    ramp: int
    begun: int
    at: int
    left: Fraction = Fraction(0)
    slack: Fraction = Fraction(0)

    def moved(self, now: int) -> Model:
        """It, later."""
        worked = Fraction((now - self.at) * self.limit, self.window)
        return replace(self, at=now, left=max(Fraction(0), self.left - worked))

    def taken(self, amount: int) -> Model:
        """It, once that has arrived."""
        return replace(self, left=self.left + amount, slack=self.slack + STEP)

    def changed(self, limit: int) -> Model:
        """It, with another limit; the same units are left, which take another time."""
        slack = self.slack * self.limit / limit + STEP
        return replace(self, limit=limit, slack=slack)

    @property
    def work(self) -> Fraction:
        """Seconds that what is left takes."""
        return self.left * self.window / self.limit


def may_be_credited(limit: Limit, at: Fraction | int) -> bool:
    """Whether no more is left to work off at a moment than may be then: the rule, word by word."""
    left = limit.drained_at * STEP - at
    grown = Fraction(at - (limit.ramps_until - limit.ramp), limit.ramp)
    return left <= limit.window * min(grown, Fraction(1))


def act(harness: Contract, name: str, *arguments: int) -> Receipt:
    """Anybody changes the word."""
    return Receipt.of(getattr(harness, name)(*arguments, sender=harness.chain.account(0)))


class Word:
    """The contract's word, the mirror in Python, and the model, kept in step."""

    def __init__(self, harness: Contract, limit: int, window: int, ramp: int) -> None:
        self.harness, self.chain = harness, harness.chain
        now = act(harness, "open", limit, window, ramp).timestamp
        self.mirror = Limit(limit=limit, window=window, ramp=ramp, ramps_until=now + ramp)
        self.model = Model(limit, window, ramp, now, now)
        self.credits: list[tuple[int, int]] = []
        self.check(now)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.chain.set_time(self.chain.now + seconds)

    def check(self, now: int) -> None:
        """Contract and mirror are equal; both have at least what the model has, and hardly more."""
        assert self.harness.state()._asdict() == asdict(self.mirror)
        self.model = self.model.moved(now)
        over = max(self.mirror.drained_at * STEP - now, Fraction(0)) - self.model.work
        assert 0 <= over <= self.model.slack

    def take(self, amount: int) -> int:
        """Units arrive; returns from when on they may be credited."""
        receipt = act(self.harness, "take", amount)
        now, told = receipt.timestamp, int(receipt.return_value)
        self.mirror = self.mirror.taken(amount, now)
        # What is beyond the last moment there is, is for ever: see below.
        assume(self.mirror.drained_at < LAST)
        self.model = self.model.moved(now).taken(amount)
        self.check(now)
        until = told or now
        assert told == 0 or told > now
        assert told == (self.mirror.until() if self.mirror.until() > now else 0)
        # The first whole second at which the rule lets it.
        assert may_be_credited(self.mirror, until)
        assert until == now or not may_be_credited(self.mirror, until - 1)
        self.credits.append((until, amount))
        return until

    def change(self, limit: int) -> None:
        """Another limit."""
        now = act(self.harness, "change", limit).timestamp
        self.mirror = self.mirror.changed(limit, now)
        assume(self.mirror.drained_at < LAST)
        self.model = self.model.moved(now).changed(limit)
        self.check(now)

    def begin(self) -> None:
        """Another verifier."""
        now = act(self.harness, "begin").timestamp
        self.mirror = replace(self.mirror, ramps_until=now + self.mirror.ramp)
        self.check(now)

    def check_room(self) -> None:
        """What is told of room is what may arrive, to the unit."""
        now, room = self.chain.now, int(self.harness.room())
        assert room == self.mirror.room(now)
        assert room == 0 or self.harness.would_wait(room) == 0
        assert self.harness.would_wait(room + 1) > now


@pytest.fixture
def harness(home: Chain) -> Contract:
    return home.deploy("LimitsHarness", sender=home.account(0))


LIMITS = st.integers(1, 10**12) | st.integers(1, 2**103)
AMOUNTS = st.integers(1, 10**13) | st.integers(1, 2**103)
WINDOWS = st.integers(60, 14 * 24 * 60).map(lambda minutes: minutes * 60)
RAMPS = st.integers(1, 90 * 24).map(lambda hours: hours * HOUR)
PAUSES = st.integers(1, 5 * HOUR) | st.integers(1, 30 * DAY)
ACTS = st.one_of(
    st.tuples(st.just("take"), AMOUNTS),
    st.tuples(st.just("wait"), PAUSES),
    st.tuples(st.just("change"), LIMITS),
    st.tuples(st.just("begin"), st.none()),
)


@pytest.mark.requirement("INV-11")
@given(limit=LIMITS, window=WINDOWS, ramp=RAMPS, acts=st.lists(ACTS, max_size=8))
def test_what_arrives_waits_for_its_overdraft_at_the_rate_of_the_refill(
    harness: Contract, limit: int, window: int, ramp: int, acts: list[tuple[str, Any]]
) -> None:
    with harness.chain.isolated():
        word = Word(harness, limit, window, ramp)
        for act, value in acts:
            if act == "begin":
                word.begin()
            else:
                getattr(word, act)(value)
        word.check_room()


@pytest.mark.requirement("INV-11")
@given(
    limit=LIMITS,
    window=WINDOWS,
    ramp=RAMPS,
    before=st.lists(AMOUNTS, max_size=3),
    parts=st.lists(st.tuples(AMOUNTS, PAUSES | st.just(0)), min_size=1, max_size=6),
)
def test_neither_parts_nor_patience_get_anything_through_sooner(
    harness: Contract,
    limit: int,
    window: int,
    ramp: int,
    before: list[int],
    parts: list[tuple[int, int]],
) -> None:
    with harness.chain.isolated():
        word = Word(harness, limit, window, ramp)
        for amount in before:
            word.take(amount)
        with harness.chain.isolated():
            at_once = Word.take(word, sum(amount for amount, _ in parts))
        word.mirror = Limit(**harness.state()._asdict())
        until = 0
        for amount, pause in parts:
            word.wait(pause)
            until = int(act(harness, "take", amount).return_value) or harness.chain.now
        assert until >= at_once


@pytest.mark.requirement("INV-11")
@given(
    limit=LIMITS,
    window=WINDOWS,
    ramp=RAMPS,
    arrivals=st.lists(st.tuples(AMOUNTS, PAUSES), min_size=1, max_size=8),
)
def test_no_more_is_credited_than_the_limit_at_once_and_the_limit_a_window(
    harness: Contract, limit: int, window: int, ramp: int, arrivals: list[tuple[int, int]]
) -> None:
    with harness.chain.isolated():
        word = Word(harness, limit, window, ramp)
        begun = harness.chain.now
        for amount, pause in arrivals:
            word.take(amount)
            word.wait(pause)
        for moment, _ in word.credits:
            credited = sum(amount for until, amount in word.credits if until <= moment)
            assert credited <= limit + Fraction(limit * (moment - begun + 1), window)


@pytest.mark.requirement("INV-11")
@given(
    limit=LIMITS,
    amount=AMOUNTS,
    changes=st.lists(st.tuples(LIMITS, PAUSES), min_size=1, max_size=4),
)
def test_no_change_makes_room(
    harness: Contract, limit: int, amount: int, changes: list[tuple[int, int]]
) -> None:
    """There and back, up and down: as many units are left as if only time had passed."""
    with harness.chain.isolated():
        word = Word(harness, limit, DAY, HOUR)
        word.wait(2 * HOUR)
        word.take(amount)
        for other, pause in changes:
            word.change(other)
            left = word.model.moved(harness.chain.now).left
            assert int(harness.room()) <= max(0, other - left)
            word.wait(pause)


def test_where_nothing_was_counted_a_limit_begins_without_room(harness: Contract) -> None:
    act(harness, "open", 0, DAY, HOUR)
    harness.chain.advance(30 * DAY)
    now = act(harness, "change", 1_000).timestamp
    assert harness.state().drained_at == (now + DAY) << 32
    assert (harness.room(), harness.would_wait(1)) == (0, now + 87)
    harness.chain.set_time(now + DAY // 2)
    assert harness.room() == 500


def test_room_grows_from_nothing_in_a_straight_line(harness: Contract) -> None:
    begun = act(harness, "open", 1_000, DAY, 10 * HOUR).timestamp
    assert harness.room() == 0
    for hours, room in ((1, 100), (5, 500), (9, 900), (10, 1_000), (11, 1_000)):
        harness.chain.set_time(begun + hours * HOUR)
        assert harness.room() == room
    begun = act(harness, "begin").timestamp
    assert harness.room() == 0
    # 100 of 1,000 are worked off in 8,640 s, and are a tenth of what may be in 3,600: they meet.
    assert harness.would_wait(100) == begun + 36_000 * 8_640 // (36_000 + 86_400) + 1


def test_what_waits_for_ever_goes_on_waiting_for_ever(harness: Contract) -> None:
    """Beyond the last moment there is nobody counts: no change of the limit brings it nearer."""
    act(harness, "open", 1, 14 * DAY, HOUR)
    act(harness, "take", AMOUNT_MAX)
    assert harness.state().drained_at == LAST
    act(harness, "change", 2**103)
    assert harness.state().drained_at == LAST
    act(harness, "take", 1)
    assert harness.state().drained_at == LAST
    # None, and then one: nothing was counted meanwhile.
    act(harness, "change", 0)
    now = act(harness, "change", 2**103).timestamp
    assert harness.state().drained_at == (now + 14 * DAY) << 32


@pytest.mark.parametrize("window", [0, HOUR - 60, HOUR + 1, 14 * DAY + 60])
def test_a_window_out_of_range_is_refused(harness: Contract, window: int) -> None:
    with reverts("limits: window out of range"):
        act(harness, "open", 1, window, HOUR)


@pytest.mark.parametrize("ramp", [0, HOUR - 1, HOUR + 60, 90 * DAY + HOUR])
def test_a_ramp_out_of_range_is_refused(harness: Contract, ramp: int) -> None:
    with reverts("limits: ramp out of range"):
        act(harness, "open", 1, HOUR, ramp)


@pytest.mark.parametrize(("window", "ramp"), [(HOUR, HOUR), (14 * DAY, 90 * DAY)])
def test_windows_and_ramps_reach_their_bounds(harness: Contract, window: int, ramp: int) -> None:
    now = act(harness, "open", 2**103, window, ramp).timestamp
    assert tuple(harness.state()) == (2**103, window, ramp, now + ramp, 0)
