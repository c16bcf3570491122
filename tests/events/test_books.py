"""Days' closes told and reconciled, by the courier and by hand; and what is suspended meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.message import LaneId
from tallystick.chain import ChainError
from tallystick.cli.courier import couriers
from tallystick.cli.courier import run as run_couriers
from tallystick.events.acts import Step
from tallystick.events.books import EACH_DAY, Books
from tallystick.events.courier import BookKeeper, Carried, EngineCourier
from tallystick.token.position import date_of
from tests.actions.test_fixing import spread
from tests.support.actions import APPLE, Actions, begin
from tests.support.world import DAY, STATED, World

pytestmark = pytest.mark.requirement("R-13", "R-14")


def _ask(actions: Actions, *sides: Any) -> int:
    """Each day's close is asked for on some ledgers, from today's on; returns that day."""
    for side in sides:
        side.engine.propose_daily(True, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_daily(True, *STATED, sender=side.administrator)
    actions.world.synchronise()
    since = max(int(side.token.business_day()) for side in (actions.home, actions.remote))
    for side in (actions.home, actions.remote):
        if side.token.business_day() < since:
            begin(side, since, 60)
    return since


@pytest.fixture
def since(actions: Actions) -> int:
    """First day whose close both ledgers ask for: today."""
    spread(actions)
    return _ask(actions, actions.home, actions.remote)


def _keeper(world: World) -> BookKeeper:
    return BookKeeper(world.network.connection)


def _books(world: World, **how: Any) -> Books:
    return Books(world.network.connection, **how)


def _final(world: World) -> None:
    for side in (world.home, world.remote):
        side.chain.mine(3)


def _said(found: Iterator[Carried]) -> list[tuple[str, str, str, str]]:
    return [(each.what, each.source, each.words, each.detail) for each in found]


def _steps(found: Iterator[Step]) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state) for step in found]


def _told(source: str, kind: str, day: int, what: str = "told") -> tuple[str, str, str, str]:
    return (what, source, f"{kind} {date_of(day)}", "")


def _close(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day + 1, 3_600)


def _lane(world: World) -> bytes:
    return LaneId(world.lane)


# ---------------------------------------------------------------------------- the courier


def test_where_each_day_is_asked_for_its_close_is_told_and_reconciled(
    world: World, since: int
) -> None:
    carriers, found = couriers(world.network.connection), list[Any]()

    def carried() -> list[tuple[str, str, str, str]]:
        _final(world)
        found.clear()
        assert run_couriers(carriers, found.append, pytest.fail, pytest.fail, once=True)
        return _said(iter(each for each in found if isinstance(each, Carried)))

    assert carried() == []
    for day in (since, since + 1):
        _close(world, day)
        assert carried() == [_told("remote", "FIGURES", day)]
        assert carried() == [
            _told("remote", "FIGURES", day, "taken"),
            _told("home", "RECONCILED", day),
        ]
        assert carried() == [_told("home", "RECONCILED", day, "taken")]
        for side in (world.home, world.remote):
            assert side.engine.reconciliation_of(world.lane).day == day
        before = world.storage()
        assert carried() == carried() == []
        # Nor does another one, which knows nothing, do anything twice.
        assert _said(_keeper(world).carry()) == []
        assert world.storage() == before


def test_what_is_told_has_the_id_under_which_it_is_carried(world: World, since: int) -> None:
    _close(world, since)
    (told,) = _keeper(world).carry()
    _final(world)
    (taken,) = EngineCourier(world.network.connection).carry()
    assert (taken.what, taken.id) == ("taken", told.id)
    assert told.as_dict()["kind"] == "FIGURES"
    assert told.changed


def test_where_no_day_is_asked_for_none_is_told(world: World, actions: Actions) -> None:
    _close(world, int(actions.home.token.business_day()))
    before = world.storage()
    assert _said(_keeper(world).carry()) == []
    assert world.storage() == before


@pytest.mark.parametrize("asking", ["home", "remote"])
def test_one_ledger_that_asks_is_enough(world: World, actions: Actions, asking: str) -> None:
    day = _ask(actions, getattr(actions, asking))
    assert _said(_keeper(world).carry()) == []
    _close(world, day)
    assert _said(_keeper(world).carry()) == [_told("remote", "FIGURES", day)]


def test_a_day_that_is_not_over_on_both_ledgers_waits(world: World, since: int) -> None:
    begin(world.remote, since + 1, 60)
    assert _said(_keeper(world).carry()) == []
    begin(world.home, since + 1, 60)
    assert _said(_keeper(world).carry()) == [_told("remote", "FIGURES", since)]


def test_after_days_that_were_missed_the_newest_is_enough(
    world: World, actions: Actions, since: int
) -> None:
    for day in range(since, since + 4):
        _close(world, day)
    for side in (actions.home, actions.remote):
        actions.suspend(side, EACH_DAY)
    keeper, courier = _keeper(world), EngineCourier(world.network.connection)
    found: list[tuple[str, str, str, str]] = []
    for _ in range(3):
        found += _said(courier.carry())
        found += _said(keeper.carry())
        _final(world)
    day = since + 3
    assert found == [
        _told("remote", "FIGURES", day),
        _told("remote", "FIGURES", day, "taken"),
        _told("home", "RECONCILED", day),
        _told("home", "RECONCILED", day, "taken"),
    ]
    for side in (actions.home, actions.remote):
        kept = side.engine.reconciliation_of(world.lane)
        assert (kept.day, kept.suspended_for, kept.suspensions) == (day, 0, 1)


def test_figures_that_do_not_fit_are_said_and_ever_more_rarely_tried(
    world: World, actions: Actions, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _close(world, since)
    lie = actions.figures(since)
    actions.take_figures(replace(lie, supply=lie.supply + 10_000_000))
    tried, real = [], Books.reconcile

    def reconcile(self: Books, remote: str, day: int) -> Step:
        tried.append(day)
        return real(self, remote, day)

    monkeypatch.setattr(Books, "reconcile", reconcile)
    keeper, before = _keeper(world), world.storage()
    words = f"RECONCILED {date_of(since)}"
    for _ in range(40):
        expected = ("refused", "home", words, "reverted: cut: figures do not fit")
        assert _said(keeper.carry()) == [expected]
    # In steps 1, 3, 7, 15 and 31.
    assert len(tried) == 5
    assert world.storage() == before
    _close(world, since + 1)
    assert _said(keeper.carry()) == [_told("remote", "FIGURES", since + 1)]


def test_two_figures_of_a_day_are_said_and_the_next_day_makes_up_for_them(
    world: World, actions: Actions, since: int
) -> None:
    _close(world, since)
    told = actions.figures(since)
    for figures in (told, replace(told, sent=told.sent + 1)):
        actions.take_figures(figures)
    (said,) = _said(_keeper(world).carry())
    why = "two figures contradict one another: a later close makes up for it"
    assert said == ("refused", "remote", f"FIGURES {date_of(since)}", why)
    _close(world, since + 1)
    assert _said(_keeper(world).carry()) == [_told("remote", "FIGURES", since + 1)]


def test_figures_that_are_reorganised_away_are_told_again(world: World, since: int) -> None:
    _close(world, since)
    keeper = _keeper(world)
    for _ in range(2):
        assert _said(keeper.carry()) == [_told("remote", "FIGURES", since)]
        assert _said(keeper.carry()) == []
        world.remote.chain.reorg(1)


def test_a_remote_ledger_is_told_of_a_record_day_without_the_events_totals(
    world: World, actions: Actions
) -> None:
    """Home has split the lane, but the event is not known, or halted, at its other end."""
    spread(actions)
    _ask(actions, actions.home, actions.remote)
    record = replace(
        APPLE,
        **{
            name: getattr(APPLE, name) + 8
            for name in ("record_day", "figures_by", "payment_day", "relief_until", "expires")
        },
    )
    actions.in_force(record)
    day = record.record_day
    _close(world, day)
    actions.take_figures(actions.figures(day))
    actions.fix(record)
    actions.fix_lane(record)
    assert _said(_keeper(world).carry()) == [_told("home", "RECONCILED", day)]
    assert _said(_keeper(world).carry()) == []
    actions.take_reconciled(actions.reconciled(day))
    assert world.remote.engine.reconciliation_of(world.lane).day == day


def test_a_ledger_that_is_away_is_said_after_all_others(
    world: World, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _close(world, since)
    keeper = _keeper(world)
    keeper.engines.lanes["nowhere"] = keeper.engines.lanes["remote"]
    real = Books.due

    def due(self: Books, remote: str) -> int:
        if remote == "remote":
            raise ChainError("remote does not answer")
        return 0

    monkeypatch.setattr(Books, "due", due)
    with pytest.raises(ChainError, match="remote does not answer"):
        list(keeper.carry())
    monkeypatch.setattr(Books, "due", real)
    del keeper.engines.lanes["nowhere"]
    assert _said(keeper.carry()) == [_told("remote", "FIGURES", since)]
