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
from tallystick.events.books import EACH_DAY, Books, Break
from tallystick.events.courier import BookKeeper, Carried, EngineCourier
from tallystick.token.position import date_of
from tests.actions.test_fixing import spread
from tests.support.actions import APPLE, COAF, Actions, begin
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
        assert run_couriers(carriers, found.append, pytest.fail, once=True)
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
    real, asked = Books.due, []

    def due(self: Books, remote: str) -> int:
        asked.append(remote)
        if remote == "remote":
            raise ChainError("remote does not answer")
        return 0

    monkeypatch.setattr(Books, "due", due)
    with monkeypatch.context() as without:
        without.setattr(keeper._sends, "watch", lambda _: None)
        assert [(halt.what, halt.source, halt.detail) for halt in keeper.carry()] == [
            ("stopped", "remote", "remote does not answer")
        ]
    assert asked == ["remote", "nowhere"]
    monkeypatch.setattr(Books, "due", real)
    del keeper.engines.lanes["nowhere"]
    assert _said(keeper.carry()) == [_told("remote", "FIGURES", since)]


# ------------------------------------------------------------------------------- by hand


def test_whoever_has_no_courier_does_it_in_as_many_runs_as_finality_takes(
    world: World, since: int
) -> None:
    _close(world, since)
    books = _books(world)
    assert _steps(books.settle()) == [
        ("remote", "send_figures", "executed"),
        ("home", "take_figures", "waiting"),
        ("home", "reconcile", "waiting"),
    ]
    _final(world)
    assert _steps(books.settle()) == [
        ("remote", "send_figures", "done"),
        ("home", "take_figures", "executed"),
        ("home", "reconcile", "executed"),
        ("remote", "take_reconciled", "waiting"),
    ]
    _final(world)
    done = [("remote", "send_figures", "done"), ("home", "reconcile", "done")]
    assert _steps(books.settle()) == [*done, ("remote", "take_reconciled", "executed")]
    before = world.storage()
    assert _steps(books.settle()) == done
    assert world.storage() == before


def test_a_dry_run_tells_what_is_left_and_does_nothing(
    world: World, actions: Actions, since: int
) -> None:
    _close(world, since)
    books, before = _books(world, execute=False), world.storage()
    assert _steps(books.settle()) == [
        ("remote", "send_figures", "pending"),
        ("home", "reconcile", "waiting"),
    ]
    assert world.storage() == before
    actions.take_figures(actions.figures(since))
    before = world.storage()
    assert ("home", "reconcile", "pending") in _steps(books.settle())
    assert world.storage() == before


def test_an_older_day_is_reconciled_if_it_is_asked_for_by_name(world: World, since: int) -> None:
    for day in range(since, since + 3):
        _close(world, day)
    books = _books(world)
    for _ in range(3):
        list(books.settle(since))
        _final(world)
    for side in (world.home, world.remote):
        assert side.engine.reconciliation_of(world.lane).day == since
    (lane,) = books.standing(since)
    assert (lane.day, lane.figures, lane.fits) == (since, "taken", True)


def test_a_missed_deadline_suspends_if_that_is_asked_for_and_a_close_lifts_it(
    world: World, since: int
) -> None:
    for day in (since, since + 1):
        _close(world, day)
    books, before = _books(world), world.storage()
    missed = (Break(EACH_DAY, since),)
    (lane,) = books.standing()
    assert [(end.ledger, end.late, end.sound) for end in lane.ends] == [
        ("home", missed, False),
        ("remote", missed, False),
    ]
    assert world.storage() == before
    acts = [step for step in books.settle() if step.act == "suspend"]
    assert [(step.ledger, step.state, step.detail) for step in acts] == [
        (
            ledger,
            "waiting",
            f"{what}: {date_of(since)} was not reconciled in time: --suspend has it suspended",
        )
        for ledger, what in (("home", "lane to remote"), ("remote", "the instrument"))
    ]
    acts = [step for step in books.settle(suspend=True) if step.act == "suspend"]
    assert [(step.ledger, step.state) for step in acts] == [
        ("home", "executed"),
        ("remote", "executed"),
    ]
    assert world.home.escrow.is_suspended(world.lane)
    assert world.remote.token.is_suspended()
    (lane,) = books.standing()
    for end in lane.ends:
        assert (end.suspended_for, end.late) == (missed[0], ())
        assert (end.suspensions, end.this_month, end.often, end.sound) == (1, 1, (), False)
    _final(world)
    waiting = [step for step in books.settle(suspend=True) if step.act == "resume"]
    # Home's end went on with the close that was reconciled.
    assert [(step.ledger, step.state, step.detail) for step in waiting] == [
        (
            "remote",
            "waiting",
            "the instrument: reverted: reconciliation: break stands: reconcile a close",
        )
    ]
    _final(world)
    list(books.settle())
    (lane,) = books.standing()
    assert all(end.sound and end.reconciled == since + 1 for end in lane.ends)
    assert not world.remote.token.is_suspended()


