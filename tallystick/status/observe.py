"""What is where, on all ledgers at once, and whether the invariants hold.

`status_of` observes the ledgers at one block each, `check_invariants` is a pure function of what
was observed. Positions are those of every address that a Transfer event names, so their sum can be
compared with the supply. Views are asked in batches, so that a reading takes a few requests for
each thousand holders and messages.

Logs are compared with what the contracts count before they are believed. What could not be seen, a
ledger that does not answer or a log that is cut, is said, and nothing is judged by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from tallystick.bridge.message import (
    DENIED,
    OPEN_END,
    SUSPENSE_ENDS,
    Kind,
    Lack,
    LaneId,
    LaneMessage,
    MessageId,
    party_address,
)
from tallystick.bridge.outbox import PAGE, words_of
from tallystick.chain import Block, ChainError, Event
from tallystick.files.manifest import LaneEntry
from tallystick.reach.connection import Connection
from tallystick.status.document import Status
from tallystick.status.invariants import check_invariants
from tallystick.status.observation import (
    EndState,
    EpochState,
    LaneState,
    LedgerState,
    MessageState,
    Observation,
    PendingState,
    Position,
    SideState,
    StrayDelivery,
    Unseen,
)
from tallystick.status.over_ratios import Move, over, summed
from tallystick.status.pending import alone_for, proposals_of, ratios_to_come, releases_of
from tallystick.status.view import View
from tallystick.text import one_line

__all__ = ["names_of", "observe", "status_of"]

_ZERO: Final = "0x" + "00" * 20
_ATTEMPTS: Final = 3


def status_of(connection: Connection) -> Status:
    """Observe the ledgers of a connection and judge.

    What is delivered on one ledger was sent on another, earlier; a block mined between reading the
    two can make it look otherwise, so a stray delivery counts only if it is seen again, and so do
    units that other bridges brought to one ledger and took from none.
    """
    for _ in range(_ATTEMPTS):
        observation = observe(connection)
        if not observation.strays and observation.with_bridges >= 0:
            break
    return Status(observation, check_invariants(observation))


def observe(connection: Connection) -> Observation:
    """Read every ledger at one block each, all blocks taken at one moment."""
    manifest = connection.manifest
    unseen: list[Unseen] = []
    views: dict[str, _View] = {}
    for name in (ledger.name for ledger in manifest.ledgers):
        with _noted(unseen, name):
            views[name] = _View(connection, name, connection.chains[name].block())
    # Deliveries first: whatever they name is then looked for among the messages sent.
    lanes: list[LaneState] = []
    messages: list[MessageState] = []
    strays: list[StrayDelivery] = []
    for lane in manifest.lanes:
        name, ends = f"{lane.home}-{lane.remote}", (lane.home, lane.remote)
        if lost := [end for end in ends if end not in views]:
            unseen += [Unseen(end, name, "its ledger was not seen") for end in lost]
            continue
        with _noted(unseen, lane.home, name):
            state, crossing = _lane(views, lane), []
            for side, (source, destination) in (
                (state.home, ends),
                (state.remote, ends[::-1]),
            ):
                crossing.append(_messages(views[source], views[destination], lane, side.sent))
            lanes.append(state)
            for found, stray in crossing:
                messages += found
                strays += stray
            unseen += _cut(state, crossing)
    ledgers: list[LedgerState] = []
    for name, view in views.items():
        with _noted(unseen, name):
            ledgers.append(view.state(unseen))
    instrument = manifest.instrument
    return Observation(
        isin=instrument.isin,
        name=instrument.name,
        decimals=instrument.decimals,
        home=instrument.home,
        ledgers=tuple(ledgers),
        lanes=tuple(lanes),
        messages=tuple(messages),
        strays=tuple(strays),
        unseen=tuple(unseen),
    )


@contextmanager
def _noted(unseen: list[Unseen], ledger: str, lane: str = "") -> Iterator[None]:
    """What a node does not tell is not seen, and no more: others go on."""
    try:
        yield
    except ChainError as error:
        unseen.append(Unseen(ledger, lane, one_line(str(error))))


def _cut(
    lane: LaneState, crossing: Sequence[tuple[list[MessageState], list[StrayDelivery]]]
) -> Iterator[Unseen]:
    """What is in no log of a lane, though its ledgers count it: messages, deliveries."""
    for side, (messages, strays) in zip((lane.home, lane.remote), crossing, strict=True):
        # Told, as something else than it was.
        told = {stray.id for stray in strays}
        if len(messages) < side.sent:
            why = f"logs tell {len(messages)} of the {side.sent} messages sent"
            yield Unseen(side.ledger, lane.name, why)
        untold = [m for m in messages if m.arrived and not m.deliveries and m.id not in told]
        if untold:
            why = f"no log tells {len(untold)} of the deliveries from {side.ledger}"
            yield Unseen(untold[0].destination, lane.name, why)
        gone = [each for each in messages if each.place == "suspense" and not each.suspended]
        if gone:
            why = f"no log tells {len(gone)} of the claims of what came from {side.ledger}"
            yield Unseen(gone[0].destination, lane.name, why)


class _View(View):
    """One ledger at one block, with its ratios."""

    def __init__(self, connection: Connection, name: str, block: Block) -> None:
        super().__init__(connection, name, block)
        self._ratios: tuple[tuple[int, int], ...] | None = None
        # Of a lane, its newest epoch, and where each since it was opened began.
        self._begun: dict[LaneId, tuple[int, list[tuple[int, int]]]] = {}

    def ratios(self) -> tuple[tuple[int, int], ...]:
        """Return numerator and denominator of each ratio in force, the first first."""
        if self._ratios is None:
            [epochs] = self.ask([(self.token, "action_epoch")])
            found = self.ask((self.token, "ratio_at", each) for each in range(1, int(epochs) + 1))
            self._ratios = tuple((int(each.numerator), int(each.denominator)) for each in found)
        return self._ratios

    def epoch_of(self, lane: LaneEntry, event: Event) -> int:
        """Return in whose units a lane's event is: its first act in others is logged before."""
        if not self.ratios():
            return 0
        if lane.id_bytes not in self._begun:
            [epoch] = self.ask([(self.escrow, "brought_up_to", lane.id_bytes)])
            logged = self.events(self.escrow, "LaneRatioInForce", lane.id_bytes)
            self._begun[lane.id_bytes] = int(epoch), [_place(each) for each in logged]
        epoch, begun = self._begun[lane.id_bytes]
        return epoch - sum(place > _place(event) for place in begun)

    def state(self, unseen: list[Unseen]) -> LedgerState:
        """Return the ledger's state; adds to `unseen` what its logs leave out."""
        token, home = self.token, self.name == self.connection.manifest.instrument.home
        views = ("totalSupply", "authorised", "is_live", "paused_scopes", "is_suspended")
        supply, authorised, live, paused, suspended, bridged = self.ask(
            (*((token, view) for view in views), (token, "bridge_of", _ZERO))
        )
        ratios = self.ratios()
        transfers = self.events(token, "Transfer")
        # What a ratio makes of units is in no transfer.
        logged = supply if ratios else sum(map(_issued, transfers))
        if logged != supply:
            unseen.append(Unseen(self.name, "", f"logs tell {logged} of {supply} units issued"))
        state = LedgerState(
            name=self.name,
            caip2=self.entry.caip2,
            home=home,
            block=self.block.number,
            time=self.block.timestamp,
            supply=int(supply),
            authorised=int(authorised),
            live=bool(live),
            paused=int(paused),
            positions=tuple(self._positions(transfers)),
            releases=tuple(releases_of(self)),
            came_in=int(bridged.came_in),
            went_out=int(bridged.went_out),
            ratios=ratios,
            suspended=bool(suspended),
            alone=tuple(alone_for(self)),
            pending=(*proposals_of(self), *ratios_to_come(self, len(ratios))),
        )
        found = sum(position.balance for position in state.positions)
        if logged == supply and found < supply - state.uncollected:
            # Each log that is there gives what it takes: who has the rest is named by none.
            why = f"accounts that logs name hold {found} of {supply} units"
            unseen.append(Unseen(self.name, "", why))
        return state

    def _positions(self, transfers: Iterable[Event]) -> Iterator[Position]:
        names = names_of(self.connection, self.name)
        accounts = dict.fromkeys(
            holder.address
            for holder in self.connection.manifest.holders
            if holder.ledger == self.name
        )
        for event in transfers:
            accounts |= dict.fromkeys((str(event.args["sender"]), str(event.args["receiver"])))
        accounts |= dict.fromkeys(
            lane.sides[self.name].custody
            for lane in self.connection.manifest.lanes
            if self.name in (lane.home, lane.remote)
        )
        accounts.pop(_ZERO, None)
        words = self.ask((self.token, "position_of", account) for account in accounts)
        for account, word in zip(accounts, words, strict=True):
            yield Position(
                account=account,
                name=names.get(account, ""),
                balance=int(word.balance),
                frozen=int(word.frozen),
                eligible_until=int(word.eligible_until),
                account_frozen=bool(word.account_frozen),
                link=bool(word.link),
                pool=bool(word.pool),
            )


