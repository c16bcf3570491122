"""The coupons file (`tallystick.coupons/1`): a bond's terms of interest, and the events they make.

`load_coupons(path, instrument)` returns every coupon with its event file and its record, or raises
`InputError`: one line for each thing that is wrong, which names the file, the field, the value and
what was expected. What the terms mean says `tallystick.actions.schedule`.

An event is a function of the file alone, its announcement date too: whoever makes it anywhere, on
whatever day, makes the same record with the same hash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from tallystick.actions.calendars import BusinessDays, CalendarError, known_years
from tallystick.actions.entitlement import Rate
from tallystick.actions.record import EventRecord, RecordError
from tallystick.actions.schedule import ICMA, Bond, Coupon
from tallystick.errors import InputError
from tallystick.files import event as events
from tallystick.files.event import NOTICE_DAYS, EventFile, RateText
from tallystick.files.instrument import Currency, Day, Hash, Instrument, Isin, as_tuples
from tallystick.files.manifest import InstrumentEntry
from tallystick.files.strict import StrictModel, Wrong, checked, json_schema, load, text, wrong
from tallystick.registry.record import MAX_DECIMALS

__all__ = ["SCHEMA", "CouponEvent", "CouponsFile", "coupons_schema", "load_coupons"]

SCHEMA: Final = "tallystick.coupons/1"
# A reference and the day that makes it an event's: a word holds 32 characters.
_PREFIX: Final = re.compile(r"[A-Za-z0-9/?:().,'+-]{1,23}", re.ASCII)
# A token keeps closes that are at most 400 days ahead: 250 business days are in reach.
_MAX_AHEAD: Final = 250
_MAX_APART: Final = 30


def _prefix(value: object) -> str:
    if not _PREFIX.fullmatch(text(value)):
        raise wrong("1 to 23 letters, digits or /-?:().,'+, before the day of a coupon")
    return text(value)


Prefix = Annotated[
    str,
    BeforeValidator(_prefix),
    WithJsonSchema({"$comment": "text of 1 to 23 characters", "type": "string", "maxLength": 23}),
]
Calendar = Literal["TARGET", "NYSE", "SIFMA"]


class Factor(StrictModel):
    """What is left of the nominal amount from a coupon period on."""

    from_: Annotated[Day, Field(alias="from", description="start of a period, as the terms say")]
    factor: Annotated[RateText, Field(description="less than before")]


class CouponsFile(StrictModel):
    """A bond's terms of interest.

    Each coupon is an event of its own, an interest payment (INTR) whose references are `corp` and
    `coaf` with the day on which its period ends. Days are counted back from `last`.
    """

    schema_: Literal["tallystick.coupons/1"] = Field(alias="schema")
    isin: Isin
    corp: Annotated[Prefix, Field(description="how references of the issuer begin")]
    coaf: Annotated[Prefix, Field(description="how official references begin")]
    first: Annotated[Day, Field(description="interest begins to accrue; included")]
    last: Annotated[Day, Field(description="interest ends; not included")]
    frequency: Annotated[Literal[1, 2, 3, 4, 6, 12], Field(description="coupons a year")]
    first_period: Annotated[
        Literal["regular", "short", "long"], Field(description="whether it is broken, and how")
    ] = "regular"
    end_of_month: Annotated[
        bool, Field(description="periods end on the last of their months, as the last one does")
    ] = False
    rate: Annotated[RateText, Field(description='a year, of the nominal: `"0.017"` is 1.7 %')]
    nominal: Annotated[RateText, Field(description="currency of one whole unit")] = "1"
    currency: Currency
    cash_decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)]
    day_count: Annotated[
        Literal["30/360", "30E/360", "ACT/360", "ACT/365F", "ACT/ACT-ICMA"],
        Field(description="how days of interest are counted"),
    ]
    accrual: Annotated[
        Literal["unadjusted", "adjusted"],
        Field(description="whether a period ends where the rule moves its payment"),
    ] = "unadjusted"
    rule: Annotated[
        Literal["following", "modified-following", "preceding", "unadjusted"],
        Field(description="what moves a payment to a business day"),
    ] = "following"
    calendars: Annotated[
        tuple[Calendar, ...], Field(min_length=1, description="all of them are open")
    ]
    holidays: Annotated[tuple[Day, ...], Field(description="closed beside these")] = ()
    record: Annotated[
        int, Field(ge=1, le=_MAX_APART, description="business days, record date to payment")
    ] = 1
    ex: Annotated[
        int | None, Field(ge=0, le=_MAX_APART, description="business days, ex to record date")
    ] = None
    announced: Annotated[
        int,
        Field(
            ge=NOTICE_DAYS,
            le=_MAX_AHEAD,
            description="business days, announcement to ex date, or else record date",
        ),
    ] = 10
    factors: Annotated[tuple[Factor, ...], Field(description="of bonds that amortise")] = ()
    set_off: bool = False
    terms: Annotated[Hash, Field(description="of the bond's terms")]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "calendars", "holidays", "factors")

    @checked
    def _sound(self) -> Wrong:
        if len(set(self.calendars)) < len(self.calendars):
            yield wrong("each calendar once", path="calendars", value=", ".join(self.calendars))
        if not Fraction(self.nominal):
            yield wrong("more than 0", path="nominal", value=self.nominal)
        if self.day_count == ICMA and self.accrual == "adjusted":
            expected = f"unadjusted: regular periods of {ICMA} are those of the terms"
            yield wrong(expected, path="accrual", value=self.accrual)
        if self.last <= self.first:
            yield wrong(f"a day after {self.first}", path="last", value=self.last)
            return
        yield from self._days_fit()

    def _days_fit(self) -> Wrong:
        """Periods are as they are said to be, their days known, factors where periods begin."""
        bond = self.bond
        starts = [opens for opens, _ in bond.periods()]
        broken = bond.is_broken()
        if broken != (self.first_period != "regular"):
            *_, before = bond.regular()
            expected = (
                f"short or long: regular periods begin on {before}, not on {self.first}"
                if broken
                else f"regular: a regular period begins on {self.first}"
            )
            yield wrong(expected, path="first_period", value=self.first_period)
        elif self.first_period == "long" and len(list(bond.regular())) < 3:
            expected = "short: there is no regular period after it"
            yield wrong(expected, path="first_period", value=self.first_period)
        for name in self.calendars:
            since, until = known_years(name)
            for path, day in (("first", self.first), ("last", self.last)):
                # A year apart from what it knows: notice, record and payment are around.
                if not since < day.year < until:
                    expected = f"a day of {since + 1} to {until - 1}, which {name} knows"
                    yield wrong(expected, path=path, value=day)
        before_it = Fraction(1)
        for at, each in enumerate(self.factors):
            path, factor = f"factors[{at}]", Fraction(each.factor)
            if each.from_ not in starts or any(e.from_ >= each.from_ for e in self.factors[:at]):
                expected = "the start of a period, one after the other"
                yield wrong(expected, path=f"{path}.from", value=each.from_)
            if not factor < before_it:
                yield wrong(f"less than {before_it}", path=f"{path}.factor", value=each.factor)
            before_it = min(before_it, factor)

    @property
    def bond(self) -> Bond:
        """The terms as the package counts with them."""
        return Bond(
            first=self.first,
            last=self.last,
            frequency=self.frequency,
            rate=Fraction(self.rate),
            day_count=self.day_count,
            business_days=BusinessDays(self.calendars, frozenset(self.holidays)),
            rule=self.rule,
            adjusted=self.accrual == "adjusted",
            stub="" if self.first_period == "regular" else self.first_period,
            end_of_month=self.end_of_month,
            record=self.record,
            ex=self.ex,
            announced=self.announced,
            factors={each.from_: Fraction(each.factor) for each in self.factors},
        )

    def event(self, coupon: Coupon) -> EventFile:
        """Return the event file of a coupon; its `holidays` are the calendars' between its days."""
        interest = coupon.interest * Fraction(self.nominal)
        closed = self.bond.business_days.holidays(coupon.announcement, coupon.payment)
        return EventFile.model_validate(
            {
                "schema": events.SCHEMA,
                "isin": self.isin,
                "corp": f"{self.corp}-{coupon.due:%Y%m%d}",
                "coaf": f"{self.coaf}-{coupon.due:%Y%m%d}",
                "caev": "INTR",
                "camv": "MAND",
                "dates": {
                    "announcement": coupon.announcement,
                    **({} if coupon.ex is None else {"ex": coupon.ex}),
                    "record": coupon.record,
                    "payment": coupon.payment,
                },
                "rate": f"{interest.numerator}/{interest.denominator}",
                "currency": self.currency,
                "cash_decimals": self.cash_decimals,
                "set_off": self.set_off,
                "terms": self.terms,
                "holidays": list(closed),
            }
        )


