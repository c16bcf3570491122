"""The scripts as an ape user runs them: `ape run deploy --network …`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick import build
from tallystick.cli.main import cli
from tallystick.deploy.release import archive_of
from tallystick.files.manifest import Manifest
from tallystick.governance.release import Version
from tallystick.local.network import Network
from tests.support.commands import ROOT, ape_environment

pytestmark = [pytest.mark.anvil_only, pytest.mark.slow]
_EVENT = ROOT / "examples" / "apple-dividend.yaml"
_SPLIT = ROOT / "examples" / "apple-split.yaml"
# Acts in their order, which are verbs of no command.
_OF_ACTS = {"pause", "rotate", "upgrade"}


@pytest.fixture
def ape(tmp_path: Path) -> Any:
    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / "ape"), "run", *map(str, arguments)],
            cwd=ROOT,
            env=ape_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Its lines, without what ape says of its own doings."""
    return [line for line in done.stdout.splitlines() if not line.startswith("INFO:")]


def test_local_network_is_a_rehearsal(ape: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dry = ape("deploy", "--network", "ethereum:local:foundry", "--out", out)
    assert dry.returncode == 0, dry.stderr
    assert said(dry)[-1].startswith("dry run: 0 steps done, ")
    done = ape("deploy", "--network", "ethereum:local:foundry", "--out", out, "--execute")
    assert done.returncode == 0, done.stderr
    lines = said(done)
    assert lines[:3] == [
        (
            "connected to ethereum:local:foundry, chain id 31337: ledger home of the plan, with "
            "its chain id 41001"
        ),
        "on local ledgers beside it: remote",
        "they end with this command (a rehearsal)",
    ]
    assert lines[3].startswith("home, remote: two administrators; ")
    assert lines[4].startswith("on no ledger, so not deployed: ")
    assert lines[5].startswith("US0378331005 on home, remote: ")
    assert lines[5].endswith(" steps carried out, 0 were done before")
    assert lines[6].startswith("verified: ")
    assert not out.exists()


def test_one_network_after_the_other(ape: Any, ledgers: Any, tmp_path: Path) -> None:
    """With one connected network it deploys the ledgers that match; then the others; then ends."""
    chains = {chain.name: chain for chain in ledgers(2)}
    data = yaml.safe_load((ROOT / "examples" / "plan.yaml").read_text())
    data["instrument"] = str(ROOT / "examples" / "apple.yaml")
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    for ledger in data["ledgers"]:
        del ledger["network"]
        ledger["rpc"] = chains[ledger["name"]].url
    plan.write_text(yaml.safe_dump(data))

    def on(name: str) -> list[str]:
        choice = f"ethereum:local:{chains[name].url}"
        done = ape("deploy", "--network", choice, "--plan", plan, "--out", out, "--execute")
        assert done.returncode == 0, done.stderr
        lines = said(done)
        other = "remote" if name == "home" else "home"
        assert lines[:2] == [
            f"connected to {choice}, chain id {chains[name].chain_id}: ledger {name} of the plan",
            f"not connected: {other}; run again with their network",
        ]
        assert lines[2].startswith("home, remote: two administrators; ")
        assert lines[3].startswith("on no ledger, so not deployed: ")
        return lines[4:]

    first = on("home")
    assert first[-1].endswith(" steps are on remote, which is not connected")
    assert first[-2].endswith(" steps here need remote first: run again afterwards")
    second = on("remote")
    assert len(second) == 2
    third = on("home")
    assert len(third) == 2
    assert "8 steps carried out" in third[0]
    assert not (out / "manifest.json").exists()
    # Everything stands: whoever has both at hand says so, and writes the manifest.
    last = subprocess.run(
        [sys.executable, "-m", "tallystick", "deploy", plan, "--out", out, "--execute"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert " 0 steps carried out" in last.stdout
    assert Manifest.load(out / "manifest.json").lanes
    shown = ape("status", "--manifest", out / "manifest.json")
    assert shown.returncode == 0, shown.stderr
    assert "INV-1" in shown.stdout
    # A plan names no courier: whoever starts one says who sends.
    unnamed = ape("courier", "--manifest", out / "manifest.json", "--once")
    assert unnamed.returncode == 2
    assert "roles.home.courier: nothing: expected an account, or --account with" in unnamed.stderr
    account = ("--account", "issuer")
    carried = ape("courier", "--manifest", out / "manifest.json", *account, "--once")
    assert (carried.returncode, said(carried)) == (0, []), carried.stderr


def test_a_network_that_the_plan_does_not_have(ape: Any, ledgers: Any, tmp_path: Path) -> None:
    (chain,) = ledgers(1)
    plan = ROOT / "examples" / "plan.sepolia.yaml"
    choice = f"ethereum:local:{chain.url}"
    done = ape("deploy", "--network", choice, "--plan", plan, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert (
        f"{plan}: ledgers: home (ethereum:sepolia:node), remote (base:sepolia:node): "
        f"expected a ledger on {choice}, chain id 41001"
    ) in done.stderr
    assert chain.block_number == 0


@pytest.mark.parametrize("script", ["status", "courier"])
def test_wrong_input(ape: Any, tmp_path: Path, script: str) -> None:
    done = ape(script, "--manifest", tmp_path / "none.json")
    assert done.returncode == 2
    assert f"{tmp_path / 'none.json'}: nothing: expected a file that exists" in done.stderr
    assert "Traceback" not in done.stderr


def test_each_verb_that_sends_has_a_script() -> None:
    def sends(command: Any) -> bool:
        options = {parameter.name for parameter in command.params}
        return "execute" in options or any(map(sends, getattr(command, "commands", {}).values()))

    verbs = {name for name, command in cli.commands.items() if sends(command)} | {"courier"}
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert scripts == verbs | _OF_ACTS | {"status"}


def test_acts_and_scripts_of_acts_under_ape(ape: Any, network: Network, tmp_path: Path) -> None:
    """On the manifest of a devnet, whose keys are all at hand."""
    manifest = network.manifest.write(tmp_path / "manifest.json")
    (tmp_path / "order.txt").write_text("an order")
    why = ("--reason", "TEST", "--document", tmp_path / "order.txt")
    attestors = ("0x" + "11" * 20, "0x" + "22" * 20)

    def run(script: str, *arguments: Any) -> str:
        done = ape(script, *arguments, "--manifest", manifest)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return "\n".join(said(done))

    home, remote = network.home, network.remote
    shown = run("act", "home", "SecurityToken.pause", "scope=issuance", *why, "--execute")
    assert "executed: 0x" in shown
    assert home.token.paused_scopes() == 2
    assert "2 executed" in run("pause", "transfers", *why, "--execute")
    assert [suite.token.paused_scopes() for suite in (home, remote)] == [3, 1]
    given = ("home-remote", *(f"--attestor={each}" for each in attestors), "--threshold", 2)
    assert "6 executed, 2 waiting" in run("rotate", *given, *why, "--execute")
    for suite in (home, remote):
        suite.chain.advance(3_600)
        suite.chain.mine()
    assert "2 executed" in run("rotate", *given, *why, "--execute")
    assert [suite.escrow.lane_state(network.lane).epoch for suite in (home, remote)] == [2, 2]
    moved = run("upgrade", "home", "InstrumentRegistry", "1.1.0", *why, "--execute")
    assert "6 executed, 1 waiting" in moved
    assert "the notice is over at " in moved
    archive = tmp_path / "archive.json"
    documents = {"notes": tmp_path / "order.txt", "evidence": [tmp_path / "order.txt"]}
    item = build.artifact("InstrumentRegistryNextMock")
    archive_of("InstrumentRegistry", Version(1, 1, 0), item, **documents).write(archive)
    at = ("remote", archive, "--execute")
    assert "2 executed" in run("release", "register", *at)
    assert "1 executed" in run("release", "notice", *at)
    assert "3 executed" in run("release", "approve", *at, "--document", tmp_path / "order.txt")
    remote.chain.advance(3_600)
    remote.chain.mine()
    assert "1 executed" in run("release", "activate", *at)
    assert remote.registry.release() == "1.1.0"
    back = ("roll-back", "remote", "InstrumentRegistry", "--document", tmp_path / "order.txt")
    assert "1 executed" in run("release", *back, "--execute")
    run("reconcile", "--execute")
    assert "DVCA" in run("event", "status", _EVENT)


def _armed(network: Network, run: Callable[..., str], event: Path) -> None:
    """A split of the same instrument is armed, a fortnight after it was announced."""
    for suite in (network.home, network.remote):
        network.name_agent(suite, network.holder("home", 1).address)
    data = yaml.load(_SPLIT.read_text(), yaml.BaseLoader)
    today = datetime.fromtimestamp(network.home.chain.now, UTC)
    # A Friday, with ten business days before it.
    record = today + timedelta(days=18 + (4 - today.weekday()) % 7)
    data["dates"] = {"announcement": str(today.date()), "record": str(record.date())}
    event.write_text(json.dumps(data))
    for verb in ("announce", "confirm", "arm"):
        assert "1 executed" in run(verb, file=event)


def test_each_verb_of_an_event_that_sends_runs_under_ape(
    ape: Any, network: Network, tmp_path: Path
) -> None:
    """A dividend by its verbs, on the manifest of a devnet, whose keys are all at hand."""
    manifest = network.manifest.write(tmp_path / "manifest.json")
    home, remote = network.home, network.remote
    data = yaml.load(_EVENT.read_text(), yaml.BaseLoader) | {"cash_decimals": 6}
    monday = datetime(2025, 7, 7, tzinfo=UTC)
    days = {"announcement": 0, "ex": 8, "record": 9, "payment": 14}
    data["dates"] = {name: str((monday + timedelta(days=on)).date()) for name, on in days.items()}
    event, terms = tmp_path / "event.yaml", ROOT / "examples" / "pay-terms.yaml"
    event.write_text(json.dumps(data))
    # Announced ten business days before the close of 21 July, and so on that Monday.
    interest = {"first": "2025-01-22", "last": "2025-07-22", "frequency": 2, "rate": "0.01"}
    interest |= {"currency": "USD", "cash_decimals": 6, "day_count": "30/360"}
    named = {"isin": str(data["isin"]), "corp": "TALLY-COUPON", "coaf": "TALLY-INTR"}
    coupons = tmp_path / "coupons.yaml"
    rest = {"schema": "tallystick.coupons/1", "calendars": ["NYSE"], "terms": "0x" + "ab" * 32}
    coupons.write_text(json.dumps(rest | named | interest))
    holder, ran = network.holder("home", 0).address, set[str]()

    def noon(day: int) -> None:
        for suite in (home, remote):
            suite.chain.set_time(int((monday + timedelta(days=day, hours=12)).timestamp()))

    def run(verb: str, *arguments: Any, file: Path = event) -> str:
        done = ape("event", verb, file, "--manifest", manifest, *arguments, "--execute")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (
            done.stdout + done.stderr
        )
        ran.add(verb)
        for suite in (home, remote):
            suite.chain.mine(3)
        return said(done)[-1]

    noon(0)
    assert "1 executed" in run("schedule", file=coupons)
    assert "1 executed" in run("announce")
    assert "1 executed" in run("confirm")
    assert "1 executed" in run("carry")
    assert "7 executed" in run("terms", file=terms)
    noon(days["record"] + 1)
    assert "1 executed" in run("figures")
    assert "executed" in run("carry")
    assert "2 executed" in run("fix")
    assert "1 executed" in run("carry")
    assert "executed" in run("fund")
    noon(days["payment"] + 1)
    assert "executed" in run("pay")
    at = ("--holder", holder, "--ledger", "home")
    run("claim", *at)
    document = ("--reference", "wire-1", "--document", "0x" + "ab" * 32)
    run("paid-elsewhere", *at, *document)
    assert "executed" in run("pass-on-tax")
    run("expire")
    assert "executed" in run("reverse", "--reason", "IPRI", "--document", "0x" + "ab" * 32)
    run("repay", *at)
    _armed(network, run, tmp_path / "split.yaml")
    sending = {
        name
        for name, command in cli.commands["event"].commands.items()  # type: ignore[attr-defined]
        if any(parameter.name == "execute" for parameter in command.params)
    }
    assert ran == sending
