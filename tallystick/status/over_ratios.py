"""Sums of amounts that moved in units of several epochs, as contracts keep them: by epoch.

A contract rounds a sum down at each ratio, as one; what is paid of it is rounded down each by
itself. So a sum is followed epoch by epoch, and what is left over is found to the unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["Move", "Ratios", "over", "summed"]

# Base units that came to a sum or left it, in those of the epoch beside them.
Move = tuple[int, int]
# Numerator and denominator of each ratio in force, the first first.
Ratios = Sequence[tuple[int, int]]


def over(amount: int, since: int, ratios: Ratios) -> int:
    """Return what an amount of an epoch has become, rounded down at each ratio."""
    for numerator, denominator in ratios[since:]:
        amount = amount * numerator // denominator
    return amount


def summed(moves: Iterable[Move], ratios: Ratios) -> int:
    """Return what a sum is now, given what moved in each epoch."""
    by_epoch: Counter[int] = Counter()
    for epoch, amount in moves:
        by_epoch[epoch] += amount
    total = by_epoch[0]
    for epoch, (numerator, denominator) in enumerate(ratios, start=1):
        total = total * numerator // denominator + by_epoch[epoch]
    return total
