"""The instrument file (`tallystick.instrument/1`): what is issued, by whom, held by whom, where.

`load_instrument(path)` returns a frozen `Instrument` or raises `InputError`: one line that names
the file, the field, the value and what was expected. Identifiers are checked, check digits included
(R-02); amounts are whole units, or decimal text with at most `decimals` places, and never floats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from tallystick.files.scalars import Cfi, Currency, Dti, Fisn, Isin, Lei
from tallystick.files.strict import (
    Label,
    Name,
    Note,
    StrictModel,
    Wrong,
    checked,
    joined,
    json_schema,
    load,
    text,
    wrong,
)
from tallystick.registry.record import (
    MAX_AUTHORISED,
    MAX_LEDGERS,
    DtiKind,
    InstrumentRecord,
    Placement,
    check_record,
    token_word,
)

__all__ = [
    "LAST_DAY",
    "MAX_ATTESTORS",
    "MIN_ADMINISTRATORS",
    "MIN_THRESHOLD",
    "SCHEMA",
    "SINGLE_ROLES",
    "Amount",
    "Attestor",
    "Attestors",
    "Cfi",
    "Close",
    "Currency",
    "Day",
    "Denomination",
    "Dti",
    "Fisn",
    "Hash",
    "Holder",
    "Instrument",
    "Isin",
    "LedgerEntry",
    "Lei",
    "Roles",
    "Terms",
    "Uri",
    "as_tuples",
    "instrument_schema",
    "load_instrument",
    "parse_amount",
    "parse_close",
    "parse_day",
    "parse_hash",
    "parse_uri",
    "record_of",
    "units",
]


def record_of(
    instrument: Instrument, tokens: Mapping[str, str | bytes], caip2: Mapping[str, str]
) -> InstrumentRecord:
    """Build the record of an instrument file, given token and CAIP-2 name of each of its ledgers.

    `tokens` and `caip2` are keyed by the ledger names of the instrument file.
    """
    return check_record(
        InstrumentRecord(
            isin=instrument.isin,
            cfi=instrument.cfi,
            fisn=instrument.fisn,
            issuer=instrument.lei,
            dti_group=instrument.dti_group or "",
            currency=instrument.currency or "",
            denomination=instrument.denomination_word,
            decimals=instrument.decimals,
            close_minute=instrument.close_minute_utc,
            authorised=instrument.authorised_units,
            terms_hash=instrument.terms.hash_bytes,
            terms_uri=instrument.terms.uri,
            home=caip2[instrument.home],
            ledgers=tuple(
                Placement(
                    caip2=caip2[ledger.name],
                    token=token_word(tokens[ledger.name]),
                    dti=ledger.dti or "",
                    dti_kind=ledger.kind,
                )
                for ledger in instrument.ledgers
            ),
        )
    )


SCHEMA: Final = "tallystick.instrument/1"
# The last day that the sixteen bits of a position word reach.
LAST_DAY: Final = date(2149, 6, 6)
_FIRST_DAY: Final = date(1970, 1, 2)
#: Roles that exactly one party holds; one party holds one role (access.vy).
SINGLE_ROLES: Final = (
    "issuer",
    "notary",
    "registrar",
    "custodian",
    "guardian",
    "upgrader",
    "paying_agent",
    "auditor",
)
MIN_ADMINISTRATORS: Final = 2
MIN_THRESHOLD: Final = 2
MAX_ATTESTORS: Final = 15


def parse_amount(value: object) -> Decimal:
    """Return an amount: a whole number, or decimal text; never a float, which has lost digits."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong('a whole number, or a decimal in quotes such as "12.50"')
    if isinstance(value, int):
        if value < 0:
            raise wrong("an amount of at least 0")
        return Decimal(value)
    if not re.fullmatch(r"(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,18})?", value, re.ASCII):
        negative = re.fullmatch(r"-[0-9.]+", value, re.ASCII)
        raise wrong(
            "an amount of at least 0"
            if negative
            else 'a whole number, or a decimal in quotes such as "12.50"'
        )
    return Decimal(value)


def units(amount: Decimal, decimals: int) -> int:
    """Return `amount` in base units; exact, or ValueError."""
    whole, _, fraction = format(amount, "f").partition(".")
    if len(fraction) > decimals:
        raise ValueError(f"expected at most {decimals} decimal places")
    return int(whole + fraction.ljust(decimals, "0"))


