"""What the engines of one instrument tell one another: the Python side of `contracts/actions`.

A message is EIP-712 typed data in the domain of the engine that sent it; its id is the struct hash.
What it tells is another struct, whose hash is the body: a version of an event (`EventVersion`,
which event attestors sign as well), that a ledger was told of one (`Armed`), what stood there at a
close (`Figures`), what it owes for (`Totals`), that its books fit home's at one (`Reconciled`),
what it has paid (`PaidSoFar`), that an event is reversed (`Reversal`, which event attestors sign
too), that a ratio is armed (`Ratio`), where it stands on another ledger (`Entered`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Final

from tallystick.actions.record import RECORD_FIELDS, RECORD_TYPE, EventRecord
from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import ledger_id, party
from tallystick.chain.abi import encode, keccak
from tallystick.text import hex_text

__all__ = [
    "CODEC",
    "EVENT_ATTESTATION",
    "MESSAGE_ATTESTATION",
    "ActionsMessage",
    "Armed",
    "EngineDomain",
    "Entered",
    "EventVersion",
    "Figures",
    "Kind",
    "PaidSoFar",
    "Ratio",
    "RatioState",
    "Reconciled",
    "Reversal",
    "Status",
    "Told",
    "Totals",
    "attestation_typed_data",
    "message_from",
    "typed_data",
    "version_id",
]

CODEC: Final = 1
MESSAGE_FIELDS: Final = (
    ("uint256", "codec"),
    ("uint256", "kind"),
    ("bytes32", "instrument"),
    ("bytes32", "source_ledger"),
    ("bytes32", "source_engine"),
    ("bytes32", "body"),
)
ARMED_FIELDS: Final = (
    ("bytes32", "coaf"),
    ("uint256", "version"),
    ("bytes32", "event_version"),
    ("uint256", "taken_at"),
    ("bool", "late"),
)
FIGURES_FIELDS: Final = (
    ("bytes32", "lane"),
    ("uint256", "day"),
    ("uint256", "epoch"),
    ("uint256", "supply"),
    ("uint256", "suspense"),
    ("uint256", "sent"),
    ("uint256", "came"),
)
TOTALS_FIELDS: Final = (
    ("bytes32", "coaf"),
    ("bytes32", "event_version"),
    ("bytes32", "lane"),
    ("uint256", "accounts"),
    ("uint256", "crossing"),
)
RECONCILED_FIELDS: Final = (
    ("bytes32", "lane"),
    ("uint256", "day"),
    ("uint256", "epoch"),
    ("uint256", "crossing"),
)
PAID_FIELDS: Final = (
    ("bytes32", "coaf"),
    ("bytes32", "lane"),
    ("uint256", "accounts_units"),
    ("uint256", "accounts_gross"),
    ("uint256", "accounts_tax"),
    ("uint256", "crossing_units"),
    ("uint256", "crossing_gross"),
    ("uint256", "crossing_tax"),
    ("uint256", "funded"),
)
REVERSAL_FIELDS: Final = (
    ("bytes32", "coaf"),
    ("bytes32", "event_version"),
    ("bytes4", "reason"),
    ("uint256", "set_off"),
    ("bytes32", "document"),
)
RATIO_FIELDS: Final = (
    ("bytes32", "coaf"),
    ("uint256", "version"),
    ("uint256", "state"),
    ("uint256", "epoch"),
    ("uint256", "numerator"),
    ("uint256", "denominator"),
    ("uint256", "first_day"),
)
VERSION_FIELDS: Final = (("EventRecord", "record"), ("uint256", "status"))
DOMAIN_FIELDS: Final = (
    ("string", "name"),
    ("string", "version"),
    ("uint256", "chainId"),
    ("address", "verifyingContract"),
)


def _type(name: str, fields: tuple[tuple[str, str], ...]) -> str:
    return f"{name}(" + ",".join(f"{kind} {field}" for kind, field in fields) + ")"


MESSAGE_TYPE: Final = _type("ActionsMessage", MESSAGE_FIELDS)
VERSION_TYPE: Final = _type("EventVersion", VERSION_FIELDS) + RECORD_TYPE
_DOMAIN_TYPE: Final = _type("EIP712Domain", DOMAIN_FIELDS)
# What verifiers of engines' messages are made with, and those of event attestors; referred types
# by their names (EIP-712).
MESSAGE_ATTESTATION: Final = (
    "Attestation(uint64 epoch,bytes32 signer_set,ActionsMessage message)" + MESSAGE_TYPE
)
EVENT_ATTESTATION: Final = (
    "Attestation(uint64 epoch,bytes32 signer_set,EventVersion version)"
    + RECORD_TYPE
    + _type("EventVersion", VERSION_FIELDS)
)


class Kind(IntEnum):
    """What a message tells.

    A remote ledger tells ARMED, FIGURES, PAID and ENTERED, home the others.
    """

    RECORD = 1
    ARMED = 2
    FIGURES = 3
    TOTALS = 4
    RECONCILED = 5
    PAID = 6
    REVERSAL = 7
    RATIO = 8
    ENTERED = 9


class Status(IntEnum):
    """Whether a version says that the event takes place."""

    ACTIVE = 1
    CANCELLED = 2


class RatioState(IntEnum):
    """Where a ratio stands on a ledger.

    Nothing of an earlier version is armed there, nor will be; it waits for its day; it is in force,
    for good.
    """

    DROPPED = 1
    PENDING = 2
    IN_FORCE = 3


@dataclass(frozen=True, slots=True)
class EngineDomain:
    """EIP-712 domain of an engine: what it tells, and at home what event attestors confirm."""

    NAME: ClassVar[str] = "Tallystick Actions"
    VERSION: ClassVar[str] = "1"

    chain_id: int
    engine: str

    @property
    def separator(self) -> bytes:
        """The domain separator, as the engine computes it."""
        texts = (keccak(text.encode()) for text in (_DOMAIN_TYPE, self.NAME, self.VERSION))
        return keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [*texts, self.chain_id, self.engine],
            )
        )


@dataclass(frozen=True, slots=True)
class EventVersion:
    """A record, and whether it is active or cancelled."""

    KIND: ClassVar = Kind.RECORD

    record: EventRecord
    status: Status = Status.ACTIVE

    @property
    def id(self) -> bytes:
        """Its struct hash: what event attestors sign, and the body of RECORD."""
        return version_id(self.record.hash, self.status)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What stands between header and attestation in the call that takes it."""
        return (self.record.as_tuple(), int(self.status))


