"""Who pays whom in which cash, and what it looks like when that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tallystick.chain import Account, Contract, reverts
from tallystick.chain.embedded import EmbeddedChain

# What the payer starts with, in smallest units.
ISSUED: Final = 10**12


@dataclass(frozen=True)
class Ledger:
    """A ledger, its cash, its parties by role."""

    chain: EmbeddedChain
    cash: Contract

    @property
    def issuer(self) -> Account:
        """Who issues the cash."""
        return self.chain.account(1)

    @property
    def payer(self) -> Account:
        """Who has cash."""
        return self.chain.account(2)

    @property
    def payee(self) -> Account:
        """Who gets some."""
        return self.chain.account(3)

    @property
    def spender(self) -> Account:
        """Who is allowed to pay for others."""
        return self.chain.account(4)

    def balances(self, *accounts: Any) -> tuple[int, ...]:
        """Cash of each; of payer and payee if nobody is named."""
        return tuple(map(self.cash.balanceOf, accounts or (self.payer, self.payee)))

    @contextmanager
    def refused(self, reason: str | None = None, **how: Any) -> Iterator[None]:
        """The block reverts exactly so (see `reverts`), and no slot of the ledger has changed."""
        before = self._slots()
        with reverts(reason, **how):
            yield
        assert self._slots() == before

    def _slots(self) -> dict[Any, int]:
        return {slot: value for slot, value in self.chain._state.slots.items() if value}
