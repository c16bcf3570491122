"""Notary and issuer: units come into being within an authorisation, and end at home."""

from __future__ import annotations

import pytest

from tests.support.world import (
    AMOUNT_MAX,
    BUYER_UNITS,
    DOCUMENT,
    INVESTOR_UNITS,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

AUTHORISE = "authorise_issuance(uint256,bytes4,bytes32)"
WITHDRAW = "withdraw_authorisation(uint256,bytes4,bytes32)"
MINT = "mint(address,uint256,bytes4,bytes32)"
BURN = "burn(address,uint256,bytes4,bytes32)"
ISSUED = INVESTOR_UNITS + BUYER_UNITS


def authorise(side: Side, amount: int) -> None:
    """The notary allows more units."""
    side.token.authorise_issuance(amount, *STATED, sender=side.notary)


@pytest.mark.requirement("R-11")
@pytest.mark.parametrize("amount", [0, 1, AMOUNT_MAX - ISSUED])
def test_notary_authorises(home_side: Side, amount: int) -> None:
    token, notary = home_side.token, home_side.notary
    receipt = token.authorise_issuance(amount, *STATED, sender=notary)
    assert receipt.events == (
        home_side.act(token, AUTHORISE, ZERO, notary),
        token.emitted("IssuanceAuthorised", ISSUED + amount, amount),
    )
    assert token.authorised() == ISSUED + amount
    assert token.totalSupply() == ISSUED


@pytest.mark.parametrize("amount", [AMOUNT_MAX - ISSUED + 1, AMOUNT_MAX, 2**104, UINT_MAX])
def test_authorising_more_than_fits_is_refused(world: World, amount: int) -> None:
    with refused(world, "issuance: too much authorised"):
        authorise(world.home, amount)


@pytest.mark.requirement("R-11")
def test_authorising_more_than_the_record_states_is_refused(world: World) -> None:
    """Token and registry agree: the record's issue size bounds the notary."""
    side = world.home
    fresh = side.fresh_suite()
    fresh.register(authorised=1_000)
    fresh.token.assign_role(side.notary, 4, *STATED, sender=side.deployer)
    side.hand_over(fresh.token)
    fresh.token.authorise_issuance(1_000, *STATED, sender=side.notary)
    with refused(world, "issuance: above the record"):
        fresh.token.authorise_issuance(1, *STATED, sender=side.notary)


def test_nothing_is_authorised_without_a_record(world: World) -> None:
    side = world.home
    fresh = side.fresh_suite()
    fresh.token.assign_role(side.notary, 4, *STATED, sender=side.deployer)
    side.hand_over(fresh.token)
    with refused(world, "issuance: above the record"):
        fresh.token.authorise_issuance(1, *STATED, sender=side.notary)


@pytest.mark.requirement("R-11")
@pytest.mark.parametrize("amount", [0, 1, 100])
def test_notary_takes_back_what_was_not_issued(world: World, amount: int) -> None:
    side = world.home
    token, notary = side.token, side.notary
    authorise(side, 100)
    receipt = token.withdraw_authorisation(amount, *STATED, sender=notary)
    assert receipt.events == (
        side.act(token, WITHDRAW, ZERO, notary),
        token.emitted("AuthorisationWithdrawn", ISSUED + 100 - amount, amount),
    )
    assert token.authorised() == ISSUED + 100 - amount
    with refused(world, "issuance: not authorised"):
        token.mint(side.fund, 101 - amount, *STATED, sender=side.issuer)


@pytest.mark.parametrize("amount", [101, AMOUNT_MAX, UINT_MAX - ISSUED])
def test_an_authorisation_under_which_units_exist_is_not_taken_back(
    world: World, amount: int
) -> None:
    side = world.home
    authorise(side, 100)
    with refused(world, "issuance: units exist under it"):
        side.token.withdraw_authorisation(amount, *STATED, sender=side.notary)


@pytest.mark.parametrize("name", ["authorise_issuance", "withdraw_authorisation"])
def test_an_authorisation_states_why_itself(world: World, name: str) -> None:
    side = world.home
    side.token.instruct(*STATED, sender=side.notary)
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)(0, NO_REASON, NO_DOCUMENT, sender=side.notary)


def test_authorising_on_a_remote_ledger_is_refused(world: World) -> None:
    side = world.remote
    with refused(world, "issuance: not the home ledger"):
        authorise(side, 1)


