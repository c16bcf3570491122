"""Echo's eBTC, May 2026, $0.8M: an administrator's key made itself the minter.

Broke: who gave out roles could give any to itself, at once.
Holds: one administrator proposes a role, another assigns it, and a grant waits a day.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tallystick.governance.roles import Role
from tests.support.incidents import stolen
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "access: act not proposed"
NEXT = ("access: proposer lost its role", "access: proposal lapsed")


@pytest.mark.requirement("INV-9")
def test_one_administrator_gives_no_role(world: World) -> None:
    side = world.home
    # A true issue is on its way.
    side.token.authorise_issuance(10**9, *STATED, sender=side.notary)
    had, grant = stolen(side), (side.attacker, Role.ISSUER, *STATED)
    with lacking(world, "SecurityTokenSettings", CHECK, *NEXT):
        side.token.assign_role(*grant, sender=side.administrator)
        side.token.mint(side.buyer, 10**9, *STATED, sender=side.attacker)
        assert stolen(side) == had + 10**9
    with refused(world, CHECK):
        side.token.assign_role(*grant, sender=side.administrator)
    side.token.propose_role(*grant, sender=side.administrator)
    with refused(world, "access: needs another key"):
        side.token.assign_role(*grant, sender=side.administrator)
    with refused(world, "access: proposal waits"):
        side.token.assign_role(*grant, sender=side.second_administrator)
