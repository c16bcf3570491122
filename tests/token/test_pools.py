"""Pools: holders that are never entitled, made and ended under two keys while empty."""

from __future__ import annotations

import pytest

from tallystick.token.position import AccountClass
from tests.support.world import DAY, ELIGIBLE_UNTIL, STATED, ZERO, Side, World, refused

SET = "set_class(address,uint256,bytes4,bytes32)"
HOLDER, LINK, POOL = AccountClass


@pytest.fixture
def pool(home_side: Side) -> Side:
    """The home side, whose fund is an admitted pool."""
    home_side.token.admit(home_side.fund, ELIGIBLE_UNTIL, *STATED, sender=home_side.registrar)
    home_side.set_class(home_side.fund, POOL)
    return home_side


def test_custodian_makes_the_proposed_account_a_pool(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    before = token.position_of(fund)
    token.propose_class(fund, POOL, *STATED, sender=home_side.registrar)
    receipt = token.set_class(fund, POOL, *STATED, sender=home_side.custodian)
    assert receipt.events == (
        home_side.act(token, SET, fund, home_side.custodian),
        token.emitted("ClassSet", fund, POOL),
    )
    after = token.position_of(fund)
    assert (after.pool, after.link) == (True, False)
    assert after.eligible_until == before.eligible_until
    assert after.last_movement == token.business_day()


def test_a_pool_sends_and_receives_as_a_holder(pool: Side) -> None:
    pool.token.transfer(pool.fund, 30, sender=pool.investor)
    pool.token.transfer(pool.buyer, 10, sender=pool.fund)
    assert pool.balance(pool.fund) == 20


@pytest.mark.requirement("R-36")
def test_a_pool_is_frozen_and_put_under_orders(world: World, pool: Side) -> None:
    token = pool.token
    token.transfer(pool.fund, 30, sender=pool.investor)
    token.setAddressFrozen(pool.fund, True, *STATED, sender=pool.custodian)
    with refused(world, error="ERC7943CannotSend", args=(pool.fund.address,)):
        token.transfer(pool.buyer, 1, sender=pool.fund)
    token.setFrozenTokens(pool.fund, 5, *STATED, sender=pool.custodian)
    token.forcedTransfer(*pool.enter_order(pool.fund, pool.buyer, 30), sender=pool.custodian)
    assert pool.balance(pool.fund) == 0


@pytest.mark.requirement("R-41")
def test_a_pool_is_entitled_to_nothing_and_its_class_is_history(pool: Side) -> None:
    token, fund = pool.token, pool.fund
    token.transfer(fund, 30, sender=pool.investor)
    as_pool = token.business_day()
    pool.chain.set_time(pool.chain.now + DAY)
    assert token.balance_at_close(fund, as_pool, 0) == 30
    assert token.entitled_at_close(fund, as_pool, 0) == 0
    token.transfer(pool.buyer, 30, sender=fund)
    pool.set_class(fund, HOLDER)
    token.transfer(fund, 40, sender=pool.investor)
    as_holder = token.business_day()
    pool.chain.set_time(pool.chain.now + DAY)
    assert token.entitled_at_close(fund, as_holder, 0) == 40
    assert token.entitled_at_close(fund, as_pool, 0) == 0


@pytest.mark.requirement("R-41")
def test_what_a_pool_held_as_a_holder_was_its_own(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    token.transfer(fund, 30, sender=home_side.investor)
    as_holder = token.business_day()
    home_side.chain.set_time(home_side.chain.now + DAY)
    token.transfer(home_side.buyer, 30, sender=fund)
    home_side.set_class(fund, POOL)
    assert token.entitled_at_close(fund, as_holder, 0) == 30


@pytest.mark.parametrize("new", [HOLDER, LINK])
def test_a_pool_that_holds_units_stays_one(world: World, pool: Side, new: int) -> None:
    pool.token.transfer(pool.fund, 1, sender=pool.investor)
    pool.token.propose_class(pool.fund, new, *STATED, sender=pool.registrar)
    with refused(world, "controls: account holds units"):
        pool.token.set_class(pool.fund, new, *STATED, sender=pool.custodian)


def test_nobody_who_holds_units_loses_its_entitlement(world: World) -> None:
    side = world.home
    side.token.propose_class(side.investor, POOL, *STATED, sender=side.registrar)
    with refused(world, "controls: account holds units"):
        side.token.set_class(side.investor, POOL, *STATED, sender=side.custodian)


@pytest.mark.parametrize(
    ("account", "new", "reason"),
    [
        ("fund", 3, "controls: unknown class"),
        ("fund", HOLDER, "controls: class unchanged"),
        ("nobody", POOL, "controls: class of nobody"),
    ],
)
def test_what_is_no_change_of_class_is_refused(
    world: World, account: str, new: int, reason: str
) -> None:
    side = world.home
    subject = ZERO if account == "nobody" else side.fund
    side.token.propose_class(subject, new, *STATED, sender=side.registrar)
    with refused(world, reason):
        side.token.set_class(subject, new, *STATED, sender=side.custodian)


def test_a_link_account_that_becomes_a_pool_is_left_frozen_and_not_eligible(
    home_side: Side,
) -> None:
    custody = home_side.new_custody()
    home_side.set_class(custody, POOL)
    position = home_side.token.position_of(custody)
    assert (position.pool, position.link) == (True, False)
    assert (position.account_frozen, position.eligible_until) == (True, 0)


def test_a_pool_becomes_a_link_account_only_as_a_custody(world: World, pool: Side) -> None:
    pool.token.propose_class(pool.fund, LINK, *STATED, sender=pool.registrar)
    with refused(world, "controls: link is no custody"):
        pool.token.set_class(pool.fund, LINK, *STATED, sender=pool.custodian)
    custody = pool.new_custody(linked=False)
    pool.set_class(custody, POOL)
    pool.set_class(custody, LINK)
    position = pool.token.position_of(custody)
    assert (position.link, position.pool) == (True, False)
    assert pool.token.canSend.call(custody, sender=custody.address)


def test_only_what_was_a_pool_then_is_pooled_at_a_close(pool: Side) -> None:
    """Neither what a holder has, nor the issue, whose word has fields of its own."""
    token, day = pool.token, pool.token.business_day()
    token.transfer(pool.fund, 30, sender=pool.investor)
    pool.chain.advance(DAY)
    accounts = (pool.fund, pool.investor, token)
    assert [token.pooled_at_close(each, day, 0) for each in accounts] == [30, 0, 0]
