"""What is declared is what was given, over ratios: from logs alone, exact or within a bound."""

from __future__ import annotations

import pytest

from tallystick.actions.entitlement import Rate
from tests.actions.test_cut_after_a_ratio import busy
from tests.support.declared import differences, logs_of
from tests.support.over_ratio import E
from tests.support.world import World

pytestmark = pytest.mark.requirement("INV-6", "R-46", "INV-12")

RATIOS = {"4:1": Rate(4), "1:10": Rate(1, 10)}


@pytest.mark.parametrize("rate", RATIOS.values(), ids=RATIOS)
def test_nothing_differs_before_at_and_after_a_ratio(world: World, rate: Rate) -> None:
    told = busy(world, rate)
    over = told.over
    over.carry(told.ratio)
    for record in told.dividends.values():
        over.fix(record)
    assert differences(logs_of(world)) == []
    over.begin(E + 13)
    over.land_all()
    for record in told.dividends.values():
        over.fund(record)
        over.pay(record)
    assert differences(logs_of(world)) == []
