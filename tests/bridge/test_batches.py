"""Batches: many messages under one attestation, all or none, what is here already passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.bridge.attestation import attest, attestation_digest
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, MAX_BATCH, Batch
from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import EMPTY
from tallystick.chain import Receipt
from tests.support.world import (
    DAY,
    INVESTOR_UNITS,
    RETENTION,
    STATED,
    UNSIGNED,
    Side,
    World,
    domain_of,
    refused,
)


def outward(world: World, count: int, amount: int = 100) -> list[LaneMessage]:
    """So many messages to the remote investor, each of one unit more than the one before."""
    return [world.locked(amount + number) for number in range(count)]


def bring(
    world: World, messages: Sequence[LaneMessage], *attestations: bytes, **changed: Any
) -> Receipt:
    """A courier brings a batch, attested unless attestations are given."""
    side = world.side_of(messages[0])
    arguments = {
        "lane": world.lane,
        "before": EMPTY,
        "listed": [message.as_tuple() for message in messages],
        **changed,
    }
    proofs = attestations or world.network.batch_attestations(messages)
    return Receipt.of(side.escrow.deliver_batch(*arguments.values(), *proofs, sender=side.courier))


# ------------------------------------------------------------------ what is delivered


@pytest.mark.requirement("INV-1", "INV-3", "INV-4")
@pytest.mark.parametrize("count", [1, 2, MAX_BATCH])
def test_a_batch_credits_each_recipient_once(world: World, count: int) -> None:
    messages = outward(world, count)
    side = world.remote
    receipt = bring(world, messages)
    assert receipt.return_value == count
    expected: list[Any] = []
    for message in messages:
        expected += [
            side.token.emitted("Transfer", "0x" + "00" * 20, side.investor, message.amount),
            side.token.emitted("CrosschainMint", side.investor, message.amount, side.escrow),
            side.escrow.emitted(
                "MessageDelivered",
                world.lane,
                message.id,
                message.nonce,
                message.amount,
                False,
            ),
        ]
    assert receipt.events == tuple(expected)
    total = sum(message.amount for message in messages)
    assert side.balance(side.investor) == total == world.lane_state(side).outstanding
    assert all(side.escrow.has_arrived(world.lane, message.nonce) for message in messages)


@pytest.mark.requirement("INV-2", "INV-3")
def test_a_batch_releases_at_home(world: World) -> None:
    world.arrived(1_000)
    messages = [world.burned(300), world.burned(200)]
    had = world.home.balance(world.home.fund)
    assert bring(world, messages).return_value == 2
    assert world.home.balance(world.home.fund) == had + 500
    assert world.lane_state(world.home).outstanding == 500


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("front", [{0}, {2}, {0, 1, 2}])
def test_what_was_delivered_before_is_passed_over(world: World, front: set[int]) -> None:
    """Nobody stops a batch by delivering one of its messages first."""
    messages = outward(world, 3)
    for number in front:
        world.deliver(messages[number])
    receipt = bring(world, messages)
    assert receipt.return_value == 3 - len(front)
    total = sum(message.amount for message in messages)
    assert world.remote.balance(world.remote.investor) == total
    # Nor does it take effect twice, alone or in the batch.
    assert bring(world, messages).return_value == 0
    for message in messages:
        with refused(world, "transit: delivered already"):
            world.deliver(message)
    assert world.remote.balance(world.remote.investor) == total


@pytest.mark.requirement("INV-3")
def test_a_message_twice_in_a_batch_takes_effect_once(world: World) -> None:
    (message,) = outward(world, 1)
    assert bring(world, [message, message]).return_value == 1
    assert world.remote.balance(world.remote.investor) == message.amount


@pytest.mark.requirement("R-24")
def test_who_cannot_receive_waits_in_suspense_and_stops_nobody(world: World) -> None:
    side = world.remote
    messages = [world.locked(70), world.locked(50, side.outsider), world.locked(30)]
    receipt = bring(world, messages)
    assert receipt.return_value == 3
    assert side.balance(side.investor) == 100
    assert side.escrow.suspended(messages[1].id) == 50
    assert world.lane_state(side).suspense == 50
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    world.network.claim(messages[1])
    assert side.balance(side.outsider) == 50


@pytest.mark.requirement("INV-6")
def test_what_lands_after_a_close_leaves_its_word(world: World) -> None:
    messages = outward(world, 2)
    for side in (world.home, world.remote):
        side.chain.advance(DAY)
    late = outward(world, 1)
    bring(world, [*messages, *late])
    words = [int(world.remote.escrow.landed(each.id)) for each in (*messages, *late)]
    assert [bool(word) for word in words] == [True, True, False]


@pytest.mark.requirement("INV-1", "INV-3")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(6)),
    front=st.sets(st.integers(0, 5)),
    cut=st.integers(1, 5),
)
def test_any_order_cut_and_front_run_ends_alike(
    world: World, order: list[int], front: set[int], cut: int
) -> None:
    """Messages delivered alone before, the rest in two batches of any order."""
    with world.isolated():
        messages = outward(world, 6)
        for number in front:
            world.deliver(messages[number])
        parts = [messages[at] for at in order[:cut]], [messages[at] for at in order[cut:]]
        took = sum(int(bring(world, part).return_value or 0) for part in parts)
        assert took == 6 - len(front)
        total = sum(message.amount for message in messages)
        assert world.remote.balance(world.remote.investor) == total
        assert world.lane_state(world.remote).outstanding == total


# ------------------------------------------------------------------ what is attested


@pytest.mark.requirement("INV-4")
def test_the_digest_is_the_one_that_the_type_makes() -> None:
    """By hand: EIP-712 of `BatchAttestation`, as the contract hashes it."""
    batch = Batch(b"\1" * 32, b"\2" * 32, 3)
    kind = keccak(b"Batch(bytes32 lane,bytes32 word,uint64 count)")
    assert batch.id == keccak(kind + batch.lane + batch.word + (3).to_bytes(32, "big"))


def _altered(messages: list[LaneMessage]) -> dict[str, list[LaneMessage]]:
    first, second = messages
    return {
        "another amount": [replace(first, amount=10_000), second],
        "one left out": [first],
        "one more": [first, second, replace(second, nonce=9)],
        "another order": [second, first],
    }


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("what", ["another amount", "one left out", "one more", "another order"])
def test_another_batch_than_the_one_signed_is_refused(world: World, what: str) -> None:
    messages = outward(world, 2)
    proofs = world.network.batch_attestations(messages)
    with refused(world, "verifier: wrong signature of a batch"):
        bring(world, _altered(messages)[what], *proofs)
    with refused(world, "verifier: wrong signature of a batch"):
        bring(world, messages, *proofs, before=b"\1" * 32)


@pytest.mark.requirement("INV-4")
def test_a_signature_of_a_message_is_none_of_a_batch(world: World) -> None:
    """Nor the other way round: each has a type of its own."""
    (message,) = outward(world, 1)
    with refused(world, "verifier: wrong signature of a batch"):
        bring(world, [message], world.attest(message))
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, *world.network.batch_attestations([message]))


def _spoilt(proof: bytes) -> dict[str, bytes]:
    head, first, second = proof[:8], proof[10:74], proof[74:]
    bits = int.from_bytes(proof[8:10], "big")
    # The largest s that the parity bit leaves room for.
    high = (2**255 - 1).to_bytes(32, "big")
    return {
        "wrong signature of": proof[:10] + second + first,
        "high s in": proof[:106] + high,
        "bit without signer in": head + (bits | 1 << 15).to_bytes(2, "big") + first + second,
        "trailing bytes of": proof + b"\0",
        "too few signatures of": head + (bits & -bits).to_bytes(2, "big") + first,
    }


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("what", list(_spoilt(bytes(138))))
def test_a_verifier_checks_a_batch_as_it_does_a_message(world: World, what: str) -> None:
    """It has the same check in line twice."""
    messages = outward(world, 2)
    (proof,) = world.network.batch_attestations(messages)
    with refused(world, f"verifier: {what} a batch"):
        bring(world, messages, _spoilt(proof)[what])
    assert bring(world, messages, proof).return_value == 2


@pytest.mark.requirement("INV-4")
def test_a_batch_is_signed_for_one_escrow(world: World) -> None:
    messages = outward(world, 1)
    signers = world.network.signer_set()
    keys = [each.key for each in world.network.attestors if each.key][:2]
    for side, reason in (
        (world.home, "verifier: wrong signature of a batch"),
        (world.remote, None),
    ):
        batch = Batch.of(messages)
        proof = attest(batch, signers, domain_of(side), keys, BATCH_ATTESTATION_TYPE)
        assert attestation_digest(batch, signers, domain_of(side), BATCH_ATTESTATION_TYPE)
        if reason is None:
            assert bring(world, messages, proof).return_value == 1
        else:
            with refused(world, reason):
                bring(world, messages, proof)


@pytest.mark.requirement("INV-4")
def test_an_epoch_that_has_ended_attests_no_batch(world: World) -> None:
    messages = outward(world, 1)
    side = world.remote
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    with refused(world, "lanes: no such epoch now"):
        bring(world, messages)


def test_a_second_attestation_that_nobody_asks_for_is_refused(world: World) -> None:
    messages = outward(world, 1)
    (proof,) = world.network.batch_attestations(messages)
    with refused(world, "transit: one verifier alone for a batch"):
        bring(world, messages, proof, proof)


# ------------------------------------------------------------------ what refuses a batch


def test_an_empty_batch_is_refused(world: World) -> None:
    (message,) = outward(world, 1)
    with refused(world, "transit: nothing in the batch"):
        bring(world, [message], UNSIGNED, listed=[])


def test_more_than_a_batch_is_no_call(world: World) -> None:
    (message,) = outward(world, 1)
    with refused(world):
        bring(world, [message], UNSIGNED, listed=[message.as_tuple()] * (MAX_BATCH + 1))
    with pytest.raises(ValueError, match="1 to 25 messages of one lane expected"):
        Batch.of([message] * (MAX_BATCH + 1))


def test_messages_of_two_lanes_are_no_batch(world: World) -> None:
    (message,) = outward(world, 1)
    other = replace(message, lane=b"\1" * 32)
    with pytest.raises(ValueError, match="of one lane expected"):
        Batch.of([message, other])
    with refused(world, "transit: of another lane"):
        bring(world, [message, other], UNSIGNED)


@pytest.mark.requirement("INV-3", "INV-4")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"codec": 3}, "transit: unknown codec"),
        ({"kind": 2}, "transit: wrong direction"),
        ({"lock_time": 2**40}, "transit: before its lock time"),
        ({"recipient": b"\1" * 32}, "transit: recipient is no account"),
        ({"action_epoch": 1}, "transit: ratio not known here yet"),
        ({"amount": INVESTOR_UNITS * 10**20}, "lanes: outstanding out of range"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_refuses_a_message_refuses_its_batch(
    world: World, changed: dict[str, Any], reason: str
) -> None:
    """All or none, whatever is signed; the others are delivered alone."""
    good, other = outward(world, 2)
    bad = replace(other, **changed)
    signed = world.network.batch_attestations([good, replace(bad, kind=1)])
    if "kind" in changed:
        # Signed for the ledger of the batch's first message.
        side = world.remote
        keys = [each.key for each in world.network.attestors if each.key][:2]
        batch = Batch.of([good, bad])
        signers = world.network.signer_set()
        signed = (attest(batch, signers, domain_of(side), keys, BATCH_ATTESTATION_TYPE),)
    with refused(world, reason):
        bring(world, [good, bad], *signed)
    assert world.deliver(good).return_value is True


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("stop", ["paused", "suspended"])
def test_a_stopped_lane_takes_no_batch(world: World, stop: str) -> None:
    messages = outward(world, 2)
    side = world.remote
    if stop == "paused":
        side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
        with refused(world, "lanes: inbound paused"):
            bring(world, messages)
        side.chain.advance(RETENTION * 8)
        assert bring(world, messages).return_value == 2


def test_a_pause_of_the_token_stops_no_batch(world: World) -> None:
    side: Side = world.remote
    messages = outward(world, 2)
    side.token.pause(7, *STATED, sender=side.guardian)
    assert bring(world, messages).return_value == 2
