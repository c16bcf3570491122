"""Rounds: what doesn't depend on each other is sent at once, everything once, whatever happens."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deploying import meant, mined_by_the_clock, reached
from tallystick.chain import Chain, ChainError, Receipt, Revert
from tallystick.chain.abi import keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.local import default_specs
from tallystick.chain.rpc import RpcChain
from tallystick.deploy.deploy import Report, deploy
from tallystick.deploy.rehearsal import rehearse
from tallystick.deploy.verify import verify, wrong
from tallystick.errors import CheckFailed
from tallystick.reach.connection import connection_of


class PooledChain(EmbeddedChain):
    """A chain that mines nothing before somebody waits for it, as nodes do.

    Attributes:
        waits: how often something was waited for that was in no block.
        most: most transactions that waited at once.
        reverting: number of the transaction, from 1, that reverts in its block.
        lost: number of the transaction, from 1, that the pool loses, and with it those behind it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waits = self.most = self.begun = 0
        self.lost = self.reverting = 0
        self._pool: list[Callable[[], None]] = []

    def begin(
        self, *, sender: Any, nonce: int, to: Any = None, data: bytes = b""
    ) -> Callable[[], Receipt]:
        assert nonce == self.nonce(sender) + len(self._pool)
        mined: list[Receipt | Revert] = []
        self.begun += 1
        if self.begun == self.reverting:
            to, data = None, bytes.fromhex("5f5ffd")

        def mine() -> None:
            try:
                mined.append(self.send(sender=sender, to=to, data=data))
            except Revert as error:
                mined.append(error)

        def receipt() -> Receipt:
            if self._pool:
                self.waits += 1
                for each in self._pool:
                    each()
                self._pool.clear()
            if not mined:
                raise ChainError("it is in no block")
            (found,) = mined
            if isinstance(found, Revert):
                raise found
            return found

        if self.lost and self.begun >= self.lost:
            mine = lambda: None  # noqa: E731
        self._pool.append(mine)
        self.most = max(self.most, len(self._pool))
        return receipt

    def drop(self) -> None:
        """The pool forgets what it has, and loses nothing from now on."""
        self._pool.clear()
        self.lost = 0


def pooled(count: int) -> dict[str, PooledChain]:
    return {
        each.name: PooledChain(each.name, each.chain_id, ledger_number=each.ledger_number)
        for each in default_specs(count)
    }


def listed(chains: dict[str, PooledChain]) -> list[Chain]:
    return list(chains.values())


def sent(chains: dict[str, PooledChain]) -> dict[str, int]:
    return {name: chain.nonce(chain.account(0)) for name, chain in chains.items()}


def planned(report: Report) -> dict[str, int]:
    return dict(Counter(step.ledger for step in report.steps))


def test_what_does_not_depend_on_each_other_waits_for_one_block() -> None:
    chains = pooled(3)
    plan = meant(listed(chains))
    report = deploy(*plan, chains, execute=True)
    assert report.manifest is not None
    assert wrong(verify(connection_of(report.manifest, chains), *plan)) == ()
    assert sent(chains) == planned(report)
    # One by one there would be as many waits as transactions, on all ledgers together.
    waits = max(chain.waits for chain in chains.values())
    assert waits <= 12
    assert sum(sent(chains).values()) > 15 * waits


def test_a_rehearsal_foresees_where_blocks_take_their_time() -> None:
    chains = pooled(3)
    plan = meant(listed(chains))
    foreseen = rehearse(*plan, chains).report
    made = deploy(*plan, chains, execute=True)
    assert [step.address for step in made.steps] == [step.address for step in foreseen.steps]
    assert [step.gas for step in made.steps] == [step.gas for step in foreseen.steps]


