"""Layouts of two releases: one bad release a rule, good ones, and random ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import build
from tallystick.build import artifact, artifacts
from tallystick.governance.layout import Finding, compare, conflicts, variables
from tallystick.governance.stored_type import parse_type
from tests.support.commands import ROOT

A = "struct A:\n    x: uint256\n    y: bool\n"
A_MORE = "struct A:\n    x: uint256\n    y: bool\n    z: uint256\n"
LOCKED = "@external\n@nonreentrant\ndef lock():\n    pass\n"
CONSTRUCTOR = "@deploy\ndef __init__():\n"
TAIL = "\ntail: uint256\n"
# What an upgrade must not do: rule -> the source before, after, and each finding that breaks, as
# `slot variable rule`.
BAD: Mapping[str, tuple[str, str, str]] = {
    "inserted": (
        "a: uint256\nb: address",
        "a: uint256\nnew: uint256\nb: address",
        "1 new slot-reused, 1 b variable-moved",
    ),
    "swapped": (
        "a: uint256\nb: address",
        "b: address\na: uint256",
        "0 a variable-moved, 1 b variable-moved",
    ),
    "removed": (
        "a: uint256\nb: address",
        "a: uint256",
        "1 b variable-removed",
    ),
    "removed, and another in its place": (
        "a: uint256\nb: address",
        "a: uint256\nc: bool",
        "1 c slot-reused, 1 b variable-removed",
    ),
    "renamed and not said": ("a: uint256", "b: uint256", "0 a rename-unsaid"),
    "made an immutable": (
        "a: uint256\nb: bool",
        f"b: bool\na: immutable(uint256)\n{CONSTRUCTOR}    a = 1",
        "0 a variable-removed, 1 b variable-moved",
    ),
    "other type": ("a: uint256", "a: address", "0 a type-changed"),
    "other sign": ("a: uint256", "a: int256", "0 a type-changed"),
    "bytes for a string": ("a: String[9]", "a: Bytes[9]", "0 a type-changed"),
    "a mapping for a word": (
        "a: uint256",
        "a: HashMap[uint256, uint256]",
        "0 a type-changed",
    ),
    "narrower number": ("a: uint256", "a: uint128", "0 a number-narrowed"),
    "flag reordered": (
        "flag F:\n    X\n    Y\na: F",
        "flag F:\n    Y\n    X\na: F",
        "0 a flag-changed",
    ),
    "flag shortened": (
        "flag F:\n    X\n    Y\na: F",
        "flag F:\n    X\na: F",
        "0 a flag-changed",
    ),
    "other key": (
        "a: HashMap[address, uint256]",
        "a: HashMap[uint256, uint256]",
        "0 a[key] key-changed",
    ),
    "other value": (
        "a: HashMap[address, HashMap[uint256, bool]]",
        "a: HashMap[address, HashMap[uint256, address]]",
        "0 a[][] type-changed",
    ),
    "shorter list": (
        f"a: DynArray[uint256, 5]{TAIL}",
        f"a: DynArray[uint256, 4]{TAIL}",
        "0 a bound-shrunk, 6 tail variable-moved",
    ),
    "shorter string": ("a: String[31]", "a: String[30]", "0 a bound-shrunk"),
    "longer strings in a list": (
        "a: DynArray[String[32], 5]",
        "a: DynArray[String[33], 5]",
        "0 a[] bound-grown",
    ),
    "shorter array": ("a: uint256[3]", "a: uint256[2]", "0 a length-shrunk"),
    "longer arrays in an array": (
        "a: uint256[3][2]",
        "a: uint256[4][2]",
        "0 a[] length-grown",
    ),
    "longer list before another": (
        f"a: DynArray[uint256, 5]{TAIL}",
        f"a: DynArray[uint256, 6]{TAIL}",
        "6 tail variable-moved",
    ),
    "longer string inside of a struct": (
        "struct S:\n    n: String[32]\n    x: uint256\na: S",
        "struct S:\n    n: String[33]\n    x: uint256\na: S",
        "0 a.n bound-grown",
    ),
    "member moved": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    y: bool\n    x: uint256\na: HashMap[address, A]",
        "0 a[].x member-moved, 0 a[].y member-moved",
    ),
    "member inserted": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    x: uint256\n    z: uint256\n    y: bool\na: HashMap[address, A]",
        "0 a[].z member-added, 0 a[].y member-moved",
    ),
    "member removed": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    x: uint256\na: HashMap[address, A]",
        "0 a[].y member-removed",
    ),
    "member of another type": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    x: uint256\n    y: bytes4\na: HashMap[address, A]",
        "0 a[].y type-changed",
    ),
    "member renamed and not said": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    x: uint256\n    w: bool\na: HashMap[address, A]",
        "0 a[].y rename-unsaid",
    ),
    "member added to what is listed": (
        f"{A}a: DynArray[A, 3]",
        f"{A_MORE}a: DynArray[A, 3]",
        "0 a[].z member-added",
    ),
    "member added to a struct in a struct": (
        f"{A}struct B:\n    a: A\n    n: uint256\nb: HashMap[uint256, B]",
        f"{A_MORE}struct B:\n    a: A\n    n: uint256\nb: HashMap[uint256, B]",
        "0 b[].a.z member-added",
    ),
    "taken, and not from the room": (
        f"a: uint256\n_reserved: uint256[8]{TAIL}",
        f"a: uint256\nnew: uint256\n_reserved: uint256[8]{TAIL}",
        "1 _reserved room-lost, 9 tail variable-moved",
    ),
    "more taken than was added": (
        "a: uint256\n_reserved: uint256[8]",
        "a: uint256\nnew: uint256\n_reserved: uint256[6]",
        "1 _reserved room-lost",
    ),
    "taken from what only sounds like room": (
        "reserved: uint256[8]",
        "new: uint256\nreserved: uint256[7]",
        "0 reserved length-shrunk, 0 new slot-reused, 0 reserved variable-moved",
    ),
    "room given up": ("a: uint256\n__gap: uint256[8]", "a: uint256", "1 __gap room-lost"),
    "another member in its place": (
        f"{A}a: HashMap[address, A]",
        "struct A:\n    x: uint256\n    w: bytes4\na: HashMap[address, A]",
        "0 a[].w member-added, 0 a[].y member-removed",
    ),
    "longer string before another in a tuple": (
        "a: (String[32], bool)",
        "a: (String[33], bool)",
        "0 a[0] bound-grown",
    ),
    "longer tuple": ("a: (bool, bool)", "a: (bool, bool, bool)", "0 a type-changed"),
    "a variable made room": (
        "a: uint256[4]",
        "_reserved: uint256[4]",
        "0 _reserved slot-reused, 0 a variable-removed",
    ),
    "room made a variable": (
        "_reserved: uint256[4]",
        "_reserved: address[4]",
        "0 _reserved[] type-changed",
    ),
    "room grown over what follows": (
        f"_reserved: uint256[2]{TAIL}",
        f"_reserved: uint256[4]{TAIL}",
        "0 _reserved room-lost, 2 tail variable-moved",
    ),
    "evm-version": (
        "# pragma evm-version cancun\na: uint256",
        "# pragma evm-version shanghai\na: uint256",
        "0 $.nonreentrant_key evm-version, 0 a variable-moved",
    ),
    "evm-version, with a lock": (
        f"# pragma evm-version shanghai\na: uint256\n{LOCKED}",
        f"# pragma evm-version cancun\na: uint256\n{LOCKED}",
        "0 $.nonreentrant_key evm-version, 1 a variable-moved",
    ),
}
# What it may: the source before, after, and each finding.
GOOD: Mapping[str, tuple[str, str, str]] = {
    "nothing": (f"{A}a: A[3]\n{LOCKED}", f"{A}a: A[3]\n{LOCKED}", ""),
    "appended": ("a: uint256", "a: uint256\nb: address", "1 b variable-added"),
    "interface for an address": (
        "a: address",
        "interface I:\n    def f(): view\na: I",
        "0 a interface-changed",
    ),
    "wider number": ("a: int64", "a: int256", "0 a number-widened"),
    "wider key": ("a: HashMap[uint64, bool]", "a: HashMap[uint128, bool]", ""),
    "flag with one more": (
        "flag F:\n    X\na: F",
        "flag F:\n    X\n    Y\na: F",
        "0 a flag-grown",
    ),
    "longer list at the end": (
        "a: DynArray[uint256, 5]",
        "a: DynArray[uint256, 6]",
        "0 a bound-grown",
    ),
    "longer list that is mapped": (
        f"a: HashMap[uint256, DynArray[uint256, 5]]{TAIL}",
        f"a: HashMap[uint256, DynArray[uint256, 6]]{TAIL}",
        "0 a[] bound-grown",
    ),
    "longer string in the same words": (
        f"a: String[33]{TAIL}",
        f"a: String[64]{TAIL}",
        "0 a bound-grown",
    ),
    "longer strings in a list, in the same words": (
        "a: DynArray[String[3], 5]",
        "a: DynArray[String[32], 5]",
        "0 a[] bound-grown",
    ),
    "longer string at the end of a tuple": (
        "a: (bool, String[32])",
        "a: (bool, String[33])",
        "0 a[1] bound-grown",
    ),
    "longer array at the end": ("a: uint256[3]", "a: uint256[4]", "0 a length-grown"),
    "member added to what is mapped": (
        f"{A}a: HashMap[address, A]{TAIL}",
        f"{A_MORE}a: HashMap[address, A]{TAIL}",
        "0 a[].z member-added",
    ),
    "struct with another name": (
        f"{A}a: A",
        f"{A.replace('A', 'B')}a: B",
        "0 a type-renamed",
    ),
    "taken from the room": (
        f"a: uint256\n_reserved: uint256[8]{TAIL}",
        f"a: uint256\nnew: address[2]\n_reserved: uint256[6]{TAIL}",
        "1 _reserved room-used, 1 new variable-added",
    ),
    "grown into the room": (
        f"a: uint256[2]\n_reserved: uint256[8]{TAIL}",
        f"a: uint256[5]\n_reserved: uint256[5]{TAIL}",
        "0 a length-grown, 2 _reserved room-used",
    ),
    "all of the room taken": (
        f"a: uint256\n_reserved: uint256[2]{TAIL}",
        f"a: uint256\nnew: address[2]{TAIL}",
        "1 _reserved room-used, 1 new variable-added",
    ),
    "more room at the end": (
        "a: uint256\n_reserved: uint256[2]",
        "a: uint256\n_reserved: uint256[4]",
        "1 _reserved room-grown",
    ),
    "room appended": (
        "a: uint256",
        "a: uint256\n_reserved: uint256[4]",
        "1 _reserved room-added",
    ),
    "lock in a first function": (
        "a: uint256",
        f"a: uint256\n{LOCKED}",
        "0 $.nonreentrant_key lock-changed",
    ),
    "lock in a first function before cancun": (
        "# pragma evm-version shanghai\na: uint256",
        f"# pragma evm-version shanghai\na: uint256\n{LOCKED}",
        "0 $.nonreentrant_key lock-changed",
    ),
    "evm-version without storage": (
        f"# pragma evm-version shanghai\n{LOCKED}",
        f"# pragma evm-version cancun\n{LOCKED}",
        "0 $.nonreentrant_key evm-version",
    ),
    "transient variable": (
        "a: transient(uint256)",
        "b: transient(bool)\na: transient(uint256)",
        "1 a transient-changed, 1 b transient-changed",
    ),
    "immutables": (
        f"M: immutable(uint256)\nN: immutable(uint256)\n{CONSTRUCTOR}    M = 1\n    N = 1",
        f"N: immutable(uint256)\nO: immutable(uint256)\n{CONSTRUCTOR}    N = 1\n    O = 1",
        "0 M immutable-changed, 32 N immutable-changed, 32 O immutable-changed",
    ),
    "an immutable is stored": (
        "a: immutable(uint256)\n@deploy\ndef __init__():\n    a = 1",
        "a: uint256",
        "0 a immutable-changed, 0 a now-stored",
    ),
}


def layout_of(folder: Path, source: str, name: str = "X") -> dict[str, Any]:
    path = folder / f"{name}.vy"
    path.write_text(source)
    return build.compile_layout(path)[0]


def told(found: Sequence[Finding]) -> str:
    return ", ".join(f"{each.slot} {each.variable} {each.rule}" for each in found)


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize("name", BAD)
def test_what_breaks_storage_is_found(tmp_path: Path, name: str) -> None:
    before, after, expected = BAD[name]
    found = conflicts(layout_of(tmp_path, before), layout_of(tmp_path, after))
    assert told(found) == expected


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize("name", GOOD)
def test_what_keeps_storage_passes_and_is_told(tmp_path: Path, name: str) -> None:
    before, after, expected = GOOD[name]
    found = compare(layout_of(tmp_path, before), layout_of(tmp_path, after))
    assert told(found) == expected
    assert "breaks" not in {each.severity for each in found}


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize(
    ("renames", "expected"),
    [
        ({}, "0 a rename-unsaid breaks, 1 s[].y rename-unsaid breaks"),
        ({"a": "b"}, "1 s[].y rename-unsaid breaks, 0 a renamed allowed"),
        ({"a": "b", "A.y": "A.w"}, "0 a renamed allowed"),
    ],
)
def test_a_rename_has_to_be_said(tmp_path: Path, renames: dict[str, str], expected: str) -> None:
    before = layout_of(tmp_path, f"{A}a: uint256\ns: HashMap[address, A]")
    after = layout_of(tmp_path, f"{A}b: uint256\ns: HashMap[address, A]".replace("y:", "w:"))
    found = compare(before, after, renames)
    assert ", ".join(f"{told([each])} {each.severity}" for each in found) == expected
    (said, *_) = compare(before, after)
    assert said.why.endswith("--rename a=b")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "swapped",
            ["it would be read where b is stored", "it would be read where a is stored"],
        ),
        (
            "made an immutable",
            [
                "it is in no storage any more: what it stored is not read",
                "it would be read where a is stored",
            ],
        ),
        ("removed", ["what it stored is left behind, for whatever comes to stand there"]),
        (
            "longer list before another",
            ["it would be read where nothing is stored yet"],
        ),
    ],
)
def test_a_finding_says_what_would_be_read(tmp_path: Path, name: str, expected: list[str]) -> None:
    before, after, _ = BAD[name]
    found = conflicts(layout_of(tmp_path, before), layout_of(tmp_path, after))
    assert [each.why for each in found] == expected


def test_a_rename_takes_the_flag_members_and_modules_with_it(tmp_path: Path) -> None:
    before = layout_of(tmp_path, "flag F:\n    X\n    Y\na: F")
    after = layout_of(tmp_path, "flag F:\n    X\n    Z\na: F")
    assert told(conflicts(before, after)) == "0 a flag-changed"
    assert compare(before, after, {"F.Y": "F.Z"}) == [
        Finding(
            "flag-grown",
            "allowed",
            0,
            "a",
            "F(X, Y)",
            "F(X, Z)",
            "members that were there keep their bits",
        )
    ]


def test_a_rename_does_not_hide_a_change(tmp_path: Path) -> None:
    before, after = (layout_of(tmp_path, text) for text in ("a: uint256\nc: bool", "b: address"))
    found = conflicts(before, after, {"a": "b"})
    assert told(found) == "0 a type-changed, 1 c variable-removed"


@pytest.mark.requirement("R-61")
def test_a_lock_that_was_placed_by_hand_may_not_move() -> None:
    def layout(slot: int) -> dict[str, Any]:
        lock = {"type": "nonreentrant lock", "slot": slot, "n_slots": 1}
        return {"storage_layout": {"$.nonreentrant_key": lock, "a": word(1)}}

    assert conflicts(layout(7), layout(7)) == []
    assert told(conflicts(layout(7), layout(8))) == "7 $.nonreentrant_key lock-moved"


def test_what_comes_to_stand_where_the_lock_was_is_found() -> None:
    lock = {"type": "nonreentrant lock", "slot": 7, "n_slots": 1}
    before = {"storage_layout": {"$.nonreentrant_key": lock, "a": word(1)}}
    found = conflicts(before, {"storage_layout": {"a": word(1), "b": word(7)}})
    assert told(found) == "7 b slot-reused"


def word(slot: int, kind: str = "uint256") -> dict[str, Any]:
    return {"type": kind, "slot": slot, "n_slots": parse_type(kind).slots}


# ------------------------------------------------------------- trees of modules, flat contracts

OWNED = "owner: public(address)\n_reserved: uint256[4]\n"
PAUSED = "stopped: public(bool)\nuntil: HashMap[address, uint256]\n_reserved: uint256[4]\n"
TREE = """
import owned
import paused
initializes: owned
initializes: paused
struct Account:
    balance: uint256
    nonce: uint64
