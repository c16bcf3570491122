"""All habits of nodes at once, and couriers that are killed: everything arrives, nothing twice."""

from __future__ import annotations

import pytest

from tests.courier.soak import soak

HABITS = {"clock", "cut_logs", "drop", "lag", "log_range", "lost_receipts", "null", "rate_limit"}


@pytest.mark.requirement("INV-3", "INV-4")
@pytest.mark.anvil_only
def test_a_courier_that_is_killed_before_bad_nodes_delivers_everything_once() -> None:
    found = soak(16, 2, patience=300)
    assert found.sound
    assert found.arrived == found.messages
    # No transaction but those that delivered something.
    assert found.sent == found.useful <= found.messages
    assert found.kills >= 2
    assert {habit for habit, count in found.met.items() if count} >= HABITS - {"lost_receipts"}
