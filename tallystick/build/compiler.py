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

__all__ = [
    "BuildError",
    "abi_parameter",
    "compile_layout",
    "compile_source",
    "compiler_version",
]

# By section (`storage_layout`, `transient_storage_layout`, `code_layout`), nested by module.
Layout = dict[str, dict[str, Any]]


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
        "layout": _whole_types(target, json.loads(json.dumps(out["layout"]))),
        **_notes(target),
        "immutables_length": target._metadata["type"].immutable_section_bytes,  # noqa: SLF001
    }
    debug = {
        "source_map": out["source_map"],
        "source_map_runtime": out["source_map_runtime"],
        "annotated_ast": out["annotated_ast_dict"],
    }
    return head, debug, sources


def compile_layout(
    path: Path, search_paths: Sequence[Path] = (), evm_version: str | None = None
) -> tuple[Layout, frozenset[str]]:
    """Return where a foreign source keeps its variables, and the files that it was told from.

    Imports are found as `vyper` finds them: beside the file, in `search_paths` (the last wins), in
    the working directory, among the packages that are installed.

    Args:
        path: the source.
        search_paths: what `vyper -p` is given.
        evm_version: what `vyper --evm-version` is given; a pragma of the source goes before.

    Returns:
        the layout as in `Artifact.layout`, and the paths of the sources that are no package's.

    Raises:
        BuildError: it does not compile, or there is no compiler.
    """
    if compiler_version() is None:
        raise BuildError("a source needs the compiler: pip install 'vyper==0.4.3'")
    from vyper.cli.vyper_compile import get_search_paths
    from vyper.compiler import outputs_from_compiler_data
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData
    from vyper.compiler.settings import Settings

    found = get_search_paths([str(folder) for folder in search_paths])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bundle = FilesystemInputBundle([Path(folder) for folder in found])
            source = bundle.load_file(str(path.resolve()))
            # Decimals change no place; who compiles says whether they are wanted.
            settings = Settings(evm_version=evm_version, enable_decimals=True)
            data = CompilerData(source, bundle, settings=settings)
            out = outputs_from_compiler_data(data, ("layout",))
    except Exception as error:  # the compiler raises dozens of unrelated classes
        # Of some the text is a name alone.
        told = f"{type(error).__name__}: {error}"
        raise BuildError(f"{path.as_posix()} does not compile:\n{told}") from error
    target = data.annotated_vyper_module
    files = {Path(module.resolved_path) for module in (target, *_reachable(target))}
    own = {file.as_posix() for file in files if "site-packages" not in file.parts}
    return _whole_types(target, json.loads(json.dumps(out["layout"]))), frozenset(own)


def _whole_types(module: Any, layout: Layout) -> Layout:
    """Write out, in a layout of a module, what structs and flags are made of."""
    from vyper import ast as vy_ast

    for node in module.get_children((vy_ast.InitializesDecl, vy_ast.VariableDecl)):
        if isinstance(node, vy_ast.InitializesDecl):
            info = node._metadata["initializes_info"].module_info  # noqa: SLF001
            inner = {key: rows[info.alias] for key, rows in layout.items() if info.alias in rows}
            _whole_types(info.module_node, inner)
            continue
        for rows in layout.values():
            if node.target.id in rows:
                kind = node.target._metadata["varinfo"].typ  # noqa: SLF001
                rows[node.target.id]["type"] = _type_text(kind)
    return layout


def _type_text(kind: Any) -> str:
    from vyper.semantics import types

    if isinstance(kind, types.StructT):
        members = ", ".join(f"{name}: {_type_text(part)}" for name, part in kind.members.items())
        return f"{kind.name}{{{members}}}"
    if isinstance(kind, types.FlagT):
        return f"{kind.name}({', '.join(kind._flag_members)})"  # noqa: SLF001
    if isinstance(kind, types.InterfaceT):
        # One in a file of its own is named by path, which differs between machines.
        return f"interface {Path(str(kind)).stem}"
    if isinstance(kind, types.HashMapT):
        return f"HashMap[{_type_text(kind.key_type)}, {_type_text(kind.value_type)}]"
    if isinstance(kind, types.DArrayT):
        return f"DynArray[{_type_text(kind.value_type)}, {kind.length}]"
    if isinstance(kind, types.SArrayT):
        return f"{_type_text(kind.value_type)}[{kind.length}]"
    if isinstance(kind, types.TupleT):
        return f"({', '.join(_type_text(part) for part in kind.member_types)})"
    return str(kind)


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
