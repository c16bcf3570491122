"""`tallystick event` of a split: by its verbs and the courier, and the one line for wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tallystick.token.position import close_of, date_of
from tests.support.actions import begin, world_of_engines
from tests.support.arming import SPLIT, Arming
from tests.support.commands import ROOT, EventCommand, tallystick
from tests.support.documents import event_file
from tests.support.world import World

pytestmark = pytest.mark.requirement("INV-12")
_EVENT = ROOT / "examples" / "apple-split.yaml"
_PRICE = ROOT / "examples" / "reverse-split-price.yaml"
_LAST = SPLIT.record_day
# Monday 3 August 2020.
_TODAY = 18_477
# Index of who is credited what rounding leaves.
_AGENT = 19


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def manifest(world: World, manifest: Path) -> Path:
    """The world as its manifest describes it, on the day of the announcement."""
    for side in (world.home, world.remote):
        begin(side, SPLIT.announced)
    return manifest


@pytest.fixture
def agents(world: World, manifest: Path) -> Path:
    """The same with fractions' agents."""
    Arming.of(world)
    return manifest


class _Command(EventCommand):
    example = _EVENT

    def steps(self, *arguments: Any, event: Path | None = None) -> list[tuple[str, str, str, str]]:
        """What an executed verb did, or why not."""
        steps = self.json(*arguments, "--execute", event=event)[1]["steps"]
        return [(s["ledger"], s["act"], s["state"], s["detail"]) for s in steps]

    def wrong(self, *arguments: Any, event: Path | None = None) -> str:
        """The one line of an input that is refused, with nothing done."""
        before = self.world.storage()
        status, out, err = self(*arguments, "--execute", event=event)
        assert (status, out) == (2, "")
        assert err.startswith(f"{event or self.example}: ")
        assert err.count("\n") == 1
        assert self.world.storage() == before
        return err.removeprefix(f"{event or self.example}: ").rstrip()

    def carried(self, event: Path | None = None) -> None:
        """All that was told is final and carried, and what that tells in turn."""
        for _ in range(3):
            self.mine()
            assert {state for _, _, state, _ in self.steps("carry", event=event)} <= {
                "executed",
                "waiting",
            }

    def armed(self, event: Path | None = None) -> None:
        """Announced, confirmed, armed on both ledgers."""
        for verb in ("announce", "confirm", "arm"):
            ((*_, state, _),) = self.steps(verb, event=event)
            assert state == "executed"
        self.carried(event)

    def record(self, event: Path | None = None) -> str:
        """The hash of the file's record."""
        return str(self.json("status", event=event)[1]["record"])


@pytest.fixture
def command(world: World, agents: Path, capsys: pytest.CaptureFixture[str]) -> _Command:
    for side in (world.home, world.remote):
        begin(side, _TODAY, 3_600)
    return _Command(world, agents, capsys)


def _second(folder: Path, *changes: tuple[str, Any]) -> Path:
    """Another split of the same issuer."""
    return event_file(_EVENT, folder, ("coaf", "US-2020-SPLF-02"), ("unit_epoch", 1), *changes)


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
    assert command.wrong("announce", event=event_file(_EVENT, tmp_path, *changes)).startswith(line)


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize(
    ("fractions", "changes", "line"),
    [
        (
            "CINL",
            {"unit_epoch": 2},
            "unit_epoch: 2: expected the epoch that a ratio in force on home",
        ),
        (
            "CINL",
            {"corp": "OTHER"},
            "corp: OTHER: expected TALLY-2020-0824, as the ratio's, US-2020",
        ),
        ("CINL", {"caev": "SPLR"}, "caev: SPLR: expected SPLF, as the ratio's, US-2020-SPLF-01"),
        (
            "RDDN",
            {},
            "unit_epoch: 1: expected of a ratio whose fractions have a price: those of US-2020",
        ),
        (
            "CINL",
            {"fractions": "CINL"},
            "fractions: CINL: expected RDDN: a split or the like alone",
        ),
    ],
)
def test_a_price_of_no_such_fractions_is_one_line(
    command: _Command, tmp_path: Path, fractions: str, changes: dict[str, Any], line: str
) -> None:
    """The first that is confirmed of an epoch is for good."""
    command.armed(event_file(_EVENT, tmp_path, ("fractions", fractions)))
    right = {
        "corp": "TALLY-2020-0824",
        "caev": "SPLF",
        "dates": {"announcement": "2020-08-03", "payment": "2020-08-31"},
        "unit_epoch": 1,
    }
    price = event_file(_PRICE, tmp_path, *{**right, **changes}.items())
    if "fractions" not in changes:
        assert command.wrong("announce", event=price).startswith("unit_epoch: ")
    for side in (command.world.home, command.world.remote):
        begin(side, _LAST + 1, 3_600)
    assert command.wrong("announce", event=price).startswith(line)
    if fractions == "CINL":
        price = event_file(_PRICE, tmp_path, *right.items())
        assert command.steps("announce", event=price)[0][2] == "executed"


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
        "dates.record: 2020-08-28: expected 2020-08-29 or later: "
        "a ratio that is armed begins on that day"
    )
    later = _second(tmp_path, ("dates.record", "2020-08-31"))
    assert command.steps("announce", event=later)[0][:3] == ("home", "announce", "executed")


