"""Yala, September 2025, $7.6M: a key left over from deployment set up a peer of its own.

Broke: one key, which nobody had taken away, named whom the bridge believed.
Holds: the set-up key ends with the hand-over, and a lane's terms take two keys and a delay.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, second_lane, stolen, thieves, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "access: act not proposed"
# What the proposal that there is not would fail by next.
NEXT = ("access: proposer lost its role", "access: proposal lapsed")


@pytest.mark.requirement("INV-9")
def test_one_key_changes_no_lane(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, message = stolen(side), false_release(world, 1_000)
    terms = world.terms_with(side, side.new_verifier(thieves(side)))
    with lacking(world, "BridgeEscrowSettings", CHECK, *NEXT):
        receipt = side.escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)
        world.apply_terms(side, int(receipt.one("LaneTermsConfirmed").applies_from))
        world.deliver(message, thieves_sign(world, message))
        assert stolen(side) == had + 1_000
    with refused(world, CHECK):
        side.escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["deployer", "operator", "administrator", "guardian"])
def test_one_key_opens_no_lane(world: World, role: str) -> None:
    """Each does all of it alone: one of the two acts is another's."""
    side = world.home
    custody = side.new_custody()
    with refused(world, "access: missing role"), world.isolated():
        second_lane(world, custody, key=side.parties[role])
