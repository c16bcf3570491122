"""`tallystick event`: a whole dividend by its verbs, and the one line for each wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Signer

from tallystick.actions.entitlement import Entitlement, total
from tallystick.cli import main as cli
from tallystick.files.event import load_event
from tallystick.local import network as local
from tests.support.actions import begin, world_of_engines
from tests.support.commands import ROOT, EventCommand, tallystick
from tests.support.documents import event_file
from tests.support.world import (
    BUYER_UNITS,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    STATED,
    World,
)

_EVENT = ROOT / "examples" / "apple-dividend.yaml"
_ANNOUNCED, _RECORD_DAY, _PAYMENT_DAY = 18_473, 18_484, 18_487
_COAF = b"US-2020-DVCA-01".ljust(32, b"\0")
_ISSUE = INVESTOR_UNITS + BUYER_UNITS
# USD 0.82 for a unit of a million base units, in cash of six decimals.
_DUE = _ISSUE * 82 // 100


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture
def manifest(world: World, manifest: Path) -> Path:
    """The world as its manifest describes it, on the day of the announcement."""
    for side in (world.home, world.remote):
        begin(side, _ANNOUNCED)
    return manifest


class _Command(EventCommand):
    example = _EVENT

    def steps(self, *arguments: Any, event: Path | None = None) -> list[tuple[str, str, str]]:
        """What an executed verb did."""
        status, told = self.json(*arguments, "--execute", event=event)
        assert (status, told["schema"]) == (0, "tallystick.event-steps/1")
        assert told["executed"] is True
        return [(each["ledger"], each["act"], each["state"]) for each in told["steps"]]

    def carried(self) -> list[tuple[str, str, str]]:
        """What is carried once all that was told is final."""
        self.mine()
        return self.steps("carry")

    def status(self) -> dict[str, Any]:
        """Where the event stands."""
        status, found = self.json("status")
        assert status == 0
        return found

    def waits(self) -> dict[str, list[str]]:
        """What it waits for, by ledger."""
        return {each["ledger"]: each["waiting"] for each in self.status()["ledgers"]}

    def day(self, day: int) -> None:
        """Bring both ledgers an hour into a business day."""
        for side in (self.world.home, self.world.remote):
            begin(side, day, 3_600)


@pytest.fixture
def command(world: World, manifest: Path, capsys: pytest.CaptureFixture[str]) -> _Command:
    return _Command(world, manifest, capsys)


def _terms(folder: Path, world: World) -> Path:
    side = world.home
    place = {
        "cash": "local",
        "tax_account": side.auditor.address,
        "return_account": side.issuer.address,
    }
    data = {
        "schema": "tallystick.pay-terms/1",
        "currency": "USD",
        "cash_decimals": 6,
        "rates": ["0.3", "0.15"],
        "document": "0x" + "ab" * 32,
        "ledgers": {"home": place, "remote": place},
    }
    file = folder / "terms.yaml"
    file.write_text(json.dumps(data))
    return file


def _told(command: _Command) -> None:
    assert command.steps("announce") == [("home", "announce", "executed")]
    assert command.steps("confirm") == [("home", "confirm", "executed")]
    assert command.carried()[0] == ("remote", "take_record", "executed")
    assert command.carried() == [("home", "take_armed", "executed")]


def test_a_whole_dividend_by_its_verbs(command: _Command, tmp_path: Path) -> None:
    world = command.world
    assert command.steps("terms", event=_terms(tmp_path, world)) == [
        (ledger, act, "executed")
        for ledger in ("home", "remote")
        for act in ("deploy", "propose_pay_terms", "set_pay_terms")
    ]
    _told(command)
    command.day(_RECORD_DAY - 1)
    world.deliver(world.locked(5_000_000))
    waiting = world.locked(700_000, world.remote.outsider)
    world.deliver(waiting)
    out, back = world.locked(3_000_000), world.burned(2_000_000, world.home.investor)
    assert command.waits() == {
        ledger: ["the close of the record day, 2020-08-10"] for ledger in ("home", "remote")
    }
    command.day(_RECORD_DAY + 1)
    world.deliver(out)
    world.deliver(back)
    assert command.steps("figures") == [("remote", "send_figures", "executed")]
    assert command.carried() == [("home", "take_figures", "executed")]
    assert command.steps("fix") == [
        ("home", "fix", "executed"),
        ("home", "fix_lane", "executed"),
    ]
    assert command.carried() == [("remote", "take_totals", "executed")]
    assert command.steps("fund") == [
        (ledger, act, "executed")
        for ledger in ("home", "remote")
        for act in ("mint", "approve", "fund", "fund")
    ]
    assert command.waits()["home"] == ["the payment day, 2020-08-13"]
    command.day(_PAYMENT_DAY)
    holder = world.network.manifest.holders[0]
    assert (holder.ledger, holder.address) == ("home", world.home.investor.address)
    assert command.steps("claim", "--holder", holder.name) == [
        ("home", "claim", "executed"),
        ("home", "claim_crossed", "executed"),
    ]
    command.day(_PAYMENT_DAY + 1)
    assert command.steps("pay") == [
        ("home", "push", "executed"),
        ("remote", "push", "executed"),
        ("remote", "claim_crossed", "executed"),
        ("remote", "send_paid", "executed"),
    ]
    tax = "tax to pass on: pass-on-tax"
    assert command.waits() == {
        "home": [tax],
        "remote": ["units to land and be claimed: pay", tax],
    }
    side = world.remote
    side.token.admit(side.outsider, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
    world.network.claim(waiting)
    assert command.steps("pay") == [
        ("remote", "claim_crossed", "executed"),
        ("remote", "send_paid", "executed"),
    ]
    # Told twice, and carried both times.
    assert command.carried() == [("home", "take_paid", "executed")] * 2

    found = command.status()
    home, remote = found["ledgers"]
    assert (home["paid_told"], remote["paid_told"]) == (None, remote["paid"])
    assert (home["reversal"], remote["reversal"]) == (None, None)
    assert command.waits() == {"home": [tax], "remote": [tax]}
    assert command.steps("pass-on-tax") == [
        # Of accounts, and of what landed there.
        (ledger, "pass_on_tax", "executed")
        for ledger in ("home", "remote")
        for _ in range(2)
    ]
    assert command.waits() == {"home": [], "remote": []}
    assert {state for *_, state in command.steps("expire")} == {"done"}
    paid = total(
        Entitlement(*(int(each[name]) for name in ("units", "gross", "tax")))
        for each in found["payments"]
    )
    assert (paid.units, paid.gross) == (_ISSUE, _DUE)
    assert paid.tax == sum(int(each["gross"]) * 3 // 10 for each in found["payments"])
    crossed = sorted(int(each["units"]) for each in found["payments"] if each["message"])
    assert crossed == [700_000, 2_000_000, 3_000_000]
    for ledger in found["ledgers"]:
        assert [part["unclaimed"] for part in ledger["parts"]] == ["0", "0"]
        assert [part["held"] for part in ledger["parts"]] == ["0", "0"]
    before = world.storage()
    for verb in ("announce", "confirm", "figures", "fix", "fund", "pass-on-tax", "expire"):
        assert {state for *_, state in command.steps(verb)} == {"done"}
    assert command.steps("pay") == command.steps("carry") == []
    assert world.storage() == before


def _funded_at_home(command: _Command, tmp_path: Path) -> None:
    """The event of home's accounts alone, on its payment day."""
    command.steps("terms", event=_terms(tmp_path, command.world))
    _told(command)
    command.day(_RECORD_DAY + 1)
    command.steps("fix")
    command.steps("fund")
    command.day(_PAYMENT_DAY)


