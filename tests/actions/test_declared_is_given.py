"""What a dividend declares is what holders were given, or have still to get: from logs alone."""

from __future__ import annotations

import pytest

from tallystick.status.declared import What
from tallystick.status.reconciled import State
from tallystick.token.position import date_of
from tests.actions.test_payments import elsewhere
from tests.support.actions import ACCOUNTS, APPLE, COAF, EXEMPT, STATUTORY, TREATY
from tests.support.declared import (
    event_of,
    holding,
)
from tests.support.dividend import (
    AT_HOME,
    BOUGHT,
    HOMEWARD,
    INVESTOR_ABROAD,
    OUTWARD,
    WAITING,
    Dividend,
    crossed,
    holders,
)
from tests.support.returns import Returned
from tests.support.world import BUYER_UNITS, ISSUE, STATED

pytestmark = pytest.mark.requirement("INV-6", "R-46")


def pay_all(dividend: Dividend) -> Dividend:
    """Everybody claims, whatever for."""
    for side, account, _ in holders(dividend):
        dividend.actions.claim(side, account)
    for side, account, message in crossed(dividend):
        dividend.actions.claim_crossed(side, message, account)
    return dividend


def test_before_anybody_is_paid_all_is_open_and_says_why(dividend: Dividend) -> None:
    event = event_of(dividend.world)
    assert {(each.state, each.why) for each in event.holdings} == {
        (State.OPEN, "not funded in full"),
        (State.OPEN, "not landed"),
    }
    assert sum(each.units for each in event.holdings) == ISSUE
    # Before there are terms nobody knows the tax; here there are.
    assert holding(event, dividend.home.investor.address).tax == dividend.due(AT_HOME).tax


def test_every_kind_of_claim_is_paid_as_declared(dividend: Dividend) -> None:
    home, remote = dividend.sides
    for side, category in ((home, 1), (remote, 3)):
        taxed = [side.investor]
        side.engine.set_tax_category(taxed, category, *STATED, sender=side.paying_agent)
    remote.engine.set_payee(remote.fund, sender=remote.investor)
    pay_all(dividend.paying())
    # Another category since changes nothing of what was paid.
    home.engine.set_tax_category([home.investor], 0, *STATED, sender=home.paying_agent)
    dividend.actions.take_paid(dividend.actions.paid())
    event = event_of(dividend.world)
    assert {each.state for each in event.holdings} == {State.PAID}
    expected = {
        ("home", What.HELD, AT_HOME, TREATY),
        ("home", What.HELD, BUYER_UNITS, STATUTORY),
        ("home", What.LANDED, HOMEWARD, STATUTORY),
        ("remote", What.HELD, INVESTOR_ABROAD, EXEMPT),
        ("remote", What.HELD, BOUGHT, STATUTORY),
        ("remote", What.LANDED, OUTWARD, EXEMPT),
        ("remote", What.LANDED, WAITING, STATUTORY),
    }
    assert {(h.ledger, h.claim.what, h.units, h.gross, h.tax) for h in event.holdings} == {
        (ledger, what, units, dividend.due(units, tax).gross, dividend.due(units, tax).tax)
        for ledger, what, units, tax in expected
    }
    for each in event.holdings:
        assert each.payment is not None
        assert (each.payment.paid.units, each.payment.paid.gross) == (each.units, each.gross)
    assert [each.open.units for each in event.ledgers] == [0, 0]
    assert sum(each.given.units for each in event.ledgers) == ISSUE


def test_units_that_came_back_are_due_where_they_landed(dividend: Dividend) -> None:
    dividend.fund()
    dividend.world.deliver(dividend.outward)
    returned = Returned.of(dividend, dividend.waiting, landed=False)
    due = holding(event_of(dividend.world), returned.sender.address, What.RETURNED)
    assert (due.ledger, due.state, due.why) == ("home", State.OPEN, "on its way back")
    dividend.world.deliver(returned.answer)
    returned.source.chain.mine(1)
    due = holding(event_of(dividend.world), returned.sender.address, What.RETURNED)
    assert (due.state, due.why, due.units) == (State.OPEN, "cash to be brought", WAITING)
    returned.pay()
    returned.give_up()
    event = event_of(dividend.world)
    assert holding(event, returned.sender.address, What.RETURNED).state is State.PAID
    assert sum(each.units for each in event.holdings) == ISSUE


def test_a_payment_that_is_refused_is_open_and_one_off_the_ledger_counts(
    dividend: Dividend,
) -> None:
    side = dividend.open_to_all().home
    side.cash.set_blocked(side.investor, True, sender=side.issuer)
    side.engine.push(COAF, [side.investor, side.buyer], [], sender=side.courier)
    event = event_of(dividend.world)
    assert holding(event, side.buyer.address).state is State.PAID
    refused = holding(event, side.investor.address)
    assert (refused.state, refused.why) == (State.OPEN, "its cash was refused")
    for name, sender in (("propose", side.paying_agent), ("confirm", side.registrar)):
        elsewhere(side, f"{name}_paid_elsewhere", sender)
    paid = holding(event_of(dividend.world), side.investor.address)
    assert (paid.state, paid.tax) == (State.ELSEWHERE, dividend.due(AT_HOME).tax)


def test_what_nobody_claimed_has_lapsed_and_what_may_land_has_not(dividend: Dividend) -> None:
    dividend.fund().begin(APPLE.expires + 1)
    dividend.home.engine.expire(COAF, ACCOUNTS, sender=dividend.home.courier)
    event = event_of(dividend.world)
    lapsed = holding(event, dividend.home.investor.address)
    assert (lapsed.state, lapsed.why) == (
        State.LAPSED,
        f"not claimed by {date_of(APPLE.expires)}",
    )
    assert holding(event, dividend.home.fund.address, What.LANDED).why == "not landed"
