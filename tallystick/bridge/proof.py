"""What a `ProofVerifier` is told: commitments of a quorum, headers, proofs of an outbox's pages.

Sources: EIP-1186 (`eth_getProof`), the yellow paper's appendices B (RLP), C (hex prefix) and D
(tries) for what a node gives, the execution API's block for the fields of a header.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge.batch import Batch
from tallystick.bridge.message import ledger_id, party
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.build import Artifact
from tallystick.chain import rlp
from tallystick.chain.abi import encode, keccak
from tallystick.governance.layout import variables

__all__ = [
    "ATTESTATION_TYPE",
    "EPOCH",
    "Commitment",
    "ProofDomain",
    "ProofTerms",
    "batch_attestation",
    "header_of",
    "header_rlp",
    "nodes_of",
    "outbox_slot",
    "page_attestation",
    "page_slot",
    "storage_root",
]

COMMITMENT_TYPE: Final = (
    "Commitment(uint8 kind,bytes32 ledger,uint64 number,bytes32 account,bytes32 hash)"
)
# Of the quorum that a proof verifier is created with, and the one epoch in which it signs.
ATTESTATION_TYPE: Final = (
    "Attestation(uint64 epoch,bytes32 signer_set,Commitment commitment)" + COMMITMENT_TYPE
)
EPOCH: Final = 1
_BLOCK: Final = 1
_STORAGE: Final = 2
_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME: Final = "Tallystick Proof"
_DOMAIN_VERSION: Final = "1"
# A node with a hash has at least as many bytes; others lie in their parent.
_HASHED: Final = 32
# A header's items, and whether each is a number; from the first that a block lacks on, its hard
# fork had none: London, Shanghai, Cancun (3), Prague and Osaka.
_HEADER: Final = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
    ("mixHash", False),
    ("nonce", False),
)
_LATER: Final = (
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
)


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a quorum says of a source ledger: one hash, after one block.

    Made by `of_block` or `of_storage`; the members are those of the signed struct.
    """

    kind: int
    ledger: bytes
    number: int
    account: bytes
    hash: bytes

    @classmethod
    def of_block(cls, caip2: str, number: int, block_hash: bytes) -> Commitment:
        """The hash of a block's header.

        Args:
            caip2: the source ledger.
            number: the block's; final, as what attestors sign has to be.
            block_hash: 32 bytes.
        """
        return cls(_BLOCK, ledger_id(caip2), number, bytes(32), block_hash)

    @classmethod
    def of_storage(cls, caip2: str, number: int, escrow: str, root: bytes) -> Commitment:
        """The root of an escrow's storage after a block.

        Args:
            caip2: the source ledger.
            number: the block's; final, as what attestors sign has to be.
            escrow: the source escrow's address.
            root: 32 bytes, `storage_root` of what the attestor's own node answers.
        """
        return cls(_STORAGE, ledger_id(caip2), number, party(escrow), root)

    @property
    def id(self) -> bytes:
        """EIP-712 struct hash."""
        kinds = ["bytes32", "uint8", "bytes32", "uint64", "bytes32", "bytes32"]
        values = [self.kind, self.ledger, self.number, self.account, self.hash]
        return keccak(encode(kinds, [keccak(COMMITMENT_TYPE.encode()), *values]))


@dataclass(frozen=True, slots=True)
class ProofTerms:
    """What a `ProofVerifier` is created with: whose outbox it proves, and on whose word.

    Args:
        quorum: address of a `QuorumVerifier` that attests `ATTESTATION_TYPE`.
        ledger: id of the source ledger, as `ledger_id` makes it of its CAIP-2 name.
        escrow: address of the escrow there.
        slot: `outbox_slot` of that escrow.
        operator: keccak256 of the LEI of who runs the quorum, as that says itself.
    """

    quorum: str
    ledger: bytes
    escrow: str
    slot: int
    operator: bytes

    @property
    def arguments(self) -> tuple[str, bytes, str, int]:
        """Of its constructor, which asks the quorum for the operator."""
        return self.quorum, self.ledger, self.escrow, self.slot

    def immutables(self, chain_id: int) -> bytes:
        """What its code then ends with on a chain: a word each, in the order of its source."""
        kinds = ["address", "bytes32", "address", "uint256", "bytes32", "uint256"]
        return encode(kinds, [*self.arguments, self.operator, chain_id])


@dataclass(frozen=True, slots=True)
class ProofDomain:
    """EIP-712 domain of a proof verifier, in which its quorum signs."""

    chain_id: int
    verifier: str

    @property
    def separator(self) -> bytes:
        """The domain separator, as the verifier computes it."""
        hashes = [keccak(t.encode()) for t in (_DOMAIN_TYPE, _DOMAIN_NAME, _DOMAIN_VERSION)]
        kinds = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
        return keccak(encode(kinds, [*hashes, self.chain_id, self.verifier]))


