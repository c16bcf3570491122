"""What is where through a ratio: nothing breaks, and what rounding left is named to the unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.status.document import Status
from tallystick.status.invariants import check_invariants
from tallystick.status.observation import Observation
from tallystick.status.over_ratios import over, summed
from tallystick.token.position import close_of, date_of
from tests.support.closing import closed
from tests.support.lane_ratios import LASTS, Engines, burn, lock
from tests.support.world import DAY, STATED, World

pytestmark = pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-12")


@pytest.fixture
def engines(world: World) -> Engines:
    """Engines on both ledgers; 103 units are on the remote one."""
    world.arrived(103)
    return Engines.of(world)


def sound(world: World) -> Status:
    """The status, of which nothing is broken."""
    status = world.network.status()
    assert status.ok, [str(found) for verdict in status.verdicts for found in verdict.breaks]
    return status


def left(world: World) -> tuple[int, int, int]:
    """What it says that ratios left: on lanes, in custody, of accounts."""
    figures = dict(sound(world).verdict("INV-1").figures)
    return (
        figures["left on lanes by ratios"],
        figures["left in custody by ratios"],
        figures["left of accounts by ratios"],
    )


def test_what_a_ratio_leaves_is_named(world: World, engines: Engines) -> None:
    """Under way both ways, in suspense at both ends; then all ends, and the lane closes."""
    waiting = [lock(world, 5, world.remote.outsider) for _ in range(2)]
    waiting += [burn(world, 5, world.home.outsider) for _ in range(3)]
    world.synchronise()
    for message in waiting:
        world.deliver(message)
    flights = [lock(world, units) for units in (1, 9, 19)] + [burn(world, 8)]
    first = engines.announce(1, 10)
    engines.begin(first, seconds=-1)
    figures = dict(sound(world).verdict("INV-1").figures)
    assert (figures["in transit"], figures["suspense"]) == (37, 25)
    assert "left on lanes by ratios" not in figures
    engines.begin(first)
    for side in (world.home, world.remote):
        side.chain.mine(1)
    # Owed 127, there 90, 1, 9, 19 and 8 under way; 142 in custody; all before anybody acts.
    assert left(world)[:2] == (12 - 9 - 1, 14 - 12 - 1)
    world.synchronise()
    for message in flights:
        world.deliver(message)
        assert left(world)[0] == 2
    for side in (world.home, world.remote):
        side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    for message in waiting:
        world.network.claim(message)
        sound(world)
    for side in (world.home, world.remote):
        side.escrow.pay_dust(world.lane, sender=side.outsider)
        sound(world)
    assert left(world)[:2] == (2, 0)
    engines.split(3, 2)
    world.synchronise()
    remote = world.remote
    for holder in (remote.investor, remote.fund, remote.fund):
        deadline = remote.chain.now + LASTS
        units = remote.balance(holder)
        back = world.network.burn(holder, world.home.investor, units, deadline=deadline)
        world.synchronise()
        world.deliver(back)
        sound(world)
        if holder is remote.fund and world.lane_state(remote).outstanding:
            # Once every account there was touched.
            remote.token.credit_remainders(2, sender=remote.outsider)
            sound(world)
    dust = left(world)[0]
    closed(world, dust=dust)
    assert left(world)[:2] == (0, 0)


def test_a_ledger_that_is_told_late_breaks_nothing(world: World, engines: Engines) -> None:
    """It goes on in old units, and its messages land in new ones."""
    old = [lock(world, 7), burn(world, 7)]
    engines.home.announce(3, 2)
    engines.begin(engines.home.day(3))
    new = [lock(world, 5), burn(world, 5)]
    sound(world)
    world.synchronise()
    for message in (*old, new[1]):
        world.deliver(message)
        sound(world)
    engines.remote.announce(3, 2)
    engines.begin(engines.remote.day(3))
    sound(world)
    world.deliver(new[0])
    sound(world)


# ------------------------------------------------------------------------------ what breaks it


@pytest.fixture
def split(world: World, engines: Engines) -> Observation:
    """What is seen after a ratio, with dust and a message in suspense."""
    flights = [lock(world, 9), lock(world, 9), lock(world, 25, world.remote.outsider)]
    engines.split(1, 10)
    world.synchronise()
    for message in flights:
        world.deliver(message)
    return sound(world).observation


def broken(seen: Observation) -> set[tuple[str, str]]:
    return {
        (verdict.invariant, found.what)
        for verdict in check_invariants(seen)
        for found in verdict.breaks
    }


def with_side(seen: Observation, end: str, **changed: Any) -> Observation:
    (lane,) = seen.lanes
    side = replace(getattr(lane, end), **changed)
    return replace(seen, lanes=(replace(lane, **{end: side}),))


def test_a_unit_too_many_is_found(split: Observation) -> None:
    """What rounding leaves excuses nothing: each sum is known to the unit."""
    (lane,) = split.lanes
    home, remote = lane.home, lane.remote
    for end, side in (("home", home), ("remote", remote)):
        for more in (-1, 1):
            seen = with_side(split, end, outstanding=side.outstanding + more)
            assert ("INV-2", "outstanding") in broken(seen)
    seen = with_side(split, "home", custody_balance=home.custody_balance - 1)
    assert ("INV-2", "in custody") in broken(seen)
    seen = with_side(split, "home", custody_balance=home.custody_balance + 2)
    assert ("INV-2", "in custody") in broken(seen)
    seen = with_side(split, "remote", suspense=remote.suspense + 1)
    assert broken(seen) >= {("INV-3", "suspense"), ("INV-2", "in custody")}


def test_units_there_that_nobody_is_owed_for_are_found(split: Observation) -> None:
    """As many as the dust fit; one more is owed to somebody."""
    (lane,) = split.lanes
    dust = dict(check_invariants(split)[0].figures)["left on lanes by ratios"]
    assert dust > 0
    last = max(m.nonce for m in split.messages if m.destination == "remote")
    of = next(m for m in split.messages if m.nonce == last and m.destination == "remote")
    for more, what in ((dust, False), (dust + 1, True)):
        assert of.landed is not None
        false = replace(of, landed=of.landed + more, suspended=of.suspended + more)
        messages = tuple(false if each is of else each for each in split.messages)
        seen = with_side(
            replace(split, messages=messages),
            "remote",
            outstanding=lane.remote.outstanding + more,
            suspense=lane.remote.suspense + more,
            custody_balance=lane.remote.custody_balance + more,
        )
        found = broken(seen)
        assert (("INV-2", "owed beyond what is there and under way") in found) == what


def test_sums_are_rounded_as_one_and_parts_each() -> None:
    ratios = [(1, 10), (3, 2)]
    assert over(99, 0, ratios) == 13
    assert over(99, 1, ratios) == 148
    assert over(99, 2, ratios) == 99
    assert summed([(0, 5), (0, 5), (1, 2), (2, 7)], ratios) == 4 + 7
    assert summed([], ratios) == 0


@pytest.mark.parametrize(("numerator", "objectors"), [(4, ["issuer"]), (0, [])])
def test_a_ratio_to_come_is_told_on_each_ledger(
    world: World, engines: Engines, numerator: int, objectors: list[str]
) -> None:
    """A redemption can't be stopped; another ledger lets go of a split a day earlier than home."""
    first = engines.announce(numerator, 1)
    rows = sound(world).as_dict()["pending"]
    begins = close_of(first - 1, int(world.home.token.close_minute()))
    assert [(row["ledger"], row["contract"], row["kind"]) for row in rows] == [
        (name, "SecurityToken", "ratio") for name in ("home", "remote")
    ]
    assert [row["objectors"] for row in rows] == [objectors] * 2
    until = [begins, begins - DAY] if objectors else [None, None]
    assert [row["object_until"] for row in rows] == until
    for row, side in zip(rows, (world.home, world.remote), strict=True):
        assert row["what"] == f"{numerator} units for 1 as of {date_of(first)}"
        (said,) = [e for e in side.chain.logs(side.token) if e.name == "RatioAnnounced"]
        assert row["since"] == side.chain.block(said.block_number).timestamp
        assert (row["applies_from"], row["lapses_at"]) == (begins, None)
    engines.begin(first)
    for side in (world.home, world.remote):
        side.chain.mine(1)
    assert sound(world).as_dict()["pending"] == []
