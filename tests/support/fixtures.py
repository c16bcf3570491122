"""Fixtures: the suite on two embedded ledgers, deployed once; what a test does is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import Side, World


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return World()


@pytest.fixture
def world(deployed_world: World) -> Iterator[World]:
    """Home and remote ledger after hand-over, holders admitted, units issued at home."""
    with deployed_world.isolated():
        yield deployed_world


@pytest.fixture
def home_side(world: World) -> Side:
    """The home ledger with its parties by role."""
    return world.home


@pytest.fixture
def remote_side(world: World) -> Side:
    """The remote ledger with its parties by role."""
    return world.remote
