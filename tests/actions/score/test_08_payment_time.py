"""SCoRE 8, payment time: as early on the payment day as there is: from its first second.

Cash is there before, in full, and nobody has to be waited for; a batch goes out at one second.
"""

from __future__ import annotations

import pytest

from tests.support.actions import COAF, begin
from tests.support.dividend import Dividend, crossed, holders


@pytest.mark.requirement("R-51")
def test_everybody_can_be_paid_in_the_first_seconds_of_the_payment_day(dividend: Dividend) -> None:
    dividend.fund().land()
    for side in dividend.sides:
        begin(side, dividend.record.payment_day, -1)
        with dividend.refused("payments: not before payment day"):
            dividend.actions.claim(side, side.buyer)
        begin(side, dividend.record.payment_day)
    for side, account, units in holders(dividend):
        assert dividend.actions.claim(side, account).one("Paid").payment.units == units
    for side, account, message in crossed(dividend):
        paid = dividend.actions.claim_crossed(side, message, account).one("Paid")
        assert paid.payment.units == message.amount
        assert side.token.business_day() == dividend.record.payment_day
    assert [dividend.part(side, lane)[1] for side, lane, _ in dividend.parts] == [0] * 4


@pytest.mark.requirement("R-51")
def test_who_does_nothing_is_paid_in_the_first_second_that_others_may_claim(
    dividend: Dividend,
) -> None:
    """Until relief ends a holder may still prove its category: that is the payment day here."""
    dividend.fund().land()
    for side in dividend.sides:
        begin(side, dividend.record.relief_until + 1)
        receipt = side.engine.push(COAF, [side.investor, side.buyer], [], sender=side.courier)
        assert receipt.return_value == 2
