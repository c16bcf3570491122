"""Lanes taken over a ratio that is in force at home: told, heard of, carried.

Anyone may, and whoever comes second finds nothing left. Nothing is kept here: what is due is seen
on the ledgers each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tallystick.actions.message import Entered, Kind, Ratio, RatioState, message_from
from tallystick.bridge.message import ledger_id
from tallystick.events.acts import Step
from tallystick.events.carrying import Carrier
from tallystick.events.ratio_decision import Due, Over, Seen, decide
from tallystick.token.position import date_of

__all__ = ["OverRatio"]

_ACTS: Final = {
    Over.TELL_HOME: "tell_ratio",
    Over.TELL_THERE: "tell_ratio",
    Over.FIGURES: "send_figures",
    Over.CARRY: "carry_lane",
}


@dataclass(frozen=True, slots=True)
class _Lane:
    """A lane, and the ratio that it is taken over; `words`: the ratio, for people."""

    coaf: bytes
    epoch: int
    remote: str
    words: str


class OverRatio(Carrier):
    """Takes lanes over a ratio that is in force at home; see `Actor`."""

    def over(self, coaf: bytes, epoch: int, remote: str) -> Iterator[Step]:
        """Do what is left of the lane to a ledger, as far as the ledgers let it.

        Args:
            coaf: the event that armed the ratio.
            epoch: that it began.
            remote: the ledger at the lane's other end.
        """
        ratio = self.connection.token(self.engines.home).ratio_at(epoch)
        lane = _Lane(coaf, epoch, remote, f"{ratio.numerator}:{ratio.denominator}")
        seen = self._seen(lane)
        for due in decide(seen):
            yield self._over(lane, seen, due)

    def _seen(self, lane: _Lane) -> Seen:
        """What the ledgers know of it."""
        engines, home, remote = self.engines, self.engines.home, lane.remote
        lane_id = engines.lanes[remote].id_bytes
        here, block = self._engine(home), self._block(home)
        if here.base_of.call(lane_id, lane.epoch, block=block).is_carried:
            return Seen(carried=True, state=None)
        there = Ratio(*self._armed(remote, lane.coaf))
        if not there.epoch:
            told = Ratio(*self._armed(home, lane.coaf))
            return Seen(carried=False, state=None, home_told=self._is_told(home, told))
        if there.state != RatioState.IN_FORCE:
            return Seen(carried=False, state=RatioState(there.state), first_day=there.first_day)
        name, day = self._ledger_id(remote), there.first_day - 1
        entered = bool(here.entered_on.call(name, lane.epoch, block=block))
        figures = bool(here.figures_at.call(lane_id, day, block=block)[0])
        return Seen(
            carried=False,
            state=RatioState.IN_FORCE,
            first_day=there.first_day,
            told=entered or self._is_told(remote, Entered(*there.as_tuple())),
            entered=entered,
            figures_told=figures or self._figures_told(remote, lane_id, day),
            figures=figures,
        )

    def _over(self, lane: _Lane, seen: Seen, due: Due) -> Step:
        home, remote = self.engines.home, lane.remote
        day = seen.first_day - 1
        ledger = home if due.act in (Over.TELL_HOME, Over.CARRY) else remote
        what = {Over.FIGURES: str(date_of(day)), Over.CARRY: f"lane to {remote}"}.get(
            due.act, lane.words
        )
        if not due.is_due:
            state = "waiting" if due.waits else "done"
            return Step(ledger, _ACTS[due.act], state, f"{what}: {due.waits or due.done}")
        do: dict[Over, Callable[[], Step]] = {
            Over.TELL_HOME: partial(self._tell, home, lane.coaf, what),
            Over.TELL_THERE: partial(self._tell, remote, lane.coaf, what),
            Over.FIGURES: partial(self._last_figures, remote, day, what),
            Over.CARRY: partial(self._carry_lane, lane, what),
        }
        return self._tried(ledger, _ACTS[due.act], do[due.act], what)

    def _tell(self, ledger: str, coaf: bytes, what: str) -> Step:
        return self._do(ledger, self._engine(ledger).tell_ratio, (coaf,), what)

    def _last_figures(self, remote: str, day: int, what: str) -> Step:
        """Have a ledger tell what stood there at its last close in old units."""
        engines = self.engines
        arguments = (
            engines.lanes[remote].id_bytes,
            day,
            engines.epoch_on(remote, day),
            engines.figures_hints(remote, day),
        )
        return self._do(remote, self._engine(remote).send_figures, arguments, what)

    def _carry_lane(self, lane: _Lane, what: str) -> Step:
        home, lane_id = self.engines.home, self.engines.lanes[lane.remote].id_bytes
        first_day = int(self.connection.token(home).ratio_at(lane.epoch).first_day)
        arguments = (lane_id, lane.epoch, self.engines.lane_hints(lane.remote, first_day - 1))
        return self._do(home, self._engine(home).carry_lane, arguments, what)

    # ---------------------------------------------------------------------------- asked

    def _armed(self, ledger: str, coaf: bytes) -> tuple[Any, ...]:
        """The ratio of an event as it is armed on a ledger."""
        found = self._engine(ledger).armed_ratio.call(coaf, block=self._block(ledger))
        return tuple(found)

    def _figures_told(self, remote: str, lane: bytes, day: int) -> bool:
        told = self.engines.told_of_lane(remote, Kind.FIGURES, lane, day)
        return any(getattr(each.told, "day", 0) == day for each in told)

    def _ledger_id(self, ledger: str) -> bytes:
        return ledger_id(self.engines.chain(ledger).caip2)

    def _is_told(self, ledger: str, told: Any) -> bool:
        """Whether a ledger's engine keeps that it told this."""
        message = message_from(self.engines.domain(ledger), self.engines.isin, told)
        engine = self._engine(ledger)
        return bool(engine.is_told.call(message.id, block=self._block(ledger)))
