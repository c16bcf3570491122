"""Archives of releases: the same bytes everywhere, of their own sources alone, each fault named."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vyper.cli.vyper_json import compile_json

from tallystick import build
from tallystick.chain.abi import keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.release import (
    Check,
    Wanted,
    archive_of,
    checks,
    checks_after,
    checks_on,
    other_fields,
)
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.errors import CheckFailed
from tallystick.files.release import Archive
from tallystick.governance.release import PROXIED, Version, addresses_behind, code_hashes
from tests.support.commands import ROOT, environment
from tests.support.world import STATED, World, refused

REGISTRY = "InstrumentRegistry"
FIRST, NEXT = Version(1, 0, 0), Version(1, 1, 0)
# Documents that are there in every checkout.
_NOTES, _EVIDENCE = ROOT / "LICENSE", [ROOT / "pyproject.toml"]


@cache
def archived(contract: str, version: Version = FIRST, artifact: str = "") -> Archive:
    """The archive of what this checkout builds."""
    item = build.artifact(artifact or contract)
    return archive_of(contract, version, item, notes=_NOTES, evidence=_EVIDENCE)


@cache
def _text() -> str:
    return archived(REGISTRY).content().decode()


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Archive:
    """The registry's archive as somebody else left it, its hashes made to fit."""
    data = json.loads(_text())
    change(data)
    for piece in data["pieces"]:
        item = build.from_json(piece)
        piece["code_hash"] = "0x" + item.code_hash.hex()
        piece["layout_hash"] = "0x" + item.layout_hash.hex()
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(data))
    return Archive.load(path)


def wrong(found: Any) -> dict[str, str]:
    """What is wrong of what was checked."""
    return {each.what: each.wrong for each in found if each.wrong}


# ------------------------------------------------------------------------------ made again


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("contract", PROXIED)
def test_what_an_archive_has_follows_from_its_own_sources(contract: str, tmp_path: Path) -> None:
    """Compiled again where nothing else is; the code is the one whose hash is committed."""
    archived(contract).write(tmp_path / "archive.json")
    archive = Archive.load(tmp_path / "archive.json")
    assert wrong(checks(archive)) == {}
    committed = {}
    for piece in archive.pieces:
        snapshot = ROOT / "benchmarks" / "snapshots" / f"{piece.name}.json"
        kept = json.loads(snapshot.read_text())
        committed[piece.name] = (kept["code_hash"], kept["layout_hash"])
    assert {each.name: (each.code_hash, each.layout_hash) for each in archive.pieces} == committed


def test_another_checkout_makes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("tallystick", "contracts", "interfaces"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    line = (
        f"import sys; from pathlib import Path; from tallystick import build; "
        f"from tallystick.deploy.release import archive_of; "
        f"from tallystick.governance.release import Version; "
        f"sys.stdout.buffer.write(archive_of({REGISTRY!r}, Version(1, 0, 0), "
        f"build.artifact({REGISTRY!r}), notes=Path({str(_NOTES)!r}), "
        f"evidence=[Path({str(_EVIDENCE[0])!r})]).content())"
    )
    done = subprocess.run(
        [sys.executable, "-c", line],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(tmp_path), "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == archived(REGISTRY).content()
    assert str(tmp_path) not in done.stdout.decode()
    assert str(ROOT) not in done.stdout.decode()


def test_the_compilers_own_command_takes_the_standard_json() -> None:
    archive = archived(REGISTRY)
    out = compile_json(archive.standard_json.model_dump())
    (piece,) = archive.pieces
    made = out["contracts"][piece.source_path][REGISTRY]["evm"]
    assert made["deployedBytecode"]["object"] == piece.bytecode_runtime
    assert made["bytecode"]["object"] == piece.bytecode


# ----------------------------------------------------------------------- what is wrong with it


def _other_source(data: dict[str, Any]) -> None:
    source = data["standard_json"]["sources"]["contracts/registry/records.vy"]
    assert '"records: ' in source["content"]
    source["content"] = source["content"].replace('"records: ', '"record5: ')


def _no_source(data: dict[str, Any]) -> None:
    del data["standard_json"]["sources"]["contracts/registry/records.vy"]


def _other_compiler(data: dict[str, Any]) -> None:
    data["compiler"] = "0.4.4"


def _other_outcome(data: dict[str, Any]) -> None:
    (piece,) = data["pieces"]
    piece["layout"]["storage_layout"]["more"] = {"type": "uint256", "slot": 9_999, "n_slots": 1}
    piece["abi"].pop()


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_source, "InstrumentRegistry: another bytecode; InstrumentRegistry: another byte"),
        (_no_source, "contracts/registry/InstrumentRegistry.vy does not compile"),
        (_other_compiler, "not with Vyper 0.4.4, and here is 0.4.3"),
        (_other_outcome, "InstrumentRegistry: another abi; InstrumentRegistry: another layout"),
    ],
)
def test_what_does_not_follow_from_the_sources_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    found = wrong(checks(changed(tmp_path, change)))
    assert list(found) == ["compiled again"]
    assert found["compiled again"].startswith(said)


