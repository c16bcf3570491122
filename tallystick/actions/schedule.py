"""What a fixed-rate bond pays: coupons and redemptions, and on which days. Pure and exact.

Every quantity of interest is a `Fraction`; nothing is rounded before the engine rounds what each
holder is paid. Periods run back from the last accrual date, and so only the first can be broken,
and that in which the bond is called whole.

Sources: ISDA 2006 Definitions §4.12 (business days) and §4.16 (day counts), ICMA rule 251 (actual
days), codes of ISO 20022's InterestComputationMethod2Code.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from tallystick.actions.calendars import RULES, BusinessDays

__all__ = [
    "DAY_COUNTS",
    "ICMA",
    "Bond",
    "Call",
    "Coupon",
    "Payment",
    "Redemption",
    "actual_days",
    "bond_days",
    "eurobond_days",
]

_MONTHS: Final = 12
_LAST_OF_BANKERS: Final = 30
_LONG: Final = "long"


def actual_days(start: date, end: date) -> int:
    """Return the days from `start` to `end`, the first included, the last not."""
    return (end - start).days


def bond_days(start: date, end: date) -> int:
    """Return the days of 30/360, the bond basis: ISDA 2006 §4.16(f), ISO 20022 A001.

    A 31st is a 30th at the start, and at the end of a period that starts on a 30th or 31st.
    """
    first = min(start.day, _LAST_OF_BANKERS)
    last = min(end.day, _LAST_OF_BANKERS) if first == _LAST_OF_BANKERS else end.day
    return _bankers(start, end, last - first)


def eurobond_days(start: date, end: date) -> int:
    """Return the days of 30E/360, the Eurobond basis: ISDA 2006 §4.16(g), ISO 20022 A011.

    A 31st is a 30th, wherever it stands; the last of February is what it is.
    """
    return _bankers(start, end, min(end.day, _LAST_OF_BANKERS) - min(start.day, _LAST_OF_BANKERS))


def _bankers(start: date, end: date, days: int) -> int:
    """Months of thirty days, and days."""
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + days


@dataclass(frozen=True, slots=True)
class DayCount:
    """How days of interest are counted, and how many are a year; 0: as the periods have."""

    days: Callable[[date, date], int]
    year: int


# ICMA rule 251.1, ISO 20022 A006: of each regular period as many parts as it has days.
ICMA: Final = "ACT/ACT-ICMA"
DAY_COUNTS: Final[Mapping[str, DayCount]] = {
    "30/360": DayCount(bond_days, 360),
    "30E/360": DayCount(eurobond_days, 360),
    # ISDA 2006 §4.16(e), ISO 20022 A004.
    "ACT/360": DayCount(actual_days, 360),
    # ISDA 2006 §4.16(d), ISO 20022 A005.
    "ACT/365F": DayCount(actual_days, 365),
    ICMA: DayCount(actual_days, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What falls due at the end of a period, for holders of a close, paid on a day.

    Attributes:
        due: the end of the period as the terms name it, before any business day rule.
        factor: what was outstanding of a unit's nominal amount until then.
        epoch: how many calls in part have made fewer units of the issue by then.
        announcement: from when on it is announced.
        ex: None: it has no ex date.
        record: the day whose close says who is paid.
        payment: a business day.
    """

    due: date
    factor: Fraction
    epoch: int
    announcement: date
    ex: date | None
    record: date
    payment: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon(Payment):
    """One coupon: what accrued from `start` to `end`.

    Attributes:
        start: when it begins to accrue; included.
        end: when it ends; not included.
        days: of interest, as the day count counts them.
        fraction: of a year.
        interest: for one of nominal: rate, fraction and factor multiplied.
    """

    start: date
    end: date
    days: int
    fraction: Fraction
    interest: Fraction

    @property
    def amount(self) -> Fraction:
        """What is paid for one of nominal."""
        return self.interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption(Payment):
    """What is paid back on a day: by pool factor, by a call of units, or the last of it.

    Attributes:
        caev: PRED, PCAL, MCAL or REDM.
        units: what is left of each unit: 1 of PRED, some of PCAL, 0 of the others.
        left: what is outstanding of a unit's nominal amount from then on.
        price: of one of nominal that is paid back.
    """

    caev: str
    units: Fraction
    left: Fraction
    price: Fraction

    @property
    def amount(self) -> Fraction:
        """What is paid for one of nominal."""
        return (self.factor - self.units * self.left) * self.price


