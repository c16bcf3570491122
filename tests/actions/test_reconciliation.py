"""Reconciliation: books that fit at a close, and what stops of those that don't in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import EventVersion, Status
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import ledger_id, party
from tallystick.chain import Event
from tallystick.chain.abi import keccak
from tests.actions.test_fixing import CLOSE, HOME, ISSUE, MEETING, NO_HINTS, OWED, SPLIT, spread
from tests.support.actions import (
    APPLE,
    COAF,
    ENGINE_ATTESTORS,
    Actions,
    Third,
    begin,
    domain_of,
    new_engine,
)
from tests.support.world import AMOUNT_MAX, DAY, STATED, UINT_MAX, ZERO, Side, refused

pytestmark = pytest.mark.requirement("R-13", "R-14")

DEADLINE = APPLE.figures_by
EACH_DAY = bytes(32)
CANCELLED = EventVersion(APPLE.successor(), Status.CANCELLED)
SUSPEND_LANE = "set_suspended(bytes32,bool,bytes4,bytes32)"
SUSPEND_TOKEN = "set_suspended(bool,bytes4,bytes32)"
RECONCILIATION = b"RECN"
# More came there than was sent.
LIE = {"supply": SPLIT[1] + 20 + 301}


@pytest.fixture
def closed(actions: Actions) -> Actions:
    """The dividend is known on both ledgers, its record day is over, nothing is fixed."""
    actions.take(actions.in_force(APPLE))
    spread(actions)
    actions.close(CLOSE)
    return actions


@pytest.fixture
def late(closed: Actions) -> Actions:
    """The deadline has passed on both ledgers, and no figures came."""
    for side in (closed.home, closed.remote):
        begin(side, DEADLINE + 1)
    return closed


@pytest.fixture
def stopped(late: Actions) -> Actions:
    """Home's end of the lane is suspended, and the instrument on the remote ledger."""
    for side in (late.home, late.remote):
        late.suspend(side)
    return late


@pytest.fixture
def daily(actions: Actions) -> Actions:
    """Each day's close is asked for on both ledgers, from today's on."""
    for side in (actions.home, actions.remote):
        side.engine.propose_daily(True, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_daily(True, *STATED, sender=side.administrator)
    actions.world.synchronise()
    return actions


def sides(actions: Actions) -> tuple[Side, Side]:
    return actions.home, actions.remote


def books(actions: Actions, side: Side, lane: bytes | None = None) -> tuple[Any, ...]:
    """Newest close reconciled, what may land; for what day and event suspended; how often."""
    return tuple(side.engine.reconciliation_of(lane or actions.world.lane))


def is_suspended(actions: Actions, side: Side) -> bool:
    """Whether a ledger's end is suspended: as the engine says, and as it is done."""
    if side is actions.home:
        done = side.escrow.is_suspended(actions.world.lane)
        assert side.token.is_suspended() is False
    else:
        done = side.token.is_suspended()
        assert side.escrow.is_suspended(actions.world.lane) is False
    assert (books(actions, side)[2] != 0) is done
    return bool(done)


def done(actions: Actions, side: Side, *, suspended: bool) -> tuple[Event, Event]:
    """What escrow or token log when they are told."""
    lane, engine = actions.world.lane, side.engine
    stated = (RECONCILIATION, lane)
    if side is actions.home:
        contract, act, name = side.escrow, SUSPEND_LANE, "LaneSuspensionSet"
        arguments: tuple[Any, ...] = (lane, suspended)
    else:
        contract, act, name = side.token, SUSPEND_TOKEN, "SuspensionSet"
        arguments = (suspended,)
    selector = keccak(act.encode())[:4]
    return (
        contract.emitted("PrivilegedAct", selector, ZERO, engine, *stated),
        contract.emitted(name, *arguments),
    )


def resumed(actions: Actions, side: Side, day: int, coaf: bytes = COAF) -> tuple[Event, ...]:
    """What a lifted suspension logs."""
    event = side.engine.emitted("Resumed", actions.world.lane, coaf, day)
    return (event, *done(actions, side, suspended=False))


def told(actions: Actions, day: int, homeward: int) -> Event:
    """The event with which home tells that the books fit."""
    reconciled = actions.reconciled(day)
    message = actions.message(reconciled)
    return actions.home.engine.emitted(
        "ReconciledSent",
        actions.world.lane,
        message.id,
        message.as_tuple(),
        reconciled.as_tuple(),
        homeward,
    )


def send(actions: Actions, side: Side, lane: bytes | None = None) -> None:
    """Somebody sends a unit over the lane, or another one."""
    lane, units = lane or actions.world.lane, 1
    until = side.chain.now + DAY
    act, to = side.escrow.burn, party(side.investor.address)
    if side is actions.home:
        act = side.custody_of(lane).lock
    act(lane, to, units, until, sender=side.investor)


# ----------------------------------------------------------------------- books that fit


def test_home_compares_any_close_and_tells_that_it_fits(closed: Actions) -> None:
    """No event is needed, nor that home's accounts are fixed."""
    closed.take_figures(closed.figures(CLOSE))
    receipt = closed.reconcile(CLOSE)
    assert receipt.events == (told(closed, CLOSE, SPLIT[0]),)
    assert closed.reconciled(CLOSE).crossing == SPLIT[2]
    assert closed.home.engine.is_told(closed.message(closed.reconciled(CLOSE)).id)
    assert books(closed, closed.home) == (CLOSE, SPLIT[0], 0, HOME, 0)
    assert tuple(closed.home.engine.share_of(COAF, closed.world.lane)) == (False, 0, 0, 0)


def test_a_remote_ledger_takes_that_the_books_fit(closed: Actions) -> None:
    closed.take_figures(closed.figures(CLOSE))
    closed.reconcile(CLOSE)
    reconciled = closed.reconciled(CLOSE)
    receipt = closed.take_reconciled(reconciled)
    assert receipt.events == (
        closed.remote.engine.emitted("ReconciledTaken", closed.world.lane, reconciled.as_tuple()),
    )
    assert books(closed, closed.remote) == (CLOSE, SPLIT[2], 0, HOME, 0)


def test_the_newest_close_is_kept_and_an_older_one_is_told_all_the_same(closed: Actions) -> None:
    for side in sides(closed):
        begin(side, CLOSE + 2)
    for day in (CLOSE + 1, CLOSE):
        closed.take_figures(closed.figures(day))
        closed.reconcile(day)
        assert books(closed, closed.home)[0] == CLOSE + 1
    before = closed.world.storage()
    assert closed.reconcile(CLOSE + 1).events == (told(closed, CLOSE + 1, SPLIT[0]),)
    assert closed.world.storage() == before
    closed.take_reconciled(closed.reconciled(CLOSE + 1))
    for day in (CLOSE, CLOSE + 1):
        with refused(closed.world, "reconciliation: not a newer day"):
            closed.take_reconciled(closed.reconciled(day))


def test_what_is_fixed_is_reconciled_without_a_message_more(closed: Actions) -> None:
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE))
    assert [event.name for event in closed.fix_lane(APPLE).events] == ["LaneFixed", "TotalsSent"]
    assert books(closed, closed.home) == (CLOSE, SPLIT[0], 0, HOME, 0)
    assert books(closed, closed.remote) == (0, 0, 0, HOME, 0)
    assert [event.name for event in closed.take_totals(APPLE).events] == ["TotalsTaken"]
    assert books(closed, closed.remote) == (CLOSE, SPLIT[2], 0, HOME, 0)


