"""A plan for production whose lane trusts a quorum and a proof, and that names fractions' agents.

From the example to what a user sees: deployed, verified, shown, carried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.bridge.message import Lack, ledger_id
from tallystick.chain import Chain
from tallystick.deploy.changes import differences
from tallystick.deploy.deploy import Given, deploy
from tallystick.deploy.describe import refreshed
from tallystick.deploy.verify import verify, wrong
from tallystick.errors import InputError
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.local.network import OPERATORS, Network
from tallystick.reach.accounts import Finder, Parties
from tallystick.reach.connection import Connection, connect, connection_of, suites_of
from tallystick.status.ledger_log import compare, read_log
from tallystick.status.observe import status_of
from tests.support.commands import plan_data, tallystick, write_plan
from tests.support.world import DAY, STATED, embedded

PLAN = "plan.production.yaml"
# Of the example: who has no role, who proposes, who carries out.
AGENT, OPERATOR, ADMINISTRATOR = 19, 17, 9
# Ledgers in this process have no address.
NOWHERE: Any = {"home": None, "remote": None}


def meant_by(folder: Path, data: dict[str, Any]) -> tuple[Plan, Parties]:
    path = write_plan(folder, data)
    plan = load_plan(path)
    return plan, Finder(path, plan).parties()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: Any) -> Network:
    chains = embedded()
    meant = meant_by(tmp_path_factory.mktemp("plan"), plan_data(NOWHERE, PLAN))
    return as_network(*meant, connection_of(carried_out(*meant, chains), chains))


def as_network(plan: Plan, parties: Parties, connection: Connection) -> Network:
    """What stands, with the acts of everybody."""
    return Network(plan, parties, connection, suites_of(connection))


def carried_out(plan: Plan, parties: Parties, chains: dict[str, Chain]) -> Manifest:
    manifest = deploy(plan, parties, chains, execute=True).manifest
    assert manifest is not None
    return manifest


@pytest.fixture
def network(standing: Network) -> Iterator[Network]:
    with standing.home.chain.isolated(), standing.remote.chain.isolated():
        yield standing


@pytest.mark.requirement("INV-4", "INV-9")
def test_it_stands_as_it_was_planned_and_lacks_nothing(network: Network) -> None:
    assert network.verify() == []
    (entry,) = network.manifest.lanes
    for name, peer in (("home", "remote"), ("remote", "home")):
        suite = network.suite(name)
        trusted = entry.sides[name].verifiers
        epoch = suite.escrow.epoch_at(network.lane, 1)
        assert trusted == (epoch.verifier, epoch.second)
        proves = suite.chain.at("ProofVerifier", trusted[1])
        assert network.manifest.ledger(name).contracts["ProofVerifier"].address == trusted[1]
        assert bytes(proves.SOURCE_LEDGER()) == ledger_id(network.suite(peer).chain.caip2)
        assert proves.SOURCE_ESCROW() == network.suite(peer).escrow.address
        signing = suite.chain.at("QuorumVerifier", proves.QUORUM())
        signers = {network.home.chain.account(index).address for index in (14, 15, 16)}
        assert (signing.LEI(), set(signing.signer_set().signers)) == (OPERATORS[1], signers)
        log = read_log(network.connection, name)
        assert [row for row in compare(log, log.facts()) if not row.same] == []
    # The keys of both are those that a courier looks for.
    listed = {each.address for _, each in network.manifest.accounts("attestor")}
    assert listed == {network.home.chain.account(index).address for index in range(11, 17)}
    (seen,) = status_of(network.connection).observation.lanes
    assert (seen.home.lacks, seen.remote.lacks) == (Lack(0), Lack(0))


def test_another_run_and_one_without_its_journal_change_nothing(network: Network) -> None:
    for given in (Given(network.manifest), Given(registries=registries(network))):
        report = deploy(
            network.plan, network.parties, network.connection.chains, given=given, execute=True
        )
        assert {step.state for step in report.steps} == {"done"}
        assert report.manifest is not None
        found = differences(network.manifest.as_dict(), report.manifest.as_dict())
        # Without a manifest the first block that is looked at is that of the first log.
        assert {path.rpartition(".")[2] for path, *_ in found} <= {"from_block"}


def registries(network: Network) -> dict[str, str]:
    return {name: str(suite.registry.address) for name, suite in network.suites.items()}


@pytest.mark.requirement("INV-4", "INV-9")
def test_a_pilot_may_rest_on_a_proof_alone(tmp_path: Path) -> None:
    """With one ledger at hand at a time: where the other one's escrow is a run before has noted."""
    data = plan_data(NOWHERE, PLAN)
    (lane,) = data["lanes"]
    lane |= {"grade": "pilot", "verifiers": lane["verifiers"][1:]}
    meant, chains, journal = meant_by(tmp_path, data), embedded(), tmp_path / "journal.json"
    for names in (("home",), ("remote",), ("home",), ("remote",)):
        here = {name: chains[name] for name in names}
        deploy(*meant, here, journal=journal, execute=True)
    report = deploy(*meant, chains, journal=journal)
    assert {step.state for step in report.steps} == {"done"}
    assert report.manifest is not None
    connection = connection_of(report.manifest, chains)
    assert wrong(verify(connection, *meant)) == ()
    path = report.manifest.write(tmp_path / "manifest.json")
    assert wrong(verify(connection_of(Manifest.load(path), chains))) == ()
    (seen,) = status_of(connection).observation.lanes
    assert seen.home.lacks == Lack.PRODUCTION | Lack.SECOND_VERIFIER


