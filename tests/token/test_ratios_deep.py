"""Ratios against a model that applies each to everybody at its moment, over the real token."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.chain import Revert
from tests.support.ratios import (
    ALL,
    MAX_PENDING,
    NOTICE,
    Engine,
    Fraction,
    Holding,
    Order,
    Ratios,
    hold_closings_to,
    hold_to,
)
from tests.support.world import AMOUNT_MAX, AUTHORITY, DAY, ORDER_LIFE, STATED, World, order_id

FRACTIONS = ((4, 1), (1, 10), (3, 2), (7, 5), (1, 3), (2, 7))
HOLDERS = ("investor", "buyer", "fund")

_account = st.sampled_from(HOLDERS)
# Odd amounts, shares of what there is, nothing at all.
_amount = st.one_of(st.integers(0, 40), st.integers(41, 10**12))
_steps = st.one_of(
    st.tuples(st.just("days"), st.sampled_from((1, 1, 2, 3, 9)), st.booleans()),
    st.tuples(st.just("transfer"), _account, _account, _amount),
    st.tuples(st.just("mint"), _account, _amount),
    st.tuples(st.just("burn"), _account, _amount),
    st.tuples(st.just("freeze"), _account, st.one_of(_amount, st.sampled_from((ALL, 0, 0)))),
    st.tuples(st.just("enter"), _account, _account, _amount),
    st.tuples(st.just("carry_out"), st.integers(0, 2)),
    st.tuples(st.just("unblock"), st.integers(0, 2)),
    st.tuples(st.just("out"), _account, _amount),
    st.tuples(st.just("in"), _account, _amount),
    st.tuples(st.just("limit")),
    st.tuples(st.just("announce"), st.sampled_from(FRACTIONS), st.integers(NOTICE, 6)),
    st.tuples(st.just("soon"), st.sampled_from(FRACTIONS)),
    st.tuples(st.just("later"), st.sampled_from(FRACTIONS)),
    st.tuples(st.just("days"), st.just(NOTICE + 1), st.just(False)),
    st.tuples(st.just("withdraw"), st.integers(0, MAX_PENDING)),
    st.tuples(st.just("close"), st.integers(-7, 5)),
    st.tuples(st.just("credit"), st.integers(1, 3)),
)


class Play:
    """The model and the token, told the same."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.side, self.token = engine, engine.side, engine.side.token
        side, token = self.side, self.token
        self.bridge = side.foreign_bridge()
        self.entered = 0
        token.authorise_issuance(10**13, *STATED, sender=side.notary)
        # Everybody of the suite that holds: two holders, an issuer and a custody have nothing.
        self.accounts = {name: side.parties[name] for name in HOLDERS}
        day = engine.day()
        holdings = {}
        for account in self.accounts.values():
            seen = token.position_of(account)
            moved = {int(seen.last_movement)} - {0}
            holdings[str(account.address)] = Holding(int(seen.balance), moved=moved)
        self.model = Ratios(
            int(token.totalSupply()), int(token.authorised()), holdings, day, supply_moved={day - 1}
        )
        assert self.model.supply == sum(each.balance for each in holdings.values())
        self.since = day
        self.announced: set[int] = set()
        self.answered = 0

    def name(self, holder: str) -> str:
        """A holder as the model knows it."""
        return str(self.accounts[holder].address)

    def tried(self, sound: bool, call: Any, *arguments: Any, sender: Any) -> bool:
        """Call; it is refused exactly if the model says so."""
        try:
            call(*arguments, sender=sender)
        except Revert:
            assert not sound, (call, arguments)
            return False
        assert sound, (call, arguments)
        return True

    def step(self, kind: str, *arguments: Any) -> None:
        """One act, then every view and every close."""
        getattr(self, f"_{kind}")(*arguments)
        hold_to(self.model, self.token)
        self.answered += hold_closings_to(self.model, self.token, self.since, self.announced)

    def _days(self, count: int, late: bool) -> None:
        # To the first moment of a day, or its last hour: a block takes a second, a play minutes.
        self.engine.begin(self.engine.day(count), seconds=DAY - 3_600 if late else 0)
        self.model.pass_to(self.engine.day())

    def _transfer(self, sender: str, receiver: str, amount: int) -> None:
        of, to = self.name(sender), self.name(receiver)
        holding = self.model.holdings[of]
        sound = amount <= max(0, holding.balance - holding.frozen)
        who = self.accounts[sender]
        assert self.token.canTransfer(of, to, amount) == (sound or not holding.frozen)
        if self.tried(sound, self.token.transfer, to, amount, sender=who):
            self.model.move(of, to, amount)

    def _enter(self, sender: str, receiver: str, amount: int) -> None:
        of, to, side, model = self.name(sender), self.name(receiver), self.side, self.model
        self.entered += 1
        order = Order(of, to, amount, self.entered, amount)
        frozen = model.holdings[of].frozen
        sound = (
            sender != receiver
            and amount != 0
            and (frozen == ALL or frozen + amount < AMOUNT_MAX)
            and sum(each.sender == of for each in model.orders) < 7
        )
        until = side.chain.now + ORDER_LIFE
        terms = (of, to, amount, until, AUTHORITY, self.entered, *STATED)
        if self.tried(sound, self.token.enter_order, *terms, sender=side.registrar):
            model.enter(order)

    def _carry_out(self, number: int) -> None:
        for order in self.model.orders[number : number + 1]:
            balance = self.model.holdings[order.sender].balance
            sound = 0 < order.units <= balance
            named = (order.sender, order.receiver, order.named, order_id(order.number))
            force = self.token.forcedTransfer
            if self.tried(sound, force, *named, sender=self.side.custodian):
                self.model.end(order)
                self.model.move(order.sender, order.receiver, order.units)

    def _unblock(self, number: int) -> None:
        for order in self.model.orders[number : number + 1]:
            named = (order.sender, order.receiver, order.named, order_id(order.number))
            self.token.withdraw_order(*named, *STATED, sender=self.side.registrar)
            self.model.end(order)

    def _out(self, owner: str, amount: int) -> None:
        of, model = self.name(owner), self.model
        holding = model.holdings[of]
        sound = amount <= max(0, holding.balance - holding.frozen) and not model.bridge_stopped()
        self.token.approve(self.bridge, amount, sender=self.accounts[owner])
        burn, bridge = self.token.crosschainBurn, self.bridge.address
        if self.tried(sound, burn, of, amount, sender=bridge):
            model.issue(of, -amount)
            model.authorised -= amount
            model.bridged += amount

    def _in(self, receiver: str, amount: int) -> None:
        to, model = self.name(receiver), self.model
        sound = amount <= model.bridged and not model.bridge_stopped()
        mint, bridge = self.token.crosschainMint, self.bridge.address
        if self.tried(sound, mint, to, amount, sender=bridge):
            model.issue(to, amount)
            model.authorised += amount
            model.bridged -= amount

    def _limit(self) -> None:
        # A day later the new limits are full.
        self.side.bridge(self.bridge, AMOUNT_MAX, AMOUNT_MAX)
        self.model.act()
        self.model.bridge_epoch = self.model.epoch
        self._days(1, False)

    def _mint(self, receiver: str, amount: int) -> None:
        sound = self.model.supply + amount <= self.model.authorised
        to = self.name(receiver)
        if self.tried(sound, self.token.mint, to, amount, *STATED, sender=self.side.issuer):
            self.model.issue(to, amount)

    def _burn(self, owner: str, amount: int) -> None:
        of = self.name(owner)
        holding = self.model.holdings[of]
        sound = amount <= max(0, holding.balance - holding.frozen)
        self.token.approve(self.side.issuer, amount, sender=self.accounts[owner])
        if self.tried(sound, self.token.burn, of, amount, *STATED, sender=self.side.issuer):
            self.model.issue(of, -amount)
            self.model.authorised -= amount

    def _freeze(self, account: str, amount: int) -> None:
        of = self.name(account)
        blocked = any(order.sender == of for order in self.model.orders)
        sound = not blocked or amount >= self.model.holdings[of].frozen
        freeze = self.token.setFrozenTokens
        if self.tried(sound, freeze, of, amount, *STATED, sender=self.side.custodian):
            self.model.freeze(of, amount)

    def _announce(self, fraction: tuple[int, int], ahead: int) -> None:
        model = self.model
        agent = str(self.side.fund.address)
        ratio = Fraction(*fraction, model.day + ahead, agent)
        sound = (
            ahead > NOTICE
            and len(model.pending) < MAX_PENDING
            and all(ratio.first_day > each.first_day for each in model.pending)
            and model.fits(ratio)
        )
        arguments = (*fraction, ratio.first_day, agent, *STATED)
        announce = self.engine.contract.announce
        if self.tried(sound, announce, *arguments, sender=self.side.operator):
            model.act()
            model.pending.append(ratio)

    def _soon(self, fraction: tuple[int, int]) -> None:
        self._announce(fraction, NOTICE + 1)

    def _later(self, fraction: tuple[int, int]) -> None:
        # After what is pending.
        days = [each.first_day - self.model.day for each in self.model.pending]
        self._announce(fraction, max([NOTICE, *days]) + 1)

    def _withdraw(self, number: int) -> None:
        model = self.model
        pending = model.pending
        first = pending[number].first_day if number < len(pending) else model.day
        withdraw = self.engine.contract.withdraw
        sound = number < len(pending)
        if self.tried(sound, withdraw, first, *STATED, sender=self.side.operator):
            model.act()
            del pending[number]

    def _close(self, ahead: int) -> None:
        day = self.model.day + ahead
        self.token.announce_close(day, *STATED, sender=self.side.registrar)
        self.announced.add(day)

    def _credit(self, epoch: int) -> None:
        model = self.model
        sound = epoch <= model.epoch and model.due(epoch) != 0
        if self.tried(sound, self.token.credit_remainders, epoch, sender=self.side.outsider):
            model.credit(epoch)


