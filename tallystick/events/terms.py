"""Terms of payment and payees of pools, set on each ledger under two keys: paying agent, issuer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tallystick.actions.pay_terms import PayTerms
from tallystick.chain import Account, Contract, Revert
from tallystick.chain.abi import CodecError, address_bytes
from tallystick.errors import InputError
from tallystick.events.acts import PAYMENT, TEST_NAME, Actor, Step
from tallystick.files.pay_terms import LOCAL, OTHER_BRIDGES, TEST, PayTermsFile, PlaceTerms
from tallystick.reach.connection import Connection
from tallystick.reach.created import created_by
from tallystick.token.position import AccountClass

__all__ = ["Terms"]

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
            InputError: an unknown ledger, no cash token or one of other decimals, no pool.
        """
        for ledger, place in self._file.ledgers.items():
            at = f"ledgers.{ledger}"
            if ledger not in self.engines.ledgers:
                expected = f"one of the ledgers: {', '.join(self.engines.ledgers)}"
                raise InputError(self._path, at, ledger, expected)
            self._check_pools(ledger, place, f"{at}.payees")
            chain = self.engines.chain(ledger)
            if place.cash in (LOCAL, TEST):
                if place.cash == LOCAL and not chain.is_local:
                    expected = f"the address of a cash token, or {TEST}: {ledger} is not local"
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

    def _check_pools(self, ledger: str, place: PlaceTerms, at: str) -> None:
        """Refuse payees for what nothing is ever kept back for."""
        engines, token = self.engines, self.connection.token(ledger)
        for pool in place.payees:
            if pool == OTHER_BRIDGES:
                if ledger != engines.home:
                    expected = f"that at home alone, {engines.home}, which owes for it"
                    raise InputError(self._path, f"{at}.{pool}", pool, expected)
                continue
            word = address_bytes(pool).rjust(32, b"\0")
            classes = engines.events(ledger, token, "ClassSet", word)
            # Who is none any more may have been one at a close.
            if not any(event.account_class == AccountClass.POOL for event in classes):
                expected = f"an account that is or was a pool of {ledger}, or {OTHER_BRIDGES}"
                raise InputError(self._path, f"{at}.{pool}", pool, expected)

    def set(self) -> Iterator[Step]:
        """Set the terms on every ledger of the file, what accounts have proven, pools' payees."""
        for ledger, place in self._file.ledgers.items():
            yield from self._set(ledger, place)
            yield from self._categories(ledger, place)
            yield from self._payees(ledger, place)

    def _set(self, ledger: str, place: PlaceTerms) -> Iterator[Step]:
        engine, file = self._engine(ledger), self._file
        number, in_force = engine.terms_for(file.currency.encode().ljust(4, b"\0"))
        cash = place.cash
        if cash in (LOCAL, TEST):
            cash = self._made_before(ledger, str(in_force.cash) if number else "")
            if not cash:
                agent = self._keyed(ledger, "paying_agent")
                if agent is None:
                    yield self._elsewhere(ledger, "paying_agent", "deploy", "CashToken")
                    return
                if not self.execute:
                    yield Step(ledger, "deploy", "pending", "CashToken")
                    yield Step(ledger, "set_pay_terms", "pending", file.currency)
                    return
                cash = str(self._new_cash(ledger, agent).address)
                yield Step(ledger, "deploy", "executed", f"CashToken {cash}")
        accounts = (place.tax_account, place.return_account)
        terms = PayTerms(file.currency, cash, *accounts, file.tax).as_tuple()
        if number and _same(tuple(in_force), terms):
            yield Step(ledger, "set_pay_terms", "done", f"{file.currency} in {cash}")
            return
        what, document = f"{file.currency} in {cash}", bytes.fromhex(file.document[2:])
        yield from self._by_two(
            ledger,
            ("paying_agent", "propose_pay_terms"),
            ("issuer", "set_pay_terms"),
            (terms, PAYMENT, document),
            what,
        )

    def _made_before(self, ledger: str, in_force: str) -> str:
        """Cash that is in force, or that a run made which ended before it was; else nothing."""
        chain, agent = self.engines.chain(ledger), self._holder(ledger, "paying_agent")
        made = reversed([address for address, _ in created_by(chain, agent)])
        return next((cash for cash in (in_force, *made) if self._is_ours(ledger, cash)), "")

    def _is_ours(self, ledger: str, cash: str) -> bool:
        """Whether such cash would be made."""
        chain = self.engines.chain(ledger)
        if not cash or not chain.code(cash):
            return False
        token, file = chain.at("CashToken", cash), self._file
        wanted = (self._holder(ledger, "paying_agent"), file.cash_decimals, file.currency.encode())
        try:
            return (str(token.issuer()), token.decimals(), bytes(token.currency())) == wanted
        except (Revert, CodecError):
            return False

    def _new_cash(self, ledger: str, agent: Account) -> Contract:
        """Cash for a test, which the paying agent makes as it is needed."""
        currency = self._file.currency
        terms = (
            f"{TEST_NAME}{currency}",
            f"T{currency}",
            self._file.cash_decimals,
            currency.encode(),
        )
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
                arguments = (accounts, entry.category, PAYMENT, document)
                yield self._by(ledger, "paying_agent", "set_tax_category", arguments, what)

    def _payees(self, ledger: str, place: PlaceTerms) -> Iterator[Step]:
        engine, document = self._engine(ledger), bytes.fromhex(self._file.document[2:])
        for key, payee in place.payees.items():
            # The token stands for what is with other bridges.
            pool = str(self.connection.token(ledger).address) if key == OTHER_BRIDGES else key
            what = f"{key}: paid to {payee}"
            if str(engine.pool_payee(pool)) == payee:
                yield Step(ledger, "set_pool_payee", "done", what)
                continue
            yield from self._by_two(
                ledger,
                ("paying_agent", "propose_pool_payee"),
                ("issuer", "set_pool_payee"),
                (pool, payee, PAYMENT, document),
                what,
            )


def _counted(accounts: Sequence[str]) -> str:
    return accounts[0] if len(accounts) == 1 else f"{len(accounts)} accounts"


def _same(kept: tuple[object, ...], terms: tuple[object, ...]) -> bool:
    """Whether terms in force are these; as texts, addresses may differ in case."""
    return [_plain(each) for each in kept] == [_plain(each) for each in terms]


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.lower()
    return list(value) if isinstance(value, list | tuple) else value
