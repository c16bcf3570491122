"""What is due for units in pools and with other bridges: kept back, and paid to whom two keys name.

Named after what an event owes, not after who claims: nobody of record does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tallystick.actions.message import Status
from tallystick.chain import Account
from tallystick.token.position import AccountClass
from tests.support.actions import ACCOUNTS, APPLE, COAF, EXEMPT, STATUTORY, Actions, begin
from tests.support.world import ISSUE, STATED, ZERO, Side, World, refused

pytestmark = pytest.mark.requirement("R-46", "INV-6")

CLOSE, POOLED, OUTSIDE = APPLE.record_day, 3_000_011, 700_003
PAY = "set_pool_payee(address,address,bytes4,bytes32)"
ONLY_THE_PAYEE = "payments: only the holder, till relief ends"


def word(account: Any) -> bytes:
    """An account as the name of a part."""
    return bytes(12) + bytes.fromhex(str(getattr(account, "address", account))[2:])


def gross(units: int) -> int:
    """What so many base units are due."""
    return units * 41 // 50


@dataclass(frozen=True)
class Pooled:
    """An event fixed at home: units in a pool, units with another bridge; cash is at hand.

    The fund is the pool. No lane carries anything.
    """

    actions: Actions

    @property
    def world(self) -> World:
        """Both ledgers."""
        return self.actions.world

    @property
    def side(self) -> Side:
        """Home."""
        return self.actions.home

    @property
    def pool(self) -> Account:
        """The pool."""
        return self.side.fund

    @property
    def elsewhere(self) -> bytes:
        """Under what name home keeps what is with other bridges."""
        return word(self.side.token)

    def fund(self, part: bytes = ACCOUNTS) -> Pooled:
        """The paying agent pays in for a part."""
        self.actions.fund(self.side, APPLE, part)
        return self

    def set_aside(self, pool: Any = None) -> Any:
        """Somebody has a pool's units kept back."""
        side = self.side
        return side.engine.set_aside(COAF, pool or self.pool, 0, sender=side.courier)

    def claim(self, pool: Any = None, sender: Any = None) -> Any:
        """Somebody has it paid."""
        side = self.side
        return side.engine.claim_pool(COAF, pool or self.pool, sender=sender or side.courier)

    def name(self, pool: Any = None) -> Account:
        """Two keys name the auditor, who pays the holders elsewhere."""
        payee = self.side.upgrader
        self.actions.set_pool_payee(self.side, pool or self.pool, payee)
        return payee

    def part(self, name: bytes) -> tuple[bool, int, int]:
        """Whether a part is funded; units and cash left of it."""
        is_open, units, cash = self.side.engine.part_of(COAF, name)
        return is_open, units, cash

    def begin(self, day: int) -> Pooled:
        """A business day begins."""
        begin(self.side, day)
        return self


@pytest.fixture
def pooled(actions: Actions) -> Pooled:
    side = actions.home
    actions.take(actions.in_force(APPLE))
    side.set_class(side.fund, AccountClass.POOL)
    side.token.transfer(side.fund, POOLED, sender=side.investor)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, OUTSIDE, sender=side.investor)
    side.token.crosschainBurn(side.investor, OUTSIDE, sender=bridge.address)
    actions.close(CLOSE)
    actions.fix(APPLE)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    actions.set_pay_terms(side)
    actions.give_cash(side, side.paying_agent)
    return Pooled(actions)


# ------------------------------------------------------------------------------ the token tells


def test_a_pool_s_units_are_told_by_its_class_of_then(pooled: Pooled) -> None:
    side, token = pooled.side, pooled.side.token
    assert token.pooled_at_close(pooled.pool, CLOSE, 0) == POOLED
    for account in (side.investor, side.custody, side.token, ZERO):
        assert token.pooled_at_close(account, CLOSE, 0) == 0
    token.transfer(side.buyer, POOLED, sender=pooled.pool)
    side.set_class(pooled.pool, AccountClass.HOLDER)
    assert token.pooled_at_close(pooled.pool, CLOSE, 0) == POOLED


# -------------------------------------------------------------------------------- setting aside


