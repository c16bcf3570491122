"""Any play of announcing, confirming, carrying, lying and waiting, against a model of both ledgers.

The model knows versions as lists and sets; it has no words, hashes of its own making, or calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.message import EventVersion, Status
from tallystick.actions.record import EventRecord
from tallystick.chain import Receipt, Revert
from tallystick.chain.abi import keccak
from tests.support.actions import APPLE, COAF, Actions
from tests.support.world import DAY

NOTICE_DAYS = 2
WEEK = 7


def on_day(record: EventRecord, day: int) -> EventRecord:
    """The record with another record day, and what follows it."""
    days = {"figures_by": day + 1, "payment_day": day + 1, "relief_until": day + 1}
    # Announced before it, however early that is: days in order are not what is played here.
    announced = min(record.announced, day - 1)
    return replace(record, announced=announced, ex=0, record_day=day, expires=day + 400, **days)


@dataclass
class Remote:
    """A remote ledger: what it was told of one event."""

    # version -> hash, of what was taken and of what the next version named
    hashes: dict[int, bytes] = field(default_factory=dict)
    # hash -> status, of what was taken
    taken: dict[bytes, Status] = field(default_factory=dict)
    in_force: EventVersion | None = None
    late: bool = False
    halted: bool = False

    def take(self, version: EventVersion, today: int) -> str | bool:
        """Whether a version shown takes effect, or why it is refused."""
        record, hashed = version.record, version.record.hash
        if self.halted:
            return "events: halted"
        named = self.hashes.get(record.version - 1, record.previous)
        if (
            self.hashes.get(record.version, hashed) != hashed
            or self.taken.get(hashed, version.status) != version.status
            or named != record.previous
        ):
            self.halted = True
            return False
        if hashed in self.taken:
            return "events: taken already"
        if self.in_force and record.version <= self.in_force.record.version:
            return "events: a later version stands"
        if version.status is Status.CANCELLED:
            self.late = False
        elif not self.in_force or self.in_force.record.record_day != record.record_day:
            self.late = record.record_day + WEEK < today
        self.hashes[record.version] = hashed
        if record.version > 1:
            self.hashes[record.version - 1] = record.previous
        self.taken[hashed] = version.status
        self.in_force = version
        return True


@dataclass
class Play:
    """Both ledgers, and what the model expects of them."""

    actions: Actions
    # All that home announced, in order, and what of it it told.
    versions: list[EventVersion] = field(default_factory=list)
    told: list[EventVersion] = field(default_factory=list)
    remote: Remote = field(default_factory=Remote)
    # What home was told back.
    armed: set[bytes] = field(default_factory=set)

    @property
    def today(self) -> int:
        """The business day, the same on both ledgers."""
        return int(self.actions.home.token.business_day())

    @property
    def in_force(self) -> EventVersion | None:
        """What counts at home."""
        return self.told[-1] if self.told else None

    # Each step returns what the model expects and what happened.

    def announce(self, status: Status, ahead: int | None) -> tuple[Any, Any]:
        """The next version; its record day so many days ahead, or as before."""
        before = self.versions[-1].record if self.versions else None
        day = self.today + (ahead or 0) if ahead or not before else before.record_day
        record = on_day(before.successor() if before else APPLE, day)
        held = self.in_force.record.record_day if self.in_force else 0
        expected: Any = None
        if self.in_force and self.in_force.status is Status.CANCELLED:
            expected = "events: cancelled already"
        elif status is Status.ACTIVE and held != day < self.today + NOTICE_DAYS:
            expected = "events: too little notice"
        if expected is None:
            self.versions.append(EventVersion(record, status))
        return expected, attempt(lambda: self.actions.announce(record, status))

    def confirm(self) -> tuple[Any, Any]:
        """The version announced last."""
        newest = self.versions[-1]
        held = self.in_force.record.record_day if self.in_force else 0
        day = newest.record.record_day
        expected: Any = None
        if newest is self.in_force:
            expected = "events: nothing to confirm"
        elif newest.status is Status.ACTIVE and day != held and day + WEEK < self.today:
            expected = "events: record day too long past"
        else:
            self.told.append(newest)
        return expected, attempt(lambda: self.actions.confirm(newest))

    def carry(self, which: int) -> tuple[Any, Any]:
        """Any message that home sent."""
        if not self.told:
            return None, None
        version = self.told[which % len(self.told)]
        expected = self.remote.take(version, self.today)
        return expected, attempt(lambda: self.actions.take(version))

    def lie(self, which: int) -> tuple[Any, Any]:
        """A quorum gone wrong signs another record of some version."""
        record = self.versions[which % len(self.versions)].record
        false = EventVersion(replace(record, terms=keccak(b"false")))
        expected = self.remote.take(false, self.today)
        return expected, attempt(lambda: self.actions.take(false))

    def tell_back(self) -> tuple[Any, Any]:
        """What the remote ledger says of the version in force there."""
        version = self.remote.in_force
        if version is None:
            return None, None
        expected: Any = None
        if version not in self.told:
            known = version in self.versions
            expected = f"events: {'not in force yet' if known else 'told of another record'}"
        elif version.id in self.armed:
            expected = "events: told already"
        else:
            self.armed.add(version.id)
        armed = self.actions.armed(version, late=self.remote.late)
        return expected, attempt(lambda: self.actions.take_armed(armed))

    def wait(self, days: int) -> tuple[Any, Any]:
        """Days pass on both ledgers."""
        for chain in self.actions.world.chains.values():
            chain.advance(days * DAY)
        return None, None

    def check(self) -> None:
        """Both engines say what the model says."""
        home, remote = self.actions.home.engine, self.actions.remote.engine
        standing = home.event_of(COAF)
        newest = self.versions[-1].record.hash if self.versions else bytes(32)
        assert standing.newest == newest
        assert standing.in_force == (self.in_force.record.hash if self.in_force else bytes(32))
        assert not home.version_of(standing.in_force).halted
        for version in self.versions:
            assert home.is_told(self.actions.message(version).id) == (version in self.told)
            assert home.version_hash(COAF, version.record.version) == version.id
            told = self.actions.told_at(version).taken_at
            assert bool(told) == (version.id in self.armed)
        there = remote.event_of(COAF)
        assert remote.version_of(there.in_force).halted == self.remote.halted
        in_force = self.remote.in_force
        assert there.in_force == (in_force.record.hash if in_force else bytes(32))
        for number, hashed in self.remote.hashes.items():
            assert remote.record_hash(COAF, number) == hashed
            assert (remote.version_of(hashed).status != 0) == (hashed in self.remote.taken)
        if in_force:
            kept = remote.version_of(in_force.record.hash)
            assert (kept.late, kept.fixed) == (self.remote.late, False)
            armed = self.actions.armed(in_force, late=self.remote.late)
            assert remote.is_told(self.actions.message(armed).id)


def attempt(act: Any) -> Any:
    """What an act returns, or why it was refused."""
    try:
        receipt = act()
    except Revert as revert:
        return revert.reason
    assert isinstance(receipt, Receipt)
    return receipt.return_value


_numbers = st.integers(0, 5)
_announcements = st.tuples(
    st.just("announce"),
    st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.ACTIVE, Status.CANCELLED]),
    st.one_of(st.none(), st.integers(1, 5)),
)
_steps = st.lists(
    st.one_of(
        _announcements,
        st.tuples(st.just("confirm")),
        st.tuples(st.just("confirm")),
        st.tuples(st.just("carry"), _numbers),
        st.tuples(st.just("carry"), _numbers),
        st.tuples(st.just("tell_back")),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 5, 9])),
        st.tuples(st.just("lie"), _numbers),
    ),
    min_size=4,
    max_size=14,
)


@pytest.mark.requirement("R-40")
@given(steps=_steps)
def test_both_ledgers_keep_what_the_model_keeps(
    actions: Actions, steps: list[tuple[Any, ...]]
) -> None:
    with actions.world.isolated():
        play = Play(actions)
        first: list[tuple[Any, ...]] = [("announce", Status.ACTIVE, 3), ("confirm",)]
        for name, *arguments in first + steps:
            expected, happened = getattr(play, name)(*arguments)
            assert happened == expected, name
        play.check()
