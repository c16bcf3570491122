"""Events: announced, confirmed, cancelled at home; taken, late or halted on another ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Armed, EventVersion, Status
from tallystick.actions.record import EventRecord
from tallystick.chain import Event
from tallystick.chain.abi import keccak
from tallystick.token.closings import CALENDAR_DAYS, MAX_AHEAD
from tests.support.actions import (
    APPLE,
    COAF,
    ENGINE_ATTESTORS,
    EVENT_ATTESTORS,
    KEEP,
    RECORD_DATE,
    Actions,
    begin,
    chain_of,
    domain_of,
    new_engine,
    set_peer,
)
from tests.support.world import (
    DAY,
    STATED,
    UNSTATED,
    ZERO,
    Side,
    World,
    refused,
)

EMPTY = bytes(32)
# The token keeps closings of so many days back without announcement.
WEEK = 7
# Business days between announcement and record day.
NOTICE_DAYS = 2
SECOND = APPLE.successor(rate=Rate(83, 100), terms=keccak(b"other terms"))
MOVED = APPLE.successor(record_day=18_485)
# Of another event.
OTHER = replace(APPLE, coaf="US-2020-DVCA-02")
WITHOUT_DAY = EventRecord(
    isin=APPLE.isin,
    corp=APPLE.corp,
    coaf=APPLE.coaf,
    caev="INFO",
    camv="MAND",
    announced=APPLE.announced,
    terms=APPLE.terms,
)


def closing(side: Side, record: EventRecord) -> tuple[Event, ...]:
    """The events of a close that the engine has the token keep."""
    selector = side.token.method(KEEP).selector
    return (
        side.token.emitted("PrivilegedAct", selector, ZERO, side.engine, RECORD_DATE, record.hash),
        side.token.emitted("CloseAnnounced", record.record_day),
    )


def announced(actions: Actions, version: EventVersion) -> tuple[Event, ...]:
    """The events of an announcement."""
    side, record = actions.home, version.record
    return (
        side.act(side.engine, "announce", ZERO, side.issuer),
        side.engine.emitted(
            "EventAnnounced", COAF, record.hash, int(version.status), record.as_tuple()
        ),
    )


def record_sent(actions: Actions, version: EventVersion) -> Event:
    """The event with which home tells of a version."""
    message = actions.message(version)
    return actions.home.engine.emitted(
        "RecordSent",
        coaf=COAF,
        id=message.id,
        header=message.as_tuple(),
        record_hash=version.record.hash,
        status=int(version.status),
    )


def record_taken(actions: Actions, version: EventVersion, *, late: bool = False) -> Event:
    """The event of a version that the remote ledger takes."""
    record = version.record
    return actions.remote.engine.emitted(
        "RecordTaken", COAF, record.hash, int(version.status), late, record.as_tuple()
    )


def armed_sent(actions: Actions, armed: Armed) -> Event:
    """The event with which the remote ledger tells that it was told."""
    message = actions.message(armed)
    return actions.remote.engine.emitted(
        "ArmedSent", COAF, message.id, message.as_tuple(), armed.as_tuple()
    )


def halted(
    actions: Actions, version: int, known: tuple[bytes, int], shown: tuple[bytes, int]
) -> Event:
    """The event of two records of a version that can't both be, by hash and status."""
    return actions.remote.engine.emitted("EventHalted", COAF, version, *known, *shown)


def standing(side: Side) -> tuple[Any, ...]:
    """Where the event stands: CORP, newest, in force."""
    return tuple(side.engine.event_of(COAF))


def kept(side: Side, record: EventRecord) -> tuple[Any, ...]:
    """What is kept of a version, see `entry`."""
    return tuple(side.engine.version_of(record.hash))


def entry(
    number: int,
    day: int,
    status: int,
    since: int,
    noticed: int | None = None,
    *,
    late: bool = False,
    fixed: bool = False,
    halted: bool = False,
) -> tuple[Any, ...]:
    """What is kept of a version in the first units of all; noticed when it came, unless before."""
    return (
        number,
        day,
        0,
        status,
        since,
        since if noticed is None else noticed,
        late,
        fixed,
        halted,
    )


def is_halted(side: Side) -> bool:
    """Whether the event is halted on a ledger."""
    return bool(side.engine.version_of(side.engine.event_of(COAF).in_force).halted)


CORP = APPLE.as_tuple()[1]
NO_VERSION = entry(0, 0, 0, 0)

# ------------------------------------------------------------------------ announcing


@pytest.mark.requirement("R-40")
def test_the_issuer_announces_an_event(actions: Actions) -> None:
    """Nothing follows from it yet."""
    side, version = actions.home, EventVersion(APPLE)
    receipt = actions.announce(APPLE)
    assert receipt.events == announced(actions, version)
    assert standing(side) == (CORP, APPLE.hash, EMPTY)
    since = side.chain.block().timestamp
    assert kept(side, APPLE) == entry(1, APPLE.record_day, 1, since)
    assert side.engine.record_hash(COAF, 1) == APPLE.hash
    assert side.engine.version_hash(COAF, 1) == version.id
    assert side.token.announced_closes() == []
    assert not side.engine.is_told(actions.message(version).id)


