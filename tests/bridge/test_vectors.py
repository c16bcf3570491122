"""What else is hashed and signed for lanes, beside messages: Python, contracts, wallets agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tallystick.bridge import proof
from tallystick.bridge.attestation import Domain, SignerSet, attest, attestation_digest
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, Batch
from tallystick.bridge.consent import Lock
from tallystick.bridge.endings import LastState, Leaf, proof_of, root_of
from tallystick.bridge.outbox import page_word
from tests.support.world import ROOT, World

VECTORS = json.loads((ROOT / "tests" / "vectors" / "lane_messages.json").read_text())
STRUCTS, LOCKS = VECTORS["structs"], VECTORS["locks"]
ATTESTED = [vector for vector in STRUCTS if "digest" in vector]
KEYS = [bytes.fromhex(key.removeprefix("0x")) for key in VECTORS["keys"]]
MAKERS: dict[str, Any] = {
    "Batch": Batch,
    "Commitment": proof.Commitment,
    "LastState": LastState,
    "Leaf": Leaf,
}
DOMAIN = [("string", "name"), ("string", "version"), ("uint256", "chainId")]


def _named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _fields(vector: dict[str, Any]) -> dict[str, Any]:
    """Words as bytes; an account is text, as everywhere."""
    return {
        name: _bytes(value) if isinstance(value, str) and len(value) == 66 else value
        for name, value in vector["fields"].items()
    }


def _struct(vector: dict[str, Any]) -> Any:
    return MAKERS[vector["type"].partition("(")[0]](**_fields(vector))


def _signers(vector: dict[str, Any]) -> SignerSet:
    first = VECTORS["signer_sets"][0]
    return SignerSet.of(vector["epoch"], first["threshold"], first["signers"], _kind(vector))


def _kind(vector: dict[str, Any]) -> str:
    return str(vector["attestation_type"])


def _domain(vector: dict[str, Any]) -> Domain | proof.ProofDomain:
    domain = vector["domain"]
    kind = proof.ProofDomain if domain["name"] == "Tallystick Proof" else Domain
    return kind(domain["chain_id"], domain["contract"])


def _signable(vector: dict[str, Any]) -> Any:
    """The struct as a wallet is given it, by its type as text."""
    name, _, rest = vector["type"].partition("(")
    members = [member.split(" ") for member in rest.removesuffix(")").split(",")]
    domain = vector.get("domain", {"name": "none", "chain_id": 1, "contract": "0x" + "00" * 20})
    kinds = [*DOMAIN, ("address", "verifyingContract")]
    return encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for kind, name in kinds],
                name: [{"name": each, "type": kind} for kind, each in members],
            },
            "primaryType": name,
            "domain": {
                "name": domain["name"],
                "version": "1",
                "chainId": domain["chain_id"],
                "verifyingContract": domain["contract"],
            },
            "message": _fields(vector),
        }
    )


@pytest.mark.parametrize("vector", STRUCTS, ids=_named)
def test_python_computes_the_golden_hash(vector: dict[str, Any]) -> None:
    struct = _struct(vector)
    assert (struct.hash if isinstance(struct, Leaf) else struct.id) == _bytes(vector["id"])


@pytest.mark.parametrize("vector", [*STRUCTS, *LOCKS], ids=_named)
def test_wallets_compute_the_golden_hash(vector: dict[str, Any]) -> None:
    signable = _signable(vector)
    assert signable.body == _bytes(vector["id"])
    if "domain" in vector:
        assert signable.header == _bytes(vector["domain_separator"])


@pytest.mark.parametrize("vector", ATTESTED, ids=_named)
def test_python_signs_the_golden_attestation(vector: dict[str, Any]) -> None:
    struct, domain, signers = _struct(vector), _domain(vector), _signers(vector)
    assert domain.separator == _bytes(vector["domain_separator"])
    assert signers.hash == _bytes(vector["signer_set"])
    digest = attestation_digest(struct, signers, domain, _kind(vector))
    assert digest == _bytes(vector["digest"])
    packed = attest(struct, signers, domain, KEYS[:2], _kind(vector))
    assert packed == _bytes(vector["attestation"])


@pytest.mark.parametrize("vector", ATTESTED, ids=_named)
def test_contract_accepts_the_golden_attestation(world: World, vector: dict[str, Any]) -> None:
    verifier = world.home.new_verifier(_signers(vector))
    ask = verifier.verify_batch if _kind(vector) == BATCH_ATTESTATION_TYPE else verifier.verify
    asked = (vector[name] for name in ("domain_separator", "id", "attestation"))
    assert ask(*map(_bytes, asked))


@pytest.mark.parametrize("vector", LOCKS, ids=_named)
def test_python_shows_a_wallet_the_golden_lock(vector: dict[str, Any]) -> None:
    given, domain = Lock(**_fields(vector)), vector["domain"]
    full = given.typed_data(domain["chain_id"], domain["contract"])
    signable = encode_typed_data(full_message=full)
    digest = keccak(b"\x19\x01" + signable.header + signable.body)
    assert digest == _bytes(vector["digest"])
    signed = Account.sign_message(signable, KEYS[0])
    assert signed.signature == _bytes(vector["signature"])
    assert Account.from_key(KEYS[0]).address == vector["holder"]


@pytest.mark.parametrize("vector", VECTORS["pages"], ids=_named)
def test_golden_page(vector: dict[str, Any]) -> None:
    ids = [_bytes(each) for each in vector["ids"]]
    words = [page_word(ids[: at + 1]) for at in range(len(ids))]
    assert words == [_bytes(each) for each in vector["words"]]
    # What a batch of just these says of them.
    assert any(batch["fields"].get("word") == vector["words"][-1] for batch in ATTESTED)


@pytest.mark.parametrize("vector", VECTORS["trees"], ids=_named)
def test_golden_tree(vector: dict[str, Any]) -> None:
    leaves = [_bytes(each) for each in vector["leaves"]]
    assert root_of(leaves) == _bytes(vector["root"])
    proofs = [proof_of(leaves, at) for at in range(len(leaves))]
    assert proofs == [[_bytes(each) for each in way] for way in vector["proofs"]]