@settings(max_examples=400)
@given(steps=st.lists(_steps, min_size=8, max_size=30))
def test_every_view_and_every_close_is_as_the_model_says(
    deployed_world: World, steps: list[tuple[Any, ...]]
) -> None:
    with deployed_world.isolated():
        play = Play(Engine.of(deployed_world.home))
        for step in steps:
            play.step(*step)
        # In the end everybody is touched and everything credited: nothing is left over.
        while play.model.orders:
            play.step("unblock", 0)
        for holder in HOLDERS:
            play.step("freeze", holder, 0)
        for epoch in range(1, play.model.epoch + 1):
            if play.model.due(epoch):
                play.step("credit", epoch)
        positions = sum(each.balance for each in play.model.holdings.values())
        assert play.token.totalSupply() == positions


def test_amounts_of_the_whole_field_follow(deployed_world: World) -> None:
    """The largest supply, dissected and multiplied: nothing wraps."""
    with deployed_world.isolated():
        play = Play(Engine.of(deployed_world.home))
        token, side = play.token, play.side
        more = AMOUNT_MAX - int(token.authorised())
        token.authorise_issuance(more, *STATED, sender=side.notary)
        play.model.authorised += more
        play.step("mint", "buyer", AMOUNT_MAX - play.model.supply)
        play.step("announce", (1, 3), 3)
        play.step("announce", (7, 5), 4)
        play.step("announce", (2, 1), 5)
        for _ in range(6):
            play.step("days", 1, False)
        assert play.model.epoch == 3
        play.step("transfer", "buyer", "investor", 10**30)
