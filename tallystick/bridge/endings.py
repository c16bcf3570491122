"""A dead ledger's end, as the home escrow knows it: last state, list, tree, proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.batch import Batch
from tallystick.chain.abi import encode, keccak

__all__ = ["NOTICE", "EndList", "LastState", "Leaf", "proof_of", "root_of"]

# Seconds from the confirmation of an end until anyone applies it.
NOTICE: Final = 100 * 86_400
_LAST_STATE_TYPE: Final = (
    "LastState(bytes32 lane,uint256 list,uint256 number,bytes32 block_hash,"
    "uint256 time,uint256 epoch,bytes32 root,uint256 total)"
)
_LEAF_TYPE: Final = "Leaf(bytes32 lane,uint256 list,uint256 index,address account,uint256 amount)"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Who gets how much at home, at which place of which list of a lane."""

    lane: bytes
    list: int
    index: int
    account: str
    amount: int

    @property
    def hash(self) -> bytes:
        """Its EIP-712 struct hash."""
        words = [self.lane, self.list, self.index, self.account, self.amount]
        kinds = ["bytes32", "bytes32", "uint256", "uint256", "address", "uint256"]
        return keccak(encode(kinds, [keccak(_LEAF_TYPE.encode()), *words]))


@dataclass(frozen=True, slots=True)
class LastState:
    """What a registrar states of a dead ledger, and every verifier of the lane attests."""

    lane: bytes
    list: int
    number: int
    block_hash: bytes
    time: int
    # Its action epoch then, in whose units the list is.
    epoch: int
    root: bytes
    total: int

    def as_tuple(self) -> tuple[int, int, bytes, int, int, bytes, int]:
        """The struct that the escrow takes, beside the lane."""
        return (
            self.list,
            self.number,
            self.block_hash,
            self.time,
            self.epoch,
            self.root,
            self.total,
        )

    @property
    def id(self) -> bytes:
        """Its EIP-712 struct hash, which the second registrar names."""
        kinds = ["bytes32", "uint256", "uint256", "bytes32", "uint256", "uint256", "bytes32"]
        return keccak(
            encode(
                ["bytes32", *kinds, "uint256"],
                [keccak(_LAST_STATE_TYPE.encode()), self.lane, *self.as_tuple()],
            )
        )

    @property
    def attested(self) -> Batch:
        """What attestors sign: a batch of no messages, whose word is the statement."""
        return Batch(self.lane, self.id, 0)


@dataclass(frozen=True, slots=True)
class EndList:
    """A list: its leaves in their order, and the tree over them."""

    lane: bytes
    number: int
    leaves: tuple[Leaf, ...]

    @classmethod
    def of(cls, lane: bytes, number: int, shares: Sequence[tuple[str, int]]) -> EndList:
        """Number accounts and amounts, in the order given."""
        leaves = (Leaf(lane, number, at, who, units) for at, (who, units) in enumerate(shares))
        return cls(lane, number, tuple(leaves))

    @property
    def root(self) -> bytes:
        """Of the tree."""
        return root_of([leaf.hash for leaf in self.leaves])

    @property
    def total(self) -> int:
        """Base units of all leaves."""
        return sum(leaf.amount for leaf in self.leaves)

    def proof(self, index: int) -> list[bytes]:
        """What `pay_listed` takes for a leaf: siblings from the leaf up."""
        return proof_of([leaf.hash for leaf in self.leaves], index)


def _levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The tree from its leaves up; who has no sibling goes up as it is."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
        levels.append([keccak(b"".join(sorted(p))) if len(p) == 2 else p[0] for p in pairs])
    return levels


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a tree over leaves' hashes.

    Raises:
        ValueError: no leaf.
    """
    if not hashes:
        raise ValueError("a leaf at least expected")
    return _levels(hashes)[-1][0]


def proof_of(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the siblings of a leaf, from the leaf up."""
    proof = []
    for level in _levels(hashes)[:-1]:
        if (sibling := index ^ 1) < len(level):
            proof.append(level[sibling])
        index //= 2
    return proof
