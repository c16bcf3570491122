"""Several ledgers, instruments and lanes in plain Python: which act reverts and why, what is so.

One ledger of one instrument is `Ratios`, one end of a lane `End`, both in whole numbers and both
each other's check: what custody holds is reckoned by either. All that a ledger knows is in its
`Ledger`, so that what a reorganisation undoes is a copy of that. Where a message is follows from
two ledgers: it is under way while its source has sent it and its destination has not taken it in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tallystick.bridge.limits import Limit
from tallystick.bridge.message import DENIED, LaneMessage, party
from tallystick.token.position import business_day
from tallystick.token.ratios import Ratio
from tests.stateful.many_owed import Engine, Landing, Stood
from tests.stateful.model import ISSUE, RELEASE, RETURNED, TRANSFERS, Refusal, Stops
from tests.support.lane_ratios import End, over
from tests.support.ratios import Fraction, Ratios

OUT: Final = 1
IN: Final = 2


# From this nonce on no play has a true message.
FALSE: Final = 10**6


@dataclass
class Wrong:
    """A false message that was credited, in which epoch, on which day, and how far it is mended."""

    message: LaneMessage
    epoch: int
    came: int
    denied: bool = False
    reopened: bool = False
    made: bool = False
    # On which day it was made good.
    made_on: int = 0

    def counts(self, day: int) -> bool:
        """Whether what it brought was there when a day ended."""
        return self.came <= day and not (self.made and self.made_on <= day)

    def done(self, step: str) -> bool:
        """Whether its nonce is free, or its units are made good."""
        return self.reopened if step == "reopen" else self.made

    @property
    def mended(self) -> bool:
        """Whether all is as if it had never been; a nonce of its own is in nobody's way."""
        return self.made and (self.reopened or self.message.nonce >= FALSE)


@dataclass
class Lane:
    """One end of a lane: units, what left and what arrived, who may sign, what is stopped."""

    # Where its units wait or are locked.
    custody: str
    end: End
    limit: Limit
    retention: int
    stops: Stops = field(default_factory=Stops)
    # Until when each epoch's signatures count.
    epochs: list[int] = field(default_factory=lambda: [2**48])
    sent: list[LaneMessage] = field(default_factory=list)
    arrived: set[int] = field(default_factory=set)
    # What waits for the limit, until when; what is proposed instead of its recipient.
    waits: dict[bytes, int] = field(default_factory=dict)
    redirects: dict[bytes, str] = field(default_factory=dict)
    # By message, how it ended here; by day, what stood when it ended.
    landed: dict[bytes, Landing] = field(default_factory=dict)
    closings: dict[int, Stood] = field(default_factory=dict)

    wrongs: dict[bytes, Wrong] = field(default_factory=dict)
    # False messages that wait or waited, from which day until which.
    false: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    # Nothing leaves home any more; it has ended; what may be outstanding all the same.
    ending: bool = False
    ended: bool = False
    dust: int = 0

    def epoch_refusal(self, epoch: int, now: int) -> Refusal | None:
        """Signatures of an epoch."""
        if not 0 < epoch <= len(self.epochs) or now >= self.epochs[epoch - 1]:
            return "lanes: no such epoch now"
        return None

    def is_false(self, day: int) -> bool:
        """Whether the books had anything false in them when a day ended."""
        waited = any(came <= day < gone for came, gone in self.false.values())
        return waited or any(wrong.counts(day) for wrong in self.wrongs.values())

    def stands(self, held: int) -> Stood:
        """What would be told of a close that is now."""
        sent = sum(each.amount for each in self.sent if each.action_epoch == self.end.epoch)
        return Stood(held, self.end.suspense, sent)

    def rotate(self, now: int) -> None:
        """Other signers from now on; room grows from nothing again."""
        self.epochs[-1] = now + self.retention
        self.epochs.append(2**48)
        limit = self.limit
        self.limit = Limit(
            limit=limit.limit,
            window=limit.window,
            ramp=limit.ramp,
            ramps_until=now + limit.ramp,
            drained_at=limit.drained_at,
        )


@dataclass
class Book:
    """One instrument on one ledger; at home a lane to each other ledger, there the one home."""

    token: Ratios
    lanes: dict[str, Lane]
    close_minute: int
    home: bool
    stops: Stops = field(default_factory=Stops)
    barred: set[str] = field(default_factory=set)
    # Closes that must be answered for ever.
    announced: set[int] = field(default_factory=set)
    engine: Engine = field(default_factory=Engine)

    def pass_to(self, now: int) -> bool:
        """Close all days up to now, each ratio at its moment; whether one came."""
        epoch = self.token.epoch
        for day in range(self.token.day, business_day(now, self.close_minute)):
            for lane in self.lanes.values():
                lane.closings[day] = lane.stands(self.holds(lane.custody))
            known = self.token.epoch
            self.token.pass_to(day + 1)
            for ratio in self.token.past[known:]:
                told = (ratio.numerator, ratio.denominator)
                for lane in self.lanes.values():
                    lane.end.ratios.append(told)
                    lane.limit = lane.limit.over([Ratio(*told, ratio.first_day)])
        return self.token.epoch != epoch

    def lands(self, lane: Lane, message: LaneMessage, account: str) -> None:
        """A message's units are on an account; or, without one, went back."""
        left = business_day(min(message.lock_time, message.deadline), self.close_minute)
        across = left < self.token.day or message.action_epoch < lane.end.epoch
        back = not account
        lane.landed[message.id] = Landing(self.token.day, account, across or back, back)

    def holds(self, account: str) -> int:
        """Units of an account."""
        return self.token.holdings[account].balance


