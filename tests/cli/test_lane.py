"""`tallystick lane`: a dead ledger's list made, proposed, confirmed, applied and paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Signer

from tallystick.cli import main as cli
from tallystick.local.network import ATTESTORS, SECOND_ATTESTORS
from tallystick.reach import connection as reach
from tallystick.text import time_text
from tests.support.commands import Command
from tests.support.endings import second_registrar, wait
from tests.support.world import World, embedded

ORDER = ("--document", "0x" + "5a" * 32)


class _Command(Command):
    words = ("lane",)

    def homes(self, *parties: str) -> Path:
        """A file that says whose account at home is whose."""
        path = self.manifest.parent / "homes.yaml"
        home, remote = self.world.home, self.world.remote
        accounts = {str(remote.parties[p].address): str(home.parties[p].address) for p in parties}
        path.write_text(json.dumps({"schema": "tallystick.homes/1", "accounts": accounts}))
        return path

    def listed(self, *parties: str) -> Path:
        """Make the list that is next; its file."""
        path = self.manifest.parent / "list.json"
        status, _, err = self("list", "remote", "--homes", self.homes(*parties), "--out", path)
        assert (status, err) == (0, "")
        return path

    def next(self, path: Path, *arguments: Any) -> list[tuple[str, str]]:
        """Do what is next; the acts, and what became of each."""
        status, found = self.json("end", path, *ORDER, "--execute", *arguments)
        steps = [(step["act"], step["state"]) for step in found["steps"]]
        assert status == int(any(state == "refused" for _, state in steps)), found
        return steps


@pytest.fixture
def command(world: World, manifest: Path, capsys: pytest.CaptureFixture[str]) -> _Command:
    """Units lie on the remote ledger with two holders, and some never arrived there."""
    world.arrived(1_000)
    remote = world.remote
    remote.token.transfer(remote.buyer, 100, sender=remote.investor)
    world.locked(200)
    second_registrar(world)
    return _Command(world, manifest, capsys)


@pytest.mark.requirement("R-22", "INV-2")
def test_a_dead_ledger_s_units_come_home_by_five_commands(command: _Command) -> None:
    world, home = command.world, command.world.home
    path = command.listed("investor", "buyer")
    had = {who: home.balance(home.parties[who]) for who in ("investor", "buyer")}
    assert command.next(path) == [("propose_end", "executed")]
    # The one who proposed it can't be the other.
    other = second_registrar(world)
    before = world.storage()
    assert command.next(path, "--account", "registrar") == [("confirm_end", "refused")]
    assert world.storage() == before
    assert command.next(path, "--account", other.address) == [("confirm_end", "executed")]
    status, out, _ = command("end", path, *ORDER)
    assert (status, "its notice runs until" in out) == (0, True)
    wait(world)
    assert command.next(path) == [("apply_end", "executed")]
    assert command.next(path) == [("pay_listed", "executed")] * 2
    assert command.next(path) == [("pay_listed", "done")] * 2
    assert home.balance(home.investor) == had["investor"] + 900 + 200
    assert home.balance(home.buyer) == had["buyer"] + 100
    assert world.lane_state(home).outstanding == 0


def test_a_dry_run_changes_nothing(command: _Command) -> None:
    path = command.listed("investor", "buyer")
    before = command.world.storage()
    status, out, err = command("end", path, *ORDER)
    assert (status, err) == (0, "")
    assert "propose_end" in out
    assert "dry run, nothing was sent (--execute sends): 1 pending\n" in out
    assert command.world.storage() == before


def test_the_list_says_whose_account_is_missing(command: _Command) -> None:
    buyer = str(command.world.remote.buyer.address)
    homes = command.homes("investor")
    status, out, _ = command("list", "remote", "--homes", homes, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["missing"] == [{"why": "account", "account": buyer, "amount": "100"}]
    assert found["total"] == "1100"
    assert buyer in command("list", "remote", "--homes", homes)[1]


def test_a_proposed_list_is_compared_account_by_account(command: _Command) -> None:
    path = command.listed("investor", "buyer")
    homes = command.homes("investor", "buyer")
    again = ("list", "remote", "--homes", homes, "--compare", path)
    assert command(*again)[::2] == (0, "")
    homes = command.homes("investor")
    status, _, err = command(*again)
    buyer = command.world.home.buyer.address
    assert (status, err) == (1, f"{buyer}: 100 base units listed, 0 expected\n")


def test_another_list_that_is_under_way_is_named(command: _Command) -> None:
    other = second_registrar(command.world)
    first = command.listed("investor")
    command.next(first)
    command.next(first, "--account", other.address)
    path = command.listed("investor", "buyer")
    status, out, _ = command("end", path, *ORDER)
    assert status == 1
    assert "another list is under way" in out


@pytest.mark.parametrize("keys", [0, 1])
def test_attestors_whose_keys_are_elsewhere_are_waited_for(
    command: _Command, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    here = reach.Connection.keys
    monkeypatch.setattr(reach.Connection, "keys", lambda s, title: here(s, title)[:keys])
    status, out, _ = command("end", command.listed("investor", "buyer"), *ORDER, "--json")
    (step,) = json.loads(out)["steps"]
    assert (status, step["state"]) == (0, "waiting")
    verifier = command.world.home.escrow.epoch_at(command.world.lane, 1).verifier
    assert step["detail"] == (
        f"{keys} of 2 signatures of {verifier}: --digest is what attestors sign"
    )


def _digests(command: _Command, path: Path) -> list[tuple[bytes, list[Any]]]:
    """What `--digest` prints for each verifier, and the keys of its signers."""
    status, out, err = command("end", path, "--digest")
    assert (status, err) == (0, "")
    said, world = json.loads(out), command.world
    assert (said["ledger"], said["list"]) == ("remote", json.loads(path.read_text())["list"])
    accounts = map(world.home.chain.account, (*ATTESTORS, *SECOND_ATTESTORS))
    keys = {str(account.address): account.key for account in accounts}
    return [
        (bytes.fromhex(each["digest"][2:]), [keys[signer] for signer in each["signers"]])
        for each in said["verifiers"]
    ]


def _given(*signed: tuple[bytes, Any]) -> list[str]:
    """Options with signatures of digests by keys."""
    made = [Signer.unsafe_sign_hash(digest, key).signature for digest, key in signed]
    return [part for each in made for part in ("--signature", "0x" + each.hex())]


@pytest.mark.parametrize("here", [0, 1])
def test_attestors_whose_keys_are_elsewhere_sign_the_digest(
    command: _Command, monkeypatch: pytest.MonkeyPatch, here: int
) -> None:
    """Beside the keys that are here, if there are any."""
    own = reach.Connection.keys
    monkeypatch.setattr(reach.Connection, "keys", lambda s, title: own(s, title)[:here])
    path, mine = (
        command.listed("investor", "buyer"),
        own(command.world.network.connection, "attestor"),
    )
    ((digest, keys),) = _digests(command, path)
    others = [key for key in keys if key not in {each.key for each in mine[:here]}]
    one = _given(*((digest, key) for key in others[: 1 - here]))
    assert command.next(path, *one) == [("propose_end", "waiting")]
    # One more than it takes does no harm, nor who signs here, too.
    enough = _given(*((digest, key) for key in others[:2]), (digest, keys[0]))
    assert command.next(path, *enough) == [("propose_end", "executed")]
    state = command.world.home.escrow.end_of(command.world.lane)
    assert int(str(state.registrar), 16)


def test_signatures_of_anything_else_are_refused(command: _Command) -> None:
    path, before = command.listed("investor", "buyer"), command.world.storage()
    ((digest, keys),) = _digests(command, path)
    stranger = command.world.home.outsider.key
    good = _given((digest, keys[0]))

    def said(*options: str) -> str:
        status, out, err = command("end", path, *ORDER, "--execute", *options)
        assert (status, out, err.count("\n")) == (2, "", 1)
        return err.strip()

    nobody = (
        "lane end: --signature: number 2: expected a signature in hex by an attestor of the lane, "
        "of what --digest prints: it is of no attestor of the lane, or of something else"
    )
    assert said(*good, *_given((digest, stranger))) == nobody
    assert said(*good, *_given((bytes(32), keys[1]))) == nobody
    assert "65 bytes" in said(*good, "--signature", "0x12")
    assert "--signature: 1 given: expected signatures in hex" in said("--signature", "elsewhere")
    assert command.world.storage() == before


def test_on_a_lane_of_two_verifiers_each_signature_goes_where_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(embedded(), units={"investor": 10**9}, grade="production")
    world.arrived(1_000)
    second_registrar(world)
    monkeypatch.setattr(reach, "connect", lambda *_, **__: world.network.connection)
    monkeypatch.setattr(reach.Connection, "keys", lambda *_: [])
    manifest = world.network.manifest.write(tmp_path / "manifest.json")
    command = _Command(world, manifest, capsys)
    path = command.listed("investor")
    (first, keys), (second, others) = _digests(command, path)
    half = _given((second, others[0]), (first, keys[0]), (second, others[1]))
    assert command.next(path, *half) == [("propose_end", "waiting")]
    assert command.next(path, *half, *_given((first, keys[1]))) == [("propose_end", "executed")]


def test_wrong_input_is_one_line(command: _Command, tmp_path: Path) -> None:
    path, homes = command.listed("investor", "buyer"), command.homes("investor")
    data = json.loads(path.read_text())
    wrong = tmp_path / "wrong.json"

    def said(verb: str, *arguments: Any) -> str:
        status, out, err = command(verb, *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        return err.strip()

    def changed(**fields: Any) -> str:
        wrong.write_text(json.dumps({**data, **fields}))
        return said("end", wrong)

    manifest = command.manifest
    assert (
        said("list", "home") == f"{manifest}: LEDGER: home: expected a lane's remote ledger: remote"
    )
    newest = command.world.remote.chain.block_number
    assert said("list", "remote", "--homes", homes, "--last", newest + 1) == (
        f"{manifest}: --last: {newest + 1}: expected a block, up to {newest}"
    )
    assert "an address: 0x and 40 hex digits" in _homes(
        said, homes, {"1": str(command.world.home.buyer.address)}
    )
    assert changed(total="5").endswith(": total: 5: expected 1200, the sum of its leaves")
    assert f"{wrong}: root: " in changed(root="0x" + "11" * 32)
    # Leaves are of one lane, and so is their root.
    assert f"{wrong}: root: " in changed(lane="0x" + "11" * 32)
    assert f"{wrong}: lane: " in changed(ledger="home")
    assert "base units as text" in changed(total="0")
    assert f"{wrong}: total: 5: expected text" in changed(total=5)
    assert "tallystick.end-list/1" in changed(schema="tallystick.homes/1")
    assert "--document: nothing: expected what orders it" in said("end", path)
    assert "--reason: OOPSIE: expected a code of four letters" in said(
        "end", path, "--reason", "OOPSIE"
    )


def _homes(said: Any, path: Path, accounts: dict[str, str]) -> str:
    path.write_text(json.dumps({"schema": "tallystick.homes/1", "accounts": accounts}))
    text: str = said("list", "remote", "--homes", path)
    return text


def test_status_shows_an_end_under_way_and_what_is_paid(command: _Command) -> None:
    world = command.world
    path, other = command.listed("investor", "buyer"), second_registrar(world)
    assert _shown(command) == (0, None)
    command.next(path)
    lists, ending = _shown(command)
    data = json.loads(path.read_text())
    assert (lists, ending) == (
        0,
        {
            "list": 0,
            "block": data["block"]["number"],
            "root": data["root"],
            "total": "1200",
            "registrar": world.home.registrar.address,
            "applies_from": None,
        },
    )
    command.next(path, "--account", other.address)
    applies_from = _shown(command)[1]["applies_from"]
    assert applies_from == world.home.escrow.end_of(world.lane).applies_from
    assert f"confirmed, applies from {time_text(applies_from)}" in _status(command)
    wait(world)
    command.next(path)
    command.next(path)
    assert _shown(command) == (1, None)
    assert "Ends of dead ledgers" in _status(command)


def _shown(command: _Command) -> tuple[int, Any]:
    """How many lists `status` says are in force on the lane at home, and which is next."""
    found = json.loads(_status(command, "--json"))
    side = found["lanes"][0]["home"]
    return side["lists"], side["ending"]


def _status(command: _Command, *arguments: str) -> str:
    status = cli.main(["status", "--manifest", str(command.manifest), *arguments])
    out = command._capsys.readouterr().out
    assert status == 0, out
    return out


@pytest.mark.requirement("INV-12")
def test_after_a_ratio_the_list_is_in_units_of_the_last_block(command: _Command) -> None:
    """Accounts, and what never arrived, as they stand there then."""
    world, remote = command.world, command.world.remote
    _split(world, 3, 2)
    status, out, _ = command(
        "list", "remote", "--homes", command.homes("investor", "buyer"), "--json"
    )
    found = json.loads(out)
    assert status == 0
    assert found["epoch"] == 1
    amounts = {each["account"]: each["amount"] for each in found["leaves"]}
    assert amounts == {
        world.home.investor.address: str(900 * 3 // 2 + 200 * 3 // 2),
        world.home.buyer.address: str(100 * 3 // 2),
    }
    assert remote.balance(remote.investor) == 1_350


def _split(world: World, numerator: int, denominator: int) -> None:
    from tests.support.lane_ratios import Engines

    Engines.of(world).split(numerator, denominator)
    # The last block is one of the new units.
    world.remote.chain.mine()


def test_where_nobody_is_owed_anything_nothing_is_listed(
    world: World, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = _Command(world, manifest, capsys)("list", "remote")
    expected = "expected a ledger on which somebody is owed something by its lane"
    assert (status, out, err) == (2, "", f"{manifest}: LEDGER: remote: {expected}\n")
