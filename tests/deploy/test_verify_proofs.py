"""A lane that trusts a proof of storage: whose outbox, on whose word; what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.message import ledger_id
from tallystick.deploy.verify import verify
from tests.support.proofs import Prover
from tests.support.world import World

LANE = "lane home-remote: "
# What is said of a verifier in force that proves storage.
NAMES = (
    "code of the verifier",
    "outbox that is proven",
    "quorum: code of the verifier",
    "quorum: attestors",
)


def prover_of(world: World, **changed: Any) -> Prover:
    """A proof verifier at home, of the remote escrow's outbox unless something is changed."""
    source = {"caip2": world.remote.chain.caip2, "escrow": str(world.remote.escrow.address)}
    return Prover(world.home.chain, **{**source, **changed})


def facts_with(world: World, prover: Prover) -> dict[str, Any]:
    """What is found of home's verifier once it is this one, by name."""
    chain = world.home.chain
    valid_from = world.rotate(world.home, prover.verifier)
    chain.set_time(max(valid_from, chain.now + 1))
    chain.mine()
    found = verify(world.network.connection, world.network.plan, world.network.parties)
    facts = {fact.what.removeprefix(LANE): fact for fact in found if fact.ledger == "home"}
    assert facts["verifier in force"].found == prover.verifier.address
    return {name: facts[name] for name in NAMES if name in facts}


def wrong(facts: dict[str, Any]) -> list[str]:
    """What of it is not as meant."""
    return [name for name, fact in facts.items() if fact.wrong]


@pytest.mark.requirement("INV-4", "INV-9")
def test_a_proof_of_the_peer_s_outbox_is_what_a_lane_may_trust(world: World) -> None:
    facts = facts_with(world, prover_of(world))
    assert wrong(facts) == []
    peer = world.remote
    assert facts["outbox that is proven"].found == (
        f"{peer.escrow.address} on 0x{ledger_id(peer.chain.caip2).hex()}"
    )
    assert facts["quorum: code of the verifier"].found == "as built"
    assert facts["quorum: attestors"].found.startswith("2 of 0x")


@pytest.mark.requirement("INV-4", "INV-9")
@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"caip2": "eip155:41003"}, "outbox that is proven"),
        ({"escrow": "0x" + "e6" * 20}, "outbox that is proven"),
        ({"slot": 5}, "code of the verifier"),
    ],
)
def test_a_proof_of_another_s_outbox_is_named(
    world: World, changed: dict[str, Any], what: str
) -> None:
    assert wrong(facts_with(world, prover_of(world, **changed))) == [what]


@pytest.mark.requirement("INV-4", "INV-9")
def test_a_quorum_of_another_type_is_named(world: World) -> None:
    """It signs messages: of a ledger it attests nothing."""
    prover = prover_of(world, quorum=str(world.home.verifier.address))
    assert wrong(facts_with(world, prover)) == ["quorum: code of the verifier"]


@pytest.mark.requirement("INV-4", "INV-9")
def test_code_for_another_chain_is_named(world: World) -> None:
    prover, chain = prover_of(world), world.home.chain
    code = chain.code(prover.verifier.address)
    chain.set_code(prover.verifier.address, code[:-1] + bytes([code[-1] ^ 1]))
    assert wrong(facts_with(world, prover)) == ["code of the verifier"]
