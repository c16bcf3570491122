"""Attacks on the first sketch of docs/design/announced-closes.md; none succeeds."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.token.closings import CALENDAR_DAYS, SLOTS
from tests.support.closings import FALSE_HINT, NOT_KEPT
from tests.support.flows import arrive
from tests.support.world import DAY, INVESTOR_UNITS, STATED, Side, World, refused


def pass_days(side: Side, days: int = 1) -> int:
    """Let business days close; returns the day that it is then."""
    side.chain.advance(days * DAY)
    return int(side.token.business_day())


def announce(side: Side, day: int) -> Any:
    """The registrar announces a close."""
    return side.token.announce_close(day, *STATED, sender=side.registrar)


@pytest.mark.requirement("R-41", "INV-6")
def test_a_strangers_base_unit_on_day_f_plus_8_destroys_no_right(home_side: Side) -> None:
    """The opening that tells a late record date stood in a slot that anybody could have reused."""
    side, token = home_side, home_side.token
    record = int(token.business_day()) + 5
    pass_days(side, 6)
    # Day f: the holder's first movement after the record date, not announced by then.
    token.transfer(side.fund, 10, sender=side.investor)
    pass_days(side, 2)
    announce(side, record)
    stranger = pass_days(side, SLOTS - 2)
    assert stranger == record + 1 + SLOTS
    token.transfer(side.investor, 1, sender=side.buyer)
    assert token.balance_at_close(side.investor, record, record + 1) == INVESTOR_UNITS
    for _ in range(3 * SLOTS):
        pass_days(side)
        token.transfer(side.investor, 1, sender=side.buyer)
    assert token.balance_at_close(side.investor, record, record + 1) == INVESTOR_UNITS


@pytest.mark.requirement("R-41")
def test_sixteen_announcements_ahead_push_no_close_out_of_memory(world: World) -> None:
    """A close of nine days ago left, nothing between it and the coming ones kept who had slept."""
    side, token = world.home, world.home.token
    record = int(token.business_day()) + 1
    announce(side, record)
    today = pass_days(side, SLOTS + 2)
    for offset in range(CALENDAR_DAYS - 1):
        announce(side, today + 100 + offset)
    with refused(world, "book: calendar full"):
        announce(side, today + 200)
    pass_days(side)
    token.transfer(side.fund, INVESTOR_UNITS, sender=side.investor)
    woke = pass_days(side, SLOTS) - SLOTS
    token.transfer(side.investor, 5, sender=side.fund)
    assert token.balance_at_close(side.investor, record, woke) == INVESTOR_UNITS


@pytest.mark.requirement("R-41", "INV-6")
def test_a_late_close_that_left_the_calendar_is_still_saved_from_its_slot(home_side: Side) -> None:
    """By then nobody knows that close any more: all that is older than the calendar is kept."""
    side, token = home_side, home_side.token
    record = int(token.business_day())
    pass_days(side)
    token.transfer(side.fund, 10, sender=side.investor)
    today = pass_days(side)
    announce(side, record)
    announce(side, today)
    for offset in range(CALENDAR_DAYS - 2):
        announce(side, today + 100 + offset)
    pass_days(side)
    announce(side, today + 99)
    assert record not in token.announced_closes()
    # Both sleep until their slot comes round; the close announced between does not cover it.
    for days in (SLOTS - 2, SLOTS, SLOTS):
        pass_days(side, days)
        token.transfer(side.fund, 1, sender=side.investor)
    assert token.balance_at_close(side.investor, record, record + 1) == INVESTOR_UNITS


@pytest.mark.requirement("R-41", "INV-6")
def test_a_custody_that_was_one_at_the_close_is_entitled_to_nothing_ever(world: World) -> None:
    """Emptied and no link account any more, it would have claimed what it held for others."""
    side, other, network = world.home, world.remote, world.network
    arrive(network, network.lock(side.investor, other.investor.address, 100))
    record = int(side.token.business_day())
    announce(side, record)
    linked_since = int(side.token.position_of(side.custody).last_movement)
    pass_days(side)
    world.synchronise()
    arrive(network, network.burn(other.investor, side.investor.address, 100))
    ended = pass_days(side)
    side.link(side.custody, False)
    pass_days(side)
    token, custody = side.token, side.custody
    assert not token.is_link(custody)
    assert token.balance_at_close(custody, record, record + 1) == 100
    assert token.entitled_at_close(custody, record, record + 1) == 0
    assert token.entitled_at_close(custody, ended, 0) == 0
    assert linked_since == record


@pytest.mark.requirement("R-41")
def test_what_an_account_held_before_it_became_a_link_account_was_its_own(world: World) -> None:
    """The other way round: a class that begins takes no entitlement back."""
    side, token = world.home, world.home.token
    custody = side.new_custody(linked=False)
    token.admit(custody, 40_000, *STATED, sender=side.registrar)
    token.transfer(custody, 100, sender=side.investor)
    record = int(token.business_day())
    announce(side, record)
    moved = pass_days(side)
    token.forcedTransfer(*side.enter_order(custody, side.fund, 100), sender=side.custodian)
    linked = pass_days(side)
    token.admit(custody, 0, *STATED, sender=side.registrar)
    side.link(custody)
    pass_days(side, 30)
    assert token.entitled_at_close(custody, record, moved) == 100
    assert token.balance_at_close(custody, moved, linked) == 0


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize("asked_after", [1, SLOTS - 1, SLOTS, 50])
def test_a_lanes_first_lock_after_the_record_date_blocks_no_event(
    world: World, asked_after: int
) -> None:
    """Custody and supply of a young lane reverted for closes before their first movement."""
    side, other, network = world.home, world.remote, world.network
    record = int(side.token.business_day())
    for each in (side, other):
        announce(each, record)
        pass_days(each)
    world.synchronise()
    locked = int(side.token.business_day())
    arrive(network, network.lock(side.investor, other.investor.address, 100))
    for each in (side, other):
        pass_days(each, asked_after)
    assert side.token.balance_at_close(side.custody, record, locked) == 0
    assert other.token.balance_at_close(other.custody, record) == 0
    assert other.token.supply_at_close(record, locked) == 0


def test_a_hint_is_never_believed(world: World) -> None:
    """Nor a slot whose opening is another day's, nor a day that would be another account's key."""
    side, token = world.home, world.home.token
    days = []
    for _ in range(SLOTS + 3):
        token.transfer(side.fund, 1, sender=side.investor)
        days.append(int(token.business_day()))
        pass_days(side)
    gone = days[0]
    for hint in (days[1], days[1] + SLOTS * 100, days[1] % SLOTS, 2**16 + days[-1], 2**256 - 1):
        with refused(world, FALSE_HINT):
            token.balance_at_close(side.fund, gone, hint)
    for hint in (0, days[-1], days[-3]):
        with refused(world, NOT_KEPT):
            token.balance_at_close(side.fund, gone, hint)


def test_a_movement_of_nothing_writes_no_opening(home_side: Side) -> None:
    """A stranger can't turn the slots of somebody else's account."""
    side, token = home_side, home_side.token
    token.transfer(side.fund, 7, sender=side.investor)
    day = int(token.business_day())
    for _ in range(SLOTS + 1):
        pass_days(side)
        token.transferFrom(side.fund, side.investor, 0, sender=side.attacker)
    assert token.position_of(side.fund).last_movement == day
    assert token.balance_at_close(side.fund, day) == 7
