"""ERC-20: transfers, allowances, batches; ERC-6093 errors."""

from __future__ import annotations

import pytest

from tallystick.chain.reverts import reverts
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)


def test_transfer_moves_units(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    receipt = token.transfer(fund, 500, sender=investor)
    assert receipt.return_value is True
    assert receipt.events == (token.emitted("Transfer", investor, fund, 500),)
    assert home_side.balance(investor) == INVESTOR_UNITS - 500
    assert home_side.balance(fund) == 500


@pytest.mark.requirement("INV-5")
def test_transfer_leaves_the_supply(home_side: Side) -> None:
    supply = home_side.token.totalSupply()
    home_side.token.transfer(home_side.fund, 500, sender=home_side.investor)
    assert home_side.token.totalSupply() == supply


@pytest.mark.parametrize("amount", [1, INVESTOR_UNITS - 1, INVESTOR_UNITS])
def test_transfer_up_to_the_whole_balance(home_side: Side, amount: int) -> None:
    home_side.token.transfer(home_side.fund, amount, sender=home_side.investor)
    assert home_side.balance(home_side.fund) == amount


@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX, 2**104, UINT_MAX])
def test_transfer_above_the_balance_is_refused(world: World, amount: int) -> None:
    side = world.home
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, INVESTOR_UNITS, amount),
    ):
        side.token.transfer(side.fund, amount, sender=side.investor)


