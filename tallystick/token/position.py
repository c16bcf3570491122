"""The position word and the business day: the Python side of `contracts/token`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, IntFlag
from typing import Final

__all__ = [
    "AMOUNT_MAX",
    "DAY_MAX",
    "EPOCH_MAX",
    "ORDERS_MAX",
    "SECONDS_PER_DAY",
    "AccountClass",
    "PauseScope",
    "PositionFlag",
    "PositionWord",
    "business_day",
    "calendar_day",
    "close_of",
    "date_of",
]

AMOUNT_MAX: Final = 2**104 - 1
DAY_MAX: Final = 2**16 - 1
EPOCH_MAX: Final = 2**7 - 1
ORDERS_MAX: Final = 2**3 - 1
SECONDS_PER_DAY: Final = 86_400
_FROZEN_SHIFT: Final = 104
_EXPIRY_SHIFT: Final = 208
_DAY_SHIFT: Final = 224
_EPOCH_SHIFT: Final = 240
_ORDERS_SHIFT: Final = 247
_FLAG_SHIFT: Final = 250


class PositionFlag(IntFlag):
    """Flags of a position; three name a second word that later releases read."""

    NONE = 0
    FROZEN = 1
    LINK = 2
    HELD = 4
    RULED = 8
    DELEGATED = 16
    POOL = 32


class AccountClass(IntEnum):
    """What an account is, as `set_class` names it."""

    HOLDER = 0
    # Holds units for others, moved by itself alone, never entitled: a lane's custody.
    LINK = 1
    # A holder that is never entitled: units wait there for who holds them elsewhere.
    POOL = 2


class PauseScope(IntFlag):
    """What a guardian can stop in a token."""

    TRANSFERS = 1
    ISSUANCE = 2
    LANES = 4


@dataclass(frozen=True, slots=True)
class PositionWord:
    """One account's storage word, as `contracts/token/position.vy` lays it out.

    Amounts are base units below 2**104; days count from 1970-01-01; `last_movement` is a business
    day, `eligible_until` a calendar day. `frozen` includes what the legal orders that stand block;
    `orders` counts them.
    """

    balance: int = 0
    frozen: int = 0
    eligible_until: int = 0
    last_movement: int = 0
    epoch: int = 0
    orders: int = 0
    flags: PositionFlag = PositionFlag.NONE

    def __post_init__(self) -> None:
        limits = (
            ("balance", self.balance, AMOUNT_MAX),
            ("frozen", self.frozen, AMOUNT_MAX),
            ("eligible_until", self.eligible_until, DAY_MAX),
            ("last_movement", self.last_movement, DAY_MAX),
            ("epoch", self.epoch, EPOCH_MAX),
            ("orders", self.orders, ORDERS_MAX),
            ("flags", int(self.flags), 63),
        )
        for name, value, limit in limits:
            if not 0 <= value <= limit:
                raise ValueError(f"{name} is {value}: 0 to {limit} expected")

    def pack(self) -> int:
        """Return the word as the contract stores it."""
        return (
            self.balance
            | self.frozen << _FROZEN_SHIFT
            | self.eligible_until << _EXPIRY_SHIFT
            | self.last_movement << _DAY_SHIFT
            | self.epoch << _EPOCH_SHIFT
            | self.orders << _ORDERS_SHIFT
            | int(self.flags) << _FLAG_SHIFT
        )

    @classmethod
    def unpack(cls, word: int) -> PositionWord:
        """Read a stored word; undoes `pack`."""
        return cls(
            balance=word & AMOUNT_MAX,
            frozen=word >> _FROZEN_SHIFT & AMOUNT_MAX,
            eligible_until=word >> _EXPIRY_SHIFT & DAY_MAX,
            last_movement=word >> _DAY_SHIFT & DAY_MAX,
            epoch=word >> _EPOCH_SHIFT & EPOCH_MAX,
            orders=word >> _ORDERS_SHIFT & ORDERS_MAX,
            flags=PositionFlag(word >> _FLAG_SHIFT & 63),
        )


def business_day(timestamp: int, close_minute: int) -> int:
    """Return the business day of a moment.

    Day n ends at its close of business, exclusive; what happens at the close belongs to day n + 1.

    Args:
        timestamp: Seconds since 1970-01-01 UTC, as a block states them.
        close_minute: Close of business, minutes after midnight UTC.
    """
    return (timestamp - close_minute * 60) // SECONDS_PER_DAY + 1


def close_of(day: int, close_minute: int) -> int:
    """Return the moment at which a business day closes: the first second of the next."""
    return day * SECONDS_PER_DAY + close_minute * 60


def calendar_day(timestamp: int) -> int:
    """Return the calendar day (UTC) that eligibility counts in."""
    return timestamp // SECONDS_PER_DAY


def date_of(day: int) -> date:
    """Return the date of a day counted from 1970-01-01."""
    return date(1970, 1, 1) + timedelta(days=day)
