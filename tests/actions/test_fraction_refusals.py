"""Fractions: what opens claims, who claims, from whose allowance, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, Status
from tallystick.actions.record import EventRecord, Rounding
from tallystick.chain import Event
from tallystick.status.reconciled import reconciled_of
from tallystick.token.position import business_day
from tests.support.actions import CLOSE_MINUTE, begin
from tests.support.fractions import (
    AGENT_CASH,
    PAYMENT_DAY,
    Fractions,
    OfRecord,
    price_of,
)
from tests.support.over_ratio import E, Over
from tests.support.world import DAY, ELIGIBLE_UNTIL, UINT_MAX, ZERO, World, refused

pytestmark = pytest.mark.requirement("R-45")


@pytest.fixture
def up(world: World) -> Fractions:
    """A ratio of which one more unit is given; nothing is open."""
    return Fractions.of(world, Rounding.UP)


@pytest.fixture
def cash(world: World) -> Fractions:
    """A ratio of which cash is given; its price is in force, nothing is open."""
    return Fractions.of(world, Rounding.CASH)


@pytest.fixture
def bought(world: World) -> Fractions:
    """A ratio of which units are bought; claims are open at home."""
    found = Fractions.of(world, Rounding.BOUGHT_UP)
    found.open(found.home)
    return found


def buyer(found: Fractions) -> OfRecord:
    """The remote ledger's buyer, who has a fraction at 1:10."""
    return next(of for of in found.accounts() if of.account.address == found.remote.buyer.address)


def logged(found: Fractions, of: OfRecord) -> Event:
    """What the engine logs of a claim."""
    due = found.due(of.amount)
    given = (of.amount, due.rest, due.extra, max(due.cash, 0), max(-due.cash, 0))
    return of.side.engine.emitted(
        "FractionGiven", found.coaf, of.account, of.message_id, given, of.account
    )


def refused_price(over: Over, world: World, price: EventRecord, reason: str) -> None:
    """A price that is announced, and which nobody can confirm."""
    over.actions.announce(price)
    with refused(world, reason):
        over.actions.confirm(EventVersion(price, Status.ACTIVE))


# --------------------------------------------------------------------------- opened


def test_anyone_opens_what_one_more_unit_is_given_for(up: Fractions) -> None:
    side = up.remote
    assert side.engine.fraction_code(up.coaf) == 0
    receipt = side.engine.open_fractions(up.coaf, sender=side.attacker)
    opened = ("FractionsOpened", up.coaf, 1, Rounding.UP, E + 1, bytes(32), ZERO)
    assert receipt.events == (side.engine.emitted(*opened),)
    assert side.engine.fraction_code(up.coaf) == Rounding.UP
    with refused(up.over.world, "fractions: open already"):
        up.open(side)


def test_what_is_paid_is_opened_with_its_price(cash: Fractions) -> None:
    for side in cash.over.sides:
        price, token = cash.price.as_tuple()[2], side.cash
        opened = ("FractionsOpened", cash.coaf, 1, Rounding.CASH, E + 1, price, token)
        assert cash.open(side).events == (side.engine.emitted(*opened),)


@pytest.mark.parametrize("rounding", [Rounding.DOWN, Rounding.DISTRIBUTED])
def test_of_what_is_rounded_down_nothing_is_opened(world: World, rounding: Rounding) -> None:
    found = Fractions.of(world, rounding)
    with refused(world, "fractions: nothing beyond whole units"):
        found.open(found.home)


def test_nothing_is_opened_before_the_ratio_is_in_force(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.UP, late=True)
    found = Fractions(over, ratio, ratio)
    for side in over.sides:
        with refused(world, "fractions: no ratio in force"):
            found.open(side)
    begin(over.home, E + 1)
    found.open(over.home)


