"""Fixing: home's accounts, each lane as its figures come, and what each ledger is told it owes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, Figures, Status, Totals
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import ledger_id
from tallystick.chain import Event
from tallystick.chain.abi import keccak
from tallystick.files.event import NOTICE_DAYS
from tests.support.actions import (
    APPLE,
    COAF,
    ENGINE_ATTESTORS,
    Actions,
    Third,
    begin,
    domain_of,
)
from tests.support.ratios import Engine
from tests.support.world import AMOUNT_MAX, DAY, ISSUE, UINT_MAX, World, refused

CLOSE = APPLE.record_day
HOME = bytes(32)
NO_HINTS = (0, 0, 0)
# To land at home, of accounts there, to land there: what `spread` leaves.
SPLIT = (5 + 42, 1_000 - 97, 20 + 300)
OWED = sum(SPLIT)
CANCELLED = EventVersion(APPLE.successor(), Status.CANCELLED)
# Says when holders are recorded, and pays nothing.
MEETING = EventRecord(
    isin=APPLE.isin,
    corp=APPLE.corp,
    coaf=APPLE.coaf,
    caev="INFO",
    camv="MAND",
    announced=APPLE.announced,
    record_day=CLOSE,
    terms=APPLE.terms,
)


def spread(actions: Actions) -> None:
    """Units on accounts, under way each way, and in suspense on either ledger."""
    world = actions.world
    world.arrived(1_000)
    world.deliver(world.burned(50))
    world.deliver(world.burned(5, world.home.outsider))
    world.burned(42)
    world.deliver(world.locked(20, world.remote.outsider))
    world.locked(300)


@pytest.fixture
def closed(actions: Actions) -> Actions:
    """The dividend is known on both ledgers, its record day is over, nothing is fixed."""
    actions.take(actions.in_force(APPLE))
    spread(actions)
    actions.close(CLOSE)
    return actions


@pytest.fixture
def fixed(closed: Actions) -> Actions:
    """Home's accounts are fixed, its lane is not; its figures are there."""
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE))
    return closed


@pytest.fixture
def split(fixed: Actions) -> Actions:
    """The lane is split."""
    fixed.fix_lane(APPLE)
    return fixed


def share(actions: Actions, lane: bytes, *, home: bool = True) -> tuple[Any, ...]:
    """Whether a share is fixed; to land at home, of accounts, to land there."""
    side = actions.home if home else actions.remote
    return tuple(side.engine.share_of(COAF, lane))


def event_fixed(actions: Actions, record: EventRecord, accounts: int, custody: int) -> Event:
    """The event of home's accounts."""
    return actions.home.engine.emitted(
        "EventFixed", COAF, record.hash, record.record_day, accounts, custody, 0
    )


def lane_fixed(actions: Actions, lane: bytes, *parts: int) -> Event:
    """The event of a lane that is split."""
    return actions.home.engine.emitted("LaneFixed", COAF, lane, (True, *parts), 0, 0)


def totals_sent(actions: Actions, totals: Totals) -> Event:
    """The event with which home tells a ledger what it owes for."""
    message = actions.message(totals)
    return actions.home.engine.emitted(
        "TotalsSent", COAF, message.id, message.as_tuple(), totals.as_tuple()
    )


# -------------------------------------------------------------------- home's accounts


@pytest.mark.requirement("R-41", "INV-6", "INV-7")
def test_home_fixes_its_accounts_alone(closed: Actions) -> None:
    """Of what no account holds, custody's part waits for each lane's figures."""
    receipt = closed.fix(APPLE)
    assert receipt.events == (event_fixed(closed, APPLE, ISSUE - OWED, OWED),)
    assert share(closed, HOME) == (True, 0, ISSUE - OWED, 0)
    assert share(closed, closed.world.lane) == (False, 0, 0, 0)
    version = closed.home.engine.version_of(APPLE.hash)
    assert (version.fixed, version.halted, version.status) == (True, False, Status.ACTIVE)


