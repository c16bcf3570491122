"""ALEX, May 2024, $4.3M: the deployer's key upgraded the contracts.

Broke: the key that had deployed could still put other code behind the proxy.
Holds: only the release authority does, by notice, approval and other keys than the deployer's.
Told by: the press.
"""

from __future__ import annotations

import pytest

from tallystick.governance.release import Version, release_id
from tests.support.incidents import forwarding, stolen
from tests.support.weakened import lacking
from tests.support.world import DOCUMENT, STATED, ZERO, World, refused


@pytest.mark.requirement("INV-9")
def test_the_deployer_puts_no_code_behind_a_proxy(world: World) -> None:
    side = world.home
    world.locked(1_000)
    key, had = side.deployer, stolen(side)
    code = forwarding(side, side.custody.address)
    word = bytes.fromhex(code[2:]).rjust(32, b"\0")
    with lacking(world, "ReleaseProxy", "anybody upgrades"):
        side.chain.send(sender=key, to=side.escrow.address, data=word)
        # Who calls the escrow now calls its custody, in its name.
        call = side.custody.pay.encode(side.buyer, 1_000)
        side.chain.send(sender=key, to=side.escrow.address, data=call)
        assert stolen(side) == had + 1_000
    for contract, reason in (
        (side.token, "token: no such function"),
        (side.escrow, "escrow: no such function"),
        (side.registry, None),
    ):
        with refused(world, reason):
            side.chain.send(sender=key, to=contract.address, data=word)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_the_deployer_releases_nothing(world: World, name: str) -> None:
    side = getattr(world, name)
    key = side.deployer
    genesis = release_id("SecurityToken", Version(1, 0, 0))
    release = (DOCUMENT, 1, ZERO, *[DOCUMENT] * 5)
    authority = side.authority
    attempts = (
        (
            "access: missing role",
            lambda: authority.give_notice(side.token, genesis, *STATED, sender=key),
        ),
        ("release: not noticed", lambda: authority.activate(side.token, genesis, sender=key)),
        (
            "access: missing role or set-up",
            lambda: authority.create_proxy(genesis, DOCUMENT, b"", *STATED, sender=key),
        ),
        (
            "access: missing role or set-up",
            lambda: authority.register_release(release, *STATED, sender=key),
        ),
        (
            "access: missing role",
            lambda: authority.roll_back(side.token, False, *STATED, sender=key),
        ),
    )
    for reason, attempt in attempts:
        with refused(world, reason):
            attempt()
