"""Returns at the source: units that come back to who sent them, as a message like any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage, party
from tallystick.deploy.upgrade import upgrade
from tests.support.ends import (
    UNITS,
    Books,
    begin_a_day,
    begun,
    landing,
    pass_deadline,
    returned,
    send,
    send_back,
    source_of,
    today,
)
from tests.support.world import DAY, STATED, ZERO, Side, World, refused

ELIGIBLE = 40_000
FIRST_CODEC = {
    "transit": "transit_first_codec_mock",
    "denials": "denials_first_codec_mock",
    "closing": "closing_first_codec_mock",
}


@pytest.fixture(params=["remote", "home"])
def there(world: World, request: pytest.FixtureRequest) -> str:
    """The ledger where units arrived too late."""
    begun(world, request.param)
    return str(request.param)


@pytest.fixture
def sent(world: World, there: str) -> LaneMessage:
    """Units under way there."""
    return send(world, there)


def freeze(side: Side, frozen: bool = True) -> None:
    """Who sent the units can't receive any, or can again."""
    side.token.setAddressFrozen(side.investor, frozen, *STATED, sender=side.custodian)


# ---------------------------------------------------------------------------- credited


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "R-24")
def test_what_comes_back_is_credited_to_who_sent_it(world: World, there: str) -> None:
    """Both ledgers are as if nothing had left, but for what each counts of messages."""
    side = getattr(world, there)
    source = world.home if there == "remote" else world.remote
    before, had = (Books.of(world, source), Books.of(world, side)), source.balance(source.investor)
    message = send(world, there)
    assert source.balance(source.investor) == had - UNITS
    answer = returned(world, message)
    receipt = world.deliver(answer)
    assert receipt.return_value is True
    home = source is world.home
    credit = (
        (source.token.emitted("Transfer", source.custody, source.investor, UNITS),)
        if home
        else (
            source.token.emitted("Transfer", ZERO, source.investor, UNITS),
            source.token.emitted("CrosschainMint", source.investor, UNITS, source.escrow),
        )
    )
    assert receipt.events == (
        *credit,
        source.escrow.emitted(
            "MessageDelivered", world.lane, answer.id, answer.nonce, UNITS, False
        ),
    )
    assert source.balance(source.investor) == had
    assert landing(source, answer) is None
    assert source.escrow.has_arrived(world.lane, answer.nonce)
    here, far = Books.of(world, source), Books.of(world, side)
    assert here == replace(before[0], sent=before[0].sent + 1)
    assert far == replace(before[1], sent=before[1].sent + 1)
    with refused(world, "transit: delivered already"):
        world.deliver(answer)


@pytest.mark.requirement("INV-4")
def test_a_return_counts_for_nobody_but_who_sent_the_units(world: World, sent: LaneMessage) -> None:
    """Whoever returns it changes nothing of it: the attestors sign what the escrow logged."""
    answer, source = returned(world, sent), source_of(world, sent)
    other = replace(answer, recipient=party(source.attacker.address))
    with refused(world, "verifier: wrong signature"):
        world.deliver(other, world.attest(answer))
    with refused(world, "transit: wrong direction"):
        side = world.side_of(sent)
        side.escrow.deliver(answer.as_tuple(), world.attest(answer), sender=side.courier)


@pytest.mark.requirement("R-24")
@pytest.mark.parametrize("days", [0, 200])
def test_a_sender_who_cannot_receive_has_what_comes_back_in_suspense(
    world: World, sent: LaneMessage, days: int
) -> None:
    """Without end of time: claimed once it can receive."""
    source, answer = source_of(world, sent), returned(world, sent)
    freeze(source)
    assert world.deliver(answer).return_value is False
    assert source.escrow.suspended(answer.id) == UNITS
    source.chain.advance(days * DAY)
    with refused(world, error="ERC7943CannotReceive", args=(source.investor.address,)):
        world.network.claim(answer)
    freeze(source, frozen=False)
    had = source.balance(source.investor)
    world.network.claim(answer)
    assert source.balance(source.investor) == had + UNITS
    expected = Landing(today(source), Landed.CLAIMED) if days else None
    assert landing(source, answer) == expected
    assert world.lane_state(source).suspense == 0


@pytest.mark.requirement("R-24")
def test_what_comes_back_is_redirected_by_two_keys(world: World, sent: LaneMessage) -> None:
    source, answer = source_of(world, sent), returned(world, sent)
    freeze(source)
    world.deliver(answer)
    source.chain.advance(200 * DAY)
    told, had = answer.as_tuple(), source.balance(source.fund)
    source.escrow.propose_redirect(told, source.fund, *STATED, sender=source.registrar)
    source.escrow.redirect(told, source.fund, *STATED, sender=source.custodian)
    assert source.balance(source.fund) == had + UNITS
    payee = str(source.fund.address)
    assert landing(source, answer) == Landing(today(source), Landed.REDIRECTED, payee)
    with refused(world, "transit: nothing in suspense"):
        world.network.claim(answer)


