"""What mends a wrong quorum's damage: a false message that was credited, its nonce, its units.

Its source denies it; under two keys its nonce is free for the true message, and what it brought is
made good. Until both are done the lane's books don't fit, and nobody says that they do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

from tests.stateful.many_lanes import LaneActs
from tests.stateful.many_model import Wrong
from tests.stateful.many_stage import CHANGE, HOLDERS
from tests.stateful.model import Refusal
from tests.support.world import STATED, UINT_MAX

# Where something wrong is: instrument, other ledger of the lane, direction, message.
Place = tuple[str, str, bool, bytes]

ORDERS: Final = (("reopen", "make good"), ("make good", "reopen"))


class MendingActs(LaneActs):
    """What issuer, custodian, operator and administrator do about it."""

    def wrongs(self) -> list[Place]:
        """All that was credited and is false."""
        return [
            (isin, remote, out, known)
            for isin, remote in self.stage.lane
            for out in (True, False)
            for known in self.book(isin, self.ends(remote, out)[1]).lanes[remote].wrongs
        ]

    def mend(self, number: int, order: tuple[str, str]) -> None:
        """The next step about one of them; after the last, the last once more."""
        places = self.wrongs()
        if not places:
            return
        place = places[number % len(places)]
        wrong = self.wrong(place)
        steps: dict[str, Callable[[Place], None]] = {
            "reopen": self.reopen,
            "make good": self.make_good,
        }
        if not wrong.denied:
            self.deny_credited(place)
            return
        left = [each for each in order if not wrong.done(each)]
        steps[left[0] if left else "make good"](place)

    def mend_all(self) -> None:
        """Whatever can be mended is, once; what nobody can pay for stays."""
        for place in self.wrongs():
            for _ in range(4):
                self.mend(self.wrongs().index(place), ORDERS[0])

    def wrong(self, place: Place) -> Wrong:
        isin, remote, out, known = place
        return self.book(isin, self.ends(remote, out)[1]).lanes[remote].wrongs[known]

    def deny_credited(self, place: Place) -> None:
        """Its source denies it, which is taken in where it was credited: that undoes nothing."""
        isin, remote, out, _ = place
        name, there = self.ends(remote, out)
        if name in self.forks or there in self.forks:
            return
        wrong, lane = self.wrong(place), self.book(isin, there).lanes[remote]
        denial = self.said_no(isin, name, remote, wrong.message, None)
        assert denial is not None
        self.to(there, denial.lock_time)
        proofs = self.attested(isin, there, denial, len(lane.epochs))
        told = (denial.as_tuple(), wrong.message.as_tuple(), *proofs)
        side = self.side(isin, there)
        self.act(
            there,
            "disown what was credited",
            None,
            lambda: side.escrow.take_denial(*told, sender=side.courier),
        )
        lane.arrived.add(denial.nonce)
        wrong.denied = True
        self.sync(there)

    def reopen(self, place: Place) -> None:
        """Operator and administrator free the nonce, after the lane's delay."""
        isin, remote, out, known = place
        there = self.ends(remote, out)[1]
        self.clear(there)
        side, wrong = self.side(isin, there), self.wrong(place)
        side.escrow.propose_reopening(known, *STATED, sender=side.operator)
        self.tick(there, CHANGE)
        self.act(
            there,
            "reopen",
            None,
            lambda: side.escrow.reopen(known, *STATED, sender=side.administrator),
        )
        self.book(isin, there).lanes[remote].arrived.discard(wrong.message.nonce)
        wrong.reopened = True
        self.sync(there)

    def make_good(self, place: Place) -> None:
        """Issuer and custodian agree, the holder who has most gives; once."""
        isin, remote, out, known = place
        there = self.ends(remote, out)[1]
        self.clear(there)
        ledger, side, book = self.ledgers[there], self.side(isin, there), self.book(isin, there)
        lane, wrong = book.lanes[remote], self.wrong(place)
        expected: Refusal | None = "denials: made good already" if wrong.made else None
        self.act(
            there,
            "propose amends",
            expected,
            lambda: side.escrow.propose_amends(known, wrong.epoch, *STATED, sender=side.issuer),
        )
        self.sync(there)
        if wrong.made:
            return
        side.escrow.agree_amends(known, wrong.epoch, *STATED, sender=side.custodian)
        self.sync(there)
        giver = max(HOLDERS, key=lambda who: book.holds(self.account(isin, there, who)))
        account = self.account(isin, there, giver)
        units, restored = copy.copy(lane.end).amended(known)
        custody = side.custody_of(self.stage.lane[isin, remote])
        receipt = self.act(
            there,
            "make good",
            ledger.amends_refusal(book, lane, account, units, restored),
            lambda: custody.make_good(known, UINT_MAX, sender=side.parties[giver]),
        )
        if receipt is not None:
            assert receipt.return_value == units, f"INV-2: {isin} on {there}: amends"
            lane.end.amended(known)
            if book.home:
                book.token.move(account, lane.custody, units)
            else:
                book.token.issue(account, -units)
            wrong.made, wrong.made_on = True, book.token.day
        self.sync(there)
