"""Shibarium, September 2025, $2.4M: weight that was borrowed for a block signed a false state.

Broke: stake bought with a flash loan counted at once, and with stolen keys it was two thirds.
Holds: who signs changes by two keys and a delay in full view, while the guardian cancels.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, stolen, thieves, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "lanes: change waits"


@pytest.mark.requirement("INV-9")
def test_new_signers_do_not_count_at_once(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, message = stolen(side), false_release(world, 1_000)
    due = world.change(side, side.new_verifier(thieves(side)))
    with lacking(world, "BridgeEscrowControls", CHECK):
        world.apply_terms(side)
        world.deliver(message, thieves_sign(world, message))
        assert stolen(side) == had + 1_000
    with refused(world, CHECK):
        side.escrow.apply_lane_terms(world.lane, sender=side.outsider)
    with refused(world, "lanes: no such epoch now"):
        world.deliver(message, thieves_sign(world, message))
    side.escrow.cancel_lane_terms(world.lane, *STATED, sender=side.guardian)
    side.chain.set_time(due)
    with refused(world, "lanes: no change pending"):
        side.escrow.apply_lane_terms(world.lane, sender=side.outsider)