def test_cash_waits_for_its_price(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    found = Fractions(over, ratio, price_of(ratio, Rate(41, 4)))
    over.begin(E + 1)
    with refused(world, "fractions: no price in force"):
        found.open(over.home)
    over.actions.in_force(found.price)
    found.open(over.home)
    with refused(world, "fractions: no price in force"):
        found.open(over.remote)
    with refused(world, "fractions: not opened yet"):
        found.claim(buyer(found))


@pytest.mark.parametrize("changed", [{"currency": "EUR"}, {"cash_decimals": 2}])
def test_cash_that_the_ledger_has_not_is_not_opened(
    world: World, changed: dict[str, object]
) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    found = Fractions(over, ratio, price_of(ratio, Rate(41, 4), **changed))
    over.begin(E + 1)
    over.actions.in_force(found.price)
    with refused(world, "fractions: no cash of that currency and decimals"):
        found.open(over.home)


def test_a_halted_event_opens_nothing(up: Fractions, world: World) -> None:
    other = EventVersion(replace(up.ratio, rate=Rate(1, 9)), Status.ACTIVE)
    assert up.over.actions.take(other).return_value is False
    with refused(world, "fractions: event is halted"):
        up.open(up.remote)


def test_what_a_late_ledger_sent_and_landed_on_one_day_is_of_record_where_it_landed(
    world: World,
) -> None:
    """It crossed no close, but left in old units and landed in new ones: delivered, or claimed."""
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), late=True, rounding=Rounding.UP)
    found = Fractions(over, ratio, ratio)
    home = over.home
    over.begin(E + 1)
    over.arming.tell(home, ratio)
    over.arming.take(over.arming.standing(home, ratio))
    over.begin(E + 2, 7_200)
    delivered, waits, none = over.burn(1_003), over.burn(2_009, home.outsider), over.burn(9)
    assert over.deliver(delivered)
    assert not over.deliver(waits)
    # Of nine of ten nothing lands, and that is known too.
    over.deliver(none)
    world.network.admit(world.network.suite("home"), home.outsider, ELIGIBLE_UNTIL)
    world.network.claim(waits)
    assert home.token.business_day() == E + 2
    over.begin(E + 4)
    for side in over.sides:
        found.open(side)
    found.supply_agents()
    given = {}
    for message in (delivered, waits, none):
        day = int(home.escrow.landed(message.id)) & 0xFFFF
        assert (business_day(message.lock_time, CLOSE_MINUTE), day) == (E + 2, E + 2)
        receipt = home.engine.claim_crossed_fraction(
            found.coaf, message.as_tuple(), 0, 0, sender=home.courier
        )
        event = receipt.one("FractionGiven")
        given[event.account, message.amount] = tuple(event.given)
        with refused(world, "payments: paid already"):
            home.engine.claim_crossed_fraction(
                found.coaf, message.as_tuple(), 0, 0, sender=home.courier
            )
    investor, outsider = home.investor.address, home.outsider.address
    assert given == {
        (investor, 1_003): (1_003, 3, 1, 0, 0),
        (outsider, 2_009): (2_009, 9, 1, 0, 0),
        (investor, 9): (9, 9, 1, 0, 0),
    }
    [event] = reconciled_of(world.network.connection, ratio.coaf).events
    assert event.differences == ()


# ----------------------------------------------------------------------- the record


def test_no_version_changes_what_is_given(world: World) -> None:
    """A ledger that is told late gives what the others do."""
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    for other in (Rounding.DOWN, Rounding.UP):
        with refused(world, "events: other fractions"):
            over.actions.announce(ratio.successor(rounding=other))
    over.actions.announce(ratio.successor(terms=bytes(31) + b"1"))


def test_a_version_gives_what_none_before_it_gave(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10))
    over.actions.in_force(ratio.successor(rounding=Rounding.UP))


