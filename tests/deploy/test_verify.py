"""What stands is what was meant: no false alarm, and each drift named, as docs/verify.md has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick import build
from tallystick.chain import Chain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.changes import differences
from tallystick.deploy.deploy import deploy
from tallystick.deploy.describe import refreshed
from tallystick.deploy.release import archive_of
from tallystick.deploy.upgrade import upgrade
from tallystick.deploy.verify import left_over, verify, wrong
from tallystick.deploy.verify.fact import Fact, Found, Key, compare
from tallystick.files.manifest import Manifest
from tallystick.files.plan import load_plan
from tallystick.files.release import Archive
from tallystick.governance.release import Version
from tallystick.governance.roles import Role
from tallystick.reach.accounts import Finder
from tallystick.reach.connection import connection_of
from tests.deploy.drifts import DRIFTS, NEXT, deployed, drifted, told, wrong_rows
from tests.support.commands import APPLE, ROOT, plan_data, write_plan
from tests.support.world import DAY, STATED, World, embedded

TOLD = told()


@pytest.fixture(scope="module")
def standing() -> World:
    return deployed()


@pytest.fixture
def right(standing: World) -> Iterator[World]:
    """A deployment that is as it was meant."""
    with standing.isolated():
        yield standing


# --- no false alarm ----------------------------------------------------------------------------


@pytest.mark.requirement("INV-9")
def test_a_deployment_in_use_is_what_was_meant(right: World) -> None:
    """Transfers, units both ways, suspense, a freeze, a stop that is over: nothing of it drifts."""
    home, remote = right.home, right.remote
    right.network.deliver(right.burned(400, home.buyer))
    home.token.transfer(home.buyer, 5, sender=home.investor)
    right.deliver(right.locked(7, remote.outsider))
    home.token.setFrozenTokens(home.buyer, 1, *STATED, sender=home.custodian)
    home.token.pause(1, *STATED, sender=home.guardian)
    home.escrow.pause_lane(right.lane, 3, *STATED, sender=home.guardian)
    home.chain.mine()
    assert [row[1] for row in wrong_rows(right)] == ["stopped", "lane home-remote: stopped"]
    home.chain.advance(8 * DAY)
    home.chain.mine()
    assert wrong_rows(right) == []
    assert wrong(verify(right.network.connection)) == ()


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("actions", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_shape_stands_as_it_was_meant(tmp_path: Path, count: int, actions: bool) -> None:
    names = ["home", "remote", "third"][:count]
    data, chains = plan_of(names), chains_of(names)
    if not actions:
        del data["actions"]
    path = write_plan(tmp_path, data)
    plan = load_plan(path)
    parties = Finder(path, plan).parties()
    report = deploy(plan, parties, chains, execute=True)
    assert report.manifest is not None
    connection = connection_of(report.manifest, chains)
    facts = verify(connection, plan, parties)
    assert [str(fact) for fact in wrong(facts)] == []
    assert {fact.ledger for fact in facts} == set(names)
    assert left_over(facts, report.manifest) == ()
    # All is judged but what changes in the ordinary course.
    shown = {fact.what.rpartition(": ")[2] for fact in facts if fact.meant is None}
    assert shown == {"authorised"} | ({"epoch"} if count > 1 else set())
    assert wrong(verify(connection)) == ()


def chains_of(names: list[str]) -> dict[str, Chain]:
    return {
        name: EmbeddedChain(name, 41_000 + number, ledger_number=number)
        for number, name in enumerate(names, 1)
    }


def plan_of(names: list[str]) -> dict[str, Any]:
    """The example plan on so many ledgers, a lane to each from the first."""
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    read = yaml.safe_load(Path(data["instrument"]).read_text())
    instrument = json.loads(json.dumps(read, default=str))
    entry, ledger, (lane,) = instrument["ledgers"][0], data["ledgers"][0], data["lanes"]
    instrument["ledgers"] = [{**entry, "name": name} for name in names]
    instrument["holders"] = [h for h in instrument["holders"] if h["ledger"] in names]
    data["instrument"] = instrument
    data["ledgers"] = [
        {**ledger, "name": name, "chain_id": 41_000 + number}
        for number, name in enumerate(names, 1)
    ]
    data["lanes"] = [{**lane, "remote": name} for name in names[1:]]
    return data


@pytest.mark.requirement("INV-9", "R-60")
def test_what_runs_is_held_to_the_archive_that_is_given(
    right: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, network = right.home, right.network
    item = build.artifact("SecurityTokenNextMock")
    why: dict[str, Any] = {"notes": ROOT / "LICENSE", "evidence": [ROOT / "LICENSE"]}
    archive = archive_of("SecurityToken", NEXT, item, **why)
    other = archive_of("SecurityToken", NEXT, item, notes=ROOT / "LICENSE", evidence=[APPLE])
    suite = network.suite("home")
    done = upgrade(
        suite, network.signers("home"), "SecurityToken", item.name, NEXT, evidence=archive.hash
    )
    connection = connection_of(refreshed(network.connection), network.chains)

    def said(*archives: Archive) -> list[str]:
        return [str(fact) for fact in wrong(verify(connection, archives=archives))]

    # Of a build that does not know it.
    known = build.names()
    monkeypatch.setattr(build, "names", lambda: [each for each in known if "Next" not in each])
    fact = "home: ReleaseAuthority: SecurityToken 1.1.0: "
    assert len(said()) == 1
    assert said(archive) == []
    # The first one's evidence is the plan; the next but one is nobody's.
    first = archive_of("SecurityToken", Version(1, 0, 0), build.artifact("SecurityToken"), **why)
    assert said(archive, first) == []
    item = build.artifact("SecurityTokenNextButOneMock")
    later = archive_of("SecurityToken", Version(1, 2, 0), item, **why)
    nowhere = "home: ReleaseAuthority: SecurityToken 1.2.0: registered nowhere"
    assert said(archive, later) == [f"{nowhere}, as in its archive expected"]
    assert said(other) == [f"{fact}with another evidence_hash, as in its archive expected"]
    # The archive is right, and what stands at the address is not any more.
    code = side.chain.code(done.implementation)
    side.chain.set_code(done.implementation, code[:-1] + bytes([code[-1] ^ 1]))
    assert f"{fact}with another code_hash, behind_hash" in said(archive)[0]


@pytest.mark.requirement("INV-9", "R-60")
def test_a_release_is_one_that_this_build_knows_or_is_accepted(
    right: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = right.network
    DRIFTS["another release"](right)
    connection = connection_of(refreshed(network.connection), network.chains)
    meant = (connection, network.plan, network.parties)
    assert wrong(verify(*meant)) == ()
    known = build.names()
    monkeypatch.setattr(build, "names", lambda: [each for each in known if "Next" not in each])
    ((fact),) = wrong(verify(*meant))
    assert (fact.ledger, fact.contract, fact.what) == (
        "home",
        "ReleaseAuthority",
        "SecurityToken 1.1.0",
    )
    assert fact.found.startswith("not known to this build, 0x")
    assert wrong(verify(*meant, ["SecurityToken@1.1.0"])) == ()
    assert wrong(verify(*meant, ["SecurityToken@1.2.0", "BridgeEscrow@1.1.0"])) == (fact,)


# --- what acts changed, followed ---------------------------------------------------------------


def _followed(world: World) -> list[Any]:
    """What is wrong by the manifest as it is refreshed."""
    now = refreshed(world.network.connection)
    return [str(each) for each in wrong(verify(connection_of(now, world.network.chains)))]


@pytest.mark.requirement("INV-9")
def test_a_manifest_follows_acts_and_says_what_they_changed(right: World, tmp_path: Path) -> None:
    """A rotation and who has a role, by two keys each; and it is one that commands read."""
    side, manifest = right.home, right.network.manifest
    assert refreshed(right.network.connection) == manifest
    DRIFTS["another verifier"](right)
    DRIFTS["each day's close"](right)
    for contract in (side.token, side.registry, side.engine):
        side.give_role(contract, side.outsider, Role.REGISTRAR)
        side.give_role(contract, side.registrar, Role.NONE)
    assert len(wrong(verify(right.network.connection))) > 4
    now = refreshed(right.network.connection)
    assert list(differences(manifest.as_dict(), now.as_dict())) == [
        (
            "lanes[0].sides.home.verifier",
            manifest.lanes[0].sides["home"].verifier,
            str(side.escrow.lane_state(right.lane).terms.verifier),
        ),
        ("roles.home.registrar.address", side.registrar.address, side.outsider.address),
        ("roles.home.registrar.index", manifest.roles["home"]["registrar"].index, None),
    ]
    # One engine alone asks for each day's close: no manifest says that.
    assert _followed(right) == [
        "home: ActionsEngine: asks for the closes of: each day, events alone expected"
    ]
    written = now.write(tmp_path / "manifest.json")
    assert Manifest.load(written).as_dict() == now.as_dict()


@pytest.mark.requirement("INV-9")
def test_what_no_act_changes_stays_wrong_in_a_manifest_that_follows(right: World) -> None:
    """What a manifest has no word for, and code that is not as built, is none the better for it."""
    for name in (
        "a stranger's verifier",
        "a lane whose verifier has ended",
        "a token stopped",
        "a role taken",
        "a role given",
        "one administrator more",
        "other attestors of events",
        "code of a verifier",
    ):
        with drifted(right, name):
            assert _followed(right), name
    for name in ("a change confirmed", "a role given", "a role taken", "one administrator more"):
        with drifted(right, name):
            assert refreshed(right.network.connection) == right.network.manifest
    with drifted(right, "another release"):
        assert _followed(right) == []


# --- each drift --------------------------------------------------------------------------------


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", list(DRIFTS))
def test_a_drift_is_named_with_what_was_meant_and_what_was_found(right: World, name: str) -> None:
    with drifted(right, name):
        found = wrong_rows(right)
    assert found
    assert found == TOLD[name]


def test_what_has_lapsed_is_no_drift(right: World) -> None:
    """A proposal counts for a month, of a role for one more, with the guardian's confirmation."""
    chain = right.home.chain
    for name, contract, months in (
        ("a pool proposed", "SecurityToken", 1),
        ("a role proposed", "InstrumentRegistry", 2),
        ("a release to come", "SecurityToken", 1),
    ):
        with right.isolated():
            DRIFTS[name](right)
            chain.advance(months * 30 * DAY - DAY)
            chain.mine()
            what = "release to come" if "release" in name else "pending changes"
            assert (contract, what) in [row[:2] for row in wrong_rows(right)]
            chain.advance(2 * DAY)
            chain.mine()
            assert (contract, what) not in [row[:2] for row in wrong_rows(right)]


