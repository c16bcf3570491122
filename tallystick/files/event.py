"""The event file (`tallystick.event/1`): what an issuer announces of a corporate action.

`load_event(path, instrument)` returns the golden record, or raises `InputError`: one line
that names the file, the field, the value and what was expected. Whether a record is well formed
says `tallystick.actions.record`; here are what a file adds: how a rate is written, business days,
and, with `today`, whether there is still time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from tallystick.actions.codes import RATIOS, REDEMPTIONS
from tallystick.actions.entitlement import Rate
from tallystick.actions.record import EventRecord, RecordError, Rounding, check_event
from tallystick.errors import InputError, refuse
from tallystick.files.instrument import Currency, Day, Hash, Instrument, Isin, as_tuples
from tallystick.files.manifest import InstrumentEntry
from tallystick.files.strict import StrictModel, json_schema, load, text, wrong
from tallystick.registry.record import EMPTY_HASH, MAX_DECIMALS

__all__ = [
    "NOTICE_DAYS",
    "SCHEMA",
    "Dates",
    "EventFile",
    "event_error",
    "event_schema",
    "field_of",
    "load_event",
    "parse_rate",
    "parse_ratio",
    "wrong_days",
]

SCHEMA: Final = "tallystick.event/1"
# Business days from the announcement to the ex date, or record date (CAJWG), and from today.
NOTICE_DAYS: Final = 2
# ActiveCurrencyAnd13DecimalAmount of ISO 20022.
MAX_RATE_DECIMALS: Final = 13
# Three years, one of them a leap year.
_CLAIMS_LAST: Final = timedelta(days=1096)
_EPOCH: Final = date(1970, 1, 1)
_FRACTIONS: Final = {rounding.code: rounding for rounding in Rounding}
_SATURDAY: Final = 5
# Where a file says what a record holds.
_PATHS: Final[Mapping[str, str]] = {
    "announced": "dates.announcement",
    "ex": "dates.ex",
    "record_day": "dates.record",
    "figures_by": "dates.figures",
    "payment_day": "dates.payment",
    "relief_until": "dates.relief",
    "expires": "dates.expiry",
    "left": "ratio",
    "rounding": "fractions",
}


def parse_rate(value: object) -> str:
    """Return a rate as written: a whole number, a decimal, or an exact fraction."""
    written = str(value) if isinstance(value, int | str) else ""
    decimal = re.fullmatch(r"(?:0|[1-9][0-9]{0,17})(?:\.([0-9]+))?", written, re.ASCII)
    if decimal is None:
        if re.fullmatch(r"[0-9]{1,30}/[1-9][0-9]{0,29}", written, re.ASCII) is None:
            raise wrong('currency for one whole unit, in quotes, such as "0.82" or "181/36500"')
    elif len(decimal[1] or "") > MAX_RATE_DECIMALS:
        raise wrong(f"at most {MAX_RATE_DECIMALS} decimal places (ISO 20022), or a fraction")
    return written


RateText = Annotated[
    str,
    BeforeValidator(parse_rate),
    WithJsonSchema(
        {
            "$comment": '`"0.82"`, `"181/36500"` or a whole number',
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,13}|/[1-9][0-9]*)?$"},
            ],
        }
    ),
]


def parse_ratio(value: object) -> str:
    """Return a ratio as written: new units for old ones, 0 if none is left."""
    written = value if isinstance(value, str) else ""
    if re.fullmatch(r"(?:0|[1-9][0-9]{0,12}):[1-9][0-9]{0,12}", written, re.ASCII) is None:
        raise wrong('new units for old ones, in quotes, such as "4:1"')
    return written


RatioText = Annotated[
    str,
    BeforeValidator(parse_ratio),
    WithJsonSchema({"type": "string", "pattern": r"^(0|[1-9][0-9]{0,12}):[1-9][0-9]{0,12}$"}),
]
Text = Annotated[str, BeforeValidator(text)]


class Dates(StrictModel):
    """The days of an event; each is a business day that ends at the instrument's close."""

    announcement: Day
    ex: Day | None = None
    record: Day | None = None
    figures: Annotated[Day | None, Field(description="until when figures are waited for")] = None
    payment: Day | None = None
    relief: Annotated[Day | None, Field(description="last day for proof of a lower tax")] = None
    expiry: Annotated[Day | None, Field(description="last day of claims")] = None


