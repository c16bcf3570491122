"""One suite over two ledgers for the tests of a module; each test starts from the same state."""

from __future__ import annotations

import pytest

from tests.support.flows import FINALITY, Parties, meet
from tests.support.world import World


@pytest.fixture(scope="module")
def deployed(module_ledgers) -> World:
    """The suite, two admitted holders a side, 1,500 base units issued."""
    home, remote = module_ledgers(2)
    world = World(
        {"home": home, "remote": remote},
        units={"investor": 1_000, "buyer": 500},
        finality_blocks=FINALITY,
    )
    meet(world.network)
    return world


@pytest.fixture
def parties(network) -> Parties:
    """Who is who."""
    return Parties.of(network)
