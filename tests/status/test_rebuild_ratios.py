"""A ratio over both ledgers, rebuilt from their logs alone."""

from __future__ import annotations

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Status
from tallystick.actions.record import EventRecord, Rounding
from tallystick.bridge.message import LaneMessage
from tallystick.status.ledger_log import read_log
from tests.status.test_rebuild import OF_RATIOS, differences
from tests.support.actions import begin, world_of_engines
from tests.support.arming import Arming, ratio_event
from tests.support.world import World

pytestmark = pytest.mark.requirement("INV-12")


@pytest.fixture(scope="module")
def split() -> World:
    """Engines, units abroad, and two ratios, of which one took effect."""
    world = world_of_engines()
    world.arrived(1_001)
    _armed(Arming.of(world))
    return world


def _armed(arming: Arming) -> None:
    """One ratio is armed and dropped, another takes effect, and the lane is carried over it."""
    home, remote = arming.home, arming.remote
    today = int(home.token.business_day())
    for number, cancelled in ((1, True), (2, False)):
        record = ratio_event(number, Rate(7, 2), today + 6, announced=today, rounding=Rounding.UP)
        arming.armed(record)
        arming.take_entered(arming.entered(record))
        if cancelled:
            following = record.successor()
            arming.in_force(following, Status.CANCELLED)
            arming.withdraw(remote, record)
            arming.take_entered(arming.dropped(following))
            arming.withdraw(home, record)
    message = arming.world.locked(31)
    arming.begins(record, 60)
    arming.world.synchronise()
    arming.world.deliver(message)
    _fractions(arming, record, message)
    arming.carried(record)
    # The lane's first act in new units, at either end.
    arming.world.arrived(70)


def _fractions(arming: Arming, record: EventRecord, message: LaneMessage) -> None:
    """The agent gives an account and a message one more unit each."""
    side, coaf = arming.remote, record.as_tuple()[2]
    side.token.transfer(side.fund, 2, sender=side.investor)
    side.token.approve(side.engine, 2, sender=side.fund)
    side.engine.open_fractions(coaf, sender=side.courier)
    side.engine.claim_fraction(coaf, side.investor, 0, sender=side.courier)
    side.engine.claim_crossed_fraction(coaf, message.as_tuple(), 0, 0, sender=side.courier)


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_a_ratio_over_ledgers_is_rebuilt_from_their_logs(split: World, ledger: str) -> None:
    assert differences(split.network, ledger) == []


def test_what_is_armed_begins_without_a_log() -> None:
    """From its first day on it is in force, whether anybody acts or not."""
    world = world_of_engines()
    arming = Arming.of(world)
    record = ratio_event(1, Rate(7), 18_500)
    arming.armed(record)
    for side in (arming.home, arming.remote):
        for day in (record.record_day, record.record_day + 1):
            begin(side, day, 60)
            side.chain.mine(1)
            assert differences(world.network, side.chain.name) == []


def test_it_has_every_event_of_ratios(split: World) -> None:
    logged = {
        event.event
        for ledger in ("home", "remote")
        for event in read_log(split.network.connection, ledger).events
    }
    assert logged >= OF_RATIOS