def test_what_is_suspended_for_days_that_nobody_asks_for_any_more_goes_on(
    world: World, actions: Actions, since: int
) -> None:
    for day in (since, since + 1):
        _close(world, day)
    side = actions.home
    actions.suspend(side, EACH_DAY)
    side.engine.propose_daily(False, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_daily(False, *STATED, sender=side.administrator)
    steps = [step for step in _books(world).settle() if step.act == "resume"]
    assert [(step.ledger, step.state) for step in steps] == [("home", "executed")]
    assert not side.escrow.is_suspended(world.lane)


def test_an_event_past_its_deadline_is_named(world: World, actions: Actions) -> None:
    actions.take(actions.in_force(APPLE))
    spread(actions)
    actions.close(APPLE.record_day)
    (lane,) = _books(world).standing()
    assert [end.late for end in lane.ends] == [(), ()]
    actions.close(APPLE.figures_by)
    (lane,) = _books(world).standing()
    missed = Break(COAF, APPLE.record_day)
    assert [end.late for end in lane.ends] == [(missed,), (missed,)]
    assert missed.words == f"2020-08-10 of {APPLE.coaf}"
    steps = [step for step in _books(world).settle(suspend=True) if step.act == "suspend"]
    assert [step.state for step in steps] == ["executed", "executed"]
    assert actions.home.engine.reconciliation_of(world.lane).coaf == COAF


def test_why_figures_do_not_fit_is_said(world: World, actions: Actions, since: int) -> None:
    _close(world, since)
    told = actions.figures(since)
    actions.take_figures(replace(told, supply=told.supply + 10_000_000))
    (lane,) = _books(world).standing()
    assert (lane.figures, lane.fits, lane.misfit) == (
        "taken",
        False,
        "reverted: cut: figures do not fit",
    )
    assert [s.state for s in _books(world).settle() if s.act == "reconcile"] == ["refused"]


def test_of_a_day_before_a_lane_was_open_nothing_is_told(world: World) -> None:
    books = _books(world)
    opened, before = books.opened("remote"), world.storage()
    step = books.figures("remote", opened - 1)
    why = f"{date_of(opened - 1)}: the lane was opened on {date_of(opened)}"
    assert (step.state, step.detail) == ("waiting", why)
    assert [step.state for step in books.settle(opened - 1)] == ["waiting", "waiting"]
    assert world.storage() == before


def test_what_another_has_done_meanwhile_is_no_failure(
    world: World, actions: Actions, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (since, since + 1):
        _close(world, day)
    late = Books.late

    def overtaken(self: Books, ledger: str, remote: str) -> tuple[Break, ...]:
        found = late(self, ledger, remote)
        for side in (actions.home, actions.remote):
            if side.chain is self.engines.chain(ledger):
                actions.suspend(side, EACH_DAY)
        return found

    monkeypatch.setattr(Books, "late", overtaken)
    acts = [step for step in _books(world).settle(suspend=True) if step.act == "suspend"]
    assert [(step.ledger, step.state) for step in acts] == [("home", "done"), ("remote", "done")]
