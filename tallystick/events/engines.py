"""What the engines of a manifest logged and know of one event, and what closes say of holders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Final

from tallystick.actions.message import (
    ActionsMessage,
    EngineDomain,
    EventVersion,
    Kind,
    Reversal,
    Status,
    Told,
)
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import SUSPENSE_ENDS, LaneId, LaneMessage, message_of
from tallystick.chain import Chain, Contract, Event, RawLog, Revert
from tallystick.chain.abi import address_bytes
from tallystick.errors import CheckFailed, InputError
from tallystick.events.kinds import KINDS
from tallystick.files.manifest import LaneEntry
from tallystick.reach.connection import Connection
from tallystick.token.position import AccountClass, business_day, close_of

__all__ = ["ACCOUNTS", "Engines", "Telling", "block_before", "hinted"]

# The part of an event that accounts are paid from: under no lane.
ACCOUNTS: Final = bytes(32)
_NOBODY: Final = bytes(20)
_POOL: Final = int(AccountClass.POOL)
# Views of a close say so when they need to be told where to begin.
_NEEDS_HINT: Final = "give a hint"


@dataclass(frozen=True, slots=True)
class Telling:
    """A thing that an engine told, as its ledger logged it."""

    source: str
    message: ActionsMessage
    told: Told
    id: bytes
    log: RawLog


@dataclass(frozen=True)
class Engines:
    """The engines of a manifest, home's and those of the ledgers at the other ends of its lanes.

    Raises:
        InputError: the manifest has none.
    """

    connection: Connection
    _days: dict[tuple[str, int], int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        manifest = self.connection.manifest
        if manifest.actions is None:
            expected = "engines: the plan of this deployment has no section `actions`"
            raise InputError(manifest.file, "actions", None, expected)

    # ------------------------------------------------------------------------- where

    @property
    def isin(self) -> str:
        """The instrument's ISIN."""
        return self.connection.manifest.instrument.isin

    @property
    def home(self) -> str:
        """The ledger on which events are announced."""
        return self.connection.manifest.instrument.home

    @cached_property
    def lanes(self) -> dict[str, LaneEntry]:
        """Home's lanes by the ledger at the other end."""
        return {lane.remote: lane for lane in self.connection.manifest.lanes}

    @property
    def ledgers(self) -> tuple[str, ...]:
        """Home, then the others."""
        return (self.home, *self.lanes)

    def chain(self, ledger: str) -> Chain:
        """Return a ledger's chain."""
        return self.connection.chains[ledger]

    def engine(self, ledger: str) -> Contract:
        """Return a ledger's engine."""
        return self.connection.contract(ledger, "ActionsEngine")

    def domain(self, ledger: str) -> EngineDomain:
        """Return the domain of what a ledger's engine tells."""
        return EngineDomain(self.chain(ledger).chain_id, str(self.engine(ledger).address))

    def parts(self, ledger: str) -> dict[bytes, str]:
        """Return the parts that a ledger may owe: accounts, then by lane where units land from."""
        others: dict[bytes, str] = {
            lane.id_bytes: f"from {remote if ledger == self.home else self.home}"
            for remote, lane in self.lanes.items()
            if ledger in (self.home, remote)
        }
        return {ACCOUNTS: "accounts", **others}

    # -------------------------------------------------------------------------- logs

    def logs(
        self, ledger: str, contract: Contract, event: str, *topics: bytes | None, **blocks: int
    ) -> tuple[RawLog, ...]:
        """Return a contract's logs of one event; `first` and `last` block where not all."""
        chain = self.chain(ledger)
        first = blocks.get("first", self.connection.manifest.ledger(ledger).from_block)
        last = blocks.get("last", chain.block_number)
        topic = contract.interface.events_by_name[event][0].topic
        return (
            chain.raw_logs(contract, first, last, topics=[topic, *topics]) if first <= last else ()
        )

    def events(
        self, ledger: str, contract: Contract, event: str, *topics: bytes | None, **blocks: int
    ) -> Iterator[Event]:
        """Yield the same, decoded."""
        yield from map(
            self.chain(ledger).decode_log, self.logs(ledger, contract, event, *topics, **blocks)
        )

    def versions(self, coaf: bytes) -> dict[bytes, EventVersion]:
        """Return every version of an event that home announced, by the hash of its record.

        Raises:
            CheckFailed: one is none that this package would announce.
        """
        found = {}
        for event in self.events(self.home, self.engine(self.home), "EventAnnounced", coaf):
            hashed = bytes(event.record_hash)
            try:
                record = EventRecord.from_words(self.isin, tuple(event.args["record"]))
                same = record.hash == hashed
            except ValueError:
                same = False
            if not same:
                raise CheckFailed(f"{self.home}: an announced record is none that we can read")
            found[hashed] = EventVersion(record, Status(event.status))
        return found

    def payments(self, ledger: str, coaf: bytes) -> list[Event]:
        """Return what an engine logged of each payment of an event, in that order."""
        engine = self.engine(ledger)
        found = (
            event
            for name in ("Paid", "PaidElsewhere")
            for event in self.events(ledger, engine, name, coaf)
        )
        return sorted(found, key=lambda each: (each.block_number, each.log_index))

    def reversal(self, coaf: bytes) -> Reversal | None:
        """Return the reversal of an event that home announced last; None: none was."""
        engine = self.engine(self.home)
        known = bytes(engine.reversal_of(coaf).id)
        logged = self.events(self.home, engine, "ReversalAnnounced", coaf, known)
        return next((Reversal(*event.args["reversal"]) for event in logged), None)

    def told(self, ledger: str, record: EventRecord) -> tuple[Telling, ...]:
        """Return what a ledger's engine told of an event and of the closes that it asks for.

        That is the record day's and, of a ratio, the last one in old units there: a ledger that
        learnt of it late has a later one.
        """
        versions = cache(self.versions)
        found = [
            self.telling(ledger, log, versions)
            for row in KINDS.values()
            if row.from_home == (ledger == self.home)
            for log in self.logs(
                ledger,
                self.engine(ledger),
                row.log,
                None if row.by_lane else record.as_tuple()[2],
            )
        ]
        # Told again, it is the same message.
        once = tuple({telling.id: telling for telling in reversed(found)}.values())[::-1]
        days = {record.record_day}
        if record.change is not None:
            first_day = int(self.engine(ledger).armed_ratio(record.as_tuple()[2]).first_day)
            days |= {first_day - 1} if first_day else set()
        return tuple(t for t in once if getattr(t.told, "day", record.record_day) in days)

    def telling(
        self,
        ledger: str,
        log: RawLog,
        versions: Callable[[bytes], Mapping[bytes, EventVersion]] | None = None,
    ) -> Telling:
        """Return what a log of a ledger's engine tells.

        Args:
            ledger: the ledger.
            log: one whose event a row of `KINDS` names.
            versions: like the function of that name.

        Raises:
            CheckFailed: as of `versions`.
        """
        event = self.chain(ledger).decode_log(log)
        (row,) = (row for row in KINDS.values() if row.log == event.name)
        message = ActionsMessage(*event.args["header"])
        told = row.told(event, versions or self.versions)
        return Telling(ledger, message, told, bytes(event.args["id"]), log)

    def told_of_lane(self, ledger: str, kind: Kind, lane: bytes, day: int) -> tuple[Telling, ...]:
        """Return what a ledger's engine told of a lane's closes, from that of a day on.

        Args:
            ledger: the ledger.
            kind: of what is told by lane.
            lane: the lane.
            day: a business day that is closed there.
        """
        # Nobody tells of a close before it is one.
        first = self._last_block(ledger, day) + 1
        logged = self.logs(ledger, self.engine(ledger), KINDS[kind].log, lane, first=first)
        found = (self.telling(ledger, log) for log in logged)
        return tuple(t for t in found if getattr(t.told, "day", 0) >= day)

    def suspended_at(self, ledger: str, lane: bytes) -> tuple[int, ...]:
        """Return when a lane's end was suspended, seconds since 1970."""
        logged = self.logs(ledger, self.engine(ledger), "Suspended", lane)
        return tuple(self.chain(ledger).block(log.block_number).timestamp for log in logged)

    # ------------------------------------------------------------------------ closes

    def close_minute(self, ledger: str) -> int:
        """Return the close of business, minutes after midnight UTC."""
        return int(self.connection.token(ledger).close_minute())

    def today(self, ledger: str) -> int:
        """Return a ledger's current business day."""
        return int(self.connection.token(ledger).business_day())

    def epoch_on(self, ledger: str, day: int) -> int:
        """Return in whose units a ledger states the close of a day."""
        token = self.connection.token(ledger)
        epoch = int(token.action_epoch())
        while epoch and int(token.ratio_at(epoch).first_day) > day:
            epoch -= 1
        return epoch

    def holders(self, ledger: str, day: int) -> tuple[str, ...]:
        """Return who was ever credited units there by the close of a day, in that order."""
        token = self.connection.token(ledger)
        last = self._last_block(ledger, day)
        found = (str(e.receiver) for e in self.events(ledger, token, "Transfer", last=last))
        return tuple(dict.fromkeys(each for each in found if int(each, 16)))

    def entitled(self, ledger: str, account: str, day: int) -> tuple[int, int]:
        """Return an account's units that a close entitles, and the hint that tells them.

        Raises:
            Revert: the token can't tell; the reason is its own.
        """
        token = self.connection.token(ledger)
        return hinted(
            lambda hint: int(token.entitled_at_close(account, day, hint)),
            lambda: self.moved_after(ledger, account, day),
        )

    def pools(self, ledger: str, day: int) -> Iterator[tuple[str, int]]:
        """Yield the pools that held units at a close, each with the hint that tells it."""
        token = self.connection.token(ledger)
        last = self._last_block(ledger, day)
        classes = self.events(ledger, token, "ClassSet", last=last)
        for pool in dict.fromkeys(str(e.account) for e in classes if e.account_class == _POOL):
            units, hint = hinted(
                partial(token.pooled_at_close, pool, day),
                partial(self.moved_after, ledger, pool, day),
            )
            if units:
                yield pool, hint

    def supply_hint(self, ledger: str, day: int) -> int:
        """Return the hint that tells the supply at a close; 0: none is needed."""
        token = self.connection.token(ledger)
        return hinted(
            lambda hint: int(token.supply_at_close(day, hint)),
            lambda: self.moved_after(ledger, "0x" + _NOBODY.hex(), day),
        )[1]

    def custody_hint(self, ledger: str, lane: bytes, day: int) -> int:
        """Return the hint that tells what a lane's custody held at a close; 0: none is needed."""
        token = self.connection.token(ledger)
        custody = str(self.connection.escrow(ledger).lane_ends(lane).custody)
        return hinted(
            lambda hint: int(token.balance_at_close(custody, day, hint)),
            lambda: self.moved_after(ledger, custody, day),
        )[1]

    def came_hint(self, ledger: str, day: int) -> int:
        """Return the hint that tells what other bridges had carried at a close; 0: none is needed.

        Whatever was burned or minted over the ledger's border is looked through: of a day on which
        they carried nothing no opening is there, and it is no hint.
        """
        token = self.connection.token(ledger)
        kinds = [("CrosschainMint", ()), ("CrosschainBurn", ())]
        return hinted(
            lambda hint: int(token.came_at_close(day, hint)),
            lambda: self._days_of(ledger, token, kinds, day),
        )[1]

    def sent_hint(self, ledger: str, lane: bytes, day: int) -> int:
        """Return the hint that tells what a lane's end had sent at a close; 0: none is needed."""
        escrow = self.connection.escrow(ledger)
        return hinted(
            lambda hint: int(escrow.sent_at_close(lane, day, hint)),
            lambda: self._days_of(ledger, escrow, [("MessageSent", (lane,))], day),
        )[1]

    def suspense_hint(self, ledger: str, lane: bytes, day: int) -> int:
        """Return the hint that tells what waited from a lane at a close; 0: none is needed.

        On a remote ledger the token's history of the custody tells it.
        """
        if ledger != self.home:
            return self.custody_hint(ledger, lane, day)
        escrow = self.connection.escrow(ledger)
        kinds = [(name, (lane,)) for name in ("UnitsSuspended", *SUSPENSE_ENDS)]
        return hinted(
            lambda hint: int(escrow.suspense_at_close(lane, day, hint)),
            lambda: self._days_of(ledger, escrow, kinds, day),
        )[1]

    def figures_hints(self, remote: str, day: int) -> tuple[int, int, int, int]:
        """Return the hints with which a remote ledger tells its figures of a close."""
        lane = self.lanes[remote].id_bytes
        return (
            self.supply_hint(remote, day),
            self.suspense_hint(remote, lane, day),
            self.sent_hint(remote, lane, day),
            self.came_hint(remote, day),
        )

    def lane_hints(self, remote: str, day: int) -> tuple[int, int, int]:
        """Return the hints with which home compares a lane's figures of a close with its own."""
        lane = self.lanes[remote].id_bytes
        return (
            self.custody_hint(self.home, lane, day),
            self.suspense_hint(self.home, lane, day),
            self.sent_hint(self.home, lane, day),
        )

    def moved_after(self, ledger: str, account: str, day: int) -> list[int]:
        """Return the business days after one on which an account moved; of nobody, the supply."""
        word = address_bytes(account).rjust(32, b"\0")
        kinds: list[tuple[str, tuple[bytes | None, ...]]] = [
            ("Transfer", (word,)),
            ("Transfer", (None, word)),
        ]
        if any(word):
            kinds += [("ClassSet", (word,)), ("RatioApplied", (word,))]
        else:
            kinds.append(("RatioInForce", ()))
        return self._days_of(ledger, self.connection.token(ledger), kinds, day)

    def _days_of(
        self,
        ledger: str,
        contract: Contract,
        kinds: Iterable[tuple[str, tuple[bytes | None, ...]]],
        day: int,
    ) -> list[int]:
        """The business days after one on which a contract logged any of some events."""
        chain, minute = self.chain(ledger), self.close_minute(ledger)
        first = self._last_block(ledger, day) + 1
        blocks = {
            log.block_number
            for name, topics in kinds
            for log in self.logs(ledger, contract, name, *topics, first=first)
        }
        return sorted({business_day(chain.block(n).timestamp, minute) for n in blocks})

    def _last_block(self, ledger: str, day: int) -> int:
        """The last block by the close of a day that is closed."""
        if (ledger, day) not in self._days:
            first = self.connection.manifest.ledger(ledger).from_block
            close = close_of(day, self.close_minute(ledger))
            self._days[ledger, day] = block_before(self.chain(ledger), close, first)
        return self._days[ledger, day]

    # ---------------------------------------------------------------------- crossing

    def crossing(self, ledger: str, day: int) -> Iterator[tuple[LaneId, LaneMessage]]:
        """Yield the messages to a ledger that left their source by the close of a day."""
        for remote, lane in self.lanes.items():
            if ledger not in (self.home, remote):
                continue
            source = remote if ledger == self.home else self.home
            minute = self.close_minute(source)
            for message in self.sent(source, lane.id_bytes):
                if business_day(message.lock_time, minute) <= day:
                    yield lane.id_bytes, message

    def returns(self, ledger: str, day: int) -> Iterator[tuple[LaneMessage, LaneMessage]]:
        """Yield the messages from a ledger that were under way at a close and went back after it.

        Each with the one that took its units back.
        """
        minute = self.close_minute(ledger)
        for remote, lane in self.lanes.items():
            if ledger not in (self.home, remote):
                continue
            answers = {
                message.origin: message
                for message in self.sent(
                    remote if ledger == self.home else self.home, lane.id_bytes
                )
                if message.origin
                and business_day(message.left, minute)
                <= day
                < business_day(message.lock_time, minute)
            }
            # Of most closes nothing went back.
            for message in self.sent(ledger, lane.id_bytes) if answers else ():
                if message.id in answers:
                    yield message, answers[message.id]

    def sent(self, ledger: str, lane: bytes) -> Iterator[LaneMessage]:
        """The messages that a ledger's end of a lane sent."""
        escrow = self.connection.escrow(ledger)
        yield from map(message_of, self.events(ledger, escrow, "MessageSent", lane))


def hinted(ask: Callable[[int], int], days: Callable[[], Iterable[int]]) -> tuple[int, int]:
    """Ask a view of a close without a hint and, if it wants one, with the first day that serves.

    Args:
        ask: asks with a hint, 0 for none.
        days: later days with a movement, ascending; called if a hint is wanted.

    Returns:
        what the view answered, and the hint.

    Raises:
        Revert: no day serves, or it was for another reason.
    """
    try:
        return ask(0), 0
    except Revert as revert:
        if not (revert.reason or "").endswith(_NEEDS_HINT):
            raise
        wanted = revert
    for day in days():
        try:
            return ask(day), day
        except Revert:
            # An account's first day keeps no opening: no hint, the next one may be.
            continue
    raise wanted


def block_before(chain: Chain, moment: int, first: int = 0) -> int:
    """Return the last block before a moment; `first - 1` if there is none from `first` on."""
    low, high = first - 1, chain.block_number
    while low < high:
        middle = (low + high + 1) // 2
        if chain.block(middle).timestamp < moment:
            low = middle
        else:
            high = middle - 1
    return low
