"""SagaEVM, January 2026, $7M: a helper contract handed the bridge a payload that nobody had sent.

Broke: whoever called the contract behind the gateway was taken for the gateway.
Holds: a custody pays its one escrow's word, whose address is in its code.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forwarding, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "custody: pay is the escrow's"


@pytest.mark.requirement("INV-9")
def test_custody_pays_nobody_s_word_but_the_escrow_s(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, helper = stolen(side), forwarding(side, side.custody.address)
    call = side.custody.pay.encode(side.buyer, 1_000)
    with lacking(world, "LaneCustody", CHECK):
        side.chain.send(sender=side.attacker, to=helper, data=call)
        assert stolen(side) == had + 1_000
    with refused(world, CHECK):
        side.chain.send(sender=side.attacker, to=helper, data=call)
    with refused(world, "custody: hold is the escrow's"):
        hold = side.custody.hold.encode(1_000)
        side.chain.send(sender=side.attacker, to=helper, data=hold)
