"""Two halves that don't fit are refused, each for what is wrong with them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.build import Artifact, artifact
from tallystick.errors import CheckFailed
from tallystick.governance.halves import check_halves, misfits
from tallystick.governance.release import code_hashes, controls_in

CONTROLS = "0x" + "11" * 20


def changed_layout(item: Artifact, change: Callable[[dict[str, Any]], None]) -> Artifact:
    layout: dict[str, Any] = copy.deepcopy(dict(item.layout))
    change(layout)
    return replace(item, layout=layout)


def token(**changed: Any) -> Artifact:
    return replace(artifact("SecurityToken"), **changed)


def with_controls(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The token whose other half is changed."""
    return token(controls=change(artifact("SecurityTokenControls")))


def plant_moved(layout: dict[str, Any]) -> None:
    layout["storage_layout"]["book"]["_issue"]["slot"] += 1


def plant_type(layout: dict[str, Any]) -> None:
    layout["storage_layout"]["_initialized"]["type"] = "uint256"


def plant_missing(layout: dict[str, Any]) -> None:
    del layout["storage_layout"]["_initialized"]


def plant_lock(layout: dict[str, Any]) -> None:
    layout["transient_storage_layout"]["$.nonreentrant_key"]["slot"] = 1


def plant_immutable(layout: dict[str, Any]) -> None:
    layout["code_layout"]["_MORE"] = {"type": "address", "offset": 32, "length": 32}


def clashing(item: Artifact) -> Artifact:
    ids = dict(item.method_identifiers)
    ids["collides(uint256)"] = artifact("SecurityToken").method_identifiers["totalSupply()"]
    return replace(item, method_identifiers=ids)


def lacking(item: Artifact) -> Artifact:
    ids = {k: v for k, v in item.method_identifiers.items() if not k.startswith("pause(")}
    return replace(item, method_identifiers=ids)


PLANTED = {
    "moved": (
        lambda: with_controls(lambda item: changed_layout(item, plant_moved)),
        "book._issue: uint256 in slot 103, SecurityTokenControls book._issue: uint256 in slot 104",
    ),
    "other type": (
        lambda: with_controls(lambda item: changed_layout(item, plant_type)),
        "storage layout: SecurityToken has _initialized: bool in slot ",
    ),
    "less storage": (
        lambda: with_controls(lambda item: changed_layout(item, plant_missing)),
        "SecurityTokenControls nothing more",
    ),
    "more storage": (
        lambda: changed_layout(token(), plant_missing),
        "storage layout: SecurityToken has nothing more, SecurityTokenControls _initialized: bool",
    ),
    "other lock": (
        lambda: with_controls(lambda item: changed_layout(item, plant_lock)),
        "lock in slot 0, SecurityTokenControls $.nonreentrant_key: nonreentrant lock in slot 1",
    ),
    "same selector": (
        lambda: with_controls(clashing),
        "totalSupply() of SecurityToken hides collides(uint256) of SecurityTokenControls",
    ),
    "more immutables": (
        lambda: changed_layout(token(), plant_immutable),
        "SecurityToken has other immutables than the address CONTROLS",
    ),
    "immutables behind": (
        lambda: with_controls(lambda item: replace(item, immutables_length=32)),
        "SecurityTokenControls has immutables: its code would differ between ledgers",
    ),
    "no fallback": (
        lambda: token(abi=[e for e in artifact("SecurityToken").abi if e["type"] != "fallback"]),
        "SecurityToken hands on no call: it has no __default__",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_halves_that_do_not_fit_are_refused(planted: str) -> None:
    make, expected = PLANTED[planted]
    item = make()
    (found,) = misfits(item)
    assert expected in found
    for refusing in (check_halves, lambda each: code_hashes(each, CONTROLS)):
        with pytest.raises(CheckFailed) as caught:
            refusing(item)
        assert str(caught.value) == f"SecurityToken can't be released: {found}"


@pytest.mark.parametrize("name", ["", "NextMock", "NextButOneMock"])
def test_the_halves_of_every_release_fit(name: str) -> None:
    before = artifact("SecurityToken")
    assert misfits(artifact(f"SecurityToken{name}"), before) == []
    assert misfits(artifact("BridgeEscrow"), artifact("BridgeEscrow")) == []


def test_a_release_that_lacks_a_function_of_the_one_before_is_refused() -> None:
    less = with_controls(lacking)
    assert misfits(less) == []
    wanted = "pause(uint256,bytes4,bytes32) of SecurityToken is in neither half"
    assert misfits(less, artifact("SecurityToken")) == [wanted]
    with pytest.raises(CheckFailed, match="in neither half"):
        check_halves(less, artifact("SecurityToken"))


def test_a_release_in_one_piece_does_not_follow_one_in_two() -> None:
    whole = token(controls=None)
    assert misfits(whole) == []
    assert misfits(whole, artifact("SecurityToken")) == ["SecurityToken has no other half"]


def test_what_a_release_is_held_to_names_both_halves() -> None:
    item = artifact("SecurityToken")
    controls = artifact("SecurityTokenControls")
    here, there = code_hashes(item, CONTROLS), code_hashes(item, "0x" + "22" * 20)
    # The first half names an address of its ledger; the second is the same everywhere.
    assert here.code != there.code
    assert here.controls == there.controls == controls.code_hash
    assert here.layout == item.layout_hash == controls.layout_hash
    code = item.bytecode_runtime + bytes(12) + b"\x11" * 20
    assert item.is_code(code)
    assert not item.is_code(code + b"\0")
    assert controls_in(code) == CONTROLS
    escrow = artifact("BridgeEscrow")
    assert code_hashes(escrow) == (escrow.code_hash, bytes(32), escrow.layout_hash)
