"""What is wrong with a file is said all at once, a line each, unknown fields with the nearest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError
from tallystick.files.event import load_event
from tallystick.files.instrument import load_instrument
from tallystick.files.manifest import Manifest
from tallystick.files.pay_terms import load_pay_terms
from tallystick.files.plan import load_plan
from tallystick.local.network import Network
from tests.files import test_event as events
from tests.files import test_instrument as instruments
from tests.files import test_pay_terms as terms
from tests.files import test_plan as plans
from tests.support.commands import tallystick
from tests.support.documents import REMOVED


def lines(load: Callable[[Path], object], file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(file)
    # The first of them is what the error says itself.
    assert caught.value.lines[0] == str(caught.value)
    assert not any("\n" in line for line in caught.value.lines)
    return [line.removeprefix(f"{file}: ") for line in caught.value.lines]


def written(folder: Path, data: Any, name: str = "file.yaml") -> Path:
    file = folder / name
    file.write_text(json.dumps(data))
    return file


def test_every_wrong_field_of_an_instrument_is_said(tmp_path: Path) -> None:
    data = instruments.changed("isin", "US0378331003")
    data |= {"authorized": data.pop("authorised"), "decimals": "6"}
    data["holders"][1]["eligibel"] = True
    data["ledgers"][0]["dti"] = "X9J9K872T"
    assert lines(load_instrument, written(tmp_path, data)) == [
        "holders[1].eligibel: true: expected no such field (did you mean eligible?)",
        "authorized: 1000000: expected no such field (did you mean authorised?)",
        "isin: US0378331003: expected check digit 5: US0378331005 (ISO 6166)",
        "decimals: 6: expected a whole number",
        "authorised: missing: expected this field",
        "ledgers[0].dti: X9J9K872T: expected check character S: X9J9K872S (ISO 24165)",
    ]


def test_everything_that_does_not_fit_together_is_said(tmp_path: Path) -> None:
    data = instruments.changed("home", "moon")
    data["holders"][0] |= {"name": "pension-fund", "ledger": "moon"}
    data["holders"][1]["amount"] = "0.0000001"
    data["holders"][2]["amount"] = 9_000_000
    assert lines(load_instrument, written(tmp_path, data)) == [
        "home: moon: expected one of the ledgers: home, remote",
        (
            "holders[1].name: pension-fund: expected a name of its own, this one is taken by "
            "holders[0].name"
        ),
        "holders[0].ledger: moon: expected one of the ledgers: home, remote",
        "holders[1].amount: 0.0000001: expected at most 6 decimal places",
        ("holders: 9565000.2500011: expected holdings of at most the authorised 1000000 in all"),
    ]


def test_a_plan_and_its_instrument_are_said_together(tmp_path: Path) -> None:
    bad = written(tmp_path, instruments.changed("cfi", "ESVUFQ"), "instrument.yaml")
    data = plans.changed(
        ("instrument", "instrument.yaml"),
        ("upgrade.notice_seconds", 1),
        ("lanes[0].verifiers[0].treshold", 2),
    )
    assert lines(load_plan, written(tmp_path, data)) == [
        ("lanes[0].verifiers[0].treshold: 2: expected no such field (did you mean threshold?)"),
        "upgrade.notice_seconds: 1: expected a number of at least 3600",
        f"{bad}: cfi: ESVUFQ: expected a group and attributes of that category (ISO 10962)",
    ]


def test_every_account_that_is_taken_is_said(tmp_path: Path) -> None:
    data = plans.changed(
        ("ledgers[1].chain_id", 41001),
        ("lanes[0].remote", "moon"),
        ("actions.messages.attestors", [1, 2, 121]),
    )
    assert lines(load_plan, written(tmp_path, data)) == [
        "ledgers[1].chain_id: 41001: expected a chain id of its own, this one is that of home",
        "lanes[0].remote: moon: expected one of the ledgers: home, remote",
        (
            "actions.messages.attestors[0]: index 1: expected an account of its own, this one is "
            "issuer on home"
        ),
        (
            "actions.messages.attestors[1]: index 2: expected an account of its own, this one is "
            "notary on home"
        ),
    ]


def test_everything_in_which_a_plan_does_not_fit_its_instrument_is_said(tmp_path: Path) -> None:
    data = plans.changed(
        ("parties", [{"name": "Nobody"}, {"name": "Nobody"}]),
        ("lanes[0].cap", 2_000_000),
        ("lanes[0].home", "remote"),
        ("lanes[0].remote", "home"),
    )
    assert lines(load_plan, written(tmp_path, data)) == [
        "lanes[0].home: remote: expected the instrument's home ledger, home",
        "lanes[0].cap: 2000000: expected more than 0 and at most the authorised 1000000",
        "parties[0].name: Nobody: expected a party named in the instrument's roles",
        "parties[1].name: Nobody: expected a party named in the instrument's roles",
        "parties[1].name: Nobody: expected each party once",
    ]


def test_every_error_of_a_manifest_is_said(network: Network, tmp_path: Path) -> None:
    file = network.manifest.write(tmp_path / "manifest.json")
    data = json.loads(file.read_text())
    issuer = data["roles"]["home"]["issuer"]
    issuer["adress"] = issuer.pop("address")
    data["ledgers"][0]["contracts"]["SecurityToken"]["code_hash"] = "0x12"
    data["lanes"][0]["sides"]["home"]["custodian"] = "0x12"
    assert lines(Manifest.load, file.with_name(written(tmp_path, data).name)) == [
        "lanes[0].sides.home.custodian: 0x12: expected no such field (did you mean custody?)",
        (
            f"roles.home.issuer.adress: {issuer['adress']}: expected no such field "
            "(did you mean address?)"
        ),
        "ledgers[0].contracts.SecurityToken.code_hash: 0x12: expected a hash: 0x and 64 hex digits",
        "roles.home.issuer.address: missing: expected this field",
    ]
    data = json.loads(file.read_text())
    for name in ("SecurityToken", "BridgeEscrow"):
        del data["ledgers"][1]["contracts"][name]
    data["ledgers"][0]["caip2"] = "eip155:1"
    assert lines(Manifest.load, written(tmp_path, data)) == [
        "ledgers[0].caip2: eip155:1: expected eip155:41001",
        "ledgers[1].contracts.SecurityToken: missing: expected an entry of this contract",
        "ledgers[1].contracts.BridgeEscrow: missing: expected an entry of this contract",
    ]


def test_every_error_of_an_event_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, events.changed(("rate", "lots"), ("currency", "usd"), ("ratee", 1)))
    assert lines(lambda path: load_event(path, events.APPLE), file) == [
        "ratee: 1: expected no such field (did you mean rate?)",
        (
            'rate: lots: expected currency for one whole unit, in quotes, such as "0.82" or '
            '"181/36500"'
        ),
        "currency: usd: expected a currency code: 3 capitals (ISO 4217)",
    ]
    weekend = events.changed(("dates.ex", "2020-08-08"), ("dates.payment", "2020-08-15"))
    found = lines(
        lambda path: load_event(path, events.APPLE, today=events.ANNOUNCED),
        written(tmp_path, weekend),
    )
    assert found == [
        "dates.ex: 2020-08-08: expected a business day: Monday to Friday, no holiday",
        "dates.payment: 2020-08-15: expected a business day: Monday to Friday, no holiday",
    ]


def test_every_error_of_pay_terms_is_said(tmp_path: Path) -> None:
    data = json.loads(json.dumps(terms._GOOD))
    data["ledgers"]["home"]["cahs"] = data["ledgers"]["home"].pop("cash")
    data["cash_decimals"] = 99
    assert lines(load_pay_terms, written(tmp_path, data)) == [
        (
            "ledgers.home.cahs: 0x1111111111111111111111111111111111111111: expected no such field "
            "(did you mean cash?)"
        ),
        "cash_decimals: 99: expected a number of at most 18",
        "ledgers.home.cash: missing: expected this field",
    ]


def test_a_secret_under_a_misspelt_name_is_not_shown(tmp_path: Path) -> None:
    data = plans.changed(("mnemonics", "test test test"), ("upgrade.notice_seconds", 1))
    assert lines(load_plan, written(tmp_path, data))[0] == (
        "mnemonics: (not shown): expected no such field"
    )


def test_an_instrument_needs_no_illustration(tmp_path: Path) -> None:
    data = instruments.changed("illustration", REMOVED)
    assert load_instrument(written(tmp_path, data)).illustration is None


def test_commands_print_every_line_and_do_nothing(tmp_path: Path) -> None:
    written(tmp_path, instruments.changed("cfi", "ESVUFQ"), "instrument.yaml")
    plan = written(
        tmp_path, plans.changed(("instrument", "instrument.yaml"), ("upgrade.notice_seconds", 1))
    )
    before = sorted(tmp_path.iterdir())
    for command in (("deploy", plan, "--execute"), ("verify", plan), ("handover", plan)):
        done = tallystick(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines() == [
            f"{plan}: upgrade.notice_seconds: 1: expected a number of at least 3600",
            (
                f"{tmp_path / 'instrument.yaml'}: cfi: ESVUFQ: expected a group and attributes of "
                "that category (ISO 10962)"
            ),
        ]
    assert sorted(tmp_path.iterdir()) == before
