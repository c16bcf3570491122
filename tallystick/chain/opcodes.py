"""Whether a ledger's EVM knows what contracts are compiled to, asked without a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.chain.base import Chain
from tallystick.chain.receipt import ChainError, Revert

__all__ = ["missing_opcodes"]

# What the compiler uses beyond the EVM of London, each in creation code that ends well and leaves
# nothing: by EIP-3855 (Shanghai), EIP-5656 and EIP-1153 (Cancun).
_PROBES: Final[Mapping[str, bytes]] = {
    "PUSH0": bytes.fromhex("5f5ff3"),
    "MCOPY": bytes.fromhex("6000600060005e60006000f3"),
    "TSTORE": bytes.fromhex("600060005d60006000f3"),
    "TLOAD": bytes.fromhex("60005c5060006000f3"),
}


def missing_opcodes(chain: Chain) -> tuple[str, ...]:
    """Names of the opcodes that contracts of this package need and a ledger doesn't have.

    A node that runs no creation code in a call can't be asked: then none is named.
    """
    missing = []
    for name, code in _PROBES.items():
        try:
            chain.call(to=None, data=code)
        except Revert:
            missing.append(name)
        except ChainError:
            continue
    return tuple(missing)
