"""What a courier carries together: which messages, at what cost, and what stops no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.batch import MAX_BATCH
from tallystick.bridge.message import LaneMessage
from tallystick.bridge.outbox import PAGE
from tallystick.courier.courier import Courier
from tallystick.courier.decision import together
from tallystick.courier.outcome import Outcome
from tallystick.governance.roles import reason_code
from tallystick.local.network import Network
from tallystick.reach.finality import stand
from tests.courier.test_courier import let_pass, lock, said
from tests.support.commands import connected
from tests.support.world import World, embedded

WHY = (reason_code("TEST"), b"\1" * 32)
NO_ROOM = "lanes: cap reached"


@pytest.mark.parametrize(
    ("nonces", "by_page", "expected"),
    [
        ([], False, ()),
        ([7], False, ((7,),)),
        ([9, 2, 4], False, ((9, 2, 4),)),
        (range(60), False, (tuple(range(25)), tuple(range(25, 50)), tuple(range(50, 60)))),
        ([], True, ()),
        ([9, 7, 8], True, ((7,), (8, 9))),
        (range(3, 18), True, (tuple(range(3, 8)), tuple(range(8, 16)), (16, 17))),
        ([0, 2, 3, 5], True, ((0,), (2, 3), (5,))),
    ],
)
def test_which_messages_go_together(
    nonces: Sequence[int], by_page: bool, expected: tuple[tuple[int, ...], ...]
) -> None:
    assert together(list(nonces), by_page=by_page) == expected


@given(st.lists(st.integers(0, 200), unique=True), st.booleans())
def test_each_message_goes_once_and_no_transaction_takes_too_many(
    nonces: list[int], by_page: bool
) -> None:
    found = together(nonces, by_page=by_page)
    assert sorted(nonce for each in found for nonce in each) == sorted(nonces)
    for each in found:
        assert 1 <= len(each) <= MAX_BATCH
        if by_page:
            assert list(each) == list(range(each[0], each[-1] + 1))
            assert each[0] // PAGE == each[-1] // PAGE


# --- on ledgers --------------------------------------------------------------------------------


def sent_by(network: Network) -> int:
    """Transactions that the courier's account sent on the remote ledger."""
    return int(network.remote.chain.nonce(network.signers("remote")["courier"]))


def cap(network: Network, whole_units: int) -> None:
    """So many whole units may be outstanding on the remote ledger, at once."""
    remote = network.remote
    now = remote.escrow.lane_state(network.lane).terms
    terms = (network.lane, now.verifier, now.second, whole_units, now.limit, *WHY)
    operator = network.party("remote", "operator")
    remote.escrow.propose_lane_terms(*terms, sender=operator)
    remote.escrow.confirm_lane_terms(*terms, sender=network.administrators("remote")[0])
    remote.chain.set_time(int(remote.escrow.pending_lane_terms(network.lane).applies_from))
    remote.escrow.apply_lane_terms(network.lane, sender=operator)
    let_pass(network)


@pytest.mark.requirement("INV-3")
def test_27_messages_take_two_transactions_and_say_what_each_cost(network: Network) -> None:
    carrier, before = Courier(connected(network)), sent_by(network)
    for amount in range(1, 28):
        lock(network, amount)
    let_pass(network)
    outcomes = carrier.step()
    assert said(outcomes) == [("delivered", "home", nonce, "") for nonce in range(27)]
    assert sent_by(network) == before + 2
    told = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    assert [each.together for each in told] == [25] * 25 + [2] * 2
    assert len({each.tx_hash for each in told}) == 2
    assert all(each.as_dict()["together"] == each.together for each in told)
    # Two together take less than two by themselves, and many less than few.
    lock(network, 1)
    let_pass(network)
    (alone,) = carrier.step()
    assert isinstance(alone, Outcome)
    assert (alone.what, alone.together) == ("delivered", 1)
    assert told[0].gas_used < told[-1].gas_used < alone.gas_used
    assert network.remote.token.balanceOf(network.holder("remote", 0)) == sum(range(1, 28)) + 1
    assert carrier.step() == ()


def test_both_verifiers_of_a_lane_of_production_attest_its_batches() -> None:
    world = World(embedded(), units={"investor": 10**9}, grade="production")
    network = world.network
    carrier, before = Courier(connected(network)), sent_by(network)
    for amount in (1, 2, 3):
        world.locked(amount)
    let_pass(network)
    assert said(carrier.step()) == [("delivered", "home", nonce, "") for nonce in range(3)]
    assert sent_by(network) == before + 1


