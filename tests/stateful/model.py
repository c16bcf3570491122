"""What two ledgers should do, in plain Python: each act says how it is refused, or takes effect.

The model shares nothing with the contracts but the words. It keeps each account's history as (time,
balance) and asks for a closing balance by time; it knows no openings, no packed words, no bitmaps.
"""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from tallystick.bridge.attestation import Domain, SignerSet, attestation_digest
from tallystick.bridge.figures import Figure, Landed, Landing
from tallystick.bridge.message import LaneMessage
from tallystick.chain.abi import address_bytes, keccak
from tallystick.governance.roles import Role
from tallystick.token.position import (
    AMOUNT_MAX,
    DAY_MAX,
    AccountClass,
    business_day,
    calendar_day,
    close_of,
)
from tests.stateful.roles import Roles, Term
from tests.support.closings import Closings, History
from tests.support.world import ZERO

# The reason of a revert; (name, arguments) of a named error; "" for a revert without a word.
Refusal = str | tuple[str, tuple[object, ...]]

UNLIMITED = 2**256 - 1
ISSUE, RELEASE = 1, 2
# Beside the direction: units that come back.
RETURNED = 4
MAX_DEADLINE = 90 * 86_400
TRANSFERS, ISSUANCE, LANES = 1, 2, 4
OUT, IN = 1, 2
DAY = 86_400
WEEK = 7 * DAY
YEAR = 366 * DAY
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Story:
    """A number over time."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[int] = []

    def put(self, time: int, value: int) -> None:
        """From this time on the number is `value`."""
        if self.times and self.times[-1] == time:
            self.values[-1] = value
        else:
            self.times.append(time)
            self.values.append(value)

    def before(self, time: int) -> int:
        """The number at the last moment before a time."""
        at = bisect_left(self.times, time)
        return self.values[at - 1] if at else 0


@dataclass
class Holding:
    """What one account has on one ledger."""

    balance: int = 0
    frozen: int = 0
    eligible_until: int = 0
    account_frozen: bool = False
    link: bool = False
    story: Story = field(default_factory=Story)
    # 1 while it is a pool.
    pools: Story = field(default_factory=Story)
    # Its first movement was a change of class, so that an opening tells what was before: nothing.
    begun: bool = False

    @property
    def pool(self) -> bool:
        """Whether it is a pool."""
        return self.pools.values[-1:] == [1]

    @property
    def unfrozen(self) -> int:
        """What may be moved."""
        return max(self.balance - self.frozen, 0)


@dataclass
class Epoch:
    """Who signs in an epoch, and when it is valid on its ledger: from, until (exclusive)."""

    signers: SignerSet
    valid_from: int
    valid_until: int = 2**48 - 1


@dataclass(frozen=True)
class Pending:
    """Who is to sign next, and from when on that can be applied."""

    signers: SignerSet
    due: int


@dataclass(frozen=True)
class Entered:
    """A legal order: when it expires, and in which term of its registrar it was entered."""

    expires_at: int
    term: Term

    def alive(self, now: int) -> bool:
        """Neither expired nor died with the role."""
        return now < self.expires_at and not self.term.over


@dataclass
class Installed:
    """The release behind a proxy: numbers count releases from 0."""

    release: int = 0
    previous: int | None = None
    activated_at: int = 0
    noticed: int | None = None
    noticed_at: int = 0


@dataclass
class Stops:
    """What is stopped of a token or a lane: for each bit when it ends, and whether a guardian
    spoke last. A flag stays set until an administrator lifts a stop that has ended."""

    flags: int = 0
    told: dict[int, tuple[int, bool]] = field(default_factory=dict)

    def running(self, now: int) -> int:
        """The bits whose stop has not ended."""
        return sum(bit for bit, (ends, _) in self.told.items() if now < ends)

    def stop_refusal(self, mask: int, now: int, guardian: bool) -> Refusal | None:
        """Why a guardian may not stop, or an administrator not prolong: they take turns."""
        for bit in [1 << i for i in range(4) if mask >> i & 1]:
            ends, by_guardian = self.told.get(bit, (0, False))
            if guardian and by_guardian and now < ends + WEEK:
                return "stops: administrator's turn"
            if not guardian and not (by_guardian and now < ends):
                return "stops: nothing to prolong"
        return None

    def stop(self, mask: int, now: int, guardian: bool) -> Refusal | None:
        """A guardian stops or an administrator prolongs, in turn."""
        if (refusal := self.stop_refusal(mask, now, guardian)) is not None:
            return refusal
        bits = [1 << i for i in range(4) if mask >> i & 1]
        self.told.update(dict.fromkeys(bits, (now + WEEK, guardian)))
        self.flags |= mask
        return None

    def lift(self, mask: int, now: int) -> None:
        """An administrator: all of it ends within a day."""
        for bit in [1 << i for i in range(4) if mask >> i & 1]:
            ends = min(self.told.get(bit, (0, False))[0], now + DAY)
            self.told[bit] = (ends, False)
            if ends <= now:
                self.flags &= ~bit


class State(Enum):
    """Where a message is."""

    IN_TRANSIT = "in transit"
    SUSPENDED = "in suspense"
    SETTLED = "settled"


@dataclass
class Transit:
    """A message and its life: when it arrived, when and how it ended, on its destination."""

    message: LaneMessage
    state: State = State.IN_TRANSIT
    arrived_at: int | None = None
    ended_at: int | None = None
    how: Landed | None = None

    @property
    def direction(self) -> int:
        """Where it goes: to the remote ledger, or home."""
        return self.message.kind & ~RETURNED

    @property
    def returned(self) -> bool:
        """Whether its units come back."""
        return self.message.kind != self.direction

    @property
    def left(self) -> int:
        """When its units left an account: of those that come back, at first."""
        return self.message.deadline if self.returned else self.message.lock_time

    def is_late(self, now: int) -> bool:
        """Whether its recipient gets nothing any more."""
        return not self.returned and self.message.deadline <= now

    def end(self, how: Landed, now: int) -> None:
        """It takes effect so."""
        self.state, self.how, self.ended_at = State.SETTLED, how, now


@dataclass
class LedgerModel:
    """One ledger: its clock (time of its next block), positions, token, lane, its epochs."""

    name: str
    chain_id: int
    home: bool
    custody: str
    escrow: str
    clock: int
    change_delay: int
    retention: int
    # What the record authorises.
    issue_size: int
    # Business day of the set-up: supply and custody began on it.
    began: int
    # Of the token.
    roles: Roles
    holdings: dict[str, Holding] = field(default_factory=dict)
    supply: int = 0
    supply_story: Story = field(default_factory=Story)
    authorised: int = 0
    # What another's bridge took out of here and brought back.
    went_out: int = 0
    came_in: int = 0
    token_stops: Stops = field(default_factory=Stops)
    lane_stops: Stops = field(default_factory=Stops)
    outstanding: int = 0
    suspense: int = 0
    sent: int = 0
    # What the escrow keeps of its lane over time, by the figure's name; suspense at home alone.
    figures: dict[str, Story] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)
    # Chains of the ids of what left, a page of eight each.
    outbox: list[int] = field(default_factory=list)
    suspended: dict[bytes, int] = field(default_factory=dict)
    # By (sender, receiver, amount, number).
    orders: dict[tuple[str, str, int, int], Entered] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    pending: Pending | None = None
    installed: dict[str, Installed] = field(default_factory=dict)
    closes: Closings = field(default_factory=Closings)

    def __post_init__(self) -> None:
        self.holdings[self.custody] = Holding(link=True, eligible_until=2**16 - 1)
        kept = Figure if self.home else (Figure.SENT,)
        self.figures = {figure.name: Story() for figure in kept}

    def holding(self, account: str) -> Holding:
        """What an account has; nothing if it was never seen."""
        return self.holdings.setdefault(account, Holding())

    def holders_total(self) -> int:
        """Units of everybody but the custody."""
        return sum(h.balance for a, h in self.holdings.items() if a != self.custody)

    @property
    def scopes(self) -> int:
        """What is paused of the token now."""
        return self.token_stops.running(self.clock)

    @property
    def stops(self) -> int:
        """What is stopped of the lane now."""
        return self.lane_stops.running(self.clock)

    @property
    def domain(self) -> Domain:
        """What attestors of what arrives here sign for."""
        return Domain(self.chain_id, self.escrow)

    # ------------------------------------------------------------------ eligibility

    def may_move(self, account: str, caller: str) -> bool:
        """Whether an account may send or receive in a call of `caller`."""
        holding = self.holding(account)
        if holding.eligible_until < calendar_day(self.clock) or holding.account_frozen:
            return False
        return not holding.link or account == caller

    def debit_refusal(self, account: str, amount: int, caller: str) -> Refusal | None:
        """Why an account may not be debited, if so."""
        holding = self.holding(account)
        if not self.may_move(account, caller):
            return "ERC7943CannotSend", (account,)
        if amount > holding.balance:
            return "ERC20InsufficientBalance", (account, holding.balance, amount)
        if amount > holding.unfrozen:
            unfrozen = holding.unfrozen
            return "ERC7943InsufficientUnfrozenBalance", (account, amount, unfrozen)
        return None

    def credit_refusal(self, account: str, caller: str) -> Refusal | None:
        """Why an account may not be credited, if so."""
        return None if self.may_move(account, caller) else ("ERC7943CannotReceive", (account,))

    # ---------------------------------------------------------------------- amounts

    def add(self, account: str, amount: int) -> None:
        """Change a balance now."""
        holding = self.holding(account)
        holding.balance += amount
        assert holding.balance >= 0, f"the model overdrew {account}"
        if amount:
            holding.story.put(self.clock, holding.balance)

    def add_supply(self, account: str, amount: int) -> None:
        """Bring units into being with an account, or take them off."""
        self.supply += amount
        if amount:
            self.supply_story.put(self.clock, self.supply)
        self.add(account, amount)

    def count(self, figure: Figure, amount: int) -> None:
        """Change a figure of the lane now, if this side keeps it."""
        if (story := self.figures.get(figure.name)) is not None:
            story.put(self.clock, (story.values[-1] if story.values else 0) + amount)

    # ----------------------------------------------------------------------- holders

    def move(self, sender: str, receiver: str, amount: int, caller: str) -> Refusal | None:
        """A transfer, whoever calls it."""
        if self.scopes & TRANSFERS and not self.holding(sender).link:
            return "controls: transfers paused"
        refusal = self.debit_refusal(sender, amount, caller)
        refusal = refusal or self.credit_refusal(receiver, caller)
        if refusal is None and self.holding(receiver).link and self.scopes & LANES:
            refusal = "controls: lanes paused"
        if refusal is None:
            self.pass_on(sender, receiver, amount)
        return refusal

    def pass_on(self, sender: str, receiver: str, amount: int) -> None:
        """Units change hands; to oneself nothing moves, and no day is written."""
        if sender != receiver:
            self.add(sender, -amount)
            self.add(receiver, amount)

    def transfer(self, sender: str, receiver: str, amount: int) -> Refusal | None:
        """A holder's transfer."""
        return self.move(sender, receiver, amount, sender)

    def batch_transfer(
        self, sender: str, receivers: list[str], amounts: list[int]
    ) -> Refusal | None:
        """A holder's transfer to many."""
        if len(receivers) != len(amounts):
            return "erc20: lists differ in length"
        if self.scopes & TRANSFERS:
            return "erc20: transfers paused"
        refusal = self.debit_refusal(sender, sum(amounts), sender)
        for receiver in receivers:
            refusal = refusal or self.credit_refusal(receiver, sender)
        if refusal is None:
            for receiver, amount in zip(receivers, amounts, strict=True):
                self.pass_on(sender, receiver, amount)
        return refusal

    def approve(self, owner: str, spender: str, amount: int) -> None:
        """An allowance."""
        self.allowances[owner, spender] = amount

    def spend(self, owner: str, spender: str, amount: int) -> Refusal | None:
        """Use an allowance; the caller undoes it if something later refuses."""
        allowed = self.allowances.get((owner, spender), 0)
        if allowed == UNLIMITED:
            return None
        if amount > allowed:
            return "ERC20InsufficientAllowance", (spender, allowed, amount)
        self.allowances[owner, spender] = allowed - amount
        return None

    def transfer_from(self, owner: str, receiver: str, amount: int, spender: str) -> Refusal | None:
        """Another's transfer, within an allowance; a spender needs no eligibility."""
        if receiver != spender and self.holding(spender).account_frozen:
            return "ERC7943CannotSend", (spender,)
        before = self.allowances.get((owner, spender), 0)
        refusal = self.spend(owner, spender, amount)
        refusal = refusal or self.move(owner, receiver, amount, spender)
        if refusal is not None:
            self.allowances[owner, spender] = before
        return refusal

    # ------------------------------------------------------------------------- roles

    def admit(self, account: str, until_day: int) -> Refusal | None:
        """The registrar."""
        if until_day > DAY_MAX:
            return "controls: day out of range"
        if self.holding(account).link:
            return "controls: link account"
        self.holding(account).eligible_until = until_day
        return None

    def freeze_amount(self, account: str, amount: int) -> Refusal | None:
        """The custodian."""
        kept, holding = min(amount, AMOUNT_MAX), self.holding(account)
        if holding.link:
            return "controls: link can't be frozen"
        if self.standing(account) and kept < holding.frozen:
            return "controls: orders block more"
        holding.frozen = kept
        return None

    def freeze_account(self, account: str, frozen: bool) -> Refusal | None:
        """The custodian."""
        if self.holding(account).link:
            return "controls: link stays unfrozen"
        self.holding(account).account_frozen = frozen
        return None

    def all_or_none(self, acts: Iterable[Callable[[], Refusal | None]]) -> Refusal | None:
        """Acts on holders in one call: the first that is refused undoes those before it."""
        before = copy.deepcopy((self.holdings, self.supply_story))
        orders, supply = dict(self.orders), self.supply
        for act in acts:
            refusal = act()
            if refusal is not None:
                (self.holdings, self.supply_story), self.orders = before, orders
                self.supply = supply
                return refusal
        return None

    def set_class(self, account: str, chosen: int, by: str) -> Refusal | None:
        """The custodian, of what the registrar proposed; of an account that is no custody."""
        act, holding = ("set_class", account, chosen), self.holding(account)
        refusal = self.roles.refusal(act, by, Role.CUSTODIAN, self.clock)
        if refusal is not None:
            return refusal
        if chosen > AccountClass.POOL:
            return "controls: unknown class"
        if holding.balance:
            return "controls: account holds units"
        if chosen == (AccountClass.POOL if holding.pool else AccountClass.HOLDER):
            return "controls: class unchanged"
        if chosen == AccountClass.LINK:
            frozen = holding.account_frozen or holding.frozen
            return "controls: link is frozen" if frozen else "controls: link is no custody"
        del self.roles.proposals[act]
        # A movement of nothing.
        holding.begun |= not holding.story.times
        holding.story.put(self.clock, 0)
        holding.pools.put(self.clock, int(chosen == AccountClass.POOL))
        return None

    def standing(self, account: str) -> int:
        """How many orders stand against an account, dead ones too."""
        return sum(order[0] == account for order in self.orders)

    def enter_order(
        self, sender: str, receiver: str, amount: int, number: int, expires_at: int, by: str
    ) -> Refusal | None:
        """The registrar enters a legal order, which blocks."""
        if self.roles.role_of(by) != Role.REGISTRAR:
            return "access: missing role"
        if expires_at <= self.clock:
            return "orders: expired at entry"
        if expires_at > self.clock + YEAR:
            return "orders: expires too late"
        if sender == receiver:
            return "orders: to the same account"
        if amount == 0:
            return "orders: of nothing"
        if (sender, receiver, amount, number) in self.orders:
            # Carried out or withdrawn first, even if it has expired.
            return "orders: entered already"
        source = self.holding(sender)
        if source.link:
            return "orders: on link account"
        if self.standing(sender) == 7:
            return "orders: seven stand already"
        if source.frozen != AMOUNT_MAX:
            if source.frozen + amount >= AMOUNT_MAX:
                return "orders: more than can be blocked"
            source.frozen += amount
        self.orders[sender, receiver, amount, number] = Entered(expires_at, self.roles.terms[by])
        return None

    def withdraw_order(
        self, sender: str, receiver: str, amount: int, number: int, by: str
    ) -> Refusal | None:
        """A registrar takes an order off, or anybody a dead one."""
        entered = self.orders.get((sender, receiver, amount, number))
        if entered is None:
            return "orders: none to withdraw"
        if entered.alive(self.clock) and self.roles.role_of(by) != Role.REGISTRAR:
            return "access: missing role"
        self._end_order(sender, receiver, amount, number)
        return None

    def forced_transfer(
        self, sender: str, receiver: str, amount: int, number: int
    ) -> Refusal | None:
        """The custodian carries a legal order out."""
        entered = self.orders.get((sender, receiver, amount, number))
        if entered is None:
            return "orders: none to carry out"
        if not entered.alive(self.clock):
            return "orders: not in force"
        # The custodian calls, so no link account can receive.
        refusal = self.credit_refusal(receiver, "")
        if refusal is not None:
            return refusal
        balance = self.holding(sender).balance
        if amount > balance:
            return "ERC20InsufficientBalance", (sender, balance, amount)
        self._end_order(sender, receiver, amount, number)
        self.add(sender, -amount)
        self.add(receiver, amount)
        return None

    def in_force(self, sender: str, receiver: str, amount: int, number: int) -> str | None:
        """Whose order the custodian could carry out now, if it could."""
        entered = self.orders.get((sender, receiver, amount, number))
        if entered is None or not entered.alive(self.clock):
            return None
        possible = amount <= self.holding(sender).balance and self.may_move(receiver, "")
        return entered.term.account if possible else None

    def _end_order(self, sender: str, receiver: str, amount: int, number: int) -> None:
        """What it blocked is free; a freeze of all stays one."""
        del self.orders[sender, receiver, amount, number]
        source = self.holding(sender)
        if source.frozen != AMOUNT_MAX:
            source.frozen -= amount
            blocked = sum(order[2] for order in self.orders if order[0] == sender)
            assert source.frozen >= blocked, f"the model unblocked {sender}"

    def authorise(self, amount: int) -> Refusal | None:
        """The notary."""
        if not self.home:
            return "issuance: not the home ledger"
        if self.authorised + amount > self.issue_size:
            return "issuance: above the record"
        self.authorised += amount
        return None

    def take_back(self, amount: int) -> Refusal | None:
        """The notary, of what it authorised."""
        if self.supply + self.with_bridge + amount > self.authorised:
            return "issuance: units exist under it"
        self.authorised -= amount
        return None

    def mint(self, receiver: str, amount: int) -> Refusal | None:
        """The issuer."""
        if self.scopes & ISSUANCE:
            return "issuance: issuance paused"
        if self.supply + self.with_bridge + amount > self.authorised:
            return "issuance: not authorised"
        refusal = self.credit_refusal(receiver, "")
        if refusal is None:
            self.add_supply(receiver, amount)
        return refusal

    def redeem(self, owner: str, amount: int, issuer: str) -> Refusal | None:
        """The issuer takes units back, within the holder's allowance."""
        if not self.home:
            return "issuance: redemption is at home"
        if self.scopes & ISSUANCE:
            return "issuance: redemption paused"
        refusal = self.debit_refusal(owner, amount, issuer)
        if refusal is None and self.holding(issuer).account_frozen:
            refusal = "ERC7943CannotSend", (issuer,)
        refusal = refusal or self.spend(owner, issuer, amount)
        if refusal is None:
            self.authorised -= amount
            self.add_supply(owner, -amount)
        return refusal

    # --------------------------------------------------------------- another's bridge

    @property
    def with_bridge(self) -> int:
        """Units that are on no ledger of ours."""
        return self.went_out - self.came_in

    def bridge_out(self, owner: str, amount: int, bridge: str) -> Refusal | None:
        """Another's bridge takes units out of the home ledger, within the holder's allowance."""
        before = self.allowances.get((owner, bridge), 0)
        refusal = self.spend(owner, bridge, amount)
        if refusal is None and self.scopes & LANES:
            refusal = "issuance: lanes paused"
        if refusal is None and self.scopes & TRANSFERS:
            refusal = "issuance: transfers paused"
        refusal = refusal or self.debit_refusal(owner, amount, bridge)
        if refusal is None:
            self.went_out += amount
            self.add_supply(owner, -amount)
        else:
            self.allowances[owner, bridge] = before
        return refusal

    def bridge_in(self, receiver: str, amount: int, bridge: str) -> Refusal | None:
        """It brings units back, never more than it took out, whatever is paused."""
        if amount > self.with_bridge:
            return "bridges: more in than out"
        refusal = self.credit_refusal(receiver, bridge)
        if refusal is None:
            self.came_in += amount
            self.add_supply(receiver, amount)
        return refusal

    # ---------------------------------------------------------------------- releases

    def give_notice(self, contract: str, release: int) -> Refusal | None:
        """The upgrader gives notice; all consent at once."""
        if release <= self.installed[contract].release:
            return "release: not newer"
        self.installed[contract].noticed = release
        self.installed[contract].noticed_at = self.clock
        return None

    def activate(self, contract: str, release: int, notice: int, window: int) -> Refusal | None:
        """Anybody activates."""
        installed = self.installed[contract]
        if installed.noticed != release:
            return "release: not noticed"
        if self.clock < installed.noticed_at + notice:
            return "release: notice not over"
        if self.clock >= installed.noticed_at + notice + window:
            return "release: notice has lapsed"
        self.installed[contract] = Installed(
            release=release, previous=installed.release, activated_at=self.clock
        )
        return None

    def roll_back(self, contract: str, window: int) -> Refusal | None:
        """The guardian returns to the release before."""
        installed = self.installed[contract]
        if installed.previous is None:
            return "release: nothing to roll back to"
        if self.clock >= installed.activated_at + window:
            return "release: window closed"
        installed.release, installed.previous = installed.previous, None
        installed.activated_at = self.clock
        return None

    # ------------------------------------------------------------------------- epochs

    def confirm(self, signers: SignerSet) -> Refusal | None:
        """Operator and administrator confirm a verifier of other signers for the lane."""
        if self.pending is not None:
            return "lanes: change pending"
        self.pending = Pending(signers, self.clock + self.change_delay)
        return None

    def cancel(self) -> Refusal | None:
        """The guardian cancels the change of the lane that waits."""
        if self.pending is None:
            return "lanes: no change to cancel"
        self.pending = None
        return None

    def apply(self) -> Refusal | None:
        """Anybody applies it."""
        if self.pending is None:
            return "lanes: no change pending"
        if self.clock < self.pending.due:
            return "lanes: change waits"
        last = self.epochs[-1]
        last.valid_until = min(last.valid_until, self.clock + self.retention)
        self.epochs.append(Epoch(self.pending.signers, self.clock))
        self.pending = None
        return None

    def epoch_refusal(self, number: int) -> Refusal | None:
        """Why an epoch's signatures are refused now, if they are."""
        if 1 <= number <= len(self.epochs):
            epoch = self.epochs[number - 1]
            if epoch.valid_from <= self.clock < epoch.valid_until:
                return None
        return "lanes: no such epoch now"

    def verify(self, message: LaneMessage, attestation: bytes) -> Refusal | None:
        """Epoch and verifier from their description: the attestation may be any bytes."""
        if len(attestation) < 32:
            return ""
        number = int.from_bytes(attestation[:8], "big")
        refusal = self.epoch_refusal(number)
        if refusal is not None:
            return refusal
        signers = self.epochs[number - 1].signers
        digest = attestation_digest(message, signers, self.domain)
        bitmap = int.from_bytes(attestation[8:10], "big")
        cursor = 10
        for index, signer in enumerate(signers.signers):
            if bitmap >> index & 1:
                word = attestation[cursor : cursor + 64]
                if len(word) < 64:
                    return ""
                r = int.from_bytes(word[:32], "big")
                top = int.from_bytes(word[32:], "big")
                s, parity = top & 2**255 - 1, top >> 255
                if s > _ORDER // 2:
                    return "verifier: high s"
                if _recover(digest, r, s, parity) != address_bytes(signer):
                    return "verifier: wrong signature"
                cursor += 64
        if bitmap >> len(signers.signers):
            return "verifier: bit without signer"
        if cursor != len(attestation):
            return "verifier: trailing bytes"
        if (cursor - 10) // 64 < signers.threshold:
            return "verifier: too few signatures"
        return None


