"""A play of three live ledgers over three ratios: acts, what was seen, what the model says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tallystick.actions.cut import (
    FIRST,
    Base,
    Cut,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    carry,
    fix,
    most_rounded,
    restated,
)
from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Entered, EventVersion, Figures, RatioState
from tallystick.actions.message import Ratio as Told
from tallystick.actions.record import EventRecord
from tallystick.bridge.figures import Landing
from tallystick.bridge.message import LaneId, LaneMessage, message_of, party
from tallystick.chain import Revert, reverts
from tallystick.token.position import business_day
from tallystick.token.ratios import Ratio
from tests.actions.test_cut_on_chain import close_ahead, hint, is_late
from tests.support.actions import CLOSE_MINUTE, begin
from tests.support.arming import ratio_event
from tests.support.three_ledgers import HOLDERS, HOME, LATER, REMOTES, ThreeLedgers
from tests.support.world import AMOUNT_MAX, ELIGIBLE_UNTIL, STATED, Side

# The first day of plays, the last days in old units at home, and the record days.
TODAY = 18_474
LAST = (TODAY + 3, TODAY + 4, TODAY + 6)
RECORD_DAYS = (TODAY + 3, TODAY + 4, TODAY + 5, TODAY + 7, TODAY + 9)
END = TODAY + 11
FRACTIONS = [(4, 1), (1, 10), (3, 2), (7, 5), (1, 3)]
# A holder's, at home.
EACH = 3_000


def epoch_at_home(day: int) -> int:
    """In whose units home's close of a day is."""
    return sum(1 for last in LAST if last < day)


@dataclass
class Carriage:
    """Units with other people's bridges, in those of the ledger and the day on which they left."""

    units: int
    epoch: int
    left: int


