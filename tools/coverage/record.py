"""Collects what was executed, and finds the contract that each executed code belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tallystick.build import Artifact
from tallystick.chain.frames import Frame, run_pcs
from tools.coverage.mapping import Branch, Statement, Suite


@dataclass
class Executed:
    """What ran of one code: programme counters, and JUMPIs with the way they went."""

    counters: set[int] = field(default_factory=set)
    jumps: set[tuple[int, bool]] = field(default_factory=set)

    def merge(self, other: Executed) -> None:
        """Add another run of the same code."""
        self.counters |= other.counters
        self.jumps |= other.jumps


@dataclass
class Ran:
    """What ran of one code, as the ledger tells it: straight runs, and JUMPIs."""

    runs: set[tuple[int, int]] = field(default_factory=set)
    jumps: set[tuple[int, bool]] = field(default_factory=set)

    def executed(self, code: bytes) -> Executed:
        """The same by programme counter: there are few distinct runs, and they come often."""
        counters = {pc for first, last in self.runs for pc in run_pcs(code, first, last)}
        return Executed(counters, self.jumps)


class Recorder:
    """Fed by the embedded ledger with every executed frame."""

    def __init__(self) -> None:
        self.by_code: dict[bytes, Ran] = {}

    def frame(self, frame: Frame) -> None:
        """Take in one frame."""
        ran = self.by_code.get(frame.code)
        if ran is None:
            ran = self.by_code[frame.code] = Ran()
        ran.runs.update(frame.runs)
        ran.jumps.update(frame.jumps)


@dataclass
class Collected:
    """What ran, by contract and kind of code ("SecurityToken:runtime"). Merges over processes."""

    executed: dict[str, Executed] = field(default_factory=dict)
    # Distinct codes that are none of the suite's: contracts of tests, peers in benchmarks.
    foreign: int = 0

    def merge(self, other: Collected) -> None:
        """Add what another process saw."""
        for key, item in other.executed.items():
            self.executed.setdefault(key, Executed()).merge(item)
        self.foreign += other.foreign

    def dump(self) -> dict[str, Any]:
        """As plain lists, to travel between processes."""
        return {
            "foreign": self.foreign,
            "executed": {
                key: {
                    "counters": sorted(item.counters),
                    "taken": sorted(pc for pc, taken in item.jumps if taken),
                    "not_taken": sorted(pc for pc, taken in item.jumps if not taken),
                }
                for key, item in self.executed.items()
            },
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Collected:
        """The inverse of `dump`."""
        return cls(
            foreign=data["foreign"],
            executed={
                key: Executed(
                    counters=set(item["counters"]),
                    jumps={(pc, True) for pc in item["taken"]}
                    | {(pc, False) for pc in item["not_taken"]},
                )
                for key, item in data["executed"].items()
            },
        )


def identify(recorder: Recorder, contracts: Iterable[Artifact]) -> Collected:
    """Sort the recorded codes by contract.

    Immutables and constructor arguments stand behind what the compiler made, so the compiler's
    code is a prefix of what runs. A copy that tests derive can be the same code as its original,
    whose sources are what is asked for.
    """
    known: dict[int, dict[bytes, str]] = {}
    for item in sorted(contracts, key=lambda each: not each.source_path.startswith("contracts/")):
        for kind, code in (("runtime", item.bytecode_runtime), ("deployment", item.bytecode)):
            if code:
                known.setdefault(len(code), {}).setdefault(code, f"{item.name}:{kind}")
    lengths = sorted(known, reverse=True)
    collected = Collected()
    for code, ran in recorder.by_code.items():
        keys = (known[length].get(code[:length]) for length in lengths if length <= len(code))
        key = next((key for key in keys if key), None)
        if key is None:
            collected.foreign += 1
        else:
            collected.executed.setdefault(key, Executed()).merge(ran.executed(code))
    return collected


@dataclass
class Covered:
    """What ran, in terms of the sources."""

    statements: set[Statement] = field(default_factory=set)
    outcomes: set[tuple[Branch, str]] = field(default_factory=set)


def resolve(collected: Collected, suite: Suite) -> Covered:
    """What the executed programme counters mean for the sources."""
    covered = Covered()
    for key, executed in collected.executed.items():
        code_map = suite.maps.get(key)
        if code_map is None:
            continue
        for counter in executed.counters:
            place = code_map.statements.get(counter)
            if place:
                covered.statements.add(place)
        for counter, taken in executed.jumps:
            place = code_map.taken_statements.get(counter)
            if place and taken:
                covered.statements.add(place)
            jump = code_map.jumps.get(counter)
            if jump:
                covered.outcomes.add((jump.branch, jump.when_taken if taken else jump.when_not))
    return covered
