"""The emergency path: narrower and louder than notice and consents, ratified after or undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.release import APPROVERS, Version, proxy_name
from tallystick.governance.roles import Role
from tests.governance.test_authority import (
    ALONE,
    FIRST,
    LAPSE,
    PERIOD,
    WINDOW,
    Upgrade,
    pointed_at,
    token_call,
    upgrade_of,
)
from tests.support.world import DAY, NO_DOCUMENT, NO_REASON, STATED, ZERO, World, refused

RATIFICATION = 7 * DAY
ACTIVATE = "activate_in_emergency(address,bytes32,bytes4,bytes32)"
PROPOSE = "propose_ratification(address,bytes32,bytes4,bytes32)"
RATIFY = "ratify(address,bytes32,bytes4,bytes32)"


@pytest.fixture
def upgrade(home_side: Any) -> Upgrade:
    """A release that is noticed a moment ago, and that all consented to."""
    found = upgrade_of(home_side, "SecurityToken")
    found.approved()
    return found


@pytest.fixture
def running(upgrade: Upgrade) -> Upgrade:
    """It runs, in an emergency."""
    hurry(upgrade)
    return upgrade


def hurry(upgrade: Upgrade, role: str = "guardian") -> Any:
    """The guardian shortens the notice."""
    side = upgrade.side
    return side.authority.activate_in_emergency(
        upgrade.proxy, upgrade.id, *STATED, sender=side.parties[role]
    )


def propose(upgrade: Upgrade) -> bytes:
    """An administrator proposes to keep it."""
    side = upgrade.side
    receipt = side.authority.propose_ratification(
        upgrade.proxy, upgrade.id, *STATED, sender=side.administrator
    )
    return bytes(receipt.return_value)


def ratify(upgrade: Upgrade, role: str = "second_administrator") -> Any:
    """Another ratifies it."""
    side = upgrade.side
    return side.authority.ratify(upgrade.proxy, upgrade.id, *STATED, sender=side.parties[role])


def undo(upgrade: Upgrade) -> Any:
    """Anyone undoes it."""
    return upgrade.side.authority.undo_emergency(upgrade.proxy, sender=upgrade.side.attacker)


def until(upgrade: Upgrade) -> int:
    """When it can no longer be ratified."""
    return int(upgrade.side.authority.emergency_of(upgrade.proxy).ratify_before)


def next_one(upgrade: Upgrade) -> Upgrade:
    """A release after it, noticed and consented to."""
    side = upgrade.side
    code = deploy_implementation(side.chain, "SecurityToken", sender=side.deployer)
    found = replace(upgrade, implementation=code, version=Version(1, 2, 0))
    found.approved()
    return found


# -------------------------------------------------------------------------- activation


@pytest.mark.requirement("R-60", "INV-10")
def test_four_roles_let_a_release_run_before_its_notice_is_over(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    receipt = hurry(upgrade)
    ends = receipt.timestamp + RATIFICATION
    proxy = side.chain.at("ReleaseProxy", side.token.address)
    assert receipt.events == (
        side.act(authority, ACTIVATE, side.token, side.guardian),
        authority.emitted("EmergencyActivated", side.token, upgrade.id, FIRST, ends),
        authority.emitted("ReleaseActivated", side.token, upgrade.id, FIRST),
        proxy.emitted("Upgraded", upgrade.implementation.address),
    )
    assert tuple(authority.emergency_of(side.token)) == (upgrade.id, ends)
    assert authority.on_trial(upgrade.id) is True
    assert authority.notice_of(side.token).release == bytes(32)
    assert pointed_at(side) == upgrade.implementation.address.lower()


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("missing", APPROVERS)
def test_an_emergency_leaves_no_consent_out(home_side: Any, world: World, missing: str) -> None:
    upgrade = upgrade_of(home_side, "SecurityToken")
    upgrade.register()
    with refused(world, "release: not noticed"):
        hurry(upgrade)
    upgrade.notice()
    upgrade.approve(*(role for role in APPROVERS if role != missing))
    with refused(world, f"release: {missing} has not approved"):
        hurry(upgrade)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("upgrader", "release: upgrader lost its role"),
        ("issuer", "release: issuer has not approved"),
        ("operator", "release: operator has not approved"),
        ("auditor", "release: auditor has not approved"),
    ],
)
def test_a_consent_whose_role_is_lost_counts_in_no_emergency(
    world: World, upgrade: Upgrade, role: str, reason: str
) -> None:
    side = upgrade.side
    side.give_role(side.authority, side.parties[role], 0)
    with refused(world, reason):
        hurry(upgrade)


@pytest.mark.parametrize("role", ["upgrader", *APPROVERS, "administrator", "attacker"])
def test_none_but_the_guardian_shortens_a_notice(world: World, upgrade: Upgrade, role: str) -> None:
    with refused(world, "access: missing role"):
        hurry(upgrade, role)


@pytest.mark.requirement("R-60")
def test_an_emergency_changes_no_layout(home_side: Any, world: World) -> None:
    upgrade = upgrade_of(home_side, "SecurityToken")
    terms = (*upgrade.terms[:5], b"\7" * 32, *upgrade.terms[6:])
    side = upgrade.side
    side.authority.register_release(terms, *STATED, sender=side.upgrader)
    upgrade.notice()
    named = side.authority.notice_of(side.token).terms
    side.consent(side.token, named)
    with refused(world, "release: emergency changes layout"):
        hurry(upgrade)


@pytest.mark.requirement("R-60")
def test_an_emergency_migrates_nothing(home_side: Any, world: World) -> None:
    upgrade = replace(upgrade_of(home_side, "SecurityToken"), migration=b"\1\2\3\4")
    upgrade.approved()
    with refused(world, "release: emergency with migration"):
        hurry(upgrade)


def test_a_lapsed_notice_is_not_hurried(world: World, upgrade: Upgrade) -> None:
    upgrade.wait(LAPSE)
    with refused(world, "release: notice has lapsed"):
        hurry(upgrade)


def test_code_that_has_changed_runs_in_no_emergency(world: World, upgrade: Upgrade) -> None:
    upgrade.side.chain.set_code(upgrade.implementation.address, b"\x00")
    with refused(world, "release: code has changed"):
        hurry(upgrade)


def test_an_emergency_states_why(world: World, upgrade: Upgrade) -> None:
    side = upgrade.side
    with refused(world, "instruction: no reason code"):
        side.authority.activate_in_emergency(
            side.token, upgrade.id, NO_REASON, NO_DOCUMENT, sender=side.guardian
        )


# ------------------------------------------------------------------------ ratification


@pytest.mark.requirement("R-60")
def test_two_administrators_ratify_it(running: Upgrade) -> None:
    side, authority = running.side, running.side.authority
    one, other = side.administrator, side.second_administrator
    given = (side.token, running.id, *STATED)
    receipt = authority.propose_ratification(*given, sender=one)
    act = receipt.return_value
    assert receipt.events == (
        side.act(authority, PROPOSE, side.token, one),
        authority.emitted("RatificationProposed", act, side.token, running.id),
    )
    assert authority.proposal_of(act).confirmer_role == Role.ADMINISTRATOR
    assert ratify(running).events == (
        side.act(authority, RATIFY, side.token, other),
        authority.emitted("EmergencyRatified", side.token, running.id),
    )
    assert tuple(authority.emergency_of(side.token)) == (bytes(32), 0)
    assert authority.on_trial(running.id) is False
    assert authority.installation_of(side.token).release == running.id
    following = next_one(running)
    following.wait()
    following.activate()


def test_one_administrator_ratifies_nothing(world: World, running: Upgrade) -> None:
    with refused(world, "access: act not proposed"):
        ratify(running)
    propose(running)
    with refused(world, "access: needs another key"):
        ratify(running, "administrator")
    with refused(world, "access: missing role"):
        ratify(running, "guardian")


@pytest.mark.parametrize(("offset", "counts"), [(-1, True), (0, False)])
def test_the_time_to_ratify_ends_to_the_second(
    world: World, running: Upgrade, offset: int, counts: bool
) -> None:
    propose(running)
    running.side.chain.set_time(until(running) + offset)
    if counts:
        ratify(running)
        return
    with refused(world, "emergency: too late to ratify"):
        ratify(running)
    with refused(world, "emergency: too late to ratify"):
        propose(running)


def test_only_what_runs_is_ratified(world: World, running: Upgrade) -> None:
    with refused(world, "emergency: another release runs"):
        propose(replace(running, version=Version(1, 2, 0)))


def test_nothing_is_ratified_that_had_its_notice(world: World, upgrade: Upgrade) -> None:
    upgrade.wait()
    upgrade.activate()
    with refused(world, "emergency: nothing to ratify"):
        propose(upgrade)


@pytest.mark.requirement("INV-9")
def test_a_ratification_is_of_one_emergency(world: World, running: Upgrade) -> None:
    """It was undone; the same release in another emergency is another question."""
    propose(running)
    running.side.chain.set_time(until(running))
    undo(running)
    running.notice()
    running.approve()
    hurry(running)
    with refused(world, "access: act not proposed"):
        ratify(running)


# -------------------------------------------------------------------- while it is open


@pytest.mark.requirement("R-60")
def test_nothing_else_is_activated_before_it_is_ratified(world: World, running: Upgrade) -> None:
    following = next_one(running)
    with refused(world, "emergency: not ratified yet"):
        hurry(following)
    following.wait()
    with refused(world, "emergency: not ratified yet"):
        following.activate()
    propose(running)
    ratify(running)
    following.activate()


@pytest.mark.requirement("R-60")
def test_no_proxy_starts_on_a_release_on_trial(world: World, running: Upgrade) -> None:
    side = running.side
    name = proxy_name("SecurityToken", "DE0001102580")
    arguments = (running.id, name, token_call(side), *STATED)
    with refused(world, "release: on trial"):
        side.authority.create_proxy(*arguments, sender=side.upgrader)
    propose(running)
    ratify(running)
    side.authority.create_proxy(*arguments, sender=side.upgrader)


def test_a_release_that_had_its_notice_elsewhere_is_not_on_trial(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    upgrade.wait()
    upgrade.activate()
    authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    upgrade.notice()
    upgrade.approve()
    hurry(upgrade)
    assert authority.on_trial(upgrade.id) is False
    assert until(upgrade) != 0


def test_what_ran_on_trial_stays_on_record(world: World, running: Upgrade) -> None:
    with refused(world, "release: was run by a proxy"):
        running.withdraw()


# ------------------------------------------------------------------------------- undone


@pytest.mark.requirement("R-60", "INV-10")
def test_anyone_undoes_what_was_not_ratified_in_time(world: World, running: Upgrade) -> None:
    side, authority = running.side, running.side.authority
    side.chain.set_time(until(running) - 2)
    with refused(world, "emergency: can still be ratified"):
        undo(running)
    side.chain.set_time(until(running))
    receipt = undo(running)
    proxy = side.chain.at("ReleaseProxy", side.token.address)
    assert receipt.events == (
        authority.emitted("ReleaseRolledBack", side.token, FIRST, running.id),
        proxy.emitted("Upgraded", side.implementations["SecurityToken"]),
    )
    assert tuple(authority.emergency_of(side.token)) == (bytes(32), 0)
    assert authority.on_trial(running.id) is True
    with refused(world, "emergency: nothing to undo"):
        undo(running)


def test_what_was_undone_comes_back_with_its_whole_notice(running: Upgrade) -> None:
    running.side.chain.set_time(until(running))
    undo(running)
    running.notice()
    running.approve()
    running.wait()
    running.activate()
    assert running.side.authority.on_trial(running.id) is False


def test_a_ratified_emergency_is_not_undone(world: World, running: Upgrade) -> None:
    ends = until(running)
    propose(running)
    ratify(running)
    running.side.chain.set_time(ends)
    with refused(world, "emergency: nothing to undo"):
        undo(running)


@pytest.mark.requirement("R-60")
def test_an_emergency_is_rolled_back_like_any_release(world: World, running: Upgrade) -> None:
    side, authority = running.side, running.side.authority
    act = propose(running)
    authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    assert until(running) == 0
    with refused(world, "emergency: nothing to ratify"):
        ratify(running)
    authority.withdraw_proposal(act, *STATED, sender=side.administrator)
    assert authority.proposal_of(act).proposer == ZERO
    side.chain.advance(PERIOD)
    with refused(world, "emergency: nothing to undo"):
        undo(running)


@pytest.mark.requirement("R-60")
def test_an_emergency_is_rolled_back_until_it_is_ratified(world: World, running: Upgrade) -> None:
    """Nothing can follow it before: a fault that shows a day later would stay for six more."""
    side, authority = running.side, running.side.authority
    side.chain.advance(WINDOW)
    with side.chain.isolated():
        authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
        assert authority.installation_of(side.token).release == FIRST
    propose(running)
    ratify(running)
    with refused(world, "release: window closed"):
        authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
