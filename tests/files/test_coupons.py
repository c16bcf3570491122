"""Coupons files: the events that a good one makes, and the one line that each bad field gets."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.actions.entitlement import Rate, entitlement
from tallystick.errors import InputError
from tallystick.files.coupons import TermsEvent, coupons_schema, load_coupons
from tallystick.files.event import load_event
from tallystick.files.instrument import load_instrument
from tests.support.commands import ROOT

EXAMPLE = ROOT / "examples" / "bund-coupons.yaml"
BUND = load_instrument(ROOT / "examples" / "bund.yaml")
_HASH = "0xd3cd388cfc59dc9dd3531a784c733743de877f5e06d9786e96f58841a62982fa"


def data_of() -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(EXAMPLE.read_text(), Loader=yaml.BaseLoader)
    numbers = ("frequency", "nominal", "cash_decimals", "record", "announced")
    return data | {name: int(data[name]) for name in numbers}


def written(folder: Path, **changes: Any) -> Path:
    """The example with some fields changed."""
    file = folder / "coupons.yaml"
    file.write_text(json.dumps(data_of() | copy.deepcopy(changes)))
    return file


def loaded(folder: Path, **changes: Any) -> tuple[TermsEvent, ...]:
    return load_coupons(written(folder, **changes), BUND)


def coupons(folder: Path, **changes: Any) -> list[TermsEvent]:
    """Those alone."""
    return [made for made in loaded(folder, **changes) if made.record.caev == "INTR"]


def lines(folder: Path, **changes: Any) -> list[str]:
    file = written(folder, **changes)
    with pytest.raises(InputError) as caught:
        load_coupons(file, BUND)
    assert not any("\n" in line for line in caught.value.lines)
    return [line.removeprefix(f"{file}: ") for line in caught.value.lines]


def called(*more: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A redemption with a call on 15 February 2025, whole if nothing else is said."""
    calls = [{"on": "2025-02-15"} | changes, *more]
    return {"redemption": {"coaf": "R", "calls": calls}}


def test_the_coupons_of_the_bund_of_the_2020s_to_the_cent() -> None:
    """A holding of EUR 1,234,567.89; decimal arithmetic on what the terms say."""
    made_of_it = load_coupons(EXAMPLE, BUND)
    held = Decimal("1234567.89")
    year = held * Decimal("0.017")
    # A long first period: 39 days of the year before, and a year.
    expected = {2023: year * 404 / 365} | dict.fromkeys(range(2024, 2030), year)
    paid = {
        made.paid.due.year: Decimal(entitlement(int(held * 100), made.record.rate or Rate(0)).gross)
        / 100
        for made in made_of_it
        if made.paid.due.year < 2030
    }
    assert paid == {
        each: amount.quantize(Decimal("0.01"), ROUND_DOWN) for each, amount in expected.items()
    }
    assert paid[2024] == Decimal("20987.65")


def test_each_coupon_is_an_event_of_its_own() -> None:
    made_of_it = load_coupons(EXAMPLE, BUND)
    assert [made.record.caev for made in made_of_it] == ["INTR"] * 10 + ["REDM"]
    assert len({made.record.coaf for made in made_of_it}) == 11
    assert len({made.name for made in made_of_it}) == 11
    made = made_of_it[2]
    assert (made.record.corp, made.record.coaf, made.name) == (
        "TALLY-DE0001102580-20250215",
        "DE0001102580-INTR-20250215",
        "DE0001102580-INTR-20250215.yaml",
    )
    # 15 February 2025 is a Saturday.
    dates = made.event.dates
    assert (dates.announcement, dates.ex, dates.record, dates.payment) == (
        date(2025, 1, 31),
        None,
        date(2025, 2, 14),
        date(2025, 2, 17),
    )
    assert (made.record.caev, made.record.camv, made.record.currency) == ("INTR", "MAND", "EUR")
    assert made.record.rate == Rate(17, 1000)
    assert made.record.terms.hex() == _HASH[2:]


def test_an_event_file_that_is_written_makes_the_same_record(tmp_path: Path) -> None:
    made = loaded(tmp_path, ex=2, set_off=True, calendars=["TARGET", "SIFMA"], first="2022-04-01")
    for each in made:
        file = tmp_path / each.name
        file.write_text(each.text())
        assert load_event(file, BUND) == each.record
        assert load_event(file, BUND, today=each.paid.announcement).hash == each.record.hash
    # Between its days New York was closed: as `event announce` has to know.
    presidents = {day for each in made for day in each.event.holidays}
    assert date(2027, 2, 15) in presidents
    assert made[3].paid.payment == date(2027, 2, 16)


