"""How long the harness takes for a transaction; both back ends in one run, on one machine."""

from __future__ import annotations

import statistics
import time
from typing import Final

from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, Rig
from tallystick.chain.anvil import find_anvil

__all__ = ["BUDGET_MS", "pace"]

BUDGET_MS: Final = {"embedded": 1.0, "anvil": 4.0}
_ROUNDS: Final = 5
_TRANSFERS: Final = 60


def pace() -> dict[str, float]:
    """Return milliseconds for one controlled transfer with its receipt, by back end.

    The median of several rounds: a loaded machine slows single rounds.
    """
    backends = ["embedded"] if find_anvil() is None else ["embedded", "anvil"]
    return {backend: _milliseconds(backend) for backend in backends}


def _milliseconds(backend: str) -> float:
    with Rig.open(backend) as rig:
        token, network = rig.home.token, rig.network
        one, two = network.holder("home", 0), network.holder("home", 1)
        for account in (one, two):
            token.admit(account, UNTIL_DAY, REASON, DOCUMENT, sender=rig.party("registrar"))
        token.authorise_issuance(10 * AMOUNT, REASON, DOCUMENT, sender=rig.party("notary"))
        token.mint(one, AMOUNT, REASON, DOCUMENT, sender=rig.party("issuer"))
        times = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            for amount in range(1, _TRANSFERS + 1):
                token.transfer(two, amount, sender=one)
            times.append((time.perf_counter() - started) / _TRANSFERS)
        return 1000 * statistics.median(times)
