"""Files of a dead ledger's end: whose account at home is whose, and who gets what.

`load_homes(path)` and `load_list(path)` return them, or raise `InputError`: one line that names the
file, the field, the value and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from tallystick.bridge.endings import EndList, LastState
from tallystick.chain.abi import address_of
from tallystick.errors import InputError
from tallystick.files.accounts import parse_address
from tallystick.files.instrument import Hash, as_tuples
from tallystick.files.strict import Name, StrictModel, load, parse, text, wrong
from tallystick.storage import read_json
from tallystick.text import hex_text

__all__ = ["HOMES", "LIST", "ListFile", "list_document", "load_homes", "load_list"]

HOMES: Final = "tallystick.homes/1"
LIST: Final = "tallystick.end-list/1"
_MOST: Final = 2**104 - 1


def _address(value: object) -> str:
    return str(address_of(parse_address(text(value))))


def _units(value: object) -> int:
    digits = text(value)
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) <= _MOST:
        raise wrong(f"base units as text, from 1 to {_MOST}")
    return int(digits)


_Address = Annotated[str, BeforeValidator(_address)]
_Number = Annotated[int, Field(ge=0, le=2**64 - 1)]


class _Homes(StrictModel):
    schema_: Literal["tallystick.homes/1"] = Field(alias="schema", default=HOMES)
    # An account on the dead ledger, and its holder's at home.
    accounts: dict[_Address, _Address]


class _Block(StrictModel):
    number: _Number
    hash: Hash
    time: _Number


class _Leaf(StrictModel):
    account: _Address
    amount: Annotated[int, BeforeValidator(_units)]


class ListFile(StrictModel):
    """A list with the last state that it belongs to; leaves in their order."""

    schema_: Literal["tallystick.end-list/1"] = Field(alias="schema", default=LIST)
    ledger: Name
    lane: Hash
    list: Annotated[int, Field(ge=0, le=2**32)]
    block: _Block
    epoch: Annotated[int, Field(ge=0, le=127)]
    root: Hash
    total: Annotated[int, BeforeValidator(_units)]
    leaves: Annotated[tuple[_Leaf, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "leaves")

    @property
    def entries(self) -> EndList:
        """The list."""
        shares = [(leaf.account, leaf.amount) for leaf in self.leaves]
        return EndList.of(bytes.fromhex(self.lane[2:]), self.list, shares)

    @property
    def state(self) -> LastState:
        """What a registrar states with it."""
        entries = self.entries
        return LastState(
            entries.lane,
            entries.number,
            self.block.number,
            bytes.fromhex(self.block.hash[2:]),
            self.block.time,
            self.epoch,
            entries.root,
            entries.total,
        )


def list_document(ledger: str, state: LastState, entries: EndList) -> dict[str, Any]:
    """Return the file of a list, as JSON has it."""
    return {
        "schema": LIST,
        "ledger": ledger,
        "lane": hex_text(state.lane),
        "list": state.list,
        "block": {
            "number": state.number,
            "hash": hex_text(state.block_hash),
            "time": state.time,
        },
        "epoch": state.epoch,
        "root": hex_text(state.root),
        "total": str(state.total),
        "leaves": [{"account": e.account, "amount": str(e.amount)} for e in entries.leaves],
    }


def load_homes(path: str | Path) -> Mapping[str, str]:
    """Read whose account at home is whose.

    Raises:
        InputError: it is no such file.
    """
    return load(path, _Homes, HOMES).accounts


def load_list(path: str | Path) -> ListFile:
    """Read a list, and hold it to the root and the total that it states.

    Raises:
        InputError: it is no such file, or its leaves are others.
    """
    found = parse(path, read_json(path), ListFile, LIST)
    entries = found.entries
    if entries.total != found.total:
        raise InputError(path, "total", str(found.total), f"{entries.total}, the sum of its leaves")
    if hex_text(entries.root) != found.root:
        raise InputError(path, "root", found.root, f"{hex_text(entries.root)}, of its leaves")
    return found
