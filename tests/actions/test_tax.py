"""Which rate is withheld: by category and payment day, the highest for who has proven nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.entitlement import TAX_TERM_MAX, Rate, entitlement
from tallystick.actions.tax import CATEGORY_MAX, TaxRow, TaxTable
from tallystick.token.position import DAY_MAX

parts = st.one_of(st.integers(1, 10**4), st.integers(1, TAX_TERM_MAX))
taxes = st.one_of(
    st.sampled_from((Rate(0), Rate(1))),
    st.builds(lambda a, b: Rate.of(Fraction(min(a, b), max(a, b))), parts, parts),
)
days = st.integers(0, DAY_MAX)
rows = st.builds(TaxRow, taxes, days, st.one_of(st.none(), taxes))
tables = st.builds(
    TaxTable, st.dictionaries(st.integers(1, CATEGORY_MAX), rows, min_size=1, max_size=6)
)

# The statutory rate and two of treaties; the lower of them from day 18,500 on, after another.
STATUTORY, TREATY, EXEMPT = Rate(3, 10), Rate(3, 20), Rate(0)
TABLE = TaxTable(
    {
        1: TaxRow(STATUTORY, 0),
        2: TaxRow(TREATY, 18_500, Rate(1, 5)),
        3: TaxRow(EXEMPT, 18_600),
    }
)


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


# ---------------------------------------------------------------------------- a row


@given(rows)
def test_a_row_is_its_word_and_back(row: TaxRow) -> None:
    word = row.pack()
    assert 0 < word < 2**240
    assert TaxRow.unpack(word) == row


def test_a_row_is_packed_lowest_bits_first() -> None:
    before, rate = 0x123456789ABCDE, 0xFEDCBA98765431
    row = TaxRow(Rate(before, rate), 0xBEEF, Rate(1, 5))
    fields = [f"{5:014x}", f"{1:014x}", "beef", f"{rate:014x}", f"{before:014x}"]
    assert f"{row.pack():060x}" == "".join(fields)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (TaxRow(Rate(0), 0), 1 << 56),
        (TaxRow(Rate(1), DAY_MAX), 1 | 1 << 56 | 0xFFFF << 112),
        (TaxRow(Rate(0), 0, Rate(0)), 1 << 56 | 1 << 184),
        (
            TaxRow(Rate(TAX_TERM_MAX - 1, TAX_TERM_MAX), 0),
            TAX_TERM_MAX - 1 | TAX_TERM_MAX << 56,
        ),
    ],
)
def test_no_rate_before_is_not_a_rate_of_nothing(row: TaxRow, word: int) -> None:
    assert row.pack() == word
    assert TaxRow.unpack(word) == row


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0, "expected a rate"),
        (18_500 << 112, "expected a rate"),
        (1 << 56 | 1 << 240, "expected a word of 240 bits"),
        (-1, "expected a word of 240 bits"),
        (5, "expected 5 in lowest terms"),
        (2 | 4 << 56, "expected 1/2 in lowest terms"),
        (1 << 56 | 7 << 128, "expected 7 in lowest terms"),
        (3 | 2 << 56, "expected a tax of 0 to 1 whose terms fit 56 bits"),
    ],
)
def test_a_word_that_no_row_packs_to_is_refused(word: int, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        TaxRow.unpack(word)
    assert str(caught.value) == expected


@pytest.mark.parametrize("rate", [Rate(2), Rate(1, TAX_TERM_MAX + 1)])
def test_a_rate_that_cannot_be_withheld_is_refused(rate: Rate) -> None:
    for arguments in ((rate, 0), (Rate(0), 0, rate)):
        with pytest.raises(ValueError, match=r"^expected a tax of 0 to 1 whose terms fit 56 bits$"):
            TaxRow(*arguments)


@pytest.mark.parametrize("day", [-1, DAY_MAX + 1])
def test_a_day_out_of_range_is_refused(day: int) -> None:
    with pytest.raises(ValueError, match=r"^expected a day of 0 to 65535$"):
        TaxRow(Rate(0), day)


def test_a_rate_holds_from_its_day_on() -> None:
    row = TaxRow(TREATY, 18_500, STATUTORY)
    assert [row.rate_on(day) for day in (0, 18_499, 18_500, DAY_MAX)] == [
        *[STATUTORY] * 2,
        *[TREATY] * 2,
    ]
    assert TaxRow(TREATY, 18_500).rate_on(18_499) is None


def test_a_change_keeps_the_rate_before_it_and_no_other() -> None:
    row = TaxRow(STATUTORY, 10).then(TREATY, 20)
    assert row == TaxRow(TREATY, 20, STATUTORY)
    assert row.then(EXEMPT, 21) == TaxRow(EXEMPT, 21, TREATY)
    for since in (19, 20):
        with pytest.raises(ValueError, match=r"^expected a day after 20$"):
            row.then(EXEMPT, since)


# ------------------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("category", "day", "expected"),
    [
        (1, 18_499, STATUTORY),
        (2, 18_499, Rate(1, 5)),
        (2, 18_500, TREATY),
        (3, 18_599, STATUTORY),
        (3, 18_600, EXEMPT),
        (0, 18_600, STATUTORY),
        (4, 18_600, STATUTORY),
    ],
    ids=["own", "the day before", "its day", "none yet", "nothing", "no category", "unknown"],
)
def test_category_and_payment_day_say_the_rate(category: int, day: int, expected: Rate) -> None:
    assert TABLE.rate_of(category, day) == expected


@given(tables, st.integers(0, CATEGORY_MAX), days)
def test_who_has_proven_nothing_pays_the_highest_rate_in_force(
    table: TaxTable, category: int, day: int
) -> None:
    in_force = {number: row.rate_on(day) for number, row in table.rows.items()}
    known = {number: exact(rate) for number, rate in in_force.items() if rate is not None}
    if not known:
        with pytest.raises(ValueError, match=rf"^expected a rate in force on day {day}$"):
            table.rate_of(category, day)
        return
    withheld = table.rate_of(category, day)
    assert exact(withheld) == known.get(category, max(known.values()))
    assert all(exact(table.rate_of(0, day)) >= rate for rate in known.values())
    # Whatever a table says can be withheld.
    assert entitlement(10**6, Rate(1), withheld).net >= 0


def test_rates_are_compared_exactly() -> None:
    """The two are one number to a float."""
    lower, higher = (
        Rate(TAX_TERM_MAX - 2, TAX_TERM_MAX - 1),
        Rate(TAX_TERM_MAX - 1, TAX_TERM_MAX),
    )
    assert float(exact(lower)) == float(exact(higher))
    for pair in ((lower, higher), (higher, lower)):
        table = TaxTable(dict(enumerate((TaxRow(rate, 0) for rate in pair), start=1)))
        assert table.rate_of(0, 0) == higher


def test_a_table_without_a_rate_in_force_knows_no_highest() -> None:
    for table in (TaxTable(), TaxTable({1: TaxRow(STATUTORY, 8)})):
        with pytest.raises(ValueError, match=r"^expected a rate in force on day 7$"):
            table.rate_of(1, 7)


def test_a_change_is_a_table_of_its_own() -> None:
    table = TABLE.then(2, EXEMPT, 18_700).then(4, TREATY, 18_800)
    assert table.rows[2] == TaxRow(EXEMPT, 18_700, TREATY)
    assert table.rows[4] == TaxRow(TREATY, 18_800)
    assert (table.rows[1], table.rows[3]) == (TABLE.rows[1], TABLE.rows[3])
    assert TABLE.rows[2] == TaxRow(TREATY, 18_500, Rate(1, 5))
    assert 4 not in TABLE.rows


def test_nobody_changes_a_table() -> None:
    given_rows = {1: TaxRow(STATUTORY, 0)}
    table = TaxTable(given_rows)
    given_rows[2] = TaxRow(EXEMPT, 0)
    assert dict(table.rows) == {1: TaxRow(STATUTORY, 0)}
    with pytest.raises(TypeError):
        table.rows[2] = TaxRow(EXEMPT, 0)


@pytest.mark.parametrize("category", [-1, 0, CATEGORY_MAX + 1])
def test_a_category_out_of_range_is_refused(category: int) -> None:
    with pytest.raises(ValueError, match=r"^expected categories of 1 to 255$"):
        TABLE.then(category, EXEMPT, 0)
