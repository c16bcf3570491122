"""Ronin, August 2024, $12M: an upgrade left the required votes at zero.

Broke: a new version's initialiser was not run, and a withdrawal without a vote was approved.
Holds: a verifier's threshold is in its code, and less than two is no verifier.
Told by: the press.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.attestation import attestation_head
from tallystick.local.network import OPERATORS
from tests.support.incidents import forged, stolen
from tests.support.weakened import without
from tests.support.world import World, domain_of, refused, signed

BELOW = "verifier: threshold below 2"
TRAILING = "verifier: trailing bytes"


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("threshold", [0, 1])
def test_no_verifier_takes_fewer_than_two(world: World, threshold: int) -> None:
    side, signers = world.remote, replace(world.signers, threshold=threshold)
    message = forged(world)
    nothing = attestation_head(2, 0).ljust(32, b"\0")
    one = signed(message, replace(signers, epoch=2), domain_of(side), world.signer_keys[:1])
    with world.isolated():
        weak = without("QuorumVerifier", BELOW, TRAILING)
        arguments = signers.verifier_arguments(OPERATORS[0])
        world.rotate(side, side.chain.deploy(weak, *arguments, sender=side.deployer))
        world.deliver(message, one if threshold else nothing)
        assert stolen(side) == message.amount
    with refused(world, BELOW):
        side.new_verifier(signers)
    with refused(world, TRAILING):
        world.deliver(message, attestation_head(1, 0).ljust(32, b"\0"))
    # In the true epoch, and no signature at all.
    with refused(world):
        world.deliver(message, world.attest(message, 0))
