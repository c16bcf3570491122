"""Closing balances of past business days, against a model that keeps every one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.token.closings import SLOTS, Opening
from tallystick.token.position import PositionWord, business_day, close_of
from tests.support.closings import FALSE_HINT, opening_key
from tests.support.world import (
    DAY,
    INVESTOR_UNITS,
    STATED,
    ZERO,
    Side,
    World,
    refused,
    write_slot,
)

CLOSE = 1_260


def close_the_day(side: Side, days: int = 1) -> int:
    """Let that many business days close; returns the last one closed."""
    day = business_day(side.chain.now, CLOSE)
    side.chain.set_time(close_of(day + days - 1, CLOSE))
    return day + days - 1


@pytest.mark.requirement("R-41")
def test_a_closed_day_keeps_its_balance(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.transfer(fund, 10, sender=investor)
    day = close_the_day(home_side)
    token.transfer(fund, 5, sender=investor)
    assert token.balance_at_close(fund, day) == 10
    assert token.balance_at_close(investor, day) == INVESTOR_UNITS - 10


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize(("offset", "counted"), [(-1, 10), (0, 0), (1, 0)])
def test_a_movement_at_the_close_belongs_to_the_next_day(
    home_side: Side, offset: int, counted: int
) -> None:
    token, chain = home_side.token, home_side.chain
    day = business_day(chain.now, CLOSE)
    chain.set_time(close_of(day, CLOSE) + offset)
    token.transfer(home_side.fund, 10, sender=home_side.investor)
    chain.set_time(close_of(day, CLOSE) + 5)
    assert token.balance_at_close(home_side.fund, day) == counted


@pytest.mark.parametrize("ahead", [0, 1, 100])
def test_a_day_that_has_not_closed_has_no_closing(world: World, ahead: int) -> None:
    side = world.home
    day = side.token.business_day() + ahead
    with refused(world, "book: day not closed"):
        side.token.balance_at_close(side.investor, day)
    with refused(world, "book: day not closed"):
        side.token.supply_at_close(day)


@pytest.mark.parametrize(("offset", "closed"), [(-1, False), (0, True)])
def test_a_day_closes_to_the_second(world: World, offset: int, closed: bool) -> None:
    side = world.home
    day = business_day(side.chain.now, CLOSE)
    side.chain.set_time(close_of(day, CLOSE) + offset)
    if closed:
        assert side.token.balance_at_close(side.investor, day) == INVESTOR_UNITS
    else:
        with refused(world, "book: day not closed"):
            side.token.balance_at_close(side.investor, day)


def test_nobody_has_no_closing_balance(world: World) -> None:
    side = world.home
    day = close_the_day(side)
    with refused(world, "book: no account"):
        side.token.balance_at_close(ZERO, day)


def test_before_its_first_day_an_account_held_nothing(home_side: Side) -> None:
    day = close_the_day(home_side)
    home_side.token.transfer(home_side.fund, 10, sender=home_side.investor)
    assert home_side.token.balance_at_close(home_side.fund, day) == 0
    assert home_side.token.balance_at_close(home_side.fund, 0) == 0


def test_an_account_that_never_moved_held_nothing(home_side: Side) -> None:
    day = close_the_day(home_side)
    assert home_side.token.balance_at_close(home_side.outsider, day) == 0


def test_quiet_days_close_as_the_day_before(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    token.transfer(fund, 10, sender=home_side.investor)
    first = close_the_day(home_side)
    close_the_day(home_side, 30)
    token.transfer(fund, 1, sender=home_side.investor)
    for day in (first, first + 1, first + 29):
        assert token.balance_at_close(fund, day) == 10


def test_controls_leave_no_trace_in_closings(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    token.transfer(fund, 10, sender=home_side.investor)
    day = close_the_day(home_side)
    token.setFrozenTokens(fund, 2**104 - 1, *STATED, sender=home_side.custodian)
    token.setAddressFrozen(fund, True, *STATED, sender=home_side.custodian)
    token.setAddressFrozen(fund, False, *STATED, sender=home_side.custodian)
    token.transfer(fund, 10, sender=home_side.investor)
    assert token.balance_at_close(fund, day) == 10


def test_the_supply_closes_too(home_side: Side) -> None:
    token = home_side.token
    supply = token.totalSupply()
    day = close_the_day(home_side)
    token.authorise_issuance(7, *STATED, sender=home_side.notary)
    token.mint(home_side.fund, 7, *STATED, sender=home_side.issuer)
    next_day = close_the_day(home_side)
    token.approve(home_side.issuer, 7, sender=home_side.fund)
    token.burn(home_side.fund, 7, *STATED, sender=home_side.issuer)
    last = close_the_day(home_side)
    assert token.supply_at_close(day - 1) == 0
    assert token.supply_at_close(day) == supply
    assert token.supply_at_close(next_day) == supply + 7
    assert token.supply_at_close(last) == supply


def test_a_transfer_of_nothing_by_a_stranger_lengthens_no_history(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    moved = token.position_of(investor).last_movement
    close_the_day(home_side)
    token.transferFrom(investor, home_side.fund, 0, sender=home_side.attacker)
    assert token.position_of(investor).last_movement == moved


# ---------------------------------------------------------------------------- hints


@pytest.fixture
def moved_on_days(home_side: Side) -> list[int]:
    """Seven days in a row on which the fund got one more unit, all closed."""
    days = []
    for _ in range(SLOTS - 1):
        home_side.token.transfer(home_side.fund, 1, sender=home_side.investor)
        days.append(close_the_day(home_side))
    return days


def test_any_good_hint_gives_the_same_answer(home_side: Side, moved_on_days: list[int]) -> None:
    token, fund = home_side.token, home_side.fund
    for index, day in enumerate(moved_on_days[:-1]):
        for hint in moved_on_days[index + 1 :]:
            assert token.balance_at_close(fund, day, hint) == index + 1
            assert token.entitled_at_close(fund, day, hint) == index + 1


@pytest.mark.parametrize("late", [False, True])
def test_a_hint_may_be_a_kept_day_or_a_slot(
    home_side: Side, moved_on_days: list[int], late: bool
) -> None:
    """The same opening in both: whichever the hint's day is found in."""
    token, fund, day = home_side.token, home_side.fund, moved_on_days[2]
    if late:
        token.announce_close(day, *STATED, sender=home_side.registrar)
    token.keep(fund, day, day + 1, sender=home_side.attacker)
    for hint in moved_on_days[3:]:
        assert token.balance_at_close(fund, day, hint) == 3


