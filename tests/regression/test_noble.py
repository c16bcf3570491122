"""Noble's CCTP, August 2024, a bounty: a message of burnt units was taken from any sender.

Broke: that a message came over the bridge was checked, and not which contract had sent it.
Holds: the source's escrow is in the verifier's code, and only its storage proves anything.
Told by: who found it.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.proof import page_slot
from tests.support.incidents import ProofLane, forged, page_of, stolen
from tests.support.proofs import OUTBOX
from tests.support.weakened import without
from tests.support.world import World, refused


@pytest.mark.requirement("INV-4")
def test_only_the_source_s_escrow_sends(world: World) -> None:
    message = forged(world)
    storage = {page_slot(OUTBOX, world.lane, 0): page_of(message)}

    def attack(lane: ProofLane) -> None:
        # A true block: the attacker's own contract, with an outbox of its own, is in it.
        attacker = world.remote.attacker
        source = lane.source(storage=storage, escrow=attacker.address.lower(), neighbours=0)
        attested = lane.prover.of_block(source.number, source.header)
        shown = (source.number, source.header, attested, source.account())
        lane.prover.verifier.show_header(*shown, sender=attacker)
        lane.prover.prove(source, world.lane, 0)
        lane.deliver(message)

    with world.isolated():
        attack(
            ProofLane.of(world, without("ProofVerifier", "any account's storage is the escrow's"))
        )
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    with refused(world, "trie: key is not there"):
        attack(lane)