def test_what_is_fixed_is_what_stood_at_the_close(closed: Actions) -> None:
    """Whatever moved since; of an announced close for ever, with hints."""
    world, side = closed.world, closed.home
    for _ in range(24):
        world.arrived(3)
        world.network.issue([(side.investor, 5)])
        for each in (world.home, world.remote):
            each.chain.advance(DAY)
        world.synchronise()
    first = CLOSE + 1
    for hints, reason in (
        ((first, (0,)), "book: not kept, or give a hint"),
        ((0, (first,)), "book: not kept, or give a hint"),
        ((CLOSE, (first,)), "book: hint is no later opening"),
        ((first, (CLOSE,)), "book: hint is no later opening"),
    ):
        with refused(world, reason):
            closed.fix(APPLE, *hints)
    receipt = closed.fix(APPLE, first, (first,))
    assert receipt.events == (event_fixed(closed, APPLE, ISSUE - OWED, OWED),)


def test_hints_are_none_or_one_for_each_lane(closed: Actions) -> None:
    for hints in ((0, 0), (0,) * 16):
        with refused(closed.world, "cut: one hint for each lane"):
            closed.fix(APPLE, 0, hints)
    Third.joins(closed)
    with refused(closed.world, "cut: one hint for each lane"):
        closed.fix(APPLE, 0, (0,))
    closed.fix(APPLE, 0, (0, 0))


def test_home_s_accounts_are_fixed_once(closed: Actions) -> None:
    closed.fix(APPLE)
    with refused(closed.world, "cut: fixed already"):
        closed.fix(APPLE)


def test_nobody_fixes_before_the_close(actions: Actions) -> None:
    actions.in_force(APPLE)
    for seconds in (0, DAY - 1):
        begin(actions.home, CLOSE, seconds)
        with refused(actions.world, "book: day not closed"):
            actions.fix(APPLE)
    begin(actions.home, CLOSE + 1)
    actions.fix(APPLE)


def test_what_is_not_in_force_is_not_fixed(actions: Actions) -> None:
    with refused(actions.world, "events: none, or cancelled"):
        actions.fix(APPLE)
    actions.announce(APPLE)
    actions.close(CLOSE)
    with refused(actions.world, "events: none, or cancelled"):
        actions.fix(APPLE)
    actions.confirm(EventVersion(APPLE))
    actions.fix(APPLE)


def test_what_is_cancelled_is_not_fixed(closed: Actions) -> None:
    closed.in_force(CANCELLED.record, CANCELLED.status)
    with refused(closed.world, "events: none, or cancelled"):
        closed.fix(APPLE)


def test_what_has_no_record_day_is_not_fixed(actions: Actions) -> None:
    actions.in_force(replace(MEETING, record_day=0))
    with refused(actions.world, "events: no record day"):
        actions.fix(APPLE)


def test_home_alone_fixes(closed: Actions) -> None:
    side = closed.remote
    with refused(closed.world, "events: at home only"):
        side.engine.fix(COAF, (0, 0), (), sender=side.courier)
    with refused(closed.world, "events: at home only"):
        side.engine.fix_lane(COAF, closed.world.lane, NO_HINTS, sender=side.courier)


@pytest.mark.parametrize("version", [EventVersion(APPLE.successor(rate=Rate(1))), CANCELLED])
def test_a_version_that_waits_for_confirmation_is_waited_for(
    closed: Actions, version: EventVersion
) -> None:
    """What was announced is not overtaken."""
    closed.announce(version.record, version.status)
    with refused(closed.world, "cut: a version waits for confirmation"):
        closed.fix(APPLE)
    if version.status is Status.ACTIVE:
        closed.confirm(version)
        closed.fix(version.record)
        assert closed.home.engine.version_of(version.record.hash).fixed
        assert not closed.home.engine.version_of(APPLE.hash).fixed


def test_totals_are_in_the_units_that_the_record_names(actions: Actions) -> None:
    """A ratio between record and payment: nobody is paid at old rates for new units."""
    later = replace(APPLE, coaf="US-2020-DVCA-02", unit_epoch=1)
    for record in (APPLE, later):
        actions.announce(record)
        actions.confirm(EventVersion(record))
    ratios = Engine.of(actions.home)
    actions.close(CLOSE)
    with refused(actions.world, "cut: closes in other units"):
        actions.fix(later)
    ratios.announce(4, 1)
    begin(actions.home, ratios.day(3))
    with refused(actions.world, "cut: closes in other units"):
        actions.fix(later)
    assert actions.fix(APPLE).one("EventFixed").args["accounts"] == ISSUE


