"""Which blocks of a ledger are final, by the manifest's rule, and what was logged in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tallystick.chain import Chain, Contract, RawLog, UnknownBlock
from tallystick.files.scalars import Finality

__all__ = ["FinalLogs", "final_block", "stands"]


def final_block(chain: Chain, rule: Finality) -> int:
    """Return the last block of a chain that is final by a rule; -1 if none is.

    Raises:
        ChainError: the node doesn't know the rule's block tag.
    """
    if rule.kind == "depth":
        return chain.block_number - (rule.blocks or 0)
    try:
        return chain.block(rule.kind).number
    except UnknownBlock:
        return -1


def stands(chain: Chain, contract: Contract, log: RawLog) -> bool:
    """Whether a contract's log is in its block still, asked right before anything is signed."""
    return log in chain.raw_logs(contract, log.block_number, log.block_number)


@dataclass
class FinalLogs:
    """Reads a ledger's logs once each, as far as its blocks are final.

    Args:
        chain: the ledger.
        rule: what makes a block final there.
        first: nothing before this block is of interest.

    Attributes:
        read_to: the last block that was read; -1: none was.
    """

    chain: Chain
    rule: Finality
    first: int
    read_to: int = -1
    _read_hash: str = ""

    def final(self) -> int:
        """Return the last block that is final now; -1 if none is."""
        return final_block(self.chain, self.rule)

    def forgets(self) -> bool:
        """Whether a block that was read is gone, deeper than the rule allows for: all begins anew.

        Nothing that was read counts then.
        """
        gone = self.read_to >= 0 and (
            self.read_to > self.chain.block_number
            or self.chain.block(self.read_to).hash != self._read_hash
        )
        if gone:
            self.forget()
        return gone

    def forget(self) -> None:
        """Begin anew."""
        self.read_to = -1

    def read(
        self, contract: Contract, wanted: Iterable[tuple[str, Sequence[bytes | None]]]
    ) -> list[RawLog]:
        """Return a contract's logs in blocks that became final since the last time, in order.

        Args:
            contract: the contract.
            wanted: names of events, each with the indexed words that it must have.

        Raises:
            ChainError: the node can't be reached; the next time begins where this one did.
        """
        final, start = self.final(), max(self.read_to + 1, self.first)
        if final < start:
            return []
        read_hash = self.chain.block(final).hash
        found: list[RawLog] = []
        for name, words in wanted:
            topics = [contract.interface.events_by_name[name][0].topic, *words]
            found += self.chain.raw_logs(contract, start, final, topics=topics)
        self.read_to, self._read_hash = final, read_hash
        return sorted(found, key=lambda log: (log.block_number, log.log_index))
