"""The journal: a deployment goes on as it was begun, and creates nothing a second time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.chain import Chain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy import journal as journal_module
from tallystick.deploy.changes import NEW_DEPLOYMENT, ignored, takes_of
from tallystick.deploy.deploy import Given, deploy
from tallystick.deploy.verify import verify, wrong
from tallystick.errors import CheckFailed, InputError
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.governance.release import proxy_name
from tallystick.reach.accounts import Finder, Parties
from tallystick.reach.connection import connection_of
from tallystick.text import hex_text
from tests.deploy.test_deploy import (
    Crash,
    Fragile,
    changed,
    fragile,
    fresh,
    marks,
    meant_by,
    standing,
)
from tests.support.commands import APPLE, plan_data, tallystick, write_plan

OTHER_WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def plan_with_instrument() -> dict[str, Any]:
    """The example plan with the instrument inside, so that one file holds every field."""
    data = plan_data({"home": None, "remote": None})  # type: ignore[dict-item]
    instrument = yaml.safe_load(APPLE.read_text())
    instrument["holders"][2]["eligible_until"] = "2030-12-31"
    return data | {"instrument": instrument}


def killed(folder: Path, after: int) -> tuple[dict[str, Chain], Path]:
    """A run of the plan that ended right after its n-th transaction."""
    chains, fuse = fragile()
    fuse[0] = after
    journal = folder / "journal.json"
    with pytest.raises(Crash):
        deploy(*meant_by(folder, plan_with_instrument()), chains, journal=journal, execute=True)
    return chains, journal


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Chain], Path]:
    """Half a deployment: home's token has its decimals."""
    return killed(tmp_path_factory.mktemp("half"), 45)


def refused(folder: Path, chains: Mapping[str, Chain], journal: Path, data: Any) -> list[str]:
    """What is said of a plan that was edited in between; nothing is sent or written."""
    before, content = marks(dict(chains)), journal.read_bytes()
    meant = meant_by(folder, data)
    for execute in (False, True):
        with pytest.raises(InputError) as caught:
            deploy(*meant, chains, journal=journal, execute=execute)
    assert marks(dict(chains)) == before
    assert journal.read_bytes() == content
    return [line.removeprefix(f"{folder / 'plan.yaml'}: ") for line in caught.value.lines]


# --- bound to what it was begun with -----------------------------------------------------------


def test_decimals_edited_after_a_kill_are_refused(tmp_path: Path) -> None:
    chains, journal = killed(tmp_path, 45)
    lines = refused(
        tmp_path, chains, journal, changed(plan_with_instrument(), ("instrument.decimals", 8))
    )
    assert lines == [
        (
            f"instrument.decimals: 8: expected 6, with which {journal} began; otherwise it takes "
            f"{NEW_DEPLOYMENT}"
        )
    ]
    # As it was begun it goes on, and all tokens have the same.
    for chain in chains.values():
        assert isinstance(chain, Fragile)
        chain.fuse[0] = 0
    meant = meant_by(tmp_path, plan_with_instrument())
    report = deploy(*meant, chains, journal=journal, execute=True)
    connection = standing(report, chains)
    assert wrong(verify(connection, *meant)) == ()
    assert {connection.token(name).decimals() for name in chains} == {6}


