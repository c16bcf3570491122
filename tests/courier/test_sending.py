"""Nothing that was handed over is forgotten, and a step costs what it must; over JSON-RPC."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.bridge.carrying import Halt
from tallystick.bridge.message import NO_CAP, party
from tallystick.chain import Account
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.rpc import RpcChain, Signed
from tallystick.cli.courier import run as run_courier
from tallystick.courier.courier import Courier, Outcome
from tallystick.errors import InputError
from tallystick.events.courier import BookKeeper, EngineCourier
from tallystick.events.driver import Driver
from tallystick.governance.roles import reason_code
from tallystick.kit.node import Forward, Habits, MisbehavingNode, Request, error
from tallystick.local.network import Network
from tallystick.reach.connection import Connection, connection_of
from tallystick.reach.sending import Ledgers, SentJournal
from tests.courier.test_courier import Killed, let_pass, lock, said
from tests.support.actions import APPLE

pytestmark = pytest.mark.anvil_only

Answer = Callable[[Request, Forward], Any]
IN_POOL = "handed over, in no block yet"


class PromptChain(RpcChain):
    """A node's ledger whose blocks, if they come at once, are there before anybody looks.

    A devnet answers before its block is there; what a courier says in this step or in the next
    would be a matter of luck.
    """

    own: AnvilChain

    def hand_over(self, signed: Signed) -> None:
        super().hand_over(signed)
        until = time.monotonic() + 2.0
        while self.own.automine and time.monotonic() < until:
            if self.own.rpc("eth_getTransactionReceipt", signed.tx_hash) is not None:
                break
            time.sleep(0.001)


class Nodes:
    """The ledgers of a network, each through a node of its own; opened anew as often as wanted."""

    def __init__(self, network: Network, misbehaving: Any, journal: Path) -> None:
        self.network = network
        self.journal = journal
        self.nodes: dict[str, MisbehavingNode] = {
            name: misbehaving(chain) for name, chain in network.chains.items()
        }
        self.opened: list[Any] = []

    def connection(self) -> Connection:
        chains = {}
        for name, node in self.nodes.items():
            own: Any = self.network.chains[name]
            chain = PromptChain(
                name, node.url, ledger_number=own.ledger_number, replace_after=1_000.0
            )
            chain.own = own
            chains[name] = chain
        self.opened += chains.values()
        return connection_of(self.network.manifest, chains)

    def courier(self) -> Courier:
        """One that was just started; whoever was before is gone."""
        kept = SentJournal(self.journal)
        self.opened.append(kept)
        connection = self.connection()
        return Courier(connection, ledgers=Ledgers(connection, journal=kept))

    @staticmethod
    def hurried(carrier: Courier) -> list[tuple[str, str, int, str]]:
        """What a step says in which everything has waited too long."""
        chain: Any = carrier.connection.chains["remote"]
        chain.replace_after = 0.0
        found = said(carrier.step())
        chain.replace_after = 1_000.0
        return found

    def kill(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def waiting(self) -> list[dict[str, Any]]:
        """What waits in the remote ledger's pool, by nonce."""
        remote: Any = self.network.remote.chain
        pool = remote.rpc("txpool_content")["pending"]
        return [each for of_one in pool.values() for _, each in sorted(of_one.items())]

    def kept(self) -> list[Any]:
        data = json.loads(self.journal.read_text())
        return list(data["ledgers"]["remote"]["transactions"])


@pytest.fixture
def nodes(network: Network, misbehaving: Any, tmp_path: Path) -> Iterator[Nodes]:
    """The remote ledger's blocks come when they are told to."""
    found = Nodes(network, misbehaving, tmp_path / "sent.json")
    remote: Any = network.remote.chain
    remote.set_automine(False)
    yield found
    found.kill()
    remote.set_automine(True)


def remote_of(nodes: Nodes) -> AnvilChain:
    chain = nodes.network.remote.chain
    assert isinstance(chain, AnvilChain)
    return chain


