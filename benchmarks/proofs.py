"""The gas of proving a page of an outbox by the source's storage, and of delivering what it holds.

The tries are as dear as a depth can be: each node above the leaf is a branch with sixteen children.
Ethereum's state is nine nodes deep where an account lies, the storage of a large contract seven.
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, Rig, meter
from tallystick import build
from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.message import LaneMessage, ledger_id
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.bridge.proof import (
    ATTESTATION_TYPE,
    EPOCH,
    Commitment,
    ProofDomain,
    ProofTerms,
    outbox_slot,
    page_attestation,
    page_slot,
)
from tallystick.chain import Contract, Receipt, rlp
from tallystick.chain.abi import address_bytes, keccak
from tallystick.local.network import OPERATORS

__all__ = ["STATE_NODES", "STORAGE_NODES", "Proofs"]

STATE_NODES: Final = 9
STORAGE_NODES: Final = 7
# Account indices of a quorum of three, two of whom sign.
_QUORUM: Final = (51, 52, 53)
_BLOCK: Final = 20_000_000
_SOURCE: Final = "eip155:41001"


class Proofs:
    """A lane whose next epoch trusts a proof verifier, on a suite of its own."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.chain = rig.remote.chain
        self.sender = self.chain.account(30)
        self.source = str(rig.home.escrow.address)
        self.slot = outbox_slot(build.artifact("BridgeEscrow"))
        self.members = [self.chain.account(index) for index in _QUORUM]
        self.keys = [member.key for member in self.members[:2] if member.key is not None]
        addresses = [member.address for member in self.members]
        self.signers = SignerSet.of(EPOCH, 2, addresses, ATTESTATION_TYPE)
        self.gas: dict[str, int] = {}

    def run(self) -> dict[str, int]:
        """Return the gas by operation: of the parts, and of a page by either way."""
        verifier = self.trust()
        messages = self._page()
        lane, ids = self.rig.network.lane, [message.id for message in messages]
        root, page_proof = tower(
            keccak(page_slot(self.slot, lane, 0)), _word(page_word(ids)), STORAGE_NODES
        )
        account = rlp.encode([1, 0, root, keccak(b"code")])
        state_root, account_proof = tower(keccak(address_bytes(self.source)), account, STATE_NODES)
        header = header_with(state_root)
        block = self._attested(verifier, Commitment.of_block(_SOURCE, _BLOCK, keccak(header)))
        shown = (_BLOCK, header, block, account_proof)
        storage = Commitment.of_storage(_SOURCE, _BLOCK, self.source, root)
        attested = (_BLOCK, root, self._attested(verifier, storage))
        with self.chain.isolated():
            self._note("lane.show_root", verifier.show_root(*attested, sender=self.sender))
        self._note("lane.show_header.9", verifier.show_header(*shown, sender=self.sender))
        proven = verifier.prove_page(root, lane, 0, page_proof, sender=self.sender)
        self._note("lane.prove_page.7", proven)
        for way, first in (("9_7", "show_header.9"), ("root_attested", "show_root")):
            self.gas[f"lane.prove.{way}"] = (
                self.gas[f"lane.{first}"] + self.gas["lane.prove_page.7"]
            )
        # The first arrival writes fresh slots. The first of a page brings seven ids, the last none.
        for index, end in ((3, None), (PAGE - 1, ".last_of_page"), (0, "")):
            receipt = self.rig.network.deliver(messages[index], page_attestation(2, ids, index))
            if end is not None:
                self._note(f"lane.deliver_mint.proven{end}", receipt)
        return self.gas

    def _note(self, operation: str, receipt: Any) -> None:
        assert isinstance(receipt, Receipt), operation
        self.gas[operation] = receipt.gas_used

    def _attested(self, verifier: Contract, commitment: Commitment) -> bytes:
        domain = ProofDomain(self.chain.chain_id, str(verifier.address))
        return attest(commitment, self.signers, domain, self.keys, ATTESTATION_TYPE)

    def _verifier(self) -> Contract:
        quorum = self.chain.deploy(
            "QuorumVerifier", *self.signers.verifier_arguments(OPERATORS[0]), sender=self.sender
        )
        before = meter(self.chain).spent
        source = (ledger_id(_SOURCE), self.source, self.slot, keccak(OPERATORS[0].encode()))
        terms = ProofTerms(str(quorum.address), *source)
        verifier = self.chain.deploy("ProofVerifier", *terms.arguments, sender=self.sender)
        self.gas["deploy.ProofVerifier"] = meter(self.chain).spent - before
        return verifier

    def trust(self) -> Contract:
        """Return the verifier of the lane's next epoch at the destination, valid by now."""
        verifier = self._verifier()
        network, escrow = self.rig.network, self.rig.remote.escrow
        now = escrow.lane_state(network.lane).terms
        terms = (network.lane, verifier, now.second, now.cap, now.limit, REASON, DOCUMENT)
        escrow.propose_lane_terms(*terms, sender=network.party("remote", "operator"))
        escrow.confirm_lane_terms(*terms, sender=network.administrators("remote")[0])
        self.rig.advance(3_600)
        escrow.apply_lane_terms(network.lane, sender=self.sender)
        return verifier

    def _page(self) -> list[LaneMessage]:
        """The lane's first eight messages, deliverable by now."""
        network, rig = self.rig.network, self.rig
        one, guest = network.holder("home", 0), network.holder("remote", 0)
        for suite, account in ((rig.home, one), (rig.remote, guest)):
            network.admit(suite, account, UNTIL_DAY)
        network.issue([(one, 1_000 * AMOUNT)])
        messages = [network.lock(one, guest, AMOUNT) for _ in range(PAGE)]
        rig.align()
        return messages


def tower(key: bytes, value: bytes, nodes: int) -> tuple[bytes, bytes]:
    """Return root and proof of a trie whose leaf is so many nodes down, all others full branches.

    Args:
        key: 32 bytes.
        value: what the leaf holds, in RLP.
        nodes: on the way, the leaf counted.
    """
    path = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
    rest = path[nodes - 1 :]
    flagged = [3, *rest] if len(rest) % 2 else [2, 0, *rest]
    encoded = bytes(16 * a + b for a, b in zip(flagged[::2], flagged[1::2], strict=True))
    node = rlp.encode([encoded, value])
    proof = node
    for depth in reversed(range(nodes - 1)):
        children: list[int | bytes] = [keccak(key + bytes([depth, i])) for i in range(16)]
        children[path[depth]] = keccak(node)
        node = rlp.encode([*children, b""])
        proof = node + proof
    return keccak(node), proof


def _word(word: bytes) -> bytes:
    """A word of storage as its trie holds it."""
    assert word[0] != 0, "a word that does not begin with zero"
    return b"\xa0" + word


def header_with(state_root: bytes) -> bytes:
    """Return a header of Prague's twenty-one fields, whose state has this root."""
    word = keccak(b"a field")
    first: list[int | bytes] = [word, word, word[:20], state_root, word, word, word * 8]
    numbers = [0, _BLOCK, 36_000_000, 18_000_000, 1_750_000_000]
    later: list[int | bytes] = [b"made for it", word, bytes(8), 10**9, word, 786_432, 10**8]
    return rlp.encode([*first, *numbers, *later, word, word])