def version_id(record_hash: bytes, status: int) -> bytes:
    """Return the struct hash of a version, of its record's hash and its status."""
    return _hash(VERSION_TYPE, ("bytes32", "uint256"), (record_hash, int(status)))


class _Words:
    """Base of what is told in one struct of words: its fields, as the contracts' ABI has them."""

    __slots__ = ()
    NAME: ClassVar[str]
    FIELDS: ClassVar[tuple[tuple[str, str], ...]]
    KIND: ClassVar[Kind]

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the fields in ABI order."""
        return tuple(getattr(self, name) for _, name in self.FIELDS)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What stands between header and attestation in the call that takes it."""
        return (self.as_tuple(),)

    @property
    def id(self) -> bytes:
        """Its EIP-712 struct hash: the body of its message."""
        kinds = [kind for kind, _ in self.FIELDS]
        return _hash(_type(self.NAME, self.FIELDS), kinds, self.as_tuple())


@dataclass(frozen=True, slots=True)
class Armed(_Words):
    """That a ledger was told of a version (by its id), by its own clock; `late`: too late.

    `coaf` is the reference as the record's word holds it.
    """

    NAME: ClassVar = "Armed"
    FIELDS: ClassVar = ARMED_FIELDS
    KIND: ClassVar = Kind.ARMED

    coaf: bytes
    version: int
    event_version: bytes
    taken_at: int
    late: bool


@dataclass(frozen=True, slots=True)
class Figures(_Words):
    """What stood on a remote ledger at the close of a business day, in base units of `epoch`.

    See `tallystick.actions.cut.RemoteEnd`; `sent` and `came` are modulo 2**104.
    """

    NAME: ClassVar = "Figures"
    FIELDS: ClassVar = FIGURES_FIELDS
    KIND: ClassVar = Kind.FIGURES

    lane: bytes
    day: int
    epoch: int
    supply: int
    suspense: int
    sent: int
    came: int = 0


@dataclass(frozen=True, slots=True)
class Totals(_Words):
    """What a remote ledger owes for in an event, in base units: accounts, and what lands there."""

    NAME: ClassVar = "Totals"
    FIELDS: ClassVar = TOTALS_FIELDS
    KIND: ClassVar = Kind.TOTALS

    coaf: bytes
    event_version: bytes
    lane: bytes
    accounts: int
    crossing: int


@dataclass(frozen=True, slots=True)
class PaidSoFar(_Words):
    """What a remote ledger has paid of an event: for accounts there, and for what landed there.

    Base units, gross and tax in smallest units of the cash; `funded` is 1 once every part there is
    funded in full.
    """

    NAME: ClassVar = "PaidSoFar"
    FIELDS: ClassVar = PAID_FIELDS
    KIND: ClassVar = Kind.PAID

    coaf: bytes
    lane: bytes
    accounts_units: int
    accounts_gross: int
    accounts_tax: int
    crossing_units: int
    crossing_gross: int
    crossing_tax: int
    funded: int = 0

    @property
    def figures(self) -> tuple[int, ...]:
        """The six figures, as the engine keeps them."""
        return self.as_tuple()[2:8]


@dataclass(frozen=True, slots=True)
class Reconciled(_Words):
    """That a lane's figures of a business day fit home's, in base units of `epoch`.

    `crossing` was on its way to the remote ledger at that close, or arrived there and waiting.
    """

    NAME: ClassVar = "Reconciled"
    FIELDS: ClassVar = RECONCILED_FIELDS
    KIND: ClassVar = Kind.RECONCILED

    lane: bytes
    day: int
    epoch: int
    crossing: int


