"""`rotate`, `pause` and `upgrade`: scripts of acts, of which each key does its part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from scripts.pause import cli as pause
from scripts.rotate import cli as rotate
from scripts.upgrade import cli as upgrade
from tallystick.bridge.attestation import SignerSet
from tallystick.chain.base import Chain
from tallystick.governance.release import Version, release_id
from tallystick.local.network import OPERATORS
from tests.support.commands import connect
from tests.support.world import CHANGE_DELAY, World

_DAY = 86_400
_NEW = tuple("0x" + f"{number:02x}" * 20 for number in (0x11, 0x22, 0x33))


class _Scripts:
    """Scripts on the world's ledgers, and what they said."""

    def __init__(self, world: World, folder: Path, capsys: Any) -> None:
        self._folder = folder
        self._capsys = capsys
        self._manifest = world.network.manifest.write(folder / "manifest.json")
        (folder / "order.txt").write_text("an order")

    def __call__(self, script: click.Command, *arguments: Any) -> tuple[int, list[str], str]:
        """Exit status, state and act of each step, and what went to standard error."""
        why = ("--reason", "TEST", "--document", str(self._folder / "order.txt"))
        given = [*map(str, arguments), "--manifest", str(self._manifest), *why]
        with pytest.raises(SystemExit) as ended:
            script.main(given, standalone_mode=False)
        out, err = self._capsys.readouterr()
        steps = re.findall(
            r"^  (home|remote) +(\S+(?: \w+)?) +(done|executed|pending|waiting|refused)\b",
            out,
            re.MULTILINE,
        )
        return int(ended.value.code or 0), [" ".join(step) for step in steps], err


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> _Scripts:
    connect(monkeypatch, world)
    return _Scripts(world, tmp_path, capsys)


def _blocks(world: World) -> list[int]:
    return [chain.block_number for chain in world.network.chains.values()]


def test_a_guardian_pauses_every_ledger_at_once(world: World, run: _Scripts) -> None:
    before = _blocks(world)
    dry = run(pause, "transfers+issuance")
    assert dry[:2] == (
        0,
        ["home SecurityToken.pause pending", "remote SecurityToken.pause pending"],
    )
    assert _blocks(world) == before
    done = run(pause, "transfers+issuance", "--execute")
    assert done[:2] == (
        0,
        ["home SecurityToken.pause executed", "remote SecurityToken.pause executed"],
    )
    for side in (world.home, world.remote):
        assert side.token.paused_scopes() == 3
    lifted = run(pause, "transfers", "--lift", "--ledger", "home", "--execute")
    assert lifted[:2] == (0, ["home SecurityToken.unpause executed"])


def test_a_lane_is_paused_on_the_ledger_that_is_named(world: World, run: _Scripts) -> None:
    done = run(pause, "inbound", "--lane", "home-remote", "--ledger", "remote", "--execute")
    assert done[:2] == (0, ["remote BridgeEscrow.pause_lane executed"])
    assert world.lane_state(world.remote).paused_directions == 2
    assert world.lane_state(world.home).paused_directions == 0


def test_who_may_not_pause_says_who_may(world: World, run: _Scripts) -> None:
    status, steps, _ = run(pause, "transfers", "--account", "issuer", "--execute")
    assert (status, [step.split()[-1] for step in steps]) == (0, ["waiting", "waiting"])
    status, _, err = run(pause, "transfer")
    assert status == 2
    assert "expected transfers, issuance, lanes, joined by +, not transfer" in err


_ROTATE = ("home-remote", *(f"--attestor={each}" for each in _NEW), "--threshold", "2")


def test_attestors_are_replaced_on_both_ledgers(world: World, run: _Scripts) -> None:
    before = _blocks(world)
    status, dry, _ = run(rotate, *_ROTATE)
    assert (status, [step.split()[-1] for step in dry]) == (0, ["pending"] * 8)
    assert _blocks(world) == before
    # The operator's key first, an administrator's afterwards: the same is run.
    status, first, _ = run(rotate, *_ROTATE, "--account", "operator", "--execute")
    assert status == 0
    assert [step.split(" ", 1)[1] for step in first] == [
        "create QuorumVerifier executed",
        "BridgeEscrow.propose_lane_terms executed",
        "BridgeEscrow.confirm_lane_terms waiting",
        "BridgeEscrow.apply_lane_terms waiting",
    ] * 2
    status, second, _ = run(rotate, *_ROTATE, "--account", "administrator-2", "--execute")
    assert [step.split(" ", 1)[1] for step in second] == [
        "BridgeEscrow.propose_lane_terms done",
        "BridgeEscrow.confirm_lane_terms executed",
        "BridgeEscrow.apply_lane_terms waiting",
    ] * 2
    # Too early; anybody's key is enough later.
    early = _blocks(world)
    assert run(rotate, *_ROTATE, "--execute")[1][-1].endswith("apply_lane_terms waiting")
    assert _blocks(world) == early
    for side in (world.home, world.remote):
        side.chain.advance(CHANGE_DELAY)
    status, last, _ = run(rotate, *_ROTATE, "--account", "courier", "--execute")
    assert [step.split(" ", 1)[1] for step in last] == [
        "BridgeEscrow.propose_lane_terms done",
        "BridgeEscrow.confirm_lane_terms done",
        "BridgeEscrow.apply_lane_terms executed",
    ] * 2
    signers = SignerSet.of(1, 2, _NEW)
    for side in (world.home, world.remote):
        state = world.lane_state(side)
        kept = side.chain.at("QuorumVerifier", state.terms.verifier).signer_set()
        assert (kept.threshold, tuple(kept.signers)) == (2, signers.signers)
        assert state.epoch == 2
    again = _blocks(world)
    status, third, _ = run(rotate, *_ROTATE, "--execute")
    assert (status, [step.split()[-1] for step in third]) == (0, ["done"] * 6)
    assert _blocks(world) == again


