"""What a review broke in the governance of this suite, tried again: each attack fails now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle

from tallystick import build
from tallystick.build import Artifact, artifact
from tallystick.chain import Chain, Contract
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.steps import blueprint_content
from tallystick.deploy.verify import verify, wrong
from tallystick.errors import CheckFailed
from tallystick.files.instrument import load_instrument
from tallystick.governance.release import (
    Version,
    proxy_name,
)
from tallystick.local.network import Network
from tests.governance.test_authority import (
    HOUR,
    LAPSE,
    PERIOD,
    WINDOW,
    Upgrade,
    fresh_authority,
    genesis,
    upgrade_of,
)
from tests.support.world import (
    DAY,
    DOCUMENT,
    ISIN,
    ROOT,
    STATED,
    UINT_MAX,
    Side,
    World,
    read_slot,
    refused,
    write_slot,
)


def with_master(master: str) -> Artifact:
    """ReleaseProxy with one line of its constructor changed: it obeys `master`."""
    honest = artifact("ReleaseProxy")
    bundle = FilesystemInputBundle([ROOT])
    source = bundle.load_file(honest.source_path)
    text = source.contents.replace("_AUTHORITY = msg.sender", f"_AUTHORITY = {master}")
    assert text != source.contents
    out = compile_code(text, output_formats=("bytecode", "bytecode_runtime"), input_bundle=bundle)
    # What made the fault: nobody sees it in the code that runs.
    assert bytes.fromhex(out["bytecode_runtime"][2:]) == honest.bytecode_runtime
    return replace(honest, bytecode=bytes.fromhex(out["bytecode"][2:]))


def with_immutable(side: Side, contract: Contract, at: int, word: bytes) -> None:
    """Put a word where a contract keeps an immutable, counted in words from the end."""
    code = side.chain.code(contract.address)
    start = len(code) - 32 * at
    side.chain.set_code(contract.address, code[:start] + word + code[start + 32 :])


# ----------------------------------------------------------------- A1: kept proxies


@pytest.mark.requirement("INV-9")
def test_a_deployer_built_the_authority_on_a_blueprint_that_obeys_himself(world: World) -> None:
    """v8: the runtime code was ours, the master was not, and verification looked at the runtime."""
    side = world.home
    content = bytes.fromhex("fe7100") + with_master(side.deployer.address).bytecode
    side.chain.set_code(side.outsider.address, content)
    with refused(world, "release: other proxy blueprint"):
        fresh_authority(side, blueprint=side.outsider.address)


@pytest.mark.requirement("INV-9")
def test_a_deployer_let_the_authority_create_proxies_that_obey_himself(world: World) -> None:
    """Were the blueprint another all the same, the new proxy's own code tells."""
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    content = bytes.fromhex("fe7100") + with_master(side.deployer.address).bytecode
    side.chain.set_code(authority.PROXY_BLUEPRINT(), content)
    call = side.token.initialize.encode("n", "s", 6, ISIN, True, 0, side.deployer)
    with refused(world, "release: proxy obeys another"):
        authority.create_proxy(release, DOCUMENT, call, *STATED, sender=side.deployer)
    (line,) = world.network.verify()
    assert line.startswith("home: ReleaseAuthority: code of new proxies: another, 0x")


@pytest.mark.requirement("INV-9")
def test_a_deployer_ran_the_tool_with_one_changed_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """v10: a whole deployment, after which everybody's verification was content."""
    chains: dict[str, Chain] = {
        "home": EmbeddedChain("home", 51_001, ledger_number=1),
        "remote": EmbeddedChain("remote", 51_002, ledger_number=2),
    }
    kept = with_master(chains["home"].account(0).address)
    honest: Callable[[str], Artifact] = build.artifact
    monkeypatch.setattr(
        build, "artifact", lambda name: kept if name == "ReleaseProxy" else honest(name)
    )
    with pytest.raises(CheckFailed, match="reverted: release: other proxy blueprint"):
        Network.deploy(load_instrument(ROOT / "examples" / "apple.yaml"), chains)


