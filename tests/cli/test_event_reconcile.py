"""`tallystick event status --reconcile`: given as declared, or the exit status is 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.actions.record import Rounding
from tallystick.cli import main as cli
from tallystick.text import units_text
from tests.actions.test_declared_is_given import pay_all
from tests.support.actions import COAF, world_of_engines
from tests.support.commands import ROOT, connect
from tests.support.dividend import AT_HOME, Dividend
from tests.support.fractions import Fractions
from tests.support.world import World, write_slot

_EVENT = ROOT / "examples" / "apple-dividend.yaml"


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """The command on the world's manifest, and what it said."""
    connect(monkeypatch, world)
    manifest = world.network.manifest.write(tmp_path / "manifest.json")

    def run(*arguments: str) -> tuple[int, str, str]:
        given = ["event", "status", *arguments, "--reconcile", "--manifest", str(manifest)]
        status = cli.main(given)
        return status, *capsys.readouterr()

    return run


def test_a_dividend_is_declared_given_and_given_otherwise(world: World, command: Run) -> None:
    assert command() == (0, "no event was announced\n", "")
    dividend = Dividend.fixed(world).paying()
    status, out, err = command()
    assert (status, err) == (0, "")
    assert "open: the payment day, 2020-08-13" in out
    assert out.endswith("US-2020-DVCA-01: 7 holdings: what was given is what was declared\n")
    pay_all(dividend)
    status, out, _ = command("--json")
    found = json.loads(out)
    assert (status, found["schema"], found["ok"]) == (0, "tallystick.event-reconcile/1", True)
    (event,) = found["events"]
    due = dividend.due(AT_HOME)
    first = event["holders"][0]
    amounts = {name: str(getattr(due, name)) for name in ("units", "gross", "tax", "net")}
    address = dividend.home.investor.address
    assert first["declared"] == amounts
    assert first["given"] == {**amounts, "receiver": address, "set_off": "0"}
    assert {each["state"] for each in event["holders"]} == {"paid"}
    # Paid again, by an engine that forgot.
    side = dividend.home
    write_slot(side.engine, 0, "pay_terms", "_payees", side.investor)
    with world.isolated():
        # What is left of the part is no more than rounding: it is paid in anew.
        part = 1 << 255 | AT_HOME
        write_slot(side.engine, part, "payments", "_parts", COAF, bytes(32))
        side.cash.mint(side.engine, due.net, sender=side.issuer)
        dividend.actions.claim(side, side.investor)
        status, out, err = command()
        assert (status, err) == (1, "")
        assert "DVCA US-2020-DVCA-01, version 1: DIFFERS" in out
        assert "unentitled" in out
        assert out.endswith("US-2020-DVCA-01: 7 holdings: 1 differ\n")
        (difference,) = json.loads(command("--json")[1])["events"][0]["differences"]
    assert difference == {
        "kind": "unentitled",
        "ledger": "home",
        "holder": address,
        "what": "held",
        "declared": {"due": "paid once"},
        "applied": {name: amounts[name] for name in ("units", "gross", "tax")},
    }


@pytest.mark.requirement("R-45")
def test_cash_in_lieu_is_listed_and_given_twice_is_a_difference(world: World, command: Run) -> None:
    found = Fractions.of(world, Rounding.CASH)
    found.supply_agents()
    due = [of for of in found.all() if found.due(of.amount).cash]
    for side in found.over.sides:
        found.open(side)
    for of in due:
        found.claim(of)
    status, out, err = command()
    assert (status, err) == (0, "")
    at_home = sum(of.side is found.home for of in due)
    assert f"home: fractions: {at_home} given, 0 open\n" in out
    verdict = f"{found.ratio.coaf}: {len(due)} holdings: what was given is what was declared\n"
    assert verdict in out
    first = due[0]
    # Given again, by an engine that forgot.
    write_slot(first.side.engine, 0, "pay_terms", "_payees", first.account)
    given = tuple(found.claim(first).one("FractionGiven").given)
    status, out, err = command("--json")
    assert (status, err) == (1, "")
    events = {event["coaf"]: event for event in json.loads(out)["events"]}
    event = events[found.ratio.coaf]
    names = ("amount", "rest", "units", "paid", "bought")
    amounts = dict(zip(names, map(str, given), strict=True))
    assert event["differences"] == [
        {
            "kind": "unentitled",
            "ledger": "home",
            "holder": first.account.address,
            "what": "fraction",
            "declared": {"due": "given once"},
            "applied": amounts,
        }
    ]
    assert (len(event["fractions"]), event["price"]) == (len(due), found.price.coaf)
    (listed,) = (
        each
        for each in event["fractions"]
        if (each["holder"], each["message"], each["ledger"])
        == (first.account.address, None, "home")
    )
    assert listed["declared"] == listed["given"] == amounts
    # In units of the instrument, and cash of the price.
    said = f"rest {given[1]}, units 0, paid {units_text(given[3], found.price.cash_decimals)}, "
    assert said in command()[1]


def test_a_file_is_held_to_what_home_has_in_force(world: World, command: Run) -> None:
    status, out, err = command(str(_EVENT))
    assert (status, out) == (2, "")
    assert "coaf: US-2020-DVCA-01: expected an event that a ledger knows" in err
    Dividend.fixed(world)
    # The example has other terms than the record of the tests.
    status, out, err = command(str(_EVENT))
    assert (status, err) == (1, "")
    assert "the file's record" in out


def test_only_what_is_compared_is_compared_without_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["event", "status", "--manifest", "none.json"]) == 2
    assert capsys.readouterr().err == "tallystick: Missing argument 'EVENT'.\n"
