"""What an account created on a ledger: contracts stand where the nonces of who creates put them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tallystick.chain import Chain
from tallystick.chain.abi import address_bytes, checksum
from tallystick.chain.rlp import create_address

__all__ = ["created_by"]

# The newest transactions of an account among which its contracts are looked for.
_LOOKED_AT: Final = 1_024


def created_by(chain: Chain, account: Any) -> Iterator[tuple[str, bytes]]:
    """Yield where an account's transactions created contracts that stand, and their code.

    Oldest first, of its newest 1,024 transactions.
    """
    end = chain.nonce(account)
    for nonce in range(max(end - _LOOKED_AT, 0), end):
        address = checksum(create_address(address_bytes(account), nonce))
        if code := chain.code(address):
            yield address, code
