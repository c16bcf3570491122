"""Wormhole and Arbitrum near misses, 2022, bounties of $10M and 400 ETH: anybody could initialise.

Broke: after an upgrade a contract counted as never initialised, and who came first owned it.
Holds: a proxy is initialised as it is created, once; an implementation never.
Told by: who found them.
"""

from __future__ import annotations

import pytest

from tallystick.governance.roles import Role
from tests.support.incidents import false_release, stolen, thieves, thieves_sign
from tests.support.weakened import lacking
from tests.support.world import STATED, World, refused

CHECK = "escrow: initialised already"


@pytest.mark.requirement("INV-9")
def test_nobody_initialises_anything_again(world: World) -> None:
    side = world.home
    world.locked(1_000)
    had, message = stolen(side), false_release(world, 1_000)
    terms = world.terms_with(side, side.new_verifier(thieves(side)))
    accomplices = [side.chain.account(index) for index in (43, 44)]
    with lacking(world, "BridgeEscrowSettings", CHECK):
        side.escrow.initialize(side.attacker, sender=side.attacker)
        for account, role in zip(accomplices, (Role.OPERATOR, Role.ADMINISTRATOR), strict=True):
            side.escrow.assign_role(account, role, *STATED, sender=side.attacker)
        side.escrow.propose_lane_terms(*terms, *STATED, sender=accomplices[0])
        receipt = side.escrow.confirm_lane_terms(*terms, *STATED, sender=accomplices[1])
        world.apply_terms(side, int(receipt.one("LaneTermsConfirmed").applies_from))
        world.deliver(message, thieves_sign(world, message))
        assert stolen(side) == had + 1_000
    whole = side.chain.at("BridgeEscrow", side.implementations["BridgeEscrow"])
    for there in (side.escrow, whole):
        with refused(world, CHECK):
            there.initialize(side.attacker, sender=side.attacker)
    token = side.chain.at("SecurityToken", side.implementations["SecurityToken"])
    with refused(world, "token: initialised already"):
        token.initialize("n", "s", 6, "US0378331005", True, 0, side.attacker, sender=side.attacker)
