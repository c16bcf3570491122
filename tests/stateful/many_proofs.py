"""What attestors sign, whole or corrupt, and why it proves nothing: by its bytes alone.

A corrupt attestation is read here as `QuorumVerifier` says that it is packed, whatever its bytes
have become; so any corruption has the one reason for which it is refused, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tallystick.bridge.attestation import (
    ATTESTATION_TYPE,
    Domain,
    SignerSet,
    Struct,
    attest,
    attestation_digest,
    signer_of,
)
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, Batch
from tallystick.bridge.message import LaneMessage
from tallystick.deploy.signers import first_signers
from tests.stateful.many_ground import Ground
from tests.stateful.many_model import Lane
from tests.stateful.model import Refusal

_HEAD, _SIGNATURE, _WORD = 10, 64, 32
_S_MASK: Final = 2**255 - 1
_MAX_S: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0

# How one attestation goes wrong: its bytes, and a number that says where.
BROKEN: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "a bit flips": lambda proof, at: _flipped(proof, at % (8 * len(proof))),
    "a signature's bit flips": lambda p, at: _flipped(p, 8 * _HEAD + at % (8 * (len(p) - _HEAD))),
    "bytes are missing": lambda proof, at: proof[: -1 - at % (len(proof) - 1)],
    "one signature is missing": lambda proof, _: proof[:-_SIGNATURE],
    "bytes follow": lambda proof, at: proof + bytes(1 + at % 8),
    "a signature follows": lambda proof, _: proof + proof[-_SIGNATURE:],
    "unsorted": lambda proof, _: proof[:_HEAD] + proof[-_SIGNATURE:] + proof[_HEAD:-_SIGNATURE],
    "one signer twice": lambda p, _: p[:_HEAD] + 2 * p[_HEAD : _HEAD + _SIGNATURE],
    "too few": lambda p, _: p[:8] + _lowest(p) + p[_HEAD : _HEAD + _SIGNATURE],
    "one who is nobody": lambda proof, _: _flipped(proof, 64),
    "high s": lambda proof, _: proof[:-_WORD] + _S_MASK.to_bytes(_WORD, "big"),
    "nothing": lambda _, at: bytes(at % 40),
}
# How what belongs together doesn't: of a message, by the attestations that it has.
MIXED: Final[dict[str, Callable[[tuple[bytes, ...]], tuple[bytes, ...]]]] = {
    "the first alone": lambda proofs: proofs[:1],
    "the last alone": lambda proofs: proofs[-1:],
    "one more": lambda proofs: (*proofs, proofs[-1])[:2],
    "the first twice": lambda proofs: (proofs[0], proofs[0]),
    "the other way round": lambda proofs: proofs[::-1],
}
# What was signed is something else.
OTHER: Final = (
    "another amount",
    "another ledger's",
    "of the other type",
    "of another epoch",
)


@dataclass(frozen=True)
class Fault:
    """One of them; where; of the first attestation or the last."""

    what: str
    at: int
    last: bool


class Attesting(Ground):
    """What attestors sign for a ledger."""

    def signers(self, isin: str, epoch: int) -> tuple[SignerSet, ...]:
        """Of each of a lane's verifiers, in an epoch; later ones are the same people."""
        network = self.stage.networks[isin]
        first = first_signers(network.plan.lanes[0], network.parties.attestors[0])
        return tuple(replace(each, epoch=epoch) for each in first)

    def domain(self, isin: str, name: str) -> Domain:
        side = self.side(isin, name)
        return Domain(side.chain.chain_id, str(side.escrow.address))

    def attested(self, isin: str, name: str, what: Struct, epoch: int) -> tuple[bytes, ...]:
        """What enough attestors sign for a ledger, whatever it says."""
        keys = {
            str(each.address): each.key for each in self.stage.networks[isin].parties.attestors[0]
        }
        batch = isinstance(what, Batch)
        return tuple(
            attest(
                what,
                signers,
                self.domain(isin, name),
                [key for each in signers.signers[: signers.threshold] if (key := keys[each])],
                BATCH_ATTESTATION_TYPE if batch else ATTESTATION_TYPE,
            )
            for signers in self.signers(isin, epoch)
        )

    def corrupt(
        self, isin: str, name: str, what: LaneMessage | Batch, epoch: int, fault: Fault
    ) -> tuple[bytes, ...]:
        """The same with a fault."""
        proofs = list(self.attested(isin, name, what, epoch))
        at = -1 if fault.last else 0
        if fault.what in BROKEN:
            proofs[at] = BROKEN[fault.what](proofs[at], fault.at)
        elif fault.what in MIXED:
            return MIXED[fault.what](tuple(proofs))
        elif fault.what == "another ledger's":
            other = next(each for each in self.ledgers if each != name)
            proofs[at] = self.attested(isin, other, what, epoch)[at]
        elif fault.what == "of another epoch":
            proofs[at] = self.attested(isin, name, what, epoch - 1 if epoch > 1 else 2)[at]
        else:
            proofs[at] = self.attested(isin, name, self.another(what, fault.what), epoch)[at]
        return tuple(proofs)

    @staticmethod
    def another(what: LaneMessage | Batch, how: str) -> Struct:
        """Something like it: of other units, or of the other type."""
        if isinstance(what, Batch):
            other = replace(what, count=what.count + 1)
            return other if how == "another amount" else _Bare(what.id)
        other_one = replace(what, amount=what.amount + 1)
        return other_one if how == "another amount" else Batch(what.lane, what.id, 1)

    def unproven(
        self, isin: str, name: str, lane: Lane, what: Struct, proofs: Sequence[bytes]
    ) -> Refusal | None:
        """Why a ledger does not take something as proven now; a message, or a batch."""
        batch = isinstance(what, Batch)
        first, second = (*proofs, b"")[:2]
        if len(first) < _WORD:
            return ""
        epoch = int.from_bytes(first[:8], "big")
        refusal = lane.epoch_refusal(epoch, self.ledgers[name].clock)
        one, *others = self.signers(isin, epoch)
        domain = self.domain(isin, name)
        if refusal is None:
            refusal = quorum_refusal(first, one, what, domain)
        if refusal is not None:
            return refusal
        if not others:
            alone = f"transit: one verifier alone{' for a batch' if batch else ''}"
            return alone if second else None
        of = "transit: batch" if batch else "transit:"
        if not second:
            return f"{of} needs two attestations"
        if len(second) < _WORD:
            return ""
        if int.from_bytes(second[:8], "big") != epoch:
            return f"{of} of two epochs"
        return quorum_refusal(second, others[0], what, domain)


