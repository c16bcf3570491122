"""Several ledgers, the lanes between them, and who is entitled at each close: in plain Python.

Every ledger has a clock of its own. Units move on it, over lanes with all that can happen to a
message, with other bridges and by redemption; each figure keeps its history. Afterwards any past
close can be asked for: what figures tell of it (through `tallystick.actions.cut`), and what
accounts and crossing messages would claim for it. Besides, every single unit is followed by itself,
independent of every sum.

`Design` holds the rules that decide whether that comes out. `tests/actions/designs.py` has others,
each of which looks right and is not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, TypeVar

from tallystick.actions.cut import Cut, HomeEnd, HomeFigures, RemoteEnd, fix
from tallystick.bridge.message import LaneId
from tallystick.token.position import AccountClass

# Moments of a business day: few, so that acts often meet a close.
DAY: Final = 10
HOME: Final = 0
PEOPLE: Final = ("ann", "bob", "cat")
POOL: Final = "pool"
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
    """The word that proves for which closes units were on no account."""

    ledger: int
    day: int
    payee: str


@dataclass(eq=False)
class Message:
    """Units that left a ledger over a lane; `origin` is the message that a return answers."""

    lane: int
    source: int
    destination: int
    sender: str
    recipient: str
    units: list[int]
    lock_time: int
    deadline: int
    origin: Message | None = None
    state: State = State.TRANSIT
    landing: Landing | None = None
    # The day, at its destination, from which its units were bound for the source again.
    turned: int | None = None
    # How often its units were credited, or sent back.
    ends: int = 0

    @property
    def amount(self) -> int:
        return len(self.units)

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
    """Accounts and figures with their history, under a clock of its own."""

    def __init__(self, number: int, close: int) -> None:
        self.number, self.close, self.now = number, close, DAY
        self.barred: set[str] = set()
        # (units, class) of each account; figures are named `what` or `what lane`.
        self.accounts: dict[str, Story[tuple[int, AccountClass]]] = {}
        self.figures: dict[str, Story[int]] = {}

    def day(self, time: int | None = None) -> int:
        """The business day of a moment, or of now. A close belongs to the day that it begins."""
        return ((self.now if time is None else time) - self.close) // DAY

    def ends(self, day: int) -> int:
        """The moment of a day's close."""
        return (day + 1) * DAY + self.close

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
        self.figure(name).put(self.now, self.figure(name).now + amount)

    def closing(self, story: Story[T], day: int) -> T:
        return story.before(self.ends(day))


def custody(lane: int) -> str:
    """The account that holds a lane's units, at home what is owed, on both ends what waits."""
    return f"custody {lane}"


class Trace:
    """Every unit by itself: when it was where, told by acts alone and never by sums."""

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
        for unit in gone:
            since = lot.pop(unit)
            if since < day:
                self.stays.append((unit, ledger, account, since, day))
        return gone

    def at_close(self, day: int) -> Iterator[tuple[int, int, str]]:
        """Yield (unit, ledger, account) of every unit that was on an account at that close."""
        for (ledger, account), lot in self.lots.items():
            yield from ((unit, ledger, account) for unit, since in lot.items() if since <= day)
        for unit, ledger, account, since, until in self.stays:
            if since <= day < until:
                yield unit, ledger, account


