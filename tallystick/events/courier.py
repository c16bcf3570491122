"""The courier of engines' messages: has every ledger take what another told, of all events.

As the courier of lanes, it keeps nothing that the ledgers don't know: it can be killed and started
again, and several may run at once. Where each day's close is asked for, another one has it told and
reconciled, which anyone may and nobody else would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

from tallystick.actions.message import EventVersion, Kind
from tallystick.bridge.carrying import Halt
from tallystick.chain import Account, Event, RawLog
from tallystick.errors import CheckFailed
from tallystick.events.acts import Step
from tallystick.events.asking import answered
from tallystick.events.books import Books
from tallystick.events.carrying import Carrier
from tallystick.events.engines import Telling
from tallystick.events.kinds import KINDS, subject, word_text
from tallystick.events.owed import Owed, key_of, owed
from tallystick.reach.connection import Connection
from tallystick.reach.finality import insist
from tallystick.reach.sending import Ledgers
from tallystick.text import Told
from tallystick.token.position import date_of

__all__ = ["BookKeeper", "Carried", "EngineCourier", "Keeper", "Trial"]

# In a step so many messages of a direction are tried: as many as a request asks about at once.
_TRIES: Final = 200
# Of so many events both ends of a lane are compared in a step, of more in turn: of those of which
# something was logged or missed in the last steps, and of the others, of which nobody heard.
_EVENTS: Final = 60
_QUIET: Final = 4
_HEARD: Final = 8
# Steps that a refused message rests: ever more, up to so many.
_LONGEST_REST: Final = 64
# So many of the last final blocks are read again in each step.
_AGAIN: Final = 64


@dataclass(frozen=True, slots=True)
class Carried(Told):
    """What became of a message in one step: `told`, `taken`, `waiting` or `refused`.

    `id` is the message's; the lane's where nothing was told. `tx_hash` of what waits: it was handed
    over.
    """

    what: str
    kind: str
    subject: str
    source: str
    destination: str
    id: bytes
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what in {"taken", "told"}

    @property
    def words(self) -> str:
        """What was carried, for people."""
        return f"{self.kind} {self.subject}".rstrip()


@dataclass
class Trial:
    """What is tried again, ever more rarely while it is refused."""

    refusals: int = 0
    rests_until: int = 0
    said: Carried | None = None

    def note(self, state: str, now: int) -> None:
        """Note what became of it in a step."""
        refused = state == "refused"
        self.refusals = self.refusals + 1 if refused else 0
        self.rests_until = now + (min(2**self.refusals, _LONGEST_REST) if refused else 0)


@dataclass
class _Open(Trial):
    """A message that a ledger has not taken, as far as that is final."""

    telling: Telling = field(kw_only=True)
    destination: str = field(kw_only=True)
    # In which step it was tried last.
    tried: int = 0
    # The destination's last block when it was seen to have it; -1: it was not.
    done_at: int = -1


class EngineCourier(Carrier):
    """Carries what all engines of a manifest tell, of all events.

    Args:
        connection: the ledgers.
        account: who sends and pays on every ledger, as for `Courier`.
        ledgers: what sends, from that account, if others send from it.

    Raises:
        InputError: the manifest has no engines, or nothing here signs for the account.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        ledgers: Ledgers | None = None,
    ) -> None:
        self._sends = ledgers or Ledgers(connection, account)
        super().__init__(connection, account=account, ledgers=self._sends)
        self._read_to: dict[str, int] = {}
        self._eras: dict[str, int] = {}
        # What was read, but not what it says; and what need not be read again.
        self._unread: dict[tuple[str, RawLog], None] = {}
        self._known: dict[str, set[RawLog]] = {}
        # Events that are known of, in which step something was last heard of each, and what was
        # seen of them in logs, by who told it.
        self._coafs: dict[bytes, int] = {}
        self._seen: set[tuple[str, Owed]] = set()
        self._open: dict[tuple[bytes, str], _Open] = {}
        self._steps = 0

    def carry(self) -> Iterator[Carried | Halt]:
        """Carry what can be carried now, one message at a time; says what waits, too."""
        self._steps += 1
        self._sends.begin()
        halts: dict[tuple[str, str], Halt] = {}
        away: set[str] = set()
        for act in (self._check, self._note):
            for ledger in self.engines.ledgers:
                try:
                    if ledger not in away:
                        act(ledger)
                except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                    away.add(ledger)
                    self._halt(halts, ledger, error)
        versions = cache(self.engines.versions)
        for source, log in list(self._unread):
            if source in away:
                continue
            try:
                unreadable = self._read(source, log, versions)
            except Exception as error:  # noqa: BLE001
                away.add(source)
                self._halt(halts, source, error)
                continue
            if unreadable:
                yield unreadable
            del self._unread[source, log]
        ways: dict[tuple[str, str], list[_Open]] = {}
        for message in self._open.values():
            ways.setdefault((message.telling.source, message.destination), []).append(message)
        for way, messages in ways.items():
            if way in halts:
                continue
            try:
                yield from self._carry(*way, messages)
            except Exception as error:  # noqa: BLE001
                halts[way] = Halt.by(error, *way, self._lane(*way))
        for remote in self.engines.lanes:
            if {remote, self.engines.home} & away:
                continue
            try:
                yield from self._missed(remote)
            except Exception as error:  # noqa: BLE001
                self._halt(halts, remote, error)
        yield from halts.values()

    def _missed(self, remote: str) -> Iterator[Halt]:
        """Say what storage shows that was told between home and a ledger, and no log of it.

        All logs of who told it are asked for again then.
        """
        for source, missing in insist(partial(self._unheard, remote)).items():
            self._read_to.pop(source, None)
            kind, coaf, _ = missing[0]
            destination = remote if source == self.engines.home else self.engines.home
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            why = f"{source} logged no {kind.name} of {word_text(coaf)}{more}: asked for again"
            yield Halt("incomplete", source, destination, self._lane(source, destination), why)

    def _unheard(self, remote: str) -> dict[str, list[Owed]]:
        """What storage shows that was told, by who told it, of which there is no log."""
        asked = [owed(self.engines, remote, coaf) for coaf in self._in_turn()]
        found = [each for told in answered(asked, self._block) for each in told]
        unseen = [each for each in found if each not in self._seen]
        self._coafs |= {told.coaf: self._steps for _, told in unseen}
        # What is not final yet is seen, too, but not carried; the last final blocks as in `_note`.
        newest = {
            (source, key_of(*self._told(source, log)))
            for source in dict.fromkeys(source for source, _ in unseen)
            for watch in [self._sends.watch(source)]
            for first in [max(watch.final + 1 - _AGAIN, watch.first)]
            for log in self._logged(source, first, watch.head.number)
            if log.topics[0] != self._announced(source)
        }
        missing: dict[str, list[Owed]] = {}
        for source, told in unseen:
            if (source, told) not in newest:
                missing.setdefault(source, []).append(told)
        return missing

    def _in_turn(self) -> list[bytes]:
        """Which events' ends are compared in this step.

        What a node kept from us may be of any event and at any time: none is left out for good.
        """
        since = self._steps - _HEARD
        heard = sorted(coaf for coaf, step in self._coafs.items() if step > since)
        quiet = sorted(coaf for coaf, step in self._coafs.items() if step <= since)
        return [
            coaf
            for of, most in ((heard, _EVENTS), (quiet, _QUIET))
            # As many rounds as it takes, then from the first again.
            for turn in [self._steps % max(-(-len(of) // most), 1) * most]
            for coaf in of[turn : turn + most]
        ]

    def _carry(self, source: str, destination: str, messages: Sequence[_Open]) -> Iterator[Carried]:
        """Carry what one ledger told another; of many some in turn, those tried longest ago."""
        due = [each for each in messages if each.rests_until <= self._steps]
        due = sorted(due, key=lambda each: each.tried)[:_TRIES]
        by_id = {each.telling.id: each for each in due}
        for message in messages:
            if message.said is not None and message.telling.id not in by_id:
                yield message.said
        final, head = self._read_to[source], self._sends.watch(destination).head.number
        for telling, step in self.take_all([each.telling for each in due], destination, final):
            message = by_id[telling.id]
            message.tried, message.said = self._steps, None
            if step is None:
                if message.done_at < 0:
                    message.done_at = head
                if message.done_at <= self._read_to[destination]:
                    del self._open[telling.id, destination]
                continue
            message.done_at = -1
            message.note(step.state, self._steps)
            if step.state != "done":
                # Done by somebody else: the next step sees it.
                message.said = self._carried(message, step)
                yield message.said

    def _halt(self, halts: dict[tuple[str, str], Halt], ledger: str, error: Exception) -> None:
        """Note that a ledger's trouble stops the directions from it and to it."""
        others = self.engines.lanes if ledger == self.engines.home else (self.engines.home,)
        for other in others:
            for way in ((ledger, other), (other, ledger)):
                halts.setdefault(way, Halt.by(error, *way, self._lane(*way)))

    def _lane(self, source: str, destination: str) -> bytes:
        """The lane between two ledgers."""
        remote = destination if source == self.engines.home else source
        return self.engines.lanes[remote].id_bytes

    def _check(self, ledger: str) -> None:
        """Begin anew if what was read of a ledger is gone: what was taken may have to be again."""
        era = self._sends.watch(ledger).era
        if self._eras.setdefault(ledger, era) != era:
            self._eras[ledger] = era
            self._unread, self._open, self._known, self._read_to = {}, {}, {}, {}
            self._coafs, self._seen = {}, set()

    def _note(self, source: str) -> None:
        """Note what a ledger's engine logged in blocks that became final.

        An engine counts nothing that it tells: what a node left out comes when the last blocks are
        read again, or storage shows that it was told.
        """
        watch, read_to = self._sends.watch(source), self._read_to.get(source, -1)
        first = max(read_to + 1 - (_AGAIN if read_to >= 0 else 0), watch.first)
        logs = self._logged(source, first, watch.final)
        known = self._known.setdefault(source, set())
        for log in (log for log in logs if log not in known):
            known.add(log)
            if log.topics[0] == self._announced(source):
                self._coafs[log.topics[1]] = self._steps
                continue
            kind, event = self._told(source, log)
            told = key_of(kind, event)
            if told is not None:
                self._coafs[told.coaf] = self._steps
                self._seen.add((source, told))
            self._unread[source, log] = None
        self._read_to[source] = max(read_to, watch.final)

    def _logged(self, source: str, first: int, last: int) -> list[RawLog]:
        """What a ledger's engine logged that it told, or announced, of its own lane or all."""
        if first > last:
            return []
        by_home, engine = source == self.engines.home, self._engine(source)
        by_lane = {
            engine.interface.events_by_name[row.log][0].topic: row.by_lane
            for row in KINDS.values()
            if row.from_home == by_home
        }
        wanted = [*by_lane, self._announced(source)] if by_home else list(by_lane)
        found = engine.chain.raw_logs(engine, first, last, topics=[wanted])
        if by_home:
            return list(found)
        lane = self.engines.lanes[source].id_bytes
        return [log for log in found if not by_lane[log.topics[0]] or log.topics[1] == lane]

    def _announced(self, source: str) -> bytes:
        return self._engine(source).interface.events_by_name["EventAnnounced"][0].topic

    def _told(self, source: str, log: RawLog) -> tuple[Kind, Event]:
        event = self.engines.chain(source).decode_log(log)
        return next(kind for kind, row in KINDS.items() if row.log == event.name), event

    def _read(
        self, source: str, log: RawLog, versions: Callable[[bytes], Mapping[bytes, EventVersion]]
    ) -> Carried | None:
        """Note what a log tells, or say that nobody here can read it."""
        try:
            telling = self.engines.telling(source, log, versions)
        except CheckFailed as error:
            event = self.engines.chain(source).decode_log(log)
            kind = event.name.removesuffix("Sent").upper()
            return Carried("refused", kind, "", source, "all", bytes(event.args["id"]), str(error))
        for destination in self.destinations(telling):
            # Told again, it is the same message.
            message = _Open(telling=telling, destination=destination)
            self._open.setdefault((telling.id, destination), message)
        return None

    @staticmethod
    def _carried(message: _Open, step: Step) -> Carried:
        telling = message.telling
        return Carried(
            what="taken" if step.state == "executed" else step.state,
            kind=telling.told.KIND.name,
            subject=subject(telling.told),
            source=telling.source,
            destination=message.destination,
            id=telling.id,
            detail="" if step.state == "executed" else step.detail.partition(": ")[2],
            tx_hash=step.tx_hash,
            gas_used=step.gas_used,
        )


class Keeper(Carrier, ABC):
    """Does what is due of each lane in each step, one after the other; see `Actor`.

    What it has told is `EngineCourier`'s to carry, once it is final.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        ledgers: Ledgers | None = None,
    ) -> None:
        self._sends = ledgers or Ledgers(connection, account)
        super().__init__(connection, account=account, ledgers=self._sends)
        self._steps = 0
        self._trials: dict[tuple[str, int], Trial] = {}

    def carry(self) -> Iterator[Carried | Halt]:
        """Do what is due; says what is refused, too."""
        self._steps += 1
        self._sends.begin()
        for remote in (self.engines.home, *self.engines.lanes):
            try:
                for ledger in dict.fromkeys((self.engines.home, remote)):
                    self._sends.watch(ledger)
                found = list(self._keep(remote))
            except Exception as error:  # noqa: BLE001 - whatever it is, other lanes go on
                yield from self._halted(remote, error)
                continue
            yield from found

    @abstractmethod
    def _keep(self, ledger: str) -> Iterator[Carried]:
        """Do what is left of the lane to a ledger, if it is due; of home itself, what is its."""

    def _halted(self, ledger: str, error: Exception) -> Iterator[Halt]:
        """Say that a lane stands; of home's trouble each says so itself."""
        if ledger in self.engines.lanes:
            yield Halt.by(error, *self._way(ledger), self.engines.lanes[ledger].id_bytes)

    def _way(self, remote: str) -> tuple[str, str]:
        """In which direction a lane's trouble is."""
        return self.engines.home, remote

    def _trial(self, remote: str, which: int) -> Trial:
        """What is tried of a lane's day or epoch; of those before it nothing is any more."""
        trial = self._trials.get((remote, which), Trial())
        self._trials = {key: kept for key, kept in self._trials.items() if key[0] != remote}
        self._trials[remote, which] = trial
        return trial


class BookKeeper(Keeper, Books):
    """Has the closes of days told and reconciled where an engine asks for each; see `Keeper`.

    One day a lane in each step, the newest that is closed at both ends: a later close makes up for
    those that were missed.
    """

    def _way(self, remote: str) -> tuple[str, str]:
        return remote, self.engines.home

    def _keep(self, ledger: str) -> Iterator[Carried]:
        """Do what is left of the lane's newest day, if it is due."""
        remote, home = ledger, self.engines.home
        if remote == home or not (day := self.due(remote)):
            return
        trial = self._trial(remote, day)
        sending = self._sends.sending(remote), self._sends.sending(home)
        handed = trial.said is not None and any(s.waits(trial.said.tx_hash) for s in sending)
        if not handed and trial.rests_until <= self._steps:
            step = self.figures(remote, day)
            if step.state == "done":
                step = self.reconcile(remote, day)
            trial.note(step.state, self._steps)
            trial.said = self._said(step, remote, day)
        if trial.said is not None:
            yield trial.said

    def _said(self, step: Step, remote: str, day: int) -> Carried | None:
        """What became of a day; that it is done, or waits for what is carried, is no news."""
        if step.state not in {"executed", "refused"} and not step.tx_hash:
            return None
        home, by_home = self.engines.home, step.act == "reconcile"
        kind = Kind.RECONCILED if by_home else Kind.FIGURES
        sent = step.receipt.named(KINDS[kind].log) if step.receipt else ()
        return Carried(
            what="told" if step.state == "executed" else step.state,
            kind=kind.name,
            subject=str(date_of(day)),
            source=home if by_home else remote,
            destination=remote if by_home else home,
            id=bytes(sent[0].id) if sent else self.engines.lanes[remote].id_bytes,
            detail=""
            if step.state == "executed"
            else step.detail.rpartition(f"{date_of(day)}: ")[2],
            tx_hash=step.tx_hash,
            gas_used=step.gas_used,
        )
