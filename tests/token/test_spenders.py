"""Who moves another's units: a frozen spender nothing, a stranger to the register all it may."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.message import party
from tests.support.world import DAY, STATED, UINT_MAX, Side, World, refused


def _freeze(side: Side, account: object, frozen: bool = True) -> None:
    side.token.setAddressFrozen(account, frozen, *STATED, sender=side.custodian)


@pytest.mark.parametrize("allowance", [10, UINT_MAX])
@pytest.mark.parametrize("amount", [0, 10])
def test_case_09_a_frozen_spender_moves_nothing(world: World, allowance: int, amount: int) -> None:
    side = world.home
    side.token.approve(side.outsider, allowance, sender=side.investor)
    _freeze(side, side.outsider)
    with refused(world, error="ERC7943CannotSend", args=(side.outsider.address,)):
        side.token.transferFrom(side.investor, side.fund, amount, sender=side.outsider)


def test_a_frozen_spender_takes_nothing_for_itself(world: World) -> None:
    side = world.home
    side.token.approve(side.fund, 10, sender=side.investor)
    _freeze(side, side.fund)
    with refused(world, error="ERC7943CannotReceive", args=(side.fund.address,)):
        side.token.transferFrom(side.investor, side.fund, 10, sender=side.fund)


def test_a_spender_moves_again_when_its_freeze_ends(home_side: Side) -> None:
    token, spender = home_side.token, home_side.outsider
    token.approve(spender, 10, sender=home_side.investor)
    _freeze(home_side, spender)
    _freeze(home_side, spender, False)
    receipt = token.transferFrom(home_side.investor, home_side.fund, 10, sender=spender)
    assert receipt.events == (
        token.emitted("Approval", home_side.investor, spender, 0),
        token.emitted("Transfer", home_side.investor, home_side.fund, 10),
    )


def test_a_frozen_amount_of_the_spender_hinders_nothing(home_side: Side) -> None:
    """It holds the spender's own units, not the hand that moves another's."""
    token, spender = home_side.token, home_side.buyer
    token.approve(spender, 10, sender=home_side.investor)
    token.setFrozenTokens(spender, UINT_MAX, *STATED, sender=home_side.custodian)
    token.transferFrom(home_side.investor, home_side.fund, 10, sender=spender)
    assert home_side.balance(home_side.fund) == 10


@pytest.mark.parametrize("until", [0, 1])
def test_a_spender_needs_no_eligibility(home_side: Side, until: int) -> None:
    """Neither one that was never admitted nor one whose last day is over."""
    token, spender = home_side.token, home_side.outsider
    token.admit(spender, until, *STATED, sender=home_side.registrar)
    token.approve(spender, 10, sender=home_side.investor)
    token.transferFrom(home_side.investor, home_side.fund, 10, sender=spender)
    assert home_side.balance(home_side.fund) == 10
    assert token.allowance(home_side.investor, spender) == 0


def test_a_frozen_issuer_redeems_nobodys_units(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 10, sender=side.investor)
    _freeze(side, side.issuer)
    with refused(world, error="ERC7943CannotSend", args=(side.issuer.address,)):
        side.token.burn(side.investor, 10, *STATED, sender=side.issuer)


def _sends(world: World, side: Side, caller: Any) -> None:
    """The caller sends 5 of its own units over the lane."""
    send = side.custody.lock if side is world.home else side.escrow.burn
    send(world.lane, party(side.fund.address), 5, side.chain.now + DAY, sender=caller)


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_frozen_holder_sends_nothing_over_a_lane(world: World, name: str) -> None:
    """The custody takes at home, the escrow burns abroad: whose units they are is asked."""
    side: Side = getattr(world, name)
    world.arrived(10)
    _freeze(side, side.investor)
    with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
        _sends(world, side, side.investor)


@pytest.mark.parametrize("name", ["home", "remote"])
def test_an_allowance_reaches_no_lane(world: World, name: str) -> None:
    """Custody and escrow move their caller's units alone, whosever allowance the caller has."""
    side: Side = getattr(world, name)
    world.arrived(10)
    side.token.approve(side.fund, 5, sender=side.investor)
    with refused(world, error="ERC20InsufficientBalance", args=(side.fund.address, 0, 5)):
        _sends(world, side, side.fund)


@pytest.mark.parametrize("frozen", [False, True])
def test_an_allowance_to_an_issuer_outlives_its_role(world: World, frozen: bool) -> None:
    """It is the holder's word to an account: it redeems no more, and a freeze ends its use."""
    side = world.home
    side.token.approve(side.issuer, 10, sender=side.investor)
    side.give_role(side.token, side.issuer, 0)
    with refused(world, "access: missing role"):
        side.token.burn(side.investor, 10, *STATED, sender=side.issuer)
    if frozen:
        _freeze(side, side.issuer)
        with refused(world, error="ERC7943CannotSend", args=(side.issuer.address,)):
            side.token.transferFrom(side.investor, side.fund, 10, sender=side.issuer)
    else:
        side.token.transferFrom(side.investor, side.fund, 10, sender=side.issuer)
        assert side.token.allowance(side.investor, side.issuer) == 0
