"""`tallystick reconcile`: books shown, what is left done, and the one line for wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.cli import main as cli
from tallystick.token.position import date_of
from tests.support.actions import Actions, begin, world_of_engines
from tests.support.commands import Command, tallystick
from tests.support.world import DAY, STATED, World


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def since(world: World) -> int:
    """First day whose close both ledgers ask for: it is over."""
    for side in (world.home, world.remote):
        side.engine.propose_daily(True, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_daily(True, *STATED, sender=side.administrator)
    first = int(world.home.token.business_day())
    _close(world, first)
    return first


def _close(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day + 1, 3_600)


class _Command(Command):
    words = ("reconcile",)

    def executed(self, *arguments: Any) -> tuple[int, dict[str, Any]]:
        """Exit status and document of a run that sends, once all before is final."""
        self.mine()
        return self.json("--execute", *arguments)


@pytest.fixture
def command(world: World, manifest: Path, capsys: pytest.CaptureFixture[str]) -> _Command:
    return _Command(world, manifest, capsys)


def test_three_runs_reconcile_a_day(command: _Command, since: int) -> None:
    acts = []
    for _ in range(4):
        status, found = command.executed()
        assert (status, found["schema"], found["executed"]) == (0, "tallystick.reconcile/1", True)
        acts.append([(step["act"], step["state"]) for step in found["steps"]][-1])
    assert acts == [
        ("reconcile", "waiting"),
        ("take_reconciled", "waiting"),
        ("take_reconciled", "executed"),
        ("reconcile", "done"),
    ]
    (lane,) = found["lanes"]
    assert (lane["remote"], lane["day"], lane["figures"]) == (
        "remote",
        str(date_of(since)),
        "taken",
    )
    assert (lane["fits"], lane["misfit"]) == (True, None)
    for end in lane["ends"]:
        assert end["daily_since"] == end["reconciled"] == str(date_of(since))
        assert (end["suspended_for"], end["late"], end["suspensions"]) == (None, [], 0)


def test_a_dry_run_shows_tables_and_changes_nothing(command: _Command, since: int) -> None:
    before = command.world.storage()
    status, out, err = command()
    assert (status, err) == (0, "")
    assert "dry run, nothing was sent (--execute sends): 1 pending, 1 waiting\n" in out
    for column in ("Lane to", "Figures", "Fit", "Reconciled", "Suspended", "Times", "Late"):
        assert column in out
    assert "not told" in out
    assert "never" in out
    assert str(date_of(since)) in out
    assert command.world.storage() == before


@pytest.mark.requirement("R-14")
def test_the_exit_status_tells_of_a_missed_deadline_and_of_a_suspension(
    command: _Command, since: int
) -> None:
    _close(command.world, since + 1)
    before = command.world.storage()
    assert command()[0] == 1
    assert command.world.storage() == before
    status, found = command.executed()
    assert status == 1
    assert [end["late"] for end in found["lanes"][0]["ends"]] == [
        [{"day": str(date_of(since)), "coaf": None}]
    ] * 2
    status, found = command.executed("--suspend")
    # Home's end is reconciled; its other ledger is told as soon as that is final.
    assert status == 1
    home, remote = found["lanes"][0]["ends"]
    assert home["suspended_for"] is None
    assert remote["suspended_for"] == {"day": str(date_of(since)), "coaf": None}
    assert (remote["suspensions"], remote["this_month"], remote["often"]) == (1, 1, [])
    status, out, _ = command()
    assert status == 1
    assert f"for {date_of(since)}" in out
    assert "1, 1 this month" in out
    assert command.executed()[0] == 0


@pytest.mark.requirement("R-14")
def test_more_than_five_suspensions_in_a_month_are_flagged(
    command: _Command, world: World, since: int
) -> None:
    actions = Actions(world)
    # From the first of August on, every other day is missed.
    for day in range(since + 3, since + 15, 2):
        _close(world, day)
        actions.suspend(world.home, bytes(32))
        actions.take_figures(actions.figures(day))
        actions.reconcile(day)
    status, out, _ = command()
    # On the remote ledger nobody suspended anything, and the deadline has passed.
    assert status == 1
    assert "6, 6 this month; over 5 in 2020-08" in out


@pytest.mark.requirement("R-14")
def test_status_says_what_is_suspended(
    command: _Command, since: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world, given = command.world, ["status", "--manifest", str(command.manifest)]
    _close(world, since + 1)
    for suspended in (False, True):
        if suspended:
            for side in (world.home, world.remote):
                Actions(world).suspend(side, bytes(32))
        # It breaks no invariant.
        assert cli.main([*given, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        (lane,), ledgers = found["lanes"], found["ledgers"]
        assert [each["suspended"] for each in ledgers] == [False, suspended]
        assert (lane["home"]["suspended"], lane["remote"]["suspended"]) == (suspended, False)
        assert cli.main(given) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        stopped = [row[0] for row in rows if row and row[-1] == "suspended"]
        # Ledger, lane, and what the lane lacks at home.
        assert stopped == ["remote", f"0x{world.lane.hex()[:8]}…", "lane"] * suspended


@pytest.mark.parametrize("day", ["tomorrow", "2020-13-01", "20200801", "2020-W31-1", "0x12"])
def test_a_day_that_is_none_is_one_line(command: _Command, day: str) -> None:
    status, out, err = command("--day", day)
    expected = f"{command.manifest}: --day: {day}: expected a day such as 2026-11-27\n"
    assert (status, out, err) == (2, "", expected)


@pytest.mark.parametrize("days", [1, 400, -40_000])
def test_a_day_that_is_not_closed_is_one_line(command: _Command, since: int, days: int) -> None:
    day = date_of(since + days)
    before = command.world.storage()
    status, out, err = command("--day", day, "--execute")
    opened = date_of(int(command.world.home.token.business_day()) - 2)
    expected = f"a day that is closed, from {opened}, when lanes opened, to {date_of(since)}"
    assert (status, out, err) == (2, "", f"{command.manifest}: --day: {day}: expected {expected}\n")
    assert command.world.storage() == before


def test_a_manifest_without_engines_is_one_line(command: _Command) -> None:
    command.without_engines()
    status, out, err = command()
    assert (status, out) == (2, "")
    assert err.startswith(f"{command.manifest}: actions: nothing: expected engines: the plan of")


def test_the_command_is_there_from_a_shell(tmp_path: Path) -> None:
    done = tallystick("reconcile", "--manifest", "none.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "none.json: nothing: expected a file that exists\n"
