"""Epochs of a lane: who proves what arrives, rotation in two keys, and the boundaries of both."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Contract
from tests.support.world import (
    CHANGE_DELAY,
    DAY,
    DOCUMENT,
    RETENTION,
    STATED,
    UINT_MAX,
    UNSTATED,
    ZERO,
    Side,
    World,
    domain_of,
    refused,
    signed,
)

CONFIRM = "confirm_lane_terms(bytes32,address,address,uint256,uint256,bytes4,bytes32)"
PROPOSE = "propose_lane_terms(bytes32,address,address,uint256,uint256,bytes4,bytes32)"
END = "end_epoch(bytes32,uint256,bytes4,bytes32)"
NEVER = 2**48 - 1
MINUTE, HOUR = 60, 3_600
NOT_NOW = "lanes: no such epoch now"


def next_set(side: Side, epoch: int = 2, first: int = 40) -> SignerSet:
    """Three other attestors than the first ones."""
    accounts = [side.chain.account(index).address for index in range(first, first + 3)]
    return SignerSet.of(epoch, 2, accounts)


def next_verifier(side: Side, first: int = 40) -> Contract:
    """Their verifier."""
    return side.new_verifier(next_set(side, first=first))


def attested_by(world: World, epoch: int) -> tuple[LaneMessage, bytes]:
    """A message to the remote ledger, and what the attestors of an epoch sign of it."""
    side = world.remote
    message = world.message(deadline=2**63)
    if epoch == 1:
        return message, world.attest(message)
    keys = [side.chain.account(index).key for index in (40, 41)]
    signers = next_set(side, epoch)
    return message, signed(message, signers, domain_of(side), [key for key in keys if key])


def delivered(world: World, attested: tuple[LaneMessage, bytes]) -> bool:
    """Whether the message is credited."""
    return bool(world.deliver(*attested).return_value)


# --------------------------------------------------------------------------- opening


@pytest.mark.parametrize(
    ("delay", "retention"),
    [(10 * MINUTE, HOUR), (HOUR, HOUR), (30 * DAY, 30 * DAY), (30 * DAY, 90 * DAY)],
)
def test_periods_up_to_their_limits(home_side: Side, delay: int, retention: int) -> None:
    fresh = home_side.fresh_suite()
    terms = fresh.lane_terms(change_delay=delay, retention=retention)
    lane = fresh.escrow.open_lane(terms, *STATED, sender=home_side.deployer).return_value
    kept = fresh.escrow.lane_state(lane).terms
    assert (kept.change_delay, kept.retention) == (delay, retention)


@pytest.mark.parametrize(
    ("delay", "retention", "reason"),
    [
        (0, DAY, "lanes: delay out of range"),
        (10 * MINUTE - 1, DAY, "lanes: delay out of range"),
        (30 * DAY + 1, 90 * DAY, "lanes: delay out of range"),
        (UINT_MAX, 90 * DAY, "lanes: delay out of range"),
        (10 * MINUTE, 0, "lanes: retention out of range"),
        (10 * MINUTE, HOUR - 1, "lanes: retention out of range"),
        (HOUR + 1, HOUR, "lanes: retention out of range"),
        (30 * DAY, 30 * DAY - 1, "lanes: retention out of range"),
        (CHANGE_DELAY, 90 * DAY + 1, "lanes: retention out of range"),
        (CHANGE_DELAY, UINT_MAX, "lanes: retention out of range"),
    ],
)
def test_periods_outside_their_limits_are_refused(
    world: World, delay: int, retention: int, reason: str
) -> None:
    fresh = world.home.fresh_suite()
    terms = fresh.lane_terms(change_delay=delay, retention=retention)
    with refused(world, reason):
        fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)


def test_a_lane_opens_with_an_epoch_that_is_valid_at_once(home_side: Side) -> None:
    fresh = home_side.fresh_suite()
    receipt = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=home_side.deployer)
    lane, begun = receipt.return_value, receipt.timestamp
    assert receipt.events[-1] == fresh.escrow.emitted(
        "EpochBegins", lane, 1, home_side.verifier, ZERO, begun
    )
    assert fresh.escrow.lane_state(lane).epoch == 1
    first = (home_side.verifier.address, ZERO, begun, NEVER)
    assert tuple(fresh.escrow.epoch_at(lane, 1)) == first


@pytest.mark.requirement("INV-9")
def test_the_set_up_key_opens_lanes_and_changes_none(world: World) -> None:
    """Neither verifier, cap nor limit: for nobody is there a way round two keys and delay."""
    side = world.home
    fresh = side.fresh_suite()
    lane = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=side.deployer).return_value
    for verifier in (next_verifier(side), side.verifier):
        terms = (lane, verifier, ZERO, 5, 5)
        with refused(world, "access: missing role"):
            fresh.escrow.confirm_lane_terms(*terms, *STATED, sender=side.deployer)


# -------------------------------------------------------------------------- rotation


def act_of(world: World, side: Side, verifier: Contract, epoch: int = 1) -> bytes:
    """The act of setting the lane's terms while that epoch is the newest."""
    types = ["string", "bytes32", "uint256", "address", "address", "uint256", "uint256"]
    now = world.lane_state(side).terms
    terms = [str(verifier.address), ZERO, now.cap, now.limit]
    return keccak(encode(types, ["confirm_lane_terms", world.lane, epoch, *terms]))


