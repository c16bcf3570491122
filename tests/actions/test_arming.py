"""Ratios: armed at home by the record in force, entered by other ledgers, withdrawn in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState, Status
from tallystick.chain import Event, Receipt
from tests.support.actions import APPLE, begin, new_engine
from tests.support.arming import (
    RATIO_REASON,
    SPLIT,
    SPLIT_COAF,
    WITHDRAW,
    Arming,
    ratio_event,
)
from tests.support.world import DAY, INVESTOR_UNITS, STATED, ZERO, Side, World, refused

FIRST_DAY = SPLIT.record_day + 1
LATER = ratio_event(2, Rate(1, 10), SPLIT.record_day + 5, unit_epoch=1)


@pytest.fixture
def arming(world: World) -> Arming:
    """The world with fractions' agents."""
    return Arming.of(world)


def pending(side: Side, epoch: int = 1) -> tuple[int, int, int]:
    """A ratio as the token has it: new units, old ones, first day."""
    ratio = side.token.ratio_at(epoch)
    return ratio.numerator, ratio.denominator, ratio.first_day


def logged(receipt: Receipt, *events: Event) -> None:
    """These events, and no other but what the lanes log of a ratio that they follow."""
    assert receipt.events == events


def follows(side: Side, arming: Arming) -> None:
    """The lane there knows of the ratio as its token does: one more follow changes nothing."""
    before = side.escrow.lane_state(arming.world.lane)
    side.escrow.follow_ratios(side.token, sender=side.courier)
    assert side.escrow.lane_state(arming.world.lane) == before


# ------------------------------------------------------------------------ the agent


def test_two_keys_and_a_day_name_the_fractions_agent(world: World) -> None:
    side = world.home
    with refused(world, "access: missing role"):
        side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.issuer)
    side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.operator)
    with refused(world, "access: proposal waits"):
        side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    receipt = side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)
    logged(
        receipt,
        side.act(side.engine, "set_fractions_agent", side.fund, side.administrator),
        side.engine.emitted("AgentSet", side.fund),
    )
    assert side.engine.fractions_agent() == side.fund.address


def test_nobody_is_no_agent(world: World) -> None:
    side = new_engine(world.home)
    with refused(world, "arming: no agent"):
        side.engine.set_fractions_agent(ZERO, *STATED, sender=side.deployer)


# ----------------------------------------------------------------------------- home