def test_transfer_of_nothing_is_a_transfer(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    receipt = token.transfer(fund, 0, sender=investor)
    assert receipt.return_value is True
    assert receipt.events == (token.emitted("Transfer", investor, fund, 0),)


def test_transfer_of_nothing_writes_nothing(world: World) -> None:
    before = world.storage()
    world.home.token.transfer(world.home.fund, 0, sender=world.home.investor)
    assert world.storage() == before


@pytest.mark.parametrize("days", [0, 3])
def test_transfer_to_oneself_moves_and_writes_nothing(world: World, days: int) -> None:
    side = world.home
    token, investor = side.token, side.investor
    side.chain.set_time(side.chain.now + days * DAY)
    before = world.storage()
    receipt = token.transfer(investor, 500, sender=investor)
    assert receipt.events == (token.emitted("Transfer", investor, investor, 500),)
    assert world.storage() == before


def test_a_batch_moves_only_what_goes_to_others(world: World) -> None:
    side = world.home
    token, investor, fund = side.token, side.investor, side.fund
    receipt = token.batchTransfer([investor, fund, investor], [5, 7, 11], sender=investor)
    assert receipt.events == tuple(
        token.emitted("Transfer", investor, to, amount)
        for to, amount in ((investor, 5), (fund, 7), (investor, 11))
    )
    assert (side.balance(investor), side.balance(fund)) == (INVESTOR_UNITS - 7, 7)


@pytest.mark.parametrize("batch", [([], []), (["investor"], [9]), (["fund"], [0])])
def test_a_batch_that_moves_nothing_writes_nothing(
    world: World, batch: tuple[list[str], list[int]]
) -> None:
    side = world.home
    side.chain.set_time(side.chain.now + 3 * DAY)
    before = world.storage()
    receivers = [side.parties[name] for name in batch[0]]
    side.token.batchTransfer(receivers, batch[1], sender=side.investor)
    assert world.storage() == before


def test_a_batch_to_oneself_above_the_balance_is_refused(world: World) -> None:
    side = world.home
    with refused(world, error="ERC20InsufficientBalance"):
        side.token.batchTransfer([side.investor] * 2, [INVESTOR_UNITS, 1], sender=side.investor)


def test_transfer_to_oneself_above_the_balance_is_refused(world: World) -> None:
    side = world.home
    with refused(world, error="ERC20InsufficientBalance"):
        side.token.transfer(side.investor, INVESTOR_UNITS + 1, sender=side.investor)


def test_transfer_to_nobody_is_refused(world: World) -> None:
    with refused(world, error="ERC20InvalidReceiver", args=(ZERO,)):
        world.home.token.transfer(ZERO, 1, sender=world.home.investor)


@pytest.mark.parametrize("amount", [0, 1])
def test_transfer_to_an_outsider_is_refused(world: World, amount: int) -> None:
    side = world.home
    with refused(world, error="ERC7943CannotReceive", args=(side.outsider.address,)):
        side.token.transfer(side.outsider, amount, sender=side.investor)


@pytest.mark.parametrize("amount", [0, 1])
def test_transfer_by_an_outsider_is_refused(world: World, amount: int) -> None:
    side = world.home
    with refused(world, error="ERC7943CannotSend", args=(side.outsider.address,)):
        side.token.transfer(side.investor, amount, sender=side.outsider)


def test_transfer_to_the_link_account_is_refused(world: World) -> None:
    """A donation would be in custody and in no lane's ledger."""
    side = world.home
    with refused(world, error="ERC7943CannotReceive", args=(side.custody.address,)):
        side.token.transfer(side.custody, 1, sender=side.investor)


def test_no_allowance_moves_units_of_the_link_account(world: World) -> None:
    """Even an allowance that it gave: the caller must be the link account itself."""
    side = world.home
    world.locked(1_000)
    side.token.approve(side.attacker, UINT_MAX, sender=side.custody.address)
    with refused(world, error="ERC7943CannotSend", args=(side.custody.address,)):
        side.token.transferFrom(side.custody, side.fund, 1, sender=side.attacker)


def test_transfer_while_transfers_are_paused_is_refused(world: World) -> None:
    side = world.home
    side.token.pause(1, *STATED, sender=side.guardian)
    with refused(world, "controls: transfers paused"):
        side.token.transfer(side.fund, 1, sender=side.investor)


# --------------------------------------------------------------------- allowances


@pytest.mark.parametrize("amount", [0, 1, AMOUNT_MAX, UINT_MAX])
def test_approve_sets_the_allowance(home_side: Side, amount: int) -> None:
    token, investor, buyer = home_side.token, home_side.investor, home_side.buyer
    receipt = token.approve(buyer, amount, sender=investor)
    assert receipt.return_value is True
    assert receipt.events == (token.emitted("Approval", investor, buyer, amount),)
    assert token.allowance(investor, buyer) == amount


def test_approve_replaces_the_allowance(home_side: Side) -> None:
    token, investor, buyer = home_side.token, home_side.investor, home_side.buyer
    token.approve(buyer, 10, sender=investor)
    token.approve(buyer, 3, sender=investor)
    assert token.allowance(investor, buyer) == 3


def test_approve_nobody_is_refused(world: World) -> None:
    with refused(world, error="ERC20InvalidSpender", args=(ZERO,)):
        world.home.token.approve(ZERO, 1, sender=world.home.investor)


def test_an_allowance_can_be_withdrawn_while_everything_is_paused(home_side: Side) -> None:
    token, investor, buyer = home_side.token, home_side.investor, home_side.buyer
    token.approve(buyer, 10, sender=investor)
    token.pause(7, *STATED, sender=home_side.guardian)
    token.approve(buyer, 0, sender=investor)
    assert token.allowance(investor, buyer) == 0


def test_transfer_from_uses_up_the_allowance(home_side: Side) -> None:
    token, investor, buyer, fund = (
        home_side.token,
        home_side.investor,
        home_side.buyer,
        home_side.fund,
    )
    token.approve(buyer, 10, sender=investor)
    receipt = token.transferFrom(investor, fund, 4, sender=buyer)
    assert receipt.return_value is True
    assert receipt.events == (
        token.emitted("Approval", investor, buyer, 6),
        token.emitted("Transfer", investor, fund, 4),
    )
    assert token.allowance(investor, buyer) == 6
    assert home_side.balance(fund) == 4


def test_transfer_from_up_to_the_whole_allowance(home_side: Side) -> None:
    token = home_side.token
    token.approve(home_side.buyer, 10, sender=home_side.investor)
    token.transferFrom(home_side.investor, home_side.fund, 10, sender=home_side.buyer)
    assert token.allowance(home_side.investor, home_side.buyer) == 0


@pytest.mark.parametrize(("allowed", "amount"), [(0, 1), (10, 11), (UINT_MAX - 1, UINT_MAX)])
def test_transfer_from_above_the_allowance_is_refused(
    world: World, allowed: int, amount: int
) -> None:
    side = world.home
    side.token.approve(side.buyer, allowed, sender=side.investor)
    with refused(
        world,
        error="ERC20InsufficientAllowance",
        args=(side.buyer.address, allowed, amount),
    ):
        side.token.transferFrom(side.investor, side.fund, amount, sender=side.buyer)


def test_largest_allowance_never_runs_out(home_side: Side) -> None:
    token = home_side.token
    token.approve(home_side.buyer, UINT_MAX, sender=home_side.investor)
    receipt = token.transferFrom(home_side.investor, home_side.fund, 500, sender=home_side.buyer)
    assert receipt.events == (token.emitted("Transfer", home_side.investor, home_side.fund, 500),)
    assert token.allowance(home_side.investor, home_side.buyer) == UINT_MAX


def test_transfer_from_oneself_needs_an_allowance_too(world: World) -> None:
    side = world.home
    with refused(world, error="ERC20InsufficientAllowance"):
        side.token.transferFrom(side.investor, side.fund, 1, sender=side.investor)


def test_transfer_from_above_the_balance_leaves_the_allowance(world: World) -> None:
    side = world.home
    side.token.approve(side.buyer, UINT_MAX - 1, sender=side.investor)
    with refused(world, error="ERC20InsufficientBalance"):
        side.token.transferFrom(side.investor, side.fund, INVESTOR_UNITS + 1, sender=side.buyer)
    assert side.token.allowance(side.investor, side.buyer) == UINT_MAX - 1


def test_transfer_from_while_transfers_are_paused_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.buyer, 5, sender=side.investor)
    side.token.pause(1, *STATED, sender=side.guardian)
    with refused(world, "controls: transfers paused"):
        side.token.transferFrom(side.investor, side.fund, 5, sender=side.buyer)


