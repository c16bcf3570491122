"""Logs are compared with what ledgers keep; what is wrong at one direction stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tallystick.bridge.carrying import Halt
from tallystick.bridge.message import NO_CAP, party
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Chain, ChainError, RawLog, UnknownBlock
from tallystick.chain.embedded import EmbeddedChain
from tallystick.cli.courier import reporter
from tallystick.cli.courier import run as run_courier
from tallystick.courier.courier import Courier
from tallystick.files.instrument import load_instrument
from tallystick.governance.roles import reason_code
from tallystick.local.devnet import populate, with_ledgers
from tallystick.local.network import Network
from tests.courier.test_courier import let_pass, lock, said
from tests.support.commands import APPLE, connected

_MISSING = "asked for again"


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`cut(chain, keep)`: of a ledger's logs only those come that `keep` says; all if None."""
    kept: dict[int, Callable[[RawLog], bool] | None] = {}
    real = EmbeddedChain.raw_logs

    def raw_logs(self: Chain, *arguments: Any, **more: Any) -> tuple[RawLog, ...]:
        keep = kept.get(id(self))
        found = real(self, *arguments, **more)  # type: ignore[arg-type]
        return found if keep is None else tuple(filter(keep, found))

    monkeypatch.setattr(EmbeddedChain, "raw_logs", raw_logs)

    def set_keep(chain: Chain, keep: Callable[[RawLog], bool] | None) -> None:
        kept[id(chain)] = keep

    return set_keep


def _nothing(_: RawLog) -> bool:
    return False


# --- logs are not believed before they add up ----------------------------------------------------


@pytest.mark.requirement("INV-3", "INV-4")
def test_case_01_what_a_node_leaves_out_of_its_logs_is_asked_for_again(
    network: Network, cut: Callable[..., None]
) -> None:
    carrier = Courier(connected(network))
    lock(network, 100)
    let_pass(network)
    cut(network.home.chain, _nothing)
    for _ in range(3):
        let_pass(network)
        assert said(carrier.step()) == [
            ("incomplete", "home", -1, f"home logged 0 of 1 messages sent: {_MISSING}")
        ]
    cut(network.home.chain, None)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    assert carrier.step() == ()


@pytest.mark.requirement("INV-4")
def test_what_a_node_says_once_less_than_it_said_is_not_the_truth_yet(
    network: Network, cut: Callable[..., None]
) -> None:
    carrier, first = Courier(connected(network)), iter([False])
    lock(network, 100)
    sent = network.home.chain.block_number
    let_pass(network)
    cut(network.home.chain, lambda log: log.block_number != sent or next(first, True))
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    assert list(first) == []


