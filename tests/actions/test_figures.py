"""Figures: what a remote ledger tells of its end of the lane, and what home makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import EventVersion, Figures, message_from
from tallystick.bridge.message import ledger_id
from tallystick.chain import Event
from tallystick.chain.abi import keccak
from tests.support.actions import (
    APPLE,
    ENGINE_ATTESTORS,
    Actions,
    Third,
    begin,
    domain_of,
    new_engine,
    set_peer,
)
from tests.support.ratios import Engine
from tests.support.world import AMOUNT_MAX, DAY, ISIN, World, refused

CLOSE = APPLE.record_day
# The token keeps the closings of so many days back without announcement.
WEEK = 7
UNKNOWN_LANE = keccak(b"no lane")
AMOUNTS = ("supply", "suspense", "sent", "came")


@pytest.fixture
def moved(actions: Actions) -> Actions:
    """720 units are there, 20 of them wait; 300 were sent home; the record day is over."""
    world = actions.world
    world.arrived(1_000)
    world.deliver(world.locked(20, world.remote.outsider))
    world.burned(300)
    actions.close(CLOSE)
    return actions


@pytest.fixture
def told(moved: Actions) -> Figures:
    """What is told of that close, and home took."""
    figures = moved.figures(CLOSE)
    moved.take_figures(figures)
    return figures


@pytest.fixture
def third(actions: Actions) -> Third:
    """A third ledger, nothing there."""
    return Third.joins(actions)


def figures_sent(actions: Actions, figures: Figures) -> Event:
    """The event with which the remote ledger tells."""
    message = actions.message(figures)
    return actions.remote.engine.emitted(
        "FiguresSent", figures.lane, message.id, message.as_tuple(), figures.as_tuple()
    )


def kept(actions: Actions, lane: bytes, day: int = CLOSE) -> tuple[bool, tuple[Any, ...]]:
    """Whether figures count at home, and which were told first."""
    counts, figures = actions.home.engine.figures_at(lane, day)
    return counts, tuple(figures)


def pass_days(actions: Actions, days: int) -> None:
    """Days with a message each way: the figures move on each of them."""
    world = actions.world
    for _ in range(days):
        world.synchronise()
        world.deliver(world.locked(3, world.remote.attacker))
        world.arrived(2)
        world.burned(1)
        for side in (world.home, world.remote):
            side.chain.advance(DAY)


# ---------------------------------------------------------------------------- telling


@pytest.mark.requirement("R-13", "INV-6")
def test_a_remote_ledger_tells_what_stood_at_a_close(moved: Actions) -> None:
    receipt = moved.send_figures(CLOSE)
    figures = Figures(moved.world.lane, CLOSE, epoch=0, supply=720, suspense=20, sent=300)
    assert receipt.events == (figures_sent(moved, figures),)
    assert moved.remote.engine.is_told(moved.message(figures).id)


def test_what_is_told_of_a_close_again_is_the_same_message(moved: Actions) -> None:
    """Whatever moved since; and nothing more is kept."""
    events = moved.send_figures(CLOSE).events
    pass_days(moved, 2)
    before = moved.world.storage()
    assert moved.send_figures(CLOSE).events == events
    assert moved.world.storage() == before


@pytest.mark.parametrize("day", [1, CLOSE - 1, CLOSE])
def test_a_lane_that_never_moved_tells_of_nothing(actions: Actions, day: int) -> None:
    actions.close(CLOSE)
    figures = Figures(actions.world.lane, day, epoch=0, supply=0, suspense=0, sent=0)
    assert actions.send_figures(day).events == (figures_sent(actions, figures),)


def test_each_close_has_its_own_figures(moved: Actions) -> None:
    world = moved.world
    world.arrived(7)
    world.burned(2)
    moved.close(CLOSE + 1)
    found = [moved.send_figures(day).one("FiguresSent").figures for day in (CLOSE, CLOSE + 1)]
    assert [(each.supply, each.suspense, each.sent) for each in found] == [
        (720, 20, 300),
        (725, 20, 302),
    ]


def test_home_tells_nobody_of_itself(moved: Actions) -> None:
    side = moved.home
    with refused(moved.world, "figures: home has its own"):
        side.engine.send_figures(moved.world.lane, CLOSE, 0, (0,) * 4, sender=side.courier)


def test_nothing_is_told_of_a_lane_of_nobody(moved: Actions) -> None:
    side = moved.remote
    for lane in (UNKNOWN_LANE, bytes(32)):
        with refused(moved.world, "figures: of another's lane"):
            side.engine.send_figures(lane, CLOSE, 0, (0,) * 4, sender=side.courier)


@pytest.mark.parametrize("ahead", [0, 1, 2**16, 2**255])
def test_a_day_that_is_not_over_has_no_figures(moved: Actions, ahead: int) -> None:
    with refused(moved.world, "book: day not closed"):
        moved.send_figures(CLOSE + 1 + ahead)


@pytest.mark.parametrize("epoch", [1, 2, 2**255])
def test_there_are_no_units_of_a_ratio_that_is_not(moved: Actions, epoch: int) -> None:
    with refused(moved.world, "figures: not in those units"):
        moved.send_figures(CLOSE, epoch)


# ------------------------------------------------------------------------------ hints


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (0, "book: hint is no later opening"),
        (1, "book: hint is no later opening"),
        (2, "flows: hint is no later opening"),
    ],
)
@pytest.mark.parametrize("day", [CLOSE, CLOSE + 3, 2**255])
def test_a_hint_is_a_later_day_of_which_an_opening_is_there(
    moved: Actions, place: int, reason: str, day: int
) -> None:
    pass_days(moved, 1)
    hints = [0, 0, 0]
    hints[place] = day
    with refused(moved.world, reason):
        moved.send_figures(CLOSE, 0, (hints[0], hints[1], hints[2], 0))


@pytest.mark.requirement("INV-6")
def test_an_announced_close_is_told_of_for_ever(actions: Actions) -> None:
    world = actions.world
    actions.take(actions.in_force(APPLE))
    world.arrived(1_000)
    world.deliver(world.locked(20, world.remote.attacker))
    world.burned(300)
    actions.close(CLOSE)
    pass_days(actions, 3 * WEEK)
    figures = Figures(world.lane, CLOSE, epoch=0, supply=720, suspense=20, sent=300)
    first = CLOSE + 1
    receipt = actions.send_figures(CLOSE, hints=(first, first, first, 0))
    assert receipt.events == (figures_sent(actions, figures),)
    for hints, reason in (
        ((0, first, first), "book: not kept, or give a hint"),
        ((first, 0, first), "book: not kept, or give a hint"),
        ((first, first, 0), "flows: not kept, or give a hint"),
    ):
        with refused(world, reason):
            actions.send_figures(CLOSE, hints=(*hints, 0))


def test_a_close_that_nobody_announced_is_told_of_for_a_week(moved: Actions) -> None:
    pass_days(moved, WEEK - 1)
    figures = moved.send_figures(CLOSE).one("FiguresSent").figures
    assert (figures.supply, figures.suspense, figures.sent) == (720, 20, 300)
    # The opening that tells it makes room for that of the eighth day after.
    pass_days(moved, 3)
    with refused(moved.world, "book: not kept, or give a hint"):
        moved.send_figures(CLOSE)


# ----------------------------------------------------------------------------- ratios


def test_a_closing_is_told_of_in_the_units_of_its_day(moved: Actions) -> None:
    """A ratio has no part in the days before its first, nor in any while it is to come."""
    ratios = Engine.of(moved.remote)
    first = ratios.day(3)
    ratios.announce(3, 2)
    pending = moved.send_figures(CLOSE).one("FiguresSent").figures
    assert (pending.epoch, pending.supply, pending.suspense) == (0, 720, 20)
    begin(moved.remote, first + 1)
    for day, epoch, supply in ((first - 1, 0, 720), (first, 1, 1_080)):
        figures = moved.send_figures(day, epoch).one("FiguresSent").figures
        assert (figures.epoch, figures.supply, figures.sent) == (
            epoch,
            supply,
            # What was sent counts anew in each epoch.
            300 if epoch == 0 else 0,
        )
        for other in {0, 1, 2} - {epoch}:
            with refused(moved.world, "figures: not in those units"):
                moved.send_figures(day, other)


# ----------------------------------------------------------------------------- taking


@pytest.mark.requirement("R-13")
def test_home_keeps_what_a_ledger_told(moved: Actions) -> None:
    sent = moved.send_figures(CLOSE).one("FiguresSent")
    figures = moved.figures(CLOSE)
    assert sent.figures == figures.as_tuple()
    receipt = moved.take_figures(figures)
    assert receipt.return_value is True
    assert receipt.events == (
        moved.home.engine.emitted("FiguresTaken", figures.lane, figures.as_tuple()),
    )
    assert kept(moved, figures.lane) == (True, figures.as_tuple())


def test_of_what_was_not_told_nothing_counts(moved: Actions, told: Figures) -> None:
    for lane, day in ((told.lane, CLOSE + 1), (told.lane, CLOSE - 1), (UNKNOWN_LANE, CLOSE)):
        assert kept(moved, lane, day) == (False, (lane, day, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "figures",
    [
        {"epoch": 0, "supply": 0, "suspense": 0, "sent": 0},
        {"epoch": 2**16 - 1, **dict.fromkeys(AMOUNTS, AMOUNT_MAX)},
        {"epoch": 1, "supply": 2, "suspense": 3, "sent": 4, "came": 5},
    ],
)
def test_whatever_fits_its_word_is_kept_as_told(actions: Actions, figures: dict[str, int]) -> None:
    """Whether it can be true is seen where it is used."""
    told = Figures(actions.world.lane, CLOSE, **figures)
    assert actions.take_figures(told).return_value is True
    assert kept(actions, told.lane) == (True, told.as_tuple())


@pytest.mark.parametrize(
    "changes",
    [
        *({name: AMOUNT_MAX + 1} for name in AMOUNTS),
        *({name: 2**256 - 1} for name in AMOUNTS),
        {"epoch": 2**16},
    ],
)
def test_figures_beyond_their_words_are_refused(moved: Actions, changes: dict[str, int]) -> None:
    with refused(moved.world, "figures: out of range"):
        moved.take_figures(moved.figures(CLOSE, **changes))


def test_home_alone_keeps_figures(moved: Actions) -> None:
    side, figures = moved.remote, moved.figures(CLOSE)
    message = moved.message(figures)
    arguments = (message.as_tuple(), figures.as_tuple(), moved.proof(message))
    with refused(moved.world, "figures: at home only"):
        side.engine.take_figures(*arguments, sender=side.courier)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"codec": 2}, "unknown codec"),
        ({"kind": 2}, "of another kind"),
        ({"kind": 4}, "of another kind"),
        ({"instrument": keccak(b"DE0001102580")}, "of something else"),
        ({"body": EventVersion(APPLE).id}, "of something else"),
        ({"source_engine": bytes(32)}, "from an unknown engine"),
        ({"source_ledger": ledger_id("eip155:41009")}, "from an unknown engine"),
    ],
)
def test_figures_are_told_by_exactly_this_message(
    moved: Actions, changes: dict[str, Any], reason: str
) -> None:
    figures = moved.figures(CLOSE)
    message = replace(moved.message(figures), **changes)
    proof = ENGINE_ATTESTORS.sign(domain_of(moved.remote.engine), message.id)
    with refused(moved.world, f"dispatch: {reason}"):
        moved.take_figures(figures, message, proof)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("name", ["day", "epoch", *AMOUNTS])
def test_a_message_tells_of_every_figure(moved: Actions, name: str) -> None:
    figures = moved.figures(CLOSE)
    message = moved.message(figures)
    other = replace(figures, **{name: getattr(figures, name) + 1})
    with refused(moved.world, "dispatch: of something else"):
        moved.take_figures(other, message)


def test_figures_are_signed_by_a_quorum(moved: Actions) -> None:
    figures = moved.figures(CLOSE)
    message = moved.message(figures)
    with refused(moved.world, "verifier: too few signatures"):
        moved.take_figures(figures, message, moved.proof(message, 1))
    elsewhere = ENGINE_ATTESTORS.sign(domain_of(moved.home.engine), message.id)
    with refused(moved.world, "verifier: wrong signature"):
        moved.take_figures(figures, message, elsewhere)


@pytest.mark.requirement("INV-7")
def test_a_ledger_tells_of_its_own_lane_alone(actions: Actions, third: Third) -> None:
    """Whatever its quorum signs."""
    theirs = third.figures(CLOSE)
    own = Figures(actions.world.lane, CLOSE, 0, 0, 0, 0)
    for take, figures in ((actions.take_figures, theirs), (third.take_figures, own)):
        with refused(actions.world, "figures: from another ledger"):
            take(figures)
        assert kept(actions, figures.lane)[0] is False
    assert third.take_figures(theirs).return_value is True
    assert actions.take_figures(own).return_value is True


def test_figures_of_a_lane_of_nobody_are_refused(actions: Actions) -> None:
    for lane in (UNKNOWN_LANE, bytes(32)):
        with refused(actions.world, "figures: of another's lane"):
            actions.take_figures(Figures(lane, CLOSE, 0, 0, 0, 0))


def test_figures_of_another_instrument_s_lane_are_refused(actions: Actions) -> None:
    """Two instruments share an escrow, each with an engine of its own."""
    isin = "DE0001102580"
    side = actions.home
    other = new_engine(replace(side, token=side.fresh_token(isin=isin)))
    set_peer(other.engine, actions.remote.engine)
    figures = Figures(actions.world.lane, CLOSE, 0, 0, 0, 0)
    domain = domain_of(actions.remote.engine)
    message = message_from(domain, isin, figures)
    proof = ENGINE_ATTESTORS.sign(domain, message.id)
    with refused(actions.world, "figures: of another's lane"):
        other.engine.take_figures(
            message.as_tuple(), figures.as_tuple(), proof, sender=side.courier
        )


# --------------------------------------------------------------------- contradictions


def test_figures_are_taken_once(moved: Actions, told: Figures) -> None:
    with refused(moved.world, "figures: taken already"):
        moved.take_figures(told)


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("name", ["epoch", *AMOUNTS])
def test_two_figures_of_one_close_count_for_nothing(
    moved: Actions, told: Figures, name: str
) -> None:
    """Whichever is true; the second does not revert, or nobody could show it."""
    shown = replace(told, **{name: getattr(told, name) + 1})
    receipt = moved.take_figures(shown)
    assert receipt.return_value is False
    assert receipt.events == (
        moved.home.engine.emitted(
            "FiguresContradicted", told.lane, CLOSE, told.as_tuple(), shown.as_tuple()
        ),
    )
    assert kept(moved, told.lane) == (False, told.as_tuple())
    for again in (told, shown, replace(told, supply=5)):
        with refused(moved.world, "figures: contradicted"):
            moved.take_figures(again)


@pytest.mark.requirement("INV-7")
def test_a_contradiction_stops_one_lane_and_one_day(actions: Actions, third: Third) -> None:
    lane = actions.world.lane
    for day in (CLOSE, CLOSE + 1):
        actions.take_figures(Figures(lane, day, 0, 10, 0, 0))
    third.take_figures(third.figures(CLOSE, supply=4))
    assert actions.take_figures(Figures(lane, CLOSE, 0, 11, 0, 0)).return_value is False
    assert [kept(actions, lane, day)[0] for day in (CLOSE, CLOSE + 1)] == [False, True]
    assert kept(actions, third.lane) == (True, third.figures(CLOSE, supply=4).as_tuple())
    assert actions.take_figures(Figures(lane, CLOSE + 2, 0, 11, 0, 0)).return_value is True


def test_a_contradiction_needs_a_quorum_too(moved: Actions, told: Figures) -> None:
    shown = replace(told, supply=1)
    message = moved.message(shown)
    with refused(moved.world, "verifier: too few signatures"):
        moved.take_figures(shown, message, moved.proof(message, 1))
    assert kept(moved, told.lane) == (True, told.as_tuple())


def test_what_the_same_engine_told_of_another_kind_is_no_figures(world: World) -> None:
    """A version that was taken is signed by the same quorum, in the same domain."""
    actions = Actions(world)
    actions.take(actions.in_force(APPLE))
    armed = actions.armed(EventVersion(APPLE))
    message = message_from(domain_of(world.remote.engine), ISIN, armed)
    with refused(world, "dispatch: of another kind"):
        actions.take_figures(Figures(world.lane, CLOSE, 0, 0, 0, 0), message)
