"""The state of an embedded ledger: slots, code and balances with an undo log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address

from tallystick.chain.abi import keccak

__all__ = []

# Entries of the undo log (some hundred bytes each) kept for reorganisations without a snapshot.
UNDO_LIMIT = 500_000
MISSING: Any = object()
_Undo = tuple[dict[Any, Any], Any, Any]
_EMPTY_CODE_HASH = keccak(b"")


class State(PragueState):
    """Accounts and storage in dicts, with one log of what to put back on a revert.

    py-evm's own state is a trie over a journalled database; nothing here needs roots or proofs.
    A checkpoint is a position in the undo log, so snapshots cost nothing and can be nested.
    """

    # What the undo log holds where there was nothing.
    ABSENT = MISSING

    def __init__(self, context: ExecutionContext) -> None:
        # Without super().__init__, which would open a database.
        self.execution_context = context
        self.undo: list[_Undo] = []
        self.balances: dict[bytes, int] = {}
        self.nonces: dict[bytes, int] = {}
        self.codes: dict[bytes, bytes] = {}
        self.slots: dict[tuple[bytes, int], int] = {}
        self.start_transaction()

    def start_transaction(self) -> None:
        """Forgets what lasts for one transaction."""
        self.warm: dict[Any, bool] = {}
        self.transient: dict[tuple[bytes, int], bytes] = {}
        self.originals: dict[tuple[bytes, int], int] = {}

    def write(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Sets a value so that it can be undone."""
        self.undo.append((table, key, table.get(key, MISSING)))
        table[key] = value

    def undo_to(self, position: int) -> None:
        """Puts back everything that was written after the log had that length."""
        undo = self.undo
        while len(undo) > position:
            table, key, old = undo.pop()
            if old is MISSING:
                del table[key]
            else:
                table[key] = old

    @contextmanager
    def taken_back(self, position: int) -> Iterator[None]:
        """Goes back to where the log had that length, and on leaving to where it is now."""
        later = self.undo[position:]
        now = [(table, key, table.get(key, MISSING)) for table, key, _ in later]
        self.undo_to(position)
        try:
            yield
        finally:
            for table, key, value in now:
                if value is MISSING:
                    table.pop(key, None)
                else:
                    table[key] = value
            self.undo += later

    # -- checkpoints --

    def snapshot(self) -> Any:
        return len(self.undo)

    def revert(self, snapshot: Any) -> None:
        self.undo_to(snapshot)

    def commit(self, snapshot: Any) -> None:
        pass

    def lock_changes(self) -> None:
        pass

    # -- storage --

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:
        key = (address, slot)
        value = self.slots.get(key, 0)
        return value if from_journal else self.originals.get(key, value)

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        key = (address, slot)
        slots = self.slots
        self.originals.setdefault(key, slots.get(key, 0))
        self.undo.append((slots, key, slots.get(key, MISSING)))
        slots[key] = value

    def delete_storage(self, address: Address) -> None:
        for key in [key for key in self.slots if key[0] == address]:
            self.write(self.slots, key, 0)

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        return (address, slot) in self.warm

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        key = (address, slot)
        if key not in self.warm:
            self.write(self.warm, key, True)

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        return self.transient.get((address, slot), b"")

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        self.write(self.transient, (address, slot), value)

    def clear_transient_storage(self) -> None:
        self.transient = {}

    # -- accounts --

    def get_balance(self, address: Address) -> int:
        return self.balances.get(address, 0)

    def set_balance(self, address: Address, balance: int) -> None:
        self.write(self.balances, address, balance)

    def get_nonce(self, address: Address) -> int:
        return self.nonces.get(address, 0)

    def set_nonce(self, address: Address, nonce: int) -> None:
        self.write(self.nonces, address, nonce)

    def increment_nonce(self, address: Address) -> None:
        self.write(self.nonces, address, self.nonces.get(address, 0) + 1)

    def get_code(self, address: Address) -> bytes:
        return self.codes.get(address, b"")

    def set_code(self, address: Address, code: bytes) -> None:
        self.write(self.codes, address, code)

    def delete_code(self, address: Address) -> None:
        self.write(self.codes, address, b"")

    def get_code_hash(self, address: Address) -> Any:
        if self.account_is_empty(address):
            return bytes(32)
        code = self.codes.get(address, b"")
        return keccak(code) if code else _EMPTY_CODE_HASH

    def has_code_or_nonce(self, address: Address) -> bool:
        return bool(self.codes.get(address) or self.nonces.get(address))

    def account_exists(self, address: Address) -> bool:
        return not self.account_is_empty(address)

    def account_is_empty(self, address: Address) -> bool:
        return not (
            self.nonces.get(address) or self.balances.get(address) or self.codes.get(address)
        )

    def touch_account(self, address: Address) -> None:
        pass

    def delete_account(self, address: Address) -> None:
        self.delete_storage(address)
        self.write(self.balances, address, 0)
        self.write(self.nonces, address, 0)
        self.write(self.codes, address, b"")

    def is_address_warm(self, address: Address) -> bool:
        return address in self.warm or address in PRECOMPILES

    def mark_address_warm(self, address: Address) -> None:
        if address not in self.warm:
            self.write(self.warm, address, True)


PRECOMPILES = PragueComputation.get_precompiles()