def names_of(connection: Connection, ledger: str) -> dict[str, str]:
    """What to call the addresses of a ledger."""
    manifest = connection.manifest
    names: dict[str, str] = {}
    for lane in manifest.lanes:
        if ledger in lane.sides:
            names[lane.sides[ledger].custody] = f"custody of {lane.home}-{lane.remote}"
    for role, entry in manifest.roles.get(ledger, {}).items():
        names.setdefault(entry.address, role)
    for holder in manifest.holders:
        if holder.ledger == ledger:
            names[holder.address] = holder.name
    return names


def _place(event: Event) -> tuple[int, int]:
    """Where an event stands among its ledger's."""
    return event.block_number, event.log_index


def _issued(transfer: Event) -> int:
    """By how much a transfer changes the supply."""
    value = int(transfer.args["value"])
    sender, receiver = (str(transfer.args[end]) == _ZERO for end in ("sender", "receiver"))
    return value * (sender - receiver)


def _lane(views: Mapping[str, _View], lane: LaneEntry) -> LaneState:
    sides = []
    for end in (lane.home, lane.remote):
        view, custody = views[end], lane.sides[end].custody
        ratios = view.ratios()
        state, balance, suspended, pending, lacks, room, lists, ending = view.ask(
            (
                (view.escrow, "lane_state", lane.id_bytes),
                (view.token, "balanceOf", custody),
                (view.escrow, "is_suspended", lane.id_bytes),
                (view.escrow, "pending_lane_terms", lane.id_bytes),
                (view.escrow, "posture", lane.id_bytes),
                (view.escrow, "room", lane.id_bytes),
                (view.escrow, "lists_of", lane.id_bytes),
                (view.escrow, "end_of", lane.id_bytes),
            )
        )
        numbers = range(1, int(state.epoch) + 1)
        kept = view.ask((view.escrow, "epoch_at", lane.id_bytes, number) for number in numbers)
        paid = _paid(view, lane)
        sides.append(
            SideState(
                ledger=end,
                outstanding=int(state.outstanding),
                suspense=int(state.suspense),
                sent=int(state.sent),
                cap=int(state.terms.cap),
                paused=int(state.paused_directions),
                custody=custody,
                custody_balance=int(balance),
                epochs=tuple(map(_epoch, numbers, kept)),
                suspended=bool(suspended),
                pending=_pending(pending, int(state.terms.change_delay)),
                limit=int(state.terms.limit),
                room=int(room),
                lacks=Lack(int(lacks)),
                listed=summed(paid, ratios),
                lists=int(lists),
                ending=_ending(ending),
                paid=paid,
                ratios=ratios,
                waited=_waited(view, lane) if ratios else (),
                dust=_dust(view, lane) if ratios else (),
                given=_given(view, lane) if ratios else (),
            )
        )
    return LaneState(lane.id_bytes, *sides)


