"""ibc-go, April 2024, $126M at risk; Terra, July 2024, $6M: a callback was paid again and again.

Broke: what was to be paid back was marked as paid after the recipient had been called.
Holds: a claim is used up before anything is called, and nothing that is called is the recipient's.
Told by: who found it.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import in_suspense
from tests.support.weakened import lacking
from tests.support.world import ELIGIBLE_UNTIL, STATED, World, refused


@pytest.mark.requirement("INV-2", "INV-3")
def test_what_is_claimed_is_gone(world: World) -> None:
    side = world.home
    message = in_suspense(world, 400)
    # Of another, who waits, too.
    in_suspense(world, 500, side.attacker)
    side.token.admit(side.outsider, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
    with lacking(world, "BridgeEscrow", "what is claimed stays"):
        for _ in range(2):
            side.escrow.claim(message.as_tuple(), sender=side.outsider)
        assert side.balance(side.outsider) == 800
    side.escrow.claim(message.as_tuple(), sender=side.outsider)
    with refused(world, "transit: nothing in suspense"):
        side.escrow.claim(message.as_tuple(), sender=side.outsider)
    assert side.balance(side.outsider) == 400
