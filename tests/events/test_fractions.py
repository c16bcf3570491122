"""Fractions driven over two ledgers: opened, given to everybody, and again is nothing."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.record import Rounding
from tallystick.events.driver import Driver
from tallystick.events.fractions import Given, Rests
from tallystick.events.standing import standing_of, waits
from tests.support.fractions import PRICE, Fractions, price_of
from tests.support.over_ratio import E, Over
from tests.support.world import World

pytestmark = pytest.mark.requirement("R-45")

OPEN, CLAIM, CROSSED = "open_fractions", "claim_fraction", "claim_crossed_fraction"
CREDIT = "credit_remainders"
TO_CARRY = "the lane to remote to be carried over the ratio: arm, carry"
TO_CREDIT = "what rounding left of accounts, for the fractions' agent: pay"


def driver(found: Fractions) -> Driver:
    """Whoever has the event's file, as the courier."""
    return Driver(found.over.world.network.connection, found.ratio)


def counted(found: Fractions) -> Counter[tuple[str, str, str]]:
    """What `event pay` does, how often; but that remainders of accounts go to the agent."""
    steps = [(step.ledger, step.act, step.state) for step in driver(found).pay()]
    return Counter(step for step in steps if step[1:] != (CREDIT, "executed"))


def expected(found: Fractions, state: str) -> Counter[tuple[str, str, str]]:
    """A claim for each of record that is due something."""
    due = (of for of in found.all() if found.due(of.amount).extra or found.due(of.amount).cash)
    return Counter((of.side.chain.name, CROSSED if of.message else CLAIM, state) for of in due)


def rests(found: Fractions) -> dict[str, Rests]:
    """What `event status` shows of fractions on each ledger, for which alone it waits there."""
    shown = {}
    for seen in standing_of(driver(found)):
        assert seen.rests is not None
        lane = (TO_CARRY,) if seen.home else ()
        assert waits(seen) == lane + tuple(seen.rests.waits(seen.today))
        assert seen.as_dict()["fractions"] == seen.rests.as_dict()
        shown[seen.ledger] = seen.rests
    return shown


def reckoned(found: Fractions) -> dict[str, Given]:
    """What is due on each ledger, by the package's arithmetic of what was held and sent."""
    sums = {"home": Given(), "remote": Given()}
    for of in found.all():
        due = found.due(of.amount)
        if due.extra or due.cash:
            sums[of.side.chain.name] += Given.of(due)
    return sums


def opened(state: str = "executed") -> Counter[tuple[str, str, str]]:
    """Claims are opened on both ledgers."""
    return Counter({(ledger, OPEN, state): 1 for ledger in ("home", "remote")})


@pytest.mark.parametrize("rounding", [Rounding.UP, Rounding.NEAREST, Rounding.CASH])
def test_everybody_is_given_and_again_is_nothing(world: World, rounding: Rounding) -> None:
    found = Fractions.of(world, rounding)
    found.supply_agents()
    assert counted(found) == opened() + expected(found, "executed")
    assert list(driver(found).pay()) == []
    due = reckoned(found)
    for name, seen in rests(found).items():
        assert (seen.given, seen.left, list(seen.waits(E + 6))) == (due[name], Given(), [])


def test_what_finds_too_little_is_refused_and_done_later(world: World) -> None:
    found = Fractions.of(world, Rounding.UP)
    assert counted(found) == opened() + expected(found, "refused")
    due, little = reckoned(found), "what the fractions' agent has to allow: fund"
    for name, seen in rests(found).items():
        assert (seen.given, seen.left, seen.lacking) == (Given(), due[name], (due[name].units, 0))
        assert list(seen.waits(E + 6))[1] == little
    found.supply_agents()
    assert counted(found) == expected(found, "executed")


