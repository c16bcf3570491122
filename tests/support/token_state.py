"""A token as its model knows it: who may do what, what stands, what its calls ask in common.

Amounts, ratios and their history are `tests.support.ratios`, roles and stops what the two ledgers'
play has of theirs; the calls themselves are `tests.support.token_model`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tallystick.governance.roles import Role
from tallystick.token.closings import first_after
from tallystick.token.position import AccountClass, calendar_day
from tests.stateful.model import LANES, TRANSFERS, UNLIMITED, Refusal, Stops
from tests.stateful.roles import Roles, Term
from tests.support.closings import Closings
from tests.support.ratios import Fraction, Order, Ratios
from tests.support.world import DAY, NO_DOCUMENT, NO_REASON, ZERO, order_id

HOLDER, LINK, POOL = AccountClass
Stated = tuple[bytes, bytes]
# Who is known by what it named: sender, receiver, amount, and what it is called.
Named = tuple[str, str, int, bytes]


@dataclass
class Standing:
    """What an account may do; units are elsewhere."""

    until: int = 0
    frozen: bool = False
    account_class: AccountClass = HOLDER
    # day -> its class when the day ended
    classes: dict[int, AccountClass] = field(default_factory=dict)
    # Its first movement was a change of class: an opening tells that it had nothing before.
    begun: bool = False


@dataclass
class LegalOrder(Order):
    """One with what ends it."""

    expires_at: int
    term: Term
    reason: bytes

    def alive(self, now: int) -> bool:
        """Neither expired nor died with the role of who entered it."""
        return now < self.expires_at and not self.term.over

    @property
    def named_as(self) -> Named:
        """By what it is known."""
        return self.sender, self.receiver, self.named, order_id(self.number)


@dataclass
class Limit:
    """What a bridge carries a day one way; what was used comes back within a day."""

    most: int = 0
    left: int = 0
    as_of: int = 0

    def now(self, now: int) -> int:
        """What is left of it."""
        back = self.most * min(now - self.as_of, DAY) // DAY
        return min(self.most, self.left + back)


@dataclass
class Judged(Ratios):
    """A token of a home ledger: what there is of it, and what every call asks of that."""

    # Of the next block.
    now: int = 0
    address: str = ZERO
    set_up_key: str = ZERO
    live: bool = False
    # The one bridge that isn't ours, and the contracts that a link account can be.
    bridge: str = ZERO
    custodies: tuple[str, ...] = ()
    roles: Roles = field(default_factory=Roles)
    standings: dict[str, Standing] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    instructions: dict[str, Stated] = field(default_factory=dict)
    stops: Stops = field(default_factory=Stops)
    suspended: bool = False
    closes: Closings = field(default_factory=Closings)
    limits: tuple[Limit, Limit] = field(default_factory=lambda: (Limit(), Limit()))
    # Of what went out; what is still out is `bridged`.
    came_in: int = 0
    # day -> what bridges had taken out of here when it ended; days on which they carried anything
    outs: dict[int, int] = field(default_factory=dict)
    bridge_moved: set[int] = field(default_factory=set)

    # ------------------------------------------------------------------------------ time

    def pass_to(self, day: int) -> None:
        """Each day ends with a class of everybody, and with what bridges have."""
        while self.day < day:
            for account in self.holdings:
                standing = self.standing(account)
                standing.classes[self.day] = standing.account_class
            self.outs[self.day] = self.bridged
            super().pass_to(self.day + 1)

    def _apply(self, ratio: Fraction) -> None:
        super()._apply(ratio)
        # What is left of the counts is their difference.
        self.came_in = 0

    # ----------------------------------------------------------------------------- views

    def standing(self, account: str) -> Standing:
        """What an account may do; never seen, nothing."""
        return self.standings.setdefault(account, Standing())

    def is_link(self, account: str) -> bool:
        """Whether it is moved by itself alone."""
        return self.standing(account).account_class == LINK

    def may_move(self, account: str, caller: str) -> bool:
        """Whether an account sends or receives in a call of `caller`."""
        standing = self.standing(account)
        if standing.until < calendar_day(self.now) or standing.frozen:
            return False
        return standing.account_class != LINK or account == caller

    def unfrozen(self, account: str) -> int:
        """What of the balance may go."""
        holding = self.holdings[account]
        return max(0, holding.balance - holding.frozen)

    def scopes(self) -> int:
        """What is paused now."""
        return self.stops.running(self.now)

    def stopped(self) -> bool:
        """Whether no holder transfers."""
        return self.suspended or bool(self.scopes() & TRANSFERS)

    def can_transfer(self, sender: str, receiver: str, amount: int, caller: str) -> bool:
        """Whether a transfer would be accepted, given balance and allowance."""
        if receiver == ZERO or not self.may_move(sender, caller):
            return False
        if not self.is_link(sender) and self.stopped():
            return False
        if not self.may_move(receiver, caller):
            return False
        if self.is_link(receiver) and self.scopes() & LANES:
            return False
        return not self.holdings[sender].frozen or amount <= self.unfrozen(sender)

    def order(self, named: Named) -> LegalOrder | None:
        """The order that is known so, dead or alive."""
        return next((o for o in self.legal_orders() if o.named_as == named), None)

    def legal_orders(self) -> list[LegalOrder]:
        """Those that stand."""
        return [order for order in self.orders if isinstance(order, LegalOrder)]

    def in_force(self, order: LegalOrder, caller: str) -> bool:
        """Whether the custodian could carry it out now."""
        balance = self.holdings[order.sender].balance
        possible = 0 < order.units <= balance and self.may_move(order.receiver, caller)
        return order.alive(self.now) and possible

    def hint(self, account: str, day: int) -> int:
        """The first movement after a day; a holder's first of all has left nothing."""
        moved, begun = self.history(account)
        found = first_after(day, moved)
        return 0 if found == min(moved, default=0) and not begun else found

    def history(self, account: str) -> tuple[set[int], bool]:
        """The days on which something moved, and whether that began with an opening of nothing:
        of the supply's, under the token's own address the bridges', and an account's."""
        if account in (ZERO, self.address):
            return self.supply_moved if account == ZERO else self.bridge_moved, True
        holding = self.holdings.get(account)
        return holding.moved if holding else set(), self.standing(account).begun

    # ------------------------------------------------------------------------- judgement

    def missing(self, by: str, *roles: Role) -> Refusal | None:
        """Whether the caller has none of the roles."""
        return None if self.roles.role_of(by) in roles else "access: missing role"

    def unstated(self, stated: Stated) -> Refusal | None:
        """An act says why, and by which document."""
        if stated[0] == NO_REASON:
            return "instruction: no reason code"
        return "instruction: no document hash" if stated[1] == NO_DOCUMENT else None

    def stood(self, by: str, stated: Stated) -> Refusal | None:
        """As `unstated`; an act that says nothing at all is covered by a standing instruction."""
        nothing = (NO_REASON, NO_DOCUMENT)
        return self.unstated(self.instructions.get(by, nothing) if stated == nothing else stated)

    def holds(self, scope: int, reason: str) -> Refusal | None:
        """What a suspension or a pause refuses."""
        if self.suspended:
            return "controls: suspended"
        return reason if self.scopes() & scope else None

    def debit_refusal(self, account: str, amount: int, caller: str) -> Refusal | None:
        """Why an account is not debited."""
        if not self.may_move(account, caller):
            return "ERC7943CannotSend", (account,)
        balance = self.holdings[account].balance
        if amount > balance:
            return "ERC20InsufficientBalance", (account, balance, amount)
        if amount > self.unfrozen(account):
            named = "ERC7943InsufficientUnfrozenBalance"
            return named, (account, amount, self.unfrozen(account))
        return None

    def credit_refusal(self, account: str, caller: str) -> Refusal | None:
        """Why an account is not credited."""
        if account == ZERO:
            return "ERC20InvalidReceiver", (account,)
        return None if self.may_move(account, caller) else ("ERC7943CannotReceive", (account,))

    def spend_refusal(self, owner: str, spender: str, amount: int) -> Refusal | None:
        """Why an allowance does not do."""
        allowed = self.allowances.get((owner, spender), 0)
        if allowed != UNLIMITED and amount > allowed:
            return "ERC20InsufficientAllowance", (spender, allowed, amount)
        return None

    def spend(self, owner: str, spender: str, amount: int) -> None:
        """Use it."""
        if self.allowances.get((owner, spender), 0) != UNLIMITED:
            self.allowances[owner, spender] = self.allowances.get((owner, spender), 0) - amount

    def take_refusal(self, owner: str, taker: str, amount: int) -> Refusal | None:
        """Why issuer or bridge may not take a holder's units."""
        if owner == taker:
            return None
        if self.standing(taker).frozen:
            return "ERC7943CannotSend", (taker,)
        return self.spend_refusal(owner, taker, amount)

    def all_or_none(self, acts: Sequence[Callable[[], Refusal | None]]) -> Refusal | None:
        """Of a batch the first that is refused undoes those before it."""
        before = copy.deepcopy(self.__dict__)
        for act in acts:
            if (refusal := act()) is not None:
                self.__dict__.update(before)
                return refusal
        return None
