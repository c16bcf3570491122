"""SCoRE 9, notification of processing status: at every stage each ledger says where it stands, and
what it waits for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tallystick.events.standing import standing_of
from tests.support.actions import TAXES
from tests.support.driven import Driven, done
from tests.support.world import ROOT, World


@pytest.fixture
def apple(world: World, tmp_path: Path) -> Driven:
    """The dividend of examples/apple-dividend.yaml, nothing done yet."""
    event = yaml.safe_load((ROOT / "examples" / "apple-dividend.yaml").read_text())
    event["dates"] = {name: str(day) for name, day in event["dates"].items()}
    return Driven.from_file(world, tmp_path, event)


def both(home: str, remote: str) -> dict[str, tuple[str, ...]]:
    """What ledgers wait for: one thing each, or nothing."""
    return {name: (why,) if why else () for name, why in (("home", home), ("remote", remote))}


@pytest.mark.requirement("R-40", "R-42", "R-51")
def test_each_stage_is_told_by_each_ledger(apple: Driven) -> None:
    world, record = apple.world, apple.record
    apple.terms(TAXES, "USD")
    carry, close = "home's record: carry", "the close of the record day, 2020-08-10"
    assert apple.waits() == both("the issuer: announce", carry)
    done(apple.driver.announce())
    assert apple.waits() == both("event attestors: confirm", carry)
    done(apple.driver.confirm())
    assert apple.waits() == both(close, carry)
    apple.carry()
    assert apple.waits() == both(close, close)
    world.arrived(1_000_000)
    landing = world.locked(2_000_000)
    apple.day(record.record_day + 1)
    world.deliver(landing)
    assert apple.waits() == both("fix", "its figures of the close: figures")
    done(apple.driver.figures())
    apple.carry()
    done(apple.driver.fix())
    assert apple.waits()["remote"] == ("totals of home: fix, carry",)
    apple.carry()
    done(apple.driver.fund())
    paying = "the payment day, 2020-08-13"
    assert apple.waits() == both(paying, paying)
    apple.day(record.payment_day)
    claims = "claims: pay (until 2020-08-13 the holders' own)"
    landed = "units to land and be claimed: pay"
    assert apple.waits() == {"home": (claims,), "remote": (claims, landed)}
    apple.day(record.relief_until + 1)
    done(apple.driver.pay())
    tax = "tax to pass on: pass-on-tax"
    assert apple.waits() == both(tax, tax)
    done(apple.driver.pass_on_tax())
    assert apple.waits() == both("", "")


@pytest.mark.requirement("R-40")
def test_a_status_is_read_by_machines_too(apple: Driven) -> None:
    """As JSON: what is not yet is null, amounts are text."""
    apple.told()
    home, remote = (each.as_dict() for each in standing_of(apple.driver))
    for seen in (home, remote):
        assert json.loads(json.dumps(seen)) == seen
        assert (seen["version"], seen["cancelled"], seen["halted"]) == (1, False, False)
        assert seen["told"]
        assert seen["armed"]
        assert seen["paid"]["gross"] == "0"
    assert (home["figures"], remote["figures"]) == ("own", None)
