"""What only anvil can do: reorganise, hold back blocks, be attached to, be killed."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import ChainError, Revert
from tallystick.chain.anvil import AnvilChain, connect
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.local import LocalLedger, open_ledgers
from tallystick.chain.local import ledgers as open_all
from tallystick.chain.process import find_anvil, free_port
from tallystick.chain.rpc import JsonRpc, RpcChain, RpcError

pytestmark = pytest.mark.anvil_only


@pytest.fixture
def chain(ledgers) -> AnvilChain:
    return ledgers(1)[0]


def test_waiting_transactions(chain: AnvilChain) -> None:
    a, b = chain.accounts(2)
    before = chain.balance(b)
    chain.set_automine(False)
    kept = chain.submit(sender=a, to=b, value=5)
    dropped = chain.submit(sender=chain.account(2), to=b, value=70)
    with pytest.raises(ChainError, match="mines on request only"):
        chain.send(sender=a, to=b)
    assert chain.receipt(kept) is None
    assert chain.balance(b) == before
    assert chain.drop(dropped)
    chain.mine()
    receipt = chain.receipt(kept)
    assert receipt is not None
    assert receipt.status == 1
    assert chain.balance(b) == before + 5
    chain.set_automine(True)


def test_restoring_forgets_waiting_transactions(chain: AnvilChain) -> None:
    a, b = chain.accounts(2)
    before = chain.balance(b)
    with chain.isolated():
        chain.set_automine(False)
        chain.submit(sender=a, to=b, value=5)
    assert chain.automine
    chain.mine()
    assert chain.balance(b) == before
    assert chain.send(sender=a, to=b, value=1).status == 1


def test_attaching_to_a_running_one(chain: AnvilChain) -> None:
    probe = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
    with connect(chain.url, chain.chain_id, name="again", ledger_number=1) as other:
        assert isinstance(other, AnvilChain)
        assert other.pid is None
        assert other.account(0) == chain.account(0)
        same = other.at("HarnessProbeMock", probe.address)
        assert same.increase(sender=other.account(5)).return_value == 1
    assert probe.counter() == 1


def test_attaching_to_one_with_default_fees_and_no_impersonation() -> None:
    with AnvilChain("home") as own:
        own.rpc("anvil_autoImpersonateAccount", False)
        with connect(own.url, ledger_number=1) as other:
            stranger = "0x" + "31" * 20
            other.set_balance(stranger, 10**20)
            assert other.send(sender=stranger, to=other.account(0), value=1).status == 1


def test_the_chain_id_is_checked(chain: AnvilChain) -> None:
    with pytest.raises(ChainError, match="has chain id 41001, not 7"):
        connect(chain.url, 7)
    with pytest.raises(ChainError, match="no node answers"):
        connect("http://127.0.0.1:9")
    with pytest.raises(ChainError, match="is no http"):
        connect("nonsense")


def test_local_signing_over_plain_rpc(chain: AnvilChain) -> None:
    probe = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
    with RpcChain("plain", chain.url, chain.chain_id, ledger_number=1) as plain:
        plain._poll = 0.01
        bound = plain.at("HarnessProbeMock", probe.address)
        receipt = bound.increase(5, sender=plain.account(3))
        assert (receipt.status, bound.counter(), receipt.timestamp) == (
            1,
            5,
            chain.block().timestamp,
        )
        with pytest.raises(Revert, match=r"reverted: no$"):
            bound.fail_with_reason("no", sender=plain.account(3))
        with pytest.raises(Revert, match=r"reverted: no$") as caught:
            bound.fail_with_reason("no", sender=plain.account(3), gas=100_000)
        assert caught.value.receipt is not None
        with pytest.raises(ChainError, match="has no key"):
            bound.increase(sender="0x" + "11" * 20)
        for refused in (lambda: plain.advance(5), plain.mine, plain.snapshot):
            with pytest.raises(ChainError, match="is no local chain"):
                refused()
        paged = RpcChain("paged", chain.url, log_range=1)
        assert paged.raw_logs(probe) == chain.raw_logs(probe)
        paged.close()


def test_wall_clock() -> None:
    with AnvilChain("home", clock="wall") as chain:
        assert abs(chain.now - time.time()) < 5
        chain.advance(1_000)
        receipt = chain.send(sender=chain.account(0), to=chain.account(1))
        assert 990 < receipt.timestamp - time.time() < 1_010


def test_ledgers_that_cannot_be_told_apart_are_refused() -> None:
    for first, second, what in (
        (LocalLedger("a", 1, 1), LocalLedger("a", 2, 2), "name"),
        (LocalLedger("a", 1, 1), LocalLedger("b", 1, 2), "chain id"),
        (LocalLedger("a", 1, 1), LocalLedger("b", 2, 1), "deployer"),
    ):
        with pytest.raises(ChainError, match=f"have one {what}"):
            open_all("embedded", [first, second])
    with pytest.raises(ChainError, match="unknown back end"):
        open_all("hardhat", 1)


def test_opened_ledgers_are_closed_whatever_happens() -> None:
    pids = []

    def fail() -> None:
        with open_ledgers("anvil", 2) as (first, second):
            pids.extend([first.pid, second.pid])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(pids) == 2
    assert not any(_alive(pid) for pid in pids)


def test_closing_twice_is_no_error() -> None:
    chain = AnvilChain("home")
    pid = chain.pid
    chain.close()
    chain.close()
    assert not _alive(pid)


def test_a_process_outlives_the_thread_that_opened_it() -> None:
    opened: list[AnvilChain] = []
    thread = threading.Thread(target=lambda: opened.append(AnvilChain("home")))
    thread.start()
    thread.join()
    time.sleep(0.2)
    with opened[0] as chain:
        assert chain.send(sender=chain.account(0), to=chain.account(1)).status == 1


def test_a_taken_port_is_not_adopted(chain: AnvilChain, monkeypatch: pytest.MonkeyPatch) -> None:
    import tallystick.chain.process as module

    taken = int(chain.url.rpartition(":")[2])
    free = module.free_port
    ports = iter([taken])
    monkeypatch.setattr(module, "free_port", lambda: next(ports, None) or free())
    # The same chain id on purpose: only the process's own end tells them apart.
    with AnvilChain("other", chain.chain_id) as other:
        assert other.url != chain.url


def test_a_port_of_an_outgoing_connection_is_not_free(
    chain: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = free_port()
    with socket.create_connection(("127.0.0.1", int(chain.url[-5:])), 5, ("127.0.0.1", held)):
        asked = [held - 20_000, held - 20_000, 17]
        monkeypatch.setattr(secrets, "randbelow", lambda below: asked.pop(0))
        assert (free_port(), asked) == (20_017, [])


def test_a_missing_binary_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_ANVIL", "/nowhere/anvil")
    with pytest.raises(ChainError, match="TALLYSTICK_ANVIL is /nowhere/anvil"):
        AnvilChain("home")


def test_a_refused_option_is_said() -> None:
    with pytest.raises(ChainError, match=r"anvil doesn't start: .*nonsense"):
        AnvilChain("home", hardfork="nonsense")


# Started in the background or by nohup, we hand down signals that are ignored.
_OWNER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from tallystick.chain.anvil import AnvilChain
chains = [AnvilChain("home"), AnvilChain("remote", 41002, ledger_number=2)]
print(*(chain.pid for chain in chains), flush=True)
{rest}
"""


