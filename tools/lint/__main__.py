"""`python -m tools.lint [STEP ...]`: every check that needs no test run, or the steps named.

Each step runs even when an earlier one found something: one run shows everything.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools import access, errors, fields, incidents, readme, snapshots
from tools.lint import dependencies, direction, formatting, pieces, python_rules, vyper_rules
from tools.report import ROOT, print_findings
from tools.vyper_source import load_tree

_BIN = Path(sys.executable).parent
# Folders with typed Python; those that do not exist yet are left out.
_TYPED = ("tallystick", "scripts", "tools")


def _external(*command: str) -> int:
    return subprocess.run([str(_BIN / command[0]), *command[1:]], cwd=ROOT, check=False).returncode


def _ruff() -> int:
    return _external("ruff", "check", "--quiet", "--output-format", "concise", ".")


def _ruff_format() -> int:
    return _external("ruff", "format", "--check", "--quiet", ".")


def _mypy() -> int:
    folders = [name for name in _TYPED if any((ROOT / name).rglob("*.py"))]
    return _external("mypy", "--strict", "--no-error-summary", *folders)


def _vyper_rules() -> int:
    sources, findings = load_tree(ROOT)
    return print_findings([*findings, *vyper_rules.check_all(sources)])


STEPS: dict[str, Callable[[], int]] = {
    "ruff": _ruff,
    "ruff-format": _ruff_format,
    "mypy": _mypy,
    "vyper-format": lambda: print_findings(formatting.check_all()),
    "vyper-rules": _vyper_rules,
    "python-rules": lambda: print_findings(python_rules.check_all()),
    "direction": lambda: print_findings(direction.check_all()),
    "dependencies": lambda: print_findings(dependencies.check_all()),
    "fields": lambda: print_findings(fields.check_all()),
    "readme": lambda: print_findings(readme.check_all()),
    "pieces": lambda: print_findings(pieces.check_all()),
    "errors": lambda: errors.main(["--check"]),
    "access": lambda: access.main(["--check"]),
    "incidents": lambda: incidents.main(["--check"]),
    "snapshots": lambda: snapshots.main(["--check"]),
}


def main(arguments: list[str]) -> int:
    """Run the chosen steps, or all; 1 if any of them found something."""
    unknown = [name for name in arguments if name not in STEPS]
    if unknown:
        print(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}", file=sys.stderr)
        return 2
    failed: list[str] = []
    for name in arguments or STEPS:
        started = time.monotonic()
        found = STEPS[name]()
        verdict = "failed" if found else "ok"
        print(f"lint {name:<13} {verdict:<6} {time.monotonic() - started:5.1f} s", flush=True)
        if found:
            failed.append(name)
    if failed:
        print(f"lint: {', '.join(failed)} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
