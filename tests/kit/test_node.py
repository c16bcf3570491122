"""The misbehaving node: each habit is there, by seed, and everything else is the node behind it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tallystick.chain.anvil import AnvilChain
from tallystick.kit.node import MILD, Habits, MisbehavingNode, error

pytestmark = pytest.mark.anvil_only


@pytest.fixture
def anvil(ledgers) -> AnvilChain:
    return ledgers(1)[0]


def post(url: str, payload: Any) -> Any:
    request = urllib.request.Request(
        url, json.dumps(payload).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def ask(node: MisbehavingNode, method: str, *params: Any) -> Any:
    found = post(node.url, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    assert (found["jsonrpc"], found["id"]) == ("2.0", 7)
    return found.get("result", found.get("error"))


def test_without_habits_it_is_the_node_behind_it(anvil: AnvilChain, misbehaving) -> None:
    node = misbehaving(anvil)
    assert ask(node, "eth_chainId") == hex(anvil.chain_id)
    assert ask(node, "eth_blockNumber") == hex(anvil.block_number)
    assert ask(node, "eth_nonsense")["code"] == -32601
    assert ask(node, "web3_clientVersion").startswith("Geth/")
    assert misbehaving(anvil.url, client=None).client is None
    assert node.asked == {
        "eth_chainId": 1,
        "eth_blockNumber": 1,
        "eth_nonsense": 1,
        "web3_clientVersion": 1,
    }
    assert node.met.total() == 0


def test_each_habit_is_met(anvil: AnvilChain, misbehaving) -> None:
    probe = anvil.deploy("HarnessProbeMock", 1_000, sender=anvil.account(0))
    receipt = probe.transfer(anvil.account(1), 1, sender=anvil.account(0))
    last = hex(receipt.block_number)
    call = {"to": probe.address, "data": "0x" + probe.balanceOf.encode(anvil.account(1)).hex()}
    logs = {"fromBlock": "0x0", "toBlock": last, "address": probe.address}

    behind = misbehaving(anvil, Habits(lag=1.0))
    assert int(ask(behind, "eth_blockNumber"), 16) == receipt.block_number - 1
    assert int(ask(behind, "eth_call", call, "latest"), 16) == 0
    assert ask(behind, "eth_call", call, last) == error(-32000, "header not found")["error"]
    assert ask(behind, "eth_getBlockByNumber", last, False) is None
    assert len(ask(behind, "eth_getLogs", logs)) == len(anvil.raw_logs(probe)) - 1

    cut = misbehaving(anvil, Habits(cut_logs=1.0))
    assert len(ask(cut, "eth_getLogs", logs)) == len(anvil.raw_logs(probe)) - 1
    assert ask(cut, "eth_getBlockByNumber", last, False)["number"] == last

    busy = misbehaving(anvil, Habits(rate_limit=1.0, retry_after=3))
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(busy, "eth_chainId")
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "3")

    stale = misbehaving(anvil, Habits(stale_code=1.0))
    assert ask(stale, "eth_getCode", probe.address, "latest") == "0x"
    assert len(ask(stale, "eth_getCode", probe.address, "latest")) > 2

    off = misbehaving(anvil, Habits(clock=-50))
    pending = ask(off, "eth_getBlockByNumber", "pending", False)
    assert int(pending["timestamp"], 16) == anvil.now - 50

    lost = misbehaving(anvil, Habits(lost_receipts=1.0))
    found = [ask(lost, "eth_getTransactionReceipt", receipt.tx_hash) for _ in range(4)]
    assert found[:3] == [None] * 3
    assert found[3]["transactionHash"] == receipt.tx_hash

    short = misbehaving(anvil, Habits(log_range=1))
    assert ask(short, "eth_getLogs", logs)["code"] == -32602
    assert len(ask(short, "eth_getLogs", logs | {"fromBlock": last})) == 1

    dropping = misbehaving(anvil, Habits(drop=1.0))
    with pytest.raises(OSError, match=r"closed|reset|Remote end"):
        ask(dropping, "eth_chainId")

    assert ask(misbehaving(anvil, Habits(null=1.0)), "eth_blockNumber") is None

    one = misbehaving(anvil, Habits(batch=1))
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    assert post(one.url, [request])[0]["result"] == hex(anvil.chain_id)
    assert post(one.url, [request, request])["error"]["message"] == "batch too large"


def test_a_dropped_transaction_may_have_taken_effect(anvil: AnvilChain, misbehaving) -> None:
    request = {"from": anvil.account(0).address, "to": anvil.account(1).address, "value": "0x1"}
    request |= {"maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0"}
    node = misbehaving(anvil, Habits(drop=1.0))
    before = anvil.nonce(anvil.account(0))
    for _ in range(12):
        with pytest.raises(OSError):
            ask(node, "eth_sendTransaction", request)
    assert 0 < anvil.nonce(anvil.account(0)) - before < 12


def test_the_same_seed_meets_the_same_habits(anvil: AnvilChain, misbehaving) -> None:
    def story(seed: int) -> list[Any]:
        node = misbehaving(anvil, Habits(null=0.5), seed=seed)
        return [ask(node, "eth_blockNumber") for _ in range(30)]

    assert story(1) == story(1) != story(2)


def test_a_bad_day_has_all_of_them() -> None:
    assert all(vars(MILD)[name] for name in vars(Habits()) if name != "retry_after")
