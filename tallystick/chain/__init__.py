"""Ledgers: one `Chain` handle over an EVM in process, anvil processes, and live networks.

Contracts are bound to their chain, so there is no active chain that a call could miss.
"""

from tallystick.chain.base import (
    Account,
    Args,
    Block,
    Chain,
    ChainError,
    Event,
    RawLog,
    Receipt,
    Revert,
    Snapshot,
    Unsupported,
    reverts,
)
from tallystick.chain.codec import CodecError, address_of, keccak
from tallystick.chain.contract import Contract, Method

__all__ = [
    "Account",
    "Args",
    "Block",
    "Chain",
    "ChainError",
    "CodecError",
    "Contract",
    "Event",
    "Method",
    "RawLog",
    "Receipt",
    "Revert",
    "Snapshot",
    "Unsupported",
    "address_of",
    "keccak",
    "reverts",
]
