"""What a courier does with messages of a lane: pure functions of what was seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.bridge import carrying
from tallystick.bridge.batch import MAX_BATCH
from tallystick.bridge.carrying import Act, Decision
from tallystick.bridge.message import CODEC, FIRST_CODEC, Kind, LaneMessage
from tallystick.bridge.outbox import PAGE
from tallystick.text import time_text

__all__ = ["Sighting", "decide", "together"]

_UNTOLD: Final = "logs of its page of the outbox are missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting(carrying.Sighting):
    """All that a decision needs to know of a message.

    Attributes:
        message: as its source logged it.
        escrow: the lane's escrow on the source ledger.
        lane: the lane's id.
        kind: what messages of this direction do, if their units don't come back.
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
        (message.codec not in (CODEC, FIRST_CODEC), f"codec {message.codec} is unknown here"),
        (
            message.kind not in set(Kind) or Kind(message.kind).direction != seen.kind,
            "goes in the other direction",
        ),
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
    if seen.message.is_late(seen.clock):
        return Decision(Act.RETURN)
    if seen.clock < seen.queued_until:
        until = time_text(seen.queued_until)
        return Decision(Act.WAIT, f"in suspense: it waits for its lane's limit until {until}")
    if seen.queued_until and seen.paused:
        return Decision(Act.WAIT, f"in suspense: it waits for its lane's limit, and {seen.paused}")
    if seen.receivable:
        return Decision(Act.CLAIM)
    return Decision(Act.WAIT, "in suspense: its recipient can't receive yet")


def together(
    nonces: Sequence[int], *, by_page: bool, most: int = MAX_BATCH
) -> tuple[tuple[int, ...], ...]:
    """Decide which messages of a direction go in one transaction; pure.

    Two already take less gas together than each by itself, and each more makes it less.

    Args:
        nonces: theirs, in the order in which they are to go.
        by_page: whether storage proves them: then those that follow one another on a page.
        most: as many as a transaction takes.

    Returns:
        those of each transaction, in order; alone what has no company.
    """
    if not by_page:
        return tuple(tuple(nonces[at : at + most]) for at in range(0, len(nonces), most))
    found: list[list[int]] = []
    for nonce in sorted(nonces):
        if found and found[-1][-1] + 1 == nonce and nonce % PAGE and len(found[-1]) < most:
            found[-1].append(nonce)
        else:
            found.append([nonce])
    return tuple(map(tuple, found))
