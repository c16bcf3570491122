"""A lane whose verifier is a proof of storage: nobody signs a message, and it arrives once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.batch import Batch
from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import (
    batch_attestation,
    header_of,
    header_rlp,
    nodes_of,
    page_attestation,
    page_slot,
    storage_root,
)
from tallystick.chain import Chain, keccak
from tests.support.proofs import OUTBOX, Prover, Source
from tests.support.world import UNSIGNED, Side, World, refused

EPOCH = 2


def storage_of(side: Side) -> dict[bytes, int]:
    """What the ledger holds for its escrow, slot by slot."""
    account = bytes.fromhex(str(side.escrow.address)[2:])
    return {
        slot.to_bytes(32, "big"): word
        for (owner, slot), word in side.chain._state.slots.items()  # type: ignore[attr-defined]
        if owner == account and word
    }


def proving(world: World, source: Side, destination: Side) -> Prover:
    """The lane's next verifier at the destination, valid by now."""
    prover = Prover(destination.chain, caip2=source.chain.caip2, escrow=str(source.escrow.address))
    valid_from = world.rotate(destination, prover.verifier)
    destination.chain.set_time(max(valid_from, destination.chain.now + 1))
    world.synchronise()
    return prover


def ids_of(messages: Sequence[LaneMessage]) -> list[bytes]:
    """Their ids."""
    return [message.id for message in messages]


@pytest.mark.requirement("INV-3", "INV-4")
def test_what_an_escrow_s_storage_says_arrives_once(world: World) -> None:
    home, remote = world.home, world.remote
    prover = proving(world, home, remote)
    messages = [world.locked(amount) for amount in (100, 200, 300)]
    source = Source(storage_of(home), escrow=str(home.escrow.address).lower(), number=77)
    prover.show_header(source)
    first = messages[0]
    with refused(world, "proof: page not proven"):
        world.deliver(first, page_attestation(EPOCH, ids_of(messages), 0))
    receipt = prover.prove(source, world.lane, 0)
    assert bytes(receipt.return_value) == bytes(home.escrow.outbox(world.lane, 0))
    # In any order, by anybody; of the two that left later one has left since.
    for index in (2, 0):
        attestation = page_attestation(EPOCH, ids_of(messages), index)
        assert world.deliver(messages[index], attestation).return_value is True
        with refused(world, "transit: delivered already"):
            world.deliver(messages[index], attestation)
    assert remote.token.balanceOf(remote.investor) == 400
    later = world.locked(400)
    with refused(world, "proof: page not proven"):
        world.deliver(later, page_attestation(EPOCH, [*ids_of(messages), later.id], 3))
    # What the quorum of the epoch before signs still counts, and no signature counts in this one.
    with refused(world, "proof: page not proven"):
        world.deliver(later, EPOCH.to_bytes(8, "big") + world.attest(later)[8:72])
    with refused(world, "proof: no whole ids"):
        world.deliver(later, EPOCH.to_bytes(8, "big") + UNSIGNED[8:])


@pytest.mark.requirement("INV-2", "INV-4")
def test_units_come_home_by_a_proof(world: World) -> None:
    world.arrived(1_000)
    prover = proving(world, world.remote, world.home)
    message = world.burned(400)
    source = Source(storage_of(world.remote), escrow=str(world.remote.escrow.address).lower())
    prover.show_root(source.number, source.root)
    prover.prove(source, world.lane, 0)
    attestation = page_attestation(EPOCH, [message.id], 0)
    assert world.deliver(message, attestation).return_value is True
    assert world.lane_state(world.home).outstanding == 600