class Design:
    """The rules as decided."""

    def close(self, ledger: int) -> int:
        """When a ledger closes, after the beginning of a day: everywhere at the same moment."""
        return 0

    def deliverable(self, message: Message, now: int) -> bool:
        """Nothing arrives before it left, on the clock of where it arrives."""
        return now >= message.lock_time

    def left(self, message: Message) -> tuple[int, int]:
        """Ledger and moment at which a landing's units were last on an account."""
        return message.first.source, message.first.lock_time

    def lands_in_suspense(self) -> bool:
        """Whether suspense is a landing."""
        return False

    def notes(self, message: Message, left: int, today: int) -> bool:
        """Whether a landing is written down: only if a close lay between leaving and landing.

        Who takes a return does not know when the first message left, and writes always.
        """
        return left < today or message.origin is not None

    def pays(self, kind: AccountClass) -> bool:
        """Whether an account of that class claims for itself."""
        return kind is AccountClass.HOLDER

    def keeps(self, place: int) -> bool:
        """Whether a ledger's pools, or what is elsewhere, are a part of their own, for a payee."""
        return True

    def claims(self, message: Message, left: int, day: int) -> tuple[tuple[int, str], ...]:
        """(ledger, payee) of every claim that a message gives for a close.

        `left` is the day on which its units left.
        """
        landing = message.landing
        if landing is None or not left <= day < landing.day:
            return ()
        return ((landing.ledger, landing.payee),)

    def read(self, ledger: Ledger, story: Story[T], day: int) -> T:
        """The figure that a ledger tells of a close."""
        return ledger.closing(story, day)

    def class_at(self, ledger: Ledger, name: str, day: int) -> AccountClass:
        """The class that decides whether an account claims."""
        return ledger.closing(ledger.account(name), day)[1]

    def fix(
        self, home: HomeFigures, ends: dict[LaneId, HomeEnd], told: dict[LaneId, RemoteEnd]
    ) -> Cut:
        """Who pays for what, from what the ledgers tell."""
        return fix(home, ends, told)