def _paid(view: _View, lane: LaneEntry) -> tuple[Move, ...]:
    """What lists of a dead ledger's end paid, as much as it was then."""
    paid = view.events(view.escrow, "ListedPaid", lane.id_bytes)
    numbers = [int(event.args["list"]) for event in paid]
    lists = view.ask((view.escrow, "list_of", lane.id_bytes, number) for number in numbers)
    moves = []
    for event, listing in zip(paid, lists, strict=True):
        epoch = view.epoch_of(lane, event)
        ratios = view.ratios()[:epoch]
        moves.append((epoch, over(int(event.args["amount"]), int(listing.epoch), ratios)))
    return tuple(moves)


def _waited(view: _View, lane: LaneEntry) -> tuple[Move, ...]:
    """What came into suspense, what left it, and what of it rounding left and the agent got."""
    signs = {"UnitsSuspended": 1, **dict.fromkeys(SUSPENSE_ENDS, -1)}
    moves = [
        (view.epoch_of(lane, event), sign * int(event.args["amount"]))
        for name, sign in signs.items()
        for event in view.events(view.escrow, name, lane.id_bytes)
    ]
    paid = view.events(view.escrow, "DustPaid", lane.id_bytes)
    moves += [(view.epoch_of(lane, event), -int(event.args["suspense"])) for event in paid]
    return tuple(moves)