@dataclass
class Ledger:
    """All that is so on a ledger."""

    name: str
    clock: int
    books: dict[str, Book]
    # Contract -> whether it is at its next release, and since when.
    upgraded: dict[str, tuple[bool, int]] = field(default_factory=dict)

    def pass_to(self, now: int) -> set[str]:
        """The next block's time is so late; returns whose units changed by a ratio."""
        self.clock = now
        return {isin for isin, book in self.books.items() if book.pass_to(now)}

    # ------------------------------------------------------------------ why an act is refused

    def send_refusal(
        self, book: Book, lane: Lane, holder: str, amount: int, deadline: int
    ) -> Refusal | None:
        """Units leave."""
        if amount == 0:
            return "transit: nothing to send"
        if deadline <= self.clock:
            return "transit: deadline passed"
        if lane.ended:
            return "lanes: ended"
        if lane.ending:
            return "lanes: its end is under way"
        if lane.stops.running(self.clock) & OUT:
            return "lanes: outbound paused"
        if not book.home and amount > lane.end.outstanding:
            return "lanes: more than issued here"
        return self.move_refusal(book, holder, amount)

    def move_refusal(self, book: Book, holder: str, amount: int) -> Refusal | None:
        """A holder's units move."""
        if book.stops.running(self.clock) & TRANSFERS:
            return f"{'controls' if book.home else 'issuance'}: transfers paused"
        if amount > book.holds(holder):
            return "ERC20InsufficientBalance", (holder, book.holds(holder), amount)
        return None

    def deliver_refusal(
        self, book: Book, lane: Lane, message: LaneMessage, unproven: Refusal | None
    ) -> Refusal | None:
        """A message, and why what attestors sign does not prove it."""
        if (refusal := self.check_refusal(book, message)) is not None:
            return refusal
        if message.nonce in lane.arrived:
            return "transit: delivered already"
        return unproven if unproven is not None else self.arrive_refusal(book, lane, message)

    def batch_refusal(
        self, book: Book, lane: Lane, messages: Sequence[LaneMessage], unproven: Refusal | None
    ) -> Refusal | None:
        """Messages under one attestation; those before the first that is refused arrive."""
        if unproven is not None:
            return unproven
        for message in messages:
            if (refusal := self.check_refusal(book, message)) is not None:
                return refusal
            if message.nonce in lane.arrived:
                continue
            if (refusal := self.arrive_refusal(book, lane, message)) is not None:
                return refusal
            recipients = (each for each in book.token.holdings if party(each) == message.recipient)
            self.arrive(book, lane, message, next(recipients))
        return None

    def check_refusal(self, book: Book, message: LaneMessage) -> Refusal | None:
        """What no attestation mends."""
        if message.kind & ~RETURNED != (RELEASE if book.home else ISSUE):
            return "transit: wrong direction"
        if message.lock_time > self.clock:
            return "transit: before its lock time"
        return None

    def arrive_refusal(self, book: Book, lane: Lane, message: LaneMessage) -> Refusal | None:
        """Of a message that is proven and not here."""
        if message.action_epoch > lane.end.epoch:
            return "transit: ratio not known here yet"
        if lane.stops.running(self.clock) & IN:
            return "lanes: inbound paused"
        units = lane.end.now(message.amount, message.action_epoch)
        if book.home and units > lane.end.outstanding:
            return "lanes: more than locked here"
        return None

    def queue_refusal(self, lane: Lane, message: LaneMessage) -> Refusal | None:
        """Whether what waits waits for its limit still."""
        if not lane.limit.limit or message.id not in lane.waits:
            return None
        if self.clock < lane.waits[message.id]:
            return "transit: waits for its lane's limit"
        if lane.stops.running(self.clock) & IN:
            return "transit: queued while arrivals are stopped"
        return None

    def claim_refusal(
        self, book: Book, lane: Lane, message: LaneMessage, recipient: str
    ) -> Refusal | None:
        """What waits is paid to whom it was sent."""
        if message.id not in lane.end.words:
            return "transit: nothing in suspense"
        if self.is_late(message):
            return "transit: past its deadline"
        refusal = self.queue_refusal(lane, message)
        if refusal is None and recipient in book.barred:
            return "ERC7943CannotReceive", (recipient,)
        return refusal

    def return_refusal(self, lane: Lane, message: LaneMessage) -> Refusal | None:
        """What waits goes back."""
        if message.id not in lane.end.words:
            return "transit: nothing to return"
        if message.kind & RETURNED:
            return "transit: never goes back"
        if not self.is_late(message):
            return "transit: before its deadline"
        if message.id in lane.redirects:
            return "transit: a redirect is proposed"
        return None

    def redirect_refusal(self, lane: Lane, message: LaneMessage, payee: str) -> Refusal | None:
        """What waits is paid to somebody else."""
        if lane.redirects.get(message.id) != payee:
            return "transit: not what was proposed"
        if message.id not in lane.end.words:
            return "transit: claimed meanwhile"
        return self.queue_refusal(lane, message)

    def amends_refusal(
        self, book: Book, lane: Lane, account: str, units: int, restored: int
    ) -> Refusal | None:
        """Units that a false message brought are given; elsewhere than at home no stop hinders."""
        if not book.home and restored > lane.end.outstanding:
            return "lanes: more undone than waits here"
        if book.home:
            return self.move_refusal(book, account, units)
        if units > book.holds(account):
            return "ERC20InsufficientBalance", (account, book.holds(account), units)
        return None

    def is_late(self, message: LaneMessage) -> bool:
        """Whether a recipient gets nothing any more."""
        return not message.kind & RETURNED and message.deadline <= self.clock

    # ----------------------------------------------------------------------- what acts do

    def arrive(self, book: Book, lane: Lane, message: LaneMessage, recipient: str) -> bool:
        """A message is taken in; whether its recipient was credited."""
        units = lane.end.now(message.amount, message.action_epoch)
        until = 0
        if lane.limit.limit and units:
            lane.limit = lane.limit.taken(units, self.clock)
            until = lane.limit.until()
        queued = until > self.clock
        suspended = queued or self.is_late(message) or recipient in book.barred
        credited = units == 0 or not suspended
        lane.arrived.add(message.nonce)
        lane.end.arrives(message, credited)
        if not credited and queued:
            lane.waits[message.id] = until
        if credited:
            book.lands(lane, message, recipient)
        if not book.home:
            book.token.issue(recipient if credited else lane.custody, units)
        elif credited:
            book.token.move(lane.custody, recipient, units)
        return credited

    def pay(self, book: Book, lane: Lane, message: LaneMessage, payee: str) -> int:
        """What waits is somebody's; returns the units."""
        units = lane.end.ends(message)
        lane.redirects.pop(message.id, None)
        book.lands(lane, message, payee)
        book.token.move(lane.custody, payee, units)
        return units

    def give_back(self, book: Book, lane: Lane, message: LaneMessage) -> int:
        """What waits leaves again; returns the units."""
        units = lane.end.ends(message, paid=False)
        book.lands(lane, message, "")
        if not book.home:
            book.token.issue(lane.custody, -units)
        return units

    def undo(self, book: Book, lane: Lane, message: LaneMessage, denial: LaneMessage) -> int:
        """What waits never left: its nonce is free again; returns what rounding leaves of it."""
        _, units, since = lane.end.words[message.id]
        units = lane.end.now(units, since)
        came, _ = lane.false[message.id]
        lane.false[message.id] = came, book.token.day
        left = lane.end.never(message, denial.id)
        if left:
            more = replace(message, amount=left)
            lane.wrongs[denial.id] = Wrong(more, lane.end.epoch, book.token.day, True, True)
        lane.arrived.discard(message.nonce)
        lane.waits.pop(message.id, None)
        lane.redirects.pop(message.id, None)
        if not book.home:
            book.token.issue(lane.custody, -units)
        return left


