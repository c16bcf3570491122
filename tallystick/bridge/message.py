"""Lane messages and what attestors sign: the Python side of `contracts/bridge`.

The message is EIP-712 typed data; its id is the struct hash. Attestors sign
`Attestation(bytes32 signer_set,Message message)` in the domain of the destination escrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final, NewType

from tallystick.chain import Event
from tallystick.chain.abi import Parameters, address_bytes, checksum, encode, keccak

__all__ = [
    "CODEC",
    "DENIED",
    "FIRST_CODEC",
    "LAST",
    "MAX_DEADLINE",
    "NO_CAP",
    "OPEN_END",
    "RETURNED",
    "SUSPENSE_ENDS",
    "Direction",
    "Grade",
    "Kind",
    "Lack",
    "LaneId",
    "LaneMessage",
    "MessageId",
    "lane_id",
    "ledger_id",
    "party",
    "party_address",
]

# 32 bytes each, from `lane_id` and `LaneMessage.id`; text is how files write them.
LaneId = NewType("LaneId", bytes)
MessageId = NewType("MessageId", bytes)
# What escrows send, and what they deliver beside it.
CODEC: Final = 2
FIRST_CODEC: Final = 1
# Seconds from leaving to a deadline, at most.
MAX_DEADLINE: Final = 90 * 86_400
# The cap and the limit that mean none, in whole units.
NO_CAP: Final = 2**43 - 1
# Until when an epoch of a lane is valid that nothing has ended.
OPEN_END: Final = 2**48 - 1
# Of a kind, beside its direction: the units come back; no units come, another message is denied;
# no units come, and none will.
RETURNED: Final = 4
DENIED: Final = 8
LAST: Final = 16
# Events that say how units left suspense; the last that they never were.
SUSPENSE_ENDS: Final = (
    "SuspenseClaimed",
    "SuspenseRedirected",
    "MessageReturned",
    "MessageUndone",
)
MESSAGE_FIELDS: Final = (
    ("uint16", "codec"),
    ("uint8", "kind"),
    ("bytes32", "lane"),
    ("uint64", "nonce"),
    ("uint64", "lock_time"),
    ("uint16", "action_epoch"),
    ("uint256", "amount"),
    ("bytes32", "sender"),
    ("bytes32", "recipient"),
    ("uint64", "deadline"),
)
MESSAGE_TYPE: Final = "Message(" + ",".join(f"{t} {n}" for t, n in MESSAGE_FIELDS) + ")"
_MESSAGE_HASH: Final = keccak(MESSAGE_TYPE.encode())
_MESSAGE: Final = Parameters([{"type": t, "name": n} for t, n in MESSAGE_FIELDS])
_LANE_TYPE: Final = (
    "Lane(string isin,uint8 decimals,uint16 close_minute,uint8 grade,bytes32 home_ledger,"
    "bytes32 home_escrow,bytes32 remote_ledger,bytes32 remote_escrow)"
)


class Grade(IntEnum):
    """What a lane is for; production asks for two verifiers of distinct operators."""

    PILOT = 1
    PRODUCTION = 2


class Lack(IntFlag):
    """What a lane lacks of one that is in order for production, as `posture` answers it."""

    PRODUCTION = 1
    SECOND_VERIFIER = 2
    CAP = 4
    VALID_EPOCH = 8
    RECONCILED = 16
    OUTBOUND = 32
    INBOUND = 64
    HANDED_OVER = 128
    LIMIT = 256
    NO_END = 512
    OPEN = 1024

    @property
    def words(self) -> tuple[str, ...]:
        """Each of them, for people."""
        return tuple(said for lack, said in _LACKS.items() if lack in self)


_LACKS: Final = {
    Lack.PRODUCTION: "of grade pilot",
    Lack.SECOND_VERIFIER: "one verifier alone",
    Lack.CAP: "no cap",
    Lack.LIMIT: "no limit",
    Lack.VALID_EPOCH: "newest epoch ended",
    Lack.RECONCILED: "suspended",
    Lack.OUTBOUND: "outbound stopped",
    Lack.INBOUND: "inbound stopped",
    Lack.HANDED_OVER: "set-up not handed over",
    Lack.NO_END: "its end is under way",
    Lack.OPEN: "ended",
}


class Kind(IntEnum):
    """What a message does where it arrives; returned: its units come back to who sent them.

    Denied: its source says that it never sent another. Last: that it sends nothing more.
    """

    ISSUE = 1
    RELEASE = 2
    RETURNED_ISSUE = 5
    RETURNED_RELEASE = 6
    DENIED_ISSUE = 9
    DENIED_RELEASE = 10
    LAST_ISSUE = 17
    LAST_RELEASE = 18

    @property
    def direction(self) -> Kind:
        """Without the difference: to the remote ledger, or home."""
        return Kind(self & ~(RETURNED | DENIED | LAST))

    @property
    def returned(self) -> bool:
        """Whether the units come back."""
        return self & RETURNED != 0

    @property
    def denied(self) -> bool:
        """Whether no units come, and another message is denied."""
        return self & DENIED != 0

    @property
    def last(self) -> bool:
        """Whether no units come, and none will."""
        return self & LAST != 0


class Direction(IntFlag):
    """What a guardian can stop on a lane."""

    OUT = 1
    IN = 2


def ledger_id(caip2: str) -> bytes:
    """Return the id of a ledger: the hash of its CAIP-2 name, e.g. `eip155:41001`."""
    return keccak(caip2.encode())


def party(address: str) -> bytes:
    """Return an EVM account as a message's party: 32 bytes, the address on the right."""
    return address_bytes(address).rjust(32, b"\0")


