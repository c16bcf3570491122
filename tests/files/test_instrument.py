"""Instrument files: what a good one means, and the one line that each bad one gets."""

from __future__ import annotations

import contextlib
import functools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tallystick.errors import CheckFailed, InputError
from tallystick.files.instrument import (
    Instrument,
    instrument_schema,
    load_instrument,
    parse_close,
    record_of,
    units,
)
from tallystick.registry.record import DtiKind, record_hash, token_word
from tests.support import documents
from tests.support.documents import REMOVED

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
APPLE = EXAMPLES / "apple.yaml"


@functools.cache
def data_of(path: Path = APPLE) -> dict[str, Any]:
    # Read as the loader reads: YAML 1.1 would turn dates and times into something else.
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    raw = json.loads(json.dumps(loaded))
    raw["decimals"] = int(raw["decimals"])
    raw["authorised"] = int(raw["authorised"])
    raw["roles"]["attestors"]["threshold"] = int(raw["roles"]["attestors"]["threshold"])
    for holder in raw["holders"]:
        holder["eligible"] = holder["eligible"] == "true"
    return raw


def changed(path: str, value: Any) -> dict[str, Any]:
    """A copy of the Apple example with one field set, or removed."""
    return documents.changed(data_of(), (path, value))


def written(tmp_path: Path, data: Any) -> Path:
    file = tmp_path / "bad.yaml"
    if isinstance(data, bytes):
        file.write_bytes(data)
    else:
        file.write_text(data if isinstance(data, str) else json.dumps(data, indent=1))
    return file


def message(file: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_instrument(file)
    assert caught.value.exit_status == 2
    text = str(caught.value)
    assert "\n" not in text
    prefix = f"{file}: "
    assert text.startswith(prefix)
    return text.removeprefix(prefix)


# --- good files ----------------------------------------------------------------------------------


def test_apple() -> None:
    apple = load_instrument(APPLE)
    assert (apple.isin, apple.cfi, apple.fisn, apple.lei) == (
        "US0378331005",
        "ESVUFR",
        "APPLE INC/SH",
        "HWUPKR0MPOU8FGXBT394",
    )
    assert apple.close_minute_utc == 21 * 60
    assert apple.authorised_units == 1_000_000 * 10**6
    assert sum(map(apple.holder_units, apple.holders)) == 925_000_750_001
    assert [ledger.kind for ledger in apple.ledgers] == [DtiKind.LEDGER, DtiKind.LEDGER]
    assert len(apple.holders) >= 6
    assert {holder.ledger for holder in apple.holders} == {"home", "remote"}
    assert all(holder.amount == 0 for holder in apple.holders if holder.ledger != apple.home)
    assert apple.holders[-1].until_day == 0
    assert apple.holders[0].until_day == 65535
    assert apple.holders[2].until_day == 22279  # 31 December 2030
    assert "not an offering" in apple.illustration.lower()
    assert "not connected with" in APPLE.read_text().splitlines()[0]


def test_bund() -> None:
    bund = load_instrument(EXAMPLES / "bund.yaml")
    assert (bund.currency, bund.denomination_word) == ("EUR", 10**18)
    assert bund.close_minute_utc == 17 * 60
    assert [ledger.kind for ledger in bund.ledgers] == [DtiKind.NONE, DtiKind.NONE]


def test_record_of_an_instrument() -> None:
    record = record_of(
        load_instrument(APPLE),
        {"home": "0x" + "01" * 20, "remote": "0x" + "02" * 20},
        {"home": "eip155:41001", "remote": "eip155:41002"},
    )
    assert record.ledgers[1].token == token_word("0x" + "02" * 20)
    assert record.issuer == "HWUPKR0MPOU8FGXBT394"
    assert record.close_minute == load_instrument(APPLE).close_minute_utc == 1260
    assert record.successor().previous == record_hash(record)


def test_frozen() -> None:
    apple = load_instrument(APPLE)
    with pytest.raises(ValidationError):
        apple.isin = "DE0001102580"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("close", "minute"),
    [("16:00-05:00", 1260), ("00:30+01:00", 1410), ("23:59Z", 1439), ("17:30+02:00", 930)],
)
def test_close_of_business(tmp_path: Path, close: str, minute: int) -> None:
    file = written(tmp_path, changed("close_of_business", close))
    assert load_instrument(file).close_minute_utc == minute
    assert parse_close(close) == close


