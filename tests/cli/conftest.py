"""What several tests of commands have: the world's manifest, whose ledgers a command reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import connect
from tests.support.world import World


@pytest.fixture
def manifest(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world's manifest; commands of this process reach its ledgers."""
    connect(monkeypatch, world)
    return world.network.manifest.write(tmp_path / "manifest.json")
