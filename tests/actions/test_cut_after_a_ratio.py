"""Dividends before, at and after a ratio: each unit is paid for once, wherever it was then."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState
from tallystick.actions.record import EventRecord
from tests.support.over_ratio import ABROAD, BOUGHT, E, Over, dividend
from tests.support.world import BUYER_UNITS, UINT_MAX, World, refused

pytestmark = pytest.mark.requirement("R-41", "INV-6", "INV-12")

RATIOS = {"4:1": Rate(4), "1:10": Rate(1, 10), "3:2": Rate(3, 2), "1:3": Rate(1, 3)}


@dataclass
class Told:
    """A world after a ratio with everything under way, and its dividends."""

    over: Over
    ratio: EventRecord
    dividends: dict[str, EventRecord]


def busy(world: World, rate: Rate) -> Told:
    """Units leave both ways before, at and after a ratio; they land, wait and go back."""
    over = Over.of(world)
    dividends = {
        "before": dividend(1, E - 1, 0),
        "at": dividend(2, E, 0),
        "after": dividend(3, E + 1, 1),
        "later": dividend(4, E + 4, 1),
    }
    ratio = over.arm(rate)
    for record in dividends.values():
        over.arming.in_force(record)
    home, remote = over.sides
    over.begin(E - 1)
    over.lock(5_000_005)
    over.burn(2_000_003)
    over.begin(E)
    lands = [over.lock(3_000_007), over.burn(1_000_003)]
    small = [over.lock(7), over.burn(5)]
    waits = [over.lock(1_000_009, remote.outsider), over.burn(700_001, home.outsider)]
    backs = [over.lock(30_011, remote.outsider, 2), over.burn(20_011, home.outsider, 2)]
    for message in (*waits, *backs):
        assert not over.deliver(message)
    over.begin(E + 1)
    for message in lands:
        assert over.deliver(message)
    over.lock(4_000_001)
    over.burn(100_003)
    over.begin(E + 2)
    for message in small:
        over.deliver(message)
    over.begin(E + 3)
    for message in backs:
        over.give_back(message)
    over.begin(E + 5)
    return Told(over, ratio, dividends)


@pytest.fixture(params=RATIOS)
def told(request: pytest.FixtureRequest, world: World) -> Told:
    """That world, for each ratio; what was under way is so still."""
    return busy(world, RATIOS[request.param])


def test_every_unit_is_paid_for_once_around_a_ratio(told: Told) -> None:
    """Dividends of the old units pay to the unit; of the new ones nothing but remainders stays."""
    over = told.over
    over.carry(told.ratio)
    for record in told.dividends.values():
        over.fix(record)
    over.begin(E + 13)
    over.land_all()
    for name, record in told.dividends.items():
        over.fund(record)
        fixed = over.fixed(record)
        assert sum(fixed.values()) == over.home.token.supply_at_close(record.record_day, 0)
        paid = over.pay(record)
        left = over.left(record)
        assert left == {part: units - paid.get(part, 0) for part, units in fixed.items()}
        # Of old units none.
        assert over.is_paid_out(record), name


def test_the_base_of_a_lane_is_the_floors_of_what_was_there(told: Told) -> None:
    over = told.over
    over.carry(told.ratio)
    lane, rate = over.lane, told.ratio.rate
    assert rate is not None
    outward = 5_000_005 + 3_000_007 + 7
    supply = int(over.remote.token.supply_at_close(E, 0))
    base = over.home.engine.base_of(lane, 1)
    assert tuple(base) == (rate.down(supply) + rate.down(outward), 0, 0, True)


def test_what_waits_for_its_carriage_waits_alone(told: Told, world: World) -> None:
    """A dividend of new units needs its lane carried, one of old units nothing."""
    over = told.over
    for name in ("before", "at"):
        over.fix(told.dividends[name])
    record = told.dividends["later"]
    over.actions.take_figures(over.arming.figures(record.record_day))
    over.actions.fix(record)
    with refused(world, "cut: lane not carried over the ratio"):
        over.actions.fix_lane(record)
    over.carry(told.ratio)
    over.actions.fix_lane(record)


def test_a_dividend_between_record_and_payment_of_which_a_ratio_begins(world: World) -> None:
    """Fixed in old units, funded and claimed in the days of new ones: nobody has to see to it."""
    over = Over.of(world)
    record = dividend(1, E - 1, 0)
    over.arm(Rate(4))
    over.arming.in_force(record)
    over.begin(E - 1)
    message = over.lock(1_001)
    over.begin(E)
    over.fix(record)
    over.begin(E + 8)
    over.land_all()
    over.fund(record)
    over.pay(record)
    assert set(over.left(record).values()) == {0}
    landed = over.remote.balance(over.remote.investor)
    assert landed == 4 * (ABROAD - BOUGHT + message.amount)


def test_the_record_s_units_are_those_of_the_close(world: World) -> None:
    """A dividend that names other units than the close has is fixed by nobody."""
    over = Over.of(world)
    wrong, right = dividend(1, E + 1, 0), dividend(2, E + 1, 1)
    over.arm(Rate(4))
    for record in (wrong, right):
        over.arming.in_force(record)
    over.begin(E + 2)
    with refused(world, "cut: closes in other units"):
        over.actions.fix(wrong)
    over.actions.fix(right)


# -------------------------------------------------------- rows of the attack on the design


def test_one_of_two_fives_landed_and_one_in_flight_over_one_to_ten(world: World) -> None:
    """Floors of 5 + 5 make 0 there; what home owes shows 1, and no event is blocked by it."""
    over = Over.of(world)
    ratio, record = over.arm(Rate(1, 10)), dividend(1, E + 1, 1)
    over.arming.in_force(record)
    over.begin(E)
    messages = [over.lock(5), over.lock(5)]
    over.deliver(messages[0])
    over.begin(E + 2)
    over.carry(ratio)
    over.fix(record)
    over.begin(E + 10)
    over.land_all()
    over.fund(record)
    over.pay(record)
    assert over.is_paid_out(record)


def late(world: World, *rates: Rate, records: tuple[EventRecord, ...] = ()) -> Over:
    """Ratios one day after the other, of which the other ledger hears nothing; units leave both
    ways in the units of either ledger."""
    over = Over.of(world)
    for number, each in enumerate(rates):
        over.arm(each, E + number, late=True)
    for record in records:
        over.arming.in_force(record)
    over.begin(E)
    over.lock(1_000_003)
    over.burn(100_001)
    for number in range(len(rates)):
        over.begin(E + 1 + number)
        # In new units from here, in old ones from there.
        over.lock(2_000_001)
        over.burn(200_003)
        with refused(world, "transit: ratio not known here yet"):
            over.deliver(over.messages[-2])
        over.deliver(over.messages[-1])
    return over


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("rate", RATIOS.values(), ids=RATIOS)
def test_a_record_day_before_a_late_ledger_s_first_is_fixed_and_paid(
    world: World, rate: Rate
) -> None:
    """Its figures of that day are in old units for ever: home restates them, and nobody waits but
    claims there, until that ledger has the ratio."""
    between, after = dividend(1, E + 1, 1), dividend(2, E + 16, 1)
    over = late(world, rate, records=(between,))
    [ratio] = over.ratios
    over.begin(E + 2)
    over.actions.take_figures(over.arming.figures(E + 1))
    over.actions.fix(between)
    with refused(world, "cut: lane not carried over the ratio"):
        over.actions.fix_lane(between)
    receipt = over.arming.carry_close(E + 1, 1)
    lane, engine = over.lane, over.home.engine
    base = engine.base_of(lane, (E + 1) << 8 | 1)
    there = over.actions.figures(E + 1)
    outward = 1_000_003
    assert tuple(base) == (rate.down(there.supply) + rate.down(outward), 0, 0, True)
    assert receipt.events == (engine.emitted("CloseCarried", lane, 1, E, E + 1, tuple(base)),)
    over.actions.fix_lane(between)
    share = engine.share_of(between.as_tuple()[2], lane)
    assert share.accounts == rate.down(there.supply)
    assert share.crossing == rate.down(outward) + 2_000_001
    over.actions.take_totals(between)
    over.fund(between)
    over.begin(E + 9)
    home, remote = over.sides
    coaf = between.as_tuple()[2]
    units = rate.down(BUYER_UNITS)
    claimed = engine.claim(coaf, home.buyer, 0, sender=home.buyer)
    assert claimed.one("Paid").payment.units == units
    for claim in (
        lambda: remote.engine.claim(coaf, remote.buyer, 0, sender=remote.buyer),
        lambda: remote.engine.push(coaf, [remote.buyer], [], sender=remote.buyer),
    ):
        with refused(world, "ratios: no amount, or no later epoch in force"):
            claim()
    over.arming.tell(home, ratio)
    over.arming.take(over.arming.ratio(ratio, state=RatioState.IN_FORCE))
    first = E + 12
    assert remote.token.ratio_at(1).first_day == first
    over.arming.in_force(after)
    over.begin(E + 17)
    over.carry(ratio, first)
    over.fix(after)
    over.begin(E + 25)
    over.land_all()
    over.fund(after)
    paid = over.pay(after)
    assert paid
    with refused(world, "payments: paid already"):
        engine.claim(coaf, home.buyer, 0, sender=home.buyer)
    over.pay(between, but=(home.buyer,))
    assert over.is_paid_out(after)
    assert over.is_paid_out(between)


@pytest.mark.requirement("INV-7")
def test_two_behind_the_event_waits_for_that_lane_until_it_is_carried_step_by_step(
    world: World,
) -> None:
    """Home's accounts are paid meanwhile; then that lane as any."""
    record, wrong = dividend(1, E + 2, 2), E + 1
    over = late(world, Rate(1, 10), Rate(7, 2), records=(record,))
    over.begin(E + 3)
    arming, actions, engine = over.arming, over.actions, over.home.engine
    for epoch in (1, 2):
        with refused(world, "arming: no figures to restate"):
            arming.carry_close(E + 2, epoch)
    actions.take_figures(arming.figures(E + 2))
    actions.take_figures(arming.figures(wrong))
    actions.fix(record)
    actions.fund(over.home, record)
    for step in (1, 2):
        with refused(world, "cut: lane not carried over the ratio"):
            actions.fix_lane(record)
        if step == 1:
            with refused(world, "arming: the epoch before first"):
                arming.carry_close(E + 2, 2, (0, 0, 0))
        with refused(world, "arming: no ratio in force here"):
            arming.carry_close(E + 2, 3)
        with refused(world, "arming: no figures to restate"):
            arming.carry_close(wrong, 2)
        arming.carry_close(E + 2, step)
        with refused(world, "arming: carried already"):
            arming.carry_close(E + 2, step)
    actions.fix_lane(record)
    actions.take_totals(record)
    there = actions.figures(E + 2)
    share = engine.share_of(record.as_tuple()[2], over.lane)
    assert share.accounts == over.carried(there.supply, 0, 2)
    # Both locks of new units wait there; the first one's is what two ratios leave of it.
    assert share.crossing == over.carried(1_000_003, 0, 2) + over.carried(2_000_001, 1, 2) + (
        2_000_001
    )
    actions.fund(over.remote, record)
    actions.fund(over.remote, record, over.lane)
    actions.fund(over.home, record, over.lane)
    for ratio in over.ratios:
        arming.tell(over.home, ratio)
        arming.take(arming.ratio(ratio, state=RatioState.IN_FORCE))
    over.begin(E + 12)
    over.land_all()
    over.pay(record)
    assert over.is_paid_out(record)


