"""Taiko, June 2026, $1.7M: a retry paid a message that was never proven.

Broke: a rogue prover let a message be marked as one to retry, and retrying asked for no proof.
Holds: a claim pays what a proven message left in suspense, and that is nothing for any other.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, in_suspense, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "transit: nothing in suspense"


@pytest.mark.requirement("INV-4")
def test_what_was_never_proven_is_not_claimed(world: World) -> None:
    side = world.home
    in_suspense(world, 400)
    had, message = stolen(side), false_release(world, 400)
    with lacking(world, "BridgeEscrow", "what was never proven is claimed"):
        side.escrow.claim(message.as_tuple(), sender=side.attacker)
        assert stolen(side) == had + 400
    with refused(world, CHECK):
        side.escrow.claim(message.as_tuple(), sender=side.attacker)
