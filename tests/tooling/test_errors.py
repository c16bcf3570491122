"""docs/errors.md follows from the sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import errors

MODULE = """# pragma version 0.4.3
# pragma nonreentrancy on


@external
def f(a: uint256):
    assert a | 1 == 1, "book: odd"
    if a > 5:
        raise "book: large"
    raw_revert(abi_encode(a, method_id=method_id("Bad(uint256)")))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "contracts" / "token").mkdir(parents=True)
    (tmp_path / "contracts" / "token" / "book.vy").write_text(MODULE)
    (tmp_path / "tests" / "contracts").mkdir(parents=True)
    (tmp_path / "tests" / "contracts" / "mock.vy").write_text(MODULE)
    return tmp_path


def test_the_table(root: Path):
    assert errors.main([], root) == 0
    rows = [line for line in (root / "docs/errors.md").read_text().splitlines() if "book" in line]
    assert rows == [
        "| `book: large` | token/book.vy | `f` | when `a > 5` |",
        "| `book: odd` | token/book.vy | `f` | unless `a \\| 1 == 1` |",
        "| `Bad(uint256)` | token/book.vy | `f` |",
    ]


def test_the_check_names_what_is_missing_and_what_is_stale(root: Path, capsys):
    assert errors.main(["--check"], root) == 1
    assert "docs/errors.md:1: missing, run `make snapshots`" in capsys.readouterr().out
    errors.main([], root)
    assert errors.main(["--check"], root) == 0
    module = root / "contracts/token/book.vy"
    module.write_text("\n\n" + MODULE)
    assert errors.main(["--check"], root) == 0, "a line that moves is no change"
    module.write_text(MODULE.replace("large", "huge"))
    capsys.readouterr()
    assert errors.main(["--check"], root) == 1
    out = capsys.readouterr().out
    assert "not in the sources any more" in out
    assert "missing" in out
    assert "book: huge" in out