def test_a_newer_close_stays_when_an_older_event_is_fixed(closed: Actions) -> None:
    for side in sides(closed):
        begin(side, CLOSE + 2)
    for day in (CLOSE, CLOSE + 1):
        closed.take_figures(closed.figures(day))
    closed.reconcile(CLOSE + 1)
    closed.take_reconciled(closed.reconciled(CLOSE + 1))
    closed.fix(APPLE)
    closed.fix_lane(APPLE)
    closed.take_totals(APPLE)
    assert [books(closed, side)[0] for side in sides(closed)] == [CLOSE + 1, CLOSE + 1]


@pytest.mark.parametrize("how", ["silent", "lying", "double-signing", "in other units"])
def test_books_that_do_not_fit_are_not_reconciled(closed: Actions, how: str) -> None:
    """The gate is that of an event's totals."""
    true = closed.figures(CLOSE)
    told_of, reason = {
        "silent": ([], "reconciliation: no figures, or two"),
        "lying": ([replace(true, **LIE)], "cut: figures do not fit"),
        "double-signing": ([true, replace(true, **LIE)], "reconciliation: no figures, or two"),
        "in other units": ([replace(true, epoch=1)], "cut: figures in other units"),
    }[how]
    for figures in told_of:
        closed.take_figures(figures)
    with refused(closed.world, reason):
        closed.reconcile(CLOSE)


def test_a_day_that_home_has_not_closed_is_not_reconciled(closed: Actions) -> None:
    """The remote ledger's clock is ahead."""
    begin(closed.remote, CLOSE + 2)
    closed.take_figures(closed.figures(CLOSE + 1))
    with refused(closed.world, "flows: day not closed"):
        closed.reconcile(CLOSE + 1)


