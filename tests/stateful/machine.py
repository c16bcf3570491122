"""Two ledgers under every act that anybody can carry out, beside the model, checked at each step.

`TwoLedgers` holds the acts and the checks; `TwoLedgersMachine` only says what hypothesis may draw.
The checks read the ledgers' storage (positions, openings, lane ledgers, outboxes), a hundred times
cheaper than calls; the rule `ask_closings` holds the contracts' own views to the same numbers.
"""

from __future__ import annotations

import copy
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from eth_utils.crypto import keccak
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.figures import Figure, Landed, Landing
from tallystick.bridge.message import NO_CAP, LaneMessage, message_of, party
from tallystick.build import artifact
from tallystick.chain import Account, Receipt, Revert, address_of
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy import upgrade as upgrades
from tallystick.deploy.steps import ROLES_OF
from tallystick.governance.release import APPROVERS, Version
from tallystick.governance.roles import Role, reason_code
from tallystick.local.network import ATTESTORS, COURIER, OPERATORS, Network
from tallystick.reach.connection import Suite
from tallystick.status.ledger_log import compare, read_log
from tallystick.status.rules.step import Facts
from tallystick.token.closings import SLOTS, Opening
from tallystick.token.position import AMOUNT_MAX, business_day, calendar_day, close_of
from tests.stateful.draws import (
    HOLDERS,
    PARTIES,
    UNIT,
    Order,
    amounts,
    holders,
    ledger_names,
    mostly,
    parts,
    registrars,
    which,
)
from tests.stateful.keys import KeyRules, Keys
from tests.stateful.model import (
    IN,
    ISSUANCE,
    LANES,
    OUT,
    RELEASE,
    RETURNED,
    TRANSFERS,
    UNLIMITED,
    Epoch,
    Installed,
    LedgerModel,
    Model,
    Refusal,
    State,
    Transit,
)
from tests.stateful.roles import Roles
from tests.support.closings import ask, opening_key
from tests.support.flows import figure_key
from tests.support.next_releases import OVER_TRANSIT
from tests.support.world import World, embedded

DAY = 86_400
MAX_SKEW = 2 * DAY
NOTICE, ACTIVATION_WINDOW, ROLLBACK_WINDOW = 3_600, 2 * DAY, DAY
# Whole units.
CAP = 6
# What the record authorises: little enough to be met.
ISSUE_SIZE = 12 * UNIT
REASON, DOCUMENT = reason_code("TEST"), keccak(text="order")
# Only the first three are admitted at the start.
NEWCOMER = 3
AUTHORITY = b"a court".ljust(32, b"\0")
ATTESTOR_POOL = ATTESTORS[:6]
RELEASES = {
    "SecurityToken": ("SecurityToken", "SecurityTokenNextMock", "SecurityTokenNextButOneMock"),
    "BridgeEscrow": ("BridgeEscrow", "BridgeEscrowNextMock", "BridgeEscrowNextButOneMock"),
}
# Messages each way before hypothesis begins.
SENT_BEFORE = 62
VERSIONS = (Version(1, 0, 0), Version(1, 1, 0), Version(1, 2, 0))


# ------------------------------------------------------------------------ reading storage


# In a word of suspense: how many messages wait.
_WAITING = (2**40 - 1) << 128


@functools.cache
def _mapped(slot: int, *keys: bytes) -> int:
    """Slot of a value in a (nested) HashMap of Vyper."""
    for key in keys:
        slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + key.rjust(32, b"\0")), "big")
    return slot


@functools.cache
def _opening_slot(openings: int, account: str, key: int) -> int:
    return _mapped(openings, opening_key(account, key).to_bytes(32, "big"))


@functools.cache
def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])


class Books:
    """What a ledger's token and escrow have stored, read without calls."""

    def __init__(self, suite: Suite, lane: bytes, custody: str) -> None:
        chain = suite.chain
        assert isinstance(chain, EmbeddedChain)
        self._slots: dict[tuple[bytes, int], int] = chain._state.slots
        self._token, self._escrow = _bytes(suite.token.address), _bytes(suite.escrow.address)
        token = artifact("SecurityToken").layout["storage_layout"]["book"]
        escrow = artifact("BridgeEscrow").layout["storage_layout"]
        self.positions, self.issue_slot = token["_positions"]["slot"], token["_issue"]["slot"]
        self.openings = token["_openings"]["slot"]
        access = artifact("SecurityToken").layout["storage_layout"]["access"]
        self.held, self.proposals = access["_held"]["slot"], access["_proposals"]["slot"]
        self.administrators_slot = access["administrators"]["slot"]
        lanes = escrow["lanes"]
        self.terms_slot = _mapped(lanes["_terms"]["slot"], lane)
        self.ledger_slot = _mapped(lanes["_ledger"]["slot"], lane)
        self.suspense_slot = _mapped(lanes["_suspense"]["slot"], lane)
        self.arrived = lanes["_arrived"]["slot"]
        self.outbox = escrow["transit"]["outbox"]["slot"]
        self.suspended = escrow["transit"]["_suspended"]["slot"]
        self.landed = escrow["transit"]["landed"]["slot"]
        self.figures = {"SENT": lanes["_sent"]["slot"], "SUSPENSE": lanes["_suspense"]["slot"]}
        self.lane_openings = lanes["_openings"]["slot"]
        self.lane, self.custody = lane, custody
        self._outbox_slots: list[tuple[bytes, int]] = []

    def of_token(self, slot: int) -> int:
        """A word of the token."""
        return self._slots.get((self._token, slot), 0)

    def held_by(self, account: str) -> tuple[int, int]:
        """How many roles of the token an account lost, and its role."""
        word = self.of_token(_mapped(self.held, _bytes(account)))
        return word >> 16, word & 0xFFFF

    def counts_from(self, act: bytes) -> int:
        """From when on a proposal counts; 0: there is none."""
        return self.of_token(_mapped(self.proposals, act)) & 2**40 - 1

    def of_escrow(self, slot: int) -> int:
        """A word of the escrow."""
        return self._slots.get((self._escrow, slot), 0)

    def position(self, account: str) -> int:
        """An account's word."""
        return self.of_token(_mapped(self.positions, _bytes(account)))

    @property
    def issue(self) -> int:
        """The issue word."""
        return self.of_token(self.issue_slot)

    @property
    def lane_ledger(self) -> tuple[int, int, int]:
        """Units outstanding and in suspense, messages sent."""
        word = self.of_escrow(self.ledger_slot)
        return (
            word & AMOUNT_MAX,
            self.of_escrow(self.suspense_slot) & AMOUNT_MAX,
            word >> 104 & 2**47 - 1,
        )

    def arrivals(self, pages: int) -> int:
        """Bits of the nonces that arrived; the newest page of 64 is in the lane's ledger word."""
        word = self.of_escrow(self.ledger_slot)
        newest = word >> 151 & 2**41 - 1
        bits = word >> 192 << 64 * newest
        for page in range(pages):
            if page != newest:
                key = page.to_bytes(4, "big")
                bits |= self.of_escrow(_mapped(self.arrived, self.lane, key)) << 64 * page
        return bits

    def sent_pages(self, count: int) -> list[int]:
        """Words of the first pages of messages that left; 0: none did."""
        for page in range(len(self._outbox_slots), count):
            slot = _mapped(self.outbox, self.lane, page.to_bytes(4, "big"))
            self._outbox_slots.append((self._escrow, slot))
        get = self._slots.get
        return [get(slot, 0) for slot in self._outbox_slots[:count]]

    def suspended_for(self, message_id: bytes) -> int:
        """Units that wait under a message."""
        return self.of_escrow(_mapped(self.suspended, message_id))

    def landing_of(self, message_id: bytes) -> Landing | None:
        """What is remembered of the landing of a message's units."""
        return Landing.unpack(self.of_escrow(_mapped(self.landed, message_id)))

    def figure(self, figure: str) -> int:
        """A figure's word."""
        return self.of_escrow(_mapped(self.figures[figure], self.lane))

    def opening(self, account: str, key: int) -> Opening | None:
        """The opening of a day that is kept under it, or what is in a slot; a figure's by name."""
        if account in self.figures:
            place = figure_key(Figure[account], key).to_bytes(32, "big")
            # How many messages wait is no part of a balance.
            word = self.of_escrow(_mapped(self.lane_openings, self.lane, place)) & ~_WAITING
        else:
            word = self.of_token(_opening_slot(self.openings, account, key))
        return Opening.unpack(word) if word else None

    def closings(
        self, account: str, word: int, days: Sequence[int], today: int
    ) -> list[tuple[int, int] | None]:
        """Closing balances of days and what of them is entitled, from whatever openings are there;
        None: nothing tells it."""
        last, begin = word >> 224 & 0xFFFF, min(days)
        there = {
            found.day: found
            for key in (*range(SLOTS), *range(begin, today + 1))
            if (found := self.opening(account, key)) is not None
        }
        young = {last, *(found.before for found in there.values())} - set(there)
        young = {day for day in young if day > today - SLOTS}
        closings: list[tuple[int, int] | None] = []
        for day in days:
            if last <= day:
                told = [(word & AMOUNT_MAX, word >> LINK_BIT & _CLASSES)]
            else:
                told = [
                    (f.balance, f.link or f.pool) for f in there.values() if f.before <= day < f.day
                ]
                told += [(0, 0) for moved in young if moved > day]
            # Of the issue the bit of a link account says another thing.
            entitled = [(b, 0 if unentitled and account != NOBODY else b) for b, unentitled in told]
            closings.append(next(iter(entitled), None))
        return closings


NOBODY = "0x" + "00" * 20
# Flags of a position from its lowest class on: link account, and four higher the pool.
LINK_BIT, _CLASSES = 251, 0b10001


# ------------------------------------------------------------------------------ the stage


