"""The twelve points that the Swiss distribution module leaves open, each as it is answered here.

Amendments C-1 to C-9 and additions A-1 to A-3 to functions 27 to 32 of the CMTA's specification, as
its authors list them; `docs/actions.md` has each beside its answer.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate, entitlement
from tests.actions.test_operators import bring, signature_of, typed
from tests.support.actions import ACCOUNTS, APPLE, COAF, EXEMPT, Actions, begin
from tests.support.cash import Manners, bad_cash, new_cash
from tests.support.dividend import AT_HOME, Dividend
from tests.support.world import BUYER_UNITS, STATED, ZERO, World, refused


@pytest.fixture
def dividend(world: World) -> Dividend:
    """A dividend fixed on both ledgers."""
    return Dividend.fixed(world)


# --------------------------------------------------------------------------- additions


def test_a_1_what_nobody_claimed_goes_back_once_claims_have_expired(dividend: Dividend) -> None:
    """To the account that the terms name, of its own part alone."""
    side = dividend.paying().home
    dividend.actions.claim(side, side.investor)
    with dividend.refused("payments: claims go on"):
        side.engine.expire(COAF, ACCOUNTS, sender=side.issuer)
    begin(side, dividend.record.expires + 1)
    left = dividend.part(side)[2]
    side.engine.expire(COAF, ACCOUNTS, sender=side.outsider)
    assert side.cash.balanceOf(side.issuer) == left >= dividend.due(BUYER_UNITS).gross
    assert (
        side.cash.balanceOf(side.engine)
        == dividend.withheld(side) + (dividend.part(side, dividend.lane)[2])
    )


def test_a_2_holders_who_never_act_are_paid(dividend: Dividend) -> None:
    """Anybody pushes, many at once; one that can't be paid stops nobody."""
    side = dividend.open_to_all().home
    side.cash.set_blocked(side.buyer, True, sender=side.issuer)
    batch = [side.buyer, side.outsider, side.investor]
    receipt = side.engine.push(COAF, batch, [], sender=side.courier)
    assert receipt.return_value == 1
    assert receipt.one("Paid").account == side.investor.address
    assert side.cash.balanceOf(side.investor) == dividend.due(AT_HOME).net


def test_a_3_who_claims_for_a_holder_is_authorised_and_never_paid(dividend: Dividend) -> None:
    """By the holder's transaction (ERC-7540) or its signature (ERC-7741)."""
    side = dividend.paying().home
    only = "payments: only the holder, till relief ends"
    with dividend.refused(only):
        dividend.actions.claim(side, side.investor, sender=side.fund)
    data = typed(side)
    bring(side, data, signature_of(data, side.investor.key))
    side.engine.setOperator(side.fund, True, sender=side.buyer)
    for holder in (side.investor, side.buyer):
        dividend.actions.claim(side, holder, sender=side.fund)
    assert side.cash.balanceOf(side.fund) == 0
    assert side.cash.balanceOf(side.investor) == dividend.due(AT_HOME).net


# -------------------------------------------------------------------------- amendments


def test_c_1_a_record_day_never_means_the_balances_of_today(actions: Actions) -> None:
    """Nothing is fixed before the close, bought afterwards nothing is entitled, and a close that
    was not kept is no answer."""
    home, world, token = actions.home, actions.world, actions.home.token
    with world.isolated():
        begin(home, APPLE.record_day - 1)
        with refused(world, "events: too little notice"):
            actions.announce(APPLE)
    actions.in_force(APPLE)
    begin(home, APPLE.record_day)
    with refused(world, "book: day not closed"):
        actions.fix(APPLE)
    begin(home, APPLE.record_day + 1)
    token.transfer(home.fund, 400, sender=home.investor)
    actions.set_pay_terms(home)
    actions.fix(APPLE)
    actions.give_cash(home, home.paying_agent)
    actions.fund(home, APPLE)
    begin(home, APPLE.payment_day)
    with refused(world, "payments: not entitled"):
        actions.claim(home, home.fund)
    receipt = actions.claim(home, home.investor, hint=APPLE.record_day + 1)
    assert receipt.one("Paid").payment.units == token.balanceOf(home.investor) + 400
    # Of a day that nobody announced, the token tells nothing once its week is over.
    for day in range(APPLE.payment_day, APPLE.payment_day + 20):
        begin(home, day, 60)
        token.transfer(home.fund, 1, sender=home.investor)
    with refused(world, "book: not kept, or give a hint"):
        token.entitled_at_close(home.investor, APPLE.payment_day, 0)


