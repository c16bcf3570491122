"""Messina and OPUL, March 2026: one approved message became up to 143 claims.

Broke: a function that routed messages called itself before it had noted what it had done.
Holds: a message that is here already is passed over, in a batch as alone.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-3")
def test_one_message_is_one_arrival_however_often_it_is_brought(world: World) -> None:
    side = world.remote
    messages = [world.locked(amount, side.buyer) for amount in (1_000, 7)]
    (proof,) = world.network.batch_attestations(messages)
    told = [message.as_tuple() for message in messages]
    given = (world.lane, bytes(32), told, proof)
    with lacking(world, "BridgeEscrow", "a batch is looked through before"):
        for _ in range(3):
            side.escrow.deliver_batch(*given, sender=side.attacker)
        assert stolen(side) == 3 * 1_007
    counts = [
        side.escrow.deliver_batch(*given, sender=side.attacker).return_value for _ in range(3)
    ]
    assert (counts, stolen(side)) == ([2, 0, 0], 1_007)
    with refused(world, "transit: delivered already"):
        world.deliver(messages[0])
