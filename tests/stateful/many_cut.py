"""What an event is to each ledger, and the issue at its close split between them (INV-6).

Announced at home, told, corrected; each ledger tells of the close, home fixes its accounts, carries
lanes over ratios, splits each, and tells what others owe for. What each act does, or why it is
refused, the model says beforehand; what is to land is held to the messages under way as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from tallystick.actions.cut import Base, RemoteEnd, Share
from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Entered, EventVersion, Figures, Totals, message_from
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import DENIED, LaneMessage
from tallystick.chain import Revert
from tallystick.token.position import business_day
from tallystick.token.ratios import Ratio
from tests.stateful.many_lanes import LaneActs
from tests.stateful.many_model import pending
from tests.stateful.many_owed import ACCOUNTS, Event, Part
from tests.stateful.many_stage import HOME, PEOPLE, REMOTES
from tests.stateful.model import Refusal
from tests.support.actions import APPLE, ENGINE_ATTESTORS, EVENT_ATTESTORS, domain_of
from tests.support.lane_ratios import over
from tests.support.world import DAY, STATED

# Most events of an instrument in a play.
MOST_DIVIDENDS: Final = 2
# Why a ledger does not answer of a close that it was told of too late.
_FORGOTTEN: Final = (
    "not kept, or give a hint",
    "hint is no later opening",
    "walk too long, give a hint",
)
# A record that is told more days after its close than this keeps it no more; the notice of one.
_KEPT, _NOTICE = 7, 2 * DAY
# Days from a close within which home fixes its accounts.
_FIXED_WITHIN: Final = 100


class CutActs(LaneActs):
    """What is done until everybody's part is known."""

    # --------------------------------------------------------------------- plumbing

    def signed(self, isin: str, told: Any, name: str = HOME) -> tuple[Any, bytes]:
        """What a ledger's engine tells, and what attestors sign of it."""
        domain = domain_of(self.side(isin, name).engine)
        message = message_from(domain, isin, told)
        return message, ENGINE_ATTESTORS.sign(domain, message.id)

    def is_told(self, name: str) -> bool:
        """Whether attestors sign what a ledger tells: what it says now is final."""
        return name not in self.forks

    def event(self, isin: str, number: int) -> bytes | None:
        """One of the events that home knows."""
        known = list(self.book(isin, HOME).engine.events)
        return known[number % len(known)] if known else None

    def epoch_on(self, isin: str, name: str, day: int) -> int:
        """In whose units a ledger's close of a day is, as it knows now."""
        return sum(each.first_day <= day for each in pending(self.book(isin, name)))

    def ratios(self, isin: str) -> list[Ratio]:
        """All that home knows, by epoch."""
        known = pending(self.book(isin, HOME))
        return [Ratio(each.numerator, each.denominator, each.first_day) for each in known]

    def restated(self, isin: str, units: int, since: int, until: int) -> int:
        """Units of an epoch in those of a later one."""
        return over(units, *((each[0], each[1]) for each in self.ratios(isin)[since:until]))

    def hint(self, view: Callable[..., Any], day: int, today: int) -> int | None:
        """From where a closing is found; None: nowhere any more. What is not over needs none."""
        for each in (0, *range(day + 1, today + 1)) if day < today else ():
            try:
                view(day, each)
            except Revert as refusal:
                if str(refusal.reason).partition(": ")[2] not in _FORGOTTEN:
                    raise
            else:
                return int(each)
        return None if day < today else 0

    def hints(
        self, isin: str, name: str, day: int, *views: Callable[..., Any]
    ) -> tuple[int, ...] | None:
        """Of several; None: one can't be found."""
        today = self.book(isin, name).token.day
        found = [self.hint(view, day, today) for view in views]
        return tuple(each for each in found if each is not None) if None not in found else None

    def lane_views(self, isin: str, remote: str) -> list[Callable[..., Any]]:
        """Home's custody, suspense and what was sent of a lane."""
        side, lane = self.side(isin, HOME), self.stage.lane[isin, remote]
        custody = self.book(isin, HOME).lanes[remote].custody
        return [
            partial(side.token.balance_at_close, custody),
            partial(side.escrow.suspense_at_close, lane),
            partial(side.escrow.sent_at_close, lane),
        ]

    def lanes(self, isin: str) -> list[bytes]:
        """An instrument's."""
        return [self.stage.lane[isin, remote] for remote in REMOTES]

    def key(self, isin: str, part: str) -> bytes:
        """What a part is called on its ledger."""
        return self.stage.lane[isin, part] if part else bytes(32)

    # --------------------------------------------------------- the record, everywhere

    def announce_dividend(self, isin: str, ahead: int, rate: Rate, told: Sequence[bool]) -> None:
        """Home announces and confirms one; other ledgers are told now, or later."""
        self.clear(HOME)
        book = self.book(isin, HOME)
        number = len(book.engine.events)
        if number == MOST_DIVIDENDS:
            return
        day = book.token.day + 2 + ahead
        record = replace(
            APPLE,
            isin=isin,
            coaf=f"US-2020-DVCA-{number + 1:02}",
            announced=book.token.day,
            ex=0,
            record_day=day,
            figures_by=day + 1,
            payment_day=day + 2,
            relief_until=day + 2 + number,
            expires=day + 400,
            rate=rate,
            unit_epoch=self.epoch_on(isin, HOME, day),
        )
        self.put_in_force(isin, record, "announce a dividend", None)
        for name, in_time in zip(REMOTES, told, strict=True):
            if in_time:
                self.tell_dividend(isin, name, record.as_tuple()[2])

    def correct_dividend(self, isin: str, coaf: bytes, rate: Rate) -> None:
        """A version of another rate, and of the units that its close is in."""
        self.clear(HOME)
        event = self.book(isin, HOME).engine.events[coaf]
        epoch = self.epoch_on(isin, HOME, event.record.record_day)
        record = event.record.successor(rate=rate, unit_epoch=epoch)
        refusal = "events: totals are fixed" if event.is_fixed else None
        self.put_in_force(isin, record, "correct a dividend", refusal)

    def put_in_force(
        self, isin: str, record: EventRecord, what: str, expected: Refusal | None
    ) -> None:
        """The issuer announces a version, and the event attestors confirm it."""
        book, side = self.book(isin, HOME), self.side(isin, HOME)
        told = record.as_tuple()
        receipt = self.act(
            HOME,
            what,
            expected,
            lambda: side.engine.announce(told, 1, *STATED, sender=side.issuer),
        )
        if receipt is not None:
            known = book.engine.events.get(told[2])
            noticed = known.noticed if known else self.ledgers[HOME].clock
            book.engine.events[told[2]] = Event(record, noticed, False)
            proof = EVENT_ATTESTORS.sign(domain_of(side.engine), EventVersion(record).id)
            side.engine.confirm(told, proof, sender=side.courier)
            book.announced.add(record.record_day)
        self.sync(HOME)

    def tell_dividend(self, isin: str, name: str, coaf: bytes) -> None:
        """A ledger takes the version that is in force at home."""
        book, side = self.book(isin, name), self.side(isin, name)
        if not self.is_told(HOME):
            return
        record = self.book(isin, HOME).engine.events[coaf].record
        known = book.engine.events.get(coaf)
        message, proof = self.signed(isin, EventVersion(record))
        receipt = self.act(
            name,
            "tell a dividend",
            "events: taken already" if known and known.record == record else None,
            lambda: side.engine.take_record(
                message.as_tuple(), record.as_tuple(), 1, proof, sender=side.courier
            ),
        )
        if receipt is not None:
            late = record.record_day + _KEPT < book.token.day
            noticed = self.ledgers[name].clock
            if known:
                late, noticed = known.late, known.noticed
            book.engine.events[coaf] = Event(record, noticed, late)
            assert receipt.one("RecordTaken").late is late, f"{isin} on {name}: late or not"
            if late:
                self.tell("tell a dividend late", None)
            else:
                book.announced.add(record.record_day)
        self.sync(name)

    def replace_peer(self, isin: str, name: str, remote: str) -> None:
        """Two keys have an engine believe another verifier of a ledger's, after a day."""
        self.clear(name)
        side, other = self.side(isin, name), self.side(isin, remote if name == HOME else HOME)
        verifier = ENGINE_ATTESTORS.verifier(side.chain)
        peer = (other.chain.chain_id, other.engine, verifier, *STATED)
        side.engine.propose_peer(*peer, sender=side.operator)
        self.tick(name, DAY)
        self.act(
            name,
            "replace a peer",
            None,
            lambda: side.engine.set_peer(*peer, sender=side.administrator),
        )
        self.sync(name)

    # ---------------------------------------------------------------------- the cut

    def tell_figures(self, isin: str, remote: str, day: int) -> None:
        """A ledger tells what stood there at a close, and home takes it."""
        self.clear(remote)
        self.clear(HOME)
        book, side, home = self.book(isin, remote), self.side(isin, remote), self.side(isin, HOME)
        lane, epoch = self.stage.lane[isin, remote], self.epoch_on(isin, remote, day)
        hints = self.hints(
            isin,
            remote,
            day,
            side.token.supply_at_close,
            partial(side.escrow.suspense_at_close, lane),
            partial(side.escrow.sent_at_close, lane),
            side.token.came_at_close,
        )
        if hints is None:
            assert day not in book.announced, f"{isin} on {remote}: {day} is not answered"
            self.tell("tell figures", "forgotten")
            return
        receipt = self.act(
            remote,
            "tell figures",
            "book: day not closed" if book.token.day <= day else None,
            lambda: side.engine.send_figures(lane, day, epoch, hints, sender=side.courier),
        )
        self.sync(remote)
        if receipt is None:
            return
        stood = book.lanes[remote].closings[day]
        there = RemoteEnd(book.token.supplies[day], stood.suspense, stood.sent)
        figures = Figures(*receipt.one("FiguresSent").figures)
        wanted = Figures(lane, day, epoch, there.supply, there.suspense, there.sent, 0)
        assert figures == wanted, f"INV-6: {isin} on {remote}: {figures}, not {wanted}"
        if not self.is_told(remote):
            return
        engine = self.book(isin, HOME).engine
        message, proof = self.signed(isin, figures, remote)
        receipt = self.act(
            HOME,
            "take figures",
            "figures: taken already" if (remote, day) in engine.told else None,
            lambda: home.engine.take_figures(
                message.as_tuple(), figures.as_tuple(), proof, sender=home.courier
            ),
        )
        if receipt is not None:
            engine.told[remote, day] = epoch, there
        self.sync(HOME)

    def is_too_old(self, day: int) -> bool:
        """Whether nothing is fixed of a close any more."""
        return (day + _FIXED_WITHIN) * DAY < self.ledgers[HOME].clock

    def fix_accounts(self, isin: str, coaf: bytes) -> None:
        """Home fixes what its own accounts are owed for."""
        self.clear(HOME)
        book, side = self.book(isin, HOME), self.side(isin, HOME)
        event, token = book.engine.events[coaf], self.side(isin, HOME).token
        day, expected = event.record.record_day, None
        if event.is_fixed:
            expected = "cut: fixed already"
        elif event.record.unit_epoch != self.epoch_on(isin, HOME, day):
            expected = "cut: closes in other units"
        elif self.is_too_old(day):
            expected = "cut: too long ago"
        elif book.token.day <= day:
            expected = "book: day not closed"
        own = self.hints(isin, HOME, day, token.supply_at_close, token.came_at_close)
        lanes = side.escrow.lanes_of(side.engine.instrument())
        named = {self.stage.lane[isin, remote]: remote for remote in REMOTES}
        views = [self.lane_views(isin, named[lane])[0] for lane in lanes]
        custodies = self.hints(isin, HOME, day, *views)
        assert own is not None, f"{isin}: home forgot {day}"
        assert custodies is not None, f"{isin}: home forgot a lane's {day}"
        receipt = self.act(
            HOME,
            "fix accounts",
            expected,
            lambda: side.engine.fix(coaf, own, custodies, sender=side.courier),
        )
        if receipt is not None:
            held = sum(lane.closings[day].held for lane in book.lanes.values())
            units = book.token.supplies[day] - held
            event.parts[ACCOUNTS] = Part(units, units)
            found = receipt.one("EventFixed").accounts
            assert found == units, f"INV-6: {isin}: {found} of home's accounts, not {units}"
        self.sync(HOME)

    def bring_over(self, isin: str, remote: str, day: int) -> None:
        """Home carries a lane into the epochs that its ledger has told of, a close further."""
        engine = self.book(isin, HOME).engine
        if (remote, day) not in engine.told:
            return
        behind = engine.told[remote, day][0]
        for epoch in range(1, self.epoch_on(isin, HOME, day) + 1):
            if epoch > behind:
                self.carry(isin, remote, day, epoch, alone=True)
            elif (remote, epoch, 0) not in engine.bases:
                self.hear(isin, remote, epoch)
                last = pending(self.book(isin, remote))[epoch - 1].first_day - 1
                if (remote, last) not in engine.told:
                    self.tell_figures(isin, remote, last)
                self.carry(isin, remote, last, epoch, alone=False)

    def hear(self, isin: str, remote: str, epoch: int) -> None:
        """A ledger tells home from which day on it is in an epoch."""
        book, engine = self.book(isin, remote), self.book(isin, HOME).engine
        if book.token.epoch < epoch or not self.is_told(remote):
            return
        side, home = self.side(isin, remote), self.side(isin, HOME)
        coaf = self.records[isin, epoch - 1][2]
        receipt = side.engine.tell_ratio(coaf, sender=side.courier)
        self.sync(remote)
        entered = Entered(*receipt.one("EnteredSent").entered)
        message, proof = self.signed(isin, entered, remote)
        self.act(
            HOME,
            "hear of a ratio",
            "arming: known already" if (remote, epoch) in engine.entered else None,
            lambda: home.engine.take_entered(
                message.as_tuple(), entered.as_tuple(), proof, sender=home.courier
            ),
        )
        engine.entered[remote, epoch] = book.token.past[epoch - 1].first_day
        self.sync(HOME)

    def carry(self, isin: str, remote: str, day: int, epoch: int, *, alone: bool) -> None:
        """Home takes over what an epoch of a lane begins with, or one close in it alone."""
        self.clear(HOME)
        book, side = self.book(isin, HOME), self.side(isin, HOME)
        engine, lane = book.engine, self.stage.lane[isin, remote]
        key = remote, epoch, day if alone else 0
        last = pending(book)[epoch - 1].first_day - 1
        after: Base | Refusal
        if book.token.epoch < epoch:
            after = "arming: no ratio in force here"
        elif not alone and (remote, epoch) not in engine.entered:
            after = "arming: not told to be in force there"
        elif (remote, day) not in engine.told:
            after = f"arming: no figures {'to restate' if alone else 'of its last close'}"
        elif key in engine.bases:
            after = "arming: carried already"
        else:
            stood = book.lanes[remote].closings[last]
            after = engine.carried(remote, day, epoch, stood, self.ratios(isin))
        hints = self.hints(isin, HOME, last, *self.lane_views(isin, remote))
        assert hints is not None, f"{isin}: home forgot {last}"
        send = partial(side.engine.carry_lane, lane, epoch, hints, sender=side.courier)
        if alone:
            send = partial(side.engine.carry_close, lane, day, epoch, hints, sender=side.courier)
        expected = None if isinstance(after, Base) else after
        receipt = self.act(HOME, "restate a close" if alone else "carry a lane", expected, send)
        if receipt is not None:
            assert isinstance(after, Base)
            engine.bases[key] = after
            base = receipt.one("CloseCarried" if alone else "LaneCarried").base
            told = tuple(base)[:3]
            assert told == (after.out, 0, after.short), (
                f"INV-6: {isin}: {remote} begins with {told}"
            )
        self.sync(HOME)

    def fix_lane(self, isin: str, remote: str, coaf: bytes) -> None:
        """Home splits what a lane was owed, and tells its ledger."""
        self.clear(HOME)
        book, side = self.book(isin, HOME), self.side(isin, HOME)
        event, lane = book.engine.events[coaf], self.stage.lane[isin, remote]
        day, epoch = event.record.record_day, event.record.unit_epoch
        again = remote in event.totals
        share: Share | Refusal
        if not event.is_fixed:
            share = "cut: home's accounts first"
        elif again:
            share = event.totals[remote]
        else:
            stood = book.lanes[remote].closings[day]
            share = book.engine.split(remote, day, epoch, stood, self.ratios(isin))
        hints = self.hints(isin, HOME, day, *self.lane_views(isin, remote))
        assert hints is not None, f"{isin}: home forgot {day}"
        receipt = self.act(
            HOME,
            "fix a lane",
            None if isinstance(share, Share) else share,
            lambda: side.engine.fix_lane(coaf, lane, hints, sender=side.courier),
        )
        if receipt is not None and not again:
            assert isinstance(share, Share)
            event.totals[remote] = share
            event.parts[remote] = Part(share.home_crossing, share.home_crossing)
            found = tuple(receipt.one("LaneFixed").share)
            wanted = (True, share.home_crossing, share.accounts, share.crossing)
            assert found == wanted, f"INV-6: {isin}: {remote} is owed for {found}, not {wanted}"
            self.check_crossing(isin, remote, event, share)
        self.sync(HOME)

    def check_crossing(self, isin: str, remote: str, event: Event, share: Share) -> None:
        """What is to land is what was under way, each message once, and what rounding left."""
        day, epoch = event.record.record_day, event.record.unit_epoch
        if epoch and self.false_at(isin, remote, day):
            # A false one and true ones together are rounded as one.
            return
        wrong = self.wrong_at(isin, remote, day)
        most = self.most_rounded(isin, remote, epoch)
        for name, found in ((HOME, share.home_crossing), (remote, share.crossing)):
            due = sum(
                self.restated(isin, each.amount, each.action_epoch, epoch)
                for each in self.crossing(isin, name, remote, day)
            )
            # Whatever is on accounts has landed.
            due -= wrong[name]
            assert 0 <= found - due <= most, f"INV-6: {isin}: {found} are to land on {name}: {due}"

    def wrong_at(self, isin: str, remote: str, day: int) -> dict[str, int]:
        """What false messages had brought to the ends of a lane by a close, in their own units."""
        return {
            name: sum(
                wrong.message.amount
                for wrong in self.book(isin, name).lanes[remote].wrongs.values()
                if wrong.counts(day)
            )
            for name in (HOME, remote)
        }

    def crossing(self, isin: str, name: str, remote: str, day: int) -> Iterator[LaneMessage]:
        """Messages to an end of a lane that were under way at a close, or waited."""
        source = self.book(isin, remote if name == HOME else HOME)
        landed = self.book(isin, name).lanes[remote].landed
        for each in source.lanes[remote].sent:
            ended = landed.get(each.id)
            left = business_day(each.lock_time, source.close_minute)
            if not each.kind & DENIED and left <= day and (ended is None or day < ended.day):
                yield each

    def most_rounded(self, isin: str, remote: str, epoch: int) -> int:
        """Most that ratios until an epoch left of messages of a lane, or of a ledger's accounts."""
        ends = (self.book(isin, HOME), self.book(isin, remote))
        words = sum(len(end.lanes[remote].sent) for end in ends) if remote != HOME else 0
        most = 0
        for ratio in self.ratios(isin)[:epoch]:
            most = -(-most * ratio.numerator // ratio.denominator) + words + len(PEOPLE) + 2
        return most

    def take_totals(self, isin: str, name: str, coaf: bytes) -> None:
        """A ledger takes what home fixed for it."""
        book, side = self.book(isin, name), self.side(isin, name)
        at_home, event = self.book(isin, HOME).engine.events[coaf], book.engine.events.get(coaf)
        share = at_home.totals.get(name)
        if share is None or not self.is_told(HOME):
            return
        expected = None
        if event is None:
            expected = "events: none, or cancelled"
        elif event.record != at_home.record:
            expected = "cut: totals of another version"
        elif self.ledgers[name].clock < event.noticed + _NOTICE:
            expected = "cut: too little notice"
        elif event.is_fixed:
            expected = "cut: taken already"
        version = EventVersion(at_home.record).id
        totals = Totals(coaf, version, self.key(isin, name), share.accounts, share.crossing)
        message, proof = self.signed(isin, totals)
        receipt = self.act(
            name,
            "take totals",
            expected,
            lambda: side.engine.take_totals(
                message.as_tuple(), totals.as_tuple(), proof, sender=side.courier
            ),
        )
        if receipt is not None:
            assert event is not None
            event.parts[ACCOUNTS] = Part(share.accounts, share.accounts)
            event.parts[name] = Part(share.crossing, share.crossing)
        self.sync(name)