def test_c_2_claims_have_a_last_day_and_it_is_in_the_record(dividend: Dividend) -> None:
    """At least 90 days after payment begins; the same on every ledger."""
    with dividend.refused("record: claims under 90 days"):
        short = {"expires": APPLE.payment_day + 89, "coaf": "US-2020-DVCA-02"}
        dividend.actions.announce(replace(APPLE, **short))
    dividend.paying().begin(APPLE.expires)
    for side in dividend.sides:
        dividend.actions.claim(side, side.buyer, sender=side.courier)
    dividend.begin(APPLE.expires + 1)
    for side in dividend.sides:
        with dividend.refused("payments: claims expired"):
            dividend.actions.claim(side, side.investor)


def test_c_3_every_claim_rounds_down_and_what_that_leaves_is_known(world: World) -> None:
    dividend = Dividend.fixed(world, replace(APPLE, rate=Rate(1, 6))).open_to_all()
    side = dividend.home
    funded = dividend.part(side)[2]
    shares = {side.investor: AT_HOME, side.buyer: BUYER_UNITS}
    side.engine.push(COAF, list(shares), [], sender=side.courier)
    dust = dividend.part(side)[2]
    assert dust == 1 == funded - sum(units // 6 for units in shares.values())
    assert side.engine.expire(COAF, ACCOUNTS, sender=side.courier).return_value == dust


@pytest.mark.parametrize("stop", ["frozen", "not admitted any more"])
def test_c_4_who_is_eligible_is_told_by_the_close_for_each_event(
    dividend: Dividend, stop: str
) -> None:
    """What stops a holder since takes nothing from it; what stands for units elsewhere is none."""
    side = dividend.open_to_all().home
    if stop == "frozen":
        side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    else:
        side.token.admit(side.investor, 1, *STATED, sender=side.registrar)
    receipt = dividend.actions.claim(side, side.investor, sender=side.courier)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)
    with dividend.refused("payments: not entitled"):
        dividend.actions.claim(side, side.custody, sender=side.courier)


