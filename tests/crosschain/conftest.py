"""One suite over two ledgers for the tests of a module; each test starts from the same state."""

from __future__ import annotations

import pytest

from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tests.support.flows import DAY, FINALITY, Parties, meet


@pytest.fixture(scope="module")
def deployed(module_ledgers) -> Network:
    """The suite, three admitted holders at home and two abroad, 1,500 units issued."""
    home, remote = module_ledgers(2)
    network = Network.deploy(
        load_instrument("examples/apple.yaml"),
        {"home": home, "remote": remote},
        finality_blocks=FINALITY,
    )
    parties = Parties.of(network)
    far = home.now // DAY + 4_000
    for holder in (parties.investor, parties.fund):
        network.admit(network.home, holder, far)
        # For good, so that a lock is one transaction and one block.
        network.home.token.approve(parties.home_custody, 2**256 - 1, sender=holder)
    for holder in (parties.investor_abroad, parties.fund_abroad):
        network.admit(network.remote, holder, far)
    network.issue([(parties.investor, 1_000), (parties.fund, 500)])
    meet(network)
    return network


@pytest.fixture
def parties(network) -> Parties:
    """Who is who."""
    return Parties.of(network)