@dataclass
class Stage:
    """A deployed suite on two embedded ledgers, a model of it, and the point to return to."""

    network: Network
    model: Model
    first_day: int
    attestations: dict[tuple[bytes, str, bytes], bytes]
    snapshots: tuple[Any, Any]
    contracts: tuple[str, ...]
    bridge: str
    # What the logs leave at that point, by ledger; all of it was asked for there.
    facts: dict[str, Facts]

    @classmethod
    @functools.cache
    def of(cls, escrow: str = "BridgeEscrow") -> Stage:
        """The stage whose escrows are of this build; one a process."""
        chains = embedded()
        network = World(
            chains,
            authorised=ISSUE_SIZE,
            admitted=(),
            threshold=2,
            attestors=ATTESTOR_POOL[:3],
            cap=CAP,
            notice=NOTICE,
            activation_window=ACTIVATION_WINDOW,
            rollback_window=ROLLBACK_WINDOW,
        ).network
        contracts = ("SecurityToken", "BridgeEscrow")
        if escrow != "BridgeEscrow":
            contracts = ("SecurityToken",)
            for name in chains:
                upgrades.upgrade(
                    network.suite(name),
                    network.signers(name),
                    "BridgeEscrow",
                    escrow,
                    "1.0.1",
                    renames={
                        each: f"{each}_without_clock_mock" for each in ("transit", *OVER_TRANSIT)
                    },
                )
        for name in chains:
            for contract in contracts:
                for version, build in zip(VERSIONS[1:], RELEASES[contract][1:], strict=True):
                    suite, sender = network.suite(name), network.party(name, "upgrader")
                    code = upgrades.deploy_implementation(suite.chain, build, sender=sender)
                    upgrades.register_release(
                        suite, contract, build, version, str(code.address), sender=sender
                    )
        model = _model(network, clock_rule=escrow == "BridgeEscrow")
        bridge = _let_in(network)
        for side in (model.home, model.remote):
            side.clock = chains[side.name].now
        first_day = business_day(min(chain.now for chain in chains.values()), model.close_minute)
        world = cls(network, model, first_day, {}, (None, None), contracts, bridge, {})
        play = TwoLedgers(world, fresh=False)
        play.set_the_stage()
        play.rebuild()
        world.facts = {name: read_log(network.connection, name).facts() for name in chains}
        world.snapshots = tuple(chain.snapshot() for chain in chains.values())  # type: ignore[assignment]
        return world


def _let_in(network: Network) -> str:
    """Let another's bridge in at home, and wait until its limits are full; somebody's contract."""
    suite = network.home
    sender = network.party("home", "custodian")
    contract = suite.chain.deploy("LaneCustody", suite.escrow, suite.token, sender=sender)
    limits = (contract, AMOUNT_MAX, AMOUNT_MAX, REASON, DOCUMENT)
    suite.token.propose_bridge(*limits, sender=network.party("home", "registrar"))
    suite.token.set_bridge(*limits, sender=sender)
    for each in (suite, network.remote):
        each.chain.set_time(each.chain.now + DAY)
    return str(contract.address)


def _model(network: Network, *, clock_rule: bool) -> Model:
    """The model of a suite in which nothing has happened yet."""
    sides = []
    for name in ("home", "remote"):
        suite = network.suite(name)
        lane = network.plan.lanes[0]
        (custody,) = suite.custodies.values()
        side = LedgerModel(
            name=name,
            chain_id=suite.chain.chain_id,
            home=name == "home",
            custody=str(custody.address),
            escrow=str(suite.escrow.address),
            clock=suite.chain.now,
            change_delay=lane.change_seconds,
            retention=lane.retention_seconds,
            issue_size=ISSUE_SIZE,
            began=business_day(suite.chain.now, network.plan.loaded_instrument.close_minute_utc),
            roles=_roles(network, name),
        )
        side.epochs = [Epoch(network.signer_set(1), 0)]
        side.installed = {contract: Installed() for contract in RELEASES}
        sides.append(side)
    instrument = network.plan.loaded_instrument
    return Model(
        sides[0],
        sides[1],
        lane=network.lane,
        close_minute=instrument.close_minute_utc,
        cap=CAP * 10**instrument.decimals,
        clock_rule=clock_rule,
    )


def _roles(network: Network, name: str) -> Roles:
    """Who holds which role in a ledger's token once it is handed over."""
    held = [(str(key.address), Role.ADMINISTRATOR) for key in network.administrators(name)]
    held += [
        (str(network.party(name, str(role.name).lower()).address), role)
        for role in ROLES_OF["SecurityToken"]
    ]
    return Roles.handed_over(held)


def _told(refusal: Refusal | None) -> str:
    if refusal is None:
        return "success"
    if isinstance(refusal, str):
        return f"the refusal {refusal!r}"
    return f"the refusal {refusal[0]}{refusal[1]}"


def refusal_of(revert: Revert) -> Refusal:
    if revert.error is not None:
        return revert.error[0], tuple(revert.error[1].values())
    if revert.reason is not None:
        return revert.reason
    assert not revert.data, f"a revert that nobody can read: {revert}"
    assert revert.halt is None, f"no revert but a halt: {revert}"
    return ""


# -------------------------------------------------------------------------------- the acts