_ORDER = "0x" + "ab" * 32
_REVERSE = ("reverse", "--reason", "IPRI", "--document", _ORDER)


def test_an_event_is_reversed_and_repaid_by_its_verbs(command: _Command, tmp_path: Path) -> None:
    _funded_at_home(command, tmp_path)
    side, holder = command.world.home, command.world.network.manifest.holders[0]
    command.steps("claim", "--holder", holder.name)
    before = command.world.storage()
    status, out, err = command(*_REVERSE)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "dry run, nothing was sent (--execute sends): 2 pending"
    assert command.world.storage() == before
    done = ("home", "announce_reversal", "executed"), ("home", "confirm_reversal", "executed")
    assert command.steps(*_REVERSE) == [
        *done,
        ("home", "assess", "executed"),
        ("remote", "take_reversal", "waiting"),
    ]
    assert ("remote", "take_reversal", "executed") in command.carried()
    assert command.steps(*_REVERSE)[-1] == ("remote", "assess", "done")
    (payment,) = command.status()["payments"]
    home, remote = (each["reversal"] for each in command.status()["ledgers"])
    net = payment["net"]
    assert home == {
        "reason": "IPRI",
        "document": _ORDER,
        "in_force": side.engine.reversal_of(_COAF).since,
        "left": 0,
        "entered": net,
        "repaid": "0",
        "owed": net,
        "owing": [{"account": holder.address, "owed": net}],
    }
    assert (remote["left"], remote["entered"], remote["owing"]) == (0, "0", [])
    status, out, _ = command("status")
    assert status == 0
    assert "version 1, reversed (IPRI), US0378331005" in out
    assert "repaid, " in out
    # Its own cash, by its own key.
    repay = ("repay", "--holder", holder.name)
    paid = ("home", "approve", "executed"), ("home", "repay", "executed")
    assert command.steps(*repay, "--amount", "0.5") == [*paid]
    assert command.steps(*repay) == [*paid]
    assert command.steps(*repay) == [("home", "repay", "done")]
    home = command.status()["ledgers"][0]["reversal"]
    assert (home["entered"], home["repaid"], home["owed"]) == (net, net, "0")