def test_a_record_day_in_new_units_is_fixed_in_them(actions: Actions) -> None:
    ratios = Engine.of(actions.home)
    first = ratios.day(3)
    ratios.announce(4, 1)
    begin(actions.home, first)
    old, new = APPLE, replace(APPLE, coaf="US-2020-DVCA-02", unit_epoch=1)
    for record in (old, new):
        actions.announce(record)
        actions.confirm(EventVersion(record))
    actions.close(CLOSE)
    with refused(actions.world, "cut: closes in other units"):
        actions.fix(old)
    assert actions.fix(new).one("EventFixed").args["accounts"] == 4 * ISSUE


# ------------------------------------------------------- once home's accounts are fixed


def test_a_fixed_event_does_not_change(closed: Actions) -> None:
    closed.fix(APPLE)
    for changes in ({}, {"rate": Rate(1)}, {"record_day": CLOSE + 30, "payment_day": CLOSE + 60}):
        record = replace(APPLE.successor(), **changes)
        if "record_day" in changes:
            record = replace(record, figures_by=CLOSE + 40, relief_until=CLOSE + 70)
        for status in Status if "record_day" in changes else (Status.ACTIVE,):
            with refused(closed.world, "events: totals are fixed"):
                closed.announce(record, status)


def test_a_fixed_event_is_cancelled_before_its_payment_day(split: Actions) -> None:
    begin(split.home, APPLE.payment_day - 1, DAY - 2)
    split.announce(CANCELLED.record, CANCELLED.status)
    split.confirm(CANCELLED)
    assert split.home.engine.event_of(COAF).in_force == CANCELLED.record.hash
    assert share(split, split.world.lane) == (True, *SPLIT)
    for act in (split.fix, split.fix_lane):
        with refused(split.world, "events: none, or cancelled"):
            act(APPLE)
    with refused(split.world, "events: cancelled already"):
        split.announce(CANCELLED.record.successor())


def test_from_its_payment_day_on_a_fixed_event_is_not_cancelled(split: Actions) -> None:
    begin(split.home, APPLE.payment_day)
    with refused(split.world, "events: payment has begun"):
        split.announce(CANCELLED.record, CANCELLED.status)


def test_a_cancellation_is_confirmed_before_the_payment_day_too(split: Actions) -> None:
    split.announce(CANCELLED.record, CANCELLED.status)
    begin(split.home, APPLE.payment_day)
    with refused(split.world, "events: payment has begun"):
        split.confirm(CANCELLED)


def test_an_event_that_is_not_fixed_is_cancelled_whenever(closed: Actions) -> None:
    begin(closed.home, APPLE.payment_day + 30)
    closed.in_force(CANCELLED.record, CANCELLED.status)
    assert closed.home.engine.event_of(COAF).in_force == CANCELLED.record.hash


def test_an_event_that_pays_nothing_is_cancelled_though_fixed(actions: Actions) -> None:
    """Anyone fixes it: that must not make it irrevocable."""
    actions.in_force(MEETING)
    actions.close(CLOSE)
    actions.fix(MEETING)
    with refused(actions.world, "events: totals are fixed"):
        actions.announce(MEETING.successor())
    record = MEETING.successor()
    actions.in_force(record, Status.CANCELLED)
    assert actions.home.engine.event_of(COAF).in_force == record.hash


def test_events_of_one_record_day_are_fixed_apart(actions: Actions) -> None:
    """They share its figures, and nothing else."""
    other = replace(APPLE, coaf="US-2020-DVCA-02")
    for record in (APPLE, other):
        actions.take(actions.in_force(record))
    spread(actions)
    actions.close(CLOSE)
    side, lane, coaf = actions.home, actions.world.lane, other.as_tuple()[2]
    actions.fix(APPLE)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    actions.take_totals(APPLE)
    for each in (HOME, lane):
        assert tuple(side.engine.share_of(coaf, each)) == (False, 0, 0, 0)
    assert not actions.remote.engine.version_of(other.hash).fixed
    with refused(actions.world, "cut: home's accounts first"):
        actions.fix_lane(other)
    actions.fix(other)
    actions.fix_lane(other)
    for each in (HOME, lane):
        assert tuple(side.engine.share_of(coaf, each)) == share(actions, each)
    assert actions.take_totals(other).return_value is True


