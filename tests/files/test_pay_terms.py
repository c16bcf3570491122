"""Files of pay terms: what a good one means, and the one line that each bad one gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.errors import InputError
from tallystick.files.pay_terms import LOCAL, OTHER_BRIDGES, load_pay_terms, pay_terms_schema
from tests.support import documents
from tests.support.commands import ROOT

_A, _B, _C = (f"0x{n * 40}" for n in "123")
_CHECKSUM = "0xe94DF638c62420a15014DB6f3EDf34E719651797"
_FALSE_CHECKSUM = _CHECKSUM.replace("e94D", "E94D")
_GOOD: dict[str, Any] = {
    "schema": "tallystick.pay-terms/1",
    "currency": "USD",
    "cash_decimals": 6,
    "rates": ["0.3", "3/20", "0"],
    "document": "0x" + "ab" * 32,
    "ledgers": {
        "home": {
            "cash": _A,
            "tax_account": _B,
            "return_account": _C,
            "categories": [{"category": 1, "document": "0x" + "cd" * 32, "accounts": [_CHECKSUM]}],
        },
        "remote": {"cash": LOCAL, "tax_account": _B, "return_account": _C},
    },
}


def _written(folder: Path, *changes: tuple[str, Any]) -> Path:
    file = folder / "terms.yaml"
    file.write_text(json.dumps(documents.changed(_GOOD, *changes)))
    return file


def test_a_good_file(tmp_path: Path) -> None:
    terms = load_pay_terms(_written(tmp_path))
    assert terms.tax.rates == (Rate(3, 10), Rate(3, 20), Rate(0))
    assert terms.ledgers["home"].categories[0].accounts == (_CHECKSUM,)
    assert terms.ledgers["remote"].cash == LOCAL
    assert terms.ledgers["remote"].categories == ()
    assert terms.ledgers["remote"].payees == {}


def test_payees_are_named_by_pool(tmp_path: Path) -> None:
    payees = {_CHECKSUM.lower(): _A, OTHER_BRIDGES: _B}
    terms = load_pay_terms(_written(tmp_path, ("ledgers.home.payees", payees)))
    assert terms.ledgers["home"].payees == {_CHECKSUM: _A, OTHER_BRIDGES: _B}


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("currency", "dollars", "currency: dollars: expected "),
        ("cash_decimals", 19, "cash_decimals: 19: expected a number of at most 18"),
        ("rates", ["0.15", "0.3"], "rates: 0.15, 0.3: expected the first rate to be the highest"),
        ("rates", ["1.5"], "rates: 1.5: expected a tax of 0 to 1 whose terms fit 48 bits"),
        ("rates", [], 'rates: "": expected 1 to 16 rates, and a first one'),
        ("rates", ["0.1"] * 17, "rates: 0.1, "),
        ("rates", ["0.12345678901234"], "rates[0]: 0.12345678901234: expected at most 13 decimal"),
        ("ledgers.home.cash", "dollars", "ledgers.home.cash: dollars: expected an address: "),
        (
            "ledgers.home.tax_account",
            _FALSE_CHECKSUM,
            f"ledgers.home.tax_account: {_FALSE_CHECKSUM}: expected an address whose capitals ",
        ),
        (
            "ledgers.home.categories.0.category",
            3,
            "ledgers.home.categories[0].category: 3: expected one of the 3 rates, from 0",
        ),
        ("ledgers.home.purse", _A, f"ledgers.home.purse: {_A}: expected no such field"),
        (
            "ledgers.home.payees",
            {"0x12": _A},
            "ledgers.home.payees.0x12: 0x12: expected an address:",
        ),
        (
            "ledgers.home.payees",
            {_A: "pool"},
            f"ledgers.home.payees.{_A}: pool: expected an address:",
        ),
        (
            "ledgers.home.payees",
            {_CHECKSUM: _A, _CHECKSUM.lower(): _B},
            f"ledgers.home.payees.{_CHECKSUM.lower()}: twice: expected each pool once",
        ),
        ("ledgers.home.payees", [_A], "ledgers.home.payees: a list of 1: expected a mapping"),
        ("ledgers.Home", {}, "ledgers.Home: Home: expected a name: small letters, digits, - and _"),
        ("ledgers", {}, "ledgers: "),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, path: str, value: Any, line: str) -> None:
    file = _written(tmp_path, (path, value))
    with pytest.raises(InputError) as caught:
        load_pay_terms(file)
    text = str(caught.value)
    assert text.startswith(f"{file}: {line}")
    assert "\n" not in text


def test_the_example_is_sound() -> None:
    terms = load_pay_terms(ROOT / "examples" / "pay-terms.yaml")
    assert terms.tax.rates == (Rate(3, 10), Rate(3, 20), Rate(0))
    assert list(terms.ledgers) == ["home", "remote"]


def test_the_schema_is_json() -> None:
    schema = json.loads(json.dumps(pay_terms_schema()))
    assert schema["$id"] == "tallystick.pay-terms/1"
