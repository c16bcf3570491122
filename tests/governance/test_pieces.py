"""Pieces that don't fit are refused, each for what is wrong with them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.build import Artifact, artifact
from tallystick.chain.abi import keccak
from tallystick.errors import CheckFailed
from tallystick.governance.pieces import check_pieces, misfits
from tallystick.governance.release import addresses_behind, code_hashes, is_behind

# Where controls and settings are, and records, and ratios, and fractions.
BEHIND = ("0x" + "11" * 20, "0x" + "22" * 20)
BEHIND_OF_FOUR = (*BEHIND, "0x" + "33" * 20)
BEHIND_OF_FIVE = (*BEHIND_OF_FOUR, "0x" + "44" * 20)
BEHIND_OF_SIX = (*BEHIND_OF_FIVE, "0x" + "55" * 20)


def changed_layout(item: Artifact, change: Callable[[dict[str, Any]], None]) -> Artifact:
    layout: dict[str, Any] = copy.deepcopy(dict(item.layout))
    change(layout)
    return replace(item, layout=layout)


def token(**changed: Any) -> Artifact:
    return replace(artifact("SecurityToken"), **changed)


def with_controls(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The token whose second piece is changed."""
    controls, settings = artifact("SecurityToken").behind
    return token(behind=(change(controls), settings))


