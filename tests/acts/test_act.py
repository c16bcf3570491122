"""`tallystick act`: acts by one key and by two, and the one line for each wrong word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain.abi import keccak
from tallystick.cli import main as cli
from tallystick.governance.roles import Role
from tests.support.commands import connect
from tests.support.world import World

_DAY = 86_400


class _Command:
    """The command on the world's ledgers, and what it said."""

    def __init__(self, world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.manifest = world.network.manifest.write(folder / "manifest.json")
        self.order = folder / "order.pdf"
        self.order.write_bytes(b"the board resolved")
        self._capsys = capsys

    def __call__(self, *arguments: Any, why: bool = True) -> tuple[int, str, str]:
        given = ["act", *map(str, arguments), "--manifest", str(self.manifest)]
        if why:
            given += ["--reason", "TEST", "--document", str(self.order)]
        return cli.main(given), *self._capsys.readouterr()

    def told(self, *arguments: Any, **how: Any) -> dict[str, Any]:
        status, out, err = self(*arguments, "--json", **how)
        assert (status, err) == (0, "")
        found: dict[str, Any] = json.loads(out)
        assert found["schema"] == "tallystick.act/1"
        return found

    def done(self, *arguments: Any, **how: Any) -> dict[str, Any]:
        found = self.told(*arguments, "--execute", **how)
        assert found["state"] == "executed"
        return found

    def wrong(self, *arguments: Any, **how: Any) -> list[str]:
        """The lines of a command that was refused as typed; nothing else was said."""
        status, out, err = self(*arguments, **how)
        assert (status, out) == (2, "")
        return err.splitlines()


@pytest.fixture
def act(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> _Command:
    connect(monkeypatch, world)
    return _Command(world, tmp_path, capsys)


_PAUSE = ("home", "SecurityToken.pause", "scope=transfers+lanes")


def test_one_key_does_what_it_may_and_says_why(world: World, act: _Command) -> None:
    side, block = world.home, world.home.chain.block_number
    dry = act.told(*_PAUSE)
    assert (dry["state"], dry["tx"], side.chain.block_number) == ("pending", None, block)
    document = keccak(b"the board resolved")
    assert dry["data"] == "0x" + side.token.pause.encode(5, b"TEST", document).hex()
    assert (dry["to"], dry["chain_id"]) == (side.token.address, side.chain.chain_id)
    # An administrator alone stops nothing, though its role may: left to choose, it is the guardian.
    assert dry["from"] == side.guardian.address
    status, _, err = act(*_PAUSE, "--account", "administrator-1")
    assert status == 1
    assert "SecurityToken.pause: stops: nothing to prolong; sent by administrator-1, " in err
    done = act.done(*_PAUSE)
    assert (done["from"], side.token.paused_scopes()) == (side.guardian.address, 5)
    (stated,) = [e for e in side.token.events(block + 1) if e.name == "PrivilegedAct"]
    assert (stated.args.reason, stated.args.document) == (b"TEST", document)
    assert stated.args.actor == side.guardian.address


def test_two_keys_one_after_the_other(world: World, act: _Command) -> None:
    side = world.home
    terms = (
        *("lane=home-remote", "verifier=verifier of home-remote"),
        *("second=nobody", "cap=77", "limit=7"),
    )
    status, out, err = act("home", "BridgeEscrow.confirm_lane_terms", *terms)
    assert (status, out) == (1, "")
    assert err == (
        "home: BridgeEscrow.confirm_lane_terms: access: act not proposed; sent by "
        "administrator-1, who may: administrator (administrator-1, administrator-2); "
        "BridgeEscrow.propose_lane_terms comes first\n"
    )
    dry = act.told("home", "BridgeEscrow.propose_lane_terms", *terms)
    assert (dry["carried_out_by"], dry["proposal"]) == (["confirm_lane_terms"], None)
    proposed = act.done("home", "BridgeEscrow.propose_lane_terms", *terms)
    assert proposed["from"] == side.operator.address
    assert proposed["proposal"]["proposer"] == side.operator.address
    assert proposed["proposal"]["lapses_at"] == proposed["proposal"]["counts_from"] + 30 * _DAY
    confirmed = act.done("home", "BridgeEscrow.confirm_lane_terms", *terms)
    assert confirmed["proposal"] == proposed["proposal"]
    pending = side.escrow.pending_lane_terms(world.lane)
    assert (pending.cap, pending.limit) == (77, 7)
    assert act("home", "BridgeEscrow.apply_lane_terms", "lane=home-remote", why=False)[0] == 1
    side.chain.set_time(pending.applies_from)
    applied = act.done("home", "BridgeEscrow.apply_lane_terms", "lane=home-remote", why=False)
    assert (applied["from"], world.lane_state(side).terms.cap) == (side.courier.address, 77)
    # What was done once is done again by two keys only.
    assert act("home", "BridgeEscrow.confirm_lane_terms", *terms)[0] == 1


def test_who_proposed_does_not_confirm(world: World, act: _Command) -> None:
    side, given = world.home, (f"account={world.home.outsider.address}", "role=guardian")
    proposed = act.done(
        "home", "SecurityToken.propose_role", *given, "--account", "administrator-1"
    )
    assert proposed["proposal"]["counts_from"] == side.chain.block().timestamp + _DAY
    side.chain.advance(_DAY)
    status, _, err = act("home", "SecurityToken.assign_role", *given, "--account=administrator-1")
    assert status == 1
    assert "access: needs another key" in err
    # Left to choose, it takes the other administrator.
    done = act.done("home", "SecurityToken.assign_role", *given)
    assert done["from"] == side.second_administrator.address
    assert side.token.role_of(side.outsider) == Role.GUARDIAN


def test_units_days_and_moments_as_people_write_them(world: World, act: _Command) -> None:
    side = world.home
    investor, buyer = side.investor.address, side.buyer.address
    # 2040-01-01 is day 25567; 1.5 units of six decimals.
    act.done("home", "SecurityToken.admit", f"account={buyer}", "until_day=2040-01-01")
    assert side.token.position_of(buyer).eligible_until == 25_567
    moment = datetime.fromtimestamp(side.chain.now + 3600, UTC)
    order = act.done(
        *("home", "SecurityToken.enter_order", f"sender={investor}", f"receiver={buyer}"),
        *("amount=0.5", f"expires_at={moment.isoformat()}", "authority=549300AAAABBBBCCCC12"),
        *("number=1",),
    )
    (entered,) = [e for e in side.token.events() if e.name == "OrderEntered"]
    assert (entered.args.amount, entered.args.expires_at) == (500_000, int(moment.timestamp()))
    assert (order["from"], entered.args.authority[:20]) == (
        side.registrar.address,
        b"549300AAAABBBBCCCC12",
    )
    act.done("home", "SecurityToken.authorise_issuance", "amount=1.5")
    minted = act.told("home", "SecurityToken.mint", f"receiver={investor}", "amount=1.5")
    assert (
        minted["data"][2:]
        == side.token.mint.encode(investor, 1_500_000, b"TEST", keccak(b"the board resolved")).hex()
    )


def test_everything_wrong_with_the_arguments_is_said_at_once(act: _Command) -> None:
    wrong = act.wrong(
        *("home", "BridgeEscrow.propose_lane_terms", "lane=home-romote", "verifer=0x12", "cap=1.5"),
        *("--account", "operator"),
        why=False,
    )
    named = [line.removeprefix("BridgeEscrow.propose_lane_terms: ") for line in wrong]
    assert named == [
        "verifer: 0x12: expected verifier?",
        "lane: home-romote: expected 0x and 64 hex digits, or one of home-remote",
        (
            "verifier: nothing: expected an address, or a name of the manifest: The verifier of "
            "what arrives"
        ),
        (
            "second: nothing: expected an address, or a name of the manifest: Who must prove it "
            "too, of another operator; nobody: the first alone, on a lane of grade pilot"
        ),
        "cap: 1.5: expected a whole number",
        ("limit: nothing: expected a whole number: Most that may arrive at once, in whole units"),
        (
            "--reason: nothing: expected a reason code of four capital letters or digits: "
            "Four-letter reason code"
        ),
        (
            "--document: nothing: expected a file, or 0x and 64 hex digits: Hash of the document "
            "that orders it"
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("home", "BridgeEscrow.pause"), "act: CONTRACT.FUNCTION: BridgeEscrow.pause: expected "),
        (("home", "Token.pause"), "expected SecurityToken.pause?"),
        (("hoem", "SecurityToken.pause", "scope=1"), "ledger: hoem: expected one of the ledgers: "),
        (
            ("home", "SecurityToken.pause", "scope"),
            "SecurityToken.pause: scope: nothing: expected ",
        ),
        (
            ("home", "SecurityToken.pause", "scope=transfer"),
            "scope: transfer: expected transfers, issuance, lanes, joined by +, not transfer",
        ),
        (
            ("home", "SecurityToken.admit", "account=registar", "until_day=1"),
            "account: registar: expected registrar?",
        ),
        (
            ("home", "SecurityToken.admit", "account=issuer", "until_day=2040-02-30"),
            "until_day: 2040-02-30: expected a day as YYYY-MM-DD",
        ),
        (
            ("home", "SecurityToken.mint", "receiver=issuer", "amount=0.0000001"),
            "amount: 0.0000001: expected at most 6 decimal places",
        ),
        (
            ("home", "BridgeEscrow.propose_lane", 'terms={"isin": "US0378331005", "hone": true}'),
            "terms.hone: true: expected home?",
        ),
        (("home", "CashToken.set_blocked", "account=issuer", "blocked=true"), "--at: nothing: "),
        (
            ("home", "SecurityToken.pause", "scope=1", "--execute", "--safe", "batch.json"),
            "act: --safe: batch.json: expected either --execute, or --safe for others to sign",
        ),
    ],
)
def test_what_is_wrong_is_one_line(act: _Command, arguments: tuple[str, ...], said: str) -> None:
    (line,) = [line for line in act.wrong(*arguments) if said in line]
    assert "Traceback" not in line


def test_a_document_that_is_not_there_is_no_document(act: _Command, world: World) -> None:
    block = world.home.chain.block_number
    wrong = act.wrong(*_PAUSE, "--execute", "--reason", "TEST", "--document", "none.pdf", why=False)
    expected = "expected a file that can be read, or 0x and 64 hex digits"
    assert wrong == [f"SecurityToken.pause: --document: none.pdf: {expected}"]
    assert world.home.chain.block_number == block


def test_another_role_is_refused_in_the_contracts_words(act: _Command, world: World) -> None:
    block = world.home.chain.block_number
    status, out, err = act(*_PAUSE, "--account", "issuer", "--execute")
    assert (status, out) == (1, "")
    assert err == (
        "home: SecurityToken.pause: access: missing role; sent by issuer, who may: administrator "
        "(administrator-1, administrator-2), guardian\n"
    )
    assert world.home.chain.block_number == block


def test_a_batch_for_a_safe_is_the_call_whole(act: _Command, world: World, tmp_path: Path) -> None:
    file = tmp_path / "batch.json"
    safe = world.home.guardian.address
    status, out, err = act(*_PAUSE, "--safe", file, "--account", safe, "--json")
    assert (status, err) == (0, f"a batch for the Safe {safe}: {file}\n")
    batch, told = json.loads(file.read_text()), json.loads(out)
    assert (batch["version"], batch["chainId"]) == ("1.0", str(world.home.chain.chain_id))
    assert batch["meta"]["createdFromSafeAddress"] == safe
    (call,) = batch["transactions"]
    assert (call["to"], call["value"], call["data"]) == (told["to"], "0", told["data"])
    # Sent as it stands by whom it is for, it does what was tried.
    world.home.chain.send(sender=safe, to=call["to"], data=bytes.fromhex(call["data"][2:]))
    assert world.home.token.paused_scopes() == 5


def test_the_list_names_who_it_is_on_the_ledger(act: _Command) -> None:
    status, out, _ = act("home", "--list", "--json", why=False)
    listed = {each["act"]: each for each in json.loads(out)["acts"]}
    assert status == 0
    assert listed["BridgeEscrow.confirm_lane_terms"]["who"] == (
        "administrator (administrator-1, administrator-2)"
    )
    assert listed["BridgeEscrow.confirm_lane_terms"]["proposed_by"] == "propose_lane_terms"
    assert listed["SecurityToken.mint"]["roles"] == ["issuer"]
    # It needs no ledger to say which role may what.
    assert cli.main(["act", "--list"]) == 0


def test_help_shows_what_an_act_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["act", "home", "SecurityToken.mint", "--help"]) == 0
    told = capsys.readouterr().out
    assert "The issuer issues units within what the notary authorised." in told
    assert "units as people write them, such as 12.5" in told
    assert "Who may: issuer." in told
