"""Units that go back are paid for at every close between their leaving and landing, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import Figures
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Revert
from tests.support.actions import ACCOUNTS, APPLE, Actions, begin
from tests.support.dividend import Dividend
from tests.support.returns import Returned, sent_back, short_lived
from tests.support.world import World

pytestmark = pytest.mark.requirement("R-43", "R-46", "INV-6")

NOT_THEN = "returned: not under way then"


def dividend_of(day: int, number: int) -> EventRecord:
    """A dividend of its own for each record day."""
    after = day + 1
    return replace(
        APPLE,
        coaf=f"US-2020-DVCA-{number:02}",
        ex=0,
        record_day=day,
        figures_by=after,
        payment_day=after,
        relief_until=after,
        expires=day + 400,
    )


def closes(actions: Actions, first: int, count: int) -> list[EventRecord]:
    """A dividend for each of so many closes, known on both ledgers; the first day begins."""
    records = [dividend_of(first + number, number + 1) for number in range(count)]
    for side in (actions.home, actions.remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
        begin(side, first - 3)
    for record in records:
        actions.take(actions.in_force(record))
    for side in (actions.home, actions.remote):
        begin(side, first)
    actions.world.synchronise()
    return records


def fixed(actions: Actions, records: list[EventRecord]) -> None:
    """Every close is cut, and every part is paid in for."""
    sides = (actions.home, actions.remote)
    for record in records:
        told = actions.send_figures(record.record_day).one("FiguresSent")
        actions.take_figures(Figures(*told.figures))
        actions.fix(record)
        actions.fix_lane(record)
        actions.take_totals(record)
        for side in sides:
            for lane in (ACCOUNTS, actions.world.lane):
                actions.fund(side, record, lane)


def next_day(actions: Actions, days: int = 1) -> None:
    """Days pass on both ledgers."""
    today = max(int(side.token.business_day()) for side in (actions.home, actions.remote))
    for side in (actions.home, actions.remote):
        begin(side, today + days, 60)
    actions.world.synchronise()


def settled(
    actions: Actions, record: EventRecord, message: LaneMessage, answer: LaneMessage
) -> list[str]:
    """By what acts the units of a message that went back are paid for at a close, or kept no more;
    all others are refused. In the end every crossing part of the event is 0."""
    coaf, done = record.as_tuple()[2], []
    bound, source = actions.world.side_of(message), actions.world.side_of(answer)
    words = (message.as_tuple(), answer.nonce, answer.lock_time)
    acts: dict[str, Callable[[], Any]] = {
        "give_up": lambda: bound.engine.give_up(coaf, words[0], sender=bound.outsider),
        "pay_returned": lambda: source.engine.pay_returned(
            coaf, *words, sender=source.paying_agent
        ),
        "claim_crossed": lambda: source.engine.claim_crossed(
            coaf, answer.as_tuple(), sender=source.outsider
        ),
    }
    for name, act in acts.items():
        try:
            receipt = act()
        except Revert as refusal:
            assert refusal.reason in {NOT_THEN, "payments: not between ledgers then"}  # noqa: PT017
            continue
        done.append(name)
        for event in receipt.named("Paid"):
            assert (event.account, event.payment.units) == (source.investor.address, message.amount)
    for side in (bound, source):
        assert tuple(side.engine.part_of(coaf, message.lane)[:2]) == (True, 0)
    return done


@pytest.mark.parametrize("outward", [True, False])
def test_every_close_from_leaving_to_landing_is_paid_to_the_sender_once(
    actions: Actions, outward: bool
) -> None:
    """Left on day 1, went back on day 4, landed on day 6; of seven closes."""
    world = actions.world
    if not outward:
        world.arrived(10_000)
    records = closes(actions, APPLE.record_day, 7)
    next_day(actions)
    side, there = (world.home, world.remote) if outward else (world.remote, world.home)
    message = short_lived(world, side, there.outsider, 5_000)
    next_day(actions)
    world.deliver(message)
    next_day(actions, 2)
    answer = sent_back(world, message)
    next_day(actions, 2)
    assert world.deliver(answer).return_value
    next_day(actions, 3)
    fixed(actions, records)
    crossed = ["give_up", "pay_returned"]
    assert [settled(actions, record, message, answer) for record in records] == [
        [],
        *[crossed] * 3,
        *[["claim_crossed"]] * 2,
        [],
    ]


def test_lock_day_0_suspense_day_1_returned_and_landed_day_3(actions: Actions) -> None:
    """No close lay between the return's own leaving and landing, and three before it did."""
    world = actions.world
    records = closes(actions, APPLE.record_day, 4)
    message = short_lived(world, world.home, world.remote.outsider, 5_000)
    next_day(actions)
    assert not world.deliver(message).return_value
    next_day(actions, 2)
    answer = sent_back(world, message)
    assert world.deliver(answer).return_value
    next_day(actions, 3)
    fixed(actions, records)
    assert [settled(actions, record, message, answer) for record in records] == [
        *[["give_up", "pay_returned"]] * 3,
        [],
    ]


# -------------------------------------------------------------------------------- who, when


def test_nothing_is_paid_or_given_up_before_the_payment_day(world: World) -> None:
    later = APPLE.payment_day + 90
    record = replace(APPLE, payment_day=later, relief_until=later)
    dividend = Dividend.fixed(world, record)
    returned = Returned.of(dividend.fund(), dividend.waiting)
    for act in (returned.give_up, returned.pay):
        with dividend.refused("payments: not before payment day"):
            act()


def test_until_relief_ends_only_whom_they_landed_with_has_itself_paid(world: World) -> None:
    """By the highest rate it would be, before it has proven a lower one."""
    dividend = Dividend.fixed(world, replace(APPLE, relief_until=APPLE.payment_day + 90))
    returned = Returned.of(dividend.fund(), dividend.waiting)
    side, sender = returned.source, returned.sender
    with dividend.refused("payments: only the holder, till relief ends"):
        returned.pay()
    with dividend.isolated():
        dividend.actions.give_cash(side, sender)
        assert returned.pay(payer=sender).events == returned.paid(payer=sender)
    side.engine.setOperator(side.paying_agent, True, sender=sender)
    assert returned.pay().events == returned.paid()
    # What is given up is nobody's meanwhile.
    returned.give_up()