def _dust(view: _View, lane: LaneEntry) -> tuple[Move, ...]:
    """What was outstanding, owed to nobody, and is the agent's."""
    paid = view.events(view.escrow, "DustPaid", lane.id_bytes)
    return tuple((view.epoch_of(lane, e), int(e.args["outstanding"])) for e in paid)


def _given(view: _View, lane: LaneEntry) -> tuple[Move, ...]:
    """What was made good of messages beyond what is outstanding for it now."""
    given = view.events(view.escrow, "UnitsMadeGood", lane.id_bytes)
    beyond = ((e, int(e.args["amount"]) - int(e.args["outstanding"])) for e in given)
    return tuple((view.epoch_of(lane, event), units) for event, units in beyond if units)


def _epoch(number: int, kept: Any) -> EpochState:
    until = int(kept.valid_until)
    return EpochState(
        number,
        str(kept.verifier),
        _second(kept),
        int(kept.valid_from),
        None if until == OPEN_END else until,
    )


def _second(trusted: Any) -> str | None:
    """The second verifier, if there is one."""
    return None if str(trusted.second) == _ZERO else str(trusted.second)


def _ending(kept: Any) -> EndState | None:
    if str(kept.registrar) == _ZERO:
        return None
    return EndState(
        int(kept.state.list),
        int(kept.state.number),
        bytes(kept.state.root),
        int(kept.state.total),
        str(kept.registrar),
        int(kept.applies_from) or None,
    )


def _pending(kept: Any, delay: int) -> PendingState | None:
    if not int(kept.applies_from):
        return None
    return PendingState(
        str(kept.verifier),
        _second(kept),
        int(kept.cap),
        int(kept.limit),
        int(kept.applies_from) - delay,
        int(kept.applies_from),
    )


