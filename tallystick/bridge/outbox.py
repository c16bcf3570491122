"""What an escrow keeps of what it sent: `outbox` of `transit.vy`, one word for each eight messages.

A page's word is a chain over the ids of its messages, so that it proves each of them together with
the others: keccak256(word before | id), from zero, in the order of the nonces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tallystick.bridge.message import MessageId
from tallystick.chain.abi import keccak

__all__ = ["EMPTY", "PAGE", "page_word", "words_of"]

# Messages on a page, and the word of one without any.
PAGE: Final = 8
EMPTY: Final = bytes(32)


def page_word(ids: Iterable[bytes], word: bytes = EMPTY) -> bytes:
    """Return the word of a page after these messages.

    Args:
        ids: their ids, in the order of their nonces.
        word: what the page had before them.
    """
    for each in ids:
        word = keccak(word + each)
    return word


def words_of(ids: Mapping[int, MessageId]) -> dict[int, bytes]:
    """Return the word of each page on which messages are, by the page's number.

    Args:
        ids: of all messages of one direction of a lane, by nonce. A page of which one is missing
            has another word than its escrow keeps, so that none of its messages is proven.
    """
    pages: dict[int, list[bytes]] = {}
    for nonce in sorted(ids):
        pages.setdefault(nonce // PAGE, []).append(ids[nonce])
    return {page: page_word(each) for page, each in pages.items()}
