"""Transit: units leave, arrive, wait in suspense, are claimed; exactly once, whatever is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.bridge.message import LaneMessage, message_of, party
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.chain import ChainError, Revert, reverts
from tallystick.chain.abi import keccak
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    domain_of,
    refused,
    signed,
    write_slot,
)


def parts_of_the_issue(world: World) -> tuple[int, int, int, int]:
    """Holders at home, locked at home, holders remote, suspense remote (INV-1)."""
    home, remote = world.home, world.remote
    custody_home = home.balance(home.custody)
    custody_remote = remote.balance(remote.custody)
    return (
        home.token.totalSupply() - custody_home,
        custody_home,
        remote.token.totalSupply() - custody_remote,
        custody_remote,
    )


def lock(side: Side, world: World, amount: int = 1_000, **changed: Any) -> Any:
    """The investor locks units at home; every argument can be another."""
    arguments = {
        "lane": world.lane,
        "recipient": party(world.remote.investor.address),
        "amount": amount,
        "deadline": side.chain.now + DAY,
        **changed,
    }
    return side.custody.lock(*arguments.values(), sender=side.investor)


def burn(side: Side, world: World, amount: int = 400, **changed: Any) -> Any:
    """The remote investor burns units; every argument can be another."""
    arguments = {
        "lane": world.lane,
        "recipient": party(world.home.fund.address),
        "amount": amount,
        "deadline": side.chain.now + DAY,
        **changed,
    }
    return side.escrow.burn(*arguments.values(), sender=side.investor)


# ------------------------------------------------------------------------------ lock


@pytest.mark.requirement("INV-1", "R-28")
def test_lock_moves_units_into_custody_and_logs_the_message(world: World) -> None:
    side = world.home
    receipt = lock(side, world)
    message = LaneMessage(
        codec=2,
        kind=1,
        lane=world.lane,
        nonce=0,
        lock_time=receipt.timestamp,
        action_epoch=0,
        amount=1_000,
        sender=party(side.investor.address),
        recipient=party(world.remote.investor.address),
        deadline=receipt.timestamp + DAY,
    )
    assert receipt.return_value == message.id
    assert receipt.events == (
        side.escrow.emitted("MessageSent", world.lane, message.id, message.as_tuple()),
        side.token.emitted("Transfer", side.investor, side.custody, 1_000),
    )
    assert side.escrow.outbox(world.lane, 0) == keccak(bytes(32) + message.id)
    state = world.lane_state(side)
    assert (state.outstanding, state.suspense, state.sent) == (1_000, 0, 1)
    assert side.balance(side.custody) == 1_000
    assert side.balance(side.investor) == INVESTOR_UNITS - 1_000


def test_nonces_count_up(world: World) -> None:
    first, second = (message_of(lock(world.home, world).one("MessageSent")) for _ in range(2))
    assert (first.nonce, second.nonce) == (0, 1)
    assert first.id != second.id


@pytest.mark.requirement("INV-4", "R-28")
def test_a_page_of_the_outbox_proves_each_of_its_messages(world: World) -> None:
    """With those beside it, in their order: the ninth begins the next page."""
    side = world.home
    sent = [message_of(lock(side, world, 1).one("MessageSent")).id for _ in range(PAGE + 2)]
    first, second, third = (side.escrow.outbox(world.lane, page) for page in range(3))
    assert (first, second) == (page_word(sent[:PAGE]), page_word(sent[PAGE:]))
    assert third == bytes(32)
    left_out = [sent[:at] + sent[at + 1 : PAGE] for at in range(PAGE)]
    exchanged = [sent[1], sent[0], *sent[2:PAGE]]
    assert first not in map(page_word, [*left_out, exchanged, sent, sent[: PAGE - 1]])


@pytest.mark.parametrize("amount", [1, INVESTOR_UNITS])
def test_lock_of_any_part_of_the_balance(world: World, amount: int) -> None:
    lock(world.home, world, amount)
    assert world.lane_state(world.home).outstanding == amount


def test_lock_of_nothing_is_refused(world: World) -> None:
    refused_lock(world, amount=0, reason="transit: nothing to send")


def refused_lock(
    world: World, *, reason: str | None = None, how: dict[str, Any] | None = None, **changed: Any
) -> None:
    """A lock that must be refused."""
    with refused(world, reason, **(how or {})):
        lock(world.home, world, **changed)


def test_lock_above_the_balance_is_refused(world: World) -> None:
    refused_lock(
        world,
        amount=INVESTOR_UNITS + 1,
        how={
            "error": "ERC20InsufficientBalance",
            "args": (world.home.investor.address, INVESTOR_UNITS, INVESTOR_UNITS + 1),
        },
    )


@pytest.mark.parametrize("amount", [AMOUNT_MAX + 1, UINT_MAX])
def test_lock_beyond_the_lane_ledger_is_refused(world: World, amount: int) -> None:
    refused_lock(world, amount=amount, reason="lanes: outstanding out of range")


@pytest.mark.parametrize("recipient", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_lock_for_no_account_is_refused(world: World, recipient: bytes) -> None:
    refused_lock(world, recipient=recipient, reason="transit: no such recipient")


@pytest.mark.parametrize("ago", [0, 1])
def test_lock_with_a_past_deadline_is_refused(world: World, ago: int) -> None:
    deadline = world.home.chain.now - ago
    refused_lock(world, deadline=deadline, reason="transit: deadline passed")


def test_lock_with_a_deadline_of_the_next_second(world: World) -> None:
    lock(world.home, world, deadline=world.home.chain.now + 1)


def test_lock_on_an_unknown_lane_is_refused(world: World) -> None:
    refused_lock(world, lane=bytes(32), reason="lanes: unknown lane")


def test_lock_on_the_remote_ledger_is_refused(world: World) -> None:
    world.arrived(1_000)
    with refused(world, "transit: lock is at home"):
        lock(world.remote, world, 1)


def test_lock_by_a_frozen_account_is_refused(world: World) -> None:
    side = world.home
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    refused_lock(world, how={"error": "ERC7943CannotSend", "args": (side.investor.address,)})


def test_lock_while_transfers_are_paused_is_refused(world: World) -> None:
    world.home.token.pause(1, *STATED, sender=world.home.guardian)
    refused_lock(world, reason="controls: transfers paused")


def test_lock_while_outbound_is_paused_is_refused(world: World) -> None:
    world.home.escrow.pause_lane(world.lane, 1, *STATED, sender=world.home.guardian)
    refused_lock(world, reason="lanes: outbound paused")


def test_lock_while_inbound_is_paused_goes_on(world: World) -> None:
    world.home.escrow.pause_lane(world.lane, 2, *STATED, sender=world.home.guardian)
    lock(world.home, world)


def test_the_last_nonce_is_used_and_none_after_it(world: World) -> None:
    side = world.home
    write_slot(side.escrow, (2**47 - 2) << 104, "lanes", "_ledger", world.lane)
    assert message_of(lock(side, world).one("MessageSent")).nonce == 2**47 - 2
    refused_lock(world, reason="lanes: no nonces left")


# ------------------------------------------------------------------------------ burn


@pytest.mark.requirement("INV-1", "R-28")
def test_burn_takes_units_off_and_logs_the_message(world: World) -> None:
    world.arrived(1_000)
    side = world.remote
    receipt = burn(side, world)
    message = LaneMessage(
        codec=2,
        kind=2,
        lane=world.lane,
        nonce=0,
        lock_time=receipt.timestamp,
        action_epoch=0,
        amount=400,
        sender=party(side.investor.address),
        recipient=party(world.home.fund.address),
        deadline=receipt.timestamp + DAY,
    )
    assert receipt.return_value == message.id
    assert receipt.events == (
        side.escrow.emitted("MessageSent", world.lane, message.id, message.as_tuple()),
        side.token.emitted("Transfer", side.investor, ZERO, 400),
        side.token.emitted("CrosschainBurn", side.investor, 400, side.escrow),
    )
    assert side.token.totalSupply() == 600
    state = world.lane_state(side)
    assert (state.outstanding, state.suspense, state.sent) == (600, 0, 1)


def test_burn_at_home_is_refused(world: World) -> None:
    with refused(world, "transit: burn is on the remote ledger"):
        burn(world.home, world)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount": 0}, "transit: nothing to send"),
        ({"recipient": bytes(32)}, "transit: no such recipient"),
        ({"recipient": b"\xff" * 32}, "transit: no such recipient"),
        ({"deadline": 1}, "transit: deadline passed"),
        ({"lane": b"\x01" * 32}, "lanes: unknown lane"),
        ({"amount": 1_001}, "lanes: more than issued here"),
        ({"amount": UINT_MAX}, "lanes: more than issued here"),
    ],
)
def test_burn_refuses(world: World, changed: dict[str, Any], reason: str) -> None:
    world.arrived(1_000)
    with refused(world, reason):
        burn(world.remote, world, **changed)


def test_burn_above_the_balance_is_refused(world: World) -> None:
    world.arrived(1_000)
    side = world.remote
    side.token.transfer(side.fund, 700, sender=side.investor)
    with refused(world, error="ERC20InsufficientBalance"):
        burn(side, world)


def test_burn_of_frozen_units_is_refused(world: World) -> None:
    world.arrived(1_000)
    side = world.remote
    side.token.setFrozenTokens(side.investor, 601, *STATED, sender=side.custodian)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, 400, 399),
    ):
        burn(side, world)


def test_burn_while_outbound_is_paused_is_refused(world: World) -> None:
    world.arrived(1_000)
    world.remote.escrow.pause_lane(world.lane, 1, *STATED, sender=world.remote.guardian)
    with refused(world, "lanes: outbound paused"):
        burn(world.remote, world)


def test_burn_while_the_tokens_lanes_are_paused_is_refused(world: World) -> None:
    world.arrived(1_000)
    world.remote.token.pause(4, *STATED, sender=world.remote.guardian)
    with refused(world, "issuance: lanes paused"):
        burn(world.remote, world)


# --------------------------------------------------------------------------- deliver


@pytest.mark.requirement("INV-1", "INV-3", "R-20")
def test_deliver_issues_on_the_remote_ledger(world: World) -> None:
    message = world.locked(1_000)
    before = parts_of_the_issue(world)
    receipt = world.deliver(message)
    side = world.remote
    assert receipt.return_value is True
    assert receipt.events == (
        side.token.emitted("Transfer", ZERO, side.investor, 1_000),
        side.token.emitted("CrosschainMint", side.investor, 1_000, side.escrow),
        side.escrow.emitted("MessageDelivered", world.lane, message.id, 0, 1_000, False),
    )
    assert side.escrow.has_arrived(world.lane, 0)
    assert side.balance(side.investor) == 1_000
    assert world.lane_state(side).outstanding == 1_000
    assert parts_of_the_issue(world) == (*before[:2], before[2] + 1_000, 0)


@pytest.mark.requirement("INV-1", "INV-3", "R-20")
def test_deliver_releases_at_home(world: World) -> None:
    world.arrived(1_000)
    message = world.burned(400)
    receipt = world.deliver(message)
    side = world.home
    assert receipt.return_value is True
    assert receipt.events == (
        side.token.emitted("Transfer", side.custody, side.fund, 400),
        side.escrow.emitted("MessageDelivered", world.lane, message.id, 0, 400, False),
    )
    assert world.lane_state(side).outstanding == 600 == side.balance(side.custody)
    assert side.balance(side.fund) == 400


@pytest.mark.requirement("R-20")
def test_anyone_may_deliver(world: World) -> None:
    message = world.locked(1_000)
    side = world.remote
    side.escrow.deliver(message.as_tuple(), world.attest(message), sender=side.attacker)
    assert side.balance(side.investor) == 1_000


def test_messages_arrive_in_any_order(world: World) -> None:
    messages = [world.locked(amount) for amount in (1, 20, 300)]
    for message in messages[::-1]:
        world.deliver(message)
    assert world.remote.balance(world.remote.investor) == 321


def test_a_missing_message_stops_no_later_one(world: World) -> None:
    world.locked(1)
    later = world.locked(20)
    world.deliver(later)
    assert not world.remote.escrow.has_arrived(world.lane, 0)
    assert world.remote.escrow.has_arrived(world.lane, 1)


@pytest.mark.requirement("INV-3", "R-20")
@pytest.mark.parametrize("later", [0, 1, 40 * DAY])
def test_a_message_is_delivered_once(world: World, later: int) -> None:
    message = world.locked(1_000)
    attestation = world.attest(message)
    world.deliver(message, attestation)
    world.remote.chain.set_time(world.remote.chain.now + later)
    for proof in (attestation, world.attest(message, 5)):
        with refused(world, "transit: delivered already"):
            world.deliver(message, proof)


@pytest.mark.requirement("INV-3")
def test_a_nonce_is_taken_once_whatever_is_signed(world: World) -> None:
    """Equivocation: a second message under a delivered nonce, with valid signatures."""
    message = world.locked(1_000)
    world.deliver(message)
    with refused(world, "transit: delivered already"):
        world.deliver(replace(message, amount=5, recipient=party(world.remote.fund.address)))


@pytest.mark.parametrize("nonce", [0, 63, 64, 65, 2**47 - 1])
def test_every_nonce_has_a_bit_of_its_own(world: World, nonce: int) -> None:
    world.deliver(world.message(nonce=nonce))
    for other in {0, 1, 62, 63, 64, 65, 127, 128, 2**47 - 1, 2**47, 2**64 - 1}:
        assert world.remote.escrow.has_arrived(world.lane, other) is (other == nonce)


@pytest.mark.parametrize("nonce", [2**47, 2**64 - 1])
def test_a_nonce_that_no_lane_sends_is_refused(world: World, nonce: int) -> None:
    with refused(world, "lanes: nonce out of range"):
        world.deliver(world.message(nonce=nonce))


@pytest.mark.requirement("INV-3", "R-20")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    nonces=st.lists(
        st.one_of(
            st.integers(0, 200),
            st.integers(0, 2**47 - 1),
            st.sampled_from([0, 63, 64, 127, 128, 2**47 - 64, 2**47 - 1]),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_nonces_arrive_once_each_in_any_order(world: World, nonces: list[int]) -> None:
    """Pages of 64 arrivals move between the ledger word and their own slots; none is lost."""
    arrived: set[int] = set()
    with world.isolated():
        for nonce in nonces:
            if nonce in arrived:
                with reverts("transit: delivered already"):
                    world.deliver(world.message(nonce=nonce, amount=1))
            else:
                world.deliver(world.message(nonce=nonce, amount=1))
                arrived.add(nonce)
            state = world.lane_state(world.remote)
            assert (state.outstanding, state.sent, state.suspense) == (len(arrived), 0, 0)
            for near in {n + step for n in nonces for step in (-64, -1, 0, 1, 64)}:
                if 0 <= near < 2**47:
                    found = world.remote.escrow.has_arrived(world.lane, near)
                    assert found is (near in arrived)


FIELDS = {
    "codec": (3, "transit: unknown codec"),
    "kind": (2, "transit: wrong direction"),
    "lane": (b"\x01" * 32, "lanes: unknown lane"),
    "nonce": (1, "verifier: wrong signature"),
    "lock_time": (1, "verifier: wrong signature"),
    "action_epoch": (1, "verifier: wrong signature"),
    "amount": (1_001, "verifier: wrong signature"),
    "sender": (bytes(32), "verifier: wrong signature"),
    "recipient": (b"\0" * 12 + b"\x01" * 20, "verifier: wrong signature"),
    "deadline": (2**64 - 1, "verifier: wrong signature"),
}


def test_the_table_of_fields_is_complete(world: World) -> None:
    assert list(FIELDS) == list(LaneMessage.__slots__)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("name", FIELDS)
def test_an_altered_field_is_refused(world: World, name: str) -> None:
    """ID-02: the attestation is of the true message."""
    message = world.locked(1_000)
    attestation = world.attest(message)
    value, reason = FIELDS[name]
    with refused(world, reason):
        world.remote.escrow.deliver(
            replace(message, **{name: value}).as_tuple(),
            attestation,
            sender=world.remote.courier,
        )


# What follows is signed by enough attestors: the contract refuses all the same.


@pytest.mark.requirement("INV-4", "R-62")
@pytest.mark.parametrize("codec", [0, 3, 2**16 - 1])
def test_an_unknown_codec_is_refused(world: World, codec: int) -> None:
    with refused(world, "transit: unknown codec"):
        world.deliver(world.message(codec=codec))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("kind", [0, 2, 3, 255])
def test_another_direction_is_refused_on_the_remote_ledger(world: World, kind: int) -> None:
    message = world.message(kind=kind, lock_time=1)
    attestation = signed(message, world.signers, domain_of(world.remote), world.signer_keys[:2])
    with refused(world, "transit: wrong direction"):
        world.remote.escrow.deliver(message.as_tuple(), attestation, sender=world.remote.courier)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("kind", [0, 1, 3, 255])
def test_another_direction_is_refused_at_home(world: World, kind: int) -> None:
    world.locked(1_000)
    message = world.message(kind=kind, lock_time=1)
    attestation = signed(message, world.signers, domain_of(world.home), world.signer_keys[:2])
    with refused(world, "transit: wrong direction"):
        world.home.escrow.deliver(message.as_tuple(), attestation, sender=world.home.courier)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("part", ["chain", "escrow", "both"])
def test_an_attestation_for_another_escrow_is_refused(world: World, part: str) -> None:
    """BD-02, BD-04: the domain names the destination."""
    message = world.locked(1_000)
    domain, home = domain_of(world.remote), domain_of(world.home)
    if part in {"chain", "both"}:
        domain = replace(domain, chain_id=home.chain_id)
    if part in {"escrow", "both"}:
        domain = replace(domain, escrow=home.escrow)
    attestation = signed(message, world.signers, domain, world.signer_keys[:2])
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, attestation)


@pytest.mark.requirement("INV-4", "INV-7")
def test_a_lane_that_is_not_open_here_is_refused(world: World) -> None:
    message = world.message(lane=DOCUMENT)
    with refused(world, "lanes: unknown lane"):
        world.deliver(message)


@pytest.mark.parametrize("epoch", [1, 1_023, 2**16 - 1])
def test_a_later_action_epoch_waits(world: World, epoch: int) -> None:
    with refused(world, "transit: ratio not known here yet"):
        world.deliver(world.message(action_epoch=epoch))


@pytest.mark.parametrize("recipient", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_a_recipient_that_is_no_account_is_refused(world: World, recipient: bytes) -> None:
    with refused(world, "transit: recipient is no account"):
        world.deliver(world.message(recipient=recipient))


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize(("early", "reason"), [(1, "transit: before its lock time"), (0, None)])
def test_no_unit_arrives_before_it_left(world: World, early: int, reason: str | None) -> None:
    """On whichever clock one looks: the destination's may be behind the source's."""
    message = world.message(lock_time=world.remote.chain.now + 100)
    world.remote.chain.set_time(message.lock_time - early)
    if reason is None:
        assert world.deliver(message).return_value is True
    else:
        with refused(world, reason):
            world.deliver(message)


@pytest.mark.requirement("INV-2", "INV-7")
@pytest.mark.parametrize("amount", [601, 1_000, AMOUNT_MAX, UINT_MAX])
def test_never_more_is_released_than_is_locked(world: World, amount: int) -> None:
    """VL-06: with valid signatures. Kelp and Multichain lost everything here."""
    world.locked(600)
    message = world.message(kind=2, amount=amount)
    with refused(world, "lanes: more than locked here"):
        world.deliver(message)


@pytest.mark.requirement("INV-2")
def test_released_units_are_not_released_again(world: World) -> None:
    world.locked(600)
    world.deliver(world.message(kind=2, nonce=0, amount=600))
    with refused(world, "lanes: more than locked here"):
        world.deliver(world.message(kind=2, nonce=1, amount=1))


@pytest.mark.requirement("INV-2")
def test_suspense_is_no_longer_locked(world: World) -> None:
    """Units released into suspense are owed to their recipient and can't be released twice."""
    world.locked(600)
    world.deliver(world.message(kind=2, recipient=party(world.home.outsider.address), amount=600))
    assert world.home.balance(world.home.custody) == 600
    with refused(world, "lanes: more than locked here"):
        world.deliver(world.message(kind=2, nonce=1, amount=1))


