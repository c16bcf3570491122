"""The invariants, one pure function each, named after its number in docs/spec.md.

Each judges what was observed of all ledgers and says what breaks it: ledger, lane, what was found
there and what was expected.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.message import Kind, LaneId
from tallystick.status.observation import (
    LaneState,
    LedgerState,
    MessageState,
    Observation,
    StrayDelivery,
    Unseen,
)
from tallystick.status.over_ratios import Move, Ratios, over, summed

__all__ = [
    "INVARIANTS",
    "Break",
    "Verdict",
    "check_invariants",
    "dust_of",
    "inv_1",
    "inv_2",
    "inv_3",
    "inv_4",
    "inv_5",
]

PLACES: Final = ("in transit", "delivered", "suspense", "claimed", "returned")


@dataclass(frozen=True, slots=True)
class Break:
    """Where an invariant is broken: ledger, lane if it is one's, what was found and what expected.

    Amounts are base units; `expected` is a number, or a bound such as `at most 5`.
    """

    ledger: str
    lane: str
    what: str
    found: int
    expected: int | str

    def __str__(self) -> str:
        where = f"lane {self.lane}, {self.ledger}" if self.lane else self.ledger
        return f"{where}: {self.what}: {self.found}, {self.expected} expected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an invariant holds: what it says, its figures in base units, what breaks it.

    `unseen`: of what nothing could be said. What breaks it was seen all the same.
    """

    invariant: str
    statement: str
    figures: tuple[tuple[str, int], ...]
    breaks: tuple[Break, ...] = ()
    unseen: tuple[Unseen, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all was seen and nothing breaks it."""
        return not (self.breaks or self.unseen)

    @property
    def word(self) -> str:
        """The verdict in a word: what could not be seen breaks nothing."""
        return "BROKEN" if self.breaks else "incomplete" if self.unseen else "holds"


def check_invariants(observation: Observation) -> tuple[Verdict, ...]:
    """Judge what was observed; a pure function."""
    return tuple(judge(observation) for judge in INVARIANTS)


def inv_1(seen: Observation) -> Verdict:
    """Judge INV-1: the issue is where its units are, each in one place; all of them, or nothing."""
    statement = "issue = home holders + in transit + suspense + remote holders + with other bridges"
    if seen.unseen:
        return Verdict("INV-1", statement, (), unseen=seen.unseen)
    ratios = max((ledger.ratios for ledger in seen.ledgers), key=len)

    def now(amount: int, ledger: LedgerState) -> int:
        """A sum of a ledger in the units of the one that is ahead."""
        return over(amount, len(ledger.ratios), ratios)

    home = next(ledger for ledger in seen.ledgers if ledger.home)
    away = sum(now(ledger.held, ledger) for ledger in seen.ledgers if not ledger.home)
    transit = sum(over(m.amount, m.epoch, ratios) for m in seen.messages if _in_transit(m))
    suspense = sum(
        over(side.suspense, len(side.ratios), ratios)
        for lane in seen.lanes
        for side in (lane.home, lane.remote)
    )
    bridges = sum(now(ledger.with_bridges, ledger) for ledger in seen.ledgers)
    # What a dead ledger's lists paid at home is still shown there, or in transit to it or from it.
    listed = sum(over(lane.home.listed, len(lane.home.ratios), ratios) for lane in seen.lanes)
    total = now(home.held, home) + transit + suspense + away + bridges - listed
    # What other bridges took out of the home ledger is in no supply, and still of the issue.
    issue = now(home.supply, home) + now(home.went_out, home) - now(home.came_in, home)
    left = _left(seen, ratios, now) if ratios else ()
    total += sum(units for _, units in left)
    slack = _slack(seen, ratios)
    breaks = []
    if not issue - slack <= total <= issue + slack:
        breaks.append(Break(home.name, "", "units in all places", total, issue))
    if bridges < 0:
        breaks.append(Break(home.name, "", "with other bridges", bridges, "at least 0"))
    return Verdict(
        "INV-1",
        statement,
        (
            ("issue", issue),
            ("home holders", now(home.held, home)),
            ("in transit", transit),
            ("suspense", suspense),
            ("remote holders", away),
            ("with other bridges", bridges),
            *left,
            *((("paid by lists, and counted twice", listed),) if listed else ()),
        ),
        tuple(breaks),
    )


def _in_transit(message: MessageState) -> bool:
    return message.place == "in transit"


def _left(
    seen: Observation, ratios: Ratios, now: Callable[[int, LedgerState], int]
) -> tuple[tuple[str, int], ...]:
    """What ratios left over, by where it is, in the units of the ledger that is ahead."""
    messages = _by_lane(seen)
    beyond = sum(
        over(side.custody_balance, len(side.ratios), ratios)
        - over(side.outstanding, len(side.ratios), ratios)
        - over(side.suspense, len(side.ratios), ratios)
        for side in (lane.home for lane in seen.lanes)
    )
    accounts = sum(
        now(ledger.supply, ledger)
        - now(ledger.held, ledger)
        - sum(now(p.balance, ledger) for p in ledger.positions if p.link or p.pool)
        for ledger in seen.ledgers
    )
    return (
        ("left on lanes by ratios", sum(dust_of(lane, *messages[lane.id]) for lane in seen.lanes)),
        ("left in custody by ratios", beyond),
        ("left of accounts by ratios", accounts),
    )


def _slack(seen: Observation, ratios: Ratios) -> int:
    """By how much sums can miss one another: what other bridges carry is rounded by itself."""
    if not any(ledger.came_in or ledger.went_out for ledger in seen.ledgers) and not any(
        lane.home.paid for lane in seen.lanes
    ):
        return 0
    most = 0
    for numerator, denominator in ratios:
        most = -(-most * numerator // denominator) + 2 * len(seen.ledgers)
    return most


_OfLane = tuple[list[MessageState], list[StrayDelivery]]


def _by_lane(seen: Observation) -> Mapping[LaneId, _OfLane]:
    """The messages and strays of each lane."""
    found: defaultdict[LaneId, _OfLane] = defaultdict(lambda: ([], []))
    for message in seen.messages:
        found[message.lane][0].append(message)
    for stray in seen.strays:
        found[stray.lane][1].append(stray)
    return found


def _sums(
    lane: LaneState, messages: Iterable[MessageState], strays: Iterable[StrayDelivery]
) -> tuple[list[Move], list[Move]]:
    """What was owed at home and what was issued there and not burned, as it moved by epoch."""
    owed = [(epoch, -units) for epoch, units in (*lane.home.paid, *lane.home.dust)]
    there: list[Move] = []
    for message in messages:
        source, destination = (owed, there) if message.direction == Kind.ISSUE else (there, owed)
        # Up at home and down there as it leaves, and the other way round as it lands.
        sign = 1 if source is owed else -1
        source.append((message.epoch, sign * message.amount))
        destination.append((message.landed_in, sign * message.units * message.deliveries))
    for stray in strays:
        if stray.ledger == lane.home.ledger:
            owed.append((stray.epoch, -stray.amount))
        else:
            there.append((stray.epoch, stray.amount))
    return owed, there


def dust_of(
    lane: LaneState, messages: Iterable[MessageState], strays: Iterable[StrayDelivery]
) -> int:
    """Return what is owed at home to nobody: ratios left it of what was under way, and there.

    By what was sent and delivered, whatever the contracts say; in the units of the ledger that is
    ahead. Below zero more is there and under way than is owed for.
    """
    messages = list(messages)
    owed, there = _sums(lane, messages, strays)
    dust = over(summed(owed, lane.home.ratios), len(lane.home.ratios), lane.ratios)
    dust -= over(summed(there, lane.remote.ratios), len(lane.remote.ratios), lane.ratios)
    dust -= sum(over(m.amount, m.epoch, lane.ratios) for m in messages if _in_transit(m))
    # What lists paid at home stands on the dead ledger for ever.
    return dust + over(lane.home.listed, len(lane.home.ratios), lane.ratios)


def inv_2(seen: Observation) -> Verdict:
    """Judge INV-2: no lane ever releases more than it locked, or issues more than stays locked."""
    figures: list[tuple[str, int]] = []
    breaks: list[Break] = []
    messages = _by_lane(seen)
    for lane in _seen_lanes(seen):
        name, home, remote = lane.name, lane.home, lane.remote
        of_lane, strays = messages[lane.id]
        owed, there = _sums(lane, of_lane, strays)
        # As contracts keep them: rounded down at each ratio as one.
        kept, standing = summed(owed, home.ratios), summed(there, remote.ratios)
        locked = summed([move for move in owed if move[1] > 0], home.ratios)
        issued = summed([move for move in there if move[1] > 0], remote.ratios)
        released, burned = locked - kept - home.listed, issued - standing
        dust = dust_of(lane, of_lane, strays)
        figures += [
            (f"{name} locked", locked),
            (f"{name} released", released),
            (f"{name} issued remotely", issued),
            (f"{name} burned remotely", burned),
            *(((f"{name} paid by lists", home.listed),) if home.listed else ()),
            *(((f"{name} left by ratios", dust),) if lane.ratios else ()),
        ]
        if released + home.listed > locked:
            what, out = "released", released + home.listed
            breaks.append(Break(home.ledger, name, what, out, f"at most {locked}"))
        backed = over(kept + home.listed, len(home.ratios), lane.ratios)
        if over(standing, len(remote.ratios), lane.ratios) > backed:
            what = "issued and not burned"
            breaks.append(Break(remote.ledger, name, what, standing, f"at most {backed}"))
        if lane.ratios and dust < -(len(lane.ratios) if home.paid else 0):
            what = "owed beyond what is there and under way"
            breaks.append(Break(home.ledger, name, what, dust, "at least 0"))
        for side, what, found, expected in (
            (home, "outstanding", home.outstanding, kept),
            (remote, "outstanding", remote.outstanding, standing),
            (remote, "in custody", remote.custody_balance, remote.suspense),
        ):
            if found != expected:
                breaks.append(Break(side.ledger, name, what, found, expected))
        # Of what waited and was undone its part of the sum stays: each word is paid by itself.
        words = [(m.suspended, m.landed_in) for m in of_lane if m.destination == home.ledger]
        words += [(each.amount, each.epoch) for each in strays if each.ledger == home.ledger]
        waits = sum(over(units, since, home.ratios) for units, since in words)
        least = home.outstanding + min(home.suspense, waits)
        most = home.outstanding + home.suspense + home.most_beyond
        if not least <= home.custody_balance <= most:
            within = f"{least} to {most}" if home.ratios else least
            breaks.append(Break(home.ledger, name, "in custody", home.custody_balance, within))
    return Verdict(
        "INV-2",
        "per lane: released ≤ locked, issued remotely ≤ locked - released, custody holds it",
        tuple(figures),
        tuple(breaks),
        _unseen_lanes(seen),
    )


def _seen_lanes(seen: Observation) -> list[LaneState]:
    """The lanes of which all was seen."""
    hidden = {each.lane for each in seen.unseen}
    return [lane for lane in seen.lanes if lane.name not in hidden]


def _unseen_lanes(seen: Observation) -> tuple[Unseen, ...]:
    return tuple(each for each in seen.unseen if each.lane)


def inv_3(seen: Observation) -> Verdict:
    """Judge INV-3: a message takes effect once, in one way."""
    places = Counter(message.place for message in seen.messages)
    return Verdict(
        "INV-3",
        "a message takes effect at most once: delivered, or suspended and then claimed or returned",
        (
            ("messages", len(seen.messages)),
            *((f"messages {place}", places[place]) for place in PLACES),
        ),
        tuple(_effects(seen)),
        _unseen_lanes(seen),
    )


def _effects(seen: Observation) -> Iterator[Break]:
    """What breaks INV-3."""
    lanes = _seen_lanes(seen)
    names = {lane.id: lane.name for lane in lanes}
    ends = {(lane.id, side.ledger): side for lane in lanes for side in (lane.home, lane.remote)}
    suspended: Counter[tuple[LaneId, str]] = Counter()
    for message in seen.messages:
        if message.lane not in names:
            continue
        ratios = ends[message.lane, message.destination].ratios
        units = over(message.suspended, message.landed_in, ratios)
        suspended[message.lane, message.destination] += units
        yield from _effects_of(message, names[message.lane])
    for each in lanes:
        for side in (each.home, each.remote):
            waiting = suspended[each.id, side.ledger]
            # Over a ratio the sum may be more than what each message is paid.
            kept = summed(side.waited, side.ratios) if side.ratios else waiting
            if side.suspense != kept:
                yield Break(side.ledger, each.name, "suspense", side.suspense, kept)
            if side.ratios and waiting > side.suspense:
                at_most = f"at most {side.suspense}"
                yield Break(side.ledger, each.name, "waiting in suspense", waiting, at_most)


def _effects_of(message: MessageState, lane: str) -> Iterator[Break]:
    """What a message does to INV-3."""
    at, which = message.destination, f"of message {message.nonce} from {message.source}"
    if message.deliveries > 1:
        yield Break(at, lane, f"deliveries {which}", message.deliveries, "at most 1")
    left = message.claims + message.returns
    if left > 1:
        yield Break(at, lane, f"claims and returns {which}", left, "at most 1")
    if left and not message.to_suspense:
        yield Break(at, lane, f"claims and returns {which}, never in suspense", left, 0)
    if message.arrived != bool(message.deliveries):
        logged = bool(message.deliveries)
        yield Break(at, lane, f"arrival bit {which}", int(message.arrived), int(logged))
    waiting = message.units if message.place == "suspense" else 0
    if message.suspended != waiting:
        yield Break(at, lane, f"suspense {which}", message.suspended, waiting)


def inv_4(seen: Observation) -> Verdict:
    """Judge INV-4, as far as logs and outboxes show it: no effect without its source event."""
    names = {lane.id: lane.name for lane in _seen_lanes(seen)}
    breaks = [
        Break(s.ledger, names[s.lane], f"delivered without a source, nonce {s.nonce}", s.amount, 0)
        for s in seen.strays
        if s.lane in names
    ]
    breaks += [
        Break(m.source, names[m.lane], f"message {m.nonce} as its escrow keeps it", 0, 1)
        for m in seen.messages
        if not m.recorded and m.lane in names
    ]
    return Verdict(
        "INV-4",
        "every effect has its source event on the lane's other ledger",
        (("deliveries", sum(m.deliveries for m in seen.messages) + len(seen.strays)),),
        tuple(breaks),
        _unseen_lanes(seen),
    )


def inv_5(seen: Observation) -> Verdict:
    """Judge INV-5: a ledger's supply is what its accounts hold, and at home what was authorised.

    Ratios round down: what they left is in the supply until it is credited, and no account's.
    """
    figures: list[tuple[str, int]] = []
    breaks: list[Break] = []
    hidden = {each.ledger for each in seen.unseen if not each.lane}
    for ledger in seen.ledgers:
        name, supply = ledger.name, ledger.supply
        total = sum(position.balance for position in ledger.positions)
        figures += [(f"{name} supply", supply), (f"{name} positions", total)]
        # Accounts that no log named are in no sum.
        least = 0 if name in hidden else supply - ledger.uncollected
        if not least <= total <= supply:
            most = f"{least} to {supply}" if ledger.ratios or name in hidden else supply
            breaks.append(Break(name, "", "sum of positions", total, most))
        issue = supply + ledger.went_out - ledger.came_in
        if ledger.home and issue > ledger.authorised:
            breaks.append(Break(name, "", "issue", issue, f"at most {ledger.authorised}"))
        breaks += [
            Break(name, "", f"balance of {p.name or p.account}", p.balance, "at least 0")
            for p in ledger.positions
            if p.balance < 0
        ]
    return Verdict(
        "INV-5",
        "per ledger: supply = sum of positions (and remainders of ratios), none negative",
        tuple(figures),
        tuple(breaks),
        tuple(each for each in seen.unseen if not each.lane),
    )


INVARIANTS: Final = (inv_1, inv_2, inv_3, inv_4, inv_5)
