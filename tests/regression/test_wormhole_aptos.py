"""Wormhole on Aptos, May 2024, $5M at risk: anybody could publish a message.

Broke: the function that publishes messages was public, and took the sender as an argument.
Holds: a lock is entered by the lane's custody alone, and the sender is who calls it.
Told by: who found it.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "transit: lock is at the lane's custody"


@pytest.mark.requirement("INV-4")
def test_nobody_enters_a_lock_but_the_custody(world: World) -> None:
    side = world.home
    thief = party(world.remote.buyer.address)
    given = (world.lane, side.investor, thief, 10**9, FAR)
    with lacking(world, "BridgeEscrow", CHECK):
        receipt = side.escrow.enter_lock(*given, sender=side.attacker)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert (stolen(world.remote), side.balance(side.custody)) == (10**9, 0)
    with refused(world, CHECK):
        side.escrow.enter_lock(*given, sender=side.attacker)
    receipt = side.custody.lock(world.lane, thief, 5, FAR, sender=side.investor)
    assert receipt.one("MessageSent").message.sender == party(side.investor.address)
