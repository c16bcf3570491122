"""The coupons file (`tallystick.coupons/1`): what a bond pays by its terms, and the events of that.

`load_coupons(path, instrument)` returns every coupon, and every redemption if the file says how
those are called, with event file and record, or raises `InputError`: one line for each thing that
is wrong, which names the file, the field, the value and what was expected. What the terms mean says
`tallystick.actions.schedule`.

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
from tallystick.actions.schedule import ICMA, Bond, Call, Coupon, Redemption
from tallystick.errors import InputError
from tallystick.files import event as events
from tallystick.files.event import NOTICE_DAYS, EventFile, RateText, RatioText
from tallystick.files.instrument import Currency, Day, Hash, Instrument, Isin, as_tuples
from tallystick.files.manifest import InstrumentEntry
from tallystick.files.strict import StrictModel, Wrong, checked, json_schema, load, text, wrong
from tallystick.registry.record import MAX_DECIMALS

__all__ = ["SCHEMA", "CouponsFile", "TermsEvent", "coupons_schema", "load_coupons"]

SCHEMA: Final = "tallystick.coupons/1"
# A reference and the day that makes it an event's: a word holds 32 characters.
_PREFIX: Final = re.compile(r"[A-Za-z0-9/?:().,'+-]{1,23}", re.ASCII)
# A token keeps closes that are at most 400 days ahead: 250 business days are in reach.
_MAX_AHEAD: Final = 250
_MAX_APART: Final = 30


def _prefix(value: object) -> str:
    if not _PREFIX.fullmatch(text(value)):
        raise wrong("1 to 23 letters, digits or /-?:().,'+, before a day of payment")
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


class CallTerms(StrictModel):
    """What the issuer calls: a part of every unit (PCAL), or the bond (MCAL), which ends it."""

    on: Annotated[Day, Field(description="end of a period; whole, any day of one")]
    ratio: Annotated[RatioText, Field(description="what is left of units: `3:4`")] = "0:1"
    price: Annotated[RateText, Field(description="for one of nominal")] = "1"

    @property
    def call(self) -> Call:
        """The call as the package counts with it."""
        return Call(Fraction(*map(int, self.ratio.split(":"))), Fraction(self.price))


class RedemptionTerms(StrictModel):
    """What is paid back: where a factor begins, what is called, and at the end.

    With the coupon of that day, for units of the same close, by events of their own: PRED, of which
    the units stay, PCAL, which leaves some of them, REDM and MCAL, which leave none. After a PCAL
    rates are for units of the epoch that it began.
    """

    coaf: Annotated[Prefix, Field(description="how official references begin, not as coupons'")]
    price: Annotated[RateText, Field(description="for one of nominal")] = "1"
    calls: Annotated[tuple[CallTerms, ...], Field(description="in their order")] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "calls")


class CouponsFile(StrictModel):
    """A bond's terms.

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
    redemption: Annotated[
        RedemptionTerms | None, Field(description="left out: events of their own files")
    ] = None
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
        if Fraction(self.rate) >= 1:
            # A percentage would pay a hundred times what is owed.
            yield wrong('less than 1: 1.7 % is "0.017"', path="rate", value=self.rate)
        if self.day_count == ICMA and self.accrual == "adjusted":
            expected = f"unadjusted: regular periods of {ICMA} are those of the terms"
            yield wrong(expected, path="accrual", value=self.accrual)
        if self.redemption is not None:
            yield from self._repays(self.redemption)
        if self.last <= self.first:
            yield wrong(f"a day after {self.first}", path="last", value=self.last)
            return
        yield from self._days_fit()

    def _repays(self, redemption: RedemptionTerms) -> Wrong:
        """Something is paid back, each time, and told from coupons."""
        if redemption.coaf == self.coaf:
            yield wrong("another than coupons have", path="redemption.coaf", value=self.coaf)
        if not Fraction(redemption.price):
            yield wrong("more than 0", path="redemption.price", value=redemption.price)
        for at, each in enumerate(self.factors):
            if not Fraction(each.factor):
                expected = "more than 0: the last of it is redeemed on the last day"
                yield wrong(expected, path=f"factors[{at}].factor", value=each.factor)
        for at, called in enumerate(redemption.calls):
            path = f"redemption.calls[{at}]"
            if called.call.left >= 1:
                yield wrong("fewer units than before", path=f"{path}.ratio", value=called.ratio)
            if not called.call.price:
                yield wrong("more than 0", path=f"{path}.price", value=called.price)

    def _calls_fit(self) -> Wrong:
        """Calls follow one another, each on a day that has none but it; a whole one is the last."""
        ends, before = [closes for _, closes in self.bond.periods()], self.first
        calls = self.redemption.calls if self.redemption is not None else ()
        for at, each in enumerate(calls):
            path, expected = f"redemption.calls[{at}].on", ""
            if not before < each.on < self.last:
                expected = f"a day after {before}, before {self.last}"
            elif each.on > self.bond.end:
                expected = f"none: it is called whole on {self.bond.end}"
            elif each.on not in ends:
                expected = "the end of a period, as it is called in part"
            elif each.call.left and each.on in {factor.from_ for factor in self.factors}:
                expected = "a day on which no factor begins"
            if expected:
                yield wrong(expected, path=path, value=each.on)
            before = each.on

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
        yield from self._calls_fit()

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
            price=Fraction(self.redemption.price if self.redemption is not None else 1),
            calls={each.on: each.call for each in self.redemption.calls} if self.redemption else {},
        )

    def payments(self) -> list[Coupon | Redemption]:
        """Return all that is paid, in the order of payment; of one day the coupon first."""
        found: list[Coupon | Redemption] = [*self.bond.coupons()]
        if self.redemption is not None:
            found += self.bond.redemptions()
        return sorted(found, key=lambda each: each.due)

    def amount(self, paid: Coupon | Redemption) -> Fraction:
        """Return the currency that is paid for one whole unit."""
        return paid.amount * Fraction(self.nominal)

    def event(self, paid: Coupon | Redemption) -> EventFile:
        """Return the event file of a payment; `holidays` are the calendars' between its days."""
        amount, coaf, kind = self.amount(paid), self.coaf, {"caev": "INTR"}
        if isinstance(paid, Redemption) and self.redemption is not None:
            coaf = self.redemption.coaf
            kind = {"caev": paid.caev}
            if paid.units < 1:
                kind["ratio"] = f"{paid.units.numerator}:{paid.units.denominator}"
        closed = self.bond.business_days.holidays(paid.announcement, paid.payment)
        return EventFile.model_validate(
            {
                "schema": events.SCHEMA,
                "isin": self.isin,
                "corp": f"{self.corp}-{paid.due:%Y%m%d}",
                "coaf": f"{coaf}-{paid.due:%Y%m%d}",
                **kind,
                "camv": "MAND",
                "dates": {
                    "announcement": paid.announcement,
                    **({} if paid.ex is None else {"ex": paid.ex}),
                    "record": paid.record,
                    "payment": paid.payment,
                },
                "rate": f"{amount.numerator}/{amount.denominator}",
                "currency": self.currency,
                "cash_decimals": self.cash_decimals,
                **({"unit_epoch": paid.epoch} if paid.epoch else {}),
                "set_off": self.set_off,
                "terms": self.terms,
                "holidays": list(closed),
            }
        )


