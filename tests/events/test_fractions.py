"""Fractions driven over two ledgers: opened, given to everybody, and again is nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.record import Rounding
from tallystick.events.driver import Driver
from tests.support.fractions import Fractions, price_of
from tests.support.over_ratio import E, Over
from tests.support.world import World

pytestmark = pytest.mark.requirement("R-45")

OPEN, CLAIM, CROSSED = "open_fractions", "claim_fraction", "claim_crossed_fraction"


def driver(found: Fractions) -> Driver:
    """Whoever has the event's file, as the courier."""
    return Driver(found.over.world.network.connection, found.ratio)


def counted(found: Fractions) -> Counter[tuple[str, str, str]]:
    """What `event pay` does, how often."""
    return Counter((step.ledger, step.act, step.state) for step in driver(found).pay())


def expected(found: Fractions, state: str) -> Counter[tuple[str, str, str]]:
    """A claim for each of record that is due something."""
    due = (of for of in found.all() if found.due(of.amount).extra or found.due(of.amount).cash)
    return Counter((of.side.chain.name, CROSSED if of.message else CLAIM, state) for of in due)


def opened(state: str = "executed") -> Counter[tuple[str, str, str]]:
    """Claims are opened on both ledgers."""
    return Counter({(ledger, OPEN, state): 1 for ledger in ("home", "remote")})


@pytest.mark.parametrize("rounding", [Rounding.UP, Rounding.NEAREST, Rounding.CASH])
def test_everybody_is_given_and_again_is_nothing(world: World, rounding: Rounding) -> None:
    found = Fractions.of(world, rounding)
    found.supply_agents()
    assert counted(found) == opened() + expected(found, "executed")
    assert counted(found) == Counter()


def test_what_finds_too_little_is_refused_and_done_later(world: World) -> None:
    found = Fractions.of(world, Rounding.UP)
    assert counted(found) == opened() + expected(found, "refused")
    found.supply_agents()
    assert counted(found) == expected(found, "executed")


def test_what_is_bought_waits_for_its_holder(world: World) -> None:
    found = Fractions.of(world, Rounding.BOUGHT_UP)
    found.supply_agents()
    found.buyers_pay()
    assert counted(found) == opened() + expected(found, "waiting")
    buyer = next(of for of in found.accounts() if of.side is found.remote)
    own = Driver(world.network.connection, found.ratio, account=buyer.account)
    steps = list(own.claim("remote", str(buyer.account.address)))
    assert {step.state for step in steps} <= {"executed"}
    assert counted(found) == expected(found, "waiting") - Counter(
        (step.ledger, step.act, "waiting") for step in steps
    )


def test_cash_waits_for_its_price(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    found = Fractions(over, ratio, price_of(ratio, Rate(3)))
    for why in ("the ratio has not begun here", "its price, an event file of its own, is not"):
        steps = list(driver(found).pay())
        assert Counter((step.ledger, step.act, step.state) for step in steps) == opened("waiting")
        assert all(step.detail.startswith(f"CINL: {why}") for step in steps)
        over.begin(E + 1)


def test_of_what_is_rounded_down_nothing_is_left_to_do(world: World) -> None:
    over = Over.of(world)
    found = Fractions(over, over.arm(Rate(1, 10)), over.ratios[0])
    assert counted(found) == opened("done")
