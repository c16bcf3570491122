"""Closings as `contracts/token/book.vy` keeps them: openings, where they stand, hints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tallystick.token.position import AMOUNT_MAX, DAY_MAX, EPOCH_MAX, PositionFlag

__all__ = [
    "CALENDAR_DAYS",
    "MAX_AHEAD",
    "SLOTS",
    "Opening",
    "first_after",
]

# Slots in which the openings of the newest days with a movement take turns.
SLOTS: Final = 8
# Announced closes that the calendar holds.
CALENDAR_DAYS: Final = 16
# Days ahead that a close can be announced.
MAX_AHEAD: Final = 400
_TAG_SHIFT: Final = 104
_BEFORE_SHIFT: Final = 224
_EPOCH_SHIFT: Final = 240
_CLASS_SHIFT: Final = 250
_FIELDS: Final = (
    AMOUNT_MAX
    | DAY_MAX << _TAG_SHIFT
    | DAY_MAX << _BEFORE_SHIFT
    | EPOCH_MAX << _EPOCH_SHIFT
    | int(PositionFlag.LINK | PositionFlag.POOL) << _CLASS_SHIFT
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an account, or the supply, was when a business day with a movement began.

    `balance` counts base units; `day` and `before` are business days, of the opening and of the
    movement before it (0: none). Of the supply, `link` is the flag of the home ledger.
    """

    balance: int
    day: int
    before: int = 0
    epoch: int = 0
    link: bool = False
    pool: bool = False

    def __post_init__(self) -> None:
        limits = (
            ("balance", self.balance, AMOUNT_MAX),
            ("day", self.day, DAY_MAX),
            ("before", self.before, DAY_MAX),
            ("epoch", self.epoch, EPOCH_MAX),
        )
        for name, value, limit in limits:
            if not 0 <= value <= limit:
                raise ValueError(f"{name} is {value}: 0 to {limit} expected")

    def pack(self) -> int:
        """Return the word as the contract stores it."""
        flags = PositionFlag.LINK if self.link else PositionFlag.NONE
        flags |= PositionFlag.POOL if self.pool else PositionFlag.NONE
        return (
            self.balance
            | self.day << _TAG_SHIFT
            | self.before << _BEFORE_SHIFT
            | self.epoch << _EPOCH_SHIFT
            | int(flags) << _CLASS_SHIFT
        )

    @classmethod
    def unpack(cls, word: int) -> Opening:
        """Read a stored word; undoes `pack`.

        Raises:
            ValueError: a bit is set that no opening has.
        """
        if word & ~_FIELDS:
            raise ValueError(f"{word:#x} is no opening")
        return cls(
            balance=word & AMOUNT_MAX,
            day=word >> _TAG_SHIFT & DAY_MAX,
            before=word >> _BEFORE_SHIFT & DAY_MAX,
            epoch=word >> _EPOCH_SHIFT & EPOCH_MAX,
            link=bool(word >> _CLASS_SHIFT & int(PositionFlag.LINK)),
            pool=bool(word >> _CLASS_SHIFT & int(PositionFlag.POOL)),
        )


def first_after(day: int, movements: Iterable[int]) -> int:
    """Return the hint that tells the close of `day` in one step; 0: none is needed.

    Args:
        day: The business day asked for.
        movements: Business days on which the account moved: of each log that moved more than 0 of
            its units, and of each change of its class (`ClassSet`), and each log that brought
            it up over a ratio (`RatioApplied`; of the supply, `RatioInForce`).
    """
    return min((moved for moved in movements if moved > day), default=0)
