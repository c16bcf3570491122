"""Source ledgers made of tries: their state, an escrow's storage, headers, and proofs of them.

py-trie keeps the tries and `rlp` writes them, neither of which the package or a contract knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import rlp
from eth_utils.crypto import keccak
from trie import HexaryTrie

from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.message import ledger_id
from tallystick.bridge.proof import (
    ATTESTATION_TYPE,
    EPOCH,
    Commitment,
    ProofDomain,
    ProofTerms,
    outbox_slot,
    page_slot,
)
from tallystick.build import Artifact, artifact
from tallystick.chain import Account, Chain, Contract

CAIP2: Final = "eip155:41001"
ESCROW: Final = "0x" + "e5" * 20
LEI: Final = "HWUPKR0MPOU8FGXBT394"
OPERATOR: Final = keccak(text=LEI)
OUTBOX: Final = outbox_slot(artifact("BridgeEscrow"))
_FULL: Final = 16


def nibbles_of(key: bytes) -> list[int]:
    """The nibbles of a key, from the top."""
    return [nibble for byte in key for nibble in (byte >> 4, byte & 15)]


def hex_prefix(nibbles: Sequence[int], leaf: bool) -> bytes:
    """A node's path (yellow paper, appendix C)."""
    flag = 2 * leaf + len(nibbles) % 2
    padded = [flag, *([] if flag % 2 else [0]), *nibbles]
    return bytes(16 * a + b for a, b in zip(padded[::2], padded[1::2], strict=True))


def tower(key: bytes, value: bytes, nodes: int, filled: int = _FULL) -> tuple[bytes, list[bytes]]:
    """The root of a trie whose leaf is so many nodes down, and the proof of its value.

    All above the leaf are branches, by default full ones: as dear as a proof of that depth can be.
    """
    path = nibbles_of(key)
    node = rlp.encode([hex_prefix(path[nodes - 1 :], leaf=True), value])
    proof = [node]
    for depth in range(nodes - 2, -1, -1):
        children = [
            keccak(key + bytes([depth, i])) if i < filled else b"" for i in range(_FULL)
        ] + [b""]
        children[path[depth]] = keccak(node)
        node = rlp.encode(children)
        proof.insert(0, node)
    return keccak(node), proof


def proof_in(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """The nodes with a hash on the way to a key, as `eth_getProof` answers them."""
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]
    return [node for i, node in enumerate(nodes) if i == 0 or len(node) >= 32]


def account_rlp(root: bytes, nonce: int = 1, balance: int = 0) -> bytes:
    """An account with this storage (yellow paper, 4.1)."""
    encoded: bytes = rlp.encode([nonce, balance, root, keccak(b"code")])
    return encoded


def header_with(state_root: bytes, number: int, more: int = 6) -> bytes:
    """A header, of Prague by default: so many fields after London's fifteen."""
    head = [keccak(b"p"), keccak(b"u"), b"\x0c" * 20, state_root, keccak(b"t"), keccak(b"r")]
    rest = [bytes(256), 0, number, 30_000_000, 21_000, 1_750_000_000, b"made", keccak(b"m")]
    encoded: bytes = rlp.encode(
        [*head, *rest, bytes(8), *[keccak(bytes([i])) for i in range(more)]]
    )
    return encoded


@dataclass
class Source:
    """An escrow on a ledger that is only tries: its storage, by slot, among other accounts."""

    storage: Mapping[bytes, int]
    escrow: str = ESCROW
    number: int = 1_000
    neighbours: int = 40
    state: HexaryTrie = field(init=False)
    kept: HexaryTrie = field(init=False)

    def __post_init__(self) -> None:
        self.kept = HexaryTrie({})
        for slot, word in self.storage.items():
            self.kept[keccak(slot)] = rlp.encode(word)
        self.state = HexaryTrie({})
        for number in range(self.neighbours):
            self.state[keccak(keccak(bytes([number]))[:20])] = account_rlp(keccak(b"s"), number)
        self.state[keccak(bytes.fromhex(self.escrow[2:]))] = account_rlp(self.root)

    @classmethod
    def of_page(
        cls, lane: bytes, nonce: int, word: bytes, others: int = 60, **changed: Any
    ) -> Source:
        """With a page of the outbox among so many other slots."""
        storage = {keccak(number.to_bytes(4, "big")): number + 1 for number in range(others)}
        storage[page_slot(OUTBOX, lane, nonce)] = int.from_bytes(word, "big")
        return cls(storage, **changed)

    @property
    def root(self) -> bytes:
        """Of the escrow's storage."""
        return bytes(self.kept.root_hash)

    @property
    def header(self) -> bytes:
        """Of the block."""
        return header_with(self.state.root_hash, self.number)

    def account(self) -> bytes:
        """The proof of the escrow's account."""
        return b"".join(proof_in(self.state, keccak(bytes.fromhex(self.escrow[2:]))))

    def page(self, lane: bytes, nonce: int) -> bytes:
        """The proof of a page's word."""
        return b"".join(proof_in(self.kept, keccak(page_slot(OUTBOX, lane, nonce))))


class Prover:
    """A proof verifier with its quorum, two of three, on one ledger."""

    def __init__(
        self,
        chain: Chain,
        *,
        caip2: str = CAIP2,
        escrow: str = ESCROW,
        code: str | Artifact = "ProofVerifier",
        **changed: Any,
    ) -> None:
        self.caller: Account = chain.account(0)
        self.caip2 = caip2
        self.escrow = escrow
        self.keys = [account.key for account in map(chain.account, (51, 52, 53)) if account.key]
        signers = [chain.account(index).address for index in (51, 52, 53)]
        self.signers = SignerSet.of(EPOCH, 2, signers, ATTESTATION_TYPE)
        self.quorum: Contract = chain.deploy(
            "QuorumVerifier", *self.signers.verifier_arguments(LEI), sender=self.caller
        )
        terms = ProofTerms(str(self.quorum.address), ledger_id(caip2), escrow, OUTBOX, OPERATOR)
        self.terms = replace(terms, **changed)
        self.verifier: Contract = chain.deploy(code, *self.terms.arguments, sender=self.caller)
        self.domain = ProofDomain(chain.chain_id, str(self.verifier.address))

    def attest(self, commitment: Commitment, signers: int = 2) -> bytes:
        """What so many attestors sign."""
        return attest(commitment, self.signers, self.domain, self.keys[:signers], ATTESTATION_TYPE)

    def of_block(self, number: int, header: bytes) -> bytes:
        """An attestation of a header's hash."""
        return self.attest(Commitment.of_block(self.caip2, number, keccak(header)))

    def of_storage(self, number: int, root: bytes) -> bytes:
        """An attestation of a root of the escrow's storage."""
        return self.attest(Commitment.of_storage(self.caip2, number, self.escrow, root))

    def show_header(self, source: Source) -> Any:
        """Show a source's root by its header."""
        return self.verifier.show_header(
            source.number,
            source.header,
            self.of_block(source.number, source.header),
            source.account(),
            sender=self.caller,
        )

    def show_root(self, number: int, root: bytes) -> Any:
        """Show a root that is attested itself."""
        return self.verifier.show_root(
            number, root, self.of_storage(number, root), sender=self.caller
        )

    def prove(self, source: Source, lane: bytes, nonce: int) -> Any:
        """Prove a page of a source whose root was shown."""
        return self.verifier.prove_page(
            source.root, lane, nonce // 8, source.page(lane, nonce), sender=self.caller
        )
