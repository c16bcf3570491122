"""Over a ratio: a lane's ledger, messages in flight, what waits, what is undone, what is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.figures import Figure
from tallystick.bridge.message import NO_CAP, LaneMessage, party
from tallystick.governance.roles import Role
from tests.support.denials import agree, deny, forged, take
from tests.support.endings import (
    confirm,
    last_state,
    listed,
    propose,
    second_registrar,
    under_way,
)
from tests.support.ends import pass_deadline, send_back
from tests.support.lane_ratios import LASTS, Engines, lock, over
from tests.support.ratios import Engine
from tests.support.world import DAY, STATED, ZERO, Side, World, refused

FRACTIONS = [(4, 1), (1, 10), (3, 2), (1, 3)]


@pytest.fixture
def engines(world: World) -> Engines:
    """Engines on both ledgers; 100,003 units are on the remote one."""
    world.arrived(100_003)
    return Engines.of(world)


def burn(world: World, amount: int, recipient: Any = None, lasts: int = LASTS) -> LaneMessage:
    """Units of the investor leave the remote ledger."""
    side = world.remote
    to = recipient or world.home.fund
    return world.network.burn(side.investor, to, amount, deadline=side.chain.now + lasts)


def books(world: World, side: Side) -> tuple[int, int]:
    """What a side says is outstanding, and in suspense."""
    state = world.lane_state(side)
    return int(state.outstanding), int(state.suspense)


def in_force(world: World, side: Side, epoch: int = 1, **changed: int) -> Any:
    """What a lane logs when it is brought up, as it is then."""
    state = world.lane_state(side)
    limit = int(side.escrow.limit_state(world.lane).limit)
    told = {
        "outstanding": int(state.outstanding),
        "suspense": int(state.suspense),
        "cap": int(state.terms.cap),
        "limit": limit,
        **changed,
    }
    return side.escrow.emitted("LaneRatioInForce", world.lane, epoch, *told.values())


def check_backed(world: World, *flights: tuple[LaneMessage, int]) -> None:
    """INV-2, to the unit: what home owes covers what is there and each message by itself."""
    owed, waiting = books(world, world.home)
    there, _ = books(world, world.remote)
    assert owed >= there + sum(units for _, units in flights)
    assert world.home.balance(world.home.custody) >= owed + waiting
    assert world.remote.token.totalSupply() >= there


# ------------------------------------------------------------------------- the ledger


@pytest.mark.requirement("INV-2", "INV-12", "R-46")
@pytest.mark.parametrize(("numerator", "denominator"), FRACTIONS)
@pytest.mark.parametrize("where", ["home", "remote"])
def test_the_first_act_brings_a_lane_up(
    world: World, engines: Engines, where: str, numerator: int, denominator: int
) -> None:
    """In one act, in new units from the first moment on; views need none."""
    side = getattr(world, where)
    first = engines.announce(numerator, denominator)
    engines.begin(first, seconds=-1)
    assert books(world, side) == (100_003, 0)
    assert side.escrow.action_epoch_of(world.lane) == 0
    engines.begin(first)
    after = over(100_003, (numerator, denominator))
    assert books(world, side) == (after, 0)
    assert side.escrow.action_epoch_of(world.lane) == 1
    assert side.escrow.brought_up_to(world.lane) == 0
    expected = in_force(world, side, outstanding=after)
    with world.isolated():
        receipt = side.escrow.bring_up(world.lane, sender=side.attacker)
        assert receipt.events == (expected,)
        # Once.
        assert side.escrow.bring_up(world.lane, sender=side.attacker).events == ()
        assert books(world, side) == (after, 0)
        assert side.escrow.brought_up_to(world.lane) == 1
    message = lock(world, 7) if where == "home" else burn(world, 7)
    assert message.action_epoch == 1
    logs = side.chain.raw_logs(side.escrow)
    assert side.chain.decode_log(logs[-2]) == expected
    assert books(world, side) == (after + (7 if where == "home" else -7), 0)


@pytest.mark.requirement("INV-12")
def test_two_ratios_at_once_are_taken_one_after_the_other(world: World, engines: Engines) -> None:
    """Each rounds down by itself: 100,003 by 10 is 10,000, by 4 are 40,000."""
    engines.announce(1, 10)
    engines.begin(engines.announce(4, 1, 5))
    for side in (world.home, world.remote):
        assert books(world, side) == (40_000, 0)
        receipt = side.escrow.bring_up(world.lane, sender=side.outsider)
        assert receipt.events == (
            in_force(world, side, 1, outstanding=10_000),
            in_force(world, side, 2, outstanding=40_000),
        )
        assert side.escrow.action_epoch_of(world.lane) == 2


def test_a_withdrawn_ratio_is_followed_as_well(world: World, engines: Engines) -> None:
    first = engines.announce(4, 1)
    for engine in (engines.home, engines.remote):
        engine.withdraw(first)
    engines.begin(first)
    message = lock(world, 5)
    assert message.action_epoch == 0
    assert books(world, world.home) == (100_008, 0)


def test_following_a_token_of_no_lane_changes_nothing(world: World, engines: Engines) -> None:
    side = world.home
    other = side.fresh_token()
    engines.announce(4, 1)
    before = world.storage()
    assert side.escrow.follow_ratios(other, sender=side.attacker).events == ()
    assert side.escrow.follow_ratios(side.token, sender=side.attacker).events == ()
    assert world.storage() == before
    with refused(world, "lanes: unknown lane"):
        side.escrow.bring_up(b"\1" * 32, sender=side.attacker)


@pytest.mark.requirement("INV-11")
@pytest.mark.parametrize(
    ("numerator", "denominator", "cap", "limit"),
    [(4, 1, 400, 40_000_000), (1, 3, 34, 3_333_333), (1, 2**30, 1, 1)],
)
def test_cap_and_limit_are_restated(
    world: World, engines: Engines, numerator: int, denominator: int, cap: int, limit: int
) -> None:
    """The cap in whole units, rounded up, and none if it fits no more; the limit down."""
    side = world.remote
    for each in (world.home, world.remote):
        world.apply_terms(each, world.change(each, cap=100, limit=10))
    engines.begin(max(engines.home.day(1), engines.remote.day(1)))
    before = side.escrow.limit_state(world.lane)
    engines.split(numerator, denominator)
    for each in (world.home, world.remote):
        terms = world.lane_state(each).terms
        assert (terms.cap, terms.limit) == (cap, limit // 10**6)
        after = each.escrow.limit_state(world.lane)
        assert after.limit == limit
        each.escrow.bring_up(world.lane, sender=each.attacker)
        assert each.escrow.limit_state(world.lane) == after
        assert world.lane_state(each).terms.cap == cap
    # What is left to work off is time, and stays.
    assert side.escrow.limit_state(world.lane).drained_at == before.drained_at


def test_a_lane_without_limit_has_none_in_new_units(world: World, engines: Engines) -> None:
    """And the first one that it has then begins with no room, as any first one."""
    engines.split(4, 1)
    for each in (world.home, world.remote):
        receipt = each.escrow.bring_up(world.lane, sender=each.attacker)
        assert receipt.one("LaneRatioInForce").args["limit"] == 0
        assert each.escrow.limit_state(world.lane).limit == 0
        world.apply_terms(each, world.change(each, limit=10))
        assert each.escrow.room(world.lane) == 0


@pytest.mark.parametrize(("cap", "after"), [(NO_CAP // 4, NO_CAP - 3), (NO_CAP // 4 + 1, NO_CAP)])
def test_a_cap_that_does_not_fit_any_more_is_none(
    world: World, engines: Engines, cap: int, after: int
) -> None:
    side = world.home
    world.apply_terms(side, world.change(side, cap=cap))
    engines.begin(max(engines.home.day(1), engines.remote.day(1)))
    assert side.escrow.posture(world.lane) & 4 == 0
    engines.split(4, 1)
    assert world.lane_state(side).terms.cap == after
    assert bool(side.escrow.posture(world.lane) & 4) == (after == NO_CAP)


def test_a_change_of_terms_counts_in_units_of_when_it_applies(
    world: World, engines: Engines
) -> None:
    side = world.home
    world.change(side, cap=100)
    engines.split(4, 1)
    world.apply_terms(side)
    assert world.lane_state(side).terms.cap == 100
    assert side.escrow.brought_up_to(world.lane) == 1


# ----------------------------------------------------------------------- in flight


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-12", "R-46")
@pytest.mark.parametrize(("numerator", "denominator"), FRACTIONS)
def test_many_messages_both_ways_land_in_new_units(
    world: World, engines: Engines, numerator: int, denominator: int
) -> None:
    """Each by itself, rounded down; what is left is less than a unit for each, and one."""
    amounts = (1, 3, 5, 9, 10, 19, 101)
    flights = [lock(world, units) for units in amounts]
    flights += [burn(world, units) for units in amounts]
    engines.split(numerator, denominator)
    left = [(each, over(each.amount, (numerator, denominator))) for each in flights]
    check_backed(world, *left)
    for at in range(len(flights)):
        message, units = left[at]
        side = world.side_of(message)
        to = side.investor if side is world.remote else side.fund
        had = side.balance(to)
        receipt = world.deliver(message)
        assert receipt.return_value is True
        told = receipt.one("MessageDelivered").args
        assert (told["amount"], told["suspended"]) == (units, False)
        nothing = [event for event in receipt.events if event.name == "NothingLanded"]
        assert [event.args["amount"] for event in nothing] == [message.amount] * (units == 0)
        assert side.balance(to) == had + units
        check_backed(world, *left[at + 1 :])
        with refused(world, "transit: delivered already"):
            world.deliver(message)
    (owed, _), (there, _) = books(world, world.home), books(world, world.remote)
    assert 0 <= owed - there <= len(flights)


@pytest.mark.requirement("INV-2")
def test_a_message_of_a_later_epoch_waits_until_its_ledger_is_told(
    world: World, engines: Engines
) -> None:
    """Home splits, the remote ledger learns late: nothing is credited as it stands meanwhile."""
    old = lock(world, 30)
    engines.home.announce(4, 1)
    first = engines.home.day(3)
    engines.begin(first)
    new = lock(world, 40)
    world.synchronise()
    with refused(world, "transit: ratio not known here yet"):
        world.deliver(new)
    back = burn(world, 10)
    assert (new.action_epoch, back.action_epoch) == (1, 0)
    # Its own messages of old units are transformed at home; what came before it lands as it is.
    world.synchronise()
    assert world.deliver(back).one("MessageDelivered").args["amount"] == 40
    assert world.deliver(old).one("MessageDelivered").args["amount"] == 30
    assert books(world, world.home) == ((100_003 + 30 - 10) * 4 + 40, 0)
    engines.remote.announce(4, 1)
    engines.begin(engines.remote.day(3))
    assert world.deliver(new).one("MessageDelivered").args["amount"] == 40
    assert books(world, world.remote) == books(world, world.home)


def test_a_batch_of_both_epochs_lands_each_in_its_units(world: World, engines: Engines) -> None:
    old = lock(world, 25)
    engines.split(1, 10)
    new = lock(world, 25)
    world.synchronise()
    attested = world.network.batch_attestations([old, new])
    side = world.remote
    receipt = side.escrow.deliver_batch(
        world.lane, bytes(32), [old.as_tuple(), new.as_tuple()], *attested, sender=side.courier
    )
    assert [e.args["amount"] for e in receipt.events if e.name == "MessageDelivered"] == [2, 25]


@pytest.mark.requirement("R-24")
def test_nothing_lands_of_a_late_message_that_a_ratio_made_nothing(
    world: World, engines: Engines
) -> None:
    """It ends by its delivery, as nothing can wait or go back."""
    message = lock(world, 9, world.remote.outsider, lasts=2 * DAY)
    engines.split(1, 10)
    receipt = world.deliver(message)
    side = world.remote
    assert [event.name for event in receipt.events] == [
        "LaneRatioInForce",
        "MessageDelivered",
        "NothingLanded",
        "UnitsLanded",
    ]
    assert receipt.return_value is True
    assert side.escrow.suspended(message.id) == 0
    with refused(world, "transit: nothing to return"):
        side.escrow.return_to_source(message.as_tuple(), sender=side.attacker)


# ------------------------------------------------------------------------- suspense


@pytest.fixture(params=["home", "remote"])
def there(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def waiting(world: World, there: str, amount: int, lasts: int = LASTS) -> LaneMessage:
    """Units that arrived for who can't receive them."""
    side = getattr(world, there)
    send = lock if there == "remote" else burn
    message = send(world, amount, side.outsider, lasts)
    world.synchronise()
    assert world.deliver(message).return_value is False
    return message


