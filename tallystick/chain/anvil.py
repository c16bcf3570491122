"""Anvil processes of our own, and attaching to one that runs.

A process never outlives its owner: it is stopped when the chain is closed and when the interpreter
exits, and the kernel kills it when the owner dies without getting that far.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

from tallystick.chain.base import (
    JUNK_MNEMONIC,
    Account,
    ChainError,
    Receipt,
    Snapshot,
    derive_account,
)
from tallystick.chain.codec import address_bytes, address_of
from tallystick.chain.rpc import JsonRpc, RpcChain, RpcError, number, quantity, unhex

__all__ = ["AnvilChain", "connect", "find_anvil"]

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


def find_anvil() -> Path | None:
    """The anvil binary: $TALLYSTICK_ANVIL, node_modules upward from here, then PATH."""
    given = os.environ.get("TALLYSTICK_ANVIL")
    if given:
        path = Path(given)
        if not os.access(path, os.X_OK):
            raise ChainError(f"TALLYSTICK_ANVIL is {given}, which is no program")
        return path
    seen: set[Path] = set()
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if folder in seen:
                continue
            seen.add(folder)
            for path in sorted(folder.glob("node_modules/@foundry-rs/*/bin/anvil")):
                if os.access(path, os.X_OK):
                    return path
    found = shutil.which("anvil")
    return Path(found) if found else None


# --- processes -------------------------------------------------------------------------------


class _Spawner:
    """Starts processes from one thread that lives as long as this process.

    The kernel sends the death signal when the *thread* that forked the child ends, so a child
    started from a passing thread would die with it.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.tasks: queue.SimpleQueue[tuple[Callable[[], Any], queue.SimpleQueue[Any]]]
        self.tasks = queue.SimpleQueue()
        threading.Thread(target=self._work, name="tallystick-spawner", daemon=True).start()

    def _work(self) -> None:
        while True:
            task, answer = self.tasks.get()
            try:
                answer.put((task(), None))
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                answer.put((None, error))

    def run(self, task: Callable[[], Any]) -> Any:
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.tasks.put((task, answer))
        value, error = answer.get()
        if error is not None:
            raise error
        return value


_spawner: _Spawner | None = None
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
_PR_SET_PDEATHSIG = 1


