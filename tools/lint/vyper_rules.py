"""The house rules of the Vyper sources, checked on the compiler's own syntax tree.

Each rule is a function from sources to findings; the rules of one file come first, those that
compare files with one another follow. Formatting is the formatter's business, not ours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tools.reasons import collect_custom_errors, collect_reasons
from tools.report import Finding
from tools.vyper_source import VyperSource, code_of, decorators

VERSION_PRAGMA = "# pragma version 0.4.3"
EVM_PRAGMA = "# pragma evm-version prague"
LOCK_PRAGMA = "# pragma nonreentrancy on"
SIZE_PRAGMA = "# pragma optimize codesize"
LICENSE = "Apache-2.0"
MAX_REASON = 60
# Code is held to 100 by the formatter, which leaves comments alone.
MAX_COMMENT_COLUMNS = 120
# More iterations than this cost more than a block at a few thousand gas each.
MAX_ITERATIONS = 1024
RAW_CALL_ALLOWED = Path(__file__).with_name("raw_call_allowed.txt")


# ---------------------------------------------------------------- one file


def check_pragmas(source: VyperSource) -> Iterator[Finding]:
    """The first lines are exactly the pragmas: a lock or a layout must not hang on a default."""
    expected = [VERSION_PRAGMA]
    if source.is_deployable:
        expected.append(EVM_PRAGMA)
    if not source.is_interface:
        # The pragma is per file: functions of a module without it are exported unprotected.
        expected.append(LOCK_PRAGMA)
    # Where a contract would not fit otherwise; what it costs a call is in docs/gas.md.
    if source.is_deployable and SIZE_PRAGMA in source.lines[len(expected) : len(expected) + 1]:
        expected.append(SIZE_PRAGMA)
    for number, line in enumerate(expected, start=1):
        actual = source.lines[number - 1] if number <= len(source.lines) else ""
        if actual != line:
            yield Finding(source.path, number, f"expected `{line}`", "pragma")
    for number, line in enumerate(source.lines, start=1):
        stray = number > len(expected) and re.match(r"\s*#\s*(pragma|@version)\b", line)
        if stray:
            yield Finding(
                source.path, number, f"pragma not allowed here: `{line.strip()}`", "pragma"
            )


_RANKS = (
    "standard interfaces (import, implements)",
    "own interfaces (import, implements)",
    "module imports",
    "initializes, uses",
    "exports",
    "constants",
    "immutables",
    "flags",
    "structs",
    "storage",
    "events",
    "__init__",
    "external functions",
    "internal functions",
)


def _rank(node: Any) -> int | None:
    kind = type(node).__name__
    name = ""
    if kind in {"Import", "ImportFrom"}:
        module = getattr(node, "module", None) or node.name
        top = str(module).split(".")[0]
        name = {"contracts": _RANKS[2], "interfaces": _RANKS[1]}.get(top, _RANKS[0])
    elif kind in {"InitializesDecl", "UsesDecl"}:
        name = _RANKS[3]
    elif kind == "VariableDecl":
        name = "constants" if node.is_constant else "immutables" if node.is_immutable else "storage"
    elif kind == "FunctionDef":
        names = decorators(node)
        if "deploy" in names:
            name = "__init__"
        else:
            name = "external functions" if "external" in names else "internal functions"
    else:
        name = {
            "ExportsDecl": "exports",
            "FlagDef": "flags",
            "StructDef": "structs",
            "EventDef": "events",
        }.get(kind, "")
    return _RANKS.index(name) if name else None


def check_order(source: VyperSource) -> Iterator[Finding]:
    """A reader finds each kind of thing at the same place in every file of a release."""
    if source.is_mock:
        return
    highest = -1
    for node in source.tree.body:
        if type(node).__name__ == "ImplementsDecl":
            # Beside the import that it speaks of.
            if highest > 1:
                message = "`implements` belongs beside the interface imports, before the modules"
                yield Finding(source.path, node.lineno, message, "order")
            continue
        rank = _rank(node)
        if rank is None:
            continue
        if rank < highest:
            message = f"{_RANKS[rank]} come before {_RANKS[highest]}"
            yield Finding(source.path, node.lineno, message, "order")
        highest = max(highest, rank)


_TAG = re.compile(r"^\s*@(\w+(?::[\w-]+)?)\s*(.*)$")


def natspec_tags(docstring: Any) -> list[tuple[str, str]]:
    """(tag, text) in the order of a docstring; text before the first tag has the tag ""."""
    tags: list[tuple[str, str]] = []
    for line in str(docstring.value).splitlines() if docstring else []:
        match = _TAG.match(line)
        if match:
            tags.append((match[1], match[2].strip()))
        elif line.strip():
            tag, text = tags.pop() if tags else ("", "")
            tags.append((tag, f"{text} {line.strip()}".strip()))
    return tags


def check_natspec_of_file(source: VyperSource) -> Iterator[Finding]:
    """A file says what it is, under which licence, and how it is stopped."""
    docstring = getattr(source.tree, "doc_string", None)
    tags = dict(natspec_tags(docstring))
    line = docstring.lineno if docstring else 1
    wanted = ["title", "license", "author", "notice"]
    if source.is_deployable and not source.is_mock:
        wanted += ["custom:security", "custom:kill"]
    for tag in wanted:
        if not tags.get(tag):
            yield Finding(source.path, line, f"the file's docstring has no @{tag}", "natspec")
    if tags.get("license", LICENSE) != LICENSE:
        message = f"@license is {tags['license']}, expected {LICENSE}"
        yield Finding(source.path, line, message, "natspec")


def check_natspec_of_functions(source: VyperSource) -> Iterator[Finding]:
    """External functions: @notice, every parameter, every return value; internal ones: @dev."""
    if source.is_interface or source.is_mock:
        return
    for function in source.functions():
        names = decorators(function)
        if "deploy" in names and not function.args.args:
            continue
        tags = natspec_tags(getattr(function, "doc_string", None))
        kinds = [tag for tag, text in tags if text]
        where = function.lineno

        def finding(message: str, line: int = where, name: str = function.name) -> Finding:
            return Finding(source.path, line, f"{name}: {message}", "natspec")

        if "internal" in names:
            if "dev" not in kinds and "notice" not in kinds:
                yield finding("no @dev")
            continue
        if "notice" not in kinds and "deploy" not in names:
            yield finding("no @notice")
        documented: dict[str, str] = {}
        for tag, text in tags:
            if tag == "param":
                name, _, meaning = text.partition(" ")
                documented[name] = meaning
        arguments = [argument.arg for argument in function.args.args]
        for name in arguments:
            if not documented.get(name):
                yield finding(f"no @param for `{name}`")
        for name in documented:
            if name not in arguments:
                yield finding(f"@param `{name}` is no parameter")
        returned = 0
        if function.returns is not None:
            is_tuple = type(function.returns).__name__ == "Tuple"
            returned = len(function.returns.elements) if is_tuple else 1
        if kinds.count("return") != returned:
            yield finding(f"{kinds.count('return')} @return for {returned} value(s)")


def check_imports(source: VyperSource) -> Iterator[Finding]:
    """One canonical absolute import per module: the compiler takes two paths for two modules."""
    seen: dict[str, str] = {}
    for node in source.top_level("Import"):
        if node.alias is None and "." not in node.name:
            continue  # a built-in module such as math
        message = f"write `from … import …` instead of `{code_of(node)}`"
        yield Finding(source.path, node.lineno, message, "import")
    for node in source.top_level("ImportFrom"):
        path = f"{node.module or ''}.{node.name}"
        top = path.split(".")[0]
        if node.level:
            yield Finding(source.path, node.lineno, "relative import", "import")
        elif top == "snekmate":
            message = "snekmate is AGPL: not allowed in deployed code"
            yield Finding(source.path, node.lineno, message, "import")
        elif top not in {"contracts", "interfaces", "ethereum"}:
            message = f"`{path}`: expected a path under contracts, interfaces or ethereum.ercs"
            yield Finding(source.path, node.lineno, message, "import")
        if node.alias and node.alias != node.name:
            message = f"`{path}` under a second name `{node.alias}`"
            yield Finding(source.path, node.lineno, message, "import")
        if path in seen:
            yield Finding(source.path, node.lineno, f"`{path}` imported twice", "import")
        seen[path] = node.alias or node.name


def check_comment_width(source: VyperSource) -> Iterator[Finding]:
    """Comments and docstrings stay readable side by side; the formatter holds the code to 100."""
    for number, line in enumerate(source.lines, start=1):
        if len(line) > MAX_COMMENT_COLUMNS:
            message = f"{len(line)} columns, at most {MAX_COMMENT_COLUMNS}"
            yield Finding(source.path, number, message, "width")


def check_raw_revert(source: VyperSource) -> Iterator[Finding]:
    """A custom error must be readable from the source, or no table of errors can be complete."""
    for error in collect_custom_errors([] if source.is_mock else [source]):
        if error.signature is None:
            message = 'raw_revert without a literal method_id("Error(type,…)")'
            yield Finding(error.path, error.line, message, "reason")


PER_FILE: tuple[Callable[[VyperSource], Iterator[Finding]], ...] = (
    check_pragmas,
    check_order,
    check_natspec_of_file,
    check_natspec_of_functions,
    check_imports,
    check_comment_width,
    check_raw_revert,
)


# -------------------------------------------------------------- all files


def check_reasons(sources: list[VyperSource]) -> Iterator[Finding]:
    """Every revert says why, in its module's name, and no two modules say the same."""
    files_of: dict[str, set[str]] = defaultdict(set)
    # A test double misbehaves on purpose; its constants still count for those who import them.
    mocks = {source.path for source in sources if source.is_mock}
    reasons = [reason for reason in collect_reasons(sources) if reason.path not in mocks]
    domains = {source.path: source.domain_words for source in sources}
    for reason in reasons:
        if reason.text is not None:
            files_of[reason.text].add(reason.path)
    for reason in reasons:
        if reason.text is None:
            message = "no reason: write a literal or a String constant of the suite"
            yield Finding(reason.path, reason.line, message, "reason")
            continue
        word, colon, rest = reason.text.partition(": ")
        allowed = domains[reason.path]
        if not colon or not rest or word not in allowed:
            words = " | ".join(sorted(allowed))
            message = f'"{reason.text}" does not read "<{words}>: <reason>"'
            yield Finding(reason.path, reason.line, message, "reason")
        if len(reason.text) > MAX_REASON:
            message = f'"{reason.text}" has {len(reason.text)} characters, at most {MAX_REASON}'
            yield Finding(reason.path, reason.line, message, "reason")
        others = sorted(files_of[reason.text] - {reason.path})
        if others:
            message = f'"{reason.text}" stands in {", ".join(others)} too: one reason, one cause'
            yield Finding(reason.path, reason.line, message, "reason")


