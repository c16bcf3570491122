"""Nodes as they are: each real report that once ended a run, as a test named after it.

Behind them is an anvil; in front of it a node with habits (`tallystick.kit`), that plays geth.
What the courier alone can see (a lane's logs against what its escrow keeps) is with its tests.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tallystick.chain import Chain, ChainError, Contract, Revert, UnknownBlock
from tallystick.chain.anvil import AnvilChain, connect
from tallystick.chain.jsonrpc import BrokenOff, JsonRpc, NoAnswer, Patience, RpcError
from tallystick.chain.opcodes import missing_opcodes
from tallystick.chain.rpc import RpcChain
from tallystick.deploy.deploy import deploy
from tallystick.errors import CheckFailed
from tallystick.files.plan import load_plan
from tallystick.kit.node import (
    MILD,
    Forward,
    Habits,
    MisbehavingNode,
    Refusal,
    Request,
    error,
)
from tallystick.reach.accounts import Finder
from tests.support.commands import plan_data, write_plan

pytestmark = pytest.mark.anvil_only

Answer = Callable[[Request, Forward], Any]
Open = Callable[..., tuple[RpcChain, MisbehavingNode]]


@pytest.fixture
def anvil(ledgers) -> AnvilChain:
    return ledgers(1)[0]


@pytest.fixture
def through(anvil: AnvilChain, misbehaving) -> Iterator[Open]:
    """`through(Habits(...), answer=…)` -> the ledger through a node, and the node."""
    opened: list[RpcChain] = []

    def open_it(habits: Habits | None = None, **options: Any) -> tuple[RpcChain, MisbehavingNode]:
        of_node = {key: options.pop(key) for key in ("answer", "seed") if key in options}
        node = misbehaving(anvil, habits, **of_node)
        chain = RpcChain("there", node.url, ledger_number=1, **options)
        chain._poll = 0.02
        opened.append(chain)
        return chain, node

    yield open_it
    for chain in opened:
        chain.close()


@pytest.fixture
def probe(anvil: AnvilChain) -> Contract:
    return anvil.deploy("HarnessProbeMock", 1_000, sender=anvil.account(0))


def at(chain: Chain, probe: Contract) -> Contract:
    return chain.at("HarnessProbeMock", probe.address)


def to(method: str, *answers: Any) -> Answer:
    """Answers the first requests of a method so, and leaves the others to the node."""
    left = list(answers)

    def answer(request: Request, _: Forward) -> Any:
        return left.pop(0) if left and request["method"] == method else None

    return answer


def always(method: str, reply: Any) -> Answer:
    """Answers every request of a method so."""
    return lambda request, _: reply if request["method"] == method else None


@contextmanager
def mined_by_hand(
    chain: AnvilChain, every: float = 0.1, base_fee: int | None = None
) -> Iterator[None]:
    """Blocks pass by themselves, not with each transaction."""
    ended = threading.Event()

    def mine() -> None:
        own = AnvilChain("clock", chain.chain_id, url=chain.url)
        while not ended.wait(every):
            if base_fee is not None:
                own.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            own.mine()
        own.close()

    chain.set_automine(False)
    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        chain.set_automine(True)


# --- A: one answer of one node is not the truth --------------------------------------------------


def test_case_01_logs_are_taken_from_a_node_that_has_their_last_block(
    anvil: AnvilChain, probe: Contract, through: Open
) -> None:
    chain, node = through(seed=3)
    bound = at(chain, probe)
    for _ in range(12):
        bound.transfer(chain.account(1), 1, sender=chain.account(0))
        node.habits = Habits(lag=0.5)
        assert chain.raw_logs(bound) == anvil.raw_logs(probe)
        node.habits = Habits()
    assert node.met["lag"] > 5


def test_case_04_code_that_one_node_has_not_got_yet_is_there(
    probe: Contract, through: Open
) -> None:
    chain, node = through(Habits(stale_code=1.0))
    assert chain.code(probe.address) == probe.chain.code(probe.address) != b""
    assert node.met["stale_code"] == 1
    assert chain.code("0x" + "99" * 20) == b""


def test_case_04_one_empty_answer_to_a_call_is_not_believed(probe: Contract, through: Open) -> None:
    chain, _ = through(answer=to("eth_call", {"result": "0x"}))
    assert at(chain, probe).totalSupply() == 1_000
    with pytest.raises(ChainError, match="is there a contract"):
        chain.at("HarnessProbeMock", "0x" + "99" * 20).totalSupply()


def test_case_05_what_was_sent_is_read_back_through_a_pool(through: Open) -> None:
    chain, node = through(Habits(lag=0.3), seed=5)
    for round_ in range(2):
        bound = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
        for count in range(1, 4):
            receipt = bound.increase(sender=chain.account(0))
            assert chain.block_number >= receipt.block_number
            assert chain.block().number >= receipt.block_number
            assert bound.counter() == count, round_
        assert chain.code(bound.address) != b""
    assert node.met["lag"] > 10


def test_case_05_an_estimate_by_a_node_that_is_behind_is_no_revert(
    probe: Contract, through: Open
) -> None:
    early = error(3, "execution reverted: not yet", "0x")
    chain, _ = through(answer=to("eth_estimateGas", early, early))
    assert at(chain, probe).increase(sender=chain.account(0)).status == 1
    with pytest.raises(Revert, match=r"reverted: no$"):
        at(chain, probe).fail_with_reason("no", sender=chain.account(0))


def test_case_05_a_block_that_nobody_has_does_not_stay_the_last(
    anvil: AnvilChain, probe: Contract, through: Open
) -> None:
    chain, _ = through(answer=to("eth_blockNumber", {"result": "0xfffff"}), patience=0.3)
    with pytest.raises(ChainError):
        at(chain, probe).counter()
    assert at(chain, probe).counter() == 0
    assert chain.block_number == anvil.block_number
    with pytest.raises(UnknownBlock):
        chain.block(0xFFFFF)


def test_case_06_a_range_that_is_refused_is_halved_and_remembered(
    anvil: AnvilChain, probe: Contract, through: Open
) -> None:
    for _ in range(3):
        probe.transfer(anvil.account(1), 1, sender=anvil.account(0))
        anvil.mine(60)
    chain, node = through(Habits(log_range=50))
    assert chain.raw_logs(probe) == anvil.raw_logs(probe)
    refused = node.met["log_range"]
    assert 0 < refused < 10
    assert chain.raw_logs(probe) == anvil.raw_logs(probe)
    assert node.met["log_range"] == refused
    assert chain.log_range is not None
    assert 0 < chain.log_range <= 50


def test_case_06_a_search_that_nobody_answers_ends(probe: Contract, through: Open) -> None:
    chain, node = through(answer=always("eth_getLogs", error(-32601, "method not found")))
    with pytest.raises(RpcError, match="method not found"):
        chain.raw_logs(probe)
    assert node.asked["eth_getLogs"] == 1


# --- C: a transaction that was handed over is not forgotten ---------------------------------------


@pytest.mark.parametrize(
    "early",
    [
        error(-32000, "transaction indexing is in progress"),
        {"result": None},
        {"result": {"blockNumber": None}},
        {"result": {"blockNumber": "0x1"}},
        Refusal(502, b"<html>Bad Gateway</html>"),
    ],
)
def test_case_03_a_receipt_that_is_not_there_yet_is_waited_for(through: Open, early: Any) -> None:
    chain, node = through(answer=to("eth_getTransactionReceipt", early, early))
    before = chain.nonce(chain.account(0))
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1
    assert node.asked["eth_getTransactionReceipt"] == 3
    assert chain.nonce(chain.account(0)) == before + 1


@pytest.mark.parametrize("words", ["already known", "AlreadyKnown", "known transaction: 0x11"])
def test_case_16_a_transaction_that_is_known_already_was_taken(through: Open, words: str) -> None:
    def twice(request: Request, forward: Forward) -> Any:
        if request["method"] != "eth_sendRawTransaction":
            return None
        forward(request)
        return error(-32000, words)

    chain, _ = through(answer=twice)
    before = chain.nonce(chain.account(0))
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1
    assert chain.nonce(chain.account(0)) == before + 1


def test_a_used_nonce_is_no_failure_if_the_transaction_itself_used_it(through: Open) -> None:
    def late(request: Request, forward: Forward) -> Any:
        if request["method"] != "eth_sendRawTransaction":
            return None
        forward(request)
        return error(-32000, "nonce too low")

    chain, _ = through(answer=late)
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1


def test_a_connection_that_breaks_sends_nothing_twice(through: Open) -> None:
    def lose(request: Request, forward: Forward) -> Any:
        if request["method"] != "eth_sendRawTransaction" or lost:
            return None
        lost.append(forward(request))
        return Refusal()

    lost: list[Any] = []
    chain, node = through(answer=lose)
    before = chain.nonce(chain.account(0))
    receipt = chain.send(sender=chain.account(0), to=chain.account(1), value=1)
    assert receipt.tx_hash == lost[0]["result"]
    assert node.asked["eth_sendRawTransaction"] == 2
    assert chain.nonce(chain.account(0)) == before + 1


def test_the_hash_is_known_before_and_handing_over_again_changes_nothing(through: Open) -> None:
    chain, _ = through()
    before = chain.nonce(chain.account(0))
    signed = chain.sign(sender=chain.account(0), to=chain.account(1), value=1)
    assert chain.receipt(signed.tx_hash) is None
    assert chain.nonce(chain.account(0)) == signed.nonce == before
    for _ in range(3):
        chain.hand_over(signed)
    # A node that has taken it mines it in its own time.
    patience = Patience(20)
    while (receipt := chain.receipt(signed.tx_hash)) is None:
        assert patience.wait()
    assert receipt.tx_hash == signed.tx_hash
    assert chain.nonce(chain.account(0)) == before + 1


def test_a_stuck_transaction_is_replaced_by_itself_at_a_higher_fee(misbehaving) -> None:
    with AnvilChain("home") as own:
        cheap: list[Any] = []

        def outdated(request: Request, forward: Forward) -> Any:
            """What it said at first of the base fee, it goes on saying."""
            if request["method"] != "eth_getBlockByNumber":
                return None
            cheap.append(forward(request))
            return {"result": cheap[-1]["result"] | {"baseFeePerGas": hex(100)}}

        node = misbehaving(own, answer=outdated)
        with RpcChain(
            "there", node.url, ledger_number=1, replace_after=0.2, receipt_timeout=20.0
        ) as chain:
            chain._poll = 0.02
            before, wealth = chain.nonce(chain.account(0)), chain.balance(chain.account(1))
            own.set_automine(False)
            first = chain.submit(sender=chain.account(0), to=chain.account(1), value=1)
            # From now on blocks take nothing that pays so little.
            offered = int(own.rpc("eth_getTransactionByHash", first)["maxFeePerGas"], 16)
            with mined_by_hand(own, every=0.05, base_fee=offered * 2):
                raw = chain._wait(chain._waiting[chain.account(0).address][before])
            assert raw["transactionHash"] != first
            assert chain.nonce(chain.account(0)) == before + 1
            assert chain.balance(chain.account(1)) == wealth + 1


def test_a_transaction_that_the_pool_lost_is_handed_over_again(
    anvil: AnvilChain, through: Open
) -> None:
    def drop(request: Request, forward: Forward) -> Any:
        if request["method"] != "eth_sendRawTransaction" or dropped:
            return None
        answer = forward(request)
        dropped.append(anvil.drop(answer["result"]))
        return answer

    dropped: list[bool] = []
    chain, _ = through(answer=drop, replace_after=0.2, receipt_timeout=20.0)
    wealth = chain.balance(chain.account(1))
    with mined_by_hand(anvil, every=0.3):
        assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1
    assert dropped == [True]
    assert chain.balance(chain.account(1)) == wealth + 1


def test_a_gap_before_a_transaction_is_filled_with_what_was_lost(
    anvil: AnvilChain, through: Open
) -> None:
    chain, _ = through()
    wealth = chain.balance(chain.account(1))
    anvil.set_automine(False)
    first = chain.submit(sender=chain.account(0), to=chain.account(1), value=1)
    assert anvil.drop(first)
    second = chain.submit(sender=chain.account(0), to=chain.account(1), value=2)
    anvil.mine()
    anvil.set_automine(True)
    assert chain.receipt(first) is not None
    assert chain.receipt(second) is not None
    assert chain.balance(chain.account(1)) == wealth + 3


def test_another_transaction_in_its_place_is_said(anvil: AnvilChain, through: Open) -> None:
    def overtaken(request: Request, _: Forward) -> Any:
        if request["method"] != "eth_sendRawTransaction":
            return None
        anvil.send(sender=anvil.account(0), to=anvil.account(2), value=7)
        return {"result": "0x" + "ab" * 32}

    chain, _ = through(answer=overtaken, replace_after=0.1, receipt_timeout=20.0)
    with pytest.raises(ChainError, match="another transaction took its place"):
        chain.send(sender=chain.account(0), to=chain.account(1), value=1)


def test_what_may_still_land_is_named(anvil: AnvilChain, through: Open) -> None:
    chain, _ = through(receipt_timeout=0.3)
    anvil.set_automine(False)
    with pytest.raises(ChainError, match=r"0x[0-9a-f]{64}, nonce \d+ of 0x.*it may still land"):
        chain.send(sender=chain.account(0), to=chain.account(1), value=1)
    anvil.set_automine(True)


# --- D: a node's words and habits are its own ----------------------------------------------------


def test_case_07_a_revert_in_nethermind_s_words_is_a_revert(probe: Contract, through: Open) -> None:
    def nethermind(request: Request, forward: Forward) -> Any:
        if request["method"] not in {"eth_estimateGas", "eth_call"}:
            return None
        answer = forward(request)
        if "error" in answer:
            return error(-32015, "VM execution error.", f"Reverted {answer['error']['data']}")
        return answer

    chain, _ = through(answer=nethermind)
    bound, sender = at(chain, probe), chain.account(0)
    with pytest.raises(Revert) as caught:
        bound.fail_with_reason("delivered already", sender=sender)
    assert caught.value.reason == "delivered already"
    with pytest.raises(Revert) as caught:
        bound.check.call(10)
    assert caught.value.reason == "probe: too much"


@pytest.mark.parametrize(
    ("fork", "missing"),
    [
        ("osaka", ()),
        ("shanghai", ("MCOPY", "TSTORE", "TLOAD")),
        ("london", ("PUSH0", "MCOPY", "TSTORE", "TLOAD")),
    ],
)
def test_case_11_opcodes_that_a_ledger_lacks_are_named(fork: str, missing: tuple[str, ...]) -> None:
    with AnvilChain("home", hardfork=fork) as own, RpcChain("there", own.url) as chain:
        assert missing_opcodes(chain) == missing
        assert own.block_number == 0


def test_case_11_nothing_is_sent_if_one_ledger_is_too_old(tmp_path) -> None:
    with (
        AnvilChain("home") as home,
        AnvilChain("remote", 41_002, ledger_number=2, hardfork="shanghai") as remote,
    ):
        chains = {"home": home, "remote": remote}
        path = write_plan(tmp_path, plan_data(chains))
        plan = load_plan(path)
        parties = Finder(path, plan).parties()
        for execute in (False, True):
            with pytest.raises(CheckFailed) as caught:
                deploy(plan, parties, chains, execute=execute)
            assert str(caught.value) == (
                "remote: its EVM lacks MCOPY, TSTORE, TLOAD, which the contracts need (it has to "
                "be at Cancun or later)"
            )
        assert [chain.block_number for chain in chains.values()] == [0, 0]


def test_case_12_a_refusal_with_retry_after_is_waited_for(probe: Contract, through: Open) -> None:
    chain, _ = through(answer=to("eth_call", Refusal(429, b"slow down", retry_after=0.7)))
    start = time.monotonic()
    assert at(chain, probe).totalSupply() == 1_000
    assert 0.7 <= time.monotonic() - start < 5


@pytest.mark.parametrize(
    "busy",
    [
        Refusal(429, b'{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"compute units"}}'),
        Refusal(503, b"<html>"),
        error(-32005, "request rate limited"),
        error(429, "Too Many Requests"),
        error("RATE_LIMITED", "slow down"),
    ],
)
def test_case_12_a_busy_node_is_asked_again(probe: Contract, through: Open, busy: Any) -> None:
    chain, _ = through(answer=to("eth_call", busy, busy))
    assert at(chain, probe).totalSupply() == 1_000


def test_case_12_everything_is_sent_once_through_a_busy_node(through: Open) -> None:
    chain, node = through(Habits(rate_limit=0.2), seed=12)
    before = chain.nonce(chain.account(0))
    for _ in range(10):
        chain.send(sender=chain.account(0), to=chain.account(1), value=1)
    assert chain.nonce(chain.account(0)) == before + 10
    assert node.met["rate_limit"] > 10


def test_case_12_a_node_that_stays_busy_is_said_to_be(anvil: AnvilChain, misbehaving) -> None:
    node = misbehaving(anvil, Habits(rate_limit=1.0, retry_after=600))
    with pytest.raises(RpcError, match="answered HTTP 429, it is busy: slow down") as caught:
        JsonRpc(node.url, patience=1.0)("eth_chainId")
    assert (caught.value.code, caught.value.retry_after) == (429, 600)


NOTHING = {"result": None}
_READS: list[tuple[str, Any, Callable[[RpcChain, Contract], Any]]] = [
    ("eth_getLogs", NOTHING, lambda chain, probe: chain.raw_logs(probe)),
    ("eth_getLogs", {"result": [{}]}, lambda chain, probe: chain.raw_logs(probe)),
    ("eth_call", NOTHING, lambda chain, probe: at(chain, probe).counter()),
    ("eth_call", {"result": 7}, lambda chain, probe: at(chain, probe).counter()),
    ("eth_getBlockByNumber", NOTHING, lambda chain, _: chain.block().hash),
    ("eth_getBlockByNumber", {"result": {"number": "0x1"}}, lambda chain, _: chain.block().hash),
    ("eth_blockNumber", NOTHING, lambda chain, _: chain.block_number),
    ("eth_blockNumber", {"result": "0x"}, lambda chain, _: chain.block_number),
    ("eth_getBalance", NOTHING, lambda chain, _: chain.balance(chain.account(0))),
    ("eth_getCode", NOTHING, lambda chain, probe: chain.code(probe.address)),
    ("eth_getStorageAt", NOTHING, lambda chain, probe: chain.storage(probe.address, 1)),
    ("eth_getTransactionCount", NOTHING, lambda chain, _: chain.nonce(chain.account(0))),
]


@pytest.mark.parametrize(("method", "bad", "read"), _READS)
def test_case_13_nothing_and_half_answers_are_asked_for_again(
    probe: Contract, through: Open, method: str, bad: Any, read: Callable[[Any, Any], Any]
) -> None:
    chain, node = through(answer=to(method, bad))
    assert read(chain, probe) == read(probe.chain, probe)
    node.answer = always(method, bad)
    chain.patience = 0.2
    with pytest.raises(NoAnswer, match=f"{method}"):
        read(chain, probe)


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (error(-32000, "no"), -32000, "no"),
        (error("12", "no"), 12, "no"),
        (error("NO_SUCH", "no"), 0, "NO_SUCH: no"),
        (error(None, "no"), 0, "no"),
        (error({"a": 1}, "no"), 0, "{'a': 1}: no"),
        ({"error": "no"}, 0, "no"),
        ({"error": {}}, 0, ""),
        ({"error": {"code": 3}}, 3, ""),
    ],
)
def test_case_13_codes_of_any_type_are_one_error(
    anvil: AnvilChain, misbehaving, answer: Any, code: int, message: str
) -> None:
    node = misbehaving(anvil, answer=always("eth_gasPrice", answer))
    with pytest.raises(RpcError) as caught:
        JsonRpc(node.url)("eth_gasPrice")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_case_14_the_clock_is_the_chain_s(
    anvil: AnvilChain, through: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, node = through()
    ahead = time.time() + 10**9
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert chain.now == anvil.now
    node.habits = Habits(clock=-1_000)
    assert chain.now == anvil.block().timestamp + 1
    node.answer = always("eth_getBlockByNumber", None)
    node.habits = Habits(clock=40)
    assert chain.now == anvil.now + 40


_NO_METHOD = error(-32601, "the method does not exist/is not available")


@pytest.mark.parametrize(
    "unknown",
    [
        ("eth_maxPriorityFeePerGas",),
        ("eth_maxPriorityFeePerGas", "eth_feeHistory"),
        ("eth_feeHistory", "eth_gasPrice"),
    ],
)
def test_case_17_fees_come_from_whatever_source_there_is(
    through: Open, unknown: tuple[str, ...]
) -> None:
    chain, _ = through(answer=lambda r, _: _NO_METHOD if r["method"] in unknown else None)
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1


def test_case_17_without_a_base_fee_there_is_a_price(through: Open) -> None:
    def before_london(request: Request, forward: Forward) -> Any:
        if request["method"] == "eth_gasPrice":
            return {"result": "0x9"}
        if request["method"] in {"eth_maxPriorityFeePerGas", "eth_feeHistory"}:
            return _NO_METHOD
        if request["method"] != "eth_getBlockByNumber":
            return None
        answer = forward(request)
        answer["result"].pop("baseFeePerGas", None)
        return answer

    chain, _ = through(answer=before_london)
    signed = chain.sign(sender=chain.account(0), to=chain.account(1), value=1)
    assert signed.fields["gasPrice"] == 9
    assert "maxFeePerGas" not in signed.fields
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1


def test_case_30_an_older_anvil_without_newer_methods_will_do(
    anvil: AnvilChain, misbehaving
) -> None:
    older = error(-32601, "Method not found")
    node = misbehaving(anvil, answer=always("eth_sendTransactionSync", older), client=None)
    with connect(node.url, ledger_number=1) as chain:
        assert isinstance(chain, AnvilChain)
        bound = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
        assert bound.increase(sender=chain.account(0)).return_value == 1
        with pytest.raises(Revert, match=r"reverted: no$"):
            bound.fail_with_reason("no", sender=chain.account(0))
    assert node.asked["eth_sendTransactionSync"] == 1


def test_case_31_name_and_password_of_a_url_are_sent(anvil: AnvilChain, misbehaving) -> None:
    wanted = "Basic " + base64.b64encode(b"desk:s3:cr@t").decode()

    def guarded(_: Request, __: Forward) -> Any:
        good = node.headers.get("Authorization") == wanted
        return None if good else Refusal(401, b"Unauthorized")

    node = misbehaving(anvil, answer=guarded)
    with_password = node.url.replace("http://", "http://desk:s3%3Acr%40t@")
    with connect(with_password, ledger_number=1) as chain:
        assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1
    for wrong in (node.url, node.url.replace("http://", "http://desk:other@")):
        with pytest.raises(RpcError) as caught:
            connect(wrong)
        assert str(caught.value) == (
            f"eth_chainId: {node.url} answered HTTP 401, it wants a name and password, or others: "
            "Unauthorized"
        )
    with pytest.raises(ChainError, match=r"no node answers at http://127\.0\.0\.1:9/…:") as refused:
        connect("http://desk:s3cret@127.0.0.1:9/v3/k3y")
    assert "s3cret" not in str(refused.value)


def test_case_33_a_price_that_no_block_shows_is_offered(through: Open) -> None:
    price = 450_000_000_000

    def hedera(request: Request, forward: Forward) -> Any:
        if request["method"] == "eth_maxPriorityFeePerGas":
            return {"result": "0x0"}
        return {"result": hex(price)} if request["method"] == "eth_gasPrice" else None

    chain, _ = through(answer=hedera)
    signed = chain.sign(sender=chain.account(0), to=chain.account(1), value=1)
    assert (signed.fields["maxFeePerGas"], signed.fields["maxPriorityFeePerGas"]) == (price, 0)
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1


def test_case_33_a_price_that_is_refused_is_raised(through: Open) -> None:
    refusal = error(-32009, "Gas price '0' is below configured minimum gas price '9'")
    chain, _ = through(answer=to("eth_sendRawTransaction", refusal, refusal))
    before = chain.nonce(chain.account(0))
    assert chain.send(sender=chain.account(0), to=chain.account(1), value=1).status == 1
    assert chain.nonce(chain.account(0)) == before + 1


# --- all of it -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_plan_is_carried_out_once_on_a_bad_day(tmp_path, misbehaving) -> None:
    """One of two ledgers is behind a node with every habit: each step is sent exactly once."""
    with AnvilChain("home") as home, AnvilChain("remote", 41_002, ledger_number=2) as remote:
        node = misbehaving(remote, MILD, seed=1)
        path = write_plan(tmp_path, plan_data({"home": home, "remote": remote}))
        plan = load_plan(path)
        parties = Finder(path, plan).parties()
        journal = tmp_path / "journal.json"
        with RpcChain("remote", node.url, ledger_number=2) as through:
            chains = {"home": home, "remote": through}
            done = deploy(plan, parties, chains, journal=journal, execute=True)
        assert {step.state for step in done.steps} == {"executed"}
        for name, own in (("home", home), ("remote", remote)):
            steps = [step for step in done.steps if step.ledger == name]
            assert own.nonce(own.account(0)) == len(steps) > 40
        # Through a good node nothing is left to do.
        again = deploy(plan, parties, {"home": home, "remote": remote}, journal=journal)
        assert again.pending == 0
        for habit in ("lag", "rate_limit", "stale_code", "lost_receipts", "drop", "null"):
            assert node.met[habit] > 0, habit


# --- batches -------------------------------------------------------------------------------------


def test_many_calls_go_in_one_request_and_on_one_block(probe: Contract, through: Open) -> None:
    chain, node = through()
    bound = at(chain, probe)
    calls = [(bound, bound.counter.encode())] * 200 + [(bound, bound.check.encode(10))]
    requests = node.http_requests
    *found, refused = chain.call_all(calls)
    assert found == [bytes(32)] * 200
    assert isinstance(refused, Revert)
    assert refused.reason == "probe: too much"
    # The block, and two hundred calls a request.
    assert node.http_requests - requests == 3
    before = chain.block_number
    bound.increase(sender=chain.account(0))
    assert chain.call_all(calls[:1], block=before) == (bytes(32),)
    assert chain.call_all(calls[:1]) == ((1).to_bytes(32, "big"),)


def test_batches_are_split_where_they_are_refused(probe: Contract, through: Open) -> None:
    chain, node = through(Habits(batch=5))
    bound = at(chain, probe)
    calls = [(bound, bound.counter.encode())] * 40
    assert chain.call_all(calls) == (bytes(32),) * 40
    refused, requests = node.met["batch"], node.http_requests
    assert chain.call_all(calls) == (bytes(32),) * 40
    # How many it takes is remembered.
    assert node.met["batch"] == refused
    assert node.http_requests - requests == 1 + 8


@pytest.mark.parametrize(
    "habits", [Habits(drop=0.2), Habits(null=0.2), Habits(rate_limit=0.2), Habits(lag=0.3)]
)
def test_a_batch_is_whole_whatever_the_node_does(
    probe: Contract, through: Open, habits: Habits
) -> None:
    chain, node = through(seed=7)
    bound = at(chain, probe)
    bound.increase(sender=chain.account(0))
    node.habits = habits
    for _ in range(5):
        assert (
            chain.call_all([(bound, bound.counter.encode())] * 8) == ((1).to_bytes(32, "big"),) * 8
        )
    assert node.met.total() > 0


def test_a_connection_that_keeps_breaking_is_said(anvil: AnvilChain, misbehaving) -> None:
    node = misbehaving(anvil, Habits(drop=1.0))
    with pytest.raises(BrokenOff, match="broke off"):
        JsonRpc(node.url, patience=0.3)("eth_chainId")
    assert node.http_requests > 1
