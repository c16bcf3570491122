"""In what cash an instrument's events are paid on a ledger, and what is withheld (R-46).

The Python side of `contracts/actions/pay_terms.vy`. A rate is one word there: numerator 56 |
denominator 56; of sixteen, the first is the highest, and of accounts that proved nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from tallystick.actions.entitlement import Rate, check_tax

__all__ = ["MAX_RATES", "PayTerms", "check_rates"]

MAX_RATES: Final = 16
_DENOMINATOR_SHIFT: Final = 56


def check_rates(rates: Sequence[Rate]) -> None:
    """Raise ValueError unless an engine would take these rates of tax, by category from 0."""
    if not 1 <= len(rates) <= MAX_RATES:
        raise ValueError(f"expected 1 to {MAX_RATES} rates")
    for rate in rates:
        check_tax(rate)
    exact = [Fraction(rate.numerator, rate.denominator) for rate in rates]
    if max(exact) != exact[0]:
        raise ValueError("expected the highest rate first: it is withheld where nothing is proven")


@dataclass(frozen=True, slots=True)
class PayTerms:
    """Terms of a currency on a ledger: cash token, accounts for tax and rest, rates by category."""

    currency: str
    cash: str
    tax_account: str
    return_account: str
    rates: tuple[Rate, ...]

    def __post_init__(self) -> None:
        check_rates(self.rates)

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the members as the engine takes them."""
        words = [rate.numerator | rate.denominator << _DENOMINATOR_SHIFT for rate in self.rates]
        words += [0] * (MAX_RATES - len(words))
        currency = self.currency.encode().ljust(4, b"\0")
        return currency, self.cash, self.tax_account, self.return_account, words