@dataclass(frozen=True, slots=True)
class CouponEvent:
    """A coupon, the event file that announces it, and the record that this makes."""

    coupon: Coupon
    event: EventFile
    record: EventRecord

    @property
    def name(self) -> str:
        """What its event file is called."""
        return f"{re.sub('[^A-Za-z0-9.-]', '_', self.record.coaf)}.yaml"

    def text(self) -> str:
        """Return its event file, as `tallystick event` reads it."""
        data = self.event.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return yaml.safe_dump(data, sort_keys=False)


def load_coupons(
    path: str | Path, instrument: Instrument | InstrumentEntry
) -> tuple[CouponEvent, ...]:
    """Read a coupons file; returns every coupon in the order of payment.

    Args:
        path: the file.
        instrument: what the coupons are of.

    Raises:
        InputError: the file is wrong, belongs to another instrument, or makes no good event.
    """
    file = load(path, CouponsFile, SCHEMA)
    if file.isin != instrument.isin:
        raise InputError(path, "isin", file.isin, f"the instrument's ISIN, {instrument.isin}")
    try:
        return tuple(_made(path, file, coupon, instrument) for coupon in file.bond.coupons())
    except CalendarError as error:
        raise InputError(path, "calendars", ", ".join(file.calendars), str(error)) from None


def _made(
    path: str | Path, file: CouponsFile, coupon: Coupon, instrument: Instrument | InstrumentEntry
) -> CouponEvent:
    """The event of a coupon, if it is a good one."""
    if not file.bond.business_days.is_open(coupon.payment):
        expected = f"a rule that moves payment: {coupon.payment} is no business day"
        raise InputError(path, "rule", file.rule, expected)
    try:
        Rate.of(coupon.interest * Fraction(file.nominal))
        event = file.event(coupon)
        return CouponEvent(coupon, event, event.record(instrument.decimals))
    except ValueError as error:
        # Days follow one another as they are counted; nothing else can be too much.
        expected = error.expected if isinstance(error, RecordError) else str(error)
        raise InputError(path, "rate", file.rate, f"{expected} (coupon of {coupon.due})") from None


def coupons_schema() -> dict[str, Any]:
    """Return the JSON Schema of coupons files (R-07)."""
    return json_schema(CouponsFile, SCHEMA, "Tallystick coupons")