def test_a_price_comes_after_the_ratio(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    price = price_of(ratio, Rate(41, 4), announced=ratio.announced)
    refused_price(over, world, price, "events: price of no ratio in force")
    over.begin(E + 1)
    for number, changed in enumerate(({"corp": "OTHER"}, {"unit_epoch": 2})):
        other = replace(price, coaf=f"US-OTHER-{number}", **changed)  # type: ignore[arg-type]
        refused_price(over, world, other, "events: price of no ratio in force")


def test_the_first_price_is_for_good(cash: Fractions, world: World) -> None:
    dearer = replace(cash.price, rate=Rate(42))
    other = replace(dearer, coaf="US-OTHER")
    for record in (other, cash.price.successor(rate=Rate(42))):
        refused_price(cash.over, world, record, "events: price stands")
    cash.open(cash.home)


def test_a_price_pays_nobody_itself(cash: Fractions, world: World) -> None:
    side = cash.home
    with refused(world, "events: no record day"):
        side.engine.fund(cash.price.as_tuple(), bytes(32), UINT_MAX, sender=side.paying_agent)
    with refused(world, "events: no record day"):
        cash.over.arming.arm(cash.price)


# -------------------------------------------------------------------------- claimed


def test_one_more_unit_comes_from_the_agent(up: Fractions) -> None:
    side, of = up.remote, buyer(up)
    up.open(side)
    up.supply_agents()
    receipt = up.claim(of, sender=side.attacker)
    assert receipt.events[-1] == side.token.emitted("Transfer", side.fund, of.account, 1)
    assert logged(up, of) in receipt.events
    assert side.engine.fraction_of(up.coaf, of.account, 0)[1] is True


def test_cash_in_lieu_goes_to_whom_the_holder_named(cash: Fractions) -> None:
    side, of = cash.remote, buyer(cash)
    cash.open(side)
    cash.supply_agents()
    side.engine.set_payee(side.outsider, sender=of.account)
    before, units = side.cash.balanceOf(side.outsider), side.balance(of.account)
    due = cash.due(of.amount)
    assert due.rest == 1
    cash.claim(of, sender=side.attacker)
    assert side.cash.balanceOf(side.outsider) == before + due.cash
    assert side.balance(of.account) == units


def test_cash_waits_for_the_payment_day(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.CASH)
    found = Fractions(over, ratio, price_of(ratio, Rate(165, 4)))
    over.begin(E + 1)
    over.arming.in_force(found.price)
    found.open(over.remote)
    found.supply_agents()
    over.begin(PAYMENT_DAY - 1, DAY - 200)
    with refused(world, "fractions: not before payment day"):
        found.claim(buyer(found))
    over.begin(PAYMENT_DAY)
    found.claim(buyer(found))


def test_only_the_holder_buys_or_whom_it_authorised(bought: Fractions, world: World) -> None:
    of = next(of for of in bought.accounts() if bought.due(of.amount).extra)
    side = of.side
    if side is bought.remote:
        bought.open(side)
    bought.supply_agents()
    with refused(world, "fractions: only the holder buys"):
        bought.claim(of, sender=side.courier)
    with refused(world, "cash: allowance too low"):
        bought.claim(of)
    bought.buyers_pay()
    side.engine.setOperator(side.courier, True, sender=of.account)
    price, agent = -bought.due(of.amount).cash, side.cash.balanceOf(side.fund)
    bought.claim(of, sender=side.courier)
    assert side.cash.balanceOf(of.account) == AGENT_CASH - price
    assert side.cash.balanceOf(side.fund) == agent + price


def test_a_claim_that_finds_too_little_reverts_and_stays(up: Fractions, world: World) -> None:
    side, of = up.remote, buyer(up)
    up.open(side)
    with refused(world, error="ERC20InsufficientAllowance", args=(side.engine.address, 0, 1)):
        up.claim(of)
    side.token.approve(side.engine, UINT_MAX, sender=side.fund)
    with refused(world, error="ERC20InsufficientBalance", args=(side.fund.address, 0, 1)):
        up.claim(of)
    up.supply_agents()
    up.claim(of)


def test_the_engine_moves_no_more_than_it_was_allowed(up: Fractions, world: World) -> None:
    side, of = up.remote, buyer(up)
    up.open(side)
    up.supply_agents()
    side.token.approve(side.engine, 1, sender=side.fund)
    up.claim(of)
    assert side.token.allowance(side.fund, side.engine) == 0
    with refused(world, error="ERC20InsufficientAllowance", args=(side.engine.address, 0, 1)):
        up.claim(next(each for each in up.messages() if each.side is side))


def test_custody_and_who_held_nothing_are_of_record_for_nothing(
    up: Fractions, world: World
) -> None:
    assert up.home.token.balance_at_close(up.home.custody, E, 0) % 10
    for side in up.over.sides:
        up.open(side)
        for account in (side.custody, side.outsider):
            with refused(world, "fractions: nothing is due"):
                side.engine.claim_fraction(up.coaf, account, 0, sender=side.courier)


# ------------------------------------------------------------------ what was under way


def test_a_message_is_shown_by_what_left_first(up: Fractions, world: World) -> None:
    up.open(up.home)
    answer = next(
        each for each in up.over.answers.values() if up.over.world.side_of(each) is up.home
    )
    first = next(
        each
        for each in up.over.messages
        if each.id in up.over.answers and up.over.answers[each.id] is answer
    )
    for message in (answer, first):
        with refused(world, "fractions: did not land here"):
            up.home.engine.claim_crossed_fraction(
                up.coaf, message.as_tuple(), 0, 0, sender=up.home.courier
            )


def test_what_left_in_new_units_has_no_fraction_of_old_ones(up: Fractions, world: World) -> None:
    up.open(up.remote)
    message = next(each for each in up.over.messages if each.action_epoch == 1)
    with refused(world, "payments: in other units"):
        up.remote.engine.claim_crossed_fraction(
            up.coaf, message.as_tuple(), 0, 0, sender=up.remote.courier
        )


def test_what_landed_in_old_units_is_of_record_on_its_account(world: World) -> None:
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), rounding=Rounding.UP)
    found = Fractions(over, ratio, ratio)
    over.begin(E - 1)
    message = over.lock(1_003)
    over.begin(E)
    assert over.deliver(message)
    over.begin(E + 1)
    found.open(over.remote)
    with refused(world, "fractions: landed in old units"):
        over.remote.engine.claim_crossed_fraction(
            found.coaf, message.as_tuple(), 0, 0, sender=over.remote.courier
        )


