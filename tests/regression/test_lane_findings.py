"""What a review of the lanes found: each attack once worked, and fails now (docs/findings.md)."""

from __future__ import annotations

import pytest

from tallystick.bridge.message import Grade, lane_id, ledger_id, party
from tests.support.world import (
    ISIN,
    STATED,
    ZERO,
    World,
    lane_terms,
    refused,
)

OPERATOR = 32


@pytest.mark.requirement("INV-7")
def test_a_second_home_drains_no_lane(world: World) -> None:
    """Units minted over a lane to a false home left by the true lane: its holders were stuck."""
    world.arrived(9_000)
    side = world.remote
    custody = side.new_custody()
    opening = lane_terms(side, custody=custody.address)
    side.escrow.propose_lane(opening, *STATED, sender=side.operator)
    with refused(world, "lanes: instrument has its home"):
        side.escrow.open_lane(opening, *STATED, sender=side.administrator)


def test_no_lane_is_opened_on_a_custody_of_other_code(world: World) -> None:
    """`open_lane` asked an account what it was, and believed it."""
    side = world.home
    custody = side.chain.deploy("LaneCustodyMock", side.escrow, side.token, sender=side.attacker)
    opening = lane_terms(side, custody=custody.address)
    side.escrow.propose_lane(opening, *STATED, sender=side.operator)
    with refused(world, "lanes: no custody of that token"):
        side.escrow.open_lane(opening, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize("changed", [{"close_minute": 1_380}, {"decimals": 4}])
def test_a_lane_joins_only_tokens_that_count_alike(world: World, changed: dict[str, int]) -> None:
    """A remote token that closed two hours later had a unit entitled on both ledgers in a day."""
    side = world.remote
    fresh = side.fresh_suite(home=False, **changed)
    name = next(iter(changed))
    reasons = {
        "close_minute": "lanes: token of another close of business",
        "decimals": "lanes: token of other decimals",
    }
    as_recorded = {"decimals": 6, "close_minute": 1_260}
    with refused(world, reasons[name]), world.isolated():
        fresh.escrow.open_lane(fresh.lane_terms(**as_recorded), *STATED, sender=side.deployer)
    # Said as it is, it is a lane, but another one than its home's: no message crosses.
    lane = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=side.deployer).return_value
    peer = (ledger_id("eip155:41003"), party("0x" + "33" * 20))
    here = (ledger_id(side.chain.caip2), party(fresh.escrow.address))
    assert lane != lane_id(ISIN, *as_recorded.values(), Grade.PILOT, *peer, *here)


@pytest.mark.requirement("INV-9")
def test_an_old_lane_act_is_not_carried_out(world: World) -> None:
    """It could not be withdrawn, never lapsed, and came to life again with its operator's role."""
    side = world.home
    verifier = side.chain.deploy("VerifierMock", sender=side.attacker)
    act = (world.lane, verifier, ZERO, 5, 5)
    side.escrow.propose_lane_terms(*act, *STATED, sender=side.operator)
    side.give_role(side.escrow, side.operator, 0)
    side.give_role(side.escrow, side.operator, OPERATOR)
    with refused(world, "access: proposer lost its role"):
        side.escrow.confirm_lane_terms(*act, *STATED, sender=side.administrator)
    proposed = side.escrow.propose_lane_terms(*act, *STATED, sender=side.operator)
    side.escrow.withdraw_proposal(proposed.return_value, *STATED, sender=side.guardian)
    with refused(world, "access: act not proposed"):
        side.escrow.confirm_lane_terms(*act, *STATED, sender=side.administrator)


def test_the_log_says_which_lane_act_is_proposed(world: World) -> None:
    """It held a bare hash: nobody could tell what two keys were about to do."""
    side = world.home
    receipt = side.escrow.propose_lane_terms(
        world.lane, side.verifier, ZERO, 5, 6, *STATED, sender=side.operator
    )
    event = receipt.one("LaneTermsProposed")
    assert (event.lane, event.verifier) == (world.lane, side.verifier.address)
    assert (event.cap, event.limit) == (5, 6)


@pytest.mark.requirement("INV-3")
def test_suspense_names_who_it_waits_for(world: World) -> None:
    """Units waited \"under the investor's name\", and no log said which."""
    message = world.locked(10, recipient=world.remote.outsider)
    receipt = world.network.deliver(message)
    event = receipt.one("UnitsSuspended")
    assert event.recipient == party(world.remote.outsider.address)
    assert (event.lane, event.id, event.amount) == (world.lane, message.id, 10)
