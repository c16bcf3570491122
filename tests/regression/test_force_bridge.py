"""Force Bridge, June 2025, $3.8M: whoever had the keys came back for more.

Broke: once the keys were known to be stolen there was no way to end them at once.
Holds: an administrator ends an epoch in one act; nothing that its keys sign arrives from then on.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import false_release, stolen
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "lanes: no such epoch now"


@pytest.mark.requirement("INV-9")
def test_stolen_keys_are_ended_at_once(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, rest = stolen(side), false_release(world, 900, nonce=8)
    world.deliver(false_release(world, 100))
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    with lacking(world, "BridgeEscrow", CHECK):
        world.deliver(rest)
        assert stolen(side) == had + 1_000
    with refused(world, CHECK):
        world.deliver(rest)
    assert stolen(side) == had + 100
