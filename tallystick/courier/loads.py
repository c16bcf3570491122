"""What delivers messages in one transaction, with what each verifier of the lane asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.bridge.attestation import Domain
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, Batch
from tallystick.bridge.outbox import EMPTY
from tallystick.chain.contract import Method
from tallystick.courier.decision import together
from tallystick.courier.direction import Direction, Seen
from tallystick.courier.end import Sent
from tallystick.courier.proving import Pages
from tallystick.courier.verifiers import Signing

__all__ = ["Load", "load_of", "loads_of"]


@dataclass(frozen=True)
class Load:
    """What goes in one transaction: some messages of a direction, and the call."""

    sent: tuple[Sent, ...]
    method: Method
    arguments: tuple[Any, ...]

    @property
    def about(self) -> tuple[bytes, ...]:
        """The ids of its messages."""
        return tuple(each.message.id for each in self.sent)

    @property
    def call(self) -> tuple[Any, bytes]:
        """The call, as `Chain.call_all` takes it."""
        return self.method.contract, self.method.encode(*self.arguments)


def loads_of(
    way: Direction,
    seen: Seen,
    sent: Sequence[Sent],
    pages: Mapping[str, Pages],
    signing: Signing,
) -> list[Load]:
    """Return what delivers some messages, as many of them together as can go so.

    Args:
        way: their direction.
        seen: it, as this step sees it.
        sent: the messages; each may be signed, and every proof verifier knows it.
        pages: what those know, by address.
        signing: who attests.
    """
    by_nonce = {each.message.nonce: each for each in sent}
    # A denial goes by itself, and first: what it undoes may stand in another's way.
    denials = [(nonce,) for nonce, each in by_nonce.items() if each.message.denies is not None]
    # A last word, too, and after all of them.
    lasts = [(nonce,) for nonce, each in by_nonce.items() if each.message.is_last]
    units = [nonce for nonce in by_nonce if (nonce,) not in (*denials, *lasts)]
    return [
        load_of(way, seen, [by_nonce[nonce] for nonce in nonces], pages, signing)
        for nonces in (*denials, *together(units, by_page=bool(pages)), *lasts)
    ]


def load_of(
    way: Direction,
    seen: Seen,
    sent: Sequence[Sent],
    pages: Mapping[str, Pages],
    signing: Signing,
) -> Load:
    """Return what delivers these messages in one transaction; arguments as of `loads_of`."""
    lane, escrow = way.lane.id_bytes, seen.landed.escrow
    domain = Domain(escrow.chain.chain_id, way.lane.escrow_on(way.destination))
    by_proof = {
        one: pages[str(one.prover.address)].attestation(seen.epoch, sent)
        for one in seen.trusted
        if one.prover is not None
    }
    quorums = [one.signers for one in seen.trusted if one.prover is None]
    messages = [each.message for each in sent]
    if len(messages) > 1:
        # Where storage proves them, they are chained to what is before them on their page.
        before = next((known.before(sent[0]) for known in pages.values()), EMPTY)
        batch, attests = Batch.of(messages, before), BATCH_ATTESTATION_TYPE
        signed = tuple(signing.attest(batch, each, domain, attests) for each in quorums)
    else:
        # Signed once an epoch, whatever keeps it waiting.
        (message,) = messages
        epoch, signed = way.attested.get(message.id, (0, ()))
        if epoch != seen.epoch:
            signed = tuple(signing.attest(message, each, domain) for each in quorums)
            way.attested[message.id] = seen.epoch, signed
    by_quorum = iter(signed)
    proofs = tuple(by_proof.get(one) or next(by_quorum) for one in seen.trusted)
    if len(messages) > 1:
        told = [message.as_tuple() for message in messages]
        return Load(tuple(sent), escrow.deliver_batch, (lane, before, told, *proofs))
    (message,) = messages
    if message.denies is not None:
        denied = seen.sent.denied(message.id)
        assert denied is not None, "it waits until that is logged"
        told = [message.as_tuple(), denied.as_tuple()]
        return Load(tuple(sent), escrow.take_denial, (*told, *proofs))
    method = escrow.take_last if message.is_last else escrow.deliver
    return Load(tuple(sent), method, (message.as_tuple(), *proofs))
