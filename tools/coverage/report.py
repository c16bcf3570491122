"""Table and file: what of the sources ran, what did not, which branch went one way only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.coverage.mapping import Suite
from tools.coverage.record import Covered

SCHEMA = "tallystick.coverage/1"
_WORDS = {"If": "if", "IfExp": "if … else", "Assert": "assert", "BoolOp": "and/or", "For": "for"}


@dataclass
class FileCoverage:
    """One source file."""

    path: str
    statements: int = 0
    executed: int = 0
    outcomes: int = 0
    seen: int = 0
    missed_lines: set[int] = field(default_factory=set)
    # (line, what it is, the way that was never seen)
    half_taken: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Share of statements and branch outcomes together."""
        total = self.statements + self.outcomes
        return 100.0 * (self.executed + self.seen) / total if total else 100.0


def compare(suite: Suite, covered: Covered) -> list[FileCoverage]:
    """File by file of the suite; what only tests deploy is left out."""
    files: dict[str, FileCoverage] = {}

    def of(path: str) -> FileCoverage:
        return files.setdefault(path, FileCoverage(path))

    for place in suite.statements():
        item = of(place.path)
        item.statements += 1
        if place in covered.statements:
            item.executed += 1
        else:
            item.missed_lines.add(place.line)
    for branch, ways in suite.branches().items():
        item = of(branch.path)
        seen = {way for way in ways if (branch, way) in covered.outcomes}
        item.outcomes += len(ways)
        item.seen += len(seen)
        # A branch that was not reached at all shows among the missed lines already.
        if len(seen) == 1:
            (missing,) = ways - seen
            item.half_taken.append((branch.line, _WORDS[branch.kind], missing))
    kept = [item for item in files.values() if item.path.startswith("contracts/")]
    for item in kept:
        item.half_taken.sort()
    return sorted(kept, key=lambda item: item.path)


def total_percent(files: list[FileCoverage]) -> float:
    """Over all files."""
    whole = sum(item.statements + item.outcomes for item in files)
    done = sum(item.executed + item.seen for item in files)
    return 100.0 * done / whole if whole else 100.0


def line_ranges(lines: set[int]) -> str:
    """Lines as ranges: 1-3, 7."""
    ranges: list[list[int]] = []
    for line in sorted(lines):
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def table(files: list[FileCoverage]) -> list[str]:
    """Lines for the terminal."""
    width = max([len(item.path) for item in files] + [len("source")])
    lines = [f"{'source':<{width}}  stmts  missed  branches  missed   cover"]
    for item in files:
        lines.append(
            f"{item.path:<{width}}  {item.statements:5d}  {item.statements - item.executed:6d}"
            f"  {item.outcomes:8d}  {item.outcomes - item.seen:6d}  {item.percent:5.1f} %"
        )
        if item.missed_lines:
            lines.append(f"    never executed: {line_ranges(item.missed_lines)}")
        grouped: dict[tuple[str, str], set[int]] = {}
        for line, kind, missing in item.half_taken:
            grouped.setdefault((kind, missing), set()).add(line)
        for (kind, missing), numbers in sorted(grouped.items()):
            listed = ", ".join(str(number) for number in sorted(numbers))
            lines.append(f"    `{kind}` never {missing}: {listed}")
    lines.append(f"{'total':<{width}}  {'':33}{total_percent(files):5.1f} %")
    return lines


def as_json(files: list[FileCoverage]) -> dict[str, Any]:
    """For other tools."""
    return {
        "schema": SCHEMA,
        "percent": round(total_percent(files), 2),
        "files": {
            item.path: {
                "percent": round(item.percent, 2),
                "statements": item.statements,
                "executed": item.executed,
                "missed_lines": sorted(item.missed_lines),
                "branch_outcomes": item.outcomes,
                "outcomes_seen": item.seen,
                "half_taken": [
                    {"line": line, "kind": kind, "never": missing}
                    for line, kind, missing in item.half_taken
                ],
            }
            for item in files
        },
    }


def write_json(path: Path, files: list[FileCoverage]) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(files), indent=1) + "\n", encoding="utf-8")