class Model:
    """Two ledgers, one lane, one instrument."""

    def __init__(
        self,
        home: LedgerModel,
        remote: LedgerModel,
        *,
        lane: bytes,
        close_minute: int,
        cap: int,
        clock_rule: bool = True,
    ) -> None:
        self.home = home
        self.remote = remote
        self.lane = lane
        self.close_minute = close_minute
        # Base units.
        self.cap = cap
        # Whether a destination waits for the lock time; without it the books don't close.
        self.clock_rule = clock_rule
        self.transits: list[Transit] = []
        self._closings: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._suspense_closings: dict[tuple[str, int], int] = {}

    @property
    def ledgers(self) -> tuple[LedgerModel, LedgerModel]:
        """Home and remote."""
        return self.home, self.remote

    def peer(self, ledger: LedgerModel) -> LedgerModel:
        """The other ledger."""
        return self.remote if ledger is self.home else self.home

    # -------------------------------------------------------------------------- lane

    def send(
        self, ledger: LedgerModel, holder: str, recipient: bytes, amount: int, deadline: int
    ) -> Refusal | None:
        """A holder locks at home or burns on the remote ledger."""
        refusal: Refusal | None = None
        if amount == 0:
            refusal = "transit: nothing to send"
        elif any(recipient[:12]) or not any(recipient):
            refusal = "transit: no such recipient"
        elif deadline <= ledger.clock:
            refusal = "transit: deadline passed"
        elif deadline > ledger.clock + MAX_DEADLINE:
            refusal = "transit: deadline too far"
        elif ledger.stops & OUT:
            refusal = "lanes: outbound paused"
        elif ledger.home and ledger.outstanding + amount > self.cap:
            refusal = "lanes: cap reached"
        elif not ledger.home and amount > ledger.outstanding:
            refusal = "lanes: more than issued here"
        elif ledger.home:
            refusal = ledger.move(holder, ledger.custody, amount, ledger.custody)
        elif ledger.scopes & LANES:
            refusal = "issuance: lanes paused"
        elif ledger.scopes & TRANSFERS:
            refusal = "issuance: transfers paused"
        else:
            refusal = ledger.debit_refusal(holder, amount, ledger.escrow)
            if refusal is None:
                ledger.add_supply(holder, -amount)
        if refusal is not None:
            return refusal
        sender = bytes.fromhex(holder[2:]).rjust(32, b"\0")
        self._enter(ledger, 0, sender, recipient, amount, deadline)
        return None

    def _enter(
        self,
        ledger: LedgerModel,
        flag: int,
        sender: bytes,
        recipient: bytes,
        amount: int,
        deadline: int,
    ) -> None:
        """Units leave a ledger, as a message."""
        ledger.outstanding += amount if ledger.home else -amount
        message = LaneMessage(
            codec=2,
            kind=(ISSUE if ledger.home else RELEASE) | flag,
            lane=self.lane,
            nonce=ledger.sent,
            lock_time=ledger.clock,
            action_epoch=0,
            amount=amount,
            sender=sender,
            recipient=recipient,
            deadline=deadline,
        )
        if ledger.sent % 8 == 0:
            ledger.outbox.append(0)
        kept = ledger.outbox[-1].to_bytes(32, "big")
        ledger.outbox[-1] = int.from_bytes(keccak(kept + message.id), "big")
        ledger.sent += 1
        ledger.count(Figure.SENT, amount)
        self.transits.append(Transit(message))

    def deliver(
        self,
        ledger: LedgerModel,
        message: LaneMessage,
        verdict: Callable[[], Refusal | None],
        account_of: Callable[[bytes], str],
    ) -> Refusal | None:
        """Anybody delivers; `verdict` is asked for the attestation when its turn has come."""
        refusal = self._delivery_refusal(ledger, message, verdict)
        if refusal is not None:
            return refusal
        recipient = account_of(message.recipient)
        transit = self.transit_of(message)
        suspends = transit.is_late(ledger.clock) or not ledger.may_move(recipient, "")
        ledger.arrived.add(message.nonce)
        ledger.outstanding += -message.amount if ledger.home else message.amount
        transit.arrived_at = ledger.clock
        if suspends:
            transit.state = State.SUSPENDED
            ledger.suspense += message.amount
            ledger.count(Figure.SUSPENSE, message.amount)
            ledger.suspended[message.id] = message.amount
        else:
            transit.end(Landed.DELIVERED, ledger.clock)
        receiver = ledger.custody if suspends else recipient
        if not ledger.home:
            ledger.add_supply(receiver, message.amount)
        elif not suspends:
            ledger.add(ledger.custody, -message.amount)
            ledger.add(receiver, message.amount)
        return None

    def _delivery_refusal(
        self, ledger: LedgerModel, message: LaneMessage, verdict: Callable[[], Refusal | None]
    ) -> Refusal | None:
        if message.lane != self.lane:
            return "lanes: unknown lane"
        if message.codec not in {1, 2}:
            return "transit: unknown codec"
        if message.kind & ~RETURNED != (RELEASE if ledger.home else ISSUE):
            return "transit: wrong direction"
        if self.clock_rule and message.lock_time > ledger.clock:
            return "transit: before its lock time"
        if message.nonce in ledger.arrived:
            return "transit: delivered already"
        if any(message.recipient[:12]) or not any(message.recipient):
            return "transit: recipient is no account"
        refusal = verdict()
        if refusal is not None:
            return refusal
        if message.action_epoch != 0:
            return "transit: ratio not known here yet"
        if ledger.stops & IN:
            return "lanes: inbound paused"
        if ledger.home and message.amount > ledger.outstanding:
            return "lanes: more than locked here"
        if not ledger.home and ledger.outstanding + message.amount > self.cap:
            return "lanes: cap reached"
        return None

    def transit_of(self, message: LaneMessage) -> Transit:
        """A message's life."""
        return next(each for each in self.transits if each.message == message)

    def claim(
        self, ledger: LedgerModel, message: LaneMessage, account_of: Callable[[bytes], str]
    ) -> Refusal | None:
        """Anybody claims for the recipient."""
        amount = ledger.suspended.get(message.id, 0)
        if amount == 0:
            return "transit: nothing in suspense"
        transit = self.transit_of(message)
        if transit.is_late(ledger.clock):
            return "transit: past its deadline"
        recipient = account_of(message.recipient)
        if recipient == ledger.custody:
            return "custody: pay to itself"
        refusal = ledger.move(ledger.custody, recipient, amount, ledger.custody)
        if refusal is None:
            transit.end(Landed.CLAIMED, ledger.clock)
            self._leave_suspense(ledger, message)
        return refusal

    def _leave_suspense(self, ledger: LedgerModel, message: LaneMessage) -> None:
        ledger.suspended[message.id] = 0
        ledger.suspense -= message.amount
        ledger.count(Figure.SUSPENSE, -message.amount)

    def return_to_source(self, ledger: LedgerModel, message: LaneMessage) -> Refusal | None:
        """Anybody sends back what waits, once its deadline has passed; whatever is paused."""
        if ledger.suspended.get(message.id, 0) == 0:
            return "transit: nothing to return"
        transit = self.transit_of(message)
        if transit.returned:
            return "transit: never goes back"
        if not transit.is_late(ledger.clock):
            return "transit: before its deadline"
        transit.end(Landed.WENT_BACK, ledger.clock)
        self._leave_suspense(ledger, message)
        if not ledger.home:
            ledger.add_supply(ledger.custody, -message.amount)
        sender, left = message.id, message.lock_time
        self._enter(ledger, RETURNED, sender, message.sender, message.amount, left)
        return None

    def landing(self, transit: Transit) -> Landing | None:
        """What its destination remembers of a message that has ended there."""
        if transit.ended_at is None or transit.how is None:
            return None
        day = business_day(transit.ended_at, self.close_minute)
        crossed = business_day(transit.left, self.close_minute) < day
        return Landing(day, transit.how) if crossed or transit.how is Landed.WENT_BACK else None

    # --------------------------------------------------------------------- the whole

    def in_transit(self) -> int:
        """Units that left one ledger and are not on the other yet."""
        return sum(t.message.amount for t in self.transits if t.state is State.IN_TRANSIT)

    def closed_days(self, first: int) -> Iterable[int]:
        """Business days from `first` that are over on both clocks, whatever is still to come."""
        last = min(business_day(ledger.clock, self.close_minute) for ledger in self.ledgers)
        return range(first, last)

    def closing(self, ledger: LedgerModel, account: str, day: int) -> tuple[int, int]:
        """Balance of an account at the close of a day that is over, and how much is entitled."""
        key = (ledger.name, account, day)
        if key not in self._closings:
            moment, holding = close_of(day, self.close_minute), ledger.holding(account)
            balance = holding.story.before(moment)
            unentitled = holding.link or holding.pools.before(moment)
            self._closings[key] = (balance, 0 if unentitled else balance)
        return self._closings[key]

    def supply_closing(self, ledger: LedgerModel, day: int) -> int:
        """Supply of a ledger at the close of a day."""
        return ledger.supply_story.before(close_of(day, self.close_minute))

    def figure_closing(self, ledger: LedgerModel, figure: str, day: int) -> int:
        """A figure of a lane's end at the close of a day."""
        return ledger.figures[figure].before(close_of(day, self.close_minute))

    def promised(self, ledger: LedgerModel, account: str, day: int) -> bool:
        """Whether a ledger must answer for a close, to who brings the right hint.

        Of an account, of the supply (nobody), or of a figure of the lane by its name.
        """
        return ledger.closes.promised(self._moved(ledger, account), day, self.today(ledger))

    def hint(self, ledger: LedgerModel, account: str, day: int) -> int:
        """The right hint; an account's first day is none, unless its history began with a 0."""
        return self._moved(ledger, account).hint(day)

    def today(self, ledger: LedgerModel) -> int:
        """The business day on a ledger."""
        return business_day(ledger.clock, self.close_minute)

    def _moved(self, ledger: LedgerModel, account: str) -> History:
        if account in ledger.figures:
            times = ledger.figures[account].times
            moved = {business_day(time, self.close_minute) for time in times}
            return History(account, begun=True, days=dict.fromkeys(moved, (0, False)))
        story = ledger.supply_story if account == ZERO else ledger.holding(account).story
        days = (business_day(time, self.close_minute) for time in story.times)
        from_the_first = account in (ZERO, ledger.custody)
        moved = {*days, ledger.began} if from_the_first else set(days)
        begun = from_the_first or ledger.holding(account).begun
        return History(account, begun=begun, days=dict.fromkeys(moved, (0, False)))

    def transit_closing(self, day: int, kinds: Iterable[int] = (ISSUE, RELEASE)) -> int:
        """Units in transit at the close: gone on the source's clock, not there on the other's."""
        cut = close_of(day, self.close_minute)
        return sum(
            t.message.amount
            for t in self.transits
            if t.direction in kinds
            and t.message.lock_time < cut
            and (t.arrived_at is None or t.arrived_at >= cut)
        )

    def suspense_closing(self, ledger: LedgerModel, day: int) -> int:
        """Units in suspense on a ledger at the close of a day that is over."""
        if (ledger.name, day) not in self._suspense_closings:
            cut = close_of(day, self.close_minute)
            kind = RELEASE if ledger.home else ISSUE
            self._suspense_closings[ledger.name, day] = sum(
                t.message.amount
                for t in self.transits
                if t.direction == kind
                and t.message.id in ledger.suspended
                and t.arrived_at is not None
                and t.arrived_at < cut
                and (t.ended_at is None or t.ended_at >= cut)
            )
        return self._suspense_closings[ledger.name, day]


def _recover(digest: bytes, r: int, s: int, parity: int) -> bytes:
    try:
        signature = Signature(vrs=(parity, r, s))
        recovered: bytes = signature.recover_public_key_from_msg_hash(digest).to_canonical_address()
    except (BadSignature, ValidationError, ValueError):
        return bytes(20)
    return recovered