def test_the_page_tells_each_drift_and_no_other() -> None:
    assert list(TOLD) == list(DRIFTS)
    assert len(TOLD) >= 40


@pytest.mark.requirement("INV-9")
def test_case_24_a_manifest_alone_sees_another_verifier_and_no_cap(right: World) -> None:
    """Another verifier, of strangers, and no cap any more: code and roles were as before."""
    with drifted(right, "another verifier"):
        ((fact),) = wrong(verify(right.network.connection))
        assert fact.what == "lane home-remote: verifier in force"
    capped = World(embedded(), cap=500_000)
    capped.apply_terms(capped.home, capped.change(capped.home, cap=2**43 - 1))
    rows = [("BridgeEscrow", "lane home-remote: cap", "500,000 units", "none")]
    assert wrong_rows(capped) == rows
    assert wrong(verify(capped.network.connection)) == ()


@pytest.mark.requirement("INV-9")
def test_what_the_deployer_still_has_is_left_over(right: World) -> None:
    network = right.network
    for name, found in (("set-up key of the escrow", "set-up key"), ("a role unlogged", "role of")):
        with drifted(right, name):
            facts = verify(network.connection, network.plan, network.parties)
            (left,) = left_over(facts, network.manifest)
            assert left.what.startswith(found)
            assert left.wrong
    assert left_over(verify(network.connection), network.manifest) == ()