@pytest.mark.requirement("R-69")
def test_operator_proposes_administrator_confirms_anyone_applies(world: World) -> None:
    side, escrow = world.home, world.home.escrow
    verifier = next_verifier(side)
    terms = world.terms_with(side, verifier)
    receipt = escrow.propose_lane_terms(*terms, *STATED, sender=side.operator)
    act = act_of(world, side, verifier)
    assert receipt.return_value == act
    assert receipt.events == (
        side.act(escrow, PROPOSE, verifier, side.operator),
        escrow.emitted("LaneTermsProposed", act, *terms),
    )
    assert tuple(escrow.proposal_of(act)) == (
        side.operator.address,
        32,
        1,
        receipt.timestamp,
        receipt.timestamp + 30 * DAY,
    )
    assert world.lane_state(side).epoch == 1

    receipt = escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)
    due = receipt.timestamp + CHANGE_DELAY
    assert receipt.events == (
        side.act(escrow, CONFIRM, verifier, side.administrator),
        escrow.emitted("LaneTermsConfirmed", *terms, due),
    )
    assert tuple(escrow.proposal_of(act)) == (ZERO, 0, 0, 0, 0)
    assert world.lane_state(side).epoch == 1

    # Late: validity counts from when it is applied.
    receipt = world.apply_terms(side, due + DAY)
    valid_from = receipt.timestamp
    assert valid_from == due + DAY
    assert receipt.events == (
        escrow.emitted("LaneTermsSet", *terms),
        escrow.emitted("EpochEnds", world.lane, 1, valid_from + RETENTION),
        escrow.emitted("EpochBegins", world.lane, 2, verifier, ZERO, valid_from),
    )
    state = world.lane_state(side)
    assert (state.epoch, state.terms.verifier) == (2, verifier.address)
    assert tuple(escrow.epoch_at(world.lane, 2)) == (verifier.address, ZERO, valid_from, NEVER)
    assert escrow.epoch_at(world.lane, 1).valid_until == valid_from + RETENTION


def test_only_the_proposed_verifier_is_confirmed(world: World) -> None:
    side = world.home
    world.propose_verifier(side, next_verifier(side))
    other = next_verifier(side)
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, other)


def test_nothing_is_confirmed_without_a_proposal(world: World) -> None:
    verifier = next_verifier(world.home)
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(world.home, verifier)


def test_of_several_proposed_verifiers_one_is_confirmed(world: World) -> None:
    """None replaces another; the epoch in an act ends those that were not chosen."""
    side = world.home
    earlier, later = next_verifier(side), next_verifier(side, 50)
    world.propose_verifier(side, earlier)
    world.rotate(side, later)
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, earlier)


@pytest.mark.parametrize("role", ["operator", "administrator", "guardian"])
def test_a_proposed_verifier_is_withdrawn(world: World, role: str) -> None:
    side = world.home
    verifier = next_verifier(side)
    act = world.propose_verifier(side, verifier)
    side.escrow.withdraw_proposal(act, *STATED, sender=side.parties[role])
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, verifier)


def test_a_proposed_verifier_lapses(world: World) -> None:
    side = world.home
    verifier = next_verifier(side)
    world.propose_verifier(side, verifier)
    side.chain.set_time(side.chain.now + 30 * DAY)
    with refused(world, "access: proposal lapsed"):
        world.confirm_verifier(side, verifier)


def test_the_epochs_are_viewable_one_by_one(world: World) -> None:
    """Whoever attaches late learns whom the lane trusts from the state, not from old logs."""
    side, first = world.home, world.home.verifier
    verifier = next_verifier(side)
    world.propose_verifier(side, verifier)
    # Not before it is confirmed,
    assert tuple(side.escrow.epoch_at(world.lane, 2)) == (ZERO, ZERO, 0, 0)
    due = world.confirm_verifier(side, verifier).one("LaneTermsConfirmed").applies_from
    # Nor before it is applied.
    assert tuple(side.escrow.epoch_at(world.lane, 2)) == (ZERO, ZERO, 0, 0)
    world.apply_terms(side, due)
    assert side.escrow.epoch_at(world.lane, 2).verifier == verifier.address
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    assert side.escrow.epoch_at(world.lane, 1).verifier == first.address
    for number in (0, 3, UINT_MAX):
        assert tuple(side.escrow.epoch_at(world.lane, number)) == (ZERO, ZERO, 0, 0)
    assert tuple(side.escrow.epoch_at(DOCUMENT, 1)) == (ZERO, ZERO, 0, 0)


def test_a_verifier_is_confirmed_once(world: World) -> None:
    side = world.home
    verifier, last = next_verifier(side), side.verifier
    world.rotate(side, verifier)
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, last)
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, verifier)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_operators_role(world: World) -> None:
    side = world.home
    verifier = next_verifier(side)
    world.propose_verifier(side, verifier)
    side.give_role(side.escrow, side.operator, 0)
    with refused(world, "access: proposer lost its role"):
        world.confirm_verifier(side, verifier)


