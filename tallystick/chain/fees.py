"""What to offer for a transaction, from whatever sources a node has."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from tallystick.chain.jsonrpc import Rpc, RpcError, ask, number

__all__ = ["Fees", "Price", "offered", "price_now"]

# How many blocks' tips are looked at where a node proposes none.
_BLOCKS: Final = "0x5"


@dataclass(frozen=True)
class Fees:
    """Wei a gas: at most `most`, of which `tip` above the base fee.

    `tip` is None where blocks have no base fee: `most` is the price then.
    """

    most: int
    tip: int | None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Those in the fields of a transaction."""
        if "gasPrice" in fields:
            return cls(fields["gasPrice"], None)
        return cls(fields["maxFeePerGas"], fields["maxPriorityFeePerGas"])

    def fields(self) -> dict[str, Any]:
        """The fields of a transaction."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}

    def above(self, before: Fees) -> Fees:
        """These, but a quarter more than was offered: less replaces no waiting transaction."""
        most = max(self.most, before.most * 5 // 4 + 1)
        if self.tip is None or before.tip is None:
            return Fees(most, before.tip)
        return Fees(most, min(max(self.tip, before.tip * 5 // 4 + 1), most))


@dataclass(frozen=True)
class Price:
    """What gas costs now, in wei a unit: the base fee, None where blocks have none, and the tip."""

    base: int | None
    tip: int

    @property
    def wei(self) -> int:
        """Both together."""
        return (self.base or 0) + self.tip


def price_now(rpc: Rpc, head: Mapping[str, Any]) -> Price:
    """What gas costs in a block after `head`, as the node gives that; it raises like `offered`."""
    if head.get("baseFeePerGas") is None:
        return Price(None, ask(rpc, number, "eth_gasPrice"))
    base = number(head["baseFeePerGas"])
    return Price(base, _tip(rpc, base))


def offered(rpc: Rpc, head: dict[str, Any]) -> Fees:
    """Fees for a transaction now.

    Args:
        rpc: the node.
        head: the last block as the node gives it.

    Raises:
        RpcError: the node has no source of fees at all.
    """
    price = price_now(rpc, head)
    if price.base is None:
        return Fees(price.tip, None)
    base, tip = price.base, price.tip
    # Room for the base fee to double twice; what isn't needed isn't paid.
    most = 4 * base + tip
    if base == 0:
        # Some take a price that no block shows; where gas is free they say so.
        most = max(most, _or_none(rpc, number, "eth_gasPrice") or 0)
    return Fees(most, tip)


def _tip(rpc: Rpc, base: int) -> int:
    tip = _or_none(rpc, number, "eth_maxPriorityFeePerGas")
    if tip is None:
        tip = _or_none(rpc, _median_tip, "eth_feeHistory", _BLOCKS, "latest", [50])
    if tip is None:
        tip = max(ask(rpc, number, "eth_gasPrice") - base, 0)
    return tip


def _median_tip(history: Any) -> int:
    return int(statistics.median_high([number(rewards[0]) for rewards in history["reward"]]))


def _or_none(rpc: Rpc, read: Callable[[Any], int], *question: Any) -> int | None:
    try:
        return ask(rpc, read, *question)
    except RpcError:
        return None
