"""Fractions of a ratio: of one amount, of all of them, and on several ledgers with lanes open."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.codes import FRACTION
from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import Outcome, Treatment, outcome, parts, pro_rata, treat
from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio, carried
from tests.actions.ledgers import AGENT, HOME, PEOPLE
from tests.actions.model import World

CODES = sorted(set(FRACTION) - {"UKWN"})
amounts = st.one_of(st.integers(0, 60), st.integers(0, AMOUNT_MAX))
terms = st.one_of(st.integers(1, 12), st.integers(1, 2**40 - 1))
ratios = st.builds(Ratio, terms, terms, st.just(9))
prices = st.builds(
    lambda n, d: Rate.of(Fraction(n, d)), st.integers(0, 10**9), st.integers(1, 10**6)
)
HALF = Ratio(3, 2, 9)
TENTH = Ratio(1, 10, 9)


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


def priced(code: str, price: Rate) -> Rate:
    return price if code in ("BUYU", "CINL") else Rate(0)


# ------------------------------------------------------------------ of one amount


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize(
    ("code", "amount", "ratio", "expected"),
    [
        # 25 are 2.5, 24 are 2.4, 20 are 2, at 7 for a whole unit.
        ("RDDN", 25, TENTH, Treatment(2, 0, 0, 5)),
        ("RDUP", 24, TENTH, Treatment(2, 1, 0, 4)),
        ("RDUP", 20, TENTH, Treatment(2, 0, 0, 0)),
        ("STAN", 25, TENTH, Treatment(2, 1, 0, 5)),
        ("STAN", 24, TENTH, Treatment(2, 0, 0, 4)),
        ("STAN", 1, HALF, Treatment(1, 1, 0, 1)),
        ("CINL", 25, TENTH, Treatment(2, 0, 3, 5)),
        ("CINL", 20, TENTH, Treatment(2, 0, 0, 0)),
        ("DIST", 25, TENTH, Treatment(2, 0, 0, 5)),
        ("BUYU", 25, TENTH, Treatment(2, 1, -4, 5)),
        ("BUYU", 29, TENTH, Treatment(2, 1, -1, 9)),
        ("BUYU", 20, TENTH, Treatment(2, 0, 0, 0)),
        ("RDUP", 0, TENTH, Treatment(0, 0, 0, 0)),
    ],
)
def test_what_a_code_makes_of_a_fraction(
    code: str, amount: int, ratio: Ratio, expected: Treatment
) -> None:
    assert treat(code, amount, ratio, priced(code, Rate(7))) == expected


@given(st.sampled_from(CODES), amounts, ratios, prices)
def test_each_follows_from_the_exact_amount(
    code: str, amount: int, ratio: Ratio, price: Rate
) -> None:
    whole = Fraction(amount * ratio.numerator, ratio.denominator)
    rest = whole - floor(whole)
    found = treat(code, amount, ratio, priced(code, price))
    assert Fraction(found.rest, ratio.denominator) == rest
    after = {
        "RDDN": floor(whole),
        "DIST": floor(whole),
        "CINL": floor(whole),
        "RDUP": ceil(whole),
        "BUYU": ceil(whole),
        "STAN": floor(whole + Fraction(1, 2)),
    }
    assert found.units + found.extra == after[code]
    cash = {"CINL": floor(rest * exact(price)), "BUYU": -ceil((-rest % 1) * exact(price))}
    assert found.cash == cash.get(code, 0)
    assert found.rest == parts(amount, ratio)
    if whole <= AMOUNT_MAX:
        assert found.units == carried(amount, [ratio])


@pytest.mark.parametrize(
    ("code", "amount", "price", "reason"),
    [
        ("UKWN", 1, 0, "no treatment of fractions: UKWN"),
        ("EXPI", 1, 0, "no treatment of fractions: EXPI"),
        ("RDDN", -1, 0, "expected 0 to 2**104 - 1 units"),
        ("CINL", AMOUNT_MAX + 1, 0, "expected 0 to 2**104 - 1 units"),
        ("RDDN", 1, 5, "RDDN has no price"),
        ("DIST", 1, 5, "DIST has no price"),
    ],
)
def test_what_is_no_treatment_is_refused(code: str, amount: int, price: int, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        treat(code, amount, TENTH, Rate(price))


# -------------------------------------------------------------------- of all of them


@pytest.mark.requirement("R-45")
@given(st.sampled_from(CODES), st.lists(amounts, max_size=12), ratios, prices)
def test_units_and_remainders_are_the_announced_total(
    code: str, held: list[int], ratio: Ratio, price: Rate
) -> None:
    found = outcome(code, held, ratio, priced(code, price))
    assert found.units + found.agent == found.announced
    assert found.announced * ratio.denominator + found.rests % ratio.denominator == (
        sum(held) * ratio.numerator
    )
    # What codes give beyond is the agent's, and the issuer's where that is too little.
    assert found.units + found.extra + found.sold == found.announced + found.issued
    assert min(found.issued, found.sold) == 0
    assert found.extra <= sum(1 for each in held if parts(each, ratio))
    if code in ("RDDN", "CINL", "DIST"):
        assert (found.extra, found.issued, found.sold) == (0, 0, found.agent)


@pytest.mark.requirement("R-45")
@given(st.lists(amounts, min_size=1, max_size=12), ratios, st.integers(0, 10**12))
def test_proceeds_pay_every_fraction_and_no_more(
    held: list[int], ratio: Ratio, proceeds: int
) -> None:
    rests = sum(parts(each, ratio) for each in held)
    if rests == 0:
        with pytest.raises(ValueError, match=r"^expected rests, and proceeds of 0 or more$"):
            pro_rata(proceeds, rests, ratio)
        return
    price = pro_rata(proceeds, rests, ratio)
    found = outcome("CINL", held, ratio, price)
    payees = sum(1 for each in held if parts(each, ratio))
    assert proceeds - payees < found.paid <= proceeds


@given(st.lists(amounts, min_size=1, max_size=12), ratios, prices)
def test_who_buys_up_pays_for_all_that_the_agent_lacks(
    held: list[int], ratio: Ratio, price: Rate
) -> None:
    found = outcome("BUYU", held, ratio, price)
    missing = found.extra - Fraction(found.rests, ratio.denominator)
    assert missing * exact(price) <= found.received < missing * exact(price) + found.extra + 1
    assert found.paid == 0


@given(st.lists(st.integers(0, AMOUNT_MAX // 12), min_size=1, max_size=12), ratios)
def test_a_custodian_s_account_is_not_its_clients(clients: list[int], ratio: Ratio) -> None:
    """Rounded as one they lose less than each by itself: under a unit, not under one each."""
    tiers = [outcome("RDDN", tier, ratio) for tier in ([sum(clients)], clients)]
    assert 0 <= tiers[0].units - tiers[1].units == tiers[1].agent < len(clients)


def test_tiers_differ_by_code() -> None:
    """3 clients of 5 at 1:10: 1.5 together. Each up is 3, together 2; one half each is up too."""
    found = {
        code: [(each.units + each.extra, each.issued) for each in _tiers(code)]
        for code in ("RDDN", "RDUP", "STAN")
    }
    assert found == {
        "RDDN": [(1, 0), (0, 0)],
        "RDUP": [(2, 1), (3, 2)],
        "STAN": [(2, 1), (3, 2)],
    }


@pytest.mark.parametrize(("code", "extra"), [("RDUP", 1_000), ("STAN", 0), ("CINL", 0)])
def test_arithmetic_does_not_bound_what_a_declaration_of_owners_gives(
    code: str, extra: int
) -> None:
    """Of 1,000 units at 1:10 an account has no fraction. Whether one stands behind it or 1,000, the
    rests are as few as that many may have, and leave what the account's does: who declares it
    decides whether nothing is given, or ten times the account's units, or cash for all of them."""
    one, many = ([1_000], [1] * 1_000)
    assert parts(1_000, TENTH) == 0
    for owners in (one, many):
        found = outcome(code, owners, TENTH)
        assert found.before == 1_000
        assert found.rests <= len(owners) * (TENTH.denominator - 1)
        assert found.rests % TENTH.denominator == parts(1_000, TENTH)
    assert (outcome(code, one, TENTH).extra, outcome(code, one, TENTH).rests) == (0, 0)
    assert (outcome(code, many, TENTH).extra, outcome(code, many, TENTH).rests) == (extra, 1_000)


