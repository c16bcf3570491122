"""What a whole token must do: each call says how it is refused and why, or takes effect.

The order of the questions is the order in which a call is to be judged. `tests.support.token_state`
has what there is to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tallystick.governance.roles import Role
from tallystick.token.closings import first_after
from tallystick.token.position import AMOUNT_MAX, DAY_MAX, AccountClass
from tests.stateful.model import ISSUANCE, LANES, TRANSFERS, UNLIMITED, YEAR, Refusal
from tests.stateful.roles import Act
from tests.support.closings import FALSE_HINT, WEEK
from tests.support.ratios import ALL, MAX_PENDING, NOTICE, Fraction, Order
from tests.support.token_state import LINK, POOL, Judged, LegalOrder, Limit, Named, Stated
from tests.support.world import NO_DOCUMENT, NO_REASON, ZERO

PART_MAX: Final = 2**40 - 1
MAX_AHEAD: Final = 400


class Token(Judged):
    """Every call of anybody."""

    # --------------------------------------------------------------------------- holders

    def transfer(
        self, sender: str, receiver: str, amount: int, caller: str | None = None
    ) -> Refusal | None:
        """Units move, by whomever."""
        by = sender if caller is None else caller
        refusal = None
        if not self.is_link(sender):
            refusal = self.holds(TRANSFERS, "controls: transfers paused")
        if refusal is None and receiver == ZERO:
            refusal = "ERC20InvalidReceiver", (receiver,)
        refusal = refusal or self.debit_refusal(sender, amount, by)
        refusal = refusal or self.arrival_refusal(receiver, by)
        if refusal is None:
            self.move(sender, receiver, amount)
        return refusal

    def arrival_refusal(self, receiver: str, caller: str) -> Refusal | None:
        """Why what was sent does not arrive."""
        refusal = self.credit_refusal(receiver, caller)
        if refusal is None and self.is_link(receiver) and self.scopes() & LANES:
            refusal = "controls: lanes paused"
        return refusal

    def transfer_from(self, owner: str, receiver: str, amount: int, caller: str) -> Refusal | None:
        """Another's units; a link account takes what its owner gave it in its own code."""
        refusal: Refusal | None = None
        if receiver != caller and self.standing(caller).frozen:
            refusal = "ERC7943CannotSend", (caller,)
        spends = receiver != caller or not self.is_link(caller)
        if spends:
            refusal = refusal or self.spend_refusal(owner, caller, amount)
        refusal = refusal or self.transfer(owner, receiver, amount, caller)
        if refusal is None and spends:
            self.spend(owner, caller, amount)
        return refusal

    def batch_transfer(
        self, sender: str, receivers: Sequence[str], amounts: Sequence[int]
    ) -> Refusal | None:
        """To many."""
        if len(receivers) != len(amounts):
            return "erc20: lists differ in length"
        refusal = self.holds(TRANSFERS, "erc20: transfers paused")
        if refusal is None and any(amount > AMOUNT_MAX for amount in amounts):
            refusal = "erc20: amount out of range"
        refusal = refusal or self.debit_refusal(sender, sum(amounts), sender)
        for receiver in receivers:
            refusal = refusal or self.arrival_refusal(receiver, sender)
        if refusal is None:
            self.act()
            for receiver, amount in zip(receivers, amounts, strict=True):
                self.move(sender, receiver, amount)
        return refusal

    def approve(self, owner: str, spender: str, amount: int) -> Refusal | None:
        """An allowance."""
        if spender == ZERO:
            return "ERC20InvalidSpender", (spender,)
        self.allowances[owner, spender] = amount
        return None

    def instruct(self, by: str, stated: Stated) -> Refusal | None:
        """What a key's next acts rest on, or that they rest on nothing."""
        if (stated[0] == NO_REASON) != (stated[1] == NO_DOCUMENT):
            return "standing: half stated"
        self.instructions[by] = stated
        return None

    # ------------------------------------------------------------------------- registrar

    def admit(self, account: str, until: int) -> Refusal | None:
        """Eligible up to a day; the caller has judged role and reason."""
        if account in (ZERO, self.address):
            return "controls: no account"
        if until > DAY_MAX:
            return "controls: day out of range"
        if self.is_link(account):
            return "controls: link account"
        self.standing(account).until = until
        return None

    def set_class(self, account: str, chosen: int, by: str, stated: Stated) -> Refusal | None:
        """The custodian, of what the registrar proposed; in set-up that key."""
        act: Act = ("set_class", account, chosen)
        refusal = self.carried_out(act, by, Role.CUSTODIAN)
        if refusal is not None:
            return refusal
        standing, holding = self.standing(account), self.holdings.get(account)
        if chosen > POOL:
            return "controls: unknown class"
        if account in (ZERO, self.address):
            return "controls: class of nobody"
        # What a ratio made nothing of is there until somebody touches it.
        if holding and (holding.balance or holding.unseen):
            return "controls: account holds units"
        if standing.account_class == chosen:
            return "controls: class unchanged"
        if chosen == LINK:
            if standing.frozen or (holding and holding.frozen):
                return "controls: link is frozen"
            if account not in self.custodies:
                return "controls: link is no custody"
        if (refusal := self.unstated(stated)) is not None:
            return refusal
        self.roles.proposals.pop(act, None)
        if chosen == LINK:
            standing.until = DAY_MAX
        elif standing.account_class == LINK:
            standing.until, standing.frozen = 0, True
        standing.account_class = AccountClass(chosen)
        moved, _ = self.history(account)
        standing.begun |= not moved
        moved.add(self.day)
        return None

    def carried_out(self, act: Act, by: str, confirmer: Role) -> Refusal | None:
        """Why an act is not carried out; by the set-up key it is."""
        if by == self.set_up_key:
            return None
        return self.roles.refusal(act, by, confirmer, self.now)

    def announce_close(self, day: int, by: str, stated: Stated) -> Refusal | None:
        """Registrar or engine."""
        refusal = self.missing(by, Role.REGISTRAR, Role.ACTIONS) or self.unstated(stated)
        return refusal or self.closes.announce(day, self.day)

    def enter_order(self, order: LegalOrder, authority: bytes, stated: Stated) -> Refusal | None:
        """A registrar's, whose term is in the order; without one it has none."""
        if order.term.role != Role.REGISTRAR:
            return "access: missing role"
        if order.expires_at <= self.now:
            return "orders: expired at entry"
        if order.expires_at > self.now + YEAR:
            return "orders: expires too late"
        if order.sender == order.receiver:
            return "orders: to the same account"
        if ZERO in (order.sender, order.receiver):
            return "orders: from nobody" if order.sender == ZERO else "orders: to nobody"
        if authority == NO_DOCUMENT:
            return "orders: nobody orders it"
        if order.named == 0:
            return "orders: of nothing"
        if self.order(order.named_as) is not None:
            return "orders: entered already"
        if self.is_link(order.sender):
            return "orders: on link account"
        if sum(each.sender == order.sender for each in self.orders) == 7:
            return "orders: seven stand already"
        frozen = self.holdings[order.sender].frozen
        if frozen != ALL and frozen + order.named >= AMOUNT_MAX:
            return "orders: more than can be blocked"
        if (refusal := self.unstated(stated)) is None:
            self.enter(order)
        return refusal

    def enter(self, order: Order) -> None:
        """What it names is blocked; a freeze of all stays one."""
        frozen = self.holdings[order.sender].frozen
        self.freeze(order.sender, frozen if frozen == ALL else frozen + order.units)
        self.orders.append(order)

    def withdraw_order(self, named: Named, by: str, stated: Stated) -> Refusal | None:
        """A registrar, or anybody a dead one."""
        order = self.order(named)
        if order is None:
            return "orders: none to withdraw"
        refusal = self.missing(by, Role.REGISTRAR) if order.alive(self.now) else None
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.end(order)
        return refusal

    # ------------------------------------------------------------------------- custodian

    def forced(self, named: Named, by: str) -> Refusal | None:
        """Carry out what a registrar entered; the caller has judged the role."""
        order = self.order(named)
        if order is None:
            return "orders: none to carry out"
        if not order.alive(self.now):
            return "orders: not in force"
        if order.units == 0:
            return "orders: a ratio left nothing"
        refusal = self.credit_refusal(order.receiver, by)
        balance = self.holdings[order.sender].balance
        if refusal is None and order.units > balance:
            refusal = "ERC20InsufficientBalance", (order.sender, balance, order.units)
        if refusal is None:
            self.end(order)
            self.move(order.sender, order.receiver, order.units)
        return refusal

    def freeze_amount(self, account: str, amount: int) -> Refusal | None:
        """So much of an account is frozen."""
        if self.is_link(account):
            return "controls: link can't be frozen"
        frozen = min(self.holdings[account].frozen, AMOUNT_MAX)
        blocked = any(order.sender == account for order in self.orders)
        if blocked and min(amount, AMOUNT_MAX) < frozen:
            return "controls: orders block more"
        self.freeze(account, amount)
        return None

    def freeze_account(self, account: str, frozen: bool) -> Refusal | None:
        """All of it."""
        if self.is_link(account):
            return "controls: link stays unfrozen"
        self.standing(account).frozen = frozen
        return None

    # -------------------------------------------------------------- guardian and engine

    def pause(self, scope: int, by: str, stated: Stated) -> Refusal | None:
        """Guardian and administrator in turn."""
        refusal = self.missing(by, Role.GUARDIAN, Role.ADMINISTRATOR)
        if refusal is None and not 0 < scope <= TRANSFERS | ISSUANCE | LANES:
            refusal = "controls: unknown scope"
        refusal = refusal or self.stops.stop_refusal(scope, self.now, self.is_guardian(by))
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.stops.stop(scope, self.now, self.is_guardian(by))
        return refusal

    def is_guardian(self, account: str) -> bool:
        """Whether it has that role."""
        return self.roles.role_of(account) == Role.GUARDIAN

    def unpause(self, scope: int, by: str, stated: Stated) -> Refusal | None:
        """An administrator."""
        refusal = self.missing(by, Role.ADMINISTRATOR)
        if refusal is None and not 0 < scope <= TRANSFERS | ISSUANCE | LANES:
            refusal = "controls: unknown scope to lift"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.stops.lift(scope, self.now)
        return refusal

    def suspend(self, suspended: bool, by: str, stated: Stated) -> Refusal | None:
        """The engine alone."""
        refusal = self.missing(by, Role.ACTIONS) or self.unstated(stated)
        if refusal is None:
            self.suspended = suspended
        return refusal

    # ------------------------------------------------------------------ notary and issuer

    def authorise(self, amount: int, by: str, stated: Stated) -> Refusal | None:
        """The notary, of a record that authorises all that a field holds."""
        refusal = self.missing(by, Role.NOTARY)
        if refusal is None and not self.live:
            refusal = "issuance: not handed over"
        if refusal is None and self.is_redeemed:
            refusal = "issuance: units are redeemed"
        beyond = self.authorised + self.bridged + amount > AMOUNT_MAX
        if refusal is None and (beyond or not self.fits(authorised=amount)):
            refusal = "issuance: too much authorised"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.act()
            self.authorised += amount
        return refusal

    def take_back(self, amount: int, by: str, stated: Stated) -> Refusal | None:
        """The notary, of what nobody issued."""
        refusal = self.missing(by, Role.NOTARY)
        if refusal is None and amount > self.authorised - self.supply:
            refusal = "issuance: units exist under it"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.act()
            self.authorised -= amount
        return refusal

    def mint(self, receiver: str, amount: int, by: str) -> Refusal | None:
        """Units come into being; the caller has judged role and reason."""
        refusal = self.holds(ISSUANCE, "issuance: issuance paused")
        if refusal is None and amount > AMOUNT_MAX:
            refusal = "issuance: amount out of range"
        if refusal is None and self.supply + amount > self.authorised:
            refusal = "issuance: not authorised"
        refusal = refusal or self.credit_refusal(receiver, by)
        if refusal is None:
            self.issue(receiver, amount)
        return refusal

    def burn(self, owner: str, amount: int, by: str, stated: Stated) -> Refusal | None:
        """The issuer takes units off, within the holder's allowance."""
        refusal = self.missing(by, Role.ISSUER)
        refusal = refusal or self.holds(ISSUANCE, "issuance: redemption paused")
        refusal = refusal or self.debit_refusal(owner, amount, by)
        refusal = refusal or self.take_refusal(owner, by, amount) or self.stood(by, stated)
        if refusal is None:
            if owner != by:
                self.spend(owner, by, amount)
            self.issue(owner, -amount)
            self.authorised -= amount
        return refusal

    # --------------------------------------------------------------------------- bridges

    def carry_refusal(self, direction: int, amount: int, by: str) -> Refusal | None:
        """What a bridge's limits, a ratio and its counts refuse; 0: inward."""
        if not self.live:
            return "issuance: bridge in set-up"
        limit = self.limits[direction] if by == self.bridge else Limit()
        if limit.most == 0:
            return "bridges: no bridge this way"
        if self.bridge_stopped():
            return "bridges: stopped for a ratio"
        if amount > limit.now(self.now):
            return "bridges: above its limit"
        return None

    def carry(self, direction: int, account: str, amount: int) -> None:
        """A bridge's limit and counts; and units are with it or come back."""
        if amount:
            limit = self.limits[direction]
            limit.left, limit.as_of = limit.now(self.now) - amount, self.now
            self.bridge_moved.add(self.day)
        out = amount if direction else -amount
        self.came_in += 0 if direction else amount
        self.issue(account, -out)
        self.authorised -= out
        self.bridged += out

    def bridge_in(self, receiver: str, amount: int, by: str) -> Refusal | None:
        """What a bridge took out comes back; no stop keeps it."""
        refusal = self.carry_refusal(0, amount, by)
        if refusal is None and amount > self.bridged:
            refusal = "bridges: more in than out"
        if refusal is None and not self.may_move(receiver, by):
            refusal = "ERC7943CannotReceive", (receiver,)
        if refusal is None:
            self.carry(0, receiver, amount)
        return refusal

    def bridge_out(self, owner: str, amount: int, by: str) -> Refusal | None:
        """A bridge takes units out, within the holder's allowance."""
        refusal = self.carry_refusal(1, amount, by)
        if refusal is None and amount > AMOUNT_MAX - self.bridged - self.came_in:
            refusal = "bridges: count is full"
        refusal = refusal or self.take_refusal(owner, by, amount)
        refusal = refusal or self.holds(LANES, "issuance: lanes paused")
        refusal = refusal or self.holds(TRANSFERS, "issuance: transfers paused")
        refusal = refusal or self.debit_refusal(owner, amount, by)
        if refusal is None:
            if owner != by:
                self.spend(owner, by, amount)
            self.carry(1, owner, amount)
        return refusal

    def set_bridge(
        self, bridge: str, inward: int, outward: int, by: str, stated: Stated
    ) -> Refusal | None:
        """The custodian, of what the registrar proposed; the guardian ends it."""
        act: Act = ("set_bridge", bridge, inward, outward)
        if self.is_guardian(by):
            refusal: Refusal | None = "bridges: guardian ends others'" if inward | outward else None
        else:
            refusal = self.carried_out(act, by, Role.CUSTODIAN)
        if refusal is None and inward == outward == UNLIMITED:
            # At home no bridge is a lane's.
            refusal = "bridges: not of our lanes"
        if refusal is None and bridge != self.bridge:
            refusal = "bridges: no contract"
        if refusal is None and max(inward, outward) > AMOUNT_MAX:
            refusal = "bridges: limit out of range"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.act()
            if not self.is_guardian(by):
                self.roles.proposals.pop(act, None)
            for limit, most in zip(self.limits, (inward, outward), strict=True):
                # In other units nothing is left of it.
                left = limit.now(self.now) if self.bridge_epoch == self.epoch else 0
                limit.most, limit.left, limit.as_of = most, min(left, most), self.now
            self.bridge_epoch = self.epoch
        return refusal

    # ----------------------------------------------------------------------------- roles

    def hand_over(self, by: str, stated: Stated) -> Refusal | None:
        """The set-up ends, once."""
        if by != self.set_up_key or by == ZERO:
            return "access: only the set-up key"
        if self.roles.administrators < 2:
            return "access: two administrators first"
        if (refusal := self.unstated(stated)) is None:
            self.set_up_key, self.live = ZERO, True
        return refusal

    # ---------------------------------------------------------------------------- ratios

    def announce_ratio(self, ratio: Fraction, by: str, stated: Stated) -> Refusal | None:
        """The engine says what units become, and when."""
        n, d = ratio.numerator, ratio.denominator
        refusal = self.missing(by, Role.ACTIONS)
        if refusal is None and not (d and max(n, d) <= PART_MAX and (n or d == 1)):
            refusal = "ratios: fraction out of range"
        if refusal is None and ratio.agent == ZERO and n:
            refusal = "ratios: no fractions' agent"
        if refusal is None and self.is_redeemed:
            refusal = "ratios: units are redeemed"
        if refusal is None and not NOTICE < ratio.first_day - self.day <= MAX_AHEAD:
            refusal = "ratios: too soon or too far"
        if refusal is None and any(ratio.first_day <= each.first_day for each in self.pending):
            refusal = "ratios: not the latest day"
        if refusal is None and len(self.pending) == MAX_PENDING:
            refusal = "ratios: four are pending"
        if refusal is None and not self.fits(ratio):
            refusal = "ratios: units out of range"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.act()
            self.pending.append(ratio)
            if not n:
                # Nobody issues what will be nothing.
                self.authorised = self.supply
        return refusal

    def withdraw_ratio(self, first_day: int, by: str, stated: Stated) -> Refusal | None:
        """Before its day."""
        refusal = self.missing(by, Role.ACTIONS)
        left = [each for each in self.pending if each.first_day != first_day]
        if refusal is None and len(left) == len(self.pending):
            refusal = "ratios: none to withdraw"
        before, self.pending = self.pending, left
        if refusal is None and not self.fits():
            refusal = "ratios: units out of range"
        refusal = refusal or self.unstated(stated)
        if refusal is None:
            self.act()
        else:
            self.pending = before
        return refusal

    def credit_remainders(self, epoch: int, by: str) -> Refusal | None:
        """Anybody, once there is a whole unit."""
        if not 0 < epoch <= self.epoch:
            return "ratios: no such epoch"
        if not self.due(epoch):
            return "ratios: no whole unit yet"
        agent = self.past[epoch - 1].agent
        if not self.may_move(agent, by):
            return "ERC7943CannotReceive", (agent,)
        self.credit(epoch)
        return None

    # -------------------------------------------------------------------------- closings

    def keep(self, account: str, day: int, hint: int) -> Refusal | None:
        """Anybody keeps what tells a close of the last week, or one that is told anyway."""
        moved, begun = self.history(account)
        if day >= self.day:
            return "book: day not closed"
        if max(moved, default=0) <= day:
            return "book: nothing to keep"
        right = first_after(day, moved)
        first = right == min(moved) and not begun
        if hint and (hint not in moved or hint <= day or (first and hint == right)):
            return FALSE_HINT
        if first:
            return "book: nothing to keep"
        self.closes.kept.add((account, day))
        return None

    def promised(self, account: str, day: int) -> bool:
        """Whether a close is answered: of the last week, announced, or kept."""
        moved, begun = self.history(account)
        if day >= self.day - WEEK or max(moved, default=0) <= day:
            return True
        if day < min(moved) and not begun:
            return False
        kept = {at for who, at in self.closes.kept if who == account}
        alike = {first_after(at, moved) for at in (*self.closes.announced, *kept)}
        return first_after(day, moved) in alike
