"""Which mutants a run takes, and which were judged by hand to change nothing."""

from __future__ import annotations

import random
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutation.operators import Mutant, events_of, mutants
from tools.vyper_source import parse, source_paths


def all_mutants(root: Path, folders: Sequence[str]) -> list[Mutant]:
    """Every mutant of the Vyper files in some folders, in the order of files and text.

    Raises:
        VyperException: a file does not parse.
    """
    files = [
        parse(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in source_paths(root)
    ]
    # An event may be declared in any file that another imports.
    events = events_of(files)
    return [
        mutant
        for source in files
        if not source.is_interface and source.path.startswith(tuple(f"{name}/" for name in folders))
        for mutant in mutants(source, events)
    ]


def drawn(found: Sequence[Mutant], seed: int) -> list[Mutant]:
    """All mutants in the order in which a run takes them.

    First one of each function, of an operator drawn among the function's, so that no function and
    no rare operator is left out; then the others, all alike.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample that can be drawn again
    functions: dict[tuple[str, str], dict[str, list[Mutant]]] = defaultdict(dict)
    for mutant in found:
        of = functions[mutant.path, mutant.function]
        of.setdefault(mutant.operator, []).append(mutant)
    first = [rng.choice(of[rng.choice(sorted(of))]) for _, of in sorted(functions.items())]
    rng.shuffle(first)
    taken = {mutant.key for mutant in first}
    rest = [mutant for mutant in found if mutant.key not in taken]
    rng.shuffle(rest)
    return first + rest


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can tell from the original, and why. Not by line: lines move."""

    path: str
    function: str
    before: str
    after: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        """Whether it is this mutant."""
        known = (self.path, self.function, self.before, self.after)
        return known == (mutant.path, mutant.function, mutant.before, mutant.after)


def equivalents(path: Path) -> list[Equivalent]:
    """The judgements of a file; none where there is no file.

    Raises:
        TypeError: an entry lacks a field or has one too many.
    """
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [Equivalent(**entry) for entry in tomllib.load(file).get("mutant", [])]
