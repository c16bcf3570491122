"""What stood where at the close of a business day, from logs alone: accounts, units under way.

A pure fold of what tokens and escrows logged. Of a message the two ends of its lane are put
together: when its units left, and when and with whom they landed, or went back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from tallystick.bridge.figures import Figure
from tallystick.bridge.message import RETURNED, LaneMessage, ledger_id, party_address
from tallystick.status.ledger_log import LedgerLog
from tallystick.status.rebuild import folded
from tallystick.status.rules.step import NOBODY, Logged
from tallystick.status.rules.token import epochs_since
from tallystick.token.position import AMOUNT_MAX, DAY_MAX, AccountClass, business_day
from tallystick.token.ratios import Ratio, carried

__all__ = ["Close", "Closes", "Crossing", "Ending", "crossings_of"]

# What an escrow logs where units land that had waited, and in which word it says with whom.
_WAITED: Final = {"SuspenseClaimed": "recipient", "SuspenseRedirected": "payee"}
# Whose logs tell what a lane sent, and what waits.
_MOVERS: Final = frozenset({"SecurityToken", "BridgeEscrow"})


class Close(NamedTuple):
    """A ledger at the close of a day, in base units of that day.

    `came` is what other people's bridges brought less what they took; custodies are in no other.
    `supply` has what a ratio's rounding left of it, too, till somebody is credited that.
    """

    accounts: Mapping[str, int]
    pools: Mapping[str, int]
    custodies: Mapping[str, int]
    came: int
    supply: int

    @property
    def held(self) -> int:
        """What is anybody's: of accounts and pools."""
        return sum(self.accounts.values()) + sum(self.pools.values())

    @property
    def positions(self) -> int:
        """How many have something: each may leave a remainder at a ratio."""
        return len(self.accounts) + len(self.pools) + len(self.custodies)

    def over(self, ratios: Sequence[Ratio]) -> Close:
        """Return the same in units of ratios after it, each amount rounded down by itself."""
        if not ratios:
            return self
        came = carried(abs(self.came), ratios)
        return Close(
            accounts=_over(self.accounts, ratios),
            pools=_over(self.pools, ratios),
            custodies=_over(self.custodies, ratios),
            came=came if self.came > 0 else -came,
            supply=carried(self.supply, ratios),
        )


def _over(held: Mapping[str, int], ratios: Sequence[Ratio]) -> dict[str, int]:
    """What becomes of what accounts have; of whom nothing is left, nothing is said."""
    after = {account: carried(units, ratios) for account, units in held.items()}
    return {account: units for account, units in after.items() if units}