def to_carry(nodes: Nodes, *amounts: int) -> None:
    for amount in amounts:
        lock(nodes.network, amount)
    # `now` asks for a pending block, which a ledger that mines by hand has at any time.
    let_pass(nodes.network)


def payer(nodes: Nodes) -> Account:
    return nodes.network.signers("remote")["courier"]


@pytest.mark.requirement("INV-3")
def test_who_is_killed_with_transactions_in_the_pool_sends_no_second_ones(nodes: Nodes) -> None:
    to_carry(nodes, 1, 2, 3)
    before = remote_of(nodes).nonce(payer(nodes))
    assert said(nodes.courier().step()) == [("waiting", "home", n, IN_POOL) for n in range(3)]
    first = {each["hash"] for each in nodes.waiting()}
    assert len(first) == 1
    for _ in range(2):
        nodes.kill()
        carrier = nodes.courier()
        assert said(carrier.step()) == [("waiting", "home", n, IN_POOL) for n in range(3)]
        assert {each["hash"] for each in nodes.waiting()} == first
    remote_of(nodes).mine()
    assert said(carrier.step()) == [("delivered", "home", n, "") for n in range(3)]
    assert carrier.step() == ()
    assert remote_of(nodes).nonce(payer(nodes)) == before + 1
    # Final, it is kept no longer.
    (kept,) = nodes.kept()
    assert len(kept["about"].split()) == 3
    remote_of(nodes).mine(3)
    assert carrier.step() == ()
    assert nodes.kept() == []


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("taken", [True, False])
def test_who_is_killed_while_handing_over_hands_over_the_same(nodes: Nodes, taken: bool) -> None:
    to_carry(nodes, 7)
    carrier, raws = nodes.courier(), list[str]()

    def answer(request: Request, forward: Forward) -> Any:
        if request["method"] == "eth_sendRawTransaction":
            raws.append(request["params"][0])
        return None

    nodes.nodes["remote"].answer = answer
    chain: Any = carrier.connection.chains["remote"]
    real = chain.rpc._post

    def killed(payload: Any) -> Any:
        if isinstance(payload, dict) and payload["method"] == "eth_sendRawTransaction":
            if taken:
                real(payload)
            raise Killed
        return real(payload)

    chain.rpc._post = killed
    with pytest.raises(Killed):
        carrier.step()
    assert len(nodes.kept()) == 1
    assert len(nodes.waiting()) == taken
    nodes.kill()
    carrier = nodes.courier()
    assert said(carrier.step()) == [("waiting", "home", 0, IN_POOL)]
    assert len(set(raws)) == 1
    assert len(nodes.waiting()) == 1
    remote_of(nodes).mine()
    assert said(carrier.step()) == [("delivered", "home", 0, "")]


def test_what_a_pool_has_lost_is_handed_over_once_more_and_pushed_at_a_higher_fee(
    nodes: Nodes,
) -> None:
    to_carry(nodes, 7)
    carrier = nodes.courier()
    before = remote_of(nodes).nonce(payer(nodes))
    carrier.step()
    (first,) = nodes.waiting()
    remote_of(nodes).drop(first["hash"])
    assert nodes.waiting() == []
    assert nodes.hurried(carrier) == [("waiting", "home", 0, IN_POOL)]
    assert [each["hash"] for each in nodes.waiting()] == [first["hash"]]
    # Nothing is lost now, but it takes too long.
    assert nodes.hurried(carrier) == [("waiting", "home", 0, IN_POOL)]
    (second,) = nodes.waiting()
    assert (second["nonce"], second["input"]) == (first["nonce"], first["input"])
    assert second["hash"] != first["hash"]
    assert int(second["maxFeePerGas"], 16) > int(first["maxFeePerGas"], 16)
    (kept,) = nodes.kept()
    assert len(kept["tries"]) == 2
    remote_of(nodes).mine()
    ((outcome),) = carrier.step()
    assert (outcome.what, outcome.tx_hash) == ("delivered", second["hash"])
    assert remote_of(nodes).nonce(payer(nodes)) == before + 1