def test_authorising_before_hand_over_is_refused(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    token.assign_role(side.notary, 4, *STATED, sender=side.deployer)
    with refused(world, "issuance: not handed over"):
        token.authorise_issuance(1, *STATED, sender=side.notary)


@pytest.mark.requirement("R-11", "R-12")
@pytest.mark.parametrize("amount", [1, 99, 100])
def test_issuer_issues_within_the_authorisation(home_side: Side, amount: int) -> None:
    token, fund, issuer = home_side.token, home_side.fund, home_side.issuer
    authorise(home_side, 100)
    receipt = token.mint(fund, amount, *STATED, sender=issuer)
    assert receipt.events == (
        home_side.act(token, MINT, fund, issuer),
        token.emitted("Transfer", ZERO, fund, amount),
    )
    assert home_side.balance(fund) == amount
    assert token.totalSupply() == ISSUED + amount
    assert token.authorised() == ISSUED + 100


@pytest.mark.requirement("R-11")
@pytest.mark.parametrize("amount", [101, AMOUNT_MAX - ISSUED, AMOUNT_MAX])
def test_issuing_beyond_the_authorisation_is_refused(world: World, amount: int) -> None:
    side = world.home
    authorise(side, 100)
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, amount, *STATED, sender=side.issuer)


@pytest.mark.parametrize("amount", [AMOUNT_MAX + 1, UINT_MAX])
def test_issuing_more_than_a_position_holds_is_refused(world: World, amount: int) -> None:
    side = world.home
    with refused(world, "issuance: amount out of range"):
        side.token.mint(side.fund, amount, *STATED, sender=side.issuer)


@pytest.mark.requirement("R-11")
def test_issuing_on_a_remote_ledger_is_refused(world: World) -> None:
    side = world.remote
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, 1, *STATED, sender=side.issuer)


@pytest.mark.requirement("R-11")
def test_issuing_before_hand_over_is_refused(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    for account, role in ((side.issuer, 2), (side.registrar, 8)):
        token.assign_role(account, role, *STATED, sender=side.deployer)
    token.admit(side.fund, 40_000, *STATED, sender=side.registrar)
    with refused(world, "issuance: not authorised"):
        token.mint(side.fund, 1, *STATED, sender=side.issuer)


def test_issuing_to_nobody_is_refused(world: World) -> None:
    side = world.home
    authorise(side, 1)
    with refused(world, error="ERC20InvalidReceiver", args=(ZERO,)):
        side.token.mint(ZERO, 1, *STATED, sender=side.issuer)


@pytest.mark.parametrize("receiver", ["outsider", "custody", "frozen"])
def test_issuing_to_who_cannot_receive_is_refused(world: World, receiver: str) -> None:
    side = world.home
    authorise(side, 1)
    side.token.setAddressFrozen(side.buyer, True, *STATED, sender=side.custodian)
    account = {
        "outsider": side.outsider.address,
        "custody": side.custody.address,
        "frozen": side.buyer.address,
    }[receiver]
    with refused(world, error="ERC7943CannotReceive", args=(account,)):
        side.token.mint(account, 1, *STATED, sender=side.issuer)


def test_issuing_while_issuance_is_paused_is_refused(world: World) -> None:
    side = world.home
    authorise(side, 1)
    side.token.pause(2, *STATED, sender=side.guardian)
    with refused(world, "issuance: issuance paused"):
        side.token.mint(side.fund, 1, *STATED, sender=side.issuer)


@pytest.mark.parametrize("name", ["mint", "burn"])
def test_issuing_and_redeeming_need_a_reason(world: World, name: str) -> None:
    side = world.home
    authorise(side, 1)
    side.token.transfer(side.fund, 1, sender=side.investor)
    side.token.approve(side.issuer, 1, sender=side.fund)
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)(side.fund, 1, sender=side.issuer)


def test_issuer_issues_under_its_standing_instruction(home_side: Side) -> None:
    token, fund, issuer = home_side.token, home_side.fund, home_side.issuer
    authorise(home_side, 1)
    token.instruct(b"ISSU", DOCUMENT, sender=issuer)
    receipt = token.mint(fund, 1, sender=issuer)
    assert receipt.events == (
        home_side.act(token, "mint(address,uint256)", fund, issuer, (b"ISSU", DOCUMENT)),
        token.emitted("Transfer", ZERO, fund, 1),
    )


