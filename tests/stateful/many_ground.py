"""Acts on three ledgers with two instruments, each judged by the model before it is sent.

An act is of one instrument and changes one ledger; after it all that both instruments have there is
as the model says, so that no lane and no instrument reaches another's. A fork is a ledger's blocks
that are not final: attestors sign nothing of them, and a reorganisation undoes them, past a close.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from hypothesis import note

from tallystick.bridge.message import LaneMessage
from tallystick.chain import Receipt, Revert
from tallystick.chain.receipt import Snapshot
from tallystick.token.position import close_of
from tests.stateful.machine import refusal_of
from tests.stateful.many_model import Book, Instrument, Ledger
from tests.stateful.many_stage import (
    HOME,
    LEDGERS,
    REMOTES,
    Stage,
)
from tests.stateful.model import Refusal
from tests.support.world import Side

# Why a close is not answered by a hint.
UNANSWERED = ("book: not kept, or give a hint", "book: hint is no later opening")


class Ground:
    """Ledgers and model; a difference is an AssertionError."""

    outcomes: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        for name, taken in stage.snapshots.items():
            stage.chains[name].restore(taken)
        self.ledgers: dict[str, Ledger] = copy.deepcopy(stage.model)
        self.forks: dict[str, tuple[Snapshot, Ledger]] = {}
        # By ledger: false messages for it that are not denied.
        self.lies: dict[bytes, LaneMessage] = {}
        self.told = 0
        # Lanes that have ended: what their lists don't name nobody is owed.
        self.wound_up: set[bytes] = set()
        # Ledgers on which something was done, and those of which the clock may have moved alone.
        self.acted, self.touched = set(LEDGERS), set(LEDGERS)
        # Instruments on ledgers that a ratio has changed since their closes were asked.
        self.changed: set[tuple[str, str]] = set()
        self.records: dict[tuple[str, int], Any] = {}
        # By ledger: what was stored there when a book was last looked at, and its day.
        self.looked: dict[str, tuple[dict[Any, int], list[int]]] = {}

    # ---------------------------------------------------------------------- plumbing

    def side(self, isin: str, name: str) -> Side:
        return self.stage.side_of[isin, name]

    def book(self, isin: str, name: str) -> Book:
        return self.ledgers[name].books[isin]

    def instrument(self, isin: str) -> Instrument:
        """All ledgers' books of one."""
        remotes = {name: self.book(isin, name) for name in REMOTES}
        return Instrument(isin, self.book(isin, HOME), remotes)

    def account(self, isin: str, name: str, who: str) -> str:
        return self.stage.account(isin, name, who)

    def tell(self, what: str, refusal: Refusal | None) -> None:
        """Count an outcome, and put it beside the step that hypothesis prints."""
        outcome = "done" if refusal is None else refusal if isinstance(refusal, str) else refusal[0]
        self.outcomes[what, outcome] += 1
        if refusal is not None:
            note(f"    # refused: {outcome}")

    def act(
        self, name: str, what: str, expected: Refusal | None, send: Callable[[], Any]
    ) -> Receipt | None:
        """Send what the model has judged, and hold the ledger to the judgement."""
        receipt, got = None, None
        try:
            receipt = send()
        except Revert as revert:
            got = refusal_of(revert)
        assert got == expected, f"{what} on {name}: the model says {expected}, the ledger {got}"
        self.tell(what, expected)
        self.touched.add(name)
        if receipt is not None:
            self.acted.add(name)
        return receipt

    def sync(self, name: str) -> None:
        """The model's clock is the ledger's; days that are over close."""
        for isin in self.ledgers[name].pass_to(int(self.stage.chains[name].now)):
            self.changed.add((isin, name))

    def clear(self, name: str, seconds: int = 20) -> None:
        """No close so soon that an act of several transactions leads over it."""
        now = self.stage.chains[name].now
        for book in self.ledgers[name].books.values():
            ahead = close_of(book.token.day, book.close_minute)
            if ahead - now < seconds:
                self.to(name, ahead)

    # -------------------------------------------------------------------------- time

    def to(self, name: str, moment: int) -> None:
        """A ledger's clock to a moment, if that is ahead."""
        if moment > self.stage.chains[name].now:
            self.stage.chains[name].set_time(moment)
            self.sync(name)
            self.touched.add(name)

    def tick(self, name: str, seconds: int) -> None:
        self.to(name, self.stage.chains[name].now + seconds)

    def to_close(self, name: str, isin: str, offset: int) -> None:
        """To an instrument's close, or just beside it."""
        book = self.book(isin, name)
        self.to(name, close_of(book.token.day, book.close_minute) + offset)

    def catch_up(self) -> None:
        latest = max(chain.now for chain in self.stage.chains.values())
        for name in LEDGERS:
            self.to(name, latest)

    # ------------------------------------------------------------- reorganisations

    def fork(self, name: str) -> None:
        """What happens on a ledger from now on is not final."""
        if name not in self.forks:
            self.forks[name] = (
                self.stage.chains[name].snapshot(),
                copy.deepcopy(self.ledgers[name]),
            )

    def settle(self, name: str) -> None:
        """It is final now."""
        self.forks.pop(name, None)

    def reorganise(self, name: str) -> None:
        """It never happened."""
        if name not in self.forks:
            return
        taken, ledger = self.forks.pop(name)
        across = any(
            book.token.epoch != ledger.books[isin].token.epoch
            for isin, book in self.ledgers[name].books.items()
        )
        self.stage.chains[name].restore(taken)
        self.ledgers[name] = ledger
        self.outcomes["reorganise", "across a ratio" if across else "done"] += 1
        self.touched.add(name)
        self.acted.add(name)

    def is_final(self, isin: str, name: str, remote: str, message: LaneMessage) -> bool:
        """Whether attestors sign it."""
        if name not in self.forks:
            return True
        return message in self.forks[name][1].books[isin].lanes[remote].sent

    # ------------------------------------------------------------------- what is so

    def check(self) -> None:
        """What any act has touched is as the model says; lanes are backed."""
        for name in sorted(self.touched):
            if self.is_other(name) or name in self.acted:
                for isin in self.stage.instruments:
                    self.check_book(isin, name)
        for isin, name in sorted(self.changed):
            self.check_closes(isin, name)
        if self.touched:
            for isin in self.stage.instruments:
                self.check_lanes(isin)
        self.touched.clear()
        self.acted.clear()
        self.changed.clear()

    def is_other(self, name: str) -> bool:
        """Whether anything that views tell can have changed: of what is stored, or the day."""
        days = [book.token.day for book in self.ledgers[name].books.values()]
        now = (self.stage.chains[name]._state.slots, days)
        if self.looked.get(name) == now:
            return False
        self.looked[name] = (dict(now[0]), days)
        return True

    def check_book(self, isin: str, name: str) -> None:
        """One instrument on one ledger (INV-2, 3, 5, 7, 10, 11, 12)."""
        side, book = self.side(isin, name), self.book(isin, name)
        where = f"{isin} on {name}"
        supply = int(side.token.totalSupply())
        assert supply == book.token.supply, f"INV-5: {where}: supply {supply}"
        units = 0
        for account, holding in book.token.holdings.items():
            found = side.balance(account)
            units += found
            assert found == holding.balance, f"INV-5: {where}: {account} has {found}"
        assert units <= supply, f"INV-5: {where}: more positions than supply"
        for remote, lane in book.lanes.items():
            known = self.stage.lane[isin, remote]
            state = side.escrow.lane_state(known)
            told = int(state.outstanding), int(state.suspense), int(state.sent)
            wanted = lane.end.outstanding, lane.end.suspense, len(lane.sent)
            assert told == wanted, f"INV-2: {where}: lane to {remote}: {told}, not {wanted}"
            assert book.holds(lane.custody) == lane.end.custody, f"{where}: the models differ"
            due = sum(lane.end.now(units, since) for _, units, since in lane.end.words.values())
            due += lane.end.outstanding if book.home else 0
            assert lane.end.custody >= due, f"INV-2: {where}: custody for {remote} is short"
            for message, units, since in lane.end.words.values():
                waits = int(side.escrow.waiting(message.as_tuple()))
                assert waits == lane.end.now(units, since), f"INV-12: {where}: {waits} wait"
            drained = int(side.escrow.limit_state(known).drained_at)
            assert drained == lane.limit.drained_at, f"INV-11: {where}: limit"
            there = self.book(isin, HOME if name != HOME else remote).lanes[remote]
            for each in there.sent[-3:]:
                has = bool(side.escrow.has_arrived(known, each.nonce))
                assert has == (each.nonce in lane.arrived), f"INV-3: {where}: nonce {each.nonce}"
                if each.id not in lane.end.words:
                    waits = int(side.escrow.suspended(each.id))
                    assert waits == 0, f"INV-3: {where}: {waits} of {each.nonce} wait still"

    def check_lanes(self, isin: str) -> None:
        """What is out is owed at home, and but for rounding nothing else (INV-1, INV-2)."""
        instrument = self.instrument(isin)
        for remote in REMOTES:
            if not self.fits(isin, remote):
                continue
            most = instrument.dust(remote)
            unbacked = instrument.unbacked(remote)
            assert 0 <= unbacked <= most, f"INV-1: {isin}: {unbacked} of the lane to {remote}"

    def fits(self, isin: str, remote: str) -> bool:
        """Whether nothing false is in the books of a lane, and it has not ended."""
        lane = self.stage.lane[isin, remote]
        ends = [self.book(isin, name).lanes[remote] for name in (HOME, remote)]
        false = any(lie.lane == lane for lie in self.lies.values())
        wrong = any(not wrong.mended for end in ends for wrong in end.wrongs.values())
        return not false and not wrong and lane not in self.wound_up

    def false_at(self, isin: str, remote: str, day: int) -> bool:
        """Whether something false was in the books of a lane when a day ended, or at the last close
        before a ratio, over which it is not carried then."""
        books = [self.book(isin, name) for name in (HOME, remote)]
        days = {day, *(each.first_day - 1 for book in books for each in book.token.past)}
        ends = [book.lanes[remote] for book in books]
        return any(end.is_false(each) for end in ends for each in days if each <= day)

    def check_closes(self, isin: str, name: str) -> None:
        """Every announced close that is over is answered in the units of its day."""
        side, book = self.side(isin, name), self.book(isin, name)
        for day in sorted(each for each in book.announced if each < book.token.day):
            supply = self.asked(partial(side.token.supply_at_close), day, book.token.day)
            if day in book.token.supplies:
                assert supply == book.token.supplies[day], f"{isin} on {name}: supply of {day}"
            for account, holding in book.token.holdings.items():
                if day not in holding.closings or (holding.moved and day < min(holding.moved)):
                    # Before its first movement an account has no history.
                    continue
                view = partial(side.token.balance_at_close, account)
                found = self.asked(view, day, book.token.day)
                wanted = holding.closings[day]
                assert found == wanted, (
                    f"{isin} on {name}: {account} has {found} at the close of {day}, not {wanted}"
                )
                self.outcomes["ask a close", "done"] += 1

    @staticmethod
    def asked(view: Callable[..., Any], day: int, today: int) -> int | None:
        """What a view answers with some hint."""
        for each in (0, *range(day + 1, today + 1)):
            try:
                return int(view(day, each))
            except Revert as refusal:
                if refusal.reason not in UNANSWERED:
                    raise
        return None
