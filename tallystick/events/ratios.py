"""A split, or what a redemption does to units: armed on every ledger, told, withdrawn, carried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Entered, RatioState, Status
from tallystick.actions.record import PRICED, RecordError
from tallystick.chain import Revert
from tallystick.events.acts import Step
from tallystick.events.announcing import Announcer
from tallystick.events.over_ratio import OverRatio
from tallystick.governance.roles import reason_code
from tallystick.token.position import date_of

__all__ = ["Ratios"]

_NO_RATIO: Final = "the event names no ratio"
# Why a token is told of a ratio.
_REASON: Final = reason_code("RATI")
# Of why it would not, what is wrong with the record, and what it was to be.
_UNFIT: Final = {
    "ratios: fraction out of range": ("rate", "parts of at most 40 bits, in lowest terms"),
    "ratios: four are pending": ("record_day", "a later day: four ratios wait for theirs"),
    "ratios: no epoch left": ("rate", "none: the instrument has had as many as there can be"),
    "ratios: too soon or too far": (
        "record_day",
        "a close at least two business days away, and no further than the token takes",
    ),
    "ratios: units out of range": (
        "rate",
        "less: supply or authorised amount would not fit their fields any more",
    ),
}


class Ratios(Announcer, OverRatio):
    """Does what is left of an event's ratio; see `Announcer`.

    What one ledger tells another of it `carry` brings there, and the courier.
    """

    # ------------------------------------------------------------------------ announced

    def check_announcement(self, status: Status = Status.ACTIVE) -> None:
        """Refuse also a ratio that no ledger could arm, as far as home and its agents say.

        Raises:
            RecordError: the field that is wrong.
        """
        super().check_announcement(status)
        if self.is_announced():
            return
        home, record = self.engines.home, self.record
        armed = self._engine(home).armed_ratio(self.coaf)
        if armed.epoch:
            kept = (armed.numerator, armed.denominator, armed.first_day)
            stays = status == Status.ACTIVE and self._words() == kept
            if not stays and (why := self._too_late()):
                raise RecordError("version", f"no further one: {why}")
        elif record.is_price and status == Status.ACTIVE:
            self._check_price()
        elif record.change not in (None, Rate(0)) and status == Status.ACTIVE:
            try:
                self._check_ratio()
            except RecordError as error:
                named = {"rate": "rate" if record.is_ratio else "left"}
                raise RecordError(named.get(error.field, error.field), error.expected) from None

    def _check_ratio(self) -> None:
        """Refuse a ratio that home's token would not take."""
        home, record = self.engines.home, self.record
        epochs, days = self._table(home)
        if record.unit_epoch != epochs:
            expected = f"{epochs}: so many ratios are armed on {home}"
            raise RecordError("unit_epoch", expected)
        if days and record.record_day < days[-1]:
            last = date_of(days[-1])
            expected = f"{last} or later: a ratio that is armed begins on that day"
            raise RecordError("record_day", expected)
        for ledger in self.engines.ledgers:
            if not int(str(self._engine(ledger).fractions_agent()), 16):
                act = f"tallystick act {ledger} ActionsEngine.propose_fractions_agent"
                expected = f"a fractions' agent on {ledger} first ({act})"
                raise RecordError("rate", expected)
        engine, announce = self._engine(home), self.connection.token(home).announce_ratio
        try:
            announce.call(
                *self._words(),
                engine.fractions_agent(),
                _REASON,
                record.hash,
                sender=str(engine.address),
            )
        except Revert as revert:
            name, expected = _UNFIT.get(
                revert.reason or "", ("rate", f"one that {home} takes ({revert})")
            )
            raise RecordError(name, expected) from None

    def _check_price(self) -> None:
        """Refuse a price of other fractions than a ratio in force at home has."""
        home, record = self.engines.home, self.record
        engine, epoch = self._engine(home), record.unit_epoch
        logged = self.engines.events(home, engine, "RatioArmed", None, epoch.to_bytes(32, "big"))
        # One that was dropped may have been armed for it before.
        armed = next(reversed([bytes(event.coaf) for event in logged]), None)
        if armed is None or epoch > int(self.connection.token(home).action_epoch()):
            raise RecordError("unit_epoch", f"the epoch that a ratio in force on {home} began")
        standing = engine.event_of(armed)
        ratio = self.engines.versions(armed)[bytes(standing.in_force)].record
        for name in ("corp", "caev"):
            if getattr(record, name) != (kept := getattr(ratio, name)):
                raise RecordError(name, f"{kept}, as the ratio's, {ratio.coaf}")
        if ratio.rounding not in PRICED:
            expected = f"of a ratio whose fractions have a price: those of {ratio.coaf} are"
            raise RecordError("unit_epoch", f"{expected} {ratio.rounding.code}")

    def _words(self) -> tuple[int, int, int]:
        """New units, old ones, and the first day in new ones; nothing of an event without."""
        rate, day = self.record.change, self.record.record_day
        if rate in (None, Rate(0)):
            return (0, 0, 0)
        return (rate.numerator, rate.denominator, day + 1)

    def _too_late(self) -> str:
        """Why a ratio of the event that is armed can be withdrawn no more, or nothing.

        Each other ledger drops it no later than two days before its first day, home after them.
        """
        for ledger in self.engines.ledgers:
            armed, today = self._engine(ledger).armed_ratio(self.coaf), self.engines.today(ledger)
            days = 0 if ledger == self.engines.home else 1
            last = int(armed.first_day) - days - 1
            if armed.epoch and today > last:
                return f"{ledger} withdraws the ratio until the close of {date_of(last)}"
        return ""

    def _table(self, ledger: str) -> tuple[int, list[int]]:
        """How many ratios are armed on a ledger, and the first days of those that are pending."""
        token = self.connection.token(ledger)
        epoch, days = int(token.action_epoch()), list[int]()
        while first_day := int(token.ratio_at(epoch + len(days) + 1).first_day):
            days.append(first_day)
        return epoch + len(days), days

    # ---------------------------------------------------------------------------- armed

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
            yield self.enter()
        elif not current and not armed.epoch:
            yield Step(home, "arm", "waiting", "this version is not in force at home")
        elif not current and armed.state != RatioState.IN_FORCE:
            yield from self._withdraw(int(armed.version))
        else:
            yield Step(home, "arm", "done", self._ratio_text())
            if armed.state == RatioState.IN_FORCE:
                for remote in self.engines.lanes:
                    yield from self.over(self.coaf, armed.epoch, remote)

    def enter(self) -> Step:
        """Have home's token told of the ratio, and all other ledgers."""
        home = self.engines.home
        what = f"{self._ratio_text()} from {date_of(self.record.record_day + 1)} on"
        return self._do(home, self._engine(home).arm, (self.record.as_tuple(),), what)

    def is_armed_as(self, armed: Any) -> bool:
        """Whether what is armed is the record's ratio, on the same day."""
        return self._words() == (armed.numerator, armed.denominator, armed.first_day)

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
        for remote in self.engines.lanes:
            yield self.drop(remote, armed)
        yield self.drop_last(armed)

    def drop(self, remote: str, armed: int) -> Step:
        """Have another ledger drop what a version armed that is in force no more."""
        act, there = "withdraw_ratio", self._engine(remote)
        if self._is_dropped(remote, armed):
            return Step(remote, act, "done", "told home")
        in_force = there.version_of(there.event_of(self.coaf).in_force).version
        if in_force <= armed:
            return Step(remote, act, "waiting", "the version after it is not in force there")
        if self._is_told(remote, Entered(self.coaf, in_force, RatioState.DROPPED)):
            return Step(remote, act, "done", "told, to be carried home")
        return self._do(remote, there.withdraw_ratio, (self.coaf,), self._ratio_text())

    def drop_last(self, armed: int) -> Step:
        """Have home drop it, once every other ledger has told that it did."""
        home, act = self.engines.home, "withdraw_ratio"
        waiting = [each for each in self.engines.lanes if not self._is_dropped(each, armed)]
        if waiting:
            return Step(home, act, "waiting", f"home withdraws last: after {', '.join(waiting)}")
        return self._do(home, self._engine(home).withdraw_ratio, (self.coaf,), self._ratio_text())

    def _is_dropped(self, remote: str, armed: int) -> bool:
        """Whether home knows that nothing of a version is armed on another ledger."""
        engine = self._engine(self.engines.home)
        _, version, _ = engine.ratio_told(self.coaf, self._ledger_id(remote))
        return bool(version > armed)
