"""An instrument joins a suite that stands: what the deployer does, and what roles, and when."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.acts.act import Acting
from tallystick.chain import Chain, reverts
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.cli.joining import given_of
from tallystick.courier.courier import Courier
from tallystick.deploy.deploy import Act, Report, deploy
from tallystick.deploy.describe import refreshed
from tallystick.deploy.upgrade import deploy_implementation, register_release, upgrade
from tallystick.deploy.verify import left_over, verify, wrong
from tallystick.errors import InputError
from tallystick.files.instrument import load_instrument
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.governance.release import PER_INSTRUMENT, Version, proxy_name, release_id
from tallystick.kit.node import MisbehavingNode
from tallystick.local.devnet import populate, settle
from tallystick.local.network import Network
from tallystick.reach.accounts import Finder, Parties
from tallystick.reach.connection import connection_of
from tallystick.status.ledger_log import compare, read_log
from tests.support.commands import APPLE, ROOT, plan_data, tallystick
from tests.support.world import write_slot

BUND = ROOT / "examples" / "bund.yaml"
ISIN = "DE0001102580"
# Words of its own: everybody's sign on no node that is not local.
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"


class KeylessChain(EmbeddedChain):
    """A ledger on which only the deployer's key is here."""

    def signs_for(self, sender: Any) -> bool:
        return str(getattr(sender, "address", sender)) == self.account(0).address


_ON_NODES = [pytest.mark.anvil_only, pytest.mark.slow]


def chains_of(kind: Callable[..., Chain] = EmbeddedChain) -> dict[str, Chain]:
    return {
        "home": kind("home", 41_001, ledger_number=1),
        "remote": kind("remote", 41_002, ledger_number=2),
    }


@pytest.fixture(scope="module")
def suite() -> Network:
    """The suite of the first instrument; what a test changes is undone."""
    return Network.deploy(load_instrument(APPLE), chains_of(KeylessChain))


@pytest.fixture
def standing(suite: Network) -> Iterator[Network]:
    with undone(suite):
        yield suite


@contextmanager
def undone(network: Network) -> Iterator[None]:
    with ExitStack() as stack:
        for chain in network.chains.values():
            stack.enter_context(chain.isolated())
        yield


def data_of(suite: Path | str) -> dict[str, Any]:
    """The plan of an instrument that joins."""
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    data |= {"instrument": str(BUND), "suite": str(suite)}
    for ledger in data["ledgers"]:
        # The example has one object for both.
        ledger["accounts"] = dict(ledger["accounts"])
    return data


def planned(folder: Path, network: Network, **changed: Any) -> tuple[Plan, Parties]:
    """That plan, read, beside the suite's manifest."""
    network.manifest.write(folder / "suite" / "manifest.json")
    path = folder / "joins.yaml"
    path.write_text(json.dumps(data_of("suite/manifest.json") | changed))
    plan = load_plan(path)
    return plan, Finder(path, plan).parties()


def sent(acts: tuple[Act, ...], network: Network) -> None:
    """Each role does its act."""
    for act in acts:
        network.chains[act.ledger].send(sender=act.account, to=act.to, data=act.data)


def called(acts: tuple[Act, ...]) -> list[str]:
    return [f"{act.ledger} {act.by} {given_of(act)[0]}" for act in acts]


# ------------------------------------------------------------------------- who does what, when


def test_what_roles_have_to_do_is_said_in_its_order(tmp_path: Path, standing: Network) -> None:
    plan, parties = planned(tmp_path, standing)
    arguments = (plan, parties, standing.chains)
    journal = tmp_path / "journal.json"
    rounds: list[list[str]] = []

    def run() -> Report:
        return deploy(*arguments, journal=journal, execute=True)

    report = run()
    while report.acts:
        assert report.manifest is None
        rounds.append(called(report.acts))
        tokens = {
            name: chain.at("SecurityToken", found)
            for name, chain in standing.chains.items()
            if int(found := token_on(standing, name), 16)
        }
        if any("propose" in each for each in rounds[-1]):
            # No role puts its name to a token that somebody still sets up.
            assert all(int(token.set_up_key(), 16) == 0 for token in tokens.values())
        sent(report.acts, standing)
        report = run()
    assert rounds == [
        [
            "home upgrader ReleaseAuthority.create_proxy",
            "remote upgrader ReleaseAuthority.create_proxy",
        ],
        [
            "home upgrader ReleaseAuthority.create_proxy",
            "remote upgrader ReleaseAuthority.create_proxy",
        ],
        [
            "home operator BridgeEscrow.propose_lane",
            "home registrar InstrumentRegistry.propose_record",
            "remote operator BridgeEscrow.propose_lane",
            "remote registrar InstrumentRegistry.propose_record",
        ],
        [
            "home administrator-1 BridgeEscrow.open_lane",
            "home issuer InstrumentRegistry.register",
            "remote administrator-1 BridgeEscrow.open_lane",
            "remote issuer InstrumentRegistry.register",
        ],
    ]
    assert report.manifest is not None
    assert report.manifest.beside == ("US0378331005",)
    facts = verify(connection_of(report.manifest, standing.chains), plan, parties)
    assert wrong(facts) == ()
    assert left_over(facts, report.manifest) == ()
    # Once more changes nothing.
    again = run()
    assert {step.state for step in again.steps} == {"done"}
    assert again.manifest == report.manifest