class EventFile(StrictModel):
    """An event file.

    `rate` is currency for one whole unit, paid in cash of `cash_decimals`. Without dates of their
    own, figures are waited for and only holders claim until the payment date, and claims last three
    years. A split, bonus or reverse split has a `ratio` in place of a rate, of which the new units
    count from the close of the record date on; a bonus of one for ten is "11:10". `fractions` is
    what becomes of those that it leaves. With a rate and a payment date alone it is their price:
    currency for one whole unit of `unit_epoch`, the epoch that the ratio began. A redemption that
    changes units has both: "3:4" is what a partial one leaves, "0:1" what a final one does.
    """

    schema_: Literal["tallystick.event/1"] = Field(alias="schema")
    isin: Isin
    corp: Annotated[Text, Field(description="reference of the issuer")]
    coaf: Annotated[Text, Field(description="official reference")]
    caev: Annotated[Text, Field(description="kind of event, ISO 20022")]
    camv: Annotated[Text, Field(description="mandatory or voluntary")]
    dates: Dates
    rate: RateText | None = None
    ratio: Annotated[RatioText | None, Field(description="new units for old ones")] = None
    currency: Currency | None = None
    cash_decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)] | None = None
    unit_epoch: Annotated[int, Field(ge=0)] = 0
    fractions: Annotated[
        Literal["RDDN", "RDUP", "STAN", "CINL", "DIST", "BUYU"],
        Field(description="what becomes of a ratio's fractions, ISO 15022"),
    ] = "RDDN"
    rounding: Literal["down"] = "down"
    tier: Literal["account"] = "account"
    set_off: Annotated[bool, Field(description="a reversal may be set off against later cash")] = (
        False
    )
    terms: Annotated[Hash, Field(description="of the document that announces it")]
    version: Annotated[int, Field(ge=1)] = 1
    previous: Annotated[Hash | None, Field(description="record hash of the version before")] = None
    holidays: tuple[Day, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _holidays_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "holidays")

    def business_days(self, first: date, last: date) -> int:
        """Return how many business days there are after `first`, until and with `last`."""
        days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
        return sum(map(self.is_business_day, days))

    def is_business_day(self, day: date) -> bool:
        """Whether a day is from Monday to Friday and no holiday."""
        return day.weekday() < _SATURDAY and day not in self.holidays

    def record(self, decimals: int) -> EventRecord:
        """Return the record of this event for an instrument of so many decimals.

        Raises:
            RecordError: it would not be well formed.
        """
        dates = self.dates
        pays = None if self.caev in RATIOS else dates.payment
        expiry = dates.expiry
        if expiry is None and pays is not None:
            expiry = pays + _CLAIMS_LAST
        return check_event(
            EventRecord(
                isin=self.isin,
                corp=self.corp,
                coaf=self.coaf,
                caev=self.caev,
                camv=self.camv,
                announced=_number(dates.announcement),
                ex=_number(dates.ex),
                record_day=_number(dates.record),
                figures_by=_number(dates.figures or pays),
                payment_day=_number(dates.payment),
                relief_until=_number(dates.relief or pays),
                expires=_number(expiry),
                rate=self._rate(decimals),
                currency=self.currency or "",
                cash_decimals=self.cash_decimals or 0,
                unit_epoch=self.unit_epoch,
                left=self._left(),
                rounding=_FRACTIONS[self.fractions],
                set_off=self.set_off,
                terms=bytes.fromhex(self.terms[2:]),
                version=self.version,
                previous=bytes.fromhex(self.previous[2:]) if self.previous else EMPTY_HASH,
            )
        )

    @property
    def _ratio(self) -> Fraction:
        return Fraction(*map(int, (self.ratio or "1:1").split(":")))

    def _left(self) -> Rate | None:
        """What a redemption leaves of a unit; None: all of it."""
        redeems = self.ratio is not None and self.caev in REDEMPTIONS
        return Rate.of(self._ratio) if redeems else None

    def _rate(self, decimals: int) -> Rate | None:
        """The rate in smallest units of the cash for one base unit; or the ratio."""
        changes = self.caev in RATIOS
        if self.rate is not None and self.ratio is not None and changes:
            raise RecordError(
                "rate", "none: the price of a ratio's fractions has a file of its own"
            )
        if self.rate is not None and changes and self.currency is None:
            raise RecordError("rate", f"none: {self.caev} has a ratio, and a price a currency")
        if self.ratio is not None and changes:
            if self.currency is not None:
                raise RecordError("currency", f"none: {self.caev} pays no cash")
            return Rate.of(self._ratio)
        if self.ratio is not None and self.caev not in REDEMPTIONS:
            raise RecordError("ratio", f"none: {self.caev} changes no unit")
        if self.rate is None:
            return None
        if self.cash_decimals is None:
            raise RecordError("cash_decimals", "the decimals of the cash that the rate is paid in")
        try:
            return Rate.of(Fraction(self.rate) * Fraction(10) ** (self.cash_decimals - decimals))
        except ValueError as error:
            raise RecordError("rate", str(error).removeprefix("expected ")) from None


