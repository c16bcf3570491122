"""What is due of a lane over a ratio that is in force at home: a pure function of what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.actions.message import RatioState
from tallystick.token.position import date_of

__all__ = ["Due", "Over", "Seen", "decide"]


class Over(StrEnum):
    """An act that takes a lane over a ratio, by the function that is called."""

    TELL_HOME = "home tells that it is in force"
    TELL_THERE = "the other ledger tells from which day on it is in force there"
    FIGURES = "the other ledger tells of its last close in old units"
    CARRY = "home takes over what the new epoch begins with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that a decision needs to know.

    Attributes:
        carried: whether home has taken over what the epoch of the lane begins with.
        state: where the ratio stands on the other ledger; None: it is not armed there.
        first_day: its first day there; 0 where it is not armed.
        home_told: whether home has told that it is in force.
        told: whether the other ledger has.
        entered: whether home knows that.
        figures_told: whether the other ledger told what stood there at its last close before.
        figures: whether home has that, and it counts.
    """

    carried: bool
    state: RatioState | None
    first_day: int = 0
    home_told: bool = False
    told: bool = False
    entered: bool = False
    figures_told: bool = False
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """An act, and why it is not for now; `done`: it was, and what it told is on its way."""

    act: Over
    waits: str = ""
    done: str = ""

    @property
    def is_due(self) -> bool:
        """Whether it is to be done now."""
        return not self.waits and not self.done


def decide(seen: Seen) -> tuple[Due, ...]:
    """Decide what is done of a lane now, in that order; pure.

    A ledger that missed the ratio is told of it for as long as it takes: there is no way back at
    home. Home takes nothing over before that ledger said that no later close of it is in old units.
    """
    carried = "to be carried"
    if seen.carried:
        return (Due(Over.CARRY, done="it is carried"),)
    if seen.state is None:
        return (Due(Over.TELL_HOME, done=f"told, {carried}" if seen.home_told else ""),)
    if seen.state is not RatioState.IN_FORCE:
        return (Due(Over.TELL_THERE, waits=f"it begins there on {date_of(seen.first_day)}"),)
    left = []
    if not seen.entered:
        left.append(Due(Over.TELL_THERE, done=f"told, {carried}" if seen.told else ""))
    if not seen.figures:
        left.append(Due(Over.FIGURES, done=f"told, {carried} home" if seen.figures_told else ""))
    return tuple(left) or (Due(Over.CARRY),)