# ------------------------------------------------------------------------------ landing


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize("days", [(1, 0), (0, 1), (1, 1), (3, 4), (0, 0)])
def test_a_return_lands_for_the_closes_since_its_units_left_at_first(
    world: World, there: str, days: tuple[int, int]
) -> None:
    """Those that passed before it went back, and those since: of all of them it was nobody's."""
    message = send(world, there)
    source, left = source_of(world, message), today(source_of(world, message))
    pass_deadline(world, message, days[0] * DAY)
    world.deliver(message)
    _, answer = send_back(world, message)
    assert landing(world.side_of(message), message) == Landing(left + days[0], Landed.WENT_BACK)
    source.chain.advance(days[1] * DAY)
    receipt = world.deliver(answer)
    expected = Landing(left + sum(days), Landed.DELIVERED) if any(days) else None
    assert landing(source, answer) == expected
    told = [event.args["landing"] for event in receipt.events if event.name == "UnitsLanded"]
    assert told == ([expected.pack()] if expected else [])
    # Of the first message its source says nothing, of the return its destination.
    assert landing(source, message) is None
    assert landing(world.side_of(message), answer) is None


# --------------------------------------------------------------------- in every company


@pytest.mark.requirement("INV-3", "R-24")
def test_late_messages_and_returns_travel_in_batches(world: World, there: str) -> None:
    """Of two that are late and one that is not the able recipient of the last one is credited."""
    side = getattr(world, there)
    if there == "home":
        world.arrived(2 * UNITS)
    late = [send(world, there), send(world, there)]
    pass_deadline(world, late[1])
    source = source_of(world, late[0])
    source.chain.set_time(side.chain.now)
    fresh = send(world, there)
    to = side.investor if there == "remote" else side.fund
    had = side.balance(to)
    assert _bring(world, [*late, fresh]) == 3
    assert [side.escrow.suspended(each.id) for each in (*late, fresh)] == [UNITS, UNITS, 0]
    assert side.balance(to) == had + UNITS
    answers = [send_back(world, each)[1] for each in late]
    had = source.balance(source.investor)
    world.deliver(answers[0])
    assert _bring(world, answers) == 1
    assert source.balance(source.investor) == had + 2 * UNITS


def _bring(world: World, messages: list[LaneMessage]) -> int:
    """Somebody delivers a batch; how many took effect."""
    side = world.side_of(messages[0])
    receipt = side.escrow.deliver_batch(
        world.lane,
        bytes(32),
        [each.as_tuple() for each in messages],
        *world.network.batch_attestations(messages),
        sender=side.courier,
    )
    return int(receipt.return_value)


@pytest.mark.requirement("INV-2")
def test_a_return_waits_for_room_under_the_cap_of_a_remote_ledger(world: World) -> None:
    """As any delivery there; nothing is lost of it."""
    begun(world, "home")
    message = send(world, "home")
    side = world.remote
    world.apply_terms(side, world.change(side, cap=0))
    answer = returned(world, message)
    with refused(world, "lanes: cap reached"):
        world.deliver(answer)
    world.apply_terms(side, world.change(side, cap=7))
    assert world.deliver(answer).return_value is True


@pytest.mark.requirement("INV-2")
def test_a_lower_cap_at_home_keeps_nothing_that_comes_back(world: World) -> None:
    begun(world, "remote")
    message = send(world, "remote")
    side = world.home
    world.apply_terms(side, world.change(side, cap=0))
    answer = returned(world, message)
    assert world.deliver(answer).return_value is True
    assert world.lane_state(side).outstanding == 0


@pytest.mark.requirement("INV-2", "INV-7")
@pytest.mark.parametrize("excess", [0, 1])
def test_a_wrong_quorum_returns_no_more_than_is_locked(world: World, excess: int) -> None:
    """What comes back is released like anything else: only out of what this lane has locked."""
    side = world.home
    locked = world.locked(UNITS)
    forged = world.message(
        kind=6,
        amount=UNITS + excess,
        sender=locked.id,
        recipient=party(side.buyer.address),
        deadline=locked.lock_time,
    )
    had = side.balance(side.buyer)
    if excess:
        with refused(world, "lanes: more than locked here"):
            world.deliver(forged)
    else:
        assert world.deliver(forged).return_value is True
        assert side.balance(side.buyer) == had + UNITS
        assert world.lane_state(side).outstanding == 0


