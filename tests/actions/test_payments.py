"""Payments: an event is funded, claimed, pushed; tax goes on, what is left goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, Status
from tallystick.actions.tax import TaxTable
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Event
from tallystick.chain.abi import keccak
from tests.support.actions import (
    ACCOUNTS,
    COAF,
    EXEMPT,
    STATUTORY,
    TREATY,
    begin,
)
from tests.support.cash import (
    BURNS_GAS,
    SAYS_FALSE,
    SILENT,
    Manners,
    bad_cash,
    behave,
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
from tests.support.world import (
    BUYER_UNITS,
    DAY,
    STATED,
    UINT_MAX,
    UNSTATED,
    Side,
)

EMPTY = bytes(32)
REFERENCE = keccak(b"payment order 17")
PAID_ALREADY = "payments: paid already"
ONLY_THE_HOLDER = "payments: only the holder, till relief ends"
NO_COAF = b"US-2020-DVCA-99".ljust(32, b"\0")


def word(account: Any) -> bytes:
    """An account as a key of what was paid."""
    return bytes(12) + bytes.fromhex(str(getattr(account, "address", account))[2:])


def is_paid_for(side: Side, message: LaneMessage) -> bool:
    """Whether a message's units were paid for."""
    crossing = (message.lane, int(message.kind), message.nonce)
    return bool(side.engine.is_crossing_paid(COAF, *crossing))


def funded(
    dividend: Dividend, side: Side, lane: bytes, amount: int, held: int, due: int, by: Account
) -> tuple[Event, ...]:
    """The events of a funding: the engine's, then its cash."""
    events = (side.engine.emitted("EventFunded", COAF, lane, by, amount, held, due),)
    if amount:
        events += (side.cash.emitted("Transfer", by, side.engine, amount),)
    return events


def pushed(side: Side, accounts: list[Any], hints: list[int] | None = None, by: Any = None) -> Any:
    """Somebody has many accounts paid."""
    return side.engine.push(COAF, accounts, hints or [], sender=by or side.courier)


def with_cash(dividend: Dividend, manners: Manners) -> Side:
    """Home as it is with cash that has such manners, in which its event is paid."""
    side = replace(dividend.home, cash=bad_cash(dividend.home.chain, dividend.home.issuer, manners))
    dividend.actions.set_pay_terms(side)
    dividend.actions.give_cash(side, side.paying_agent)
    return side


def categorise(side: Side, account: Any, category: int) -> None:
    """The paying agent enters what an account has proven."""
    side.engine.set_tax_category([account], category, *STATED, sender=side.paying_agent)


def moves_often(dividend: Dividend, side: Side) -> int:
    """The investor moves until its closing can't be told without the day of its first movement
    since, which is returned."""
    first = dividend.record.payment_day
    # The last overwrites what the second kept.
    for day in (first, first + 20, first + 28):
        begin(side, day, 60)
        side.token.transfer(side.fund, 1, sender=side.investor)
    return first


# --------------------------------------------------------------------------- funding


@pytest.mark.requirement("R-46", "R-51")
def test_each_part_is_funded_with_what_it_is_due_gross(dividend: Dividend) -> None:
    for side, lane, units in dividend.parts:
        agent, due = side.paying_agent, dividend.due(units).gross
        assert dividend.part(side, lane) == (False, 0, 0)
        receipt = dividend.actions.fund(side, dividend.record, lane)
        assert receipt.return_value == due
        assert receipt.events == funded(dividend, side, lane, due, due, due, agent)
        assert dividend.part(side, lane) == (True, units, due)


@pytest.mark.requirement("R-51")
def test_a_part_that_lacks_one_smallest_unit_pays_nobody(dividend: Dividend) -> None:
    """Nobody is paid a share of what there is."""
    side, due = dividend.home, dividend.due(AT_HOME + BUYER_UNITS).gross
    dividend.actions.fund(side, dividend.record, most=due - 1)
    assert dividend.part(side) == (False, 0, due - 1)
    dividend.begin(dividend.record.relief_until + 1)
    not_full = "payments: not funded in full"
    with dividend.refused(not_full):
        dividend.actions.claim(side, side.investor)
    with dividend.refused(not_full):
        pushed(side, [side.investor])
    dividend.actions.give_cash(side, side.fund)
    receipt = dividend.actions.fund(side, dividend.record, most=1, funder=side.fund)
    assert receipt.events == funded(dividend, side, ACCOUNTS, 1, due, due, side.fund)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


@pytest.mark.requirement("R-51")
def test_a_part_is_topped_up_by_anyone_and_never_overfunded(dividend: Dividend) -> None:
    side, due = dividend.remote, dividend.due(INVESTOR_ABROAD + BOUGHT).gross
    held = 0
    for funder, most in (
        (side.fund, 5),
        (side.outsider, 0),
        (side.attacker, 1),
        (side.fund, 2**200),
    ):
        dividend.actions.give_cash(side, funder)
        amount = min(most, due - held)
        held += amount
        receipt = dividend.actions.fund(side, dividend.record, most=most, funder=funder)
        assert receipt.return_value == amount
        assert receipt.events == funded(dividend, side, ACCOUNTS, amount, held, due, funder)
    assert side.cash.balanceOf(side.engine) == due
    with dividend.refused("payments: funded already"):
        dividend.actions.fund(side, dividend.record)