def test_issuing_beyond_the_lane_ledger_is_refused(world: World) -> None:
    world.deliver(world.message(amount=AMOUNT_MAX))
    with refused(world, "lanes: outstanding out of range"):
        world.deliver(world.message(nonce=1, amount=1))


@pytest.mark.parametrize("amount", [AMOUNT_MAX + 1, UINT_MAX])
def test_issuing_more_than_a_position_holds_is_refused(world: World, amount: int) -> None:
    with refused(world, "lanes: outstanding out of range"):
        world.deliver(world.message(amount=amount))


@pytest.mark.parametrize("directions", [2, 3])
@pytest.mark.parametrize("kind", [1, 2])
def test_nothing_arrives_while_inbound_is_paused(world: World, directions: int, kind: int) -> None:
    world.locked(1_000)
    message = world.message(kind=kind)
    side = world.side_of(message)
    side.escrow.pause_lane(world.lane, directions, *STATED, sender=side.guardian)
    with refused(world, "lanes: inbound paused"):
        world.deliver(message)
    side.escrow.unpause_lane(world.lane, directions, *STATED, sender=side.administrator)
    side.chain.set_time(side.chain.now + DAY)
    assert world.deliver(message).return_value is True


def test_a_pause_of_outbound_leaves_inbound(world: World) -> None:
    message = world.locked(1_000)
    side = world.remote
    side.escrow.pause_lane(world.lane, 1, *STATED, sender=side.guardian)
    assert world.deliver(message).return_value is True


