"""The accounts that a plan means: addresses, ape aliases, mnemonic indices."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from tallystick.chain import Account
from tallystick.chain.abi import address_of
from tallystick.chain.account import DEVELOPMENT_CHAIN_IDS, JUNK_MNEMONIC, derive_account
from tallystick.errors import InputError
from tallystick.files.plan import AccountRef, Plan, PlanLedger, parse_account

__all__ = ["Accounts", "named_account"]

MNEMONIC_VARIABLE: Final = "TALLYSTICK_MNEMONIC"


@dataclass
class Accounts:
    """Finds the accounts that a plan means: addresses, ape aliases, mnemonic indices.

    Args:
        path: the plan file, for messages.
        plan: the plan.
    """

    path: Path
    plan: Plan
    _words: dict[str, str] = field(default_factory=dict)

    def number(self, ledger: str) -> int:
        """Return the ledger's number in derivation paths: its place in the plan, from 1."""
        return 1 + [entry.name for entry in self.plan.ledgers].index(ledger)

    def mnemonic(self, ledger: str, at: str, index: int) -> str:
        """Return the words that a ledger's indices mean.

        Raises:
            InputError: none are given for a ledger that is not local, or they are wrong.
        """
        if ledger not in self._words:
            entry = self.plan.ledger(ledger)
            words = " ".join(os.environ.get(MNEMONIC_VARIABLE, "").split())
            local = entry.chain_id in DEVELOPMENT_CHAIN_IDS or lives_with_command(entry)
            if words == JUNK_MNEMONIC and not local:
                expected = f"words of your own, not the public test mnemonic: {ledger} is not local"
                raise InputError("environment", MNEMONIC_VARIABLE, words, expected)
            if words:
                _check_mnemonic(words)
            elif local:
                words = JUNK_MNEMONIC
            else:
                expected = f"{MNEMONIC_VARIABLE} in the environment: it is an index into a mnemonic"
                raise InputError(self.path, at, f"index {index}", expected)
            self._words[ledger] = words
        return self._words[ledger]

    def is_public(self, ledger: str) -> bool:
        """Whether the ledger's indices are those of the well-known mnemonic."""
        return self._words.get(ledger) == JUNK_MNEMONIC

    def find(self, ledger: str, at: str, ref: AccountRef) -> Account:
        """Return the account that `ref` means on a ledger.

        Raises:
            InputError: there is no such account.
        """
        if ref.index is not None:
            words = self.mnemonic(ledger, at, ref.index)
            return derive_account(words, self.number(ledger), ref.index)
        return _kept_elsewhere(self.path, at, ref)


def named_account(path: Path, at: str, name: str) -> Account:
    """Return the account that an address or the alias of an ape account means.

    Raises:
        InputError: there is no such account.
    """
    try:
        ref = parse_account(name)
    except PydanticCustomError:
        raise InputError(path, at, name, "a role, an address or an ape alias") from None
    return _kept_elsewhere(path, at, ref)


def _kept_elsewhere(path: Path, at: str, ref: AccountRef) -> Account:
    """The account of an address or an alias: its key is not here."""
    if ref.alias is None:
        return Account(address_of(str(ref.address)), None, -1, "")
    try:
        found = ape_or_refuse(path, at, ref.alias).accounts.load(ref.alias)
    except KeyError:
        expected = f"the alias of an ape account (ape accounts import {ref.alias})"
        raise InputError(path, at, ref.alias, expected) from None
    return Account(address_of(str(found.address)), None, -1, ref.alias)


def _check_mnemonic(words: str) -> None:
    from eth_account.hdaccount.mnemonic import Mnemonic

    if not Mnemonic().is_mnemonic_valid(words):
        count = len(words.split())
        expected = "the words of a BIP-39 mnemonic, its checksum right"
        raise InputError("environment", MNEMONIC_VARIABLE, f"{count} words", expected)


def ape_or_refuse(path: Path, at: str, value: str) -> Any:
    warnings.filterwarnings("ignore", message="Field 'import_remapping'")
    try:
        import ape
    except ImportError:
        expected = "ape to be installed: pip install 'tallystick[ape]'"
        raise InputError(path, at, value, expected) from None
    return ape


def lives_with_command(ledger: PlanLedger) -> bool:
    """Whether a ledger is on ape's local network, which lives as long as the command."""
    return ledger.network is not None and ledger.network.split(":")[1] == "local"
