"""Garden, October 2025, $11M: who carried units over had its keys stolen.

Broke: what the carrier might move had no bound that was not its own.
Holds: a bridge that is not ours issues no more a day than the token lets it.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "bridges: above its limit"


@pytest.mark.requirement("INV-1")
def test_a_carrier_s_stolen_keys_move_a_day_s_limit(world: World) -> None:
    side = world.remote
    bridge = side.foreign_bridge(minting=500)
    with lacking(world, "SecurityToken", CHECK):
        side.token.crosschainMint(side.buyer, 11 * 10**12, sender=bridge.address)
        assert stolen(side) == 11 * 10**12
    side.token.crosschainMint(side.buyer, 500, sender=bridge.address)
    with refused(world, CHECK):
        side.token.crosschainMint(side.buyer, 11 * 10**12, sender=bridge.address)
    assert stolen(side) == 500
