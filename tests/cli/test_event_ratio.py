"""`tallystick event` of a split: by its verbs and the courier, and the one line for wrong input."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.chain import Chain, Contract
from tallystick.cli import main as cli
from tallystick.files.manifest import Manifest
from tallystick.governance.roles import reason_code
from tallystick.reach import connection as reach
from tallystick.token.position import close_of
from tests.support.actions import begin, world_of_engines
from tests.support.arming import SPLIT, Arming
from tests.support.commands import ROOT, plan_data, tallystick, write_plan
from tests.support.world import STATED, World

pytestmark = pytest.mark.requirement("INV-12")
_EVENT = ROOT / "examples" / "apple-split.yaml"
_LAST = SPLIT.record_day
# Monday 3 August 2020.
_TODAY = 18_477


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def manifest(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world as its manifest describes it, on the day of the announcement."""
    for side in (world.home, world.remote):
        begin(side, SPLIT.announced)

    def connect(manifest: Manifest, **_: Any) -> reach.Connection:
        return reach.connection_of(manifest, world.network.chains)

    monkeypatch.setattr(reach, "connect", connect)
    return world.network.manifest.write(tmp_path / "manifest.json")


@pytest.fixture
def agents(world: World, manifest: Path) -> Path:
    """The same with fractions' agents."""
    Arming.of(world)
    return manifest


class _Command:
    """The command on a manifest, and what it said."""

    def __init__(self, world: World, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.manifest = manifest
        self._capsys = capsys

    def __call__(self, *arguments: Any, event: Path = _EVENT) -> tuple[int, str, str]:
        verb, *rest = map(str, arguments)
        given = ["event", verb, str(event), "--manifest", str(self.manifest), *rest]
        status = cli.main(given)
        return status, *self._capsys.readouterr()

    def steps(self, *arguments: Any, event: Path = _EVENT) -> list[tuple[str, str, str, str]]:
        """What an executed verb did, or why not."""
        _, out, err = self(*arguments, "--execute", "--json", event=event)
        assert err == ""
        steps = json.loads(out)["steps"]
        return [(s["ledger"], s["act"], s["state"], s["detail"]) for s in steps]

    def wrong(self, *arguments: Any, event: Path = _EVENT) -> str:
        """The one line of an input that is refused, with nothing done."""
        before = self.world.storage()
        status, out, err = self(*arguments, "--execute", event=event)
        assert (status, out) == (2, "")
        assert err.startswith(f"{event}: ")
        assert err.count("\n") == 1
        assert self.world.storage() == before
        return err.removeprefix(f"{event}: ").rstrip()

    def carried(self, event: Path = _EVENT) -> None:
        """All that was told is final and carried, and what that tells in turn."""
        for _ in range(3):
            for side in (self.world.home, self.world.remote):
                side.chain.mine(3)
            assert {state for _, _, state, _ in self.steps("carry", event=event)} <= {
                "executed",
                "waiting",
            }

    def armed(self, event: Path = _EVENT) -> None:
        """Announced, confirmed, armed on both ledgers."""
        for verb in ("announce", "confirm", "arm"):
            ((*_, state, _),) = self.steps(verb, event=event)
            assert state == "executed"
        self.carried(event)

    def record(self, event: Path = _EVENT) -> str:
        """The hash of the file's record."""
        _, out, _ = self("status", "--json", event=event)
        found: str = json.loads(out)["record"]
        return found


@pytest.fixture
def command(world: World, agents: Path, capsys: pytest.CaptureFixture[str]) -> _Command:
    for side in (world.home, world.remote):
        begin(side, _TODAY, 3_600)
    return _Command(world, agents, capsys)


def _event(folder: Path, *changes: tuple[str, Any]) -> Path:
    """The example with some fields changed."""
    data: dict[str, Any] = yaml.load(_EVENT.read_text(), Loader=yaml.BaseLoader)
    for path, value in changes:
        node: Any = data
        *steps, last = path.split(".")
        for step in steps:
            node = node[step]
        node[last] = value
    file = folder / "event.yaml"
    file.write_text(json.dumps(data))
    return file


def _second(folder: Path, *changes: tuple[str, Any]) -> Path:
    """Another split of the same issuer."""
    return _event(folder, ("coaf", "US-2020-SPLF-02"), ("unit_epoch", 1), *changes)


# ---------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ((("ratio", "4"),), "ratio: 4: expected new units for old ones, in quotes, such as"),
        ((("ratio", "4:0"),), "ratio: 4:0: expected new units for old ones, in quotes, such as"),
        ((("ratio", "9999999999999:1"),), "ratio: 9999999999999:1: expected "),
        ((("unit_epoch", 1),), "unit_epoch: 1: expected 0: so many ratios are armed on home"),
        (
            (("dates.record", "2020-08-03"),),
            "dates.record: 2020-08-03: expected a day after today, 2020-08-03",
        ),
        (
            (("dates.record", "2020-08-04"),),
            "dates.record: 2020-08-04: expected at least 2 business days after today, 2020-08-03",
        ),
        (
            (("dates.record", "2021-12-31"),),
            "dates.record: 2021-12-31: expected a close at least two business days away, and no",
        ),
    ],
)
def test_a_wrong_split_is_one_line(
    command: _Command, tmp_path: Path, changes: tuple[tuple[str, Any], ...], line: str
) -> None:
    assert command.wrong("announce", event=_event(tmp_path, *changes)).startswith(line)


