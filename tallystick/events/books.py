"""The books of lanes: closes of days told and reconciled, and what is suspended meanwhile.

Nobody needs to be trusted with it: what is told stands in each ledger's own storage. Newest day
first, and that alone: a later close that fits makes up for all before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from tallystick.actions.message import Kind, Status
from tallystick.actions.suspensions import MOST_A_MONTH, by_month, often
from tallystick.chain import Revert
from tallystick.events.acts import Step
from tallystick.events.asking import Asking, answered
from tallystick.events.carrying import Carrier
from tallystick.events.kinds import word_text
from tallystick.text import hex_text
from tallystick.token.position import business_day, date_of

__all__ = ["EACH_DAY", "Books", "Break", "End", "Lane"]

# What a break is named by that is no event's.
EACH_DAY: Final = bytes(32)
# The close of so many days ago was to be reconciled by now, as in `reconciliation.vy`.
_DAYS_BACK: Final = 2
_CONTRADICTED: Final = "two figures contradict one another: a later close makes up for it"


@dataclass(frozen=True, slots=True)
class Break:
    """A close that was not reconciled in time; `coaf`: the event that waited, or `EACH_DAY`."""

    coaf: bytes
    day: int

    @property
    def words(self) -> str:
        """The day, and whose it is, for people."""
        event = "" if self.coaf == EACH_DAY else f" of {word_text(self.coaf)}"
        return f"{date_of(self.day)}{event}"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        event = None if self.coaf == EACH_DAY else word_text(self.coaf)
        return {"day": str(date_of(self.day)), "coaf": event}


@dataclass(frozen=True, slots=True)
class End:
    """Where a lane's books stand on one of its ledgers.

    Attributes:
        ledger: the ledger.
        daily_since: the first day whose close is asked for, and each one's after it; 0: none is.
        reconciled: newest day whose close was reconciled; 0: none.
        may_land: base units that were under way here then, or arrived and waited.
        suspended_for: the break for which it is suspended here; None: it is not.
        suspensions: how often it was.
        this_month: how often in the month of the ledger's clock.
        often: months in which it was more than five times (R-14).
        late: breaks whose deadline has passed, for which anyone may have it suspended.
    """

    ledger: str
    daily_since: int
    reconciled: int
    may_land: int
    suspended_for: Break | None
    suspensions: int
    this_month: int
    often: tuple[str, ...]
    late: tuple[Break, ...]

    @property
    def sound(self) -> bool:
        """Whether it is not suspended, and nobody may have it suspended."""
        return self.suspended_for is None and not self.late

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are base units as text."""
        return {
            "ledger": self.ledger,
            "daily_since": _date(self.daily_since),
            "reconciled": _date(self.reconciled),
            "may_land": str(self.may_land),
            "suspended_for": self.suspended_for.as_dict() if self.suspended_for else None,
            "suspensions": self.suspensions,
            "this_month": self.this_month,
            "most_a_month": MOST_A_MONTH,
            "often": list(self.often),
            "late": [each.as_dict() for each in self.late],
        }


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane's books: what is known of one close, and where each end stands, home's first.

    `figures` of that close are `""`, `told`, `taken` or `contradicted`; `misfit` is why they do not
    fit, nothing where they do or are not taken.
    """

    id: bytes
    remote: str
    day: int
    figures: str
    misfit: str
    ends: tuple[End, ...]

    @property
    def fits(self) -> bool | None:
        """Whether the figures fit; None: they are not there."""
        return not self.misfit if self.figures == "taken" else None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "id": hex_text(self.id),
            "remote": self.remote,
            "day": str(date_of(self.day)),
            "figures": self.figures or None,
            "fits": self.fits,
            "misfit": self.misfit or None,
            "ends": [end.as_dict() for end in self.ends],
        }


class Books(Carrier):
    """Does what is left of a day's reconciliation; see `Actor`."""

    @cached_property
    def _first_days(self) -> dict[str, int]:
        """On which business day a lane was opened, by its remote ledger."""
        return {}

    def newest(self, remote: str) -> int:
        """Return the newest business day that is closed at both ends of the lane to a ledger."""
        return min(self.engines.today(ledger) for ledger in self._ends(remote)) - 1

    def opened(self, remote: str) -> int:
        """Return the first business day on which the lane to a ledger was open at both ends."""
        found = answered(
            [self._opened(ledger, remote) for ledger in self._ends(remote)], self._block
        )
        return max(found)

    def _opened(self, ledger: str, remote: str) -> Asking[int]:
        """The first business day on which a ledger's end of the lane was open."""
        escrow, lane = self.connection.escrow(ledger), self.engines.lanes[remote].id_bytes
        token = self.connection.token(ledger)
        first, minute = yield [(escrow, "epoch_at", lane, 1), (token, "close_minute")]
        return business_day(int(first.valid_from), int(minute))

    def due(self, remote: str) -> int:
        """Return that day if either end asks for it and the lane was open by its close; else 0."""
        found = answered([self._since_and_today(ledger) for ledger in self._ends(remote)])
        since, day = [asked for asked, _ in found if asked], min(today for _, today in found) - 1
        return day if since and day >= max(min(since), self.opened(remote)) else 0

    def _since_and_today(self, ledger: str) -> Asking[tuple[int, int]]:
        """From which day on a ledger asks for each day's close, and its current one."""
        engine, token = self._engine(ledger), self.connection.token(ledger)
        since, today = yield [(engine, "daily_since"), (token, "business_day")]
        return int(since), int(today)

    # ---------------------------------------------------------------------------- a day

    def figures(self, remote: str, day: int) -> Step:
        """Have a remote ledger tell what stood there at a close, unless home need not know."""
        if day < self.opened(remote):
            why = f"the lane was opened on {date_of(self.opened(remote))}"
            return Step(remote, "send_figures", "waiting", f"{date_of(day)}: {why}")
        if self._is_reconciled(remote, day):
            return Step(remote, "send_figures", "done", f"{date_of(day)}: it is reconciled")
        known = self._known(remote, day)
        if known == "contradicted":
            return Step(remote, "send_figures", "refused", f"{date_of(day)}: {_CONTRADICTED}")
        if known:
            how = "taken at home" if known == "taken" else "told, to be carried home"
            return Step(remote, "send_figures", "done", f"{date_of(day)}: {how}")
        return self._tried(
            remote, "send_figures", partial(self._send_figures, remote, day), str(date_of(day))
        )

    def _send_figures(self, remote: str, day: int) -> Step:
        engines, lane = self.engines, self.engines.lanes[remote].id_bytes
        arguments = (lane, day, engines.epoch_on(remote, day), engines.figures_hints(remote, day))
        return self._do(remote, self._engine(remote).send_figures, arguments, str(date_of(day)))

    def reconcile(self, remote: str, day: int) -> Step:
        """Have home compare a lane's figures of a close with its own, and tell that they fit."""
        home, what = self.engines.home, f"lane to {remote}: {date_of(day)}"
        if self._is_reconciled(remote, day):
            return Step(home, "reconcile", "done", what)
        lane = self.engines.lanes[remote].id_bytes
        if not self._engine(home).figures_at.call(lane, day, block=self._block(home))[0]:
            return Step(home, "reconcile", "waiting", f"{what}: no figures of it, or two")
        return self._tried(home, "reconcile", partial(self._reconcile, remote, day, what), what)

    def _reconcile(self, remote: str, day: int, what: str) -> Step:
        method = self._engine(self.engines.home).reconcile
        return self._do(self.engines.home, method, self._compared(remote, day), what)

    def _compared(self, remote: str, day: int) -> tuple[Any, ...]:
        """What `reconcile` takes."""
        engines = self.engines
        lane, hints = engines.lanes[remote].id_bytes, engines.lane_hints(remote, day)
        return lane, day, hints, engines.came_hint(engines.home, day)

    def _is_reconciled(self, remote: str, day: int) -> bool:
        """Whether home found that a close fits, or a later one, and has told the other end."""
        home, lane = self.engines.home, self.engines.lanes[remote].id_bytes
        at_home, there = (
            self._engine(end).reconciliation_of.call(lane, block=self._block(end)).day >= day
            for end in (home, remote)
        )
        if not at_home:
            return False
        # Of a record day totals tell it, but not where the event is halted.
        return there or bool(self.engines.told_of_lane(home, Kind.RECONCILED, lane, day))

    def _known(self, remote: str, day: int) -> str:
        """How far the figures of a close have come: as `Lane.figures`."""
        home, lane = self.engines.home, self.engines.lanes[remote].id_bytes
        counts, kept = self._engine(home).figures_at.call(lane, day, block=self._block(home))
        if counts:
            return "taken"
        if any((kept.supply, kept.suspense, kept.sent, kept.came)):
            return "contradicted"
        told = self.engines.told_of_lane(remote, Kind.FIGURES, lane, day)
        return "told" if any(getattr(each.told, "day", 0) == day for each in told) else ""

    # ------------------------------------------------------------------ everything left

    def settle(self, day: int = 0, *, suspend: bool = False) -> Iterator[Step]:
        """Do what is left of a close on every lane, carry what is told of it, end suspensions.

        Args:
            day: a business day that is closed; of each lane the newest when left out.
            suspend: have suspended what was not reconciled in time, too.
        """
        for remote, lane in self.engines.lanes.items():
            wanted = day or self.newest(remote)
            yield self.figures(remote, wanted)
            yield from self._carried(remote, Kind.FIGURES, lane.id_bytes, wanted)
            yield self.reconcile(remote, wanted)
            yield from self._carried(self.engines.home, Kind.RECONCILED, lane.id_bytes, wanted)
            for ledger in self._ends(remote):
                yield from self._suspension(ledger, remote, suspend=suspend)

    def _carried(self, source: str, kind: Kind, lane: bytes, day: int) -> Iterator[Step]:
        """Have the lane's other end take what a ledger told last of its closes, from a day on."""
        final = self.connection.final(source)
        told = self.engines.told_of_lane(source, kind, lane, day)
        if kind is Kind.FIGURES:
            told = tuple(each for each in told if getattr(each.told, "day", 0) == day)
        for telling in told[-1:]:
            for destination in self.destinations(telling):
                step = self.take(telling, destination, final)
                if step is not None:
                    yield step

    def _suspension(self, ledger: str, remote: str, *, suspend: bool) -> Iterator[Step]:
        """End a suspension whose break is none any more; begin one, if that is wanted."""
        engine, lane = self._engine(ledger), self.engines.lanes[remote].id_bytes
        what = f"lane to {remote}" if ledger == self.engines.home else "the instrument"
        if engine.reconciliation_of(lane).suspended_for:
            step = self._do(ledger, engine.resume, (lane,), what)
            if step.state == "refused":
                why = f"{step.detail}: reconcile a close"
                step = Step(ledger, "resume", "waiting", why)
            yield step
            return
        for found in self.late(ledger, remote)[:1]:
            cause = f"{what}: {found.words} was not reconciled in time"
            if suspend:
                arguments = self._suspending(ledger, remote, found)
                yield self._do(ledger, engine.suspend, arguments, cause)
            else:
                yield Step(ledger, "suspend", "waiting", f"{cause}: --suspend has it suspended")

    # --------------------------------------------------------------------- where it stands

    def standing(self, day: int = 0) -> tuple[Lane, ...]:
        """Return where every lane's books stand, with the close of a day; by default the newest."""
        return tuple(
            self._lane(remote, day or self.newest(remote)) for remote in self.engines.lanes
        )

    def _lane(self, remote: str, day: int) -> Lane:
        figures, misfit = self._known(remote, day), ""
        if figures == "taken":
            engine = self._engine(self.engines.home)
            try:
                engine.method("reconcile").call(*self._compared(remote, day))
            except Revert as revert:
                misfit = str(revert)
        ends = tuple(self._end(ledger, remote) for ledger in self._ends(remote))
        lane = self.engines.lanes[remote].id_bytes
        return Lane(lane, remote, day, figures, misfit, ends)

    def _end(self, ledger: str, remote: str) -> End:
        engine, lane = self._engine(ledger), self.engines.lanes[remote].id_bytes
        books, moments = engine.reconciliation_of(lane), self.engines.suspended_at(ledger, lane)
        (month,) = by_month([self.engines.chain(ledger).now])
        suspended = books.suspended_for
        return End(
            ledger=ledger,
            daily_since=int(engine.daily_since()),
            reconciled=int(books.day),
            may_land=int(books.may_land),
            suspended_for=Break(bytes(books.coaf), int(suspended)) if suspended else None,
            suspensions=int(books.suspensions),
            this_month=by_month(moments)[month],
            often=often(moments),
            late=self.late(ledger, remote),
        )

    def late(self, ledger: str, remote: str) -> tuple[Break, ...]:
        """Return the breaks for which anyone may have a lane's end suspended now.

        The ledger itself is asked, in a call; nobody else knows its deadlines as well.
        """
        engine, lane = self._engine(ledger), self.engines.lanes[remote].id_bytes
        books = engine.reconciliation_of(lane)
        if books.suspended_for:
            return ()
        return tuple(
            each
            for each in self._asked(ledger)
            if each.day > books.day and self._is_late(ledger, remote, each)
        )

    def _is_late(self, ledger: str, remote: str, found: Break) -> bool:
        try:
            suspend = self._engine(ledger).method("suspend")
            suspend.call(*self._suspending(ledger, remote, found))
        except Revert:
            return False
        return True

    def _asked(self, ledger: str) -> Iterator[Break]:
        """The closes that a ledger asks for: the day's whose deadline passed last, and events'."""
        engine, home = self._engine(ledger), self.engines.home
        if engine.daily_since():
            yield Break(EACH_DAY, self.engines.today(ledger) - _DAYS_BACK)
        announced = self.engines.events(home, self._engine(home), "EventAnnounced")
        for coaf in dict.fromkeys(bytes(event.coaf) for event in announced):
            version = engine.version_of(engine.event_of(coaf).in_force)
            if version.status == Status.ACTIVE and version.record_day < self.engines.today(ledger):
                yield Break(coaf, int(version.record_day))

    def _suspending(self, ledger: str, remote: str, found: Break) -> tuple[Any, ...]:
        """What `suspend` takes; home looks whether there are figures that fit."""
        lane = self.engines.lanes[remote].id_bytes
        hints, came = (0, 0, 0), 0
        if ledger == self.engines.home and self._engine(ledger).figures_at(lane, found.day)[0]:
            _, _, hints, came = self._compared(remote, found.day)
        return found.coaf, lane, hints, came

    # --------------------------------------------------------------------------- the lane

    def _ends(self, remote: str) -> tuple[str, str]:
        """The ledgers of the lane to a remote ledger, home first."""
        return self.engines.home, remote


def _date(day: int) -> str | None:
    return str(date_of(day)) if day else None
