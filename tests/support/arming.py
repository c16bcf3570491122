"""Ratios at work on the two-ledger world: announced, armed, carried, entered, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import (
    ActionsMessage,
    Entered,
    EventVersion,
    Ratio,
    RatioState,
    Status,
)
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import ledger_id
from tallystick.chain import Event, Receipt
from tallystick.chain.abi import keccak
from tests.support.actions import Actions, begin
from tests.support.world import DAY, ISIN, STATED, BothSides, Side, World

# Apple's split: 4 for 1, announced 30 July 2020, the last close in old units 28 August.
SPLIT: Final = EventRecord(
    isin=ISIN,
    corp="TALLY-2020-0824",
    coaf="US-2020-SPLF-01",
    caev="SPLF",
    camv="MAND",
    announced=18_473,
    record_day=18_502,
    rate=Rate(4),
    terms=keccak(b"terms of the split"),
)
SPLIT_COAF: Final = SPLIT.as_tuple()[2]
# Why the token is told of a ratio.
RATIO_REASON: Final = b"RATI"
ANNOUNCE: Final = "announce_ratio(uint256,uint256,uint256,address,bytes4,bytes32)"
WITHDRAW: Final = "withdraw_ratio(uint256,bytes4,bytes32)"
CLOSE: Final = "announce_close(uint256,bytes4,bytes32)"


def ratio_event(number: int, rate: Rate, record_day: int, **changed: Any) -> EventRecord:
    """A split, or a reverse split, of its own."""
    caev = "SPLF" if rate.numerator > rate.denominator else "SPLR"
    coaf = f"US-2020-{caev}-{number:02}"
    return replace(SPLIT, coaf=coaf, caev=caev, rate=rate, record_day=record_day, **changed)


@dataclass(frozen=True)
class Arming(BothSides):
    """What is done with ratios: by anyone, but for the agent."""

    actions: Actions

    @classmethod
    def of(cls, world: World) -> Arming:
        """Operator and administrator name the fund as the fractions' agent on both ledgers."""
        arming = cls(Actions(world))
        for side in (world.home, world.remote):
            arming.set_agent(side)
        world.synchronise()
        return arming

    @property
    def world(self) -> World:
        """Both ledgers."""
        return self.actions.world

    def set_agent(self, side: Side) -> None:
        """The fund is credited what rounding leaves."""
        side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)

    def arm(self, record: EventRecord) -> Receipt:
        """Somebody has home arm the ratio of the version in force."""
        return Receipt.of(self.home.engine.arm(record.as_tuple(), sender=self.home.courier))

    def ratio(self, record: EventRecord, **changed: Any) -> Ratio:
        """What home tells of a ratio that it armed."""
        rate = record.change
        assert rate is not None
        told = Ratio(
            coaf=record.as_tuple()[2],
            version=record.version,
            state=RatioState.PENDING,
            epoch=record.unit_epoch + 1,
            numerator=rate.numerator,
            denominator=rate.denominator,
            first_day=record.record_day + 1,
        )
        return replace(told, **changed)

    def entered(self, record: EventRecord, **changed: Any) -> Entered:
        """What the remote ledger tells of it."""
        told = self.ratio(record, **changed)
        return Entered(*told.as_tuple())

    def dropped(self, record: EventRecord) -> Entered:
        """That nothing of an earlier version is armed there."""
        return Entered(record.as_tuple()[2], record.version, RatioState.DROPPED)

    def take(
        self, told: Ratio, message: ActionsMessage | None = None, attestation: bytes | None = None
    ) -> Receipt:
        """A courier carries what a ledger tells of a ratio to the other."""
        return self.actions.take(told, message, attestation)

    take_entered = take

    def in_force(self, record: EventRecord, status: Status = Status.ACTIVE) -> EventVersion:
        """A version in force on both ledgers, which each token keeps the close of."""
        version = self.actions.in_force(record, status)
        self.actions.take(version)
        return version

    def armed(self, record: EventRecord) -> None:
        """A ratio in force as a record, armed on both ledgers, in time."""
        self.in_force(record)
        self.arm(record)
        self.take(self.ratio(record))

    def begins(self, record: EventRecord, seconds: int = 0) -> None:
        """The first day in new units begins on both ledgers."""
        for side in (self.home, self.remote):
            begin(side, record.record_day + 1, seconds)

    def withdraw(self, side: Side, record: EventRecord) -> Receipt:
        """Somebody has a ledger drop a ratio of an earlier version."""
        return Receipt.of(side.engine.withdraw_ratio(record.as_tuple()[2], sender=side.courier))

    def tell(self, side: Side, record: EventRecord) -> Receipt:
        """Somebody has a ledger tell where a ratio stands there."""
        return Receipt.of(side.engine.tell_ratio(record.as_tuple()[2], sender=side.courier))

    def carried(
        self,
        record: EventRecord,
        first_day: int = 0,
        hints: tuple[int, int, int] = (0, 0, 0),
    ) -> Receipt:
        """Its ledger tells that it is in force, and of the last close before; home carries."""
        first = first_day or record.record_day + 1
        self.tell(self.remote, record)
        self.take_entered(self.entered(record, state=RatioState.IN_FORCE, first_day=first))
        figures = self.figures(first - 1)
        if not self.home.engine.figures_at(self.world.lane, first - 1)[0]:
            self.actions.take_figures(figures)
        return self.carry(record.unit_epoch + 1, hints)

    def figures(self, day: int, **changed: Any) -> Any:
        """What the remote ledger tells of a close, in the units of that."""
        told: dict[str, Any] = {"epoch": int(self.remote.token.epoch_on(day)), **changed}
        return self.actions.figures(day, **told)

    def carry(self, epoch: int, hints: tuple[int, int, int] = (0, 0, 0)) -> Receipt:
        """Somebody has home carry the lane into an epoch."""
        return Receipt.of(
            self.home.engine.carry_lane(self.world.lane, epoch, hints, sender=self.home.courier)
        )

    def carry_close(self, day: int, epoch: int, hints: tuple[int, int, int] = (0, 0, 0)) -> Receipt:
        """Somebody has home restate what the lane's ledger, which was late, told of a close."""
        return Receipt.of(
            self.home.engine.carry_close(
                self.world.lane, day, epoch, hints, sender=self.home.courier
            )
        )

    def standing(self, side: Side, record: EventRecord) -> Ratio:
        """Where a ratio stands on a ledger."""
        return Ratio(*side.engine.armed_ratio(record.as_tuple()[2]))

    def told_at_home(self, record: EventRecord) -> tuple[int, int, int]:
        """What home knows of it on the remote ledger: state, version, first day."""
        ledger = ledger_id(self.remote.chain.caip2)
        return tuple(self.home.engine.ratio_told(record.as_tuple()[2], ledger))

    def armed_events(self, side: Side, record: EventRecord, first_day: int) -> tuple[Event, ...]:
        """What arming logs on a ledger, but for what it tells and the lanes."""
        rate, coaf = record.change, record.as_tuple()[2]
        assert rate is not None
        document = (
            record.hash if side is self.home else self.actions.message(self.ratio(record)).body
        )
        token, agent = side.token, side.fund
        close = token.method(CLOSE).selector
        announce = token.method(ANNOUNCE).selector
        nobody, why = "0x" + "00" * 20, (RATIO_REASON, document)
        return (
            side.engine.emitted(
                "RatioArmed", coaf, record.unit_epoch + 1, record.version, first_day
            ),
            token.emitted("PrivilegedAct", close, nobody, side.engine, *why),
            token.emitted("CloseAnnounced", first_day - 1),
            token.emitted("PrivilegedAct", announce, agent, side.engine, *why),
            token.emitted("RatioAnnounced", first_day, rate.numerator, rate.denominator, agent),
        )

    def told_event(self, side: Side, told: Ratio) -> Event:
        """What a ledger logs of what it tells of a ratio."""
        message = self.actions.message(told)
        name = "RatioSent" if side is self.home else "EnteredSent"
        return side.engine.emitted(name, told.coaf, message.id, message.as_tuple(), told.as_tuple())
