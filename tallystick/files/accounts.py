"""Accounts as files name them: by address, alias or index, and by role on a ledger."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from tallystick.chain.abi import address_of
from tallystick.files.instrument import MIN_ADMINISTRATORS, SINGLE_ROLES, as_tuples
from tallystick.files.strict import StrictModel, Wrong, checked, joined, wrong

__all__ = ["MAX_INDEX", "AccountField", "AccountRef", "Accounts", "parse_account", "parse_address"]

MAX_INDEX: Final = 2**31 - 1


class AccountRef(StrictModel):
    """How to find a signing account; exactly one of the three is set."""

    address: str | None = None
    alias: str | None = None
    index: int | None = None

    @property
    def key(self) -> str:
        """What tells two accounts apart as far as the plan shows."""
        if self.address is not None:
            return self.address.lower()
        return f"alias {self.alias}" if self.alias is not None else f"index {self.index}"


def parse_account(value: object) -> AccountRef:
    """Return the account that an address, an alias or an index denotes."""
    if isinstance(value, AccountRef):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("an address, the alias of an ape account, or a mnemonic index")
    if isinstance(value, int):
        if not 0 <= value <= MAX_INDEX:
            raise wrong(f"a mnemonic index from 0 to {MAX_INDEX}")
        return AccountRef(index=value)
    if re.match(r"0[xX]|[0-9a-fA-F]{40}", value):
        return AccountRef(address=parse_address(value))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", value, re.ASCII):
        raise wrong("an address, the alias of an ape account, or a mnemonic index")
    return AccountRef(alias=value)


def parse_address(value: str) -> str:
    """Return an address as written: not zero, its checksum right if there is one."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", value, re.ASCII) or not int(value, 16):
        raise wrong("an address: 0x and 40 hex digits, not zero")
    mixed = value[2:] != value[2:].lower() and value[2:] != value[2:].upper()
    if mixed and value != address_of(value):
        raise wrong("an address whose capitals agree with its checksum (EIP-55)")
    return value


AccountField = Annotated[
    AccountRef,
    BeforeValidator(parse_account),
    WithJsonSchema(
        {
            "$comment": "an address, an ape alias or a mnemonic index",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
                {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"},
            ],
        }
    ),
]


class Accounts(StrictModel):
    """The accounts of one ledger by role. The deployer holds none, and has none left in the end."""

    deployer: AccountField
    issuer: AccountField
    notary: AccountField
    registrar: AccountField
    custodian: AccountField
    guardian: AccountField
    upgrader: AccountField
    paying_agent: AccountField
    auditor: AccountField
    operator: AccountField
    administrators: Annotated[
        tuple[AccountField, ...], Field(min_length=MIN_ADMINISTRATORS, max_length=8)
    ]
    fractions_agent: Annotated[
        AccountField | None,
        Field(
            description="no role, an account that may hold: it is credited what the rounding of "
            "ratios leaves on this ledger; where the plan has engines"
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _administrators_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "administrators")

    @checked
    def _one_role_each(self) -> Wrong:
        seen: dict[str, str] = {}
        for path, account in self.by_field():
            if account.key in seen:
                yield wrong(
                    f"an account of its own, this one is {seen[account.key]}",
                    path=path,
                    value=account.key,
                )
            seen[account.key] = path

    def by_field(self) -> list[tuple[str, AccountRef]]:
        """Return (field, account) of every account."""
        names = ("deployer", *SINGLE_ROLES, "operator")
        out: list[tuple[str, AccountRef]] = [(name, getattr(self, name)) for name in names]
        if self.fractions_agent is not None:
            out.append(("fractions_agent", self.fractions_agent))
        out += [(joined("administrators", i), a) for i, a in enumerate(self.administrators)]
        return out
