"""What the review found of bridges that aren't ours, and of `status` when they carry units."""

from __future__ import annotations

import pytest

from tallystick.token.position import AccountClass
from tests.support.world import (
    BUYER_UNITS,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    Side,
    World,
    refused,
)

# --------------------------------------------------------------- A5: f3, f3b, at home


@pytest.mark.requirement("R-11")
def test_f3_what_a_bridge_took_out_was_issued_anew(world: World) -> None:
    """The way back was stuck then: supply and authorisation were used up."""
    side = world.home
    unused = side.token.authorised() - INVESTOR_UNITS - BUYER_UNITS
    side.token.withdraw_authorisation(unused, *STATED, sender=side.notary)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, 500, sender=side.investor)
    side.token.crosschainBurn(side.investor, 500, sender=bridge.address)
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, 500, *STATED, sender=side.issuer)
    side.token.crosschainMint(side.investor, 500, sender=bridge.address)
    assert side.balance(side.investor) == INVESTOR_UNITS


@pytest.mark.requirement("R-11", "R-12")
def test_f3b_a_bridges_key_alone_minted_the_headroom(world: World) -> None:
    """What the notary has authorised and the issuer has not issued yet is nobody else's."""
    side = world.home
    side.token.authorise_issuance(10_000, *STATED, sender=side.notary)
    bridge = side.foreign_bridge()
    with refused(world, "bridges: more in than out"):
        side.token.crosschainMint(side.attacker, 1, sender=bridge.address)


# ------------------------------------------------------------------ A6: f3c, elsewhere


@pytest.mark.requirement("INV-9")
def test_f3c_the_role_sat_on_a_plain_key(world: World) -> None:
    side = world.remote
    # No role makes a bridge any more; the one role beside those of keys is a contract's.
    with refused(world, "access: not one role"):
        side.token.propose_role(side.attacker, 2_048, *STATED, sender=side.administrator)
    with refused(world, "access: only a contract"):
        side.token.propose_role(side.attacker, 1_024, *STATED, sender=side.administrator)
    for limits, reason in (
        ((1, 1), "bridges: no contract"),
        ((UINT_MAX, UINT_MAX), "bridges: not of our lanes"),
    ):
        act = (side.attacker, *limits, *STATED)
        side.token.propose_bridge(*act, sender=side.registrar)
        with refused(world, reason):
            side.token.set_bridge(*act, sender=side.custodian)


@pytest.mark.requirement("INV-9")
def test_f3c_a_bridge_minted_without_bound_and_burned_anybody(world: World) -> None:
    world.arrived(1_000)
    side = world.remote
    bridge = side.foreign_bridge(100, 100)
    with refused(world, "bridges: above its limit"):
        side.token.crosschainMint(side.investor, 101, sender=bridge.address)
    with refused(world, error="ERC20InsufficientAllowance", args=(bridge.address, 0, 1)):
        side.token.crosschainBurn(side.investor, 1, sender=bridge.address)


# ------------------------------------------------------------------------ P3: status


def in_order(world: World, carried: int) -> None:
    """No invariant is broken, and so much is with other bridges."""
    status = world.network.status()
    assert status.ok, [str(found) for verdict in status.verdicts for found in verdict.breaks]
    figures = dict(status.verdict("INV-1").figures)
    assert figures["with other bridges"] == carried
    assert figures["issue"] == INVESTOR_UNITS + BUYER_UNITS


@pytest.mark.requirement("INV-1")
def test_p3_a_sound_foreign_crossing_was_called_broken(world: World) -> None:
    """A bridge burns at home and mints on the remote, and back."""
    home, remote = world.home, world.remote
    here, there = home.foreign_bridge(), remote.foreign_bridge()
    in_order(world, 0)
    home.token.approve(here, 300, sender=home.investor)
    home.token.crosschainBurn(home.investor, 300, sender=here.address)
    in_order(world, 300)
    remote.token.crosschainMint(remote.investor, 300, sender=there.address)
    in_order(world, 0)
    remote.token.approve(there, 120, sender=remote.investor)
    remote.token.crosschainBurn(remote.investor, 120, sender=there.address)
    in_order(world, 120)
    home.token.crosschainMint(home.buyer, 120, sender=here.address)
    in_order(world, 0)


@pytest.mark.requirement("INV-1")
def test_p3_an_admitted_adapter_was_counted_twice(world: World) -> None:
    """An adapter locks at home and its bridge mints on the remote: its units are a pool's."""
    home, remote = world.home, world.remote
    adapter = home.chain.deploy("LockProbeMock", sender=home.attacker)
    home.token.admit(adapter, ELIGIBLE_UNTIL, *STATED, sender=home.registrar)
    home.set_class(adapter, AccountClass.POOL)
    there = remote.foreign_bridge()
    home.token.transfer(adapter, 300, sender=home.investor)
    in_order(world, 300)
    remote.token.crosschainMint(remote.investor, 300, sender=there.address)
    in_order(world, 0)
    holders = dict(world.network.status().verdict("INV-1").figures)
    assert holders["home holders"] == INVESTOR_UNITS + BUYER_UNITS - 300
    assert holders["remote holders"] == 300


@pytest.mark.requirement("INV-1")
def test_p3_more_than_left_is_still_broken(world: World) -> None:
    """A bridge that mints on the remote what never left is not explained away."""
    side: Side = world.remote
    bridge = side.foreign_bridge()
    side.token.crosschainMint(side.investor, 5, sender=bridge.address)
    status = world.network.status()
    assert not status.ok
    assert [str(found) for found in status.verdict("INV-1").breaks] == [
        "home: with other bridges: -5, at least 0 expected"
    ]
