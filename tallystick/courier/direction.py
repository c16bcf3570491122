"""One direction of a lane: what a courier remembers of it, sees of it, and says of its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tallystick.bridge.carrying import Halt, is_not_yet
from tallystick.bridge.message import Kind
from tallystick.chain import Receipt, Revert
from tallystick.courier.decision import Sighting
from tallystick.courier.end import LaneEnd, Sent
from tallystick.courier.outcome import Outcome
from tallystick.courier.proving import Prover
from tallystick.courier.verifiers import Trusted
from tallystick.files.manifest import LaneEntry
from tallystick.reach.sending import Handed, Sending

__all__ = ["Direction", "Seen", "claim_of", "return_of"]

_BEATEN: Final = ("transit: delivered already", "denials: taken already", "closing: taken already")


@dataclass(frozen=True)
class Seen:
    """A direction as one step sees it.

    Attributes:
        sent: the source's end of the lane.
        landed: the destination's.
        sending: what sends there.
        epoch: the newest epoch that is valid there.
        trusted: the verifiers that all have to prove what arrives; none: no epoch is valid.
        missing: what is missing to sign, or nothing.
    """

    sent: LaneEnd
    landed: LaneEnd
    sending: Sending
    epoch: int
    trusted: tuple[Trusted, ...]
    missing: str


@dataclass
class Direction:
    """One direction of a lane, and what a courier remembers of it.

    Attributes:
        lane: the lane.
        source: the ledger that its messages leave.
        destination: the ledger that takes them.
        kind: what they do.
        tried: the step in which a message was tried last.
        attested: the epoch in which a message was attested by itself, and how, by each quorum.
        alone: those that a ledger refused: they spoil no batch before they would go by themselves.
        provers: what proves the source's storage, by the address of the verifier.
        turn: from which message in suspense on is asked in the next step.
        halted: why nothing was tried.
        rests_until: till when nothing is, by this machine's clock.
    """

    lane: LaneEntry
    source: str
    destination: str
    kind: Kind
    tried: dict[bytes, int] = field(default_factory=dict)
    attested: dict[bytes, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    alone: set[bytes] = field(default_factory=set)
    provers: dict[str, Prover] = field(default_factory=dict)
    turn: int = 0
    halted: Halt | None = None
    rests_until: float = 0.0

    def forget(self) -> None:
        """Begin anew: what was final is gone."""
        self.tried, self.attested, self.alone = {}, {}, set()

    def drop(self, seen: Seen, sent: Sent) -> None:
        """Forget a message that is settled for good, if it is believed at both ends."""
        if seen.sent.drop(sent):
            seen.landed.drop_landed(sent.id)
            self.tried.pop(sent.id, None)
            self.attested.pop(sent.id, None)
            self.alone.discard(sent.id)

    def sighting(
        self,
        seen: Seen,
        sent: Sent,
        *,
        kept: bool | None = True,
        canonical: bool = True,
        suspended: int = 0,
        receivable: bool = False,
    ) -> Sighting:
        """Return what was seen of a message; what was not asked for is as it should be."""
        paused = ""
        if sent.message.is_last:
            # No unit moves by it.
            pass
        elif sent.message.denies is None:
            stopped = int(seen.landed.state.paused_directions) & 2
            paused = "inbound is paused on the lane" if stopped else ""
        # What a stop is for, no stop keeps back.
        elif seen.sent.denied(sent.id) is None:
            paused = "no log tells what it denies"
        return Sighting(
            message=sent.message,
            logged_id=sent.id,
            emitter=str(sent.log.address),
            escrow=self.lane.escrow_on(self.source),
            lane=self.lane.id_bytes,
            kind=self.kind,
            block=sent.log.block_number,
            final=seen.sent.watch.final,
            canonical=canonical,
            kept=kept,
            arrived=suspended > 0,
            suspended=suspended,
            queued_until=seen.landed.queued_until(sent.id) if suspended else 0,
            receivable=receivable,
            clock=seen.landed.watch.clock,
            paused=paused,
        )

    # -------------------------------------------------------------- what was handed over

    @staticmethod
    def handed(seen: Seen, id_: bytes) -> tuple[Handed | None, str]:
        """Return what is under way for a message, or landed lately, and what it does."""
        abouts = (claim_of(id_), "claimed"), (return_of(id_), "returned"), (id_, "delivered")
        for about, what in abouts:
            handed = seen.sending.of(about)
            if handed is None:
                continue
            told = about not in handed.untold
            failed = handed.receipt is not None and handed.receipt.status == 0
            if not told or not failed:
                # What it left in suspense may be claimed, or returned.
                done = told and what == "delivered" and seen.landed.held(id_) is not None
                return (None, "") if done else (handed, what)
        return None, ""

    def of_handed(self, seen: Seen, sent: Sent, handed: Handed, what: str) -> Outcome | None:
        """Return what became of a message's transaction; nothing once that was told."""
        if handed.receipt is None:
            return self.outcome(sent, "waiting", handed.words, tx_hash=handed.tx_hash)
        id_ = sent.message.id
        about = {"claimed": claim_of, "returned": return_of}.get(what, bytes)(id_)
        if about not in handed.untold:
            return None
        handed.tell(about)
        failure = seen.sending.failure(handed)
        if failure is not None:
            return self.reverted(seen, sent, failure)
        receipt, together = handed.receipt, len(handed.about)
        if what != "delivered":
            return self.outcome(sent, what, receipt=receipt)
        queued = receipt.named("UnitsQueued")
        for event in receipt.named("MessageDelivered"):
            if bytes(event.args["id"]) == id_:
                suspended = bool(event.args["suspended"])
                what = "suspended" if suspended else "delivered"
                late = sent.message.is_late(receipt.timestamp)
                why = "its deadline has passed" if late else "its recipient can't receive"
                if not late and any(bytes(e.args["id"]) == id_ for e in queued):
                    why = "over its lane's limit"
                why = why if suspended else ""
                return self.outcome(sent, what, why, receipt, together=together)
        # It was here already: somebody was quicker.
        return None

    def reverted(self, seen: Seen, sent: Sent, revert: Revert) -> Outcome | None:
        """Return what a revert means: too early, another courier was quicker, or it failed."""
        escrow = seen.landed.escrow
        if revert.reason in _BEATEN and (
            escrow.has_arrived(self.lane.id_bytes, sent.message.nonce)
            if sent.message.denies is None
            else escrow.denial_taken(sent.id)
        ):
            return None
        if is_not_yet(revert):
            return self.outcome(sent, "waiting", revert.reason or "")
        return self.outcome(sent, "failed", str(revert))

    def outcome(
        self,
        sent: Sent,
        what: str,
        detail: str = "",
        receipt: Receipt | None = None,
        tx_hash: str = "",
        together: int = 1,
    ) -> Outcome:
        """Return what is said of a message; `together`: how many its transaction carries."""
        message = sent.message
        return Outcome(
            what=what,
            lane=self.lane.id_bytes,
            source=self.source,
            destination=self.destination,
            nonce=message.nonce,
            id=message.id,
            amount=message.amount,
            detail=detail,
            tx_hash=receipt.tx_hash if receipt else tx_hash,
            gas_used=receipt.gas_used // together if receipt else 0,
            together=together,
        )


def claim_of(id_: bytes) -> bytes:
    """Return what a claim is about: the message of its delivery, but another transaction."""
    return id_ + b"claim"


def return_of(id_: bytes) -> bytes:
    """Return what a return is about: one transaction more of the message."""
    return id_ + b"return"
