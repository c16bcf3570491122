"""Which tests execute a statement, in which contracts, and the order that follows for a mutant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tallystick.build import Artifact, artifact, names
from tallystick.storage import write_whole
from tools.coverage.mapping import build_suite
from tools.coverage.record import Collected, Recorder, identify, resolve
from tools.mutation.operators import Mutant

# Seconds from which a test waits until the quick ones have had their turn, and until all others
# have: random play is dear, and seldom what finds a fault first.
_SLOW = 0.5
_LAST = 10.0
# Beside the files of tests: what has code at all.
_CODED = "coded"

# "path:line" of a statement -> tests that executed it, or contracts that it was executed in.
Places = dict[str, list[str]]


@dataclass
class Reach:
    """What one run over unchanged sources showed, of some files of tests."""

    # Test -> seconds of its call.
    seconds: dict[str, float] = field(default_factory=dict)
    tests: Places = field(default_factory=dict)
    contracts: Places = field(default_factory=dict)
    # Contracts that have code of a statement, whether or not it was executed.
    coded: Places = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, digests: Mapping[str, str]) -> Reach:
        """Of these files of tests; those that changed since, or were not run, say nothing."""
        reach = cls(coded=_read(folder, _CODED))
        for name, digest in digests.items():
            data = _read(folder, name)
            if data.get("digest") == digest:
                reach.seconds |= data["seconds"]
                for known, new in ((reach.tests, "tests"), (reach.contracts, "contracts")):
                    for place, found in data[new].items():
                        known.setdefault(place, []).extend(found)
        return reach

    @staticmethod
    def missing(folder: Path, digests: Mapping[str, str]) -> list[str]:
        """The files of tests that have to be run."""
        return [
            name for name, digest in digests.items() if _read(folder, name).get("digest") != digest
        ]

    def compiled(self, mutant: Mutant) -> list[str] | None:
        """The contracts that a mutant can be told by; None: any that has its file."""
        place = _place(mutant)
        found = self.contracts.get(place) or self.coded.get(place)
        return sorted(set(found)) if found else None

    def ordered(self, mutant: Mutant, of: Sequence[str]) -> list[str]:
        """The tests of some files that can tell a mutant, those first that are likely to soon.

        Where nothing is known of its statement: all. The quick before the slow, and file by file,
        since a file's tests share what they deploy: the folder that mirrors the contract's first.
        """
        place = _place(mutant)
        known = set(self.tests.get(place, ()) if place in self.coded else self.seconds)
        tests = [test for test in self.seconds if test in known and test.startswith(tuple(of))]
        mirrored = "tests/" + mutant.path.split("/")[1] + "/"

        def turn(test: str) -> int:
            return (self.seconds[test] >= _SLOW) + (self.seconds[test] >= _LAST)

        def rank() -> Iterator[tuple[int, bool, float, str, str]]:
            spent: dict[tuple[int, str], float] = defaultdict(float)
            for test in tests:
                spent[turn(test), test.partition("::")[0]] += self.seconds[test]
            for test in tests:
                place = (turn(test), test.partition("::")[0])
                yield place[0], not test.startswith(mirrored), spent[place], place[1], test

        # Stable: inside a file the tests keep their order.
        return [row[4] for row in sorted(rank(), key=lambda row: row[:4])]


def _place(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.statement}"


def _file(folder: Path, name: str) -> Path:
    return folder / (name.replace("/", "+").replace("::", "+") + ".json")


def _read(folder: Path, name: str) -> dict[str, Any]:
    file = _file(folder, name)
    return dict(json.loads(file.read_bytes())) if file.exists() else {}


# --- the run over unchanged sources ------------------------------------------------------------

Seen = defaultdict[str, set[str]]


class Reaching:
    """Fills a folder for `Reach` while tests run with `recorder` as the tracer."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.contracts = [artifact(name) for name in names()]
        self.suite = build_suite(self.contracts, root)
        self.same = _same(self.contracts)
        self.recorder = Recorder()
        # What this test and the fixtures that are being set up executed, innermost last.
        self.open: list[Seen] = [defaultdict(set)]
        self.fixtures: dict[Any, Seen] = {}
        self.tests: dict[str, Seen] = {}
        self.seconds: dict[str, float] = {}
        coded: Seen = defaultdict(set)
        for key, code in self.suite.maps.items():
            for found in (*code.statements.values(), *code.taken_statements.values()):
                coded[f"{found.path}:{found.line}"].add(key.partition(":")[0])
        write_whole(_file(folder, _CODED), _json(coded))

    def _take(self) -> None:
        """What ran since the last time."""
        for key, executed in identify(self.recorder, self.contracts).executed.items():
            covered = resolve(Collected({key: executed}), self.suite)
            for place in covered.statements:
                self.open[-1][f"{place.path}:{place.line}"] |= self.same[key]
        self.recorder.by_code.clear()

    def begin(self) -> None:
        """A fixture that several tests share is about to be set up."""
        self._take()
        self.open.append(defaultdict(set))

    def end(self, fixture: Any) -> None:
        """It is set up; what that executed, each test that uses it executed."""
        self._take()
        seen = self.open.pop()
        self.fixtures[fixture] = seen
        _merge(self.open[-1], seen)

    def done(self, item: pytest.Item, seconds: float) -> None:
        """Take in what ran since the last test ended."""
        self._take()
        seen = self.open[-1]
        info = getattr(item, "_fixtureinfo", None)
        for shared in info.name2fixturedefs.values() if info else ():
            for fixture in shared:
                _merge(seen, self.fixtures.get(fixture, {}))
        self.tests[item.nodeid], self.open = seen, [defaultdict(set)]
        self.seconds[item.nodeid] = round(seconds, 3)

    def save(self, name: str, digest: str) -> None:
        """Keep what a file's tests executed."""
        tests: Seen = defaultdict(set)
        contracts: Seen = defaultdict(set)
        for test, seen in self.tests.items():
            for place, found in seen.items():
                tests[place].add(test)
                contracts[place] |= found
        data = {"digest": digest, "seconds": self.seconds, "tests": tests, "contracts": contracts}
        write_whole(_file(self.folder, name), _json(data))
        self.tests, self.seconds = {}, {}


def _merge(into: Seen, seen: Mapping[str, set[str]]) -> None:
    for place, found in seen.items():
        into[place] |= found


def _json(data: Any) -> bytes:
    return json.dumps(data, default=sorted).encode()


def _same(contracts: Iterable[Artifact]) -> dict[str, set[str]]:
    """Contract and kind of code -> all that have this code, such as a derived copy of a piece."""
    by_code: dict[tuple[str, bytes], set[str]] = defaultdict(set)
    keys = {}
    for item in contracts:
        for kind, code in (("runtime", item.bytecode_runtime), ("deployment", item.bytecode)):
            by_code[kind, code].add(item.name)
            keys[f"{item.name}:{kind}"] = kind, code
    return {key: by_code[code] for key, code in keys.items()}