def token_on(network: Network, ledger: str) -> str:
    return str(network.suite(ledger).authority.proxy_at(proxy_name("SecurityToken", ISIN)))


def test_an_act_is_the_command_that_its_role_runs(tmp_path: Path, standing: Network) -> None:
    plan, parties = planned(tmp_path, standing)
    acting, seen = Acting(standing.connection), set()
    journal = tmp_path / "journal.json"
    while acts := deploy(plan, parties, standing.chains, journal=journal, execute=True).acts:
        for act in acts:
            name, given = given_of(act)
            given["reason"] = bytes.fromhex(given["reason"][2:]).decode()
            what, values, contract = acting.read(act.ledger, name, given)
            assert str(contract.address) == act.to
            assert contract.method(what.function.signature).encode(*values) == act.data
            seen.add(name)
        sent(acts, standing)
    assert len(seen) == 5


def test_what_a_run_without_a_journal_left_is_found(tmp_path: Path, standing: Network) -> None:
    """The suite's manifest leads to it, and to custodies that no lane knows yet the deployer."""
    plan, parties = planned(tmp_path, standing)
    journal = tmp_path / "journal.json"
    before = sum(chain.nonce(chain.account(0)) for chain in standing.chains.values())
    while (report := deploy(plan, parties, standing.chains, journal=journal, execute=True)).acts:
        sent(report.acts, standing)
        journal.unlink()
    journal.unlink()
    # A transaction for each of its steps, however often the journal was lost.
    after = sum(chain.nonce(chain.account(0)) for chain in standing.chains.values())
    assert after - before == sum(not step.by for step in report.steps)
    # By then the suite's manifest names the newcomer.
    plan, parties = planned(tmp_path, standing.beside(ISIN))
    found = deploy(plan, parties, standing.chains, journal=journal)
    assert {step.state for step in found.steps} == {"done"}
    assert found.manifest == report.manifest


# ---------------------------------------------------------------------------- what stands then


@pytest.fixture(scope="module")
def both() -> tuple[Network, Network]:
    first = Network.deploy(load_instrument(APPLE), chains_of())
    second = first.join(load_instrument(BUND))
    return first.beside(ISIN), second


@pytest.mark.parametrize("which", [0, 1])
def test_each_of_the_two_is_verified_by_its_manifest(
    both: tuple[Network, Network], which: int
) -> None:
    network = both[which]
    assert network.verify() == []
    assert wrong(verify(network.connection)) == ()


def test_what_a_manifest_does_not_know_beside_it_is_wrong(both: tuple[Network, Network]) -> None:
    first, second = both
    alone = first.manifest.model_copy(update={"beside": ()})
    found = wrong(verify(connection_of(alone, first.chains), first.plan, first.parties))
    assert [(fact.ledger, fact.contract, fact.what) for fact in found] == [
        (ledger, contract, what)
        for ledger in ("home", "remote")
        for contract, what in (
            ("ReleaseAuthority", "other proxies"),
            ("InstrumentRegistry", "other records"),
            ("BridgeEscrow", "other lanes"),
        )
    ]
    assert second.manifest.instrument.tokens["home"] in found[0].found


def test_units_of_both_are_carried_and_each_keeps_its_own(both: tuple[Network, Network]) -> None:
    with undone(both[0]):
        for network in both:
            populate(network, network.plan.loaded_instrument)
            settle(Courier(network.connection), network.chains)
        for network in both:
            others = [other for other in both if other is not network]
            kept = [other.home.token.totalSupply() for other in others]
            _carried(network)
            assert [other.home.token.totalSupply() for other in others] == kept
        for network in both:
            assert network.status().ok
            for ledger in network.chains:
                log = read_log(network.connection, ledger)
                assert [row for row in compare(log, log.facts()) if not row.same] == []


