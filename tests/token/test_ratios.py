"""Ratios: announced, withdrawn, in force at a moment by themselves, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import Contract
from tallystick.chain.reverts import reverts
from tallystick.governance.roles import Role
from tallystick.token.position import EPOCH_MAX
from tests.support.ratios import MAX_PENDING, NOTICE, Engine, Fraction, announced
from tests.support.world import (
    AMOUNT_MAX,
    BUYER_UNITS,
    DAY,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    NO_REASON,
    REASON,
    STATED,
    UINT_MAX,
    UNSTATED,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
    write_slot,
)

SUPPLY = INVESTOR_UNITS + BUYER_UNITS
PART_MAX = 2**40 - 1


@pytest.fixture
def engine(world: World) -> Engine:
    """An engine that may announce ratios on the home token."""
    return Engine.of(world.home)


def in_force(side: Side, epoch: int, rate: tuple[int, int], supply: int, authorised: int) -> Any:
    """The event of a ratio that a first act meets, of which nothing is left."""
    return side.token.emitted("RatioInForce", epoch, *rate, supply, authorised, 0)


# ------------------------------------------------------------------------------- role


def test_only_a_contract_may_hold_the_role(world: World) -> None:
    side = world.home
    with refused(world, "access: only a contract"):
        side.token.propose_role(side.outsider, Role.ACTIONS, *STATED, sender=side.administrator)


def test_no_other_role_announces_or_withdraws(world: World, engine: Engine) -> None:
    side = world.home
    engine.announce(4, 1)
    for actor in (side.issuer, side.notary, side.registrar, side.custodian, side.administrator):
        with refused(world, "access: missing role"):
            side.token.announce_ratio(2, 1, engine.day(9), side.fund, *STATED, sender=actor)
        with refused(world, "access: missing role"):
            side.token.withdraw_ratio(engine.day(NOTICE + 1), *STATED, sender=actor)


# ----------------------------------------------------------------------- announcements


def test_an_announced_ratio_waits_for_its_day(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    first = engine.day(NOTICE + 1)
    receipt = engine.announce(4, 1)
    ratio = Fraction(4, 1, first, str(side.fund.address))
    assert receipt.events == announced(token, engine, ratio)
    kept = token.ratio_at(1)
    assert (kept.numerator, kept.denominator, kept.first_day) == (4, 1, first)
    assert (kept.agent, kept.remainders, kept.supply_remainder) == (side.fund.address, 0, 0)
    engine.begin(first, seconds=-1)
    assert (token.action_epoch(), token.totalSupply()) == (0, SUPPLY)
    assert side.balance(side.investor) == INVESTOR_UNITS


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((0, 2), "ratios: fraction out of range"),
        ((0, 0), "ratios: fraction out of range"),
        ((1, 0), "ratios: fraction out of range"),
        ((PART_MAX + 1, 1), "ratios: fraction out of range"),
        ((1, PART_MAX + 1), "ratios: fraction out of range"),
        ((UINT_MAX, UINT_MAX), "ratios: fraction out of range"),
        ((4, 1, NOTICE), "ratios: too soon or too far"),
        ((4, 1, 0), "ratios: too soon or too far"),
        ((4, 1, 401), "ratios: too soon or too far"),
        ((4, 1, NOTICE + 1, ZERO), "ratios: no fractions' agent"),
        ((PART_MAX, 1), None),
        ((PART_MAX, 2, 400), None),
        ((1, PART_MAX, 3), None),
        ((0, 1, 3, ZERO), None),
    ],
)
def test_a_ratio_that_does_not_fit_is_refused(
    world: World, engine: Engine, terms: tuple[Any, ...], reason: str | None
) -> None:
    if reason is None:
        engine.announce(*terms)
    else:
        with refused(world, reason):
            engine.announce(*terms)


def test_a_ratio_states_reason_and_document(world: World, engine: Engine) -> None:
    side = world.home
    for stated, reason in UNSTATED:
        with refused(world, reason):
            engine.contract.announce(4, 1, engine.day(3), side.fund, *stated, sender=side.operator)
    engine.announce(4, 1)
    with refused(world, "instruction: no reason code"):
        engine.contract.withdraw(engine.day(3), NO_REASON, STATED[1], sender=side.operator)


def test_four_at_most_are_pending_each_later_than_the_last(world: World, engine: Engine) -> None:
    for ahead in range(5, 5 + MAX_PENDING):
        engine.announce(3, 2, ahead)
        if ahead < 4 + MAX_PENDING:
            for earlier in (NOTICE + 1, ahead):
                with refused(world, "ratios: not the latest day"):
                    engine.announce(3, 2, earlier)
    with refused(world, "ratios: four are pending"):
        engine.announce(3, 2, 20)
    engine.begin(engine.day(5))
    engine.announce(3, 2, 20)


def test_amounts_that_would_leave_their_field_are_refused(world: World, engine: Engine) -> None:
    token = world.home.token
    authorised = int(token.authorised())
    assert authorised >= SUPPLY
    most = AMOUNT_MAX // authorised
    engine.announce(PART_MAX, 1)
    left = AMOUNT_MAX // (authorised * PART_MAX)
    with refused(world, "ratios: units out of range"):
        engine.announce(left + 1, 1, 9)
    engine.announce(left, 1, 9)
    # A later one that brings them back does not help: at its own moment the one before must fit.
    assert most >= left
    with refused(world, "ratios: units out of range"):
        engine.announce(2, 1, 10)
    engine.announce(1, PART_MAX, 10)
    engine.announce(2, 1, 11)


def test_what_is_authorised_meanwhile_must_fit_too(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    engine.announce(1000, 1)
    most = AMOUNT_MAX // 1000 - int(token.authorised())
    with refused(world, "issuance: too much authorised"):
        token.authorise_issuance(most + 1, *STATED, sender=side.notary)
    token.authorise_issuance(most, *STATED, sender=side.notary)
    engine.begin(engine.day(NOTICE + 1))
    assert token.authorised() == AMOUNT_MAX // 1000 * 1000


# -------------------------------------------------------------------------- withdrawal


def test_one_of_several_is_withdrawn_and_the_others_keep(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    days = [engine.day(ahead) for ahead in (3, 5, 7)]
    for (numerator, denominator), ahead in zip(((4, 1), (1, 10), (3, 2)), (3, 5, 7), strict=True):
        engine.announce(numerator, denominator, ahead)
    receipt = engine.withdraw(days[1])
    assert receipt.events == (
        side.act(token, "withdraw_ratio(uint256,bytes4,bytes32)", ZERO, engine.contract),
        token.emitted("RatioWithdrawn", days[1]),
    )
    assert [token.ratio_at(epoch).first_day for epoch in (1, 2, 3)] == [days[0], days[2], 0]
    with refused(world, "ratios: none to withdraw"):
        engine.withdraw(days[1])
    engine.begin(days[2])
    assert token.action_epoch() == 2
    assert side.balance(side.investor) == INVESTOR_UNITS * 6


def test_the_last_one_withdrawn_leaves_the_word_as_it_was(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    plain = token.transfer(side.fund, 1, sender=side.investor)
    engine.announce(4, 1)
    engine.withdraw(engine.day(NOTICE + 1))
    after = token.transfer(side.fund, 1, sender=side.investor)
    assert after.gas_used < plain.gas_used
    engine.begin(engine.day(NOTICE + 5))
    assert (token.action_epoch(), token.totalSupply()) == (0, SUPPLY)


def test_none_is_withdrawn_from_its_first_moment_on(world: World, engine: Engine) -> None:
    first = engine.day(NOTICE + 1)
    engine.announce(4, 1)
    engine.begin(first, seconds=-5)
    with engine.isolated():
        engine.withdraw(first)
    engine.begin(first)
    with refused(world, "ratios: none to withdraw"):
        engine.withdraw(first)


def test_none_is_withdrawn_that_makes_a_later_one_fit(world: World, engine: Engine) -> None:
    authorised = int(world.home.token.authorised())
    big = AMOUNT_MAX // (authorised * PART_MAX) * 2
    engine.announce(1, 1000, 3)
    engine.announce(PART_MAX, 1, 4)
    engine.announce(big, 1, 5)
    with refused(world, "ratios: units out of range"):
        engine.withdraw(engine.day(3))
    engine.withdraw(engine.day(5))
    engine.withdraw(engine.day(3))


# -------------------------------------------------------------------- at the first moment


def test_views_are_in_new_units_without_any_transaction(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.investor, 10, *STATED, sender=side.custodian)
    authorised = int(token.authorised())
    engine.split(4, 1)
    assert token.action_epoch() == 1
    assert (token.totalSupply(), token.authorised()) == (SUPPLY * 4, authorised * 4)
    assert side.balance(side.investor) == INVESTOR_UNITS * 4
    assert token.getFrozenTokens(side.investor) == 40
    seen = token.position_of(side.investor)
    assert (seen.balance, seen.frozen, seen.epoch) == (INVESTOR_UNITS * 4, 40, 1)
    assert token.canTransfer(side.investor, side.fund, INVESTOR_UNITS * 4 - 40)
    assert not token.canTransfer(side.investor, side.fund, INVESTOR_UNITS * 4 - 39)


def test_the_first_transfer_is_in_new_units_and_brings_everything_up(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    authorised = int(token.authorised())
    engine.split(4, 1)
    receipt = token.transfer(side.buyer, INVESTOR_UNITS * 4, sender=side.investor)
    assert receipt.events == (
        in_force(side, 1, (4, 1), SUPPLY * 4, authorised * 4),
        token.emitted("RatioApplied", side.investor, 1, INVESTOR_UNITS * 4, 0, 0),
        token.emitted("RatioApplied", side.buyer, 1, BUYER_UNITS * 4, 0, 0),
        token.emitted("Transfer", side.investor, side.buyer, INVESTOR_UNITS * 4),
    )
    assert (side.balance(side.investor), side.balance(side.buyer)) == (0, SUPPLY * 4)
    again = token.transfer(side.investor, 1, sender=side.buyer)
    assert again.events == (token.emitted("Transfer", side.buyer, side.investor, 1),)


def test_bringing_a_ledger_up_costs_the_same_however_many_hold(engine: Engine) -> None:
    side, token = engine.side, engine.side.token

    def raising() -> int:
        with engine.isolated():
            engine.split(4, 1)
            return int(
                token.transferFrom(side.investor, side.buyer, 0, sender=side.outsider).gas_used
            )

    few = raising()
    many = [f"0x{0xBEEF0000 + number:040x}" for number in range(100)]
    token.batch_admit(many, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
    token.batchTransfer(many, [1] * 100, sender=side.investor)
    assert raising() == few


def test_nothing_of_nothing_leaves_no_trace(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    engine.split(4, 1)
    receipt = token.transferFrom(side.investor, side.buyer, 0, sender=side.outsider)
    assert [event.name for event in receipt.events] == ["RatioInForce", "Transfer"]
    day = engine.day()
    engine.begin(day + 1)
    assert token.balance_at_close(side.investor, day - 1) == INVESTOR_UNITS
    assert token.balance_at_close(side.investor, day) == INVESTOR_UNITS * 4


def test_a_transfer_to_oneself_is_in_new_units(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    engine.split(1, 10)
    token.transfer(side.investor, INVESTOR_UNITS // 10, sender=side.investor)
    assert side.balance(side.investor) == INVESTOR_UNITS // 10
    assert token.ratio_at(1).remainders == 0


def test_a_batch_is_in_new_units(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    engine.split(3, 2)
    accounts = [side.buyer, side.investor, side.fund, side.buyer]
    token.batchTransfer(accounts, [5, 7, 11, 13], sender=side.investor)
    assert side.balance(side.investor) == INVESTOR_UNITS * 3 // 2 - 29
    assert side.balance(side.buyer) == BUYER_UNITS * 3 // 2 + 18
    assert side.balance(side.fund) == 11
    assert token.totalSupply() == SUPPLY * 3 // 2


def test_issuance_and_redemption_are_in_new_units(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    token.authorise_issuance(100, *STATED, sender=side.notary)
    authorised = int(token.authorised())
    engine.split(1, 10)
    left = authorised // 10 - SUPPLY // 10
    assert left >= 10
    with refused(world, "issuance: not authorised"):
        token.mint(side.buyer, left + 1, *STATED, sender=side.issuer)
    token.mint(side.buyer, left, *STATED, sender=side.issuer)
    assert side.balance(side.buyer) == BUYER_UNITS // 10 + left
    assert token.totalSupply() == authorised // 10
    token.approve(side.issuer, 3, sender=side.buyer)
    token.burn(side.buyer, 3, *STATED, sender=side.issuer)
    assert side.balance(side.buyer) == BUYER_UNITS // 10 + left - 3
    assert token.totalSupply() == token.authorised() == authorised // 10 - 3


def test_an_authorisation_is_taken_back_in_new_units(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    token.authorise_issuance(100, *STATED, sender=side.notary)
    free = int(token.authorised()) - SUPPLY
    engine.split(4, 1)
    with refused(world, "issuance: units exist under it"):
        token.withdraw_authorisation(4 * free + 1, *STATED, sender=side.notary)
    token.withdraw_authorisation(4 * free, *STATED, sender=side.notary)
    assert token.authorised() == SUPPLY * 4


def test_an_allowance_is_a_number_and_stays_one(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    token.approve(side.outsider, 100, sender=side.investor)
    engine.split(4, 1)
    assert token.allowance(side.investor, side.outsider) == 100
    token.transferFrom(side.investor, side.fund, 100, sender=side.outsider)
    assert token.allowance(side.investor, side.outsider) == 0


# ------------------------------------------------------------------------------ orders


def test_an_order_is_carried_out_for_what_its_units_became(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.investor, 30, *STATED, sender=side.custodian)
    order = side.enter_order(side.investor, side.fund, 100, lasts=90 * DAY)
    engine.split(4, 1)
    assert token.getFrozenTokens(side.investor) == 4 * 130
    assert token.order_in_force(*order).amount == 400
    receipt = token.forcedTransfer(*order, sender=side.custodian)
    assert receipt.events[1:] == (
        token.emitted("RatioApplied", side.investor, 1, INVESTOR_UNITS * 4, 4 * 130, 0),
        token.emitted("Frozen", side.investor, 120),
        side.act(
            token,
            "forcedTransfer(address,address,uint256,bytes32)",
            side.investor,
            side.custodian,
            (REASON, order[3]),
        ),
        token.emitted("Transfer", side.investor, side.fund, 400),
        token.emitted("ForcedTransfer", side.investor, side.fund, 400),
    )
    assert side.balance(side.fund) == 400
    assert side.balance(side.investor) == INVESTOR_UNITS * 4 - 400


def test_an_order_of_before_is_withdrawn_with_all_it_blocks(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    order = side.enter_order(side.investor, side.fund, 100, lasts=90 * DAY)
    engine.split(4, 1)
    token.withdraw_order(*order, *STATED, sender=side.registrar)
    assert token.getFrozenTokens(side.investor) == 0
    assert token.position_of(side.investor).orders == 0


def test_an_order_rounds_down_and_what_it_blocks_up(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    order = side.enter_order(side.investor, side.fund, 15, lasts=90 * DAY)
    engine.split(1, 10)
    assert token.getFrozenTokens(side.investor) == 2
    assert token.order_in_force(*order).amount == 1
    token.forcedTransfer(*order, sender=side.custodian)
    assert side.balance(side.fund) == 1
    # What lies between the two stays frozen until the custodian sets the amount.
    assert token.getFrozenTokens(side.investor) == 1
    token.setFrozenTokens(side.investor, 0, *STATED, sender=side.custodian)
    assert token.getFrozenTokens(side.investor) == 0


def test_an_order_of_which_nothing_is_left_is_withdrawn(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    order = side.enter_order(side.investor, side.fund, 9, lasts=90 * DAY)
    engine.split(1, 10)
    assert token.order_in_force(*order).registrar == ZERO
    with refused(world, "orders: a ratio left nothing"):
        token.forcedTransfer(*order, sender=side.custodian)
    token.withdraw_order(*order, *STATED, sender=side.registrar)
    assert token.position_of(side.investor).orders == 0


def test_an_order_above_all_there_is_wraps_over_no_ratio(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    order = side.enter_order(side.investor, side.fund, 2**103 + 1, lasts=90 * DAY)
    engine.split(4, 1)
    assert token.getFrozenTokens(side.investor) == UINT_MAX
    assert token.order_in_force(*order).registrar == ZERO
    short = (side.investor.address, INVESTOR_UNITS * 4, AMOUNT_MAX)
    with refused(world, error="ERC20InsufficientBalance", args=short):
        token.forcedTransfer(*order, sender=side.custodian)
    token.withdraw_order(*order, *STATED, sender=side.registrar)
    # A freeze of all stays one of all, until the custodian says otherwise.
    assert token.getFrozenTokens(side.investor) == UINT_MAX


@given(
    frozen=st.integers(0, 2 * INVESTOR_UNITS),
    amounts=st.lists(st.integers(1, 2 * INVESTOR_UNITS), min_size=1, max_size=7),
    ratios=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3),
)
def test_whatever_orders_stand_each_ends_over_any_ratios(
    engine: Engine, frozen: int, amounts: list[int], ratios: list[tuple[int, int]]
) -> None:
    """What is blocked never falls below the sum of the orders: none is caught in it."""
    side, token = engine.side, engine.side.token
    with engine.isolated():
        token.setFrozenTokens(side.investor, frozen, *STATED, sender=side.custodian)
        orders = [
            side.enter_order(side.investor, side.fund, amount, number=number, lasts=90 * DAY)
            for number, amount in enumerate(amounts)
        ]
        for numerator, denominator in ratios:
            engine.split(numerator, denominator)
        for order in orders:
            token.withdraw_order(*order, *STATED, sender=side.registrar)
        left = int(token.getFrozenTokens(side.investor))
        least = frozen
        for numerator, denominator in ratios:
            least = least * numerator // denominator
        assert left >= min(least, side.balance(side.investor))


# ------------------------------------------------------------------ other people's bridges


@pytest.fixture
def bridge(engine: Engine) -> Contract:
    """Somebody's bridge to the home token, its limits full."""
    return engine.side.foreign_bridge()


