"""Whether a ledger's EVM knows what contracts are compiled to, asked without a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.chain.base import Chain
from tallystick.chain.receipt import ChainError, Revert

__all__ = ["hardfork_of", "missing_opcodes"]

# What the compiler uses beyond the EVM of London, each in creation code that ends well and leaves
# nothing: by EIP-3855 (Shanghai), EIP-5656 and EIP-1153 (Cancun).
_PROBES: Final[Mapping[str, bytes]] = {
    "PUSH0": bytes.fromhex("5f5ff3"),
    "MCOPY": bytes.fromhex("6000600060005e60006000f3"),
    "TSTORE": bytes.fromhex("600060005d60006000f3"),
    "TLOAD": bytes.fromhex("60005c5060006000f3"),
}

_CLZ: Final = bytes.fromhex("60001e5060006000f3")
_G1_ADD: Final = f"0x{0x0B:040x}"


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


def hardfork_of(chain: Chain) -> str:
    """The newest hard fork whose rules a ledger is seen to run: `osaka`, `prague` or `cancun`.

    It is told by the opcode CLZ (EIP-7939) and by the sum of two points of BLS12-381 (EIP-2537).
    Of a node that can't be asked it is `unknown`.
    """
    try:
        chain.call(to=None, data=_CLZ)
        return "osaka"
    except Revert:
        pass
    except ChainError:
        return "unknown"
    try:
        return "prague" if chain.call(to=_G1_ADD, data=bytes(256)) else "cancun"
    except (ChainError, Revert):
        return "unknown"
