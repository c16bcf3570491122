"""What parts of the issue an event may be fixed with at a close, from logs alone.

In units of the first epoch a part is the sum of its holders'. Over a ratio the contracts round down
sums, and what is paid of them is rounded down each by itself, so that a part may be above its
holders' units by remainders. Both are held against it: what the closes of both ends of a lane make
of it to the unit (`tallystick.actions.cut`), and by how much remainders can account for at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tallystick.actions.cut import (
    FIRST,
    Base,
    Break,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    fix,
    most_rounded,
    restated,
)
from tallystick.actions.cut import carry as carried_over
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneId
from tallystick.status.closes import Close, Closes, Crossing
from tallystick.status.declared import Span
from tallystick.token.ratios import carried

__all__ = ["Shares", "left_at_most"]

# What is to land at home is a rest: what a lane is owed, what is there and what is under way there
# round each by itself. Where other bridges brought units, those and what waits at home do as well.
_SUMS: Final = 2
_WITH_OTHERS: Final = 2


class Shares:
    """The parts of the issue at any close.

    Args:
        ledgers: by name, home's first.
        crossings: every message by its id.
    """

    def __init__(self, ledgers: Mapping[str, Closes], crossings: Mapping[bytes, Crossing]) -> None:
        self.ledgers = ledgers
        self.crossings = crossings
        self.home = next(closes for closes in ledgers.values() if closes.home)
        # Another ledger's table is never more than the beginning of home's.
        self.ratios = self.home.ratios
        self._bases: dict[tuple[str, bytes, int, int], Base | None] = {}

    def close(self, ledger: str, record: EventRecord) -> Close | None:
        """Return a ledger's close of the record day in units of the record; None: it is not over.

        One that took a ratio late counted it in older ones.
        """
        closes, day = self.ledgers[ledger], record.record_day
        close = closes.close(day) if day else None
        if close is None:
            return None
        return close.over(self.ratios[closes.epoch_on(day) : record.unit_epoch])

    def accounts(self, ledger: str, record: EventRecord) -> Span | None:
        """Return what may be fixed for accounts and pools; None: the day is not over."""
        close = self.close(ledger, record)
        if close is None:
            return None

        def positions(epoch: int) -> int:
            last = self.ledgers[ledger].close(self._last_day(ledger, epoch, record.record_day))
            return last.positions if last is not None else 0

        return Span(
            least=close.held,
            most=close.held + self._left(record, positions),
            exact=close.supply - sum(close.custodies.values()),
        )

    def lane(self, ledger: str, lane: bytes, record: EventRecord) -> tuple[Span, Span, Span] | None:
        """Return what of a lane may be fixed: to land at home, of accounts there, to land there.

        None: one of both closes is not over.
        """
        accounts, home = self.accounts(ledger, record), self.home.ledger
        if accounts is None or self.close(home, record) is None:
            return None
        exact = self._exact(ledger, lane, record)
        sums = _SUMS + (_WITH_OTHERS if self._with_others(record.record_day) else 0)
        to_home = self._crossing(home, lane, record, sums)
        to_remote = self._crossing(ledger, lane, record, 0)
        if exact is None:
            return to_home, accounts, to_remote
        return (
            to_home._replace(exact=exact[0]),
            accounts._replace(exact=exact[1]),
            to_remote._replace(exact=exact[2]),
        )

    def elsewhere(self, record: EventRecord) -> int | None:
        """Return base units with other bridges; None: something is not known that says it.

        Taken out of home, less what came on other ledgers, and less what lanes have above what home
        counts of them. Ratios may round it below nothing.
        """
        day, epoch = record.record_day, record.unit_epoch
        closes = [self.close(name, record) for name in self.ledgers]
        if len(self.ledgers) <= len(self.home.lanes) or None in closes:
            return None
        left = -sum(close.came for close in closes if close is not None)
        for name, lane in self._lanes(day) if epoch else ():
            base = self._base(name, lane, day, epoch)
            if base is None:
                return None
            left -= base.short
        return max(left, 0) if epoch else left

    # -------------------------------------------------------------------- what is exact

    def _lanes(self, day: int) -> list[tuple[str, bytes]]:
        """Lanes that have books of a close, and to where."""
        return [
            (name, lane)
            for name, closes in self.ledgers.items()
            for lane in closes.lanes
            if name != self.home.ledger and self.home.has_books(lane, day)
        ]

    def _with_others(self, day: int) -> bool:
        """Whether other bridges have carried anything by the close of a day."""
        return any(closes.carried_by(day) for closes in self.ledgers.values())

    def _exact(self, ledger: str, lane: bytes, record: EventRecord) -> tuple[int, int, int] | None:
        """What a lane's closes make of its part; None: they do not fit one another."""
        day, epoch = record.record_day, record.unit_epoch
        base = self._base(ledger, lane, day, epoch)
        if base is None or epoch != self.home.epoch_on(day) or not self.home.has_books(lane, day):
            return None
        end, there = self._home_end(lane, day), self._remote_end(ledger, lane, day, epoch)
        closes = [self.close(name, record) for name in self.ledgers]
        # Whatever other bridges took somewhere may have come there.
        taken = sum(max(-close.came, 0) for close in closes if close is not None)
        held = end.outstanding + end.suspense
        found = fix(
            HomeFigures(supply=held, custody=held, bridged_out=taken),
            {LaneId(lane): end},
            {LaneId(lane): there},
            {LaneId(lane): base},
            most_rounded(self.ratios[:epoch], len(self.home.lanes)),
        ).shares.get(LaneId(lane))
        if found is None:
            return None
        return found.home_crossing, found.accounts, found.crossing

    def _base(self, ledger: str, lane: bytes, day: int, epoch: int) -> Base | None:
        """What a lane began an epoch with, as a close is asked for; None: closes do not fit.

        Of a ledger that was late by then, as if it had taken the ratio at that close.
        """
        if not epoch:
            return FIRST
        key = ledger, lane, epoch, self._last_day(ledger, epoch, day)
        if key not in self._bases:
            self._bases[key] = self._carry(ledger, lane, day, epoch)
        return self._bases[key]

    def _carry(self, ledger: str, lane: bytes, day: int, epoch: int) -> Base | None:
        if epoch > len(self.ratios):
            return None
        before, ratio = self._base(ledger, lane, day, epoch - 1), self.ratios[epoch - 1]
        last, at_home = self._last_day(ledger, epoch, day), ratio.first_day - 1
        closes = (self.ledgers[ledger].close(last), self.home.close(at_home))
        if before is None or None in closes:
            return None
        there = self._remote_end(ledger, lane, last, epoch - 1)
        base = carried_over(before, self._home_end(lane, at_home), there, ratio)
        return None if isinstance(base, Break) else base

    def _home_end(self, lane: bytes, day: int) -> HomeEnd:
        """A lane's end at home at a close, in units of that day."""
        close, suspense = self.home.close(day), self.home.suspense(lane, day)
        held = close.custodies.get(self.home.custodies[lane], 0) if close is not None else 0
        return HomeEnd(held - suspense, suspense, self.home.sent(lane, day))

    def _remote_end(self, ledger: str, lane: bytes, day: int, epoch: int) -> RemoteEnd:
        """A lane's end abroad at a close, in units of an epoch from that day's on."""
        closes = self.ledgers[ledger]
        close, since = closes.close(day), closes.epoch_on(day)
        waiting = close.custodies.get(closes.custodies[lane], 0) if close is not None else 0
        end = RemoteEnd(
            supply=close.supply if close is not None else 0,
            suspense=waiting,
            sent=closes.sent(lane, day),
            came=close.came if close is not None else 0,
        )
        for ratio in self.ratios[since:epoch]:
            end = restated(end, ratio)
        return end

    # ------------------------------------------------------------------- what is bounded

    def _last_day(self, ledger: str, epoch: int, day: int) -> int:
        """A ledger's last close before an epoch; `day`, if it has none by the close of that."""
        ratios = self.ledgers[ledger].ratios
        if epoch <= len(ratios):
            return min(ratios[epoch - 1].first_day - 1, day)
        return day

    def _crossing(self, ledger: str, lane: bytes, record: EventRecord, sums: int) -> Span:
        """What may be fixed for messages that land on a ledger."""
        mine = [
            each
            for each in self.crossings.values()
            if each.destination == ledger and each.message.lane == lane
        ]
        ratios, until = self.ratios, record.unit_epoch
        least = sum(
            carried(each.message.amount, ratios[each.message.action_epoch : until])
            for each in mine
            if each.under_way(record.record_day)
        )

        def rounded(epoch: int) -> int:
            last = self._last_day(ledger, epoch, record.record_day)
            return sums + sum(
                each.message.action_epoch < epoch
                and each.left <= record.record_day
                and (each.end is None or each.end.day > last)
                for each in mine
            )

        return Span(least, least + self._left(record, rounded))

    def _left(self, record: EventRecord, rounded: Callable[[int], int]) -> int:
        ratios = self.ratios[: record.unit_epoch]
        return left_at_most(
            [(each.numerator, each.denominator, rounded(n)) for n, each in enumerate(ratios, 1)]
        )


def left_at_most(steps: list[tuple[int, int, int]]) -> int:
    """Return by how much a sum may be above the sum of its parts.

    Args:
        steps: of each ratio numerator, denominator and how many amounts it rounded down; each
            leaves less than one unit, and the ratios after it carry what was left.
    """
    most = 0
    for numerator, denominator, count in steps:
        most = -(-most * numerator // denominator) + count
    return most
