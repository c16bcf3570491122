"""The EVM in process: py-evm's interpreter over a state of plain dicts.

A transaction takes well under a millisecond. Gas is that of the Prague hard fork, to the unit
(the tests compare receipts with anvil's). A block holds one transaction; fees are zero; time moves
only when told to, one second a block.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import OutOfGas, VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.message import Message
from eth_typing import Address, ChecksumAddress

from tallystick.chain import rlp
from tallystick.chain.abi import address_bytes, checksum, keccak
from tallystick.chain.account import JUNK_MNEMONIC, Account
from tallystick.chain.base import Chain
from tallystick.chain.computation import Computation, traced
from tallystick.chain.frames import Tracer
from tallystick.chain.receipt import (
    Block,
    ChainError,
    RawLog,
    Receipt,
    Snapshot,
    Tag,
    UnknownBlock,
)
from tallystick.chain.state import UNDO_LIMIT, State

__all__ = ["EmbeddedChain"]

BLOCK_GAS_LIMIT = 30_000_000
GENESIS_TIME = 1_750_000_000
# Osaka caps a transaction at 2**24 gas (EIP-7825); staying below keeps the back ends alike.
DEFAULT_GAS = 1 << 24
INITIAL_BALANCE = 10**24
# Not zero: the block's beneficiary is warm (EIP-3651), and contracts do touch the zero address.
COINBASE = Address(bytes.fromhex("c0ffee00000000000000000000000000c0ffee00"))


@dataclass(frozen=True)
class _Saved:
    undo: int
    blocks: int
    logs: int
    next_time: int


class EmbeddedChain(Chain):
    """A chain in this process.

    Args:
        name: what people call it.
        chain_id: its EIP-155 id.
        ledger_number: makes its accounts its own.
        genesis_time: time of block 0, in seconds since 1970.
        tracer: receives every executed frame of code; `EmbeddedChain.default_tracer` when left
            out, which a coverage tool sets once for all chains that are opened after.
    """

    backend = "embedded"
    is_local = True
    controlled = True
    default_tracer: ClassVar[Tracer | None] = None

    def __init__(
        self,
        name: str = "home",
        chain_id: int = 41_001,
        *,
        ledger_number: int = 1,
        mnemonic: str = JUNK_MNEMONIC,
        genesis_time: int | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        super().__init__(name, chain_id, ledger_number=ledger_number, mnemonic=mnemonic)
        genesis = GENESIS_TIME + ledger_number if genesis_time is None else genesis_time
        seed = f"tallystick:{name}:{chain_id}:{ledger_number}:{genesis}"
        self._times = [genesis]
        self._hashes = [keccak(seed.encode())]
        self._next_time = genesis + 1
        # How long the undo log was before each block, to take blocks back.
        self._marks = [0]
        self._forgotten = 1
        self._logs: list[RawLog] = []
        self._log_blocks: list[int] = []
        self._saved: dict[int, _Saved] = {}
        self._funded: set[int] = set()
        tracer = tracer or self.default_tracer
        self._computation: Any = traced(tracer) if tracer is not None else Computation
        self._state: Any = State(self._context())
        self._state.computation_class = self._computation

    # -- accounts --

    def account(self, index: int) -> Account:
        found = super().account(index)
        if index not in self._funded:
            self._funded.add(index)
            # Past the undo log: the account was rich from the start, whenever it is first named.
            self._state.balances.setdefault(address_bytes(found.address), INITIAL_BALANCE)
        return found

    # -- transactions --

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
        state = self._state
        source = address_bytes(sender)
        target = None if to is None else address_bytes(to)
        limit = DEFAULT_GAS if gas is None else gas
        if limit > BLOCK_GAS_LIMIT:
            raise ChainError(f"gas limit {limit} is above the block's {BLOCK_GAS_LIMIT}")
        nonce = state.nonces.get(source, 0)
        if state.balances.get(source, 0) < value:
            raise ChainError(
                f"{checksum(source)} has {state.balances.get(source, 0)} wei, not {value}"
            )
        intrinsic, floor = _intrinsic_gas(data, create=target is None)
        if limit < max(intrinsic, floor):
            raise ChainError(f"gas limit {limit} is below the {max(intrinsic, floor)} it takes")

        state.start_transaction()
        state.execution_context = self._context()
        if len(state.undo) > UNDO_LIMIT and not self._saved:
            state.undo.clear()
            self._forgotten = len(self._times)
        mark = len(state.undo)
        state.increment_nonce(source)
        computation, created = self._execute(source, target, data, value, limit - intrinsic, nonce)

        if computation.is_error:
            refund = 0
        else:
            refund = computation.get_gas_refund()
            for address in computation.get_accounts_for_deletion():
                state.delete_account(address)
        used = limit - computation.get_gas_remaining()
        used = max(used - min(refund, used // 5), floor)
        number = len(self._times)
        identity = rlp.encode([self.chain_id, nonce, source, target or b"", value, data])
        tx_hash = "0x" + keccak(identity).hex()
        timestamp = self._next_time
        self._append_block(bytes.fromhex(tx_hash[2:]), mark)
        logs = tuple(
            RawLog(
                checksum(address),
                tuple(topic.to_bytes(32, "big") for topic in topics),
                bytes(content),
                number,
                tx_hash,
                index,
            )
            for index, (address, topics, content) in enumerate(computation.get_log_entries())
        )
        self._logs += logs
        self._log_blocks += [number] * len(logs)

        output = bytes(computation.output)
        receipt = Receipt(
            status=0 if computation.is_error else 1,
            gas_used=used,
            block_number=number,
            timestamp=timestamp,
            tx_hash=tx_hash,
            contract_address=checksum(created) if created and not computation.is_error else None,
            logs=logs,
            chain=self,
            fetch_output=lambda: output,
        )
        if computation.is_error and not allow_failure:
            raise self.decode_revert(
                output,
                to=None if target is None else checksum(target),
                halt=_halt(computation),
                receipt=receipt,
            )
        return receipt

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
        if block is not None:
            with self._at(block):
                return self._call(to, data, sender, value, gas, block)
        return self._call(to, data, sender, value, gas, len(self._times))

    @contextmanager
    def _at(self, block: int) -> Iterator[None]:
        """Takes the state back to what a block left, for a moment."""
        number = self.block(block).number + 1
        if number < self._forgotten:
            raise ChainError(f"{self.name} no longer has the state of block {block}")
        if number == len(self._times):
            yield
            return
        with self._state.taken_back(self._marks[number]):
            yield

    def _call(
        self, to: Any, data: bytes, sender: Any, value: int, gas: int | None, block: int
    ) -> bytes:
        state = self._state
        source = bytes(20) if sender is None else address_bytes(sender)
        target = None if to is None else address_bytes(to)
        state.start_transaction()
        state.execution_context = self._context(block)
        position = len(state.undo)
        try:
            if value > state.balances.get(source, 0):
                raise ChainError(
                    f"{checksum(source)} has {state.balances.get(source, 0)} wei, not {value}"
                )
            limit = BLOCK_GAS_LIMIT if gas is None else gas
            limit -= _intrinsic_gas(data, create=target is None)[0]
            nonce = state.nonces.get(source, 0)
            computation, _ = self._execute(source, target, data, value, limit, nonce)
        finally:
            state.undo_to(position)
        output = bytes(computation.output)
        if computation.is_error:
            address = None if target is None else checksum(target)
            raise self.decode_revert(output, to=address, halt=_halt(computation))
        return output

    def _execute(
        self,
        source: bytes,
        target: bytes | None,
        data: bytes,
        value: int,
        gas: int,
        nonce: int,
    ) -> tuple[Any, bytes | None]:
        """Runs the message; returns the computation and the address that it would create."""
        state, warm = self._state, self._state.warm
        warm[source] = True
        warm[COINBASE] = True
        context = CancunTransactionContext(gas_price=0, origin=Address(source))
        created = None
        try:
            if target is None:
                created = rlp.create_address(source, nonce)
                warm[created] = True
                message = Message(
                    gas=gas,
                    to=CREATE_CONTRACT_ADDRESS,
                    sender=Address(source),
                    value=value,
                    data=b"",
                    code=data,
                    create_address=Address(created),
                )
                if state.has_code_or_nonce(created):
                    raise ChainError(f"{checksum(created)} exists already")
                computation = self._computation.apply_create_message(state, message, context)
            else:
                warm[target] = True
                message = Message(
                    gas=gas,
                    to=Address(target),
                    sender=Address(source),
                    value=value,
                    data=data,
                    code=state.codes.get(target, b""),
                )
                computation = self._computation.apply_message(state, message, context)
        except VMError as error:
            # Raised before there is a computation, as for creation code over the limit.
            computation = self._computation(state, message, context)
            computation.error = error
        return computation, created

    def _context(self, block: int | None = None) -> ExecutionContext:
        """What code sees of a block, the next one by default."""
        number = len(self._times) if block is None else block
        return ExecutionContext(
            coinbase=COINBASE,
            timestamp=self._times[number] if number < len(self._times) else self._next_time,
            block_number=number,  # type: ignore[arg-type]
            difficulty=0,
            mix_hash=self._hashes[number - 1] if number else bytes(32),  # type: ignore[arg-type]
            gas_limit=BLOCK_GAS_LIMIT,
            prev_hashes=self._ancestors(number),  # type: ignore[arg-type]
            chain_id=self.chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )

    def _ancestors(self, block: int) -> Iterator[bytes]:
        later = len(self._hashes) - block
        return itertools.islice(reversed(self._hashes), later, later + 256)

    def _append_block(self, content: bytes = b"", mark: int | None = None) -> None:
        self._marks.append(len(self._state.undo) if mark is None else mark)
        header = self._hashes[-1] + self._next_time.to_bytes(32, "big") + content
        self._hashes.append(keccak(header))
        self._times.append(self._next_time)
        self._next_time += 1

    # -- time and blocks --

    @property
    def now(self) -> int:
        return self._next_time

    def set_time(self, timestamp: int) -> None:
        if timestamp <= self._times[-1]:
            raise ChainError(
                f"time can't go back: {timestamp} is not after the last block's {self._times[-1]}"
            )
        self._next_time = timestamp

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self._append_block()

    def reorg(self, depth: int, txs: Sequence[tuple[Any, int]] = ()) -> None:
        first = len(self._times) - depth
        if depth < 1 or first < self._forgotten:
            raise ChainError(f"{self.name} can't take back {depth} of {self.block_number} blocks")
        gone = [number for number, saved in self._saved.items() if saved.blocks > first]
        for number in gone:
            del self._saved[number]
        before = self._next_time
        self._state.undo_to(self._marks[first])
        self._cut(first, bisect_left(self._log_blocks, first))
        self._next_time = self._times[-1] + 1
        # Blocks that differ from those they replace, even when they hold the same.
        self._hashes[-1], parent = keccak(self._hashes[-1] + b"reorg"), self._hashes[-1]
        for offset in range(depth):
            mine = [transaction for transaction, at in txs if at == offset]
            if len(mine) > 1:
                raise ChainError("a block of the embedded chain holds one transaction")
            if mine:
                self.send(**mine[0], allow_failure=True)
            else:
                self._append_block()
        self._hashes[first - 1] = parent
        self._next_time = max(self._next_time, before)

    def _cut(self, blocks: int, logs: int) -> None:
        del self._times[blocks:], self._hashes[blocks:], self._marks[blocks:]
        del self._logs[logs:], self._log_blocks[logs:]

    @property
    def block_number(self) -> int:
        return len(self._times) - 1

    def block(self, which: int | Tag = "latest") -> Block:
        # In this process nobody else decides: the last block is as safe and final as any.
        at = which if isinstance(which, int) else self.block_number
        if not 0 <= at < len(self._times):
            raise UnknownBlock(f"{self.name} has no block {at}; the last is {self.block_number}")
        return Block(at, self._times[at], "0x" + self._hashes[at].hex())

    # -- snapshots --

    def snapshot(self) -> Snapshot:
        taken = Snapshot(self.name, next(self._serial))
        self._saved[taken.number] = _Saved(
            len(self._state.undo), len(self._times), len(self._logs), self._next_time
        )
        return taken

    def restore(self, snapshot: Snapshot) -> None:
        saved = self._saved.get(snapshot.number)
        if saved is None or snapshot.chain != self.name:
            raise ChainError(f"{snapshot} is no snapshot of {self.name}, or was restored past")
        self._state.undo_to(saved.undo)
        self._cut(saved.blocks, saved.logs)
        self._next_time = saved.next_time
        for number in [number for number in self._saved if number > snapshot.number]:
            del self._saved[number]

    # -- reading --

    def balance(self, address: Any) -> int:
        found: int = self._state.balances.get(address_bytes(address), 0)
        return found

    def nonce(self, address: Any, *, pending: bool = False) -> int:
        del pending
        found: int = self._state.nonces.get(address_bytes(address), 0)
        return found

    def code(self, address: Any) -> bytes:
        found: bytes = self._state.codes.get(address_bytes(address), b"")
        return found

    def storage(self, address: Any, slot: int | bytes) -> bytes:
        key = (address_bytes(address), _slot(slot))
        found: int = self._state.slots.get(key, 0)
        return found.to_bytes(32, "big")

    def raw_logs(
        self,
        address: Any = None,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> tuple[RawLog, ...]:
        start = bisect_left(self._log_blocks, from_block)
        end = None if to_block is None else bisect_right(self._log_blocks, to_block)
        wanted: ChecksumAddress | None = (
            None if address is None else checksum(address_bytes(address))
        )
        return tuple(
            log
            for log in self._logs[start:end]
            if (wanted is None or log.address == wanted)
            and len(log.topics) >= len(topics)
            and all(
                t is None or (have == t if isinstance(t, bytes) else have in t)
                for t, have in zip(topics, log.topics, strict=False)
            )
        )

    # -- writing past the rules --

    def set_balance(self, address: Any, wei: int) -> None:
        self._state.write(self._state.balances, address_bytes(address), wei)

    def set_storage(self, address: Any, slot: int | bytes, value: bytes | int) -> None:
        number = value if isinstance(value, int) else int.from_bytes(value, "big")
        self._state.write(self._state.slots, (address_bytes(address), _slot(slot)), number)

    def set_code(self, address: Any, code: bytes) -> None:
        self._state.write(self._state.codes, address_bytes(address), code)


def _slot(slot: int | bytes) -> int:
    return slot if isinstance(slot, int) else int.from_bytes(slot, "big")


def _halt(computation: Any) -> str | None:
    """Why it stopped, unless by REVERT."""
    error = computation.error
    if not error.burns_gas:
        return None
    if isinstance(error, OutOfGas):
        return f"out of gas: {error}" if str(error) else "out of gas"
    return str(error) or type(error).__name__


def _intrinsic_gas(data: bytes, *, create: bool) -> tuple[int, int]:
    """(gas before the first opcode, least gas of the transaction by EIP-7623)."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    # The two gas a word of creation code (EIP-3860) are charged by the computation.
    return 21_000 + 4 * tokens + (32_000 if create else 0), 21_000 + 10 * tokens
