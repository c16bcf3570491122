"""Lanes over ratios: both ledgers' engines, and a lane in whole numbers, each message by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.bridge.message import LaneMessage
from tests.support.ratios import CLOSE, NOTICE, Engine
from tests.support.world import DAY, STATED, World

# Everybody's deadline, unless a test means one: longer than any of its ratios.
LASTS: Final = 80 * DAY


@dataclass(frozen=True)
class Engines:
    """The engines of both ledgers, which announce the same."""

    world: World
    home: Engine
    remote: Engine

    @classmethod
    def of(cls, world: World) -> Engines:
        """Give both tokens an engine; both clocks are then at the first moment of one day."""
        found = cls(world, Engine.of(world.home), Engine.of(world.remote))
        found.begin(max(found.home.day(1), found.remote.day(1)))
        return found

    def begin(self, day: int, *, seconds: int = 0) -> None:
        """Bring both clocks to the first moment of a business day, or so many seconds after."""
        for engine in (self.home, self.remote):
            engine.begin(day, seconds=seconds)

    def announce(self, numerator: int, denominator: int, ahead: int = NOTICE + 1) -> int:
        """Announce a ratio on both, with the last close before it; returns its first day."""
        for engine in (self.home, self.remote):
            engine.announce(numerator, denominator, ahead)
            side = engine.side
            side.token.announce_close(engine.day(ahead - 1), *STATED, sender=side.registrar)
        return self.home.day(ahead)

    def split(self, numerator: int, denominator: int) -> int:
        """Announce a ratio on both and let its first day begin there; returns that day."""
        first = self.announce(numerator, denominator)
        self.begin(first)
        return first


def lock(world: World, amount: int, recipient: Any = None, lasts: int = LASTS) -> LaneMessage:
    """Units of the investor leave home; nobody's clock moves."""
    side, to = world.home, recipient or world.remote.investor
    return world.network.lock(side.investor, to, amount, deadline=side.chain.now + lasts)


def burn(
    world: World, amount: int, recipient: Any = None, lasts: int = LASTS, holder: Any = None
) -> LaneMessage:
    """Units of the investor, or another, leave the remote ledger."""
    side, to = world.remote, recipient or world.home.investor
    holder = holder or side.investor
    return world.network.burn(holder, to, amount, deadline=side.chain.now + lasts)


@dataclass
class End:
    """One end of a lane in whole numbers: what moved in each epoch, and each word that waits.

    A sum is rounded down at each ratio as one; a message, or what waits of one, by itself.
    """

    home: bool
    ratios: list[tuple[int, int]] = field(default_factory=list)
    # epoch, base units; of what is outstanding, with the id of the message that moved it
    owed: list[tuple[int, int, bytes]] = field(default_factory=list)
    waited: list[tuple[int, int]] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)
    # id -> message, and what of it arrived in which epoch
    words: dict[bytes, tuple[LaneMessage, int, int]] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """How many ratios are in force here."""
        return len(self.ratios)

    @property
    def outstanding(self) -> int:
        """What the lane owes at home, what of it is on the remote ledger."""
        return self._sum([(epoch, units) for epoch, units, _ in self.owed])

    @property
    def suspense(self) -> int:
        """What waits, as one."""
        return self._sum(self.waited)

    @property
    def custody(self) -> int:
        """What custody holds: on the remote ledger what waits."""
        return self._sum(self.held) if self.home else self.suspense

    def now(self, amount: int, since: int) -> int:
        """What an amount of an epoch is by now."""
        return over(amount, *self.ratios[since:])

    def leaves(self, message: LaneMessage, *, held: bool = True) -> None:
        """Units leave this end; `held`: at home they come into custody."""
        sign = 1 if self.home else -1
        self.owed.append((self.epoch, sign * message.amount, message.id))
        if held:
            self.held.append((self.epoch, message.amount))

    def arrives(self, message: LaneMessage, credited: bool) -> int:
        """Units arrive at this end; returns how many."""
        units = self.now(message.amount, message.action_epoch)
        self.owed.append((self.epoch, -units if self.home else units, message.id))
        if not credited:
            self.words[message.id] = (message, units, self.epoch)
            self.waited.append((self.epoch, units))
        else:
            self.held.append((self.epoch, -units))
        return units

    def ends(self, message: LaneMessage, *, paid: bool = True) -> int:
        """What waits is paid, or goes back and stays in custody; returns how many units."""
        _, arrived, since = self.words.pop(message.id)
        units = self.now(arrived, since)
        self.waited.append((self.epoch, -units))
        if paid:
            self.held.append((self.epoch, -units))
        return units

    def never(self, message: LaneMessage, denial: bytes) -> int:
        """What waits had never left: what is outstanding is as if it had not arrived.

        But for what it had become together with others, on a remote ledger: that is on an account,
        and returned; by its denial's id it is outstanding until it is made good.
        """
        before, units = self.outstanding, self.ends(message, paid=False)
        self.owed = [move for move in self.owed if move[2] != message.id]
        left = 0 if self.home else before - units - self.outstanding
        if left:
            self.owed.append((self.epoch, left, denial))
        return left

    def amended(self, known: bytes) -> tuple[int, int]:
        """What was credited had never left: how many units are given, at home to custody and
        rounded up; and by how much what is outstanding differs."""
        before = self.outstanding
        since, units = next((at, abs(moved)) for at, moved, by in self.owed if by == known)
        self.owed = [move for move in self.owed if move[2] != known]
        differs = abs(self.outstanding - before)
        if not self.home:
            return differs, differs
        for numerator, denominator in self.ratios[since:]:
            units = -(-units * numerator // denominator)
        self.held = [*self.held, (self.epoch, units)]
        return units, differs

    def pays(self, units: int) -> None:
        """Home pays of what is outstanding, as the other ledger is dead."""
        self.owed.append((self.epoch, -units, b""))
        self.held.append((self.epoch, -units))

    def all_is_dust(self) -> int:
        """Home closes: whatever is there is nobody's; returns what custody pays."""
        units = self.custody
        self.owed, self.held, self.waited = [], [], []
        return units

    def rest(self) -> tuple[int, int]:
        """What rounding left: of what waited, once nothing does; and in all."""
        if self.words:
            return 0, 0
        beyond = self.custody - self.suspense - (self.outstanding if self.home else 0)
        return self.suspense, max(self.suspense + beyond, 0)

    def dust(self) -> int:
        """What is paid of what waited and of custody; the sums follow."""
        rest, units = self.rest()
        if units != 0:
            self.waited.append((self.epoch, -rest))
            self.held.append((self.epoch, -units))
        return units

    def _sum(self, moves: list[tuple[int, int]]) -> int:
        total = 0
        for epoch in range(self.epoch + 1):
            if epoch:
                total = over(total, self.ratios[epoch - 1])
            total += sum(units for since, units in moves if since == epoch)
        return total


def over(amount: int, *ratios: tuple[int, int]) -> int:
    """What an amount becomes, rounded down each time."""
    for numerator, denominator in ratios:
        amount = amount * numerator // denominator
    return amount


__all__ = ["CLOSE", "LASTS", "End", "Engines", "burn", "lock", "over"]