@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
def test_a_rotation_states_why(world: World, stated: tuple[bytes, bytes], reason: str) -> None:
    side, escrow = world.home, world.home.escrow
    verifier = next_verifier(side)
    terms = world.terms_with(side, verifier)
    with refused(world, reason):
        escrow.propose_lane_terms(*terms, *stated, sender=side.operator)
    world.propose_verifier(side, verifier)
    with refused(world, reason):
        escrow.confirm_lane_terms(*terms, *stated, sender=side.administrator)
    with refused(world, reason):
        escrow.end_epoch(world.lane, 1, *stated, sender=side.administrator)


# -------------------------------------------------------------------------- validity


@pytest.mark.requirement("R-69")
def test_an_epoch_is_valid_from_the_block_in_which_it_is_applied(world: World) -> None:
    """Not from when that could be done, however long ago."""
    side = world.remote
    attested = attested_by(world, 2)
    due = world.change(side, next_verifier(side))
    side.chain.set_time(due + DAY)
    with refused(world, NOT_NOW):
        world.deliver(*attested)
    world.apply_terms(side)
    assert delivered(world, attested)


@pytest.mark.requirement("R-69")
@pytest.mark.parametrize(("offset", "reason"), [(-1, None), (0, NOT_NOW)])
def test_the_epoch_before_is_valid_until_its_retention_ends(
    world: World, offset: int, reason: str | None
) -> None:
    side = world.remote
    attested = attested_by(world, 1)
    side.chain.set_time(world.rotate(side, next_verifier(side)) + RETENTION + offset)
    if reason is None:
        assert delivered(world, attested)
    else:
        with refused(world, reason):
            world.deliver(*attested)


def test_a_proposed_verifier_verifies_nothing(world: World) -> None:
    side = world.remote
    verifier = next_verifier(side)
    message, attestation = attested_by(world, 2)
    assert verifier.verify(domain_of(side).separator, message.id, attestation)
    world.propose_verifier(side, verifier)
    with refused(world, NOT_NOW):
        world.deliver(message, attestation)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("epoch", [0, 3, 2**64 - 1])
def test_an_epoch_that_is_none_verifies_nothing(world: World, epoch: int) -> None:
    message, attestation = attested_by(world, 1)
    with refused(world, NOT_NOW):
        world.deliver(message, epoch.to_bytes(8, "big") + attestation[8:])


@pytest.mark.requirement("INV-4")
def test_signatures_of_one_epoch_count_in_no_other(world: World) -> None:
    """The same people under a second verifier of theirs, then under the first one again."""
    side = world.remote
    message, attestation = attested_by(world, 1)
    for epoch, verifier in ((2, side.new_verifier(world.signers)), (3, side.verifier)):
        world.rotate(side, verifier)
        with refused(world, "verifier: wrong signature"):
            world.deliver(message, epoch.to_bytes(8, "big") + attestation[8:])
    assert world.deliver(message, world.network.attest(message, epoch=3)).return_value is True


@pytest.mark.requirement("R-69")
def test_a_message_in_flight_survives_a_rotation(world: World) -> None:
    message = world.locked(1_000)
    attestation = world.attest(message)
    side = world.remote
    world.rotate(side, next_verifier(side))
    assert world.deliver(message, attestation).return_value is True


def test_administrator_ends_an_epoch_at_once(world: World) -> None:
    side = world.remote
    attested = attested_by(world, 1)
    with world.isolated():
        assert delivered(world, attested)
    receipt = side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(side.escrow, END, ZERO, side.administrator),
        side.escrow.emitted("EpochEnds", world.lane, 1, receipt.timestamp),
    )
    with refused(world, NOT_NOW):
        world.deliver(*attested)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["operator", "guardian", "deployer", "attacker"])
def test_nobody_else_ends_an_epoch(world: World, role: str) -> None:
    side = world.home
    with refused(world, "access: missing role"):
        side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.parties[role])


@pytest.mark.parametrize("number", [0, 2, UINT_MAX])
def test_an_epoch_that_is_none_is_not_ended(world: World, number: int) -> None:
    side = world.home
    with refused(world, "lanes: no epoch to end"):
        side.escrow.end_epoch(world.lane, number, *STATED, sender=side.administrator)


def test_no_epoch_of_an_unknown_lane_is_ended(world: World) -> None:
    side = world.home
    with refused(world, "lanes: no epoch to end"):
        side.escrow.end_epoch(DOCUMENT, 1, *STATED, sender=side.administrator)


def test_an_epoch_is_ended_once(world: World) -> None:
    side = world.home
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    with refused(world, "lanes: no epoch to end"):
        side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)


def test_a_rotation_does_not_revive_an_ended_epoch(world: World) -> None:
    side = world.remote
    attested = attested_by(world, 1)
    ended = side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator).timestamp
    world.rotate(side, next_verifier(side))
    assert side.escrow.epoch_at(world.lane, 1).valid_until == ended
    with refused(world, NOT_NOW):
        world.deliver(*attested)