def _carried(network: Network) -> None:
    """Seven units leave their holder and arrive."""
    holders = network.manifest.holders
    number = next(n for n, h in enumerate(holders) if h.ledger == "remote" and h.eligible)
    sender, recipient = network.holder("home", 0), network.holder("remote", number)
    token, other = network.home.token, network.remote.token
    had, was = token.balanceOf(sender), other.balanceOf(recipient)
    network.lock(sender, recipient.address, 7)
    settle(Courier(network.connection), network.chains)
    assert (token.balanceOf(sender), other.balanceOf(recipient)) == (had - 7, was + 7)


def test_no_custody_of_one_locks_for_the_other(both: tuple[Network, Network]) -> None:
    """The suite is shared, units are not: each lane has a custody and each custody one token."""
    first, second = both
    custodies = {
        str(custody.address): str(custody.token())
        for network in both
        for custody in network.home.custodies.values()
    }
    assert sorted(custodies.values()) == sorted(
        network.manifest.instrument.tokens["home"] for network in both
    )
    assert first.lane != second.lane
    assert str(first.home.escrow.address) == str(second.home.escrow.address)


def test_a_third_joins_and_knows_both(both: tuple[Network, Network]) -> None:
    first, second = both
    third = load_instrument(BUND).model_copy(update={"isin": "DE0001102606"})
    with undone(first):
        network = first.join(third)
        assert network.manifest.beside == ("US0378331005", ISIN)
        assert network.verify() == []
        assert second.beside(third.isin).verify() == []


@pytest.mark.parametrize("backend", [EmbeddedChain, pytest.param(AnvilChain, marks=_ON_NODES)])
def test_who_joins_begins_on_what_the_suite_runs(backend: type[Chain]) -> None:
    """Token and engine were upgraded, home's token alone once more: each ledger has its own."""
    with ExitStack() as stack:
        chains = {name: stack.enter_context(chain) for name, chain in chains_of(backend).items()}
        first = Network.deploy(load_instrument(APPLE), chains)
        for name, kind, which, version in (
            ("home", "SecurityToken", "Next", "1.1.0"),
            ("remote", "SecurityToken", "Next", "1.1.0"),
            ("home", "ActionsEngine", "Next", "1.1.0"),
            ("home", "SecurityToken", "NextButOne", "1.2.0"),
        ):
            artifact = f"{kind}{which}Mock"
            call = chains[name].at(artifact, first.suite(name).authority).migrate.encode(b"n" * 32)
            needed = call if which == "Next" else b""
            upgrade(first.suite(name), first.signers(name), kind, artifact, version, needed)
        first = replace(first, connection=connection_of(refreshed(first.connection), first.chains))
        second = first.join(load_instrument(BUND))
        runs = {
            (ledger.name, name): entry.release
            for ledger in second.manifest.ledgers
            for name, entry in ledger.contracts.items()
            if name in PER_INSTRUMENT
        }
        assert runs == {
            ("home", "SecurityToken"): "1.2.0",
            ("home", "ActionsEngine"): "1.1.0",
            ("remote", "SecurityToken"): "1.1.0",
            ("remote", "ActionsEngine"): "1.0.0",
        }
        assert [str(second.suite(name).token.release()) for name in chains] == ["1.2.0", "1.1.0"]
        # What a migration set is not there, and nobody sets it otherwise.
        for name, chain in chains.items():
            suite, was = second.suite(name), first.suite(name).token
            old, new = (chain.at("SecurityTokenNextMock", each) for each in (was, suite.token))
            notes = bytes(old.release_notes_hash()), bytes(new.release_notes_hash())
            assert notes == (b"n" * 32, bytes(32))
            for role in ("upgrader", "issuer", "guardian"):
                with reverts("next token: only its authority"):
                    new.migrate(b"n" * 32, sender=second.party(name, role))
        assert second.verify() == []
        assert wrong(verify(connection_of(first.beside(ISIN).manifest, first.chains))) == ()
        assert second.status().ok
        populate(second, second.plan.loaded_instrument)
        settle(Courier(second.connection), second.chains)
        _carried(second)


# -------------------------------------------------------------------------------- wrong input


