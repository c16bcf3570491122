"""A split driven over two ledgers: what is done, what waits and why, and again is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tallystick.actions.message import RatioState, Status
from tallystick.actions.record import EventRecord
from tallystick.events.driver import Driver, Step
from tallystick.events.standing import Standing, standing_of, waits
from tests.support.actions import Actions, begin
from tests.support.arming import SPLIT, Arming
from tests.support.world import INVESTOR_UNITS, World

pytestmark = pytest.mark.requirement("INV-12")
FIRST_DAY = SPLIT.record_day + 1


@pytest.fixture
def agents(world: World) -> World:
    """The world with fractions' agents."""
    Arming.of(world)
    return world


def _driver(world: World, record: EventRecord = SPLIT) -> Driver:
    return Driver(world.network.connection, record)


def _states(steps: Iterator[Step]) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state) for step in steps]


def _carry(world: World, record: EventRecord = SPLIT) -> None:
    """Everything told so far is carried, and what that has told in turn."""
    for _ in range(3):
        for side in (world.home, world.remote):
            side.chain.mine(3)
        for step in _driver(world, record).carry():
            assert step.state in {"executed", "done", "waiting"}, step


def _arm(world: World, record: EventRecord = SPLIT) -> list[tuple[str, str, str]]:
    return _states(_driver(world, record).arm())


def _day(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day, 3_600)


def _standing(world: World, record: EventRecord = SPLIT) -> tuple[Standing, ...]:
    return standing_of(_driver(world, record))


def _waits(world: World, record: EventRecord = SPLIT) -> list[tuple[str, ...]]:
    return [waits(seen) for seen in _standing(world, record)]


@pytest.fixture
def announced(agents: World) -> World:
    """The split is in force on both ledgers."""
    _states(_driver(agents).announce())
    _states(_driver(agents).confirm())
    _carry(agents)
    return agents


@pytest.fixture
def armed(announced: World) -> World:
    """It is armed on both."""
    assert _arm(announced) == [("home", "arm", "executed")]
    _carry(announced)
    return announced


def test_a_split_is_armed_carried_and_home_knows(announced: World) -> None:
    assert _waits(announced) == [("the ratio: arm",), ("home's ratio: arm, carry",)]
    assert _arm(announced) == [("home", "arm", "executed")]
    assert _arm(announced) == [("home", "arm", "done")]
    _carry(announced)
    for seen in _standing(announced):
        assert seen.ratio is not None
        assert (seen.ratio.state, seen.ratio.first_day) == (RatioState.PENDING, FIRST_DAY)
        assert waits(seen) == ("the first day in new units, 2020-08-29",)
        assert seen.as_dict()["ratio"] == {
            "ratio": "4:1",
            "state": "pending",
            "first_day": "2020-08-29",
            "version": 1,
            "lanes_to_carry": [],
        }
    assert Arming(Actions(announced)).told_at_home(SPLIT) == (
        RatioState.PENDING,
        1,
        FIRST_DAY,
    )


def test_once_it_has_begun_lanes_are_carried_over_it(armed: World) -> None:
    armed.arrived(1_001)
    _day(armed, FIRST_DAY)
    assert _waits(armed) == [("the lane to remote to be carried over the ratio: arm, carry",), ()]
    assert _arm(armed) == [
        ("home", "arm", "done"),
        ("remote", "tell_ratio", "executed"),
        ("remote", "send_figures", "executed"),
    ]
    assert _arm(armed)[1:] == [
        ("remote", "tell_ratio", "done"),
        ("remote", "send_figures", "done"),
    ]
    _carry(armed)
    assert _arm(armed) == [("home", "arm", "done"), ("home", "carry_lane", "executed")]
    assert _arm(armed) == [("home", "arm", "done"), ("home", "carry_lane", "done")]
    assert _waits(armed) == [(), ()]
    assert armed.home.engine.base_of(armed.lane, 1).carried == 4_004
    assert armed.home.balance(armed.home.investor) == 4 * (INVESTOR_UNITS - 1_001)


def test_what_is_off_is_withdrawn_by_home_last(armed: World) -> None:
    off = SPLIT.successor()
    _states(_driver(armed, off).announce(Status.CANCELLED))
    _states(_driver(armed, off).confirm())
    assert _arm(armed, off) == [
        ("remote", "withdraw_ratio", "waiting"),
        ("home", "withdraw_ratio", "waiting"),
    ]
    _carry(armed, off)
    for expected in ("executed", "done"):
        assert _arm(armed, off) == [
            ("remote", "withdraw_ratio", expected),
            ("home", "withdraw_ratio", "waiting"),
        ]
    _carry(armed, off)
    assert _arm(armed, off) == [
        ("remote", "withdraw_ratio", "done"),
        ("home", "withdraw_ratio", "executed"),
    ]
    for seen in _standing(armed, off):
        assert seen.ratio is None
        assert waits(seen) == ()


def test_a_ledger_that_missed_it_enters_once_it_is_in_force_at_home(announced: World) -> None:
    assert _arm(announced) == [("home", "arm", "executed")]
    _day(announced, FIRST_DAY)
    assert _arm(announced) == [("home", "arm", "done"), ("home", "tell_ratio", "executed")]
    _carry(announced)
    assert announced.remote.token.ratio_at(1).first_day == FIRST_DAY + 3
    assert _arm(announced) == [("home", "arm", "done"), ("remote", "tell_ratio", "waiting")]


def test_an_event_without_a_ratio_arms_nothing(agents: World) -> None:
    assert _arm(agents, replace(SPLIT, rate=None)) == [("home", "arm", "done")]
