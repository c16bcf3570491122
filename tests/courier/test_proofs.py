"""A courier on lanes that trust a proof of storage: what it shows, proves and delivers, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import Account
from tallystick.courier.courier import Courier
from tallystick.courier.outcome import Outcome, Proved
from tallystick.kit.node import Forward, Request, error
from tallystick.local.network import Network
from tests.courier.test_courier import Killed, let_pass, lock
from tests.courier.test_sending import Nodes, remote_of
from tests.support.commands import connected
from tests.support.proofs import Prover
from tests.support.world import Side, World

QUORUM = (51, 52, 53)


@pytest.fixture(scope="module")
def deployed(module_ledgers: Any) -> World:
    """Some units are on the remote ledger."""
    home, remote = module_ledgers(2)
    world = World({"home": home, "remote": remote}, units={"investor": 10**9})
    world.arrived(1_000)
    return world


@pytest.fixture
def network(deployed: World, ledgers: Any) -> Network:
    ledgers(2)
    return deployed.network


def proving(world: World, source: Side, destination: Side, *, beside: bool = False) -> Prover:
    """The lane's next verifier at the destination, or the second beside a quorum; valid by now."""
    prover = Prover(destination.chain, caip2=source.chain.caip2, escrow=str(source.escrow.address))
    if beside:
        valid_from = world.rotate(destination, destination.verifier, second=prover.verifier)
    else:
        valid_from = world.rotate(destination, prover.verifier)
    destination.chain.set_time(max(valid_from, destination.chain.now + 1))
    destination.chain.mine()
    world.synchronise()
    return prover


def attestors(world: World) -> list[Account]:
    """Those of messages and those of headers."""
    return [*world.network.attestors, *(world.remote.chain.account(index) for index in QUORUM)]


def sent_by(world: World) -> int:
    """Transactions that the courier's account sent on the remote ledger."""
    return int(world.remote.chain.nonce(world.network.signers("remote")["courier"]))


def told(outcomes: Any) -> list[str]:
    """What was said, in order: of messages what, and by nonce; of proofs of which page."""
    return [
        f"{each.what} {each.nonce}" if isinstance(each, Outcome) else f"{each.what} {each.words}"
        for each in outcomes
    ]


def test_without_a_node_that_proves_the_way_back_goes_on(world: World) -> None:
    """On ledgers in a process, which answer no `eth_getProof`."""
    world.arrived(1_000)
    prover = proving(world, world.home, world.remote)
    carrier = Courier(connected(world.network), attestors=attestors(world))
    lock(world.network, 100)
    world.burned(400)
    let_pass(world.network)
    failed, waits, delivered = carrier.step()
    assert isinstance(failed, Proved)
    assert (failed.what, failed.words) == ("failed", "storage")
    assert failed.detail.endswith("proves nothing of its storage")
    assert told([waits, delivered]) == ["waiting 1", "delivered 0"]
    assert waits.detail == "its page is not proven"
    assert world.home.balance(world.home.fund) == 400
    assert not prover.verifier.number_of_page(world.home.escrow.outbox(world.lane, 0))


@pytest.mark.anvil_only
@pytest.mark.requirement("INV-3", "INV-4")
@pytest.mark.parametrize("beside", [False, True])
def test_pages_are_proven_once_and_delivered_in_batches(
    deployed: World, network: Network, beside: bool
) -> None:
    """With a quorum beside it each batch is attested, too: of the page's word before it."""
    world, remote = deployed, deployed.remote
    prover = proving(world, world.home, remote, beside=beside)
    carrier = Courier(connected(network), attestors=attestors(world))
    for amount in range(1, 11):
        lock(network, amount)
    let_pass(network)
    had, before = remote.balance(remote.investor), sent_by(world)
    outcomes = carrier.step()
    header = world.home.chain.block_number - 2
    # Nonce 0 arrived before; the others of its page, and three of the next.
    assert told(outcomes) == [
        f"shown header {header}",
        "proven page 0",
        "proven page 1",
        *(f"delivered {nonce}" for nonce in range(1, 11)),
    ]
    together = [each.together for each in outcomes if isinstance(each, Outcome)]
    assert together == [7] * 7 + [3] * 3
    assert all(each.changed and each.as_dict()["tx"] for each in outcomes)
    assert sent_by(world) == before + 5
    assert remote.balance(remote.investor) == had + sum(range(1, 11))
    # More of a page that was proven: its word is another one now, and its root a later one.
    lock(network, 11)
    let_pass(network)
    assert [each.split()[0] for each in told(carrier.step())] == ["shown", "proven", "delivered"]
    assert carrier.step() == ()
    assert network.status().ok
    assert prover.verifier.number_of_page(world.home.escrow.outbox(world.lane, 1))


