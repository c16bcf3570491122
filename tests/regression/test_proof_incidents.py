"""What was wrong with others' proofs of storage: a copy that lacks the check, then ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_attestation, page_slot
from tallystick.chain import Chain, Contract
from tallystick.chain.reverts import reverts
from tests.support.proofs import (
    OUTBOX,
    Prover,
    Source,
    hex_prefix,
    nibbles_of,
    proof_in,
    tower,
)
from tests.support.weakened import weakened

TRIE = "contracts/bridge/trie.vy"
RLP = "contracts/bridge/rlp.vy"
VERIFIER = "contracts/bridge/ProofVerifier.vy"
HARNESS = "tests/contracts/TrieHarness.vy"

LANE = keccak(text="lane")
FORGED = keccak(text="a message that nobody sent")
KEY = keccak(page_slot(OUTBOX, LANE, 0))
# What a page says on which only the forged message stands.
WORD = rlp.encode(page_word([FORGED]))
TRUE = rlp.encode(page_word([keccak(text="a message")]))


@pytest.fixture(scope="module")
def chain(module_ledgers: Callable[[int], tuple[Chain, ...]]) -> Chain:
    (ledger,) = module_ledgers(1)
    return ledger


class Harnesses:
    """Tries as they are, and without a check."""

    def __init__(self, chain: Chain, folder: Path, edits: Mapping[str, Mapping[str, str]]) -> None:
        sender = chain.account(0)
        self.ours: Contract = chain.deploy("TrieHarness", sender=sender)
        self.weak: Contract = chain.deploy(weakened(folder, HARNESS, edits), sender=sender)


@pytest.mark.requirement("INV-4")
def test_bnb_a_leaf_that_no_hash_covers(chain: Chain, tmp_path: Path) -> None:
    """BNB bridge, October 2022: a proof's hash left out what had been put into it."""
    edits = {TRIE: {"== expected, ": "== expected or at != 0, "}}
    tries = Harnesses(chain, tmp_path, edits)
    root, proof = tower(KEY, TRUE, 3)
    forged = b"".join([*proof[:-1], rlp.encode([hex_prefix(nibbles_of(KEY)[2:], True), WORD])])
    assert bytes(tries.weak.value(root, KEY, forged)) == WORD
    with reverts("trie: wrong hash"):
        tries.ours.value(root, KEY, forged)


@pytest.mark.requirement("INV-4")
def test_nomad_what_was_never_proven_counted_as_proven(chain: Chain, tmp_path: Path) -> None:
    """Nomad, August 2022: an unknown message had the root zero, and zero was trusted."""
    check = 'assert self.number_of_page[word] != 0, "proof: page not proven"'
    edits = {VERIFIER: {check: "assert self.number_of_page[word] >= 0"}}
    attestation = page_attestation(1, [FORGED], 0)
    weak = Prover(chain, code=weakened(tmp_path, VERIFIER, edits)).verifier
    assert weak.verify(bytes(32), FORGED, attestation) is True
    ours = Prover(chain)
    with reverts("proof: page not proven"):
        ours.verifier.verify(bytes(32), FORGED, attestation)
    # Nor is there a way to show the root that storage holds for none.
    with reverts("proof: no root"):
        ours.show_root(1, bytes(32))


@pytest.mark.requirement("INV-4")
def test_nomad_a_root_that_nobody_attested(chain: Chain, tmp_path: Path) -> None:
    """The same, one step before: anybody makes a trie in which the forged message stands."""
    edits = {
        VERIFIER: {
            'assert number != 0, "proof: root not shown"': "number = max(number, 1)",
        }
    }
    root, proof = tower(KEY, WORD, 3)
    weak, ours = Prover(chain, code=weakened(tmp_path, VERIFIER, edits)), Prover(chain)
    arguments = (root, LANE, 0, b"".join(proof))
    weak.verifier.prove_page(*arguments, sender=weak.caller)
    attestation = page_attestation(1, [FORGED], 0)
    assert weak.verifier.verify(bytes(32), FORGED, attestation) is True
    with reverts("proof: root not shown"):
        ours.verifier.prove_page(*arguments, sender=ours.caller)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("byte", "reason"),
    [
        (0x21, "trie: two ways to write a path"),
        (0x2F, "trie: two ways to write a path"),
        (0x60, "trie: unknown kind of node"),
        (0xE0, "trie: unknown kind of node"),
    ],
)
def test_polygon_plasma_a_path_was_written_in_many_ways(
    chain: Chain, tmp_path: Path, byte: int, reason: str
) -> None:
    """Polygon Plasma, October 2021: bits of a path that nobody read made 224 exits of one."""
    edits = {
        TRIE: {
            "flags: uint256 = head >> 252": "flags: uint256 = (head >> 252) & 3",
            "assert (head >> 248) & 15 == 0, ": "assert (head >> 248) >= 0, ",
        }
    }
    tries = Harnesses(chain, tmp_path, edits)
    for first in (0x20, byte):
        node = rlp.encode([bytes([first]) + KEY, TRUE])
        assert bytes(tries.weak.value(keccak(node), KEY, node)) == TRUE
    with reverts(reason):
        tries.ours.value(keccak(node), KEY, node)


