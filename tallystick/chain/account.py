"""Accounts: an address, and its key where we have it."""

from __future__ import annotations

import functools
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eth_typing import ChecksumAddress

__all__ = ["DEVELOPMENT_CHAIN_IDS", "JUNK_MNEMONIC", "Account", "derive_account", "is_public"]

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
        unlock: gives the key for a step that is told, where it is locked until it has to sign.
    """

    address: ChecksumAddress
    key: bytes | None = field(repr=False)
    index: int
    path: str
    unlock: Callable[[str], bytes] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.address


@functools.cache
def _ledger_node(mnemonic: str, ledger_number: int) -> tuple[bytes, bytes]:
    """Key and chain code of m/44'/60'/{ledger_number}'/0, from which a ledger's accounts derive.

    Kept, because eth-account's own `HDPath.derive` goes the whole way for every account.
    """
    from eth_account.hdaccount.deterministic import HardNode, SoftNode, derive_child_key
    from eth_account.hdaccount.mnemonic import Mnemonic

    seed = Mnemonic.to_seed(" ".join(mnemonic.split()))
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    key, code = digest[:32], digest[32:]
    for node in (HardNode(44), HardNode(60), HardNode(ledger_number), SoftNode(0)):
        key, code = derive_child_key(key, code, node)
    return key, code


@functools.cache
def derive_account(mnemonic: str, ledger_number: int, index: int) -> Account:
    """The account m/44'/60'/{ledger_number}'/0/{index} of a mnemonic; cached, as it is slow."""
    from eth_account import Account as Signer
    from eth_account.hdaccount.deterministic import SoftNode, derive_child_key

    key, _ = derive_child_key(*_ledger_node(mnemonic, ledger_number), SoftNode(index))
    return Account(
        address=Signer.from_key(key).address,
        key=key,
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
