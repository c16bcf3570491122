"""The rule of direction: a room of the package imports rooms further down, never up or sideways.

`LAYERS` is the one list of rooms; `docs/architecture.md` draws it from here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.report import ROOT, Finding, print_findings

PACKAGE: Final = "tallystick"
# Lowest first. Rooms of one layer do not import one another, but for those of the first and of the
# contracts' words, where a word may stand on another that is told before it.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("text", "errors", "storage", "build"),
    ("chain",),
    ("governance", "token", "registry", "bridge"),
    ("files",),
    ("reach",),
    ("deploy", "status", "courier"),
    ("local",),
    ("demo", "kit"),
    ("cli",),
)
# Layers whose rooms may import those named before them.
_ORDERED: Final = frozenset({0, 2})
# What only these rooms may import: everybody's keys, and what prints.
_ONLY: Final[Mapping[str, frozenset[str]]] = {"rich": frozenset({"cli"})}


def room_of(module: str) -> str:
    """Return the room of a module: `tallystick.chain.base` is in `chain`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def allowed(room: str, other: str) -> bool:
    """Whether a module of `room` may import one of `other`."""
    places = {name: (at, layer.index(name)) for at, layer in enumerate(LAYERS) for name in layer}
    if room == other or other not in places:
        return True
    (above, mine), (below, its) = places[room], places[other]
    return below < above or (below == above and above in _ORDERED and its < mine)


def check(files: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Check (path, text) pairs of the package; yields each import that goes the wrong way."""
    rooms = {name for layer in LAYERS for name in layer}
    for path, text in files:
        parts = Path(path).with_suffix("").parts
        room = parts[1] if len(parts) > 1 else ""
        if room in {"__init__", "__main__"}:
            continue
        if room not in rooms:
            yield Finding(path, 1, f"{room} is no room: add it to LAYERS", "direction")
            continue
        for line, name in imports_of(ast.parse(text)):
            top = name.split(".")[0]
            if top == PACKAGE and not allowed(room, room_of(name)):
                message = f"{room} imports {room_of(name)}, which does not stand below it"
                yield Finding(path, line, message, "direction")
            if room not in _ONLY.get(top, rooms):
                yield Finding(path, line, f"{room} imports {top}: only cli prints", "direction")


def check_all() -> list[Finding]:
    """Check the package as it is."""
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    return list(check((str(p.relative_to(ROOT)), p.read_text()) for p in paths))


if __name__ == "__main__":
    sys.exit(print_findings(check_all()))
