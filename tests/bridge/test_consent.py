"""Consent: a custody takes what a holder gives it, by a call or a signature, nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from eth_account import Account as Signer
from eth_account.messages import encode_typed_data

from tallystick.bridge.consent import Lock
from tallystick.bridge.message import LaneMessage, message_of, party
from tallystick.chain import Contract, Receipt, Revert
from tallystick.chain.abi import keccak
from tests.support.world import (
    DAY,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

# The order of secp256k1: s and this less s verify alike.
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NONCE: Final = keccak(b"the first")
NOT_SIGNED: Final = "custody: not the holder's signature"


@pytest.fixture
def side(home_side: Side) -> Side:
    return home_side


def order(world: World, amount: int = 1_000) -> Lock:
    """What the investor gives, for itself on the remote ledger, within a day."""
    recipient = party(world.remote.investor.address)
    return Lock(world.lane, recipient, amount, NONCE, world.home.chain.now + DAY)


def typed(side: Side, given: Lock, **domain: Any) -> dict[str, Any]:
    """What a wallet shows of it."""
    data = given.typed_data(side.chain.chain_id, side.custody.address)
    data["domain"] |= domain
    return data


def signed(side: Side, given: Lock, key: bytes | None = None, **domain: Any) -> bytes:
    """What a library that we did not write signs of it, with the investor's key or another."""
    full = typed(side, given, **domain)
    return bytes(Signer.sign_typed_data(key or side.investor.key, full_message=full).signature)


def bring(side: Side, given: Lock, signature: bytes, holder: Any = None) -> Receipt:
    """The courier brings what the investor signed, or another holder."""
    whose = str((holder or side.investor).address)
    return Receipt.of(
        side.custody.lock_signed(*given.arguments(whose, signature), sender=side.courier)
    )


def state(world: World) -> tuple[int, int, int]:
    """Units of the investor and of the custody, and what the lane owes."""
    side = world.home
    held = side.balance(side.investor), side.balance(side.custody)
    return (*held, world.lane_state(side).outstanding)


# ---------------------------------------------------------------------- by a call


@pytest.mark.requirement("R-10", "INV-4")
def test_a_holder_locks_its_own_units_by_calling_the_custody(world: World, side: Side) -> None:
    """No allowance is asked for, and none that was given to custody or escrow is used up."""
    for spender in (side.custody, side.escrow):
        side.token.approve(spender, 7, sender=side.investor)
    world.locked(1_000)
    assert state(world) == (INVESTOR_UNITS - 1_000, 1_000, 1_000)
    for spender in (side.custody, side.escrow):
        assert side.token.allowance(side.investor, spender) == 7


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("who", ["investor", "escrow", "operator", "administrator", "attacker"])
def test_nobody_but_the_custody_enters_a_lock(world: World, side: Side, who: str) -> None:
    caller = side.escrow.address if who == "escrow" else side.parties[who]
    to, until = party(side.fund.address), side.chain.now + DAY
    with refused(world, "transit: lock is at the lane's custody"):
        side.escrow.enter_lock(world.lane, side.investor, to, 1, until, sender=caller)


@pytest.mark.requirement("INV-7")
def test_the_custody_of_another_lane_enters_none_of_this_one(world: World, side: Side) -> None:
    other = side.new_custody()
    to, until = party(side.fund.address), side.chain.now + DAY
    with refused(world, "transit: lock is at the lane's custody"):
        other.lock(world.lane, to, 1, until, sender=side.investor)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_an_escrow_of_whatever_code_takes_nobodys_units_at_home(world: World, name: str) -> None:
    """A release of the escrow gone wrong: endless allowances of before obey nobody (B7)."""
    side: Side = getattr(world, name)
    world.arrived(1_000)
    for spender in (side.custody, side.escrow):
        side.token.approve(spender, UINT_MAX, sender=side.investor)
    held = side.balance(side.investor)
    functions = [entry for entry in side.custody.abi if entry["type"] == "function"]
    for entry in functions:
        arguments = [_of(each["type"], side, world) for each in entry["inputs"]]
        with world.isolated():
            with suppress(Revert):
                getattr(side.custody, entry["name"])(*arguments, sender=side.escrow.address)
            assert side.balance(side.investor) >= held, entry["name"]
    short = {"error": "ERC20InsufficientAllowance", "args": (side.attacker.address, 0, 1)}
    with refused(world, **short):
        side.token.transferFrom(side.investor, side.custody, 1, sender=side.attacker)


def _of(kind: str, side: Side, world: World) -> Any:
    """An argument that suits an attack on the investor."""
    return {
        "address": side.investor.address,
        "uint256": 1,
        "uint64": side.chain.now + DAY,
        "bytes": bytes(65),
    }.get(kind, world.lane)


# ------------------------------------------------------------------ by a signature


@pytest.mark.requirement("R-10", "INV-4")
def test_anybody_brings_what_a_holder_signed(world: World, side: Side) -> None:
    given = order(world)
    assert not side.custody.authorizations(side.investor, NONCE)
    receipt = bring(side, given, signed(side, given))
    message = message_of(receipt.one("MessageSent"))
    assert message == LaneMessage(
        codec=2,
        kind=1,
        lane=world.lane,
        nonce=0,
        lock_time=receipt.timestamp,
        action_epoch=0,
        amount=1_000,
        sender=party(side.investor.address),
        recipient=given.recipient,
        deadline=given.deadline,
    )
    assert receipt.return_value == message.id
    assert receipt.events == (
        side.escrow.emitted("MessageSent", world.lane, message.id, message.as_tuple()),
        side.token.emitted("Transfer", side.investor, side.custody, 1_000),
        side.custody.emitted("LockSigned", side.investor, NONCE, message.id),
    )
    assert state(world) == (INVESTOR_UNITS - 1_000, 1_000, 1_000)
    assert side.custody.authorizations(side.investor, NONCE)
    assert not side.custody.authorizations(side.buyer, NONCE)


