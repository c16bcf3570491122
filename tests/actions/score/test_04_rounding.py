"""SCoRE 4, rounding rules: one, in the record, the same for every holder on every ledger.

Gross and tax round down to the smallest unit of the cash, for each claim; net is the rest.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.record import Rounding
from tallystick.actions.tax import TaxTable
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, begin

# 26.375 %.
TAX = Rate(211, 800)
# Base units, and what two thirds of a smallest unit for each of them comes to: gross and tax.
HELD = {1: (0, 0), 2: (1, 0), 7: (4, 1), 100: (66, 17), 12_345: (8_230, 2_170)}


@pytest.mark.requirement("R-46", "INV-6")
def test_every_claim_rounds_down_on_every_ledger_alike(actions: Actions) -> None:
    world, (home, remote) = actions.world, (actions.home, actions.remote)
    record = replace(APPLE, rate=Rate(2, 3))
    assert record.rounding is Rounding.DOWN
    actions.take(actions.in_force(record))
    world.arrived(sum(HELD))
    holders = {}
    for side in (home, remote):
        actions.set_pay_terms(side, rates=TaxTable((TAX,)).pack())
        actions.give_cash(side, side.paying_agent)
        for number, units in enumerate(HELD):
            account = side.chain.account(200 + number)
            side.token.admit(account, 40_000, b"TEST", b"\1" * 32, sender=side.registrar)
            side.token.transfer(account, units, sender=side.investor)
            holders[side.chain.name, units] = account
    actions.close(record.record_day)
    actions.take_figures(actions.figures(record.record_day))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)
    for side in (home, remote):
        actions.fund(side, record)
        begin(side, record.relief_until + 1)
        for units, (gross, tax) in HELD.items():
            account = holders[side.chain.name, units]
            payment = actions.claim(side, account, sender=side.courier).one("Paid").payment
            assert tuple(payment) == (units, gross, tax)
            assert side.cash.balanceOf(account) == gross - tax
            # Under a unit below what is exact, and never above it.
            assert 0 <= Fraction(2 * units, 3) - gross < 1
            assert 0 <= Fraction(gross * TAX.numerator, TAX.denominator) - tax < 1
    # All who held abroad are paid: what rounding left there is known, and goes back.
    left = sum(HELD) * 2 // 3 - sum(gross for gross, _ in HELD.values())
    assert tuple(remote.engine.part_of(COAF, ACCOUNTS)) == (True, 0, left)
    assert remote.engine.expire(COAF, ACCOUNTS, sender=remote.courier).return_value == left
