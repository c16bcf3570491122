"""What lands from a lane expires in two calls: a close is noticed, and 90 days after it the rest of
what had landed by then goes back; what may still land stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import Reconciled
from tallystick.actions.record import LANDED_CLAIM_DAYS
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Event, Receipt
from tallystick.status.ledger_log import compare, read_log
from tallystick.status.reconciled import State, reconciled_of
from tests.actions.test_payments import expire, returned
from tests.support.actions import APPLE, COAF, begin
from tests.support.dividend import HOMEWARD, OUTWARD, WAITING, Dividend
from tests.support.ratios import Engine
from tests.support.world import ELIGIBLE_UNTIL, Side

pytestmark = pytest.mark.requirement("R-46", "INV-6")

CLAIMED = "returned: may be claimed"
GOES_ON = "payments: claims go on"
MAY_LAND = "payments: units may still land"
NOT_OVER = "payments: notice not over"
TOO_LATE = "payments: landed too long ago"
# The close that is noticed first, and the first day on which its claims may end.
NOTICED = APPLE.expires
OVER = NOTICED + LANDED_CLAIM_DAYS + 1
NONE = (0, 0, 0)


def notice(side: Side, part: bytes) -> tuple[int, int, int]:
    """Claims of what close end next, what stays then, which claims are over."""
    noticed, kept, ended = side.engine.expiry_notice(COAF, part)
    return int(noticed), int(kept), int(ended)


def reconciled(dividend: Dividend, day: int) -> None:
    """The books of a day fit, as both ledgers know; the next one begins."""
    actions = dividend.actions
    dividend.begin(day + 1)
    actions.take_figures(actions.figures(day))
    actions.reconcile(day)
    actions.take_reconciled(actions.reconciled(day))


def noticed(dividend: Dividend, side: Side, day: int, kept: int) -> tuple[Event, ...]:
    """The events of a first call."""
    return (side.engine.emitted("ExpiryNoticed", COAF, dividend.lane, day, kept),)


def paid(dividend: Dividend, account: Any, message: LaneMessage) -> None:
    """Whom a message landed with is paid for all of it."""
    side = dividend.remote
    receipt = dividend.actions.claim_crossed(side, message, side.courier)
    assert receipt.events == dividend.paid(side, account, message.amount, message=message)


def waiting_lands(dividend: Dividend) -> None:
    """The outsider is admitted, and takes what waited."""
    network = dividend.world.network
    network.admit(network.suite("remote"), dividend.remote.outsider, ELIGIBLE_UNTIL)
    dividend.lands(dividend.waiting, dividend.remote.outsider)


def assert_rebuilt(dividend: Dividend) -> None:
    """Both ledgers say what their logs say."""
    connection = dividend.world.network.connection
    for side in dividend.sides:
        log = read_log(connection, side.chain.name)
        assert [row for row in compare(log, log.facts()) if not row.same] == []


@pytest.fixture
def landed(dividend: Dividend) -> Dividend:
    """The remote lane's part is paid in for; the investor has its units, the outsider not yet.

    That is so at the close of the last day of claims, whose books fit.
    """
    dividend.fund_of(dividend.remote, dividend.lane)
    dividend.lands(dividend.outward, dividend.remote.investor)
    reconciled(dividend, NOTICED)
    return dividend


@pytest.fixture
def told(landed: Dividend) -> Dividend:
    """The first call was made."""
    expire(landed.remote, landed.lane)
    return landed


@pytest.fixture
def over(told: Dividend) -> Dividend:
    """The second one too, on the first day that lets it."""
    told.begin(OVER)
    expire(told.remote, told.lane)
    return told


# --------------------------------------------------------------------------- the first call


def test_the_first_call_notes_the_newest_close_and_returns_nothing(landed: Dividend) -> None:
    side, lane = landed.remote, landed.lane
    before = landed.part(side, lane), side.cash.balanceOf(side.engine)
    assert notice(side, lane) == NONE
    receipt = expire(side, lane)
    assert receipt.return_value == 0
    assert receipt.events == noticed(landed, side, NOTICED, WAITING)
    assert notice(side, lane) == (NOTICED, WAITING, 0)
    assert before == (landed.part(side, lane), side.cash.balanceOf(side.engine))


def test_no_notice_is_given_before_the_event_s_last_day_has_closed(dividend: Dividend) -> None:
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane)
    dividend.lands(dividend.outward, dividend.remote.investor)
    reconciled(dividend, NOTICED - 1)
    begin(side, NOTICED + 1, -1)
    with dividend.refused(GOES_ON):
        expire(side, lane)
    begin(side, NOTICED + 1)
    assert expire(side, lane).events == noticed(dividend, side, NOTICED - 1, WAITING)


def test_while_nothing_is_known_to_have_landed_there_is_no_notice(dividend: Dividend) -> None:
    """Nor while the newest close that fits is that of the record day itself."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane).begin(NOTICED + 1)
    with dividend.refused(MAY_LAND):
        expire(side, lane)
    reconciled(dividend, NOTICED + 1)
    with dividend.refused(MAY_LAND):
        expire(side, lane)
    dividend.lands(dividend.outward, dividend.remote.investor)
    with dividend.refused(MAY_LAND):
        expire(side, lane)
    reconciled(dividend, NOTICED + 2)
    assert expire(side, lane).events == noticed(dividend, side, NOTICED + 2, WAITING)


