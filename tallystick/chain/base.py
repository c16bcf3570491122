"""The chain handle and what it returns; every back end is a `Chain`.

Units: amounts in wei, times in seconds since 1970, gas in gas. Errors: `Revert` when the EVM
reverted, `Unsupported` when this back end can't do that, `ChainError` for everything else.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from eth_typing import ChecksumAddress

from tallystick.build import Artifact, artifact
from tallystick.chain.codec import (
    CodecError,
    Interface,
    Parameters,
    address_bytes,
    address_of,
    checksum,
    keccak,
)

if TYPE_CHECKING:
    from tallystick.chain.contract import Contract

__all__ = [
    "JUNK_MNEMONIC",
    "Account",
    "Args",
    "Block",
    "Chain",
    "ChainError",
    "Event",
    "RawLog",
    "Receipt",
    "Revert",
    "Snapshot",
    "Unsupported",
    "derive_account",
    "reverts",
]

JUNK_MNEMONIC = "test test test test test test test test test test test junk"


class ChainError(Exception):
    """A chain can't do what was asked, for another reason than a revert."""


class Unsupported(ChainError):
    """Not on this kind of chain (time control on a live network, say)."""


# --- accounts --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """An account that can send transactions.

    Attributes:
        address: checksummed.
        key: 32-byte private key, or None when something else signs (a keyfile, a dev node).
        index: its number on its ledger, -1 when it has none.
        path: derivation path or alias, for people.
    """

    address: ChecksumAddress
    key: bytes | None = field(repr=False)
    index: int
    path: str

    def __str__(self) -> str:
        return self.address


_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@functools.cache
def _public_key(secret: int) -> Any:
    from eth_keys.datatypes import PrivateKey

    return PrivateKey(secret.to_bytes(32, "big")).public_key


def _child(secret: int, chain_code: bytes, index: int, *, hardened: bool) -> tuple[int, bytes]:
    """BIP-32 derivation of one level."""
    if hardened:
        data = b"\0" + secret.to_bytes(32, "big")
        index += 1 << 31
    else:
        data = _public_key(secret).to_compressed_bytes()
    digest = hmac.digest(chain_code, data + index.to_bytes(4, "big"), "sha512")
    return (int.from_bytes(digest[:32], "big") + secret) % _ORDER, digest[32:]


@functools.cache
def _ledger_node(mnemonic: str, ledger_number: int) -> tuple[int, bytes]:
    """The node m/44'/60'/{ledger_number}'/0, from which a ledger's accounts derive."""
    words = unicodedata.normalize("NFKD", " ".join(mnemonic.split())).encode()
    seed = hashlib.pbkdf2_hmac("sha512", words, b"mnemonic", 2048)
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    secret, code = int.from_bytes(digest[:32], "big"), digest[32:]
    for index, hardened in ((44, True), (60, True), (ledger_number, True), (0, False)):
        secret, code = _child(secret, code, index, hardened=hardened)
    return secret, code


@functools.cache
def derive_account(mnemonic: str, ledger_number: int, index: int) -> Account:
    """The account m/44'/60'/{ledger_number}'/0/{index} of a mnemonic; cached, as it is slow."""
    secret, _ = _child(*_ledger_node(mnemonic, ledger_number), index, hardened=False)
    return Account(
        address=checksum(_public_key(secret).to_canonical_address()),
        key=secret.to_bytes(32, "big"),
        index=index,
        path=f"m/44'/60'/{ledger_number}'/0/{index}",
    )


# --- what comes back -------------------------------------------------------------------------


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
        return ", ".join(f"{name}={_text(value)}" for name, value in self._items.items())

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
            return f"reverted: {name}({', '.join(_text(value) for value in args.values())})"
        if self.panic is not None:
            return f"reverted: panic 0x{self.panic:02x}"
        if self.halt is not None:
            return f"halted: {self.halt}"
        if self.data:
            return f"reverted with unknown data 0x{self.data.hex()}"
        return "reverted without a reason"


def _text(value: Any) -> str:
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


