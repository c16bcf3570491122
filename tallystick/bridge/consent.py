"""What a holder signs to lock units without a transaction of its own (EIP-712 `Lock`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Lock"]

_NAME: Final = "Tallystick Custody"
_VERSION: Final = "1"
_DOMAIN_FIELDS: Final = (
    ("string", "name"),
    ("string", "version"),
    ("uint256", "chainId"),
    ("address", "verifyingContract"),
)
_LOCK_FIELDS: Final = (
    ("bytes32", "lane"),
    ("bytes32", "recipient"),
    ("uint256", "amount"),
    ("bytes32", "nonce"),
    ("uint64", "deadline"),
)


@dataclass(frozen=True, slots=True)
class Lock:
    """Units that a holder gives to a lane's custody, for a party on the lane's remote ledger.

    Lane, recipient and nonce have 32 bytes; the amount is in base units. The nonce is any that the
    holder has not used there. Until the deadline, in seconds since 1970, anybody can bring it.
    """

    lane: bytes
    recipient: bytes
    amount: int
    nonce: bytes
    deadline: int

    def typed_data(self, chain_id: int, custody: str) -> dict[str, Any]:
        """What a wallet shows and signs (EIP-712, the object of `eth_signTypedData_v4`)."""
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for kind, name in _DOMAIN_FIELDS],
                "Lock": [{"name": name, "type": kind} for kind, name in _LOCK_FIELDS],
            },
            "primaryType": "Lock",
            "domain": {
                "name": _NAME,
                "version": _VERSION,
                "chainId": chain_id,
                "verifyingContract": custody,
            },
            "message": {name: getattr(self, name) for _, name in _LOCK_FIELDS},
        }

    def arguments(self, holder: str, signature: bytes) -> tuple[Any, ...]:
        """What `lock_signed` of the lane's custody is called with, by anybody."""
        return (
            holder,
            self.lane,
            self.recipient,
            self.amount,
            self.nonce,
            self.deadline,
            signature,
        )
