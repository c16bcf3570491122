"""Every deployable is replaced twice and rolled back, a ledger at a time, while fractions are
claimed, and while a redemption is armed; all else that can be open is in `test_under_fire`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tallystick.actions.record import Rounding
from tallystick.governance.release import PROXIED
from tests.governance.test_under_fire import Run
from tests.governance.under_fire import Fire
from tests.support.actions import world_of_engines
from tests.support.dividend import Dividend, crossed, holders
from tests.support.fractions import Fractions, OfRecord
from tests.support.redeeming import Redemption
from tests.support.world import World, refused

pytestmark = pytest.mark.requirement("INV-10", "R-50", "R-60")


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


def released(world: World) -> Iterator[str]:
    """Yield what was done, after each step of each ledger; no stored word changed by it."""
    # Nothing of the world is asked for but its ledgers.
    run = Run(Fire(world, cast("Dividend", None)), PROXIED)
    for name, (ledger, step) in run.steps().items():
        step(ledger)
        world.synchronise()
        yield name


def give(found: Fractions, of: OfRecord) -> None:
    """Who is of record claims, and gets what the package reckons, once."""
    due = found.due(of.amount)
    units, cash = of.side.balance(of.account), of.side.cash.balanceOf(of.account)
    given = found.claim(of).one("FractionGiven").given
    assert tuple(given) == (of.amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0))
    assert of.side.balance(of.account) == units + due.extra
    assert of.side.cash.balanceOf(of.account) == cash + due.cash
    with refused(found.over.world, "payments: paid already"):
        found.claim(of)


@pytest.mark.parametrize("rounding", [Rounding.UP, Rounding.CASH, Rounding.BOUGHT_UP])
def test_fractions_are_given_once_through_every_release(world: World, rounding: Rounding) -> None:
    found = Fractions.of(world, rounding)
    for side in found.over.sides:
        found.open(side)
    found.supply_agents()
    found.buyers_pay()
    dues = ((of, found.due(of.amount)) for of in found.all())
    left = [of for of, due in dues if due.extra or due.cash]
    give(found, left.pop())
    for name in released(world):
        for side in found.over.sides:
            assert side.engine.fraction_code(found.coaf) == rounding, name
        give(found, left.pop(0))
    assert len(left) > 1
    for of in left:
        give(found, of)


def test_what_is_armed_ends_the_units_through_every_release(world: World) -> None:
    redemption = Redemption.fixed(world).funded().armed()
    dividend, sides = redemption.dividend, redemption.sides
    supplies = [side.token.totalSupply() for side in sides]
    assert min(supplies) > 0
    for name in released(world):
        armed = redemption.arming.standing(sides[0], redemption.record)
        assert armed == redemption.ratio(), name
        assert [side.token.ratio_at(1).first_day for side in sides] == [redemption.first_day] * 2
        assert [side.token.totalSupply() for side in sides] == supplies, name
    redemption.ended()
    assert [side.token.totalSupply() for side in sides] == [0, 0]
    for message in (dividend.outward, dividend.homeward):
        dividend.world.deliver(message).one("NothingLanded")
    dividend.lands_waiting()
    for side, account, held in holders(dividend):
        receipt = dividend.actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, held)
    for side, account, message in crossed(dividend):
        before = side.cash.balanceOf(account)
        dividend.actions.claim_crossed(side, message, account)
        assert side.cash.balanceOf(account) > before
    for side, lane, _ in dividend.parts:
        assert dividend.part(side, lane)[1] == 0