def refused(folder: Path, network: Network, data: Mapping[str, Any]) -> list[str]:
    """What is said of a plan, by whoever reads it or by whoever asks the ledgers."""
    path = folder / "joins.yaml"
    network.manifest.write(folder / "suite" / "manifest.json")
    path.write_text(json.dumps(data))

    def run() -> None:
        plan = load_plan(path)
        deploy(plan, Finder(path, plan).parties(), network.chains, execute=True)

    with pytest.raises(InputError) as caught:
        run()
    return [line.removeprefix(f"{path}: ") for line in caught.value.lines]


def test_a_suite_that_is_not_there_is_refused(tmp_path: Path, standing: Network) -> None:
    data = data_of("elsewhere.json")
    assert refused(tmp_path, standing, data) == [
        "suite: elsewhere.json: expected the path of a suite's manifest, from here"
    ]


def test_an_instrument_that_the_suite_has_is_refused(tmp_path: Path, standing: Network) -> None:
    data = data_of("suite/manifest.json") | {"instrument": str(APPLE)}
    assert refused(tmp_path, standing, data) == [
        (
            f"instrument: US0378331005: expected another instrument than that of "
            f"{tmp_path}/suite/manifest.json, with which its suite was set up"
        )
    ]


def test_a_ledger_of_another_chain_is_refused(tmp_path: Path, standing: Network) -> None:
    data = data_of("suite/manifest.json")
    data["ledgers"][1]["chain_id"] = 41_009
    assert refused(tmp_path, standing, data) == [
        f"ledgers[1].chain_id: 41009: expected 41002, as {tmp_path}/suite/manifest.json has it"
    ]


def test_periods_that_the_authority_does_not_have_are_refused(
    tmp_path: Path, standing: Network
) -> None:
    data = data_of("suite/manifest.json")
    data["upgrade"]["notice_seconds"] = 7200
    assert refused(tmp_path, standing, data) == [
        f"upgrade.notice_seconds: 7200: expected 3600, as the suite's release authority on {name} "
        "has it"
        for name in ("home", "remote")
    ]


def test_an_account_without_its_role_in_the_suite_is_refused(
    tmp_path: Path, standing: Network
) -> None:
    data = data_of("suite/manifest.json")
    data["ledgers"][0]["accounts"] |= {"issuer": 40, "administrators": [9, 41]}
    issuer, administrator = (standing.chains["home"].account(n).address for n in (40, 41))
    takes = "there; another takes propose_role and assign_role by two administrators first"
    assert sorted(refused(tmp_path, standing, data)) == sorted(
        [
            (
                f"ledgers[0].accounts.issuer: {issuer}: expected who is issuer of the suite's "
                f"ReleaseAuthority, InstrumentRegistry {takes}"
            ),
            (
                f"ledgers[0].accounts.administrators[1]: {administrator}: expected who is "
                f"administrator of the suite's ReleaseAuthority, InstrumentRegistry, BridgeEscrow "
                f"{takes}"
            ),
        ]
    )


def test_a_proxy_that_somebody_else_sets_up_is_said(tmp_path: Path, standing: Network) -> None:
    """The upgrader runs what another plan printed."""
    plan, parties = planned(tmp_path, standing)
    acts = deploy(plan, parties, standing.chains, execute=True).acts
    home, other = standing.chains["home"], standing.chains["home"].account(40).address
    deployer = home.account(0).address
    data = acts[0].data.replace(bytes.fromhex(deployer[2:]), bytes.fromhex(other[2:]))
    assert data != acts[0].data
    home.send(sender=acts[0].account, to=acts[0].to, data=data)
    assert refused(tmp_path, standing, data_of("suite/manifest.json")) == [
        (
            f"ledgers[0].accounts.deployer: {deployer}: expected {other}, who sets up "
            "SecurityToken there"
        )
    ]


def test_a_proxy_of_an_invented_kind_is_said(tmp_path: Path, standing: Network) -> None:
    """The upgrader registers and creates it alone; its code is nobody's but his."""
    plan, parties = planned(tmp_path, standing)
    act, *_ = deploy(plan, parties, standing.chains, execute=True).acts
    suite, kind, version = standing.home, "Invented", Version(1, 0, 0)
    code = deploy_implementation(suite.chain, "SecurityToken", sender=act.account)
    registered = (kind, "SecurityToken", version, str(code.address))
    register_release(suite, *registered, sender=act.account)
    data = act.data.replace(release_id("SecurityToken", version), release_id(kind, version))
    assert data != act.data
    suite.chain.send(sender=act.account, to=act.to, data=data)
    proxy = suite.authority.proxy_at(proxy_name("SecurityToken", ISIN))
    assert refused(tmp_path, standing, data_of("suite/manifest.json")) == [
        (
            "suite: suite/manifest.json: expected a suite that has no other kind under the name of "
            f"SecurityToken on home, as at {proxy}"
        )
    ]


