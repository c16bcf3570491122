"""Ledgers: one `Chain` handle over an EVM in process, anvil processes, and live networks.

Contracts are bound to their chain, so there is no active chain that a call could miss.
"""

from tallystick.chain.abi import CodecError, address_of, keccak
from tallystick.chain.account import Account
from tallystick.chain.base import Chain
from tallystick.chain.contract import Contract, Method
from tallystick.chain.receipt import (
    Args,
    Block,
    ChainError,
    Event,
    RawLog,
    Receipt,
    Revert,
    Snapshot,
    UnknownBlock,
    Unsupported,
)
from tallystick.chain.reverts import reverts

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
    "UnknownBlock",
    "Unsupported",
    "address_of",
    "keccak",
    "reverts",
]