def test_a_part_that_is_not_funded_in_full_gets_no_notice(landed: Dividend) -> None:
    """What is there may still be topped up, and pays who landed long ago."""
    side, home, lane = landed.remote, landed.home, landed.lane
    landed.lands(landed.homeward, landed.home.fund)
    reconciled(landed, OVER)
    landed.actions.fund(home, landed.record, lane, most=landed.due(HOMEWARD).gross - 1)
    with landed.refused(MAY_LAND):
        expire(home, lane)
    landed.fund_of(home, lane)
    assert notice(home, lane) == NONE
    receipt = landed.actions.claim_crossed(home, landed.homeward, home.courier)
    assert receipt.events == landed.paid(home, home.fund, HOMEWARD, message=landed.homeward)
    assert notice(side, lane) == NONE


@pytest.mark.parametrize("ratios", [[(1, 10)], [(1, 10), (4, 1)], [(4, 1), (1, 10)]])
def test_no_notice_is_given_by_a_close_after_a_ratio_that_made_fewer_units(
    dividend: Dividend, ratios: list[tuple[int, int]]
) -> None:
    """Of many old ones under way it may tell of none."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane).land()
    for ratio in ratios:
        Engine.of(side).split(*ratio)
    dividend.begin(dividend.record.expires + 1)
    today = side.token.business_day()
    dividend.actions.take_reconciled(Reconciled(lane, today - 1, len(ratios), 0))
    with dividend.refused(MAY_LAND):
        expire(side, lane)


@pytest.mark.parametrize(
    ("ratios", "kept"),
    [([(4, 1)], 3), ([(3, 2)], 12), ([(4, 1), (3, 1)], 1), ([(3, 2), (4, 1)], 3)],
)
def test_a_close_after_ratios_that_made_no_fewer_keeps_what_it_may_be_in_old_units(
    dividend: Dividend, ratios: list[tuple[int, int]], kept: int
) -> None:
    """Twelve new units, one ratio after the other back; of what does not divide all are kept."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane).land()
    for ratio in ratios:
        Engine.of(side).split(*ratio)
    dividend.begin(dividend.record.expires + 1)
    day = side.token.business_day() - 1
    dividend.actions.take_reconciled(Reconciled(lane, day, len(ratios), 12))
    assert expire(side, lane).events == noticed(dividend, side, day, kept)


# -------------------------------------------------------------------------- the second call


def test_who_had_units_by_the_noticed_close_has_90_days_from_it(told: Dividend) -> None:
    side, lane = told.remote, told.lane
    with told.refused(NOT_OVER):
        expire(side, lane)
    begin(side, OVER, -2)
    with told.refused(NOT_OVER):
        expire(side, lane)
    paid(told, side.investor, told.outward)


