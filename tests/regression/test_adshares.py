"""Adshares, May 2026, $0.6M: units were issued for payments that had never been made.

Broke: the minter took the name of a transaction on the other ledger, and there was none.
Holds: before it signs an attestor asks the source's storage, for which no log stands in.
Where: `tallystick/courier/decision.py`.
Told by: the press; DeFiHackLabs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.chain.receipt import RawLog
from tallystick.courier import courier
from tallystick.courier.decision import Sighting, decide
from tests.support.incidents import carried, forged, logged, settle, stolen
from tests.support.world import World

REFUSED = ("refused", "its source escrow keeps other messages on its page")


def by_its_log(seen: Sighting) -> Any:
    """What a courier does that does not ask what the source keeps."""
    return decide(replace(seen, kept=True))


@pytest.mark.requirement("INV-4")
def test_a_log_is_not_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    home, chain = world.home, world.home.chain
    # One true message, so that the count is right; in its place the node tells another.
    world.locked(1_000)
    settle(world)
    true = chain.raw_logs
    message = forged(world, 1_000, nonce=0)
    topics, data = logged(home, message)

    def lying(contract: Any, first: int, last: int, **how: Any) -> tuple[RawLog, ...]:
        told = true(contract, first, last)
        return tuple(
            replace(log, topics=topics, data=data) if log.topics[0] == topics[0] else log
            for log in told
        )

    monkeypatch.setattr(chain, "raw_logs", lying)
    with world.isolated(), monkeypatch.context() as patched:
        patched.setattr(courier, "decide", by_its_log)
        assert ("delivered", "") in carried(world)
        assert stolen(world.remote) == message.amount
    before = world.storage()
    assert REFUSED in carried(world)
    assert world.storage() == before
