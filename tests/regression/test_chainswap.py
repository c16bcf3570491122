"""ChainSwap, July 2021, $5M: any signer was accepted.

Broke: who signed was not looked up; each new signer even had a quota of its own.
Holds: each signature is of the signer whose bit is set, among those in the verifier's code.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forged, stolen, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import World, refused

CHECK = "verifier: wrong signature"


@pytest.mark.requirement("INV-4")
def test_signers_that_nobody_named_count_nothing(world: World) -> None:
    message = forged(world)
    attestation = thieves_sign(world, message, epoch=1)
    with lacking(world, "QuorumVerifier", CHECK):
        world.deliver(message, attestation)
        assert stolen(world.remote) == message.amount
    with refused(world, CHECK):
        world.deliver(message, attestation)