def test_cash_of_one_part_pays_no_other(dividend: Dividend) -> None:
    """The lane's cash is there; the accounts' is not."""
    side = dividend.remote
    dividend.actions.fund(side, dividend.record, dividend.lane)
    dividend.land().begin(dividend.record.payment_day)
    with dividend.refused("payments: not funded in full"):
        dividend.actions.claim(side, side.buyer)
    receipt = dividend.actions.claim_crossed(side, dividend.outward, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, OUTWARD, message=dividend.outward)


def test_what_is_no_lane_of_the_instrument_is_not_funded(dividend: Dividend) -> None:
    for side in dividend.sides:
        with dividend.refused("figures: of another's lane"):
            dividend.actions.fund(side, dividend.record, REFERENCE)


def test_only_the_record_in_force_is_funded(dividend: Dividend) -> None:
    other = replace(dividend.record, rate=Rate(83, 100))
    for side in dividend.sides:
        with dividend.refused("payments: not in force"):
            dividend.actions.fund(side, other)


def test_a_funder_without_cash_or_allowance_funds_nothing(dividend: Dividend) -> None:
    """The cash token says why."""
    side = dividend.home
    with dividend.refused("cash: allowance too low"):
        dividend.actions.fund(side, dividend.record, funder=side.fund)
    side.cash.approve(side.engine, UINT_MAX, sender=side.fund)
    with dividend.refused("cash: balance too low"):
        dividend.actions.fund(side, dividend.record, funder=side.fund)


@pytest.mark.parametrize(
    ("manners", "reason"),
    [
        (SAYS_FALSE, "payments: cash refused"),
        (replace(SAYS_FALSE, answer=(1).to_bytes(32, "big")), "payments: other cash came in"),
        (Manners(fee=1), "payments: other cash came in"),
        (Manners(answer=b"", moves=False), "payments: other cash came in"),
    ],
    ids=["says false", "does nothing", "takes a fee", "does nothing and is silent"],
)
def test_cash_that_does_not_come_in_whole_funds_nothing(
    dividend: Dividend, manners: Manners, reason: str
) -> None:
    side = with_cash(dividend, manners)
    with dividend.refused(reason):
        dividend.actions.fund(side, dividend.record)


@pytest.mark.parametrize("manners", [SILENT, Manners(answer=(1).to_bytes(32, "big") * 64)])
def test_cash_that_answers_nothing_or_too_much_pays(dividend: Dividend, manners: Manners) -> None:
    side = with_cash(dividend, manners)
    dividend.fund_of(side).begin(dividend.record.payment_day)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


def test_cash_that_calls_back_gets_nowhere(dividend: Dividend) -> None:
    """Neither a second claim, nor another's, nor an expiry, nor a view of what is half done."""
    side = with_cash(dividend, Manners())
    mock = side.chain.at("CashMock", side.cash.address)
    dividend.fund_of(side, dividend.lane).fund_of(side).begin(dividend.record.relief_until + 1)
    engine = side.engine
    calls = [
        engine.claim.encode(COAF, side.investor, 0),
        engine.claim.encode(COAF, side.buyer, 0),
        engine.push.encode(COAF, [side.buyer], []),
        engine.pass_on_tax.encode(COAF, ACCOUNTS),
        engine.expire.encode(COAF, dividend.lane),
        engine.part_of.encode(COAF, ACCOUNTS),
        engine.set_payee.encode(side.attacker),
        # Of the pieces behind.
        engine.fix.encode(COAF, (0, 0), []),
        engine.take_record.encode(
            *[dividend.actions.message(EventVersion(dividend.record)).as_tuple()],
            dividend.record.as_tuple(),
            1,
            b"",
        ),
    ]
    for number, call in enumerate(calls, start=1):
        with dividend.isolated():
            behave(side.cash, Manners(target=engine.address, callback=call))
            receipt = dividend.actions.claim(side, side.investor, sender=side.attacker)
            assert receipt.events == dividend.paid(side, side.investor, AT_HOME)
            assert (mock.succeeded(), mock.failed()) == (0, 1), number


# ---------------------------------------------------------------------------- claims


