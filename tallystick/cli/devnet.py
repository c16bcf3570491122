"""`tallystick devnet`: a local network until somebody interrupts it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from tallystick.cli.courier import Outcome, couriers
from tallystick.cli.courier import run as run_courier
from tallystick.files.instrument import load_instrument
from tallystick.local.devnet import check_joining, open_devnet, tick, with_ledgers
from tallystick.reach.connection import Connection

__all__ = ["run"]

_HEARTBEAT: Final = 1.0


class Interrupted(BaseException):
    """Somebody asked us to stop."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns SIGINT, SIGTERM and SIGHUP into `Interrupted`, once; later ones are ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        signals.append(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread gets signals; whoever runs us in another one stops us otherwise.
        yield
        return
    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run(
    instrument_paths: Sequence[Path],
    manifest_path: Path,
    *,
    ledgers: int | None = None,
    courier: bool = True,
    ready: Callable[[Connection], None],
    report: Callable[[Outcome], None],
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Keep a local network up until interrupted; returns the exit status.

    Args:
        instrument_paths: the instrument files; the first's suite is set up, the others join it.
        manifest_path: where the first's manifest is written.
        ledgers: how many ledgers; as many as the instrument has when left out.
        courier: whether a courier runs.
        ready: called once, when the network can be used.
        report: called with what the courier did, and couldn't do.
        progress: called with what is being done until then.
    """
    instruments = [
        with_ledgers(path, load_instrument(path), ledgers if number == 0 else None)
        for number, path in enumerate(instrument_paths)
    ]
    check_joining(instrument_paths, instruments)
    try:
        with (
            interruptible(),
            open_devnet(instruments, manifest_path, progress=progress) as connections,
        ):
            ready(connections[0])

            def beat() -> None:
                tick(connections[0].chains)
                time.sleep(_HEARTBEAT)

            if courier:
                carriers = [each for one in connections for each in couriers(one)]
                run_courier(carriers, report, beat)
            while True:
                beat()
    except Interrupted:
        return 0
