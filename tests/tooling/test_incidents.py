"""docs/incidents.md follows from the tests in tests/regression."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import incidents
from tools.report import ROOT

MODULE = """# pragma version 0.4.3
# pragma nonreentrancy on


@external
def f(a: uint256):
    assert a != 0, "book: nothing"
    raw_revert(abi_encode(a, method_id=method_id("Bad(uint256)")))
"""
TEST = '''"""Some | bridge, May 2026, $1M: all of it went.

Broke: nobody
looked.
Holds: somebody looks.
Told by: the press.
"""

CHECK = "book: nothing"


def test_it(world):
    with refused(world, CHECK), refused(world, error="Bad"):
        pass
'''
OLDER = TEST.replace("May 2026, $1M", "2023").replace("Told", "Where: `tools/x.py`.\nTold")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in (
        ("contracts/token/book.vy", MODULE),
        ("tests/regression/test_some.py", TEST),
        ("tests/regression/test_older.py", OLDER.replace('"book: nothing"', "None")),
        ("tests/regression/test_our_findings.py", '"""Not told here."""\n'),
        ("docs/incidents.md", ""),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def rows(root: Path) -> list[str]:
    return [
        line
        for line in (root / "docs/incidents.md").read_text().splitlines()
        if line.startswith("| Some")
    ]


def test_each_incident_is_a_row_in_the_order_of_time(root: Path):
    assert incidents.main([], root) == 0
    older, newer = rows(root)
    told = "nobody looked (the press) | somebody looks |"
    assert older == (
        f"| Some \\| bridge | 2023 | not told | {told} `Bad` token/book.vy · `tools/x.py` "
        "| [older](../tests/regression/test_older.py) |"
    )
    assert newer == (
        f"| Some \\| bridge | May 2026 | $1M | {told} `book: nothing` token/book.vy "
        "· `Bad` token/book.vy | [some](../tests/regression/test_some.py) |"
    )
    assert "would have: 2 of them" in (root / "docs/incidents.md").read_text().replace("\n", " ")


def test_the_check_names_what_is_stale(root: Path, capsys):
    assert incidents.main(["--check"], root) == 1
    assert "docs/incidents.md:1: differs from the tests" in capsys.readouterr().out
    incidents.main([], root)
    assert incidents.main(["--check"], root) == 0
    test = root / "tests/regression/test_some.py"
    test.write_text(TEST.replace("$1M", "$2M"))
    assert incidents.main(["--check"], root) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("May 2026", "Mai 2026"),
        (": all of it went.", ""),
        ("Broke: ", ""),
        ("Holds: ", ""),
        ("Told by: ", ""),
    ],
)
def test_a_file_that_tells_no_incident_is_found(root: Path, change: tuple[str, str], capsys):
    (root / "tests/regression/test_some.py").write_text(TEST.replace(*change))
    before = (root / "docs/incidents.md").read_text()
    assert incidents.main([], root) == 1
    assert "tests/regression/test_some.py:1: NAME, MONTH YEAR, LOSS" in capsys.readouterr().out
    assert (root / "docs/incidents.md").read_text() == before


def test_an_incident_that_nothing_meets_is_found(root: Path, capsys):
    nothing = TEST.replace("book: nothing", "book: gone").replace('"Bad"', '"Gone"')
    (root / "tests/regression/test_some.py").write_text(nothing)
    assert incidents.main(["--check"], root) == 1
    assert "no reason of a contract, and no Where:" in capsys.readouterr().out


def test_what_has_no_test_is_told_with_the_reason():
    page = (ROOT / "docs/incidents.md").read_text()
    for name, when, *_, why in incidents.UNTESTED:
        assert f"| {name} | {when} |" in page
        assert f"| {why} |" in page
