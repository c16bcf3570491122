"""Batches: many messages of a lane under one attestation, delivered in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import EMPTY, page_word
from tallystick.chain.abi import encode, keccak

__all__ = ["BATCH_ATTESTATION_TYPE", "MAX_BATCH", "Batch"]

# As many as `deliver_batch` takes.
MAX_BATCH: Final = 25
_BATCH_TYPE: Final = "Batch(bytes32 lane,bytes32 word,uint64 count)"
# What attestors sign of a batch, in the domain of the destination's escrow.
BATCH_ATTESTATION_TYPE: Final = (
    "BatchAttestation(uint64 epoch,bytes32 signer_set,Batch batch)" + _BATCH_TYPE
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is attested of a batch: its lane, the word after its messages, how many there are.

    The word is made as the word of a page of the outbox (`outbox.py`): from another one, by each
    message's id in turn.
    """

    lane: bytes
    word: bytes
    count: int

    @classmethod
    def of(cls, messages: Sequence[LaneMessage], before: bytes = EMPTY) -> Batch:
        """Return the batch of some messages, in this order, behind a word.

        Args:
            messages: of one lane and one direction, 1 to 25.
            before: of 32 bytes; of messages that follow one another on a page of the outbox the
                page's word before the first of them, if a proof of storage is to prove the batch.

        Raises:
            ValueError: none, too many, or of several lanes.
        """
        lanes = {message.lane for message in messages}
        if not 1 <= len(messages) <= MAX_BATCH or len(lanes) != 1:
            raise ValueError(f"1 to {MAX_BATCH} messages of one lane expected")
        word = page_word((message.id for message in messages), before)
        return cls(lanes.pop(), word, len(messages))

    @property
    def id(self) -> bytes:
        """Its EIP-712 struct hash."""
        kinds = ["bytes32", "bytes32", "bytes32", "uint64"]
        return keccak(
            encode(kinds, [keccak(_BATCH_TYPE.encode()), self.lane, self.word, self.count])
        )
