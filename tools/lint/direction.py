"""The rule of direction: a room of the package imports rooms further down, never up or sideways.

`LAYERS` is the one list of rooms. `docs/architecture.md` draws it from here (`--write`), and what
that page names in code has to be there.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.report import ROOT, Finding, print_findings

PACKAGE: Final = "tallystick"
# Lowest first. Rooms of one layer do not import one another, but for those of the first and of the
# contracts' words, where a word may stand on another that is told before it.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("text", "errors", "storage", "signing", "build"),
    ("chain",),
    ("governance", "token", "registry", "bridge", "actions"),
    ("files",),
    ("reach",),
    ("deploy", "status", "courier", "events", "acts"),
    ("local",),
    ("demo", "kit"),
    ("cli",),
)
# Layers whose rooms may import those named before them.
_ORDERED: Final = frozenset({0, 2})
# What only these rooms may import: everybody's keys, and what prints.
_ONLY: Final[Mapping[str, frozenset[str]]] = {"rich": frozenset({"cli"})}


DOCUMENT: Final = Path("docs/architecture.md")
_DRAWING: Final = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)
# `file function`, the file from the package or from contracts/.
_NAMED: Final = re.compile(r"`([\w/]+\.(?:py|vy)) ([\w.]+)`")


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


def drawing() -> str:
    """Return the layers as a Mermaid graph, highest on top, each pointing at what it stands on."""
    lines = ["```mermaid", "flowchart TD"]
    for at, layer in reversed(list(enumerate(LAYERS))):
        lines.append(f'  L{at}["{" · ".join(layer)}"]')
    lines += [f"  L{at} --> L{at - 1}" for at in range(len(LAYERS) - 1, 0, -1)]
    return "\n".join([*lines, "```", ""])


def check_document(text: str) -> Iterator[Finding]:
    """Check that the page draws the layers as they are, and names only what is there."""
    path = str(DOCUMENT)
    found = _DRAWING.search(text)
    if found is None or found.group() != drawing():
        message = "the layers are drawn otherwise: python -m tools.lint.direction --write"
        yield Finding(path, 1, message, "direction")
    for number, line in enumerate(text.splitlines(), 1):
        for file, name in _NAMED.findall(line):
            source = ROOT / ("contracts" if file.endswith(".vy") else PACKAGE) / file
            last = name.rpartition(".")[2]
            pattern = rf"^\s*(?:def|class|event)\s+{re.escape(last)}\b|^{re.escape(last)}\b.*="
            if not source.is_file() or not re.search(pattern, source.read_text(), re.MULTILINE):
                yield Finding(path, number, f"there is no {name} in {file}", "direction")


def check_all() -> list[Finding]:
    """Check the package and its page as they are."""
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    found = list(check((str(p.relative_to(ROOT)), p.read_text()) for p in paths))
    return [*found, *check_document((ROOT / DOCUMENT).read_text())]


def main(arguments: list[str]) -> int:
    """Draw the layers into the page, or check."""
    if "--write" in arguments:
        page = ROOT / DOCUMENT
        page.write_text(_DRAWING.sub(lambda _: drawing(), page.read_text(), count=1))
        return 0
    return 1 if print_findings(check_all()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
