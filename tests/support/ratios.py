"""What ratios must do: a model that applies them to everybody at once, in whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.chain import Contract, Event
from tallystick.governance.roles import Role
from tallystick.token.position import AMOUNT_MAX, business_day, close_of
from tests.support.world import STATED, Side

# Of the test's tokens; business days between an announcement and the first day.
NOTICE: Final = 2
MAX_PENDING: Final = 4
CLOSE: Final = 1_260
ALL: Final = 2**256 - 1


@dataclass(frozen=True)
class Engine:
    """A side's token with an engine that may announce ratios."""

    side: Side
    contract: Contract

    @classmethod
    def of(cls, side: Side) -> Engine:
        """Deploy an engine and give it its role."""
        engine = side.chain.deploy(
            "ActionsEngineMock", side.token, side.escrow, sender=side.deployer
        )
        side.give_role(side.token, engine, Role.ACTIONS)
        return cls(side, engine)

    def day(self, ahead: int = 0) -> int:
        """The business day now, or so many later."""
        return business_day(self.side.chain.now, CLOSE) + ahead

    def announce(
        self, numerator: int, denominator: int, ahead: int = NOTICE + 1, agent: Any = None
    ) -> Any:
        """Announce a ratio whose first day is so many days ahead; the fund is the agent."""
        return self.contract.announce(
            numerator,
            denominator,
            self.day(ahead),
            agent or self.side.fund,
            *STATED,
            sender=self.side.operator,
        )

    def withdraw(self, first_day: int) -> Any:
        """Withdraw one."""
        return self.contract.withdraw(first_day, *STATED, sender=self.side.operator)

    def begin(self, day: int, *, seconds: int = 0) -> None:
        """Bring the clock to the first moment of a business day, or so many seconds after it."""
        self.side.chain.set_time(close_of(day - 1, CLOSE) + seconds)

    def split(self, numerator: int, denominator: int, agent: Any = None) -> None:
        """Announce a ratio and let its first day begin."""
        first = self.day(NOTICE + 1)
        self.announce(numerator, denominator, agent=agent)
        self.begin(first)

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo what the block does to the ledger."""
        with self.side.chain.isolated():
            yield


@dataclass
class Holding:
    """An account as it is, and what ratios took from it that nobody has written down yet."""

    balance: int = 0
    frozen: int = 0
    # epoch -> remainder, of ratios since the account was last touched
    unseen: dict[int, int] = field(default_factory=dict)
    # day -> balance when it ended
    closings: dict[int, int] = field(default_factory=dict)
    # of the last touch
    epoch: int = 0
    # days of which the first to act found it otherwise
    moved: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Fraction:
    """A ratio that was announced."""

    numerator: int
    denominator: int
    first_day: int
    agent: str


@dataclass
class Order:
    """A legal order that stands: what it named, and what that has become."""

    sender: str
    receiver: str
    named: int
    number: int
    units: int


@dataclass
class Ratios:
    """A ledger on which a ratio is applied to everybody at its moment; knows no words."""

    supply: int
    # Without what is with somebody's bridge.
    authorised: int
    holdings: dict[str, Holding]
    day: int
    supplies: dict[int, int] = field(default_factory=dict)
    # days on which the supply moved, or a first act found it in new units; the epoch of that act
    supply_moved: set[int] = field(default_factory=set)
    raised: int = 0
    pending: list[Fraction] = field(default_factory=list)
    past: list[Fraction] = field(default_factory=list)
    # epoch -> remainders written down and not credited, and the supply's own
    written: dict[int, int] = field(default_factory=dict)
    own: dict[int, int] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    bridged: int = 0
    # the epoch in which the bridge's limits were set
    bridge_epoch: int = 0

    @property
    def epoch(self) -> int:
        """How many ratios are in force."""
        return len(self.past)

    @property
    def is_redeemed(self) -> bool:
        """Whether the last ratio that there is makes nothing of all units."""
        return any(each.numerator == 0 for each in (*self.past, *self.pending)[-1:])

    def pass_to(self, day: int) -> None:
        """Close every day up to this one, each ratio at its moment."""
        while self.day < day:
            self.supplies[self.day] = self.supply
            for holding in self.holdings.values():
                holding.closings[self.day] = holding.balance
            self.day += 1
            if self.pending and self.pending[0].first_day == self.day:
                self._apply(self.pending.pop(0))

    def _apply(self, ratio: Fraction) -> None:
        self.past.append(ratio)
        n, d = ratio.numerator, ratio.denominator
        self.supply, self.own[self.epoch] = divmod(self.supply * n, d)
        self.authorised = self.authorised * n // d
        self.bridged = self.bridged * n // d
        for order in self.orders:
            order.units = min(order.units * n // d, AMOUNT_MAX)
        self.written[self.epoch] = 0
        for holding in self.holdings.values():
            within = holding.frozen <= holding.balance
            holding.balance, left = divmod(holding.balance * n, d)
            if holding.frozen != ALL:
                holding.frozen = -(-holding.frozen * n // d)
                if within:
                    holding.frozen = min(holding.frozen, holding.balance)
                elif holding.frozen >= AMOUNT_MAX:
                    holding.frozen = ALL
            if left:
                holding.unseen[self.epoch] = left

    def fits(self, *more: Fraction, authorised: int = 0) -> bool:
        """Whether supply and authorised amount stay within 104 bits through what is pending."""
        amount = max(self.supply, self.authorised + self.bridged + authorised)
        for ratio in (*self.pending, *more):
            amount = amount * ratio.numerator // ratio.denominator
            if amount > AMOUNT_MAX:
                return False
        return True

    def touch(self, account: str) -> None:
        """An account's amount is about to change: what ratios took from it is written down."""
        holding = self.holdings[account]
        # What a ratio made nothing of was something.
        had = bool(holding.balance or holding.frozen or holding.unseen)
        for epoch, left in holding.unseen.items():
            self.written[epoch] += left
        holding.unseen.clear()
        # Who never moved has no history that a touch could change.
        if holding.epoch != self.epoch and holding.moved and had:
            holding.moved.add(self.day)
        holding.epoch = self.epoch

    def act(self) -> None:
        """Somebody acts: the first since a ratio's moment brings the supply up."""
        if self.raised != self.epoch:
            self.raised = self.epoch
            self.supply_moved.add(self.day)

    def freeze(self, account: str, amount: int) -> None:
        """So much is frozen, absolutely."""
        self.act()
        self.touch(account)
        self.holdings[account].frozen = ALL if amount >= AMOUNT_MAX else amount

    def enter(self, order: Order) -> None:
        """What an order names is blocked from its entry on."""
        self.freeze(order.sender, self.holdings[order.sender].frozen + order.units)
        self.orders.append(order)

    def end(self, order: Order) -> None:
        """An order ends, and with it what it blocked; a freeze of all stays one."""
        frozen = self.holdings[order.sender].frozen
        self.freeze(order.sender, frozen if frozen == ALL else frozen - order.units)
        self.orders.remove(order)

    def bridge_stopped(self) -> bool:
        """Whether a bridge of others waits for a ratio, or for its limits after one."""
        tomorrow = bool(self.pending) and self.pending[0].first_day <= self.day + 1
        return tomorrow or self.bridge_epoch != self.epoch

    def move(self, sender: str, receiver: str, amount: int) -> None:
        """Units go from one to the other."""
        self.act()
        if amount:
            for each in (sender, receiver):
                self.touch(each)
                if sender != receiver:
                    self.holdings[each].moved.add(self.day)
        self.holdings[sender].balance -= amount
        self.holdings[receiver].balance += amount

    def issue(self, account: str, amount: int) -> None:
        """Units come into being, or end."""
        self.act()
        if amount:
            self.touch(account)
            self.holdings[account].moved.add(self.day)
            self.supply_moved.add(self.day)
        self.holdings[account].balance += amount
        self.supply += amount

    def due(self, epoch: int) -> int:
        """Whole units of an epoch's remainders that can be credited, in its own units."""
        denominator = self.past[epoch - 1].denominator
        return max(0, self.written[epoch] - self.own[epoch]) // denominator

    def credit(self, epoch: int) -> int:
        """Credit what is due to the ratio's agent; returns it in units of now."""
        units = self.due(epoch)
        self.written[epoch] -= units * self.past[epoch - 1].denominator
        for later in range(epoch + 1, self.epoch + 1):
            ratio = self.past[later - 1]
            units, left = divmod(units * ratio.numerator, ratio.denominator)
            self.written[later] += left
        agent = self.past[epoch - 1].agent
        self.act()
        self.touch(agent)
        if units:
            self.holdings[agent].moved.add(self.day)
        self.holdings[agent].balance += units
        return units

    def uncollected(self) -> int:
        """Units that no account holds, once every remainder is written down and credited."""
        settled = Ratios(self.supply, self.authorised, {}, self.day, past=self.past)
        settled.written, settled.own = dict(self.written), dict(self.own)
        for account, holding in self.holdings.items():
            unseen = dict(holding.unseen)
            settled.holdings[account] = Holding(holding.balance, holding.frozen, unseen)
            settled.touch(account)
        credited = 0
        for epoch in range(1, settled.epoch + 1):
            credited += settled.credit(epoch)
            # Nothing but whole units is left of what accounts lost beyond the supply's own loss.
            assert settled.written[epoch] == settled.own[epoch]
        return credited


def announced(token: Contract, engine: Engine, ratio: Fraction) -> tuple[Event, ...]:
    """What an announcement logs."""
    return (
        engine.side.act(
            token,
            "announce_ratio(uint256,uint256,uint256,address,bytes4,bytes32)",
            ratio.agent,
            engine.contract,
        ),
        token.emitted(
            "RatioAnnounced", ratio.first_day, ratio.numerator, ratio.denominator, ratio.agent
        ),
    )
