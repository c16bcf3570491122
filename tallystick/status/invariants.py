"""The invariants, judged by pure functions of what was observed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge.message import Kind
from tallystick.status.observation import (
    DIRECTIONS,
    SCOPES,
    LedgerState,
    Observation,
    SideState,
    named,
)

__all__ = [
    "Status",
    "Verdict",
    "check_invariants",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an invariant holds: what it says, its figures in base units, what breaks it."""

    invariant: str
    statement: str
    figures: tuple[tuple[str, int], ...]
    breaks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.breaks


@dataclass(frozen=True, slots=True)
class Status:
    """An observation with its verdicts."""

    observation: Observation
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether every invariant holds."""
        return all(verdict.holds for verdict in self.verdicts)

    def verdict(self, invariant: str) -> Verdict:
        """Return the verdict on an invariant, e.g. `INV-1`."""
        return next(v for v in self.verdicts if v.invariant == invariant)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: amounts are base units as text, exact in every reader."""
        seen = self.observation
        return {
            "schema": "tallystick.status/1",
            "isin": seen.isin,
            "decimals": seen.decimals,
            "ok": self.ok,
            "invariants": [
                {
                    "id": verdict.invariant,
                    "statement": verdict.statement,
                    "holds": verdict.holds,
                    "figures": {name: str(value) for name, value in verdict.figures},
                    "breaks": list(verdict.breaks),
                }
                for verdict in self.verdicts
            ],
            "ledgers": [_ledger_dict(ledger) for ledger in seen.ledgers],
            "lanes": [
                {"id": lane.id, "home": _side_dict(lane.home), "remote": _side_dict(lane.remote)}
                for lane in seen.lanes
            ],
            "messages": [
                {
                    "lane": message.lane,
                    "source": message.source,
                    "destination": message.destination,
                    "nonce": message.nonce,
                    "id": message.id,
                    "amount": str(message.amount),
                    "sender": message.sender,
                    "recipient": message.recipient,
                    "lock_time": message.lock_time,
                    "place": message.place,
                    "age": message.age,
                }
                for message in seen.messages
            ],
            "stray_deliveries": [
                {"lane": s.lane, "ledger": s.ledger, "nonce": s.nonce, "id": s.id}
                for s in seen.strays
            ],
        }


def _ledger_dict(ledger: LedgerState) -> dict[str, Any]:
    return {
        "name": ledger.name,
        "caip2": ledger.caip2,
        "home": ledger.home,
        "block": ledger.block,
        "time": ledger.time,
        "supply": str(ledger.supply),
        "authorised": str(ledger.authorised),
        "live": ledger.live,
        "paused": named(ledger.paused, SCOPES),
        "positions": [
            {
                "account": position.account,
                "name": position.name,
                "balance": str(position.balance),
                "frozen": str(position.frozen),
                "eligible_until": position.eligible_until,
                "account_frozen": position.account_frozen,
                "link": position.link,
            }
            for position in ledger.positions
        ],
        "releases": [
            {
                "contract": release.contract,
                "address": release.address,
                "release": release.version,
                "implementation": release.implementation,
                "code_hash": release.code_hash,
                "sound": release.sound,
            }
            for release in ledger.releases
        ],
    }


def _side_dict(side: SideState) -> dict[str, Any]:
    return {
        "ledger": side.ledger,
        "outstanding": str(side.outstanding),
        "suspense": str(side.suspense),
        "sent": side.sent,
        "paused": named(side.paused, DIRECTIONS),
        "custody": side.custody,
        "custody_balance": str(side.custody_balance),
    }


def check_invariants(observation: Observation) -> tuple[Verdict, ...]:
    """Judge what was observed; a pure function."""
    return (
        _conservation(observation),
        _lane_bounds(observation),
        _exactly_once(observation),
        _sources(observation),
        _positions(observation),
    )


def _conservation(seen: Observation) -> Verdict:
    """INV-1."""
    issue = sum(ledger.supply for ledger in seen.ledgers if ledger.home)
    at_home = sum(ledger.held for ledger in seen.ledgers if ledger.home)
    away = sum(ledger.held for ledger in seen.ledgers if not ledger.home)
    transit = sum(m.amount for m in seen.messages if m.place == "in transit")
    suspense = sum(lane.home.suspense + lane.remote.suspense for lane in seen.lanes)
    total = at_home + transit + suspense + away
    return Verdict(
        "INV-1",
        "issue = home holders + in transit + suspense + remote holders",
        (
            ("issue", issue),
            ("home holders", at_home),
            ("in transit", transit),
            ("suspense", suspense),
            ("remote holders", away),
        ),
        () if total == issue else (f"the places hold {total}, the issue is {issue}",),
    )