def test_a_hint_for_the_supply_gives_the_same_answer(home_side: Side) -> None:
    token = home_side.token
    token.authorise_issuance(3, *STATED, sender=home_side.notary)
    days = []
    for _ in range(3):
        token.mint(home_side.fund, 1, *STATED, sender=home_side.issuer)
        days.append(close_the_day(home_side))
    expected = token.supply_at_close(days[0])
    assert token.supply_at_close(days[0], days[1]) == expected
    assert token.supply_at_close(days[0], days[2]) == expected


def test_a_hint_that_is_no_later_movement_is_refused(
    world: World, moved_on_days: list[int]
) -> None:
    side = world.home
    later = moved_on_days[-1] + 5
    for hint in (moved_on_days[3], moved_on_days[2], later, moved_on_days[0], later + 2**16):
        for view in (side.token.balance_at_close, side.token.entitled_at_close):
            with refused(world, FALSE_HINT):
                view(side.fund, moved_on_days[3], hint)


def test_a_hint_of_another_account_is_refused(world: World, moved_on_days: list[int]) -> None:
    side = world.home
    for view in (side.token.balance_at_close, side.token.entitled_at_close):
        with refused(world, FALSE_HINT):
            view(side.buyer, moved_on_days[0] - 1, moved_on_days[5])


def test_a_hint_past_the_last_movement_is_not_needed(
    home_side: Side, moved_on_days: list[int]
) -> None:
    token, fund = home_side.token, home_side.fund
    last = moved_on_days[-1]
    assert token.balance_at_close(fund, last, 0) == len(moved_on_days)
    for hint in (last, last + 1, last - 1):
        assert token.entitled_at_close(fund, last, hint) == len(moved_on_days)


