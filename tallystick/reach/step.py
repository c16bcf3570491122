"""What became of one act on a ledger, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tallystick.chain import Receipt
from tallystick.text import Told

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step(Told):
    """What became of one act on a ledger; `act` is the function that is called.

    `state` is `done` (it was before), `executed`, `pending` (a dry run would send it), `waiting` or
    `refused`; `detail` says what of it, or why.
    """

    ledger: str
    act: str
    state: str
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0
    receipt: Receipt | None = None

    called: ClassVar = {"receipt": ""}
