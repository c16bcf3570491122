"""The ISO codes of an instrument, and the CAIP-2 name of a ledger.

Each `check_…` function returns the code or raises `IdentifierError` with what was expected, and
for a wrong check digit with the one that would be right. They decide exactly what
`contracts/registry/identifiers.vy` decides on chain; `check_cfi` alone is stricter unless told
otherwise, because the attribute tables of ISO 10962 are revised more often than a contract is.

Sources: ISO 6166, ISO 17442, ISO 24165-1, ISO 10962, ISO 18774, CAIP-2.
Check digits of ISIN and LEI and the CFI tables come from python-stdnum; DTI is added here.
"""

from __future__ import annotations

import re
from typing import Final

from stdnum import cfi as stdnum_cfi
from stdnum import isin as stdnum_isin
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

__all__ = [
    "CFI_CATEGORIES",
    "DTI_ALPHABET",
    "DTI_BITCOIN",
    "IdentifierError",
    "check_caip2",
    "check_cfi",
    "check_currency",
    "check_dti",
    "check_fisn",
    "check_isin",
    "check_lei",
    "dti_check_character",
    "isin_check_digit",
    "lei_check_digits",
]

DTI_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXZ"
# Assigned before the check character was defined; computed it would be T (ISO 24165-1).
DTI_BITCOIN: Final = "4H95J0R2X"
CFI_CATEGORIES: Final = "CDEFHIJKLMORST"
_ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII)
_LEI: Final = re.compile(r"[A-Z0-9]{18}[0-9]{2}", re.ASCII)
_DTI: Final = re.compile(rf"[{DTI_ALPHABET[1:]}][{DTI_ALPHABET}]{{8}}", re.ASCII)
_CFI: Final = re.compile(rf"[{CFI_CATEGORIES}][A-Z]{{5}}", re.ASCII)
_FISN_TEXT: Final = r"[A-Za-z0-9&%'()+,\-.:?]+(?: [A-Za-z0-9&%'()+,\-.:?]+)*"
_FISN: Final = re.compile(rf"(?=.{{3,35}}\Z)(?=[^/]{{1,15}}/){_FISN_TEXT}/{_FISN_TEXT}", re.ASCII)
_CAIP2: Final = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}", re.ASCII)
_CAIP2_EIP155: Final = re.compile(r"eip155:[1-9][0-9]{0,31}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


class IdentifierError(ValueError):
    """A code is not well formed.

    `value` is the code, `expected` what it should have been; the latter is the message.
    """

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(f"expected {expected}")
        self.value = value
        self.expected = expected


def isin_check_digit(body: str) -> str:
    """Return the check digit of the first eleven characters of an ISIN (ISO 6166, Luhn)."""
    return str(stdnum_isin.calc_check_digit(body))


def lei_check_digits(body: str) -> str:
    """Return the check digits of the first eighteen characters of a LEI (ISO 7064 MOD 97-10)."""
    return str(mod_97_10.calc_check_digits(body))


def dti_check_character(body: str) -> str:
    """Return the check character of the first eight of a DTI (ISO 7064 hybrid MOD 31,30)."""
    product = 30
    for character in body:
        total = (product + DTI_ALPHABET.index(character)) % 30 or 30
        product = total * 2 % 31
    return DTI_ALPHABET[(1 - product) % 30]


def check_isin(code: str) -> str:
    """Return `code` if it is an ISIN (ISO 6166): form and check digit, not the country list."""
    if not _ISIN.fullmatch(code):
        raise IdentifierError(
            code, "an ISIN: 2 capitals, 9 capitals or digits, 1 check digit (ISO 6166)"
        )
    right = isin_check_digit(code[:11])
    if code[11] != right:
        raise IdentifierError(code, f"check digit {right}: {code[:11]}{right} (ISO 6166)")
    return code


def check_lei(code: str) -> str:
    """Return `code` if it is a LEI (ISO 17442)."""
    if not _LEI.fullmatch(code):
        raise IdentifierError(code, "a LEI: 18 capitals or digits, 2 check digits (ISO 17442)")
    # Comparing the digits, not the remainder, refuses 00, 01 and 99 beside 97, 98 and 02.
    right = lei_check_digits(code[:18])
    if code[18:] != right:
        raise IdentifierError(code, f"check digits {right}: {code[:18]}{right} (ISO 17442)")
    return code


def check_dti(code: str) -> str:
    """Return `code` if it is a DTI (ISO 24165)."""
    if code == DTI_BITCOIN:
        return code
    if not _DTI.fullmatch(code):
        raise IdentifierError(code, f"a DTI: 9 of {DTI_ALPHABET}, the first not 0 (ISO 24165)")
    right = dti_check_character(code[:8])
    if code[8] != right:
        raise IdentifierError(code, f"check character {right}: {code[:8]}{right} (ISO 24165)")
    return code


def check_cfi(code: str, *, tables: bool = True) -> str:
    """Return `code` if it is a CFI (ISO 10962).

    With `tables` its group and attributes are looked up too; without, as on chain, only the
    category.
    """
    if not _CFI.fullmatch(code):
        raise IdentifierError(
            code, f"a CFI: 6 capitals, the first one of {CFI_CATEGORIES} (ISO 10962)"
        )
    if tables:
        try:
            stdnum_cfi.validate(code)
        except ValidationError:
            raise IdentifierError(
                code, "a group and attributes of that category (ISO 10962)"
            ) from None
    return code


def check_fisn(name: str) -> str:
    """Return `name` if it is a FISN (ISO 18774)."""
    if not _FISN.fullmatch(name):
        raise IdentifierError(
            name,
            "a FISN: issuer of 1 to 15 characters, one slash, a description, "
            "at most 35 in all (ISO 18774)",
        )
    return name


def check_caip2(name: str) -> str:
    """Return `name` if it names a chain (CAIP-2); an `eip155` reference is a plain number."""
    if name.startswith("eip155:"):
        if not _CAIP2_EIP155.fullmatch(name):
            raise IdentifierError(name, "eip155: and a chain id without leading zeros (CAIP-2)")
    elif not _CAIP2.fullmatch(name):
        raise IdentifierError(name, "namespace:reference, such as eip155:1 (CAIP-2)")
    return name


def check_currency(code: str) -> str:
    """Return `code` if it has the form of a currency code (ISO 4217)."""
    if not _CURRENCY.fullmatch(code):
        raise IdentifierError(code, "a currency code: 3 capitals (ISO 4217)")
    return code