def admit(world: World, side: Side, account: Any) -> None:
    side.token.admit(account, 40_000, *STATED, sender=side.registrar)


@pytest.mark.requirement("INV-3", "INV-12", "R-20")
@pytest.mark.parametrize(("numerator", "denominator"), FRACTIONS)
def test_what_waits_is_claimed_in_new_units(
    world: World, engines: Engines, there: str, numerator: int, denominator: int
) -> None:
    """Each word by itself; one that became nothing still ends."""
    side = getattr(world, there)
    words = [waiting(world, there, units) for units in (1, 14, 33)]
    total = over(48, (numerator, denominator))
    engines.split(numerator, denominator)
    assert books(world, side)[1] == total
    admit(world, side, side.outsider)
    for message in words:
        units = over(message.amount, (numerator, denominator))
        assert side.escrow.suspended(message.id) == message.amount
        assert side.escrow.waiting(message.as_tuple()) == units
        had = side.balance(side.outsider)
        receipt = world.network.claim(message)
        assert receipt.one("SuspenseClaimed").args["amount"] == units
        assert side.balance(side.outsider) == had + units
        total -= units
        assert books(world, side)[1] == total
        assert side.escrow.waiting(message.as_tuple()) == 0
        check_backed(world)
        with refused(world, "transit: nothing in suspense"):
            world.network.claim(message)
    assert 0 <= total < 3