@dataclass(frozen=True)
class Closes:
    """The closes of one ledger.

    Attributes:
        ledger: its name.
        token: its token's address.
        close_minute: close of business, minutes after midnight UTC.
        home: whether it is the instrument's home.
        today: its business day, by the block up to which it was read.
    """

    log: LedgerLog
    ledger: str
    token: str
    close_minute: int
    home: bool
    today: int

    @classmethod
    def of(cls, log: LedgerLog) -> Closes:
        """Return the closes that a ledger's log tells."""
        first = next(event for event in log.events if event.event == "TokenInitialized")
        minute = int(first.args["close_minute"])
        return cls(
            log=log,
            ledger=log.ledger,
            token=first.address,
            close_minute=minute,
            home=bool(first.args["home"]),
            today=business_day(log.block.timestamp, minute),
        )

    def day_of(self, time: int) -> int:
        """Return the business day of a moment."""
        return business_day(time, self.close_minute)

    @cached_property
    def lanes(self) -> dict[bytes, bytes]:
        """The lanes of its token: to which ledger, by its id."""
        opened = (event.args for event in self.log.events if event.event == "LaneOpened")
        return {
            bytes(args["lane"]): bytes(args["terms"].peer_ledger)
            for args in opened
            if args["token"] == self.token
        }

    @cached_property
    def custodies(self) -> dict[bytes, str]:
        """With which account units of each of those lanes are kept."""
        opened = (event.args for event in self.log.events if event.event == "LaneOpened")
        return {
            bytes(args["lane"]): args["terms"].custody
            for args in opened
            if args["token"] == self.token
        }

    @cached_property
    def ratios(self) -> list[Ratio]:
        """All that its token was told of and did not drop, the first first."""
        return epochs_since(self._facts, self.token, 0, DAY_MAX)

    def epoch_on(self, day: int) -> int:
        """Return in the units of which epoch its closings of a day are."""
        return sum(ratio.first_day <= day for ratio in self.ratios)

    def sent(self, lane: bytes, day: int) -> int:
        """Return what had left by a lane at the close of a day, since the day's epoch began."""
        amount, since = self._figure(lane, Figure.SENT, day)
        return amount & AMOUNT_MAX if since == self.epoch_on(day) else 0

    def suspense(self, lane: bytes, day: int) -> int:
        """Return what waited at home of a lane at the close of a day, as the escrow sums it."""
        amount, since = self._figure(lane, Figure.SUSPENSE, day)
        return carried(amount, self.ratios[since : self.epoch_on(day)])

    def has_books(self, lane: bytes, day: int) -> bool:
        """Return whether a lane has books of a close: opened by then, and not closed."""
        ends = self._lane_facts.get(("lane_ends", lane))
        return ends is not None and bool(ends["first_day"] <= day < ends["until"])

    def carried_by(self, day: int) -> bool:
        """Return whether other people's bridges have carried anything by the close of a day."""
        return any(each <= day for each in self._carried)

    def _figure(self, lane: bytes, figure: Figure, day: int) -> tuple[int, int]:
        days = self._lane_facts.get(("_figure", lane, figure), {})
        last = max((each for each in days if each <= day), default=None)
        return (0, 0) if last is None else days[last]

    @cached_property
    def _lane_facts(self) -> dict[tuple[Any, ...], Any]:
        """What the escrow knows of lanes, whose units are the token's."""
        events = (each for each in self.log.events if each.contract in _MOVERS)
        facts = folded(events).items()
        return {tuple(fact): value for (address, *fact), value in facts if address != self.token}

    @cached_property
    def _facts(self) -> dict[tuple[Any, ...], Any]:
        return folded(event for event in self.log.events if event.address == self.token)

    @cached_property
    def _histories(self) -> dict[str, dict[int, tuple[int, bool, int]]]:
        """By account, what it had at the end of each day on which it moved; of nobody, all."""
        found: dict[str, dict[int, tuple[int, bool, int]]] = defaultdict(dict)
        for (_, view, *what), value in self._facts.items():
            if view == "_closing":
                found[what[0]][what[1]] = value
        return found

    @cached_property
    def _classes(self) -> dict[str, dict[int, int]]:
        """By account, the class that each day on which it was set ended with."""
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for event in self.log.events:
            if event.event == "ClassSet" and event.address == self.token:
                set_to = int(event.args["account_class"])
                found[event.args["account"]][self.day_of(event.time)] = set_to
        return found

    def close(self, day: int) -> Close | None:
        """Return what stood there at the close of a day; None: it is not over."""
        if day >= self.today:
            return None
        if day not in self._told:
            self._told[day] = self._close(day)
        return self._told[day]

    @cached_property
    def _told(self) -> dict[int, Close]:
        """Of days that were asked for: events share them, and ask more than once."""
        return {}

    def carried(self, amount: int, epoch: int, day: int) -> int:
        """Return units of an epoch in those of the close of a later day."""
        return carried(amount, epochs_since(self._facts, self.token, epoch, day))

    def _close(self, day: int) -> Close:
        held: dict[AccountClass, dict[str, int]] = {each: {} for each in AccountClass}
        for account in self._histories:
            units = self._had(account, day)
            if units and account != NOBODY:
                held[self._class_on(account, day)][account] = units
        return Close(
            accounts=held[AccountClass.HOLDER],
            pools=held[AccountClass.POOL],
            custodies=held[AccountClass.LINK],
            came=self._came(day),
            supply=self._had(NOBODY, day),
        )

    def _had(self, account: str, day: int) -> int:
        """What an account had at the close of a day, or all."""
        days = self._histories.get(account, {})
        moved = max((each for each in days if each <= day), default=None)
        if moved is None:
            return 0
        balance, _, epoch = days[moved]
        return carried(balance, epochs_since(self._facts, self.token, epoch, day))

    def _class_on(self, account: str, day: int) -> AccountClass:
        days = self._classes.get(account, {})
        last = max((each for each in days if each <= day), default=None)
        return AccountClass.HOLDER if last is None else AccountClass(days[last])

    @cached_property
    def _carried(self) -> dict[int, tuple[int, int]]:
        """What other people's bridges had brought, net, at the end of each day they carried."""
        facts = self._facts.items()
        return {what[0]: value for (_, view, *what), value in facts if view == "_came"}

    def _came(self, day: int) -> int:
        last = max((each for each in self._carried if each <= day), default=None)
        if last is None:
            return 0
        net, epoch = self._carried[last]
        units = carried(abs(net), epochs_since(self._facts, self.token, epoch, day))
        return units if net > 0 else -units


