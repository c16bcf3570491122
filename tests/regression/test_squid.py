"""Squid's module, May 2026, small: the payload said for whom the call was.

Broke: an express path took the delegate that the payload named for who had sent it.
Holds: who locks is who calls, or who signed; nothing in a call names another holder.
Told by: DeFiHackLabs.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import party
from tests.support.incidents import FAR
from tests.support.weakened import lacking
from tests.support.world import BUYER_UNITS, INVESTOR_UNITS, World, refused


@pytest.mark.requirement("INV-4")
def test_who_locks_is_who_calls(world: World) -> None:
    side = world.home
    given = (world.lane, party(side.investor.address), 1_000, FAR)
    with lacking(world, "LaneCustody", "the payload says whose units"):
        side.custody.lock(*given, sender=side.attacker)
        assert side.balance(side.investor) == INVESTOR_UNITS - 1_000
    with refused(world, error="ERC7943CannotSend", args=(side.attacker.address,)):
        side.custody.lock(*given, sender=side.attacker)
    side.custody.lock(*given, sender=side.buyer)
    held = (side.balance(side.investor), side.balance(side.buyer))
    assert held == (INVESTOR_UNITS, BUYER_UNITS - 1_000)
