"""The gas of a ratio over both ledgers, and of the dividend after it.

Units are under way over the ratio, over which home carries the lane. Of a second ratio the remote
ledger hears nothing, so that home restates a close of which it tells. The dividend is the second
one of the suite, as the one that is measured without a ratio.
"""

from __future__ import annotations

from typing import Final

from benchmarks.actions import Dividends
from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY
from tallystick.actions.entitlement import Rate
from tallystick.actions.message import (
    EVENT_ATTESTATION,
    Entered,
    EventVersion,
    Ratio,
    RatioState,
)
from tallystick.actions.record import EventRecord
from tallystick.chain import Account
from tallystick.local.network import EVENT_ATTESTORS

__all__ = ["OverRatio"]

_STATED: Final = (REASON, DOCUMENT)
_RATE: Final = Rate(3, 2)
# Of the dividend, what a ratio before it may change.
_AFTER: Final = ("event.fix", "event.fix_lane", "event.fix_with_one_lane", "event.take_totals")
_SUFFIX: Final = ".after_ratio"


class OverRatio(Dividends):
    """A dividend, a ratio, a dividend in new units; and a ratio that one ledger does not know."""

    def run(self) -> dict[str, int]:
        """Carry all out and return the gas by operation."""
        one, guest = self._begin()
        self._agents()
        self._event(1, one, guest)
        of_ratio = self._ratio(one, guest)
        self.epoch, self.suffix = 1, _SUFFIX
        self._declare(2, one, guest)
        after = {f"{name}{_SUFFIX}": self.gas[f"{name}{_SUFFIX}"] for name in _AFTER}
        return of_ratio | after | {"ratio.carry_close": self._late(one, guest)}

    def _agents(self) -> None:
        """Somebody is credited what rounding leaves, on either ledger."""
        for suite in (self.home, self.remote):
            name, agent = suite.chain.name, suite.chain.account(93)
            self.network.admit(suite, agent, UNTIL_DAY)
            operator = self.network.party(name, "operator")
            suite.engine.propose_fractions_agent(agent, *_STATED, sender=operator)
        self._days(1)
        for suite in (self.home, self.remote):
            agent = suite.chain.account(93)
            administrator, _ = self.network.administrators(suite.chain.name)
            suite.engine.set_fractions_agent(agent, *_STATED, sender=administrator)

    def _armed(self, number: int, one: Account) -> tuple[EventRecord, int]:
        """A ratio is in force as a record, and armed at home: with which gas."""
        engine, day = self.home.engine, int(self.home.token.business_day())
        record = EventRecord(
            isin=self.network.plan.loaded_instrument.isin,
            corp=f"BENCH-{number}",
            coaf=f"BENCH-SPLF-{number}",
            caev="SPLF",
            camv="MAND",
            announced=day,
            record_day=day + 4,
            rate=_RATE,
            terms=DOCUMENT,
            unit_epoch=number - 1,
        )
        words = record.as_tuple()
        engine.announce(words, 1, *_STATED, sender=self.network.party("home", "issuer"))
        signed = EventVersion(record).id
        proof = self._signed(self.home, signed, EVENT_ATTESTORS, EVENT_ATTESTATION)
        engine.confirm(words, proof, sender=one)
        return record, int(engine.arm(words, sender=one).gas_used)

    def _ratio(self, one: Account, guest: Account) -> dict[str, int]:
        """Armed on both ledgers, in force, told so, the lane carried."""
        record, armed = self._armed(1, one)
        home, remote, gas = self.home.engine, self.remote.engine, {"ratio.arm": armed}
        version, first = EventVersion(record), record.record_day + 1
        proof = self._proof(self.home, version)
        remote.take_record(
            self._header(self.home, version), record.as_tuple(), 1, proof, sender=guest
        )
        parts = (record.as_tuple()[2], 1)
        numbers = (1, _RATE.numerator, _RATE.denominator, first)
        told = Ratio(*parts, RatioState.PENDING, *numbers)
        told_by = (self._header(self.home, told), told.as_tuple(), self._proof(self.home, told))
        gas["ratio.take"] = remote.take_ratio(*told_by, sender=guest).gas_used
        self._days(record.record_day - int(self.home.token.business_day()))
        out = self.network.lock(one, guest, AMOUNT)
        back = self.network.burn(guest, one, AMOUNT)
        self._days(1)
        remote.tell_ratio(parts[0], sender=guest)
        entered = Entered(*parts, RatioState.IN_FORCE, *numbers)
        told_by = (self._header(self.remote, entered), entered.as_tuple())
        proof = self._proof(self.remote, entered)
        gas["ratio.take_entered"] = home.take_entered(*told_by, proof, sender=one).gas_used
        self._figures(record.record_day, 0, one, guest)
        carried = home.carry_lane(self.lane, 1, (0, 0, 0), sender=one)
        gas["ratio.carry_lane"] = carried.gas_used
        for message in (out, back):
            self.network.deliver(message)
        return gas

    def _late(self, one: Account, guest: Account) -> int:
        """Home is in one more, which the remote ledger does not know; a close of that day."""
        record, _ = self._armed(2, one)
        day = record.record_day + 1
        self._days(day + 1 - int(self.home.token.business_day()))
        self._figures(day, 1, one, guest)
        hints = (0, 0, 0)
        receipt = self.home.engine.carry_close(self.lane, day, 2, hints, sender=one)
        return int(receipt.gas_used)
