"""PAID: what a remote ledger has paid of an event, as it tells home."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import total
from tallystick.actions.message import Kind, PaidSoFar
from tests.support.actions import ACCOUNTS, COAF, begin
from tests.support.dividend import (
    BOUGHT,
    INVESTOR_ABROAD,
    OUTWARD,
    WAITING,
    Dividend,
)

FIGURES = ("units", "gross", "tax")


def told(dividend: Dividend, accounts: list[int], crossing: list[int]) -> PaidSoFar:
    """What is told once accounts with so many units, and such messages, were paid."""
    parts = [total(map(dividend.due, units)) for units in (accounts, crossing)]
    figures = (figure for part in parts for figure in (part.units, part.gross, part.tax))
    return PaidSoFar(COAF, dividend.lane, *figures, funded=1)


def kept(dividend: Dividend) -> tuple[int, ...]:
    """What home knows of it."""
    return tuple(dividend.home.engine.paid_at(COAF, dividend.lane))


@pytest.mark.requirement("R-46")
def test_a_remote_ledger_tells_what_it_paid_and_home_keeps_the_newest(dividend: Dividend) -> None:
    dividend.paying()
    actions, (home, remote) = dividend.actions, dividend.sides
    assert kept(dividend) == (0,) * 6
    actions.claim(remote, remote.investor)
    paid = told(dividend, [INVESTOR_ABROAD], [])
    message = actions.message(paid)
    assert message.kind == Kind.PAID == 6
    receipt = remote.engine.send_paid(COAF, dividend.lane, sender=remote.attacker)
    assert receipt.events == (
        remote.engine.emitted("PaidSent", COAF, message.id, message.as_tuple(), paid.as_tuple()),
    )
    assert remote.engine.is_told(message.id)
    receipt = actions.take_paid(paid)
    assert receipt.events == (
        home.engine.emitted("PaidTaken", COAF, dividend.lane, paid.as_tuple()),
    )
    assert kept(dividend) == paid.figures
    with dividend.refused("paid: known already"):
        actions.take_paid(paid)
    actions.claim(remote, remote.buyer)
    for each, account in ((dividend.outward, remote.investor), (dividend.waiting, remote.outsider)):
        actions.claim_crossed(remote, each, account)
    last = told(dividend, [INVESTOR_ABROAD, BOUGHT], [OUTWARD, WAITING])
    assert actions.paid() == last
    actions.take_paid(last)
    assert kept(dividend) == last.figures
    # All that home fixed for it.
    share = home.engine.share_of(COAF, dividend.lane)
    assert (last.accounts_units, last.crossing_units) == (share.accounts, share.crossing)
    with dividend.refused("paid: less than before"):
        actions.take_paid(paid)


def test_what_expired_or_went_back_was_not_paid(dividend: Dividend) -> None:
    """Nor does tax that was passed on count less."""
    dividend.paying()
    actions, remote = dividend.actions, dividend.remote
    actions.claim(remote, remote.buyer)
    remote.engine.pass_on_tax(COAF, ACCOUNTS, sender=remote.courier)
    begin(remote, dividend.record.expires + 1)
    paid = told(dividend, [BOUGHT], [])
    assert actions.paid() == paid
    remote.engine.expire(COAF, ACCOUNTS, sender=remote.courier)
    assert actions.paid() == paid
    # What rounding left, neither.
    for each, account in ((dividend.outward, remote.investor), (dividend.waiting, remote.outsider)):
        actions.claim_crossed(remote, each, account)
    remote.engine.expire(COAF, dividend.lane, sender=remote.courier)
    assert actions.paid() == told(dividend, [BOUGHT], [OUTWARD, WAITING])


def test_a_reversal_changes_nothing_of_what_was_paid(dividend: Dividend) -> None:
    dividend.paying()
    actions, remote = dividend.actions, dividend.remote
    actions.claim(remote, remote.investor)
    actions.reversed(dividend.record)
    for lane in (ACCOUNTS, dividend.lane):
        remote.engine.expire(COAF, lane, sender=remote.courier)
    assert actions.paid() == told(dividend, [INVESTOR_ABROAD], [])


@pytest.mark.parametrize("part", ["accounts", "crossing"])
@pytest.mark.requirement("INV-7")
def test_home_believes_no_more_than_it_fixed_for_that_ledger(dividend: Dividend, part: str) -> None:
    """A ledger's attestors gone wrong say nothing that can't be."""
    dividend.paying()
    actions = dividend.actions
    units = {"accounts": INVESTOR_ABROAD + BOUGHT, "crossing": OUTWARD + WAITING}[part]
    gross = dividend.due(units).gross
    most: dict[str, Any] = dict.fromkeys(
        (f"{each}_{figure}" for each in ("accounts", "crossing") for figure in FIGURES), 0
    )
    most |= {f"{part}_units": units, f"{part}_gross": gross, f"{part}_tax": gross}
    true = PaidSoFar(COAF, dividend.lane, **most)
    for changed in (
        {"units": units + 1},
        {"gross": gross + 1},
        {"tax": gross + 1},
        {"units": units - 2},
        {"units": 2**256 - 1},
    ):
        lie = replace(true, **{f"{part}_{name}": value for name, value in changed.items()})
        with dividend.refused("paid: more than was fixed"):
            actions.take_paid(lie)
    actions.take_paid(true)
    with dividend.refused("paid: less than before"):
        actions.take_paid(replace(true, **{f"{part}_tax": gross - 1}))


def test_who_tells_is_the_remote_ledger_of_the_lane(dividend: Dividend) -> None:
    actions, (home, remote) = dividend.actions, dividend.sides
    with dividend.refused("paid: nothing was paid"):
        actions.paid()
    with dividend.refused("paid: home knows its own"):
        home.engine.send_paid(COAF, dividend.lane, sender=home.courier)
    with dividend.refused("figures: of another's lane"):
        remote.engine.send_paid(COAF, bytes(32), sender=remote.courier)
    dividend.paying()
    actions.claim(remote, remote.investor)
    paid = actions.paid()
    message = actions.message(paid)
    with dividend.refused("verifier: too few signatures"):
        actions.take_paid(paid, attestation=actions.proof(message, 1))
    with dividend.refused("dispatch: of something else"):
        actions.take_paid(replace(paid, accounts_tax=0), message)
    with dividend.refused("dispatch: of another kind"):
        actions.take_paid(paid, replace(message, kind=int(Kind.FIGURES)))
    with dividend.refused("events: at home only"):
        remote.engine.take_paid(
            message.as_tuple(), paid.as_tuple(), actions.proof(message), sender=remote.courier
        )
    with dividend.refused("figures: of another's lane"):
        actions.take_paid(replace(paid, lane=bytes(32)))
    with dividend.refused("paid: not fixed yet"):
        actions.take_paid(replace(paid, coaf=bytes(32)))
