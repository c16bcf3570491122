"""What hypothesis may do with three ledgers and two instruments; all of it is in `Play`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.stateful.machine import EveryRule
from tests.stateful.many_dividend_rules import DividendRules
from tests.stateful.many_lane_rules import RATES, LaneRules
from tests.stateful.many_play import Play
from tests.stateful.many_stage import HOLDERS, LATER, LEDGERS, NEXT, REMOTES, Stage
from tests.support.world import DAY

firsts = st.sampled_from([0, 0, 1])
remotes, ledgers, holders = (
    st.sampled_from(REMOTES),
    st.sampled_from(LEDGERS),
    st.sampled_from(HOLDERS),
)
which, seldom = st.integers(0, 9), st.sampled_from([False, False, False, True])
amounts = st.sampled_from([0, 1, 3, 7, 95, 1_001, 400_003, 700_001, 10**6 + 1, 10**8])


class ManyLedgersMachine(LaneRules, DividendRules):
    """Any act, of any instrument, on any ledger, at any time."""

    # A release's code is what was registered: a weakened copy can't be rolled back to.
    upgrades: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        # All rules in every run, as in `TwoLedgersMachine`.
        rules: Any = self._rules_strategy
        rules.enabled_rules_strategy = st.just(EveryRule())

    @classmethod
    def stage(cls) -> Stage:
        """Where plays begin."""
        return staged()

    @initialize(
        skew=st.sampled_from([0, 0, 7_200, 30 * 3_600]),
        ahead=ledgers,
        rate=st.sampled_from(RATES),
        told=st.lists(st.booleans(), min_size=2, max_size=2),
        armed=st.booleans(),
        ends=st.sampled_from(["", "close", "close", "die"]),
        lane=st.tuples(st.integers(0, 1), remotes),
    )
    def begin(
        self,
        skew: int,
        ahead: str,
        rate: tuple[int, int],
        told: Sequence[bool],
        armed: bool,
        ends: str,
        lane: tuple[int, str],
    ) -> None:
        self.play = Play(self.stage())
        if ends:
            self.play.last = (ends, self.isin(lane[0]), lane[1])
        self.play.tick(ahead, skew)
        if armed:
            self.play.announce_ratio(self.isin(0), rate, told)

    # -- lanes --

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        holder=holders,
        to=st.sampled_from([*HOLDERS, LATER, LATER]),
        amount=amounts,
        lasts=st.sampled_from([0, 3_600, DAY, 3 * DAY, 60 * DAY, 60 * DAY]),
        then=st.sampled_from(["", "", "deliver", "deliver late"]),
    )
    def send(
        self,
        first: int,
        remote: str,
        out: bool,
        holder: str,
        to: str,
        amount: int,
        lasts: int,
        then: str,
    ) -> None:
        isin, play = self.isin(first), self.play
        play.send(isin, remote, out, holder, to, amount, lasts)
        messages = play.sent(isin, remote, out)
        if then and messages:
            there = play.ends(remote, out)[1]
            play.to(there, messages[0].lock_time)
            if then == "deliver late" and lasts <= 3 * DAY:
                play.to(there, messages[0].deadline)
            play.deliver_any(isin, remote, out, 0, 0)

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        holder=holders,
        amount=amounts,
        lasts=st.sampled_from([3_600, DAY, 60 * DAY]),
    )
    def send_to_a_newcomer(
        self, first: int, remote: str, out: bool, holder: str, amount: int, lasts: int
    ) -> None:
        self.send(first, remote, out, holder, LATER, amount, lasts, "deliver")

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        number=which,
        back=st.sampled_from([0, 0, 0, 1]),
        waits=st.booleans(),
    )
    def deliver(
        self, first: int, remote: str, out: bool, number: int, back: int, waits: bool
    ) -> None:
        play = self.play
        isin, remote, out = play.busiest(self.isin(first), remote, out, waits=False)
        if waits and (messages := play.sent(isin, remote, out)):
            play.to(play.ends(remote, out)[1], messages[number % len(messages)].lock_time)
        play.deliver_any(isin, remote, out, number, back)

    @rule(first=firsts, remote=remotes, out=st.booleans(), number=which)
    def deliver_to_the_wrong_one(self, first: int, remote: str, out: bool, number: int) -> None:
        self.play.deliver_to_the_wrong_one(self.isin(first), remote, out, number)

    @rule(first=firsts, remote=remotes, out=st.booleans(), number=which, waits=st.booleans())
    def claim(self, first: int, remote: str, out: bool, number: int, waits: bool) -> None:
        play = self.play
        isin, remote, out = play.busiest(self.isin(first), remote, out, waits=True)
        name = play.ends(remote, out)[1]
        if waits:
            play.admit(isin, name, True)
        play.claim(isin, remote, out, number)

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        number=which,
        late=st.sampled_from([-1, 0, 0, None]),
    )
    def give_back(self, first: int, remote: str, out: bool, number: int, late: int | None) -> None:
        play = self.play
        isin, remote, out = play.busiest(self.isin(first), remote, out, waits=True)
        name = play.ends(remote, out)[1]
        message = play.picked(isin, remote, out, number)
        if message and late is not None and message.deadline < play.ledgers[name].clock + 4 * DAY:
            play.to(name, message.deadline + late)
            if late == 0:
                # Whoever claims it is too late by now.
                play.claim(isin, remote, out, number)
        play.give_back(isin, remote, out, number)

    @rule(first=firsts, remote=remotes, out=st.booleans(), number=which, done=st.booleans())
    def redirect(self, first: int, remote: str, out: bool, number: int, done: bool) -> None:
        isin, remote, out = self.play.busiest(self.isin(first), remote, out, waits=True)
        self.play.redirect(isin, remote, out, number, done)

    @rule(first=firsts, remote=remotes, out=st.booleans())
    def withdraw_redirect(self, first: int, remote: str, out: bool) -> None:
        self.play.withdraw_redirect(self.isin(first), remote, out)

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        amount=st.sampled_from([1, 50, 1_000, 10**6]),
        true=st.none() | which,
        denied=st.booleans(),
    )
    def lie(
        self, first: int, remote: str, out: bool, amount: int, true: int | None, denied: bool
    ) -> None:
        self.play.lie(self.isin(first), remote, out, amount, true)
        if denied:
            self.play.deny(-1)

    @rule(first=firsts, remote=remotes, out=st.booleans(), number=which)
    def disown(self, first: int, remote: str, out: bool, number: int) -> None:
        self.play.disown(self.isin(first), remote, out, number)

    @rule(first=firsts, name=ledgers, remote=remotes)
    def pay_dust(self, first: int, name: str, remote: str) -> None:
        self.play.pay_dust(*self.play.dusty(self.isin(first), name, remote))

    @rule(number=which)
    def deny(self, number: int) -> None:
        self.play.deny(number)

    @rule(first=firsts, remote=remotes, out=st.booleans(), number=which)
    def deny_a_true_one(self, first: int, remote: str, out: bool, number: int) -> None:
        self.play.deny_a_true_one(self.isin(first), remote, out, number)

    # -- what guards --

    @rule(first=firsts, name=ledgers, remote=remotes, directions=st.integers(1, 3))
    def pause_lane(self, first: int, name: str, remote: str, directions: int) -> None:
        self.play.pause_lane(self.isin(first), name, remote, directions)

    @rule(first=firsts, name=ledgers)
    def pause_token(self, first: int, name: str) -> None:
        self.play.pause_token(self.isin(first), name)

    @rule(first=firsts, name=ledgers)
    def lift(self, first: int, name: str) -> None:
        self.play.lift(self.isin(first), name)

    @rule(first=firsts, name=ledgers, admitted=st.booleans())
    def admit(self, first: int, name: str, admitted: bool) -> None:
        self.play.admit(self.isin(first), name, admitted)

    @rule(first=firsts, name=ledgers, remote=remotes)
    def rotate(self, first: int, name: str, remote: str) -> None:
        self.play.rotate(self.isin(first), name, remote)

    @rule(first=firsts, name=ledgers, contract=st.sampled_from([*NEXT]))
    def upgrade(self, first: int, name: str, contract: str) -> None:
        # Of the second instrument back at once.
        for _ in range(1 + first if self.upgrades else 0):
            self.play.upgrade(self.isin(first), name, contract)

    # -- ratios and closes --

    @rule(
        first=firsts,
        rate=st.sampled_from(RATES),
        told=st.lists(st.booleans(), min_size=2, max_size=2),
    )
    def announce_ratio(self, first: int, rate: tuple[int, int], told: Sequence[bool]) -> None:
        self.play.announce_ratio(self.isin(first), rate, told)

    @rule(first=firsts, name=remotes)
    def tell_ratio(self, first: int, name: str) -> None:
        self.play.tell_ratio(self.isin(first), name)

    @rule(first=firsts, name=ledgers, ahead=st.integers(0, 3))
    def announce_close(self, first: int, name: str, ahead: int) -> None:
        self.play.announce_close(self.isin(first), name, ahead)

    @rule(first=firsts, name=ledgers, sender=holders, to=holders | st.just(LATER), amount=amounts)
    def transfer(self, first: int, name: str, sender: str, to: str, amount: int) -> None:
        self.play.transfer(self.isin(first), name, sender, to, amount)

    # -- time and reorganisations --

    @rule(name=ledgers, hours=st.sampled_from([1, 5, 12, 24, 40]))
    def tick(self, name: str, hours: int) -> None:
        self.play.tick(name, hours * 3_600)

    @rule(first=firsts, name=ledgers, offset=st.sampled_from([-1, 0, 0, 1]))
    def to_close(self, first: int, name: str, offset: int) -> None:
        self.play.to_close(name, self.isin(first), offset)

    @rule(name=ledgers, days=st.integers(2, 5))
    def days_pass(self, name: str, days: int) -> None:
        self.play.tick(name, days * DAY)

    @rule()
    def catch_up(self) -> None:
        self.play.catch_up()

    @rule(name=ledgers)
    def fork(self, name: str) -> None:
        self.play.fork(name)

    @rule(name=ledgers)
    def reorganise(self, name: str) -> None:
        self.play.reorganise(name)

    @rule(name=ledgers)
    def settle(self, name: str) -> None:
        self.play.settle(name)

    @invariant()
    def as_the_model_says(self) -> None:
        self.play.check()

    def teardown(self) -> None:
        """All that is true ends, once nothing hinders it; after a failure that alone is told."""
        if sys.exc_info()[0] is None:
            self.play.finish()


def staged() -> Stage:
    """The stage with units everywhere; one a process."""
    stage = Stage.set()
    if not stage.snapshots:
        play = Play(stage)
        for isin in stage.instruments:
            for remote in REMOTES:
                for holder in HOLDERS:
                    # Below the limit, and of an odd number.
                    play.send(isin, remote, True, holder, holder, 300_003, 60 * DAY)
        play.catch_up()
        for isin in stage.instruments:
            for remote in REMOTES:
                for _ in range(len(HOLDERS)):
                    play.deliver(isin, remote, True, play.sent(isin, remote, True)[0])
        play.tick("home", DAY)
        play.catch_up()
        play.check()
        Play.outcomes.clear()
        stage.model.update(play.ledgers)
        stage.snapshots.update(stage.begin())
    return stage