@pytest.mark.requirement("R-14")
@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_figures_in_old_units_fit_in_old_units_or_restate_nothing(
    world: World, more: int, fits: bool
) -> None:
    """One more than was sent there is none of 1:10, and is seen all the same."""
    over = late(world, Rate(1, 10))
    over.begin(E + 2)
    true = over.arming.figures(E + 1)
    over.actions.take_figures(over.arming.figures(E + 1, supply=true.supply + 1_000_003 + more))
    if fits:
        over.arming.carry_close(E + 1, 1)
        return
    with refused(world, "arming: figures do not fit"):
        over.arming.carry_close(E + 1, 1)


def test_figures_in_units_that_home_does_not_have_are_restated_for_no_close(world: World) -> None:
    over = late(world, Rate(4))
    over.begin(E + 2)
    over.actions.take_figures(over.arming.figures(E + 1, epoch=1))
    with refused(world, "arming: the epoch before first"):
        over.arming.carry_close(E + 1, 1)
    over.actions.take_figures(over.arming.figures(E, epoch=0))
    with refused(world, "arming: no figures to restate"):
        over.arming.carry_close(E, 1)
    with refused(world, "arming: no figures to restate"):
        over.arming.carry_close(2**248 + E + 1, 1)
    with refused(world, "events: at home only"):
        over.remote.engine.carry_close(over.lane, E + 1, 1, (0, 0, 0), sender=over.remote.courier)


