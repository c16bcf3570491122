"""What is given other than declared is found, once, and named: faults in logs, and in contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.status import reconciled as module
from tallystick.status.declared import Kind
from tallystick.status.ledger_log import LedgerLog
from tallystick.status.reconciled import State, reconcile, reconciled_of
from tests.actions.test_declared_is_given import pay_all
from tests.support.actions import ACCOUNTS, APPLE, COAF
from tests.support.declared import (
    Change,
    Logs,
    changed,
    differences,
    earlier,
    holding,
    logs_of,
    more,
    planted,
    shown,
)
from tests.support.dividend import (
    ABROAD,
    AT_HOME,
    HOMEWARD,
    OUTWARD,
    WAITING,
    Dividend,
)
from tests.support.returns import Returned
from tests.support.world import BUYER_UNITS, ISIN, write_slot

pytestmark = pytest.mark.requirement("INV-6", "R-46")


@pytest.fixture(scope="module")
def paid_logs(fixed_dividend: Dividend) -> tuple[Dividend, Logs]:
    """All but one paid, told home, tax of the remote ledger's accounts passed on, a rest back."""
    with fixed_dividend.isolated():
        dividend = pay_all(fixed_dividend.paying())
        dividend.actions.take_paid(dividend.actions.paid())
        remote = dividend.remote
        remote.engine.pass_on_tax(COAF, ACCOUNTS, sender=remote.courier)
        remote.engine.expire(COAF, dividend.lane, sender=remote.courier)
        logs = logs_of(dividend.world)
    assert differences(logs) == []
    return dividend, logs


_GROSS = 819_992_619_984
_TAX = 245_997_785_995


@pytest.mark.parametrize(
    ("event", "ledger", "change", "expected"),
    [
        (
            "EventFixed",
            "home",
            changed(custody=more()),
            (
                Kind.SHARE,
                "home",
                "accounts",
                {"accounts": 1_099_990_999_981, "custody": 9_000_019, "elsewhere": 0},
                {"accounts": 1_099_990_999_981, "custody": 9_000_020, "elsewhere": 0},
            ),
        ),
        (
            "EventFunded",
            "home",
            changed(amount=more(), held=more(), due=more()),
            (
                Kind.TOTALS,
                "home",
                "cash for accounts",
                {"due": 901_992_619_984, "held": 901_992_619_985},
                {"due": 901_992_619_985, "held": 901_992_619_985},
            ),
        ),
        (
            "PaidTaken",
            "home",
            changed(paid=more("crossing_tax")),
            (
                Kind.TOTALS,
                "home",
                "taken as paid by remote",
                {
                    "accounts units": 3_000_000,
                    "accounts gross": 2_459_999,
                    "accounts tax": 737_999,
                    "crossing units": 4_000_016,
                    "crossing gross": 3_280_012,
                    "crossing tax": 984_003,
                    "funded": 1,
                },
                {
                    "accounts units": 3_000_000,
                    "accounts gross": 2_459_999,
                    "accounts tax": 737_999,
                    "crossing units": 4_000_016,
                    "crossing gross": 3_280_012,
                    "crossing tax": 984_004,
                    "funded": 1,
                },
            ),
        ),
        (
            "Paid",
            "home",
            changed(payment=more("units")),
            (
                Kind.AMOUNT,
                "home",
                "held",
                {"units": AT_HOME, "gross": _GROSS},
                {"units": AT_HOME + 1, "gross": _GROSS},
            ),
        ),
        (
            "Paid",
            "home",
            changed(payment=more("gross")),
            (
                Kind.AMOUNT,
                "home",
                "held",
                {"units": AT_HOME, "gross": _GROSS},
                {"units": AT_HOME, "gross": _GROSS + 1},
            ),
        ),
        (
            "Paid",
            "home",
            changed(payment=more("tax")),
            (Kind.TAX, "home", "held", {"tax": _TAX}, {"tax": _TAX + 1}),
        ),
        (
            "TaxPassedOn",
            "remote",
            changed(amount=more()),
            (
                Kind.TAX,
                "remote",
                "passed on of accounts",
                {"tax": 737_999},
                {"tax": 738_000},
            ),
        ),
        (
            "EventExpired",
            "remote",
            changed(amount=more()),
            (
                Kind.KEPT,
                "remote",
                "returned of units from a lane",
                {"units": 0, "amount": 1},
                {"units": 0, "amount": 2},
            ),
        ),
        (
            "Paid",
            "home",
            earlier(days=1),
            (
                Kind.UNTIMELY,
                "home",
                "held",
                {"on": "2020-08-13", "funded": True, "reversed": False},
                {"on": "2020-08-12", "funded": True, "reversed": False},
            ),
        ),
    ],
)
def test_a_fault_in_a_log_is_found_once_and_named(
    paid_logs: tuple[Dividend, Logs],
    event: str,
    ledger: str,
    change: Change,
    expected: tuple[Any, ...],
) -> None:
    _, logs = paid_logs
    found = [shown(each) for each in differences(planted(logs, ledger, event, change))]
    kind, where, what, declared, applied = expected
    if event == "TaxPassedOn":
        # To whom is compared as well, and stays.
        (given,) = found
        declared["to"] = applied["to"] = given[4]["to"]
    assert found == [(kind, where, what, declared, applied)]