def test_every_changed_field_is_named_with_what_it_takes(
    half: tuple[dict[str, Chain], Path], tmp_path: Path
) -> None:
    data = plan_with_instrument()
    for where, value in (
        ("lanes.0.cap", 400_000),
        ("lanes.0.verifiers.0.threshold", 3),
        ("upgrade.notice_seconds", 7200),
        ("ledgers.0.accounts.issuer", 50),
        ("instrument.authorised", 2_000_000),
        # On no ledger: no reason to refuse, and not named where others are.
        ("ledgers.1.finality", {"kind": "safe"}),
    ):
        data = changed(data, (where, value))
    lines = refused(tmp_path, *half, data)
    assert [line.split(":")[0] for line in lines] == [
        "ledgers[0].accounts.issuer.index",
        "ledgers[1].accounts.issuer.index",
        "lanes[0].verifiers[0].threshold",
        "lanes[0].cap",
        "upgrade.notice_seconds",
        "instrument.authorised",
    ]
    assert lines[3] == (
        f"lanes[0].cap: 400000: expected 500000, with which {half[1]} began; otherwise it takes "
        "BridgeEscrow.propose_lane_terms by the operator, confirm_lane_terms by an administrator, "
        "and apply_lane_terms by anyone once its delay is over, on both ledgers"
    )


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("ledgers[0].chain_id", NEW_DEPLOYMENT),
        ("ledgers[2]", NEW_DEPLOYMENT),
        ("ledgers[0].accounts.deployer.index", NEW_DEPLOYMENT),
        ("lanes[0].change_seconds", NEW_DEPLOYMENT),
        ("lanes[0].retention_seconds", NEW_DEPLOYMENT),
        ("lanes[0].grade", NEW_DEPLOYMENT),
        ("upgrade.rollback_seconds", NEW_DEPLOYMENT),
        ("actions", NEW_DEPLOYMENT),
        ("instrument.isin", NEW_DEPLOYMENT),
        ("instrument.name", NEW_DEPLOYMENT),
        ("instrument.close_of_business", NEW_DEPLOYMENT),
        (
            "ledgers[1].accounts.notary.address",
            "propose_role and assign_role by two administrators of SecurityToken",
        ),
        (
            "ledgers[0].accounts.operator",
            (
                "propose_role and assign_role by two administrators of ReleaseAuthority, "
                "BridgeEscrow, ActionsEngine"
            ),
        ),
        (
            "accounts.ledgers.home.administrator-1",
            (
                "propose_role and assign_role by two administrators of ReleaseAuthority, "
                "InstrumentRegistry, SecurityToken, BridgeEscrow, ActionsEngine"
            ),
        ),
        (
            "actions.events.attestors[0].index",
            (
                "a QuorumVerifier of them, and ActionsEngine.propose_attestors by the operator, a "
                "day later set_attestors by an administrator"
            ),
        ),
        *(
            (
                f"{path}.fractions_agent{index}",
                (
                    "ActionsEngine.propose_fractions_agent by the operator, a day later "
                    "set_fractions_agent by an administrator, on that ledger"
                ),
            )
            for path, index in (("ledgers[0].accounts", ".index"), ("accounts.ledgers.home", ""))
        ),
        (
            "lanes[0].verifiers[1].kind",
            (
                "a verifier of it on each ledger, and BridgeEscrow.propose_lane_terms by the "
                "operator, confirm_lane_terms by an administrator, and apply_lane_terms by anyone "
                "once its delay is over, on both ledgers"
            ),
        ),
        (
            "actions.reconcile",
            (
                "ActionsEngine.propose_daily by the operator, a day later set_daily by an "
                "administrator, on every ledger"
            ),
        ),
        (
            "instrument.ledgers[0].dti",
            (
                "InstrumentRegistry.propose_record by the registrar, then amend by the issuer, on "
                "every ledger"
            ),
        ),
        ("ledgers[0].finality.blocks", ""),
        ("parties", ""),
        ("parties[0].lei", ""),
        ("lanes[0].verifiers[0].name", ""),
        *(
            (
                f"lanes[0].verifiers[{field}",
                (
                    "a QuorumVerifier of them on each ledger, and BridgeEscrow.propose_lane_terms "
                    "by the operator, confirm_lane_terms by an administrator, and "
                    "apply_lane_terms by anyone once its delay is over, on both ledgers"
                ),
            )
            for field in ("0].operator", "1].attestors[0]", "1]")
        ),
        ("instrument.holders[0].amount", ""),
        ("instrument.roles.issuer", ""),
        ("instrument.illustration", ""),
    ],
)
def test_what_a_change_takes(path: str, takes: str) -> None:
    assert takes_of(path) == takes


def test_what_is_not_deployed_is_what_may_change(tmp_path: Path) -> None:
    data = plan_with_instrument()
    data["parties"] = [{"name": data["instrument"]["roles"]["issuer"]}]
    plan, _ = meant_by(tmp_path, data)
    unused = [
        "lanes.verifiers.name",
        "instrument.illustration",
        "instrument.roles",
        "instrument.holders",
    ]
    assert ignored(plan) == ["parties.name", *unused]
    del data["parties"], data["instrument"]["illustration"]
    plan, _ = meant_by(tmp_path, data)
    assert ignored(plan) == [each for each in unused if each != "instrument.illustration"]


