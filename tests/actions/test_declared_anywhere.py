"""Of pools, other bridges, reversals and days to come: declared and given, from logs alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion
from tallystick.status.declared import Kind, What
from tallystick.status.reconciled import State, reconcile
from tallystick.token.position import AccountClass, date_of
from tests.actions.test_reversal import repay
from tests.actions.test_set_off import SET_OFF, next_event, reversed_home
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, begin
from tests.support.declared import (
    changed,
    differences,
    earlier,
    event_of,
    holding,
    logs_of,
    more,
    planted,
    shown,
)
from tests.support.dividend import (
    ABROAD,
    AT_HOME,
    HOMEWARD,
    OUTWARD,
    WAITING,
    Dividend,
)
from tests.support.world import ISIN, ISSUE, World

pytestmark = pytest.mark.requirement("INV-6", "R-46")


def test_of_a_record_day_that_is_not_over_nobody_is_due_anything(actions: Actions) -> None:
    actions.in_force(APPLE)
    event = event_of(actions.world)
    day = date_of(APPLE.record_day)
    assert event.holdings == ()
    assert [each.why for each in event.ledgers] == [
        f"the record day, {day}, is not over",
        "not told",
    ]


def test_what_contradicts_what_a_ledger_took_is_named(actions: Actions) -> None:
    """Attested by the ledger's quorum for home, which never announced it."""
    actions.take(actions.in_force(APPLE))
    other = replace(APPLE, rate=Rate(1))
    actions.take(EventVersion(other))
    (found,) = differences(logs_of(actions.world))
    assert shown(found) == (
        Kind.RECORD,
        "remote",
        "the record",
        {"record": "0x" + APPLE.hash.hex(), "status": "active"},
        {"record": "0x" + other.hash.hex(), "status": "active"},
    )


def test_totals_that_contradict_those_taken_are_named(world: World) -> None:
    dividend = Dividend.fixed(world)
    actions = dividend.actions
    actions.take_totals(APPLE, replace(actions.totals(APPLE), crossing=7))
    logs = logs_of(world)
    (found,) = differences(logs)
    accounts = ABROAD - HOMEWARD
    assert shown(found) == (
        Kind.SHARE,
        "remote",
        "totals that were shown",
        {"accounts": accounts, "crossing": OUTWARD + WAITING},
        {"accounts": accounts, "crossing": 7},
    )
    # It is halted there: nothing more is paid, which is no difference.
    (event,) = reconcile(logs, ISIN)
    off = {each.ledger: each.state for each in event.holdings}
    assert off == {"home": State.OPEN, "remote": State.OFF}


def test_a_record_that_this_package_cannot_read_is_no_match(actions: Actions) -> None:
    actions.in_force(APPLE)
    logs = logs_of(actions.world)
    words = changed(record=lambda record: record._replace(tier=9))
    (found,) = differences(planted(logs, "home", "EventAnnounced", words))
    assert shown(found)[:4] == (
        Kind.RECORD,
        "home",
        "the record",
        {"record": "one that can be read"},
    )


def test_claims_that_returned_before_they_expired_are_named(world: World) -> None:
    dividend = Dividend.fixed(world).fund().begin(APPLE.expires + 1)
    side = dividend.home
    side.engine.expire(COAF, ACCOUNTS, sender=side.courier)
    (found,) = differences(planted(logs_of(world), "home", "EventExpired", earlier(days=3)))
    assert (found.kind, found.what) == (Kind.KEPT, "returned of accounts")
    days = [dict(each)["not before"] for each in (found.declared, found.applied)]
    assert days == [str(date_of(APPLE.expires + 1)), str(date_of(APPLE.expires - 2))]


