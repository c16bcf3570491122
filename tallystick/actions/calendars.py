"""Business days by the calendars that payments follow: Monday to Friday, and no holiday of theirs.

The days are those of the package `holidays`, pinned: TARGET is the closing days of the ECB's
payment system, NYSE those of the exchange, SIFMA the closes that it recommends for government
bonds. What is closed later than that release knows (a day of mourning, a Good Friday that SIFMA
opens) comes with a later one, or in a file's own `holidays`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Final

import holidays

__all__ = ["CALENDARS", "RULES", "BusinessDays", "CalendarError", "known_years"]

# The names here, and the market codes there.
CALENDARS: Final = {"TARGET": "XECB", "NYSE": "XNYS", "SIFMA": "XSIF"}
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


class CalendarError(ValueError):
    """A day is beyond what a calendar knows."""


def known_years(calendar: str) -> tuple[int, int]:
    """Return the first and the last year that a calendar knows; KeyError: there is none such."""
    found = type(holidays.financial_holidays(CALENDARS[calendar]))
    return found.start_year, found.end_year


@cache
def _closed(calendar: str, year: int) -> frozenset[date]:
    """The days of a year on which a calendar is closed, weekends apart."""
    first, last = known_years(calendar)
    if not first <= year <= last:
        raise CalendarError(f"days of {first} to {last}, which {calendar} knows: {year} is none")
    return frozenset(holidays.financial_holidays(CALENDARS[calendar], years=year))


@dataclass(frozen=True)
class BusinessDays:
    """The days on which all of some calendars are open.

    Args:
        calendars: names of `CALENDARS`; none: Monday to Friday.
        closed: days on which it is closed beside these.
    """

    calendars: tuple[str, ...] = ()
    closed: Collection[date] = field(default=frozenset())

    def holidays(self, first: date, last: date) -> Iterator[date]:
        """Yield the days from Monday to Friday, first and last included, that are closed."""
        day = first
        while day <= last:
            if day.weekday() < _SATURDAY and not self.is_open(day):
                yield day
            day += _DAY

    def is_open(self, day: date) -> bool:
        """Whether a day is a business day.

        Raises:
            CalendarError: a calendar does not know that year.
        """
        return (
            day.weekday() < _SATURDAY
            and day not in self.closed
            and not any(day in _closed(each, day.year) for each in self.calendars)
        )

    def shift(self, day: date, count: int) -> date:
        """Return the business day that is so many after a day; before it, if negative; it, if 0."""
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day = self._next(day + step, step)
        return day

    def following(self, day: date) -> date:
        """Return the day if it is a business day, else the next that is."""
        return self._next(day, _DAY)

    def preceding(self, day: date) -> date:
        """Return the day if it is a business day, else the one before that is."""
        return self._next(day, -_DAY)

    def modified_following(self, day: date) -> date:
        """Return the following business day, or the preceding one where that is another month."""
        after = self.following(day)
        return after if after.month == day.month else self.preceding(day)

    def _next(self, day: date, step: timedelta) -> date:
        while not self.is_open(day):
            day += step
        return day


# What moves a day that is no business day, ISDA 2006 §4.12 (BusinessDayConvention1Code).
Move = Callable[[BusinessDays, date], date]
RULES: Final[dict[str, Move]] = {
    "following": BusinessDays.following,
    "modified-following": BusinessDays.modified_following,
    "preceding": BusinessDays.preceding,
    "unadjusted": lambda _, day: day,
}