def test_what_no_ledger_holds_may_change(tmp_path: Path) -> None:
    chains, journal = fresh(), tmp_path / "journal.json"
    deploy(*meant_by(tmp_path, plan_with_instrument()), chains, journal=journal, execute=True)
    before = marks(chains)
    data = changed(plan_with_instrument(), ("ledgers.0.finality.blocks", 3))
    data = changed(data, ("instrument.holders.0.amount", 400_000))
    # How a ledger is reached is nobody's business, and never in the journal.
    data["ledgers"][1]["rpc"] = "https://node.example/v3/s3cret"
    meant = meant_by(tmp_path, data)
    dry = deploy(*meant, chains, journal=journal)
    assert [(each.path, each.before, each.now) for each in dry.changes] == [
        ("ledgers[0].finality.blocks", 2, 3),
        ("instrument.holders[0].amount", "500000", "400000"),
    ]
    report = deploy(*meant, chains, journal=journal, execute=True)
    assert report.changes == dry.changes
    assert report.manifest is not None
    assert report.manifest.ledger("home").finality.blocks == 3
    assert deploy(*meant, chains, journal=journal, execute=True).changes == ()
    assert marks(chains) == before
    assert "s3cret" not in journal.read_text()


def test_accounts_of_other_words_are_refused(
    half: tuple[dict[str, Chain], Path], tmp_path: Path
) -> None:
    """The files are the same; what they mean is not."""
    chains, journal = half
    plan, _ = meant_by(tmp_path, plan_with_instrument())
    others = Finder(plan.file, plan, OTHER_WORDS).parties()
    before = marks(chains)
    with pytest.raises(InputError) as caught:
        deploy(plan, others, chains, journal=journal, execute=True)
    assert caught.value.lines[0].startswith(
        f"{plan.file}: accounts.ledgers.home.deployer: {others.on_ledger['home']['deployer']}: "
    )
    assert marks(chains) == before


def test_a_journal_that_was_edited_is_none(
    half: tuple[dict[str, Chain], Path], tmp_path: Path
) -> None:
    chains, journal = half
    data = json.loads(journal.read_text())
    data["instrument"]["decimals"] = 8
    edited = tmp_path / "journal.json"
    edited.write_text(json.dumps(data))
    with pytest.raises(CheckFailed, match=r"its document is 0x.*not as it says"):
        deploy(*meant_by(tmp_path, plan_with_instrument()), chains, journal=edited)


# --- nothing is created twice ------------------------------------------------------------------


class Forgetful(EmbeddedChain):
    """A node that has not got the code of an address yet, for so many questions."""

    hidden: str = ""
    times: int = 0
    late: int = 0

    def code(self, address: Any) -> bytes:
        if str(address) == self.hidden and self.times:
            self.times -= 1
            return b""
        return super().code(address)

    def nonce(self, address: Any, *, pending: bool = False) -> int:
        return super().nonce(address, pending=pending) - self.late


@pytest.fixture
def deployed(tmp_path: Path) -> tuple[tuple[Any, Any], dict[str, Chain], Path]:
    chains: dict[str, Chain] = {
        name: Forgetful(name, 41_000 + number, ledger_number=number)
        for number, name in enumerate(("home", "remote"), 1)
    }
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    deploy(*meant, chains, journal=journal, execute=True)
    return meant, chains, journal


def forget(chain: Chain, journal: Path, key: str, times: int) -> str:
    assert isinstance(chain, Forgetful)
    entry = json.loads(journal.read_text())["ledgers"][chain.name]["contracts"][key]
    chain.hidden, chain.times = entry["address"], times
    return str(entry["address"])


@pytest.mark.parametrize("key", ["ReleaseAuthority", "SecurityToken@1.0.0", "LaneCustody#0"])
def test_one_stale_answer_creates_nothing(deployed: Any, key: str) -> None:
    meant, chains, journal = deployed
    before, content = marks(chains), journal.read_bytes()
    forget(chains["home"], journal, key, 1)
    report = deploy(*meant, chains, journal=journal, execute=True)
    assert {step.state for step in report.steps} == {"done"}
    assert marks(chains) == before
    assert journal.read_bytes() == content


