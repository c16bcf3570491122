"""pNetwork, September 2021, $12.7M: events that another contract had logged were believed.

Broke: the bridge's nodes read events by their shape, and did not look who had logged them.
Holds: an attestor signs what the lane's escrow itself logged, and keeps in its storage.
Where: `tallystick/courier/decision.py`.
Told by: its makers' report.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.courier import courier
from tallystick.courier.decision import Sighting, decide
from tests.support.incidents import carried, forged, log_alike, settle, stolen
from tests.support.world import World

REFUSED = [("refused", "logged by another contract than the lane's escrow")]


def by_shape(seen: Sighting) -> Any:
    """What a courier does that does not look who logged it."""
    return decide(replace(seen, emitter=seen.escrow, kept=True))


@pytest.mark.requirement("INV-4")
def test_an_event_is_its_emitter_s(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = world.home.chain
    message = forged(world, nonce=0)
    log_alike(world.home, message)
    settle(world)
    # Of all contracts, as the nodes there asked.
    every = chain.raw_logs
    monkeypatch.setattr(chain, "raw_logs", lambda _, *rest, **how: every(None, *rest, **how))
    with world.isolated(), monkeypatch.context() as patched:
        patched.setattr(courier, "decide", by_shape)
        assert ("delivered", "") in carried(world)
        assert stolen(world.remote) == message.amount
    halted = ("incomplete", "home logged 1 of 0 messages sent: asked for again")
    before = world.storage()
    assert carried(world) == [halted, *REFUSED]
    assert world.storage() == before
    # Asked as it asks, its node does not even name it.
    monkeypatch.undo()
    assert carried(world) == []
