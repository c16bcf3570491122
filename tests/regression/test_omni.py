"""Omni bridge on ETHPoW, September 2022, 200 ETHW: what one chain had signed counted on its fork.

Broke: the contract remembered the chain's id, so that after the fork both halves had the same.
Holds: the domain of a signature is made with the id that the chain has now.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.attestation import Domain
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("chain_id", [1, 41_001, 10_001])
def test_signatures_do_not_count_on_a_fork(world: World, chain_id: int) -> None:
    message = world.locked(1_000)
    attestation = world.attest(message)
    side, chain = world.remote, world.remote.chain
    given = (message.as_tuple(), attestation)
    true_id, chain.chain_id = chain.chain_id, chain_id
    try:
        with lacking(world, "BridgeEscrow", "the chain's id is remembered"):
            side.escrow.deliver(*given, sender=side.courier)
            assert side.balance(side.investor) == 1_000
        separator = Domain(chain_id, str(side.escrow.address)).separator
        assert side.escrow.domain_separator() == separator
        with refused(world, "verifier: wrong signature"):
            side.escrow.deliver(*given, sender=side.courier)
    finally:
        chain.chain_id = true_id
    assert world.deliver(message, attestation).return_value is True
