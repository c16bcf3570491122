"""What a courier does with a message of a lane: a pure function of what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.bridge import carrying
from tallystick.bridge.carrying import Act, Decision
from tallystick.bridge.message import CODEC, LaneMessage
from tallystick.text import time_text

__all__ = ["Sighting", "decide"]

_UNTOLD: Final = "logs of its page of the outbox are missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting(carrying.Sighting):
    """All that a decision needs to know of a message.

    Attributes:
        message: as its source logged it.
        escrow: the lane's escrow on the source ledger.
        lane: the lane's id.
        kind: what messages of this direction do.
        kept: whether the source escrow keeps it, on one page with the others logged there; None:
            of those some are missing, so that it can't be told.
        arrived: whether the destination has the nonce already.
        suspended: base units that the destination holds for it.
        queued_until: from when on it can be claimed, if it came over its lane's limit; else 0.
        receivable: whether its recipient could be paid now.
        clock: the time of the destination's next block.
        paused: why the destination takes nothing now, or nothing.
    """

    message: LaneMessage
    escrow: str
    lane: bytes
    kind: int
    kept: bool | None
    arrived: bool
    suspended: int
    receivable: bool
    clock: int
    paused: str = ""
    queued_until: int = 0


def decide(seen: Sighting) -> Decision:
    """Decide what to do with a message; pure."""
    message, early = seen.message, seen.message.lock_time - seen.clock
    wrong = (
        (seen.emitter != seen.escrow, "logged by another contract than the lane's escrow"),
        (message.lane != seen.lane, "names another lane"),
        (message.codec != CODEC, f"codec {message.codec} is unknown here"),
        (message.kind != seen.kind, "goes in the other direction"),
        (message.id != seen.logged_id, "the log's id is not the message's"),
    )
    late = f"the destination's clock is {early} s behind its lock time" if early > 0 else ""
    return carrying.settle(
        seen,
        wrong=wrong,
        there=_arrived(seen) if seen.arrived else None,
        forgotten="its source escrow keeps other messages on its page"
        if seen.kept is False
        else "",
        blocked=late or seen.paused or (_UNTOLD if seen.kept is None else ""),
    )


def _arrived(seen: Sighting) -> Decision:
    if not seen.suspended:
        return Decision(Act.DONE)
    if seen.clock < seen.queued_until:
        until = time_text(seen.queued_until)
        return Decision(Act.WAIT, f"in suspense: it waits for its lane's limit until {until}")
    if seen.queued_until and seen.paused:
        return Decision(Act.WAIT, f"in suspense: it waits for its lane's limit, and {seen.paused}")
    if seen.receivable:
        return Decision(Act.CLAIM)
    return Decision(Act.WAIT, "in suspense: its recipient can't receive yet")
