"""Units that end against cash, rebuilt from logs alone, and what was given held to what was due."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.actions.record import EventRecord
from tallystick.status.reconciled import State
from tests.status.test_rebuild import differences
from tests.support.actions import world_of_engines
from tests.support.declared import event_of
from tests.support.dividend import crossed, holders
from tests.support.redeeming import PARTIAL, WHOLE, Redemption
from tests.support.world import BUYER_UNITS, INVESTOR_UNITS, World

pytestmark = pytest.mark.requirement("INV-12", "R-46")
ISSUE = INVESTOR_UNITS + BUYER_UNITS


@pytest.fixture
def engines() -> Iterator[World]:
    """Ledgers of its own: what is rebuilt is all that they logged."""
    world = world_of_engines()
    with world.isolated():
        yield world


def _same(world: World) -> None:
    for side in (world.home, world.remote):
        assert differences(world.network, side.chain.name) == []


def test_from_funding_to_the_last_claim_logs_say_all(engines: World) -> None:
    redemption = Redemption.fixed(engines).funded()
    _same(engines)
    redemption.armed()
    _same(engines)
    dividend = redemption.ended().dividend
    for side in dividend.sides:
        side.chain.mine(1)
    _same(engines)
    for message in (dividend.outward, dividend.homeward):
        dividend.world.deliver(message)
    dividend.lands_waiting()
    for side, account, _ in holders(dividend):
        dividend.actions.claim(side, account)
    for side, account, message in crossed(dividend):
        dividend.actions.claim_crossed(side, message, account)
    _same(engines)
    dividend.actions.take_paid(dividend.actions.paid())
    event = event_of(engines)
    assert {each.state for each in event.holdings} == {State.PAID}
    assert sum(each.given.units for each in event.ledgers) == ISSUE


@pytest.mark.parametrize("record", [WHOLE, PARTIAL], ids=["whole", "in part"])
def test_before_anybody_is_paid_all_is_due_by_the_close(
    engines: World, record: EventRecord
) -> None:
    Redemption.fixed(engines, record)
    event = event_of(engines)
    assert {each.state for each in event.holdings} == {State.OPEN}
    assert sum(each.units for each in event.holdings) == ISSUE