def test_a_pool_s_part_is_taken_out_of_that_of_accounts(pooled: Pooled) -> None:
    pooled.fund()
    own = ISSUE - OUTSIDE
    assert pooled.part(ACCOUNTS) == (True, own, gross(own))
    receipt = pooled.set_aside()
    assert receipt.return_value == POOLED
    assert receipt.events == (
        pooled.side.engine.emitted("PoolSetAside", COAF, pooled.pool, POOLED, gross(POOLED)),
    )
    assert pooled.part(ACCOUNTS) == (True, own - POOLED, gross(own) - gross(POOLED))
    assert pooled.part(word(pooled.pool)) == (True, POOLED, gross(POOLED))
    assert not pooled.side.engine.is_paid(COAF, pooled.pool)


def test_everybody_else_is_paid_in_full_besides(pooled: Pooled) -> None:
    """Whatever the order: the sum due is never less than what is due for each."""
    side = pooled.fund().side
    pooled.set_aside()
    pooled.begin(APPLE.relief_until + 1)
    side.engine.push(COAF, [side.investor, side.buyer], [], sender=side.courier)
    is_open, units, cash = pooled.part(ACCOUNTS)
    assert (is_open, units) == (True, 0)
    assert 0 <= cash < 3


def test_it_is_set_aside_once(pooled: Pooled) -> None:
    pooled.fund().set_aside()
    with refused(pooled.world, "payments: set aside already"):
        pooled.set_aside()
    pooled.name()
    pooled.begin(APPLE.relief_until + 1).claim()
    with refused(pooled.world, "payments: set aside already"):
        pooled.set_aside()


def test_only_a_pool_of_that_close_is_set_aside(pooled: Pooled) -> None:
    """No holder, no lane's custody, and nothing of the token's own."""
    side = pooled.fund().side
    later = side.courier
    side.set_class(later, AccountClass.POOL)
    side.token.admit(later, 40_000, *STATED, sender=side.registrar)
    side.token.transfer(later, 5, sender=side.investor)
    for account in (side.investor, side.custody, side.token, later, ZERO):
        with refused(pooled.world, "payments: no pool then"):
            pooled.set_aside(account)


def test_a_custody_that_holds_a_lane_s_units_is_never_set_aside(actions: Actions) -> None:
    """They are entitled on the ledger where they are, or land."""
    side = actions.home
    actions.in_force(APPLE)
    actions.world.arrived(1_000)
    begin(side, CLOSE + 1)
    actions.fix(APPLE)
    actions.set_pay_terms(side)
    actions.give_cash(side, side.paying_agent)
    actions.fund(side, APPLE)
    assert side.token.balance_at_close(side.custody, CLOSE, 0) == 1_000
    with refused(actions.world, "payments: no pool then"):
        side.engine.set_aside(COAF, side.custody, 0, sender=side.courier)


def test_nothing_is_set_aside_from_what_is_not_funded(pooled: Pooled) -> None:
    with refused(pooled.world, "payments: nothing to set aside from"):
        pooled.set_aside()
    pooled.actions.fund(pooled.side, APPLE, most=5)
    with refused(pooled.world, "payments: not funded in full"):
        pooled.set_aside()


def test_after_expiry_nothing_is_set_aside(pooled: Pooled) -> None:
    """What nobody set aside returns with what accounts did not claim."""
    pooled.fund().begin(APPLE.expires)
    with pooled.world.isolated():
        assert pooled.set_aside().return_value == POOLED
    pooled.begin(APPLE.expires + 1)
    with refused(pooled.world, "payments: nothing to set aside from"):
        pooled.set_aside()
    back = pooled.side.engine.expire(COAF, ACCOUNTS, sender=pooled.side.courier)
    assert back.return_value == gross(ISSUE - OUTSIDE)


def test_of_an_event_that_is_off_nothing_is_set_aside(pooled: Pooled) -> None:
    """What was, goes back."""
    pooled.fund().set_aside()
    side, cancelled = pooled.side, APPLE.successor()
    pooled.actions.in_force(cancelled, Status.CANCELLED)
    with refused(pooled.world, "payments: event unknown, or off"):
        pooled.set_aside()
    back = side.engine.expire(COAF, word(pooled.pool), sender=side.courier)
    assert back.return_value == gross(POOLED)


# -------------------------------------------------------------------------------------- payee


