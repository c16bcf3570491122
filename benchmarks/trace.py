"""`python -m benchmarks.trace OPERATION ...`: where an operation's gas goes, opcode by opcode.

Runs the scenario of `benchmarks.gas` on an anvil that keeps every step (`--steps-tracing`) and
sorts the steps of the operations named into what was paid for: storage by cold or warm, calls,
logs, hashing, the rest; in all, by depth, and by the parts in which `docs/gas.md` has what is
missed.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["COLD", "PARTS", "main", "of_missed", "parts", "sort_steps", "traces"]

# What a transaction's gas falls into, none left out; of cold slots their number stands beside.
PARTS: Final = (
    "transaction, calldata, signatures",
    "code elsewhere",
    "words written, logs",
    "cold slots",
    "steps, hashes, warm slots",
)
COLD: Final = 3
# Operations of `gas.json` that are several transactions.
_SEVERAL: Final = {"event.fix_with_one_lane": ("event.fix", "event.fix_lane")}
# What the dividends of `benchmarks.actions` measure begins so.
_OF_DIVIDENDS: Final = ("event.", "figures.", "claim", "push.")
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


def parts(used: int, gas: Mapping[str, int], count: Mapping[str, int]) -> tuple[list[int], int]:
    """Sum what was paid for by `PARTS`.

    Args:
        used: gas of the whole transaction.
        gas: as `sort_steps` has it, by kind.
        count: the same, how many steps.

    Returns:
        Gas by part, and how many cold slots were read; a slot that is written was read before.
    """
    found = dict.fromkeys(PARTS, 0)
    found[PARTS[0]] = used - sum(gas.values())
    for kind, amount in gas.items():
        name, _, of = kind.partition(" ")
        if name in _CALLS:
            found[PARTS[0 if of in _PRECOMPILES.values() else 1]] += amount
        elif name == "SSTORE" or name.startswith("LOG"):
            found[PARTS[2]] += amount
        else:
            found[PARTS[COLD if kind == "SLOAD cold" else -1]] += amount
    return list(found.values()), count.get("SLOAD cold", 0)


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


def traces(operations: Sequence[str]) -> dict[str, tuple[int, Any]]:
    """Carry operations out; return the gas and the steps of each, of those that there are."""
    wanted = [each for op in operations for each in _SEVERAL.get(op, (op,))]
    found: dict[str, tuple[int, Any]] = {}
    if not all(op.startswith(_OF_DIVIDENDS) for op in wanted):
        with _stepping(0) as home, _stepping(1) as remote:
            scenario = _Tracing(Rig((home, remote)), wanted)
            scenario.run(closings=any("close" in op or "after" in op for op in wanted))
            found |= scenario.traces
    if len(found) < len(set(wanted)):
        with _stepping(0) as home, _stepping(1) as remote:
            dividends = _TracingDividends(Rig((home, remote)), wanted)
            dividends.run()
            found |= dividends.traces
    return found


def of_missed(operations: Sequence[str]) -> dict[str, list[int]]:
    """Trace operations whose budget is missed.

    Returns:
        Of each its gas by `PARTS`, then how many slots were cold.

    Raises:
        KeyError: no scenario that is traced has one.
    """
    found = traces(operations)
    rows = {}
    for operation in operations:
        row = [0] * (len(PARTS) + 1)
        for each in _SEVERAL.get(operation, (operation,)):
            used, steps = found[each]
            amounts, slots = parts(used, *sort_steps(steps)[:2])
            row = [sum(pair) for pair in zip(row, [*amounts, slots], strict=True)]
        rows[operation] = row
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the sorted gas of the operations named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace", description=__doc__)
    parser.add_argument("operation", nargs="+", help="as in gas.json, e.g. forced_transfer")
    given = parser.parse_args(arguments).operation
    found = traces(given)
    for operation in (each for op in given for each in _SEVERAL.get(op, (op,))):
        if operation not in found:
            print(f"{operation}: no such transaction", file=sys.stderr)
            return 2
        used, steps = found[operation]
        gas, count, by_depth = sort_steps(steps)
        executed = sum(gas.values())
        print(f"\n{operation}: {used:,} gas, of which {executed:,} executed")
        for kind, amount in sorted(gas.items(), key=lambda item: -item[1]):
            print(f"  {kind:30} {count[kind]:5} x {amount:8,}")
        print(f"  {'intrinsic, calldata, refunds':30}         {used - executed:8,}")
        depths = ", ".join(f"{depth}: {amount:,}" for depth, amount in sorted(by_depth.items()))
        print(f"  by depth: {depths}")
        amounts, slots = parts(used, gas, count)
        named = "; ".join(f"{name} {n:,}" for name, n in zip(PARTS, amounts, strict=True))
        print(f"  by parts: {named}; {slots} slots cold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
