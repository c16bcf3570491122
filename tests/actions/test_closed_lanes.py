"""Lanes that were closed, at closes before and after: each close of a pair is one lane's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.attestation import attest
from tallystick.bridge.message import CODEC, LaneId, LaneMessage, party
from tests.actions.test_fixing import ISSUE
from tests.support.actions import APPLE, Actions, Third, begin
from tests.support.closing import close_another
from tests.support.world import STATED, domain_of, refused

CLOSE, OUT, NO_HINTS = APPLE.record_day, 40, (0, 0, 0)


@pytest.fixture
def announced(actions: Actions) -> Actions:
    """The dividend is known at home and on the remote ledger."""
    actions.take(actions.in_force(APPLE))
    return actions


def reconcile(third: Third, day: int) -> None:
    """Somebody has home compare what a lane's ledger told of a close."""
    side = third.actions.home
    side.engine.reconcile(third.lane, day, NO_HINTS, 0, sender=side.courier)


@pytest.fixture
def third(announced: Actions) -> Third:
    """A third ledger that had forty units at the close, and whose lane was closed a day later."""
    third, world, side = Third.joins(announced), announced.world, announced.home
    third.lock(OUT)
    announced.close(CLOSE)
    begin(side, CLOSE + 1, 60)
    account = party(side.investor.address)
    lane = LaneId(third.lane)
    back = LaneMessage(CODEC, 2, lane, 9, side.chain.now, 0, OUT, account, account, 2**40)
    back = replace(back, deadline=side.chain.now + 1_000)
    proof = attest(back, world.signers, domain_of(side), world.signer_keys[:2])
    assert side.escrow.deliver(back.as_tuple(), proof, sender=side.courier).return_value is True
    close_another(world, third.lane)
    return third


@pytest.mark.requirement("R-42", "INV-6", "INV-13")
def test_what_a_lane_was_owed_at_a_close_before_is_no_account_s(
    announced: Actions, third: Third
) -> None:
    fixed = announced.fix(APPLE).one("EventFixed").args
    assert (fixed["accounts"], fixed["custody"]) == (ISSUE - OUT, OUT)
    third.take_figures(third.figures(CLOSE, supply=OUT))
    assert third.fix(APPLE).one("LaneFixed").args["share"].accounts == OUT


@pytest.mark.requirement("INV-6", "INV-13")
def test_figures_of_it_fit_before_the_day_on_which_it_was_closed_alone(
    announced: Actions, third: Third
) -> None:
    side = announced.home
    until = side.escrow.lane_ends(third.lane).until
    assert until == side.token.business_day()
    begin(side, until + 2)
    for day in (until, until - 1):
        third.take_figures(third.figures(day, sent=OUT))
    with refused(announced.world, "cut: figures do not fit"):
        reconcile(third, until)
    reconcile(third, until - 1)


@pytest.mark.requirement("R-14", "INV-7", "INV-13")
def test_nobody_has_it_suspended_for_a_close_after(announced: Actions, third: Third) -> None:
    side = announced.home
    side.engine.propose_daily(True, *STATED, sender=side.operator)
    begin(side, side.token.business_day() + 2)
    side.engine.set_daily(True, *STATED, sender=side.administrator)
    begin(side, side.token.business_day() + 3)
    with refused(announced.world, "reconciliation: no books"):
        side.engine.suspend(bytes(32), third.lane, NO_HINTS, 0, sender=side.outsider)


@pytest.mark.requirement("INV-6", "INV-13")
def test_the_next_lane_of_its_pair_has_no_books_of_before(announced: Actions, third: Third) -> None:
    """What that ledger held then is in the books of the one that was closed."""
    side = announced.home
    until = side.escrow.lane_ends(third.lane).until
    terms = side.escrow.lane_state(third.lane).terms._asdict()
    terms |= {"custody": side.new_custody(), "peer_escrow": b"\x05" * 32}
    opening = (tuple(terms.values()), *STATED)
    side.escrow.propose_lane(*opening, sender=side.operator)
    lane = side.escrow.open_lane(*opening, sender=side.administrator).return_value
    following = replace(third, lane=lane)
    begin(side, until + 2)
    for each in (following, third):
        each.take_figures(each.figures(until - 1, sent=OUT if each is third else 0))
    with refused(announced.world, "cut: figures do not fit"):
        reconcile(following, until - 1)
    reconcile(third, until - 1)
    following.take_figures(following.figures(until))
    reconcile(following, until)


@pytest.mark.requirement("INV-6")
def test_a_close_is_fixed_within_a_hundred_days(announced: Actions) -> None:
    """So long an escrow names the lanes that were closed since, and two days longer."""
    announced.close(CLOSE)
    begin(announced.home, CLOSE + 102)
    with refused(announced.world, "cut: too long ago"):
        announced.fix(APPLE)


@pytest.mark.requirement("INV-6")
def test_the_hundredth_day_is_one_of_them(announced: Actions) -> None:
    announced.close(CLOSE)
    begin(announced.home, CLOSE + 100)
    assert announced.fix(APPLE).one("EventFixed").args["accounts"] == ISSUE
