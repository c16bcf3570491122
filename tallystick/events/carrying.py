"""What one ledger's engine told, taken by another.

Nothing is signed of what an engine told unless its log stands in a block that is final by the
manifest's rule, is what that engine would tell, and the engine keeps that it told it (INV-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from tallystick.actions.message import MESSAGE_ATTESTATION
from tallystick.bridge.carrying import Act, Decision
from tallystick.bridge.message import ledger_id
from tallystick.chain import Contract, Revert
from tallystick.events.acts import Actor, Step
from tallystick.events.asking import Asking, answered
from tallystick.events.decision import Sighting, decide
from tallystick.events.engines import Telling
from tallystick.events.kinds import KINDS
from tallystick.reach.finality import stand
from tallystick.reach.sending import FULL

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

    def take(self, telling: Telling, destination: str, final: int) -> Step | None:
        """Have a ledger take what another told, if it may; None: it has it.

        Args:
            telling: what was told.
            destination: who takes it.
            final: the last block of the source that is final.
        """
        ((_, step),) = self.take_all([telling], destination, final)
        return step

    def take_all(
        self, tellings: Sequence[Telling], destination: str, final: int
    ) -> Iterator[tuple[Telling, Step | None]]:
        """Do what `take` does of all that one ledger told another; what is asked is asked at once.

        Args:
            tellings: what was told, of one source.
            destination: who takes it.
            final: the last block of the source that is final.
        """
        left: list[Telling] = []
        for telling in tellings:
            act, what = _act(telling), _what(telling)
            handed = partial(self._handed, destination, act, telling.id, what)
            step = self._tried(destination, act, handed, what)
            if step is None or step.state == "done":
                left.append(telling)
            else:
                yield telling, self._unless_against(telling, step, what)
        if not left:
            return
        going: list[Telling] = []
        for telling, decision in zip(left, self._decided(left, destination, final), strict=True):
            if decision.act is Act.DELIVER:
                going.append(telling)
            elif decision.act is Act.DONE:
                yield telling, None
            else:
                state = "waiting" if decision.act is Act.WAIT else "refused"
                detail = f"{_what(telling)}: {decision.why}"
                yield telling, Step(destination, _act(telling), state, detail)
        if going:
            yield from self._taken(going, destination)

    def _decided(self, tellings: Sequence[Telling], destination: str, final: int) -> list[Decision]:
        """What to do with each."""
        engines, engine, ledger = self.engines, self._engine(destination), tellings[0].source
        source, chain = self._engine(ledger), engines.chain(ledger)
        name = ledger_id(chain.caip2)
        now = cache(lambda: self._clock(destination))
        asked = (KINDS[each.told.KIND].taken(engine, each.told, name, now) for each in tellings)
        known = answered(list(asked), self._block)
        new = [each for each, (taken, _) in zip(tellings, known, strict=True) if not taken]
        kept = answered([_kept(source, each.message.id) for each in new], self._block)
        is_told = dict(zip((each.id for each in new), kept, strict=True))
        canonical = stand(source, [each.log for each in new])
        return [
            decide(
                Sighting(
                    message=telling.message,
                    told=telling.told,
                    logged_id=telling.id,
                    source=engines.domain(ledger),
                    isin=engines.isin,
                    emitter=str(telling.log.address),
                    block=telling.log.block_number,
                    final=final,
                    canonical=taken or telling.log in canonical,
                    is_told=taken or is_told[telling.id],
                    taken=taken,
                    blocked=blocked,
                )
            )
            for telling, (taken, blocked) in zip(tellings, known, strict=True)
        ]

    def _taken(
        self, tellings: Sequence[Telling], destination: str
    ) -> Iterator[tuple[Telling, Step]]:
        """Sign and send what may go."""
        engine, source = self._engine(destination), self.engines.domain(tellings[0].source)

        def not_done(telling: Telling, state: str, why: str) -> tuple[Telling, Step]:
            detail = f"{_what(telling)}: {why}"
            return telling, Step(destination, _act(telling), state, detail)

        def is_full() -> bool:
            return self._ledgers is not None and not self._ledgers.sending(destination).room

        if is_full():
            for telling in tellings:
                yield not_done(telling, "waiting", FULL)
            return
        ledger = tellings[0].message.source_ledger
        peer = engine.peer_of.call(ledger, block=self._block(destination))
        if str(peer.engine) != source.engine:
            for telling in tellings:
                yield not_done(telling, "refused", "its engine there is another one")
            return
        signers = self._signers(destination, str(peer.verifier), MESSAGE_ATTESTATION)
        ready: list[tuple[Telling, tuple[Any, ...]]] = []
        for telling in tellings:
            proof, missing = self._signed("message-attestor", signers, telling.message, source)
            if missing:
                yield not_done(telling, "waiting", missing)
            else:
                arguments = telling.message.as_tuple(), *telling.told.arguments, proof
                ready.append((telling, arguments))
        # Of many, those that are refused cost no request each.
        tries = [(engine, engine.method(_act(each)).encode(*words)) for each, words in ready]
        answers = engine.chain.call_all(tries) if len(tries) > 1 else [b""] * len(tries)
        for (telling, arguments), answer in zip(ready, answers, strict=True):
            act, what = _act(telling), _what(telling)
            if is_full():
                yield not_done(telling, "waiting", FULL)
            elif isinstance(answer, Revert):
                yield telling, self._reverted(destination, act, answer, what)
            else:
                step = self._do(destination, engine.method(act), arguments, what, about=telling.id)
                yield telling, self._unless_against(telling, step, what)

    def _clock(self, ledger: str) -> int:
        """The time of a ledger's next block."""
        if self._ledgers is None:
            return self.engines.chain(ledger).now
        return self._ledgers.watch(ledger).clock

    @staticmethod
    def _unless_against(telling: Telling, step: Step, what: str) -> Step:
        """A step, but refused if what was taken contradicts what was known there."""
        against = KINDS[telling.told.KIND].against
        if against and step.receipt and step.receipt.named(against):
            why = f"{what}: contradicts what is known there"
            return Step(step.ledger, step.act, "refused", why)
        return step


def _kept(engine: Contract, message: bytes) -> Asking[bool]:
    """Whether an engine keeps that it told something."""
    (kept,) = yield [(engine, "is_told", message)]
    return bool(kept)


def _act(telling: Telling) -> str:
    """The function that takes it."""
    return KINDS[telling.told.KIND].act


def _what(telling: Telling) -> str:
    """What was told, for people."""
    return f"{telling.told.KIND.name} of {telling.source}"
