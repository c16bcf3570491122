"""SCoRE 2, data needed for the calculation of proceeds: no cash event without all of it.

Contract and package refuse the same record, for each type of event that pays cash at one rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.codes import AUTOMATED
from tallystick.actions.entitlement import entitlement
from tallystick.actions.record import RecordError, check_event
from tests.support.actions import APPLE, Actions
from tests.support.dividend import AT_HOME, Dividend
from tests.support.world import World, refused

# What is needed: what stands there when it is missing, and why contracts refuse that.
_INCOMPLETE = "record: cash without rate or day"
NEEDED: dict[str, tuple[Any, str]] = {
    "rate": (None, "record: half a rate"),
    "currency": ("", "record: bad currency"),
    "record_day": (0, _INCOMPLETE),
    "figures_by": (0, _INCOMPLETE),
    "payment_day": (0, _INCOMPLETE),
    "relief_until": (0, _INCOMPLETE),
    "expires": (0, _INCOMPLETE),
}


@pytest.mark.requirement("R-40")
@pytest.mark.parametrize("caev", sorted(AUTOMATED))
def test_an_event_that_pays_cash_is_announced_with_all_that_its_payment_needs(
    actions: Actions, caev: str
) -> None:
    whole = replace(APPLE, caev=caev)
    for field, (nothing, reason) in NEEDED.items():
        lacks = replace(whole, **{field: nothing})
        with pytest.raises(RecordError) as caught:
            check_event(lacks)
        assert caught.value.field == field
        with refused(actions.world, reason):
            actions.announce(lacks)
    actions.announce(whole)


@pytest.mark.requirement("R-40", "R-46")
def test_the_proceeds_follow_from_the_announced_words_alone(world: World) -> None:
    """Whoever reads the log computes what the engine pays, and where it needs nothing else."""
    dividend = Dividend.fixed(world).paying()
    side = dividend.home
    (shown,) = [e.record for e in side.engine.events() if e.name == "EventAnnounced"]
    gross = AT_HOME * shown.numerator // shown.denominator
    payment = dividend.actions.claim(side, side.investor).one("Paid").payment
    assert APPLE.rate is not None
    assert payment.gross == gross == entitlement(AT_HOME, APPLE.rate).gross
    assert side.cash.currency().rstrip(b"\0") == shown.currency.rstrip(b"\0")
    assert side.cash.decimals() == shown.cash_decimals
