"""Anvil processes of our own, and attaching to one that runs.

A process never outlives its owner: it is stopped when the chain is closed and when the interpreter
exits, and the kernel kills it when the owner dies without getting that far.
"""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tallystick.chain import wording
from tallystick.chain.abi import address_bytes, address_of
from tallystick.chain.account import JUNK_MNEMONIC, Account, derive_account
from tallystick.chain.base import Chain
from tallystick.chain.jsonrpc import JsonRpc, Patience, RpcError, ask, number, quantity, unhex
from tallystick.chain.process import Process
from tallystick.chain.receipt import ChainError, Receipt, Snapshot
from tallystick.chain.rpc import RpcChain

__all__ = ["AnvilChain", "connect"]

GENESIS_TIME = 1_750_000_000
DEFAULT_GAS = 1 << 24
# The same as embedded, so that the two agree on what is warm.
COINBASE = "0xc0ffee00000000000000000000000000c0ffee00"
_FUNDED_ACCOUNTS = 64
# EIP-2935 keeps the hash of every block here, one more slot a block. Anvil hashes all slots again
# for each block, which after some thousand blocks is most of what a transaction takes.
_BLOCK_HASHES = "0x0000F90827F1C53a10cb7A02335B175320002935"
# More blocks than anybody mines: anvil knows no "all" that leaves the disk alone.
_ALL_BLOCKS = 1_000_000
# Below a device no folder can be made: told to keep nothing on disk, anvil still makes an empty
# one when it goes back to a snapshot or reorganises.
_NO_FOLDER = "/dev/null/none"
atexit.register(Process.stop_all)


