"""Deployment: a dry run sends nothing, a second run changes nothing, an interrupted one goes on."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallystick import build
from tallystick.bridge.message import LaneId, ledger_id
from tallystick.chain import Chain, Contract, reverts
from tallystick.chain.account import JUNK_MNEMONIC
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.deploy import Report, deploy
from tallystick.deploy.limits import check_release
from tallystick.deploy.verify import left_over, verify, wrong
from tallystick.errors import CheckFailed, InputError
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.governance.pieces import GETTERS
from tallystick.governance.release import PROXIED
from tallystick.governance.roles import Role, reason_code
from tallystick.local.network import OPERATORS, ROLE_INDEX
from tallystick.reach.accounts import Finder, Parties
from tallystick.reach.connection import (
    Connection,
    Suite,
    connect,
    connection_of,
    guarded_of,
    proxied_of,
    suites_of,
)
from tallystick.status.ledger_log import compare, read_log
from tallystick.status.observe import status_of
from tallystick.text import hex_text
from tests.support.commands import ROOT, environment, plan_data, tallystick, write_plan
from tests.support.documents import changed
from tests.support.world import read_slot, slot_of, write_slot


def fresh() -> dict[str, Chain]:
    return {
        "home": EmbeddedChain("home", 41_001, ledger_number=1),
        "remote": EmbeddedChain("remote", 41_002, ledger_number=2),
    }


def meant_by(folder: Path, data: dict[str, Any] | None = None) -> tuple[Plan, Parties]:
    path = write_plan(folder, data or plan_data({"home": None, "remote": None}))  # type: ignore[dict-item]
    plan = load_plan(path)
    return plan, Finder(path, plan).parties()


# What is told of the example plan.
TWO_ADMINISTRATORS = (
    "home, remote: two administrators; if one loses its key, its replacement takes the "
    "guardian and 31 days: three are recommended"
)

ON_NO_LEDGER = (
    "on no ledger, so not deployed: lanes.verifiers.name, "
    "instrument.illustration, instrument.roles, instrument.holders"
)


def marks(chains: dict[str, Chain]) -> list[tuple[int, int]]:
    return [(chain.block_number, chain.nonce(chain.account(0))) for chain in chains.values()]


def standing(report: Report, chains: dict[str, Chain]) -> Connection:
    assert report.manifest is not None
    return connection_of(report.manifest, chains)


# --- what a plan means -------------------------------------------------------------------------


def test_parties_are_those_of_the_plan(tmp_path: Path) -> None:
    plan, parties = meant_by(tmp_path)
    chains = fresh()
    for name, chain in chains.items():
        found = parties.on_ledger[name]
        expected = {**ROLE_INDEX, "administrator-1": 9, "administrator-2": 10}
        assert {role: account.index for role, account in found.items()} == expected
        assert all(account == chain.account(account.index) for account in found.values())
    assert parties.attestors == (tuple(chains["home"].account(i) for i in (11, 12, 13)),)
    events, messages = parties.event_attestors, parties.message_attestors
    assert events == tuple(chains["home"].account(i) for i in (111, 112, 113))
    assert messages == tuple(chains["home"].account(i) for i in (121, 122, 123))
    assert plan.document == meant_by(tmp_path)[0].document


_REFUSED: list[tuple[str, Any, str]] = [
    ("lanes.0.cap", "0.5", "lanes[0].cap: 0.5: expected whole units, as the escrow counts them"),
    (
        *("lanes.0.limit", "0.5"),
        "lanes[0].limit: 0.5: expected whole units, as the escrow counts them",
    ),
    (
        "upgrade.notice_seconds",
        91 * 86400,
        "upgrade.notice_seconds: 7862400: expected a number of at most 7776000",
    ),
    (
        "ledgers.0.rpc",
        "ws://127.0.0.1:1",
        "ledgers[0].rpc: ws://127.0.0.1:1: expected a URL that begins with http:// or https://",
    ),
]


@pytest.mark.parametrize(("where", "value", "expected"), _REFUSED)
def test_what_this_release_cannot_do_is_refused(
    tmp_path: Path, where: str, value: Any, expected: str
) -> None:
    data = changed(plan_data({"home": None, "remote": None}), (where, value))  # type: ignore[dict-item]
    path = write_plan(tmp_path, data)
    with pytest.raises(InputError) as caught:
        check_release(path, load_plan(path))
    assert str(caught.value) == f"{path}: {expected}"


def test_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    issuer = fresh()["home"].account(1).address
    # Two ways to mean one account.
    data["ledgers"][0]["accounts"]["auditor"] = issuer
    with pytest.raises(InputError) as caught:
        meant_by(tmp_path, data)
    path = tmp_path / "plan.yaml"
    assert str(caught.value) == (
        f"{path}: ledgers[0].accounts.auditor: {issuer}: "
        "expected an account of its own, this one is issuer"
    )
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    data["lanes"][0]["verifiers"][0]["attestors"][2] = issuer
    with pytest.raises(InputError) as caught:
        meant_by(tmp_path, data)
    assert str(caught.value) == (
        f"{path}: lanes[0].verifiers[0].attestors[2]: {issuer}: "
        "expected an account of its own, this one is issuer on home"
    )
    # Who attests for engines does nothing else there either.
    attestor = fresh()["home"].account(11).address
    for section, account, whose in (
        ("messages", issuer, "issuer on home"),
        ("events", issuer, "issuer on home"),
        ("events", attestor, "an attestor of messages"),
    ):
        data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
        data["actions"][section]["attestors"][0] = account
        with pytest.raises(InputError) as caught:
            meant_by(tmp_path, data)
        assert str(caught.value) == (
            f"{path}: actions.{section}.attestors[0]: {account}: "
            f"expected an account of its own, this one is {whose}"
        )
    # An index on a ledger that is not local needs a mnemonic, and a right one.
    data = changed(plan_data({"home": None, "remote": None}), ("ledgers.0.chain_id", 11155111))  # type: ignore[dict-item]
    with pytest.raises(InputError) as caught:
        meant_by(tmp_path, data)
    assert str(caught.value) == (
        f"{path}: ledgers[0].accounts.deployer: index 0: expected TALLYSTICK_MNEMONIC in the "
        "environment: it is an index into a mnemonic"
    )
    monkeypatch.setenv("TALLYSTICK_MNEMONIC", "test " * 11 + "test")
    with pytest.raises(InputError) as caught:
        meant_by(tmp_path, data)
    assert str(caught.value) == (
        "environment: TALLYSTICK_MNEMONIC: (not shown): "
        "expected the words of a BIP-39 mnemonic, its checksum right"
    )
    monkeypatch.setenv("TALLYSTICK_MNEMONIC", JUNK_MNEMONIC)
    with pytest.raises(InputError) as caught:
        meant_by(tmp_path, data)
    assert str(caught.value) == (
        "environment: TALLYSTICK_MNEMONIC: (not shown): "
        "expected words of your own, not the public test mnemonic: home is not local"
    )


def wrong_lines(connection: Connection, meant: Sequence[Any] = ()) -> list[str]:
    """What is not as it was meant, in words."""
    return [str(fact) for fact in wrong(verify(connection, *meant))]


# --- runs --------------------------------------------------------------------------------------


@pytest.mark.requirement("INV-9")
def test_a_run_and_another_one(tmp_path: Path) -> None:
    meant, chains, journal = meant_by(tmp_path), fresh(), tmp_path / "out" / "journal.json"
    dry = deploy(*meant, chains, journal=journal)
    assert {step.state for step in dry.steps} == {"pending"}
    assert marks(chains) == [(0, 0), (0, 0)]
    assert not journal.parent.exists()
    first = deploy(*meant, chains, journal=journal, execute=True)
    assert {step.state for step in first.steps} == {"executed"}
    assert [step.title for step in first.steps] == [step.title for step in dry.steps]
    assert wrong(verify(standing(first, chains), *meant)) == ()
    before, content = marks(chains), journal.read_bytes()
    again = deploy(*meant, chains, journal=journal, execute=True)
    assert {step.state for step in again.steps} == {"done"}
    assert marks(chains) == before
    assert journal.read_bytes() == content
    assert again.manifest == first.manifest
    # Nothing is sent more than once: a transaction for each step.
    assert sum(nonce for _, nonce in before) == len(first.steps)
    ((lane, _),) = (suite := suites_of(standing(first, chains))["home"]).verifiers.items()
    assert suite.escrow.lane_state(lane).terms.cap == 500_000


class Crash(Exception):
    """Power went off."""


class Fragile(EmbeddedChain):
    """A chain whose client dies before or after its n-th transaction is sent."""

    fuse: list[int]
    before: bool

    def send(self, **arguments: Any) -> Any:
        self.fuse[0] -= 1
        if self.fuse[0] == 0 and self.before:
            raise Crash
        receipt = super().send(**arguments)
        if self.fuse[0] == 0:
            raise Crash
        return receipt


def fragile() -> tuple[dict[str, Chain], list[int]]:
    chains: dict[str, Chain] = {}
    fuse = [0]
    for number, name in enumerate(("home", "remote"), 1):
        chain = Fragile(name, 41_000 + number, ledger_number=number)
        chain.fuse, chain.before = fuse, False
        chains[name] = chain
    return chains, fuse


@pytest.mark.parametrize(
    ("every", "before"),
    [(1, False), (2, True), (2, False), (3, True), (3, False), (7, False), (20, True), (50, False)],
)
def test_a_crash_at_every_nth_transaction(tmp_path: Path, every: int, before: bool) -> None:
    """Killed right after every n-th, or right before it is sent; the next run goes on.

    With 1 after and 2 before, each transaction of a deployment is once the last one of its run.
    """
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains, fuse = fragile()
    crashes = 0
    noted: dict[str, dict[str, Any]] = {}
    while True:
        fuse[0] = every
        for chain in chains.values():
            assert isinstance(chain, Fragile)
            chain.before = before
        try:
            report = deploy(*meant, chains, journal=journal, execute=True)
            break
        except Crash:
            crashes += 1
        # What was journalled once is made where it was journalled, and nowhere else.
        for name, entry in json.loads(journal.read_text())["ledgers"].items():
            assert entry["contracts"].items() >= noted.get(name, {}).items()
            noted[name] = entry["contracts"]
    total = len(report.steps)
    sent = every - 1 if before else every
    # The last run ends before its fuse burns, or has nothing left to send.
    assert crashes == ((total - 1) // sent if before else total // sent)
    # Not one transaction more than an undisturbed run takes.
    assert sum(chain.nonce(chain.account(0)) for chain in chains.values()) == total
    assert wrong(verify(standing(report, chains), *meant)) == ()


def test_a_journal_of_another_chain(tmp_path: Path) -> None:
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains = fresh()
    deploy(*meant, chains, journal=journal, execute=True)
    later = fresh() | {
        "home": EmbeddedChain("home", 41_001, ledger_number=1, genesis_time=1_760_000_000)
    }
    with pytest.raises(CheckFailed, match="home was deployed on chain 41001 with genesis"):
        deploy(*meant, later, journal=journal)
    for content in ("", "{}", '{"schema": "tallystick.journal/1"}', "[]"):
        journal.write_text(content)
        with pytest.raises(CheckFailed, match=r"no tallystick\.journal/2 journal"):
            deploy(*meant, chains, journal=journal)


def test_one_ledger_at_a_time(tmp_path: Path) -> None:
    """With one network at hand: each run does what it can, the last one completes it."""
    meant, chains, journal = meant_by(tmp_path), fresh(), tmp_path / "journal.json"
    total = len(deploy(*meant, chains).steps)

    def run(name: str) -> Report:
        return deploy(*meant, {name: chains[name]}, journal=journal, execute=True)

    first = run("home")
    assert first.pending
    assert first.manifest is None
    assert {step.state for step in first.steps if step.ledger == "remote"} == {"elsewhere"}
    waiting = [step.title for step in first.steps if step.state == "pending"]
    assert waiting[:3] == [
        "open lane home-remote",
        "ActionsEngine: believe the engine of remote",
        "register US0378331005",
    ]
    assert all(title.startswith("hand over ") for title in waiting[3:])
    second = run("remote")
    assert second.pending == 0
    third = run("home")
    assert third.pending == 0
    assert third.elsewhere == sum(step.ledger == "remote" for step in third.steps)
    assert sum(chain.nonce(chain.account(0)) for chain in chains.values()) == total
    assert wrong(verify(standing(deploy(*meant, chains, journal=journal), chains), *meant)) == ()


def test_a_plan_without_engines_deploys_none(tmp_path: Path) -> None:
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    del data["actions"]
    meant, chains = meant_by(tmp_path, data), fresh()
    report = deploy(*meant, chains, execute=True)
    connection = standing(report, chains)
    assert not any("ngine" in step.title for step in report.steps)
    assert wrong(verify(connection, *meant)) == ()
    assert left_over(verify(connection), connection.manifest) == ()
    assert status_of(connection).ok
    for name, suite in suites_of(connection).items():
        assert suite.engine is None
        log = read_log(connection, name)
        assert all(row.same for row in compare(log, log.facts()))
    manifest = connection.manifest
    assert manifest.actions is None
    assert "actions" not in manifest.as_dict()
    assert "ActionsEngine" not in manifest.ledger("home").contracts
    assert Manifest.load(manifest.write(tmp_path / "manifest.json")).as_dict() == manifest.as_dict()


def test_a_plan_has_engines_ask_for_each_day_s_close(tmp_path: Path) -> None:
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    data["actions"]["reconcile"] = "daily"
    meant, chains = meant_by(tmp_path, data), fresh()
    connection = standing(deploy(*meant, chains, execute=True), chains)
    assert wrong(verify(connection, *meant)) == ()
    manifest = connection.manifest
    assert manifest.as_dict()["actions"]["reconcile"] == "daily"
    assert Manifest.load(manifest.write(tmp_path / "manifest.json")).as_dict() == manifest.as_dict()
    for name, suite in suites_of(connection).items():
        engine = engine_of(suite)
        assert engine.daily_since() == suite.token.business_day()
        with suite.chain.isolated():
            write_slot(engine, 0, "reconciliation", "daily_since")
            what = "asks for the closes of: events alone, each day expected"
            assert wrong_lines(connection, meant) == [f"{name}: ActionsEngine: {what}"]


def test_a_manifest_says_whom_engines_believe(connection: Connection, tmp_path: Path) -> None:
    manifest, suites = connection.manifest, suites_of(connection)
    assert manifest.actions is not None
    home, remote = engine_of(suites["home"]), engine_of(suites["remote"])
    assert manifest.actions.events == home.attestors()
    assert manifest.actions.messages == {
        "home": home.peer_of(ledger_id("eip155:41002")).verifier,
        "remote": remote.peer_of(ledger_id("eip155:41001")).verifier,
    }
    roles = manifest.roles["home"]
    assert [roles[f"event-attestor-{n}"].index for n in (1, 2, 3)] == [111, 112, 113]
    assert [roles[f"message-attestor-{n}"].index for n in (1, 2, 3)] == [121, 122, 123]
    # Nothing on one ledger alone: an engine without those that it hears is no engine.
    data = manifest.as_dict()
    del data["ledgers"][1]["contracts"]["ActionsEngine"]
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        Manifest.load(file)
    assert str(caught.value) == (
        f"{file}: actions: home: expected an engine on every ledger, or none"
    )


# --- verification ------------------------------------------------------------------------------


def engine_of(suite: Suite) -> Contract:
    assert suite.engine is not None
    return suite.engine


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Parties]:
    return meant_by(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def stood(planned: tuple[Plan, Parties]) -> Connection:
    chains = fresh()
    return standing(deploy(*planned, chains, execute=True), chains)


@pytest.fixture
def connection(stood: Connection) -> Iterator[Connection]:
    with stood.chains["home"].isolated(), stood.chains["remote"].isolated():
        yield stood


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(
    ("name", "place"),
    [
        (name, place)
        for name in ("SecurityToken", "BridgeEscrow", "ActionsEngine")
        for place in range(len(build.artifact(name).behind))
    ],
)
def test_verify_notices_other_code_behind_a_contract(
    connection: Connection, planned: tuple[Plan, Parties], name: str, place: int
) -> None:
    remote = suites_of(connection)["remote"]
    contract = proxied_of(remote)[name]
    piece = getattr(contract, GETTERS[place])()
    code = remote.chain.code(piece)
    # Where the next piece is, is read from the end of the code.
    remote.chain.set_code(piece, code + code[-32:])
    (line, *_) = wrong_lines(connection, planned)
    assert line == f"remote: {name}: code behind it: another, as registered expected"


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_verify_compares_each_piece_with_the_build(
    connection: Connection,
    planned: tuple[Plan, Parties],
    monkeypatch: pytest.MonkeyPatch,
    place: int,
) -> None:
    known = build.artifact("SecurityToken")
    pieces = [known, *known.behind]
    runtime = b"\0" + pieces[place].bytecode_runtime[1:]
    pieces[place] = replace(pieces[place], bytecode_runtime=runtime)
    planted = replace(pieces[0], behind=tuple(pieces[1:]))
    whole = build.artifact
    monkeypatch.setattr(build, "artifact", lambda n: planted if n == "SecurityToken" else whole(n))
    facts = wrong(verify(connection, *planned))
    assert [(fact.ledger, fact.what) for fact in facts] == [
        (name, "SecurityToken 1.0.0") for name in ("home", "remote")
    ]
    assert all(fact.found.startswith("not known to this build, 0x") for fact in facts)


@pytest.mark.requirement("INV-9")
def test_verify_notices_other_periods_and_attestors(connection: Connection, tmp_path: Path) -> None:
    """What a plan says of a lane is what the chain keeps, to the second and the signer."""
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    (verifier,) = data["lanes"][0]["verifiers"]
    data["lanes"][0] |= {"change_seconds": 3601, "retention_seconds": 86_401}
    verifier |= {"attestors": [11, 12, 14], "operator": OPERATORS[1]}
    signers = verifier_signers(connection, (11, 12, 13)), verifier_signers(connection, (11, 12, 14))
    assert wrong_lines(connection, meant_by(tmp_path, data)) == [
        f"{name}: BridgeEscrow: lane home-remote: {what} expected"
        for name in ("home", "remote")
        for what in (
            "change delay: 3600 s, 3601 s",
            "retention: 86400 s, 86401 s",
            f"operator: {OPERATORS[0]}, {OPERATORS[1]}",
            "attestors: 2 of {}, 2 of {}".format(*signers),
        )
    ]
    # A manifest alone says nothing of either.
    assert wrong_lines(connection) == []


def verifier_signers(connection: Connection, indices: tuple[int, ...]) -> str:
    """Accounts of the home ledger as a verifier lists them."""
    addresses = [connection.chains["home"].account(index).address for index in indices]
    return ", ".join(sorted(addresses, key=lambda address: int(address, 16)))


# A word of an engine, one bit of it changed past every rule -> what is said of it.
_ENGINE_DRIFTS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "token": ("home", ("dispatch", "token"), "token: {now}, {due}"),
    "escrow": ("remote", ("dispatch", "escrow"), "escrow: {now}, {due}"),
    "instrument": ("home", ("dispatch", "instrument"), "instrument: {now}, {due}"),
    "home": ("home", ("dispatch", "is_home"), "is_home: no, yes"),
    "no home": ("remote", ("dispatch", "is_home"), "is_home: yes, no"),
    "attestors": ("home", ("events", "attestors"), "verifier of events: {now}, {due}"),
    "attestors elsewhere": (
        "remote",
        ("events", "attestors"),
        "verifier of events: {now}, nobody",
    ),
    "each day": (
        "home",
        ("reconciliation", "daily_since"),
        "asks for the closes of: each day, events alone",
    ),
    "home's ledger": (
        "remote",
        ("dispatch", "home_ledger"),
        "home_ledger: {now}, home",
    ),
}


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("kind", list(_ENGINE_DRIFTS))
def test_verify_notices_another_engine(
    connection: Connection, planned: tuple[Plan, Parties], kind: str
) -> None:
    ledger, slot, expected = _ENGINE_DRIFTS[kind]
    engine = engine_of(suites_of(connection)[ledger])
    due = getattr(engine, slot[-1])()
    write_slot(engine, read_slot(engine, *slot) ^ 1, *slot)
    now = getattr(engine, slot[-1])()
    shown = {
        name: hex_text(value) if isinstance(value, bytes) else value
        for name, value in (("due", due), ("now", now))
    }
    line = f"{ledger}: ActionsEngine: {expected.format(**shown)} expected"
    for meant in (planned, ()):
        assert wrong_lines(connection, meant)[0] == line


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("ledger", ["home", "remote"])
@pytest.mark.parametrize("member", [0, 1, 2])
def test_verify_notices_another_peer(connection: Connection, ledger: str, member: int) -> None:
    engine = engine_of(suites_of(connection)[ledger])
    other = ledger_id("eip155:41002" if ledger == "home" else "eip155:41001")
    due = tuple(engine.peer_of(other))
    at = slot_of(engine, "dispatch", "peer_of", other) + member
    word = int.from_bytes(engine.chain.storage(engine, at), "big")
    engine.chain.set_storage(engine, at, word ^ 1)
    now = tuple(engine.peer_of(other))
    is_, should = ("{1} on chain {0} by {2}".format(*peer) for peer in (now, due))
    where = f"{ledger}: ActionsEngine: believes of {'remote' if ledger == 'home' else 'home'}"
    assert wrong_lines(connection)[0] == f"{where}: {is_}, {should} expected"


@pytest.mark.requirement("INV-9")
def test_verify_notices_a_peer_too_many(connection: Connection) -> None:
    """Set in a set-up that went on, by whoever: every peer that there ever was is looked at."""
    engine = engine_of(suites_of(connection)["home"])
    key = engine.chain.account(0)
    write_slot(engine, int(key.address, 16), "access", "set_up_key")
    believed = (41_003, engine.address, engine.attestors())
    engine.set_peer(*believed, reason_code("ROLE"), b"\1" * 32, sender=key)
    write_slot(engine, 0, "access", "set_up_key")
    other = "{1} on chain {0} by {2}".format(*believed)
    where = f"home: ActionsEngine: other peers: {hex_text(ledger_id('eip155:41003'))}"
    assert wrong_lines(connection) == [f"{where}: {other}, none expected"]


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(("section", "ledgers"), [("events", 1), ("messages", 2)])
def test_verify_notices_other_attestors_of_engines(
    connection: Connection,
    planned: tuple[Plan, Parties],
    tmp_path: Path,
    section: str,
    ledgers: int,
) -> None:
    actions = connection.manifest.actions
    assert actions is not None
    at = {"home": actions.events} if ledgers == 1 else actions.messages
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    data["actions"][section]["attestors"][1] = 130
    others = wrong(verify(connection, *meant_by(tmp_path, data)))
    heard = {"events": ["events"], "messages": ["of remote", "of home"]}[section]
    assert [(fact.ledger, fact.what) for fact in others] == [
        (name, f"{what}: attestors") for name, what in zip(at, heard, strict=True)
    ]
    assert all(fact.meant != fact.found for fact in others)
    # Of signatures of another type, a lane's.
    suite = suites_of(connection)["home"]
    lanes = suite.chain.code(one(suite.verifiers))
    refused = "of signers, a type or an operator that its constructor refuses"
    for code, found in ((lanes, refused), (lanes + b"\0", "another, 0x")):
        suite.chain.set_code(at["home"], code)
        (line, *_) = wrong_lines(connection, planned)
        assert line.startswith(f"home: ActionsEngine: {heard[0]}: code of the verifier: {found}")


@pytest.mark.requirement("INV-9")
def test_verify_notices_who_else_acts_for_an_engine(
    connection: Connection, planned: tuple[Plan, Parties]
) -> None:
    """ACTIONS is the engine's alone, and the engine's roles are the manifest's."""
    home = suites_of(connection)["home"]
    engine = engine_of(home)
    first, second = (home.chain.account(index) for index in (9, 10))
    issuer, why = home.chain.account(1), (reason_code("ROLE"), b"\3" * 32)
    for contract, account, role in (
        (home.token, home.escrow, Role.ACTIONS),
        (home.token, engine, Role.NONE),
        (engine, issuer, Role.NONE),
    ):
        contract.propose_role(account, role, *why, sender=first)
        home.chain.advance(86_400)
        contract.assign_role(account, role, *why, sender=second)
    assert wrong_lines(connection, planned) == [
        f"home: SecurityToken: role of {engine.address}: nobody, actions expected",
        f"home: SecurityToken: other roles: {home.escrow.address} is actions, none expected",
        f"home: ActionsEngine: role of {issuer}: nobody, issuer expected",
    ]


