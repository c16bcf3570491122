"""THORChain, May 2026, $10.7M: shares of one vault's key leaked while it signed.

Broke: one signing scheme stood before the units, and whoever broke it was believed.
Holds: a lane may ask a second verifier of another operator, and a production lane must.
Told by: the press; the cause is preliminary.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.attestation import SignerSet
from tallystick.local.network import OPERATORS
from tests.support.incidents import forged, stolen, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import World, domain_of, refused, signed

CHECK = "transit: not verified by the second"


@pytest.mark.requirement("INV-4")
def test_the_keys_of_one_verifier_are_not_enough(world: World) -> None:
    side = world.remote
    accounts = [side.chain.account(index).address for index in (51, 52, 53)]
    other = side.new_verifier(SignerSet.of(2, 2, accounts), OPERATORS[1])
    world.rotate(side, side.verifier, second=other)
    message = forged(world)
    newest = SignerSet.of(2, 2, world.signers.signers)
    # All keys of the first are stolen; of the second the thieves have none.
    first = signed(message, newest, domain_of(side), world.signer_keys[:2])
    second = thieves_sign(world, message)
    with lacking(world, "BridgeEscrow", CHECK):
        world.deliver(message, first, second)
        assert stolen(side) == message.amount
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, first, second)
    with refused(world, "transit: needs two attestations"):
        world.deliver(message, first)