@dataclass
class Play:
    """The ledgers, the ratios, and what was seen of each close."""

    world: ThreeLedgers
    ratios: list[Ratio] = field(default_factory=list)
    coafs: list[bytes] = field(default_factory=list)
    # ledger -> its first day of each ratio that it knows
    first: dict[str, list[int]] = field(default_factory=dict)
    # ledger -> what it sent by a lane and what came there, in units of that ledger's day
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    away: list[Carriage] = field(default_factory=list)
    # ledger -> the epoch in which its bridge was limited last
    limited: Counter[str] = field(default_factory=Counter)
    pending: list[LaneMessage] = field(default_factory=list)
    waiting: list[LaneMessage] = field(default_factory=list)
    messages: list[LaneMessage] = field(default_factory=list)
    # (ledger, day) -> what stood at its close
    closings: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)

    def side(self, name: str) -> Side:
        return self.world.sides[name]

    def day(self, name: str) -> int:
        return int(business_day(self.side(name).chain.now, CLOSE_MINUTE))

    def epoch(self, name: str, day: int | None = None) -> int:
        """In whose units a ledger counts on a day, today unless one is given."""
        asked = self.day(name) if day is None else day
        return sum(1 for first in self.first[name] if first <= asked)

    def carried(self, units: int, since: int, until: int) -> int:
        """Units of one epoch in those of a later one; of a difference, towards zero."""
        for ratio in self.ratios[since:until]:
            size = abs(units) * ratio.numerator // ratio.denominator
            units = size if units >= 0 else -size
        return units

    def over(self, stood: Counter[str], since: int, until: int) -> Counter[str]:
        """What stood, in units of a later epoch: what was sent counts from each one's start."""
        if since == until:
            return stood
        return Counter(
            {
                name: 0 if name.startswith("sent") else self.carried(units, since, until)
                for name, units in stood.items()
            }
        )

    def stands(self, name: str) -> Counter[str]:
        """What stands on a ledger now; what was sent and came this test has counted."""
        side = self.side(name)
        stood = self.counted[name].copy()
        stood["supply"] = int(side.token.totalSupply())
        for remote in REMOTES if name == HOME else (name,):
            lane = self.world.lanes[remote]
            stood[f"custody {remote}"] = side.balance(side.custody_of(lane))
            stood[f"suspense {remote}"] = int(side.escrow.lane_state(lane).suspense)
        return stood

    # --- set-up: ratios armed at home, and there if in time

    def begin(self, rates: list[tuple[int, int]], in_time: list[list[bool]]) -> None:
        """Home arms all ratios; the other ledgers are told of the first ones in time."""
        home = self.world.home
        for name in self.world.sides:
            self.first[name], self.counted[name] = [], Counter()
        for number, (rate, last) in enumerate(zip(rates, LAST, strict=True)):
            self.ratios.append(Ratio(*rate, last + 1))
            record = ratio_event(number + 1, Rate(*rate), last, unit_epoch=number)
            self.coafs.append(record.as_tuple()[2])
            home.engine.announce(record.as_tuple(), 1, *STATED, sender=home.issuer)
            version = EventVersion(record)
            home.engine.confirm(
                record.as_tuple(), self.world.confirmed(version.id), sender=home.courier
            )
            home.engine.arm(record.as_tuple(), sender=home.courier)
            for remote, told in zip(REMOTES, in_time, strict=True):
                # On top of the one before alone.
                if told[number] and len(self.first[remote]) == number:
                    side = self.side(remote)
                    message, proof = self.world.signed(HOME, version)
                    side.engine.take_record(
                        message.as_tuple(), record.as_tuple(), 1, proof, sender=side.courier
                    )
                    self.tell(remote, RatioState.PENDING)
        self.first[HOME] = [last + 1 for last in LAST]

    def ratio(self, number: int, state: RatioState, first: int = 0) -> Told:
        """What is told of a ratio."""
        ratio = self.ratios[number]
        parts = (ratio.numerator, ratio.denominator, first or ratio.first_day)
        return Told(self.coafs[number], 1, state, number + 1, *parts)

    def tell(self, remote: str, state: RatioState = RatioState.IN_FORCE) -> None:
        """A ledger is told of the next ratio, if home is in it or it is in time."""
        side, number = self.side(remote), len(self.first[remote])
        if state is RatioState.IN_FORCE and self.epoch(HOME) <= number:
            return
        told = self.ratio(number, state)
        message, proof = self.world.signed(HOME, told)
        side.engine.take_ratio(message.as_tuple(), told.as_tuple(), proof, sender=side.courier)
        self.first[remote].append(int(side.token.ratio_at(number + 1).first_day))

    # --- acts: none leads over a close but those of clocks

    def to(self, name: str, moment: int) -> None:
        """A ledger's clock to a moment; what stood at the closes on the way is noted."""
        side, day, epoch, stood = self.side(name), self.day(name), self.epoch(name), None
        if moment < side.chain.now:
            return
        if business_day(moment, CLOSE_MINUTE) > day:
            stood = self.stands(name)
        side.chain.set_time(moment)
        if stood is not None:
            for closed in range(day, self.day(name)):
                self.closings[name, closed] = self.over(stood, epoch, self.epoch(name, closed))
            self.counted[name] = self.over(self.counted[name], epoch, self.epoch(name))

    def clear(self, name: str) -> Side:
        """A ledger on which something is done now: not so near to a close that it leads over it."""
        ahead = close_ahead(self.side(name))
        if ahead - self.side(name).chain.now < 10:
            self.to(name, ahead)
        return self.side(name)

    def tick(self, name: str, hours: int) -> None:
        self.to(name, self.side(name).chain.now + hours * 3_600)

    def to_close(self, name: str, seconds: int) -> None:
        self.to(name, close_ahead(self.side(name)) + seconds)

    def catch_up(self) -> None:
        latest = max(side.chain.now for side in self.world.sides.values())
        for name in self.world.sides:
            self.to(name, latest + 10)

    def late(self, remote: str) -> None:
        """A ledger that was not told is told now."""
        self.clear(remote)
        if len(self.first[remote]) < len(LAST):
            self.tell(remote)

    def send(
        self, remote: str, out: bool, holder: int, admitted: bool, units: int, days: int
    ) -> None:
        """Units leave a ledger by a lane."""
        source, there = (HOME, remote) if out else (remote, HOME)
        side, lane = self.clear(source), self.world.lanes[remote]
        sender = side.parties[HOLDERS[holder]]
        most = min(units, side.balance(sender))
        if not most:
            return
        recipient = self.side(there).parties[HOLDERS[holder] if admitted else LATER]
        to = party(str(recipient.address))
        message = message_of(
            self.world.leave(source, lane, sender, to, most, days).one("MessageSent")
        )
        self.counted[source][f"sent {remote}"] += most
        self.pending.append(message)
        self.messages.append(message)

    def bound(self, message: LaneMessage) -> str:
        """The ledger to which a message goes."""
        return self.world.remote_of(message.lane) if message.kind & 1 else HOME

    def deliver(self, which: int) -> None:
        """A message arrives, unless the clock there is behind it or a ratio not known there."""
        if not self.pending:
            return
        message = self.pending[which % len(self.pending)]
        name = self.bound(message)
        side = self.clear(name)
        reason = None
        if side.chain.now < message.lock_time:
            reason = "transit: before its lock time"
        elif message.action_epoch > self.epoch(name):
            reason = "transit: ratio not known here yet"
        if reason:
            with reverts(reason):
                self.world.deliver(message, name)
            return
        self.world.deliver(message, name)
        self.pending.remove(message)
        if side.escrow.suspended(message.id):
            self.waiting.append(message)

    def give_back(self, which: int) -> None:
        """What waits past its deadline goes back."""
        if not self.waiting:
            return
        message = self.waiting[which % len(self.waiting)]
        name = self.bound(message)
        side = self.clear(name)
        if not is_late(message, side):
            return
        self.waiting.remove(message)
        self.pending.append(self.returned(message, name))

    def returned(self, message: LaneMessage, name: str) -> LaneMessage:
        """A courier has what waits of a message sent back; the message that takes it."""
        side = self.side(name)
        receipt = side.escrow.return_to_source(message.as_tuple(), sender=side.courier)
        answer = message_of(receipt.one("MessageSent"))
        remote = self.world.remote_of(message.lane)
        self.counted[name][f"sent {remote}"] += answer.amount
        self.messages.append(answer)
        return answer

    def carry(self, name: str, inward: bool, holder: int, units: int) -> None:
        """Somebody else's bridge takes units out, or brings what it took, restated as we do."""
        side = self.clear(name)
        account, bridge = side.parties[HOLDERS[holder]], self.world.bridges[name].address
        today, epoch = self.day(name), self.epoch(name)
        if today + 1 in self.first[name]:
            # Stopped on the last day before a ratio, and till it is limited anew.
            return
        if self.limited[name] != epoch:
            side.bridge(bridge, AMOUNT_MAX, AMOUNT_MAX)
            self.limited[name] = epoch
        if not inward:
            most = min(units, side.balance(account))
            side.token.crosschainBurn(account, most, sender=bridge)
            self.counted[name]["came"] -= most
            self.away.append(Carriage(most, epoch, today))
            return
        for each in self.away:
            if each.left > today or each.epoch > epoch:
                continue
            brought = self.carried(each.units, each.epoch, epoch)
            if name == HOME and brought > -self.counted[name]["came"]:
                continue
            side.token.crosschainMint(account, brought, sender=bridge)
            self.counted[name]["came"] += brought
            self.away.remove(each)
            return

    # --- what the reference says

    def home_end(self, remote: str, day: int) -> HomeEnd:
        stood = self.closings[HOME, day]
        suspense = stood[f"suspense {remote}"]
        return HomeEnd(stood[f"custody {remote}"] - suspense, suspense, stood[f"sent {remote}"])

    def remote_end(self, remote: str, day: int) -> RemoteEnd:
        stood = self.closings[remote, day]
        assert stood[f"custody {remote}"] >= stood[f"suspense {remote}"]
        return RemoteEnd(
            stood["supply"],
            stood[f"suspense {remote}"],
            stood[f"sent {remote}"],
            stood["came"],
        )

    def begun(self, remote: str, day: int) -> tuple[Base, RemoteEnd]:
        """What a lane began home's epoch of a day with, and what its ledger told in its units."""
        base, told, behind = FIRST, self.remote_end(remote, day), self.epoch(remote, day)
        for at in range(epoch_at_home(day)):
            ratio, last = self.ratios[at], told
            if at < behind:
                last = self.remote_end(remote, self.first[remote][at] - 1)
            after = carry(base, self.home_end(remote, LAST[at]), last, ratio)
            assert isinstance(after, Base), after
            base = after
            if at >= behind:
                told = restated(told, ratio)
        return base, told

    def reference(self, day: int) -> Cut:
        """The cut of what was seen."""
        stood, ends, told, bases = self.closings[HOME, day], {}, {}, {}
        for remote in REMOTES:
            lane = LaneId(self.world.lanes[remote])
            ends[lane] = self.home_end(remote, day)
            bases[lane], told[lane] = self.begun(remote, day)
        custody = sum(stood[f"custody {remote}"] for remote in REMOTES)
        own = HomeFigures(stood["supply"], custody, bridged_out=-stood["came"])
        rounded = most_rounded(self.ratios[: epoch_at_home(day)], len(REMOTES))
        return fix(own, ends, told, bases, rounded)

    # --- what the engines do

    def hinted(self, name: str, views: Sequence[Callable[..., Any]], day: int) -> tuple[int, ...]:
        today = int(self.side(name).token.business_day())
        return tuple(hint(view, day, today) for view in views)

    def lane_hints(self, remote: str, day: int) -> tuple[int, ...]:
        """Hints for the custody, suspense and what was sent of a lane, at home."""
        side, lane = self.world.home, self.world.lanes[remote]
        views = [
            partial(side.token.balance_at_close, side.custody_of(lane)),
            partial(side.escrow.suspense_at_close, lane),
            partial(side.escrow.sent_at_close, lane),
        ]
        return self.hinted(HOME, views, day)

    def told(self, remote: str, day: int) -> None:
        """A ledger tells of a close, once, and home takes it."""
        side, home, lane = self.side(remote), self.world.home, self.world.lanes[remote]
        if home.engine.figures_at(lane, day)[0]:
            return
        views: list[Callable[..., Any]] = [
            side.token.supply_at_close,
            partial(side.escrow.suspense_at_close, lane),
            partial(side.escrow.sent_at_close, lane),
            side.token.came_at_close,
        ]
        hints = self.hinted(remote, views, day)
        epoch = self.epoch(remote, day)
        sent = side.engine.send_figures(lane, day, epoch, hints, sender=side.courier)
        figures = Figures(*sent.one("FiguresSent").figures)
        message, proof = self.world.signed(remote, figures)
        home.engine.take_figures(message.as_tuple(), figures.as_tuple(), proof, sender=home.courier)

    def bring_over(self, remote: str, day: int) -> None:
        """Home carries a lane into the epochs of its ledger, and a close further."""
        home, lane, behind = self.world.home, self.world.lanes[remote], self.epoch(remote, day)
        for epoch in range(1, epoch_at_home(day) + 1):
            hints = self.lane_hints(remote, LAST[epoch - 1])
            if epoch > behind:
                home.engine.carry_close(lane, day, epoch, hints, sender=home.courier)
            elif not home.engine.base_of(lane, epoch).is_carried:
                first = self.first[remote][epoch - 1]
                told = self.ratio(epoch - 1, RatioState.IN_FORCE, first)
                entered = Entered(*told.as_tuple())
                message, proof = self.world.signed(remote, entered)
                home.engine.take_entered(
                    message.as_tuple(), entered.as_tuple(), proof, sender=home.courier
                )
                self.told(remote, first - 1)
                home.engine.carry_lane(lane, epoch, hints, sender=home.courier)

    def cut(self, record: EventRecord, order: tuple[str, ...]) -> None:
        """Anyone: figures told and taken, home's accounts and the lanes fixed, in any order.

        A lane that takes more from elsewhere than is there is asked again after the other.
        """
        day, home, coaf = record.record_day, self.world.home, record.as_tuple()[2]
        for remote in REMOTES:
            self.told(remote, day)
        custodies = [
            hint(
                partial(home.token.balance_at_close, home.custody_of(lane)),
                day,
                int(home.token.business_day()),
            )
            for lane in home.escrow.lanes_of(home.engine.instrument())
        ]
        own = self.hinted(HOME, [home.token.supply_at_close, home.token.came_at_close], day)
        home.engine.fix(coaf, own, custodies, sender=home.courier)
        for remote in REMOTES:
            self.bring_over(remote, day)
        for last, remote in enumerate((*order, *order)):
            lane = self.world.lanes[remote]
            if home.engine.share_of(coaf, lane).fixed:
                continue
            hints = self.lane_hints(remote, day)
            try:
                home.engine.fix_lane(coaf, lane, hints, sender=home.courier)
            except Revert as refusal:
                if str(refusal.reason) != "cut: figures do not fit" or last >= len(order):
                    raise

    def check(self, record: EventRecord) -> Cut:
        """The engine says what the reference says, and it is the whole issue (INV-6)."""
        home, coaf, day = self.world.home, record.as_tuple()[2], record.record_day
        expected = self.reference(day)
        assert expected.breaks == ()
        assert tuple(home.engine.share_of(coaf, bytes(32))) == (True, 0, expected.accounts, 0)
        total = expected.accounts
        for remote in REMOTES:
            share = expected.shares[LaneId(self.world.lanes[remote])]
            parts = (share.home_crossing, share.accounts, share.crossing)
            assert tuple(home.engine.share_of(coaf, self.world.lanes[remote])) == (True, *parts)
            total += sum(parts)
        elsewhere = home.engine.share_of(coaf, party(str(home.token.address)))
        assert elsewhere.home_crossing == expected.elsewhere
        stood = self.closings[HOME, day]
        # What rounding took of it beyond what there was is part of the issue, too.
        issue = stood["supply"] - stood["came"] + elsewhere.crossing
        assert total + expected.elsewhere == issue == expected.issue
        return expected

    # --- what is claimed in the end

    def land_all(self) -> None:
        """Every ledger is in every epoch, everybody admitted, every message ends."""
        for remote in REMOTES:
            while len(self.first[remote]) < len(LAST):
                self.clear(remote)
                self.tell(remote)
        last = max(first for days in self.first.values() for first in days)
        for name, side in self.world.sides.items():
            network = self.world.network
            network.admit(network.suite(name), side.parties[LATER], ELIGIBLE_UNTIL)
            if self.day(name) <= last:
                begin(side, last + 1)
        latest = max(side.chain.now for side in self.world.sides.values())
        for side in self.world.sides.values():
            side.chain.set_time(latest + 60)
        for message in self.messages:
            name = self.bound(message)
            side = self.side(name)
            if message in self.pending:
                self.world.deliver(message, name)
            if side.escrow.suspended(message.id):
                if is_late(message, side):
                    # It joins them.
                    self.pending.append(self.returned(message, name))
                    for each in self.world.sides.values():
                        each.chain.set_time(side.chain.now + 60)
                else:
                    side.escrow.claim(message.as_tuple(), sender=side.courier)

    def entitled(self, name: str, record: EventRecord) -> int:
        """What accounts of a ledger claim, in the event's units."""
        token, day = self.side(name).token, record.record_day
        units, since = 0, self.epoch(name, day)
        for holder in (*HOLDERS, LATER, "fund"):
            account = self.side(name).parties[holder]
            today = int(token.business_day())
            by = hint(partial(token.balance_at_close, account), day, today)
            held = int(token.entitled_at_close(account, day, by))
            units += self.carried(held, since, record.unit_epoch)
        return units

    def crossed(self, record: EventRecord) -> Iterator[tuple[str, str, int]]:
        """Ledger, lane and units of whatever was under way at a close and has landed since."""
        for message in self.messages:
            name = self.bound(message)
            landing = Landing.unpack(int(self.side(name).escrow.landed(message.id)))
            left = business_day(message.lock_time, CLOSE_MINUTE)
            if landing is not None and left <= record.record_day < landing.day:
                units = self.carried(message.amount, message.action_epoch, record.unit_epoch)
                yield name, self.world.remote_of(message.lane), units

    def check_claims(self, record: EventRecord, split: Cut) -> None:
        """No part is claimed beyond what was fixed, and short of it by remainders alone."""
        most = 0
        for ratio in self.ratios[: record.unit_epoch]:
            most = -(-most * ratio.numerator // ratio.denominator) + len(self.messages) + 8
        crossed: Counter[tuple[str, str]] = Counter()
        for name, remote, units in self.crossed(record):
            crossed[name, remote] += units
        parts = [(split.accounts, self.entitled(HOME, record))]
        for remote in REMOTES:
            share = split.shares[LaneId(self.world.lanes[remote])]
            parts += [
                (share.accounts, self.entitled(remote, record)),
                (share.crossing, crossed[remote, remote]),
                (share.home_crossing, crossed[HOME, remote]),
            ]
        for fixed, claimed in parts:
            assert 0 <= fixed - claimed <= most
