"""Socket, January 2024, $3.3M; LI.FI, March 2022 and July 2024: approvals served anybody's call.

Broke: the caller named a contract and its call data, and the bridge made the call with what others
had approved to it.
Holds: no function takes a target; what holders approve to escrow or custody is never used.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import UINT_MAX, World, refused


@pytest.mark.requirement("INV-7")
def test_what_others_approved_serves_nobody_s_call(world: World) -> None:
    side = world.home
    for spender in (side.escrow, side.custody):
        side.token.approve(spender, UINT_MAX, sender=side.investor)
    call = side.token.transferFrom.encode(side.investor, side.buyer, 1_000)
    target = bytes.fromhex(str(side.token.address)[2:]).rjust(32, b"\0")
    data, had = target + call, stolen(side)
    with lacking(world, "BridgeEscrow", "calls go where their data says"):
        side.chain.send(sender=side.attacker, to=side.escrow.address, data=data)
        assert stolen(side) == had + 1_000
    for sent in (data, call):
        with refused(world, "escrow: no such function"):
            side.chain.send(sender=side.attacker, to=side.escrow.address, data=sent)
        with refused(world):
            side.chain.send(sender=side.attacker, to=side.custody.address, data=sent)
