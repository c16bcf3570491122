"""What a ratio's record gives for fractions: opened on each ledger, and claimed there for all.

Units, and cash in lieu, come from what the fractions' agent lets the engine have; a claim that
finds too little is refused with the token's reason, and done when this is run again. What is bought
its holder alone buys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tallystick.actions.record import GIVEN, Rounding
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import RETURNED, LaneMessage, party_address
from tallystick.chain import Revert
from tallystick.events.acts import ANYONE, Step
from tallystick.events.ratios import Ratios
from tallystick.text import hex_text

__all__ = ["Fractions"]

_NOTHING: Final = "nothing is given beyond whole units"
_BUYS: Final = "its holder may buy what lacks (tallystick event claim)"
# What a ledger waits for before claims are open there, and what else is to be done first.
_NOT_YET: Final = {
    "fractions: no ratio in force": "the ratio has not begun here",
    "fractions: no price in force": "its price, an event file of its own, is not known here",
}
_FIRST: Final = {
    "fractions: no cash of that currency and decimals": "set in what cash (tallystick event terms)",
}


class Fractions(Ratios):
    """Gives what is left of an event's fractions; see `Announcer`."""

    def fractions(self, ledger: str = "", account: str = "", role: str = ANYONE) -> Iterator[Step]:
        """Open claims and claim for everybody, or on one ledger for one holder, who buys too."""
        for each in self.engines.ledgers:
            if ledger in ("", each):
                yield from self._fractions(each, account, role)

    def _fractions(self, ledger: str, account: str, role: str) -> Iterator[Step]:
        engine, code = self._engine(ledger), self.record.rounding
        if code not in GIVEN:
            yield Step(ledger, "open_fractions", "done", f"{code.code}: {_NOTHING}")
            return
        if not engine.fraction_code(self.coaf):
            opened = self._do(ledger, engine.open_fractions, (self.coaf,), code.code)
            what, _, why = opened.detail.rpartition(": reverted: ")
            if why in _NOT_YET:
                opened = Step(ledger, opened.act, "waiting", f"{what}: {_NOT_YET[why]}")
            elif why in _FIRST:
                opened = replace(opened, detail=f"{opened.detail}: {_FIRST[why]}")
            yield opened
            if not engine.fraction_code(self.coaf):
                return
        day = int(engine.armed_ratio(self.coaf).first_day) - 1
        for holder in self.engines.holders(ledger, day):
            if account in ("", holder):
                yield from self._of_account(ledger, holder, day, role, buys=bool(account))
        for message, answer, holder in self._crossed(ledger, day):
            if account in ("", holder):
                yield from self._of_message(ledger, message, answer, holder, role, bool(account))

    def _of_account(
        self, ledger: str, holder: str, day: int, role: str, *, buys: bool
    ) -> Iterator[Step]:
        engine, act = self._engine(ledger), "claim_fraction"
        try:
            _, hint = self.engines.entitled(ledger, holder, day)
            given, done = engine.fraction_of(self.coaf, holder, hint)
        except Revert as revert:
            yield Step(ledger, act, "refused", f"{holder}: {revert}")
            return
        if done or not (given.units or given.paid):
            return
        if given.bought and not buys:
            yield Step(ledger, act, "waiting", f"{holder}: {_BUYS}")
        else:
            yield self._do(
                ledger, engine.claim_fraction, (self.coaf, holder, hint), holder, role=role
            )

    def _of_message(
        self,
        ledger: str,
        message: LaneMessage,
        answer: LaneMessage | None,
        holder: str,
        role: str,
        buys: bool,
    ) -> Iterator[Step]:
        engine, act = self._engine(ledger), "claim_crossed_fraction"
        what = f"{holder}: message {hex_text(message.id)[:10]}…"
        lane, kind = message.lane, int(message.kind)
        if engine.is_crossing_paid(self.coaf, lane, kind, message.nonce) or not self._due(message):
            return
        if self.record.rounding is Rounding.BOUGHT_UP and not buys:
            yield Step(ledger, act, "waiting", f"{what}: {_BUYS}")
            return
        back: tuple[Any, Any] = (answer.nonce, answer.lock_time) if answer else (0, 0)
        arguments = (self.coaf, message.as_tuple(), *back)
        yield self._do(ledger, engine.claim_crossed_fraction, arguments, what, role=role)

    def _due(self, message: LaneMessage) -> bool:
        """Whether something is given for what left, as far as the amount tells."""
        rate = self.record.rate
        if rate is None:
            return False
        amount = message.amount
        if message.action_epoch != self.record.unit_epoch:
            token = self.connection.token(self.engines.home)
            amount = int(token.carried(amount, message.action_epoch, self.record.unit_epoch))
        rest = amount * rate.numerator % rate.denominator
        half = self.record.rounding is not Rounding.NEAREST or 2 * rest >= rate.denominator
        return rest > 0 and half

    def _crossed(
        self, ledger: str, day: int
    ) -> Iterator[tuple[LaneMessage, LaneMessage | None, str]]:
        """Yield what left in old units and landed there in new ones, and with whom.

        Of what came back, with the message that took it.
        """
        escrow, today = self.connection.escrow(ledger), self.engines.today(ledger)
        for _, message in self.engines.crossing(ledger, today):
            landing = Landing.unpack(int(escrow.landed(message.id)))
            first = not message.kind & RETURNED and message.action_epoch <= self.record.unit_epoch
            landed = landing is not None and landing.day > day
            if first and landed and landing is not None and landing.how is not Landed.WENT_BACK:
                yield message, None, landing.payee or party_address(message.recipient)
        for message, answer in self._came_back(ledger):
            landing = Landing.unpack(int(escrow.landed(answer.id)))
            if landing is not None and landing.day > day:
                yield message, answer, landing.payee or party_address(answer.recipient)

    def _came_back(self, ledger: str) -> Iterator[tuple[LaneMessage, LaneMessage]]:
        """Yield what left a ledger in old units and went back, with what took it there."""
        for lane_id, answer in self.engines.crossing(ledger, self.engines.today(ledger)):
            if not answer.kind & RETURNED:
                continue
            for message in self.engines.sent(ledger, lane_id):
                if message.id == answer.origin and message.action_epoch <= self.record.unit_epoch:
                    yield message, answer
