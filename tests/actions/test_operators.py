"""Operators: who acts for a holder, by transaction or by a signature that anybody brings."""

from __future__ import annotations

from typing import Any, Final

import pytest
from eth_account import Account as Signer
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tallystick.chain import Contract, Event, Receipt
from tests.support.world import ZERO, Side, World, refused

# The order of secp256k1: s and this less s verify alike.
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NONCE: Final = keccak(text="the first")
NOT_SIGNED: Final = "operators: not the holder's signature"
_FIELDS: Final = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "AuthorizeOperator": [
        {"name": "controller", "type": "address"},
        {"name": "operator", "type": "address"},
        {"name": "approved", "type": "bool"},
        {"name": "nonce", "type": "bytes32"},
        {"name": "deadline", "type": "uint256"},
    ],
}


@pytest.fixture
def side(home_side: Side) -> Side:
    return home_side


def typed(side: Side, **changed: Any) -> dict[str, Any]:
    """What a wallet shows: the fund may act for the investor, for an hour, unless changed."""
    domain = {
        "name": "Tallystick Actions",
        "version": "1",
        "chainId": side.chain.chain_id,
        "verifyingContract": side.engine.address,
    }
    message = {
        "controller": side.investor.address,
        "operator": side.fund.address,
        "approved": True,
        "nonce": NONCE,
        "deadline": side.chain.now + 3_600,
    }
    assert changed.keys() <= domain.keys() | message.keys()
    return {
        "types": _FIELDS,
        "primaryType": "AuthorizeOperator",
        "domain": {name: changed.get(name, value) for name, value in domain.items()},
        "message": {name: changed.get(name, value) for name, value in message.items()},
    }


def signature_of(data: dict[str, Any], key: bytes) -> bytes:
    """What a library that we did not write signs of it."""
    return bytes(Signer.sign_typed_data(key, full_message=data).signature)


def digest_of(data: dict[str, Any]) -> bytes:
    """The hash that is signed."""
    signable = encode_typed_data(full_message=data)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def bring(side: Side, data: dict[str, Any], signature: bytes) -> Receipt:
    """Somebody brings a signature."""
    arguments = (*data["message"].values(), signature)
    return Receipt.of(side.engine.authorizeOperator(*arguments, sender=side.courier))


def entered(side: Side, controller: Any, operator: Any, approved: bool) -> tuple[Event, ...]:
    """The event of who may act for whom."""
    return (side.engine.emitted("OperatorSet", controller, operator, approved),)


# ---------------------------------------------------------------------- by transaction


@pytest.mark.requirement("R-46")
def test_a_holder_says_who_acts_for_it_and_who_no_longer(side: Side) -> None:
    engine = side.engine
    assert not engine.isOperator(side.investor, side.fund)
    for approved in (True, True, False):
        receipt = engine.setOperator(side.fund, approved, sender=side.investor)
        assert receipt.return_value is True
        assert receipt.events == entered(side, side.investor, side.fund, approved)
        assert engine.isOperator(side.investor, side.fund) is approved
        assert not engine.isOperator(side.fund, side.investor)
        assert not engine.isOperator(side.buyer, side.fund)


def test_a_holder_needs_no_permission_of_its_own(world: World, side: Side) -> None:
    """Nor can one take its own away."""
    for approved in (True, False):
        with refused(world, "operators: acts for itself anyway"):
            side.engine.setOperator(side.investor, approved, sender=side.investor)
    data = typed(side, operator=side.investor.address)
    with refused(world, "operators: acts for itself anyway"):
        bring(side, data, signature_of(data, side.investor.key))


# ------------------------------------------------------------------------ by signature


@pytest.mark.requirement("R-46")
@pytest.mark.parametrize("approved", [True, False])
def test_anybody_brings_what_a_holder_signed(side: Side, approved: bool) -> None:
    side.engine.setOperator(side.fund, not approved, sender=side.investor)
    data = typed(side, approved=approved)
    assert not side.engine.authorizations(side.investor, NONCE)
    receipt = bring(side, data, signature_of(data, side.investor.key))
    assert receipt.return_value is True
    assert receipt.events == entered(side, side.investor, side.fund, approved)
    assert side.engine.isOperator(side.investor, side.fund) is approved
    assert side.engine.authorizations(side.investor, NONCE)
    assert not side.engine.authorizations(side.buyer, NONCE)


def test_the_domain_is_the_one_that_the_engine_tells(side: Side) -> None:
    fields, name, version, chain_id, contract, salt, extensions = side.engine.eip712Domain()
    domain = typed(side)["domain"]
    assert (name, version, chain_id, str(contract)) == tuple(domain.values())
    assert (fields, salt, extensions) == (b"\x0f", bytes(32), [])


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Tallystick Lane"},
        {"version": "2"},
        {"chainId": 1},
        {"verifyingContract": ZERO},
        {"controller": ZERO},
        {"operator": ZERO},
        {"approved": False},
        {"nonce": bytes(32)},
        {"deadline": 0},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_was_signed_of_anything_else_counts_for_nothing(
    world: World, side: Side, changed: dict[str, Any]
) -> None:
    signature = signature_of(typed(side, **changed), side.investor.key)
    with refused(world, NOT_SIGNED):
        bring(side, typed(side), signature)


