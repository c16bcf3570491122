"""Contracts that lack one thing over a ratio, or as a lane closes: the books show each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.message import LaneMessage, message_of
from tallystick.chain import Revert
from tests.support.closing import begin, close, say, take_last
from tests.support.denials import forged
from tests.support.lane_ratios import LASTS, Engines
from tests.support.weakened import lacking
from tests.support.world import STATED, Side, World

# What a play finds: invariants that are broken, what they say, or what was refused.
Found = set[str]


def send(world: World, where: str, amount: int, recipient: str = "investor") -> LaneMessage:
    """Units leave one ledger for a party on the other."""
    side = getattr(world, where)
    other = world.remote if side is world.home else world.home
    leave = world.network.lock if side is world.home else world.network.burn
    to = getattr(other, recipient)
    return leave(side.investor, to, amount, deadline=side.chain.now + LASTS)


def breaks(world: World) -> Found:
    """What the status finds broken."""
    return {
        f"{verdict.invariant}: {found.what}"
        for verdict in world.network.status().verdicts
        for found in verdict.breaks
    }


def admit(side: Side) -> None:
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)


def acted(act: Callable[[], Any]) -> Found:
    """Why an act was refused, if it was."""
    try:
        act()
    except Revert as refusal:
        return {refusal.reason or "refused"}
    return set()


def crossing(world: World) -> Found:
    """Units are under way both ways at a reverse split, and land."""
    world.arrived(103)
    engines = Engines.of(world)
    flights = [send(world, "home", 19), send(world, "remote", 11)]
    engines.split(1, 10)
    found = set()
    for message in flights:
        world.synchronise()
        found |= acted(lambda message=message: world.deliver(message)) | breaks(world)
    return found


def told_late(world: World) -> Found:
    """The remote ledger does not know of a split whose units arrive there."""
    world.arrived(103)
    engines = Engines.of(world)
    engines.home.announce(4, 1)
    engines.begin(engines.home.day(3))
    message = send(world, "home", 40)
    world.synchronise()
    assert acted(lambda: world.deliver(message)) <= {"transit: ratio not known here yet"}
    engines.remote.announce(4, 1)
    engines.begin(engines.remote.day(3))
    acted(lambda: world.deliver(message))
    return breaks(world)


def waiting(world: World) -> Found:
    """Units wait at both ends over a reverse split, and are claimed."""
    world.arrived(103)
    engines = Engines.of(world)
    words = [send(world, where, 33, "outsider") for where in ("home", "remote")]
    world.synchronise()
    for message in words:
        world.deliver(message)
    engines.split(1, 10)
    found = breaks(world)
    for message in words:
        admit(world.side_of(message))
        found |= acted(lambda message=message: world.network.claim(message)) | breaks(world)
    return found


def drained(world: World, engines: Engines) -> int:
    """A lane on which all came home after a reverse split; the dust that is left."""
    flights = [send(world, "home", units) for units in (9, 9, 9)]
    engines.split(1, 10)
    world.synchronise()
    for message in flights:
        world.deliver(message)
    back = send(world, "remote", world.remote.balance(world.remote.investor))
    world.synchronise()
    world.deliver(back)
    return int(world.lane_state(world.home).outstanding)


def closing(world: World) -> Found:
    """A lane with dust closes at both ends."""
    world.arrived(103)
    engines = Engines.of(world)
    dust = drained(world, engines)
    assert dust > 0
    begin(world, dust=dust)
    take_last(world, say(world))
    take_last(world, message_of(close(world, world.remote).one("MessageSent")))
    close(world, world.home)
    return breaks(world) | ({"dust stays"} if world.home.balance(world.home.custody) else set())


def lied(world: World) -> Found:
    """Who signed a false release and a false last word has home close on units that are away."""
    world.arrived(103)
    engines = Engines.of(world)
    dust = drained(world, engines)
    away = send(world, "home", 70)
    world.synchronise()
    world.deliver(away)
    begin(world, dust=dust)
    home = world.home
    had = home.balance(home.fund)
    told = acted(lambda: say(world))
    if not told:
        said = home.escrow.closing_of(world.lane).said
        lie = replace(forged(world, "home", amount=0), kind=18, nonce=1, sender=bytes(said))
        take_last(world, lie)
        told = acted(lambda: close(world, home))
    assert told <= {"closing: units are outstanding"}
    return {"units of holders paid"} if home.balance(home.fund) - had > dust else set()


def dust_is_taken(world: World) -> Found:
    """What waits after a ratio is asked for as dust."""
    world.arrived(103)
    engines = Engines.of(world)
    word = send(world, "home", 33, "outsider")
    world.synchronise()
    world.deliver(word)
    engines.split(1, 10)
    side = world.remote
    refused = acted(lambda: side.escrow.pay_dust(world.lane, sender=side.attacker))
    assert refused <= {"closing: dust while a message waits"}
    admit(side)
    return acted(lambda: world.network.claim(word)) | breaks(world)


def not_arrived(world: World) -> Found:
    """Home's message has not arrived when the remote ledger is to close; two of one amount."""
    begin(world, world.remote)
    world.synchronise()
    true = world.locked(1_000)
    false = replace(forged(world, "remote", amount=1_000), nonce=5)
    world.deliver(false)
    world.deliver(world.burned(1_000))
    begin(world, world.home)
    take_last(world, say(world))
    assert acted(lambda: close(world, world.remote)) <= {"closing: a message has not arrived"}
    return acted(lambda: world.deliver(true))


