"""Lanes of grade production: two verifiers of distinct operators, who both must prove a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.endings import LastState
from tallystick.bridge.message import NO_CAP, Grade, Lack, LaneMessage
from tallystick.chain import Contract
from tallystick.local.network import OPERATORS
from tests.support.denials import deny, forged, take
from tests.support.endings import (
    attested_by_each,
    confirm,
    last_state,
    listed,
    propose,
    second_registrar,
)
from tests.support.ends import returned, send
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    RETENTION,
    STATED,
    UNSIGNED,
    ZERO,
    Side,
    World,
    domain_of,
    embedded,
    refused,
    signed,
)

CAP = 8 * 10**12
# Fewer signatures than a verifier reads: it reads beyond them.
NO_WORDS = None
FIRST, SECOND = (OPERATORS[0], OPERATORS[1])


@pytest.fixture(scope="session")
def deployed_world() -> World:
    world = World(
        embedded(),
        authorised=AMOUNT_MAX,
        admitted=("investor", "buyer", "fund"),
        units={"investor": INVESTOR_UNITS},
        attestors=range(11, 17),
        threshold=2,
        grade="production",
        cap=CAP,
        limit=CAP,
        ramp=3_600,
    )
    world.synchronise()
    return world


def verifier_of(side: Side, operator: str, first: int = 40) -> Contract:
    """A verifier of three other attestors, run by somebody."""
    accounts = [side.chain.account(index).address for index in range(first, first + 3)]
    return side.new_verifier(SignerSet.of(1, 2, accounts), operator)


def attested(world: World, message: LaneMessage, first: int, epoch: int) -> bytes:
    """What two of those attestors sign."""
    side = world.side_of(message)
    accounts = [side.chain.account(index) for index in range(first, first + 3)]
    signers = SignerSet.of(epoch, 2, [account.address for account in accounts])
    keys = [account.key for account in accounts[:2] if account.key is not None]
    return signed(message, signers, domain_of(side), keys)


# ------------------------------------------------------------------------ delivering


@pytest.mark.requirement("INV-4")
def test_units_cross_both_ways_by_two_attestations(world: World) -> None:
    message = world.arrived(1_000)
    assert world.remote.balance(world.remote.investor) == message.amount
    assert world.deliver(world.burned(400)).return_value is True
    assert world.home.balance(world.home.fund) == 400


@pytest.mark.requirement("INV-4", "R-24")
def test_units_come_back_by_two_attestations(world: World) -> None:
    side, had = world.home, world.home.balance(world.home.investor)
    answer = returned(world, send(world, "remote"))
    first, second = world.network.attestations(answer)
    with refused(world, "transit: needs two attestations"):
        world.deliver(answer, first)
    with refused(world, "verifier: wrong signature"):
        world.deliver(answer, second, first)
    assert world.deliver(answer, first, second).return_value is True
    assert side.balance(side.investor) == had


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((0,), "transit: needs two attestations"),
        ((1,), "verifier: wrong signature"),
        ((0, 0), "verifier: wrong signature"),
        ((1, 1), "verifier: wrong signature"),
        ((1, 0), "verifier: wrong signature"),
    ],
)
def test_one_of_the_two_is_not_enough(
    world: World, kind: int, order: tuple[int, ...], reason: str
) -> None:
    world.locked(1_000)
    message = world.message(kind=kind)
    proofs = world.network.attestations(message)
    with refused(world, reason):
        world.deliver(message, *(proofs[which] for which in order))
    assert world.deliver(message, *proofs).return_value is True


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((0,), "transit: batch needs two attestations"),
        ((1,), "verifier: wrong signature of a batch"),
        ((0, 0), "verifier: wrong signature of a batch"),
        ((1, 0), "verifier: wrong signature of a batch"),
        ((0, 1), None),
    ],
)
def test_a_batch_takes_both(world: World, order: tuple[int, ...], reason: str | None) -> None:
    messages = [world.locked(100), world.locked(200)]
    proofs = world.network.batch_attestations(messages)
    side, told = world.remote, [message.as_tuple() for message in messages]
    given = (world.lane, bytes(32), told, *(proofs[which] for which in order))
    if reason is None:
        assert side.escrow.deliver_batch(*given, sender=side.courier).return_value == 2
        assert side.balance(side.investor) == 300
        return
    with refused(world, reason):
        side.escrow.deliver_batch(*given, sender=side.courier)


@pytest.mark.requirement("INV-4")
def test_the_second_attests_a_batch_in_the_epoch_of_the_first(world: World) -> None:
    messages = [world.locked(100)]
    one, two = world.network.batch_attestations(messages)
    side, told = world.remote, [message.as_tuple() for message in messages]
    with refused(world, "transit: batch of two epochs"):
        later = (2).to_bytes(8, "big") + two[8:]
        side.escrow.deliver_batch(world.lane, bytes(32), told, one, later, sender=side.courier)


@pytest.mark.requirement("INV-4")
def test_both_attest_the_same_message(world: World) -> None:
    message, other = world.message(), world.message(amount=1_001)
    one, two = (world.network.attestations(each) for each in (message, other))
    for proofs in ((one[0], two[1]), (two[0], one[1])):
        with refused(world, "verifier: wrong signature"):
            world.deliver(message, *proofs)


@pytest.mark.requirement("INV-4", "R-69")
def test_the_second_attests_in_the_epoch_of_the_first(world: World) -> None:
    """Else signatures of an epoch that was ended, as its keys were stolen, would count on."""
    side = world.remote
    message = world.message(deadline=2**63)
    old = world.network.attestations(message)
    # The second one stays.
    world.rotate(side, verifier_of(side, FIRST))
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    first = attested(world, message, 40, 2)
    with refused(world, "transit: of two epochs"):
        world.deliver(message, first, old[1])
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, first, (2).to_bytes(8, "big") + old[1][8:])
    with refused(world, "lanes: no such epoch now"):
        world.deliver(message, *old)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("answer", "reason"), [(0, "transit: not verified by the second"), (2, None)]
)
def test_only_a_plain_true_of_the_second_verifies(
    world: World, answer: int, reason: str | None
) -> None:
    side = world.home
    mocks = [side.chain.deploy("VerifierMock", sender=side.deployer) for _ in range(2)]
    for mock, operator, word in zip(mocks, OPERATORS, (1, answer), strict=True):
        mock.set_operator(keccak(text=operator), sender=side.deployer)
        mock.set_answer(word, sender=side.deployer)
    world.rotate(side, mocks[0], second=mocks[1])
    message = world.message(kind=2)
    unsigned = (2).to_bytes(8, "big") + UNSIGNED[8:]
    with refused(world, reason):
        world.deliver(message, unsigned, unsigned)


# ------------------------------------------------------- two, of distinct operators


def test_a_lane_of_production_opens_with_two(home_side: Side) -> None:
    fresh, second = home_side.fresh_suite(), verifier_of(home_side, SECOND)
    terms = fresh.lane_terms(second=second.address, grade=Grade.PRODUCTION)
    receipt = fresh.escrow.open_lane(terms, *STATED, sender=home_side.deployer)
    lane = receipt.return_value
    assert receipt.events[-1] == fresh.escrow.emitted(
        "EpochBegins", lane, 1, home_side.verifier, second, receipt.timestamp
    )
    state, epoch = fresh.escrow.lane_state(lane), fresh.escrow.epoch_at(lane, 1)
    assert tuple(state.terms) == terms
    assert (epoch.verifier, epoch.second) == (home_side.verifier.address, second.address)


@pytest.mark.requirement("INV-9", "R-29")
@pytest.mark.parametrize("change", [False, True])
@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("nobody", "lanes: production needs two verifiers"),
        ("the first", "lanes: one verifier twice"),
        ("its operator's", "lanes: two verifiers of one operator"),
        ("no contract", "lanes: second verifier has no code"),
    ],
)
def test_less_than_two_independent_ones_is_refused(
    world: World, second: str, reason: str, change: bool
) -> None:
    """At opening and at every change."""
    side = world.home
    named = {
        "nobody": ZERO,
        "the first": side.verifier.address,
        "its operator's": verifier_of(side, FIRST).address,
        "no contract": side.attacker.address,
    }[second]
    if change:
        world.propose_verifier(side, side.verifier, second=named)
        with refused(world, reason):
            world.confirm_verifier(side, side.verifier, second=named)
        return
    fresh = side.fresh_suite()
    terms = fresh.lane_terms(second=named, grade=Grade.PRODUCTION)
    with refused(world, reason):
        fresh.escrow.open_lane(terms, *STATED, sender=side.deployer)


def test_two_of_one_operator_are_refused_on_a_pilot_too(world: World) -> None:
    """A second one that is not independent is worth nothing, and looks like something."""
    side = world.home
    fresh, second = side.fresh_suite(), verifier_of(side, FIRST)
    terms = fresh.lane_terms(second=second.address)
    with refused(world, "lanes: two verifiers of one operator"):
        fresh.escrow.open_lane(terms, *STATED, sender=side.deployer)


@pytest.mark.parametrize("grade", [0, 3, 255])
def test_an_unknown_grade_is_refused(world: World, grade: int) -> None:
    fresh = world.home.fresh_suite()
    terms = fresh.lane_terms(grade=grade, second=verifier_of(world.home, SECOND).address)
    with refused(world, "lanes: unknown grade"):
        fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)


@pytest.mark.parametrize("which", ["verifier", "second", "both"])
def test_either_verifier_is_replaced(world: World, which: str) -> None:
    side, terms = world.remote, world.lane_state(world.remote).terms
    message = world.message(deadline=2**63)
    verifier = verifier_of(side, FIRST, 40) if which != "second" else terms.verifier
    second = verifier_of(side, SECOND, 50) if which != "verifier" else terms.second
    world.rotate(side, verifier, second=second)
    # Who stays signs anew, for the epoch is another.
    old = world.network.attestations(message)
    new = [attested(world, message, 40, 2), attested(world, message, 50, 2)]
    chosen = {"verifier": (new[0], old[1]), "second": (old[0], new[1]), "both": tuple(new)}[which]
    if which != "both":
        with refused(world, "transit: of two epochs"):
            world.deliver(message, *chosen)
    else:
        assert world.deliver(message, *chosen).return_value is True
    # In the epoch before, both as they were.
    again = world.message(nonce=1, deadline=2**63)
    assert world.deliver(again, *world.network.attestations(again)).return_value is True


# ------------------------------------------------------------------------- a pilot's


@pytest.fixture
def pilot(world: World) -> tuple[Any, bytes]:
    """A fresh escrow at home with a lane of grade pilot, handed over; and the lane."""
    side = world.home
    fresh = side.fresh_suite()
    lane = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=side.deployer).return_value
    for role, bit in (("operator", 32), ("guardian", 64)):
        fresh.escrow.assign_role(side.parties[role], bit, *STATED, sender=side.deployer)
    side.hand_over(fresh.escrow)
    return fresh, bytes(lane)


def changed(fresh: Any, lane: bytes, verifier: Any, second: Any) -> None:
    """Give a fresh escrow's lane other verifiers, after its delay."""
    side, terms = fresh.side, (lane, verifier, second, 7, 7)
    fresh.escrow.propose_lane_terms(*terms, *STATED, sender=side.operator)
    fresh.escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)
    side.chain.set_time(fresh.escrow.pending_lane_terms(lane).applies_from)
    fresh.escrow.apply_lane_terms(lane, sender=side.outsider)