def test_two_keys_name_who_is_paid(pooled: Pooled) -> None:
    side, engine, payee = pooled.side, pooled.side.engine, pooled.side.upgrader
    terms = (pooled.pool, payee, *STATED)
    proposed = engine.propose_pool_payee(*terms, sender=side.paying_agent)
    act = proposed.return_value
    assert engine.emitted("PoolPayeeProposed", act, pooled.pool, payee) in proposed.events
    assert engine.pool_payee(pooled.pool) == ZERO
    receipt = engine.set_pool_payee(*terms, sender=side.issuer)
    assert receipt.events == (
        side.act(engine, PAY, pooled.pool, side.issuer),
        engine.emitted("PoolPayeeSet", pooled.pool, payee),
    )
    assert engine.pool_payee(pooled.pool) == payee.address


def test_one_key_names_nobody(pooled: Pooled) -> None:
    side, terms = pooled.side, (pooled.pool, pooled.side.upgrader, *STATED)
    with refused(pooled.world, "access: act not proposed"):
        side.engine.set_pool_payee(*terms, sender=side.issuer)
    side.engine.propose_pool_payee(*terms, sender=side.paying_agent)
    with refused(pooled.world, "access: act not proposed"):
        side.engine.set_pool_payee(pooled.pool, side.issuer, *STATED, sender=side.issuer)


def test_accounts_have_no_payee_of_all(pooled: Pooled) -> None:
    """Under no address lies what is due to all accounts."""
    side = pooled.fund().side
    side.engine.propose_pool_payee(ZERO, side.upgrader, *STATED, sender=side.paying_agent)
    with refused(pooled.world, "pay_terms: pool of nobody"):
        side.engine.set_pool_payee(ZERO, side.upgrader, *STATED, sender=side.issuer)
    pooled.begin(APPLE.relief_until + 1)
    with refused(pooled.world, "payments: no payee named"):
        pooled.claim(ZERO)


def test_a_pool_names_nobody_itself(pooled: Pooled) -> None:
    """A bridge that calls whatever it is told to could be told this."""
    pooled.fund().set_aside()
    pooled.side.engine.set_payee(pooled.side.attacker, sender=pooled.pool)
    payee = pooled.name()
    pooled.begin(APPLE.relief_until + 1).claim()
    assert pooled.side.cash.balanceOf(pooled.side.attacker) == 0
    assert pooled.side.cash.balanceOf(payee) > 0


# ---------------------------------------------------------------------------------- payment


@pytest.mark.parametrize("place", ["pool", "elsewhere"])
def test_what_is_kept_back_is_paid_to_whom_two_keys_named(pooled: Pooled, place: str) -> None:
    """Gross less the tax of the pool's own category; then nothing is left of it."""
    side, pool = pooled.side, pooled.pool if place == "pool" else pooled.side.token
    units = POOLED if place == "pool" else OUTSIDE
    if place == "pool":
        pooled.fund().set_aside()
    else:
        pooled.fund(pooled.elsewhere)
    payee = pooled.name(pool)
    pooled.begin(APPLE.relief_until + 1)
    receipt = pooled.claim(pool)
    tax = STATUTORY.down(gross(units))
    net = gross(units) - tax
    assert receipt.return_value == net
    assert receipt.events == (
        side.engine.emitted("Paid", COAF, pool, bytes(32), (units, gross(units), tax), payee),
        side.cash.emitted("Transfer", side.engine, payee, net),
    )
    assert pooled.part(word(pool)) == (True, 0, 0)
    assert side.engine.withheld(COAF, word(pool)) == tax
    assert side.engine.is_paid(COAF, pool)
    with refused(pooled.world, "payments: paid already"):
        pooled.claim(pool)


def test_tax_is_by_the_category_of_the_pool(pooled: Pooled) -> None:
    side = pooled.fund().side
    pooled.set_aside()
    payee = pooled.name()
    side.engine.set_tax_category([pooled.pool], 3, *STATED, sender=side.paying_agent)
    pooled.begin(APPLE.relief_until + 1)
    assert pooled.claim().return_value == gross(POOLED) - EXEMPT.down(gross(POOLED))
    assert side.cash.balanceOf(payee) == gross(POOLED)