def test_what_waits_is_redirected_in_new_units(world: World, engines: Engines, there: str) -> None:
    side = getattr(world, there)
    message = waiting(world, there, 33)
    told = message.as_tuple()
    side.escrow.propose_redirect(told, side.fund, *STATED, sender=side.registrar)
    engines.split(1, 10)
    had = side.balance(side.fund)
    receipt = side.escrow.redirect(told, side.fund, *STATED, sender=side.custodian)
    assert receipt.one("SuspenseRedirected").args["amount"] == 3
    assert side.balance(side.fund) == had + 3


@pytest.mark.requirement("INV-2", "R-24")
@pytest.mark.parametrize(("units", "back"), [(33, 3), (9, 0)])
def test_what_waits_goes_back_in_new_units(
    world: World, engines: Engines, there: str, units: int, back: int
) -> None:
    """As a message of the new epoch; what a ratio made nothing goes back as that."""
    message = waiting(world, there, units, lasts=2 * DAY)
    engines.split(1, 10)
    assert message.deadline < getattr(world, there).chain.now
    receipt, answer = send_back(world, message)
    assert (answer.amount, answer.action_epoch) == (back, 1)
    assert receipt.one("MessageReturned").args["amount"] == back
    check_backed(world, (answer, back))
    source = world.side_of(answer)
    had = source.balance(source.investor)
    assert world.deliver(answer).return_value is True
    assert source.balance(source.investor) == had + back
    check_backed(world)


