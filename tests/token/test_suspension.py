"""The instrument suspended on a ledger by its actions engine: what stops, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ratios import Engine
from tests.support.world import (
    DAY,
    STATED,
    UNSTATED,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
)
from tests.token.test_pauses import ACTS

pytestmark = pytest.mark.requirement("R-14")

SET = "set_suspended(bool,bytes4,bytes32)"
STOPPED = {"transfer", "batch", "mint", "burn"}


def suspend(side: Side, *, suspended: bool = True) -> Any:
    """The engine suspends the instrument, or lets it go on."""
    return side.token.set_suspended(suspended, *STATED, sender=side.engine.address)


def flags(side: Side) -> int:
    """The issue word above its amounts and days."""
    return read_slot(side.token, "book", "_issue") >> 240


def test_the_engine_suspends_and_lets_go_on(home_side: Side) -> None:
    """No other bit of the word changes; doing it twice changes nothing."""
    token, before = home_side.token, read_slot(home_side.token, "book", "_issue")
    for suspended in (True, True, False, False):
        receipt = suspend(home_side, suspended=suspended)
        assert receipt.events == (
            home_side.act(token, SET, ZERO, home_side.engine),
            token.emitted("SuspensionSet", suspended),
        )
        assert token.is_suspended() is suspended
        assert token.paused() is suspended
        assert token.paused_scopes() == 0
        assert read_slot(token, "book", "_issue") == before | (suspended << 247)


def test_it_is_stated_why(world: World) -> None:
    side = world.home
    for stated, reason in UNSTATED:
        with refused(world, reason):
            side.token.set_suspended(True, *stated, sender=side.engine.address)


@pytest.mark.parametrize("act", ACTS)
def test_it_stops_transfers_and_issuance_alone(world: World, act: str) -> None:
    side = world.home
    side.token.authorise_issuance(1, *STATED, sender=side.notary)
    side.token.approve(side.issuer, 1, sender=side.investor)
    suspend(side)
    carry_out, _ = ACTS[act]
    if act in STOPPED:
        with refused(world, "controls: suspended"):
            carry_out(side)
        suspend(side, suspended=False)
    carry_out(side)


def test_what_left_another_ledger_arrives_and_nothing_leaves(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    suspend(side)
    side.token.crosschainMint(side.investor, 1, sender=side.escrow.address)
    with refused(world, "controls: suspended"):
        side.token.crosschainBurn(side.investor, 1, sender=side.escrow.address)


def test_legal_orders_are_carried_out(home_side: Side) -> None:
    order = home_side.enter_order(home_side.investor.address, home_side.fund.address, 5)
    suspend(home_side)
    home_side.token.forcedTransfer(*order, sender=home_side.custodian)
    assert home_side.token.balanceOf(home_side.fund) == 5


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("suspended", [False, True])
def test_what_may_be_transferred_reads_so(world: World, *, suspended: bool) -> None:
    """A custody pays out what has arrived, nobody else moves."""
    side = world.home
    suspend(side, suspended=suspended)
    ask = side.token.canTransfer
    assert ask.call(side.custody, side.fund, 1, sender=side.custody.address) is True
    assert ask(side.investor, side.fund, 1) is not suspended
    with world.isolated():
        if suspended:
            with refused(world, "controls: suspended"):
                world.network.lock(side.investor, world.remote.investor, 1)
        else:
            world.network.lock(side.investor, world.remote.investor, 1)


@pytest.mark.parametrize("scope", [1, 2, 7])
def test_a_pause_beside_it_is_lifted_apart(home_side: Side, scope: int) -> None:
    side = home_side
    side.token.pause(scope, *STATED, sender=side.guardian)
    suspend(side)
    suspend(side, suspended=False)
    assert side.token.paused_scopes() == scope
    suspend(side)
    side.token.unpause(scope, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    side.token.unpause(scope, *STATED, sender=side.administrator)
    assert side.token.paused_scopes() == 0
    assert side.token.is_suspended() is True


def test_it_stays_through_movements_and_is_in_no_closing(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    suspend(side)
    before = flags(side)
    day = side.token.business_day()
    side.chain.advance(DAY)
    side.token.crosschainMint(side.investor, 7, sender=side.escrow.address)
    assert flags(side) == before
    assert side.token.supply_at_close(day, 0) == 1_000
    assert side.token.totalSupply() == 1_007
    assert side.token.action_epoch() == 0


def test_it_stays_through_a_ratio(world: World) -> None:
    side = world.remote
    world.arrived(1_000)
    suspend(side)
    Engine.of(side).split(4, 1)
    side.token.crosschainMint(side.investor, 1, sender=side.escrow.address)
    assert side.token.is_suspended() is True
    assert side.token.action_epoch() == 1
    assert side.token.totalSupply() == 4_001
