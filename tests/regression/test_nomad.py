"""Nomad, August 2022, $190M: what was never proven counted as proven.

Broke: an unknown message had the root zero, and an upgrade had marked zero as trusted.
Holds: storage's zero proves nothing, and there is no way to show the root that is zero.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import attestation_head
from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_slot
from tallystick.chain import Revert
from tests.support.incidents import ProofLane, forged, stolen
from tests.support.proofs import OUTBOX, tower
from tests.support.weakened import without
from tests.support.world import World, refused


@pytest.mark.requirement("INV-4")
def test_a_page_that_nobody_proved_proves_nothing(world: World) -> None:
    check = "proof: page not proven"
    with world.isolated():
        lane, message = ProofLane.of(world, without("ProofVerifier", check)), forged(world)
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    with refused(world, check):
        lane.deliver(message)
    with refused(world, "proof: no root"):
        lane.prover.show_root(1, bytes(32))
    with refused(world, "lanes: no such epoch now"):
        world.deliver(message, attestation_head(0, 0).ljust(32, b"\0"))


@pytest.mark.requirement("INV-4")
def test_a_root_that_nobody_attested_proves_nothing(world: World) -> None:
    """One step before: anybody makes a trie in which the forged message stands."""
    check = "proof: root not shown"
    message = forged(world)
    key = keccak(page_slot(OUTBOX, world.lane, 0))
    root, proof = tower(key, rlp.encode(page_word([message.id])), 3)
    with world.isolated():
        # What is kept of a root that was never shown is 0, and so would be what is kept of a page.
        weak = without("ProofVerifier", check, "proof: page not proven")
        lane = ProofLane.of(world, weak)
        lane.prove(root, proof)
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    with refused(world, check):
        lane.prove(root, proof)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("length", [0, 32, 64, 330, 1_034])
def test_nothing_zero_is_proven(world: World, length: int) -> None:
    for message in (world.message(), world.message(lane=bytes(32))):
        with pytest.raises(Revert):
            world.deliver(message, bytes(length))
    assert world.remote.token.totalSupply() == 0
