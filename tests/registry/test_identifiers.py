"""Check digits and forms in Python: vectors, messages, exhaustive swaps."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.registry import identifiers
from tallystick.registry.identifiers import (
    DTI_ALPHABET,
    IdentifierError,
    check_caip2,
    check_cfi,
    check_currency,
    check_dti,
    check_fisn,
    check_isin,
    check_lei,
)

GOOD = [
    (check_isin, "US0378331005"),
    (check_isin, "DE0001102580"),
    (check_isin, "XS2010028343"),
    (check_lei, "213800KUD8LAJWSQ9D15"),
    (check_lei, "HWUPKR0MPOU8FGXBT394"),
    (check_dti, "X9J9K872S"),
    (check_dti, "4H95J0R2X"),
    (check_cfi, "ESVUFR"),
    (check_cfi, "DBFTFB"),
    (check_fisn, "APPLE INC/SH"),
    (check_fisn, "Kranzco Rlty Tr/SH"),
    (check_fisn, "A" * 15 + "/" + "B" * 19),
    (check_fisn, "A/" + "B" * 33),
    (check_caip2, "eip155:1"),
    (check_caip2, "polkadot:91b171bb158e2d3848fa23a9f1c25182"),
    (check_caip2, "cosmos:Binance-Chain-Tigris"),
    (check_currency, "EUR"),
]

_ISIN = "expected an ISIN: 2 capitals, 9 capitals or digits, 1 check digit (ISO 6166)"
_LEI = "expected a LEI: 18 capitals or digits, 2 check digits (ISO 17442)"
_DTI = f"expected a DTI: 9 of {DTI_ALPHABET}, the first not 0 (ISO 24165)"
_CFI = "expected a CFI: 6 capitals, the first one of CDEFHIJKLMORST (ISO 10962)"
_FISN = (
    "expected a FISN: issuer of 1 to 15 characters, one slash, a description, "
    "at most 35 in all (ISO 18774)"
)
_CAIP2 = "expected namespace:reference, such as eip155:1 (CAIP-2)"
_EIP155 = "expected eip155: and a chain id without leading zeros (CAIP-2)"

BAD = [
    (check_isin, "US0378331003", "expected check digit 5: US0378331005 (ISO 6166)"),
    (check_isin, "us0378331005", _ISIN),
    (check_isin, "US037833100", _ISIN),
    (check_isin, "US03783310055", _ISIN),
    (check_isin, " US0378331005", _ISIN),
    (check_isin, "US0378331005\n", _ISIN),
    (check_isin, "US037833100X", _ISIN),
    (check_isin, "U50378331005", _ISIN),
    (check_isin, "US03783310\u096f5", _ISIN),
    (check_isin, "", _ISIN),
    (
        check_lei,
        "213800KUD8LXJWSQ9D15",
        "expected check digits 58: 213800KUD8LXJWSQ9D58 (ISO 17442)",
    ),
    (check_lei, "213800KUD8LAJWSQ9D1", _LEI),
    (check_lei, "213800KUD8LAJWSQ9DA5", _LEI),
    (check_lei, "213800kud8lajwsq9d15", _LEI),
    (check_dti, "X9J9K872T", "expected check character S: X9J9K872S (ISO 24165)"),
    (check_dti, "4H95J0R2T", None),  # what Bitcoin's code would be: well formed, so accepted
    (check_dti, "09J9K872S", _DTI),
    (check_dti, "A9J9K872S", _DTI),
    (check_dti, "Y9J9K872S", _DTI),
    (check_dti, "X9J9K872", _DTI),
    (check_cfi, "ESVUF", _CFI),
    (check_cfi, "esvufr", _CFI),
    (check_cfi, "ASVUFR", _CFI),
    (check_cfi, "ESVUF1", _CFI),
    (check_cfi, "ESVUFQ", "expected a group and attributes of that category (ISO 10962)"),
    (check_fisn, "APPLE INC", _FISN),
    (check_fisn, "/SH", _FISN),
    (check_fisn, "APPLE/", _FISN),
    (check_fisn, "A" * 16 + "/SH", _FISN),
    (check_fisn, "A" * 15 + "/" + "B" * 20, _FISN),
    (check_fisn, "APPLE/SH/X", _FISN),
    (check_fisn, " APPLE/SH", _FISN),
    (check_fisn, "APPLE /SH", _FISN),
    (check_fisn, "APPLE/ SH", _FISN),
    (check_fisn, "APPLE/SH ", _FISN),
    (check_fisn, "APPLE  INC/SH", _FISN),
    (check_fisn, "APPLE_INC/SH", _FISN),
    (check_fisn, "ÄPPLE/SH", _FISN),
    (check_caip2, "eip155", _CAIP2),
    (check_caip2, "ab:1", _CAIP2),
    (check_caip2, "abcdefghi:1", _CAIP2),
    (check_caip2, "cosmos:", _CAIP2),
    (check_caip2, "cosmos:" + "a" * 33, _CAIP2),
    (check_caip2, "Cosmos:a", _CAIP2),
    (check_caip2, "cosmos:a:b", _CAIP2),
    (check_caip2, "eip155:01", _EIP155),
    (check_caip2, "eip155:0", _EIP155),
    (check_caip2, "eip155:", _EIP155),
    (check_caip2, "eip155:0x1", _EIP155),
    (check_currency, "eur", "expected a currency code: 3 capitals (ISO 4217)"),
    (check_currency, "EURO", "expected a currency code: 3 capitals (ISO 4217)"),
]


@pytest.mark.parametrize(("check", "code"), GOOD)
@pytest.mark.requirement("R-02")
def test_good_code_is_returned(check: Callable[[str], str], code: str) -> None:
    assert check(code) == code


@pytest.mark.parametrize(("check", "code", "message"), BAD)
@pytest.mark.requirement("R-02")
def test_bad_code_says_what_was_expected(
    check: Callable[[str], str], code: str, message: str | None
) -> None:
    if message is None:
        assert check(code) == code
        return
    with pytest.raises(IdentifierError) as caught:
        check(code)
    assert str(caught.value) == message
    assert caught.value.value == code
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("digits", ["00", "01", "99"])
def test_lei_has_one_spelling(digits: str) -> None:
    """00, 01 and 99 are congruent to 97, 98 and 02; only the latter are ever issued."""
    congruent = {"00": "97", "01": "98", "99": "02"}[digits]
    body = next(
        f"5299000000000{n:05d}"
        for n in range(100_000)
        if identifiers.lei_check_digits(f"5299000000000{n:05d}") == congruent
    )
    assert check_lei(body + congruent)
    with pytest.raises(IdentifierError, match=f"check digits {congruent}"):
        check_lei(body + digits)


def test_tables_of_cfi_can_be_left_out() -> None:
    assert check_cfi("ESVUFQ", tables=False) == "ESVUFQ"


@given(st.text(alphabet=DTI_ALPHABET, min_size=8, max_size=8).filter(lambda s: s[0] != "0"))
def test_every_single_error_in_a_dti_is_found(body: str) -> None:
    """The hybrid system finds every substitution of one character (ISO 7064)."""
    code = body + identifiers.dti_check_character(body)
    check_dti(code)
    for position in range(9):
        for character in DTI_ALPHABET:
            bad = code[:position] + character + code[position + 1 :]
            if bad not in (code, identifiers.DTI_BITCOIN):
                with pytest.raises(IdentifierError):
                    check_dti(bad)


@given(st.text(alphabet=string.ascii_uppercase + string.digits, min_size=18, max_size=18))
def test_every_lei_has_its_digits(body: str) -> None:
    assert check_lei(body + identifiers.lei_check_digits(body))


@given(st.from_regex(r"[A-Z]{2}[A-Z0-9]{9}", fullmatch=True))
def test_every_isin_has_its_digit(body: str) -> None:
    right = identifiers.isin_check_digit(body)
    for digit in string.digits:
        if digit == right:
            assert check_isin(body + digit)
        else:
            with pytest.raises(IdentifierError, match=f"check digit {right}: {body}{right}"):
                check_isin(body + digit)