# -------------------------------------------------------------------------- suspense


@pytest.mark.requirement("INV-1", "R-24")
@pytest.mark.parametrize("why", ["outsider", "frozen", "ended"])
def test_units_for_who_cannot_receive_wait_in_suspense_remotely(world: World, why: str) -> None:
    side = world.remote
    recipient = side.outsider if why == "outsider" else side.fund
    if why == "frozen":
        side.token.setAddressFrozen(recipient, True, *STATED, sender=side.custodian)
    if why == "ended":
        side.token.admit(recipient, 0, *STATED, sender=side.registrar)
    message = world.locked(1_000, recipient)
    receipt = world.deliver(message)
    assert receipt.return_value is False
    assert receipt.events == (
        side.escrow.emitted("MessageDelivered", world.lane, message.id, 0, 1_000, True),
        side.escrow.emitted(
            "UnitsSuspended", world.lane, party(recipient.address), message.id, 1_000
        ),
        side.token.emitted("Transfer", ZERO, side.custody, 1_000),
        side.token.emitted("CrosschainMint", side.custody, 1_000, side.custody),
    )
    assert side.escrow.suspended(message.id) == 1_000
    state = world.lane_state(side)
    assert (state.outstanding, state.suspense) == (1_000, 1_000)
    assert side.balance(side.custody) == 1_000
    assert side.balance(recipient) == 0