@pytest.mark.requirement("INV-9")
def test_another_quorum_behind_the_proof_than_planned_is_named(
    network: Network, tmp_path: Path
) -> None:
    data = plan_data(NOWHERE, PLAN)
    second = data["lanes"][0]["verifiers"][1]
    second["attestors"] = [14, 15, 31]
    other = meant_by(tmp_path, data)
    lines = [str(fact) for fact in wrong(verify(network.connection, *other))]
    assert len(lines) == 2
    assert all("lane home-remote: second: quorum: attestors: 2 of " in line for line in lines)
    # Who meant a quorum of messages finds a proof.
    del second["kind"]
    second["attestors"] = [14, 15, 16]
    plain = meant_by(tmp_path, data)
    lines = [str(fact) for fact in wrong(verify(network.connection, *plain))]
    assert len(lines) == 4
    assert all(line.endswith(" expected") and ": second: " in line for line in lines)


# --- fractions' agents ----------------------------------------------------------------------------


@pytest.mark.requirement("INV-9")
def test_each_ledger_s_agent_is_the_plan_s_from_the_first_moment(network: Network) -> None:
    for name, suite in network.suites.items():
        engine, agent = suite.engine, suite.chain.account(AGENT)
        assert engine is not None
        assert engine.fractions_agent() == agent.address
        assert network.manifest.roles[name]["fractions_agent"].index == AGENT
        # The set-up names it once: from then on it takes two keys and a day.
        assert not int(str(engine.set_up_key()), 16)


@pytest.mark.requirement("INV-9")
def test_an_agent_that_two_keys_replaced_is_named_and_the_manifest_follows(
    network: Network,
) -> None:
    suite = network.home
    engine, other = suite.engine, suite.chain.account(AGENT + 20)
    assert engine is not None
    before = suite.chain.account(AGENT)
    key = suite.chain.account(OPERATOR)
    engine.propose_fractions_agent(other, *STATED, sender=key)
    suite.chain.set_time(suite.chain.now + DAY)
    engine.set_fractions_agent(other, *STATED, sender=suite.chain.account(ADMINISTRATOR))
    assert network.verify() == [
        f"home: ActionsEngine: fractions' agent: {other.address}, {before.address} expected"
    ]
    manifest = refreshed(network.connection)
    assert manifest.roles["home"]["fractions_agent"].address == other.address
    assert wrong(verify(connection_of(manifest, network.connection.chains))) == ()
    # A plan that is run again changes nothing back.
    report = deploy(
        network.plan, network.parties, network.connection.chains, given=Given(network.manifest)
    )
    assert {step.state for step in report.steps} == {"done"}


