"""Lanes taken over ratios: what is due of what was seen, and couriers left to themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState, Status
from tallystick.actions.record import EventRecord
from tallystick.bridge.carrying import Halt
from tallystick.chain import ChainError
from tallystick.chain.embedded import EmbeddedChain
from tallystick.cli.courier import couriers
from tallystick.cli.courier import run as run_couriers
from tallystick.events.courier import Carried, EngineCourier
from tallystick.events.driver import Driver
from tallystick.events.over_ratio import OverRatio
from tallystick.events.ratio_decision import Due, Over, Seen, decide
from tallystick.events.ratio_keeper import RatioKeeper
from tallystick.events.standing import standing_of, waits
from tallystick.token.position import date_of
from tests.support.actions import APPLE, begin
from tests.support.arming import SPLIT, Arming
from tests.support.redeeming import WHOLE
from tests.support.world import INVESTOR_UNITS, World

pytestmark = pytest.mark.requirement("INV-12")
FIRST_DAY = SPLIT.record_day + 1
_SPLIT = SPLIT.coaf
_RATIO = f"RATIO {_SPLIT}"
_LAST = str(date_of(SPLIT.record_day))


# -------------------------------------------------------------------------------- decided


_THERE = Seen(carried=False, state=RatioState.IN_FORCE, first_day=FIRST_DAY)


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (Seen(carried=True, state=None), [Due(Over.CARRY, done="it is carried")]),
        (Seen(carried=False, state=None), [Due(Over.TELL_HOME)]),
        (
            Seen(carried=False, state=None, home_told=True),
            [Due(Over.TELL_HOME, done="told, to be carried")],
        ),
        (
            replace(_THERE, state=RatioState.PENDING),
            [Due(Over.TELL_THERE, waits="it begins there on 2020-08-29")],
        ),
        (_THERE, [Due(Over.TELL_THERE), Due(Over.FIGURES)]),
        (
            replace(_THERE, told=True, figures_told=True),
            [
                Due(Over.TELL_THERE, done="told, to be carried"),
                Due(Over.FIGURES, done="told, to be carried home"),
            ],
        ),
        (replace(_THERE, told=True, entered=True), [Due(Over.FIGURES)]),
        (replace(_THERE, figures_told=True, figures=True), [Due(Over.TELL_THERE)]),
        (
            replace(_THERE, told=True, entered=True, figures_told=True, figures=True),
            [Due(Over.CARRY)],
        ),
    ],
)
def test_what_is_due_follows_from_what_was_seen(seen: Seen, due: list[Due]) -> None:
    assert list(decide(seen)) == due
    assert [each.is_due for each in due] == [not (each.waits or each.done) for each in due]


# ------------------------------------------------------------------------------- carried


@pytest.fixture
def announced(world: World) -> World:
    """The split is in force at home, and each ledger has a fractions' agent."""
    Arming.of(world)
    _driver(world, "announce", "confirm")
    return world


@pytest.fixture
def armed(announced: World) -> World:
    """It is armed at home, too."""
    _driver(announced, "arm")
    return announced


def _driver(world: World, *verbs: str, record: EventRecord = SPLIT) -> None:
    for verb in verbs:
        for step in getattr(Driver(world.network.connection, record), verb)():
            assert step.state in {"executed", "done"}, step


def _final(world: World) -> None:
    for side in (world.home, world.remote):
        side.chain.mine(3)


def _day(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day, 3_600)