def test_logs_that_begin_too_late_are_wrong(right: World) -> None:
    """Whoever wrote the manifest says where logs begin: what came before would never be asked."""
    manifest = right.network.manifest
    late = tuple(
        entry.model_copy(update={"from_block": right.home.chain.block_number})
        for entry in manifest.ledgers
        if entry.name == "home"
    )
    later = manifest.model_copy(update={"ledgers": (*late, manifest.ledger("remote"))})
    facts = wrong(verify(connection_of(later, right.chains)))
    assert [fact.found for fact in facts if fact.what == "log"] == ["its beginning is missing"] * 5


# --- the comparison ----------------------------------------------------------------------------


def test_facts_are_judged_by_what_was_meant_wrong_ones_first() -> None:
    def key(contract: str, what: str) -> Key:
        return Key("home", contract, what)

    found = {
        key("A", "right"): Found("A", "right", "1"),
        key("B", "beyond"): Found("B", "beyond", "something", "none"),
        key("A", "wrong"): Found("A", "wrong", "2", "2"),
        key("A", "shown"): Found("A", "shown", "3"),
    }
    meant = {key("A", "right"): "1", key("A", "wrong"): "1", key("C", "gone"): "4"}
    meant |= {key("A", "follows"): "5"}
    assert compare(meant, found) == (
        Fact("home", "A", "wrong", "1", "2"),
        Fact("home", "B", "beyond", "none", "something"),
        Fact("home", "C", "gone", "4", "not found"),
        Fact("home", "A", "right", "1", "1"),
        Fact("home", "A", "shown", None, "3"),
    )
    assert str(Fact("home", "A", "wrong", "1", "2")) == "home: A: wrong: 2, 1 expected"
