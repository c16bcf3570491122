"""Gross, tax and net to the smallest unit of the cash, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.entitlement import (
    NO_TAX,
    RATE_MAX,
    Entitlement,
    Rate,
    entitlement,
    total,
)
from tallystick.token.position import AMOUNT_MAX

units = st.one_of(st.integers(0, 10**6), st.integers(0, AMOUNT_MAX))
numbers = st.one_of(st.integers(1, 10**6), st.integers(1, RATE_MAX))
rates = st.builds(lambda n, d: Rate.of(Fraction(n, d)), st.one_of(st.just(0), numbers), numbers)
parts = st.one_of(st.integers(1, 10**4), st.integers(1, 2**48 - 1))
taxes = st.builds(lambda a, b: Rate.of(Fraction(min(a, b), max(a, b))), parts, parts)


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


@given(units, rates, taxes)
def test_gross_and_tax_round_down_and_net_is_the_rest(held: int, rate: Rate, tax: Rate) -> None:
    paid = entitlement(held, rate, tax)
    assert paid.gross == floor(exact(rate) * held)
    assert paid.tax == floor(exact(tax) * paid.gross)
    assert paid.net == paid.gross - paid.tax
    assert 0 <= paid.net <= paid.gross


@given(units, rates, taxes)
def test_no_holder_is_withheld_more_than_its_rate(held: int, rate: Rate, tax: Rate) -> None:
    paid = entitlement(held, rate, tax)
    assert 0 <= exact(tax) * paid.gross - paid.tax < 1


@given(st.lists(st.tuples(st.integers(0, 2**90), taxes), min_size=1, max_size=9), rates)
def test_holders_are_paid_what_was_funded_less_a_smallest_unit_each(
    holders: list[tuple[int, Rate]], rate: Rate
) -> None:
    paid = [entitlement(held, rate, tax) for held, tax in holders]
    booked = total(paid)
    funding = entitlement(booked.units, rate).gross
    assert booked.gross <= funding < booked.gross + len(holders)
    assert booked.gross == booked.tax + booked.net == sum(each.tax + each.net for each in paid)
    assert booked.units == sum(held for held, _ in holders)


@given(units, units, rates)
def test_splitting_a_holding_never_pays_more(one: int, other: int, rate: Rate) -> None:
    both = min(one + other, AMOUNT_MAX)
    apart = entitlement(one, rate).gross + entitlement(both - one if both >= one else 0, rate).gross
    assert apart <= entitlement(both, rate).gross


def test_the_largest_values_fit_the_words_of_a_contract() -> None:
    largest = entitlement(AMOUNT_MAX, Rate(RATE_MAX), Rate(1))
    assert largest == Entitlement(AMOUNT_MAX, AMOUNT_MAX * RATE_MAX, AMOUNT_MAX * RATE_MAX)
    assert largest.gross < 2**200
    tax = Rate(2**48 - 2, 2**48 - 1)
    assert largest.gross * tax.numerator < 2**256
    assert entitlement(AMOUNT_MAX, Rate(RATE_MAX), tax).net > 0
    assert entitlement(AMOUNT_MAX, Rate(1, RATE_MAX)).gross == AMOUNT_MAX // RATE_MAX


@pytest.mark.parametrize(
    ("held", "rate", "tax", "gross", "withheld"),
    [
        # USD 0.82 a share, shares with 6 decimals, cash with 6 and with 2
        (100_000_000, Rate(41, 50), NO_TAX, 82_000_000, 0),
        (100_000_000, Rate(41, 500_000), Rate(3, 10), 8_200, 2_460),
        (1, Rate(41, 50), NO_TAX, 0, 0),
        (2, Rate(41, 50), NO_TAX, 1, 0),
        # 26.375 % of EUR 0.99 are 26.11125 cents, of EUR 0.01 none
        (99, Rate(1), Rate(211, 800), 99, 26),
        (1, Rate(1), Rate(211, 800), 1, 0),
        # the whole of it, and none of it
        (7, Rate(1, 2), Rate(1), 3, 3),
        (7, Rate(0), Rate(1), 0, 0),
    ],
)
def test_paid_to_the_smallest_unit(
    held: int, rate: Rate, tax: Rate, gross: int, withheld: int
) -> None:
    assert entitlement(held, rate, tax) == Entitlement(held, gross, withheld)


def test_nobody_paid_is_nothing() -> None:
    assert total([]) == Entitlement(0, 0, 0)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (2, 4, "expected 1/2 in lowest terms"),
        (0, 2, "expected 0 in lowest terms"),
        (1, 0, "expected 1 in lowest terms"),
        (-1, 2, "expected a rate of 0 or more whose terms fit 96 bits"),
        (RATE_MAX + 1, 1, "expected a rate of 0 or more whose terms fit 96 bits"),
        (1, RATE_MAX + 1, "expected a rate of 0 or more whose terms fit 96 bits"),
    ],
)
def test_a_rate_is_in_lowest_terms_and_fits(
    numerator: int, denominator: int, expected: str
) -> None:
    with pytest.raises(ValueError) as caught:
        Rate(numerator, denominator)
    assert str(caught.value) == expected


@pytest.mark.parametrize("held", [-1, AMOUNT_MAX + 1])
def test_units_out_of_range_are_refused(held: int) -> None:
    with pytest.raises(ValueError, match=r"^expected 0 to 2\*\*104 - 1 units$"):
        entitlement(held, Rate(1))


@pytest.mark.parametrize("tax", [Rate(2), Rate(3, 2), Rate(1, 2**48)])
def test_a_tax_above_the_whole_or_too_fine_is_refused(tax: Rate) -> None:
    with pytest.raises(ValueError, match=r"^expected a tax of 0 to 1 whose terms fit 48 bits$"):
        entitlement(1, Rate(1), tax)
