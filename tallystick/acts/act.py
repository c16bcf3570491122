"""Acts on the ledgers of a manifest: who may, what a ledger says to it, and then it is sent.

Nothing is sent without `execute`: an act is tried in a call, as who would send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.acts.arguments import EACH_LANE, Ground, chosen, read_all
from tallystick.build import BuildError
from tallystick.chain import Account, Contract, Revert
from tallystick.chain.abi import address_of
from tallystick.errors import CheckFailed, InputError
from tallystick.governance.acts import ANYONE, SET_UP_KEY, Act, acts_of, contracts
from tallystick.governance.release import release_terms
from tallystick.governance.roles import Role
from tallystick.reach.accounts import named_account
from tallystick.reach.connection import Connection

__all__ = ["Acting", "Done", "Proposal", "WrongArguments", "find_act"]

_NOBODY = "0x" + "00" * 20
# Roles of the token that other contracts ask for.
_TOKENS = " of the token"


class WrongArguments(Exception):
    """Everything that is wrong with the arguments of an act.

    Attributes:
        errors: one for each.
    """

    def __init__(self, errors: Sequence[InputError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


@dataclass(frozen=True)
class Proposal:
    """What was proposed and waits for another key: by whom, and when it counts, in seconds."""

    act: bytes
    proposer: str
    counts_from: int
    lapses_at: int


@dataclass(frozen=True)
class Done:
    """An act on a ledger, and what became of it.

    Attributes:
        ledger: the ledger.
        what: the act.
        values: of its arguments, in their order.
        state: `pending` (a dry run: it would be done), or `executed`.
        sender: who sends.
        to: the contract.
        data: call data.
        chain_id: the ledger's.
        returned: what the call gave back.
        proposal: of two keys, what one of them proposed; None: nothing.
        tx_hash: of the transaction; empty: none was sent.
        gas_used: by it.
    """

    ledger: str
    what: Act
    values: tuple[Any, ...]
    state: str
    sender: str
    to: str
    data: bytes = field(repr=False)
    chain_id: int
    returned: Any = None
    proposal: Proposal | None = None
    tx_hash: str = ""
    gas_used: int = 0

    @property
    def act(self) -> str:
        """The act as users type it."""
        return self.what.name

    @property
    def detail(self) -> str:
        """What is to come."""
        later = ", ".join(self.what.carried_out_by)
        return f"to be carried out by {later}" if later else ""


def find_act(name: str, given: Mapping[str, Any] | None = None) -> Act:
    """Return the act that users call `CONTRACT.FUNCTION`; of overloads the one that takes `given`.

    Raises:
        InputError: there is none.
    """
    from difflib import get_close_matches

    contract, _, function = name.partition(".")
    known = {act: each for each in contracts() for act in acts_of(each)}
    listed = [f"{each}.{act}" for each in contracts() for act in acts_of(each)]
    try:
        return chosen(acts_of(contract)[function], given or {})
    except (BuildError, KeyError):
        near = get_close_matches(name, listed, 1, 0.5)
        if function in known and contract not in contracts():
            near = [f"{known[function]}.{function}"]
        expected = f"{near[0]}?" if near else "CONTRACT.FUNCTION, see --list"
        raise InputError("act", "CONTRACT.FUNCTION", name, expected) from None


class Acting:
    """Does acts on the ledgers of a manifest.

    Args:
        connection: the ledgers.
        account: who sends: a role of the manifest, an address, an alias or a keystore; by default
            the first who may, and for whom the ledger would do it.
        execute: send transactions; without it acts are tried in calls alone.

    Attributes:
        connection: the ledgers.
        account: who sends; empty: whoever may.
        execute: whether anything is sent.
    """

    def __init__(self, connection: Connection, *, account: str = "", execute: bool = False) -> None:
        self.connection = connection
        self.execute = execute
        self.account = account
        self._holders: dict[tuple[str, str], dict[str, int]] = {}

    def contract(self, ledger: str, name: str, at: str = "") -> Contract:
        """Return a contract as this build knows it, at an address or where the manifest says.

        Raises:
            InputError: the manifest names none, or several.
        """
        manifest = self.connection.manifest
        entry = manifest.ledger(ledger).contracts.get(name)
        if not at and entry is not None and name not in EACH_LANE:
            at = entry.address
        if not at:
            raise InputError(
                manifest.file, "--at", None, f"the address of the {name} that is meant"
            )
        return self.connection.chains[ledger].at(name, at)

    def ground(self, ledger: str, contract: Contract) -> Ground:
        """Return what arguments of a contract are read against."""
        manifest = self.connection.manifest
        decimals = manifest.instrument.decimals
        if contract.artifact.name == "CashToken":
            decimals = int(contract.decimals())
        return Ground(manifest, ledger, decimals, lambda release: self._terms(ledger, release))

    def _terms(self, ledger: str, release: bytes) -> bytes:
        found = self.contract(ledger, "ReleaseAuthority").release_of(release)
        if not found.version:
            raise CheckFailed(f"{ledger}: that release is not registered")
        return release_terms(found)

    def who(self, contract: Contract, act: Act) -> dict[str, tuple[str, ...] | None]:
        """Return who may, now: of each role that the act names, its holders on the ledger.

        None for what is nobody's role, such as `anyone`.
        """
        return {role: self._holding(contract, role) for role in act.roles}

    def _holding(self, contract: Contract, role: str) -> tuple[str, ...] | None:
        functions = contract.interface.functions
        if role == SET_UP_KEY:
            key = str(contract.set_up_key())
            return () if key == _NOBODY else (key,)
        if role.endswith(_TOKENS):
            contract = self.contract(contract.chain.name, "SecurityToken")
            role = role.removesuffix(_TOKENS)
        bit = Role.__members__.get(role.replace(" ", "_").upper())
        if "role_of" not in functions:
            # Its one key, as the contract names it.
            return (str(contract.method(role)()),) if role in functions else None
        if bit is None:
            return None
        return tuple(sorted(who for who, held in self._roles(contract).items() if held == bit))

    def _roles(self, contract: Contract) -> dict[str, int]:
        """Who holds which role: whom the logs and the manifest name, as the contract says."""
        ledger = contract.chain.name
        if (ledger, contract.address) not in self._holders:
            entry = self.connection.manifest.ledger(ledger)
            topic = contract.interface.events_by_name["RoleChanged"][0].topic
            logs = contract.chain.raw_logs(contract, entry.from_block, None, [topic])
            named = {address_of(log.topics[1][12:]) for log in logs}
            accounts = self.connection.manifest.roles.get(ledger, {}).values()
            named |= {address_of(each.address) for each in accounts}
            held = {str(who): int(contract.role_of(who)) for who in named}
            self._holders[ledger, contract.address] = held
        return self._holders[ledger, contract.address]

    def proposal(self, contract: Contract, act: Act, values: Sequence[Any]) -> Proposal | None:
        """Return what was proposed of an act that takes two keys, if it waits.

        None, too, where what proposes takes other arguments, so that it can't be asked for.
        """
        if not act.proposed_by:
            return None
        proposing = acts_of(act.contract)[act.proposed_by][-1]
        if [each["type"] for each in proposing.inputs] != [each["type"] for each in act.inputs]:
            return None
        method = contract.method(proposing.function.signature)
        for holder in self._may(contract, proposing):
            try:
                return self._proposed(contract, method.call(*values, sender=holder))
            except Revert:
                continue
        return None

    def named(self, contract: Contract, address: str) -> str:
        """Return what the manifest calls an account of the contract's ledger, or its address."""
        titles = self.connection.manifest.roles.get(contract.chain.name, {})
        return next((t for t, entry in titles.items() if entry.address == address), address)

    def who_text(self, contract: Contract, act: Act) -> str:
        """Return who may, now, in words."""
        parts = []
        for role, holders in self.who(contract, act).items():
            named = [self.named(contract, each) for each in holders or ()]
            same = named == [role.replace(" ", "_")]
            shown = "" if holders is None or same else f" ({', '.join(named) or 'nobody'})"
            parts.append(f"{role}{shown}")
        return ", ".join(parts)

    def _may(self, contract: Contract, act: Act) -> list[str]:
        return [who for holders in self.who(contract, act).values() for who in holders or ()]

    def _proposed(self, contract: Contract, act: bytes) -> Proposal | None:
        found = contract.proposal_of(act)
        if not found.lapses_at:
            return None
        return Proposal(act, str(found.proposer), int(found.counts_from), int(found.lapses_at))

    def read(
        self, ledger: str, name: str, given: Mapping[str, Any], at: str = ""
    ) -> tuple[Act, list[Any], Contract]:
        """Return an act, its arguments read, and the contract.

        Raises:
            WrongArguments: whatever is wrong with them.
            InputError: there is no such act, or no such contract.
        """
        act = find_act(name, given)
        contract = self.contract(ledger, act.contract, at)
        values, wrong = read_all(act, given, self.ground(ledger, contract))
        if wrong:
            raise WrongArguments(wrong)
        return act, values, contract

    def _candidates(self, contract: Contract, act: Act, account: str) -> list[str]:
        """Who may send an act, by name: who is named, or who may, those first whose key is here.

        Raises:
            InputError: the manifest knows nobody who may.
        """
        if named := account or self.account:
            return [named]
        ledger, manifest = contract.chain.name, self.connection.manifest
        titles, may = manifest.roles.get(ledger, {}), self._may(contract, act)
        mine = [title for title, entry in titles.items() if entry.address in may]
        if ANYONE in act.roles and "courier" in titles:
            mine.append("courier")
        if not mine:
            expected = f"who sends, of {ledger}: {self.who_text(contract, act)}"
            raise InputError(manifest.file, "--account", None, expected)
        return sorted(mine, key=lambda title: not self.connection.key(ledger, titles[title]))

    def account_of(self, ledger: str, name: str) -> Account:
        """Return an account by name, whose key need not be here.

        Raises:
            InputError: there is none.
        """
        entry = self.connection.manifest.roles.get(ledger, {}).get(name)
        if entry is None:
            return named_account(self.connection.manifest.file, "--account", name)
        return Account(address_of(entry.address), None, -1, "")

    def _tried(
        self, contract: Contract, act: Act, values: Sequence[Any], account: str
    ) -> tuple[str, Any]:
        """The first of those who may for whom the ledger would do it, and what it gives back.

        Raises:
            CheckFailed: for nobody.
        """
        method, refused = contract.method(act.function.signature), ""
        for name in self._candidates(contract, act, account):
            sender = self.account_of(contract.chain.name, name)
            try:
                return name, method.call(*values, sender=sender.address)
            except Revert as revert:
                refused = refused or self._refusal(contract, act, values, sender, revert)
        raise CheckFailed(refused)

    def __call__(
        self, ledger: str, name: str, given: Mapping[str, Any], *, account: str = "", at: str = ""
    ) -> Done:
        """Try an act in a call and, if it would be done and is to be, send it.

        Args:
            ledger: where.
            name: `CONTRACT.FUNCTION`.
            given: the arguments by name, as people write them; bytes are taken as they are.
            account: who sends this one.
            at: the contract's address, where the manifest names none or several.

        Raises:
            WrongArguments: whatever is wrong with the arguments.
            InputError: there is no such act, or nobody to send it.
            CheckFailed: the ledger refuses it.
            Revert: it did so after all, when it was sent.
        """
        act, values, contract = self.read(ledger, name, given, at)
        name, returned = self._tried(contract, act, values, account)
        proposal = self.proposal(contract, act, values)
        sender, method = self.account_of(ledger, name), contract.method(act.function.signature)
        tx_hash, gas, state = "", 0, "pending"
        if self.execute:
            receipt = method.send(*values, sender=self.connection.sender(ledger, name))
            tx_hash, gas, state = receipt.tx_hash, receipt.gas_used, "executed"
        if act.carried_out_by:
            proposal = self._proposed(contract, returned)
        return Done(
            ledger,
            act,
            tuple(values),
            state,
            sender.address,
            contract.address,
            method.encode(*values),
            contract.chain.chain_id,
            returned,
            proposal,
            tx_hash,
            gas,
        )

    def _refusal(
        self, contract: Contract, act: Act, values: Sequence[Any], sender: Account, revert: Revert
    ) -> str:
        """Why a ledger refuses an act, and what helps."""
        said = f"{contract.chain.name}: {act.name}: {str(revert).removeprefix('reverted: ')}; sent "
        said += f"by {self.named(contract, sender.address)}, who may: "
        said += self.who_text(contract, act)
        if act.proposed_by and self.proposal(contract, act, values) is None:
            said += f"; {act.contract}.{act.proposed_by} comes first"
        return said
