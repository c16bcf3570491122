"""Multichain, July 2023, $126M: who held the keys took everything.

Broke: the keys of all bridges were one person's, and each bridge paid from a pot of many lanes.
Holds: each lane has a custody of its own: keys that are stolen reach what that one lane owes.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, locked, second_lane, stolen
from tests.support.weakened import lacking
from tests.support.world import AMOUNT_MAX, World, refused

CHECK = "lanes: custody of another lane"
BEYOND = "lanes: more than locked here"


@pytest.mark.requirement("INV-2", "INV-7")
def test_keys_of_one_lane_reach_no_other_s_units(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had = stolen(side)
    with lacking(world, "BridgeEscrowSettings", CHECK), lacking(world, "BridgeEscrow", BEYOND):
        # A pot of two lanes: nothing was ever locked on the second, whose keys are stolen.
        lane, _ = second_lane(world, side.custody)
        world.deliver(false_release(world, 1_000, lane=lane))
        assert stolen(side) == had + 1_000
        assert (side.balance(side.custody), world.lane_state(side).outstanding) == (0, 1_000)
    with refused(world, CHECK), world.isolated():
        second_lane(world, side.custody)
    lane, custody = second_lane(world)
    locked(world, lane, 300)
    with refused(world, BEYOND):
        world.deliver(false_release(world, 301, lane=lane))
    world.deliver(false_release(world, 300, lane=lane))
    assert (side.balance(custody), side.balance(side.custody)) == (0, 1_000)


@pytest.mark.requirement("INV-2")
def test_valid_signatures_take_what_the_lane_owes_and_no_more(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, nonce = stolen(side), 0
    for amount in (600, 600, 400, 1, AMOUNT_MAX):
        message = false_release(world, amount, nonce=nonce)
        if amount <= world.lane_state(side).outstanding:
            world.deliver(message)
            nonce += 1
            continue
        with refused(world, BEYOND):
            world.deliver(message)
    assert stolen(side) == had + 1_000
