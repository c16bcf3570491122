"""What a review of this token found: each attack once worked, and fails now (docs/findings.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tallystick.chain import Contract
from tallystick.token.closings import SLOTS
from tests.support.closings import opening_key
from tests.support.world import (
    AMOUNT_MAX,
    AUTHORITY,
    DAY,
    INVESTOR_UNITS,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
    write_slot,
)

# --------------------------------------------------------------------- link accounts


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("freeze", ["amount", "account"])
def test_a_freeze_laid_before_the_link_strands_nothing(world: World, freeze: str) -> None:
    """A frozen custody took locks in and paid nothing out, and no role could lift the freeze."""
    side = world.home
    custody = side.new_custody(linked=False)
    if freeze == "amount":
        side.token.setFrozenTokens(custody, UINT_MAX, *STATED, sender=side.custodian)
    else:
        side.token.setAddressFrozen(custody, True, *STATED, sender=side.custodian)
    side.token.propose_class(custody, 1, *STATED, sender=side.registrar)
    with refused(world, "controls: link is frozen"):
        side.token.set_class(custody, 1, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-9", "R-36")
def test_no_wallet_becomes_a_sanctuary(world: World) -> None:
    """The registrar alone put any contract beyond freezes and orders, for ever."""
    side = world.home
    wallet = side.chain.deploy("LaneCustody", side.attacker, side.token, sender=side.attacker)
    side.token.propose_class(wallet, 1, *STATED, sender=side.registrar)
    with refused(world, "access: missing role"):
        side.token.set_class(wallet, 1, *STATED, sender=side.registrar)
    with refused(world, "controls: link is no custody"):
        side.token.set_class(wallet, 1, *STATED, sender=side.custodian)


def test_case_20_no_delegated_key_becomes_a_link_account(world: World) -> None:
    """An account that delegates (EIP-7702) passed for a contract; its key moved what it held."""
    side = world.home
    code = bytes.fromhex("ef0100" + side.custody.address[2:])
    side.chain.set_code(side.attacker.address, code)
    side.token.propose_class(side.attacker, 1, *STATED, sender=side.registrar)
    with refused(world, "controls: link is no custody"):
        side.token.set_class(side.attacker, 1, *STATED, sender=side.custodian)


# ---------------------------------------------------------------------- authorisation


@pytest.mark.requirement("R-11")
def test_the_notary_takes_an_authorisation_back(world: World) -> None:
    """It was for ever: a wrong figure could be issued until the end of time."""
    side = world.home
    side.token.authorise_issuance(10**20, *STATED, sender=side.notary)
    side.token.withdraw_authorisation(10**20, *STATED, sender=side.notary)
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, 1, *STATED, sender=side.issuer)


# ------------------------------------------------------------------- nothing moves


def _own_transfer(side: Side) -> Any:
    return side.token.transfer(side.investor, 5, sender=side.investor)


def _no_batch(side: Side) -> Any:
    return side.token.batchTransfer([side.buyer], [0], sender=side.investor)


def _no_mint(side: Side) -> Any:
    return side.token.mint(side.buyer, 0, *STATED, sender=side.issuer)


def _no_burn(side: Side) -> Any:
    return side.token.burn(side.buyer, 0, *STATED, sender=side.issuer)


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize("act", [_own_transfer, _no_batch, _no_mint, _no_burn])
def test_an_act_that_moves_nothing_leaves_no_trace(
    world: World, act: Callable[[Side], Any]
) -> None:
    """Self-transfers, empty batches and acts over nothing wrote openings into histories."""
    side = world.home
    side.chain.set_time(side.chain.now + 3 * DAY)
    before = world.storage()
    act(side)
    assert world.storage() == before


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize("name", ["crosschainMint", "crosschainBurn"])
def test_a_bridge_that_moves_nothing_leaves_no_trace(world: World, name: str) -> None:
    world.arrived(1_000)
    side = world.remote
    side.chain.set_time(side.chain.now + 3 * DAY)
    before = world.storage()
    getattr(side.token, name)(side.investor, 0, sender=side.escrow.address)
    assert world.storage() == before


@pytest.mark.requirement("R-41")
def test_an_order_over_nothing_leaves_no_trace(world: World) -> None:
    side = world.home
    side.chain.set_time(side.chain.now + 3 * DAY)
    with refused(world, "orders: of nothing"):
        side.enter_order(side.buyer, side.fund, 0)


# ------------------------------------------------------------------------------ orders


def test_a_dead_order_is_not_shown(world: World) -> None:
    """`order_in_force` told of orders past their expiry, and of registrars long gone."""
    side = world.home
    none = (ZERO, NO_REASON, 0, 0)
    order = side.enter_order(side.investor, side.fund, 10)
    with world.isolated():
        side.chain.set_time(side.chain.now + DAY)
        assert tuple(side.token.order_in_force(*order)) == none
    side.give_role(side.token, side.registrar, 0)
    assert tuple(side.token.order_in_force(*order)) == none


@pytest.mark.requirement("R-36")
def test_no_order_rests_on_an_old_standing_instruction(world: World) -> None:
    """Two years after its onboarding manual a registrar's order named nothing but that."""
    side = world.home
    manual = keccak(text="onboarding manual")
    side.token.instruct(b"ONBD", manual, sender=side.registrar)
    side.chain.set_time(side.chain.now + 700 * DAY)
    with refused(world, "instruction: no reason code"):
        side.token.enter_order(
            side.investor,
            side.fund,
            10,
            side.chain.now + DAY,
            AUTHORITY,
            1,
            NO_REASON,
            NO_DOCUMENT,
            sender=side.registrar,
        )