def test_cash_of_other_decimals_and_another_nominal_give_exact_rates(tmp_path: Path) -> None:
    first, second, *_ = coupons(
        tmp_path, nominal=1000, cash_decimals=6, factors=[{"from": "2023-02-15", "factor": "2/3"}]
    )
    # Units of EUR 1,000 with two decimals, cash with six.
    assert first.record.rate == Rate.of(Fraction("0.017") * 404 / 365 * 1000 * 10_000)
    assert second.record.rate == Rate.of(Fraction("0.017") * Fraction(2, 3) * 1000 * 10_000)


def test_what_a_factor_leaves_out_is_paid_back_with_the_coupon_of_that_day(tmp_path: Path) -> None:
    """EUR 1,000 of nominal a unit, of which a third and then half of the rest are paid back."""
    made = loaded(
        tmp_path,
        nominal=1000,
        last="2026-02-15",
        factors=[
            {"from": "2024-02-15", "factor": "2/3"},
            {"from": "2025-02-15", "factor": "1/3"},
        ],
    )
    assert [(each.record.caev, each.paid.due.year) for each in made] == [
        ("INTR", 2023),
        ("INTR", 2024),
        ("PRED", 2024),
        ("INTR", 2025),
        ("PRED", 2025),
        ("INTR", 2026),
        ("REDM", 2026),
    ]
    back = [each for each in made if each.record.caev != "INTR"]
    assert [(each.record.rate, each.record.left) for each in back] == [
        (Rate(1000, 3), None),
        (Rate(1000, 3), None),
        (Rate(1000, 3), Rate(0)),
    ]
    # Interest on what is left: all of it until the first, and for its holders' close.
    interest = [each.record.rate for each in made if each.record.caev == "INTR"]
    assert interest[1:] == [Rate(17), Rate(34, 3), Rate(17, 3)]
    for coupon, redemption in zip(made[1::2], made[2::2], strict=True):
        assert redemption.record.coaf == coupon.record.coaf.replace("INTR", "REDM")
        for name in ("corp", "announced", "record_day", "payment_day", "expires", "holidays"):
            of = "event" if name == "holidays" else "record"
            assert getattr(getattr(redemption, of), name) == getattr(getattr(coupon, of), name)


def test_without_its_terms_a_redemption_is_an_event_of_its_own_file(tmp_path: Path) -> None:
    data = data_of()
    del data["redemption"]
    file = tmp_path / "coupons.yaml"
    file.write_text(json.dumps(data | {"factors": [{"from": "2025-02-15", "factor": "0.5"}]}))
    made = load_coupons(file, BUND)
    assert [each.record.caev for each in made] == ["INTR"] * 10
    # A rate for less is none for units that were paid back: that is the file's to say.
    assert made[-1].record.rate == Rate(17, 2000)


def test_what_is_paid_back_has_a_price_and_what_began_below_par_was_never_paid(
    tmp_path: Path,
) -> None:
    redemption = {"coaf": "BOND-CALL", "price": "1.02"}
    factors = [{"from": "2022-01-07", "factor": "0.5"}]
    *_, last = made = loaded(tmp_path, redemption=redemption, factors=factors)
    assert [each.record.caev for each in made] == ["INTR"] * 10 + ["REDM"]
    assert (last.record.coaf, last.record.rate) == ("BOND-CALL-20320215", Rate(51, 100))


def test_what_is_called_takes_units_and_later_rates_are_for_those_that_are_left(
    tmp_path: Path,
) -> None:
    calls = [
        {"on": "2024-02-15", "ratio": "6:8", "price": "1.01"},
        {"on": "2025-08-15", "price": "1.02"},
    ]
    made = loaded(tmp_path, redemption={"coaf": "BOND-CALL", "calls": calls})
    found = [(each.record.caev, str(each.paid.due), each.record.unit_epoch) for each in made]
    assert found == [
        ("INTR", "2023-02-15", 0),
        ("INTR", "2024-02-15", 0),
        ("PCAL", "2024-02-15", 0),
        ("INTR", "2025-02-15", 1),
        ("INTR", "2025-08-15", 1),
        ("MCAL", "2025-08-15", 1),
    ]
    part, whole = (each.record for each in made if each.record.caev != "INTR")
    assert (part.coaf, part.rate, part.left) == (
        "BOND-CALL-20240215",
        Rate(101, 400),
        Rate(3, 4),
    )
    assert (whole.coaf, whole.rate, whole.left) == ("BOND-CALL-20250815", Rate(51, 50), Rate(0))
    # 181 days of a year's 365; a unit that is left has its whole nominal.
    assert [each.record.rate for each in made[3:5]] == [Rate(17, 1000), Rate(17 * 181, 365_000)]
    for each in made:
        file = tmp_path / each.name
        file.write_text(each.text())
        assert load_event(file, BUND).hash == each.record.hash