@pytest.mark.requirement("INV-1", "R-24")
def test_units_for_who_cannot_receive_wait_in_suspense_at_home(world: World) -> None:
    world.arrived(1_000)
    side = world.home
    message = world.burned(400, side.outsider)
    receipt = world.deliver(message)
    assert receipt.return_value is False
    assert receipt.events == (
        side.escrow.emitted("MessageDelivered", world.lane, message.id, 0, 400, True),
        side.escrow.emitted(
            "UnitsSuspended", world.lane, party(side.outsider.address), message.id, 400
        ),
    )
    assert side.escrow.suspended(message.id) == 400
    state = world.lane_state(side)
    assert (state.outstanding, state.suspense) == (600, 400)
    assert side.balance(side.custody) == 1_000


@pytest.mark.requirement("INV-3")
def test_suspense_is_a_delivery_too(world: World) -> None:
    message = world.locked(1_000, world.remote.outsider)
    world.deliver(message)
    world.network.admit(world.network.suite("remote"), world.remote.outsider, 40_000)
    with refused(world, "transit: delivered already"):
        world.deliver(message)


@pytest.mark.requirement("R-24")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_anyone_claims_for_a_recipient_who_can_receive_by_now(world: World, name: str) -> None:
    side: Side = getattr(world, name)
    if name == "remote":
        message = world.locked(1_000, side.outsider)
    else:
        world.arrived(1_000)
        message = world.burned(1_000, side.outsider)
    world.deliver(message)
    world.network.admit(world.network.suite(name), side.outsider, 40_000)
    outstanding = world.lane_state(side).outstanding
    receipt = side.escrow.claim(message.as_tuple(), sender=side.attacker)
    assert receipt.events == (
        side.escrow.emitted(
            "SuspenseClaimed", world.lane, party(side.outsider.address), message.id, 1_000
        ),
        side.token.emitted("Transfer", side.custody, side.outsider, 1_000),
    )
    assert side.balance(side.outsider) == 1_000
    assert side.balance(side.custody) == 0
    state = world.lane_state(side)
    assert (state.outstanding, state.suspense) == (outstanding, 0)