def test_money_to_another_than_the_holder_is_named(paid_logs: tuple[Dividend, Logs]) -> None:
    dividend, logs = paid_logs
    side = dividend.home
    other = planted(logs, "home", "Paid", changed(receiver=side.attacker.address))
    (found,) = differences(other)
    assert found.holder == side.investor.address
    assert shown(found) == (
        Kind.RECEIVER,
        "home",
        "held",
        {"to": side.investor.address},
        {"to": side.attacker.address},
    )


def test_who_held_nothing_is_paid_without_entitlement(paid_logs: tuple[Dividend, Logs]) -> None:
    dividend, logs = paid_logs
    attacker, due = dividend.home.attacker.address, dividend.due(AT_HOME)
    other = planted(logs, "home", "Paid", changed(account=attacker))
    (found,) = differences(other)
    paid = {"units": due.units, "gross": due.gross, "tax": due.tax}
    assert (found.holder, shown(found)) == (
        attacker,
        (Kind.UNENTITLED, "home", "held", {"due": "nothing"}, paid),
    )
    (event,) = reconcile(other, ISIN)
    # Whose it was has it still to get, which is no difference.
    assert holding(event, dividend.home.investor.address).state is State.OPEN


def test_a_message_that_nobody_sent_entitles_nobody(paid_logs: tuple[Dividend, Logs]) -> None:
    dividend, logs = paid_logs
    places = [e.args["message_id"] for e in logs["home"].events if e.event == "Paid"]
    (at,) = (place for place, message in enumerate(places) if any(message))
    other = planted(logs, "home", "Paid", changed(message_id=b"\7" * 32), at)
    (found,) = differences(other)
    assert (found.kind, found.holder) == (Kind.UNENTITLED, dividend.home.fund.address)
    assert found.what == "landed message 0x07070707…"


def test_another_record_than_home_has_in_force_is_named(
    paid_logs: tuple[Dividend, Logs],
) -> None:
    _, logs = paid_logs
    other = planted(logs, "remote", "RecordTaken", changed(record_hash=b"\7" * 32))
    (found,) = differences(other)
    assert shown(found) == (
        Kind.RECORD,
        "remote",
        "the record",
        {"record": "0x" + APPLE.hash.hex(), "status": "active"},
        {"record": "0x" + "07" * 32, "status": "active"},
    )
    file = replace(APPLE, rate=Rate(1))
    (found,) = differences(logs, file)
    assert shown(found) == (
        Kind.RECORD,
        "home",
        "the file's record",
        {"record": "0x" + file.hash.hex()},
        {"record": "0x" + APPLE.hash.hex()},
    )
    # A version that is to come declares nothing yet.
    assert differences(logs, file.successor()) == []


