"""What goes wrong where an event and several ledgers meet, F3 to F15, each on both ledgers.

`docs/actions.md` has all fifteen with what holds each; those that other modules hold already are
named there and not here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate, entitlement
from tallystick.actions.message import EventVersion, Figures
from tallystick.actions.record import EventRecord, Tier
from tallystick.events.driver import Driver
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, begin
from tests.support.dividend import AT_HOME, BOUGHT, OUTWARD, WAITING, Dividend
from tests.support.world import BUYER_UNITS, DAY, ISSUE, STATED, World, refused


@pytest.fixture
def told(actions: Actions) -> Actions:
    """The dividend is in force on both ledgers, its record day has begun, terms are set."""
    for side in (actions.home, actions.remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    actions.take(actions.in_force(APPLE))
    for side in (actions.home, actions.remote):
        begin(side, APPLE.record_day)
    return actions


@pytest.fixture
def dividend(world: World) -> Dividend:
    """A dividend fixed on both ledgers, in this test alone: others here begin before it."""
    return Dividend.fixed(world)


def fixed(actions: Actions, record: EventRecord = APPLE) -> Actions:
    """What stood is told, fixed and funded on both ledgers."""
    actions.take_figures(actions.figures(record.record_day))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)
    for side in (actions.home, actions.remote):
        for lane in (ACCOUNTS, actions.world.lane):
            actions.fund(side, record, lane)
    return actions


@pytest.mark.requirement("R-41", "R-43", "INV-6")
def test_f_3_units_under_way_over_two_record_days_are_paid_for_both_once_each(
    told: Actions,
) -> None:
    world, remote = told.world, told.remote
    second = replace(APPLE, coaf="US-2020-DVCA-02", ex=0, record_day=APPLE.record_day + 2)
    told.take(told.in_force(second))
    message = world.network.lock(
        told.home.investor, remote.investor, 7_000, deadline=told.home.chain.now + 9 * DAY
    )
    told.close(APPLE.record_day)
    fixed(told)
    told.close(second.record_day)
    fixed(told, second)
    world.deliver(message)
    begin(remote, second.relief_until + 1)
    for record in (APPLE, second):
        coaf, assigned = record.as_tuple()[2], message.as_tuple()
        assert record.rate is not None
        receipt = remote.engine.claim_crossed(coaf, assigned, sender=remote.courier)
        gross = entitlement(7_000, record.rate).gross
        assert receipt.one("Paid").payment[:2] == (7_000, gross)
        with refused(world, "payments: paid already"):
            remote.engine.claim_crossed(coaf, assigned, sender=remote.courier)
        # As an account's, units count from the close after they landed.
        with refused(world, "payments: not entitled"):
            remote.engine.claim(coaf, remote.investor, 0, sender=remote.courier)
        assert tuple(remote.engine.part_of(coaf, world.lane)) == (True, 0, 0)


@pytest.mark.requirement("R-41", "INV-6")
def test_f_4_each_ledger_closes_by_its_own_clock(told: Actions) -> None:
    """Home is past its close while the other's record day goes on, and then stands still."""
    world, (home, remote) = told.world, (told.home, told.remote)
    world.arrived(5_000)
    back = world.network.burn(remote.investor, home.fund, 2_000)
    begin(home, APPLE.record_day + 1, 3_600)
    # Home has closed: what comes now was under way at that close, what leaves now is the next
    # day's on the other ledger too.
    world.deliver(back)
    later = world.network.lock(home.investor, remote.buyer, 40, deadline=home.chain.now + 9 * DAY)
    with refused(world, "transit: before its lock time"):
        world.deliver(later)
    with refused(world, "book: day not closed"):
        told.send_figures(APPLE.record_day)
    told.fix(APPLE)
    with refused(world, "cut: no figures, or two"):
        told.fix_lane(APPLE)
    # Its first block for two days.
    begin(home, APPLE.record_day + 3)
    begin(remote, APPLE.record_day + 3)
    world.deliver(later)
    figures = Figures(*told.send_figures(APPLE.record_day).one("FiguresSent").figures)
    assert (figures.supply, figures.sent) == (3_000, 2_000)
    told.take_figures(figures)
    told.fix_lane(APPLE)
    told.take_totals(APPLE)
    accounts, crossing = (home.engine.share_of(COAF, each) for each in (ACCOUNTS, world.lane))
    assert (accounts.accounts, crossing.home_crossing) == (ISSUE - 5_000, 2_000)
    assert (crossing.accounts, crossing.crossing) == (3_000, 0)
    for side in (home, remote):
        for lane in (ACCOUNTS, world.lane):
            told.fund(side, APPLE, lane)
        begin(side, APPLE.relief_until + 1)
    paid = told.claim_crossed(home, back, home.courier).one("Paid").payment.units
    for side, holders in ((home, (home.investor, home.buyer)), (remote, (remote.investor,))):
        for holder in holders:
            paid += told.claim(side, holder, sender=side.courier).one("Paid").payment.units
    assert paid == ISSUE
    with refused(world, "payments: not between ledgers then"):
        told.claim_crossed(remote, later, remote.courier)