def test_a_lane_used_daily_whose_ledger_learns_late_is_cut_all_the_same(world: World) -> None:
    """Nothing that home kept of the close is gone when its ledger tells, three weeks later."""
    over = Over.of(world)
    ratio, record = over.arm(Rate(3, 2), late=True), dividend(1, E + 24, 1)
    for day in range(E - 2, E + 18):
        over.begin(day)
        over.burn(1_001)
        over.deliver(over.messages[-1])
        if day <= E:
            over.lock(2_001)
            over.deliver(over.messages[-1])
    over.arming.tell(over.home, ratio)
    over.arming.take(over.arming.ratio(ratio, state=RatioState.IN_FORCE))
    first = int(over.remote.token.ratio_at(1).first_day)
    assert first == E + 20
    over.arming.in_force(record)
    for day in range(E + 18, E + 25):
        over.begin(day)
        over.burn(1_001)
        if day < first:
            over.deliver(over.messages[-1])
    over.lock(5_001)
    over.begin(E + 25)
    over.carry(ratio, first, (E + 1, 0, 0))
    over.fix(record)
    over.begin(E + 33)
    over.land_all()
    over.fund(record)
    over.pay(record)
    assert over.is_paid_out(record)


def test_two_ratios_one_after_the_other(world: World) -> None:
    """A message that slept over both is paid for after both."""
    over = Over.of(world)
    ratios = [over.arm(Rate(1, 10)), over.arm(Rate(7, 2), E + 3)]
    records = [dividend(1, E + 2, 1), dividend(2, E + 5, 2)]
    for record in records:
        over.arming.in_force(record)
    over.begin(E)
    over.lock(1_000_007)
    over.burn(300_005)
    over.begin(E + 2)
    over.lock(10_009)
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
        assert over.is_paid_out(record)


