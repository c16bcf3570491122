"""Terms of payment, set on each ledger under two keys: paying agent, then issuer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tallystick.actions.pay_terms import PayTerms
from tallystick.chain import Account, Contract, Revert
from tallystick.chain.abi import CodecError
from tallystick.errors import InputError
from tallystick.events.acts import Actor, Step
from tallystick.files.pay_terms import LOCAL, PayTermsFile, PlaceTerms
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection

__all__ = ["Terms"]

_REASON: Final = reason_code("PAYT")
# Accounts whose tax is entered in one call.
_BATCH: Final = 25


class Terms(Actor):
    """Sets what a file of pay terms says; see `Actor`.

    Either key may be elsewhere: what it has to do is said, and done by whoever runs the same with
    that key.

    Args:
        connection: the ledgers.
        file: the terms.
        path: the file, for messages.
        account: who sends; both roles when left out.
        execute: send transactions.
    """

    def __init__(
        self,
        connection: Connection,
        file: PayTermsFile,
        path: str | Path,
        *,
        account: Account | str = "",
        execute: bool = True,
    ) -> None:
        super().__init__(connection, account=account, execute=execute)
        self._file = file
        self._path = path

    def check(self) -> None:
        """Refuse what the ledgers show to be wrong.

        Raises:
            InputError: an unknown ledger, no cash token, or one of other decimals.
        """
        for ledger, place in self._file.ledgers.items():
            at = f"ledgers.{ledger}"
            if ledger not in self.engines.ledgers:
                expected = f"one of the ledgers: {', '.join(self.engines.ledgers)}"
                raise InputError(self._path, at, ledger, expected)
            chain = self.engines.chain(ledger)
            if place.cash == LOCAL:
                if not chain.is_local:
                    expected = f"the address of a cash token: {ledger} is not local"
                    raise InputError(self._path, f"{at}.cash", place.cash, expected)
                continue
            try:
                decimals = int(chain.at("CashToken", place.cash).decimals())
            except (Revert, CodecError):
                expected = "a cash token (ERC-20 with decimals)"
                raise InputError(self._path, f"{at}.cash", place.cash, expected) from None
            if decimals != self._file.cash_decimals:
                expected = f"{decimals}, as the cash token of {ledger} has"
                given = self._file.cash_decimals
                raise InputError(self._path, "cash_decimals", given, expected)

    def set(self) -> Iterator[Step]:
        """Set the terms on every ledger of the file, and what accounts have proven of their tax."""
        for ledger, place in self._file.ledgers.items():
            yield from self._set(ledger, place)
            yield from self._categories(ledger, place)

    def _set(self, ledger: str, place: PlaceTerms) -> Iterator[Step]:
        engine, file = self._engine(ledger), self._file
        number, in_force = engine.terms_for(file.currency.encode().ljust(4, b"\0"))
        cash = place.cash
        if cash == LOCAL:
            cash = str(in_force.cash) if number else ""
            if not cash or not self._is_ours(ledger, cash):
                if not self.execute:
                    yield Step(ledger, "deploy", "pending", "CashToken")
                    yield Step(ledger, "set_pay_terms", "pending", file.currency)
                    return
                token = self._new_cash(ledger)
                cash = str(token.address)
                yield Step(ledger, "deploy", "executed", f"CashToken {cash}")
        accounts = (place.tax_account, place.return_account)
        terms = PayTerms(file.currency, cash, *accounts, file.tax).as_tuple()
        if number and _same(tuple(in_force), terms):
            yield Step(ledger, "set_pay_terms", "done", f"{file.currency} in {cash}")
            return
        stated, what = (
            (terms, _REASON, bytes.fromhex(file.document[2:])),
            f"{file.currency} in {cash}",
        )
        agent = self.connection.manifest.roles[ledger]["paying_agent"].address
        act = engine.propose_pay_terms.call(*stated, sender=agent)
        if engine.proposal_of(act).lapses_at > self.engines.chain(ledger).now:
            proposed = Step(ledger, "propose_pay_terms", "done", what)
        else:
            proposed = self._by(ledger, "paying_agent", "propose_pay_terms", stated, what)
        yield proposed
        if self.execute or proposed.state != "pending":
            yield self._by(ledger, "issuer", "set_pay_terms", stated, what)
        else:
            yield Step(ledger, "set_pay_terms", "pending", what)

    def _is_ours(self, ledger: str, cash: str) -> bool:
        """Whether cash in force is such as would be made."""
        token = self.engines.chain(ledger).at("CashToken", cash)
        agent = self.connection.manifest.roles[ledger]["paying_agent"].address
        try:
            return str(token.issuer()) == agent and token.decimals() == self._file.cash_decimals
        except (Revert, CodecError):
            return False

    def _new_cash(self, ledger: str) -> Contract:
        """Cash of a local ledger, which the paying agent makes as it is needed."""
        currency, agent = self._file.currency, self.sender(ledger, "paying_agent")
        terms = (f"Test {currency}", f"T{currency}", self._file.cash_decimals, currency.encode())
        return self.engines.chain(ledger).deploy("CashToken", *terms, agent.address, sender=agent)

    def _categories(self, ledger: str, place: PlaceTerms) -> Iterator[Step]:
        engine = self._engine(ledger)
        for entry in place.categories:
            left = [a for a in entry.accounts if engine.payee_of(a)[1] != entry.category]
            if not left:
                what = f"category {entry.category}: {_counted(entry.accounts)}"
                yield Step(ledger, "set_tax_category", "done", what)
            for first in range(0, len(left), _BATCH):
                accounts = left[first : first + _BATCH]
                what = f"category {entry.category}: {_counted(accounts)}"
                document = bytes.fromhex(entry.document[2:])
                arguments = (accounts, entry.category, _REASON, document)
                yield self._by(ledger, "paying_agent", "set_tax_category", arguments, what)

    def _by(
        self, ledger: str, role: str, name: str, arguments: tuple[object, ...], what: str
    ) -> Step:
        """An act of a role, if its key is here."""
        holder = self.connection.manifest.roles[ledger][role].address
        try:
            sender = self.sender(ledger, role)
        except InputError:
            sender = None
        if sender is None or sender.address != holder:
            why = f"the {role.replace('_', ' ')}'s key, {holder}: run the same with it"
            return Step(ledger, name, "waiting", f"{what}: {why}")
        return self._do(ledger, self._engine(ledger).method(name), arguments, what, role=role)


def _counted(accounts: Sequence[str]) -> str:
    return accounts[0] if len(accounts) == 1 else f"{len(accounts)} accounts"


def _same(kept: tuple[object, ...], terms: tuple[object, ...]) -> bool:
    """Whether terms in force are these; as texts, addresses may differ in case."""
    return [_plain(each) for each in kept] == [_plain(each) for each in terms]


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.lower()
    return list(value) if isinstance(value, list | tuple) else value
