"""A lane that trusts a proof of storage: whose outbox, on whose word; what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.message import ledger_id
from tallystick.deploy.verify import verify
from tests.support.proofs import Prover
from tests.support.world import World

LANE = "lane home-remote: epoch 2: "


def facts_with(world: World, **changed: Any) -> dict[str, Any]:
    """What is found of home's next verifier, by name, with some of its terms changed."""
    source = {"caip2": world.remote.chain.caip2, "escrow": str(world.remote.escrow.address)}
    prover = Prover(world.home.chain, **{**source, **changed})
    world.rotate(world.home, prover.verifier)
    world.home.chain.mine()
    found = verify(world.network.connection, world.network.plan, world.network.parties)
    return {fact.what.removeprefix(LANE): fact for fact in found if fact.what.startswith(LANE)}


@pytest.mark.requirement("INV-4", "INV-9")
def test_a_proof_of_the_peer_s_outbox_is_what_a_lane_may_trust(world: World) -> None:
    facts = facts_with(world)
    assert list(facts) == [
        "code of the verifier",
        "outbox that is proven",
        "quorum: code of the verifier",
        "quorum: attestors",
    ]
    assert [fact for fact in facts.values() if fact.wrong] == []
    assert facts["outbox that is proven"].found == (
        f"{world.remote.escrow.address} on 0x{ledger_id(world.remote.chain.caip2).hex()}"
    )
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
    facts = facts_with(world, **changed)
    assert [name for name, fact in facts.items() if fact.wrong] == [what]


@pytest.mark.requirement("INV-4", "INV-9")
def test_a_quorum_of_another_type_is_named(world: World) -> None:
    """It signs messages: of a ledger it attests nothing."""
    facts = facts_with(world, quorum=str(world.home.verifier.address))
    assert [name for name, fact in facts.items() if fact.wrong] == ["quorum: code of the verifier"]


@pytest.mark.requirement("INV-4", "INV-9")
def test_code_for_another_chain_is_named(world: World) -> None:
    chain = world.home.chain
    source = {"caip2": world.remote.chain.caip2, "escrow": str(world.remote.escrow.address)}
    prover = Prover(chain, **source)
    code = chain.code(prover.verifier.address)
    chain.set_code(prover.verifier.address, code[:-1] + bytes([code[-1] ^ 1]))
    world.rotate(world.home, prover.verifier)
    chain.mine()
    found = verify(world.network.connection, world.network.plan, world.network.parties)
    wrong = [fact.what for fact in found if fact.wrong and fact.what.startswith(LANE)]
    assert wrong == [f"{LANE}code of the verifier"]