@pytest.mark.requirement("INV-12")
def test_home_arms_the_version_in_force_with_all_that_follows(arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    side = arming.home
    receipt = arming.arm(SPLIT)
    logged(
        receipt,
        *arming.armed_events(side, SPLIT, FIRST_DAY),
        arming.told_event(side, arming.ratio(SPLIT)),
    )
    assert pending(side) == (4, 1, FIRST_DAY)
    assert arming.standing(side, SPLIT) == arming.ratio(SPLIT)
    assert side.engine.is_told(arming.actions.message(arming.ratio(SPLIT)).id)
    follows(side, arming)


def test_nothing_is_armed_before_it_is_confirmed(world: World, arming: Arming) -> None:
    with refused(world, "events: none, or cancelled"):
        arming.arm(SPLIT)
    arming.actions.announce(SPLIT)
    with refused(world, "events: none, or cancelled"):
        arming.arm(SPLIT)


def test_only_the_record_in_force_is_armed(world: World, arming: Arming) -> None:
    second = SPLIT.successor(rate=Rate(5))
    arming.actions.in_force(SPLIT)
    arming.actions.in_force(second)
    with refused(world, "arming: not in force"):
        arming.arm(SPLIT)
    arming.arm(second)
    assert pending(arming.home) == (5, 1, FIRST_DAY)


def test_a_cancelled_event_is_not_armed(world: World, arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    arming.actions.in_force(SPLIT.successor(), Status.CANCELLED)
    with refused(world, "events: none, or cancelled"):
        arming.arm(SPLIT)


@pytest.mark.parametrize("record", [APPLE, replace(SPLIT, rate=None)])
def test_what_names_no_ratio_is_not_armed(world: World, arming: Arming, record: object) -> None:
    arming.actions.in_force(record)  # type: ignore[arg-type]
    with refused(world, "arming: no ratio"):
        arming.arm(record)  # type: ignore[arg-type]


def test_a_ratio_is_armed_once(world: World, arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    arming.arm(SPLIT)
    with refused(world, "arming: armed already"):
        arming.arm(SPLIT)


def test_a_remote_ledger_arms_nothing_itself(world: World, arming: Arming) -> None:
    arming.in_force(SPLIT)
    with refused(world, "events: at home only"):
        arming.remote.engine.arm(SPLIT.as_tuple(), sender=arming.remote.courier)


def test_too_late_is_refused_by_the_token(world: World, arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    begin(arming.home, SPLIT.record_day - 1)
    with refused(world, "ratios: too soon or too far"):
        arming.arm(SPLIT)


def test_without_an_agent_nothing_is_armed(world: World, actions: object) -> None:
    arming = Arming(actions)  # type: ignore[arg-type]
    arming.actions.in_force(SPLIT)
    with refused(world, "ratios: no fractions' agent"):
        arming.arm(SPLIT)


def test_what_does_not_fit_is_refused_by_the_token(world: World, arming: Arming) -> None:
    """The second multiplies what the first did."""
    much, more = (replace(each, caev="SPLF", rate=Rate(2**40 - 1)) for each in (SPLIT, LATER))
    for record in (much, more):
        arming.actions.in_force(record)
    arming.arm(much)
    with refused(world, "ratios: units out of range"):
        arming.arm(more)


def test_an_epoch_comes_on_top_of_the_one_before(world: World, arming: Arming) -> None:
    for record in (SPLIT, LATER):
        arming.actions.in_force(record)
    with refused(world, "arming: not the next epoch"):
        arming.arm(LATER)
    arming.arm(SPLIT)
    arming.arm(LATER)
    assert (pending(arming.home), pending(arming.home, 2)) == (
        (4, 1, FIRST_DAY),
        (1, 10, LATER.record_day + 1),
    )


def test_two_events_do_not_begin_one_epoch(world: World, arming: Arming) -> None:
    other = ratio_event(2, Rate(4), SPLIT.record_day)
    for record in (SPLIT, other):
        arming.actions.in_force(record)
    arming.arm(SPLIT)
    with refused(world, "arming: another ratio is armed"):
        arming.arm(other)


def test_a_version_of_the_same_ratio_takes_its_place(world: World, arming: Arming) -> None:
    second = SPLIT.successor(terms=STATED[1])
    arming.actions.in_force(SPLIT)
    arming.arm(SPLIT)
    arming.actions.in_force(second)
    receipt = arming.arm(second)
    logged(
        receipt,
        arming.home.engine.emitted("RatioArmed", SPLIT_COAF, 1, 2, FIRST_DAY),
        arming.told_event(arming.home, arming.ratio(second)),
    )
    with refused(world, "arming: its version stands"):
        arming.withdraw(arming.home, SPLIT)


def test_from_its_first_day_on_no_version_changes_anything(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    begin(arming.home, SPLIT.record_day, DAY - 60)
    with world.isolated():
        arming.actions.announce(SPLIT.successor(), Status.CANCELLED)
    arming.begins(SPLIT)
    for status in Status:
        with refused(world, "events: ratio has begun"):
            arming.actions.announce(SPLIT.successor(), status)


# --------------------------------------------------------------------------- remote


@pytest.mark.requirement("INV-12")
def test_another_ledger_enters_what_home_armed(arming: Arming) -> None:
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    side = arming.remote
    receipt = arming.take(arming.ratio(SPLIT))
    logged(
        receipt,
        *arming.armed_events(side, SPLIT, FIRST_DAY),
        arming.told_event(side, arming.entered(SPLIT)),
    )
    assert pending(side) == (4, 1, FIRST_DAY)
    assert arming.standing(side, SPLIT) == arming.ratio(SPLIT)
    follows(side, arming)


def test_home_takes_note_where_it_stands(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    entered = arming.entered(SPLIT)
    receipt = arming.take_entered(entered)
    ledger = arming.actions.message(entered).source_ledger
    logged(
        receipt, arming.home.engine.emitted("EnteredTaken", SPLIT_COAF, ledger, entered.as_tuple())
    )
    assert arming.told_at_home(SPLIT) == (RatioState.PENDING, 1, FIRST_DAY)
    with refused(world, "arming: known already"):
        arming.take_entered(entered)


def test_both_tokens_count_in_new_units_from_the_same_day_on(arming: Arming) -> None:
    arming.world.arrived(1_000)
    arming.armed(SPLIT)
    arming.begins(SPLIT)
    assert arming.home.balance(arming.home.investor) == 4 * (INVESTOR_UNITS - 1_000)
    assert arming.remote.balance(arming.remote.investor) == 4_000


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "arming: of another version"),
        ({"state": RatioState.DROPPED}, "arming: of another version"),
        ({"numerator": 5}, "arming: record says otherwise"),
        ({"denominator": 3}, "arming: record says otherwise"),
        ({"epoch": 2}, "arming: record says otherwise"),
        ({"first_day": FIRST_DAY + 1}, "arming: record says otherwise"),
    ],
)
def test_a_pending_ratio_is_what_the_record_says(
    world: World, arming: Arming, changed: dict[str, int], reason: str
) -> None:
    arming.in_force(SPLIT)
    with refused(world, reason):
        arming.take(arming.ratio(SPLIT, **changed))


def test_what_nobody_attested_enters_nothing(world: World, arming: Arming) -> None:
    arming.in_force(SPLIT)
    message = arming.actions.message(arming.ratio(SPLIT))
    with refused(world, "verifier: too few signatures"):
        arming.take(arming.ratio(SPLIT), attestation=arming.actions.proof(message, 1))
    with refused(world, "dispatch: of something else"):
        arming.take(arming.ratio(SPLIT, first_day=FIRST_DAY + 1), message)
    with refused(world, "arming: home arms its own"):
        arming.home.engine.take_ratio(
            message.as_tuple(),
            arming.ratio(SPLIT).as_tuple(),
            arming.actions.proof(message),
            sender=arming.home.courier,
        )


def test_without_its_record_a_pending_ratio_waits(world: World, arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    arming.arm(SPLIT)
    with refused(world, "events: none, or cancelled"):
        arming.take(arming.ratio(SPLIT))


@pytest.mark.requirement("INV-12")
def test_a_halted_event_arms_nothing_but_what_is_in_force_at_home(
    world: World, arming: Arming
) -> None:
    version = arming.in_force(SPLIT)
    arming.arm(SPLIT)
    other = replace(version, record=replace(SPLIT, rate=Rate(5)))
    assert arming.actions.take(other).return_value is False
    with refused(world, "events: halted"):
        arming.take(arming.ratio(SPLIT))
    arming.begins(SPLIT)
    arming.tell(arming.home, SPLIT)
    arming.take(arming.ratio(SPLIT, state=RatioState.IN_FORCE))
    assert pending(arming.remote) == (4, 1, FIRST_DAY + 3)


@pytest.mark.requirement("INV-12")
def test_a_ledger_that_is_told_late_enters_late(arming: Arming) -> None:
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    begin(arming.remote, SPLIT.record_day)
    arming.take(arming.ratio(SPLIT))
    late = SPLIT.record_day + 3
    assert pending(arming.remote) == (4, 1, late)
    assert late - 1 in arming.remote.token.announced_closes()
    arming.take_entered(arming.entered(SPLIT, first_day=late))
    assert arming.told_at_home(SPLIT) == (RatioState.PENDING, 1, late)


def test_what_is_in_force_at_home_is_entered_without_a_record(arming: Arming) -> None:
    arming.actions.in_force(SPLIT)
    arming.arm(SPLIT)
    arming.begins(SPLIT)
    logged(
        arming.tell(arming.home, SPLIT),
        arming.told_event(arming.home, arming.ratio(SPLIT, state=RatioState.IN_FORCE)),
    )
    arming.take(arming.ratio(SPLIT, state=RatioState.IN_FORCE))
    assert pending(arming.remote) == (4, 1, FIRST_DAY + 3)


def test_a_ledger_enters_no_epoch_before_the_one_it_missed(world: World, arming: Arming) -> None:
    for record in (SPLIT, LATER):
        arming.in_force(record)
        arming.arm(record)
    with refused(world, "arming: not the next epoch"):
        arming.take(arming.ratio(LATER))
    arming.take(arming.ratio(SPLIT))
    arming.take(arming.ratio(LATER))
    assert pending(arming.remote, 2) == (1, 10, LATER.record_day + 1)


def test_two_that_are_late_enter_one_after_the_other(arming: Arming) -> None:
    for record in (SPLIT, LATER):
        arming.in_force(record)
        arming.arm(record)
    begin(arming.remote, LATER.record_day + 2)
    for record in (SPLIT, LATER):
        arming.take(arming.ratio(record))
    first = LATER.record_day + 5
    assert (pending(arming.remote), pending(arming.remote, 2)) == (
        (4, 1, first),
        (1, 10, first + 1),
    )


def test_the_same_ratio_is_entered_once(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    with refused(world, "arming: armed already"):
        arming.take(arming.ratio(SPLIT))
    arming.begins(SPLIT)
    with refused(world, "arming: armed already"):
        arming.take(arming.ratio(SPLIT, state=RatioState.IN_FORCE))


# ----------------------------------------------------------------------- withdrawal


def cancelled(arming: Arming) -> object:
    """The event is cancelled on both ledgers."""
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    return second


@pytest.mark.requirement("INV-12")
def test_home_drops_a_ratio_last(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    home, remote = arming.home, arming.remote
    with refused(world, "arming: a ledger has not dropped it"):
        arming.withdraw(home, SPLIT)
    receipt = arming.withdraw(remote, SPLIT)
    withdraw = remote.token.method(WITHDRAW).selector
    logged(
        receipt,
        remote.engine.emitted("RatioDropped", SPLIT_COAF, 1, 1, FIRST_DAY),
        remote.token.emitted(
            "PrivilegedAct", withdraw, ZERO, remote.engine, RATIO_REASON, second.hash
        ),
        remote.token.emitted("RatioWithdrawn", FIRST_DAY),
        arming.told_event(remote, arming.dropped(second)),
    )
    follows(remote, arming)
    arming.take_entered(arming.dropped(second))
    assert arming.told_at_home(SPLIT) == (RatioState.DROPPED, 2, 0)
    logged(
        arming.withdraw(home, SPLIT),
        home.engine.emitted("RatioDropped", SPLIT_COAF, 1, 1, FIRST_DAY),
        home.token.emitted("PrivilegedAct", withdraw, ZERO, home.engine, RATIO_REASON, second.hash),
        home.token.emitted("RatioWithdrawn", FIRST_DAY),
    )
    follows(home, arming)
    for side in (home, remote):
        assert pending(side) == (0, 0, 0)
        assert arming.standing(side, SPLIT).epoch == 0


def test_what_its_version_stands_for_is_not_withdrawn(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    for side in (arming.home, arming.remote):
        with refused(world, "arming: its version stands"):
            arming.withdraw(side, SPLIT)


def test_a_version_of_the_same_ratio_is_not_withdrawn_before_it_is_armed(
    world: World, arming: Arming
) -> None:
    arming.armed(SPLIT)
    arming.in_force(SPLIT.successor(terms=STATED[1]))
    for side in (arming.home, arming.remote):
        with refused(world, "arming: its version stands"):
            arming.withdraw(side, SPLIT)


def test_a_ledger_that_never_armed_it_says_so(arming: Arming) -> None:
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    logged(
        arming.withdraw(arming.remote, SPLIT),
        arming.told_event(arming.remote, arming.dropped(second)),
    )
    arming.take_entered(arming.dropped(second))
    arming.withdraw(arming.home, SPLIT)
    assert pending(arming.home) == (0, 0, 0)


def test_what_was_dropped_is_not_entered_by_what_home_had_told(
    world: World, arming: Arming
) -> None:
    """An old message of home's, carried last."""
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    cancelled(arming)
    arming.withdraw(arming.remote, SPLIT)
    with refused(world, "events: none, or cancelled"):
        arming.take(arming.ratio(SPLIT))


def test_nothing_is_withdrawn_where_nothing_was(world: World, arming: Arming) -> None:
    for side in (arming.home, arming.remote):
        with refused(world, "arming: none armed"):
            arming.withdraw(side, SPLIT)
        with refused(world, "arming: nothing to tell"):
            arming.tell(side, SPLIT)
    arming.in_force(SPLIT)
    with refused(world, "arming: none armed"):
        arming.withdraw(arming.home, SPLIT)


@pytest.mark.requirement("INV-12")
def test_what_home_has_not_dropped_by_its_close_is_in_force_everywhere(
    world: World, arming: Arming
) -> None:
    """The remote ledger dropped it, home did not hear of it in time: it enters late."""
    arming.world.arrived(1_000)
    arming.armed(SPLIT)
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    arming.withdraw(arming.remote, SPLIT)
    arming.begins(SPLIT)
    arming.take_entered(arming.dropped(second))
    with refused(world, "arming: in force"):
        arming.withdraw(arming.home, SPLIT)
    assert arming.home.balance(arming.home.investor) == 4 * (INVESTOR_UNITS - 1_000)
    assert arming.remote.balance(arming.remote.investor) == 1_000
    arming.tell(arming.home, SPLIT)
    arming.take(arming.ratio(SPLIT, state=RatioState.IN_FORCE))
    late = FIRST_DAY + 3
    begin(arming.remote, late)
    assert arming.remote.balance(arming.remote.investor) == 4_000
    arming.tell(arming.remote, SPLIT)
    arming.take_entered(arming.entered(SPLIT, state=RatioState.IN_FORCE, first_day=late))
    assert arming.told_at_home(SPLIT) == (RatioState.IN_FORCE, 1, late)
    ledger = arming.actions.message(arming.dropped(second)).source_ledger
    assert arming.home.engine.entered_on(ledger, 1) == late


def test_a_ledger_drops_nothing_the_day_before(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    cancelled(arming)
    begin(arming.remote, SPLIT.record_day - 1, DAY - 1)
    with world.isolated():
        arming.withdraw(arming.remote, SPLIT)
    begin(arming.remote, SPLIT.record_day)
    with refused(world, "arming: too late to withdraw"):
        arming.withdraw(arming.remote, SPLIT)


@pytest.mark.requirement("INV-12")
def test_of_two_pending_the_last_is_withdrawn_first(world: World, arming: Arming) -> None:
    """1:10 follows 4:1; dropping the first alone would make 25 old units 400."""
    for record in (SPLIT, LATER):
        arming.armed(record)
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    for side in (arming.remote, arming.home):
        with refused(world, "arming: a later one is armed"):
            arming.withdraw(side, SPLIT)
    last = LATER.successor()
    arming.in_force(last, Status.CANCELLED)
    for record, gone in ((LATER, last), (SPLIT, second)):
        arming.withdraw(arming.remote, record)
        arming.take_entered(arming.dropped(gone))
        arming.withdraw(arming.home, record)
    for side in (arming.home, arming.remote):
        assert (pending(side), pending(side, 2)) == ((0, 0, 0), (0, 0, 0))


def test_another_day_is_armed_once_the_first_is_dropped(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    moved = SPLIT.successor(record_day=SPLIT.record_day + 2)
    arming.in_force(moved)
    with refused(world, "arming: another ratio is armed"):
        arming.arm(moved)
    arming.withdraw(arming.remote, SPLIT)
    arming.take_entered(arming.dropped(moved))
    arming.withdraw(arming.home, SPLIT)
    arming.arm(moved)
    arming.take(arming.ratio(moved))
    for side in (arming.home, arming.remote):
        assert pending(side) == (4, 1, moved.record_day + 1)
    arming.take_entered(arming.entered(moved))
    assert arming.told_at_home(SPLIT) == (RatioState.PENDING, 2, moved.record_day + 1)


def test_home_believes_the_newest_and_what_is_in_force_for_good(
    world: World, arming: Arming
) -> None:
    arming.armed(SPLIT)
    second = SPLIT.successor()
    arming.in_force(second, Status.CANCELLED)
    arming.take_entered(arming.dropped(second))
    with refused(world, "arming: known already"):
        arming.take_entered(arming.entered(SPLIT))
    in_force = arming.entered(SPLIT, state=RatioState.IN_FORCE)
    arming.take_entered(in_force)
    for told in (in_force, arming.dropped(second), arming.entered(second)):
        with refused(world, "arming: known already"):
            arming.take_entered(told)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": 0}, "arming: out of range"),
        ({"state": 4}, "arming: out of range"),
        ({"version": 2**32}, "arming: out of range"),
        ({"first_day": 2**16}, "arming: out of range"),
        ({"state": RatioState.IN_FORCE, "first_day": 0}, "arming: not armed here"),
        ({"state": RatioState.IN_FORCE, "epoch": 2}, "arming: not armed here"),
    ],
)
def test_what_another_ledger_cannot_tell_is_refused(
    world: World, arming: Arming, changed: dict[str, int], reason: str
) -> None:
    arming.armed(SPLIT)
    with refused(world, reason):
        arming.take_entered(arming.entered(SPLIT, **changed))


def test_a_remote_ledger_keeps_no_such_notes(world: World, arming: Arming) -> None:
    arming.armed(SPLIT)
    entered = arming.entered(SPLIT)
    message = arming.actions.message(entered)
    with refused(world, "events: at home only"):
        arming.remote.engine.take_entered(
            message.as_tuple(),
            entered.as_tuple(),
            arming.actions.proof(message),
            sender=arming.remote.courier,
        )
