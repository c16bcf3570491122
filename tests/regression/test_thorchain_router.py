"""THORChain, July 2021, $13M: what was credited was what a call said, not what had come.

Broke: a contract between holder and vault made the vault see more than it was given.
Holds: the custody takes exactly what the message says, or there is no message.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import BUYER_UNITS, World, refused


@pytest.mark.requirement("INV-1")
def test_a_message_says_what_the_custody_took(world: World) -> None:
    side = world.home
    amount = 9 * BUYER_UNITS
    given = (world.lane, party(world.remote.buyer.address), amount, FAR)
    with lacking(world, "LaneCustody", "what is taken is what is there"):
        receipt = side.custody.lock(*given, sender=side.buyer)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert (stolen(world.remote), side.balance(side.custody)) == (amount, BUYER_UNITS)
    missing = (side.buyer.address, BUYER_UNITS, amount)
    with refused(world, error="ERC20InsufficientBalance", args=missing):
        side.custody.lock(*given, sender=side.buyer)
    before = side.balance(side.custody)
    side.custody.lock(world.lane, given[1], 7, FAR, sender=side.buyer)
    assert side.balance(side.custody) == before + 7
