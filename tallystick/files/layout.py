"""Layouts as files have them: Vyper sources, archives, artifacts of this build, compiler's outputs.

`load_layout(path)` returns it, or raises `InputError`: one line that names the file, the field, the
value and what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from tallystick import build
from tallystick.errors import InputError
from tallystick.files.strict import joined
from tallystick.files.vyper_output import whole_layout
from tallystick.governance.layout import CODE, LOCK, SECTIONS, variables
from tallystick.governance.stored_type import Type, parse_type
from tallystick.storage import read_documents

__all__ = [
    "SCHEMA",
    "LayoutFile",
    "check_layout",
    "check_renames",
    "layout_json",
    "load_layout",
]

SCHEMA: Final = "tallystick.layout/1"
# Syntax trees are deep; more than this is nobody's contract.
_MAX_DEPTH: Final = 250
_WANTED: Final = (
    "a layout: a Vyper source (.vy), the archive of a release, an artifact, or the compiler's "
    "output with layout and annotated_ast"
)


@dataclass(frozen=True)
class LayoutFile:
    """A contract's layout, and where it comes from.

    Attributes:
        path: the file that was read.
        name: the contract's.
        layout: as in `build.Artifact.layout`.
        sources: paths of what was compiled to tell it, but for packages; empty if nothing was.
    """

    path: Path
    name: str
    layout: Mapping[str, Any]
    sources: frozenset[str] = frozenset()


def load_layout(
    path: Path,
    *,
    contract: str = "",
    search_paths: Sequence[Path] = (),
    evm_version: str | None = None,
) -> LayoutFile:
    """Read the layout that a file has.

    Args:
        path: the file; what it is, it says itself.
        contract: which contract's, where the file has several.
        search_paths: where the imports of a source are looked for, the last one first.
        evm_version: what a source is compiled for; its pragma goes before.

    Raises:
        InputError: it has none, or several; a type of it is not written out; it does not compile.
    """
    if path.suffix == ".vy" and path.is_file():
        try:
            layout, sources = build.compile_layout(path, search_paths, evm_version)
        except build.BuildError as error:
            # The compiler's first line; what stands below it shows the place.
            said = (str(error).splitlines()[1:2] or [str(error)])[0]
            wanted = "a contract that this compiler compiles, or the output of its own compiler"
            raise InputError(path, "source", said, wanted) from None
        return LayoutFile(path, path.stem, layout, sources)
    documents = read_documents(path, _MAX_DEPTH)
    try:
        name, layout = _told(path, documents, contract)
    except ValueError as error:
        raise InputError(path, "types", str(error), _WANTED) from None
    except (KeyError, TypeError, AttributeError, ArithmeticError):
        raise InputError(path, "annotated_ast", "another shape", _WANTED) from None
    check_layout(path, "", layout)
    return LayoutFile(path, name, layout)


def check_layout(path: Path, at: str, layout: Mapping[str, Any]) -> None:
    """Refuse a layout, found in a file under a field, that `governance.layout` could not compare.

    Raises:
        InputError: something is no variable, or its type does not say what it is made of.
    """
    for section, rows in layout.items():
        if section in SECTIONS:
            _check(path, joined(at, section), section, rows)


def layout_json(file: LayoutFile) -> dict[str, Any]:
    """Return what keeps a layout in a file of its own, for `load_layout` to read later."""
    return {"schema": SCHEMA, "name": file.name, "layout": file.layout}


def _told(path: Path, documents: list[Any], contract: str) -> tuple[str, dict[str, Any]]:
    """The contract's name, and its layout with whole types."""
    if not documents or not all(isinstance(each, dict) for each in documents):
        raise InputError(path, "", documents[0] if documents else None, _WANTED)
    first = documents[0]
    if "contracts" in first:
        return _standard(path, first, contract)
    if "pieces" in first:
        # An archive: all pieces of a release have the storage of the first.
        return str(first["contract"]), first["pieces"][0]["layout"]
    if isinstance(first.get("layout"), dict):
        return str(first.get("name", path.stem)), first["layout"]
    layouts = [each for each in documents if not each.keys() - set(SECTIONS)]
    trees = [each for each in documents if isinstance(each.get("ast"), dict)]
    if len(layouts) != 1:
        found = f"{len(layouts)} layouts"
        raise InputError(path, "", found, _WANTED)
    if not trees:
        return path.stem, layouts[0]
    # Of modules that the compiler leaves out, as 0.4.0 does, the trees may be appended.
    module = trees[0]["ast"]
    others = [each for tree in trees for each in (tree["ast"], *tree.get("imports", ()))]
    return PurePath(str(module["path"])).stem, whole_layout(layouts[0], module, others)


def _standard(path: Path, output: Mapping[str, Any], contract: str) -> tuple[str, dict[str, Any]]:
    """The same of a standard-JSON output."""
    known = {
        name: (source, entry["layout"])
        for source, names in output["contracts"].items()
        for name, entry in names.items()
        if "layout" in entry and contract in {"", name}
    }
    if len(known) != 1:
        names = ", ".join(sorted(known)) or contract or None
        wanted = "one contract with a layout: --contract says which"
        raise InputError(path, "contracts", names, wanted)
    ((name, (source, layout)),) = known.items()
    trees = {
        where: entry["annotated_ast"]
        for where, entry in output.get("sources", {}).items()
        if "annotated_ast" in entry
    }
    if source not in trees:
        return name, layout
    return name, whole_layout(layout, trees[source], trees.values())


def _check(path: Path, field: str, section: str, node: Any) -> None:
    """Refuse what is no variable, and what does not say what it is made of."""
    if not isinstance(node, dict):
        raise InputError(path, field, node, "a variable, or a module with variables")
    if not isinstance(node.get("type"), str):
        for name, inner in node.items():
            _check(path, f"{field}.{name}", section, inner)
        return
    for key in ("offset", "length") if section == CODE else ("slot", "n_slots"):
        if not isinstance(node.get(key), int) or node[key] < 0:
            raise InputError(path, f"{field}.{key}", node.get(key), "a whole number")
    if field.endswith(LOCK):
        return
    try:
        slots = parse_type(node["type"]).slots
    except ValueError as error:
        wanted = f"a type with all its members ({error}): vyper -f layout,annotated_ast"
        raise InputError(path, f"{field}.type", node["type"], wanted) from None
    if section != CODE and slots != node["n_slots"]:
        raise InputError(path, f"{field}.n_slots", node["n_slots"], f"{slots}, as its type")


def check_renames(before: LayoutFile, after: LayoutFile, renames: Mapping[str, str]) -> None:
    """Refuse a rename of what there is not.

    Raises:
        InputError: a name is of no variable, module, or member of a struct or flag.
    """
    for which, file, names in (
        ("old", before, renames.keys()),
        ("new", after, renames.values()),
    ):
        known = set(_names(file.layout))
        for name in names:
            if name not in known:
                wanted = f"a variable, module, or Struct.member of the {which} layout"
                raise InputError(file.path, "--rename", name, wanted)


def _names(layout: Mapping[str, Any]) -> Iterator[str]:
    def members(kind: Type) -> Iterator[str]:
        yield from (f"{kind.name}.{label}" for label in kind.labels)
        for name, part in kind.parts:
            yield f"{kind.name}.{name}"
            yield from members(part)

    for section in SECTIONS:
        for each in variables(layout, section):
            parts = each.name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
            if each.name != LOCK:
                yield from members(parse_type(each.kind))
