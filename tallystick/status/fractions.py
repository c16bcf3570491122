"""Whether what engines gave for fractions is what the ratio's record says: from logs alone.

Of record are closings of the last day in old units there, and messages that left in old units and
landed in new ones; each is given once, by the code and the price of the records that home has in
force. What was not claimed yet is open, and no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import Treatment, treat
from tallystick.actions.record import GIVEN, PRICED, EventRecord, Rounding
from tallystick.status.applied import landed_with, recipient_of
from tallystick.status.closes import Closes, Crossing
from tallystick.status.declared import Claim, Difference, Kind, Said, What, word_text
from tallystick.status.rules.step import NOBODY, Logged
from tallystick.text import hex_text
from tallystick.token.position import date_of
from tallystick.token.ratios import Ratio

__all__ = ["FractionOf", "Given", "Judged", "judged", "price_of"]


class Given(NamedTuple):
    """What an amount in old units is given for its rest: base units, cash to it, cash from it."""

    amount: int
    rest: int
    units: int
    paid: int
    bought: int

    @classmethod
    def of(cls, amount: int, due: Treatment) -> Given:
        """What is declared."""
        return cls(amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0))

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {name: str(value) for name, value in self._asdict().items()}


@dataclass(frozen=True, slots=True)
class FractionOf:
    """What a ratio's record gives an account or message on a ledger, and what it was given.

    `why` it was not, if so.
    """

    ledger: str
    claim: Claim
    declared: Given
    given: Given | None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        message = self.claim.message
        return {
            "ledger": self.ledger,
            "for": str(self.claim.what),
            "holder": self.claim.account,
            "message": hex_text(message) if message else None,
            "declared": self.declared.as_dict(),
            "given": self.given.as_dict() if self.given else None,
            "why": self.why or None,
        }


class Judged(NamedTuple):
    """Of a ratio's fractions on a ledger: what each is given, and what was given otherwise."""

    fractions: tuple[FractionOf, ...]
    differences: tuple[Difference, ...]


def price_of(record: EventRecord, records: Mapping[bytes, EventRecord]) -> EventRecord | None:
    """Return the price of a ratio's fractions, of the records that home has in force."""
    epoch = record.unit_epoch + 1
    found = (each for each in records.values() if each.is_price and each.unit_epoch == epoch)
    return next(found, None)


def judged(
    closes: Closes,
    crossings: Mapping[bytes, Crossing],
    record: EventRecord,
    price: EventRecord | None,
) -> Judged:
    """Return what a ratio's fractions are given on a ledger, and what was given otherwise.

    Args:
        closes: the ledger's.
        crossings: every message by its id.
        record: the ratio's, in force at home.
        price: its fractions' price, in force at home; None: there is none.
    """
    given = _Given(closes, crossings, record, price)
    differences = tuple(given.run())
    return Judged(tuple(given.fractions()), differences)


