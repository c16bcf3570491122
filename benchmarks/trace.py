"""`python -m benchmarks.trace OPERATION ...`: where an operation's gas goes, opcode by opcode.

Runs the scenario of `benchmarks.gas` on an anvil that keeps every step (`--steps-tracing`) and
sorts the steps of the operations named into what was paid for: storage by cold or warm, calls,
logs, hashing, the rest; in all and by depth.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.actions import Dividends
from benchmarks.gas import Scenario
from benchmarks.rig import Rig, traced_chain
from tallystick.chain import Chain, Receipt
from tallystick.chain.account import JUNK_MNEMONIC
from tallystick.chain.local import default_specs
from tallystick.chain.process import find_anvil
from tallystick.chain.receipt import ChainError
from tallystick.chain.rpc import JsonRpc

__all__ = ["main", "sort_steps"]

_CALLS: Final = frozenset({"CALL", "STATICCALL", "DELEGATECALL"})
_COLD_SLOT: Final = 2_100
_COLD_ACCOUNT: Final = 2_600
_PRECOMPILES: Final = {1: "ecrecover", 2: "sha256", 4: "identity"}


def sort_steps(steps: Sequence[Any]) -> tuple[Counter[str], Counter[str], dict[int, int]]:
    """Sort the steps of one transaction by what was paid for.

    Returns:
        Gas by kind, number of steps by kind, gas by depth of the call (own steps only).
    """
    gas: Counter[str] = Counter()
    count: Counter[str] = Counter()
    by_depth: dict[int, int] = defaultdict(int)
    for position, step in enumerate(steps):
        name, cost, depth = step["op"], int(step["gasCost"]), int(step["depth"])
        if name in _CALLS and position + 1 < len(steps):
            kind, cost = _call(step, steps, position)
        else:
            kind = _kind(name, cost)
        gas[kind] += cost
        count[kind] += 1
        by_depth[depth] += cost
    return gas, count, dict(by_depth)


def _kind(name: str, cost: int) -> str:
    if name == "SLOAD":
        return "SLOAD cold" if cost >= _COLD_SLOT else "SLOAD warm"
    if name == "SSTORE":
        if cost >= 22_100:
            return "SSTORE new, cold"
        if cost >= 20_000:
            return "SSTORE new, read before"
        if cost >= 5_000:
            return "SSTORE changed, cold"
        if cost >= 2_900:
            return "SSTORE changed, read before"
        return "SSTORE unchanged or again"
    if name.startswith("LOG"):
        return name
    return {"KECCAK256": "hashing", "TLOAD": "lock", "TSTORE": "lock"}.get(name, "the rest")


def _call(step: Any, steps: Sequence[Any], position: int) -> tuple[str, int]:
    """The price of a call itself, without what the callee used."""
    target = int(step["stack"][-2], 16)
    after = next(
        (later for later in steps[position + 1 :] if later["depth"] == step["depth"]), None
    )
    deeper = steps[position + 1]["depth"] > step["depth"]
    if not deeper:
        # A precompile runs within the step.
        paid = int(step["gas"]) - int(steps[position + 1]["gas"])
        return f"{step['op']} {_PRECOMPILES.get(target, 'no code')}", paid
    inner = 0
    first = steps[position + 1]
    for later in steps[position + 1 :]:
        if later["depth"] <= step["depth"]:
            break
        if later["depth"] == first["depth"]:
            inner = int(first["gas"]) - int(later["gas"]) + int(later["gasCost"])
    if after is None:
        return f"{step['op']}", 0
    price = int(step["gas"]) - int(after["gas"]) - inner
    return f"{step['op']} {'cold' if price >= _COLD_ACCOUNT else 'warm'}", price


class _Tracing(Scenario):
    """The scenario; keeps the traces of the operations asked for."""

    def __init__(self, rig: Rig, wanted: Sequence[str]) -> None:
        super().__init__(rig)
        self.wanted = wanted
        self.traces: dict[str, tuple[int, Any]] = {}

    def note(self, operation: str, receipt: Any) -> Receipt:
        found = super().note(operation, receipt)
        if operation in self.wanted:
            self.traces[operation] = _steps_of(found)
        return found


class _TracingDividends(Dividends):
    """The dividends; keeps the same of theirs."""

    def __init__(self, rig: Rig, wanted: Sequence[str]) -> None:
        super().__init__(rig)
        self.wanted = wanted
        self.traces: dict[str, tuple[int, Any]] = {}

    def _note(self, number: int, operation: str, receipt: Any) -> None:
        super()._note(number, operation, receipt)
        if operation in self.wanted:
            self.traces[operation] = _steps_of(receipt)


def _steps_of(receipt: Any) -> tuple[int, Any]:
    """Gas of a transaction, and its steps."""
    trace = receipt.chain.rpc("debug_traceTransaction", receipt.tx_hash, {"disableMemory": True})
    return receipt.gas_used, trace["structLogs"]


@contextmanager
def _stepping(index: int) -> Iterator[Chain]:
    binary = find_anvil()
    if binary is None:
        raise ChainError("anvil is missing: no steps to sort")
    spec = default_specs(2)[index]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(binary), "--port", str(port), "--chain-id", str(spec.chain_id), "--silent"]
    command += ["--hardfork", "osaka", "--steps-tracing", "--accounts", "64"]
    command += ["--mnemonic", JUNK_MNEMONIC, "--balance", "1000000", "--auto-impersonate"]
    command += ["--derivation-path", f"m/44'/60'/{spec.ledger_number}'/0/"]
    command += ["--timestamp", str(1_750_000_000 + spec.ledger_number), "--base-fee", "0"]
    command += ["--gas-price", "0", "--gas-limit", "60000000"]
    with subprocess.Popen(command) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _await(url)
            chain = traced_chain(spec.name, spec.chain_id, spec.ledger_number, url)
            try:
                yield chain
            finally:
                chain.close()
        finally:
            process.terminate()


def _await(url: str) -> None:
    rpc = JsonRpc(url, timeout=5.0)
    for _ in range(500):
        try:
            rpc("eth_chainId")
        except ChainError:
            time.sleep(0.02)
        else:
            rpc.close()
            return
    raise ChainError(f"{url} does not answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the sorted gas of the operations named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace", description=__doc__)
    parser.add_argument("operation", nargs="+", help="as in gas.json, e.g. forced_transfer")
    wanted = parser.parse_args(arguments).operation
    with _stepping(0) as home, _stepping(1) as remote:
        scenario = _Tracing(Rig((home, remote)), wanted)
        scenario.run(closings=any("close" in op or "after" in op for op in wanted))
        traces = scenario.traces
    if len(traces) < len(set(wanted)):
        with _stepping(0) as home, _stepping(1) as remote:
            dividends = _TracingDividends(Rig((home, remote)), wanted)
            dividends.run()
            traces |= dividends.traces
    for operation in wanted:
        if operation not in traces:
            print(f"{operation}: no such transaction", file=sys.stderr)
            return 2
        used, steps = traces[operation]
        gas, count, by_depth = sort_steps(steps)
        executed = sum(gas.values())
        print(f"\n{operation}: {used:,} gas, of which {executed:,} executed")
        for kind, amount in sorted(gas.items(), key=lambda item: -item[1]):
            print(f"  {kind:30} {count[kind]:5} x {amount:8,}")
        print(f"  {'intrinsic, calldata, refunds':30}         {used - executed:8,}")
        depths = ", ".join(f"{depth}: {amount:,}" for depth, amount in sorted(by_depth.items()))
        print(f"  by depth: {depths}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