@pytest.mark.requirement("R-41", "R-42", "INV-7")
@pytest.mark.parametrize("patient", [True, False], ids=["attestors wait", "attestors do not"])
def test_f_5_what_a_reorganisation_moves_over_the_close_is_told_once_or_stops_one_lane(
    told: Actions, patient: bool
) -> None:
    """A burn before the close and the figures that count it are taken back; the burn happens
    again, after the close."""
    world, remote = told.world, told.remote
    world.arrived(5_000)
    begin(remote, APPLE.record_day + 1, -2)
    remote.escrow.burn(
        world.lane,
        bytes(12) + bytes.fromhex(told.home.fund.address[2:]),
        2_000,
        remote.chain.now + 9 * DAY,
        sender=remote.investor,
    )
    begin(told.home, APPLE.record_day + 1)
    begin(remote, APPLE.record_day + 1)
    hasty = Figures(*told.send_figures(APPLE.record_day).one("FiguresSent").figures)
    assert (hasty.supply, hasty.sent) == (3_000, 2_000)
    driver = Driver(world.network.connection, APPLE)
    if patient:
        waits = [step.detail for step in driver.carry() if step.act == "take_figures"]
        assert waits == ["FIGURES of remote: its log is not final yet"]
    else:
        told.take_figures(hasty)
    remote.chain.reorg(2)
    begin(remote, APPLE.record_day + 1, 60)
    world.network.burn(remote.investor, told.home.fund, 2_000)
    true = Figures(*told.send_figures(APPLE.record_day).one("FiguresSent").figures)
    assert (true.supply, true.sent) == (5_000, 0)
    told.fix(APPLE)
    remote.chain.mine(3)
    if patient:
        assert [step.state for step in driver.carry() if step.act == "take_figures"] == ["executed"]
        told.fix_lane(APPLE)
        assert told.totals(APPLE).accounts == 5_000
    else:
        assert told.take_figures(true).return_value is False
        with refused(world, "cut: no figures, or two"):
            told.fix_lane(APPLE)
    # Home's accounts are paid whatever became of the lane.
    told.fund(told.home, APPLE)
    begin(told.home, APPLE.payment_day)
    receipt = told.claim(told.home, told.home.buyer)
    assert receipt.one("Paid").payment.units == BUYER_UNITS


@pytest.mark.requirement("R-40", "INV-6")
def test_f_7_a_version_that_one_ledger_knows_alone_pays_nobody_on_the_other(
    told: Actions,
) -> None:
    """Home lowers the rate on the record day; the other ledger was told of the first version."""
    world, (home, remote) = told.world, (told.home, told.remote)
    world.arrived(6_000)
    half = told.in_force(APPLE.successor(rate=Rate(41, 100)))
    told.close(APPLE.record_day)
    told.take_figures(told.figures(APPLE.record_day))
    told.fix(half.record)
    told.fix_lane(half.record)
    with refused(world, "cut: totals of another version"):
        told.take_totals(half.record)
    with refused(world, "payments: not in force"):
        told.fund(remote, half.record)
    with refused(world, "cut: not fixed yet"):
        told.fund(remote, APPLE)
    told.take(half)
    told.take_totals(half.record)
    for side in (home, remote):
        told.fund(side, half.record)
        begin(side, APPLE.payment_day)
    for side, holder, units in ((home, home.buyer, BUYER_UNITS), (remote, remote.investor, 6_000)):
        payment = told.claim(side, holder).one("Paid").payment
        assert payment.gross == units * 41 // 100


