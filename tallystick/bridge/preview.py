"""What `can_lock` and `can_burn` of an escrow answer, in words."""

from __future__ import annotations

from enum import IntFlag
from typing import Final

__all__ = ["Obstacle", "obstacles"]


class Obstacle(IntFlag):
    """What is in the way of a message that would leave; `contracts/bridge/preview.vy`."""

    NO_LANE = 1
    NO_AMOUNT = 2
    NO_RECIPIENT = 4
    LATE = 8
    PAUSED = 16
    SUSPENDED = 32
    NO_ROOM = 64
    TOKEN_STOPPED = 128
    HOLDER_STOPPED = 256
    TOO_FEW = 512
    CUSTODY_ENDED = 1024
    BELOW_MINIMUM = 2048
    ENDING = 4096


_WORDS: Final = {
    Obstacle.NO_LANE: "no such lane, or it leaves the other ledger this way",
    Obstacle.NO_AMOUNT: "an amount of 0",
    Obstacle.NO_RECIPIENT: "the recipient is no account",
    Obstacle.LATE: "the deadline has passed, or is more than 90 days away",
    Obstacle.PAUSED: "the lane's outbound side is paused",
    Obstacle.SUSPENDED: "the lane is suspended",
    Obstacle.NO_ROOM: "the lane has no room: its cap, or more than was issued here",
    Obstacle.TOKEN_STOPPED: "the token is paused or suspended",
    Obstacle.HOLDER_STOPPED: "the holder may not send",
    Obstacle.TOO_FEW: "the holder has less that is not frozen",
    Obstacle.CUSTODY_ENDED: "the lane's custody can't receive",
    Obstacle.BELOW_MINIMUM: "less than the lane lets leave",
    Obstacle.ENDING: "the lane has ended, or its end is under way",
}


def obstacles(answer: int) -> tuple[str, ...]:
    """What the sum says, a sentence each; nothing: it would be sent.

    Raises:
        ValueError: a bit that this version does not know.
    """
    unknown = answer & ~sum(_WORDS)
    if unknown:
        raise ValueError(f"an obstacle that is not known here: {unknown:#x}")
    return tuple(words for obstacle, words in _WORDS.items() if answer & obstacle)