@dataclass
class World:
    """A home ledger, remote ledgers with a lane each, and all that happened."""

    remotes: int
    design: Design = field(default_factory=Design)

    def __post_init__(self) -> None:
        self.ledgers = [Ledger(n, self.design.close(n)) for n in range(self.remotes + 1)]
        self.home = self.ledgers[HOME]
        self.messages: list[Message] = []
        self.trace = Trace()
        # Units with another bridge, and redeemed abroad but still in home's books, with lane.
        self.bridged: list[tuple[int, int]] = []
        self.redeemed: list[tuple[int, int]] = []
        for lane in self.lanes:
            self.home.set_class(custody(lane), AccountClass.LINK)
            self.ledgers[lane].set_class(custody(lane), AccountClass.LINK)
        for ledger in self.ledgers:
            ledger.set_class(POOL, AccountClass.POOL)
        for index, person in enumerate(PEOPLE):
            self.home.credit(person, EACH)
            self.home.count("supply", EACH)
            units = list(range(index * EACH, (index + 1) * EACH))
            self.trace.put(HOME, person, units, self.home.day())

    @property
    def lanes(self) -> range:
        """Each remote ledger's number is its lane's."""
        return range(1, self.remotes + 1)

    # --- acts: each does nothing and says so where the ledgers refuse it -------------------------

    def _leave(self, ledger: Ledger, account: str, amount: int) -> list[int]:
        ledger.credit(account, -amount)
        return self.trace.take(ledger.number, account, amount, ledger.day())

    def _arrive(self, ledger: Ledger, account: str, units: list[int]) -> None:
        ledger.credit(account, len(units))
        self.trace.put(ledger.number, account, units, ledger.day())

    def transfer(self, number: int, sender: str, recipient: str, amount: int) -> bool:
        """Move units on one ledger; `recipient` may be a pool."""
        ledger = self.ledgers[number]
        if not 0 < amount <= ledger.has(sender) or recipient in ledger.barred:
            return False
        self._arrive(ledger, recipient, self._leave(ledger, sender, amount))
        return True

    def send(
        self, source: int, destination: int, sender: str, recipient: str, amount: int
    ) -> Message | None:
        """Lock at home, or burn abroad."""
        lane, ledger = source or destination, self.ledgers[source]
        if not 0 < amount <= ledger.has(sender) or not self._open(source, lane):
            return None
        if source != HOME and amount > ledger.figure(f"outstanding {lane}").now:
            return None
        units = self._leave(ledger, sender, amount)
        if source == HOME:
            ledger.credit(custody(lane), amount)
        return self._depart(source, destination, sender, recipient, units)

    def _open(self, number: int, lane: int) -> bool:
        return self.ledgers[number].class_of(custody(lane)) is AccountClass.LINK

    def _depart(
        self,
        source: int,
        destination: int,
        sender: str,
        recipient: str,
        units: list[int],
        origin: Message | None = None,
    ) -> Message:
        """Book units out; at home they stay in custody, abroad they are gone from the supply."""
        lane, ledger, amount = source or destination, self.ledgers[source], len(units)
        if source == HOME:
            ledger.count(f"outstanding {lane}", amount)
        else:
            ledger.count(f"outstanding {lane}", -amount)
            ledger.count("supply", -amount)
        ledger.count(f"sent {lane}", amount)
        now = ledger.now
        message = Message(
            lane, source, destination, sender, recipient, units, now, now + 4 * DAY, origin
        )
        self.messages.append(message)
        return message

    def _book_in(self, message: Message) -> None:
        """Book units in and credit them, or let them wait: for who can't take them, or too late."""
        number, party = message.destination, message.recipient
        ledger, lane, amount = self.ledgers[number], message.lane, message.amount
        if number == HOME:
            ledger.count(f"outstanding {lane}", -amount)
        else:
            ledger.count(f"outstanding {lane}", amount)
            ledger.count("supply", amount)
            ledger.credit(custody(lane), amount)
        if party in ledger.barred or message.late(ledger.now):
            message.state = State.SUSPENSE
            ledger.count(f"suspense {lane}", amount)
            if self.design.lands_in_suspense():
                self._note(message, number, party)
        else:
            self._land(message, number, party)

    def _land(self, message: Message, number: int, payee: str) -> None:
        ledger = self.ledgers[number]
        ledger.credit(custody(message.lane), -message.amount)
        self._arrive(ledger, payee, message.units)
        message.state = State.LANDED
        message.ends += 1
        if message.landing is None:
            self._note(message, number, payee)

    def _note(self, message: Message, number: int, payee: str) -> None:
        ledger = self.ledgers[number]
        if self.design.notes(message, ledger.day(message.lock_time), ledger.day()):
            message.landing = Landing(number, ledger.day(), payee)

    def deliver(self, message: Message) -> bool:
        """Take a message in where it is bound for."""
        ledger = self.ledgers[message.destination]
        if message.state is not State.TRANSIT or not self.design.deliverable(message, ledger.now):
            return False
        if not self._open(ledger.number, message.lane):
            return False
        self._book_in(message)
        return True

    def claim(self, message: Message) -> bool:
        """Take units out of suspense, for whom they wait there; not past the deadline."""
        late = message.late(self.ledgers[message.destination].now)
        return not late and self._release(message, message.recipient)

    def redirect(self, message: Message, payee: str) -> bool:
        """Two roles give units in suspense to somebody else."""
        return self._release(message, payee)

    def _release(self, message: Message, payee: str) -> bool:
        if message.state is not State.SUSPENSE:
            return False
        ledger = self.ledgers[message.destination]
        if payee in ledger.barred:
            return False
        ledger.count(f"suspense {message.lane}", -message.amount)
        self._land(message, ledger.number, payee)
        return True

    def give_back(self, message: Message) -> Message | None:
        """Send units in suspense back to their source, once they are late."""
        late = message.late(self.ledgers[message.destination].now)
        if message.state is not State.SUSPENSE or not late:
            return None
        ledger, lane = self.ledgers[message.destination], message.lane
        ledger.count(f"suspense {lane}", -message.amount)
        if ledger.number != HOME:
            ledger.credit(custody(lane), -message.amount)
        message.state, message.turned = State.RETURNED, ledger.day()
        message.ends += 1
        return self._depart(
            message.destination,
            message.source,
            message.recipient,
            message.sender,
            message.units,
            origin=message,
        )

    def bridge_out(self, number: int, holder: str, amount: int) -> bool:
        """Another bridge burns units here, to mint them elsewhere."""
        ledger = self.ledgers[number]
        if not 0 < amount <= ledger.has(holder):
            return False
        units = self._leave(ledger, holder, amount)
        self.trace.put(ELSEWHERE, "bridge", units, ledger.day())
        self.bridged += [(unit, ledger.day()) for unit in units]
        ledger.count("supply", -amount)
        ledger.count(*(("bridged out", amount) if number == HOME else ("came", -amount)))
        return True

    def bridge_in(self, number: int, holder: str, amount: int) -> bool:
        """Another bridge mints what it burned elsewhere, on that day or a later one.

        At home no more than was taken out there.
        """
        ledger = self.ledgers[number]
        units = [unit for unit, left in self.bridged if left <= ledger.day()][:amount]
        if not units or holder in ledger.barred:
            return False
        if number == HOME and len(units) > ledger.figure("bridged out").now:
            return False
        self.bridged = [(unit, left) for unit, left in self.bridged if unit not in units]
        self._end_elsewhere("bridge", units, ledger.day())
        self._arrive(ledger, holder, units)
        ledger.count("supply", len(units))
        ledger.count(*(("bridged out", -len(units)) if number == HOME else ("came", len(units))))
        return True

    def _end_elsewhere(self, account: str, units: list[int], day: int) -> None:
        lot = self.trace.lots[ELSEWHERE, account]
        self.trace.stays += [
            (unit, ELSEWHERE, account, since, day)
            for unit in units
            if (since := lot.pop(unit)) < day
        ]

    def redeem(self, lane: int, holder: str, amount: int) -> bool:
        """The issuer redeems units abroad; home books it later."""
        ledger = self.ledgers[lane]
        if not 0 < amount <= min(ledger.has(holder), ledger.figure(f"outstanding {lane}").now):
            return False
        units = self._leave(ledger, holder, amount)
        self.trace.put(ELSEWHERE, f"redeemed {lane}", units, ledger.day())
        self.redeemed += [(unit, lane) for unit in units]
        ledger.count("supply", -amount)
        ledger.count("came", -amount)
        ledger.count(f"outstanding {lane}", -amount)
        return True

    def book_redemption(self, lane: int) -> bool:
        """Home learns of a redemption abroad, on its day or later: the units are no more."""
        lot = self.trace.lots.get((ELSEWHERE, f"redeemed {lane}"), {})
        units = [unit for unit, since in lot.items() if since <= self.home.day()]
        if not units:
            return False
        self.redeemed = [(unit, way) for unit, way in self.redeemed if unit not in units]
        self._end_elsewhere(f"redeemed {lane}", units, self.home.day())
        self.home.credit(custody(lane), -len(units))
        self.home.count("supply", -len(units))
        self.home.count(f"outstanding {lane}", -len(units))
        self.home.count(f"gone {lane}", len(units))
        return True

    # --- a past close ----------------------------------------------------------------------------

    def closed(self, day: int) -> bool:
        """Whether every ledger has closed that day."""
        return all(ledger.day() > day for ledger in self.ledgers)

    def figures(
        self, day: int
    ) -> tuple[HomeFigures, dict[LaneId, HomeEnd], dict[LaneId, RemoteEnd]]:
        """What every ledger tells of a close, each of its own storage alone."""
        home = HomeFigures(
            supply=self._told(HOME, "supply", day),
            custody=sum(self._closing(HOME, custody(lane), day)[0] for lane in self.lanes),
            pooled=self._pooled(HOME, day),
            bridged_out=self._told(HOME, "bridged out", day),
        )
        ends = {
            lane_id(lane): HomeEnd(
                *(
                    self._told(HOME, f"{name} {lane}", day)
                    for name in ("outstanding", "suspense", "sent", "gone")
                )
            )
            for lane in self.lanes
        }
        told = {
            lane_id(lane): RemoteEnd(
                supply=self._told(lane, "supply", day),
                suspense=self._told(lane, f"suspense {lane}", day),
                sent=self._told(lane, f"sent {lane}", day),
                came=self._told(lane, "came", day),
                pooled=self._pooled(lane, day),
            )
            for lane in self.lanes
        }
        return home, ends, told

    def fix(self, day: int) -> Cut:
        """The cut of a close."""
        return self.design.fix(*self.figures(day))

    def _told(self, number: int, figure: str, day: int) -> int:
        ledger = self.ledgers[number]
        return self.design.read(ledger, ledger.figure(figure), day)

    def _closing(self, number: int, account: str, day: int) -> tuple[int, AccountClass]:
        ledger = self.ledgers[number]
        return self.design.read(ledger, ledger.account(account), day)

    def _pooled(self, number: int, day: int) -> int:
        closings = (self._closing(number, name, day) for name in self.ledgers[number].accounts)
        return sum(units for units, kind in closings if kind is AccountClass.POOL)

    def crossing(self, message: Message, day: int) -> tuple[tuple[int, str], ...]:
        """The claims that a message gives for a close."""
        ledger, moment = self.design.left(message)
        return self.design.claims(message, self.ledgers[ledger].day(moment), day)

    def claimed(self, day: int) -> dict[object, int]:
        """What is paid for a close, by reserve.

        A ledger's number for its accounts, (ledger, lane) for what crossed, (ledger, "pool") for
        its pools, `ELSEWHERE` for units on none of our ledgers.
        """
        paid: Counter[object] = Counter()
        for ledger in self.ledgers:
            for name, story in ledger.accounts.items():
                units, kind = ledger.closing(story, day)
                if kind is AccountClass.POOL:
                    paid[ledger.number, "pool"] += units * self.design.keeps(ledger.number)
                elif self.design.pays(self.design.class_at(ledger, name, day)):
                    paid[ledger.number] += units
        for message in self.messages:
            for number, _ in self.crossing(message, day):
                paid[number, message.lane] += message.amount
        gone = (1 for _, number, _ in self.trace.at_close(day) if number == ELSEWHERE)
        paid[ELSEWHERE] = sum(gone) * self.design.keeps(ELSEWHERE)
        return paid

    def moved(self, day: int) -> Counter[tuple[int, int]]:
        """By (ledger, lane): what crossed at a close and landed elsewhere than it was bound for."""
        out: Counter[tuple[int, int]] = Counter()
        for message in self.messages:
            if message.landing is None or not self.crossing(message, day):
                continue
            first = message.first
            back = first.turned is not None and first.turned <= day
            bound = first.source if back else first.destination
            if bound != message.landing.ledger:
                out[message.landing.ledger, message.lane] += message.amount
                out[bound, message.lane] -= message.amount
        return out

    # --- properties ------------------------------------------------------------------------------

    def check_step(self) -> None:
        """INV-1, INV-2, INV-3 and INV-5, which hold after every step."""
        self._check_positions()
        self._check_places()
        for lane in self.lanes:
            self._check_backing(lane)

    def _check_positions(self) -> None:
        for ledger in self.ledgers:
            positions = sum(story.now[0] for story in ledger.accounts.values())
            supply = ledger.figure("supply").now
            need(
                positions == supply,
                Property.POSITIONS,
                f"ledger {ledger.number}: {positions} of {supply}",
            )

    def _check_places(self) -> None:
        """INV-1: the issue is where its units are. INV-3: no unit, no message in two places."""
        places: Counter[int] = Counter()
        for lot in self.trace.lots.values():
            places.update(lot.keys())
        for message in self.messages:
            once = message.ends == (not message.pending)
            need(once, Property.ONE_EFFECT, f"a message ended {message.ends} times")
            if message.pending:
                places.update(message.units)
        doubled = sum(1 for times in places.values() if times > 1)
        need(doubled == 0, Property.ONE_EFFECT, f"{doubled} units in two places")
        issue = self.home.figure("supply").now + self.home.figure("bridged out").now
        need(len(places) == issue, Property.ISSUE, f"{len(places)} units in all places of {issue}")

    def _check_backing(self, lane: int) -> None:
        """INV-2 from the messages alone, and that both ends' books say the same."""
        out = [m for m in self.messages if m.lane == lane and m.source == HOME]
        back = [m for m in self.messages if m.lane == lane and m.source != HOME]
        locked, released = _left(out), _arrived(back)
        burned, minted = _left(back), _arrived(out)
        redeemed = sum(1 for _, way in self.redeemed if way == lane)
        booked = self.home.figure(f"gone {lane}").now
        kept, standing = locked - released - booked, minted - burned - redeemed - booked
        need(
            released <= burned and minted <= locked and 0 <= standing <= kept,
            Property.BACKING,
            f"lane {lane}: locked {locked}, released {released}, minted {minted}, burned {burned}",
        )
        for ledger, expected in ((self.home, kept), (self.ledgers[lane], standing)):
            owed = ledger.figure(f"outstanding {lane}").now
            waits = ledger.figure(f"suspense {lane}").now
            holds = ledger.has(custody(lane))
            need(
                owed == expected and holds == waits + (owed if ledger is self.home else 0),
                Property.BACKING,
                f"lane {lane}, ledger {ledger.number}: owes {owed} of {expected}, holds {holds}",
            )

    def check_cut(self, day: int, cut: Cut) -> None:
        """A past close: the gate, INV-6 by sums and unit by unit, and each ledger's reserves."""
        self._check_gate(cut)
        paid = self.claimed(day)
        home = self.home
        issue = sum(home.closing(home.figure(name), day) for name in ("supply", "bridged out"))
        total = sum(paid.values())
        need(total <= issue, Property.TWICE, f"{total - issue} units at close {day}")
        need(total >= issue, Property.NOBODY, f"{issue - total} units at close {day}")
        self._check_each_unit(day, issue)
        self._check_reserves(day, cut, paid)

    def _check_gate(self, cut: Cut) -> None:
        need(not cut.breaks, Property.GATE, "; ".join(map(str, cut.breaks)))

    def _check_each_unit(self, day: int, issue: int) -> None:
        times: Counter[int] = Counter()
        entitled: dict[tuple[int, str], bool] = {}
        for unit, number, account in self.trace.at_close(day):
            if (number, account) not in entitled:
                kind = AccountClass.POOL
                if number != ELSEWHERE:
                    kind = self.design.class_at(self.ledgers[number], account, day)
                # Pools and what is elsewhere are reserves, each paid once.
                entitled[number, account] = (
                    self.design.keeps(number)
                    if kind is AccountClass.POOL
                    else self.design.pays(kind)
                )
            times[unit] += entitled[number, account]
        for message in self.messages:
            for _ in self.crossing(message, day):
                times.update(message.units)
        twice = sum(1 for count in times.values() if count > 1)
        once = sum(1 for count in times.values() if count == 1)
        need(twice == 0, Property.TWICE, f"{twice} single units at close {day}")
        need(once == issue, Property.NOBODY, f"{issue - once} single units at close {day}")

    def _check_reserves(self, day: int, cut: Cut, paid: dict[object, int]) -> None:
        """Each draws on a reserve of its own, and in the end nothing is left in any."""
        moved = self.moved(day)
        fixed: dict[object, int] = {
            HOME: cut.accounts,
            (HOME, "pool"): cut.pooled,
            ELSEWHERE: cut.elsewhere,
        }
        for lane in self.lanes:
            share = cut.shares[lane_id(lane)]
            fixed |= {
                lane: share.accounts,
                (lane, "pool"): share.pooled,
                (HOME, lane): share.home_crossing + moved[HOME, lane],
                (lane, lane): share.crossing + moved[lane, lane],
            }
        for reserve, units in fixed.items():
            drawn = paid.get(reserve, 0)
            detail = f"{reserve} pays {drawn} of {units} at close {day}"
            need(drawn == units, Property.LEDGER_TOTAL, detail)

    def settle(self) -> None:
        """Everything ends: clocks agree, everybody is admitted, what flies lands or goes back."""
        for ledger in self.ledgers:
            ledger.barred = set()
            for lane in self.lanes:
                if ledger.number in (HOME, lane):
                    ledger.set_class(custody(lane), AccountClass.LINK)
        latest = max(ledger.now for ledger in self.ledgers)
        for ledger in self.ledgers:
            ledger.now = latest
        # What goes back joins them.
        for message in self.messages:
            self.deliver(message)
            self.claim(message)
            self.give_back(message)
        self.check_step()
        pending = sum(message.pending for message in self.messages)
        need(pending == 0, Property.ONE_EFFECT, f"{pending} messages never end")
        for ledger in self.ledgers:
            ledger.now += 2 * DAY


def lane_id(lane: int) -> LaneId:
    """The id of a lane."""
    return LaneId(lane.to_bytes(32, "big"))


def _left(messages: list[Message]) -> int:
    """Units that left a source."""
    return sum(m.amount for m in messages)


def _arrived(messages: list[Message]) -> int:
    """Units that a destination took in."""
    return sum(m.amount for m in messages if m.state is not State.TRANSIT)