# ------------------------------------------------------------------------------- what nodes answer


def header_rlp(block: Mapping[str, Any]) -> bytes:
    """Return the header of a block as `eth_getBlockByNumber` answers it, in RLP.

    Raises:
        ValueError: what the fields say has another hash than the block: its ledger's headers have
            another form.
    """
    fields = [*_HEADER, *(field for field in _LATER if block.get(field[0]) is not None)]
    items = [
        int(block[name], 16) if is_number else _bytes(block[name]) for name, is_number in fields
    ]
    header = rlp.encode(items)
    if keccak(header) != _bytes(block["hash"]):
        raise ValueError(f"block {block['number']}: fields of which its hash is made expected")
    return header


def nodes_of(proof: Sequence[str]) -> bytes:
    """Return a proof as the verifier reads it: the nodes one behind the other, from the root down.

    Args:
        proof: `accountProof`, or a `storageProof`'s `proof`, of an `eth_getProof`. Nodes of fewer
            than 32 bytes, which some clients list too, stand in their parent already.
    """
    nodes = [_bytes(node) for node in proof]
    return b"".join(node for i, node in enumerate(nodes) if i == 0 or len(node) >= _HASHED)


def storage_root(answer: Mapping[str, Any]) -> bytes:
    """Return the root of the account's storage, as an `eth_getProof` answers."""
    return _bytes(answer["storageHash"])


def header_of(
    block: Mapping[str, Any], answer: Mapping[str, Any], attestation: bytes
) -> tuple[int, bytes, bytes, bytes]:
    """Return the arguments of `show_header`: number, header, attestation, proof of the account.

    Args:
        block: as `eth_getBlockByNumber` answers.
        answer: the escrow's `eth_getProof` at the same block.
        attestation: the quorum's, of `Commitment.of_block`.

    Raises:
        ValueError: see `header_rlp`.
    """
    header = header_rlp(block)
    return int(block["number"], 16), header, attestation, nodes_of(answer["accountProof"])


# ----------------------------------------------------------------------------------- outbox


def outbox_slot(escrow: Artifact) -> int:
    """Return the slot of `outbox` in an escrow's storage layout.

    Raises:
        ValueError: it has none.
    """
    for each in variables(escrow.layout):
        if each.name.rpartition(".")[2] == "outbox":
            return each.slot
    raise ValueError(f"{escrow.name}: an outbox in its storage expected")


def page_slot(slot: int, lane: bytes, nonce: int) -> bytes:
    """Return the slot of the page on which a message of a lane stands, for `eth_getProof`.

    Args:
        slot: of `outbox`.
        lane: the lane, 32 bytes.
        nonce: the message's.
    """
    of_lane = keccak(slot.to_bytes(32, "big") + lane)
    return keccak(of_lane + (nonce // PAGE).to_bytes(32, "big"))


def page_attestation(epoch: int, ids: Sequence[bytes], index: int) -> bytes:
    """Return what `deliver` is given for one message of a proven page.

    Args:
        epoch: the lane's epoch that trusts the proof verifier.
        ids: of the page's messages when it was proven, in the order of their nonces, 1 to 8.
        index: which of them, from 0.

    Returns:
        epoch 8 bytes | the page's word before the message 32 | later ids, 32 each.

    Raises:
        ValueError: more ids than a page has, or an index that is none of them.
    """
    if not 0 <= index < len(ids) <= PAGE:
        raise ValueError(f"message {index} of {len(ids)}: one of at most {PAGE} expected")
    return epoch.to_bytes(8, "big") + page_word(ids[:index]) + b"".join(ids[index + 1 :])


def batch_attestation(epoch: int, batch: Batch, later: Sequence[bytes] = ()) -> bytes:
    """Return what `deliver_batch` is given for messages that follow one another on a proven page.

    Args:
        epoch: the lane's epoch that trusts the proof verifier.
        batch: of those messages, behind the page's word before the first of them.
        later: ids of the page's messages behind them when it was proven, in order, at most 7.

    Returns:
        epoch 8 bytes | lane 32 | word after the batch 32 | how many 32 | later ids, 32 each.

    Raises:
        ValueError: more messages than a page has.
    """
    if batch.count + len(later) > PAGE:
        raise ValueError(f"{batch.count} and {len(later)} messages: at most {PAGE} expected")
    head = epoch.to_bytes(8, "big") + batch.lane + batch.word + batch.count.to_bytes(32, "big")
    return head + b"".join(later)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
