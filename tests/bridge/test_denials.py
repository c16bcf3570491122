"""Denials: a source says what it never sent, and the destination mends what that did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.message import CODEC, LaneMessage
from tests.support.denials import FALSE, deny, forged, page_of, side_of, take
from tests.support.ends import UNITS, Books, begun, send, source_of, today
from tests.support.world import DAY, STATED, ZERO, World, refused

NOBODY = bytes(32)


@pytest.fixture(params=["remote", "home"])
def there(world: World, request: pytest.FixtureRequest) -> str:
    """The ledger where something false arrives; more is outstanding than it says."""
    world.arrived(5 * UNITS)
    begun(world, request.param)
    return str(request.param)


def next_nonce(world: World, message: LaneMessage) -> int:
    """The nonce that the source of a message gives next."""
    return int(world.lane_state(source_of(world, message)).sent)


def waiting(world: World, there: str) -> LaneMessage:
    """A false message under the next nonce, in suspense for who can't receive."""
    message = forged(world, there, side_of(world, there).outsider)
    message = replace(message, nonce=next_nonce(world, message))
    assert world.deliver(message).return_value is False
    return message


def credited(world: World, there: str) -> LaneMessage:
    """A false message under the next nonce, whose units somebody has."""
    message = forged(world, there)
    message = replace(message, nonce=next_nonce(world, message))
    assert world.deliver(message).return_value is True
    return message


def true_one(world: World, there: str, denied: LaneMessage) -> LaneMessage:
    """What its source did send under that nonce."""
    message = send(world, there)
    assert message.nonce == denied.nonce
    return message


