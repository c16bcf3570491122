"""Set-off: what is owed of a reversed event against later cash, if its record says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.record import EventRecord
from tests.actions.test_reversal import assess, later, owed_by, repay
from tests.support.actions import APPLE, STATUTORY, begin
from tests.support.dividend import AT_HOME, Dividend
from tests.support.world import UINT_MAX, World

SET_OFF = replace(APPLE, set_off=True)


def next_event(dividend: Dividend, rate: Rate) -> EventRecord:
    """Another dividend at home, fixed and funded, on its payment day."""
    actions, home = dividend.actions, dividend.home
    record = replace(dividend.record, coaf="US-2020-DVCA-02", rate=rate)
    record = replace(record, **later(record, 90), set_off=False)
    begin(home, record.announced)
    actions.fixed_at_home(record)
    actions.fund(home, record)
    begin(home, record.payment_day)
    return record


def reversed_home(world: World, record: EventRecord) -> Dividend:
    """A dividend of whose home's accounts the investor was paid, reversed and assessed there."""
    dividend = Dividend.fixed(world, record).paying()
    side = dividend.home
    dividend.actions.claim(side, side.investor)
    dividend.actions.reversed(record)
    assess(side, side.investor)
    return dividend


@pytest.mark.requirement("R-49")
def test_what_is_owed_is_set_off_against_later_cash_if_the_record_says_so(world: World) -> None:
    dividend = reversed_home(world, SET_OFF)
    side, owed = dividend.home, dividend.due(AT_HOME).net
    assert owed_by(side, side.investor) == (owed, owed)
    # A third of what is owed, and then more than what is left.
    for rate in (Rate(1, 4), Rate(2)):
        with dividend.isolated():
            record = next_event(dividend, rate)
            coaf, held = record.as_tuple()[2], side.token.balanceOf(side.investor)
            due = rate.down(held)
            net = due - STATUTORY.down(due)
            amount = min(owed, net)
            before = side.cash.balanceOf(side.investor), side.cash.balanceOf(side.issuer)
            receipt = side.engine.claim(coaf, side.investor, 0, sender=side.investor)
            left = owed - amount
            payment = (held, due, due - net)
            events = [
                side.engine.emitted("Paid", coaf, side.investor, bytes(32), payment, side.investor),
                side.engine.emitted("SetOff", coaf, side.investor, side.cash, amount, left, left),
                side.cash.emitted("Transfer", side.engine, side.issuer, amount),
            ]
            if net != amount:
                events.append(
                    side.cash.emitted("Transfer", side.engine, side.investor, net - amount)
                )
            assert receipt.events == tuple(events)
            assert receipt.return_value == net - amount
            after = side.cash.balanceOf(side.investor), side.cash.balanceOf(side.issuer)
            assert after == (before[0] + net - amount, before[1] + amount)
            assert owed_by(side, side.investor) == (left, left)


def test_what_is_owed_is_not_set_off_if_the_record_does_not_say_so(world: World) -> None:
    dividend = reversed_home(world, APPLE)
    side = dividend.home
    record = next_event(dividend, Rate(2))
    receipt = side.engine.claim(record.as_tuple()[2], side.investor, 0, sender=side.investor)
    assert [event.name for event in receipt.events] == ["Paid", "Transfer"]
    assert owed_by(side, side.investor) == (dividend.due(AT_HOME).net, 0)


def test_nobody_else_is_set_off_against_and_no_other_cash(world: World) -> None:
    dividend = reversed_home(world, SET_OFF)
    side = dividend.home
    record = next_event(dividend, Rate(1))
    receipt = side.engine.claim(record.as_tuple()[2], side.buyer, 0, sender=side.buyer)
    assert [event.name for event in receipt.events] == ["Paid", "Transfer"]
    # A batch leaves who owes to a claim of its own, until it is repaid.
    begin(side, record.relief_until + 1)
    coaf, batch = record.as_tuple()[2], ([side.investor], [])
    receipt = side.engine.push(coaf, *batch, sender=side.courier)
    assert receipt.events == (
        side.engine.emitted("PaymentRefused", coaf, side.investor, side.investor),
    )
    dividend.actions.give_cash(side, side.outsider)
    repay(side, side.investor, UINT_MAX)
    assert owed_by(side, side.investor) == (0, 0)
    receipt = side.engine.push(coaf, *batch, sender=side.courier)
    assert [event.name for event in receipt.events] == ["Transfer", "Paid"]


def test_what_may_be_set_off_is_repaid_first(world: World) -> None:
    dividend = reversed_home(world, SET_OFF)
    side, owed = dividend.home, dividend.due(AT_HOME).net
    dividend.actions.give_cash(side, side.outsider)
    repay(side, side.investor, 7)
    assert owed_by(side, side.investor) == (owed - 7, owed - 7)