def test_more_than_64_kept_days_need_a_hint(world: World) -> None:
    """A chain of openings written straight into storage: 65 days are one too many."""
    side, today = world.home, business_day(world.home.chain.now, CLOSE)
    fund, first = str(side.fund.address), today - 66
    for day in range(first + 1, today):
        opening = Opening(balance=day - first, day=day, before=day - 1)
        write_slot(side.token, opening.pack(), "book", "_openings", opening_key(fund, day))
    word = PositionWord(balance=today - first, eligible_until=40_000, last_movement=today - 1)
    write_slot(side.token, word.pack(), "book", "_positions", fund)

    assert side.token.balance_at_close(fund, first + 1) == 2
    with refused(world, "book: walk too long, give a hint"):
        side.token.balance_at_close(fund, first)
    assert side.token.balance_at_close(fund, first, first + 1) == 1
    assert side.token.balance_at_close(fund, first, first + 64) == 1


# ----------------------------------------------------------------- against a model

HOLDERS = ("investor", "buyer", "fund")
movements = st.one_of(
    st.tuples(
        st.just("transfer"),
        st.sampled_from(HOLDERS),
        st.sampled_from(HOLDERS),
        st.integers(0, 10**9),
    ),
    st.tuples(st.just("mint"), st.sampled_from(HOLDERS), st.just(""), st.integers(1, 10**6)),
    st.tuples(st.just("burn"), st.sampled_from(HOLDERS), st.just(""), st.integers(1, 10**6)),
    st.tuples(
        st.just("batch"), st.sampled_from(HOLDERS), st.sampled_from(HOLDERS), st.integers(0, 100)
    ),
)
# Seconds to let pass before a movement: nothing, minutes, some days; or to a close, to the second.
pauses = st.one_of(
    st.just(0),
    st.integers(1, 4 * DAY),
    st.sampled_from([-1, 0, 1]).map(lambda offset: ("close", offset)),
)


@pytest.mark.requirement("R-41")
def test_closings_follow_the_model(deployed_world: World) -> None:
    @given(st.lists(st.tuples(pauses, movements), min_size=1, max_size=12))
    def check(script: list[tuple[object, tuple[str, str, str, int]]]) -> None:
        with deployed_world.isolated():
            _play(deployed_world.home, script)

    check()


def _play(side: Side, script: list[tuple[object, tuple[str, str, str, int]]]) -> None:
    token, chain = side.token, side.chain
    balances = {name: side.balance(side.parties[name]) for name in HOLDERS}
    # Day -> what everybody had when it closed.
    closings: dict[int, dict[str, int]] = {}
    first = today = business_day(chain.now, CLOSE)
    token.authorise_issuance(10**9, *STATED, sender=side.notary)
    for name in HOLDERS:
        token.approve(side.issuer, 2**255, sender=side.parties[name])

    def turn_pages() -> None:
        nonlocal today
        while today < business_day(chain.now, CLOSE):
            closings[today] = dict(balances)
            today += 1

    for pause, (act, one, other, amount) in script:
        if isinstance(pause, tuple):
            moment = close_of(business_day(chain.now, CLOSE), CLOSE) + pause[1]
        else:
            moment = chain.now + int(pause)  # type: ignore[call-overload]
        chain.set_time(max(moment, chain.now))
        turn_pages()
        actor = side.parties[one]
        if act == "transfer" and balances[one] >= amount:
            token.transfer(side.parties[other], amount, sender=actor)
            balances[one] -= amount
            balances[other] += amount
        elif act == "mint":
            token.mint(actor, amount, *STATED, sender=side.issuer)
            balances[one] += amount
        elif act == "burn" and balances[one] >= amount:
            token.burn(actor, amount, *STATED, sender=side.issuer)
            balances[one] -= amount
        elif act == "batch" and balances[one] >= 2 * amount:
            token.batchTransfer([side.parties[other], actor], [amount, amount], sender=actor)
            balances[one] -= amount
            balances[other] += amount
    chain.set_time(chain.now + DAY)
    turn_pages()
    assert sum(balances.values()) == token.totalSupply()
    # The last week; what is promised beyond it, `test_announced_closes.py` asks.
    for day in sorted(closings)[1 - SLOTS :]:
        expected = closings[day]
        found = {name: token.balance_at_close(side.parties[name], day) for name in HOLDERS}
        assert found == expected
        assert token.supply_at_close(day) == sum(expected.values())
    assert token.supply_at_close(first - 1, first) == 0
