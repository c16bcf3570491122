"""The file of pay terms (`tallystick.pay-terms/1`): in what cash events are paid, what is withheld.

`load_pay_terms(path)` returns it, or raises `InputError`: one line that names the file, the field,
the value and what was expected.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from tallystick.actions.entitlement import Rate
from tallystick.actions.tax import MAX_RATES, TaxTable
from tallystick.chain.abi import address_of
from tallystick.files.accounts import parse_address
from tallystick.files.event import RateText
from tallystick.files.instrument import Currency, Hash, as_tuples
from tallystick.files.strict import (
    Name,
    StrictModel,
    Wrong,
    checked,
    json_schema,
    load,
    text,
    wrong,
)
from tallystick.registry.record import MAX_DECIMALS

__all__ = [
    "LOCAL",
    "OTHER_BRIDGES",
    "SCHEMA",
    "TEST",
    "PayTermsFile",
    "PlaceTerms",
    "load_pay_terms",
    "pay_terms_schema",
]

SCHEMA: Final = "tallystick.pay-terms/1"
# A cash token that is made for the purpose, on local ledgers alone.
LOCAL: Final = "local"
# One on whatever ledger, for a test network: money that is worth nothing.
TEST: Final = "test"
# In a pool's place: all that is with other people's bridges, which home owes for.
OTHER_BRIDGES: Final = "other-bridges"


def _account(value: object) -> str:
    return str(address_of(parse_address(text(value))))


def _cash(value: object) -> str:
    return str(value) if value in (LOCAL, TEST) else _account(value)


def _pool(value: object) -> str:
    return OTHER_BRIDGES if value == OTHER_BRIDGES else _account(value)


Address = Annotated[
    str,
    BeforeValidator(_account),
    WithJsonSchema({"$comment": "an address", "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}),
]
Cash = Annotated[
    str,
    BeforeValidator(_cash),
    WithJsonSchema(
        {
            "$comment": "an address, `local` or `test`",
            "type": "string",
            "pattern": f"^({LOCAL}|{TEST}|0x[0-9a-fA-F]{{40}})$",
        }
    ),
]
Pool = Annotated[str, BeforeValidator(_pool)]


class Category(StrictModel):
    """Accounts that have proven a rate of tax: its place in `rates`, from 0; by which document."""

    category: Annotated[int, Field(ge=0, lt=MAX_RATES)]
    document: Hash
    accounts: Annotated[tuple[Address, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "accounts")


class PlaceTerms(StrictModel):
    """What is a ledger's own: the cash token, accounts for withheld tax and for what is left.

    `payees` are paid for pools, or at home for `other-bridges`: they pay who holds elsewhere.
    """

    cash: Cash
    tax_account: Address
    return_account: Address
    categories: tuple[Category, ...] = ()
    payees: dict[Pool, Address] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "categories")

    @field_validator("payees", mode="before")
    @classmethod
    def _each_once(cls, payees: Any) -> Any:
        """Written otherwise, an address is the same: the last of two would win."""
        seen: set[str] = set()
        for pool in payees if isinstance(payees, dict) else ():
            if str(pool).lower() in seen:
                raise wrong("each pool once", path=str(pool), value="twice")
            seen.add(str(pool).lower())
        return payees


class PayTermsFile(StrictModel):
    """A file of pay terms.

    `rates` are parts of the gross that are withheld, the highest first; `document` is the hash of
    what orders it, `cash_decimals` what the tokens of all ledgers have.
    """

    schema_: Literal["tallystick.pay-terms/1"] = Field(alias="schema")
    currency: Currency
    cash_decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)]
    rates: tuple[RateText, ...]
    document: Hash
    ledgers: Annotated[dict[Name, PlaceTerms], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "rates")

    @checked
    def _sound(self) -> Wrong:
        try:
            _ = self.tax
        except (ValueError, ZeroDivisionError) as error:
            value = ", ".join(self.rates)
            yield wrong(str(error).removeprefix("expected "), path="rates", value=value)
        for ledger, place in self.ledgers.items():
            for at, entry in enumerate(place.categories):
                if entry.category >= len(self.rates):
                    path = f"ledgers.{ledger}.categories[{at}].category"
                    expected = f"one of the {len(self.rates)} rates, from 0"
                    yield wrong(expected, path=path, value=entry.category)

    @property
    def tax(self) -> TaxTable:
        """What is withheld, by category."""
        return TaxTable(tuple(Rate.of(Fraction(rate)) for rate in self.rates))


def load_pay_terms(path: str | Path) -> PayTermsFile:
    """Read a file of pay terms.

    Raises:
        InputError: the file is wrong.
    """
    return load(path, PayTermsFile, SCHEMA)


def pay_terms_schema() -> dict[str, Any]:
    """Return the JSON Schema of files of pay terms (R-07)."""
    return json_schema(PayTermsFile, SCHEMA, "Tallystick pay terms")
