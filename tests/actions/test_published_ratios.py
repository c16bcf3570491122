"""Splits that were published: which close is the last in old units, and what fractions are paid.

What is expected is decimal arithmetic on the terms as they were announced, and none of the package.
Prices at which agents sold fractions were not published: those here are the published closing
price times the ratio, to compute with.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, Decimal

import pytest

from tallystick.actions.entitlement import Rate, entitlement
from tallystick.actions.fractions import outcome, parts, pro_rata, treat
from tallystick.token.ratios import Ratio, carried
from tests.actions.ledgers import HOME
from tests.actions.model import World

EPOCH = date(1970, 1, 1)
CENT = Decimal("0.01")


def business_day(of: date) -> int:
    return (of - EPOCH).days


# ------------------------------------------------------------------------------- Apple

# Announced with the results of 30 July 2020: three more shares for each share of record at the
# close of 24 August, traded on a split-adjusted basis from the 31st on (macdailynews.com,
# imore.com). The shares came after the close of Friday, 28 August, and of shares that were sold in
# between they went to the buyer (Apple's questions and answers, as
# forums.appleinsider.com/discussion/217326 tells them): what was delivered until that close was
# delivered in old shares. So that close is the last in old units, E, and not that of 24 August:
# from then on there would have been two kinds of one share.
RECORD_DATE = date(2020, 8, 24)
PAYABLE = date(2020, 8, 28)
ADJUSTED = date(2020, 8, 31)
APPLE = Ratio(4, 1, business_day(PAYABLE) + 1)


def on(world: World, day: date) -> None:
    """Every clock to the first moment of a business day."""
    for ledger in world.ledgers:
        ledger.now = ledger.ends(business_day(day) - 1)


@pytest.mark.requirement("INV-12")
def test_shares_of_apple_delivered_until_28_august_2020_bring_the_buyer_the_split() -> None:
    """100 shares are bought on the 26th; 25 are on their way to another ledger over the weekend."""
    world = World(1, each=200)
    on(world, RECORD_DATE)
    ahead = APPLE.first_day - world.home.day() - 1
    assert world.announce(4, 1, ahead)
    assert world.arm(1)
    assert [ledger.ratios for ledger in world.ledgers] == [[APPLE], [APPLE]]
    on(world, date(2020, 8, 26))
    assert world.transfer(HOME, "ann", "bob", 100)
    on(world, PAYABLE)
    message = world.send(HOME, 1, "bob", "bob", 25)
    assert message is not None
    on(world, ADJUSTED)
    assert world.deliver(message)
    assert [world.home.has(name) for name in ("ann", "bob")] == [100 * 4, (300 - 25) * 4]
    assert world.ledgers[1].has("bob") == 25 * 4
    # As holders of the 24th they would have had 800 each, and the buyer too little.
    of_record = world.home.closing(world.home.account("ann"), business_day(RECORD_DATE))[0]
    assert of_record * 4 != world.home.has("ann")
    on(world, date(2020, 9, 2))
    for day, units in ((PAYABLE, 25), (date(2020, 8, 29), 100)):
        assert world.claimed(business_day(day))[1, 1] == units
    for day in (RECORD_DATE, PAYABLE, date(2020, 8, 29), ADJUSTED):
        world.check_cut(business_day(day), world.fix(business_day(day)))


@pytest.mark.requirement("INV-12")
def test_what_apple_may_issue_and_pays_follows_the_split() -> None:
    """12.6 billion shares became 50.4, a dividend of 82 cents one of 20.5 (sources as above)."""
    assert carried(12_600_000_000, [APPLE]) == 50_400_000_000
    held = 117
    before = entitlement(held, Rate(82))
    after = entitlement(carried(held, [APPLE]), Rate(41, 2))
    assert before.gross == after.gross == int(Decimal("0.82") * held * 100)
    assert parts(held, APPLE) == 0


# ------------------------------------------------------------------ Citigroup, General Electric

# Citigroup, news release of 9 May 2011 (exhibit 99.1 to its form 8-K, sec.gov/Archives/edgar/data/
# 831001/000119312511131957): every ten shares one, as of 4:10 p.m. on Friday, 6 May, traded so from
# Monday on; some 29 billion became 2.9. The transfer agent adds up all fractions and sells them;
# who would hold one is paid from that. It had closed at $4.50 on 18 March (CNNMoney, 21 March).
CITIGROUP = Ratio(1, 10, business_day(date(2011, 5, 6)) + 1)
# General Electric: every eight shares one, after the close of Friday, 30 July 2021, traded so from
# Monday, 2 August; some 8.8 billion became 1.1; cash in lieu of fractions (company announcement, in
# tedmag.com and pulse2.com). It had closed at $12.69 (MarketWatch).
GENERAL_ELECTRIC = Ratio(1, 8, business_day(date(2021, 7, 30)) + 1)
HOLDERS = (1_234, 100, 7, 80, 999_999, 3)


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize(
    ("ratio", "close", "issue", "reduced"),
    [
        (CITIGROUP, "4.50", 29_000_000_000, 2_900_000_000),
        (GENERAL_ELECTRIC, "12.69", 8_800_000_000, 1_100_000_000),
    ],
    ids=["Citigroup", "General Electric"],
)
def test_a_reverse_split_pays_cash_in_lieu(
    ratio: Ratio, close: str, issue: int, reduced: int
) -> None:
    assert carried(issue, [ratio]) == reduced
    price = Decimal(close) * ratio.denominator
    for held in HOLDERS:
        found = treat("CINL", held, ratio, Rate(int(price * 100)))
        exact = Decimal(held) / ratio.denominator
        shares = exact.to_integral_value(ROUND_DOWN)
        cash = ((exact - shares) * price).quantize(CENT, ROUND_DOWN)
        assert found.units == shares
        assert found.cash * CENT == cash


@pytest.mark.requirement("R-45")
def test_a_reverse_split_that_is_rounded_up_leaves_nobody_with_nothing() -> None:
    """Oragenics: one for thirty as of 3 June 2025, fractions up to the nearest whole share for each
    shareholder (GlobeNewswire, 28 May 2025)."""
    ratio = Ratio(1, 30, business_day(date(2025, 6, 2)) + 1)
    for held, shares in ((1, 1), (29, 1), (30, 1), (31, 2), (1_234, 42), (0, 0)):
        found = treat("RDUP", held, ratio)
        # What the ratio gives, and the one more that is claimed.
        assert (found.units, found.extra) == (held // 30, shares - held // 30)


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize(
    ("ratio", "shares", "cash"),
    [
        # 0.4, 0.7, 0.9 and 0.3 of a share are 2.3: 2 are sold, for 90.00.
        (CITIGROUP, [123, 10, 0, 8, 99_999, 0], ["15.65", "0", "27.39", "0", "35.21", "11.73"]),
        # 0.25, 0.5, 0.875, 0.875 and 0.375 are 2.875: 2 are sold, for 203.04.
        (
            GENERAL_ELECTRIC,
            [154, 12, 0, 10, 124_999, 0],
            ["17.65", "35.31", "61.79", "0", "61.79", "26.48"],
        ),
    ],
    ids=["Citigroup", "General Electric"],
)
def test_fractions_that_are_added_up_and_sold_are_paid_from_their_proceeds(
    ratio: Ratio, shares: list[int], cash: list[str]
) -> None:
    """A part of a share is left that nobody can sell: everybody's fraction bears it alike."""
    close = {10: Decimal("4.50"), 8: Decimal("12.69")}[ratio.denominator]
    rests = sum(parts(held, ratio) for held in HOLDERS)
    whole = rests // ratio.denominator
    proceeds = int(whole * close * ratio.denominator * 100)
    price = pro_rata(proceeds, rests, ratio)
    found = [treat("CINL", held, ratio, price) for held in HOLDERS]
    assert [each.units for each in found] == shares
    assert [each.cash for each in found] == [int(Decimal(each) * 100) for each in cash]
    together = outcome("CINL", HOLDERS, ratio, price)
    assert (together.sold, together.units + together.sold) == (whole, together.announced)
    assert proceeds - len(HOLDERS) < together.paid <= proceeds