@pytest.mark.requirement("INV-3")
def test_suspense_is_claimed_once(world: World) -> None:
    message = world.locked(1_000, world.remote.outsider)
    world.deliver(message)
    world.network.admit(world.network.suite("remote"), world.remote.outsider, 40_000)
    world.network.claim(message)
    with refused(world, "transit: nothing in suspense"):
        world.network.claim(message)


def test_a_claim_for_who_still_cannot_receive_is_refused(world: World) -> None:
    side = world.remote
    message = world.locked(1_000, side.outsider)
    world.deliver(message)
    with refused(world, error="ERC7943CannotReceive", args=(side.outsider.address,)):
        world.network.claim(message)


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "lane"])
def test_a_claim_of_another_message_is_refused(world: World, name: str) -> None:
    side = world.remote
    message = world.locked(1_000, side.outsider)
    world.deliver(message)
    changed = replace(message, **{name: FIELDS[name][0]})
    with refused(world, "transit: nothing in suspense"):
        side.escrow.claim(changed.as_tuple(), sender=side.courier)


def test_a_claim_of_what_was_credited_is_refused(world: World) -> None:
    message = world.arrived(1_000)
    with refused(world, "transit: nothing in suspense"):
        world.network.claim(message)


def test_a_claim_goes_on_while_the_lane_is_paused(world: World) -> None:
    side = world.remote
    message = world.locked(1_000, side.outsider)
    world.deliver(message)
    world.network.admit(world.network.suite("remote"), side.outsider, 40_000)
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    world.network.claim(message)
    assert side.balance(side.outsider) == 1_000


