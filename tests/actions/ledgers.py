"""Ledgers of the model: clocks, accounts and figures with history, ratios, messages."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from tallystick.token.position import AccountClass
from tallystick.token.ratios import Ratio, carried

# Moments of a business day: few, so that acts often meet a close.
DAY: Final = 10
HOME: Final = 0
PEOPLE: Final = ("ann", "bob", "cat")
POOL: Final = "pool"
# The fractions' agent of each ledger.
AGENT: Final = "agent"
# Where units are that are on no account of ours and under way on no lane.
ELSEWHERE: Final = -1
EACH: Final = 60
T = TypeVar("T")


class Property(Enum):
    """What can break."""

    ISSUE = "INV-1"
    BACKING = "INV-2"
    ONE_EFFECT = "INV-3"
    POSITIONS = "INV-5"
    TWICE = "INV-6: entitled twice"
    NOBODY = "INV-6: entitled to nobody"
    ONCE_EACH = "INV-12"
    GATE = "gate"
    LEDGER_TOTAL = "a ledger pays another sum than was fixed for it"
    LASTING = "figures of a close change afterwards"


class Broken(AssertionError):
    """A property does not hold."""

    def __init__(self, what: Property, detail: str) -> None:
        super().__init__(f"{what.value}: {detail}")
        self.what = what


def need(holds: bool, what: Property, detail: str) -> None:
    """Raise `Broken` unless `holds`."""
    if not holds:
        raise Broken(what, detail)


class Story(Generic[T]):
    """A value over time."""

    def __init__(self, value: T) -> None:
        self._times: list[int] = []
        self._values: list[T] = [value]

    @property
    def now(self) -> T:
        return self._values[-1]

    def put(self, time: int, value: T) -> None:
        """From this time on it is `value`."""
        self._times.append(time)
        self._values.append(value)

    def before(self, time: int) -> T:
        """What it was at the last moment before a time."""
        return self._values[bisect_left(self._times, time)]


class State(Enum):
    """Where a message's units are."""

    TRANSIT = "in transit"
    SUSPENSE = "waiting for somebody who can take them"
    RETURNED = "sent back by another message"
    LANDED = "on an account"


@dataclass(frozen=True)
class Landing:
    """The word that proves for which closes units were on no account.

    `units` are those that landed, in the ledger's units of then: no rule reads them.
    """

    ledger: int
    day: int
    payee: str
    units: int


@dataclass(eq=False)
class Message:
    """Units that left a ledger over a lane; `origin` is the message that a return answers.

    `amount` is in units of `epoch`, `held` what waits in suspense, and the epoch of that. `units`
    are the single ones, as long as no ratio has made others of them.
    """

    lane: int
    source: int
    destination: int
    sender: str
    recipient: str
    amount: int
    epoch: int
    units: list[int]
    lock_time: int
    deadline: int
    origin: Message | None = None
    state: State = State.TRANSIT
    held: tuple[int, int] = (0, 0)
    landing: Landing | None = None
    # The day on which it was booked in where it was bound for.
    arrived: int | None = None
    # The day, at its destination, from which its units were bound for the source again.
    turned: int | None = None
    # How often its units were credited, or sent back.
    ends: int = 0

    @property
    def first(self) -> Message:
        return self.origin or self

    @property
    def pending(self) -> bool:
        """Whether its units are still on no account, and in no other message."""
        return self.state in (State.TRANSIT, State.SUSPENSE)

    def late(self, now: int) -> bool:
        """Whether its deadline has passed, from which on it goes back. A return has none."""
        return self.origin is None and now >= self.deadline