class AnvilChain(RpcChain):
    """An anvil: a process of its own, or with `url` one that runs already.

    By default time is stepped, one second a block, so that runs repeat exactly; with
    `clock="wall"` it passes. Fees are zero. Any address can send, contracts too. The EIP-2935
    contract has no code, and nothing is written to disk.

    Args:
        name: what people call it.
        chain_id: its EIP-155 id.
        ledger_number: makes its accounts its own.
        mnemonic: of the accounts, 64 of which are funded.
        hardfork: `osaka`, `prague`, or what else anvil knows.
        genesis_time: time of block 0, in seconds since 1970.
        clock: `stepped` or `wall`.
        slots_in_an_epoch: makes `safe` and `finalized` trail the head by one and two such.
        history: of how many blocks the state is kept (in memory), those gone back on counted too;
            of all when left out.
        url: attach to this node in place of starting one.
    """

    backend = "anvil"
    waits = False
    controlled = True
    _shared = False

    def __init__(
        self,
        name: str = "home",
        chain_id: int = 41_001,
        *,
        ledger_number: int = 1,
        mnemonic: str = JUNK_MNEMONIC,
        hardfork: str = "osaka",
        genesis_time: int | None = None,
        clock: Literal["stepped", "wall"] = "stepped",
        slots_in_an_epoch: int | None = None,
        history: int | None = None,
        url: str | None = None,
    ) -> None:
        self._process: Process | None = None
        self.hardfork = hardfork
        if url is None:
            stepped = clock == "stepped"
            if genesis_time is None:
                genesis_time = GENESIS_TIME + ledger_number if stepped else int(time.time())
            options = ["--chain-id", str(chain_id), "--hardfork", hardfork, "--silent"]
            options += ["--mnemonic", mnemonic, "--accounts", str(_FUNDED_ACCOUNTS)]
            options += ["--derivation-path", f"m/44'/60'/{ledger_number}'/0/"]
            options += ["--balance", "1000000", "--timestamp", str(genesis_time)]
            options += ["--base-fee", "0", "--gas-price", "0", "--gas-limit", "60000000"]
            options += ["--auto-impersonate", "--order", "fifo", "--cache-path", _NO_FOLDER]
            options += ["--prune-history", str(_ALL_BLOCKS if history is None else history)]
            if slots_in_an_epoch is not None:
                options += ["--slots-in-an-epoch", str(slots_in_an_epoch)]
            self._process = Process(options, chain_id)
            url = self._process.url
        try:
            super().__init__(name, url, chain_id, ledger_number=ledger_number, mnemonic=mnemonic)
            self._poll = 0.005
            self._automine = True
            self._knows_sync = True
            self._pool_used = False
            self._ids: dict[int, tuple[str, int]] = {}
            self._extra: set[str] = set()
            # On a process of ours fees are known to be zero; elsewhere the node fills them in.
            self._fees: dict[str, str] = {}
            if self._process is not None:
                self._fees = {"maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0"}
                self.rpc("anvil_setCoinbase", COINBASE)
                self.set_code(_BLOCK_HASHES, b"")
                if clock == "stepped":
                    self.rpc("anvil_setBlockTimestampInterval", 1)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """The process id, None when attached."""
        if self._process is None or self._process.popen is None:
            return None
        return self._process.popen.pid

    def close(self) -> None:
        if hasattr(self, "rpc"):
            self.rpc.close()
        if self._process is not None:
            self._process.stop()

    def account(self, index: int) -> Account:
        found = derive_account(self.mnemonic, self.ledger_number, index)
        if index >= _FUNDED_ACCOUNTS and found.address not in self._extra:
            self._extra.add(found.address)
            self.set_balance(found.address, 10**24)
        return found

    def signs_for(self, sender: Any) -> bool:
        del sender
        return True

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
        if not self._automine:
            raise ChainError(f"{self.name} mines on request only: use submit(), then mine()")
        if self._needs_key(sender):
            return super().send(
                sender=sender, to=to, data=data, value=value, gas=gas, allow_failure=allow_failure
            )
        request = self._request(sender, to, data, value, DEFAULT_GAS if gas is None else gas)
        request |= self._fees
        raw = self._mined_at_once(request)
        return self._finish(raw, sender, to, data, value, allow_failure=allow_failure)

    def _needs_key(self, sender: Any) -> bool:
        """Whether a sender's own key signs: on somebody else's node; one of ours is a rehearsal."""
        locked = isinstance(sender, Account) and sender.unlock is not None
        return locked and self._process is None

    def _mined_at_once(self, request: dict[str, Any]) -> dict[str, Any]:
        """The receipt of a transaction, in one request where anvil is new enough for that."""
        if self._knows_sync:
            try:
                raw: dict[str, Any] = self._unlocked("eth_sendTransactionSync", request)
                return raw
            except RpcError as error:
                if not wording.is_unknown_method(error.code, error.message):
                    raise
                self._knows_sync = False
        return self._awaited(self._unlocked("eth_sendTransaction", request))

    def _awaited(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a transaction that the node has."""
        patience = Patience(self.receipt_timeout, first=self._poll, longest=20 * self._poll)
        while True:
            found, trouble = self._landed(tx_hash)
            if found is not None:
                return found
            if not patience.wait():
                raise ChainError(f"{tx_hash} is in no block of {self.name} {trouble}".rstrip())

    def submit(
        self,
        *,
        sender: Any,
        to: Any = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
    ) -> str:
        self._pool_used = True
        request = self._request(sender, to, data, value, DEFAULT_GAS if gas is None else gas)
        request |= self._fees
        tx_hash: str = self._unlocked("eth_sendTransaction", request)
        return tx_hash

    def begin(
        self, *, sender: Any, nonce: int, to: Any = None, data: bytes = b""
    ) -> Callable[[], Receipt]:
        if self._process is not None and self._automine:
            # One block each, so that runs repeat exactly.
            return Chain.begin(self, sender=sender, nonce=nonce, to=to, data=data)
        if self._needs_key(sender):
            return super().begin(sender=sender, nonce=nonce, to=to, data=data)
        self._pool_used = True
        request = self._request(sender, to, data, 0, DEFAULT_GAS) | self._fees
        tx_hash = self._unlocked("eth_sendTransaction", request | {"nonce": quantity(nonce)})
        return lambda: self._finish(
            self._awaited(tx_hash), sender, to, data, 0, allow_failure=False
        )

    def _unlocked(self, method: str, request: dict[str, Any]) -> Any:
        try:
            return self.rpc(method, request)
        except RpcError as error:
            if "No Signer" not in error.message:
                raise
        # An attached node doesn't impersonate by itself.
        self.rpc("anvil_impersonateAccount", request["from"])
        return self.rpc(method, request)

    def _failure(
        self, receipt: Receipt, sender: Any, to: Any, data: bytes, value: int
    ) -> tuple[bytes, str | None]:
        del sender, to, data, value
        return self.failure_of(receipt.tx_hash)

    def failure_of(self, tx_hash: str) -> tuple[bytes, str | None]:
        """Why a transaction failed: its revert data, and what halted it if not a revert."""
        trace = self._trace(tx_hash)
        error = str(trace.get("error", ""))
        halt = None if "revert" in error.lower() else error or None
        return unhex(trace.get("output") or "0x"), halt

    def _trace(self, tx_hash: str) -> dict[str, Any]:
        options = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        trace: dict[str, Any] = self.rpc("debug_traceTransaction", tx_hash, options)
        return trace

    def _output_of(self, tx_hash: str) -> Any:
        return lambda: unhex(self._trace(tx_hash).get("output") or "0x")

    def _call_tag(self) -> str:
        # The next block's time and number, as embedded; but no transactions that merely wait.
        return "pending" if self._automine else "latest"

    # -- mining --

    @property
    def automine(self) -> bool:
        """Whether each transaction gets its block at once."""
        return self._automine

    def set_automine(self, enabled: bool) -> None:
        """Turns mining at once on or off; off, use `submit` and `mine`."""
        self.rpc("evm_setAutomine", enabled)
        self._automine = enabled
        self._pool_used = True

    def drop(self, tx_hash: str) -> bool:
        """Drops a waiting transaction from the pool; whether it was there."""
        return self.rpc("anvil_dropTransaction", tx_hash) is not None

    def reorg(self, depth: int, txs: Sequence[tuple[Any, int]] = ()) -> None:
        replacements = []
        for transaction, offset in txs:
            if isinstance(transaction, bytes):
                replacements.append(["0x" + transaction.hex(), offset])
                continue
            request = self._request(
                transaction["sender"],
                transaction.get("to"),
                transaction.get("data", b""),
                transaction.get("value", 0),
                transaction.get("gas", DEFAULT_GAS),
            )
            replacements.append([request | self._fees, offset])
        before = self.now
        self._settle()
        self.rpc("anvil_reorg", depth, replacements)
        # The new blocks follow their ancestor second by second: time would fall back to it.
        if self.now < before:
            self.rpc("evm_setNextBlockTimestamp", before)

    def mine(self, blocks: int = 1) -> None:
        if blocks > 0:
            self.rpc("anvil_mine", quantity(blocks))

    def _settle(self) -> None:
        """Waits until the pool has let go of what is mined.

        A receipt may come before that. Sent again after going back, the same transaction would be
        taken for the mined one and dropped without a word.
        """
        deadline = time.monotonic() + 5
        while self._automine and number(self.rpc("txpool_status")["pending"]):
            if time.monotonic() > deadline:
                raise ChainError(f"{self.name} has transactions waiting that it doesn't mine")
            time.sleep(0.001)

    @property
    def now(self) -> int:
        return number(self.rpc("eth_getBlockByNumber", "pending", False)["timestamp"])

    def set_time(self, timestamp: int) -> None:
        last = self.block().timestamp
        if timestamp <= last:
            raise ChainError(
                f"time can't go back: {timestamp} is not after the last block's {last}"
            )
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    # -- snapshots --

    def snapshot(self) -> Snapshot:
        taken = Snapshot(self.name, next(self._serial))
        self._ids[taken.number] = (self.rpc("evm_snapshot"), self.now)
        return taken

    def restore(self, snapshot: Snapshot) -> None:
        known = self._ids.get(snapshot.number) if snapshot.chain == self.name else None
        if known is None:
            raise ChainError(f"{snapshot} is no snapshot of {self.name}, or was restored past")
        identity, then = known
        if self._pool_used:
            self.rpc("anvil_dropAllTransactions")
            if not self._automine:
                self.rpc("evm_setAutomine", True)
            self._automine, self._pool_used = True, False
        else:
            self._settle()
        if not self.rpc("evm_revert", identity):
            raise ChainError(f"anvil no longer has {snapshot} of {self.name}")
        for later in [n for n in self._ids if n > snapshot.number]:
            del self._ids[later]
        # The node's snapshot is used up by returning to it.
        self._ids[snapshot.number] = (self.rpc("evm_snapshot"), then)
        if self.now != then:
            self.rpc("evm_setNextBlockTimestamp", then)
        for address in self._extra:
            self.set_balance(address, 10**24)

    # -- writing past the rules --

    def set_balance(self, address: Any, wei: int) -> None:
        self.rpc("anvil_setBalance", address_of(address), quantity(wei))

    def set_storage(self, address: Any, slot: int | bytes, value: bytes | int) -> None:
        where = slot if isinstance(slot, int) else int.from_bytes(slot, "big")
        word = value if isinstance(value, int) else int.from_bytes(value, "big")
        self.rpc("anvil_setStorageAt", address_of(address), f"0x{where:064x}", f"0x{word:064x}")

    def set_code(self, address: Any, code: bytes) -> None:
        self.rpc("anvil_setCode", "0x" + address_bytes(address).hex(), "0x" + code.hex())


def connect(
    url: str,
    chain_id: int | None = None,
    *,
    name: str = "",
    ledger_number: int = 0,
    mnemonic: str = JUNK_MNEMONIC,
    patience: float = 30.0,
) -> RpcChain:
    """Attaches to a running node: an `AnvilChain` where it is an anvil, else an `RpcChain`.

    Args:
        url: http:// or https:// address.
        chain_id: the id it must have, any when left out.
        name: what to call it; its CAIP-2 identifier when left out.
        ledger_number: which accounts of the mnemonic are its own.
        mnemonic: of the accounts.
        patience: seconds for which a node that is busy is asked again at first.

    Raises:
        ChainError: nothing answers there, or a chain with another id.
    """
    rpc = JsonRpc(url, patience=patience)
    try:
        actual = ask(rpc, number, "eth_chainId")
        if chain_id is not None and actual != chain_id:
            raise ChainError(f"the node at {rpc.shown} has chain id {actual}, not {chain_id}")
        version = ""
        with contextlib.suppress(RpcError):
            version = str(rpc("web3_clientVersion"))
    finally:
        rpc.close()
    called = name or f"eip155:{actual}"
    if version.lower().startswith("anvil"):
        return AnvilChain(called, actual, ledger_number=ledger_number, mnemonic=mnemonic, url=url)
    return RpcChain(called, url, actual, ledger_number=ledger_number, mnemonic=mnemonic)