def test_amounts_are_exact() -> None:
    assert units(Decimal("0.000001"), 6) == 1
    assert units(Decimal(10) ** 25, 18) == 10**43
    assert units(Decimal("12.5"), 1) == 125


def test_byte_order_mark_and_aliases_are_fine(tmp_path: Path) -> None:
    text = "\ufeff" + APPLE.read_text().replace("notary: Illustration", "notary: &n Illustration")
    assert load_instrument(written(tmp_path, text)).isin == "US0378331005"


# --- bad fields ----------------------------------------------------------------------------------

_DECIMAL = 'expected a whole number, or a decimal in quotes such as "12.50"'
_TEXT = "expected text (put it in quotes if it looks like a number)"
_LABEL = "expected text of 1 to 100 printable characters, no space at either end"
_NAME = "expected a name: small letters, digits, - and _ inside, at most 32"
_FIELDS: list[tuple[str, Any, str]] = [
    # identifiers
    (
        "isin",
        "US0378331003",
        "isin: US0378331003: expected check digit 5: US0378331005 (ISO 6166)",
    ),
    (
        "isin",
        378331005,
        f"isin: 378331005: {_TEXT}",
    ),
    (
        "lei",
        "HWUPKR0MPOU8FGXBT395",
        "lei: HWUPKR0MPOU8FGXBT395: expected check digits 94: HWUPKR0MPOU8FGXBT394 (ISO 17442)",
    ),
    (
        "cfi",
        "ESVUFQ",
        "cfi: ESVUFQ: expected a group and attributes of that category (ISO 10962)",
    ),
    (
        "fisn",
        "APPLE INC",
        (
            "fisn: APPLE INC: expected a FISN: issuer of 1 to 15 characters, one slash, "
            "a description, at most 35 in all (ISO 18774)"
        ),
    ),
    (
        "ledgers[0].dti",
        "X9J9K872T",
        "ledgers[0].dti: X9J9K872T: expected check character S: X9J9K872S (ISO 24165)",
    ),
    (
        "ledgers[0].dti",
        REMOVED,
        "ledgers[0].dti: missing: expected a DTI, or dti_of: unassigned",
    ),
    (
        "ledgers[0].dti_of",
        "unassigned",
        "ledgers[0].dti: X9J9K872S: expected no DTI where dti_of is unassigned",
    ),
    (
        "ledgers[0].dti_of",
        "token",
        "ledgers[1].dti: X9J9K872S: expected a DTI of its own, this one is another token's",
    ),
    (
        "ledgers[0].dti_of",
        "chain",
        "ledgers[0].dti_of: chain: expected token, ledger or unassigned",
    ),
    (
        "dti_group",
        "X9J9K872S",
        "ledgers[0].dti: X9J9K872S: expected a DTI of its own, this one is the group's",
    ),
    # amounts: no silent coercion
    ("authorised", "ten", f"authorised: ten: {_DECIMAL}"),
    ("authorised", True, f"authorised: true: {_DECIMAL}"),
    ("authorised", 1.5, f"authorised: 1.5: {_DECIMAL}"),
    ("authorised", None, f"authorised: nothing: {_DECIMAL}"),
    ("authorised", [1], f"authorised: a list of 1: {_DECIMAL}"),
    ("authorised", -1, "authorised: -1: expected an amount of at least 0"),
    ("authorised", "-1", "authorised: -1: expected an amount of at least 0"),
    ("authorised", "1e6", f"authorised: 1e6: {_DECIMAL}"),
    ("authorised", "1_000", f"authorised: 1_000: {_DECIMAL}"),
    ("authorised", "01", f"authorised: 01: {_DECIMAL}"),
    ("authorised", "\u0661", f"authorised: \u0661: {_DECIMAL}"),
    ("authorised", "NaN", f"authorised: NaN: {_DECIMAL}"),
    ("authorised", " 1", f'authorised: " 1": {_DECIMAL}'),
    (
        "authorised",
        0,
        f"authorised: 0: expected 1 to {2**104 - 1} base units",
    ),
    (
        "authorised",
        10**30,
        f"authorised: {10**30}: expected 1 to {2**104 - 1} base units",
    ),
    (
        "holders[2].amount",
        "1.0000001",
        "holders[2].amount: 1.0000001: expected at most 6 decimal places",
    ),
    ("holders[2].amount", -5, "holders[2].amount: -5: expected an amount of at least 0"),
    ("holders[2].amount", "ten", f"holders[2].amount: ten: {_DECIMAL}"),
    (
        "holders[0].amount",
        575000,
        "holders: 1000000.750001: expected holdings of at most the authorised 1000000 in all",
    ),
    ("decimals", "6", "decimals: 6: expected a whole number"),
    ("decimals", True, "decimals: true: expected a whole number"),
    ("decimals", 6.0, "decimals: 6.0: expected a whole number"),
    ("decimals", 19, "decimals: 19: expected a number of at most 18"),
    ("decimals", -1, "decimals: -1: expected a number of at least 0"),
    # structure
    ("isni", "x", "isni: x: expected no such field (did you mean isin?)"),
    (
        "holders[1].ammount",
        1,
        "holders[1].ammount: 1: expected no such field (did you mean amount?)",
    ),
    ("isin", REMOVED, "isin: missing: expected this field"),
    ("terms", REMOVED, "terms: missing: expected this field"),
    ("terms", "x", "terms: x: expected a mapping"),
    ("schema", "tallystick.plan/1", "schema: tallystick.plan/1: expected tallystick.instrument/1"),
    ("schema", REMOVED, "schema: nothing: expected tallystick.instrument/1"),
    ("ledgers", [], "ledgers: a list of 0: expected a list of at least 1"),
    ("ledgers", {"home": 1}, "ledgers: a mapping of 1: expected a list"),
    ("holders", None, "holders: nothing: expected a list"),
    ("holders[0]", 7, "holders[0]: 7: expected a mapping"),
    ("name", "", f'name: "": {_LABEL}'),
    ("name", " x", f'name: " x": {_LABEL}'),
    ("name", "a\nb", rf"name: a\nb: {_LABEL}"),
    ("name", True, f"name: true: {_TEXT}"),
    # ledgers
    ("home", "mars", "home: mars: expected one of the ledgers: home, remote"),
    (
        "ledgers[1].name",
        "home",
        "ledgers[1].name: home: expected a name of its own, this one is taken by ledgers[0].name",
    ),
    (
        "holders[3].ledger",
        "mars",
        "holders[3].ledger: mars: expected one of the ledgers: home, remote",
    ),
    ("ledgers[0].name", "Home!", f"ledgers[0].name: Home!: {_NAME}"),
    # holders
    (
        "holders[4].name",
        "pension-fund",
        (
            "holders[4].name: pension-fund: expected a name of its own, this one is taken by "
            "holders[1].name"
        ),
    ),
    ("holders[0].eligible", "yes", "holders[0].eligible: yes: expected true or false"),
    ("holders[0].eligible", 1, "holders[0].eligible: 1: expected true or false"),
    (
        "holders[0].eligible",
        False,
        "holders[0].amount: 500000: expected 0 for a holder that is not eligible",
    ),
    (
        "holders[7].eligible_until",
        "2030-01-01",
        "holders[7].eligible_until: 2030-01-01: expected no date for a holder that is not eligible",
    ),
    (
        "holders[0].eligible_until",
        "2030-02-30",
        "holders[0].eligible_until: 2030-02-30: expected a day as YYYY-MM-DD",
    ),
    (
        "holders[0].eligible_until",
        "20300228",
        "holders[0].eligible_until: 20300228: expected a day as YYYY-MM-DD",
    ),
    (
        "holders[0].eligible_until",
        "2149-06-07",
        "holders[0].eligible_until: 2149-06-07: expected a day from 1970-01-02 to 2149-06-06",
    ),
    # roles
    ("roles.notary", REMOVED, "roles.notary: missing: expected this field"),
    ("roles.oracle", "x", "roles.oracle: x: expected no such field"),
    (
        "roles.notary",
        "Illustration Issuer Services",
        (
            "roles.notary: Illustration Issuer Services: expected a name of its own, this one is "
            "taken by issuer"
        ),
    ),
    (
        "roles.administrators",
        ["One"],
        "roles.administrators: a list of 1: expected a list of at least 2",
    ),
    (
        "roles.administrators",
        ["One", "One"],
        (
            "roles.administrators[1]: One: expected a name of its own, this one is taken by "
            "administrators[0]"
        ),
    ),
    (
        "roles.attestors.threshold",
        1,
        "roles.attestors.threshold: 1: expected a number of at least 2",
    ),
    (
        "roles.attestors.threshold",
        7,
        "roles.attestors.threshold: 7: expected at most the number of members, 3",
    ),
    (
        "roles.attestors.members",
        [{"name": "A", "operator": "X"}],
        "roles.attestors.members: a list of 1: expected a list of at least 2",
    ),
    # terms, time
    (
        "terms.keccak256",
        "0x1234",
        (
            "terms.keccak256: 0x1234: expected a keccak256 hash: 0x and 64 hex digits in small "
            "letters, not zero"
        ),
    ),
    (
        "terms.keccak256",
        "0x" + "0" * 64,
        (
            "terms.keccak256: (64 hex digits not shown): expected a keccak256 hash: 0x and 64 hex "
            "digits in small letters, not zero"
        ),
    ),
    (
        "terms.uri",
        "nowhere",
        (
            "terms.uri: nowhere: expected a URI of at most 128 characters, such as https://… or "
            "ipfs://…"
        ),
    ),
    (
        "close_of_business",
        "25:00Z",
        (
            "close_of_business: 25:00Z: expected a time and its offset from UTC as HH:MM+HH:MM, "
            "such as 16:00-05:00"
        ),
    ),
    (
        "close_of_business",
        "16:00",
        (
            "close_of_business: 16:00: expected a time and its offset from UTC as HH:MM+HH:MM, "
            "such as 16:00-05:00"
        ),
    ),
    (
        "denomination",
        {"currency": "euro", "amount": 1},
        "denomination.currency: euro: expected a currency code: 3 capitals (ISO 4217)",
    ),
    (
        "denomination",
        {"currency": "EUR", "amount": 0},
        "denomination.amount: 0: expected an amount greater than 0",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), _FIELDS)
