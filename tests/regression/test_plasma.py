"""Polygon Plasma, October 2021, $850M at risk: one exit in many encodings was many exits.

Broke: bits of a proof's path that nobody read told exits apart, 224 ways for each.
Holds: a message arrives once by its nonce, whatever its bytes; a path is written in one way.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_slot
from tests.support.incidents import ProofLane, forged, stolen
from tests.support.proofs import OUTBOX
from tests.support.weakened import lacking, without
from tests.support.world import World, refused

TWICE = "transit: delivered already"
KIND = "trie: unknown kind of node"
PATH = "trie: two ways to write a path"


@pytest.mark.requirement("INV-3")
def test_a_message_arrives_once_in_whatever_encoding(world: World) -> None:
    side = world.remote
    message = world.locked(1_000, side.buyer)
    attestation = world.attest(message)
    call = side.escrow.deliver.encode(message.as_tuple(), attestation)
    world.deliver(message, attestation)
    with lacking(world, "BridgeEscrow", TWICE):
        # Words behind the call: other bytes, the same message.
        side.chain.send(sender=side.courier, to=side.escrow.address, data=call + bytes(32))
        assert stolen(side) == 2_000
    with refused(world, TWICE):
        side.chain.send(sender=side.courier, to=side.escrow.address, data=call + bytes(32))
    # Bits above a field's type.
    for index in (0, 1, 3, 4, 5, 9):
        dirty = bytearray(call)
        dirty[4 + 32 * index] = 1
        with refused(world):
            side.chain.send(sender=side.courier, to=side.escrow.address, data=bytes(dirty))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("byte", "reason"), [(0x21, PATH), (0x2F, PATH), (0x60, KIND), (0xE0, KIND)]
)
def test_a_path_is_written_in_one_way(world: World, byte: int, reason: str) -> None:
    message, key = forged(world), keccak(page_slot(OUTBOX, world.lane, 0))
    node = rlp.encode([bytes([byte]) + key, rlp.encode(page_word([message.id]))])
    with world.isolated():
        lane = ProofLane.of(world, without("ProofVerifier", KIND, PATH))
        lane.prover.show_root(5, keccak(node))
        lane.prove(keccak(node), [node])
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    lane.prover.show_root(5, keccak(node))
    with refused(world, reason):
        lane.prove(keccak(node), [node])
