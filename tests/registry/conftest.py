from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.build import compile_file
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

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def identifiers() -> Contract:
    """The pure module behind a harness that exposes it."""
    harness = compile_file(Path(__file__).with_name("IdentifiersHarness.vy"), _ROOT)
    return EmbeddedChain().deploy(harness, sender=DEPLOYER)
