"""Last acts of a play: drained lanes close, or a ledger dies and home pays who held units there.

Each is of lanes on which all that is true has landed; the model says how far it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tallystick.bridge.endings import NOTICE, EndList, LastState
from tallystick.bridge.message import LaneMessage, message_of
from tests.stateful.many_mending import MendingActs
from tests.stateful.many_stage import (
    AGENT,
    CHANGE,
    HOLDERS,
    HOME,
    PEOPLE,
    REMOTES,
    SECOND_REGISTRAR,
)
from tests.stateful.model import Refusal
from tests.support.world import DAY, STATED

_BLOCK_HASH = b"\x77" * 32


class EndingActs(MendingActs):
    """How a lane ends."""

    def end(self, how: str, isin: str, remote: str) -> None:
        """Close an instrument's lanes, or bury the other ledger of one: this one, or else one whose
        books fit."""
        fit = [each for each in ((isin, remote), *self.stage.lane) if self.fits(*each)]
        if not fit:
            return
        isin, remote = fit[0]
        lanes = [each for each in REMOTES if self.fits(isin, each)] if how == "close" else [remote]
        for name in (HOME, *lanes):
            self.clear(name, 2 * CHANGE)
        if how == "close":
            self.close(isin, lanes)
        else:
            self.die(isin, remote)
        self.catch_up()
        self.send(isin, remote, True, HOLDERS[0], HOLDERS[0], 1, DAY)
        self.check()

    # ----------------------------------------------------------------------- closing

    def close(self, isin: str, lanes: Sequence[str]) -> None:
        """Each ledger's keys begin, all units come home, last words are said and the lanes close.

        What ratios left there without a holder keeps a lane open, until it is named.
        """
        said = {remote: self.wind_up(isin, remote) for remote in lanes}
        self.check()
        if len(lanes) == len(REMOTES):
            self.check_left(isin)
        for remote, word in said.items():
            self.close_lane(isin, remote, word)

    def wind_up(self, isin: str, remote: str) -> LaneMessage | None:
        """Home's last word, if it can be said before rounding is named; all has come home then."""
        for name in (HOME, remote):
            self.begin_closing(isin, name, remote)
        if (said := self.last_word(isin, HOME, remote)) is None:
            # What is credited of one ratio's remainders leaves some of a later one's.
            for _ in range(self.book(isin, remote).token.epoch + 1):
                self.drain(isin, remote)
            book = self.book(isin, remote)
            out, lost = book.lanes[remote].end.outstanding, book.token.uncollected()
            # Of accounts of which ratios have left nothing.
            assert out == lost, f"INV-5: {isin}: {out} stay on {remote}, {lost} are on no account"
        return said

    def check_left(self, isin: str) -> None:
        """Whoever looks sees that all is well, and rounding named as what it is."""
        status = self.stage.networks[isin].status()
        assert status.ok, [str(found) for each in status.verdicts for found in each.breaks]
        named = dict(status.verdict("INV-1").figures).get("left on lanes by ratios", 0)
        left = sum(
            lane.end.outstanding - self.book(isin, remote).lanes[remote].end.outstanding
            for remote, lane in self.book(isin, HOME).lanes.items()
        )
        assert named == left, f"INV-12: {isin}: {named} of {left} are named as dust"

    def close_lane(self, isin: str, remote: str, said: LaneMessage | None) -> None:
        """Dust is named, the last words cross, and anyone closes."""
        if said is None:
            lane = self.book(isin, HOME).lanes[remote]
            if lane.end.outstanding and lane.end.epoch:
                self.begin_closing(isin, HOME, remote, lane.end.outstanding)
            said = self.last_word(isin, HOME, remote)
        if said is None:
            return
        self.take_last(isin, remote, remote, said)
        if (answer := self.last_word(isin, remote, remote)) is None:
            return
        self.take_last(isin, HOME, remote, answer)
        self.last_word(isin, HOME, remote, closes=True)

    def drain(self, isin: str, remote: str) -> None:
        """Whoever holds units on the other ledger sends them home, and the agent what was lost of
        whole units."""
        there = self.book(isin, remote)
        for epoch in range(1, there.token.epoch + 1):
            self.credit_remainders(isin, remote, epoch)
        for who in PEOPLE:
            held = there.holds(self.account(isin, remote, who))
            if units := min(held, there.lanes[remote].end.outstanding):
                self.send(isin, remote, False, who, who, units, 60 * DAY)
        self.catch_up()
        for message in self.sent(isin, remote, False):
            if message.nonce not in self.book(isin, HOME).lanes[remote].arrived:
                self.deliver(isin, remote, False, message)
        self.queue_ends(isin, remote)

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

    def queue_ends(self, isin: str, remote: str) -> None:
        """What waits at home for its lane's limit is claimed."""
        for message in self.waiting(isin, HOME, remote):
            self.to(HOME, self.book(isin, HOME).lanes[remote].waits.get(message.id, 0))
            at = self.waiting(isin, HOME, remote).index(message)
            self.claim(isin, remote, False, at)
        self.catch_up()

    def begin_closing(self, isin: str, name: str, remote: str, named: int = 0) -> None:
        """Operator and administrator; at home they name what may be dust."""
        side, lane = self.side(isin, name), self.book(isin, name).lanes[remote]
        known = self.stage.lane[isin, remote]
        side.escrow.propose_closing(known, named, *STATED, sender=side.operator)
        self.tick(name, CHANGE)
        self.act(
            name,
            "begin to close",
            None,
            lambda: side.escrow.begin_closing(known, named, *STATED, sender=side.administrator),
        )
        lane.dust, lane.ending = named, lane.ending or name == HOME
        self.sync(name)

    def last_word(
        self, isin: str, name: str, remote: str, *, closes: bool = False
    ) -> LaneMessage | None:
        """Home says it and closes later; the other ledger says it as it closes."""
        side, book = self.side(isin, name), self.book(isin, name)
        lane, known = book.lanes[remote], self.stage.lane[isin, remote]
        there = self.book(isin, remote if name == HOME else HOME).lanes[remote]
        says_alone = name == HOME and not closes
        expected: Refusal | None = None
        if lane.end.outstanding > lane.dust:
            expected = "closing: units are outstanding"
        elif lane.end.words:
            expected = "closing: units wait in suspense"
        elif not says_alone and not lane.arrived.issuperset(range(len(there.sent))):
            expected = "closing: a message has not arrived"
        act = side.escrow.say_last if says_alone else side.escrow.close_lane
        receipt = self.act(
            name,
            "say the last word" if says_alone else "close a lane",
            expected,
            lambda: act(known, sender=side.attacker),
        )
        said = None
        if receipt is not None and not closes:
            said = message_of(receipt.one("MessageSent"))
            assert said.nonce == len(lane.sent)
            lane.sent.append(said)
        if receipt is not None and not says_alone:
            lane.ended = True
        if receipt is not None and closes and (rest := lane.end.all_is_dust()):
            book.token.move(lane.custody, self.account(isin, name, AGENT), rest)
            self.tell("close with dust", None)
        self.sync(name)
        return said

    def take_last(self, isin: str, name: str, remote: str, said: LaneMessage) -> None:
        """A courier brings it."""
        self.to(name, said.lock_time)
        side, lane = self.side(isin, name), self.book(isin, name).lanes[remote]
        proofs = self.attested(isin, name, said, len(lane.epochs))
        self.act(
            name,
            "take the last word",
            None,
            lambda: side.escrow.take_last(said.as_tuple(), *proofs, sender=side.courier),
        )
        lane.arrived.add(said.nonce)
        self.sync(name)

    # ----------------------------------------------------------------- a dead ledger

    def die(self, isin: str, remote: str) -> None:
        """Two registrars state what was held there, the notice passes, and each is paid at home."""
        side, book, there = self.side(isin, HOME), self.book(isin, HOME), self.book(isin, remote)
        lane, known = book.lanes[remote], self.stage.lane[isin, remote]
        shares = [
            (self.account(isin, HOME, who), units)
            for who in PEOPLE
            if (units := there.holds(self.account(isin, remote, who)))
        ]
        if not shares:
            return
        listed = EndList.of(known, 0, shares)
        state = LastState(
            *(known, 0, 12_345, _BLOCK_HASH, int(self.stage.chains[remote].now)),
            *(there.token.epoch, listed.root, listed.total),
        )
        self.to(HOME, state.time)
        proofs = (*self.attested(isin, HOME, state.attested, len(lane.epochs)), b"")[:2]
        told = (known, state.as_tuple(), *proofs, *STATED)
        side.escrow.propose_end(*told, sender=side.registrar)
        more = listed.total > lane.end.outstanding
        second = side.chain.account(SECOND_REGISTRAR)
        receipt = self.act(
            HOME,
            "state an end",
            "endings: lists of more than is outstanding" if more else None,
            lambda: side.escrow.confirm_end(known, state.id, *STATED, sender=second),
        )
        self.sync(HOME)
        if receipt is None:
            return
        lane.ending = True
        # What is there still is nothing any more.
        self.wound_up.add(known)
        self.tick(HOME, NOTICE)
        apply = partial(side.escrow.apply_end, known, sender=side.attacker)
        self.act(HOME, "end a lane", None, apply)
        lane.ended = True
        self.sync(HOME)
        for leaf in listed.leaves:
            told_leaf = (*(leaf.lane, leaf.list, leaf.index), leaf.account, leaf.amount)
            pay = partial(
                side.escrow.pay_listed, *told_leaf, listed.proof(leaf.index), sender=side.attacker
            )
            self.act(HOME, "pay who is listed", None, pay)
            lane.end.pays(leaf.amount)
            book.token.move(lane.custody, leaf.account, leaf.amount)
            self.sync(HOME)
            self.act(HOME, "pay who is listed", "endings: paid already", pay)
            self.sync(HOME)
