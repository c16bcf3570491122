"""The golden record of a corporate action: the same words, and the same hash, on every ledger.

The hash is an EIP-712 struct hash, keccak256(type hash | words), as with lane messages. Every field
is one static word, so that a contract hashes its own storage without any codec:

* `instrument` is keccak256 of the ISIN, as in a lane's id; a text (CORP, COAF) stands on the left
  of its word, zero after it; codes and currency are bytes4;
* days are business days as the token counts them, 0 where the event has none;
* rate 0/0 and currency 0 where the event pays no cash;
* a split or the like may have the ratio, new units for old ones, in place of a rate: no currency,
  no day but the announcement, the ex date and the record date, after whose close it begins; its
  rounding is what becomes of fractions;
* with a currency and a payment day, and no other, its rate is the price of the fractions that a
  ratio left: for one base unit of the epoch that it began, which `unit_epoch` names;
* a redemption may have both: the rate for a unit of the record date, and what is left of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Final, Self

from tallystick.actions.codes import AUTOMATED, CAEV, CAMV, RATIOS, REDEMPTIONS
from tallystick.actions.entitlement import Rate
from tallystick.chain.abi import Parameters, keccak
from tallystick.registry.identifiers import IdentifierError, check_currency, check_isin
from tallystick.registry.record import EMPTY_HASH, MAX_DECIMALS
from tallystick.token.position import DAY_MAX, EPOCH_MAX, date_of

__all__ = [
    "GIVEN",
    "LANDED_CLAIM_DAYS",
    "MIN_CLAIM_DAYS",
    "PRICED",
    "RECORD_TYPE",
    "EventRecord",
    "RecordError",
    "Rounding",
    "Tier",
    "check_event",
]

_VERSION_MAX: Final = 2**32 - 1
RECORD_FIELDS: Final = (
    ("bytes32", "instrument"),
    ("bytes32", "corp"),
    ("bytes32", "coaf"),
    ("uint256", "version"),
    ("bytes32", "previous"),
    ("bytes4", "caev"),
    ("bytes4", "camv"),
    ("uint256", "announced"),
    ("uint256", "ex"),
    ("uint256", "record_day"),
    ("uint256", "figures_by"),
    ("uint256", "payment_day"),
    ("uint256", "relief_until"),
    ("uint256", "expires"),
    ("uint256", "numerator"),
    ("uint256", "denominator"),
    ("bytes4", "currency"),
    ("uint256", "cash_decimals"),
    ("uint256", "unit_epoch"),
    ("uint256", "units_after"),
    ("uint256", "units_before"),
    ("uint256", "rounding"),
    ("uint256", "tier"),
    ("uint256", "set_off"),
    ("bytes32", "terms"),
)
RECORD_TYPE: Final = "EventRecord(" + ",".join(f"{t} {n}" for t, n in RECORD_FIELDS) + ")"
_TYPE_HASH: Final = keccak(RECORD_TYPE.encode())
_WORDS: Final = Parameters([{"type": t, "name": n} for t, n in RECORD_FIELDS])
# What an ISO 15022 reference is made of; ISO 20022 allows 35 characters, a word holds 32.
_REFERENCE: Final = re.compile(r"[A-Za-z0-9/?:().,'+-]{1,32}", re.ASCII)
# Claims stay open for at least so many days after payment begins.
MIN_CLAIM_DAYS: Final = 90
# Of units that were between ledgers also from the day on which they landed.
LANDED_CLAIM_DAYS: Final = 90
# As the token keeps a ratio.
_PART_MAX: Final = 2**40 - 1


class Rounding(IntEnum):
    """How cash is rounded: down, for each claim; and what becomes of a ratio's fractions (DISF)."""

    DOWN = 1
    UP = 2
    NEAREST = 3
    CASH = 4
    DISTRIBUTED = 5
    BOUGHT_UP = 6

    @property
    def code(self) -> str:
        """The code of ISO 15022 for fractions."""
        return _CODES[self]


