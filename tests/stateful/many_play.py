"""Acts on three ledgers with two instruments, each judged by the model before it is sent.

An act is of one instrument and changes one ledger; after it all that both instruments have there is
as the model says, so that no lane and no instrument reaches another's. A fork is a ledger's blocks
that are not final: attestors sign nothing of them, and a reorganisation undoes them, past any close.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from hypothesis import note

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, RatioState, message_from
from tallystick.actions.message import Ratio as Told
from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.message import DENIED, NO_CAP, LaneMessage, message_of, party
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Receipt, Revert
from tallystick.chain.receipt import Snapshot
from tallystick.deploy import upgrade as upgrades
from tallystick.governance.release import Version
from tallystick.local.network import OPERATORS
from tallystick.token.position import close_of
from tests.stateful.many_model import IN, OUT, Book, Instrument, Lane, Ledger, pending
from tests.stateful.many_stage import (
    CHANGE,
    HOLDERS,
    HOME,
    LEDGERS,
    LIMIT,
    NOTICE,
    PEOPLE,
    REMOTES,
    Stage,
)
from tests.stateful.machine import refusal_of
from tests.stateful.model import TRANSFERS, Refusal
from tests.support.actions import ENGINE_ATTESTORS, EVENT_ATTESTORS, domain_of
from tests.support.arming import ratio_event
from tests.support.ratios import Fraction
from tests.support.world import DAY, ELIGIBLE_UNTIL, STATED, ZERO, Side

# Most ratios to an instrument in a play.
MOST_RATIOS = 3
# A false message's nonce, of which no play has so many.
FALSE = 10**6
# Why a close is not answered by a hint.
UNANSWERED = ("book: not kept, or give a hint", "book: hint is no later opening")


class Play:
    """Ledgers and model; a difference is an AssertionError."""

    outcomes: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        for name, taken in stage.snapshots.items():
            stage.chains[name].restore(taken)
        self.ledgers: dict[str, Ledger] = copy.deepcopy(stage.model)
        self.forks: dict[str, tuple[Snapshot, Ledger]] = {}
        # By ledger: false messages for it that are not denied.
        self.lies: dict[bytes, LaneMessage] = {}
        self.told = 0
        # Lanes on which rounding and a false message have met.
        self.mixed: set[bytes] = set()
        self.touched = set(LEDGERS)
        # Instruments on ledgers that a ratio has changed since their closes were asked.
        self.changed: set[tuple[str, str]] = set()
        self.records: dict[tuple[str, int], Any] = {}

    # ---------------------------------------------------------------------- plumbing

    def side(self, isin: str, name: str) -> Side:
        return self.stage.side_of[isin, name]

    def book(self, isin: str, name: str) -> Book:
        return self.ledgers[name].books[isin]

    def instrument(self, isin: str) -> Instrument:
        """All ledgers' books of one."""
        remotes = {name: self.book(isin, name) for name in REMOTES}
        return Instrument(isin, self.book(isin, HOME), remotes)

    def account(self, isin: str, name: str, who: str) -> str:
        return self.stage.account(isin, name, who)

    def tell(self, what: str, refusal: Refusal | None) -> None:
        """Count an outcome, and put it beside the step that hypothesis prints."""
        outcome = "done" if refusal is None else refusal if isinstance(refusal, str) else refusal[0]
        self.outcomes[what, outcome] += 1
        if refusal is not None:
            note(f"    # refused: {outcome}")

    def act(
        self, name: str, what: str, expected: Refusal | None, send: Callable[[], Any]
    ) -> Receipt | None:
        """Send what the model has judged, and hold the ledger to the judgement."""
        receipt, got = None, None
        try:
            receipt = send()
        except Revert as revert:
            got = refusal_of(revert)
        assert got == expected, f"{what} on {name}: the model says {expected}, the ledger {got}"
        self.tell(what, expected)
        self.touched.add(name)
        return receipt

    def sync(self, name: str) -> None:
        """The model's clock is the ledger's; days that are over close."""
        for isin in self.ledgers[name].pass_to(int(self.stage.chains[name].now)):
            self.changed.add((isin, name))

    def clear(self, name: str, seconds: int = 20) -> None:
        """No close so soon that an act of several transactions leads over it."""
        now = self.stage.chains[name].now
        for book in self.ledgers[name].books.values():
            ahead = close_of(book.token.day, book.close_minute)
            if ahead - now < seconds:
                self.to(name, ahead)

    # -------------------------------------------------------------------------- time

    def to(self, name: str, moment: int) -> None:
        """A ledger's clock to a moment, if that is ahead."""
        if moment > self.stage.chains[name].now:
            self.stage.chains[name].set_time(moment)
            self.sync(name)
            self.touched.add(name)

    def tick(self, name: str, seconds: int) -> None:
        self.to(name, self.stage.chains[name].now + seconds)

    def to_close(self, name: str, isin: str, offset: int) -> None:
        """To an instrument's close, or just beside it."""
        book = self.book(isin, name)
        self.to(name, close_of(book.token.day, book.close_minute) + offset)

    def catch_up(self) -> None:
        latest = max(chain.now for chain in self.stage.chains.values())
        for name in LEDGERS:
            self.to(name, latest)

    # ------------------------------------------------------------- reorganisations

    def fork(self, name: str) -> None:
        """What happens on a ledger from now on is not final."""
        if name not in self.forks:
            self.forks[name] = (
                self.stage.chains[name].snapshot(),
                copy.deepcopy(self.ledgers[name]),
            )

    def settle(self, name: str) -> None:
        """It is final now."""
        self.forks.pop(name, None)

    def reorganise(self, name: str) -> None:
        """It never happened."""
        if name not in self.forks:
            return
        taken, ledger = self.forks.pop(name)
        across = any(book.token.epoch != ledger.books[isin].token.epoch
                     for isin, book in self.ledgers[name].books.items())
        self.stage.chains[name].restore(taken)
        self.ledgers[name] = ledger
        self.outcomes["reorganise", "across a ratio" if across else "done"] += 1
        self.touched.add(name)

    def is_final(self, isin: str, name: str, remote: str, message: LaneMessage) -> bool:
        """Whether attestors sign it."""
        if name not in self.forks:
            return True
        return message in self.forks[name][1].books[isin].lanes[remote].sent

    # -------------------------------------------------------------------------- lanes

    def ends(self, remote: str, out: bool) -> tuple[str, str]:
        """Where a message leaves, and where it arrives."""
        return (HOME, remote) if out else (remote, HOME)

    def send(
        self, isin: str, remote: str, out: bool, holder: str, to: str, amount: int, lasts: int
    ) -> None:
        """Units leave."""
        name, there = self.ends(remote, out)
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane, account = book.lanes[remote], self.account(isin, name, holder)
        recipient = party(self.account(isin, there, to))
        deadline = ledger.clock + lasts
        expected = ledger.send_refusal(book, lane, account, amount, deadline)
        known = self.stage.lane[isin, remote]
        leave = side.custody_of(known).lock if out else side.escrow.burn
        sender = side.parties[holder]
        receipt = self.act(
            name,
            "lock" if out else "burn",
            expected,
            lambda: leave(known, recipient, amount, deadline, sender=sender),
        )
        if receipt is not None:
            message = message_of(receipt.one("MessageSent"))
            said = (message.nonce, message.amount, message.action_epoch, message.lock_time)
            assert said == (len(lane.sent), amount, lane.end.epoch, ledger.clock)
            lane.end.leaves(message)
            if out:
                book.token.move(account, lane.custody, amount)
            else:
                book.token.issue(account, -amount)
            lane.sent.append(message)
        self.sync(name)

    def sent(self, isin: str, remote: str, out: bool) -> list[LaneMessage]:
        """What left an end of a lane with units, by now; what is under way first."""
        name, there = self.ends(remote, out)
        arrived = self.book(isin, there).lanes[remote].arrived
        left = [m for m in self.book(isin, name).lanes[remote].sent if not m.kind & DENIED]
        return sorted(left, key=lambda each: each.nonce in arrived)

    def signers(self, isin: str, epoch: int) -> SignerSet:
        return self.stage.networks[isin].signer_set(epoch)

    def attested(self, isin: str, name: str, message: LaneMessage, epoch: int) -> bytes:
        """What enough attestors sign for a ledger, whatever it says."""
        side, network = self.side(isin, name), self.stage.networks[isin]
        keys = {str(each.address): each.key for each in network.attestors}
        signers = self.signers(isin, epoch)
        signing = [key for each in signers.signers[: signers.threshold] if (key := keys[each])]
        domain = Domain(side.chain.chain_id, str(side.escrow.address))
        return attest(message, signers, domain, signing)

    def deliver(
        self, isin: str, remote: str, out: bool, message: LaneMessage, back: int = 0
    ) -> bool:
        """A courier brings a message that attestors sign; whether it took effect."""
        name = self.ends(remote, out)[1]
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane = book.lanes[remote]
        epoch = max(len(lane.epochs) - back, 1)
        expected = ledger.deliver_refusal(book, lane, message, epoch)
        proof = self.attested(isin, name, message, epoch)
        what = "deliver a false one" if message.id in self.lies else "deliver"
        receipt = self.act(
            name,
            what,
            expected,
            lambda: side.escrow.deliver(message.as_tuple(), proof, sender=side.courier),
        )
        if receipt is not None:
            recipient = "0x" + message.recipient[12:].hex()
            recipient = next(each for each in book.token.holdings if each.lower() == recipient)
            credited = ledger.arrive(book, lane, message, recipient)
            assert receipt.return_value is credited, f"deliver on {name}: credited or not"
            if not credited:
                queued = message.id in lane.waits
                self.tell("suspend over the limit" if queued else "suspend", None)
                if queued:
                    assert int(side.escrow.waits(message.id)) == lane.waits[message.id], "limit"
        self.sync(name)
        return receipt is not None

    def busiest(self, isin: str, remote: str, out: bool, waits: bool) -> tuple[str, str, bool]:
        """An end of a lane where something waits, or to which something is under way: this one, or
        else any."""
        ends = [(isin, remote, out)]
        ends += [(*lane, way) for lane in self.stage.lane for way in (True, False)]
        for at, lane, way in ends:
            name, there = self.ends(lane, way)
            arrived = self.book(at, there).lanes[lane].arrived
            if waits and self.waiting(at, there, lane):
                return at, lane, way
            if not waits and any(
                message.nonce not in arrived and self.is_final(at, name, lane, message)
                for message in self.sent(at, lane, way)
            ):
                return at, lane, way
        return ends[0]

    def deliver_any(self, isin: str, remote: str, out: bool, number: int, back: int) -> None:
        """One of what left; of what is not final nobody signs enough."""
        messages = self.sent(isin, remote, out)
        if not messages:
            return
        message = messages[number % len(messages)]
        name, there = self.ends(remote, out)
        if self.is_final(isin, name, remote, message):
            self.deliver(isin, remote, out, message, back)

    def deliver_to_the_wrong_one(self, isin: str, remote: str, out: bool, number: int) -> None:
        """A message where it came from: attested, it is refused."""
        messages = self.sent(isin, remote, out)
        if messages:
            self.deliver(isin, remote, not out, messages[number % len(messages)])

    def waiting(self, isin: str, name: str, remote: str) -> list[LaneMessage]:
        """True messages that wait at an end of a lane."""
        words = self.book(isin, name).lanes[remote].end.words.values()
        return [message for message, _, _ in words if message.id not in self.lies]

    def picked(self, isin: str, remote: str, out: bool, number: int) -> LaneMessage | None:
        """One that waits, or else one that does not any more."""
        name = self.ends(remote, out)[1]
        found = self.waiting(isin, name, remote) or self.sent(isin, remote, out)
        return found[number % len(found)] if found else None

    def claim(self, isin: str, remote: str, out: bool, number: int) -> None:
        name = self.ends(remote, out)[1]
        message = self.picked(isin, remote, out, number)
        if message is None:
            return
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane = book.lanes[remote]
        account = next(
            each
            for each in book.token.holdings
            if party(each) == message.recipient
        )
        expected = ledger.claim_refusal(book, lane, message, account)
        receipt = self.act(
            name,
            "claim",
            expected,
            lambda: side.escrow.claim(message.as_tuple(), sender=side.courier),
        )
        if receipt is not None:
            units = ledger.pay(book, lane, message, account)
            assert receipt.one("SuspenseClaimed").args["amount"] == units, "claim: other units"
        self.sync(name)

    def give_back(self, isin: str, remote: str, out: bool, number: int) -> None:
        """What waits past its deadline goes back."""
        name = self.ends(remote, out)[1]
        message = self.picked(isin, remote, out, number)
        if message is None:
            return
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane = book.lanes[remote]
        expected = ledger.return_refusal(lane, message)
        receipt = self.act(
            name,
            "return",
            expected,
            lambda: side.escrow.return_to_source(message.as_tuple(), sender=side.courier),
        )
        if receipt is not None:
            answer = message_of(receipt.one("MessageSent"))
            units = ledger.give_back(book, lane, message)
            said = (answer.nonce, answer.amount, answer.action_epoch, answer.recipient)
            assert said == (len(lane.sent), units, lane.end.epoch, message.sender), "return"
            lane.end.leaves(answer, held=False)
            lane.sent.append(answer)
        self.sync(name)

    def redirect(self, isin: str, remote: str, out: bool, number: int, carried_out: bool) -> None:
        """The registrar proposes that a holder gets what waits; the custodian carries it out."""
        name = self.ends(remote, out)[1]
        waiting = self.waiting(isin, name, remote)
        if not waiting:
            return
        self.clear(name)
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane, message = book.lanes[remote], waiting[number % len(waiting)]
        payee, told = self.account(isin, name, "investor"), message.as_tuple()
        side.escrow.propose_redirect(told, payee, *STATED, sender=side.registrar)
        lane.redirects[message.id] = payee
        self.sync(name)
        if carried_out:
            expected = ledger.redirect_refusal(lane, message, payee)
            receipt = self.act(
                name,
                "redirect",
                expected,
                lambda: side.escrow.redirect(told, payee, *STATED, sender=side.custodian),
            )
            if receipt is not None:
                units = ledger.pay(book, lane, message, payee)
                assert receipt.one("SuspenseRedirected").args["amount"] == units, "redirect"
        self.sync(name)

    def withdraw_redirect(self, isin: str, remote: str, out: bool) -> None:
        name = self.ends(remote, out)[1]
        side, lane = self.side(isin, name), self.book(isin, name).lanes[remote]
        for message, _, _ in list(lane.end.words.values()):
            if message.id in lane.redirects:
                told = message.as_tuple()
                self.act(
                    name,
                    "withdraw redirect",
                    None,
                    partial(
                        side.escrow.withdraw_redirect, told, *STATED, sender=side.registrar
                    ),
                )
                del lane.redirects[message.id]
                self.sync(name)

    # ------------------------------------------------------------------ lies, denials

    def lie(self, isin: str, remote: str, out: bool, amount: int, true: int | None) -> None:
        """Attestors sign what nobody sent, perhaps with the nonce of what is under way."""
        name, there = self.ends(remote, out)
        ledger, book = self.ledgers[there], self.book(isin, there)
        lane = book.lanes[remote]
        self.told += 1
        nonce = FALSE + self.told
        under_way = [m for m in self.sent(isin, remote, out) if m.nonce not in lane.arrived]
        if true is not None and under_way:
            nonce = under_way[true % len(under_way)].nonce
        message = LaneMessage(
            codec=2,
            kind=1 if out else 2,
            lane=self.stage.lane[isin, remote],
            nonce=nonce,
            lock_time=ledger.clock,
            action_epoch=lane.end.epoch,
            amount=amount + self.told,
            sender=party(self.account(isin, name, "buyer")),
            recipient=party(self.account(isin, there, "outsider")),
            deadline=ledger.clock + 80 * DAY,
        )
        if self.account(isin, there, "outsider") not in book.barred:
            return
        self.lies[message.id] = message
        if not self.deliver(isin, remote, out, message):
            del self.lies[message.id]

    def deny(self, number: int) -> None:
        """Its source says that it sent nothing of the kind; it never happened."""
        if not self.lies:
            return
        message = list(self.lies.values())[number % len(self.lies)]
        isin, remote = next(key for key, lane in self.stage.lane.items() if lane == message.lane)
        out = bool(message.kind & 1)
        name, there = self.ends(remote, out)
        if name in self.forks or there in self.forks:
            return
        target, lane = self.book(isin, there), self.book(isin, there).lanes[remote]
        if message.id not in lane.end.words:
            # A reorganisation had it never arrive.
            del self.lies[message.id]
            return
        denial = self.said_no(isin, name, remote, message, None)
        assert denial is not None
        self.to(there, denial.lock_time)
        side = self.side(isin, there)
        _, _, since = lane.end.words[message.id]
        if since != lane.end.epoch:
            self.mixed.add(message.lane)
        proof = self.attested(isin, there, denial, len(lane.epochs))
        told = (denial.as_tuple(), message.as_tuple(), proof)
        self.act(
            there,
            "take a denial",
            None,
            lambda: side.escrow.take_denial(*told, sender=side.courier),
        )
        self.ledgers[there].undo(target, lane, message)
        lane.arrived.add(denial.nonce)
        del self.lies[message.id]
        self.sync(there)

    def disown(self, isin: str, remote: str, out: bool, number: int) -> None:
        """Attestors sign another message under a nonce that is used, its source denies that.

        It never took effect, so nothing is undone and the nonce stays used.
        """
        name, there = self.ends(remote, out)
        side, lane = self.side(isin, there), self.book(isin, there).lanes[remote]
        used = [m for m in self.sent(isin, remote, out) if m.nonce in lane.arrived]
        if not used or name in self.forks:
            return
        true = used[number % len(used)]
        if any(lie.lane == true.lane and lie.nonce == true.nonce for lie in self.lies.values()):
            return
        false = replace(true, amount=true.amount + 1)
        denial = self.said_no(isin, name, remote, false, None)
        assert denial is not None
        self.to(there, denial.lock_time)
        told = (denial.as_tuple(), false.as_tuple())
        proof = self.attested(isin, there, denial, len(lane.epochs))
        self.act(
            there,
            "disown",
            None,
            lambda: side.escrow.take_denial(*told, proof, sender=side.courier),
        )
        lane.arrived.add(denial.nonce)
        has = bool(side.escrow.has_arrived(true.lane, true.nonce))
        assert has, f"INV-3: {isin} on {there}: nonce {true.nonce} is free again"
        self.sync(there)

    def pay_dust(self, isin: str, name: str, remote: str) -> None:
        """Anybody has the fractions' agent paid what ratios left at an end of a lane."""
        remote = name if name != HOME else remote
        side, book = self.side(isin, name), self.book(isin, name)
        lane = book.lanes[remote]
        units = lane.end.dust() if lane.end.epoch else 0
        if units == 0:
            return
        known = self.stage.lane[isin, remote]
        receipt = self.act(
            name,
            "pay dust",
            None,
            lambda: side.escrow.pay_dust(known, sender=side.attacker),
        )
        assert receipt is not None
        assert receipt.return_value == units, f"INV-12: {isin} on {name}: dust"
        book.token.move(lane.custody, self.account(isin, name, "fund"), units)
        self.sync(name)

    def said_no(
        self, isin: str, name: str, remote: str, message: LaneMessage, expected: Refusal | None
    ) -> LaneMessage | None:
        """A source denies a message, or refuses to."""
        side, lane = self.side(isin, name), self.book(isin, name).lanes[remote]
        page = [m.id for m in lane.sent if m.nonce // PAGE == message.nonce // PAGE]
        receipt = self.act(
            name,
            "deny",
            expected,
            lambda: side.escrow.deny(message.as_tuple(), page, sender=side.attacker),
        )
        answer = None
        if receipt is not None:
            answer = message_of(receipt.one("MessageSent"))
            assert answer.nonce == len(lane.sent)
            lane.sent.append(answer)
        self.sync(name)
        return answer

    def deny_a_true_one(self, isin: str, remote: str, out: bool, number: int) -> None:
        """What was sent can't be denied."""
        messages = self.sent(isin, remote, out)
        if messages:
            name = self.ends(remote, out)[0]
            message = messages[number % len(messages)]
            self.said_no(isin, name, remote, message, "denials: it was sent")

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
        signers = self.signers(isin, len(lane.epochs) + 1)
        verifier = side.chain.deploy(
            "QuorumVerifier", *signers.verifier_arguments(OPERATORS[0]), sender=side.deployer
        )
        terms = (
            *(self.stage.lane[isin, remote], verifier, ZERO, NO_CAP),
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
            for role in ("issuer", "auditor"):
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

    def signed(self, isin: str, told: Any) -> tuple[Any, bytes]:
        """What home's engine tells, and what attestors sign of it."""
        domain = domain_of(self.side(isin, HOME).engine)
        message = message_from(domain, isin, told)
        return message, ENGINE_ATTESTORS.sign(domain, message.id)

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

    # ------------------------------------------------------------------- what is so

    def check(self) -> None:
        """What any act has touched is as the model says; lanes are backed."""
        for name in sorted(self.touched):
            for isin in self.stage.instruments:
                self.check_book(isin, name)
        for isin, name in sorted(self.changed):
            self.check_closes(isin, name)
        if self.touched:
            for isin in self.stage.instruments:
                self.check_lanes(isin)
        self.touched.clear()
        self.changed.clear()

    def check_book(self, isin: str, name: str) -> None:
        """One instrument on one ledger (INV-2, 3, 5, 7, 10, 11, 12)."""
        side, book = self.side(isin, name), self.book(isin, name)
        where = f"{isin} on {name}"
        supply = int(side.token.totalSupply())
        assert supply == book.token.supply, f"INV-5: {where}: supply {supply}"
        units = 0
        for account, holding in book.token.holdings.items():
            found = side.balance(account)
            units += found
            assert found == holding.balance, f"INV-5: {where}: {account} has {found}"
        assert units <= supply, f"INV-5: {where}: more positions than supply"
        for remote, lane in book.lanes.items():
            known = self.stage.lane[isin, remote]
            state = side.escrow.lane_state(known)
            found, wanted = (
                (int(state.outstanding), int(state.suspense), int(state.sent)),
                (lane.end.outstanding, lane.end.suspense, len(lane.sent)),
            )
            assert found == wanted, f"INV-2: {where}: lane to {remote}: {found}, not {wanted}"
            assert book.holds(lane.custody) == lane.end.custody, f"{where}: the models differ"
            for message, units, since in lane.end.words.values():
                waits = int(side.escrow.waiting(message.as_tuple()))
                assert waits == lane.end.now(units, since), f"INV-12: {where}: {waits} wait"
            drained = int(side.escrow.limit_state(known).drained_at)
            assert drained == lane.limit.drained_at, f"INV-11: {where}: limit"
            there = self.book(isin, HOME if name != HOME else remote).lanes[remote]
            for nonce in {each.nonce for each in there.sent[-3:]}:
                has = bool(side.escrow.has_arrived(known, nonce))
                assert has == (nonce in lane.arrived), f"INV-3: {where}: nonce {nonce}"

    def check_lanes(self, isin: str) -> None:
        """What is out is owed at home, and but for rounding nothing else (INV-1, INV-2)."""
        instrument = self.instrument(isin)
        for remote in REMOTES:
            lane = self.stage.lane[isin, remote]
            false = any(lie.lane == lane for lie in self.lies.values())
            if false or lane in self.mixed:
                continue
            most = instrument.dust(remote)
            unbacked = instrument.unbacked(remote)
            assert 0 <= unbacked <= most, f"INV-1: {isin}: {unbacked} of the lane to {remote}"

    def check_closes(self, isin: str, name: str) -> None:
        """Every announced close that is over is answered in the units of its day."""
        side, book = self.side(isin, name), self.book(isin, name)
        for day in sorted(each for each in book.announced if each < book.token.day):
            supply = self.asked(partial(side.token.supply_at_close), day, book.token.day)
            if day in book.token.supplies:
                assert supply == book.token.supplies[day], f"{isin} on {name}: supply of {day}"
            for account, holding in book.token.holdings.items():
                if day not in holding.closings or (holding.moved and day < min(holding.moved)):
                    # Before its first movement an account has no history.
                    continue
                view = partial(side.token.balance_at_close, account)
                found = self.asked(view, day, book.token.day)
                wanted = holding.closings[day]
                assert found == wanted, (
                    f"{isin} on {name}: {account} has {found} at the close of {day}, not {wanted}"
                )
                self.outcomes["ask a close", "done"] += 1

    @staticmethod
    def asked(view: Callable[..., Any], day: int, today: int) -> int | None:
        """What a view answers with some hint."""
        for each in (0, *range(day + 1, today + 1)):
            try:
                return int(view(day, each))
            except Revert as refusal:
                if refusal.reason not in UNANSWERED:
                    raise
        return None

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
        for isin in self.stage.instruments:
            for remote in REMOTES:
                if self.stage.lane[isin, remote] in self.mixed:
                    continue
                left = [m for m in self.instrument(isin).under_way(remote) if not m.kind & DENIED]
                waits = [
                    message
                    for name in (HOME, remote)
                    for message in self.waiting(isin, name, remote)
                ]
                assert not left and not waits, f"INV-3: {isin}: {len(left)} under way for ever"
            self.changed |= {(isin, name) for name in LEDGERS}
        self.check()

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
            name, there = self.ends(remote, out)
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


__all__ = ["HOLDERS", "PEOPLE", "Play"]
