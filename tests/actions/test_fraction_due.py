"""What the contract gives an amount of record is what the model gives it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.entitlement import RATE_MAX, Rate
from tallystick.actions.fractions import treat
from tallystick.actions.record import GIVEN, PRICED, Rounding
from tallystick.chain import Contract
from tallystick.chain.embedded import EmbeddedChain
from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio

_PART = 2**40 - 1
_parts = st.one_of(st.integers(1, 12), st.integers(1, _PART), st.just(_PART))
_amounts = st.one_of(st.integers(0, 100), st.integers(0, AMOUNT_MAX), st.just(AMOUNT_MAX))
_terms = st.one_of(st.integers(1, 1_000), st.integers(1, RATE_MAX), st.just(RATE_MAX))


@pytest.fixture(scope="module")
def harness() -> Contract:
    """The pure part of the module."""
    chain = EmbeddedChain()
    return chain.deploy("FractionsHarness", sender=chain.account(0))


@pytest.mark.requirement("R-45", "INV-12")
@given(
    rounding=st.sampled_from(sorted(GIVEN)),
    amount=_amounts,
    numerator=_parts,
    denominator=_parts,
    price=st.builds(Fraction, _terms, _terms).map(Rate.of),
)
def test_contract_and_model_give_the_same(
    harness: Contract,
    rounding: Rounding,
    amount: int,
    numerator: int,
    denominator: int,
    price: Rate,
) -> None:
    word = rounding | numerator << 20 | denominator << 60
    packed = (price.numerator | price.denominator << 96) if rounding in PRICED else 0
    ratio = Ratio(numerator, denominator, 1)
    rate = price if rounding in PRICED else Rate(0)
    due = treat(rounding.code, amount, ratio, rate)
    expected = amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0)
    assert tuple(harness.due(word, packed, amount)) == expected


@pytest.mark.requirement("R-45")
def test_a_half_is_rounded_up_and_less_is_not(harness: Contract) -> None:
    """Of ten old units one new: 5 are a half, 4 are not."""
    word = Rounding.NEAREST | 1 << 20 | 10 << 60
    assert [tuple(harness.due(word, 0, held))[2] for held in (4, 5, 14, 15, 20)] == [0, 1, 0, 1, 0]


@pytest.mark.requirement("R-45")
def test_cash_is_rounded_against_whoever_gains_by_it(harness: Contract) -> None:
    """One part of three at 100: 33 to the holder; the two parts that lack cost 67."""
    price = 100 | 1 << 96
    cash, bought = (
        tuple(harness.due(code | 1 << 20 | 3 << 60, price, 1))
        for code in (Rounding.CASH, Rounding.BOUGHT_UP)
    )
    assert (cash[2:], bought[2:]) == ((0, 33, 0), (1, 0, 67))