@pytest.mark.requirement("R-46", "INV-6")
def test_everybody_is_paid_once_where_they_are_and_nothing_is_left(dividend: Dividend) -> None:
    """A unit under way each way and one in suspense at the close; gross is tax and net."""
    dividend.paying()
    for side, account, units in holders(dividend):
        receipt = dividend.actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, units)
        assert receipt.return_value == dividend.due(units).net
        assert side.engine.is_paid(COAF, account)
        with dividend.refused(PAID_ALREADY):
            dividend.actions.claim(side, account)
    for side, account, message in crossed(dividend):
        assert not is_paid_for(side, message)
        receipt = dividend.actions.claim_crossed(side, message, account)
        assert receipt.events == dividend.paid(side, account, message.amount, message=message)
        assert receipt.return_value == dividend.due(message.amount).net
        assert is_paid_for(side, message)
        with dividend.refused(PAID_ALREADY):
            dividend.actions.claim_crossed(side, message, account)
    for side, lane, units in dividend.parts:
        funded, left, cash = dividend.part(side, lane)
        assert (funded, left) == (True, 0)
        # What rounding down each claim leaves.
        assert cash < (3 if units else 1)
    for side in dividend.sides:
        held = sum(dividend.part(side, lane)[2] for lane in (ACCOUNTS, dividend.lane))
        tax = sum(dividend.withheld(side, lane) for lane in (ACCOUNTS, dividend.lane))
        assert side.cash.balanceOf(side.engine) == held + tax


def test_nothing_is_paid_before_the_payment_day_begins(dividend: Dividend) -> None:
    side, record = dividend.home, dividend.record
    dividend.fund().land()
    begin(side, record.payment_day, -4)
    early = "payments: not before payment day"
    with dividend.refused(early):
        dividend.actions.claim(side, side.investor)
    with dividend.refused(early):
        dividend.actions.claim_crossed(side, dividend.homeward, side.fund)
    with dividend.refused(early):
        pushed(side, [side.investor], by=side.investor)
    begin(side, record.payment_day, -1)
    with dividend.refused(early):
        dividend.actions.claim(side, side.investor)
    begin(side, record.payment_day)
    dividend.actions.claim(side, side.investor)


def test_accounts_claim_until_the_last_day_ends(dividend: Dividend) -> None:
    side, record = dividend.home, dividend.record
    dividend.fund().land()
    begin(side, record.expires + 1, -1)
    dividend.actions.claim(side, side.buyer, sender=side.courier)
    begin(side, record.expires + 1)
    over = "payments: claims expired"
    with dividend.refused(over):
        dividend.actions.claim(side, side.investor)
    with dividend.refused(over):
        pushed(side, [side.investor])
    with dividend.refused(over):
        side.engine.propose_paid_elsewhere(
            COAF, side.investor, 0, REFERENCE, *STATED, sender=side.paying_agent
        )


def test_an_event_that_is_unknown_or_not_funded_pays_nobody(dividend: Dividend) -> None:
    side = dividend.home
    dividend.begin(dividend.record.payment_day)
    with dividend.refused("payments: not funded yet"):
        dividend.actions.claim(side, side.investor)
    with dividend.refused("payments: no such event, or off"):
        side.engine.claim(NO_COAF, side.investor, 0, sender=side.investor)
    assert side.engine.is_paid(COAF, side.investor) is False


def test_who_held_nothing_is_not_entitled(dividend: Dividend) -> None:
    """Nor are those who bought since, nor accounts that stand for units elsewhere."""
    dividend.open_to_all()
    for side in dividend.sides:
        side.token.transfer(side.fund, 5, sender=side.investor)
        for account in (side.fund, side.outsider, side.custody.address, side.engine.address):
            with dividend.refused("payments: not entitled"):
                dividend.actions.claim(side, account, sender=side.courier)


@pytest.mark.requirement("R-46")
def test_till_relief_ends_only_the_holder_claims(dividend: Dividend) -> None:
    """Who claims for a holder that still proves its relief would have it pay the highest rate."""
    side = dividend.paying().home
    begin(side, dividend.record.relief_until + 1, -DAY // 2)
    for other in (side.courier, side.issuer, side.paying_agent, side.buyer):
        with dividend.refused(ONLY_THE_HOLDER):
            dividend.actions.claim(side, side.investor, sender=other)
        with dividend.refused(ONLY_THE_HOLDER):
            dividend.actions.claim_crossed(side, dividend.homeward, other)
        with dividend.refused(ONLY_THE_HOLDER):
            pushed(side, [side.investor], by=other)
    begin(side, dividend.record.relief_until + 1, -1)
    with dividend.refused(ONLY_THE_HOLDER):
        dividend.actions.claim(side, side.investor, sender=side.courier)
    begin(side, dividend.record.relief_until + 1)
    receipt = dividend.actions.claim(side, side.investor, sender=side.attacker)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)
    receipt = dividend.actions.claim_crossed(side, dividend.homeward, side.attacker)
    assert receipt.events == dividend.paid(side, side.fund, HOMEWARD, message=dividend.homeward)


def test_an_operator_claims_and_the_holder_is_paid(dividend: Dividend) -> None:
    side = dividend.paying().home
    for holder in (side.investor, side.buyer, side.fund):
        side.engine.setOperator(side.attacker, True, sender=holder)
    receipt = dividend.actions.claim(side, side.investor, sender=side.attacker)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)
    receipt = dividend.actions.claim_crossed(side, dividend.homeward, side.attacker)
    assert receipt.events == dividend.paid(side, side.fund, HOMEWARD, message=dividend.homeward)
    side.engine.setOperator(side.attacker, False, sender=side.buyer)
    with dividend.refused(ONLY_THE_HOLDER):
        dividend.actions.claim(side, side.buyer, sender=side.attacker)


