"""Acts on ledgers: tried in a call first, then sent; what became of each is a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from tallystick.bridge.attestation import Asking, SignerSet, Struct, attest
from tallystick.chain import Account, Contract, Receipt, Revert
from tallystick.chain.abi import address_of, keccak
from tallystick.chain.contract import Method
from tallystick.errors import InputError
from tallystick.events.engines import Engines
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection
from tallystick.reach.sending import FULL, Handed, Ledgers, Sending
from tallystick.reach.step import Step

__all__ = ["ANYONE", "PAYMENT", "TEST_NAME", "Actor", "Step"]

# Who sends what anyone may.
ANYONE: Final = "courier"
# Why paying agent, issuer and registrar act on payments.
PAYMENT: Final = reason_code("PAYT")
# How the name of cash begins that is made for a test.
TEST_NAME: Final = "Test "
# Somebody else was quicker: that is no failure.
_BEATEN: Final = frozenset(
    {
        "arming: armed already",
        "arming: carried already",
        "arming: known already",
        "cut: fixed already",
        "cut: taken already",
        "events: taken already",
        "events: told already",
        "figures: taken already",
        "fractions: open already",
        "paid: known already",
        "payments: funded already",
        "payments: paid already",
        "reconciliation: not a newer day",
        "reconciliation: not suspended",
        "reversal: assessed already",
        "reversal: reversed already",
        "suspensions: reconciled",
        "suspensions: suspended already",
    }
)


S = TypeVar("S")


class Actor:
    """Sends to the engines of a manifest.

    Args:
        connection: the ledgers.
        account: who sends, an account or its name as `Connection.sender` takes it; by default the
            role that each act needs, and `courier` for what anyone may do.
        execute: send transactions; without it acts are tried in calls alone.
        ledgers: what sends without waiting for blocks, from `account`; else each act waits for its.

    Raises:
        InputError: the manifest has no engines.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        execute: bool = True,
        ledgers: Ledgers | None = None,
    ) -> None:
        self.connection = connection
        self.engines = Engines(connection)
        self.execute = execute
        self._account = account
        self._ledgers = ledgers

    def sender(self, ledger: str, role: str = ANYONE) -> Account:
        """Return who sends on a ledger: the account that was named, or the holder of a role.

        Raises:
            InputError: there is none, or nothing here signs for it and it is to send.
        """
        if isinstance(self._account, Account):
            return self.connection.private(self._account)
        name = self._account or role
        entry = self.connection.manifest.roles.get(ledger, {}).get(name)
        if entry is not None and not self.execute:
            # Who tries needs no key.
            return Account(address_of(entry.address), None, -1, "")
        return self.connection.sender(ledger, name)

    def _block(self, ledger: str) -> int | None:
        """The block at which a ledger is asked in this step; None: its last one, at any time."""
        return None if self._ledgers is None else self._ledgers.watch(ledger).head.number

    def _engine(self, ledger: str) -> Contract:
        return self.engines.engine(ledger)

    def _signers(self, ledger: str, verifier: str, attests: str) -> SignerSet:
        """Who signs for a verifier that an engine asks; it knows no epochs, and 1 is as good."""
        kept = self.connection.contract(ledger, "QuorumVerifier", verifier).signer_set()
        return SignerSet.of(1, int(kept.threshold), map(str, kept.signers), attests)

    def _signed(
        self, title: str, signers: SignerSet, struct: Struct, domain: Asking
    ) -> tuple[bytes, str]:
        """Sign with the keys at hand; the second is what is missing, or nothing."""
        keys = [
            account.key
            for account in self.connection.keys(title)
            if account.key is not None and account.address in signers.signers
        ]
        if len(keys) < signers.threshold:
            return b"", f"{len(keys)} of {signers.threshold} {title} keys are here"
        return attest(struct, signers, domain, keys[: signers.threshold], signers.attests), ""

    def _do(
        self,
        ledger: str,
        method: Method,
        arguments: Sequence[Any],
        detail: str = "",
        *,
        role: str = ANYONE,
        about: bytes = b"",
    ) -> Step:
        """Try an act in a call and, if it would be done, send it.

        While one that was sent about the same may land, no other is.
        """
        about = about or keccak(method.encode(*arguments))

        def act() -> Step:
            known = self._handed(ledger, method.name, about, detail)
            if known is not None:
                return known
            method.call(*arguments, sender=self.sender(ledger, role))
            return self._sent(ledger, method, arguments, detail, role, about)

        return self._tried(ledger, method.name, act, detail)

    def _sent(
        self,
        ledger: str,
        method: Method,
        arguments: Sequence[Any],
        detail: str,
        role: str,
        about: bytes = b"",
    ) -> Step:
        sender = self.sender(ledger, role)
        if not self.execute:
            return Step(ledger, method.name, "pending", detail)
        if self._ledgers is None:
            return _executed(ledger, method.name, detail, method.send(*arguments, sender=sender))
        sending = self._ledgers.sending(ledger)
        handed = sending.send(about, method, arguments)
        if handed is None:
            return Step(ledger, method.name, "waiting", f"{detail}: {FULL}".removeprefix(": "))
        if handed.receipt is None:
            # Where blocks are quick it is there by now.
            sending.look()
        return self._became(sending, ledger, method.name, handed, detail)

    def _handed(self, ledger: str, act: str, about: bytes, detail: str) -> Step | None:
        """What became of a transaction that was handed over before; None: none is under way.

        Raises:
            Revert: it failed in its block.
        """
        if self._ledgers is None:
            return None
        sending = self._ledgers.sending(ledger)
        handed = sending.of(about)
        if handed is None or (
            handed.told and handed.receipt is not None and handed.receipt.status == 0
        ):
            return None
        return self._became(sending, ledger, act, handed, detail)

    @staticmethod
    def _became(sending: Sending, ledger: str, act: str, handed: Handed, detail: str) -> Step:
        if handed.receipt is None:
            waits = f"{detail}: {handed.words}".removeprefix(": ")
            return Step(ledger, act, "waiting", waits, handed.tx_hash)
        if handed.told:
            return Step(ledger, act, "done", detail)
        handed.tell()
        failure = sending.failure(handed)
        if failure is not None:
            raise failure
        return _executed(ledger, act, detail, handed.receipt)

    def _holder(self, ledger: str, role: str) -> str:
        """Who holds a role on a ledger."""
        manifest = self.connection.manifest
        entry = manifest.roles.get(ledger, {}).get(role)
        if entry is None:
            raise InputError(manifest.file, f"roles.{ledger}.{role}", None, "an account")
        return entry.address

    def _keyed(self, ledger: str, role: str) -> Account | None:
        """Who holds a role, if it is who sends here."""
        try:
            sender = self.sender(ledger, role)
        except InputError:
            return None
        return sender if sender.address == self._holder(ledger, role) else None

    def _elsewhere(self, ledger: str, role: str, name: str, what: str) -> Step:
        """What the key of a role has to do, which is not here."""
        key = f"the {role.replace('_', ' ')}'s key, {self._holder(ledger, role)}"
        return Step(ledger, name, "waiting", f"{what}: {key}: run the same with it")

    def _by(self, ledger: str, role: str, name: str, arguments: Sequence[Any], what: str) -> Step:
        """An act of a role, if its key is here; else who has to do it."""
        if self._keyed(ledger, role) is None:
            return self._elsewhere(ledger, role, name, what)
        return self._do(ledger, self._engine(ledger).method(name), arguments, what, role=role)

    def _by_two(
        self,
        ledger: str,
        proposing: tuple[str, str],
        confirming: tuple[str, str],
        arguments: Sequence[Any],
        what: str,
    ) -> Iterator[Step]:
        """An act under two keys, each given as role and function; each does its part if it is here.

        What one key has to do elsewhere is said, and done by whoever runs the same with that key.
        """
        (role, propose), (second, confirm) = proposing, confirming
        engine, holder = self._engine(ledger), self._holder(ledger, role)
        try:
            act = engine.method(propose).call(*arguments, sender=holder)
        except Revert as revert:
            yield Step(ledger, propose, "refused", f"{what}: {revert}")
            return
        if engine.proposal_of(act).lapses_at > self.engines.chain(ledger).now:
            proposed = Step(ledger, propose, "done", what)
        else:
            proposed = self._by(ledger, role, propose, arguments, what)
        yield proposed
        if proposed.state == "pending":
            # A call would miss the proposal that was not made.
            yield Step(ledger, confirm, "pending", what)
        elif proposed.state in {"done", "executed"}:
            yield self._by(ledger, second, confirm, arguments, what)
        else:
            yield Step(ledger, confirm, "waiting", f"{what}: {propose} comes first")

    def _cash_ready(
        self,
        ledger: str,
        cash: Contract,
        amount: int,
        role: str,
        words: Callable[[int], str],
        maker: str = "",
    ) -> Iterator[Step]:
        """Allow the engine what is due; of cash that the payer, or maker, made for a test, make it.

        `words` says an amount.
        """
        payer, engine = self.sender(ledger, role), self._engine(ledger)
        chain = self.engines.chain(ledger)
        short = amount - int(cash.balanceOf(payer))
        makes = self._keyed(ledger, maker) if maker else payer
        is_ours = makes is not None and _issues(cash, makes) and (chain.is_local or _is_test(cash))
        if short > 0 and is_ours:
            yield self._do(ledger, cash.mint, (payer, short), words(short), role=maker or role)
        allowed = int(cash.allowance(payer, engine))
        if allowed < amount:
            # Some tokens change no allowance but from or to nothing.
            for value in [0, amount] if allowed else [amount]:
                what, spender = words(value), (engine, value)
                yield self._sent(ledger, cash.approve, spender, what, role)

    @classmethod
    def _tried(cls, ledger: str, name: str, act: Callable[[], S], detail: str = "") -> S | Step:
        """An act, or the contract's reason against it."""
        try:
            return act()
        except Revert as revert:
            return cls._reverted(ledger, name, revert, detail)

    @staticmethod
    def _reverted(ledger: str, name: str, revert: Revert, detail: str = "") -> Step:
        """A contract's reason against an act; what somebody else did before is done."""
        state = "done" if revert.reason in _BEATEN else "refused"
        return Step(ledger, name, state, f"{detail}: {revert}".removeprefix(": "))


def _executed(ledger: str, act: str, detail: str, receipt: Receipt) -> Step:
    return Step(ledger, act, "executed", detail, receipt.tx_hash, receipt.gas_used, receipt)


def _issues(cash: Contract, account: Account) -> bool:
    """Whether an account makes that cash."""
    try:
        return str(cash.issuer()) == account.address
    except Revert:
        return False


def _is_test(cash: Contract) -> bool:
    """Whether that cash was made for a test, by `event terms`."""
    return str(cash.name()).startswith(TEST_NAME)
