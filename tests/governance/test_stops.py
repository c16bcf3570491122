"""How long a stop lasts, who prolongs it, who lifts it: pauses of the token, stops of a lane."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.world import DAY, STATED, Side, World, refused

WEEK = 7 * DAY
KINDS = ("token", "lane")


class Stop:
    """One kind of stop on the home ledger."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.side, self.kind = world, world.home, kind

    def stop(self, key: Any, bits: int = 1) -> Any:
        """Stop, or prolong."""
        if self.kind == "token":
            return self.side.token.pause(bits, *STATED, sender=key)
        return self.side.escrow.pause_lane(self.world.lane, bits, *STATED, sender=key)

    def lift(self, key: Any, bits: int = 1) -> Any:
        """Let go on."""
        if self.kind == "token":
            return self.side.token.unpause(bits, *STATED, sender=key)
        return self.side.escrow.unpause_lane(self.world.lane, bits, *STATED, sender=key)

    @property
    def running(self) -> int:
        """What is stopped now."""
        if self.kind == "token":
            return int(self.side.token.paused_scopes())
        return int(self.world.lane_state(self.side).paused_directions)


@pytest.fixture(params=KINDS)
def stop(world: World, request: pytest.FixtureRequest) -> Stop:
    return Stop(world, request.param)


def _at(side: Side, moment: int) -> None:
    side.chain.set_time(moment)


@pytest.mark.requirement("R-64")
def test_a_guardian_alone_stops_nothing_for_more_than_a_week(stop: Stop) -> None:
    side = stop.side
    began = stop.stop(side.guardian).timestamp
    for moment in (began + 1, began + WEEK - 1, began + WEEK, began + 2 * WEEK - 1):
        _at(side, moment)
        with refused(stop.world, "stops: administrator's turn"):
            stop.stop(side.guardian)
    assert stop.running == 0
    _at(side, began + 2 * WEEK)
    stop.stop(side.guardian)
    assert stop.running == 1


@pytest.mark.requirement("R-64")
def test_two_keys_in_turn_prolong(stop: Stop) -> None:
    side = stop.side
    moment = stop.stop(side.guardian).timestamp
    for turn in range(4):
        _at(side, moment + WEEK - 1)
        key = side.administrator if turn % 2 == 0 else side.guardian
        moment = stop.stop(key).timestamp
    _at(side, moment + WEEK - 1)
    assert stop.running == 1
    _at(side, moment + WEEK)
    assert stop.running == 0


@pytest.mark.requirement("R-64", "INV-9")
@pytest.mark.parametrize("second", ["administrator", "second_administrator"])
def test_administrators_alone_neither_stop_nor_prolong_again(stop: Stop, second: str) -> None:
    side = stop.side
    with refused(stop.world, "stops: nothing to prolong"):
        stop.stop(side.administrator)
    began = stop.stop(side.guardian).timestamp
    stop.stop(side.administrator)
    with refused(stop.world, "stops: nothing to prolong"):
        stop.stop(side.parties[second])
    _at(side, began + WEEK + DAY)
    with refused(stop.world, "stops: nothing to prolong"):
        stop.stop(side.parties[second])


def test_what_has_ended_is_not_prolonged(stop: Stop) -> None:
    began = stop.stop(stop.side.guardian).timestamp
    _at(stop.side, began + WEEK)
    with refused(stop.world, "stops: nothing to prolong"):
        stop.stop(stop.side.administrator)


def test_an_administrator_prolongs_no_more_than_was_stopped(stop: Stop) -> None:
    stop.stop(stop.side.guardian, 1)
    with refused(stop.world, "stops: nothing to prolong"):
        stop.stop(stop.side.administrator, 3)


@pytest.mark.requirement("R-64", "INV-9")
def test_a_hostile_administrator_lifts_nothing_against_the_guardian(stop: Stop) -> None:
    """A13: it unpaused at once. Now it takes a day, in which the guardian stops anew."""
    side = stop.side
    stop.stop(side.guardian)
    for _ in range(3):
        lifted = stop.lift(side.administrator).timestamp
        _at(side, lifted + DAY - 1)
        assert stop.running == 1
        began = stop.stop(side.guardian).timestamp
    _at(side, began + WEEK - 1)
    assert stop.running == 1


def test_lifting_prolongs_nothing(stop: Stop) -> None:
    side = stop.side
    began = stop.stop(side.guardian).timestamp
    _at(side, began + WEEK - 10)
    stop.lift(side.administrator)
    _at(side, began + WEEK)
    assert stop.running == 0
    stop.lift(side.administrator)
    assert stop.running == 0


def test_after_an_administrators_answer_the_guardian_may_stop_at_once(stop: Stop) -> None:
    side = stop.side
    began = stop.stop(side.guardian).timestamp
    _at(side, began + WEEK)
    stop.lift(side.administrator)
    stop.stop(side.guardian)
    assert stop.running == 1


def test_stops_run_apart(stop: Stop) -> None:
    side = stop.side
    first = stop.stop(side.guardian, 1).timestamp
    _at(side, first + 3 * DAY)
    second = stop.stop(side.guardian, 2).timestamp
    _at(side, first + WEEK)
    assert stop.running == 2
    # What has ended does not come back with what is stopped now.
    stop.lift(side.administrator, 1)
    stop.stop(side.guardian, 1)
    _at(side, second + WEEK)
    assert stop.running == 1


def test_one_stop_that_is_the_others_turn_stops_the_whole_call(stop: Stop) -> None:
    stop.stop(stop.side.guardian, 1)
    with refused(stop.world, "stops: administrator's turn"):
        stop.stop(stop.side.guardian, 3)


@pytest.mark.parametrize("role", ["issuer", "operator", "registrar", "custodian", "attacker"])
def test_nobody_else_stops_or_lifts(stop: Stop, role: str) -> None:
    key = stop.side.parties[role]
    with refused(stop.world, "access: missing role"):
        stop.stop(key)
    with refused(stop.world, "access: missing role"):
        stop.lift(key)


def test_lanes_stop_apart(world: World) -> None:
    """Another lane, or the token, is another subject."""
    side = world.home
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    assert side.token.paused_scopes() == 0
    assert world.lane_state(world.remote).paused_directions == 0
