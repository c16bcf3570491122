"""Who rolls a release back: two roles, or the guardian for a registered reason."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.chain import Contract
from tallystick.chain.abi import encode
from tallystick.deploy import upgrade as upgrades
from tallystick.governance.release import APPROVERS, release_terms
from tallystick.governance.roles import Role
from tests.governance.test_authority import (
    ALONE,
    FIRST,
    PERIOD,
    ROLL_BACK,
    WINDOW,
    Upgrade,
    token_call,
    upgrade_of,
)
from tests.support.world import DAY, ISIN, STATED, ZERO, Side, World, refused

PROPOSE = "propose_roll_back(address,bool,bytes4,bytes32)"
PROPOSE_REASON = "propose_roll_back_reason(bytes4,bool,bytes4,bytes32)"
SET_REASON = "set_roll_back_reason(bytes4,bool,bytes4,bytes32)"
NAMES = "2 open holds, 1 claim"


@pytest.fixture
def upgrade(home_side: Side) -> Upgrade:
    """A release of the token that runs."""
    found = upgrade_of(home_side, "SecurityToken")
    found.carry_out()
    return found


def proposal(upgrade: Upgrade, *, strand: bool = False) -> Any:
    """The upgrader proposes it."""
    side = upgrade.side
    return side.authority.propose_roll_back(upgrade.proxy, strand, *STATED, sender=side.upgrader)


def proposed(upgrade: Upgrade, *, strand: bool = False) -> bytes:
    """The act that the upgrader proposed."""
    return bytes(proposal(upgrade, strand=strand).return_value)


def go_back(upgrade: Upgrade, why: tuple[bytes, bytes] = STATED, *, strand: bool = False) -> Any:
    """The guardian rolls back."""
    side = upgrade.side
    return side.authority.roll_back(upgrade.proxy, strand, *why, sender=side.guardian)


# ---------------------------------------------------------------------------- two roles


@pytest.mark.requirement("R-60")
def test_the_upgrader_proposes_a_rollback_and_the_guardian_carries_it_out(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    receipt = proposal(upgrade)
    act = receipt.return_value
    assert receipt.events == (
        side.act(authority, PROPOSE, side.token, side.upgrader),
        authority.emitted("RollBackProposed", act, side.token, upgrade.id, False, ""),
    )
    assert authority.proposal_of(act).confirmer_role == Role.GUARDIAN
    proxy = side.chain.at("ReleaseProxy", side.token.address)
    assert go_back(upgrade).events == (
        side.act(authority, ROLL_BACK, side.token, side.guardian),
        authority.emitted("ReleaseRolledBack", side.token, FIRST, upgrade.id),
        proxy.emitted("Upgraded", side.implementations["SecurityToken"]),
    )
    assert authority.proposal_of(act).proposer == ZERO


@pytest.mark.requirement("R-60")
def test_the_guardian_alone_needs_a_registered_reason(world: World, upgrade: Upgrade) -> None:
    with refused(world, "access: act not proposed"):
        go_back(upgrade)
    assert go_back(upgrade, ALONE).one("ReleaseRolledBack").args["release"] == FIRST


@pytest.mark.parametrize(("offset", "counts"), [(-1, True), (0, False)])
def test_a_proposed_rollback_still_has_to_be_within_the_window(
    world: World, upgrade: Upgrade, offset: int, counts: bool
) -> None:
    side = upgrade.side
    proposed(upgrade)
    activated = side.authority.installation_of(side.token).activated_at
    side.chain.set_time(activated + WINDOW + offset)
    if counts:
        go_back(upgrade)
        return
    with refused(world, "release: window closed"):
        go_back(upgrade)
    with refused(world, "release: window closed"):
        proposed(upgrade)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_the_upgraders_role(world: World, upgrade: Upgrade) -> None:
    side = upgrade.side
    proposed(upgrade)
    side.give_role(side.authority, side.upgrader, 0)
    with refused(world, "access: proposer lost its role"):
        go_back(upgrade)


def test_a_withdrawn_proposal_counts_no_more(world: World, upgrade: Upgrade) -> None:
    side = upgrade.side
    act = proposed(upgrade)
    side.authority.withdraw_proposal(act, *STATED, sender=side.upgrader)
    with refused(world, "access: act not proposed"):
        go_back(upgrade)


@pytest.mark.parametrize("role", ["guardian", *APPROVERS, "administrator", "attacker"])
def test_none_but_the_upgrader_proposes_a_rollback(
    world: World, upgrade: Upgrade, role: str
) -> None:
    side = upgrade.side
    with refused(world, "access: missing role"):
        side.authority.propose_roll_back(side.token, False, *STATED, sender=side.parties[role])


def test_what_can_not_be_left_is_not_proposed(world: World) -> None:
    side = world.home
    with refused(world, "release: nothing to roll back to"):
        side.authority.propose_roll_back(side.token, False, *STATED, sender=side.upgrader)
    with refused(world, "release: unknown proxy"):
        side.authority.propose_roll_back(side.custody, False, *STATED, sender=side.upgrader)


@pytest.mark.requirement("INV-9")
def test_no_proposal_outlives_the_release_that_it_leaves(world: World, upgrade: Upgrade) -> None:
    """The guardian went alone; once the release is back, the proposal is not."""
    side = upgrade.side
    act = proposed(upgrade)
    go_back(upgrade, ALONE)
    assert side.authority.proposal_of(act).proposer == ZERO
    upgrade.notice()
    upgrade.approve()
    upgrade.wait()
    upgrade.activate()
    with refused(world, "access: act not proposed"):
        go_back(upgrade)


def test_a_proposal_is_of_one_proxy(world: World, upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    call = token_call(side)
    receipt = authority.create_proxy(FIRST, b"\1" * 32, call, *STATED, sender=side.upgrader)
    another = receipt.return_value
    upgrade.notice(another)
    side.consent(another, release_terms(upgrade.terms))
    side.chain.advance(PERIOD)
    authority.activate(another, upgrade.id, sender=side.outsider)
    proposed(upgrade)
    with refused(world, "access: act not proposed"):
        authority.roll_back(another, False, *STATED, sender=side.guardian)


# ---------------------------------------------------------------------- registered reasons


@pytest.mark.requirement("R-60")
def test_two_administrators_register_a_reason_and_end_it(world: World, upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    one, other = side.administrator, side.second_administrator
    for registered in (True, False):
        change = (STATED[0], registered, *STATED)
        receipt = authority.propose_roll_back_reason(*change, sender=one)
        act = receipt.return_value
        assert receipt.events == (
            side.act(authority, PROPOSE_REASON, ZERO, one),
            authority.emitted("RollBackReasonProposed", act, STATED[0], registered),
        )
        assert authority.set_roll_back_reason(*change, sender=other).events == (
            side.act(authority, SET_REASON, ZERO, other),
            authority.emitted("RollBackReasonSet", STATED[0], registered),
        )
        assert authority.roll_back_reason(STATED[0]) is registered
        if registered:
            with side.chain.isolated():
                go_back(upgrade)
    with refused(world, "access: act not proposed"):
        go_back(upgrade)


def test_the_set_up_key_registers_reasons(home_side: Side) -> None:
    authority = home_side.chain.deploy(
        "ReleaseAuthority",
        home_side.deployer,
        3_600,
        DAY,
        DAY,
        home_side.authority.PROXY_BLUEPRINT(),
        sender=home_side.deployer,
    )
    assert authority.roll_back_reason(ALONE[0]) is True
    authority.set_roll_back_reason(ALONE[0], False, *STATED, sender=home_side.deployer)
    assert authority.roll_back_reason(ALONE[0]) is False


def test_one_administrator_registers_nothing(world: World) -> None:
    side = world.home
    change = (STATED[0], True, *STATED)
    with refused(world, "access: act not proposed"):
        side.authority.set_roll_back_reason(*change, sender=side.administrator)
    side.authority.propose_roll_back_reason(*change, sender=side.administrator)
    with refused(world, "access: needs another key"):
        side.authority.set_roll_back_reason(*change, sender=side.administrator)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(
    "other", [(STATED[0], False), (b"ELSE", True), (ALONE[0], False)], ids=["ends", "cause", "both"]
)
def test_a_proposal_is_of_one_reason(world: World, other: tuple[bytes, bool]) -> None:
    side = world.home
    side.authority.propose_roll_back_reason(STATED[0], True, *STATED, sender=side.administrator)
    with refused(world, "access: act not proposed"):
        side.authority.set_roll_back_reason(*other, *STATED, sender=side.second_administrator)


@pytest.mark.parametrize(
    ("cause", "registered", "reason"),
    [
        (bytes(4), True, "release: no reason to register"),
        (ALONE[0], True, "release: reason unchanged"),
        (STATED[0], False, "release: reason unchanged"),
    ],
)
def test_what_changes_no_reason_is_refused(
    world: World, cause: bytes, registered: bool, reason: str
) -> None:
    side = world.home
    change = (cause, registered, *STATED)
    side.authority.propose_roll_back_reason(*change, sender=side.administrator)
    with refused(world, reason):
        side.authority.set_roll_back_reason(*change, sender=side.second_administrator)


# ------------------------------------------------------------------- what it would strand


@pytest.fixture
def stranding(home_side: Side) -> tuple[Upgrade, Contract]:
    """A release that says what a rollback would strand, and the proxy that runs it."""
    code = home_side.chain.deploy("StrandingMock", sender=home_side.deployer)
    found = Upgrade(home_side, code)
    found.carry_out()
    return found, home_side.chain.at("StrandingMock", home_side.token.address)


def says(proxy: Contract, side: Side, answer: bytes = b"", *, endless: bool = False) -> None:
    """Set what the release answers."""
    proxy.set_answer(answer, endless, sender=side.outsider)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("why", [ALONE, STATED])
def test_a_rollback_is_refused_with_the_names_of_what_it_would_strand(
    world: World, stranding: tuple[Upgrade, Contract], why: tuple[bytes, bytes]
) -> None:
    """Also one that was proposed while there was nothing to name."""
    upgrade, proxy = stranding
    proposed(upgrade)
    says(proxy, upgrade.side, encode(["string"], [NAMES]))
    with refused(world, f"release: would strand: {NAMES}"):
        go_back(upgrade, why)
    # It is settled.
    says(proxy, upgrade.side, encode(["string"], [""]))
    go_back(upgrade, why)


@pytest.mark.requirement("R-60")
def test_what_has_to_be_stranded_two_roles_say_so(
    world: World, stranding: tuple[Upgrade, Contract]
) -> None:
    upgrade, proxy = stranding
    says(proxy, upgrade.side, encode(["string"], [NAMES]))
    receipt = proposal(upgrade, strand=True)
    said = receipt.one("RollBackProposed").args
    assert (said["strand"], said["strands"]) == (True, NAMES)
    # The guardian's own word, too.
    with refused(world, f"release: would strand: {NAMES}"):
        go_back(upgrade)
    assert go_back(upgrade, strand=True).one("ReleaseRolledBack").args["release"] == FIRST
    assert upgrade.side.authority.proposal_of(receipt.return_value).proposer == ZERO


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("why", [ALONE, STATED])
def test_the_guardian_strands_nothing_that_the_upgrader_did_not_propose_to(
    world: World, stranding: tuple[Upgrade, Contract], why: tuple[bytes, bytes]
) -> None:
    upgrade, proxy = stranding
    says(proxy, upgrade.side, encode(["string"], [NAMES]))
    proposed(upgrade)
    with refused(world, "access: act not proposed"):
        go_back(upgrade, why, strand=True)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (b"", ""),
        (b"\1", ""),
        (bytes(64), ""),
        (bytes(96), ""),
        (bytes(31) + b"\x20" + b"\xff" * 32 + b"x" * 32, "x" * 32),
        (encode(["string"], ["y" * 160]), "y" * 160),
        (encode(["string"], ["z" * 500]), "z" * 160),
    ],
)
def test_whatever_a_release_answers_it_is_left_by_two_roles(
    world: World, stranding: tuple[Upgrade, Contract], answer: bytes, named: str
) -> None:
    upgrade, proxy = stranding
    says(proxy, upgrade.side, answer)
    assert proposal(upgrade, strand=True).one("RollBackProposed").args["strands"] == named
    if named:
        with refused(world, f"release: would strand: {named}"):
            go_back(upgrade, ALONE)
    go_back(upgrade, strand=True)


@pytest.mark.requirement("R-60")
def test_a_release_that_never_answers_stops_no_rollback(
    stranding: tuple[Upgrade, Contract],
) -> None:
    upgrade, proxy = stranding
    says(proxy, upgrade.side, endless=True)
    receipt = go_back(upgrade, ALONE)
    assert receipt.one("ReleaseRolledBack").args["release"] == FIRST
    assert 500_000 < receipt.gas_used < 700_000


@pytest.mark.requirement("R-60")
def test_an_objection_that_only_the_next_registry_knows_is_named(world: World) -> None:
    """A derived release: what it stores for somebody is settled before it is left, or named."""
    network, side, name = world.network, world.home, "InstrumentRegistry"
    suite, artifact = network.suite("home"), "InstrumentRegistryNextMock"
    registry = side.chain.at(artifact, side.registry)
    call = registry.migrate.encode(STATED[1])
    upgrades.upgrade(suite, network.signers("home"), name, artifact, "1.1.0", call)
    for account in (side.investor, side.fund):
        registry.object(ISIN, True, sender=account)
    registry.object(ISIN, False, sender=side.fund)
    receipt = side.authority.propose_roll_back(registry, False, *STATED, sender=side.upgrader)
    assert receipt.one("RollBackProposed").args["strands"] == "objections: 1"
    for why in (ALONE, STATED):
        with refused(world, "release: would strand: objections: 1"):
            side.authority.roll_back(registry, False, *why, sender=side.guardian)
    registry.object(ISIN, False, sender=side.investor)
    side.authority.roll_back(registry, False, *ALONE, sender=side.guardian)
    assert registry.release() == "1.0.0"