class _Given:
    """One pass over a ledger's log, for one ratio."""

    def __init__(
        self,
        closes: Closes,
        crossings: Mapping[bytes, Crossing],
        record: EventRecord,
        price: EventRecord | None,
    ) -> None:
        self.closes, self.crossings = closes, crossings
        self.record, self.price = record, price
        self.coaf: bytes = record.as_tuple()[2]
        self.first_day = 0
        self.opened = False
        self.payees: dict[str, str] = {}
        self.seen: dict[tuple[str, bytes], Given] = {}

    def run(self) -> Iterator[Difference]:
        """Go through the log."""
        for logged in self.closes.log.events:
            if logged.contract != "ActionsEngine":
                continue
            if logged.event == "PayeeSet":
                self.payees[logged.args["account"]] = logged.args["payee"]
            elif logged.args.get("coaf") != self.coaf:
                continue
            elif logged.event == "RatioArmed":
                self.first_day = int(logged.args["first_day"])
            elif logged.event == "FractionsOpened":
                self.opened = True
                yield from self._opened(logged)
            elif logged.event == "FractionGiven":
                yield from self._given(logged)

    def fractions(self) -> Iterator[FractionOf]:
        """Yield what everybody of record is given, once the log was gone through."""
        ledger, last = self.closes.ledger, self.first_day - 1
        close = self.closes.close(last) if self.first_day else None
        if close is None:
            return
        for account, amount in close.accounts.items():
            yield from self._fraction(Claim(What.HELD, account), amount)
        for each in self.crossings.values():
            bound = each.source if each.went_back else each.destination
            ending = each.answer.end if each.answer is not None else each.end
            ended = ending is not None and ending.day <= last
            old = each.message.action_epoch <= self.record.unit_epoch
            if bound != ledger or ended or not old or each.id in self._answers:
                continue
            what = What.RETURNED if each.went_back else What.LANDED
            account = landed_with(each, ledger)
            amount = self.closes.carried(each.message.amount, each.message.action_epoch, last)
            claim = Claim(what, account or recipient_of(each), each.id)
            yield from self._fraction(claim, amount, "" if account else "not landed")

    @cached_property
    def _answers(self) -> set[bytes]:
        """Messages that took units back: of record is what had left."""
        return {each.answer.id for each in self.crossings.values() if each.answer is not None}

    def _fraction(self, claim: Claim, amount: int, why: str = "") -> Iterator[FractionOf]:
        due = self._due(amount)
        if due.extra or due.cash:
            key = ("" if claim.message else claim.account, claim.message or bytes(32))
            given = self.seen.get(key)
            why = "" if given else why or self._unclaimed()
            yield FractionOf(self.closes.ledger, claim, Given.of(amount, due), given, why)

    def _unclaimed(self) -> str:
        """What a fraction of record waits for."""
        if not self.opened:
            return "claims are not opened"
        price = self.price if self.record.rounding in PRICED else None
        if price is not None and self.closes.today < price.payment_day:
            return f"the payment day, {date_of(price.payment_day)}"
        buys = self.record.rounding is Rounding.BOUGHT_UP
        return "its holder may buy what lacks" if buys else "to be claimed"

    def _note(
        self, kind: Kind, holder: str, what: str, declared: Said, applied: Said
    ) -> Iterator[Difference]:
        if declared != applied:
            coaf, ledger = word_text(self.coaf), self.closes.ledger
            yield Difference(kind, coaf, ledger, holder, what, declared, applied)

    def _opened(self, logged: Logged) -> Iterator[Difference]:
        rounding = self.record.rounding
        needed = rounding in PRICED and self.price is not None
        price = self.price.coaf if needed and self.price is not None else ""
        said = (("code", int(rounding)), ("first day", self.first_day), ("price", price))
        args = logged.args
        now = (
            ("code", int(args["code"])),
            ("first day", int(args["first_day"])),
            ("price", word_text(bytes(args["price"]))),
        )
        yield from self._note(Kind.RECORD, "", "fractions", said, now)

    def _given(self, logged: Logged) -> Iterator[Difference]:
        account, message = logged.args["account"], bytes(logged.args["message_id"])
        what = f"fraction, message {hex_text(message)[:10]}…" if any(message) else "fraction"
        given = Given(*map(int, tuple(logged.args["given"])))
        now = tuple(given._asdict().items())
        amount = self._of_record(account, message)
        due = self._due(amount)
        key = ("" if any(message) else account, message)
        if key in self.seen or not (due.extra or due.cash):
            why = "given once" if key in self.seen else "nothing"
            yield from self._note(Kind.UNENTITLED, account, what, (("due", why),), now)
            return
        self.seen[key] = given
        said = tuple(Given.of(amount, due)._asdict().items())
        yield from self._note(Kind.AMOUNT, account, what, said, now)
        named = self.payees.get(account, NOBODY)
        to = account if named == NOBODY else named
        receiver = (("to", logged.args["receiver"]),)
        yield from self._note(Kind.RECEIVER, account, what, (("to", to),), receiver)
        day = self.closes.day_of(logged.time)
        first = self.price.payment_day if self.price and self.record.rounding in PRICED else day
        within = (("on", str(date_of(max(day, first)))),)
        yield from self._note(Kind.UNTIMELY, account, what, within, (("on", str(date_of(day))),))

    def _of_record(self, account: str, message: bytes) -> int:
        """Base units in old units that are of record; 0: none."""
        last = self.first_day - 1
        if not any(message):
            close = self.closes.close(last)
            return close.accounts.get(account, 0) if close is not None else 0
        crossing = self.crossings.get(message)
        if crossing is None or crossing.message.action_epoch > self.record.unit_epoch:
            return 0
        if landed_with(crossing, self.closes.ledger) != account:
            return 0
        ending = crossing.answer.end if crossing.answer is not None else crossing.end
        if ending is None or ending.day <= last:
            return 0
        return self.closes.carried(crossing.message.amount, crossing.message.action_epoch, last)

    def _due(self, amount: int) -> Treatment:
        rate, rounding = self.record.rate, self.record.rounding
        priced = rounding in PRICED
        price = self.price.rate if priced and self.price is not None else None
        if rate is None or rounding not in GIVEN or (priced and price is None):
            return Treatment(0, 0, 0, 0)
        ratio = Ratio(rate.numerator, rate.denominator, self.first_day)
        return treat(rounding.code, amount, ratio, price or Rate(0))
