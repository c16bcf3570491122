"""Hyperbridge, April 2026, $2.5M: a valid old proof was good for a new request.

Broke: a proof was checked, and not that it was of the request that it came with.
Holds: what is proven is the slot of the page, and what is signed is the message's every field.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from tests.support.incidents import ProofLane, forged, page_of, stolen
from tests.support.proofs import proof_in
from tests.support.weakened import without
from tests.support.world import World, refused

CHECK = "trie: key is not there"


@pytest.mark.requirement("INV-4")
def test_a_true_proof_of_something_else_proves_nothing(world: World) -> None:
    """Whoever gets any word of theirs into the escrow's storage proves it in a page's place."""
    message, theirs = forged(world), keccak(b"theirs")
    with world.isolated():
        lane = ProofLane.of(world, without("ProofVerifier", CHECK))
        source = lane.source(storage={theirs: page_of(message)})
        lane.prover.show_root(5, source.root)
        lane.prove(source.root, proof_in(source.kept, keccak(theirs)))
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    lane.prover.show_root(5, source.root)
    with refused(world, CHECK):
        lane.prove(source.root, proof_in(source.kept, keccak(theirs)))


@pytest.mark.requirement("INV-4")
def test_an_old_attestation_is_of_its_message_alone(world: World) -> None:
    first = world.locked(1_000)
    attestation = world.attest(first)
    world.deliver(first, attestation)
    second = replace(forged(world), nonce=1)
    with refused(world, "verifier: wrong signature"):
        world.deliver(second, attestation)
