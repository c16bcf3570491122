"""The set-up key of every contract: what it does uses proposals up, and its end is on record."""

from __future__ import annotations

import pytest

from tallystick.chain import Contract
from tallystick.governance.roles import Role
from tests.support.world import STATED, ZERO, FreshSuite, World, refused

CONTRACTS = ("token", "escrow", "authority", "registry")


@pytest.fixture
def suite(world: World) -> FreshSuite:
    return world.home.fresh_suite()


@pytest.fixture(params=CONTRACTS)
def contract(suite: FreshSuite, request: pytest.FixtureRequest) -> Contract:
    """One of them, in set-up, with its two administrators."""
    found: Contract = getattr(suite, request.param)
    for account in (suite.side.administrator, suite.side.second_administrator):
        found.assign_role(account, Role.ADMINISTRATOR, *STATED, sender=suite.side.deployer)
    return found


def test_a_hand_over_is_recorded(suite: FreshSuite, contract: Contract) -> None:
    key = suite.side.deployer
    receipt = contract.hand_over(*STATED, sender=key)
    assert receipt.events == (
        suite.side.act(contract, "hand_over", key, key),
        contract.emitted("SetUpCompleted", key),
    )
    assert contract.set_up_key() == ZERO


@pytest.mark.requirement("INV-9")
def test_what_the_set_up_key_did_nobody_carries_out_again(
    world: World, suite: FreshSuite, contract: Contract
) -> None:
    """An administrator had proposed it: the proposal does not wait for the end of the set-up."""
    side = suite.side
    change = (side.attacker, Role.GUARDIAN, *STATED)
    act = contract.propose_role(*change, sender=side.administrator).return_value
    contract.assign_role(*change, sender=side.deployer)
    assert contract.proposal_of(act).proposer == ZERO
    contract.assign_role(side.attacker, Role.NONE, *STATED, sender=side.deployer)
    contract.hand_over(*STATED, sender=side.deployer)
    with refused(world, "access: act not proposed"):
        contract.assign_role(*change, sender=side.second_administrator)