# ------------------------------------------------------------------------------ a lane


@pytest.mark.requirement("R-41", "INV-6")
def test_a_lane_is_split_among_those_who_owe_for_it(fixed: Actions) -> None:
    lane = fixed.world.lane
    receipt = fixed.fix_lane(APPLE)
    totals = Totals(COAF, EventVersion(APPLE).id, lane, SPLIT[1], SPLIT[2])
    assert receipt.events == (lane_fixed(fixed, lane, *SPLIT), totals_sent(fixed, totals))
    assert share(fixed, lane) == (True, *SPLIT)
    assert fixed.home.engine.is_told(fixed.message(totals).id)
    assert share(fixed, HOME)[2] + sum(SPLIT) == ISSUE


def test_a_lane_that_is_split_is_told_again_under_one_id(split: Actions) -> None:
    before = split.world.storage()
    receipt = split.fix_lane(APPLE)
    assert receipt.events == (totals_sent(split, split.totals(APPLE)),)
    assert split.world.storage() == before


def test_a_lane_is_split_after_home_s_accounts(closed: Actions) -> None:
    closed.take_figures(closed.figures(CLOSE))
    with refused(closed.world, "cut: home's accounts first"):
        closed.fix_lane(APPLE)


def test_a_lane_of_an_unknown_event_is_not_split(actions: Actions) -> None:
    with refused(actions.world, "events: none, or cancelled"):
        actions.fix_lane(APPLE)


def test_a_lane_without_figures_of_that_day_is_not_split(closed: Actions) -> None:
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE - 1))
    with refused(closed.world, "cut: no figures, or two"):
        closed.fix_lane(APPLE)
    side = closed.home
    with refused(closed.world, "cut: no figures, or two"):
        side.engine.fix_lane(COAF, keccak(b"no lane"), NO_HINTS, sender=side.courier)
    with refused(closed.world, "cut: no figures, or two"):
        side.engine.fix_lane(COAF, HOME, NO_HINTS, sender=side.courier)


# Of what stood: 923 there, 20 of them waiting, 97 sent, 1,320 sent there, 1,265 owed.
UNFIT = [
    {"supply": 923 + 301},
    {"supply": AMOUNT_MAX},
    {"sent": 97 - 43},
    {"sent": 0},
    {"sent": 97 + 301},
    {"sent": AMOUNT_MAX},
    {"suspense": 924},
    {"suspense": AMOUNT_MAX},
    {"supply": 19, "suspense": 20},
    {"supply": 0, "suspense": 0, "sent": 54},
    {"supply": 923 + 150, "sent": 97 + 151},
]


@pytest.mark.requirement("R-14", "INV-6")
@pytest.mark.parametrize("changes", UNFIT)
def test_figures_that_do_not_fit_split_nothing(closed: Actions, changes: dict[str, int]) -> None:
    """More arrived than was sent, in either direction, or more waits than there is."""
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE, **changes))
    with refused(closed.world, "cut: figures do not fit"):
        closed.fix_lane(APPLE)


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"supply": 923 + 300}, (SPLIT[0], SPLIT[1] + 300, SPLIT[2] - 300)),
        ({"supply": 20}, (SPLIT[0], 0, SPLIT[2] + SPLIT[1])),
        ({"sent": 97 - 42}, (SPLIT[0] - 42, SPLIT[1], SPLIT[2] + 42)),
        ({"sent": 97 + 300}, (SPLIT[0] + 300, SPLIT[1], SPLIT[2] - 300)),
        ({"suspense": 923}, (SPLIT[0], 0, SPLIT[2] + SPLIT[1])),
        ({"suspense": 0}, (SPLIT[0], SPLIT[1] + 20, SPLIT[2] - 20)),
    ],
)
def test_a_lie_that_fits_shifts_units_inside_its_own_lane_only(
    closed: Actions, changes: dict[str, int], parts: tuple[int, ...]
) -> None:
    """The bounds of what fits: no direction below zero."""
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE, **changes))
    closed.fix_lane(APPLE)
    assert share(closed, closed.world.lane) == (True, *parts)
    assert sum(parts) == OWED
    assert share(closed, HOME) == (True, 0, ISSUE - OWED, 0)