def test_then_the_second_call_returns_all_but_what_had_not_landed(told: Dividend) -> None:
    side, lane, due = told.remote, told.lane, told.due
    told.begin(OVER)
    kept = due(WAITING).gross
    rest = due(OUTWARD + WAITING).gross - kept
    receipt = expire(side, lane)
    assert receipt.return_value == rest
    assert receipt.events == returned(told, side, lane, OUTWARD, rest)
    assert told.part(side, lane) == (True, WAITING, kept)
    assert notice(side, lane) == (0, 0, NOTICED)


def test_till_somebody_makes_it_who_is_late_is_paid_still(told: Dividend) -> None:
    told.begin(OVER + 1_000)
    paid(told, told.remote.investor, told.outward)


def test_late_claimers_are_refused_and_take_nothing_from_who_still_lands(over: Dividend) -> None:
    side = over.remote
    with over.refused(TOO_LATE):
        over.actions.claim_crossed(side, over.outward, side.investor)
    waiting_lands(over)
    with over.refused(TOO_LATE):
        over.actions.claim_crossed(side, over.outward, side.courier)
    paid(over, side.outsider, over.waiting)
    assert over.part(side, over.lane) == (True, 0, 0)


def test_the_day_on_which_units_landed_decides_not_the_hour(dividend: Dividend) -> None:
    """By the noticed close, to its last second; or after it, from the first."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane).begin(NOTICED)
    for each in dividend.sides:
        begin(each, NOTICED + 1, -60)
    dividend.lands(dividend.outward, dividend.remote.investor)
    assert side.token.business_day() == NOTICED
    reconciled(dividend, NOTICED)
    waiting_lands(dividend)
    assert side.token.business_day() == NOTICED + 1
    expire(side, lane)
    dividend.begin(OVER)
    expire(side, lane)
    with dividend.refused(TOO_LATE):
        dividend.actions.claim_crossed(side, dividend.outward, side.investor)
    paid(dividend, side.outsider, dividend.waiting)


def test_of_a_close_long_ago_both_calls_are_made_on_one_day(dividend: Dividend) -> None:
    """Who had units by then has had more than 90 days; but nobody's end before the event's."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side, lane)
    dividend.lands(dividend.outward, dividend.remote.investor)
    reconciled(dividend, NOTICED - LANDED_CLAIM_DAYS)
    dividend.begin(NOTICED)
    with dividend.refused(GOES_ON):
        expire(side, lane)
    dividend.begin(NOTICED + 1)
    expire(side, lane)
    assert expire(side, lane).one("EventExpired").units == OUTWARD


def test_a_part_of_which_all_has_landed_is_closed(dividend: Dividend) -> None:
    """At either end; what was sent since is in the bound, and only makes it wait."""
    dividend.fund().land()
    later = dividend.world.locked(5, dividend.remote.outsider)
    remote, home, lane = dividend.remote, dividend.home, dividend.lane
    reconciled(dividend, NOTICED)
    assert expire(home, lane).events == noticed(dividend, home, NOTICED, 0)
    assert expire(remote, lane).events == noticed(dividend, remote, NOTICED, 5)
    dividend.lands(later, dividend.remote.outsider)
    reconciled(dividend, OVER - 1)
    due, units, cash = dividend.due, OUTWARD + WAITING - 5, dividend.due(5).gross
    rest = due(OUTWARD + WAITING).gross - cash
    assert expire(remote, lane).events == returned(dividend, remote, lane, units, rest)
    assert dividend.part(remote, lane) == (True, 5, cash)
    assert expire(home, lane).events == returned(
        dividend, home, lane, HOMEWARD, due(HOMEWARD).gross
    )
    with dividend.refused(TOO_LATE):
        dividend.actions.claim_crossed(home, dividend.homeward, home.fund)
    assert expire(remote, lane).events == noticed(dividend, remote, OVER - 1, 0)
    dividend.begin(OVER + LANDED_CLAIM_DAYS)
    assert expire(remote, lane).events == returned(dividend, remote, lane, 5, cash)
    assert [dividend.part(side, lane) for side in dividend.sides] == [(True, 0, 0)] * 2


# -------------------------------------------------------------------------- the next notice