@pytest.mark.requirement("INV-2", "INV-7")
def test_a_wrong_quorum_returns_no_more_than_the_cap_to_a_remote_ledger(world: World) -> None:
    side = world.remote
    world.apply_terms(side, world.change(side, cap=5))
    forged = world.message(kind=5, amount=5 * 10**6 + 1, sender=bytes(32))
    with refused(world, "lanes: cap reached"):
        world.deliver(forged)


# ------------------------------------------------------------------ whoever carries it


@pytest.mark.requirement("R-22")
@pytest.mark.parametrize("pause", [0, DAY, 30 * DAY])
def test_whoever_stops_after_whichever_step_anyone_ends_a_message(
    world: World, there: str, pause: int
) -> None:
    """No role is asked for and no one party's key, and no wait is too long for what comes back."""
    source, side = world.home if there == "remote" else world.remote, getattr(world, there)
    had = source.balance(source.investor)
    message = send(world, there)
    pass_deadline(world, message, pause)
    proofs = world.network.attestations(message)
    side.escrow.deliver(message.as_tuple(), *proofs, sender=side.attacker)
    side.chain.advance(pause)
    _, answer = send_back(world, message)
    source.chain.advance(pause)
    proofs = world.network.attestations(answer)
    source.escrow.deliver(answer.as_tuple(), *proofs, sender=source.attacker)
    assert source.balance(source.investor) == had


@pytest.mark.requirement("R-23")
def test_a_sender_whose_units_came_back_stands_as_before(world: World, there: str) -> None:
    """To the unit and with what is frozen of it: as if nothing had left that day."""
    source = world.home if there == "remote" else world.remote
    source.token.setFrozenTokens(source.investor, 5, *STATED, sender=source.custodian)
    if source is world.remote:
        # Beside the thousand that are sent: five that are frozen, and one for the buyer.
        world.deliver(world.locked(6))
        begin_a_day(world)
    source.token.transfer(source.buyer, 1, sender=source.investor)
    before = source.token.position_of(source.investor)
    message = send(world, there)
    assert source.token.position_of(source.investor) != before
    world.deliver(returned(world, message))
    assert source.token.position_of(source.investor) == before


# ------------------------------------------------------------------- through upgrades


@pytest.mark.requirement("INV-3", "R-24")
@pytest.mark.parametrize("upgraded", ["home", "remote"])
@pytest.mark.parametrize("step", range(4))
def test_a_message_ends_alike_through_an_upgrade_between_any_two_steps(
    world: World, there: str, upgraded: str, step: int
) -> None:
    """Under way, past its deadline, in suspense, or on its way back."""
    source = world.home if there == "remote" else world.remote
    had = source.balance(source.investor)
    message = send(world, there)
    answers: list[LaneMessage] = []
    steps: list[Any] = [
        lambda: pass_deadline(world, message),
        lambda: world.deliver(message),
        lambda: answers.append(send_back(world, message)[1]),
        lambda: world.deliver(answers[0]),
    ]
    for number, each in enumerate(steps):
        if number == step:
            suite = world.network.suite(upgraded)
            signers = world.network.signers(upgraded)
            upgrade(suite, signers, "BridgeEscrow", "BridgeEscrowNextMock", "1.1.0")
        if number == 0 and step == 0:
            # The notice may have outlasted the deadline.
            world.side_of(message).chain.set_time(
                max(world.side_of(message).chain.now, message.deadline)
            )
        else:
            each()
    assert source.balance(source.investor) == had
    assert world.lane_state(source).suspense == 0
    with refused(world, "transit: nothing to return"):
        send_back(world, message)


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("able", [True, False])
def test_what_is_in_flight_when_the_codec_changes_ends_as_it_began(
    world: World, there: str, able: bool
) -> None:
    """Sent by a release of the first codec, delivered by this one, long past its deadline."""
    for name in world.chains:
        _install(world, name, "BridgeEscrowFirstCodecMock", "1.0.1", FIRST_CODEC)
    side = getattr(world, there)
    message = send(world, there, None if able else side.outsider)
    assert message.codec == 1
    back = {new: old for old, new in FIRST_CODEC.items()}
    for name in world.chains:
        _install(world, name, "BridgeEscrow", "1.1.0", back)
    pass_deadline(world, message, 100 * DAY)
    assert world.deliver(message).return_value is able
    with refused(world, "transit: nothing to return" if able else "transit: never goes back"):
        send_back(world, message)
    if not able:
        side.token.admit(side.outsider, ELIGIBLE, *STATED, sender=side.registrar)
        world.network.claim(message)
        assert side.balance(side.outsider) == UNITS
    assert send(world, "remote").codec == 2


def _install(world: World, name: str, build: str, version: str, renames: dict[str, str]) -> None:
    """A ledger's escrow gets another release."""
    suite, signers = world.network.suite(name), world.network.signers(name)
    upgrade(suite, signers, "BridgeEscrow", build, version, renames=renames)