@pytest.mark.requirement("R-46", "INV-6")
def test_f_9_an_omnibus_account_is_rounded_as_one_and_what_that_makes_is_under_a_unit_a_client(
    told: Actions,
) -> None:
    """Three clients of ten base units in one account at home, or with accounts of their own
    abroad, at a sixth each: the record says whose holding is rounded, the account's."""
    world, (home, remote) = told.world, (told.home, told.remote)
    record = told.in_force(APPLE.successor(rate=Rate(1, 6))).record
    assert record.tier is Tier.ACCOUNT
    told.take(EventVersion(record))
    home.token.transfer(home.fund, 30, sender=home.investor)
    world.arrived(30)
    clients = (remote.investor, remote.buyer, remote.fund)
    for client in clients[1:]:
        remote.token.transfer(client, 10, sender=remote.investor)
    told.close(record.record_day)
    fixed(told, record)
    for side in (home, remote):
        begin(side, record.relief_until + 1)
    omnibus = told.claim(home, home.fund, sender=home.courier).one("Paid").payment.gross
    apart = [
        told.claim(remote, client, sender=remote.courier).one("Paid").payment.gross
        for client in clients
    ]
    assert (omnibus, apart) == (5, [1, 1, 1])
    assert 0 <= omnibus - sum(apart) < len(clients)
    # Both parts were funded alike; what rounding left abroad goes back to who paid it in.
    assert tuple(remote.engine.part_of(COAF, ACCOUNTS)) == (True, 0, omnibus - sum(apart))
    back = remote.engine.expire(COAF, ACCOUNTS, sender=remote.courier)
    assert back.return_value == omnibus - sum(apart)


@pytest.mark.requirement("R-43", "INV-6")
def test_f_12_a_freeze_that_lands_while_units_are_in_flight_delays_their_payment_alone(
    dividend: Dividend,
) -> None:
    remote, world = dividend.remote, dividend.world
    remote.token.setAddressFrozen(remote.investor, True, *STATED, sender=remote.custodian)
    world.deliver(dividend.outward)
    assert remote.escrow.suspended(dividend.outward.id) == OUTWARD
    dividend.fund().begin(dividend.record.relief_until + 1)
    with dividend.refused("payments: landed across no close"):
        dividend.actions.claim_crossed(remote, dividend.outward, remote.courier)
    # What was on its account is paid, and so is everybody else.
    for holder in (remote.investor, remote.buyer):
        dividend.actions.claim(remote, holder, sender=remote.courier)
    assert dividend.part(remote)[1] == 0
    remote.token.setAddressFrozen(remote.investor, False, *STATED, sender=remote.custodian)
    world.network.claim(dividend.outward)
    receipt = dividend.actions.claim_crossed(remote, dividend.outward, remote.courier)
    message = dividend.outward
    assert receipt.events == dividend.paid(remote, remote.investor, OUTWARD, message=message)


@pytest.mark.requirement("INV-6", "R-36")
@pytest.mark.parametrize("fixed", [False, True])
def test_f_12_whom_units_in_suspense_are_redirected_to_is_paid_for_them(
    dividend: Dividend, fixed: bool
) -> None:
    """By registrar and custodian, on a document, before the payment or once it goes on."""
    remote = dividend.remote
    remote.token.setAddressFrozen(remote.investor, True, *STATED, sender=remote.custodian)
    dividend.world.deliver(dividend.outward)
    if fixed:
        dividend.fund().begin(dividend.record.relief_until + 1)
    what = (dividend.outward.as_tuple(), remote.fund, *STATED)
    remote.escrow.propose_redirect(*what, sender=remote.registrar)
    remote.escrow.redirect(*what, sender=remote.custodian)
    if not fixed:
        dividend.fund().begin(dividend.record.relief_until + 1)
    receipt = dividend.actions.claim_crossed(remote, dividend.outward, remote.courier)
    message = dividend.outward
    assert receipt.events == dividend.paid(remote, remote.fund, OUTWARD, message=message)
    assert dividend.part(remote, dividend.world.lane)[1] == WAITING
    with dividend.refused("payments: paid already"):
        dividend.actions.claim_crossed(remote, dividend.outward, remote.courier)


@pytest.mark.requirement("INV-6")
def test_f_14_who_sold_or_bridged_since_is_paid_and_who_has_the_units_now_is_not(
    dividend: Dividend,
) -> None:
    home, remote = dividend.sides
    remote.token.transfer(remote.fund, BOUGHT - 400, sender=remote.buyer)
    away = dividend.world.network.burn(remote.buyer, home.fund, 400)
    home.token.transfer(home.fund, AT_HOME, sender=home.investor)
    dividend.fund().begin(dividend.record.relief_until + 1)
    dividend.world.deliver(away)
    for side, seller, units in ((remote, remote.buyer, BOUGHT), (home, home.investor, AT_HOME)):
        assert side.balance(seller) == 0
        receipt = dividend.actions.claim(side, seller, sender=side.courier)
        assert receipt.events == dividend.paid(side, seller, units)
        with dividend.refused("payments: not entitled"):
            dividend.actions.claim(side, side.fund, sender=side.courier)
    with dividend.refused("payments: not between ledgers then"):
        dividend.actions.claim_crossed(home, away, home.courier)
