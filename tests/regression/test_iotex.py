"""IoTeX's ioTube, February 2026, $4.4M: one key was the bridge's, the pool's and the safe's.

Broke: one key could make itself the minter and take what was in custody.
Holds: no role issues or releases alone: the notary authorises, the issuer issues, lanes release.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "access: missing role"


@pytest.mark.requirement("INV-9", "R-12")
def test_no_key_both_authorises_and_issues(world: World) -> None:
    side = world.home
    key, had = side.administrator, stolen(side)
    with lacking(world, "SecurityTokenSettings", CHECK), lacking(world, "SecurityToken", CHECK):
        side.token.authorise_issuance(10**12, *STATED, sender=key)
        side.token.mint(side.buyer, 10**12, *STATED, sender=key)
        assert stolen(side) == had + 10**12
    for act in (
        lambda: side.token.authorise_issuance(10**12, *STATED, sender=key),
        lambda: side.token.mint(side.buyer, 1, *STATED, sender=key),
    ):
        with refused(world, CHECK):
            act()


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["administrator", "issuer", "notary", "guardian", "operator"])
def test_one_key_neither_releases_nor_issues(world: World, role: str) -> None:
    world.arrived(1_000)
    for side in (world.home, world.remote):
        key = side.parties[role]
        for name in ("crosschainMint", "crosschainBurn"):
            with refused(world, "bridges: no bridge this way"):
                getattr(side.token, name)(side.investor, 1, sender=key)
        with refused(world, "custody: pay is the escrow's"):
            side.custody.pay(side.investor, 1, sender=key)
        reason = "issuance: not authorised" if role == "issuer" else CHECK
        with refused(world, reason):
            side.token.mint(side.investor, 1, *STATED, sender=key)
