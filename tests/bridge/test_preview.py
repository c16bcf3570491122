"""Beforehand: `can_lock` and `can_burn` say 0 where a message leaves, else all that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.bridge.message import MAX_DEADLINE, party
from tallystick.bridge.preview import Obstacle, obstacles
from tallystick.chain import Revert
from tests.support.actions import world_of_engines
from tests.support.world import AMOUNT_MAX, DAY, INVESTOR_UNITS, STATED, Side, World

HELD = {"home": INVESTOR_UNITS - 1_000, "remote": 1_000}


@pytest.fixture(scope="module")
def deployed_world() -> World:
    """With engines, which suspend."""
    return world_of_engines()


@pytest.fixture
def world(world: World) -> World:
    """Units of the investor on both ledgers."""
    world.arrived(1_000)
    return world


def asked(world: World, side: Side, **changed: Any) -> int:
    """What the escrow says of the investor's message; every argument can be another."""
    view = side.escrow.can_lock if side is world.home else side.escrow.can_burn
    return int(view(*_arguments(world, side, **changed).values()))


def send(world: World, side: Side, **changed: Any) -> None:
    """The same, sent."""
    arguments = _arguments(world, side, **changed)
    holder = arguments.pop("holder")
    act = side.custody.lock if side is world.home else side.escrow.burn
    act(*arguments.values(), sender=holder)


def _arguments(world: World, side: Side, **changed: Any) -> dict[str, Any]:
    other = world.remote if side is world.home else world.home
    return {
        "lane": world.lane,
        "holder": side.investor,
        "recipient": party(other.investor.address),
        "amount": 100,
        "deadline": side.chain.now + DAY,
        **changed,
    }


def _pause(scope: int) -> Callable[[Side, World], Any]:
    return lambda side, world: side.token.pause(scope, *STATED, sender=side.guardian)


def _frozen(side: Side, world: World) -> None:
    amount = HELD[side.chain.name] - 99
    side.token.setFrozenTokens(side.investor, amount, *STATED, sender=side.custodian)


WAYS: dict[str, tuple[int, Callable[[Side, World], Any], dict[str, Any]]] = {
    "unknown lane": (1, lambda side, world: None, {"lane": bytes(32)}),
    "nothing": (2, lambda side, world: None, {"amount": 0}),
    "nobody": (4, lambda side, world: None, {"recipient": bytes(32)}),
    "no account": (4, lambda side, world: None, {"recipient": b"\x01" * 32}),
    "late": (8, lambda side, world: None, {"deadline": 1}),
    "too far": (8, lambda side, world: None, {"deadline": 2**63}),
    "lane paused": (
        16,
        lambda side, world: side.escrow.pause_lane(world.lane, 1, *STATED, sender=side.guardian),
        {},
    ),
    "lane suspended": (
        32,
        lambda side, world: side.escrow.set_suspended(
            world.lane, True, *STATED, sender=side.engine.address
        ),
        {},
    ),
    "beyond the ledger": (64 + 512, lambda side, world: None, {"amount": AMOUNT_MAX}),
    "transfers paused": (128, _pause(1), {}),
    "lanes paused": (128, _pause(4), {}),
    "instrument suspended": (
        128,
        lambda side, world: side.token.set_suspended(True, *STATED, sender=side.engine.address),
        {},
    ),
    "frozen": (
        256,
        lambda side, world: side.token.setAddressFrozen(
            side.investor, True, *STATED, sender=side.custodian
        ),
        {},
    ),
    "part frozen": (512, _frozen, {}),
}


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_nothing_is_in_the_way_of_what_is_sent(world: World, name: str) -> None:
    side: Side = getattr(world, name)
    assert asked(world, side) == 0
    send(world, side)


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("name", ["home", "remote"])
@pytest.mark.parametrize("way", WAYS)
def test_each_obstacle_is_told_alone_and_refuses(world: World, name: str, way: str) -> None:
    side: Side = getattr(world, name)
    expected, prepare, changed = WAYS[way]
    prepare(side, world)
    assert asked(world, side, **changed) == expected
    with pytest.raises(Revert):
        send(world, side, **changed)


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_deadline_is_in_the_way_beyond_ninety_days(world: World, name: str) -> None:
    """To the second: the question costs none, the message is of the block that is asked."""
    side: Side = getattr(world, name)
    last = side.chain.now + MAX_DEADLINE
    assert asked(world, side, deadline=last + 1) == Obstacle.LATE
    assert asked(world, side, deadline=last) == 0
    send(world, side, deadline=last)


def test_a_lane_leads_one_way_only(world: World) -> None:
    for side in (world.home, world.remote):
        view = side.escrow.can_burn if side is world.home else side.escrow.can_lock
        assert view(*_arguments(world, side).values()) == Obstacle.NO_LANE


def test_an_ended_custody_takes_nothing(world: World) -> None:
    side = world.home
    world.deliver(world.burned(1_000))
    side.link(side.custody, False)
    assert asked(world, side) == Obstacle.CUSTODY_ENDED


@pytest.mark.requirement("INV-8")
def test_an_ended_custody_keeps_nobody_from_burning(world: World) -> None:
    """On the remote ledger units do not pass through it on their way out."""
    side = world.remote
    side.link(side.custody, False)
    assert asked(world, side) == 0
    send(world, side)


def test_what_ends_by_itself_is_no_obstacle_then(world: World) -> None:
    """The view asks the clock, not the flag that stays in the word."""
    for side in (world.home, world.remote):
        side.token.pause(5, *STATED, sender=side.guardian)
        side.escrow.pause_lane(world.lane, 1, *STATED, sender=side.guardian)
        assert asked(world, side) == Obstacle.PAUSED | Obstacle.TOKEN_STOPPED
        side.chain.set_time(side.chain.now + 8 * DAY)
        assert asked(world, side) == 0
        send(world, side)


@pytest.mark.requirement("INV-8")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at_home=st.booleans(),
    ways=st.sets(st.sampled_from(sorted(WAYS)), max_size=3),
    amount=st.sampled_from([1, 1_000, 1_001, INVESTOR_UNITS, INVESTOR_UNITS + 1]),
)
def test_zero_is_told_exactly_where_a_message_leaves(
    world: World, at_home: bool, ways: set[str], amount: int
) -> None:
    """Whatever obstacles meet, each of them is in the sum."""
    side = world.home if at_home else world.remote
    with world.isolated():
        changed: dict[str, Any] = {"amount": amount}
        expected = 0
        for way in sorted(ways):
            bit, prepare, other = WAYS[way]
            prepare(side, world)
            changed |= other
            # So many stay free of what is frozen in part.
            expected |= bit if way != "part frozen" or amount > 99 else 0
        answer = asked(world, side, **changed)
        if not expected & Obstacle.NO_LANE and "amount" not in {
            key for way in ways for key in WAYS[way][2]
        }:
            assert answer & expected == expected
        try:
            send(world, side, **changed)
        except Revert:
            assert answer != 0
        else:
            assert answer == 0


def test_an_answer_in_words() -> None:
    assert obstacles(0) == ()
    assert obstacles(8 + 256) == (
        "the deadline has passed, or is more than 90 days away",
        "the holder may not send",
    )
    assert len(obstacles(sum(Obstacle))) == len(Obstacle)
    with pytest.raises(ValueError, match="not known here: 0x2000"):
        obstacles(8_192 + 1)
