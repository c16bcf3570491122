"""`tallystick event schedule`: what a bond pays is listed, announced once, and paid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.token.position import close_of
from tests.files.test_coupons import EXAMPLE, written
from tests.support.arming import Arming
from tests.support.cash import bunds_at
from tests.support.commands import EventCommand, connect
from tests.support.world import DAY, World

_EPOCH = date(1970, 1, 1)
# 18:00 in Frankfurt, in minutes of UTC.
_CLOSE = 1_020
_COAF = "DE0001102580-INTR-20270215"
_DUE = date(2027, 1, 29)


@pytest.fixture(scope="module")
def bunds() -> World:
    """The bond of examples/bund.yaml on both ledgers, on 27 January 2027."""
    return bunds_at((date(2027, 1, 27) - _EPOCH).days * DAY + DAY // 2)


@pytest.fixture
def bund(bunds: World) -> Iterator[World]:
    with bunds.isolated():
        yield bunds


class _Command(EventCommand):
    example = EXAMPLE

    @property
    def folder(self) -> Path:
        return self.manifest.parent

    def __call__(self, *arguments: Any, verb: str = "schedule", file: Path = EXAMPLE) -> Any:
        return super().__call__(verb, *arguments, event=file)

    def states(self, *arguments: Any, **how: Any) -> tuple[int, dict[str, str]]:
        """The exit status, and how far each coupon is, by the year in which it is due."""
        status, found = self.json(*arguments, **how)
        return status, {each["due"][:4]: each["state"] for each in found["coupons"]}

    def steps(self, verb: str, *arguments: Any, file: Path) -> set[str]:
        """What became of what an executed verb did."""
        status, found = self.json(*arguments, "--execute", verb=verb, file=file)
        assert status == 0
        return {step["state"] for step in found["steps"]}

    def pay_terms(self) -> None:
        """Euros are paid on both ledgers, in cash of their own."""
        place = {
            "cash": "local",
            "tax_account": self.world.home.auditor.address,
            "return_account": self.world.home.issuer.address,
        }
        terms = {
            "schema": "tallystick.pay-terms/1",
            "currency": "EUR",
            "cash_decimals": 2,
            "rates": ["0"],
            "document": "0x" + "ab" * 32,
            "ledgers": {"home": place, "remote": place},
        }
        file = self.folder / "terms.yaml"
        file.write_text(json.dumps(terms))
        assert self.steps("terms", file=file) == {"executed"}

    def carried(self, *files: Path) -> None:
        """What ledgers tell of events is taken; what comes back is final a run later."""
        for _ in range(2):
            self.mine()
            for file in files:
                self.steps("carry", file=file)

    def paid(self, *files: Path, payment: date) -> list[dict[int, int]]:
        """Events whose record day has closed are paid; of each gross by the units of a payment."""
        for file in files:
            for verb in ("figures", "fix", "fund"):
                self.steps(verb, file=file)
                self.carried(file)
        self.day(payment)
        found = []
        for file in files:
            assert self.steps("pay", file=file) == {"executed"}
            payments = self.json(verb="status", file=file)[1]["payments"]
            found.append({int(each["units"]): int(each["gross"]) for each in payments})
        return found

    def day(self, day: date) -> None:
        """Bring both ledgers an hour into a business day."""
        for side in (self.world.home, self.world.remote):
            side.chain.set_time(close_of((day - _EPOCH).days - 1, _CLOSE) + 3_600)


@pytest.fixture
def command(
    bund: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> _Command:
    connect(monkeypatch, bund)
    return _Command(bund, bund.network.manifest.write(tmp_path / "manifest.json"), capsys)


def test_coupons_are_listed_exactly_and_what_is_not_due_is_not_announced(
    command: _Command,
) -> None:
    before = command.world.storage()
    status, found = command.json("--execute")
    assert (status, found["schema"], found["isin"]) == (
        0,
        "tallystick.event-schedule/1",
        "DE0001102580",
    )
    assert (found["executed"], found["steps"]) == (True, [])
    assert command.world.storage() == before
    first, *_ = found["coupons"]
    assert (first["start"], first["end"], first["due"]) == (
        "2022-01-07",
        "2023-02-15",
        "2023-02-15",
    )
    assert (first["days"], first["fraction"], first["factor"]) == (404, "404/365", "1")
    # Cents for a cent: 0.017 * 404 / 365.
    assert first["rate"] == {"numerator": "1717", "denominator": "91250"}
    assert (first["record"], first["payment"], first["ex"]) == ("2023-02-14", "2023-02-15", None)
    assert command.states() == (
        0,
        {str(year): "past" for year in range(2023, 2027)}
        | {str(year): "later" for year in range(2027, 2033)},
    )
    assert command.states("--until", "2027-02-14")[1].keys() == {"2023", "2024", "2025", "2026"}
    assert command.states("--until", "2020-01-01") == (0, {})


def test_what_is_due_is_announced_once_whoever_runs_it(command: _Command) -> None:
    command.day(_DUE)
    before = command.world.storage()
    status, found = command.json()
    assert (status, [step["state"] for step in found["steps"]]) == (0, ["pending"])
    assert command.world.storage() == before
    status, out, err = command()
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "dry run, nothing was sent (--execute sends): 1 pending"

    status, found = command.json("--execute")
    (step,) = found["steps"]
    assert (status, step["act"], step["state"]) == (0, "announce", "executed")
    assert step["detail"] == f"{_COAF} version 1, active"
    (due,) = (each for each in found["coupons"] if each["due"] == "2027-02-15")
    assert (due["state"], due["detail"]) == ("announced", "version 1, not confirmed")
    engine = command.world.home.engine
    newest = engine.event_of(_COAF.encode().ljust(32, b"\0")).newest
    assert "0x" + bytes(newest).hex() == due["record_hash"]

    after = command.world.storage()
    # Run again, days later, and with the file of somebody else.
    for day, file in ((date(2027, 2, 1), EXAMPLE), (date(2027, 2, 3), written(command.folder))):
        command.day(day)
        status, found = command.json("--execute", file=file)
        assert (status, found["steps"]) == (0, [])
    assert command.world.storage() == after


def test_what_is_paid_back_is_listed_and_announced_next_to_its_coupon(command: _Command) -> None:
    half = [{"from": "2027-02-15", "factor": "0.5"}]
    file = written(command.folder, factors=half, last="2028-02-15")
    command.day(_DUE)
    status, found = command.json("--execute", file=file)
    assert [step["detail"].split()[0] for step in found["steps"]] == [
        _COAF,
        "DE0001102580-REDM-20270215",
    ]
    partial, final = found["redemptions"]
    coupon, last = found["coupons"][-2:]
    assert (status, coupon["state"], partial["state"], final["state"]) == (
        0,
        "announced",
        "announced",
        "later",
    )
    assert (partial["caev"], partial["factor"], partial["left"]) == ("PRED", "1", "1/2")
    assert (final["caev"], final["factor"], final["left"]) == ("REDM", "1/2", "0")
    for name in ("corp", "due", "announcement", "ex", "record", "payment"):
        assert (partial[name], final[name]) == (coupon[name], last[name])
    # Cents for a cent; interest on what is left.
    halves = {"numerator": "1", "denominator": "2"}
    assert partial["rate"] == final["rate"] == halves
    assert (coupon["factor"], last["factor"]) == ("1", "1/2")
    after = command.world.storage()
    assert command.json("--execute", file=file)[1]["steps"] == []
    assert command.world.storage() == after
    # Somebody else's file says that more is paid back.
    other = written(command.folder, factors=[{"from": "2027-02-15", "factor": "0.4"}])
    status, found = command.json(file=other)
    assert (status, found["redemptions"][0]["detail"]) == (
        1,
        "version 1, not confirmed: rate 1/2, not 3/5",
    )


def test_the_coupon_is_confirmed_fixed_and_paid_from_its_event_file(command: _Command) -> None:
    world = command.world
    command.day(_DUE)
    folder = command.folder / "coupons"
    assert command.states("--execute", "--out", folder)[0] == 0
    assert len(list(folder.iterdir())) == 11
    coupon = folder / f"{_COAF}.yaml"
    command.pay_terms()
    assert command.steps("announce", file=coupon) == {"done"}
    assert command.steps("confirm", file=coupon) == {"executed"}
    # What comes back is final a run later.
    for states in ({"executed", "waiting"}, {"executed"}):
        command.mine()
        assert command.steps("carry", file=coupon) == states
    command.day(date(2027, 2, 12))
    # In the lane at the close of the record day, and after.
    under_way = world.locked(123_456_78)
    command.day(date(2027, 2, 15))
    world.deliver(under_way)
    for verb in ("figures", "carry", "fix", "carry", "fund"):
        command.mine()
        # Where nothing is due there is nothing to fund.
        assert command.steps(verb, file=coupon) - {"done"} == {"executed"}
    command.day(date(2027, 2, 16))
    assert command.steps("pay", file=coupon) == {"executed"}
    status, found = command.json(verb="status", file=coupon)
    assert status == 0
    # 1.7 % of what each held, in cents below; and all of the issue.
    units = {int(each["units"]): int(each["gross"]) for each in found["payments"]}
    assert units == {
        1_876_543_22: 3_190_123,
        1_500_000_25: 2_550_000,
        123_456_78: 209_876,
    }
    assert sum(units) == 3_500_000_25
    assert command.states("--until", "2027-02-15")[1]["2027"] == "announced"


def test_a_bond_is_called_in_part_and_then_whole(command: _Command) -> None:
    """A quarter of all units with a coupon, at 101 %; the rest in the middle of the next period."""
    world = command.world
    calls = [{"on": "2027-02-15", "ratio": "3:4", "price": "1.01"}, {"on": "2027-08-16"}]
    folder = command.folder / "coupons"
    file = written(command.folder, redemption={"coaf": "BOND-CALL", "calls": calls})
    command.pay_terms()

    def announced(due: str) -> list[Path]:
        """Coupon and call of a day are announced, in force, known on both ledgers."""
        status, found = command.json("--execute", "--out", folder, file=file)
        assert (status, [step["state"] for step in found["steps"]]) == (0, ["executed"] * 2)
        files = [folder / f"{name}-{due}.yaml" for name in ("DE0001102580-INTR", "BOND-CALL")]
        for each in files:
            assert command.steps("confirm", file=each) == {"executed"}
        command.carried(*files)
        return files

    with world.isolated():
        command.day(_DUE)
        # Remainders of units would be nobody's.
        status, found = command.json("--execute", file=file)
        detail = found["steps"][1]["detail"]
    expected = "BOND-CALL-20270215 ratio: expected a fractions' agent on home first"
    assert (status, detail.partition(" (")[0]) == (1, expected)
    Arming.of(world)
    command.day(_DUE)
    files = _, part = announced("20270215")
    # Somebody else's terms leave half of the units.
    half = {"coaf": "BOND-CALL", "calls": [calls[0] | {"ratio": "1:2"}]}
    other = command.folder / "half"
    other.mkdir()
    status, found = command.json(file=written(other, redemption=half))
    expected = "version 1, confirmed: rate 101/400, not 101/200; ratio 3:4, not 1:2"
    assert (status, found["redemptions"][0]["detail"]) == (1, expected)
    assert command.steps("arm", file=part) == {"executed"}
    command.carried(*files)
    command.day(date(2027, 2, 12))
    under_way = world.locked(100_000_00)
    command.day(date(2027, 2, 15))
    world.deliver(under_way)
    # Of old units: 1.7 % and a quarter of 101 %; the recipient has what is left of them.
    held = (1_900_000_00, 1_500_000_25, 100_000_00)
    assert command.paid(*files, payment=date(2027, 2, 16)) == [
        {n: n * 17 // 1_000 for n in held},
        {n: n * 101 // 400 for n in held},
    ]
    for _ in range(3):
        command.steps("arm", file=part)
        command.carried(part)
    assert world.remote.token.totalSupply() == 75_000_00

    command.day(date(2027, 7, 30))
    files = _, whole = announced("20270816")
    command.day(date(2027, 8, 14))
    # 182 days of the year's 365 on three quarters of the units, and these whole.
    left = [n * 3 // 4 for n in held]
    assert command.paid(*files, payment=date(2027, 8, 17)) == [
        {n: n * 17 * 182 // 365_000 for n in left},
        {n: n for n in left},
    ]
    for _ in range(2):
        command.steps("arm", file=whole)
        command.carried(whole)
    command.day(date(2027, 8, 23))
    assert [side.token.totalSupply() for side in (world.home, world.remote)] == [0, 0]
    status, found = command.json("--reconcile", verb="status", file=whole)
    assert status == 0


def _by_hand(command: _Command, **changes: Any) -> Path:
    """The coupon's event file, with some fields changed."""
    folder = command.folder / "by-hand"
    command("--out", folder)
    file = folder / f"{_COAF}.yaml"
    data = yaml.load(file.read_text(), Loader=yaml.BaseLoader) | changes
    data |= {"cash_decimals": 2, "set_off": False}
    changed = command.folder / "changed.yaml"
    changed.write_text(json.dumps(data))
    return changed


