"""Whether what engines gave for fractions is what the ratio's record says: from logs alone.

Of record are closings of the last day in old units there, and messages that left in old units and
landed in new ones; each is given once, by the code and the price of the records that home has in
force. What was not claimed yet is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import Treatment, treat
from tallystick.actions.record import GIVEN, PRICED, EventRecord
from tallystick.status.applied import landed_with
from tallystick.status.closes import Closes, Crossing
from tallystick.status.declared import Difference, Kind, Said, word_text
from tallystick.status.rules.step import NOBODY, Logged
from tallystick.text import hex_text
from tallystick.token.position import date_of
from tallystick.token.ratios import Ratio

__all__ = ["given_otherwise", "price_of"]

_NAMES: Final = ("amount", "rest", "units", "paid", "bought")


def price_of(record: EventRecord, records: Mapping[bytes, EventRecord]) -> EventRecord | None:
    """Return the price of a ratio's fractions, of the records that home has in force."""
    epoch = record.unit_epoch + 1
    found = (each for each in records.values() if each.is_price and each.unit_epoch == epoch)
    return next(found, None)


def given_otherwise(
    closes: Closes,
    crossings: Mapping[bytes, Crossing],
    record: EventRecord,
    price: EventRecord | None,
) -> Iterator[Difference]:
    """Yield what a ledger's engine gave for fractions of a ratio other than is declared.

    Args:
        closes: the ledger's.
        crossings: every message by its id.
        record: the ratio's, in force at home.
        price: its fractions' price, in force at home; None: there is none.
    """
    yield from _Given(closes, crossings, record, price).run()


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
        self.payees: dict[str, str] = {}
        self.seen: set[tuple[str, bytes]] = set()

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
                yield from self._opened(logged)
            elif logged.event == "FractionGiven":
                yield from self._given(logged)

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
        now = tuple(zip(_NAMES, map(int, tuple(logged.args["given"])), strict=True))
        amount = self._of_record(account, message)
        due = self._due(amount)
        key = ("" if any(message) else account, message)
        if key in self.seen or not (due.extra or due.cash):
            why = "given once" if key in self.seen else "nothing"
            yield from self._note(Kind.UNENTITLED, account, what, (("due", why),), now)
            return
        self.seen.add(key)
        values = (amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0))
        said = tuple(zip(_NAMES, values, strict=True))
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
