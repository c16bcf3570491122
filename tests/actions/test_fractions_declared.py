"""What was given for fractions is what the ratio's record declares, from logs alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.record import Rounding
from tallystick.status.declared import Kind
from tallystick.status.fractions import Given
from tallystick.status.ledger_log import LedgerLog
from tests.support.actions import world_of_engines
from tests.support.declared import (
    Change,
    Logs,
    changed,
    differences,
    earlier,
    event_of,
    logs_of,
    planted,
)
from tests.support.fractions import Fractions, OfRecord
from tests.support.world import ZERO, World

pytestmark = pytest.mark.requirement("R-45")


def claimed(rounding: Rounding) -> Fractions:
    """Everybody is given what is due."""
    found = Fractions.of(world_of_engines(), rounding)
    for side in found.over.sides:
        found.open(side)
    found.supply_agents()
    found.buyers_pay()
    for of in found.all():
        if found.due(of.amount).extra or found.due(of.amount).cash:
            found.claim(of)
    return found


@pytest.fixture(scope="module", params=[Rounding.NEAREST, Rounding.CASH, Rounding.BOUGHT_UP])
def given(request: pytest.FixtureRequest) -> Logs:
    """The logs of that, without a difference."""
    logs = logs_of(claimed(request.param).over.world)
    assert differences(logs) == []
    return logs


@pytest.fixture(scope="module")
def cash() -> Logs:
    """The logs of cash in lieu."""
    return logs_of(claimed(Rounding.CASH).over.world)


FAULTS: list[tuple[str, Change, Kind]] = [
    ("FractionGiven", changed(given=lambda g: g._replace(amount=g.amount + 10)), Kind.AMOUNT),
    ("FractionGiven", changed(given=lambda g: g._replace(units=g.units + 1)), Kind.AMOUNT),
    ("FractionGiven", changed(given=lambda g: g._replace(paid=g.paid + 1)), Kind.AMOUNT),
    ("FractionGiven", changed(given=lambda g: g._replace(bought=g.bought + 1)), Kind.AMOUNT),
    ("FractionGiven", changed(account=ZERO), Kind.UNENTITLED),
    ("FractionGiven", changed(message_id=bytes(31) + b"1"), Kind.UNENTITLED),
    ("FractionGiven", changed(receiver=ZERO), Kind.RECEIVER),
    ("FractionsOpened", changed(code=2), Kind.RECORD),
    ("FractionsOpened", changed(first_day=lambda day: day + 1), Kind.RECORD),
    ("FractionsOpened", changed(price=bytes(32).replace(b"\0", b"A")), Kind.RECORD),
]


@pytest.mark.parametrize(("event", "change", "kind"), FAULTS)
@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_what_is_given_otherwise_is_found(
    given: Logs, ledger: str, event: str, change: Change, kind: Kind
) -> None:
    found = differences(planted(given, ledger, event, change))
    assert [(each.kind, each.ledger) for each in found] == [(kind, ledger)]


def test_cash_before_its_day_is_found(cash: Logs) -> None:
    found = differences(planted(cash, "remote", "FractionGiven", earlier(1)))
    assert [each.kind for each in found] == [Kind.UNTIMELY]


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_what_is_given_twice_is_found(given: Logs, ledger: str) -> None:
    log = given[ledger]
    again = next(each for each in log.events if each.event == "FractionGiven")
    twice: dict[str, LedgerLog | Any] = {
        **given,
        ledger: replace(log, events=(*log.events, again)),
    }
    found = differences(twice)
    assert [(each.kind, each.declared) for each in found] == [
        (Kind.UNENTITLED, (("due", "given once"),))
    ]


def test_everybody_s_fraction_is_listed_given_or_open(world: World) -> None:
    """Whom the ratio's record gives something, by the package's arithmetic of what was held."""
    found = Fractions.of(world, Rounding.NEAREST)
    found.supply_agents()
    due = {place(of): Given.of(of.amount, found.due(of.amount)) for of in found.all()}
    due = {key: given for key, given in due.items() if given.units}
    listed = event_of(world, found.ratio.coaf).fractions
    # Accounts of one ledger may be of record on the other, under their messages.
    assert {(e.ledger, e.claim.account, e.claim.message): e.declared for e in listed} == due
    assert {(e.given, e.why) for e in listed} == {(None, "claims are not opened")}
    for side in found.over.sides:
        found.open(side)
    first, *others = (of for of in found.all() if place(of) in due)
    found.claim(first)
    seen = {
        (e.ledger, e.claim.account, e.claim.message): e
        for e in event_of(world, found.ratio.coaf).fractions
    }
    assert (seen[place(first)].given, seen[place(first)].why) == (due[place(first)], "")
    assert {(seen[place(of)].given, seen[place(of)].why) for of in others} == {
        (None, "to be claimed")
    }


def place(of: OfRecord) -> tuple[str, str, bytes]:
    """Where an amount is of record, and as whose."""
    return of.side.chain.name, of.account.address, of.message.id if of.message else b""