def test_a_call_changes_nothing_of_what_is_paid_before_it(tmp_path: Path) -> None:
    """Nor of the coupon of that day: what was announced stays as it is."""
    before = loaded(tmp_path)
    calls = [{"on": "2026-02-15", "ratio": "1:2"}]
    after = loaded(tmp_path, redemption={"coaf": "DE0001102580-REDM", "calls": calls})
    assert [each.record.hash for each in after[:4]] == [each.record.hash for each in before[:4]]
    assert after[4].record.caev == "PCAL"
    assert {each.record.unit_epoch for each in after[5:]} == {1}


def test_the_terms_alone_decide_and_not_the_day_on_which_they_are_read(tmp_path: Path) -> None:
    once, again = loaded(tmp_path), loaded(tmp_path)
    assert [each.record.hash for each in once] == [each.record.hash for each in again]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"first_period": "regular"},
            "first_period: regular: expected short or long: regular periods begin on 2021-02-15, ",
        ),
        (
            {"first": "2022-02-15"},
            "first_period: long: expected regular: a regular period begins on 2022-02-15",
        ),
        (
            {"first": "2031-03-01"},
            "first_period: long: expected short: there is no regular period after it",
        ),
        ({"last": "2022-01-07"}, "last: 2022-01-07: expected a day after 2022-01-07"),
        (
            {"first": "1998-02-15", "first_period": "regular"},
            "first: 1998-02-15: expected a day of 2000 to 2099, which TARGET",
        ),
        ({"last": "2100-02-15"}, "last: 2100-02-15: expected a day of 2000 to 2099, which TARGET"),
        (
            {
                "first": "2000-01-07",
                "first_period": "short",
                "announced": 250,
                "record": 30,
                "ex": 30,
            },
            "calendars: TARGET: expected days of 1999 to 2100, which TARGET knows: 1998 is none",
        ),
        ({"frequency": 5}, "frequency: 5: expected 1, 2, 3, 4, 6 or 12"),
        ({"day_count": "30/365"}, "day_count: 30/365: expected 30/360, 30E/360, ACT/360, ACT/365F"),
        (
            {"accrual": "adjusted"},
            "accrual: adjusted: expected unadjusted: regular periods of ACT/ACT-ICMA are those",
        ),
        (
            {"rule": "unadjusted"},
            "rule: unadjusted: expected a rule that moves payment: 2025-02-15",
        ),
        ({"calendars": ["LONDON"]}, "calendars[0]: LONDON: expected TARGET, NYSE or SIFMA"),
        ({"calendars": []}, "calendars: "),
        ({"calendars": ["TARGET", "TARGET"]}, "calendars: TARGET, TARGET: expected each calendar "),
        ({"rate": "1.7%"}, "rate: 1.7%: expected currency for one whole unit, in quotes"),
        ({"rate": f"{10**29}"}, "rate: "),
        ({"rate": "1.7"}, 'rate: 1.7: expected less than 1: 1.7 % is "0.017"'),
        (
            {"rate": f"1/{10**29 + 7}"},
            f"rate: 1/{10**29 + 7}: expected a rate of 0 or more whose terms fit 96 bits (coupon",
        ),
        (
            {"nominal": 10**17, "cash_decimals": 18},
            "rate: 0.017: expected a rate of 0 or more whose terms fit 96 bits (coupon of 2023-02",
        ),
        ({"nominal": 0}, "nominal: 0: expected more than 0"),
        ({"record": 0}, "record: 0: expected a number of at least 1"),
        ({"announced": 1}, "announced: 1: expected a number of at least 2"),
        ({"announced": 251}, "announced: 251: expected a number of at most 250"),
        ({"corp": "x" * 24}, f"corp: {'x' * 24}: expected 1 to 23 letters, digits or "),
        ({"coaf": "a b"}, "coaf: a b: expected 1 to 23 letters, digits or "),
        ({"isin": "US0378331005"}, "isin: US0378331005: expected the instrument's ISIN, DE0001102"),
        ({"schema": "tallystick.event/1"}, "schema: tallystick.event/1: expected tallystick.coup"),
        ({"stub": "long"}, "stub: long: expected no such field"),
        (
            {"factors": [{"from": "2024-02-16", "factor": "0.5"}]},
            "factors[0].from: 2024-02-16: expected the start of a period",
        ),
        (
            {
                "factors": [
                    {"from": "2025-02-15", "factor": "0.5"},
                    {"from": "2024-02-15", "factor": "0.25"},
                ]
            },
            "factors[1].from: 2024-02-15: expected the start of a period, one after the other",
        ),
        (
            {"factors": [{"from": "2024-02-15", "factor": 1}]},
            "factors[0].factor: 1: expected less than 1",
        ),
        (
            {"factors": [{"from": "2024-02-15", "factor": 0}]},
            "factors[0].factor: 0: expected more than 0: the last of it is redeemed on the last",
        ),
        ({"redemption": True}, "redemption: "),
        ({"redemption": {}}, "redemption.coaf: missing: expected"),
        (
            {"redemption": {"coaf": "DE0001102580-INTR"}},
            "redemption.coaf: DE0001102580-INTR: expected another than coupons have",
        ),
        ({"redemption": {"coaf": "R", "price": 0}}, "redemption.price: 0: expected more than 0"),
        (
            {"redemption": {"coaf": "R", "price": f"1/{10**29 + 7}"}},
            f"redemption.price: 1/{10**29 + 7}: expected a rate of 0 or more whose terms fit 96",
        ),
        (
            called(ratio="3:3"),
            "redemption.calls[0].ratio: 3:3: expected fewer units than before",
        ),
        (called(price=0), "redemption.calls[0].price: 0: expected more than 0"),
        (
            called(price=f"1/{10**29 + 7}"),
            f"redemption.calls: 1/{10**29 + 7}: expected a rate of 0 or more whose terms fit 96",
        ),
        (
            called(ratio=f"1:{2**40}"),
            "redemption.calls: 1: expected units left of units, fewer",
        ),
        (
            called(ratio="0.75"),
            "redemption.calls[0].ratio: 0.75: expected new units for old ones, in quotes",
        ),
        (
            called(on="2032-02-15"),
            "redemption.calls[0].on: 2032-02-15: expected a day after 2022-01-07, before 2032-02-1",
        ),
        (
            called(on="2025-02-14", ratio="1:2"),
            "redemption.calls[0].on: 2025-02-14: expected the end of a period, as it is called in ",
        ),
        (
            called({"on": "2026-02-15", "ratio": "1:2"}),
            "redemption.calls[1].on: 2026-02-15: expected none: it is called whole on 2025-02-15",
        ),
        (
            called({"on": "2024-02-15", "ratio": "1:2"}, ratio="1:2"),
            "redemption.calls[1].on: 2024-02-15: expected a day after 2025-02-15, before 2032-02-",
        ),
        (
            called(ratio="1:2") | {"factors": [{"from": "2025-02-15", "factor": "0.5"}]},
            "redemption.calls[0].on: 2025-02-15: expected a day on which no factor begins",
        ),
        (
            called() | {"factors": [{"from": "2025-02-15", "factor": "0.5"}]},
            "factors[0].from: 2025-02-15: expected the start of a period",
        ),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    (found,) = lines(tmp_path, **changes)
    assert found.startswith(line)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    assert lines(
        tmp_path,
        isin="DE0001102581",
        frequncy=1,
        rate=0.017,
        calendars=["TARGET", "MOON"],
        terms="0x12",
    ) == [
        "frequncy: 1: expected no such field (did you mean frequency?)",
        "isin: DE0001102581: expected check digit 0: DE0001102580 (ISO 6166)",
        (
            "rate: 0.017: expected currency for one whole unit, in quotes, such as "
            '"0.82" or "181/36500"'
        ),
        "calendars[1]: MOON: expected TARGET, NYSE or SIFMA",
        "terms: 0x12: expected a keccak256 hash: 0x and 64 hex digits in small letters, not zero",
    ]
    assert lines(
        tmp_path,
        nominal=0,
        accrual="adjusted",
        first_period="regular",
        factors=[{"from": "2024-02-16", "factor": 2}],
    ) == [
        "nominal: 0: expected more than 0",
        (
            "accrual: adjusted: expected unadjusted: regular periods of ACT/ACT-ICMA are those of "
            "the terms"
        ),
        (
            "first_period: regular: expected short or long: regular periods begin on 2021-02-15, "
            "not on 2022-01-07"
        ),
        "factors[0].from: 2024-02-16: expected the start of a period, one after the other",
        "factors[0].factor: 2: expected less than 1",
    ]


def test_a_coupon_of_nothing_is_one(tmp_path: Path) -> None:
    assert {made.record.rate for made in coupons(tmp_path, rate=0)} == {Rate(0)}


def test_the_schema_is_json() -> None:
    schema = json.loads(json.dumps(coupons_schema()))
    assert schema["$id"] == "tallystick.coupons/1"
