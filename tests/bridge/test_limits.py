"""A lane's limit: what is over it arrives, waits its time in suspense, and ends as anything there.

The arithmetic is in `test_limit_word.py`; here are the lane, its books, and who may do what when.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.bridge.limits import Limit
from tallystick.bridge.message import NO_CAP, LaneMessage, message_of, party
from tallystick.bridge.preview import Obstacle
from tallystick.chain import Receipt
from tests.bridge.test_epochs import next_verifier
from tests.bridge.test_transit import parts_of_the_issue
from tests.support.world import (
    AMOUNT_MAX,
    CHANGE_DELAY,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    STATED,
    ZERO,
    Side,
    World,
    embedded,
    refused,
)

HOUR = 3_600
# A thousand units of six decimals at once, and as many a day; the least that leaves.
LIMIT = 1_000
BASE = LIMIT * 10**6
WINDOW, RAMP = DAY, 10 * HOUR
MINIMUM = 1_000
# What takes a whole number of hours of the refill.
OVER = 250 * 10**6
WAIT = 6 * HOUR


@pytest.fixture(scope="module")
def deployed_world() -> World:
    world = World(
        embedded(),
        authorised=AMOUNT_MAX,
        admitted=("investor", "buyer", "fund"),
        units={"investor": INVESTOR_UNITS},
        limit=LIMIT,
        limit_window=WINDOW,
        ramp=RAMP,
        minimum=Decimal("0.001"),
    )
    for side in (world.home, world.remote):
        side.chain.set_time(side.chain.now + RAMP)
    world.synchronise()
    return world


@pytest.fixture(params=["home", "remote"])
def queued(world: World, request: pytest.FixtureRequest) -> tuple[Side, LaneMessage, Receipt]:
    """More than the limit, for somebody who can receive; it arrived."""
    if request.param == "remote":
        message, side = world.locked(BASE + OVER), world.remote
    else:
        # They are the investor's at the remote ledger, by four deliveries a day.
        for _ in range(2):
            world.deliver(world.locked(BASE))
            for each in (world.home, world.remote):
                each.chain.set_time(each.chain.now + WINDOW)
        message, side = world.burned(BASE + OVER), world.home
    return side, message, world.deliver(message)


def until_of(receipt: Receipt) -> int:
    """From when on what arrived can be claimed."""
    return int(receipt.one("UnitsQueued").until)


def claim(side: Side, message: LaneMessage) -> Receipt:
    """Anybody claims."""
    return Receipt.of(side.escrow.claim(message.as_tuple(), sender=side.attacker))


def lane_limit(world: World, side: Side) -> Limit:
    """The lane's limit as the contract tells it."""
    return Limit(**side.escrow.limit_state(world.lane)._asdict())


# --------------------------------------------------------------------------- arriving


@pytest.mark.requirement("INV-11")
def test_up_to_the_limit_arrives_at_once(world: World) -> None:
    side, message = world.remote, world.locked(BASE)
    assert side.escrow.room(world.lane) == BASE
    receipt = world.deliver(message)
    assert [event.name for event in receipt.events] == [
        "Transfer",
        "CrosschainMint",
        "MessageDelivered",
    ]
    assert receipt.return_value is True
    assert side.balance(side.investor) == BASE
    assert side.escrow.waits(message.id) == 0
    assert side.escrow.room(world.lane) == BASE // WINDOW


