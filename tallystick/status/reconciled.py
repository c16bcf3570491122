"""What events declare, holder by holder, and whether that is what the contracts gave: a pure fold.

Everything is from logs: what is declared from the record that home has in force, closings, messages
and how they ended, pay terms and categories; what was given from what the engines logged. What is
not paid yet is open, and no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from tallystick.actions.entitlement import Entitlement, total
from tallystick.actions.message import Status
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import party
from tallystick.reach.connection import Connection
from tallystick.status.applied import Engine, landed_with, message_units, recipient_of
from tallystick.status.closes import Closes, Crossing, crossings_of
from tallystick.status.declared import (
    ACCOUNTS,
    Applied,
    Claim,
    Difference,
    Due,
    Kind,
    Payment,
    Said,
    What,
    word_text,
)
from tallystick.status.fractions import FractionOf, Judged, judged, price_of
from tallystick.status.ledger_log import LedgerLog, read_log
from tallystick.status.shares import Shares
from tallystick.text import hex_text
from tallystick.token.position import date_of

__all__ = ["Event", "Holding", "Reconciled", "Standing", "State", "reconcile", "reconciled_of"]

_NOTHING: Final = Entitlement(0, 0, 0)


class State(StrEnum):
    """What became of what a holder is due."""

    PAID = "paid"
    # Off the ledger, as two roles took note.
    ELSEWHERE = "paid elsewhere"
    OPEN = "open"
    # Nobody claimed it in time.
    LAPSED = "lapsed"
    # The event was reversed before it was paid.
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a holder is due of an event on a ledger, and what it was given.

    Attributes:
        ledger: where it is paid.
        claim: the account or pool, or a message and whom it is for or landed with.
        units: base units at the close of the record day.
        gross: smallest units of the cash.
        tax: of that, by category: what held when it was paid, or holds now; None: no terms yet.
        state: what became of it.
        why: what an open one waits for.
        payment: as the engine logged it.
        owed: net that was entered as owed back.
    """

    ledger: str
    claim: Claim
    units: int
    gross: int
    tax: int | None
    state: State
    why: str = ""
    payment: Payment | None = None
    owed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        paid, net = self.payment, None if self.tax is None else str(self.gross - self.tax)
        given = None
        if paid is not None:
            amounts = {name: str(getattr(paid.paid, name)) for name in _AMOUNTS}
            given = {**amounts, "receiver": paid.receiver or None, "set_off": str(paid.set_off)}
        tax = None if self.tax is None else str(self.tax)
        return {
            "ledger": self.ledger,
            "for": str(self.claim.what),
            "holder": self.claim.account,
            "message": hex_text(self.claim.message) if self.claim.message else None,
            "declared": {
                "units": str(self.units),
                "gross": str(self.gross),
                "tax": tax,
                "net": net,
            },
            "given": given,
            "state": str(self.state),
            "why": self.why or None,
            "owed": str(self.owed),
        }


_AMOUNTS: Final = ("units", "gross", "tax", "net")


