"""Changes of a lane's terms: confirmed by two keys, shown while they wait, cancelled or applied."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Contract
from tests.support.world import (
    CHANGE_DELAY,
    DAY,
    DOCUMENT,
    RETENTION,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

CANCEL = "cancel_lane_terms(bytes32,bytes4,bytes32)"
NONE = (ZERO, ZERO, 0, 0, 0)


def another(side: Side, first: int = 40) -> Contract:
    """A verifier of three other attestors."""
    accounts = [side.chain.account(index).address for index in range(first, first + 3)]
    return side.new_verifier(SignerSet.of(1, 2, accounts))


def cancel(world: World, side: Side, sender: Any = None) -> Any:
    """The guardian, or somebody else, cancels what is pending."""
    return side.escrow.cancel_lane_terms(world.lane, *STATED, sender=sender or side.guardian)


# --------------------------------------------------------------------------- waiting


@pytest.mark.requirement("R-69")
def test_what_is_pending_is_viewable_in_full_and_counts_for_nothing(world: World) -> None:
    side = world.home
    verifier, before = another(side), world.lane_state(side)
    assert tuple(side.escrow.pending_lane_terms(world.lane)) == NONE
    due = world.change(side, verifier, cap=7)
    pending = side.escrow.pending_lane_terms(world.lane)
    assert tuple(pending) == (verifier.address, ZERO, 7, before.terms.limit, due)
    assert world.lane_state(side) == before
    # Neither the cap nor the verifier to come.
    world.locked(7_000_001)
    assert world.deliver(world.message(kind=2, amount=1)).return_value is True
    world.apply_terms(side, due)
    assert tuple(side.escrow.pending_lane_terms(world.lane)) == NONE


@pytest.mark.requirement("INV-9", "R-69")
@pytest.mark.parametrize(("offset", "reason"), [(-1, "lanes: change waits"), (0, None)])
def test_a_change_waits_for_the_delay_of_its_lane(
    world: World, offset: int, reason: str | None
) -> None:
    """Cap and verifier alike."""
    side = world.home
    due = world.change(side, another(side), cap=7)
    assert due == side.chain.now - 1 + CHANGE_DELAY
    side.chain.set_time(due + offset)
    if reason is None:
        world.apply_terms(side)
        state = world.lane_state(side)
        assert (state.epoch, state.terms.cap) == (2, 7)
    else:
        with refused(world, reason):
            world.apply_terms(side)


@pytest.mark.parametrize("lane", ["known", "unknown"])
def test_nothing_pending_is_nothing_to_apply(world: World, lane: str) -> None:
    side = world.home
    which = world.lane if lane == "known" else DOCUMENT
    with refused(world, "lanes: no change pending"):
        side.escrow.apply_lane_terms(which, sender=side.administrator)


def test_a_change_is_applied_once(world: World) -> None:
    side = world.home
    world.rotate(side, another(side))
    with refused(world, "lanes: no change pending"):
        world.apply_terms(side)


@pytest.mark.parametrize("ended_by", ["nobody", "cancelling", "applying"])
def test_one_change_is_pending_at_a_time(world: World, ended_by: str) -> None:
    side = world.home
    due = world.change(side, cap=7)
    later = another(side, 50)
    world.propose_verifier(side, later, cap=9)
    if ended_by == "nobody":
        side.chain.set_time(due)
        with refused(world, "lanes: change pending"):
            world.confirm_verifier(side, later, cap=9)
        return
    if ended_by == "cancelling":
        cancel(world, side)
    else:
        world.apply_terms(side, due)
    world.confirm_verifier(side, later, cap=9)
    assert side.escrow.pending_lane_terms(world.lane).cap == 9


# ------------------------------------------------------------------------ cancelling


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["guardian", "administrator", "second_administrator"])
@pytest.mark.parametrize("wait", [0, CHANGE_DELAY - 1, CHANGE_DELAY, CHANGE_DELAY + 30 * DAY])
def test_the_guardian_or_an_administrator_cancels_until_it_is_applied(
    world: World, role: str, wait: int
) -> None:
    side, who = world.home, world.home.parties[role]
    verifier, before = another(side), world.lane_state(side)
    due = world.change(side, verifier, cap=7)
    side.chain.set_time(max(due - CHANGE_DELAY + wait, side.chain.now))
    receipt = cancel(world, side, who)
    assert receipt.events == (
        side.act(side.escrow, CANCEL, ZERO, who),
        side.escrow.emitted("LaneTermsCancelled", world.lane, who),
    )
    assert tuple(side.escrow.pending_lane_terms(world.lane)) == NONE
    side.chain.set_time(max(due, side.chain.now))
    with refused(world, "lanes: no change pending"):
        world.apply_terms(side)
    # Nor does one key bring it back.
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, verifier, cap=7)
    assert world.lane_state(side) == before


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["operator", "auditor", "deployer", "courier", "attacker"])
def test_nobody_else_cancels_a_change(world: World, role: str) -> None:
    side = world.home
    world.change(side, cap=7)
    with refused(world, "access: missing role"):
        cancel(world, side, side.parties[role])


def test_nothing_pending_is_nothing_to_cancel(world: World) -> None:
    side = world.home
    with refused(world, "lanes: no change to cancel"):
        cancel(world, side)
    world.apply_terms(side, world.change(side, cap=7))
    with refused(world, "lanes: no change to cancel"):
        cancel(world, side)


# --------------------------------------------------------------------- stolen keys


def test_an_epoch_is_ended_while_a_change_is_pending(world: World) -> None:
    """The next one is valid once that is applied, and the end of the one before stays."""
    side = world.remote
    attested = world.message(deadline=2**63)
    due = world.change(side, another(side))
    ended = side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator).timestamp
    with refused(world, "lanes: no such epoch now"):
        world.deliver(attested)
    world.apply_terms(side, due)
    assert side.escrow.epoch_at(world.lane, 1).valid_until == ended
    assert side.escrow.epoch_at(world.lane, 2).valid_from == due
    with refused(world, "lanes: no such epoch now"):
        world.deliver(attested)


def test_a_cap_brings_no_verifier_back_whose_epoch_was_ended(world: World) -> None:
    """It was confirmed with the verifier of then; whoever stole its keys could wait for that."""
    side = world.remote
    due = world.change(side, cap=7)
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)
    world.apply_terms(side, due)
    state = world.lane_state(side)
    assert (state.epoch, state.terms.cap) == (1, 7)
    with refused(world, "lanes: no such epoch now"):
        world.deliver(world.message(deadline=2**63))


def test_a_change_is_applied_while_the_lane_is_stopped(world: World) -> None:
    """And lifts no stop."""
    side = world.home
    due = world.change(side, another(side))
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    world.apply_terms(side, due)
    state = world.lane_state(side)
    assert (state.epoch, state.paused_directions) == (2, 3)


@pytest.mark.requirement("INV-7")
def test_a_change_of_one_side_is_none_of_the_other(world: World) -> None:
    home, remote = world.home, world.remote
    world.change(home, cap=7)
    assert tuple(remote.escrow.pending_lane_terms(world.lane)) == NONE
    remote.chain.set_time(remote.chain.now + CHANGE_DELAY + RETENTION)
    with refused(world, "lanes: no change pending"):
        world.apply_terms(remote)


@pytest.mark.requirement("INV-9")
def test_all_keys_but_time_change_nothing(world: World) -> None:
    """Operator, both administrators and the guardian together have no way round the delay."""
    side = world.home
    before = world.lane_state(side)
    verifier = another(side)
    due = world.change(side, verifier, cap=UINT_MAX >> 213)
    for who in ("operator", "administrator", "second_administrator", "guardian", "deployer"):
        with refused(world, "lanes: change waits"):
            side.escrow.apply_lane_terms(world.lane, sender=side.parties[who])
    assert world.lane_state(side) == before
    assert due > side.chain.now
