"""What engines tell one another, a row a kind: whose it is, how it is logged, when it is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.actions.message import (
    Armed,
    Entered,
    EventVersion,
    Figures,
    Kind,
    PaidSoFar,
    Ratio,
    RatioState,
    Reconciled,
    Reversal,
    Status,
    Told,
    Totals,
)
from tallystick.chain import Contract, Event
from tallystick.events.asking import Asking
from tallystick.files.event import NOTICE_DAYS
from tallystick.text import time_text
from tallystick.token.position import date_of

__all__ = ["KINDS", "KindOfMessage", "subject", "word_text"]

# Versions of events by the hashes of their records, as home announced them.
Versions = Mapping[bytes, EventVersion]
# Whether a ledger has what another told, and why it can't take it yet.
_Taken = Asking[tuple[bool, str]]
_Clock = Callable[[], int]
_NO_RECORD: Final = "its record is not in force there"
_NOTICE: Final = "its notice there ends at {} UTC"


@dataclass(frozen=True, slots=True)
class KindOfMessage:
    """A kind of message, and what differs from one to another.

    Attributes:
        kind: its number.
        from_home: told by home; else by a remote ledger.
        by_lane: logged under a lane, of the close of a day; else under an event's reference.
        told: what the log of it tells; versions of its event are asked for where it needs them.
        taken: asks the engine that it goes to, with what is told, the source's ledger id and the
            clock there.
        against: what that engine logs if it contradicts what it has.
    """

    kind: Kind
    from_home: bool
    by_lane: bool
    told: Callable[[Event, Callable[[bytes], Versions]], Told]
    taken: Callable[[Contract, Any, bytes, _Clock], Asking[tuple[bool, str]]]
    against: str = ""

    @property
    def log(self) -> str:
        """The event with which an engine tells it."""
        return f"{self.kind.name.title()}Sent"

    @property
    def act(self) -> str:
        """The function that takes it."""
        return f"take_{self.kind.name.lower()}"


def _record_taken(engine: Contract, told: EventVersion, source: bytes, now: _Clock) -> _Taken:
    del source, now
    coaf, record_hash = told.record.as_tuple()[2], told.record.hash
    standing, known = yield [(engine, "event_of", coaf), (engine, "version_of", record_hash)]
    (in_force,) = yield [(engine, "version_of", standing.in_force)]
    # The newest version replaces those before it whole.
    newer = in_force.halted or in_force.version >= told.record.version
    return known.status != 0 or newer, ""


def _armed_taken(engine: Contract, told: Armed, source: bytes, now: _Clock) -> _Taken:
    del now
    (known,) = yield [(engine, "told_at", told.event_version, source)]
    return known.taken_at != 0, ""


def _figures_taken(engine: Contract, told: Figures, source: bytes, now: _Clock) -> _Taken:
    del source, now
    ((counts, kept),) = yield [(engine, "figures_at", told.lane, told.day)]
    if counts:
        return Figures(*kept) == told, ""
    other = any((kept.supply, kept.suspense, kept.sent, kept.came))
    return False, "other figures contradict them: that lane and day stop" if other else ""


def _totals_taken(engine: Contract, told: Totals, source: bytes, now: _Clock) -> _Taken:
    del source
    standing, share = yield [
        (engine, "event_of", told.coaf),
        (engine, "share_of", told.coaf, told.lane),
    ]
    (version,) = yield [(engine, "version_of", standing.in_force)]
    if version.halted or version.status == Status.CANCELLED:
        # Nobody asks for them any more.
        return True, ""
    if share.fixed:
        return (share.accounts, share.crossing) == (told.accounts, told.crossing), ""
    (in_force,) = yield [(engine, "version_hash", told.coaf, version.version)]
    if bytes(in_force) != told.event_version:
        return False, _NO_RECORD
    until = int(version.noticed) + NOTICE_DAYS * 86_400
    return False, _NOTICE.format(time_text(until)) if now() < until else ""


def _paid_taken(engine: Contract, told: PaidSoFar, source: bytes, now: _Clock) -> _Taken:
    del source, now
    known, funded = yield [
        (engine, "paid_at", told.coaf, told.lane),
        (engine, "is_funded_there", told.coaf, told.lane),
    ]
    # The newest says all that those before it did.
    paid = all(x >= y for x, y in zip(known, told.figures, strict=True))
    return paid and funded >= told.funded, ""


def _reversal_taken(engine: Contract, told: Reversal, source: bytes, now: _Clock) -> _Taken:
    del source, now
    reversal, standing = yield [
        (engine, "reversal_of", told.coaf),
        (engine, "event_of", told.coaf),
    ]
    if reversal.since != 0:
        return True, ""
    (version,) = yield [(engine, "version_of", standing.in_force)]
    (in_force,) = yield [(engine, "version_hash", told.coaf, version.version)]
    return False, "" if bytes(in_force) == told.event_version else _NO_RECORD


def _ratio_taken(engine: Contract, told: Ratio, source: bytes, now: _Clock) -> _Taken:
    del source, now
    armed, standing = yield [(engine, "armed_ratio", told.coaf), (engine, "event_of", told.coaf)]
    if armed.epoch == told.epoch and armed.version >= told.version:
        return True, ""
    if told.state == RatioState.IN_FORCE:
        return False, ""
    (version,) = yield [(engine, "version_of", standing.in_force)]
    off = version.halted or version.status == Status.CANCELLED
    if off or version.version > told.version:
        # It was withdrawn meanwhile; or it is told anew, once it is in force at home.
        return True, ""
    return False, "" if version.version == told.version else _NO_RECORD


def _entered_taken(engine: Contract, told: Entered, source: bytes, now: _Clock) -> _Taken:
    del now
    ((state, version, _),) = yield [(engine, "ratio_told", told.coaf, source)]
    if RatioState.IN_FORCE in (state, told.state):
        return state == RatioState.IN_FORCE, ""
    return (version, state) >= (told.version, told.state), ""


def _reconciled_taken(engine: Contract, told: Reconciled, source: bytes, now: _Clock) -> _Taken:
    del source, now
    (known,) = yield [(engine, "reconciliation_of", told.lane)]
    return known.day >= told.day, ""


KINDS: Final[Mapping[Kind, KindOfMessage]] = {
    row.kind: row
    for row in (
        KindOfMessage(
            Kind.RECORD,
            from_home=True,
            by_lane=False,
            told=lambda event, versions: versions(event.coaf)[bytes(event.record_hash)],
            taken=_record_taken,
            against="EventHalted",
        ),
        KindOfMessage(
            Kind.ARMED,
            from_home=False,
            by_lane=False,
            told=lambda event, _: Armed(*event.args["armed"]),
            taken=_armed_taken,
        ),
        KindOfMessage(
            Kind.FIGURES,
            from_home=False,
            by_lane=True,
            told=lambda event, _: Figures(*event.args["figures"]),
            taken=_figures_taken,
            against="FiguresContradicted",
        ),
        KindOfMessage(
            Kind.TOTALS,
            from_home=True,
            by_lane=False,
            told=lambda event, _: Totals(*event.args["totals"]),
            taken=_totals_taken,
            against="TotalsContradicted",
        ),
        KindOfMessage(
            Kind.RECONCILED,
            from_home=True,
            by_lane=True,
            told=lambda event, _: Reconciled(*event.args["reconciled"]),
            taken=_reconciled_taken,
        ),
        KindOfMessage(
            Kind.PAID,
            from_home=False,
            by_lane=False,
            told=lambda event, _: PaidSoFar(*event.args["paid"]),
            taken=_paid_taken,
        ),
        KindOfMessage(
            Kind.REVERSAL,
            from_home=True,
            by_lane=False,
            told=lambda event, _: Reversal(*event.args["reversal"]),
            taken=_reversal_taken,
        ),
        KindOfMessage(
            Kind.RATIO,
            from_home=True,
            by_lane=False,
            told=lambda event, _: Ratio(*event.args["ratio"]),
            taken=_ratio_taken,
        ),
        KindOfMessage(
            Kind.ENTERED,
            from_home=False,
            by_lane=False,
            told=lambda event, _: Entered(*event.args["entered"]),
            taken=_entered_taken,
        ),
    )
}


def word_text(word: bytes) -> str:
    """Return a reference that a word holds, as people write it."""
    return word.rstrip(b"\0").decode("ascii", "replace")


def subject(told: Told) -> str:
    """Return what is told of, in words: an event, or a day."""
    if isinstance(told, EventVersion):
        return f"{told.record.coaf} version {told.record.version}"
    if isinstance(told, Figures | Reconciled):
        return str(date_of(told.day))
    return word_text(told.coaf)
