"""Ends of a message where it arrives: credited, claimed, redirected or sent back, never two."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import page_word
from tests.support.ends import (
    LASTS,
    UNITS,
    Books,
    begun,
    landing,
    pass_deadline,
    returned,
    send,
    send_back,
    source_of,
    today,
)
from tests.support.weakened import lacking
from tests.support.world import DAY, STATED, ZERO, Side, World, refused

ELIGIBLE = 40_000


@pytest.fixture(params=["remote", "home"])
def there(world: World, request: pytest.FixtureRequest) -> str:
    """The ledger where units are to arrive."""
    begun(world, request.param)
    return str(request.param)


@pytest.fixture
def under_way(world: World, there: str) -> LaneMessage:
    """Units under way to somebody who can receive them."""
    return send(world, there)


@pytest.fixture
def waiting(world: World, there: str) -> LaneMessage:
    """Units that arrived in time for somebody whom nobody admitted."""
    message = send(world, there, getattr(world, there).outsider)
    assert world.deliver(message).return_value is False
    return message


def recipient_of(side: Side) -> Any:
    """Who is to get what is sent to a ledger, and can receive."""
    return side.investor if side.chain.name == "remote" else side.fund


def admit(side: Side) -> None:
    """Who is waited for can receive from now on."""
    side.token.admit(side.outsider, ELIGIBLE, *STATED, sender=side.registrar)


def give_back(side: Side, message: LaneMessage) -> None:
    """Somebody returns it."""
    side.escrow.return_to_source(message.as_tuple(), sender=side.attacker)


# ----------------------------------------------------------------------- arriving late


@pytest.mark.requirement("R-24", "INV-2")
@pytest.mark.parametrize("late", [0, 1, 40 * DAY])
def test_what_arrives_from_its_deadline_on_waits_however_able_its_recipient(
    world: World, under_way: LaneMessage, late: int
) -> None:
    side, message = world.side_of(under_way), under_way
    home = side is world.home
    before, had = Books.of(world, side), side.balance(recipient_of(side))
    pass_deadline(world, message, late)
    receipt = world.deliver(message)
    assert receipt.return_value is False
    held = (
        side.token.emitted("Transfer", ZERO, side.custody, UNITS),
        side.token.emitted("CrosschainMint", side.custody, UNITS, side.custody),
    )
    assert receipt.events == (
        side.escrow.emitted("MessageDelivered", world.lane, message.id, message.nonce, UNITS, True),
        side.escrow.emitted("UnitsSuspended", world.lane, message.recipient, message.id, UNITS),
        *(() if home else held),
    )
    assert side.balance(recipient_of(side)) == had
    assert side.escrow.suspended(message.id) == UNITS
    assert landing(side, message) is None
    created = 0 if home else UNITS
    assert Books.of(world, side) == Books(
        outstanding=before.outstanding + (-UNITS if home else UNITS),
        suspense=UNITS,
        sent=before.sent,
        custody=before.custody + created,
        supply=before.supply + created,
    )
    with refused(world, "transit: delivered already"):
        world.deliver(message)


@pytest.mark.requirement("R-24")
def test_what_arrives_a_second_before_its_deadline_is_credited(
    world: World, under_way: LaneMessage
) -> None:
    side = world.side_of(under_way)
    had = side.balance(recipient_of(side))
    pass_deadline(world, under_way, -1)
    assert world.deliver(under_way).return_value is True
    assert side.balance(recipient_of(side)) == had + UNITS
    pass_deadline(world, under_way)
    with refused(world, "transit: nothing to return"):
        give_back(side, under_way)


@pytest.mark.parametrize("scopes", [1, 2, 4, 7])
def test_late_units_are_taken_in_whatever_is_paused_of_the_token(
    world: World, under_way: LaneMessage, scopes: int
) -> None:
    side = world.side_of(under_way)
    pass_deadline(world, under_way)
    side.token.pause(scopes, *STATED, sender=side.guardian)
    assert world.deliver(under_way).return_value is False
    assert side.escrow.suspended(under_way.id) == UNITS


def test_a_stop_of_what_arrives_stops_what_is_late_too(
    world: World, under_way: LaneMessage
) -> None:
    side = world.side_of(under_way)
    pass_deadline(world, under_way)
    side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
    with refused(world, "lanes: inbound paused"):
        world.deliver(under_way)


# ---------------------------------------------------------------------------- claiming


@pytest.mark.requirement("INV-3", "R-24")
@pytest.mark.parametrize("late", [-1, 0, 1])
def test_a_claim_counts_until_the_second_before_the_deadline(
    world: World, waiting: LaneMessage, late: int
) -> None:
    side = world.side_of(waiting)
    admit(side)
    pass_deadline(world, waiting, late)
    if late < 0:
        world.network.claim(waiting)
        assert side.balance(side.outsider) == UNITS
        pass_deadline(world, waiting)
        with refused(world, "transit: nothing to return"):
            give_back(side, waiting)
    else:
        with refused(world, "transit: past its deadline"):
            world.network.claim(waiting)
        give_back(side, waiting)
        with refused(world, "transit: nothing in suspense"):
            world.network.claim(waiting)
        assert side.balance(side.outsider) == 0


def test_a_late_recipient_who_could_receive_all_along_claims_nothing(
    world: World, under_way: LaneMessage
) -> None:
    pass_deadline(world, under_way)
    world.deliver(under_way)
    with refused(world, "transit: past its deadline"):
        world.network.claim(under_way)


# -------------------------------------------------------------------- sent back


@pytest.mark.requirement("INV-2", "INV-3", "INV-4", "R-24", "R-28")
@pytest.mark.parametrize("late", [0, 1, 100 * DAY])
def test_anyone_returns_what_waits_once_its_deadline_has_passed(
    world: World, waiting: LaneMessage, late: int
) -> None:
    side, message = world.side_of(waiting), waiting
    home, before = side is world.home, Books.of(world, side)
    page = bytes(side.escrow.outbox(world.lane, 0))
    pass_deadline(world, message, late)
    day = today(side)
    receipt, answer = send_back(world, message)
    assert answer == LaneMessage(
        codec=2,
        kind=5 if home else 6,
        lane=world.lane,
        nonce=before.sent,
        lock_time=receipt.timestamp,
        action_epoch=0,
        amount=UNITS,
        sender=message.id,
        recipient=message.sender,
        deadline=message.lock_time,
    )
    assert (answer.origin, answer.left) == (message.id, message.lock_time)
    assert not answer.is_late(2**40)
    assert receipt.return_value == answer.id
    taken_off = (
        side.token.emitted("Transfer", side.custody, ZERO, UNITS),
        side.token.emitted("CrosschainBurn", side.custody, UNITS, side.custody),
    )
    assert receipt.events == (
        side.escrow.emitted("MessageSent", world.lane, answer.id, answer.as_tuple()),
        side.escrow.emitted("MessageReturned", world.lane, message.id, answer.id, UNITS),
        *(() if home else taken_off),
    )
    assert Books.of(world, side) == Books(
        outstanding=before.outstanding + (UNITS if home else -UNITS),
        suspense=0,
        sent=before.sent + 1,
        custody=before.custody - (0 if home else UNITS),
        supply=before.supply - (0 if home else UNITS),
    )
    assert side.escrow.suspended(message.id) == 0
    assert landing(side, message) == Landing(day, Landed.WENT_BACK)
    assert landing(side, answer) is None
    assert side.escrow.outbox(world.lane, 0) == page_word([answer.id], page)


@pytest.mark.requirement("INV-6")
def test_what_a_lane_sent_and_what_waits_at_closes_tells_of_a_return(
    world: World, waiting: LaneMessage
) -> None:
    """Day by day: it waits at the first close, and has left at the second."""
    side = world.side_of(waiting)
    first = today(side)
    # What is burned for home had come from there the day before.
    had_sent = UNITS if side is world.home else 0
    pass_deadline(world, waiting)
    side.chain.advance(DAY)
    send_back(world, waiting)
    side.chain.advance(DAY)
    figures = [
        (
            int(side.escrow.sent_at_close(world.lane, day, 0)),
            int(side.escrow.suspense_at_close(world.lane, day, 0)),
        )
        for day in (first - 1, first, first + 1)
    ]
    assert figures == [(had_sent, 0), (had_sent, UNITS), (had_sent + UNITS, 0)]


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("early", [1, LASTS // 2])
def test_nothing_is_returned_before_its_deadline(
    world: World, waiting: LaneMessage, early: int
) -> None:
    side = world.side_of(waiting)
    pass_deadline(world, waiting, -early)
    with refused(world, "transit: before its deadline"):
        give_back(side, waiting)


@pytest.mark.requirement("INV-3")
def test_what_has_not_arrived_is_not_returned(world: World, under_way: LaneMessage) -> None:
    """Though its deadline has passed: it is taken in first."""
    side = world.side_of(under_way)
    pass_deadline(world, under_way)
    with refused(world, "transit: nothing to return"):
        give_back(side, under_way)
    world.deliver(under_way)
    give_back(side, under_way)


@pytest.mark.requirement("INV-3")
def test_what_went_back_goes_back_once(world: World, waiting: LaneMessage) -> None:
    side = world.side_of(waiting)
    pass_deadline(world, waiting)
    give_back(side, waiting)
    with refused(world, "transit: nothing to return"):
        give_back(side, waiting)
    with refused(world, "transit: delivered already"):
        world.deliver(waiting)
    with refused(world, "transit: nothing to redirect"):
        side.escrow.propose_redirect(waiting.as_tuple(), side.fund, *STATED, sender=side.registrar)


@pytest.mark.requirement("INV-3", "R-24")
def test_a_redirect_that_is_proposed_holds_a_return_up(world: World, waiting: LaneMessage) -> None:
    """Carried out it ends the message; withdrawn, by the guardian too, it holds nothing up."""
    side, told = world.side_of(waiting), waiting.as_tuple()
    pass_deadline(world, waiting)
    side.escrow.propose_redirect(told, side.investor, *STATED, sender=side.registrar)
    with refused(world, "transit: a redirect is proposed"):
        give_back(side, waiting)
    with world.isolated():
        side.escrow.redirect(told, side.investor, *STATED, sender=side.custodian)
        with refused(world, "transit: nothing to return"):
            give_back(side, waiting)
    side.escrow.withdraw_redirect(told, *STATED, sender=side.guardian)
    give_back(side, waiting)
    with refused(world, "transit: not what was proposed"):
        side.escrow.redirect(told, side.investor, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-3")
def test_a_dead_proposal_holds_a_return_up_until_it_is_withdrawn(
    world: World, waiting: LaneMessage
) -> None:
    side, told = world.side_of(waiting), waiting.as_tuple()
    side.escrow.propose_redirect(told, side.investor, *STATED, sender=side.registrar)
    side.give_role(side.token, side.registrar, 0)
    pass_deadline(world, waiting, DAY)
    with refused(world, "transit: a redirect is proposed"):
        give_back(side, waiting)
    side.escrow.withdraw_redirect(told, *STATED, sender=side.guardian)
    give_back(side, waiting)


@pytest.mark.requirement("R-14")
@pytest.mark.parametrize("what", ["lane", "instrument"])
def test_while_lane_or_instrument_is_suspended_nothing_is_returned(
    world: World, waiting: LaneMessage, what: str
) -> None:
    side = world.side_of(waiting)
    bound, which = (side.escrow, (world.lane,)) if what == "lane" else (side.token, ())
    pass_deadline(world, waiting)
    bound.set_suspended(*which, True, *STATED, sender=side.engine.address)
    with refused(world, "lanes: suspended" if what == "lane" else "transit: instrument suspended"):
        give_back(side, waiting)
    bound.set_suspended(*which, False, *STATED, sender=side.engine.address)
    give_back(side, waiting)


@pytest.mark.requirement("R-24", "INV-7")
@pytest.mark.parametrize("scopes", [1, 2, 4, 7])
@pytest.mark.parametrize("directions", [0, 1, 2, 3])
def test_no_pause_and_no_stop_keeps_what_waits_from_its_sender(
    world: World, waiting: LaneMessage, scopes: int, directions: int
) -> None:
    """An exit: whatever the guardian has stopped there."""
    side = world.side_of(waiting)
    pass_deadline(world, waiting)
    side.token.pause(scopes, *STATED, sender=side.guardian)
    if directions:
        side.escrow.pause_lane(world.lane, directions, *STATED, sender=side.guardian)
    _, answer = send_back(world, waiting)
    assert answer.recipient == waiting.sender


@pytest.mark.requirement("INV-2")
def test_a_lower_cap_keeps_nothing_from_its_sender(world: World, waiting: LaneMessage) -> None:
    """At home a return is owed again beyond the cap: it was owed when it left."""
    side = world.side_of(waiting)
    world.apply_terms(side, world.change(side, cap=0))
    pass_deadline(world, waiting, DAY)
    send_back(world, waiting)
    assert world.lane_state(side).outstanding == (UNITS if side is world.home else 0)


# ---------------------------------------------------------------------- never going back


@pytest.mark.requirement("INV-3", "R-24")
def test_a_return_does_not_go_back_itself(world: World, under_way: LaneMessage) -> None:
    """It has no deadline: its sender, who can't receive, has it in suspense for good."""
    source = source_of(world, under_way)
    answer = returned(world, under_way)
    source.token.setAddressFrozen(source.investor, True, *STATED, sender=source.custodian)
    source.chain.set_time(answer.lock_time + 200 * DAY)
    assert world.deliver(answer).return_value is False
    with refused(world, "transit: never goes back"):
        give_back(source, answer)


