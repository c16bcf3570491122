"""What a ratio's record gives for fractions: claimed once each, to the unit that the model says."""

from __future__ import annotations

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import outcome
from tallystick.actions.record import PRICED, Rounding
from tests.support.fractions import AGENT_UNITS, ONE_FOR_TEN, Fractions, OfRecord
from tests.support.over_ratio import E
from tests.support.world import Side, World, refused

pytestmark = pytest.mark.requirement("R-45", "INV-12")

GIVEN = (Rounding.UP, Rounding.NEAREST, Rounding.CASH, Rounding.BOUGHT_UP)
RATES = {"1:10": Rate(1, 10), "2:7": Rate(2, 7), "3:2": Rate(3, 2)}


def ready(world: World, rounding: Rounding, rate: Rate = ONE_FOR_TEN) -> Fractions:
    """Claims are open on both ledgers, agents and buyers have what it takes."""
    found = Fractions.of(world, rounding, rate)
    for side in found.over.sides:
        found.open(side)
    found.supply_agents()
    found.buyers_pay()
    return found


def given_of(found: Fractions, of: OfRecord) -> tuple[int, int, int, int, int]:
    """What the package says that it is given."""
    due = found.due(of.amount)
    return of.amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0)


@pytest.mark.requirement("INV-2")
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("rounding", GIVEN)
def test_everything_of_record_is_given_once_and_all_adds_up(
    world: World, rounding: Rounding, rate: Rate
) -> None:
    found = ready(world, rounding, rate)
    everything = found.all()
    # Accounts and messages are the whole issue of the last close, each unit once.
    home, remote = found.home.token, found.remote.token
    assert sum(of.amount for of in everything) == home.supply_at_close(E, 0)
    assert {of.message is None for of in everything} == {True, False}
    assert {of.answer is None for of in everything if of.message} == {True, False}
    for of in everything:
        due = given_of(found, of)
        if not any(due[2:]):
            with refused(world, "fractions: nothing is due"):
                found.claim(of)
            continue
        units, cash = of.side.balance(of.account), of.side.cash.balanceOf(of.account)
        receipt = found.claim(of)
        assert tuple(receipt.one("FractionGiven").given) == due
        assert of.side.balance(of.account) == units + due[2]
        assert of.side.cash.balanceOf(of.account) == cash + due[3] - due[4]
        with refused(world, "payments: paid already"):
            found.claim(of)
    price = found.price.rate if rounding in PRICED else None
    total = outcome(
        rounding.code, (of.amount for of in everything), found.as_ratio, price or Rate(0)
    )
    # Once everybody was touched, what rounding left of accounts is credited to the agents.
    credited = sum(touched(found, side) for side in found.over.sides)
    state, custody = found.home.escrow.lane_state(world.lane), home.balanceOf(found.home.custody)
    held = {
        side.chain.name: sum(side.balance(account) for account in found.over.holders(side))
        for side in found.over.sides
    }
    minted = 2 * AGENT_UNITS
    assert home.totalSupply() == total.announced + minted
    assert sum(held.values()) == total.units + credited + minted
    # Dust is in custody, and nobody of record comes for it: here of what was under way and of what
    # waited at the other ledger, there of what waited at it.
    waited = remote.balanceOf(found.remote.custody)
    dust = state.outstanding - remote.totalSupply() + waited
    assert remote.totalSupply() == held["remote"] + waited
    assert home.totalSupply() == held["home"] + custody
    assert custody >= state.outstanding
    assert credited + dust + custody - state.outstanding == total.agent


def touched(found: Fractions, side: Side) -> int:
    """Have every account there move; what its agent is credited then, in units."""
    for account in found.over.holders(side):
        if side.balance(account):
            side.token.transfer(side.fund, 1, sender=account)
    ratio = side.token.ratio_at(1)
    left = ratio.remainders - min(ratio.remainders, ratio.supply_remainder)
    if left < ratio.denominator:
        with refused(found.over.world, "ratios: no whole unit yet"):
            side.token.credit_remainders(1, sender=side.courier)
        return 0
    receipt = side.token.credit_remainders(1, sender=side.courier)
    return int(receipt.one("RemaindersCredited").units)
