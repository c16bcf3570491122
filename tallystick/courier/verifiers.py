"""Whom a lane trusts on a ledger now, and what attestors sign with the keys that are here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge import proof
from tallystick.bridge.attestation import (
    ATTESTATION_TYPE,
    Asking,
    SignerSet,
    Struct,
    attest,
    gathered,
)
from tallystick.chain import Account, Contract
from tallystick.courier.end import LaneEnd
from tallystick.reach.connection import Connection

__all__ = ["Signing", "Trusted", "Verifiers"]


_NOTHING: Final[Mapping[str, bytes]] = {}


@dataclass(frozen=True, slots=True)
class Trusted:
    """A verifier of a lane's epoch.

    Attributes:
        signers: who attests: messages in the lane's epoch, or headers of the source to a proof
            verifier, in its own.
        prover: the proof verifier; None: what is attested is the message.
        slot: of the outbox in the storage that it takes proofs of.
    """

    signers: SignerSet
    prover: Contract | None = None
    slot: int = 0


class Signing:
    """The keys that are here, and what they sign; each thing as soon as enough are."""

    def __init__(self, keys: Mapping[str, Account]) -> None:
        self._keys = keys

    def missing(self, signers: SignerSet, made: Collection[str] = ()) -> str:
        """Say what is missing to sign for a set beside who signed elsewhere, or nothing."""
        here = len(made) + len(self._of(signers, made))
        return f"{here} of {signers.threshold}" if here < signers.threshold else ""

    def attest(
        self,
        what: Struct,
        signers: SignerSet,
        domain: Asking,
        attestation_type: str = ATTESTATION_TYPE,
        made: Mapping[str, bytes] = _NOTHING,
    ) -> bytes:
        """Sign with as many keys as a set asks for beside signatures that others made, by signer.

        See `attest` and `gathered` of the bridge.
        """
        keys = self._of(signers, made)[: max(signers.threshold - len(made), 0)]
        if not made:
            return attest(what, signers, domain, keys, attestation_type)
        return gathered(what, signers, domain, made.values(), attestation_type, keys)

    def _of(self, signers: SignerSet, but: Collection[str] = ()) -> list[bytes]:
        """The keys of a set that are here, but of some."""
        return [
            account.key
            for address in signers.signers
            if address not in but
            and (account := self._keys.get(address)) is not None
            and account.key is not None
        ]


class Verifiers:
    """Reads whom lanes trust; what a verifier is never changes, so that it is asked once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], Trusted] = {}

    def newest(self, ledger: str, end: LaneEnd) -> tuple[int, tuple[Trusted, ...]]:
        """Return the newest epoch of a lane that is valid at its end now, and whom it trusts.

        Args:
            ledger: the end's.
            end: it, as this step read it.

        Returns:
            its number, 0 if none is valid; one verifier, or two.

        Raises:
            ChainError: the node can't be reached.
            Revert: a verifier is of no kind that is known here.
        """
        now, head = end.watch.clock, end.watch.head.number
        for number in range(int(end.state.epoch), 0, -1):
            epoch = end.escrow.epoch_at.call(end.lane, number, block=head)
            if int(epoch.valid_from) <= now < int(epoch.valid_until):
                both = (str(epoch.verifier), str(epoch.second))
                trusted = [address for address in both if int(address, 16)]
                return number, tuple(self._of(ledger, each, number, head) for each in trusted)
        return 0, ()

    def _of(self, ledger: str, address: str, epoch: int, head: int) -> Trusted:
        known = self._known.get((ledger, address))
        if known is None:
            known = self._known[ledger, address] = self._read(ledger, address, head)
        if known.prover is not None:
            return known
        signers = known.signers
        return Trusted(SignerSet(epoch, signers.threshold, signers.signers))

    def _read(self, ledger: str, address: str, head: int) -> Trusted:
        quorum = self._connection.contract(ledger, "QuorumVerifier", address)
        # A manifest lists none: it comes in by a change of terms.
        prover = quorum.chain.at("ProofVerifier", address)
        asked = [(quorum, "signer_set"), (prover, "QUORUM"), (prover, "OUTBOX_SLOT")]
        kept, behind, slot = quorum.chain.ask(asked, block=head)
        if not isinstance(kept, Exception):
            return Trusted(_set_of(kept, ATTESTATION_TYPE))
        if isinstance(behind, Exception) or isinstance(slot, Exception):
            raise kept
        quorum = self._connection.contract(ledger, "QuorumVerifier", str(behind))
        signers = _set_of(quorum.signer_set.call(block=head), proof.ATTESTATION_TYPE)
        return Trusted(signers, prover, int(slot))


def _set_of(kept: Any, attests: str) -> SignerSet:
    """The signers that a quorum verifier names; in the first epoch, as that of a proof is."""
    threshold, signers = int(kept.threshold), list(map(str, kept.signers))
    return SignerSet.of(proof.EPOCH, threshold, signers, attests)
