"""Reads the numbered requirements of docs/spec.md: `| INV-1 | text | claimed | where |`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STATUSES = ("claimed", "planned")
_ID = re.compile(r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*-[0-9]+[a-z]?$")


@dataclass(frozen=True)
class Requirement:
    """One row."""

    id: str
    text: str
    status: str
    where: str
    line: int


class SpecError(Exception):
    """The document can't be read; the text says where and why."""


def parse_spec(text: str, path: str = "docs/spec.md") -> dict[str, Requirement]:
    """Requirements by id, in the order of the document."""
    found: dict[str, Requirement] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith("|"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        identifier = cells[0].strip("*`")
        if not _ID.match(identifier):
            continue
        if len(cells) < 4:
            raise SpecError(
                f"{path}:{number}: {identifier}: expected | id | text | status | where |"
            )
        status = cells[2].strip("*`")
        if status not in STATUSES:
            expected = " or ".join(STATUSES)
            raise SpecError(
                f"{path}:{number}: {identifier}: status {status!r}, expected {expected}"
            )
        if identifier in found:
            first = found[identifier].line
            raise SpecError(f"{path}:{number}: {identifier} is defined in line {first} already")
        found[identifier] = Requirement(identifier, cells[1], status, cells[3], number)
    if not found:
        raise SpecError(f"{path}:1: no row | id | text | status | where |")
    return found


def read_spec(path: Path) -> dict[str, Requirement]:
    """Requirements of a file."""
    if not path.exists():
        raise SpecError(f"{path.name} is missing: the requirement trace needs it")
    return parse_spec(path.read_text(encoding="utf-8"))
