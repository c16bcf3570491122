"""AnyswapWETH, July 2025, small: a permit passed because the call did not fail.

Broke: that a contract answered counted, not what it answered.
Holds: a contract signs only with the word of ERC-1271.
Told by: DeFiHackLabs.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tallystick.chain.abi import keccak
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import ELIGIBLE_UNTIL, STATED, World, refused


@pytest.mark.requirement("INV-4")
def test_an_answer_is_no_signature(world: World) -> None:
    side = world.home
    wallet = side.chain.deploy("WalletMock", sender=side.deployer)
    side.token.admit(wallet, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
    side.token.transfer(wallet, 1_000, sender=side.investor)
    thief = party(world.remote.buyer.address)
    given = (wallet, world.lane, thief, 1_000, keccak(b"any"), FAR, b"no signature")
    with lacking(world, "LaneCustody", "a call that came back was a signature"):
        receipt = side.custody.lock_signed(*given, sender=side.attacker)
        world.synchronise()
        world.deliver(message_of(receipt.one("MessageSent")))
        assert (stolen(world.remote), side.balance(wallet)) == (1_000, 0)
    with refused(world, "custody: not the holder's signature"):
        side.custody.lock_signed(*given, sender=side.attacker)
