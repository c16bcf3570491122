"""Engines at work on the two-ledger world: a dividend announced, carried, and carried back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Final

from eth_account import Account as Signer

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import (
    EVENT_ATTESTATION,
    MESSAGE_ATTESTATION,
    ActionsMessage,
    Armed,
    EngineDomain,
    EventVersion,
    Figures,
    Kind,
    PaidSoFar,
    Reconciled,
    Reversal,
    Status,
    Told,
    Totals,
    message_from,
)
from tallystick.actions.record import EventRecord
from tallystick.actions.tax import TaxTable
from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.message import LaneMessage, ledger_id, party
from tallystick.chain import Account, Chain, Contract, Receipt
from tallystick.chain.abi import keccak
from tallystick.chain.account import JUNK_MNEMONIC, derive_account
from tallystick.chain.embedded import EmbeddedChain
from tallystick.governance.roles import Role
from tallystick.local import network
from tallystick.token.position import close_of
from tests.support.cash import new_cash
from tests.support.world import (
    AMOUNT_MAX,
    BUYER_UNITS,
    DAY,
    INVESTOR_UNITS,
    ISIN,
    STATED,
    UINT_MAX,
    BothSides,
    Side,
    World,
    created_by,
)

# 29 July 2020, noon: the day before Apple announced.
GENESIS: Final = 18_472 * DAY + DAY // 2
CLOSE_MINUTE: Final = 1_260
# Who holds a role in an engine.
ROLES: Final = {
    "issuer": Role.ISSUER,
    "operator": Role.OPERATOR,
    "guardian": Role.GUARDIAN,
    "registrar": Role.REGISTRAR,
    "paying_agent": Role.PAYING_AGENT,
    "administrator": Role.ADMINISTRATOR,
    "second_administrator": Role.ADMINISTRATOR,
}
# Apple's dividend of USD 0.82: announced 30 July 2020, ex 7, record 10, payment 13 August.
APPLE: Final = EventRecord(
    isin=ISIN,
    corp="TALLY-2020-0810",
    coaf="US-2020-DVCA-01",
    caev="DVCA",
    camv="MAND",
    announced=18_473,
    ex=18_481,
    record_day=18_484,
    figures_by=18_487,
    payment_day=18_487,
    relief_until=18_487,
    expires=18_487 + 1096,
    rate=Rate(41, 50),
    currency="USD",
    cash_decimals=6,
    terms=keccak(b"terms"),
)
COAF: Final = APPLE.coaf.encode().ljust(32, b"\0")
# The part of an event that accounts are paid from: no lane.
ACCOUNTS: Final = bytes(32)
# The statutory rate, one of a treaty, no third, and who is exempt.
STATUTORY, TREATY, EXEMPT = Rate(3, 10), Rate(3, 20), Rate(0)
TAXES: Final = TaxTable((STATUTORY, TREATY, None, EXEMPT))
KEEP: Final = "announce_close(uint256,bytes4,bytes32)"
# Why the engine announces a close.
RECORD_DATE: Final = b"RECD"


@dataclass(frozen=True)
class Attestors:
    """Who signs, two of three: the same keys on every ledger; by account index at home."""

    indices: tuple[int, ...]
    attests: str

    @property
    def keys(self) -> list[bytes]:
        """Their private keys."""
        accounts = (derive_account(JUNK_MNEMONIC, 1, index) for index in self.indices)
        return [account.key for account in accounts if account.key is not None]

    @property
    def signers(self) -> SignerSet:
        """They themselves."""
        addresses = (Signer.from_key(key).address for key in self.keys)
        return SignerSet.of(1, 2, addresses, self.attests)

    def verifier(self, chain: Chain) -> Contract:
        """One more verifier of theirs on a ledger."""
        arguments = self.signers.verifier_arguments(network.OPERATORS[0])
        return chain.deploy("QuorumVerifier", *arguments, sender=chain.account(0))

    def sign(self, domain: EngineDomain, signed: bytes, count: int = 2) -> bytes:
        """What so many of them sign of a struct hash."""
        struct = SimpleNamespace(id=signed)
        return attest(struct, self.signers, domain, self.keys[:count], self.attests)


# Of events, at home; and of what engines tell, on every ledger.
EVENT_ATTESTORS: Final = Attestors(network.EVENT_ATTESTORS, EVENT_ATTESTATION)
ENGINE_ATTESTORS: Final = Attestors(network.MESSAGE_ATTESTORS, MESSAGE_ATTESTATION)


def domain_of(engine: Contract) -> EngineDomain:
    """EIP-712 domain of an engine."""
    return EngineDomain(engine.chain.chain_id, str(engine.address))


def new_engine(side: Side) -> Side:
    """The side with another engine of its token, in set-up, by an authority of its own."""
    key = side.deployer
    blueprint = side.authority.PROXY_BLUEPRINT()
    authority = side.chain.deploy(
        "ReleaseAuthority", key, 3_600, 30 * DAY, DAY, blueprint, sender=key
    )
    engine = created_by(side, authority, "ActionsEngine", (side.token, side.escrow, key))
    for name, role in ROLES.items():
        engine.assign_role(side.parties[name], role, *STATED, sender=key)
    return replace(side, engine=engine)


def set_peer(engine: Contract, peer: Contract, verifier: Contract | None = None) -> Receipt:
    """The set-up key says whom an engine believes; a verifier of the engines' attestors."""
    proof = verifier or ENGINE_ATTESTORS.verifier(engine.chain)
    key = engine.chain.account(0)
    return Receipt.of(engine.set_peer(peer.chain.chain_id, peer, proof, *STATED, sender=key))


