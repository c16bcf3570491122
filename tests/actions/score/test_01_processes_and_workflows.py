"""SCoRE 1, harmonised business processes and workflows: one order of steps, on every ledger.

Whoever tries a step before its turn is refused, and nothing has changed.
"""

from __future__ import annotations

import pytest

from tallystick.actions.message import EventVersion
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, begin
from tests.support.world import refused


@pytest.mark.requirement("R-40", "R-42", "R-51")
def test_no_step_comes_before_the_one_that_it_follows(actions: Actions) -> None:
    world, remote = actions.world, actions.remote
    version = EventVersion(APPLE)
    for side in (actions.home, remote):
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    with refused(world, "events: nothing to confirm"):
        actions.confirm(version)
    actions.announce(APPLE)
    with refused(world, "events: none, or cancelled"):
        actions.fix(APPLE)
    actions.confirm(version)
    world.arrived(1_000)
    unknown = actions.totals(APPLE)
    with refused(world, "events: none, or cancelled"):
        actions.take_totals(APPLE, unknown)
    actions.take(version)
    for early in (lambda: actions.send_figures(APPLE.record_day), lambda: actions.fix(APPLE)):
        with refused(world, "book: day not closed"):
            early()
    actions.close(APPLE.record_day)
    with refused(world, "cut: home's accounts first"):
        actions.fix_lane(APPLE)
    actions.fix(APPLE)
    with refused(world, "cut: no figures, or two"):
        actions.fix_lane(APPLE)
    actions.take_figures(actions.figures(APPLE.record_day))
    actions.fix_lane(APPLE)
    with refused(world, "cut: not fixed yet"):
        actions.fund(remote, APPLE)
    actions.take_totals(APPLE)
    with refused(world, "payments: not funded yet"):
        actions.claim(remote, remote.investor)
    actions.fund(remote, APPLE)
    with refused(world, "payments: not before payment day"):
        actions.claim(remote, remote.investor)
    begin(remote, APPLE.payment_day)
    with refused(world, "payments: claims go on"):
        remote.engine.expire(COAF, ACCOUNTS, sender=remote.courier)
    assert actions.claim(remote, remote.investor).one("Paid").payment.units == 1_000
