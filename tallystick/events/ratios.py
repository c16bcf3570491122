"""A split or the like: armed on every ledger, told, withdrawn, and lanes carried over it."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.actions.message import Entered, RatioState
from tallystick.events.acts import Step
from tallystick.events.announcing import Announcer
from tallystick.events.over_ratio import OverRatio
from tallystick.token.position import date_of

__all__ = ["Ratios"]

_NO_RATIO = "the event names no ratio"


class Ratios(Announcer, OverRatio):
    """Does what is left of an event's ratio; see `Announcer`.

    What one ledger tells another of it `carry` brings there, and the courier.
    """

    def arm(self) -> Iterator[Step]:
        """Have home arm the ratio in force, and its lanes carried over it once it has begun.

        Of a ratio whose version is in force no more what is left is to withdraw it, from the last
        ledger to home.
        """
        home, engine = self.engines.home, self._engine(self.engines.home)
        armed = engine.armed_ratio(self.coaf)
        standing = engine.event_of(self.coaf)
        version = engine.version_of(standing.in_force)
        current = bytes(standing.in_force) == self.record.hash and version.status == 1
        if not self.record.is_ratio:
            yield Step(home, "arm", "done", _NO_RATIO)
        elif current and armed.version != self.record.version:
            what = f"{self._ratio_text()} from {date_of(self.record.record_day + 1)} on"
            yield self._do(home, engine.arm, (self.record.as_tuple(),), what)
        elif not current and not armed.epoch:
            yield Step(home, "arm", "waiting", "this version is not in force at home")
        elif not current and armed.state != RatioState.IN_FORCE:
            yield from self._withdraw(armed.version)
        else:
            yield Step(home, "arm", "done", self._ratio_text())
            if armed.state == RatioState.IN_FORCE:
                for remote in self.engines.lanes:
                    yield from self.over(self.coaf, armed.epoch, remote)

    def _ratio_text(self) -> str:
        rate = self.record.rate
        return f"{rate.numerator}:{rate.denominator}" if rate else ""

    # ------------------------------------------------------------------------ withdrawn

    def _withdraw(self, armed: int) -> Iterator[Step]:
        """Every other ledger drops it and says so; then home does."""
        home, act = self.engines.home, "withdraw_ratio"
        engine, waiting = self._engine(home), []
        for remote in self.engines.lanes:
            there = self._engine(remote)
            _, version, _ = engine.ratio_told(self.coaf, self._ledger_id(remote))
            in_force = there.version_of(there.event_of(self.coaf).in_force).version
            if version > armed:
                yield Step(remote, act, "done", "told home")
                continue
            waiting.append(remote)
            if in_force <= armed:
                yield Step(remote, act, "waiting", "the version after it is not in force there")
            elif self._is_told(remote, Entered(self.coaf, in_force, RatioState.DROPPED)):
                yield Step(remote, act, "done", "told, to be carried home")
            else:
                yield self._do(remote, there.withdraw_ratio, (self.coaf,), self._ratio_text())
        if waiting:
            yield Step(home, act, "waiting", f"home withdraws last: after {', '.join(waiting)}")
        else:
            yield self._do(home, engine.withdraw_ratio, (self.coaf,), self._ratio_text())
