"""How lanes end after a play: all comes home, what rounding left is named, both ends close."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.bridge.message import LaneMessage, message_of
from tests.stateful.many_dividends import DividendActs
from tests.stateful.many_stage import CHANGE, HOME, PEOPLE, REMOTES
from tests.support.world import DAY, STATED


class ClosingActs(DividendActs):
    """What is done once nothing is under way."""

    def close_lanes(self, isin: str, land: Callable[[str, str], None]) -> None:
        """An instrument's lanes close, with the dust that the model says, and nothing is left.

        `land`: has whatever is under way on a lane end.
        """
        lanes = [remote for remote in REMOTES if self.has_ended(isin, remote)]
        for remote in lanes:
            self.come_home(isin, remote, land)
        self.check()
        if len(lanes) == len(REMOTES):
            status = self.stage.networks[isin].status()
            assert status.ok, [str(found) for each in status.verdicts for found in each.breaks]
            named = dict(status.verdict("INV-1").figures).get("left on lanes by ratios", 0)
            left = [lane.end.outstanding for lane in self.book(isin, HOME).lanes.values()]
            assert named == sum(left), f"INV-12: {isin}: {named} of {left} are named as dust"
        for remote in lanes:
            self.close_lane(isin, remote)

    def has_ended(self, isin: str, remote: str) -> bool:
        """Whether all that either end said has arrived, and no false message met a ratio."""
        ends = [self.book(isin, name).lanes[remote] for name in (HOME, remote)]
        both = zip(ends, reversed(ends), strict=True)
        arrived = all({each.nonce for each in here.sent} <= there.arrived for here, there in both)
        return arrived and self.stage.lane[isin, remote] not in self.mixed

    def come_home(self, isin: str, remote: str, land: Callable[[str, str], None]) -> None:
        """What accounts of a ledger hold is burned and released, with what rounding left there."""
        book = self.book(isin, remote)
        for name in (HOME, remote):
            self.pay_dust(isin, name, remote)
        for _ in range(3):
            for epoch in range(1, book.token.epoch + 1):
                self.credit_remainders(isin, remote, epoch)
            for who in PEOPLE:
                if units := book.holds(self.account(isin, remote, who)):
                    self.send(isin, remote, False, who, who, units, 60 * DAY)
            self.catch_up()
            land(isin, remote)
        out = book.lanes[remote].end.outstanding
        assert out == 0, f"INV-5: {isin}: {out} stay on {remote}"

    def credit_remainders(self, isin: str, name: str, epoch: int) -> None:
        """Anybody has the agent of a ratio credited what accounts lost of whole units."""
        side, token = self.side(isin, name), self.book(isin, name).token
        receipt = self.act(
            name,
            "credit remainders",
            None if token.due(epoch) else "ratios: no whole unit yet",
            lambda: side.token.credit_remainders(epoch, sender=side.attacker),
        )
        if receipt is not None:
            token.credit(epoch)
        self.sync(name)

    def close_lane(self, isin: str, remote: str) -> None:
        """Two keys of either ledger begin, the last words cross, anyone closes; the agent's is what
        custody holds."""
        known, home = self.stage.lane[isin, remote], self.side(isin, HOME)
        end = self.book(isin, HOME).lanes[remote].end
        for name, dust in ((HOME, end.outstanding), (remote, 0)):
            side = self.side(isin, name)
            side.escrow.propose_closing(known, dust, *STATED, sender=side.operator)
            self.tick(name, CHANGE)
            side.escrow.begin_closing(known, dust, *STATED, sender=side.administrator)
        word = home.escrow.say_last(known, sender=home.attacker).one("MessageSent")
        self.take_last(isin, remote, message_of(word))
        there = self.side(isin, remote)
        answer = there.escrow.close_lane(known, sender=there.attacker).one("MessageSent")
        self.take_last(isin, HOME, message_of(answer))
        had = home.balance(home.fund)
        home.escrow.close_lane(known, sender=home.attacker)
        paid = home.balance(home.fund) - had
        assert paid == end.custody, f"INV-12: {isin}: {paid} paid as {remote} closes"
        left = home.balance(self.book(isin, HOME).lanes[remote].custody)
        assert left == 0, f"INV-12: {isin}: {left} left in custody for {remote}"
        self.tell("close a lane", None)
        if paid:
            self.tell("close with dust", None)

    def take_last(self, isin: str, name: str, word: LaneMessage) -> None:
        """A courier brings a last word."""
        remote = next(r for r in REMOTES if self.stage.lane[isin, r] == word.lane)
        side, chain = self.side(isin, name), self.stage.chains[name]
        chain.set_time(max(chain.now, word.lock_time))
        epoch = len(self.book(isin, name).lanes[remote].epochs)
        proof = self.attested(isin, name, word, epoch)
        side.escrow.take_last(word.as_tuple(), proof, sender=side.courier)
