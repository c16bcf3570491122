"""The keeper of ratios: armed by what is in force, withdrawn where nothing is, lanes taken over.

Of all events, and only what anyone may. Units that a redemption ends are no part of it: until then
what was paid wrongly is put right, and when that is done the issuer knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState, Status
from tallystick.actions.record import EventRecord
from tallystick.chain import Account, Contract, Event
from tallystick.events.acts import Step
from tallystick.events.asking import Asking, answered
from tallystick.events.courier import Carried, Keeper, Trial
from tallystick.events.kinds import word_text
from tallystick.events.over_ratio import OverRatio
from tallystick.events.ratios import Ratios
from tallystick.reach.connection import Connection
from tallystick.reach.sending import Ledgers

__all__ = ["RatioKeeper"]

# What is told with each act, and what is logged of it.
_KINDS: Final = {
    ("arm", True): ("RATIO", "RatioSent"),
    ("tell_ratio", True): ("RATIO", "RatioSent"),
    ("tell_ratio", False): ("ENTERED", "EnteredSent"),
    ("withdraw_ratio", True): ("RATIO", "RatioDropped"),
    ("withdraw_ratio", False): ("ENTERED", "EnteredSent"),
    ("send_figures", False): ("FIGURES", "FiguresSent"),
    ("carry_lane", True): ("LANE", "LaneCarried"),
}
# Of these nothing is told.
_SILENT: Final = frozenset({("carry_lane", True), ("withdraw_ratio", True)})


class RatioKeeper(Keeper, OverRatio):
    """Has ratios armed, withdrawn where they are off, and lanes taken over; see `Keeper`.

    Of a lane one epoch in each step, the first that is left.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        ledgers: Ledgers | None = None,
    ) -> None:
        super().__init__(connection, account=account, ledgers=ledgers)
        self._era, self._read_to = 0, -1
        # Events that make something of units, of which home's engine may be behind.
        self._open: dict[bytes, None] = {}
        # What is armed and in force no more, and the version that armed it.
        self._off: dict[bytes, tuple[Ratios, int]] = {}
        self._tries: dict[tuple[str, bytes], Trial] = {}

    def _keep(self, ledger: str) -> Iterator[Carried]:
        """Do what is left of a lane's first epoch that it is not in, and of what is off."""
        if ledger == self.engines.home:
            yield from self._keep_home()
            return
        for off, (ratios, armed) in self._off.items():
            trial = self._tries.setdefault((ledger, off), Trial())
            drop = partial(_alone, partial(ratios.drop, ledger, armed))
            yield from self._tried_of(trial, drop, off, ledger)
        epoch = self._left(ledger)
        coaf = self._event_of(epoch) if epoch else None
        if coaf is not None:
            trial = self._trial(ledger, epoch)
            yield from self._tried_of(trial, partial(self.over, coaf, epoch, ledger), coaf, ledger)

    def _tried_of(
        self, trial: Trial, act: Callable[[], Iterator[Step]], coaf: bytes, ledger: str
    ) -> Iterator[Carried]:
        """What is due, unless it was refused and rests."""
        if trial.rests_until <= self._steps:
            steps = list(act())
            # One thing a lane is enough to say.
            refused = [step for step in steps if step.state == "refused"][:1]
            trial.note("refused" if refused else "", self._steps)
            trial.said = self._said(refused[0], coaf, ledger) if refused else None
            for step in (step for step in steps if step.state != "refused"):
                if (said := self._said(step, coaf, ledger)) is not None:
                    yield said
        if trial.said is not None:
            yield trial.said

    # ------------------------------------------------------------------------- at home

    def _keep_home(self) -> Iterator[Carried]:
        """Have home arm what is in force there, and withdraw what is off once all others did."""
        home = self.engines.home
        self._note()
        self._off = {}
        asked = [_standing(self._engine(home), coaf) for coaf in self._open]
        today = self.engines.today(home)
        for coaf, seen in zip(list(self._open), answered(asked, self._block), strict=True):
            if seen.is_settled(today):
                # A version to come is an announcement to come.
                del self._open[coaf]
                continue
            version = self.engines.versions(coaf).get(seen.in_force)
            if version is None:
                continue
            ratios = Ratios(
                self.connection, version.record, account=self._account, ledgers=self._sends
            )
            act: Callable[[], Step] | None = None
            if seen.is_behind and not (seen.is_active and ratios.is_armed_as(seen.armed)):
                armed = int(seen.armed.version)
                self._off[coaf] = ratios, armed
                act = partial(ratios.drop_last, armed)
            elif (seen.is_behind or not seen.armed.epoch) and seen.is_active:
                act = ratios.enter
            if act is not None:
                trial = self._tries.setdefault((home, coaf), Trial())
                yield from self._tried_of(trial, partial(_alone, act), coaf, home)

    def _note(self) -> None:
        """Note which events were announced at home since the last step that change units."""
        home, engine = self.engines.home, self._engine(self.engines.home)
        watch = self._sends.watch(home)
        if self._era != watch.era:
            self._era, self._read_to = watch.era, -1
            self._open, self._tries = {}, {}
        first = max(self._read_to + 1, watch.first)
        for event in self.engines.events(
            home, engine, "EventAnnounced", first=first, last=watch.head.number
        ):
            with suppress(ValueError):
                # One that nobody here can read, `EngineCourier` names.
                record = EventRecord.from_words(self.engines.isin, tuple(event.args["record"]))
                if record.change not in (None, Rate(0)):
                    self._open.setdefault(bytes(event.coaf))
        # What is not final may be elsewhere in the next step.
        self._read_to = max(self._read_to, watch.final)

    # ------------------------------------------------------------------------ of lanes

    def _left(self, remote: str) -> int:
        """The first epoch in force at home that the lane is not carried into; 0: there is none."""
        home = self.engines.home
        block, lane = self._block(home), self.engines.lanes[remote].id_bytes
        engine, token = self._engine(home), self.connection.token(home)
        left = 0
        # Each only on top of the one before: what is carried into one is into all before it.
        for epoch in range(int(token.action_epoch.call(block=block)), 0, -1):
            if engine.base_of.call(lane, epoch, block=block).is_carried:
                break
            left = epoch
        return left

    def _event_of(self, epoch: int) -> bytes | None:
        """The event that armed an epoch at home, as its log says and its storage keeps."""
        home, engine = self.engines.home, self._engine(self.engines.home)
        topic = epoch.to_bytes(32, "big")
        last = self._sends.watch(home).head.number
        for armed in self.engines.events(home, engine, "RatioArmed", None, topic, last=last):
            coaf = bytes(armed.coaf)
            if self._armed(home, coaf)[3] == epoch:
                return coaf
        return None

    def _said(self, step: Step, coaf: bytes, ledger: str) -> Carried | None:
        """What became of an act; that it was done, or waits for what is carried, is no news."""
        if step.state not in {"executed", "refused"} and not step.tx_hash:
            return None
        home, by_home = self.engines.home, step.ledger == self.engines.home
        kind, log = _KINDS[step.act, by_home]
        sent: tuple[Event, ...] = step.receipt.named(log) if step.receipt else ()
        told, other = (step.act, by_home) not in _SILENT, ledger if ledger != home else "all"
        lane = self.engines.lanes[ledger].id_bytes if ledger in self.engines.lanes else coaf
        done = "told" if told else "taken"
        return Carried(
            what=done if step.state == "executed" else step.state,
            kind=kind,
            subject=step.detail.partition(": ")[0] if kind == "FIGURES" else word_text(coaf),
            source=home if by_home and told else other,
            destination=other if by_home and told else home,
            id=bytes(sent[0].id) if sent and told else lane,
            detail="" if step.state == "executed" else step.detail.partition(": ")[2],
            tx_hash=step.tx_hash,
            gas_used=step.gas_used,
        )


