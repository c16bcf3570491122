"""A signature has 1,024 bytes at most, whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tallystick.bridge.message import party
from tests.support.world import DAY, World, refused

Asked = Callable[[bytes], Any]


@pytest.fixture(params=["custody", "operators"])
def asked(world: World, request: pytest.FixtureRequest) -> Asked:
    """Who asks whether the investor signed: a custody for units, an engine for an operator."""
    side = world.home
    until, nonce = side.chain.now + DAY, b"\1" * 32
    if request.param == "custody":
        given = (side.investor, world.lane, party(world.remote.investor.address), 1, nonce, until)
        return lambda signature: side.custody.lock_signed(*given, signature, sender=side.courier)
    wanted = (side.investor, side.fund, True, nonce, until)
    return lambda signature: side.engine.authorizeOperator(*wanted, signature, sender=side.courier)


def test_a_signature_has_1024_bytes_at_most(
    world: World, asked: Asked, request: pytest.FixtureRequest
) -> None:
    who = request.node.callspec.params["asked"]
    with refused(world, f"{who}: not the holder's signature"):
        asked(bytes(1_024))
    # Of a longer one nothing is read: no reason.
    with refused(world):
        asked(bytes(1_025))