def test_a_coupon_that_was_announced_with_other_terms_is_named(command: _Command) -> None:
    command.day(_DUE)
    dates = {"announcement": "2027-01-29", "record": "2027-02-11", "payment": "2027-02-15"}
    file = _by_hand(command, rate="0.018", dates=dates)
    assert command.steps("announce", file=file) == {"executed"}
    before = command.world.storage()
    status, found = command.json("--execute")
    (due,) = (each for each in found["coupons"] if each["due"] == "2027-02-15")
    assert (status, found["steps"], due["state"]) == (1, [], "other")
    assert due["detail"] == (
        "version 1, not confirmed: dates.record 2027-02-11, not 2027-02-12; rate 9/500, not 17/1000"
    )
    assert command.world.storage() == before
    status, out, _ = command()
    assert status == 1
    assert "other" in out


def test_the_same_terms_announced_on_another_day_are_the_schedules(command: _Command) -> None:
    dates = {"announcement": "2027-01-27", "record": "2027-02-12", "payment": "2027-02-15"}
    assert command.steps("announce", file=_by_hand(command, dates=dates)) == {"executed"}
    command.day(_DUE)
    status, states = command.states("--execute")
    assert (status, states["2027"]) == (0, "announced")


def test_a_coupon_that_is_off_is_named(command: _Command) -> None:
    command.day(_DUE)
    file = _by_hand(command)
    assert command.steps("announce", "--cancel", file=file) == {"executed"}
    status, states = command.states("--execute")
    assert (status, states["2027"]) == (1, "cancelled")