def world_of_engines(backend: Callable[..., Chain] = EmbeddedChain, **plan: Any) -> World:
    """The world of all tests in July 2020, with cash on each ledger; `plan` is `local_plan`'s."""
    chains = {
        name: backend(name, 41_000 + number, ledger_number=number, genesis_time=GENESIS)
        for number, name in enumerate(("home", "remote"), start=1)
    }
    world = World(
        chains,
        authorised=AMOUNT_MAX,
        admitted=("investor", "buyer", "fund"),
        units={"investor": INVESTOR_UNITS, "buyer": BUYER_UNITS},
        attestors=range(11, 17),
        threshold=2,
        **plan,
    )
    world.home, world.remote = (
        replace(side, cash=new_cash(side.chain, side.issuer)) for side in (world.home, world.remote)
    )
    world.synchronise()
    return world


@dataclass(frozen=True)
class Actions(BothSides):
    """What issuer, attestors and couriers do with the engines of a world."""

    world: World

    def announce(self, record: EventRecord, status: int = Status.ACTIVE, **how: Any) -> Receipt:
        """The issuer announces a version at home."""
        arguments = (record.as_tuple(), status, *STATED)
        return Receipt.of(
            self.home.engine.announce(*arguments, **{"sender": self.home.issuer, **how})
        )

    def attested(self, version: EventVersion, count: int = 2) -> bytes:
        """What event attestors sign of a version."""
        return EVENT_ATTESTORS.sign(domain_of(self.home.engine), version.id, count)

    def confirm(self, version: EventVersion, attestation: bytes | None = None) -> Receipt:
        """Somebody brings what the event attestors signed of a version."""
        proof = self.attested(version) if attestation is None else attestation
        record = version.record.as_tuple()
        return Receipt.of(self.home.engine.confirm(record, proof, sender=self.home.courier))

    def in_force(self, record: EventRecord, status: Status = Status.ACTIVE) -> EventVersion:
        """A version announced and confirmed."""
        version = EventVersion(record, status)
        self.announce(record, status)
        self.confirm(version)
        return version

    def source(self, kind: int) -> Side:
        """The side that tells of a kind of thing."""
        by_home = (Kind.RECORD, Kind.TOTALS, Kind.RECONCILED, Kind.REVERSAL, Kind.RATIO)
        return self.home if kind in by_home else self.remote

    def message(self, told: Told) -> ActionsMessage:
        """The message with which the engine whose it is would tell something."""
        return message_from(domain_of(self.source(told.KIND).engine), ISIN, told)

    def proof(self, message: ActionsMessage, count: int = 2) -> bytes:
        """What the engines' attestors sign of a message, in the domain of its source."""
        domain = domain_of(self.source(message.kind).engine)
        return ENGINE_ATTESTORS.sign(domain, message.id, count)

    def carriage(
        self, told: Told, message: ActionsMessage | None = None, attestation: bytes | None = None
    ) -> tuple[Side, str, tuple[Any, ...]]:
        """Where what one ledger's engine tells is taken, by which function with which arguments."""
        message = message or self.message(told)
        side = self.remote if self.source(told.KIND) is self.home else self.home
        what: tuple[Any, ...]
        if isinstance(told, EventVersion):
            what = told.record.as_tuple(), int(told.status)
        else:
            what = (told.as_tuple(),)
        proof = self.proof(message) if attestation is None else attestation
        return side, f"take_{told.KIND.name.lower()}", (message.as_tuple(), *what, proof)

    def take(
        self, told: Told, message: ActionsMessage | None = None, attestation: bytes | None = None
    ) -> Receipt:
        """A courier carries what one ledger's engine tells to the other's."""
        side, function, arguments = self.carriage(told, message, attestation)
        return Receipt.of(getattr(side.engine, function)(*arguments, sender=side.courier))

    take_armed = take_figures = take_reconciled = take_paid = take_reversal = take

    def close(self, day: int) -> None:
        """Bring both ledgers an hour past the close of a business day."""
        for side in (self.home, self.remote):
            begin(side, day + 1, 3_600)

    def send_figures(
        self, day: int, epoch: int = 0, hints: tuple[int, int, int, int] = (0, 0, 0, 0)
    ) -> Receipt:
        """Somebody has the remote ledger tell what stood there at a close."""
        engine, lane = self.remote.engine, self.world.lane
        return Receipt.of(engine.send_figures(lane, day, epoch, hints, sender=self.remote.courier))

    def figures(self, day: int, **changed: Any) -> Figures:
        """What the remote ledger tells of a close without ratios."""
        side, lane = self.remote, self.world.lane
        stood = Figures(
            lane=lane,
            day=day,
            epoch=0,
            supply=side.token.supply_at_close(day, 0),
            suspense=side.escrow.suspense_at_close(lane, day, 0),
            sent=side.escrow.sent_at_close(lane, day, 0),
            came=side.token.came_at_close(day, 0),
        )
        return replace(stood, **changed)

    def fix(
        self,
        record: EventRecord,
        supply_hint: int = 0,
        hints: tuple[int, ...] = (),
        came_hint: int = 0,
    ) -> Receipt:
        """Somebody has home fix its accounts."""
        own, coaf = (supply_hint, came_hint), record.as_tuple()[2]
        return Receipt.of(self.home.engine.fix(coaf, own, hints, sender=self.home.courier))

    def fix_lane(self, record: EventRecord, hints: tuple[int, int, int] = (0, 0, 0)) -> Receipt:
        """Somebody has home split what the lane was owed."""
        coaf = record.as_tuple()[2]
        return Receipt.of(
            self.home.engine.fix_lane(coaf, self.world.lane, hints, sender=self.home.courier)
        )

    def totals(self, record: EventRecord, **changed: Any) -> Totals:
        """What home tells the remote ledger that it owes for."""
        lane, coaf = self.world.lane, record.as_tuple()[2]
        share = self.home.engine.share_of(coaf, lane)
        version = EventVersion(record).id
        return replace(Totals(coaf, version, lane, share.accounts, share.crossing), **changed)

    def take_totals(
        self,
        record: EventRecord,
        totals: Totals | None = None,
        message: ActionsMessage | None = None,
        attestation: bytes | None = None,
    ) -> Receipt:
        """A courier carries to the remote ledger what it owes for."""
        return self.take(totals or self.totals(record), message, attestation)

    def reconcile(self, day: int, hints: tuple[int, int, int] = (0, 0, 0)) -> Receipt:
        """Somebody has home compare the lane's figures of a close with its own."""
        engine, lane = self.home.engine, self.world.lane
        return Receipt.of(engine.reconcile(lane, day, hints, 0, sender=self.home.courier))

    def reconciled(self, day: int, **changed: Any) -> Reconciled:
        """What home tells of a close that fits, without ratios."""
        lane = self.world.lane
        sent = self.home.escrow.sent_at_close(lane, day, 0)
        there = self.figures(day)
        crossing = there.suspense + sent - there.supply - there.sent
        return replace(Reconciled(lane, day, 0, crossing), **changed)

    def suspend(
        self, side: Side, coaf: bytes = COAF, hints: tuple[int, int, int] = (0, 0, 0)
    ) -> Receipt:
        """A stranger has a ledger's end of the lane suspended."""
        return Receipt.of(
            side.engine.suspend(coaf, self.world.lane, hints, 0, sender=side.attacker)
        )

    def fixed_at_home(self, record: EventRecord) -> EventRecord:
        """An event whose totals home has fixed, and cash of the paying agent there."""
        self.in_force(record)
        begin(self.home, record.record_day + 1)
        self.fix(record)
        self.give_cash(self.home, self.home.paying_agent, 2**200)
        return record

    def pay_terms(self, side: Side, **changed: Any) -> tuple[Any, ...]:
        """Terms of payment in dollars on a ledger; tax is the auditor's, what is left the
        issuer's."""
        terms = {
            "currency": b"USD\0",
            "cash": side.cash.address,
            "tax_account": side.auditor.address,
            "return_account": side.issuer.address,
            "rates": TAXES.pack(),
            **changed,
        }
        return tuple(terms.values())

    def set_pay_terms(self, side: Side, **changed: Any) -> Receipt:
        """The paying agent proposes such terms, the issuer sets them."""
        terms = self.pay_terms(side, **changed)
        side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
        return Receipt.of(side.engine.set_pay_terms(terms, *STATED, sender=side.issuer))

    def set_pool_payee(self, side: Side, pool: Any, payee: Any) -> Receipt:
        """The paying agent proposes whom a pool's money goes to, the issuer sets it."""
        side.engine.propose_pool_payee(pool, payee, *STATED, sender=side.paying_agent)
        return Receipt.of(side.engine.set_pool_payee(pool, payee, *STATED, sender=side.issuer))

    def give_cash(self, side: Side, funder: Account, amount: int = 10**24) -> None:
        """Cash for somebody, which the engine may take."""
        side.cash.mint(funder, amount, sender=side.issuer)
        side.cash.approve(side.engine, UINT_MAX, sender=funder)

    def fund(
        self,
        side: Side,
        record: EventRecord,
        lane: bytes = ACCOUNTS,
        most: int = UINT_MAX,
        funder: Account | None = None,
    ) -> Receipt:
        """The paying agent, or another, pays in for a part of an event."""
        arguments = (record.as_tuple(), lane, most)
        return Receipt.of(side.engine.fund(*arguments, sender=funder or side.paying_agent))

    def claim(self, side: Side, account: Any, hint: int = 0, sender: Any = None) -> Receipt:
        """An account, or somebody for it, claims what it is paid."""
        return Receipt.of(side.engine.claim(COAF, account, hint, sender=sender or account))

    def claim_crossed(self, side: Side, message: LaneMessage, sender: Any) -> Receipt:
        """Somebody claims for units that were between ledgers."""
        return Receipt.of(side.engine.claim_crossed(COAF, message.as_tuple(), sender=sender))

    def paid(self, **changed: Any) -> PaidSoFar:
        """What the remote ledger tells of what it paid."""
        lane, side = self.world.lane, self.remote
        sent = side.engine.send_paid(COAF, lane, sender=side.courier).one("PaidSent")
        return replace(PaidSoFar(*sent.args["paid"]), **changed)

    def reversal(
        self, record: EventRecord, reason: bytes = b"IPRI", document: bytes = STATED[1]
    ) -> Reversal:
        """That an event is reversed, as the issuer announces it."""
        return Reversal(
            record.as_tuple()[2], EventVersion(record).id, reason, int(record.set_off), document
        )

    def announce_reversal(
        self, record: EventRecord, reason: bytes = b"IPRI", document: bytes = STATED[1]
    ) -> Receipt:
        """The issuer announces at home that an event is reversed."""
        return Receipt.of(
            self.home.engine.announce_reversal(
                record.as_tuple(), reason, document, sender=self.home.issuer
            )
        )

    def confirm_reversal(self, reversal: Reversal, attestation: bytes | None = None) -> Receipt:
        """Somebody brings what the event attestors signed of it."""
        domain = domain_of(self.home.engine)
        proof = EVENT_ATTESTORS.sign(domain, reversal.id) if attestation is None else attestation
        return Receipt.of(
            self.home.engine.confirm_reversal(reversal.as_tuple(), proof, sender=self.home.courier)
        )

    def reversed(self, record: EventRecord, reason: bytes = b"IPRI") -> Reversal:
        """An event is reversed on both ledgers."""
        reversal = self.reversal(record, reason)
        self.announce_reversal(record, reason)
        self.confirm_reversal(reversal)
        self.take_reversal(reversal)
        return reversal

    def armed(self, version: EventVersion, *, late: bool = False) -> Armed:
        """What the remote engine tells of a version that it took."""
        kept = self.remote.engine.version_of(version.record.hash)
        coaf = version.record.as_tuple()[2]
        return Armed(coaf, version.record.version, version.id, kept.since, late)

    def told_at(self, version: EventVersion) -> Any:
        """When the remote ledger was told of a version, as home knows it."""
        return self.home.engine.told_at(version.id, ledger_id(self.remote.chain.caip2))


