"""One ledger at one block: its views in batches, its events by name, its code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from tallystick.chain import Block, Contract, Event, Revert
from tallystick.chain.abi import CodecError, checksum, keccak
from tallystick.files.manifest import LedgerEntry
from tallystick.governance.release import PER_INSTRUMENT, proxy_name
from tallystick.reach.connection import Suite

__all__ = ["Question", "Reader"]

# A contract, the name of a view, its arguments.
Question = tuple[Any, ...]


class Reader:
    """One ledger at one block.

    Args:
        suite: its contracts.
        entry: what the manifest says of it.
        isin: of the instrument.
        beside: ISINs of the other instruments of the suite.

    Attributes:
        name: the ledger.
        block: the block that everything is read in.
    """

    def __init__(
        self, suite: Suite, entry: LedgerEntry, isin: str, beside: Sequence[str] = ()
    ) -> None:
        self.suite = suite
        self.isin = isin
        self.beside = tuple(beside)
        self.name = entry.name
        self.block: Block = suite.chain.block()
        self._from = entry.from_block
        self.code = cache(suite.chain.code)

    def ask(self, questions: Iterable[Question]) -> list[Any]:
        """Return what views answer, all in one batch.

        Raises:
            Revert: one refuses.
            CodecError: one answers nothing, or nothing of its type.
        """
        answers = self.ask_any(questions)
        for answer in answers:
            if isinstance(answer, Revert | CodecError):
                raise answer
        return answers

    def ask_any(self, questions: Iterable[Question]) -> list[Any]:
        """Return what views answer, all in one batch; of those that don't, the exception."""
        return self.suite.chain.ask(questions, block=self.block.number)

    def events(self, contract: Contract, names: Sequence[str]) -> Mapping[str, list[Event]]:
        """Return a contract's events up to the block by name, in their order."""
        topics = [contract.interface.events_by_name[name][0].topic for name in names]
        logs = self.suite.chain.raw_logs(contract, self._from, self.block.number, topics=[topics])
        found: dict[str, list[Event]] = {name: [] for name in names}
        for log in logs:
            event = self.suite.chain.decode_log(log)
            found.setdefault(event.name, []).append(event)
        return found

    def neighbours(self) -> dict[str, str]:
        """Return the proxies of the other instruments of the suite: of each its ISIN's name."""
        authority = self.suite.authority
        asked = [(kind, isin) for isin in self.beside for kind in PER_INSTRUMENT]
        found = self.ask((authority, "proxy_at", proxy_name(*each)) for each in asked)
        return {
            str(address): f"{kind} of {isin}"
            for (kind, isin), address in zip(asked, found, strict=True)
        }

    def storage_address(self, contract: Contract, slot: int) -> str:
        """Return the address in a storage slot, now: no node tells it of a block in a batch."""
        return str(checksum(self.suite.chain.storage(contract.address, slot)[12:]))

    def code_hash(self, address: str) -> bytes:
        """Return Keccak-256 of the code at an address."""
        return keccak(self.code(address))
