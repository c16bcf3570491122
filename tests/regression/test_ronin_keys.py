"""Ronin, March 2022, $625M: keys that should have been revoked still signed.

Broke: five of nine keys sufficed; four were one party's, the fifth a delegation nobody had ended.
Holds: an epoch ends a retention after another begins, and its keys sign nothing any more.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.attestation import SignerSet
from tests.support.incidents import forged, stolen
from tests.support.weakened import lacking
from tests.support.world import RETENTION, World, domain_of, refused, signed

REASON = "lanes: no such epoch now"


@pytest.mark.requirement("INV-9")
def test_keys_of_an_epoch_that_ended_sign_nothing(world: World) -> None:
    side = world.remote
    kept = SignerSet.of(2, 2, world.signers.signers[:3])
    side.chain.set_time(world.rotate(side, side.new_verifier(kept)) + RETENTION)
    message = forged(world)
    with lacking(world, "BridgeEscrow", REASON):
        world.deliver(message, world.attest(message))
        assert stolen(side) == message.amount
    with refused(world, REASON):
        world.deliver(message, world.attest(message))
    # Nor do those who were left out sign in the epoch that goes on.
    with pytest.raises(ValueError, match="no signer"):
        signed(message, kept, domain_of(side), world.signer_keys[3:5])