def one(contracts: Mapping[LaneId, Contract]) -> Contract:
    (contract,) = contracts.values()
    return contract


@pytest.mark.requirement("INV-9")
def test_the_deployer_is_left_with_nothing(connection: Connection) -> None:
    assert left_over(verify(connection), connection.manifest) == ()
    for suite in suites_of(connection).values():
        deployer = suite.chain.account(0)
        for _, contract in guarded_of(suite):
            with reverts("access: missing role"):
                contract.assign_role(deployer, 2, reason_code("ROLE"), b"\1" * 32, sender=deployer)


# --- the command, on real nodes ----------------------------------------------------------------


@pytest.fixture
def anvils(ledgers: Any) -> dict[str, Chain]:
    return {chain.name: chain for chain in ledgers(2)}


@pytest.mark.anvil_only
def test_command_on_nodes(anvils: dict[str, Chain], tmp_path: Path) -> None:
    plan = write_plan(tmp_path, plan_data(anvils))
    dry = tallystick("deploy", plan, "--json", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    rehearsed = json.loads(dry.stdout)
    total = len(rehearsed["steps"])
    assert {step["state"] for step in rehearsed["steps"]} == {"pending"}
    assert marks(anvils) == [(0, 0), (0, 0)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.yaml"]

    out = tmp_path / "deployments" / "plan"
    first = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        TWO_ADMINISTRATORS,
        ON_NO_LEDGER,
        f"US0378331005 on home, remote: {total} steps carried out, 0 were done before",
        "verified: code is the build's, roles are the plan's, the deployer holds nothing",
        "manifest deployments/plan/manifest.json",
    ]
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    before = marks(anvils)
    # Through JSON-RPC, too, everything is where the dry run said.
    made = json.loads((out / "journal.json").read_text())["ledgers"]
    foreseen = {(s["ledger"], s["address"]) for s in rehearsed["steps"] if s["address"]}
    assert foreseen == {
        *((name, c["address"]) for name in made for c in made[name]["contracts"].values()),
        *(
            (ledger.name, ledger.contracts[name].address)
            for ledger in Manifest.load(out / "manifest.json").ledgers
            for name in PROXIED
        ),
    }

    again = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert again.stdout.splitlines()[2] == (
        f"US0378331005 on home, remote: 0 steps carried out, {total} were done before"
    )
    assert marks(anvils) == before
    assert files == {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}

    manifest = Manifest.load(out / "manifest.json")
    assert manifest.roles["home"]["attestor-1"].index in {11, 12, 13}
    connection = connect(manifest)
    assert status_of(connection).ok
    connection.close()
    for path in (plan, out / "manifest.json"):
        checked = tallystick("verify", path, cwd=tmp_path)
        where = "facts of 10 contracts on home, remote"
        last = checked.stdout.splitlines()[-1]
        assert re.fullmatch(rf"verified: \d+ {where}", last), checked.stderr
        handed = tallystick("handover", path, cwd=tmp_path)
        assert handed.stdout == (
            "handed over: the deployer has nothing in 10 contracts on home, remote\n"
        )
    told = json.loads(tallystick("verify", path, "--json", cwd=tmp_path).stdout)
    assert told["ok"]
    assert len(told["facts"]) == int(last.split()[1])
    as_json = tallystick("deploy", plan, "--json", cwd=tmp_path)
    data = json.loads(as_json.stdout)
    assert data["complete"]
    assert {step["state"] for step in data["steps"]} == {"done"}

    # A manifest from before a rotation, and as it is now.
    right = json.loads((out / "manifest.json").read_text())
    old, stale = out / "old.json", json.loads(json.dumps(right))
    stale["lanes"][0]["sides"]["remote"]["verifier"] = right["lanes"][0]["escrow"]
    old.write_text(json.dumps(stale))
    assert tallystick("verify", old, cwd=tmp_path).returncode == 1
    now = tallystick("verify", old, "--refresh", old, cwd=tmp_path)
    assert now.returncode == 0, now.stdout + now.stderr
    verifier = right["lanes"][0]["sides"]["remote"]["verifier"]
    was = right["lanes"][0]["escrow"]
    assert [line for line in now.stdout.splitlines() if not line.startswith((" ", "┃", "│"))][
        -3:
    ] == [
        f"CHANGED lanes[0].sides.remote.verifier: {was}, now {verifier}",
        f"written: {old}",
        last,
    ]
    assert json.loads(old.read_text()) == right
    told = json.loads(tallystick("verify", old, "--refresh", old, "--json", cwd=tmp_path).stdout)
    assert (told["ok"], told["changed"]) == (True, [])
    planned = tallystick("verify", plan, "--refresh", old, cwd=tmp_path)
    assert (planned.returncode, planned.stdout) == (2, "")
    assert planned.stderr.startswith(f"{plan}: --refresh: ")
    assert "expected a manifest to refresh, and this is a plan" in planned.stderr

    # Verified for real: a byte more in one implementation is found by both.
    token = manifest.ledger("remote").contracts["SecurityToken"]
    anvils["remote"].set_code(
        token.implementation, anvils["remote"].code(token.implementation) + b"\0"
    )
    for path in (plan, out / "manifest.json"):
        checked = tallystick("verify", path, cwd=tmp_path)
        assert checked.returncode == 1
        wrong = [line for line in checked.stdout.splitlines() if line.startswith("WRONG ")]
        assert [line.rpartition(": ")[0] for line in wrong] == [
            # Where the next piece is, is read from that code.
            "WRONG remote: ReleaseAuthority: SecurityToken 1.0.0",
            "WRONG remote: SecurityToken: code",
            "WRONG remote: SecurityToken: code behind it",
        ]
    rows = json.loads(tallystick("verify", path, "--json", cwd=tmp_path).stdout)["facts"]
    assert [row["fact"] for row in rows if row["wrong"]] == [
        "SecurityToken 1.0.0",
        "code",
        "code behind it",
    ]
    handed = tallystick("handover", path, cwd=tmp_path)
    assert handed.returncode == 1
    assert [line for line in handed.stdout.splitlines() if "WRONG" in line] == wrong
    refused = tallystick("verify", plan, "--accept-release", "Token@1.1.0", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{plan}: --accept-release: Token@1.1.0: expected CONTRACT@")


@pytest.mark.anvil_only
def test_command_before_anything_stands(anvils: dict[str, Chain], tmp_path: Path) -> None:
    plan = write_plan(tmp_path, plan_data(anvils))
    for command, word in (("verify", "WRONG"), ("handover", "LEFT")):
        done = tallystick(command, plan, cwd=tmp_path)
        assert done.returncode == 1
        (line,) = [each for each in done.stdout.splitlines() if each.startswith(f"{word} ")]
        first = r"\d+ pending, first create proxy blueprint, none pending expected"
        assert re.fullmatch(rf"{word} home: plan: steps: {first}", line)


@pytest.mark.anvil_only
def test_command_refuses_what_does_not_fit(anvils: dict[str, Chain], tmp_path: Path) -> None:
    def line(where: str, value: Any, **more: str) -> str:
        plan = write_plan(tmp_path, changed(plan_data(anvils), (where, value)))
        done = tallystick("deploy", plan, "--execute", cwd=tmp_path, **more)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.count("\n") == 1
        return done.stderr.strip().removeprefix(f"{plan}: ")

    dead, url = "http://127.0.0.1:9", getattr(anvils["home"], "url")  # noqa: B009
    assert line("ledgers.0.rpc", dead) == f"ledgers[0].rpc: {dead}: expected a node that answers"
    assert line("ledgers.0.chain_id", 31337) == (
        f"ledgers[0].chain_id: 31337: expected 41001, the chain id of {url}"
    )
    assert line("ledgers.0.accounts.notary", "nobody-by-that-name") == (
        "ledgers[0].accounts.notary: nobody-by-that-name: expected the alias of an ape account "
        "(ape accounts import nobody-by-that-name)"
    )
    assert line("lanes.0.cap", 500_000, TALLYSTICK_MNEMONIC="abc abc abc") == (
        "environment: TALLYSTICK_MNEMONIC: (not shown): "
        "expected the words of a BIP-39 mnemonic, its checksum right"
    ).removeprefix("plan.yaml")
    assert marks(anvils) == [(0, 0), (0, 0)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.yaml"]


@pytest.mark.anvil_only
def test_two_runs_at_once(anvils: dict[str, Chain], tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    plan = write_plan(tmp_path, plan_data(anvils))
    folder = tmp_path / "out"
    folder.mkdir()
    with (folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = tallystick("deploy", plan, "--execute", "--out", folder, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"{folder}: another run is at work here\n")
    assert marks(anvils) == [(0, 0), (0, 0)]


@pytest.mark.slow
@pytest.mark.anvil_only
def test_killed_at_random_points(anvils: dict[str, Chain], tmp_path: Path) -> None:
    """kill -9, again and again, until a run gets to the end."""
    plan, out = write_plan(tmp_path, plan_data(anvils)), tmp_path / "out"
    command = [sys.executable, "-m", "tallystick", "deploy", str(plan)]
    command += ["--execute", "--out", str(out)]
    chance = random.Random(20_301)
    kills, limit = 0, 2_000
    target = chance.randint(3, 20)
    for _ in range(60):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while process.poll() is None:
            if kills < 6 and sum(b for b, _ in marks(anvils)) >= target:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                # Close enough for the last one to come before the end, on a busy machine as well.
                target += chance.randint(4, 12)
                break
            time.sleep(chance.uniform(0, 0.01))
        output, trouble = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, trouble
    else:
        pytest.fail("it never got to the end")
    assert kills == 6
    assert b"verified:" in output
    assert Decimal(limit) > sum(b for b, _ in marks(anvils))
    before = marks(anvils)
    again = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert " 0 steps carried out" in again.stdout
    assert marks(anvils) == before
    connection = connect(Manifest.load(out / "manifest.json"))
    assert status_of(connection).ok
    connection.close()


def test_rehearsal_leaves_no_files(tmp_path: Path) -> None:
    done = tallystick("deploy", ROOT / "examples" / "plan.yaml", "--execute", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "home, remote: on ledgers that end with this command (a rehearsal)"
    assert lines[1] == TWO_ADMINISTRATORS
    assert lines[2] == ON_NO_LEDGER
    assert lines[3].endswith(" steps carried out, 0 were done before")
    assert lines[4].startswith("verified: ")
    assert len(lines) == 5
    assert list(tmp_path.iterdir()) == []
