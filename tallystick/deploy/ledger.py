"""One ledger of a plan: what stands there, as far as it is known, and what is sent there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

from tallystick.chain import Account, Chain, Contract, Receipt
from tallystick.deploy.journal import Creations, Journal
from tallystick.deploy.step import Call, NotYet, Step
from tallystick.files.plan import Plan
from tallystick.governance.release import PER_INSTRUMENT, PROXIED, proxy_name
from tallystick.governance.roles import reason_code
from tallystick.reach.created import created_by

__all__ = ["SET_UP", "PlannedLedger", "is_zero"]

SET_UP: Final = reason_code("SETU")


class PlannedLedger:
    """One ledger of a plan; its steps are `LedgerSteps`."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        accounts: Mapping[str, Account],
        chain: Chain | None,
        journal: Journal,
    ) -> None:
        self.name = name
        self.plan = plan
        self.instrument = plan.loaded_instrument
        self.accounts = accounts
        self.deployer = accounts["deployer"]
        # On a suite that was handed over, what is everybody's is acted on by its roles.
        self.joins = plan.joins is not None
        # What every act of the set-up states.
        self.stated = (SET_UP, plan.document)
        self._chain = chain
        self.journal = journal
        self.entry = journal.ledger(name, chain)
        self.creations = Creations(journal, self.entry["contracts"], self.deployer)
        self.is_home = name == plan.home
        self._seen: dict[str, str | None] = {}

    @property
    def chain(self) -> Chain:
        """Its chain.

        Raises:
            NotYet: it is not at hand.
        """
        if self._chain is None:
            raise NotYet
        return self._chain

    @property
    def is_here(self) -> bool:
        """Whether its chain is at hand."""
        return self._chain is not None

    @property
    def caip2(self) -> str:
        """Its CAIP-2 name."""
        return self.plan.ledger(self.name).caip2

    # ------------------------------------------------------------ plain contracts

    def address(self, key: str) -> str | None:
        """Return the address of a journalled contract that stands.

        Raises:
            CheckFailed: it should stand and can't be seen.
        """
        return self._found(key, lambda: self.creations.address(key, self.chain))

    def _found(self, key: str, look: Callable[[], str | None]) -> str | None:
        """Where something stands. What was seen is not asked for again, what is missing is."""
        if key not in self._seen:
            self._seen[key] = look()
        return self._seen[key]

    def look_again(self) -> None:
        """Ask the ledger again for what was missing."""
        self._seen = {key: address for key, address in self._seen.items() if address is not None}

    def where(self, key: str) -> str | None:
        """Return where a contract or proxy was seen to stand."""
        return self._seen.get(key)

    def contract(self, name: str, key: str | None = None) -> Contract:
        """Return a journalled contract.

        Raises:
            NotYet: it does not stand yet.
        """
        address = self.address(key or name)
        if address is None:
            raise NotYet
        return self.chain.at(name, address)

    def begin(self, step: Step, call: Call, nonce: int) -> Callable[[], Receipt]:
        """Send a step's transaction; a creation is journalled before. Returns what waits for it.

        Raises:
            CheckFailed: it is a creation that is journalled under another nonce.
            ChainError: it can't be sent.
            Revert: it reverts.
        """
        if call.to is None:
            assert step.makes is not None
            self.creations.put(step.makes, nonce)
        return self.chain.begin(sender=self.sender(step), nonce=nonce, to=call.to, data=call.data)

    def sender(self, step: Step) -> Account:
        """Return whose transaction a step is."""
        return self.accounts[step.by] if step.by else self.deployer

    def nonce_of(self, step: Step) -> int:
        """Return the nonce under which a step's creation is journalled, -1 where none is."""
        return self.creations.nonce(step.makes) if step.makes else -1

    def creation(self, title: str, key: str, code: Callable[[], bytes]) -> Step:
        """Step that creates a plain contract."""
        return Step(
            self.name,
            title,
            lambda: self.address(key) is not None or self._left(key, code),
            lambda: Call(None, code()),
            makes=key,
        )

    @cached_property
    def _left_behind(self) -> Mapping[str, bytes]:
        """What the deployer created before this run, by address, oldest first.

        A suite that is joined keeps its verifiers to itself. An authority's code does not say whose
        it is: it is not looked for here.
        """
        kept: set[str] = set()
        if (suite := self.plan.joins) is not None:
            sides = (lane.sides[self.name] for lane in suite.lanes if self.name in lane.sides)
            kept |= {verifier for side in sides for verifier in side.verifiers}
            if suite.actions is not None:
                kept |= {suite.actions.events, *suite.actions.messages.values()}
        return {at: code for at, code in created_by(self.chain, self.deployer) if at not in kept}

    def _left(self, key: str, code: Callable[[], bytes]) -> bool:
        """Whether an earlier run created it, whose journal was lost: what is told is enough."""
        if self.creations.nonce(key) >= 0 or key == "ReleaseAuthority":
            return False
        if not self.creations.unknown(self._left_behind):
            return False
        # What a constructor leaves is its code with everything that it was told.
        made = self.chain.call(to=None, data=code())
        self._seen[key] = self.creations.adopt(key, made, self._left_behind)
        return self._seen[key] is not None

    # ------------------------------------------------------------------- proxies

    def proxied(self, name: str) -> Contract:
        """Return a contract behind its proxy.

        Raises:
            NotYet: its proxy does not stand yet.
        """
        authority = self.contract("ReleaseAuthority")

        def look() -> str | None:
            address = str(authority.proxy_at(self.proxy_key(name)))
            return None if is_zero(address) else address

        found = self._found(name, look)
        if found is None:
            raise NotYet
        return self.chain.at(name, found)

    def proxy_address(self, name: str) -> str:
        """Return where a proxy is; of a ledger that is not at hand, as an earlier run noted it.

        Raises:
            NotYet: it does not stand yet, as far as is known.
        """
        if self.is_here:
            return str(self.proxied(name).address)
        noted = self.entry["contracts"].get(name)
        if self.plan.joins is not None and name not in PER_INSTRUMENT:
            return self.plan.joins.ledger(self.name).contracts[name].address
        if noted is None:
            raise NotYet
        return str(noted["address"])

    def suite_proxy(self, name: str) -> str | None:
        """Return the same contract of the instrument whose suite is joined; None if it has none."""
        if self.plan.joins is None:
            return None
        entry = self.plan.joins.ledger(self.name).contracts.get(name)
        return None if entry is None else entry.address

    @property
    def proxies(self) -> tuple[str, ...]:
        """Names of the contracts behind proxies that the plan has."""
        engines = self.plan.actions is not None
        return tuple(name for name in PROXIED if engines or name != "ActionsEngine")

    @property
    def own(self) -> tuple[str, ...]:
        """Names of those that the plan sets up: where it joins a suite, the instrument's alone."""
        return tuple(name for name in self.proxies if not self.joins or name in PER_INSTRUMENT)

    def by(self, role: str) -> str:
        """Whose a step is that takes a role once the set-up is over."""
        return role if self.joins else ""

    def note_proxies(self) -> None:
        """Note where the proxies are, for runs that have another ledger at hand."""
        for name in self.proxies:
            try:
                address = str(self.proxied(name).address)
            except NotYet:
                continue
            if self.entry["contracts"].get(name) != {"address": address}:
                self.entry["contracts"][name] = {"address": address}
                self.journal.write()

    def proxy_key(self, name: str) -> bytes:
        """Return the name under which the authority keeps a proxy."""
        return proxy_name(name, self.instrument.isin if name in PER_INSTRUMENT else "")

    def initialisation(self, name: str) -> bytes:
        """Return the call with which a proxy is initialised."""
        contract = self.chain.at(name, self.deployer.address)
        if name == "SecurityToken":
            return bytes(
                contract.initialize.encode(
                    self.instrument.name,
                    self.instrument.symbol,
                    self.instrument.decimals,
                    self.instrument.isin,
                    self.is_home,
                    self.instrument.close_minute_utc,
                    self.deployer.address,
                )
            )
        key = self.deployer.address
        if name == "ActionsEngine":
            bound = (self.proxied("SecurityToken"), self.proxied("BridgeEscrow"))
            return bytes(contract.initialize.encode(*bound, key))
        return bytes(contract.initialize.encode(key))

    def any_contract(self, name: str) -> Contract:
        """Return a contract by name, proxied or plain."""
        return self.proxied(name) if name in PROXIED else self.contract(name)


def is_zero(address: object) -> bool:
    """Whether an address is nobody's."""
    return int(str(address), 16) == 0
