"""Guardian and administrator: what each pause stops, and who lifts it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.token.position import PauseScope
from tests.support.world import (
    DAY,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
)

PAUSE = "pause(uint256,bytes4,bytes32)"
UNPAUSE = "unpause(uint256,bytes4,bytes32)"
SCOPES = range(1, 8)
WEEK = 7 * DAY


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("scope", SCOPES)
def test_guardian_pauses_for_a_week(home_side: Side, scope: int) -> None:
    token, guardian = home_side.token, home_side.guardian
    receipt = token.pause(scope, *STATED, sender=guardian)
    assert receipt.events == (
        home_side.act(token, PAUSE, ZERO, guardian),
        token.emitted("Paused", scope, guardian, receipt.timestamp + WEEK),
    )
    assert token.paused_scopes() == scope
    assert token.paused() is bool(scope & PauseScope.TRANSFERS)
    home_side.chain.set_time(receipt.timestamp + WEEK - 1)
    assert token.paused_scopes() == scope
    home_side.chain.set_time(receipt.timestamp + WEEK)
    assert token.paused_scopes() == 0
    assert token.paused() is False


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("scope", SCOPES)
def test_what_an_administrator_lifts_goes_on_a_day_later(home_side: Side, scope: int) -> None:
    token, administrator = home_side.token, home_side.administrator
    token.pause(7, *STATED, sender=home_side.guardian)
    receipt = token.unpause(scope, *STATED, sender=administrator)
    assert receipt.events == (
        home_side.act(token, UNPAUSE, ZERO, administrator),
        token.emitted("Unpaused", scope, administrator, receipt.timestamp + DAY),
    )
    assert token.paused_scopes() == 7
    home_side.chain.set_time(receipt.timestamp + DAY)
    assert token.paused_scopes() == 7 - scope


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("by", ["itself", "administrator"])
def test_what_has_ended_stops_nothing_and_is_tidied_up(world: World, by: str) -> None:
    """The flag that ended stays in the issue word until an administrator lifts it."""
    side = world.home
    paused = side.token.pause(7, *STATED, sender=side.guardian)
    if by == "administrator":
        side.token.unpause(7, *STATED, sender=side.administrator)
    side.chain.set_time(paused.timestamp + (WEEK if by == "itself" else DAY + 10))
    for carry_out, _ in ACTS.values():
        with world.isolated():
            side.token.authorise_issuance(1, *STATED, sender=side.notary)
            side.token.approve(side.issuer, 1, sender=side.investor)
            carry_out(side)
    assert read_slot(side.token, "book", "_issue") >> 252 == 7
    side.token.unpause(7, *STATED, sender=side.administrator)
    assert read_slot(side.token, "book", "_issue") >> 252 == 0


def test_pauses_add_up(home_side: Side) -> None:
    for scope in (1, 4):
        home_side.token.pause(scope, *STATED, sender=home_side.guardian)
    assert home_side.token.paused_scopes() == 5


def test_lifting_what_is_not_paused_changes_nothing(world: World) -> None:
    before = world.storage()
    world.home.token.unpause(7, *STATED, sender=world.home.administrator)
    assert world.storage() == before


def test_a_pause_keeps_supply_and_authorisation(home_side: Side) -> None:
    token = home_side.token
    before = (token.totalSupply(), token.authorised(), token.close_minute(), token.is_live())
    token.pause(7, *STATED, sender=home_side.guardian)
    assert before == (
        token.totalSupply(),
        token.authorised(),
        token.close_minute(),
        token.is_live(),
    )


@pytest.mark.parametrize("scope", [0, 8, 2**252, UINT_MAX])
def test_pause_of_an_unknown_scope_is_refused(world: World, scope: int) -> None:
    with refused(world, "controls: unknown scope"):
        world.home.token.pause(scope, *STATED, sender=world.home.guardian)


@pytest.mark.parametrize("scope", [0, 8, 2**252, UINT_MAX])
def test_lifting_an_unknown_scope_is_refused(world: World, scope: int) -> None:
    with refused(world, "controls: unknown scope to lift"):
        world.home.token.unpause(scope, *STATED, sender=world.home.administrator)


@pytest.mark.parametrize("name", ["pause", "unpause"])
def test_a_pause_needs_a_reason_of_its_own(world: World, name: str) -> None:
    side = world.home
    sender = side.guardian if name == "pause" else side.administrator
    side.token.instruct(*STATED, sender=sender)
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)(1, NO_REASON, NO_DOCUMENT, sender=sender)


def test_guardian_does_not_lift_its_own_pause(world: World) -> None:
    side = world.home
    side.token.pause(1, *STATED, sender=side.guardian)
    with refused(world, "access: missing role"):
        side.token.unpause(1, *STATED, sender=side.guardian)


# ------------------------------------------------------ the pause matrix, cell by cell

ACTS: dict[str, tuple[Callable[[Side], None], dict[int, str]]] = {
    "transfer": (
        lambda side: side.token.transfer(side.fund, 1, sender=side.investor),
        {1: "controls: transfers paused"},
    ),
    "batch": (
        lambda side: side.token.batchTransfer([side.fund], [1], sender=side.investor),
        {1: "erc20: transfers paused"},
    ),
    "approve": (lambda side: side.token.approve(side.fund, 1, sender=side.investor), {}),
    "authorise": (
        lambda side: side.token.authorise_issuance(1, *STATED, sender=side.notary),
        {},
    ),
    "mint": (
        lambda side: side.token.mint(side.fund, 1, *STATED, sender=side.issuer),
        {2: "issuance: issuance paused"},
    ),
    "burn": (
        lambda side: side.token.burn(side.investor, 1, *STATED, sender=side.issuer),
        {2: "issuance: redemption paused"},
    ),
    "admit": (
        lambda side: side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar),
        {},
    ),
    "freeze": (
        lambda side: side.token.setFrozenTokens(side.investor, 1, *STATED, sender=side.custodian),
        {},
    ),
}


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("scope", [1, 2, 4])
@pytest.mark.parametrize("act", ACTS)
def test_a_pause_stops_its_own_acts_at_home_alone(world: World, act: str, scope: int) -> None:
    side = world.home
    side.token.authorise_issuance(1, *STATED, sender=side.notary)
    side.token.approve(side.issuer, 1, sender=side.investor)
    side.token.pause(scope, *STATED, sender=side.guardian)
    carry_out, stopped_by = ACTS[act]
    if scope in stopped_by:
        with refused(world, stopped_by[scope]):
            carry_out(side)
    else:
        carry_out(side)


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("scope", [1, 2, 4])
@pytest.mark.parametrize("act", ["crosschainMint", "crosschainBurn"])
def test_bridges_take_nothing_off_while_transfers_or_lanes_are_paused(
    world: World, act: str, scope: int
) -> None:
    """What they bring has left another ledger, and is stopped by no pause."""
    side = world.remote
    world.arrived(1_000)
    side.token.pause(scope, *STATED, sender=side.guardian)
    function = getattr(side.token, act)
    stopped = {1: "issuance: transfers paused", 4: "issuance: lanes paused"}
    if act == "crosschainBurn" and scope in stopped:
        with refused(world, stopped[scope]):
            function(side.investor, 1, sender=side.escrow.address)
    else:
        function(side.investor, 1, sender=side.escrow.address)


@pytest.mark.requirement("R-64")
def test_a_pause_of_lanes_stops_locks_at_home(world: World) -> None:
    side = world.home
    side.token.pause(PauseScope.LANES, *STATED, sender=side.guardian)
    with refused(world, "controls: lanes paused"):
        world.network.lock(side.investor, world.remote.investor, 1)


@pytest.mark.requirement("R-64", "INV-8")
@pytest.mark.parametrize("paused", [False, True])
def test_what_a_custody_may_pay_out_reads_so(world: World, paused: bool) -> None:
    """`canTransfer` answers for its caller: a custody pays out under a pause, nobody else moves."""
    side = world.home
    if paused:
        side.token.pause(PauseScope.TRANSFERS, *STATED, sender=side.guardian)
    ask = side.token.canTransfer
    assert ask.call(side.custody, side.fund, 1, sender=side.custody.address) is True
    assert ask.call(side.custody, side.fund, 1, sender=side.escrow.address) is False
    assert ask(side.investor, side.fund, 1) is not paused
