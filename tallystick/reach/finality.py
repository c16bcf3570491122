"""Which blocks of a ledger are final, by the manifest's rule, and which logs stand in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from tallystick.chain import Block, Chain, Contract, RawLog, UnknownBlock
from tallystick.chain.jsonrpc import Patience
from tallystick.files.scalars import Finality

__all__ = ["Watch", "final_block", "insist", "stand"]

# So many words of a place in logs' topics are searched for by name.
_FEW: Final = 8
# Seconds in which what seems to be missing is asked for again.
_INSIST: Final = 1.0
T = TypeVar("T")


def insist(missing: Callable[[], T]) -> T:
    """Return what is missing, having looked for it several times.

    A node may keep back for a moment what it just told. And asked about its last block, anvil
    answers with the state that the block makes which it is mining.
    """
    patience = Patience(_INSIST)
    while (found := missing()) and patience.wait():
        pass
    return found


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


def stand(contract: Contract, logs: Sequence[RawLog]) -> set[RawLog]:
    """Return those of a contract's logs that are in their blocks still, in one search."""
    if not logs:
        return set()
    blocks = [log.block_number for log in logs]
    # Of some events, and of what they are about: what they have in common is searched for.
    topics = [
        words if len(words) <= _FEW else None
        for words in (list(dict.fromkeys(place)) for place in zip(*_topics(logs), strict=True))
    ]
    found = contract.chain.raw_logs(contract, min(blocks), max(blocks), topics=topics)
    return set(logs) & set(found)


def _topics(logs: Sequence[RawLog]) -> list[tuple[bytes, ...]]:
    fewest = min(len(log.topics) for log in logs)
    return [log.topics[:fewest] for log in logs]


@dataclass
class Watch:
    """A ledger as one step sees it: all that is read in the step is read at its last block.

    Args:
        chain: the ledger.
        rule: what makes a block final there.
        first: nothing before this block is of interest.

    Attributes:
        head: the last block; number -1 before the first look.
        final: the last block that is final; -1: none is.
        era: how often a block was gone that had been final: nothing read before counts then.
    """

    chain: Chain
    rule: Finality
    first: int
    head: Block = field(default_factory=lambda: Block(-1, 0, ""))
    final: int = -1
    era: int = 0
    _anchor: Block | None = None
    _clock: int = 0

    def look(self) -> None:
        """See where the ledger is now.

        Raises:
            ChainError: the node can't be reached, or doesn't know the rule's block tag.
        """
        head = self.chain.block()
        last = self._final(head.number)
        anchor = self._anchor
        if anchor is not None:
            if not self._is_there(anchor, head, last):
                self.era += 1
            elif last is None or last.number < anchor.number:
                # A node that is behind makes nothing less final.
                last = anchor
        self.head, self._anchor, self._clock = head, last, 0
        self.final = -1 if last is None else last.number

    @property
    def final_hash(self) -> str:
        """The hash of the last block that is final, 0x text; nothing if none is."""
        return "" if self._anchor is None else self._anchor.hash

    def _final(self, head: int) -> Block | None:
        try:
            if self.rule.kind != "depth":
                return self.chain.block(self.rule.kind)
            deep = head - (self.rule.blocks or 0)
            return self.chain.block(deep) if deep >= 0 else None
        except UnknownBlock:
            return None

    def _is_there(self, anchor: Block, head: Block, last: Block | None) -> bool:
        for known in (head, last):
            if known is not None and known.number == anchor.number:
                return known.hash == anchor.hash
        if anchor.number > head.number:
            return False
        try:
            return self.chain.block(anchor.number).hash == anchor.hash
        except UnknownBlock:
            return False

    @property
    def clock(self) -> int:
        """The time of the ledger's next block, asked once a step; seconds since 1970."""
        if not self._clock:
            self._clock = self.chain.now
        return self._clock
