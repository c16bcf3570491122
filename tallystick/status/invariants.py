"""The invariants, one pure function each, named after its number in docs/spec.md.

Each judges what was observed of all ledgers and says what breaks it: ledger, lane, what was found
there and what was expected.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.message import Kind, LaneId
from tallystick.status.observation import LaneState, MessageState, Observation, Unseen

__all__ = [
    "INVARIANTS",
    "Break",
    "Verdict",
    "check_invariants",
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
    home = next(ledger for ledger in seen.ledgers if ledger.home)
    away = sum(ledger.held for ledger in seen.ledgers if not ledger.home)
    transit = sum(m.amount for m in seen.messages if m.place == "in transit")
    suspense = sum(lane.home.suspense + lane.remote.suspense for lane in seen.lanes)
    bridges = seen.with_bridges
    # What a dead ledger's lists paid at home is still shown there, or in transit to it or from it.
    listed = sum(lane.home.listed for lane in seen.lanes)
    total = home.held + transit + suspense + away + bridges - listed
    # What other bridges took out of the home ledger is in no supply, and still of the issue.
    issue = home.supply + home.went_out - home.came_in
    breaks = []
    if total != issue:
        breaks.append(Break(home.name, "", "units in all places", total, issue))
    if bridges < 0:
        breaks.append(Break(home.name, "", "with other bridges", bridges, "at least 0"))
    return Verdict(
        "INV-1",
        statement,
        (
            ("issue", issue),
            ("home holders", home.held),
            ("in transit", transit),
            ("suspense", suspense),
            ("remote holders", away),
            ("with other bridges", bridges),
            *((("paid by lists, and counted twice", listed),) if listed else ()),
        ),
        tuple(breaks),
    )


def inv_2(seen: Observation) -> Verdict:
    """Judge INV-2: no lane ever releases more than it locked, or issues more than stays locked."""
    figures: list[tuple[str, int]] = []
    breaks: list[Break] = []
    messages, lanes_strays = defaultdict(list), defaultdict(list)
    for message in seen.messages:
        messages[message.lane].append(message)
    for stray in seen.strays:
        lanes_strays[stray.lane].append(stray)
    for lane in _seen_lanes(seen):
        name, home, remote = lane.name, lane.home, lane.remote
        of_lane, strays = messages[lane.id], lanes_strays[lane.id]
        locked = sum(m.amount for m in of_lane if m.direction == Kind.ISSUE)
        burned = sum(m.amount for m in of_lane if m.direction == Kind.RELEASE)
        issued = sum(m.amount * m.deliveries for m in of_lane if m.direction == Kind.ISSUE)
        issued += sum(s.amount for s in strays if s.ledger == remote.ledger)
        released = sum(m.amount * m.deliveries for m in of_lane if m.direction == Kind.RELEASE)
        released += sum(s.amount for s in strays if s.ledger == home.ledger)
        # What lists paid at home stands on the dead ledger for ever, and counts no more there.
        kept, standing = locked - released - home.listed, issued - burned
        figures += [
            (f"{name} locked", locked),
            (f"{name} released", released),
            (f"{name} issued remotely", issued),
            (f"{name} burned remotely", burned),
            *(((f"{name} paid by lists", home.listed),) if home.listed else ()),
        ]
        if released + home.listed > locked:
            what, out = "released", released + home.listed
            breaks.append(Break(home.ledger, name, what, out, f"at most {locked}"))
        if standing > (most := kept + home.listed):
            what = "issued and not burned"
            breaks.append(Break(remote.ledger, name, what, standing, f"at most {most}"))
        for side, what, found, expected in (
            (home, "outstanding", home.outstanding, kept),
            (remote, "outstanding", remote.outstanding, standing),
            (home, "in custody", home.custody_balance, home.outstanding + home.suspense),
            (remote, "in custody", remote.custody_balance, remote.suspense),
        ):
            if found != expected:
                breaks.append(Break(side.ledger, name, what, found, expected))
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
    suspended: Counter[tuple[LaneId, str]] = Counter()
    for message in seen.messages:
        if message.lane not in names:
            continue
        suspended[message.lane, message.destination] += message.suspended
        yield from _effects_of(message, names[message.lane])
    for each in lanes:
        for side in (each.home, each.remote):
            waiting = suspended[each.id, side.ledger]
            if side.suspense != waiting:
                yield Break(side.ledger, each.name, "suspense", side.suspense, waiting)


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
    waiting = message.amount if message.place == "suspense" else 0
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
