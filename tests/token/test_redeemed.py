"""Units that are redeemed: a ratio of nothing for each, the last that there is."""

from __future__ import annotations

import pytest

from tests.support.ratios import NOTICE, Engine
from tests.support.world import (
    AMOUNT_MAX,
    BUYER_UNITS,
    DAY,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    World,
    refused,
)

SUPPLY = INVESTOR_UNITS + BUYER_UNITS


@pytest.fixture
def engine(world: World) -> Engine:
    """An engine that may announce ratios on the home token."""
    return Engine.of(world.home)


def redeem(engine: Engine) -> int:
    """Announce that nothing is left of a unit, and let that day begin."""
    first = engine.day(NOTICE + 1)
    engine.announce(0, 1)
    engine.begin(first)
    return first


def test_what_the_notary_authorised_and_nobody_issued_ends_with_the_announcement(
    world: World, engine: Engine
) -> None:
    side, token = world.home, world.home.token
    unused = 1_000
    token.authorise_issuance(unused, *STATED, sender=side.notary)
    receipt = engine.announce(0, 1)
    assert receipt.events[1:] == (
        token.emitted("RatioAnnounced", engine.day(NOTICE + 1), 0, 1, side.fund),
        token.emitted("AuthorisationWithdrawn", SUPPLY, unused),
    )
    assert token.authorised() == token.totalSupply() == SUPPLY
    with refused(world, "issuance: not authorised"):
        token.mint(side.buyer, 1, *STATED, sender=side.issuer)
    with refused(world, "issuance: units are redeemed"):
        token.authorise_issuance(1, *STATED, sender=side.notary)
    # Nothing was unused: nothing is said of it.
    engine.withdraw(engine.day(NOTICE + 1))
    assert [each.name for each in engine.announce(0, 1).events] == [
        "PrivilegedAct",
        "RatioAnnounced",
    ]


def test_until_their_day_units_are_what_they_were(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    engine.announce(0, 1)
    engine.begin(engine.day(NOTICE + 1), seconds=-60)
    token.transfer(side.fund, 7, sender=side.investor)
    token.approve(side.issuer, 3, sender=side.buyer)
    token.burn(side.buyer, 3, *STATED, sender=side.issuer)
    assert (side.balance(side.fund), token.totalSupply()) == (7, SUPPLY - 3)
    assert token.authorised() == SUPPLY - 3


def test_withdrawn_in_time_the_units_stay_and_the_notary_authorises_anew(
    world: World, engine: Engine
) -> None:
    side, token = world.home, world.home.token
    engine.announce(0, 1)
    engine.withdraw(engine.day(NOTICE + 1))
    token.authorise_issuance(5, *STATED, sender=side.notary)
    token.mint(side.buyer, 5, *STATED, sender=side.issuer)
    engine.begin(engine.day(NOTICE + 2))
    assert (token.totalSupply(), token.action_epoch()) == (SUPPLY + 5, 0)


@pytest.mark.requirement("INV-12")
def test_from_its_first_moment_on_nobody_has_anything_and_past_closes_stay(
    engine: Engine,
) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.investor, 10, *STATED, sender=side.custodian)
    first = redeem(engine)
    assert (token.action_epoch(), token.totalSupply(), token.authorised()) == (1, 0, 0)
    for account in (side.investor, side.buyer):
        assert side.balance(account) == 0
        seen = token.position_of(account)
        assert (seen.balance, seen.frozen, seen.epoch) == (0, 0, 1)
    assert token.getFrozenTokens(side.investor) == 0
    kept = token.ratio_at(1)
    assert (kept.numerator, kept.denominator, kept.first_day) == (0, 1, first)
    assert token.carried(AMOUNT_MAX, 0, 1) == 0
    assert token.supply_at_close(first - 1, 0) == SUPPLY
    assert token.entitled_at_close(side.investor, first - 1, 0) == INVESTOR_UNITS