class Ledger:
    """Accounts and figures with their history, under a clock of its own.

    At the first moment of a ratio's first day every word becomes what the token makes of it.
    """

    def __init__(self, number: int, close: int) -> None:
        self.number, self.close = number, close
        self.barred: set[str] = set()
        # (units, class) of each account; figures are named `what` or `what lane`.
        self.accounts: dict[str, Story[tuple[int, AccountClass]]] = {}
        self.figures: dict[str, Story[int]] = {}
        self.ratios: list[Ratio] = []
        # Whole units that rounding took from accounts and not from the supply, not credited yet.
        self.uncredited = 0
        # By epoch that a ratio began: what it left of all accounts, and of the supply, in parts.
        self.remainders: dict[int, tuple[int, int]] = {}
        self._now, self._epoch = DAY, 0

    @property
    def now(self) -> int:
        return self._now

    @now.setter
    def now(self, time: int) -> None:
        while self._epoch < len(self.ratios) and self._begins(self._epoch) <= time:
            self._now = self._begins(self._epoch)
            self._restate(self.ratios[self._epoch])
            self._epoch += 1
        self._now = time

    def _begins(self, at: int) -> int:
        return self.ends(self.ratios[at].first_day - 1)

    def day(self, time: int | None = None) -> int:
        """The business day of a moment, or of now. A close belongs to the day that it begins."""
        return ((self.now if time is None else time) - self.close) // DAY

    def ends(self, day: int) -> int:
        """The moment of a day's close."""
        return (day + 1) * DAY + self.close

    def epoch(self, day: int | None = None) -> int:
        """In whose units a day's close is stated, or what is here now."""
        if day is None:
            return self._epoch
        return sum(ratio.first_day <= day for ratio in self.ratios[: self._epoch])

    def carried(self, amount: int, since: int, until: int | None = None) -> int:
        """What units of an epoch are in units of a later one, or of now."""
        until = self._epoch if until is None else until
        return carried(amount, self.ratios[since:until])

    def account(self, name: str) -> Story[tuple[int, AccountClass]]:
        if name not in self.accounts:
            self.accounts[name] = Story((0, AccountClass.HOLDER))
        return self.accounts[name]

    def figure(self, name: str) -> Story[int]:
        if name not in self.figures:
            self.figures[name] = Story(0)
        return self.figures[name]

    def has(self, name: str) -> int:
        return self.account(name).now[0]

    def class_of(self, name: str) -> AccountClass:
        return self.account(name).now[1]

    def credit(self, name: str, amount: int) -> None:
        """Add to an account, or take from it."""
        units, kind = self.account(name).now
        need(units + amount >= 0, Property.POSITIONS, f"{name} below zero")
        self.account(name).put(self.now, (units + amount, kind))

    def set_class(self, name: str, kind: AccountClass) -> bool:
        """An account's class changes only while it is empty."""
        if self.has(name):
            return False
        self.account(name).put(self.now, (0, kind))
        return True

    def count(self, name: str, amount: int) -> None:
        """Add to a figure."""
        units = self.figure(name).now + amount
        signed = name.startswith(("came", "gone"))
        need(signed or units >= 0, Property.BACKING, f"{name} below zero")
        self.figure(name).put(self.now, units)

    def closing(self, story: Story[T], day: int) -> T:
        return story.before(self.ends(day))

    def _restate(self, ratio: Ratio) -> None:
        """All words at once, each by itself: on a ledger each does it when it next moves."""
        parts = self.figure("supply").now * ratio.numerator % ratio.denominator
        of_accounts = 0
        for account in self.accounts.values():
            units, kind = account.now
            of_accounts += units * ratio.numerator % ratio.denominator
            account.put(self.now, (carried(units, [ratio]), kind))
        self.remainders[self._epoch + 1] = (of_accounts, parts)
        for name, figure in self.figures.items():
            units, sign = abs(figure.now), -1 if figure.now < 0 else 1
            after = 0 if name.startswith("sent") else sign * carried(units, [ratio])
            figure.put(self.now, after)
        positions = sum(account.now[0] for account in self.accounts.values())
        self.uncredited = self.figure("supply").now - positions


def custody(lane: int) -> str:
    """The account that holds a lane's units, at home what is owed, on both ends what waits."""
    return f"custody {lane}"


class Trace:
    """Every unit by itself: when it was where, told by acts alone and never by sums.

    A ledger is left out once a ratio is in force there; what was before stays told.
    """

    def __init__(self) -> None:
        # (ledger, account) -> units there now, and since which day
        self.lots: dict[tuple[int, str], dict[int, int]] = {}
        # (unit, ledger, account, first day, first day no more), if a close lay between
        self.stays: list[tuple[int, int, str, int, int]] = []

    def put(self, ledger: int, account: str, units: list[int], day: int) -> None:
        self.lots.setdefault((ledger, account), {}).update(dict.fromkeys(units, day))

    def take(self, ledger: int, account: str, amount: int, day: int) -> list[int]:
        """The units that came last leave first, so that the same ones cross again and again."""
        lot = self.lots[ledger, account]
        gone = list(lot)[len(lot) - amount :]
        self.end(ledger, account, gone, day)
        return gone

    def end(self, ledger: int, account: str, units: list[int], day: int) -> None:
        """Units leave a place."""
        lot = self.lots[ledger, account]
        self.stays += [
            (unit, ledger, account, since, day) for unit in units if (since := lot.pop(unit)) < day
        ]

    def at_close(self, day: int) -> Iterator[tuple[int, int, str]]:
        """Yield (unit, ledger, account) of every unit that was on an account at that close."""
        for (ledger, account), lot in self.lots.items():
            yield from ((unit, ledger, account) for unit, since in lot.items() if since <= day)
        for unit, ledger, account, since, until in self.stays:
            if since <= day < until:
                yield unit, ledger, account
