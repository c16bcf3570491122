"""One end of a lane: what its escrow logged, believed once it is what its storage counts.

A node may leave logs out, for a while or for good, and say nothing of it. The escrow keeps how many
messages it sent and what the lane owes and holds: what was logged has to add up to that, at the
same block, before it is left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from tallystick.bridge.message import NO_CAP, SUSPENSE_ENDS, LaneMessage, message_of
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Contract, RawLog, Revert
from tallystick.chain.abi import CodecError
from tallystick.chain.contract import Unreadable
from tallystick.reach.finality import Watch, insist

__all__ = ["Counts", "LaneEnd", "Sent"]

_ID: Final = 32
_SENT: Final = "MessageSent"
_DELIVERED: Final = "MessageDelivered"
_QUEUED: Final = "UnitsQueued"
_DENIED: Final = "MessageDenied"
_UNDONE: Final = "MessageUndone"
_RATIO: Final = "LaneRatioInForce"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a lane's end logged as sent; `id` is the log's own."""

    message: LaneMessage
    id: bytes
    log: RawLog


@dataclass(frozen=True, slots=True)
class Counts:
    """What an end sent and got: messages sent, and base units sent, arrived, in suspense."""

    messages: int = 0
    sent: int = 0
    arrived: int = 0
    suspense: int = 0

    def after(self, outstanding: int, suspense: int, *, home: bool) -> Counts:
        """Return it in the units of a ratio, as the escrow logged what it makes of the lane."""
        arrived = self.sent - outstanding if home else self.sent + outstanding
        return replace(self, arrived=arrived, suspense=suspense)

    def outstanding(self, *, home: bool) -> int:
        """Return what an escrow owes by these counts."""
        return self.sent - self.arrived if home else self.arrived - self.sent

    def misses(self, state: Any, *, home: bool) -> str:
        """Say what is missing of what an escrow counts, or nothing.

        Args:
            state: what `lane_state` returned.
            home: whether it is home's end, which owes what was sent and did not come back; a remote
                one owes what came and was not sent back.
        """
        if self.messages != int(state.sent):
            return f"{self.messages} of {int(state.sent)} messages sent"
        outstanding = int(state.outstanding)
        arrived = self.sent - outstanding if home else self.sent + outstanding
        if self.arrived != arrived:
            return f"{self.arrived} of {arrived} units that arrived"
        if self.suspense != int(state.suspense):
            return f"{self.suspense} of {int(state.suspense)} units in suspense"
        return ""


@dataclass
class _Read:
    """What some logs of a lane's end say.

    `sent` is by nonce; `landed` is what each message that arrived left in suspense, by its id, and
    `queued` from when on that can be claimed, if it came over the lane's limit; `denied` is what
    each denial that was sent denies, by its id.
    """

    counts: Counts = field(default_factory=Counts)
    sent: dict[int, Sent] = field(default_factory=dict)
    landed: dict[bytes, int] = field(default_factory=dict)
    queued: dict[bytes, int] = field(default_factory=dict)
    denied: dict[bytes, LaneMessage] = field(default_factory=dict)


