"""Who signs for the verifiers of a plan at first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

from tallystick.actions.message import EVENT_ATTESTATION, MESSAGE_ATTESTATION
from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account
from tallystick.files.plan import Actions, Lane
from tallystick.reach.accounts import Parties

__all__ = ["EngineSigners", "first_signers"]


def first_signers(lane: Lane, attestors: Iterable[Account]) -> SignerSet:
    """Return who signs in the first epoch of a lane, on both its ledgers."""
    return SignerSet.of(1, lane.verifiers[0].threshold, (a.address for a in attestors))


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