def test_a_second_verifier_comes_beside_the_first(world: World, run: _Scripts) -> None:
    status, _, err = run(rotate, *_ROTATE, "--second", "--execute")
    assert status == 2
    assert err == 'rotate: --operator: "": expected the LEI of who runs a second verifier\n'
    status, _, err = run(rotate, *_ROTATE, "--second", "--operator", "nobody", "--execute")
    assert status == 2
    assert "rotate: --operator: nobody: expected a LEI" in err
    for _ in range(2):
        run(rotate, *_ROTATE, "--second", "--operator", OPERATORS[1], "--execute")
        for side in (world.home, world.remote):
            side.chain.advance(CHANGE_DELAY)
    for side in (world.home, world.remote):
        terms = world.lane_state(side).terms
        second = side.chain.at("QuorumVerifier", terms.second)
        assert (terms.verifier, second.LEI()) == (side.verifier.address, OPERATORS[1])
        assert tuple(second.signer_set().signers) == SignerSet.of(1, 2, _NEW).signers


def test_a_verifier_that_only_says_that_it_has_these_attestors_is_not_taken(
    world: World, run: _Scripts
) -> None:
    """Whoever is operator may propose anything; its code is what counts."""
    side = world.home
    # Of these attestors indeed, but of what they sign for something else.
    other = SignerSet.of(1, 2, _NEW, "Other(uint64 epoch)")
    liar = side.new_verifier(other)
    kept = liar.signer_set()
    assert (kept.threshold, tuple(kept.signers)) == (2, other.signers)
    world.propose_verifier(side, liar)
    _, steps, _ = run(rotate, *_ROTATE, "--account", "operator", "--execute")
    assert steps[0] == "home create QuorumVerifier executed"


def test_a_contract_moves_to_its_next_release_key_by_key(world: World, run: _Scripts) -> None:
    side = world.home
    given = ("home", "InstrumentRegistry", "1.1.0")
    act, code = "ReleaseAuthority.", "create InstrumentRegistry"
    status, dry, _ = run(upgrade, *given)
    assert (status, [step.split()[-1] for step in dry]) == (0, ["pending"] * 7)

    def by(account: str) -> list[str]:
        status, steps, err = run(upgrade, *given, "--account", account, "--execute")
        assert (status, err) == (0, "")
        return [step.split(" ", 1)[1].removeprefix(act) for step in steps]

    rest = [*["approve waiting"] * 3, "activate waiting"]
    assert by("upgrader") == [
        f"{code} executed",
        "register_release executed",
        "give_notice executed",
        *rest,
    ]
    stands = ["register_release done", "give_notice done"]
    # One after the other, whoever comes first: the auditor waits for nobody but the script's order.
    assert by("issuer") == [*stands, "approve executed", *rest[1:]]
    assert by("auditor") == [*stands, "approve done", "approve executed", *rest[2:]]
    done = "approve done"
    assert by("operator") == [*stands, done, "approve executed", done, *rest[3:]]
    assert side.authority.installation_of(side.registry).release != _release()
    side.chain.advance(int(side.authority.NOTICE()))
    assert by("courier") == [*stands, *["approve done"] * 3, "activate executed"]
    assert side.authority.installation_of(side.registry).release == _release()
    assert by("courier") == [f"{each} done" for each in _UPGRADE]


def _release() -> bytes:
    return release_id("InstrumentRegistry", Version(1, 1, 0))


_UPGRADE = ("register_release", "give_notice", *["approve"] * 3, "activate")


def test_a_number_that_another_release_has_is_refused(world: World, run: _Scripts) -> None:
    given = ("home", "InstrumentRegistry", "1.1.0")
    run(upgrade, *given, "--account", "upgrader", "--execute")
    status, steps, err = run(upgrade, *given, "--migration", "0x12345678", "--execute")
    assert (status, steps) == (2, [])
    assert "1.1.0: expected a number that no other release has" in err


def test_a_contract_that_can_not_follow_is_refused(world: World, run: _Scripts) -> None:
    before = _blocks(world)
    given = ("home", "InstrumentRegistry", "1.1.0", "--artifact", "CashToken", "--execute")
    status, steps, err = run(upgrade, *given)
    assert (status, steps, _blocks(world)) == (1, [], before)
    assert err.startswith("CashToken does not keep the storage of InstrumentRegistry: ")


def test_chains_say_what_is_signed(world: World) -> None:
    side: Any = world.home
    chain: Chain = side.chain
    data = "0x" + side.token.pause.encode(1, b"TEST", bytes(32)).hex()
    assert chain.step({"to": side.token.address, "data": data}) == "home: SecurityToken.pause"
    assert chain.step({"data": data}) == "home: create a contract"
    nobody = "0x" + "77" * 20
    assert chain.step({"to": nobody, "data": "0x"}) == f"home: call {nobody}"