def party_address(word: bytes) -> str:
    """Undo `party`.

    Raises:
        ValueError: the party is no EVM account in canonical form.
    """
    if len(word) != 32 or any(word[:12]) or not any(word):
        raise ValueError(f"0x{word.hex()} is no EVM account")
    return str(checksum(word[12:]))


def lane_id(
    isin: str,
    decimals: int,
    close_minute: int,
    grade: Grade,
    home_ledger: bytes,
    home_escrow: bytes,
    remote_ledger: bytes,
    remote_escrow: bytes,
) -> LaneId:
    """Return the id of a lane, the same on both ledgers (EIP-712 struct hash).

    Decimals, close of business (minutes after midnight UTC) and grade are part of it: two sides
    that count differently, or ask for other proof, have no lane in common, and nothing can cross.
    """
    struct = encode(
        ["bytes32", "bytes32", "uint8", "uint16", "uint8", *["bytes32"] * 4],
        [
            keccak(_LANE_TYPE.encode()),
            keccak(isin.encode()),
            decimals,
            close_minute,
            grade,
            home_ledger,
            home_escrow,
            remote_ledger,
            remote_escrow,
        ],
    )
    return LaneId(keccak(struct))


@dataclass(frozen=True, slots=True)
class LaneMessage:
    """A lane message, codec 2 or 1; field names and order are those of the typed data.

    `lock_time` is the source ledger's clock when the units left it, `amount` base units at
    `action_epoch`, parties are 32 bytes (see `party`). Of a return `sender` is the id of the
    message that it answers, and `deadline` the time at which the units had left at first.
    """

    codec: int
    kind: int
    lane: LaneId
    nonce: int
    lock_time: int
    action_epoch: int
    amount: int
    sender: bytes
    recipient: bytes
    deadline: int

    @classmethod
    def from_event(cls, message: Any) -> LaneMessage:
        """Read the message that `MessageSent` carries: mapping, sequence or object."""
        names = [name for _, name in MESSAGE_FIELDS]
        if isinstance(message, Mapping):
            return cls(*(message[name] for name in names))
        if isinstance(message, Sequence):
            return cls(*message)
        return cls(*(getattr(message, name) for name in names))

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the fields in ABI order."""
        return tuple(getattr(self, name) for _, name in MESSAGE_FIELDS)

    @property
    def origin(self) -> MessageId | None:
        """The message whose units this one takes back."""
        return MessageId(self.sender) if Kind(self.kind).returned else None

    @property
    def denies(self) -> MessageId | None:
        """The message that its source never sent, as this one says."""
        return MessageId(self.sender) if Kind(self.kind).denied else None

    @property
    def is_last(self) -> bool:
        """Whether it is its ledger's last word: no units come, and none will."""
        return Kind(self.kind).last

    @property
    def left(self) -> int:
        """When its units left the account they were on, by the clock of that account's ledger."""
        return self.lock_time if self.origin is None else self.deadline

    def is_late(self, clock: int) -> bool:
        """Whether its recipient gets nothing any more, at that time of the destination's."""
        ends = self.codec != FIRST_CODEC and Kind(self.kind) == Kind(self.kind).direction
        return ends and clock >= self.deadline

    @property
    def id(self) -> MessageId:
        """The message's id: its EIP-712 struct hash."""
        return MessageId(keccak(_MESSAGE_HASH + _MESSAGE.encode(self.as_tuple(), "Message")))


def message_of(event: Event) -> LaneMessage:
    """Read the message that a `MessageSent` event carries."""
    return LaneMessage.from_event(event.args["message"])