@dataclass(frozen=True, slots=True)
class Call:
    """What the issuer calls on a day.

    Attributes:
        left: of each unit, whose nominal stays what it is; 0: the bond ends.
        price: of one of nominal that is called.
    """

    left: Fraction = Fraction(0)
    price: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Bond:
    """The terms of what a bond pays.

    Attributes:
        first: when interest begins to accrue.
        last: when it ends, the last period's end; those before it are counted back from here.
        frequency: coupons a year: 1, 2, 3, 4, 6 or 12.
        rate: a year's interest on one of nominal.
        day_count: of `DAY_COUNTS`.
        business_days: on which is paid.
        rule: of `RULES`: what moves a payment to a business day.
        adjusted: whether a period ends on the day that the rule gives, too; else only payment
            moves. The first accrual date is as it is said.
        stub: `short` or `long`: how the first period is broken; nothing: it is not.
        end_of_month: periods end on the last of their months where the last one does.
        record: business days from the record day to payment.
        ex: business days from the ex date to the record day; None: no ex date.
        announced: business days from the announcement to the ex date, or else the record day.
        factors: from what period on (its start, as the terms name it) what is left of the nominal.
        price: at which one of nominal is paid back.
        calls: what is called on a day: in part at the end of a period, where no factor begins;
            whole, within one, too.
    """

    first: date
    last: date
    frequency: int
    rate: Fraction
    day_count: str
    business_days: BusinessDays = field(default_factory=BusinessDays)
    rule: str = "following"
    adjusted: bool = False
    stub: str = ""
    end_of_month: bool = False
    record: int = 1
    ex: int | None = None
    announced: int = 10
    factors: Mapping[date, Fraction] = field(default_factory=dict)
    price: Fraction = Fraction(1)
    calls: Mapping[date, Call] = field(default_factory=dict)

    @property
    def end(self) -> date:
        """When interest ends: the last day, or that on which it is called whole."""
        return min([self.last, *(day for day, call in self.calls.items() if not call.left)])

    def regular(self) -> Iterator[date]:
        """Yield where regular periods end: from the last until one is not after `first`."""
        count = 0
        while True:
            day = self._before_last(count * (_MONTHS // self.frequency))
            yield day
            if day <= self.first:
                return
            count += 1

    def _before_last(self, months: int) -> date:
        """The day so many months before the last, or the last of a month that is too short."""
        year, month = divmod(self.last.year * _MONTHS + self.last.month - 1 - months, _MONTHS)
        length = monthrange(year, month + 1)[1]
        at_end = self.last.day == monthrange(self.last.year, self.last.month)[1]
        day = length if self.end_of_month and at_end else min(self.last.day, length)
        return date(year, month + 1, day)

    def is_broken(self) -> bool:
        """Whether the first period is shorter or longer than the others."""
        return self.first not in self.regular()

    def periods(self) -> tuple[tuple[date, date], ...]:
        """Return start and end of every period, as the terms name them, in their order.

        A long first period is a short one with the regular one after it, if there is one.
        """
        bounds = [self.first, *sorted(day for day in self.regular() if day > self.first)]
        if self.stub == _LONG and len(bounds) > 2:
            del bounds[1]
        return tuple(pairwise([*(day for day in bounds if day < self.end), self.end]))

    def fraction(self, start: date, end: date) -> Fraction:
        """Return what of a year's interest accrues from `start` to `end`.

        By ICMA's rule each regular period is a year by the frequency, and days in it are parts of
        that: so a broken period is the sum of its parts in the regular periods that it touches.
        """
        count = DAY_COUNTS[self.day_count]
        if count.year:
            return Fraction(count.days(start, end), count.year)
        parts = (
            Fraction(actual_days(max(start, opens), min(end, closes)), actual_days(opens, closes))
            for closes, opens in pairwise(self.regular())
            if opens < end and start < closes
        )
        return sum(parts, Fraction(0)) / self.frequency

    def coupons(self) -> tuple[Coupon, ...]:
        """Return every coupon, in the order of payment.

        Raises:
            CalendarError: a day is beyond what a calendar knows.
        """
        found, start = [], self.first
        for payment, _ in self._payments():
            end = payment.payment if self.adjusted else payment.due
            fraction = self.fraction(start, end)
            coupon = Coupon(
                **_shared(payment),
                start=start,
                end=end,
                days=DAY_COUNTS[self.day_count].days(start, end),
                fraction=fraction,
                interest=self.rate * fraction * payment.factor,
            )
            found.append(coupon)
            start = end
        return tuple(found)

    def redemptions(self) -> tuple[Redemption, ...]:
        """Return what is paid back, in the order of payment: with the coupon of the same day.

        Where a factor begins, what it leaves out is paid back; what is called, on its day; at the
        end all that is left. What the first period begins with was never outstanding otherwise.

        Raises:
            CalendarError: a day is beyond what a calendar knows.
        """
        return tuple(
            Redemption(**_shared(payment), **self._paid_back(payment, left))
            for payment, left in self._payments()
            if left < payment.factor or payment.due in self.calls
        )

    def _paid_back(self, payment: Payment, left: Fraction) -> dict[str, Any]:
        """What a redemption is beside its days, if its day leaves so much of a unit's nominal."""
        if call := self.calls.get(payment.due):
            caev = "PCAL" if call.left else "MCAL"
            return {"caev": caev, "units": call.left, "left": left, "price": call.price}
        units = Fraction(bool(left))
        return {
            "caev": "PRED" if left else "REDM",
            "units": units,
            "left": left,
            "price": self.price,
        }

    def _payments(self) -> Iterator[tuple[Payment, Fraction]]:
        """Yield the end of each period, and what is outstanding of a unit's nominal after it."""
        move, days = RULES[self.rule], self.business_days
        factor, epoch = self.factors.get(self.first, Fraction(1)), 0
        for _, closes in self.periods():
            left = Fraction(0) if closes == self.end else self.factors.get(closes, factor)
            payment = move(days, closes)
            record = days.shift(payment, -self.record)
            ex = None if self.ex is None else days.shift(record, -self.ex)
            yield (
                Payment(
                    due=closes,
                    factor=factor,
                    epoch=epoch,
                    announcement=days.shift(ex or record, -self.announced),
                    ex=ex,
                    record=record,
                    payment=payment,
                ),
                left,
            )
            factor, epoch = left, epoch + (closes in self.calls)


def _shared(payment: Payment) -> dict[str, Any]:
    """What a coupon and a redemption of one day have in common."""
    return {each.name: getattr(payment, each.name) for each in fields(Payment)}
