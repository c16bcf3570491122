"""Wormhole, February 2022, $326M: the caller chose what checked the signatures.

Broke: an account that stood in for the system's signature check was believed.
Holds: the verifier stands in the lane's terms; no call names one.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forged, stolen
from tests.support.proofs import Prover
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-4")
def test_nobody_names_the_verifier_in_a_call(world: World) -> None:
    side, message = world.remote, forged(world)
    spoof = side.chain.deploy("VerifierMock", sender=side.attacker)
    spoof.set_answer(1, sender=side.attacker)
    attestation = (1).to_bytes(8, "big") + bytes(4) + bytes.fromhex(spoof.address[2:])
    with lacking(world, "BridgeEscrow", "the caller names the verifier"):
        world.deliver(message, attestation)
        assert stolen(side) == message.amount
    with refused(world, "verifier: trailing bytes"):
        world.deliver(message, attestation)
    names = {
        item["name"]
        for entry in side.escrow.abi
        if entry["type"] == "function" and entry["name"] in {"deliver", "deliver_batch", "claim"}
        for item in entry["inputs"]
    }
    assert names == {"m", "lane", "before", "messages", "attestation", "second"}


def test_nobody_names_what_checks_the_quorum_of_a_proof(world: World) -> None:
    kinds = {
        item["type"]
        for entry in Prover(world.remote.chain).verifier.abi
        if entry["type"] == "function"
        for item in entry["inputs"]
    }
    assert "address" not in kinds
