"""The invariants, one pure function each, named after its number in docs/spec.md.

Each judges what was observed of all ledgers and says what breaks it: ledger, lane, what was found
there and what was expected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.message import Kind
from tallystick.status.observation import LaneState, Observation

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

PLACES: Final = ("in transit", "delivered", "suspense", "claimed")


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
    """Whether an invariant holds: what it says, its figures in base units, what breaks it."""

    invariant: str
    statement: str
    figures: tuple[tuple[str, int], ...]
    breaks: tuple[Break, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.breaks


def check_invariants(observation: Observation) -> tuple[Verdict, ...]:
    """Judge what was observed; a pure function."""
    return tuple(judge(observation) for judge in INVARIANTS)


def inv_1(seen: Observation) -> Verdict:
    """Judge INV-1: the issue is where its units are, each in one place."""
    home = next(ledger for ledger in seen.ledgers if ledger.home)
    away = sum(ledger.held for ledger in seen.ledgers if not ledger.home)
    transit = sum(m.amount for m in seen.messages if m.place == "in transit")
    suspense = sum(lane.home.suspense + lane.remote.suspense for lane in seen.lanes)
    bridges = seen.with_bridges
    total = home.held + transit + suspense + away + bridges
    # What other bridges took out of the home ledger is in no supply, and still of the issue.
    issue = home.supply + home.went_out - home.came_in
    breaks = []
    if total != issue:
        breaks.append(Break(home.name, "", "units in all places", total, issue))
    if bridges < 0:
        breaks.append(Break(home.name, "", "with other bridges", bridges, "at least 0"))
    return Verdict(
        "INV-1",
        "issue = home holders + in transit + suspense + remote holders + with other bridges",
        (
            ("issue", issue),
            ("home holders", home.held),
            ("in transit", transit),
            ("suspense", suspense),
            ("remote holders", away),
            ("with other bridges", bridges),
        ),
        tuple(breaks),
    )


def inv_2(seen: Observation) -> Verdict:
    """Judge INV-2: no lane ever releases more than it locked, or issues more than stays locked."""
    figures: list[tuple[str, int]] = []
    breaks: list[Break] = []
    for lane in seen.lanes:
        name, home, remote = _name(lane), lane.home, lane.remote
        of_lane = [message for message in seen.messages if message.lane == lane.id]
        strays = [stray for stray in seen.strays if stray.lane == lane.id]
        locked = sum(m.amount for m in of_lane if m.kind == Kind.ISSUE)
        burned = sum(m.amount for m in of_lane if m.kind == Kind.RELEASE)
        issued = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.ISSUE)
        issued += sum(s.amount for s in strays if s.ledger == remote.ledger)
        released = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.RELEASE)
        released += sum(s.amount for s in strays if s.ledger == home.ledger)
        kept, standing = locked - released, issued - burned
        figures += [
            (f"{name} locked", locked),
            (f"{name} released", released),
            (f"{name} issued remotely", issued),
            (f"{name} burned remotely", burned),
        ]
        if released > locked:
            breaks.append(Break(home.ledger, name, "released", released, f"at most {locked}"))
        if standing > kept:
            what = "issued and not burned"
            breaks.append(Break(remote.ledger, name, what, standing, f"at most {kept}"))
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
    )


def inv_3(seen: Observation) -> Verdict:
    """Judge INV-3: a message takes effect once, in one way."""
    places = Counter(message.place for message in seen.messages)
    return Verdict(
        "INV-3",
        "a message takes effect at most once: delivered, or suspended and then claimed",
        (
            ("messages", len(seen.messages)),
            *((f"messages {place}", places[place]) for place in PLACES),
        ),
        tuple(_effects(seen)),
    )


def _effects(seen: Observation) -> Iterator[Break]:
    """What breaks INV-3."""
    names = {lane.id: _name(lane) for lane in seen.lanes}
    for message in seen.messages:
        at, lane = message.destination, names[message.lane]
        which = f"of message {message.nonce} from {message.source}"
        if message.deliveries > 1:
            yield Break(at, lane, f"deliveries {which}", message.deliveries, "at most 1")
        if message.claims > 1:
            yield Break(at, lane, f"claims {which}", message.claims, "at most 1")
        if message.claims and not message.to_suspense:
            yield Break(at, lane, f"claims {which}, never in suspense", message.claims, 0)
        if message.arrived != bool(message.deliveries):
            logged = bool(message.deliveries)
            yield Break(at, lane, f"arrival bit {which}", int(message.arrived), int(logged))
        waiting = message.amount if message.place == "suspense" else 0
        if message.suspended != waiting:
            yield Break(at, lane, f"suspense {which}", message.suspended, waiting)
    for each in seen.lanes:
        for side in (each.home, each.remote):
            waiting = sum(
                message.suspended
                for message in seen.messages
                if message.lane == each.id and message.destination == side.ledger
            )
            if side.suspense != waiting:
                yield Break(side.ledger, _name(each), "suspense", side.suspense, waiting)


def inv_4(seen: Observation) -> Verdict:
    """Judge INV-4, as far as logs and outboxes show it: no effect without its source event."""
    names = {lane.id: _name(lane) for lane in seen.lanes}
    breaks = [
        Break(s.ledger, names[s.lane], f"delivered without a source, nonce {s.nonce}", s.amount, 0)
        for s in seen.strays
    ]
    breaks += [
        Break(m.source, names[m.lane], f"message {m.nonce} as its escrow keeps it", 0, 1)
        for m in seen.messages
        if not m.recorded
    ]
    return Verdict(
        "INV-4",
        "every effect has its source event on the lane's other ledger",
        (("deliveries", sum(m.deliveries for m in seen.messages) + len(seen.strays)),),
        tuple(breaks),
    )


def inv_5(seen: Observation) -> Verdict:
    """Judge INV-5: a ledger's supply is what its accounts hold, and at home what was authorised.

    Ratios round down: what they left is in the supply until it is credited, and no account's.
    """
    figures: list[tuple[str, int]] = []
    breaks: list[Break] = []
    for ledger in seen.ledgers:
        name, supply = ledger.name, ledger.supply
        total = sum(position.balance for position in ledger.positions)
        figures += [(f"{name} supply", supply), (f"{name} positions", total)]
        if not supply - ledger.uncollected <= total <= supply:
            most = f"{supply - ledger.uncollected} to {supply}" if ledger.ratios else supply
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
    )


def _name(lane: LaneState) -> str:
    return f"{lane.home.ledger}-{lane.remote.ledger}"


INVARIANTS: Final = (inv_1, inv_2, inv_3, inv_4, inv_5)