@pytest.mark.requirement("R-02")
def test_bad_field(tmp_path: Path, path: str, value: Any, expected: str) -> None:
    assert message(written(tmp_path, changed(path, value))) == expected


# --- bad files -----------------------------------------------------------------------------------

_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "an empty file: expected a YAML mapping"),
        ("\n  \n", "an empty file: expected a YAML mapping"),
        ("# only a comment\n", "an empty file: expected a YAML mapping"),
        ("- 1\n- 2\n", "a list of 2: expected a mapping that says schema: tallystick.instrument/1"),
        ("hello", "hello: expected a mapping that says schema: tallystick.instrument/1"),
        ("17:00", "17:00: expected a mapping that says schema: tallystick.instrument/1"),
        (
            "schema: [1\n",
            "line 2, column 1: expected ',' or ']', but got '<stream end>': expected YAML",
        ),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here: expected YAML"),
        (
            "\ta: 1",
            "line 1, column 1: found character '\\t' that cannot start any token: expected YAML",
        ),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: but found another document: expected YAML"),
        ("a: *nowhere", "line 1, column 4: found undefined alias 'nowhere': expected YAML"),
        ("isin: A\nisin: B\n", "isin (line 2): twice: expected each key once"),
        (
            "holders:\n- {name: a, name: b}\n",
            "holders[0].name (line 2): twice: expected each key once",
        ),
        ("? [1, 2]\n: 3\n", "line 1: a key that is not text: expected text as a key"),
        ("true: 3\n", "line 1: a key that is not text: expected text as a key"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "a (line 1): !!python/object/apply:os.system: expected no tags",
        ),
        ("a: !!timestamp 2020-01-01", "a (line 1): !!timestamp: expected no tags"),
        (_BOMB, None),
        ("a: &a [*a]", None),
        ("[" * 200 + "]" * 200, None),
        ("a: " + "9" * 100, "a (line 1): a number: expected at most 80 digits"),
        (b"\xff\xfe\x00\x01", "byte 0: 0xff: expected text in UTF-8"),
        (
            b"\x7fELF\x02\x01\x01\x00",
            "character 0: U+007F: expected text without control characters",
        ),
        (b"a: \x00", "character 3: U+0000: expected text without control characters"),
        (b"x" * ((1 << 20) + 1), f"more than {1 << 20} bytes: expected at most {1 << 20} bytes"),
    ],
)
def test_bad_file(tmp_path: Path, content: str | bytes, expected: str | None) -> None:
    got = message(written(tmp_path, content))
    if expected is None:
        assert got.endswith(
            ("expected at most 50000 values", "expected at most 32 levels, no cycles")
        )
    else:
        assert got == expected


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert message(tmp_path / "nowhere.yaml") == "nothing: expected a file that exists"
    assert message(tmp_path) == "nothing: expected a file"


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_whatever_the_bytes_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "x.yaml"
    file.write_bytes(raw)
    with pytest.raises(InputError):
        load_instrument(file)


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)
)
_PATHS = ["isin", "decimals", "authorised", "terms", "ledgers", "roles", "holders", "home", "name"]


