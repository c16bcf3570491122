"""A source ledger takes blocks back: why nothing is attested before it is final."""

from __future__ import annotations

import pytest

from tallystick.bridge.outbox import page_word
from tallystick.chain import reverts
from tests.support.flows import FINALITY, arrive, await_lock_time, courier_of, meet, picture


@pytest.mark.requirement("INV-1", "INV-4", "R-10", "R-68")
@pytest.mark.parametrize("depth", range(1, FINALITY + 1))
def test_a_lock_undone_before_it_is_final_leaves_no_trace(network, parties, depth):
    home, remote = network.home, network.remote
    courier = courier_of(network)
    before = picture(network)

    undone = network.lock(parties.investor, parties.investor_abroad, 300)
    # As many blocks on top as can still be taken back with it.
    home.chain.mine(depth - 1)
    meet(network)
    assert [(o.what, o.detail) for o in courier.step() if o.nonce == undone.nonce] == []
    assert not remote.escrow.has_arrived(network.lane, undone.nonce)
    home.chain.reorg(depth)

    assert picture(network) == before
    home.chain.mine(2 * FINALITY)
    meet(network)
    assert courier.step() == ()
    assert picture(network) == before
    assert network.status().ok

    # The same nonce, another message: nothing of the first stands in its way.
    second = network.lock(parties.fund, parties.fund_abroad, 41)
    assert second.nonce == undone.nonce
    assert second.id != undone.id
    home.chain.mine(FINALITY)
    await_lock_time(network, second)
    carried = courier.step()
    assert [(o.what, o.id, o.amount) for o in carried] == [("delivered", second.id, 41)]
    assert home.escrow.outbox(network.lane, 0) == page_word([second.id])
    assert remote.token.balanceOf(parties.fund_abroad) == 41
    assert remote.token.totalSupply() == 41
    assert home.token.balanceOf(parties.investor) == 1_000
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-4", "R-68")
def test_an_attestor_that_does_not_wait_issues_units_that_nobody_locked(network, parties):
    """What finality protects from: the contracts can't see it, the status does."""
    home, remote = network.home, network.remote
    hasty = network.lock(parties.investor, parties.investor_abroad, 300)
    await_lock_time(network, hasty)
    # All attestors sign what stands in the newest block, and a courier delivers at once.
    network.deliver(hasty, network.attest(hasty))
    assert network.status().ok

    home.chain.reorg(1)

    assert home.token.balanceOf(parties.investor) == 1_000
    assert remote.token.balanceOf(parties.investor_abroad) == 300
    status = network.status()
    assert not status.ok
    assert not status.verdict("INV-1").holds
    assert not status.verdict("INV-2").holds
    assert not status.verdict("INV-4").holds
    places = dict(status.verdict("INV-1").figures)
    assert places["home holders"] + places["remote holders"] == places["issue"] + 300
    (stray,) = status.observation.strays
    assert (stray.ledger, stray.nonce, stray.amount) == ("remote", hasty.nonce, 300)
    assert stray.id == hasty.id

    # The honest message that takes its nonce can't be delivered any more: its units are stuck.
    honest = network.lock(parties.fund, parties.fund_abroad, 41)
    assert honest.nonce == hasty.nonce
    await_lock_time(network, honest)
    with reverts("transit: delivered already"):
        network.deliver(honest)
    # And yet the lane never pays out at home more than was locked on it.
    back = network.burn(parties.investor_abroad, parties.investor, 300)
    await_lock_time(network, back)
    before = picture(network)
    with reverts("lanes: more than locked here"):
        network.deliver(back)
    assert picture(network) == before
    assert home.token.totalSupply() == 1_500


@pytest.mark.requirement("INV-3", "R-20", "R-68")
def test_a_delivery_undone_at_its_destination_is_delivered_again_and_counts_once(network, parties):
    remote = network.remote
    message = network.lock(parties.investor, parties.investor_abroad, 300)
    await_lock_time(network, message)
    attestation = network.attest(message)
    before = picture(network)
    network.deliver(message, attestation)
    remote.chain.reorg(1)
    assert picture(network) == before
    assert network.deliver(message, attestation).return_value is True
    with reverts("transit: delivered already"):
        network.deliver(message, attestation)
    assert remote.token.totalSupply() == 300
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-4", "R-68")
def test_a_burn_undone_before_it_is_final_releases_nothing(network, parties):
    home, remote = network.home, network.remote
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 300))
    courier = courier_of(network)
    before = picture(network)
    network.burn(parties.investor_abroad, parties.investor, 120)
    meet(network)
    assert [o for o in courier.step() if o.changed] == []
    remote.chain.reorg(1)
    assert picture(network) == before
    for suite in (home, remote):
        suite.chain.mine(2 * FINALITY)
    meet(network)
    assert [o for o in courier.step() if o.changed] == []
    assert picture(network) == before
    assert network.status().ok
