"""The unit tests' ledgers, for attacks that happened elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "unit" / "registry"))

from registry_ledgers import home, ledgers, new_ledgers, remote, set_up_ledgers
from suite_fixtures import deployed_world, home_side, remote_side, world

__all__ = [
    "deployed_world",
    "home",
    "home_side",
    "ledgers",
    "new_ledgers",
    "remote",
    "remote_side",
    "set_up_ledgers",
    "world",
]