def test_signatures_of_a_reversal_can_be_made_elsewhere(command: _Command, tmp_path: Path) -> None:
    _funded_at_home(command, tmp_path)
    status, out, err = command(*_REVERSE, "--digest")
    assert (status, out) == (2, "")
    expected = "the reversal that is announced, and its document (tallystick event status)"
    assert err == f"{_EVENT}: --reason: IPRI: expected {expected}\n"
    side = command.world.home
    record = load_event(_EVENT, command.world.network.manifest.instrument)
    words = (record.as_tuple(), b"IPRI", bytes.fromhex(_ORDER[2:]))
    side.engine.announce_reversal(*words, sender=side.issuer)
    status, out, _ = command(*_REVERSE, "--digest")
    assert status == 0
    said = json.loads(out)
    assert (said["coaf"], said["version"], said["reason"]) == ("US-2020-DVCA-01", 1, "IPRI")
    assert (said["document"], said["set_off"]) == (_ORDER, False)
    keys = [side.chain.account(index).key for index in local.EVENT_ATTESTORS[1:]]
    digest = bytes.fromhex(said["digest"][2:])
    made = ["0x" + Signer.unsafe_sign_hash(digest, key).signature.hex() for key in keys]
    given = [part for each in made for part in ("--signature", each)]
    status, out, err = command(*_REVERSE, "--execute", *given[:2])
    assert (status, err) == (1, "")
    assert "verifier: too few signatures" in out
    assert command.steps(*_REVERSE, *given)[:2] == [
        ("home", "announce_reversal", "done"),
        ("home", "confirm_reversal", "executed"),
    ]


@pytest.mark.parametrize(
    ("verb", "option", "value", "expected"),
    [
        (
            "reverse",
            "--reason",
            "ipri",
            "one of DCBD, FNRC, IETR, IPCU, IPRI, IRED, IVAD, OTHR, UPAY",
        ),
        ("reverse", "--document", "0x12", "a file that can be read, or 0x and 64 hex digits"),
        ("repay", "--amount", "0", "more than 0 USD, of at most 6 decimal places"),
        ("repay", "--amount", "-1", "more than 0 USD, of at most 6 decimal places"),
        ("repay", "--amount", "0.1234567", "more than 0 USD, of at most 6 decimal places"),
    ],
)
def test_a_wrong_word_about_what_is_taken_back_is_one_line(
    command: _Command, verb: str, option: str, value: str, expected: str
) -> None:
    good = {"--reason": "IPRI", "--document": _ORDER} if verb == "reverse" else {"--holder": "x"}
    options = [part for pair in {**good, option: value}.items() for part in pair]
    status, out, err = command(verb, *options)
    assert (status, out, err) == (2, "", f"{_EVENT}: {option}: {value}: expected {expected}\n")


