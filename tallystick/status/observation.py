"""What was observed: ledgers, lanes, messages, each at one block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.message import NO_CAP, Kind, Lack, LaneId, MessageId
from tallystick.status.over_ratios import Move, Ratios

__all__ = [
    "EndState",
    "EpochState",
    "LaneState",
    "LedgerState",
    "MessageState",
    "Observation",
    "Pending",
    "PendingState",
    "Position",
    "ReleaseState",
    "SideState",
    "StrayDelivery",
    "Unseen",
]

_NOTHING: Final = Lack(0)
SCOPES: Final = ((1, "transfers"), (2, "issuance"), (4, "lanes"))
DIRECTIONS: Final = ((1, "outbound"), (2, "inbound"))


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
    pool: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits, and to which one can object meanwhile; times in seconds.

    Attributes:
        kind: `release`, `proposal`, `ratio` or `lane terms`.
        contract: the deployable that changes.
        address: where it is.
        what: the change, in full.
        since: when it was noticed, proposed or announced; None: no view tells.
        approved: the roles whose consent counts so far.
        missing: those whose consent it still needs, of several in one entry one.
        applies_from: from when it can take effect. Nobody can be sure to stop it later.
        lapses_at: from when it can't any more; None: never.
        object_until: until when it can surely be stopped.
        objectors: the roles each of which stops it; none: nothing does.
        how: by which command they do, beside reason and document.
    """

    kind: str
    contract: str
    address: str
    what: str
    since: int | None
    approved: tuple[str, ...]
    missing: tuple[str, ...]
    applies_from: int
    lapses_at: int | None
    object_until: int
    objectors: tuple[str, ...]
    how: str


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What runs behind a proxy; `sound`: all of its code has the registered hash.

    Attributes:
        contract: the deployable.
        address: the proxy.
        version: what runs.
        implementation: where its code is.
        code_hash: of the code there.
        sound: whether all of it has the registered hash.
        ratify_before: in an emergency, until when two administrators have to ratify it, in seconds.
        since: when it began to run.
        previous: what the guardian can return it to, until `closes_at`; None: nothing.
        noticed: the version to come; None: none.
        pending: that, with who consented.
    """

    contract: str
    address: str
    version: str
    implementation: str
    code_hash: str
    sound: bool
    ratify_before: int | None = None
    since: int = 0
    previous: str | None = None
    closes_at: int = 0
    noticed: str | None = None
    pending: Pending | None = None


@dataclass(frozen=True, slots=True)
class LedgerState:
    """One ledger at one block: its token, positions and releases.

    `came_in` and `went_out` are what bridges that aren't of our lanes carried, base units since the
    token began. `suspended`: the instrument stands still there until its books are reconciled.
    `alone`: reasons for which the guardian rolls a release back alone.
    """

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
    came_in: int = 0
    went_out: int = 0
    # Numerator and denominator of each ratio in force, the first first.
    ratios: tuple[tuple[int, int], ...] = ()
    suspended: bool = False
    alone: tuple[str, ...] = ()
    # Beside releases, which are with what runs.
    pending: tuple[Pending, ...] = ()

    @property
    def uncollected(self) -> int:
        """The most units that ratios can have left to no account, not credited yet.

        Of a ratio that makes n of d units each account loses at most d - 1 parts of a unit.
        """
        most = 0
        for numerator, denominator in self.ratios:
            lost = len(self.positions) * (denominator - 1)
            most = (most * numerator + lost) // denominator
        return most

    @property
    def held(self) -> int:
        """What holders have, link accounts and pools left out."""
        return sum(p.balance for p in self.positions if not (p.link or p.pool))

    @property
    def with_bridges(self) -> int:
        """The ledger's part in what is with other people's bridges, base units.

        What waits in pools for who holds it elsewhere, and what they took out of here; below 0
        where they brought in more.
        """
        pools = sum(position.balance for position in self.positions if position.pool)
        return pools + self.went_out - self.came_in


@dataclass(frozen=True, slots=True)
class EpochState:
    """Whom a lane trusts in one of its epochs, from when until when (exclusive), in seconds.

    With a second verifier both must prove what arrives.
    """

    number: int
    verifier: str
    second: str | None
    valid_from: int
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class PendingState:
    """A change of a lane's terms: when it was confirmed, when anyone can apply it, in seconds."""

    verifier: str
    second: str | None
    cap: int
    limit: int
    since: int
    applies_from: int


@dataclass(frozen=True, slots=True)
class EndState:
    """A dead ledger's end that is proposed or under way, or a further list; `total`: base units.

    `applies_from`: when anyone can apply it, in seconds; None: nobody has confirmed it.
    """

    list: int
    block: int
    root: bytes
    total: int
    registrar: str
    applies_from: int | None


