"""Vyper sources as the checks see them: text, syntax tree, and what the file's name says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vyper.ast.parse import parse_to_ast
from vyper.exceptions import VyperException

from tools.report import Finding

# Vyper files of a release, and those of tests and benchmarks.
_SUITE = ("contracts", "interfaces")
_BESIDE = ("tests/contracts", "benchmarks/contracts")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True)
class VyperSource:
    """One .vy or .vyi file; `path` is relative to the root of the suite, with forward slashes."""

    path: str
    text: str
    tree: Any

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines without their ends."""
        return self.text.splitlines()

    @property
    def stem(self) -> str:
        """The file name without its ending."""
        return Path(self.path).stem

    @property
    def is_interface(self) -> bool:
        """Whether this is a .vyi file."""
        return self.path.endswith(".vyi")

    @property
    def is_mock(self) -> bool:
        """Whether this is a fake or an alternative that was measured, which is in no release."""
        return self.path.startswith(tuple(f"{folder}/" for folder in _BESIDE))

    @property
    def is_deployable(self) -> bool:
        """By the case of the name: CamelCase.vy is deployed, snake_case.vy is a module."""
        return not self.is_interface and self.stem[:1].isupper()

    @property
    def domain_words(self) -> set[str]:
        """The words that a revert reason of this file may start with."""
        words = [word.lower() for word in _WORD.findall(self.stem)]
        found = {*words, " ".join(words), "_".join(words), self.stem.lower()}
        # lanes.vy speaks of one lane.
        return found | {word.removesuffix("s") for word in found}

    @property
    def import_path(self) -> str:
        """The canonical dotted path that other files import it by."""
        return str(Path(self.path).with_suffix("")).replace("/", ".")

    def top_level(self, kind: str) -> list[Any]:
        """The top-level nodes of one AST type."""
        return [node for node in self.tree.body if type(node).__name__ == kind]

    def functions(self) -> list[Any]:
        """All functions in the order of the file."""
        return self.top_level("FunctionDef")

    def descendants(self, kind: str) -> Iterator[tuple[Any, Any]]:
        """(function or None, node) for every node of one AST type, wherever it is."""
        for top in self.tree.body:
            function = top if type(top).__name__ == "FunctionDef" else None
            for node in [top, *top.get_descendants()]:
                if type(node).__name__ == kind:
                    yield function, node


def decorators(function: Any) -> set[str]:
    """Names of a function's decorators."""
    return {getattr(node, "id", "") for node in function.decorator_list}


def code_of(node: Any) -> str:
    """The source of a node on one line."""
    return re.sub(r"\s+", " ", node.node_source_code).strip()


def parse(path: str, text: str) -> VyperSource:
    """Parse one file; raises the compiler's own exception when it is no Vyper."""
    tree = parse_to_ast(text, resolved_path=path, is_interface=path.endswith(".vyi"))
    return VyperSource(path=path, text=text, tree=tree)


def source_paths(root: Path, *folders: str) -> list[Path]:
    """Every Vyper file of some folders; by default of all, those of tests and benchmarks too."""
    return sorted(
        path
        for folder in folders or (*_SUITE, *_BESIDE)
        for path in (root / folder).rglob("*")
        if path.suffix in {".vy", ".vyi"}
    )


def load_tree(root: Path, *folders: str) -> tuple[list[VyperSource], list[Finding]]:
    """All files of the folders that parse, and a finding for each that doesn't."""
    sources: list[VyperSource] = []
    findings: list[Finding] = []
    for path in source_paths(root, *folders):
        relative = path.relative_to(root).as_posix()
        try:
            sources.append(parse(relative, path.read_text(encoding="utf-8")))
        except VyperException as error:
            line = getattr(error, "lineno", None) or 1
            message = str(error).strip().splitlines()[0]
            findings.append(Finding(relative, int(line), f"does not parse: {message}", "syntax"))
    return sources, findings
