"""The cut's design holds in random plays of several ledgers; twelve designs that look right do not.

The ledgers' clocks are skewed, and often stand at a close exactly; messages are late, sent back,
redirected; people are barred and admitted; other bridges carry units too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.actions.designs import NAIVE
from tests.actions.ledgers import EACH, HOME, PEOPLE, Broken, Property
from tests.actions.model import World
from tests.actions.play import ACTS, play
from tests.actions.rules import Design

PARTS, RUNS = 4, 100
# What a part of the runs has to have met, besides every act.
RARE = ("suspense", "return waits", "landed elsewhere", "under way both ways")


@pytest.mark.parametrize("part", range(PARTS))
def test_every_unit_is_entitled_once_at_every_close(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part * RUNS, (part + 1) * RUNS):
        seen += play(Design(), seed)
    always = {"tick", "days", "to close", "catch up", "admission", "fix"}
    assert not [name for name in (*ACTS, *RARE) if name not in always and not seen[name]]
    assert seen["cuts"] > 8 * RUNS
    assert seen["crossing"] > 30 * RUNS


@pytest.mark.parametrize("design", NAIVE, ids=lambda design: design.__name__)
def test_a_naive_design_breaks_its_own_invariant(design: type[Design]) -> None:
    expected, runs = NAIVE[design]
    assert expected in _broken(design(), runs)


def _broken(design: Design, runs: int) -> list[Property]:
    """What breaks in turn, up to the property that the design is known to break."""
    found: list[Property] = []
    for seed in range(runs):
        try:
            play(design, seed)
        except Broken as broken:
            found.append(broken.what)
            if broken.what is NAIVE[type(design)][0]:
                break
    return found


def test_a_play_repeats_itself() -> None:
    assert play(Design(), 7) == play(Design(), 7)
    assert play(Design(), 7) != play(Design(), 8)


def test_a_broken_play_says_how_it_came_to_that() -> None:
    design = next(each for each, (what, _) in NAIVE.items() if what is Property.NOBODY)
    with pytest.raises(
        Broken, match=r"INV-6: entitled to nobody: \d+ units at close \d+"
    ) as caught:
        play(design(), 0)
    (note,) = caught.value.__notes__
    assert note.startswith("seed 0, after ")
    assert "send out" in note


# --- the model notices ----------------------------------------------------------------------------


def _units_from_nowhere(world: World) -> None:
    world.home.credit("ann", 1)
    world.home.count("supply", 1)


def _more_owed_than_locked(world: World) -> None:
    world.home.count("outstanding 1", 1)


def _custody_pays_out(world: World) -> None:
    world.home.credit("custody 1", -1)
    world.home.credit("bob", 1)


def _a_message_ends_twice(world: World) -> None:
    world.messages[0].ends += 1


def _a_unit_in_two_places(world: World) -> None:
    world.trace.lots[HOME, "bob"][world.messages[0].units[0]] = 1


def _a_position_without_supply(world: World) -> None:
    world.home.credit("bob", 1)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (_units_from_nowhere, Property.ISSUE),
        (_more_owed_than_locked, Property.BACKING),
        (_custody_pays_out, Property.BACKING),
        (_a_message_ends_twice, Property.ONE_EFFECT),
        (_a_unit_in_two_places, Property.ONE_EFFECT),
        (_a_position_without_supply, Property.POSITIONS),
    ],
)
def test_a_step_that_breaks_an_invariant_is_noticed(
    act: Callable[[World], None], what: Property
) -> None:
    world = _sent()
    world.check_step()
    act(world)
    with pytest.raises(Broken) as caught:
        world.check_step()
    assert caught.value.what is what


def test_a_unit_paid_for_another_is_noticed_where_sums_agree() -> None:
    world = _sent()
    world.settle()
    world.check_cut(1, world.fix(1))
    lot = world.trace.lots[HOME, "bob"]
    assert lot.pop(EACH) == 1
    lot[2 * EACH] = 1
    with pytest.raises(Broken, match=r"^INV-6: entitled twice: 1 single units at close 1$"):
        world.check_cut(1, world.fix(1))


def _sent() -> World:
    """A world in which the first person has sent units to a remote ledger."""
    world = World(1)
    assert world.send(HOME, 1, PEOPLE[0], PEOPLE[1], 10)
    return world