def _lane_bounds(seen: Observation) -> Verdict:
    """INV-2."""
    figures: list[tuple[str, int]] = []
    breaks: list[str] = []
    for lane in seen.lanes:
        name = f"{lane.home.ledger}-{lane.remote.ledger}"
        of_lane = [message for message in seen.messages if message.lane == lane.id]
        strays = [stray for stray in seen.strays if stray.lane == lane.id]
        locked = sum(m.amount for m in of_lane if m.kind == Kind.ISSUE)
        burned = sum(m.amount for m in of_lane if m.kind == Kind.RELEASE)
        issued = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.ISSUE)
        issued += sum(s.amount for s in strays if s.ledger == lane.remote.ledger)
        released = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.RELEASE)
        released += sum(s.amount for s in strays if s.ledger == lane.home.ledger)
        figures += [
            (f"{name} locked", locked),
            (f"{name} released", released),
            (f"{name} issued remotely", issued),
            (f"{name} burned remotely", burned),
        ]
        for broken, what in (
            (released > locked, f"released {released} of {locked} locked"),
            (
                issued - burned > locked - released,
                (
                    f"{issued - burned} stand on {lane.remote.ledger}, "
                    f"{locked - released} are locked for them"
                ),
            ),
            (
                lane.home.outstanding != locked - released,
                (
                    f"{lane.home.ledger} owes {lane.home.outstanding}, "
                    f"its messages say {locked - released}"
                ),
            ),
            (
                lane.remote.outstanding != issued - burned,
                (
                    f"{lane.remote.ledger} has issued {lane.remote.outstanding}, "
                    f"its messages say {issued - burned}"
                ),
            ),
            (
                lane.home.custody_balance != lane.home.outstanding + lane.home.suspense,
                (
                    f"custody on {lane.home.ledger} holds {lane.home.custody_balance}, "
                    f"it owes {lane.home.outstanding + lane.home.suspense}"
                ),
            ),
            (
                lane.remote.custody_balance != lane.remote.suspense,
                (
                    f"custody on {lane.remote.ledger} holds {lane.remote.custody_balance}, "
                    f"it owes {lane.remote.suspense}"
                ),
            ),
        ):
            if broken:
                breaks.append(f"lane {name}: {what}")
    return Verdict(
        "INV-2",
        "per lane: released ≤ locked, issued remotely ≤ locked - released, custody holds it",
        tuple(figures),
        tuple(breaks),
    )


def _exactly_once(seen: Observation) -> Verdict:
    """INV-3."""
    breaks: list[str] = []
    for message in seen.messages:
        name = f"{message.source} to {message.destination} message {message.nonce}"
        if message.deliveries > 1:
            breaks.append(f"{name}: delivered {message.deliveries} times")
        if message.claims > 1:
            breaks.append(f"{name}: claimed {message.claims} times")
        if message.claims and not message.to_suspense:
            breaks.append(f"{name}: claimed, but never in suspense")
        if message.arrived != bool(message.deliveries):
            said = "arrived" if message.arrived else "did not arrive"
            breaks.append(f"{name}: its nonce {said}, {message.deliveries} deliveries were logged")
        waiting = message.amount if message.place == "suspense" else 0
        if message.suspended != waiting:
            breaks.append(f"{name}: {message.suspended} in suspense, {waiting} expected")
    for lane in seen.lanes:
        for side in (lane.home, lane.remote):
            waiting = sum(
                message.suspended
                for message in seen.messages
                if message.lane == lane.id and message.destination == side.ledger
            )
            if side.suspense != waiting:
                breaks.append(
                    f"{side.ledger}: lane has {side.suspense} in suspense, messages {waiting}"
                )
    places = Counter(message.place for message in seen.messages)
    return Verdict(
        "INV-3",
        "a message takes effect at most once: delivered, or suspended and then claimed",
        (
            ("messages", len(seen.messages)),
            *((f"messages {place}", places[place]) for place in PLACES),
        ),
        tuple(breaks),
    )


PLACES: Final = ("in transit", "delivered", "suspense", "claimed")


def _sources(seen: Observation) -> Verdict:
    """INV-4, as far as logs and outboxes show it."""
    breaks = [
        f"{stray.ledger}: delivery of nonce {stray.nonce}, amount {stray.amount}: "
        "the other ledger has no such message"
        for stray in seen.strays
    ]
    breaks += [
        f"{message.source}: message {message.nonce} is not what its escrow keeps"
        for message in seen.messages
        if not message.recorded
    ]
    return Verdict(
        "INV-4",
        "every effect has its source event on the lane's other ledger",
        (("deliveries", sum(m.deliveries for m in seen.messages) + len(seen.strays)),),
        tuple(breaks),
    )


def _positions(seen: Observation) -> Verdict:
    """INV-5."""
    figures: list[tuple[str, int]] = []
    breaks: list[str] = []
    for ledger in seen.ledgers:
        total = sum(position.balance for position in ledger.positions)
        figures += [(f"{ledger.name} supply", ledger.supply), (f"{ledger.name} positions", total)]
        if total != ledger.supply:
            breaks.append(f"{ledger.name}: positions sum to {total}, the supply is {ledger.supply}")
        if ledger.home and ledger.supply > ledger.authorised:
            breaks.append(
                f"{ledger.name}: supply {ledger.supply} is above the authorised {ledger.authorised}"
            )
        breaks += [
            f"{ledger.name}: {position.name or position.account} has {position.balance}"
            for position in ledger.positions
            if position.balance < 0
        ]
    return Verdict(
        "INV-5",
        "per ledger: supply = sum of positions, none negative",
        tuple(figures),
        tuple(breaks),
    )
