"""Plays over a lane and up to three ratios, each step held to a model in whole numbers.

Units go both ways, land, wait, are claimed, redirected, sent back; attestors lie and are denied;
a ledger is told late. At the end all comes home and the lane closes: its dust is the model's.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.bridge.message import Kind, LaneMessage
from tallystick.chain import Revert
from tests.support.closing import closed
from tests.support.denials import deny, forged, take
from tests.support.ends import send_back
from tests.support.lane_ratios import LASTS, End, Engines
from tests.support.world import DAY, STATED, Side, World, refused

RATIOS = ((4, 1), (1, 10), (3, 2))
WAYS = ("home", "remote")
# Base units of a whole one: a limit counts whole ones.
SCALE = 10**6

_AMOUNTS = st.one_of(st.integers(1, 120), st.just(700_000))
_SEND = st.tuples(
    st.just("send"), st.sampled_from(WAYS), _AMOUNTS, st.booleans(), st.sampled_from([2, 80])
)
_ENDS = st.tuples(
    st.sampled_from(["deliver", "deliver", "end", "redirect", "dust"]), st.integers(0, 9)
)
_LIES = st.tuples(st.just("lie"), st.sampled_from(WAYS), st.integers(1, 60))
_DENIES = st.tuples(st.just("deny"), st.integers(0, 3))
_RATIO = st.tuples(st.just("ratio"), st.booleans())
_STEP = st.one_of(_SEND, _ENDS, _ENDS, _ENDS, _ENDS, _LIES, _DENIES, _DENIES, _RATIO)
Step = tuple[Any, ...]
# Several are under way or wait at each ratio, and then end.
_BLOCK = st.tuples(
    st.lists(_SEND, min_size=2, max_size=4),
    st.lists(st.one_of(_ENDS, _ENDS, _ENDS, _LIES), max_size=4),
    _RATIO,
    st.lists(_STEP, min_size=1, max_size=5),
).map(lambda parts: [*parts[0], *parts[1], parts[2], *parts[3]])
_SCRIPTS = st.lists(_BLOCK, min_size=1, max_size=3).map(
    lambda blocks: [step for block in blocks for step in block]
)


@dataclass
class Play:
    """The lane as it is, and as it should be."""

    world: World
    engines: Engines
    ends: dict[str, End]
    flights: list[LaneMessage] = field(default_factory=list)
    lies: list[LaneMessage] = field(default_factory=list)
    left: list[tuple[int, int]] = field(default_factory=lambda: list(RATIOS))
    lied: int = 0
    # whether a false message met a ratio: what it left of the remote supply nobody is owed
    mixed: bool = False

    # ------------------------------------------------------------------- what is done

    def send(self, where: str, amount: int, barred: bool, days: int) -> None:
        """The investor's units leave, as far as there are any."""
        side, there = self.sides(where)
        leave = self.world.network.lock if where == "home" else self.world.network.burn
        most = side.balance(side.investor)
        if where == "remote":
            most = min(most, self.ends["remote"].outstanding)
        if (amount := min(amount, most)) == 0:
            return
        to = there.outsider if barred else there.investor
        message = leave(side.investor, to, amount, deadline=side.chain.now + days * DAY)
        assert message.action_epoch == self.ends[where].epoch
        self.ends[where].leaves(message)
        self.flights.append(message)
        self.world.synchronise()

    def deliver(self, at: int) -> None:
        """A message lands, or waits for its ledger to be told."""
        if not self.flights:
            return
        message = self.flights[at % len(self.flights)]
        end = self.ends[self.where(message)]
        if message.action_epoch > end.epoch:
            with refused(self.world, "transit: ratio not known here yet"):
                self.world.deliver(message)
            return
        self.flights.remove(message)
        receipt = self.world.deliver(message)
        units = end.arrives(message, bool(receipt.return_value))
        assert receipt.one("MessageDelivered").args["amount"] == units

    def end(self, at: int) -> None:
        """What waits is claimed, or after its deadline goes back."""
        if (message := self.word(at)) is None:
            return
        where = self.where(message)
        side, end = self.sides(where)[0], self.ends[where]
        side.chain.set_time(max(side.chain.now, int(side.escrow.waits(message.id))))
        late = not Kind(message.kind).returned and message.deadline <= side.chain.now
        if late:
            _, answer = send_back(self.world, message)
            assert answer.amount == end.ends(message, paid=False)
            end.leaves(answer, held=False)
            self.flights.append(answer)
        else:
            self.admit(side, 40_000)
            receipt = self.world.network.claim(message)
            assert receipt.one("SuspenseClaimed").args["amount"] == end.ends(message)
            self.admit(side, 0)
        self.world.synchronise()

    def redirect(self, at: int) -> None:
        """What waits is the fund's by two keys, whatever its deadline."""
        if (message := self.word(at)) is None:
            return
        where = self.where(message)
        side, told = self.sides(where)[0], message.as_tuple()
        side.chain.set_time(max(side.chain.now, int(side.escrow.waits(message.id))))
        side.escrow.propose_redirect(told, side.fund, *STATED, sender=side.registrar)
        receipt = side.escrow.redirect(told, side.fund, *STATED, sender=side.custodian)
        units = self.ends[where].ends(message)
        assert receipt.one("SuspenseRedirected").args["amount"] == units
        self.world.synchronise()

    def dust(self, at: int) -> None:
        """Anybody has an end's own dust paid."""
        where = WAYS[at % 2]
        side, end = self.sides(where)[0], self.ends[where]
        had, units = side.balance(side.fund), end.dust()
        if units == 0:
            return
        receipt = side.escrow.pay_dust(self.world.lane, sender=side.attacker)
        assert (receipt.return_value, side.balance(side.fund) - had) == (units, units)

    def lie(self, where: str, amount: int) -> None:
        """Attestors sign what nobody sent; its recipient can't receive."""
        side, end = self.sides(where)[0], self.ends[where]
        if where == "home":
            amount = min(amount, end.outstanding - self.backed())
        if amount <= 0:
            return
        self.lied += 1
        message = replace(
            forged(self.world, where, side.outsider, amount=amount),
            nonce=1_000 + self.lied,
            action_epoch=end.epoch,
            deadline=side.chain.now + LASTS,
        )
        assert self.world.deliver(message).return_value is False
        end.arrives(message, credited=False)
        self.lies.append(message)

    def deny(self, at: int) -> None:
        """Its source says so, and it never happened."""
        if not self.lies:
            return
        message = self.lies.pop(at % len(self.lies))
        where = self.where(message)
        answer = deny(self.world, message, [])[1]
        take(self.world, answer, message)
        end = self.ends[where]
        self.mixed |= end.words[message.id][2] != end.epoch
        end.never(message)
        self.world.synchronise()

    def ratio(self, late: bool) -> None:
        """The next ratio: on both ledgers, or at home alone."""
        if self.ends["remote"].epoch < self.ends["home"].epoch:
            self.tell()
        elif self.left:
            ratio = self.left.pop(0)
            if late:
                self.engines.home.announce(*ratio)
                self.engines.begin(self.engines.home.day(3))
            else:
                self.engines.split(*ratio)
                self.ends["remote"].ratios.append(ratio)
            self.ends["home"].ratios.append(ratio)

    def tell(self) -> None:
        """The remote ledger is told at last."""
        ratio = self.ends["home"].ratios[self.ends["remote"].epoch]
        self.engines.remote.announce(*ratio)
        self.engines.begin(self.engines.remote.day(3))
        self.ends["remote"].ratios.append(ratio)

    # -------------------------------------------------------------------- what is so

    def check(self) -> None:
        """Each end is as the model has it, to the unit; released ≤ locked (INV-2)."""
        for where, end in self.ends.items():
            side = self.sides(where)[0]
            state = self.world.lane_state(side)
            assert (state.outstanding, state.suspense) == (end.outstanding, end.suspense)
            assert side.balance(side.custody) == end.custody
            for message, units, since in end.words.values():
                assert side.escrow.waiting(message.as_tuple()) == end.now(units, since)
            waits = sum(end.now(units, since) for _, units, since in end.words.values())
            owed = end.outstanding if end.home else 0
            assert end.custody >= waits + owed
        home = self.ends["home"]
        if not self.lies:
            assert home.outstanding >= self.backed()

    def backed(self) -> int:
        """What home must be able to release: what is there, and each message by itself."""
        home, remote = self.ends["home"], self.ends["remote"]
        flights = sum(home.now(m.amount, m.action_epoch) for m in self.flights)
        return home.now(remote.outstanding, remote.epoch) + flights

    def sides(self, where: str) -> tuple[Side, Side]:
        home, remote = self.world.home, self.world.remote
        return (home, remote) if where == "home" else (remote, home)

    def where(self, message: LaneMessage) -> str:
        return "home" if self.world.side_of(message) is self.world.home else "remote"

    def word(self, at: int) -> LaneMessage | None:
        """What waits and left the other ledger."""
        lies = {lie.id for lie in self.lies}
        words = [m for e in self.ends.values() for m, _, _ in e.words.values() if m.id not in lies]
        return words[at % len(words)] if words else None

    def admit(self, side: Side, until: int) -> None:
        side.token.admit(side.outsider, until, *STATED, sender=side.registrar)

    # ---------------------------------------------------------------------- its end

    def finish(self) -> None:
        """All ends and comes home; the lane closes, and the agent has its dust."""
        while self.lies:
            self.deny(0)
        while self.ends["remote"].epoch < self.ends["home"].epoch:
            self.tell()
        while self.flights or self.word(0):
            while self.flights:
                self.deliver(0)
            if self.word(0):
                self.end(0)
            self.check()
        if self.mixed:
            return
        for at in (0, 1):
            self.dust(at)
        self.come_home()
        status = self.world.network.status()
        assert status.ok, [str(found) for each in status.verdicts for found in each.breaks]
        home, end = self.world.home, self.ends["home"]
        assert self.ends["remote"].outstanding == 0
        named = dict(status.verdict("INV-1").figures).get("left on lanes by ratios", 0)
        had, dust, held = home.balance(home.fund), end.outstanding, end.custody
        assert named == dust
        closed(self.world, dust=dust)
        assert home.balance(home.fund) - had == held
        assert home.balance(home.custody) == 0

    def come_home(self) -> None:
        """Whatever accounts of the remote ledger hold, and rounding left there, is released."""
        world, remote = self.world, self.world.remote
        self.admit(remote, 40_000)
        for _ in range(3):
            for account in (remote.fund, remote.outsider):
                remote.token.transfer(account, 0, sender=remote.investor)
            for epoch in range(1, self.ends["remote"].epoch + 1):
                with suppress(Revert):
                    remote.token.credit_remainders(epoch, sender=remote.outsider)
            for holder in (remote.investor, remote.fund, remote.outsider):
                if units := remote.balance(holder):
                    to, until = world.home.investor, remote.chain.now + LASTS
                    message = world.network.burn(holder, to, units, deadline=until)
                    self.ends["remote"].leaves(message)
                    self.flights.append(message)
                    world.synchronise()
                    self.deliver(0)
                    self.check()
        while self.word(0):
            self.end(0)


def play(world: World, limited: bool, steps: list[Step]) -> None:
    world.arrived(2 * SCALE)
    if limited:
        world.apply_terms(world.remote, world.change(world.remote, limit=1))
    engines = Engines.of(world)
    ends = {where: End(home=where == "home") for where in WAYS}
    for end in ends.values():
        end.owed.append((0, 2 * SCALE, b""))
    ends["home"].held.append((0, 2 * SCALE))
    playing = Play(world, engines, ends)
    for act, *arguments in steps:
        getattr(playing, act)(*arguments)
        playing.check()
    playing.finish()


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-12", "R-46")
def test_every_play_over_ratios_is_the_models(deployed_world: World) -> None:
    @settings(max_examples=max(settings.default.max_examples // 4, 1))
    @given(st.booleans(), _SCRIPTS)
    def check(limited: bool, steps: list[Step]) -> None:
        with deployed_world.isolated():
            play(deployed_world, limited, steps)

    check()