def test_what_stands_is_asked_for_in_one_batch_a_ledger(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chains, journal = pooled(2), tmp_path / "journal.json"
    plan = meant(listed(chains))
    deploy(*plan, chains, journal=journal, execute=True)
    batches: list[tuple[str, int]] = []
    call_all = PooledChain.call_all

    def counted(chain: PooledChain, calls: Any, **options: Any) -> Any:
        batches.append((chain.name, len(calls)))
        return call_all(chain, calls, **options)

    monkeypatch.setattr(PooledChain, "call_all", counted)
    assert deploy(*plan, chains, journal=journal).pending == 0
    assert [name for name, _ in batches] == ["home", "remote"]
    assert min(count for _, count in batches) > 40


def test_no_pool_has_to_keep_more_of_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.deploy.deploy._AT_ONCE", 5)
    chains = pooled(2)
    report = deploy(*meant(listed(chains)), chains, execute=True)
    assert {chain.most for chain in chains.values()} == {5}
    assert sent(chains) == planned(report)


def test_nothing_is_sent_before_what_it_builds_on_stands() -> None:
    """A set-up ends in a round of its own, after the last of its ledger's other steps."""
    chains = pooled(2)
    told: list[tuple[str, str, int]] = []

    def note(step: Any) -> None:
        told.append((step.ledger, step.title, chains[step.ledger].waits))

    deploy(*meant(listed(chains)), chains, execute=True, progress=note)
    for ledger in chains:
        ends = {at for name, title, at in told if name == ledger and title.startswith("hand over")}
        others = [
            at for name, title, at in told if name == ledger and not title.startswith("hand over")
        ]
        assert len(ends) == 1
        assert max(others) == ends.pop() - 1
    at = {(ledger, title): wait for ledger, title, wait in told}
    for first, then in (
        ("create proxy blueprint", "create release authority"),
        ("create SecurityTokenSettings 1.0.0", "create SecurityTokenControls 1.0.0"),
        ("create SecurityToken 1.0.0", "register release SecurityToken 1.0.0"),
        ("register release SecurityToken 1.0.0", "create SecurityToken proxy"),
        ("create custody of lane home-remote", "make custody of lane home-remote a link account"),
        ("make custody of lane home-remote a link account", "open lane home-remote"),
    ):
        assert at["home", first] < at["home", then]


@pytest.mark.parametrize("number", [1, 5, 12, 33, 60])
def test_a_transaction_that_is_lost_stops_its_ledger_alone(tmp_path: Path, number: int) -> None:
    """The next run sends what was lost, under the nonces and to the addresses of before."""
    chains, journal = pooled(3), tmp_path / "journal.json"
    plan = meant(listed(chains))
    chains["remote"].lost = number
    with pytest.raises(CheckFailed, match=r"^remote: [^;]*: it is in no block$"):
        deploy(*plan, chains, journal=journal, execute=True)
    assert sent(chains)["remote"] == number - 1
    # What needs nothing of it went on.
    assert min(sent(chains)["home"], sent(chains)["remote-2"]) > 40
    noted = json.loads(journal.read_text())["ledgers"]["remote"]["contracts"]
    chains["remote"].drop()
    report = deploy(*plan, chains, journal=journal, execute=True)
    assert sent(chains) == planned(report)
    assert report.manifest is not None
    assert wrong(verify(connection_of(report.manifest, chains), *plan)) == ()
    after = json.loads(journal.read_text())["ledgers"]["remote"]["contracts"]
    assert {key: after[key] for key in noted} == noted


def test_a_transaction_that_reverts_stops_its_ledger_with_the_reason(tmp_path: Path) -> None:
    chains, journal = pooled(2), tmp_path / "journal.json"
    plan = meant(listed(chains))
    remote = chains["remote"]
    remote.reverting = 25
    with pytest.raises(CheckFailed) as caught:
        deploy(*plan, chains, journal=journal, execute=True)
    failed = "register release SecurityToken 1.0.0"
    assert str(caught.value) == f"remote: {failed}: reverted without a reason"
    # It took its nonce; what was sent with it stands, and is not sent again.
    before = sent(chains)
    assert before["remote"] > 25
    report = deploy(*plan, chains, journal=journal, execute=True)
    assert sent(chains) == planned(report) | {"remote": planned(report)["remote"] + 1}
    states = {(s.ledger, s.title): s.state for s in report.steps}
    assert states["remote", failed] == "executed"
    assert sum(state == "done" for state in states.values()) == sum(before.values()) - 1


def test_what_a_contract_answers_wrongly_stops_its_ledger_alone(tmp_path: Path) -> None:
    chains = pooled(2)

    def spoil(step: Any) -> None:
        if (step.ledger, step.title) == ("remote", "create SecurityToken proxy"):
            chains["remote"].set_code(step.address, bytes.fromhex("5f5ffd"))

    with pytest.raises(CheckFailed) as caught:
        deploy(*meant(listed(chains)), chains, execute=True, progress=spoil)
    assert re.fullmatch(r"remote: [^;]+: reverted without a reason", str(caught.value))
    assert sent(chains)["home"] > sent(chains)["remote"] > 15


_KILLS = 24


class MortalChain(RpcChain):
    """A ledger whose reader dies of a signal at a given act of its: before or after it sends one
    transaction, or where it waits for one.

    Attributes:
        left: acts that it still lives through, on all ledgers together.
    """

    left = 10**6

    @classmethod
    def _live(cls) -> None:
        cls.left -= 1
        if cls.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def begin(self, **options: Any) -> Callable[[], Receipt]:
        self._live()
        receipt = super().begin(**options)
        self._live()

        def waited() -> Receipt:
            self._live()
            return receipt()

        return waited


def _run(ledgers: Sequence[Chain], journal: Path, lives_through: int) -> None:
    """A run of its own process, as the command makes it."""
    MortalChain.left = lives_through
    deploy(*meant(ledgers), reached(ledgers, MortalChain), journal=journal, execute=True)


@pytest.mark.slow
@pytest.mark.anvil_only
def test_killed_24_times_on_three_ledgers_with_a_block_a_second(tmp_path: Path) -> None:
    """kill -9 wherever a run stands: exactly the transactions of a run that nobody disturbed."""
    chance = random.Random(20_609)
    fork = multiprocessing.get_context("fork")
    with mined_by_the_clock(3, 1.0) as ledgers:
        undisturbed = deploy(*meant(ledgers), reached(ledgers), execute=True)
        expected = [_transactions(chain, _names(undisturbed)) for chain in ledgers]
    # No run comes further than this many transactions, so that something is left for the last.
    most = len(undisturbed.steps) // (_KILLS + 1)
    with mined_by_the_clock(3, 1.0) as ledgers:
        journal = tmp_path / "journal.json"
        for _ in range(_KILLS):
            run = fork.Process(target=_run, args=(ledgers, journal, chance.randrange(2 * most)))
            run.start()
            run.join()
            assert run.exitcode == -signal.SIGKILL
        report = deploy(*meant(ledgers), reached(ledgers), journal=journal, execute=True)
        assert "executed" in {step.state for step in report.steps}
        report = deploy(*meant(ledgers), reached(ledgers), journal=journal)
        assert report.pending == 0
        assert report.manifest is not None
        assert (
            wrong(verify(connection_of(report.manifest, reached(ledgers)), *meant(ledgers))) == ()
        )
        found = [_transactions(chain, _names(report)) for chain in ledgers]
    assert found == expected


def _names(report: Report) -> dict[str, str]:
    """What stands where, by address in hex as calldata has it: as bytes, and as text in records."""
    return {
        form.hex(): f"{step.ledger}'s {step.title}"
        for step in report.steps
        if step.address
        for form in (bytes.fromhex(step.address[2:]), step.address.encode())
    }


def _transactions(chain: Any, names: dict[str, str]) -> Counter[str]:
    """The deployer's transactions, contracts of ours by name: addresses depend on the order."""
    found: Counter[str] = Counter()
    for number in range(chain.block_number + 1):
        for each in chain.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]:
            assert int(each["from"], 16) == int(chain.account(0).address, 16)
            target = names[each["to"][2:].lower()] if each["to"] else "creates"
            text = each["input"][2:]
            for address, name in names.items():
                text = text.replace(address, f"<{name}>")
            if text.startswith(_REGISTER):
                # Hashes of code that has addresses in it.
                text = text[: 8 + 2 * 64]
            found[f"{target}: {text}"] += 1
    return found


_REGISTER = keccak(
    b"register_release((bytes32,uint256,address,bytes32,bytes32,bytes32,bytes32,bytes32),"
    b"bytes4,bytes32)"
)[:4].hex()
