"""Link accounts: a lane's custody alone, two keys, clean when it begins, ended while empty."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.chain import Contract
from tests.support.world import (
    DAY,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    UINT_MAX,
    Side,
    World,
    refused,
)

PROPOSE = "propose_class(address,uint256,bytes4,bytes32)"
SET = "set_class(address,uint256,bytes4,bytes32)"
REGISTRAR, CUSTODIAN = 8, 16


@pytest.fixture
def custody(home_side: Side) -> Contract:
    """A second custody of the escrow, no link account yet."""
    return home_side.new_custody(linked=False)


def propose(side: Side, account: Any, link: bool = True) -> Any:
    """The registrar proposes."""
    return side.token.propose_class(account, int(link), *STATED, sender=side.registrar)


def carry_out(side: Side, account: Any, link: bool = True) -> Any:
    """The custodian carries it out."""
    return side.token.set_class(account, int(link), *STATED, sender=side.custodian)


# ------------------------------------------------------------------------- two keys


@pytest.mark.parametrize("link", [True, False])
def test_registrar_proposes(home_side: Side, custody: Contract, link: bool) -> None:
    token = home_side.token
    receipt = propose(home_side, custody, link)
    act = keccak(
        encode(["string", "address", "uint256"], ["set_class", str(custody.address), int(link)])
    )
    assert receipt.return_value == act
    assert receipt.events == (
        home_side.act(token, PROPOSE, custody, home_side.registrar),
        token.emitted("ClassProposed", act, custody, int(link)),
    )
    assert tuple(token.proposal_of(act)) == (
        home_side.registrar.address,
        REGISTRAR,
        CUSTODIAN,
        receipt.timestamp,
        receipt.timestamp + 30 * DAY,
    )
    assert not token.is_link(custody)


def test_custodian_makes_the_proposed_custody_a_link_account(
    home_side: Side, custody: Contract
) -> None:
    token = home_side.token
    propose(home_side, custody)
    receipt = carry_out(home_side, custody)
    assert receipt.events == (
        home_side.act(token, SET, custody, home_side.custodian),
        token.emitted("ClassSet", custody, 1),
    )
    assert token.is_link(custody)
    assert token.eligible_until(custody) == 65_535


def test_custodian_ends_an_empty_link_account_as_proposed(
    home_side: Side, custody: Contract
) -> None:
    token = home_side.token
    home_side.link(custody)
    propose(home_side, custody, link=False)
    receipt = carry_out(home_side, custody, link=False)
    assert receipt.events == (
        token.emitted("AddressFrozen", custody, True, home_side.custodian),
        home_side.act(token, SET, custody, home_side.custodian),
        token.emitted("ClassSet", custody, 0),
    )
    assert not token.is_link(custody)
    assert token.isFrozen(custody)
    assert token.eligible_until(custody) == 0


def test_an_ended_link_account_can_begin_again(home_side: Side, custody: Contract) -> None:
    """Once the custodian lifts the freeze that its end left."""
    home_side.link(custody)
    home_side.link(custody, False)
    home_side.token.setAddressFrozen(custody, False, *STATED, sender=home_side.custodian)
    home_side.link(custody)
    assert home_side.token.is_link(custody)


@pytest.mark.requirement("INV-9")
def test_the_registrar_alone_makes_no_holder_of_an_ended_link_account(
    world: World, custody: Contract
) -> None:
    side = world.home
    side.link(custody)
    side.link(custody, False)
    side.token.admit(custody, 40_000, *STATED, sender=side.registrar)
    with refused(world, error="ERC7943CannotReceive", args=(custody.address,)):
        side.token.transfer(custody, 1, sender=side.investor)


def test_the_set_up_key_links_alone(home_side: Side) -> None:
    fresh = home_side.fresh_suite()
    assert fresh.token.is_link(fresh.custody())


@pytest.mark.requirement("INV-9")
def test_nothing_is_linked_that_was_not_proposed(world: World, custody: Contract) -> None:
    side = world.home
    propose(side, custody, link=False)
    with refused(world, "access: act not proposed"):
        carry_out(side, custody)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["registrar", "administrator", "deployer", "attacker"])
def test_no_other_key_carries_a_link_out(world: World, custody: Contract, role: str) -> None:
    side = world.home
    propose(side, custody)
    with refused(world, "access: missing role"):
        side.token.set_class(custody, 1, *STATED, sender=side.parties[role])


@pytest.mark.parametrize("name", ["propose", "set"])
def test_links_state_why(world: World, custody: Contract, name: str) -> None:
    """A standing instruction stands for neither."""
    side, none = world.home, (NO_REASON, NO_DOCUMENT)
    side.token.instruct(*STATED, sender=side.registrar)
    side.token.instruct(*STATED, sender=side.custodian)
    propose(side, custody)
    with refused(world, "instruction: no reason code"):
        if name == "propose":
            side.token.propose_class(custody, 1, *none, sender=side.registrar)
        else:
            side.token.set_class(custody, 1, *none, sender=side.custodian)


# ----------------------------------------------------------------- what can be linked


def refused_link(world: World, account: Any, reason: str) -> None:
    """Both keys try in vain."""
    propose(world.home, account)
    with refused(world, reason):
        carry_out(world.home, account)


@pytest.mark.parametrize("who", ["outsider", "escrow", "delegated"])
def test_only_a_custodys_code_is_linked(world: World, who: str) -> None:
    side = world.home
    if who == "delegated":
        code = bytes.fromhex("ef0100" + side.custody.address[2:])
        side.chain.set_code(side.attacker.address, code)
    account = {
        "outsider": side.outsider.address,
        "escrow": side.escrow.address,
        "delegated": side.attacker.address,
    }[who]
    refused_link(world, account, "controls: link is no custody")


@pytest.mark.parametrize("other", ["escrow", "token"])
def test_only_a_custody_of_this_escrow_and_token_is_linked(world: World, other: str) -> None:
    side = world.home
    escrow = side.attacker if other == "escrow" else side.escrow
    token = side.fresh_token() if other == "token" else side.token
    custody = side.chain.deploy("LaneCustody", escrow, token, sender=side.attacker)
    refused_link(world, custody, "controls: link is no custody")


def test_a_token_that_no_authority_created_links_nothing(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    custody = side.chain.deploy("LaneCustody", side.escrow, token, sender=side.deployer)
    with refused(world):
        token.set_class(custody, 1, *STATED, sender=side.deployer)


@pytest.mark.parametrize("amount", [1, 10**6, UINT_MAX])
def test_an_account_with_a_frozen_amount_is_not_linked(
    world: World, custody: Contract, amount: int
) -> None:
    side = world.home
    side.token.setFrozenTokens(custody, amount, *STATED, sender=side.custodian)
    refused_link(world, custody, "controls: link is frozen")


def test_a_frozen_account_is_not_linked(world: World, custody: Contract) -> None:
    side = world.home
    side.token.setAddressFrozen(custody, True, *STATED, sender=side.custodian)
    refused_link(world, custody, "controls: link is frozen")


def test_an_account_is_linked_once_its_freezes_are_lifted(
    home_side: Side, custody: Contract
) -> None:
    token, custodian = home_side.token, home_side.custodian
    token.setFrozenTokens(custody, 5, *STATED, sender=custodian)
    token.setAddressFrozen(custody, True, *STATED, sender=custodian)
    token.setFrozenTokens(custody, 0, *STATED, sender=custodian)
    token.setAddressFrozen(custody, False, *STATED, sender=custodian)
    home_side.link(custody)
    assert token.is_link(custody)


def test_an_account_that_holds_units_is_not_linked(world: World, custody: Contract) -> None:
    side = world.home
    side.token.admit(custody, 40_000, *STATED, sender=side.registrar)
    side.token.transfer(custody, 1, sender=side.investor)
    refused_link(world, custody, "controls: account holds units")


def test_a_link_account_that_holds_units_is_not_ended(world: World) -> None:
    side = world.home
    world.locked(1_000)
    propose(side, side.custody, link=False)
    with refused(world, "controls: account holds units"):
        carry_out(side, side.custody, link=False)


@pytest.mark.parametrize("link", [True, False])
def test_a_link_that_does_not_change_is_refused(
    world: World, custody: Contract, link: bool
) -> None:
    side = world.home
    account = side.custody if link else custody
    propose(side, account, link)
    with refused(world, "controls: class unchanged"):
        carry_out(side, account, link)


def test_what_a_link_account_holds_of_its_word_survives(home_side: Side, custody: Contract) -> None:
    """Day of movement and epoch are history: a link touches eligibility and flag alone."""
    token = home_side.token
    token.admit(custody, 40_000, *STATED, sender=home_side.registrar)
    token.transfer(custody, 1, sender=home_side.investor)
    order = home_side.enter_order(custody, home_side.fund, 1)
    token.forcedTransfer(*order, sender=home_side.custodian)
    before = token.position_of(custody)
    home_side.link(custody)
    home_side.link(custody, False)
    after = token.position_of(custody)
    assert after.last_movement == before.last_movement != 0
    assert (after.balance, after.frozen, after.eligible_until) == (0, 0, 0)
    assert not after.link


# ------------------------------------------------------------- what a link account is


def test_link_account_may_move_in_calls_of_its_own_alone(home_side: Side) -> None:
    token, custody = home_side.token, home_side.custody
    assert token.canSend.call(custody, sender=custody.address)
    assert token.canReceive.call(custody, sender=custody.address)
    assert not token.canSend.call(custody, sender=home_side.attacker)
    assert not token.canReceive.call(custody, sender=home_side.escrow.address)


def test_nobody_admits_or_freezes_a_link_account(world: World) -> None:
    side = world.home
    for reason, act in (
        (
            "controls: link account",
            lambda: side.token.admit(side.custody, 0, *STATED, sender=side.registrar),
        ),
        (
            "controls: link can't be frozen",
            lambda: side.token.setFrozenTokens(side.custody, 1, *STATED, sender=side.custodian),
        ),
        (
            "controls: link stays unfrozen",
            lambda: side.token.setAddressFrozen(side.custody, True, *STATED, sender=side.custodian),
        ),
    ):
        with refused(world, reason):
            act()


def test_locking_into_an_ended_custody_is_refused(world: World) -> None:
    """Fail closed: nothing goes where nothing could come out."""
    side = world.home
    side.link(side.custody, False)
    short = {"error": "ERC20InsufficientAllowance", "args": (side.custody.address, 0, 1)}
    # No link account any more: it needs an allowance as anybody, and can't receive either.
    with refused(world, **short):
        world.network.lock(side.investor, world.remote.investor, 1)
    side.token.approve(side.custody, UINT_MAX, sender=side.investor)
    with refused(world, error="ERC7943CannotReceive", args=(side.custody.address,)):
        world.network.lock(side.investor, world.remote.investor, 1)
    assert side.token.allowance(side.investor, side.custody) == UINT_MAX
