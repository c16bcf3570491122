"""Gravity Bridge, May 2026, $5.4M: a key that signed was stolen.

Broke: what the stolen key signed was enough.
Holds: as many distinct signers as the threshold says have signed, or nothing arrives.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forged, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "verifier: too few signatures"


@pytest.mark.requirement("INV-4")
def test_one_key_is_too_few(world: World) -> None:
    message = forged(world)
    attestation = world.attest(message, 1)
    with lacking(world, "QuorumVerifier", CHECK):
        world.deliver(message, attestation)
        assert stolen(world.remote) == message.amount
    with refused(world, CHECK):
        world.deliver(message, attestation)
    # Nor does it count twice: a bit is a signer, and signatures follow in their order.
    twice = attestation[:8] + (3).to_bytes(2, "big") + attestation[10:] * 2
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, twice)