def answered(world: World) -> Found:
    """Who signs for attestors has home take a last word before it has said its own."""
    world.arrived(103)
    begin(world)
    lie = replace(forged(world, "home", amount=0), kind=18, nonce=0, sender=bytes(32))
    refused = acted(lambda: take_last(world, lie))
    assert refused <= {"closing: answers another word"}
    return set() if refused else {"taken"}


def taken_back(world: World) -> Found:
    """Home goes on after its last word, and the remote ledger has closed by it."""
    begin(world)
    word = say(world)
    take_last(world, word)
    close(world, world.remote)
    home = world.home
    refused = acted(lambda: home.escrow.cancel_closing(world.lane, *STATED, sender=home.guardian))
    assert refused <= {"closing: the last word is said"}
    if refused:
        return set()
    world.synchronise()
    return acted(lambda: world.deliver(send(world, "home", 5)))


FAULTS = {
    "a message lands as it left": ("BridgeEscrow", crossing, "INV-4"),
    "a later epoch's units are as good": ("BridgeEscrow", told_late, "INV-2"),
    "what waits is paid as it came": ("BridgeEscrow", waiting, "flows: more than in suspense"),
    "what is outstanding stays in old units": ("BridgeEscrowRatios", crossing, "INV-2"),
    "a ratio is applied twice": ("BridgeEscrowRatios", crossing, "INV-2"),
    "a lane closes without its dust": ("BridgeEscrowRatios", closing, "dust stays"),
    "as much dust as there is": ("BridgeEscrowRatios", lied, "units of holders paid"),
    "closing: dust while a message waits": (
        "BridgeEscrowRatios",
        dust_is_taken,
        "flows: more than in",
    ),
    "closing: a message has not arrived": ("BridgeEscrowRatios", not_arrived, "lanes: ended"),
    "closing: answers another word": ("BridgeEscrowRatios", answered, "taken"),
    "closing: the last word is said": ("BridgeEscrowRatios", taken_back, "lanes: ended"),
}


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-12")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_contract_lacks_is_found(world: World, fault: str) -> None:
    """And nothing in ours."""
    piece, play, shown = FAULTS[fault]
    with world.isolated():
        assert play(world) == set()
    with lacking(world, piece, fault):
        found = play(world)
    assert any(each.startswith(shown) for each in found), found
