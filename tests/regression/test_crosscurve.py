"""CrossCurve, February 2026, $3M: a second way in, for the impatient, asked nobody for proof.

Broke: the express function took messages from anybody, and no gateway had seen them.
Holds: the token issues to its bridges alone, and each way in asks the lane's verifiers.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import forged, stolen
from tests.support.weakened import lacking
from tests.support.world import UNSIGNED, World, refused

CHECK = "bridges: no bridge this way"
NEXT = "bridges: above its limit"


@pytest.mark.requirement("INV-4")
def test_no_way_in_is_anybody_s(world: World) -> None:
    side = world.remote
    key, message = side.attacker, forged(world)
    with lacking(world, "SecurityToken", CHECK, NEXT):
        side.token.crosschainMint(side.buyer, 10**9, sender=key)
        assert stolen(side) == 10**9
    with refused(world, CHECK):
        side.token.crosschainMint(side.buyer, 10**9, sender=key)
    told = message.as_tuple()
    ways = (
        ("verifier: trailing bytes", lambda: side.escrow.deliver(told, UNSIGNED, sender=key)),
        (
            "verifier: trailing bytes of a batch",
            lambda: side.escrow.deliver_batch(world.lane, bytes(32), [told], UNSIGNED, sender=key),
        ),
        ("transit: nothing in suspense", lambda: side.escrow.claim(told, sender=key)),
        ("custody: pay is the escrow's", lambda: side.custody.pay(key, 1, sender=key)),
    )
    for reason, way in ways:
        with refused(world, reason):
            way()
