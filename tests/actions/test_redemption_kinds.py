"""Redemptions of other kinds: in part, by pool factor, of nothing due; and what one waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState, Status
from tallystick.actions.record import EventRecord
from tests.support.actions import APPLE, COAF, Actions, begin
from tests.support.arming import Arming
from tests.support.dividend import HOMEWARD, OUTWARD, WAITING, Dividend, crossed, holders
from tests.support.redeeming import PARTIAL, WHOLE, Redemption
from tests.support.world import ELIGIBLE_UNTIL, INVESTOR_UNITS, ZERO, World, refused

ISSUE = INVESTOR_UNITS + 10**11


# ----------------------------------------------------------------------- what it waits for


def test_what_is_not_due_needs_no_funding(world: World) -> None:
    """Units that are worth nothing end once home knows what there is."""
    redemption = Redemption.fixed(world, replace(WHOLE, rate=Rate(0)))
    dividend = redemption.dividend.begin(redemption.record.payment_day)
    with dividend.refused("redemption: other ledger not funded"):
        redemption.redeem()
    paid = dividend.actions.paid()
    assert (paid.funded, paid.figures) == (1, (0,) * 6)
    dividend.actions.take_paid(paid)
    redemption.redeem()


def test_what_other_bridges_have_is_funded_too(world: World) -> None:
    home = world.home
    bridge = home.foreign_bridge()
    home.token.approve(bridge, 1_000, sender=home.buyer)
    home.token.crosschainBurn(home.buyer, 1_000, sender=bridge.address)
    redemption = Redemption.fixed(world).funded()
    dividend = redemption.dividend
    with dividend.refused("redemption: other bridges not funded"):
        redemption.redeem()
    token = bytes.fromhex(home.token.address[2:].rjust(64, "0"))
    dividend.actions.fund(home, redemption.record, token)
    redemption.armed().ended()
    assert home.token.bridge_of(ZERO).went_out == 0


@pytest.mark.parametrize("record", [APPLE, replace(APPLE, caev="PRED")], ids=["DVCA", "PRED"])
def test_what_redeems_no_units_whole_leaves_them(world: World, record: EventRecord) -> None:
    dividend = Dividend.fixed(world, record)
    dividend.fund().begin(dividend.record.payment_day)
    home = dividend.home
    with dividend.refused("redemption: redeems no units whole"):
        home.engine.redeem(COAF, (0, 0), sender=home.courier)


def test_nothing_is_armed_that_is_not_fixed(world: World) -> None:
    actions = Actions(world)
    actions.in_force(WHOLE)
    begin(world.home, WHOLE.payment_day)
    with refused(world, "redemption: home's accounts not funded"):
        world.home.engine.redeem(COAF, (0, 0), sender=world.home.courier)


# --------------------------------------------------------------------------- pool factor


def test_by_pool_factor_cash_is_paid_and_units_stay(world: World) -> None:
    """A tenth of each unit's nominal is paid back; later rates are for what is left of it."""
    dividend = Dividend.fixed(world, replace(APPLE, caev="PRED", rate=Rate(1, 10))).paying()
    for side, account, units in holders(dividend):
        receipt = dividend.actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, units)
        assert receipt.one("Paid").payment.gross == units // 10
    for side, account, message in crossed(dividend):
        receipt = dividend.actions.claim_crossed(side, message, account)
        assert receipt.one("Paid").payment.units == message.amount
    home = dividend.home
    assert (home.token.totalSupply(), home.token.action_epoch()) == (ISSUE, 0)
    with dividend.refused("arming: no ratio"):
        home.engine.arm(dividend.record.as_tuple(), sender=home.courier)


# -------------------------------------------------------------------------------- in part


class Partial:
    """A quarter of each unit is redeemed: armed ahead on both ledgers, paid by the close before."""

    def __init__(self, world: World, *, late: bool = False) -> None:
        self.arming = Arming.of(world)
        remote = world.remote
        self.sides = (world.home, remote)
        self.actions, self.world = self.arming.actions, world
        for side in self.sides:
            self.actions.set_pay_terms(side)
            self.actions.give_cash(side, side.paying_agent)
        self.arming.in_force(PARTIAL)
        self.arming.arm(PARTIAL)
        if not late:
            self.arming.take(self.arming.ratio(PARTIAL))
        for side in self.sides:
            begin(side, PARTIAL.record_day)
        world.arrived(5_000_003)
        self.waiting = world.locked(WAITING, remote.outsider)
        world.deliver(self.waiting)
        self.outward, self.homeward = world.locked(OUTWARD), world.burned(HOMEWARD)
        self.held = {side.chain.name: side.balance(side.investor) for side in self.sides}
        self.actions.close(PARTIAL.record_day)

    def fix(self) -> None:
        """Figures, shares, totals; every part is paid in for, and the payment day comes."""
        self.actions.take_figures(self.arming.figures(PARTIAL.record_day))
        self.actions.fix(PARTIAL)
        self.actions.fix_lane(PARTIAL)
        self.actions.take_totals(PARTIAL)
        for side in self.sides:
            for lane in (bytes(32), self.world.lane):
                self.actions.fund(side, PARTIAL, lane)
            begin(side, PARTIAL.payment_day)


