"""What a ratio's record gives for fractions: opened on each ledger, and claimed there for all.

Units, and cash in lieu, come from what the fractions' agent lets the engine have; a claim that
finds too little is refused with the token's reason, and done when this is run again. What is bought
its holder alone buys. What rounding left of accounts is credited to the agent as they are touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from fractions import Fraction
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.fractions import Treatment, treat
from tallystick.actions.message import RatioState
from tallystick.actions.record import GIVEN, EventRecord, Rounding
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import RETURNED, LaneMessage, party_address
from tallystick.chain import Revert
from tallystick.errors import InputError
from tallystick.events.acts import ANYONE, Step
from tallystick.events.ratios import Ratios
from tallystick.text import hex_text, units_text
from tallystick.token.position import date_of
from tallystick.token.ratios import Ratio

__all__ = ["Fractions", "Given", "OfRecord", "Rests"]

_NOTHING: Final = "nothing is given beyond whole units"
_ISSUED: Final = "issued at home within what the notary authorised, and sent by the lane"
_BUYS: Final = "its holder may buy what lacks (tallystick event claim)"
_PAY: Final = "not opened yet: pay"
# What a ledger waits for before claims are open there, and what else is to be done first.
_NOT_YET: Final = {
    "fractions: no ratio in force": "the ratio has not begun here",
    "fractions: no price in force": "its price, an event file of its own, is not known here",
}
_FIRST: Final = {
    "fractions: no cash of that currency and decimals": "set in what cash (tallystick event terms)",
}


@dataclass(frozen=True, slots=True)
class OfRecord:
    """An amount in old units that is of record on a ledger: an account's, or a message's.

    Of units that came back, `answer` is the message that took them; `hint` tells an account's
    close, and `refused` why the token can't tell it.
    """

    holder: str
    amount: int
    hint: int = 0
    message: LaneMessage | None = None
    answer: LaneMessage | None = None
    refused: str = ""

    @property
    def key(self) -> str | bytes:
        """What is given once: for the message, or else the account."""
        return self.message.id if self.message else self.holder


@dataclass(frozen=True, slots=True)
class Given:
    """For how many fractions, base units and cash to their holders, and cash from them."""

    count: int = 0
    units: int = 0
    paid: int = 0
    bought: int = 0

    def __add__(self, more: Given) -> Given:
        return Given(*(x + y for x, y in zip(astuple(self), astuple(more), strict=True)))

    @classmethod
    def of(cls, due: Treatment) -> Given:
        """What one is given."""
        return cls(1, due.extra, max(due.cash, 0), max(-due.cash, 0))

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        amounts = {name: str(getattr(self, name)) for name in ("units", "paid", "bought")}
        return {"fractions": self.count, **amounts}


@dataclass(frozen=True, slots=True)
class Rests:
    """What a ratio that has begun left on a ledger, beyond whole units.

    Attributes:
        code: what becomes of it, of ISO 15022.
        closed: why claims are not open; nothing: they are, or there are none to come.
        price: at which fractions are paid for there; None: they are not, or not yet.
        given: what was.
        left: what is due still.
        agent: the fractions' agent; what of its units and cash the engine may have.
        credited: base units, of accounts, that the agent was credited.
        to_credit: those that it could be now.
        of_messages: what messages that were under way left on their lanes, in new base units.
    """

    code: str
    closed: str
    price: EventRecord | None
    given: Given
    left: Given
    agent: str
    units: int
    cash: int
    credited: int
    to_credit: int
    of_messages: Fraction

    @property
    def lacking(self) -> tuple[int, int]:
        """Units and cash that the agent lets the engine have too little of."""
        return max(self.left.units - self.units, 0), max(self.left.paid - self.cash, 0)

    def waits(self, today: int) -> Iterator[str]:
        """Yield what fractions wait for on a business day."""
        if self.closed:
            yield f"fractions: {self.closed}"
        elif self.left.count:
            if self.price is not None and today < self.price.payment_day:
                yield f"the payment day of fractions, {date_of(self.price.payment_day)}"
            else:
                buys = self.code == Rounding.BOUGHT_UP.code
                yield "fractions that their holders may buy: claim" if buys else "fractions: pay"
            if any(self.lacking):
                yield "what the fractions' agent has to allow: fund"
        if self.to_credit:
            yield "what rounding left of accounts, for the fractions' agent: pay"

    def lines(self, decimals: int) -> Iterator[str]:
        """Yield it for people, of an instrument of so many decimals."""

        def said(given: Given) -> str:
            words = [f"{units_text(given.units, decimals)} units"] if given.units else []
            for amount, how in ((given.paid, ""), (given.bought, " from holders")):
                words += [f"{self.cash_text(amount)}{how}"] if amount else []
            return f"{given.count} ({', '.join(words)})" if words else str(given.count)

        if self.code in {rounding.code for rounding in GIVEN}:
            closed = f"; {self.closed}" if self.closed else ""
            yield f"fractions {self.code}: {said(self.given)} given, {said(self.left)} open{closed}"
            if self.code == Rounding.CASH.code:
                has, lacks = self.cash_text(self.cash), self.cash_text(self.lacking[1])
            else:
                has, lacks = (
                    f"{units_text(n, decimals)} units" for n in (self.units, self.lacking[0])
                )
            short = f", {lacks} too little: fund" if any(self.lacking) else ""
            yield f"their agent {self.agent} allows {has or 'nothing yet'}{short}"
        dust = self.of_messages
        part = f" and {dust % 1} of the smallest" if dust % 1 else ""
        yield (
            f"left of accounts, for the agent: {units_text(self.credited, decimals)} units "
            f"credited, {units_text(self.to_credit, decimals)} to credit; "
            f"of messages, dust of their lanes: {units_text(int(dust), decimals)} units{part}"
        )

    def cash_text(self, amount: int) -> str:
        """Return an amount of the price's cash for people; nothing: there is no price."""
        price = self.price
        return f"{units_text(amount, price.cash_decimals)} {price.currency}" if price else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        units, cash = self.lacking
        return {
            "code": self.code,
            "closed": self.closed or None,
            "price": self.price.coaf if self.price else None,
            "given": self.given.as_dict(),
            "open": self.left.as_dict(),
            "agent": self.agent,
            "allowed": {"units": str(self.units), "cash": str(self.cash)},
            "lacking": {"units": str(units), "cash": str(cash)},
            "credited": str(self.credited),
            "to_credit": str(self.to_credit),
            "of_messages": str(self.of_messages),
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
            state, why = self._closed(ledger)
            if why:
                yield Step(ledger, "open_fractions", state, f"{code.code}: {why}")
                return
            yield self._do(ledger, engine.open_fractions, (self.coaf,), code.code)
            if not engine.fraction_code(self.coaf):
                return
        price = self.price(ledger)
        buys, given = bool(account), set(self._given(ledger))
        for of in self.of_record(ledger, account):
            act = "claim_crossed_fraction" if of.message else "claim_fraction"
            what = f"{of.holder}: message {hex_text(of.message.id)[:10]}…" if of.message else ""
            what = what or of.holder
            if of.refused:
                yield Step(ledger, act, "refused", f"{of.holder}: {of.refused}")
            elif of.key in given or not self._is_due(of.amount, price):
                continue
            elif price is not None and self.engines.today(ledger) < price.payment_day:
                until = date_of(price.payment_day)
                yield Step(ledger, act, "waiting", f"{what}: the payment day, {until}")
            elif code is Rounding.BOUGHT_UP and not buys:
                yield Step(ledger, act, "waiting", f"{what}: {_BUYS}")
            elif of.message is None:
                arguments: tuple[Any, ...] = (self.coaf, of.holder, of.hint)
                yield self._do(ledger, engine.claim_fraction, arguments, what, role=role)
            else:
                back = (of.answer.nonce, of.answer.lock_time) if of.answer else (0, 0)
                arguments = (self.coaf, of.message.as_tuple(), *back)
                yield self._do(ledger, engine.claim_crossed_fraction, arguments, what, role=role)

    def _closed(self, ledger: str) -> tuple[str, str]:
        """Why claims can't be opened on a ledger: what a step is then, and the words."""
        try:
            engine = self._engine(ledger)
            engine.open_fractions.call(self.coaf, sender=str(engine.address))
        except Revert as revert:
            reason = revert.reason or ""
            if reason in _NOT_YET:
                return "waiting", _NOT_YET[reason]
            return "refused", ": ".join(filter(None, (str(revert), _FIRST.get(reason))))
        return "pending", ""

    def credit_remainders(self, ledger: str) -> Iterator[Step]:
        """What rounding left of accounts that were touched goes to the fractions' agent."""
        epoch, _, to_credit = self._remainders(ledger)
        if to_credit:
            decimals = self.connection.manifest.instrument.decimals
            act = self.connection.token(ledger).credit_remainders
            yield self._do(ledger, act, (epoch,), f"{units_text(to_credit, decimals)} units")

    def _remainders(self, ledger: str) -> tuple[int, int, int]:
        """The epoch that the ratio began on a ledger; base units credited, and to be."""
        armed, token = self._engine(ledger).armed_ratio(self.coaf), self.connection.token(ledger)
        if armed.state != RatioState.IN_FORCE:
            return 0, 0, 0
        epoch, ratio = int(armed.epoch), token.ratio_at(armed.epoch)
        word = epoch.to_bytes(32, "big")
        logged = self.engines.events(ledger, token, "RemaindersCredited", word)
        left = max(int(ratio.remainders) - int(ratio.supply_remainder), 0)
        return epoch, sum(int(each.units) for each in logged), left // int(ratio.denominator)

    def fund_fractions(self, ledger: str) -> Iterator[Step]:
        """Have the engine allowed what is due of the fractions' agent: units, or cash in lieu.

        What it has too little of is said.
        """
        rests, code = self.rests(ledger), self.record.rounding.code
        if rests is None or not rests.left.count:
            yield Step(ledger, "approve", "done", f"{code}: nothing is due")
        elif rests.closed:
            yield Step(ledger, "approve", "waiting", f"{code}: {rests.closed}")
        elif not any(rests.lacking):
            yield Step(ledger, "approve", "done", f"{code}: as much as is due")
        else:
            try:
                keyed = self.sender(ledger, rests.agent).address == rests.agent
            except InputError:
                keyed = False
            if keyed:
                yield from self._agent_ready(ledger, rests)
                return
            key = f"the fractions' agent's key, {rests.agent}: run the same with it"
            yield Step(ledger, "approve", "waiting", f"{code}: {key}")

    def _agent_ready(self, ledger: str, rests: Rests) -> Iterator[Step]:
        if rests.left.paid:
            cash = self.engines.chain(ledger).at("CashToken", self.opened_with(ledger))
            yield from self._cash_ready(
                ledger, cash, rests.left.paid, rests.agent, rests.cash_text, "paying_agent"
            )
            return
        token, units = self.connection.token(ledger), rests.left.units
        decimals = self.connection.manifest.instrument.decimals
        short = units - int(token.balanceOf(rests.agent))
        if short > 0:
            what = f"{units_text(short, decimals)} units that the agent has not: {_ISSUED}"
            yield Step(ledger, "mint", "waiting", what)
        if int(token.allowance(rests.agent, self._engine(ledger))) < units:
            spender, what = (self._engine(ledger), units), f"{units_text(units, decimals)} units"
            yield self._sent(ledger, token.approve, spender, what, rests.agent)

    # ------------------------------------------------------------------------ of record

    def rests(self, ledger: str) -> Rests | None:
        """Return what the ratio left on a ledger, and what became of it.

        None: it leaves nothing, or has not begun there.
        """
        epoch, credited, to_credit = self._remainders(ledger)
        if not epoch or self._ratio().denominator == 1:
            return None
        engine, code, price = self._engine(ledger), self.record.rounding, self.price(ledger)
        closed, given, left, dust = "", self._given(ledger), Given(), Fraction(0)
        if code in GIVEN and not engine.fraction_code(self.coaf):
            closed = self._closed(ledger)[1] or _PAY
        for of in self.of_record(ledger, messages_alone=code not in GIVEN):
            due = self._due(of.amount, price)
            if of.message:
                dust += Fraction(due.rest, self._ratio().denominator)
            if code in GIVEN and of.key not in given and self._is_due(of.amount, price):
                left += Given.of(due)
        agent, token = str(engine.fractions_agent()), self.connection.token(ledger)
        cash = self.opened_with(ledger)
        return Rests(
            code=code.code,
            closed=closed,
            price=price,
            given=sum(given.values(), Given()),
            left=left,
            agent=agent,
            units=self._allowed(ledger, str(token.address), agent),
            cash=self._allowed(ledger, cash, agent) if int(cash or "0", 16) else 0,
            credited=credited,
            to_credit=to_credit,
            of_messages=dust,
        )

    def _allowed(self, ledger: str, token: str, agent: str) -> int:
        """What of an agent's its engine may have."""
        found, engine = self.engines.chain(ledger).at("CashToken", token), self._engine(ledger)
        return min(int(found.balanceOf(agent)), int(found.allowance(agent, engine)))

    def _opened(self, ledger: str) -> Any:
        """What a ledger's engine logged as claims were opened; None: they were not."""
        logged = self.engines.events(ledger, self._engine(ledger), "FractionsOpened", self.coaf)
        return next(logged, None)

    def opened_with(self, ledger: str) -> str:
        """Return the cash in which fractions are paid for there; nothing: not opened yet."""
        logged = self._opened(ledger)
        return str(logged.cash) if logged is not None else ""

    def _given(self, ledger: str) -> dict[str | bytes, Given]:
        """What a ledger's engine has given, by `OfRecord.key`."""
        found: dict[str | bytes, Given] = {}
        for each in self.engines.events(ledger, self._engine(ledger), "FractionGiven", self.coaf):
            message, given = bytes(each.message_id), each.given
            key = message if any(message) else str(each.account)
            found[key] = Given(1, int(given.units), int(given.paid), int(given.bought))
        return found

    def price(self, ledger: str) -> EventRecord | None:
        """Return the record of the price at which fractions were opened on a ledger."""
        logged = self._opened(ledger)
        coaf = bytes(logged.price) if logged is not None else bytes(32)
        if not any(coaf):
            return None
        in_force = bytes(self._engine(ledger).event_of(coaf).in_force)
        return self.engines.versions(coaf)[in_force].record

    def _ratio(self) -> Ratio:
        """New units for old ones."""
        rate = self.record.change or Rate(1)
        return Ratio(rate.numerator, rate.denominator, self.record.record_day + 1)

    def _due(self, amount: int, price: EventRecord | None) -> Treatment:
        """What an amount of record is given; without its price, no cash."""
        rate = price.rate if price is not None else None
        return treat(self.record.rounding.code, amount, self._ratio(), rate or Rate(0))

    def _is_due(self, amount: int, price: EventRecord | None) -> bool:
        """Whether anything is given for it, or may be once there is a price."""
        due = self._due(amount, price)
        unknown = self.record.rounding is Rounding.CASH and price is None
        return bool(due.extra or due.cash or (unknown and due.rest))

    def of_record(
        self, ledger: str, account: str = "", *, messages_alone: bool = False
    ) -> Iterator[OfRecord]:
        """Yield what is of record on a ledger, of everybody or of one holder.

        Accounts with what they held at its last close in old units, and what left in old units and
        landed there in new ones.
        """
        day = int(self._engine(ledger).armed_ratio(self.coaf).first_day) - 1
        for holder in () if messages_alone else self.engines.holders(ledger, day):
            if account not in ("", holder):
                continue
            try:
                amount, hint = self.engines.entitled(ledger, holder, day)
            except Revert as revert:
                yield OfRecord(holder, 0, refused=str(revert))
                continue
            if amount:
                yield OfRecord(holder, amount, hint)
        for message, answer, holder in self._crossed(ledger, day):
            if account in ("", holder):
                yield OfRecord(holder, self._of_message(message), message=message, answer=answer)

    def _of_message(self, message: LaneMessage) -> int:
        """What left, in units of the record."""
        if message.action_epoch == self.record.unit_epoch:
            return message.amount
        token = self.connection.token(self.engines.home)
        return int(token.carried(message.amount, message.action_epoch, self.record.unit_epoch))

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