@pytest.mark.requirement("INV-3")
def test_a_message_of_the_first_codec_ends_as_it_began(world: World, there: str) -> None:
    """Its deadline says nothing: delivered whenever, claimed whenever, never returned."""
    side = getattr(world, there)
    if there == "home":
        # Something that it can release.
        world.locked(2 * UNITS)
    kind = 1 if there == "remote" else 2
    able = world.message(codec=1, kind=kind, nonce=10, amount=UNITS)
    outsider = bytes(12) + bytes.fromhex(str(side.outsider.address)[2:])
    unable = world.message(codec=1, kind=kind, nonce=11, amount=UNITS, recipient=outsider)
    side.chain.set_time(able.deadline + 200 * DAY)
    had = side.balance(side.investor)
    assert world.deliver(able).return_value is True
    assert side.balance(side.investor) == had + UNITS
    assert world.deliver(unable).return_value is False
    with refused(world, "transit: never goes back"):
        give_back(side, unable)
    admit(side)
    world.network.claim(unable)
    assert side.balance(side.outsider) == UNITS
    assert landing(side, unable) == Landing(today(side), Landed.CLAIMED)


@pytest.mark.requirement("INV-3")
def test_a_message_of_the_first_codec_is_redirected(world: World) -> None:
    side = world.remote
    outsider = bytes(12) + bytes.fromhex(str(side.outsider.address)[2:])
    message = world.message(codec=1, recipient=outsider, amount=UNITS)
    side.chain.set_time(message.deadline + DAY)
    world.deliver(message)
    told = message.as_tuple()
    side.escrow.propose_redirect(told, side.fund, *STATED, sender=side.registrar)
    side.escrow.redirect(told, side.fund, *STATED, sender=side.custodian)
    assert side.balance(side.fund) == UNITS


