"""Messages that end otherwise than on their recipient's account, and attestors who change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account, Chain, Revert
from tallystick.demo.report import Report
from tallystick.errors import CheckFailed
from tallystick.local.network import Network

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
    """Two sections of the story.

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
