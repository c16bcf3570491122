"""Layouts are read from sources, artifacts and what the compiler writes, and are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tallystick.build import artifact
from tallystick.errors import InputError
from tallystick.files.layout import check_renames, layout_json, load_layout
from tallystick.files.vyper_output import whole_layout
from tallystick.governance.layout import compare

# All that a type can be made of, over modules of which one is only imported.
SOURCES: Mapping[str, str] = {
    "shared.vy": """
LENGTH: constant(uint256) = 2 ** 3 - 1
flag Role:
    ADMIN
    USER
struct Amount:
    value: uint256
    unit: bytes3
""",
    "IVault.vyi": "@external\ndef f(): ...\n",
    "held.vy": """
import shared
import IVault
from ethereum.ercs import IERC20
struct Entry:
    amounts: DynArray[shared.Amount, shared.LENGTH]
    roles: shared.Role
    vault: IVault
entries: HashMap[address, Entry]
token: IERC20
late: transient(uint256)
""",
    "Top.vy": """
import held
import shared
initializes: held
interface Listener:
    def heard(): nonpayable
N: constant(uint256) = 5
struct Entry:
    name: String[N * 2]
    both: uint128[N // 2][N % 3]
listeners: DynArray[Listener, N + shared.LENGTH]
pair: (uint256, bool)
mine: public(HashMap[bytes32, HashMap[uint8, Entry]])
amount: shared.Amount
LIMIT: immutable(shared.Amount)
@deploy
def __init__():
    LIMIT = shared.Amount(value=1, unit=0x000000)
@external
@nonreentrant
def f():
    self.listeners = []
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def compiled(folder: Path, *arguments: str, tool: str = "vyper") -> str:
    command = [str(Path(sys.executable).parent / tool), *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def standard(folder: Path, selected: Mapping[str, list[str]]) -> Path:
    """The standard-JSON output for the sources."""
    given = {
        "language": "Vyper",
        "sources": {name: {"content": text} for name, text in SOURCES.items()},
        "settings": {"outputSelection": selected},
    }
    (folder / "in.json").write_text(json.dumps(given))
    (folder / "out.json").write_text(compiled(folder, "in.json", tool="vyper-json"))
    return folder / "out.json"


@pytest.mark.requirement("R-61")
def test_a_source_has_whole_types(folder: Path) -> None:
    found = load_layout(folder / "Top.vy")
    assert found.name == "Top"
    amount = "Amount{value: uint256, unit: bytes3}"
    stored = found.layout["storage_layout"]
    assert stored["held"]["entries"]["type"] == (
        f"HashMap[address, Entry{{amounts: DynArray[{amount}, 7], "
        "roles: Role(ADMIN, USER), vault: interface IVault}]"
    )
    assert stored["held"]["token"]["type"] == "interface IERC20"
    assert stored["listeners"]["type"] == "DynArray[interface Listener, 12]"
    assert stored["mine"]["type"] == (
        "HashMap[bytes32, HashMap[uint8, Entry{name: String[10], both: uint128[2][2]}]]"
    )
    assert stored["pair"]["type"] == "(uint256, bool)"
    assert found.layout["code_layout"]["LIMIT"]["type"] == amount
    assert {Path(path).name for path in found.sources} == set(SOURCES)


@pytest.mark.requirement("R-61")
def test_every_form_tells_the_same(folder: Path) -> None:
    expected = load_layout(folder / "Top.vy").layout
    printed = folder / "printed.json"
    for formats in ("layout,annotated_ast", "annotated_ast,layout"):
        printed.write_text(compiled(folder, "-f", formats, "Top.vy"))
        assert load_layout(printed).name == "Top"
        assert load_layout(printed).layout == expected
    every = ["layout", "annotated_ast"]
    output = standard(folder, {"Top.vy": every, "held.vy": every, "shared.vy": every})
    assert load_layout(output, contract="Top").layout == expected
    shown = folder / "shown.json"
    shown.write_text(json.dumps(layout_json(load_layout(folder / "Top.vy"))))
    assert load_layout(shown).layout == expected
    assert load_layout(shown).name == "Top"


def test_syntax_of_modules_may_be_appended(folder: Path) -> None:
    """As vyper 0.4.0 makes necessary, which prints that of the contract alone."""
    printed = folder / "printed.json"
    layout, tree = compiled(folder, "-f", "layout,annotated_ast", "Top.vy").strip().splitlines()
    alone = json.dumps({"ast": json.loads(tree)["ast"]})
    printed.write_text(layout + alone)
    with pytest.raises(InputError, match=r"there is no annotated_ast of held\.vy"):
        load_layout(printed)
    modules = compiled(folder, "-f", "annotated_ast", "held.vy", "shared.vy")
    printed.write_text(layout + alone + modules)
    assert load_layout(printed).layout == load_layout(folder / "Top.vy").layout


@pytest.mark.parametrize("name", ["SecurityToken", "BridgeEscrow", "ActionsEngine", "LaneCustody"])
def test_syntax_tells_the_same_types_of_our_contracts_as_the_compiler(name: str) -> None:
    item = artifact(name)
    bare: dict[str, Any] = json.loads(json.dumps(item.layout))
    _blank(bare)
    tree = item.annotated_ast
    assert whole_layout(bare, tree["ast"], tree["imports"]) == item.layout


def _blank(node: dict[str, Any]) -> None:
    for name, inner in node.items():
        if isinstance(inner, dict):
            _blank(inner)
        elif name == "type" and inner != "nonreentrant lock":
            node[name] = "?"


def test_an_artifact_of_the_build_is_read(folder: Path) -> None:
    item = artifact("SecurityToken")
    path = folder / "SecurityToken.json"
    path.write_text(json.dumps({"name": item.name, "layout": item.layout, "abi": []}))
    found = load_layout(path)
    assert (found.name, found.layout) == ("SecurityToken", item.layout)
    assert compare(found.layout, item.layout) == []


def test_a_source_is_compiled_for_the_evm_that_is_said(folder: Path) -> None:
    source = folder / "One.vy"
    source.write_text("a: uint256\n")
    slots = [
        load_layout(source, evm_version=name).layout["storage_layout"]["a"]["slot"]
        for name in ("shanghai", "cancun", None)
    ]
    assert slots == [1, 0, 0]


def test_imports_are_found_where_is_said(folder: Path) -> None:
    other = folder / "other"
    (other / "kept").mkdir(parents=True)
    (other / "kept" / "room.vy").write_text("a: uint256\n")
    (folder / "One.vy").write_text("from kept import room\ninitializes: room\n")
    with pytest.raises(InputError, match=r"One\.vy: source: "):
        load_layout(folder / "One.vy")
    found = load_layout(folder / "One.vy", search_paths=[other])
    assert found.layout["storage_layout"]["room"]["a"]["slot"] == 0


_A = {"type": "uint256", "slot": 0, "n_slots": 1}
_WRONG: Mapping[str, tuple[Any, str]] = {
    "no layout": ({"abi": []}, "0 layouts: expected a layout"),
    "a list": ([], "a list of 0: expected a layout"),
    "a struct by name": (
        {"storage_layout": {"m": {"a": _A | {"type": "A"}}}},
        r"storage_layout\.m\.a\.type: A: expected a type with all its members \(A is not written",
    ),
    "no slot": (
        {"storage_layout": {"a": {"type": "uint256", "n_slots": 1}}},
        r"storage_layout\.a\.slot: nothing: expected a whole number",
    ),
    "another size": (
        {"storage_layout": {"a": _A | {"n_slots": 2}}},
        r"storage_layout\.a\.n_slots: 2: expected 1, as its type",
    ),
    "no variable": (
        {"storage_layout": {"a": 3}},
        r"storage_layout\.a: 3: expected a variable, or a module with variables",
    ),
    "a tree of another shape": (
        [{"storage_layout": {"a": _A}}, {"ast": {"body": 1}}],
        "annotated_ast: another shape: expected a layout",
    ),
    "a type without end": (
        {"storage_layout": {"a": _A | {"type": "DynArray[" * 3000 + "bool" + ", 2]" * 3000}}},
        r"storage_layout\.a\.type: DynArray\[",
    ),
    "an array without end": (
        {"storage_layout": {"a": _A | {"type": "bool" + "[1]" * 3000}}},
        r"storage_layout\.a\.type: bool\[",
    ),
    "a tree too deep": ({"storage_layout": [[]]}, "storage_layout: a list of 1: expected"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_what_has_no_layout_is_one_line(tmp_path: Path, name: str) -> None:
    given, expected = _WRONG[name]
    path = tmp_path / "x.json"
    documents = given if isinstance(given, list) and given else [given]
    path.write_text("\n".join(json.dumps(each) for each in documents))
    with pytest.raises(InputError, match=expected) as caught:
        load_layout(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_contract_that_does_not_compile_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "X.vy"
    path.write_text("a: nothing\n")
    with pytest.raises(InputError) as caught:
        load_layout(path)
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith(f"{path}: source: ")
    assert "or the output of its own compiler" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct S:\n    a: S\ns: S\n", "nested too deeply"),
        ("N: constant(uint256) = N\nstruct S:\n    a: bool[N]\ns: S\n", "nested too deeply"),
        ("struct S:\n    a: bool[9 ** 9 ** 9]\ns: S\n", "a length out of bounds"),
        ("struct S:\n    a: bool[9 // 0]\ns: S\n", "another shape"),
    ],
    ids=["a struct of itself", "a constant of itself", "without bound", "no number"],
)
def test_syntax_that_no_compiler_takes_is_refused(folder: Path, text: str, expected: str) -> None:
    """Whoever wrote it: a file may come from anybody."""
    (folder / "One.vy").write_text(text)
    tree = json.loads(compiled(folder, "-f", "ast", "One.vy"))
    layout = {"storage_layout": {"s": {"type": "S", "slot": 0, "n_slots": 1}}}
    (folder / "one.json").write_text(json.dumps(layout) + json.dumps(tree))
    with pytest.raises(InputError, match=expected):
        load_layout(folder / "one.json")


def test_of_several_contracts_one_is_said(folder: Path) -> None:
    output = standard(folder, {"Top.vy": ["layout"], "held.vy": ["layout"]})
    with pytest.raises(InputError, match=r"contracts: Top, held: expected one contract"):
        load_layout(output)
    with pytest.raises(InputError, match=r"contracts: Bottom: expected one contract"):
        load_layout(output, contract="Bottom")
    # Types of which nobody says what they are made of are not taken for equal.
    with pytest.raises(InputError, match=r"Amount is not written out"):
        load_layout(output, contract="Top")


def test_a_module_without_syntax_is_said(folder: Path) -> None:
    output = standard(folder, {"Top.vy": ["layout", "annotated_ast"]})
    with pytest.raises(InputError, match=r"there is no annotated_ast of held\.vy"):
        load_layout(output)


def test_a_length_that_only_the_compiler_knows_is_refused_not_guessed(folder: Path) -> None:
    (folder / "One.vy").write_text("struct S:\n    a: uint256[max(2, 3)]\ns: HashMap[address, S]\n")
    stored = load_layout(folder / "One.vy").layout["storage_layout"]
    assert stored["s"]["type"] == "HashMap[address, S{a: uint256[3]}]"
    (folder / "one.json").write_text(compiled(folder, "-f", "layout,annotated_ast", "One.vy"))
    with pytest.raises(InputError, match="types: a length that is Call: expected"):
        load_layout(folder / "one.json")


@pytest.mark.parametrize(
    ("renames", "expected"),
    [
        ({"held": "held"}, ""),
        ({"held.entries": "mine"}, ""),
        ({"Amount.unit": "Amount.value", "Role.USER": "Role.ADMIN"}, ""),
        ({"entries": "mine"}, "--rename: entries: expected a variable, module, or .* old layout"),
        ({"mine": "yours"}, "--rename: yours: expected a variable, module, or .* new layout"),
    ],
)
def test_a_rename_names_what_is_there(folder: Path, renames: dict[str, str], expected: str) -> None:
    found = load_layout(folder / "Top.vy")
    if expected:
        with pytest.raises(InputError, match=expected):
            check_renames(found, found, renames)
    else:
        check_renames(found, found, renames)
