"""What ratios leave on a lane and owe to nobody: who is paid it, when, and no more than that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.figures import Figure
from tallystick.bridge.message import message_of
from tests.support.closing import begin, close, closed, proposed, say, take_last
from tests.support.denials import deny, forged, take
from tests.support.endings import ended, listed, pay
from tests.support.lane_ratios import Engines, burn, lock, over
from tests.support.world import STATED, Side, World, refused

pytestmark = pytest.mark.requirement("INV-2", "INV-12", "INV-13")

AMOUNTS = (1, 3, 5, 9, 10, 19, 101)


@pytest.fixture
def engines(world: World) -> Engines:
    """Engines on both ledgers; 103 units are on the remote one. The fund is the agent."""
    world.arrived(103)
    return Engines.of(world)


def outstanding(world: World, side: Side) -> int:
    return int(world.lane_state(side).outstanding)


def come_home(world: World) -> None:
    """Whatever accounts on the remote ledger hold is burned and released at home."""
    world.synchronise()
    for holder in (world.remote.investor, world.remote.fund, world.remote.outsider):
        if units := world.remote.balance(holder):
            message = burn(world, units, holder=holder)
            world.synchronise()
            assert world.deliver(message).return_value is True
    assert outstanding(world, world.remote) == 0


def admit(side: Side, account: Any, until: int = 40_000) -> None:
    side.token.admit(account, until, *STATED, sender=side.registrar)


def paid(world: World, side: Side, amount: int, suspense: int = 0, outstanding: int = 0) -> Any:
    """What the escrow logs of dust that the agent gets."""
    return side.escrow.emitted(
        "DustPaid", world.lane, side.fund.address, amount, suspense, outstanding
    )


def pay_dust(world: World, side: Side) -> Any:
    return side.escrow.pay_dust(world.lane, sender=side.attacker)


def crossed(world: World, engines: Engines, *ratios: tuple[int, int]) -> int:
    """Messages both ways are under way at a ratio, all land, all come home: what is left there."""
    for numerator, denominator in ratios:
        flights = [lock(world, units) for units in AMOUNTS]
        flights += [burn(world, 1) for _ in range(5)]
        engines.split(numerator, denominator)
        world.synchronise()
        for message in flights:
            world.deliver(message)
    come_home(world)
    return outstanding(world, world.home)


def expected(*ratios: tuple[int, int]) -> int:
    """The same in whole numbers: what is owed, what is there, each message by itself."""
    owed = there = 103
    for ratio in ratios:
        owed, there = over(owed + sum(AMOUNTS), ratio), over(there - 5, ratio)
        there += sum(over(units, ratio) for units in AMOUNTS)
        owed -= 5 * over(1, ratio)
    return owed - there


# ---------------------------------------------------------------------- of a lane that goes on


@pytest.mark.requirement("INV-1", "INV-12")
def test_home_s_own_storage_does_not_tell_what_is_dust_of_what_is_outstanding(
    world: World, engines: Engines
) -> None:
    """Nine units are under way over 1:10, or had landed before: at home every slot is the same, and
    that one unit is nobody's in the first case, and in the second somebody's."""
    message = lock(world, 9)
    world.synchronise()
    seen = []
    for landed in (False, True):
        with world.isolated():
            if landed:
                world.deliver(message)
            engines.split(1, 10)
            world.synchronise()
            if not landed:
                world.deliver(message)
            world.home.escrow.bring_up(world.lane, sender=world.home.attacker)
            seen.append((world.storage()["home"], int(world.remote.token.totalSupply())))
            assert outstanding(world, world.home) == 11
    (before, fewer), (after, more) = seen
    assert before == after
    assert (fewer, more) == (10, 11)


# ------------------------------------------------------------------------- of a lane that closes


@pytest.mark.requirement("INV-1", "INV-7")
@pytest.mark.parametrize(
    ("ratios", "left"),
    [(((1, 10),), 4), (((3, 2),), 5), (((4, 1),), 0), (((1, 10), (3, 2), (1, 3)), 8)],
)
def test_a_drained_lane_closes_and_its_dust_is_the_agents(
    world: World, engines: Engines, ratios: tuple[tuple[int, int], ...], left: int
) -> None:
    home = world.home
    dust = crossed(world, engines, *ratios)
    assert dust == expected(*ratios) == left
    excess = home.balance(home.custody) - dust
    assert 0 <= excess <= len(ratios)
    had, supply = home.balance(home.fund), int(home.token.totalSupply())
    begin(world, dust=dust)
    take_last(world, say(world))
    answer = message_of(close(world, world.remote).one("MessageSent"))
    take_last(world, answer)
    receipt = close(world, home)
    told = [event for event in receipt.events if event.name == "DustPaid"]
    assert told == ([paid(world, home, dust + excess, 0, dust)] if dust + excess else [])
    assert home.balance(home.fund) == had + dust + excess
    assert (outstanding(world, home), home.balance(home.custody)) == (0, 0)
    assert int(home.token.totalSupply()) == supply
    assert home.escrow.is_ended(world.lane)


def test_less_dust_than_there_is_closes_nothing(world: World, engines: Engines) -> None:
    """Two keys name more; nobody pays any before the lane closes."""
    dust = crossed(world, engines, (1, 10))
    home = world.home
    begin(world, dust=dust - 1)
    with refused(world, "closing: units are outstanding"):
        say(world)
    assert home.balance(home.custody) == dust
    with refused(world, "closing: no dust to pay"):
        pay_dust(world, home)
    begin(world, home, dust=dust)
    assert home.escrow.closing_of(world.lane).dust == dust
    take_last(world, say(world))
    take_last(world, message_of(close(world, world.remote).one("MessageSent")))
    close(world, home)


def test_more_than_the_dust_that_was_named_is_never_paid(world: World, engines: Engines) -> None:
    """Attestors who sign a false last word get the agent no unit that the keys did not name."""
    crossed(world, engines, (1, 10))
    world.synchronise()
    home, dust = world.home, outstanding(world, world.home)
    left = lock(world, 30)
    world.deliver(left)
    begin(world, dust=dust)
    with refused(world, "closing: units are outstanding"):
        say(world)
    # A false release hides what is away, and home says its last word by it.
    false = replace(forged(world, "home", home.outsider, amount=30), nonce=90, action_epoch=1)
    world.deliver(false)
    with refused(world, "closing: units wait in suspense"):
        say(world)
    admit(home, home.outsider)
    world.network.claim(false)
    word = say(world)
    lie = replace(forged(world, "home", amount=0), kind=18, nonce=91, sender=word.id)
    take_last(world, lie)
    with refused(world, "closing: a message has not arrived"):
        close(world, home)
    had = home.balance(home.fund)
    take_last(world, replace(lie, nonce=5))
    close(world, home)
    assert home.balance(home.fund) - had <= dust + 1
    # The true ledger did not close.
    take_last(world, word)
    with refused(world, "closing: units are outstanding"):
        close(world, world.remote)


def test_what_a_later_ratio_makes_of_the_named_dust_is_enough(
    world: World, engines: Engines
) -> None:
    """Home's last word is not taken back, whatever comes after it."""
    dust = crossed(world, engines, (1, 10))
    begin(world, dust=dust)
    word = say(world)
    for ratio in ((3, 2), (1, 3)):
        engines.split(*ratio)
    assert world.home.escrow.closing_of(world.lane).dust == over(dust, (3, 2), (1, 3))
    take_last(world, word)
    take_last(world, message_of(close(world, world.remote).one("MessageSent")))
    close(world, world.home)
    assert outstanding(world, world.home) == 0