def test_a_return_in_flight_over_a_ratio_lands_in_new_units(
    world: World, engines: Engines, there: str
) -> None:
    message = waiting(world, there, 33, lasts=3_600)
    pass_deadline(world, message)
    answer = send_back(world, message)[1]
    engines.begin(max(engines.home.day(1), engines.remote.day(1)))
    engines.split(3, 2)
    check_backed(world, (answer, 49))
    assert world.deliver(answer).one("MessageDelivered").args["amount"] == 49
    check_backed(world)


def test_what_waits_for_a_limit_is_claimed_in_new_units(world: World, engines: Engines) -> None:
    side = world.remote
    world.apply_terms(side, world.change(side, limit=1))
    engines.begin(max(engines.home.day(1), engines.remote.day(1)) + 1)
    message = lock(world, 3_000_000)
    world.synchronise()
    receipt = world.deliver(message)
    until = receipt.one("UnitsQueued").args["until"]
    first = engines.announce(3, 2)
    engines.begin(max(first, engines.home.day(0)))
    side.chain.set_time(max(side.chain.now, until))
    had = side.balance(side.investor)
    world.network.claim(message)
    assert side.balance(side.investor) == had + 4_500_000


# -------------------------------------------------------------------------- denials


@pytest.mark.requirement("INV-2", "R-20")
@pytest.mark.parametrize("true", [0, 4, 5, 6, 95, 100])
@pytest.mark.parametrize("false", [4, 5, 10, 16])
@pytest.mark.parametrize("ratios", [((1, 10),), ((1, 10), (3, 2)), ((3, 2), (1, 10), (1, 3))])
def test_a_false_message_leaves_a_ledger_as_if_it_had_never_been_there(
    world: World,
    engines: Engines,
    there: str,
    ratios: tuple[tuple[int, int], ...],
    false: int,
    true: int,
) -> None:
    """A floor of two together may be more than the floors of each: it is parted again."""
    side = getattr(world, there)
    if true:
        world.deliver(synchronised(world, lock(world, true)))
    before = books(world, side)[0]
    message = replace(
        forged(world, there, side.outsider, amount=false),
        nonce=int(world.lane_state(world.remote if there == "home" else world.home).sent),
        deadline=side.chain.now + LASTS,
    )
    assert world.deliver(message).return_value is False
    for each in ratios:
        engines.split(*each)
        if each == (3, 2):
            # Some of an epoch's ratios are met by an act, others together.
            side.escrow.bring_up(world.lane, sender=side.outsider)
    answer = deny(world, message)[1]
    receipt = take(world, answer, message)
    undone = receipt.one("MessageUndone").args
    assert undone["amount"] == over(false, *ratios)
    if there == "home":
        assert 0 <= undone["outstanding"] - undone["amount"] <= len(ratios)
    else:
        # What it had become with others is on an account there, and given back.
        assert undone["outstanding"] == undone["amount"]
        left = books(world, side)[0] - over(before, *ratios)
        assert 0 <= left <= len(ratios)
        assert world.network.status().ok == (left == 0)
        if left:
            amends = (world.lane, left, len(ratios), 0, ZERO, False, False)
            assert side.escrow.amends_of(answer.id) == amends
            agree(world, there, answer, len(ratios))
            given = side.custody.make_good(answer.id, left, sender=side.investor)
            assert given.return_value == left
            assert world.network.status().ok
    assert books(world, side) == (over(before, *ratios), 0)