@pytest.mark.requirement("INV-9")
def test_a_deployer_began_with_other_code_under_a_later_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only code called 1.0.0 was compared with the build: whatever began as 1.0.1 was believed."""
    chains: dict[str, Chain] = {
        "home": EmbeddedChain("home", 51_001, ledger_number=1),
        "remote": EmbeddedChain("remote", 51_002, ledger_number=2),
    }
    honest: Callable[[str], Artifact] = build.artifact
    other = honest("SecurityTokenNextMock")
    with monkeypatch.context() as tool:
        tool.setattr("tallystick.deploy.steps.GENESIS", Version(1, 0, 1))
        tool.setattr(
            build, "artifact", lambda name: other if name == "SecurityToken" else honest(name)
        )
        network = Network.deploy(load_instrument(ROOT / "examples" / "apple.yaml"), chains)
    found = [line for line in network.verify() if line.startswith("home: ") and "Token" in line]
    assert found[0] == "home: ReleaseAuthority: SecurityToken 1.0.0: none, as built expected"
    (begun,) = [line for line in found if "was created on" in line]
    assert begun.startswith("home: SecurityToken: was created on: 0x")
    assert begun.endswith(", 1.0.0 expected")


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["token", "escrow", "registry"])
def test_a_proxy_obeyed_the_deployer_and_passed_verification(world: World, name: str) -> None:
    """v6: immutables were masked."""
    side = world.home
    proxy = {"token": side.token, "escrow": side.escrow, "registry": side.registry}[name]
    with_immutable(side, proxy, 1, bytes.fromhex(side.deployer.address[2:]).rjust(32, b"\0"))
    (line,) = world.network.verify()
    assert line == (
        f"home: {proxy.artifact.name}: proxy: _AUTHORITY: {side.deployer.address}, "
        f"{side.authority.address} expected"
    )


@pytest.mark.parametrize("at", range(1, 24))
def test_a_verifier_of_other_immutables_passed_verification(world: World, at: int) -> None:
    """v7: they were masked. Signers and number, threshold, hash, type, operator are all of it."""
    side = world.home
    layout = side.verifier.artifact.layout["code_layout"]
    assert sum(int(entry["length"]) for entry in layout.values()) == 23 * 32
    with_immutable(side, side.verifier, at, (at + 2).to_bytes(32, "big"))
    for facts in (
        verify(world.network.connection),
        verify(world.network.connection, world.network.plan, world.network.parties),
    ):
        (fact, *_) = wrong(facts)
        assert (fact.ledger, fact.what) == ("home", "lane home-remote: code of the verifier")
        assert fact.found == "of signers, a type or an operator that its constructor refuses"


@pytest.mark.requirement("INV-9", "R-69")
def test_verifiers_of_later_epochs_passed_verification_unseen(world: World) -> None:
    """A2: only the first one was looked at, whoever was trusted by then."""
    side = world.home
    other = side.new_verifier(replace(world.signers, signers=world.signers.signers[1:]))
    world.rotate(side, other)
    side.chain.mine()
    found = [fact.what for fact in wrong(verify(world.network.connection))]
    assert found == ["lane home-remote: verifier in force", "lane home-remote: other verifiers"]
    spoof = side.chain.deploy("VerifierMock", sender=side.attacker)
    world.rotate(side, spoof)
    (*_, last) = world.network.verify()
    assert last.startswith("home: BridgeEscrow: lane home-remote: code of the verifier: ")


def test_another_first_verifier_than_the_manifests_is_seen(world: World) -> None:
    side = world.home
    other = side.new_verifier(world.signers)
    slot = ("lanes", "_epochs", world.lane, 1)
    word = read_slot(side.escrow, *slot) & (2**96 - 1)
    write_slot(side.escrow, int(other.address, 16) << 96 | word, *slot)
    (line,) = world.network.verify()
    assert line == (
        f"home: BridgeEscrow: lane home-remote: verifier in force: {other.address}, "
        f"{side.verifier.address} expected"
    )


@pytest.mark.parametrize(
    ("at", "immutable", "due"),
    [
        (4, "NOTICE", f"{HOUR} to {90 * DAY}"),
        (3, "ACTIVATION_WINDOW", f"1 to {365 * DAY}"),
        (2, "ROLLBACK_WINDOW", f"{HOUR} to {90 * DAY}"),
    ],
)
def test_periods_of_nothing_are_seen_without_a_plan(
    world: World, at: int, immutable: str, due: str
) -> None:
    """A manifest states no periods; they must be such as the contracts accept."""
    with_immutable(world.home, world.home.authority, at, bytes(32))
    (fact,) = wrong(verify(world.network.connection))
    assert str(fact) == f"home: ReleaseAuthority: {immutable}: 0 s, {due} s expected"


@pytest.mark.parametrize(
    ("at", "name", "due"),
    [(4, "NOTICE", PERIOD), (3, "ACTIVATION_WINDOW", LAPSE), (2, "ROLLBACK_WINDOW", WINDOW)],
)
def test_an_authority_of_other_periods_is_seen(world: World, at: int, name: str, due: int) -> None:
    side = world.home
    with_immutable(side, side.authority, at, (due + 1).to_bytes(32, "big"))
    assert world.network.verify() == [
        f"home: ReleaseAuthority: {name}: {due + 1} s, {due} s expected"
    ]


@pytest.mark.parametrize(("at", "name"), [(2, "_ESCROW"), (1, "_TOKEN")])
def test_a_custody_of_another_master_is_seen(world: World, at: int, name: str) -> None:
    side = world.home
    due = (side.escrow if name == "_ESCROW" else side.token).address
    with_immutable(
        side, side.custody, at, bytes.fromhex(side.attacker.address[2:]).rjust(32, b"\0")
    )
    assert world.network.verify() == [
        (
            f"home: BridgeEscrow: lane home-remote: custody: {name}: {side.attacker.address}, "
            f"{due} expected"
        )
    ]


def test_a_custody_code_of_nobodys_build_is_seen(world: World) -> None:
    side = world.home
    side.authority.register_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    assert world.network.verify() == [
        f"home: ReleaseAuthority: other custody code: 0x{DOCUMENT.hex()}, none expected"
    ]
    side.authority.withdraw_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    assert world.network.verify() == []


# ------------------------------------------------------------------- A15 to A19


@pytest.mark.requirement("R-60")
def test_a_release_was_activated_three_years_after_consent(world: World) -> None:
    """g1: nothing ended a notice."""
    side = world.home
    release = upgrade_of(side, "SecurityToken")
    release.approved()
    side.chain.set_time(side.chain.now + 3 * 365 * DAY)
    with refused(world, "release: notice has lapsed"):
        release.activate()


def test_consents_revived_with_the_role_after_a_year(world: World) -> None:
    """g3: what the auditor said counted again when it got its role back."""
    side = world.home
    release = upgrade_of(side, "SecurityToken")
    release.approved()
    side.give_role(side.authority, side.auditor, 0)
    side.chain.set_time(side.chain.now + 400 * DAY)
    side.give_role(side.authority, side.auditor, 512)
    with refused(world, "release: notice has lapsed"):
        release.activate()


def test_a_version_without_bound_ended_all_upgrades(world: World) -> None:
    """g2: nothing is newer than the largest number."""
    side = world.home
    upgrade = upgrade_of(side, "SecurityToken")
    for version in (UINT_MAX, 2**48):
        with refused(world, "release: version too large"):
            upgrade.register(version=version)


def test_an_upgrader_burned_version_numbers(world: World) -> None:
    """g10: a number once registered with the wrong code stayed so."""
    side = world.home
    wrong = Upgrade(side, side.escrow)
    wrong.register()
    wrong.withdraw()
    right = upgrade_of(side, "SecurityToken")
    right.register()
    assert tuple(side.authority.release_of(right.id)) == right.terms


@pytest.mark.requirement("R-60")
def test_consents_to_one_release_carried_another_under_its_number(world: World) -> None:
    """What withdrawing would have opened: the code is exchanged after all have consented."""
    side = world.home
    reviewed, other = upgrade_of(side, "SecurityToken"), upgrade_of(side, "SecurityToken")
    reviewed.approved()
    side.chain.set_time(side.chain.now + PERIOD)
    reviewed.withdraw()
    other.register()
    with refused(world, "release: terms have changed"):
        other.activate()


@pytest.mark.requirement("R-60")
def test_a_consent_on_its_way_met_another_release_under_the_same_number(world: World) -> None:
    """The upgrader sees the auditor's transaction, and is first with withdrawal and new notice."""
    side = world.home
    reviewed, other = upgrade_of(side, "SecurityToken"), upgrade_of(side, "SecurityToken")
    reviewed.noticed()
    reviewed.withdraw()
    other.noticed()
    with refused(world, "release: not the noticed one"):
        reviewed.approve()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"notice": 0}, "release: notice under an hour"),
        ({"window": 0}, "release: window under an hour"),
        ({"activation": 0}, "release: no activation window"),
    ],
)
def test_an_authority_gave_no_notice_at_all(
    world: World, changed: dict[str, int], reason: str
) -> None:
    """f15: periods of nothing were accepted."""
    with refused(world, reason):
        fresh_authority(world.home, **changed)


