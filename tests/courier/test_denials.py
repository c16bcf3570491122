"""What a source denies a courier carries by itself, first, and through a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.message import LaneMessage
from tallystick.courier.courier import Courier
from tests.courier.test_courier import let_pass, said
from tests.support.commands import connected
from tests.support.denials import FALSE, deny, forged
from tests.support.world import STATED, World, embedded


@pytest.fixture
def false(world: World) -> LaneMessage:
    """It waits in suspense on the remote ledger under the nonce that home gives next."""
    message = forged(world, "remote", world.remote.outsider)
    world.deliver(message)
    assert world.remote.escrow.suspended(message.id) == FALSE
    return message


@pytest.mark.requirement("INV-3", "INV-4", "R-20")
@pytest.mark.parametrize("grade", ["pilot", "production"])
def test_a_denial_goes_first_and_the_true_message_of_its_nonce_after_it(grade: str) -> None:
    world = World(embedded(), units={"investor": 10**9}, grade=grade)
    false = forged(world, "remote", world.remote.outsider)
    world.deliver(false)
    true = world.locked(100)
    assert true.nonce == false.nonce
    others = [world.locked(amount) for amount in (1, 2)]
    carrier = Courier(connected(world.network))
    let_pass(world.network)
    # It has the true one for delivered until its source denies the other.
    assert said(carrier.step()) == [("delivered", "home", other.nonce, "") for other in others]
    denial = deny(world, false)[1]
    let_pass(world.network)
    assert said(carrier.step()) == [("delivered", "home", denial.nonce, "")]
    assert world.remote.escrow.suspended(false.id) == 0
    let_pass(world.network)
    assert said(carrier.step()) == [("delivered", "home", true.nonce, "")]
    let_pass(world.network)
    assert carrier.step() == ()
    assert world.remote.balance(world.remote.investor) == 103
    assert world.network.status().ok


@pytest.mark.requirement("INV-3")
def test_a_denial_whose_nonce_the_denied_one_took_goes_through_a_stop(
    world: World, false: LaneMessage
) -> None:
    carrier, remote = Courier(connected(world.network)), world.remote
    denial = deny(world, false)[1]
    assert denial.nonce == false.nonce
    remote.escrow.pause_lane(world.lane, 2, *STATED, sender=remote.guardian)
    true = world.locked(100)
    let_pass(world.network)
    stopped = "inbound is paused on the lane"
    assert sorted(said(carrier.step())) == [
        ("delivered", "home", denial.nonce, ""),
        ("waiting", "home", true.nonce, stopped),
    ]
    assert remote.escrow.suspended(false.id) == 0
    let_pass(world.network)
    assert said(carrier.step()) == [("waiting", "home", true.nonce, stopped)]


@pytest.mark.requirement("INV-4")
def test_a_denial_of_which_no_log_tells_what_it_denies_waits(
    world: World, false: LaneMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that leaves that log out keeps it back, and nothing else."""
    denial = deny(world, false)[1]
    other = world.locked(100)
    carrier = Courier(connected(world.network))
    let_pass(world.network)
    monkeypatch.setattr("tallystick.courier.end.LaneEnd.denied", lambda *_: None)
    assert sorted(said(carrier.step())) == [
        ("delivered", "home", other.nonce, ""),
        ("waiting", "home", denial.nonce, "no log tells what it denies"),
    ]
    monkeypatch.undo()
    assert said(carrier.step()) == [("delivered", "home", denial.nonce, "")]
    assert replace(denial, nonce=0).denies == false.id
