"""What a ledger says of a transaction: blocks, logs, events, receipts, reverts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from eth_typing import ChecksumAddress

if TYPE_CHECKING:
    from tallystick.chain.base import Chain

__all__ = [
    "Args",
    "Block",
    "ChainError",
    "Event",
    "RawLog",
    "Receipt",
    "Revert",
    "Snapshot",
    "Tag",
    "UnknownBlock",
    "Unsupported",
]

# Blocks that a node knows by name.
Tag = Literal["latest", "safe", "finalized"]


class ChainError(Exception):
    """A chain can't do what was asked, for another reason than a revert."""


class Unsupported(ChainError):
    """Not on this kind of chain (time control on a live network, say)."""


class UnknownBlock(ChainError):
    """The chain has no such block, or not yet."""


@dataclass(frozen=True)
class Block:
    """A block's number, time (seconds since 1970) and hash (0x text)."""

    number: int
    timestamp: int
    hash: str


@dataclass(frozen=True)
class Snapshot:
    """A point that its chain can return to, as often as wanted."""

    chain: str
    number: int


@dataclass(frozen=True)
class RawLog:
    """A log as the chain holds it."""

    address: ChecksumAddress
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    tx_hash: str
    log_index: int


class Args(Mapping[str, Any]):
    """Arguments by name: `args["amount"]`, `args.amount`; equal to a dict with the same items."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self._items[key]
        except KeyError:
            names = ", ".join(self._items)
            raise AttributeError(f"no argument {key!r}; there are: {names}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return ", ".join(f"{name}={text_of(value)}" for name, value in self._items.items())

    def __reduce__(self) -> tuple[Any, ...]:
        return (Args, (self._items,))


@dataclass(frozen=True)
class Event:
    """A decoded log; two are equal when name, address and arguments are.

    A log that no known ABI explains is called `unknown` and has the arguments `topics`, `data`.
    """

    name: str
    args: Args
    address: ChecksumAddress
    block_number: int = field(default=-1, compare=False)
    tx_hash: str = field(default="", compare=False)
    log_index: int = field(default=-1, compare=False)

    def __getattr__(self, key: str) -> Any:
        # Only reached for what is no field: event.amount for event.args.amount.
        if key.startswith("_") or key == "args":
            raise AttributeError(key)
        return getattr(self.args, key)

    def __repr__(self) -> str:
        return f"{self.name}({self.args!r}) at {self.address}"

    def __hash__(self) -> int:
        return hash((self.name, self.address))


class Revert(Exception):
    """The EVM reverted.

    Attributes:
        reason: the text of `Error(string)`, or None.
        error: (name, arguments) of a custom error that a known ABI explains, or None.
        panic: the code of `Panic(uint256)`, or None.
        data: the revert data as it came.
        halt: why execution stopped when not by REVERT (out of gas, invalid opcode), or None.
        receipt: the receipt of the failed transaction, None for a call.
    """

    def __init__(
        self,
        data: bytes = b"",
        *,
        reason: str | None = None,
        error: tuple[str, Args] | None = None,
        panic: int | None = None,
        halt: str | None = None,
        receipt: Receipt | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self.reason = reason
        self.error = error
        self.panic = panic
        self.halt = halt
        self.receipt = receipt

    def __str__(self) -> str:
        if self.reason is not None:
            return f"reverted: {self.reason}"
        if self.error is not None:
            name, args = self.error
            return f"reverted: {name}({', '.join(text_of(value) for value in args.values())})"
        if self.panic is not None:
            return f"reverted: panic 0x{self.panic:02x}"
        if self.halt is not None:
            return f"halted: {self.halt}"
        if self.data:
            return f"reverted with unknown data 0x{self.data.hex()}"
        return "reverted without a reason"


def text_of(value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, str) and value.startswith("0x"):
        return value
    return repr(value)


@dataclass(frozen=True)
class Receipt:
    """What a transaction did.

    Attributes:
        status: 1 done, 0 reverted.
        gas_used: gas of the whole transaction, refunds deducted.
        block_number: its block.
        timestamp: that block's time in seconds since 1970.
        tx_hash: 0x text.
        contract_address: the contract it created, or None.
        logs: its logs undecoded, in order.
    """

    status: int
    gas_used: int
    block_number: int
    timestamp: int
    tx_hash: str
    contract_address: ChecksumAddress | None
    logs: tuple[RawLog, ...] = field(repr=False)
    chain: Chain = field(repr=False, compare=False)
    fetch_output: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)
    decode_output: Callable[[bytes], Any] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, answer: Any) -> Receipt:
        """Return what a method answered that is a transaction."""
        assert isinstance(answer, cls)
        return answer

    @functools.cached_property
    def events(self) -> tuple[Event, ...]:
        """Its events in order, decoded when first asked for."""
        return tuple(self.chain.decode_log(log) for log in self.logs)

    @functools.cached_property
    def return_value(self) -> Any:
        """What the called function returned; None where the chain can't tell."""
        if self.status == 0 or self.fetch_output is None:
            return None
        output = self.fetch_output()
        return output if self.decode_output is None else self.decode_output(output)

    def named(self, name: str) -> tuple[Event, ...]:
        """Those of its events that have this name."""
        return tuple(event for event in self.events if event.name == name)

    def one(self, name: str) -> Event:
        """Its only event of that name.

        Raises:
            ChainError: there is none, or more than one.
        """
        found = self.named(name)
        if len(found) != 1:
            names = ", ".join(event.name for event in self.events) or "none"
            raise ChainError(f"{len(found)} events called {name}; emitted: {names}")
        return found[0]