class _Couriers:
    """All couriers of a manifest, as the command runs them; what they said of engines."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._carriers = couriers(world.network.connection)

    def __call__(self) -> list[tuple[str, str, str, str]]:
        """What one step changed, once what was told before is final."""
        _final(self._world)
        found: list[Any] = []
        assert run_couriers(self._carriers, found.append, pytest.fail, once=True)
        return [
            (each.what, each.source, each.words, each.detail)
            for each in found
            if isinstance(each, Carried) and each.what != "waiting"
        ]


def _taken(source: str, words: str) -> tuple[str, str, str, str]:
    return ("taken", source, words, "")


def _told(source: str, words: str) -> tuple[str, str, str, str]:
    return ("told", source, words, "")


def test_couriers_alone_arm_the_other_ledger_and_carry_the_lane(armed: World) -> None:
    carried = _Couriers(armed)
    assert carried() == [_taken("home", f"RECORD {_SPLIT} version 1")]
    # The ratio waits for the record, whose block has to be there first.
    assert carried() == [
        _taken("home", f"RATIO {_SPLIT}"),
        _taken("remote", f"ARMED {_SPLIT}"),
    ]
    assert carried() == [_taken("remote", f"ENTERED {_SPLIT}")]
    assert carried() == carried() == []
    armed.arrived(1_001)
    _day(armed, FIRST_DAY)
    assert carried() == [_told("remote", f"ENTERED {_SPLIT}"), _told("remote", f"FIGURES {_LAST}")]
    assert carried() == [
        _taken("remote", f"ENTERED {_SPLIT}"),
        _taken("remote", f"FIGURES {_LAST}"),
        _taken("remote", f"LANE {_SPLIT}"),
    ]
    assert armed.home.engine.base_of(armed.lane, 1).carried == 4_004
    before = armed.storage()
    assert carried() == carried() == []
    # Nor does another one, which knows nothing, find anything.
    assert list(RatioKeeper(armed.network.connection).carry()) == []
    assert armed.storage() == before
    driver = Driver(armed.network.connection, SPLIT)
    assert [waits(seen) for seen in standing_of(driver)] == [(), ()]
    assert armed.home.balance(armed.home.investor) == 4 * (INVESTOR_UNITS - 1_001)


def test_couriers_alone_have_home_arm_what_is_in_force(world: World) -> None:
    Arming.of(world)
    carried = _Couriers(world)
    _driver(world, "announce")
    before = world.storage()
    # Nobody but the event attestors says what is in force.
    assert carried() == []
    assert world.storage() == before
    _driver(world, "confirm")
    assert carried() == [_taken("home", f"RECORD {_SPLIT} version 1"), _told("home", _RATIO)]
    assert carried() == [_taken("home", _RATIO), _taken("remote", f"ARMED {_SPLIT}")]
    assert carried() == [_taken("remote", f"ENTERED {_SPLIT}")]
    assert int(world.remote.token.ratio_at(1).first_day) == FIRST_DAY
    before = world.storage()
    assert carried() == carried() == []
    # Nor does another one, which knows nothing, find anything.
    assert list(RatioKeeper(world.network.connection).carry()) == []
    assert world.storage() == before


@pytest.mark.parametrize("is_told", [True, False], ids=["entered there", "not heard of there"])
def test_couriers_alone_withdraw_what_is_off_at_home_last(world: World, is_told: bool) -> None:
    Arming.of(world)
    _driver(world, "announce", "confirm", "arm")
    carried = _Couriers(world)
    while is_told and carried():
        pass
    assert bool(world.remote.token.ratio_at(1).first_day) == is_told
    off = Driver(world.network.connection, SPLIT.successor())
    for step in (*off.announce(Status.CANCELLED), *off.confirm()):
        assert step.state == "executed", step
    found = []
    while now := carried():
        found += now
        if world.remote.token.ratio_at(1).first_day:
            assert world.home.token.ratio_at(1).first_day == FIRST_DAY
    dropped = [_told("remote", f"ENTERED {_SPLIT}"), _taken("remote", f"ENTERED {_SPLIT}")]
    assert [each for each in found if each in dropped] == dropped
    assert found[-1] == _taken("all", _RATIO)
    for side in (world.home, world.remote):
        assert side.token.ratio_at(1).first_day == 0
        assert side.engine.armed_ratio(SPLIT.as_tuple()[2]).epoch == 0
    before = world.storage()
    assert carried() == []
    assert list(RatioKeeper(world.network.connection).carry()) == []
    assert world.storage() == before


def test_another_ratio_takes_the_place_of_the_one_that_was_armed(world: World) -> None:
    Arming.of(world)
    _driver(world, "announce", "confirm")
    carried = _Couriers(world)
    while carried():
        pass
    assert world.home.token.ratio_at(1).numerator == 4
    _driver(world, "announce", "confirm", record=SPLIT.successor(rate=Rate(5)))
    while carried():
        pass
    for side in (world.home, world.remote):
        ratio = side.token.ratio_at(1)
        assert (ratio.numerator, ratio.first_day) == (5, FIRST_DAY)
        assert side.engine.armed_ratio(SPLIT.as_tuple()[2]).version == 2


def test_what_home_does_not_arm_is_said_once_with_its_reason(world: World) -> None:
    """Nobody named a fractions' agent; then the day is over, and nothing is asked any more."""
    _driver(world, "announce", "confirm")
    keeper, before = RatioKeeper(world.network.connection), world.storage()
    for _ in range(3):
        (said,) = keeper.carry()
        assert isinstance(said, Carried)
        assert (said.what, said.words, said.source) == ("refused", _RATIO, "home")
        assert said.detail == "reverted: ratios: no fractions' agent"
    assert world.storage() == before
    _day(world, FIRST_DAY)
    assert list(keeper.carry()) == []
    assert keeper._open == {}


def test_what_pays_cash_or_ends_units_is_not_the_couriers_to_arm(world: World) -> None:
    records = APPLE, replace(WHOLE, coaf="US-2020-REDM-02")
    for record in records:
        _driver(world, "announce", "confirm", record=record)
    keeper, before = RatioKeeper(world.network.connection), world.storage()
    assert list(keeper.carry()) == []
    assert (keeper._open, world.storage()) == ({}, before)


