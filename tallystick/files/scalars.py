"""What several files say in the same words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tallystick.files.strict import StrictModel, Wrong, checked, wrong

__all__ = ["Finality"]


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
