"""Fixtures: the two-ledger world, deployed once; what a test does is undone.

`world` is on embedded ledgers and reaches into every part; `network` is the same on the back end
that the run has, as the commands see it. A folder that starts elsewhere has its own `deployed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.local.network import Network
from tests.support.world import AMOUNT_MAX, BUYER_UNITS, INVESTOR_UNITS, Side, World, embedded


@pytest.fixture(scope="session")
def deployed_world() -> World:
    # As much authorised as a position holds, so that the record bounds no test that does not mean
    # it; attestors are said here, so that no example file decides what these tests mean.
    world = World(
        embedded(),
        authorised=AMOUNT_MAX,
        admitted=("investor", "buyer", "fund"),
        units={"investor": INVESTOR_UNITS, "buyer": BUYER_UNITS},
        attestors=range(11, 17),
        threshold=2,
    )
    world.synchronise()
    return world


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


@pytest.fixture(scope="module")
def deployed(module_ledgers: Any) -> World:
    """The suite with two holders a side, all admitted, 1,500 units issued."""
    home, remote = module_ledgers(2)
    return World({"home": home, "remote": remote}, units={"investor": 10**9, "buyer": 5 * 10**8})


@pytest.fixture
def network(deployed: World, ledgers: Any) -> Network:
    """What is deployed, for one test."""
    ledgers(2)
    return deployed.network