def test_a_ledger_that_missed_it_is_brought_in_late_by_couriers_alone(armed: World) -> None:
    """Its record and the ratio come after home's first day: then its own last close counts."""
    armed.arrived(1_001)
    _day(armed, FIRST_DAY)
    carried = _Couriers(armed)
    assert carried() == [
        _taken("home", f"RECORD {_SPLIT} version 1"),
        _told("home", f"RATIO {_SPLIT}"),
    ]
    found = carried()
    assert _taken("home", f"RATIO {_SPLIT}") in found
    first = int(armed.remote.token.ratio_at(1).first_day)
    assert first == FIRST_DAY + 3
    assert _taken("remote", f"ENTERED {_SPLIT}") in carried()
    assert carried() == []
    _day(armed, first)
    last = str(date_of(first - 1))
    assert carried() == [_told("remote", f"ENTERED {_SPLIT}"), _told("remote", f"FIGURES {last}")]
    assert carried()[-1] == _taken("remote", f"LANE {_SPLIT}")
    base = armed.home.engine.base_of(armed.lane, 1)
    assert (base.carried, base.is_carried) == (4_004, True)
    assert carried() == []


def test_by_hand_the_figures_of_a_late_ledger_are_carried_too(armed: World) -> None:
    """`event carry` and `event arm` do the same in turn, for whoever runs no courier."""
    armed.arrived(1_001)
    _day(armed, FIRST_DAY)

    def turn() -> None:
        for verb in ("arm", "carry"):
            _final(armed)
            steps = getattr(Driver(armed.network.connection, SPLIT), verb)()
            assert "refused" not in {step.state for step in steps}

    for _ in range(3):
        turn()
    first = int(armed.remote.token.ratio_at(1).first_day)
    _day(armed, first)
    for _ in range(2):
        turn()
    _driver(armed, "arm")
    assert armed.home.engine.figures_at(armed.lane, first - 1)[0]
    assert armed.home.engine.base_of(armed.lane, 1).carried == 4_004


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("kind", ["Ratio", "Entered"])
def test_a_ratio_that_storage_shows_and_no_log_is_asked_for_again(
    armed: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source = "home" if kind == "Ratio" else "remote"
    topic = armed.home.engine.interface.events_by_name[f"{kind}Sent"][0].topic
    hidden, real = [True], EmbeddedChain.raw_logs

    def raw_logs(*arguments: Any, **more: Any) -> tuple[Any, ...]:
        found = real(*arguments, **more)
        return tuple(log for log in found if not hidden[0] or log.topics[0] != topic)

    monkeypatch.setattr(EmbeddedChain, "raw_logs", raw_logs)
    courier, found = EngineCourier(armed.network.connection), list[Any]()
    for _ in range(4):
        _final(armed)
        found = list(courier.carry())
    why = f"{source} logged no {kind.upper()} of {_SPLIT}: asked for again"
    assert [(each.what, each.detail) for each in found] == [("incomplete", why)]
    hidden[0] = False
    assert [(each.what, each.words) for each in courier.carry()] == [
        ("taken", f"{kind.upper()} {_SPLIT}")
    ]


def test_what_is_refused_is_said_and_ever_more_rarely_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quorum that errs told home of more units there than there can be."""
    arming = Arming.of(world)
    arming.armed(SPLIT)
    arming.take_entered(arming.entered(SPLIT))
    _day(world, FIRST_DAY)
    arming.tell(arming.remote, SPLIT)
    arming.take_entered(arming.entered(SPLIT, state=RatioState.IN_FORCE))
    right = arming.figures(SPLIT.record_day)
    arming.actions.take_figures(replace(right, supply=right.supply + 10_000_000))
    asked, real = list[str](), OverRatio.over

    def over(self: OverRatio, coaf: bytes, epoch: int, remote: str) -> Any:
        asked.append(remote)
        return real(self, coaf, epoch, remote)

    monkeypatch.setattr(OverRatio, "over", over)
    keeper, before = RatioKeeper(world.network.connection), world.storage()
    for _ in range(40):
        (said,) = keeper.carry()
        assert isinstance(said, Carried)
        assert (said.what, said.words) == ("refused", f"LANE {_SPLIT}")
        assert said.detail == "reverted: arming: figures do not fit"
    # In steps 1, 3, 7, 15 and 31.
    assert len(asked) == 5
    assert world.storage() == before


def test_a_ledger_that_is_away_stops_no_other(
    armed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = RatioKeeper(armed.network.connection)
    _day(armed, FIRST_DAY)
    _final(armed)
    keeper.engines.lanes["nowhere"] = keeper.engines.lanes["remote"]

    def left(self: RatioKeeper, remote: str) -> int:
        if remote == "remote":
            raise ChainError("remote does not answer")
        return 0

    with monkeypatch.context() as away:
        away.setattr(RatioKeeper, "_left", left)
        watch = keeper._sends.watch
        away.setattr(keeper._sends, "watch", lambda at: watch("home" if at == "nowhere" else at))
        (halt,) = keeper.carry()
    assert isinstance(halt, Halt)
    assert (halt.what, halt.detail) == ("stopped", "remote does not answer")
    del keeper.engines.lanes["nowhere"]
    assert [each.words for each in keeper.carry()] == [f"RATIO {_SPLIT}"]
