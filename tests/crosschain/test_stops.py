"""Pauses stop what they name and lose nothing: afterwards the same message goes through."""

from __future__ import annotations

import pytest

from tallystick.bridge.message import Direction, party
from tallystick.chain import reverts
from tallystick.deploy.upgrade import upgrade
from tallystick.local.network import Network
from tallystick.token.position import PauseScope
from tests.support.flows import (
    DAY,
    DOCUMENT,
    REASON,
    arrive,
    await_lock_time,
    courier_of,
    meet,
    picture,
)


def _pause_lane(network: Network, ledger: str, directions: Direction) -> None:
    network.suite(ledger).escrow.pause_lane(
        network.lane, directions, REASON, DOCUMENT, sender=network.party(ledger, "guardian")
    )


def _unpause_lane(network: Network, ledger: str, directions: Direction) -> None:
    network.suite(ledger).escrow.unpause_lane(
        network.lane, directions, REASON, DOCUMENT, sender=network.administrators(ledger)[0]
    )
    # Lifting takes a day.
    network.suite(ledger).chain.advance(DAY)


def _pause(network: Network, ledger: str, scope: PauseScope) -> None:
    network.suite(ledger).token.pause(
        scope, REASON, DOCUMENT, sender=network.party(ledger, "guardian")
    )


@pytest.mark.requirement("INV-1", "INV-3", "INV-7", "R-10", "R-64")
def test_an_inbound_stop_delays_and_loses_nothing(network, parties):
    message = network.lock(parties.investor, parties.investor_abroad, 300)
    await_lock_time(network, message)
    attestation = network.attest(message)
    _pause_lane(network, "remote", Direction.IN)
    before = picture(network)
    for _ in range(2):
        with reverts("lanes: inbound paused"):
            network.deliver(message, attestation)
    assert picture(network) == before
    assert network.status().ok

    _unpause_lane(network, "remote", Direction.IN)
    assert network.deliver(message, attestation).return_value is True
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-7")
def test_an_outbound_stop_keeps_units_at_home_and_lets_others_arrive(network, parties):
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    back = network.burn(parties.investor_abroad, parties.investor, 100)
    _pause_lane(network, "home", Direction.OUT)
    before = picture(network)
    with reverts("lanes: outbound paused"):
        network.lock(parties.fund, parties.fund_abroad, 5)
    assert picture(network) == before
    # What is on its way home is not held up.
    assert arrive(network, back).return_value is True
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3", "R-64")
@pytest.mark.parametrize("scopes", range(1, 8))
def test_no_pause_of_a_token_stops_what_arrives(network, parties, scopes):
    """On either side: credited, into suspense, and out of it."""
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    messages = [
        network.lock(parties.investor, parties.fund_abroad, 30),
        network.lock(parties.investor, parties.unverified_abroad, 7),
        network.burn(parties.investor_abroad, parties.fund, 40),
        network.burn(parties.investor_abroad, parties.unverified, 2),
    ]
    meet(network)
    for name in ("home", "remote"):
        _pause(network, name, PauseScope(scopes))
    credited = [network.deliver(message).return_value for message in messages]
    assert credited == [True, False, True, False]
    network.admit(network.home, parties.unverified, 60_000)
    network.admit(network.remote, parties.unverified_abroad, 60_000)
    for message in (messages[1], messages[3]):
        network.claim(message)
    assert network.remote.token.balanceOf(parties.unverified_abroad) == 7
    assert network.home.token.balanceOf(parties.unverified) == 2
    assert network.status().ok


@pytest.mark.requirement("INV-1", "R-64")
@pytest.mark.parametrize("ledger", ["home", "remote"])
@pytest.mark.parametrize("scope", [PauseScope.TRANSFERS, PauseScope.LANES])
def test_what_leaves_stops_alike_on_both_sides(network, parties, ledger, scope):
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    sender = parties.investor if ledger == "home" else parties.investor_abroad
    suite = network.suite(ledger)
    (custody,) = suite.custodies.values()
    _pause(network, ledger, scope)
    before = picture(network)
    send = custody.lock if ledger == "home" else suite.escrow.burn
    module = "controls" if ledger == "home" else "issuance"
    with reverts(f"{module}: {str(scope.name).lower()} paused"):
        send(network.lane, party(str(parties.fund)), 5, suite.chain.now + 60, sender=sender)
    assert picture(network) == before