def test_money_goes_to_the_account_that_the_holder_named(dividend: Dividend) -> None:
    """Whoever claims; the payment stays the holder's own, with its own tax."""
    side = dividend.open_to_all().home
    for holder, receiver in ((side.investor, side.custodian), (side.fund, side.notary)):
        side.engine.set_payee(receiver, sender=holder)
    categorise(side, side.custodian, 3)
    receipt = dividend.actions.claim(side, side.investor, sender=side.courier)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME, receiver=side.custodian)
    receipt = dividend.actions.claim_crossed(side, dividend.homeward, side.courier)
    assert receipt.events == dividend.paid(
        side, side.fund, HOMEWARD, receiver=side.notary, message=dividend.homeward
    )


@pytest.mark.requirement("R-46")
def test_tax_is_that_of_the_holders_category_when_it_is_paid(dividend: Dividend) -> None:
    """Relief that is proven after funding counts; a category without a rate pays the highest."""
    dividend.paying()
    categories = ((1, TREATY), (3, EXEMPT), (2, STATUTORY), (15, STATUTORY))
    for (side, account, units), (category, tax) in zip(holders(dividend), categories, strict=True):
        categorise(side, account, category)
        before, due = dividend.withheld(side), dividend.due(units, tax)
        receipt = dividend.actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, units, tax)
        assert dividend.withheld(side) - before == due.tax == due.gross - due.net
    home, message = dividend.home, dividend.homeward
    categorise(home, home.fund, 3)
    receipt = dividend.actions.claim_crossed(home, message, home.fund)
    assert receipt.events == dividend.paid(home, home.fund, HOMEWARD, EXEMPT, message=message)


def test_who_is_withheld_everything_is_sent_nothing(dividend: Dividend) -> None:
    side = dividend.home
    dividend.actions.set_pay_terms(side, rates=TaxTable((Rate(1),)).pack())
    dividend.fund_of(side).begin(dividend.record.payment_day)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.return_value == 0
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME, Rate(1))[:1]


@pytest.mark.requirement("R-46")
def test_terms_of_an_event_stay_what_they_were_when_it_was_funded_first(
    dividend: Dividend,
) -> None:
    """Also for a part that is funded later, and for where tax and what is left go."""
    side = dividend.home
    dividend.actions.fund(side, dividend.record, most=1)
    other = bad_cash(side.chain, side.issuer, Manners())
    dividend.actions.set_pay_terms(
        side,
        cash=other.address,
        tax_account=side.attacker.address,
        return_account=side.attacker.address,
        rates=TaxTable((Rate(1, 2),)).pack(),
    )
    dividend.fund().land().begin(dividend.record.relief_until + 1)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)
    receipt = dividend.actions.claim_crossed(side, dividend.homeward, side.fund)
    assert receipt.events == dividend.paid(side, side.fund, HOMEWARD, message=dividend.homeward)
    tax = side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.courier).one("TaxPassedOn")
    assert tax.receiver == side.auditor.address
    begin(side, dividend.record.expires + 1)
    side.engine.expire(COAF, ACCOUNTS, sender=side.courier)
    assert side.cash.balanceOf(side.issuer) == dividend.due(BUYER_UNITS).gross + _dust(dividend)
    assert other.totalSupply() == 0


def _dust(dividend: Dividend) -> int:
    """What rounding leaves of home's accounts."""
    due = dividend.due
    return due(AT_HOME + BUYER_UNITS).gross - due(AT_HOME).gross - due(BUYER_UNITS).gross


def test_a_closing_that_needs_a_hint_is_refused_by_the_token_itself(dividend: Dividend) -> None:
    """Never read as 0: who moved long ago claims with the day of its first movement since."""
    side = dividend.paying().home
    moved = moves_often(dividend, side)
    with dividend.refused("book: not kept, or give a hint"):
        dividend.actions.claim(side, side.investor)
    with dividend.refused("book: hint is no later opening"):
        dividend.actions.claim(side, side.investor, hint=moved + 1)
    receipt = dividend.actions.claim(side, side.investor, hint=moved)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


def test_a_holder_whom_the_cash_token_blocks_keeps_its_right(dividend: Dividend) -> None:
    side = dividend.paying().home
    side.cash.set_blocked(side.investor, True, sender=side.issuer)
    with dividend.refused("payments: cash refused"):
        dividend.actions.claim(side, side.investor)
    side.cash.set_blocked(side.investor, False, sender=side.issuer)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


@pytest.mark.parametrize("stop", ["frozen", "not admitted any more", "paused"])
def test_entitlement_is_that_of_the_record_day_whatever_stops_the_holder_since(
    dividend: Dividend, stop: str
) -> None:
    side = dividend.paying().home
    if stop == "frozen":
        side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    elif stop == "paused":
        side.token.pause(7, *STATED, sender=side.guardian)
    else:
        side.token.admit(side.investor, 1, *STATED, sender=side.registrar)
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


# ---------------------------------------------------------- what was between ledgers