def test_a_claim_beyond_the_lanes_suspense_is_refused(world: World) -> None:
    """Not reachable by any transaction: the lane ledger is the second line of defence."""
    side = world.remote
    message = world.locked(1_000, side.outsider)
    world.deliver(message)
    world.network.admit(world.network.suite("remote"), side.outsider, 40_000)
    write_slot(side.escrow, 999, "lanes", "_suspense", world.lane)
    with refused(world, "flows: more than in suspense"):
        world.network.claim(message)


def test_suspense_of_two_recipients_is_kept_apart(world: World) -> None:
    side = world.remote
    first = world.locked(1_000, side.outsider)
    second = world.locked(20, side.attacker)
    world.deliver(first)
    world.deliver(second)
    world.network.admit(world.network.suite("remote"), side.attacker, 40_000)
    world.network.claim(second)
    assert side.balance(side.attacker) == 20
    assert side.escrow.suspended(first.id) == 1_000
    assert world.lane_state(side).suspense == 1_000 == side.balance(side.custody)


# ------------------------------------------------- pauses of the token, gas, donations


@pytest.mark.requirement("R-20", "R-64")
@pytest.mark.parametrize("scope", [1, 2, 4])
@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_paused_token_lets_arrive_what_was_sent(world: World, name: str, scope: int) -> None:
    world.arrived(1_000)
    side, send = (world.home, world.burned) if name == "home" else (world.remote, world.locked)
    message, other = send(400), send(2, side.outsider)
    recipient = side.fund if name == "home" else side.investor
    before = side.balance(recipient)
    side.token.pause(scope, *STATED, sender=side.guardian)
    assert world.deliver(message).return_value is True
    assert world.deliver(other).return_value is False
    world.network.admit(world.network.suite(name), side.outsider, 40_000)
    world.network.claim(other)
    assert (side.balance(recipient) - before, side.balance(side.outsider)) == (400, 2)


