"""The courier of engines' messages: has every ledger take what another told, of all events.

As the courier of lanes, it keeps nothing that the ledgers don't know: it can be killed and started
again, and several may run at once. Where each day's close is asked for, another one has it told and
reconciled, which anyone may and nobody else would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.actions.message import Kind
from tallystick.bridge.carrying import Halt
from tallystick.chain import Account, RawLog
from tallystick.errors import CheckFailed
from tallystick.events.acts import Step
from tallystick.events.books import Books
from tallystick.events.carrying import Carrier
from tallystick.events.engines import Telling
from tallystick.events.kinds import KINDS, subject
from tallystick.reach.connection import Connection
from tallystick.reach.finality import FinalLogs
from tallystick.reach.sending import Ledgers
from tallystick.text import hex_text
from tallystick.token.position import date_of

__all__ = ["BookKeeper", "Carried", "EngineCourier"]

# Steps that a refused message rests: ever more, up to so many.
_LONGEST_REST: Final = 64
# So many of the last final blocks are read again in each step.
_AGAIN: Final = 64


@dataclass(frozen=True, slots=True)
class Carried:
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

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "kind": self.kind,
            "subject": self.subject,
            "source": self.source,
            "destination": self.destination,
            "id": hex_text(self.id),
            "detail": self.detail,
            "tx": self.tx_hash,
            "gas": self.gas_used,
        }


@dataclass
class _Trial:
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
class _Open(_Trial):
    """A message that a ledger has not taken, as far as that is final."""

    telling: Telling = field(kw_only=True)
    destination: str = field(kw_only=True)
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
        self._logs: dict[str, FinalLogs] = {}
        # What was read, but not what it says; and what need not be read again.
        self._unread: dict[tuple[str, RawLog], None] = {}
        self._known: dict[str, set[RawLog]] = {}
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
        for source, log in list(self._unread):
            if source in away:
                continue
            try:
                unreadable = self._read(source, log)
            except Exception as error:  # noqa: BLE001
                away.add(source)
                self._halt(halts, source, error)
                continue
            if unreadable:
                yield unreadable
            del self._unread[source, log]
        for key, message in list(self._open.items()):
            way = message.telling.source, message.destination
            if way in halts:
                continue
            try:
                if message.rests_until <= self._steps:
                    message.said = self._step(message)
            except Exception as error:  # noqa: BLE001
                halts[way] = Halt.by(error, *way, self._lane(*way))
                continue
            if 0 <= message.done_at <= self._logs[message.destination].read_to:
                del self._open[key]
            elif message.said is not None:
                yield message.said
        yield from halts.values()

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
        self._sends.watch(ledger)
        if ledger not in self._logs:
            self._logs[ledger] = self.connection.final_logs(ledger, again=_AGAIN)
        if self._logs[ledger].forgets():
            self._unread, self._open, self._known = {}, {}, {}
            for logs in self._logs.values():
                logs.forget()

    def _note(self, source: str) -> None:
        """Note what a ledger's engine logged in blocks that became final.

        An engine counts nothing that it tells: what a node left out comes when the last blocks are
        read again.
        """
        by_home = source == self.engines.home
        lane = [] if by_home else [self.engines.lanes[source].id_bytes]
        wanted = [
            (row.log, lane if row.by_lane else [])
            for row in KINDS.values()
            if row.from_home == by_home
        ]
        logs, known = self._logs[source], self._known.get(source, set())
        found = logs.read(self._engine(source), wanted)
        self._unread |= {(source, log): None for log in found if log not in known}
        first = logs.read_to - logs.again
        self._known[source] = {log for log in known.union(found) if log.block_number > first}

    def _read(self, source: str, log: RawLog) -> Carried | None:
        """Note what a log tells, or say that nobody here can read it."""
        try:
            telling = self.engines.telling(source, log)
        except CheckFailed as error:
            event = self.engines.chain(source).decode_log(log)
            kind = event.name.removesuffix("Sent").upper()
            return Carried("refused", kind, "", source, "all", bytes(event.args["id"]), str(error))
        for destination in self.destinations(telling):
            # Told again, it is the same message.
            message = _Open(telling=telling, destination=destination)
            self._open.setdefault((telling.id, destination), message)
        return None

    def _step(self, message: _Open) -> Carried | None:
        telling, destination = message.telling, message.destination
        final = self._logs[telling.source].read_to
        step = self.take(telling, destination, final)
        if step is None or step.state == "done":
            if message.done_at < 0:
                message.done_at = self.engines.chain(destination).block_number
            return None
        message.done_at = -1
        message.note(step.state, self._steps)
        return self._carried(message, step)

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


class BookKeeper(Books):
    """Has the closes of days told and reconciled where an engine asks for each; see `Actor`.

    One day a lane in each step, the newest that is closed at both ends: a later close makes up for
    those that were missed. What is told is `EngineCourier`'s to carry, once it is final.
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
        self._trials: dict[tuple[str, int], _Trial] = {}

    def carry(self) -> Iterator[Carried | Halt]:
        """Do what is due of each lane, one after the other; says what is refused, too."""
        self._steps += 1
        self._sends.begin()
        for remote, lane in self.engines.lanes.items():
            try:
                for ledger in (self.engines.home, remote):
                    self._sends.watch(ledger)
                said = self._keep(remote)
            except Exception as error:  # noqa: BLE001 - whatever it is, other lanes go on
                yield Halt.by(error, remote, self.engines.home, lane.id_bytes)
                continue
            if said is not None:
                yield said

    def _keep(self, remote: str) -> Carried | None:
        """Do what is left of the lane's newest day, if it is due."""
        day = self.due(remote)
        if not day:
            return None
        # Of an older day nothing is tried any more.
        trial = self._trials.get((remote, day), _Trial())
        self._trials = {key: kept for key, kept in self._trials.items() if key[0] != remote}
        self._trials[remote, day] = trial
        if trial.rests_until <= self._steps:
            step = self.figures(remote, day)
            if step.state == "done":
                step = self.reconcile(remote, day)
            trial.note(step.state, self._steps)
            trial.said = self._said(step, remote, day)
        return trial.said

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