@pytest.mark.anvil_only
def test_a_courier_that_starts_anew_uses_what_was_shown_and_proven(
    deployed: World, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = deployed
    prover = proving(world, world.home, world.remote)
    lock(network, 7)
    lock(network, 8)
    let_pass(network)
    original = Courier._deliver

    def killed(*_: Any) -> Any:
        raise Killed

    monkeypatch.setattr(Courier, "_deliver", killed)
    with pytest.raises(Killed):
        Courier(connected(network), attestors=attestors(world)).step()
    monkeypatch.setattr(Courier, "_deliver", original)
    before = sent_by(world)
    # Nothing has to be signed: nobody's key is here.
    carrier = Courier(connected(network), attestors=())
    assert told(carrier.step()) == ["delivered 1", "delivered 2"]
    assert sent_by(world) == before + 1
    # The escrow's storage is another one after this; without keys nobody shows its root.
    lock(network, 9)
    let_pass(network)
    (waits,) = carrier.step()
    assert (waits.what, waits.detail) == ("waiting", "0 of 2 attestor keys of its quorum are here")
    assert told(Courier(connected(network), attestors=attestors(world)).step())[-1] == "delivered 3"
    assert prover.verifier.number_of_page(world.home.escrow.outbox(world.lane, 0))


# --- over nodes, whose blocks come when they are told to ------------------------------------------


@pytest.fixture
def proven(
    deployed: World, network: Network, misbehaving: Any, tmp_path: Path
) -> Iterator[Callable[..., Courier]]:
    """`proven()` -> a courier that was just started; `proven.nodes` are its nodes."""
    proving(deployed, deployed.home, deployed.remote)
    nodes = Nodes(network, misbehaving, tmp_path / "sent.json")

    def started() -> Courier:
        nodes.kill()
        carrier = nodes.courier()
        return Courier(carrier.connection, ledgers=carrier._ledgers, attestors=attestors(deployed))

    started.nodes = nodes  # type: ignore[attr-defined]
    yield started
    nodes.kill()
    remote_of(nodes).set_automine(True)


@pytest.mark.anvil_only
@pytest.mark.requirement("INV-3")
def test_who_is_killed_between_the_steps_of_a_proof_makes_none_twice(
    deployed: World, proven: Any
) -> None:
    world, nodes = deployed, proven.nodes
    lock(world.network, 7)
    lock(world.network, 8)
    let_pass(world.network)
    remote_of(nodes).set_automine(False)
    before = sent_by(world)
    # The header; the page; the batch, and a header of what left meanwhile.
    for count in (1, 1, 2):
        pools = []
        for _ in range(2):
            assert {each.what for each in proven().step()} <= {"waiting", "shown", "proven"}
            pools.append({each["hash"] for each in nodes.waiting()})
            # Meanwhile the source goes on, so that its storage has another root.
            lock(world.network, 1)
            world.home.chain.mine(3)
        assert pools[0] == pools[1]
        assert len(pools[0]) == count
        remote_of(nodes).mine()
        world.network.remote.chain.set_time(world.home.chain.now + 10)
    delivered = [each for each in told(proven().step()) if each.startswith("delivered")]
    assert delivered[:2] == ["delivered 1", "delivered 2"]
    assert sent_by(world) == before + 4


@pytest.mark.anvil_only
def test_what_left_after_a_shown_block_waits_for_another_and_keeps_nothing_back(
    deployed: World, proven: Any
) -> None:
    nodes, remote = proven.nodes, remote_of(proven.nodes)
    for amount in range(1, 8):
        lock(deployed.network, amount)
    let_pass(deployed.network)
    remote.set_automine(False)
    carrier = proven()
    assert told(carrier.step()) == [f"waiting {nonce}" for nonce in range(1, 8)]
    assert len(nodes.waiting()) == 1
    # The first of another page, which the block whose header is shown hasn't got.
    lock(deployed.network, 8)
    let_pass(deployed.network)
    remote.set_automine(True)
    remote.mine()
    first, *others = told(carrier.step())
    assert first.startswith("shown header ")
    delivered = [f"delivered {nonce}" for nonce in range(1, 8)]
    assert others == ["proven page 0", "waiting 8", *delivered]
    assert told(carrier.step())[1:] == ["proven page 1", "delivered 8"]


@pytest.mark.anvil_only
def test_where_the_state_of_a_shown_block_is_forgotten_a_later_one_is_shown(
    deployed: World, proven: Any
) -> None:
    nodes = proven.nodes
    lock(deployed.network, 7)
    let_pass(deployed.network)
    remote_of(nodes).set_automine(False)
    carrier = proven()
    assert told(carrier.step()) == ["waiting 1"]
    remote_of(nodes).mine()
    shown = deployed.home.chain.block_number - 2
    lock(deployed.network, 8)
    let_pass(deployed.network)

    def answer(request: Request, _: Forward) -> Any:
        of_it = request["method"] == "eth_getProof" and request["params"][2] == hex(shown)
        return error(-32000, "missing trie node: state is not available") if of_it else None

    nodes.nodes["home"].answer = answer
    first, *waiting = told(carrier.step())
    assert (first, sorted(waiting)) == (f"shown header {shown}", ["waiting 1", "waiting 2"])
    remote_of(nodes).set_automine(True)
    remote_of(nodes).mine()
    assert told(carrier.step())[1:] == ["proven page 0", "delivered 1", "delivered 2"]
    assert carrier.step() == ()


@pytest.mark.anvil_only
@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("lie", "said_of_it"),
    [
        ("value", "the source's node proves other pages than were logged"),
        ("hash", "the source's node tells two blocks"),
        ("header", "fields of which its hash is made expected"),
    ],
)
def test_nothing_is_signed_of_a_block_of_which_a_node_lies(
    deployed: World, proven: Any, monkeypatch: pytest.MonkeyPatch, lie: str, said_of_it: str
) -> None:
    nodes = proven.nodes
    lock(deployed.network, 7)
    let_pass(deployed.network)

    def answer(request: Request, forward: Forward) -> Any:
        method, params = request["method"], request.get("params", [])
        if lie == "value" and method == "eth_getProof":
            found = forward(request)
            found["result"]["storageProof"][0]["value"] = "0x" + "77" * 32
            return found
        if lie != "value" and method == "eth_getBlockByNumber" and answers.is_set():
            found = forward(request)
            if found.get("result") and params[0] != "latest":
                field = {"hash": "hash", "header": "stateRoot"}[lie]
                found["result"][field] = "0x" + "77" * 32
            return found
        if method == "eth_getProof":
            answers.set()
        return None

    answers = threading.Event()
    nodes.nodes["home"].answer = answer
    monkeypatch.setattr("tallystick.courier.verifiers.attest", lambda *_: pytest.fail("it signed"))
    failed, waits = proven().step()
    assert failed.what == "failed"
    assert said_of_it in failed.detail
    assert (waits.what, waits.detail) == ("waiting", "its page is not proven")


