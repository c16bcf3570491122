"""Kelp rsETH, April 2026, $292M: units were released for burns that never happened.

Broke: one verifier alone was asked; the nodes that it asked were poisoned, the others held down.
Holds: at home a lane releases no more than was locked on it, whoever signs; in production two
verifiers of two operators are asked.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, in_suspense, stolen
from tests.support.weakened import lacking
from tests.support.world import AMOUNT_MAX, World, refused

CHECK = "lanes: more than locked here"


@pytest.mark.requirement("INV-2")
def test_a_lane_releases_what_was_locked_on_it(world: World) -> None:
    side = world.home
    # What waits for somebody else lies in the same custody, and is owed to nobody abroad any more.
    in_suspense(world, 400)
    had, outstanding = stolen(side), world.lane_state(side).outstanding
    message = false_release(world, outstanding + 400)
    with lacking(world, "BridgeEscrow", CHECK):
        world.deliver(message)
        assert stolen(side) == had + outstanding + 400
        assert side.balance(side.custody) == 0
    with refused(world, CHECK):
        world.deliver(message)


@pytest.mark.requirement("INV-2")
@pytest.mark.parametrize("amount", [1_001, 116_500 * 10**6, AMOUNT_MAX])
def test_no_amount_is_beyond_the_check(world: World, amount: int) -> None:
    world.locked(1_000)
    with refused(world, CHECK):
        world.deliver(false_release(world, amount))
