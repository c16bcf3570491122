"""A courier carries last words, after all else and through a stop."""

from __future__ import annotations

import pytest

from tallystick.courier.courier import Courier
from tests.courier.test_courier import let_pass, said
from tests.support.closing import begin, close, say
from tests.support.commands import connected
from tests.support.world import STATED, World, embedded


@pytest.mark.requirement("INV-3", "INV-4", "INV-13")
@pytest.mark.parametrize("grade", ["pilot", "production"])
def test_last_words_go_both_ways_and_the_lane_closes(grade: str) -> None:
    world = World(embedded(), units={"investor": 10**9}, grade=grade)
    world.deliver(world.locked(100))
    world.synchronise()
    world.deliver(world.burned(100, world.home.investor))
    carrier = Courier(connected(world.network))
    begin(world, world.home)
    word = say(world)
    world.remote.escrow.pause_lane(world.lane, 3, *STATED, sender=world.remote.guardian)
    let_pass(world.network)
    # Its keys there have not begun.
    assert said(carrier.step()) == [("waiting", "home", word.nonce, "closing: not begun here")]
    begin(world, world.remote)
    let_pass(world.network)
    assert said(carrier.step()) == [("delivered", "home", word.nonce, "")]
    answer = close(world, world.remote).one("MessageSent").message
    let_pass(world.network)
    assert said(carrier.step()) == [("delivered", "remote", answer.nonce, "")]
    close(world, world.home)
    let_pass(world.network)
    assert carrier.step() == ()
    assert world.home.escrow.is_ended(world.lane)
    assert world.network.status().ok
