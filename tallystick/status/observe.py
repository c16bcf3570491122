"""What is where, on all ledgers at once, and whether the invariants hold.

`status_of` observes the ledgers at one block each, `check_invariants` is a pure function of what
was observed. Positions are those of every address that a Transfer event names, so their sum can be
compared with the supply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from tallystick.bridge.message import OPEN_END, Kind, LaneMessage, MessageId, party_address
from tallystick.bridge.outbox import PAGE, words_of
from tallystick.chain import Block, Chain, Contract, Event
from tallystick.chain.abi import keccak
from tallystick.files.manifest import LaneEntry
from tallystick.governance.release import PROXIED, Version, is_behind
from tallystick.reach.connection import Connection
from tallystick.status.document import Status
from tallystick.status.invariants import check_invariants
from tallystick.status.observation import (
    EpochState,
    LaneState,
    LedgerState,
    MessageState,
    Observation,
    Position,
    ReleaseState,
    SideState,
    StrayDelivery,
)

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
    views = {name: _View(connection, name, chain.block()) for name, chain in _chains(connection)}
    # Deliveries first: whatever they name is then looked for among the messages sent.
    lanes = tuple(_lane(views, lane) for lane in manifest.lanes)
    messages: list[MessageState] = []
    strays: list[StrayDelivery] = []
    for lane in manifest.lanes:
        for source, destination in ((lane.home, lane.remote), (lane.remote, lane.home)):
            found, stray = _messages(views[source], views[destination], lane)
            messages += found
            strays += stray
    instrument = manifest.instrument
    return Observation(
        isin=instrument.isin,
        name=instrument.name,
        decimals=instrument.decimals,
        home=instrument.home,
        ledgers=tuple(view.state() for view in views.values()),
        lanes=lanes,
        messages=tuple(messages),
        strays=tuple(strays),
    )


def _chains(connection: Connection) -> list[tuple[str, Chain]]:
    return [(ledger.name, connection.chains[ledger.name]) for ledger in connection.manifest.ledgers]


class _View:
    """One ledger at one block."""

    def __init__(self, connection: Connection, name: str, block: Block) -> None:
        self.connection = connection
        self.name = name
        self.block = block
        self.entry = connection.manifest.ledger(name)
        self.token = connection.token(name)
        self.escrow = connection.escrow(name)

    def read(self, contract: Contract, function: str, *args: Any) -> Any:
        """Return what a view returned at the block."""
        return contract.method(function).call(*args, block=self.block.number)

    def events(self, contract: Contract, name: str, *topics: bytes) -> list[Event]:
        """Return a contract's events of one name up to the block."""
        topic = contract.interface.events_by_name[name][0].topic
        chain = contract.chain
        logs = chain.raw_logs(
            contract, self.entry.from_block, self.block.number, topics=[topic, *topics]
        )
        return [chain.decode_log(log) for log in logs]

    def state(self) -> LedgerState:
        """Return the ledger's state."""
        instrument = self.connection.manifest.instrument
        home = self.name == instrument.home
        bridged = self.read(self.token, "bridge_of", _ZERO)
        return LedgerState(
            name=self.name,
            caip2=self.entry.caip2,
            home=home,
            block=self.block.number,
            time=self.block.timestamp,
            supply=int(self.read(self.token, "totalSupply")),
            authorised=int(self.read(self.token, "authorised")),
            live=bool(self.read(self.token, "is_live")),
            paused=int(self.read(self.token, "paused_scopes")),
            positions=tuple(self._positions()),
            releases=tuple(self._releases()),
            came_in=int(bridged.came_in),
            went_out=int(bridged.went_out),
            ratios=tuple(self._ratios()),
            suspended=bool(self.read(self.token, "is_suspended")),
        )

    def _ratios(self) -> list[tuple[int, int]]:
        epochs = range(1, int(self.read(self.token, "action_epoch")) + 1)
        ratios = [self.read(self.token, "ratio_at", epoch) for epoch in epochs]
        return [(int(each.numerator), int(each.denominator)) for each in ratios]

    def _positions(self) -> list[Position]:
        names = names_of(self.connection, self.name)
        accounts = dict.fromkeys(
            holder.address
            for holder in self.connection.manifest.holders
            if holder.ledger == self.name
        )
        for event in self.events(self.token, "Transfer"):
            accounts |= dict.fromkeys((str(event.args["sender"]), str(event.args["receiver"])))
        accounts |= dict.fromkeys(
            lane.sides[self.name].custody
            for lane in self.connection.manifest.lanes
            if self.name in (lane.home, lane.remote)
        )
        found = []
        for account in accounts:
            if account == _ZERO:
                continue
            word = self.read(self.token, "position_of", account)
            found.append(
                Position(
                    account=account,
                    name=names.get(account, ""),
                    balance=int(word.balance),
                    frozen=int(word.frozen),
                    eligible_until=int(word.eligible_until),
                    account_frozen=bool(word.account_frozen),
                    link=bool(word.link),
                    pool=bool(word.pool),
                )
            )
        return found

    def _releases(self) -> list[ReleaseState]:
        authority = self.connection.contract(self.name, "ReleaseAuthority")
        found = []
        for name in (name for name in PROXIED if name in self.entry.contracts):
            address = self.entry.contracts[name].address
            installed = self.read(authority, "installation_of", address)
            release = self.read(authority, "release_of", installed.release)
            code = authority.chain.code(release.implementation)
            code_hash = keccak(code)
            sound = code_hash == bytes(release.code_hash)
            sound = sound and is_behind(code, bytes(release.behind_hash), authority.chain.code)
            found.append(
                ReleaseState(
                    contract=name,
                    address=address,
                    version=str(Version.unpack(int(release.version))),
                    implementation=str(release.implementation),
                    code_hash="0x" + code_hash.hex(),
                    sound=sound,
                )
            )
        return found


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