# ---------------------------------------------------------------------- a planted fault


@pytest.mark.requirement("INV-2", "INV-3")
@pytest.mark.parametrize("there", ["remote", "home"], indirect=True)
def test_a_return_that_left_its_units_in_suspense_would_send_them_twice(
    world: World, there: str
) -> None:
    """Of another who waits, too: that is what using up the word is for."""
    source = world.home if there == "remote" else world.remote
    side = world.remote if there == "remote" else world.home
    world.arrived(5 * UNITS)
    messages = [send(world, there), send(world, there)]
    pass_deadline(world, messages[0])
    for message in messages:
        world.deliver(message)
    had = source.balance(source.investor)
    with lacking(world, "BridgeEscrowControls", "what was returned stays"):
        for _ in range(2):
            world.deliver(send_back(world, messages[0])[1])
        assert source.balance(source.investor) == had + 2 * UNITS
        assert world.lane_state(side).suspense == 0
        status = world.network.status()
        assert not {v.invariant: v for v in status.verdicts}["INV-3"].holds
    world.deliver(send_back(world, messages[0])[1])
    with refused(world, "transit: nothing to return"):
        send_back(world, messages[0])
    assert source.balance(source.investor) == had + UNITS
    assert world.lane_state(side).suspense == UNITS


# --------------------------------------------------------------------------- how far away


@pytest.mark.requirement("R-24")
@pytest.mark.parametrize("there", ["remote", "home"], indirect=True)
def test_a_deadline_is_within_ninety_days(world: World, there: str) -> None:
    """To the second: nobody is made to wait longer for units that do not arrive."""
    source = world.home if there == "remote" else world.remote
    with world.isolated():
        message = send(world, there, lasts=90 * DAY)
        assert message.deadline == message.lock_time + 90 * DAY
    with refused(world, "transit: deadline too far"):
        send(world, there, lasts=90 * DAY + 1)
    assert world.lane_state(source).sent == 0