def take_out(side: Side, bridge: Contract, amount: int) -> None:
    """The bridge takes so much of the investor's off."""
    side.token.approve(bridge, amount, sender=side.investor)
    side.token.crosschainBurn(side.investor, amount, sender=bridge.address)


def bring_in(side: Side, bridge: Contract, amount: int) -> None:
    """The bridge brings so much to the investor."""
    side.token.crosschainMint(side.investor, amount, sender=bridge.address)


def test_a_bridge_of_others_stops_for_the_last_day_before_a_ratio(
    world: World, engine: Engine, bridge: Contract
) -> None:
    side, token = world.home, world.home.token
    first = engine.day(NOTICE + 1)
    engine.announce(4, 1)
    take_out(side, bridge, 100)
    engine.begin(first - 1, seconds=-5)
    bring_in(side, bridge, 1)
    for moment in (first - 1, first, first + 9):
        engine.begin(moment)
        assert token.mintingCurrentLimitOf(bridge) == token.burningCurrentLimitOf(bridge) == 0
        with refused(world, "bridges: stopped for a ratio"):
            bring_in(side, bridge, 1)
        with refused(world, "bridges: stopped for a ratio"):
            side.token.crosschainBurn(side.investor, 0, sender=bridge.address)


def test_a_bridge_goes_on_if_the_ratio_is_withdrawn(engine: Engine, bridge: Contract) -> None:
    side = engine.side
    first = engine.day(NOTICE + 1)
    engine.announce(4, 1)
    engine.begin(first - 1)
    engine.withdraw(first)
    take_out(side, bridge, 100)
    assert side.token.bridge_of(bridge).went_out == 100