def _number(day: date | None) -> int:
    """The business day that ends on a date; 0: none."""
    return (day - _EPOCH).days if day else 0


def load_event(
    path: str | Path,
    instrument: Instrument | InstrumentEntry,
    *,
    today: date | None = None,
    notice: int = NOTICE_DAYS,
    told: int = 0,
) -> EventRecord:
    """Read an event file.

    Args:
        path: The file.
        instrument: What the event is of.
        today: The current business day of the ledger on which it is announced; None: it was, and
            nothing comes too late.
        notice: Business days that the record date is away from today, at least.
        told: A record day (business days since 1970) that needs no notice, as it is in force.

    Raises:
        InputError: the file is wrong, belongs to another instrument, or comes too late.
    """
    event = load(path, EventFile, SCHEMA)
    if event.isin != instrument.isin:
        raise InputError(path, "isin", event.isin, f"the instrument's ISIN, {instrument.isin}")
    try:
        record = event.record(instrument.decimals)
    except RecordError as error:
        field = field_of(error.field)
        raise InputError(path, field, _written(event, field), error.expected) from None
    needed = None if told and told == record.record_day else notice
    refuse(
        InputError(path, field, _written(event, field), expected)
        for field, expected in (wrong_days(event, today, needed) if today is not None else ())
    )
    return record


def field_of(name: str) -> str:
    """Return where a file says what a record holds under a name."""
    return _PATHS.get(name, name)


def _written(event: EventFile, field: str) -> object:
    """What the file says in a field."""
    value: Any = event
    for name in field.split("."):
        value = getattr(value, name)
    return "missing" if value is None else value


def event_error(path: str | Path, record: EventRecord, error: RecordError) -> InputError:
    """Return what a user sees of a record that comes at the wrong place."""
    value, field = getattr(record, error.field), field_of(error.field)
    change = record.change
    if change is not None and error.field == ("rate" if record.is_ratio else "left"):
        value, field = f"{change.numerator}:{change.denominator}", "ratio"
    elif field.startswith("dates."):
        value = _EPOCH + timedelta(days=value)
    return InputError(path, field, value, error.expected)


def wrong_days(event: EventFile, today: date, notice: int | None) -> list[tuple[str, str]]:
    """Return what is wrong with the days, seen from today: fields, and what was expected.

    Args:
        event: the file.
        today: the business day on which it is announced.
        notice: business days that the record date is away from it, at least; None: it needs none.
    """
    dates, found = event.dates, []
    if dates.announcement > today:
        found.append(("dates.announcement", f"today, {today}, or a day before"))
    if dates.record is not None and notice is not None:
        found += _too_late(event, dates.record, today, notice)
    named = (("ex", dates.ex), ("record", dates.record), ("payment", dates.payment))
    found += [
        (f"dates.{name}", "a business day: Monday to Friday, no holiday")
        for name, day in named
        if day is not None and not event.is_business_day(day)
    ]
    return found


def _too_late(
    event: EventFile, record: date, today: date, notice: int
) -> Iterator[tuple[str, str]]:
    """Whether there is time for everybody to learn of the event."""
    if record <= today:
        yield "dates.record", f"a day after today, {today}"
    elif event.business_days(today, record) < notice:
        yield "dates.record", f"at least {notice} business days after today, {today}"
    name, day = ("ex", event.dates.ex) if event.dates.ex else ("record", record)
    if event.business_days(event.dates.announcement, day) < NOTICE_DAYS:
        expected = f"at least {NOTICE_DAYS} business days before the {name} date, {day}"
        yield "dates.announcement", expected


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema of event files (R-07)."""
    return json_schema(EventFile, SCHEMA, "Tallystick event")
