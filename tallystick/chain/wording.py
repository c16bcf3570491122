"""What nodes mean by their errors, whoever wrote the node: pure readings of code, message and data.

The standard fixes neither codes nor words. Each reading below takes what geth, Erigon, Nethermind,
Besu, OpenEthereum, anvil, Hardhat, Ganache and the large providers say for one and the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tallystick.chain.abi import Parameters, keccak

__all__ = [
    "BUSY_STATUSES",
    "Reverted",
    "is_behind",
    "is_busy",
    "is_known",
    "is_nonce_used",
    "is_underpriced",
    "is_unfunded",
    "is_unknown_method",
    "reverted",
]


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


BUSY_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504})
_LIMIT_EXCEEDED: Final = -32005
_BUSY: Final = _words(
    r"rate.?limit",
    r"too many requests",
    r"compute units",
    r"request (?:count|limit)",
    r"requests per",
    r"throughput",
    r"slow down",
    r"\bbusy\b",
    r"overloaded",
    r"temporarily",
    r"try again",
)
# What is said of one search of logs, and not of the number of requests.
_RANGE: Final = _words(
    r"\brange\b", r"results", r"response size", r"too (?:large|wide|many blocks)"
)
_BEHIND: Final = _words(
    r"header not found",
    r"indexing (?:is )?in progress",
    r"unknown block",
    r"block.{0,80}(?:not found|not available|unavailable|not exist)",
    r"could not find block",
    r"BlockOutOfRange",
    r"block height",
    r"after last accepted block",
    r"unfinali[sz]ed data",
    r"(?:greater|higher) than (?:the )?(?:latest|current|head)",
)
_KNOWN: Final = _words(
    r"already known",
    r"alreadyknown",
    r"known transaction",
    r"already imported",
    r"already in (?:the )?(?:mem)?pool",
    r"already exists",
    r"same hash",
)
_NONCE_USED: Final = _words(
    r"nonce (?:is )?too (?:low|small)", r"old ?nonce", r"nonce.{0,40}(?:already|used|lower)"
)
_UNDERPRICED: Final = _words(
    r"underpriced",
    r"fee ?too ?low",
    r"insufficient fee",
    r"price.{0,60}(?:below|too low|minimum)",
    r"fee.{0,60}(?:below|less than|lower than)",
)
_UNFUNDED: Final = _words(
    r"insufficient ?(?:funds|balance|MaxFeePerGas for sender balance)",
    r"sender doesn't have enough funds",
    r"balance.{0,40}(?:too low|lower than|not enough|exceed)",
    r"upfront cost exceeds",
)
_UNKNOWN_METHOD_CODES: Final = frozenset({-32601, -32004})
_REVERT: Final = re.compile(r"revert", re.IGNORECASE)
# The reason after geth's, Hardhat's and Ganache's words, where the data was dropped.
_REASON: Final = re.compile(
    r"(?:execution reverted: *|reverted with reason string +|transaction: revert +)"
    r"(?P<quote>['\"]?)(?P<reason>.+?)(?P=quote)$",
    re.IGNORECASE,
)
_OUT_OF_GAS: Final = _words(r"out ?of ?gas", r"gas required exceeds allowance")
_HALT: Final = _words(
    r"EVM error",
    r"(?:invalid|bad|undefined) ?(?:fe)?(?:opcode|instruction|jump)",
    r"opcode .{0,40}not defined",
    r"stack ?(?:under|over)flow",
    r"write protection",
    r"max(?:imum)? code size",
)
_HEX: Final = re.compile(r"0x((?:[0-9a-fA-F]{2})*)$")
_ERROR_STRING: Final = keccak(b"Error(string)")[:4]
_STRING: Final = Parameters([{"name": "reason", "type": "string"}])


def is_busy(code: int, message: str, *, search: bool = False) -> bool:
    """Whether the node wants to be asked again later, and did nothing.

    Of a `search` of logs, "limit exceeded" alone means that it is too wide.
    """
    if _RANGE.search(message):
        return False
    limited = code in BUSY_STATUSES or (code == _LIMIT_EXCEEDED and not search)
    return limited or _BUSY.search(message) is not None


def is_behind(message: str) -> bool:
    """Whether it has not reached the block that was asked about (or has forgotten it)."""
    return _BEHIND.search(message) is not None


def is_known(message: str) -> bool:
    """Whether it has the transaction already."""
    return _KNOWN.search(message) is not None


def is_nonce_used(message: str) -> bool:
    """Whether a transaction of that nonce is in a block."""
    return _NONCE_USED.search(message) is not None


def is_underpriced(message: str) -> bool:
    """Whether the transaction offers too little, by itself or to replace another."""
    return _UNDERPRICED.search(message) is not None


def is_unfunded(message: str) -> bool:
    """Whether its sender can't pay for the transaction."""
    return _UNFUNDED.search(message) is not None


def is_unknown_method(code: int, message: str) -> bool:
    """Whether it doesn't know the method."""
    return code in _UNKNOWN_METHOD_CODES or "method not found" in message.lower()


@dataclass(frozen=True)
class Reverted:
    """What an error says of a run that did not end well: revert data, and what halted it if not."""

    data: bytes = b""
    halt: str | None = None


def reverted(message: str, data: Any) -> Reverted | None:
    """The revert or halt that an error answer stands for; None when it is about something else."""
    texts = list(_texts(data))
    found = next((match for text in texts if (match := _HEX.search(text))), None)
    content = bytes.fromhex(found[1]) if found else b""
    if content:
        return Reverted(content)
    for text in (message, *texts):
        if _OUT_OF_GAS.search(text):
            return Reverted(halt="out of gas")
        if _HALT.search(text):
            return Reverted(halt=text)
        reason = _REASON.search(text)
        if reason and not _HEX.fullmatch(reason["reason"]):
            return Reverted(_ERROR_STRING + _STRING.encode([reason["reason"]]))
    if found or any(_REVERT.search(text) for text in (message, *texts)):
        return Reverted()
    return None


def _texts(data: Any) -> Iterator[str]:
    """Where nodes put revert data: the text itself, or under these names, one by transaction."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name in ("data", "result", "return", "output", "message"):
            yield from _texts(data.get(name))
        for name, value in data.items():
            # Ganache: by the hash of the transaction.
            if name.startswith("0x"):
                yield from _texts(value)
