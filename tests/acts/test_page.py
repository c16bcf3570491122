"""docs/acts.md: its commands are run as they are written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tallystick.cli import main as cli
from tests.support.commands import connect
from tests.support.world import World
from tools.report import ROOT


def _commands() -> list[str]:
    text = (ROOT / "docs" / "acts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_page_do_what_it_says(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    connect(monkeypatch, world)
    monkeypatch.chdir(tmp_path)
    world.network.manifest.write(tmp_path / "out" / "devnet" / "manifest.json")
    (tmp_path / "order.pdf").write_bytes(b"an order")
    commands = _commands()
    assert len(commands) == 8
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "tallystick"
        assert cli.main(arguments) == 0, (command, capsys.readouterr().err)
    assert world.home.token.paused_scopes() == 5
    assert world.home.escrow.pending_lane_terms(world.lane).cap == 1000
    assert (tmp_path / "batch.json").is_file()
