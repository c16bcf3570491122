"""The dry run: what it foresees is what is made, and it sends nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deploying import meant
from tallystick.chain import Chain, Revert
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.fees import Price
from tallystick.deploy.deploy import deploy
from tallystick.deploy.ledger import SET_UP
from tallystick.deploy.rehearsal import Rehearsal, rehearse
from tallystick.errors import CheckFailed
from tallystick.governance.release import proxy_name
from tallystick.governance.roles import Role
from tests.deploy.test_deploy import Crash, fragile, fresh, marks, meant_by
from tests.support.commands import plan_data, tallystick, write_plan
from tests.support.world import ISIN


def foreseen(rehearsed: Rehearsal) -> list[tuple[str, str, str | None, int]]:
    return [(s.ledger, s.title, s.address, s.gas) for s in rehearsed.report.steps]


@pytest.mark.parametrize("used", [(0, 0), (1, 0), (7, 23)])
def test_addresses_and_gas_are_those_of_the_run_that_follows(
    tmp_path: Path, used: tuple[int, int]
) -> None:
    """For a deployer that sent nothing before, or something on one ledger or on both."""
    chains, journal = fresh(), tmp_path / "out" / "journal.json"
    for chain, count in zip(chains.values(), used, strict=True):
        for _ in range(count):
            chain.send(sender=chain.account(0), to=chain.account(40), value=1)
    plan, before = meant(list(chains.values())), marks(chains)
    rehearsed = rehearse(*plan, chains, journal=journal)
    assert marks(chains) == before
    assert not journal.parent.exists()
    assert {step.state for step in rehearsed.report.steps} == {"pending"}
    assert rehearsed.report.manifest is None
    assert rehearsed.differences == ()
    assert len({step.address for step in rehearsed.report.steps}) > 35
    done = deploy(*plan, chains, journal=journal, execute=True)
    assert foreseen(rehearsed) == [(s.ledger, s.title, s.address, s.gas) for s in done.steps]
    # Gas of every transaction is in it, and of none twice.
    for stage in rehearsed.stages:
        assert stage.gas == sum(s.gas for s in done.steps if s.ledger == stage.name)


@pytest.mark.parametrize("sent", [1, 30, 77, 120])
def test_of_a_plan_half_carried_out_the_other_half_is_rehearsed(tmp_path: Path, sent: int) -> None:
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains, fuse = fragile()
    fuse[0] = sent
    with pytest.raises(Crash):
        deploy(*meant, chains, journal=journal, execute=True)
    before, content = marks(chains), journal.read_bytes()
    rehearsed = rehearse(*meant, chains, journal=journal)
    assert marks(chains) == before
    assert journal.read_bytes() == content
    states = [step.state for step in rehearsed.report.steps]
    assert states.count("done") == sent
    assert states.count("pending") == len(states) - sent
    assert all((s.gas == 0) == (s.state == "done") for s in rehearsed.report.steps)
    assert rehearsed.differences == ()
    done = deploy(*meant, chains, journal=journal, execute=True)
    assert foreseen(rehearsed) == [(s.ledger, s.title, s.address, s.gas) for s in done.steps]


def test_what_stands_and_differs_from_the_plan_is_said(tmp_path: Path) -> None:
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains, fuse = fragile()
    fuse[0] = 110
    with pytest.raises(Crash):
        deploy(*meant, chains, journal=journal, execute=True)
    # Somebody else was let in by then, with the key that is to set up this plan alone.
    home, guest = chains["home"], chains["home"].account(60)
    entry = json.loads(journal.read_text())["ledgers"]["home"]["contracts"]["ReleaseAuthority"]
    authority = home.at("ReleaseAuthority", entry["address"])
    authority.assign_role(guest, Role.AUDITOR, SET_UP, b"\1" * 32, sender=home.account(0))
    before = marks(chains)
    (wrong,) = rehearse(*meant, chains, journal=journal).differences
    said = f"home: ReleaseAuthority: other roles: {guest} is auditor, none expected"
    assert wrong == said
    assert marks(chains) == before
    # Where all of it stands, and the set-up is over, it is the same.
    deploy(*meant, chains, journal=journal, execute=True)
    assert rehearse(*meant, chains, journal=journal).differences == (wrong,)


def test_a_step_that_would_fail_is_said(tmp_path: Path) -> None:
    """Where the set-up of a contract was ended by somebody, what is left of it can't be done."""
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains, fuse = fragile()
    fuse[0] = 83
    with pytest.raises(Crash):
        deploy(*meant, chains, journal=journal, execute=True)
    home = chains["home"]
    entry = json.loads(journal.read_text())["ledgers"]["home"]["contracts"]["ReleaseAuthority"]
    authority = home.at("ReleaseAuthority", entry["address"])
    token = home.at("SecurityToken", authority.proxy_at(proxy_name("SecurityToken", ISIN)))
    slot = token.artifact.layout["storage_layout"]["access"]["set_up_key"]["slot"]
    home.set_storage(token, slot, 0)
    before = marks(chains)
    assert rehearse(*meant, chains, journal=journal).differences == (
        "home: make custody of lane home-remote a link account: reverted: access: missing role",
    )
    assert marks(chains) == before


