"""Closes and dividends in plain Python: what an engine knows, what of a close it pays for, why not.

One ledger of one instrument has an `Engine`; all of it is what that ledger's own engine stores, so
that a reorganisation undoes it with the rest. Who is owed what follows from what accounts held at
the close and from the messages that were under way then; how home splits a close between lanes is
`tallystick.actions.cut`, fed with what stands here and never with what an engine says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tallystick.actions.cut import (
    FIRST,
    Base,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    Share,
    carry,
    fix,
    restated,
)
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneId
from tallystick.token.ratios import Ratio
from tests.stateful.model import Refusal

# The part of what accounts held; others have the name of the lane's remote ledger.
ACCOUNTS: Final = ""
_LANE: Final = LaneId(bytes(32))
LATER_UNITS: Final = "ratios: no amount, or no later epoch in force"


class Stood(NamedTuple):
    """An end of a lane at a close: units of its custody, of those that wait; sent in the epoch."""

    held: int
    suspense: int
    sent: int


class Landing(NamedTuple):
    """How a message ended where it was bound for: on an account, on a day; or it went back."""

    day: int
    account: str
    # Whether it was between ledgers at a close, or at a ratio, at least.
    noted: bool
    went_back: bool = False


@dataclass
class Part:
    """What one ledger pays for of a close: units that are left, and cash that is there for them."""

    fixed: int
    left: int
    cash: int = 0
    is_open: bool = False


@dataclass
class Event:
    """A dividend as one ledger knows it."""

    record: EventRecord
    # By this ledger's clock; whether its close was too long past then.
    noticed: int
    late: bool
    # accounts, or the remote ledger of a lane -> what is owed for here, once fixed
    parts: dict[str, Part] = field(default_factory=dict)
    # Home: remote ledger -> what it owes for.
    totals: dict[str, Share] = field(default_factory=dict)
    # From the first funding on: how many ratios its own close is behind the record.
    behind: int | None = None
    # Accounts that were paid; messages that were, or were given up.
    done: set[str | bytes] = field(default_factory=set)
    # Units whose cash went back here, and units that were paid with cash brought for them.
    given_up: int = 0
    brought: int = 0

    @property
    def is_fixed(self) -> bool:
        """Whether this ledger's accounts are."""
        return ACCOUNTS in self.parts

    def gross(self, units: int) -> int:
        """What units are due."""
        assert self.record.rate is not None
        return self.record.rate.down(units)

    def open_refusal(self, today: int, *, own: bool) -> Refusal | None:
        """Why nobody, or only who is paid, has something paid here now."""
        if self.behind is None:
            return "payments: not funded yet"
        if today < self.record.payment_day:
            return "payments: not before payment day"
        if not own and today <= self.record.relief_until:
            return "payments: only the holder, till relief ends"
        return None

    def draw_refusal(self, key: str, units: int, claim: str | bytes) -> Refusal | None:
        """Why a claim is not paid out of a part."""
        if claim in self.done:
            return "payments: paid already"
        part = self.parts.get(key)
        if part is None or not part.is_open:
            return "payments: not funded in full"
        if units > part.left:
            return "payments: more units than fixed"
        return None

    def draw(self, key: str, units: int, claim: str | bytes) -> None:
        """Pay it, or give it up."""
        part = self.parts[key]
        part.left -= units
        part.cash -= self.gross(units)
        self.done.add(claim)


@dataclass
class Engine:
    """What a ledger's engine knows."""

    events: dict[bytes, Event] = field(default_factory=dict)
    # Home: (remote ledger, close) -> its epoch then, and what stood there.
    told: dict[tuple[str, int], tuple[int, RemoteEnd]] = field(default_factory=dict)
    # Home: (remote ledger, epoch) -> its first day there.
    entered: dict[tuple[str, int], int] = field(default_factory=dict)
    # Home: (remote ledger, epoch, the close that is restated alone, or 0) -> what it began with.
    bases: dict[tuple[str, int, int], Base] = field(default_factory=dict)
    # Withheld, all of which is here still; and what everybody got.
    tax: int = 0
    received: Counter[str] = field(default_factory=Counter)

    @property
    def cash(self) -> int:
        """All that is here."""
        parts = (part for event in self.events.values() for part in event.parts.values())
        return self.tax + sum(part.cash for part in parts)

    def base(self, remote: str, day: int, epoch: int) -> Base | None:
        """What an epoch began with, for a close that was told in its units or in older ones."""
        if self.told[remote, day][0] != epoch:
            return self.bases.get((remote, epoch, day))
        return FIRST if epoch == 0 else self.bases.get((remote, epoch, 0))

    def end(self, remote: str, day: int, epoch: int, ratios: Sequence[Ratio]) -> RemoteEnd:
        """What stood there at a close, in units of an epoch."""
        since, there = self.told[remote, day]
        for ratio in ratios[since:epoch]:
            there = restated(there, ratio)
        return there

    def split(
        self, remote: str, day: int, epoch: int, stood: Stood, ratios: Sequence[Ratio]
    ) -> Share | Refusal:
        """A lane's part of a close, or why it waits."""
        if (remote, day) not in self.told:
            return "cut: no figures, or two"
        if (base := self.base(remote, day, epoch)) is None:
            return "cut: lane not carried over the ratio"
        there = self.end(remote, day, epoch, ratios)
        figures = HomeFigures(stood.held, stood.held)
        split = fix(figures, {_LANE: home_end(stood)}, {_LANE: there}, {_LANE: base})
        return split.shares.get(_LANE) or "cut: figures do not fit"

    def carried(
        self, remote: str, day: int, epoch: int, stood: Stood, ratios: Sequence[Ratio]
    ) -> Base | Refusal:
        """What an epoch begins with by a close, or why it is not carried."""
        if (before := self.base(remote, day, epoch - 1)) is None:
            return "arming: the epoch before first"
        there = self.end(remote, day, epoch - 1, ratios)
        after = carry(before, home_end(stood), there, ratios[epoch - 1])
        return after if isinstance(after, Base) else "arming: figures do not fit"


def home_end(stood: Stood) -> HomeEnd:
    """Home's end of a lane at a close."""
    return HomeEnd(stood.held - stood.suspense, stood.suspense, stood.sent)