def test_a_receipt_that_is_lost_for_a_while_makes_no_second_delivery(nodes: Nodes) -> None:
    to_carry(nodes, 7)
    remote_of(nodes).set_automine(True)
    before = remote_of(nodes).nonce(payer(nodes))
    nodes.nodes["remote"].habits = Habits(lost_receipts=1.0)
    carrier = nodes.courier()
    found = [said(carrier.step()) for _ in range(4)]
    assert found[0] == [("waiting", "home", 0, IN_POOL)]
    assert found[-1] == [("delivered", "home", 0, "")]
    assert remote_of(nodes).nonce(payer(nodes)) == before + 1


def test_a_nonce_that_another_took_is_let_go_once_that_is_final(nodes: Nodes) -> None:
    to_carry(nodes, 7)
    carrier, remote = nodes.courier(), remote_of(nodes)
    carrier.step()
    (first,) = nodes.waiting()
    remote.drop(first["hash"])
    remote.submit(sender=payer(nodes), to=payer(nodes).address)
    remote.mine()
    # It may come back with the blocks that go: nothing is sent yet.
    assert nodes.hurried(carrier) == [("waiting", "home", 0, IN_POOL)]
    assert nodes.waiting() == []
    remote.mine(3)
    for _ in range(8):
        nodes.hurried(carrier)
    (second,) = nodes.waiting()
    assert int(second["nonce"], 16) == int(first["nonce"], 16) + 1
    remote.mine()
    assert said(carrier.step()) == [("delivered", "home", 0, "")]


def test_a_block_that_is_taken_back_is_waited_for_again(nodes: Nodes) -> None:
    to_carry(nodes, 7)
    carrier, remote = nodes.courier(), remote_of(nodes)
    carrier.step()
    remote.mine()
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    remote.reorg(1)
    assert said(carrier.step()) == [("waiting", "home", 0, IN_POOL)]
    (again,) = nodes.waiting()
    remote.mine()
    ((outcome),) = carrier.step()
    assert (outcome.what, outcome.tx_hash) == ("delivered", again["hash"])


@pytest.mark.requirement("INV-3")
def test_each_message_of_a_batch_that_fails_in_its_block_is_told_once_and_goes_later(
    nodes: Nodes,
) -> None:
    to_carry(nodes, 7, 8)
    carrier, remote, escrow = nodes.courier(), remote_of(nodes), nodes.network.remote.escrow
    assert [each.what for each in carrier.step()] == ["waiting"] * 2
    (batch,) = nodes.waiting()
    remote.drop(batch["hash"])
    remote.set_automine(True)
    stated = (reason_code("HALT"), b"\1" * 32)
    lane = nodes.network.lane
    escrow.pause_lane(lane, 2, *stated, sender=nodes.network.party("remote", "guardian"))
    remote.set_automine(False)
    # It was handed over before: the same once more, though it would fail by now.
    assert [each[3] for each in nodes.hurried(carrier)] == [IN_POOL] * 2
    remote.mine()
    why = "lanes: inbound paused"
    assert said(carrier.step()) == [("waiting", "home", nonce, why) for nonce in range(2)]
    why = "inbound is paused on the lane"
    assert said(carrier.step()) == [("waiting", "home", nonce, why) for nonce in range(2)]
    remote.set_automine(True)
    lifting = nodes.network.administrators("remote")[0]
    escrow.unpause_lane(lane, 2, *stated, sender=lifting)
    remote.advance(86_401)
    remote.mine()
    assert said(carrier.step()) == [("delivered", "home", nonce, "") for nonce in range(2)]


def test_one_process_has_a_journal(nodes: Nodes, tmp_path: Path) -> None:
    to_carry(nodes, 7)
    nodes.courier().step()
    second = nodes.courier()
    # On a busy machine a node may keep it waiting first.
    halts = [each for _ in range(3) for each in second.step() if isinstance(each, Halt)]
    taken = "expected a file of its own: another courier has this one"
    assert {each.what for each in halts if taken in each.detail} == {"stopped"}
    other = tmp_path / "other.json"
    other.write_text('{"schema": "tallystick.plan/1"}')
    with pytest.raises(InputError, match=r"expected tallystick\.sent/1"):
        SentJournal(other).ledger("remote", RpcChain("remote", nodes.nodes["remote"].url))