def test_each_ledger_has_its_own_act(closed: Actions) -> None:
    home, remote, lane = closed.home, closed.remote, closed.world.lane
    with refused(closed.world, "events: at home only"):
        remote.engine.reconcile(lane, CLOSE, NO_HINTS, 0, sender=remote.courier)
    closed.take_figures(closed.figures(CLOSE))
    reconciled = closed.reconciled(CLOSE)
    message = closed.message(reconciled)
    with refused(closed.world, "reconciliation: home does it itself"):
        home.engine.take_reconciled(
            message.as_tuple(), reconciled.as_tuple(), closed.proof(message), sender=home.courier
        )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"crossing": AMOUNT_MAX + 1}, "reconciliation: out of range"),
        ({"crossing": UINT_MAX}, "reconciliation: out of range"),
        ({"day": CLOSE + 1}, "reconciliation: day not closed"),
        ({"day": UINT_MAX}, "reconciliation: day not closed"),
        ({"epoch": 128}, "reconciliation: in other units"),
        ({"day": 0}, "reconciliation: not a newer day"),
        ({"lane": keccak(b"no lane")}, "figures: of another's lane"),
        ({"lane": HOME}, "figures: of another's lane"),
    ],
)
def test_what_can_t_be_so_is_not_taken(
    closed: Actions, changes: dict[str, Any], reason: str
) -> None:
    with refused(closed.world, reason):
        closed.take_reconciled(replace(closed.reconciled(CLOSE), **changes))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": 4}, "of another kind"),
        ({"body": EventVersion(APPLE).id}, "of something else"),
        ({"source_ledger": ledger_id("eip155:41009")}, "from an unknown engine"),
    ],
)
def test_it_is_told_by_exactly_this_message(
    closed: Actions, changes: dict[str, Any], reason: str
) -> None:
    reconciled = closed.reconciled(CLOSE)
    message = replace(closed.message(reconciled), **changes)
    proof = ENGINE_ATTESTORS.sign(domain_of(closed.home.engine), message.id)
    with refused(closed.world, f"dispatch: {reason}"):
        closed.take_reconciled(reconciled, message, proof)
    true = closed.message(reconciled)
    with refused(closed.world, "verifier: too few signatures"):
        closed.take_reconciled(reconciled, true, closed.proof(true, 1))


# ------------------------------------------------------------------ past the deadline


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_ledger_that_stands_still_is_suspended_past_the_deadline(
    closed: Actions, name: str
) -> None:
    """By each ledger's own clock, to the second, and by anyone: it needs no message."""
    side: Side = getattr(closed, name)
    begin(side, DEADLINE, DAY - 2)
    with refused(closed.world, "reconciliation: deadline not passed"):
        closed.suspend(side)
    begin(side, DEADLINE + 1)
    receipt = closed.suspend(side)
    assert receipt.events == (
        side.engine.emitted("Suspended", closed.world.lane, COAF, CLOSE, 1),
        *done(closed, side, suspended=True),
    )
    assert books(closed, side) == (0, 0, CLOSE, COAF, 1)
    assert is_suspended(closed, side)
    (other,) = (each for each in sides(closed) if each is not side)
    assert not is_suspended(closed, other)
    with refused(closed.world, "reconciliation: deadline not passed"):
        closed.suspend(other)


def test_it_is_suspended_once(stopped: Actions) -> None:
    for side in sides(stopped):
        with refused(stopped.world, "suspensions: suspended already"):
            stopped.suspend(side)


@pytest.mark.parametrize("how", ["lying", "double-signing", "in other units"])
def test_a_lane_whose_figures_do_not_fit_is_suspended(late: Actions, how: str) -> None:
    true = late.figures(CLOSE)
    told_of = {
        "lying": [replace(true, **LIE)],
        "double-signing": [true, replace(true, **LIE)],
        "in other units": [replace(true, epoch=1)],
    }[how]
    for figures in told_of:
        late.take_figures(figures)
    late.suspend(late.home)
    assert is_suspended(late, late.home)


def test_figures_that_fit_are_no_break_though_nobody_compared_them(late: Actions) -> None:
    """Nobody is stopped because a stranger was first."""
    late.take_figures(late.figures(CLOSE))
    with refused(late.world, "reconciliation: figures fit"):
        late.suspend(late.home)


def test_what_was_reconciled_in_time_is_not_suspended(closed: Actions) -> None:
    closed.take_figures(closed.figures(CLOSE))
    closed.reconcile(CLOSE)
    closed.take_reconciled(closed.reconciled(CLOSE))
    for side in sides(closed):
        begin(side, DEADLINE + 30)
    with refused(closed.world, "reconciliation: figures fit"):
        closed.suspend(closed.home)
    with refused(closed.world, "suspensions: reconciled"):
        closed.suspend(closed.remote)


def test_a_later_close_that_fits_is_as_good(closed: Actions) -> None:
    """Of the record day there are two figures for ever; what is there now is known again."""
    true = closed.figures(CLOSE)
    for figures in (true, replace(true, **LIE)):
        closed.take_figures(figures)
    for side in sides(closed):
        begin(side, DEADLINE + 1)
    closed.take_figures(closed.figures(DEADLINE))
    closed.reconcile(DEADLINE)
    closed.take_reconciled(closed.reconciled(DEADLINE))
    for side in sides(closed):
        with refused(closed.world, "suspensions: reconciled"):
            closed.suspend(side)