def test_the_numbers_of_these_tests_are_those_of_the_ledgers(closed: Actions) -> None:
    world, home = closed.world, closed.home
    figures = closed.figures(CLOSE)
    assert (figures.supply, figures.suspense, figures.sent) == (923, 20, 97)
    assert home.escrow.sent_at_close(world.lane, CLOSE, 0) == 1_320
    assert home.escrow.suspense_at_close(world.lane, CLOSE, 0) == 5
    assert home.token.balance_at_close(home.custody, CLOSE, 0) - 5 == 1_265 == OWED - 5


def test_figures_in_other_units_split_nothing(closed: Actions) -> None:
    closed.fix(APPLE)
    closed.take_figures(closed.figures(CLOSE, epoch=1))
    with refused(closed.world, "cut: figures in other units"):
        closed.fix_lane(APPLE)


def test_a_lane_is_split_by_the_close_with_hints_for_ever(closed: Actions) -> None:
    world = closed.world
    figures = closed.figures(CLOSE)
    closed.fix(APPLE)
    for _ in range(24):
        world.arrived(3)
        world.deliver(world.burned(1, world.home.attacker))
        for each in (world.home, world.remote):
            each.chain.advance(DAY)
        world.synchronise()
    closed.take_figures(figures)
    first = CLOSE + 1
    for hints, reason in (
        ((0, first, first), "book: not kept, or give a hint"),
        ((first, 0, first), "flows: not kept, or give a hint"),
        ((first, first, 0), "flows: not kept, or give a hint"),
        ((CLOSE, first, first), "book: hint is no later opening"),
        ((first, CLOSE, first), "flows: hint is no later opening"),
        ((first, first, CLOSE), "flows: hint is no later opening"),
    ):
        with refused(world, reason):
            closed.fix_lane(APPLE, hints)
    closed.fix_lane(APPLE, (first, first, first))
    assert share(closed, world.lane) == (True, *SPLIT)


@pytest.mark.requirement("INV-7")
def test_a_contradiction_before_it_is_split_stops_a_lane(fixed: Actions) -> None:
    fixed.take_figures(fixed.figures(CLOSE, supply=922))
    with refused(fixed.world, "cut: no figures, or two"):
        fixed.fix_lane(APPLE)


@pytest.mark.requirement("INV-7")
def test_a_contradiction_after_it_was_split_keeps_it_from_being_told_again(split: Actions) -> None:
    """What was fixed stands; nobody is told of it any more."""
    before = share(split, split.world.lane)
    split.take_figures(split.figures(CLOSE, supply=922))
    with refused(split.world, "cut: no figures, or two"):
        split.fix_lane(APPLE)
    assert share(split, split.world.lane) == before == (True, *SPLIT)


# ---------------------------------------------------------------------------- totals


@pytest.mark.requirement("R-42")
def test_a_ledger_takes_what_it_owes_for(split: Actions) -> None:
    side, lane = split.remote, split.world.lane
    totals = split.totals(APPLE)
    receipt = split.take_totals(APPLE)
    assert receipt.return_value is True
    assert receipt.events == (side.engine.emitted("TotalsTaken", COAF, lane, totals.as_tuple()),)
    assert share(split, lane, home=False) == (True, 0, SPLIT[1], SPLIT[2])
    version = side.engine.version_of(APPLE.hash)
    assert (version.fixed, version.halted) == (True, False)


def test_totals_are_taken_once(split: Actions) -> None:
    split.take_totals(APPLE)
    with refused(split.world, "cut: taken already"):
        split.take_totals(APPLE)


@pytest.mark.parametrize("name", ["accounts", "crossing"])
def test_other_totals_halt_the_event_where_they_are_shown(split: Actions, name: str) -> None:
    """They don't revert, or nobody could show them; at home nothing stops."""
    side, lane = split.remote, split.world.lane
    split.take_totals(APPLE)
    known = share(split, lane, home=False)
    told = split.totals(APPLE)
    shown = replace(told, **{name: getattr(told, name) + 1})
    receipt = split.take_totals(APPLE, shown)
    assert receipt.return_value is False
    assert receipt.events == (
        side.engine.emitted("TotalsContradicted", COAF, lane, known, shown.as_tuple()),
    )
    assert side.engine.version_of(APPLE.hash).halted
    for totals in (told, shown):
        with refused(split.world, "events: halted"):
            split.take_totals(APPLE, totals)
    for version in (CANCELLED, EventVersion(APPLE)):
        with refused(split.world, "events: halted"):
            split.take(version)
    assert not split.home.engine.version_of(APPLE.hash).halted
    split.fix_lane(APPLE)


