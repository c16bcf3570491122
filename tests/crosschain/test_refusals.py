"""What a ledger does not take from another: twice, altered, too little attested, from elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.message import LaneMessage, party
from tallystick.chain import reverts
from tallystick.local.network import Network
from tests.support.flows import arrive, await_lock_time, meet, picture


def _keys(network: Network, signers: SignerSet) -> list[bytes]:
    known = {str(account.address): account.key for account in network.attestors}
    found = [known[address] for address in signers.signers]
    return [key for key in found if key is not None][: signers.threshold]


def _signed(network: Network, message: LaneMessage, domain: Domain) -> bytes:
    signers = network.signer_set()
    return attest(message, signers, domain, _keys(network, signers))


@pytest.fixture
def locked(network, parties) -> LaneMessage:
    """A message from home that is due abroad."""
    message = network.lock(parties.investor, parties.investor_abroad, 300)
    await_lock_time(network, message)
    return message


@pytest.mark.requirement("INV-3", "R-10", "R-20")
def test_a_message_counts_once_whoever_brings_it_and_whenever(network, parties, locked):
    attestation = network.attest(locked)
    network.deliver(locked, attestation)
    before = picture(network)
    escrow = network.remote.escrow
    for courier in (parties.courier_abroad, parties.fund_abroad):
        with reverts("transit: delivered already"):
            escrow.deliver(locked.as_tuple(), attestation, sender=courier)
    network.remote.chain.advance(40 * 86_400)
    with reverts("transit: delivered already"):
        network.deliver(locked, attestation)
    assert picture(network) == before


@pytest.mark.requirement("INV-3", "R-20")
def test_a_message_counts_once_from_suspense_too(network, parties):
    message = network.lock(parties.investor, parties.unverified_abroad, 30)
    arrive(network, message)
    network.admit(network.remote, parties.unverified_abroad, 60_000)
    for _ in range(2):
        with reverts("transit: delivered already"):
            network.deliver(message)
    network.claim(message)
    before = picture(network)
    with reverts("transit: delivered already"):
        network.deliver(message)
    with reverts("transit: nothing in suspense"):
        network.claim(message)
    assert picture(network) == before


_ALTERED = {
    "codec": ("transit: unknown codec", 3),
    "kind": ("transit: wrong direction", 2),
    "lane": ("lanes: unknown lane", keccak(text="another lane")),
    "nonce": ("verifier: wrong signature", 9),
    "lock_time": ("verifier: wrong signature", 1),
    "action_epoch": ("verifier: wrong signature", 1),
    "amount": ("verifier: wrong signature", 301),
    "sender": ("verifier: wrong signature", party("0x" + "66" * 20)),
    "recipient": ("verifier: wrong signature", party("0x" + "66" * 20)),
    "deadline": ("verifier: wrong signature", 2**63),
}


@pytest.mark.requirement("INV-4", "R-10", "R-62")
@pytest.mark.parametrize("field", LaneMessage.__slots__)
def test_no_field_can_be_altered(network, parties, locked, field):
    reason, value = _ALTERED[field]
    attestation = network.attest(locked)
    altered = replace(locked, **{field: value})
    before = picture(network)
    with reverts(reason):
        network.remote.escrow.deliver(
            altered.as_tuple(), attestation, sender=parties.courier_abroad
        )
    assert picture(network) == before
    network.deliver(locked, attestation)


@pytest.mark.requirement("INV-4")
def test_a_recipient_that_is_no_account_is_refused_before_any_signature(network, locked):
    before = picture(network)
    for recipient in (bytes(32), b"\1" + locked.recipient[1:]):
        with reverts("transit: recipient is no account"):
            network.deliver(replace(locked, recipient=recipient), network.attest(locked))
    assert picture(network) == before


@pytest.mark.requirement("INV-4", "R-10")
def test_one_signature_too_few(network, locked):
    before = picture(network)
    for count in range(network.threshold):
        # Of none there is not even a word to read.
        with reverts("verifier: too few signatures" if count else None):
            network.deliver(locked, network.attest(locked, signatures=count))
    assert picture(network) == before


@pytest.mark.requirement("INV-4")
def test_signatures_for_another_escrow_or_chain_count_nowhere(network, locked):
    home, remote = network.home, network.remote
    domains = [
        Domain(remote.chain.chain_id, str(home.escrow.address)),
        Domain(home.chain.chain_id, str(remote.escrow.address)),
        Domain(home.chain.chain_id, str(home.escrow.address)),
        Domain(remote.chain.chain_id + 1, str(remote.escrow.address)),
    ]
    before = picture(network)
    for domain in domains:
        with reverts("verifier: wrong signature"):
            network.deliver(locked, _signed(network, locked, domain))
    assert picture(network) == before


@pytest.mark.requirement("INV-4")
def test_a_message_is_not_taken_by_its_own_source(network, parties, locked):
    domain = Domain(network.home.chain.chain_id, str(network.home.escrow.address))
    before = picture(network)
    with reverts("transit: wrong direction"):
        network.home.escrow.deliver(
            locked.as_tuple(), _signed(network, locked, domain), sender=parties.courier
        )
    assert picture(network) == before


@pytest.mark.requirement("INV-2", "INV-4")
def test_compromised_attestors_release_no_more_than_the_lane_has_locked(network, parties, locked):
    """The fund's 500 units at home are out of their reach, whatever they sign."""
    network.deliver(locked)
    forged = LaneMessage(
        codec=2,
        kind=2,
        lane=network.lane,
        nonce=5,
        lock_time=network.home.chain.now,
        action_epoch=0,
        amount=301,
        sender=party(str(parties.investor_abroad)),
        recipient=party(str(parties.investor)),
        deadline=network.home.chain.now + 60,
    )
    before = picture(network)
    with reverts("lanes: more than locked here"):
        network.deliver(forged)
    assert picture(network) == before


@pytest.mark.requirement("INV-1", "R-41")
@pytest.mark.parametrize("late", [-1, 0])
def test_the_lock_time_is_waited_for_to_the_second(network, parties, late):
    network.home.chain.advance(600)
    message = network.lock(parties.investor, parties.investor_abroad, 300)
    network.remote.chain.set_time(message.lock_time + late)
    before = picture(network)
    if late < 0:
        with reverts("transit: before its lock time"):
            network.deliver(message)
        assert picture(network) == before
    assert network.deliver(message).timestamp == message.lock_time
    assert network.status().ok


@pytest.mark.requirement("INV-4", "R-69")
def test_an_epoch_signs_until_its_retention_ends(network, parties, locked):
    """Rotated attestors: what the old ones signed in time still counts, later it doesn't."""
    remote = network.remote
    later = network.lock(parties.investor, parties.investor_abroad, 10)
    members = [network.home.chain.account(index).address for index in (201, 202, 203)]
    following = SignerSet.of(2, 2, members)
    network.confirm(remote, following)
    keys = [network.home.chain.account(index).key for index in (201, 202, 203)]
    domain = Domain(remote.chain.chain_id, str(remote.escrow.address))
    early = attest(locked, following, domain, [key for key in keys if key is not None][:2])
    with reverts("lanes: no such epoch now"):
        network.deliver(locked, early)
    end = int(network.apply(remote).one("EpochEnds").valid_until)
    remote.chain.set_time(end - 1)
    network.deliver(locked)
    remote.chain.set_time(end)
    before = picture(network)
    with reverts("lanes: no such epoch now"):
        network.deliver(later)
    assert picture(network) == before
    signed = attest(later, following, domain, [key for key in keys if key is not None][:2])
    network.deliver(later, signed)
    meet(network)
    assert network.status().ok