# ------------------------------------------------------------------------- refusals


def carried_out(world: World) -> tuple[Over, EventRecord]:
    """A ratio in force on both ledgers, nothing told of it."""
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10))
    over.begin(E)
    over.lock(55)
    over.begin(E + 2)
    return over, ratio


def test_a_lane_is_carried_by_what_its_ledger_told_and_once(world: World) -> None:
    over, ratio = carried_out(world)
    arming = over.arming
    with refused(world, "arming: not told to be in force there"):
        arming.carry(1)
    arming.take_entered(arming.entered(ratio))
    with refused(world, "arming: not told to be in force there"):
        arming.carry(1)
    arming.take_entered(arming.entered(ratio, state=RatioState.IN_FORCE))
    with refused(world, "arming: no figures of its last close"):
        arming.carry(1)
    for epoch in (0, 2, UINT_MAX):
        with refused(world, "arming: no ratio in force here"):
            arming.carry(epoch)
    over.actions.take_figures(arming.figures(E))
    with refused(world, "events: at home only"):
        over.remote.engine.carry_lane(over.lane, 1, (0, 0, 0), sender=over.remote.courier)
    receipt = arming.carry(1)
    base = over.home.engine.base_of(over.lane, 1)
    assert receipt.events == (
        over.home.engine.emitted("LaneCarried", over.lane, 1, E, E, tuple(base)),
    )
    with refused(world, "arming: carried already"):
        arming.carry(1)


@pytest.mark.parametrize("changed", [{"supply": 1}, {"sent": 1}, {"supply": -60}])
def test_figures_that_do_not_fit_carry_nothing(world: World, changed: dict[str, int]) -> None:
    """More there than was sent, more sent home than left: the gate of the ratio itself."""
    over, ratio = carried_out(world)
    arming = over.arming
    arming.take_entered(arming.entered(ratio, state=RatioState.IN_FORCE))
    true = arming.figures(E)
    # All that is under way is 55 base units outward.
    lie = {name: getattr(true, name) + units for name, units in changed.items()}
    if changed.get("supply") == 1:
        lie["supply"] += 55
    if changed.get("sent") == 1:
        lie["sent"] += 55
    over.actions.take_figures(arming.figures(E, **lie))
    if changed.get("supply") == -60:
        # Fewer there than arrived: they count as under way, and are nobody else's.
        arming.carry(1)
        return
    with refused(world, "arming: figures do not fit"):
        arming.carry(1)


def test_figures_in_new_units_are_of_no_last_close(world: World) -> None:
    over, ratio = carried_out(world)
    arming = over.arming
    arming.take_entered(arming.entered(ratio, state=RatioState.IN_FORCE))
    over.actions.take_figures(arming.figures(E, epoch=1))
    with refused(world, "arming: no figures of its last close"):
        arming.carry(1)


def test_epochs_are_carried_in_their_order(world: World) -> None:
    over = Over.of(world)
    over.arm(Rate(1, 10))
    second = over.arm(Rate(4), E + 1)
    over.begin(E + 2)
    over.arming.take_entered(over.arming.entered(second, state=RatioState.IN_FORCE))
    over.actions.take_figures(over.arming.figures(E + 1))
    with refused(world, "arming: the epoch before first"):
        over.arming.carry(2)
