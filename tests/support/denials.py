"""Messages that a wrong quorum attests, what their source says of them, and what that mends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tallystick.bridge.message import LaneMessage, MessageId, message_of, party
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Receipt
from tests.support.ends import source_of
from tests.support.world import STATED, Side, World

FALSE = 700


def forged(world: World, there: str, recipient: Any = None, **fields: Any) -> LaneMessage:
    """What nobody sent, for a ledger; attestors sign it all the same."""
    side: Side = getattr(world, there)
    to = recipient or (side.investor if there == "remote" else side.fund)
    kind = 1 if there == "remote" else 2
    fields = {"amount": FALSE, "recipient": party(to.address), **fields}
    return world.message(kind=kind, **fields)


def side_of(world: World, there: str) -> Side:
    """A ledger by name."""
    side = getattr(world, there)
    assert isinstance(side, Side)
    return side


def page_of(world: World, side: Side, message: LaneMessage) -> list[MessageId]:
    """What is on a message's page of the outbox there, by the logs."""
    logs = (side.chain.decode_log(log) for log in side.chain.raw_logs(side.escrow))
    sent = [message_of(event) for event in logs if event.name == "MessageSent"]
    page = message.nonce // PAGE
    return [each.id for each in sent if each.lane == world.lane and each.nonce // PAGE == page]


def deny(
    world: World, message: LaneMessage, ids: Sequence[bytes] | None = None
) -> tuple[Receipt, LaneMessage]:
    """Anyone has the source deny a message; the receipt, and what tells the other ledger."""
    source = source_of(world, message)
    page = page_of(world, source, message) if ids is None else list(ids)
    receipt = Receipt.of(source.escrow.deny(message.as_tuple(), page, sender=source.attacker))
    answer = message_of(receipt.one("MessageSent"))
    there = world.side_of(message).chain
    there.set_time(max(there.now, answer.lock_time))
    return receipt, answer


def take(world: World, denial: LaneMessage, denied: LaneMessage, *attestations: bytes) -> Receipt:
    """A courier brings a denial, attested unless attestations are given."""
    side = world.side_of(denial)
    proofs = attestations or world.network.attestations(denial)
    return Receipt.of(
        side.escrow.take_denial(denial.as_tuple(), denied.as_tuple(), *proofs, sender=side.courier)
    )


def disowned(world: World, there: str, **fields: Any) -> LaneMessage:
    """A false message that somebody was credited by, and that its source denied."""
    false = forged(world, there, **fields)
    source = source_of(world, false)
    false = replace(false, nonce=int(world.lane_state(source).sent))
    assert world.deliver(false).return_value is True
    take(world, deny(world, false)[1], false)
    return false


def agree(world: World, there: str, false: LaneMessage, epoch: int = 0) -> None:
    """Issuer and custodian agree that its units are made good."""
    side: Side = getattr(world, there)
    side.escrow.propose_amends(false.id, epoch, *STATED, sender=side.issuer)
    side.escrow.agree_amends(false.id, epoch, *STATED, sender=side.custodian)