def test_code_that_stays_away_stops_the_run(deployed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_LAG", 0.2)
    meant, chains, journal = deployed
    before, content = marks(chains), journal.read_bytes()
    address = forget(chains["home"], journal, "LaneCustody#0", 10_000)
    nonce = json.loads(content)["ledgers"]["home"]["contracts"]["LaneCustody#0"]["nonce"]
    deployer = chains["home"].account(0)
    with pytest.raises(CheckFailed) as caught:
        deploy(*meant, chains, journal=journal, execute=True)
    assert str(caught.value) == (
        "home: create custody of lane home-remote: "
        f"LaneCustody#0 was created at {address} by transaction {nonce} of {deployer}, and "
        "there is no code: nothing is created a second time. Ask another node; if that "
        f"transaction failed, or was another one, take the entry out of {journal}"
    )
    assert marks(chains) == before
    assert journal.read_bytes() == content


def test_another_transaction_under_a_journalled_nonce_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between journal and transaction, and the key was used for something else then."""
    monkeypatch.setattr(journal_module, "_LAG", 0.2)
    chains, fuse = fragile()
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    fuse[0] = 2
    for chain in chains.values():
        assert isinstance(chain, Fragile)
        chain.before = True
    with pytest.raises(Crash):
        deploy(*meant, chains, journal=journal, execute=True)
    home = chains["home"]
    home.send(sender=home.account(0), to=home.account(1), value=0)
    key, entry = "InstrumentRegistry@1.0.0", json.loads(journal.read_text())["ledgers"]["home"]
    with pytest.raises(CheckFailed, match=rf"{key} was created at .* by transaction 1 of"):
        deploy(*meant, chains, journal=journal, execute=True)
    data = json.loads(journal.read_text())
    assert data["ledgers"]["home"] == entry
    # Whoever knows that it was another one says so.
    del data["ledgers"]["home"]["contracts"][key]
    journal.write_text(json.dumps(data))
    report = deploy(*meant, chains, journal=journal, execute=True)
    assert report.manifest is not None
    assert wrong(verify(connection_of(report.manifest, chains), *meant)) == ()


def test_a_creation_is_sent_from_its_nonce_or_not_at_all(tmp_path: Path) -> None:
    chains: dict[str, Chain] = {
        name: Forgetful(name, 41_000 + number, ledger_number=number)
        for number, name in enumerate(("home", "remote"), 1)
    }
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    report = deploy(*meant, chains, journal=journal, execute=True)
    home = chains["home"]
    assert isinstance(home, Forgetful)
    before, content = marks(chains), journal.read_bytes()
    # A node that is behind altogether: no code, and the nonces of before.
    forget(home, journal, "QuorumVerifier#0", 10_000)
    home.late = before[0][1] - 3
    with pytest.raises(CheckFailed, match=r"the next one is 3: the node is behind.*Nothing was"):
        deploy(*meant, chains, journal=journal, execute=True)
    home.late = home.times = 0
    assert marks(chains) == before
    assert journal.read_bytes() == content
    assert deploy(*meant, chains, journal=journal).manifest == report.manifest


# --- a journal that was lost -------------------------------------------------------------------


def addresses(journal: Path) -> dict[str, dict[str, str]]:
    """Where each journalled contract is."""
    ledgers = json.loads(journal.read_text())["ledgers"]
    return {
        name: {key: record["address"] for key, record in entry["contracts"].items()}
        for name, entry in ledgers.items()
    }


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[tuple[Plan, Parties], dict[str, Chain], Path]:
    """A deployment that is complete, with its journal and its manifest."""
    folder = tmp_path_factory.mktemp("whole")
    meant, chains, journal = meant_by(folder), fresh(), folder / "journal.json"
    report = deploy(*meant, chains, journal=journal, execute=True)
    assert report.manifest is not None
    report.manifest.write(folder / "manifest.json")
    return meant, chains, journal


def ways(chains: Mapping[str, Chain], journal: Path) -> dict[str, Given]:
    manifest = Manifest.load(journal.parent / "manifest.json")
    registries = {
        name: manifest.ledger(name).contracts["InstrumentRegistry"].address for name in chains
    }
    return {
        "manifest": Given(manifest),
        "registry at home": Given(None, {"home": registries["home"]}),
        "registry of the other ledger": Given(None, {"remote": registries["remote"]}),
    }


@pytest.mark.parametrize("way", ["manifest", "registry at home", "registry of the other ledger"])
def test_a_lost_journal_is_rebuilt_from_what_stands(whole: Any, tmp_path: Path, way: str) -> None:
    meant, chains, journal = whole
    before, found = marks(chains), tmp_path / "journal.json"
    given = ways(chains, journal)[way]
    dry = deploy(*meant, chains, journal=found, given=given)
    assert {step.state for step in dry.steps} == {"done"}
    assert not found.exists()
    report = deploy(*meant, chains, journal=found, given=given, execute=True)
    assert {step.state for step in report.steps} == {"done"}
    assert marks(chains) == before
    assert addresses(found) == addresses(journal)
    assert report.manifest is not None
    # Its logs matter from the first of its authority on, or as the manifest says.
    kept = ways(chains, journal)["manifest"].manifest
    assert kept is not None
    assert wrong(verify(standing(report, chains), *meant)) == ()
    written, now = (
        [entry.model_copy(update={"from_block": 0}) for entry in manifest.ledgers]
        for manifest in (kept, report.manifest)
    )
    assert written == now
    assert report.manifest.lanes == kept.lanes
    assert report.manifest.actions == kept.actions
    # From now on the journal itself is enough.
    assert deploy(*meant, chains, journal=found).manifest == report.manifest


def test_what_was_begun_goes_on_without_its_journal(tmp_path: Path) -> None:
    """Killed before the hand-over, and the journal gone: the registries lead to the rest."""
    meant, chains = meant_by(tmp_path), fresh()
    total = len(deploy(*meant, chains).steps)
    chains, fuse = fragile()
    fuse[0], journal = total - 5, tmp_path / "journal.json"
    with pytest.raises(Crash):
        deploy(*meant, chains, journal=journal, execute=True)
    fuse[0] = 0
    known = addresses(journal)["home"]["ReleaseAuthority"]
    authority = chains["home"].at("ReleaseAuthority", known)
    registry = str(authority.proxy_at(proxy_name("InstrumentRegistry", "")))
    journal.unlink()
    given = Given(None, {"home": registry})
    report = deploy(*meant, chains, journal=journal, given=given, execute=True)
    assert sum(chain.nonce(chain.account(0)) for chain in chains.values()) == total
    assert wrong(verify(standing(report, chains), *meant)) == ()


@pytest.mark.parametrize("every", [7, 50, pytest.param(1, marks=pytest.mark.slow)])
def test_a_journal_that_is_lost_after_every_nth_transaction(tmp_path: Path, every: int) -> None:
    """No manifest, no registry: the deployer's own transactions lead to all that stands."""
    meant, journal = meant_by(tmp_path), tmp_path / "journal.json"
    chains, fuse = fragile()
    report = None
    while report is None:
        fuse[0] = every
        try:
            report = deploy(*meant, chains, journal=journal, execute=True)
        except Crash:
            journal.unlink()
    # Not one contract or act more than an undisturbed run takes.
    sent = sum(chain.nonce(chain.account(0)) for chain in chains.values())
    assert sent == len(report.steps)
    assert wrong(verify(standing(report, chains), *meant)) == ()
    # What was found is in the journal, which is enough from then on.
    kept = addresses(journal)
    assert deploy(*meant, chains, journal=journal, execute=True).manifest == report.manifest
    assert addresses(journal) == kept
    assert sum(chain.nonce(chain.account(0)) for chain in chains.values()) == sent


def test_a_rehearsal_without_a_journal_finds_what_stands(whole: Any, tmp_path: Path) -> None:
    meant, chains, journal = whole
    found = tmp_path / "journal.json"
    report = deploy(*meant, chains, journal=found)
    assert {step.state for step in report.steps} == {"done"}
    kept = deploy(*meant, chains, journal=journal).manifest
    assert report.manifest is not None
    assert kept is not None
    assert (report.manifest.lanes, report.manifest.actions) == (kept.lanes, kept.actions)
    assert not found.exists()


def test_another_plan_of_the_same_deployer_takes_its_code_and_nothing_else(
    whole: Any, tmp_path: Path
) -> None:
    """Code that is the same serves both; an authority that was told of one plan is that one's."""
    _, chains, journal = whole
    data = changed(plan_data({"home": None, "remote": None}), ("upgrade.notice_seconds", 7200))  # type: ignore[dict-item]
    dry = deploy(*meant_by(tmp_path, data), chains)
    done = {step.title.split()[0] for step in dry.steps if step.state == "done"}
    assert done == {"create"}
    pending = {step.title for step in dry.steps if step.state == "pending"}
    assert {"create release authority", "create SecurityToken proxy"} <= pending
    assert addresses(journal)["home"]["ReleaseAuthority"] not in {
        step.address for step in dry.steps if step.state == "done"
    }


def test_no_other_plan_goes_on_where_one_stands(whole: Any, tmp_path: Path) -> None:
    _, chains, journal = whole
    before, found = marks(chains), tmp_path / "journal.json"
    data = changed(plan_data({"home": None, "remote": None}), ("upgrade.notice_seconds", 7200))  # type: ignore[dict-item]
    for given in ways(chains, journal).values():
        meant = meant_by(tmp_path, data)
        with pytest.raises(InputError) as caught:
            deploy(*meant, chains, journal=found, given=given, execute=True)
        assert str(caught.value).startswith(
            f"{meant[0].file}: document {hex_text(meant[0].document)[:18]}…: expected plan and "
            "instrument as they were when the suite on "
        )
        assert str(caught.value).endswith("no journal says which fields are others")
    assert marks(chains) == before
    assert not found.exists()


def test_what_is_given_is_the_instrument_s_own(whole: Any, tmp_path: Path) -> None:
    meant, chains, journal = whole
    manifest = Manifest.load(journal.parent / "manifest.json")
    token = manifest.ledger("home").contracts["SecurityToken"]

    def refusal(given: Given, journal: Path | None = None) -> str:
        with pytest.raises(InputError) as caught:
            deploy(*meant, chains, journal=journal, given=given, execute=True)
        return str(caught.value)

    bund = manifest.instrument.model_copy(update={"isin": "DE0001102580"})
    assert refusal(Given(manifest.model_copy(update={"instruments": (bund,)}))) == (
        f"{manifest.file}: instruments[0].isin: DE0001102580: expected US0378331005, which the "
        "plan is for (another deployment has its own --out)"
    )
    assert refusal(Given(None, {"moon": token.address})) == (
        "tallystick: --registry: moon: expected one of the plan's ledgers: home, remote"
    )
    assert refusal(Given(None, {"home": token.implementation})) == (
        f"tallystick: --registry: home={token.implementation}: expected a registry behind a proxy "
        f"of this build: {token.implementation} is none"
    )
    # The journal knows another suite than the one that is given.
    others, elsewhere = fresh(), tmp_path / "journal.json"
    for chain in others.values():
        chain.send(sender=chain.account(0), to=chain.account(1), value=0)
    deploy(*meant, others, journal=elsewhere, execute=True)
    data = json.loads(elsewhere.read_text())
    authority = data["ledgers"]["home"]["contracts"]["ReleaseAuthority"]["address"]
    assert refusal(Given(manifest), elsewhere).endswith(
        f"expected the suite of {elsewhere}, whose release authority is {authority}"
    )


@pytest.mark.anvil_only
def test_a_second_run_without_a_journal_deploys_nothing(ledgers: Any, tmp_path: Path) -> None:
    chains = {chain.name: chain for chain in ledgers(2)}
    plan, out = write_plan(tmp_path, plan_data(chains)), tmp_path / "deployments" / "plan"
    first = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    before = marks(chains)
    home = Manifest.load(out / "manifest.json").ledger("home")
    registry = home.contracts["InstrumentRegistry"].address
    (out / "journal.json").unlink()
    checked = tallystick("verify", plan, cwd=tmp_path)
    assert "\nverified: " in checked.stdout, checked.stdout
    (tmp_path / "kept.json").write_bytes((out / "manifest.json").read_bytes())
    for more in (
        (),
        ("--out", tmp_path / "two", "--registry", f"home={registry}"),
        ("--out", tmp_path / "three", "--manifest", tmp_path / "kept.json"),
    ):
        again = tallystick("deploy", plan, "--execute", *more, cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        assert " 0 steps carried out" in again.stdout
        assert marks(chains) == before
    for value, expected in (
        ("home", "Error: Invalid value for '--registry': expected LEDGER=VALUE"),
        ("home=0x12", "expected an address: 0x and 40 hex digits, not zero"),
    ):
        wrong = tallystick("deploy", plan, "--registry", value, cwd=tmp_path)
        assert wrong.returncode == 2
        assert expected.removeprefix("Error: ") in wrong.stderr
        assert wrong.stderr.count("\n") == 1


# --- the manifest, and how ledgers are reached -------------------------------------------------


@pytest.mark.anvil_only
def test_case_10_no_credential_is_written_or_printed(ledgers: Any, tmp_path: Path) -> None:
    chains = {chain.name: chain for chain in ledgers(2)}
    data = plan_data(chains)
    home, remote = (ledger["rpc"] for ledger in data["ledgers"])
    secret = home.replace("http://", "http://desk:s3cret@") + "/?apikey=k3y"
    data["ledgers"][0]["rpc"] = secret
    plan, out = write_plan(tmp_path, data), tmp_path / "deployments" / "plan"
    done = [tallystick("deploy", plan, "--execute", cwd=tmp_path)]
    assert done[0].returncode == 0, done[0].stderr
    manifest = Manifest.load(out / "manifest.json")
    assert [ledger.rpc for ledger in manifest.ledgers] == [home, remote]
    given = ("--manifest", out / "manifest.json", "--rpc", f"home={secret}")
    done.append(tallystick("status", *given, cwd=tmp_path))
    # The plan's own addresses give way to those in use, too.
    wrong = tallystick("deploy", plan, "--rpc", f"home={remote}", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr == (
        f"{plan}: ledgers[0].chain_id: 41001: expected 41002, the chain id of {remote}\n"
    )
    gone = "http://desk:s3cret@127.0.0.1:9/?apikey=k3y"
    for command in (("status", *given[:2]), ("verify", plan), ("deploy", plan)):
        done.append(tallystick(*command, "--rpc", f"home={gone}", cwd=tmp_path))
        done.append(tallystick(*command, cwd=tmp_path, TALLYSTICK_RPC_HOME=gone))
    # In a status a ledger that does not answer is a row.
    assert [each.returncode for each in done] == [0, 0, 1, 1, 2, 2, 2, 2]
    printed = [each.stdout + each.stderr for each in done]
    files = [path.read_text() for path in out.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(part in text for text in (*printed, *files) for part in ("s3cret", "k3y"))


@pytest.mark.anvil_only
def test_a_manifest_that_differs_is_kept(ledgers: Any, tmp_path: Path) -> None:
    chains = {chain.name: chain for chain in ledgers(2)}
    plan, out = write_plan(tmp_path, plan_data(chains)), tmp_path / "deployments" / "plan"
    first = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    path = out / "manifest.json"
    good = json.loads(path.read_text())
    # Somebody named a courier: that stays.
    good["roles"]["home"]["courier"] = {"address": "0x" + "11" * 20, "index": None}
    path.write_text(json.dumps(good))
    assert tallystick("deploy", plan, "--execute", cwd=tmp_path).returncode == 0
    assert json.loads(path.read_text()) == good
    verifier = "0x" + "22" * 20
    data = json.loads(path.read_text())
    data["lanes"][0]["sides"]["home"]["verifier"] = verifier
    path.write_text(json.dumps(data))
    before = path.read_bytes()
    shown = Path("deployments") / "plan" / "manifest.json"
    found = good["lanes"][0]["sides"]["home"]["verifier"]
    done = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        f"DIFFERS {shown}: lanes[0].sides.home.verifier: {verifier} there, {found} found",
        f"{shown} is kept as it was: move it away to have it written as it was found",
    ]
    as_json = json.loads(tallystick("deploy", plan, "--execute", "--json", cwd=tmp_path).stdout)
    assert as_json["differs"] == [
        {"field": "lanes[0].sides.home.verifier", "there": verifier, "found": found}
    ]
    assert path.read_bytes() == before
    # What the plan may change is written, and said.
    path.write_text(json.dumps(good))
    plan = write_plan(tmp_path, changed(plan_data(chains), ("ledgers.0.finality.blocks", 3)))
    done = tallystick("deploy", plan, "--execute", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ledgers[0].finality.blocks: 3, was 2 at the beginning: no ledger holds it" in (
        done.stdout.splitlines()
    )
    assert Manifest.load(path).ledger("home").finality.blocks == 3
