"""A ledger tried out: an embedded chain over what stands on another, which is only read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tallystick.chain.base import Chain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.receipt import RawLog

__all__ = ["ForkedChain"]


class _Table(dict[Any, Any]):
    """Part of a state: what was written here, and beneath it what the ledger has."""

    def __init__(self, look: Callable[[Any], Any]) -> None:
        super().__init__()
        self._look = look

    def get(self, key: Any, default: Any = None) -> Any:
        del default
        if key not in self:
            self[key] = self._look(key)
        return self[key]


class ForkedChain(EmbeddedChain):
    """An embedded chain that begins with the state of another ledger, and never writes to it.

    Code, nonces, balances and slots are read where something asks for them, once each; logs of
    before are the ledger's, whatever blocks are asked for. Blocks are numbered from 0, their time
    goes on from the ledger's. Fees are zero.

    Args:
        ledger: the other one.
    """

    def __init__(self, ledger: Chain) -> None:
        super().__init__(
            ledger.name,
            ledger.chain_id,
            ledger_number=ledger.ledger_number,
            mnemonic=ledger.mnemonic,
            genesis_time=ledger.now - 1,
        )
        self.is_local = ledger.is_local
        self.ledger = ledger
        self.head = ledger.block_number
        self.genesis_hash = ledger.genesis_hash
        self._codes = _Table(ledger.code)
        state = self._state
        state.codes = _Table(self._codes.get)
        state.nonces = _Table(ledger.nonce)
        state.balances = _Table(ledger.balance)
        state.slots = _Table(self._slot_of_ledger)

    def _slot_of_ledger(self, key: tuple[bytes, int]) -> int:
        address, slot = key
        # What is made here has no storage there.
        if not self._codes.get(address):
            return 0
        return int.from_bytes(self.ledger.storage(address, slot), "big")

    def raw_logs(
        self,
        address: Any = None,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> tuple[RawLog, ...]:
        before: tuple[RawLog, ...] = ()
        if from_block <= self.head:
            before = self.ledger.raw_logs(address, from_block, self.head, topics)
        del to_block
        return before + super().raw_logs(address, topics=topics)