def test_it_has_no_expiry(pooled: Pooled) -> None:
    """Nobody was named in time: it waits for years, and nothing of it returns, nor is noticed.

    Whatever closes of the lane are reconciled: neither is any lane's.
    """
    pooled.fund().fund(pooled.elsewhere).set_aside()
    side, actions, day = pooled.side, pooled.actions, APPLE.expires + 2_000
    actions.close(day)
    actions.take_figures(actions.figures(day))
    actions.reconcile(day)
    assert side.engine.reconciliation_of(pooled.world.lane).day == day
    for pool in (pooled.pool, side.token):
        with refused(pooled.world, "payments: no payee named"):
            pooled.claim(pool)
        with refused(pooled.world, "payments: units may still land"):
            side.engine.expire(COAF, word(pool), sender=side.courier)
        assert tuple(side.engine.expiry_notice(COAF, word(pool))) == (0, 0, 0)
    side.engine.expire(COAF, ACCOUNTS, sender=side.courier)
    for pool, units in ((pooled.pool, POOLED), (side.token, OUTSIDE)):
        pooled.name(pool)
        net = gross(units) - STATUTORY.down(gross(units))
        assert pooled.claim(pool).return_value == net


def test_it_is_paid_from_the_payment_day_on(pooled: Pooled) -> None:
    pooled.fund().set_aside()
    payee = pooled.name()
    with refused(pooled.world, "payments: not before payment day"):
        pooled.claim(sender=payee)
    pooled.begin(APPLE.payment_day)
    with refused(pooled.world, ONLY_THE_PAYEE):
        pooled.claim()
    with refused(pooled.world, ONLY_THE_PAYEE):
        pooled.claim(sender=pooled.pool)
    pooled.claim(sender=payee)


def test_what_was_not_set_aside_or_funded_is_not_paid(pooled: Pooled) -> None:
    side = pooled.fund().side
    for pool in (pooled.pool, side.token, side.investor):
        pooled.name(pool)
    pooled.begin(APPLE.relief_until + 1)
    for pool in (pooled.pool, side.token, side.investor):
        with refused(pooled.world, "payments: not funded in full"):
            pooled.claim(pool)


def test_a_named_payee_takes_nothing_of_a_holder(pooled: Pooled) -> None:
    """Only what has a part of its own is paid so; a holder's claim stays its own."""
    side = pooled.fund().side
    pooled.name(side.investor)
    pooled.begin(APPLE.payment_day)
    side.engine.claim(COAF, side.investor, 0, sender=side.investor)
    assert side.cash.balanceOf(side.investor) > 0
    with refused(pooled.world, "payments: not entitled"):
        side.engine.claim(COAF, pooled.pool, 0, sender=pooled.pool)
    with refused(pooled.world, "payments: not entitled"):
        side.engine.claim(COAF, side.token, 0, sender=side.token.address)


def test_a_payee_who_can_t_take_it_loses_nothing(pooled: Pooled) -> None:
    side = pooled.fund().side
    pooled.set_aside()
    payee = pooled.name()
    pooled.begin(APPLE.relief_until + 1)
    side.cash.set_blocked(payee, True, sender=side.issuer)
    with refused(pooled.world, "payments: cash refused"):
        pooled.claim()
    other = side.auditor
    pooled.actions.set_pool_payee(side, pooled.pool, other)
    pooled.claim()
    assert side.cash.balanceOf(other) > 0


def test_on_a_remote_ledger_pools_are_paid_alike(actions: Actions) -> None:
    """Out of what accounts there are owed; what is with other bridges is home's alone."""
    world, side = actions.world, actions.remote
    actions.take(actions.in_force(APPLE))
    world.arrived(1_000)
    side.set_class(side.fund, AccountClass.POOL)
    side.token.transfer(side.fund, 300, sender=side.investor)
    actions.close(CLOSE)
    actions.fix(APPLE)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    actions.take_totals(APPLE)
    actions.set_pay_terms(side)
    actions.give_cash(side, side.paying_agent)
    actions.fund(side, APPLE)
    side.engine.set_aside(COAF, side.fund, 0, sender=side.courier)
    # Nobody was paid by that: home is told of nobody, and that all is funded.
    told = side.engine.send_paid(COAF, world.lane, sender=side.courier).events[-1].args["paid"]
    assert tuple(told) == (COAF, world.lane, 0, 0, 0, 0, 0, 0, 1)
    for pool in (side.fund, side.token):
        actions.set_pool_payee(side, pool, side.upgrader)
    begin(side, APPLE.relief_until + 1)
    net = gross(300) - STATUTORY.down(gross(300))
    assert side.engine.claim_pool(COAF, side.fund, sender=side.courier).return_value == net
    with refused(world, "payments: not funded in full"):
        side.engine.claim_pool(COAF, side.token, sender=side.courier)
