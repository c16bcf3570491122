"""SCoRE 13, reversal of a corporate action: advised with its reason before it has effect.

Who was paid is asked for exactly that payment, on the account of record; who bought since is not.
"""

from __future__ import annotations

import pytest

from tests.support.actions import COAF
from tests.support.dividend import Dividend


@pytest.mark.requirement("R-49")
def test_a_reversal_is_advised_with_its_reason_before_it_has_effect(dividend: Dividend) -> None:
    home = dividend.paying().home
    dividend.actions.claim(home, home.buyer)
    advised = dividend.actions.announce_reversal(dividend.record, b"IPRI").one("ReversalAnnounced")
    assert bytes(advised.reversal.reason) == b"IPRI"
    # Advised, and no more: nobody owes, and who was not paid still is.
    with dividend.refused("reversal: event is not reversed"):
        home.engine.assess(COAF, home.buyer, 0, sender=home.courier)
    dividend.actions.claim(home, home.investor)


@pytest.mark.requirement("R-49")
def test_who_was_paid_owes_that_payment_and_who_bought_since_owes_nothing(
    dividend: Dividend,
) -> None:
    home = dividend.paying().home
    claimed = dividend.actions.claim(home, home.buyer).one("Paid")
    payment = claimed.payment
    net = payment.gross - payment.tax
    home.token.transfer(home.fund, home.token.balanceOf(home.buyer), sender=home.buyer)
    dividend.actions.reversed(dividend.record)
    held = {each: home.cash.balanceOf(each) for each in (home.buyer, home.fund)}
    home.engine.assess(COAF, home.buyer, 0, sender=home.courier)
    assert home.engine.owed_by(home.buyer, home.cash)[0] == net
    with dividend.refused("reversal: nothing was paid"):
        home.engine.assess(COAF, home.fund, 0, sender=home.courier)
    # Asked for, never taken.
    assert held == {each: home.cash.balanceOf(each) for each in (home.buyer, home.fund)}
