"""Scenes around a close: who is entitled to units that no account has, and what figures show.

The second half are the findings of an attack on the first draft of the design; each shows what went
wrong, and that it no longer does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tallystick.actions.cut import Break, Cut, Share, fix
from tallystick.token.position import AccountClass
from tests.actions.designs import ClassOfToday, CloseOnlyWord
from tests.actions.ledgers import (
    DAY,
    EACH,
    ELSEWHERE,
    HOME,
    POOL,
    Broken,
    Message,
    Property,
    State,
    Story,
    custody,
)
from tests.actions.model import World, lane_id
from tests.actions.rules import Design

REMOTE, OTHER = 1, 2
LANE = lane_id(REMOTE)
ISSUE = 3 * EACH
# The day on which a scene begins.
FIRST = 1


def days(world: World, number: int = 1) -> int:
    """Days pass on every ledger; the last day that all have closed."""
    for ledger in world.ledgers:
        ledger.now = ledger.ends(ledger.day() + number - 1) + 1
    return min(ledger.day() for ledger in world.ledgers) - 1


def checked(world: World, day: int) -> Cut:
    """The cut of a close after which everything has landed, held to every property."""
    world.check_step()
    cut = world.fix(day)
    world.check_cut(day, cut)
    return cut


def abroad(world: World, amount: int) -> None:
    """Ann has units on the first remote ledger."""
    world.deliver(locked(world, amount, "ann"))


def locked(world: World, amount: int = 10, recipient: str = "bob", lane: int = REMOTE) -> Message:
    message = world.send(HOME, lane, "ann", recipient, amount)
    assert message is not None
    return message


def burned(world: World, amount: int = 10, recipient: str = "bob") -> Message:
    message = world.send(REMOTE, HOME, "ann", recipient, amount)
    assert message is not None
    return message


# --- from leaving to landing ----------------------------------------------------------------------


def delivered(world: World, message: Message) -> None:
    assert world.deliver(message)


def claimed(world: World, message: Message) -> None:
    suspended(world, message)
    world.ledgers[REMOTE].barred.clear()
    assert world.claim(message)


def redirected(world: World, message: Message) -> None:
    suspended(world, message)
    assert world.redirect(message, "cat")


def too_late(world: World, message: Message) -> None:
    """It arrives past its deadline."""
    overdue(world, message)
    assert world.deliver(message)
    came_back(world, message)


def returned(world: World, message: Message) -> None:
    """It waited past its deadline."""
    suspended(world, message)
    overdue(world, message)
    came_back(world, message)


def overdue(world: World, message: Message) -> None:
    for ledger in world.ledgers:
        ledger.now = max(ledger.now, message.deadline)


def came_back(world: World, message: Message) -> Message:
    assert not world.claim(message)
    back = world.give_back(message)
    assert back is not None
    assert world.deliver(back)
    return back


def suspended(world: World, message: Message) -> None:
    world.ledgers[REMOTE].barred.add("bob")
    assert world.deliver(message)
    assert message.state is State.SUSPENSE


@pytest.mark.parametrize(
    ("end", "ledger", "payee"),
    [
        (delivered, REMOTE, "bob"),
        (claimed, REMOTE, "bob"),
        (redirected, REMOTE, "cat"),
        (too_late, HOME, "ann"),
        (returned, HOME, "ann"),
    ],
)
def test_units_belong_to_whoever_they_land_with_where_they_land(
    end: Callable[[World, Message], None], ledger: int, payee: str
) -> None:
    world = World(1)
    message = locked(world)
    days(world, 2)
    end(world, message)
    landed_on = world.ledgers[ledger].day()
    last = days(world, 3)
    for day in range(FIRST, last + 1):
        checked(world, day)
        claims = [claim for each in world.messages for claim in world.crossing(each, day)]
        assert claims == ([(ledger, payee)] if day < landed_on else [])


@pytest.mark.parametrize("waits", [False, True])
def test_the_share_of_units_that_have_not_landed_stays_reserved(waits: bool) -> None:
    world = World(1)
    message = locked(world)
    if waits:
        suspended(world, message)
    day = days(world)
    share = Share(home_crossing=0, accounts=0, crossing=10, pooled=0)
    assert world.fix(day).shares == {LANE: share}
    assert world.crossing(message, day) == ()
    world.settle()
    assert world.crossing(message, day) == ((REMOTE, "bob"),)
    assert checked(world, day).shares == {LANE: share}


def test_each_direction_is_paid_where_it_is_bound_for() -> None:
    world = World(1)
    abroad(world, 30)
    locked(world, 5)
    burned(world, 7)
    day = days(world)
    share = Share(home_crossing=7, accounts=23, crossing=5, pooled=0)
    assert world.fix(day).shares == {LANE: share}
    world.settle()
    assert checked(world, day).shares == {LANE: share}


def test_units_that_went_round_by_two_lanes_are_entitled_once() -> None:
    world = World(2)
    world.deliver(locked(world, 10, "ann"))
    world.deliver(burned(world, 10, "ann"))
    last = locked(world, 10, "ann", lane=OTHER)
    day = days(world)
    world.deliver(last)
    assert world.crossing(last, day) == ((OTHER, "ann"),)
    days(world)
    checked(world, day)


def test_a_message_that_landed_before_the_close_gives_no_claim() -> None:
    world = World(1)
    message = locked(world)
    delivered(world, message)
    day = days(world)
    assert message.landing is None
    assert world.crossing(message, day) == ()
    checked(world, day)


def test_a_lock_exactly_at_the_close_is_the_next_day_s() -> None:
    world = World(1)
    world.home.now = world.home.ends(FIRST)
    message = locked(world)
    days(world, 2)
    delivered(world, message)
    days(world)
    assert world.crossing(message, FIRST) == ()
    assert world.crossing(message, FIRST + 1) == ((REMOTE, "bob"),)
    checked(world, FIRST)
    checked(world, FIRST + 1)


def test_a_ledger_whose_clock_is_behind_takes_nothing_from_its_future() -> None:
    world = World(1)
    world.home.now += 3 * DAY
    message = locked(world)
    assert not world.deliver(message)
    world.ledgers[REMOTE].now = message.lock_time
    assert world.deliver(message)


def test_a_ledger_whose_clock_is_ahead_answers_for_every_close_between() -> None:
    world = World(1)
    world.ledgers[REMOTE].now += 3 * DAY
    message = locked(world)
    assert world.deliver(message)
    days(world, 4)
    assert [day for day in range(8) if world.crossing(message, day)] == [1, 2, 3]
    for day in range(FIRST, 5):
        checked(world, day)


def test_a_ledger_that_stood_still_answers_for_the_closes_it_slept_through() -> None:
    world = World(1)
    message = locked(world)
    world.home.now += 3 * DAY
    assert not world.closed(FIRST)
    world.ledgers[REMOTE].now += 3 * DAY
    assert world.deliver(message)
    days(world)
    for day in (1, 2, 3):
        assert world.crossing(message, day) == ((REMOTE, "bob"),)
        checked(world, day)


def test_who_gets_back_units_late_gets_them_out_of_suspense_at_the_source() -> None:
    world = World(1)
    message = locked(world)
    world.home.barred.add("ann")
    overdue(world, message)
    assert world.deliver(message)
    back = came_back(world, message)
    assert back.state is State.SUSPENSE
    assert world.home.figure("suspense 1").now == 10
    day = days(world)
    assert world.fix(day).shares[LANE] == Share(10, 0, 0, 0)
    assert not world.claim(back)
    world.home.barred.clear()
    assert world.claim(back)
    assert world.crossing(back, day) == ((HOME, "ann"),)
    days(world)
    for closed in range(FIRST, day + 1):
        checked(world, closed)


def test_a_return_has_no_deadline_and_is_not_returned_again() -> None:
    world = World(1)
    message = locked(world)
    suspended(world, message)
    assert world.give_back(message) is None
    overdue(world, message)
    back = world.give_back(message)
    assert back is not None
    world.home.barred.add("ann")
    days(world, 9)
    assert world.deliver(back)
    assert back.state is State.SUSPENSE
    assert world.give_back(back) is None
    world.home.barred.clear()
    assert world.claim(back)


def test_a_message_takes_effect_once() -> None:
    world = World(1)
    message = locked(world)
    delivered(world, message)
    days(world, 5)
    assert not world.deliver(message)
    assert not world.claim(message)
    assert world.give_back(message) is None
    world.check_step()


def test_units_in_a_pool_are_a_reserve_and_no_holder_s() -> None:
    world = World(1)
    abroad(world, 30)
    world.transfer(HOME, "bob", POOL, 4)
    world.transfer(REMOTE, "ann", POOL, 6)
    day = days(world)
    cut = checked(world, day)
    assert (cut.pooled, cut.shares[LANE].pooled) == (4, 6)
    assert (cut.accounts, cut.shares[LANE].accounts) == (ISSUE - 34, 24)


# --- what an attack on the first draft found ------------------------------------------------------


def without_counts(world: World, day: int) -> Cut:
    """The cut as first drafted: figures know nothing but messages."""
    home, ends, told = world.figures(day)
    ends = {lane: replace(end, gone=0) for lane, end in ends.items()}
    return fix(home, ends, {lane: replace(end, came=0) for lane, end in told.items()})


def test_another_bridge_mints_a_base_unit_abroad() -> None:
    world = World(1)
    abroad(world, 50)
    assert world.bridge_out(HOME, "bob", 1)
    assert world.bridge_in(REMOTE, "cat", 1)
    day = days(world)
    cut = checked(world, day)
    assert cut.shares[LANE] == Share(home_crossing=0, accounts=51, crossing=0, pooled=0)
    assert without_counts(world, day).breaks == (Break(LANE, "arrived abroad", 51, 50),)


def test_another_bridge_burns_abroad() -> None:
    world = World(1)
    abroad(world, 50)
    assert world.bridge_out(REMOTE, "ann", 30)
    day = days(world)
    cut = checked(world, day)
    assert cut.shares[LANE] == Share(home_crossing=0, accounts=20, crossing=0, pooled=0)
    assert cut.elsewhere == 30
    # Without the count they would be in transit for ever.
    assert without_counts(world, day).shares[LANE].crossing == 30
    # None of them was taken out at home.
    assert not world.bridge_in(HOME, "cat", 30)
    assert world.bridge_in(REMOTE, "cat", 30)
    cut = checked(world, days(world))
    assert (cut.issue, cut.shares[LANE].accounts, cut.elsewhere) == (ISSUE, 50, 0)


def test_units_are_redeemed_abroad() -> None:
    world = World(1)
    abroad(world, 50)
    assert world.redeem(REMOTE, "ann", 40)
    cut = checked(world, days(world))
    assert (cut.issue, cut.shares[LANE].accounts, cut.elsewhere) == (ISSUE, 10, 40)
    assert world.book_redemption(REMOTE)
    day = days(world)
    cut = checked(world, day)
    assert (cut.issue, cut.shares[LANE].accounts, cut.elsewhere) == (ISSUE - 40, 10, 0)
    home, ends, told = world.figures(day)
    assert fix(home, {LANE: replace(ends[LANE], gone=0)}, told).breaks


def test_another_bridge_mints_what_never_left() -> None:
    world = World(1)
    abroad(world, 50)
    remote = world.ledgers[REMOTE]
    remote.credit("cat", 1)
    remote.count("supply", 1)
    remote.count("came", 1)
    cut = world.fix(days(world))
    assert cut.breaks == (Break(LANE, "came by no message", 1, 0),)
    assert (cut.kept, cut.accounts, cut.elsewhere) == ({LANE: 50}, ISSUE - 50, 0)


def test_another_bridge_that_is_ahead_of_its_clock_holds_back_the_lane_it_went_to() -> None:
    """Nothing holds other bridges to the clock rule: units that left on a later day than they
    arrived are with two holders at the closes between. The one at home is paid."""
    world = World(1)
    world.home.now += 2 * DAY
    assert world.bridge_out(HOME, "bob", 5)
    world.bridged = [replace(carriage, left=FIRST) for carriage in world.bridged]
    assert world.bridge_in(REMOTE, "bob", 5)
    days(world, 3)
    cut = world.fix(FIRST)
    assert cut.breaks == (Break(LANE, "came by no message", 5, 0),)
    assert (cut.kept, cut.accounts) == ({LANE: 0}, ISSUE)
    assert world.fix(FIRST + 2).breaks == ()


def test_a_false_message_is_mended_by_an_entry_that_figures_count() -> None:
    world = World(1)
    abroad(world, 50)
    home, remote = world.home, world.ledgers[REMOTE]
    # Signatures for a message that nobody sent.
    remote.credit("cat", 7)
    remote.count("supply", 7)
    cut = world.fix(days(world))
    assert cut.breaks == (Break(LANE, "arrived abroad", 57, 50),)
    assert cut.kept == {LANE: 50}
    # Two keys enter what covers it: so many of the issuer's units go to custody.
    remote.count("came", 7)
    home.credit("ann", -7)
    home.credit(custody(REMOTE), 7)
    home.count("outstanding 1", 7)
    home.count("gone 1", -7)
    cut = world.fix(days(world))
    assert cut.breaks == ()
    assert (cut.accounts, cut.shares[LANE].accounts, cut.elsewhere) == (ISSUE - 57, 57, 0)


def returned_on_the_day_it_was_sent(world: World) -> Message:
    """Locked on day 1, in suspense from day 2, sent back and landed on day 4."""
    message = locked(world)
    message.deadline = message.lock_time + 3 * DAY
    days(world)
    suspended(world, message)
    days(world, 2)
    back = world.give_back(message)
    assert back is not None
    assert world.deliver(back)
    days(world)
    return back


def test_a_return_sent_and_landed_on_one_day_is_entitled_since_its_units_left() -> None:
    world = World(1)
    back = returned_on_the_day_it_was_sent(world)
    assert [day for day in range(6) if world.crossing(back, day) == ((HOME, "ann"),)] == [1, 2, 3]
    for day in (1, 2, 3, 4):
        checked(world, day)


def test_without_a_word_for_every_return_its_closes_are_nobody_s() -> None:
    world = World(1, CloseOnlyWord())
    returned_on_the_day_it_was_sent(world)
    with pytest.raises(Broken) as caught:
        checked(world, 1)
    assert caught.value.what is Property.NOBODY


def emptied_custody(design: Design) -> tuple[World, int]:
    """A lane carried units at a close; afterwards its custody is empty, and no custody any more."""
    world = World(1, design)
    abroad(world, 50)
    day = days(world)
    assert world.deliver(burned(world, 50, "ann"))
    assert world.home.set_class(custody(REMOTE), AccountClass.HOLDER)
    days(world)
    return world, day


def test_what_was_custody_at_the_close_claims_nothing_when_it_is_custody_no_more() -> None:
    world, day = emptied_custody(Design())
    checked(world, day)
    assert world.claimed(day)[HOME] == ISSUE - 50


def test_if_today_s_class_decided_an_emptied_custody_would_claim() -> None:
    world, day = emptied_custody(ClassOfToday())
    with pytest.raises(Broken) as caught:
        checked(world, day)
    assert caught.value.what is Property.TWICE


def test_a_class_changes_only_while_an_account_is_empty() -> None:
    world = World(1)
    abroad(world, 50)
    assert not world.home.set_class(custody(REMOTE), AccountClass.HOLDER)
    assert world.home.class_of(custody(REMOTE)) is AccountClass.LINK


def test_a_lane_first_used_after_the_record_date_is_told_days_later() -> None:
    world = World(1)
    day = days(world)
    world.deliver(locked(world, 10))
    days(world, 5)
    cut = checked(world, day)
    assert cut.shares == {LANE: Share(0, 0, 0, 0)}
    assert cut.accounts == ISSUE


def two_lanes() -> tuple[World, int]:
    """Units abroad, in transit each way and in suspense, on two lanes alike."""
    world = World(2)
    world.ledgers[OTHER].barred.add("bob")
    for lane in (REMOTE, OTHER):
        world.deliver(locked(world, 10, "ann", lane))
        world.deliver(locked(world, 3, "bob", lane))
        locked(world, 2, "cat", lane)
        world.send(lane, HOME, "ann", "bob", 4)
    return world, days(world)


def test_a_silent_lane_is_kept_back_whole_and_the_others_are_paid() -> None:
    world, day = two_lanes()
    home, ends, told = world.figures(day)
    silent = lane_id(OTHER)
    everything = fix(home, ends, told)
    cut = fix(home, ends, {LANE: told[LANE]})
    assert (cut.missing, cut.breaks) == ((silent,), ())
    assert cut.kept == {silent: 15}
    assert cut.shares == {LANE: everything.shares[LANE]}
    assert (cut.accounts, cut.elsewhere) == (everything.accounts, everything.elsewhere)
    share = everything.shares[silent]
    assert share.home_crossing + share.accounts + share.crossing == 15


def test_a_lying_lane_waits_alone_until_it_tells_the_truth() -> None:
    world, day = two_lanes()
    home, ends, told = world.figures(day)
    liar = lane_id(OTHER)
    lie = replace(told[liar], supply=told[liar].supply + 3)
    cut = fix(home, ends, {LANE: told[LANE], liar: lie})
    assert cut.breaks == (Break(liar, "arrived abroad", 16, 15),)
    assert cut.missing == ()
    assert cut.kept == {liar: 15}
    assert cut.shares == {LANE: fix(home, ends, told).shares[LANE]}
    remedied = fix(home, ends, told)
    assert (remedied.breaks, remedied.kept) == ((), {})


def test_a_return_moves_a_reserve_and_the_last_holder_is_not_short() -> None:
    world = World(1)
    message = locked(world)
    day = days(world, 2)
    too_late(world, message)
    days(world)
    cut = checked(world, day)
    assert cut.shares[LANE] == Share(home_crossing=0, accounts=0, crossing=10, pooled=0)
    # Given up there, paid here with cash of its own.
    assert world.moved(day) == {(HOME, REMOTE): 10, (REMOTE, REMOTE): -10}
    paid = world.claimed(day)
    assert (paid[HOME], paid[HOME, REMOTE], paid[ELSEWHERE]) == (cut.accounts, 10, 0)


def test_a_lane_that_carries_units_begins_its_flows_with_them() -> None:
    world = World(1)
    abroad(world, 50)
    back = burned(world, 10, "ann")
    # The release that counts flows finds its new words empty.
    for ledger in world.ledgers:
        ledger.figures["sent 1"] = Story(0)
    day = days(world)
    assert world.fix(day).breaks == (Break(LANE, "arrived abroad", 40, 0),)
    world.home.count("sent 1", world.home.figure("outstanding 1").now)
    world.ledgers[REMOTE].count("sent 1", back.amount)
    cut = world.fix(days(world))
    assert cut.breaks == ()
    assert cut.shares[LANE] == Share(home_crossing=10, accounts=40, crossing=0, pooled=0)
    assert world.deliver(back)
    cut = world.fix(days(world))
    assert cut.breaks == ()
    assert cut.shares[LANE] == Share(home_crossing=0, accounts=40, crossing=0, pooled=0)