def test_totals_are_of_the_version_in_force(split: Actions) -> None:
    others = (EventVersion(APPLE, Status.CANCELLED), EventVersion(APPLE.successor()))
    for version in (*(each.id for each in others), APPLE.hash, HOME):
        with refused(split.world, "cut: totals of another version"):
            split.take_totals(APPLE, split.totals(APPLE, event_version=version))


def test_a_ledger_that_was_told_of_a_later_version_waits_for_its_totals(split: Actions) -> None:
    split.take(EventVersion(APPLE.successor()))
    with refused(split.world, "cut: totals of another version"):
        split.take_totals(APPLE)


def told_late(actions: Actions, *later: EventRecord) -> int:
    """The remote ledger is told after the close; when its notice ends, by its own clock."""
    version = actions.in_force(APPLE)
    spread(actions)
    actions.close(CLOSE)
    actions.take(version)
    since = int(actions.remote.engine.version_of(APPLE.hash).since)
    for record in later:
        actions.remote.chain.advance(DAY)
        actions.take(actions.in_force(record))
    record = [APPLE, *later][-1]
    actions.fix(record)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(record)
    return since + NOTICE_DAYS * DAY


@pytest.mark.parametrize("later", [(), (APPLE.successor(rate=Rate(83, 100)),)])
def test_a_ledger_that_was_told_late_pays_after_its_own_notice(
    actions: Actions, later: tuple[EventRecord, ...]
) -> None:
    """Home's clock is far ahead meanwhile, and counts for nothing there; nor does a new rate."""
    side, until = actions.remote, told_late(actions, *later)
    actions.home.chain.advance(30 * DAY)
    record = [APPLE, *later][-1]
    side.chain.set_time(until - 1)
    with refused(actions.world, "cut: too little notice"):
        actions.take_totals(record)
    side.chain.set_time(until)
    assert [event.name for event in actions.take_totals(record).events] == ["TotalsTaken"]


def test_a_ledger_that_was_told_of_nothing_takes_no_totals(actions: Actions) -> None:
    totals = Totals(COAF, EventVersion(APPLE).id, actions.world.lane, 1, 2)
    with refused(actions.world, "events: none, or cancelled"):
        actions.take_totals(APPLE, totals)
    actions.take(EventVersion(MEETING))
    with refused(actions.world, "cut: totals of another version"):
        actions.take_totals(APPLE, totals)


def test_of_a_cancelled_event_no_totals_are_taken(split: Actions) -> None:
    split.take(split.in_force(CANCELLED.record, CANCELLED.status))
    with refused(split.world, "events: none, or cancelled"):
        split.take_totals(APPLE)


def test_what_was_taken_is_cancelled_as_home_is(split: Actions) -> None:
    split.take_totals(APPLE)
    with refused(split.world, "events: totals are fixed"):
        split.take(EventVersion(APPLE.successor()))
    version = split.in_force(CANCELLED.record, CANCELLED.status)
    assert split.take(version).return_value is True
    with refused(split.world, "events: none, or cancelled"):
        split.take_totals(APPLE)


def test_totals_are_of_the_lane_to_home(split: Actions) -> None:
    for lane in (keccak(b"no lane"), HOME):
        with refused(split.world, "figures: of another's lane"):
            split.take_totals(APPLE, split.totals(APPLE, lane=lane))


@pytest.mark.parametrize("name", ["accounts", "crossing"])
def test_totals_beyond_their_words_are_refused(split: Actions, name: str) -> None:
    for amount in (AMOUNT_MAX + 1, UINT_MAX):
        with refused(split.world, "cut: out of range"):
            split.take_totals(APPLE, split.totals(APPLE, **{name: amount}))
    split.take_totals(APPLE, split.totals(APPLE, **{name: AMOUNT_MAX}))