@dataclass
class LaneEnd:
    """One end of a lane, read once a step; see the module.

    Args:
        watch: its ledger.
        escrow: the escrow there.
        lane: the lane's id.
        home: whether it is home's end.

    Attributes:
        state: what `lane_state` returned at the watch's last block.
        pending: the change of the lane's terms that waited there.
        missing: what the node left out of the logs up to there, or nothing.
    """

    watch: Watch
    escrow: Contract
    lane: bytes
    home: bool
    state: Any = None
    pending: Any = None
    missing: str = ""
    _read_to: int = -1
    # The ids of what was believed to be sent, page by page, one behind the other: of settled
    # messages, too, as what a page keeps proves each of them with the others.
    _pages: dict[int, bytes] = field(default_factory=dict)
    _believed: _Read = field(default_factory=_Read)
    _newest: _Read = field(default_factory=_Read)

    def forget(self) -> None:
        """Begin anew."""
        self._read_to, self._pages, self._believed, self._newest = -1, {}, _Read(), _Read()

    def read(self) -> None:
        """Read what was logged up to the ledger's last block, and what is kept there.

        Logs in final blocks are left behind only if all adds up; else all is asked for again.

        Raises:
            ChainError: the node can't be reached.
        """
        insist(self._read)

    def _read(self) -> str:
        """Read once; returns what is missing."""
        head, final = self.watch.head, self.watch.final
        start = max(self._read_to + 1, self.watch.first)
        logs: tuple[RawLog, ...] = ()
        if start <= head.number:
            chain, topics = self.escrow.chain, [None, self.lane]
            logs = chain.raw_logs(self.escrow, start, head.number, topics=topics)
        views = ("lane_state", "pending_lane_terms", "brought_up_to", "action_epoch_of")
        questions = [(self.escrow, view, self.lane) for view in views]
        answers = self.escrow.chain.ask(questions, block=head.number)
        for answer in answers:
            if isinstance(answer, Revert):
                raise answer
            if isinstance(answer, CodecError):
                raise Unreadable(f"{self.escrow!r}: {answer}")
        self.state, self.pending, kept, now = answers
        newest = self._fold(replace(self._believed.counts), logs)
        counts = newest.counts
        if kept != now:
            counts = self._carried(counts, int(kept), int(now), head.number)
        self.missing = counts.misses(self.state, home=self.home)
        if self.missing or final < start:
            self._newest = newest
            return self.missing
        old = [log for log in logs if log.block_number <= final]
        folded = self._fold(self._believed.counts, old)
        self._believed.counts = folded.counts
        for nonce in sorted(folded.sent):
            page = nonce // PAGE
            self._pages[page] = self._pages.get(page, b"") + folded.sent[nonce].id
        self._believed.sent |= folded.sent
        self._believed.landed |= folded.landed
        self._believed.queued |= folded.queued
        self._believed.denied |= folded.denied
        self._read_to = final
        self._newest = self._fold(Counts(), logs[len(old) :])
        return ""

    def _carried(self, counts: Counts, since: int, until: int, block: int) -> Counts:
        """What logs tell in the units of the lane's epoch, before an act there brings it up."""
        token = self.escrow.chain.at("SecurityToken", self.escrow.lane_ends(self.lane).token)
        outstanding, suspense = self.escrow.chain.ask(
            [
                (token, "carried", amount, since, until)
                # A log that is missing can make it less than nothing.
                for amount in (max(counts.outstanding(home=self.home), 0), max(counts.suspense, 0))
            ],
            block=block,
        )
        for answer in (outstanding, suspense):
            if isinstance(answer, Revert | CodecError):
                raise Unreadable(f"{token!r}: {answer}")
        return counts.after(int(outstanding), int(suspense), home=self.home)

    def _fold(self, counts: Counts, logs: Iterable[RawLog]) -> _Read:
        """What some logs say, added to what was counted before."""
        found = _Read(counts)
        for log in logs:
            name = self._names.get(log.topics[0])
            if name is None:
                continue
            event = self.escrow.chain.decode_log(log)
            counts = found.counts
            if name == _RATIO:
                told = int(event.args["outstanding"]), int(event.args["suspense"])
                found.counts = counts.after(*told, home=self.home)
                continue
            id_ = bytes(event.args["id"])
            if name == _SENT:
                message = message_of(event)
                found.sent[message.nonce] = Sent(message, id_, log)
                found.counts = replace(
                    counts, messages=counts.messages + 1, sent=counts.sent + message.amount
                )
                continue
            if name == _QUEUED:
                found.queued[id_] = int(event.args["until"])
                continue
            if name == _DENIED:
                found.denied[bytes(event.args["answer"])] = message_of(event)
                continue
            amount = int(event.args["amount"])
            if name in SUSPENSE_ENDS:
                found.landed[id_] = 0
                counts = replace(counts, suspense=counts.suspense - amount)
                if name == _UNDONE:
                    undone = int(event.args["outstanding"])
                    counts = replace(counts, arrived=counts.arrived - undone)
                found.counts = counts
            else:
                held = amount if event.args["suspended"] else 0
                found.landed[id_] = held
                found.counts = replace(
                    counts, arrived=counts.arrived + amount, suspense=counts.suspense + held
                )
        return found

    @cached_property
    def _names(self) -> Mapping[bytes, str]:
        events = self.escrow.interface.events_by_name
        names = (_SENT, _DELIVERED, _QUEUED, _DENIED, _RATIO, *SUSPENSE_ENDS)
        return {events[name][0].topic: name for name in names}

    def sent(self) -> Iterator[Sent]:
        """Yield what was sent, is final and was not dropped, in order."""
        known = self._believed.sent | self._newest.sent
        final = self.watch.final
        yield from (known[nonce] for nonce in sorted(known) if _block(known[nonce]) <= final)

    def ids(self, page: int) -> list[bytes]:
        """Return the ids of what was logged so far of a page of the outbox, in order."""
        known, newest = self._pages.get(page, b""), self._newest.sent
        return [
            *(known[at : at + _ID] for at in range(0, len(known), _ID)),
            *(newest[n].id for n in range(page * PAGE, page * PAGE + PAGE) if n in newest),
        ]

    def held(self, id_: bytes) -> int | None:
        """Return base units of a message that wait here in suspense; None: it has not arrived."""
        found = self._newest.landed.get(id_)
        return self._believed.landed.get(id_) if found is None else found

    def queued_until(self, id_: bytes) -> int:
        """Return from when on what waits of a message can be claimed, by the lane's limit here.

        0: at any time; it came within the limit, or there is none now.
        """
        if self.state.terms.limit >= NO_CAP:
            return 0
        return self._newest.queued.get(id_) or self._believed.queued.get(id_, 0)

    def denied(self, id_: bytes) -> LaneMessage | None:
        """Return what a denial that was sent here denies, as it was logged."""
        return self._newest.denied.get(id_) or self._believed.denied.get(id_)

    def is_settled(self, id_: bytes) -> bool:
        """Whether a message reached an account here or went back, as far as that is final."""
        return self._believed.landed.get(id_) == 0

    def drop(self, sent: Sent) -> bool:
        """Forget a message that is settled at the other end; whether that is believed."""
        return self._believed.sent.pop(sent.message.nonce, None) is not None

    def drop_landed(self, id_: bytes) -> None:
        """Forget an arrival that nobody asks for any more."""
        self._believed.landed.pop(id_, None)
        self._believed.queued.pop(id_, None)


def _block(sent: Sent) -> int:
    return sent.log.block_number
