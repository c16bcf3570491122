"""ERC-7802: what a bridge can do to the supply, and what it can't."""

from __future__ import annotations

import pytest

from tests.support.world import (
    AMOUNT_MAX,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)


@pytest.mark.parametrize("amount", [0, 1, AMOUNT_MAX])
def test_a_bridge_issues(remote_side: Side, amount: int) -> None:
    token, escrow, fund = remote_side.token, remote_side.escrow, remote_side.fund
    receipt = token.crosschainMint(fund, amount, sender=escrow.address)
    assert receipt.events == (
        token.emitted("Transfer", ZERO, fund, amount),
        token.emitted("CrosschainMint", fund, amount, escrow),
    )
    assert remote_side.balance(fund) == amount
    assert token.totalSupply() == amount


@pytest.mark.parametrize("amount", [AMOUNT_MAX, 2**104, UINT_MAX])
def test_a_bridge_issues_no_more_than_fits(world: World, amount: int) -> None:
    side = world.remote
    side.token.crosschainMint(side.fund, 1, sender=side.escrow.address)
    with refused(world, "issuance: supply out of range"):
        side.token.crosschainMint(side.fund, amount, sender=side.escrow.address)


@pytest.mark.parametrize("amount", [0, 1, 1_000])
def test_a_bridge_takes_units_off(world: World, amount: int) -> None:
    side = world.remote
    world.arrived(1_000)
    token, escrow, investor = side.token, side.escrow, side.investor
    receipt = token.crosschainBurn(investor, amount, sender=escrow.address)
    assert receipt.events == (
        token.emitted("Transfer", investor, ZERO, amount),
        token.emitted("CrosschainBurn", investor, amount, escrow),
    )
    assert side.balance(investor) == 1_000 - amount
    assert token.totalSupply() == 1_000 - amount


@pytest.mark.parametrize("amount", [1_001, AMOUNT_MAX, UINT_MAX])
def test_a_bridge_takes_no_more_than_the_balance(world: World, amount: int) -> None:
    side = world.remote
    world.arrived(1_000)
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, 1_000, amount),
    ):
        side.token.crosschainBurn(side.investor, amount, sender=side.escrow.address)


def test_a_bridge_takes_no_frozen_units(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    side.token.setFrozenTokens(side.investor, 999, *STATED, sender=side.custodian)
    with refused(
        world, error="ERC7943InsufficientUnfrozenBalance", args=(side.investor.address, 2, 1)
    ):
        side.token.crosschainBurn(side.investor, 2, sender=side.escrow.address)


def test_a_bridge_takes_nothing_from_a_frozen_account(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
        side.token.crosschainBurn(side.investor, 1, sender=side.escrow.address)


@pytest.mark.parametrize("receiver", ["outsider", "nobody", "link", "frozen"])
def test_a_bridge_credits_only_who_can_receive(world: World, receiver: str) -> None:
    side = world.remote
    side.token.setAddressFrozen(side.fund, True, *STATED, sender=side.custodian)
    account = {
        "outsider": side.outsider.address,
        "nobody": ZERO,
        "link": side.custody.address,
        "frozen": side.fund.address,
    }[receiver]
    with refused(world, error="ERC7943CannotReceive", args=(account,)):
        side.token.crosschainMint(account, 1, sender=side.escrow.address)


@pytest.mark.parametrize("name", ["crosschainMint", "crosschainBurn"])
def test_bridges_wait_for_the_hand_over(world: World, name: str) -> None:
    side = world.remote
    fresh = side.fresh_suite(home=False)
    fresh.token.set_bridge(fresh.escrow, UINT_MAX, UINT_MAX, *STATED, sender=side.deployer)
    with refused(world, "issuance: bridge in set-up"):
        getattr(fresh.token, name)(side.fund, 1, sender=fresh.escrow.address)


@pytest.mark.parametrize("name", ["crosschainMint", "crosschainBurn"])
def test_no_bridge_acts_at_home(world: World, name: str) -> None:
    """The deployment lets nobody do that on the home ledger."""
    side = world.home
    for sender in (side.escrow.address, side.custody.address):
        with refused(world, "bridges: no bridge this way"):
            getattr(side.token, name)(side.investor, 1, sender=sender)
