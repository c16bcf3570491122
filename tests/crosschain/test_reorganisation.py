"""A source ledger takes blocks back: why nothing is attested before it is final."""

from __future__ import annotations

import pytest

from tallystick.bridge.message import message_of
from tallystick.bridge.outbox import page_word
from tallystick.chain import Receipt, reverts
from tests.support.flows import FINALITY, arrive, await_lock_time, courier_of, meet, picture


@pytest.mark.requirement("INV-1", "INV-4", "R-10", "R-21", "R-68")
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


@pytest.mark.requirement("INV-1", "INV-4", "R-21", "R-68")
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


def _waiting(network, parties):
    """Units in suspense on the remote ledger, an hour before their deadline; who may claim them."""
    deadline = network.home.chain.now + 3_600
    message = network.lock(parties.investor, parties.unverified_abroad, 300, deadline=deadline)
    arrive(network, message)
    network.admit(network.remote, parties.unverified_abroad, 60_000)
    return message


def _return(network, parties, message, late=0):
    """Somebody sends them back once their deadline has passed; what takes them."""
    chain = network.remote.chain
    chain.set_time(max(chain.now, message.deadline + late))
    receipt = Receipt.of(
        network.remote.escrow.return_to_source(message.as_tuple(), sender=parties.courier_abroad)
    )
    return message_of(receipt.one("MessageSent"))


@pytest.mark.requirement("INV-1", "INV-3", "R-68")
def test_what_was_returned_on_one_fork_and_claimed_on_the_other_has_one_end(network, parties):
    """The fork that stays claims it in time; the return of the other never counts anywhere."""
    remote, message = network.remote, _waiting(network, parties)
    courier = courier_of(network)
    answer = _return(network, parties, message)
    meet(network)
    # Not final yet: nobody attests it.
    assert [o for o in courier.step() if o.changed and o.id == answer.id] == []
    claim = {
        "sender": parties.courier_abroad,
        "to": remote.escrow.address,
        "data": remote.escrow.claim.encode(message.as_tuple()),
    }
    remote.chain.reorg(1, [(claim, 0)])
    assert remote.token.balanceOf(parties.unverified_abroad) == 300
    assert remote.escrow.suspended(message.id) == 0
    assert network.status().ok
    before = picture(network)
    with reverts("transit: nothing to return"):
        _return(network, parties, message)
    for suite in (network.home, remote):
        suite.chain.mine(2 * FINALITY)
    meet(network)
    assert [o for o in courier.step() if o.changed] == []
    assert picture(network) == before
    assert network.home.token.balanceOf(parties.investor) == 700


@pytest.mark.requirement("INV-1", "INV-3", "R-24", "R-68")
def test_a_claim_that_is_undone_across_the_deadline_is_a_return(network, parties):
    """The blocks that come instead are later than the deadline: claimed no more, but sent back."""
    remote, message = network.remote, _waiting(network, parties)
    remote.chain.set_time(message.deadline - 1)
    network.claim(message)
    assert remote.token.balanceOf(parties.unverified_abroad) == 300
    remote.chain.reorg(1)
    assert remote.token.balanceOf(parties.unverified_abroad) == 0
    with reverts("transit: past its deadline"):
        network.claim(message)
    answer = _return(network, parties, message)
    arrive(network, answer)
    assert network.home.token.balanceOf(parties.investor) == 1_000
    assert remote.token.totalSupply() == 0
    with reverts("transit: nothing in suspense"):
        network.claim(message)
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-3", "R-24", "R-68")
def test_a_return_that_is_undone_is_made_again_and_counts_once(network, parties):
    """Another message under the same number: only the one that stays is delivered."""
    home, message = network.home, _waiting(network, parties)
    undone = _return(network, parties, message)
    network.remote.chain.reorg(1)
    answer = _return(network, parties, message, late=10)
    assert (answer.nonce, answer.origin) == (undone.nonce, message.id)
    assert answer.id != undone.id
    arrive(network, answer)
    with reverts("transit: delivered already"):
        network.deliver(undone)
    assert home.token.balanceOf(parties.investor) == 1_000
    assert network.status().ok
