"""pyproject.toml declares what the package imports: nothing missing, nothing superfluous."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from typing import Any, Final

from tools.lint.direction import PACKAGE, imports_of
from tools.report import ROOT, Finding, print_findings

# Who is loaded by these and never loads them: the pytest plugin.
_HOSTS: Final = frozenset({"pytest"})
_PROJECT: Final = "pyproject.toml"


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _named(requirements: Iterable[str]) -> dict[str, str]:
    """The distributions of requirements, each with the requirement as it is written."""
    return {_normal(re.split(r"[^\w.-]", each, maxsplit=1)[0]): each for each in requirements}


def check(
    project: str, files: Iterable[tuple[str, str]], brought_by: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Compare the text of pyproject.toml with the imports of (path, text) pairs, both ways.

    `brought_by` has the distributions that bring a module, as `packages_distributions` gives them.
    """
    table: dict[str, Any] = tomllib.loads(project)["project"]
    declared = _named(table.get("dependencies", ()))
    extras = table.get("optional-dependencies", {}).values()
    known = declared | _named(each for extra in extras for each in extra)
    used: set[str] = set()
    for path, text in files:
        for line, name in imports_of(ast.parse(text)):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in _HOSTS or top == PACKAGE:
                continue
            found = {_normal(each) for each in brought_by.get(top, (top,))}
            used |= found
            if not found & known.keys():
                message = f"{top} is imported and {' or '.join(sorted(found))} not declared"
                yield Finding(path, line, message, "dependencies")
    lines = project.splitlines()
    for distribution in declared.keys() - used:
        at = next((n for n, line in enumerate(lines, 1) if declared[distribution] in line), 1)
        message = f"{distribution} is declared and not imported"
        yield Finding(_PROJECT, at, message, "dependencies")


def check_all() -> list[Finding]:
    """Check the package as it is, against what is installed here."""
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    files = [(path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths]
    return list(check((ROOT / _PROJECT).read_text(), files, packages_distributions()))


if __name__ == "__main__":
    sys.exit(1 if print_findings(check_all()) else 0)
