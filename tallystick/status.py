"""What is where, on all ledgers at once, and whether the invariants hold.

`status_of` observes the ledgers at one block each, `check_invariants` is a pure function of what
was observed. Positions are those of every address that a Transfer event names, so their sum can be
compared with the supply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.crypto import keccak
from rich.console import Console

from tallystick.bridge import Kind, LaneMessage, party_address
from tallystick.chain import Block, Chain, Contract, Event
from tallystick.deploy import PROXIED, Deployment
from tallystick.governance import Version
from tallystick.manifest import Connection, LaneEntry, connection_of, manifest_of, pinned
from tallystick.network import Network
from tallystick.terminal import age_text, show_table, time_text, units_text

__all__ = [
    "LaneState",
    "LedgerState",
    "MessageState",
    "Observation",
    "Position",
    "ReleaseState",
    "SideState",
    "Status",
    "StrayDelivery",
    "Verdict",
    "check_invariants",
    "observe",
    "render",
    "status_of",
]

_ZERO: Final = "0x" + "00" * 20
_ATTEMPTS: Final = 3
_SCOPES: Final = ((1, "transfers"), (2, "issuance"), (4, "lanes"))
_DIRECTIONS: Final = ((1, "outbound"), (2, "inbound"))


@dataclass(frozen=True, slots=True)
class Position:
    """One account's position on one ledger, base units; days count from 1970-01-01."""

    account: str
    name: str
    balance: int
    frozen: int = 0
    eligible_until: int = 0
    account_frozen: bool = False
    link: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What runs behind a proxy; `sound`: the code's hash is the registered one."""

    contract: str
    address: str
    version: str
    implementation: str
    code_hash: str
    sound: bool


@dataclass(frozen=True, slots=True)
class LedgerState:
    """One ledger at one block: its token, positions and releases."""

    name: str
    caip2: str
    home: bool
    block: int
    time: int
    supply: int
    authorised: int
    live: bool
    paused: int
    positions: tuple[Position, ...]
    releases: tuple[ReleaseState, ...] = ()

    @property
    def held(self) -> int:
        """What holders have, link accounts left out."""
        return sum(position.balance for position in self.positions if not position.link)


@dataclass(frozen=True, slots=True)
class SideState:
    """A lane's ledger on one side."""

    ledger: str
    outstanding: int
    suspense: int
    sent: int
    cap: int
    paused: int
    custody: str
    custody_balance: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane with both of its sides."""

    id: str
    home: SideState
    remote: SideState


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message that its source logged, and what became of it.

    Attributes:
        recorded: the source escrow keeps the id that the message has.
        arrived: the destination says that the nonce arrived.
        deliveries: how often the destination logged its delivery.
        to_suspense: it was delivered into suspense.
        claims: how often it was claimed from there.
        suspended: base units that the destination still holds for it.
        age: seconds on the destination's clock since the units left.
    """

    lane: str
    kind: int
    source: str
    destination: str
    nonce: int
    id: str
    amount: int
    sender: str
    recipient: str
    lock_time: int
    block: int
    recorded: bool = True
    arrived: bool = False
    deliveries: int = 0
    to_suspense: bool = False
    claims: int = 0
    suspended: int = 0
    age: int = 0

    @property
    def place(self) -> str:
        """Where its units are."""
        if not self.deliveries:
            return "in transit"
        if self.to_suspense:
            return "claimed" if self.claims else "suspense"
        return "delivered"