def test_nobody_suspends_by_what_is_not_in_force(closed: Actions) -> None:
    unknown = b"no event".ljust(32, b"\0")
    for side in sides(closed):
        begin(side, DEADLINE + 1)
        with refused(closed.world, "events: none, or cancelled"):
            closed.suspend(side, unknown)
    closed.announce(
        replace(
            APPLE,
            coaf="US-2020-DVCA-02",
            record_day=18_492,
            ex=18_492,
            figures_by=18_495,
            payment_day=18_495,
            relief_until=18_495,
        )
    )
    with refused(closed.world, "events: none, or cancelled"):
        closed.suspend(closed.home, b"US-2020-DVCA-02".ljust(32, b"\0"))


def test_an_event_that_waits_for_no_figures_suspends_nobody(actions: Actions) -> None:
    actions.take(actions.in_force(MEETING))
    for side in sides(actions):
        begin(side, DEADLINE + 90)
        with refused(actions.world, "reconciliation: deadline not passed"):
            actions.suspend(side)


def test_an_event_without_a_record_day_suspends_nobody(actions: Actions) -> None:
    version = actions.in_force(replace(MEETING, record_day=0, figures_by=DEADLINE))
    actions.take(version)
    for side in sides(actions):
        begin(side, DEADLINE + 1)
        with refused(actions.world, "events: no record day"):
            actions.suspend(side)


def test_a_later_version_s_deadline_counts(closed: Actions) -> None:
    """It may grant more time; a word that held both versions' would have stopped the lane."""
    longer = APPLE.successor(
        figures_by=DEADLINE + 3, payment_day=DEADLINE + 3, relief_until=DEADLINE + 3
    )
    closed.take(closed.in_force(longer))
    for side in sides(closed):
        begin(side, DEADLINE + 3, DAY - 2)
        with refused(closed.world, "reconciliation: deadline not passed"):
            closed.suspend(side)
        begin(side, DEADLINE + 4)
        closed.suspend(side)


def test_a_ledger_that_was_told_after_the_deadline_has_until_the_end_of_the_next_day(
    actions: Actions,
) -> None:
    """Nobody carries a record late and stops it in the same block."""
    version, remote = actions.in_force(APPLE), actions.remote
    begin(remote, DEADLINE + 4, 3_600)
    actions.take(version)
    begin(remote, DEADLINE + 5, DAY - 2)
    with refused(actions.world, "reconciliation: deadline not passed"):
        actions.suspend(remote)
    begin(remote, DEADLINE + 6)
    actions.suspend(remote)
    assert is_suspended(actions, remote)


def test_a_version_without_a_deadline_ends_what_the_one_before_caused(actions: Actions) -> None:
    asks = replace(MEETING, figures_by=DEADLINE)
    actions.take(actions.in_force(asks))
    for side in sides(actions):
        begin(side, DEADLINE + 1)
        actions.suspend(side)
    actions.take(actions.in_force(asks.successor(figures_by=0)))
    for side in sides(actions):
        begin(side, DEADLINE + 9)
        side.engine.resume(actions.world.lane, sender=side.attacker)
        assert not is_suspended(actions, side)


def test_the_deadline_stands_beside_when_a_version_came(closed: Actions) -> None:
    for side in sides(closed):
        version = side.engine.version_of(APPLE.hash)
        assert 0 < version.since <= side.chain.now
        assert version.record_day == CLOSE


def test_lanes_of_others_are_not_suspended(late: Actions) -> None:
    for side in sides(late):
        for lane in (HOME, keccak(b"no lane")):
            with refused(late.world, "figures: of another's lane"):
                side.engine.suspend(COAF, lane, NO_HINTS, 0, sender=side.attacker)


def test_a_lane_that_is_younger_than_the_close_is_not_asked_for_it(closed: Actions) -> None:
    begin(closed.home, CLOSE + 1)
    third = Third.joins(closed)
    begin(closed.home, DEADLINE + 1)
    with refused(closed.world, "reconciliation: no books"):
        closed.home.engine.suspend(COAF, third.lane, NO_HINTS, 0, sender=closed.home.attacker)


def test_a_lane_opened_on_the_record_day_has_its_close(actions: Actions) -> None:
    """The last second of that day; it owes nothing, and says so, or is stopped."""
    actions.in_force(APPLE)
    begin(actions.home, CLOSE - 1, 3_600)
    third = Third.joins(actions)
    begin(actions.home, DEADLINE + 1)
    assert actions.home.escrow.epoch_at(third.lane, 1).valid_from < actions.home.chain.now
    actions.home.engine.suspend(COAF, third.lane, NO_HINTS, 0, sender=actions.home.attacker)
    assert actions.home.escrow.is_suspended(third.lane)


# --------------------------------------------------------------- what a suspension stops


