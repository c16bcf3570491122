"""Roles: one for each account, changed by two administrators, gone when they are gone."""

from __future__ import annotations

import pytest
from suite_world import (
    DOCUMENT,
    NO_DOCUMENT,
    NO_REASON,
    REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

from tallystick.governance import Role

SINGLE_ROLES = [role for role in Role if role]
NOT_ROLES = [3, 5, 2_048, 2_049, 2**255, UINT_MAX]


@pytest.mark.parametrize("role", [int(role) for role in SINGLE_ROLES])
def test_the_set_up_key_assigns_any_single_role(home_side: Side, role: int) -> None:
    token, deployer, attacker = home_side.fresh_token(), home_side.deployer, home_side.attacker
    receipt = token.assign_role(attacker, role, *STATED, sender=deployer)
    assert receipt.events == (token.emitted("RoleChanged", attacker, role, 0, deployer, *STATED),)
    assert token.role_of(attacker) == role
    assert token.administrators() == (role == Role.ADMINISTRATOR)


def test_python_knows_the_roles_bit_for_bit() -> None:
    assert {role.name: int(role) for role in SINGLE_ROLES} == {
        "ADMINISTRATOR": 1,
        "ISSUER": 2,
        "NOTARY": 4,
        "REGISTRAR": 8,
        "CUSTODIAN": 16,
        "OPERATOR": 32,
        "GUARDIAN": 64,
        "UPGRADER": 128,
        "PAYING_AGENT": 256,
        "AUDITOR": 512,
        "BRIDGE": 1_024,
    }


@pytest.mark.parametrize("role", NOT_ROLES)
def test_what_is_not_one_role_is_refused(world: World, role: int) -> None:
    side = world.home
    token = side.fresh_token()
    with refused(world, "access: not one role"):
        token.assign_role(side.attacker, role, *STATED, sender=side.deployer)
    with refused(world, "access: not one role"):
        side.token.propose_role(side.attacker, role, *STATED, sender=side.administrator)


def test_nobody_gets_no_role(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    with refused(world, "access: no account"):
        token.assign_role(ZERO, 1, *STATED, sender=side.deployer)
    with refused(world, "access: no account"):
        side.token.propose_role(ZERO, 1, *STATED, sender=side.administrator)


def test_an_account_holds_one_role(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    token.assign_role(side.issuer, Role.ISSUER, *STATED, sender=side.deployer)
    with refused(world, "access: holds another role"):
        token.assign_role(side.issuer, Role.NOTARY, *STATED, sender=side.deployer)


@pytest.mark.parametrize("role", [0, int(Role.ISSUER)])
def test_a_role_that_does_not_change_is_refused(world: World, role: int) -> None:
    side = world.home
    token = side.fresh_token()
    if role:
        token.assign_role(side.issuer, role, *STATED, sender=side.deployer)
    with refused(world, "access: role unchanged"):
        token.assign_role(side.issuer, role, *STATED, sender=side.deployer)


def test_the_set_up_key_takes_a_role_back(home_side: Side) -> None:
    token, deployer = home_side.fresh_token(), home_side.deployer
    token.assign_role(home_side.administrator, 1, *STATED, sender=deployer)
    receipt = token.assign_role(home_side.administrator, 0, *STATED, sender=deployer)
    assert receipt.events == (
        token.emitted("RoleChanged", home_side.administrator, 0, 1, deployer, *STATED),
    )
    assert token.administrators() == 0


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ((NO_REASON, DOCUMENT), "access: no reason code"),
        ((REASON, NO_DOCUMENT), "access: no document hash"),
        ((NO_REASON, NO_DOCUMENT), "access: no reason code"),
    ],
)
def test_a_change_of_role_states_why(
    world: World, stated: tuple[bytes, bytes], reason: str
) -> None:
    """A standing instruction does not stand for a change of role."""
    side = world.home
    token, fresh = side.token, side.fresh_token()
    token.instruct(*STATED, sender=side.administrator)
    token.instruct(*STATED, sender=side.second_administrator)
    with refused(world, reason):
        fresh.assign_role(side.attacker, 2, *stated, sender=side.deployer)
    with refused(world, reason):
        token.propose_role(side.attacker, 2, *stated, sender=side.administrator)
    token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    with refused(world, reason):
        token.confirm_role(side.attacker, 2, *stated, sender=side.second_administrator)
    with refused(world, reason):
        token.withdraw_role_proposal(side.attacker, 2, *stated, sender=side.administrator)


# ----------------------------------------------------------------------- dual control


@pytest.mark.requirement("INV-9", "R-69")
def test_one_administrator_proposes_and_another_confirms(home_side: Side) -> None:
    token, new = home_side.token, home_side.attacker
    first, second = home_side.administrator, home_side.second_administrator
    receipt = token.propose_role(new, Role.ISSUER, *STATED, sender=first)
    assert receipt.events == (token.emitted("RoleProposed", new, Role.ISSUER, first, *STATED),)
    assert token.proposer_of(new, Role.ISSUER) == first.address
    assert token.role_of(new) == 0
    receipt = token.confirm_role(new, Role.ISSUER, *STATED, sender=second)
    assert receipt.events == (token.emitted("RoleChanged", new, Role.ISSUER, 0, second, *STATED),)
    assert token.role_of(new) == Role.ISSUER
    assert token.proposer_of(new, Role.ISSUER) == ZERO


def test_one_administrator_alone_confirms_nothing(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    with refused(world, "access: needs another administrator"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.administrator)


def test_nothing_is_confirmed_that_was_not_proposed(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    for account, role in ((side.attacker, 4), (side.outsider, 2)):
        with refused(world, "access: nothing proposed"):
            side.token.confirm_role(account, role, *STATED, sender=side.second_administrator)


def test_a_proposal_is_confirmed_once(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.attacker, 2)
    with refused(world, "access: nothing proposed"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.second_administrator)


def test_any_administrator_withdraws_a_proposal(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    receipt = side.token.withdraw_role_proposal(
        side.attacker, 2, *STATED, sender=side.second_administrator
    )
    assert receipt.events == (
        side.token.emitted(
            "RoleProposalWithdrawn", side.attacker, 2, side.second_administrator, *STATED
        ),
    )
    with refused(world, "access: nothing proposed"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.second_administrator)


def test_nothing_is_withdrawn_that_was_not_proposed(world: World) -> None:
    side = world.home
    with refused(world, "access: nothing to withdraw"):
        side.token.withdraw_role_proposal(side.attacker, 2, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_proposers_role(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.outsider, 1)
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.outsider)
    side.give_role(side.token, side.outsider, 0)
    with refused(world, "access: proposer lost its role"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-9")
def test_a_revoked_role_acts_no_more(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.registrar, 0)
    with refused(world, "access: missing role"):
        side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)


@pytest.mark.requirement("R-69")
def test_a_role_rotates_in_two_acts(world: World) -> None:
    side = world.home
    with refused(world, "access: holds another role"), world.isolated():
        side.give_role(side.token, side.issuer, Role.NOTARY)
    side.give_role(side.token, side.issuer, 0)
    side.give_role(side.token, side.issuer, Role.NOTARY)
    assert side.token.role_of(side.issuer) == Role.NOTARY


def test_two_administrators_always_stay(world: World) -> None:
    side = world.home
    with refused(world, "access: last two administrators"), world.isolated():
        side.give_role(side.token, side.administrator, 0)
    side.give_role(side.token, side.outsider, 1)
    side.give_role(side.token, side.administrator, 0)
    assert side.token.administrators() == 2


def test_a_proposal_outlived_by_another_change_is_refused(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    side.give_role(side.token, side.attacker, 4)
    with refused(world, "access: holds another role"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.second_administrator)


@pytest.mark.requirement("INV-9")
def test_a_proposal_sleeps_while_its_proposer_has_no_role(world: World) -> None:
    """It counts again with the role; until then, or then, any administrator withdraws it."""
    side = world.home
    side.give_role(side.token, side.outsider, 1)
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.outsider)
    side.give_role(side.token, side.outsider, 0)
    with refused(world, "access: proposer lost its role"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.administrator)
    side.token.withdraw_role_proposal(side.attacker, 2, *STATED, sender=side.administrator)
    side.give_role(side.token, side.outsider, 1)
    with refused(world, "access: nothing proposed"):
        side.token.confirm_role(side.attacker, 2, *STATED, sender=side.administrator)


def test_a_proposal_counts_again_when_its_proposers_role_returns(home_side: Side) -> None:
    """Known and documented in `access`: who wants it gone withdraws it."""
    token, proposer = home_side.token, home_side.outsider
    home_side.give_role(token, proposer, 1)
    token.propose_role(home_side.attacker, 2, *STATED, sender=proposer)
    home_side.give_role(token, proposer, 0)
    home_side.give_role(token, proposer, 1)
    token.confirm_role(home_side.attacker, 2, *STATED, sender=home_side.administrator)
    assert token.role_of(home_side.attacker) == 2


# ----------------------------------------------------------------------- instruction


def test_anybody_states_a_standing_instruction_of_its_own(home_side: Side) -> None:
    token, attacker = home_side.token, home_side.attacker
    receipt = token.instruct(*STATED, sender=attacker)
    assert receipt.events == (token.emitted("Instructed", attacker, *STATED),)
    assert tuple(token.standing_instruction(attacker)) == STATED
    assert tuple(token.standing_instruction(home_side.registrar)) == (NO_REASON, NO_DOCUMENT)


def test_a_standing_instruction_is_withdrawn(world: World) -> None:
    side = world.home
    side.token.instruct(*STATED, sender=side.registrar)
    side.token.instruct(NO_REASON, NO_DOCUMENT, sender=side.registrar)
    with refused(world, "instruction: no reason code"):
        side.token.admit(side.outsider, 40_000, sender=side.registrar)


@pytest.mark.parametrize("stated", [(REASON, NO_DOCUMENT), (NO_REASON, DOCUMENT)])
def test_half_an_instruction_is_refused(world: World, stated: tuple[bytes, bytes]) -> None:
    with refused(world, "instruction: half stated"):
        world.home.token.instruct(*stated, sender=world.home.registrar)


def test_a_standing_instruction_is_one_contracts_own(world: World) -> None:
    side = world.home
    side.escrow.instruct(*STATED, sender=side.guardian)
    with refused(world, "instruction: no reason code"):
        side.token.pause(1, sender=side.guardian)