@dataclass(frozen=True)
class _Bare:
    """Something of which the hash alone is known; signed as a message is."""

    id: bytes


def quorum_refusal(
    proof: bytes, signers: SignerSet, what: Struct, domain: Domain
) -> Refusal | None:
    """Why a quorum verifies no such attestation, of 32 bytes at least; None: it does."""
    batch = isinstance(what, Batch)
    of, within = (" of a batch", " in a batch") if batch else ("", "")
    signers = replace(signers, epoch=int.from_bytes(proof[:8], "big"))
    kind = BATCH_ATTESTATION_TYPE if batch else ATTESTATION_TYPE
    digest = attestation_digest(what, signers, domain, kind)
    bits, at = int.from_bytes(proof[8:_HEAD], "big"), _HEAD
    for number, signer in enumerate(signers.signers):
        if bits >> number & 1:
            if at + _SIGNATURE > len(proof):
                return ""
            word = int.from_bytes(proof[at + _WORD : at + _SIGNATURE], "big")
            if word & _S_MASK > _MAX_S:
                return f"verifier: high s{within}"
            rest = (word & _S_MASK).to_bytes(_WORD, "big") + bytes([27 + (word >> 255)])
            try:
                found = signer_of(digest, proof[at : at + _WORD] + rest)
            except ValueError:
                found = ""
            if found != signer:
                return f"verifier: wrong signature{of}"
            at += _SIGNATURE
    if bits >> len(signers.signers):
        return f"verifier: bit without signer{within}"
    if at != len(proof):
        return f"verifier: trailing bytes{of}"
    if at < _HEAD + _SIGNATURE * signers.threshold:
        return f"verifier: too few signatures{of}"
    return None


def _flipped(proof: bytes, bit: int) -> bytes:
    """With one bit the other way, counted from the first."""
    whole = int.from_bytes(proof, "big") ^ 1 << 8 * len(proof) - 1 - bit
    return whole.to_bytes(len(proof), "big")


def _lowest(proof: bytes) -> bytes:
    """Of whose signatures follow, the first alone."""
    bits = int.from_bytes(proof[8:_HEAD], "big")
    return (bits & -bits).to_bytes(2, "big")
