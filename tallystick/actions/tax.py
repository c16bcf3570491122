"""Withholding tax by category: what a set of terms withholds, as `pay_terms.vy` keeps it.

A category is a small number that the paying agent enters for an account, by what it has proven;
what it means (a treaty, an exempt fund) is the paying agent's. The first rate is the highest, and
of accounts that proved nothing; a category without a rate pays it too: relief is proven, never
presumed. Which terms hold for an event is told when it is funded first, for good, so that nobody
gains by claiming early or late.

A contract keeps a rate as one word, lowest bits first; 0 is no rate, which is not a rate of 0:

  numerator 48 | denominator 48
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

from tallystick.actions.entitlement import TAX_TERM_MAX, Rate, check_tax

__all__ = ["MAX_RATES", "TaxTable", "withheld"]

MAX_RATES: Final = 16
_DENOMINATOR_SHIFT: Final = 48
_WORD_BITS: Final = 96


@dataclass(frozen=True, slots=True)
class TaxTable:
    """Rates by category, the first the highest; None: that category has none.

    Raises:
        ValueError: there is no first rate or there are more than 16, one can't be withheld, or one
            is higher than the first.
    """

    rates: tuple[Rate | None, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.rates) <= MAX_RATES or self.rates[0] is None:
            raise ValueError(f"expected 1 to {MAX_RATES} rates, and a first one")
        for rate in filter(None, self.rates):
            check_tax(rate)
            if _exact(rate) > _exact(self.rates[0]):
                raise ValueError("expected the first rate to be the highest")

    def rate_of(self, category: int) -> Rate:
        """Return what is withheld of a category; ValueError if it is none of 0 to 15."""
        if not 0 <= category < MAX_RATES:
            raise ValueError(f"expected a category of 0 to {MAX_RATES - 1}")
        highest = self.rates[0]
        assert highest is not None
        return (*self.rates, *[None] * MAX_RATES)[category] or highest

    def pack(self) -> tuple[int, ...]:
        """Return the 16 words that a contract keeps."""
        words = [_word(rate) for rate in self.rates]
        return (*words, *[0] * (MAX_RATES - len(words)))

    @classmethod
    def unpack(cls, words: Sequence[int]) -> Self:
        """Undo `pack`, less empty categories at the end; ValueError if nothing packs so."""
        if len(words) != MAX_RATES or any(word >> _WORD_BITS for word in words):
            raise ValueError(f"expected {MAX_RATES} words of {_WORD_BITS} bits")
        used = max((place for place, word in enumerate(words, start=1) if word), default=0)
        return cls(tuple(_rate(word) for word in words[:used]))


def withheld(words: Sequence[int], category: int, gross: int) -> int:
    """Return what terms withhold of a gross, as a contract does, by its words.

    Args:
        words: the 16 that it keeps.
        category: the account's, 0 to 15.
        gross: smallest units.
    """
    word = words[category] or words[0]
    return gross * (word & TAX_TERM_MAX) // (word >> _DENOMINATOR_SHIFT)


def _exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


def _word(rate: Rate | None) -> int:
    return 0 if rate is None else rate.numerator | rate.denominator << _DENOMINATOR_SHIFT


def _rate(word: int) -> Rate | None:
    return Rate(word & TAX_TERM_MAX, word >> _DENOMINATOR_SHIFT) if word else None
