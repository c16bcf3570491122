"""A lane's books after a ratio, of which remainders never land: they fit, suspensions end, claims
expire. What rounds off that other bridges carry keeps no lane waiting."""

from __future__ import annotations

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Entered, RatioState, Reconciled, message_from
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import party
from tallystick.events.driver import Driver
from tests.actions.test_cut_after_a_ratio import late
from tests.support.actions import ENGINE_ATTESTORS, Third
from tests.support.over_ratio import ABROAD, E, Over, dividend
from tests.support.world import ISIN, UINT_MAX, World, refused

pytestmark = pytest.mark.requirement("R-13", "R-14", "INV-6", "INV-12")

TENTH = Rate(1, 10)
# Of five and five that a ratio finds under way nothing lands, and 1 is left.
SMALL, REMAINDER = 5, 1


def fitted(over: Over, day: int, epoch: int, crossing: int) -> None:
    """The books of a day fit, as both ledgers know; so much was to land on the other one."""
    actions, arming = over.actions, over.arming
    if not over.home.engine.figures_at(over.lane, day)[0]:
        actions.take_figures(arming.figures(day))
    sent = actions.reconcile(day).one("ReconciledSent")
    reconciled = Reconciled(over.lane, day, epoch, crossing)
    assert tuple(sent.reconciled) == reconciled.as_tuple()
    actions.take_reconciled(reconciled)
    assert over.remote.engine.reconciliation_of(over.lane).may_land == crossing


def rounded(
    world: World, record: EventRecord, amount: int, day: int, rate: Rate = TENTH, landing: int = 2
) -> Over:
    """Small messages are under way over a ratio, and one of an amount leaves on a day; all land."""
    over = Over.of(world)
    ratio = over.arm(rate)
    over.arming.in_force(record)
    over.begin(E - 2)
    for _ in range(2):
        over.lock(SMALL)
    # Exactly a tenth of what is there becomes whole.
    over.begin(day)
    over.lock(amount)
    over.begin(day + 1)
    over.deliver(over.messages[-1])
    if day < E:
        over.fix(record)
    over.begin(E + 1)
    if day < E:
        fitted(over, E, 0, 2 * SMALL)
    over.begin(max(E + 1, day + 1))
    over.carry(ratio)
    for message in over.messages[:landing]:
        over.deliver(message)
    return over


# ------------------------------------------------------------------------- what expires


def expired(over: Over, record: EventRecord, noticed: int, kept: int, why: str) -> int:
    """Both calls after its last day, 90 days apart, and why no third; what came back."""
    side, coaf, lane = over.remote, record.as_tuple()[2], over.lane
    over.begin(record.expires + 1)
    engine = side.engine
    assert engine.expire(coaf, lane, sender=side.courier).return_value == 0
    assert tuple(engine.expiry_notice(coaf, lane)) == (noticed, kept, 0)
    over.begin(max(noticed + 91, record.expires + 1))
    back = int(engine.expire(coaf, lane, sender=side.courier).return_value)
    assert engine.part_of(coaf, lane)[1] == kept
    with refused(over.world, why):
        engine.expire(coaf, lane, sender=side.courier)
    return back


@pytest.mark.requirement("R-46")
def test_all_but_remainders_expires_of_an_event_in_new_units(world: World) -> None:
    """What nobody claimed goes back; the remainder is in what may land for ever, and stays."""
    record = dividend(1, E + 1, 1)
    over = rounded(world, record, 1_000_000, E + 1)
    over.fix(record)
    over.fund(record)
    share = over.home.engine.share_of(record.as_tuple()[2], over.lane)
    assert share.crossing == 1_000_000 + REMAINDER
    over.begin(record.expires + 1)
    fitted(over, record.expires, 1, REMAINDER)
    # A unit is 0.82 of the smallest one of cash: for the remainder there is none.
    why = "payments: nothing left"
    assert expired(over, record, record.expires, REMAINDER, why) == 820_000


@pytest.mark.requirement("R-46")
def test_what_landed_by_the_last_close_in_its_units_expires_of_an_event_before_a_ratio(
    world: World,
) -> None:
    """Closes in new units say nothing of it; the last one in old units does, whatever came."""
    record = dividend(1, E - 2, 0)
    over = rounded(world, record, 1_000_000, E - 2)
    over.fund(record)
    over.begin(E + 2)
    fitted(over, E + 1, 1, REMAINDER)
    why = "payments: units may still land"
    assert expired(over, record, E, 2 * SMALL, why) == 820_000
    # What was under way over the ratio landed as nothing: each message tells that it did.
    driver = Driver(world.network.connection, record)
    steps = [each for each in driver.expire() if each.ledger == "remote"]
    acts = [(each.act, each.state) for each in steps]
    # What accounts did not claim first.
    assert acts == [
        ("expire", "executed"),
        *[("give_up", "executed")] * 2,
        ("expire", "waiting"),
    ]
    engine, coaf = over.remote.engine, record.as_tuple()[2]
    # A unit is 0.82 of the smallest one of cash; what rounding left is the lane's last.
    assert tuple(engine.part_of(coaf, over.lane)) == (True, 0, 0)
    given_up = [each.receipt for each in steps[1:] if each.receipt]
    assert [each.one("GivenUp").units for each in given_up] == [SMALL, SMALL]
    with refused(world, "payments: paid already"):
        engine.claim_crossed(coaf, over.messages[0].as_tuple(), sender=over.remote.courier)


