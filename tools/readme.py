"""README.md says what is: its sample is the demo's own output, its figures and paths are checked.

`python -m tools.readme` tells the demo on embedded ledgers and writes sample and figures anew;
`--check` compares the figures, and that every path, module and test named in README.md and docs/
is there. The sample is compared by the test that tells the demo anyway.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import io
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tools.report import ROOT, Finding, print_findings

README: Final = Path("README.md")
WIDTH: Final = 110
# The sections of the story that README.md shows.
_SHOWN: Final = frozenset({"4", "5", "6", "8", "9", "11", "14", "15"})
_SAMPLE: Final = re.compile(r"(?<=```text\n).*?(?=```\n)", re.DOTALL)
_BYTES: Final = re.compile(r"[\d,]+, [\d,]+ and [\d,]+(?= of 24,576 bytes)")
_PIECES: Final = ("SecurityToken", "SecurityTokenControls", "SecurityTokenSettings")
_PYTHONS: Final = re.compile(r"Python 3[\d.]+(?: or 3[\d.]+)*")
_LINK: Final = re.compile(r"\]\((?![a-z]+:|#)([^)#]+)")
_PATH: Final = re.compile(
    r"`((?:tallystick|contracts|interfaces|examples|scripts|tests|tools)/[\w./-]*)`"
)
# A schema's name begins like a path and ends in its version.
_SCHEMA: Final = re.compile(r"tallystick/\d+")
_TEST: Final = re.compile(r"`(test_\w+)`")
_DEFINED: Final = re.compile(r"^ *def (test_\w+)", re.MULTILINE)
_MODULE: Final = re.compile(r"`(tallystick(?:\.\w+)+)(?!/)\b")


def excerpt(told: str) -> str:
    """Return what README.md shows of the demo's output, told `WIDTH` columns wide."""
    sections = re.split(r"\n(?=\d+\. )", told.partition("\nreport ")[0])
    shown = (part for part in sections if part.partition(".")[0] in _SHOWN)
    lines = [line.rstrip() for part in shown for line in [*part.strip().splitlines(), ""]]
    return "\n".join(lines)


def sample_of(readme: str) -> str:
    """Return the sample that a text of README.md shows."""
    found = _SAMPLE.search(readme)
    return "" if found is None else found.group()


def with_sample(readme: str, told: str) -> str:
    """Return a text of README.md with the sample from what the demo told."""
    return _SAMPLE.sub(lambda _: excerpt(told), readme, count=1)


def with_figures(readme: str, root: Path = ROOT) -> str:
    """Return a text of README.md with the token's sizes and the Pythons as they are."""
    files = [root / f"benchmarks/snapshots/{name}.json" for name in _PIECES]
    *sizes, last = (f"{json.loads(file.read_text())['deployed_size']:,}" for file in files)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    pythons = [each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3." in each]
    readme = _BYTES.sub(f"{', '.join(sizes)} and {last}", readme)
    return _PYTHONS.sub(f"Python {' or '.join(pythons)}", readme)


def check(pages: Iterable[tuple[str, str]], root: Path = ROOT) -> Iterator[Finding]:
    """Check that what (path, text) pairs of pages link to and name is there."""
    for path, text in pages:
        for number, line in enumerate(text.splitlines(), 1):
            found = [(root / path).parent / each for each in _LINK.findall(line)]
            found += [root / each for each in _PATH.findall(line) if not _SCHEMA.match(each)]
            for each in found:
                if not each.exists():
                    yield Finding(path, number, f"there is no {each.relative_to(root)}", "readme")
            for name in _MODULE.findall(line):
                if not _is_there(name):
                    yield Finding(path, number, f"there is no {name}", "readme")
            for name in _TEST.findall(line):
                if name not in _tests(root):
                    yield Finding(path, number, f"there is no {name}", "readme")


@functools.cache
def _tests(root: Path) -> frozenset[str]:
    """Names of all tests."""
    texts = (path.read_text() for path in (root / "tests").rglob("test_*.py"))
    return frozenset(name for text in texts for name in _DEFINED.findall(text))


def _is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something of one."""
    module, _, last = name.rpartition(".")
    return _is_module(name) or (
        _is_module(module) and hasattr(importlib.import_module(module), last)
    )


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def check_all() -> list[Finding]:
    """Check README.md and the pages in docs/."""
    paths = [ROOT / README, *sorted((ROOT / "docs").rglob("*.md"))]
    found = list(check((path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths))
    text = (ROOT / README).read_text()
    if with_figures(text) != text:
        message = "the token's sizes or the Pythons are others: python -m tools.readme"
        found.append(Finding(str(README), 1, message, "readme"))
    return found


def told() -> str:
    """Tell the demo on embedded ledgers; returns its output."""
    from rich.console import Console

    from tallystick.cli.report import Told
    from tallystick.demo.story import run

    text = io.StringIO()
    run(ROOT / "examples" / "apple.yaml", "embedded", None, Told(Console(file=text, width=WIDTH)))
    return text.getvalue()


def main(arguments: list[str]) -> int:
    """Write, or check."""
    if "--check" in arguments:
        return 1 if print_findings(check_all()) else 0
    page = ROOT / README
    page.write_text(with_figures(with_sample(page.read_text(), told())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
