"""Acts on lanes: units leave, arrive, wait and end; attestors lie, and sources deny."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tallystick.bridge.batch import Batch
from tallystick.bridge.message import DENIED, LaneId, LaneMessage, message_of, party
from tallystick.bridge.outbox import EMPTY, PAGE
from tests.stateful.many_model import FALSE, Lane, Wrong
from tests.stateful.many_proofs import Attesting, Fault
from tests.stateful.many_stage import AGENT, HOME, LATER
from tests.stateful.model import Refusal
from tests.support.world import DAY, STATED


class LaneActs(Attesting):
    """What is done with messages."""

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

    def deliver(
        self,
        isin: str,
        remote: str,
        out: bool,
        message: LaneMessage,
        back: int = 0,
        fault: Fault | None = None,
    ) -> bool:
        """A courier brings a message that attestors sign; whether it took effect."""
        name = self.ends(remote, out)[1]
        side, ledger, book = self.side(isin, name), self.ledgers[name], self.book(isin, name)
        lane = book.lanes[remote]
        proofs, unproven = self.proven(isin, name, lane, message, back, fault)
        expected = ledger.deliver_refusal(book, lane, message, unproven)
        what = "deliver a false one" if message.id in self.lies else "deliver"
        receipt = self.act(
            name,
            what if fault is None else "deliver corrupt bytes",
            expected,
            lambda: side.escrow.deliver(message.as_tuple(), *proofs, sender=side.courier),
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

    def proven(
        self,
        isin: str,
        name: str,
        lane: Lane,
        what: LaneMessage | Batch,
        back: int,
        fault: Fault | None,
    ) -> tuple[tuple[bytes, ...], Refusal | None]:
        """What attestors sign in the newest epoch, or so many before it; why it proves nothing."""
        epoch = max(len(lane.epochs) - back, 1)
        if fault is None:
            refusal = lane.epoch_refusal(epoch, self.ledgers[name].clock)
            return self.attested(isin, name, what, epoch), refusal
        proofs = self.corrupt(isin, name, what, epoch, fault)
        return proofs, self.unproven(isin, name, lane, what, proofs)

    def deliver_batch(
        self,
        isin: str,
        remote: str,
        out: bool,
        numbers: Sequence[int],
        back: int = 0,
        fault: Fault | None = None,
    ) -> None:
        """A courier brings some of what left and is final under one attestation, all or none."""
        source, name = self.ends(remote, out)
        left = self.sent(isin, remote, out)
        final = [each for each in left if self.is_final(isin, source, remote, each)]
        if not final:
            return
        listed = [final[number % len(final)] for number in numbers]
        side, ledger = self.side(isin, name), self.ledgers[name]
        # As it would be; a batch of which one message is refused has done nothing.
        book = copy.deepcopy(ledger.books[isin])
        lane = book.lanes[remote]
        here = len(lane.arrived)
        proofs, unproven = self.proven(isin, name, lane, Batch.of(listed), back, fault)
        expected = ledger.batch_refusal(book, lane, listed, unproven)
        told = [each.as_tuple() for each in listed]
        known = self.stage.lane[isin, remote]
        receipt = self.act(
            name,
            "deliver a batch" if fault is None else "deliver a corrupt batch",
            expected,
            lambda: side.escrow.deliver_batch(known, EMPTY, told, *proofs, sender=side.courier),
        )
        if receipt is not None:
            ledger.books[isin] = book
            took = len(lane.arrived) - here
            assert receipt.return_value == took, f"deliver a batch on {name}: not {took}"
            if took < len(listed):
                self.tell("pass over in a batch", None)
            if any(each.id in lane.end.words for each in listed):
                self.tell("suspend in a batch", None)
        self.sync(name)

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
        name, _ = self.ends(remote, out)
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
        account = next(each for each in book.token.holdings if party(each) == message.recipient)
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
                    partial(side.escrow.withdraw_redirect, told, *STATED, sender=side.registrar),
                )
                del lane.redirects[message.id]
                self.sync(name)

    # ------------------------------------------------------------------ lies, denials

    def lie(
        self, isin: str, remote: str, out: bool, amount: int, true: int | None, to: str = LATER
    ) -> None:
        """Attestors sign what nobody sent, perhaps with the nonce of what is under way.

        It waits, as nobody lets its recipient receive; or somebody is credited.
        """
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
            lane=LaneId(self.stage.lane[isin, remote]),
            nonce=nonce,
            lock_time=ledger.clock,
            action_epoch=lane.end.epoch,
            amount=amount + self.told,
            sender=party(self.account(isin, name, "buyer")),
            recipient=party(self.account(isin, there, to)),
            deadline=ledger.clock + 80 * DAY,
        )
        if to == LATER and self.account(isin, there, to) not in book.barred:
            return
        self.lies[message.id] = message
        took = self.deliver(isin, remote, out, message)
        if took and message.id not in lane.end.words:
            lane.wrongs[message.id] = Wrong(message, message.action_epoch, book.token.day)
            self.tell("credit a false one", None)
        elif took:
            lane.false[message.id] = book.token.day, 2**32
        if not took or message.id in lane.wrongs:
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
        proofs = self.attested(isin, there, denial, len(lane.epochs))
        told = (denial.as_tuple(), message.as_tuple(), *proofs)
        self.act(
            there,
            "take a denial",
            None,
            lambda: side.escrow.take_denial(*told, sender=side.courier),
        )
        if self.ledgers[there].undo(target, lane, message, denial):
            self.tell("rounding is left of what is undone", None)
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
        proofs = self.attested(isin, there, denial, len(lane.epochs))
        told = (denial.as_tuple(), false.as_tuple(), *proofs)
        self.act(
            there,
            "disown",
            None,
            lambda: side.escrow.take_denial(*told, sender=side.courier),
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
        rest, units = lane.end.rest()
        if not lane.end.epoch:
            assert rest == units == 0, "dust before a ratio"
        agent, known = self.account(isin, name, AGENT), self.stage.lane[isin, remote]
        expected = None if units else "closing: no dust to pay"
        if lane.end.words:
            expected = "closing: dust while a message waits"
        receipt = self.act(
            name,
            "pay dust",
            expected,
            lambda: side.escrow.pay_dust(known, sender=side.attacker),
        )
        if receipt is not None:
            assert receipt.return_value == units, f"INV-12: {isin} on {name}: dust"
            lane.end.dust()
            book.token.move(lane.custody, agent, units)
        self.sync(name)

    def dusty(self, isin: str, name: str, remote: str) -> tuple[str, str, str]:
        """An end of a lane where ratios left something; this one, or else any."""
        ends = [(isin, name, name if name != HOME else remote)]
        ends += [(at, there, lane) for at, lane in self.stage.lane for there in (HOME, lane)]
        found = (each for each in ends if self.book(*each[:2]).lanes[each[2]].end.rest()[1])
        return next(found, ends[0])

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