# ------------------------------------------------------------------------- at the source


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("sent", [0, 1, 3])
def test_anyone_has_the_source_deny_what_it_never_sent(world: World, there: str, sent: int) -> None:
    """Whether others left under that nonce or none."""
    message = forged(world, there)
    message = replace(message, nonce=next_nonce(world, message))
    for _ in range(sent):
        send(world, there)
    source, nonce = source_of(world, message), next_nonce(world, message)
    before, had = Books.of(world, source), source.escrow.outbox(world.lane, nonce // 8)
    receipt, answer = deny(world, message)
    direction = 1 if there == "remote" else 2
    assert answer == LaneMessage(
        codec=CODEC,
        kind=direction | 8,
        lane=world.lane,
        nonce=nonce,
        lock_time=receipt.timestamp,
        action_epoch=0,
        amount=0,
        sender=message.id,
        recipient=NOBODY,
        deadline=0,
    )
    assert receipt.events == (
        source.escrow.emitted("MessageSent", world.lane, answer.id, answer.as_tuple()),
        source.escrow.emitted(
            "MessageDenied", world.lane, message.id, answer.id, message.as_tuple()
        ),
    )
    assert Books.of(world, source) == replace(before, sent=before.sent + 1)
    assert source.escrow.outbox(world.lane, nonce // 8) != had


def test_a_day_on_which_nothing_but_a_denial_left_serves_as_a_hint(
    world: World, there: str
) -> None:
    """As any on which the lane sent something: whoever asks what left has them from its logs."""
    message = forged(world, there)
    source = source_of(world, message)
    world.synchronise()
    send(world, there)
    day = today(source)
    sent = int(source.escrow.sent_in_epoch(world.lane, 0))
    source.chain.advance(DAY)
    deny(world, replace(message, nonce=next_nonce(world, message)))
    source.chain.advance(DAY)
    send(world, there)
    assert int(source.escrow.sent_at_close(world.lane, day, day + 1)) == sent


@pytest.mark.requirement("INV-3", "INV-4")
def test_no_source_denies_what_it_sent(world: World, there: str) -> None:
    message = send(world, there)
    with refused(world, "denials: it was sent"):
        deny(world, message)
    page = page_of(world, source_of(world, message), message)
    for wrong in ([], page[:-1], [*page, message.id], page[::-1][:1] + page):
        with refused(world, "denials: not the page"):
            deny(world, message, wrong)


def test_a_source_denies_nothing_of_another_direction_or_lane(world: World, there: str) -> None:
    message = forged(world, there)
    source = side_of(world, there)
    with refused(world, "denials: does not leave here"):
        source.escrow.deny(message.as_tuple(), [], sender=source.attacker)
    other = replace(message, lane=b"\1" * 32)
    with refused(world, "lanes: unknown lane"):
        deny(world, other, [])


def test_no_stop_keeps_a_denial_back(world: World, there: str) -> None:
    message = forged(world, there)
    source = source_of(world, message)
    source.escrow.pause_lane(world.lane, 3, *STATED, sender=source.guardian)
    source.token.pause(3, *STATED, sender=source.guardian)
    deny(world, message)


# ------------------------------------------------------------------------ what waits there


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "R-20")
def test_what_waits_and_was_never_sent_never_happened(world: World, there: str) -> None:
    """Its units go, its nonce is free, and the true message is delivered, once."""
    side = side_of(world, there)
    before = Books.of(world, side)
    false = waiting(world, there)
    assert Books.of(world, side) != before
    answer = deny(world, false)[1]
    receipt = take(world, answer, false)
    taken_off = (
        (
            side.token.emitted("Transfer", side.custody, ZERO, FALSE),
            side.token.emitted("CrosschainBurn", side.custody, FALSE, side.custody),
        )
        if there == "remote"
        else ()
    )
    assert receipt.events == (
        side.escrow.emitted("MessageUndone", world.lane, false.id, false.nonce, FALSE, FALSE),
        side.escrow.emitted("MessageDelivered", world.lane, answer.id, answer.nonce, 0, False),
        *taken_off,
    )
    assert Books.of(world, side) == before
    assert side.escrow.suspended(false.id) == 0
    # It had taken the nonce that its own denial has.
    assert answer.nonce == false.nonce
    assert side.escrow.has_arrived(world.lane, answer.nonce)
    assert side.escrow.denial_taken(answer.id)
    with refused(world, "transit: nothing in suspense"):
        world.network.claim(false)
    with refused(world, "denials: taken already"):
        take(world, answer, false)


@pytest.mark.requirement("INV-3", "R-20")
def test_the_true_message_of_that_nonce_takes_effect_once(world: World, there: str) -> None:
    side, false = side_of(world, there), waiting(world, there)
    true = true_one(world, there, false)
    with refused(world, "transit: delivered already"):
        world.deliver(true)
    answer = deny(world, false)[1]
    take(world, answer, false)
    had = Books.of(world, side)
    assert world.deliver(true).return_value is True
    assert Books.of(world, side) != had
    with refused(world, "transit: delivered already"):
        world.deliver(true)
    assert world.network.status().ok


def test_a_stop_of_arrivals_is_what_it_comes_through(world: World, there: str) -> None:
    side, false = side_of(world, there), waiting(world, there)
    side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
    side.token.pause(3, *STATED, sender=side.guardian)
    take(world, deny(world, false)[1], false)
    assert side.escrow.suspended(false.id) == 0


def test_a_redirect_that_was_proposed_of_it_is_none(world: World, there: str) -> None:
    side, false = side_of(world, there), waiting(world, there)
    side.escrow.propose_redirect(false.as_tuple(), side.attacker, *STATED, sender=side.registrar)
    take(world, deny(world, false)[1], false)
    assert side.escrow.redirect_of(false.id) == (ZERO, ZERO)
    with refused(world, "transit: not what was proposed"):
        side.escrow.redirect(false.as_tuple(), side.attacker, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-4")
def test_only_the_source_s_own_word_counts(world: World, there: str) -> None:
    false = waiting(world, there)
    answer = deny(world, false)[1]
    other = replace(answer, lock_time=answer.lock_time - 1)
    with refused(world, "verifier: wrong signature"):
        take(world, other, false, world.attest(answer))
    for changed, reason in (
        ({"kind": answer.kind & 3}, "denials: no denial"),
        ({"kind": answer.kind & 3 | 4}, "denials: no denial"),
        ({"kind": 19 - answer.kind}, "denials: no denial"),
        ({"codec": 1}, "denials: no denial"),
        ({"amount": 1}, "denials: no denial"),
        ({"lock_time": answer.lock_time + DAY}, "denials: before its lock time"),
        ({"sender": NOBODY}, "denials: of another message"),
    ):
        wrong: Any = replace(answer, **changed)
        with refused(world, reason):
            side = side_of(world, there)
            proof = world.attest(answer)
            side.escrow.take_denial(wrong.as_tuple(), false.as_tuple(), proof, sender=side.courier)
    with refused(world, "denials: of another message"):
        take(world, answer, replace(false, amount=FALSE + 1))
    with refused(world, "lanes: one verifier alone"):
        take(world, answer, false, world.attest(answer), world.attest(answer))


@pytest.mark.requirement("INV-3")
def test_what_left_here_is_not_denied_by_its_destination(world: World, there: str) -> None:
    """Its id is in no outbox over there either: that says nothing."""
    side = side_of(world, there)
    other = send(world, "home" if there == "remote" else "remote")
    answer = deny(world, forged(world, there))[1]
    wrong = replace(answer, sender=other.id)
    with refused(world, "denials: of another lane"):
        side.escrow.take_denial(
            wrong.as_tuple(), other.as_tuple(), world.attest(wrong), sender=side.courier
        )


def test_a_denial_is_no_delivery(world: World, there: str) -> None:
    answer = deny(world, forged(world, there))[1]
    with refused(world, "transit: wrong direction"):
        world.deliver(answer)


@pytest.mark.requirement("INV-3")
def test_a_denial_of_what_never_came_changes_nothing(world: World, there: str) -> None:
    side, message = side_of(world, there), forged(world, there)
    message = replace(message, nonce=next_nonce(world, message) + 5)
    answer = deny(world, message)[1]
    before = Books.of(world, side)
    receipt = take(world, answer, message)
    assert receipt.events == (
        side.escrow.emitted("MessageDelivered", world.lane, answer.id, answer.nonce, 0, False),
    )
    assert Books.of(world, side) == before
    assert side.escrow.disowned_of(message.id).lane == NOBODY
    with refused(world, "denials: nothing to reopen"):
        side.escrow.propose_reopening(message.id, *STATED, sender=side.operator)


# ---------------------------------------------------------------------- what was credited


def disowned(world: World, there: str, true: list[LaneMessage] | None = None) -> LaneMessage:
    """A false message that was credited, and denied; `true`: gets what left under its nonce."""
    false = credited(world, there)
    if true is not None:
        true.append(true_one(world, there, false))
    side, answer = side_of(world, there), deny(world, false)[1]
    receipt = take(world, answer, false)
    assert receipt.events == (
        side.escrow.emitted("MessageDisowned", world.lane, false.id, false.nonce, FALSE, 0),
        side.escrow.emitted("MessageDelivered", world.lane, answer.id, answer.nonce, 0, False),
    )
    assert side.escrow.disowned_of(false.id) == (world.lane, false.nonce, FALSE)
    return false


@pytest.mark.requirement("INV-3", "INV-9", "R-20")
def test_two_keys_and_a_delay_free_the_nonce_of_what_was_credited(world: World, there: str) -> None:
    side, sent = side_of(world, there), list[LaneMessage]()
    false = disowned(world, there, sent)
    (true,) = sent
    proposed = side.escrow.propose_reopening(false.id, *STATED, sender=side.operator)
    act = bytes(proposed.return_value)
    assert proposed.events == (
        side.act(
            side.escrow,
            "propose_reopening(bytes32,bytes4,bytes32)",
            side.token,
            side.operator,
        ),
        side.escrow.emitted("ReopeningProposed", act, world.lane, false.id, false.nonce),
    )
    with refused(world, "access: proposal waits"):
        side.escrow.reopen(false.id, *STATED, sender=side.administrator)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    with refused(world, "access: missing role"):
        side.escrow.reopen(false.id, *STATED, sender=side.operator)
    receipt = side.escrow.reopen(false.id, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(side.escrow, "reopen(bytes32,bytes4,bytes32)", side.token, side.administrator),
        side.escrow.emitted("NonceReopened", world.lane, false.id, false.nonce),
    )
    assert side.escrow.disowned_of(false.id).lane == NOBODY
    assert world.deliver(true).return_value is True
    with refused(world, "transit: delivered already"):
        world.deliver(true)
    with refused(world, "denials: nothing to reopen"):
        side.escrow.propose_reopening(false.id, *STATED, sender=side.operator)


@pytest.mark.requirement("INV-9")
def test_a_reopening_is_of_the_message_that_was_proposed(world: World, there: str) -> None:
    side = side_of(world, there)
    one, other = disowned(world, there), disowned(world, there)
    side.escrow.propose_reopening(one.id, *STATED, sender=side.operator)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    with refused(world, "access: act not proposed"):
        side.escrow.reopen(other.id, *STATED, sender=side.administrator)
    side.escrow.reopen(one.id, *STATED, sender=side.administrator)
    assert side.escrow.has_arrived(world.lane, other.nonce)
    assert not side.escrow.has_arrived(world.lane, one.nonce)


@pytest.mark.requirement("INV-9")
def test_the_guardian_withdraws_a_reopening(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    act = side.escrow.propose_reopening(false.id, *STATED, sender=side.operator).return_value
    side.escrow.withdraw_proposal(act, *STATED, sender=side.guardian)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    with refused(world, "access: act not proposed"):
        side.escrow.reopen(false.id, *STATED, sender=side.administrator)
    assert side.escrow.has_arrived(world.lane, false.nonce)


@pytest.mark.requirement("INV-9")
def test_one_key_alone_reopens_nothing(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    for account in (side.administrator, side.guardian, side.attacker):
        with refused(world, "access: missing role"):
            side.escrow.propose_reopening(false.id, *STATED, sender=account)
    with refused(world, "access: act not proposed"):
        side.escrow.reopen(false.id, *STATED, sender=side.administrator)
