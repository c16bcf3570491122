"""Harmony, June 2022, $100M: two keys of five took all.

Broke: the bridge asked for two signatures, and two keys lay on one's servers.
Holds: a lane for production has two verifiers of two operators, so that no quorum takes it alone.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import Grade
from tests.support.incidents import false_release, locked, second_lane, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "lanes: production needs two verifiers"


@pytest.mark.requirement("INV-4")
def test_no_quorum_has_a_production_lane_to_itself(world: World) -> None:
    side = world.home
    custody = side.new_custody()
    with lacking(world, "BridgeEscrowSettings", CHECK):
        lane, _ = second_lane(world, custody, grade=Grade.PRODUCTION)
        locked(world, lane, 1_000)
        had = stolen(side)
        message = false_release(world, 1_000, lane=lane)
        world.deliver(message, world.attest(message, 2))
        assert stolen(side) == had + 1_000
    with refused(world, CHECK), world.isolated():
        second_lane(world, custody, grade=Grade.PRODUCTION)
