"""What a courier does with a message: a pure function of what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.bridge.message import CODEC, LaneMessage

__all__ = ["Act", "Decision", "Sighting", "decide"]


class Act(StrEnum):
    """What a courier does with a message."""

    WAIT = "wait"
    DELIVER = "deliver"
    CLAIM = "claim"
    DONE = "done"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Sighting:
    """All that a decision needs to know of a message.

    Attributes:
        message: as its source logged it.
        logged_id: the id in the event.
        emitter: the contract that emitted the event.
        escrow: the lane's escrow on the source ledger.
        lane: the lane's id.
        kind: what messages of this direction do.
        block: the event's block.
        final: the last block of the source that is final by the manifest's rule.
        canonical: whether the event stands in that block now.
        outbox: the id that the source escrow keeps for the nonce.
        arrived: whether the destination has the nonce already.
        suspended: base units that the destination holds for it.
        receivable: whether its recipient could be paid now.
        clock: the time of the destination's next block.
        paused: why the destination takes nothing now, or nothing.
    """

    message: LaneMessage
    logged_id: bytes
    emitter: str
    escrow: str
    lane: bytes
    kind: int
    block: int
    final: int
    canonical: bool
    outbox: bytes
    arrived: bool
    suspended: int
    receivable: bool
    clock: int
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why where it isn't plain."""

    act: Act
    why: str = ""


def decide(seen: Sighting) -> Decision:
    """Decide what to do with a message; pure."""
    message = seen.message
    for wrong, why in (
        (seen.emitter != seen.escrow, "emitted by another contract than the lane's escrow"),
        (message.lane != seen.lane, "names another lane"),
        (message.codec != CODEC, f"codec {message.codec} is unknown here"),
        (message.kind != seen.kind, "goes in the other direction"),
        (message.id != seen.logged_id, "the event's id is not the message's"),
    ):
        if wrong:
            return Decision(Act.REFUSE, why)
    if seen.arrived:
        if not seen.suspended:
            return Decision(Act.DONE)
        if seen.receivable:
            return Decision(Act.CLAIM)
        return Decision(Act.WAIT, "in suspense: its recipient can't receive yet")
    if seen.block > seen.final or not seen.canonical:
        return Decision(Act.WAIT, "its source event is not final yet")
    if message.id != seen.outbox:
        return Decision(Act.REFUSE, "its source escrow keeps another id for the nonce")
    if seen.clock < message.lock_time:
        behind = message.lock_time - seen.clock
        return Decision(Act.WAIT, f"the destination's clock is {behind} s behind its lock time")
    if seen.paused:
        return Decision(Act.WAIT, seen.paused)
    return Decision(Act.DELIVER)
