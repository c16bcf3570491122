"""Which tests execute a statement, in which contracts, and the order that follows for a mutant."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tallystick import build
from tallystick.storage import write_whole
from tools.coverage.mapping import build_suite
from tools.coverage.record import Collected, Recorder, identify, resolve
from tools.mutation.operators import Mutant

# Seconds from which a test waits until the quick ones have had their turn, and until all others
# have: random play is dear, and seldom what finds a fault first.
_SLOW = 0.5
_LAST = 10.0
# Seconds of tests for each contract that has a fault of which is said that it changes nothing.
_ENOUGH = 5.0
# Beside the files of tests: what is compiled.
_COMPILED = "compiled"


@dataclass(frozen=True)
class Compiled:
    """A contract: the first of its pieces, bytes of code, files that it is made of.

    `released` unless tests derive it; `places` are the statements ("path:line") that have code.
    """

    first: str
    size: int
    released: bool
    files: Sequence[str]
    places: Collection[str]


@dataclass(frozen=True)
class Stage:
    """Contracts that are compiled with a fault, and the tests that are run then."""

    contracts: list[str]
    tests: list[str]


@dataclass
class Reach:
    """What one run over unchanged sources showed, by file of tests."""

    compiled: dict[str, Compiled] = field(default_factory=dict)
    # File -> test -> seconds of its call.
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    # File -> "path:line" of a statement -> contract -> numbers of the tests that executed it there.
    tests: dict[str, dict[str, dict[str, list[int]]]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, files: Mapping[str, str]) -> Reach:
        """Of these files of tests, each with its digest."""
        reach = cls({name: Compiled(**item) for name, item in _read(folder, _COMPILED).items()})
        for name in files.keys() - cls.missing(folder, files):
            data = _read(folder, name)
            reach.seconds[name], reach.tests[name] = data["seconds"], data["tests"]
        return reach

    @staticmethod
    def missing(folder: Path, files: Mapping[str, str]) -> list[str]:
        """Those that have to be run: new, or changed since."""
        return [name for name, now in files.items() if _read(folder, name).get("digest") != now]

    def stages(self, mutant: Mutant, files: Iterable[str], *, judged: bool = False) -> list[Stage]:
        """How some files of tests try a mutant.

        One contract after the other gets the fault, with all its pieces at once, and the quickly
        compiled first; what tests derive gets it with the last, when nothing is without it. One
        that is judged to change nothing is tried with the first of them.
        """
        place = f"{mutant.path}:{mutant.statement}"
        known = any(place in item.places for item in self.compiled.values())
        of_file = {name for name, item in self.compiled.items() if mutant.path in item.files}
        seconds = {test: s for file in files for test, s in self.seconds[file].items()}
        by_contract: dict[str, set[str]] = {name: set() for name in of_file}
        for file in files:
            tests = list(self.seconds[file])
            for there, found in self.tests[file].items():
                if there == place or not known:
                    for name in found.keys() & of_file:
                        by_contract[name].update(tests[number] for number in found[name])
        if known:
            # Where no test comes, one is enough to see whether there is a fault at all.
            having = [name for name in of_file if place in self.compiled[name].places]
            having.sort(key=lambda name: (not self.compiled[name].released, name))
            of_file = {name for name in of_file if by_contract[name]} or {having[0]}
        released = [name for name in of_file if self.compiled[name].released]
        pieces: dict[str, list[str]] = defaultdict(list)
        for name in sorted(released or of_file):
            pieces[self.compiled[name].first].append(name)
        order = sorted(
            pieces.values(), key=lambda names: sum(self.compiled[name].size for name in names)
        )
        order[-1] = sorted({*order[-1], *(of_file - set(released))})
        stages = []
        for names in order:
            reached = {test: seconds[test] for name in names for test in by_contract[name]}
            ordered = _ordered(reached, mutant)
            if judged:
                spent = itertools.accumulate(reached[test] for test in ordered)
                ordered = [t for t, s in zip(ordered, spent, strict=True) if s < _ENOUGH]
            stages.append(Stage(names, ordered))
        return stages


def _ordered(seconds: Mapping[str, float], mutant: Mutant) -> list[str]:
    """The quick before the slow; file by file, since a file's tests share what they deploy.

    The folder that mirrors the contract's comes first.
    """
    mirrored = "tests/" + mutant.path.split("/")[1] + "/"

    def turn(test: str) -> int:
        return (seconds[test] >= _SLOW) + (seconds[test] >= _LAST)

    def rank() -> Iterator[tuple[int, bool, float, str, str]]:
        spent: dict[tuple[int, str], float] = defaultdict(float)
        for test in seconds:
            spent[turn(test), test.partition("::")[0]] += seconds[test]
        for test in seconds:
            place = (turn(test), test.partition("::")[0])
            yield place[0], not test.startswith(mirrored), spent[place], place[1], test

    return [row[4] for row in sorted(rank())]


def _file(folder: Path, name: str) -> Path:
    return folder / (name.replace("/", "+").replace("::", "+") + ".json")


def _read(folder: Path, name: str) -> dict[str, Any]:
    file = _file(folder, name)
    return dict(json.loads(file.read_bytes())) if file.exists() else {}


def _write(folder: Path, name: str, data: Any) -> None:
    write_whole(_file(folder, name), json.dumps(data, default=sorted).encode())


# --- the run over unchanged sources ------------------------------------------------------------

# "path:line" of a statement, and the contract that it was executed in.
Seen = set[tuple[str, str]]


class Reaching:
    """Fills a folder for `Reach` while tests run with `recorder` as the tracer."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.contracts = [build.artifact(name) for name in build.names()]
        self.suite = build_suite(self.contracts, root)
        self.recorder = Recorder()
        # Who has the same code: a derived copy of a piece may be its original's.
        self.same: dict[bytes, list[str]] = defaultdict(list)
        for item in self.contracts:
            self.same[item.bytecode_runtime].append(item.name)
        self.code = {item.name: item.bytecode_runtime for item in self.contracts}
        # What this test, and the fixtures that are being set up, executed; innermost last.
        self.open: list[Seen] = [set()]
        self.fixtures: dict[Any, Seen] = {}
        self.seen: list[Seen] = []
        self.seconds: dict[str, float] = {}
        _write(folder, _COMPILED, self._compiled())

    def _compiled(self) -> dict[str, Any]:
        places: dict[str, set[str]] = defaultdict(set)
        for key, code in self.suite.maps.items():
            for found in (*code.statements.values(), *code.taken_statements.values()):
                places[key.partition(":")[0]].add(f"{found.path}:{found.line}")
        first = {piece.name: item.name for item in self.contracts for piece in item.behind}
        return {
            item.name: asdict(
                Compiled(
                    first=first.get(item.name, item.name),
                    size=len(item.bytecode_runtime),
                    released=item.source_path.startswith("contracts/"),
                    files=sorted(item.sources),
                    places=places[item.name],
                )
            )
            for item in self.contracts
        }

    def _take(self) -> None:
        """What ran since the last time."""
        for key, executed in identify(self.recorder, self.contracts).executed.items():
            covered = resolve(Collected({key: executed}), self.suite)
            for name in self.same[self.code[key.partition(":")[0]]]:
                self.open[-1] |= {(f"{p.path}:{p.line}", name) for p in covered.statements}
        self.recorder.by_code.clear()

    def begin(self) -> None:
        """A fixture that several tests share is about to be set up."""
        self._take()
        self.open.append(set())

    def end(self, fixture: Any) -> None:
        """It is set up; what that executed, each test that uses it executed."""
        self._take()
        self.fixtures[fixture] = self.open.pop()
        self.open[-1] |= self.fixtures[fixture]

    def done(self, item: pytest.Item, seconds: float) -> None:
        """Take in what ran since the last test ended."""
        self._take()
        seen = self.open[-1]
        info = getattr(item, "_fixtureinfo", None)
        for shared in info.name2fixturedefs.values() if info else ():
            for fixture in shared:
                seen |= self.fixtures.get(fixture, set())
        self.seen.append(seen)
        self.seconds[item.nodeid] = round(seconds, 3)
        self.open = [set()]

    def save(self, name: str, digest: str) -> None:
        """Keep what a file's tests executed."""
        tests: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, seen in enumerate(self.seen):
            for place, contract in seen:
                tests[place][contract].append(number)
        _write(self.folder, name, {"digest": digest, "seconds": self.seconds, "tests": tests})
        self.seen, self.seconds = [], {}