def test_what_was_never_announced_is_empty(home_side: Side) -> None:
    assert standing(home_side) == (EMPTY, EMPTY, EMPTY)
    assert kept(home_side, APPLE) == NO_VERSION
    assert home_side.engine.record_hash(COAF, 1) == EMPTY
    assert home_side.engine.version_hash(COAF, 1) == EMPTY
    assert home_side.engine.version_hash(COAF, 0) == EMPTY


@pytest.mark.parametrize("status", Status)
def test_events_are_announced_at_home(world: World, status: Status) -> None:
    side = world.remote
    with refused(world, "events: at home only"):
        side.engine.announce(APPLE.as_tuple(), status, *STATED, sender=side.issuer)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"isin": "DE0001102580"}, "record: of another instrument"),
        ({"record_day": 18_480}, "record: days out of order"),
        ({"rate": None, "currency": ""}, "record: cash without rate or day"),
    ],
)
def test_a_record_is_well_formed(actions: Actions, changes: dict[str, Any], reason: str) -> None:
    with refused(actions.world, reason):
        actions.announce(replace(APPLE, **changes))


@pytest.mark.parametrize("status", [0, 3])
def test_a_status_is_known(actions: Actions, status: int) -> None:
    with refused(actions.world, "record: unknown status"):
        actions.announce(APPLE, status)


@pytest.mark.parametrize("status", Status)
def test_an_announcement_states_its_reason_and_document(actions: Actions, status: Status) -> None:
    side = actions.home
    for stated, reason in UNSTATED:
        with refused(actions.world, reason):
            side.engine.announce(APPLE.as_tuple(), status, *stated, sender=side.issuer)


# ---------------------------------------------------------------------------- notice


def test_notice_counts_business_days_of_the_homes_own_clock(actions: Actions) -> None:
    first_late = APPLE.record_day - NOTICE_DAYS + 1
    begin(actions.home, first_late)
    with refused(actions.world, "events: too little notice"):
        actions.announce(APPLE)


def test_a_record_day_is_announced_until_two_days_before_it(actions: Actions) -> None:
    begin(actions.home, APPLE.record_day - NOTICE_DAYS, seconds=DAY - 1)
    actions.announce(APPLE)


@pytest.mark.parametrize("ahead", [0, 1, 9])
def test_a_record_day_of_the_past_is_not_announced(actions: Actions, ahead: int) -> None:
    begin(actions.home, APPLE.record_day + ahead)
    with refused(actions.world, "events: too little notice"):
        actions.announce(APPLE)


def test_what_has_no_record_day_needs_no_notice(actions: Actions) -> None:
    receipt = actions.announce(WITHOUT_DAY)
    assert len(receipt.events) == 2
    receipt = actions.confirm(EventVersion(WITHOUT_DAY))
    assert receipt.events == (record_sent(actions, EventVersion(WITHOUT_DAY)),)


def test_a_record_day_in_force_keeps_its_notice(actions: Actions) -> None:
    """A rate that was wrong is put right after the record day."""
    actions.in_force(APPLE)
    begin(actions.home, APPLE.record_day + 30)
    receipt = actions.announce(SECOND)
    assert receipt.events == announced(actions, EventVersion(SECOND))
    # The token keeps that close already, long past as it is.
    receipt = actions.confirm(EventVersion(SECOND))
    assert receipt.events == (record_sent(actions, EventVersion(SECOND)),)
    assert standing(actions.home) == (CORP, SECOND.hash, SECOND.hash)


def test_a_record_day_that_was_not_confirmed_needs_notice_again(actions: Actions) -> None:
    actions.announce(APPLE)
    begin(actions.home, APPLE.record_day - 1)
    with refused(actions.world, "events: too little notice"):
        actions.announce(SECOND)


def test_a_record_day_that_moves_needs_notice_again(actions: Actions) -> None:
    actions.in_force(APPLE)
    begin(actions.home, MOVED.record_day - 1)
    with refused(actions.world, "events: too little notice"):
        actions.announce(MOVED)


# -------------------------------------------------------------------------- versions


@pytest.mark.requirement("R-40")
def test_a_version_replaces_the_one_before_whole(actions: Actions) -> None:
    actions.in_force(APPLE)
    actions.in_force(MOVED)
    side = actions.home
    assert standing(side) == (CORP, MOVED.hash, MOVED.hash)
    assert [side.engine.record_hash(COAF, n) for n in (1, 2, 3)] == [APPLE.hash, MOVED.hash, EMPTY]
    assert side.token.announced_closes() == [MOVED.record_day, APPLE.record_day]


def test_a_version_that_was_never_confirmed_is_followed_by_the_next(actions: Actions) -> None:
    actions.announce(APPLE)
    actions.announce(SECOND)
    with refused(actions.world, "events: not the newest version"):
        actions.confirm(EventVersion(APPLE))
    with refused(actions.world, "verifier: wrong signature"):
        actions.confirm(EventVersion(SECOND), actions.attested(EventVersion(APPLE)))
    actions.confirm(EventVersion(SECOND))
    assert standing(actions.home) == (CORP, SECOND.hash, SECOND.hash)


