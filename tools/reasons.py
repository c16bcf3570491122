"""Revert reasons and custom errors of the suite, read from the sources.

Used by the lint (form, uniqueness) and by the generator of docs/errors.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tools.vyper_source import VyperSource, code_of


@dataclass(frozen=True)
class Reason:
    """One place where the suite reverts on purpose; `text` is None without a readable reason."""

    path: str
    line: int
    function: str
    condition: str
    text: str | None


@dataclass(frozen=True)
class CustomError:
    """One place that reverts with an ABI-encoded error; `signature` is None if not literal."""

    path: str
    line: int
    function: str
    signature: str | None


def _string_constants(sources: Iterable[VyperSource]) -> dict[tuple[str, str], str]:
    """(import path, name) -> value for every String constant of the suite."""
    constants: dict[tuple[str, str], str] = {}
    for source in sources:
        for node in source.top_level("VariableDecl"):
            if node.is_constant and type(node.value).__name__ == "Str":
                constants[source.import_path, node.target.id] = node.value.value
    return constants


def _import_aliases(source: VyperSource) -> dict[str, str]:
    """Local name -> dotted path of each imported module."""
    return {
        node.alias or node.name: f"{node.module}.{node.name}"
        for node in source.top_level("ImportFrom")
        if node.module
    }


def _reason_text(
    message: Any, source: VyperSource, constants: dict[tuple[str, str], str]
) -> str | None:
    kind = type(message).__name__
    if kind == "Call" and code_of(message.func) == "concat":
        # What stands after the reason is for whoever reads it.
        return _reason_text(message.args[0], source, constants)
    if kind == "Str":
        return str(message.value)
    if kind == "Name":
        return constants.get((source.import_path, message.id))
    if kind == "Attribute" and type(message.value).__name__ == "Name":
        module = _import_aliases(source).get(message.value.id, "")
        return constants.get((module, message.attr))
    return None


def collect_reasons(sources: Iterable[VyperSource]) -> list[Reason]:
    """Every `assert` and `raise`, file by file in the order of the text."""
    everything = list(sources)
    constants = _string_constants(everything)
    reasons: list[Reason] = []
    for source in everything:
        found: list[Reason] = []
        for function, node in source.descendants("Assert"):
            text = _reason_text(node.msg, source, constants) if node.msg else None
            name = function.name if function else ""
            found.append(
                Reason(source.path, node.lineno, name, f"unless `{code_of(node.test)}`", text)
            )
        for function, node in source.descendants("Raise"):
            text = _reason_text(node.exc, source, constants) if node.exc else None
            name = function.name if function else ""
            found.append(Reason(source.path, node.lineno, name, _guard(node), text))
        reasons += sorted(found, key=lambda reason: reason.line)
    return reasons


def _guard(node: Any) -> str:
    """What leads to a `raise`: the condition of the `if` around it, if there is one."""
    child, parent = node, node.get_ancestor()
    while parent is not None and type(parent).__name__ not in {"If", "FunctionDef", "Module"}:
        child, parent = parent, parent.get_ancestor()
    if parent is None or type(parent).__name__ != "If":
        return "whenever it is reached"
    inside_else = any(child is item for item in parent.orelse)
    return f"{'unless' if inside_else else 'when'} `{code_of(parent.test)}`"


def collect_custom_errors(sources: Iterable[VyperSource]) -> list[CustomError]:
    """Every `raw_revert`, with the signature given to `method_id` inside it."""
    errors: list[CustomError] = []
    for source in sources:
        for function, node in source.descendants("Call"):
            if getattr(node.func, "id", "") != "raw_revert":
                continue
            signatures = [
                call.args[0].value
                for call in node.get_descendants()
                if type(call).__name__ == "Call"
                and getattr(call.func, "id", "") == "method_id"
                and call.args
                and type(call.args[0]).__name__ == "Str"
            ]
            name = function.name if function else ""
            signature = signatures[0] if len(signatures) == 1 else None
            errors.append(CustomError(source.path, node.lineno, name, signature))
    return errors