@dataclass(frozen=True, slots=True)
class TermsEvent:
    """A coupon or redemption, the event file that announces it, and the record that this makes."""

    paid: Coupon | Redemption
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
) -> tuple[TermsEvent, ...]:
    """Read a coupons file; returns every coupon and redemption in the order of payment.

    Args:
        path: the file.
        instrument: what is paid on.

    Raises:
        InputError: the file is wrong, belongs to another instrument, or makes no good event.
    """
    file = load(path, CouponsFile, SCHEMA)
    if file.isin != instrument.isin:
        raise InputError(path, "isin", file.isin, f"the instrument's ISIN, {instrument.isin}")
    try:
        return tuple(_made(path, file, paid, instrument) for paid in file.payments())
    except CalendarError as error:
        raise InputError(path, "calendars", ", ".join(file.calendars), str(error)) from None


def _made(
    path: str | Path,
    file: CouponsFile,
    paid: Coupon | Redemption,
    instrument: Instrument | InstrumentEntry,
) -> TermsEvent:
    """The event of a payment, if it is a good one."""
    if not file.bond.business_days.is_open(paid.payment):
        expected = f"a rule that moves payment: {paid.payment} is no business day"
        raise InputError(path, "rule", file.rule, expected)
    try:
        Rate.of(file.amount(paid))
        event = file.event(paid)
        return TermsEvent(paid, event, event.record(instrument.decimals))
    except ValueError as error:
        # Days follow one another as they are counted; nothing else can be too much.
        expected = error.expected if isinstance(error, RecordError) else str(error)
        field, value, what = "rate", file.rate, "coupon"
        if isinstance(paid, Redemption):
            of = "calls" if paid.caev in ("PCAL", "MCAL") else "price"
            field, value, what = f"redemption.{of}", str(paid.price), "redemption"
        raise InputError(path, field, value, f"{expected} ({what} of {paid.due})") from None


def coupons_schema() -> dict[str, Any]:
    """Return the JSON Schema of coupons files (R-07)."""
    return json_schema(CouponsFile, SCHEMA, "Tallystick coupons")