accounts: HashMap[address, Account]
exports: (owned.owner, paused.stopped)
"""
OUTGROWN = (
    "1 owned._reserved room-lost, 5 paused.stopped variable-moved, "
    "6 paused.until variable-moved, 7 paused._reserved room-lost, 11 accounts variable-moved"
)
REORDERED = (
    "0 owned.owner variable-moved, 1 owned._reserved room-lost, 5 paused.stopped variable-moved, "
    "6 paused.until variable-moved"
)


def tree(folder: Path, changed: Mapping[str, str]) -> dict[str, Any]:
    """A token over modules that keep room, as libraries of Vyper modules are used."""
    folder.mkdir()
    files = {"owned": OWNED, "paused": PAUSED, "Token": TREE} | changed
    for name, text in files.items():
        (folder / f"{name}.vy").write_text(text)
    return build.compile_layout(folder / "Token.vy")[0]


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        (
            {"owned": f"owner: public(address)\nheir: address\n{OWNED.splitlines()[1]}\n"},
            OUTGROWN,
        ),
        (
            {"owned": "owner: public(address)\nheir: address\n_reserved: uint256[3]\n"},
            "",
        ),
        (
            {
                "Token": TREE.replace(
                    "initializes: owned\ninitializes: paused",
                    "initializes: paused\ninitializes: owned",
                )
            },
            REORDERED,
        ),
        (
            {"Token": TREE.replace("nonce: uint64", "nonce: uint64\n    frozen: bool")},
            "",
        ),
        (
            {"Token": TREE.replace("balance: uint256\n    nonce: uint64", "nonce: uint64")},
            "11 accounts[].nonce member-moved, 11 accounts[].balance member-removed",
        ),
    ],
    ids=["same", "outgrown", "taken from room", "reordered", "member added", "member removed"],
)
def test_a_tree_of_modules(tmp_path: Path, changed: Mapping[str, str], expected: str) -> None:
    before = tree(tmp_path / "old", {})
    assert told(conflicts(before, tree(tmp_path / "new", changed))) == expected


def test_a_module_with_another_name_is_said_once(tmp_path: Path) -> None:
    before = tree(tmp_path / "old", {})
    after = tree(tmp_path / "new", {"Token": TREE.replace("owned", "held"), "held": OWNED})
    assert {each.rule for each in conflicts(before, after)} == {"rename-unsaid"}
    assert conflicts(before, after, {"owned": "held"}) == []


POOL = """
N: constant(uint256) = 2
coins: public(address[N])
balances: public(uint256[N])
fee: public(uint256)
admin: address
ramps: DynArray[uint256, N + 1]
@external
@nonreentrant
def exchange(i: uint256, amount: uint256) -> uint256:
    self.balances[i] += amount
    return amount
