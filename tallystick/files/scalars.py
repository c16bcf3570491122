"""What several files say in the same words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from tallystick.files.strict import StrictModel, Wrong, checked, identifier, wrong
from tallystick.registry.identifiers import (
    check_cfi,
    check_currency,
    check_dti,
    check_fisn,
    check_isin,
    check_lei,
)

__all__ = ["Cfi", "Currency", "Dti", "Finality", "Fisn", "Isin", "Lei"]

Isin = Annotated[
    str,
    identifier(check_isin),
    WithJsonSchema(
        {"$comment": "an ISIN", "type": "string", "pattern": "^[A-Z]{2}[A-Z0-9]{9}[0-9]$"}
    ),
]
Lei = Annotated[
    str,
    identifier(check_lei),
    WithJsonSchema({"$comment": "an LEI", "type": "string", "pattern": "^[A-Z0-9]{18}[0-9]{2}$"}),
]
Cfi = Annotated[
    str,
    identifier(check_cfi),
    WithJsonSchema({"$comment": "a CFI", "type": "string", "pattern": "^[A-Z]{6}$"}),
]
Fisn = Annotated[
    str,
    identifier(check_fisn),
    WithJsonSchema({"$comment": "a FISN", "type": "string", "minLength": 3, "maxLength": 35}),
]
Dti = Annotated[
    str,
    identifier(check_dti),
    WithJsonSchema(
        {
            "$comment": "a DTI",
            "type": "string",
            "pattern": "^[1-9B-DF-HJ-NP-TV-XZ][0-9B-DF-HJ-NP-TV-XZ]{8}$",
        }
    ),
]
Currency = Annotated[
    str,
    identifier(check_currency),
    WithJsonSchema({"$comment": "a currency: `USD`", "type": "string", "pattern": "^[A-Z]{3}$"}),
]


class Finality(StrictModel):
    """When a source event may be attested: so many blocks deep, or safe, final to the node."""

    kind: Literal["depth", "safe", "finalized"]
    blocks: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @checked
    def _blocks_with_depth(self) -> Wrong:
        if self.kind == "depth" and self.blocks is None:
            yield wrong("a number of blocks with kind: depth", path="blocks", value="missing")
        if self.kind != "depth" and self.blocks is not None:
            yield wrong(f"no blocks with kind: {self.kind}", path="blocks", value=self.blocks)
