"""Fractions: what a ratio leaves of each amount of record, and what each code makes of it.

The token, lanes and messages round down, always: whatever a code gives beyond that is given to the
account or message of record, whose fraction follows from its amount alone. Of `amount` units, a
ratio makes `amount * numerator / denominator`: whole base units, and a rest counted in parts of the
denominator. Those parts are what the fractions' agent has, once there are whole units of them.

Base units are the smallest that there are: where fractions of a share are none, an instrument has
no decimals. Rounding the sum of a custodian's clients is not the sum of their roundings: which of
the two is of record is for the event to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from tallystick.actions.codes import FRACTION
from tallystick.actions.entitlement import Rate
from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio

__all__ = ["Outcome", "Treatment", "outcome", "parts", "pro_rata", "treat"]

_NO_PRICE: Final = Rate(0)
_PRICED: Final = frozenset({"BUYU", "CINL"})


@dataclass(frozen=True, slots=True)
class Treatment:
    """What one account or message of record has after a ratio.

    `units` the ratio gave, `extra` the code gives beyond, of which `rest` parts were its own.
    `cash` is paid to it, or by it if it is below zero.
    """

    units: int
    extra: int
    cash: int
    rest: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of them: base units before, what the ratio gave, what the code gave beyond.

    `rests` are in parts of the denominator, `paid` and `received` in smallest units of the cash.
    """

    ratio: Ratio
    before: int
    units: int
    extra: int
    rests: int
    paid: int
    received: int

    @property
    def agent(self) -> int:
        """Whole units of all rests: with them the units are the announced total."""
        return self.rests // self.ratio.denominator

    @property
    def announced(self) -> int:
        """What the ratio makes of all units as one sum."""
        return self.before * self.ratio.numerator // self.ratio.denominator

    @property
    def issued(self) -> int:
        """Units that the issuer adds, where the agent has fewer than the code gives."""
        return max(self.extra - self.agent, 0)

    @property
    def sold(self) -> int:
        """Units that are nobody's, for the agent to sell or give up."""
        return max(self.agent - self.extra, 0)


def parts(amount: int, ratio: Ratio) -> int:
    """Return what a ratio leaves of an amount, in parts of its denominator."""
    return amount * ratio.numerator % ratio.denominator


def treat(code: str, amount: int, ratio: Ratio, price: Rate = _NO_PRICE) -> Treatment:
    """Return what an amount of record has by a code.

    Cash to a holder rounds down, cash from a holder up: no part of it comes from anybody else.

    Args:
        code: Of `FRACTION`, and not UKWN.
        amount: Base units before the ratio, at most 2**104 - 1.
        ratio: What ends their epoch.
        price: Smallest units of the cash for one base unit after the ratio; CINL and BUYU alone.

    Raises:
        ValueError: one of them does not fit.
    """
    if code not in FRACTION or code == "UKWN":
        raise ValueError(f"no treatment of fractions: {code}")
    if not 0 <= amount <= AMOUNT_MAX:
        raise ValueError("expected 0 to 2**104 - 1 units")
    if price != _NO_PRICE and code not in _PRICED:
        raise ValueError(f"{code} has no price")
    units, rest = divmod(amount * ratio.numerator, ratio.denominator)
    extra = cash = 0
    if code in ("RDUP", "BUYU"):
        extra = int(rest > 0)
    elif code == "STAN":
        extra = int(2 * rest >= ratio.denominator)
    if code == "CINL":
        cash = rest * price.numerator // (price.denominator * ratio.denominator)
    elif code == "BUYU":
        missing = extra * (ratio.denominator - rest)
        # Rounded towards below: up, as what the holder pays.
        cash = -missing * price.numerator // (price.denominator * ratio.denominator)
    return Treatment(units, extra, cash, rest)


def outcome(code: str, amounts: Iterable[int], ratio: Ratio, price: Rate = _NO_PRICE) -> Outcome:
    """Return what amounts of record have by a code together; see `treat`.

    They are everything: each account's closing and each crossing message, once, on all ledgers.
    Custodies are none: what they hold is of messages and of other ledgers' accounts.
    """
    before = units = extra = rests = paid = received = 0
    for amount in amounts:
        each = treat(code, amount, ratio, price)
        before, units, extra = before + amount, units + each.units, extra + each.extra
        rests, paid = rests + each.rest, paid + max(each.cash, 0)
        received += max(-each.cash, 0)
    return Outcome(ratio, before, units, extra, rests, paid, received)


def pro_rata(proceeds: int, rests: int, ratio: Ratio) -> Rate:
    """Return the price at which the proceeds of all rests pay each, and never more than they are.

    Args:
        proceeds: Smallest units of the cash for which the agent sold what all rests make.
        rests: Of everybody, in parts of the denominator.
        ratio: What left them.

    Raises:
        ValueError: there are none, or the price does not fit.
    """
    if rests <= 0 or proceeds < 0:
        raise ValueError("expected rests, and proceeds of 0 or more")
    return Rate.of(Fraction(proceeds * ratio.denominator, rests))