def test_dust_is_named_at_home_and_after_a_ratio(world: World, engines: Engines) -> None:
    home, remote, lane = world.home, world.remote, world.lane
    reason = "closing: dust is at home, after a ratio"
    with refused(world, reason):
        home.escrow.propose_closing(lane, 1, *STATED, sender=home.operator)
    crossed(world, engines, (1, 10))
    with refused(world, reason):
        remote.escrow.propose_closing(lane, 1, *STATED, sender=remote.operator)
    with refused(world, reason):
        home.escrow.propose_closing(lane, 2**104, *STATED, sender=home.operator)
    proposed(world, home, 3)
    with refused(world, "access: act not proposed"):
        home.escrow.begin_closing(lane, 4, *STATED, sender=home.administrator)
    begun = home.escrow.begin_closing(lane, 3, *STATED, sender=home.administrator)
    assert begun.events[-1] == home.escrow.emitted("ClosingBegun", lane, 3, 1)
    for less in (0, 3):
        with refused(world, "closing: under way, and with no more dust"):
            home.escrow.propose_closing(lane, less, *STATED, sender=home.operator)
    home.escrow.cancel_closing(lane, *STATED, sender=home.guardian)
    assert home.escrow.closing_of(lane).dust == 0


def test_a_lane_waits_for_an_agent_who_can_receive(world: World, engines: Engines) -> None:
    dust = crossed(world, engines, (1, 10))
    home = world.home
    begin(world, dust=dust)
    take_last(world, say(world))
    take_last(world, message_of(close(world, world.remote).one("MessageSent")))
    admit(home, home.fund, 0)
    with refused(world, error="ERC7943CannotReceive", args=(home.fund.address,)):
        close(world, home)
    admit(home, home.fund)
    close(world, home)


# --------------------------------------------------------------------------- of what waited