def test_what_landed_since_has_a_notice_and_90_days_of_its_own(over: Dividend) -> None:
    side, lane, cash = over.remote, over.lane, over.due(WAITING).gross
    with over.refused(MAY_LAND):
        expire(side, lane)
    waiting_lands(over)
    with over.refused(MAY_LAND):
        expire(side, lane)
    reconciled(over, OVER)
    assert expire(side, lane).events == noticed(over, side, OVER, 0)
    assert notice(side, lane) == (OVER, 0, NOTICED)
    with over.refused(NOT_OVER):
        expire(side, lane)
    begin(side, OVER + LANDED_CLAIM_DAYS + 1, -2)
    with over.refused(NOT_OVER):
        expire(side, lane)
    with over.world.isolated():
        paid(over, side.outsider, over.waiting)
    with over.refused(TOO_LATE):
        over.actions.claim_crossed(side, over.outward, side.investor)
    over.begin(OVER + LANDED_CLAIM_DAYS + 1)
    assert expire(side, lane).events == returned(over, side, lane, WAITING, cash)
    assert notice(side, lane) == (0, 0, OVER)
    for account, message in ((side.investor, over.outward), (side.outsider, over.waiting)):
        with over.refused(TOO_LATE):
            over.actions.claim_crossed(side, message, account)
    with over.refused("payments: nothing left"):
        expire(side, lane)


def test_a_notice_that_would_return_nothing_is_renewed_by_a_later_close(told: Dividend) -> None:
    """Who it was given to has claimed; what is left had not landed then, and has its own days."""
    side, lane = told.remote, told.lane
    paid(told, side.investor, told.outward)
    told.begin(OVER)
    with told.refused(MAY_LAND):
        expire(side, lane)
    waiting_lands(told)
    reconciled(told, OVER)
    assert expire(side, lane).events == noticed(told, side, OVER, 0)
    assert notice(side, lane) == (OVER, 0, 0)
    begin(side, OVER + LANDED_CLAIM_DAYS + 1, -2)
    with told.refused(NOT_OVER):
        expire(side, lane)
    paid(told, side.outsider, told.waiting)


def test_a_later_close_moves_no_notice_that_is_running(told: Dividend) -> None:
    """Else nobody would ever come to the end of one."""
    side, lane = told.remote, told.lane
    waiting_lands(told)
    reconciled(told, NOTICED + 30)
    with told.refused(NOT_OVER):
        expire(side, lane)
    assert notice(side, lane) == (NOTICED, WAITING, 0)
    told.begin(OVER)
    assert expire(side, lane).one("EventExpired").units == OUTWARD
    # Of the close since it is no less than 90 days later than this one.
    assert expire(side, lane).events == noticed(told, side, NOTICED + 30, 0)
    with told.refused(NOT_OVER):
        expire(side, lane)
    paid(told, side.outsider, told.waiting)


# ------------------------------------------------------------------- each message by itself


def give_up(dividend: Dividend, message: LaneMessage) -> Receipt:
    """Somebody has what is kept for a message given up."""
    side = dividend.world.side_of(message)
    receipt = side.engine.give_up(COAF, message.as_tuple(), sender=side.outsider)
    assert isinstance(receipt, Receipt)
    return receipt


def test_what_nobody_claims_for_a_message_is_given_up_once_its_claims_are_over(
    dividend: Dividend,
) -> None:
    """No close has to tell of it; what had not landed stays for who it lands with."""
    side, lane, message = dividend.remote, dividend.lane, dividend.outward
    dividend.fund_of(side, lane)
    dividend.lands(message, side.investor)
    begin(side, NOTICED + 1, -1)
    with dividend.refused(CLAIMED):
        give_up(dividend, message)
    begin(side, NOTICED + 1)
    with dividend.refused(CLAIMED):
        give_up(dividend, dividend.waiting)
    before = dividend.part(side, lane)[2]
    receipt, gross = give_up(dividend, message), dividend.due(OUTWARD).gross
    assert receipt.return_value == gross
    assert receipt.events == (
        side.engine.emitted("GivenUp", COAF, lane, message.id, OUTWARD, gross),
        side.cash.emitted("Transfer", side.engine, side.issuer, gross),
    )
    assert dividend.part(side, lane) == (True, WAITING, before - gross)
    for act in (give_up, claim_late):
        with dividend.refused("payments: paid already"):
            act(dividend, message)
    assert_rebuilt(dividend)
    with dividend.refused("paid: nothing was paid"):
        side.engine.send_paid(COAF, lane, sender=side.courier)
    dividend.world.synchronise()
    waiting_lands(dividend)
    paid(dividend, side.outsider, dividend.waiting)
    [event] = reconciled_of(dividend.world.network.connection).events
    assert event.differences == ()
    states = {each.claim.message: each.state for each in event.holdings}
    assert states[message.id] is State.LAPSED
    assert states[dividend.waiting.id] is State.PAID


