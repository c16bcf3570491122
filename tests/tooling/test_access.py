"""docs/access.md follows from the contracts' tags, and lint asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import access
from tools.vyper_source import parse

MODULE = """# pragma version 0.4.3
# pragma nonreentrancy on


@external
def act():
    \"\"\"
    @notice An act.
    {tags}
    \"\"\"


@external
@view
def seen() -> uint256:
    \"\"\"
    @notice A view.
    @return One.
    \"\"\"
    return 1
"""
CONTRACT = """# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
from contracts.token import book

exports: (
    book.act,
    book.seen,
)
"""


def module(*tags: str) -> str:
    return MODULE.format(tags="\n    ".join(tags))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "contracts" / "token").mkdir(parents=True)
    (tmp_path / "contracts" / "token" / "Unit.vy").write_text(CONTRACT)
    return tmp_path


def put(root: Path, *tags: str) -> None:
    (root / "contracts" / "token" / "book.vy").write_text(module(*tags))


def test_the_table(root: Path):
    put(
        root,
        "@custom:role administrator, guardian",
        "@custom:refused lanes, suspended lane, frozen caller, frozen to, expired from",
    )
    assert access.main([], root) == 0
    assert "| `act` | administrator, guardian | lanes | lane | caller, to | from |" in (
        (root / "docs/access.md").read_text().splitlines()
    )


def test_the_check_names_a_table_that_is_stale(root: Path, capsys: pytest.CaptureFixture[str]):
    put(root, "@custom:role guardian")
    access.main([], root)
    assert access.main(["--check"], root) == 0
    put(root, "@custom:role custodian")
    capsys.readouterr()
    assert access.main(["--check"], root) == 1
    assert "docs/access.md:1: differs from the sources" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ((), ["act: no @custom:role"]),
        (("@custom:role",), ["act: no @custom:role"]),
        (("@custom:role emperor",), ["act: unknown role `emperor`"]),
        (
            ("@custom:role anyone", "@custom:refused weather"),
            ["act: unknown state `weather`"],
        ),
        (
            ("@custom:role guardian, administrator",),
            ["act: in the order administrator, guardian, please"],
        ),
        (("@custom:role anyone, anyone",), ["act: named twice"]),
        (("@custom:role anyone",), []),
    ],
)
def test_lint_asks_for_roles_it_knows(tags: tuple[str, ...], found: list[str]):
    source = parse("contracts/token/book.vy", module(*tags))
    assert [finding.message for finding in access.check_tags(source)] == found


def test_a_view_needs_no_role():
    text = module("@custom:role anyone").replace(
        "@return One.", "@return One.\n    @custom:role anyone"
    )
    source = parse("contracts/token/book.vy", text)
    assert [finding.message for finding in access.check_tags(source)] == [
        "seen: changes nothing, and needs no role"
    ]
