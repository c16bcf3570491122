"""The command: exit statuses, one line for what is wrong, silence in a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tallystick import __version__, build
from tallystick.chain import ChainError
from tallystick.cli import main as cli
from tallystick.errors import CheckFailed, InputError
from tallystick.local.network import Network
from tests.support.commands import APPLE, ROOT, connected, environment, tallystick

PLAN = ROOT / "examples" / "plan.yaml"


def test_version_and_help(tmp_path: Path) -> None:
    done = tallystick("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"tallystick, version {__version__}\n")
    done = tallystick("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in (
        "demo",
        "devnet",
        "courier",
        "status",
        "log",
        "deploy",
        "verify",
        "handover",
        "reconcile",
        "event",
        "act",
        "layout",
        "release",
    ):
        assert f"  {command} " in done.stdout
        assert tallystick(command, "-h", cwd=tmp_path).returncode == 0


_WRONG: list[tuple[tuple[str, ...], str]] = [
    (("sing",), "tallystick: No such command 'sing'."),
    (("status",), "tallystick: Missing option '--manifest'."),
    (("status", "--loud"), "tallystick: No such option: --loud"),
    (("status", "--manifest", "none.json"), "none.json: nothing: expected a file that exists"),
    (("act", "home", "SecurityToken.pause"), "tallystick: Missing option '--manifest'."),
    (("log", "home"), "tallystick: Missing option '--manifest'."),
    (("log", "home", "--manifest", "none.json"), "none.json: nothing: expected a file that exists"),
    (("courier", "--manifest", "none.json"), "none.json: nothing: expected a file that exists"),
    (("verify", "none.json"), "none.json: nothing: expected a file that exists"),
    (("verify", "none.yaml"), "none.yaml: nothing: expected a file that exists"),
    (("handover", "none.yaml"), "none.yaml: nothing: expected a file that exists"),
    (("deploy", "none.yaml"), "none.yaml: nothing: expected a file that exists"),
    (("deploy", "bad.yaml"), "bad.yaml: line 1, column 5: mapping values are not allowed here"),
    (
        ("deploy", str(APPLE)),
        f"{APPLE}: schema: tallystick.instrument/1: expected tallystick.plan/1",
    ),
    (("layout", "check", "none.vy", "none.vy"), "none.vy: nothing: expected a file that exists"),
    (("layout", "check", "bad.yaml", "none.vy"), "bad.yaml: line 1, column 1: Expecting value"),
    (("release", "check", "none.json"), "none.json: nothing: expected a file that exists"),
    (
        ("release", "notice", "home", "bad.yaml", "--manifest", "none.json"),
        "bad.yaml: line 1, column 1: Expecting value",
    ),
    (
        ("verify", "none.json", "--archive", "bad.yaml"),
        "bad.yaml: line 1, column 1: Expecting value",
    ),
    (("demo", "--instrument", "none.yaml"), "none.yaml: nothing: expected a file that exists"),
    (
        ("demo", "--backend", "moon"),
        "tallystick: Invalid value for '--backend': 'moon' is not one of 'anvil', 'embedded'.",
    ),
    (("status", "--manifest", "bad.yaml"), "bad.yaml: line 1, column 1: Expecting value"),
]


@pytest.mark.parametrize(("arguments", "expected"), _WRONG)
def test_wrong_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    (tmp_path / "bad.yaml").write_text("a: b: c\n")
    done = tallystick(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


_NO_PLACE: list[tuple[tuple[str, ...], str]] = [
    (
        ("demo", "--out", "bad.yaml/deep"),
        "tallystick: --out: bad.yaml/deep: expected a folder, and bad.yaml is none",
    ),
    (
        ("demo", "--out", "/proc/none"),
        "tallystick: --out: /proc/none: expected a place that can be written (",
    ),
    (
        ("deploy", str(PLAN), "--execute", "--out", "bad.yaml"),
        "tallystick: --out: bad.yaml: expected a folder, and bad.yaml is none",
    ),
    (
        ("deploy", str(PLAN), "--execute", "--out", "/proc/none"),
        "tallystick: --out: /proc/none: expected a place that can be written (",
    ),
    (
        ("devnet", "--manifest", "bad.yaml/manifest.json"),
        "tallystick: --manifest: bad.yaml/manifest.json: expected a folder, and bad.yaml is none",
    ),
    (
        ("devnet", "--manifest", "."),
        "tallystick: --manifest: .: expected a file, and a folder is there",
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), _NO_PLACE)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    (tmp_path / "bad.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_compiling_is_said_once_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        for name in ("SecurityToken", "BridgeEscrow"):
            for tell in build._watchers:
                tell(name)
        return 0

    assert cli.guarded(run) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("compiling contracts that are new or changed: ")
    assert err.count("\n") == 1
    assert build._watchers == []


def test_a_ledger_that_nobody_knows(network: Network, tmp_path: Path) -> None:
    connection = connected(network)
    with pytest.raises(InputError) as caught:
        connection.manifest.ledger("moon")
    assert str(caught.value) == "manifest: ledger: moon: expected one of the ledgers: home, remote"


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        (InputError("f", "a", 1, "2"), 2, "f: a: 1: expected 2"),
        (CheckFailed("broken\nin two"), 1, "broken\\nin two"),
        (ChainError("no node answers at http://u:p@h/k"), 1, "no node answers at http://h/…"),
        (FileNotFoundError(2, "No such file", "x"), 1, "[Errno 2] No such file: 'x'"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_becomes_a_status(
    capsys: pytest.CaptureFixture[str], raised: BaseException, status: int, line: str
) -> None:
    def act() -> None:
        raise raised

    assert cli.guarded(act) == status
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", line + "\n" if line else "")


def test_our_own_mistakes_are_not_hidden() -> None:
    def act() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.guarded(act)


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a demo: no traceback, status 130."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick", "demo", "--backend", "embedded"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, trouble = process.communicate(timeout=30)
    # It may have been done before the signal came.
    assert process.returncode in {0, 130}
    assert "Traceback" not in trouble


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tallystick", "deploy", str(ROOT / "examples" / "plan.yaml")],
        cwd=tmp_path,
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.anvil_only
def test_status_and_courier_of_nodes(network: Network, tmp_path: Path) -> None:
    path = network.manifest.write(tmp_path / "manifest.json")
    found = tallystick("status", "--manifest", path, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "In transit: nothing" in found.stdout
    network.lock(network.holder("home", 0), network.holder("remote", 0), 123)
    for _ in range(2):
        done = tallystick("courier", "--manifest", path, "--once", "--json", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        network.home.chain.mine(3)
        network.remote.chain.set_time(network.home.chain.now + 10)
    (line,) = [json.loads(text) for text in done.stdout.splitlines()]
    assert (line["what"], line["amount"], line["nonce"]) == ("delivered", "123", 0)

    # One unit out of nothing: broken, and said so.
    token = network.home.token
    network.home.chain.set_storage(
        token.address, *_one_more(network, network.holder("home", 0).address)
    )
    found = tallystick("status", "--manifest", path, cwd=tmp_path)
    assert found.returncode == 1
    assert found.stdout.splitlines()[-2:] == [
        "BROKEN INV-1: home: units in all places: 1500000001, 1500000000 expected",
        "BROKEN INV-5: home: sum of positions: 1500000001, 1500000000 expected",
    ]
    data = json.loads(tallystick("status", "--manifest", path, "--json", cwd=tmp_path).stdout)
    assert not data["ok"]
    assert [v["id"] for v in data["invariants"] if not v["holds"]] == ["INV-1", "INV-5"]


def _one_more(network: Any, holder: str) -> tuple[int, int]:
    from tests.status.test_status import _slot

    token = network.home.token
    slot = _slot(token, holder, "book._positions")
    return slot, int.from_bytes(network.home.chain.storage(token.address, slot), "big") + 1


@pytest.mark.anvil_only
def test_courier_runs_until_interrupted(network: Network, tmp_path: Path) -> None:
    path = network.manifest.write(tmp_path / "manifest.json")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tallystick",
            "courier",
            "--interval",
            "0.1",
            "--manifest",
            str(path),
        ],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for amount in (5, 6):
        network.lock(network.holder("home", 0), network.holder("remote", 0), amount)
        network.home.chain.mine(3)
        network.remote.chain.set_time(network.home.chain.now + 10)
        network.remote.chain.mine()
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"delivered home to remote nonce {amount - 5} amount {amount} 0x")
    time.sleep(0.3)
    process.terminate()
    output, trouble = process.communicate(timeout=10)
    assert (process.returncode, output, trouble) == (0, "", "")


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


def test_every_command_on_a_manifest_takes_the_address_in_use() -> None:
    asked = [
        command
        for command in commands(cli.cli)
        if any("--manifest" in each.opts and each.required for each in command.params)
    ]
    assert len(asked) > 10
    assert [
        command.name
        for command in asked
        if not any("--rpc" in each.opts for each in command.params)
    ] == []