def test_a_pilot_goes_from_one_to_two_and_back_epoch_by_epoch(
    world: World, pilot: tuple[Any, bytes]
) -> None:
    """Each epoch asks for what it began with, also while a later one is valid."""
    (fresh, lane), side = pilot, world.home
    mocks = [side.chain.deploy("VerifierMock", sender=side.deployer) for _ in range(3)]
    for number, mock in enumerate(mocks):
        mock.set_answer(1, sender=side.deployer)
        mock.set_operator(keccak(text=str(number)), sender=side.deployer)
    changed(fresh, lane, mocks[0], ZERO)
    changed(fresh, lane, mocks[0], mocks[1])
    changed(fresh, lane, mocks[0], ZERO)
    message = world.message(kind=2, lane=lane, deadline=2**63).as_tuple()
    for epoch, two in ((2, False), (3, True), (4, False)):
        one = epoch.to_bytes(8, "big") + bytes(24)
        # All that is proven is refused in the end: nothing is locked on this lane.
        good, bad = ((one, one), (one,)) if two else ((one,), (one, one))
        why = "transit: needs two attestations" if two else "transit: one verifier alone"
        with refused(world, "lanes: more than locked here"):
            fresh.escrow.deliver(message, *good, sender=side.courier)
        with refused(world, why):
            fresh.escrow.deliver(message, *bad, sender=side.courier)
    assert fresh.escrow.epoch_at(lane, 3).second == mocks[1].address
    assert fresh.escrow.epoch_at(lane, 4).second == ZERO


