"""The fake of badly behaved cash does each thing that payments must survive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.chain import Contract, reverts
from tests.settlement.party import Ledger
from tests.support.cash import BURNS_GAS, SAYS_FALSE, SILENT, Manners, bad_cash, behave


def bad(ledger: Ledger, manners: Manners) -> Ledger:
    """The ledger with bad cash, of which the payer has 100 and the spender may take as much."""
    cash = bad_cash(ledger.chain, ledger.issuer, manners)
    cash.mint(ledger.payer, 100, sender=ledger.issuer)
    cash.approve(ledger.spender, 100, sender=ledger.payer)
    return replace(ledger, cash=cash)


def answers(ledger: Ledger, amount: int) -> list[bytes]:
    """What `transfer` and `transferFrom` of so much return, byte for byte."""
    cash: Contract = ledger.cash
    calls = (
        (cash.transfer.encode(ledger.payee, amount), ledger.payer),
        (cash.transferFrom.encode(ledger.payer, ledger.payee, amount), ledger.spender),
    )
    return [
        ledger.chain.send(sender=key, to=cash.address, data=data).return_value
        for data, key in calls
    ]


TRUE = (1).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("manners", "answer", "paid"),
    [
        (Manners(), TRUE, 20),
        (SILENT, b"", 20),
        (SAYS_FALSE, bytes(32), 0),
        (Manners(fee=3), TRUE, 14),
        (Manners(fee=11), TRUE, 0),
        (Manners(answer=b"\xff" * 2048), b"\xff" * 2048, 20),
    ],
    ids=["good", "silent", "false", "fee", "all of it a fee", "long"],
)
def test_cash_answers_and_moves_as_told(
    ledger: Ledger, manners: Manners, answer: bytes, paid: int
) -> None:
    told = bad(ledger, manners)
    assert answers(told, 10) == [answer] * 2
    kept = 2 * min(manners.fee, 10)
    assert told.balances(told.payer, told.payee, told.issuer) == (100 - paid - kept, paid, kept)
    assert told.cash.allowance(told.payer, told.spender) == (100 if manners == SAYS_FALSE else 90)


def test_a_blocked_payee_costs_all_gas(ledger: Ledger) -> None:
    told = bad(ledger, BURNS_GAS)
    told.cash.transfer(told.payee, 1, sender=told.payer)
    told.cash.set_blocked(told.payee, True, sender=told.issuer)
    with reverts(halt=True) as caught:
        told.cash.transfer(told.payee, 1, sender=told.payer, gas=200_000)
    assert caught.value.receipt.gas_used == 200_000
    behave(told.cash, Manners())
    with told.refused("cash: receiver blocked"):
        told.cash.transfer(told.payee, 1, sender=told.payer)


def test_cash_calls_back_once_for_each_transfer(ledger: Ledger) -> None:
    """It re-enters itself here, in its own name: what is called transfers again."""
    told = bad(ledger, Manners())
    cash = told.cash
    again = cash.transferFrom.encode(told.payer, told.payee, 5)
    cash.approve(cash.address, 8, sender=told.payer)
    behave(cash, Manners(target=cash.address, callback=again))
    mock = told.chain.at("CashMock", cash.address)
    receipt = cash.transfer(told.payee, 1, sender=told.payer)
    assert receipt.events == (
        cash.emitted("Transfer", told.payer, told.payee, 1),
        cash.emitted("Approval", told.payer, cash, 3),
        cash.emitted("Transfer", told.payer, told.payee, 5),
    )
    assert (mock.succeeded(), mock.failed()) == (1, 0)
    cash.transfer(told.payee, 1, sender=told.payer)
    assert (mock.succeeded(), mock.failed()) == (1, 1)
    assert told.balances() == (93, 7)
