from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_vectors import DEPLOYER, ISSUER, REGISTRAR, SET_UP_KEY, STATED

from tallystick.build import compile_file
from tallystick.chain import Contract
from tallystick.chain.embedded import EmbeddedChain

_ROOT = Path(__file__).resolve().parents[3]
_ROLES = {REGISTRAR: 8, ISSUER: 2}


@pytest.fixture(scope="session")
def identifiers() -> Contract:
    """The pure module behind a harness that exposes it."""
    harness = compile_file(Path(__file__).with_name("IdentifiersHarness.vy"), _ROOT)
    return EmbeddedChain().deploy(harness, sender=DEPLOYER)


def new_registry(name: str, chain_id: int) -> Contract:
    """A registry behind its proxy, roles assigned, set-up still open."""
    chain = EmbeddedChain(name, chain_id)
    implementation = chain.deploy("InstrumentRegistry", sender=DEPLOYER)
    proxy = chain.deploy(
        "ReleaseProxy",
        implementation,
        implementation.initialize.encode(SET_UP_KEY),
        sender=DEPLOYER,
    )
    registry = chain.at("InstrumentRegistry", proxy)
    for account, role in _ROLES.items():
        registry.assign_role(account, role, *STATED, sender=SET_UP_KEY)
    return registry


@pytest.fixture(scope="session")
def _ledgers() -> tuple[Contract, Contract]:
    return new_registry("home", 41001), new_registry("remote", 41002)


@pytest.fixture
def registries(_ledgers: tuple[Contract, Contract]) -> Iterator[tuple[Contract, Contract]]:
    """The registry of the home and of the remote ledger; what a test does is undone."""
    with _ledgers[0].chain.isolated(), _ledgers[1].chain.isolated():
        yield _ledgers


@pytest.fixture
def registry(registries: tuple[Contract, Contract]) -> Contract:
    """The registry of the home ledger."""
    return registries[0]