def test_what_is_due_and_what_is_left_are_named_before_claims_are_open(world: World) -> None:
    """Also that which nobody claims: of accounts the agent's, of messages on their lanes."""
    found = Fractions.of(world, Rounding.NEAREST)
    found.supply_agents()
    due, parts = reckoned(found), {"home": Fraction(0), "remote": Fraction(0)}
    for of in found.messages():
        parts[of.side.chain.name] += Fraction(found.due(of.amount).rest, 10)
    before = rests(found)
    for name, seen in before.items():
        assert (seen.given, seen.left, seen.lacking) == (Given(), due[name], (0, 0))
        assert seen.of_messages == parts[name]
        assert next(iter(seen.waits(E + 6))) == "fractions: not opened yet: pay"
    steps = [step for step in driver(found).pay() if step.act == CREDIT]
    credited = Counter[str]()
    for step in steps:
        assert step.receipt is not None
        credited[step.ledger] += step.receipt.one("RemaindersCredited").units
    assert credited
    for side, seen in zip(found.over.sides, rests(found).values(), strict=True):
        ratio = side.token.ratio_at(1)
        assert max(ratio.remainders - ratio.supply_remainder, 0) < ratio.denominator
        assert (seen.credited, seen.to_credit) == (credited[side.chain.name], 0)
        assert seen.agent == side.fund.address


def test_what_is_bought_waits_for_its_holder(world: World) -> None:
    found = Fractions.of(world, Rounding.BOUGHT_UP)
    found.supply_agents()
    found.buyers_pay()
    assert counted(found) == opened() + expected(found, "waiting")
    due, buy = reckoned(found), "fractions that their holders may buy: claim"
    for name, seen in rests(found).items():
        assert (seen.left, next(iter(seen.waits(E + 6)))) == (due[name], buy)
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
    found = Fractions(over, ratio, price_of(ratio, PRICE))
    assert [seen.rests for seen in standing_of(driver(found))] == [None, None]
    for why in ("the ratio has not begun here", "its price, an event file of its own, is not"):
        steps = [step for step in driver(found).pay() if step.act == OPEN]
        assert Counter((step.ledger, step.act, step.state) for step in steps) == opened("waiting")
        assert all(step.detail.startswith(f"CINL: {why}") for step in steps)
        over.begin(E + 1)
    due = reckoned(found)
    for name, seen in rests(found).items():
        # How much is known with the price.
        assert seen.left == Given(due[name].count)
        assert next(iter(seen.waits(E + 1))).startswith(f"fractions: {why}")
    over.arming.in_force(found.price)
    assert counted(found) == opened() + expected(found, "waiting")
    for name, seen in rests(found).items():
        assert (seen.left, seen.lacking) == (due[name], (0, due[name].paid))
        assert seen.price == found.price
        assert next(iter(seen.waits(E + 1))) == "the payment day of fractions, 2020-08-16"


def test_of_what_is_rounded_down_nothing_is_left_to_do(world: World) -> None:
    over = Over.of(world)
    found = Fractions(over, over.arm(Rate(1, 10)), over.ratios[0])
    assert counted(found) == opened("done")


def agents_give(found: Fractions) -> Counter[tuple[str, str, str]]:
    """What `event fund` does, how often."""
    return Counter((step.ledger, step.act, step.state) for step in driver(found).fund())


def both(act: str, state: str) -> Counter[tuple[str, str, str]]:
    """The same on both ledgers."""
    return Counter({(ledger, act, state): 1 for ledger in ("home", "remote")})


def test_agents_allow_the_cash_that_is_due_and_no_more(world: World) -> None:
    found = Fractions.of(world, Rounding.CASH)
    assert agents_give(found) == both("approve", "waiting")
    assert counted(found) == opened() + expected(found, "refused")
    due = reckoned(found)
    for side in found.over.sides:
        side.cash.mint(side.fund, due[side.chain.name].paid, sender=side.issuer)
    assert agents_give(found) == both("approve", "executed")
    for side in found.over.sides:
        assert side.cash.allowance(side.fund, side.engine) == due[side.chain.name].paid
    assert agents_give(found) == both("approve", "done")
    assert counted(found) == expected(found, "executed")
    assert agents_give(found) == both("approve", "done")


def test_units_that_an_agent_has_not_are_issued_and_not_made(world: World) -> None:
    found = Fractions.of(world, Rounding.UP)
    assert counted(found) == opened() + expected(found, "refused")
    assert agents_give(found) == both("mint", "waiting") + both("approve", "executed")
    for side in found.over.sides:
        allowed = side.token.allowance(side.fund, side.engine)
        assert allowed == reckoned(found)[side.chain.name].units