def claim_late(dividend: Dividend, message: LaneMessage) -> None:
    """Who has the units of a message claims."""
    side = dividend.world.side_of(message)
    dividend.actions.claim_crossed(side, message, side.courier)


def test_who_has_units_late_has_90_days_from_their_landing_too(landed: Dividend) -> None:
    side = landed.remote
    waiting_lands(landed)
    day = side.token.business_day()
    assert day == NOTICED + 1
    begin(side, day + LANDED_CLAIM_DAYS + 1, -2)
    give_up(landed, landed.outward)
    with landed.refused(CLAIMED):
        give_up(landed, landed.waiting)
    begin(side, day + LANDED_CLAIM_DAYS + 1)
    give_up(landed, landed.waiting)
    assert landed.part(side, landed.lane)[1] == 0


def test_what_expired_with_a_close_is_given_up_no_more_and_the_other_way(told: Dividend) -> None:
    side, lane = told.remote, told.lane
    told.begin(OVER)
    with told.isolated():
        give_up(told, told.outward)
        with told.refused(MAY_LAND):
            expire(side, lane)
    expire(side, lane)
    with told.refused("returned: expired already"):
        give_up(told, told.outward)
    [event] = reconciled_of(told.world.network.connection).events
    assert event.differences == ()
    lapsed = {each.claim.message for each in event.holdings if each.state is State.LAPSED}
    assert told.outward.id in lapsed


def test_nobody_owes_what_was_given_up(landed: Dividend) -> None:
    side = landed.remote
    give_up(landed, landed.outward)
    landed.actions.reversed(landed.record)
    with landed.refused("reversal: given up"):
        side.engine.assess_crossed(COAF, landed.outward.as_tuple(), sender=side.courier)
    with landed.refused("payments: no such event, or off"):
        give_up(landed, landed.waiting)


# ------------------------------------------------------------------------ what needs none


@pytest.mark.parametrize("off", ["halted", "reversed"])
def test_of_an_event_that_is_off_all_returns_without_waiting_for_a_notice(
    told: Dividend, off: str
) -> None:
    side, lane, actions = told.remote, told.lane, told.actions
    if off == "halted":
        true = actions.totals(told.record)
        actions.take_totals(told.record, replace(true, accounts=true.accounts + 1))
    else:
        actions.reversed(told.record)
    amount = told.due(OUTWARD + WAITING).gross
    receipt = expire(side, lane)
    assert receipt.events == returned(told, side, lane, OUTWARD + WAITING, amount)
    assert notice(side, lane) == (NOTICED, WAITING, 0)
    assert_rebuilt(told)


def test_what_rounding_left_needs_none(told: Dividend) -> None:
    side, lane, due = told.remote, told.lane, told.due
    waiting_lands(told)
    paid(told, side.investor, told.outward)
    paid(told, side.outsider, told.waiting)
    dust = due(OUTWARD + WAITING).gross - due(OUTWARD).gross - due(WAITING).gross
    assert expire(side, lane).events == returned(told, side, lane, 0, dust)
    assert notice(side, lane) == (NOTICED, WAITING, 0)
    assert_rebuilt(told)


# -------------------------------------------------------------------------------- from logs


def test_notices_are_rebuilt_from_logs(told: Dividend) -> None:
    side, lane = told.remote, told.lane
    assert_rebuilt(told)
    told.begin(OVER)
    expire(side, lane)
    assert_rebuilt(told)
    waiting_lands(told)
    reconciled(told, OVER)
    expire(side, lane)
    assert notice(side, lane) == (OVER, 0, NOTICED)
    assert_rebuilt(told)
