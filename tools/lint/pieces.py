"""Contracts in several pieces: they fit, and nothing that they should have is in none.

Whether storage and functions of the pieces fit, the package says itself, as it does before a
release is prepared. What the compiler's `implements` says of a contract in one piece is said here:
each function of the contract's interface, and each of the modules of which the pieces are made, is
in one of them. What they have beyond that is in the snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tallystick.build import Artifact
from tallystick.governance.pieces import misfits
from tools.compiling import contracts, interface_abi
from tools.report import ROOT, Finding
from tools.snapshots import canonical_type, selector, signature
from tools.vyper_source import VyperSource, code_of, decorators, load_tree


def check_fit(item: Artifact) -> Iterator[Finding]:
    """All run on the first one's storage, and no function hides another."""
    for message in misfits(item):
        yield Finding(item.source_path, 1, message, "pieces")


def check_interface(item: Artifact, interface: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Each function of the interface is in one of the pieces, and answers the same."""
    offered = {selector(e): _returned(e) for e in item.abi if e["type"] == "function"}
    for entry in interface:
        if entry["type"] == "function" and offered.get(selector(entry)) != _returned(entry):
            message = f"{signature(entry)} of I{item.name} is in no piece"
            yield Finding(item.source_path, 1, message, "pieces")


def check_modules(item: Artifact, sources: Iterable[VyperSource]) -> Iterator[Finding]:
    """Each external function of the modules is exported by one of the pieces."""
    known = {source.path: source for source in sources}
    modules = {source.import_path: source for source in known.values()}
    offered = {
        name.partition("(")[0]
        for piece in (item, *item.behind)
        for name in piece.method_identifiers
    }
    first = known[item.source_path]
    paths = {node.name: f"{node.module}.{node.name}" for node in first.top_level("ImportFrom")}
    for node in first.top_level("InitializesDecl"):
        name = code_of(node.annotation).partition("[")[0].strip()
        module = modules[paths[name]]
        for function, line in _externals(module):
            if function not in offered:
                message = f"{function}: no piece of {item.name} exports it"
                yield Finding(module.path, line, message, "pieces")


def _returned(entry: Mapping[str, Any]) -> tuple[list[str], str]:
    return [canonical_type(part) for part in entry["outputs"]], entry["stateMutability"]


def _externals(module: VyperSource) -> Iterator[tuple[str, int]]:
    for function in module.functions():
        if "external" in decorators(function):
            yield function.name, function.lineno
    for variable in module.top_level("VariableDecl"):
        if variable.is_public:
            yield variable.target.id, variable.lineno


def check_all() -> Iterator[Finding]:
    """Every contract of the suite that is in several pieces."""
    sources, _ = load_tree(ROOT)
    for item in contracts(ROOT):
        if item.behind:
            yield from check_fit(item)
            yield from check_interface(item, interface_abi(ROOT, f"interfaces/I{item.name}.vyi"))
            yield from check_modules(item, sources)
