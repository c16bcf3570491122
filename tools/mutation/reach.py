"""Which tests execute a statement, how long each takes, and the order that follows for a mutant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.build import artifact, names
from tallystick.storage import write_whole
from tools.coverage.mapping import build_suite
from tools.coverage.record import Recorder, identify, resolve
from tools.mutation.operators import Mutant

# Random play and its planted faults: dear, and seldom what finds a fault first.
_LAST = "tests/stateful/"
# Seconds from which a test waits until the quick ones have had their turn.
_SLOW = 0.5


@dataclass
class Reach:
    """What one run over unchanged sources showed."""

    # Test -> seconds of its call.
    seconds: dict[str, float] = field(default_factory=dict)
    # "path:line" of a statement -> tests that executed it.
    tests: dict[str, list[str]] = field(default_factory=dict)

    def of(self, mutant: Mutant) -> set[str]:
        """The tests that executed the mutant's statement."""
        return set(self.tests.get(f"{mutant.path}:{mutant.statement}", ()))

    def save(self, path: Path) -> None:
        """Keep it in a file."""
        write_whole(path, json.dumps({"seconds": self.seconds, "tests": self.tests}).encode())

    @classmethod
    def load(cls, path: Path) -> Reach:
        """The inverse of `save`."""
        data = json.loads(path.read_bytes())
        return cls(seconds=data["seconds"], tests=data["tests"])


class Reaching:
    """Fills a `Reach` while tests run with `recorder` as the tracer."""

    def __init__(self, root: Path) -> None:
        self.contracts = [artifact(name) for name in names()]
        self.suite = build_suite(self.contracts, root)
        self.recorder = Recorder()
        self.reach = Reach()

    def done(self, test: str, seconds: float) -> None:
        """Take in what ran since the last test ended."""
        self.reach.seconds[test] = round(seconds, 3)
        covered = resolve(identify(self.recorder, self.contracts), self.suite)
        self.recorder.by_code.clear()
        for line in sorted({f"{place.path}:{place.line}" for place in covered.statements}):
            self.reach.tests.setdefault(line, []).append(test)


def ordered(tests: Sequence[str], reach: Reach, mutant: Mutant) -> list[str]:
    """All tests, those first that are likely to notice the mutant soon.

    Tests that execute the statement, then all others; of both the quick before the slow, and file
    by file, since a file's tests share what they deploy: the folder that mirrors the contract's
    first.
    """
    reached = reach.of(mutant)
    mirrored = "tests/" + mutant.path.split("/")[1] + "/"

    def turn(test: str) -> int:
        if test.startswith(_LAST):
            return 4
        return 2 * (test not in reached) + (reach.seconds.get(test, 0.0) >= _SLOW)

    def rank() -> Iterator[tuple[int, bool, float, str, str]]:
        spent: dict[tuple[int, str], float] = {}
        for test in tests:
            place = (turn(test), test.partition("::")[0])
            spent[place] = spent.get(place, 0.0) + reach.seconds.get(test, 0.0)
        for test in tests:
            file = test.partition("::")[0]
            place = (turn(test), file)
            yield place[0], not file.startswith(mirrored), spent[place], file, test

    # Stable: inside a file the tests keep their order.
    return [row[4] for row in sorted(rank(), key=lambda row: row[:4])]