@pytest.mark.requirement("INV-6")
def test_units_that_have_not_landed_are_nobodys_yet(dividend: Dividend) -> None:
    """Under way, in suspense: their share waits, and is paid once they land."""
    dividend.fund().begin(dividend.record.relief_until + 1)
    for side, account, message in crossed(dividend):
        with dividend.refused("payments: landed across no close"):
            dividend.actions.claim_crossed(side, message, account)
    dividend.land()
    for side, account, message in crossed(dividend):
        receipt = dividend.actions.claim_crossed(side, message, side.courier)
        assert receipt.events == dividend.paid(side, account, message.amount, message=message)


@pytest.mark.requirement("INV-6")
def test_units_are_paid_on_the_ledger_where_they_landed_alone(dividend: Dividend) -> None:
    dividend.open_to_all()
    there = {dividend.home.chain.name: dividend.remote, dividend.remote.chain.name: dividend.home}
    for side, account, message in crossed(dividend):
        with dividend.refused("payments: landed across no close"):
            dividend.actions.claim_crossed(there[side.chain.name], message, account)


def test_a_message_is_shown_as_it_was_sent(dividend: Dividend) -> None:
    side = dividend.open_to_all().remote
    for changes in ({"amount": OUTWARD + 1}, {"recipient": word(side.attacker)}, {"lock_time": 0}):
        with dividend.refused("payments: landed across no close"):
            dividend.actions.claim_crossed(side, replace(dividend.outward, **changes), side.courier)


@pytest.mark.requirement("INV-6")
def test_units_that_crossed_another_close_are_not_paid_for_this_one(dividend: Dividend) -> None:
    """They left on the day after, or landed on the record day itself: an account had them."""
    world, side = dividend.world, dividend.remote
    later = world.locked(7)
    dividend.begin(dividend.record.payment_day)
    world.deliver(later)
    dividend.fund().land().begin(dividend.record.relief_until + 1)
    with dividend.refused("payments: not between ledgers then"):
        dividend.actions.claim_crossed(side, later, side.investor)


@pytest.mark.requirement("INV-6")
def test_units_that_landed_on_the_record_day_are_their_accounts(
    dividend: Dividend,
) -> None:
    record = replace(dividend.record, coaf="US-2020-DVCA-02")
    moved = {"record_day": 2, "figures_by": 4, "payment_day": 4, "relief_until": 4}
    first = dividend.record.payment_day + 10
    days = {name: first + more for name, more in moved.items()}
    record = replace(record, announced=first - 5, ex=first, expires=first + 400, **days)
    actions, side = dividend.actions, dividend.remote
    dividend.land()
    dividend.begin(first - 5)
    actions.take(actions.in_force(record))
    dividend.begin(record.record_day - 1)
    message = dividend.world.locked(11)
    dividend.begin(record.record_day)
    dividend.world.deliver(message)
    actions.close(record.record_day)
    actions.take_figures(actions.figures(record.record_day))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)
    for lane in (ACCOUNTS, dividend.lane):
        actions.fund(side, record, lane)
    dividend.begin(record.relief_until + 1)
    coaf = record.as_tuple()[2]
    with dividend.refused("payments: not between ledgers then"):
        side.engine.claim_crossed(coaf, message.as_tuple(), sender=side.investor)
    receipt = side.engine.claim(coaf, side.investor, 0, sender=side.courier)
    assert receipt.one("Paid").payment.units == INVESTOR_ABROAD + OUTWARD + 11


@pytest.mark.requirement("INV-7")
def test_a_halted_lane_stops_what_crossed_it_at_home_and_nobody_else(dividend: Dividend) -> None:
    """Two figures of its close are attested: nobody can tell what was under way."""
    dividend.paying()
    actions, home = dividend.actions, dividend.home
    true = actions.figures(dividend.record.record_day)
    actions.take_figures(replace(true, supply=true.supply - 1))
    with dividend.refused("payments: lane is halted"):
        actions.claim_crossed(home, dividend.homeward, home.fund)
    for side, account, units in holders(dividend):
        receipt = actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, units)
    for side, account, message in crossed(dividend):
        if side is not home:
            receipt = actions.claim_crossed(side, message, account)
            assert receipt.events == dividend.paid(side, account, message.amount, message=message)


@pytest.mark.requirement("INV-6")
def test_what_lands_after_all_claims_expired_is_paid_still(dividend: Dividend) -> None:
    """Its share can't go back to the issuer meanwhile: it has no expiry."""
    side, lane = dividend.remote, dividend.lane
    dividend.fund_of(side).begin(dividend.record.expires + 1)
    # It may be funded still, as by a lane that came late.
    dividend.fund_of(side, lane)
    with dividend.refused("payments: units may still land"):
        side.engine.expire(COAF, lane, sender=side.courier)
    dividend.land()
    for account, message in (
        (side.investor, dividend.outward),
        (side.outsider, dividend.waiting),
    ):
        receipt = dividend.actions.claim_crossed(side, message, side.courier)
        assert receipt.events == dividend.paid(side, account, message.amount, message=message)
    assert dividend.part(side, lane)[:2] == (True, 0)