def _alone(act: Callable[[], Step]) -> Iterator[Step]:
    """One act, as several are done."""
    yield act()


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where home's engine is with an event that changes units."""

    newest: bytes
    in_force: bytes
    version: Any
    armed: Any

    @property
    def is_active(self) -> bool:
        """Whether its ratio is to be armed."""
        return self.version.status == Status.ACTIVE and not self.version.halted

    @property
    def is_behind(self) -> bool:
        """Whether a version armed it that is in force no more, and there is a way back."""
        armed = self.armed
        pending = armed.epoch != 0 and armed.state != RatioState.IN_FORCE
        return pending and self.version.version > armed.version and not self.version.halted

    def is_settled(self, today: int) -> bool:
        """Whether nothing is left to do before another version is announced."""
        if self.armed.epoch:
            in_force = self.armed.state == RatioState.IN_FORCE
            return in_force or (self.newest == self.in_force and not self.is_behind)
        over = not self.is_active or self.version.record_day < today
        return self.newest == self.in_force and over


def _standing(engine: Contract, coaf: bytes) -> Asking[_Standing]:
    """Ask home's engine where an event is."""
    standing, armed = yield [(engine, "event_of", coaf), (engine, "armed_ratio", coaf)]
    (version,) = yield [(engine, "version_of", standing.in_force)]
    return _Standing(bytes(standing.newest), bytes(standing.in_force), version, armed)
