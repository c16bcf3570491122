"""A dividend of 5,000 holders on three ledgers, 200 messages under way at the close: to the unit.

Who has what is counted here while it happens; payments are held to exact fractions one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest

from tallystick.actions.entitlement import Entitlement, entitlement, total
from tallystick.actions.record import EventRecord
from tallystick.bridge.attestation import Domain, attest
from tallystick.bridge.message import LaneMessage, message_of, party, party_address
from tallystick.chain import Account
from tallystick.chain.abi import checksum, keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.events.driver import Driver
from tallystick.files.instrument import load_instrument
from tallystick.local.devnet import with_ledgers
from tallystick.local.network import COURIER, Network
from tallystick.reach.connection import Suite
from tallystick.status.reconciled import State, reconciled_of
from tallystick.token.position import close_of
from tests.support.actions import ACCOUNTS, APPLE, CLOSE_MINUTE, COAF, GENESIS, TAXES
from tests.support.cash import new_cash
from tests.support.world import DAY, ELIGIBLE_UNTIL, ROOT, STATED, UINT_MAX

HOLDERS: Final = {"home": 2_000, "remote": 1_500, "remote-2": 1_500}
# Sent before the close, and landed after it; and sent to who can't take it yet, and waiting then.
UNDER_WAY, WAITING = 200, 20
# Of tokens, of payments, of tax.
BATCH, PUSH = 250, 25
EXEMPT_CATEGORY, TREATY_CATEGORY = 3, 1
# An account of a ledger.
Place = tuple[str, str]


def batches(members: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The members in their order, so many at once."""
    return (members[at : at + size] for at in range(0, len(members), size))


@dataclass
class Large:
    """Three ledgers, everybody on them, and what is owed to whom."""

    network: Network
    random: Random
    # What accounts hold; whom tax is not withheld from at the highest rate.
    held: Counter[Place] = field(default_factory=Counter)
    category: dict[Place, int] = field(default_factory=dict)
    cash: dict[str, Any] = field(default_factory=dict)
    waiting: list[LaneMessage] = field(default_factory=list)
    under_way: list[LaneMessage] = field(default_factory=list)

    @property
    def ledgers(self) -> tuple[str, ...]:
        """Home first."""
        return tuple(HOLDERS)

    def suite(self, ledger: str) -> Suite:
        """A ledger's contracts."""
        return self.network.suite(ledger)

    def treasury(self, ledger: str) -> Account:
        """Who spreads units on a ledger, and sends them to others."""
        return self.network.holder(ledger, 0)

    def begin(self, day: int, seconds: int = 0) -> None:
        """A business day begins everywhere."""
        for ledger in self.ledgers:
            self.network.chains[ledger].set_time(close_of(day - 1, CLOSE_MINUTE) + seconds)

    def meet(self) -> None:
        """All clocks show the same."""
        moment = max(chain.now for chain in self.network.chains.values()) + 1
        for chain in self.network.chains.values():
            chain.set_time(moment)

    def lane(self, remote: str) -> bytes:
        """The lane between home and a remote ledger."""
        return next(e.id_bytes for e in self.network.manifest.lanes if e.remote == remote)

    def remote_of(self, message: LaneMessage) -> str:
        """The remote ledger of a message's lane."""
        return next(e.remote for e in self.network.manifest.lanes if e.id_bytes == message.lane)

    def target(self, message: LaneMessage) -> str:
        """Where a message's units land."""
        return self.remote_of(message) if message.kind == 1 else "home"

    def admit(self, ledger: str, accounts: Sequence[Any]) -> None:
        """The registrar admits them."""
        for batch in batches(accounts, BATCH):
            self.suite(ledger).token.batch_admit(
                batch, ELIGIBLE_UNTIL, *STATED, sender=self.network.party(ledger, "registrar")
            )

    def send(self, source: str, remote: str, recipient: str, amount: int) -> LaneMessage:
        """A treasury sends units by a lane."""
        suite, sender = self.suite(source), self.treasury(source)
        lane = self.lane(remote)
        leave = suite.custodies[lane].lock if source == "home" else suite.escrow.burn
        sent = (lane, party(recipient), amount, suite.chain.now + 30 * DAY)
        self.held[source, str(sender.address)] -= amount
        return message_of(leave(*sent, sender=sender).one("MessageSent"))

    def deliver(self, message: LaneMessage) -> None:
        """A courier delivers it."""
        network, suite = self.network, self.suite(self.target(message))
        keys = [each.key for each in network.attestors if each.key is not None]
        domain = Domain(suite.chain.chain_id, str(suite.escrow.address))
        proof = attest(message, network.signer_set(), domain, keys[: network.threshold])
        courier = suite.chain.account(COURIER)
        suite.escrow.deliver(message.as_tuple(), proof, sender=courier)