def test_what_is_told_as_paid_is_the_sum_of_holders(paid_logs: tuple[Dividend, Logs]) -> None:
    _, logs = paid_logs
    other = planted(logs, "remote", "PaidSent", changed(paid=more("accounts_gross")))
    told, taken = differences(other)[::-1]
    assert shown(told) == (
        Kind.TOTALS,
        "remote",
        "told as paid",
        {"accounts gross": 2_459_999},
        {"accounts gross": 2_460_000},
    )
    assert (taken.kind, taken.ledger, taken.what) == (
        Kind.TOTALS,
        "home",
        "taken as paid by remote",
    )


def test_what_is_told_as_funded_is_what_was_paid_in(paid_logs: tuple[Dividend, Logs]) -> None:
    _, logs = paid_logs
    unfunded = changed(paid=lambda paid: paid._replace(funded=0))
    told, taken = differences(planted(logs, "remote", "PaidSent", unfunded))[::-1]
    assert shown(told) == (
        Kind.TOTALS,
        "remote",
        "told as paid",
        {"funded": 1},
        {"funded": 0},
    )
    assert (taken.ledger, taken.what) == ("home", "taken as paid by remote")


def test_totals_that_are_not_home_s_are_named(paid_logs: tuple[Dividend, Logs]) -> None:
    _, logs = paid_logs
    share = changed(totals=lambda totals: totals._replace(crossing=0))
    found = differences(planted(logs, "remote", "TotalsTaken", share))
    # What was paid in for it is more than that was due.
    assert [(each.kind, each.ledger, each.what) for each in found] == [
        (Kind.SHARE, "remote", "totals of home"),
        (Kind.TOTALS, "remote", "cash for units from a lane"),
        (Kind.KEPT, "remote", "returned of units from a lane"),
    ]
    assert shown(found[0])[3:] == (
        {"accounts": ABROAD - HOMEWARD, "crossing": OUTWARD + WAITING},
        {"accounts": ABROAD - HOMEWARD, "crossing": 0},
    )


def test_cash_that_is_given_up_for_units_that_landed_is_named(dividend: Dividend) -> None:
    dividend.fund()
    returned = Returned.of(dividend, dividend.waiting)
    returned.give_up()
    logs, due = logs_of(dividend.world), dividend.due(WAITING)
    assert differences(logs) == []
    other = planted(logs, "remote", "GivenUp", changed(message_id=dividend.outward.id))
    (found,) = differences(other)
    assert shown(found)[:2] == (Kind.KEPT, "remote")
    assert (dict(found.declared)["units"], dict(found.applied)["units"]) == (0, due.units)


def test_an_engine_that_pays_twice_is_found(dividend: Dividend) -> None:
    """As one would that forgets whom it has paid."""
    side = dividend.paying().home
    dividend.actions.claim(side, side.buyer)
    write_slot(side.engine, 0, "pay_terms", "_payees", side.buyer)
    dividend.actions.claim(side, side.buyer)
    (found,) = differences(logs_of(dividend.world))
    due = dividend.due(BUYER_UNITS)
    paid = {"units": due.units, "gross": due.gross, "tax": due.tax}
    assert (found.holder, shown(found)) == (
        side.buyer.address,
        (Kind.UNENTITLED, "home", "held", {"due": "paid once"}, paid),
    )


def _next(given: Iterator[LedgerLog], *_: Any) -> LedgerLog:
    return next(given)


def test_a_difference_counts_only_if_it_is_seen_again(
    paid_logs: tuple[Dividend, Logs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is behind, or a block between two readings, makes none."""
    dividend, logs = paid_logs
    other = planted(logs, "home", "Paid", changed(payment=more("tax")))
    readings: dict[str, list[Logs]] = {"once": [other, logs], "twice": [other, other]}
    for times, seen in readings.items():
        answers = [each[name] for each in seen for name in ("remote", "home")]
        monkeypatch.setattr(module, "read_log", partial(_next, iter(answers)))
        assert reconciled_of(dividend.world.network.connection).ok == (times == "once")