class Ending(NamedTuple):
    """That a message's units landed on a day, with an account; or, with nobody, went back."""

    day: int
    account: str
    answer: bytes = b""


@dataclass(slots=True)
class Crossing:
    """A lane message, as the logs of both of its ends tell it; `left`: on which business day."""

    message: LaneMessage
    id: bytes
    source: str
    destination: str
    left: int
    end: Ending | None = None
    # Of one that went back, the message that took its units there.
    answer: Crossing | None = field(default=None, repr=False)

    def under_way(self, day: int) -> bool:
        """Whether its units were on no account at the close of a day."""
        return self.left <= day and (self.end is None or self.end.day > day)

    @property
    def went_back(self) -> bool:
        """Whether its units went back."""
        return self.end is not None and not self.end.account

    @property
    def recipient(self) -> str:
        """Whom its units are for, as far as the message says."""
        try:
            return party_address(self.message.recipient)
        except ValueError:
            return "0x" + self.message.recipient.hex()


def crossings_of(ledgers: Mapping[str, Closes]) -> dict[bytes, Crossing]:
    """Return every message that carries units, by its id.

    Args:
        ledgers: by name; of a lane whose other end is none of them nothing is known there.
    """
    names = {ledger_id(closes.log.events[0].caip2): name for name, closes in ledgers.items()}
    found = {each.id: each for closes in ledgers.values() for each in _sent(closes, names)}
    for name, closes in ledgers.items():
        for event in closes.log.events:
            crossing = found.get(event.args.get("id", b""))
            if crossing is not None and crossing.destination == name:
                crossing.end = _ending(event, crossing, closes)
    for crossing in found.values():
        if crossing.end is not None and crossing.went_back:
            crossing.answer = found.get(crossing.end.answer)
    return found


def _sent(closes: Closes, names: Mapping[bytes, str]) -> Iterator[Crossing]:
    for event in closes.log.events:
        if event.event != "MessageSent" or event.args["lane"] not in closes.lanes:
            continue
        message = LaneMessage.from_event(event.args["message"])
        # A return may take back units of which nothing is left: they are paid for all the same.
        if message.amount or message.kind & RETURNED:
            yield Crossing(
                message=message,
                id=bytes(event.args["id"]),
                source=closes.ledger,
                destination=names.get(closes.lanes[message.lane], ""),
                left=closes.day_of(message.lock_time),
            )


def _ending(event: Logged, crossing: Crossing, closes: Closes) -> Ending | None:
    """How a message ended, after an event of its destination that names it."""
    day = closes.day_of(event.time)
    if event.event == "MessageDelivered" and not event.args["suspended"]:
        return Ending(day, crossing.recipient)
    if event.event == "MessageUndone":
        return None
    if event.event == "MessageReturned":
        return Ending(day, "", bytes(event.args["answer"]))
    if event.event in _WAITED:
        payee = event.args.get("payee", crossing.recipient)
        return Ending(day, payee)
    return crossing.end