def check_module_names(sources: list[VyperSource]) -> Iterator[Finding]:
    """The last word of an import path is unique, so that a name means one module everywhere."""
    paths: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for node in source.top_level("ImportFrom"):
            if not node.level:
                paths[node.alias or node.name].add(f"{node.module}.{node.name}")
    for source in sources:
        for node in source.top_level("ImportFrom"):
            meanings = paths[node.alias or node.name] if not node.level else set()
            if len(meanings) > 1:
                message = f"`{node.alias or node.name}` means {' and '.join(sorted(meanings))}"
                yield Finding(source.path, node.lineno, message, "import")


def _integer_constants(sources: Iterable[VyperSource]) -> dict[tuple[str, str], int]:
    return {
        (source.import_path, node.target.id): int(node.value.value)
        for source in sources
        for node in source.top_level("VariableDecl")
        if node.is_constant and type(node.value).__name__ == "Int"
    }


def check_loops(sources: list[VyperSource]) -> Iterator[Finding]:
    """Loops over a range are bounded by a small literal or by a named constant that is one."""
    constants = _integer_constants(sources)
    for source in sources:
        if source.is_mock:
            continue
        aliases = {
            node.alias or node.name: f"{node.module}.{node.name}"
            for node in source.top_level("ImportFrom")
        }
        for _, loop in source.descendants("For"):
            call = loop.iter
            if type(call).__name__ != "Call" or getattr(call.func, "id", "") != "range":
                continue  # over a list: its type is the bound
            bounds = [keyword.value for keyword in call.keywords if keyword.arg == "bound"]
            bound = bounds[0] if bounds else call.args[-1]
            value: int | None = None
            kind = type(bound).__name__
            if kind == "Int":
                value = int(bound.value)
            elif kind == "Name":
                value = constants.get((source.import_path, bound.id))
            elif kind == "Attribute":
                module = aliases.get(getattr(bound.value, "id", ""), "")
                value = constants.get((module, bound.attr))
            if value is None:
                message = f"the bound `{code_of(bound)}` is no literal and no integer constant"
                yield Finding(source.path, loop.lineno, message, "loop")
            elif value > MAX_ITERATIONS:
                message = f"up to {value} iterations, at most {MAX_ITERATIONS}"
                yield Finding(source.path, loop.lineno, message, "loop")


