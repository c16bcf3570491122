"""What is declared is what was given, over ratios: from logs alone, exact or within a bound."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState
from tallystick.bridge.message import party
from tallystick.status.declared import Kind, Span, What
from tallystick.status.reconciled import Event, State, reconcile
from tallystick.status.shares import left_at_most
from tallystick.token.position import AccountClass
from tests.actions.test_cut_after_a_ratio import Told, busy, late
from tests.support.declared import Logs, changed, differences, earlier, logs_of, more, planted
from tests.support.over_ratio import ABROAD, BOUGHT, E, Over, dividend
from tests.support.redeeming import Redemption
from tests.support.world import BUYER_UNITS, ELIGIBLE_UNTIL, ISIN, UINT_MAX, World

pytestmark = pytest.mark.requirement("INV-6", "R-46", "INV-12")

TENTH = Rate(1, 10)
RATIOS = {"4:1": Rate(4), "1:10": TENTH}


def events_of(world: World) -> dict[str, Event]:
    """All events; nothing differs of any."""
    events = reconcile(logs_of(world), ISIN)
    assert [each for event in events for each in event.differences] == []
    return {event.coaf: event for event in events}


def units_of(event: Event) -> dict[tuple[str, What], list[int]]:
    """Declared units of an event, by ledger and kind of claim."""
    found: dict[tuple[str, What], list[int]] = {}
    for each in event.holdings:
        found.setdefault((each.ledger, each.claim.what), []).append(each.units)
    return {key: sorted(units) for key, units in found.items()}


def all_paid(event: Event) -> None:
    """Every holder was given to the unit what is declared."""
    for each in event.holdings:
        assert each.state is State.PAID
        assert each.payment is not None
        assert (each.payment.paid.units, each.payment.paid.gross) == (each.units, each.gross)


@pytest.fixture(params=RATIOS)
def told(request: pytest.FixtureRequest, world: World) -> Told:
    """A ratio with units under way, in suspense and on their way back; all dividends are fixed."""
    told = busy(world, RATIOS[request.param])
    told.over.carry(told.ratio)
    for record in told.dividends.values():
        told.over.fix(record)
    return told


# ------------------------------------------------------------------------ nothing differs


def test_dividends_before_at_and_after_a_ratio(told: Told, world: World) -> None:
    over = told.over
    before = events_of(world)
    due = before[told.dividends["after"].coaf].holdings
    assert {each.state for each in due} == {State.OPEN}
    assert all(each.units for each in due)
    over.begin(E + 13)
    over.land_all()
    for record in told.dividends.values():
        over.fund(record)
        over.pay(record)
    events = events_of(world)
    for record in told.dividends.values():
        all_paid(events[record.coaf])
    # In units of the record, rounded down each by itself; what became nothing was claimed, too.
    rate = told.ratio.rate
    assert rate is not None
    old = units_of(events[told.dividends["at"].coaf])
    new = units_of(events[told.dividends["after"].coaf])
    assert old["remote", What.LANDED] == [7, 1_000_009, 3_000_007, 5_000_005]
    expected = sorted([*(rate.down(units) for units in (7, 1_000_009, 5_000_005)), 4_000_001])
    assert new["remote", What.LANDED] == expected
    assert old["home", What.RETURNED] == [30_011]
    assert new["home", What.RETURNED] == [rate.down(30_011)]


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("rate", RATIOS.values(), ids=RATIOS)
def test_a_ledger_that_took_the_ratio_late(world: World, rate: Rate) -> None:
    """Its close of the record day is in old units; accounts there are due what it becomes."""
    between, after = dividend(1, E + 1, 1), dividend(2, E + 16, 1)
    over = late(world, rate, records=(between,))
    [ratio] = over.ratios
    over.begin(E + 2)
    over.actions.take_figures(over.arming.figures(E + 1))
    over.actions.fix(between)
    over.arming.carry_close(E + 1, 1)
    over.actions.fix_lane(between)
    over.actions.take_totals(between)
    over.fund(between)
    over.begin(E + 9)
    waiting = units_of(events_of(world)[between.coaf])
    bought = [ABROAD - BOUGHT - 100_001 - 200_003, BOUGHT]
    assert waiting["remote", What.HELD] == sorted(rate.down(units) for units in bought)
    assert waiting["remote", What.LANDED] == sorted([rate.down(1_000_003), 2_000_001])
    over.arming.tell(over.home, ratio)
    over.arming.take(over.arming.ratio(ratio, state=RatioState.IN_FORCE))
    over.arming.in_force(after)
    over.begin(E + 17)
    over.carry(ratio, E + 12)
    over.fix(after)
    over.begin(E + 25)
    over.land_all()
    over.fund(after)
    over.pay(after)
    over.pay(between)
    events = events_of(world)
    all_paid(events[between.coaf])
    all_paid(events[after.coaf])
    # What it became does not change with the ledger's own units.
    assert units_of(events[between.coaf]) == waiting


@pytest.mark.requirement("INV-7")
def test_a_ledger_that_is_two_ratios_behind(world: World) -> None:
    record = dividend(1, E + 2, 2)
    over = late(world, TENTH, Rate(7, 2), records=(record,))
    over.begin(E + 3)
    over.actions.take_figures(over.arming.figures(E + 2))
    over.actions.fix(record)
    for epoch in (1, 2):
        over.arming.carry_close(E + 2, epoch)
    over.actions.fix_lane(record)
    over.actions.take_totals(record)
    due = units_of(events_of(world)[record.coaf])
    assert over.carried(BUYER_UNITS, 0, 2) in due["home", What.HELD]
    assert max(due["remote", What.LANDED]) == over.carried(2_000_001, 1, 2)


def test_a_message_that_slept_over_two_ratios(world: World) -> None:
    over = Over.of(world)
    ratios = [over.arm(TENTH), over.arm(Rate(7, 2), E + 3)]
    records = [dividend(1, E + 2, 1), dividend(2, E + 5, 2)]
    for record in records:
        over.arming.in_force(record)
    over.begin(E)
    over.lock(1_000_007)
    over.burn(300_005)
    over.begin(E + 6)
    for ratio in ratios:
        over.carry(ratio)
    for record in records:
        over.fix(record)
    over.begin(E + 14)
    over.land_all()
    for record in records:
        over.fund(record)
        over.pay(record)
    events = events_of(world)
    for record, landed in zip(records, (100_000, 350_000), strict=True):
        all_paid(events[record.coaf])
        assert units_of(events[record.coaf])["remote", What.LANDED] == [landed]


def test_units_that_go_back_as_nothing_are_due_for_what_they_were(world: World) -> None:
    """Five wait over 1:10 and are returned: nothing lands, and the record day before pays five."""
    over, record = Over.of(world), dividend(1, E, 0)
    over.arm(TENTH)
    over.arming.in_force(record)
    over.begin(E)
    message = over.lock(5, over.remote.outsider, 2)
    over.deliver(message)
    over.begin(E + 3)
    over.fix(record)
    answer = over.give_back(message)
    assert answer.amount == 0
    over.begin(E + 9)
    over.land_all()
    over.fund(record)
    over.pay(record)
    event = events_of(world)[record.coaf]
    all_paid(event)
    assert units_of(event)["home", What.RETURNED] == [5]


def test_what_lands_as_nothing_after_a_redemption_is_due_for_what_it_was(world: World) -> None:
    redemption = Redemption.fixed(world).funded().armed().ended()
    dividend_ = redemption.dividend
    for message in (dividend_.outward, dividend_.homeward):
        world.deliver(message)
    dividend_.lands_waiting()
    due = units_of(events_of(world)[redemption.record.coaf])
    assert due["remote", What.LANDED] == sorted(
        [dividend_.outward.amount, dividend_.waiting.amount]
    )
    for message in (dividend_.outward, dividend_.homeward, dividend_.waiting):
        side = world.side_of(message)
        arguments = (redemption.record.as_tuple()[2], message.as_tuple())
        side.engine.claim_crossed(*arguments, sender=_recipient(redemption, message))
    event = events_of(world)[redemption.record.coaf]
    paid = [each for each in event.holdings if each.claim.what is What.LANDED]
    assert [each.state for each in paid] == [State.PAID] * 3
    assert units_of(event) == due


def _recipient(redemption: Redemption, message: Any) -> Any:
    """Whose claim a message is."""
    home, remote = redemption.sides
    if message == redemption.dividend.homeward:
        return home.fund
    return remote.outsider if message == redemption.dividend.waiting else remote.investor


def test_pools_and_other_bridges(world: World) -> None:
    """A pool is set aside for what its units became; each ledger rounds what bridges carried."""
    over, record = Over.of(world), dividend(1, E + 1, 1)
    home, remote = over.sides
    pool = home.outsider
    world.network.admit(world.network.suite("home"), pool, ELIGIBLE_UNTIL)
    home.set_class(pool, AccountClass.POOL)
    home.token.transfer(pool, 3_000_015, sender=home.investor)
    bridges = {side.chain.name: side.foreign_bridge() for side in over.sides}
    home.token.approve(bridges["home"], UINT_MAX, sender=home.investor)
    world.synchronise()
    ratio = over.arm(TENTH)
    over.arming.in_force(record)
    over.begin(E - 2)
    home.token.crosschainBurn(home.investor, 700_009, sender=bridges["home"].address)
    remote.token.crosschainMint(remote.investor, 300_003, sender=bridges["remote"].address)
    over.lock(1_005)
    over.begin(E + 2)
    over.carry(ratio)
    over.fix(record)
    over.begin(E + 10)
    over.land_all()
    over.fund(record)
    key = party(str(home.token.address))
    over.actions.fund(home, record, key)
    coaf = record.as_tuple()[2]
    home.engine.set_aside(coaf, pool, 0, sender=home.courier)
    for payee_of in (pool, home.token):
        over.actions.set_pool_payee(home, payee_of, home.upgrader)
        home.engine.claim_pool(coaf, payee_of, sender=home.courier)
    due = units_of(events_of(world)[record.coaf])
    assert due["home", What.POOL] == [300_001]
    # A tenth of what left home, less a tenth of what came; what the lane has above those is its.
    [outside] = due["home", What.ELSEWHERE]
    more_there = int(home.engine.base_of(over.lane, 1).more)
    assert outside == 70_000 - 30_000 - more_there
    logs = logs_of(world)
    found = differences(planted(logs, "home", "ElsewhereFixed", changed(units=more())))
    assert (Kind.SHARE, "with other bridges") in [(each.kind, each.what) for each in found]


# -------------------------------------------------------------------- what differs is found


@pytest.mark.parametrize(
    ("event", "ledger", "change", "what", "name"),
    [
        ("EventFixed", "home", changed(accounts=more()), "accounts", "accounts"),
        (
            "LaneFixed",
            "home",
            changed(share=more("home_crossing")),
            "the lane to remote",
            "to land at home",
        ),
        ("LaneFixed", "home", changed(share=more("crossing")), "the lane to remote", "crossing"),
    ],
)
def test_one_unit_more_than_the_closes_make_is_found_where_remainders_would_hide_it(
    told: Told, world: World, event: str, ledger: str, change: Any, what: str, name: str
) -> None:
    logs = planted(logs_of(world), ledger, event, change, at=2)
    found = [each for each in differences(logs) if each.what == what]
    (each,) = found
    assert (each.kind, each.coaf) == (Kind.SHARE, told.dividends["after"].coaf)
    assert dict(each.applied)[name] == dict(each.declared)[name] + 1


def moved(world: World, amount: int) -> Logs:
    """One message is under way over 1:10 and the record day; by its own log it landed before that
    day's close, by the token's it did not."""
    over, record = Over.of(world), dividend(1, E + 1, 1)
    ratio = over.arm(TENTH)
    over.arming.in_force(record)
    over.begin(E)
    message = over.lock(amount)
    over.begin(E + 2)
    over.carry(ratio)
    over.fix(record)
    over.deliver(message)
    logs = logs_of(world)
    assert differences(logs) == []
    return planted(logs, "remote", "MessageDelivered", earlier(1), at=-1)


def test_one_unit_more_than_remainders_account_for_is_found(world: World) -> None:
    """Less than one unit of one message over one ratio: of two that nobody is due, one differs."""
    (found,) = differences(moved(world, 23))
    assert (found.kind, found.ledger, found.what) == (Kind.SHARE, "home", "the lane to remote")
    assert (dict(found.declared)["crossing"], dict(found.applied)["crossing"]) == (1, 2)


def test_as_much_as_remainders_account_for_is_none(world: World) -> None:
    assert differences(moved(world, 13)) == []


def test_another_amount_than_a_message_became_is_found(told: Told, world: World) -> None:
    """Each payment is held against the message's units rounded down, exactly."""
    over, record = told.over, told.dividends["after"]
    over.begin(E + 13)
    over.land_all()
    over.fund(record)
    over.pay(record)
    logs = logs_of(world)
    paid = [each for each in logs["remote"].events if each.event == "Paid"]
    crossed = next(at for at, each in enumerate(paid) if any(each.args["message_id"]))
    change = changed(payment=more("units"))
    (found,) = differences(planted(logs, "remote", "Paid", change, at=crossed))
    assert (found.kind, found.ledger) == (Kind.AMOUNT, "remote")
    assert dict(found.applied)["units"] == dict(found.declared)["units"] + 1


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ([], 0),
        ([(1, 10, 3)], 3),
        # What was left is carried as all units are, rounded up.
        ([(1, 10, 3), (4, 1, 2)], 14),
        ([(1, 10, 3), (1, 2, 1)], 3),
        ([(4, 1, 5), (0, 1, 0)], 0),
    ],
)
def test_what_remainders_account_for(steps: list[tuple[int, int, int]], most: int) -> None:
    assert left_at_most(steps) == most


def test_a_part_is_never_below_what_its_holders_have() -> None:
    within = Span(least=10, most=12)
    assert [within.said(fixed) for fixed in (9, 10, 12, 13)] == [10, 10, 12, 12]
    known = Span(least=10, most=12, exact=11)
    assert [known.said(fixed) for fixed in (10, 11, 12, 13)] == [11, 11, 11, 11]
    # Closes that make of it what no remainders account for.
    assert Span(least=10, most=12, exact=13).said(13) == 12