@pytest.mark.requirement("INV-7")
def test_at_home_that_lane_stops_both_ways_and_nothing_is_lost(late: Actions) -> None:
    world, home = late.world, late.home
    back = world.burned(3)
    late.suspend(home)
    with refused(world, "lanes: suspended"), world.isolated():
        send(late, home)
    with refused(world, "lanes: suspended"):
        world.deliver(back)
    for side in sides(late):
        begin(side, DEADLINE + 2)
    late.take_figures(late.figures(DEADLINE))
    late.reconcile(DEADLINE)
    assert not is_suspended(late, home)
    assert world.deliver(back).return_value is True
    send(late, home)


def test_home_s_holders_and_claims_from_suspense_go_on(late: Actions) -> None:
    """Units that wait at home under a name are that holder's: an exit, as under pauses."""
    world, home = late.world, late.home
    waiting = world.burned(7, home.outsider)
    world.deliver(waiting)
    late.suspend(home)
    home.token.transfer(home.fund, 1, sender=home.investor)
    world.network.admit(world.network.suite("home"), home.outsider, 40_000)
    world.network.claim(waiting)
    assert home.token.balanceOf(home.outsider) == 7


def test_on_a_remote_ledger_the_instrument_stops(late: Actions) -> None:
    world, remote = late.world, late.remote
    late.suspend(remote)
    with refused(world, "controls: suspended"):
        remote.token.transfer(remote.fund, 1, sender=remote.investor)
    with refused(world, "controls: suspended"):
        send(late, remote)
    assert remote.token.paused() is True
    assert remote.token.paused_scopes() == 0
    assert remote.token.canTransfer(remote.investor, remote.fund, 1) is False


def test_there_what_left_home_arrives_and_is_claimed(late: Actions) -> None:
    """Home's own books say that it left: nothing strands."""
    world, remote = late.world, late.remote
    arriving, waiting = world.locked(4), world.locked(6, remote.outsider)
    late.suspend(remote)
    before = remote.token.balanceOf(remote.investor)
    assert world.deliver(arriving).return_value is True
    assert remote.token.balanceOf(remote.investor) == before + 4
    assert world.deliver(waiting).return_value is False
    world.network.admit(world.network.suite("remote"), remote.outsider, 40_000)
    world.network.claim(waiting)
    assert remote.token.balanceOf(remote.outsider) == 6


@pytest.mark.requirement("INV-7")
def test_the_others_are_paid_to_the_unit_meanwhile(actions: Actions) -> None:
    """One lane's share is kept back by not being fixed; no slot of the other lane changes."""
    world, home, third = actions.world, actions.home, Third.joins(actions)
    actions.take(actions.in_force(APPLE))
    spread(actions)
    third.lock(40)
    actions.close(CLOSE)
    actions.take_figures(actions.figures(CLOSE))
    for side in sides(actions):
        begin(side, DEADLINE + 1)
    untouched = world.lane_state(home), books(actions, home)
    home.engine.suspend(COAF, third.lane, NO_HINTS, 0, sender=home.attacker)
    assert (world.lane_state(home), books(actions, home)) == untouched
    assert books(actions, home, third.lane) == (0, 0, CLOSE, COAF, 1)
    assert not is_suspended(actions, home)
    with refused(world, "lanes: suspended"), world.isolated():
        send(actions, home, lane=third.lane)
    world.deliver(world.locked(2))
    world.deliver(world.burned(1))
    actions.set_pay_terms(home)
    actions.give_cash(home, home.paying_agent)
    actions.fix(APPLE)
    actions.fix_lane(APPLE)
    assert tuple(home.engine.share_of(COAF, HOME)) == (True, 0, ISSUE - OWED - 40, 0)
    assert tuple(home.engine.share_of(COAF, world.lane)) == (True, *SPLIT)
    actions.fund(home, APPLE)
    held = home.token.entitled_at_close(home.buyer, CLOSE, 0)
    actions.claim(home, home.buyer)
    assert home.engine.part_of(COAF, HOME)[1] == ISSUE - OWED - 40 - held
    with refused(world, "cut: not fixed yet"):
        actions.fund(home, APPLE, third.lane)
    with refused(world, "cut: no figures, or two"):
        third.fix(APPLE)


@pytest.mark.requirement("INV-7")
def test_a_suspension_changes_one_word_of_escrow_or_token(late: Actions) -> None:
    """Of all that this ledger keeps: two of the engine, which says why, and that one."""
    for side in sides(late):
        before = late.world.storage()
        late.suspend(side)
        after = late.world.storage()
        for name, slots in after.items():
            changed = {
                slot[0]
                for slot in slots.keys() | before[name].keys()
                if slots.get(slot) != before[name].get(slot)
            }
            told_of = side.escrow if side is late.home else side.token
            addresses = {bytes.fromhex(str(each.address)[2:]) for each in (side.engine, told_of)}
            assert changed == (addresses if name == side.chain.name else set())


# ------------------------------------------------------------------------------ remedy


