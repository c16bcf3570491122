"""What is done with a message that one ledger logged and another has to take; pure.

The same of what lanes send and of what engines tell: nothing counts before the log is final and
stands, nor unless the contract that logged it keeps it in storage (INV-4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from tallystick.chain import ChainError, Revert
from tallystick.errors import CheckFailed, TallystickError
from tallystick.text import Told

__all__ = ["NOT_YET", "Act", "Decision", "Halt", "Sighting", "is_not_yet", "settle"]

# Why an escrow takes nothing now that it may take later.
NOT_YET: Final = frozenset(
    {
        "closing: before its lock time",
        "closing: not begun here",
        "denials: before its lock time",
        "lanes: cap reached",
        "lanes: inbound paused",
        "lanes: no such epoch now",
        "lanes: suspended",
        "transit: a redirect is proposed",
        "transit: before its deadline",
        "transit: before its lock time",
        "transit: instrument suspended",
        "transit: past its deadline",
        "transit: queued while arrivals are stopped",
        "transit: ratio not known here yet",
        "transit: token refused",
        "transit: waits for its lane's limit",
    }
)


class Act(StrEnum):
    """What a courier does with a message."""

    WAIT = "wait"
    DELIVER = "deliver"
    CLAIM = "claim"
    RETURN = "return"
    DONE = "done"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why where it isn't plain."""

    act: Act
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was seen of a message at its source, whatever it says.

    Attributes:
        logged_id: the id in the log.
        emitter: the contract that logged it.
        block: the log's block.
        final: the last block of the source that is final by the manifest's rule.
        canonical: whether the log stands in that block now.
    """

    logged_id: bytes
    emitter: str
    block: int
    final: int
    canonical: bool


def settle(
    seen: Sighting,
    *,
    wrong: Iterable[tuple[bool, str]],
    there: Decision | None,
    forgotten: str,
    blocked: str,
) -> Decision:
    """Decide what to do with a message; the first that applies, in this order.

    Args:
        seen: it, at its source.
        wrong: what would make it none that its source sent, each with whether it does.
        there: what to do if the destination has it; None: it has not.
        forgotten: why its source does not stand by it, or nothing.
        blocked: why the destination can't take it yet, or nothing.
    """
    for is_wrong, why in wrong:
        if is_wrong:
            return Decision(Act.REFUSE, why)
    if there is not None:
        return there
    if seen.block > seen.final or not seen.canonical:
        return Decision(Act.WAIT, "its log is not final yet")
    if forgotten:
        return Decision(Act.REFUSE, forgotten)
    if blocked:
        return Decision(Act.WAIT, blocked)
    return Decision(Act.DELIVER)


def is_not_yet(revert: Revert) -> bool:
    """Whether what a ledger refuses now may be taken later as it is."""
    return revert.reason in NOT_YET


@dataclass(frozen=True, slots=True)
class Halt(Told):
    """A direction that can't go on, or is not seen whole, and why. It stops no other.

    `what` is `stopped` (nothing more was tried in this step), `incomplete` (what was seen was
    carried) or `resumed`; `id` is the lane's. `error` is what nobody foresaw.
    """

    what: str
    source: str
    destination: str
    id: bytes
    detail: str = ""
    error: Exception | None = None

    tx_hash = ""
    changed = False
    words = "lane"
    called: ClassVar = {"id": "lane", "error": ""}

    @classmethod
    def by(cls, error: Exception, source: str, destination: str, lane: bytes) -> Halt:
        """Make one of whatever went wrong, without what may be secret in it."""
        foreseen = isinstance(error, ChainError | Revert | TallystickError)
        said = str(error) if foreseen else f"{type(error).__name__}: {error}"
        detail = str(CheckFailed(said))
        return cls("stopped", source, destination, lane, detail, None if foreseen else error)

    @property
    def way(self) -> tuple[str, str, bytes]:
        """The direction."""
        return self.source, self.destination, self.id
