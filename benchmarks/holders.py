"""The gas of declaring and fixing a dividend, for more and more holders: it must not grow.

Half of them are at home and half on the other ledger; each has units of its own, and what is fixed
is one sum a ledger, whoever holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from benchmarks.actions import Dividends
from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, holder
from tallystick.chain import Account
from tallystick.reach.connection import Suite

__all__ = ["COUNTS", "OPERATIONS", "TOLERANCE", "Declarations", "not_flat"]

# How many holders there are, both ledgers together.
COUNTS: Final = (10, 1_000, 100_000)
# What must cost the same for all of them.
OPERATIONS: Final = (
    "event.announce",
    "event.confirm",
    "event.take_record",
    "figures.send",
    "figures.take",
    "event.fix",
    "event.fix_lane",
    "event.take_totals",
)
# Gas by which two runs of one operation may differ: bytes that happen to be zero, in calldata.
TOLERANCE: Final = 100
_BATCH: Final = 250


class Declarations(Dividends):
    """One dividend after another, each for more holders than the one before."""

    def run(self, counts: Sequence[int] = COUNTS) -> dict[str, int]:
        """Carry them out and return the gas by operation and number of holders.

        Args:
            counts: how many hold at each record day, ever more.

        Raises:
            ValueError: an operation's gas depends on how many hold.
        """
        one, guest = self.network.holder("home", 0), self.network.holder("remote", 0)
        for suite, account in ((self.home, one), (self.remote, guest)):
            self.network.admit(suite, account, UNTIL_DAY)
        self.network.issue([(one, 1_000 * AMOUNT)])
        self._across(one, guest, 10 * AMOUNT)
        # The first of all writes slots that the others find.
        self._declare(1, one, guest)
        gas: dict[str, int] = {}
        there = 1
        for number, count in enumerate(counts, start=2):
            self._grow(there, count // 2, one, guest)
            there = count // 2
            self.gas.clear()
            self._declare(number, one, guest)
            gas |= {f"{each}.holders_{count}": self.gas[each] for each in OPERATIONS}
        if grown := not_flat(gas, counts):
            raise ValueError(f"depends on the number of holders: {', '.join(grown)}")
        return gas

    def _across(self, one: Account, guest: Account, amount: int) -> None:
        """Units move to the other ledger."""
        message = self.network.lock(one, guest, amount)
        self.rig.align()
        self.network.deliver(message)

    def _grow(self, there: int, count: int, one: Account, guest: Account) -> None:
        """As many holders on each ledger, those who send units among them; `there` are some."""
        stated = (REASON, DOCUMENT)
        new = [holder(number) for number in range(there, count)]
        self.home.token.authorise_issuance(
            2 * len(new) * AMOUNT, *stated, sender=self.network.party("home", "notary")
        )
        issuer = self.network.party("home", "issuer")
        self.home.token.mint(one, len(new) * AMOUNT, *stated, sender=issuer)
        self._across(one, guest, len(new) * AMOUNT)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            amounts = [AMOUNT] * len(batch)
            for suite in (self.home, self.remote):
                self._admit(suite, batch)
            self.home.token.batchMint(batch, amounts, *stated, sender=issuer)
            self.remote.token.batchTransfer(batch, amounts, sender=guest)

    def _note(self, number: int, operation: str, receipt: Any) -> None:
        self.gas[operation] = receipt.gas_used

    def _move(self, one: Account) -> None:
        """Nobody has to: nobody claims."""

    def _admit(self, suite: Suite, accounts: Iterable[str]) -> None:
        registrar = self.network.party(suite.chain.name, "registrar")
        suite.token.batch_admit(list(accounts), UNTIL_DAY, REASON, DOCUMENT, sender=registrar)


def not_flat(gas: Mapping[str, int], counts: Sequence[int] = COUNTS) -> list[str]:
    """Return the operations whose gas depends on the number of holders, in words."""
    found = []
    for each in OPERATIONS:
        costs = [gas[f"{each}.holders_{count}"] for count in counts]
        if max(costs) - min(costs) > TOLERANCE:
            found.append(f"{each} {', '.join(f'{cost:,}' for cost in costs)}")
    return found