def test_a_bridge_goes_on_once_its_limits_are_set_anew(
    world: World, engine: Engine, bridge: Contract
) -> None:
    side, token = world.home, world.home.token
    take_out(side, bridge, 101)
    bring_in(side, bridge, 30)
    engine.split(3, 2)
    seen = token.bridge_of(bridge)
    assert (seen.came_in, seen.went_out) == (0, 71 * 3 // 2)
    side.bridge(bridge, DAY, DAY)
    assert token.bridge_of(bridge) == seen
    # As a new one it begins with nothing, a unit a second; of the limit before nothing is left.
    assert token.burningCurrentLimitOf(bridge) < 5
    engine.begin(engine.day(2))
    assert token.mintingCurrentLimitOf(bridge) == 106
    with refused(world, "bridges: more in than out"):
        bring_in(side, bridge, 107)
    bring_in(side, bridge, 106)
    take_out(side, bridge, DAY)
    seen = token.bridge_of(bridge)
    assert (seen.came_in, seen.went_out) == (106, 106 + DAY)


def test_guardian_ends_a_bridge_over_a_ratio(engine: Engine, bridge: Contract) -> None:
    side, token = engine.side, engine.side.token
    take_out(side, bridge, 101)
    engine.split(1, 10)
    token.set_bridge(bridge, 0, 0, *STATED, sender=side.guardian)
    assert token.bridge_of(bridge).went_out == 10
    assert token.burningMaxLimitOf(bridge) == 0


def test_what_is_with_bridges_rounds_down_with_what_is_authorised(
    engine: Engine, bridge: Contract
) -> None:
    side, token = engine.side, engine.side.token
    other = side.foreign_bridge()
    take_out(side, bridge, 19)
    take_out(side, other, 19)
    authorised = int(token.authorised())
    engine.split(1, 10)
    with_all = token.bridge_of(ZERO)
    assert (with_all.came_in, with_all.went_out) == (0, 3)
    assert token.bridge_of(bridge).went_out == token.bridge_of(other).went_out == 1
    assert token.authorised() == (authorised - 38) // 10 + 3 <= authorised // 10
    for each in (bridge, other):
        side.bridge(each, DAY, DAY)
    engine.begin(engine.day(2))
    for each in (bridge, other):
        bring_in(side, each, 1)
    assert token.bridge_of(ZERO).came_in == 2
    assert token.authorised() == (authorised - 38) // 10 + 3


def test_what_is_with_bridges_must_fit_too(world: World, engine: Engine, bridge: Contract) -> None:
    side = world.home
    authorised = int(side.token.authorised())
    take_out(side, bridge, INVESTOR_UNITS)
    assert side.token.authorised() == authorised
    engine.announce(PART_MAX, 1)
    left = AMOUNT_MAX // (authorised * PART_MAX)
    with refused(world, "ratios: units out of range"):
        engine.announce(left + 1, 1, 9)
    engine.announce(left, 1, 9)


def test_elsewhere_a_bridge_may_owe_units(world: World) -> None:
    """On a ledger that issues nothing it may have brought in more than it took out."""
    side = world.remote
    engine = Engine.of(side)
    bridge = side.foreign_bridge()
    bring_in(side, bridge, 25)
    take_out(side, bridge, 6)
    engine.split(1, 10)
    seen = side.token.bridge_of(bridge)
    assert (seen.came_in, seen.went_out) == (1, 0)
    assert seen == side.token.bridge_of(ZERO)


# ---------------------------------------------------------------------------- freezes


@pytest.mark.parametrize(
    ("numerator", "denominator", "frozen", "after"),
    [
        (4, 1, 10, 40),
        (1, 10, 11, 2),
        (1, 10, 10, 1),
        (1, 3, INVESTOR_UNITS, INVESTOR_UNITS // 3),
        (1, 3, INVESTOR_UNITS - 1, INVESTOR_UNITS // 3),
        (1, 3, INVESTOR_UNITS + 1, INVESTOR_UNITS // 3 + 1),
        (4, 1, INVESTOR_UNITS + 1, INVESTOR_UNITS * 4 + 4),
        (4, 1, AMOUNT_MAX - 1, UINT_MAX),
        (1, 10, UINT_MAX, UINT_MAX),
        (4, 1, UINT_MAX, UINT_MAX),
        (1, 10, 0, 0),
    ],
)
def test_what_is_frozen_rounds_up_but_not_above_the_balance(
    engine: Engine, numerator: int, denominator: int, frozen: int, after: int
) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.investor, frozen, *STATED, sender=side.custodian)
    engine.split(numerator, denominator)
    balance = INVESTOR_UNITS * numerator // denominator
    assert token.getFrozenTokens(side.investor) == after
    assert token.canTransfer(side.investor, side.buyer, max(0, balance - after))
    free = max(0, balance - after)
    if after:
        assert not token.canTransfer(side.investor, side.buyer, free + 1)
    token.transfer(side.investor, 1, sender=side.buyer)
    assert token.getFrozenTokens(side.investor) == after
    assert side.balance(side.investor) == balance + 1


def test_a_freeze_of_an_account_that_never_held_follows(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    token.setFrozenTokens(side.fund, 10, *STATED, sender=side.custodian)
    engine.split(4, 1)
    assert token.getFrozenTokens(side.fund) == 40
    day = engine.day()
    token.setFrozenTokens(side.fund, 7, *STATED, sender=side.custodian)
    assert token.getFrozenTokens(side.fund) == 7
    token.transfer(side.fund, 9, sender=side.investor)
    assert token.canTransfer(side.fund, side.buyer, 2)
    assert not token.canTransfer(side.fund, side.buyer, 3)
    engine.begin(day + 1)
    assert token.balance_at_close(side.fund, day - 1) == 0


def test_a_freeze_set_after_a_ratio_is_in_new_units(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    engine.split(4, 1)
    day = engine.day()
    receipt = token.setFrozenTokens(side.investor, 9, *STATED, sender=side.custodian)
    assert [event.name for event in receipt.events] == [
        "PrivilegedAct",
        "RatioInForce",
        "RatioApplied",
        "Frozen",
    ]
    assert token.getFrozenTokens(side.investor) == 9
    assert side.balance(side.investor) == INVESTOR_UNITS * 4
    engine.begin(day + 1)
    assert token.balance_at_close(side.investor, day - 1) == INVESTOR_UNITS


# ----------------------------------------------------------------------- past closes


def test_every_past_close_is_answered_in_its_own_units(engine: Engine) -> None:
    side, token = engine.side, engine.side.token
    before = engine.day(2)
    engine.announce(4, 1, 3)
    engine.announce(1, 10, 5)
    engine.begin(engine.day(6))
    wanted = {
        before: INVESTOR_UNITS,
        before + 1: INVESTOR_UNITS * 4,
        before + 2: INVESTOR_UNITS * 4,
        before + 3: INVESTOR_UNITS * 4 // 10,
    }

    def ask() -> None:
        for day, balance in wanted.items():
            assert token.balance_at_close(side.investor, day) == balance
            assert token.entitled_at_close(side.investor, day, 0) == balance
            supply = SUPPLY * balance // INVESTOR_UNITS
            assert token.supply_at_close(day) == supply

    ask()
    token.transfer(side.fund, 1, sender=side.investor)
    ask()


# --------------------------------------------------------------------------- remainders


def odd_holdings(side: Side) -> None:
    """Investor and buyer each hold 7 more than a multiple of ten, the fund 6."""
    side.token.transfer(side.buyer, 7, sender=side.investor)
    side.token.transfer(side.fund, 6, sender=side.investor)


def test_remainders_are_whole_units_that_the_agent_is_credited(
    world: World, engine: Engine
) -> None:
    side, token = world.home, world.home.token
    odd_holdings(side)
    engine.split(1, 10)
    positions = sum(side.balance(each) for each in (side.investor, side.buyer, side.fund))
    assert token.totalSupply() - positions == 2
    with refused(world, "ratios: no whole unit yet"):
        token.credit_remainders(1, sender=side.outsider)
    token.transfer(side.buyer, 1, sender=side.investor)
    assert token.ratio_at(1).remainders == 7 + 7
    receipt = token.credit_remainders(1, sender=side.outsider)
    assert receipt.events == (
        token.emitted("RatioApplied", side.fund, 1, 0, 0, 6),
        token.emitted("RemaindersCredited", 1, side.fund, 1, 1),
        token.emitted("Transfer", ZERO, side.fund, 1),
    )
    assert token.ratio_at(1).remainders == 10
    token.credit_remainders(1, sender=side.outsider)
    assert side.balance(side.fund) == 2
    positions = sum(side.balance(each) for each in (side.investor, side.buyer, side.fund))
    assert token.totalSupply() == positions
    assert token.ratio_at(1).remainders == 0
    with refused(world, "ratios: no whole unit yet"):
        token.credit_remainders(1, sender=side.outsider)


def test_what_the_supply_lost_itself_is_not_credited(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    token.approve(side.issuer, 5, sender=side.buyer)
    token.burn(side.buyer, 5, *STATED, sender=side.issuer)
    odd_holdings(side)
    engine.split(1, 10)
    # 7, 2 and 6 tenths of three accounts; the supply itself lost 5 tenths.
    receipt = token.transfer(side.buyer, 1, sender=side.investor)
    assert receipt.events[0].args["remainder"] == 5
    kept = token.ratio_at(1)
    assert (kept.remainders, kept.supply_remainder) == (9, 5)
    with refused(world, "ratios: no whole unit yet"):
        token.credit_remainders(1, sender=side.outsider)
    token.transfer(side.fund, 1, sender=side.investor)
    token.credit_remainders(1, sender=side.outsider)
    kept = token.ratio_at(1)
    assert (kept.remainders, kept.supply_remainder) == (5, 5)
    assert side.balance(side.fund) == 2
    positions = sum(side.balance(each) for each in (side.investor, side.buyer, side.fund))
    assert token.totalSupply() == positions


def test_later_ratios_apply_to_what_was_not_credited(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    odd_holdings(side)
    engine.split(1, 10)
    engine.split(7, 5)
    token.transfer(side.buyer, 1, sender=side.investor)
    token.transfer(side.fund, 1, sender=side.investor)
    receipt = token.credit_remainders(1, sender=side.outsider)
    assert receipt.events == (
        token.emitted("RatioApplied", ZERO, 2, 2, 0, 4),
        token.emitted("RemaindersCredited", 1, side.fund, 2, 2),
        token.emitted("Transfer", ZERO, side.fund, 2),
    )
    while True:
        kept = token.ratio_at(2)
        if kept.remainders - kept.supply_remainder < 5:
            break
        token.credit_remainders(2, sender=side.outsider)
    positions = sum(side.balance(each) for each in (side.investor, side.buyer, side.fund))
    assert token.totalSupply() == positions


def test_an_agent_that_cannot_receive_is_not_credited(world: World, engine: Engine) -> None:
    side, token = world.home, world.home.token
    odd_holdings(side)
    engine.split(1, 10)
    token.transfer(side.buyer, 1, sender=side.investor)
    token.setAddressFrozen(side.fund, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotReceive", args=(side.fund.address,)):
        token.credit_remainders(1, sender=side.outsider)


@pytest.mark.parametrize("epoch", [0, 1, 2, UINT_MAX])
def test_only_of_a_ratio_in_force_is_anything_credited(
    world: World, engine: Engine, epoch: int
) -> None:
    engine.announce(1, 10)
    with refused(world, "ratios: no such epoch"):
        world.home.token.credit_remainders(epoch, sender=world.home.outsider)


# ------------------------------------------------------------------------ other ledgers


def test_a_ledger_that_issues_nothing_keeps_its_field(world: World) -> None:
    """Elsewhere no authorised amount bounds the supply: what arrives must fit what is pending."""
    side = world.remote
    engine = Engine.of(side)
    bridge = side.foreign_bridge()
    engine.announce(1000, 1)
    most = AMOUNT_MAX // 1000 - int(side.token.totalSupply())
    with refused(world, "issuance: supply out of range"):
        side.token.crosschainMint(side.investor, most + 1, sender=bridge.address)
    side.token.crosschainMint(side.investor, most, sender=bridge.address)
    engine.begin(engine.day(NOTICE + 1))
    side.token.transfer(side.fund, 1, sender=side.investor)
    assert side.token.totalSupply() == AMOUNT_MAX // 1000 * 1000


def test_no_epoch_is_begun_beyond_the_last(world: World, engine: Engine) -> None:
    """The field is full: another ratio is refused, nothing wraps."""
    token = world.home.token
    word = read_slot(token, "book", "_issue")
    write_slot(token, word | (EPOCH_MAX - 1) << 240, "book", "_issue")
    engine.announce(1, 1, 3)
    with refused(world, "ratios: no epoch left"):
        engine.announce(1, 1, 4)


def test_the_chain_needs_no_help(engine: Engine) -> None:
    """Two ratios pass while nobody acts; the first act finds both."""
    side, token = engine.side, engine.side.token
    authorised = int(token.authorised())
    engine.announce(4, 1, 3)
    engine.announce(1, 8, 4)
    engine.begin(engine.day(9))
    receipt = token.transfer(side.fund, 1, sender=side.investor)
    assert receipt.events[:2] == (
        in_force(side, 1, (4, 1), SUPPLY * 4, authorised * 4),
        in_force(side, 2, (1, 8), SUPPLY // 2, authorised * 4 // 8),
    )
    assert receipt.events[2:4] == (
        token.emitted("RatioApplied", side.investor, 1, INVESTOR_UNITS * 4, 0, 0),
        token.emitted("RatioApplied", side.investor, 2, INVESTOR_UNITS // 2, 0, 0),
    )


def test_what_is_ours_stays_ours_over_a_ratio(world: World) -> None:
    """Else the guardian alone could end a lane."""
    side, engine = world.remote, Engine.of(world.remote)
    engine.split(4, 1)
    assert side.token.bridge_of(side.custody).ours
    with refused(world, "bridges: guardian ends others'"):
        side.token.set_bridge(side.custody, 0, 0, *STATED, sender=side.guardian)


def test_what_a_second_ratio_undoes_has_to_fit_in_between(world: World, engine: Engine) -> None:
    side = world.home
    engine.announce(4, 1)
    engine.announce(1, 4, ahead=NOTICE + 2)
    most = AMOUNT_MAX // 4 - side.token.authorised()
    with refused(world, "issuance: too much authorised"):
        side.token.authorise_issuance(most + 1, *STATED, sender=side.notary)
    side.token.authorise_issuance(most, *STATED, sender=side.notary)


# ------------------------------------------------------------------------ for others


@pytest.mark.requirement("INV-12")
def test_amounts_kept_elsewhere_are_carried_ratio_by_ratio(engine: Engine) -> None:
    """From an epoch to a later one in force; rounded down at each, as an account's."""
    token, today = engine.side.token, engine.day()
    for fraction, ahead in (((1, 10), 3), ((3, 2), 5), ((7, 1), 9)):
        engine.announce(*fraction, ahead)
    engine.begin(today + 6)
    assert token.action_epoch() == 2
    for since, until, units in ((0, 0, 39), (0, 1, 3), (0, 2, 4), (1, 2, 58), (2, 2, 39)):
        assert token.carried(39, since, until) == units
    assert token.carried(AMOUNT_MAX, 1, 2) == AMOUNT_MAX
    for since, until in ((2, 1), (0, 3), (3, 3)):
        with reverts("ratios: no amount, or no later epoch in force"):
            token.carried(39, since, until)
    with reverts("ratios: no amount, or no later epoch in force"):
        token.carried(AMOUNT_MAX + 1, 0, 0)


@pytest.mark.parametrize("touched", [False, True])
def test_a_close_is_in_the_units_of_its_days_epoch(engine: Engine, touched: bool) -> None:
    token, today = engine.side.token, engine.day()
    for ahead in (3, 5, 9):
        engine.announce(2, 1, ahead)
    engine.begin(today + 6)
    if touched:
        token.transfer(engine.side.buyer, 1, sender=engine.side.investor)
    days = {0: 0, today + 2: 0, today + 3: 1, today + 4: 1, today + 5: 2, today + 8: 2}
    assert {day: token.epoch_on(day) for day in days} == days
    assert token.epoch_on(today + 9) == token.epoch_on(2**16) == 3