def synchronised(world: World, message: LaneMessage) -> LaneMessage:
    world.synchronise()
    return message


# ------------------------------------------------------------------------- a dead ledger


@pytest.mark.requirement("INV-2", "R-13")
def test_a_list_is_in_units_of_its_last_state(world: World, engines: Engines) -> None:
    """Home splits after the ledger died; each leaf is paid what it has become."""
    home, lane = world.home, world.lane
    listing = listed(world, (home.investor, 100_000), (home.fund, 3))
    under_way(world, listing)
    assert home.escrow.end_of(lane).state.epoch == 0
    first = engines.home.day(120)
    engines.home.announce(1, 10, 120)
    engines.home.begin(first - 1)
    home.escrow.apply_end(lane, sender=home.outsider)
    assert home.escrow.list_of(lane, 0) == (listing.root, 100_003, 0)
    engines.home.begin(first)
    assert books(world, home)[0] == 10_000
    for index, units in ((1, 0), (0, 10_000)):
        leaf = listing.leaves[index]
        had = home.balance(leaf.account)
        receipt = home.escrow.pay_listed(
            lane, 0, index, leaf.account, leaf.amount, listing.proof(index), sender=home.courier
        )
        assert receipt.one("ListedPaid").args["amount"] == leaf.amount
        assert home.balance(leaf.account) == had + units
    assert home.escrow.list_of(lane, 0) == (listing.root, 0, 0)
    assert books(world, home)[0] == 0


def test_a_list_of_older_units_than_the_lanes_is_covered_by_what_it_became(
    world: World, engines: Engines
) -> None:
    engines.home.split(1, 10)
    home, listing = world.home, listed(world, (world.home.investor, 100_003))
    under_way(world, listing)
    home.chain.set_time(int(home.escrow.end_of(world.lane).applies_from))
    home.escrow.apply_end(world.lane, sender=home.outsider)
    assert home.escrow.list_of(world.lane, 0).epoch == 0
    leaf = listing.leaves[0]
    had = home.balance(home.investor)
    home.escrow.pay_listed(world.lane, 0, 0, leaf.account, leaf.amount, [], sender=home.courier)
    assert home.balance(home.investor) == had + 10_000


