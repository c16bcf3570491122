"""Meter, February 2022, $4.4M: a way to deposit assumed that the units had come before.

Broke: for one wrapped coin the bridge took nothing, as another function should have taken it.
Holds: whatever way a lock goes, the custody takes the units of the holder in the same call.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import INVESTOR_UNITS, World, refused


@pytest.mark.requirement("INV-1")
def test_what_is_locked_is_taken_in_the_same_call(world: World) -> None:
    side = world.home
    amount = 50 * INVESTOR_UNITS
    given = (world.lane, party(world.remote.buyer.address), amount, FAR)
    with lacking(world, "LaneCustody", "units of the caller are there already"):
        receipt = side.custody.lock(*given, sender=side.investor)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert (stolen(world.remote), side.balance(side.custody)) == (amount, 0)
        assert side.balance(side.investor) == INVESTOR_UNITS
    missing = (side.investor.address, INVESTOR_UNITS, amount)
    with refused(world, error="ERC20InsufficientBalance", args=missing):
        side.custody.lock(*given, sender=side.investor)
