"""SCoRE 14, payments in a foreign currency: the record says in which, and nobody converts.

Shares that are quoted in dollars pay a dividend in euros: in cash of that currency on each ledger,
and on a ledger that has none, nothing yet.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate, entitlement
from tests.support.actions import ACCOUNTS, APPLE, STATUTORY, Actions, begin
from tests.support.cash import new_cash
from tests.support.world import BUYER_UNITS, refused


@pytest.mark.requirement("R-51")
def test_cash_of_another_currency_pays_nobody(actions: Actions) -> None:
    world = actions.world
    record = replace(APPLE, currency="EUR", cash_decimals=2, rate=Rate(7, 100_000))
    dollars = {side.chain.name: side.cash for side in (actions.home, actions.remote)}
    for side in (actions.home, actions.remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    actions.take(actions.in_force(record))
    world.arrived(1_000_000)
    actions.close(record.record_day)
    actions.take_figures(actions.figures(record.record_day))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)
    euros = replace(actions.home, cash=new_cash(actions.home.chain, actions.home.issuer, "EUR", 2))
    actions.set_pay_terms(euros, currency=b"EUR\0")
    actions.give_cash(euros, euros.paying_agent)
    actions.fund(euros, record)
    with refused(world, "payments: no terms of that currency"):
        actions.fund(actions.remote, record)
    begin(euros, record.payment_day)
    begin(actions.remote, record.payment_day)
    with refused(world, "payments: not funded yet"):
        actions.claim(actions.remote, actions.remote.investor)
    actions.claim(euros, euros.buyer)
    assert record.rate is not None
    assert euros.cash.balanceOf(euros.buyer) == entitlement(BUYER_UNITS, record.rate, STATUTORY).net
    for side in (actions.home, actions.remote):
        assert dollars[side.chain.name].balanceOf(side.engine) == 0
    # The other ledger waits for cash of its own, and is paid like the first.
    there = replace(
        actions.remote, cash=new_cash(actions.remote.chain, actions.remote.issuer, "EUR", 2)
    )
    actions.set_pay_terms(there, currency=b"EUR\0")
    actions.give_cash(there, there.paying_agent)
    actions.fund(there, record, ACCOUNTS)
    actions.claim(there, there.investor)
    due = entitlement(1_000_000, record.rate, STATUTORY)
    assert there.cash.balanceOf(there.investor) == due.net
