"""Who signs for the verifiers of a plan at first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple, Self

from tallystick.actions.message import EVENT_ATTESTATION, MESSAGE_ATTESTATION
from tallystick.bridge import proof
from tallystick.bridge.attestation import ATTESTATION_TYPE, SignerSet
from tallystick.chain import Account
from tallystick.files.plan import Actions, Lane
from tallystick.reach.accounts import Parties

__all__ = ["EngineSigners", "VerifierKey", "first_signers", "verifier_keys"]


def first_signers(lane: Lane, attestors: Iterable[Account]) -> tuple[SignerSet, ...]:
    """Return who signs in the first epoch of a lane for each of its verifiers, on both ledgers.

    Args:
        lane: the lane.
        attestors: those of all its verifiers, in the plan's order.
    """
    left = iter(attestors)
    return tuple(
        SignerSet.of(
            1,
            each.threshold,
            (a.address for a in islice(left, len(each.attestors))),
            ATTESTATION_TYPE if each.kind is None else proof.ATTESTATION_TYPE,
        )
        for each in lane.verifiers
    )


class VerifierKey(NamedTuple):
    """What the journal calls a verifier of a plan's lane, and the quorum that it rests on.

    Of a quorum that attests messages both are the same.
    """

    trusted: str
    quorum: str

    @property
    def kind(self) -> str:
        """The contract that the lane trusts."""
        return self.trusted.partition("#")[0]


def verifier_keys(lane: Lane, index: int) -> list[VerifierKey]:
    """Return what the journal calls the verifiers of a plan's lane, in its order."""
    found = []
    for number, each in enumerate(lane.verifiers):
        place = f"#{index}" + (f".{number}" if number else "")
        quorum = f"QuorumVerifier{place}"
        found.append(VerifierKey(f"ProofVerifier{place}" if each.kind else quorum, quorum))
    return found


class EngineSigners(NamedTuple):
    """Who attests for the engines of a plan: the same accounts on every ledger."""

    events: SignerSet
    messages: SignerSet

    @classmethod
    def of(cls, actions: Actions, parties: Parties) -> Self:
        """Return them of a plan's section, its accounts found."""
        return cls(
            *(
                SignerSet.of(1, quorum.threshold, (a.address for a in accounts), attests)
                for quorum, accounts, attests in (
                    (actions.events, parties.event_attestors, EVENT_ATTESTATION),
                    (actions.messages, parties.message_attestors, MESSAGE_ATTESTATION),
                )
            )
        )
