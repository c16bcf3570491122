"""Orbit, December 2023, $81M: most of the signers' keys were stolen.

Broke: seven keys of ten were gone, and what they signed had no bound.
Holds: whatever a quorum signs, no more is outstanding on a lane than its cap, on either ledger.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forged, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "lanes: cap reached"


@pytest.mark.requirement("INV-2")
def test_a_stolen_quorum_issues_no_more_than_the_cap(world: World) -> None:
    side = world.remote
    world.apply_terms(side, world.change(side, cap=1))
    message = forged(world, 81 * 10**6)
    with lacking(world, "BridgeEscrow", CHECK):
        world.deliver(message)
        assert stolen(side) == message.amount
    with refused(world, CHECK):
        world.deliver(message)
    world.deliver(forged(world, 10**6))
    with refused(world, CHECK):
        world.deliver(forged(world, 1, nonce=8))