@external
@nonreentrant
def withdraw(i: uint256):
    self.balances[i] = 0
"""


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (POOL.replace("@nonreentrant\n", ""), ""),
        (POOL.replace("admin: address", "admin: address\nnew: uint256"), "6 new slot-reused"),
        (POOL + "\nlast: uint256\n", ""),
        (POOL.replace("= 2", "= 3"), "2 balances variable-moved, 4 fee variable-moved"),
        ("# pragma evm-version shanghai\n" + POOL, "0 $.nonreentrant_key evm-version"),
    ],
    ids=["without locks", "inserted", "appended", "one more coin", "before cancun"],
)
def test_a_flat_contract_with_locks(tmp_path: Path, after: str, expected: str) -> None:
    found = conflicts(layout_of(tmp_path, POOL), layout_of(tmp_path, after))
    assert told(found).startswith(expected)
    assert bool(found) == bool(expected)


# ------------------------------------------------------------------------------------- random

_WORDS = st.sampled_from(["uint256", "uint8", "int128", "address", "bool", "bytes32"])
_TYPES = st.recursive(
    _WORDS,
    lambda inner: st.one_of(
        st.builds("HashMap[{}, {}]".format, _WORDS, inner),
        st.builds("DynArray[{}, {}]".format, inner, st.integers(1, 4)),
        st.builds("{}[{}]".format, inner, st.integers(1, 4)),
        st.builds("String[{}]".format, st.integers(1, 99)),
        st.builds("S{{a: {}, b: {}}}".format, inner, inner),
    ),
    max_leaves=5,
)
_LAYOUTS = st.lists(_TYPES, min_size=1, max_size=8)


def placed(kinds: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A layout of named types, one after the other, as the compiler gives slots."""
    rows, slot = {}, 0
    for name, kind in kinds:
        rows[name] = word(slot, kind)
        slot += rows[name]["n_slots"]
    return {"storage_layout": rows}


