"""Payments that were published or follow from an instrument's terms, to the cent, from event files.

What is expected is decimal arithmetic on the terms as people write them, and none of the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tallystick.actions.entitlement import Rate
from tallystick.actions.tax import TaxTable
from tallystick.events.standing import Payment
from tests.support.actions import STATUTORY, TAXES
from tests.support.cash import bunds_at
from tests.support.driven import Driven
from tests.support.world import DAY, ROOT, World

# 1 February 2027, noon.
BUND_GENESIS: Final = 20_850 * DAY + DAY // 2
# Income tax of 25 % and 5.5 % of that on top.
GERMAN: Final = TaxTable((Rate(211, 800),))
CENT: Final = Decimal("0.01")


def paid_to(payments: tuple[Payment, ...], decimals: int) -> dict[tuple[str, str], list[Decimal]]:
    """Gross, tax and net by ledger and account, in whole units of currency."""
    sums: dict[tuple[str, str], list[Decimal]] = {}
    for each in payments:
        amounts = (each.paid.gross, each.paid.tax, each.paid.net)
        so_far = sums.setdefault((each.ledger, each.account), [Decimal(0)] * 3)
        for at, amount in enumerate(amounts):
            so_far[at] += Decimal(amount).scaleb(-decimals)
    return sums


# ------------------------------------------------------------------------------- Apple


@pytest.mark.requirement("R-46", "INV-6")
def test_the_dividend_of_apple_of_august_2020_pays_82_cents_a_share(
    world: World, tmp_path: Path
) -> None:
    """Announced 30 July 2020, holders of record on 10 August, paid from 13 August on."""
    event = yaml.safe_load((ROOT / "examples" / "apple-dividend.yaml").read_text())
    event["dates"] = {name: str(day) for name, day in event["dates"].items()}
    apple = Driven.from_file(world, tmp_path, event)
    apple.terms(TAXES, "USD")
    apple.told()
    apple.day(apple.record.record_day)
    home, remote = world.home, world.remote
    # 100 shares, 17 and a half, and one, which is under way; the rest stays.
    world.arrived(117_500_000)
    remote.token.transfer(remote.buyer, 17_500_000, sender=remote.investor)
    apple.fixed([world.locked(1_000_000)])
    paid = paid_to(apple.paid(), 6)
    shares = {
        ("home", home.investor): "999881.5",
        ("home", home.buyer): "100000",
        ("remote", remote.investor): "101",
        ("remote", remote.buyer): "17.5",
    }
    expected = {}
    for (ledger, holder), held in shares.items():
        gross = Decimal("0.82") * Decimal(held)
        tax = gross * STATUTORY.numerator / STATUTORY.denominator
        expected[ledger, holder.address] = [gross, tax, gross - tax]
    assert paid == expected
    assert paid["remote", remote.investor.address][0] == Decimal("82.82")


# -------------------------------------------------------------------------------- Bund


@pytest.fixture(scope="module")
def bunds() -> World:
    """The bond of examples/bund.yaml on both ledgers in February 2027, with cash in cents."""
    return bunds_at(BUND_GENESIS)


@pytest.fixture
def bund(bunds: World) -> Iterator[World]:
    with bunds.isolated():
        yield bunds


def coupon(rate: str, coaf: str) -> Mapping[str, Any]:
    """The coupon of 15 February 2027, a Monday, to holders of the Friday before."""
    return {
        "schema": "tallystick.event/1",
        "isin": "DE0001102580",
        "corp": "TALLY-2027-0215",
        "coaf": coaf,
        "caev": "INTR",
        "camv": "MAND",
        "dates": {"announcement": "2027-02-01", "record": "2027-02-12", "payment": "2027-02-15"},
        "rate": rate,
        "currency": "EUR",
        "cash_decimals": 2,
        "terms": "0x" + "11" * 32,
    }


def interest(nominal: str, percent: str, days: int, year: int) -> list[Decimal]:
    """Gross, tax and net of a coupon period in euros, as terms say it: actual/actual, to the cent
    below."""
    exact = Decimal(nominal) * Decimal(percent) / 100 * days / year
    gross = exact.quantize(CENT, ROUND_DOWN)
    tax = (gross * Decimal("26.375") / 100).quantize(CENT, ROUND_DOWN)
    return [gross, tax, gross - tax]


@pytest.mark.requirement("R-46", "INV-6")
@pytest.mark.parametrize(
    ("percent", "days", "year", "rate"),
    [
        # The public bond has a coupon of nothing; these are illustrations: a whole year, a short
        # first period of 34 days, and rates with decimals.
        ("1.7", 365, 365, "0.017"),
        ("2.25", 34, 365, "765/365000"),
        ("0.125", 365, 365, "0.00125"),
    ],
)
def test_the_coupon_of_the_bund_is_paid_to_the_cent(
    bund: World, tmp_path: Path, percent: str, days: int, year: int, rate: str
) -> None:
    event = Driven.from_file(bund, tmp_path, coupon(rate, "DE-2027-INTR-01"))
    event.terms(GERMAN, "EUR")
    event.told()
    event.day(event.record.record_day)
    home, remote = bund.home, bund.remote
    bund.arrived(123_456_78)
    remote.token.transfer(remote.buyer, 23_456_79, sender=remote.investor)
    event.fixed([bund.locked(1_000_01, remote.fund), bund.burned(333_33)])
    paid = paid_to(event.paid(), 2)
    nominal = {
        ("home", home.investor): "1875543.21",
        ("home", home.buyer): "1500000.25",
        ("home", home.fund): "333.33",
        ("remote", remote.investor): "99666.66",
        ("remote", remote.buyer): "23456.79",
        ("remote", remote.fund): "1000.01",
    }
    assert sum(map(Decimal, nominal.values())) == Decimal("3500000.25")
    assert paid == {
        (ledger, holder.address): interest(held, percent, days, year)
        for (ledger, holder), held in nominal.items()
    }


@pytest.mark.requirement("R-51")
def test_a_coupon_of_nothing_owes_nothing(bund: World, tmp_path: Path) -> None:
    """As the public bond's: it is announced, fixed, and opens without cash."""
    event = Driven.from_file(bund, tmp_path, coupon("0", "DE-2027-INTR-00"))
    event.terms(GERMAN, "EUR")
    event.told()
    event.fixed()
    steps = list(event.driver.fund())
    assert {(step.state, step.detail.partition(": ")[2]) for step in steps} == {
        ("done", "nothing is due")
    }
    assert bund.home.cash.balanceOf(bund.home.engine) == 0