def test_a_suite_that_is_still_set_up_is_refused(tmp_path: Path, standing: Network) -> None:
    write_slot(standing.home.registry, 1, "access", "set_up_key")
    assert refused(tmp_path, standing, data_of("suite/manifest.json")) == [
        (
            "suite: suite/manifest.json: expected a suite that was handed over: "
            "InstrumentRegistry on home is still set up"
        )
    ]


# ------------------------------------------------------------------------------ the commands


@pytest.mark.anvil_only
@pytest.mark.slow
def test_the_commands_have_an_instrument_join(tmp_path: Path) -> None:
    """Roles by address: the deployer's part, the acts that are printed, and what stands then."""
    with (
        AnvilChain("home", 41_001, ledger_number=1, mnemonic=WORDS) as home,
        AnvilChain("remote", 41_002, ledger_number=2, mnemonic=WORDS) as remote,
        # Nodes that know no keys, as everybody's.
        MisbehavingNode(home.url) as home_node,
        MisbehavingNode(remote.url) as remote_node,
    ):
        chains, words = {"home": home, "remote": remote}, {"TALLYSTICK_MNEMONIC": WORDS}
        nodes = {"home": home_node.url, "remote": remote_node.url}
        first = plan_data(chains)
        for ledger in first["ledgers"]:
            ledger["rpc"] = nodes[ledger["name"]]
            for index in (*range(11), 17):
                chains[ledger["name"]].set_balance(
                    chains[ledger["name"]].account(index).address, 10**20
                )
        (tmp_path / "apple.yaml").write_text(json.dumps(first))
        done = tallystick("deploy", "apple.yaml", "--execute", cwd=tmp_path, **words)
        assert done.returncode == 0, done.stderr + done.stdout
        second = data_of("deployments/apple/manifest.json")
        for ledger in second["ledgers"]:
            chain = chains[ledger["name"]]
            ledger["rpc"] = nodes[ledger["name"]]
            ledger["accounts"] = {
                title: account
                if title == "deployer"
                else [chain.account(each).address for each in account]
                if isinstance(account, list)
                else chain.account(account).address
                for title, account in ledger["accounts"].items()
            }
        (tmp_path / "bund.yaml").write_text(json.dumps(second))
        dry = tallystick("deploy", "bund.yaml", cwd=tmp_path, **words)
        assert dry.returncode == 0, dry.stderr + dry.stdout
        acts = 0
        for _ in range(6):
            told = tallystick("deploy", "bund.yaml", "--execute", cwd=tmp_path, **words)
            assert told.returncode == 0, told.stderr + told.stdout
            lines = [line for line in told.stdout.splitlines() if line.startswith("ACT ")]
            if not lines:
                break
            for line in lines:
                command = re.fullmatch(r"ACT \w+: \S+ 0x\w{40}: tallystick (.*)", line)
                assert command, line
                acted = tallystick(*shlex.split(command[1]), cwd=tmp_path, **words)
                assert acted.returncode == 0, acted.stderr + acted.stdout
                acts += 1
        assert acts == 12
        manifests = [
            tmp_path / "deployments" / name / "manifest.json" for name in ("apple", "bund")
        ]
        assert [Manifest.load(each).beside for each in manifests] == [(ISIN,), ("US0378331005",)]
        for each in (*manifests, tmp_path / "bund.yaml"):
            judged = tallystick("verify", each, cwd=tmp_path, **words)
            assert judged.returncode == 0, judged.stdout + judged.stderr
        for each in manifests:
            assert tallystick("status", "--manifest", each, cwd=tmp_path).returncode == 0
        left = tallystick("handover", "bund.yaml", cwd=tmp_path, **words)
        assert (left.returncode, left.stdout) == (
            0,
            "handed over: the deployer has nothing in 10 contracts on home, remote\n",
        )
        # Who deployed the first changes nothing by deploying it again.
        again = tallystick("deploy", "apple.yaml", "--execute", cwd=tmp_path, **words)
        assert again.returncode == 0, again.stderr + again.stdout
        assert Manifest.load(manifests[0]).beside == (ISIN,)
