"""MAP Protocol and Butter, May 2026, $0.2M: two messages had one hash.

Broke: fields of any length were hashed one behind the other, so that bytes moved between them.
Holds: each field of a message is a word of its own: no two messages have one id.
Told by: the press; DeFiHackLabs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from eth_utils.crypto import keccak

from tallystick.bridge.message import LaneMessage
from tests.support.incidents import forged, stolen
from tests.support.weakened import lacking
from tests.support.world import World, domain_of, refused, signed


@dataclass(frozen=True)
class RunTogether:
    """What is signed of a message where the digits of amount and nonce stand in one text."""

    message: LaneMessage

    @property
    def id(self) -> bytes:
        m = self.message
        return keccak(keccak(text=f"{m.amount}{m.nonce}") + m.sender + m.recipient)


@pytest.mark.requirement("INV-4")
def test_no_two_messages_have_one_id(world: World) -> None:
    true = forged(world, 100, nonce=12)
    false = replace(true, amount=1_001, nonce=2)
    assert RunTogether(true).id == RunTogether(false).id
    domain, keys = domain_of(world.remote), world.signer_keys[:2]
    of_both, of_one = (
        signed(each, world.signers, domain, keys) for each in (RunTogether(true), true)
    )
    with lacking(world, "BridgeEscrow", "a message's fields are run together"):
        world.deliver(false, of_both)
        assert stolen(world.remote) == 1_001
    assert true.id != false.id
    for attestation in (of_both, of_one):
        with refused(world, "verifier: wrong signature"):
            world.deliver(false, attestation)
