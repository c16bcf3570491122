"""Coupons: every day count, rule and broken period against QuantLib, and as they were published."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.actions.calendars import RULES, BusinessDays
from tallystick.actions.schedule import (
    DAY_COUNTS,
    ICMA,
    Bond,
    Call,
    actual_days,
    bond_days,
    eurobond_days,
)
from tests.actions.test_calendars import CONVENTIONS, ORACLES, ours, theirs

WEEKDAYS = BusinessDays()
COUNTERS = {
    "30/360": ql.Thirty360(ql.Thirty360.BondBasis),
    "30E/360": ql.Thirty360(ql.Thirty360.EurobondBasis),
    "ACT/360": ql.Actual360(),
    "ACT/365F": ql.Actual365Fixed(),
}


@st.composite
def bonds(draw: st.DrawFn, day_count: str) -> Bond:
    """A bond of up to 15 periods, regular or broken, whose last day may be any."""
    frequency = draw(st.sampled_from([1, 2, 3, 4, 6, 12]))
    year, month = draw(st.integers(2003, 2030)), draw(st.integers(1, 12))
    length = monthrange(year, month)[1]
    last = date(year, month, draw(st.integers(1, length) | st.just(length)))
    bond = Bond(
        first=last - timedelta(days=1),
        last=last,
        frequency=frequency,
        rate=Fraction(draw(st.integers(0, 15_000)), 100_000),
        day_count=day_count,
        business_days=BusinessDays((draw(st.sampled_from(["TARGET", "NYSE"])),)),
        rule=draw(st.sampled_from(list(RULES))),
        adjusted=day_count != ICMA and draw(st.booleans()),
        end_of_month=draw(st.booleans()),
    )
    count = draw(st.integers(1, min(15, 3 * frequency)))
    bounds = list(
        replace(bond, first=last - timedelta(days=31 + 366 * count // frequency)).regular()
    )
    opens, closes = bounds[count], bounds[count - 1]
    broken = draw(st.integers(0, (closes - opens).days - 1))
    if day_count == ICMA and last.day > 28:
        # QuantLib counts regular periods before the first back from that one's own days, and so
        # loses the end of the month; what the Treasury publishes of such periods is below.
        broken = 0
    stub = draw(st.sampled_from(["short", "long"])) if broken and count > 1 else "short"
    # Of less than a week, nothing might be left once days are moved.
    assume((closes - opens).days - broken > 7)
    return replace(bond, first=opens + timedelta(days=broken), stub=stub if broken else "")


def terms_of(bond: Bond) -> Any:
    """Its periods by QuantLib, as the terms name them."""
    first_date = ql.Date()
    if bond.stub == "long":
        # As its terms would name it: the end of the first period.
        first_date = theirs(bond.periods()[0][1])
    return ql.Schedule(
        theirs(bond.first),
        theirs(bond.last),
        ql.Period(12 // bond.frequency, ql.Months),
        ql.NullCalendar(),
        ql.Unadjusted,
        ql.Unadjusted,
        ql.DateGeneration.Backward,
        bond.end_of_month,
        first_date,
    )


def oracle(bond: Bond) -> list[Any]:
    """The coupons of the same bond by QuantLib: of one of nominal."""
    terms = terms_of(bond)
    calendar, convention = ORACLES[bond.business_days.calendars[0]], CONVENTIONS[bond.rule]
    if bond.day_count == ICMA:
        counter = ql.ActualActual(ql.ActualActual.ISMA)
    else:
        counter = COUNTERS[bond.day_count]
    schedule = terms
    if bond.adjusted:
        start, *ends = terms
        moved = [start, *(calendar.adjust(day, convention) for day in ends)]
        schedule = ql.Schedule(moved, ql.NullCalendar(), ql.Unadjusted)
    made = ql.FixedRateBond(
        0, 1.0, schedule, [float(bond.rate)], counter, convention, 100.0, ql.Date(), calendar
    )
    return [found for flow in made.cashflows() if (found := ql.as_fixed_rate_coupon(flow))]


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@given(data=st.data())
def test_every_coupon_is_that_of_quantlib(day_count: str, data: st.DataObject) -> None:
    bond = data.draw(bonds(day_count))
    coupons, expected = bond.coupons(), oracle(bond)
    assert [(c.start, c.end, c.payment) for c in coupons] == [
        (ours(c.accrualStartDate()), ours(c.accrualEndDate()), ours(c.date())) for c in expected
    ]
    assert [c.days for c in coupons] == [c.accrualDays() for c in expected]
    for coupon, other in zip(coupons, expected, strict=True):
        assert float(coupon.interest) == pytest.approx(other.amount(), rel=1e-9, abs=1e-12)
        assert coupon.interest == bond.rate * coupon.fraction
    # Nothing is lost between periods: by days of a fixed year the sum is that of the whole.
    assert coupons[0].start == bond.first
    assert all(a.end == b.start for a, b in pairwise(coupons))
    if day_count.startswith("ACT/36"):
        whole = actual_days(bond.first, coupons[-1].end)
        assert sum(c.fraction for c in coupons) == Fraction(whole, DAY_COUNTS[day_count].year)


@given(data=st.data())
def test_what_is_paid_back_is_that_of_quantlib(data: st.DataObject) -> None:
    """Of an issue that amortises: every flow, interest on what is left of it included; whether its
    units are of less then, or, called in part, fewer."""
    bond = replace(data.draw(bonds("30E/360")), adjusted=False, end_of_month=False)
    starts = [opens for opens, _ in bond.periods()]
    left = data.draw(st.lists(st.integers(1, 100), min_size=len(starts), max_size=len(starts)))
    called = data.draw(st.lists(st.booleans(), min_size=len(starts), max_size=len(starts)))
    notionals = [Fraction(each, 100) for each in sorted(left, reverse=True)]
    factors, calls, units = {starts[0]: notionals[0]}, dict[date, Call](), [Fraction(1)]
    for at, (before, after) in enumerate(pairwise(notionals), start=1):
        units.append(units[-1])
        if called[at] and after < before:
            calls[starts[at]] = Call(after / before)
            units[-1] *= after / before
        else:
            factors[starts[at]] = after / units[-1]
    bond = replace(bond, factors=factors, calls=calls)
    schedule, counter = terms_of(bond), COUNTERS[bond.day_count]
    calendar, convention = ORACLES[bond.business_days.calendars[0]], CONVENTIONS[bond.rule]
    made = ql.AmortizingFixedRateBond(
        0, [*map(float, notionals)], schedule, [float(bond.rate)], counter, convention
    )
    interest = [c for flow in made.cashflows() if (c := ql.as_fixed_rate_coupon(flow))]
    back = [flow for flow in made.cashflows() if not ql.as_fixed_rate_coupon(flow)]
    # How many units there are at the close of each period, of those that were issued.
    there = dict(zip((closes for _, closes in bond.periods()), units, strict=True))
    for ours_, theirs_ in ((bond.coupons(), interest), (bond.redemptions(), back)):
        assert [float(each.amount * there[each.due]) for each in ours_] == pytest.approx(
            [each.amount() for each in theirs_], rel=1e-9, abs=1e-12
        )
    # It pays on the days of its schedule alone, which has no calendar here.
    assert [calendar.adjust(flow.date(), convention) for flow in back] == [
        theirs(each.payment) for each in bond.redemptions()
    ]
    assert sum(each.amount * there[each.due] for each in bond.redemptions()) == notionals[0]
    assert [each.epoch for each in bond.coupons()] == [
        sum(day < each.due for day in calls) for each in bond.coupons()
    ]


# ------------------------------------------------------------------------------ by hand


@pytest.mark.parametrize(
    ("start", "end", "bond", "eurobond", "actual"),
    [
        ("2027-01-31", "2027-02-28", 28, 28, 28),
        ("2027-01-30", "2027-03-31", 60, 60, 60),
        ("2027-01-15", "2027-01-31", 16, 15, 16),
        ("2027-02-28", "2027-03-31", 33, 32, 31),
        # A leap year.
        ("2028-02-28", "2028-03-01", 3, 3, 2),
        ("2028-02-29", "2029-02-28", 359, 359, 365),
        ("2027-12-31", "2028-12-31", 360, 360, 366),
    ],
)
def test_days_are_counted_as_by_hand(
    start: str, end: str, bond: int, eurobond: int, actual: int
) -> None:
    days = date.fromisoformat(start), date.fromisoformat(end)
    assert (bond_days(*days), eurobond_days(*days), actual_days(*days)) == (bond, eurobond, actual)


def test_periods_are_counted_back_from_the_last_day_whose_month_may_be_longer() -> None:
    bond = Bond(date(2027, 8, 31), date(2029, 8, 31), 2, Fraction(1, 20), "30E/360")
    ends = [end for _, end in bond.periods()]
    # From the last day itself, not from the shorter one before: the 31st comes back.
    assert ends == [date(2028, 2, 29), date(2028, 8, 31), date(2029, 2, 28), date(2029, 8, 31)]
    leap = Bond(date(2024, 2, 29), date(2028, 2, 29), 1, Fraction(1, 20), ICMA)
    assert [end.day for _, end in leap.periods()] == [28, 28, 28, 29]
    june = Bond(date(2027, 2, 28), date(2028, 2, 29), 2, Fraction(1, 20), ICMA)
    assert june.periods()[0][1] == date(2027, 8, 29)
    to_end = replace(june, end_of_month=True)
    assert to_end.periods()[0][1] == date(2027, 8, 31)
    assert (june.is_broken(), to_end.is_broken()) == (False, False)
    # Where the last day does not end its month, there is no end to keep.
    fifteenth = Bond(date(2027, 2, 15), date(2028, 2, 15), 2, Fraction(1, 20), ICMA)
    assert replace(fifteenth, end_of_month=True).periods() == fifteenth.periods()


def test_a_long_first_period_that_has_none_after_it_is_short() -> None:
    bond = Bond(date(2027, 3, 1), date(2028, 2, 15), 1, Fraction(1, 20), ICMA, stub="long")
    assert bond.periods() == ((date(2027, 3, 1), date(2028, 2, 15)),)
    assert bond.coupons()[0].fraction == Fraction(351, 365)


def test_adjusted_periods_end_where_the_rule_moves_them_and_the_next_begins_there() -> None:
    bond = Bond(
        date(2026, 7, 31),
        date(2028, 1, 31),
        2,
        Fraction(36, 1000),
        "ACT/360",
        BusinessDays(("TARGET",)),
        "modified-following",
        adjusted=True,
    )
    # 31 January and 31 July 2027 are a Sunday and a Saturday.
    assert [(c.start, c.end, c.payment, c.days) for c in bond.coupons()] == [
        (date(2026, 7, 31), date(2027, 1, 29), date(2027, 1, 29), 182),
        (date(2027, 1, 29), date(2027, 7, 30), date(2027, 7, 30), 182),
        (date(2027, 7, 30), date(2028, 1, 31), date(2028, 1, 31), 185),
    ]
    assert bond.coupons()[2].interest == Fraction(36, 1000) * 185 / 360
    unadjusted = replace(bond, adjusted=False).coupons()
    assert [c.days for c in unadjusted] == [184, 181, 184]
    assert [c.payment for c in unadjusted] == [c.payment for c in bond.coupons()]


def test_days_around_a_payment_are_business_days_before_it() -> None:
    bond = Bond(
        date(2026, 4, 6),
        date(2027, 4, 6),
        1,
        Fraction(1, 20),
        ICMA,
        BusinessDays(("TARGET",)),
        record=2,
        ex=1,
        announced=3,
    )
    (coupon,) = bond.coupons()
    # Good Friday and Easter Monday 2027 are 26 and 29 March.
    assert (coupon.payment, coupon.record, coupon.ex, coupon.announcement) == (
        date(2027, 4, 6),
        date(2027, 4, 2),
        date(2027, 4, 1),
        date(2027, 3, 25),
    )
    (plain,) = replace(bond, ex=None).coupons()
    assert (plain.ex, plain.announcement) == (None, date(2027, 3, 30))


def test_a_factor_counts_from_its_period_on() -> None:
    factors = {date(2028, 2, 15): Fraction(3, 4), date(2030, 2, 15): Fraction(1, 3)}
    bond = Bond(date(2027, 2, 15), date(2031, 2, 15), 1, Fraction(6, 100), ICMA, factors=factors)
    assert [(c.factor, c.interest) for c in bond.coupons()] == [
        (1, Fraction(6, 100)),
        (Fraction(3, 4), Fraction(45, 1000)),
        (Fraction(3, 4), Fraction(45, 1000)),
        (Fraction(1, 3), Fraction(2, 100)),
    ]


def test_a_call_in_part_leaves_units_of_the_same_nominal_and_a_whole_one_nothing() -> None:
    calls = {
        date(2028, 2, 15): Call(Fraction(3, 4), Fraction("1.01")),
        date(2029, 5, 15): Call(price=Fraction("1.005")),
    }
    factors = {date(2029, 2, 15): Fraction(1, 2)}
    bond = Bond(
        *(date(2027, 2, 15), date(2031, 2, 15), 1, Fraction(6, 100), ICMA),
        factors=factors,
        calls=calls,
    )
    # A quarter of a year's 365 days, of which 89 are over when it is called whole.
    rest = Fraction(3, 100) * Fraction(89, 365)
    assert [(c.end, c.epoch, c.amount) for c in bond.coupons()] == [
        (date(2028, 2, 15), 0, Fraction(6, 100)),
        (date(2029, 2, 15), 1, Fraction(6, 100)),
        (date(2029, 5, 15), 1, rest),
    ]
    assert [(r.due, r.caev, r.epoch, r.units, r.left, r.amount) for r in bond.redemptions()] == [
        (date(2028, 2, 15), "PCAL", 0, Fraction(3, 4), 1, Fraction("0.2525")),
        (date(2029, 2, 15), "PRED", 1, 1, Fraction(1, 2), Fraction(1, 2)),
        (date(2029, 5, 15), "MCAL", 1, 0, 0, Fraction("0.5025")),
    ]


def test_what_is_called_in_a_long_first_period_has_one_coupon() -> None:
    bond = Bond(
        *(date(2027, 1, 4), date(2031, 2, 15), 2, Fraction(6, 100), "30/360"),
        stub="long",
        calls={date(2027, 5, 4): Call()},
    )
    assert bond.periods() == ((date(2027, 1, 4), date(2027, 5, 4)),)
    assert [each.amount for each in bond.coupons()] == [Fraction(2, 100)]
    assert [(each.caev, each.amount) for each in bond.redemptions()] == [("MCAL", Fraction(1))]


# ----------------------------------------------------------------------------- published

# Days of half-years in 31 CFR 356, appendix B, table 1: those that begin on a 1st or 15th, in a
# regular and a leap year, and those that begin and end on the last of a month.
HALF_YEARS = {
    1: (181, 182, 181, 182),
    2: (181, 182, 184, 184),
    3: (184, 184, 183, 183),
    4: (183, 183, 184, 184),
    5: (184, 184, 183, 183),
    6: (183, 183, 184, 184),
    7: (184, 184, 184, 184),
    8: (184, 184, 181, 182),
    9: (181, 182, 182, 183),
}


@pytest.mark.parametrize("month", HALF_YEARS)
@pytest.mark.parametrize("leap", [False, True])
def test_half_years_have_the_days_that_the_treasury_publishes(month: int, leap: bool) -> None:
    # Where February is in it, that of 2027 or 2028.
    year = (2028 if leap else 2027) - (month > 2 and month + 6 > 12)
    for day, days in zip((15, 31), HALF_YEARS[month][leap::2], strict=True):
        later = date(year + (month > 6), (month + 5) % 12 + 1, 15)
        first, last = (
            each.replace(day=min(day, monthrange(each.year, each.month)[1]))
            for each in (date(year, month, 15), later)
        )
        bond = Bond(first, last, 2, Fraction(1), ICMA, end_of_month=day == 31)
        assert bond.periods() == ((first, last),)
        assert bond.fraction(first, first + timedelta(days=1)) == Fraction(1, 2 * days)
        assert bond.fraction(first, last) == Fraction(1, 2)


def test_broken_first_periods_pay_what_the_treasury_publishes() -> None:
    """31 CFR 356, appendix B, I.A.3 and 4: per 1,000, and for a holding, to the cent."""
    short = Bond(
        date(1990, 7, 2),
        date(1992, 6, 30),
        2,
        Fraction("0.08375"),
        ICMA,
        stub="short",
        end_of_month=True,
    )
    first, *others = short.coupons()
    assert (first.end, first.days) == (date(1990, 12, 31), 182)
    # The daily decimal is published with nine places, and so the payment with six that count.
    assert abs(first.interest * 1000 - Fraction("41.419837004")) < Fraction("0.0000005")
    assert round(Decimal(20_000 * first.interest.numerator) / first.interest.denominator, 2) == (
        Decimal("828.40")
    )
    assert {c.interest for c in others} == {Fraction("0.041875")}
    long = Bond(date(1990, 12, 3), date(1996, 2, 15), 2, Fraction("0.07875"), ICMA, stub="long")
    first = long.coupons()[0]
    assert first.end == date(1991, 8, 15)
    assert abs(first.interest * 1000 - Fraction("55.210597810")) < Fraction("0.0000005")
    assert round(Decimal(7_000 * first.interest.numerator) / first.interest.denominator, 2) == (
        Decimal("386.47")
    )


def test_the_long_first_period_of_a_federal_bond_is_as_announced() -> None:
    """DE000BU2Z049, 2.50 % due 15 February 2035: interest from 10 January 2025, first paid on 15
    February 2026 for 401 days (announcement of its increase of 23 April 2025)."""
    bond = Bond(
        date(2025, 1, 10),
        date(2035, 2, 15),
        1,
        Fraction("0.025"),
        ICMA,
        BusinessDays(("TARGET",)),
        stub="long",
    )
    first, *others = bond.coupons()
    assert (first.days, first.end) == (401, date(2026, 2, 15))
    # 36 days of the leap year before, which has 366, and a year.
    assert first.interest == Fraction("0.025") * (1 + Fraction(36, 366))
    # A Sunday.
    assert first.payment == date(2026, 2, 16)
    assert {c.interest for c in others} == {Fraction("0.025")}
    assert len(others) == 9


def test_a_bond_that_is_repaid_in_three_parts_pays_as_its_terms_were_published() -> None:
    """Uruguay, 4.125 % due 2045, US760942AY83 (free writing prospectus of 13 November 2012, file
    0000903423-12-000538 at the SEC): 30/360, on 20 May and November from 2013 on; principal in
    three nominally equal parts on 20 November 2043 and 2044 and at maturity."""
    bond = Bond(
        date(2012, 11, 20),
        date(2045, 11, 20),
        2,
        Fraction("0.04125"),
        "30/360",
        BusinessDays(("NYSE",)),
        factors={date(2043, 11, 20): Fraction(2, 3), date(2044, 11, 20): Fraction(1, 3)},
    )
    coupons, back = bond.coupons(), bond.redemptions()
    assert (coupons[0].due, coupons[-1].due, len(coupons)) == (
        date(2013, 5, 20),
        date(2045, 11, 20),
        66,
    )
    # Dollars for 1,000: half of 4.125 % until the first part is back, the coupon of that day too.
    paid = [Decimal(each.amount.numerator) * 1000 / each.amount.denominator for each in coupons]
    cents = [each.quantize(Decimal("0.01")) for each in paid]
    assert cents == [*[Decimal("20.62")] * 62, *[Decimal("13.75")] * 2, *[Decimal("6.88")] * 2]
    assert [(each.due, each.amount, each.left) for each in back] == [
        (date(2043, 11, 20), Fraction(1, 3), Fraction(2, 3)),
        (date(2044, 11, 20), Fraction(1, 3), Fraction(1, 3)),
        (date(2045, 11, 20), Fraction(1, 3), 0),
    ]
    # A Friday, a Sunday, a Monday.
    assert [each.payment for each in back] == [
        date(2043, 11, 20),
        date(2044, 11, 21),
        date(2045, 11, 20),
    ]


def test_notes_that_were_called_whole_within_a_period_pay_as_the_notice_said() -> None:
    """Ashtead Capital, 5.625 % due 2024, US045054AC71 (notice of redemption of 6 November 2019,
    investegate.co.uk): on 6 December 2019, for 310,864,000 dollars, at 102.813 % with interest from
    1 October on. Days are 30/360, as such notes count; the notice does not say it."""
    bond = Bond(
        *(date(2014, 10, 1), date(2024, 10, 1), 2, Fraction("0.05625"), "30/360"),
        BusinessDays(("NYSE",)),
        calls={date(2019, 12, 6): Call(price=Fraction("1.02813"))},
    )
    *before, last = bond.coupons()
    (called,) = bond.redemptions()
    assert (last.start, last.end, last.days) == (date(2019, 10, 1), date(2019, 12, 6), 65)
    # Dollars for 1,000: a half-year each, then 65 days of 360.
    assert {each.amount * 1000 for each in before} == {Fraction("28.125")}
    assert (len(before), last.amount * 1000) == (10, Fraction("10.15625"))
    assert (called.caev, called.payment) == ("MCAL", date(2019, 12, 6))
    assert called.amount * 310_864_000 == Fraction("319608604.32")
