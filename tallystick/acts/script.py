"""Scripts: acts in their order, of which each key does its part, and none is done twice.

What one run can't do, for want of a key or because it is too early, it says; whoever has the key
runs the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tallystick.acts.act import Acting, find_act
from tallystick.chain import Account, ChainError
from tallystick.errors import CheckFailed, InputError
from tallystick.reach.step import Step

__all__ = ["Script", "Step"]

_LEFT = frozenset({"pending", "waiting", "refused"})


class Script:
    """Does acts one after the other, as far as the keys here go.

    Args:
        acting: does acts.
        why: reason and document of each, as arguments.

    Attributes:
        acting, why: as given.
        connection: the ledgers.
        steps: what became of each, in order.
    """

    def __init__(self, acting: Acting, why: Mapping[str, Any]) -> None:
        self.acting = acting
        self.connection = acting.connection
        self.steps: list[Step] = []
        self.why = why
        self._left: dict[str, Step] = {}

    def do(
        self,
        ledger: str,
        name: str,
        given: Mapping[str, Any],
        *,
        role: str = "",
        done: bool = False,
        wait: str = "",
    ) -> Step:
        """Do an act, unless it is done, or one before it on the ledger is not.

        Args:
            ledger: where.
            name: `CONTRACT.FUNCTION`.
            given: its arguments.
            role: whose act it is, where several roles may.
            done: whether it is done already.
            wait: what it has to wait for; empty: nothing.
        """

        def act() -> Step:
            found = find_act(name)
            why = {each: value for each, value in self.why.items() if each in found.names}
            sent = self.acting(
                ledger, name, {**given, **why}, account=self._sender(ledger, name, role)
            )
            return Step(ledger, name, sent.state, sent.detail, sent.tx_hash, sent.gas_used)

        return self._step(ledger, name, act, done=done, wait=wait)

    def proposed(self, ledger: str, name: str, given: Mapping[str, Any]) -> bool:
        """Whether what an act carries out was proposed, and waits for it.

        Raises:
            WrongArguments: whatever is wrong with them.
        """
        act, values, contract = self.acting.read(ledger, name, {**given, **self.why})
        return self.acting.proposal(contract, act, values) is not None

    def create(self, ledger: str, what: str, make: Callable[[Account], str]) -> str:
        """Put code on a ledger, which anybody may; returns where it is, or nothing in a dry run.

        Args:
            ledger: where.
            what: the contract.
            make: creates it as somebody, and returns its address.
        """
        address = ""

        def act() -> Step:
            nonlocal address
            if not self.acting.execute:
                return Step(ledger, f"create {what}", "pending")
            address = make(self.connection.sender(ledger, self.acting.account or "courier"))
            return Step(ledger, f"create {what}", "executed", address)

        self._step(ledger, f"create {what}", act)
        return address

    def has_key(self, ledger: str, name: str, role: str) -> bool:
        """Whether an act of a role can be done here, as far as keys go."""
        try:
            self._sender(ledger, name, role)
        except _ElsewhereError:
            return False
        return True

    def _step(
        self, ledger: str, name: str, act: Callable[[], Step], *, done: bool = False, wait: str = ""
    ) -> Step:
        before = self._left.get(ledger)
        if done:
            step = Step(ledger, name, "done")
        elif before is not None and before.state == "pending":
            # A call would miss what was not done before it.
            step = Step(ledger, name, "pending")
        elif before is not None:
            step = Step(ledger, name, "waiting", f"{before.act} comes first")
        elif wait:
            step = Step(ledger, name, "waiting", wait)
        else:
            try:
                step = act()
            except (CheckFailed, ChainError) as error:
                step = Step(ledger, name, "refused", str(error))
            except _ElsewhereError as error:
                step = Step(ledger, name, "waiting", str(error))
        if step.state in _LEFT:
            self._left.setdefault(ledger, step)
        self.steps.append(step)
        return step

    def _sender(self, ledger: str, name: str, role: str) -> str:
        """Who sends an act: who is named for the run, if it may, else the first whose key is here.

        Raises:
            _ElsewhereError: the key is not here.
        """
        act = find_act(name)
        contract = self.acting.contract(ledger, act.contract)
        who = self.acting.who(contract, act)
        may = [each for of, held in who.items() if role in {"", of} for each in held or ()]
        titles = self.connection.manifest.roles.get(ledger, {})
        if self.acting.account:
            named = self.acting.account_of(ledger, self.acting.account)
            if not act.privileged or named.address in may:
                return self.acting.account
        elif role or not act.privileged:
            mine = [title for title, entry in titles.items() if entry.address in may]
            mine = mine or ([] if act.privileged else ["courier"])
            if mine and (not self.acting.execute or self._signs(ledger, mine[0])):
                return mine[0]
        elif not self.acting.execute or any(
            self._signs(ledger, title) for title, entry in titles.items() if entry.address in may
        ):
            return ""
        told = ", ".join(self.acting.named(contract, each) for each in may) or ", ".join(act.roles)
        raise _ElsewhereError(f"run the same with the key of {told}")

    def _signs(self, ledger: str, title: str) -> bool:
        try:
            self.connection.sender(ledger, title)
        except InputError:
            return False
        return True


class _ElsewhereError(Exception):
    """The key of an act is elsewhere."""
