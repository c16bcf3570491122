"""Stolen quorums emptied bridges in one transaction: Ronin, Horizon, Orbit, by two to seven keys.

Whoever has the keys of a lane's attestors takes what is locked on it, at once, if nothing limits
what arrives. With a limit the thief gets that much, and as much a window, whatever the messages
say; what is more waits in sight, and the guardian stops it.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from tallystick.bridge.message import NO_CAP, party
from tallystick.chain import Receipt
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    INVESTOR_UNITS,
    STATED,
    World,
    embedded,
    refused,
)

HOUR = 3_600
LIMIT = 1_000
BASE = LIMIT * 10**6
LOCKED = 50 * BASE


@pytest.fixture(scope="module")
def deployed_world() -> World:
    """Fifty times the limit is locked on a lane; its room has grown at home."""
    world = World(
        embedded(),
        authorised=AMOUNT_MAX,
        admitted=("investor", "buyer", "fund"),
        units={"investor": INVESTOR_UNITS},
        limit=LIMIT,
        limit_window=DAY,
        ramp=HOUR,
    )
    for side in (world.home, world.remote):
        side.chain.set_time(side.chain.now + HOUR)
    world.synchronise()
    world.network.lock(world.home.investor, world.remote.investor, LOCKED)
    world.synchronise()
    return world


def forge(world: World, nonce: int, amount: int) -> Receipt:
    """Nobody burned that; the attestors' keys sign it all the same."""
    side = world.home
    message = world.message(kind=2, nonce=nonce, amount=amount, recipient=party(side.buyer.address))
    return world.deliver(message)


def claim_what_is_due(world: World, forged: list[Receipt]) -> None:
    """The thief claims whatever can be."""
    side = world.home
    for receipt in forged:
        queued = receipt.named("UnitsQueued")
        if queued and queued[0].until <= side.chain.now:
            id_ = bytes(queued[0].id)
            if side.escrow.suspended(id_):
                nonce = receipt.one("MessageDelivered").nonce
                message = world.message(
                    kind=2,
                    nonce=nonce,
                    amount=receipt.one("MessageDelivered").amount,
                    recipient=party(side.buyer.address),
                    lock_time=receipt.timestamp - 5,
                    deadline=receipt.timestamp + 60 * DAY,
                )
                assert message.id == id_
                side.escrow.claim(message.as_tuple(), sender=side.attacker)


@pytest.mark.requirement("INV-11")
def test_without_a_limit_all_of_it_was_gone_at_once(world: World) -> None:
    side = world.home
    world.apply_terms(side, world.change(side, limit=NO_CAP))
    assert forge(world, 0, LOCKED).return_value is True
    assert side.balance(side.buyer) == LOCKED
    assert side.balance(side.custody) == 0


@pytest.mark.requirement("INV-11")
@pytest.mark.parametrize("parts", [1, 2, 25])
def test_with_a_limit_it_takes_that_much_and_that_much_a_window(world: World, parts: int) -> None:
    side, began = world.home, world.home.chain.now
    forged = [forge(world, nonce, LOCKED // parts) for nonce in range(parts)]
    assert side.balance(side.buyer) <= BASE
    # It comes back no sooner, however often the thief looks.
    for hours in (1, 12, 24, 24 * 7):
        side.chain.set_time(began + hours * HOUR)
        claim_what_is_due(world, forged)
        passed = Fraction(side.chain.now - began, DAY)
        assert side.balance(side.buyer) <= BASE * (1 + passed)
    # All of it would take 49 days.
    assert forged[-1].one("UnitsQueued").until >= began + 49 * DAY


@pytest.mark.requirement("INV-11")
def test_the_guardian_keeps_what_waits(world: World) -> None:
    side = world.home
    forged = [forge(world, 0, BASE), forge(world, 1, LOCKED - BASE)]
    assert [receipt.return_value for receipt in forged] == [True, False]
    side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
    side.chain.set_time(side.chain.now + 6 * DAY)
    with refused(world, "lanes: inbound paused"):
        forge(world, 2, 1)
    assert (side.balance(side.buyer), side.balance(side.custody)) == (BASE, LOCKED - BASE)
    assert world.lane_state(side).suspense == LOCKED - BASE