def test_home_fixes_its_own_totals(split: Actions) -> None:
    """Nobody's signatures change, or halt, what home fixed."""
    side, totals = split.home, split.totals(APPLE, accounts=1)
    message = split.message(totals)
    arguments = (message.as_tuple(), totals.as_tuple(), split.proof(message))
    with refused(split.world, "cut: home fixes its own"):
        side.engine.take_totals(*arguments, sender=side.courier)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"codec": 2}, "unknown codec"),
        ({"kind": 1}, "of another kind"),
        ({"kind": 3}, "of another kind"),
        ({"body": EventVersion(APPLE).id}, "of something else"),
        ({"instrument": keccak(b"DE0001102580")}, "of something else"),
        ({"source_ledger": ledger_id("eip155:41009")}, "from an unknown engine"),
        ({"source_engine": bytes(32)}, "from an unknown engine"),
    ],
)
def test_totals_are_told_by_exactly_this_message(
    split: Actions, changes: dict[str, Any], reason: str
) -> None:
    totals = split.totals(APPLE)
    message = replace(split.message(totals), **changes)
    proof = ENGINE_ATTESTORS.sign(domain_of(split.home.engine), message.id)
    with refused(split.world, f"dispatch: {reason}"):
        split.take_totals(APPLE, totals, message, proof)


def test_totals_are_signed_by_a_quorum(split: Actions) -> None:
    message = split.message(split.totals(APPLE))
    with refused(split.world, "verifier: too few signatures"):
        split.take_totals(APPLE, None, message, split.proof(message, 1))


def test_a_remote_ledger_knows_of_no_share_before_it_is_told(split: Actions) -> None:
    for lane in (split.world.lane, HOME):
        assert share(split, lane, home=False) == (False, 0, 0, 0)


# ---------------------------------------------- what an attack on the first draft found


def test_first_lock_of_a_lane_after_the_record_date(actions: Actions) -> None:
    """Asked days later: a lane that had never moved was owed nothing, and stops nobody."""
    world = actions.world
    actions.take(actions.in_force(APPLE))
    actions.close(CLOSE)
    for _ in range(12):
        world.arrived(10)
        world.deliver(world.locked(2, world.remote.outsider))
        world.burned(1)
        for side in (world.home, world.remote):
            side.chain.advance(DAY)
        world.synchronise()
    first = CLOSE + 1
    actions.fix(APPLE, 0, (first,))
    sent = actions.send_figures(CLOSE, hints=(first, first, first, 0)).one("FiguresSent")
    figures = Figures(world.lane, CLOSE, 0, 0, 0, 0)
    assert sent.figures == figures.as_tuple()
    actions.take_figures(figures)
    actions.fix_lane(APPLE, (first, 0, first))
    assert share(actions, HOME) == (True, 0, ISSUE, 0)
    assert share(actions, world.lane) == (True, 0, 0, 0)
    assert actions.take_totals(APPLE).return_value is True


def test_a_lane_that_was_opened_after_the_record_date_was_owed_nothing(closed: Actions) -> None:
    third = Third.joins(closed)
    third.lock(77)
    closed.fix(APPLE)
    third.take_figures(third.figures(CLOSE))
    third.fix(APPLE)
    assert share(closed, third.lane) == (True, 0, 0, 0)
    assert share(closed, HOME) == (True, 0, ISSUE - OWED, 0)