def test_once_waits_for_the_blocks_of_what_it_handed_over(nodes: Nodes) -> None:
    to_carry(nodes, 7)
    reported: list[Any] = []
    assert run_courier(
        [nodes.courier()], reported.append, lambda: remote_of(nodes).mine(), once=True
    )
    assert [each.what for each in reported] == ["waiting", "delivered"]


def test_an_empty_account_stops_its_direction_alone_and_is_said_with_what_it_lacks(
    nodes: Nodes,
) -> None:
    network = nodes.network
    to_carry(nodes, 7)
    carrier, remote = nodes.courier(), remote_of(nodes)
    assert [each[0] for each in said(carrier.step())] == ["waiting"]
    remote.mine()
    assert [each[0] for each in said(carrier.step())] == ["delivered"]
    remote.set_automine(True)
    network.burn(network.holder("remote", 0), network.holder("home", 1).address, 3)
    to_carry(nodes, 8)
    lacking = error(-32000, "insufficient funds for gas * price + value: have 0 want 5")

    def answer(request: Request, _: Forward) -> Any:
        return lacking if request["method"] == "eth_sendRawTransaction" else None

    nodes.nodes["remote"].answer = answer
    remote.set_balance(payer(nodes), 5 * 10**12)
    found = {each.source: each for each in carrier.step()}
    assert found["remote"].what == "delivered"
    halt = found["home"]
    assert halt.what == "stopped"
    assert halt.detail.startswith(
        f"{payer(nodes).address} on remote has 0.000005 of the ledger's money: a transaction may "
        "take up to "
    )
    nodes.nodes["remote"].answer = None
    remote.set_balance(payer(nodes), 10**20)
    assert [each[0] for each in said(carrier.step())] == ["delivered"]