def test_a_ratio_that_does_not_fit_is_one_line(command: _Command, tmp_path: Path) -> None:
    command.armed(event_file(_EVENT, tmp_path, ("ratio", "1000000000000:1")))
    second = _second(tmp_path, ("ratio", "1000000000000:1"), ("dates.record", "2020-08-31"))
    assert command.wrong("announce", event=second) == (
        "ratio: 1000000000000:1: expected less: "
        "supply or authorised amount would not fit their fields any more"
    )


def test_two_that_are_announced_for_one_close_are_not_both_armed(
    command: _Command, tmp_path: Path
) -> None:
    """The second waits for nothing: home's token refuses it, and says so in its line."""
    second = event_file(_EVENT, tmp_path, ("coaf", "US-2020-SPLF-02"))
    for verb in ("announce", "confirm"):
        command.steps(verb, event=second)
    command.armed()
    before = command.world.storage()
    assert command.steps("arm", event=second) == [
        (
            "home",
            "arm",
            "refused",
            "4:1 from 2020-08-29 on: reverted: arming: another ratio is armed",
        )
    ]
    assert command("arm", "--execute", event=second)[0] == 1
    assert command.world.storage() == before


def test_a_split_is_withdrawn_by_its_verbs_while_there_is_time(
    command: _Command, tmp_path: Path
) -> None:
    command.armed()
    off = event_file(_EVENT, tmp_path, ("version", 2), ("previous", command.record()))
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
        (_LAST, "remote withdraws the ratio until the close of 2020-08-27"),
        (_LAST + 1, "home withdraws the ratio until the close of 2020-08-28"),
    ],
)
@pytest.mark.parametrize("flags", [("--cancel",), ()])
def test_withdrawing_too_late_is_one_line(
    command: _Command, tmp_path: Path, day: int, line: str, flags: tuple[str, ...]
) -> None:
    """So is another ratio in place of the one that is armed."""
    command.armed()
    changes = [("version", 2), ("previous", command.record()), ("ratio", "2:1")]
    off = event_file(_EVENT, tmp_path, *changes[: 2 if flags else 3])
    for side in (command.world.home, command.world.remote):
        begin(side, day, 3_600)
    expected = f"version: 2: expected no further one: {line}"
    assert command.wrong("announce", *flags, event=off) == expected


def test_withdrawn_too_late_although_it_was_announced_in_time_says_so(
    command: _Command, tmp_path: Path
) -> None:
    command.armed()
    off = event_file(_EVENT, tmp_path, ("version", 2), ("previous", command.record()))
    command.steps("announce", "--cancel", event=off)
    command.steps("confirm", event=off)
    command.carried(off)
    begin(command.world.remote, _LAST, 3_600)
    assert command.steps("arm", event=off) == [
        ("remote", "withdraw_ratio", "refused", "4:1: reverted: arming: too late to withdraw"),
        ("home", "withdraw_ratio", "waiting", "home withdraws last: after remote"),
    ]


# ------------------------------------------------------------------------ on real nodes


@pytest.fixture
def nodes(ledgers: Any, tmp_path: Path) -> tuple[Network, Path]:
    """An instrument on two nodes with fractions' agents, and its manifest."""
    chains = {chain.name: chain for chain in ledgers(2)}
    instrument = load_instrument(ROOT / "examples" / "apple.yaml")
    network = Network.deploy(instrument, chains, agent=_AGENT)
    holder, recipient = network.holder("home", 0), network.holder("remote", 0)
    until = int(network.home.token.business_day()) + 400
    for suite, account in ((network.home, holder), (network.remote, recipient)):
        network.admit(suite, account, until)
        network.admit(suite, suite.chain.account(_AGENT), until)
    network.issue([(holder, 1_000_003)])
    return network, network.manifest.write(tmp_path / "manifest.json")


