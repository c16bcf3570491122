"""Withholding tax by category: which rate holds for an account on an event's payment day.

A category is a small number that two keys give an account, by what it has proven; what it means
(a treaty, an exempt fund) is the paying agent's. An account without one pays the highest rate in
force, and so does one whose category has no rate yet: relief is proven, never presumed. Days are
business days since 1970. The payment day decides, not the day on which somebody claims, so that
nobody gains by claiming early or late.

A row is kept by a contract as one word, lowest bits first:

  numerator 56 | denominator 56 | since 16 | previous numerator 56 | previous denominator 56
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Self

from tallystick.actions.entitlement import TAX_TERM_MAX, Rate, check_tax
from tallystick.token.position import DAY_MAX

__all__ = ["CATEGORY_MAX", "TaxRow", "TaxTable"]

CATEGORY_MAX: Final = 2**8 - 1
_DENOMINATOR_SHIFT: Final = 56
_SINCE_SHIFT: Final = 112
_PREVIOUS_SHIFT: Final = 128
_WORD_BITS: Final = 240


@dataclass(frozen=True, slots=True)
class TaxRow:
    """A category's rate from the payment day `since` on, and the one before, if there was one.

    A row knows two rates: for every day before `since` it answers the previous one. Two changes
    within the life of an event make it forget what held on that event's payment day.

    Raises:
        ValueError: a rate can't be withheld, or the day is none of 0 to 65535.
    """

    rate: Rate
    since: int
    previous: Rate | None = None

    def __post_init__(self) -> None:
        check_tax(self.rate)
        if self.previous is not None:
            check_tax(self.previous)
        if not 0 <= self.since <= DAY_MAX:
            raise ValueError(f"expected a day of 0 to {DAY_MAX}")

    def rate_on(self, day: int) -> Rate | None:
        """Return the rate of a payment day; None: the category had none."""
        return self.rate if day >= self.since else self.previous

    def then(self, rate: Rate, since: int) -> TaxRow:
        """Return the row with another rate from a later day on; ValueError if it is not later."""
        if since <= self.since:
            raise ValueError(f"expected a day after {self.since}")
        return TaxRow(rate, since, self.rate)

    def pack(self) -> int:
        """Return the word that a contract keeps; no previous rate is 0 of 0."""
        return (
            _terms(self.rate)
            | self.since << _SINCE_SHIFT
            | _terms(self.previous) << (_PREVIOUS_SHIFT)
        )

    @classmethod
    def unpack(cls, word: int) -> Self:
        """Undo `pack`; ValueError if no row packs so."""
        if word >> _WORD_BITS:
            raise ValueError("expected a word of 240 bits")
        rate = _rate(word)
        if rate is None:
            raise ValueError("expected a rate")
        since = word >> _SINCE_SHIFT & DAY_MAX
        return cls(rate, since, _rate(word >> _PREVIOUS_SHIFT))


@dataclass(frozen=True, slots=True)
class TaxTable:
    """All categories of a ledger, by number; 0 is no category.

    Raises:
        ValueError: a category is none of 1 to 255.
    """

    rows: Mapping[int, TaxRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(1 <= category <= CATEGORY_MAX for category in self.rows):
            raise ValueError(f"expected categories of 1 to {CATEGORY_MAX}")
        # A copy: whoever made the table can't change it.
        object.__setattr__(self, "rows", MappingProxyType(dict(self.rows)))

    def rate_of(self, category: int, day: int) -> Rate:
        """Return what is withheld of an account of a category, for an event paid on a day.

        Raises:
            ValueError: no category has a rate on that day, so that none is the highest.
        """
        in_force = {
            number: rate
            for number, row in self.rows.items()
            if (rate := row.rate_on(day)) is not None
        }
        if not in_force:
            raise ValueError(f"expected a rate in force on day {day}")
        return in_force.get(category) or max(
            in_force.values(), key=lambda rate: Fraction(rate.numerator, rate.denominator)
        )

    def then(self, category: int, rate: Rate, since: int) -> TaxTable:
        """Return the table with a category's rate from a day on, after what it has."""
        row = self.rows.get(category)
        later = TaxRow(rate, since) if row is None else row.then(rate, since)
        return TaxTable({**self.rows, category: later})


def _terms(rate: Rate | None) -> int:
    return 0 if rate is None else rate.numerator | rate.denominator << _DENOMINATOR_SHIFT


def _rate(word: int) -> Rate | None:
    numerator, denominator = word & TAX_TERM_MAX, word >> _DENOMINATOR_SHIFT & TAX_TERM_MAX
    return Rate(numerator, denominator) if numerator or denominator else None