def test_a_release_was_an_account_that_delegates(world: World) -> None:
    """g6: its key delegates elsewhere at will: nobody's notice, nobody's consent."""
    side = world.home
    code = bytes.fromhex("ef0100" + side.implementations["SecurityToken"][2:])
    side.chain.set_code(side.attacker.address, code)
    with refused(world, "release: no contract there"):
        Upgrade(side, side.attacker).register()


def test_a_proxy_was_created_that_anybody_could_initialise(world: World) -> None:
    """g4: any call that does not revert passed for an initialisation."""
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority, "BridgeEscrow")
    call = side.escrow.release_authority.encode()
    with refused(world, "release: proxy not initialised"):
        authority.create_proxy(
            release,
            proxy_name("BridgeEscrow"),
            call,
            *STATED,
            sender=side.deployer,
        )


# ----------------------------------------------------------- A8, A25: foreign custody


@pytest.mark.requirement("INV-7")
def test_any_contract_passed_for_a_custody(world: World) -> None:
    """g8: a custody was asked what it is, and its code was not."""
    side = world.home
    custody = side.chain.deploy("LaneCustodyMock", side.escrow, side.token, sender=side.attacker)
    act = (custody, 1)
    side.token.propose_class(*act, *STATED, sender=side.registrar)
    with refused(world, "controls: link is no custody"):
        side.token.set_class(*act, *STATED, sender=side.custodian)


def test_the_blueprint_on_each_ledger_is_the_builds(world: World) -> None:
    for side in (world.home, world.remote):
        at = side.authority.PROXY_BLUEPRINT()
        assert side.chain.code(at) == blueprint_content()