def test_an_agent_that_a_later_plan_names_is_refused_with_what_it_takes(
    network: Network, tmp_path: Path
) -> None:
    data = plan_data(NOWHERE, PLAN)
    for ledger in data["ledgers"]:
        ledger["accounts"] = {**ledger["accounts"], "fractions_agent": AGENT + 20}
    plan, parties = meant_by(tmp_path, data)
    journal = tmp_path / "journal.json"
    deploy(
        network.plan,
        network.parties,
        network.connection.chains,
        journal=journal,
        given=Given(network.manifest),
        execute=True,
    )
    with pytest.raises(InputError, match=r"it takes ActionsEngine\.propose_fractions_agent"):
        deploy(plan, parties, network.connection.chains, journal=journal)


# --- the commands, as a user runs them ------------------------------------------------------------


@pytest.fixture
def anvils(ledgers: Any) -> dict[str, Chain]:
    return {chain.name: chain for chain in ledgers(2)}


@pytest.mark.anvil_only
@pytest.mark.requirement("INV-3", "INV-4")
def test_the_example_is_deployed_verified_shown_and_carried(
    anvils: dict[str, Chain], tmp_path: Path
) -> None:
    """Some 15 s: six commands of their own over JSON-RPC, which is what a user has."""
    path = write_plan(tmp_path, plan_data(anvils, PLAN))
    for told in (" steps carried out, 0 were done before", ": 0 steps carried out, "):
        done = tallystick("deploy", path, "--execute", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout
    verified = tallystick("verify", path, cwd=tmp_path)
    assert (verified.returncode, verified.stderr) == (0, "")
    file = tmp_path / "deployments" / "plan" / "manifest.json"
    connection = connect(Manifest.load(file))
    network = as_network(*meant_by(tmp_path, plan_data(anvils, PLAN)), connection)
    holders = [network.suite(name).chain.account(40) for name in ("home", "remote")]
    for suite, holder in zip(network.suites.values(), holders, strict=True):
        network.admit(suite, holder, 40_000)
    network.issue([(holders[0], 10**9)])
    # The lane's limit has room once its ramp is over.
    ramped = max(chain.now for chain in anvils.values()) + DAY
    for chain in anvils.values():
        chain.set_time(ramped)
    network.lock(*holders, 1_000)
    carried = courier(file, anvils, tmp_path)
    assert [line["what"] for line in carried] == ["shown", "proven", "delivered"]
    assert network.remote.token.balanceOf(holders[1]) == 1_000
    network.burn(holders[1], holders[0], 400)
    assert [line["what"] for line in courier(file, anvils, tmp_path)] == [
        *("shown", "proven", "delivered"),
    ]
    assert network.home.token.balanceOf(holders[0]) == 10**9 - 600
    found = tallystick("status", "--manifest", file, "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    (lane,) = json.loads(found.stdout)["lanes"]
    trusted = Manifest.load(file).lanes[0].sides["remote"].verifiers
    assert (lane["remote"]["lacks"], lane["home"]["lacks"]) == ([], [])
    (epoch,) = lane["remote"]["epochs"]
    assert (epoch["verifier"], epoch["second"]) == trusted
    connection.close()


def courier(file: Path, anvils: dict[str, Chain], folder: Path) -> list[dict[str, Any]]:
    """Blocks until what was sent is final, then one step; what it says of units."""
    for chain in anvils.values():
        chain.mine(3)
    moment = max(chain.now for chain in anvils.values()) + 10
    for chain in anvils.values():
        chain.set_time(moment)
        chain.mine()
    command = ("courier", "--manifest", file, "--once", "--json", "--account", "guardian")
    done = tallystick(*command, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(text) for text in done.stdout.splitlines()]
