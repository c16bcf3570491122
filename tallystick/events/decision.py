"""What is done with a thing that an engine told: a pure function of what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.actions.message import ActionsMessage, EngineDomain, Told, message_from

__all__ = ["Act", "Decision", "Sighting", "decide"]


class Act(StrEnum):
    """What a carrier does with a message."""

    WAIT = "wait"
    TAKE = "take"
    DONE = "done"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Sighting:
    """All that a decision needs to know of a message.

    Attributes:
        message: as its source logged it.
        told: what the same log says that it tells.
        logged_id: the id in the log.
        source: the domain of the engine that the manifest names on that ledger.
        isin: of the instrument.
        emitter: the contract that logged it.
        block: the log's block.
        final: the last block of the source that is final by the manifest's rule.
        canonical: whether the log stands in that block now.
        is_told: whether the source engine keeps that it told this.
        taken: whether the destination has it.
        blocked: why the destination can't take it yet, or nothing.
    """

    message: ActionsMessage
    told: Told
    logged_id: bytes
    source: EngineDomain
    isin: str
    emitter: str
    block: int
    final: int
    canonical: bool
    is_told: bool
    taken: bool
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why where it isn't plain."""

    act: Act
    why: str = ""


def decide(seen: Sighting) -> Decision:
    """Decide what to do with a message; pure."""
    for wrong, why in (
        (seen.emitter != seen.source.engine, "logged by another contract than the ledger's engine"),
        (seen.message.id != seen.logged_id, "the log's id is not the message's"),
        (
            seen.message != message_from(seen.source, seen.isin, seen.told),
            "the message is not what that engine would tell",
        ),
    ):
        if wrong:
            return Decision(Act.REFUSE, why)
    if seen.taken:
        return Decision(Act.DONE)
    if seen.block > seen.final or not seen.canonical:
        return Decision(Act.WAIT, "its log is not final yet")
    if not seen.is_told:
        return Decision(Act.REFUSE, "its source engine does not keep that it told this")
    if seen.blocked:
        return Decision(Act.WAIT, seen.blocked)
    return Decision(Act.TAKE)