# ------------------------------------------------------------------------- many at once


def _push_events(dividend: Dividend, side: Side, *paid: tuple[Any, int]) -> tuple[Event, ...]:
    """The events of payments in a batch: cash moves first there."""
    events: tuple[Event, ...] = ()
    for account, units in paid:
        entry, cash = dividend.paid(side, account, units)
        events += (cash, entry)
    return events


def test_a_batch_pays_many(dividend: Dividend) -> None:
    for side, first in ((dividend.open_to_all().home, AT_HOME), (dividend.remote, INVESTOR_ABROAD)):
        second = BUYER_UNITS if side is dividend.home else BOUGHT
        # Twice in a batch is once.
        receipt = pushed(side, [side.investor, side.buyer, side.investor])
        assert receipt.return_value == 2
        assert receipt.events == _push_events(
            dividend, side, (side.investor, first), (side.buyer, second)
        )
        assert dividend.part(side)[:2] == (True, 0)
        again = pushed(side, [side.investor, side.buyer])
        assert (again.return_value, again.events) == (0, ())


@pytest.mark.parametrize("manners", [None, BURNS_GAS, Manners()], ids=["blocks", "burns", "mock"])
def test_who_cannot_be_paid_stops_nobody_and_loses_nothing(
    dividend: Dividend, manners: Manners | None
) -> None:
    """A blocked payee, one of whom the token can't tell, one paid already, one without units, a
    link: the others are paid."""
    side = with_cash(dividend, manners) if manners else dividend.home
    moved = moves_often(dividend.fund_of(side), side)
    side.cash.set_blocked(side.buyer, True, sender=side.issuer)
    batch = [side.buyer, side.investor, side.outsider, side.custody.address, side.fund]
    before = dividend.part(side), dividend.withheld(side), side.cash.balanceOf(side.engine)
    receipt = pushed(side, batch)
    assert receipt.return_value == 0
    assert receipt.events == (side.engine.emitted("PaymentRefused", COAF, side.buyer, side.buyer),)
    assert before == (
        dividend.part(side),
        dividend.withheld(side),
        side.cash.balanceOf(side.engine),
    )
    # A bad payee costs a batch no more than this.
    assert receipt.gas_used < 600_000
    receipt = pushed(side, batch, [0, moved, 0, 0, 0])
    assert receipt.return_value == 1
    assert receipt.events == (
        side.engine.emitted("PaymentRefused", COAF, side.buyer, side.buyer),
        *_push_events(dividend, side, (side.investor, AT_HOME)),
    )
    side.cash.set_blocked(side.buyer, False, sender=side.issuer)
    receipt = pushed(side, batch, [0, moved, 0, 0, 0])
    assert receipt.events == _push_events(dividend, side, (side.buyer, BUYER_UNITS))
    assert dividend.part(side)[:2] == (True, 0)


def test_cash_that_says_no_is_no_payment(dividend: Dividend) -> None:
    side = with_cash(dividend, Manners())
    dividend.fund_of(side).begin(dividend.record.relief_until + 1)
    for answer in (bytes(32), (2).to_bytes(32, "big"), b"\0"):
        behave(side.cash, Manners(answer=answer, moves=False))
        with dividend.refused("payments: cash refused"):
            dividend.actions.claim(side, side.investor)
        receipt = pushed(side, [side.investor])
        assert receipt.events == (
            side.engine.emitted("PaymentRefused", COAF, side.investor, side.investor),
        )
    behave(side.cash, Manners())
    receipt = dividend.actions.claim(side, side.investor)
    assert receipt.events == dividend.paid(side, side.investor, AT_HOME)


def test_a_batch_has_a_hint_for_each_or_none_and_at_most_25(dividend: Dividend) -> None:
    side = dividend.open_to_all().home
    with dividend.refused("payments: one hint for each"):
        pushed(side, [side.investor, side.buyer], [0])
    with dividend.refused():
        pushed(side, [side.investor] * 26)
    assert pushed(side, [side.outsider] * 24 + [side.investor]).return_value == 1


# ---------------------------------------------------------------------------------- tax


@pytest.mark.requirement("R-46")
def test_tax_passes_on_to_its_account_alone(dividend: Dividend) -> None:
    side = dividend.paying().home
    none = "payments: nothing withheld"
    with dividend.refused(none):
        side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.courier)
    for account, units in ((side.investor, AT_HOME), (side.buyer, BUYER_UNITS)):
        dividend.actions.claim(side, account)
        tax = dividend.due(units).tax
        assert dividend.withheld(side) == tax
        receipt = side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.attacker)
        assert receipt.return_value == tax
        assert receipt.events == (
            side.engine.emitted("TaxPassedOn", COAF, ACCOUNTS, side.auditor, tax),
            side.cash.emitted("Transfer", side.engine, side.auditor, tax),
        )
        with dividend.refused(none):
            side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.courier)