@pytest.mark.requirement("INV-6")
def test_a_stranger_s_base_unit_on_day_f_plus_8(actions: Actions) -> None:
    """Days take turns in eight slots: who overwrites one keeps what an announced close needs.

    Here it is announced a week late, when the opening that tells it lies in its slot already.
    """
    world, home, remote = actions.world, actions.home, actions.remote
    actions.announce(APPLE)
    spread(actions)
    actions.close(CLOSE)
    first = CLOSE + 1

    def touch() -> None:
        """A base unit to the investor and back over each ledger's accounts and the lane."""
        for side, sender in ((home, home.buyer), (remote, remote.investor)):
            side.token.transfer(side.fund, 1, sender=sender)
        world.deliver(world.locked(1, remote.attacker))
        world.burned(1)

    touch()
    begin(home, CLOSE + 7)
    begin(remote, CLOSE + 7)
    world.synchronise()
    version = EventVersion(APPLE)
    actions.confirm(version)
    actions.take(version)
    begin(home, first + 8)
    begin(remote, first + 8)
    world.synchronise()
    touch()
    begin(home, first + 9)
    begin(remote, first + 9)
    holders = (home.investor, home.buyer, home.fund)
    held = [home.token.entitled_at_close(each, CLOSE, first) for each in holders[:2]]
    assert sum(held) + home.token.entitled_at_close(home.fund, CLOSE, first) == ISSUE - OWED
    actions.fix(APPLE, first, (first,))
    sent = actions.send_figures(CLOSE, hints=(first, first, first, 0)).one("FiguresSent")
    actions.take_figures(Figures(*sent.figures))
    actions.fix_lane(APPLE, (first, first, first))
    assert share(actions, world.lane) == (True, *SPLIT)


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("how", ["silent", "lying", "double-signing"])
def test_one_lane_silent_lying_or_double_signing(actions: Actions, how: str) -> None:
    """That lane alone waits, whatever its quorum signs; it is split once it tells the truth."""
    world, third = actions.world, Third.joins(actions)
    actions.take(actions.in_force(APPLE))
    spread(actions)
    third.lock(40)
    actions.close(CLOSE)
    true = third.figures(CLOSE, supply=30)
    told = {
        "silent": [],
        "lying": [third.figures(CLOSE, supply=41)],
        "double-signing": [true, third.figures(CLOSE, supply=29)],
    }[how]
    for figures in told:
        third.take_figures(figures)
    reason = "figures do not fit" if how == "lying" else "no figures, or two"
    accounts = ISSUE - OWED - 40
    receipt = actions.fix(APPLE)
    assert receipt.events == (event_fixed(actions, APPLE, accounts, OWED + 40),)
    with refused(world, f"cut: {reason}"):
        third.fix(APPLE)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    assert actions.take_totals(APPLE).return_value is True
    with refused(world, f"cut: {reason}"):
        third.fix(APPLE)
    assert share(actions, HOME) == (True, 0, accounts, 0)
    assert share(actions, world.lane) == (True, *SPLIT)
    assert share(actions, third.lane) == (False, 0, 0, 0)
    if how == "silent":
        third.take_figures(true)
        third.fix(APPLE)
        assert share(actions, third.lane) == (True, 0, 30, 10)


@pytest.mark.requirement("INV-6")
def test_lock_day_0_suspense_day_1(world: World) -> None:
    """Units that left on the record day and wait from the next day on are to land there."""
    actions = Actions(world)
    actions.take(actions.in_force(APPLE))
    begin(world.home, CLOSE)
    message = world.network.lock(world.home.investor, world.remote.outsider, 70)
    actions.close(CLOSE)
    world.synchronise()
    world.deliver(message)
    actions.close(CLOSE + 1)
    actions.fix(APPLE)
    for day, crossing in ((CLOSE, (0, 0)), (CLOSE + 1, (70, 70))):
        figures = actions.figures(day)
        assert (figures.supply, figures.suspense) == crossing
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    assert share(actions, HOME) == (True, 0, ISSUE - 70, 0)
    assert share(actions, world.lane) == (True, 0, 0, 70)
    world.network.admit(world.network.suite("remote"), world.remote.outsider, 40_000)
    world.network.claim(message)
    landing = world.remote.escrow.landed(message.id)
    assert landing & 0xFFFF == CLOSE + 2


def test_nobody_s_role_is_needed_to_cut(closed: Actions) -> None:
    """A stranger carries everything; no key of the issuer's can keep it back."""
    home, remote = closed.home, closed.remote
    lane = closed.world.lane
    remote.engine.send_figures(lane, CLOSE, 0, (0,) * 4, sender=remote.attacker)
    figures = closed.figures(CLOSE)
    message = closed.message(figures)
    home.engine.take_figures(
        message.as_tuple(), figures.as_tuple(), closed.proof(message), sender=home.attacker
    )
    home.engine.fix(COAF, (0, 0), (), sender=home.attacker)
    home.engine.fix_lane(COAF, lane, NO_HINTS, sender=home.attacker)
    totals = closed.totals(APPLE)
    message = closed.message(totals)
    remote.engine.take_totals(
        message.as_tuple(), totals.as_tuple(), closed.proof(message), sender=remote.attacker
    )
    assert share(closed, lane, home=False) == (True, 0, SPLIT[1], SPLIT[2])
