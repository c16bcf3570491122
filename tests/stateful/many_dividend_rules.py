"""What hypothesis may do with dividends; all of it is in `Play`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tallystick.actions.entitlement import Rate
from tallystick.token.position import close_of
from tests.stateful.many_owed import ACCOUNTS
from tests.stateful.many_play import Play
from tests.stateful.many_stage import HOLDERS, HOME, LATER, LEDGERS, PEOPLE, REMOTES
from tests.support.world import DAY

# Of cash for a base unit.
PAYS: Final = [Rate(41, 50), Rate(1, 3), Rate(7)]

_firsts, _which = st.sampled_from([0, 0, 1]), st.integers(0, 9)
_remotes, _ledgers = st.sampled_from(REMOTES), st.sampled_from(LEDGERS)
_ready = st.sampled_from([True, True, False])
_amounts = st.sampled_from([1, 7, 95, 1_001, 100_003, 400_003])


class DividendRules(RuleBasedStateMachine):
    """Announced, cut and paid, in any order and at any time."""

    play: Play

    def picked(self, first: int, number: int) -> tuple[str, bytes]:
        """An event of an instrument; where there is none one is announced."""
        isin = self.play.stage.instruments[first]
        if self.play.event(isin, number) is None:
            told = [number % 3 != 0, number % 4 != 0]
            self.play.announce_dividend(isin, number % 5, PAYS[number % 3], told)
        coaf = self.play.event(isin, number)
        assert coaf is not None
        return isin, coaf

    def funded(self, first: int, number: int, ready: bool) -> tuple[str, bytes]:
        """The same, whose close is over; all that can be done up to payment is."""
        isin, coaf = self.picked(first, number)
        if ready:
            for name in LEDGERS:
                self.past(isin, name, coaf, 0)
            self.play.run_dividend(isin, coaf)
        return isin, coaf

    @rule(
        first=_firsts,
        ahead=st.integers(0, 4),
        rate=st.sampled_from(PAYS),
        told=st.lists(st.sampled_from([True, True, False]), min_size=2, max_size=2),
    )
    def announce_dividend(self, first: int, ahead: int, rate: Rate, told: Sequence[bool]) -> None:
        self.play.announce_dividend(self.play.stage.instruments[first], ahead, rate, told)

    @rule(first=_firsts, number=_which, over=st.booleans(), upto=st.sampled_from([2, 4, 7, 20]))
    def run_dividend(self, first: int, number: int, over: bool, upto: int) -> None:
        """All ledgers go past its close, perhaps, and what is due is done."""
        isin, coaf = self.picked(first, number)
        for name in LEDGERS if over else ():
            self.past(isin, name, coaf, 0)
        self.play.run_dividend(isin, coaf, upto)

    def past(self, isin: str, name: str, coaf: bytes, days: int) -> None:
        """A ledger goes past the close of an event, and so many days."""
        book = self.play.book(isin, name)
        day = self.play.book(isin, HOME).engine.events[coaf].record.record_day
        self.play.to(name, close_of(day + days, book.close_minute))

    @rule(
        first=_firsts,
        number=_which,
        remote=_remotes,
        out=st.booleans(),
        holder=st.sampled_from(HOLDERS),
        to=st.sampled_from([*HOLDERS, LATER]),
        amount=_amounts,
        days=st.sampled_from([5, 5, 60]),
        then=st.sampled_from(["", "deliver", "deliver", "return"]),
    )
    def send_over_a_close(
        self,
        first: int,
        number: int,
        remote: str,
        out: bool,
        holder: str,
        to: str,
        amount: int,
        days: int,
        then: str,
    ) -> None:
        """Units leave, and are under way at an event's close if it is still to come."""
        (isin, coaf), play = self.picked(first, number), self.play
        play.send(isin, remote, out, holder, to, amount, days * DAY)
        for name in LEDGERS:
            self.past(isin, name, coaf, 0)
        there, messages = play.ends(remote, out)[1], play.sent(isin, remote, out)
        if not then or not messages:
            return
        play.to(there, messages[0].lock_time)
        if then == "return" and days == 5:
            play.to(there, messages[0].deadline)
        play.deliver_any(isin, remote, out, 0, 0)
        if then == "return":
            play.give_back(isin, remote, out, 0)

    @rule(
        first=_firsts,
        remote=_remotes,
        rate=st.sampled_from([(1, 10), (3, 2), (7, 5), (1, 3)]),
        told=st.lists(st.booleans(), min_size=2, max_size=2),
        amounts=st.lists(st.sampled_from([3, 7, 19, 95]), min_size=2, max_size=4),
        to=st.sampled_from([*HOLDERS, LATER]),
    )
    def send_over_a_ratio(
        self,
        first: int,
        remote: str,
        rate: tuple[int, int],
        told: Sequence[bool],
        amounts: Sequence[int],
        to: str,
    ) -> None:
        """Several are under way both ways as a ratio begins, wherever it is known."""
        play, isin = self.play, self.play.stage.instruments[first]
        if not play.book(isin, HOME).token.pending:
            play.announce_ratio(isin, rate, told)
        for number, amount in enumerate(amounts):
            play.send(isin, remote, number % 2 == 0, HOLDERS[number % 2], to, amount, 60 * DAY)
        for name in LEDGERS:
            book = play.book(isin, name)
            for ratio in book.token.pending[:1]:
                play.to(name, close_of(ratio.first_day - 1, book.close_minute))

    @rule(
        first=_firsts,
        name=_remotes,
        number=_which,
        step=st.sampled_from(["correct", "tell", "figures", "accounts", "over", "lane", "totals"]),
        rate=st.sampled_from(PAYS),
    )
    def cut_dividend(self, first: int, name: str, number: int, step: str, rate: Rate) -> None:
        (isin, coaf), play = self.picked(first, number), self.play
        day = play.book(isin, HOME).engine.events[coaf].record.record_day
        if step == "correct":
            play.correct_dividend(isin, coaf, rate)
        elif step == "tell":
            play.tell_dividend(isin, name, coaf)
        elif step == "figures":
            play.tell_figures(isin, name, day)
        elif step == "accounts":
            play.fix_accounts(isin, coaf)
        elif step == "over":
            play.bring_over(isin, name, day)
        elif step == "lane":
            play.fix_lane(isin, name, coaf)
        else:
            play.take_totals(isin, name, coaf)

    @rule(first=_firsts, name=_ledgers, remote=_remotes)
    def replace_peer(self, first: int, name: str, remote: str) -> None:
        self.play.replace_peer(self.play.stage.instruments[first], name, remote)

    @rule(first=_firsts, name=_ledgers, number=_which, part=st.booleans(), half=st.booleans())
    def fund(self, first: int, name: str, number: int, part: bool, half: bool) -> None:
        isin, coaf = self.picked(first, number)
        remote = REMOTES[number % 2] if name == HOME else name
        self.play.fund(isin, name, coaf, remote if part else ACCOUNTS, half=half)

    @rule(
        first=_firsts,
        name=_ledgers,
        number=_which,
        who=st.sampled_from([*HOLDERS, *PEOPLE]),
        own=st.booleans(),
        days=st.sampled_from([None, 0, 1, 2]),
        times=st.integers(1, 2),
        ready=_ready,
    )
    def pay_a_holder(
        self,
        first: int,
        name: str,
        number: int,
        who: str,
        own: bool,
        days: int | None,
        times: int,
        ready: bool,
    ) -> None:
        isin, coaf = self.funded(first, number, ready)
        if days is not None:
            self.past(isin, name, coaf, days)
        for _ in range(times):
            self.play.pay_holder(isin, name, coaf, who, own=own)

    @rule(
        first=_firsts,
        at=st.integers(0, 3),
        number=_which,
        act=st.sampled_from(["own", "other", "other", "give up", "returned"]),
        ready=_ready,
    )
    def pay_for_messages(self, first: int, at: int, number: int, act: str, ready: bool) -> None:
        """Of all that ended at an end of a lane, or came back to it: where something did."""
        (isin, coaf), play = self.funded(first, number, ready), self.play
        ends = [(name, remote) for remote in REMOTES for name in (HOME, remote)]
        ends = [*ends[at:], *ends[:at]]
        there, remote = max(ends, key=lambda end: len(play.ended(isin, *end)))
        other = remote if there == HOME else HOME
        for message in play.ended(isin, there, remote):
            if act == "give up":
                play.give_up(isin, there, remote, coaf, message)
            elif act == "returned":
                play.pay_returned(isin, other, remote, coaf, message)
            else:
                play.pay_crossed(isin, there, remote, coaf, message, own=act == "own")