def _spawn(command: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts a process that dies with this one."""
    global _spawner
    owner = os.getpid()

    def die_with_owner() -> None:
        # In the child between fork and exec: one system call, and nothing that could lock.
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != owner:
                os._exit(1)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            # Ctrl-C at the terminal is for us; we stop the process in order.
            start_new_session=True,
            preexec_fn=die_with_owner if _libc is not None else None,
        )

    if _libc is None:
        process = start()
        # No death signal here: a shell looks every second whether both are alive.
        watch = (
            'while kill -0 "$1" 2>/dev/null && kill -0 "$2" 2>/dev/null; do sleep 1; done; '
            'kill -9 "$2" 2>/dev/null'
        )
        subprocess.Popen(
            ["/bin/sh", "-c", watch, "watch", str(owner), str(process.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return process
    if _spawner is None or _spawner.owner != owner:
        _spawner = _Spawner()
    started: subprocess.Popen[bytes] = _spawner.run(start)
    return started


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(pid: int, url: str) -> bool:
    """Whether it is this process that listens at the address."""
    if _libc is None:
        # Not to be seen here: one that found its port taken has ended by now.
        time.sleep(0.5)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    port = int(url.rpartition(":")[2])
    wanted = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted and row[3] == "0A"}
    try:
        return any(str(fd.readlink()) in sockets for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        # It ended, or closed one meanwhile: asked again in a moment.
        return False


class _Process:
    """One anvil, from start to stop."""

    _running: ClassVar[set[_Process]] = set()

    def __init__(self, options: Sequence[str], chain_id: int) -> None:
        binary = find_anvil()
        if binary is None:
            raise ChainError(
                "anvil is not installed: run `npm ci` in the checkout, put anvil on PATH, "
                "or name it in TALLYSTICK_ANVIL"
            )
        self.owner = os.getpid()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self.popen: subprocess.Popen[bytes] | None = None
        self.url = ""
        problem = ""
        try:
            # Another program may take the port between finding it free and anvil's binding it.
            for _ in range(5):
                port = _free_port()
                self.url = f"http://127.0.0.1:{port}"
                command = [str(binary), "--host", "127.0.0.1", "--port", str(port), *options]
                self.popen = _spawn(command, self.errors)
                problem = self._await_answer(chain_id)
                if not problem:
                    break
                self._kill()
            else:
                raise ChainError(f"anvil doesn't start: {problem}")
        except BaseException:
            self._kill()
            self.errors.close()
            raise
        self._running.add(self)

    def _await_answer(self, chain_id: int) -> str:
        """Waits until it answers; returns what is wrong, or nothing."""
        assert self.popen is not None
        rpc = JsonRpc(self.url, timeout=5.0)
        deadline = time.monotonic() + 20
        try:
            while time.monotonic() < deadline:
                if self.popen.poll() is not None:
                    self.errors.seek(0)
                    text = self.errors.read().decode(errors="replace").strip()
                    return text or f"it ended with status {self.popen.returncode}"
                with contextlib.suppress(ChainError):
                    found = number(rpc("eth_chainId"))
                    if found != chain_id:
                        return f"another node with chain id {found} has its port"
                    # Another node with our chain id may have answered while ours is starting.
                    if _listens(self.popen.pid, self.url):
                        return ""
                time.sleep(0.01)
        finally:
            rpc.close()
        return "it didn't answer within 20 s"

    def _kill(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def stop(self) -> None:
        # A forked child has a copy of this object, not the process.
        if self.owner != os.getpid():
            return
        self._running.discard(self)
        if self.popen is None:
            return
        popen, self.popen = self.popen, None
        if popen.poll() is None:
            popen.terminate()
            try:
                popen.wait(timeout=2)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
        self.errors.close()

    @classmethod
    def stop_all(cls) -> None:
        for process in list(cls._running):
            process.stop()


atexit.register(_Process.stop_all)


# --- the chain -------------------------------------------------------------------------------


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
        self._process: _Process | None = None
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
            self._process = _Process(options, chain_id)
            url = self._process.url
        try:
            super().__init__(name, url, chain_id, ledger_number=ledger_number, mnemonic=mnemonic)
            self._poll = 0.005
            self._automine = True
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
        request = self._request(sender, to, data, value, DEFAULT_GAS if gas is None else gas)
        request |= self._fees
        raw = self._unlocked("eth_sendTransactionSync", request)
        return self._finish(raw, sender, to, data, value, allow_failure=allow_failure)

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
        return unhex(trace.get("output")), halt

    def _trace(self, tx_hash: str) -> dict[str, Any]:
        options = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        trace: dict[str, Any] = self.rpc("debug_traceTransaction", tx_hash, options)
        return trace

    def _output_of(self, tx_hash: str) -> Any:
        return lambda: unhex(self._trace(tx_hash).get("output"))

    def _call_block(self) -> str:
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
) -> RpcChain:
    """Attaches to a running node: an `AnvilChain` where it is an anvil, else an `RpcChain`.

    Args:
        url: http:// or https:// address.
        chain_id: the id it must have, any when left out.
        name: what to call it; its CAIP-2 identifier when left out.
        ledger_number: which accounts of the mnemonic are its own.
        mnemonic: of the accounts.

    Raises:
        ChainError: nothing answers there, or a chain with another id.
    """
    rpc = JsonRpc(url)
    try:
        actual = number(rpc("eth_chainId"))
        if chain_id is not None and actual != chain_id:
            raise ChainError(f"the node at {url} has chain id {actual}, not {chain_id}")
        version = str(rpc("web3_clientVersion"))
    finally:
        rpc.close()
    called = name or f"eip155:{actual}"
    if version.lower().startswith("anvil"):
        return AnvilChain(called, actual, ledger_number=ledger_number, mnemonic=mnemonic, url=url)
    return RpcChain(called, url, actual, ledger_number=ledger_number, mnemonic=mnemonic)
