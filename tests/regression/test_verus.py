"""Verus, May 2026, $11.6M: proof, hash and signatures were valid, the amounts nobody had signed.

Broke: what was paid out was read from a part of the payload that the hash did not bind.
Holds: a message's id is the hash of all of its fields, each a whole word.
Told by: the press; DeFiHackLabs.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-4")
def test_the_amount_is_signed_to_its_last_bit(world: World) -> None:
    true = world.locked(1_000, world.remote.buyer)
    attestation = world.attest(true)
    false = replace(true, amount=true.amount + 2**32)
    with lacking(world, "BridgeEscrow", "an amount's upper bits are not signed"):
        world.deliver(false, attestation)
        assert stolen(world.remote) == 1_000 + 2**32
    with refused(world, "verifier: wrong signature"):
        world.deliver(false, attestation)
    world.deliver(true, attestation)
    assert stolen(world.remote) == 1_000
