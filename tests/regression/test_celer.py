"""Celer's cBridge page, August 2022, $0.2M: the page led to a contract of the thief's.

Broke: a hijacked route served other addresses, and holders approved what they named.
Holds: `verify` compares each address of a manifest with what the contracts say of each other, and
the code there with what was built; and locking asks holders for no approval.
Where: `tallystick/deploy/verify/`.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tallystick.chain.abi import checksum
from tallystick.deploy.verify import verify, wrong
from tallystick.files.manifest import Manifest
from tallystick.reach.connection import connection_of
from tests.support.incidents import forwarding, stolen
from tests.support.world import World, refused


def served(world: World, custody: str) -> Manifest:
    """The manifest with another custody at home, as somebody on the way makes it."""
    data = world.network.manifest.model_dump(mode="json", by_alias=True)
    data["lanes"][0]["sides"]["home"]["custody"] = custody
    return Manifest.model_validate(data)


@pytest.mark.requirement("INV-9")
def test_addresses_are_believed_by_their_code(world: World) -> None:
    side = world.home
    false = forwarding(side, side.token.address)
    with world.isolated():
        # Who looks only whether there is a contract approves it.
        assert side.chain.code(served(world, false).lanes[0].sides["home"].custody)
        side.token.approve(false, 1_000, sender=side.investor)
        had = stolen(side)
        take = side.token.transferFrom.encode(side.investor, side.buyer, 1_000)
        side.chain.send(sender=side.attacker, to=false, data=take)
        assert stolen(side) == had + 1_000
    chains = world.network.chains
    assert wrong(verify(connection_of(world.network.manifest, chains))) == ()
    found = wrong(verify(connection_of(served(world, false), chains)))
    told = [(fact.contract, fact.what, fact.found, fact.meant) for fact in found]
    there = str(side.custody.address)
    assert ("BridgeEscrow", "lane home-remote: custody", there, checksum(false)) in told
    with refused(world, error="ERC20InsufficientAllowance"):
        side.chain.send(sender=side.attacker, to=false, data=take)