def test_what_was_not_announced_in_time_is_named_until_it_is_past(command: _Command) -> None:
    # On the last day on which there is notice it is the same record as on the first.
    with command.world.isolated():
        command.day(date(2027, 2, 10))
        status, found = command.json("--execute")
        (again,) = (each for each in found["coupons"] if each["due"] == "2027-02-15")
        assert (status, again["state"]) == (0, "announced")
        assert again["announcement"] == str(_DUE)
    # One business day before the record day: two are needed.
    command.day(date(2027, 2, 11))
    before = command.world.storage()
    status, found = command.json("--execute")
    (due,) = (each for each in found["coupons"] if each["due"] == "2027-02-15")
    assert (status, found["steps"], due["state"]) == (1, [], "late")
    expected = "dates.record: expected at least 2 business days after today, 2027-02-11"
    assert due["detail"] == expected
    assert command.world.storage() == before
    command.day(date(2027, 2, 15))
    assert command.states()[1]["2027"] == "late"
    command.day(date(2027, 2, 16))
    assert command.states() == (
        0,
        {str(year): "past" for year in range(2023, 2028)}
        | {str(year): "later" for year in range(2028, 2033)},
    )


def test_an_event_file_that_says_something_else_is_not_written_over(command: _Command) -> None:
    folder = command.folder / "coupons"
    assert command("--out", folder)[0] == command("--out", folder)[0] == 0
    kept = folder / f"{_COAF}.yaml"
    kept.write_text("mine")
    (folder / "DE0001102580-INTR-20280215.yaml").unlink()
    status, out, err = command("--out", folder)
    expected = "another event: expected the event file of these terms, or none"
    assert (status, out, err) == (2, "", f"{kept}: --out: {expected}\n")
    assert kept.read_text() == "mine"
    assert len(list(folder.iterdir())) == 10


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--until", "soon"), "--until: soon: expected a day as YYYY-MM-DD"),
        (("--until", "2222-01-01"), "--until: 2222-01-01: expected a day from 1970-01-02 to 2149"),
    ],
)
def test_what_is_wrong_is_one_line(
    command: _Command, arguments: tuple[str, ...], line: str
) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"{EXAMPLE}: {line}")
    file = written(command.folder, frequency=5)
    assert command(file=file)[:2] == (2, "")
