"""A bond's ten years over three ledgers, from the schedule to the last cent and no unit left."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tallystick.actions.entitlement import Rate
from tallystick.actions.record import EventRecord
from tallystick.actions.tax import TaxTable
from tallystick.bridge.message import LaneMessage, message_of, party
from tallystick.chain import Account, Contract
from tallystick.chain.embedded import EmbeddedChain
from tallystick.courier.courier import Courier
from tallystick.events.driver import Driver
from tallystick.events.engines import ACCOUNTS
from tallystick.events.scheduling import Scheduler
from tallystick.events.standing import payments_of
from tallystick.files.coupons import TermsEvent, load_coupons
from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tallystick.reach.connection import Suite
from tallystick.status.reconciled import State, reconciled_of
from tallystick.token.position import close_of, date_of
from tests.support.cash import new_cash
from tests.support.commands import ROOT
from tests.support.world import DAY, STATED

pytestmark = pytest.mark.requirement("INV-6", "R-45")
_EPOCH: Final = date(1970, 1, 1)
_LEDGERS: Final = ("home", "north", "south")
# What all of it may take.
_SECONDS: Final = 20
# A tenth is paid back each year, with every other coupon; the last with the last.
_FACTORS: Final = tuple((date(2023 + n, 2, 15), Fraction(9 - n, 10)) for n in range(9))
# Cents; 5 million are authorised.
_ISSUE: Final = ((0, 2_000_000_00), (1, 1_500_000_25))


@dataclass(frozen=True)
class _Bond:
    """The bond on its ledgers, and cash on each."""

    network: Network
    cash: dict[str, Contract]
    payments: tuple[TermsEvent, ...]
    courier: Courier

    @property
    def suites(self) -> dict[str, Suite]:
        return dict(self.network.suites)

    def reach(self, day: int, seconds: int = 3_600) -> None:
        """A business day begins on every ledger."""
        for suite in self.suites.values():
            moment = close_of(day - 1, int(suite.token.close_minute())) + seconds
            suite.chain.set_time(max(moment, suite.chain.now + 1))

    def final(self) -> None:
        for suite in self.suites.values():
            suite.chain.mine(3)

    def held(self) -> int:
        """What holders have on all ledgers together, by the tokens' own sums."""
        home, lanes = self.network.home, self.network.manifest.lanes
        locked = sum(int(home.token.balanceOf(home.custodies[lane.id_bytes])) for lane in lanes)
        others = sum(int(self.suites[name].token.totalSupply()) for name in _LEDGERS[1:])
        return int(home.token.totalSupply()) - locked + others

    def lock(self, remote: str, holder: Account, recipient: Account, amount: int) -> LaneMessage:
        """A holder at home sends units over the lane to a ledger."""
        lane = next(each.id_bytes for each in self.network.manifest.lanes if each.remote == remote)
        suite = self.network.home
        deadline = suite.chain.now + 60 * DAY
        to = party(str(recipient))
        locked = suite.custodies[lane].lock(lane, to, amount, deadline, sender=holder)
        return message_of(locked.one("MessageSent"))


def _written(folder: Path, name: str, **changes: Any) -> Path:
    """An example with some fields changed."""
    data = yaml.safe_load((ROOT / "examples" / name).read_text())
    text = json.dumps(data | changes, default=str)
    file = folder / name
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def bond(tmp_path_factory: pytest.TempPathFactory) -> _Bond:
    """The example's bond, paid half-yearly from 15 February 2022 on and back in ten years."""
    folder = tmp_path_factory.mktemp("bond")
    ledgers = [{"name": name, "dti_of": "unassigned"} for name in _LEDGERS]
    holders = [
        {"name": f"{name}-{number}", "ledger": name, "amount": 0, "eligible": True}
        for name in _LEDGERS
        for number in range(2)
    ]
    for number, amount in _ISSUE:
        holders[number]["amount"] = f"{amount // 100}.{amount % 100:02}"
    instrument = load_instrument(_written(folder, "bund.yaml", ledgers=ledgers, holders=holders))
    payments = load_coupons(
        _written(
            folder,
            "bund-coupons.yaml",
            first="2022-02-15",
            frequency=2,
            first_period="regular",
            factors=[{"from": str(day), "factor": str(factor)} for day, factor in _FACTORS],
        ),
        instrument,
    )
    genesis = (date(2022, 2, 15) - _EPOCH).days * DAY + DAY // 2
    chains = {
        name: EmbeddedChain(name, 41_000 + number, ledger_number=number, genesis_time=genesis)
        for number, name in enumerate(_LEDGERS, start=1)
    }
    network = Network.deploy(instrument, chains)
    cash = {}
    for name, suite in network.suites.items():
        for number in range(len(holders)):
            network.admit(suite, network.holder(name, number), 60_000)
        issuer, agent = (network.party(name, role) for role in ("issuer", "paying_agent"))
        cash[name] = new_cash(suite.chain, issuer, "EUR", 2)
        auditor = network.party(name, "auditor")
        terms = (b"EUR\0", cash[name].address, auditor.address, issuer.address)
        pay = (*terms, TaxTable((Rate(0),)).pack())
        assert suite.engine is not None
        suite.engine.propose_pay_terms(pay, *STATED, sender=agent)
        suite.engine.set_pay_terms(pay, *STATED, sender=issuer)
        cash[name].mint(agent, 10**15, sender=issuer)
    network.issue([(network.holder("home", number), amount) for number, amount in _ISSUE])
    return _Bond(network, cash, payments, Courier(network.connection))