@pytest.mark.requirement("R-46", "INV-6")
def test_what_never_lands_over_a_ratio_that_makes_fewer_stays_for_who_it_lands_with(
    world: World,
) -> None:
    record = dividend(1, E - 2, 0)
    over = rounded(world, record, 1_000_000, E - 2, landing=1)
    over.fund(record)
    over.begin(record.expires + 1)
    engine, coaf, (first, late, _) = over.remote.engine, record.as_tuple()[2], over.messages
    engine.give_up(coaf, first.as_tuple(), sender=over.remote.courier)
    with refused(world, "returned: may be claimed"):
        engine.give_up(coaf, late.as_tuple(), sender=over.remote.courier)
    over.deliver(late)
    with refused(world, "returned: may be claimed"):
        engine.give_up(coaf, late.as_tuple(), sender=over.remote.courier)
    paid = engine.claim_crossed(coaf, late.as_tuple(), sender=over.remote.courier).one("Paid")
    assert (paid.payment.units, paid.payment.gross) == (SMALL, 4)


@pytest.mark.requirement("R-46")
@pytest.mark.parametrize(("rate", "remainder"), [(Rate(4), 0), (Rate(3, 2), 1)], ids=["4:1", "3:2"])
def test_what_was_under_way_over_a_ratio_that_makes_no_fewer_expires(
    world: World, rate: Rate, remainder: int
) -> None:
    """Of no old unit less than a new one is under way: closes in new units tell of old ones."""
    record = dividend(1, E - 2, 0)
    over = rounded(world, record, 1_000_000, E - 2, rate)
    over.fund(record)
    over.begin(E + 2)
    fitted(over, E + 1, 1, remainder)
    # Of the remainder no cash is due.
    assert expired(over, record, E + 1, remainder, "payments: nothing left") == 820_008


@pytest.mark.requirement("R-46", "INV-6")
def test_what_was_under_way_at_a_close_in_new_units_is_kept_in_its_own_and_claimed(
    world: World,
) -> None:
    record = dividend(1, E - 2, 0)
    over = rounded(world, record, 1_000_000, E - 2, Rate(4), landing=1)
    over.fund(record)
    over.begin(E + 2)
    fitted(over, E + 1, 1, 4 * SMALL)
    message = over.messages[1]
    over.deliver(message)
    back = expired(over, record, E + 1, SMALL, "payments: units may still land")
    # A unit is 0.82 of the smallest one of cash.
    assert back == 820_008 - 4
    engine, coaf = over.remote.engine, record.as_tuple()[2]
    paid = engine.claim_crossed(coaf, message.as_tuple(), sender=over.remote.courier).one("Paid")
    assert (paid.payment.units, paid.payment.gross) == (SMALL, 4)
    assert tuple(engine.part_of(coaf, over.lane)) == (True, 0, 0)


@pytest.mark.requirement("R-46")
def test_what_leaves_after_a_ratio_keeps_no_more_than_was_to_land_before(world: World) -> None:
    """A million new units are under way, of old ones no more than the last close in those says."""
    record = dividend(1, E - 2, 0)
    over = rounded(world, record, 1_000_000, E - 2, Rate(4))
    over.fund(record)
    over.lock(1_000_000)
    over.begin(E + 2)
    fitted(over, E + 1, 1, 1_000_000)
    back = expired(over, record, E + 1, 2 * SMALL, "payments: units may still land")
    assert back == 820_000


# ------------------------------------------------------------------ what is reconciled


def test_remainders_alone_suspend_nothing_and_lift_every_suspension(world: World) -> None:
    """One unit seems to be under way for ever; the books fit all the same."""
    record = dividend(1, E + 1, 1)
    over = rounded(world, record, 30, E + 1)
    over.begin(record.figures_by + 1)
    for side in over.sides:
        over.actions.suspend(side, record.as_tuple()[2])
    fitted(over, E + 2, 1, REMAINDER)
    for side in over.sides:
        assert side.engine.reconciliation_of(over.lane).suspended_for == 0
    with refused(world, "suspensions: reconciled"):
        over.actions.suspend(over.remote, record.as_tuple()[2])


