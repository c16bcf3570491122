"""A split, or what a redemption does to units: armed on every ledger, told, withdrawn, carried."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Entered, Ratio, RatioState, message_from
from tallystick.bridge.message import ledger_id
from tallystick.chain import Contract
from tallystick.events.acts import Step
from tallystick.events.announcing import Announcer
from tallystick.token.position import date_of

__all__ = ["Ratios"]

_NO_RATIO = "the event names no ratio"


class Ratios(Announcer):
    """Does what is left of an event's ratio; see `Announcer`.

    What one ledger tells another of it `carry` brings there, and the courier.
    """

    def arm(self) -> Iterator[Step]:
        """Have home arm the ratio in force, and its lanes carried over it once it has begun.

        Of a ratio whose version is in force no more what is left is to withdraw it, from the last
        ledger to home. Units are redeemed whole once every ledger told home that it is funded.
        """
        home, engine = self.engines.home, self._engine(self.engines.home)
        armed = engine.armed_ratio(self.coaf)
        standing = engine.event_of(self.coaf)
        version = engine.version_of(standing.in_force)
        current = bytes(standing.in_force) == self.record.hash and version.status == 1
        if self.record.change is None:
            yield Step(home, "arm", "done", _NO_RATIO)
        elif current and self.record.change == Rate(0) and not armed.epoch:
            yield from self._redeem()
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
                yield from self._begun(armed.epoch)

    def _redeem(self) -> Iterator[Step]:
        """Have every ledger tell that it is funded in full, then home end the units."""
        home, day = self.engines.home, self.record.record_day
        engine, missing = self._engine(home), []
        for remote, lane in self.engines.lanes.items():
            if engine.is_funded_there(self.coaf, lane.id_bytes):
                yield Step(remote, "send_paid", "done", "funded in full, told home")
                continue
            missing.append(remote)
            logged = self.engines.events(remote, self._engine(remote), "PaidSent", self.coaf)
            if any(each.args["paid"].funded for each in logged):
                yield Step(remote, "send_paid", "done", "funded in full, to be carried home")
            elif self._is_funded(remote):
                arguments = (self.coaf, lane.id_bytes)
                what = "funded in full"
                yield self._do(remote, self._engine(remote).send_paid, arguments, what)
            else:
                yield Step(remote, "send_paid", "waiting", "not funded in full there")

        def redeem() -> Step:
            hints = (self.engines.supply_hint(home, day), self.engines.came_hint(home, day))
            return self._do(home, engine.redeem, (self.coaf, hints), self._ratio_text())

        if self.engines.today(home) < self.record.payment_day:
            until = date_of(self.record.payment_day)
            yield Step(home, "redeem", "waiting", f"not before the payment day, {until}")
        elif not self._is_funded(home):
            yield Step(home, "redeem", "waiting", "not funded in full here")
        elif missing:
            names = ", ".join(missing)
            yield Step(home, "redeem", "waiting", f"not told that it is funded in full: {names}")
        else:
            yield self._tried(home, "redeem", redeem)

    def _is_funded(self, ledger: str) -> bool:
        """Whether every part of a ledger's is funded in full, or nothing is due of it."""
        engine, rate = self._engine(ledger), self.record.rate
        if rate is None or not engine.version_of(self.record.hash).fixed:
            return False
        for lane in self.engines.parts(ledger):
            share = engine.share_of(self.coaf, lane)
            lands = share.home_crossing if ledger == self.engines.home else share.crossing
            due = rate.down(int(lands if any(lane) else share.accounts))
            if not share.fixed or (due and not engine.part_of(self.coaf, lane)[0]):
                return False
        return True

    def _ratio_text(self) -> str:
        rate = self.record.change
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

    # ------------------------------------------------------------------------- in force

    def _begun(self, epoch: int) -> Iterator[Step]:
        """Tell every ledger that it is in force, hear from each since when, carry the lanes."""
        home = self.engines.home
        for remote, lane in self.engines.lanes.items():
            if self._engine(home).base_of(lane.id_bytes, epoch).is_carried:
                yield Step(home, "carry_lane", "done", f"lane to {remote}")
                continue
            there = self._engine(remote).armed_ratio(self.coaf)
            if not there.epoch:
                yield self._told(home)
            elif there.state != RatioState.IN_FORCE:
                first = f"{self._ratio_text()} begins there on {date_of(there.first_day)}"
                yield Step(remote, "tell_ratio", "waiting", first)
            elif not self._engine(home).entered_on(self._ledger_id(remote), epoch):
                yield self._told(remote)
                yield self._last_figures(remote, int(there.first_day) - 1)
            elif not self._engine(home).figures_at(lane.id_bytes, there.first_day - 1)[0]:
                yield self._last_figures(remote, int(there.first_day) - 1)
            else:
                carry = partial(self._carry_lane, remote, epoch)
                yield self._tried(home, "carry_lane", carry)

    def _told(self, ledger: str) -> Step:
        """Have a ledger tell where the ratio stands there, unless it did."""
        engine = self._engine(ledger)
        kind = Ratio if ledger == self.engines.home else Entered
        if self._is_told(ledger, kind(*engine.armed_ratio(self.coaf))):
            return Step(ledger, "tell_ratio", "done", "told, to be carried")
        return self._do(ledger, engine.tell_ratio, (self.coaf,), self._ratio_text())

    def _last_figures(self, remote: str, day: int) -> Step:
        """Have a ledger tell what stood there at its last close in old units."""
        engines, lane = self.engines, self.engines.lanes[remote].id_bytes
        logged = engines.events(remote, self._engine(remote), "FiguresSent", lane)
        if any(each.args["figures"].day == day for each in logged):
            return Step(remote, "send_figures", "done", "told, to be carried home")

        def send() -> Step:
            hints = engines.figures_hints(remote, day)
            arguments = (lane, day, engines.epoch_on(remote, day), hints)
            engine: Contract = self._engine(remote)
            return self._do(remote, engine.send_figures, arguments, str(date_of(day)))

        return self._tried(remote, "send_figures", send)

    def _carry_lane(self, remote: str, epoch: int) -> Step:
        home, lane = self.engines.home, self.engines.lanes[remote].id_bytes
        ratio = self.connection.token(home).ratio_at(epoch)
        hints = self.engines.lane_hints(remote, int(ratio.first_day) - 1)
        arguments = (lane, epoch, hints)
        return self._do(home, self._engine(home).carry_lane, arguments, f"lane to {remote}")

    def _ledger_id(self, ledger: str) -> bytes:
        return ledger_id(self.engines.chain(ledger).caip2)

    def _is_told(self, ledger: str, told: Any) -> bool:
        """Whether a ledger's engine keeps that it told this."""
        message = message_from(self.engines.domain(ledger), self.engines.isin, told)
        return bool(self._engine(ledger).is_told(message.id))
