"""The Vyper formatter, mamushi, from an environment of its own (it pins an old click).

`python -m tools.lint.formatting` checks, `--write` formats in place.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tools.report import ROOT, Finding, print_findings
from tools.vyper_source import source_paths

COLUMNS = 100
FORMATTER = ROOT / ".venv" / "lint" / "bin" / "mamushi"
_REFORMAT = re.compile(r"^would reformat (.+)$")
_FAILED = re.compile(r"^error: cannot format ([^:]+): (.*)$")


def run_formatter(
    paths: list[str], *, write: bool, root: Path = ROOT, formatter: Path = FORMATTER
) -> list[Finding]:
    """Format, or report what the formatter would change."""
    if not paths:
        return []
    command = [str(formatter), f"--line-length={COLUMNS}", *([] if write else ["--check"]), *paths]
    if not formatter.exists():
        return [Finding("tools.lock", 1, "mamushi is not installed: tools/setup.sh lint", "format")]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    findings: list[Finding] = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", result.stderr + result.stdout).splitlines():
        if match := _REFORMAT.match(line):
            findings.append(Finding(match[1], 1, "not formatted: make format", "format"))
        elif match := _FAILED.match(line):
            findings.append(Finding(match[1], 1, match[2], "format"))
    if result.returncode and not findings:
        message = f"mamushi ended with {result.returncode}: {result.stderr.strip()[-300:]}"
        findings.append(Finding(paths[0], 1, message, "format"))
    return findings


def check_all(root: Path = ROOT, *, write: bool = False) -> list[Finding]:
    """The formatter over every Vyper file of the suite."""
    paths = [path.relative_to(root).as_posix() for path in source_paths(root)]
    return run_formatter(paths, write=write, root=root)


if __name__ == "__main__":
    sys.exit(1 if print_findings(check_all(write="--write" in sys.argv[1:])) else 0)
