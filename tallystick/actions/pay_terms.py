"""In what cash an instrument's events are paid on a ledger, and what is withheld (R-46).

The Python side of `contracts/actions/pay_terms.vy`; its rates are a `tallystick.actions.tax`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.actions.tax import TaxTable

__all__ = ["PayTerms"]


@dataclass(frozen=True, slots=True)
class PayTerms:
    """Terms of a currency on a ledger: cash token, accounts for tax and for what is left, rates."""

    currency: str
    cash: str
    tax_account: str
    return_account: str
    tax: TaxTable

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the members as the engine takes them."""
        currency = self.currency.encode().ljust(4, b"\0")
        accounts = (self.cash, self.tax_account, self.return_account)
        return currency, *accounts, list(self.tax.pack())
