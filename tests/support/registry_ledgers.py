"""Two ledgers with a registry and tokens each, and everybody's key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tallystick.chain import Account, Contract, Event, Receipt, reverts
from tallystick.chain.embedded import EmbeddedChain
from tallystick.governance.roles import Role
from tallystick.registry.record import InstrumentRecord, record_hash, token_address
from tests.support.registry_vectors import APPLE, APPLE_TOKEN, BUND, BUND_TOKEN, DEPLOYER, STATED
from tests.support.world import ZERO, read_slot, write_slot

PARTIES: Mapping[str, int] = {
    "set_up_key": 0,
    "issuer": 1,
    "registrar": 2,
    "guardian": 3,
    "administrator": 4,
    "second_administrator": 5,
    "outsider": 6,
}
_ROLES: Mapping[str, Role] = {
    "issuer": Role.ISSUER,
    "registrar": Role.REGISTRAR,
    "guardian": Role.GUARDIAN,
    "administrator": Role.ADMINISTRATOR,
    "second_administrator": Role.ADMINISTRATOR,
}


@dataclass(frozen=True)
class Ledger:
    """A registry, the tokens that it may place, and its parties by role (`ledger.registrar`)."""

    chain: EmbeddedChain
    registry: Contract
    token_implementation: Contract
    parties: Mapping[str, Account]

    def __getattr__(self, name: str) -> Account:
        try:
            return self.__dict__["parties"][name]
        except KeyError:
            raise AttributeError(name) from None

    def token(
        self,
        *,
        isin: str = APPLE.isin,
        decimals: int = APPLE.decimals,
        close_minute: int = APPLE.close_minute,
        home: bool = True,
    ) -> Contract:
        """Another token; left alone, it is one that the APPLE record may place at home."""
        return behind_proxy(
            self.token_implementation,
            "Test unit",
            "TEST",
            decimals,
            isin,
            home,
            close_minute,
            self.set_up_key,
        )

    def authorise(self, token: Contract, amount: int) -> None:
        """Let the notary have authorised an amount, past the rules of a token that is not whole."""
        word = read_slot(token, "book", "_issue") & ~((2**104 - 1) << 104)
        write_slot(token, word | amount << 104, "book", "_issue")

    def act(self, function: str, actor: Account) -> Event:
        """The `PrivilegedAct` that a function of the registry leaves."""
        selector = self.registry.method(function).selector
        return self.registry.emitted("PrivilegedAct", selector, ZERO, actor, *STATED)

    def propose(self, record: InstrumentRecord, *, adoption: bool = False) -> Receipt:
        """The registrar proposes a record by its hash."""
        return self.registry.propose_record(
            record.isin, record_hash(record), adoption, *STATED, sender=self.registrar
        )

    def present(self, function: str, record: InstrumentRecord) -> Receipt:
        """The issuer presents a record to `register`, `amend` or `adopt`."""
        act = getattr(self.registry, function)
        return act(record.as_tuple(), *STATED, sender=self.issuer)

    def register(self, record: InstrumentRecord = APPLE) -> Receipt:
        """Both keys register a record."""
        self.propose(record)
        return self.present("register", record)

    def amend(self, record: InstrumentRecord) -> Receipt:
        """Both keys amend a record."""
        self.propose(record)
        return self.present("amend", record)

    def adopt(self, record: InstrumentRecord) -> Receipt:
        """Both keys adopt a record."""
        self.propose(record, adoption=True)
        return self.present("adopt", record)

    def storage(self) -> dict[Any, int]:
        """Every non-zero slot of the ledger."""
        return {slot: value for slot, value in self.chain._state.slots.items() if value}


def behind_proxy(implementation: Contract, *arguments: Any) -> Contract:
    """A contract behind a proxy of its own; nobody's authority."""
    chain = implementation.chain
    call = implementation.initialize.encode(*arguments)
    proxy = chain.deploy("ReleaseProxy", implementation, call, sender=DEPLOYER)
    return chain.at(implementation.artifact.name, proxy)


def new_ledger(name: str, chain_id: int, ledger_number: int) -> Ledger:
    """A ledger whose registry is in set-up, roles assigned, with the tokens of both records."""
    chain = EmbeddedChain(name, chain_id, ledger_number=ledger_number)
    parties = {role: chain.account(index) for role, index in PARTIES.items()}
    registry = behind_proxy(
        chain.deploy("InstrumentRegistry", sender=DEPLOYER), parties["set_up_key"]
    )
    # By another account: the vectors say where the deployer's contracts are.
    settings = chain.deploy("SecurityTokenSettings", sender=parties["outsider"])
    controls = chain.deploy("SecurityTokenControls", settings, sender=parties["outsider"])
    implementation = chain.deploy("SecurityToken", controls, sender=DEPLOYER)
    ledger = Ledger(chain, registry, implementation, parties)
    for record, word in ((APPLE, APPLE_TOKEN), (BUND, BUND_TOKEN)):
        token = ledger.token(
            isin=record.isin,
            decimals=record.decimals,
            close_minute=record.close_minute,
            home=chain.caip2 == record.home,
        )
        assert str(token.address).lower() == token_address(word)
    for party, role in _ROLES.items():
        registry.assign_role(parties[party], role, *STATED, sender=ledger.set_up_key)
    return ledger


@contextmanager
def refused(ledger: Ledger, reason: str | None = None) -> Iterator[None]:
    """The block reverts exactly so, and no slot of the ledger has changed."""
    before = ledger.storage()
    with reverts(reason):
        yield
    assert ledger.storage() == before


@pytest.fixture(scope="session")
def new_ledgers() -> tuple[Ledger, Ledger]:
    return new_ledger("home", 41_001, 1), new_ledger("remote", 41_002, 2)


@pytest.fixture
def set_up_ledgers(new_ledgers: tuple[Ledger, Ledger]) -> Iterator[tuple[Ledger, Ledger]]:
    """Home and remote ledger, registries still in set-up; what a test does is undone."""
    with new_ledgers[0].chain.isolated(), new_ledgers[1].chain.isolated():
        yield new_ledgers


@pytest.fixture
def ledgers(set_up_ledgers: tuple[Ledger, Ledger]) -> tuple[Ledger, Ledger]:
    """Home and remote ledger after the registries' hand-over."""
    for ledger in set_up_ledgers:
        ledger.registry.hand_over(*STATED, sender=ledger.set_up_key)
    return set_up_ledgers


@pytest.fixture
def home(ledgers: tuple[Ledger, Ledger]) -> Ledger:
    """The instrument's home ledger."""
    return ledgers[0]


@pytest.fixture
def remote(ledgers: tuple[Ledger, Ledger]) -> Ledger:
    """The other ledger."""
    return ledgers[1]


@pytest.fixture
def set_up(set_up_ledgers: tuple[Ledger, Ledger]) -> Ledger:
    """The home ledger while its registry is set up."""
    return set_up_ledgers[0]