def test_a_holder_paid_elsewhere_is_noted_by_two_keys_each_where_it_is(
    command: _Command, tmp_path: Path
) -> None:
    _funded_at_home(command, tmp_path)
    side, holder = command.world.home, command.world.network.manifest.holders[0]
    proof = tmp_path / "statement.pdf"
    proof.write_bytes(b"paid")
    given = ("--holder", holder.name, "--reference", "SEPA 2020-08-13/7", "--document", proof)
    before = command.world.storage()
    status, out, err = command("paid-elsewhere", *given)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "dry run, nothing was sent (--execute sends): 2 pending"
    assert command.world.storage() == before
    propose, confirm = "propose_paid_elsewhere", "confirm_paid_elsewhere"
    assert command.steps("paid-elsewhere", *given, "--account", "registrar") == [
        ("home", propose, "waiting"),
        ("home", confirm, "waiting"),
    ]
    assert command.world.storage() == before
    assert command.steps("paid-elsewhere", *given, "--account", "paying_agent") == [
        ("home", propose, "executed"),
        ("home", confirm, "waiting"),
    ]
    held = side.token.balanceOf(side.investor)
    before_cash = side.engine.part_of(_COAF, bytes(32))[2]
    assert command.steps("paid-elsewhere", *given, "--account", "registrar") == [
        ("home", propose, "done"),
        ("home", confirm, "executed"),
    ]
    gross = held * 82 // 100
    assert side.engine.part_of(_COAF, bytes(32))[2] == before_cash - gross
    (payment,) = command.status()["payments"]
    assert (payment["account"], payment["receiver"]) == (side.investor.address, None)
    assert int(payment["gross"]) == gross
    (noted,) = (e for e in side.chain.logs(side.engine) if e.name == "PaidElsewhere")
    assert bytes(noted.reference).rstrip(b"\0") == b"SEPA 2020-08-13/7"
    assert command.steps("paid-elsewhere", *given) == [("home", confirm, "done")]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--reference", "", "1 to 32 characters of ASCII, or 0x and 64 hex digits"),
        ("--reference", "x" * 33, "1 to 32 characters of ASCII, or 0x and 64 hex digits"),
        ("--reference", "über", "1 to 32 characters of ASCII, or 0x and 64 hex digits"),
        ("--document", "nowhere.pdf", "a file that can be read, or 0x and 64 hex digits"),
        ("--document", "0x12", "a file that can be read, or 0x and 64 hex digits"),
    ],
)
def test_a_wrong_note_of_a_payment_is_one_line(
    command: _Command, option: str, value: str, expected: str
) -> None:
    good = {"--reference": "SEPA", "--document": "0x" + "ab" * 32}
    options = [part for pair in {**good, option: value}.items() for part in pair]
    status, out, err = command("paid-elsewhere", "--holder", "investor", *options)
    shown = value or '""'
    assert (status, out, err) == (2, "", f"{_EVENT}: {option}: {shown}: expected {expected}\n")


def test_what_nobody_claims_returns_when_it_may(command: _Command, tmp_path: Path) -> None:
    _funded_at_home(command, tmp_path)
    status, out, _ = command("expire", "--execute")
    assert status == 0
    assert "claims go on until the close of 2023-08-14" in out
    command.day(_PAYMENT_DAY + 1_097)
    assert command.waits()["home"][-1] == "claims have expired: what is left returns: expire"
    side = command.world.home
    cash = side.chain.at("CashToken", side.engine.terms_for(b"USD\0")[1].cash)
    before, left = cash.balanceOf(side.issuer), side.engine.part_of(_COAF, bytes(32))[2]
    assert left == _DUE
    assert command.steps("expire")[0] == ("home", "expire", "executed")
    assert cash.balanceOf(side.issuer) == before + left
    assert {state for *_, state in command.steps("expire")} == {"done"}


def test_nothing_to_do_is_said_once(command: _Command) -> None:
    assert command("carry") == (0, f"{_EVENT}: nothing to do\n", "")


def test_nothing_is_sent_without_execute(command: _Command) -> None:
    before = command.world.storage()
    status, out, err = command("announce")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == ("dry run, nothing was sent (--execute sends): 1 pending")
    assert command.world.storage() == before


def test_status_is_a_table(command: _Command) -> None:
    _told(command)
    status, out, err = command("status")
    assert (status, err) == (0, "")
    for column in ("Told", "Armed", "Figures", "Fixed", "Funded", "Paid", "Unclaimed", "Waiting"):
        assert column in out
    assert "DVCA US-2020-DVCA-01, version 1, US0378331005" in out
    assert "2020-07-2" in out


