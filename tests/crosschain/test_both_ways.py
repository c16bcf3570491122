"""Units go abroad, come back, wait for their owner: every event, every number on both ledgers."""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of, party
from tallystick.bridge.outbox import page_word
from tallystick.chain import reverts
from tests.support.flows import (
    NOBODY,
    arrive,
    await_lock_time,
    delivered,
    picture,
    sent,
    suspended,
    transfer,
)


def _lane(suite, network):
    state = suite.escrow.lane_state(network.lane)
    return state.outstanding, state.suspense, state.sent


@pytest.mark.requirement("INV-1", "INV-2", "INV-4", "R-10")
def test_locked_at_home_attested_issued_abroad(network, parties):
    home, remote = network.home, network.remote
    deadline = home.chain.now + 3_600

    locked = home.custodies[network.lane].lock(
        network.lane, party(str(parties.investor_abroad)), 300, deadline, sender=parties.investor
    )
    message = message_of(locked.one("MessageSent"))

    assert locked.return_value == message.id
    assert message.as_tuple() == (
        2,
        1,
        network.lane,
        0,
        locked.timestamp,
        0,
        300,
        party(str(parties.investor)),
        party(str(parties.investor_abroad)),
        deadline,
    )
    assert locked.events == (
        sent(home, network, message),
        transfer(home, parties.investor, parties.home_custody, 300),
    )
    assert home.escrow.outbox(network.lane, 0) == page_word([message.id])
    assert _lane(home, network) == (300, 0, 1)
    assert home.token.balanceOf(parties.home_custody) == 300
    assert remote.token.totalSupply() == 0
    assert network.status().ok

    await_lock_time(network, message)
    receipt = network.deliver(message)

    assert receipt.return_value is True
    assert receipt.events == (
        transfer(remote, NOBODY, parties.investor_abroad, 300),
        remote.token.emitted(
            "CrosschainMint",
            receiver=str(parties.investor_abroad),
            amount=300,
            sender=remote.escrow.address,
        ),
        delivered(remote, message),
    )
    assert remote.token.balanceOf(parties.investor_abroad) == 300
    assert _lane(remote, network) == (300, 0, 0)
    assert remote.escrow.has_arrived(network.lane, 0)
    # The issue is what it was: locked units are part of it.
    assert home.token.totalSupply() == 1_500
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-2", "R-10")
def test_burned_abroad_released_at_home(network, parties):
    home, remote = network.home, network.remote
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    deadline = remote.chain.now + 3_600

    burned = remote.escrow.burn(
        network.lane, party(str(parties.fund)), 120, deadline, sender=parties.investor_abroad
    )
    message = message_of(burned.one("MessageSent"))

    assert (message.kind, message.nonce, message.amount) == (2, 0, 120)
    assert burned.events == (
        sent(remote, network, message),
        transfer(remote, parties.investor_abroad, NOBODY, 120),
        remote.token.emitted(
            "CrosschainBurn",
            owner=str(parties.investor_abroad),
            amount=120,
            sender=remote.escrow.address,
        ),
    )
    assert _lane(remote, network) == (180, 0, 1)
    assert _lane(home, network) == (300, 0, 1)
    assert network.status().ok

    await_lock_time(network, message)
    receipt = network.deliver(message)

    assert receipt.return_value is True
    assert receipt.events == (
        transfer(home, parties.home_custody, parties.fund, 120),
        delivered(home, message),
    )
    assert _lane(home, network) == (180, 0, 1)
    assert home.token.balanceOf(parties.fund) == 620
    assert home.token.balanceOf(parties.home_custody) == remote.token.totalSupply() == 180
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3", "R-10", "R-24")
def test_suspense_abroad_is_claimed_once_the_recipient_is_admitted(network, parties):
    remote, custody = network.remote, parties.remote_custody
    message = network.lock(parties.investor, parties.unverified_abroad, 50)
    await_lock_time(network, message)

    receipt = network.deliver(message)

    assert receipt.return_value is False
    assert receipt.events == (
        delivered(remote, message, suspended=True),
        suspended(remote, message),
        transfer(remote, NOBODY, custody, 50),
        remote.token.emitted(
            "CrosschainMint", receiver=custody.address, amount=50, sender=custody.address
        ),
    )
    assert remote.escrow.suspended(message.id) == 50
    assert _lane(remote, network) == (50, 50, 0)
    assert network.status().ok
    before = picture(network)
    with reverts(error="ERC7943CannotReceive", args=[parties.unverified_abroad]):
        network.claim(message)
    assert picture(network) == before

    network.admit(remote, parties.unverified_abroad, 60_000)
    claimed = network.claim(message)

    assert claimed.events == (
        remote.escrow.emitted(
            "SuspenseClaimed",
            lane=network.lane,
            recipient=message.recipient,
            id=message.id,
            amount=50,
        ),
        transfer(remote, custody, parties.unverified_abroad, 50),
    )
    assert remote.token.balanceOf(parties.unverified_abroad) == 50
    assert _lane(remote, network) == (50, 0, 0)
    assert network.status().ok
    before = picture(network)
    with reverts("transit: nothing in suspense"):
        network.claim(message)
    assert picture(network) == before


@pytest.mark.requirement("INV-1", "INV-3", "R-10", "R-24")
def test_suspense_at_home_is_claimed_once_the_recipient_is_admitted(network, parties):
    home = network.home
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    message = network.burn(parties.investor_abroad, parties.unverified, 70)
    await_lock_time(network, message)

    receipt = network.deliver(message)

    # Nothing moves: the units lie in the custody already, now for another reason.
    assert receipt.events == (delivered(home, message, suspended=True), suspended(home, message))
    assert receipt.return_value is False
    assert _lane(home, network) == (230, 70, 1)
    assert home.token.balanceOf(parties.home_custody) == 300
    assert network.status().ok

    network.admit(home, parties.unverified, 60_000)
    claimed = network.claim(message)
    assert claimed.events == (
        home.escrow.emitted(
            "SuspenseClaimed",
            lane=network.lane,
            recipient=message.recipient,
            id=message.id,
            amount=70,
        ),
        transfer(home, parties.home_custody, parties.unverified, 70),
    )
    assert _lane(home, network) == (230, 0, 1)
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3")
@pytest.mark.parametrize("custody_of", ["home", "remote"])
def test_units_addressed_to_a_custody_are_in_suspense_and_in_nobodys_pocket(
    network, parties, custody_of
):
    """Paid to itself, a custody would hold units that the lane ledger knows nothing of."""
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    if custody_of == "remote":
        message = network.lock(parties.fund, parties.remote_custody, 40)
    else:
        message = network.burn(parties.investor_abroad, parties.home_custody, 40)
    assert arrive(network, message).return_value is False
    assert network.status().ok
    before = picture(network)
    with reverts("custody: pay to itself"):
        network.claim(message)
    assert picture(network) == before


@pytest.mark.requirement("INV-1", "INV-3")
def test_messages_arrive_in_any_order(network, parties):
    messages = [
        network.lock(parties.investor, parties.investor_abroad, amount) for amount in (1, 20, 300)
    ]
    for message in reversed(messages):
        arrive(network, message)
        assert network.status().ok
    assert network.remote.token.balanceOf(parties.investor_abroad) == 321
