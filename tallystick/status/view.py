"""One ledger at one block: what its views answer there, and what it logged up to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tallystick.chain import Block, ChainError, Contract, Event, Revert
from tallystick.chain.abi import CodecError
from tallystick.reach.connection import Connection

__all__ = ["View"]


class View:
    """One ledger at one block."""

    def __init__(self, connection: Connection, name: str, block: Block) -> None:
        self.connection = connection
        self.name = name
        self.block = block
        self.entry = connection.manifest.ledger(name)
        self.chain = connection.chains[name]
        self.token = connection.token(name)
        self.escrow = connection.escrow(name)

    def ask(self, questions: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return what views returned at the block, all in one batch."""
        answers = self.chain.ask(questions, block=self.block.number)
        for answer in answers:
            if isinstance(answer, Revert):
                raise answer
            if isinstance(answer, CodecError):
                raise ChainError(str(answer))
        return answers

    def events(self, contract: Contract, name: str, *topics: bytes) -> list[Event]:
        """Return a contract's events of one name up to the block."""
        return self.logged(contract, [contract.interface.events_by_name[name][0].topic, *topics])

    def logged(self, contract: Contract, topics: list[Any]) -> list[Event]:
        """Return a contract's events up to the block, by their topics as of `Chain.raw_logs`."""
        found = self.chain.raw_logs(
            contract, self.entry.from_block, self.block.number, topics=topics
        )
        return [self.chain.decode_log(log) for log in found]
