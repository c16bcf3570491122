"""How a message ends at its destination: units sent with a near deadline, late, sent back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.bridge.figures import Landing
from tallystick.bridge.message import LaneMessage, message_of
from tallystick.chain import Receipt
from tallystick.token.position import close_of
from tests.support.world import Side, World

UNITS = 1_000
# Seconds from leaving to the deadline: of the same business day, as `begin_a_day` sees to.
LASTS = 3 * 3_600
CLOSE_MINUTE = 1_260


@dataclass(frozen=True)
class Books:
    """What one ledger keeps of a lane, and the units that lie for it."""

    outstanding: int
    suspense: int
    sent: int
    custody: int
    supply: int

    @classmethod
    def of(cls, world: World, side: Side) -> Books:
        """Read them."""
        state = world.lane_state(side)
        custody, supply = side.balance(side.custody), int(side.token.totalSupply())
        return cls(state.outstanding, state.suspense, state.sent, custody, supply)


def today(side: Side) -> int:
    """The business day on a ledger."""
    return int(side.token.business_day())


def begin_a_day(world: World) -> None:
    """Both clocks to the first moment of a business day, so that hours are left of it."""
    day = max(today(world.home), today(world.remote))
    for side in (world.home, world.remote):
        side.chain.set_time(close_of(day, CLOSE_MINUTE))


def source_of(world: World, message: LaneMessage) -> Side:
    """Where a message comes from."""
    return world.home if world.side_of(message) is world.remote else world.remote


def send(
    world: World, destination: str, recipient: Any = None, *, lasts: int = LASTS
) -> LaneMessage:
    """The investor of the other ledger sends units; the destination's clock lets them arrive."""
    if destination == "remote":
        side, send_units = world.home, world.network.lock
    else:
        side, send_units = world.remote, world.network.burn
    there = getattr(world, destination)
    to = recipient or (there.investor if destination == "remote" else there.fund)
    message = send_units(side.investor, to, UNITS, deadline=side.chain.now + lasts)
    there.chain.set_time(max(there.chain.now, side.chain.now))
    return message


def begun(world: World, destination: str) -> None:
    """Units of the investor are where they can leave for that ledger, and a day has begun."""
    if destination == "home":
        world.arrived(UNITS)
    begin_a_day(world)


def pass_deadline(world: World, message: LaneMessage, late: int = 0) -> None:
    """The destination's clock reaches a deadline, or passes it by that many seconds."""
    world.side_of(message).chain.set_time(message.deadline + late)


def send_back(world: World, message: LaneMessage) -> tuple[Receipt, LaneMessage]:
    """Anyone returns what waits; the receipt, and the message that takes it back."""
    side = world.side_of(message)
    receipt = Receipt.of(side.escrow.return_to_source(message.as_tuple(), sender=side.attacker))
    answer = message_of(receipt.one("MessageSent"))
    chain = source_of(world, message).chain
    chain.set_time(max(chain.now, answer.lock_time))
    return receipt, answer


def returned(world: World, message: LaneMessage) -> LaneMessage:
    """A message that arrives at its deadline and is returned; what takes its units back."""
    pass_deadline(world, message)
    world.deliver(message)
    return send_back(world, message)[1]


def landing(side: Side, message: LaneMessage) -> Landing | None:
    """What an escrow remembers of a message's landing."""
    return Landing.unpack(int(side.escrow.landed(message.id)))
