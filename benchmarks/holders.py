"""The gas of a dividend declared and fixed, and of a split armed, for more and more holders.

It must not grow. Half of them are at home and half on the other ledger; each has units of its own,
and what is fixed, or carried over a split, is one sum a ledger, whoever holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from benchmarks.actions import Dividends
from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, holder
from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EVENT_ATTESTATION, EventVersion, Figures
from tallystick.chain import Account
from tallystick.local.network import EVENT_ATTESTORS
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
    "event.arm",
    "event.take_ratio",
    "event.carry_lane",
)
# Gas by which two runs of one operation may differ: bytes that happen to be zero, in calldata.
TOLERANCE: Final = 100
_BATCH: Final = 250
# Who is credited what rounding leaves.
_AGENT: Final = 93


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
        for suite in (self.home, self.remote):
            self.network.name_agent(suite, suite.chain.account(_AGENT))
        self.rig.align()
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
            with self.home.chain.isolated(), self.remote.chain.isolated():
                self._split(number, one, guest)
            gas |= {f"{each}.holders_{count}": self.gas[each] for each in OPERATIONS}
        if grown := not_flat(gas, counts):
            raise ValueError(f"depends on the number of holders: {', '.join(grown)}")
        return gas

    def _split(self, number: int, one: Account, guest: Account) -> None:
        """Four for one, from the announcement until the lane is carried over it."""
        home: Any = self.home.engine
        remote: Any = self.remote.engine
        day = int(self.home.token.business_day())
        record = replace(
            self._record(number, day),
            coaf=f"BENCH-SPLF-{number}",
            caev="SPLF",
            ex=0,
            figures_by=0,
            payment_day=0,
            relief_until=0,
            expires=0,
            rate=Rate(4),
            currency="",
            cash_decimals=0,
        )
        version, words = EventVersion(record), record.as_tuple()
        issuer = self.network.party("home", "issuer")
        home.announce(words, 1, REASON, DOCUMENT, sender=issuer)
        proof = self._signed(self.home, version.id, EVENT_ATTESTORS, EVENT_ATTESTATION)
        home.confirm(words, proof, sender=one)
        told = (self._header(self.home, version), words, 1, self._proof(self.home, version))
        remote.take_record(*told, sender=guest)
        armed = home.arm(words, sender=one)
        self._note(number, "event.arm", armed)
        sent = armed.one("RatioSent")
        words = (tuple(sent.header), tuple(sent.ratio), self._attested(self.home, sent.id))
        self._note(number, "event.take_ratio", remote.take_ratio(*words, sender=guest))
        self._days(record.record_day + 1 - day)
        sent = remote.tell_ratio(record.as_tuple()[2], sender=guest).one("EnteredSent")
        words = (tuple(sent.header), tuple(sent.entered), self._attested(self.remote, sent.id))
        home.take_entered(*words, sender=one)
        hints = (0,) * 4
        sent = remote.send_figures(self.lane, record.record_day, 0, hints, sender=guest)
        figures = Figures(**sent.one("FiguresSent").figures._asdict())
        told_by = (self._header(self.remote, figures), figures.as_tuple())
        home.take_figures(*told_by, self._proof(self.remote, figures), sender=one)
        carried = home.carry_lane(self.lane, 1, (0, 0, 0), sender=one)
        self._note(number, "event.carry_lane", carried)

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
