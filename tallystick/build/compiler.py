"""One run of the pinned compiler: a source becomes an artifact, its errors named in the ABI."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["BuildError", "abi_parameter", "compile_source", "compiler_version"]


class BuildError(Exception):
    """A contract is missing, does not compile, or there is nothing to compile it with."""


@functools.cache
def compiler_version() -> str | None:
    """Return the version of the compiler, None where there is none."""
    # From the metadata: importing the compiler takes longer than loading every cached artifact.
    try:
        return importlib.metadata.version("vyper")
    except importlib.metadata.PackageNotFoundError:
        return None


def compile_source(root: Path, path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Returns the artifact as JSON, its debug part, and the digests of its sources."""
    from vyper.compiler import outputs_from_compiler_data
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData
    from vyper.compiler.settings import Settings

    bundle = FilesystemInputBundle([root])
    formats = (
        "abi",
        "bytecode",
        "bytecode_runtime",
        "method_identifiers",
        "layout",
        "source_map",
        "source_map_runtime",
        "annotated_ast_dict",
    )
    try:
        with warnings.catch_warnings():
            # It is meant: ReleaseProxy declares an array up to the ERC-1967 slot, so that the next
            # variable lies in that slot. Nothing is ever stored in the array, or reads it.
            warnings.filterwarnings("ignore", message="Use of large arrays can be unsafe!")
            data = CompilerData(bundle.load_file(str(path)), bundle, settings=Settings())
            out = outputs_from_compiler_data(data, formats)
    except Exception as error:  # the compiler raises dozens of unrelated classes
        raise BuildError(f"{path.as_posix()} does not compile:\n{error}") from error

    target = data.annotated_vyper_module
    files = {target.resolved_path: target}
    for module in _reachable(target):
        files[module.resolved_path] = module
    sources = {}
    for resolved, module in sorted(files.items()):
        file = Path(resolved)
        # Files of the compiler itself are covered by its version. What was compiled is hashed, not
        # what the file says by now.
        if file.is_relative_to(root):
            digest = hashlib.sha256(module.full_source_code.encode()).hexdigest()
            sources[file.relative_to(root).as_posix()] = digest

    abi = list(out["abi"])
    taken = {(e["name"], tuple(i["type"] for i in e["inputs"])) for e in abi if _is_error(e)}
    raised = {error for module in files.values() for error in _raised_errors(module)}
    # Of one that is raised in several places, the place that names the most.
    for signature, names in sorted(raised, key=lambda e: (e[0], e[1].count(""), e[1])):
        entry = _error_entry(signature, names)
        key = (entry["name"], tuple(i["type"] for i in entry["inputs"]))
        if key not in taken:
            taken.add(key)
            abi.append(entry)

    head = {
        "name": path.stem,
        "source_path": path.as_posix(),
        "abi": abi,
        "bytecode": out["bytecode"],
        "bytecode_runtime": out["bytecode_runtime"],
        "method_identifiers": out["method_identifiers"],
        # Types of interfaces are named by path, whole where the caller stands outside the sources.
        "layout": json.loads(json.dumps(out["layout"]).replace(f"{root.as_posix()}/", "")),
        **_notes(target),
        "immutables_length": target._metadata["type"].immutable_section_bytes,  # noqa: SLF001
    }
    debug = {
        "source_map": out["source_map"],
        "source_map_runtime": out["source_map_runtime"],
        "annotated_ast": out["annotated_ast_dict"],
    }
    return head, debug, sources


def _notes(target: Any) -> dict[str, dict[str, Any]]:
    """NatSpec for users and developers, of what a contract exports from its modules too.

    The compiler's own says nothing of functions that stand in another file.
    """
    from vyper.ast.natspec import parse_natspec

    parsed = parse_natspec(target)
    notes: dict[str, dict[str, Any]] = {"userdoc": parsed.userdoc, "devdoc": parsed.devdoc}
    told = {target.resolved_path: parsed}
    for function in target._metadata["type"].exposed_functions:  # noqa: SLF001
        module = function.decl_node.module_node
        if module.resolved_path not in told:
            told[module.resolved_path] = parse_natspec(module)
        theirs = told[module.resolved_path]
        for kind, known in (("userdoc", theirs.userdoc), ("devdoc", theirs.devdoc)):
            methods = notes[kind].setdefault("methods", {})
            methods |= {
                signature: known["methods"][signature]
                for signature in function.method_ids
                if signature in known.get("methods", {})
            }
    return notes


