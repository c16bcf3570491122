"""What the Vyper compiler writes of a contract's storage, read without the compiler.

Its `layout` names structs and flags and does not say what they are made of; its `annotated_ast`
does, as syntax. Both together give the layout with whole types, as in `build.Artifact.layout`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import PurePath
from typing import Any, Final

__all__ = ["whole_layout"]

Node = Mapping[str, Any]

_OPERATORS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}

_MAX: Final = 2**256
_MAX_POWER: Final = 256
# The compiler lifts Python's limit on recursion.
_MAX_DEPTH: Final = 64


def whole_layout(layout: Mapping[str, Any], module: Node, others: Iterable[Node]) -> dict[str, Any]:
    """Return a layout of the compiler with its types written out.

    Args:
        layout: the compiler's `layout`.
        module: its `annotated_ast` of the contract.
        others: the same of what the contract imports, directly or not.

    Raises:
        ValueError: what a type is made of does not stand in the syntax.
    """
    modules = {str(each["resolved_path"]): each for each in (module, *others)}
    whole: dict[str, Any] = deepcopy(dict(layout))
    _write(_Module(module, modules), whole)
    return whole


def _write(module: _Module, layout: Mapping[str, Any]) -> None:
    for node in module.body("InitializesDecl", "VariableDecl"):
        if node["ast_type"] == "VariableDecl":
            for rows in layout.values():
                if node["target"]["id"] in rows:
                    rows[node["target"]["id"]]["type"] = module.type_text(node["annotation"])
            continue
        # With what it uses in brackets behind it, or without.
        named = node["annotation"].get("value", node["annotation"])
        inner = {key: rows[named["id"]] for key, rows in layout.items() if named["id"] in rows}
        if inner:
            _write(module.imported(named["id"]), inner)


class _Module:
    """A file's syntax, and what names mean in it."""

    def __init__(self, tree: Node, modules: Mapping[str, Node]) -> None:
        self.tree = tree
        self.modules = modules

    def body(self, *kinds: str) -> Iterator[Node]:
        """Its statements of some kinds."""
        return (node for node in self.tree["body"] if node["ast_type"] in kinds)

    def import_of(self, name: str) -> Node:
        """What the compiler says of an import."""
        for node in self.body("Import", "ImportFrom"):
            info: Node = node.get("import_info", {})
            if info.get("alias") == name:
                return info
        raise ValueError(f"{name} is not defined in {self.tree['path']}")

    def imported(self, name: str) -> _Module:
        """The module that has a name here."""
        info = self.import_of(name)
        if info["resolved_path"] not in self.modules:
            raise ValueError(f"there is no annotated_ast of {info['path']}")
        return _Module(self.modules[info["resolved_path"]], self.modules)

    def owner(self, node: Node) -> _Module:
        """The module that `m` of `m.name` is."""
        outer = self.owner(node["value"]) if node["ast_type"] == "Attribute" else self
        return outer.imported(node["attr"] if node["ast_type"] == "Attribute" else node["id"])

    def type_text(self, node: Node, depth: int = 0) -> str:
        """The type that an annotation is, written out."""
        kind, depth = node["ast_type"], _deeper(depth)
        if kind == "Name":
            return self.named(node["id"], depth)
        if kind == "Attribute":
            if node["attr"] == "__interface__":
                return f"interface {PurePath(self.owner(node['value']).tree['path']).stem}"
            return self.owner(node["value"]).named(node["attr"], depth)
        if kind == "Tuple":
            return f"({', '.join(self.type_text(each, depth) for each in node['elements'])})"
        if kind != "Subscript":
            raise ValueError(f"a type that is {kind}")
        name, inside = node["value"].get("id"), node["slice"]
        if name in {"String", "Bytes"}:
            return f"{name}[{self.number(inside, depth)}]"
        if name == "HashMap":
            key, value = inside["elements"]
            return f"HashMap[{self.type_text(key, depth)}, {self.type_text(value, depth)}]"
        if name == "DynArray":
            element, bound = inside["elements"]
            return f"DynArray[{self.type_text(element, depth)}, {self.number(bound, depth)}]"
        return f"{self.type_text(node['value'], depth)}[{self.number(inside, depth)}]"

    def named(self, name: str, depth: int) -> str:
        """The type that has a name here."""
        for node in self.body("StructDef", "FlagDef", "InterfaceDef"):
            if node["name"] != name:
                continue
            if node["ast_type"] == "InterfaceDef":
                return f"interface {name}"
            if node["ast_type"] == "FlagDef":
                return f"{name}({', '.join(each['value']['id'] for each in node['body'])})"
            members = (
                f"{each['target']['id']}: {self.type_text(each['annotation'], depth)}"
                for each in node["body"]
            )
            return f"{name}{{{', '.join(members)}}}"
        imports = [node.get("import_info", {}) for node in self.body("Import", "ImportFrom")]
        if any(info.get("alias") == name for info in imports):
            # A module is no type, so that it is an interface in a file of its own.
            return f"interface {PurePath(self.import_of(name)['path']).stem}"
        # Of the language: whoever reads the type refuses what is none.
        return name

    def number(self, node: Node, depth: int) -> int:
        """What a length or a bound comes to."""
        kind, depth = node["ast_type"], _deeper(depth)
        if kind == "Int":
            return int(node["value"])
        if kind == "BinOp" and node["op"]["ast_type"] in _OPERATORS:
            operation = node["op"]["ast_type"]
            left, right = (self.number(node[side], depth) for side in ("left", "right"))
            # Nobody's length; and a file may be anybody's.
            if max(left, right) > _MAX or (operation == "Pow" and not 0 <= right <= _MAX_POWER):
                raise ValueError("a length out of bounds")
            return _OPERATORS[operation](left, right)
        if kind == "Attribute":
            return self.owner(node["value"]).constant(node["attr"], depth)
        if kind == "Name":
            return self.constant(node["id"], depth)
        raise ValueError(f"a length that is {kind}")

    def constant(self, name: str, depth: int) -> int:
        """What a constant of this file comes to."""
        for node in self.body("VariableDecl"):
            if node["target"]["id"] == name and node["is_constant"]:
                return self.number(node["value"], depth)
        raise ValueError(f"{name} is no constant of {self.tree['path']}")


def _deeper(depth: int) -> int:
    if depth >= _MAX_DEPTH:
        raise ValueError("a type that is nested too deeply")
    return depth + 1
