"""BNB bridge, October 2022, $570M: a proof held what no hash covered.

Broke: a node of a tree could carry a further leaf, which its hash left out.
Holds: each node on the way has the hash that its parent says, byte for byte.
Told by: the press.
"""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_slot
from tests.support.incidents import ProofLane, forged, stolen
from tests.support.proofs import OUTBOX, hex_prefix, nibbles_of, tower
from tests.support.weakened import without
from tests.support.world import World, refused

CHECK = "trie: wrong hash"


@pytest.mark.requirement("INV-4")
def test_a_leaf_that_no_hash_covers_proves_nothing(world: World) -> None:
    key, message = keccak(page_slot(OUTBOX, world.lane, 0)), forged(world)
    root, true = tower(key, rlp.encode(page_word([keccak(text="a message")])), 3)
    leaf = [hex_prefix(nibbles_of(key)[2:], leaf=True), rlp.encode(page_word([message.id]))]
    proof = [*true[:-1], rlp.encode(leaf)]
    with world.isolated():
        lane = ProofLane.of(world, without("ProofVerifier", CHECK))
        lane.prover.show_root(5, root)
        lane.prove(root, proof)
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    lane.prover.show_root(5, root)
    with refused(world, CHECK):
        lane.prove(root, proof)
    lane.prove(root, true)
    with refused(world, "proof: page not proven"):
        lane.deliver(message)