_CODES: Final = dict(zip(Rounding, ("RDDN", "RDUP", "STAN", "CINL", "DIST", "BUYU"), strict=True))
# Of these something is given beyond the whole units, and of these for cash.
GIVEN: Final = frozenset({Rounding.UP, Rounding.NEAREST, Rounding.CASH, Rounding.BOUGHT_UP})
PRICED: Final = frozenset({Rounding.CASH, Rounding.BOUGHT_UP})


class Tier(IntEnum):
    """Whose holding is rounded: that of the account, or message, of record."""

    ACCOUNT = 1


class RecordError(ValueError):
    """A record is not well formed: `field` should have been `expected`."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


@dataclass(frozen=True, slots=True)
class EventRecord:
    """The golden record of one event.

    Days are business days, 0: none. Units of the close of `record_day`, in the units of
    `unit_epoch`, are entitled from `payment_day` until `expires`, at `rate` smallest units of the
    currency (`cash_decimals` of them to one) a base unit. A lane's figures are waited for until
    the close of `figures_by`; until that of `relief_until` only holders claim, so that they can
    bring documents. With `set_off` a reversal may be set off against later cash of that payee.
    Of a redemption `left` is what is left of each unit: 0 of a final one; None: all of it.
    """

    isin: str
    corp: str
    coaf: str
    caev: str
    camv: str
    announced: int
    terms: bytes
    ex: int = 0
    record_day: int = 0
    figures_by: int = 0
    payment_day: int = 0
    relief_until: int = 0
    expires: int = 0
    rate: Rate | None = None
    currency: str = ""
    cash_decimals: int = 0
    unit_epoch: int = 0
    left: Rate | None = None
    rounding: Rounding = Rounding.DOWN
    tier: Tier = Tier.ACCOUNT
    set_off: bool = False
    version: int = 1
    previous: bytes = field(default=EMPTY_HASH)

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the words in the order of `RECORD_TYPE`."""
        rate = (self.rate.numerator, self.rate.denominator) if self.rate else (0, 0)
        words: dict[str, object] = {
            "instrument": keccak(self.isin.encode()),
            "corp": self.corp.encode().ljust(32, b"\0"),
            "coaf": self.coaf.encode().ljust(32, b"\0"),
            "caev": self.caev.encode(),
            "camv": self.camv.encode(),
            "numerator": rate[0],
            "denominator": rate[1],
            "units_after": self.left.numerator if self.left else 0,
            "units_before": self.left.denominator if self.left else 0,
            "currency": self.currency.encode().ljust(4, b"\0"),
            "set_off": int(self.set_off),
        }
        return tuple(words.get(name, getattr(self, name, None)) for _, name in RECORD_FIELDS)

    @property
    def is_ratio(self) -> bool:
        """Whether it makes of every unit others, and says how many: new units for old ones."""
        return self.caev in RATIOS and self.rate is not None and not self.currency

    @property
    def is_price(self) -> bool:
        """Whether it is the price of the fractions that a ratio left."""
        return self.caev in RATIOS and self.rate is not None and bool(self.currency)

    @property
    def change(self) -> Rate | None:
        """New units for old ones, where it changes all of them; 0: it redeems them whole."""
        return self.rate if self.is_ratio else self.left

    @property
    def hash(self) -> bytes:
        """The record's hash, the same on every ledger."""
        return keccak(_TYPE_HASH + _WORDS.encode(self.as_tuple(), "EventRecord"))

    @classmethod
    def from_words(cls, isin: str, words: Sequence[Any]) -> Self:
        """Read a record of an instrument back from its words, as a ledger logged them.

        Raises:
            ValueError: it is another instrument's, or says what no record of this package does.
        """
        named = dict(zip((name for _, name in RECORD_FIELDS), words, strict=True))
        if named.pop("instrument") != keccak(isin.encode()):
            raise ValueError(f"expected a record of {isin}")
        numerator, denominator = named.pop("numerator"), named.pop("denominator")
        after, before = named.pop("units_after"), named.pop("units_before")
        named["left"] = Rate(after, before) if before else None
        for name in ("corp", "coaf", "caev", "camv", "currency"):
            named[name] = named[name].rstrip(b"\0").decode("ascii")
        named["rounding"], named["tier"] = Rounding(named["rounding"]), Tier(named["tier"])
        named["set_off"] = bool(named["set_off"])
        return cls(isin=isin, rate=Rate(numerator, denominator) if denominator else None, **named)

    def successor(self, **changes: Any) -> EventRecord:
        """Return the next version with `changes`, linked to this one by its hash."""
        return replace(self, version=self.version + 1, previous=self.hash, **changes)


