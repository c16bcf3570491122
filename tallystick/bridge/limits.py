"""How much of a lane may arrive at once, and when the rest is credited, as `limits.vy` has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Final

from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio

__all__ = ["Limit"]

# Parts of a second in which what is left to work off is counted, and the last moment there is.
_FRACTION: Final = 2**32
_LAST: Final = 2**89 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A lane's limit and what it has counted, as `limit_state` tells it; to the last bit.

    Attributes:
        limit: base units that may arrive at once; 0: any.
        window: seconds in which that room comes back.
        ramp: seconds in which it grows from nothing after a new verifier.
        ramps_until: when it has grown, in seconds.
        drained_at: when all that arrived is worked off, in 2**-32 seconds.
    """

    limit: int = 0
    window: int
    ramp: int
    ramps_until: int = 0
    drained_at: int = 0

    def changed(self, limit: int, now: int) -> Limit:
        """Return it with another limit in base units, 0: none, set at `now` seconds."""
        at, drained = now * _FRACTION, self.drained_at
        if limit and not self.limit:
            drained = at + self.window * _FRACTION
        elif limit and at < drained < _LAST:
            drained = min(at + -(-(drained - at) * self.limit // limit), _LAST)
        return replace(self, limit=limit, drained_at=drained)

    def over(self, ratios: Iterable[Ratio]) -> Limit:
        """Return it in the units after ratios: rounded down, no less than one base unit."""
        limit = self.limit
        for ratio in ratios if limit else ():
            limit = min(max(limit * ratio.numerator // ratio.denominator, 1), AMOUNT_MAX)
        return replace(self, limit=limit)

    def taken(self, amount: int, now: int) -> Limit:
        """Return it once so many base units have arrived at `now`; without a limit, as it is."""
        if not self.limit:
            return self
        work = -(-amount * self.window * _FRACTION // self.limit)
        drained = min(max(self.drained_at, now * _FRACTION) + work, _LAST)
        return replace(self, drained_at=drained)

    def until(self) -> int:
        """Return from which second on what arrived last may be credited."""
        full = Fraction(self.drained_at, _FRACTION) - self.window
        begun = self.window * (self.ramps_until - self.ramp)
        grown = (Fraction(self.drained_at, _FRACTION) * self.ramp + begun) / (
            self.ramp + self.window
        )
        return max(0, ceil(full), ceil(grown))

    def room(self, now: int) -> int:
        """Return the most base units that would be credited at once at `now`; there is a limit."""
        grown = 1 - Fraction(self.ramps_until - now, self.ramp)
        left = max(Fraction(self.drained_at, _FRACTION) - now, Fraction(0))
        most = Fraction(int(min(grown, Fraction(1)) * self.window * _FRACTION), _FRACTION)
        return max(0, int((most - left) * self.limit / self.window))