@pytest.mark.requirement("INV-4")
def test_a_state_of_the_block_that_is_being_mined_is_not_the_last_block_s(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As anvil answers about its last block while it executes the next one."""
    carrier, real = Courier(connected(network)), EmbeddedChain.ask
    lock(network, 100)
    let_pass(network)

    def ask(self: EmbeddedChain, *arguments: Any, **more: Any) -> Any:
        if self is not network.home.chain or not more.get("block"):
            return real(self, *arguments, **more)
        monkeypatch.undo()
        lock(network, 50)
        return real(self, *arguments)

    monkeypatch.setattr(EmbeddedChain, "ask", ask)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    assert EmbeddedChain.ask is real


@pytest.mark.requirement("INV-4")
def test_of_incomplete_logs_the_whole_pages_are_carried_meanwhile(
    network: Network, cut: Callable[..., None]
) -> None:
    """What the outbox keeps of a page proves nothing of it while one of its logs is missing."""
    carrier = Courier(connected(network))
    lock(network, 100)
    first = network.home.chain.block_number
    for _ in range(PAGE):
        lock(network, 50)
    let_pass(network)
    cut(network.home.chain, lambda log: log.block_number != first)
    missing = f"home logged {PAGE} of {PAGE + 1} messages sent: {_MISSING}"
    untold = "logs of its page of the outbox are missing"
    found = said(carrier.step())
    assert found[0] == ("incomplete", "home", -1, missing)
    assert sorted(found[1:], key=lambda each: each[2]) == [
        *(("waiting", "home", nonce, untold) for nonce in range(1, PAGE)),
        ("delivered", "home", PAGE, ""),
    ]
    let_pass(network)
    cut(network.home.chain, None)
    assert said(carrier.step()) == [("delivered", "home", nonce, "") for nonce in range(PAGE)]
    assert network.remote.token.balanceOf(network.holder("remote", 0)) == 100 + 50 * PAGE


@pytest.mark.requirement("INV-3")
def test_arrivals_that_a_node_leaves_out_are_not_delivered_again(
    network: Network, cut: Callable[..., None]
) -> None:
    lock(network, 100)
    let_pass(network)
    assert said(Courier(connected(network)).step()) == [("delivered", "home", 0, "")]
    let_pass(network)
    cut(network.remote.chain, _nothing)
    fresh, nonce = Courier(connected(network)), network.remote.chain.nonce(_courier(network))
    assert said(fresh.step()) == [
        ("incomplete", "remote", -1, f"remote logged 0 of 100 units that arrived: {_MISSING}")
    ]
    assert network.remote.chain.nonce(_courier(network)) == nonce
    cut(network.remote.chain, None)
    assert fresh.step() == ()


def test_suspense_that_a_node_leaves_out_is_missed(
    network: Network, cut: Callable[..., None]
) -> None:
    stranger = network.holder("remote", 5)
    lock(network, 100, stranger)
    let_pass(network)
    carrier = Courier(connected(network))
    assert [each[0] for each in said(carrier.step())] == ["suspended"]
    network.admit(network.remote, stranger, 40_000)
    assert [each[0] for each in said(carrier.step())] == ["claimed"]
    claimed = network.remote.chain.block_number
    let_pass(network)
    cut(network.remote.chain, lambda log: log.block_number != claimed)
    ((what, source, _, detail), *_) = said(carrier.step())[-1:]
    assert (what, source) == ("incomplete", "remote")
    assert detail == f"remote logged 100 of 0 units in suspense: {_MISSING}"


def _courier(network: Network) -> Any:
    return network.signers("remote")["courier"]


# --- each direction on its own -------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_deployed() -> Network:
    names = ("home", "remote", "remote-2")
    instrument = with_ledgers(APPLE, load_instrument(APPLE), len(names))
    chains: dict[str, Chain] = {
        name: EmbeddedChain(name, 41_001 + at, ledger_number=1 + at)
        for at, name in enumerate(names)
    }
    network = Network.deploy(instrument, chains)
    populate(network, instrument)
    for remote in names[1:]:
        network.admit(network.suite(remote), chains[remote].account(60), 40_000)
    settled(network)
    return network


@pytest.fixture
def three(three_deployed: Network) -> Iterator[Network]:
    """Home and two others, a message under way to each of them."""
    taken = {chain: chain.snapshot() for chain in three_deployed.chains.values()}
    for lane in three_deployed.manifest.lanes:
        home, holder = three_deployed.home, three_deployed.holder("home", 0)
        to = three_deployed.chains[lane.remote].account(60)
        later = home.chain.now + 86_400
        home.custodies[lane.id_bytes].lock(
            lane.id_bytes, party(to.address), 100, later, sender=holder
        )
    settled(three_deployed)
    yield three_deployed
    for chain, snapshot in taken.items():
        chain.restore(snapshot)


def settled(network: Network) -> None:
    latest = max(chain.now for chain in network.chains.values()) + 1
    for chain in network.chains.values():
        chain.set_time(latest)
        chain.mine(3)


def ways(outcomes: tuple[Any, ...]) -> list[tuple[str, str, str]]:
    return sorted((o.what, o.source, o.destination) for o in outcomes if o.what != "waiting")


STOPPED = [("stopped", "home", "remote"), ("stopped", "remote", "home")]


@pytest.mark.parametrize(
    ("trouble", "detail", "foreseen"),
    [
        (ChainError("no node answers"), "no node answers", True),
        (UnknownBlock("remote has no block 7"), "remote has no block 7", True),
        (KeyError("result"), "KeyError: 'result'", False),
    ],
)
def test_case_02_one_ledger_stops_its_own_lanes_alone(
    three: Network, monkeypatch: pytest.MonkeyPatch, trouble: Any, detail: str, foreseen: bool
) -> None:
    carrier, remote = Courier(connected(three)), three.chains["remote"]

    def block(*_: Any) -> Any:
        raise trouble

    with monkeypatch.context() as down:
        down.setattr(remote, "block", block)
        found = carrier.step()
        expected = [("delivered", "home", "remote-2"), *STOPPED]
        assert ways(found) == expected
        for each in found:
            if isinstance(each, Halt):
                assert each.detail == detail
                assert (each.error is None) == foreseen
    assert ways(carrier.step()) == [("delivered", "home", "remote")]


def test_each_change_of_a_direction_is_said_once(
    three: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = three.chains["remote"]
    real = remote.block
    monkeypatch.setattr("tallystick.reach.sending.time.monotonic", lambda: 0.0)
    troubles: list[Any] = [
        KeyError("a"),
        KeyError("a"),
        ChainError("12 away"),
        ChainError("9 away"),
    ]

    def block(*arguments: Any) -> Any:
        if troubles:
            raise troubles[0]
        return real(*arguments)

    monkeypatch.setattr(remote, "block", block)
    rounds = iter(range(6))

    def pause() -> None:
        if troubles:
            del troubles[0]
        next(rounds)

    # Whoever comes upon it: units' couriers here, engines' and books' elsewhere.
    carriers = [Courier(connected(three)) for _ in range(2)]
    with pytest.raises(StopIteration):
        run_courier(carriers, reporter(as_json=False), pause)
    out, error = capsys.readouterr()
    assert [" ".join(line.split()[:4]) for line in out.splitlines()] == [
        "delivered home to remote-2",
        "delivered home to remote",
    ]
    # What nobody foresaw, whole; and what it stopped, each way.
    assert error.count("Traceback") == 2
    assert [line for line in error.splitlines() if line.startswith(("stopped", "resumed"))] == [
        "stopped home to remote lane: KeyError: 'a'",
        "stopped remote to home lane: KeyError: 'a'",
        "stopped home to remote lane: 12 away",
        "stopped remote to home lane: 12 away",
        "resumed home to remote lane",
        "resumed remote to home lane",
    ]


def test_a_ledger_that_keeps_others_waiting_is_let_alone_for_twice_as_long(
    three: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier, remote, asked = Courier(connected(three)), three.chains["remote"], []
    clock = [100.0]
    for module in ("tallystick.reach.sending", "tallystick.courier.courier"):
        monkeypatch.setattr(f"{module}.time.monotonic", lambda: clock[0])

    def block(*_: Any) -> Any:
        asked.append(clock[0])
        clock[0] += 5
        raise ChainError("timed out")

    monkeypatch.setattr(remote, "block", block)
    for _ in range(30):
        assert [way for way in ways(carrier.step()) if way[0] == "stopped"] == STOPPED
        clock[0] += 1
    assert asked == [100.0, 115.0, 130.0]


def test_too_early_is_waiting_and_no_failure(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock that a node tells of its next block may be wrong; the contract's is not."""
    carrier = Courier(connected(network))
    home, remote = network.home.chain, network.remote.chain
    home.set_time(remote.now + 500)
    for amount in (1, 2):
        lock(network, amount)
    home.mine(3)
    wrong = property(lambda self: len(self._times) + 10**10)
    with monkeypatch.context() as clock:
        clock.setattr(EmbeddedChain, "now", wrong)
        late = "transit: before its lock time"
        assert said(carrier.step()) == [("waiting", "home", n, late) for n in (0, 1)]
    remote.set_time(home.now + 500)
    assert said(carrier.step()) == [("delivered", "home", n, "") for n in (0, 1)]


def test_a_suspended_lane_is_waited_for(network: Network) -> None:
    carrier = Courier(connected(network))
    lock(network, 100)
    let_pass(network)
    remote = network.remote
    word = remote.escrow.artifact.layout["storage_layout"]["lanes"]["_terms"]["slot"]
    from tallystick.chain.abi import encode, keccak

    slot = keccak(encode(["uint256", "bytes32"], [word, network.lane]))
    before = int.from_bytes(remote.chain.storage(remote.escrow.address, slot), "big")
    remote.chain.set_storage(remote.escrow.address, slot, before | 1 << 163)
    assert said(carrier.step()) == [("waiting", "home", 0, "lanes: suspended")]
    remote.chain.set_storage(remote.escrow.address, slot, before)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]