@pytest.mark.requirement("INV-4")
def test_hyperbridge_a_true_proof_of_something_else(chain: Chain, tmp_path: Path) -> None:
    """Hyperbridge, April 2026: an old proof was good for a new request.

    Whoever gets any word of theirs into the escrow's storage proves it in a page's place.
    """
    edits = {TRIE: {') == 0, "trie: key is not there"': ") >= 0"}}
    theirs = keccak(b"theirs")
    source = Source({theirs: int.from_bytes(page_word([FORGED]), "big")})
    arguments = (source.root, LANE, 0, b"".join(proof_in(source.kept, keccak(theirs))))
    weak, ours = Prover(chain, code=weakened(tmp_path, VERIFIER, edits)), Prover(chain)
    attestation = page_attestation(1, [FORGED], 0)
    for prover in (weak, ours):
        prover.show_root(5, source.root)
    weak.verifier.prove_page(*arguments, sender=weak.caller)
    assert weak.verifier.verify(bytes(32), FORGED, attestation) is True
    with reverts("trie: key is not there"):
        ours.verifier.prove_page(*arguments, sender=ours.caller)


@pytest.mark.requirement("INV-4")
def test_a_node_left_out_was_a_key_that_is_not_there(chain: Chain, tmp_path: Path) -> None:
    """MerklePatriciaProofVerifier, June 2025: proofs that end early read as "nothing there"."""
    edits = {
        TRIE: {
            'assert at < len(proof), "trie: a node is missing"': (
                "if at >= len(proof):\n            return 0, 0"
            )
        }
    }
    tries = Harnesses(chain, tmp_path, edits)
    root, proof = tower(KEY, TRUE, 4)
    for kept in range(len(proof)):
        cut = b"".join(proof[:kept])
        assert bytes(tries.weak.value(root, KEY, cut)) == b""
        with reverts("trie: a node is missing"):
            tries.ours.value(root, KEY, cut)


@pytest.mark.requirement("INV-4")
def test_syscoin_a_malformed_proof_was_read(chain: Chain, tmp_path: Path) -> None:
    """Syscoin, June 2026: over-long lengths and what lay behind a proof were read past."""
    edits = {
        TRIE: {'assert cursor == len(proof), "trie: more than the proof"': "pass"},
        RLP: {
            'assert length > _SHORT, "rlp: long form of a short length"': "pass",
            'assert length >> (unsafe_sub(count, 1) << 3) != 0, "rlp: length begins with zero"': (
                "pass"
            ),
        },
    }
    tries = Harnesses(chain, tmp_path, edits)
    node = rlp.encode([b"\x20" + KEY, TRUE])
    long = b"\xb9\x00" + bytes([len(TRUE)]) + TRUE
    content = rlp.encode(b"\x20" + KEY) + long
    overlong = b"\xf9\x00" + bytes([len(content)]) + content
    for proof, reason in (
        (node + b"behind", "trie: more than the proof"),
        (overlong, "rlp: length begins with zero"),
    ):
        root = keccak(node if proof.startswith(node) else proof)
        assert bytes(tries.weak.value(root, KEY, proof)) == TRUE
        with reverts(reason):
            tries.ours.value(root, KEY, proof)


def test_opbnb_a_leaf_inside_its_parent_could_not_be_proven(chain: Chain, tmp_path: Path) -> None:
    """opBNB, 2023: withdrawals whose last node lay in its parent waited for good."""
    edits = {TRIE: {"inside = kind != _HASH": "inside = kind != _HASH\n        assert not inside"}}
    tries = Harnesses(chain, tmp_path, edits)
    source = Source({})
    near, far = KEY[:31] + b"\x01", KEY[:31] + b"\x02"
    source.kept[near], source.kept[far] = b"a", b"b"
    proof = b"".join(proof_in(source.kept, near))
    with reverts():
        tries.weak.value(source.kept.root_hash, near, proof)
    assert bytes(tries.ours.value(source.kept.root_hash, near, proof)) == b"a"


def test_wormhole_nobody_names_what_checks_the_quorum(chain: Chain) -> None:
    """Wormhole, February 2022: the caller chose what checked the signatures."""
    kinds = {
        item["type"]
        for entry in Prover(chain).verifier.abi
        if entry["type"] == "function"
        for item in entry["inputs"]
    }
    assert "address" not in kinds