def test_the_version_in_force_stays_until_the_next_is_confirmed(actions: Actions) -> None:
    actions.in_force(APPLE)
    actions.announce(SECOND)
    assert standing(actions.home) == (CORP, SECOND.hash, APPLE.hash)


THIRD = SECOND.successor()


@pytest.mark.parametrize(
    ("before", "record", "reason"),
    [
        ((), SECOND, "not the next version"),
        ((APPLE,), APPLE, "not the next version"),
        ((APPLE,), replace(APPLE, terms=keccak(b"again")), "not the next version"),
        ((APPLE,), THIRD, "not the next version"),
        ((APPLE, SECOND), SECOND, "not the next version"),
        ((APPLE,), replace(SECOND, previous=keccak(b"other")), "not linked to previous"),
        ((APPLE, SECOND), replace(THIRD, previous=APPLE.hash), "not linked to previous"),
        ((APPLE,), replace(SECOND, corp="TALLY-2"), "of another CORP"),
    ],
)
def test_an_id_is_used_once(
    actions: Actions, before: tuple[EventRecord, ...], record: EventRecord, reason: str
) -> None:
    for each in before:
        actions.announce(each)
    for status in Status:
        with refused(actions.world, f"events: {reason}"):
            actions.announce(record, status)


def test_two_events_do_not_touch_one_another(actions: Actions) -> None:
    actions.in_force(APPLE)
    actions.announce(OTHER)
    assert standing(actions.home) == (CORP, APPLE.hash, APPLE.hash)
    receipt = actions.confirm(EventVersion(OTHER))
    # One record date, announced twice: the token keeps one close.
    assert receipt.one("CloseAnnounced").args["day"] == APPLE.record_day
    assert actions.home.token.announced_closes() == [APPLE.record_day]


# ------------------------------------------------------------------------ confirming


@pytest.mark.requirement("R-40")
def test_what_attestors_confirm_takes_effect(actions: Actions) -> None:
    side, version = actions.home, EventVersion(APPLE)
    actions.announce(APPLE)
    receipt = actions.confirm(version)
    assert receipt.events == (*closing(side, APPLE), record_sent(actions, version))
    assert standing(side) == (CORP, APPLE.hash, APPLE.hash)
    assert side.token.announced_closes() == [APPLE.record_day]
    assert side.engine.is_told(actions.message(version).id)


def test_an_unknown_event_is_not_confirmed(actions: Actions) -> None:
    with refused(actions.world, "events: nothing to confirm"):
        actions.confirm(EventVersion(APPLE))


