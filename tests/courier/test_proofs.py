"""A courier on a lane that trusts a proof of storage one way: it carries the other way."""

from __future__ import annotations

import pytest

from tallystick.courier.courier import Courier
from tallystick.local.network import Network
from tests.courier.test_courier import let_pass, lock, said
from tests.support.commands import connected
from tests.support.proofs import Prover
from tests.support.world import World


@pytest.mark.requirement("INV-4")
def test_what_takes_a_proof_is_stopped_and_the_way_back_goes_on(world: World) -> None:
    network: Network = world.network
    world.arrived(1_000)
    remote = world.remote
    source = {"caip2": world.home.chain.caip2, "escrow": str(world.home.escrow.address)}
    valid_from = world.rotate(remote, Prover(remote.chain, **source).verifier)
    remote.chain.set_time(max(valid_from, remote.chain.now + 1))
    world.synchronise()
    carrier = Courier(connected(network))
    lock(network, 100)
    world.burned(400)
    let_pass(network)
    ((stopped, *_), delivered), again = said(carrier.step()), said(carrier.step())
    assert (stopped, delivered) == ("stopped", ("delivered", "remote", 0, ""))
    assert [each[:2] for each in again] == [("stopped", "home")]
    assert (world.remote.balance(world.remote.investor), world.home.balance(world.home.fund)) == (
        600,
        400,
    )