@dataclass(frozen=True)
class Third:
    """A third ledger as home knows it: a lane, an engine that it believes, and what that tells."""

    CHAIN_ID: ClassVar[int] = 41_003
    ENGINE: ClassVar[str] = Signer.from_key(keccak(b"a third ledger's engine")).address

    actions: Actions
    lane: bytes

    @classmethod
    def joins(cls, actions: Actions) -> Third:
        """Operator and administrator open its lane at home and name its engine; a day passes."""
        side = actions.home
        engine = (cls.CHAIN_ID, cls.ENGINE, ENGINE_ATTESTORS.verifier(side.chain), *STATED)
        terms = actions.world.lane_state(side).terms._asdict()
        terms["custody"] = side.new_custody()
        terms["peer_ledger"] = ledger_id(f"eip155:{cls.CHAIN_ID}")
        opening = (tuple(terms.values()), *STATED)
        side.engine.propose_peer(*engine, sender=side.operator)
        side.escrow.propose_lane(*opening, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_peer(*engine, sender=side.administrator)
        opened = side.escrow.open_lane(*opening, sender=side.administrator)
        actions.world.synchronise()
        return cls(actions, opened.return_value)

    @property
    def domain(self) -> EngineDomain:
        """EIP-712 domain of its engine."""
        return EngineDomain(self.CHAIN_ID, self.ENGINE)

    def lock(self, amount: int) -> None:
        """The investor sends units there."""
        side = self.actions.home
        recipient, deadline = party(side.outsider.address), side.chain.now + DAY
        side.custody_of(self.lane).lock(
            self.lane, recipient, amount, deadline, sender=side.investor
        )

    def figures(self, day: int, **changed: Any) -> Figures:
        """What it tells of a close, nothing unless changed."""
        zero = dict.fromkeys(("epoch", "supply", "suspense", "sent", "came"), 0)
        told: dict[str, Any] = {**zero, **changed}
        return Figures(lane=self.lane, day=day, **told)

    def take_figures(self, figures: Figures) -> Receipt:
        """A courier carries home what it tells."""
        message = message_from(self.domain, ISIN, figures)
        proof = ENGINE_ATTESTORS.sign(self.domain, message.id)
        return self.actions.take_figures(figures, message, proof)

    def fix(self, record: EventRecord) -> Receipt:
        """Somebody has home split what its lane was owed."""
        coaf = record.as_tuple()[2]
        side = self.actions.home
        return Receipt.of(side.engine.fix_lane(coaf, self.lane, (0, 0, 0), sender=side.courier))


def begin(side: Side, day: int, seconds: int = 0) -> None:
    """Bring a ledger's clock to the first moment of a business day, or so many seconds after."""
    side.chain.set_time(close_of(day - 1, CLOSE_MINUTE) + seconds)


def chain_of(record: EventRecord, *changes: dict[str, Any]) -> Iterator[EventRecord]:
    """The record, and for each of the changes the version after it."""
    yield record
    for each in changes:
        record = record.successor(**each)
        yield record