@dataclass(frozen=True, slots=True)
class Reversal(_Words):
    """That an event is reversed whose payment has begun: of a version (by its id), for a reason.

    `reason` is one of `tallystick.actions.codes.REVERSAL`, as four bytes; `set_off` whether what is
    owed may be set off, 0 or 1, as the record says. Its id is what event attestors sign, and the
    body of REVERSAL: no record's and no version's, whose types have other names.
    """

    NAME: ClassVar = "EventReversal"
    FIELDS: ClassVar = REVERSAL_FIELDS
    KIND: ClassVar = Kind.REVERSAL

    coaf: bytes
    event_version: bytes
    reason: bytes
    set_off: int
    document: bytes


@dataclass(frozen=True, slots=True)
class Ratio(_Words):
    """Where a ratio stands on the ledger that tells: there `first_day` is its first.

    `denominator` old units are `numerator` new ones. Where none is armed `version` is the one that
    is in force there, and all but that is 0.
    """

    NAME: ClassVar = "Ratio"
    FIELDS: ClassVar = RATIO_FIELDS
    KIND: ClassVar[Kind] = Kind.RATIO

    coaf: bytes
    version: int
    state: int
    epoch: int = 0
    numerator: int = 0
    denominator: int = 0
    first_day: int = 0


@dataclass(frozen=True, slots=True)
class Entered(Ratio):
    """The same, told by a remote ledger."""

    KIND: ClassVar[Kind] = Kind.ENTERED


Told = EventVersion | Armed | Figures | Totals | Reconciled | PaidSoFar | Reversal | Ratio


@dataclass(frozen=True, slots=True)
class ActionsMessage:
    """A message as its source logged it; words as in the typed data."""

    codec: int
    kind: int
    instrument: bytes
    source_ledger: bytes
    source_engine: bytes
    body: bytes

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the fields in ABI order."""
        return tuple(getattr(self, name) for _, name in MESSAGE_FIELDS)

    @property
    def id(self) -> bytes:
        """The message's id: its EIP-712 struct hash."""
        return _hash(MESSAGE_TYPE, [kind for kind, _ in MESSAGE_FIELDS], self.as_tuple())


def message_from(domain: EngineDomain, isin: str, told: Told) -> ActionsMessage:
    """Return the message with which an engine tells something.

    Args:
        domain: The engine's.
        isin: Its instrument.
        told: What it tells.
    """
    return ActionsMessage(
        codec=CODEC,
        kind=told.KIND,
        instrument=keccak(isin.encode()),
        source_ledger=ledger_id(f"eip155:{domain.chain_id}"),
        source_engine=party(domain.engine),
        body=told.id,
    )


def typed_data(
    signed: ActionsMessage | EventVersion | Reversal, domain: EngineDomain
) -> dict[str, Any]:
    """Return what is signed as EIP-712 JSON, so that a wallet shows an attestor every field.

    The verifier's own struct goes around it.
    """
    structs: dict[str, tuple[tuple[str, str], ...]] = {"EIP712Domain": DOMAIN_FIELDS}
    message: dict[str, Any]
    if isinstance(signed, ActionsMessage):
        primary, structs["ActionsMessage"] = "ActionsMessage", MESSAGE_FIELDS
        message = {name: getattr(signed, name) for _, name in MESSAGE_FIELDS}
    elif isinstance(signed, Reversal):
        primary, structs["EventReversal"] = "EventReversal", REVERSAL_FIELDS
        message = {name: getattr(signed, name) for _, name in REVERSAL_FIELDS}
    else:
        primary, structs["EventVersion"] = "EventVersion", VERSION_FIELDS
        structs["EventRecord"] = RECORD_FIELDS
        names = (name for _, name in RECORD_FIELDS)
        record = dict(zip(names, signed.record.as_tuple(), strict=True))
        message = {"record": record, "status": int(signed.status)}
    return {
        "types": {
            name: [{"name": field, "type": kind} for kind, field in fields]
            for name, fields in structs.items()
        },
        "primaryType": primary,
        "domain": {
            "name": domain.NAME,
            "version": domain.VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.engine,
        },
        "message": message,
    }


def attestation_typed_data(
    version: EventVersion, signer_set: SignerSet, domain: EngineDomain
) -> dict[str, Any]:
    """Return what an event attestor signs of a version as EIP-712 JSON: bytes are hex text."""
    data = typed_data(version, domain)
    data["types"]["Attestation"] = [
        {"name": "epoch", "type": "uint64"},
        {"name": "signer_set", "type": "bytes32"},
        {"name": "version", "type": "EventVersion"},
    ]
    message = data["message"]
    message["record"] = {
        name: hex_text(value) if isinstance(value, bytes) else value
        for name, value in message["record"].items()
    }
    head = {"epoch": signer_set.epoch, "signer_set": hex_text(signer_set.hash)}
    return {**data, "primaryType": "Attestation", "message": {**head, "version": message}}


def _hash(type_text: str, kinds: Any, values: Any) -> bytes:
    """EIP-712 struct hash of a struct of words."""
    return keccak(encode(["bytes32", *kinds], [keccak(type_text.encode()), *values]))
