"""Alephium, May 2026, $0.8M: guardians signed events that were not there to stay.

Broke: what signed looked at an event's form, not at whether its transaction stood on the ledger.
Holds: an attestor signs what stands in a final block; what a ledger takes back was never signed.
Where: `tallystick/reach/finality.py`, `tallystick/courier/decision.py`.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tallystick.chain import Block
from tallystick.reach.finality import Watch
from tests.support.incidents import carried, settle, stolen
from tests.support.world import BUYER_UNITS, World


def hasty(watch: Watch, head: int) -> Block:
    """What is final to a courier that does not wait: the newest block."""
    return watch.chain.block(head)


@pytest.mark.requirement("INV-1", "INV-4", "R-68")
def test_nothing_is_signed_that_can_be_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, remote = world.home, world.remote
    settle(world)

    def lock() -> None:
        world.network.lock(home.buyer, remote.buyer, 500)
        world.remote.chain.set_time(home.chain.now + 10)

    with world.isolated(), monkeypatch.context() as patched:
        patched.setattr(Watch, "_final", hasty)
        lock()
        assert carried(world) == [("delivered", "")]
        home.chain.reorg(1)
        assert (stolen(home), stolen(remote)) == (BUYER_UNITS, 500)
    lock()
    assert carried(world) == []
    home.chain.reorg(1)
    settle(world)
    assert carried(world) == []
    assert (stolen(home), stolen(remote)) == (BUYER_UNITS, 0)
