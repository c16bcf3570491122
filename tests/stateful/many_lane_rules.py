"""What hypothesis may do with lanes beside the plain acts: corrupt bytes, batches, amends."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.stateful.many_mending import ORDERS
from tests.stateful.many_play import Play
from tests.stateful.many_proofs import BROKEN, MIXED, OTHER, Fault
from tests.stateful.many_stage import HOLDERS, LATER, LEDGERS, REMOTES
from tests.support.world import DAY

firsts = st.sampled_from([0, 0, 1])
remotes, ledgers = st.sampled_from(REMOTES), st.sampled_from(LEDGERS)
which = st.integers(0, 9)
faults = st.builds(
    Fault,
    st.one_of(*(st.sampled_from([*kind]) for kind in (BROKEN, BROKEN, MIXED, OTHER))),
    st.integers(0, 2_000),
    st.booleans(),
)
RATES = [(4, 1), (1, 10), (3, 2), (7, 5), (1, 3)]
batches = st.lists(which, min_size=1, max_size=5)


class LaneRules(RuleBasedStateMachine):
    """Their part of the machine."""

    play: Play

    def isin(self, number: int) -> str:
        return self.play.stage.instruments[number]

    @rule(
        first=st.integers(0, 1),
        remote=remotes,
        out=st.booleans(),
        number=which,
        each=st.lists(faults, min_size=6, max_size=10),
    )
    def deliver_corrupt(
        self, first: int, remote: str, out: bool, number: int, each: Sequence[Fault]
    ) -> None:
        """Of what has just left, so that nothing else refuses it."""
        isin, play = self.isin(first), self.play
        play.send(isin, remote, out, HOLDERS[number % 2], "buyer", 5 + number, 60 * DAY)
        source, there = play.ends(remote, out)
        messages = play.sent(isin, remote, out)
        if messages and play.is_final(isin, source, remote, messages[0]):
            play.to(there, messages[0].lock_time)
            for fault in each:
                play.deliver(isin, remote, out, messages[0], fault=fault)

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        fresh=st.lists(st.sampled_from([*HOLDERS, LATER]), max_size=3),
        numbers=batches,
        back=st.sampled_from([0, 0, 0, 1]),
        waits=st.sampled_from([True, True, False]),
        each=st.lists(faults, max_size=3),
    )
    def deliver_batch(
        self,
        first: int,
        remote: str,
        out: bool,
        fresh: Sequence[str],
        numbers: Sequence[int],
        back: int,
        waits: bool,
        each: Sequence[Fault],
    ) -> None:
        """Corrupt first, perhaps: that changes nothing."""
        isin, play = self.isin(first), self.play
        for to in fresh:
            play.send(isin, remote, out, HOLDERS[0], to, 7, 60 * DAY)
        if not fresh:
            isin, remote, out = play.busiest(isin, remote, out, waits=False)
        if waits and (messages := play.sent(isin, remote, out)):
            latest = max(messages[number % len(messages)].lock_time for number in numbers)
            play.to(play.ends(remote, out)[1], latest)
        for fault in each:
            play.deliver_batch(isin, remote, out, numbers, back, fault)
        play.deliver_batch(isin, remote, out, numbers, back)

    @rule(
        first=firsts,
        remote=remotes,
        out=st.booleans(),
        to=st.sampled_from(HOLDERS),
        true=which,
        fresh=st.booleans(),
    )
    def credit_a_false_one(
        self, first: int, remote: str, out: bool, to: str, true: int, fresh: bool
    ) -> None:
        """Mostly under the nonce of what is under way, which is then stranded."""
        isin, play = self.isin(first), self.play
        if fresh:
            play.send(isin, remote, out, HOLDERS[0], HOLDERS[1], 11 + true, 60 * DAY)
        play.lie(isin, remote, out, 1 + 97 * true, true, to)

    @rule(number=which, order=st.sampled_from(ORDERS), steps=st.integers(1, 3))
    def mend(self, number: int, order: tuple[str, str], steps: int) -> None:
        for _ in range(steps):
            self.play.mend(number, order)

    # -- what few plays would come to by chance --

    @rule(number=which)
    def roll_back(self, number: int) -> None:
        """Something that went to its next release not long ago."""
        play = self.play
        done = [
            (isin, name, contract)
            for name, ledger in play.ledgers.items()
            for which, (there, at) in ledger.upgraded.items()
            for contract, _, isin in [which.partition(" of ")]
            if there and ledger.clock < at + DAY
        ]
        if done:
            isin, name, contract = done[number % len(done)]
            play.upgrade(isin or self.isin(0), name, contract)

    @rule(first=firsts, remote=remotes, out=st.booleans(), rate=st.sampled_from(RATES))
    def meet_a_ratio_in_suspense(
        self, first: int, remote: str, out: bool, rate: tuple[int, int]
    ) -> None:
        """What waits is rounded as one, and paid by itself: that leaves dust."""
        isin, play = self.isin(first), self.play
        there = play.ends(remote, out)[1]
        play.admit(isin, there, False)
        for _ in range(3):
            play.send(isin, remote, out, HOLDERS[0], LATER, 7, 60 * DAY)
            messages = play.sent(isin, remote, out)
            if messages:
                play.to(there, messages[0].lock_time)
                play.deliver_any(isin, remote, out, 0, 0)
        play.announce_ratio(isin, rate, [True, True])

    @rule(first=firsts, name=ledgers, back=st.booleans())
    def fork_over_a_close(self, first: int, name: str, back: bool) -> None:
        """What happened before a close is undone after it."""
        self.play.fork(name)
        self.play.to_close(name, self.isin(first), 0)
        if back:
            self.play.reorganise(name)