def test_a_version_is_confirmed_once(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    with refused(actions.world, "events: nothing to confirm"):
        actions.confirm(version)


def test_events_are_confirmed_at_home(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.world.synchronise()
    actions.take(version)
    side = actions.remote
    with refused(actions.world, "events: at home only"):
        side.engine.confirm(APPLE.as_tuple(), actions.attested(version), sender=side.courier)


def test_too_few_attestors_confirm_nothing(actions: Actions) -> None:
    actions.announce(APPLE)
    version = EventVersion(APPLE)
    with refused(actions.world, "verifier: too few signatures"):
        actions.confirm(version, actions.attested(version, 1))


@pytest.mark.parametrize(
    "signed",
    [
        EventVersion(APPLE, Status.CANCELLED),
        EventVersion(replace(APPLE, terms=keccak(b"other"))),
        EventVersion(SECOND),
    ],
)
def test_attestors_confirm_exactly_what_was_announced(
    actions: Actions, signed: EventVersion
) -> None:
    actions.announce(APPLE)
    with refused(actions.world, "verifier: wrong signature"):
        actions.confirm(EventVersion(APPLE), actions.attested(signed))


@pytest.mark.parametrize(
    "changes", [{"terms": keccak(b"other")}, {"rate": Rate(83, 100)}, {"payment_day": 18_488}]
)
def test_the_record_that_is_confirmed_is_the_one_announced(
    actions: Actions, changes: dict[str, Any]
) -> None:
    """Whole, whatever attestors signed of it."""
    actions.announce(APPLE)
    shown = EventVersion(replace(APPLE, **changes))
    for signed in (shown, EventVersion(APPLE)):
        with refused(actions.world, "events: not the newest version"):
            actions.confirm(shown, actions.attested(signed))


def test_attestors_confirm_for_one_engine(actions: Actions) -> None:
    actions.announce(APPLE)
    version = EventVersion(APPLE)
    elsewhere = EVENT_ATTESTORS.sign(domain_of(actions.remote.engine), version.id)
    with refused(actions.world, "verifier: wrong signature"):
        actions.confirm(version, elsewhere)


def test_who_attests_messages_does_not_confirm_events(actions: Actions) -> None:
    actions.announce(APPLE)
    version = EventVersion(APPLE)
    theirs = ENGINE_ATTESTORS.sign(domain_of(actions.home.engine), version.id)
    with refused(actions.world, "verifier: wrong signature"):
        actions.confirm(version, theirs)


def test_a_verifier_that_says_no_confirms_nothing(actions: Actions) -> None:
    side = new_engine(actions.home)
    mock = side.chain.deploy("VerifierMock", sender=side.deployer)
    side.engine.set_attestors(mock, *STATED, sender=side.deployer)
    side.engine.announce(APPLE.as_tuple(), 1, *STATED, sender=side.issuer)
    with refused(actions.world, "events: not confirmed"):
        side.engine.confirm(APPLE.as_tuple(), b"", sender=side.courier)


@pytest.mark.parametrize("days", [0, 1, WEEK])
def test_attestors_may_be_a_week_late(actions: Actions, days: int) -> None:
    """Everybody had notice; the token still keeps what it needs."""
    actions.announce(APPLE)
    begin(actions.home, APPLE.record_day + days, seconds=DAY - 1)
    receipt = actions.confirm(EventVersion(APPLE))
    assert receipt.events[:2] == closing(actions.home, APPLE)


def test_a_record_day_too_long_past_is_not_confirmed(actions: Actions) -> None:
    actions.announce(APPLE)
    begin(actions.home, APPLE.record_day + WEEK + 1)
    with refused(actions.world, "events: record day too long past"):
        actions.confirm(EventVersion(APPLE))
    # A new version, with notice, is the way on.
    later = {"record_day": 18_500, "figures_by": 18_501, "payment_day": 18_501}
    next_ = APPLE.successor(**later, relief_until=18_501)
    actions.in_force(next_)
    assert actions.home.token.announced_closes() == [18_500]


def test_a_record_day_is_at_most_so_far_ahead(actions: Actions) -> None:
    day = int(actions.home.token.business_day()) + MAX_AHEAD + 1
    days = {"record_day": day, "payment_day": day + 1, "figures_by": day + 1}
    far = replace(APPLE, **days, relief_until=day + 1, expires=day + 500)
    actions.announce(far)
    with refused(actions.world, "book: close too far ahead"):
        actions.confirm(EventVersion(far))
    begin(actions.home, day - MAX_AHEAD)
    actions.confirm(EventVersion(far))


def test_an_engine_without_its_role_confirms_nothing(actions: Actions) -> None:
    side = new_engine(actions.home)
    side.engine.set_attestors(EVENT_ATTESTORS.verifier(side.chain), *STATED, sender=side.deployer)
    side.engine.announce(APPLE.as_tuple(), 1, *STATED, sender=side.issuer)
    proof = EVENT_ATTESTORS.sign(domain_of(side.engine), EventVersion(APPLE).id)
    with refused(actions.world, "access: missing role"):
        side.engine.confirm(APPLE.as_tuple(), proof, sender=side.courier)


def fill_calendar(side: Side) -> None:
    """Announce as many closes as the token remembers, the first of them tomorrow's."""
    today = int(side.token.business_day())
    for number in range(CALENDAR_DAYS):
        side.token.announce_close(today + 1 + 20 * number, *STATED, sender=side.registrar)


def test_a_full_calendar_is_waited_for(actions: Actions) -> None:
    fill_calendar(actions.home)
    fill_calendar(actions.remote)
    actions.announce(APPLE)
    with refused(actions.world, "book: calendar full"):
        actions.confirm(EventVersion(APPLE))


# ------------------------------------------------------------------------ cancelling


def test_an_event_is_cancelled_as_it_was_confirmed(actions: Actions) -> None:
    actions.in_force(APPLE)
    noticed = kept(actions.home, APPLE)[5]
    version = EventVersion(APPLE.successor(), Status.CANCELLED)
    receipt = actions.announce(version.record, version.status)
    assert receipt.events == announced(actions, version)
    assert standing(actions.home)[2] == APPLE.hash
    since = actions.home.chain.block().timestamp
    receipt = actions.confirm(version)
    assert receipt.events == (record_sent(actions, version),)
    assert standing(actions.home) == (CORP, version.record.hash, version.record.hash)
    assert kept(actions.home, version.record) == entry(2, APPLE.record_day, 2, since, noticed)


@pytest.mark.parametrize("status", Status)
def test_nothing_follows_a_cancellation(actions: Actions, status: Status) -> None:
    actions.in_force(APPLE)
    cancelled = actions.in_force(APPLE.successor(), Status.CANCELLED)
    with refused(actions.world, "events: cancelled already"):
        actions.announce(cancelled.record.successor(), status)


def test_a_cancellation_that_was_not_confirmed_is_followed(actions: Actions) -> None:
    actions.in_force(APPLE)
    record = APPLE.successor()
    actions.announce(record, Status.CANCELLED)
    actions.in_force(record.successor())
    assert actions.home.engine.version_of(record.successor().hash).status == Status.ACTIVE


@pytest.mark.parametrize("days", [-1, 0, 40])
def test_a_cancellation_needs_no_notice(actions: Actions, days: int) -> None:
    actions.announce(APPLE)
    begin(actions.home, APPLE.record_day + days)
    version = actions.in_force(APPLE.successor(), Status.CANCELLED)
    assert standing(actions.home)[2] == version.record.hash
    assert actions.home.token.announced_closes() == []


# ---------------------------------------------------------------------------- taking


@pytest.mark.requirement("R-40")
def test_a_remote_ledger_takes_the_record_and_says_when(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.world.synchronise()
    side = actions.remote
    receipt = actions.take(version)
    now = side.chain.block().timestamp
    armed = Armed(COAF, 1, version.id, now, False)
    assert receipt.return_value is True
    assert receipt.events == (
        *closing(side, APPLE),
        record_taken(actions, version),
        armed_sent(actions, armed),
    )
    assert standing(side) == (CORP, APPLE.hash, APPLE.hash)
    assert kept(side, APPLE) == entry(1, APPLE.record_day, 1, now)
    assert side.token.announced_closes() == [APPLE.record_day]
    assert side.engine.is_told(actions.message(armed).id)


@pytest.mark.requirement("R-40")
def test_the_hash_is_the_same_on_every_ledger(actions: Actions) -> None:
    for record in chain_of(APPLE, {}, {"record_day": 18_485}):
        version = actions.in_force(record)
        actions.take(version)
        for read in ("record_hash", "version_hash"):
            found = {
                getattr(side.engine, read)(COAF, record.version)
                for side in (actions.home, actions.remote)
            }
            assert found == {record.hash if read == "record_hash" else version.id}


def test_home_keeps_its_own(actions: Actions) -> None:
    """Nobody's signatures change, or halt, what home announced."""
    version = actions.in_force(APPLE)
    false = EventVersion(replace(APPLE, terms=keccak(b"false")))
    side = actions.home
    for each in (version, false):
        message = actions.message(each)
        with refused(actions.world, "events: home keeps its own"):
            side.engine.take_record(
                message.as_tuple(),
                each.record.as_tuple(),
                1,
                actions.proof(message),
                sender=side.courier,
            )


def test_a_record_is_taken_once(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.take(version)
    with refused(actions.world, "events: taken already"):
        actions.take(version)


def test_a_ledger_that_missed_versions_takes_the_newest(actions: Actions) -> None:
    first, second, third = (EventVersion(each) for each in chain_of(APPLE, {}, {}))
    actions.take(third)
    side = actions.remote
    assert standing(side) == (CORP, third.record.hash, third.record.hash)
    # Known by the version after it.
    assert side.engine.record_hash(COAF, 2) == second.record.hash
    assert side.engine.record_hash(COAF, 1) == EMPTY
    assert side.engine.version_hash(COAF, 2) == EMPTY
    for older in (second, first):
        with refused(actions.world, "events: a later version stands"):
            actions.take(older)


def test_what_was_taken_is_replaced_by_a_later_version(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    with refused(actions.world, "events: taken already"):
        actions.take(EventVersion(APPLE))
    receipt = actions.take(EventVersion(MOVED))
    assert receipt.events[:2] == closing(actions.remote, MOVED)
    assert standing(actions.remote) == (CORP, MOVED.hash, MOVED.hash)
    with refused(actions.world, "events: taken already"):
        actions.take(EventVersion(APPLE))


def test_a_cancellation_is_taken(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    noticed = kept(actions.remote, APPLE)[5]
    version = EventVersion(APPLE.successor(), Status.CANCELLED)
    receipt = actions.take(version)
    assert [event.name for event in receipt.events] == ["RecordTaken", "ArmedSent"]
    assert receipt.events[0] == record_taken(actions, version)
    since = actions.remote.chain.block().timestamp
    assert kept(actions.remote, version.record) == entry(2, APPLE.record_day, 2, since, noticed)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"isin": "DE0001102580"}, 1, "record: of another instrument"),
        ({"rounding": 2}, 1, "record: unknown option"),
        ({"version": 2}, 1, "record: previous or version"),
        ({}, 3, "record: unknown status"),
    ],
)
def test_what_this_release_does_not_know_is_not_taken(
    actions: Actions, changes: dict[str, Any], status: Any, reason: str
) -> None:
    """Whatever was signed; a later release may take it."""
    with refused(actions.world, reason):
        actions.take(EventVersion(replace(APPLE, **changes), status))


# ---------------------------------------------------------------------- notice there


def noticed_after(actions: Actions, second: EventVersion) -> tuple[int, int]:
    """When the remote ledger was told of a record day first, and what it keeps of the second."""
    side = actions.remote
    actions.take(EventVersion(APPLE))
    first = int(side.engine.version_of(APPLE.hash).since)
    side.chain.advance(3_600)
    actions.take(second)
    version = side.engine.version_of(second.record.hash)
    assert version.since == side.chain.block().timestamp != first
    return first, int(version.noticed)


def test_a_version_with_the_same_record_day_needs_no_notice_again(actions: Actions) -> None:
    first, noticed = noticed_after(actions, EventVersion(APPLE.successor()))
    assert noticed == first


def test_a_version_with_another_record_day_does(actions: Actions) -> None:
    _, noticed = noticed_after(actions, EventVersion(MOVED))
    assert noticed == actions.remote.chain.block().timestamp


# ------------------------------------------------------------------------------ late


@pytest.mark.parametrize("days", [0, WEEK])
def test_a_ledger_may_be_told_a_week_late(actions: Actions, days: int) -> None:
    begin(actions.remote, APPLE.record_day + days, seconds=DAY - 1)
    receipt = actions.take(EventVersion(APPLE))
    assert receipt.events[:2] == closing(actions.remote, APPLE)
    assert not actions.remote.engine.version_of(APPLE.hash).late


@pytest.mark.parametrize("days", [WEEK + 1, 60])
def test_a_ledger_told_too_late_keeps_the_record_and_says_so(actions: Actions, days: int) -> None:
    version, side = EventVersion(APPLE), actions.remote
    begin(side, APPLE.record_day + days)
    receipt = actions.take(version)
    assert receipt.return_value is True
    assert receipt.events == (
        record_taken(actions, version, late=True),
        armed_sent(actions, actions.armed(version, late=True)),
    )
    assert side.token.announced_closes() == []
    now = side.chain.block().timestamp
    assert kept(side, APPLE) == entry(1, APPLE.record_day, 1, now, late=True)


@pytest.mark.parametrize("late", [False, True])
def test_a_later_version_of_one_record_day_is_late_if_the_first_was(
    actions: Actions, late: bool
) -> None:
    side = actions.remote
    begin(side, APPLE.record_day + (WEEK + 1 if late else 0))
    actions.take(EventVersion(APPLE))
    begin(side, APPLE.record_day + 30)
    version = EventVersion(SECOND)
    receipt = actions.take(version)
    assert receipt.events == (
        record_taken(actions, version, late=late),
        armed_sent(actions, actions.armed(version, late=late)),
    )


def test_a_full_calendar_makes_nobody_late(actions: Actions) -> None:
    """What passes is tried again; only a close that is gone is late."""
    fill_calendar(actions.remote)
    with refused(actions.world, "book: calendar full"):
        actions.take(EventVersion(APPLE))


def test_a_cancelled_event_is_not_late(actions: Actions) -> None:
    begin(actions.remote, APPLE.record_day + 60)
    version = EventVersion(APPLE.successor(), Status.CANCELLED)
    assert actions.take(version).events[0] == record_taken(actions, version)


# ---------------------------------------------------------------------- equivocation

FALSE = replace(APPLE, terms=keccak(b"false"))


@pytest.mark.requirement("R-40")
@pytest.mark.parametrize(("first", "second"), [(APPLE, FALSE), (FALSE, APPLE)])
def test_two_records_of_one_version_halt_the_event_where_they_are_shown(
    actions: Actions, first: EventRecord, second: EventRecord
) -> None:
    side = actions.remote
    actions.take(EventVersion(first))
    closes, since = side.token.announced_closes(), side.chain.block().timestamp
    receipt = actions.take(EventVersion(second))
    assert receipt.return_value is False
    assert receipt.events == (halted(actions, 1, (first.hash, 1), (second.hash, 1)),)
    assert standing(side) == (CORP, first.hash, first.hash)
    assert kept(side, second) == NO_VERSION
    assert kept(side, first) == entry(1, APPLE.record_day, 1, since, halted=True)
    assert side.token.announced_closes() == closes
    with refused(actions.world, "events: halted"):
        actions.take(EventVersion(first))


def test_two_states_of_one_version_halt_the_event(actions: Actions) -> None:
    record = APPLE.successor()
    actions.take(EventVersion(record))
    receipt = actions.take(EventVersion(record, Status.CANCELLED))
    assert receipt.events == (halted(actions, 2, (record.hash, 1), (record.hash, 2)),)
    assert is_halted(actions.remote)


def test_a_version_that_follows_another_record_halts_the_event(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    receipt = actions.take(EventVersion(FALSE.successor()))
    assert receipt.events == (halted(actions, 1, (APPLE.hash, 1), (FALSE.hash, 0)),)
    assert standing(actions.remote) == (CORP, APPLE.hash, APPLE.hash)
    assert is_halted(actions.remote)


def test_a_version_that_is_known_by_the_next_halts_the_event_if_it_differs(
    actions: Actions,
) -> None:
    actions.take(EventVersion(SECOND))
    receipt = actions.take(EventVersion(FALSE))
    assert receipt.events == (halted(actions, 1, (APPLE.hash, 0), (FALSE.hash, 1)),)


def test_an_older_version_shown_late_halts_the_event(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    actions.take(EventVersion(SECOND))
    receipt = actions.take(EventVersion(FALSE))
    assert receipt.events == (halted(actions, 1, (APPLE.hash, 1), (FALSE.hash, 1)),)
    assert standing(actions.remote) == (CORP, SECOND.hash, SECOND.hash)
    assert is_halted(actions.remote)


def test_a_halted_event_takes_nothing_more(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    actions.take(EventVersion(FALSE))
    for record in (APPLE, FALSE, SECOND):
        with refused(actions.world, "events: halted"):
            actions.take(EventVersion(record))


def test_what_contradicts_need_not_be_well_formed(actions: Actions) -> None:
    """Nobody signs both in good faith."""
    actions.take(EventVersion(APPLE))
    actions.take(EventVersion(replace(APPLE, expires=1)))
    assert is_halted(actions.remote)


def test_a_halt_is_of_one_event_and_of_one_ledger(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.take(version)
    actions.take(EventVersion(FALSE))
    assert not is_halted(actions.home)
    actions.in_force(SECOND)
    assert actions.take(EventVersion(OTHER)).return_value is True


def test_a_false_record_needs_a_quorum_too(actions: Actions) -> None:
    actions.take(EventVersion(APPLE))
    message = actions.message(EventVersion(FALSE))
    with refused(actions.world, "verifier: too few signatures"):
        actions.take(EventVersion(FALSE), message, actions.proof(message, 1))


# ----------------------------------------------------------------------------- armed


def test_home_learns_when_each_ledger_was_told(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.take(version)
    armed, message = actions.armed(version), actions.message(actions.armed(version))
    assert tuple(actions.told_at(version)) == (0, False)
    receipt = actions.take_armed(armed)
    engine = actions.home.engine
    assert receipt.events == (
        engine.emitted("ArmedTaken", COAF, message.source_ledger, armed.as_tuple()),
    )
    assert tuple(actions.told_at(version)) == (armed.taken_at, False)


def test_home_learns_that_a_ledger_was_told_too_late(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    begin(actions.remote, APPLE.record_day + 60)
    actions.take(version)
    armed = actions.armed(version, late=True)
    actions.take_armed(armed)
    assert tuple(actions.told_at(version)) == (armed.taken_at, True)


def test_a_ledger_is_told_once(actions: Actions) -> None:
    version = actions.in_force(APPLE)
    actions.take(version)
    armed = actions.armed(version)
    actions.take_armed(armed)
    for again in (armed, replace(armed, taken_at=armed.taken_at + 1), replace(armed, late=True)):
        with refused(actions.world, "events: told already"):
            actions.take_armed(again)


def test_a_ledger_tells_of_older_versions_later(actions: Actions) -> None:
    first = actions.in_force(APPLE)
    actions.take(first)
    second = actions.in_force(SECOND)
    actions.take(second)
    armed = [actions.armed(first), actions.armed(second)]
    for told in reversed(armed):
        actions.take_armed(told)
    assert [actions.told_at(each).taken_at for each in (first, second)] == [
        each.taken_at for each in armed
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_version": EventVersion(FALSE).id},
        {"event_version": EventVersion(APPLE, Status.CANCELLED).id},
        {"event_version": APPLE.hash},
        {"version": 2},
        {"version": 0},
        {"coaf": OTHER.as_tuple()[2]},
    ],
)
def test_what_home_did_not_announce_nobody_was_told(
    actions: Actions, changes: dict[str, Any]
) -> None:
    version = actions.in_force(APPLE)
    actions.take(version)
    with refused(actions.world, "events: told of another record"):
        actions.take_armed(replace(actions.armed(version), **changes))


def test_what_no_event_is_nobody_was_told(actions: Actions) -> None:
    nothing = Armed(COAF, 1, EMPTY, 1, False)
    with refused(actions.world, "events: not in force yet"):
        actions.take_armed(nothing)


def test_what_was_not_confirmed_nobody_was_told(actions: Actions) -> None:
    """A quorum gone wrong may have told the remote ledger; home does not take it as told."""
    actions.announce(APPLE)
    version = EventVersion(APPLE)
    actions.take(version)
    with refused(actions.world, "events: not in force yet"):
        actions.take_armed(actions.armed(version))
    actions.confirm(version)
    actions.take_armed(actions.armed(version))


def test_only_home_is_told_back(actions: Actions) -> None:
    version = EventVersion(APPLE)
    actions.take(version)
    side, armed = actions.remote, actions.armed(version)
    message = actions.message(armed)
    with refused(actions.world, "events: at home only"):
        side.engine.take_armed(
            message.as_tuple(), armed.as_tuple(), actions.proof(message), sender=side.courier
        )


# ------------------------------------------------------------------------- attestors


def test_the_operator_proposes_and_a_day_later_an_administrator_sets(world: World) -> None:
    side = world.home
    verifier = EVENT_ATTESTORS.verifier(side.chain)
    receipt = side.engine.propose_attestors(verifier, *STATED, sender=side.operator)
    act = receipt.return_value
    assert receipt.events == (
        side.act(side.engine, "propose_attestors", verifier, side.operator),
        side.engine.emitted("AttestorsProposed", act, verifier),
    )
    with refused(world, "access: proposal waits"):
        side.engine.set_attestors(verifier, *STATED, sender=side.administrator)
    side.chain.set_time(side.engine.proposal_of(act).counts_from)
    receipt = side.engine.set_attestors(verifier, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(side.engine, "set_attestors", verifier, side.administrator),
        side.engine.emitted("AttestorsSet", verifier),
    )
    assert side.engine.attestors() == verifier.address


def test_a_proposal_of_attestors_waits_for_a_day(world: World) -> None:
    side = world.home
    verifier = EVENT_ATTESTORS.verifier(side.chain)
    act = side.engine.propose_attestors(verifier, *STATED, sender=side.operator).return_value
    proposed = side.chain.block().timestamp
    assert side.engine.proposal_of(act).counts_from == proposed + DAY
    side.engine.withdraw_proposal(act, *STATED, sender=side.guardian)
    side.chain.set_time(proposed + DAY)
    with refused(world, "access: act not proposed"):
        side.engine.set_attestors(verifier, *STATED, sender=side.administrator)


def test_new_attestors_confirm_from_then_on(actions: Actions) -> None:
    side = actions.home
    actions.announce(APPLE)
    verifier = ENGINE_ATTESTORS.verifier(side.chain)
    side.engine.propose_attestors(verifier, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_attestors(verifier, *STATED, sender=side.administrator)
    version = EventVersion(APPLE)
    with refused(actions.world, "verifier: wrong signature"):
        actions.confirm(version)
    actions.confirm(version, ENGINE_ATTESTORS.sign(domain_of(side.engine), version.id))


def test_attestors_are_a_contract_and_home_s(world: World) -> None:
    for before, reason in (
        (world.home, "events: verifier has no code"),
        (world.remote, "events: at home only"),
    ):
        side = new_engine(before)
        with refused(world, reason):
            side.engine.set_attestors(side.outsider, *STATED, sender=side.deployer)


# ---------------------------------------------------------------------------- set-up


def test_an_engine_is_bound_to_its_token(world: World) -> None:
    for side, home in ((world.home, True), (world.remote, False)):
        assert side.engine.token() == side.token.address
        assert side.engine.escrow() == side.escrow.address
        assert side.engine.instrument() == keccak(APPLE.isin.encode())
        assert side.engine.is_home() is home
        assert side.engine.release() == "1.0.0"


def test_an_engine_is_initialised_once(world: World) -> None:
    side = world.home
    implementation = side.chain.at("ActionsEngine", side.implementations["ActionsEngine"])
    for engine in (side.engine, implementation):
        with refused(world, "engine: initialised already"):
            engine.initialize(side.token, side.escrow, side.attacker, sender=side.attacker)


def test_an_engine_has_a_token_and_an_escrow(world: World) -> None:
    side = world.home
    for bound, reason in (
        ((side.outsider, side.escrow), "engine: token has no code"),
        ((side.token, side.outsider), "engine: escrow has no code"),
    ):
        with refused(world, reason):
            side.proxy("ActionsEngine", *bound, side.deployer)


@pytest.mark.parametrize(
    ("piece", "next_one"),
    [
        ("", "controls"),
        ("Controls", "settings"),
        ("Settings", "records"),
        ("Records", "ratios"),
        ("Ratios", "fractions"),
    ],
)
def test_a_piece_of_an_engine_has_the_next(world: World, piece: str, next_one: str) -> None:
    side = world.home
    with refused(world, f"engine: {next_one} have no code"):
        side.chain.deploy(f"ActionsEngine{piece}", side.outsider, sender=side.deployer)


def test_what_no_piece_knows_is_refused(world: World) -> None:
    """Nor does anybody set up a later piece itself."""
    side = world.home
    controls = side.chain.at("ActionsEngineControls", side.engine.CONTROLS())
    settings = side.chain.at("ActionsEngineSettings", controls.SETTINGS())
    records = side.chain.at("ActionsEngineRecords", settings.RECORDS())
    ratios = side.chain.at("ActionsEngineRatios", records.RATIOS())
    fractions = side.chain.at("ActionsEngineFractions", ratios.FRACTIONS())
    for piece in (settings, side.chain.at("ActionsEngineSettings", controls.address)):
        with refused(world, "engine: initialised already"):
            piece.initialize(side.token, side.escrow, side.attacker, sender=side.attacker)
    for engine in (side.engine, controls, settings, records, ratios, fractions):
        for data in (b"", bytes.fromhex("deadbeef")):
            with refused(world, "engine: no such function"):
                side.chain.send(sender=side.attacker, to=engine.address, data=data)


def test_an_engine_is_handed_over_once_it_believes_somebody(world: World) -> None:
    for before in (world.home, world.remote):
        side = new_engine(before)
        with refused(world, "engine: nobody to believe yet"):
            side.engine.hand_over(*STATED, sender=side.deployer)
    # What home hears from others comes later: ledgers join.
    home, remote = new_engine(world.home), new_engine(world.remote)
    home.engine.set_attestors(EVENT_ATTESTORS.verifier(home.chain), *STATED, sender=home.deployer)
    set_peer(remote.engine, home.engine)
    for side in (home, remote):
        receipt = side.engine.hand_over(*STATED, sender=side.deployer)
        assert receipt.events == (
            side.act(side.engine, "hand_over", side.deployer, side.deployer),
            side.engine.emitted("SetUpCompleted", side.deployer),
        )
