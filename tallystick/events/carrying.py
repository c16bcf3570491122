"""An event announced, confirmed, and carried between its ledgers.

Nothing is signed of what an engine told unless its log stands in a block that is final by the
manifest's rule, is what that engine would tell, and the engine keeps that it told it (INV-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.actions.message import (
    EVENT_ATTESTATION,
    MESSAGE_ATTESTATION,
    Armed,
    EventVersion,
    Figures,
    Reconciled,
    Status,
)
from tallystick.actions.record import EventRecord, RecordError
from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import ledger_id
from tallystick.chain import Account
from tallystick.events.acts import Actor, Step
from tallystick.events.decision import Act, Sighting, decide
from tallystick.events.engines import Telling
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection
from tallystick.reach.finality import final_block

__all__ = ["Carrier"]


class Carrier(Actor):
    """Announces an event and carries what engines tell of it; see `Actor`.

    Args:
        connection: the ledgers.
        record: the version of the event that the user has in hand.
        account: who sends.
        execute: send transactions.
    """

    def __init__(
        self,
        connection: Connection,
        record: EventRecord,
        *,
        account: Account | str = "",
        execute: bool = True,
    ) -> None:
        super().__init__(connection, account=account, execute=execute)
        self.record = record
        self.coaf: bytes = record.as_tuple()[2]

    # --------------------------------------------------------------------- the record

    def check_announcement(self, status: Status = Status.ACTIVE) -> None:
        """Refuse a version that home would not take after those that it has.

        Raises:
            RecordError: the field that is wrong.
        """
        engine, record = self._engine(self.engines.home), self.record
        standing = engine.event_of(self.coaf)
        if bytes(standing.newest) == record.hash:
            kept = Status(engine.version_of(record.hash).status)
            if kept != status:
                expected = f"the version after it: this one was announced {kept.name.lower()}"
                raise RecordError("version", expected)
            return
        newest = engine.version_of(standing.newest)
        for wrong, name, expected in (
            (
                engine.version_of(standing.in_force).status == Status.CANCELLED,
                "coaf",
                "another reference: this event is cancelled, and ids are used once",
            ),
            (
                standing.newest != bytes(32)
                and bytes(standing.corp).rstrip(b"\0") != record.corp.encode(),
                "corp",
                f"{bytes(standing.corp).rstrip(bytes(1)).decode()}, as announced before",
            ),
            (
                record.version != newest.version + 1,
                "version",
                f"{newest.version + 1}: {newest.version or 'nothing'} was announced last",
            ),
            (
                record.previous != bytes(standing.newest),
                "previous",
                "the hash of the version announced last (tallystick event status)",
            ),
        ):
            if wrong:
                raise RecordError(name, expected)

    def is_announced(self) -> bool:
        """Whether home has this version."""
        return self.version() is not None

    def day_in_force(self) -> int:
        """Return the record day of the version in force at home; 0: none is."""
        engine = self._engine(self.engines.home)
        return int(engine.version_of(engine.event_of(self.coaf).in_force).record_day)

    def announce(self, status: Status = Status.ACTIVE) -> Iterator[Step]:
        """The issuer announces the version at home."""
        home, record = self.engines.home, self.record
        engine, what = self._engine(home), f"version {record.version}, {status.name.lower()}"
        if engine.version_of(record.hash).status == status:
            yield Step(home, "announce", "done", what)
            return
        arguments = (record.as_tuple(), int(status), reason_code(record.caev), record.terms)
        yield self._do(home, engine.announce, arguments, what, role="issuer")

    def version(self) -> EventVersion | None:
        """Return the version as home announced it; None: it did not."""
        kept = self._engine(self.engines.home).version_of(self.record.hash)
        return EventVersion(self.record, Status(kept.status)) if kept.status else None

    def event_signers(self) -> SignerSet:
        """Return who confirms events, as home's engine knows them."""
        home = self.engines.home
        return self._signers(home, str(self._engine(home).attestors()), EVENT_ATTESTATION)

    def confirm(self, attestation: bytes = b"") -> Iterator[Step]:
        """Bring what event attestors signed of the version; with their keys, if those are here."""
        home, what = self.engines.home, f"version {self.record.version}"
        engine = self._engine(home)
        standing, version = engine.event_of(self.coaf), self.version()
        if bytes(standing.in_force) == self.record.hash:
            yield Step(home, "confirm", "done", what)
            return
        if version is None or bytes(standing.newest) != self.record.hash:
            why = "it is not announced" if version is None else "a later version is announced"
            yield Step(home, "confirm", "waiting", f"{what}: {why}")
            return
        if not attestation:
            domain = self.engines.domain(home)
            signers = self.event_signers()
            attestation, missing = self._signed("event-attestor", signers, version, domain)
            if missing:
                yield Step(home, "confirm", "waiting", f"{what}: {missing}")
                return
        yield self._do(home, engine.confirm, (self.record.as_tuple(), attestation), what)

    # -------------------------------------------------------------------- what is told

    def carry(self) -> Iterator[Step]:
        """Attest and take everything that an engine told of the event and another has not taken."""
        engines = self.engines
        for source in engines.ledgers:
            final = final_block(
                engines.chain(source), self.connection.manifest.ledger(source).finality
            )
            for telling in engines.told(source, self.record):
                for destination in self._destinations(telling):
                    step = self._carry(telling, destination, final)
                    if step is not None:
                        yield step

    def waiting_messages(self) -> Iterator[tuple[Telling, str]]:
        """Yield what was told and not taken, and by which ledger."""
        for source in self.engines.ledgers:
            for telling in self.engines.told(source, self.record):
                for destination in self._destinations(telling):
                    if not self._taken(telling, destination)[0]:
                        yield telling, destination

    def _destinations(self, telling: Telling) -> Sequence[str]:
        home, lanes = self.engines.home, self.engines.lanes
        if telling.source != home:
            return [home]
        if isinstance(telling.told, EventVersion):
            return list(lanes)
        lane = getattr(telling.told, "lane", b"")
        return [remote for remote, entry in lanes.items() if entry.id_bytes == lane]

    def _taken(self, telling: Telling, destination: str) -> tuple[bool, str]:
        """Whether a ledger has what another told, and why it can't take it yet."""
        engine, told = self._engine(destination), telling.told
        if isinstance(told, EventVersion):
            in_force = engine.version_of(engine.event_of(self.coaf).in_force)
            known = engine.version_of(told.record.hash).status != 0
            # The newest version replaces those before it whole.
            return known or in_force.halted or in_force.version >= told.record.version, ""
        if isinstance(told, Armed):
            source = ledger_id(self.engines.chain(telling.source).caip2)
            return engine.told_at(told.event_version, source).taken_at != 0, ""
        if isinstance(told, Figures):
            counts, kept = engine.figures_at(told.lane, told.day)
            if counts:
                return Figures(*kept) == told, ""
            other = any((kept.supply, kept.suspense, kept.sent))
            return False, "other figures contradict them: that lane and day stop" if other else ""
        if isinstance(told, Reconciled):
            return engine.reconciliation_of(told.lane).day >= told.day, ""
        standing = engine.event_of(self.coaf)
        version, share = engine.version_of(standing.in_force), engine.share_of(self.coaf, told.lane)
        if version.halted:
            return True, ""
        if share.fixed:
            return (share.accounts, share.crossing) == (told.accounts, told.crossing), ""
        taken = bytes(engine.version_hash(self.coaf, version.version)) == told.event_version
        return False, "" if taken else "its record is not in force there"

    def _carry(self, telling: Telling, destination: str, final: int) -> Step | None:
        engines, message, told = self.engines, telling.message, telling.told
        taken, blocked = self._taken(telling, destination)
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
        what = f"{told.KIND.name} of {telling.source}"
        act = f"take_{told.KIND.name.lower()}"
        if decision.act is Act.DONE:
            return None
        if decision.act is not Act.TAKE:
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
        body = (
            (told.record.as_tuple(), int(told.status))
            if isinstance(told, EventVersion)
            else (told.as_tuple(),)
        )
        step = self._do(destination, engine.method(act), (message.as_tuple(), *body, proof), what)
        against = ("EventHalted", "FiguresContradicted", "TotalsContradicted")
        if step.receipt and any(step.receipt.named(name) for name in against):
            return Step(destination, act, "refused", f"{what}: contradicts what is known there")
        return step
