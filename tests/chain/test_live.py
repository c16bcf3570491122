"""Live chains through ape, here against local nodes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tallystick.chain import ChainError
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.jsonrpc import NoAnswer
from tallystick.chain.live import LiveChain, _ApeRpc
from tests.support.commands import ROOT, ape_environment

# A process of its own: ape reads its folders once, and changes global settings of libraries.
_SCRIPT = """
import runpy
import sys
from tallystick.chain import ChainError, Unsupported, reverts
from tallystick.chain.live import LiveChain, connect_provider
import ape
from ape_foundry import FoundryProvider
from pytest import raises
from tests.support.contracts import add_contracts

add_contracts()

home = LiveChain.connect(f"ethereum:local:{sys.argv[1]}", ["TEST::0", "TEST::1"], name="home")
remote = LiveChain.connect(f"ethereum:local:{sys.argv[2]}", ["TEST::2"], name="remote")
assert (home.chain_id, remote.chain_id) == (41001, 41002)
for chain in (home, remote):
    chain.set_balance(chain.account(0), 10**20)
here = home.deploy("HarnessProbeMock", 100, sender=home.account(0))
there = remote.deploy("HarnessProbeMock", 200, sender=remote.account(0))
assert (here.clock()[2], there.clock()[2]) == (41001, 41002)
receipt = here.transfer(home.account(1), 5, sender=home.account(0))
assert receipt.events == (here.emitted("Transfer", home.account(0), home.account(1), 5),)
data = here.transfer.encode(home.account(1), 5)
listed = [{"address": str(there), "storageKeys": ["0x" + "01" * 32]}]
signed = home.sign(sender=home.account(0), to=here, data=data, access_list=listed)
home.hand_over(signed)
(kept,) = home.rpc("eth_getTransactionByHash", signed.tx_hash)["accessList"]
assert kept == {"address": str(there).lower(), "storageKeys": ["0x" + "01" * 32]}
with reverts("no"):
    here.fail_with_reason("no", sender=home.account(0))
with reverts("no"):
    here.fail_with_reason("no", sender=home.account(0), gas=100_000)
with reverts("probe: too much"):
    here.check(10)
with home.isolated():
    home.advance(1_000)
    here.increase(sender=home.account(0))
assert here.counter() == 0
for wrong, text in (
    (lambda: home.account(2), "was opened with 2 accounts"),
    (lambda: home.send(sender="0x" + "11" * 20, to=here), "without an ape account"),
    (lambda: LiveChain.connect("ethereum:nowhere:node"), "ape can't connect"),
    (lambda: LiveChain.connect(), "isn't connected"),
    (lambda: LiveChain.connect(f"ethereum:local:{sys.argv[1]}", ["no"]).account(0), "no account"),
):
    try:
        wrong()
    except ChainError as error:
        assert text in str(error), error
    else:
        raise AssertionError(text)
home.close(), remote.close()
assert ape.networks.active_provider is None

own = "ethereum:local:foundry"
start, waits = FoundryProvider.start, [0.001, 0.001, 0.001, 20, 20, 0.001, 20]
FoundryProvider.start = lambda self, timeout=20: start(self, waits.pop(0))
with raises(ChainError, match=f"ape can't connect to {own}: Timed out"):
    LiveChain.connect(own)
with LiveChain.connect(own, ["TEST::0"]) as chain:
    assert (waits, int(chain.url[-5:]) // 10_000) == ([20, 0.001, 20], 2)
    probe = chain.deploy("HarnessProbeMock", 1, sender=chain.account(0))
    before = chain.now
    chain.advance(500)
    assert chain.now >= before + 500
    assert probe.totalSupply() == 1
provider = ape.networks.get_provider_from_choice(own)
connect_provider(provider)
with provider.network.use_provider(provider):
    with LiveChain.connect(own) as adopted:
        assert adopted.url == provider.uri
    assert provider.is_connected
provider.disconnect()
with raises(SystemExit, match="2"):
    runpy.run_path(sys.argv[3])["cli"](["--network", own, "--plan", "none.yaml"])
assert waits == []
print("done")
"""


@pytest.mark.anvil_only
@pytest.mark.slow
def test_two_live_chains_and_one_of_apes_own(tmp_path: Path) -> None:
    pytest.importorskip("ape")
    deploy = ROOT / "scripts" / "deploy.py"
    # As in our own configuration: at 8545 anybody's anvil may be.
    (tmp_path / "ape-config.yaml").write_text("foundry:\n  host: auto\n")
    with AnvilChain("home") as home, AnvilChain("remote", 41_002, ledger_number=2) as remote:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _SCRIPT, home.url, remote.url, deploy],
            cwd=tmp_path,
            env=ape_environment(tmp_path) | {"HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "done" in done.stdout.splitlines()


class _Provider:
    """As ape's providers hand requests on: what `answers` holds comes back, or is raised."""

    uri = "https://node.example/v3/k3y"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.web3 = self.provider = self

    def make_request(self, method: str, params: list[Any]) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _refused(status: int, **headers: str) -> OSError:
    """What `requests` raises for a status, which is an `OSError`."""
    error = OSError("429 for url: https://node.example/v3/k3y")
    response = SimpleNamespace(status_code=status, headers=headers, content=b"slow down")
    error.response = response  # type: ignore[attr-defined]
    return error


def test_through_ape_a_busy_or_broken_node_is_asked_again() -> None:
    good = {"jsonrpc": "2.0", "id": 1, "result": "0x1"}
    busy = _refused(429, **{"Retry-After": "0"})
    rpc = _ApeRpc(_Provider(busy, OSError("reset"), ValueError("no JSON"), good))
    with pytest.raises(NoAnswer, match="eth_chainId: answered no JSON"):
        rpc("eth_chainId")
    assert rpc("eth_chainId") == "0x1"
    assert _ApeRpc(_Provider(good, good)).batch([("eth_chainId", ())] * 2) == ["0x1", "0x1"]


def test_through_ape_no_key_of_a_provider_is_in_a_message() -> None:
    for trouble in (_refused(401), OSError("https://node.example/v3/k3y")):
        rpc = _ApeRpc(_Provider(trouble))
        rpc.patience = 0
        with pytest.raises(ChainError, match=r"https://node\.example/…") as caught:
            rpc("eth_chainId")
        assert "k3y" not in str(caught.value)


def test_without_ape_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ape", None)
    with pytest.raises(ChainError, match="live networks need ape"):
        LiveChain.connect("ethereum:local:node")
