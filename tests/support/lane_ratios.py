"""Lanes over ratios: both ledgers' engines, and a lane in whole numbers, each message by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tallystick.bridge.message import LaneMessage
from tests.support.ratios import CLOSE, NOTICE, Engine
from tests.support.world import DAY, STATED, World

# Everybody's deadline, unless a test means one: longer than any of its ratios.
LASTS: Final = 80 * DAY


@dataclass(frozen=True)
class Engines:
    """The engines of both ledgers, which announce the same."""

    world: World
    home: Engine
    remote: Engine

    @classmethod
    def of(cls, world: World) -> Engines:
        """Give both tokens an engine; both clocks are then at the first moment of one day."""
        found = cls(world, Engine.of(world.home), Engine.of(world.remote))
        found.begin(max(found.home.day(1), found.remote.day(1)))
        return found

    def begin(self, day: int, *, seconds: int = 0) -> None:
        """Bring both clocks to the first moment of a business day, or so many seconds after."""
        for engine in (self.home, self.remote):
            engine.begin(day, seconds=seconds)

    def announce(self, numerator: int, denominator: int, ahead: int = NOTICE + 1) -> int:
        """Announce a ratio on both, with the last close before it; returns its first day."""
        for engine in (self.home, self.remote):
            engine.announce(numerator, denominator, ahead)
            side = engine.side
            side.token.announce_close(engine.day(ahead - 1), *STATED, sender=side.registrar)
        return self.home.day(ahead)

    def split(self, numerator: int, denominator: int) -> int:
        """Announce a ratio on both and let its first day begin there; returns that day."""
        first = self.announce(numerator, denominator)
        self.begin(first)
        return first


@dataclass
class Under:
    """A message that has not ended: in flight, or waiting where it arrived, since an epoch."""

    message: LaneMessage
    amount: int
    epoch: int
    waits: bool = False
    false: bool = False


@dataclass
class End:
    """One end of a lane: sums, floored at each ratio; what a false message changed, kept apart."""

    home: bool
    outstanding: int = 0
    suspense: int = 0
    sent: dict[int, int] = field(default_factory=dict)
    # base units of false messages that wait, each in its epoch, are no part of `outstanding`
    closes: dict[int, tuple[int, int]] = field(default_factory=dict)


def over(amount: int, *ratios: tuple[int, int]) -> int:
    """What an amount becomes, rounded down each time."""
    for numerator, denominator in ratios:
        amount = amount * numerator // denominator
    return amount


__all__ = ["CLOSE", "LASTS", "End", "Engines", "Under", "over"]
