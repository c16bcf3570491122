"""Archives as files: what is wrong with one is said in one line each, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick import build
from tallystick.deploy.release import archive_of
from tallystick.errors import InputError
from tallystick.files.release import Archive
from tallystick.governance.release import Version
from tests.support.commands import ROOT


@pytest.fixture(scope="module")
def text() -> str:
    """An archive of the escrow, in two pieces."""
    archive = archive_of(
        "BridgeEscrow",
        Version(1, 0, 0),
        build.artifact("BridgeEscrow"),
        notes=ROOT / "LICENSE",
        evidence=[ROOT / "LICENSE"],
    )
    return archive.content().decode()


def refused(tmp_path: Path, text: str, change: Callable[[dict[str, Any]], None]) -> list[str]:
    """The lines of an archive that was changed, without the file's name."""
    data = json.loads(text)
    change(data)
    path = tmp_path / "archive.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as error:
        Archive.load(path)
    return [line.removeprefix(f"{path}: ") for line in error.value.lines]


def test_an_archive_read_and_written_is_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "archive.json").write_text(text)
    archive = Archive.load(tmp_path / "archive.json")
    assert archive.content().decode() == text
    assert archive.artifact.behind[0].name == "BridgeEscrowControls"
    # However it was laid out, it is the same archive.
    (tmp_path / "flat.json").write_text(json.dumps(json.loads(text)))
    assert Archive.load(tmp_path / "flat.json").hash == archive.hash


_CASES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another schema": (
        lambda data: data.update(schema="tallystick.plan/1"),
        "schema: tallystick.plan/1: expected tallystick.release/1",
    ),
    "a field more": (lambda data: data.update(when="today"), "when: today: expected no such field"),
    "a contract without releases": (
        lambda data: data.update(contract="LaneCustody"),
        "contract: LaneCustody: expected a contract that has releases: InstrumentRegistry, Sec",
    ),
    "no version": (
        lambda data: data.update(version="1.0"),
        "version: 1.0: expected a version: MAJOR.MINOR.PATCH",
    ),
    "version nought": (
        lambda data: data.update(version="0.0.0"),
        "version: 0.0.0: expected a version above 0.0.0",
    ),
    "no evidence": (lambda data: data.update(evidence=[]), "evidence: "),
    "a migration that is no call": (
        lambda data: data.update(migration="0x1234"),
        "migration: 2 bytes: expected a call: a selector and whole words, at most 4096 bytes",
    ),
    "a migration that is no hex": (
        lambda data: data.update(migration="0xZZ"),
        "migration: 0xZZ: expected 0x and pairs of small hex digits",
    ),
    "a source that leaves the folder": (
        lambda data: data["standard_json"]["sources"].update({"../a.vy": {"content": ""}}),
        "standard_json.sources",
    ),
    "a source at a place of its own": (
        lambda data: data["standard_json"]["sources"].update({"/a.vy": {"content": ""}}),
        "standard_json.sources",
    ),
    "a piece without a source": (
        lambda data: data["pieces"][1].update(source_path="contracts/none.vy"),
        "pieces[1].source_path: contracts/none.vy: expected one of the sources",
    ),
    "other code": (
        lambda data: data["pieces"][1].update(bytecode_runtime="0x00"),
        "pieces[1].code_hash: another: expected the hash of its bytecode_runtime",
    ),
    "another layout": (
        lambda data: data["pieces"][0]["layout"]["storage_layout"].clear(),
        "pieces[0].layout_hash: another: expected the hash of its storage_layout",
    ),
    "a hash that is none": (
        lambda data: data["pieces"][0].update(code_hash="0x12"),
        "pieces[0].code_hash: 0x12: expected a hash: 0x and 64 hex digits",
    ),
    "seven pieces": (lambda data: data.update(pieces=data["pieces"][:1] * 7), "pieces: "),
    "no ABI": (
        lambda data: data["pieces"][0].update(abi=[{"type": "function"}]),
        "pieces[0].abi: a list of 1: expected an ABI",
    ),
}


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("case", _CASES)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, case: str) -> None:
    change, expected = _CASES[case]
    lines = refused(tmp_path, text, change)
    assert lines[0].startswith(expected), lines


def test_a_layout_that_can_not_be_compared_is_refused(tmp_path: Path, text: str) -> None:
    def change(data: dict[str, Any]) -> None:
        piece = data["pieces"][1]
        piece["layout"]["storage_layout"] = {"a": {"type": "Thing", "slot": 0, "n_slots": 1}}
        piece["layout_hash"] = "0x" + build.from_json(piece).layout_hash.hex()

    (line,) = refused(tmp_path, text, change)
    assert line.startswith("pieces[1].layout.storage_layout.a.type: Thing: expected a type with")