@pytest.mark.requirement("INV-3")
def test_what_a_ledger_refuses_stops_none_that_came_with_it_nor_after(network: Network) -> None:
    carrier = Courier(connected(network))
    cap(network, 1)
    whole = 10 ** int(network.home.token.decimals())
    for amount in (10, 2 * whole, 20):
        lock(network, amount)
    let_pass(network)
    before = sent_by(network)
    waiting = ("waiting", "home", 1, NO_ROOM)
    assert said(carrier.step()) == [
        waiting,
        ("delivered", "home", 0, ""),
        ("delivered", "home", 2, ""),
    ]
    assert sent_by(network) == before + 1
    # It spoils no batch of those that come later, and goes with them once it can.
    for amount in (30, 40):
        lock(network, amount)
    let_pass(network)
    found = said(carrier.step())
    assert sorted(found, key=lambda each: each[2]) == [
        waiting,
        ("delivered", "home", 3, ""),
        ("delivered", "home", 4, ""),
    ]
    assert sent_by(network) == before + 2
    cap(network, 10**6)
    lock(network, 50)
    let_pass(network)
    assert sorted(each[:3] for each in said(carrier.step())) == [
        ("delivered", "home", 1),
        ("delivered", "home", 5),
    ]


def test_of_what_was_refused_no_batch_is_signed_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = Courier(connected(network))
    cap(network, 1)
    whole = 10 ** int(network.home.token.decimals())
    for amount in (2 * whole, 3 * whole):
        lock(network, amount)
    let_pass(network)
    waiting = [("waiting", "home", nonce, NO_ROOM) for nonce in range(2)]
    assert said(carrier.step()) == waiting
    with monkeypatch.context() as patched:
        patched.setattr("tallystick.courier.verifiers.attest", lambda *_: pytest.fail("it signed"))
        assert said(carrier.step()) == waiting
    # Until they would go: then they go together.
    cap(network, 10**6)
    before = sent_by(network)
    assert said(carrier.step()) == [("delivered", "home", nonce, "") for nonce in range(2)]
    assert sent_by(network) == before + 1


def test_of_what_has_no_room_together_as_much_goes_as_there_is_room_for(network: Network) -> None:
    carrier = Courier(connected(network))
    cap(network, 1)
    half = 10 ** int(network.home.token.decimals()) // 2
    for _ in range(3):
        lock(network, half)
    let_pass(network)
    assert said(carrier.step()) == [
        ("delivered", "home", 0, ""),
        ("delivered", "home", 1, ""),
        ("waiting", "home", 2, NO_ROOM),
    ]


def test_in_a_batch_who_cannot_receive_waits_in_suspense(network: Network) -> None:
    carrier, stranger = Courier(connected(network)), network.holder("remote", 5)
    lock(network, 1)
    lock(network, 2, stranger)
    lock(network, 3)
    let_pass(network)
    assert said(carrier.step()) == [
        ("delivered", "home", 0, ""),
        ("suspended", "home", 1, "its recipient can't receive"),
        ("delivered", "home", 2, ""),
    ]
    network.admit(network.remote, stranger, 40_000)
    assert said(carrier.step()) == [("claimed", "home", 1, "")]


@pytest.mark.requirement("INV-3")
@pytest.mark.parametrize("front", [(0, 1, 2), (1,)])
def test_of_a_batch_that_others_were_quicker_with_the_rest_is_delivered(
    network: Network, monkeypatch: pytest.MonkeyPatch, front: tuple[int, ...]
) -> None:
    messages: list[LaneMessage] = [lock(network, amount) for amount in (1, 2, 3)]
    let_pass(network)
    original = Courier._deliver

    def overtaken(self: Courier, *arguments: Any) -> Any:
        for number in front:
            network.deliver(messages[number])
        return original(self, *arguments)

    monkeypatch.setattr(Courier, "_deliver", overtaken)
    assert said(Courier(connected(network)).step()) == [
        ("delivered", "home", number, "") for number in range(3) if number not in front
    ]
    assert network.remote.token.balanceOf(network.holder("remote", 0)) == 6


@pytest.mark.requirement("INV-3")
def test_what_is_here_by_the_time_of_the_call_is_not_paid_for_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [lock(network, amount) for amount in (1, 2)]
    let_pass(network)
    carrier = Courier(connected(network))
    original = Courier._loaded

    def overtaken(self: Courier, *arguments: Any) -> Any:
        while messages:
            network.deliver(messages.pop())
        return original(self, *arguments)

    monkeypatch.setattr(Courier, "_loaded", overtaken)
    monkeypatch.setattr(Courier, "_deliver", lambda *_: pytest.fail("it sent"))
    assert carrier.step() == ()


@pytest.mark.requirement("INV-4")
def test_a_message_that_may_not_be_signed_is_in_no_batch(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What attestors sign of a batch names all of its messages: of one the log does not stand."""
    for amount in (1, 2, 3):
        lock(network, amount)
    let_pass(network)

    def without_the_second(contract: Any, logs: Any) -> Any:
        return {log for log in stand(contract, logs) if log.block_number != logs[1].block_number}

    monkeypatch.setattr("tallystick.courier.courier.stand", without_the_second)
    assert said(Courier(connected(network)).step()) == [
        ("waiting", "home", 1, "its log is not final yet"),
        ("delivered", "home", 0, ""),
        ("delivered", "home", 2, ""),
    ]