def test_a_late_ledger_s_close_is_reconciled_in_home_s_units(world: World) -> None:
    """It takes that its books fit, in units that it does not have yet; older ones never."""
    over = late(world, Rate(4))
    over.begin(E + 2)
    over.actions.take_figures(over.arming.figures(E + 1))
    with refused(world, "cut: lane not carried over the ratio"):
        over.actions.reconcile(E + 1)
    over.arming.carry_close(E + 1, 1)
    fitted(over, E + 1, 1, 4 * 1_000_003 + 2_000_001)
    [ratio] = over.ratios
    over.arming.tell(over.home, ratio)
    over.arming.take(over.arming.ratio(ratio, state=RatioState.IN_FORCE))
    over.begin(E + 6)
    with refused(world, "reconciliation: in other units"):
        over.actions.take_reconciled(Reconciled(over.lane, E + 5, 0, 0))
    over.carry(ratio, E + 5)
    fitted(over, E + 5, 1, 4 * 1_000_003 + 2_000_001)


def test_a_late_ledger_whose_figures_fit_is_suspended_by_nobody(world: World) -> None:
    """That home restated them is enough; before that nobody can say that they fit."""
    record = dividend(1, E + 1, 1)
    over = late(world, Rate(4), records=(record,))
    over.begin(E + 2)
    over.actions.take_figures(over.arming.figures(E + 1))
    over.arming.carry_close(E + 1, 1)
    over.begin(record.figures_by + 1)
    with refused(world, "reconciliation: figures fit"):
        over.actions.suspend(over.home, record.as_tuple()[2])


# ------------------------------------------------------------------ what others carry


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize(
    ("gone", "beyond"), [(5, 1), (15, 0)], ids=["two fives are 1", "another adds it later"]
)
def test_what_left_two_ledgers_and_came_to_one_is_not_refused_for_its_rounding(
    world: World, gone: int, beyond: int
) -> None:
    """5 and 5 are none of 1:10 each, together they are 1: the model's counterexample."""
    over, record, third = carried(world, brought=10, gone=gone)
    engine, coaf = over.home.engine, record.as_tuple()[2]
    over.fix(record)
    key = party(str(over.home.token.address))
    # The lane took 1 of nothing, and says so.
    assert tuple(engine.share_of(coaf, key)) == (False, 0, 0, 1)
    receipt = third.fix(record)
    fixed = receipt.one("LaneFixed").args
    assert (fixed["elsewhere"], fixed["beyond"]) == (0, beyond)
    assert tuple(engine.share_of(coaf, key)) == (False, 0, 0, beyond)
    parts = [engine.share_of(coaf, each) for each in (bytes(32), over.lane, third.lane)]
    assert [each.accounts for each in parts[1:]] == [(ABROAD + 17) // 10, (25 - gone) // 10]
    token = over.home.token
    issue = token.supply_at_close(E + 1, 0) + -token.came_at_close(E + 1, 0) % 2**104
    assert sum(sum(each[1:]) for each in parts) == issue + beyond


def test_more_than_rounding_took_is_refused_after_a_ratio_too(world: World) -> None:
    """A unit for each of three ledgers, and no more: 50 brought there were 5 taken from nobody."""
    over, record, third = carried(world, brought=50, gone=5)
    with refused(world, "cut: figures do not fit"):
        over.actions.fix_lane(record)
    third.fix(record)
    with refused(world, "cut: figures do not fit"):
        over.actions.fix_lane(record)


def carried(world: World, *, brought: int, gone: int) -> tuple[Over, EventRecord, Third]:
    """Other bridges take 5 out of home and some out of a third ledger, bring some to the second;
    1:10, both lanes carried, figures taken."""
    over = Over.of(world)
    third = Third.joins(over.actions)
    home, remote = over.sides
    bridges = {side.chain.name: side.foreign_bridge() for side in over.sides}
    for side in over.sides:
        side.token.approve(bridges[side.chain.name], UINT_MAX, sender=side.investor)
    ratio, record = over.arm(TENTH), dividend(1, E + 1, 1)
    over.arming.in_force(record)
    # All that is there divides by ten.
    over.deliver(over.lock(7))
    third.lock(25)
    home.token.crosschainBurn(home.investor, 5, sender=bridges["home"].address)
    remote.token.crosschainMint(remote.investor, brought, sender=bridges["remote"].address)
    assert remote.token.totalSupply() == ABROAD + 7 + brought
    over.begin(E + 2)
    over.carry(ratio)
    engine, courier = over.home.engine, over.home.courier
    told = over.arming.entered(ratio, state=RatioState.IN_FORCE)
    entered = Entered(*told.as_tuple())
    message = message_from(third.domain, ISIN, entered)
    over.arming.take_entered(entered, message, ENGINE_ATTESTORS.sign(third.domain, message.id))
    third.take_figures(third.figures(E, supply=25 - gone, came=-gone % 2**104))
    engine.carry_lane(third.lane, 1, (0, 0, 0), sender=courier)
    after = {"epoch": 1, "supply": (25 - gone) // 10, "came": -(gone // 10) % 2**104}
    third.take_figures(third.figures(E + 1, **after))
    over.actions.take_figures(over.arming.figures(E + 1))
    if brought > 10:
        over.actions.fix(record)
    return over, record, third
