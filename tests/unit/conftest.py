"""Every unit test may use the suite's two ledgers."""

from __future__ import annotations

from suite_fixtures import deployed_world, home_side, remote_side, world

__all__ = ["deployed_world", "home_side", "remote_side", "world"]