def test_a_ledger_that_took_the_ratio_late_is_of_record_by_its_own_close(world: World) -> None:
    """Its accounts at its own last close in old units; what it sent by then where that landed."""
    over = Over.of(world)
    ratio = over.arm(Rate(1, 10), late=True, rounding=Rounding.UP)
    found = Fractions(over, ratio, ratio)
    over.begin(E + 1)
    over.arming.tell(over.home, ratio)
    told = over.arming.standing(over.home, ratio)
    over.arming.take(told)
    over.begin(E + 2, 7_200)
    message = over.burn(1_003)
    over.begin(E + 3)
    assert over.deliver(message)
    over.begin(E + 4)
    for side in over.sides:
        found.open(side)
    assert over.remote.engine.fraction_code(found.coaf) == Rounding.UP
    found.supply_agents()
    receipt = over.home.engine.claim_crossed_fraction(
        found.coaf, message.as_tuple(), 0, 0, sender=over.home.courier
    )
    assert tuple(receipt.one("FractionGiven").given) == (1_003, 3, 1, 0, 0)
    held = over.remote.token.balance_at_close(over.remote.investor, E + 3, 0)
    receipt = over.remote.engine.claim_fraction(
        found.coaf, over.remote.investor, 0, sender=over.remote.courier
    )
    assert tuple(receipt.one("FractionGiven").given) == (held, held % 10, 1, 0, 0)
