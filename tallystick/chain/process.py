"""The processes of anvil: started, watched, and gone with whoever started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import secrets
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
from typing import IO, Any, ClassVar

from tallystick.chain.jsonrpc import JsonRpc, ask, number
from tallystick.chain.receipt import ChainError

__all__ = ["find_anvil", "free_port"]


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


def free_port() -> int:
    """A port that nobody has, and that no system gives to an outgoing connection."""
    for _ in range(100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            # Other workers of one test seed `random` alike.
            probe.bind(("127.0.0.1", 20_000 + secrets.randbelow(10_000)))
            port: int = probe.getsockname()[1]
            return port
    raise ChainError("no port between 20000 and 29999 is free")


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


class Process:
    """One anvil, from start to stop."""

    _running: ClassVar[set[Process]] = set()

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
                port = free_port()
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
                    found = ask(rpc, number, "eth_chainId")
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