@pytest.mark.requirement("INV-1", "INV-3", "INV-11")
def test_over_the_limit_it_waits_in_suspense_for_its_overdraft(
    world: World, queued: tuple[Side, LaneMessage, Receipt]
) -> None:
    side, message, receipt = queued
    until = receipt.timestamp + WAIT
    logged = [
        side.escrow.emitted(
            "MessageDelivered", world.lane, message.id, message.nonce, BASE + OVER, True
        ),
        side.escrow.emitted(
            "UnitsSuspended", world.lane, message.recipient, message.id, BASE + OVER
        ),
        side.escrow.emitted("UnitsQueued", world.lane, message.id, until),
    ]
    if side is world.remote:
        logged += [
            side.token.emitted("Transfer", ZERO, side.custody, BASE + OVER),
            side.token.emitted("CrosschainMint", side.custody, BASE + OVER, side.custody),
        ]
    assert receipt.events == tuple(logged)
    assert receipt.return_value is False
    assert side.escrow.waits(message.id) == until
    assert side.escrow.suspended(message.id) == BASE + OVER
    state = world.lane_state(side)
    assert state.suspense == BASE + OVER
    outstanding = BASE + OVER if side is world.remote else 2 * BASE - (BASE + OVER)
    assert state.outstanding == outstanding
    at_home, locked, there, waiting = parts_of_the_issue(world)
    assert at_home + locked == INVESTOR_UNITS
    assert locked == there + waiting if side is world.remote else locked == there + BASE + OVER
    assert side.escrow.has_arrived(world.lane, message.nonce)
    with refused(world, "transit: delivered already"):
        world.deliver(message)


@pytest.mark.requirement("INV-1", "INV-11")
def test_what_waited_is_claimed_from_its_time_on_and_no_second_sooner(
    world: World, queued: tuple[Side, LaneMessage, Receipt]
) -> None:
    side, message, arrived = queued
    until = until_of(arrived)
    side.chain.set_time(until - 1)
    with refused(world, "transit: waits for its lane's limit"), world.isolated():
        claim(side, message)
    side.chain.set_time(until)
    payee = side.investor if side is world.remote else side.fund
    receipt = claim(side, message)
    assert receipt.events[0] == side.escrow.emitted(
        "SuspenseClaimed", world.lane, message.recipient, message.id, BASE + OVER
    )
    assert side.token.emitted("Transfer", side.custody, payee, BASE + OVER) in receipt.events
    assert side.balance(payee) == BASE + OVER
    assert world.lane_state(side).suspense == 0
    with refused(world, "transit: nothing in suspense"):
        claim(side, message)


@pytest.mark.requirement("INV-11")
def test_what_comes_later_waits_behind_it(
    world: World, queued: tuple[Side, LaneMessage, Receipt]
) -> None:
    """However small: what waits counts like what was credited."""
    side, _, arrived = queued
    small = (
        world.locked(MINIMUM)
        if side is world.remote
        else message_of(
            world.remote.escrow.burn(
                world.lane,
                party(side.fund.address),
                MINIMUM,
                world.remote.chain.now + DAY,
                sender=world.remote.investor,
            ).one("MessageSent")
        )
    )
    world.synchronise()
    assert side.escrow.room(world.lane) == 0
    told = side.escrow.would_wait(world.lane, MINIMUM)
    assert until_of(world.deliver(small)) == told == until_of(arrived) + 1


@pytest.mark.requirement("INV-11")
def test_each_direction_has_a_limit_of_its_own(world: World) -> None:
    world.deliver(world.locked(BASE))
    assert world.remote.escrow.room(world.lane) < BASE
    assert world.home.escrow.room(world.lane) == BASE
    assert world.deliver(world.burned(BASE)).return_value is True