def test_fixing_the_lane_lifts_it_in_the_same_transaction(stopped: Actions) -> None:
    home, remote, lane = stopped.home, stopped.remote, stopped.world.lane
    stopped.fix(APPLE)
    stopped.take_figures(stopped.figures(CLOSE))
    receipt = stopped.fix_lane(APPLE)
    names = [event.name for event in receipt.events]
    assert receipt.events[1:4] == resumed(stopped, home, CLOSE)
    assert (names[0], names[4:]) == ("LaneFixed", ["TotalsSent"])
    assert books(stopped, home) == (CLOSE, SPLIT[0], 0, HOME, 1)
    assert is_suspended(stopped, remote)
    receipt = stopped.take_totals(APPLE)
    totals = stopped.totals(APPLE).as_tuple()
    assert receipt.events == (
        remote.engine.emitted("TotalsTaken", COAF, lane, totals),
        *resumed(stopped, remote, CLOSE),
    )
    assert books(stopped, remote) == (CLOSE, SPLIT[2], 0, HOME, 1)
    for side in sides(stopped):
        assert not is_suspended(stopped, side)
        send(stopped, side)


@pytest.mark.parametrize("day", [CLOSE, DEADLINE])
def test_reconciling_the_day_or_a_later_one_lifts_it(stopped: Actions, day: int) -> None:
    stopped.take_figures(stopped.figures(day))
    receipt = stopped.reconcile(day)
    assert receipt.events == (*resumed(stopped, stopped.home, CLOSE), told(stopped, day, SPLIT[0]))
    reconciled = stopped.reconciled(day)
    receipt = stopped.take_reconciled(reconciled)
    assert receipt.events == (
        stopped.remote.engine.emitted("ReconciledTaken", stopped.world.lane, reconciled.as_tuple()),
        *resumed(stopped, stopped.remote, CLOSE),
    )


def test_an_earlier_day_lifts_nothing(stopped: Actions) -> None:
    stopped.take_figures(stopped.figures(CLOSE - 1))
    stopped.reconcile(CLOSE - 1)
    stopped.take_reconciled(stopped.reconciled(CLOSE - 1))
    for side in sides(stopped):
        assert books(stopped, side)[0] == CLOSE - 1
        assert is_suspended(stopped, side)


def test_a_lane_that_lied_goes_on_once_it_tells_the_truth_of_a_later_close(
    late: Actions,
) -> None:
    """What it was owed on the record day stays kept back; nobody is stopped for ever."""
    late.fix(APPLE)
    late.take_figures(late.figures(CLOSE, **LIE))
    late.suspend(late.home)
    late.take_figures(late.figures(DEADLINE))
    late.reconcile(DEADLINE)
    assert not is_suspended(late, late.home)
    with refused(late.world, "cut: figures do not fit"):
        late.fix_lane(APPLE)
    with refused(late.world, "suspensions: reconciled"):
        late.suspend(late.home)


def test_an_event_that_is_halted_there_keeps_nobody_suspended_for_ever(stopped: Actions) -> None:
    """Two attested records halt the event; its close, or a later one, lifts what it caused."""
    remote = stopped.remote
    stopped.take(EventVersion(replace(APPLE, terms=keccak(b"other terms"))))
    assert remote.engine.version_of(APPLE.hash).halted
    with refused(stopped.world, "reconciliation: break stands"):
        remote.engine.resume(stopped.world.lane, sender=remote.attacker)
    stopped.take_figures(stopped.figures(CLOSE))
    stopped.reconcile(CLOSE)
    stopped.take_reconciled(stopped.reconciled(CLOSE))
    assert not is_suspended(stopped, remote)
    with refused(stopped.world, "events: halted"):
        stopped.suspend(remote)


@pytest.mark.parametrize("how", ["cancelled", "another day", "more time"])
def test_what_an_event_caused_ends_with_it(stopped: Actions, how: str) -> None:
    """By anyone's call, on each ledger when it is told."""
    later = {
        "another day": {
            "ex": 18_495,
            "record_day": 18_495,
            "figures_by": 18_498,
            "payment_day": 18_498,
            "relief_until": 18_498,
        },
        "more time": {
            "figures_by": DEADLINE + 2,
            "payment_day": DEADLINE + 2,
            "relief_until": DEADLINE + 2,
        },
    }
    version = CANCELLED if how == "cancelled" else EventVersion(APPLE.successor(**later[how]))
    lane = stopped.world.lane
    for side in sides(stopped):
        with refused(stopped.world, "reconciliation: break stands"):
            side.engine.resume(lane, sender=side.attacker)
    stopped.in_force(version.record, version.status)
    stopped.take(version)
    for side in sides(stopped):
        receipt = side.engine.resume(lane, sender=side.attacker)
        assert receipt.events == resumed(stopped, side, CLOSE)
        assert not is_suspended(stopped, side)
        assert books(stopped, side) == (0, 0, 0, HOME, 1)
        with refused(stopped.world, "reconciliation: not suspended"):
            side.engine.resume(lane, sender=side.attacker)


