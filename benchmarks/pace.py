"""How long the harness takes for a transaction; both back ends in one run, on one machine.

`python -m benchmarks.pace` prints it; with `--climb 5000`, how anvil slows down and grows while so
many transactions follow one another on one ledger (Linux only: it reads /proc).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.rig import UNTIL_DAY, Rig
from tallystick.chain import Account, Contract
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.process import find_anvil

__all__ = ["BUDGET_MS", "Window", "climb", "pace"]

BUDGET_MS: Final = {"embedded": 1.0, "anvil": 4.0}
_ROUNDS: Final = 5
_TRANSFERS: Final = 60
_WINDOW: Final = 500
# Enough for every transfer, and less than any record allows.
_UNITS: Final = 10**9


def pace() -> dict[str, float]:
    """Return milliseconds for one controlled transfer with its receipt, by back end.

    The median of several rounds: a loaded machine slows single rounds.
    """
    backends = ["embedded"] if find_anvil() is None else ["embedded", "anvil"]
    return {backend: _milliseconds(backend) for backend in backends}


def _milliseconds(backend: str) -> float:
    with Rig.open(backend) as rig:
        token, one, two = _funded(rig)
        times = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            for amount in range(1, _TRANSFERS + 1):
                token.transfer(two, amount, sender=one)
            times.append((time.perf_counter() - started) / _TRANSFERS)
        return 1000 * statistics.median(times)


def _funded(rig: Rig) -> tuple[Contract, Account, Account]:
    """The token, a holder with units and one without."""
    token, network = rig.home.token, rig.network
    one, two = network.holder("home", 0), network.holder("home", 1)
    for account in (one, two):
        network.admit(rig.home, account, UNTIL_DAY)
    network.issue([(one, _UNITS)])
    return token, one, two


class Window(NamedTuple):
    """Some transactions in a row: at which block they ended, what one took, what anvil holds."""

    block: int
    milliseconds: float
    anvil_cpu_milliseconds: float
    anvil_megabytes: int


def climb(transactions: int) -> Iterator[Window]:
    """Yield one window after another of controlled transfers on one anvil."""
    with Rig.open("anvil") as rig:
        token, one, two = _funded(rig)
        chain = rig.home.chain
        assert isinstance(chain, AnvilChain)
        for _ in range(transactions // _WINDOW):
            started, used = time.perf_counter(), _cpu_seconds(chain.pid)
            for _ in range(_WINDOW):
                token.transfer(two, 1, sender=one)
            yield Window(
                chain.block_number,
                1000 * (time.perf_counter() - started) / _WINDOW,
                1000 * (_cpu_seconds(chain.pid) - used) / _WINDOW,
                _megabytes(chain.pid),
            )


def _cpu_seconds(pid: Any) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: Any) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 10**6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pace", description=__doc__)
    parser.add_argument("--climb", type=int, metavar="N", help="N transactions on one anvil")
    given = parser.parse_args(arguments)
    if given.climb is None:
        for backend, milliseconds in pace().items():
            print(f"{backend}: {milliseconds:.2f} ms a transaction")
        return 0
    print("block · ms a transaction · of these anvil's processor · anvil's memory in MB")
    for row in climb(given.climb):
        print(
            f"{row.block:6} {row.milliseconds:6.2f} {row.anvil_cpu_milliseconds:6.2f} "
            f"{row.anvil_megabytes:6}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
