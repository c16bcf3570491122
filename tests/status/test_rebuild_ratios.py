"""A ratio over both ledgers, rebuilt from their logs alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Status
from tallystick.actions.record import EventRecord, Rounding
from tallystick.bridge.message import LaneMessage
from tallystick.status.ledger_log import read_log
from tests.status.test_rebuild import OF_RATIOS, differences
from tests.support.actions import begin, world_of_engines
from tests.support.arming import Arming, ratio_event
from tests.support.closing import closed
from tests.support.denials import agree, deny, forged, take
from tests.support.world import STATED, World

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
    _late(arming)


def _late(arming: Arming) -> None:
    """Home takes one more of which the other ledger hears nothing, and restates what it tells."""
    today = int(arming.home.token.business_day())
    record = ratio_event(3, Rate(1, 10), today + 6, announced=today, unit_epoch=1)
    arming.in_force(record)
    arming.arm(record)
    day = record.record_day + 1
    for side in (arming.home, arming.remote):
        begin(side, day + 1, 60)
    arming.actions.take_figures(arming.figures(day))
    arming.carry_close(day, 2)


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


def test_it_has_every_event_of_ratios(split: World, dusty: World) -> None:
    logged = {
        event.event
        for world in (split, dusty)
        for ledger in ("home", "remote")
        for event in read_log(world.network.connection, ledger).events
    }
    assert logged >= OF_RATIOS


@pytest.fixture(scope="module")
def dusty() -> World:
    """A reverse split with units waiting at both ends, and some that nobody sent; what rounding
    left of those is made good, dust is paid, and the lane closes."""
    world = world_of_engines()
    world.arrived(103)
    arming = Arming.of(world)
    waiting = [world.locked(5, world.remote.outsider) for _ in range(2)]
    waiting += [world.burned(5, world.home.outsider) for _ in range(2)]
    world.synchronise()
    false = replace(forged(world, "remote", world.remote.outsider, amount=7), nonce=200)
    for message in (*waiting, false):
        world.deliver(message)
    flights = [world.locked(9), world.locked(9)]
    record = ratio_event(1, Rate(1, 10), int(arming.home.token.business_day()) + 6)
    arming.armed(replace(record, announced=arming.home.token.business_day()))
    arming.begins(record, 60)
    for side in (world.home, world.remote):
        side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    denial = deny(world, false)[1]
    assert take(world, denial, false).one("RoundingLeft").args["amount"] == 1
    agree(world, "remote", denial, 1)
    world.remote.custody.make_good(denial.id, 1, sender=world.remote.investor)
    for message in waiting:
        world.network.claim(message)
    for message in flights:
        world.deliver(message)
    for side in (world.home, world.remote):
        side.escrow.pay_dust(world.lane, sender=side.outsider)
    # With what the false ones left, accounts' remainders are a whole unit.
    world.remote.token.credit_remainders(1, sender=world.remote.outsider)
    for holder in (world.remote.investor, world.remote.fund):
        back = world.network.burn(holder, world.home.investor, world.remote.balance(holder))
        world.synchronise()
        world.deliver(back)
    closed(world, dust=int(world.lane_state(world.home).outstanding))
    return world


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_dust_is_rebuilt_from_its_logs(dusty: World, ledger: str) -> None:
    assert differences(dusty.network, ledger) == []
    assert dusty.network.status().ok


def test_dust_was_paid_at_both_ends_and_as_the_lane_closed(dusty: World) -> None:
    paid = {
        ledger: [
            (event.args["suspense"], event.args["outstanding"])
            for event in read_log(dusty.network.connection, ledger).events
            if event.event == "DustPaid"
        ]
        for ledger in ("home", "remote")
    }
    assert paid == {"home": [(1, 0), (0, 2)], "remote": [(1, 0)]}
