"""Syscoin, June 2026, $8.6M: a parser took a malformed proof.

Broke: over-long lengths, and what lay behind a proof, were read past.
Holds: lengths are as short as they can be; every byte of a proof or attestation is accounted for.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_slot
from tallystick.chain import Revert
from tests.support.incidents import ProofLane, forged, stolen
from tests.support.proofs import OUTBOX
from tests.support.weakened import without
from tests.support.world import World, refused

BEHIND = "trie: more than the proof"
LONG = "rlp: long form of a short length"
ZERO = "rlp: length begins with zero"


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("reason", [BEHIND, ZERO])
def test_a_proof_has_one_form(world: World, reason: str) -> None:
    message = forged(world)
    path = b"\x20" + keccak(page_slot(OUTBOX, world.lane, 0))
    word = rlp.encode(page_word([message.id]))
    node = rlp.encode([path, word])
    root, proof = keccak(node), node + b"behind"
    if reason == ZERO:
        content = rlp.encode(path) + b"\xb9\x00" + bytes([len(word)]) + word
        proof = b"\xf9\x00" + bytes([len(content)]) + content
        root = keccak(proof)
    with world.isolated():
        lane = ProofLane.of(world, without("ProofVerifier", BEHIND, LONG, ZERO))
        lane.prover.show_root(5, root)
        lane.prove(root, [proof])
        lane.deliver(message)
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    lane.prover.show_root(5, root)
    with refused(world, reason):
        lane.prove(root, [proof])


@pytest.mark.requirement("INV-4")
def test_every_byte_of_an_attestation_counts(world: World) -> None:
    message = world.locked(1_000)
    attestation = world.attest(message)
    for mutated in (attestation + b"\0", b"\0" + attestation, attestation[:-1], attestation * 2):
        with pytest.raises(Revert):
            world.deliver(message, mutated)
    assert world.deliver(message, attestation).return_value is True