def named(kinds: Sequence[str], prefix: str = "v") -> list[tuple[str, str]]:
    return [(f"{prefix}{at}", kind) for at, kind in enumerate(kinds)]


@pytest.mark.requirement("R-61")
@given(_LAYOUTS, st.lists(_TYPES, max_size=3))
def test_what_only_appends_passes(kinds: list[str], more: list[str]) -> None:
    before = placed(named(kinds))
    found = compare(before, placed([*named(kinds), *named(more, "new")]))
    assert [each.rule for each in found] == ["variable-added"] * len(more)
    assert [each.variable for each in found] == [name for name, _ in named(more, "new")]


@pytest.mark.requirement("R-61")
@given(_LAYOUTS, _TYPES, st.data())
def test_every_variable_that_moves_is_found(kinds: list[str], new: str, data: Any) -> None:
    old = named(kinds)
    at = data.draw(st.integers(0, len(old) - 1))
    after = placed([*old[:at], ("new", new), *old[at:]])
    found = conflicts(placed(old), after)
    assert {each.variable for each in found if each.rule == "variable-moved"} == {
        name for name, _ in old[at:]
    }
    assert told([each for each in found if each.rule == "slot-reused"]).endswith("new slot-reused")


@pytest.mark.requirement("R-61")
@given(st.permutations(range(5)), st.lists(_TYPES, min_size=5, max_size=5))
def test_another_order_passes_only_where_all_stay(order: list[int], kinds: list[str]) -> None:
    old = named(kinds)
    before, after = placed(old), placed([old[at] for at in order])
    stay = {each.name: each.slot for each in variables(before)} == {
        each.name: each.slot for each in variables(after)
    }
    assert (conflicts(before, after) == []) == stay


