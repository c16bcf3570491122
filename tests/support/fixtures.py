"""Fixtures: suites over two ledgers, deployed once; what a test does is undone.

`world` is on embedded ledgers and reaches into every part; `network` is on the back end that the
run has, with what the commands make. A folder that starts elsewhere has its own `deployed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tests.support.commands import APPLE
from tests.support.world import Side, World

_FAR = 40_000


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


@pytest.fixture(scope="module")
def deployed(module_ledgers: Any) -> Network:
    """The suite with two holders a side, all admitted, 1,500 units issued."""
    home, remote = module_ledgers(2)
    network = Network.deploy(load_instrument(APPLE), {"home": home, "remote": remote})
    for number in (0, 1):
        network.admit(network.home, network.holder("home", number), _FAR)
        network.admit(network.remote, network.holder("remote", number), _FAR)
    network.issue(
        [(network.holder("home", 0).address, 10**9), (network.holder("home", 1).address, 5 * 10**8)]
    )
    return network


@pytest.fixture
def network(deployed: Network, ledgers: Any) -> Network:
    """What is deployed, for one test."""
    ledgers(2)
    return deployed
