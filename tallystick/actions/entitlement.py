"""What units at a close are paid: gross, tax, net, to the smallest unit of the cash.

Nothing is ever rounded up. Gross rounds down for each holder, and so what holders are paid never
exceeds what their sum was funded with. Tax rounds down too: no holder is withheld more than its
rate, and what is left of a smallest unit is the holder's. Rules of rounding tax differ by country
and even by bank; what counts is that a record says which one holds (`Rounding`), so that no
release changes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

from tallystick.token.position import AMOUNT_MAX

__all__ = [
    "NO_TAX",
    "RATE_MAX",
    "TAX_TERM_MAX",
    "Entitlement",
    "Rate",
    "check_tax",
    "entitlement",
    "total",
]

RATE_MAX: Final = 2**96 - 1
# A contract keeps both terms beside the cash token's address in a word of 256: a percentage with 12
# decimals.
TAX_TERM_MAX: Final = 2**48 - 1


@dataclass(frozen=True, slots=True)
class Rate:
    """An exact rate in lowest terms, so that equal rates are one record."""

    numerator: int
    denominator: int = 1

    def __post_init__(self) -> None:
        exact = Fraction(self.numerator, max(self.denominator, 1))
        if (self.numerator, self.denominator) != (exact.numerator, exact.denominator):
            raise ValueError(f"expected {exact} in lowest terms")
        if self.numerator < 0 or max(self.numerator, self.denominator) > RATE_MAX:
            raise ValueError("expected a rate of 0 or more whose terms fit 96 bits")

    @classmethod
    def of(cls, value: Fraction) -> Self:
        """Return an exact number as a rate; ValueError if it does not fit."""
        return cls(value.numerator, value.denominator)

    def down(self, amount: int) -> int:
        """Return the rate of an amount, rounded down."""
        return amount * self.numerator // self.denominator


NO_TAX: Final = Rate(0)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Base units, and smallest units of the cash: gross is tax and net."""

    units: int
    gross: int
    tax: int

    @property
    def net(self) -> int:
        """What the holder gets."""
        return self.gross - self.tax


def check_tax(tax: Rate) -> None:
    """Raise ValueError unless a rate can be withheld: 0 to all of it, in terms of 48 bits."""
    if not tax.numerator <= tax.denominator <= TAX_TERM_MAX:
        raise ValueError("expected a tax of 0 to 1 whose terms fit 48 bits")


def entitlement(units: int, rate: Rate, tax: Rate = NO_TAX) -> Entitlement:
    """Return what units at a close are paid.

    Args:
        units: Base units, at most 2**104 - 1.
        rate: Smallest units of the cash for one base unit.
        tax: What is withheld of the gross, from 0 to all of it; its terms fit 48 bits.

    Raises:
        ValueError: one of them is out of range.
    """
    if not 0 <= units <= AMOUNT_MAX:
        raise ValueError("expected 0 to 2**104 - 1 units")
    check_tax(tax)
    gross = rate.down(units)
    return Entitlement(units, gross, tax.down(gross))


def total(entitlements: Iterable[Entitlement]) -> Entitlement:
    """Return the sum: what is booked as units, gross and tax of an event so far."""
    units = gross = tax = 0
    for each in entitlements:
        units, gross, tax = units + each.units, gross + each.gross, tax + each.tax
    return Entitlement(units, gross, tax)