# --------------------------------------------------------------------------- posture


def test_a_lane_of_production_in_order_lacks_nothing(world: World) -> None:
    for side in (world.home, world.remote):
        assert side.escrow.posture(world.lane) == 0


@pytest.mark.requirement("R-29")
def test_a_pilot_in_set_up_lacks_all_that_it_may(world: World) -> None:
    fresh = world.home.fresh_suite()
    lane = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=world.home.deployer)
    lacks = Lack(fresh.escrow.posture(lane.return_value))
    fewest = Lack.PRODUCTION | Lack.SECOND_VERIFIER | Lack.CAP | Lack.LIMIT
    assert lacks == fewest | Lack.HANDED_OVER
    assert lacks.words == (
        "of grade pilot",
        "one verifier alone",
        "no cap",
        "no limit",
        "set-up not handed over",
    )


@pytest.mark.parametrize(
    "lack", [Lack.VALID_EPOCH, Lack.RECONCILED, Lack.OUTBOUND, Lack.INBOUND, Lack.CAP, Lack.LIMIT]
)
def test_a_lane_lacks_what_is_stopped_ended_or_without_limit(world: World, lack: Lack) -> None:
    side = world.home
    escrow, lane = side.escrow, world.lane
    if lack == Lack.VALID_EPOCH:
        escrow.end_epoch(lane, 1, *STATED, sender=side.administrator)
    elif lack == Lack.RECONCILED:
        escrow.set_suspended(lane, True, *STATED, sender=side.engine.address)
    elif lack == Lack.CAP:
        world.apply_terms(side, world.change(side, cap=NO_CAP))
    elif lack == Lack.LIMIT:
        world.apply_terms(side, world.change(side, limit=NO_CAP))
    else:
        direction = 1 if lack == Lack.OUTBOUND else 2
        escrow.pause_lane(lane, direction, *STATED, sender=side.guardian)
    assert Lack(escrow.posture(lane)) == lack
    assert world.remote.escrow.posture(lane) == 0