def test_the_first_act_says_so_once_and_leaves_no_remainder(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    redeem(engine)
    short = (side.investor.address, 0, 1)
    with refused(world, error="ERC20InsufficientBalance", args=short):
        token.transfer(side.fund, 1, sender=side.investor)
    receipt = token.setFrozenTokens(side.investor, 4, *STATED, sender=side.custodian)
    assert receipt.events[1:] == (
        token.emitted("RatioInForce", 1, 0, 1, 0, 0, 0),
        token.emitted("RatioApplied", side.investor, 1, 0, 0, 0),
        token.emitted("Frozen", side.investor, 4),
    )
    kept = token.ratio_at(1)
    assert (kept.remainders, kept.supply_remainder) == (0, 0)
    with refused(world, "ratios: no whole unit yet"):
        token.credit_remainders(1, sender=side.outsider)
    token.transfer(side.fund, 0, sender=side.investor)


def test_nothing_is_issued_authorised_or_announced_after_it(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    engine.announce(0, 1)
    for begun in (False, True):
        if begun:
            engine.begin(engine.day(NOTICE + 1))
        for terms in ((4, 1), (0, 1)):
            with refused(world, "ratios: units are redeemed"):
                engine.announce(*terms, 9)
        with refused(world, "issuance: units are redeemed"):
            token.authorise_issuance(0, *STATED, sender=side.notary)
        with refused(world, "issuance: not authorised"):
            token.mint(side.buyer, 1, *STATED, sender=side.issuer)
    token.mint(side.buyer, 0, *STATED, sender=side.issuer)
    with refused(world, "issuance: units exist under it"):
        token.withdraw_authorisation(1, *STATED, sender=side.notary)


def test_another_ratio_comes_before_it_and_nothing_needs_an_agent(
    world: World, engine: Engine
) -> None:
    side, token = world.home, world.home.token
    engine.announce(1, 3, 3)
    engine.contract.announce(0, 1, engine.day(5), ZERO, *STATED, sender=side.operator)
    engine.begin(engine.day(3))
    engine.begin(engine.day(1))
    assert side.balance(side.buyer) == BUYER_UNITS // 3
    token.transfer(side.fund, 1, sender=side.investor)
    engine.begin(engine.day(1))
    assert (token.action_epoch(), token.totalSupply()) == (2, 0)
    token.transfer(side.fund, 0, sender=side.investor)
    # What the one before left of accounts is what it is in units of now: nothing.
    token.setFrozenTokens(side.buyer, 0, *STATED, sender=side.custodian)
    assert token.carried(3, 0, 2) == 0
    assert token.totalSupply() == 0


def test_a_freeze_of_all_stays_and_an_allowance_is_a_number(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.investor, UINT_MAX, *STATED, sender=side.custodian)
    token.setFrozenTokens(side.buyer, BUYER_UNITS + 1, *STATED, sender=side.custodian)
    token.approve(side.outsider, 100, sender=side.investor)
    redeem(engine)
    assert token.getFrozenTokens(side.investor) == UINT_MAX
    assert token.getFrozenTokens(side.buyer) == 0
    assert token.allowance(side.investor, side.outsider) == 100


def test_an_order_of_before_ends_by_being_withdrawn(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    order = side.enter_order(side.investor, side.fund, 100, lasts=90 * DAY)
    redeem(engine)
    assert token.order_in_force(*order).registrar == ZERO
    with refused(world, "orders: a ratio left nothing"):
        token.forcedTransfer(*order, sender=side.custodian)
    token.withdraw_order(*order, *STATED, sender=side.registrar)
    assert token.position_of(side.investor).orders == 0


def test_what_other_bridges_took_out_is_nothing_and_does_not_come_back(
    world: World, engine: Engine
) -> None:
    side, token = world.home, world.home.token
    bridge = side.foreign_bridge()
    token.approve(bridge, 40, sender=side.investor)
    token.crosschainBurn(side.investor, 40, sender=bridge.address)
    unused = 9
    token.authorise_issuance(unused, *STATED, sender=side.notary)
    first = engine.day(NOTICE + 1)
    receipt = engine.announce(0, 1)
    assert receipt.events[-1] == token.emitted("AuthorisationWithdrawn", SUPPLY, unused)
    # What comes back in time is what was authorised.
    token.crosschainMint(side.investor, 15, sender=bridge.address)
    assert token.authorised() == SUPPLY
    engine.begin(first)
    assert (token.authorised(), token.bridge_of(ZERO).went_out) == (0, 0)
    side.bridge(bridge, DAY, DAY)
    with refused(world, "bridges: more in than out"):
        token.crosschainMint(side.investor, 1, sender=bridge.address)
    engine.begin(first + 1)
    assert (token.came_at_close(first, 0), token.supply_at_close(first, 0)) == (0, 0)
