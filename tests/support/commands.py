"""What the tests of the command line share: a network, a plan, and the command as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from tallystick.chain import Chain
from tallystick.chain.process import find_anvil
from tallystick.cli import main as cli
from tallystick.files.manifest import Manifest
from tallystick.local.network import Network
from tallystick.reach import connection as reach
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
APPLE = ROOT / "examples" / "apple.yaml"


def environment(**more: str) -> dict[str, str]:
    """As a shell with the virtual environment activated."""
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    kept = {k: v for k, v in os.environ.items() if k != "TALLYSTICK_MNEMONIC"}
    kept |= {"PYTHONPATH": str(ROOT), "PATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}
    return kept | more


def ape_environment(folder: Path) -> dict[str, str]:
    """The same for ape, which finds anvil on PATH only."""
    anvil = find_anvil()
    assert anvil is not None
    path = os.pathsep.join([str(anvil.parent), environment()["PATH"]])
    # A cache of another run knows other contracts at these addresses.
    return environment(PATH=path, APE_DATA_FOLDER=str(folder / "ape"))


def tallystick(*arguments: Any, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tallystick", *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def connected(network: Network) -> reach.Connection:
    """The network as its manifest describes it."""
    return network.connection


def connect(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Commands of this process reach a world's ledgers, whatever address its manifest has."""

    def reached(manifest: Manifest, **_: Any) -> reach.Connection:
        return reach.connection_of(manifest, world.network.chains)

    monkeypatch.setattr(reach, "connect", reached)


class Command:
    """A command on a world's ledgers, and what it said; `words` come before its arguments."""

    words: ClassVar[tuple[str, ...]] = ()

    def __init__(self, world: World, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.manifest = manifest
        self._capsys = capsys

    def __call__(self, *arguments: Any) -> tuple[int, str, str]:
        given = [*self.words, *map(str, arguments), "--manifest", str(self.manifest)]
        return cli.main(given), *self._capsys.readouterr()

    def json(self, *arguments: Any, **how: Any) -> tuple[int, dict[str, Any]]:
        """Exit status and document; nothing else is said."""
        status, out, err = self(*arguments, "--json", **how)
        assert err == ""
        return status, json.loads(out)

    def mine(self) -> None:
        """All that was told is final."""
        for side in (self.world.home, self.world.remote):
            side.chain.mine(3)

    def without_engines(self) -> None:
        """The manifest has no engines any more."""
        data = json.loads(self.manifest.read_text())
        del data["actions"]
        for ledger in data["ledgers"]:
            del ledger["contracts"]["ActionsEngine"]
        self.manifest.write_text(json.dumps(data))


class EventCommand(Command):
    """The verbs of `event` on a file, its example unless another is named."""

    example: ClassVar[Path]

    def __call__(self, verb: Any, *arguments: Any, event: Path | None = None) -> Any:
        return super().__call__("event", verb, event or self.example, *arguments)


def plan_data(chains: Mapping[str, Chain], name: str = "plan.yaml") -> dict[str, Any]:
    """An example plan with its ledgers at the chains' addresses."""
    data: dict[str, Any] = yaml.safe_load((ROOT / "examples" / name).read_text())
    data["instrument"] = str(APPLE)
    for ledger in data["ledgers"]:
        del ledger["network"]
        ledger["rpc"] = getattr(chains[ledger["name"]], "url", "http://127.0.0.1:1")
    return data


def write_plan(folder: Path, data: Mapping[str, Any]) -> Path:
    """A plan file."""
    path = folder / "plan.yaml"
    path.write_text(json.dumps(data))
    return path