def test_a_stop_that_ran_out_lacks_nothing(world: World) -> None:
    """Its bit stays until an administrator lifts it; the stop does not."""
    side = world.home
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    side.chain.set_time(side.chain.now + 7 * DAY)
    assert side.escrow.posture(world.lane) == 0


def test_only_the_newest_epoch_matters(world: World) -> None:
    side = world.home
    world.rotate(side, verifier_of(side, FIRST))
    side.chain.set_time(side.chain.now + RETENTION)
    assert side.escrow.posture(world.lane) == 0


def test_of_no_lane_nothing_is_said(world: World) -> None:
    with refused(world, "lanes: unknown lane"):
        world.home.escrow.posture(DOCUMENT)


# ------------------------------------------------------------------- a dead ledger's end


def stated(world: World) -> tuple[LastState, bytes, bytes]:
    """A last state of a list, and what attestors of each verifier sign of it."""
    world.arrived(1_000)
    second_registrar(world)
    state = last_state(world, listed(world, (world.home.investor, 600)))
    first, second = attested_by_each(world, state)
    return state, first, second


@pytest.mark.requirement("INV-4", "R-22")
def test_an_end_is_proposed_by_two_attestations(world: World) -> None:
    state, first, second = stated(world)
    assert propose(world, state, first, second).return_value == state.id
    assert world.home.escrow.end_of(world.lane).state == state.as_tuple()