@pytest.mark.requirement("INV-3", "INV-4")
@pytest.mark.parametrize(("first", "last"), [(0, 5), (0, 3), (1, 4), (4, 5)])
def test_a_stretch_of_a_proven_page_is_a_batch(world: World, first: int, last: int) -> None:
    """Its word is the page's after the last of them, or leads there."""
    prover = proving(world, world.home, world.remote)
    messages = [world.locked(100 + number) for number in range(5)]
    source = Source(storage_of(world.home), escrow=str(world.home.escrow.address).lower())
    prover.show_root(source.number, source.root)
    stretch, ids = messages[first:last], ids_of(messages)
    before = page_word(ids[:first])
    batch = Batch.of(stretch, before)

    def bring(of: Sequence[LaneMessage], attestation: bytes, word: bytes = before) -> Any:
        side, told = world.remote, [message.as_tuple() for message in of]
        return side.escrow.deliver_batch(
            world.lane, word, told, attestation, sender=side.courier
        ).return_value

    attestation = batch_attestation(EPOCH, batch, ids[last:])
    with refused(world, "proof: batch not proven"):
        bring(stretch, attestation)
    prover.prove(source, world.lane, 0)
    for wrong, reason in (
        (attestation + bytes(31), "proof: no whole ids of a batch"),
        (attestation[:103], "proof: no whole ids of a batch"),
        (attestation + bytes(32 * 8), "proof: batch of more than a page"),
        (attestation + bytes(32), "proof: batch not proven"),
        (batch_attestation(EPOCH, replace(batch, count=7)), "proof: another batch"),
        (batch_attestation(EPOCH, replace(batch, lane=bytes(32)), ids[last:]), "proof: another"),
    ):
        with refused(world, reason if reason != "proof: another" else "proof: another batch"):
            bring(stretch, wrong)
    with refused(world, "proof: another batch"):
        bring(stretch, attestation, keccak(before))
    with refused(world, "proof: another batch"):
        bring([*stretch, world.message(amount=9)], attestation)
    assert bring(stretch, attestation) == last - first
    assert world.remote.balance(world.remote.investor) == sum(m.amount for m in stretch)
    with pytest.raises(ValueError, match="at most 8 expected"):
        batch_attestation(EPOCH, batch, ids * 2)


@pytest.mark.requirement("INV-4")
def test_a_message_that_its_quorum_made_up_does_not_arrive(world: World) -> None:
    """All attestors lie about a message; what they attest of the ledger is true."""
    prover = proving(world, world.home, world.remote)
    true = world.locked(100)
    forged = world.message(amount=10**9, nonce=1, deadline=2**63)
    source = Source(storage_of(world.home), escrow=str(world.home.escrow.address).lower())
    prover.show_header(source)
    prover.prove(source, world.lane, 0)
    for ids, index in (([forged.id], 0), ([true.id, forged.id], 1), ([forged.id, true.id], 0)):
        with refused(world, "proof: page not proven"):
            world.deliver(forged, page_attestation(EPOCH, ids, index))


# --- a node's own answers ----------------------------------------------------------------------


def answered(chain: Chain, escrow: Any, slots: Sequence[bytes]) -> tuple[Any, Any]:
    """The newest block, and what its node proves of the escrow there."""
    block = chain.rpc("eth_getBlockByNumber", "latest", False)  # type: ignore[attr-defined]
    keys = ["0x" + slot.hex() for slot in slots]
    asked = (str(escrow.address), keys, block["number"])
    return block, chain.rpc("eth_getProof", *asked)  # type: ignore[attr-defined]


@pytest.mark.anvil_only
@pytest.mark.requirement("INV-4")
def test_a_node_s_proof_of_a_true_escrow_is_taken(
    ledgers: Callable[[int], tuple[Chain, ...]],
) -> None:
    chains = dict(zip(("home", "remote"), ledgers(2), strict=True))
    world = World(chains, units={"investor": 10**12})
    home = world.home
    prover = proving(world, home, world.remote)
    messages = [world.locked(100 + number) for number in range(10)]
    slots = [page_slot(OUTBOX, world.lane, message.nonce) for message in (messages[0], messages[9])]
    block, answer = answered(home.chain, home.escrow, slots)
    header = header_rlp(block)
    number = int(block["number"], 16)
    shown = prover.verifier.show_header(
        *header_of(block, answer, prover.of_block(number, header)), sender=prover.caller
    )
    root = bytes(shown.return_value)
    assert root == storage_root(answer)
    for page, ids in enumerate((ids_of(messages[:8]), ids_of(messages[8:]))):
        proof = nodes_of(answer["storageProof"][page]["proof"])
        word = prover.verifier.prove_page(root, world.lane, page, proof, sender=prover.caller)
        assert bytes(word.return_value) == page_word(ids)
        for index in range(len(ids)):
            message = messages[8 * page + index]
            attestation = page_attestation(EPOCH, ids, index)
            assert world.deliver(message, attestation).return_value is True
    assert world.remote.balance(world.remote.investor) == sum(m.amount for m in messages)
    # And no page that is not there, nor one of another lane.
    absent = page_slot(OUTBOX, keccak(world.lane), 0)
    _, nothing = answered(home.chain, home.escrow, [absent])
    with pytest.raises(Exception, match="trie: "):
        prover.verifier.prove_page(
            root,
            keccak(world.lane),
            0,
            nodes_of(nothing["storageProof"][0]["proof"]),
            sender=prover.caller,
        )