def with_settings(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The token whose third piece is changed."""
    controls, settings = artifact("SecurityToken").behind
    return token(behind=(controls, change(settings)))


def with_records(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The engine whose fourth piece is changed."""
    item = artifact("ActionsEngine")
    return replace(item, behind=(*item.behind[:2], change(item.behind[2]), *item.behind[3:]))


def with_ratios(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The engine whose fifth piece is changed."""
    item = artifact("ActionsEngine")
    return replace(item, behind=(*item.behind[:3], change(item.behind[3]), *item.behind[4:]))


def with_fractions(change: Callable[[Artifact], Artifact]) -> Artifact:
    """The engine whose sixth piece is changed."""
    item = artifact("ActionsEngine")
    return replace(item, behind=(*item.behind[:4], change(item.behind[4])))


def in_two() -> Artifact:
    """The token over a second piece that hands on to nothing, as its settings do."""
    return token(behind=artifact("SecurityToken").behind[1:])


def plant_moved(layout: dict[str, Any]) -> None:
    layout["storage_layout"]["book"]["_issue"]["slot"] += 1


def plant_moved_events(layout: dict[str, Any]) -> None:
    layout["storage_layout"]["events"]["event_of"]["slot"] += 1


def plant_type(layout: dict[str, Any]) -> None:
    layout["storage_layout"]["_initialized"]["type"] = "uint256"


def plant_missing(layout: dict[str, Any]) -> None:
    del layout["storage_layout"]["_initialized"]


def plant_lock(layout: dict[str, Any]) -> None:
    layout["transient_storage_layout"]["$.nonreentrant_key"]["slot"] = 1


def plant_immutable(layout: dict[str, Any]) -> None:
    layout["code_layout"]["_MORE"] = {"type": "address", "offset": 32, "length": 32}


def clashing(
    item: Artifact, function: str = "totalSupply()", of: str = "SecurityToken"
) -> Artifact:
    ids = dict(item.method_identifiers)
    pieces = (artifact(of), *artifact(of).behind)
    known = {k: v for piece in pieces for k, v in piece.method_identifiers.items()}
    ids["collides(uint256)"] = known[function]
    return replace(item, method_identifiers=ids)


def lacking(item: Artifact) -> Artifact:
    ids = {
        name: selector
        for name, selector in item.method_identifiers.items()
        if not name.startswith(("pause(", "set_class("))
    }
    return replace(item, method_identifiers=ids)


def silent(item: Artifact) -> Artifact:
    return replace(item, abi=[entry for entry in item.abi if entry["type"] != "fallback"])


PLANTED = {
    "controls moved": (
        lambda: with_controls(lambda item: changed_layout(item, plant_moved)),
        "book._issue: uint256 in slot 103, SecurityTokenControls book._issue: uint256 in slot 104",
    ),
    "settings moved": (
        lambda: with_settings(lambda item: changed_layout(item, plant_moved)),
        "book._issue: uint256 in slot 103, SecurityTokenSettings book._issue: uint256 in slot 104",
    ),
    "other type in the controls": (
        lambda: with_controls(lambda item: changed_layout(item, plant_type)),
        "storage layout: SecurityToken has _initialized: bool in slot ",
    ),
    "other type in the settings": (
        lambda: with_settings(lambda item: changed_layout(item, plant_type)),
        "storage layout: SecurityToken has _initialized: bool in slot ",
    ),
    "less storage in the controls": (
        lambda: with_controls(lambda item: changed_layout(item, plant_missing)),
        "SecurityTokenControls nothing more",
    ),
    "less storage in the settings": (
        lambda: with_settings(lambda item: changed_layout(item, plant_missing)),
        "SecurityTokenSettings nothing more",
    ),
    "more storage": (
        lambda: changed_layout(in_two(), plant_missing),
        "storage layout: SecurityToken has nothing more, SecurityTokenSettings _initialized: bool",
    ),
    "other lock in the controls": (
        lambda: with_controls(lambda item: changed_layout(item, plant_lock)),
        "lock in slot 0, SecurityTokenControls $.nonreentrant_key: nonreentrant lock in slot 1",
    ),
    "other lock in the settings": (
        lambda: with_settings(lambda item: changed_layout(item, plant_lock)),
        "lock in slot 0, SecurityTokenSettings $.nonreentrant_key: nonreentrant lock in slot 1",
    ),
    "first and second have one selector": (
        lambda: with_controls(clashing),
        "totalSupply() of SecurityToken hides collides(uint256) of SecurityTokenControls",
    ),
    "first and third have one selector": (
        lambda: with_settings(clashing),
        "totalSupply() of SecurityToken hides collides(uint256) of SecurityTokenSettings",
    ),
    "second and third have one selector": (
        lambda: with_settings(lambda item: clashing(item, "paused()")),
        "paused() of SecurityTokenControls hides collides(uint256) of SecurityTokenSettings",
    ),
    "more immutables": (
        lambda: changed_layout(token(), plant_immutable),
        "SecurityToken has other immutables than the address CONTROLS",
    ),
    "more immutables in the controls": (
        lambda: with_controls(lambda item: changed_layout(item, plant_immutable)),
        "SecurityTokenControls has other immutables than the address SETTINGS",
    ),
    "controls without settings": (
        lambda: token(behind=artifact("SecurityToken").behind[:1]),
        "SecurityTokenControls has immutables: its code would differ between ledgers",
    ),
    "immutables at the end": (
        lambda: with_settings(lambda item: replace(item, immutables_length=32)),
        "SecurityTokenSettings has immutables: its code would differ between ledgers",
    ),
    "records moved": (
        lambda: with_records(lambda item: changed_layout(item, plant_moved_events)),
        "ActionsEngineRecords events.event_of: ",
    ),
    "other type in the records": (
        lambda: with_records(lambda item: changed_layout(item, plant_type)),
        "storage layout: ActionsEngine has _initialized: bool in slot ",
    ),
    "less storage in the records": (
        lambda: with_records(lambda item: changed_layout(item, plant_missing)),
        "ActionsEngineRecords nothing more",
    ),
    "other lock in the records": (
        lambda: with_records(lambda item: changed_layout(item, plant_lock)),
        "lock in slot 0, ActionsEngineRecords $.nonreentrant_key: nonreentrant lock in slot 1",
    ),
    "first and fourth have one selector": (
        lambda: with_records(lambda item: clashing(item, "release()", "ActionsEngine")),
        "release() of ActionsEngine hides collides(uint256) of ActionsEngineRecords",
    ),
    "third and fourth have one selector": (
        lambda: with_records(lambda item: clashing(item, "is_home()", "ActionsEngine")),
        "is_home() of ActionsEngineSettings hides collides(uint256) of ActionsEngineRecords",
    ),
    "settings without records": (
        lambda: replace(artifact("ActionsEngine"), behind=artifact("ActionsEngine").behind[:2]),
        "ActionsEngineSettings has immutables: its code would differ between ledgers",
    ),
    "records without ratios": (
        lambda: replace(artifact("ActionsEngine"), behind=artifact("ActionsEngine").behind[:3]),
        "ActionsEngineRecords has immutables: its code would differ between ledgers",
    ),
    "ratios moved": (
        lambda: with_ratios(lambda item: changed_layout(item, plant_moved_events)),
        "ActionsEngineRatios events.event_of: ",
    ),
    "fourth and fifth have one selector": (
        lambda: with_ratios(lambda item: clashing(item, "tell(bytes32)", "ActionsEngine")),
        "tell(bytes32) of ActionsEngineRecords hides collides(uint256) of ActionsEngineRatios",
    ),
    "more immutables in the ratios": (
        lambda: with_ratios(lambda item: changed_layout(item, plant_immutable)),
        "ActionsEngineRatios has other immutables than the address FRACTIONS",
    ),
    "no fallback in the ratios": (
        lambda: with_ratios(silent),
        "ActionsEngineRatios hands on no call: it has no __default__",
    ),
    "ratios without fractions": (
        lambda: replace(artifact("ActionsEngine"), behind=artifact("ActionsEngine").behind[:4]),
        "ActionsEngineRatios has immutables: its code would differ between ledgers",
    ),
    "fractions moved": (
        lambda: with_fractions(lambda item: changed_layout(item, plant_moved_events)),
        "ActionsEngineFractions events.event_of: ",
    ),
    "other lock in the fractions": (
        lambda: with_fractions(lambda item: changed_layout(item, plant_lock)),
        "lock in slot 0, ActionsEngineFractions $.nonreentrant_key: nonreentrant lock in slot 1",
    ),
    "first and sixth have one selector": (
        lambda: with_fractions(lambda item: clashing(item, "release()", "ActionsEngine")),
        "release() of ActionsEngine hides collides(uint256) of ActionsEngineFractions",
    ),
    "fifth and sixth have one selector": (
        lambda: with_fractions(lambda item: clashing(item, "tell_ratio(bytes32)", "ActionsEngine")),
        (
            "tell_ratio(bytes32) of ActionsEngineRatios hides "
            "collides(uint256) of ActionsEngineFractions"
        ),
    ),
    "immutables at the end of six": (
        lambda: with_fractions(lambda item: replace(item, immutables_length=32)),
        "ActionsEngineFractions has immutables: its code would differ between ledgers",
    ),
    "no fallback": (
        lambda: silent(token()),
        "SecurityToken hands on no call: it has no __default__",
    ),
    "no fallback in the controls": (
        lambda: with_controls(silent),
        "SecurityTokenControls hands on no call: it has no __default__",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_pieces_that_do_not_fit_are_refused(planted: str) -> None:
    make, expected = PLANTED[planted]
    item = make()
    (found,) = misfits(item)
    assert expected in found
    for refusing in (check_pieces, lambda each: code_hashes(each, BEHIND)):
        with pytest.raises(CheckFailed) as caught:
            refusing(item)
        assert str(caught.value) == f"{item.name} can't be released: {found}"


@pytest.mark.parametrize("name", ["", "NextMock", "NextButOneMock"])
def test_the_pieces_of_every_release_fit(name: str) -> None:
    before = artifact("SecurityToken")
    assert len(artifact(f"SecurityToken{name}").behind) == 2
    assert misfits(artifact(f"SecurityToken{name}"), before) == []
    escrow = artifact(f"BridgeEscrow{name}")
    assert len(escrow.behind) == 4
    assert misfits(escrow, artifact("BridgeEscrow")) == []
    engine = artifact("ActionsEngine")
    assert len(engine.behind) == len(artifact("ActionsEngineNextMock").behind) == 5
    assert misfits(engine, engine) == misfits(artifact("ActionsEngineNextMock"), engine) == []


def test_a_release_in_two_pieces_fits() -> None:
    assert misfits(in_two()) == []


@pytest.mark.parametrize(
    ("change", "function"),
    [
        (with_controls, "pause(uint256,bytes4,bytes32)"),
        (with_settings, "set_class(address,uint256,bytes4,bytes32)"),
    ],
)
def test_a_release_that_lacks_a_function_of_the_one_before_is_refused(
    change: Callable[[Callable[[Artifact], Artifact]], Artifact], function: str
) -> None:
    less = change(lacking)
    assert misfits(less) == []
    wanted = f"{function} of SecurityToken is in no piece"
    assert misfits(less, artifact("SecurityToken")) == [wanted]
    with pytest.raises(CheckFailed, match="is in no piece"):
        check_pieces(less, artifact("SecurityToken"))


def test_a_release_in_fewer_pieces_needs_all_functions_of_the_one_before() -> None:
    whole = token(behind=())
    assert misfits(whole) == []
    lost = misfits(whole, artifact("SecurityToken"))
    behind = artifact("SecurityToken").behind
    due = {name for piece in behind for name in piece.method_identifiers} - {"__default__()"}
    assert lost == [f"{name} of SecurityToken is in no piece" for name in sorted(due)]


def test_what_a_release_is_held_to_names_every_piece() -> None:
    item = artifact("SecurityToken")
    controls, settings = item.behind
    codes = [
        item.bytecode_runtime + bytes(12) + b"\x11" * 20,
        controls.bytecode_runtime + bytes(12) + b"\x22" * 20,
        settings.bytecode_runtime,
    ]
    due = code_hashes(item, BEHIND)
    assert due.code == keccak(codes[0])
    assert due.behind == keccak(keccak(codes[1]) + keccak(codes[2]))
    assert due.layout == item.layout_hash == controls.layout_hash == settings.layout_hash
    assert item.is_code(codes[0])
    assert not item.is_code(codes[0] + b"\0")
    # Each piece that hands on names an address of its ledger.
    there = code_hashes(item, ("0x" + "33" * 20, BEHIND[1]))
    assert (there.code != due.code, there.behind == due.behind) == (True, True)
    there = code_hashes(item, (BEHIND[0], "0x" + "33" * 20))
    assert (there.code == due.code, there.behind != due.behind) == (True, True)
    assert code_hashes(in_two(), BEHIND[:1]) == (due.code, settings.code_hash, due.layout)
    registry = artifact("InstrumentRegistry")
    assert code_hashes(registry) == (registry.code_hash, bytes(32), registry.layout_hash)
    for name, places in (("BridgeEscrow", BEHIND_OF_FIVE), ("ActionsEngine", BEHIND_OF_SIX)):
        item = artifact(name)
        *handing_on, last = item.behind
        codes = [
            piece.bytecode_runtime + bytes(12) + bytes.fromhex(place[2:])
            for piece, place in zip(handing_on, places[1:], strict=True)
        ]
        due = code_hashes(item, places)
        assert due.behind == keccak(b"".join(map(keccak, [*codes, last.bytecode_runtime])))
        assert due.layout == item.layout_hash == last.layout_hash


def test_where_the_pieces_are_is_read_from_their_code() -> None:
    item = artifact("SecurityToken")
    code = {
        "0x" + "ff" * 20: item.bytecode_runtime + bytes(12) + b"\x11" * 20,
        BEHIND[0]: item.behind[0].bytecode_runtime + bytes(12) + b"\x22" * 20,
        BEHIND[1]: item.behind[1].bytecode_runtime,
    }
    assert addresses_behind(item, "0x" + "ff" * 20, code.__getitem__) == BEHIND
    engine = artifact("ActionsEngine")
    code = {
        "0x" + "ff" * 20: engine.bytecode_runtime + bytes(12) + b"\x11" * 20,
        BEHIND[0]: engine.behind[0].bytecode_runtime + bytes(12) + b"\x22" * 20,
        BEHIND[1]: engine.behind[1].bytecode_runtime + bytes(12) + b"\x33" * 20,
        BEHIND_OF_FOUR[2]: engine.behind[2].bytecode_runtime + bytes(12) + b"\x44" * 20,
        BEHIND_OF_FIVE[3]: engine.behind[3].bytecode_runtime + bytes(12) + b"\x55" * 20,
    }
    assert addresses_behind(engine, "0x" + "ff" * 20, code.__getitem__) == BEHIND_OF_SIX
    registry = artifact("InstrumentRegistry")
    assert addresses_behind(registry, "0x" + "ff" * 20, code.__getitem__) == ()


def test_what_is_behind_an_implementation_is_compared_piece_by_piece() -> None:
    """Of any build: whether there are one to six pieces, the hash itself says."""
    first = b"first" + b"\x11" * 20
    behind = [b"piece" + end * 20 for end in (b"\x22", b"\x33", b"\x44", b"\x55", b"\x66")]
    code = dict(zip(BEHIND_OF_SIX, behind, strict=True))
    hashes = [keccak(each) for each in behind]
    both, three, four, all_five = (keccak(b"".join(hashes[:count])) for count in (2, 3, 4, 5))
    for due in (bytes(32), hashes[0], both, three, four, all_five):
        assert is_behind(first, due, code.__getitem__)
    for other in (
        keccak(first),
        *hashes[1:],
        *(keccak(b"".join(hashes[i::-1])) for i in (1, 2, 3, 4)),
    ):
        assert not is_behind(first, other, code.__getitem__)
    for place, address in enumerate(BEHIND_OF_SIX):
        changed = {**code, address: b"other" + code[address]}.__getitem__
        assert not is_behind(first, all_five, changed)
        assert is_behind(first, both, changed) is (place >= 2)
