"""Which rate is withheld: by category, the highest for who has proven nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.entitlement import TAX_TERM_MAX, Rate, entitlement
from tallystick.actions.tax import MAX_RATES, TaxTable, withheld

parts = st.one_of(st.integers(1, 10**4), st.integers(1, TAX_TERM_MAX))
taxes = st.one_of(
    st.sampled_from((Rate(0), Rate(1))),
    st.builds(lambda a, b: Rate.of(Fraction(min(a, b), max(a, b))), parts, parts),
)


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


@st.composite
def tables(draw: st.DrawFn) -> TaxTable:
    """Any rates, the highest first, the last category with one."""
    rates = draw(st.lists(taxes, min_size=1, max_size=MAX_RATES))
    first, *lower = sorted(rates, key=exact, reverse=True)
    kept = [draw(st.sampled_from((rate, None))) for rate in draw(st.permutations(lower))]
    return TaxTable((first, *kept[:-1], *lower[-1:]) if kept else (first,))


# The statutory rate, one of a treaty, no third, and who is exempt.
STATUTORY, TREATY, EXEMPT = Rate(3, 10), Rate(3, 20), Rate(0)
TABLE = TaxTable((STATUTORY, TREATY, None, EXEMPT))


@given(tables())
def test_a_table_is_its_words_and_back(table: TaxTable) -> None:
    words = table.pack()
    assert len(words) == MAX_RATES
    assert TaxTable.unpack(words) == table


def test_a_rate_is_packed_lowest_bits_first() -> None:
    before, rate = 0x123456789ABC, 0xFEDCBA987655
    words = TaxTable((Rate(before, rate), None, Rate(0))).pack()
    assert [f"{word:024x}" for word in words[:4]] == [
        f"{rate:012x}{before:012x}",
        f"{0:024x}",
        f"{1:012x}{0:012x}",
        f"{0:024x}",
    ]
    assert set(words[3:]) == {0}


def test_no_rate_is_not_a_rate_of_nothing() -> None:
    table = TaxTable.unpack((3 | 10 << 48, 0, 1 << 48, *[0] * 13))
    assert table == TaxTable((STATUTORY, None, EXEMPT))
    assert [table.rate_of(category) for category in range(4)] == [
        STATUTORY,
        STATUTORY,
        EXEMPT,
        STATUTORY,
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((3 | 10 << 48,), "expected 16 words of 96 bits"),
        ((3 | 10 << 48, *[0] * 16), "expected 16 words of 96 bits"),
        ((1 << 96 | 3 | 10 << 48, *[0] * 15), "expected 16 words of 96 bits"),
        ((-1, *[0] * 15), "expected 16 words of 96 bits"),
        ((0,) * 16, "expected 1 to 16 rates, and a first one"),
        ((0, 1 << 48, *[0] * 14), "expected 1 to 16 rates, and a first one"),
        ((5, *[0] * 15), "expected 5 in lowest terms"),
        ((2 | 4 << 48, *[0] * 15), "expected 1/2 in lowest terms"),
        ((3 | 2 << 48, *[0] * 15), "expected a tax of 0 to 1 whose terms fit 48 bits"),
        ((1 | 2 << 48, 2 | 3 << 48, *[0] * 14), "expected the first rate to be the highest"),
    ],
)
def test_words_that_no_table_packs_to_are_refused(words: tuple[int, ...], expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        TaxTable.unpack(words)
    assert str(caught.value) == expected


@pytest.mark.parametrize("rates", [(), (None,), (None, TREATY), (STATUTORY, *[TREATY] * 16)])
def test_a_table_has_a_first_rate_and_at_most_sixteen(rates: tuple[Rate | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"^expected 1 to 16 rates, and a first one$"):
        TaxTable(rates)


@pytest.mark.parametrize("rate", [Rate(2), Rate(1, TAX_TERM_MAX + 1)])
def test_a_rate_that_cannot_be_withheld_is_refused(rate: Rate) -> None:
    for rates in ((rate,), (Rate(1), rate)):
        with pytest.raises(ValueError, match=r"^expected a tax of 0 to 1 whose terms fit 48 bits$"):
            TaxTable(rates)


@pytest.mark.parametrize(
    ("category", "expected"),
    [(0, STATUTORY), (1, TREATY), (2, STATUTORY), (3, EXEMPT), (4, STATUTORY), (15, STATUTORY)],
    ids=["nothing proven", "own", "without a rate", "exempt", "beyond the table", "the last"],
)
def test_the_category_says_the_rate(category: int, expected: Rate) -> None:
    assert TABLE.rate_of(category) == expected


@pytest.mark.parametrize("category", [-1, MAX_RATES])
def test_a_category_out_of_range_is_refused(category: int) -> None:
    with pytest.raises(ValueError, match=r"^expected a category of 0 to 15$"):
        TABLE.rate_of(category)


@given(tables(), st.integers(0, MAX_RATES - 1))
def test_who_has_proven_nothing_pays_the_highest_rate(table: TaxTable, category: int) -> None:
    withheld = table.rate_of(category)
    assert exact(withheld) <= exact(table.rate_of(0))
    assert withheld in table.rates
    # Whatever a table says can be withheld.
    assert entitlement(10**6, Rate(1), withheld).net >= 0


def test_rates_are_compared_exactly() -> None:
    """The two are one number to a float."""
    lower, higher = Rate(TAX_TERM_MAX - 2, TAX_TERM_MAX - 1), Rate(TAX_TERM_MAX - 1, TAX_TERM_MAX)
    assert float(exact(lower)) == float(exact(higher))
    assert TaxTable((higher, lower)).rate_of(0) == higher
    with pytest.raises(ValueError, match=r"^expected the first rate to be the highest$"):
        TaxTable((lower, higher))


def test_what_terms_withhold_follows_from_their_words_in_lowest_terms_or_not() -> None:
    table = TaxTable((Rate(3, 10), None, Rate(0)))
    gross = 1_000_009
    for category in range(4):
        due = table.rate_of(category).down(gross)
        assert withheld(table.pack(), category, gross) == due
        # A contract takes 30/100 as well.
        words = [
            word and (word & 2**48 - 1) * 10 | (word >> 48) * 10 << 48 for word in table.pack()
        ]
        assert withheld(words, category, gross) == due
