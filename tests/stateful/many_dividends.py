"""Dividends over three ledgers while units, ratios, upgrades and reorganisations go on (INV-6).

Every part of a close is funded, and whoever held units then, or got what was under way, is paid
once and exactly; cash follows what went back. Each step holds every part's units and cash, what is
withheld and what everybody got to the model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tallystick.actions.entitlement import entitlement
from tallystick.bridge.message import DENIED, LaneMessage
from tallystick.chain import Receipt
from tallystick.token.position import business_day
from tests.stateful.many_cut import CutActs
from tests.stateful.many_model import Book, Lane
from tests.stateful.many_owed import ACCOUNTS, LATER_UNITS, Event, Landing
from tests.stateful.many_stage import HOME, LEDGERS, PEOPLE, REMOTES
from tests.stateful.model import Refusal
from tests.support.actions import STATUTORY
from tests.support.world import DAY, UINT_MAX


class DividendActs(CutActs):
    """What is done with cash, and all of a dividend."""

    # ------------------------------------------------------------------------- cash

    def fund(self, isin: str, name: str, coaf: bytes, part: str, *, half: bool = False) -> None:
        """The paying agent pays in for a part, or for half of it."""
        book, side = self.book(isin, name), self.side(isin, name)
        event = book.engine.events.get(coaf)
        record = (event or self.book(isin, HOME).engine.events[coaf]).record
        owed = event.parts.get(part) if event else None
        expected, due = None, 0
        if event is None:
            expected = "events: none, or cancelled"
        elif owed is None:
            expected = "cut: not fixed yet"
        else:
            due = event.gross(owed.fixed) - owed.cash
            expected = "payments: funded already" if owed.is_open else None
        most = due // 2 if half else UINT_MAX
        key = self.key(isin, part)
        receipt = self.act(
            name,
            "fund",
            expected,
            lambda: side.engine.fund(record.as_tuple(), key, most, sender=side.paying_agent),
        )
        if receipt is not None:
            assert event is not None
            assert owed is not None
            if event.behind is None:
                day = record.record_day
                event.behind = record.unit_epoch - self.epoch_on(isin, name, day)
            owed.cash += min(most, due)
            owed.is_open = owed.cash == event.gross(owed.fixed)
            assert receipt.return_value == min(most, due), f"fund on {name}: took something else"
        self.sync(name)

    def units_refusal(self, book: Book, since: int, event: Event) -> Refusal | None:
        """Why units can't be restated here."""
        until = event.record.unit_epoch
        if since > until:
            return "payments: in other units"
        return LATER_UNITS if since != until and until > book.token.epoch else None

    def pay_holder(self, isin: str, name: str, coaf: bytes, who: str, *, own: bool) -> None:
        """A holder claims what it had at the close, or somebody does for it."""
        book, side = self.book(isin, name), self.side(isin, name)
        account, event = self.account(isin, name, who), book.engine.events.get(coaf)
        expected: Refusal | None = "payments: no such event, or off"
        by: int | None = 0
        units = 0
        if event is not None:
            day, today = event.record.record_day, book.token.day
            expected = event.open_refusal(today, own=own)
            view = partial(side.token.entitled_at_close, account)
            by = self.hint(view, day, today)
            held = book.token.holdings[account].closings.get(day, 0)
            if by is None:
                assert not held or event.late, f"{isin} on {name}: {who} at {day} is forgotten"
                self.tell("pay a holder", "forgotten")
                return
            behind = event.behind or 0
            since = event.record.unit_epoch - behind
            units = self.restated(isin, held, since, event.record.unit_epoch)
            expected = expected or self.units_refusal(book, since, event)
            if units == 0:
                expected = expected or "payments: not entitled"
            expected = expected or event.draw_refusal(ACCOUNTS, units, account)
        sender = side.parties[who] if own else side.courier
        receipt = self.act(
            name,
            "pay a holder",
            expected,
            lambda: side.engine.claim(coaf, account, by, sender=sender),
        )
        if receipt is not None:
            assert event is not None
            self.booked(isin, name, event, receipt, account, units)
            event.draw(ACCOUNTS, units, account)
        self.sync(name)

    def booked(
        self, isin: str, name: str, event: Event, receipt: Receipt, account: str, units: int
    ) -> int:
        """Somebody was paid exactly what units are due; what was withheld."""
        assert event.record.rate is not None
        due = entitlement(units, event.record.rate, STATUTORY)
        found, wanted = tuple(receipt.one("Paid").payment), (due.units, due.gross, due.tax)
        assert found == wanted, f"INV-6: {isin} on {name}: {account} is paid {found}, not {wanted}"
        engine = self.book(isin, name).engine
        engine.received[account] += due.net
        engine.tax += due.tax
        return due.tax

    def ended(self, isin: str, name: str, remote: str) -> list[LaneMessage]:
        """The newest that ended at an end of a lane after a close, and one that did not."""
        lanes = self.book(isin, remote if name == HOME else HOME).lanes
        landed = self.book(isin, name).lanes[remote].landed
        sent = [each for each in lanes[remote].sent if not each.kind & DENIED]
        ended = [each for each in sent if each.id in landed and landed[each.id].noted]
        return [*ended[-4:], *(each for each in sent[-1:] if each not in ended)]

    def between(self, book: Book, message: LaneMessage, event: Event, until: int) -> bool:
        """Whether a message was under way at a close, if that was over on a day."""
        left = business_day(message.lock_time, book.close_minute)
        return left <= event.record.record_day < until

    def is_halted(self, book: Book, remote: str, event: Event) -> bool:
        """Whether home waits for what a lane's ledger tells of a close."""
        return book.home and (remote, event.record.record_day) not in book.engine.told

    def landing(self, lane: Lane, message: LaneMessage) -> Landing | None:
        """How a message ended, if that is kept."""
        ended = lane.landed.get(message.id)
        return ended if ended and ended.noted else None

    def sender_for(self, isin: str, name: str, account: str, *, own: bool) -> Any:
        """Whoever an account belongs to, or somebody else."""
        side = self.side(isin, name)
        who = next((w for w in PEOPLE if self.account(isin, name, w) == account), None)
        return side.parties[who] if own and who else side.courier

    def pay_crossed(
        self, isin: str, name: str, remote: str, coaf: bytes, message: LaneMessage, *, own: bool
    ) -> None:
        """Whoever got what was under way at the close claims for it."""
        book, side = self.book(isin, name), self.side(isin, name)
        event, lane = book.engine.events.get(coaf), book.lanes[remote]
        ended, units, account = self.landing(lane, message), 0, ""
        expected: Refusal | None
        if ended is None:
            expected = "payments: landed across no close"
        elif ended.went_back:
            expected = "payments: went back"
        elif event is None:
            expected = "payments: no such event, or off"
        else:
            account = ended.account
            expected = event.open_refusal(book.token.day, own=own)
            if not self.between(book, message, event, ended.day):
                expected = expected or "payments: not between ledgers then"
            expected = expected or self.units_refusal(book, message.action_epoch, event)
            epochs = message.action_epoch, event.record.unit_epoch
            units = self.restated(isin, message.amount, *epochs)
            if self.is_halted(book, remote, event):
                expected = expected or "payments: lane is halted"
            expected = expected or event.draw_refusal(remote, units, message.id)
        sender = self.sender_for(isin, name, account, own=own)
        receipt = self.act(
            name,
            "pay for a message",
            expected,
            lambda: side.engine.claim_crossed(coaf, message.as_tuple(), sender=sender),
        )
        if receipt is not None:
            assert event is not None
            self.booked(isin, name, event, receipt, account, units)
            event.draw(remote, units, message.id)
        self.sync(name)

    def give_up(self, isin: str, name: str, remote: str, coaf: bytes, message: LaneMessage) -> None:
        """What is kept for units that went back is kept no more."""
        book, side = self.book(isin, name), self.side(isin, name)
        event, lane = book.engine.events.get(coaf), book.lanes[remote]
        ended, units = self.landing(lane, message), 0
        expected: Refusal | None
        if event is None:
            expected = "payments: no such event, or off"
        else:
            expected = event.open_refusal(book.token.day, own=True)
            # No play lasts until what landed can be given up.
            if ended is None or not ended.went_back:
                expected = expected or "returned: may be claimed"
            elif not self.between(book, message, event, ended.day):
                expected = expected or "returned: not under way then"
            elif self.is_halted(book, remote, event):
                expected = expected or "returned: lane is halted"
            expected = expected or self.units_refusal(book, message.action_epoch, event)
            epochs = message.action_epoch, event.record.unit_epoch
            units = self.restated(isin, message.amount, *epochs)
            expected = expected or event.draw_refusal(remote, units, message.id)
        receipt = self.act(
            name,
            "give up",
            expected,
            lambda: side.engine.give_up(coaf, message.as_tuple(), sender=side.courier),
        )
        if receipt is not None:
            assert event is not None
            event.draw(remote, units, message.id)
            event.given_up += units
            found = receipt.one("GivenUp").units
            assert found == units, f"INV-6: {isin} on {name}: {found} given up, not {units}"
        self.sync(name)

    def pay_returned(
        self, isin: str, name: str, remote: str, coaf: bytes, message: LaneMessage
    ) -> None:
        """The paying agent pays whom units came back to, with cash that it brings."""
        book, side = self.book(isin, name), self.side(isin, name)
        there = self.book(isin, remote if name == HOME else HOME).lanes[remote]
        answers = (each for each in there.sent if each.sender == message.id)
        answer = next((each for each in answers if not each.kind & DENIED), None)
        if answer is None:
            return
        event, ended = book.engine.events.get(coaf), self.landing(book.lanes[remote], answer)
        expected: Refusal | None
        units = 0
        if ended is None or ended.went_back:
            expected = "payments: did not land here"
        elif event is None:
            expected = "payments: no such event, or off"
        else:
            expected = event.open_refusal(book.token.day, own=False)
            went_back = business_day(answer.lock_time, book.close_minute)
            if not self.between(book, message, event, went_back):
                expected = expected or "returned: not under way then"
            elif self.is_halted(book, remote, event):
                expected = expected or "returned: lane is halted"
            expected = expected or self.units_refusal(book, message.action_epoch, event)
            epochs = message.action_epoch, event.record.unit_epoch
            units = self.restated(isin, message.amount, *epochs)
            if message.id in event.done:
                expected = expected or "payments: paid already"
        what = (message.as_tuple(), answer.nonce, answer.lock_time)
        receipt = self.act(
            name,
            "pay for what came back",
            expected,
            lambda: side.engine.pay_returned(coaf, *what, sender=side.paying_agent),
        )
        if receipt is not None:
            assert event is not None
            assert ended is not None
            tax = self.booked(isin, name, event, receipt, ended.account, units)
            # Passed on at once.
            book.engine.tax -= tax
            event.done.add(message.id)
            event.brought += units
        self.sync(name)

    # ------------------------------------------------------------------- what is so

    def check_book(self, isin: str, name: str) -> None:
        """Paid and owed is what was paid in, of each part (INV-6)."""
        super().check_book(isin, name)
        engine, side = self.book(isin, name).engine, self.side(isin, name)
        if not engine.events:
            return
        where = f"INV-6: {isin} on {name}"
        cash = int(side.cash.balanceOf(side.engine))
        assert cash == engine.cash, f"{where}: the engine has {cash}, not {engine.cash}"
        for account, net in engine.received.items():
            found = int(side.cash.balanceOf(account))
            assert found == net, f"{where}: {account} got {found}, not {net}"
        for coaf, event in engine.events.items():
            for part, owed in event.parts.items():
                told = tuple(side.engine.part_of(coaf, self.key(isin, part)))
                wanted = (owed.is_open, owed.left if owed.is_open else 0, owed.cash)
                assert told == wanted, f"{where}: {part or 'accounts'}: {told}, not {wanted}"
                assert min(owed.left, owed.cash) >= 0, f"{where}: more than there was"

    # ------------------------------------------------------------------- all of it

    def run_dividend(self, isin: str, coaf: bytes, upto: int = 20) -> None:
        """All that is due of an event on every ledger, or the first steps of it."""
        event = self.book(isin, HOME).engine.events[coaf]
        day = event.record.record_day
        rate, steps = event.record.rate, list[Callable[[], None]]()
        wrong = event.record.unit_epoch != self.epoch_on(isin, HOME, day) and not event.is_fixed
        if wrong and rate is not None:
            # Refused, and put right.
            steps.append(partial(self.fix_accounts, isin, coaf))
            steps.append(partial(self.correct_dividend, isin, coaf, rate))
        for name in REMOTES:
            known = self.book(isin, name).engine.events.get(coaf)
            if wrong or known is None or known.record != event.record:
                steps.append(partial(self.tell_dividend, isin, name, coaf))
        for name in REMOTES:
            if (name, day) not in self.book(isin, HOME).engine.told:
                steps.append(partial(self.tell_figures, isin, name, day))
        if not event.is_fixed:
            steps.append(partial(self.fix_accounts, isin, coaf))
        for name in REMOTES:
            if name not in event.totals:
                steps.append(partial(self.bring_over, isin, name, day))
                steps.append(partial(self.fix_lane, isin, name, coaf))
            known = self.book(isin, name).engine.events.get(coaf)
            if known is None or not known.is_fixed:
                steps.append(partial(self.take_totals, isin, name, coaf))
        for step in steps[:upto]:
            step()
        if upto > len(steps):
            self.fund_all(isin, coaf)

    def fund_all(self, isin: str, coaf: bytes) -> None:
        """Every part that is fixed and not funded is."""
        for name in LEDGERS:
            event = self.book(isin, name).engine.events.get(coaf)
            for part, owed in event.parts.items() if event else ():
                if not owed.is_open:
                    self.fund(isin, name, coaf, part)

    def pay_all(self) -> None:
        """Every event is split, funded and paid, as far as its lanes' figures fit."""
        events = [
            (isin, coaf)
            for isin in self.stage.instruments
            for coaf in self.book(isin, HOME).engine.events
        ]
        for isin, coaf in events:
            self.run_dividend(isin, coaf)
        if events:
            for name in LEDGERS:
                self.tick(name, 3 * DAY)
            self.catch_up()
        for isin, coaf in events:
            self.run_dividend(isin, coaf)
            event = self.book(isin, HOME).engine.events[coaf]
            if not event.is_fixed and self.is_too_old(event.record.record_day):
                self.tell("pay all", "too long ago")
                continue
            self.fund_all(isin, coaf)
            for name in LEDGERS:
                for who in PEOPLE:
                    self.pay_holder(isin, name, coaf, who, own=False)
                for remote in REMOTES if name == HOME else (name,):
                    self.pay_lane(isin, name, remote, coaf)
            self.check_paid(isin, coaf)
            self.pay_again(isin, coaf)

    def pay_again(self, isin: str, coaf: bytes) -> None:
        """Nobody is paid twice, nor for what went back or was on an account."""
        for name in LEDGERS:
            self.pay_holder(isin, name, coaf, PEOPLE[0], own=True)
            for remote in REMOTES if name == HOME else (name,):
                for message in self.ended(isin, name, remote):
                    self.pay_crossed(isin, name, remote, coaf, message, own=False)

    def pay_lane(self, isin: str, name: str, remote: str, coaf: bytes) -> None:
        """All for whom something was under way to a ledger, and all of it that came back."""
        day = self.book(isin, HOME).engine.events[coaf].record.record_day
        lane = self.book(isin, name).lanes[remote]
        for message in list(self.crossing(isin, name, remote, day)):
            if (ended := lane.landed.get(message.id)) is None:
                continue
            if ended.went_back:
                self.give_up(isin, name, remote, coaf, message)
                self.pay_returned(isin, remote if name == HOME else HOME, remote, coaf, message)
            else:
                self.pay_crossed(isin, name, remote, coaf, message, own=False)

    def check_paid(self, isin: str, coaf: bytes) -> None:
        """The whole issue at the close is owed for; nothing but remainders is left of a part."""
        home = self.book(isin, HOME)
        event = home.engine.events[coaf]
        day, epoch = event.record.record_day, event.record.unit_epoch
        whole = sum(part.fixed for part in event.parts.values())
        for remote in REMOTES:
            if (share := event.totals.get(remote)) is None:
                # It waits, and what it is owed for is kept back.
                late = self.book(isin, remote).engine.events[coaf].late
                assert late or self.false_at(isin, remote, day), f"INV-6: {isin}: {remote} waits"
                whole += home.lanes[remote].closings[day].held
            else:
                whole += share.accounts + share.crossing
        issue = home.token.supplies[day]
        assert whole == issue, f"INV-6: {isin}: {whole} of {issue} are owed for"
        moved = [0, 0]
        for name in LEDGERS:
            if (here := self.book(isin, name).engine.events.get(coaf)) is None:
                continue
            moved = [moved[0] + here.given_up, moved[1] + here.brought]
            for part, owed in here.parts.items():
                remote = part or name
                if here.late or (remote != HOME and self.false_at(isin, remote, day)):
                    continue
                most = self.most_rounded(isin, remote, epoch)
                assert owed.left <= most, f"INV-6: {isin} on {name}: {part}: {owed.left} are left"
        there = [self.book(isin, name).engine.events.get(coaf) for name in REMOTES]
        false = any(self.false_at(isin, remote, day) for remote in REMOTES)
        if all(each and not each.late for each in there) and not false:
            assert moved[0] == moved[1], f"INV-6: {isin}: {moved[0]} given up, {moved[1]} brought"
        self.tell("pay all", None)