def test_the_domain_is_the_one_that_the_custody_tells(world: World, side: Side) -> None:
    fields, name, version, chain_id, contract, salt, extensions = side.custody.eip712Domain()
    data = typed(side, order(world))
    assert (name, version, chain_id, str(contract)) == tuple(data["domain"].values())
    assert (fields, salt, extensions) == (b"\x0f", bytes(32), [])
    header = encode_typed_data(full_message=data).header
    assert side.custody.domain_separator() == header


@pytest.mark.parametrize(
    "changed",
    [
        {"lane": bytes(32)},
        {"recipient": bytes(31) + b"\x01"},
        {"amount": 999},
        {"nonce": bytes(32)},
        {"deadline": 2**40},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_was_signed_of_anything_else_counts_for_nothing(
    world: World, side: Side, changed: dict[str, Any]
) -> None:
    given = order(world)
    with refused(world, NOT_SIGNED):
        bring(side, given, signed(side, replace(given, **changed)))


@pytest.mark.parametrize(
    "domain",
    [
        {"name": "Tallystick Lane"},
        {"version": "2"},
        {"chainId": 1},
        {"verifyingContract": ZERO},
    ],
    ids=lambda domain: next(iter(domain)),
)
def test_a_signature_counts_for_one_custody_on_one_chain(
    world: World, side: Side, domain: dict[str, Any]
) -> None:
    given = order(world)
    with refused(world, NOT_SIGNED):
        bring(side, given, signed(side, given, **domain))


def test_nobody_signs_for_another(world: World, side: Side) -> None:
    given = order(world)
    with refused(world, NOT_SIGNED):
        bring(side, given, signed(side, given, side.attacker.key))


def test_a_signature_counts_once(world: World, side: Side) -> None:
    given = order(world)
    signature = signed(side, given)
    bring(side, given, signature)
    with refused(world, "custody: nonce used"):
        bring(side, given, signature)
    # Nor does another one of that number, while the fund's own counts.
    other = replace(given, amount=1)
    with refused(world, "custody: nonce used"):
        bring(side, other, signed(side, other))
    bring(side, other, signed(side, other, side.buyer.key), side.buyer)


def test_what_a_refused_lock_would_have_used_up_is_there_still(world: World, side: Side) -> None:
    """The holder is frozen; what it signed counts once it is not, until the deadline."""
    given = order(world)
    signature = signed(side, given)
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
        bring(side, given, signature)
    side.token.setAddressFrozen(side.investor, False, *STATED, sender=side.custodian)
    bring(side, given, signature)


def test_a_holder_makes_a_signature_useless(world: World, side: Side) -> None:
    given = order(world)
    receipt = side.custody.withdraw_lock(NONCE, sender=side.investor)
    assert receipt.events == (side.custody.emitted("LockWithdrawn", side.investor, NONCE),)
    with refused(world, "custody: nonce used"):
        bring(side, given, signed(side, given))
    # Its own nonces alone.
    side.custody.withdraw_lock(NONCE, sender=side.attacker)
    bring(side, given, signed(side, given, side.buyer.key), side.buyer)


@pytest.mark.parametrize("late", [0, 1])
def test_a_signature_counts_until_its_deadline(world: World, side: Side, late: int) -> None:
    given = order(world)
    side.chain.set_time(given.deadline - 1 + late)
    if late:
        with refused(world, "transit: deadline passed"):
            bring(side, given, signed(side, given))
    else:
        bring(side, given, signed(side, given))


def test_the_upper_form_of_a_signature_is_refused(world: World, side: Side) -> None:
    given = order(world)
    signature = signed(side, given)
    upper = ORDER - int.from_bytes(signature[32:64], "big")
    other = signature[:32] + upper.to_bytes(32, "big") + bytes([55 - signature[64]])
    with refused(world, NOT_SIGNED):
        bring(side, given, other)
    bring(side, given, signature)


# ------------------------------------------------------------------------ of contracts


@pytest.fixture
def wallet(side: Side) -> Contract:
    """A holder that is a contract (ERC-1271)."""
    found = side.chain.deploy("WalletMock", sender=side.deployer)
    side.token.admit(found, 40_000, *STATED, sender=side.registrar)
    side.token.transfer(found, 1_000, sender=side.investor)
    return found


def test_a_contract_signs_as_it_likes(world: World, side: Side, wallet: Contract) -> None:
    given, signature = order(world), b"whatever it takes"
    with refused(world, NOT_SIGNED):
        bring(side, given, signature, wallet)
    signable = encode_typed_data(full_message=typed(side, given))
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    wallet.sign(digest, signature, sender=side.deployer)
    bring(side, given, signature, wallet)
    assert side.balance(wallet) == 0


def test_a_key_does_not_sign_for_a_contract_that_did_not(
    world: World, side: Side, wallet: Contract
) -> None:
    given = order(world)
    with refused(world, NOT_SIGNED):
        bring(side, given, signed(side, given), wallet)