@pytest.fixture(scope="module")
def large() -> Large:
    """Deployed, everybody admitted and holding, cash and terms on each ledger."""
    instrument = load_instrument(ROOT / "examples" / "apple.yaml")
    instrument = instrument.model_copy(update={"authorised": Decimal(10**9)})
    names = tuple(HOLDERS)
    chains = {
        name: EmbeddedChain(name, 41_000 + number, ledger_number=number, genesis_time=GENESIS)
        for number, name in enumerate(names, start=1)
    }
    network = Network.deploy(
        with_ledgers(ROOT / "examples" / "apple.yaml", instrument, len(names)), chains
    )
    scene = Large(network, Random(8))
    for ledger in names:
        set_terms(scene, ledger)
    spread(scene)
    return scene


def set_terms(scene: Large, ledger: str) -> None:
    """Dollars, tax to the auditor, what is left to the issuer."""
    network, suite = scene.network, scene.suite(ledger)
    agent, issuer, auditor = (
        network.party(ledger, role) for role in ("paying_agent", "issuer", "auditor")
    )
    cash = scene.cash[ledger] = new_cash(suite.chain, issuer)
    terms = (b"USD\0", cash.address, auditor, issuer, TAXES.pack())
    suite.engine.propose_pay_terms(terms, *STATED, sender=agent)
    suite.engine.set_pay_terms(terms, *STATED, sender=issuer)
    cash.mint(agent, 10**24, sender=issuer)
    cash.approve(suite.engine, UINT_MAX, sender=agent)