def test_more_time_ends_too(stopped: Actions) -> None:
    longer = APPLE.successor(
        figures_by=DEADLINE + 2, payment_day=DEADLINE + 2, relief_until=DEADLINE + 2
    )
    stopped.take(stopped.in_force(longer))
    for side in sides(stopped):
        begin(side, DEADLINE + 3)
        with refused(stopped.world, "reconciliation: break stands"):
            side.engine.resume(stopped.world.lane, sender=side.attacker)


def test_suspensions_are_counted(stopped: Actions) -> None:
    """Of another event, once the first is remedied: each has its own number in the log."""
    other = replace(
        APPLE,
        coaf="US-2020-DVCA-02",
        ex=18_491,
        record_day=18_491,
        figures_by=18_492,
        payment_day=18_492,
        relief_until=18_492,
    )
    coaf = other.as_tuple()[2]
    stopped.take(stopped.in_force(other))
    stopped.take_figures(stopped.figures(CLOSE))
    stopped.reconcile(CLOSE)
    stopped.take_reconciled(stopped.reconciled(CLOSE))
    for side in sides(stopped):
        begin(side, other.figures_by + 1)
        receipt = stopped.suspend(side, coaf)
        assert receipt.events[0] == side.engine.emitted(
            "Suspended", stopped.world.lane, coaf, other.record_day, 2
        )
        assert books(stopped, side)[2:] == (other.record_day, coaf, 2)


def test_clocks_that_differ_stop_each_ledger_at_its_own_time(closed: Actions) -> None:
    """Home two days ahead: it waits longer for nobody, and the remote ledger has its own days."""
    begin(closed.home, DEADLINE + 2)
    begin(closed.remote, DEADLINE)
    closed.suspend(closed.home)
    with refused(closed.world, "reconciliation: deadline not passed"):
        closed.suspend(closed.remote)
    # Of a day that is not over there nobody tells; of the record day it does, and that lifts it.
    closed.take_figures(closed.figures(CLOSE))
    closed.reconcile(CLOSE)
    assert not is_suspended(closed, closed.home)
    closed.take_reconciled(closed.reconciled(CLOSE))
    begin(closed.remote, DEADLINE + 40)
    with refused(closed.world, "suspensions: reconciled"):
        closed.suspend(closed.remote)


def test_a_guardian_s_pause_and_a_suspension_do_not_lift_one_another(stopped: Actions) -> None:
    home, remote, lane = stopped.home, stopped.remote, stopped.world.lane
    home.escrow.pause_lane(lane, 3, *STATED, sender=home.guardian)
    remote.token.pause(7, *STATED, sender=remote.guardian)
    stopped.take_figures(stopped.figures(CLOSE))
    with stopped.world.isolated():
        stopped.reconcile(CLOSE)
        stopped.take_reconciled(stopped.reconciled(CLOSE))
        assert stopped.world.lane_state(home).paused_directions == 3
        assert remote.token.paused_scopes() == 7
    home.escrow.unpause_lane(lane, 3, *STATED, sender=home.administrator)
    remote.token.unpause(7, *STATED, sender=remote.administrator)
    for side in sides(stopped):
        side.chain.advance(DAY)
    home.escrow.unpause_lane(lane, 3, *STATED, sender=home.administrator)
    remote.token.unpause(7, *STATED, sender=remote.administrator)
    assert stopped.world.lane_state(home).paused_directions == 0
    assert remote.token.paused_scopes() == 0
    for side in sides(stopped):
        assert is_suspended(stopped, side)


# --------------------------------------------------------------------------- every day


@pytest.mark.parametrize("name", ["home", "remote"])
def test_who_does_not_ask_for_each_day_suspends_for_events_alone(
    closed: Actions, name: str
) -> None:
    side: Side = getattr(closed, name)
    begin(side, DEADLINE + 100)
    assert side.engine.daily_since() == 0
    with refused(closed.world, "reconciliation: no day was due"):
        closed.suspend(side, EACH_DAY)