@pytest.mark.requirement("INV-11")
def test_each_message_of_a_batch_counts(world: World) -> None:
    messages = [world.locked(BASE // 2) for _ in range(3)]
    side = world.remote
    receipt = side.escrow.deliver_batch(
        world.lane,
        bytes(32),
        [message.as_tuple() for message in messages],
        *world.network.batch_attestations(messages),
        sender=side.courier,
    )
    assert receipt.return_value == 3
    assert [event.suspended for event in receipt.named("MessageDelivered")] == [False, False, True]
    assert bytes(receipt.one("UnitsQueued").id) == messages[2].id
    assert until_of(receipt) == receipt.timestamp + WINDOW // 2


@pytest.mark.requirement("INV-11")
def test_who_cannot_receive_counts_and_does_not_wait_for_the_limit(world: World) -> None:
    side, message = world.remote, world.locked(BASE, world.remote.outsider)
    receipt = world.deliver(message)
    assert not receipt.named("UnitsQueued")
    assert (side.escrow.suspended(message.id), side.escrow.waits(message.id)) == (BASE, 0)
    assert side.escrow.room(world.lane) == BASE // WINDOW
    world.network.admit(world.network.remote, side.outsider, 40_000)
    claim(side, message)
    assert side.balance(side.outsider) == BASE


@pytest.mark.requirement("INV-1", "INV-11")
@settings(max_examples=10)
@given(parts=st.lists(st.integers(MINIMUM, BASE), min_size=1, max_size=4))
def test_in_parts_all_arrives_and_none_sooner_than_as_one(world: World, parts: list[int]) -> None:
    side, whole = world.remote, sum(parts)
    with world.isolated():
        at_once = world.deliver(world.locked(whole))
        last = until_of(at_once) if at_once.named("UnitsQueued") else at_once.timestamp
    with world.isolated():
        ends = []
        for part in parts:
            message = world.locked(part)
            receipt = world.deliver(message)
            ends.append((receipt, message))
        receipt, _ = ends[-1]
        assert (until_of(receipt) if receipt.named("UnitsQueued") else receipt.timestamp) >= last
        for receipt, message in ends:
            if receipt.named("UnitsQueued"):
                side.chain.set_time(max(until_of(receipt), side.chain.now))
                claim(side, message)
        assert side.balance(side.investor) == whole
        assert world.lane_state(side).suspense == 0


# ------------------------------------------------------------------------ other ends


@pytest.mark.requirement("INV-11")
def test_nobody_redirects_it_before_its_time(
    world: World, queued: tuple[Side, LaneMessage, Receipt]
) -> None:
    side, message, arrived = queued
    stated = (message.as_tuple(), side.buyer, *STATED)
    side.escrow.propose_redirect(*stated, sender=side.registrar)
    side.chain.set_time(until_of(arrived) - 1)
    with refused(world, "transit: waits for its lane's limit"), world.isolated():
        side.escrow.redirect(*stated, sender=side.custodian)
    side.chain.set_time(until_of(arrived))
    side.escrow.redirect(*stated, sender=side.custodian)
    assert side.balance(side.buyer) == BASE + OVER


@pytest.mark.requirement("INV-1", "INV-3", "INV-11")
def test_what_waits_past_its_deadline_goes_back(world: World) -> None:
    """And counts at home, as anything that arrives there."""
    home, remote = world.home, world.remote
    message = world.network.lock(
        home.investor, remote.investor, BASE + OVER, deadline=home.chain.now + HOUR
    )
    world.synchronise()
    until = until_of(world.deliver(message))
    assert until > message.deadline
    remote.chain.set_time(message.deadline)
    with refused(world, "transit: past its deadline"), world.isolated():
        claim(remote, message)
    receipt = remote.escrow.return_to_source(message.as_tuple(), sender=remote.attacker)
    assert receipt.one("MessageReturned").amount == BASE + OVER
    assert (remote.token.totalSupply(), world.lane_state(remote).suspense) == (0, 0)
    answer = message_of(receipt.one("MessageSent"))
    world.synchronise()
    back = world.deliver(answer)
    assert until_of(back) == back.timestamp + WAIT
    home.chain.set_time(until_of(back))
    claim(home, answer)
    assert home.balance(home.investor) == INVESTOR_UNITS


@pytest.mark.requirement("INV-11")
def test_what_comes_too_late_waits_too(world: World) -> None:
    """Its recipient gets nothing any more; who it is redirected to gets it no sooner."""
    side = world.remote
    message = world.network.lock(
        world.home.investor, side.investor, BASE + OVER, deadline=side.chain.now + HOUR
    )
    for each in (world.home, side):
        each.chain.set_time(message.deadline + 1)
    assert until_of(world.deliver(message)) == side.escrow.waits(message.id)
    stated = (message.as_tuple(), side.buyer, *STATED)
    side.escrow.propose_redirect(*stated, sender=side.registrar)
    with refused(world, "transit: waits for its lane's limit"):
        side.escrow.redirect(*stated, sender=side.custodian)


@pytest.mark.requirement("INV-11", "R-25")
def test_what_waits_waits_longer_while_arrivals_are_stopped(world: World) -> None:
    """It is a delivery that waits; what waits for its recipient alone is claimed as ever."""
    side = world.remote
    other = world.locked(MINIMUM, side.outsider)
    world.deliver(other)
    message = world.locked(BASE + OVER)
    until = until_of(world.deliver(message))
    world.network.admit(world.network.remote, side.outsider, 40_000)
    side.chain.set_time(until - DAY // 8)
    side.escrow.pause_lane(world.lane, 2, *STATED, sender=side.guardian)
    side.chain.set_time(until)
    with refused(world, "transit: queued while arrivals are stopped"), world.isolated():
        claim(side, message)
    claim(side, other)
    side.chain.set_time(until + 7 * DAY)
    claim(side, message)
    assert side.balance(side.investor) == BASE + OVER


# --------------------------------------------------------------------------- changes


@pytest.mark.requirement("INV-11")
def test_a_new_verifier_begins_with_nothing(world: World) -> None:
    side = world.remote
    begun = world.rotate(side, next_verifier(side))
    assert side.escrow.limit_state(world.lane).ramps_until == begun + RAMP
    for other in (world.home, side):
        other.chain.set_time(begun + 1)
    assert side.escrow.room(world.lane) == BASE // RAMP
    assert side.escrow.would_wait(world.lane, BASE // RAMP + 1) > begun + 1
    # The one before is good for as long, and under the same limit.
    message = world.network.lock(world.home.investor, side.investor, BASE // 2)
    side.chain.set_time(world.home.chain.now + 2)
    receipt = world.deliver(message)
    mirror = lane_limit(world, side)
    assert until_of(receipt) == mirror.until() > receipt.timestamp + HOUR
    side.chain.set_time(begun + RAMP)
    assert side.escrow.room(world.lane) == mirror.room(begun + RAMP)


@pytest.mark.requirement("INV-11")
def test_a_change_of_cap_alone_is_no_new_verifier(world: World) -> None:
    side = world.remote
    before = side.escrow.limit_state(world.lane)
    world.apply_terms(side, world.change(side, cap=2_000_000))
    assert side.escrow.limit_state(world.lane) == before


@pytest.mark.requirement("INV-11", "R-69")
def test_another_limit_takes_two_keys_and_time_and_makes_no_room(world: World) -> None:
    side = world.remote
    world.deliver(world.locked(BASE))
    due = world.change(side, limit=2 * LIMIT)
    assert tuple(side.escrow.pending_lane_terms(world.lane)) == (
        side.verifier.address,
        ZERO,
        NO_CAP,
        2 * LIMIT,
        due,
    )
    assert world.lane_state(side).terms.limit == LIMIT
    left = lane_limit(world, side)
    receipt = world.apply_terms(side, due)
    now = receipt.timestamp
    assert receipt.events == (
        side.escrow.emitted("LaneTermsSet", world.lane, side.verifier, ZERO, NO_CAP, 2 * LIMIT),
    )
    assert world.lane_state(side).terms.limit == 2 * LIMIT
    assert lane_limit(world, side) == left.changed(2 * BASE, now)
    # A thousand units were taken, of which the delay's part was worked off: so much is left.
    used = 2 * BASE - int(side.escrow.room(world.lane))
    assert used >= BASE - BASE * (CHANGE_DELAY + 30) // WINDOW


@pytest.mark.requirement("INV-11")
def test_without_limit_nothing_waits_and_with_one_again_nothing_passes(world: World) -> None:
    side = world.remote
    message = world.locked(BASE + OVER)
    until = until_of(world.deliver(message))
    world.apply_terms(side, world.change(side, limit=NO_CAP))
    assert side.escrow.limit_state(world.lane).limit == 0
    assert world.lane_state(side).terms.limit == NO_CAP
    assert (side.escrow.room(world.lane), side.escrow.would_wait(world.lane, BASE)) == (
        AMOUNT_MAX,
        0,
    )
    assert side.chain.now < until
    with world.isolated():
        claim(side, message)
    due = world.change(side, limit=LIMIT)
    now = world.apply_terms(side, due).timestamp
    assert lane_limit(world, side).drained_at == (now + WINDOW) << 32
    with world.isolated():
        assert until_of(world.deliver(world.locked(BASE // 2))) > now + WINDOW // 3
    # What waited has its time as before.
    assert side.escrow.waits(message.id) == until


@pytest.mark.parametrize("limit", [0, NO_CAP + 1])
def test_a_limit_out_of_range_is_refused(world: World, limit: int) -> None:
    side = world.home
    world.propose_verifier(side, side.verifier, limit=limit)
    with refused(world, "lanes: limit out of range"):
        world.confirm_verifier(side, side.verifier, limit=limit)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"limit": 0}, "lanes: limit out of range"),
        ({"limit": NO_CAP + 1}, "lanes: limit out of range"),
        ({"limit_window": HOUR - 60}, "limits: window out of range"),
        ({"limit_window": HOUR + 1}, "limits: window out of range"),
        ({"limit_window": 14 * DAY + 60}, "limits: window out of range"),
        ({"ramp": HOUR // 2}, "limits: ramp out of range"),
        ({"ramp": 90 * DAY + HOUR}, "limits: ramp out of range"),
        ({"minimum": AMOUNT_MAX + 1}, "lanes: minimum out of range"),
    ],
)
def test_a_lane_opens_with_a_sound_limit_alone(
    world: World, changed: dict[str, int], reason: str
) -> None:
    fresh = world.home.fresh_suite()
    terms = fresh.lane_terms(**changed)
    with refused(world, reason):
        fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)


def test_a_lane_opens_with_its_limit_and_room_that_grows(world: World) -> None:
    fresh = world.home.fresh_suite()
    changed = {"limit": 50, "limit_window": 2 * HOUR, "ramp": HOUR, "minimum": 9}
    terms = fresh.lane_terms(**changed)
    opened = fresh.escrow.open_lane(terms, *STATED, sender=world.home.deployer)
    lane = opened.return_value
    assert tuple(fresh.escrow.lane_state(lane).terms) == terms
    assert tuple(fresh.escrow.limit_state(lane)) == (
        50 * 10**6,
        2 * HOUR,
        HOUR,
        opened.timestamp + HOUR,
        0,
    )
    world.home.chain.set_time(opened.timestamp + HOUR // 2)
    assert fresh.escrow.room(lane) == 25 * 10**6


# --------------------------------------------------------------------------- leaving


def test_less_than_the_minimum_does_not_leave(world: World) -> None:
    home, remote = world.home, world.remote
    world.arrived(MINIMUM)
    ends = (
        (home, home.custody.lock, home.escrow.can_lock),
        (remote, remote.escrow.burn, remote.escrow.can_burn),
    )
    for side, send, may in ends:
        to, deadline = party(side.fund.address), side.chain.now + DAY
        less = (world.lane, to, MINIMUM - 1, deadline)
        asked = (world.lane, side.investor, to, MINIMUM - 1, deadline)
        assert may(*asked) == Obstacle.BELOW_MINIMUM
        with refused(world, "lanes: below its minimum"):
            send(*less, sender=side.investor)
        assert may(world.lane, side.investor, to, MINIMUM, deadline) == 0
        send(world.lane, to, MINIMUM, deadline, sender=side.investor)


def test_a_lane_with_a_minimum_is_stopped_like_any(world: World) -> None:
    side = world.home
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    with refused(world, "lanes: outbound paused"):
        world.locked(BASE)
    with refused(world, "lanes: inbound paused"):
        world.deliver(world.message(kind=2, amount=MINIMUM))


# ------------------------------------------------------------------------------ views


@pytest.mark.parametrize("view", ["limit_state", "room", "would_wait"])
def test_of_an_unknown_lane_no_limit_is_told(world: World, view: str) -> None:
    asked: tuple[Any, ...] = (DOCUMENT, 1) if view == "would_wait" else (DOCUMENT,)
    with refused(world, "lanes: unknown lane"):
        getattr(world.home.escrow, view)(*asked)


def test_no_more_is_asked_about_than_can_arrive(world: World) -> None:
    assert world.home.escrow.would_wait(world.lane, AMOUNT_MAX) > world.home.chain.now
    with refused(world, "lanes: more than can arrive"):
        world.home.escrow.would_wait(world.lane, AMOUNT_MAX + 1)
