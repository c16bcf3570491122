"""Multichain's router, January 2022, $1.4M: a permit that nothing checked moved others' units.

Broke: the token had no permit, its fallback answered the call, and so the permit "succeeded".
Holds: the custody itself checks the holder's signature before it moves anything.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tallystick.chain.abi import keccak
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "custody: not the holder's signature"


@pytest.mark.requirement("INV-4")
def test_a_permit_is_what_the_holder_signed(world: World) -> None:
    side = world.home
    thief = party(world.remote.buyer.address)
    given = (side.investor, world.lane, thief, 1_000, keccak(b"any"), FAR, bytes(65))
    with lacking(world, "LaneCustody", CHECK):
        receipt = side.custody.lock_signed(*given, sender=side.attacker)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert stolen(world.remote) == 1_000
    with refused(world, CHECK):
        side.custody.lock_signed(*given, sender=side.attacker)