@pytest.mark.requirement("R-36")
def test_an_order_is_not_dodged_by_moving_one_unit(world: World) -> None:
    """Who sent one unit away had less than the order named: it could not be carried out."""
    side = world.home
    order = side.enter_order(side.investor, side.fund, INVESTOR_UNITS)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, 1, 0),
    ):
        side.token.transfer(side.buyer, 1, sender=side.investor)
    side.token.forcedTransfer(*order, sender=side.custodian)
    assert side.balance(side.fund) == INVESTOR_UNITS


@pytest.mark.requirement("R-36")
def test_an_order_is_not_dodged_by_a_lock_to_a_stranger(world: World) -> None:
    """Units locked for somebody who can't receive lay in suspense, out of every order's reach."""
    side = world.home
    order = side.enter_order(side.investor, side.fund, INVESTOR_UNITS)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, INVESTOR_UNITS, 0),
    ):
        world.network.lock(side.investor, world.remote.outsider, INVESTOR_UNITS)
    side.token.forcedTransfer(*order, sender=side.custodian)
    assert side.balance(side.fund) == INVESTOR_UNITS


@pytest.mark.requirement("R-36")
def test_case_28_two_equal_orders_do_not_meet(world: World) -> None:
    """Two courts' orders for the same accounts and amount were one: the second was refused."""
    side = world.home
    first = side.enter_order(side.investor, side.fund, 10)
    second = side.enter_order(side.investor, side.fund, 10, number=2)
    assert first != second
    side.token.forcedTransfer(*first, sender=side.custodian)
    assert side.token.order_in_force(*second).registrar == side.registrar.address
    with refused(world, "orders: none to carry out"):
        side.token.forcedTransfer(*first, sender=side.custodian)
    side.token.forcedTransfer(*second, sender=side.custodian)
    assert side.balance(side.fund) == 20


def test_a_freeze_of_all_does_not_decay(world: World) -> None:
    """After a forced transfer \"all\" had become a number that a later receipt could outgrow."""
    side = world.home
    token = side.token
    token.setFrozenTokens(side.buyer, UINT_MAX, *STATED, sender=side.custodian)
    token.forcedTransfer(*side.enter_order(side.buyer, side.fund, 100), sender=side.custodian)
    assert token.getFrozenTokens(side.buyer) == UINT_MAX
    assert not token.canTransfer(side.buyer, side.fund, 1)


def test_can_transfer_stays_false_above_the_balance(world: World) -> None:
    """With units frozen it was false up to the balance, and true again beyond."""
    side = world.home
    side.token.setFrozenTokens(side.investor, 1, *STATED, sender=side.custodian)
    balance = side.balance(side.investor)
    for amount in (balance, balance + 1, AMOUNT_MAX, UINT_MAX):
        assert not side.token.canTransfer(side.investor, side.fund, amount)


# ---------------------------------------------------------------------------- closings


@pytest.mark.requirement("R-41")
def test_the_first_day_of_movement_is_no_hint_and_needs_none(world: World) -> None:
    """Said in the function: nothing was held before it, so that it keeps no opening."""
    side = world.home
    first = side.token.position_of(side.investor).last_movement
    side.chain.set_time(side.chain.now + 3 * DAY)
    side.token.transfer(side.buyer, 1, sender=side.investor)
    later = side.token.position_of(side.investor).last_movement
    assert side.token.balance_at_close(side.investor, first - 1) == 0
    assert side.token.balance_at_close(side.investor, first - 1, later) == 0
    with refused(world, "book: hint is no later opening"):
        side.token.balance_at_close(side.investor, first - 1, first)


@pytest.mark.requirement("R-41")
def test_an_opening_keeps_its_epoch(world: World) -> None:
    """A mutant whose openings forgot in which epoch's units they are passed every test."""
    side = world.home
    token: Contract = side.token
    slot = ("book", "_positions", side.investor.address)
    epoch = 3 << 240
    # A ledger in that epoch, as after three ratios; no account is ahead of it.
    for each in (slot, ("book", "_positions", side.buyer.address), ("book", "_issue")):
        write_slot(token, read_slot(token, *each) | epoch, *each)
    side.chain.set_time(side.chain.now + 3 * DAY)
    token.transfer(side.buyer, 1, sender=side.investor)
    day = token.position_of(side.investor).last_movement
    key = opening_key(str(side.investor.address), int(day) % SLOTS)
    opening = read_slot(token, "book", "_openings", key)
    assert opening & (1_023 << 240) == epoch
    assert read_slot(token, *slot) & (1_023 << 240) == epoch
