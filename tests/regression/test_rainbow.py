"""Rainbow bridge, August 2022, no loss: somebody handed in a block that never was.

Broke: a header was believed until a watchdog challenged it; the watchdogs were awake.
Holds: a header counts only once a quorum attested its hash: there is no time to be awake in.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.proof import page_slot
from tests.support.incidents import ProofLane, forged, page_of, stolen
from tests.support.proofs import OUTBOX
from tests.support.weakened import without
from tests.support.world import UNSIGNED, World, refused


@pytest.mark.requirement("INV-4")
def test_a_block_that_never_was_is_not_shown(world: World) -> None:
    message = forged(world)
    slot = page_slot(OUTBOX, world.lane, 0)

    def attack(lane: ProofLane) -> None:
        source = lane.source(storage={slot: page_of(message)})
        shown = (source.number, source.header, UNSIGNED, source.account())
        lane.prover.verifier.show_header(*shown, sender=lane.prover.caller)
        lane.prover.prove(source, world.lane, 0)
        lane.deliver(message)

    with world.isolated():
        attack(ProofLane.of(world, without("ProofVerifier", "proof: not attested")))
        assert stolen(world.remote) == message.amount
    lane = ProofLane.of(world)
    with refused(world, "verifier: trailing bytes"):
        attack(lane)