def test_tax_that_its_account_can_not_take_stays_withheld(dividend: Dividend) -> None:
    side = dividend.paying().home
    dividend.actions.claim(side, side.investor)
    side.cash.set_blocked(side.auditor, True, sender=side.issuer)
    with dividend.refused("payments: cash refused"):
        side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.courier)
    assert dividend.withheld(side) == dividend.due(AT_HOME).tax


# ------------------------------------------------------------------------ what is left


def returned(
    dividend: Dividend, side: Side, lane: bytes, units: int, amount: int
) -> tuple[Event, ...]:
    """The events of a part whose rest goes back."""
    return (
        side.engine.emitted("EventExpired", COAF, lane, units, amount),
        side.cash.emitted("Transfer", side.engine, side.issuer, amount),
    )


def expire(side: Side, lane: bytes = ACCOUNTS) -> Any:
    """Anybody has what is left of a part returned."""
    return side.engine.expire(COAF, lane, sender=side.attacker)


def test_what_accounts_did_not_claim_goes_back_when_claims_have_expired(
    dividend: Dividend,
) -> None:
    side, record = dividend.paying().home, dividend.record
    dividend.actions.claim(side, side.investor)
    begin(side, record.expires + 1, -1)
    with dividend.refused("payments: claims go on"):
        expire(side)
    begin(side, record.expires + 1)
    rest = dividend.due(BUYER_UNITS).gross + _dust(dividend)
    receipt = expire(side)
    assert receipt.return_value == rest
    assert receipt.events == returned(dividend, side, ACCOUNTS, BUYER_UNITS, rest)
    # It stays open, empty: what was withheld of it is known by it.
    assert dividend.part(side) == (True, 0, 0)
    with dividend.refused("payments: nothing left"):
        expire(side)
    with dividend.refused("payments: claims expired"):
        dividend.actions.fund(side, record)
    # Tax stays where it is owed, and the lane's share is not touched.
    assert dividend.withheld(side) == dividend.due(AT_HOME).tax
    assert dividend.part(side, dividend.lane)[:2] == (True, HOMEWARD)


def test_a_part_that_was_never_funded_in_full_goes_back_too(dividend: Dividend) -> None:
    side = dividend.remote
    dividend.actions.fund(side, dividend.record, most=5)
    dividend.begin(dividend.record.expires)
    with dividend.refused("payments: claims go on"):
        expire(side)
    dividend.begin(dividend.record.expires + 1)
    with dividend.refused("payments: claims expired"):
        dividend.actions.fund(side, dividend.record)
    assert expire(side).events == returned(dividend, side, ACCOUNTS, 0, 5)
    assert dividend.part(side) == (False, 0, 0)


def test_what_rounding_left_goes_back_as_soon_as_all_are_paid(dividend: Dividend) -> None:
    side, lane = dividend.paying().remote, dividend.lane
    dividend.actions.claim_crossed(side, dividend.outward, side.investor)
    with dividend.refused("payments: claims go on"):
        expire(side, lane)
    dividend.actions.claim_crossed(side, dividend.waiting, side.outsider)
    due = dividend.due
    dust = due(OUTWARD + WAITING).gross - due(OUTWARD).gross - due(WAITING).gross
    assert dust == 1
    assert expire(side, lane).events == returned(dividend, side, lane, 0, dust)
    assert dividend.part(side, lane) == (True, 0, 0)
    with dividend.refused("payments: nothing left"):
        expire(side, lane)
    with dividend.refused("payments: funded already"):
        dividend.actions.fund(side, dividend.record, lane)


def test_a_cancelled_event_pays_nobody_and_its_funding_goes_back_at_once(
    dividend: Dividend,
) -> None:
    dividend.fund().land()
    actions = dividend.actions
    cancelled = actions.in_force(dividend.record.successor(), Status.CANCELLED)
    actions.take(cancelled)
    off = "payments: no such event, or off"
    dividend.begin(dividend.record.relief_until + 1)
    for side, account, _ in holders(dividend):
        with dividend.refused(off):
            actions.claim(side, account)
    for side, account, message in crossed(dividend):
        with dividend.refused(off):
            actions.claim_crossed(side, message, account)
    for side, lane, units in dividend.parts:
        due = dividend.due(units).gross
        assert expire(side, lane).events == returned(dividend, side, lane, units, due)
        assert dividend.part(side, lane) == (True, 0, 0)
        with dividend.refused("events: none, or cancelled"):
            actions.fund(side, dividend.record, lane)
    assert [side.cash.balanceOf(side.engine) for side in dividend.sides] == [0, 0]


@pytest.mark.requirement("INV-7")
def test_an_event_that_is_halted_on_a_ledger_is_off_there_alone(dividend: Dividend) -> None:
    """Other totals were attested: funding goes back there, home pays."""
    dividend.paying()
    actions, side, home = dividend.actions, dividend.remote, dividend.home
    true = actions.totals(dividend.record)
    actions.take_totals(dividend.record, replace(true, accounts=true.accounts + 1))
    with dividend.refused("payments: no such event, or off"):
        actions.claim(side, side.investor)
    with dividend.refused("events: halted"):
        actions.fund(side, dividend.record)
    due = dividend.due(INVESTOR_ABROAD + BOUGHT).gross
    assert expire(side).events == returned(dividend, side, ACCOUNTS, INVESTOR_ABROAD + BOUGHT, due)
    receipt = actions.claim(home, home.investor)
    assert receipt.events == dividend.paid(home, home.investor, AT_HOME)