def test_a_node_that_hangs_keeps_others_waiting_for_seconds_and_no_minute(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.reach.sending._ANSWER", 0.5)
    carrier = nodes.courier()
    to_carry(nodes, 1)
    answers = threading.Event()

    def hang(*_: Any) -> None:
        answers.wait(50)

    nodes.nodes["remote"].answer = hang
    began = time.monotonic()
    halts = carrier.step()
    took = time.monotonic() - began
    answers.set()
    assert [each.what for each in halts] == ["stopped", "stopped"]
    assert all("timed out" in each.detail for each in halts)
    assert took < 10
    # What is no small question has the whole time again.
    remote: Any = carrier.connection.chains["remote"]
    assert remote.rpc.timeout == 60.0
    time.sleep(2 * took)
    assert [(what, detail) for what, _, _, detail in said(carrier.step())] == [("waiting", IN_POOL)]


# --- what a transaction names beforehand ----------------------------------------------------------


def test_a_delivery_names_what_it_will_touch_and_takes_a_hundred_gas_less_for_each(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the escrow, which is called, and so costs nothing to touch."""
    remote = remote_of(nodes)
    remote.set_automine(True)
    to_carry(nodes, 1)
    assert [each.what for each in nodes.courier().step()] == ["delivered"]
    to_carry(nodes, 2)
    found = list[tuple[int, list[Any]]]()
    for named in (True, False):
        nodes.kill()
        nodes.journal.unlink()
        if not named:
            monkeypatch.setattr(RpcChain, "access_list", lambda *_, **__: [])
        with remote.isolated():
            (outcome,) = nodes.courier().step()
            assert isinstance(outcome, Outcome)
            assert outcome.what == "delivered"
            sent = remote.rpc("eth_getTransactionByHash", outcome.tx_hash)
            found.append((outcome.gas_used, sent.get("accessList") or []))
    (less, listed), (more, nothing) = found
    escrow = str(nodes.network.remote.escrow.address)
    assert escrow.lower() not in {each["address"].lower() for each in listed}
    assert nothing == []
    assert more - less == 100 * sum(1 + len(each["storageKeys"]) for each in listed)
    assert more - less >= 800


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        (error(-32601, "the method eth_createAccessList does not exist"), None),
        (error(3, "execution reverted"), None),
        ({"result": None}, None),
        ({"result": {"accessList": [{"address": "0x12", "storageKeys": []}]}}, None),
        ({"result": {"error": "execution reverted", "accessList": [{}]}}, None),
        # The called account has to pay for itself, by what each of its slots takes less.
        (24, None),
        (25, 25),
    ],
)
def test_what_does_not_save_gas_or_is_not_told_is_not_named(
    nodes: Nodes, answer: Any, keys: int | None
) -> None:
    escrow = nodes.network.remote.escrow

    def told(request: Request, _: Forward) -> Any:
        if request["method"] != "eth_createAccessList":
            return None
        if not isinstance(answer, int):
            return answer
        slots = ["0x" + f"{slot:064x}" for slot in range(answer)]
        listed = [{"address": str(escrow.address).lower(), "storageKeys": slots}]
        return {"result": {"gasUsed": "0x1", "accessList": listed}}

    nodes.nodes["remote"].answer = told
    chain: Any = nodes.connection().chains["remote"]
    data = escrow.lane_state.encode(nodes.network.lane)
    found = chain.access_list(sender=payer(nodes), to=escrow, data=data)
    assert [len(each["storageKeys"]) for each in found] == ([] if keys is None else [keys])
    if keys is None:
        to_carry(nodes, 7)
        assert said(nodes.courier().step()) == [("waiting", "home", 0, IN_POOL)]
        assert [each["accessList"] for each in nodes.waiting()] == [[]]


# --- what a step costs ---------------------------------------------------------------------------

WAITING = 500
MOST = 30


def many(nodes: Nodes, recipient: Any) -> None:
    """So many messages wait for one recipient on the remote ledger."""
    network = nodes.network
    home, holder = network.home, network.holder("home", 0)
    chain: Any = home.chain
    custody = home.custodies[network.lane]
    data = custody.lock.encode(network.lane, party(str(recipient)), 1, chain.now + 86_400)
    chain.set_automine(False)
    for _ in range(WAITING):
        chain.submit(sender=holder, to=custody.address, data=data, gas=400_000)
        if len(chain.rpc("txpool_content")["pending"]) > 100:
            chain.mine()
    while int(home.escrow.lane_state(network.lane).sent) < WAITING:
        chain.mine()
    chain.set_automine(True)
    remote_of(nodes).set_automine(True)
    let_pass(network)


def test_a_waiting_step_costs_at_most_30_requests_a_direction_however_many_wait(
    nodes: Nodes,
) -> None:
    network, remote = nodes.network, nodes.network.remote
    many(nodes, network.holder("remote", 0))
    stated = (reason_code("HALT"), b"\1" * 32)
    guardian, administrator = network.party("remote", "guardian"), network.administrators("remote")
    verifier = str(remote.escrow.lane_state(network.lane).terms.verifier)

    def no_room() -> None:
        terms = (network.lane, verifier, "0x" + "00" * 20, 0, NO_CAP, *stated)
        operator = network.party("remote", "operator")
        remote.escrow.propose_lane_terms(*terms, sender=operator)
        remote.escrow.confirm_lane_terms(*terms, sender=administrator[0])
        remote.chain.set_time(int(remote.escrow.pending_lane_terms(network.lane).applies_from))
        remote.escrow.apply_lane_terms(network.lane, sender=operator)

    def early(request: Request, forward: Forward) -> Any:
        """The remote ledger's next block is dated before all of them."""
        found = forward(request) if request["method"] == "eth_getBlockByNumber" else None
        if found and found.get("result"):
            found["result"]["timestamp"] = hex(1_750_000_000)
        return found

    for why, detail, waiting, attestors, answer, act in (
        ("no keys", "0 of 2 attestor keys are here", WAITING, (), None, lambda: None),
        ("clock", "the destination's clock is ", WAITING, None, early, lambda: None),
        # So many are tried in a step, at once.
        ("no room", "lanes: cap reached", 100, None, None, no_room),
        (
            "paused",
            "inbound is paused on the lane",
            WAITING,
            None,
            None,
            lambda: remote.escrow.pause_lane(network.lane, 2, *stated, sender=guardian),
        ),
    ):
        act()
        nodes.nodes["remote"].answer = answer
        carrier = Courier(nodes.connection(), attestors=attestors)
        carrier.step()
        before = sum(node.http_requests for node in nodes.nodes.values())
        found = said(carrier.step())
        spent = sum(node.http_requests for node in nodes.nodes.values()) - before
        assert {each[0] for each in found} == {"waiting"}, why
        assert len(found) == waiting
        assert all(each[3].startswith(detail) for each in found)
        print(f"{why}: {WAITING} messages wait, {spent} HTTP requests in two directions")
        assert spent <= MOST * 2


EVENTS = 120


def announced(nodes: Nodes, count: int) -> None:
    """So many events of one record day are told to the remote ledger, and final."""
    connection, home = nodes.network.connection, nodes.network.home
    today = int(home.token.business_day())
    days = {"announced": 0, "ex": 5, "record_day": 6, "figures_by": 9}
    days |= {"payment_day": 9, "relief_until": 9, "expires": 1_105}
    dated = replace(APPLE, **{name: today + later for name, later in days.items()})
    for number in range(count):
        record = replace(dated, corp=f"TALLY-{number:04}", coaf=f"US-2020-DVCA-{number:04}")
        driver = Driver(connection, record)
        for step in (*driver.announce(), *driver.confirm()):
            assert step.state == "executed"
    let_pass(nodes.network)


def each_day(nodes: Nodes) -> None:
    """Each day's close is asked for, and that of yesterday was not told."""
    network = nodes.network
    stated = (reason_code("EACH"), b"\1" * 32)
    remote_of(nodes).set_automine(True)
    for name, side in (("home", network.home), ("remote", network.remote)):
        engine = network.connection.contract(name, "ActionsEngine")
        engine.propose_daily(True, *stated, sender=network.party(name, "operator"))
        side.chain.advance(86_401)
        engine.set_daily(True, *stated, sender=network.administrators(name)[0])
        side.chain.advance(2 * 86_400)
    remote_of(nodes).set_automine(False)
    let_pass(network)


def test_with_what_engines_tell_a_waiting_step_costs_as_little(nodes: Nodes) -> None:
    announced(nodes, EVENTS)
    each_day(nodes)
    full = "others of its account wait for their blocks"
    nodes.network.home.chain.set_balance(payer(nodes), 10**20)
    for why, mnemonic, details, told in (
        ("no keys", None, {"0 of 2 message-attestor keys are here": EVENTS}, [IN_POOL]),
        ("no room", nodes.network.connection.mnemonic, {IN_POOL: 15, full: EVENTS - 15}, []),
    ):
        to_carry(nodes, 1)
        connection = replace(nodes.connection(), mnemonic=mnemonic)
        ledgers = Ledgers(connection, payer(nodes))
        carriers: list[Any] = [
            Courier(connection, ledgers=ledgers, attestors=nodes.network.attestors),
            EngineCourier(connection, account=payer(nodes), ledgers=ledgers),
            BookKeeper(connection, account=payer(nodes), ledgers=ledgers),
        ]
        # What can go goes: figures to home, where blocks come at once.
        for carrier in carriers * 2:
            list(carrier.carry())
        before = [node.http_requests for node in nodes.nodes.values()]
        lanes, engines, books = (list(carrier.carry()) for carrier in carriers)
        spent = [
            node.http_requests - had for node, had in zip(nodes.nodes.values(), before, strict=True)
        ]
        print(f"{why}: {EVENTS} messages of engines wait, {spent} HTTP requests at the ledgers")
        assert [each.detail for each in lanes] == [IN_POOL]
        assert Counter(each.detail for each in engines) == details
        assert [each.detail for each in books] == told
        assert sum(spent) <= MOST * 2
