"""Custodian: frozen amounts and frozen accounts."""

from __future__ import annotations

import pytest

from tests.support.world import (
    AMOUNT_MAX,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    Side,
    World,
    refused,
)

FREEZE = "setFrozenTokens(address,uint256,bytes4,bytes32)"
FREEZE_WHOLE = "setAddressFrozen(address,bool,bytes4,bytes32)"


@pytest.mark.requirement("R-36")
@pytest.mark.parametrize(
    ("amount", "read"),
    [
        (0, 0),
        (1, 1),
        (INVESTOR_UNITS, INVESTOR_UNITS),
        (INVESTOR_UNITS + 1, INVESTOR_UNITS + 1),
        (AMOUNT_MAX - 1, AMOUNT_MAX - 1),
        (AMOUNT_MAX, UINT_MAX),
        (AMOUNT_MAX + 1, UINT_MAX),
        (UINT_MAX, UINT_MAX),
    ],
)
def test_freeze_sets_the_amount_absolutely(home_side: Side, amount: int, read: int) -> None:
    token, investor, custodian = home_side.token, home_side.investor, home_side.custodian
    token.setFrozenTokens(investor, 5, *STATED, sender=custodian)
    receipt = token.setFrozenTokens(investor, amount, *STATED, sender=custodian)
    assert receipt.return_value is True
    assert receipt.events == (
        home_side.act(token, FREEZE, investor, custodian),
        token.emitted("Frozen", investor, read),
    )
    assert token.getFrozenTokens(investor) == read
    assert home_side.balance(investor) == INVESTOR_UNITS


def test_units_up_to_the_unfrozen_part_move(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, INVESTOR_UNITS - 10, *STATED, sender=home_side.custodian)
    token.transfer(home_side.fund, 10, sender=investor)
    assert home_side.balance(investor) == INVESTOR_UNITS - 10


@pytest.mark.parametrize(
    ("frozen", "free"),
    [
        (INVESTOR_UNITS - 10, 10),
        *((all_, 0) for all_ in (INVESTOR_UNITS, INVESTOR_UNITS + 1, UINT_MAX)),
    ],
)
def test_not_one_unit_more_than_the_unfrozen_part_moves(
    world: World, frozen: int, free: int
) -> None:
    side = world.home
    side.token.setFrozenTokens(side.investor, frozen, *STATED, sender=side.custodian)
    missing = (side.investor.address, free + 1, free)
    with refused(world, error="ERC7943InsufficientUnfrozenBalance", args=missing):
        side.token.transfer(side.fund, free + 1, sender=side.investor)


def test_a_freeze_above_the_balance_catches_what_comes_later(world: World) -> None:
    side = world.home
    side.token.setFrozenTokens(side.fund, 100, *STATED, sender=side.custodian)
    side.token.transfer(side.fund, 101, sender=side.investor)
    with refused(world, error="ERC7943InsufficientUnfrozenBalance", args=(side.fund.address, 2, 1)):
        side.token.transfer(side.investor, 2, sender=side.fund)


def test_frozen_units_do_not_stop_receiving(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    token.setFrozenTokens(fund, UINT_MAX, *STATED, sender=home_side.custodian)
    token.transfer(fund, 3, sender=home_side.investor)
    assert home_side.balance(fund) == 3


def test_an_account_is_frozen_and_freed(home_side: Side) -> None:
    token, investor, custodian = home_side.token, home_side.investor, home_side.custodian
    for frozen in (True, False):
        receipt = token.setAddressFrozen(investor, frozen, *STATED, sender=custodian)
        assert receipt.events == (
            home_side.act(token, FREEZE_WHOLE, investor, custodian),
            token.emitted("AddressFrozen", investor, frozen, custodian),
        )
        assert token.isFrozen(investor) is frozen
        assert token.canSend(investor) is token.canReceive(investor) is not frozen


@pytest.mark.parametrize("amount", [0, 1])
def test_frozen_account_does_not_send(world: World, amount: int) -> None:
    side = world.home
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
        side.token.transfer(side.fund, amount, sender=side.investor)


@pytest.mark.parametrize("amount", [0, 1])
def test_frozen_account_does_not_receive(world: World, amount: int) -> None:
    side = world.home
    side.token.setAddressFrozen(side.fund, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotReceive", args=(side.fund.address,)):
        side.token.transfer(side.fund, amount, sender=side.investor)


def test_freezes_need_no_admitted_account(home_side: Side) -> None:
    token, outsider = home_side.token, home_side.outsider
    token.setFrozenTokens(outsider, 5, *STATED, sender=home_side.custodian)
    token.setAddressFrozen(outsider, True, *STATED, sender=home_side.custodian)
    assert token.getFrozenTokens(outsider) == 5
    assert token.isFrozen(outsider)


@pytest.mark.parametrize(("name", "value"), [("setFrozenTokens", 1), ("setAddressFrozen", True)])
def test_freeze_without_any_reason_is_refused(world: World, name: str, value: int) -> None:
    side = world.home
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)(side.investor, value, sender=side.custodian)


@pytest.mark.parametrize("scope", [1, 7])
def test_freezes_work_while_paused(home_side: Side, scope: int) -> None:
    token = home_side.token
    token.pause(scope, *STATED, sender=home_side.guardian)
    token.setFrozenTokens(home_side.investor, 9, *STATED, sender=home_side.custodian)
    assert token.getFrozenTokens(home_side.investor) == 9
