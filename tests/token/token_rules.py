"""What hypothesis may do to a token; all of it is in `TokenPlay`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tallystick.governance.roles import Role
from tallystick.token.closings import first_after
from tests.stateful.machine import EveryRule
from tests.stateful.model import UNLIMITED
from tests.stateful.roles import Act
from tests.support.ratios import ALL, NOTICE
from tests.support.token_state import HOLDER, LINK, POOL, LegalOrder, Stated
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    ELIGIBLE_UNTIL,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    order_id,
)
from tests.token.token_checks import check_constants
from tests.token.token_play import TokenPlay
from tests.token.token_stage import ACCOUNTS, HOLDERS, NOTHING, STAND_INS, Stage

FRACTIONS = ((4, 1), (1, 10), (3, 2), (7, 5), (1, 3), (2, 7))
REFUSED_FRACTIONS = ((0, 2), (1, 0), (2**40, 1), (2**40 - 1, 1))

holders = st.sampled_from([*HOLDERS[:2] * 3, *HOLDERS[2:] * 2, "issuer"])
receivers = st.sampled_from([*HOLDERS * 4, "issuer", "custody", "nobody"])
anybody = st.sampled_from([*HOLDERS * 3, "custody", "issuer", "nobody", "token"])
# Eighths of what somebody has, and mostly nothing beside that.
eighths = st.sampled_from([0, 1, 1, 2, 3, 5, 8])
extras = st.sampled_from([0, 0, 0, 1, 7, 10**11])
odd = st.integers(0, 40) | st.integers(41, 10**11)
reasons = st.sampled_from(
    [*[STATED] * 12, (STATED[0], NO_DOCUMENT), (NO_REASON, STATED[1]), NOTHING]
)
# Of acts that a standing instruction may cover.
left_out = st.sampled_from(
    [*[STATED] * 5, (STATED[0], NO_DOCUMENT), (NO_REASON, STATED[1]), *[NOTHING] * 3]
)
which = st.integers(0, 6)
seldom = st.sampled_from([False] * 7 + [True])


def whose(role: str) -> st.SearchStrategy[str]:
    """Who has a role; seldom somebody else."""
    return st.sampled_from([*[role] * 9, "stand-in"])


def acting(**drawn: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """A rule under whose name the calls that it makes are written down."""

    def decorate(acts: Callable[..., None]) -> Any:
        @functools.wraps(acts)
        def told(machine: TokenMachine, **values: Any) -> None:
            machine.play.doing = acts.__name__
            acts(machine, **values)

        return rule(**drawn)(told)

    return decorate


class TokenMachine(RuleBasedStateMachine):
    """Every function of the token, by whoever may call it and by others."""

    def __init__(self) -> None:
        super().__init__()
        # With all rules on, acts of different kinds meet.
        self._rules_strategy.enabled_rules_strategy = st.just(EveryRule())
        self.play = TokenPlay(self.stage())
        self.numbers = 0

    @classmethod
    def stage(cls) -> Stage:
        """Where it plays."""
        return TokenPlay.stage_set()

    def some_order(self, number: int) -> LegalOrder:
        """One of those that stand; if none does, one that never was."""
        orders = self.play.model.legal_orders()
        if orders:
            return orders[number % len(orders)]
        address = self.play.address
        term = self.play.model.roles.terms[address("administrator")]
        return LegalOrder(address("buyer"), address("investor"), 5, 99, 5, 0, term, STATED[0])

    # -- holders --

    @acting(
        sender=st.sampled_from([*HOLDERS * 3, "custody"]), to=receivers, share=eighths, extra=extras
    )
    def transfer(self, sender: str, to: str, share: int, extra: int) -> None:
        self.play.transfer(sender, to, self.play.part(sender, share, extra))

    @acting(
        owner=holders,
        to=receivers,
        spender=st.sampled_from([*HOLDERS, "custody", "custody"]),
        share=eighths,
        extra=extras,
        allowed=st.sampled_from(["so much", "so much", "endless", "too little", "what was"]),
        takes=st.booleans(),
    )
    def spend(
        self, owner: str, to: str, spender: str, share: int, extra: int, allowed: str, takes: bool
    ) -> None:
        amount = self.play.part(owner, share, extra)
        if allowed != "what was":
            allowances = {"so much": amount, "endless": UNLIMITED, "too little": max(amount - 1, 0)}
            self.play.approve(owner, spender, allowances[allowed])
        self.play.transfer_from(owner, spender if takes else to, amount, spender)

    @acting(owner=holders, spender=st.sampled_from(["issuer", "bridge", "nobody"]), amount=odd)
    def approve(self, owner: str, spender: str, amount: int) -> None:
        self.play.approve(owner, spender, amount)

    @acting(
        sender=holders,
        items=st.lists(st.tuples(receivers, eighths), max_size=3),
        wrong=st.sampled_from([*[""] * 6, "short", "huge"]),
    )
    def batch_transfer(self, sender: str, items: Sequence[tuple[str, int]], wrong: str) -> None:
        amounts = [self.play.part(sender, share, 0) // len(items) for _, share in items]
        if wrong == "huge":
            amounts = [AMOUNT_MAX + 1 for _ in amounts]
        to = [who for who, _ in items]
        self.play.batch_transfer(sender, to, amounts[int(wrong == "short") :])

    @acting(
        by=st.sampled_from(["custodian", "issuer", "investor"]),
        stated=st.sampled_from([*[STATED] * 3, NOTHING, (STATED[0], NO_DOCUMENT)]),
    )
    def instruct(self, by: str, stated: Stated) -> None:
        self.play.instruct(by, stated)

    # -- registrar --

    @acting(
        who=st.lists(anybody, min_size=1, max_size=3),
        until=st.sampled_from([*[ELIGIBLE_UNTIL] * 5, 2**16, 0, None]),
        by=whose("registrar"),
        stated=reasons,
    )
    def admit(self, who: Sequence[str], until: int | None, by: str, stated: Stated) -> None:
        # To the day after today: it ends while we play.
        soon = self.play.side.chain.now // DAY + 1
        self.play.admit(who, soon if until is None else until, by, stated)

    @acting(
        who=st.sampled_from([*HOLDERS * 3, "custody", "custody", "nobody"]),
        chosen=st.sampled_from([HOLDER, LINK, POOL, POOL, 3, None, None]),
        by=whose("custodian"),
        proposer=whose("registrar"),
        to=st.sampled_from(HOLDERS),
        emptied=st.sampled_from([True, True, False]),
        stated=reasons,
    )
    def change_class(
        self,
        who: str,
        chosen: int | None,
        by: str,
        proposer: str,
        to: str,
        emptied: bool,
        stated: Stated,
    ) -> None:
        model, account = self.play.model, self.play.address(who)
        if emptied and account in model.holdings and model.holdings[account].balance:
            self.play.transfer(who, to, model.holdings[account].balance)
        if chosen is None:
            # Back and forth.
            now = model.standing(account).account_class
            chosen = HOLDER if now else LINK if who == "custody" else POOL
            if who == "custody":
                self.play.freeze([who], [False])
        self.play.propose_class(who, chosen, proposer, stated)
        self.play.set_class(who, chosen, by, stated)

    @acting(
        ahead=st.integers(-8, 5) | st.sampled_from([401, 400]),
        by=st.sampled_from(["registrar", "registrar", "engine", "stand-in"]),
        stated=reasons,
    )
    def announce_close(self, ahead: int, by: str, stated: Stated) -> None:
        self.play.on_time()
        self.play.announce_close(self.play.model.day + ahead, by, stated)

    @acting(by=st.sampled_from(["registrar", "engine"]), ahead=st.integers(20, 40))
    def fill_the_calendar(self, by: str, ahead: int) -> None:
        self.play.on_time()
        day = self.play.model.day + ahead
        for at in range(17 - len(self.play.model.closes.calendar)):
            self.play.announce_close(day + at, by)

    @acting(
        sender=st.sampled_from([*HOLDERS * 4, "custody", "nobody"]),
        receiver=st.sampled_from([*HOLDERS * 6, "custody", "nobody"]),
        share=eighths,
        extra=extras,
        lasts=st.sampled_from([*[30 * DAY] * 6, DAY, 0, 366 * DAY + 1]),
        by=whose("registrar"),
        stated=reasons,
        ordered=st.sampled_from([*[True] * 9, False]),
        count=st.sampled_from([1, 1, 1, 1, 8]),
        then=st.sampled_from(["", "carry out", "carry out", "as the standard has it", "again"]),
    )
    def enter_order(
        self,
        sender: str,
        receiver: str,
        share: int,
        extra: int,
        lasts: int,
        by: str,
        stated: Stated,
        ordered: bool,
        count: int,
        then: str,
    ) -> None:
        play = self.play
        amount = play.part(sender, share, extra) // count
        for _ in range(count):
            self.numbers += 1
            terms = (sender, receiver, amount, self.numbers, lasts, by, stated)
            play.enter_order(*terms, *([] if ordered else [NO_DOCUMENT]))
        if then == "again":
            play.enter_order(*terms)
        entered = [each for each in play.model.legal_orders() if each.number == self.numbers]
        for order in entered:
            if then == "as the standard has it":
                play.instruct("custodian", (STATED[0], order_id(order.number)))
                play.forced_transfer(order, "custodian", instructed=True)
            elif then == "carry out":
                play.forced_transfer(order, "custodian")

    @acting(number=which, by=st.sampled_from(["registrar"] * 3 + ["buyer"]), stated=reasons)
    def withdraw_order(self, number: int, by: str, stated: Stated) -> None:
        self.play.withdraw_order(self.some_order(number), by, stated)

    # -- custodian --

    @acting(number=which, by=whose("custodian"), instructed=seldom)
    def forced_transfer(self, number: int, by: str, instructed: bool) -> None:
        self.play.forced_transfer(self.some_order(number), by, instructed=instructed)

    @acting(numbers=st.lists(which, min_size=1, max_size=2), by=whose("custodian"), short=seldom)
    def batch_forced_transfer(self, numbers: Sequence[int], by: str, short: bool) -> None:
        play = self.play
        self.numbers += 1
        play.enter_order("investor", "buyer", 3, self.numbers, DAY)
        orders = [self.some_order(-1), *[self.some_order(number) for number in numbers[1:]]]
        play.batch_forced_transfer(orders, by, short=short)

    @acting(
        rows=st.lists(
            st.tuples(
                st.sampled_from([*HOLDERS * 3, "custody"]),
                st.sampled_from([0, 0, 0, 1, 5, 10**11, ALL, AMOUNT_MAX]),
            ),
            min_size=1,
            max_size=2,
        )
        | st.lists(
            st.tuples(
                st.sampled_from([*HOLDERS * 3, "issuer", "custody"]),
                st.sampled_from([True, False, False, False]),
            ),
            min_size=1,
            max_size=2,
        ),
        by=whose("custodian"),
        stated=left_out,
        short=seldom,
    )
    def freeze(self, rows: Sequence[Any], by: str, stated: Stated, short: bool) -> None:
        who, frozen = [each for each, _ in rows], [each for _, each in rows]
        self.play.freeze(who, frozen, by, stated, short=short)

    @acting(
        who=st.sampled_from(HOLDERS),
        instructed=st.sampled_from([True, True, False]),
        stated=st.sampled_from([NOTHING, NOTHING, (STATED[0], NO_DOCUMENT)]),
    )
    def as_the_standards_have_it(self, who: str, instructed: bool, stated: Stated) -> None:
        """Without reason and document, or with half of them."""
        play = self.play
        for key in ("issuer", "custodian"):
            if instructed:
                play.instruct(key, STATED)
        play.freeze([who], [False], stated=stated)
        play.freeze([who, "buyer"], [False, False], stated=stated)
        play.freeze([who], [0], stated=stated)
        play.mint([who], [3], stated=stated)
        play.mint([who, "buyer"], [1, 2], stated=stated)
        play.approve(who, "issuer", 2)
        play.burn(who, 2, stated=stated)

    @acting()
    def let_everybody_move(self) -> None:
        """What keeps holders from moving is over."""
        play, model = self.play, self.play.model
        play.suspend(False, "engine")
        for number in range(len(model.orders)):
            if number < 4:
                play.withdraw_order(self.some_order(0), "registrar")
        holders = [*HOLDERS, "issuer"]
        play.admit(holders, ELIGIBLE_UNTIL)
        play.freeze(holders, [False] * len(holders))
        free = [
            who
            for who in HOLDERS
            if not any(order.sender == play.address(who) for order in model.orders)
        ]
        if free:
            play.freeze(free, [0] * len(free))
        if model.standing(play.address("custody")).account_class == HOLDER:
            play.freeze(["custody"], [False])
        if model.scopes():
            play.unpause(7, "administrator")
            play.pass_days(2, late=False)
            play.unpause(7, "administrator")

    # -- guardian and engine --

    @acting(
        scope=st.sampled_from([1, 2, 4, 7, 4, 0, 8]),
        by=st.sampled_from(["guardian"] * 5 + ["administrator", "stand-in"]),
        stated=reasons,
        prolongs=seldom,
    )
    def pause(self, scope: int, by: str, stated: Stated, prolongs: bool) -> None:
        self.play.pause(scope, by, stated)
        if prolongs:
            self.play.pause(scope, "administrator")

    @acting(scope=st.sampled_from([1, 2, 4, 7, 7, 0, 8]), by=whose("administrator"), stated=reasons)
    def unpause(self, scope: int, by: str, stated: Stated) -> None:
        self.play.unpause(scope, by, stated)

    @acting(suspended=st.booleans(), by=whose("engine"), stated=reasons)
    def suspend(self, suspended: bool, by: str, stated: Stated) -> None:
        self.play.suspend(suspended, by, stated)

    # -- notary and issuer --

    @acting(
        amount=odd | st.sampled_from([AMOUNT_MAX, 2**256 - 1]), by=whose("notary"), stated=reasons
    )
    def authorise(self, amount: int, by: str, stated: Stated) -> None:
        self.play.authorise(amount, by, stated)

    @acting(amount=odd | st.just(AMOUNT_MAX), by=whose("notary"), stated=reasons)
    def take_back(self, amount: int, by: str, stated: Stated) -> None:
        self.play.take_back(amount, by, stated)

    @acting(
        rows=st.lists(
            st.tuples(receivers, odd | st.sampled_from([AMOUNT_MAX, 2**200])),
            min_size=1,
            max_size=2,
        ),
        by=whose("issuer"),
        stated=left_out,
        short=seldom,
    )
    def mint(self, rows: Sequence[tuple[str, int]], by: str, stated: Stated, short: bool) -> None:
        who, amounts = [each for each, _ in rows], [each for _, each in rows]
        self.play.mint(who, amounts, by, stated, short=short)

    @acting(
        owner=holders,
        share=eighths,
        extra=extras,
        allowed=st.sampled_from([True, True, False]),
        by=whose("issuer"),
        stated=left_out,
    )
    def burn(
        self, owner: str, share: int, extra: int, allowed: bool, by: str, stated: Stated
    ) -> None:
        amount = self.play.part(owner, share, extra)
        if allowed:
            self.play.approve(owner, by, amount)
        self.play.burn(owner, amount, by, stated)

    # -- bridges --

    @acting(
        owner=holders,
        share=eighths,
        extra=extras,
        allowed=st.sampled_from([True, True, False]),
        by=st.sampled_from(["bridge"] * 9 + ["stand-in"]),
    )
    def bridge_out(self, owner: str, share: int, extra: int, allowed: bool, by: str) -> None:
        amount = self.play.part(owner, share, extra)
        if allowed:
            self.play.approve(owner, "bridge", amount)
        self.play.bridge_moves("crosschainBurn", owner, amount, by)

    @acting(
        to=receivers,
        share=eighths,
        extra=extras,
        by=st.sampled_from(["bridge"] * 9 + ["stand-in"]),
    )
    def bridge_in(self, to: str, share: int, extra: int, by: str) -> None:
        amount = self.play.model.bridged * share // 8 + extra
        self.play.bridge_moves("crosschainMint", to, amount, by)

    @acting(owner=st.sampled_from(HOLDERS[:2]), amount=st.integers(1, 40))
    def keep_what_a_bridge_carried(self, owner: str, amount: int) -> None:
        """Out on one day and in on the next: what tells the first one's close is kept."""
        play = self.play
        if play.model.bridge_epoch != play.model.epoch:
            play.propose_bridge("bridge", AMOUNT_MAX, AMOUNT_MAX, "registrar")
            play.set_bridge("bridge", AMOUNT_MAX, AMOUNT_MAX, "custodian")
            play.pass_days(2, late=False)
        play.approve(owner, "bridge", amount)
        play.bridge_moves("crosschainBurn", owner, amount)
        play.pass_days(1, late=False)
        play.bridge_moves("crosschainMint", owner, amount // 2 or 1)
        play.on_time()
        before = play.model.day - 1
        play.keep("token", before, first_after(before, play.model.bridge_moved), "stand-in")

    @acting(
        who=st.sampled_from(["bridge"] * 7 + ["buyer"]),
        limits=st.sampled_from(
            [
                *[(AMOUNT_MAX, AMOUNT_MAX)] * 3,
                (10**11, 10**10),
                (10**6, 0),
                (AMOUNT_MAX + 1, 0),
                (UNLIMITED, UNLIMITED),
                (0, 0),
            ]
        ),
        by=st.sampled_from(["custodian"] * 6 + ["guardian", "stand-in"]),
        stated=reasons,
        waits=st.booleans(),
    )
    def limit_a_bridge(
        self, who: str, limits: tuple[int, int], by: str, stated: Stated, waits: bool
    ) -> None:
        self.play.propose_bridge(who, *limits, "registrar", stated)
        self.play.set_bridge(who, *limits, by, stated)
        if waits:
            # A day later the new limits are full.
            self.play.pass_days(1, late=True)

    # -- roles --

    @acting(
        who=st.sampled_from([*STAND_INS * 2, "second administrator"]),
        role=st.sampled_from(
            [*[Role.NONE, Role.REGISTRAR] * 2, Role.CUSTODIAN, Role.ADMINISTRATOR, 3, Role.ACTIONS]
        ),
        proposer=st.sampled_from(["administrator"] * 5 + ["stand-in"]),
        confirmer=st.sampled_from(
            ["second administrator"] * 5 + ["administrator", "stand-in", "guardian"]
        ),
        waits=st.sampled_from([0, DAY, DAY, DAY, 32 * DAY]),
        withdrawn_by=st.sampled_from([None, None, "guardian", "buyer"]),
        stated=reasons,
    )
    def change_a_role(
        self,
        who: str,
        role: int,
        proposer: str,
        confirmer: str,
        waits: int,
        withdrawn_by: str | None,
        stated: Stated,
    ) -> None:
        act: Act = ("assign_role", self.play.address(who), int(role))
        self.play.propose_role(who, role, proposer, stated)
        if withdrawn_by is not None:
            self.play.withdraw_proposal(act, withdrawn_by, stated)
        self.play.wait(self.play.side.chain.now + waits)
        self.play.assign_role(who, role, confirmer, stated)

    @acting(number=which, proposes=st.booleans())
    def the_registrar_goes(self, number: int, proposes: bool) -> None:
        """What it entered and proposed dies with the role, and stays dead when that returns."""
        play = self.play
        if proposes:
            play.propose_class("newcomer", POOL)
        play.propose_role("registrar", Role.NONE)
        play.assign_role("registrar", Role.NONE)
        play.forced_transfer(self.some_order(number), "custodian")
        play.withdraw_order(self.some_order(number), "buyer")
        if proposes:
            play.set_class("newcomer", POOL)
        play.propose_role("registrar", Role.REGISTRAR)
        play.wait(play.side.chain.now + DAY)
        play.assign_role("registrar", Role.REGISTRAR)

    @acting(by=st.sampled_from(["set-up key", "administrator"]))
    def begin_again(self, by: str) -> None:
        """The set-up is over for ever."""
        self.play.hand_over(by)
        self.play.initialize(by)

    # -- ratios --

    @acting(
        fraction=st.sampled_from([*FRACTIONS, *FRACTIONS, *REFUSED_FRACTIONS]),
        ahead=st.sampled_from([NOTICE, *[NOTICE + 1] * 4, 5, 6, 401]),
        agent=st.sampled_from(["buyer"] * 3 + ["newcomer", "nobody"]),
        by=whose("engine"),
        stated=reasons,
    )
    def announce_ratio(
        self, fraction: tuple[int, int], ahead: int, agent: str, by: str, stated: Stated
    ) -> None:
        self.play.on_time()
        self.play.announce_ratio(fraction, self.play.model.day + ahead, agent, by, stated)

    @acting(fraction=st.sampled_from(FRACTIONS), days=st.integers(1, 2), count=st.integers(1, 3))
    def announce_one_after_the_other(
        self, fraction: tuple[int, int], days: int, count: int
    ) -> None:
        self.play.on_time()
        for _ in range(count):
            model = self.play.model
            last = max([model.day + NOTICE, *(each.first_day for each in model.pending)])
            self.play.announce_ratio(fraction, last + days, "buyer")

    @acting(fraction=st.sampled_from(FRACTIONS), late=st.booleans())
    def a_ratio_takes_effect(self, fraction: tuple[int, int], late: bool) -> None:
        self.play.on_time()
        if not self.play.model.pending:
            first_day = self.play.model.day + NOTICE + 1
            self.play.announce_ratio(fraction, first_day, "buyer")
        self.play.pass_days(NOTICE + 1, late=late)

    @acting(number=st.integers(0, 4), by=whose("engine"), stated=reasons)
    def withdraw_ratio(self, number: int, by: str, stated: Stated) -> None:
        self.play.on_time()
        model = self.play.model
        first = model.pending[number].first_day if number < len(model.pending) else model.day
        self.play.withdraw_ratio(first, by, stated)

    @acting(epoch=st.sampled_from([0, 1, 2, 3]), touched=st.booleans())
    def credit_remainders(self, epoch: int, touched: bool) -> None:
        self.play.on_time()
        if touched:
            for who in HOLDERS:
                self.play.freeze([who], [self.play.model.holdings[self.play.address(who)].frozen])
        for each in [epoch] if epoch != 3 else range(1, self.play.model.epoch + 1):
            self.play.credit_remainders(each, "stand-in")

    # -- closings and time --

    @acting(
        who=st.sampled_from([*ACCOUNTS, "nobody", "token", "token", "token"]),
        back=st.integers(0, 7),
        hints=st.sampled_from(["right", "right", "none", "the day itself", "today"]),
    )
    def keep(self, who: str, back: int, hints: str) -> None:
        play, model = self.play, self.play.model
        play.on_time()
        day = max(model.day - back, play.stage.since)
        moved, _ = model.history(play.address(who))
        right = first_after(day, moved)
        hint = {"right": right, "none": 0, "the day itself": day, "today": model.day}[hints]
        play.keep(who, day, hint, "stand-in")

    @acting(count=st.sampled_from([1, 1, 1, 2, 3, 9]), late=st.booleans())
    def pass_days(self, count: int, late: bool) -> None:
        self.play.pass_days(count, late=late)

    @acting(late=st.booleans())
    def next_day(self, late: bool) -> None:
        self.play.pass_days(1, late=late)

    @invariant()
    def as_the_model_says(self) -> None:
        self.play.check()

    def teardown(self) -> None:
        """In the end everybody is touched and everything credited: no unit is left over."""
        play, model = self.play, self.play.model
        play.doing = "the end"
        self.let_everybody_move()
        while model.orders:
            play.withdraw_order(self.some_order(0), "registrar")
        for account in model.holdings:
            if not model.is_link(account):
                who = next(each for each in ACCOUNTS if play.address(each) == account)
                play.freeze([who], [0])
        for epoch in range(1, model.epoch + 1):
            if model.due(epoch):
                play.credit_remainders(epoch, "stand-in")
        play.check()
        check_constants(play)
