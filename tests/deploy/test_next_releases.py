"""What is derived from a contract is its copy: only what was meant to differ differs."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace

import pytest

from tallystick.build import artifact, artifacts
from tallystick.cli import main as cli
from tallystick.deploy.upgrade import check_next
from tallystick.errors import CheckFailed
from tallystick.files.layout import LayoutFile, layout_json
from tallystick.governance.layout import compare, conflicts
from tallystick.governance.release import PROXIED
from tests.support.next_releases import (
    CLOCK_ASSERTION,
    CONTRACTS,
    DERIVED,
    OVER_TRANSIT,
    ROOT,
    derived,
)

# What `tallystick layout show --json` said of each once, not written anew.
FIRST = ROOT / "benchmarks" / "releases" / "1.0.0"


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*each, id=each[0].stem) for each in derived()]
)
def test_copy_is_what_its_original_gives(path, text):
    assert path.read_text() == text
    if path.stem[:1].isupper():
        assert artifact(path.stem).source_path == path.relative_to(ROOT).as_posix()
        assert path.stem not in artifacts(), "in no release"


def _changes(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[0] + line[1:].strip() for line in lines if line[0] in "+-"]


@pytest.mark.requirement("INV-1")
def test_transit_without_clock_lacks_the_lock_time_rule_and_nothing_else():
    original = (CONTRACTS / "bridge" / "transit.vy").read_text()
    copy = (DERIVED / "transit_without_clock_mock.vy").read_text()
    assert _changes(original, copy) == ["-" + CLOCK_ASSERTION]


@pytest.mark.requirement("INV-1")
def test_escrow_without_clock_differs_in_the_name_of_its_module_alone():
    original = (CONTRACTS / "bridge" / "BridgeEscrow.vy").read_text()
    copy = (DERIVED / "BridgeEscrowWithoutClockMock.vy").read_text()
    renamed = copy
    for module in (*OVER_TRANSIT, "transit"):
        mock = f"{module}_without_clock_mock"
        renamed = renamed.replace(f"from . import {mock}", f"from contracts.bridge import {module}")
        renamed = renamed.replace(mock, module)
    # The import stands in the order of its folder.
    assert sorted(renamed.splitlines()) == sorted(original.splitlines())
    real, mock = artifact("BridgeEscrow"), artifact("BridgeEscrowWithoutClockMock")
    renames = {each: f"{each}_without_clock_mock" for each in (*OVER_TRANSIT, "transit")}
    assert {each.rule for each in compare(real.layout, mock.layout, renames)} == {"renamed"}
    assert mock.abi == real.abi


@pytest.mark.requirement("INV-10", "R-61")
@pytest.mark.parametrize("name", PROXIED)
def test_what_follows_the_committed_first_release_keeps_its_storage(name, tmp_path, capsys):
    """The gate as users run it: what this checkout builds, the next release, the one after it."""
    kept = FIRST / f"{name}.json"
    following = [_kept(each, tmp_path) for each in (name, f"{name}NextMock")]
    following.append(_kept(f"{name}NextButOneMock", tmp_path))
    for before, after in [(kept, each) for each in following] + [tuple(following[1:])]:
        assert cli.main(["layout", "check", str(before), str(after)]) == 0
        assert capsys.readouterr().out.endswith(f"{after} keeps the storage of {before}\n")
    # And back: the way of a rollback loses only what the later release added.
    assert cli.main(["layout", "check", str(following[-1]), str(kept), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    lost = {each["variable"] for each in found if each["severity"] == "breaks"}
    assert {each["rule"] for each in found if each["variable"] in lost} == {"variable-removed"}
    assert lost
    assert all(each not in kept.read_text() for each in lost)


def _kept(name, folder):
    """A build's layout in a file of its own, as `tallystick layout show --json` writes it."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(layout_json(LayoutFile(path, name, artifact(name).layout))))
    return path


def test_of_every_contract_that_has_releases_the_first_layout_is_committed():
    assert {path.stem for path in FIRST.iterdir()} == set(PROXIED)


@pytest.mark.requirement("INV-10")
def test_conflicts_are_named():
    token, escrow = artifact("SecurityToken"), artifact("BridgeEscrow")
    wrong = conflicts(token.layout, escrow.layout)
    assert str(wrong[0]) == (
        "slot 69 lanes._terms: HashMap[address, Instruction{reason: bytes4, document: bytes32}] -> "
        "HashMap[bytes32, uint256]: slot-reused: standing.standing_instruction was stored there: "
        "it would be read as lanes._terms"
    )


@pytest.mark.requirement("INV-10", "R-61")
def test_a_release_that_calls_a_variable_otherwise_says_so():
    before = artifact("InstrumentRegistry")
    layout = json.loads(json.dumps(before.layout))
    records = layout["storage_layout"]["records"]
    records["_kept"] = records.pop("_records")
    after = replace(before, layout=layout)
    with pytest.raises(CheckFailed, match=r"--rename records\._records=records\._kept$"):
        check_next(before, after)
    check_next(before, after, {"records._records": "records._kept"})
