"""The two-ledger world with engines on it, in July 2020; what a test does is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.chain import Contract
from tallystick.chain.embedded import EmbeddedChain
from tests.support.actions import Actions, world_of_engines
from tests.support.dividend import Dividend
from tests.support.world import World


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def actions(world: World) -> Actions:
    """Issuer, attestors and couriers of that world."""
    return Actions(world)


# Its module's ledgers stay as it leaves them: a test that begins before it goes by `world`.
@pytest.fixture(scope="module")
def fixed_dividend(deployed_world: World) -> Iterator[Dividend]:
    with deployed_world.isolated():
        yield Dividend.fixed(deployed_world)


@pytest.fixture
def dividend(fixed_dividend: Dividend) -> Iterator[Dividend]:
    """A dividend fixed on both ledgers, for modules whose tests all begin with it."""
    with fixed_dividend.isolated():
        yield fixed_dividend


@pytest.fixture(scope="session")
def records() -> Contract:
    """The pure module behind a harness that exposes it."""
    chain = EmbeddedChain()
    return chain.deploy("EventRecordHarness", sender=chain.account(0))