def test_nobody_signs_for_another(world: World, side: Side) -> None:
    for controller in (side.investor.address, ZERO):
        data = typed(side, controller=controller)
        with refused(world, NOT_SIGNED):
            bring(side, data, signature_of(data, side.attacker.key))


def test_a_signature_counts_once(world: World, side: Side) -> None:
    data = typed(side)
    signature = signature_of(data, side.investor.key)
    bring(side, data, signature)
    side.engine.setOperator(side.fund, False, sender=side.investor)
    with refused(world, "operators: nonce used"):
        bring(side, data, signature)
    # Nor does another one of that number, while the buyer's own counts.
    other = typed(side, operator=side.courier.address)
    with refused(world, "operators: nonce used"):
        bring(side, other, signature_of(other, side.investor.key))
    buyers = typed(side, controller=side.buyer.address)
    bring(side, buyers, signature_of(buyers, side.buyer.key))
    assert side.engine.isOperator(side.buyer, side.fund)


def test_a_holder_makes_a_signature_useless(world: World, side: Side) -> None:
    data = typed(side)
    receipt = side.engine.invalidateNonce(NONCE, sender=side.investor)
    assert receipt.events == (side.engine.emitted("NonceInvalidated", side.investor, NONCE),)
    assert side.engine.authorizations(side.investor, NONCE)
    with refused(world, "operators: nonce used"):
        bring(side, data, signature_of(data, side.investor.key))
    # Its own nonces alone.
    side.engine.invalidateNonce(NONCE, sender=side.attacker)
    buyers = typed(side, controller=side.buyer.address)
    bring(side, buyers, signature_of(buyers, side.buyer.key))


def test_a_signature_counts_until_its_deadline(world: World, side: Side) -> None:
    data = typed(side)
    signature = signature_of(data, side.investor.key)
    deadline = data["message"]["deadline"]
    with world.isolated():
        side.chain.set_time(deadline)
        bring(side, data, signature)
    side.chain.set_time(deadline + 1)
    with refused(world, "operators: signature expired"):
        bring(side, data, signature)


def test_the_upper_form_of_a_signature_is_refused(world: World, side: Side) -> None:
    """Else whoever sees one could make another of it."""
    data = typed(side)
    signature = signature_of(data, side.investor.key)
    upper = ORDER - int.from_bytes(signature[32:64], "big")
    other = signature[:32] + upper.to_bytes(32, "big") + bytes([55 - signature[64]])
    with refused(world, NOT_SIGNED):
        bring(side, data, other)
    bring(side, data, signature)


def test_what_is_no_signature_is_refused(world: World, side: Side) -> None:
    data = typed(side)
    good = signature_of(data, side.investor.key)
    bad = [b"", good[:-1], good + b"\0", good[:64] + b"\0", bytes(65), good[:64] + b"\x01"]
    for signature in bad:
        with refused(world, NOT_SIGNED):
            bring(side, data, signature)
        # What fails to recover is nobody's, not the empty account's.
        nobodys = typed(side, controller=ZERO)
        with refused(world, NOT_SIGNED):
            bring(side, nobodys, signature)


# ------------------------------------------------------------------------ of contracts


@pytest.fixture
def wallet(side: Side) -> Contract:
    """A holder that is a contract (ERC-1271)."""
    return side.chain.deploy("WalletMock", sender=side.deployer)


@pytest.mark.parametrize("length", [0, 65, 1024])
def test_a_contract_signs_as_it_likes(
    world: World, side: Side, wallet: Contract, length: int
) -> None:
    data, signature = typed(side, controller=wallet.address), b"\x01" * length
    with refused(world, NOT_SIGNED):
        bring(side, data, signature)
    wallet.sign(digest_of(data), signature, sender=side.deployer)
    receipt = bring(side, data, signature)
    assert receipt.events == entered(side, wallet, side.fund, True)


def test_a_key_does_not_sign_for_a_contract_that_did_not(
    world: World, side: Side, wallet: Contract
) -> None:
    data = typed(side, controller=wallet.address)
    with refused(world, NOT_SIGNED):
        bring(side, data, signature_of(data, side.investor.key))


def test_a_contract_that_knows_no_signatures_gives_none(world: World, side: Side) -> None:
    data = typed(side, controller=side.cash.address)
    with refused(world):
        bring(side, data, bytes(65))


def test_a_key_whose_account_has_code_signs_as_a_key_or_as_its_code(
    world: World, side: Side, wallet: Contract
) -> None:
    """EIP-7702: the account delegates to a wallet, whose storage is the account's."""
    delegation = b"\xef\x01\x00" + bytes.fromhex(str(wallet.address)[2:])
    side.chain.set_code(side.investor.address, delegation)
    data = typed(side)
    with refused(world, NOT_SIGNED):
        bring(side, data, b"by its code")
    receipt = bring(side, data, signature_of(data, side.investor.key))
    assert receipt.events == entered(side, side.investor, side.fund, True)
    other = typed(side, nonce=bytes(32), approved=False)
    # Told by another contract: a transaction to the account would not run its delegate here.
    caller = side.chain.deploy("ImplementationMock", sender=side.deployer)
    told = wallet.sign.encode(digest_of(other), b"by its code")
    caller.nested(side.investor, told, sender=side.deployer)
    receipt = bring(side, other, b"by its code")
    assert receipt.events == entered(side, side.investor, side.fund, False)