def test_pools_and_other_bridges_are_due_to_whom_two_keys_name(actions: Actions) -> None:
    side, pooled, outside = actions.home, 3_000_011, 700_003
    actions.take(actions.in_force(APPLE))
    side.set_class(side.fund, AccountClass.POOL)
    side.token.transfer(side.fund, pooled, sender=side.investor)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, outside, sender=side.investor)
    side.token.crosschainBurn(side.investor, outside, sender=bridge.address)
    actions.close(APPLE.record_day)
    actions.remote.chain.mine(1)
    actions.take_figures(actions.figures(APPLE.record_day))
    actions.fix(APPLE)
    actions.fix_lane(APPLE)
    actions.set_pay_terms(side)
    actions.give_cash(side, side.paying_agent)
    key = bytes.fromhex(str(side.token.address)[2:]).rjust(32, b"\0")
    for part in (ACCOUNTS, key):
        actions.fund(side, APPLE, part)
    begin(side, APPLE.relief_until + 1)
    pool, bridges = (side.fund.address, What.POOL), (str(side.token.address), What.ELSEWHERE)
    actions.set_pool_payee(side, side.token, side.upgrader)
    event = event_of(actions.world)
    assert holding(event, *pool).why == "to be set aside"
    assert holding(event, *bridges).why == "to be paid"
    side.engine.set_aside(COAF, side.fund, 0, sender=side.courier)
    assert holding(event_of(actions.world), *pool).why == "no payee is named"
    actions.set_pool_payee(side, side.fund, side.upgrader)
    for account in (side.fund, side.token):
        side.engine.claim_pool(COAF, account, sender=side.courier)
    event = event_of(actions.world)
    paid = [holding(event, *each) for each in (pool, bridges)]
    assert [(each.state, each.units) for each in paid] == [
        (State.PAID, pooled),
        (State.PAID, outside),
    ]
    assert sum(each.units for each in event.holdings) == ISSUE
    # What is said of either is held to closes, too.
    logs = logs_of(actions.world)
    found = differences(planted(logs, "home", "PoolSetAside", changed(amount=more())))
    gross = APPLE.rate.down(pooled) if APPLE.rate else 0
    assert [(each.holder, *shown(each)) for each in found] == [
        (
            side.fund.address,
            Kind.KEPT,
            "home",
            "set aside",
            {"units": pooled, "gross": gross},
            {"units": pooled, "gross": gross + 1},
        )
    ]
    first, then = differences(planted(logs, "home", "ElsewhereFixed", changed(units=more())))
    assert shown(first) == (
        Kind.SHARE,
        "home",
        "with other bridges",
        {"elsewhere": outside},
        {"elsewhere": outside + 1},
    )
    # So much is not what was paid in for.
    assert (then.kind, then.what) == (Kind.TOTALS, "cash for other bridges")


def test_what_is_reversed_is_owed_back_and_set_off(world: World) -> None:
    dividend = reversed_home(world, SET_OFF)
    side, owed = dividend.home, dividend.due(AT_HOME).net
    event = event_of(world)
    paid = holding(event, side.investor.address)
    assert (paid.state, paid.owed) == (State.PAID, owed)
    off = holding(event, side.buyer.address)
    assert (off.state, off.why) == (State.OFF, "reversed")
    dividend.actions.give_cash(side, side.outsider)
    repay(side, side.investor, 7)
    record = next_event(dividend, Rate(1, 4))
    side.engine.claim(record.as_tuple()[2], side.investor, 0, sender=side.investor)
    following = holding(event_of(world, record.coaf), side.investor.address)
    assert following.payment is not None
    assert following.payment.set_off == min(owed - 7, following.payment.paid.net) > 0


def test_what_is_said_to_be_owed_follows_from_what_was_paid(world: World) -> None:
    dividend = reversed_home(world, SET_OFF)
    logs, due = logs_of(world), dividend.due(AT_HOME)
    assert differences(logs) == []
    what = "owed back: held"
    other = planted(logs, "home", "ReceivableAssessed", changed(owed=more()))
    assert [shown(each) for each in differences(other)] == [
        (Kind.OWED, "home", what, {"owed": due.net}, {"owed": due.net + 1})
    ]
    entered = changed(payment=lambda paid: paid._replace(gross=paid.gross + 1, tax=paid.tax + 1))
    other = planted(logs, "home", "ReceivableAssessed", entered)
    assert [(each.kind, each.what) for each in differences(other)] == [(Kind.OWED, what)]


def test_figures_that_hide_units_are_a_share_other_than_closings_say(world: World) -> None:
    """Whoever attests them: what accounts abroad hold is in that ledger's own logs."""
    Dividend.fixed(world, hidden=5)
    (found,) = differences(logs_of(world))
    assert shown(found) == (
        Kind.SHARE,
        "home",
        "the lane to remote",
        {
            "to land at home": HOMEWARD,
            "accounts": ABROAD - HOMEWARD,
            "crossing": OUTWARD + WAITING,
        },
        {
            "to land at home": HOMEWARD,
            "accounts": ABROAD - HOMEWARD - 5,
            "crossing": OUTWARD + WAITING + 5,
        },
    )
