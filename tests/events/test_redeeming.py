"""Redemptions driven over two ledgers: what is done, what waits and why, and again is nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.actions.record import EventRecord
from tallystick.events.driver import Driver, Step
from tallystick.events.standing import standing_of, waits
from tests.support.actions import Actions, begin
from tests.support.arming import Arming
from tests.support.redeeming import NOTICE, PARTIAL, WHOLE
from tests.support.world import INVESTOR_UNITS, World

pytestmark = pytest.mark.requirement("INV-12")
ISSUE = INVESTOR_UNITS + 10**11
ABROAD = 5_000_003


def _driver(world: World, record: EventRecord) -> Driver:
    return Driver(world.network.connection, record)


def _states(steps: Iterator[Step]) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state) for step in steps]


def _carry(world: World, record: EventRecord) -> None:
    for _ in range(3):
        for side in (world.home, world.remote):
            side.chain.mine(3)
        for step in _driver(world, record).carry():
            assert step.state in {"executed", "done", "waiting"}, step


def _arm(world: World, record: EventRecord) -> list[tuple[str, str, str, str]]:
    return [(*row, step.detail) for step in _driver(world, record).arm() for row in _rows(step)]


def _rows(step: Step) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state)]


def _waits(world: World, record: EventRecord) -> list[tuple[str, ...]]:
    return [waits(seen) for seen in standing_of(_driver(world, record))]


def _day(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day, 3_600)


def _announced(world: World, record: EventRecord) -> None:
    """In force on both ledgers; cash is there, units are on both."""
    actions = Actions(world)
    for side in (world.home, world.remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    world.arrived(ABROAD)
    _states(_driver(world, record).announce())
    _states(_driver(world, record).confirm())
    _carry(world, record)


def _fixed(world: World, record: EventRecord) -> None:
    _day(world, record.record_day + 1)
    for verb in (Driver.figures, Driver.fix):
        _states(verb(_driver(world, record)))
        _carry(world, record)
        _states(verb(_driver(world, record)))
        _carry(world, record)


def test_units_end_once_every_ledger_is_funded(world: World) -> None:
    _announced(world, WHOLE)
    until = "not before the payment day, 2020-08-13"
    assert _arm(world, WHOLE) == [
        ("remote", "send_paid", "waiting", "not funded in full there"),
        ("home", "redeem", "waiting", until),
    ]
    _fixed(world, WHOLE)
    _day(world, WHOLE.payment_day)
    assert _arm(world, WHOLE)[1] == ("home", "redeem", "waiting", "not funded in full here")
    wait = "the units to end, once each ledger is funded in full: arm, carry"
    assert [each[-1] for each in _waits(world, WHOLE)] == [wait, wait]
    _states(_driver(world, WHOLE).fund())
    told = "not told that it is funded in full: remote"
    assert _arm(world, WHOLE) == [
        ("remote", "send_paid", "executed", "funded in full"),
        ("home", "redeem", "waiting", told),
    ]
    assert _arm(world, WHOLE)[0][2:] == ("done", "funded in full, to be carried home")
    _carry(world, WHOLE)
    assert _arm(world, WHOLE) == [
        ("remote", "send_paid", "done", "funded in full, told home"),
        ("home", "redeem", "executed", "0:1"),
    ]
    assert _arm(world, WHOLE) == [("home", "arm", "done", "0:1")]
    _carry(world, WHOLE)
    for seen in standing_of(_driver(world, WHOLE)):
        assert seen.as_dict()["ratio"] == {
            "ratio": "0:1",
            "state": "pending",
            "first_day": "2020-08-16",
            "version": 1,
            "lanes_to_carry": [],
        }
        assert waits(seen)[-1] == "the first day without units, 2020-08-16"
    _day(world, WHOLE.payment_day + NOTICE)
    assert (world.home.token.totalSupply(), world.remote.token.totalSupply()) == (0, 0)
    _states(_driver(world, WHOLE).pay())
    for _ in range(3):
        steps = _arm(world, WHOLE)
        _carry(world, WHOLE)
    assert steps == [
        ("home", "arm", "done", "0:1"),
        ("home", "carry_lane", "done", "lane to remote: it is carried"),
    ]
    for side in (world.home, world.remote):
        for account in (side.investor, side.buyer):
            held = side.token.entitled_at_close(account, WHOLE.record_day, 0)
            assert side.engine.is_paid(WHOLE.as_tuple()[2], account) == (held != 0)


def test_a_partial_one_is_armed_ahead_and_paid_after(world: World) -> None:
    Arming.of(world)
    _announced(world, PARTIAL)
    for seen in _waits(world, PARTIAL):
        assert seen[0] == "the close of the record day, 2020-08-10"
        assert seen[1] in {"the ratio: arm", "home's ratio: arm, carry"}
    assert _arm(world, PARTIAL) == [("home", "arm", "executed", "3:4 from 2020-08-11 on")]
    _carry(world, PARTIAL)
    assert [each[1] for each in _waits(world, PARTIAL)] == [
        "the first day in new units, 2020-08-11"
    ] * 2
    _fixed(world, PARTIAL)
    assert world.home.token.totalSupply() == ISSUE * 3 // 4
    _states(_driver(world, PARTIAL).fund())
    _day(world, PARTIAL.payment_day + 1)
    assert ("home", "push", "executed") in _states(_driver(world, PARTIAL).pay())
    paid = standing_of(_driver(world, PARTIAL))[0].paid
    assert paid.units == ISSUE - ABROAD
    for _ in range(3):
        steps = _arm(world, PARTIAL)
        _carry(world, PARTIAL)
    assert steps[1][1:3] == ("carry_lane", "done")