def _later(network: Network, folder: Path) -> tuple[Path, int]:
    """The example, but for its dates: nodes' clocks don't go back. With its last old day."""
    today = max(int(suite.token.business_day()) for suite in (network.home, network.remote))
    day = next(d for d in range(today + 4, today + 9) if date_of(d).weekday() < 5)
    dates = {"announcement": str(date_of(today)), "record": str(date_of(day))}
    return event_file(_EVENT, folder, ("dates", dates)), day


@pytest.mark.anvil_only
def test_command_on_nodes(nodes: tuple[Network, Path], tmp_path: Path) -> None:
    """From the announcement to a lane that is carried, by two commands; and a node that is away."""
    network, manifest = nodes
    event, day = _later(network, tmp_path)
    suites = (network.home, network.remote)

    def run(*words: Any, status: int = 0) -> tuple[str, str]:
        done = tallystick(*words, "--manifest", manifest, cwd=tmp_path)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout, done.stderr

    def verb(name: str) -> list[tuple[str, str, str]]:
        told = json.loads(run("event", name, event, "--execute", "--json")[0])
        return [(s["ledger"], s["act"], s["state"]) for s in told["steps"]]

    def courier() -> list[str]:
        """What it did, until a step does nothing."""
        said: list[str] = []
        while True:
            for suite in suites:
                suite.chain.mine(3)
            lines = [
                json.loads(line) for line in run("courier", "--once", "--json")[0].splitlines()
            ]
            new = [f"{e['what']} {e.get('kind', 'units')}" for e in lines if e["what"] != "waiting"]
            if not new:
                return said
            said += new

    def begins(day: int) -> None:
        for suite in suites:
            moment = close_of(day - 1, int(suite.token.close_minute())) + 3_600
            suite.chain.set_time(max(moment, suite.chain.now + 1))
            suite.chain.mine(1)

    def waiting() -> dict[str, list[str]]:
        told = json.loads(run("event", "status", event, "--json")[0])
        return {each["ledger"]: each["waiting"] for each in told["ledgers"]}

    away = ("--rpc", "remote=http://127.0.0.1:1")
    done = tallystick("event", "arm", event, *away, "--manifest", manifest, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "remote" in done.stderr
    assert done.stderr.endswith("http://127.0.0.1:1: expected a node that answers\n")

    assert waiting() == {"home": ["the issuer: announce"], "remote": ["home's record: carry"]}
    assert verb("arm") == [("home", "arm", "waiting")]
    for name in ("announce", "confirm", "arm"):
        assert verb(name) == [("home", name, "executed")]
    assert courier() == ["taken RECORD", "taken RATIO", "taken ARMED", "taken ENTERED"]
    first = str(date_of(day + 1))
    until = [f"the first day in new units, {first}"]
    assert waiting() == {"home": until, "remote": until}

    # One under way when the first day in new units begins.
    holder, recipient = network.holder("home", 0), network.holder("remote", 0)
    begins(day)
    network.lock(holder, recipient, 100_001)
    courier()
    message = network.lock(holder, recipient, 10_003)
    begins(day + 1)
    assert network.home.token.balanceOf(holder) == 4 * (1_000_003 - 100_001 - 10_003)
    said = courier()
    assert sorted(said) == sorted(
        [
            "delivered units",
            "told ENTERED",
            "told FIGURES",
            "taken ENTERED",
            "taken FIGURES",
            "taken LANE",
        ]
    )
    assert message.amount == 10_003
    assert network.remote.token.balanceOf(recipient) == 4 * (100_001 + 10_003)
    assert network.home.engine is not None
    assert network.home.engine.base_of(network.lane, 1).is_carried
    assert waiting() == {"home": [], "remote": []}
    assert verb("arm") == [("home", "arm", "done"), ("home", "carry_lane", "done")]
    shown, _ = run("event", "status", event)
    for ledger in ("home", "remote"):
        assert f"{ledger}: 4:1 since {first}" in shown
    assert json.loads(run("status", "--json")[0])["ok"]
    run("event", "status", event, "--reconcile")
