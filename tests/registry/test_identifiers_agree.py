"""The contract and the Python package decide the same about every code."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.chain import Contract
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
    dti_check_character,
    isin_check_digit,
    lei_check_digits,
)
from tests.support.registry_vectors import DEPLOYER

CHECKS: dict[str, tuple[Callable[[str], str], int, bool]] = {
    # name: Python's decision, length the contract can hold, whether it holds exactly that
    "isin": (check_isin, 12, False),
    "lei": (check_lei, 20, True),
    "dti": (check_dti, 9, True),
    "cfi": (functools.partial(check_cfi, tables=False), 6, True),
    "currency": (check_currency, 3, True),
    "fisn": (check_fisn, 35, False),
    "caip2": (check_caip2, 41, False),
}
VECTORS = [
    ("isin", "US0378331005"),
    ("isin", "DE0001102580"),
    ("isin", "XS2010028343"),
    ("lei", "213800KUD8LAJWSQ9D15"),
    ("lei", "HWUPKR0MPOU8FGXBT394"),
    ("dti", "X9J9K872S"),
    ("dti", "4H95J0R2X"),
    ("cfi", "ESVUFR"),
    ("currency", "EUR"),
    ("fisn", "APPLE INC/SH"),
    ("fisn", "A" * 15 + "/" + "B" * 19),
    ("caip2", "eip155:41001"),
    ("caip2", "fil:f"),
    ("caip2", "xrpl:0"),
    ("caip2", "polkadot:91b171bb158e2d3848fa23a9f1c25182"),
]
_CORRUPTIONS = string.ascii_uppercase + string.digits + "az/: -_\0"
_FEW = "A0a/: -_"
_property = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def python_says(kind: str, code: str) -> bool:
    try:
        CHECKS[kind][0](code)
    except IdentifierError:
        return False
    return True


def contract_says(identifiers: Contract, kind: str, code: str) -> bool:
    _, length, exact = CHECKS[kind]
    argument: Any = code.encode().ljust(length, b"\0") if exact else code
    return bool(getattr(identifiers, kind)(argument))


def agree(identifiers: Contract, kind: str, code: str) -> bool:
    expected = python_says(kind, code)
    assert contract_says(identifiers, kind, code) is expected, (kind, code)
    return expected


@pytest.mark.parametrize(("kind", "code"), VECTORS)
@pytest.mark.requirement("R-02")
def test_vectors_and_every_single_corruption(identifiers: Contract, kind: str, code: str) -> None:
    assert agree(identifiers, kind, code)
    for position in range(len(code)):
        for character in _FEW if kind in ("fisn", "caip2") else _CORRUPTIONS:
            agree(identifiers, kind, code[:position] + character + code[position + 1 :])
        agree(identifiers, kind, code[:position] + code[position + 1 :])
    agree(identifiers, kind, "")


@pytest.mark.parametrize(
    ("kind", "code"),
    [("isin", "US0378331003"), ("lei", "213800KUD8LXJWSQ9D15"), ("dti", "4H95J0R2X"[::-1])],
)
def test_bad_vectors_are_refused_by_both(identifiers: Contract, kind: str, code: str) -> None:
    assert not agree(identifiers, kind, code)


@pytest.mark.parametrize(
    "name",
    ["fil:f", "xrpl:0", "sui:1", "abc:123", "eip155:1", "eip155:41001", "eip1559:1", "eip:155"],
)
def test_both_know_an_evm_chain_by_its_name(identifiers: Contract, name: str) -> None:
    """Names of 5 to 8 characters too: they once stopped the contract without a reason."""
    assert agree(identifiers, "caip2", name)
    assert identifiers.is_eip155(name) is name.startswith("eip155:")


@pytest.mark.parametrize("kind", list(CHECKS))
def test_random_text(identifiers: Contract, kind: str) -> None:
    length = CHECKS[kind][1]
    characters = st.text(
        alphabet=st.sampled_from(string.printable + "äé०\0"), min_size=0, max_size=length
    )

    @_property
    @given(characters.filter(lambda text: len(text.encode()) <= length))
    def check(code: str) -> None:
        agree(identifiers, kind, code.rstrip("\0"))

    check()


def _lei(body: str) -> str:
    return body + lei_check_digits(body)


_ALNUM = string.ascii_uppercase + string.digits
_NEAR = {
    "isin": st.from_regex(r"[A-Z]{2}[A-Z0-9]{9}", fullmatch=True).map(
        lambda body: body + isin_check_digit(body)
    ),
    "lei": st.text(alphabet=_ALNUM, min_size=18, max_size=18).map(_lei),
    "dti": st.text(alphabet=DTI_ALPHABET, min_size=8, max_size=8).map(
        lambda body: body + dti_check_character(body)
    ),
    "fisn": st.from_regex(r"[A-Za-z0-9 .%]{0,16}/[A-Za-z0-9 .%/]{0,18}", fullmatch=True),
    "caip2": st.one_of(
        st.from_regex(r"[-a-z0-9]{2,9}:[-_a-zA-Z0-9]{0,31}", fullmatch=True),
        st.from_regex(r"eip155:[0-9a-f]{0,32}", fullmatch=True),
    ),
}


@pytest.mark.parametrize("kind", list(_NEAR))
def test_nearly_right(identifiers: Contract, kind: str) -> None:
    """Codes that are right or almost: here a difference would show."""

    @_property
    @given(_NEAR[kind], st.sampled_from(["", *_ALNUM[::5]]), st.integers(0, 40))
    def check(code: str, character: str, position: int) -> None:
        agree(identifiers, kind, code)
        if character and position < len(code):
            agree(identifiers, kind, code[:position] + character + code[position + 1 :])

    check()


@pytest.mark.parametrize("digits", ["00", "01", "99"])
def test_congruent_lei_digits_are_refused_by_both(identifiers: Contract, digits: str) -> None:
    congruent = {"00": "97", "01": "98", "99": "02"}[digits]
    body = next(
        body
        for body in (f"5299000000000{n:05d}" for n in range(100_000))
        if lei_check_digits(body) == congruent
    )
    assert agree(identifiers, "lei", body + congruent)
    assert not agree(identifiers, "lei", body + digits)


@pytest.mark.parametrize(
    ("kind", "code", "baseline", "most"),
    [
        ("isin", "US0378331005", ("baseline", "US0378331005"), 4_000),
        ("lei", b"HWUPKR0MPOU8FGXBT394", ("baseline_fixed", b"HWUPKR0MPOU8FGXBT394"), 6_000),
        ("dti", b"X9J9K872S", ("baseline_fixed", b"X9J9K872S" + bytes(11)), 3_500),
        ("cfi", b"ESVUFR", ("baseline_fixed", b"ESVUFR" + bytes(14)), 1_000),
        ("fisn", "A" * 15 + "/" + "B" * 19, ("baseline_long", "A" * 15 + "/" + "B" * 19), 11_500),
        (
            "caip2",
            "polkadot:91b171bb158e2d3848fa23a9f1c25182",
            ("baseline_long", "polkadot:91b171bb158e2d3848fa23a9f1c25182"),
            11_500,
        ),
    ],
)
def test_gas_of_validation(
    identifiers: Contract, kind: str, code: Any, baseline: tuple[str, Any], most: int
) -> None:
    base = getattr(identifiers, baseline[0]).send(baseline[1], sender=DEPLOYER).gas_used
    receipt = getattr(identifiers, kind).send(code, sender=DEPLOYER)
    assert receipt.return_value
    # The same characters in the call data, so that only the check itself is left.
    assert receipt.gas_used - base <= most
