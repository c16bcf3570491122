"""Lane custody: no owner, one escrow, one token."""

from __future__ import annotations

import pytest

from tests.support.world import DOCUMENT, STATED, ZERO, World, refused

ROLES = ("issuer", "custodian", "administrator", "operator", "guardian", "deployer", "attacker")


def test_custody_knows_its_escrow_and_token(world: World) -> None:
    for side in (world.home, world.remote):
        assert side.custody.escrow() == side.escrow.address
        assert side.custody.token() == side.token.address


def test_custody_has_no_function_besides(world: World) -> None:
    """No owner, no sweep, no approval, no fallback: nothing else could be called."""
    names = {entry["name"] for entry in world.home.custody.abi if entry["type"] == "function"}
    moving = {"lock", "lock_signed", "make_good"}
    asked = {"escrow", "token", "authorizations", "domain_separator", "eip712Domain"}
    assert names == {*moving, "withdraw_lock", "pay", "hold", "give_back"} | asked
    assert not [e for e in world.home.custody.abi if e["type"] in {"fallback", "receive"}]


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["home", "remote"])
def test_no_key_moves_what_lies_in_custody(world: World, role: str, name: str) -> None:
    side = getattr(world, name)
    world.locked(1_000)
    key = side.parties[role]
    with refused(world, "custody: pay is the escrow's"):
        side.custody.pay(side.investor, 1, sender=key)
    with refused(world, "custody: hold is the escrow's"):
        side.custody.hold(1, sender=key)
    with refused(world, "custody: give_back is the escrow's"):
        side.custody.give_back(1, sender=key)


def test_the_escrow_pays(world: World) -> None:
    side = world.home
    world.locked(5)
    receipt = side.custody.pay(side.fund, 5, sender=side.escrow.address)
    assert receipt.return_value is True
    assert receipt.events == (side.token.emitted("Transfer", side.custody, side.fund, 5),)


def test_custody_pays_not_itself(world: World) -> None:
    side = world.home
    world.locked(1_000)
    with refused(world, "custody: pay to itself"):
        side.custody.pay(side.custody, 1, sender=side.escrow.address)


def test_custody_holds_what_arrives_remotely(world: World) -> None:
    side = world.remote
    receipt = side.custody.hold(5, sender=side.escrow.address)
    assert receipt.return_value is True
    assert receipt.events == (
        side.token.emitted("Transfer", ZERO, side.custody, 5),
        side.token.emitted("CrosschainMint", side.custody, 5, side.custody),
    )


def test_custody_gives_back_what_waits_there(world: World) -> None:
    """Its own, and what it has; at home nothing is taken off that way."""
    side = world.remote
    side.custody.hold(5, sender=side.escrow.address)
    receipt = side.custody.give_back(3, sender=side.escrow.address)
    assert receipt.return_value is True
    assert receipt.events == (
        side.token.emitted("Transfer", side.custody, ZERO, 3),
        side.token.emitted("CrosschainBurn", side.custody, 3, side.custody),
    )
    assert (side.balance(side.custody), side.token.totalSupply()) == (2, 2)
    with refused(world, error="ERC20InsufficientBalance", args=(side.custody.address, 2, 3)):
        side.custody.give_back(3, sender=side.escrow.address)
    world.locked(1_000)
    with refused(world, "bridges: no bridge this way"):
        world.home.custody.give_back(1, sender=world.home.escrow.address)


def test_custody_creates_nothing_at_home(world: World) -> None:
    """There it holds what is locked; the token knows it as no bridge."""
    with refused(world, "bridges: no bridge this way"):
        world.home.custody.hold(1, sender=world.home.escrow.address)


def test_a_token_that_returns_false_is_a_failure(world: World) -> None:
    side = world.home
    token = side.chain.deploy("FalseTokenMock", sender=side.deployer)
    custody = side.chain.deploy("LaneCustody", side.attacker, token, sender=side.deployer)
    # An escrow that enters whatever it is given: it answers 1.
    side.chain.set_code(side.attacker.address, bytes.fromhex("600160005260206000f3"))
    with refused(world, "custody: lock failed"):
        custody.lock(world.lane, DOCUMENT, 1, 2**63, sender=side.investor)
    with refused(world, "custody: pay failed"):
        custody.pay(side.investor, 1, sender=side.attacker)


def test_custody_needs_an_escrow(world: World) -> None:
    side = world.home
    with refused(world, "custody: no escrow"):
        side.chain.deploy("LaneCustody", ZERO, side.token, sender=side.deployer)


@pytest.mark.parametrize("who", ["nobody", "attacker"])
def test_custody_needs_a_token_with_code(world: World, who: str) -> None:
    side = world.home
    token = ZERO if who == "nobody" else side.attacker.address
    with refused(world, "custody: token has no code"):
        side.chain.deploy("LaneCustody", side.escrow, token, sender=side.deployer)


def test_ether_is_refused(world: World) -> None:
    side = world.home
    with refused(world):
        side.chain.send(sender=side.attacker, to=side.custody.address, value=1)


def test_custody_goes_on_under_every_pause_but_that_of_transfers(world: World) -> None:
    side = world.home
    world.locked(1_000)
    side.token.pause(6, *STATED, sender=side.guardian)
    side.custody.pay(side.fund, 1_000, sender=side.escrow.address)
    assert side.balance(side.fund) == 1_000