@pytest.mark.requirement("INV-3", "R-20")
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("recipient", ["investor", "outsider"])
def test_case_19_any_gas_limit_means_full_effect_or_none(
    world: World, kind: int, recipient: str
) -> None:
    """LV-02: a courier short of gas, on purpose, can't park units that could be credited."""
    world.locked(1_000)
    target = world.remote if kind == 1 else world.home
    message = world.message(kind=kind, recipient=party(target.parties[recipient].address))
    attestation = world.attest(message)
    with world.isolated():
        enough = world.deliver(message, attestation).gas_used
    eligible = recipient == "investor"
    before = target.balance(target.investor)
    outcomes = set()
    # Every gas limit on a fine grid, from hardly anything to more than enough.
    for gas in [*range(30_000, enough + 60_000, 997), *range(enough - 9_000, enough + 30_000, 151)]:
        with world.isolated():
            try:
                receipt = world.deliver(message, attestation, gas=gas)
            except Revert:
                assert not target.escrow.has_arrived(world.lane, message.nonce)
                outcomes.add("none")
            except ChainError:
                # Below the intrinsic gas: no transaction at all.
                continue
            else:
                outcomes.add("full")
                assert receipt.return_value is eligible
                assert target.escrow.suspended(message.id) == (0 if eligible else 1_000)
                assert target.balance(target.investor) == before + (1_000 if eligible else 0)
    assert outcomes == {"none", "full"}


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_donation_to_custody_is_impossible(world: World, name: str) -> None:
    """VL-05: what custody holds is what the lane owes, to the unit."""
    side: Side = getattr(world, name)
    world.arrived(1_000)
    with refused(world, error="ERC7943CannotReceive", args=(side.custody.address,)):
        side.token.transfer(side.custody, 1, sender=side.investor)
    with refused(world, error="ERC7943CannotReceive", args=(side.custody.address,)):
        side.token.batchTransfer([side.custody], [1], sender=side.investor)