def test_transfer_from_to_nobody_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.buyer, 5, sender=side.investor)
    with refused(world, error="ERC20InvalidReceiver", args=(ZERO,)):
        side.token.transferFrom(side.investor, ZERO, 5, sender=side.buyer)


# ------------------------------------------------------------------------ batches


def test_batch_moves_each_amount_in_order(home_side: Side) -> None:
    token, investor, buyer, fund = (
        home_side.token,
        home_side.investor,
        home_side.buyer,
        home_side.fund,
    )
    before = home_side.balance(buyer)
    receipt = token.batchTransfer([buyer, fund, buyer], [5, 7, 0], sender=investor)
    assert receipt.events == (
        token.emitted("Transfer", investor, buyer, 5),
        token.emitted("Transfer", investor, fund, 7),
        token.emitted("Transfer", investor, buyer, 0),
    )
    assert home_side.balance(buyer) == before + 5
    assert home_side.balance(fund) == 7
    assert home_side.balance(investor) == INVESTOR_UNITS - 12


def test_batch_of_none_does_nothing(home_side: Side) -> None:
    receipt = home_side.token.batchTransfer([], [], sender=home_side.investor)
    assert receipt.events == ()
    assert home_side.balance(home_side.investor) == INVESTOR_UNITS


def test_batch_to_oneself_keeps_the_balance(home_side: Side) -> None:
    investor = home_side.investor
    home_side.token.batchTransfer([investor, investor], [5, 6], sender=investor)
    assert home_side.balance(investor) == INVESTOR_UNITS


def test_batch_may_move_the_whole_balance(home_side: Side) -> None:
    investor, fund = home_side.investor, home_side.fund
    home_side.token.batchTransfer([fund, investor], [INVESTOR_UNITS - 1, 1], sender=investor)
    assert home_side.balance(investor) == 1
    assert home_side.balance(fund) == INVESTOR_UNITS - 1