class TwoLedgers:
    """Acts on two ledgers and on their model alike; a difference is an AssertionError."""

    # What happened over all runs, so that a test can see that nothing was left untried.
    outcomes: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, world: Stage, *, fresh: bool = True) -> None:
        self.world = world
        self.network = world.network
        if fresh:
            for chain, snapshot in zip(
                (self.network.home.chain, self.network.remote.chain), world.snapshots, strict=True
            ):
                chain.restore(snapshot)
        self.model = copy.deepcopy(world.model) if fresh else world.model
        self.attestations = world.attestations
        self.suites = {"home": self.network.home, "remote": self.network.remote}
        self.books = {
            name: Books(suite, self.model.lane, self.side(name).custody)
            for name, suite in self.suites.items()
        }
        self.accounts = {
            name: {
                **{holder: self.network.holder(name, i) for i, holder in enumerate(HOLDERS)},
            }
            for name in self.suites
        }
        self.addresses = {
            name: {
                **{holder: str(account.address) for holder, account in accounts.items()},
                "custody": self.side(name).custody,
                "escrow": self.side(name).escrow,
            }
            for name, accounts in self.accounts.items()
        }
        self.couriers = {name: suite.chain.account(COURIER) for name, suite in self.suites.items()}
        self.keys = Keys(self)

    # ---------------------------------------------------------------------- plumbing

    def side(self, name: str) -> LedgerModel:
        """The model of a ledger."""
        return self.model.home if name == "home" else self.model.remote

    def address(self, name: str, who: str) -> str:
        """Where somebody is on a ledger."""
        return self.addresses[name][who]

    def party(self, name: str, role: str) -> Account:
        """Who holds a role on a ledger, or stands in for who does."""
        return self.suites[name].chain.account(PARTIES[role])

    def act(
        self,
        name: str,
        expected: Refusal | None,
        send: Callable[[], Any],
        events: Sequence[str] | None = None,
    ) -> Receipt | None:
        """Send what the model has judged already, and hold the ledger to the judgement."""
        side = self.side(name)
        got: Refusal | None = None
        receipt: Receipt | None = None
        try:
            receipt = send()
        except Revert as revert:
            got = refusal_of(revert)
        side.clock += 1
        if got != expected:
            raise AssertionError(
                f"{name}: the model says {_told(expected)}, the ledger {_told(got)}"
            )
        if receipt is not None and events is not None:
            emitted = [event.name for event in receipt.events]
            assert emitted == list(events), f"{name}: events {emitted}, expected {list(events)}"
        return receipt

    def tell(self, what: str, refusal: Refusal | None) -> None:
        """Count an outcome, and put it beside the step that hypothesis prints."""
        outcome = "done" if refusal is None else refusal if isinstance(refusal, str) else refusal[0]
        self.outcomes[what, outcome] += 1
        if refusal is not None:
            note(f"    # refused: {outcome or '(no reason)'}")

    # ------------------------------------------------------------------------ the stage

    def set_the_stage(self) -> None:
        """Three admitted holders on each ledger, allowances, a first issue."""
        for name in self.suites:
            for holder in HOLDERS[:NEWCOMER]:
                self.admit(name, holder, 40_000)
        for holder in HOLDERS:
            self.approve(holder, "issuer", UNLIMITED)
        self.issue("investor", 5 * UNIT, 5 * UNIT)
        self.issue("fund", 2 * UNIT, 2 * UNIT)
        for holder, amount in (("investor", UNIT), ("fund", UNIT // 2)):
            moved = self.send("home", holder, holder, amount)
            assert moved is not None
            self.deliver_when_due(moved, 0)
        # So many that what follows crosses the end of a page of 64 nonces, both ways.
        for name in [*["remote"] * SENT_BEFORE, *["home"] * (SENT_BEFORE - 2)]:
            moved = self.send(name, "investor", "investor", 1)
            assert moved is not None
            self.deliver_when_due(moved, 0)
        days = {business_day(side.clock, self.model.close_minute) for side in self.model.ledgers}
        assert days == {self.world.first_day}
        # All of it left and arrived within one business day, so no close knows of it.
        self.model.transits.clear()

    def skew(self, seconds: int) -> None:
        """Move one clock ahead: the remote ledger's, or with a negative number home's."""
        self.set_clock("remote" if seconds >= 0 else "home", by=abs(seconds))

    # ----------------------------------------------------------------------------- time

    def set_clock(self, name: str, *, by: int = 0, to: int | None = None) -> None:
        """Move a ledger's clock on; the other follows if it would stay too far behind."""
        side = self.side(name)
        target = side.clock + by if to is None else max(to, side.clock)
        for each, at_least in ((side, target), (self.model.peer(side), target - MAX_SKEW)):
            if at_least > each.clock:
                self.suites[each.name].chain.set_time(at_least)
                each.clock = at_least

    def wait_a_little(self, name: str, message: LaneMessage) -> None:
        """Wait for a lock time unless it is far ahead; clocks that differ much shall go on so."""
        if message.lock_time - self.side(name).clock < 3_600:
            self.set_clock(name, to=message.lock_time)

    def to_the_close(self, name: str, offset: int) -> None:
        """Move a ledger's clock to its next close of business, or just beside it."""
        side = self.side(name)
        day = business_day(side.clock, self.model.close_minute)
        self.set_clock(name, to=close_of(day, self.model.close_minute) + offset)

    # ------------------------------------------------------------------------- holders

    def transfer(self, name: str, sender: str, receiver: str, amount: int) -> None:
        """A holder's transfer."""
        source, target = self.address(name, sender), self.address(name, receiver)
        expected = self.side(name).transfer(source, target, amount)
        token = self.suites[name].token
        self.act(
            name,
            expected,
            lambda: token.transfer(target, amount, sender=self.accounts[name][sender]),
            ["Transfer"],
        )
        self.tell("transfer", expected)

    def transfer_from(self, spender: str, owner: str, receiver: str, amount: int) -> None:
        """A holder moves another's units at home, within an allowance."""
        accounts = [self.address("home", each) for each in (owner, receiver, spender)]
        source, target, by = accounts
        before = dict(self.model.home.allowances)
        expected = self.model.home.transfer_from(source, target, amount, by)
        token = self.network.home.token
        self.act(
            "home",
            expected,
            lambda: token.transferFrom(
                source, target, amount, sender=self.accounts["home"][spender]
            ),
            [*self.spent(before), "Transfer"],
        )
        self.tell("transfer from", expected)

    def spent(self, before: dict[tuple[str, str], int]) -> list[str]:
        """What a spender's act logs of an allowance at home, if there is less of it now."""
        return ["Approval"] if before != self.model.home.allowances else []

    def batch_transfer(self, name: str, sender: str, items: Sequence[tuple[str, int]]) -> None:
        """A holder's transfer to many."""
        receivers = [self.address(name, receiver) for receiver, _ in items]
        amounts = [amount for _, amount in items]
        expected = self.side(name).batch_transfer(self.address(name, sender), receivers, amounts)
        token, account = self.suites[name].token, self.accounts[name][sender]
        self.act(
            name,
            expected,
            lambda: token.batchTransfer(receivers, amounts, sender=account),
            ["Transfer"] * len(items),
        )
        self.tell("batch transfer", expected)

    def approve(self, holder: str, spender: str, amount: int) -> None:
        """An allowance at home, for the issuer or another holder."""
        side, token = self.model.home, self.network.home.token
        issuer = str(self.party("home", "issuer").address)
        to = issuer if spender == "issuer" else self.address("home", spender)
        side.approve(self.address("home", holder), to, amount)
        account = self.accounts["home"][holder]
        self.act("home", None, lambda: token.approve(to, amount, sender=account), ["Approval"])

    # --------------------------------------------------------------------------- roles

    def admit(self, name: str, holder: str, until_day: int) -> None:
        """The registrar makes somebody eligible up to a day."""
        address, token = self.address(name, holder), self.suites[name].token
        expected = self.side(name).admit(address, until_day)
        registrar = self.party(name, "registrar")
        self.act(
            name,
            expected,
            lambda: token.admit(address, until_day, REASON, DOCUMENT, sender=registrar),
            ["PrivilegedAct", "Admitted"],
        )

    def freeze_amount(self, name: str, holder: str, amount: int) -> None:
        """The custodian freezes units."""
        address, token = self.address(name, holder), self.suites[name].token
        expected = self.side(name).freeze_amount(address, amount)
        custodian = self.party(name, "custodian")
        self.act(
            name,
            expected,
            lambda: token.setFrozenTokens(address, amount, REASON, DOCUMENT, sender=custodian),
            ["PrivilegedAct", "Frozen"],
        )
        self.tell("freeze amount", expected)

    def freeze_account(self, name: str, holder: str, frozen: bool) -> None:
        """The custodian freezes a whole account."""
        address, token = self.address(name, holder), self.suites[name].token
        expected = self.side(name).freeze_account(address, frozen)
        custodian = self.party(name, "custodian")
        self.act(
            name,
            expected,
            lambda: token.setAddressFrozen(address, frozen, REASON, DOCUMENT, sender=custodian),
            ["PrivilegedAct", "AddressFrozen"],
        )

    def order(self, order: Order) -> tuple[str, str, int, bytes]:
        """What the token knows an order by."""
        name, sender, receiver, amount, number = order
        called = keccak(AUTHORITY + DOCUMENT + number.to_bytes(32, "big"))
        return self.address(name, sender), self.address(name, receiver), amount, called

    def stands(self, order: Order) -> bool:
        """Whether an order was entered and neither carried out nor withdrawn."""
        source, target, amount, _ = self.order(order)
        return (source, target, amount, order[-1]) in self.side(order[0]).orders

    def go_to_expiry(self, order: Order, late: int) -> None:
        """Wait until an order expires, or nearly, unless that is far ahead."""
        name, *_, number = order
        source, target, amount, _ = self.order(order)
        entered = self.side(name).orders.get((source, target, amount, number))
        if entered is not None and entered.expires_at - self.side(name).clock <= DAY:
            self.set_clock(name, to=entered.expires_at + late)

    def enter_order(self, order: Order, lasts: int, by: str = "registrar") -> bool:
        """The registrar enters a legal order, or a stand-in; returns whether it stands."""
        name, *_, number = order
        source, target, amount, called = self.order(order)
        side, token = self.side(name), self.suites[name].token
        until = side.clock + lasts
        key = self.party(name, by)
        expected = side.enter_order(source, target, amount, number, until, str(key.address))
        receipt = self.act(
            name,
            expected,
            lambda: token.enter_order(
                source, target, amount, until, AUTHORITY, number, REASON, DOCUMENT, sender=key
            ),
            ["PrivilegedAct", "OrderEntered", "Frozen"],
        )
        assert receipt is None or receipt.return_value == called
        self.tell("enter order", expected)
        return expected is None

    def withdraw_order(self, order: Order, by: str) -> None:
        """The registrar takes a legal order off, or somebody else does."""
        name, *_, number = order
        source, target, amount, called = self.order(order)
        key, token = self.party(name, by), self.suites[name].token
        expected = self.side(name).withdraw_order(source, target, amount, number, str(key.address))
        self.act(
            name,
            expected,
            lambda: token.withdraw_order(
                source, target, amount, called, REASON, DOCUMENT, sender=key
            ),
            ["Frozen", "PrivilegedAct", "OrderWithdrawn"],
        )
        self.tell("withdraw dead order" if by == "courier" else "withdraw order", expected)

    def forced_transfer(self, order: Order) -> None:
        """The custodian carries a legal order out."""
        name, *_, number = order
        source, target, amount, called = self.order(order)
        side, token = self.side(name), self.suites[name].token
        shown = token.order_in_force(source, target, amount, called).registrar
        wanted = side.in_force(source, target, amount, number) or NOBODY
        assert shown == wanted, f"{name}: order_in_force says {shown}, the model {wanted}"
        expected = side.forced_transfer(source, target, amount, number)
        assert (shown != NOBODY) == (expected is None), f"{name}: shown and refused, or done unseen"
        custodian = self.party(name, "custodian")
        self.act(
            name,
            expected,
            lambda: token.forcedTransfer(source, target, amount, called, sender=custodian),
            ["Frozen", "PrivilegedAct", "Transfer", "ForcedTransfer"],
        )
        self.tell("forced transfer", expected)

    def announce_close(self, name: str, offset: int) -> None:
        """The registrar announces a close, early or late."""
        side, token = self.side(name), self.suites[name].token
        today, registrar = self.model.today(side), self.party(name, "registrar")
        expected = side.closes.announce(today + offset, today)
        self.act(
            name,
            expected,
            lambda: token.announce_close(today + offset, REASON, DOCUMENT, sender=registrar),
            ["PrivilegedAct", "CloseAnnounced"],
        )
        self.tell("announce close", expected)

    def keep(self, name: str, who: str, back: int) -> None:
        """Anybody keeps a close that is still promised."""
        side, token = self.side(name), self.suites[name].token
        account = self.address(name, who) if who else NOBODY
        day = self.model.today(side) - back
        if not self.model.promised(side, account, day):
            return
        hint = self.model.hint(side, account, day)
        # Who has not moved since, or moved first since, needs nothing kept.
        expected = None if hint else "book: nothing to keep"
        self.act(
            name,
            expected,
            lambda: token.keep(account, day, hint, sender=self.couriers[name]),
            ["OpeningKept"],
        )
        if expected is None:
            side.closes.kept.add((account, day))
        self.tell("keep", expected)

    def authorise(self, amount: int) -> None:
        """The notary authorises."""
        token, notary = self.network.home.token, self.party("home", "notary")
        expected = self.model.home.authorise(amount)
        self.act(
            "home",
            expected,
            lambda: token.authorise_issuance(amount, REASON, DOCUMENT, sender=notary),
            ["PrivilegedAct", "IssuanceAuthorised"],
        )

    def issue(self, holder: str, authorised: int, amount: int) -> None:
        """The notary authorises, the issuer issues."""
        side, token = self.model.home, self.network.home.token
        issuer, address = self.party("home", "issuer"), self.address("home", holder)
        self.authorise(authorised)
        expected = side.mint(address, amount)
        self.act(
            "home",
            expected,
            lambda: token.mint(address, amount, REASON, DOCUMENT, sender=issuer),
            ["PrivilegedAct", "Transfer"],
        )
        self.tell("issue", expected)

    def keep_figure(self, name: str, figure: Figure, back: int) -> None:
        """Anybody keeps a close of the lane that is still promised."""
        side, escrow = self.side(name), self.suites[name].escrow
        day, hint = self.model.today(side) - back, 0
        if figure.name in side.figures:
            if not self.model.promised(side, figure.name, day):
                return
            hint = self.model.hint(side, figure.name, day)
        expected = None if hint else "flows: nothing to keep"
        lane, sender = self.model.lane, self.couriers[name]
        self.act(
            name,
            expected,
            lambda: escrow.keep_figure(lane, figure, day, hint, sender=sender),
            ["FigureKept"],
        )
        if expected is None:
            side.closes.kept.add((figure.name, day))
        self.tell("keep figure", expected)

    def take_back(self, amount: int) -> None:
        """The notary takes an authorisation back."""
        token, notary = self.network.home.token, self.party("home", "notary")
        expected = self.model.home.take_back(amount)
        self.act(
            "home",
            expected,
            lambda: token.withdraw_authorisation(amount, REASON, DOCUMENT, sender=notary),
            ["PrivilegedAct", "AuthorisationWithdrawn"],
        )
        self.tell("take back", expected)

    def redeem(self, holder: str, amount: int) -> None:
        """The issuer takes units back."""
        issuer, address = self.party("home", "issuer"), self.address("home", holder)
        before = dict(self.model.home.allowances)
        expected = self.model.home.redeem(address, amount, str(issuer.address))
        token = self.network.home.token
        self.act(
            "home",
            expected,
            lambda: token.burn(address, amount, REASON, DOCUMENT, sender=issuer),
            [*self.spent(before), "PrivilegedAct", "Transfer"],
        )
        self.tell("redeem", expected)

    def bridge_out(self, holder: str, amount: int, short: int) -> None:
        """Another's bridge takes a holder's units out, who allowed it that much, or less."""
        bridge, address = self.world.bridge, self.address("home", holder)
        token, allowed = self.network.home.token, max(amount - short, 0)
        self.model.home.approve(address, bridge, allowed)
        self.act(
            "home",
            None,
            lambda: token.approve(bridge, allowed, sender=self.accounts["home"][holder]),
            ["Approval"],
        )
        before = dict(self.model.home.allowances)
        expected = self.model.home.bridge_out(address, amount, bridge)
        self.act(
            "home",
            expected,
            lambda: token.crosschainBurn(address, amount, sender=bridge),
            [*self.spent(before), "Transfer", "CrosschainBurn"],
        )
        self.tell("bridge out", expected)

    def bridge_in(self, holder: str, amount: int) -> None:
        """It brings units back."""
        bridge, address = self.world.bridge, self.address("home", holder)
        expected = self.model.home.bridge_in(address, amount, bridge)
        token = self.network.home.token
        self.act(
            "home",
            expected,
            lambda: token.crosschainMint(address, amount, sender=bridge),
            ["Transfer", "CrosschainMint"],
        )
        self.tell("bridge in", expected)

    def pause_token(self, name: str, scopes: int, guardian: bool = True) -> None:
        """The guardian pauses transfers, issuance, lanes; an administrator prolongs."""
        side = self.side(name)
        expected = side.token_stops.stop(scopes, side.clock, guardian)
        token, key = self.suites[name].token, self._stopping(name, guardian)
        self.act(
            name,
            expected,
            lambda: token.pause(scopes, REASON, DOCUMENT, sender=key),
            ["PrivilegedAct", "Paused"],
        )
        self.tell("pause", expected)

    def unpause_token(self, name: str, scopes: int) -> None:
        """An administrator lifts it."""
        side = self.side(name)
        side.token_stops.lift(scopes, side.clock)
        token, administrator = self.suites[name].token, self.network.administrators(name)[0]
        self.act(
            name,
            None,
            lambda: token.unpause(scopes, REASON, DOCUMENT, sender=administrator),
            ["PrivilegedAct", "Unpaused"],
        )

    def pause_lane(self, name: str, directions: int, guardian: bool = True) -> None:
        """The guardian stops directions of the lane on one ledger; an administrator prolongs."""
        side = self.side(name)
        expected = side.lane_stops.stop(directions, side.clock, guardian)
        escrow, key = self.suites[name].escrow, self._stopping(name, guardian)
        self.act(
            name,
            expected,
            lambda: escrow.pause_lane(self.model.lane, directions, REASON, DOCUMENT, sender=key),
            ["PrivilegedAct", "LanePaused"],
        )
        self.tell("pause lane", expected)

    def unpause_lane(self, name: str, directions: int) -> None:
        """An administrator lifts it."""
        side = self.side(name)
        side.lane_stops.lift(directions, side.clock)
        escrow, administrator = self.suites[name].escrow, self.network.administrators(name)[1]
        self.act(
            name,
            None,
            lambda: escrow.unpause_lane(
                self.model.lane, directions, REASON, DOCUMENT, sender=administrator
            ),
            ["PrivilegedAct", "LaneUnpaused"],
        )

    def _stopping(self, name: str, guardian: bool) -> Any:
        """Whose key stops or prolongs."""
        return self.party(name, "guardian") if guardian else self.network.administrators(name)[0]

    def give_notice(self, name: str, contract: str, release: int) -> None:
        """The upgrader gives notice of a release; all consent."""
        waits = self.side(name).installed[contract].noticed is not None
        expected = self.side(name).give_notice(contract, release)
        version = VERSIONS[release]
        self.act(
            name,
            expected,
            lambda: upgrades.give_notice(
                self.suites[name], contract, version, sender=self.network.party(name, "upgrader")
            ),
            ["PrivilegedAct", *(["ActivationCancelled"] if waits else []), "ActivationNoticed"],
        )
        self.tell("give notice", expected)
        if expected is None:
            for role in APPROVERS:
                self.act(
                    name,
                    None,
                    functools.partial(
                        upgrades.approve,
                        self.suites[name],
                        contract,
                        version,
                        sender=self.network.party(name, role),
                    ),
                    ["PrivilegedAct", "ActivationApproved"],
                )

    def activate(self, name: str, contract: str, release: int) -> None:
        """Anybody activates a noticed release."""
        expected = self.side(name).activate(contract, release, NOTICE, ACTIVATION_WINDOW)
        self.act(
            name,
            expected,
            lambda: upgrades.activate(
                self.suites[name], contract, VERSIONS[release], sender=self.couriers[name]
            ),
        )
        self.tell("activate", expected)

    def roll_back(self, name: str, contract: str) -> None:
        """The guardian returns to the release before."""
        expected = self.side(name).roll_back(contract, ROLLBACK_WINDOW)
        guardian = self.network.party(name, "guardian")
        self.act(
            name,
            expected,
            lambda: upgrades.roll_back(self.suites[name], contract, sender=guardian),
        )
        self.tell("roll back", expected)

    def rotate_signers(self, name: str, members: Sequence[int]) -> None:
        """Go on with the change of the lane's verifier on one ledger, or begin one.

        What is done with one that waits follows from the order of `members`.
        """
        side, escrow = self.side(name), self.suites[name].escrow
        ordered = list(members)
        if side.pending is None or ordered == sorted(ordered):
            self.confirm_signers(name, members)
        elif ordered == sorted(ordered, reverse=True):
            stated = (self.model.lane, REASON, DOCUMENT)
            expected, guardian = side.cancel(), self.network.party(name, "guardian")
            self.act(name, expected, lambda: escrow.cancel_lane_terms(*stated, sender=guardian))
            self.tell("cancel terms", expected)
        else:
            expected, courier = side.apply(), self.couriers[name]
            lane = self.model.lane
            self.act(name, expected, lambda: escrow.apply_lane_terms(lane, sender=courier))
            self.tell("apply terms", expected)

    def confirm_signers(self, name: str, members: Sequence[int]) -> None:
        """Operator and administrator confirm another verifier of the lane on one ledger."""
        side = self.side(name)
        chain = self.suites[name].chain
        keys = [self.network.home.chain.account(index) for index in members]
        signers = SignerSet.of(len(side.epochs) + 1, 2, (key.address for key in keys))
        arguments = signers.verifier_arguments(OPERATORS[0])
        verifier = chain.deploy("QuorumVerifier", *arguments, sender=self.couriers[name])
        side.clock += 1
        escrow = self.suites[name].escrow
        # Cap and limit as they are: they are set by the same act.
        stated = (self.model.lane, verifier, NOBODY, CAP, NO_CAP, REASON, DOCUMENT)
        operator = self.party(name, "operator")
        self.act(
            name,
            None,
            lambda: escrow.propose_lane_terms(*stated, sender=operator),
            ["PrivilegedAct", "LaneTermsProposed"],
        )
        expected = side.confirm(signers)
        administrator = chain.account(9)
        self.act(name, expected, lambda: escrow.confirm_lane_terms(*stated, sender=administrator))
        self.tell("confirm signers", expected)

    # ---------------------------------------------------------------------------- lane

    def send(
        self, name: str, holder: str, recipient: str, amount: int, lasts: int = 30 * DAY
    ) -> Transit | None:
        """A holder locks at home or burns on the remote ledger."""
        side, escrow = self.side(name), self.suites[name].escrow
        account = self.accounts[name][holder]
        target = party(self.address(self.model.peer(side).name, recipient))
        deadline = side.clock + lasts
        expected = self.model.send(side, str(account.address), target, amount, deadline)
        (custody,) = self.suites[name].custodies.values()
        function = custody.lock if side.home else escrow.burn
        moved = ["Transfer"] if side.home else ["Transfer", "CrosschainBurn"]
        receipt = self.act(
            name,
            expected,
            lambda: function(self.model.lane, target, amount, deadline, sender=account),
            ["MessageSent", *moved],
        )
        self.tell("lock" if side.home else "burn", expected)
        if receipt is None:
            return None
        sent = self.model.transits[-1]
        assert message_of(receipt.one("MessageSent")) == sent.message, "the message differs"
        return sent

    def destination(self, transit: Transit) -> str:
        """Where a message goes."""
        return "remote" if transit.direction == 1 else "home"

    def signed(
        self, name: str, message: LaneMessage, signers: SignerSet, count: int | None = None
    ) -> bytes:
        """What an epoch's attestors sign for a ledger; all of the threshold unless said."""
        key = (message.id, f"{name} {count} {signers.epoch}", signers.hash)
        if key not in self.attestations:
            accounts = (self.network.home.chain.account(index) for index in ATTESTOR_POOL)
            keys = {str(account.address): account.key for account in accounts}
            chosen = [keys[address] for address in signers.signers]
            domain = self.side(name).domain
            self.attestations[key] = attest(
                message,
                signers,
                domain,
                [k for k in chosen if k is not None][
                    : signers.threshold if count is None else count
                ],
            )
        return self.attestations[key]

    def valid_epoch(self, name: str) -> int:
        """Number of the newest epoch of the lane that is valid on the ledger now."""
        side = self.side(name)
        return max(n for n, e in enumerate(side.epochs, 1) if e.valid_from <= side.clock)

    def submit(
        self,
        what: str,
        name: str,
        message: LaneMessage,
        attestation: bytes,
        verdict: Callable[[], Refusal | None],
    ) -> Refusal | None:
        """A courier brings a message to a ledger, whatever it is worth."""
        side, escrow = self.side(name), self.suites[name].escrow
        newest = max(side.arrived, default=0) // 64
        expected = self.model.deliver(side, message, verdict, _account_of)
        if expected is None and message.nonce // 64 != newest:
            where = "a later" if message.nonce // 64 > newest else "an earlier"
            self.outcomes[f"deliver on {where} page of nonces", "done"] += 1
        suspends = expected is None and message.id in side.suspended
        if expected is None:
            self._tell_of_ends(self.model.transit_of(message))
        credit = ["Transfer"] if side.home else ["Transfer", "CrosschainMint"]
        events = [*credit, "MessageDelivered"]
        if suspends:
            events = ["MessageDelivered", "UnitsSuspended", *([] if side.home else credit)]
        elif expected is None:
            events += self.landing(message)
        receipt = self.act(
            name,
            expected,
            lambda: escrow.deliver(message.as_tuple(), attestation, sender=self.couriers[name]),
            events,
        )
        if receipt is not None:
            assert receipt.return_value is not suspends, "delivered and suspended are mixed up"
        self.tell(what if not suspends else f"{what} into suspense", expected)
        return expected

    def _tell_of_ends(self, transit: Transit) -> None:
        """Count what has just arrived late, and what came back."""
        if transit.is_late(transit.arrived_at or 0):
            self.outcomes["deliver late", "done"] += 1
        if transit.returned:
            self.outcomes[f"deliver a return, {transit.state.value}", "done"] += 1

    def landing(self, message: LaneMessage) -> list[str]:
        """What units log that have just landed, if a close lay between."""
        landing = self.model.landing(self.model.transit_of(message))
        if landing is not None:
            self.outcomes[f"land after a close, {landing.how.name.lower()}", "done"] += 1
        return [] if landing is None else ["UnitsLanded"]

    def deliver(self, transit: Transit, epoch: int | None = None) -> None:
        """A courier delivers an honest message, attested by the newest epoch or by another."""
        name = self.destination(transit)
        side = self.side(name)
        number = self.valid_epoch(name) if epoch is None else epoch
        signers = side.epochs[number - 1].signers
        what = "deliver again" if transit.state is not State.IN_TRANSIT else "deliver"
        attestation = self.signed(name, transit.message, signers)
        self.submit(what, name, transit.message, attestation, lambda: side.epoch_refusal(number))

    def deliver_when_due(self, transit: Transit, late: int) -> None:
        """A courier waits until the destination's clock has reached the lock time, or nearly."""
        self.set_clock(self.destination(transit), to=transit.message.lock_time + late)
        self.deliver(transit)

    def deliver_altered(self, transit: Transit, field: str, bit: int) -> None:
        """One bit of a message is not what was attested."""
        name, message = self.destination(transit), transit.message
        side = self.side(name)
        self.wait_a_little(name, message)
        value = getattr(message, field)
        changed: Any
        if isinstance(value, bytes):
            changed = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")
        else:
            changed = value ^ 1 << bit % _WIDTHS[field]
        attestation = self.signed(name, message, side.epochs[self.valid_epoch(name) - 1].signers)
        altered = replace(message, **{field: changed})
        refusal = self.submit(
            "deliver altered", name, altered, attestation, lambda: side.verify(altered, attestation)
        )
        assert refusal is not None, f"INV-4: another {field} passed"

    def deliver_badly_attested(
        self, transit: Transit, alter: Callable[[bytes], bytes], what: str
    ) -> None:
        """The message is honest, its attestation is not."""
        name, message = self.destination(transit), transit.message
        side = self.side(name)
        self.wait_a_little(name, message)
        good = self.signed(name, message, side.epochs[self.valid_epoch(name) - 1].signers)
        bad = alter(good)
        if bad != good:
            self.submit(what, name, message, bad, lambda: side.verify(message, bad))

    def deliver_attested_by_too_few(self, transit: Transit) -> None:
        """One attestor fewer than the threshold signs."""
        name, message = self.destination(transit), transit.message
        side = self.side(name)
        self.wait_a_little(name, message)
        signers = side.epochs[self.valid_epoch(name) - 1].signers
        bad = self.signed(name, message, signers, signers.threshold - 1)
        self.submit("deliver by too few", name, message, bad, lambda: side.verify(message, bad))

    def in_suspense_for_others(self) -> list[Transit]:
        """What waits for somebody who can become eligible, which a custody can't."""
        custodies = {_bytes(side.custody) for side in self.model.ledgers}
        return [
            transit
            for transit in self.model.transits
            if transit.state is State.SUSPENDED and transit.message.recipient[12:] not in custodies
        ]

    def make_eligible(self, transit: Transit) -> None:
        """What kept a recipient from receiving is over."""
        name = self.destination(transit)
        who = self._who(name, _account_of(transit.message.recipient))
        self.admit(name, who, 40_000)
        self.freeze_account(name, who, False)

    def deliver_for_other_ledger(self, transit: Transit) -> None:
        """The message goes to its destination, attested for the domain of its source."""
        name, message = self.destination(transit), transit.message
        side = self.side(name)
        signers = side.epochs[self.valid_epoch(name) - 1].signers
        bad = self.signed(self.model.peer(side).name, message, signers)
        self.submit("deliver elsewhere", name, message, bad, lambda: side.verify(message, bad))

    def deliver_where_it_came_from(self, transit: Transit) -> None:
        """The message is brought to its own source."""
        name = self.model.peer(self.side(self.destination(transit))).name
        good = self.signed(name, transit.message, self.side(name).epochs[0].signers)
        self.submit("deliver back", name, transit.message, good, lambda: None)

    def deliver_what_was_never_burned(self, excess: int, kind: int = RELEASE) -> None:
        """All attestors are compromised: still no more is released than the lane has locked."""
        side = self.model.home
        message = LaneMessage(
            codec=2,
            kind=kind,
            lane=self.model.lane,
            nonce=self.model.remote.sent + 7,
            lock_time=side.clock,
            action_epoch=0,
            amount=side.outstanding + excess,
            sender=party(self.address("remote", "fund")),
            recipient=party(self.address("home", "fund")),
            deadline=side.clock + DAY,
        )
        number = self.valid_epoch("home")
        attestation = self.signed("home", message, side.epochs[number - 1].signers)
        self.submit("deliver forged", "home", message, attestation, lambda: None)

    def claim(self, transit: Transit) -> None:
        """Anybody claims what waits for a recipient."""
        name = self.destination(transit)
        side, escrow = self.side(name), self.suites[name].escrow
        expected = self.model.claim(side, transit.message, _account_of)
        landed = [] if expected is not None else self.landing(transit.message)
        self.act(
            name,
            expected,
            lambda: escrow.claim(transit.message.as_tuple(), sender=self.couriers[name]),
            [*landed, "SuspenseClaimed", "Transfer"],
        )
        self.tell("claim", expected)

    def go_to_deadline(self, transit: Transit, late: int) -> None:
        """Wait for a deadline at the destination, or nearly, unless that is far ahead."""
        name, deadline = self.destination(transit), transit.message.deadline
        if deadline - self.side(name).clock <= 3 * DAY:
            self.set_clock(name, to=deadline + late)

    def return_to_source(self, transit: Transit) -> None:
        """Anybody sends back what waits for a recipient."""
        name = self.destination(transit)
        side, escrow = self.side(name), self.suites[name].escrow
        expected = self.model.return_to_source(side, transit.message)
        taken_off = [] if side.home else ["Transfer", "CrosschainBurn"]
        told = transit.message.as_tuple()
        receipt = self.act(
            name,
            expected,
            lambda: escrow.return_to_source(told, sender=self.couriers[name]),
            ["MessageSent", "MessageReturned", *taken_off],
        )
        if receipt is not None:
            answer = self.model.transits[-1].message
            assert message_of(receipt.one("MessageSent")) == answer, "the return differs"
            assert receipt.return_value == answer.id, "another message is named"
        self.tell("return", expected)

    def deliver_the_return(self, *, frozen: bool) -> None:
        """What was just sent back arrives; a sender who was frozen can't be sent it once more."""
        answer = self.model.transits[-1]
        if frozen:
            name = self.destination(answer)
            self.freeze_account(name, self._who(name, _account_of(answer.message.recipient)), True)
        self.deliver_when_due(answer, 0)
        if answer.state is State.SUSPENDED:
            self.return_to_source(answer)

    # -------------------------------------------------------------------------- checks

    def check(self) -> None:
        """All invariants, on the ledgers' own storage."""
        for name, side in (("home", self.model.home), ("remote", self.model.remote)):
            self._check_positions(name, side)
            self.keys.check(name)
            self._check_lane(name, side)
            self._check_messages(name, side)
        self._check_issue()
        self._check_closings()

    def _check_positions(self, name: str, side: LedgerModel) -> None:
        """INV-5, and every position as the model has it."""
        books = self.books[name]
        assert self.suites[name].chain.now == side.clock, f"{name}: the clocks differ"
        issue, total = books.issue, 0
        for account, holding in side.holdings.items():
            word = books.position(account)
            balance = word & AMOUNT_MAX
            total += balance
            # Above the epoch, which is 0: orders, and then flags.
            above = side.standing(account) | int(holding.account_frozen) << 3
            above |= int(holding.link) << 4 | int(holding.pool) << 8
            found = (balance, word >> 104 & AMOUNT_MAX, word >> 208 & 0xFFFF, word >> 247)
            wanted = (holding.balance, holding.frozen, holding.eligible_until, above)
            if found != wanted:
                raise AssertionError(
                    f"INV-5: {name}: {self._who(name, account)} has (balance, frozen, until, orders"
                    f" and flags) {found}, the model {wanted}"
                )
        supply = issue & AMOUNT_MAX
        assert supply == total, f"INV-5: {name}: supply {supply}, positions sum up to {total}"
        assert supply == side.supply, f"INV-5: {name}: supply {supply}, model {side.supply}"
        authorised, scopes = issue >> 104 & AMOUNT_MAX, issue >> 252 & 7
        left = side.authorised - side.with_bridge
        assert authorised == left, f"{name}: authorised {authorised}, model {left}"
        flags = side.token_stops.flags
        assert scopes == flags, f"{name}: paused scopes {scopes}, model {flags}"

    def _check_lane(self, name: str, side: LedgerModel) -> None:
        """INV-2: the lane ledger, and the units that lie for it."""
        books = self.books[name]
        found = books.lane_ledger
        wanted = (side.outstanding, side.suspense, side.sent)
        assert found == wanted, (
            f"INV-2: {name}: (outstanding, suspense, sent) {found}, model {wanted}"
        )
        for figure, story in side.figures.items():
            counted, by_model = books.figure(figure) & AMOUNT_MAX, (story.values or [0])[-1]
            assert counted == by_model, f"figures: {name}: {figure} {counted}, model {by_model}"
        stops = books.of_escrow(books.terms_slot) >> 161 & 3
        flags = side.lane_stops.flags
        assert stops == flags, f"{name}: lane stops {stops}, model {flags}"
        held = books.position(side.custody) & AMOUNT_MAX
        owed = found[1] + (found[0] if side.home else 0)
        assert held == owed, f"INV-2: {name}: custody holds {held}, owes {owed}"
        if not side.home:
            issued = books.issue & AMOUNT_MAX
            assert issued == found[0], f"INV-2: remote: supply {issued}, lane ledger {found[0]}"
        assert self.model.remote.outstanding <= self.model.home.outstanding, "INV-2: overdrawn"

    def _check_messages(self, name: str, side: LedgerModel) -> None:
        """INV-3 and INV-4: what arrived, arrived once, and had left the other ledger."""
        books = self.books[name]
        peer_sent = self.model.peer(side).sent
        # One page more than there can be.
        found, wanted = books.sent_pages(len(side.outbox) + 1), [*side.outbox, 0]
        if found != wanted:
            wrong = [page for page, word in enumerate(found) if word != wanted[page]]
            raise AssertionError(f"INV-4: {name}: page {wrong} of the outbox is not what left")
        # One page more than there can be.
        bits = books.arrivals(peer_sent // 64 + 2)
        wanted_bits = sum(1 << nonce for nonce in side.arrived)
        assert bits == wanted_bits, f"INV-3: {name}: arrived {bits:b}, model {wanted_bits:b}"
        never = side.arrived - set(range(peer_sent))
        assert not never, f"INV-4: {name}: {never} arrived and never left"
        for message_id, amount in side.suspended.items():
            held = books.suspended_for(message_id)
            assert held == amount, f"INV-3: {name}: {held} suspended, model {amount}"
        for transit in self.model.transits:
            if self.destination(transit) == name:
                landing = self.model.landing(transit)
                remembered = books.landing_of(transit.message.id)
                assert remembered == landing, f"landing: {name}: {remembered}, model {landing}"

    def _check_issue(self) -> None:
        """INV-1: each unit of the issue is in one place, counted on the ledgers."""
        home, remote = self.books["home"], self.books["remote"]
        issue = home.issue & AMOUNT_MAX
        at_home = self._holders(home, self.model.home)
        abroad = self._holders(remote, self.model.remote)
        waiting = self.model.home.suspense + self.model.remote.suspense
        moving = self.model.in_transit()
        total = at_home + abroad + waiting + moving
        assert issue == total, (
            f"INV-1: issue {issue}, but {at_home} at home + {moving} in transit "
            f"+ {waiting} in suspense + {abroad} on the remote ledger = {total}"
        )
        # Without the model: what custody holds and nobody remote or in suspense has.
        custody = home.position(self.model.home.custody) & AMOUNT_MAX
        derived = custody - home.lane_ledger[1] - (remote.issue & AMOUNT_MAX)
        assert derived == moving, (
            f"INV-1: in transit {derived} on the ledgers, {moving} in the model"
        )
        assert derived >= 0, f"INV-1: {derived} units in transit"

    def _check_closings(self) -> None:
        """The books of every past business day close over both ledgers, to the unit.

        What nothing tells any more was not promised, and counts as the model has it.
        """
        model = self.model
        days = list(model.closed_days(self.world.first_day))
        if not days:
            return
        sums = [0] * len(days)
        custody: dict[str, list[int]] = {}
        supply: dict[str, list[int]] = {}
        figures: dict[tuple[str, str], list[int]] = {}
        for name, side in (("home", model.home), ("remote", model.remote)):
            books = self.books[name]
            for account in side.holdings:
                wanted = [model.closing(side, account, day) for day in days]
                found = self._told(side, account, books.position(account), days, wanted)
                if found != wanted:
                    raise AssertionError(
                        f"closing: {name}: {self._who(name, account)} had (balance, entitled) "
                        f"{found} at the closes of {days}, the model says {wanted}"
                    )
                balances = [balance for balance, _ in found]
                if account == side.custody:
                    custody[name] = balances
                else:
                    sums = [a + b for a, b in zip(sums, balances, strict=True)]
            by_model = [model.supply_closing(side, day) for day in days]
            supply[name] = self._counted(side, NOBODY, books.issue, days, by_model)
            assert supply[name] == by_model, (
                f"closing: {name}: supply {supply[name]} at the closes of {days}, model {by_model}"
            )
            for figure in side.figures:
                by_model = [model.figure_closing(side, figure, day) for day in days]
                told = self._counted(side, figure, books.figure(figure), days, by_model)
                assert told == by_model, (
                    f"closing: {name}: {figure} {told} at the closes of {days}, model {by_model}"
                )
                figures[name, figure] = told
        for index, day in enumerate(days):
            at_home, abroad = (model.suspense_closing(side, day) for side in model.ledgers)
            assert figures["home", "SUSPENSE"][index] == at_home, f"suspense at the close of {day}"
            moving = model.transit_closing(day)
            derived = custody["home"][index] - at_home - supply["remote"][index]
            assert derived >= 0, f"transit: {derived} units in transit at the close of day {day}"
            assert derived == moving, (
                f"transit: {derived} units in transit at the close of day {day} by the ledgers, "
                f"{moving} by the model"
            )
            there, back = (figures[name, "SENT"][index] for name in ("home", "remote"))
            outward = there - supply["remote"][index] - back
            directions = (outward, derived - outward)
            wanted = [model.transit_closing(day, kinds) for kinds in ([1], [2])]
            assert list(directions) == wanted, (
                f"transit: {directions} units in transit at the close of day {day}, out and home, "
                f"{wanted} by the model"
            )
            assert custody["remote"][index] == abroad, (
                f"closing: remote custody {custody['remote'][index]} at the close of {day}, "
                f"{abroad} in suspense"
            )
            total = sums[index] + at_home + abroad + moving
            issue = supply["home"][index]
            assert total == issue, (
                f"closing sum: day {day}: holders {sums[index]} + suspense {at_home + abroad} "
                f"+ in transit {moving} = {total}, but the issue is {issue}"
            )

    def _told(
        self,
        side: LedgerModel,
        account: str,
        word: int,
        days: Sequence[int],
        wanted: Sequence[tuple[int, int]],
    ) -> list[tuple[int, int]]:
        """What a ledger's storage tells of closes; what is missing must not be promised."""
        told = []
        found = self.books[side.name].closings(account, word, days, self.model.today(side))
        for day, closing, by_model in zip(days, found, wanted, strict=True):
            if closing is None:
                assert not self.model.promised(side, account, day), (
                    f"closing: {side.name}: nothing tells what {self._who(side.name, account)} had "
                    f"at the close of {day}"
                )
            told.append(by_model if closing is None else closing)
        return told

    def _counted(
        self, side: LedgerModel, of: str, word: int, days: Sequence[int], wanted: Sequence[int]
    ) -> list[int]:
        """The same of what has no class: the supply, or a figure of the lane."""
        told = self._told(side, of, word, days, [(each, each) for each in wanted])
        return [balance for balance, _ in told]

    def ask_closings(self, back: int) -> None:
        """The contracts' own views of a past day say the same as storage and model."""
        days = list(self.model.closed_days(self.world.first_day))
        if not days:
            return
        day = days[-1 - back % len(days)]
        for name, side in (("home", self.model.home), ("remote", self.model.remote)):
            token = self.suites[name].token
            for account in (*side.holdings, NOBODY):
                said = ask(token, account, day, self.model.hint(side, account, day))
                if said is None:
                    assert not self.model.promised(side, account, day), f"{name}: no answer"
                    continue
                if account == NOBODY:
                    wanted, unentitled = self.model.supply_closing(side, day), False
                else:
                    wanted, entitled = self.model.closing(side, account, day)
                    unentitled = entitled != wanted
                    if unentitled and account != side.custody:
                        self.outcomes["ask closings of a pool", "done"] += 1
                assert said == (wanted, unentitled), f"{name}: {said} at the close of {day}"
            self.ask_figures(name, side, day)
        self.ask_lanes()
        self.outcomes["ask closings", "done"] += 1

    def ask_figures(self, name: str, side: LedgerModel, day: int) -> None:
        """The escrow's views of a past day say the same as the model."""
        escrow, lane = self.suites[name].escrow, self.model.lane
        views = {"SENT": escrow.sent_at_close, "SUSPENSE": escrow.suspense_at_close}
        for figure in side.figures:
            if self.model.promised(side, figure, day):
                said = int(views[figure](lane, day, self.model.hint(side, figure, day)))
                wanted = self.model.figure_closing(side, figure, day)
                assert said == wanted, f"{name}: {figure} {said} at the close of {day}"
        if not side.home and self.model.promised(side, side.custody, day):
            hint = self.model.hint(side, side.custody, day)
            waits = int(escrow.suspense_at_close(lane, day, hint))
            assert waits == self.model.suspense_closing(side, day), f"{name}: suspense at {day}"

    def rebuild(self) -> None:
        """The contracts say what their logs alone leave, of every fact that the acts changed."""
        for name in self.suites:
            log, before = read_log(self.network.connection, name), self.world.facts.get(name, {})
            facts = {
                fact: value
                for fact, value in log.facts().items()
                if fact not in before or before[fact] != value
            }
            wrong = [row for row in compare(log, facts) if not row.same]
            assert not wrong, f"{name}: not what the logs say: {wrong}"

    def ask_lanes(self) -> None:
        """The escrows' own views say the same as storage and model."""
        for name, side in (("home", self.model.home), ("remote", self.model.remote)):
            escrow, peer = self.suites[name].escrow, self.model.peer(side)
            state = escrow.lane_state(self.model.lane)
            said = (state.outstanding, state.suspense, state.sent, state.paused_directions)
            assert said == (side.outstanding, side.suspense, side.sent, side.stops), f"{name}: lane"
            for nonce in range(SENT_BEFORE - 2, peer.sent + 2):
                arrived = escrow.has_arrived(self.model.lane, nonce)
                assert arrived == (nonce in side.arrived), f"{name}: has_arrived({nonce})"

    def _holders(self, books: Books, side: LedgerModel) -> int:
        return sum(
            books.position(account) & AMOUNT_MAX
            for account in side.holdings
            if account != side.custody
        )

    def _who(self, name: str, account: str) -> str:
        for who, address in self.addresses[name].items():
            if address == account:
                return who
        return account


_WIDTHS = {
    "codec": 16,
    "kind": 8,
    "nonce": 64,
    "lock_time": 64,
    "action_epoch": 16,
    "amount": 256,
    "deadline": 64,
}


def _account_of(word: bytes) -> str:
    return address_of(word[12:])


# ------------------------------------------------------------------------------- the rules

# Nobody admitted the escrow, and the custody pays nobody that is itself.
recipients = st.sampled_from([*HOLDERS, *HOLDERS, "escrow", "custody"])
# Beside the eighths of what the sender has, a little more or much more than that.
extras = st.sampled_from([0, 0, 0, 0, 1, UNIT])
# Of a message, in seconds: one whose deadline is now or too far is refused.
lifetimes = st.sampled_from([*[30 * DAY] * 4, *[DAY] * 3, 3_600, 1, 0, 90 * DAY, 90 * DAY + 1])
scopes = st.sampled_from([TRANSFERS, ISSUANCE, LANES])
directions = st.sampled_from([OUT, IN, OUT | IN])
contracts = st.sampled_from(["SecurityToken", "BridgeEscrow"])
delays = st.integers(1, 600) | st.integers(1, 12).map(lambda hours: hours * 3_600)
beside_the_close = st.sampled_from([-1, 0, 1])
fields = st.sampled_from([*LaneMessage.__slots__])


class EveryRule:
    """Stands where hypothesis keeps which rules are switched on in a run."""

    def is_enabled(self, _: Any) -> bool:
        return True


class TwoLedgersMachine(KeyRules):
    """What hypothesis may do; all of it is in `TwoLedgers`."""

    escrow: ClassVar[str] = "BridgeEscrow"
    # By itself hypothesis switches most rules off in most runs ("swarm testing"). That goes deep
    # into few rules; with all of them on, acts of different kinds meet.
    swarm: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        if not self.swarm:
            self._rules_strategy.enabled_rules_strategy = st.just(EveryRule())
        self.play = TwoLedgers(Stage.of(self.escrow))
        self.orders: list[Order] = []

    def some(self, number: int, *states: State) -> Transit | None:
        """One of the messages in these states, in all states if none is named."""
        found = [t for t in self.play.model.transits if not states or t.state in states]
        if not found:
            return None
        chosen = found[number % len(found)]
        message = chosen.message
        note(
            f"    # message {message.nonce} to {self.play.destination(chosen)}: "
            f"{message.amount} units, {chosen.state.value}"
        )
        return chosen

    def some_order(self, number: int) -> Order | None:
        """One of the orders that stand, of all that ever stood if none does."""
        standing = [order for order in self.orders if self.play.stands(order)]
        found = standing or self.orders
        return found[number % len(found)] if found else None

    def part(self, name: str, holder: str, eighths: int, extra: int) -> int:
        """Eighths of what a holder has."""
        has = self.play.side(name).holding(self.play.address(name, holder)).balance
        amount = has * eighths // 8 + extra
        note(f"    # {holder} has {has} on {name}, the amount is {amount}")
        return amount

    def contract(self, wanted: str) -> str:
        """One of the contracts that have releases in this world."""
        known = self.play.world.contracts
        return wanted if wanted in known else known[0]

    @initialize(
        skew=st.integers(-MAX_SKEW, MAX_SKEW),
        moves=st.lists(
            st.tuples(ledger_names, holders, recipients, st.integers(1, UNIT // 4)),
            min_size=1,
            max_size=5,
        ),
    )
    def clocks_differ_and_units_are_moving(
        self, skew: int, moves: Iterable[tuple[str, str, str, int]]
    ) -> None:
        self.play.skew(skew)
        for move in moves:
            self.play.send(*move)

    # -- lane --

    @rule(holder=holders, recipient=recipients, eighths=parts, extra=extras, lasts=lifetimes)
    def lock(self, holder: str, recipient: str, eighths: int, extra: int, lasts: int) -> None:
        amount = self.part("home", holder, eighths, extra)
        self.play.send("home", holder, recipient, amount, lasts)

    @rule(holder=holders, recipient=recipients, eighths=parts, extra=extras, lasts=lifetimes)
    def burn(self, holder: str, recipient: str, eighths: int, extra: int, lasts: int) -> None:
        amount = self.part("remote", holder, eighths, extra)
        self.play.send("remote", holder, recipient, amount, lasts)

    @rule(number=which)
    def deliver(self, number: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver(transit)

    @rule(number=which, late=st.sampled_from([-1, 0, 1]))
    def deliver_when_due(self, number: int, late: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver_when_due(transit, late)

    @rule(newest_first=st.booleans())
    def deliver_all(self, newest_first: bool) -> None:
        for transit in self.play.model.transits[:: -1 if newest_first else 1]:
            if transit.state is State.IN_TRANSIT:
                self.play.wait_a_little(self.play.destination(transit), transit.message)
                self.play.deliver(transit)

    @rule(number=which)
    def deliver_again(self, number: int) -> None:
        if (transit := self.some(number, State.SUSPENDED, State.SETTLED)) is not None:
            self.play.deliver(transit)

    @rule(number=which, back=st.integers(0, 3))
    def deliver_under_an_older_epoch(self, number: int, back: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            name = self.play.destination(transit)
            self.play.wait_a_little(name, transit.message)
            epochs = self.play.side(name).epochs
            self.play.deliver(transit, epoch=max(len(epochs) - back, 1))

    @rule(number=which, field=fields, bit=st.integers(0, 255))
    def deliver_altered(self, number: int, field: str, bit: int) -> None:
        if (transit := self.some(number)) is not None:
            self.play.deliver_altered(transit, field, bit)

    # The epoch is in the first eight bytes.
    @rule(number=which, at=st.integers(0, 7) | st.integers(0, 2**16), bit=st.integers(0, 7))
    def deliver_with_a_flipped_bit(self, number: int, at: int, bit: int) -> None:
        def flip(good: bytes) -> bytes:
            where = at % len(good)
            return good[:where] + bytes([good[where] ^ 1 << bit]) + good[where + 1 :]

        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver_badly_attested(transit, flip, "deliver flipped")

    @rule(number=which, size=st.integers(0, 2**16))
    def deliver_with_another_length(self, number: int, size: int) -> None:
        def cut(good: bytes) -> bytes:
            return (good + b"\0" * 70)[: size % (len(good) + 70)]

        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver_badly_attested(transit, cut, "deliver cut")

    @rule(number=which)
    def deliver_with_too_few(self, number: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver_attested_by_too_few(transit)

    @rule(number=which)
    def deliver_attested_for_the_other_ledger(self, number: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT)) is not None:
            self.play.deliver_for_other_ledger(transit)

    @rule(number=which)
    def deliver_where_it_came_from(self, number: int) -> None:
        if (transit := self.some(number)) is not None:
            self.play.deliver_where_it_came_from(transit)

    @rule(excess=st.integers(1, UNIT), kind=st.sampled_from([RELEASE, RELEASE | RETURNED]))
    def deliver_what_was_never_burned(self, excess: int, kind: int) -> None:
        self.play.deliver_what_was_never_burned(excess, kind)

    @rule(number=which)
    def claim(self, number: int) -> None:
        transit = self.some(number, State.SUSPENDED) or self.some(number)
        if transit is not None:
            self.play.claim(transit)

    @precondition(lambda self: self.play.in_suspense_for_others())
    @rule(number=which)
    def claim_when_eligible(self, number: int) -> None:
        waiting = self.play.in_suspense_for_others()
        transit = waiting[number % len(waiting)]
        self.play.make_eligible(transit)
        self.play.claim(transit)

    @rule(number=which, late=st.sampled_from([-1, 0, 1]))
    def go_to_the_deadline(self, number: int, late: int) -> None:
        if (transit := self.some(number, State.IN_TRANSIT, State.SUSPENDED)) is not None:
            self.play.go_to_deadline(transit, late)

    @rule(number=which)
    def return_to_source(self, number: int) -> None:
        transit = self.some(number, State.SUSPENDED) or self.some(number)
        if transit is not None:
            self.play.return_to_source(transit)

    @rule(
        number=which,
        late=st.sampled_from([-1, 0, 0]),
        claims=st.booleans(),
        then=st.sampled_from(["", "deliver", "freeze", "freeze"]),
    )
    def miss_the_deadline(self, number: int, late: int, claims: bool, then: str) -> None:
        """It arrives when it is too late, or just not, and is claimed or sent back."""
        if (transit := self.some(number, State.IN_TRANSIT, State.SUSPENDED)) is not None:
            self.play.go_to_deadline(transit, late)
            if transit.state is State.IN_TRANSIT:
                self.play.deliver(transit)
            if claims:
                self.play.claim(transit)
            self.play.return_to_source(transit)
            if then and transit.how is Landed.WENT_BACK:
                self.play.deliver_the_return(frozen=then == "freeze")

    @rule(name=ledger_names, stops=directions, guardian=mostly)
    def pause_lane(self, name: str, stops: int, guardian: bool) -> None:
        self.play.pause_lane(name, stops, guardian)

    @rule(name=ledger_names, stops=directions, stopped=scopes)
    def unpause(self, name: str, stops: int, stopped: int) -> None:
        self.play.unpause_lane(name, stops)
        self.play.unpause_token(name, stopped)

    @rule(name=ledger_names)
    def unpause_all(self, name: str) -> None:
        side = self.play.side(name)
        for _ in range(2 if side.scopes or side.stops else 1):
            self.play.unpause_lane(name, OUT | IN)
            self.play.unpause_token(name, TRANSFERS | ISSUANCE | LANES)
            if side.scopes or side.stops:
                self.play.set_clock(name, by=DAY)

    @rule(name=ledger_names)
    def clear_everybody(self, name: str) -> None:
        self.unpause_all(name)
        for order in [order for order in self.orders if order[0] == name]:
            self.play.withdraw_order(order, "registrar")
        for holder in HOLDERS[:NEWCOMER]:
            self.play.admit(name, holder, 40_000)
            self.play.freeze_account(name, holder, False)
            self.play.freeze_amount(name, holder, 0)

    @rule(name=ledger_names, members=st.permutations(ATTESTOR_POOL).map(lambda pool: pool[:3]))
    def rotate_signers(self, name: str, members: Sequence[int]) -> None:
        self.play.rotate_signers(name, members)

    # -- token --

    @rule(
        name=ledger_names,
        sender=holders,
        receiver=holders | st.just("custody"),
        eighths=parts,
        extra=extras,
    )
    def transfer(self, name: str, sender: str, receiver: str, eighths: int, extra: int) -> None:
        self.play.transfer(name, sender, receiver, self.part(name, sender, eighths, extra))

    @rule(
        name=ledger_names,
        sender=holders,
        items=st.lists(st.tuples(holders, parts), max_size=3),
        extra=extras,
    )
    def batch_transfer(
        self, name: str, sender: str, items: Sequence[tuple[str, int]], extra: int
    ) -> None:
        shares = [
            (receiver, self.part(name, sender, eighths, 0) // len(items) + extra)
            for receiver, eighths in items
        ]
        self.play.batch_transfer(name, sender, shares)

    @rule(
        spender=holders,
        owner=holders,
        receiver=holders,
        eighths=parts,
        extra=extras,
        frozen=st.sampled_from([None, None, True, False]),
    )
    def transfer_from(
        self,
        spender: str,
        owner: str,
        receiver: str,
        eighths: int,
        extra: int,
        frozen: bool | None,
    ) -> None:
        """Approved for it right before; the spender may just have been frozen, or unfrozen."""
        amount = self.part("home", owner, eighths, extra)
        self.play.approve(owner, spender, amount)
        if frozen is not None:
            self.play.freeze_account("home", spender, frozen)
        self.play.transfer_from(spender, owner, receiver, amount)

    @rule(name=ledger_names, holder=holders, days=st.sampled_from([400, 400, 3, 1, 0, -1, None]))
    def admit(self, name: str, holder: str, days: int | None) -> None:
        today = calendar_day(self.play.side(name).clock)
        self.play.admit(name, holder, 0 if days is None else today + days)

    @rule(name=ledger_names, holder=holders, amount=st.just(0) | amounts | st.just(2**256 - 1))
    def freeze_amount(self, name: str, holder: str, amount: int) -> None:
        self.play.freeze_amount(name, holder, amount)

    @rule(name=ledger_names, holder=holders, frozen=st.sampled_from([True, False, False]))
    def freeze_account(self, name: str, holder: str, frozen: bool) -> None:
        self.play.freeze_account(name, holder, frozen)

    @rule(
        name=ledger_names,
        sender=st.sampled_from([*HOLDERS, *HOLDERS, "custody"]),
        receiver=holders,
        eighths=parts,
        extra=extras,
        order=st.integers(1, 3),
        lasts=st.sampled_from([DAY, DAY, 30 * DAY, 366 * DAY, 30 * DAY, 366 * DAY + 1, 1, 0]),
        by=registrars,
        then=st.sampled_from([*["carry out"] * 6, *["expire", "lower"] * 2, "nothing"]),
        receives=st.booleans(),
    )
    def enter_order(
        self,
        name: str,
        sender: str,
        receiver: str,
        eighths: int,
        extra: int,
        order: int,
        lasts: int,
        by: str,
        then: str,
        receives: bool,
    ) -> None:
        amount = self.part(name, sender, eighths, extra) or 1
        entered = (name, sender, receiver, amount, order)
        if self.play.enter_order(entered, lasts, by=by):
            self.orders.append(entered)
            if then == "carry out":
                if receives:
                    self.play.keys.let_receive(name, [receiver])
                self.play.forced_transfer(entered)
            elif then == "lower":
                self.play.freeze_amount(name, sender, amount - 1)
            elif then == "expire":
                for late in (-1, 0):
                    self.play.go_to_expiry(entered, late)
                    self.play.withdraw_order(entered, "courier")

    @rule(number=which, more=st.sampled_from([0, 0, 0, 1]))
    def forced_transfer(self, number: int, more: int) -> None:
        if (order := self.some_order(number)) is not None:
            name, sender, receiver, amount, which_one = order
            self.play.forced_transfer((name, sender, receiver, amount + more, which_one))

    @rule(number=which)
    def enter_the_same_order(self, number: int) -> None:
        """Refused while it stands; under another number it is another."""
        if (order := self.some_order(number)) is not None:
            name, sender, receiver, amount, which_one = order
            for each in (which_one, which_one + 1):
                again = (name, sender, receiver, amount, each)
                if self.play.enter_order(again, 30 * DAY):
                    self.orders.append(again)

    @rule(number=which, by=registrars | st.just("courier"))
    def withdraw_order(self, number: int, by: str) -> None:
        if (order := self.some_order(number)) is not None:
            self.play.withdraw_order(order, by)

    @rule(holder=holders, authorised=amounts, amount=amounts)
    def issue(self, holder: str, authorised: int, amount: int) -> None:
        self.play.issue(holder, authorised, amount)

    @rule(amount=amounts)
    def take_back(self, amount: int) -> None:
        self.play.take_back(amount)

    @rule(holder=holders, eighths=parts, extra=extras)
    def redeem(self, holder: str, eighths: int, extra: int) -> None:
        self.play.redeem(holder, self.part("home", holder, eighths, extra))

    @rule(holder=holders, eighths=parts, extra=extras, short=st.sampled_from([0, 0, 0, 1]))
    def bridge_out(self, holder: str, eighths: int, extra: int, short: int) -> None:
        self.play.bridge_out(holder, self.part("home", holder, eighths, extra), short)

    @rule(holder=holders, eighths=parts, extra=extras)
    def bridge_in(self, holder: str, eighths: int, extra: int) -> None:
        left = self.play.model.home.with_bridge
        self.play.bridge_in(holder, left * eighths // 8 + extra)

    @rule(name=ledger_names, stopped=scopes, guardian=mostly)
    def pause_token(self, name: str, stopped: int, guardian: bool) -> None:
        self.play.pause_token(name, stopped, guardian)

    # -- releases --

    @rule(name=ledger_names, wanted=contracts, release=st.integers(1, 2), at_once=st.booleans())
    def upgrade(self, name: str, wanted: str, release: int, at_once: bool) -> None:
        contract = self.contract(wanted)
        self.play.give_notice(name, contract, release)
        if at_once:
            self.play.set_clock(name, by=NOTICE)
            self.play.activate(name, contract, release)

    @rule(name=ledger_names, wanted=contracts)
    def activate(self, name: str, wanted: str) -> None:
        contract = self.contract(wanted)
        release = self.play.side(name).installed[contract].noticed
        self.play.activate(name, contract, 2 if release is None else release)

    @rule(number=which, name=ledger_names, wanted=contracts)
    def roll_back(self, number: int, name: str, wanted: str) -> None:
        possible = [
            (side.name, contract)
            for side in self.play.model.ledgers
            for contract, installed in side.installed.items()
            if installed.previous is not None
        ]
        at, contract = possible[number % len(possible)] if possible else (name, wanted)
        self.play.roll_back(at, self.contract(contract))

    # -- time --

    @rule(name=ledger_names, by=delays)
    def pass_time(self, name: str, by: int) -> None:
        self.play.set_clock(name, by=by)

    @rule(name=ledger_names, offset=beside_the_close)
    def go_to_the_close(self, name: str, offset: int) -> None:
        self.play.to_the_close(name, offset)

    @rule(by=st.integers(DAY - 3_600, DAY + 3_600))
    def next_day(self, by: int) -> None:
        for name in ("home", "remote"):
            self.play.set_clock(name, by=by)

    @rule(name=ledger_names, days=st.integers(2, 9))
    def days_pass(self, name: str, days: int) -> None:
        self.play.set_clock(name, by=days * DAY)

    @rule(name=ledger_names, offset=st.integers(-SLOTS - 2, 3))
    def announce_close(self, name: str, offset: int) -> None:
        self.play.announce_close(name, offset)

    @rule(
        name=ledger_names,
        who=holders | st.sampled_from(["custody", "", *Figure]),
        back=st.integers(1, 9),
    )
    def keep(self, name: str, who: str | Figure, back: int) -> None:
        if isinstance(who, Figure):
            self.play.keep_figure(name, who, back)
        else:
            self.play.keep(name, who, back)

    @rule(back=st.integers(0, 30))
    def ask_closings(self, back: int) -> None:
        self.play.ask_closings(back)

    @invariant()
    def books_balance(self) -> None:
        self.play.check()

    def teardown(self) -> None:
        """The last closings once more by the contracts' own views; every fact by the logs alone."""
        self.play.ask_closings(0)
        self.play.rebuild()


class SwarmMachine(TwoLedgersMachine):
    """The same with few rules a run."""

    swarm = True


class WithoutClockMachine(TwoLedgersMachine):
    """The same over escrows that deliver before the lock time."""

    escrow = "BridgeEscrowWithoutClockMock"