@given(
    st.sampled_from(_PATHS), st.recursive(_LEAVES, lambda x: st.lists(x, max_size=3), max_leaves=5)
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_value_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, path: str, value: Any
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "x.yaml"
    file.write_text(json.dumps(changed(path, value)))
    with contextlib.suppress(InputError):
        load_instrument(file)


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("rpc", "https://eth.example/v3/0123456789abcdef", "https://eth.example/…"),
        ("rpc", "https://user:pass@eth.example", "https://eth.example/…"),
        ("rpc", "https://eth.example?key=abc", "https://eth.example/…"),
        ("issuer", "0x" + "ab" * 32, "(64 hex digits not shown)"),
        ("issuer", "AB" * 32, "(64 hex digits not shown)"),
        ("mnemonic", "test", "(not shown)"),
        ("api_key", "abc", "(not shown)"),
        (
            "issuer",
            "test test test test test test test test test test test junk",
            "(words not shown)",
        ),
        ("name", "x" * 200, "x" * 79 + "…"),
        ("name", "\x1b[31m", "\\x1b[31m"),
    ],
)
def test_no_secret_is_echoed(field: str, value: str, shown: str) -> None:
    error = InputError("f.yaml", field, value, "something else")
    assert str(error) == f"f.yaml: {field}: {shown}: expected something else"


def test_check_failed() -> None:
    error = CheckFailed("INV-1 broken:\n1 unit too many")
    assert error.exit_status == 1
    assert str(error) == r"INV-1 broken:\n1 unit too many"


def test_schema_is_json() -> None:
    schema = json.loads(json.dumps(instrument_schema()))
    assert schema["$id"] == "tallystick.instrument/1"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {
        field.alias or name
        for name, field in Instrument.model_fields.items()
        if field.is_required()
    }