@pytest.mark.requirement("INV-3", "INV-7")
def test_claims_go_on_while_the_lane_is_stopped(network, parties):
    message = network.lock(parties.investor, parties.unverified_abroad, 7)
    arrive(network, message)
    _pause_lane(network, "remote", Direction.IN | Direction.OUT)
    network.admit(network.remote, parties.unverified_abroad, 60_000)
    network.claim(message)
    assert network.remote.token.balanceOf(parties.unverified_abroad) == 7
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3", "R-24", "R-36")
def test_a_frozen_recipient_gets_its_units_when_the_freeze_ends(network, parties):
    """A freeze that lands while the units are on their way."""
    remote, custodian = network.remote, network.party("remote", "custodian")
    message = network.lock(parties.investor, parties.investor_abroad, 9)
    stated = (REASON, DOCUMENT)
    remote.token.setAddressFrozen(parties.investor_abroad, True, *stated, sender=custodian)
    assert arrive(network, message).return_value is False
    with reverts(error="ERC7943CannotReceive", args=[parties.investor_abroad]):
        network.claim(message)
    remote.token.setAddressFrozen(parties.investor_abroad, False, *stated, sender=custodian)
    network.claim(message)
    assert remote.token.balanceOf(parties.investor_abroad) == 9
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3", "INV-10", "R-60")
def test_units_in_transit_over_upgrades_of_both_ledgers(network, parties):
    """Sent by one release and delivered by another, in both directions, by a waiting courier."""
    courier = courier_of(network)
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    out = network.lock(parties.fund, parties.fund_abroad, 20)
    back = network.burn(parties.investor_abroad, parties.investor, 100)
    signed = network.attest(out)
    home, remote = network.home, network.remote
    upgrade(remote, network.signers("remote"), "BridgeEscrow", "BridgeEscrowNextMock", "1.1.0")
    assert network.status().ok
    arrive(network, out, signed)
    here = network.signers("home")
    upgrade(home, here, "SecurityToken", "SecurityTokenNextButOneMock", "1.2.0")
    upgrade(home, here, "BridgeEscrow", "BridgeEscrowNextMock", "1.1.0")
    assert network.status().ok
    meet(network)
    network.home.chain.mine(5)
    network.remote.chain.mine(5)
    carried = [o for o in courier.step() if o.changed]
    assert [(o.what, o.id) for o in carried] == [("delivered", back.id)]
    for message in (out, back):
        with reverts("transit: delivered already"):
            network.deliver(message)
    assert network.home.token.balanceOf(parties.investor) == 800
    assert network.remote.token.balanceOf(parties.fund_abroad) == 20
    assert network.status().ok


@pytest.mark.requirement("INV-7", "R-64")
def test_a_stop_is_the_guardians_and_lifting_it_another_keys(network, parties):
    escrow = network.remote.escrow
    both = Direction.IN | Direction.OUT
    stated = (network.lane, both, REASON, DOCUMENT)
    before = picture(network)
    for role in ("issuer", "operator", "registrar"):
        with reverts("access: missing role"):
            escrow.pause_lane(*stated, sender=network.party("remote", role))
    assert picture(network) == before
    _pause_lane(network, "remote", both)
    before = picture(network)
    with reverts("access: missing role"):
        escrow.unpause_lane(*stated, sender=network.party("remote", "guardian"))
    with reverts("lanes: outbound paused"):
        escrow.burn(
            network.lane,
            party(str(parties.fund)),
            1,
            network.remote.chain.now + 60,
            sender=parties.investor_abroad,
        )
    assert picture(network) == before