def test_creation_code_that_leaves_other_code_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runtime code that reads well, and creation code that puts something else on the ledger."""

    def change(data: dict[str, Any]) -> None:
        piece = data["pieces"][0]
        version = b"1.0.0".ljust(32, b"\0").hex()
        assert piece["bytecode"].count(version) == 1
        other = b"1.0.0".ljust(31, b"\0").hex() + "01"
        piece["bytecode"] = piece["bytecode"].replace(version, other)

    archive = changed(tmp_path, change)
    monkeypatch.setattr(build, "compile_texts", lambda *_: archive.artifact)
    (said,) = wrong(checks(archive)).items()
    assert said == ("release() is 1.0.0", "bytecode leaves other code than bytecode_runtime")


def test_pieces_of_two_releases_are_no_release() -> None:
    token, later = build.artifact("SecurityToken"), build.artifact("SecurityTokenNextMock")
    mixed = dataclasses.replace(token, behind=(later.behind[0], token.behind[1]))
    with pytest.raises(CheckFailed, match=r"SecurityToken@1\.0\.0 can't be released: storage lay"):
        archive_of("SecurityToken", FIRST, mixed, notes=_NOTES, evidence=_EVIDENCE)


def test_what_was_packaged_has_no_sources_to_archive() -> None:
    packaged = build.from_json(build.as_json(build.artifact(REGISTRY)))
    with pytest.raises(build.BuildError, match="its sources are kept in a checkout only"):
        archive_of(REGISTRY, FIRST, packaged, notes=_NOTES, evidence=_EVIDENCE)


def test_sources_that_changed_since_are_not_archived() -> None:
    item = build.artifact(REGISTRY)
    stale = dataclasses.replace(item, sources={**item.sources, "LICENSE": "00"})
    with pytest.raises(build.BuildError, match="LICENSE changed while it was compiled"):
        archive_of(REGISTRY, FIRST, stale, notes=_NOTES, evidence=_EVIDENCE)


# ------------------------------------------------------------------------ the release before


@pytest.mark.requirement("R-61")
def test_a_release_that_follows_is_later_and_keeps_storage_and_functions() -> None:
    before, after = archived(REGISTRY), archived(REGISTRY, NEXT, "InstrumentRegistryNextMock")
    assert wrong(checks_after(after, before.artifact, FIRST)) == {}
    assert wrong(checks_after(before, before.artifact, FIRST)) == {
        "later than 1.0.0": "1.0.0 is not newer"
    }
    back = wrong(checks_after(before, after.artifact, NEXT))
    assert list(back) == ["later than 1.1.0", "storage of 1.1.0 kept"]
    assert "release_notes_hash" in back["storage of 1.1.0 kept"]


def test_a_release_that_lost_a_function_of_some_piece_is_named() -> None:
    before = archived("SecurityToken", NEXT, "SecurityTokenNextMock")
    lost = wrong(checks_after(archived("SecurityToken"), before.artifact, FIRST))
    assert "migrate(bytes32) of SecurityTokenNextMock is in no piece" in str(lost)


# ------------------------------------------------------------------------------- on a ledger


@pytest.mark.requirement("R-60", "R-61")
def test_a_layout_that_was_not_approved_is_not_activated(world: World) -> None:
    """On chain: same number, same code, another layout hash; the consents were to the first."""
    side, archive = world.home, archived(REGISTRY, NEXT, "InstrumentRegistryNextMock")
    authority, proxy = side.authority, side.registry
    code = side.chain.deploy(archive.artifact, sender=side.deployer)
    record = Wanted.of(archive).record(side.chain, str(code.address))

    def register(terms: list[Any]) -> None:
        authority.register_release(tuple(terms), *STATED, sender=side.upgrader)

    register(record)
    assert wrong(checks_on(archive, world.network.suite("home"))) == {}
    authority.give_notice(proxy, archive.id, *STATED, sender=side.upgrader)
    terms = authority.notice_of(proxy).terms
    side.consent(proxy, terms)
    authority.withdraw_release(archive.id, *STATED, sender=side.upgrader)
    other = [*record[:5], keccak(b"another layout"), *record[6:]]
    register(other)
    side.chain.advance(int(authority.NOTICE()))
    with refused(world, "release: terms have changed"):
        authority.activate(proxy, archive.id, sender=side.outsider)
    known = authority.release_of(archive.id)
    assert other_fields(Wanted.of(archive), side.chain, known) == ["layout_hash"]
    assert wrong(checks_on(archive, world.network.suite("home"))) == {
        "home: registered so": "with another layout_hash"
    }
    authority.withdraw_release(archive.id, *STATED, sender=side.upgrader)
    register(record)
    authority.activate(proxy, archive.id, sender=side.outsider)
    assert proxy.release() == "1.1.0"
    # What runs already follows nothing.
    assert list(checks_on(archive, world.network.suite("home"))) == [
        Check("home: registered so", "")
    ]


def test_what_runs_and_is_not_built_here_is_known_by_its_archive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, suite = archived(REGISTRY), world.network.suite("home")
    after = archived(REGISTRY, NEXT, "InstrumentRegistryNextMock")
    monkeypatch.setattr(build, "names", list)
    with pytest.raises(CheckFailed, match="nothing built here has the code of InstrumentRegistry"):
        list(checks_on(after, suite))
    assert [each.what for each in checks_on(after, suite, first)] == [
        "home: not registered so far",
        "home: later than 1.0.0",
        "home: storage of 1.0.0 kept",
        "home: functions of 1.0.0 kept",
    ]


def test_every_archive_can_be_put_on_a_ledger_as_it_is(tmp_path: Path) -> None:
    """Read from the file, where no compiler is asked: the hashes there are those computed here."""
    archived("BridgeEscrow").write(tmp_path / "archive.json")
    archive = Archive.load(tmp_path / "archive.json")
    assert archive.hash == keccak((tmp_path / "archive.json").read_bytes())
    chain = EmbeddedChain("home", 41_001)
    code = deploy_implementation(chain, archive.artifact, sender=chain.account(0))
    behind = addresses_behind(archive.artifact, str(code.address), chain.code)
    assert len(behind) == len(archive.artifact.behind) > 1
    record = Wanted.of(archive).record(chain, str(code.address))
    assert record[3] == keccak(chain.code(code.address))
    assert tuple(record[3:6]) == code_hashes(archive.artifact, behind)
    assert record[5:7] == [archive.artifact.layout_hash, archive.hash]
