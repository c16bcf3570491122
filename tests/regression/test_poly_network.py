"""Poly Network, August 2021, $611M: a message called the contract that keeps the keepers.

Broke: a message named the contract to call and its function, and the bridge's own were among them.
Holds: a message credits an account; what it names is never called.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.bridge.message import party
from tests.support.incidents import FAR, stolen
from tests.support.weakened import lacking
from tests.support.world import World, refused


@pytest.mark.requirement("INV-7")
def test_a_message_calls_nothing(world: World) -> None:
    side = world.home
    world.arrived(1_000)
    # `pay` of the custody, whose escrow is who delivers; the rest of the word is the thief.
    call = side.custody.pay.encode(side.buyer, 900)[:4] + bytes(8)
    message = world.message(
        kind=2,
        amount=100,
        nonce=9,
        recipient=party(side.custody.address),
        sender=call + bytes.fromhex(side.buyer.address[2:]),
        deadline=FAR,
    )
    had = stolen(side)
    with lacking(world, "BridgeEscrow", "a message calls its recipient"):
        world.deliver(message)
        assert stolen(side) == had + 100
    with world.isolated():
        assert world.deliver(message).return_value is False
        assert stolen(side) == had
        assert side.balance(side.custody) == 1_000


def test_a_message_to_a_contract_of_ours_only_waits_there(world: World) -> None:
    side = world.remote
    for target in (side.token, side.escrow, side.verifier, side.authority, side.custody):
        nonce = int(target.address, 16) % 2**40
        message = world.message(nonce=nonce, recipient=party(str(target.address)))
        before = (world.lane_state(side).epoch, side.authority.administrators())
        assert world.deliver(message).return_value is False
        assert before == (world.lane_state(side).epoch, side.authority.administrators())
        assert side.balance(target) == (side.balance(side.custody) if target is side.custody else 0)
        own = target is side.custody
        reason, error = ("custody: pay to itself", None) if own else (None, "ERC7943CannotReceive")
        with refused(world, reason, error=error):
            side.escrow.claim(message.as_tuple(), sender=side.attacker)