def test_without_an_agent_for_what_rounding_leaves_no_split_is_announced(
    world: World, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = _Command(world, manifest, capsys)
    assert command.wrong("announce") == (
        "ratio: 4:1: expected a fractions' agent on home first "
        "(tallystick act home ActionsEngine.propose_fractions_agent)"
    )


def test_what_is_not_confirmed_is_not_armed(command: _Command) -> None:
    waiting = [("home", "arm", "waiting", "this version is not in force at home")]
    assert command.steps("arm") == waiting
    command.steps("announce")
    assert command.steps("arm") == waiting


def test_a_second_ratio_on_the_same_close_is_one_line(command: _Command, tmp_path: Path) -> None:
    command.armed()
    assert command.wrong("announce", event=_second(tmp_path)) == (
        "dates.record: 2020-08-24: expected 2020-08-25 or later: "
        "a ratio that is armed begins on that day"
    )
    later = _second(tmp_path, ("dates.record", "2020-08-25"))
    assert command.steps("announce", event=later)[0][:3] == ("home", "announce", "executed")


def test_a_ratio_that_does_not_fit_is_one_line(command: _Command, tmp_path: Path) -> None:
    command.armed(_event(tmp_path, ("ratio", "1000000000000:1")))
    second = _second(tmp_path, ("ratio", "1000000000000:1"), ("dates.record", "2020-08-25"))
    assert command.wrong("announce", event=second) == (
        "ratio: 1000000000000:1: expected less: "
        "supply or authorised amount would not fit their fields any more"
    )


def test_two_that_are_announced_for_one_close_are_not_both_armed(
    command: _Command, tmp_path: Path
) -> None:
    """The second waits for nothing: home's token refuses it, and says so in its line."""
    second = _event(tmp_path, ("coaf", "US-2020-SPLF-02"))
    for verb in ("announce", "confirm"):
        command.steps(verb, event=second)
    command.armed()
    before = command.world.storage()
    assert command.steps("arm", event=second) == [
        ("home", "arm", "refused", "4:1 from 2020-08-25 on: reverted: arming: another ratio is armed")
    ]
    assert command("arm", "--execute", event=second)[0] == 1
    assert command.world.storage() == before


def test_a_split_is_withdrawn_by_its_verbs_while_there_is_time(
    command: _Command, tmp_path: Path
) -> None:
    command.armed()
    off = _event(tmp_path, ("version", 2), ("previous", command.record()))
    assert command.steps("announce", "--cancel", event=off)[0][2] == "executed"
    assert command.steps("confirm", event=off)[0][2] == "executed"
    command.carried(off)
    states = [step[:3] for step in command.steps("arm", event=off)]
    assert states == [
        ("remote", "withdraw_ratio", "executed"),
        ("home", "withdraw_ratio", "waiting"),
    ]
    command.carried(off)
    assert [step[:3] for step in command.steps("arm", event=off)][-1] == (
        "home",
        "withdraw_ratio",
        "executed",
    )
    for side in (command.world.home, command.world.remote):
        assert side.token.ratio_at(1).first_day == 0


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (_LAST, "remote withdraws the ratio until the close of 2020-08-23"),
        (_LAST + 1, "home withdraws the ratio until the close of 2020-08-24"),
    ],
)
@pytest.mark.parametrize("flags", [("--cancel",), ()])
def test_withdrawing_too_late_is_one_line(
    command: _Command, tmp_path: Path, day: int, line: str, flags: tuple[str, ...]
) -> None:
    """So is another ratio in place of the one that is armed."""
    command.armed()
    changes = [("version", 2), ("previous", command.record()), ("ratio", "2:1")]
    off = _event(tmp_path, *changes[: 2 if flags else 3])
    for side in (command.world.home, command.world.remote):
        begin(side, day, 3_600)
    expected = f"version: 2: expected no further one: {line}"
    assert command.wrong("announce", *flags, event=off) == expected


def test_withdrawn_too_late_although_it_was_announced_in_time_says_so(
    command: _Command, tmp_path: Path
) -> None:
    command.armed()
    off = _event(tmp_path, ("version", 2), ("previous", command.record()))
    command.steps("announce", "--cancel", event=off)
    command.steps("confirm", event=off)
    command.carried(off)
    begin(command.world.remote, _LAST, 3_600)
    assert command.steps("arm", event=off) == [
        ("remote", "withdraw_ratio", "refused", "4:1: reverted: arming: too late to withdraw"),
        ("home", "withdraw_ratio", "waiting", "home withdraws last: after remote"),
    ]
