"""Seedify, September 2025, $1.7M: a stolen key changed what the bridge might issue.

Broke: a developer's key alone set the bridge's limits, and the thief's bridge issued without any.
Holds: the registrar proposes a bridge's limits and the custodian sets them.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import DAY, STATED, World, refused

CHECK = "access: act not proposed"
NEXT = ("access: proposer lost its role", "access: proposal lapsed")


@pytest.mark.requirement("INV-9")
def test_one_key_makes_no_bridge(world: World) -> None:
    side = world.remote
    bridge = side.chain.deploy("LockProbeMock", sender=side.attacker)
    limits = (bridge, 10**12, 0)
    with lacking(world, "SecurityTokenSettings", CHECK, *NEXT):
        side.token.set_bridge(*limits, *STATED, sender=side.custodian)
        side.chain.set_time(side.chain.now + DAY)
        side.token.crosschainMint(side.buyer, 10**12, sender=bridge.address)
        assert stolen(side) == 10**12
    with refused(world, CHECK):
        side.token.set_bridge(*limits, *STATED, sender=side.custodian)
    with refused(world, "bridges: no bridge this way"):
        side.token.crosschainMint(side.buyer, 1, sender=bridge.address)
