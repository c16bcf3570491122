"""Storage layouts of two releases, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tallystick import build

__all__ = ["layout_conflicts", "variables"]


def layout_conflicts(before: build.Artifact, after: build.Artifact) -> list[str]:
    """Say in words where a new storage layout contradicts an old one; empty if it only adds.

    A variable keeps its slot, its name and its type; room that a module reserved may become smaller
    from its start. Where in the tree of modules the variable stands does not matter to storage.
    """
    new = {slot: (name, kind, size) for slot, name, kind, size in variables(after)}
    wrong = []
    for slot, name, kind, size in variables(before):
        if name.endswith("_reserved"):
            within = [at for at in new if slot <= at < slot + size]
            if not within or max(at + new[at][2] for at in within) > slot + size:
                wrong.append(f"slots {slot} to {slot + size - 1} reserved by {name} are crossed")
            continue
        found = new.get(slot)
        if found is None:
            wrong.append(f"slot {slot} ({name}: {kind}) is gone")
        elif (found[0].rpartition(".")[2], found[1]) != (name.rpartition(".")[2], kind):
            wrong.append(f"slot {slot} was {name}: {kind} and is {found[0]}: {found[1]}")
    return wrong


def variables(
    artifact: build.Artifact, section: str = "storage_layout"
) -> Iterator[tuple[int, str, str, int]]:
    """(slot, dotted name, type, slots) of every variable that is stored, or stored for one call."""

    def walk(node: Mapping[str, Any], path: str) -> Iterator[tuple[int, str, str, int]]:
        for name, entry in node.items():
            if isinstance(entry.get("slot"), int):
                yield entry["slot"], path + name, str(entry["type"]), int(entry["n_slots"])
            else:
                yield from walk(entry, f"{path}{name}.")

    yield from walk(artifact.layout.get(section, {}), "")
