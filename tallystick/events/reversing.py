"""An event taken back once payment has begun: reversed, entered as owed, repaid."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from tallystick.actions.codes import REVERSAL
from tallystick.actions.message import EventVersion, Reversal
from tallystick.bridge.message import LaneMessage, MessageId, party
from tallystick.events.acts import ANYONE, Step
from tallystick.events.driver import Driver
from tallystick.events.standing import Payment, payments_on

__all__ = ["Reverser"]

_NOT_REVERSED: Final = "the event is not reversed there"


class Reverser(Driver):
    """A driver that takes its event back as well; see `Driver`."""

    def reversal(self, reason: str, document: bytes) -> Reversal:
        """Return the reversal of the version in hand.

        Args:
            reason: a code of `tallystick.actions.codes.REVERSAL`.
            document: hash of what orders it.
        """
        version, set_off = EventVersion(self.record).id, int(self.record.set_off)
        return Reversal(self.coaf, version, reason.encode(), set_off, document)

    def is_reversal_announced(self, reversal: Reversal) -> bool:
        """Whether it is the one that home announced last."""
        known = self._engine(self.engines.home).reversal_of(self.coaf)
        return bytes(known.id) == reversal.id

    def reverse(self, reversal: Reversal, attestation: bytes = b"") -> Iterator[Step]:
        """The issuer announces, event attestors confirm; then who was paid owes it.

        Args:
            reversal: what is announced, and confirmed if exactly that was.
            attestation: what event attestors signed of it; by default with their keys, if those
                are here.
        """
        home, code = self.engines.home, reversal.reason.decode()
        engine, what = self._engine(home), f"{code}, {REVERSAL[code]}"
        in_force = bool(self._reversed(home))
        if self.is_reversal_announced(reversal):
            announced = Step(home, "announce_reversal", "done", what)
        elif in_force:
            why = "reversed already, for another reason or by another document"
            yield Step(home, "announce_reversal", "refused", f"{what}: {why}")
            return
        else:
            words = (self.record.as_tuple(), reversal.reason, reversal.document)
            announced = self._by(home, "issuer", "announce_reversal", words, what)
        yield announced
        if in_force:
            yield Step(home, "confirm_reversal", "done", what)
        elif announced.state == "pending":
            # A call would miss the announcement that was not made.
            yield Step(home, "confirm_reversal", "pending", what)
        elif announced.state in {"waiting", "refused"}:
            why = "announce_reversal comes first"
            yield Step(home, "confirm_reversal", "waiting", f"{what}: {why}")
        else:
            missing = ""
            if not attestation:
                attestors, domain = self.event_signers(), self.engines.domain(home)
                attestation, missing = self._signed("event-attestor", attestors, reversal, domain)
            if missing:
                yield Step(home, "confirm_reversal", "waiting", f"{what}: {missing}")
            else:
                arguments = (reversal.as_tuple(), attestation)
                yield self._do(home, engine.confirm_reversal, arguments, what)
        if self._reversed(home):
            for ledger in self.engines.ledgers:
                yield from self._assess_all(ledger)

    def _assess_all(self, ledger: str) -> Iterator[Step]:
        """Enter every payment of a ledger as owed, if the event is reversed there."""
        if not self._reversed(ledger):
            yield Step(ledger, "take_reversal", "waiting", "home's reversal: carry")
            return
        engine, payments = self._engine(ledger), payments_on(self, ledger)
        left = [each for each in payments if not engine.receivable_of(self.coaf, each.key)[0]]
        if not left:
            why = "every payment is owed" if payments else "nobody was paid"
            yield Step(ledger, "assess", "done", why)
            return
        day = self.record.record_day
        crossed: dict[bytes, LaneMessage] = {
            message.id: message for _, message in self.engines.crossing(ledger, day)
        }
        back = {each.id: (each, answer) for each, answer in self.engines.returns(ledger, day)}
        pools = dict(self.engines.pools(ledger, day))
        for payment in left:
            what = f"{payment.account}: {self._cash(payment.paid.net)}"
            if payment.message_id in back:
                gone, answer = back[MessageId(payment.message_id)]
                words = (self.coaf, gone.as_tuple(), answer.nonce, answer.lock_time)
                yield self._do(ledger, engine.assess_returned, words, what)
            elif payment.message_id:
                message = crossed[payment.message_id].as_tuple()
                yield self._do(ledger, engine.assess_crossed, (self.coaf, message), what)
            else:
                act = partial(self._assess, ledger, payment, pools.get(payment.account), what)
                yield self._tried(ledger, "assess", act, payment.account)

    def _assess(self, ledger: str, payment: Payment, hint: int | None, what: str) -> Step:
        if hint is None:
            _, hint = self._entitled(ledger, payment.account)
        arguments = (self.coaf, payment.account, hint)
        return self._do(ledger, self._engine(ledger).assess, arguments, what)

    def repay(self, ledger: str, account: str, most: int | None = None) -> Iterator[Step]:
        """Pay what an account owes in the event's cash, or a part of it; whoever sends pays.

        Args:
            ledger: where it was paid.
            account: its address.
            most: smallest units; what it owes when left out, and never more.
        """
        if not self._reversed(ledger):
            yield Step(ledger, "repay", "waiting", _NOT_REVERSED)
            return
        engine, key = self._engine(ledger), party(account)
        entered = self.engines.events(ledger, engine, "ReceivableAssessed", self.coaf, key)
        cashes = {str(event.cash) for event in entered}
        if not cashes:
            why = "nothing was entered as owed (tallystick event reverse)"
            yield Step(ledger, "repay", "done", f"{account}: {why}")
            return
        # The terms of an event name one.
        cash = self.engines.chain(ledger).at("CashToken", cashes.pop())
        owed = int(engine.owed_by(account, cash)[0])
        amount = owed if most is None else min(owed, most)
        if not amount:
            yield Step(ledger, "repay", "done", f"{account}: it owes nothing")
            return
        what = f"{account}: {self._cash(amount)} of {self._cash(owed)}"
        yield from self._cash_ready(ledger, cash, amount, ANYONE, self._cash)
        if self.execute:
            yield self._do(ledger, engine.repay, (self.coaf, account, amount), what)
        else:
            # A call would miss the allowance that was not given.
            yield Step(ledger, "repay", "pending", what)
