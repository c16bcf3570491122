"""Roles: one for each account, changed by two administrators, gone when they are gone."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.governance.roles import Role
from tests.support.world import (
    DAY,
    DOCUMENT,
    NO_DOCUMENT,
    NO_REASON,
    REASON,
    STATED,
    UINT_MAX,
    UNSTATED,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
)

ASSIGN = "assign_role(address,uint256,bytes4,bytes32)"
PROPOSE = "propose_role(address,uint256,bytes4,bytes32)"
WITHDRAW = "withdraw_proposal(bytes32,bytes4,bytes32)"
LIFETIME = 30 * DAY
CONTRACTS = ("token", "escrow", "authority", "registry")
SINGLE_ROLES = [role for role in Role if role]
NOT_ROLES = [3, 5, 2_048, 2_049, 2**255, UINT_MAX]


@pytest.mark.parametrize("role", [int(role) for role in SINGLE_ROLES])
def test_the_set_up_key_assigns_any_single_role(home_side: Side, role: int) -> None:
    token, deployer = home_side.fresh_token(), home_side.deployer
    account = home_side.escrow if role == Role.ACTIONS else home_side.attacker
    receipt = token.assign_role(account, role, *STATED, sender=deployer)
    assert receipt.events == (
        home_side.act(token, ASSIGN, account, deployer),
        token.emitted("RoleChanged", account, role, 0),
    )
    assert token.role_of(account) == role
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
        "ACTIONS": 1_024,
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
        home_side.act(token, ASSIGN, home_side.administrator, deployer),
        token.emitted("RoleChanged", home_side.administrator, 0, 1),
    )
    assert token.administrators() == 0


@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
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
    act = token.propose_role(side.attacker, 2, *STATED, sender=side.administrator).return_value
    side.chain.set_time(side.chain.now + DAY)
    with refused(world, reason):
        token.assign_role(side.attacker, 2, *stated, sender=side.second_administrator)
    with refused(world, reason):
        token.withdraw_proposal(act, *stated, sender=side.administrator)


# ----------------------------------------------------------------------- dual control


@pytest.mark.requirement("INV-9", "R-69")
def test_one_administrator_proposes_and_another_assigns(home_side: Side) -> None:
    token, new = home_side.token, home_side.attacker
    first, second = home_side.administrator, home_side.second_administrator
    receipt = token.propose_role(new, Role.ISSUER, *STATED, sender=first)
    act = keccak(
        encode(["string", "address", "uint256"], ["assign_role", new.address, Role.ISSUER])
    )
    assert receipt.return_value == act
    assert receipt.events == (
        home_side.act(token, PROPOSE, new, first),
        token.emitted("RoleProposed", act, new, Role.ISSUER),
    )
    assert tuple(token.proposal_of(act)) == (
        first.address,
        Role.ADMINISTRATOR,
        Role.ADMINISTRATOR,
        receipt.timestamp + DAY,
        receipt.timestamp + DAY + LIFETIME,
    )
    assert token.role_of(new) == 0
    home_side.chain.set_time(receipt.timestamp + DAY)
    receipt = token.assign_role(new, Role.ISSUER, *STATED, sender=second)
    assert receipt.events == (
        home_side.act(token, ASSIGN, new, second),
        token.emitted("RoleChanged", new, Role.ISSUER, 0),
    )
    assert token.role_of(new) == Role.ISSUER
    assert tuple(token.proposal_of(act)) == (ZERO, 0, 0, 0, 0)


def test_one_administrator_alone_confirms_nothing(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    with refused(world, "access: needs another key"):
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.administrator)


def test_nothing_is_confirmed_that_was_not_proposed(world: World) -> None:
    side = world.home
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    for account, role in ((side.attacker, 4), (side.outsider, 2)):
        with refused(world, "access: act not proposed"):
            side.token.assign_role(account, role, *STATED, sender=side.second_administrator)


def test_a_proposal_is_confirmed_once(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.attacker, 2)
    with refused(world, "access: act not proposed"):
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)


@pytest.mark.parametrize("role", ["administrator", "second_administrator", "guardian"])
def test_administrators_and_guardian_withdraw_a_proposal(world: World, role: str) -> None:
    side = world.home
    who = side.parties[role]
    receipt = side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    act = receipt.return_value
    receipt = side.token.withdraw_proposal(act, *STATED, sender=who)
    assert receipt.events == (
        side.act(side.token, WITHDRAW, ZERO, who),
        side.token.emitted("ProposalWithdrawn", act, who),
    )
    with refused(world, "access: act not proposed"):
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)


def test_nothing_is_withdrawn_that_was_not_proposed(world: World) -> None:
    side = world.home
    with refused(world, "access: nothing to withdraw"):
        side.token.withdraw_proposal(DOCUMENT, *STATED, sender=side.administrator)


@pytest.mark.parametrize(("offset", "lapsed"), [(-1, False), (0, True)])
def test_a_proposal_lapses_30_days_after_it_counts(world: World, offset: int, lapsed: bool) -> None:
    side = world.home
    proposed = side.token.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME + offset)
    if lapsed:
        with refused(world, "access: proposal lapsed"):
            side.token.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)
    else:
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_proposers_role(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.outsider, 1)
    side.token.propose_role(side.attacker, 2, *STATED, sender=side.outsider)
    side.give_role(side.token, side.outsider, 0)
    with refused(world, "access: proposer lost its role"):
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.administrator)


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
        side.token.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)


# ------------------------------------------------------------------- what takes how long


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(("offset", "waits"), [(-1, True), (0, False)])
def test_a_grant_waits_a_day(world: World, contract: str, offset: int, waits: bool) -> None:
    side = world.home
    bound = getattr(side, contract)
    proposed = bound.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + DAY + offset)
    assign = (side.attacker, 2, *STATED)
    if waits:
        with refused(world, "access: proposal waits"):
            bound.assign_role(*assign, sender=side.second_administrator)
    else:
        bound.assign_role(*assign, sender=side.second_administrator)
        assert bound.role_of(side.attacker) == Role.ISSUER


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", CONTRACTS)
def test_two_stolen_keys_are_stopped_by_the_guardian(world: World, contract: str) -> None:
    """B4: two administrators made themselves notary and issuer, and minted, in seconds."""
    side = world.home
    bound = getattr(side, contract)
    proposed = bound.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
    bound.withdraw_proposal(proposed.return_value, *STATED, sender=side.guardian)
    side.chain.set_time(proposed.timestamp + DAY)
    with refused(world, "access: act not proposed"):
        bound.assign_role(side.attacker, 2, *STATED, sender=side.second_administrator)


def test_proposing_again_waits_again(world: World) -> None:
    side = world.home
    act = (side.attacker, 2, *STATED)
    first = side.token.propose_role(*act, sender=side.administrator)
    side.chain.set_time(first.timestamp + DAY)
    side.token.propose_role(*act, sender=side.second_administrator)
    with refused(world, "access: proposal waits"):
        side.token.assign_role(*act, sender=side.administrator)


# ------------------------------------------------------------ whom a removal names has no say


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("subject", ["guardian", "outsider"])
def test_nobody_withdraws_a_removal(world: World, contract: str, subject: str) -> None:
    """A13: a hostile administrator, or guardian, vetoed its own removal."""
    side = world.home
    bound, account = getattr(side, contract), side.parties[subject]
    if subject == "outsider":
        side.give_role(bound, account, Role.ADMINISTRATOR)
    removal = (account, 0, *STATED)
    act = bound.propose_role(*removal, sender=side.administrator).return_value
    for key in (account, side.guardian, side.administrator, side.second_administrator):
        with refused(world, "access: a removal stands"):
            bound.withdraw_proposal(act, *STATED, sender=key)
    # At once, too.
    bound.assign_role(*removal, sender=side.second_administrator)
    assert bound.role_of(account) == 0


def test_proposing_its_own_removal_gains_an_administrator_nothing(world: World) -> None:
    """Whoever proposes it, any other administrator carries it out."""
    side = world.home
    hostile = side.outsider
    side.give_role(side.token, hostile, Role.ADMINISTRATOR)
    removal = (hostile, 0, *STATED)
    act = side.token.propose_role(*removal, sender=side.administrator).return_value
    side.token.propose_role(*removal, sender=hostile)
    with refused(world, "access: a removal stands"):
        side.token.withdraw_proposal(act, *STATED, sender=hostile)
    with refused(world, "access: needs another key"):
        side.token.assign_role(*removal, sender=hostile)
    side.token.assign_role(*removal, sender=side.administrator)
    assert side.token.role_of(hostile) == 0


def test_a_removal_that_nobody_carries_out_lapses(world: World) -> None:
    side = world.home
    removal = (side.guardian, 0, *STATED)
    proposed = side.token.propose_role(*removal, sender=side.administrator)
    act = proposed.return_value
    assert tuple(side.token.proposal_of(act)) == (
        side.administrator.address,
        Role.ADMINISTRATOR,
        Role.ADMINISTRATOR,
        proposed.timestamp,
        proposed.timestamp + LIFETIME,
    )
    side.chain.set_time(proposed.timestamp + LIFETIME)
    with refused(world, "access: proposal lapsed"):
        side.token.assign_role(*removal, sender=side.second_administrator)


# ---------------------------------------------- what died with a role stays dead when it returns


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_proposal_stays_dead_when_its_proposers_role_returns(world: World, contract: str) -> None:
    side = world.home
    bound, proposer = getattr(side, contract), side.outsider
    side.give_role(bound, proposer, 1)
    bound.propose_role(side.attacker, 2, *STATED, sender=proposer)
    side.give_role(bound, proposer, 0)
    side.give_role(bound, proposer, 1)
    with refused(world, "access: proposer lost its role"):
        bound.assign_role(side.attacker, 2, *STATED, sender=side.administrator)
    # What it proposes in its new term counts.
    side.give_role(bound, side.buyer, 2)
    bound.propose_role(side.buyer, 0, *STATED, sender=proposer)
    bound.assign_role(side.buyer, 0, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-9")
def test_a_role_lost_in_set_up_is_another_term_too(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    token.assign_role(side.registrar, Role.REGISTRAR, *STATED, sender=side.deployer)
    token.assign_role(side.custodian, Role.CUSTODIAN, *STATED, sender=side.deployer)
    token.propose_class(side.fund, 1, *STATED, sender=side.registrar)
    for role in (0, Role.REGISTRAR):
        token.assign_role(side.registrar, role, *STATED, sender=side.deployer)
    with refused(world, "access: proposer lost its role"):
        token.set_class(side.fund, 1, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("rounds", range(4))
def test_no_two_terms_of_a_role_are_alike(home_side: Side, rounds: int) -> None:
    token, account = home_side.fresh_token(), home_side.registrar
    deployer = home_side.deployer
    token.assign_role(home_side.custodian, Role.CUSTODIAN, *STATED, sender=deployer)
    for _ in range(rounds):
        token.assign_role(account, Role.REGISTRAR, *STATED, sender=deployer)
        assert token.role_of(account) == Role.REGISTRAR
        token.assign_role(account, 0, *STATED, sender=deployer)
        assert token.role_of(account) == 0
    word = read_slot(token, "access", "_held", account)
    assert word == rounds << 16


# ------------------------------------------------------------ the way back from a lost key


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_case_21_the_guardian_confirms_who_replaces_a_lost_administrator(
    world: World, contract: str, ledger: str
) -> None:
    """One of two keys is gone: a month after its proposal has lapsed the other has a second."""
    side: Side = getattr(world, ledger)
    bound, left, lost = getattr(side, contract), side.administrator, side.second_administrator
    proposed = bound.propose_role(side.outsider, Role.ADMINISTRATOR, *STATED, sender=left)
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME)
    receipt = bound.assign_role(side.outsider, Role.ADMINISTRATOR, *STATED, sender=side.guardian)
    assert receipt.events == (
        side.act(bound, ASSIGN, side.outsider, side.guardian),
        bound.emitted("RoleChanged", side.outsider, Role.ADMINISTRATOR, 0),
    )
    assert bound.administrators() == 3
    bound.propose_role(lost, 0, *STATED, sender=left)
    bound.assign_role(lost, 0, *STATED, sender=side.outsider)
    assert bound.administrators() == 2


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (DAY, "access: proposal waits"),
        (DAY + LIFETIME - 1, "access: proposal waits"),
        (DAY + LIFETIME, None),
        (DAY + 2 * LIFETIME - 1, None),
        (DAY + 2 * LIFETIME, "access: proposal lapsed"),
    ],
)
def test_the_guardian_confirms_in_its_month_alone(
    world: World, after: int, reason: str | None
) -> None:
    side = world.home
    act = (side.outsider, Role.ADMINISTRATOR, *STATED)
    proposed = side.token.propose_role(*act, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + after)
    if reason is None:
        side.token.assign_role(*act, sender=side.guardian)
    else:
        with refused(world, reason):
            side.token.assign_role(*act, sender=side.guardian)


@pytest.mark.parametrize("key", ["second_administrator", "guardian"])
def test_an_administrator_who_is_not_lost_says_so(world: World, key: str) -> None:
    side = world.home
    act = (side.outsider, Role.ADMINISTRATOR, *STATED)
    proposed = side.token.propose_role(*act, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME - 1)
    side.token.withdraw_proposal(proposed.return_value, *STATED, sender=side.parties[key])
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME)
    with refused(world, "access: act not proposed"):
        side.token.assign_role(*act, sender=side.guardian)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", [0, *(int(r) for r in SINGLE_ROLES if r != Role.ADMINISTRATOR)])
def test_the_guardian_confirms_no_other_change_of_role(world: World, role: int) -> None:
    side = world.home
    account = (side.registry if role == Role.ACTIONS else side.outsider) if role else side.issuer
    proposed = side.token.propose_role(account, role, *STATED, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME)
    with refused(world, "access: missing role"):
        side.token.assign_role(account, role, *STATED, sender=side.guardian)


def test_nobody_else_confirms_a_recovery(world: World) -> None:
    side = world.home
    act = (side.outsider, Role.ADMINISTRATOR, *STATED)
    proposed = side.token.propose_role(*act, sender=side.administrator)
    side.chain.set_time(proposed.timestamp + DAY + LIFETIME)
    for role in ("issuer", "notary", "registrar", "custodian", "auditor", "outsider"):
        with refused(world, "access: missing role"):
            side.token.assign_role(*act, sender=side.parties[role])
    with refused(world, "access: proposal lapsed"):
        side.token.assign_role(*act, sender=side.second_administrator)


# ----------------------------------------------------------------------- instruction


def test_anybody_states_a_standing_instruction_of_its_own(home_side: Side) -> None:
    token, attacker = home_side.token, home_side.attacker
    receipt = token.instruct(*STATED, sender=attacker)
    assert receipt.events == (token.emitted("Instructed", attacker, *STATED),)
    assert tuple(token.standing_instruction(attacker)) == STATED
    assert tuple(token.standing_instruction(home_side.registrar)) == (NO_REASON, NO_DOCUMENT)


def test_a_standing_instruction_is_withdrawn(world: World) -> None:
    side = world.home
    side.token.instruct(*STATED, sender=side.custodian)
    side.token.instruct(NO_REASON, NO_DOCUMENT, sender=side.custodian)
    with refused(world, "instruction: no reason code"):
        side.token.setFrozenTokens(side.buyer, 1, sender=side.custodian)


@pytest.mark.parametrize("stated", [(REASON, NO_DOCUMENT), (NO_REASON, DOCUMENT)])
def test_half_an_instruction_is_refused(world: World, stated: tuple[bytes, bytes]) -> None:
    with refused(world, "standing: half stated"):
        world.home.token.instruct(*stated, sender=world.home.registrar)


@pytest.mark.parametrize("contract", ["escrow", "authority", "registry"])
def test_only_the_token_knows_standing_instructions(home_side: Side, contract: str) -> None:
    """No standard's function there lacks room for a reason."""
    names = {entry.get("name") for entry in getattr(home_side, contract).abi}
    assert not names & {"instruct", "standing_instruction"}
