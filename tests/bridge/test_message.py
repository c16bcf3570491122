"""Message id, domain, digest, lane id, signer-set hash: Python, contract and eth_account agree."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import (
    Domain,
    SignerSet,
    attest,
    attestation_digest,
    attestation_head,
    typed_data,
)
from tallystick.bridge.message import Grade, LaneMessage, lane_id, ledger_id, party, party_address
from tests.support.world import ISIN, ROOT, World, domain_of

VECTORS = json.loads((ROOT / "tests" / "vectors" / "lane_messages.json").read_text())
LIMITS = {
    "codec": 2**16 - 1,
    "kind": 2**8 - 1,
    "nonce": 2**64 - 1,
    "lock_time": 2**64 - 1,
    "action_epoch": 2**16 - 1,
    "amount": 2**256 - 1,
    "deadline": 2**64 - 1,
}
words = st.binary(min_size=32, max_size=32)
messages = st.builds(
    LaneMessage,
    **{name: st.integers(0, limit) for name, limit in LIMITS.items()},
    lane=words,
    sender=words,
    recipient=words,
)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _message(vector: dict[str, Any]) -> LaneMessage:
    fields = dict(vector["message"])
    for name in ("lane", "sender", "recipient"):
        fields[name] = _bytes(fields[name])
    fields["amount"] = int(fields["amount"])
    return LaneMessage(**fields)


def _domain(vector: dict[str, Any]) -> Domain:
    return Domain(vector["domain"]["chain_id"], vector["domain"]["escrow"])


def _signer_set(vector: dict[str, Any]) -> SignerSet:
    return SignerSet.of(vector["epoch"], vector["threshold"], vector["signers"])


FIRST_SET = _signer_set(VECTORS["signer_sets"][0])

# ------------------------------------------------------------------- golden vectors


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_python_computes_the_golden_message_id(vector: dict[str, Any]) -> None:
    assert _message(vector).id == _bytes(vector["id"])


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_contract_computes_the_golden_message_id(world: World, vector: dict[str, Any]) -> None:
    assert world.home.escrow.message_id(_message(vector).as_tuple()) == _bytes(vector["id"])


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_golden_domain_and_digest(vector: dict[str, Any]) -> None:
    domain = _domain(vector)
    assert domain.separator == _bytes(vector["domain_separator"])
    assert FIRST_SET.hash == _bytes(vector["signer_set"])
    digest = attestation_digest(_message(vector), FIRST_SET, domain)
    assert digest == _bytes(vector["digest"])


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_wallets_sign_the_golden_digest(vector: dict[str, Any]) -> None:
    full = typed_data(_message(vector), FIRST_SET, _domain(vector))
    signable = encode_typed_data(full_message=full)
    assert keccak(b"\x19\x01" + signable.header + signable.body) == _bytes(vector["digest"])
    assert signable.header == _bytes(vector["domain_separator"])


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_contract_accepts_the_golden_attestation(world: World, vector: dict[str, Any]) -> None:
    """The digest is internal to the verifier: that it recovers the signers shows it."""
    verifier = world.home.new_verifier(FIRST_SET)
    assert verifier.verify(
        _bytes(vector["domain_separator"]), _bytes(vector["id"]), _bytes(vector["attestation"])
    )


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_python_packs_the_golden_attestation(vector: dict[str, Any]) -> None:
    keys = [_bytes(key) for key in VECTORS["keys"]]
    packed = attest(_message(vector), FIRST_SET, _domain(vector), keys[:2])
    assert packed == _bytes(vector["attestation"])


@pytest.mark.parametrize("vector", VECTORS["signer_sets"], ids=lambda v: v["name"])
def test_golden_signer_set(vector: dict[str, Any]) -> None:
    signer_set = _signer_set(vector)
    assert signer_set.hash == keccak(_bytes(vector["encoded"])) == _bytes(vector["hash"])


@pytest.mark.parametrize("vector", VECTORS["signer_sets"], ids=lambda v: v["name"])
def test_contract_hashes_the_golden_signer_set(world: World, vector: dict[str, Any]) -> None:
    verifier = world.home.new_verifier(_signer_set(vector))
    assert verifier.SIGNER_SET() == _bytes(vector["hash"])


@pytest.mark.parametrize("vector", VECTORS["lanes"], ids=lambda v: v["name"])
def test_golden_lane_id(vector: dict[str, Any]) -> None:
    """The lane's id is an EIP-712 struct hash too."""
    arguments = [
        vector["isin"],
        vector["decimals"],
        vector["close_minute"],
        Grade(vector["grade"]),
        ledger_id(vector["home_ledger"]),
        party(vector["home_escrow"]),
        ledger_id(vector["remote_ledger"]),
        party(vector["remote_escrow"]),
    ]
    assert lane_id(*arguments) == _bytes(vector["id"])
    types = {
        "isin": "string",
        "decimals": "uint8",
        "close_minute": "uint16",
        "grade": "uint8",
        "home_ledger": "bytes32",
        "home_escrow": "bytes32",
        "remote_ledger": "bytes32",
        "remote_escrow": "bytes32",
    }
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [{"name": "name", "type": "string"}],
                "Lane": [{"name": name, "type": kind} for name, kind in types.items()],
            },
            "primaryType": "Lane",
            "domain": {"name": "x"},
            "message": dict(zip(types, arguments, strict=True)),
        }
    )
    assert signable.body == _bytes(vector["id"])