def parse_day(value: object) -> date:
    """Return a day written as YYYY-MM-DD."""
    if isinstance(value, date):
        return value
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise wrong("a day as YYYY-MM-DD")
    if not _FIRST_DAY <= day <= LAST_DAY:
        raise wrong(f"a day from {_FIRST_DAY} to {LAST_DAY}")
    return day


def parse_close(value: object) -> str:
    """Return a time of day with its distance from UTC, as `HH:MM+HH:MM`."""
    match = re.fullmatch(
        r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])",
        text(value),
        re.ASCII,
    )
    if not match:
        raise wrong("a time and its offset from UTC as HH:MM+HH:MM, such as 16:00-05:00")
    return text(value)


def parse_hash(value: object) -> str:
    """Return a Keccak-256 hash as 0x and 64 hex digits, not zero."""
    if not re.fullmatch(r"0x[0-9a-f]{64}", text(value), re.ASCII) or not int(text(value), 16):
        raise wrong("a keccak256 hash: 0x and 64 hex digits in small letters, not zero")
    return text(value)


def parse_uri(value: object) -> str:
    """Return a URI of printable ASCII, at most 128 characters (the registry's bound)."""
    uri = text(value)
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*:[!-~]+", uri, re.ASCII) or len(uri) > 128:
        raise wrong("a URI of at most 128 characters, such as https://… or ipfs://…")
    return uri


Amount = Annotated[
    Decimal,
    BeforeValidator(parse_amount),
    WithJsonSchema(
        {
            "$comment": "a whole number, or a decimal in quotes",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]{1,18})?$"},
            ],
        }
    ),
]
Day = Annotated[
    date,
    BeforeValidator(parse_day),
    WithJsonSchema({"$comment": "a day: `2030-12-31`", "type": "string", "format": "date"}),
]
Close = Annotated[
    str,
    BeforeValidator(parse_close),
    WithJsonSchema(
        {
            "$comment": "a time and its offset: `16:00-05:00`",
            "type": "string",
            "pattern": "^[0-2][0-9]:[0-5][0-9](Z|[+-][01][0-9]:[0-5][0-9])$",
        }
    ),
]
Hash = Annotated[
    str,
    BeforeValidator(parse_hash),
    WithJsonSchema(
        {
            "$comment": "a hash: 0x and 64 small hex digits",
            "type": "string",
            "pattern": "^0x[0-9a-f]{64}$",
        }
    ),
]
Uri = Annotated[
    str,
    BeforeValidator(parse_uri),
    WithJsonSchema(
        {"$comment": "a URI of at most 128 characters", "type": "string", "maxLength": 128}
    ),
]


class Terms(StrictModel):
    """Where the terms of the issue are, and the hash they must have (R-08)."""

    uri: Uri
    keccak256: Hash

    @property
    def hash_bytes(self) -> bytes:
        """The hash as 32 bytes."""
        return bytes.fromhex(self.keccak256[2:])


class Denomination(StrictModel):
    """Face amount of one whole unit; left out when the instrument is held in units."""

    currency: Currency
    amount: Amount

    @checked
    def _positive(self) -> Wrong:
        if not self.amount:
            yield wrong("an amount greater than 0", path="amount", value=self.amount)


class LedgerEntry(StrictModel):
    """One ledger that the instrument lives on."""

    name: Name
    dti: Dti | None = None
    dti_of: Annotated[
        Literal["token", "ledger", "unassigned"], Field(description="what the DTI denotes")
    ]

    @checked
    def _dti_stated(self) -> Wrong:
        if self.dti_of == "unassigned" and self.dti is not None:
            yield wrong("no DTI where dti_of is unassigned", path="dti", value=self.dti)
        if self.dti_of != "unassigned" and self.dti is None:
            yield wrong("a DTI, or dti_of: unassigned", path="dti", value="missing")

    @property
    def kind(self) -> DtiKind:
        """What the DTI denotes, as the registry spells it."""
        kinds = {"token": DtiKind.TOKEN, "ledger": DtiKind.LEDGER, "unassigned": DtiKind.NONE}
        return kinds[self.dti_of]


class Attestor(StrictModel):
    """One member of the attestor set; operators are told apart by name."""

    name: Label
    operator: Label


