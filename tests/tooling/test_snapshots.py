"""Snapshots show what others see of a contract, and a change shows as a diff."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tools import snapshots
from tools.compiling import contracts

FIXTURE = Path(__file__).parent / "fixtures" / "suite"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "interfaces").mkdir(exist_ok=True)
    (tmp_path / "interfaces" / "IERC165.vyi").write_text(
        "# pragma version 0.4.3\n\n\n@view\n@external\n"
        "def supportsInterface(interface_id: bytes4) -> bool: ...\n"
    )
    return tmp_path


def test_a_snapshot_holds_selectors_layout_and_size(root: Path):
    taken, findings = snapshots.take(root)
    assert not findings
    counter = taken["Counter.json"]
    assert "total() -> (uint256) view 0x2ddbd13a" in counter["functions"]
    assert "put(uint256 amount) -> (uint256) nonpayable 0x3fb5c1cb" not in counter["functions"]
    assert any(row.startswith("put(uint256 amount) -> (uint256) ") for row in counter["functions"])
    assert counter["storage_layout"] == [
        "0: ledger.held: HashMap[address, uint256] (1)",
        "1: total: uint256 (1)",
    ]
    assert counter["code_layout"] == ["0: START: uint256 (32 bytes)"]
    (compiled,) = contracts(root)
    assert counter["deployed_size"] == len(compiled.bytecode_runtime) + 32
    assert taken["interfaces.json"]["IERC165"]["erc165_id"] == "0x01ffc9a7"


def test_write_then_check_then_a_change_shows(root: Path, capsys):
    assert snapshots.main(["--check"], root) == 1
    assert snapshots.main(["--write"], root) == 0
    assert snapshots.main(["--check"], root) == 0
    stale = root / snapshots.FOLDER / "Gone.json"
    stale.write_text("{}\n")
    source = root / "contracts/sample/Counter.vy"
    source.write_text(source.read_text().replace("def grade(", "def graded("))
    capsys.readouterr()
    assert snapshots.main(["--check"], root) == 1
    out = capsys.readouterr().out
    assert '-  "grade(uint256 mark)' in out
    assert '+  "graded(uint256 mark)' in out
    assert "Gone.json" in out
    assert snapshots.main(["--write"], root) == 0
    assert not stale.exists()


@pytest.mark.requirement("R-61")
def test_a_change_that_breaks_storage_is_named(root: Path, capsys):
    snapshots.main(["--write"], root)
    taken, _ = snapshots.take(root)
    assert snapshots.check_layouts(root, taken) == []
    source = root / "contracts/sample/Counter.vy"
    source.write_text(source.read_text().replace("total: public(", "more: bool\ntotal: public("))
    capsys.readouterr()
    assert snapshots.main(["--check"], root) == 1
    expected = "slot 1 total: slot 1 -> slot 2: variable-moved: it would be read where"
    assert f"contracts/sample/Counter.vy:1: {expected}" in capsys.readouterr().out
    # Said once more where it is meant, and not again.
    assert snapshots.main(["--write"], root) == 0
    assert expected in capsys.readouterr().out
    assert snapshots.main(["--check"], root) == 0
    assert capsys.readouterr().out == ""


def test_a_contract_that_does_not_compile_is_a_finding(root: Path):
    source = root / "contracts/sample/Counter.vy"
    source.write_text(source.read_text().replace("return 3", "return msg.sender"))
    _, findings = snapshots.take(root)
    assert [(item.path, item.rule) for item in findings] == [
        ("contracts/sample/Counter.vy", "compile")
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(23_500, None), (23_501, "budget"), (24_576, "budget"), (24_577, "EIP-170")],
)
def test_the_size_budget(size: int, expected: str | None):
    (compiled,) = contracts(FIXTURE)
    large = replace(compiled, bytecode_runtime=bytes(size - compiled.immutables_length))
    found = snapshots.check_size(large)
    assert len(found) == (expected is not None)
    assert all(expected in item.message for item in found if expected)