def spread(scene: Large) -> None:
    """Units for everybody: issued to the home treasury, locked for the others, handed out."""
    network, supply = scene.network, 10**14
    for ledger in scene.ledgers:
        scene.admit(ledger, [scene.treasury(ledger).address])
    treasury = scene.treasury("home")
    network.issue([(treasury, supply)])
    scene.held["home", treasury.address] = supply
    for remote in scene.ledgers[1:]:
        receiver = scene.treasury(remote).address
        message = scene.send("home", remote, receiver, supply // 4)
        scene.meet()
        scene.deliver(message)
        scene.held[remote, receiver] += supply // 4
    for ledger, count in HOLDERS.items():
        # The treasury is one of them.
        accounts = [checksum(keccak(f"{ledger} {n}".encode())[12:]) for n in range(1, count)]
        scene.admit(ledger, accounts)
        for batch in batches(accounts, BATCH):
            amounts = [scene.random.randrange(1, 10**9) for _ in batch]
            treasury = scene.treasury(ledger)
            scene.suite(ledger).token.batchTransfer(batch, amounts, sender=treasury)
            scene.held[ledger, treasury.address] -= sum(amounts)
            scene.held.update({(ledger, each): n for each, n in zip(batch, amounts, strict=True)})
        agent = network.party(ledger, "paying_agent")
        for batch in batches(accounts[: count // 2], 2 * PUSH):
            for half, category in zip(
                batches(batch, PUSH), (TREATY_CATEGORY, EXEMPT_CATEGORY), strict=False
            ):
                suite = scene.suite(ledger)
                suite.engine.set_tax_category(half, category, *STATED, sender=agent)
                scene.category.update({(ledger, each): category for each in half})


def ways(scene: Large) -> Iterator[tuple[str, str, str]]:
    """Each way of each lane in turn, for ever: from where, by whose lane, where to."""
    while True:
        for remote in scene.ledgers[1:]:
            yield "home", remote, remote
            yield remote, remote, "home"


def record_day(scene: Large) -> None:
    """Units leave each ledger on each lane, to holders and to who can't take them yet."""
    newcomers, way = [], ways(scene)
    for number in range(WAITING):
        source, remote, target = next(way)
        recipient = checksum(keccak(f"newcomer {number}".encode())[12:])
        newcomers.append((target, recipient))
        scene.waiting.append(scene.send(source, remote, recipient, 1 + number * 7))
    scene.meet()
    for message in scene.waiting:
        scene.deliver(message)
    known = {ledger: [a for at, a in scene.held if at == ledger] for ledger in scene.ledgers}
    for _ in range(UNDER_WAY):
        source, remote, target = next(way)
        recipient = scene.random.choice(known[target])
        amount = scene.random.randrange(1, 10**7)
        scene.under_way.append(scene.send(source, remote, recipient, amount))
    assert all(
        scene.suite(scene.target(each)).escrow.suspended(each.id) == each.amount
        for each in scene.waiting
    )


def land(scene: Large) -> None:
    """Everything under way arrives, everybody is admitted and claims what waits."""
    for message in scene.under_way:
        scene.deliver(message)
    for message in scene.waiting:
        target = scene.target(message)
        scene.admit(target, [party_address(message.recipient)])
        suite = scene.suite(target)
        suite.escrow.claim(message.as_tuple(), sender=suite.chain.account(COURIER))


def owed(scene: Large) -> Counter[tuple[str, bytes]]:
    """Units by ledger and part, as counted here."""
    parts = Counter[tuple[str, bytes]]()
    for (ledger, _), units in scene.held.items():
        parts[ledger, ACCOUNTS] += units
    for message in (*scene.under_way, *scene.waiting):
        parts[scene.target(message), message.lane] += message.amount
    return parts


def carried(driver: Driver, scene: Large) -> None:
    """What is told is final, and carried."""
    for chain in scene.network.chains.values():
        chain.mine(3)
    assert {step.state for step in driver.carry()} <= {"executed", "waiting"}


def paid(scene: Large, record: EventRecord, place: Place, units: int) -> Entitlement:
    """What fractions say."""
    assert record.rate is not None
    return entitlement(units, record.rate, TAXES.rate_of(scene.category.get(place, 0)))


def pay_accounts(scene: Large, record: EventRecord, ledger: str) -> list[Entitlement]:
    """Everybody who held is paid in batches, each as fractions say, and is paid once."""
    suite = scene.suite(ledger)
    courier, payments = suite.chain.account(COURIER), []
    held = [(at, account) for (at, account), units in scene.held.items() if at == ledger and units]
    for batch in batches(held, PUSH):
        receipt = suite.engine.push(COAF, [account for _, account in batch], [], sender=courier)
        assert receipt.return_value == len(batch)
        made = {e.account: e.payment for e in receipt.events if e.name == "Paid"}
        for place in batch:
            due = paid(scene, record, place, scene.held[place])
            assert tuple(made[place[1]]) == (due.units, due.gross, due.tax)
            payments.append(due)
    return payments


def pay_messages(scene: Large, record: EventRecord) -> list[Entitlement]:
    """Every message that crossed the close is paid where it landed, as fractions say."""
    payments = []
    for message in (*scene.under_way, *scene.waiting):
        ledger = scene.target(message)
        suite = scene.suite(ledger)
        courier = suite.chain.account(COURIER)
        receipt = suite.engine.claim_crossed(COAF, message.as_tuple(), sender=courier)
        due = paid(scene, record, (ledger, party_address(message.recipient)), message.amount)
        assert tuple(receipt.one("Paid").payment) == (due.units, due.gross, due.tax)
        payments.append(due)
    return payments


@pytest.mark.requirement("R-41", "R-42", "R-43", "R-46", "INV-6")
def test_a_dividend_of_5000_holders_on_three_ledgers_is_paid_to_the_unit(large: Large) -> None:
    network = large.network
    record = replace(APPLE, relief_until=APPLE.payment_day)
    driver = Driver(network.connection, record)
    for act in (driver.announce, driver.confirm):
        assert [step.state for step in act()] == ["executed"]
    carried(driver, large)
    carried(driver, large)
    large.begin(record.record_day)
    record_day(large)
    large.begin(record.record_day + 1, 3_600)
    land(large)
    parts = owed(large)
    issue = network.home.token.totalSupply()
    assert sum(parts.values()) == issue
    assert [step.state for step in driver.figures()] == ["executed"] * 2
    carried(driver, large)
    assert [step.state for step in driver.fix()] == ["executed"] * 3
    carried(driver, large)
    assert {step.state for step in driver.fund()} == {"executed"}
    for (ledger, lane), units in parts.items():
        assert large.suite(ledger).engine.part_of(COAF, lane)[:2] == (True, units)
    large.begin(record.relief_until + 1)
    made = [due for ledger in large.ledgers for due in pay_accounts(large, record, ledger)]
    made += pay_messages(large, record)
    assert len(made) == sum(HOLDERS.values()) + UNDER_WAY + WAITING
    assert total(made).units == issue
    settled(large, parts, total(made))
    # The logs of all ledgers say so without asking any contract.
    found = reconciled_of(network.connection)
    assert found.ok
    (event,) = found.events
    assert {each.state for each in event.holdings} == {State.PAID}
    assert Counter(each.payment.paid for each in event.holdings if each.payment) == Counter(made)


def settled(scene: Large, parts: Counter[tuple[str, bytes]], sum_of: Entitlement) -> None:
    """Every reserve ends at 0: what rounding left goes back, tax goes on, nothing stays."""
    tax = 0
    for ledger in scene.ledgers:
        engine, cash = scene.suite(ledger).engine, scene.cash[ledger]
        courier = scene.network.chains[ledger].account(COURIER)
        for lane in [lane for at, lane in parts if at == ledger]:
            is_open, units, left = engine.part_of(COAF, lane)
            assert (is_open, units) == (True, 0)
            if left:
                engine.expire(COAF, lane, sender=courier)
            if engine.withheld(COAF, lane):
                tax += engine.pass_on_tax(COAF, lane, sender=courier).return_value
        assert cash.balanceOf(engine) == 0
        assert cash.balanceOf(scene.network.party(ledger, "auditor")) > 0
    assert tax == sum_of.tax