class Attestors(StrictModel):
    """Who attests to messages, and how many of them must agree."""

    threshold: Annotated[int, Field(ge=MIN_THRESHOLD)]
    members: Annotated[
        tuple[Attestor, ...], Field(min_length=MIN_THRESHOLD, max_length=MAX_ATTESTORS)
    ]

    @model_validator(mode="before")
    @classmethod
    def _members_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "members")

    @checked
    def _enough(self) -> Wrong:
        if self.threshold > len(self.members):
            yield wrong(
                f"at most the number of members, {len(self.members)}",
                path="threshold",
                value=self.threshold,
            )
        members = enumerate(self.members)
        yield from _unique((joined("members", at, "name"), each.name) for at, each in members)


class Roles(StrictModel):
    """Who does what. One party, one role: two roles are always two parties (INV-9)."""

    issuer: Label
    notary: Label
    registrar: Label
    custodian: Label
    guardian: Label
    upgrader: Label
    paying_agent: Label
    auditor: Label
    attestors: Attestors
    administrators: Annotated[tuple[Label, ...], Field(min_length=MIN_ADMINISTRATORS, max_length=8)]

    @model_validator(mode="before")
    @classmethod
    def _administrators_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "administrators")

    @checked
    def _distinct(self) -> Wrong:
        yield from _unique(self.parties())

    def parties(self) -> list[tuple[str, str]]:
        """Return (field, party name) of every role, attestors included."""
        out = [(role, str(getattr(self, role))) for role in SINGLE_ROLES]
        out += [(joined("administrators", i), name) for i, name in enumerate(self.administrators)]
        out += [
            (joined("attestors.members", i, "name"), member.name)
            for i, member in enumerate(self.attestors.members)
        ]
        return out


class Holder(StrictModel):
    """A holder at the opening.

    All units are issued at home. The amount of a holder on another ledger is issued at home too and
    reaches the holder through the lane.
    """

    name: Name
    ledger: Name
    amount: Annotated[Amount, Field(description="units at the opening")]
    eligible: bool
    eligible_until: Annotated[Day | None, Field(description="last day; for good when left out")] = (
        None
    )
    description: Label | None = None

    @checked
    def _eligibility(self) -> Wrong:
        if self.eligible_until is not None and not self.eligible:
            yield wrong(
                "no date for a holder that is not eligible",
                path="eligible_until",
                value=self.eligible_until,
            )
        if not self.eligible and self.amount:
            yield wrong(
                "0 for a holder that is not eligible", path="amount", value=format(self.amount, "f")
            )

    @property
    def until_day(self) -> int:
        """The last day of eligibility as days since 1970, as the position word counts; 0: not."""
        if not self.eligible:
            return 0
        return ((self.eligible_until or LAST_DAY) - date(1970, 1, 1)).days


