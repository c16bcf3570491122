"""An event announced, confirmed, and carried between its ledgers."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.actions.message import EVENT_ATTESTATION, EventVersion, Status
from tallystick.actions.record import EventRecord, RecordError
from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account
from tallystick.events.acts import Step
from tallystick.events.carrying import Carrier
from tallystick.events.kinds import word_text
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection
from tallystick.reach.sending import Ledgers

__all__ = ["Announcer"]


class Announcer(Carrier):
    """Announces an event and carries what engines tell of it; see `Actor`.

    Args:
        connection: the ledgers.
        record: the version of the event that the user has in hand.
        account: who sends.
        execute: send transactions.
        ledgers: what sends without waiting for blocks, as for `Actor`.
    """

    def __init__(
        self,
        connection: Connection,
        record: EventRecord,
        *,
        account: Account | str = "",
        execute: bool = True,
        ledgers: Ledgers | None = None,
    ) -> None:
        super().__init__(connection, account=account, execute=execute, ledgers=ledgers)
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
                standing.newest != bytes(32) and word_text(standing.corp) != record.corp,
                "corp",
                f"{word_text(standing.corp)}, as announced before",
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
        for source in self.engines.ledgers:
            final = self.connection.final(source)
            for telling in self.engines.told(source, self.record):
                for destination in self.destinations(telling):
                    step = self.take(telling, destination, final)
                    if step is not None:
                        yield step