@dataclass(frozen=True, slots=True)
class SideState:
    """A lane's ledger on one side; `suspended`: it stands still until books are reconciled.

    `limit` is in whole units, as `cap`; `room` base units that would be credited there at once.
    """

    ledger: str
    outstanding: int
    suspense: int
    sent: int
    cap: int
    paused: int
    custody: str
    custody_balance: int
    epochs: tuple[EpochState, ...] = ()
    suspended: bool = False
    pending: PendingState | None = None
    limit: int = NO_CAP
    room: int = 0
    lacks: Lack = _NOTHING
    # At home, by the lists of a dead ledger's end; how many are in force; the one that is next;
    # what they paid, by epoch.
    listed: int = 0
    lists: int = 0
    ending: EndState | None = None
    paid: tuple[Move, ...] = ()
    # Numerator and denominator of each ratio of its token that is in force.
    ratios: tuple[tuple[int, int], ...] = ()
    # By epoch: what came into suspense and left it; what of the dust was owed until it was paid;
    # what was made good beyond what it is owed, as who gives rounds up.
    waited: tuple[Move, ...] = ()
    dust: tuple[Move, ...] = ()
    given: tuple[Move, ...] = ()

    @property
    def most_beyond(self) -> int:
        """The most that custody can hold beyond what is owed and what waits.

        They round down each by itself, and what custody holds as one.
        """
        most, given = 0, Counter[int]()
        for epoch, units in self.given:
            given[epoch] += units
        more = given[0]
        for epoch, (numerator, denominator) in enumerate(self.ratios, start=1):
            most = most * numerator // denominator + 1
            more = -(-more * numerator // denominator) + given[epoch]
        return most + more


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane with both of its sides."""

    id: LaneId
    home: SideState
    remote: SideState

    @property
    def ratios(self) -> Ratios:
        """Those of the ledger that is ahead: the other's are the first of them."""
        return max(self.home.ratios, self.remote.ratios, key=len)

    @property
    def name(self) -> str:
        """What it is called: its ledgers, home first."""
        return f"{self.home.ledger}-{self.remote.ledger}"


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message that its source logged, and what became of it.

    Attributes:
        recorded: the source escrow keeps the id that the message has.
        arrived: the destination says that the nonce arrived.
        deliveries: how often the destination logged its delivery.
        to_suspense: it was delivered into suspense.
        claims: how often it was claimed or redirected from there.
        returns: how often it went back from there.
        suspended: base units that the destination still holds for it.
        queued_until: from when on that can be claimed, if it came over the lane's limit; else 0.
        age: seconds on the destination's clock since the units left.
        epoch: in whose units `amount` is.
        landed: base units that were delivered, in those of `landed_in`; None: as many.
        landed_in: the destination's epoch when it was delivered.
    """

    lane: LaneId
    kind: int
    source: str
    destination: str
    nonce: int
    id: MessageId
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
    returns: int = 0
    suspended: int = 0
    queued_until: int = 0
    age: int = 0
    epoch: int = 0
    landed: int | None = None
    landed_in: int = 0

    @property
    def units(self) -> int:
        """Base units that were delivered, in those of then."""
        return self.amount if self.landed is None else self.landed

    @property
    def direction(self) -> int:
        """Its kind, as if it were of units that go there."""
        return Kind(self.kind).direction

    @property
    def place(self) -> str:
        """Where its units are."""
        if not self.deliveries:
            return "in transit"
        if self.to_suspense:
            return "claimed" if self.claims else "returned" if self.returns else "suspense"
        return "delivered"


@dataclass(frozen=True, slots=True)
class StrayDelivery:
    """A delivery of which the other ledger knows no message like it."""

    lane: LaneId
    ledger: str
    nonce: int
    id: MessageId
    amount: int
    # Of its ledger when it came.
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Unseen:
    """What could not be seen of a ledger, or of its side of a lane, so that nothing is said of it.

    `lane` is a name such as `home-remote`, empty where it is the ledger itself.
    """

    ledger: str
    lane: str
    why: str

    def __str__(self) -> str:
        where = f"lane {self.lane}, {self.ledger}" if self.lane else self.ledger
        return f"{where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Observation:
    """All ledgers of one instrument as they were found; `unseen`: what was not."""

    isin: str
    name: str
    decimals: int
    home: str
    ledgers: tuple[LedgerState, ...]
    lanes: tuple[LaneState, ...]
    messages: tuple[MessageState, ...]
    strays: tuple[StrayDelivery, ...] = ()
    unseen: tuple[Unseen, ...] = ()

    @property
    def missing(self) -> tuple[Unseen, ...]:
        """The ledgers that could not be read at all."""
        seen = {ledger.name for ledger in self.ledgers}
        return tuple(each for each in self.unseen if not each.lane and each.ledger not in seen)

    @property
    def with_bridges(self) -> int:
        """What is with other people's bridges, base units.

        It left our ledgers, or waits in pools, and came on none of them; below 0 if more came.
        """
        return sum(ledger.with_bridges for ledger in self.ledgers)

    def ledger(self, name: str) -> LedgerState:
        """Return the ledger of that name."""
        return next(ledger for ledger in self.ledgers if ledger.name == name)


def named(bits: int, names: Iterable[tuple[int, str]]) -> list[str]:
    return [name for bit, name in names if bits & bit]