def test_a_list_in_units_that_are_not_in_force_is_not_confirmed(
    world: World, engines: Engines
) -> None:
    assert engines.home.day() == engines.remote.day()
    other = second_registrar(world)
    state = last_state(world, listed(world, (world.home.investor, 100)), epoch=1)
    propose(world, state)
    with refused(world, "ratios: no amount, or no later epoch in force"):
        confirm(world, state, other)


# ---------------------------------------------------------------------------- closes


@pytest.mark.requirement("INV-12")
def test_past_closes_are_answered_as_they_were(world: World, engines: Engines) -> None:
    """What was sent begins at 0 with each epoch, and the last count of one stays."""
    home, lane = world.home, world.lane
    day = engines.home.day()
    lock(world, 70)
    waiting(world, "home", 40)
    sent_before = 100_003 + 70
    first = engines.announce(1, 10)
    engines.begin(first - 1)
    lock(world, 5)
    engines.begin(first)
    assert home.escrow.sent_in_epoch(lane, 0) == sent_before + 5
    assert home.escrow.sent_in_epoch(lane, 1) == 0
    engines.begin(first + 2)
    # Nothing has moved since, in the units of each close.
    told = {
        day: (sent_before, 40),
        first - 1: (sent_before + 5, 40),
        first: (0, 4),
        first + 1: (0, 4),
    }

    def answers(hint: int = 0) -> dict[int, tuple[int, int]]:
        return {
            each: (
                int(home.escrow.sent_at_close(lane, each, hint)),
                int(home.escrow.suspense_at_close(lane, each, 0)),
            )
            for each in told
        }

    assert answers() == told
    lock(world, 8)
    assert answers() == told
    waiting(world, "home", 6)
    assert answers() == told
    assert home.escrow.sent_in_epoch(lane, 0) == sent_before + 5
    assert home.escrow.sent_in_epoch(lane, 1) == 8
    engines.begin(first + 3)
    assert home.escrow.sent_at_close(lane, first + 2, 0) == 8
    assert home.escrow.suspense_at_close(lane, first + 2, 0) == 10
    home.escrow.keep_figure(lane, Figure.SENT, first - 1, 0, sender=home.outsider)
    assert answers() == told


# --------------------------------------------------------------------------- views


def test_wallets_are_told_in_new_units_from_the_first_moment_on(
    world: World, engines: Engines
) -> None:
    side = world.home
    world.apply_terms(side, world.change(side, cap=1))
    engines.begin(max(engines.home.day(1), engines.remote.day(1)))
    room = 10**6 - 100_003
    asked = (world.lane, side.investor, party(world.remote.investor.address))

    def in_the_way(amount: int) -> int:
        return int(side.escrow.can_lock(*asked, amount, side.chain.now + DAY))

    assert (in_the_way(room), in_the_way(room + 1)) == (0, 64)
    engines.split(4, 1)
    room *= 4
    assert (in_the_way(room), in_the_way(room + 1)) == (0, 64)
    with refused(world, "lanes: cap reached"):
        lock(world, room + 1)
    lock(world, room)
    remote = world.remote
    burnt = (world.lane, remote.investor, party(world.home.fund.address))
    deadline = remote.chain.now + DAY
    assert remote.escrow.can_burn(*burnt, 400_012, deadline) == 0
    assert remote.escrow.can_burn(*burnt, 400_013, deadline) & 64


@pytest.mark.parametrize("after", [False, True])
def test_a_lane_opened_beside_a_ratio_follows_it(world: World, after: bool) -> None:
    """Opened while it is pending, and in its epoch."""
    side = world.home
    suite = side.fresh_suite()
    suite.register()
    key = side.deployer
    engine = Engine(
        replace(side, token=suite.token, escrow=suite.escrow),
        side.chain.deploy("ActionsEngineMock", suite.token, suite.escrow, sender=key),
    )
    suite.token.assign_role(engine.contract, Role.ACTIONS, *STATED, sender=key)
    first = engine.day(3)
    engine.announce(1, 3)
    terms = suite.lane_terms(cap=100, limit=10)
    if after:
        engine.begin(first)
    lane = suite.escrow.open_lane(terms, *STATED, sender=key).return_value
    assert suite.escrow.brought_up_to(lane) == suite.escrow.action_epoch_of(lane) == int(after)
    engine.begin(first + 1)
    assert suite.escrow.action_epoch_of(lane) == 1
    assert suite.escrow.lane_state(lane).terms.cap == (100 if after else 34)
