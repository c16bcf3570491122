"""XBridge, April 2024, $1.6M: anyone could register as a token's owner.

Broke: the function that enters who may withdraw asked nobody who was calling.
Holds: a lane's terms are the operator's to propose and an administrator's to confirm.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, stolen, thieves, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "access: missing role"


@pytest.mark.requirement("INV-9")
def test_strangers_change_no_lane(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, message = stolen(side), false_release(world, 1_000)
    verifier = side.new_verifier(thieves(side))
    terms = world.terms_with(side, verifier)
    with lacking(world, "BridgeEscrowSettings", CHECK):
        side.escrow.propose_lane_terms(*terms, *STATED, sender=side.attacker)
        receipt = side.escrow.confirm_lane_terms(*terms, *STATED, sender=side.outsider)
        world.apply_terms(side, int(receipt.one("LaneTermsConfirmed").applies_from))
        world.deliver(message, thieves_sign(world, message))
        assert stolen(side) == had + 1_000
    for attempt in (side.escrow.propose_lane_terms, side.escrow.confirm_lane_terms):
        with refused(world, CHECK):
            attempt(*terms, *STATED, sender=side.attacker)