@dataclass
class Instrument:
    """What ledgers say of one instrument, together."""

    isin: str
    home: Book
    remotes: dict[str, Book]

    def ratios(self) -> list[tuple[int, int]]:
        """All ratios that are in force anywhere, in their order."""
        books = (self.home, *self.remotes.values())
        longest = max(books, key=lambda book: book.token.epoch)
        return [(each.numerator, each.denominator) for each in longest.token.past]

    def under_way(self, remote: str) -> Iterator[LaneMessage]:
        """Messages of a lane that have left one end and are not at the other."""
        at_home = self.home.lanes[remote]
        there = self.remotes[remote].lanes[remote]
        for source, target in ((at_home, there), (there, at_home)):
            yield from (each for each in source.sent if each.nonce not in target.arrived)

    def unbacked(self, remote: str) -> int:
        """By how much a lane owes more at home than is out, in the newest units (INV-2)."""
        ratios = self.ratios()
        at_home, there = self.home.lanes[remote].end, self.remotes[remote].lanes[remote].end
        owed = over(at_home.outstanding, *ratios[at_home.epoch :])
        out = over(there.outstanding, *ratios[there.epoch :])
        out += sum(
            over(each.amount, *ratios[each.action_epoch :])
            for each in self.under_way(remote)
            if not each.kind & DENIED
        )
        return owed - out

    def dust(self, remote: str) -> int:
        """The most that rounding can leave of a lane: less than one a part at each ratio."""
        parts = len(self.home.lanes[remote].sent) + len(self.remotes[remote].lanes[remote].sent)
        most = 0
        for numerator, denominator in self.ratios():
            most = -(-most * numerator // denominator) + parts + 2
        return most


def pending(book: Book) -> list[Fraction]:
    """All ratios that a ledger knows, those in force first."""
    return [*book.token.past, *book.token.pending]
