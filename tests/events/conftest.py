"""The two-ledger world with engines and cash on it, in July 2020; what a test does is undone."""

from __future__ import annotations

import pytest

from tests.support.actions import Actions, world_of_engines
from tests.support.world import World


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def actions(world: World) -> Actions:
    """Issuer, attestors and couriers of that world."""
    return Actions(world)
