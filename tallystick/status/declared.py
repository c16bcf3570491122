"""What is said of an event and its holders: what is due, what was done, what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from tallystick.actions.entitlement import Entitlement
from tallystick.actions.record import EventRecord
from tallystick.status.closes import Close
from tallystick.token.ratios import Ratio, carried

__all__ = [
    "ACCOUNTS",
    "Applied",
    "Claim",
    "Difference",
    "Due",
    "Kind",
    "Part",
    "Payment",
    "Said",
    "Span",
    "What",
    "word_text",
]

# The part of an event that accounts are paid from: under no lane.
ACCOUNTS: Final = bytes(32)


class Kind(StrEnum):
    """What kind of difference there is between what is declared and what was given."""

    # A ledger goes by another record than home has in force, or the file than home.
    RECORD = "record"
    # A part was fixed other than closings and landings say.
    SHARE = "share"
    # Cash that is due for a part, or told as paid, is not the sum of what holders are.
    TOTALS = "totals"
    # Paid to whom nothing is due, or once more.
    UNENTITLED = "unentitled"
    # Units or gross other than declared.
    AMOUNT = "amount"
    # Tax other than by category, or passed on other than withheld.
    TAX = "tax"
    # Paid to another account than the holder, or who two keys named, has said.
    RECEIVER = "receiver"
    # Paid before its time, after it, before the part was funded in full, or of what is off.
    UNTIMELY = "untimely"
    # Kept back, given up or returned other than what was left.
    KEPT = "kept"
    # Owed, set off or repaid other than by what was paid.
    OWED = "owed"


class What(StrEnum):
    """What a holder is paid for."""

    HELD = "held"
    LANDED = "landed"
    RETURNED = "returned"
    POOL = "pool"
    ELSEWHERE = "elsewhere"


class Claim(NamedTuple):
    """What is paid once: an account, or a message's units."""

    what: What
    account: str
    message: bytes = b""


Said = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is given other than declared, of an event on a ledger.

    Attributes:
        kind: what kind of difference.
        coaf: the event.
        ledger: where.
        holder: whose, or nothing; of a message by its recipient.
        what: of which part, message or act, in words.
        declared: names and values as they should be.
        applied: the same as they are.
    """

    kind: Kind
    coaf: str
    ledger: str
    holder: str
    what: str
    declared: Said
    applied: Said


@dataclass(slots=True)
class Payment:
    """What an engine logged of a payment; `of` its claim, `elsewhere`: off the ledger.

    `tax` is what the account's category had withheld of what is declared; None: nothing is.
    """

    of: Claim
    paid: Entitlement
    receiver: str
    day: int
    elsewhere: bool
    set_off: int = 0
    tax: int | None = None


@dataclass(slots=True)
class Part:
    """What is left of a part, as the engine's own arithmetic has it."""

    units: int = 0
    cash: int = 0
    tax: int = 0
    open: bool = False


class Span(NamedTuple):
    """What a part of the issue may be fixed as, in base units.

    Holders' units are `least`, ratios have left above them at most `most` in all; `exact` is what
    the closes make of the part, if they fit one another.
    """

    least: int
    most: int
    exact: int | None = None

    def said(self, fixed: int) -> int:
        """Return what it should have been fixed as: as it is, if that is one it may be."""
        if self.exact is not None and fixed != self.exact:
            return self.exact
        return min(max(fixed, self.least), self.most)


@dataclass(slots=True)
class Due:
    """What an event declares on a ledger: claims with their units, and with whom they are.

    Attributes:
        record: in force at home.
        active: whether it is, and not cancelled.
        close: of its record day on this ledger, in units of the record; None: it is not over.
        elsewhere: base units with other bridges, at home; None: some close is not known.
        accounts: what may be fixed for accounts, at home.
        ratios: of all epochs, as home has them.
    """

    record: EventRecord
    active: bool
    close: Close | None
    elsewhere: int | None = 0
    accounts: Span | None = None
    ratios: Sequence[Ratio] = ()

    def carried(self, amount: int, since: int) -> int:
        """Return what units of an epoch are in those of the record, rounded down at each ratio."""
        return carried(amount, self.ratios[since : self.record.unit_epoch])

    def gross(self, units: int) -> int:
        """Return what units are due."""
        return 0 if self.record.rate is None else self.record.rate.down(units)


@dataclass(slots=True)
class Applied:
    """What an engine's log leaves of an event.

    Attributes:
        versions: hash and status of each version that was announced or taken, in order.
        sent: those that home had in force.
        in_force: that of the version in force; None: none is.
        contradicted: what it was shown that contradicts what it knew.
        records: words of each version's record, by its hash.
        fixed: base units of each part, as fixed; under a lane here, at home of what lands at home.
        shares: home's split of each lane, or what a remote ledger took: accounts, crossing.
        parts: what is left of each that was paid in for.
        number: of the terms by which it is paid; 0: it was not funded yet.
        payments: by claim, the first of each; `made` has all.
        given_up: messages whose cash went back, as their units had, or nobody claimed in time.
        refused: accounts that could not be paid when somebody tried.
        assessed: claims that are owed back.
        halted: whether it was shown other totals than it had taken.
        reversed: whether a reversal is in force there.
        noticed: of lanes' parts, the day of which claims end next, and units that are kept.
        ended: of lanes' parts, the day of which claims are over.
        told: what a remote ledger told that it paid, or home took, by lane.
        differences: what was found on the way.
    """

    coaf: bytes
    versions: list[tuple[bytes, int]] = field(default_factory=list)
    sent: list[tuple[bytes, int]] = field(default_factory=list)
    in_force: tuple[bytes, int] | None = None
    contradicted: list[tuple[bytes, int]] = field(default_factory=list)
    records: dict[bytes, tuple[Any, ...]] = field(default_factory=dict)
    fixed: dict[bytes, int] = field(default_factory=dict)
    shares: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    number: int = 0
    parts: dict[bytes, Part] = field(default_factory=dict)
    payments: dict[Claim, Payment] = field(default_factory=dict)
    made: list[Payment] = field(default_factory=list)
    given_up: set[bytes] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    assessed: dict[Claim, int] = field(default_factory=dict)
    halted: bool = False
    reversed: bool = False
    noticed: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    ended: dict[bytes, int] = field(default_factory=dict)
    told: dict[bytes, list[tuple[int, ...]]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def off(self) -> bool:
        """Whether it is halted or reversed there: what is left goes back."""
        return self.reversed or self.halted or bool(self.contradicted)


def word_text(word: bytes) -> str:
    """A reference as its word holds it."""
    return word.rstrip(b"\0").decode("ascii", "replace")
