"""Units that were under way at the close and went back: given up where they were bound for, and
paid where they land."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneId
from tests.actions.test_expiry import assert_rebuilt, reconciled
from tests.actions.test_payments import expire, is_paid_for
from tests.actions.test_reversal import owed_by
from tests.support.actions import (
    APPLE,
    COAF,
    TREATY,
)
from tests.support.cash import Manners, bad_cash
from tests.support.dividend import WAITING, Dividend, holders
from tests.support.returns import Returned, short_lived
from tests.support.world import STATED, UINT_MAX, write_slot

pytestmark = pytest.mark.requirement("R-43", "R-46", "INV-6")

NOT_THEN = "returned: not under way then"
PAID_ALREADY = "payments: paid already"
OFF = "payments: no such event, or off"


@pytest.fixture
def funded(dividend: Dividend) -> Dividend:
    """A dividend paid in for, of which the message outward has landed in time."""
    dividend.fund()
    dividend.world.deliver(dividend.outward)
    return dividend


@pytest.fixture(params=["from the remote ledger", "from home"])
def returned(request: pytest.FixtureRequest, funded: Dividend) -> Returned:
    """Its units under way that went back past their deadline, and landed where they had left."""
    outward = request.param == "from the remote ledger"
    return Returned.of(funded, funded.waiting if outward else funded.homeward)


# --------------------------------------------------------------------- what becomes of the cash


def test_units_that_went_back_are_paid_where_they_landed_with_cash_of_their_own(
    returned: Returned,
) -> None:
    dividend, side, lane = returned.dividend, returned.source, returned.dividend.lane
    before = [dividend.part(each, part) for each, part, _ in dividend.parts]
    owed = dividend.due(returned.message.amount)
    receipt = returned.pay()
    assert receipt.events == returned.paid()
    assert receipt.return_value == owed.net
    # It came and went: no part of this ledger paid for it, and nothing is withheld here.
    assert [dividend.part(each, part) for each, part, _ in dividend.parts] == before
    assert dividend.withheld(side, lane) == dividend.withheld(side) == 0
    assert is_paid_for(side, returned.message)
    with dividend.refused(PAID_ALREADY):
        returned.pay()


def test_their_cash_is_given_up_where_they_were_bound_for_once(returned: Returned) -> None:
    dividend, side, lane = returned.dividend, returned.bound, returned.dividend.lane
    units, due = returned.message.amount, dividend.due(returned.message.amount).gross
    _, left, cash = dividend.part(side, lane)
    receipt = returned.give_up()
    assert receipt.events == returned.given_up()
    assert receipt.return_value == due
    assert dividend.part(side, lane) == (True, left - units, cash - due)
    assert is_paid_for(side, returned.message)
    with dividend.refused(PAID_ALREADY):
        returned.give_up()


def test_neither_ledger_pays_for_them_as_if_they_had_landed(returned: Returned) -> None:
    """Their recipient never got them, and the message that took them back left after the close."""
    dividend = returned.dividend
    for given_up in (False, True):
        if given_up:
            returned.give_up()
        with dividend.refused("payments: went back"):
            dividend.actions.claim_crossed(returned.bound, returned.message, returned.sender)
        with dividend.refused("payments: not between ledgers then"):
            dividend.actions.claim_crossed(returned.source, returned.answer, returned.sender)


def test_all_that_is_paid_is_what_was_announced_and_no_part_is_short(funded: Dividend) -> None:
    home, remote = funded.sides
    back = [Returned.of(funded, each) for each in (funded.waiting, funded.homeward)]
    paid = []
    for side, account, _ in holders(funded):
        paid.append(funded.actions.claim(side, account).one("Paid"))
    paid.append(funded.actions.claim_crossed(remote, funded.outward, remote.investor).one("Paid"))
    given_up = 0
    for each in back:
        paid.append(each.pay().one("Paid"))
        given_up += each.give_up().return_value
    assert sum(event.payment.units for event in paid) == home.token.totalSupply()
    brought = sum(funded.due(each.message.amount).gross for each in back)
    assert given_up == brought
    for side, lane, _ in funded.parts:
        is_open, units, cash = funded.part(side, lane)
        assert (is_open, units) == (True, 0)
        assert cash <= 2
    # Home's bounds of what the other ledger paid hold: what it gave up it did not pay.
    told = funded.actions.paid()
    assert told.crossing_units == funded.outward.amount
    funded.actions.take_paid(told)
    assert_rebuilt(funded)


def test_money_tax_and_set_off_follow_the_account_that_they_landed_with(
    returned: Returned,
) -> None:
    dividend, side, sender = returned.dividend, returned.source, returned.sender
    side.engine.set_tax_category([sender], 1, *STATED, sender=side.paying_agent)
    side.engine.set_payee(side.fund, sender=sender)
    with dividend.isolated():
        assert returned.pay().events == returned.paid(receiver=side.fund, tax=TREATY)
    owed = dividend.due(returned.message.amount, TREATY).net - 5
    write_slot(side.engine, (owed << 128) | owed, "payments", "_owed", sender, side.cash)
    word = int.from_bytes(bytes.fromhex(str(side.fund.address)[2:]), "big")
    write_slot(side.engine, word | 1 << 160 | 1 << 164, "pay_terms", "_payees", sender)
    receipt = returned.pay()
    assert receipt.return_value == 5
    assert receipt.one("SetOff").amount == owed
    assert owed_by(side, sender) == (0, 0)
    moved = [tuple(event.args.values()) for event in receipt.named("Transfer")][2:]
    assert moved == [
        (side.engine.address, side.issuer.address, owed),
        (side.engine.address, side.fund.address, 5),
    ]


def test_who_got_what_came_back_instead_of_the_sender_is_paid(funded: Dividend) -> None:
    """Two roles redirect it at the source, as any message."""
    returned = Returned.of(funded, funded.waiting, landed=False)
    side = returned.source
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    assert not funded.world.deliver(returned.answer).return_value
    with funded.refused("payments: did not land here"):
        returned.pay()
    redirected = (returned.answer.as_tuple(), side.buyer.address, *STATED)
    side.escrow.propose_redirect(*redirected, sender=side.registrar)
    side.escrow.redirect(*redirected, sender=side.custodian)
    assert returned.pay().events == returned.paid(side.buyer)


def test_a_refund_takes_nothing_from_what_others_are_paid_with(funded: Dividend) -> None:
    """The last holder of either ledger is paid in full, whoever was paid before."""
    returned = Returned.of(funded, funded.waiting)
    funded.begin(max(int(side.token.business_day()) for side in funded.sides) + 1)
    returned.pay()
    returned.give_up()
    for side, account, units in reversed(list(holders(funded))):
        assert funded.actions.claim(side, account).events == funded.paid(side, account, units)


# -------------------------------------------------------------------------- who is refused


def test_nothing_is_paid_before_what_came_back_has_landed(funded: Dividend) -> None:
    returned = Returned.of(funded, funded.waiting, landed=False)
    with funded.refused("payments: did not land here"):
        returned.pay()
    # What it left is given up meanwhile: whoever gets it, it is not here.
    returned.give_up()
    funded.world.deliver(returned.answer)
    returned.pay()


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": 9},
        {"amount": WAITING + 1},
        {"kind": 2},
        {"lock_time": 1},
        {"sender": bytes(32)},
        {"lane": bytes(32)},
        {"codec": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_message_that_the_one_that_landed_does_not_answer_is_paid_for_to_nobody(
    funded: Dividend, changed: dict[str, Any]
) -> None:
    returned = Returned.of(funded, funded.waiting)
    other = replace(returned, message=replace(returned.message, **changed))
    with funded.refused("payments: did not land here"):
        other.pay()
    for answer in (replace(returned.answer, nonce=7), replace(returned.answer, lock_time=1)):
        with funded.refused("payments: did not land here"):
            replace(returned, answer=answer).pay()


def test_units_that_landed_or_wait_are_not_given_up(funded: Dividend) -> None:
    side = funded.remote
    funded.begin(APPLE.payment_day)
    for message in (funded.outward, funded.waiting, funded.homeward):
        with funded.refused("returned: may be claimed"):
            side.engine.give_up(COAF, message.as_tuple(), sender=side.outsider)


def test_units_that_left_after_the_close_are_no_part_of_it(funded: Dividend) -> None:
    message = short_lived(funded.world, funded.home, funded.remote.outsider, 7, days=9)
    returned = Returned.of(funded, message)
    with funded.refused(NOT_THEN):
        returned.give_up()
    with funded.refused(NOT_THEN):
        returned.pay()


@pytest.mark.parametrize("act", ["give_up", "pay"])
def test_units_in_others_than_the_event_s_wait(funded: Dividend, act: str) -> None:
    """As if they had left after a ratio that the event is before."""
    returned = Returned.of(funded, funded.waiting)
    day = Landing.unpack(int(returned.bound.escrow.landed(returned.message.id)))
    assert day is not None
    assert day.how is Landed.WENT_BACK
    other = replace(returned.message, action_epoch=1)
    answer = replace(returned.answer, sender=other.id, action_epoch=1)
    write_slot(returned.bound.escrow, day.pack(), "transit", "landed", other.id)
    write_slot(returned.source.escrow, day.pack(), "transit", "landed", answer.id)
    with funded.refused("payments: in other units"):
        getattr(Returned(funded, other, answer), act)()


def test_a_lane_whose_figures_are_contradicted_waits_at_home(funded: Dividend) -> None:
    back = [Returned.of(funded, each) for each in (funded.waiting, funded.homeward)]
    actions, day = funded.actions, funded.record.record_day
    told = actions.figures(day)
    actions.take_figures(replace(told, supply=told.supply + 1, suspense=told.suspense + 1))
    outward, homeward = back
    with funded.refused("returned: lane is halted"):
        outward.pay()
    with funded.refused("returned: lane is halted"):
        homeward.give_up()
    # Abroad nobody knows of it, and what is there was fixed.
    homeward.pay()
    outward.give_up()


def test_a_lane_of_another_instrument_gives_no_claim(funded: Dividend) -> None:
    """The escrow serves many, and keeps landings of all of them; home has no figures of theirs."""
    returned = Returned.of(funded, funded.waiting)
    landing = int(returned.source.escrow.landed(returned.answer.id))
    lane = LaneId(bytes([7]) * 32)
    for side, kinds, reason in (
        (funded.home, (1, 6), "returned: lane is halted"),
        (funded.remote, (2, 5), "figures: of another's lane"),
    ):
        message = replace(returned.message, lane=lane, kind=kinds[0])
        answer = replace(returned.answer, lane=lane, kind=kinds[1], sender=message.id)
        write_slot(side.escrow, landing, "transit", "landed", answer.id)
        with funded.refused(reason):
            words = (message.as_tuple(), answer.nonce, answer.lock_time)
            side.engine.pay_returned(COAF, *words, sender=side.paying_agent)


def test_a_ledger_that_knows_no_terms_of_the_event_yet_pays_nothing(dividend: Dividend) -> None:
    returned = Returned.of(dividend, dividend.waiting)
    for act in (returned.give_up, returned.pay):
        with dividend.refused("payments: not funded yet"):
            act()
    # Whoever pays in nothing enters them; only what is kept takes cash.
    for side in dividend.sides:
        dividend.actions.fund(side, dividend.record, most=0)
    returned.pay()
    with dividend.refused("payments: not funded in full"):
        returned.give_up()
    dividend.fund_of(returned.bound, dividend.lane)
    returned.give_up()


def test_nothing_of_an_event_that_is_halted_or_reversed_is_paid(returned: Returned) -> None:
    dividend = returned.dividend
    totals = dividend.actions.totals(dividend.record, accounts=1)
    with dividend.isolated():
        dividend.actions.take_totals(dividend.record, totals)
        with dividend.refused(OFF):
            (returned.pay if returned.source is dividend.remote else returned.give_up)()
    dividend.actions.reversed(dividend.record)
    for act in (returned.give_up, returned.pay):
        with dividend.refused(OFF):
            act()


def test_who_brings_too_little_or_bad_cash_has_nobody_paid(funded: Dividend) -> None:
    returned = Returned.of(funded, funded.waiting)
    side, stranger = returned.source, returned.source.attacker
    due = funded.due(WAITING).gross
    side.cash.mint(stranger, due, sender=side.issuer)
    side.cash.approve(side.engine, due - 1, sender=stranger)
    with funded.refused("cash: allowance too low"):
        returned.pay(payer=stranger)
    side.cash.approve(side.engine, UINT_MAX, sender=stranger)
    with funded.isolated():
        assert returned.pay(payer=stranger).events == returned.paid(payer=stranger)
    side.cash.transfer(side.issuer, 1, sender=stranger)
    with funded.refused("cash: balance too low"):
        returned.pay(payer=stranger)


def test_cash_that_takes_a_fee_pays_nobody(dividend: Dividend) -> None:
    side = replace(
        dividend.home, cash=bad_cash(dividend.home.chain, dividend.home.issuer, Manners(fee=1))
    )
    dividend.actions.set_pay_terms(side)
    dividend.actions.give_cash(side, side.paying_agent)
    dividend.actions.fund(side, dividend.record, most=0)
    returned = Returned.of(dividend, dividend.waiting)
    with dividend.refused("payments: other cash came in"):
        returned.pay()


# ----------------------------------------------------------------------------------- expiry


def test_what_expired_with_a_part_is_not_given_up_again(funded: Dividend) -> None:
    """It had gone back by the close that was noticed, and nothing was to land then."""
    returned = Returned.of(funded, funded.waiting)
    side, lane, due = returned.bound, funded.lane, funded.due(WAITING).gross
    reconciled(funded, APPLE.expires)
    expire(side, lane)
    with funded.isolated():
        # Between the two calls either way is one.
        returned.give_up()
    funded.begin(APPLE.expires + 91)
    assert expire(side, lane).one("EventExpired").amount >= due
    before = funded.part(side, lane), side.cash.balanceOf(side.engine)
    with funded.refused("returned: expired already"):
        returned.give_up()
    assert before == (funded.part(side, lane), side.cash.balanceOf(side.engine))
    # Where they landed it is paid all the same.
    returned.pay()


def test_what_stayed_when_a_part_expired_is_given_up_when_it_goes_back(funded: Dividend) -> None:
    side, lane = funded.remote, funded.lane
    reconciled(funded, APPLE.expires)
    expire(side, lane)
    funded.begin(APPLE.expires + 91)
    expire(side, lane)
    assert funded.part(side, lane)[1] == WAITING
    returned = Returned.of(funded, funded.waiting)
    assert returned.give_up().events == returned.given_up()
    assert funded.part(side, lane)[:2] == (True, 0)


# --------------------------------------------------------------------------------- reversal


def test_what_was_paid_for_units_that_came_back_is_owed_by_whom_they_landed_with(
    returned: Returned,
) -> None:
    dividend, side = returned.dividend, returned.source
    side.engine.set_tax_category([returned.sender], 1, *STATED, sender=side.paying_agent)
    returned.pay()
    returned.give_up()
    # Whoever has the units now, and of whatever category.
    side.engine.set_tax_category([returned.sender], 0, *STATED, sender=side.paying_agent)
    due = dividend.due(returned.message.amount, TREATY)
    with dividend.refused("reversal: event is not reversed"):
        returned.assess()
    dividend.actions.reversed(dividend.record)
    receipt = returned.assess()
    assert receipt.return_value == due.net
    owed = receipt.one("ReceivableAssessed")
    assert (owed.account, bytes(owed.message_id)) == (returned.sender.address, returned.message.id)
    assert tuple(side.engine.receivable_of(COAF, returned.message.id)) == (True, due.net, due.tax)
    assert owed_by(side, returned.sender)[0] == due.net
    with dividend.refused("reversal: assessed already"):
        returned.assess()
    # Where it was given up nobody was paid, and nobody owes.
    with dividend.refused("reversal: given up"):
        returned.bound.engine.assess_crossed(
            COAF, returned.message.as_tuple(), sender=returned.bound.courier
        )


def test_who_was_not_paid_for_what_came_back_owes_nothing(returned: Returned) -> None:
    returned.dividend.actions.reversed(returned.dividend.record)
    with returned.dividend.refused("reversal: nothing was paid"):
        returned.assess()
