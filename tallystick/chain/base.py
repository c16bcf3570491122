"""The chain handle and what it returns; every back end is a `Chain`.

Units: amounts in wei, times in seconds since 1970, gas in gas. Errors: `Revert` when the EVM
reverted, `Unsupported` when this back end can't do that, `ChainError` for everything else.
"""

from __future__ import annotations

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self

from eth_typing import ChecksumAddress

from tallystick.build import Artifact, artifact
from tallystick.chain.abi import CodecError, Interface, Parameters, address_of, keccak
from tallystick.chain.account import JUNK_MNEMONIC, Account, derive_account
from tallystick.chain.contract import Contract
from tallystick.chain.fees import Price
from tallystick.chain.receipt import (
    Args,
    Block,
    ChainError,
    Event,
    RawLog,
    Receipt,
    Revert,
    Snapshot,
    Tag,
    Unsupported,
)

__all__ = ["Chain"]

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
        backend: `embedded`, `anvil`, `rpc` or `live`, for people; code asks what it can do.
        url: address of its JSON-RPC, empty where it has none.
        is_local: it is for development only, so that keys that everybody has may sign there.
        controlled: time, mining, snapshots, reorganisation and writing past the rules work.
    """

    backend: ClassVar[str] = ""
    url: str = ""
    is_local: bool = False
    controlled: bool = False
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
        self._names: dict[ChecksumAddress, str] = {}
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

    def signs_for(self, sender: Any) -> bool:
        """Whether this sender's transactions can be sent: on local chains anybody's."""
        del sender
        return True

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
        interface = Interface.of(item.abi)
        self._all_interfaces[id(interface)] = interface
        self._names[address] = item.name
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

    def begin(
        self,
        *,
        sender: Any,
        nonce: int,
        to: Any = None,
        data: bytes = b"",
    ) -> Callable[[], Receipt]:
        """Sends a transaction and doesn't wait; what is returned waits for its block.

        Args:
            sender: as in `send`.
            nonce: its number among the sender's: those before it were sent or are mined.
            to: as in `send`.
            data: as in `send`.

        Raises:
            Revert: it reverts now, or did in its block, which what is returned says.
            ChainError: it can't be sent; said by what is returned, it may still land.
        """
        if nonce != self.nonce(sender):
            raise ChainError(f"{sender} sends number {self.nonce(sender)} next, not {nonce}")
        receipt = self.send(sender=sender, to=to, data=data)
        return lambda: receipt

    def price(self) -> Price:
        """What gas costs now; nothing where transactions are free."""
        return Price(0, 0)

    @abstractmethod
    def call(
        self,
        *,
        to: Any,
        data: bytes = b"",
        sender: Any = None,
        value: int = 0,
        gas: int | None = None,
        block: int | None = None,
    ) -> bytes:
        """Runs a call and forgets what it changed; local chains run it in the next block's time.

        Args:
            to: Contract or address.
            data: call data.
            sender: who calls.
            value: wei.
            gas: gas limit.
            block: run it in this block, on the state that it left.

        Raises:
            Revert: it reverted.
            ChainError: the chain doesn't keep the block's state, or no longer.
        """

    def call_all(
        self, calls: Sequence[tuple[Any, bytes]], *, block: int | None = None
    ) -> tuple[bytes | Revert, ...]:
        """Many calls on one state; over JSON-RPC in as few requests as the node takes.

        Args:
            calls: (contract or address, call data) each.
            block: run them in this block, on the state that it left; in the last one by default.

        Returns:
            what each gave back, in order: its `Revert` where it reverted.
        """
        found: list[bytes | Revert] = []
        for to, data in calls:
            try:
                found.append(self.call(to=to, data=data, block=block))
            except Revert as revert:
                found.append(revert)
        return tuple(found)

    def ask(self, questions: Iterable[tuple[Any, ...]], *, block: int | None = None) -> list[Any]:
        """What views answer, all on one state, in as few requests as the node takes.

        Args:
            questions: (contract, name of the view, its arguments …) each.
            block: as of `call_all`.

        Returns:
            the values, in order; of a view that reverted its `Revert`, of one that answered
            nothing, or nothing of its type, the `CodecError`.
        """
        asked = [(contract, contract.method(view), rest) for contract, view, *rest in questions]
        calls = [(contract, method.encode(*rest)) for contract, method, rest in asked]
        answers: list[Any] = list(self.call_all(calls, block=block) if calls else ())
        for at, (_, method, _) in enumerate(asked):
            if not isinstance(answers[at], Revert):
                try:
                    answers[at] = method.decode(answers[at])
                except CodecError as error:
                    answers[at] = error
        return answers

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
    def block(self, which: int | Tag = "latest") -> Block:
        """A block by number or by tag, the last one by default.

        Raises:
            UnknownBlock: there is none, or none yet.
            ChainError: the node doesn't know the tag.
        """

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
    def nonce(self, address: Any, *, pending: bool = False) -> int:
        """How many transactions an account sent, or contracts a contract created plus one.

        With `pending` those count, too, that wait for a block.
        """

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
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> tuple[RawLog, ...]:
        """Logs in order: of a contract (of all by default), both blocks included.

        Args:
            address: the contract.
            from_block: the first block.
            to_block: the last block; the chain's by default.
            topics: for each place its word, or those of which it has to be one; None: any.
        """

    def logs(
        self, contract: Any = None, from_block: int = 0, to_block: int | None = None
    ) -> tuple[Event, ...]:
        """Events in order: of a contract (of all by default), both blocks included."""
        found = self.raw_logs(contract, from_block, to_block)
        return tuple(self.decode_log(log) for log in found)

    def header(self, number: int) -> Mapping[str, Any]:
        """A block's header by its fields, as nodes write them.

        Raises:
            Unsupported: the chain has no node.
            ChainError: the node has no such block.
        """
        del number
        raise Unsupported(f"{self!r} has no headers")

    def proof(self, address: Any, slots: Sequence[bytes], block: int) -> Mapping[str, Any]:
        """What proves an account and slots of its storage after a block, as nodes write it.

        Raises:
            Unsupported: the chain has no node.
            RpcError: the node proves nothing (EIP-1186), or nothing of that block any more.
        """
        del address, slots, block
        raise Unsupported(f"{self!r} proves nothing of its storage")

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

    def step(self, fields: Mapping[str, Any]) -> str:
        """What a transaction does here, for whoever is asked to sign it: ledger and function.

        Args:
            fields: `to`, if anybody, and `data` as 0x text.
        """
        to, selector = fields.get("to"), bytes.fromhex(str(fields["data"])[2:10])
        if to is None:
            return f"{self.name}: create a contract"
        address = address_of(to)
        for interface in self._interfaces.get(address, ()):
            for overloads in interface.functions.values():
                for function in overloads:
                    if function.selector == selector:
                        return f"{self.name}: {self._names[address]}.{function.name}"
        return f"{self.name}: call {address}"

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