class Instrument(StrictModel):
    """An instrument file."""

    schema_: Literal["tallystick.instrument/1"] = Field(alias="schema")
    illustration: Note | None = None
    isin: Isin
    cfi: Cfi
    fisn: Annotated[Fisn, Field(description="short name; its first word is the symbol")]
    lei: Annotated[Lei, Field(description="the issuer")]
    name: Annotated[Label, Field(description="of the token, at most 64 bytes")]
    dti_group: Annotated[Dti | None, Field(description="of all its tokens together")] = None
    denomination: Denomination | None = None
    decimals: Annotated[int, Field(ge=0, le=18)]
    authorised: Annotated[Amount, Field(description="most units that may be issued")]
    terms: Terms
    close_of_business: Annotated[
        Close,
        Field(
            description="when a day ends for closing balances: the same minute of UTC all year, "
            "whatever clocks do in summer"
        ),
    ]
    home: Annotated[Name, Field(description="the ledger where units are issued")]
    ledgers: Annotated[tuple[LedgerEntry, ...], Field(min_length=1, max_length=MAX_LEDGERS)]
    roles: Roles
    holders: Annotated[tuple[Holder, ...], Field(min_length=1, max_length=10_000)]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "ledgers", "holders")

    @checked
    def _consistent(self) -> Wrong:
        names = [ledger.name for ledger in self.ledgers]
        yield from _unique((joined("ledgers", i, "name"), name) for i, name in enumerate(names))
        if self.home not in names:
            yield wrong(f"one of the ledgers: {', '.join(names)}", path="home", value=self.home)
        yield from self._wrong_dtis()
        places = f"at most {self.decimals} decimal places"
        authorised = self._base(self.authorised)
        if authorised is None or not 0 < authorised <= MAX_AUTHORISED:
            expected = places if authorised is None else f"1 to {MAX_AUTHORISED} base units"
            yield wrong(expected, path="authorised", value=format(self.authorised, "f"))
        holders = enumerate(self.holders)
        yield from _unique((joined("holders", at, "name"), each.name) for at, each in holders)
        total = 0
        for index, holder in enumerate(self.holders):
            where = joined("holders", index)
            if holder.ledger not in names:
                expected = f"one of the ledgers: {', '.join(names)}"
                yield wrong(expected, path=f"{where}.ledger", value=holder.ledger)
            amount = self._base(holder.amount)
            if amount is None:
                yield wrong(places, path=f"{where}.amount", value=format(holder.amount, "f"))
            total += amount or 0
        if authorised is not None and total > authorised:
            yield wrong(
                f"holdings of at most the authorised {self.authorised:f} in all",
                path="holders",
                value=f"{sum((h.amount for h in self.holders), Decimal(0)):f}",
            )

    def _wrong_dtis(self) -> Wrong:
        """A token DTI denotes one token; it is never also a ledger's, nor the group's."""
        seen: dict[str, str] = {}
        if self.dti_group is not None:
            seen[self.dti_group] = "the group's"
        for wanted in ("token", "ledger"):
            for index, ledger in enumerate(self.ledgers):
                if ledger.dti is None or ledger.dti_of != wanted:
                    continue
                other = seen.get(ledger.dti)
                if other is not None and not (wanted == "ledger" and other == "a ledger's"):
                    yield wrong(
                        f"a DTI of its own, this one is {other}",
                        path=joined("ledgers", index, "dti"),
                        value=ledger.dti,
                    )
                seen[ledger.dti] = "another token's" if wanted == "token" else "a ledger's"

    def _base(self, amount: Decimal) -> int | None:
        """An amount in base units; None if it has more places than there are."""
        try:
            return units(amount, self.decimals)
        except ValueError:
            return None

    @property
    def authorised_units(self) -> int:
        """The authorised amount in base units."""
        return units(self.authorised, self.decimals)

    def holder_units(self, holder: Holder) -> int:
        """Return a holder's opening amount in base units."""
        return units(holder.amount, self.decimals)

    @property
    def close_minute_utc(self) -> int:
        """Close of business as minute of the day in UTC (0 to 1439)."""
        hours, minutes = int(self.close_of_business[:2]), int(self.close_of_business[3:5])
        zone = self.close_of_business[5:]
        offset = 0
        if zone != "Z":
            offset = int(zone[1:3]) * 60 + int(zone[4:6])
            offset = -offset if zone[0] == "-" else offset
        return (hours * 60 + minutes - offset) % 1440

    @property
    def currency(self) -> str | None:
        """Currency of the denomination, if there is one."""
        return self.denomination.currency if self.denomination else None

    @property
    def denomination_word(self) -> int:
        """Face amount of one whole unit with 18 decimals, as the registry holds it; 0 if none."""
        return units(self.denomination.amount, 18) if self.denomination else 0

    @property
    def symbol(self) -> str:
        """Ticker of the token: the first word of the issuer's short name."""
        return self.fisn.split("/")[0].split(" ")[0][:16]

    def ledger(self, name: str) -> LedgerEntry:
        """Return the ledger of that name."""
        for ledger in self.ledgers:
            if ledger.name == name:
                return ledger
        raise KeyError(name)


def as_tuples(data: Any, *fields: str) -> Any:
    """Return `data` with the lists in `fields` as tuples: frozen models hold no lists."""
    if not isinstance(data, dict):
        return data
    return {
        key: tuple(value) if key in fields and isinstance(value, list) else value
        for key, value in data.items()
    }


def _unique(pairs: Iterable[tuple[str, str]]) -> Wrong:
    """Refuse each (field, name) whose name came before."""
    first: dict[str, str] = {}
    for path, name in pairs:
        if first.setdefault(name, path) != path:
            expected = f"a name of its own, this one is taken by {first[name]}"
            yield wrong(expected, path=path, value=name)


def load_instrument(path: str | Path) -> Instrument:
    """Read an instrument file, or raise InputError."""
    return load(path, Instrument, SCHEMA)


def instrument_schema() -> dict[str, Any]:
    """Return the JSON Schema of instrument files (R-07)."""
    return json_schema(Instrument, SCHEMA, "Tallystick instrument")
