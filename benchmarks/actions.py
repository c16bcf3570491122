"""The gas of a dividend over both ledgers, lanes open: the second of two events is measured.

Every party has moved since the record close, so that each claim looks up an opening; the one of
`unmoved` has not. Units are under way each way at the close, and claimed where they landed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, Rig
from tallystick.actions.entitlement import Rate
from tallystick.actions.message import (
    EVENT_ATTESTATION,
    MESSAGE_ATTESTATION,
    EngineDomain,
    EventVersion,
    Figures,
    Told,
    Totals,
    message_from,
)
from tallystick.actions.record import EventRecord
from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Receipt
from tallystick.local.network import EVENT_ATTESTORS, MESSAGE_ATTESTORS
from tallystick.reach.connection import Suite

__all__ = ["Dividends"]

_DAY: Final = 86_400
_STATED: Final = (REASON, DOCUMENT)
_ACCOUNTS: Final = bytes(32)
# Accounts of a pushed batch, and what they hold.
_BATCH: Final = 25
_WITHHELD: Final = 30 | 100 << 48


class Dividends:
    """Two dividends on a fresh suite; the second one is measured, and firsts of the first."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.gas = rig, dict[str, int]()
        # In whose units dividends are; and what their measured operations are called besides.
        self.epoch, self.suffix = 0, ""
        self.network, self.lane = rig.network, rig.network.lane
        self.home, self.remote = rig.home, rig.remote
        self.cash = {suite.chain.name: self._cash(suite) for suite in (rig.home, rig.remote)}
        self.payees: Sequence[Account] = [
            rig.network.holder("home", i) for i in range(5, 5 + _BATCH)
        ]

    def run(self) -> dict[str, int]:
        """Carry both out and return the gas by operation."""
        one, guest = self._begin()
        for number in (1, 2):
            self._event(number, one, guest)
        return self.gas

    def _begin(self) -> tuple[Account, Account]:
        """Units are on both ledgers; who moves them there."""
        one, guest = self.network.holder("home", 0), self.network.holder("remote", 0)
        for suite, accounts in ((self.home, [one, *self.payees]), (self.remote, [guest])):
            for account in accounts:
                self.network.admit(suite, account, UNTIL_DAY)
        self.network.issue([(one, 1_000 * AMOUNT), *((each, AMOUNT) for each in self.payees)])
        out = self.network.lock(one, guest, 100 * AMOUNT)
        self.rig.align()
        self.network.deliver(out)
        return one, guest

    def _declare(
        self, number: int, one: Account, guest: Account
    ) -> tuple[EventRecord, LaneMessage, LaneMessage]:
        """From the announcement to totals on both ledgers, with units under way each way."""
        home, remote = self.home.engine, self.remote.engine
        day = int(self.home.token.business_day())
        record = self._record(number, day)
        version, coaf = EventVersion(record), record.as_tuple()[2]
        issuer, courier = self.network.party("home", "issuer"), one
        words = record.as_tuple()
        self._note(number, "event.announce", home.announce(words, 1, *_STATED, sender=issuer))
        proof = self._signed(self.home, version.id, EVENT_ATTESTORS, EVENT_ATTESTATION)
        self._note(number, "event.confirm", home.confirm(words, proof, sender=courier))
        taken = remote.take_record(
            *(self._header(self.home, version), words, 1, self._proof(self.home, version)),
            sender=guest,
        )
        self._note(number, "event.take_record", taken)
        armed = taken.one("ArmedSent")
        self._note(
            number,
            "event.take_armed",
            home.take_armed(
                *(tuple(armed.header), tuple(armed.armed), self._attested(self.remote, armed.id)),
                sender=courier,
            ),
        )
        self._days(record.record_day - day)
        out = self.network.lock(one, guest, 3 * AMOUNT)
        backs = [self.network.burn(guest, one, AMOUNT) for _ in range(2)]
        self._days(1)
        for message in (out, *backs):
            self.network.deliver(message)
        self._move(one)
        sent, kept = self._figures(record.record_day, self.epoch, one, guest)
        self._note(number, "figures.send", sent)
        self._note(number, "figures.take", kept)
        self._note(number, "event.fix", home.fix(coaf, (0, 0), (), sender=courier))
        lane = home.fix_lane(coaf, self.lane, (0, 0, 0), sender=courier)
        self._note(number, "event.fix_lane", lane)
        if number == 2:
            both = f"event.fix_with_one_lane{self.suffix}"
            self.gas[both] = self.gas[f"event.fix{self.suffix}"] + lane.gas_used
        totals = Totals(**lane.one("TotalsSent").totals._asdict())
        told_by = (self._header(self.home, totals), totals.as_tuple())
        got = remote.take_totals(*told_by, self._proof(self.home, totals), sender=guest)
        self._note(number, "event.take_totals", got)
        return record, out, backs

    def _figures(
        self, day: int, epoch: int, one: Account, guest: Account
    ) -> tuple[Receipt, Receipt]:
        """The remote ledger tells of a close, and home takes it."""
        sent = self.remote.engine.send_figures(self.lane, day, epoch, (0,) * 4, sender=guest)
        figures = Figures(**sent.one("FiguresSent").figures._asdict())
        told_by = (self._header(self.remote, figures), figures.as_tuple())
        proof = self._proof(self.remote, figures)
        return sent, self.home.engine.take_figures(*told_by, proof, sender=one)

    def _move(self, one: Account) -> None:
        """Every party at home moves on the day after the close."""
        self.home.token.transfer(self.payees[0], 1, sender=one)
        for each in self.payees[1:]:
            self.home.token.transfer(one, 1, sender=each)

    def _event(self, number: int, one: Account, guest: Account) -> None:
        record, out, backs = self._declare(number, one, guest)
        home, remote, coaf = self.home.engine, self.remote.engine, record.as_tuple()[2]
        for suite in (self.home, self.remote):
            self._fund(number, suite, record)
        self._days(record.payment_day - record.record_day - 1)
        hint = record.record_day + 1
        which = "first_ever" if number == 1 else "moved"
        home.claim(coaf, one, 0, sender=one)
        two = self.payees[0]
        self._note(2, f"claim.{which}", home.claim(coaf, two, hint, sender=two))
        remote.claim_crossed(coaf, out.as_tuple(), sender=guest)
        # 51 messages of a lane share a slot.
        for which, back in zip((".first_of_51", ""), backs, strict=True):
            crossed = home.claim_crossed(coaf, back.as_tuple(), sender=one)
            self._note(number, f"claim_crossed{which}", crossed)
        self._days(1)
        batch = self.payees[1:]
        pushed = home.push(coaf, batch, [hint] * len(batch), sender=one)
        assert len([event for event in pushed.events if event.name == "Paid"]) == len(batch)
        each = f"push.each_of_{len(batch)}" + (".first_ever" if number == 1 else "")
        self.gas[each] = pushed.gas_used // len(batch)

    # ------------------------------------------------------------------------ parts

    def _note(self, number: int, operation: str, receipt: Any) -> None:
        assert isinstance(receipt, Receipt), operation
        if number == 2:
            self.gas[f"{operation}{self.suffix}"] = receipt.gas_used

    def _record(self, number: int, day: int) -> EventRecord:
        return EventRecord(
            isin=self.network.plan.loaded_instrument.isin,
            corp=f"BENCH-{number}",
            coaf=f"BENCH-DVCA-{number}",
            caev="DVCA",
            camv="MAND",
            announced=day,
            ex=day + 2,
            record_day=day + 3,
            figures_by=day + 6,
            payment_day=day + 6,
            relief_until=day + 6,
            expires=day + 1_102,
            rate=Rate(41, 50),
            currency="USD",
            cash_decimals=6,
            terms=DOCUMENT,
            unit_epoch=self.epoch,
        )

    def _cash(self, suite: Suite) -> Any:
        """A cash token with the terms that pay in it."""
        chain, name = suite.chain, suite.chain.name
        key = chain.account(90)
        cash = chain.deploy("CashToken", "Bench dollar", "BUSD", 6, b"USD", key, sender=key)
        rates = [_WITHHELD] + [0] * 15
        terms = (b"USD\0", cash.address, chain.account(91), chain.account(92), rates)
        agent, issuer = (self.network.party(name, role) for role in ("paying_agent", "issuer"))
        suite.engine.propose_pay_terms(terms, *_STATED, sender=agent)
        suite.engine.set_pay_terms(terms, *_STATED, sender=issuer)
        cash.mint(agent, 2**120, sender=key)
        cash.approve(suite.engine, 2**256 - 1, sender=agent)
        # Nobody is paid into an empty account for the first time.
        for account in range(20, 60):
            cash.mint(chain.account(account), 1, sender=key)
        return cash

    def _fund(self, number: int, suite: Suite, record: EventRecord) -> None:
        agent = self.network.party(suite.chain.name, "paying_agent")
        for lane in (_ACCOUNTS, self.lane):
            funded = suite.engine.fund(record.as_tuple(), lane, 2**128 - 1, sender=agent)
            if suite is self.home and lane == _ACCOUNTS:
                self._note(number, "event.fund", funded)

    def _days(self, count: int) -> None:
        for _ in range(count):
            self.rig.advance(_DAY)

    def _domain(self, suite: Suite) -> EngineDomain:
        return EngineDomain(suite.chain.chain_id, str(suite.engine.address))

    def _header(self, suite: Suite, told: Told) -> tuple[Any, ...]:
        isin = self.network.plan.loaded_instrument.isin
        return message_from(self._domain(suite), isin, told).as_tuple()

    def _proof(self, suite: Suite, told: Told) -> bytes:
        isin = self.network.plan.loaded_instrument.isin
        return self._attested(suite, message_from(self._domain(suite), isin, told).id)

    def _attested(self, suite: Suite, signed: bytes) -> bytes:
        return self._signed(suite, signed, MESSAGE_ATTESTORS, MESSAGE_ATTESTATION)

    def _signed(self, suite: Suite, signed: bytes, indices: Sequence[int], attests: str) -> bytes:
        members = [self.home.chain.account(index) for index in indices]
        signers = SignerSet.of(1, 2, (member.address for member in members), attests)
        keys = [member.key for member in members[:2] if member.key is not None]
        return attest(SimpleNamespace(id=signed), signers, self._domain(suite), keys, attests)
