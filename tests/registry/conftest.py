from __future__ import annotations

import pytest

from tallystick.chain import Contract
from tallystick.chain.embedded import EmbeddedChain
from tests.support.registry_ledgers import (
    home,
    ledgers,
    new_ledgers,
    remote,
    set_up,
    set_up_ledgers,
)
from tests.support.registry_vectors import DEPLOYER

__all__ = ["home", "ledgers", "new_ledgers", "remote", "set_up", "set_up_ledgers"]


@pytest.fixture(scope="session")
def identifiers() -> Contract:
    """The pure module behind a harness that exposes it."""
    return EmbeddedChain().deploy("IdentifiersHarness", sender=DEPLOYER)
