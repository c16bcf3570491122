"""The accounts that a plan means: addresses, ape aliases, mnemonic indices."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from tallystick.chain import Account
from tallystick.chain.abi import address_of
from tallystick.chain.account import DEVELOPMENT_CHAIN_IDS, JUNK_MNEMONIC, derive_account
from tallystick.errors import InputError
from tallystick.files.accounts import AccountRef, parse_account
from tallystick.files.plan import Plan, PlanLedger
from tallystick.files.strict import joined
from tallystick.reach.keystores import ape_keystore, keystore_account

__all__ = ["Finder", "Parties", "named_account"]

MNEMONIC_VARIABLE: Final = "TALLYSTICK_MNEMONIC"


@dataclass(frozen=True)
class Parties:
    """The accounts that a plan means, found.

    Attributes:
        on_ledger: by ledger, then by role as the manifest names it: `deployer`, `issuer`,
            `administrator-1`.
        attestors: of each lane, in the plan's order.
        event_attestors: who confirms events; nobody without engines.
        message_attestors: who attests what engines tell; nobody without engines.
    """

    on_ledger: Mapping[str, Mapping[str, Account]]
    attestors: tuple[tuple[Account, ...], ...]
    event_attestors: tuple[Account, ...] = ()
    message_attestors: tuple[Account, ...] = ()

    @property
    def addresses(self) -> dict[str, Any]:
        """All of them as JSON has them."""
        return {
            "ledgers": {
                ledger: {role: str(account) for role, account in accounts.items()}
                for ledger, accounts in self.on_ledger.items()
            },
            "lanes": [[str(account) for account in lane] for lane in self.attestors],
            "events": [str(account) for account in self.event_attestors],
            "messages": [str(account) for account in self.message_attestors],
        }


@dataclass
class Finder:
    """Finds the accounts that a plan means: addresses, ape aliases, mnemonic indices.

    Args:
        path: the plan file, for messages.
        plan: the plan.
        words: the mnemonic that indices mean; the environment's when left out.
    """

    path: Path
    plan: Plan
    words: str = ""
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
            words = " ".join((self.words or os.environ.get(MNEMONIC_VARIABLE, "")).split())
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

    def find(self, ledger: str, at: str, ref: AccountRef) -> Account:
        """Return the account that `ref` means on a ledger.

        Raises:
            InputError: there is no such account.
        """
        if ref.index is not None:
            words = self.mnemonic(ledger, at, ref.index)
            return derive_account(words, self.number(ledger), ref.index)
        return _kept_elsewhere(self.path, at, ref)

    def parties(self) -> Parties:
        """Find every account of the plan.

        Raises:
            InputError: one is not to be found, or would hold two roles.
        """
        found: dict[str, dict[str, Account]] = {}
        for at, ledger in enumerate(self.plan.ledgers):
            taken: dict[str, str] = {}
            found[ledger.name] = {}
            for name, ref in ledger.accounts.by_field():
                where = joined("ledgers", at, "accounts", name)
                account = self.find(ledger.name, where, ref)
                self._alone(where, account, taken)
                taken[account.address] = name
                found[ledger.name][_role(name)] = account
        attestors = []
        for at, lane in enumerate(self.plan.lanes):
            # An attestor holds no other role on either ledger of its lane.
            taken = {
                account.address: f"{role} on {name}"
                for name in (lane.home, lane.remote)
                for role, account in found[name].items()
            }
            members: list[Account] = []
            for number, verifier in enumerate(lane.verifiers):
                where = joined("lanes", at, "verifiers", number, "attestors")
                members += self._attestors(where, lane.home, verifier.attestors, taken)
            attestors.append(tuple(members))
        actions = self.plan.actions
        if actions is None:
            return Parties(found, tuple(attestors))
        # Attestors of engines hold no role on any ledger, and those of events attest nothing else.
        home, taken = (
            self.plan.home,
            {
                account.address: f"{role} on {name}"
                for name, accounts in found.items()
                for role, account in accounts.items()
            },
        )
        where = "actions.messages.attestors"
        messages = self._attestors(where, home, actions.messages.attestors, {**taken})
        for account in (*chain.from_iterable(attestors), *messages):
            taken[account.address] = "an attestor of messages"
        where = "actions.events.attestors"
        events = self._attestors(where, home, actions.events.attestors, taken)
        return Parties(found, tuple(attestors), tuple(events), tuple(messages))

    def _attestors(
        self, where: str, ledger: str, refs: Iterable[AccountRef], taken: dict[str, str]
    ) -> list[Account]:
        """Find attestors, each an account of its own, which is taken then."""
        members = []
        for place, ref in enumerate(refs):
            account = self.find(ledger, joined(where, place), ref)
            self._alone(joined(where, place), account, taken)
            taken[account.address] = "another attestor"
            members.append(account)
        return members

    def _alone(self, where: str, account: Account, taken: Mapping[str, str]) -> None:
        if account.address in taken:
            expected = f"an account of its own, this one is {taken[account.address]}"
            raise InputError(self.path, where, account.address, expected)


def _role(field: str) -> str:
    """What a manifest calls the holder of a field: `administrators[0]` is `administrator-1`."""
    name, bracket, number = field.partition("[")
    return f"{name.removesuffix('s')}-{int(number[:-1]) + 1}" if bracket else name


def named_account(path: Path, at: str, name: str) -> Account:
    """Return the account that an address, the alias of an ape account or a keystore file means.

    Raises:
        InputError: there is no such account.
    """
    if "/" in name or name.endswith(".json"):
        return keystore_account(Path(name))
    try:
        ref = parse_account(name)
    except PydanticCustomError:
        expected = "a role, an address, an ape alias or a keystore file"
        raise InputError(path, at, name, expected) from None
    return _kept_elsewhere(path, at, ref)


def _kept_elsewhere(path: Path, at: str, ref: AccountRef) -> Account:
    """The account of an address or an alias: its key is not here."""
    if ref.alias is None:
        return Account(address_of(str(ref.address)), None, -1, "")
    if kept := ape_keystore(ref.alias):
        return keystore_account(kept)
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