@given(_TYPES)
def test_a_type_is_read_as_it_is_written(kind: str) -> None:
    assert str(parse_type(kind)) == kind


@pytest.mark.parametrize(
    "text", ["", "A", "uint256[", "uint256[x]", "uint256 x", "S{x uint256}", "F()", "HashMap[bool]"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type|written out|invalid literal"):
        parse_type(text)


# --------------------------------------------------------------------------------- our own


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize("name", sorted(artifacts()))
def test_every_deployable_keeps_its_own_storage(name: str) -> None:
    layout = artifact(name).layout
    assert compare(layout, layout) == []
    for each in variables(layout):
        assert (str(parse_type(each.kind)), parse_type(each.kind).slots) == (each.kind, each.size)


def test_the_page_tells_every_rule_that_a_release_here_breaks_or_keeps(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "layout.md").read_text()
    written = re.findall(r"^\| `([a-z-]+)` \| ([a-z, ]+) \|", page, re.MULTILINE)
    seen: dict[str, set[str]] = {"lock-moved": {"breaks"}, "renamed": {"allowed"}}
    for before, after, _ in (*BAD.values(), *GOOD.values()):
        for each in compare(layout_of(tmp_path, before), layout_of(tmp_path, after)):
            seen.setdefault(each.rule, set()).add(each.severity)
    assert {rule: set(severities.split(", ")) for rule, severities in written} == seen
