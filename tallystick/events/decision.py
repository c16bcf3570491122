"""What is done with a thing that an engine told: a pure function of what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.actions.message import ActionsMessage, EngineDomain, Told, message_from
from tallystick.bridge import carrying
from tallystick.bridge.carrying import Act, Decision

__all__ = ["Sighting", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting(carrying.Sighting):
    """All that a decision needs to know of a message.

    Attributes:
        message: as its source logged it.
        told: what the same log says that it tells.
        source: the domain of the engine that the manifest names on that ledger.
        isin: of the instrument.
        is_told: whether the source engine keeps that it told this.
        taken: whether the destination has it.
        blocked: why the destination can't take it yet, or nothing.
    """

    message: ActionsMessage
    told: Told
    source: EngineDomain
    isin: str
    is_told: bool
    taken: bool
    blocked: str = ""


def decide(seen: Sighting) -> Decision:
    """Decide what to do with a message; pure."""
    engine, expected = seen.source.engine, message_from(seen.source, seen.isin, seen.told)
    unlike = "the message is not what that engine would tell"
    wrong = (
        (seen.emitter != engine, "logged by another contract than the ledger's engine"),
        (seen.message.id != seen.logged_id, "the log's id is not the message's"),
        (seen.message != expected, unlike),
    )
    return carrying.settle(
        seen,
        wrong=wrong,
        there=Decision(Act.DONE) if seen.taken else None,
        forgotten="" if seen.is_told else "its source engine does not keep that it told this",
        blocked=seen.blocked,
    )