def test_what_the_account_for_it_can_not_take_stays(dividend: Dividend) -> None:
    side = dividend.paying().home
    begin(side, dividend.record.expires + 1)
    side.cash.set_blocked(side.issuer, True, sender=side.issuer)
    with dividend.refused("payments: cash refused"):
        expire(side)


# ----------------------------------------------------------------------- paid elsewhere


def elsewhere(side: Side, function: str, by: Account, reference: bytes = REFERENCE) -> Any:
    """A holder was paid elsewhere, says one or the other."""
    act = getattr(side.engine, function)
    return act(COAF, side.investor, 0, reference, *STATED, sender=by)


@pytest.mark.requirement("R-46")
def test_two_roles_take_note_that_a_holder_was_paid_elsewhere(dividend: Dividend) -> None:
    """Its net goes to the account for what is left, its tax is withheld as anybody's."""
    side, due = dividend.paying().home, dividend.due(AT_HOME)
    payment = (due.units, due.gross, due.tax)
    engine = side.engine
    proposed = elsewhere(side, "propose_paid_elsewhere", side.paying_agent)
    act = proposed.return_value
    assert proposed.events == (
        side.act(engine, "propose_paid_elsewhere", side.investor, side.paying_agent),
        engine.emitted("ElsewhereProposed", act, COAF, side.investor, payment, REFERENCE),
    )
    receipt = elsewhere(side, "confirm_paid_elsewhere", side.registrar)
    assert receipt.events == (
        side.act(engine, "confirm_paid_elsewhere", side.investor, side.registrar),
        engine.emitted("PaidElsewhere", COAF, side.investor, payment, REFERENCE),
        side.cash.emitted("Transfer", engine, side.issuer, due.net),
    )
    assert engine.is_paid(COAF, side.investor)
    assert dividend.withheld(side) == due.tax
    assert dividend.part(side)[1] == BUYER_UNITS
    with dividend.refused(PAID_ALREADY):
        dividend.actions.claim(side, side.investor)
    with dividend.refused("access: act not proposed"):
        elsewhere(side, "confirm_paid_elsewhere", side.registrar)


def test_who_was_paid_here_was_not_paid_elsewhere(dividend: Dividend) -> None:
    side = dividend.paying().home
    elsewhere(side, "propose_paid_elsewhere", side.paying_agent)
    dividend.actions.claim(side, side.investor)
    with dividend.refused(PAID_ALREADY):
        elsewhere(side, "confirm_paid_elsewhere", side.registrar)


def test_exactly_what_was_proposed_is_confirmed(dividend: Dividend) -> None:
    """Another reference, or another tax since, is another act."""
    side = dividend.paying().home
    elsewhere(side, "propose_paid_elsewhere", side.paying_agent)
    with dividend.refused("access: act not proposed"):
        elsewhere(side, "confirm_paid_elsewhere", side.registrar, keccak(b"another"))
    with dividend.refused("access: missing role"):
        elsewhere(side, "confirm_paid_elsewhere", side.paying_agent)
    categorise(side, side.investor, 1)
    with dividend.refused("access: act not proposed"):
        elsewhere(side, "confirm_paid_elsewhere", side.registrar)


def test_a_proposal_of_a_payment_elsewhere_is_withdrawn(dividend: Dividend) -> None:
    side = dividend.paying().home
    act = elsewhere(side, "propose_paid_elsewhere", side.paying_agent).return_value
    side.engine.withdraw_proposal(act, *STATED, sender=side.guardian)
    with dividend.refused("access: act not proposed"):
        elsewhere(side, "confirm_paid_elsewhere", side.registrar)


def test_a_payment_elsewhere_states_its_reason_and_document(dividend: Dividend) -> None:
    side = dividend.paying().home
    elsewhere(side, "propose_paid_elsewhere", side.paying_agent)
    for stated, reason in UNSTATED:
        arguments = (COAF, side.investor, 0, REFERENCE, *stated)
        with dividend.refused(reason):
            side.engine.propose_paid_elsewhere(*arguments, sender=side.paying_agent)
        with dividend.refused(reason):
            side.engine.confirm_paid_elsewhere(*arguments, sender=side.registrar)


def test_nobody_was_paid_elsewhere_before_payment_begins_or_without_units(
    dividend: Dividend,
) -> None:
    side = dividend.fund().home
    with dividend.refused("payments: not before payment day"):
        elsewhere(side, "propose_paid_elsewhere", side.paying_agent)
    begin(side, dividend.record.payment_day)
    with dividend.refused("payments: not entitled"):
        side.engine.propose_paid_elsewhere(
            COAF, side.outsider, 0, REFERENCE, *STATED, sender=side.paying_agent
        )