@pytest.mark.requirement("INV-3", "R-20")
@pytest.mark.parametrize("there", ["home", "remote"])
def test_what_no_word_in_suspense_is_owed_is_the_agents(
    world: World, engines: Engines, there: str
) -> None:
    """Two halves of a unit waited together: one unit, and neither is owed it."""
    side = getattr(world, there)
    send = lock if there == "remote" else burn
    words = [send(world, 5, side.outsider) for _ in range(2)]
    world.synchronise()
    for message in words:
        assert world.deliver(message).return_value is False
    engines.split(1, 10)
    assert world.lane_state(side).suspense == 1
    admit(side, side.outsider)
    had = side.balance(side.fund)
    world.network.claim(words[0])
    # While one waits nobody knows whose it is.
    with refused(world, "closing: dust while a message waits"):
        pay_dust(world, side)
    world.network.claim(words[1])
    assert side.balance(side.outsider) == 0
    day = side.token.business_day()
    receipt = pay_dust(world, side)
    assert receipt.return_value == 1
    assert receipt.events[0] == paid(world, side, 1, 1)
    assert side.balance(side.fund) == had + 1
    assert (world.lane_state(side).suspense, side.balance(side.custody) > 0) == (
        0,
        there == "home",
    )
    with refused(world, "closing: no dust to pay"):
        pay_dust(world, side)
    # Closes before it are answered as they were.
    engines.begin(day + 1)
    assert side.escrow.suspense_at_close(world.lane, day - 1, 0) == 10
    assert side.escrow.suspense_at_close(world.lane, day, 0) == 0
    if there == "home":
        side.escrow.keep_figure(world.lane, Figure.SUSPENSE, day - 1, 0, sender=side.attacker)


def test_the_agent_takes_home_what_waited_abroad(world: World, engines: Engines) -> None:
    """So a lane drains on which units had waited through a ratio."""
    side = world.remote
    words = [lock(world, 5, side.outsider) for _ in range(2)]
    world.synchronise()
    for message in words:
        world.deliver(message)
    engines.split(1, 10)
    admit(side, side.outsider)
    for message in words:
        world.network.claim(message)
    assert side.balance(side.custody) == 1
    pay_dust(world, side)
    come_home(world)
    assert int(side.token.totalSupply()) == 0
    closed(world, dust=outstanding(world, world.home))


def test_what_custody_holds_beyond_what_it_owes_is_the_agents(
    world: World, engines: Engines
) -> None:
    """What is owed and what waits round down each by itself, custody as one."""
    home = world.home
    message = burn(world, 5, home.outsider)
    world.synchronise()
    world.deliver(message)
    lock(world, 7)
    engines.split(1, 10)
    # 105 and 5, and 110 in custody.
    assert (outstanding(world, home), world.lane_state(home).suspense) == (10, 0)
    assert home.balance(home.custody) == 11
    admit(home, home.outsider)
    world.network.claim(message)
    assert home.balance(home.outsider) == 0
    assert pay_dust(world, home).events[0] == paid(world, home, 1)
    assert home.balance(home.custody) == 10
    with refused(world, "closing: no dust to pay"):
        pay_dust(world, home)


def test_what_a_false_message_is_denied_for_after_a_ratio_is_no_dust(
    world: World, engines: Engines
) -> None:
    """The lane is owed it again, and with what it is owed anyway it is a unit more."""
    home = world.home
    false = forged(world, "home", home.outsider, amount=5)
    false = replace(false, nonce=int(world.lane_state(world.remote).sent))
    assert world.deliver(false).return_value is False
    lock(world, 7)
    engines.split(1, 10)
    assert (outstanding(world, home), world.lane_state(home).suspense) == (10, 0)
    assert home.balance(home.custody) == 11
    with refused(world, "closing: dust while a message waits"):
        pay_dust(world, home)
    take(world, deny(world, false)[1], false)
    assert (outstanding(world, home), home.balance(home.custody)) == (11, 11)
    with refused(world, "closing: no dust to pay"):
        pay_dust(world, home)


def test_without_a_ratio_there_is_no_dust(world: World, engines: Engines) -> None:
    for side in (world.home, world.remote):
        with refused(world, "closing: no dust to pay"):
            pay_dust(world, side)


# ------------------------------------------------------------------------- of a dead ledger


def test_a_dead_lane_closes_without_a_word(world: World) -> None:
    """Once all that it owed is paid by its list."""
    world.arrived(103)
    end = listed(world, (world.home.fund, 3), (world.home.investor, 100))
    ended(world, end)
    pay(world, end, 0)
    with refused(world, "closing: units are outstanding"):
        close(world, world.home)
    pay(world, end, 1)
    receipt = close(world, world.home)
    assert [event.name for event in receipt.events] == ["LaneClosed"]
    with refused(world, "closing: closed already"):
        close(world, world.home)


def test_what_a_ratio_left_of_a_dead_lane_a_further_list_has(
    world: World, engines: Engines
) -> None:
    """Its leaves round down each by itself; registrars list the rest, and the lane closes."""
    home = world.home
    end = listed(world, (home.fund, 48), (home.investor, 55))
    ended(world, end)
    engines.home.split(1, 10)
    for at in range(2):
        pay(world, end, at)
    assert outstanding(world, home) == 10 - 4 - 5
    with refused(world, "closing: units are outstanding"):
        close(world, home)
    rest = listed(world, (home.fund, 1), number=1)
    ended(world, rest, epoch=1)
    pay(world, rest, 0)
    close(world, home)
    assert home.balance(home.custody) == 0