def test_what_waits_keeps_nothing_behind_it_waiting(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More messages than are tried in one step revert; one behind them goes in the next."""
    monkeypatch.setattr("tallystick.courier.courier._TRIES", 2)
    carrier = Courier(connected(network))
    for amount in (600, 600, 600, 1):
        lock(network, amount)
    let_pass(network)
    remote = network.remote
    operator, administrator = (
        network.party("remote", "operator"),
        network.administrators("remote")[0],
    )
    why = (reason_code("HALT"), b"\1" * 32)
    verifier = str(remote.escrow.lane_state(network.lane).terms.verifier)
    terms = (network.lane, verifier, "0x" + "00" * 20, 0, NO_CAP, *why)
    remote.escrow.propose_lane_terms(*terms, sender=operator)
    remote.escrow.confirm_lane_terms(*terms, sender=administrator)
    remote.chain.set_time(int(remote.escrow.pending_lane_terms(network.lane).applies_from))
    remote.escrow.apply_lane_terms(network.lane, sender=operator)
    tried = [[each[2] for each in said(carrier.step())] for _ in range(4)]
    assert tried == [[0, 1], [2, 3], [0, 1], [2, 3]]


def test_of_many_in_suspense_some_are_asked_about_in_turn(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.courier.courier._ASKED", 1)
    carrier, strangers = Courier(connected(network)), [network.holder("remote", n) for n in (5, 6)]
    for stranger in strangers:
        lock(network, 100, stranger)
    let_pass(network)
    assert [each[0] for each in said(carrier.step())] == ["suspended"] * 2
    assert [each[0] for each in said(carrier.step())] == ["waiting"] * 2
    for stranger in strangers:
        network.admit(network.remote, stranger, 40_000)
    found = [[each[:3] for each in said(carrier.step())] for _ in range(3)]
    assert sorted(each[2] for step in found for each in step if each[0] == "claimed") == [0, 1]
