"""Ratios as `contracts/token/book.vy` applies them: what amounts become, and how they round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from tallystick.token.position import AMOUNT_MAX

__all__ = ["ALL", "Ratio", "carried", "frozen_after"]

# A frozen amount that no balance can reach, as the standards say it: all of it.
ALL: Final = 2**256 - 1


class Ratio(NamedTuple):
    """From a business day on, `numerator` units are what `denominator` units were."""

    numerator: int
    denominator: int
    first_day: int


def carried(amount: int, ratios: Iterable[Ratio]) -> int:
    """Return what base units become, rounded down at each ratio; at most 104 bits."""
    for ratio in ratios:
        amount = min(amount * ratio.numerator // ratio.denominator, AMOUNT_MAX)
    return amount


def frozen_after(frozen: int, balance: int, ratios: Iterable[Ratio]) -> int:
    """Return what a frozen amount becomes: rounded up, within the balance if it was within it.

    Args:
        frozen: Base units, or `ALL`, which stays it.
        balance: Base units of the same account, before the first of the ratios.
        ratios: Each in the order of its day.
    """
    for ratio in ratios:
        after = carried(balance, [ratio])
        if frozen != ALL:
            most = after if frozen <= balance else ALL
            frozen = min(-(-frozen * ratio.numerator // ratio.denominator), most)
            frozen = ALL if frozen >= AMOUNT_MAX else frozen
        balance = after
    return frozen