class reverts:  # noqa: N801 - reads as a word: `with reverts("token: paused"):`
    """Passes when the block reverts exactly so; fails when it doesn't, or does otherwise.

    Args:
        reason: the exact text of the reason.
        error: the name of a custom error.
        args: its arguments, all of them, in order; not looked at when left out.
        panic: a panic code.
        data: the exact revert data.
        halt: True for a stop without REVERT (out of gas, invalid opcode).

    With nothing given the revert must carry no data at all, as the compiler's own checks do
    (overflow, a clamp, an assertion without a reason). After the block, `value` is the `Revert`.
    """

    def __init__(
        self,
        reason: str | None = None,
        *,
        error: str | None = None,
        args: Sequence[Any] | None = None,
        panic: int | None = None,
        data: bytes | None = None,
        halt: bool = False,
    ) -> None:
        given = [x for x in (reason, error, panic, data, halt or None) if x is not None]
        if len(given) > 1 or (args is not None and error is None):
            raise TypeError("reverts() takes one of: reason, error with args, panic, data, halt")
        self.reason = reason
        self.error = error
        self.args = None if args is None else tuple(args)
        self.panic = panic
        self.data = data
        self.halt = halt
        self._value: Revert | None = None

    @property
    def value(self) -> Revert:
        """The revert that was caught."""
        if self._value is None:
            raise AttributeError("nothing has reverted yet")
        return self._value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if kind is None:
            raise AssertionError(f"did not revert; expected: {self._expected()}")
        if not isinstance(value, Revert):
            return False
        self._value = value
        if not self._matches(value):
            raise AssertionError(f"{value}; expected: {self._expected()}") from value
        return True

    def _expected(self) -> str:
        if self.reason is not None:
            return f"reverted: {self.reason}"
        if self.error is not None:
            inner = "…" if self.args is None else ", ".join(_text(a) for a in self.args)
            return f"reverted: {self.error}({inner})"
        if self.panic is not None:
            return f"panic 0x{self.panic:02x}"
        if self.data is not None:
            return f"data 0x{self.data.hex()}"
        return "a halt" if self.halt else "reverted without a reason"

    def _matches(self, value: Revert) -> bool:
        if self.reason is not None:
            return value.reason == self.reason
        if self.error is not None:
            if value.error is None or value.error[0] != self.error:
                return False
            return self.args is None or _same(tuple(value.error[1].values()), self.args)
        if self.panic is not None:
            return value.panic == self.panic
        if self.data is not None:
            return value.data == self.data
        if self.halt:
            return value.halt is not None
        return not value.data and value.halt is None


def _same(left: Any, right: Any) -> bool:
    """Equality in which an address may be text of any case, an account or a contract."""
    if left == right:
        return True
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, bytes) and isinstance(right, str):
        return f"0x{left.hex()}" == right.lower()
    if isinstance(left, str) and left.startswith("0x") and not isinstance(right, int):
        try:
            return address_bytes(left) == address_bytes(right)
        except CodecError:
            return False
    return False


# --- the chain -------------------------------------------------------------------------------

_ERROR_STRING = keccak(b"Error(string)")[:4]
_PANIC = keccak(b"Panic(uint256)")[:4]
_STRING = Parameters([{"name": "reason", "type": "string"}])
_UINT = Parameters([{"name": "code", "type": "uint256"}])