def check_event(record: EventRecord) -> EventRecord:
    """Return `record` if an engine would accept it as far as the record alone tells.

    Dates: announcement before ex date, ex date not after the record date (with settlement on the
    next day they are one, T2S and CAJWG standards), record date before payment.

    Raises:
        RecordError: the first field that is wrong.
    """
    for name, check in (("isin", check_isin), ("currency", check_currency)):
        try:
            if name == "isin" or record.currency:
                check(getattr(record, name))
        except IdentifierError as error:
            raise RecordError(name, error.expected) from None
    reference = "1 to 32 letters, digits or /-?:().,'+ (CORP, COAF)"
    _need("corp", bool(_REFERENCE.fullmatch(record.corp)), reference)
    _need("coaf", bool(_REFERENCE.fullmatch(record.coaf)), reference)
    _need("caev", record.caev in CAEV, f"one of the {len(CAEV)} event types of ISO 20022 (CAEV)")
    _need("camv", record.camv in CAMV, f"one of {', '.join(CAMV)} (CAMV)")
    for name, top in (("cash_decimals", MAX_DECIMALS), ("unit_epoch", EPOCH_MAX)):
        _need(name, 0 <= getattr(record, name) <= top, f"0 to {top}")
    _need("terms", len(record.terms) == 32 and any(record.terms), "the hash of the terms")
    _need("version", 1 <= record.version <= _VERSION_MAX, "a version of 1 to 2**32 - 1")
    first = record.version == 1
    linked = first == (record.previous == EMPTY_HASH) and len(record.previous) == 32
    _need("previous", linked, "no hash" if first else "the hash of the version before")
    options = tuple(Rounding) if record.is_ratio else (Rounding.DOWN,)
    codes = ", ".join(option.code for option in options)
    alone = "" if record.is_ratio else ": a split or the like alone, with its ratio, has others"
    _need("rounding", record.rounding in options, f"{codes}{alone}")
    if record.is_ratio:
        _check_ratio(record)
    else:
        _check_cash(record)
    if record.is_price:
        _check_price(record)
    _check_left(record)
    _check_days(record)
    return record


def _need(field: str, holds: bool, expected: str) -> None:
    if not holds:
        raise RecordError(field, expected)


def _check_ratio(record: EventRecord) -> None:
    """A ratio for every unit there is; nothing is paid or chosen."""
    ratio, caev = record.rate, record.caev
    _need("camv", record.camv == "MAND", f"MAND: {caev} is for every unit there is")
    for name in ("cash_decimals", "set_off"):
        _need(name, not getattr(record, name), f"none: {caev} pays no cash")
    for name in ("payment_day", "figures_by", "relief_until", "expires"):
        expected = f"no day: {caev} pays no cash, new units are there after the record date"
        _need(name, not getattr(record, name), expected)
    _need("record_day", record.record_day > 0, f"the last day in old units, {caev} needs it")
    _need("unit_epoch", record.unit_epoch < EPOCH_MAX, f"0 to {EPOCH_MAX - 1}: another begins")
    new, old = (ratio.numerator, ratio.denominator) if ratio else (0, 0)
    fits = min(new, old) > 0 and max(new, old) <= _PART_MAX
    _need("ratio", fits, 'new units for old ones, such as "4:1", each 1 to 2**40 - 1')
    expected = "fewer units than before" if caev == "SPLR" else "more units than before"
    # A bonus of one for ten, or ten per cent, is often written as what comes on top.
    hint = f', so "{new + old}:{old}"' if caev in ("BONU", "DVSE") else ""
    fits = new < old if caev == "SPLR" else new > old
    _need("ratio", fits, f"{expected}, as {caev} makes{hint}")


