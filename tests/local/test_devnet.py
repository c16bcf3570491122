"""The local network in the foreground: ready when it says so, and gone when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.bridge.message import party
from tallystick.deploy.verify import verify, wrong
from tallystick.errors import InputError
from tallystick.files.instrument import load_instrument
from tallystick.files.manifest import Manifest
from tallystick.local.devnet import with_ledgers
from tallystick.reach.connection import Connection, connect
from tallystick.status.observe import status_of
from tests.support.commands import APPLE, ROOT, environment, tallystick


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _children(pid: int) -> list[int]:
    """Processes that a process has started and that still belong to it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(entry.name))
    return found


@contextmanager
def devnet(folder: Path, *arguments: Any) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A network that is ready; killed if the test leaves it running."""
    path = folder / "net" / "manifest.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick", "devnet", "--manifest", str(path)]
        + [str(argument) for argument in arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == f"ready {path}\n", (line, process.stderr and process.stderr.read())
        yield process, path
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def gone(pids: list[int]) -> bool:
    end = time.monotonic() + 5
    while any(map(_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(_alive, pids))


BUND = ROOT / "examples" / "bund.yaml"


def _lock(connection: Connection, amount: int) -> None:
    manifest = connection.manifest
    (lane,) = manifest.lanes
    home = connection.chains["home"]
    sender = home.account(manifest.holders[0].index or 0)
    recipient = next(h for h in manifest.holders if h.ledger == "remote" and h.eligible)
    custody = connection.contract("home", "LaneCustody", lane.sides["home"].custody)
    custody.lock(lane.id_bytes, party(recipient.address), amount, home.now + 3_600, sender=sender)


@pytest.mark.anvil_only
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_stops_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    with devnet(tmp_path) as (process, path):
        ledgers = _children(process.pid)
        assert len(ledgers) == 2
        connection = connect(Manifest.load(path))
        urls = [ledger.rpc for ledger in connection.manifest.ledgers]
        connection.close()
        os.kill(process.pid, number)
        _, trouble = process.communicate(timeout=20)
        expected = -number if number is signal.SIGKILL else 0
        assert (process.returncode, trouble) == (expected, "")
        assert gone(ledgers)
    after = tallystick("status", "--manifest", path, cwd=tmp_path)
    assert (after.returncode, after.stdout) == (2, "")
    assert after.stderr == f"{path}: ledgers[1].rpc: {urls[1]}: expected a node that answers\n"


@pytest.mark.anvil_only
@pytest.mark.slow
def test_it_is_ready_and_its_courier_carries(tmp_path: Path) -> None:
    """A holder on the other ledger holds from the start; what is locked arrives by itself."""
    data = yaml.safe_load(APPLE.read_text())
    for holder in data["holders"]:
        if holder["name"] == "remote-fund":
            holder["amount"] = 1234
    instrument = tmp_path / "apple.yaml"
    instrument.write_text(json.dumps(data, default=str))
    with devnet(tmp_path, "--instrument", instrument, "--json") as (process, path):
        connection = connect(Manifest.load(path))
        found = status_of(connection)
        assert found.ok
        units = {
            p.name: p.balance
            for ledger in found.observation.ledgers
            for p in ledger.positions
            if not p.link
        }
        assert units["remote-fund"] == 1234 * 10**6
        assert units["custodian-omnibus"] == 500_000 * 10**6
        assert dict(found.verdict("INV-1").figures)["in transit"] == 0
        clocks = [chain.now for chain in connection.chains.values()]
        assert max(clocks) - min(clocks) <= 1
        _lock(connection, 77)
        assert process.stdout is not None
        while (line := json.loads(process.stdout.readline()))["what"] != "delivered":
            pass
        assert (line["amount"], line["source"], line["destination"]) == ("77", "home", "remote")
        shown = tallystick("status", "--manifest", path, "--json", cwd=tmp_path)
        assert (shown.returncode, json.loads(shown.stdout)["ok"]) == (0, True)
        connection.close()


@pytest.mark.anvil_only
@pytest.mark.slow
def test_two_instruments_share_it_and_its_courier_carries_both(tmp_path: Path) -> None:
    with devnet(tmp_path, "--instrument", APPLE, "--instrument", BUND, "--json") as (process, path):
        other = path.parent / "DE0001102580" / path.name
        assert process.stdout is not None
        for file, beside in ((path, ("DE0001102580",)), (other, ("US0378331005",))):
            connection = connect(Manifest.load(file))
            assert connection.manifest.beside == beside
            assert status_of(connection).ok
            assert wrong(verify(connection)) == ()
            _lock(connection, 77)
            while (line := json.loads(process.stdout.readline()))["what"] != "delivered":
                pass
            assert line["lane"] == connection.manifest.lanes[0].id
            connection.close()


@pytest.mark.anvil_only
@pytest.mark.slow
def test_without_courier_somebody_else_delivers(tmp_path: Path) -> None:
    with devnet(tmp_path, "--no-courier", "--ledgers", 3) as (_, path):
        connection = connect(Manifest.load(path))
        assert [ledger.name for ledger in connection.manifest.ledgers] == [
            "home",
            "remote",
            "remote-2",
        ]
        assert [lane.remote for lane in connection.manifest.lanes] == ["remote", "remote-2"]
        manifest = connection.manifest
        home = connection.chains["home"]
        sender = home.account(manifest.holders[0].index or 0)
        lane = manifest.lanes[0]
        custody = connection.contract("home", "LaneCustody", lane.sides["home"].custody)
        recipient = next(h for h in manifest.holders if h.ledger == "remote" and h.eligible)
        custody.lock(lane.id_bytes, party(recipient.address), 5, home.now + 3_600, sender=sender)
        time.sleep(4)
        assert not connection.escrow("remote").has_arrived(lane.id_bytes, 0)
        once = tallystick("courier", "--manifest", path, "--once", cwd=tmp_path)
        assert once.returncode == 0, once.stderr
        assert once.stdout.startswith("delivered home to remote nonce 0 amount 5 0x")
        again = tallystick("courier", "--manifest", path, "--once", cwd=tmp_path)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
        assert status_of(connection).ok
        connection.close()


@pytest.mark.anvil_only
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_a_ledger_that_dies_ends_it(tmp_path: Path) -> None:
    with devnet(tmp_path) as (process, _):
        ledgers = _children(process.pid)
        os.kill(ledgers[0], signal.SIGKILL)
        _, trouble = process.communicate(timeout=20)
        assert process.returncode == 1
        lines = trouble.splitlines()
        # Each direction that stopped, and what ended it.
        assert 1 <= len(lines) <= 3
        assert all("http://127.0.0.1:" in line for line in lines)
        assert gone(ledgers)


def test_without_anvil_it_says_how_to_get_it(tmp_path: Path) -> None:
    """A copy of the package where no node_modules is near, and a PATH without anvil."""
    code = (
        "import sys, tallystick.chain.process as a, tallystick.local.devnet as d\n"
        "d.find_anvil = a.find_anvil = lambda: None\n"
        "from tallystick.cli.main import main\n"
        f"sys.exit(main(['devnet', '--instrument', {str(APPLE)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "anvil is not installed: run `npm ci` in the checkout, put anvil on PATH, or name it in "
        "TALLYSTICK_ANVIL\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_wrong_input(tmp_path: Path) -> None:
    for arguments, expected in (
        (("--instrument", "none.yaml"), "none.yaml: nothing: expected a file that exists"),
        (
            ("--instrument", str(APPLE), "--instrument", str(APPLE)),
            f"{APPLE}: isin: US0378331005: expected another ISIN than that of {APPLE}",
        ),
        (
            ("--ledgers", "1"),
            "tallystick: Invalid value for '--ledgers': 1 is not in the range 2<=x<=8.",
        ),
    ):
        done = tallystick("devnet", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", expected + "\n")
    assert list(tmp_path.iterdir()) == []


def test_more_and_fewer_ledgers(tmp_path: Path) -> None:
    instrument = load_instrument(APPLE)
    assert [e.name for e in with_ledgers(APPLE, instrument, None).ledgers] == ["home", "remote"]
    assert [e.name for e in with_ledgers(APPLE, instrument, 4).ledgers] == [
        "home",
        "remote",
        "remote-2",
        "remote-3",
    ]
    three = with_ledgers(APPLE, instrument, 3)
    assert [e.name for e in with_ledgers(APPLE, three, 2).ledgers] == ["home", "remote"]
    with pytest.raises(InputError, match="at least two ledgers"):
        with_ledgers(APPLE, instrument, 1)
    data = yaml.safe_load(APPLE.read_text())
    data["ledgers"].insert(1, {"name": "away", "dti_of": "unassigned"})
    path = tmp_path / "three.yaml"
    path.write_text(json.dumps(data, default=str))
    with pytest.raises(InputError) as caught:
        with_ledgers(path, load_instrument(path), 2)
    assert str(caught.value) == (
        f"{path}: holders[5].ledger: remote: expected one of the 2 ledgers: away, home"
    )
