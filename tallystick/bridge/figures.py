"""What an escrow remembers so that a close can be cut: `flows.vy`, and `landed` of `transit.vy`.

The words of a figure's history are the token's (`tallystick.token.closings.Opening`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tallystick.chain.abi import address_bytes, checksum
from tallystick.token.position import DAY_MAX

__all__ = ["Figure", "Landed", "Landing"]

_KIND_SHIFT: Final = 16
_PAYEE_SHIFT: Final = 24


class Figure(IntEnum):
    """What is kept of a lane; the number is the escrow's."""

    SENT = 1
    SUSPENSE = 2


class Landed(IntEnum):
    """How units reached an account; the number is the escrow's."""

    DELIVERED = 1
    CLAIMED = 2
    REDIRECTED = 3
    # They did not: they went back that day.
    WENT_BACK = 4


@dataclass(frozen=True, slots=True)
class Landing:
    """Units that were on no account at one close or more have landed on `day`, a business day.

    `payee` is an address; None: the recipient that the message names.
    """

    day: int
    how: Landed
    payee: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.day <= DAY_MAX:
            raise ValueError(f"day is {self.day}: 1 to {DAY_MAX} expected")

    def pack(self) -> int:
        """Return the word as the escrow stores it."""
        payee = 0 if self.payee is None else int.from_bytes(address_bytes(self.payee), "big")
        return self.day | self.how << _KIND_SHIFT | payee << _PAYEE_SHIFT

    @classmethod
    def unpack(cls, word: int) -> Landing | None:
        """Read a stored word; undoes `pack`. None: no close lay between, or nothing has landed.

        Raises:
            ValueError: no landing is written so.
        """
        if word == 0:
            return None
        if word >> (_PAYEE_SHIFT + 160):
            raise ValueError(f"{word:#x} is no landing")
        payee = word >> _PAYEE_SHIFT
        return cls(
            day=word & DAY_MAX,
            how=Landed(word >> _KIND_SHIFT & 0xFF),
            payee=checksum(payee.to_bytes(20, "big")) if payee else None,
        )
