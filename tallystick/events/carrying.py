"""What one ledger's engine told, taken by another.

Nothing is signed of what an engine told unless its log stands in a block that is final by the
manifest's rule, is what that engine would tell, and the engine keeps that it told it (INV-4).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tallystick.actions.message import MESSAGE_ATTESTATION
from tallystick.bridge.carrying import Act
from tallystick.bridge.message import ledger_id
from tallystick.events.acts import Actor, Step
from tallystick.events.decision import Sighting, decide
from tallystick.events.engines import Telling
from tallystick.events.kinds import KINDS

__all__ = ["Carrier"]


class Carrier(Actor):
    """Has a ledger's engine take what another's told; see `Actor`."""

    def destinations(self, telling: Telling) -> Sequence[str]:
        """Return the ledgers for which something was told."""
        home, lanes = self.engines.home, self.engines.lanes
        if not KINDS[telling.told.KIND].from_home:
            return [home]
        # What is told of a lane is for the ledger at its other end, the rest for all.
        lane = getattr(telling.told, "lane", None)
        return [remote for remote, entry in lanes.items() if lane in (None, entry.id_bytes)]

    def taken(self, telling: Telling, destination: str) -> tuple[bool, str]:
        """Return whether a ledger has what another told, and why it can't take it yet."""
        source = ledger_id(self.engines.chain(telling.source).caip2)
        return KINDS[telling.told.KIND].taken(self._engine(destination), telling.told, source)

    def take(self, telling: Telling, destination: str, final: int) -> Step | None:
        """Have a ledger take what another told, if it may; None: it has it.

        Args:
            telling: what was told.
            destination: who takes it.
            final: the last block of the source that is final.
        """
        engines, message, told = self.engines, telling.message, telling.told
        what, act = f"{told.KIND.name} of {telling.source}", KINDS[told.KIND].act
        handed = partial(self._handed, destination, act, telling.id, what)
        step = self._tried(destination, act, handed, what)
        if step is not None and step.state != "done":
            return self._unless_against(telling, step, what)
        taken, blocked = self.taken(telling, destination)
        decision = decide(
            Sighting(
                message=message,
                told=told,
                logged_id=telling.id,
                source=engines.domain(telling.source),
                isin=engines.isin,
                emitter=str(telling.log.address),
                block=telling.log.block_number,
                final=final,
                canonical=taken or engines.stands(telling),
                is_told=taken or bool(self._engine(telling.source).is_told(message.id)),
                taken=taken,
                blocked=blocked,
            )
        )
        if decision.act is Act.DONE:
            return None
        if decision.act is not Act.DELIVER:
            state = "waiting" if decision.act is Act.WAIT else "refused"
            return Step(destination, act, state, f"{what}: {decision.why}")
        engine = self._engine(destination)
        source = engines.domain(telling.source)
        peer = engine.peer_of(message.source_ledger)
        if str(peer.engine) != source.engine:
            why = "its engine there is another one"
            return Step(destination, act, "refused", f"{what}: {why}")
        signers = self._signers(destination, str(peer.verifier), MESSAGE_ATTESTATION)
        proof, missing = self._signed("message-attestor", signers, message, source)
        if missing:
            return Step(destination, act, "waiting", f"{what}: {missing}")
        arguments = (message.as_tuple(), *told.arguments, proof)
        step = self._do(destination, engine.method(act), arguments, what, about=telling.id)
        return self._unless_against(telling, step, what)

    @staticmethod
    def _unless_against(telling: Telling, step: Step, what: str) -> Step:
        """A step, but refused if what was taken contradicts what was known there."""
        against = KINDS[telling.told.KIND].against
        if against and step.receipt and step.receipt.named(against):
            why = f"{what}: contradicts what is known there"
            return Step(step.ledger, step.act, "refused", why)
        return step
