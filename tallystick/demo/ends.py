"""Messages that end otherwise than on their recipient's account, and attestors who change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account, Chain, Revert
from tallystick.demo.report import Report
from tallystick.errors import CheckFailed
from tallystick.local.network import Network
from tallystick.text import time_text

__all__ = ["Ends", "refusal"]

_HOUR = 3_600


def refusal(attempt: Callable[[], object]) -> str:
    """Return the reason for which an attempt is refused.

    Raises:
        CheckFailed: it is not.
    """
    try:
        attempt()
    except Revert as revert:
        return str(revert).removeprefix("reverted: ")
    raise CheckFailed("what had to be refused was accepted")


@dataclass(frozen=True)
class Ends:
    """Three sections of the story.

    Attributes:
        report: who tells it.
        network: the ledgers.
        sender: a holder at home, and its name.
        recipient: a holder on the remote ledger, and its name.
        amount: base units of a message.
        units: base units as text.
        reach: lets a ledger's clock reach a moment.
        sample: notes where the units are.
    """

    report: Report
    network: Network
    sender: tuple[Account, str]
    recipient: tuple[Account, str]
    amount: int
    units: Callable[[int], str]
    reach: Callable[[Chain, int], None]
    sample: Callable[[str], None]

    def too_late(self) -> None:
        """A message arrives after its deadline: its units go back to who sent them."""
        network, report = self.network, self.report
        home, remote = network.home, network.remote
        (sender, name), (recipient, its_name) = self.sender, self.recipient
        report.section("A message arrives too late: its units go back to the sender")
        before = int(home.token.balanceOf(sender))
        deadline = home.chain.now + _HOUR
        message = network.lock(sender, recipient.address, self.amount, deadline=deadline)
        report.say(f"{name} locks {self.units(self.amount)} for {its_name}, for an hour.")
        self.reach(remote.chain, deadline)
        if not network.deliver(message).one("MessageDelivered").args["suspended"]:
            raise CheckFailed("what came too late was credited")
        self.sample("arrived too late")
        reason = refusal(lambda: network.claim(message))
        report.say(f"Delivered an hour later: it waits in suspense, a claim is refused, {reason}.")
        answer = network.return_to_source(message)
        self.sample("sent back")
        self.reach(home.chain, answer.lock_time)
        receipt = network.deliver(answer)
        if int(home.token.balanceOf(sender)) != before:
            raise CheckFailed("what was sent back did not reach its sender")
        report.say(
            "Anyone returns it: a message back, which names the one that it answers, attested and "
            f"delivered as any other. {name} has the units again ({receipt.gas_used:,} gas)."
        )
        self.sample("back with the sender")

    def rotation(self) -> None:
        """Attestors are replaced while a message that they signed is in transit."""
        network, report = self.network, self.report
        home, remote = network.home, network.remote
        (sender, _), (recipient, its_name) = self.sender, self.recipient
        report.section("Attestors change while a message is in transit")
        early = network.lock(sender, recipient.address, self.amount)
        signed = network.attestations(early)
        leaver, *others = network.signer_set().signers
        network.rotate(remote, SignerSet.of(2, network.threshold, others))
        report.say(
            f"Signed by both operators; then one of the first operator's {len(others) + 1} "
            "attestors leaves: proposed by the operator, confirmed by an administrator, applied "
            "after the lane's delay. The guardian could have cancelled it until then."
        )
        network.deliver(early, *signed)
        report.say("What was signed before arrives: the epoch before stays valid for a while.")
        late = network.lock(sender, recipient.address, self.amount)
        self.reach(remote.chain, late.lock_time)
        by_leaver, good = network.attest(late, epoch=2), network.attestations(late)
        reason = refusal(lambda: network.deliver(late, by_leaver, good[1]))
        report.say(f"The next message, signed by {leaver[:10]}… too: refused, {reason}.")
        network.deliver(late, *good)
        report.say(f"Signed by those who stayed it reaches {its_name}.")
        self.reach(home.chain, remote.chain.now)
        self.sample("delivered, new attestors")

    def queue(self, unit: int) -> None:
        """More arrives than a limit lets through: it waits for the rest of its room, then lands."""
        network, report = self.network, self.report
        home, remote = network.home, network.remote
        (sender, name), (recipient, its_name) = self.sender, self.recipient
        if self.amount < 2 * unit:
            return
        report.section("More arrives than the lane's limit: it waits, then lands")
        limit = self.amount // unit // 2
        network.limit(remote, limit)
        terms = remote.escrow.lane_state(network.lane).terms
        self.reach(remote.chain, remote.chain.now + int(terms.ramp))
        report.say(
            f"The operator proposes a limit of {self.units(limit * unit)} in "
            f"{int(terms.limit_window):,} s, an administrator confirms it, it is applied after the "
            "lane's delay; its room grows from nothing."
        )
        self.reach(home.chain, remote.chain.now)
        before = int(remote.token.balanceOf(recipient))
        message = network.lock(sender, recipient.address, self.amount)
        self.reach(remote.chain, message.lock_time)
        receipt = network.deliver(message)
        until = int(receipt.one("UnitsQueued").args["until"])
        if int(remote.escrow.waits(message.id)) != until:
            raise CheckFailed("a delivery over the limit does not wait")
        report.say(
            f"{name} locks {self.units(self.amount)} for {its_name}. Delivered at "
            f"{time_text(remote.chain.now)}, counted, and in suspense until {time_text(until)}: "
            "what is over the limit, divided by the rate at which room comes back."
        )
        self.sample("queued over the limit")
        reason = refusal(lambda: network.claim(message))
        report.say(
            f"A claim before that: refused, {reason}. If the guardian stopped arrivals, it would "
            "wait on."
        )
        self.reach(remote.chain, until)
        network.claim(message)
        if int(remote.token.balanceOf(recipient)) != before + self.amount:
            raise CheckFailed("what waited for the limit did not land")
        report.say(f"Then anyone claims it, a courier does: {its_name} has the units.")
        network.limit(remote)
        self.reach(home.chain, remote.chain.now)
        self.sample("limit over")