def _done(steps: Iterable[Any], *states: str) -> None:
    for step in steps:
        assert step.state in {"executed", "done", *states}, step


def _carry(bond: _Bond, driver: Driver, ways: int = 1) -> None:
    """What one ledger told the others, and so often what these tell then."""
    for _ in range(ways):
        bond.final()
        _done(driver.carry(), "waiting")


def _under_way(bond: _Bond, number: int) -> Iterator[LaneMessage]:
    """Units that are in a lane at the close, to either ledger in turn, some of any size."""
    home = bond.network.holder("home", number % 2)
    for at, remote in enumerate(_LEDGERS[1:]):
        if number % 3 != at:
            to = bond.network.holder(remote, number % 2)
            yield bond.lock(remote, home, to, 10_000_01 + 777 * number)


def _pay(bond: _Bond, made: Sequence[TermsEvent], number: int) -> list[EventRecord]:
    """What is due on one day, from its announcement by the schedule until everybody has it."""
    connection = bond.network.connection
    records = [each.record for each in made]
    first = records[0]
    days = {(each.announced, each.record_day, each.relief_until) for each in records}
    assert days == {(first.announced, first.record_day, first.relief_until)}
    bond.reach(first.announced)
    scheduler = Scheduler(connection, made)
    _done(scheduler.announce(scheduler.standing()))
    assert {seen.state for seen in scheduler.standing()} == {"announced"}
    drivers = [Driver(connection, record) for record in records]
    for driver in drivers:
        _done(driver.confirm())
        _carry(bond, driver, 2)
    bond.reach(first.record_day)
    sent = list(_under_way(bond, number))
    bond.reach(first.record_day + 1)
    for driver in drivers:
        _done(driver.figures())
        _carry(bond, driver)
    carried = [each.what for each in bond.courier.carry()]
    assert carried == ["delivered"] * len(sent)
    for driver in drivers:
        _done(driver.fix())
        _carry(bond, driver)
        _done(driver.fund())
    bond.reach(first.relief_until + 1)
    for driver in drivers:
        _done(driver.pay())
        _done(driver.expire(), "waiting")
    return records


def _end(bond: _Bond, record: EventRecord) -> None:
    """Units end everywhere, now that every ledger is funded: nobody has any afterwards."""
    driver = Driver(bond.network.connection, record)
    for _ in range(2):
        _done(driver.arm(), "waiting")
        _carry(bond, driver, 2)
    assert bond.held() == sum(amount for _, amount in _ISSUE)
    bond.reach(int(bond.network.home.token.business_day()) + 4)
    assert bond.held() == 0


def _life(bond: _Bond) -> dict[str, Counter[Fraction]]:
    """Pay everything; returns how often each kind of event paid what for a whole unit."""
    issue = sum(amount for _, amount in _ISSUE)
    rates: dict[str, Counter[Fraction]] = defaultdict(Counter)
    days = groupby(bond.payments, key=lambda made: made.paid.payment)
    for number, (_, made) in enumerate(days):
        for record in _pay(bond, list(made), number):
            # Each unit of the close once, wherever it was.
            payments = payments_of(Driver(bond.network.connection, record))
            assert sum(each.paid.units for each in payments) == bond.held() == issue
            assert record.rate is not None
            rate = Fraction(record.rate.numerator, record.rate.denominator)
            rates[record.caev][rate] += 1
            gross = sum(each.paid.gross for each in payments)
            assert 0 <= issue * rate - gross < len(payments)
    # All three had holders, and units in its lane at a close.
    assert {each.ledger for each in payments} == set(_LEDGERS)
    _end(bond, record)
    return rates


def test_ten_years_over_three_ledgers_end_with_nothing_owed_and_no_units(bond: _Bond) -> None:
    began = time.process_time()
    rates = _life(bond)
    # Half of 1.7 % of a year, on what is left; two coupons a year, and a tenth paid back.
    tenths = [Fraction(n, 10) for n in range(1, 11)]
    assert rates == {
        "INTR": {Fraction(17, 2_000) * left: 2 for left in tenths},
        "PRED": {Fraction(1, 10): 9},
        "REDM": {Fraction(1, 10): 1},
    }

    found = reconciled_of(bond.network.connection)
    assert found.ok
    assert [event.coaf for event in found.events] == [made.record.coaf for made in bond.payments]
    for event in found.events:
        assert event.differences == ()
        assert {each.state for each in event.holdings} == {State.PAID}
    for name, suite in bond.suites.items():
        assert suite.engine is not None
        assert bond.cash[name].balanceOf(suite.engine) == 0
        for made in bond.payments:
            coaf = made.record.as_tuple()[2]
            for lane in (ACCOUNTS, *(each.id_bytes for each in bond.network.manifest.lanes)):
                _, left, kept = suite.engine.part_of(coaf, lane)
                assert (left, kept) == (0, 0)
    assert date_of(int(bond.network.home.token.business_day())) > date(2032, 2, 15)
    assert bond.network.status().ok
    # Of this process, whatever else the machine does.
    assert time.process_time() - began < _SECONDS
