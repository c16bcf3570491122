"""Qubit, January 2022, $80M: a deposit of nothing was credited.

Broke: a transfer that moved nothing, of a token that was no contract, counted as a deposit.
Holds: a message leaves only with its units; a transfer that fails takes the message back with it.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-1", "INV-2")
def test_no_message_leaves_without_its_units(world: World) -> None:
    side = world.home
    given = (world.lane, party(world.remote.buyer.address), 10**9, FAR)
    with lacking(world, "LaneCustody", "a failed transfer is a deposit"):
        # Nobody ever admitted the attacker: it has nothing.
        receipt = side.custody.lock(*given, sender=side.attacker)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert (stolen(world.remote), side.balance(side.custody)) == (10**9, 0)
    with refused(world, error="ERC7943CannotSend", args=(side.attacker.address,)):
        side.custody.lock(*given, sender=side.attacker)
    with refused(world, "lanes: unknown lane"):
        side.custody.lock(bytes(32), *given[1:], sender=side.attacker)
