"""pyproject.toml declares what is imported, and the Pythons that setup takes."""

from __future__ import annotations

import re
import tomllib

import pytest

from tools.lint.dependencies import check, check_all
from tools.report import ROOT

PROJECT = """
[project]
dependencies = [
    "PyYAML>=6",
    "eth-hash[pycryptodome]>=0.7,<1",
]
[project.optional-dependencies]
ape = ["eth-ape==0.8.51"]
"""
BROUGHT_BY = {"yaml": ["PyYAML"], "eth_hash": ["eth-hash"], "ape": ["eth-ape"], "rlp": ["rlp"]}
GOOD = "import os\nimport yaml\nfrom eth_hash.auto import keccak\nfrom tallystick import text\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, []),
        (GOOD + "def f():\n    import ape\n", []),
        (
            GOOD + "from rlp import encode\n",
            ["tallystick/a.py:5: rlp is imported and rlp not declared [dependencies]"],
        ),
        (
            GOOD + "import unheard.part\n",
            ["tallystick/a.py:5: unheard is imported and unheard not declared [dependencies]"],
        ),
        (
            "import yaml\n",
            ["pyproject.toml:5: eth-hash is declared and not imported [dependencies]"],
        ),
    ],
)
def test_what_is_missing_or_superfluous_is_named(text: str, expected: list[str]) -> None:
    found = [str(each) for each in check(PROJECT, [("tallystick/a.py", text)], BROUGHT_BY)]
    assert found == expected


def test_the_package_declares_what_it_imports() -> None:
    assert check_all() == []


def test_setup_takes_the_pythons_that_the_package_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    setup = (ROOT / "tools" / "setup.sh").read_text()
    bounds = re.search(r"not \((\d+), (\d+)\) <= sys.version_info < \((\d+), (\d+)\)", setup)
    assert bounds is not None
    first, low, last, high = map(int, bounds.groups())
    assert project["requires-python"] == f">={first}.{low},<{last}.{high}"
    named = {each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3." in each}
    assert named == {f"3.{minor}" for minor in range(low, high)}