def _lane(views: Mapping[str, _View], lane: LaneEntry) -> LaneState:
    sides = []
    for end in (lane.home, lane.remote):
        view = views[end]
        state = view.read(view.escrow, "lane_state", lane.id_bytes)
        custody = lane.sides[end].custody
        sides.append(
            SideState(
                ledger=end,
                outstanding=int(state.outstanding),
                suspense=int(state.suspense),
                sent=int(state.sent),
                cap=int(state.terms.cap),
                paused=int(state.paused_directions),
                custody=custody,
                custody_balance=int(view.read(view.token, "balanceOf", custody)),
                epochs=tuple(
                    _epoch(view, lane, number) for number in range(1, int(state.epoch) + 1)
                ),
                suspended=bool(view.read(view.escrow, "is_suspended", lane.id_bytes)),
            )
        )
    return LaneState(lane.id_bytes, *sides)


def _epoch(view: _View, lane: LaneEntry, number: int) -> EpochState:
    kept = view.read(view.escrow, "epoch_at", lane.id_bytes, number)
    until = int(kept.valid_until)
    return EpochState(
        number, str(kept.verifier), int(kept.valid_from), None if until == OPEN_END else until
    )


def _messages(
    source: _View, destination: _View, lane: LaneEntry
) -> tuple[list[MessageState], list[StrayDelivery]]:
    """Messages of one direction of a lane, and deliveries that none of them explains."""
    delivered = destination.events(destination.escrow, "MessageDelivered", lane.id_bytes)
    claimed = destination.events(destination.escrow, "SuspenseClaimed", lane.id_bytes)
    sent = source.events(source.escrow, "MessageSent", lane.id_bytes)
    claims = Counter(bytes(event.args["id"]) for event in claimed)
    arrivals: dict[MessageId, list[Event]] = {}
    for event in delivered:
        arrivals.setdefault(MessageId(event.args["id"]), []).append(event)
    kind = Kind.ISSUE if source.name == lane.home else Kind.RELEASE
    found = []
    kept_pages = _kept_pages(source, lane, sent)
    for event in sent:
        message = LaneMessage.from_event(event.args["message"])
        logged = arrivals.get(message.id, [])
        good = [e for e in logged if (e.args["nonce"], e.args["amount"]) == _key(message)]
        if len(good) == len(logged):
            arrivals.pop(message.id, None)
        settled = len(good) == 1 and (not good[0].args["suspended"] or claims[message.id] == 1)
        kept = bytes(event.args["id"]) == message.id and message.kind == kind
        if not settled:
            kept &= kept_pages(message.nonce // PAGE)
        found.append(
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
                recorded=kept,
                # What was delivered once and is over needs no further questions.
                arrived=settled
                or bool(
                    destination.read(
                        destination.escrow, "has_arrived", lane.id_bytes, message.nonce
                    )
                ),
                deliveries=len(good),
                to_suspense=any(e.args["suspended"] for e in good),
                claims=claims[message.id],
                suspended=0
                if settled
                else int(destination.read(destination.escrow, "suspended", message.id)),
                age=destination.block.timestamp - message.lock_time,
            )
        )
    strays = [
        StrayDelivery(
            lane=lane.id_bytes,
            ledger=destination.name,
            nonce=int(event.args["nonce"]),
            id=identifier,
            amount=int(event.args["amount"]),
        )
        for identifier, events in arrivals.items()
        for event in events
    ]
    return found, strays


def _kept_pages(source: _View, lane: LaneEntry, sent: Iterable[Event]) -> Callable[[int], bool]:
    """Asks whether a page of what was sent is what its escrow keeps; each page is read once."""
    words = words_of({int(e.args["message"].nonce): MessageId(e.args["id"]) for e in sent})

    @cache
    def kept(page: int) -> bool:
        return bytes(source.read(source.escrow, "outbox", lane.id_bytes, page)) == words[page]

    return kept


def _key(message: LaneMessage) -> tuple[int, int]:
    return message.nonce, message.amount


def _party(word: bytes) -> str:
    try:
        return party_address(word)
    except ValueError:
        return "0x" + word.hex()