# -------------------------------------------------------------------- redemption


@pytest.mark.parametrize("amount", [0, 1, 100])
def test_issuer_redeems_units_of_a_holder_within_its_allowance(
    home_side: Side, amount: int
) -> None:
    token, investor, issuer = home_side.token, home_side.investor, home_side.issuer
    token.approve(issuer, 100, sender=investor)
    receipt = token.burn(investor, amount, *STATED, sender=issuer)
    spent = (token.emitted("Approval", investor, issuer, 100 - amount),) if amount else ()
    assert receipt.events == (
        *spent,
        home_side.act(token, BURN, investor, issuer),
        token.emitted("Transfer", investor, ZERO, amount),
    )
    assert home_side.balance(investor) == INVESTOR_UNITS - amount
    assert token.totalSupply() == ISSUED - amount
    assert token.allowance(investor, issuer) == 100 - amount


@pytest.mark.requirement("R-11")
def test_redemption_lowers_the_authorisation(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 100, sender=side.investor)
    side.token.burn(side.investor, 100, *STATED, sender=side.issuer)
    assert side.token.authorised() == ISSUED - 100
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, 100, *STATED, sender=side.issuer)


def test_issuer_redeems_its_own_units_without_allowance(home_side: Side) -> None:
    token, issuer = home_side.token, home_side.issuer
    token.admit(issuer, 40_000, *STATED, sender=home_side.registrar)
    token.transfer(issuer, 5, sender=home_side.investor)
    token.burn(issuer, 5, *STATED, sender=issuer)
    assert home_side.balance(issuer) == 0
    assert token.totalSupply() == ISSUED - 5


def test_redemption_above_the_allowance_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 99, sender=side.investor)
    with refused(world, error="ERC20InsufficientAllowance", args=(side.issuer.address, 99, 100)):
        side.token.burn(side.investor, 100, *STATED, sender=side.issuer)


@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX, UINT_MAX])
def test_redemption_above_the_balance_is_refused(world: World, amount: int) -> None:
    side = world.home
    side.token.approve(side.issuer, UINT_MAX, sender=side.investor)
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, INVESTOR_UNITS, amount),
    ):
        side.token.burn(side.investor, amount, *STATED, sender=side.issuer)


def test_redemption_of_frozen_units_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 100, sender=side.investor)
    side.token.setFrozenTokens(side.investor, INVESTOR_UNITS - 99, *STATED, sender=side.custodian)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, 100, 99),
    ):
        side.token.burn(side.investor, 100, *STATED, sender=side.issuer)


def test_redemption_from_a_frozen_account_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 100, sender=side.investor)
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
        side.token.burn(side.investor, 100, *STATED, sender=side.issuer)


def test_redemption_from_the_link_account_is_refused(world: World) -> None:
    """Not even with an allowance that custody can't give."""
    side = world.home
    world.locked(1_000)
    side.token.approve(side.issuer, 1_000, sender=side.custody.address)
    with refused(world, error="ERC7943CannotSend", args=(side.custody.address,)):
        side.token.burn(side.custody, 1_000, *STATED, sender=side.issuer)


def test_redemption_while_issuance_is_paused_is_refused(world: World) -> None:
    side = world.home
    side.token.approve(side.issuer, 1, sender=side.investor)
    side.token.pause(2, *STATED, sender=side.guardian)
    with refused(world, "issuance: redemption paused"):
        side.token.burn(side.investor, 1, *STATED, sender=side.issuer)


def test_redemption_on_a_remote_ledger_is_refused(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    side.token.approve(side.issuer, 1, sender=side.investor)
    with refused(world, "issuance: redemption is at home"):
        side.token.burn(side.investor, 1, *STATED, sender=side.issuer)


def test_the_whole_issue_can_be_redeemed(home_side: Side) -> None:
    token, issuer = home_side.token, home_side.issuer
    for holder in (home_side.investor, home_side.buyer):
        token.approve(issuer, UINT_MAX, sender=holder)
        token.burn(holder, home_side.balance(holder), *STATED, sender=issuer)
    assert (token.totalSupply(), token.authorised()) == (0, 0)
    assert token.is_home()
    assert token.is_live()
    assert token.close_minute() == 1_260