def read_raw_call_allowed(path: Path = RAW_CALL_ALLOWED) -> dict[tuple[str, str], int]:
    """(file, function) -> line of the list; everything after # says why."""
    allowed: dict[tuple[str, str], int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if entry:
            file, _, function = entry.partition(" ")
            allowed[file, function.strip()] = number
    return allowed


def check_raw_calls(
    sources: list[VyperSource], allowed: dict[tuple[str, str], int] | None = None
) -> Iterator[Finding]:
    """`raw_call` stands only where a review has put it on the list, and the list holds no more."""
    listed = read_raw_call_allowed() if allowed is None else allowed
    used: set[tuple[str, str]] = set()
    for source in sources:
        for function, node in source.descendants("Call"):
            if getattr(node.func, "id", "") != "raw_call":
                continue
            key = (source.path, function.name if function else "")
            used.add(key)
            if key not in listed and not source.is_mock:
                message = f"raw_call in `{key[1]}` is not in tools/lint/{RAW_CALL_ALLOWED.name}"
                yield Finding(source.path, node.lineno, message, "raw-call")
    for key in sorted(listed.keys() - used):
        message = f"{key[0]} {key[1]}: no raw_call there any more"
        yield Finding(f"tools/lint/{RAW_CALL_ALLOWED.name}", listed[key], message, "raw-call")


WHOLE_SUITE: tuple[Callable[[list[VyperSource]], Iterator[Finding]], ...] = (
    check_reasons,
    check_module_names,
    check_loops,
    check_raw_calls,
)


def check_all(sources: list[VyperSource]) -> list[Finding]:
    """Every rule over the whole suite."""
    findings = [finding for source in sources for rule in PER_FILE for finding in rule(source)]
    findings += [finding for rule in WHOLE_SUITE for finding in rule(sources)]
    return findings