class Priced(EmbeddedChain):
    """A ledger on which gas costs something."""

    def price(self) -> Price:
        return Price(3 * 10**9, 10**9)


def test_what_it_costs_is_compared_with_what_its_payer_has(tmp_path: Path) -> None:
    chains: dict[str, Chain] = {
        "home": Priced("home", 41_001, ledger_number=1),
        "remote": Priced("remote", 41_002, ledger_number=2),
    }
    meant = meant_by(tmp_path)
    for chain in chains.values():
        chain.set_balance(chain.account(0), 10**18)
    first = rehearse(*meant, chains)
    assert first.lacking == ()
    for stage in first.stages:
        assert stage.cost == 4 * 10**9 * stage.gas > 10**17
        assert stage.payer == chains[stage.name].account(0).address
    cost = {stage.name: stage.cost for stage in first.stages}
    chains["home"].set_balance(chains["home"].account(0), cost["home"])
    chains["remote"].set_balance(chains["remote"].account(0), cost["remote"] - 5)
    (stage,) = rehearse(*meant, chains).lacking
    assert (stage.name, stage.short, stage.balance) == ("remote", 5, cost["remote"] - 5)


class Old(EmbeddedChain):
    """A ledger that knows none of the newer opcodes."""

    def call(self, *, to: Any, data: bytes = b"", **options: Any) -> bytes:
        if to is None:
            raise Revert(b"")
        return super().call(to=to, data=data, **options)


def test_all_ledgers_that_are_too_old_are_named_at_once(tmp_path: Path) -> None:
    chains: dict[str, Chain] = {
        "home": Old("home", 41_001, ledger_number=1),
        "remote": Old("remote", 41_002, ledger_number=2),
    }
    lacks = "its EVM lacks PUSH0, MCOPY, TSTORE, TLOAD"
    for run in (rehearse, deploy):
        with pytest.raises(CheckFailed) as caught:
            run(*meant_by(tmp_path), chains)
        assert str(caught.value) == (
            f"home: {lacks}; remote: {lacks}, which the contracts need (it has to be at Cancun or "
            "later)"
        )


@pytest.fixture
def anvils(ledgers: Any) -> dict[str, Chain]:
    return {chain.name: chain for chain in ledgers(2)}


@pytest.mark.anvil_only
def test_the_command_folds_by_ledger_and_shows_all_with_full(
    anvils: dict[str, Chain], tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, plan_data(anvils))
    folded = tallystick("deploy", plan, cwd=tmp_path)
    assert (folded.returncode, folded.stderr) == (0, "")
    lines = [line.split() for line in folded.stdout.splitlines()]
    as_json = tallystick("deploy", plan, "--json", cwd=tmp_path)
    data = json.loads(as_json.stdout)
    steps = data["steps"]
    for ledger in ("home", "remote"):
        for group in ("contracts", "lanes", "engines", "roles", "record", "hand-over"):
            mine = [s for s in steps if (s["ledger"], s["group"]) == (ledger, group)]
            gas = sum(step["gas"] for step in mine)
            assert gas > 0
            assert [ledger, group, "0", str(len(mine)), f"{gas:,}"] in lines
    assert not any("create proxy blueprint" in line for line in folded.stdout.splitlines())
    full = tallystick("deploy", plan, "--full", cwd=tmp_path).stdout
    for step in steps:
        (line,) = [
            line
            for line in full.splitlines()
            if line.split()[:1] == [step["ledger"]] and f"   {step['title']}   " in line
        ]
        assert f"{step['gas']:,}" in line
        assert (step["address"] or "") in line
    home = anvils["home"]
    assert data["roles"]["home"]["issuer"] == home.account(1).address
    assert ["issuer", "home", home.account(1).address] in lines
    assert [cost["ledger"] for cost in data["costs"]] == ["home", "remote"]
    assert {cost["hardfork"] for cost in data["costs"]} == {"osaka"}
    assert lines[-1][:8] == [
        "dry",
        "run:",
        "0",
        "steps",
        "done,",
        str(len(steps)),
        "pending;",
        "nothing",
    ]
    assert marks(anvils) == [(0, 0), (0, 0)]
    # A deployer that can't pay, where gas costs something, is said; so is it by the exit status.
    home.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))  # type: ignore[attr-defined]
    home.mine()
    home.set_balance(home.account(0), 10**15)
    poor = tallystick("deploy", plan, cwd=tmp_path)
    # The process is another test's next: gas costs nothing there.
    home.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")  # type: ignore[attr-defined]
    home.mine()
    assert poor.returncode == 1
    assert re.search(r"short by 0\.\d+", poor.stdout)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.yaml"]
