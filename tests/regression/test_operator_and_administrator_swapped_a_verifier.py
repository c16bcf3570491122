"""Operator and one administrator swapped a lane's verifier in one block, and drained the lane.

Signers had a delay, the verifier as a whole had none: whoever held the two keys named a verifier of
their own and delivered what never left the other ledger. Tried again on a copy of the contracts in
which a confirmed change can be applied at once, and on ours.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tallystick import build
from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import LaneMessage, party
from tests.support.next_releases import Copy
from tests.support.world import (
    CHANGE_DELAY,
    ROOT,
    STATED,
    Side,
    World,
    domain_of,
    refused,
    signed,
)

THIEVES = (43, 44, 45)
LOCKED = 10**9


@pytest.fixture(scope="module")
def without_delay(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Code of settings that let a change be applied as soon as it is confirmed."""
    root = tmp_path_factory.mktemp("weakened")
    for folder in ("contracts", "interfaces"):
        shutil.copytree(ROOT / folder, root / folder)
    path = root / "contracts" / "bridge" / "lanes.vy"
    weak = Copy(path.read_text()).replace(
        "unsafe_add(block.timestamp, self._opened_with[lane].change_delay)", "block.timestamp"
    )
    path.write_text(weak.text)
    settings = Path("contracts/bridge/BridgeEscrowSettings.vy")
    return bytes(build.compile_file(root / settings, root).bytecode_runtime)


def forged(side: Side) -> SignerSet:
    """Attestors whose keys the thieves have."""
    return SignerSet.of(2, 2, [side.chain.account(index).address for index in THIEVES])


def false_message(world: World) -> tuple[LaneMessage, bytes]:
    """Units that nobody sent, for the thief at home, and what the thieves sign of it."""
    side = world.home
    message = world.message(
        kind=2, amount=LOCKED, recipient=party(side.buyer.address), deadline=2**63
    )
    keys = [side.chain.account(index).key for index in THIEVES[:2]]
    return message, signed(message, forged(side), domain_of(side), [key for key in keys if key])


@pytest.mark.requirement("INV-9")
def test_without_a_delay_the_lane_was_drained(world: World, without_delay: bytes) -> None:
    side = world.home
    side.chain.set_code(side.escrow.SETTINGS(), without_delay)
    world.arrived(LOCKED)
    had, attested = side.balance(side.buyer), false_message(world)
    now = side.chain.now
    world.apply_terms(side, world.change(side, side.new_verifier(forged(side))))
    assert world.deliver(*attested).return_value is True
    assert side.chain.now - now < 10
    assert (side.balance(side.custody), side.balance(side.buyer)) == (0, had + LOCKED)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("left", [CHANGE_DELAY, 2, 0])
def test_the_guardian_cancels_in_time(world: World, left: int) -> None:
    """It has all of the delay, and what passes until somebody applies the change."""
    side = world.home
    world.arrived(LOCKED)
    had, attested = side.balance(side.buyer), false_message(world)
    due = world.change(side, side.new_verifier(forged(side)))
    with refused(world, "lanes: change waits"):
        side.escrow.apply_lane_terms(world.lane, sender=side.operator)
    with refused(world, "lanes: no such epoch now"):
        world.deliver(*attested)
    side.chain.set_time(max(due - left, side.chain.now))
    side.escrow.cancel_lane_terms(world.lane, *STATED, sender=side.guardian)
    side.chain.set_time(due + CHANGE_DELAY)
    with refused(world, "lanes: no change pending"):
        side.escrow.apply_lane_terms(world.lane, sender=side.operator)
    with refused(world, "lanes: no such epoch now"):
        world.deliver(*attested)
    # What is owed is there, and goes home by those who always signed.
    assert (side.balance(side.custody), side.balance(side.buyer)) == (LOCKED, had)
    world.deliver(world.burned(400))
    assert side.balance(side.custody) == LOCKED - 400
