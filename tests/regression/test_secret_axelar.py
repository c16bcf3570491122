"""Secret Network and Axelar, June 2026, $4.7M: units came back by another channel.

Broke: what a unit was called was checked, and not the channel that it came from.
Holds: what a lane's verifiers prove is of that lane; each lane's ledger knows its own units alone.
Told by: the press.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.attestation import attest
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, Batch
from tallystick.chain import reverts
from tests.support.incidents import (
    false_release,
    locked,
    second_lane,
    stolen,
    thieves,
    thieves_sign,
)
from tests.support.weakened import lacking
from tests.support.world import DOCUMENT, World, domain_of, refused

CHECK = "transit: of another lane"


@pytest.mark.requirement("INV-7")
def test_a_lane_proves_nothing_of_another(world: World) -> None:
    side = world.home
    world.arrived(500)
    true = world.burned(500)
    # The thieves have the keys of the second lane, and of that one alone.
    signers = thieves(side, 1)
    second, _ = second_lane(world, verifier=side.new_verifier(signers).address)
    locked(world, second, 500)
    message, had = false_release(world, 500), stolen(side)
    batch = replace(Batch.of([message]), lane=second)
    keys = [key for key in (side.chain.account(i).key for i in (43, 44)) if key]
    proof = attest(batch, signers, domain_of(side), keys, BATCH_ATTESTATION_TYPE)
    given = (second, bytes(32), [message.as_tuple()], proof)
    with lacking(world, "BridgeEscrow", CHECK):
        side.escrow.deliver_batch(*given, sender=side.attacker)
        assert stolen(side) == had + 500
        # What was paid is entered on the first lane: its true units can't come home any more.
        with reverts("lanes: more than locked here"):
            world.deliver(true)
    with refused(world, CHECK):
        side.escrow.deliver_batch(*given, sender=side.attacker)
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, thieves_sign(world, message, 1))
    with refused(world, "lanes: unknown lane"):
        world.deliver(false_release(world, 1, lane=DOCUMENT))
    assert world.deliver(true).return_value is True