def test_batch_to_oneself_needs_the_units_all_at_once(world: World) -> None:
    """Units that come back within the batch can't be sent on in it: the debit is first."""
    side = world.home
    with refused(world, error="ERC20InsufficientBalance"):
        side.token.batchTransfer(
            [side.investor, side.fund], [INVESTOR_UNITS, 1], sender=side.investor
        )


@pytest.mark.parametrize(("receivers", "amounts"), [(1, 2), (2, 1), (0, 1), (1, 0)])
def test_batch_of_unequal_lists_is_refused(world: World, receivers: int, amounts: int) -> None:
    side = world.home
    with refused(world, "erc20: lists differ in length"):
        side.token.batchTransfer([side.fund] * receivers, [1] * amounts, sender=side.investor)


def test_batch_above_the_balance_is_refused(world: World) -> None:
    side = world.home
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, INVESTOR_UNITS, INVESTOR_UNITS + 1),
    ):
        side.token.batchTransfer([side.buyer, side.fund], [INVESTOR_UNITS, 1], sender=side.investor)


def test_batch_whose_total_overflows_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "erc20: amount out of range"):
        side.token.batchTransfer([side.buyer, side.fund], [UINT_MAX, 1], sender=side.investor)


def test_batch_with_one_bad_receiver_moves_nothing(world: World) -> None:
    side = world.home
    with refused(world, error="ERC7943CannotReceive", args=(side.outsider.address,)):
        side.token.batchTransfer([side.fund, side.outsider], [1, 1], sender=side.investor)


def test_batch_with_nobody_among_the_receivers_is_refused(world: World) -> None:
    side = world.home
    with refused(world, error="ERC20InvalidReceiver", args=(ZERO,)):
        side.token.batchTransfer([side.fund, ZERO], [1, 1], sender=side.investor)


def test_batch_while_transfers_are_paused_is_refused(world: World) -> None:
    side = world.home
    side.token.pause(1, *STATED, sender=side.guardian)
    with refused(world, "erc20: transfers paused"):
        side.token.batchTransfer([side.fund], [1], sender=side.investor)


def test_batch_of_frozen_units_is_refused(world: World) -> None:
    side = world.home
    side.token.setFrozenTokens(side.investor, INVESTOR_UNITS - 10, *STATED, sender=side.custodian)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, 11, 10),
    ):
        side.token.batchTransfer([side.fund, side.buyer], [10, 1], sender=side.investor)


def test_batch_by_an_outsider_is_refused(world: World) -> None:
    side = world.home
    with refused(world, error="ERC7943CannotSend", args=(side.outsider.address,)):
        side.token.batchTransfer([side.fund], [0], sender=side.outsider)


def test_batch_of_256_fits_one_transaction(home_side: Side) -> None:
    receipt = home_side.token.batchTransfer(
        [home_side.fund] * 256, [1] * 256, sender=home_side.investor
    )
    assert len(receipt.events) == 256
    assert home_side.balance(home_side.fund) == 256


def test_batch_of_257_is_refused(world: World) -> None:
    side = world.home
    with refused(world):
        side.token.batchTransfer([side.fund] * 257, [1] * 257, sender=side.investor)


def test_no_amount_overflows_into_another_field(home_side: Side) -> None:
    """The largest issue there can be, in one account, leaves its other fields alone."""
    token, fund = home_side.token, home_side.fund
    rest = AMOUNT_MAX - token.totalSupply()
    token.authorise_issuance(rest, *STATED, sender=home_side.notary)
    token.mint(fund, rest, *STATED, sender=home_side.issuer)
    token.transfer(fund, INVESTOR_UNITS, sender=home_side.investor)
    token.transfer(fund, home_side.balance(home_side.buyer), sender=home_side.buyer)
    position = token.position_of(fund)
    assert (position.balance, position.frozen, position.eligible_until) == (AMOUNT_MAX, 0, 40_000)


def test_units_sent_with_ether_are_refused(world: World) -> None:
    side = world.home
    with reverts():
        side.token.transfer.send(side.fund, 1, sender=side.investor, value=1)
