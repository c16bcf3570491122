"""Common to all tests: the ledgers' fixtures, the suite's world, how hard hypothesis looks."""

from __future__ import annotations

import gc
import os
from importlib.metadata import entry_points

from hypothesis import HealthCheck, settings

from tests.support.contracts import add_contracts
from tests.support.fixtures import (
    deployed,
    deployed_world,
    home_side,
    network,
    remote_side,
    world,
)

__all__ = ["deployed", "deployed_world", "home_side", "network", "remote_side", "world"]

add_contracts()

# Installed, the plugin is there by its entry point, and pytest refuses it a second time.
_installed = any(point.value == "tallystick.kit.plugin" for point in entry_points(group="pytest11"))
pytest_plugins = ["pytester"] if _installed else ["pytester", "tallystick.kit.plugin"]

# Ledgers are put back after a test, not after each example: a property test wraps what it does in
# `with chain.isolated():`, and so may use the fixtures that hypothesis would warn of.
_quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_quiet)
settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, suppress_health_check=_quiet
)
settings.register_profile("deep", max_examples=1_000, deadline=None, suppress_health_check=_quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_collection_finish() -> None:
    """What twelve thousand collected tests are made of stays: the collector need not look again."""
    gc.collect()
    gc.freeze()
