"""Event files: what a good one means, and the one line that each bad one gets."""

from __future__ import annotations

import copy
import functools
import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.actions.entitlement import Rate, entitlement
from tallystick.actions.record import EventRecord, Rounding, Tier
from tallystick.errors import InputError
from tallystick.files.coupons import load_coupons
from tallystick.files.event import event_schema, load_event
from tallystick.files.instrument import load_instrument

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
APPLE = load_instrument(EXAMPLES / "apple.yaml")
BUND = load_instrument(EXAMPLES / "bund.yaml")
ANNOUNCED = date(2020, 7, 30)
REMOVED = object()


@functools.cache
def data_of() -> dict[str, Any]:
    # Read as the loader reads: YAML 1.1 would turn dates into something else.
    text = (EXAMPLES / "apple-dividend.yaml").read_text()
    data: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    data["cash_decimals"] = int(data["cash_decimals"])
    return data


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy of the example with fields set, or removed."""
    data = copy.deepcopy(data_of())
    for path, value in changes:
        node: Any = data
        *steps, last = path.split(".")
        for step in steps:
            node = node[step]
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return data


def loaded(tmp_path: Path, *changes: tuple[str, Any], today: date = ANNOUNCED) -> EventRecord:
    file = tmp_path / "event.yaml"
    file.write_text(json.dumps(changed(*changes)))
    return load_event(file, APPLE, today=today)


def message(tmp_path: Path, *changes: tuple[str, Any], today: date = ANNOUNCED) -> str:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, *changes, today=today)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_status == 2
    return text.removeprefix(f"{tmp_path / 'event.yaml'}: ")


# --- good files -----------------------------------------------------------------------------------


def test_the_published_dividend() -> None:
    record = load_event(EXAMPLES / "apple-dividend.yaml", APPLE, today=ANNOUNCED)
    days = (record.announced, record.ex, record.record_day, record.payment_day)
    assert days == (18_473, 18_481, 18_484, 18_487)
    assert (record.figures_by, record.relief_until) == (18_487, 18_487)
    assert record.expires == 18_487 + 1096
    assert (record.caev, record.camv) == ("DVCA", "MAND")
    assert (record.currency, record.cash_decimals) == ("USD", 6)
    assert (record.version, record.previous, record.unit_epoch) == (1, bytes(32), 0)
    assert (record.rounding, record.tier, record.set_off) == (Rounding.DOWN, Tier.ACCOUNT, False)
    assert record.terms.hex() == data_of()["terms"][2:]
    # 100 shares with 6 decimals get 82 dollars in cash of 6 decimals.
    assert entitlement(100 * 10**6, record.rate or Rate(0)).gross == 82 * 10**6


@pytest.mark.parametrize(
    ("written", "cash_decimals", "rate"),
    [
        ("0.82", 6, Rate(41, 50)),
        ("0.82", 2, Rate(41, 500_000)),
        ("0.8200", 6, Rate(41, 50)),
        ("0.3162987300001", 6, Rate(3_162_987_300_001, 10**13)),
        ("181/36500", 6, Rate(181, 36_500)),
        ("2/4", 6, Rate(1, 2)),
        (3, 6, Rate(3)),
        ("0", 6, Rate(0)),
        ("1", 18, Rate(10**12)),
    ],
)
def test_a_rate_is_exact(tmp_path: Path, written: object, cash_decimals: int, rate: Rate) -> None:
    record = loaded(tmp_path, ("rate", written), ("cash_decimals", cash_decimals))
    assert record.rate == rate


def test_dates_of_their_own(tmp_path: Path) -> None:
    record = loaded(
        tmp_path,
        ("dates.figures", "2020-08-11"),
        ("dates.relief", "2020-09-13"),
        ("dates.expiry", "2021-08-13"),
        ("set_off", True),
        ("unit_epoch", 3),
    )
    assert (record.figures_by, record.relief_until) == (18_485, 18_487 + 31)
    assert (record.expires, record.set_off, record.unit_epoch) == (18_487 + 365, True, 3)


def test_a_later_version_names_the_one_before(tmp_path: Path) -> None:
    first = loaded(tmp_path)
    second = loaded(
        tmp_path, ("version", 2), ("previous", f"0x{first.hash.hex()}"), ("rate", "0.83")
    )
    assert second == first.successor(rate=Rate(83, 100))


def test_a_coupon_has_no_ex_date(tmp_path: Path) -> None:
    data = changed(
        ("isin", BUND.isin),
        ("caev", "INTR"),
        ("dates.ex", REMOVED),
        ("rate", "0.0225"),
        ("currency", "EUR"),
        ("cash_decimals", 2),
    )
    file = tmp_path / "event.yaml"
    file.write_text(json.dumps(data))
    record = load_event(file, BUND, today=ANNOUNCED)
    assert record.ex == 0
    # One unit of EUR 1 is 100 base units; EUR 10,000 at 2.25 % are 225 euros.
    assert entitlement(10_000 * 100, record.rate or Rate(0)).gross == 22_500


def test_an_event_that_pays_no_cash(tmp_path: Path) -> None:
    data = changed(("caev", "INFO"), *((name, REMOVED) for name in ("rate", "currency")))
    data["dates"] = {"announcement": "2020-07-30"}
    file = tmp_path / "event.yaml"
    file.write_text(json.dumps(data))
    record = load_event(file, APPLE, today=ANNOUNCED)
    assert (record.rate, record.record_day, record.payment_day, record.expires) == (None, 0, 0, 0)


def test_schema_is_json() -> None:
    schema = json.loads(json.dumps(event_schema()))
    assert schema["$id"] == "tallystick.event/1"
    assert {"schema", "isin", "corp", "coaf", "caev", "camv", "dates"} <= set(schema["required"])


# --- bad files ------------------------------------------------------------------------------------

_RATE = 'expected currency for one whole unit, in quotes, such as "0.82" or "181/36500"'
_DECIMALS = "expected at most 13 decimal places (ISO 20022), or a fraction"
_REFERENCE = "expected 1 to 32 letters, digits or /-?:().,'+ (CORP, COAF)"
_BUSINESS = "expected a business day: Monday to Friday, no holiday"
BAD: list[tuple[list[tuple[str, Any]], str]] = [
    ([("schema", "tallystick.plan/1")], "schema: tallystick.plan/1: expected tallystick.event/1"),
    ([("extra", 1)], "extra: 1: expected no such field"),
    ([("coaf", REMOVED)], "coaf: missing: expected this field"),
    (
        [("isin", "US0378331003")],
        "isin: US0378331003: expected check digit 5: US0378331005 (ISO 6166)",
    ),
    (
        [("isin", "DE0001102580")],
        "isin: DE0001102580: expected the instrument's ISIN, US0378331005",
    ),
    # codes
    (
        [("caev", "DIVI")],
        "caev: DIVI: expected one of the 68 event types of ISO 20022 (CAEV)",
    ),
    ([("camv", "MUST")], "camv: MUST: expected one of CHOS, MAND, VOLU (CAMV)"),
    (
        [("caev", 7)],
        "caev: 7: expected text (put it in quotes if it looks like a number)",
    ),
    ([("corp", "")], f'corp: "": {_REFERENCE}'),
    ([("coaf", "no spaces")], f"coaf: no spaces: {_REFERENCE}"),
    ([("currency", "DOLLAR")], "currency: DOLLAR: expected a currency code: 3 capitals (ISO 4217)"),
    ([("tier", "owner")], "tier: owner: expected account"),
    ([("rounding", "up")], "rounding: up: expected down"),
    # money
    ([("rate", REMOVED)], "rate: missing: expected the rate that DVCA pays"),
    ([("currency", REMOVED)], "currency: missing: expected the currency of the rate"),
    (
        [("cash_decimals", REMOVED)],
        "cash_decimals: missing: expected the decimals of the cash that the rate is paid in",
    ),
    ([("cash_decimals", 19)], "cash_decimals: 19: expected a number of at most 18"),
    ([("rate", "0.82000000000001")], f"rate: 0.82000000000001: {_DECIMALS}"),
    ([("rate", "-0.82")], f"rate: -0.82: {_RATE}"),
    ([("rate", "0,82")], f"rate: 0,82: {_RATE}"),
    ([("rate", "00.82")], f"rate: 00.82: {_RATE}"),
    ([("rate", "1/0")], f"rate: 1/0: {_RATE}"),
    ([("rate", 0.82)], f"rate: 0.82: {_RATE}"),
    ([("rate", True)], f"rate: true: {_RATE}"),
    ([("rate", -1)], f"rate: -1: {_RATE}"),
    (
        [("rate", f"1/{10**29}")],
        f"rate: 1/{10**29}: expected a rate of 0 or more whose terms fit 96 bits",
    ),
    # dates
    ([("dates.ex", "2020-8-7")], "dates.ex: 2020-8-7: expected a day as YYYY-MM-DD"),
    ([("dates.payment", REMOVED)], "dates.payment: missing: expected a day, DVCA pays cash"),
    ([("dates.record", REMOVED)], "dates.record: missing: expected a day, DVCA pays cash"),
    (
        [("dates.announcement", "2020-08-07")],
        "dates.ex: 2020-08-07: expected 2020-08-08 or later, after the announcement",
    ),
    (
        [("dates.ex", "2020-08-11")],
        "dates.record: 2020-08-10: expected 2020-08-11 or later, not before the ex date",
    ),
    (
        [("dates.payment", "2020-08-10")],
        "dates.payment: 2020-08-10: expected 2020-08-11 or later, after the record date",
    ),
    (
        [("dates.figures", "2020-08-14")],
        "dates.figures: 2020-08-14: expected 2020-08-13 or earlier, when payment begins",
    ),
    (
        [("dates.relief", "2020-08-12")],
        "dates.relief: 2020-08-12: expected 2020-08-13 or later, not before the payment date",
    ),
    (
        [("dates.expiry", "2020-11-10")],
        "dates.expiry: 2020-11-10: expected 2020-11-11 or later, 90 days after payment begins",
    ),
    ([("dates.record", "2020-08-09")], f"dates.record: 2020-08-09: {_BUSINESS}"),
    ([("dates.payment", "2020-08-15")], f"dates.payment: 2020-08-15: {_BUSINESS}"),
    ([("dates.ex", "2020-08-08")], f"dates.ex: 2020-08-08: {_BUSINESS}"),
    (
        [("holidays", ["2020-08-13"])],
        f"dates.payment: 2020-08-13: {_BUSINESS}",
    ),
    (
        [("dates.announcement", "2020-07-31")],
        "dates.announcement: 2020-07-31: expected today, 2020-07-30, or a day before",
    ),
    # versions
    ([("version", 2)], "previous: missing: expected the hash of the version before"),
    ([("version", 0)], "version: 0: expected a number of at least 1"),
    ([("unit_epoch", 128)], "unit_epoch: 128: expected 0 to 127"),
    (
        [("terms", "0x00")],
        ("terms: 0x00: expected a keccak256 hash: 0x and 64 hex digits in small letters, not zero"),
    ),
]


@pytest.mark.parametrize(("changes", "expected"), BAD)
def test_a_bad_file_gets_one_line(
    tmp_path: Path, changes: list[tuple[str, Any]], expected: str
) -> None:
    assert message(tmp_path, *changes) == expected


@pytest.mark.parametrize("today", [date(2020, 8, 10), date(2026, 1, 5)])
def test_a_record_date_that_is_past_is_refused(tmp_path: Path, today: date) -> None:
    assert message(tmp_path, today=today) == (
        f"dates.record: 2020-08-10: expected a day after today, {today}"
    )


def test_a_record_date_needs_notice(tmp_path: Path) -> None:
    # From Friday the 7th to Monday the 10th is one business day.
    for today in (date(2020, 8, 7), date(2020, 8, 9)):
        assert message(tmp_path, today=today) == (
            f"dates.record: 2020-08-10: expected at least 2 business days after today, {today}"
        )
    assert loaded(tmp_path, today=date(2020, 8, 6)).record_day == 18_484
    assert message(tmp_path, ("holidays", ["2020-08-07"]), today=date(2020, 8, 6)) == (
        "dates.record: 2020-08-10: expected at least 2 business days after today, 2020-08-06"
    )


def test_a_ledger_s_notice_can_be_another(tmp_path: Path) -> None:
    file = tmp_path / "event.yaml"
    file.write_text(json.dumps(data_of()))
    assert load_event(file, APPLE, today=date(2020, 8, 7), notice=1).record_day == 18_484
    with pytest.raises(InputError, match="at least 8 business days after today, 2020-07-30"):
        load_event(file, APPLE, today=ANNOUNCED, notice=8)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2020-08-06", "at least 2 business days before the ex date, 2020-08-07"),
        ("2020-08-05", None),
    ],
)
def test_the_ex_date_follows_the_announcement_by_two_business_days(
    tmp_path: Path, day: str, expected: str | None
) -> None:
    today = date.fromisoformat(day)
    if expected is None:
        assert loaded(tmp_path, ("dates.announcement", day), today=today).ex == 18_481
    else:
        assert message(tmp_path, ("dates.announcement", day), today=today) == (
            f"dates.announcement: {day}: expected {expected}"
        )


def test_without_an_ex_date_the_record_date_follows_by_two(tmp_path: Path) -> None:
    changes = [("dates.ex", REMOVED), ("dates.announcement", "2020-08-07")]
    today = date(2020, 8, 7)
    file = tmp_path / "event.yaml"
    file.write_text(json.dumps(changed(*changes)))
    with pytest.raises(InputError) as caught:
        load_event(file, APPLE, today=today, notice=1)
    assert str(caught.value).removeprefix(f"{file}: ") == (
        "dates.announcement: 2020-08-07: expected at least 2 business days before the record date, "
        "2020-08-10"
    )


# --- splits and the like --------------------------------------------------------------------------

# What a dividend has, and a split has not.
CASH = tuple((name, REMOVED) for name in ("rate", "currency", "cash_decimals", "dates.payment"))
SPLIT = (*CASH, ("caev", "SPLF"), ("ratio", "4:1"))


def test_the_example_of_a_split_is_a_ratio_and_no_cash() -> None:
    record = load_event(EXAMPLES / "apple-split.yaml", APPLE, today=ANNOUNCED)
    assert record.is_ratio
    assert record.rate == Rate(4)
    assert (record.currency, record.payment_day, record.expires) == ("", 0, 0)


@pytest.mark.requirement("R-45")
def test_the_examples_of_a_reverse_split_and_of_its_price() -> None:
    ratio, price = (
        load_event(EXAMPLES / f"reverse-split{part}.yaml", APPLE) for part in ("", "-price")
    )
    assert (ratio.is_ratio, ratio.rate, ratio.rounding) == (True, Rate(1, 8), Rounding.CASH)
    assert (price.is_price, price.rounding) == (True, Rounding.DOWN)
    assert (price.corp, price.unit_epoch) == (ratio.corp, ratio.unit_epoch + 1)
    assert price.rate == Rate.of(Fraction("101.52") * 10**6 / 10**APPLE.decimals)
    assert (price.record_day, price.figures_by, price.relief_until, price.expires) == (0, 0, 0, 0)


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize("rounding", Rounding)
def test_fractions_are_named_by_their_codes(tmp_path: Path, rounding: Rounding) -> None:
    assert loaded(tmp_path, *SPLIT, ("fractions", rounding.code)).rounding is rounding


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([*SPLIT, ("fractions", "UKWN")], "fractions"),
        ([("fractions", "CINL")], "fractions"),
        ([("caev", "SPLR"), ("ratio", "1:4")], "rate"),
        ([("caev", "SPLR"), ("dates.record", REMOVED), ("dates.ex", REMOVED)], "unit_epoch"),
    ],
)
def test_what_is_no_code_or_price_is_refused_with_its_field(
    tmp_path: Path, changes: list[tuple[str, Any]], field: str
) -> None:
    assert message(tmp_path, *changes).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("caev", "ratio", "rate"),
    [
        ("SPLF", "4:1", Rate(4)),
        ("SPLF", "6:4", Rate(3, 2)),
        ("SPLR", "1:10", Rate(1, 10)),
        ("BONU", "11:10", Rate(11, 10)),
        ("DVSE", "103:100", Rate(103, 100)),
    ],
)
def test_a_ratio_is_new_units_for_old_ones(
    tmp_path: Path, caev: str, ratio: str, rate: Rate
) -> None:
    assert loaded(tmp_path, *SPLIT, ("caev", caev), ("ratio", ratio)).rate == rate


def test_a_split_without_a_ratio_is_data(tmp_path: Path) -> None:
    assert not loaded(tmp_path, *SPLIT, ("ratio", REMOVED)).is_ratio


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([("ratio", "4/1")], "ratio"),
        ([("ratio", "4:0")], "ratio"),
        ([("ratio", 4)], "ratio"),
        ([("ratio", "1:4")], "ratio"),
        ([("ratio", "1:1")], "ratio"),
        ([("ratio", f"{2**40}:1")], "ratio"),
        ([("caev", "SPLR")], "ratio"),
        ([("caev", "INFO")], "ratio"),
        ([("rate", "0.82")], "rate"),
        ([("currency", "USD")], "currency"),
        ([("dates.payment", "2020-08-13")], "dates.payment"),
        ([("dates.record", REMOVED)], "dates.record"),
        ([("camv", "CHOS")], "camv"),
    ],
)
def test_what_is_no_split_is_refused_with_its_field(
    tmp_path: Path, changes: list[tuple[str, Any]], field: str
) -> None:
    assert message(tmp_path, *SPLIT, *changes).startswith(f"{field}: ")


# --- redemptions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            [("caev", "BONU"), ("ratio", "1:10")],
            'ratio: 1:10: expected more units than before, as BONU makes, so "11:10"',
        ),
        (
            [("ratio", "2:3")],
            "ratio: 2:3: expected more units than before, as SPLF makes",
        ),
        # Published splits have a day on which the shares come.
        (
            [("dates.payment", "2020-08-28")],
            "dates.payment: 2020-08-28: expected no day: SPLF pays no cash, new units are there",
        ),
    ],
)
def test_a_split_as_it_is_published_is_told_how_to_write_it(
    tmp_path: Path, changes: list[tuple[str, Any]], line: str
) -> None:
    assert message(tmp_path, *SPLIT, *changes).startswith(line)


REDEEMED = (("caev", "REDM"), ("ratio", "0:1"))


def test_the_example_of_a_redemption_is_paid_as_the_last_coupon_and_leaves_nothing() -> None:
    record = load_event(EXAMPLES / "bund-redemption.yaml", BUND, today=date(2032, 1, 30))
    *_, last, redemption = load_coupons(EXAMPLES / "bund-coupons.yaml", BUND)
    coupon = last.record
    # The one that the schedule makes, to the hash.
    assert record.hash == redemption.record.hash
    for name in ("announced", "record_day", "payment_day", "currency", "cash_decimals", "terms"):
        assert getattr(record, name) == getattr(coupon, name)
    assert (record.rate, record.left, record.change) == (Rate(1), Rate(0), Rate(0))
    assert record.coaf != coupon.coaf


@pytest.mark.parametrize(
    ("caev", "ratio", "left"),
    [
        ("REDM", "0:1", Rate(0)),
        ("MCAL", "0:7", Rate(0)),
        ("PCAL", "3:4", Rate(3, 4)),
        ("PCAL", "6:8", Rate(3, 4)),
    ],
)
def test_a_redemption_has_rate_and_ratio(tmp_path: Path, caev: str, ratio: str, left: Rate) -> None:
    record = loaded(tmp_path, ("caev", caev), ("ratio", ratio))
    assert (record.left, record.rate, record.is_ratio) == (left, Rate(41, 50), False)


def test_by_pool_factor_there_is_a_rate_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, ("caev", "PRED")).change is None
    assert message(tmp_path, ("caev", "PRED"), ("ratio", "3:4")) == (
        "ratio: 3:4: expected none: PRED changes no unit"
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([("ratio", "1:4")], "ratio"),
        ([("ratio", "0:0")], "ratio"),
        ([("ratio", "00:1")], "ratio"),
        ([("caev", "PCAL")], "ratio"),
        ([("caev", "PCAL"), ("ratio", "4:3")], "ratio"),
        ([("caev", "PCAL"), ("ratio", "1:1")], "ratio"),
        ([("caev", "DVCA")], "ratio"),
        ([("caev", "SPLR"), ("rate", REMOVED)], "currency"),
        ([("camv", "CHOS")], "camv"),
        ([("rate", REMOVED)], "rate"),
        ([("dates.payment", REMOVED)], "dates.payment"),
    ],
)
def test_what_is_no_redemption_is_refused_with_its_field(
    tmp_path: Path, changes: list[tuple[str, Any]], field: str
) -> None:
    assert message(tmp_path, *REDEEMED, *changes).startswith(f"{field}: ")