def test_signatures_can_be_made_elsewhere(command: _Command, tmp_path: Path) -> None:
    assert command.steps("announce") == [("home", "announce", "executed")]
    status, out, _ = command("confirm", "--typed-data")
    assert status == 0
    typed = json.loads(out)
    keys = [command.world.home.chain.account(index).key for index in local.EVENT_ATTESTORS[1:]]
    made = ["0x" + Signer.sign_typed_data(key, full_message=typed).signature.hex() for key in keys]
    one = [part for each in made[:1] for part in ("--signature", each)]
    status, out, _ = command("confirm", "--execute", *one)
    assert status == 1
    assert "verifier: too few signatures" in out
    both = [part for each in made for part in ("--signature", each)]
    assert command.steps("confirm", *both) == [("home", "confirm", "executed")]


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        ("0x12", "a signature of 65 bytes, r, s and v (27 or 28), expected"),
        ("elsewhere", "non-hexadecimal number found"),
        ("0x" + "01" * 64 + "1c", "is no signer of epoch 1"),
        ("0x" + "ff" * 64 + "1b", "a signature expected, and this is none"),
    ],
)
def test_a_signature_of_nobody_is_refused(command: _Command, signature: str, why: str) -> None:
    command.steps("announce")
    status, out, err = command("confirm", "--execute", "--signature", signature)
    assert (status, out) == (2, "")
    assert err.startswith(f"{_EVENT}: --signature: 1 given: expected signatures of event attestors")
    assert why in err


def test_only_what_is_announced_is_signed(command: _Command) -> None:
    status, out, err = command("confirm", "--typed-data")
    assert (status, out) == (2, "")
    expected = "a version that is announced: tallystick event announce"
    assert err == f"{_EVENT}: version: 1: expected {expected}\n"


_WRONG: list[tuple[tuple[tuple[str, Any], ...], str]] = [
    ((("dates.ex", "2020-08-11"),), "dates.record: 2020-08-10: expected 2020-08-11 or later"),
    ((("dates.payment", "2020-08-10"),), "dates.payment: 2020-08-10: expected 2020-08-11 or "),
    ((("caev", "DIVI"),), "caev: DIVI: expected one of the 68 event types of ISO 20022 (CAEV)"),
    ((("camv", "MUST"),), "camv: MUST: expected one of CHOS, MAND, VOLU (CAMV)"),
    ((("rate", "0.12345678901234"),), "rate: 0.12345678901234: expected at most 13 decimal "),
    ((("isin", "DE0001102580"),), "isin: DE0001102580: expected the instrument's ISIN, US0378"),
    ((("dates.announcement", "2020-07-31"),), "dates.announcement: 2020-07-31: expected today, "),
    ((("version", 2), ("previous", "0x" + "01" * 32)), "version: 2: expected 1: nothing was "),
]


@pytest.mark.parametrize(("changes", "line"), _WRONG)
def test_a_wrong_event_is_one_line(
    command: _Command, tmp_path: Path, changes: tuple[tuple[str, Any], ...], line: str
) -> None:
    event, before = event_file(_EVENT, tmp_path, *changes), command.world.storage()
    status, out, err = command("announce", "--execute", event=event)
    assert (status, out) == (2, "")
    assert err.startswith(f"{event}: {line}")
    assert err.count("\n") == 1
    assert command.world.storage() == before


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (_RECORD_DAY, "dates.record: 2020-08-10: expected a day after today, 2020-08-10"),
        (_RECORD_DAY + 1, "dates.record: 2020-08-10: expected a day after today, 2020-08-11"),
        (
            _RECORD_DAY - 1,
            "dates.record: 2020-08-10: expected at least 2 business days after today, 2020-08-09",
        ),
    ],
)
def test_a_record_date_that_comes_too_soon_is_one_line(
    command: _Command, day: int, line: str
) -> None:
    command.day(day)
    before = command.world.storage()
    status, out, err = command("announce", "--execute")
    assert (status, out, err) == (2, "", f"{_EVENT}: {line}\n")
    assert command.world.storage() == before


def test_a_later_version_needs_no_notice_for_the_record_day_in_force(
    command: _Command, tmp_path: Path
) -> None:
    _told(command)
    command.day(_RECORD_DAY + 1)
    record = command.status()["record"]
    event = event_file(_EVENT, tmp_path, ("version", 2), ("previous", record), ("rate", "0.83"))
    assert command.steps("announce", event=event) == [("home", "announce", "executed")]