def _tiers(code: str) -> tuple[Outcome, Outcome]:
    return outcome(code, [15], TENTH), outcome(code, [5, 5, 5], TENTH)


# ---------------------------------------------------------------- on several ledgers


@pytest.mark.requirement("R-45", "INV-1", "INV-12")
@pytest.mark.parametrize("fraction", [(4, 1), (1, 10), (3, 2), (7, 5), (1, 3)])
@pytest.mark.parametrize("late", [False, True], ids=["in time", "told late"])
def test_what_ledgers_do_is_what_amounts_of_record_say(
    fraction: tuple[int, int], late: bool
) -> None:
    """Of record are each account's closing and each message under way, both in old units. What all
    ledgers' agents have and lanes keep is the whole units of their rests, and nothing else is."""
    chance = Random(f"{fraction}")
    kept_units = 0
    for _ in range(25):
        world = World(2, each=97)
        first, in_flight = _scattered(world, chance), world.messages
        assert world.announce(*fraction, 0)
        ratio = world.home.ratios[0]
        assert first <= ratio.first_day
        for lane in world.lanes:
            assert late or world.arm(lane)
        for ledger in world.ledgers:
            ledger.now = ledger.ends(ratio.first_day - 1)
        for lane in world.lanes:
            assert world.arm(lane) == late
        for ledger in world.ledgers:
            ledger.now = ledger.ends(ratio.first_day)
        record = [
            ledger.closing(ledger.account(name), ratio.first_day - 1)[0]
            for ledger in world.ledgers
            for name in PEOPLE
        ]
        record += [m.amount for m in in_flight if m.pending]
        found = outcome("RDDN", record, ratio)
        assert found.before == 97 * len(PEOPLE)
        for message in in_flight:
            world.deliver(message)
        held = sum(ledger.has(name) for ledger in world.ledgers for name in PEOPLE)
        for number in range(len(world.ledgers)):
            world.credit_remainders(number)
        world.check_step()
        agents = sum(ledger.has(AGENT) for ledger in world.ledgers)
        kept = sum(
            world.home.figure(f"outstanding {lane}").now
            - world.ledgers[lane].figure(f"outstanding {lane}").now
            for lane in world.lanes
        )
        assert held == found.units
        assert held + agents + kept == world.home.figure("supply").now == found.announced
        assert agents + kept == found.agent
        kept_units += kept
    # Lanes that keep some were among them, wherever something is left at all.
    assert (kept_units > 0) == (fraction[1] > 1)


def _scattered(world: World, chance: Random) -> int:
    """Units on accounts everywhere, and some under way; the next day."""
    for _ in range(12):
        lane, person = chance.choice(world.lanes), chance.choice(PEOPLE)
        message = world.send(HOME, lane, person, chance.choice(PEOPLE), chance.randint(1, 40))
        if message is not None and chance.random() < 0.7:
            world.deliver(message)
    for _ in range(6):
        lane, person = chance.choice(world.lanes), chance.choice(PEOPLE)
        world.send(lane, HOME, person, chance.choice(PEOPLE), chance.randint(1, 20))
    return world.home.day() + 1