def test_each_day_is_asked_for_by_two_keys(actions: Actions) -> None:
    side = actions.home
    receipt = side.engine.propose_daily(True, *STATED, sender=side.operator)
    act = receipt.return_value
    assert receipt.events == (
        side.act(side.engine, "propose_daily(bool,bytes4,bytes32)", ZERO, side.operator),
        side.engine.emitted("DailyProposed", act, True),
    )
    with refused(actions.world, "access: proposal waits"):
        side.engine.set_daily(True, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    with refused(actions.world, "access: act not proposed"):
        side.engine.set_daily(False, *STATED, sender=side.administrator)
    receipt = side.engine.set_daily(True, *STATED, sender=side.administrator)
    today = side.token.business_day()
    assert receipt.events == (
        side.act(side.engine, "set_daily(bool,bytes4,bytes32)", ZERO, side.administrator),
        side.engine.emitted("DailySet", True, today),
    )
    assert side.engine.daily_since() == today


def test_it_is_asked_for_by_the_set_up_key_until_hand_over(actions: Actions) -> None:
    side = new_engine(actions.home)
    with refused(actions.world, "reconciliation: unchanged"):
        side.engine.set_daily(False, *STATED, sender=side.deployer)
    side.engine.set_daily(True, *STATED, sender=side.deployer)
    assert side.engine.daily_since() == side.token.business_day()
    with refused(actions.world, "reconciliation: unchanged"):
        side.engine.set_daily(True, *STATED, sender=side.deployer)
    side.engine.set_daily(False, *STATED, sender=side.deployer)
    assert side.engine.daily_since() == 0


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_day_that_was_not_reconciled_by_the_end_of_the_next_suspends(
    daily: Actions, name: str
) -> None:
    """Each calendar day has a close, Sundays as well."""
    side: Side = getattr(daily, name)
    first = side.engine.daily_since()
    begin(side, first + 1, DAY - 2)
    with refused(daily.world, "reconciliation: no day was due"):
        daily.suspend(side, EACH_DAY)
    begin(side, first + 2)
    receipt = daily.suspend(side, EACH_DAY)
    assert receipt.events == (
        side.engine.emitted("Suspended", daily.world.lane, EACH_DAY, first, 1),
        *done(daily, side, suspended=True),
    )


def test_who_is_reconciled_each_day_is_never_suspended(daily: Actions) -> None:
    world, first = daily.world, daily.home.engine.daily_since()
    for day in range(first, first + 4):
        world.arrived(10)
        world.deliver(world.burned(2))
        for side in sides(daily):
            begin(side, day + 1, 60)
        world.synchronise()
        daily.take_figures(daily.figures(day))
        daily.reconcile(day)
        daily.take_reconciled(daily.reconciled(day))
        for side, reason in (
            (daily.home, "reconciliation: figures fit"),
            (daily.remote, "suspensions: reconciled"),
        ):
            due = day > first
            with refused(world, reason if due else "reconciliation: no day was due"):
                daily.suspend(side, EACH_DAY)


def test_a_day_s_break_is_lifted_by_that_day_or_a_later_one(daily: Actions) -> None:
    first = daily.home.engine.daily_since()
    for side in sides(daily):
        begin(side, first + 3)
        daily.suspend(side, EACH_DAY)
        assert books(daily, side)[2:] == (first + 1, EACH_DAY, 1)
    daily.take_figures(daily.figures(first))
    daily.reconcile(first)
    assert is_suspended(daily, daily.home)
    daily.take_figures(daily.figures(first + 1))
    receipt = daily.reconcile(first + 1)
    assert receipt.events[:3] == resumed(daily, daily.home, first + 1, EACH_DAY)
    receipt = daily.take_reconciled(daily.reconciled(first + 1))
    assert receipt.events[1:] == resumed(daily, daily.remote, first + 1, EACH_DAY)


def test_a_day_s_break_ends_when_days_are_asked_for_no_more(daily: Actions) -> None:
    side, lane = daily.remote, daily.world.lane
    begin(side, side.engine.daily_since() + 2)
    daily.suspend(side, EACH_DAY)
    side.engine.propose_daily(False, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    with refused(daily.world, "reconciliation: break stands"):
        side.engine.resume(lane, sender=side.attacker)
    side.engine.set_daily(False, *STATED, sender=side.administrator)
    assert side.engine.daily_since() == 0
    side.engine.resume(lane, sender=side.attacker)
    assert not is_suspended(daily, side)


def test_a_lane_is_asked_for_days_since_it_was_opened(daily: Actions) -> None:
    home = daily.home
    third = Third.joins(daily)
    opened = home.token.business_day()
    arguments = (EACH_DAY, third.lane, NO_HINTS, 0)
    begin(home, opened + 1, DAY - 2)
    with refused(daily.world, "reconciliation: no books"):
        home.engine.suspend(*arguments, sender=home.attacker)
    begin(home, opened + 2)
    home.engine.suspend(*arguments, sender=home.attacker)
    assert books(daily, home, third.lane) == (0, 0, opened, EACH_DAY, 1)


def test_a_lane_is_suspended_for_one_break_and_then_for_the_next(daily: Actions) -> None:
    """An event's does not hide a day's: what is behind after a remedy is suspended anew."""
    record: EventRecord = replace(
        APPLE, figures_by=CLOSE + 1, payment_day=CLOSE + 1, relief_until=CLOSE + 1
    )
    daily.in_force(record)
    home = daily.home
    for side in sides(daily):
        begin(side, CLOSE + 4)
    daily.suspend(home)
    with refused(daily.world, "suspensions: suspended already"):
        daily.suspend(home, EACH_DAY)
    daily.take_figures(daily.figures(CLOSE))
    daily.reconcile(CLOSE)
    assert not is_suspended(daily, home)
    daily.suspend(home, EACH_DAY)
    assert books(daily, home)[2:] == (CLOSE + 2, EACH_DAY, 2)
