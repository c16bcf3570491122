"""Announced closes, what is kept, and the promise: for ever, or for a week, or a revert."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from tallystick.token.closings import CALENDAR_DAYS, MAX_AHEAD, SLOTS
from tallystick.token.position import business_day, close_of
from tests.support.closings import (
    FALSE_HINT,
    NOT_KEPT,
    WEEK,
    Closings,
    History,
    Script,
    calendar_of,
    dated,
    hold_to,
    kept_or_refused,
    played,
)
from tests.support.world import (
    DAY,
    INVESTOR_UNITS,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
)

ANNOUNCE = "announce_close(uint256,bytes4,bytes32)"


def pass_days(side: Side, days: int = 1) -> int:
    """Let business days close; returns the day that it is then."""
    side.chain.advance(days * DAY)
    return int(side.token.business_day())


def announce(side: Side, day: int) -> Any:
    """The registrar announces a close."""
    return side.token.announce_close(day, *STATED, sender=side.registrar)


def move(side: Side, units: int = 1) -> None:
    """The investor gives the fund some units."""
    side.token.transfer(side.fund, units, sender=side.investor)


# ------------------------------------------------------------------------ the calendar


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize("offset", [-WEEK, -1, 0, 1, MAX_AHEAD])
def test_the_registrar_announces_a_close(home_side: Side, offset: int) -> None:
    token, today = home_side.token, pass_days(home_side, 20)
    receipt = announce(home_side, today + offset)
    assert receipt.events == (
        home_side.act(token, ANNOUNCE, ZERO, home_side.registrar),
        token.emitted("CloseAnnounced", today + offset),
    )
    assert token.announced_closes() == [today + offset]


def test_closes_stand_in_the_calendar_latest_first(home_side: Side) -> None:
    token, today = home_side.token, int(home_side.token.business_day())
    for offset in (3, 1, 7, 0, 5):
        announce(home_side, today + offset)
    expected = [today + offset for offset in (7, 5, 3, 1, 0)]
    assert token.announced_closes() == expected
    assert list(calendar_of(read_slot(token, "book", "_calendar"))) == expected


def test_announcing_again_changes_nothing(home_side: Side) -> None:
    """Two events may have one record date."""
    token, today = home_side.token, int(home_side.token.business_day())
    for offset in (1, 2, 3):
        announce(home_side, today + offset)
    receipt = announce(home_side, today + 2)
    assert receipt.one("CloseAnnounced").args["day"] == today + 2
    assert token.announced_closes() == [today + 3, today + 2, today + 1]


@pytest.mark.parametrize("late", [WEEK + 1, 30])
def test_a_close_is_not_announced_a_round_late(world: World, late: int) -> None:
    today = pass_days(world.home, 40)
    with refused(world, "book: close no longer kept"):
        announce(world.home, today - late)


@pytest.mark.parametrize("day", [MAX_AHEAD + 1, 2**16, 2**256 - 1])
def test_a_close_is_not_announced_years_ahead(world: World, day: int) -> None:
    side = world.home
    if day == MAX_AHEAD + 1:
        day += int(side.token.business_day())
    with refused(world, "book: close too far ahead"):
        announce(side, day)


def test_an_announcement_states_its_reason_and_document(world: World) -> None:
    side, today = world.home, int(world.home.token.business_day())
    with refused(world, "instruction: no reason code"):
        side.token.announce_close(today, NO_REASON, STATED[1], sender=side.registrar)
    with refused(world, "instruction: no document hash"):
        side.token.announce_close(today, STATED[0], NO_DOCUMENT, sender=side.registrar)


@pytest.fixture
def full(home_side: Side) -> int:
    """A calendar with one close that has passed and fifteen to come; returns the one."""
    first = int(home_side.token.business_day())
    for offset in range(CALENDAR_DAYS):
        announce(home_side, first + 10 * offset)
    pass_days(home_side)
    return first


def test_a_close_leaves_the_calendar_only_once_the_next_has_passed(world: World, full: int) -> None:
    side = world.home
    for day in (full + 500, full + 9):
        with refused(
            world, "book: calendar full" if day == full + 9 else "book: close too far ahead"
        ):
            announce(side, day)
    pass_days(side, 9)
    # The next is today's: not over yet.
    with refused(world, "book: calendar full"):
        announce(side, full + 200)
    pass_days(side)
    announce(side, full + 200)
    closes = side.token.announced_closes()
    assert len(closes) == CALENDAR_DAYS
    assert (closes[0], closes[-1]) == (full + 200, full + 10)


def test_a_late_close_may_push_the_oldest_out_itself(home_side: Side, full: int) -> None:
    """It has passed, so it keeps for both whoever slept over both."""
    pass_days(home_side, 4)
    announce(home_side, full + 2)
    assert home_side.token.announced_closes()[-1] == full + 2


def test_nothing_older_than_the_oldest_enters_a_full_calendar(world: World, full: int) -> None:
    with refused(world, "book: calendar full"):
        announce(world.home, full - 1)


# ------------------------------------------------------------------------- the promise


def test_unannounced_closes_are_answered_for_a_week(world: World) -> None:
    side, token = world.home, world.home.token
    had = {}
    for _ in range(20):
        move(side)
        had[int(token.business_day())] = side.balance(side.fund)
        today = pass_days(side)
    for day in range(today - WEEK, today):
        assert token.balance_at_close(side.fund, day) == had[day]
    for day in range(today - 20, today - SLOTS - 1):
        for hint in (0, day + 1, today - 1):
            with refused(world, FALSE_HINT if hint == day + 1 else NOT_KEPT):
                token.balance_at_close(side.fund, day, hint)


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize("late", range(-3, WEEK + 1))
def test_an_announced_close_is_answered_for_ever(home_side: Side, late: int) -> None:
    side, token = home_side, home_side.token
    record = int(token.business_day()) + 9
    had = 0
    for day in range(record - 9, record + 60):
        if day == record + late:
            announce(side, record)
        move(side)
        if day == record:
            had = side.balance(side.fund)
        pass_days(side)
    assert token.balance_at_close(side.fund, record, record + 1) == had
    assert token.balance_at_close(side.investor, record, record + 1) == INVESTOR_UNITS - had


def test_what_sleeps_over_announced_closes_is_kept_once(home_side: Side) -> None:
    side, token = home_side, home_side.token
    first = int(token.business_day())
    move(side, 7)
    for offset in (3, 5):
        announce(side, first + offset)
    woke = pass_days(side, 30)
    move(side)
    for _ in range(20):
        pass_days(side)
        move(side)
    for offset in range(30):
        assert token.balance_at_close(side.fund, first + offset, woke) == 7


def test_a_holders_first_day_is_zero_for_a_week_and_then_reverts(world: World) -> None:
    """Not kept is not 0: later nobody can tell it from an opening that made room."""
    side, token = world.home, world.home.token
    record = int(token.business_day())
    announce(side, record)
    first = pass_days(side)
    move(side, 5)
    for _ in range(WEEK):
        assert token.balance_at_close(side.fund, record) == 0
        pass_days(side)
    assert int(token.business_day()) == first + WEEK
    assert token.balance_at_close(side.fund, record) == 0
    pass_days(side)
    for hint, reason in ((0, NOT_KEPT), (first, FALSE_HINT)):
        with refused(world, reason):
            token.balance_at_close(side.fund, record, hint)
    # Who never moved had nothing, and that is certain.
    assert token.balance_at_close(side.outsider, record) == 0


@pytest.mark.requirement("R-41")
def test_the_supply_and_links_begin_with_a_kept_zero(home_side: Side) -> None:
    side, token = home_side, home_side.token
    custody = side.new_custody(linked=False)
    genesis = int(token.position_of(side.custody).last_movement)
    linked = pass_days(side, 3)
    side.link(custody)
    pass_days(side, 500)
    assert token.balance_at_close(custody, linked - 1, linked) == 0
    assert token.balance_at_close(side.custody, genesis - 1, genesis) == 0
    assert token.supply_at_close(genesis - 1, genesis) == 0


# -------------------------------------------------------------------------------- keep


@pytest.fixture
def week(home_side: Side) -> dict[int, int]:
    """Seven closed days on each of which the fund got a unit: day -> its closing."""
    had = {}
    for _ in range(WEEK):
        move(home_side)
        had[int(home_side.token.business_day())] = home_side.balance(home_side.fund)
        pass_days(home_side)
    move(home_side)
    return had


@pytest.mark.parametrize("hinted", [True, False])
def test_anyone_keeps_a_close_for_good(home_side: Side, week: dict[int, int], hinted: bool) -> None:
    token, fund = home_side.token, home_side.fund
    day = sorted(week)[2]
    receipt = token.keep(fund, day, day + 1 if hinted else 0, sender=home_side.attacker)
    assert receipt.events == (token.emitted("OpeningKept", fund, day + 1),)
    for _ in range(20):
        pass_days(home_side)
        move(home_side)
    assert token.balance_at_close(fund, day, day + 1) == week[day]


def test_keeping_walks_over_kept_days_and_may_be_repeated(
    home_side: Side, week: dict[int, int]
) -> None:
    token, fund = home_side.token, home_side.fund
    days = sorted(week)
    for day in (days[5], days[1], days[1], days[3]):
        token.keep(fund, day, 0, sender=home_side.attacker)
    for _ in range(20):
        pass_days(home_side)
        move(home_side)
    for day in (days[5], days[1], days[3]):
        token.keep(fund, day, day + 1, sender=home_side.attacker)
        assert token.balance_at_close(fund, day, day + 1) == week[day]


def test_the_supply_is_kept_under_nobody(home_side: Side) -> None:
    side, token = home_side, home_side.token
    token.authorise_issuance(100, *STATED, sender=side.notary)
    first, had = int(token.business_day()), int(token.totalSupply())
    for _ in range(20):
        today = pass_days(side)
        token.mint(side.fund, 1, *STATED, sender=side.issuer)
        if today == first + 1:
            token.keep(ZERO, first, 0, sender=side.attacker)
    assert token.supply_at_close(first, first + 1) == had


def test_there_is_nothing_to_keep_of_who_has_not_moved_since(world: World) -> None:
    side = world.home
    day = pass_days(side) - 1
    for account in (side.investor, side.outsider):
        with refused(world, "book: nothing to keep"):
            side.token.keep(account, day, 0, sender=side.attacker)


def test_before_a_first_day_there_is_nothing_to_keep(world: World) -> None:
    side = world.home
    day = pass_days(side) - 1
    move(side)
    with refused(world, "book: nothing to keep"):
        side.token.keep(side.fund, day, 0, sender=side.attacker)


def test_what_made_room_can_not_be_kept(world: World) -> None:
    side, token = world.home, world.home.token
    first = int(token.business_day())
    for _ in range(12):
        move(side)
        pass_days(side)
    with refused(world, NOT_KEPT):
        token.keep(side.fund, first, 0, sender=side.attacker)
    with refused(world, FALSE_HINT):
        token.keep(side.fund, first, first + 1, sender=side.attacker)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_close_is_not_kept_before_it(world: World, ahead: int) -> None:
    side = world.home
    day = int(side.token.business_day()) + ahead
    with refused(world, "book: day not closed"):
        side.token.keep(side.investor, day, 0, sender=side.attacker)


# ------------------------------------------------------------------------------- class


@pytest.mark.requirement("INV-6")
def test_link_accounts_are_entitled_to_nothing(home_side: Side, world: World) -> None:
    side, token = home_side, home_side.token
    world.network.lock(side.investor, side.investor.address, 100)
    move(side, 40)
    day = pass_days(side) - 1
    assert token.balance_at_close(side.custody, day) == 100
    assert token.entitled_at_close(side.custody, day, 0) == 0
    assert token.entitled_at_close(side.fund, day, 0) == 40
    assert token.entitled_at_close(ZERO, day, 0) == 0


def test_entitlement_is_refused_as_the_balance_is(world: World) -> None:
    side, today = world.home, int(world.home.token.business_day())
    with refused(world, "book: day not closed"):
        side.token.entitled_at_close(side.investor, today, 0)
    move(side)
    with refused(world, FALSE_HINT):
        side.token.entitled_at_close(side.fund, today - 1, today)


# --------------------------------------------------------------------- against a model

HOLDERS = ("investor", "buyer", "fund")
holders = st.sampled_from(HOLDERS)
acts = st.one_of(
    st.tuples(st.just("transfer"), holders, holders, st.integers(1, 9)),
    st.tuples(st.just("transfer"), holders, holders, st.integers(1, 9)),
    st.tuples(st.just("mint"), holders, st.integers(1, 9)),
    st.tuples(st.just("lock"), st.sampled_from(HOLDERS[:2]), st.integers(1, 9)),
    st.tuples(st.just("announce"), st.integers(-SLOTS - 1, 30)),
    st.tuples(st.just("announce"), st.integers(-WEEK, -1)),
    st.tuples(st.just("keep"), st.sampled_from([*HOLDERS, "custody", ""]), st.integers(1, 10)),
    st.tuples(st.just("class")),
)


@pytest.mark.requirement("R-41", "INV-6")
def test_every_promised_close_is_answered_as_it_was(deployed_world: World) -> None:
    played(deployed_world, acts, _play)


def _play(world: World, script: Script, crowd: int) -> None:
    side, token = world.home, world.home.token
    model, first = Closings(), business_day(side.chain.now, int(token.close_minute()))
    units = {name: side.balance(side.parties[name]) for name in HOLDERS}
    address = {name: str(side.parties[name].address) for name in HOLDERS}
    address |= {"custody": str(side.custody.address), "": ZERO}
    other, linked = side.new_custody(linked=False), False
    locked, supply = 0, int(token.totalSupply())
    for name in HOLDERS[:2]:
        model.move(address[name], first, units[name])
    model.histories[address["fund"]] = History(address["fund"], begun=False)
    model.move(address["custody"], first, 0, link=True)
    model.histories[ZERO] = History(ZERO, begun=True, days={first: (supply, False)})
    token.authorise_issuance(10**6, *STATED, sender=side.notary)
    side.chain.set_time(close_of(first, int(token.close_minute())) + 3_600)
    # A calendar that is full, or nearly, from the start.
    for offset in range((0, 0, CALENDAR_DAYS - 2, CALENDAR_DAYS)[crowd]):
        assert model.announce(first + 1 + 3 * offset, first + 1) is None
        announce(side, first + 1 + 3 * offset)

    for act, *rest in dated(side, script):
        today = int(token.business_day())
        if act == "transfer":
            one, two, amount = rest
            if units[one] < amount or one == two:
                continue
            token.transfer(side.parties[two], amount, sender=side.parties[one])
            units[one] -= amount
            units[two] += amount
            model.move(address[one], today, units[one])
            model.move(address[two], today, units[two])
        elif act == "mint":
            token.mint(side.parties[rest[0]], rest[1], *STATED, sender=side.issuer)
            units[rest[0]] += rest[1]
            supply += rest[1]
            model.move(address[rest[0]], today, units[rest[0]])
            model.histories[ZERO].days[today] = (supply, False)
        elif act == "lock":
            world.network.lock(side.parties[rest[0]], side.investor.address, rest[1])
            units[rest[0]] -= rest[1]
            locked += rest[1]
            model.move(address[rest[0]], today, units[rest[0]])
            model.move(address["custody"], today, locked, link=True)
        elif act == "announce":
            day = today + rest[0]
            if (reason := model.announce(day, today)) is None:
                announce(side, day)
            else:
                with refused(world, reason):
                    announce(side, day)
        elif act == "keep":
            account, day = address[rest[0]], today - rest[1]
            history = model.histories[account]
            told = kept_or_refused(token, account, day, 0, side.attacker)
            moved = sorted(history.days)
            if not moved or moved[-1] <= day:
                assert told == "book: nothing to keep"
            elif told is None:
                model.kept.add((account, day))
            elif told == "book: nothing to keep":
                assert day < moved[0]
                assert not history.begun
            else:
                assert told == NOT_KEPT
        else:
            if not linked and int(token.position_of(other).last_movement):
                token.setAddressFrozen(other, False, *STATED, sender=side.custodian)
            linked = not linked
            side.link(other, linked)
            model.move(str(other.address), today, 0, link=linked)
    pass_days(side)
    assert sorted(token.announced_closes()) == model.calendar
    assert hold_to(model, token, first - 2)
