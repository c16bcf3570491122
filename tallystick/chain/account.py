"""Accounts: an address, and its key where we have it."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

from eth_typing import ChecksumAddress

from tallystick.chain.abi import checksum

__all__ = [
    "DEVELOPMENT_CHAIN_IDS",
    "JUNK_MNEMONIC",
    "Account",
    "derive_account",
    "is_public",
]

# Everybody's: on chains for development only.
JUNK_MNEMONIC: Final = "test test test test test test test test test test test junk"
# Chain ids that development nodes use: the mnemonic above signs there without being asked for.
DEVELOPMENT_CHAIN_IDS: Final = frozenset({1337, 31337, *range(41_001, 41_009)})


@dataclass(frozen=True)
class Account:
    """An account that can send transactions.

    Attributes:
        address: checksummed.
        key: 32-byte private key, or None when something else signs (a keyfile, a dev node).
        index: its number on its ledger, -1 when it has none.
        path: derivation path or alias, for people.
    """

    address: ChecksumAddress
    key: bytes | None = field(repr=False)
    index: int
    path: str

    def __str__(self) -> str:
        return self.address


_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@functools.cache
def _public_key(secret: int) -> Any:
    from eth_keys.datatypes import PrivateKey

    return PrivateKey(secret.to_bytes(32, "big")).public_key


def _child(secret: int, chain_code: bytes, index: int, *, hardened: bool) -> tuple[int, bytes]:
    """BIP-32 derivation of one level."""
    if hardened:
        data = b"\0" + secret.to_bytes(32, "big")
        index += 1 << 31
    else:
        data = _public_key(secret).to_compressed_bytes()
    digest = hmac.digest(chain_code, data + index.to_bytes(4, "big"), "sha512")
    return (int.from_bytes(digest[:32], "big") + secret) % _ORDER, digest[32:]


@functools.cache
def _ledger_node(mnemonic: str, ledger_number: int) -> tuple[int, bytes]:
    """The node m/44'/60'/{ledger_number}'/0, from which a ledger's accounts derive."""
    words = unicodedata.normalize("NFKD", " ".join(mnemonic.split())).encode()
    seed = hashlib.pbkdf2_hmac("sha512", words, b"mnemonic", 2048)
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    secret, code = int.from_bytes(digest[:32], "big"), digest[32:]
    for index, hardened in ((44, True), (60, True), (ledger_number, True), (0, False)):
        secret, code = _child(secret, code, index, hardened=hardened)
    return secret, code


@functools.cache
def derive_account(mnemonic: str, ledger_number: int, index: int) -> Account:
    """The account m/44'/60'/{ledger_number}'/0/{index} of a mnemonic; cached, as it is slow."""
    secret, _ = _child(*_ledger_node(mnemonic, ledger_number), index, hardened=False)
    return Account(
        address=checksum(_public_key(secret).to_canonical_address()),
        key=secret.to_bytes(32, "big"),
        index=index,
        path=f"m/44'/60'/{ledger_number}'/0/{index}",
    )


def is_public(account: Account) -> bool:
    """Whether everybody has an account's key, as it derives from the well-known mnemonic."""
    path = re.fullmatch(r"m/44'/60'/(\d+)'/0/(\d+)", account.path)
    if path is None or account.key is None:
        return False
    number, index = map(int, path.groups())
    return derive_account(JUNK_MNEMONIC, number, index).key == account.key