@pytest.mark.requirement("INV-6", "INV-12")
def test_in_part_cash_is_for_old_units_and_what_is_left_is_there_the_day_after(
    world: World,
) -> None:
    partial = Partial(world)
    home, remote = partial.sides
    held, carried = partial.held, lambda units: units * 3 // 4
    for side in partial.sides:
        assert side.token.action_epoch() == 1
        assert side.balance(side.investor) == carried(held[side.chain.name])
    partial.fix()
    for side in partial.sides:
        paid = partial.actions.claim(side, side.investor).one("Paid").payment
        assert (paid.units, paid.gross) == (
            held[side.chain.name],
            held[side.chain.name] * 41 // 50,
        )
    network = world.network
    network.admit(network.suite("remote"), remote.outsider, ELIGIBLE_UNTIL)
    network.claim(partial.waiting)
    lands = (
        (remote, remote.outsider, partial.waiting, WAITING),
        (remote, remote.investor, partial.outward, OUTWARD),
        (home, home.fund, partial.homeward, HOMEWARD),
    )
    for side, account, message, units in lands:
        before = 0 if message is partial.waiting else side.balance(account)
        if message is not partial.waiting:
            world.deliver(message)
        assert side.balance(account) == before + carried(units)
        receipt = partial.actions.claim_crossed(side, message, account)
        assert receipt.one("Paid").payment.units == units


@pytest.mark.requirement("INV-12")
def test_in_part_an_unfunded_payment_keeps_no_unit(world: World) -> None:
    """What is left of units is said ahead: who is not paid has the claim, as of any event."""
    partial = Partial(world)
    assert world.home.token.totalSupply() == ISSUE * 3 // 4
    with refused(world, "redemption: redeems no units whole"):
        world.home.engine.redeem(COAF, (0, 0), sender=world.home.courier)
    partial.actions.fix(PARTIAL)
    begin(world.home, PARTIAL.payment_day)
    with refused(world, "payments: not funded yet"):
        partial.actions.claim(world.home, world.home.investor)


def test_in_part_it_is_cancelled_and_withdrawn_in_time_alone(world: World) -> None:
    arming = Arming.of(world)
    second = PARTIAL.successor()
    arming.armed(PARTIAL)
    with world.isolated():
        arming.in_force(second, Status.CANCELLED)
        arming.withdraw(world.remote, PARTIAL)
        arming.take_entered(arming.dropped(second))
        arming.withdraw(world.home, PARTIAL)
        assert world.home.token.ratio_at(1).first_day == 0
    for side in (world.home, world.remote):
        begin(side, PARTIAL.record_day + 1)
    with refused(world, "events: ratio has begun"):
        arming.actions.announce(second, Status.CANCELLED)


def test_in_part_it_is_reversed_and_what_is_left_of_units_stays(world: World) -> None:
    partial = Partial(world)
    partial.fix()
    partial.actions.claim(world.home, world.home.investor)
    partial.actions.reversed(PARTIAL)
    receipt = world.home.engine.assess(COAF, world.home.investor, 0, sender=world.home.courier)
    assert receipt.one("ReceivableAssessed").payment.units == partial.held["home"]
    assert world.home.token.totalSupply() == ISSUE * 3 // 4


def test_in_part_a_ledger_that_is_told_late_pays_by_the_same_close(world: World) -> None:
    partial = Partial(world, late=True)
    remote = world.remote
    partial.arming.tell(world.home, PARTIAL)
    partial.arming.take(partial.arming.ratio(PARTIAL, state=RatioState.IN_FORCE))
    partial.fix()
    held = partial.held["remote"]
    assert remote.balance(remote.investor) == held
    assert partial.actions.claim(remote, remote.investor).one("Paid").payment.units == held
    begin(remote, int(remote.token.ratio_at(1).first_day))
    assert remote.balance(remote.investor) == held * 3 // 4


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"numerator": 1}, "arming: record says otherwise"),
        ({"numerator": 0, "denominator": 1}, "arming: record says otherwise"),
        ({"first_day": PARTIAL.record_day + 2}, "arming: record says otherwise"),
        ({"epoch": 2}, "arming: record says otherwise"),
    ],
)
def test_in_part_another_ledger_enters_what_its_record_says(
    world: World, changed: dict[str, Any], reason: str
) -> None:
    arming = Arming.of(world)
    arming.in_force(PARTIAL)
    with refused(world, reason):
        arming.take(arming.ratio(PARTIAL, **changed))
    arming.take(arming.ratio(PARTIAL))


def test_a_version_that_redeems_nothing_ends_what_one_before_said(world: World) -> None:
    """What is kept of a record follows the version in force."""
    actions = Actions(world)
    actions.in_force(WHOLE)
    actions.in_force(WHOLE.successor(caev="DVCA", left=None))
    with refused(world, "redemption: redeems no units whole"):
        world.home.engine.redeem(COAF, (0, 0), sender=world.home.courier)