@pytest.mark.requirement("INV-4", "R-22")
@pytest.mark.parametrize(
    ("lack", "reason"),
    [
        ("first missing", NO_WORDS),
        ("second missing", "lanes: needs two attestations"),
        ("in turn", "verifier: wrong signature of a batch"),
        ("first for both", "verifier: wrong signature of a batch"),
        ("second for both", "verifier: wrong signature of a batch"),
        ("first of another list", "verifier: wrong signature of a batch"),
        ("second of another list", "verifier: wrong signature of a batch"),
        ("second of another epoch", "lanes: of two epochs"),
        ("both of another epoch", "lanes: no such epoch now"),
        ("first too few", NO_WORDS),
        ("second too few", NO_WORDS),
    ],
)
def test_an_end_that_one_verifier_does_not_prove_is_none(
    world: World, lack: str, reason: str | None
) -> None:
    state, first, second = stated(world)
    others = attested_by_each(world, replace(state, total=state.total - 1))
    number = (2).to_bytes(8, "big")
    proofs = {
        "first missing": (first[:8], second),
        "second missing": (first, b""),
        "in turn": (second, first),
        "first for both": (first, first),
        "second for both": (second, second),
        "first of another list": (others[0], second),
        "second of another list": (first, others[1]),
        "second of another epoch": (first, number + second[8:]),
        "both of another epoch": (number + first[8:], number + second[8:]),
        "first too few": (first[:-65], second),
        "second too few": (first, second[:-65]),
    }[lack]
    with refused(world, reason):
        propose(world, state, *proofs)


@pytest.mark.requirement("INV-4", "R-22")
def test_an_end_of_an_epoch_that_is_over_is_none(world: World) -> None:
    """Whose attestors may be gone: those of the epoch since state it."""
    home = world.home
    state, first, second = stated(world)
    both = (verifier_of(home, FIRST), verifier_of(home, SECOND, 43))
    world.rotate(home, both[0], second=both[1])
    home.chain.set_time(home.chain.now + RETENTION)
    with refused(world, "lanes: no such epoch now"):
        propose(world, state, first, second)


@pytest.mark.requirement("INV-4", "R-22")
@pytest.mark.parametrize("lack", ["second missing", "in turn", "first for both"])
def test_a_life_that_one_verifier_does_not_prove_is_none(world: World, lack: str) -> None:
    state, *proofs = stated(world)
    propose(world, state, *proofs)
    confirm(world, state)
    sign = world.message(kind=2, lock_time=state.time + 1)
    world.home.chain.set_time(max(world.home.chain.now, state.time + 1))
    first, second = world.network.attestations(sign)
    given, reason = {
        "second missing": ((first,), "lanes: needs two attestations"),
        "in turn": ((second, first), "verifier: wrong signature"),
        "first for both": ((first, first), "verifier: wrong signature"),
    }[lack]
    show = world.home.escrow.show_life
    with refused(world, reason):
        show(sign.as_tuple(), *given, sender=world.home.outsider)
    show(sign.as_tuple(), first, second, sender=world.home.outsider)
    assert world.home.escrow.end_of(world.lane).registrar == ZERO


@pytest.mark.requirement("INV-4", "R-20")
def test_a_denial_takes_two_attestations(world: World) -> None:
    world.arrived(1_000)
    false = replace(forged(world, "remote"), nonce=9)
    world.deliver(false)
    denial = deny(world, false)[1]
    first, second = world.network.attestations(denial)
    for given, reason in (
        ((first,), "lanes: needs two attestations"),
        ((second, first), "verifier: wrong signature"),
        ((first, first), "verifier: wrong signature"),
    ):
        with refused(world, reason):
            take(world, denial, false, *given)
    take(world, denial, false, first, second)
    assert world.remote.escrow.denial_taken(denial.id)
