"""`tallystick release`: from an archive to what runs on a ledger and back, key by key."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tallystick import build
from tallystick.chain.abi import keccak
from tallystick.cli import main as cli
from tallystick.deploy import release as releases
from tallystick.deploy.release import archive_of
from tallystick.files.release import Archive
from tallystick.governance.release import Version, release_terms
from tests.support.commands import ROOT, connect
from tests.support.world import DAY, World

REGISTRY = "InstrumentRegistry"
_ARCHIVE = Path("releases/InstrumentRegistry-1.1.0.json")


class _Command:
    """The command on the world's ledgers, and what it said."""

    def __init__(self, world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.manifest = world.network.manifest.write(folder / "out" / "devnet" / "manifest.json")
        for name in ("notes.md", "audit.pdf", "tests.xml", "review.pdf", "order.pdf"):
            (folder / name).write_text(name)
        self._capsys = capsys

    def __call__(self, *arguments: Any) -> tuple[int, str, str]:
        return cli.main([*map(str, arguments)]), *self._capsys.readouterr()

    def acts(self, verb: str, *arguments: Any, status: int = 0) -> list[str]:
        """State and act of each step of a verb that sends; what of it is in brackets."""
        given = ("release", verb, *arguments, "--manifest", self.manifest, "--execute", "--json")
        found, out, err = self(*given)
        assert (found, err) == (status, "")
        said = json.loads(out)
        assert said["schema"] == "tallystick.release-acts/1"
        return [
            f"{each['state']} {each['act'].removeprefix('ReleaseAuthority.')}"
            for each in said["acts"]
        ]

    def wrong(self, *arguments: Any) -> str:
        """The one line of a command that was refused as typed."""
        status, out, err = self(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        return err.strip()

    def archive(self, artifact: str = "InstrumentRegistryNextMock", **how: Any) -> Archive:
        """An archive of the next registry, where `build` would write it."""
        documents = {"notes": Path("notes.md"), "evidence": [Path("audit.pdf"), Path("tests.xml")]}
        found = archive_of(
            REGISTRY, Version(1, 1, 0), build.artifact(artifact), **{**documents, **how}
        )
        found.write(_ARCHIVE)
        return found


@pytest.fixture
def command(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> _Command:
    connect(monkeypatch, world)
    monkeypatch.chdir(tmp_path)
    return _Command(world, tmp_path, capsys)


@pytest.mark.requirement("R-60")
def test_the_commands_of_the_page_take_a_release_all_the_way(
    world: World, command: _Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    first, build_, *lines = [shlex.split(line) for line in block.splitlines()]
    assert build_[:5] == ["tallystick", "release", "build", REGISTRY, "1.1.0"]
    assert len(lines) == 8
    assert command(*first[1:])[0] == 0
    # Of a checkout whose registry is the next one by now.
    archive, side = command.archive(), world.home
    known = build.names()
    monkeypatch.setattr(build, "names", lambda: [each for each in known if REGISTRY not in each])
    for line in lines:
        if line[2] == "activate":
            side.chain.advance(int(side.authority.NOTICE()))
            side.chain.mine()
        if line[2] == "roll-back":
            assert side.registry.release() == "1.1.0"
        assert line[0] == "tallystick"
        status, out, err = command(*line[1:])
        assert status == 0, (line, out, err)
    assert side.registry.release() == "1.0.0"
    assert bytes(side.authority.release_of(archive.id).evidence_hash) == archive.hash
    assert keccak(_ARCHIVE.read_bytes()) == archive.hash
    assert bytes(world.remote.authority.release_of(archive.id).evidence_hash) == bytes(32)


@pytest.mark.requirement("R-60")
def test_each_key_does_its_part_in_whatever_order(world: World, command: _Command) -> None:
    command.archive()
    at, side = ("home", _ARCHIVE), world.home
    status, out, err = command("release", "notice", *at, "--manifest", command.manifest)
    assert (status, out) == (1, "")
    assert err == "home: InstrumentRegistry@1.1.0 is not registered\n"
    # A dry run says what it would do, and does nothing.
    block = side.chain.block_number
    status, out, _ = command("release", "register", *at, "--manifest", command.manifest)
    assert (status, side.chain.block_number) == (0, block)
    assert "dry run, nothing was sent (--execute sends): 2 pending" in out

    assert command.acts("register", *at, "--account", "upgrader") == [
        "executed create InstrumentRegistryNextMock",
        "executed register_release",
    ]
    assert command.acts("register", *at) == ["done register_release"]
    assert command.acts("notice", *at, "--account", "auditor") == ["waiting give_notice"]
    assert command.acts("notice", *at) == ["executed give_notice"]
    review = ("--document", "review.pdf")
    assert command.acts("approve", *at, *review, "--account", "auditor") == [
        "executed approve",
        "waiting approve",
        "waiting approve",
    ]
    assert command.acts("activate", *at) == ["waiting activate"]
    assert command.acts("approve", *at, *review, "--account", "operator") == [
        "executed approve",
        "done approve",
        "waiting approve",
    ]
    assert command.acts("approve", *at, *review, "--account", "issuer") == [
        "executed approve",
        "done approve",
        "done approve",
    ]
    assert command.acts("approve", *at, *review) == ["done approve"] * 3
    side.chain.advance(int(side.authority.NOTICE()))
    side.chain.mine()
    assert command.acts("activate", *at) == ["executed activate"]
    assert command.acts("activate", *at) == ["done activate"]
    assert side.registry.release() == "1.1.0"
    back = ("home", REGISTRY, "--document", "order.pdf")
    # Another reason than a registered one takes two keys.
    other = (*back, "--reason", "CHNG")
    assert command.acts("roll-back", *other, "--account", "guardian") == [
        "waiting propose_roll_back",
        "waiting roll_back",
    ]
    with side.chain.isolated():
        assert command.acts("roll-back", *other, "--account", "upgrader") == [
            "executed propose_roll_back",
            "waiting roll_back",
        ]
        assert command.acts("roll-back", *other, "--account", "guardian") == [
            "done propose_roll_back",
            "executed roll_back",
        ]
    # So does another way of leaving it, whatever the reason.
    with side.chain.isolated():
        for state, account in (("executed", "upgrader"), ("done", "guardian")):
            told = command.acts("roll-back", *back, "--strand", "--account", account)
            assert told[0] == f"{state} propose_roll_back"
        assert (told[1], side.registry.release()) == ("executed roll_back", "1.0.0")
    assert command.acts("roll-back", *back) == ["executed roll_back"]
    status, out, _ = command("release", "roll-back", *back, "--manifest", command.manifest)
    assert (status, side.registry.release()) == (1, "1.0.0")
    assert "ReleaseAuthority.roll_back: release: nothing to roll back to; sent by guardian" in out


@pytest.mark.requirement("R-60")
def test_a_token_of_three_pieces_moves_with_its_migration(world: World, command: _Command) -> None:
    side, path = world.home, Path("token.json")
    item = build.artifact("SecurityTokenNextMock")
    notes = keccak(b"notes.md")
    call = side.chain.at(item, side.token).migrate.encode(notes)
    documents: dict[str, Any] = {"notes": Path("notes.md"), "evidence": [Path("audit.pdf")]}
    archive_of("SecurityToken", Version(1, 1, 0), item, migration=call, **documents).write(path)
    at = ("home", path)
    for verb in ("register", "notice"):
        assert all(step.startswith("executed") for step in command.acts(verb, *at))
    command.acts("approve", *at, "--document", "review.pdf")
    side.chain.advance(int(side.authority.NOTICE()))
    side.chain.mine()
    assert command.acts("activate", *at) == ["executed activate"]
    later = side.chain.at(item, side.token)
    assert (later.release(), later.release_notes_hash()) == ("1.1.0", notes)
    given = ("verify", command.manifest, "--refresh", command.manifest, "--archive", path)
    assert command(*given)[0] == 0


def test_a_notice_that_lapsed_or_was_of_another_is_given_again(
    world: World, command: _Command
) -> None:
    archive, side = command.archive(), world.home
    at, authority = ("home", _ARCHIVE), world.home.authority
    command.acts("register", *at)
    assert command.acts("notice", *at) == ["executed give_notice"]
    assert command.acts("notice", *at) == ["done give_notice"]
    side.chain.advance(3_600 + 30 * DAY)
    side.chain.mine()
    assert command.acts("notice", *at) == ["executed give_notice"]
    stated = (b"TEST", bytes([1]) * 32)
    authority.withdraw_release(archive.id, *stated, sender=side.upgrader)
    # Under the number that was noticed stands another archive by now.
    command.archive(notes=Path("review.pdf"))
    command.acts("register", *at)
    assert command.acts("activate", *at, status=1) == ["refused activate"]
    assert command.acts("notice", *at) == ["executed give_notice"]
    assert command.acts("activate", *at) == ["waiting activate"]


def test_code_that_stands_already_is_registered_where_it_is(
    world: World, command: _Command
) -> None:
    archive, side = command.archive(), world.home
    code = side.chain.deploy(archive.artifact, sender=side.deployer)
    at = ("home", _ARCHIVE, "--at", code.address)
    assert command.acts("register", *at) == ["executed register_release"]
    assert side.authority.release_of(archive.id).implementation == code.address


def test_other_code_than_the_archives_is_refused_in_words(world: World, command: _Command) -> None:
    command.archive()
    at = ("home", _ARCHIVE, "--at", world.home.token.address)
    status, out, _ = command(
        "release", "register", *at, "--manifest", command.manifest, "--execute"
    )
    assert status == 1
    assert "release: other code there; sent by upgrader, who may: upgrader, set-up key" in out


@pytest.mark.requirement("R-60", "R-61")
@pytest.mark.parametrize(
    ("field", "value"), [("layout_hash", b"\1" * 32), ("evidence_hash", b"\2" * 32)]
)
def test_nobody_consents_to_what_is_not_in_the_archive(
    world: World, command: _Command, field: str, value: bytes
) -> None:
    """What was registered says another layout, or other evidence, than what was reviewed."""
    archive, side = command.archive(), world.home
    code = side.chain.deploy(archive.artifact, sender=side.deployer)
    terms = dict(
        zip(
            ("kind", "version", "implementation", "code_hash", "behind_hash", "layout_hash"),
            (
                keccak(REGISTRY.encode()),
                archive.number.packed,
                code.address,
                keccak(side.chain.code(code.address)),
                bytes(32),
                archive.artifact.layout_hash,
            ),
            strict=True,
        )
    )
    terms |= {"evidence_hash": archive.hash, "migration_hash": bytes(32), field: value}
    stated = (b"TEST", bytes([1]) * 32)
    side.authority.register_release(tuple(terms.values()), *stated, sender=side.upgrader)
    side.authority.give_notice(side.registry, archive.id, *stated, sender=side.upgrader)
    given = ("--manifest", command.manifest, "--document", "review.pdf", "--execute")
    said = command.wrong("release", "approve", "home", _ARCHIVE, *given)
    expected = "a number that no other release has: registered on home with another"
    assert said == f"{_ARCHIVE}: version: 1.1.0: expected {expected} {field}"
    assert side.authority.notice_of(side.registry).issuer == "0x" + "00" * 20
    assert release_terms(side.authority.release_of(archive.id)) == release_terms(terms.values())


def test_status_says_until_when_one_can_object_and_roll_back(
    world: World, command: _Command
) -> None:
    command.archive()

    def told() -> dict[str, Any]:
        given = ("release", "status", "--ledger", "home", "--manifest", command.manifest, "--json")
        status, out, err = command(*given)
        assert (status, err) == (0, "")
        rows = json.loads(out)["contracts"]
        assert [row["contract"] for row in rows][:2] == [REGISTRY, "SecurityToken"]
        found: dict[str, Any] = rows[0]
        return found

    at, side = ("home", _ARCHIVE), world.home
    assert told()["registered"] == []
    command.acts("register", *at)
    first = told()
    assert (first["version"], first["noticed"], first["registered"]) == ("1.0.0", None, ["1.1.0"])
    command.acts("notice", *at)
    # Whoever objects types what is told.
    objects = shlex.split(told()["pending"]["how"])[1:]
    why = ("--reason", "FALT", "--document", "order.pdf", "--account", "guardian", "--execute")
    assert command(*objects, *why, "--manifest", command.manifest)[0] == 0
    assert told()["noticed"] is told()["pending"] is None
    command.acts("notice", *at)
    noticed = int(side.authority.notice_of(side.registry).noticed_at)
    for account, told_by in (("auditor", ["auditor"]), ("operator", ["operator", "auditor"])):
        command.acts("approve", *at, "--document", "review.pdf", "--account", account)
        row = told()
        assert (row["noticed"], row["approved_by"]) == ("1.1.0", told_by)
    assert (row["not_before"], row["lapses_at"]) == (noticed + 3_600, noticed + 3_600 + 30 * DAY)
    # As `status` tells it, in JSON and in words.
    assert [row["pending"]] == world.network.status().as_dict()["pending"]
    _, out, _ = command("release", "status", "--manifest", command.manifest)
    assert "\n  home, InstrumentRegistry: release 1.1.0\n    since " in out
    command.acts("approve", *at, "--document", "review.pdf")
    side.chain.advance(3_600)
    side.chain.mine()
    command.acts("activate", *at)
    row = told()
    since = side.authority.installation_of(side.registry).activated_at
    assert (row["version"], row["previous"], row["since"]) == ("1.1.0", "1.0.0", since)
    assert (row["rollback_until"], row["noticed"]) == (since + DAY, None)
    side.chain.advance(DAY)
    side.chain.mine()
    assert told()["previous"] is None


@pytest.mark.requirement("R-60")
def test_an_emergency_is_said_aloud_and_ratified_by_two_keys(
    world: World, command: _Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same code under another number, for an emergency leaves the layout as it is.
    monkeypatch.setattr(releases, "_runs", releases._fits)
    archive = command.archive("InstrumentRegistry")
    at, side = ("home", _ARCHIVE), world.home
    review = ("--document", "review.pdf")
    command.acts("register", *at)
    command.acts("notice", *at)
    assert command.acts("hurry", *at, *review, status=1) == ["refused activate_in_emergency"]
    command.acts("approve", *at, *review)
    assert command.acts("ratify", *at, *review, status=1)[0] == "refused propose_ratification"
    assert command.acts("hurry", *at, *review) == ["executed activate_in_emergency"]
    assert command.acts("hurry", *at, *review) == ["done activate_in_emergency"]
    ends = int(side.authority.emergency_of(side.registry).ratify_before)
    given = ("release", "status", "--ledger", "home", "--manifest", command.manifest)
    told = json.loads(command(*given, "--json")[1])["contracts"][0]
    assert (told["version"], told["ratify_before"]) == (str(archive.number), ends)
    assert "IN AN EMERGENCY" in command(*given)[1]
    one, other = "administrator-1", "administrator-2"
    assert command.acts("ratify", *at, *review, "--account", one, status=1) == [
        "executed propose_ratification",
        "refused ratify",
    ]
    assert command.acts("ratify", *at, *review, "--account", other) == [
        "done propose_ratification",
        "executed ratify",
    ]
    assert command.acts("ratify", *at, *review) == ["done propose_ratification", "done ratify"]
    assert json.loads(command(*given, "--json")[1])["contracts"][0]["ratify_before"] is None


# ------------------------------------------------------------------------------- typed wrong


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("build", "LaneCustody", "1.1.0"), "release: CONTRACT: LaneCustody: expected a contract"),
        (("build", REGISTRY, "1.1"), "release: VERSION: 1.1: expected MAJOR.MINOR.PATCH"),
        (
            ("build", REGISTRY, "1.0.0", "--migration", "0x1234"),
            "release: --migration: 0x1234: expected 0x and hex digits of a call",
        ),
        (
            ("build", REGISTRY, "1.0.0", "--evidence", "none.pdf"),
            "release: --evidence: none.pdf: expected a file that can be read",
        ),
        (
            ("build", REGISTRY, "1.0.0", "--out", "notes.md/deep"),
            "tallystick: --out: notes.md/deep: expected a folder, and notes.md is none",
        ),
    ],
)
def test_what_is_built_wrong_is_one_line_and_writes_nothing(
    command: _Command, arguments: tuple[str, ...], expected: str
) -> None:
    documents = ("--notes", "notes.md", "--evidence", "audit.pdf")
    assert command.wrong("release", *arguments, *documents).startswith(expected)
    assert not Path("releases").exists()


def test_code_that_says_another_version_is_not_released(command: _Command) -> None:
    documents = ("--notes", "notes.md", "--evidence", "audit.pdf")
    status, out, err = command("release", "build", REGISTRY, "1.1.0", *documents)
    assert (status, out) == (1, "")
    assert err == f"{REGISTRY}@1.1.0 can't be released: its code says 1.0.0\n"
    assert not Path("releases").exists()


def test_what_was_built_is_where_it_is_said(command: _Command) -> None:
    documents = ("--notes", "notes.md", "--evidence", "audit.pdf")
    status, out, _ = command("release", "build", REGISTRY, "1.0.0", *documents, "--json")
    said, path = json.loads(out), Path("releases/InstrumentRegistry-1.0.0.json")
    assert (status, said["file"]) == (0, str(path))
    assert said["hash"] == "0x" + keccak(path.read_bytes()).hex()
    assert [each.name for each in Archive.load(path).evidence] == ["audit.pdf"]


def test_a_check_says_all_that_is_wrong(command: _Command) -> None:
    documents = ("--notes", "notes.md", "--evidence", "audit.pdf")
    command("release", "build", REGISTRY, "1.0.0", *documents, "--out", "first.json")
    command.archive()
    # The first one does not follow the next one.
    status, out, _ = command("release", "check", "first.json", "--after", _ARCHIVE, "--json")
    said = json.loads(out)
    assert (status, said["ok"]) == (1, False)
    wrong = {each["what"]: each["wrong"] for each in said["checks"] if each["wrong"]}
    assert list(wrong) == ["later than 1.1.0", "storage of 1.1.0 kept"]
    assert "variable-removed" in wrong["storage of 1.1.0 kept"]
    renamed = ("--after", "first.json", "--rename", "nobody=somebody")
    assert command.wrong("release", "check", _ARCHIVE, *renamed) == (
        "first.json: --rename: nobody: expected a variable, module, or Struct.member of the old "
        "layout"
    )
    assert command.wrong("release", "check", _ARCHIVE, "--ledger", "home") == (
        "release: --manifest: nothing: expected the manifest that has this ledger"
    )


@pytest.mark.requirement("R-61")
def test_layouts_of_archives_are_checked(command: _Command) -> None:
    documents = ("--notes", "notes.md", "--evidence", "audit.pdf")
    command("release", "build", REGISTRY, "1.0.0", *documents, "--out", "first.json")
    command.archive()
    status, out, _ = command("layout", "check", "first.json", _ARCHIVE, "--json")
    said = json.loads(out)
    assert (status, said["new"]) == (0, {"file": str(_ARCHIVE), "name": REGISTRY})
    assert "release_notes_hash" in {each["variable"] for each in said["findings"]}
    assert command("layout", "check", _ARCHIVE, "first.json")[0] == 1