def test_c_5_topping_up_changes_nobodys_share(dividend: Dividend) -> None:
    """Until all of it is there nobody is paid; then nothing more comes in."""
    side, actions = dividend.home, dividend.actions
    due = dividend.due(AT_HOME + BUYER_UNITS).gross
    dividend.begin(APPLE.payment_day)
    for most in (due // 2, due - due // 2 - 1):
        actions.fund(side, APPLE, most=most)
        with dividend.refused("payments: not funded in full"):
            actions.claim(side, side.investor)
    assert actions.fund(side, APPLE, most=due).return_value == 1
    actions.claim(side, side.investor)
    with dividend.refused("payments: funded already"):
        actions.fund(side, APPLE)
    receipt = actions.claim(side, side.buyer)
    assert receipt.events == dividend.paid(side, side.buyer, BUYER_UNITS)


def test_c_6_each_event_is_paid_in_cash_of_its_own_currency(actions: Actions) -> None:
    """An instrument's events may differ; what one is paid in stays the same once it is funded."""
    home = actions.home
    europe = replace(
        APPLE, coaf="EU-2020-DVCA-01", currency="EUR", rate=Rate(7, 10), cash_decimals=6
    )
    sides = {
        APPLE: home,
        europe: replace(home, cash=new_cash(home.chain, home.issuer)),
    }
    for record in sides:
        actions.in_force(record)
    begin(home, APPLE.record_day + 1)
    for record, side in sides.items():
        code = record.currency.encode().ljust(4, b"\0")
        actions.set_pay_terms(side, currency=code)
        actions.give_cash(side, side.paying_agent)
        actions.fix(record)
        actions.fund(side, record)
    # What is set since is for events that come.
    actions.set_pay_terms(home, cash=bad_cash(home.chain, home.issuer, Manners()).address)
    begin(home, APPLE.payment_day)
    for record, side in sides.items():
        side.engine.claim(record.as_tuple()[2], side.buyer, 0, sender=side.buyer)
        assert record.rate is not None
        due = entitlement(BUYER_UNITS, record.rate, Rate(3, 10))
        assert side.cash.balanceOf(side.buyer) == due.net


def test_c_7_the_record_day_is_the_close_that_the_token_keeps(actions: Actions) -> None:
    """There is no second list of days: confirmed, the event has the token keep it, and what is
    fixed and claimed is read from there."""
    home, token = actions.home, actions.home.token
    first = actions.in_force(APPLE).record
    assert token.announced_closes() == [APPLE.record_day]
    moved = actions.in_force(first.successor(record_day=APPLE.record_day + 1)).record
    assert sorted(token.announced_closes()) == [APPLE.record_day, moved.record_day]
    begin(home, moved.record_day)
    token.transfer(home.fund, 9, sender=home.investor)
    begin(home, moved.record_day + 1)
    actions.set_pay_terms(home)
    actions.fix(moved)
    actions.give_cash(home, home.paying_agent)
    actions.fund(home, moved)
    begin(home, moved.payment_day)
    # It bought on the first day's morrow, which counts by the second day alone.
    assert actions.claim(home, home.fund).one("Paid").payment.units == 9


def test_c_8_what_is_paid_follows_from_the_announcement_alone(dividend: Dividend) -> None:
    """Every date and amount is a number in the log; nobody parses prose."""
    side = dividend.paying().home
    (announced,) = [e for e in side.engine.events() if e.name == "EventAnnounced"]
    shown = announced.record
    receipt = dividend.actions.claim(side, side.investor)
    today = side.token.business_day()
    assert today == shown.payment_day <= shown.expires
    units = side.token.entitled_at_close(side.investor, shown.record_day, 0)
    payment = receipt.one("Paid").payment
    assert payment.gross == units * shown.numerator // shown.denominator
    assert (shown.currency, shown.cash_decimals) == (b"USD\0", side.cash.decimals())
    assert announced.record_hash == dividend.record.hash


def test_c_9_what_was_paid_in_lies_there_as_cash_until_it_is_paid_out(dividend: Dividend) -> None:
    """Smallest units of the cash, to the last: not lent, not invested, not of a token that keeps
    some."""
    side, actions = dividend.home, dividend.actions
    with dividend.isolated():
        thief = replace(side, cash=bad_cash(side.chain, side.issuer, Manners(fee=1)))
        actions.set_pay_terms(thief)
        actions.give_cash(thief, thief.paying_agent)
        with dividend.refused("payments: other cash came in"):
            actions.fund(thief, APPLE)
    side.engine.set_tax_category([side.fund], 3, *STATED, sender=side.paying_agent)
    dividend.open_to_all()

    def owed() -> int:
        held = sum(dividend.part(side, lane)[2] for lane in (ACCOUNTS, dividend.lane))
        return held + sum(dividend.withheld(side, lane) for lane in (ACCOUNTS, dividend.lane))

    assert side.cash.balanceOf(side.engine) == owed()
    actions.claim(side, side.investor, sender=side.courier)
    assert side.cash.balanceOf(side.engine) == owed()
    receipt = actions.claim_crossed(side, dividend.homeward, side.courier)
    assert receipt.events == dividend.paid(
        side, side.fund, dividend.homeward.amount, EXEMPT, message=dividend.homeward
    )
    assert side.cash.balanceOf(side.engine) == owed()
    assert side.cash.allowance(side.engine, ZERO) == 0
