"""MerklePatriciaProofVerifier, June 2025, no loss known: a missing node was a missing key.

Broke: where a node was left out, the verifier said that the key had no value.
Holds: a proof ends in its leaf, or it is refused.
Told by: who found it.
"""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_slot
from tallystick.chain.reverts import reverts
from tests.support.proofs import OUTBOX, tower
from tests.support.weakened import without
from tests.support.world import World

CHECK = "trie: a node is missing"


@pytest.mark.requirement("INV-4")
def test_a_node_left_out_is_no_key_that_is_not_there(world: World) -> None:
    chain = world.home.chain
    ours = chain.deploy("TrieHarness", sender=chain.account(0))
    weak = chain.deploy(
        without("TrieHarness", "a missing node is a missing key"), sender=chain.account(0)
    )
    key = keccak(page_slot(OUTBOX, keccak(text="lane"), 0))
    root, proof = tower(key, rlp.encode(page_word([keccak(text="a message")])), 4)
    for kept in range(len(proof)):
        cut = b"".join(proof[:kept])
        assert bytes(weak.value(root, key, cut)) == b""
        with reverts(CHECK):
            ours.value(root, key, cut)