@pytest.mark.parametrize(
    ("rest", "blow"),
    [
        ("time.sleep(60)", signal.SIGINT),
        ("time.sleep(60)", signal.SIGTERM),
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGHUP),
        ("sys.exit(3)", None),
        ("raise RuntimeError", None),
        ("import os; os._exit(1)", None),
        ("import os; os.abort()", None),
    ],
)
def test_no_process_outlives_its_owner(rest: str, blow: signal.Signals | None) -> None:
    root = Path(__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER.format(rest=rest)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,
    )
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) == 2
    if blow is not None:
        owner.send_signal(blow)
    owner.wait(timeout=10)
    owner.stdout.close()
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [pid for pid in pids if _alive(pid)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert left == []


def test_a_forked_child_leaves_the_process_alone() -> None:
    with AnvilChain("home") as chain:
        child = os.fork()
        if child == 0:
            chain.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert chain.block_number == 0


# --- history ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["close", "kill"])
def test_nothing_is_written_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """By itself anvil writes every block's state to ~/.foundry, and leaves it there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with AnvilChain("home") as chain:
        probe = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
        # Anvil keeps 500 states in memory before it writes.
        chain.mine(600)
        with chain.isolated():
            probe.increase(sender=chain.account(0))
            chain.mine(600)
        chain.reorg(5)
        probe.increase(sender=chain.account(0))
        assert list(tmp_path.rglob("*")) == []
        if end == "kill":
            assert chain.pid is not None
            os.kill(chain.pid, signal.SIGKILL)
    assert list(tmp_path.rglob("*")) == []


def test_the_state_of_any_block_is_answered(chain: AnvilChain) -> None:
    a, b = chain.accounts(2)
    probe = chain.deploy("HarnessProbeMock", 1_000, sender=a)
    before = chain.balance(b)
    slot = probe.artifact.layout["storage_layout"]["counter"]["slot"]
    # Block -> counter, and what b has on top.
    expected = {}
    for step in range(1, 4):
        probe.increase(sender=a)
        expected[chain.send(sender=a, to=b, value=1).block_number] = step
    chain.mine(1_200)
    with chain.isolated():
        probe.increase(sender=a)
        chain.mine(100)
    expected[chain.block_number - 1_100] = 3
    probe.increase(sender=a)
    expected[chain.block_number] = 4
    chain.reorg(1)
    for block, counter in list(expected.items())[:-1]:
        at = hex(block)
        request = {"to": probe.address, "data": "0x" + probe.counter.encode().hex()}
        assert int(chain.rpc("eth_call", request, at), 16) == counter
        assert int(chain.rpc("eth_getStorageAt", probe.address, hex(slot), at), 16) == counter
        assert int(chain.rpc("eth_getBalance", b.address, at), 16) == before + counter


def test_history_is_as_long_as_asked_for() -> None:
    with AnvilChain("home", history=20) as chain:
        b = chain.account(1).address
        chain.mine(100)
        assert int(chain.rpc("eth_getBalance", b, hex(90)), 16) > 0
        with pytest.raises(RpcError, match="BlockOutOfRange"):
            chain.rpc("eth_getBalance", b, hex(50))


def test_what_waits_for_a_block_counts_when_asked_for(chain: AnvilChain) -> None:
    a = chain.account(0)
    before = chain.nonce(a)
    chain.set_automine(False)
    chain.submit(sender=a, to=chain.account(1), value=1)
    assert (chain.nonce(a), chain.nonce(a, pending=True)) == (before, before + 1)


class _Elsewhere:
    """A node's answers, but it says that it is another client with another chain id."""

    def __init__(self, url: str, client: str) -> None:
        self._rpc, self._client = JsonRpc(url), client

    def __call__(self, method: str, /, *params: Any) -> Any:
        if method == "eth_chainId":
            return "0x1"
        return self._client if method == "web3_clientVersion" else self._rpc(method, *params)

    def close(self) -> None:
        self._rpc.close()


def test_the_public_mnemonic_signs_on_local_chains_only(chain: AnvilChain) -> None:
    def named(client: str) -> RpcChain:
        return RpcChain("there", chain.url, ledger_number=1, rpc=_Elsewhere(chain.url, client))

    for client, local in (("Geth/v1.16", False), ("HardhatNetwork/3", True), ("anvil/v1", True)):
        there = named(client)
        assert (there.is_local, there.controlled) == (local, False)
        assert there.signs_for(chain.account(0)) is local
        assert not there.signs_for(chain.account(0).address)
    assert RpcChain("home", chain.url).is_local
    live = named("Geth/v1.16")
    nonce = chain.nonce(chain.account(0))
    with pytest.raises(ChainError, match="everybody has the key of 0x"):
        live.send(sender=live.account(0), to=live.account(1), value=1)
    assert chain.nonce(chain.account(0)) == nonce


def test_block_hashes_are_not_kept_in_the_state(chain: AnvilChain) -> None:
    """Each would make every later block slower; the embedded ledger doesn't keep them either."""
    history = "0x0000F90827F1C53a10cb7A02335B175320002935"
    chain.mine(3)
    assert [int.from_bytes(chain.storage(history, slot), "big") for slot in range(4)] == [0] * 4
    assert chain.code(history) == EmbeddedChain("home").code(history) == b""


def test_the_client_says_what_went_wrong(chain: AnvilChain) -> None:
    rpc = JsonRpc(chain.url)
    with pytest.raises(ChainError, match=r"eth_nonsense: .*not"):
        rpc("eth_nonsense")
    rpc.close()
    assert rpc("eth_chainId") == hex(chain.chain_id)
    rpc.close()


def test_anvil_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_anvil() is not None


def _alive(pid: int | None) -> bool:
    assert pid is not None
    try:
        # A zombie is dead, only not yet waited for.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_our_side_of_a_transaction_is_quick(chain: AnvilChain) -> None:
    a, b = chain.accounts(2)
    probe = chain.deploy("HarnessProbeMock", 10**9, sender=a)
    probe.transfer(b, 1, sender=a)
    # Processor time of this process; what anvil adds is measured by the benchmarks, on a quiet
    # machine.
    start = time.process_time()
    for _ in range(100):
        probe.transfer(b, 1, sender=a)
    assert (time.process_time() - start) / 100 < 0.002
