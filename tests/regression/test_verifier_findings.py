"""What a review of signer sets and their rotation found, tried again: each fails, or shows."""

from __future__ import annotations

import pytest

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Contract
from tests.support.world import (
    DAY,
    STATED,
    ZERO,
    FreshSuite,
    Side,
    World,
    refused,
)

HOUR = 3_600
OPERATOR = 32
NEXT_SET = (43, 44, 45)


def next_verifier(side: Side) -> Contract:
    """A verifier of other accounts than the first ones."""
    return side.new_verifier(
        SignerSet.of(2, 2, [side.chain.account(index).address for index in NEXT_SET])
    )


def opened(fresh: FreshSuite, delay: int, retention: int) -> bytes:
    """A lane of these periods, in an escrow after hand-over, with the side's parties."""
    side = fresh.side
    terms = fresh.lane_terms(change_delay=delay, retention=retention)
    lane = fresh.escrow.open_lane(terms, *STATED, sender=side.deployer).return_value
    fresh.escrow.assign_role(side.operator, OPERATOR, *STATED, sender=side.deployer)
    side.hand_over(fresh.escrow)
    return bytes(lane)


def confirm(fresh: FreshSuite, lane: bytes) -> int:
    """The next verifier with both keys; returns from when that can be applied."""
    side, escrow = fresh.side, fresh.escrow
    now = escrow.lane_state(lane).terms
    terms = (lane, next_verifier(side), ZERO, now.cap, now.limit)
    escrow.propose_lane_terms(*terms, *STATED, sender=side.operator)
    receipt = escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)
    return int(receipt.one("LaneTermsConfirmed").applies_from)


def apply(fresh: FreshSuite, lane: bytes, due: int) -> int:
    """Anybody applies it when it is due; returns from when the verifier is valid."""
    fresh.side.chain.set_time(due)
    receipt = fresh.escrow.apply_lane_terms(lane, sender=fresh.side.outsider)
    return int(receipt.one("EpochBegins").valid_from)


@pytest.mark.requirement("INV-9", "R-69")
@pytest.mark.parametrize(
    ("delay", "retention", "reason"),
    [
        (0, 0, "lanes: delay out of range"),
        (0, DAY, "lanes: delay out of range"),
        (HOUR, 0, "lanes: retention out of range"),
    ],
)
def test_a_lane_without_periods_rotated_attestors_at_once(
    world: World, delay: int, retention: int, reason: str
) -> None:
    """f15: a delay of 0 let two stolen keys install a set and use it in the same block."""
    fresh = world.home.fresh_suite()
    terms = fresh.lane_terms(change_delay=delay, retention=retention)
    with refused(world, reason):
        fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)


@pytest.mark.requirement("R-69")
@pytest.mark.parametrize("retention", [0, HOUR, 30 * DAY - 1])
def test_a_lane_was_halved_by_a_retention_shorter_than_the_delay(
    world: World, retention: int
) -> None:
    """g12: with 30 days and 0, one ledger took the new set only, the other still the old only."""
    fresh = world.home.fresh_suite()
    terms = fresh.lane_terms(change_delay=30 * DAY, retention=retention)
    with refused(world, "lanes: retention out of range"):
        fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)


@pytest.mark.requirement("R-69")
def test_ledgers_rotated_a_whole_delay_apart_always_share_an_epoch(world: World) -> None:
    """g12, with the tightest periods that are still allowed."""
    first, second = world.home.fresh_suite(), world.remote.fresh_suite(home=False)
    lane, peer = opened(first, HOUR, HOUR), opened(second, HOUR, HOUR)
    world.synchronise()
    due = confirm(first, lane)
    # A verifier is created and proposed, then confirmed: at most the whole delay later.
    world.remote.chain.set_time(due - 2)
    later = confirm(second, peer)
    assert apply(first, lane, due) == due
    taken_up = apply(second, peer, later)
    assert taken_up <= due + HOUR
    assert first.escrow.epoch_at(lane, 1).valid_until >= taken_up
    assert second.escrow.epoch_at(peer, 1).valid_until >= taken_up
    assert first.escrow.epoch_at(lane, 2).valid_from <= taken_up


@pytest.mark.requirement("INV-9", "R-69")
def test_an_old_proposal_of_attestors_was_confirmed_by_one_key(world: World) -> None:
    """It never lapsed and could not be withdrawn: a year later one administrator sufficed."""
    side = world.home
    verifier = next_verifier(side)
    world.propose_verifier(side, verifier)
    side.chain.set_time(side.chain.now + 400 * 86_400)
    with refused(world, "access: proposal lapsed"):
        world.confirm_verifier(side, verifier)


@pytest.mark.requirement("R-69")
def test_the_set_in_force_was_in_old_logs_only(world: World) -> None:
    """A pruned node answers no old logs; the state answers who signs now."""
    side = world.home
    epoch = side.escrow.epoch_at(world.lane, world.lane_state(side).epoch)
    assert epoch.verifier == side.verifier.address
    kept = side.verifier.signer_set()
    assert tuple(kept) == (world.signers.threshold, list(world.signers.signers))
    assert ZERO not in kept.signers