@dataclass(frozen=True, slots=True)
class Standing:
    """An event on a ledger: by which record it goes there, and sums of its holders.

    `why` nothing is declared there yet, if so. `given` has what was paid without entitlement, too.
    """

    ledger: str
    record: str
    why: str
    declared: Entitlement
    given: Entitlement
    open: Entitlement

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; of what is declared and open, tax and net are by holder."""
        sums = {"declared": self.declared, "open": self.open}
        return {
            "ledger": self.ledger,
            "record": self.record or None,
            "why": self.why or None,
            **{
                name: {"units": str(each.units), "gross": str(each.gross)}
                for name, each in sums.items()
            },
            "given": {name: str(getattr(self.given, name)) for name in _AMOUNTS},
        }


@dataclass(frozen=True, slots=True)
class Event:
    """An event on all ledgers; `record` is the one in force at home, None: none is.

    Of a ratio, `fractions` are what its record gives for them, at their `price`.
    """

    coaf: str
    record: EventRecord | None
    ledgers: tuple[Standing, ...]
    holdings: tuple[Holding, ...]
    differences: tuple[Difference, ...]
    fractions: tuple[FractionOf, ...] = ()
    price: EventRecord | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        record = self.record
        return {
            "coaf": self.coaf,
            "caev": record.caev if record else None,
            "version": record.version if record else None,
            "record": hex_text(record.hash) if record else None,
            "currency": (record.currency or None) if record else None,
            "cash_decimals": record.cash_decimals if record else None,
            "ok": not self.differences,
            "differences": [
                {
                    "kind": str(each.kind),
                    "ledger": each.ledger,
                    "holder": each.holder or None,
                    "what": each.what,
                    "declared": _said(each.declared),
                    "applied": _said(each.applied),
                }
                for each in self.differences
            ],
            "ledgers": [each.as_dict() for each in self.ledgers],
            "holders": [each.as_dict() for each in self.holdings],
            "price": self.price.coaf if self.price else None,
            "fractions": [each.as_dict() for each in self.fractions],
        }


def _said(said: Said) -> dict[str, Any]:
    """Names and values for JSON: amounts as text."""
    return {
        name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in said
    }


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Events as the logs of all ledgers tell them, each read up to a block."""

    logs: Mapping[str, LedgerLog]
    events: tuple[Event, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was given is what was declared."""
        return not any(event.differences for event in self.events)


def reconciled_of(
    connection: Connection, coaf: str = "", record: EventRecord | None = None
) -> Reconciled:
    """Read every ledger's log, and compare.

    Home is read last: what it has in force or fixed others know later. A block that is mined
    between two readings, or a node that is behind, can still make a difference, so one counts only
    if it is seen again.

    Args:
        connection: the ledgers.
        coaf: the event; all when left out.
        record: what it should be, as a file says.
    """
    found = _read(connection, coaf, record)
    if found.ok:
        return found
    again = _read(connection, coaf, record)
    seen = {each for event in found.events for each in event.differences}
    events = [
        replace(event, differences=tuple(each for each in event.differences if each in seen))
        for event in again.events
    ]
    return replace(again, events=tuple(events))


def _read(connection: Connection, coaf: str, record: EventRecord | None) -> Reconciled:
    manifest = connection.manifest
    home = manifest.instrument.home
    others = [ledger.name for ledger in manifest.ledgers if ledger.name != home]
    logs = {name: read_log(connection, name) for name in (*others, home)}
    ordered = {name: logs[name] for name in (home, *others)}
    events = reconcile(ordered, manifest.instrument.isin, coaf, record)
    return Reconciled(ordered, events)


def reconcile(
    logs: Mapping[str, LedgerLog], isin: str, coaf: str = "", record: EventRecord | None = None
) -> tuple[Event, ...]:
    """Compare what events declare with what the contracts gave, from logs alone.

    Args:
        logs: of every ledger by name, home first.
        isin: the instrument's.
        coaf: the event; all when left out.
        record: what it should be, as a file says.

    Raises:
        CheckFailed: a token's log that nothing here knows.
    """
    ledgers = {name: Closes.of(log) for name, log in logs.items()}
    comparison = _Comparison(ledgers, crossings_of(ledgers), isin)
    return tuple(
        comparison.event(each, record) for each in comparison.coafs if coaf in ("", word_text(each))
    )


class _Comparison:
    """All events on all ledgers."""

    def __init__(
        self, ledgers: Mapping[str, Closes], crossings: Mapping[bytes, Crossing], isin: str
    ) -> None:
        self.ledgers = ledgers
        self.crossings = crossings
        self.shares = Shares(ledgers, crossings)
        self.home = self.shares.home.ledger
        # What home has in force is needed to judge what any engine did.
        known = Engine(ledgers[self.home], crossings, {}).run()
        read = {each: _record(applied, isin) for each, applied in known.items()}
        self.records = {each: record for each, record in read.items() if record is not None}
        self.active = {
            each: applied.in_force is not None and applied.in_force[1] == Status.ACTIVE
            for each, applied in known.items()
        }
        self.engines = {
            name: Engine(closes, crossings, self._due(name)) for name, closes in ledgers.items()
        }
        self.applied = {name: engine.run() for name, engine in self.engines.items()}
        found = (each for applied in self.applied.values() for each in applied)
        self.coafs = tuple(dict.fromkeys(found))

    def _due(self, ledger: str) -> dict[bytes, Due]:
        return {
            coaf: Due(
                record=record,
                active=self.active[coaf],
                close=self.shares.close(ledger, record),
                elsewhere=self.shares.elsewhere(record) if ledger == self.home else 0,
                accounts=self.shares.accounts(ledger, record),
                ratios=self.shares.ratios,
            )
            for coaf, record in self.records.items()
        }

    # -------------------------------------------------------------------------- an event

    def event(self, coaf: bytes, file: EventRecord | None) -> Event:
        """Return an event as all ledgers have it."""
        record, on = self.records.get(coaf), {n: a.get(coaf) for n, a in self.applied.items()}
        holdings = tuple(self._holdings(coaf)) if record is not None else ()
        price = price_of(record, self.records) if record is not None and record.is_ratio else None
        fractions = list(self._fractions(record, price)) if record is not None else []
        found = [
            *self._records(coaf, on, file),
            *self._shares(coaf, on),
            *self._told(coaf, on),
            *(each for applied in on.values() if applied for each in applied.differences),
            *(difference for each in fractions for difference in each.differences),
        ]
        return Event(
            coaf=word_text(coaf),
            record=record,
            ledgers=tuple(self._standing(coaf, name, holdings) for name in self.ledgers),
            holdings=holdings,
            differences=tuple(found),
            fractions=tuple(of for each in fractions for of in each.fractions),
            price=price,
        )

    def _standing(self, coaf: bytes, ledger: str, holdings: tuple[Holding, ...]) -> Standing:
        applied = self.applied[ledger].get(coaf)
        mine = [each for each in holdings if each.ledger == ledger]
        in_force = applied.in_force if applied is not None else None
        return Standing(
            ledger=ledger,
            record=hex_text(in_force[0]) if in_force else "",
            why=self._why_nothing(coaf, ledger, applied),
            declared=_sum(mine),
            given=total(each.paid for each in applied.made) if applied else _NOTHING,
            open=_sum([each for each in mine if each.state is State.OPEN]),
        )

    def _why_nothing(self, coaf: bytes, ledger: str, applied: Applied | None) -> str:
        """Why a ledger's holders are due nothing yet, or nothing."""
        record = self.records.get(coaf)
        if record is None:
            return "no version is in force at home"
        if not self.active[coaf]:
            return "cancelled"
        if applied is None or applied.in_force is None:
            return "not told"
        if not record.record_day or record.rate is None or record.is_ratio:
            return "it pays no cash"
        if record.record_day >= self.ledgers[ledger].today:
            return f"the record day, {date_of(record.record_day)}, is not over"
        return ""

    def _difference(self, kind: Kind, coaf: bytes, ledger: str, what: str) -> Any:
        def made(declared: Said, applied: Said) -> Iterator[Difference]:
            if declared != applied:
                yield Difference(kind, word_text(coaf), ledger, "", what, declared, applied)

        return made

    # --------------------------------------------------------------------------- records

    def _records(
        self, coaf: bytes, on: Mapping[str, Applied | None], file: EventRecord | None
    ) -> Iterator[Difference]:
        """Whatever a ledger took is a version that home had in force; and home's is the file's."""
        home = on[self.home]
        known, record = home.sent if home else [], self.records.get(coaf)
        in_force = home.in_force if home else None
        said: Said = (("record", hex_text(in_force[0]) if in_force else "none"),)
        if in_force and record is None:
            found = self._difference(Kind.RECORD, coaf, self.home, "the record")
            yield from found((("record", "one that can be read"),), said)
        if file is not None and record is not None and file.version <= record.version:
            found = self._difference(Kind.RECORD, coaf, self.home, "the file's record")
            yield from found((("record", hex_text(file.hash)),), said)
        for name, applied in on.items():
            if applied is None or name == self.home:
                continue
            for version in dict.fromkeys((*applied.versions, *applied.contradicted)):
                # Of a version before the one that was shown the hash alone is known.
                linked = version[1] == 0 and version[0] in (home.records if home else {})
                if version not in known and not linked:
                    found = self._difference(Kind.RECORD, coaf, name, "the record")
                    yield from found(_version(in_force), _version(version))

    # ---------------------------------------------------------------------------- shares

    def _shares(self, coaf: bytes, on: Mapping[str, Applied | None]) -> Iterator[Difference]:
        """Each lane is split as closes and landings say, and the other ledger took that."""
        home, record = on[self.home], self.records.get(coaf)
        if record is None:
            return
        for name, applied in on.items():
            if name == self.home:
                continue
            for lane in self.ledgers[name].lanes:
                fixed = home.shares.get(lane) if home else None
                parts = self.shares.lane(name, lane, record)
                if fixed is not None and home is not None and parts is not None:
                    now = (home.fixed[lane], *fixed)
                    said = tuple(may.said(is_) for may, is_ in zip(parts, now, strict=True))
                    found = self._difference(Kind.SHARE, coaf, self.home, f"the lane to {name}")
                    yield from found(_pairs(_LANE, said), _pairs(_LANE, now))
                taken = applied.shares.get(lane) if applied else None
                if taken is not None:
                    found = self._difference(Kind.SHARE, coaf, name, "totals of home")
                    wanted: Said = _pairs(_LANE[1:], fixed) if fixed else (("totals", "none"),)
                    yield from found(wanted, _pairs(_LANE[1:], taken))

    def _told(self, coaf: bytes, on: Mapping[str, Applied | None]) -> Iterator[Difference]:
        """What home took as paid elsewhere is what that ledger told."""
        home = on[self.home]
        for name, applied in on.items():
            if home is None or name == self.home:
                continue
            for lane in self.ledgers[name].lanes:
                told = applied.told.get(lane, []) if applied is not None else []
                for figures in home.told.get(lane, []):
                    if figures not in told:
                        found = self._difference(
                            Kind.TOTALS, coaf, self.home, f"taken as paid by {name}"
                        )
                        newest = told[-1] if told else (0,) * len(_TOLD)
                        yield from found(_pairs(_TOLD, newest), _pairs(_TOLD, figures))

    def _fractions(self, record: EventRecord, price: EventRecord | None) -> Iterator[Judged]:
        """What is given for a ratio's fractions on each ledger is what its record says."""
        for closes in self.ledgers.values() if record.is_ratio else ():
            yield judged(closes, self.crossings, record, price)

    # -------------------------------------------------------------------------- holdings

    def _holdings(self, coaf: bytes) -> Iterator[Holding]:
        record = self.records[coaf]
        if not self.active[coaf] or record.rate is None or not record.record_day:
            return
        if record.is_ratio:
            return
        for ledger in self.ledgers:
            applied = self.applied[ledger].get(coaf) or Applied(coaf)
            for claim in self._claims(applied, ledger):
                yield self._holding(self.engines[ledger], applied, claim)

    def _claims(self, applied: Applied, ledger: str) -> Iterator[Claim]:
        """Everything that is due on a ledger, whether or not it has landed there yet."""
        due = self.engines[ledger].due[applied.coaf]
        day = due.record.record_day
        if due.close is None:
            return
        yield from (Claim(What.HELD, account) for account in due.close.accounts)
        yield from (Claim(What.POOL, pool) for pool in due.close.pools)
        bridges = Claim(What.ELSEWHERE, self.ledgers[ledger].token)
        if ledger == self.home and self.engines[ledger].units_of(applied, bridges):
            yield bridges
        for each in self.crossings.values():
            bound = each.source if each.went_back else each.destination
            if bound == ledger and each.under_way(day) and self._is_due(applied, each):
                what = What.RETURNED if each.went_back else What.LANDED
                account = landed_with(each, ledger) or recipient_of(each)
                yield Claim(what, account, each.id)

    def _is_due(self, applied: Applied, crossing: Crossing) -> bool:
        """Whether something is due for a message, or was paid: a ratio may leave nothing of it."""
        return message_units(self.engines[self.home].due[applied.coaf], crossing) > 0 or any(
            claim.message == crossing.id for claim in applied.payments
        )

    def _holding(self, engine: Engine, applied: Applied, claim: Claim) -> Holding:
        due = engine.due[applied.coaf]
        crossing = self.crossings.get(claim.message)
        units = message_units(due, crossing) if crossing else engine.units_of(applied, claim) or 0
        gross, payment = due.gross(units), applied.payments.get(claim)
        tax = engine.withheld(applied, claim.account, gross)
        state, why = State.OPEN, ""
        if payment is not None:
            state = State.ELSEWHERE if payment.elsewhere else State.PAID
            tax = payment.tax if payment.tax is not None else tax
        else:
            state, why = self._open(engine, applied, claim, due)
        return Holding(
            ledger=engine.closes.ledger,
            claim=claim,
            units=units,
            gross=gross,
            tax=tax,
            state=state,
            why=why,
            payment=payment,
            owed=applied.assessed.get(claim, 0),
        )

    def _open(self, engine: Engine, applied: Applied, claim: Claim, due: Due) -> tuple[State, str]:
        """What became of what was not paid, and what it waits for."""
        record, today = due.record, engine.closes.today
        if applied.off:
            return State.OFF, "reversed" if applied.reversed else "halted"
        crossing = self.crossings.get(claim.message)
        if crossing is not None and not landed_with(crossing, engine.closes.ledger):
            return State.OPEN, "on its way back" if crossing.went_back else "not landed"
        if claim.what is What.RETURNED:
            return State.OPEN, "cash to be brought"
        key = engine.part_of(applied, claim)
        fixed = ACCOUNTS if claim.what is What.POOL else key
        if fixed not in applied.fixed:
            return State.OPEN, "not fixed"
        if claim.what is What.HELD and today > record.expires:
            return State.LAPSED, f"not claimed by {date_of(record.expires)}"
        if crossing is not None and crossing.end is not None:
            over = crossing.end.day <= applied.ended.get(crossing.message.lane, 0)
            if over or crossing.id in applied.given_up:
                return State.LAPSED, "not claimed in time"
        part = applied.parts.get(key or ACCOUNTS)
        if part is None or not part.open:
            pool = claim.what is What.POOL
            return State.OPEN, "to be set aside" if pool else "not funded in full"
        return State.OPEN, self._unclaimed(engine, applied, claim, record)

    def _unclaimed(
        self, engine: Engine, applied: Applied, claim: Claim, record: EventRecord
    ) -> str:
        """What a claim of a part that is funded in full waits for."""
        today = engine.closes.today
        if today < record.payment_day:
            return f"the payment day, {date_of(record.payment_day)}"
        if claim.account in applied.refused:
            return "its cash was refused"
        if party(claim.account) in applied.parts and not engine.named(claim.account):
            return "no payee is named"
        return "to be claimed" if today <= record.relief_until else "to be paid"


_LANE: Final = ("to land at home", "accounts", "crossing")
_TOLD: Final = (
    *(f"{part} {name}" for part in ("accounts", "crossing") for name in ("units", "gross", "tax")),
    "funded",
)


def _version(version: tuple[bytes, int] | None) -> Said:
    """A version of an event, by its record's hash and its status."""
    if version is None:
        return (("record", "none"),)
    named = {int(each): each.name.lower() for each in Status}
    return (("record", hex_text(version[0])), ("status", named.get(version[1], "unknown")))


def _pairs(names: tuple[str, ...], values: tuple[int, ...]) -> Said:
    return tuple(zip(names, values, strict=True))


def _sum(holdings: list[Holding]) -> Entitlement:
    return total(Entitlement(each.units, each.gross, each.tax or 0) for each in holdings)


def _record(applied: Applied, isin: str) -> EventRecord | None:
    """The record that home has in force; None: there is none, or none that we can read."""
    if applied.in_force is None:
        return None
    hashed = applied.in_force[0]
    try:
        record = EventRecord.from_words(isin, applied.records[hashed])
    except (KeyError, ValueError):
        return None
    return record if record.hash == hashed else None
