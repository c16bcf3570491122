"""Acts on three ledgers with two instruments, each judged by the model before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, RatioState
from tallystick.actions.message import Ratio as Told
from tallystick.bridge.message import DENIED, NO_CAP, party
from tallystick.deploy import upgrade as upgrades
from tallystick.governance.release import APPROVERS, Version
from tallystick.local.network import OPERATORS
from tests.stateful.many_dividends import DividendActs
from tests.stateful.many_ends import EndingActs
from tests.stateful.many_model import IN, OUT, Book, pending
from tests.stateful.many_stage import (
    CHANGE,
    HOME,
    LEDGERS,
    LIMIT,
    NOTICE,
    REMOTES,
)
from tests.stateful.model import TRANSFERS, Refusal
from tests.support.actions import EVENT_ATTESTORS, domain_of
from tests.support.arming import ratio_event
from tests.support.ratios import Fraction
from tests.support.world import DAY, ELIGIBLE_UNTIL, STATED

# Most ratios to an instrument in a play.
MOST_RATIOS = 3


class Play(EndingActs, DividendActs):
    """All that can be done, and how a play ends."""

    # How and which lane ends at last.
    last: tuple[str, str, str] | None = None

    # ------------------------------------------------------------------- what guards

    def pause_lane(self, isin: str, name: str, remote: str, directions: int) -> None:
        """The guardian stops directions of one lane at one end."""
        remote = name if name != HOME else remote
        ledger, side = self.ledgers[name], self.side(isin, name)
        lane = self.book(isin, name).lanes[remote]
        expected = lane.stops.stop(directions, ledger.clock, guardian=True)
        known = self.stage.lane[isin, remote]
        self.act(
            name,
            "pause a lane",
            expected,
            lambda: side.escrow.pause_lane(known, directions, *STATED, sender=side.guardian),
        )
        self.sync(name)

    def pause_token(self, isin: str, name: str) -> None:
        """The guardian stops transfers of one instrument on one ledger."""
        ledger, side = self.ledgers[name], self.side(isin, name)
        expected = self.book(isin, name).stops.stop(TRANSFERS, ledger.clock, guardian=True)
        self.act(
            name,
            "pause a token",
            expected,
            lambda: side.token.pause(TRANSFERS, *STATED, sender=side.guardian),
        )
        self.sync(name)

    def lift(self, isin: str, name: str) -> None:
        """An administrator lifts what is stopped of an instrument; a day later all goes on."""
        self.clear(name)
        side, book = self.side(isin, name), self.book(isin, name)
        if book.stops.flags:
            book.stops.lift(TRANSFERS, self.ledgers[name].clock)
            side.token.unpause(TRANSFERS, *STATED, sender=side.administrator)
            self.sync(name)
        for remote, lane in book.lanes.items():
            if lane.stops.flags:
                lane.stops.lift(OUT | IN, self.ledgers[name].clock)
                known = self.stage.lane[isin, remote]
                side.escrow.unpause_lane(known, OUT | IN, *STATED, sender=side.administrator)
                self.sync(name)
        self.tick(name, DAY)

    def admit(self, isin: str, name: str, admitted: bool) -> None:
        """The newcomer may receive, or may not."""
        side, book = self.side(isin, name), self.book(isin, name)
        until, account = ELIGIBLE_UNTIL if admitted else 0, self.account(isin, name, "outsider")
        if any(lie.recipient == party(account) for lie in self.lies.values()):
            return
        self.act(
            name,
            "admit",
            None,
            lambda: side.token.admit(account, until, *STATED, sender=side.registrar),
        )
        (book.barred.discard if admitted else book.barred.add)(account)
        self.sync(name)

    def rotate(self, isin: str, name: str, remote: str) -> None:
        """Operator and administrator change a lane's signers at one end, after the delay."""
        remote = name if name != HOME else remote
        side, book = self.side(isin, name), self.book(isin, name)
        lane, limited = book.lanes[remote], book.lanes[remote].limit.limit
        if limited and pending(book):
            # In whole units a limit over ratios is another.
            return
        self.clear(name)
        signers = self.signers(isin, len(lane.epochs) + 1)[0]
        second = self.stage.second_of[isin, name, remote]
        verifier = side.chain.deploy(
            "QuorumVerifier", *signers.verifier_arguments(OPERATORS[0]), sender=side.deployer
        )
        terms = (
            *(self.stage.lane[isin, remote], verifier, second, NO_CAP),
            *(LIMIT if limited else NO_CAP, *STATED),
        )
        side.escrow.propose_lane_terms(*terms, sender=side.operator)
        side.escrow.confirm_lane_terms(*terms, sender=side.administrator)
        self.tick(name, CHANGE)
        now = self.ledgers[name].clock
        known = self.stage.lane[isin, remote]
        self.act(
            name,
            "rotate",
            None,
            lambda: side.escrow.apply_lane_terms(known, sender=side.courier),
        )
        lane.rotate(now)
        self.sync(name)

    def upgrade(self, isin: str, name: str, contract: str) -> None:
        """Token or escrow goes to the next release, or back within its window."""
        which = contract if contract == "BridgeEscrow" else f"{contract} of {isin}"
        network, upgraded = self.stage.networks[isin], self.ledgers[name].upgraded
        done, at = upgraded.get(which, (False, 0))
        suite, party_of = network.suite(name), partial(network.party, name)
        if done and self.ledgers[name].clock < at + DAY:
            self.act(
                name,
                "roll back",
                None,
                lambda: upgrades.roll_back(suite, contract, sender=party_of("guardian")),
            )
            upgraded[which] = (False, 0)
        elif not done:
            self.clear(name)
            version = Version(1, 1, 0)
            upgrades.give_notice(suite, contract, version, sender=party_of("upgrader"))
            for role in APPROVERS:
                upgrades.approve(suite, contract, version, sender=party_of(role))
            self.tick(name, NOTICE)
            upgraded[which] = (True, self.ledgers[name].clock)
            courier = self.side(isin, name).courier
            self.act(
                name,
                "upgrade",
                None,
                lambda: upgrades.activate(suite, contract, version, sender=courier),
            )
        self.sync(name)

    # ------------------------------------------------------------------------ ratios

    def announce_ratio(self, isin: str, rate: tuple[int, int], told: Sequence[bool]) -> None:
        """Home arms a ratio; other ledgers are told in time, or later."""
        self.clear(HOME)
        book, side = self.book(isin, HOME), self.side(isin, HOME)
        known = pending(book)
        if len(known) == MOST_RATIOS:
            return
        first = max([book.token.day + 4, *(each.first_day + 1 for each in known)])
        record = replace(
            ratio_event(len(known) + 1, Rate(*rate), first - 1, unit_epoch=len(known)), isin=isin
        )
        self.records[isin, len(known)] = record.as_tuple()
        side.engine.announce(record.as_tuple(), 1, *STATED, sender=side.issuer)
        version = EventVersion(record)
        proof = EVENT_ATTESTORS.sign(domain_of(side.engine), version.id)
        side.engine.confirm(record.as_tuple(), proof, sender=side.courier)
        self.act(
            HOME,
            "arm a ratio",
            None,
            lambda: side.engine.arm(record.as_tuple(), sender=side.courier),
        )
        self.entered(book, rate, first, self.account(isin, HOME, "fund"))
        self.sync(HOME)
        if HOME in self.forks:
            return
        for name, in_time in zip(REMOTES, told, strict=True):
            there = self.side(isin, name)
            if in_time and len(pending(self.book(isin, name))) == len(known):
                self.clear(name)
                message, proof = self.signed(isin, version)
                there.engine.take_record(
                    message.as_tuple(), record.as_tuple(), 1, proof, sender=there.courier
                )
                self.sync(name)
                self.tell_ratio(isin, name, RatioState.PENDING)

    @staticmethod
    def entered(book: Book, rate: tuple[int, int], first: int, agent: str) -> None:
        """A ledger knows a ratio, and keeps the close before it."""
        book.token.pending.append(Fraction(*rate, first, agent))
        book.announced.add(first - 1)

    def tell_ratio(self, isin: str, name: str, state: RatioState = RatioState.IN_FORCE) -> None:
        """A ledger is told of the next ratio; late, it has a first day of its own."""
        book, at_home, side = self.book(isin, name), self.book(isin, HOME), self.side(isin, name)
        number = len(pending(book))
        if HOME in self.forks:
            return
        if state is RatioState.IN_FORCE and at_home.token.epoch <= number:
            return
        ratio = pending(at_home)[number]
        parts = (ratio.numerator, ratio.denominator, ratio.first_day)
        told = Told(self.records[isin, number][2], 1, state, number + 1, *parts)
        message, proof = self.signed(isin, told)
        last = pending(book)[-1].first_day if number else 0
        first = max(ratio.first_day, last + 1, book.token.day + 3)
        self.act(
            name,
            "tell a ratio" if state is RatioState.PENDING else "tell a ratio late",
            None,
            lambda: side.engine.take_ratio(
                message.as_tuple(), told.as_tuple(), proof, sender=side.courier
            ),
        )
        self.entered(book, parts[:2], first, self.account(isin, name, "fund"))
        self.sync(name)

    def announce_close(self, isin: str, name: str, ahead: int) -> None:
        """The registrar announces a close, of today or later."""
        side, book = self.side(isin, name), self.book(isin, name)
        day = book.token.day + ahead
        self.act(
            name,
            "announce a close",
            None,
            lambda: side.token.announce_close(day, *STATED, sender=side.registrar),
        )
        book.announced.add(day)
        self.sync(name)

    # ----------------------------------------------------------------------- holders

    def transfer(self, isin: str, name: str, sender: str, receiver: str, amount: int) -> None:
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        source, target = self.account(isin, name, sender), self.account(isin, name, receiver)
        expected: Refusal | None = None
        if book.stops.running(ledger.clock) & TRANSFERS:
            expected = "controls: transfers paused"
        elif amount > book.holds(source):
            expected = "ERC20InsufficientBalance", (source, book.holds(source), amount)
        elif target in book.barred:
            expected = "ERC7943CannotReceive", (target,)
        key = side.parties[sender]
        receipt = self.act(
            name,
            "transfer",
            expected,
            lambda: side.token.transfer(target, amount, sender=key),
        )
        if receipt is not None:
            book.token.move(source, target, amount)
        self.sync(name)

    def finish(self) -> None:
        """Ledgers that are late are told, all true messages end, and closes are asked once more."""
        for name in list(self.forks):
            self.settle(name)
        while self.lies:
            self.deny(0)
        for isin in self.stage.instruments:
            for name in LEDGERS:
                self.lift(isin, name)
                self.admit(isin, name, True)
            for coaf in self.book(isin, HOME).engine.events:
                self.run_dividend(isin, coaf, 3)
        self.mend_all()
        for _ in range(MOST_RATIOS + 1):
            for name in LEDGERS:
                self.tick(name, 5 * DAY)
            self.catch_up()
            self.check()
            if not self.tell_late():
                break
        for _ in range(4):
            for isin in self.stage.instruments:
                for remote in REMOTES:
                    self.land(isin, remote)
            self.catch_up()
        for isin, remote in self.stage.lane:
            for name in (HOME, remote):
                if self.book(isin, name).lanes[remote].end.rest()[1]:
                    self.pay_dust(isin, name, remote)
        for isin in self.stage.instruments:
            for remote in REMOTES:
                if not self.fits(isin, remote):
                    continue
                left = [m for m in self.instrument(isin).under_way(remote) if not m.kind & DENIED]
                waits = [
                    message
                    for name in (HOME, remote)
                    for message in self.waiting(isin, name, remote)
                ]
                stuck = len(left) + len(waits)
                assert stuck == 0, f"INV-3: {isin}: {stuck} never end"
            self.changed |= {(isin, name) for name in LEDGERS}
        self.check()
        self.pay_all()
        self.check()
        if self.last is not None:
            self.end(*self.last)

    def tell_late(self) -> bool:
        """Ledgers are told of whatever is in force at home; whether one had to be."""
        late = False
        for isin in self.stage.instruments:
            for name in REMOTES:
                while self.book(isin, HOME).token.epoch > len(pending(self.book(isin, name))):
                    self.tell_ratio(isin, name)
                    late = True
        return late

    def land(self, isin: str, remote: str) -> None:
        """Whatever is under way or waits on a lane ends, if ever it can."""
        for out in (True, False):
            there = self.ends(remote, out)[1]
            for message in self.sent(isin, remote, out):
                lane = self.book(isin, there).lanes[remote]
                if message.nonce not in lane.arrived:
                    self.deliver(isin, remote, out, message)
            for message in self.waiting(isin, there, remote):
                lane = self.book(isin, there).lanes[remote]
                if message.id in lane.redirects:
                    self.withdraw_redirect(isin, remote, out)
                self.to(there, lane.waits.get(message.id, 0))
                at = self.waiting(isin, there, remote).index(message)
                late = self.ledgers[there].is_late(message)
                (self.give_back if late else self.claim)(isin, remote, out, at)
