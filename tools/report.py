"""What every check reports, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule at one place."""

    path: str
    line: int
    message: str
    rule: str = ""

    def __str__(self) -> str:
        suffix = f" [{self.rule}]" if self.rule else ""
        return f"{self.path}:{self.line}: {self.message}{suffix}"


def print_findings(findings: Iterable[Finding]) -> int:
    """Print in the order of the files and return how many there were."""
    ordered = sorted(set(findings))
    for finding in ordered:
        print(finding)
    return len(ordered)


def write(root: Path, target: Path, text: str) -> int:
    """Write a generated document and say so."""
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    (root / target).write_text(text, encoding="utf-8")
    print(f"wrote {target}")
    return 0
