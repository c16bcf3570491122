"""Griffin AI, September 2025, $3M: a false peer issued five times the cap.

Broke: a second peer, which the thief had made, could issue as the true one did.
Holds: on a remote ledger an instrument has one lane, to its home; nothing else issues there.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import (
    false_release,
    forged,
    second_lane,
    stolen,
    thieves,
    thieves_sign,
)
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "lanes: instrument has its home"


@pytest.mark.requirement("R-11", "INV-1")
def test_an_instrument_has_one_home(world: World) -> None:
    side = world.remote
    verifier, custody = side.new_verifier(thieves(side, 1)), side.new_custody()
    false = {"custody": custody, "side": side, "verifier": verifier.address}
    with lacking(world, "BridgeEscrowSettings", CHECK):
        lane, _ = second_lane(world, **false)
        message = forged(world, 5 * 10**15, lane=lane)
        world.deliver(message, thieves_sign(world, message, 1))
        assert stolen(side) == message.amount
        assert world.lane_state(side).outstanding == 0
    with refused(world, CHECK), world.isolated():
        second_lane(world, **false)


@pytest.mark.requirement("R-11")
@pytest.mark.parametrize("amount", [1, 5 * 10**15])
def test_no_message_issues_at_home(world: World, amount: int) -> None:
    side = world.home
    supply = side.token.totalSupply()
    with refused(world, "lanes: more than locked here"):
        world.deliver(false_release(world, amount))
    assert side.token.totalSupply() == supply
