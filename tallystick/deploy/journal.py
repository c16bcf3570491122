"""The journal: what is meant and what was created, on disk before it is relied on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tallystick.chain import Account, Chain
from tallystick.chain.abi import address_bytes, checksum
from tallystick.chain.jsonrpc import Patience
from tallystick.chain.rlp import create_address
from tallystick.errors import CheckFailed
from tallystick.files.plan import document_of
from tallystick.storage import write_json
from tallystick.text import hex_text

__all__ = ["Creations", "Journal"]

# For how many seconds a contract is looked for that should be there.
_LAG: Final = 10.0


class Journal:
    """What a deployment means and what it created, one JSON file.

    It carries the plan, the instrument and their hash, which every act of the set-up names, the
    accounts that the plan meant then, and by ledger each contract that no other knows. An entry is
    on disk before it is relied on, and none is ever made another.

    Attributes:
        meant: what the deployment was begun with; empty before.
    """

    SCHEMA: Final = "tallystick.journal/2"

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.meant: dict[str, Any] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            try:
                data = json.loads(path.read_text())
                if data["schema"] != self.SCHEMA:
                    raise ValueError("another schema")
                self.meant = {name: data[name] for name in ("plan", "instrument", "accounts")}
                self._entries = dict(data["ledgers"])
                hashed = hex_text(document_of(data["plan"], data["instrument"]))
                if data["document"] != hashed:
                    raise ValueError(f"its document is {hashed[:18]}…, not as it says")
            except (ValueError, KeyError, TypeError) as error:
                raise CheckFailed(f"{path}: no {self.SCHEMA} journal ({error})") from error

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return str(self.path or "the journal")

    def bind(self, meant: Mapping[str, Any]) -> None:
        """Have it carry what is meant: `plan`, `instrument`, `accounts`."""
        if self.meant != meant:
            began, self.meant = bool(self.meant), dict(meant)
            if began:
                self.write()

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
                f"{self.path}: {name} was deployed on chain {entry['chain_id']} with genesis "
                f"{entry['genesis']}, and this is {identity['chain_id']} with "
                f"{identity['genesis']}: use another directory, or the same chain"
            )
        return entry

    def write(self) -> None:
        """Put the journal on disk, whole or not at all."""
        if self.path is not None:
            document = document_of(self.meant["plan"], self.meant["instrument"])
            head = {"schema": self.SCHEMA, "document": hex_text(document)}
            write_json(self.path, {**head, **self.meant, "ledgers": self._entries})


class Creations:
    """The journalled contracts of one ledger, by key: `ReleaseAuthority`, `LaneCustody#0`.

    Each is created once: from the nonce under which it was journalled, or not at all.
    """

    def __init__(self, journal: Journal, contracts: dict[str, Any], deployer: Account) -> None:
        self._journal = journal
        self._contracts = contracts
        self._deployer = deployer
        # What was there once stays there.
        self._seen: set[str] = set()

    def address(self, key: str, chain: Chain) -> str | None:
        """Return the address of a contract that stands; None if it is still to be created.

        Raises:
            CheckFailed: it should stand and can't be seen.
        """
        record = self._contracts.get(key)
        if record is None:
            return None
        if key not in self._seen:
            if not self._is_there(key, record, chain):
                return None
            self._seen.add(key)
        return str(record["address"])

    def _is_there(self, key: str, record: Mapping[str, Any], chain: Chain) -> bool:
        """Whether the code of a journalled creation is there.

        Where it is not, the deployer's nonce says whether the creation was carried out. If it was,
        one look is not believed: a node may be behind another that was asked before.
        """
        patience, nonce = Patience(_LAG), record.get("nonce")
        while not chain.code(record["address"]):
            if nonce is not None and chain.nonce(self._deployer.address) <= nonce:
                return False
            if not patience.wait():
                made = "" if nonce is None else f" by transaction {nonce} of {self._deployer}"
                raise CheckFailed(
                    f"{key} was created at {record['address']}{made}, and there is "
                    "no code: nothing is created a second time. Ask another node; if that "
                    f"transaction failed, or was another one, take the entry out of "
                    f"{self._journal.name}"
                )
        return True

    def adopt(self, key: str, code: bytes, found: Mapping[str, bytes]) -> str | None:
        """Enter the first contract of that code among those that no entry has.

        Args:
            key: what the journal calls it.
            code: what it has to be.
            found: code by address.

        Returns:
            its address; None if there is none.
        """
        for address, there in self.unknown(found).items():
            if there == code:
                self._contracts[key] = {"address": address, "nonce": None}
                self._seen.add(key)
                # A run that sends nothing writes nothing, and has not said what is meant.
                if self._journal.meant:
                    self._journal.write()
                return address
        return None

    def unknown(self, found: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the contracts that no entry has, of those that were found."""
        taken = {record["address"] for record in self._contracts.values()}
        return {address: code for address, code in found.items() if address not in taken}

    def nonce(self, key: str) -> int:
        """Return the nonce under which a contract is journalled; -1 if it is not, or not known."""
        nonce = self._contracts.get(key, {}).get("nonce")
        return -1 if nonce is None else int(nonce)

    def put(self, key: str, nonce: int) -> None:
        """Put on disk where a contract will be that the deployer's transaction `nonce` creates.

        Raises:
            CheckFailed: it is journalled under another nonce.
        """
        address = checksum(create_address(address_bytes(self._deployer), nonce))
        record = self._contracts.setdefault(key, {"address": address, "nonce": nonce})
        if record["nonce"] != nonce:
            raise CheckFailed(
                f"{key} is journalled as transaction {record['nonce']} of {self._deployer}, and "
                f"the next one is {nonce}: the node is behind, or somebody else sends with that "
                "key. Nothing was sent"
            )
        self._journal.write()