def _check_left(record: EventRecord) -> None:
    """What is left of a unit is what such an event leaves, of every unit alike."""
    left, caev = record.left, record.caev
    if left is None:
        return
    _need("left", caev in REDEMPTIONS, f"none: {caev} redeems no units")
    _need("camv", record.camv == "MAND", f"MAND: {caev} is for every unit there is")
    _need("unit_epoch", record.unit_epoch < EPOCH_MAX, f"0 to {EPOCH_MAX - 1}: another begins")
    if caev == "PCAL":
        fits = 0 < left.numerator < left.denominator <= _PART_MAX
        _need("left", fits, 'units left of units, fewer, such as "3:4", each at most 2**40 - 1')
    else:
        _need("left", left == Rate(0), f'"0:1": {caev} leaves nothing of a unit')


def _check_price(record: EventRecord) -> None:
    """A price of fractions entitles to nothing itself: it is for one unit, from a day on."""
    caev = record.caev
    _need("camv", record.camv == "MAND", f"MAND: {caev} is for every unit there is")
    _need("set_off", not record.set_off, "none: nothing of a price is reversed")
    for name in ("ex", "record_day", "figures_by", "relief_until", "expires"):
        _need(name, not getattr(record, name), "no day: a price has that of payment alone")
    late = record.payment_day >= record.announced
    _need("payment_day", late, "the day from which on fractions are paid, once announced")
    _need("rate", bool(record.rate and record.rate.numerator), "the price of one unit")
    _need("unit_epoch", record.unit_epoch > 0, "the epoch that the ratio began")


def _check_cash(record: EventRecord) -> None:
    """A rate with its currency or neither; what pays cash has all that a payment needs."""
    paid = record.caev in AUTOMATED or record.left is not None
    _need("rate", record.rate is not None or not paid, f"the rate that {record.caev} pays")
    expected = "the currency of the rate" if record.rate else "no currency without a rate"
    _need("currency", bool(record.currency) == (record.rate is not None), expected)
    for name in ("record_day", "payment_day", "figures_by", "relief_until", "expires"):
        _need(name, bool(getattr(record, name)) or not paid, f"a day, {record.caev} pays cash")


def _check_days(record: EventRecord) -> None:
    """The days that there are follow one another."""
    # (day, the one that it follows, what people call that, whether both can be the same)
    order = (
        ("ex", "announced", "announcement", False),
        ("record_day", "announced", "announcement", False),
        ("record_day", "ex", "ex date", True),
        ("payment_day", "record_day", "record date", False),
        ("figures_by", "record_day", "record date", False),
        ("relief_until", "payment_day", "payment date", True),
        ("expires", "relief_until", "relief deadline", True),
    )
    _need("announced", record.announced > 0, "a day")
    for name in ("announced", *(each for each, *_ in order)):
        _need(name, 0 <= getattr(record, name) <= DAY_MAX, f"a day until {date_of(DAY_MAX)}")
    for name, before, called, same in order:
        day, least = getattr(record, name), getattr(record, before) + (not same)
        if day and getattr(record, before) and day < least:
            relation = "not before" if same else "after"
            raise RecordError(name, f"{date_of(least)} or later, {relation} the {called}")
    if record.payment_day:
        in_time = record.figures_by <= record.payment_day
        _need(
            "figures_by", in_time, f"{date_of(record.payment_day)} or earlier, when payment begins"
        )
        least = date_of(record.payment_day + MIN_CLAIM_DAYS)
        open_long = not record.expires or record.expires >= record.payment_day + MIN_CLAIM_DAYS
        _need("expires", open_long, f"{least} or later, {MIN_CLAIM_DAYS} days after payment begins")
