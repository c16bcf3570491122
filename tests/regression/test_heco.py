"""HECO bridge, November 2023, $87M: an operator's key was stolen, and nothing stopped it.

Broke: one key withdrew, transaction after transaction, while everybody watched.
Holds: the guardian alone stops a lane at once; what is signed meanwhile waits.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, stolen
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "lanes: inbound paused"


@pytest.mark.requirement("R-64")
def test_a_stopped_lane_pays_nothing(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had = stolen(side)
    world.deliver(false_release(world, 100))
    # The first theft is seen.
    side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
    rest = false_release(world, 900, nonce=8)
    with lacking(world, "BridgeEscrow", CHECK):
        world.deliver(rest)
        assert stolen(side) == had + 1_000
    with refused(world, CHECK):
        world.deliver(rest)
    assert stolen(side) == had + 100
