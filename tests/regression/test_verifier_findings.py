"""What a review of the quorum verifier found, tried again: each attempt fails, or shows."""

from __future__ import annotations

import pytest

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Contract
from tests.support.world import DAY, STATED, ZERO, Side, World, refused

HOUR = 3_600
OPERATOR = 32
FIRST_SET, NEXT_SET = (40, 41, 42), (43, 44, 45)


def signer_set(side: Side, epoch: int, indices: tuple[int, ...]) -> SignerSet:
    """Two of these accounts."""
    return SignerSet.of(epoch, 2, [side.chain.account(index).address for index in indices])


def verifier_with(side: Side, delay: int, retention: int) -> Contract:
    """A verifier after hand-over, with its first set and the side's parties."""
    verifier = side.chain.deploy(
        "QuorumVerifier", side.deployer, delay, retention, sender=side.deployer
    )
    first = signer_set(side, 1, FIRST_SET)
    verifier.set_first_signers(list(first.signers), 2, *STATED, sender=side.deployer)
    verifier.assign_role(side.operator, OPERATOR, *STATED, sender=side.deployer)
    side.hand_over(verifier)
    return verifier


def rotate(side: Side, verifier: Contract) -> int:
    """The next set in both keys; returns from when it is valid."""
    signers = list(signer_set(side, 2, NEXT_SET).signers)
    verifier.propose_signers(signers, 2, *STATED, sender=side.operator)
    receipt = verifier.confirm_signers(signers, 2, *STATED, sender=side.administrator)
    return int(receipt.one("SignerSetConfirmed").valid_from)


@pytest.mark.requirement("INV-9", "R-69")
@pytest.mark.parametrize(
    ("delay", "retention", "reason"),
    [
        (0, 0, "verifier: delay below 10 minutes"),
        (0, DAY, "verifier: delay below 10 minutes"),
        (HOUR, 0, "verifier: retention below an hour"),
    ],
)
def test_a_verifier_without_periods_rotated_attestors_at_once(
    world: World, delay: int, retention: int, reason: str
) -> None:
    """f15: a delay of 0 let two stolen keys install a set and use it in the same block."""
    side = world.home
    with refused(world, reason):
        side.chain.deploy("QuorumVerifier", side.deployer, delay, retention, sender=side.deployer)


@pytest.mark.requirement("R-69")
@pytest.mark.parametrize(
    ("retention", "reason"),
    [
        (0, "verifier: retention below an hour"),
        (HOUR, "verifier: retention below delay"),
        (30 * DAY - 1, "verifier: retention below delay"),
    ],
)
def test_a_lane_was_halved_by_a_retention_shorter_than_the_delay(
    world: World, retention: int, reason: str
) -> None:
    """g12: with 30 days and 0, one ledger took the new set only, the other still the old only."""
    side = world.home
    with refused(world, reason):
        side.chain.deploy(
            "QuorumVerifier", side.deployer, 30 * DAY, retention, sender=side.deployer
        )


@pytest.mark.requirement("R-69")
def test_ledgers_rotated_a_whole_delay_apart_always_share_an_epoch(world: World) -> None:
    """g12, with the tightest periods that are still allowed."""
    first, second = verifier_with(world.home, HOUR, HOUR), verifier_with(world.remote, HOUR, HOUR)
    world.synchronise()
    confirmed = rotate(world.home, first) - HOUR
    world.remote.chain.set_time(confirmed + HOUR - 1)
    # One transaction proposes, the next confirms: at most the whole delay later.
    taken_up = rotate(world.remote, second)
    assert taken_up <= confirmed + 2 * HOUR
    assert first.epoch_at(1).valid_until >= taken_up
    assert second.epoch_at(1).valid_until >= taken_up
    assert first.epoch_at(2).valid_from <= taken_up


@pytest.mark.requirement("INV-9", "R-69")
def test_an_old_proposal_of_attestors_was_confirmed_by_one_key(world: World) -> None:
    """It never lapsed and could not be withdrawn: a year later one administrator sufficed."""
    side = world.home
    proposed = signer_set(side, 2, NEXT_SET)
    verifier = side.verifier
    verifier.propose_signers(list(proposed.signers), 2, *STATED, sender=side.operator)
    side.chain.set_time(side.chain.now + 400 * 86_400)
    with refused(world, "access: proposal lapsed"):
        verifier.confirm_signers(list(proposed.signers), 2, *STATED, sender=side.administrator)


@pytest.mark.requirement("R-69")
def test_the_set_in_force_was_in_old_logs_only(world: World) -> None:
    """A pruned node answers no old logs; the state answers who signs now."""
    side = world.home
    assert tuple(side.verifier.signer_set(side.verifier.epoch())) == (
        world.signers.threshold,
        list(world.signers.signers),
    )
    assert ZERO not in side.verifier.signer_set(1).signers