@pytest.mark.anvil_only
@pytest.mark.parametrize(
    ("part", "reason"), [("accountProof", "trie: "), ("storageProof", "trie: "), (None, "archive")]
)
def test_a_proof_that_does_not_hold_is_paid_for_by_nobody(
    deployed: World, proven: Any, part: str | None, reason: str
) -> None:
    """A node that makes one up, or has none: said once a step, and mended as soon as it has."""
    nodes = proven.nodes
    lock(deployed.network, 7)
    let_pass(deployed.network)

    def answer(request: Request, forward: Forward) -> Any:
        if request["method"] != "eth_getProof":
            return None
        if part is None:
            return error(-32000, "missing trie node: archive state is not available")
        found = forward(request)
        proof = found["result"][part]
        nodes_ = proof if part == "accountProof" else proof[0]["proof"]
        nodes_[-1] = nodes_[-1][:-2] + ("00" if nodes_[-1][-2:] != "00" else "01")
        return found

    nodes.nodes["home"].answer = answer
    before, carrier = sent_by(deployed), proven()
    outcomes = carrier.step()
    failed = next(each for each in outcomes if each.what == "failed")
    assert reason in failed.detail
    assert outcomes[-1].detail == "its page is not proven"
    # The root is shown by then, where only the page's proof is wrong.
    assert sent_by(deployed) == before + (part == "storageProof")
    nodes.nodes["home"].answer = None
    assert told(carrier.step())[-1] == "delivered 1"


@pytest.mark.anvil_only
def test_a_node_that_hangs_over_a_proof_stops_its_direction_alone(
    deployed: World, proven: Any
) -> None:
    world, nodes, answers = deployed, proven.nodes, threading.Event()
    lock(world.network, 7)
    world.burned(400, world.home.buyer)
    let_pass(world.network)

    def hang(request: Request, _: Forward) -> Any:
        if request["method"] == "eth_getProof":
            answers.wait(50)
        return None

    nodes.nodes["home"].answer = hang
    carrier = proven()
    home: Any = carrier.connection.chains["home"]
    with home.rpc.within(0.5):
        stopped, delivered = carrier.step()
    answers.set()
    assert (stopped.what, stopped.source) == ("stopped", "home")
    assert "timed out" in stopped.detail
    assert (delivered.what, delivered.source) == ("delivered", "remote")


@pytest.mark.anvil_only
def test_a_header_that_a_quorum_of_others_would_have_to_attest_is_not_shown(
    deployed: World, network: Network
) -> None:
    world = deployed
    proving(world, world.home, world.remote)
    lock(network, 7)
    let_pass(network)
    others = [world.remote.chain.account(index) for index in (54, 55)]
    carrier = Courier(connected(network), attestors=[*others, attestors(world)[-1]])
    (waits,) = carrier.step()
    assert waits.detail == "1 of 2 attestor keys of its quorum are here"