def _messages(
    source: _View, destination: _View, lane: LaneEntry, count: int
) -> tuple[list[MessageState], list[StrayDelivery]]:
    """Messages of one direction of a lane, and deliveries that none of them explains.

    `count`: how many messages the source says that it sent.
    """
    delivered = destination.events(destination.escrow, "MessageDelivered", lane.id_bytes)
    ended = {
        name: Counter(
            bytes(event.args["id"])
            for event in destination.events(destination.escrow, name, lane.id_bytes)
        )
        for name in SUSPENSE_ENDS
    }
    sent = source.events(source.escrow, "MessageSent", lane.id_bytes)
    returns = ended.pop("MessageReturned")
    undone = ended.pop("MessageUndone")
    # By a denial's id what rounding left of another is made good, and the denial itself arrived.
    denials = {bytes(e.args["id"]) for e in sent if e.args["message"].kind & DENIED}
    made_good = destination.events(destination.escrow, "UnitsMadeGood", lane.id_bytes)
    undone.update(each for e in made_good if (each := bytes(e.args["id"])) not in denials)
    claims = sum(ended.values(), Counter())
    arrivals: dict[MessageId, list[Event]] = {}
    for event in delivered:
        identifier = MessageId(event.args["id"])
        # It never happened: its source denied it, and what it brought was made good.
        if undone[identifier]:
            undone[identifier] -= 1
        else:
            arrivals.setdefault(identifier, []).append(event)
    kind = Kind.ISSUE if source.name == lane.home else Kind.RELEASE
    found: list[tuple[Event, LaneMessage, list[Event], bool]] = []
    for event in sent:
        message = LaneMessage.from_event(event.args["message"])
        logged = arrivals.get(message.id, [])
        good = [e for e in logged if _is_of(message, e, destination, lane)]
        if len(good) == len(logged):
            arrivals.pop(message.id, None)
        left = claims[message.id] + returns[message.id]
        settled = len(good) == 1 and (not good[0].args["suspended"] or left == 1)
        found.append((event, message, good, settled))
    # What was delivered once and is over needs no further questions.
    open_ones = [message for _, message, _, settled in found if not settled]
    proven = words_of({int(e.args["message"].nonce): MessageId(e.args["id"]) for e in sent})
    pages = sorted({message.nonce // PAGE for message in open_ones})
    words = source.ask((source.escrow, "outbox", lane.id_bytes, page) for page in pages)
    # A page of which a log is missing tells nothing of the others.
    unlike = {
        page
        for page, word in zip(pages, words, strict=True)
        if bytes(word) != proven[page] and len(sent) >= count
    }
    there = destination.escrow
    arrived = destination.ask((there, "has_arrived", lane.id_bytes, m.nonce) for m in open_ones)
    suspended = destination.ask((there, "suspended", m.id) for m in open_ones)
    waits = destination.ask((there, "waits", m.id) for m in open_ones)
    answers = iter(zip(arrived, suspended, waits, strict=True))
    states = []
    for event, message, good, settled in found:
        has_arrived, waiting, until = (True, 0, 0) if settled else next(answers)
        own = bytes(event.args["id"]) == message.id and Kind(message.kind).direction is kind
        states.append(
            MessageState(
                lane=lane.id_bytes,
                kind=message.kind,
                source=source.name,
                destination=destination.name,
                nonce=message.nonce,
                id=message.id,
                amount=message.amount,
                sender=_party(message.sender),
                recipient=_party(message.recipient),
                lock_time=message.lock_time,
                block=event.block_number,
                recorded=own and (settled or message.nonce // PAGE not in unlike),
                arrived=bool(has_arrived),
                deliveries=len(good),
                to_suspense=any(e.args["suspended"] for e in good),
                claims=claims[message.id],
                returns=returns[message.id],
                suspended=int(waiting),
                queued_until=int(until) if waiting else 0,
                age=destination.block.timestamp - message.lock_time,
                epoch=message.action_epoch,
                landed=int(good[0].args["amount"]) if good else None,
                landed_in=destination.epoch_of(lane, good[0]) if good else 0,
            )
        )
    strays = [
        StrayDelivery(
            lane=lane.id_bytes,
            ledger=destination.name,
            nonce=int(event.args["nonce"]),
            id=identifier,
            amount=int(event.args["amount"]),
            epoch=destination.epoch_of(lane, event),
        )
        for identifier, events in arrivals.items()
        for event in events
    ]
    return states, strays


def _is_of(message: LaneMessage, event: Event, destination: _View, lane: LaneEntry) -> bool:
    """Whether a delivery is of a message: as many units as it had become then."""
    ratios = destination.ratios()[: destination.epoch_of(lane, event)]
    units = over(message.amount, message.action_epoch, ratios)
    return (event.args["nonce"], event.args["amount"]) == (message.nonce, units)


def _party(word: bytes) -> str:
    try:
        return party_address(word)
    except ValueError:
        return "0x" + word.hex()
