"""The journal: addresses that only we know, on disk before they are relied on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tallystick.chain import Chain
from tallystick.errors import CheckFailed
from tallystick.storage import write_json

__all__ = ["Journal"]


class Journal:
    """Addresses that only we know, one JSON file; every entry is on disk before it is relied on."""

    SCHEMA: Final = "tallystick.journal/1"

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            try:
                data = json.loads(path.read_text())
                if data["schema"] != self.SCHEMA:
                    raise ValueError("another schema")
                self._entries = dict(data["ledgers"])
            except (ValueError, KeyError, TypeError) as error:
                raise CheckFailed(f"{path}: no {self.SCHEMA} journal ({error})") from error

    def ledger(self, name: str, chain: Chain | None) -> dict[str, Any]:
        """Return the entry of a ledger, bound to its chain.

        Raises:
            CheckFailed: the journal was written for another chain under that name.
        """
        if chain is None:
            return self._entries.get(name, {"contracts": {}})
        identity = {"chain_id": chain.chain_id, "genesis": chain.genesis_hash}
        # Logs before this block are of no interest to anybody.
        fresh = {**identity, "from_block": chain.block_number, "contracts": {}}
        entry = self._entries.setdefault(name, fresh)
        if {key: entry[key] for key in identity} != identity:
            raise CheckFailed(
                f"{self._path}: {name} was deployed on chain {entry['chain_id']} with genesis "
                f"{entry['genesis']}, and this is {identity['chain_id']} with "
                f"{identity['genesis']}: use another directory, or the same chain"
            )
        return entry

    def write(self) -> None:
        """Put the journal on disk, whole or not at all."""
        if self._path is not None:
            write_json(self._path, {"schema": self.SCHEMA, "ledgers": self._entries})

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of the entries."""
        copy: dict[str, Any] = json.loads(json.dumps(self._entries))
        return copy
