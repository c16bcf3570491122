"""`tallystick layout` as outsiders type it: the page's samples, exit statuses, one-line errors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.commands import ROOT, tallystick

PAGE = (ROOT / "docs" / "layout.md").read_text(encoding="utf-8")
_SOURCE = re.compile(r"```python\n# (\w+\.vy)\n(.*?)```", re.DOTALL)
_UNKNOWN = "expected a variable, module, or Struct.member of the old layout"
_SAMPLE = re.compile(r"```text\n\$ tallystick (.*?)\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sources of the page."""
    for name, text in _SOURCE.findall(PAGE):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize(("command", "expected"), _SAMPLE.findall(PAGE))
def test_the_page_shows_what_the_command_says(folder: Path, command: str, expected: str) -> None:
    done = tallystick(*command.split(), cwd=folder)
    assert _lines(done.stdout) == _lines(expected)
    assert (done.returncode, done.stderr) == (int("Next" in command), "")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_json_has_every_finding(folder: Path) -> None:
    done = tallystick("layout", "check", "Vault.vy", "VaultMended.vy", "--json", cwd=folder)
    said = json.loads(done.stdout)
    assert (done.returncode, said["fits"], said["shared_sources"]) == (0, True, [])
    assert said["old"] == {"file": "Vault.vy", "name": "Vault"}
    assert said["findings"][1] == {
        "rule": "room-used",
        "severity": "allowed",
        "slot": 2,
        "variable": "_reserved",
        "before": "uint256[8]",
        "after": "uint256[7]",
        "why": "taken by fee",
    }
    done = tallystick("layout", "check", "Vault.vy", "VaultNext.vy", "--json", cwd=folder)
    said = json.loads(done.stdout)
    assert (done.returncode, said["fits"]) == (1, False)
    assert [each["severity"] for each in said["findings"]] == ["breaks"] * 4 + ["allowed"]


def test_a_layout_is_kept_and_checked_against_later(folder: Path) -> None:
    done = tallystick("layout", "show", "Vault.vy", "--json", cwd=folder)
    assert json.loads(done.stdout)["schema"] == "tallystick.layout/1"
    (folder / "kept.json").write_text(done.stdout)
    (folder / "Vault.vy").unlink()
    done = tallystick("layout", "check", "kept.json", "VaultMended.vy", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.endswith("VaultMended.vy keeps the storage of kept.json\n")
    done = tallystick("layout", "show", "kept.json", cwd=folder)
    assert re.search(r"\b1 +deposits +HashMap\[address, Deposit\{amount: uint256, ", done.stdout)


def test_a_rename_is_said_by_an_option(folder: Path) -> None:
    source = (folder / "Vault.vy").read_text()
    (folder / "Named.vy").write_text(source.replace("owner", "holder").replace("since", "at"))
    check = ("layout", "check", "Vault.vy", "Named.vy")
    done = tallystick(*check, cwd=folder)
    assert done.returncode == 1
    assert "--rename owner=holder" in done.stdout
    assert "--rename Deposit.since=Deposit.at" in done.stdout
    renames = ("--rename", "owner=holder", "--rename", "Deposit.since=Deposit.at")
    assert tallystick(*check, *renames, cwd=folder).returncode == 0
    for wrong, expected in (
        ("owner", "tallystick: Invalid value for '--rename': 'owner': expected OLD=NEW\n"),
        (
            "owned=holder",
            f"Vault.vy: --rename: owned: {_UNKNOWN}\n",
        ),
    ):
        done = tallystick(*check, "--rename", wrong, cwd=folder)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_modules_that_both_were_compiled_with_are_told(folder: Path) -> None:
    """Absolute imports of an older checkout find the newer one's modules, unless it is said."""
    top = "from modules import owned\ninitializes: owned\n"
    for root, text in (("released", "owner: address\n"), (".", "new: bool\nowner: address\n")):
        (folder / root / "modules").mkdir(parents=True)
        (folder / root / "modules" / "owned.vy").write_text(text)
        (folder / root / "Top.vy").write_text(top)
    check = ("layout", "check", "released/Top.vy", "Top.vy")
    done = tallystick(*check, "--old-search-path", "released", cwd=folder)
    assert done.returncode == 1
    assert "note" not in done.stdout
    # Beside the older file its own modules are found first.
    assert tallystick(*check, cwd=folder).stdout == done.stdout
    (folder / "released" / "deep").mkdir()
    (folder / "released" / "Top.vy").rename(folder / "released" / "deep" / "Top.vy")
    check = ("layout", "check", "released/deep/Top.vy", "Top.vy")
    blind = tallystick(*check, cwd=folder)
    assert blind.returncode == 0
    assert "modules/owned.vy: what changed there is not seen (--old-search-path)" in blind.stdout
    done = tallystick(*check, "--old-search-path", "released", cwd=folder)
    assert done.returncode == 1
    assert "slot-reused" in done.stdout


def test_our_own_releases_are_checked_from_their_artifacts(folder: Path) -> None:
    source = ROOT / "contracts" / "token" / "SecurityToken.vy"
    done = tallystick("layout", "show", str(source), "-p", str(ROOT), "--json", cwd=folder)
    (folder / "kept.json").write_text(done.stdout)
    built = ROOT / ".build" / "tallystick" / "SecurityToken.json"
    done = tallystick("layout", "check", str(built), "kept.json", cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Layout: nothing differs")