@dataclass(frozen=True, slots=True)
class StrayDelivery:
    """A delivery of which the other ledger knows no message like it."""

    lane: str
    ledger: str
    nonce: int
    id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Observation:
    """All ledgers of one instrument as they were found."""

    isin: str
    name: str
    decimals: int
    home: str
    ledgers: tuple[LedgerState, ...]
    lanes: tuple[LaneState, ...]
    messages: tuple[MessageState, ...]
    strays: tuple[StrayDelivery, ...] = ()

    def ledger(self, name: str) -> LedgerState:
        """Return the ledger of that name."""
        return next(ledger for ledger in self.ledgers if ledger.name == name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an invariant holds: what it says, its figures in base units, what breaks it."""

    invariant: str
    statement: str
    figures: tuple[tuple[str, int], ...]
    breaks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.breaks


@dataclass(frozen=True, slots=True)
class Status:
    """An observation with its verdicts."""

    observation: Observation
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether every invariant holds."""
        return all(verdict.holds for verdict in self.verdicts)

    def verdict(self, invariant: str) -> Verdict:
        """Return the verdict on an invariant, e.g. `INV-1`."""
        return next(v for v in self.verdicts if v.invariant == invariant)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: amounts are base units as text, exact in every reader."""
        seen = self.observation
        return {
            "schema": "tallystick.status/1",
            "isin": seen.isin,
            "decimals": seen.decimals,
            "ok": self.ok,
            "invariants": [
                {
                    "id": verdict.invariant,
                    "statement": verdict.statement,
                    "holds": verdict.holds,
                    "figures": {name: str(value) for name, value in verdict.figures},
                    "breaks": list(verdict.breaks),
                }
                for verdict in self.verdicts
            ],
            "ledgers": [_ledger_dict(ledger) for ledger in seen.ledgers],
            "lanes": [
                {"id": lane.id, "home": _side_dict(lane.home), "remote": _side_dict(lane.remote)}
                for lane in seen.lanes
            ],
            "messages": [
                {
                    "lane": message.lane,
                    "source": message.source,
                    "destination": message.destination,
                    "nonce": message.nonce,
                    "id": message.id,
                    "amount": str(message.amount),
                    "sender": message.sender,
                    "recipient": message.recipient,
                    "lock_time": message.lock_time,
                    "place": message.place,
                    "age": message.age,
                }
                for message in seen.messages
            ],
            "stray_deliveries": [
                {"lane": s.lane, "ledger": s.ledger, "nonce": s.nonce, "id": s.id}
                for s in seen.strays
            ],
        }


def _ledger_dict(ledger: LedgerState) -> dict[str, Any]:
    return {
        "name": ledger.name,
        "caip2": ledger.caip2,
        "home": ledger.home,
        "block": ledger.block,
        "time": ledger.time,
        "supply": str(ledger.supply),
        "authorised": str(ledger.authorised),
        "live": ledger.live,
        "paused": _named(ledger.paused, _SCOPES),
        "positions": [
            {
                "account": position.account,
                "name": position.name,
                "balance": str(position.balance),
                "frozen": str(position.frozen),
                "eligible_until": position.eligible_until,
                "account_frozen": position.account_frozen,
                "link": position.link,
            }
            for position in ledger.positions
        ],
        "releases": [
            {
                "contract": release.contract,
                "address": release.address,
                "release": release.version,
                "implementation": release.implementation,
                "code_hash": release.code_hash,
                "sound": release.sound,
            }
            for release in ledger.releases
        ],
    }


def _side_dict(side: SideState) -> dict[str, Any]:
    return {
        "ledger": side.ledger,
        "outstanding": str(side.outstanding),
        "suspense": str(side.suspense),
        "sent": side.sent,
        "paused": _named(side.paused, _DIRECTIONS),
        "custody": side.custody,
        "custody_balance": str(side.custody_balance),
    }


def _named(bits: int, names: Iterable[tuple[int, str]]) -> list[str]:
    return [name for bit, name in names if bits & bit]


# --- invariants --------------------------------------------------------------------------------


def check_invariants(observation: Observation) -> tuple[Verdict, ...]:
    """Judge what was observed; a pure function."""
    return (
        _conservation(observation),
        _lane_bounds(observation),
        _exactly_once(observation),
        _sources(observation),
        _positions(observation),
    )


def _conservation(seen: Observation) -> Verdict:
    """INV-1."""
    issue = sum(ledger.supply for ledger in seen.ledgers if ledger.home)
    at_home = sum(ledger.held for ledger in seen.ledgers if ledger.home)
    away = sum(ledger.held for ledger in seen.ledgers if not ledger.home)
    transit = sum(m.amount for m in seen.messages if m.place == "in transit")
    suspense = sum(lane.home.suspense + lane.remote.suspense for lane in seen.lanes)
    total = at_home + transit + suspense + away
    return Verdict(
        "INV-1",
        "issue = home holders + in transit + suspense + remote holders",
        (
            ("issue", issue),
            ("home holders", at_home),
            ("in transit", transit),
            ("suspense", suspense),
            ("remote holders", away),
        ),
        () if total == issue else (f"the places hold {total}, the issue is {issue}",),
    )


def _lane_bounds(seen: Observation) -> Verdict:
    """INV-2."""
    figures: list[tuple[str, int]] = []
    breaks: list[str] = []
    for lane in seen.lanes:
        name = f"{lane.home.ledger}-{lane.remote.ledger}"
        of_lane = [message for message in seen.messages if message.lane == lane.id]
        strays = [stray for stray in seen.strays if stray.lane == lane.id]
        locked = sum(m.amount for m in of_lane if m.kind == Kind.ISSUE)
        burned = sum(m.amount for m in of_lane if m.kind == Kind.RELEASE)
        issued = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.ISSUE)
        issued += sum(s.amount for s in strays if s.ledger == lane.remote.ledger)
        released = sum(m.amount * m.deliveries for m in of_lane if m.kind == Kind.RELEASE)
        released += sum(s.amount for s in strays if s.ledger == lane.home.ledger)
        figures += [
            (f"{name} locked", locked),
            (f"{name} released", released),
            (f"{name} issued remotely", issued),
            (f"{name} burned remotely", burned),
        ]
        for broken, what in (
            (released > locked, f"released {released} of {locked} locked"),
            (
                issued - burned > locked - released,
                (
                    f"{issued - burned} stand on {lane.remote.ledger}, "
                    f"{locked - released} are locked for them"
                ),
            ),
            (
                lane.home.outstanding != locked - released,
                (
                    f"{lane.home.ledger} owes {lane.home.outstanding}, "
                    f"its messages say {locked - released}"
                ),
            ),
            (
                lane.remote.outstanding != issued - burned,
                (
                    f"{lane.remote.ledger} has issued {lane.remote.outstanding}, "
                    f"its messages say {issued - burned}"
                ),
            ),
            (
                lane.home.custody_balance != lane.home.outstanding + lane.home.suspense,
                (
                    f"custody on {lane.home.ledger} holds {lane.home.custody_balance}, "
                    f"it owes {lane.home.outstanding + lane.home.suspense}"
                ),
            ),
            (
                lane.remote.custody_balance != lane.remote.suspense,
                (
                    f"custody on {lane.remote.ledger} holds {lane.remote.custody_balance}, "
                    f"it owes {lane.remote.suspense}"
                ),
            ),
        ):
            if broken:
                breaks.append(f"lane {name}: {what}")
    return Verdict(
        "INV-2",
        "per lane: released ≤ locked, issued remotely ≤ locked - released, custody holds it",
        tuple(figures),
        tuple(breaks),
    )


def _exactly_once(seen: Observation) -> Verdict:
    """INV-3."""
    breaks: list[str] = []
    for message in seen.messages:
        name = f"{message.source} to {message.destination} message {message.nonce}"
        if message.deliveries > 1:
            breaks.append(f"{name}: delivered {message.deliveries} times")
        if message.claims > 1:
            breaks.append(f"{name}: claimed {message.claims} times")
        if message.claims and not message.to_suspense:
            breaks.append(f"{name}: claimed, but never in suspense")
        if message.arrived != bool(message.deliveries):
            said = "arrived" if message.arrived else "did not arrive"
            breaks.append(f"{name}: its nonce {said}, {message.deliveries} deliveries were logged")
        waiting = message.amount if message.place == "suspense" else 0
        if message.suspended != waiting:
            breaks.append(f"{name}: {message.suspended} in suspense, {waiting} expected")
    for lane in seen.lanes:
        for side in (lane.home, lane.remote):
            waiting = sum(
                message.suspended
                for message in seen.messages
                if message.lane == lane.id and message.destination == side.ledger
            )
            if side.suspense != waiting:
                breaks.append(
                    f"{side.ledger}: lane has {side.suspense} in suspense, messages {waiting}"
                )
    places = Counter(message.place for message in seen.messages)
    return Verdict(
        "INV-3",
        "a message takes effect at most once: delivered, or suspended and then claimed",
        (
            ("messages", len(seen.messages)),
            *((f"messages {place}", places[place]) for place in _PLACES),
        ),
        tuple(breaks),
    )


_PLACES: Final = ("in transit", "delivered", "suspense", "claimed")


def _sources(seen: Observation) -> Verdict:
    """INV-4, as far as logs and outboxes show it."""
    breaks = [
        f"{stray.ledger}: delivery of nonce {stray.nonce}, amount {stray.amount}: "
        "the other ledger has no such message"
        for stray in seen.strays
    ]
    breaks += [
        f"{message.source}: message {message.nonce} is not what its escrow keeps"
        for message in seen.messages
        if not message.recorded
    ]
    return Verdict(
        "INV-4",
        "every effect has its source event on the lane's other ledger",
        (("deliveries", sum(m.deliveries for m in seen.messages) + len(seen.strays)),),
        tuple(breaks),
    )


def _positions(seen: Observation) -> Verdict:
    """INV-5."""
    figures: list[tuple[str, int]] = []
    breaks: list[str] = []
    for ledger in seen.ledgers:
        total = sum(position.balance for position in ledger.positions)
        figures += [(f"{ledger.name} supply", ledger.supply), (f"{ledger.name} positions", total)]
        if total != ledger.supply:
            breaks.append(f"{ledger.name}: positions sum to {total}, the supply is {ledger.supply}")
        if ledger.home and ledger.supply > ledger.authorised:
            breaks.append(
                f"{ledger.name}: supply {ledger.supply} is above the authorised {ledger.authorised}"
            )
        breaks += [
            f"{ledger.name}: {position.name or position.account} has {position.balance}"
            for position in ledger.positions
            if position.balance < 0
        ]
    return Verdict(
        "INV-5",
        "per ledger: supply = sum of positions, none negative",
        tuple(figures),
        tuple(breaks),
    )


# --- observing ---------------------------------------------------------------------------------


def status_of(source: Connection | Deployment | Network) -> Status:
    """Observe the ledgers of a connection (or of a deployment in this process) and judge.

    What is delivered on one ledger was sent on another, earlier; a block mined between reading the
    two can make it look otherwise, so a stray delivery counts only if it is seen again.
    """
    connection = _connection(source)
    for _ in range(_ATTEMPTS):
        observation = observe(connection)
        if not observation.strays:
            break
    return Status(observation, check_invariants(observation))


def _connection(source: Connection | Deployment | Network) -> Connection:
    if isinstance(source, Connection):
        return source
    deployment = source.deployment if isinstance(source, Network) else source
    chains = {name: suite.chain for name, suite in deployment.suites.items()}
    return connection_of(manifest_of(deployment), chains)


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
        return pinned(getattr(contract, function), self.block.number, *args)

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
        )

    def _positions(self) -> list[Position]:
        names = _names(self.connection, self.name)
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
                )
            )
        return found

    def _releases(self) -> list[ReleaseState]:
        authority = self.connection.contract(self.name, "ReleaseAuthority")
        found = []
        for name in PROXIED:
            address = self.entry.contracts[name].address
            installed = self.read(authority, "installation_of", address)
            release = self.read(authority, "release_of", installed.release)
            code_hash = keccak(authority.chain.code(release.implementation))
            found.append(
                ReleaseState(
                    contract=name,
                    address=address,
                    version=str(Version.unpack(int(release.version))),
                    implementation=str(release.implementation),
                    code_hash="0x" + code_hash.hex(),
                    sound=code_hash == bytes(release.code_hash),
                )
            )
        return found


def _names(connection: Connection, ledger: str) -> dict[str, str]:
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
            )
        )
    return LaneState(lane.id, *sides)


def _messages(
    source: _View, destination: _View, lane: LaneEntry
) -> tuple[list[MessageState], list[StrayDelivery]]:
    """Messages of one direction of a lane, and deliveries that none of them explains."""
    delivered = destination.events(destination.escrow, "MessageDelivered", lane.id_bytes)
    claimed = destination.events(destination.escrow, "SuspenseClaimed", lane.id_bytes)
    sent = source.events(source.escrow, "MessageSent", lane.id_bytes)
    claims = Counter(bytes(event.args["id"]) for event in claimed)
    arrivals: dict[bytes, list[Event]] = {}
    for event in delivered:
        arrivals.setdefault(bytes(event.args["id"]), []).append(event)
    kind = Kind.ISSUE if source.name == lane.home else Kind.RELEASE
    found = []
    for event in sent:
        message = LaneMessage.from_event(event.args["message"])
        logged = arrivals.get(message.id, [])
        good = [e for e in logged if (e.args["nonce"], e.args["amount"]) == _key(message)]
        if len(good) == len(logged):
            arrivals.pop(message.id, None)
        settled = len(good) == 1 and (not good[0].args["suspended"] or claims[message.id] == 1)
        kept = bytes(event.args["id"]) == message.id and message.kind == kind
        if not settled:
            kept &= message.id == bytes(
                source.read(source.escrow, "outbox", lane.id_bytes, message.nonce)
            )
        found.append(
            MessageState(
                lane=lane.id,
                kind=message.kind,
                source=source.name,
                destination=destination.name,
                nonce=message.nonce,
                id="0x" + message.id.hex(),
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
            lane=lane.id,
            ledger=destination.name,
            nonce=int(event.args["nonce"]),
            id="0x" + identifier.hex(),
            amount=int(event.args["amount"]),
        )
        for identifier, events in arrivals.items()
        for event in events
    ]
    return found, strays


def _key(message: LaneMessage) -> tuple[int, int]:
    return message.nonce, message.amount


def _party(word: bytes) -> str:
    try:
        return party_address(word)
    except ValueError:
        return "0x" + word.hex()


# --- showing -----------------------------------------------------------------------------------


def render(status: Status, console: Console) -> None:
    """Print a status as tables."""
    seen = status.observation

    def units(amount: int) -> str:
        return units_text(amount, seen.decimals)

    show_table(
        console,
        f"{seen.name}, {seen.isin}",
        ("Ledger", "CAIP-2", "Block", "Time (UTC)", "Supply", "Authorised", "Paused"),
        [
            (
                f"{ledger.name} (home)" if ledger.home else ledger.name,
                ledger.caip2,
                str(ledger.block),
                time_text(ledger.time),
                units(ledger.supply),
                units(ledger.authorised) if ledger.home else "",
                ", ".join(_named(ledger.paused, _SCOPES)) or ("" if ledger.live else "set-up"),
            )
            for ledger in seen.ledgers
        ],
        numeric={2, 4, 5},
    )
    show_table(
        console,
        "Positions",
        ("Holder", "Ledger", "Address", "Units", "Frozen", "Eligible until"),
        [
            (
                position.name,
                ledger.name,
                position.account,
                units(position.balance),
                "all"
                if position.account_frozen
                else (units(position.frozen) if position.frozen else ""),
                "link account" if position.link else _until(position.eligible_until),
            )
            for ledger in seen.ledgers
            for position in ledger.positions
        ],
        numeric={3, 4},
        empty="none",
    )
    show_table(
        console,
        "Lanes",
        ("Lane", "Side", "Outstanding", "Suspense", "Custody holds", "Sent", "Cap", "Paused"),
        [
            (
                f"{lane.id[:10]}…",
                side.ledger,
                units(side.outstanding),
                units(side.suspense),
                units(side.custody_balance),
                str(side.sent),
                "" if side.cap >= 2**70 - 1 else f"{side.cap:,}",
                ", ".join(_named(side.paused, _DIRECTIONS)),
            )
            for lane in seen.lanes
            for side in (lane.home, lane.remote)
        ],
        numeric={2, 3, 4, 5, 6},
        empty="none",
    )
    for place, title in (("in transit", "In transit"), ("suspense", "In suspense")):
        show_table(
            console,
            title,
            ("From", "To", "Nonce", "Units", "Recipient", "Id", "Age"),
            [
                (
                    message.source,
                    message.destination,
                    str(message.nonce),
                    units(message.amount),
                    message.recipient,
                    f"{message.id[:18]}…",
                    age_text(message.age),
                )
                for message in seen.messages
                if message.place == place
            ],
            numeric={2, 3},
            empty="nothing",
        )
    show_table(
        console,
        "Releases",
        ("Ledger", "Contract", "Release", "Implementation", "Code hash"),
        [
            (
                ledger.name,
                release.contract,
                release.version,
                release.implementation,
                f"{release.code_hash[:18]}…" + ("" if release.sound else " NOT AS REGISTERED"),
            )
            for ledger in seen.ledgers
            for release in ledger.releases
        ],
    )
    show_table(
        console,
        "Invariants",
        ("", "What", "Figures", "Verdict"),
        [
            (
                verdict.invariant,
                verdict.statement,
                "; ".join(
                    f"{name} {value if _is_count(verdict, name) else units(value)}"
                    for name, value in verdict.figures
                ),
                "holds" if verdict.holds else "BROKEN",
            )
            for verdict in status.verdicts
        ],
    )
    for verdict in status.verdicts:
        for line in verdict.breaks:
            console.print(
                f"BROKEN {verdict.invariant}: {line}",
                markup=False,
                soft_wrap=True,
                style="bold red",
            )


def _is_count(verdict: Verdict, name: str) -> bool:
    return verdict.invariant in {"INV-3", "INV-4"} and name.startswith(("messages", "deliveries"))


def _until(day: int) -> str:
    if not day:
        return "not eligible"
    return time_text(day * 86_400)[:10]
