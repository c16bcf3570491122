"""The instrument record: the same object, and the same hash, as on every ledger (R-01).

`InstrumentRecord.as_tuple()` is the argument of `InstrumentRegistry.register`, `amend` and `adopt`;
`record_hash` equals what `InstrumentRegistry.record_hash_of` returns, computed without a chain:
keccak256(abi_encode(record)). The registrar proposes a record by that hash (`propose_record`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Final

from tallystick.chain.abi import encode, keccak
from tallystick.registry.identifiers import (
    check_caip2,
    check_cfi,
    check_currency,
    check_dti,
    check_fisn,
    check_isin,
    check_lei,
)

__all__ = [
    "EMPTY_HASH",
    "MAX_AUTHORISED",
    "MAX_DECIMALS",
    "MAX_LEDGERS",
    "MINUTES_PER_DAY",
    "RECORD_ABI",
    "DtiKind",
    "InstrumentRecord",
    "Placement",
    "check_record",
    "code_of",
    "fixed",
    "record_hash",
    "token_address",
    "token_word",
]

MAX_LEDGERS: Final = 8
MAX_AUTHORISED: Final = 2**104 - 1
MAX_DECIMALS: Final = 18
MINUTES_PER_DAY: Final = 1440
EMPTY_HASH: Final = bytes(32)
_INSTRUMENT_ABI: Final = (
    "(string,bytes6,string,bytes20,bytes9,bytes3,uint256,uint8,uint16,uint256,bytes32,string,"
    "string,uint64,bytes32)"
)
_PLACEMENT_ABI: Final = "(string,bytes32,bytes9,uint8)"
RECORD_ABI: Final = f"({_INSTRUMENT_ABI},{_PLACEMENT_ABI}[])"


class DtiKind(IntEnum):
    """What the DTI of a placement denotes (IInstrumentRegistry.NO_DTI …)."""

    NONE = 0
    TOKEN = 1
    LEDGER = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """One ledger that the instrument lives on."""

    caip2: str
    token: bytes
    dti: str = ""
    dti_kind: DtiKind = DtiKind.NONE

    def as_tuple(self) -> tuple[str, bytes, bytes, int]:
        """Return the ABI tuple."""
        return (self.caip2, self.token, fixed(self.dti, 9), int(self.dti_kind))


@dataclass(frozen=True, slots=True)
class InstrumentRecord:
    """The golden record of one ISIN; nothing in it depends on the ledger it is kept on."""

    isin: str
    cfi: str
    fisn: str
    issuer: str
    decimals: int
    close_minute: int
    authorised: int
    terms_hash: bytes
    terms_uri: str
    home: str
    ledgers: tuple[Placement, ...]
    dti_group: str = ""
    currency: str = ""
    denomination: int = 0
    version: int = 1
    previous: bytes = field(default=EMPTY_HASH)

    def as_tuple(self) -> tuple[tuple[Any, ...], list[tuple[str, bytes, bytes, int]]]:
        """Return the ABI tuple, in the order of `IInstrumentRegistry.Record`."""
        return (
            (
                self.isin,
                fixed(self.cfi, 6),
                self.fisn,
                fixed(self.issuer, 20),
                fixed(self.dti_group, 9),
                fixed(self.currency, 3),
                self.denomination,
                self.decimals,
                self.close_minute,
                self.authorised,
                self.terms_hash,
                self.terms_uri,
                self.home,
                self.version,
                self.previous,
            ),
            [placement.as_tuple() for placement in self.ledgers],
        )

    def successor(self, **changes: Any) -> InstrumentRecord:
        """Return the next version with `changes`, linked to this one by its hash."""
        return replace(self, version=self.version + 1, previous=record_hash(self), **changes)


def record_hash(record: InstrumentRecord) -> bytes:
    """Return keccak256(abi_encode(record)), as every registry computes it (R-01)."""
    return keccak(encode([RECORD_ABI], [record.as_tuple()]))


def token_word(token: str | bytes) -> bytes:
    """Return a token reference as in the record: an EVM address is left-padded to 32 bytes."""
    raw = bytes.fromhex(token.removeprefix("0x")) if isinstance(token, str) else bytes(token)
    if len(raw) not in (20, 32) or not any(raw):
        raise ValueError("expected an address of 20 bytes, or a token reference of 32, not zero")
    return raw.rjust(32, b"\0")


def token_address(word: bytes) -> str:
    """Return the EVM address in a token word, in lower case."""
    if len(word) != 32 or any(word[:12]):
        raise ValueError("expected an EVM address left-padded to 32 bytes")
    return "0x" + word[12:].hex()


def fixed(code: str, length: int) -> bytes:
    """Return a code as bytesN, ASCII; an empty code is all zero."""
    raw = code.encode("ascii")
    if raw and len(raw) != length:
        raise ValueError(f"expected {length} characters, got {len(raw)}")
    return raw.ljust(length, b"\0")


def code_of(raw: bytes) -> str:
    """Return the code in a bytesN that a registry returned."""
    return raw.rstrip(b"\0").decode("ascii")


def check_record(record: InstrumentRecord) -> InstrumentRecord:
    """Return `record` if a registry would accept it as far as the record alone tells (R-02).

    Raises ValueError that says what was expected, before gas is spent on finding out.
    """
    check_isin(record.isin)
    check_cfi(record.cfi, tables=False)
    check_fisn(record.fisn)
    check_lei(record.issuer)
    if record.dti_group:
        check_dti(record.dti_group)
    if record.currency:
        check_currency(record.currency)
    dtis = [p.dti for p in record.ledgers if p.dti_kind is DtiKind.TOKEN]
    shared = {p.dti for p in record.ledgers if p.dti_kind is DtiKind.LEDGER}
    if record.dti_group:
        dtis.append(record.dti_group)
    names = [p.caip2 for p in record.ledgers]
    for holds, expected in (
        (
            bool(record.currency) == (record.denomination != 0),
            "currency and denomination, or neither",
        ),
        (0 <= record.decimals <= MAX_DECIMALS, f"0 to {MAX_DECIMALS} decimals"),
        (0 <= record.close_minute < MINUTES_PER_DAY, "a close of business of 0 to 1439 minutes"),
        (0 < record.authorised <= MAX_AUTHORISED, "an authorised amount of 1 to 2**104 - 1"),
        (len(record.terms_hash) == 32 and any(record.terms_hash), "the hash of the terms"),
        (0 < len(record.terms_uri.encode()) <= 128, "a URI of the terms of 1 to 128 bytes"),
        (len(names) <= MAX_LEDGERS, f"at most {MAX_LEDGERS} ledgers"),
        (record.home in names, "the home ledger among the ledgers"),
        (len(set(names)) == len(names), "each ledger once"),
        (len(set(dtis)) == len(dtis) and not shared & set(dtis), "each token DTI once"),
        (record.version >= 1, "a version of at least 1"),
        (
            (record.version == 1) == (record.previous == EMPTY_HASH),
            "a previous hash after version 1",
        ),
    ):
        if not holds:
            raise ValueError(f"expected {expected}")
    for placement in record.ledgers:
        check_caip2(placement.caip2)
        if len(placement.token) != 32 or not any(placement.token):
            raise ValueError("expected a token of 32 bytes, not zero")
        if placement.caip2.startswith("eip155:") and any(placement.token[:12]):
            raise ValueError("expected an EVM address left-padded to 32 bytes")
        if placement.dti_kind not in tuple(DtiKind):
            raise ValueError("expected 0, 1 or 2 for what the DTI denotes")
        if placement.dti_kind is not DtiKind.NONE:
            check_dti(placement.dti)
        elif placement.dti:
            raise ValueError("expected no DTI where none is assigned")
    return record