@pytest.mark.requirement("INV-1")
@pytest.mark.parametrize("kind", [1, 2])
def test_units_sent_to_the_custody_itself_wait_in_suspense(world: World, kind: int) -> None:
    """A message may name the custody account; it is never credited, and can't be claimed."""
    world.locked(1_000)
    side = world.remote if kind == 1 else world.home
    message = world.message(kind=kind, recipient=party(side.custody.address))
    assert world.deliver(message).return_value is False
    state = world.lane_state(side)
    owed = state.suspense + (state.outstanding if kind == 2 else 0)
    assert side.balance(side.custody) == owed
    with refused(world, "custody: pay to itself"):
        world.network.claim(message)


@pytest.mark.requirement("INV-1")
def test_a_round_trip_returns_every_unit(world: World) -> None:
    before = parts_of_the_issue(world)
    world.arrived(1_000)
    world.deliver(world.burned(1_000, world.home.investor))
    assert parts_of_the_issue(world) == before
    for side in (world.home, world.remote):
        state = world.lane_state(side)
        assert (state.outstanding, state.suspense) == (0, 0)


def test_an_attestation_longer_than_the_bound_is_refused(world: World) -> None:
    message = world.locked(1_000)
    with refused(world):
        world.deliver(message, world.attest(message).ljust(1_409, b"\0"))