def _reachable(module: Any) -> Iterator[Any]:
    """Every module and interface file that `module` imports, directly or not."""
    from vyper import ast as vy_ast

    seen: set[str] = set()
    queue = [module]
    while queue:
        current = queue.pop()
        for statement in current.get_children((vy_ast.Import, vy_ast.ImportFrom)):
            parsed = statement._metadata["import_info"].parsed  # noqa: SLF001
            # An interface given as a JSON ABI is no syntax tree, but a file that matters.
            if isinstance(parsed, vy_ast.Module) and parsed.resolved_path not in seen:
                seen.add(parsed.resolved_path)
                queue.append(parsed)
                yield parsed


def _raised_errors(module: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The errors inside the `raw_revert`s of one file: `Name(types)` of the `method_id`, and names.

    The names are those of the variables that are encoded, empty where something else is.
    """
    from vyper import ast as vy_ast

    constants = {
        declaration.target.id: declaration.value
        for declaration in module.get_children(vy_ast.VariableDecl)
        if declaration.is_constant and declaration.value is not None
    }

    def signatures(node: Any) -> Iterator[str]:
        nodes = [node, *node.get_descendants()]
        for inner in nodes:
            if isinstance(inner, vy_ast.Call):
                function = inner.func
                if getattr(function, "id", None) == "method_id" and inner.args:
                    text = inner.args[0]
                    if isinstance(text, vy_ast.Str):
                        yield text.value
            elif isinstance(inner, vy_ast.Name) and inner.id in constants:
                yield from signatures(constants[inner.id])

    def names(revert: Any) -> tuple[str, ...]:
        for call in revert.get_descendants(vy_ast.Call):
            if getattr(call.func, "id", None) in {"abi_encode", "_abi_encode"}:
                found = [a.id if isinstance(a, vy_ast.Name) else "" for a in call.args]
                return tuple(name if found.count(name) == 1 else "" for name in found)
        return ()

    for call in module.get_descendants(vy_ast.Call):
        if getattr(call.func, "id", None) == "raw_revert":
            for signature in signatures(call):
                if not signature.startswith(("Error(", "Panic(")):
                    yield signature, names(call)


def _is_error(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "error"


def _error_entry(signature: str, names: Sequence[str]) -> dict[str, Any]:
    name, _, rest = signature.partition("(")
    types = _split_types(rest.removesuffix(")"))
    # An encoding of another shape, such as of one tuple, says nothing about the single inputs.
    known = names if len(names) == len(types) else [""] * len(types)
    inputs = [abi_parameter(known[i] or f"arg{i}", text) for i, text in enumerate(types)]
    return {"type": "error", "name": name.strip(), "inputs": inputs}


def abi_parameter(name: str, text: str) -> dict[str, Any]:
    """The ABI entry of a parameter whose type is written out, such as `(address,uint256)[]`."""
    if not text.startswith("("):
        return {"name": name, "type": text}
    inner, _, suffix = text[1:].rpartition(")")
    parts = [abi_parameter(f"arg{i}", part) for i, part in enumerate(_split_types(inner))]
    return {"name": name, "type": f"tuple{suffix}", "components": parts}


def _split_types(text: str) -> list[str]:
    """Splits at the commas that are not inside a tuple."""
    types, depth, current = [], 0, ""
    for letter in text.replace(" ", ""):
        if letter == "," and depth == 0:
            types.append(current)
            current = ""
            continue
        depth += {"(": 1, ")": -1}.get(letter, 0)
        current += letter
    return [*types, current] if current else types