class Chain(ABC):
    """One ledger. Contracts that it deploys or attaches to are bound to it.

    Attributes:
        name: what people call it: `home`, `remote`.
        chain_id: its EIP-155 id.
        ledger_number: the part of the derivation path that makes its accounts its own.
        backend: `embedded`, `anvil`, `rpc` or `live`.
        url: address of its JSON-RPC, empty where it has none.
    """

    backend: ClassVar[str] = ""
    url: str = ""
    # Interfaces of all chains of the process, for events of contracts that nobody registered.
    _all_interfaces: ClassVar[dict[int, Interface]] = {}

    def __init__(
        self, name: str, chain_id: int, *, ledger_number: int = 0, mnemonic: str = JUNK_MNEMONIC
    ) -> None:
        self.name = name
        self.chain_id = chain_id
        self.ledger_number = ledger_number
        self.mnemonic = mnemonic
        self._interfaces: dict[ChecksumAddress, list[Interface]] = {}
        self._serial = itertools.count(1)

    def __repr__(self) -> str:
        return f"<{self.backend} chain {self.name} {self.caip2}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def caip2(self) -> str:
        """Its CAIP-2 identifier, `eip155:41001`."""
        return f"eip155:{self.chain_id}"

    # -- accounts --

    def account(self, index: int) -> Account:
        """The account number `index` of this ledger; no other ledger has its address."""
        return derive_account(self.mnemonic, self.ledger_number, index)

    def accounts(self, count: int) -> tuple[Account, ...]:
        """The first `count` accounts."""
        return tuple(self.account(index) for index in range(count))

    # -- contracts --

    def deploy(
        self,
        what: Artifact | str,
        *args: Any,
        sender: Any,
        value: int = 0,
        gas: int | None = None,
    ) -> Contract:
        """Deploys a contract of the suite by name, or any artifact.

        Args:
            what: name or artifact.
            args: constructor arguments.
            sender: account that pays and becomes `msg.sender`.
            value: wei sent along.
            gas: gas limit; the back end's default when left out.

        Raises:
            Revert: the constructor reverted, or the code is over the size limit.
        """
        item = artifact(what) if isinstance(what, str) else what
        if not item.bytecode:
            raise ChainError(f"{item.name} has no creation code: it can be attached, not deployed")
        interface = Interface.of(item.abi)
        data = item.bytecode + interface.constructor.encode(args, f"constructor of {item.name}")
        # Known before it runs, so that errors of the constructor itself are decoded.
        self._all_interfaces[id(interface)] = interface
        receipt = self.send(sender=sender, data=data, value=value, gas=gas)
        if receipt.contract_address is None:
            raise ChainError(f"deploying {item.name} created no contract")
        return self._bind(item, receipt.contract_address, receipt)

    def at(self, what: Artifact | str | Sequence[Mapping[str, Any]], address: Any) -> Contract:
        """A contract that exists, by name, artifact or ABI; a proxy by its implementation's."""
        if isinstance(what, str):
            item = artifact(what)
        elif isinstance(what, Artifact):
            item = what
        else:
            item = _wrapped(what)
        return self._bind(item, address_of(address), None)

    def _bind(self, item: Artifact, address: ChecksumAddress, receipt: Receipt | None) -> Contract:
        from tallystick.chain.contract import Contract

        interface = Interface.of(item.abi)
        self._all_interfaces[id(interface)] = interface
        known = self._interfaces.setdefault(address, [])
        if interface in known:
            known.remove(interface)
        # The latest first: after a restore another contract may live at the address.
        known.insert(0, interface)
        return Contract(self, address, item, interface, receipt)

    # -- transactions --

    @abstractmethod
    def send(
        self,
        *,
        sender: Any,
        to: Any = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        allow_failure: bool = False,
    ) -> Receipt:
        """Sends a transaction and waits for its block; without `to` it creates a contract.

        Args:
            sender: Account, or on local chains any address (a contract's too).
            to: Account, Contract or address.
            data: call data or creation code.
            value: wei.
            gas: gas limit.
            allow_failure: return a receipt with status 0 in place of raising.

        Raises:
            Revert: it reverted; it is in its block all the same and took the sender's nonce.
        """

    @abstractmethod
    def call(
        self,
        *,
        to: Any,
        data: bytes = b"",
        sender: Any = None,
        value: int = 0,
        gas: int | None = None,
    ) -> bytes:
        """Runs a call and forgets what it changed; local chains run it in the next block's time.

        Raises:
            Revert: it reverted.
        """

    # -- time and blocks --

    @property
    @abstractmethod
    def now(self) -> int:
        """The time that the next transaction's block will have, in seconds since 1970."""

    @abstractmethod
    def set_time(self, timestamp: int) -> None:
        """Gives the next block exactly this time; never before the last block's.

        Raises:
            Unsupported: the chain is not a local one.
        """

    def advance(self, seconds: int) -> None:
        """Moves the next block's time on by so many seconds."""
        self.set_time(self.now + seconds)

    @abstractmethod
    def mine(self, blocks: int = 1) -> None:
        """Adds empty blocks."""

    @property
    @abstractmethod
    def block_number(self) -> int:
        """The last block's number."""

    @abstractmethod
    def block(self, number: int | None = None) -> Block:
        """A block, the last one by default."""

    def reorg(self, depth: int, txs: Sequence[tuple[Any, int]] = ()) -> None:
        """Replaces the last `depth` blocks by as many others; `now` stays what it was.

        Args:
            depth: how many blocks go, and with them what their transactions did.
            txs: (transaction, offset of its block) to put there instead; a transaction is a dict
                of the arguments of `send`, on anvil also signed bytes.

        Raises:
            Unsupported: the chain is not a local one.
        """
        del depth, txs
        raise Unsupported(f"{self!r} can't be reorganised")

    @functools.cached_property
    def genesis_hash(self) -> str:
        """The hash of block 0."""
        return self.block(0).hash

    # -- snapshots --

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Remembers state, blocks and time."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Returns to a snapshot, which stays good; those taken after it are gone."""

    @contextmanager
    def isolated(self) -> Iterator[Self]:
        """Undoes on leaving whatever the block did to this chain; exceptions pass through."""
        taken = self.snapshot()
        try:
            yield self
        finally:
            self.restore(taken)

    # -- reading --

    @abstractmethod
    def balance(self, address: Any) -> int:
        """Wei that an address holds."""

    @abstractmethod
    def nonce(self, address: Any) -> int:
        """How many transactions an account sent, or contracts a contract created plus one."""

    @abstractmethod
    def code(self, address: Any) -> bytes:
        """The code at an address, empty if none."""

    @abstractmethod
    def storage(self, address: Any, slot: int | bytes) -> bytes:
        """The 32 bytes in a storage slot."""

    @abstractmethod
    def raw_logs(
        self,
        address: Any = None,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Sequence[bytes | None] = (),
    ) -> tuple[RawLog, ...]:
        """Logs in order: of a contract (of all by default), both blocks included."""

    def logs(
        self, contract: Any = None, from_block: int = 0, to_block: int | None = None
    ) -> tuple[Event, ...]:
        """Events in order: of a contract (of all by default), both blocks included."""
        found = self.raw_logs(contract, from_block, to_block)
        return tuple(self.decode_log(log) for log in found)

    # -- writing past the rules, on local chains --

    def set_balance(self, address: Any, wei: int) -> None:
        """Sets a balance."""
        raise Unsupported(f"{self!r} can't set a balance")

    def set_storage(self, address: Any, slot: int | bytes, value: bytes | int) -> None:
        """Overwrites a storage slot, for faults that no transaction can cause."""
        raise Unsupported(f"{self!r} can't write storage")

    def set_code(self, address: Any, code: bytes) -> None:
        """Overwrites the code at an address."""
        raise Unsupported(f"{self!r} can't write code")

    def close(self) -> None:  # noqa: B027 - most back ends have nothing to release
        """Releases what the chain holds: its process, its connection. May be called again."""

    # -- decoding --

    def decode_log(self, log: RawLog) -> Event:
        """A log by the ABI of its contract, else by any known ABI that has the event."""
        name, args = self._decoded(log) or (
            "unknown",
            Args({"topics": log.topics, "data": log.data}),
        )
        return Event(name, args, log.address, log.block_number, log.tx_hash, log.log_index)

    def _decoded(self, log: RawLog) -> tuple[str, Args] | None:
        if not log.topics:
            return None
        candidates = itertools.chain(
            self._interfaces.get(log.address, ()), self._all_interfaces.values()
        )
        for interface in candidates:
            event = interface.events.get(log.topics[0])
            if event is None or event.topic_count != len(log.topics):
                continue
            try:
                values = event.decode(log.topics, log.data)
            except CodecError:
                continue
            return event.name, Args(dict(zip(event.names, values, strict=True)))
        return None

    def decode_revert(
        self,
        data: bytes,
        *,
        to: ChecksumAddress | None = None,
        halt: str | None = None,
        receipt: Receipt | None = None,
    ) -> Revert:
        """Revert data as an exception, by the ABI of the contract called, else by any known."""
        reason: str | None = None
        panic: int | None = None
        error: tuple[str, Args] | None = None
        selector = data[:4]
        try:
            if selector == _ERROR_STRING:
                reason = _STRING.decode(data[4:])[0]
            elif selector == _PANIC:
                panic = _UINT.decode(data[4:])[0]
        except CodecError:
            pass
        if reason is None and panic is None and len(selector) == 4:
            known = self._interfaces.get(to, ()) if to is not None else ()
            for interface in itertools.chain(known, self._all_interfaces.values()):
                found = interface.errors.get(selector)
                if found is None:
                    continue
                try:
                    values = found.inputs.decode(data[4:])
                except CodecError:
                    continue
                error = (found.name, Args(dict(zip(found.inputs.names, values, strict=True))))
                break
        return Revert(data, reason=reason, error=error, panic=panic, halt=halt, receipt=receipt)


_wrapped_abis: dict[int, Artifact] = {}


def _wrapped(abi: Sequence[Mapping[str, Any]]) -> Artifact:
    """The artifact around a bare ABI; the same for the same list."""
    found = _wrapped_abis.get(id(abi))
    if found is None:
        found = Artifact.from_abi("contract", [dict(entry) for entry in abi])
        _wrapped_abis[id(abi)] = found
        _wrapped_sources.append(abi)
    return found


# Keeps the lists alive, so that an id is never another list's.
_wrapped_sources: list[Sequence[Mapping[str, Any]]] = []
