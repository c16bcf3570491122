"""Business days: the calendars against QuantLib's, rules against it and by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.calendars import (
    CALENDARS,
    RULES,
    BusinessDays,
    CalendarError,
    known_years,
)

ORACLES = {
    "TARGET": ql.TARGET(),
    "NYSE": ql.UnitedStates(ql.UnitedStates.NYSE),
    "SIFMA": ql.UnitedStates(ql.UnitedStates.GovernmentBond),
}
CONVENTIONS = {
    "following": ql.Following,
    "modified-following": ql.ModifiedFollowing,
    "preceding": ql.Preceding,
    "unadjusted": ql.Unadjusted,
}
DAY = timedelta(days=1)


def theirs(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def ours(day: ql.Date) -> date:
    return date(day.year(), day.month(), day.dayOfMonth())


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("TARGET", set()),
        ("NYSE", set()),
        # The market stayed closed on the 12th; and QuantLib foresees on which Good Fridays of the
        # future it will be open in the morning, which SIFMA says a year ahead.
        ("SIFMA", {date(2001, 9, 12)}),
    ],
)
def test_each_calendar_is_that_of_quantlib(name: str, apart: set[date]) -> None:
    business = BusinessDays((name,))
    days = (date(1999, 1, 1) + n * DAY for n in range(34 * 365))
    differ = {
        day for day in days if business.is_open(day) != ORACLES[name].isBusinessDay(theirs(day))
    }
    assert differ == apart


@pytest.mark.parametrize("name", CALENDARS)
def test_a_calendar_refuses_years_that_it_does_not_know(name: str) -> None:
    since, until = known_years(name)
    business = BusinessDays((name,))
    assert business.is_open(date(since, 12, 30)) in {True, False}
    assert business.is_open(date(until, 3, 31))
    for year in (since - 1, until + 1):
        # A weekday, since nobody asks a calendar on weekends.
        day = next(date(year, 6, n) for n in range(1, 8) if date(year, 6, n).weekday() == 2)
        with pytest.raises(CalendarError) as caught:
            business.is_open(day)
        assert (
            str(caught.value) == f"days of {since} to {until}, which {name} knows: {year} is none"
        )


@given(
    day=st.dates(date(2001, 1, 1), date(2030, 12, 31)),
    name=st.sampled_from(["TARGET", "NYSE"]),
    rule=st.sampled_from(list(RULES)),
)
def test_each_rule_moves_a_day_as_quantlib_does(day: date, name: str, rule: str) -> None:
    found = RULES[rule](BusinessDays((name,)), day)
    assert found == ours(ORACLES[name].adjust(theirs(day), CONVENTIONS[rule]))


@given(
    day=st.dates(date(2001, 1, 1), date(2030, 12, 31)),
    count=st.integers(-30, 30).filter(bool),
)
def test_business_days_are_counted_as_quantlib_does(day: date, count: int) -> None:
    found = BusinessDays(("TARGET",)).shift(day, count)
    start = theirs(day)
    assert found == ours(ORACLES["TARGET"].advance(start, count, ql.Days))


def test_days_that_are_closed_beside_a_calendar_and_several_calendars() -> None:
    monday = date(2027, 2, 15)
    assert BusinessDays(("TARGET",)).is_open(monday)
    # Washington's birthday.
    assert not BusinessDays(("TARGET", "SIFMA")).is_open(monday)
    mourning = BusinessDays(("TARGET",), frozenset({monday}))
    assert mourning.following(monday) == date(2027, 2, 16)
    assert mourning.preceding(monday) == date(2027, 2, 12)
    assert mourning.shift(date(2027, 2, 16), -1) == date(2027, 2, 12)
    assert mourning.shift(monday, 0) == monday
    assert list(mourning.holidays(date(2027, 2, 13), date(2027, 3, 31))) == [
        monday,
        date(2027, 3, 26),
        date(2027, 3, 29),
    ]


def test_a_month_is_not_left_by_the_modified_rule() -> None:
    # Saturday, 31 July 2027.
    days = BusinessDays(("TARGET",))
    assert days.following(date(2027, 7, 31)) == date(2027, 8, 2)
    assert days.modified_following(date(2027, 7, 31)) == date(2027, 7, 30)