# --------------------------------------------------------------------- live agreement


def test_both_escrows_computed_the_lane_id_that_python_does(world: World) -> None:
    expected = lane_id(
        ISIN,
        6,
        1_260,
        Grade.PILOT,
        ledger_id("eip155:41001"),
        party(world.home.escrow.address),
        ledger_id("eip155:41002"),
        party(world.remote.escrow.address),
    )
    assert world.lane == expected
    for side in (world.home, world.remote):
        assert side.escrow.lane_state(expected).terms.isin == ISIN


def test_each_escrow_states_the_domain_that_python_does(world: World) -> None:
    for side in (world.home, world.remote):
        assert side.escrow.domain_separator() == domain_of(side).separator


def test_contract_and_python_agree_on_any_message(deployed_world: World) -> None:
    @given(messages)
    def check(message: LaneMessage) -> None:
        assert deployed_world.home.escrow.message_id(message.as_tuple()) == message.id

    check()


@given(
    messages, st.integers(0, 2**64 - 1), st.integers(1, 2**64), st.binary(min_size=20, max_size=20)
)
def test_wallets_and_python_agree_on_any_message(
    message: LaneMessage, epoch: int, chain_id: int, escrow: bytes
) -> None:
    signer_set = replace(FIRST_SET, epoch=epoch)
    domain = Domain(chain_id, "0x" + escrow.hex())
    signable = encode_typed_data(full_message=typed_data(message, signer_set, domain))
    digest = keccak(b"\x19\x01" + signable.header + signable.body)
    assert digest == attestation_digest(message, signer_set, domain)


@pytest.mark.requirement("INV-4")
@given(messages, st.sampled_from([*LIMITS, "lane", "sender", "recipient"]), st.integers(0, 255))
def test_every_bit_of_a_message_is_in_its_id(message: LaneMessage, name: str, bit: int) -> None:
    old = getattr(message, name)
    if isinstance(old, bytes):
        number = int.from_bytes(old, "big") ^ (1 << bit)
        new: Any = number.to_bytes(32, "big")
    else:
        new = old ^ (1 << bit % LIMITS[name].bit_length())
    assert replace(message, **{name: new}).id != message.id


def test_a_typed_data_signature_verifies_on_the_ledger(world: World) -> None:
    """A wallet that only knows EIP-712 JSON can attest."""
    message = world.message()
    side, signers = world.remote, world.signers
    full = typed_data(message, signers, domain_of(side))
    signatures = []
    for key in world.signer_keys[:2]:
        signed = Account.sign_message(encode_typed_data(full_message=full), key)
        word = signed.s | (signed.v - 27) << 255
        signatures.append(signed.r.to_bytes(32, "big") + word.to_bytes(32, "big"))
    attestation = attestation_head(signers.epoch, 0b11) + b"".join(signatures)
    assert side.verifier.verify(domain_of(side).separator, message.id, attestation)


# -------------------------------------------------------------------------- parties


def test_party_is_the_address_on_the_right() -> None:
    address = "0x" + "ab" * 20
    assert party(address) == bytes(12) + b"\xab" * 20
    assert party_address(party(address)).lower() == address


@pytest.mark.parametrize(
    "word", [bytes(32), b"\x01" + bytes(31), bytes(11) + b"\x01" + bytes(20), bytes(31), bytes(33)]
)
def test_no_address_in_a_word_that_is_no_party(word: bytes) -> None:
    with pytest.raises(ValueError, match="no EVM account"):
        party_address(word)


def test_message_reads_back_from_its_event(world: World) -> None:
    message = world.locked(5)
    assert LaneMessage.from_event(message.as_tuple()) == message
    assert LaneMessage.from_event(message) == message
    names = LaneMessage.__slots__
    assert LaneMessage.from_event({name: getattr(message, name) for name in names}) == message


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_signer_set_refuses_a_threshold(threshold: int) -> None:
    signers = ["0x" + f"{number:040x}" for number in (1, 2, 3)]
    with pytest.raises(ValueError, match="threshold"):
        SignerSet.of(1, threshold, signers)


def test_signer_set_refuses_a_signer_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        SignerSet.of(1, 2, ["0x" + "11" * 20] * 2)


def test_signer_set_refuses_17_signers() -> None:
    with pytest.raises(ValueError, match="17 signers"):
        SignerSet.of(1, 2, ["0x" + f"{number:040x}" for number in range(1, 18)])


def test_a_stranger_does_not_attest(world: World) -> None:
    key = world.home.attacker.key
    assert key is not None
    with pytest.raises(ValueError, match="no signer"):
        attest(world.message(), world.signers, domain_of(world.remote), [key])