def test_what_follows_what_was_announced_is_checked_by_field(
    command: _Command, tmp_path: Path
) -> None:
    _told(command)
    record = command.status()["record"]
    for changes, line in (
        ((("rate", "0.83"),), "version: 1: expected 2: 1 was announced last"),
        (
            (("version", 2), ("previous", record), ("corp", "OTHER")),
            "corp: OTHER: expected TALLY-2020-0810, as announced before",
        ),
        (
            (("version", 2), ("previous", "0x" + "01" * 32)),
            "previous: ",
        ),
    ):
        event = event_file(_EVENT, tmp_path, *changes)
        status, out, err = command("announce", "--execute", event=event)
        assert (status, out) == (2, "")
        assert err.startswith(f"{event}: {line}")


def test_an_event_is_cancelled_without_notice(command: _Command, tmp_path: Path) -> None:
    _told(command)
    command.day(_RECORD_DAY + 1)
    record = command.status()["record"]
    event = event_file(_EVENT, tmp_path, ("version", 2), ("previous", record))
    assert command.steps("announce", "--cancel", event=event) == [("home", "announce", "executed")]
    assert command.steps("confirm", event=event) == [("home", "confirm", "executed")]
    status, out, _ = command("status", event=event)
    assert status == 0
    assert "DVCA US-2020-DVCA-01, version 2, cancelled, US0378331005" in out
    assert command.waits() == {
        "home": ["nothing of this file: another version, 2, is in force"],
        "remote": ["its figures of the close: figures"],
    }
    later = event_file(_EVENT, tmp_path, ("version", 3), ("previous", record))
    status, out, err = command("announce", "--execute", event=later)
    assert (status, out) == (2, "")
    assert err.startswith(f"{later}: coaf: US-2020-DVCA-01: expected another reference: this event")


def test_who_may_not_announce_is_told_the_reason(command: _Command) -> None:
    before = command.world.storage()
    status, out, err = command("announce", "--execute", "--account", "registrar")
    assert (status, err) == (1, "")
    assert "access: missing role" in out
    assert out.splitlines()[-1] == "1 refused"
    assert command.world.storage() == before


@pytest.mark.parametrize("holder", ["nobody", "0x12", "0x" + "00" * 20])
def test_an_unknown_holder_is_one_line(command: _Command, holder: str) -> None:
    status, out, err = command("claim", "--holder", holder)
    assert (status, out) == (2, "")
    names = ", ".join(entry.name for entry in command.world.network.manifest.holders)
    assert err.endswith(f"--holder: {holder}: expected an address, or a holder: {names}\n")


def test_an_unknown_ledger_of_a_holder_is_one_line(command: _Command) -> None:
    status, out, err = command("claim", "--holder", "nobody", "--ledger", "moon")
    assert (status, out) == (2, "")
    assert err.endswith("--ledger: moon: expected one of the ledgers: home, remote\n")


def test_a_holder_may_be_an_address_where_it_holds(command: _Command) -> None:
    address = command.world.remote.outsider.address
    status, out, err = command("claim", "--holder", address, "--ledger", "remote", "--json")
    assert (status, err) == (0, "")
    (step,) = json.loads(out)["steps"]
    assert (step["ledger"], step["state"]) == ("remote", "waiting")


def test_a_manifest_without_engines_is_one_line(command: _Command, tmp_path: Path) -> None:
    command.without_engines()
    status, out, err = command("status")
    assert (status, out) == (2, "")
    assert err.startswith(f"{command.manifest}: actions: nothing: expected engines: the plan of")


@pytest.mark.parametrize(
    "verb",
    [
        "announce",
        "carry",
        "claim",
        "confirm",
        "expire",
        "figures",
        "fix",
        "fund",
        "paid-elsewhere",
        "pass-on-tax",
        "pay",
        "repay",
        "reverse",
        "status",
        "terms",
    ],
)
def test_every_verb_has_help_and_wants_a_file_and_a_manifest(verb: str, tmp_path: Path) -> None:
    assert cli.main(["event", verb, "-h"]) == 0
    assert cli.main(["event", verb]) == 2
    more = ["--holder", "x"] if verb in {"claim", "paid-elsewhere", "repay"} else []
    if verb == "reverse":
        more = ["--reason", "IPRI", "--document", _ORDER]
    if verb == "paid-elsewhere":
        more += ["--reference", "x", "--document", "0x" + "ab" * 32]
    done = [verb, "none.yaml", "--manifest", str(tmp_path / "none.json"), *more]
    assert cli.main(["event", *done]) == 2


def test_the_command_is_there_from_a_shell(tmp_path: Path) -> None:
    done = tallystick("event", "status", "none.yaml", "--manifest", "none.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "none.json: nothing: expected a file that exists\n"
