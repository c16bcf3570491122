"""An event file carried out over both ledgers by the driver, from first to last act."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tallystick.actions.record import EventRecord
from tallystick.actions.tax import TaxTable
from tallystick.bridge.message import LaneMessage
from tallystick.events.driver import Driver, Step
from tallystick.events.standing import Payment, payments_of, standing_of, waits
from tallystick.files.event import load_event
from tallystick.files.instrument import Instrument
from tallystick.files.manifest import InstrumentEntry
from tallystick.token.position import close_of
from tests.support.world import STATED, World


@dataclass(frozen=True)
class Driven:
    """A record on its world, and who drives it."""

    world: World
    record: EventRecord

    @classmethod
    def from_file(cls, world: World, folder: Path, event: Mapping[str, Any]) -> Driven:
        """The record that an event file gives, read as the command does."""
        return cls(world, event_of(world.network.manifest.instrument, folder, event))

    @property
    def driver(self) -> Driver:
        """Everybody's keys are at hand."""
        return Driver(self.world.network.connection, self.record)

    def day(self, day: int, seconds: int = 3_600) -> None:
        """A business day begins on both ledgers, by the instrument's own close."""
        for side in (self.world.home, self.world.remote):
            side.chain.set_time(close_of(day - 1, int(side.token.close_minute())) + seconds)

    def terms(self, taxes: TaxTable, currency: str, ledgers: Iterable[str] = ()) -> None:
        """Both keys set terms of payment, and the paying agent has cash; everywhere unless said."""
        for name in ledgers or ("home", "remote"):
            side = getattr(self.world, name)
            accounts = (side.cash.address, side.auditor.address, side.issuer.address)
            terms = (currency.encode().ljust(4, b"\0"), *accounts, taxes.pack())
            side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
            side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)
            side.cash.mint(side.paying_agent, 10**24, sender=side.issuer)

    def carry(self) -> None:
        """What was told is final and carried, whatever there is."""
        for _ in range(2):
            for side in (self.world.home, self.world.remote):
                side.chain.mine(3)
            list(self.driver.carry())

    def told(self) -> None:
        """Announced, confirmed, carried."""
        done(self.driver.announce())
        done(self.driver.confirm())
        self.carry()

    def fixed(self, landing: Iterable[LaneMessage] = ()) -> None:
        """The record day has closed, what was under way lands, and all is fixed."""
        self.day(self.record.record_day + 1)
        for message in landing:
            self.world.deliver(message)
        done(self.driver.figures())
        self.carry()
        done(self.driver.fix())
        self.carry()

    def paid(self) -> tuple[Payment, ...]:
        """Funded and, on the day after the relief day, paid to all; every payment."""
        done(self.driver.fund())
        self.day(self.record.relief_until + 1)
        done(self.driver.pay())
        return payments_of(self.driver)

    def waits(self) -> dict[str, tuple[str, ...]]:
        """What each ledger says that it waits for."""
        return {seen.ledger: waits(seen) for seen in standing_of(self.driver)}


def event_of(
    instrument: Instrument | InstrumentEntry,
    folder: Path,
    event: Mapping[str, Any],
    today: date | None = None,
) -> EventRecord:
    """The record that an event file gives when it is announced today; None: it was announced."""
    path = folder / "event.yaml"
    path.write_text(json.dumps(event))
    return load_event(path, instrument, today=today)


def done(steps: Iterator[Step]) -> None:
    """Carry out every act; none is refused or has to wait."""
    taken = list(steps)
    assert taken
    assert {step.state for step in taken} <= {"executed", "done"}, taken
