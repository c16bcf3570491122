"""What `status` and `verify` cost as holders and messages become more: time, requests, memory.

`python -m benchmarks.reading` prints a table, and fails if a reading is not linear. It reads
embedded ledgers in this process; requests are those that a node would get, `BATCH` calls in one.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from benchmarks.rig import DOCUMENT, REASON, UNTIL_DAY, holder
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.verify import verify, wrong
from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tallystick.reach.connection import Suite
from tallystick.status.observe import status_of

__all__ = ["BATCH", "SIZES", "Reading", "not_linear", "readings"]

# Holders, half of them on each ledger, and messages from home.
SIZES: Final = ((1_000, 500), (10_000, 5_000))
BATCH: Final = 200
# By how much more than in proportion the larger reading may cost.
SLACK: Final = 1.3
_ADMITTED: Final = 250


class Reading(NamedTuple):
    """One reading: of what, how large, seconds of processor time, requests, most MB in use."""

    what: str
    holders: int
    messages: int
    seconds: float
    requests: int
    megabytes: float


class _Counted(EmbeddedChain):
    """Counts the requests that a node would get."""

    requests: int = 0
    _inside: bool = False

    def call_all(self, calls: Sequence[tuple[Any, bytes]], **how: Any) -> Any:
        self.requests += -(-len(calls) // BATCH)
        with self._uncounted():
            return super().call_all(calls, **how)

    @contextmanager
    def _uncounted(self) -> Iterator[None]:
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def _count(self) -> None:
        self.requests += not self._inside

    def call(self, **what: Any) -> bytes:
        self._count()
        return super().call(**what)

    def raw_logs(self, *where: Any, **what: Any) -> Any:
        self._count()
        return super().raw_logs(*where, **what)

    def code(self, address: Any) -> bytes:
        self._count()
        return super().code(address)

    def storage(self, address: Any, slot: int | bytes) -> bytes:
        self._count()
        return super().storage(address, slot)


def readings(sizes: Sequence[tuple[int, int]] = SIZES) -> list[Reading]:
    """Let a deployment grow, and read it at each size.

    Args:
        sizes: holders and messages, ever more.

    Raises:
        ValueError: what is read is not as it should be.
    """
    chains = {
        name: _Counted(name, 41_000 + number, ledger_number=number)
        for number, name in enumerate(("home", "remote"), 1)
    }
    network = Network.deploy(load_instrument("examples/apple.yaml"), chains, threshold=2)
    one, guest = network.holder("home", 0), network.holder("remote", 0)
    network.admit(network.home, one, UNTIL_DAY)
    network.admit(network.remote, guest, UNTIL_DAY)
    network.issue([(one, 10**10)])
    found: list[Reading] = []
    holders, messages = 0, 0
    for size in sizes:
        _hold(network, holders // 2, size[0] // 2)
        _cross(network, size[1] - messages)
        holders, messages = size

        def status() -> bool:
            return status_of(network.connection).ok

        def verified() -> bool:
            return not wrong(verify(network.connection, network.plan, network.parties))

        for what, read in (("status", status), ("verify", verified)):
            found.append(_read(what, size, read, chains.values()))
    return found


def _hold(network: Network, there: int, count: int) -> None:
    """So many holders on each ledger; `there` are some."""
    one, guest = network.holder("home", 0), network.holder("remote", 0)
    new = [holder(number) for number in range(there, count)]
    _across(network, len(new) + 1)
    for suite, sender in ((network.home, one), (network.remote, guest)):
        for start in range(0, len(new), _ADMITTED):
            batch = new[start : start + _ADMITTED]
            _admit(network, suite, batch)
            suite.token.batchTransfer(batch, [1] * len(batch), sender=sender)


def _admit(network: Network, suite: Suite, accounts: list[str]) -> None:
    registrar = network.party(suite.chain.name, "registrar")
    suite.token.batch_admit(accounts, UNTIL_DAY, REASON, DOCUMENT, sender=registrar)


def _cross(network: Network, count: int) -> None:
    """So many messages; one of ten waits."""
    for number in range(count):
        _across(network, 1, wait=number % 10 == 9)


def _across(network: Network, amount: int, *, wait: bool = False) -> None:
    one, guest = network.holder("home", 0), network.holder("remote", 0)
    message = network.lock(one, guest, amount)
    if not wait:
        remote = network.remote.chain
        remote.set_time(max(remote.now, network.home.chain.now) + 1)
        network.deliver(message)


def _read(what: str, size: tuple[int, int], read: Callable[[], bool], chains: Any) -> Reading:
    for chain in chains:
        chain.requests = 0
    started = time.process_time()
    if not read():
        raise ValueError(f"{what} finds something wrong")
    seconds = time.process_time() - started
    requests = sum(chain.requests for chain in chains)
    tracemalloc.start()
    read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Reading(what, *size, seconds, requests, peak / 2**20)


def not_linear(found: Sequence[Reading]) -> list[str]:
    """Return what grew by more than what is read, in words."""
    first = {reading.what: reading for reading in reversed(found)}
    wrong_ones = []
    for each in found:
        least = first[each.what]
        factor = SLACK * max(each.holders / least.holders, each.messages / least.messages)
        for name in ("seconds", "requests", "megabytes"):
            before, now = getattr(least, name), getattr(each, name)
            if each is not least and now > factor * before:
                wrong_ones.append(f"{each.what}: {name} {before:.2f}, then {now:.2f}")
    return wrong_ones


def main() -> int:
    """Print the table; the exit status."""
    found = readings()
    for each in found:
        print(
            f"{each.what}: {each.holders:,} holders, {each.messages:,} messages: "
            f"{each.seconds:.1f} s, {each.requests} requests, {each.megabytes:.0f} MB"
        )
    for line in (problems := not_linear(found)):
        print(f"not linear: {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
