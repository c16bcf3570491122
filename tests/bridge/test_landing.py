"""Landing: from when on units were on an account that were on none at a close."""

from __future__ import annotations

import pytest

from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Receipt
from tallystick.token.position import DAY_MAX, close_of
from tests.support.world import DAY, ZERO, Side, World, refused

CLOSE_MINUTE = 1_260


def today(side: Side) -> int:
    """The business day on a ledger."""
    return int(side.token.business_day())


def landing(side: Side, message: LaneMessage) -> Landing | None:
    """What an escrow remembers of a message's landing."""
    return Landing.unpack(int(side.escrow.landed(message.id)))


def told(receipt: Receipt) -> list[int]:
    """The landings that a transaction logged."""
    return [event.args["landing"] for event in receipt.events if event.name == "UnitsLanded"]


@pytest.fixture(params=["there", "home"])
def under_way(request: pytest.FixtureRequest, world: World) -> LaneMessage:
    """Units under way to the remote ledger, or home."""
    if request.param == "there":
        return world.locked(1_000)
    world.arrived(1_000)
    return world.burned(400)


@pytest.fixture
def waiting(world: World) -> LaneMessage:
    """Units in suspense on the remote ledger since the day they left."""
    message = world.locked(1_000, world.remote.outsider)
    world.deliver(message)
    return message


def pass_days(world: World, days: int) -> None:
    """Days go by on both ledgers."""
    world.synchronise()
    for side in (world.home, world.remote):
        side.chain.advance(days * DAY)


def admit(world: World) -> None:
    """The recipient of what waits may hold from now on."""
    world.network.admit(world.network.suite("remote"), world.remote.outsider, 40_000)


def test_units_that_land_on_the_day_they_left_leave_no_word(
    world: World, under_way: LaneMessage
) -> None:
    receipt = world.deliver(under_way)
    assert receipt.return_value is True
    assert told(receipt) == []
    assert landing(world.side_of(under_way), under_way) is None


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize("days", [1, 2, 30])
def test_units_that_were_nowhere_at_a_close_are_remembered_where_they_land(
    world: World, under_way: LaneMessage, days: int
) -> None:
    side, left = world.side_of(under_way), today(world.side_of(under_way))
    pass_days(world, days)
    receipt = world.deliver(under_way)
    expected = Landing(left + days, Landed.DELIVERED)
    assert landing(side, under_way) == expected
    assert receipt.events[-1] == side.escrow.emitted(
        "UnitsLanded", lane=world.lane, id=under_way.id, landing=expected.pack()
    )
    source = world.home if side is world.remote else world.remote
    assert landing(source, under_way) is None


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize(("before", "crossed"), [(1, True), (0, False)])
def test_what_leaves_at_the_very_close_leaves_after_it(
    world: World, before: int, crossed: bool
) -> None:
    """To the second, as the token counts its closings: a close belongs to the next day."""
    side = world.home
    close = close_of(today(side), CLOSE_MINUTE)
    side.chain.set_time(close - before)
    message = world.network.lock(side.investor, world.remote.investor, 1_000)
    assert message.lock_time == close - before
    world.remote.chain.set_time(close)
    receipt = world.deliver(message)
    assert landing(world.remote, message) == (
        Landing(today(world.remote), Landed.DELIVERED) if crossed else None
    )
    # The token agrees: nobody had them at that close, or the sender.
    had = side.token.balance_at_close(side.custody, today(side) - 1)
    assert had == (1_000 if crossed else 0)
    assert len(told(receipt)) == crossed


def test_the_day_of_landing_is_that_of_the_ledger_where_they_land(world: World) -> None:
    message = world.locked(1_000)
    world.remote.chain.advance(5 * DAY)
    left = today(world.home)
    world.deliver(message)
    assert landing(world.remote, message) == Landing(left + 5, Landed.DELIVERED)
    assert today(world.home) == left


@pytest.mark.requirement("INV-6")
def test_units_in_suspense_have_not_landed(world: World) -> None:
    message = world.locked(1_000, world.remote.outsider)
    pass_days(world, 3)
    receipt = world.deliver(message)
    assert receipt.return_value is False
    assert told(receipt) == []
    assert landing(world.remote, message) is None


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize("days", [1, 9])
def test_a_claim_after_a_close_says_when_and_that_it_was_one(
    world: World, waiting: LaneMessage, days: int
) -> None:
    side, left = world.remote, today(world.remote)
    pass_days(world, days)
    admit(world)
    receipt = world.network.claim(waiting)
    expected = Landing(left + days, Landed.CLAIMED)
    assert landing(side, waiting) == expected
    assert told(receipt) == [expected.pack()]


def test_a_claim_on_the_day_of_leaving_leaves_no_word(world: World, waiting: LaneMessage) -> None:
    admit(world)
    assert told(world.network.claim(waiting)) == []
    assert landing(world.remote, waiting) is None


@pytest.mark.requirement("INV-6")
def test_a_claim_on_the_day_of_arrival_counts_from_the_day_of_leaving(world: World) -> None:
    """Neither at the source nor in suspense were they anybody's."""
    message, left = world.locked(1_000, world.remote.outsider), today(world.remote)
    pass_days(world, 2)
    world.deliver(message)
    admit(world)
    world.network.claim(message)
    assert landing(world.remote, message) == Landing(left + 2, Landed.CLAIMED)


def test_a_claim_that_is_refused_is_no_landing(world: World, waiting: LaneMessage) -> None:
    pass_days(world, 1)
    with refused(world, error="ERC7943CannotReceive", args=(world.remote.outsider.address,)):
        world.network.claim(waiting)
    assert landing(world.remote, waiting) is None


# ----------------------------------------------------------------------------- the word


@pytest.mark.parametrize("payee", [None, "0x" + "11" * 20])
@pytest.mark.parametrize("how", Landed)
@pytest.mark.parametrize("day", [1, DAY_MAX])
def test_a_landing_is_read_as_it_was_written(day: int, how: Landed, payee: str | None) -> None:
    wanted = Landing(day, how, payee)
    assert Landing.unpack(wanted.pack()) == wanted


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (1, "0 is not a valid Landed"),
        (1 | 9 << 16, "9 is not a valid Landed"),
        (1 | 1 << 16 | 1 << 184, "is no landing"),
        (1 << 16, "day is 0"),
    ],
)
def test_what_is_no_landing_is_refused(word: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Landing.unpack(word)


def test_a_landing_is_on_a_day_that_there_is() -> None:
    for day in (0, DAY_MAX + 1):
        with pytest.raises(ValueError, match=f"day is {day}"):
            Landing(day, Landed.CLAIMED, ZERO)
