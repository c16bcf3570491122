"""The escrow's own set-up and hand-over."""

from __future__ import annotations

import pytest

from tests.support.world import STATED, ZERO, Side, World, domain_of, refused

HAND_OVER = "hand_over(bytes4,bytes32)"


def test_escrow_tells_its_release(home_side: Side) -> None:
    assert home_side.escrow.release() == "1.0.0"


def test_initialise_names_the_set_up_key(home_side: Side) -> None:
    assert home_side.fresh_escrow().set_up_key() == home_side.deployer.address


def test_initialise_knows_the_authority_that_creates_the_proxy(home_side: Side) -> None:
    fresh = home_side.fresh_suite()
    assert fresh.escrow.release_authority() == fresh.authority.address
    assert home_side.escrow.release_authority() == home_side.authority.address


def test_initialise_twice_is_refused(world: World) -> None:
    side = world.home
    for escrow in (side.escrow, side.fresh_escrow()):
        with refused(world, "escrow: initialised already"):
            escrow.initialize(side.attacker, sender=side.attacker)


def test_the_implementation_cannot_be_initialised(world: World) -> None:
    side = world.home
    implementation = side.chain.at("BridgeEscrow", side.implementations["BridgeEscrow"])
    with refused(world, "escrow: initialised already"):
        implementation.initialize(side.attacker, sender=side.attacker)


def test_initialise_without_key_is_refused(world: World) -> None:
    with refused(world, "access: no set-up key"):
        world.home.proxy("BridgeEscrow", ZERO)


def test_hand_over_ends_the_set_up(home_side: Side) -> None:
    escrow = home_side.fresh_escrow()
    for account in (home_side.administrator, home_side.second_administrator):
        escrow.assign_role(account, 1, *STATED, sender=home_side.deployer)
    receipt = escrow.hand_over(*STATED, sender=home_side.deployer)
    assert receipt.events == (
        home_side.act(escrow, HAND_OVER, home_side.deployer, home_side.deployer),
        escrow.emitted("SetUpCompleted", home_side.deployer),
    )
    assert escrow.set_up_key() == ZERO


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["open_lane", "confirm_lane_terms"])
def test_the_deployer_opens_no_lane_after_hand_over(world: World, name: str) -> None:
    side = world.home
    arguments = (
        (side.fresh_suite().lane_terms(),)
        if name == "open_lane"
        else world.terms_with(side, side.verifier.address)
    )
    with refused(world, "access: missing role"):
        getattr(side.escrow, name)(*arguments, *STATED, sender=side.deployer)


def test_the_escrow_shows_the_parts_of_its_domain(world: World) -> None:
    """ERC-5267: what a wallet needs to show what attestors sign."""
    for side in (world.home, world.remote):
        domain = side.escrow.eip712Domain()
        assert tuple(domain) == (
            b"\x0f",
            "Tallystick Lane",
            "1",
            side.chain.chain_id,
            side.escrow.address,
            bytes(32),
            [],
        )
        assert side.escrow.method("eip712Domain()").selector == bytes.fromhex("84b0196e")
        assert domain_of(side).separator == side.escrow.domain_separator()


def test_initialise_logs_by_whom_the_set_up_begins(home_side: Side) -> None:
    fresh = home_side.fresh_suite()
    chain = home_side.chain
    for contract in (fresh.escrow, fresh.registry):
        events = [chain.decode_log(log) for log in chain.raw_logs(contract)]
        assert contract.emitted("SetUpBegun", home_side.deployer, fresh.authority) in events
