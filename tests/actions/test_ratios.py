"""Ratios over several ledgers, lanes open: the design holds in random plays, naive ones do not.

Up to three ratios come, each ledger is told in time or at any later time, ratios are withdrawn
before their day; rows of what attacks on the design found, each by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings

from tallystick.actions.cut import Base, Break, HomeEnd, RemoteEnd, Share, carry, restated
from tallystick.token.ratios import Ratio
from tests.actions.designs import (
    NAIVE_RATIOS,
    CameForgotten,
    FloorBoth,
    KeepsLater,
    NeverShort,
    NothingRounded,
)
from tests.actions.ledgers import AGENT, HOME, Broken, Message, Property, State
from tests.actions.model import World, lane_id
from tests.actions.play import ACTS, RATIO_ACTS, play
from tests.actions.rules import Design

# As many more as the profile looks for, in `make audit`.
PARTS, RUNS = 2, max(100, settings().max_examples)
LANE = lane_id(1)
# What plays have to have met, besides every act.
RARE = ("suspense", "dropped", "not dropped", "dust", "cuts after a ratio")
LATE = ("arm", "lanes behind", "lanes far behind")
ALWAYS = {"tick", "days", "to close", "catch up", "admission", "fix", "arm"}


@pytest.mark.requirement("INV-1", "INV-2", "INV-6", "INV-12")
@pytest.mark.parametrize("late", [False, True], ids=["in time", "told late"])
@pytest.mark.parametrize("part", range(PARTS))
def test_ratios_take_nothing_from_anybody_and_give_nobody_anything(part: int, late: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part * RUNS, (part + 1) * RUNS):
        seen += play(Design(), seed, ratios=True, late=late)
    wanted = (*ACTS, *RATIO_ACTS, *RARE)
    missed = [name for name in wanted if name not in ALWAYS and not seen[name]]
    assert missed + [name for name in LATE * late if not seen[name]] == []
    assert seen["announce"] > RUNS
    assert seen["cuts after a ratio"] > 4 * RUNS
    assert seen["units followed"] > 1_000 * RUNS


@pytest.mark.parametrize("design", NAIVE_RATIOS, ids=lambda design: design.__name__)
def test_a_naive_design_breaks_its_own_invariant(design: type[Design]) -> None:
    expected, runs, late = NAIVE_RATIOS[design]
    found = []
    for seed in range(runs):
        try:
            play(design(), seed, ratios=True, late=late)
        except Broken as broken:
            found.append(broken.what)
            if broken.what is expected:
                return
    pytest.fail(f"{expected} is not among {found}")


# ----------------------------------------------------------------- one ratio, by hand


def passed(world: World, day: int) -> None:
    """Every clock to the first moment of a business day."""
    for ledger in world.ledgers:
        ledger.now = ledger.ends(day - 1)


def sent(world: World, source: int, amount: int, sender: str = "ann") -> Message:
    """A message to a person of the same name at the other end."""
    message = world.send(source, 1 - source, sender, sender, amount)
    assert message is not None
    return message


def landed(world: World, source: int, amount: int, sender: str = "ann") -> Message:
    """One that is there."""
    message = sent(world, source, amount, sender)
    assert world.deliver(message)
    return message


def told(world: World, numerator: int, denominator: int, late: bool = False) -> int:
    """A ratio is announced for tomorrow; its first day."""
    assert world.announce(numerator, denominator, 0)
    if not late:
        assert world.arm(1)
    return world.home.ratios[-1].first_day


def share(world: World, day: int) -> Share:
    """A lane's part of a close, if all fits."""
    cut = world.fix(day)
    world.check_cut(day, cut)
    return cut.shares[LANE]


@pytest.mark.requirement("INV-6", "INV-12")
@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "after"),
    [(25, 4, 1, 100), (25, 1, 10, 2), (25, 3, 2, 37), (25, 7, 5, 35), (25, 1, 3, 8)],
)
def test_a_message_is_restated_where_it_lands_and_claims_what_left(
    amount: int, numerator: int, denominator: int, after: int
) -> None:
    world = World(1)
    message = sent(world, HOME, amount)
    first = told(world, numerator, denominator)
    passed(world, first + 2)
    assert world.deliver(message)
    assert world.ledgers[1].has("ann") == after
    passed(world, first + 4)
    for day, units in ((first - 1, amount), (first, after), (first + 1, after)):
        assert share(world, day) == Share(0, 0, units, 0)
        assert world.claimed(day)[1, 1] == units


@pytest.mark.requirement("INV-2")
@pytest.mark.parametrize("numerator", [1, 4])
def test_a_ledger_that_was_not_told_lets_a_later_message_wait_and_takes_it_then(
    numerator: int,
) -> None:
    world = World(1)
    landed(world, HOME, 20)
    first = told(world, numerator, 3, late=True)
    passed(world, first)
    message = sent(world, HOME, 5)
    assert not world.deliver(message)
    assert message.state is State.TRANSIT
    passed(world, first + 1)
    # Late is never at once.
    assert world.arm(1)
    assert not world.deliver(message)
    passed(world, first + 2)
    assert world.deliver(message)
    assert world.ledgers[1].has("ann") == 20 * numerator // 3 + 5
    world.check_step()


@pytest.mark.requirement("INV-6", "INV-12")
def test_a_record_date_between_home_s_day_and_a_late_ledger_s_is_paid_like_any_other() -> None:
    """No day need be kept, and nobody waits: home restates what it is told."""
    world = World(1)
    landed(world, HOME, 25)
    first = told(world, 1, 10, late=True)
    back = sent(world, 1, 5)
    passed(world, first)
    out = sent(world, HOME, 3)
    passed(world, first + 2)
    assert world.arm(1)
    assert world.deliver(back)
    # 20 there are 2; 5 under way home are none: home owed 2, and 3 that it sent since.
    assert world.fix(first) == world.fix(first + 1)
    assert world.fix(first).shares == {LANE: Share(0, 2, 3, 0)}
    passed(world, first + 3)
    assert world.deliver(out)
    passed(world, first + 4)
    assert share(world, first) == share(world, first + 2) == Share(0, 2, 3, 0)
    assert share(world, first + 3) == Share(0, 5, 0, 0)
    assert +Counter(world.claimed(first)) == {HOME: 12, 1: 2, (1, 1): 3}


@pytest.mark.requirement("INV-6")
def test_a_ledger_two_ratios_behind_is_asked_all_the_same() -> None:
    world = World(1)
    landed(world, HOME, 50)
    told(world, 1, 3, late=True)
    last = told(world, 3, 2, late=True)
    back = sent(world, 1, 10)
    passed(world, last + 1)
    assert world.arm(1)
    assert world.arm(1)
    assert world.deliver(back)
    passed(world, last + 5)
    # Home owes 50, 16, 24; there are 40, 13, 19. Under way are 10, 3, 4, and 1 is a remainder.
    assert share(world, last) == Share(5, 19, 0, 0)
    assert world.claimed(last)[HOME, 1] == 4
    assert share(world, last + 4) == Share(1, 19, 0, 0)


# ------------------------------------------------------- what attacks on the design found


@pytest.mark.requirement("INV-6")
def test_one_message_landed_and_one_in_flight_of_1_to_10_do_not_hold_up_later_events() -> None:
    """Floors of parts sum to 0, what is owed is 1: it counts as under way home."""
    outcomes: list[Share | Property] = []
    for design in (Design(), FloorBoth()):
        world = World(1, design)
        landed(world, HOME, 5)
        message = sent(world, HOME, 5)
        first = told(world, 1, 10)
        passed(world, first + 1)
        assert world.deliver(message)
        passed(world, first + 2)
        try:
            outcomes.append(share(world, first))
        except Broken as broken:
            outcomes.append(broken.what)
    assert outcomes == [Share(1, 0, 0, 0), Property.GATE]


@pytest.mark.requirement("INV-2", "INV-12")
@pytest.mark.parametrize(
    ("design", "lands"), [(Design(), 8), (KeepsLater(), 400)], ids=["as decided", "keeps later"]
)
def test_a_ledger_that_drops_the_first_of_two_ratios_sets_aside_the_second(
    design: Design, lands: int
) -> None:
    """With the second in the first one's place 100 units of 25 old ones would be taken for 1:10 of
    nothing: what is epoch 1 there is not epoch 1 at home."""
    world = World(1, design, each=400)
    landed(world, HOME, 400)
    landed(world, HOME, 400, "bob")
    landed(world, HOME, 400, "cat")
    told(world, 1, 10)
    last = told(world, 4, 1)
    assert world.withdraw(0)
    assert world.hear(1)
    # Home gets no answer by its day, and applies; the other ledger learns that late.
    passed(world, last)
    remote = world.ledgers[1]
    old = remote.epoch() == 0
    assert old == (lands == 8)
    message = sent(world, 1, 25 if old else 100)
    assert world.end_withdrawal()
    if not old:
        # One epoch there, the first of home's two: four times what is owed.
        world.home.now = max(world.home.now, remote.now)
    before = world.home.has("ann")
    assert world.deliver(message)
    assert world.home.has("ann") - before == lands


@pytest.mark.requirement("INV-2")
def test_home_drops_a_ratio_only_with_every_answer_and_before_its_day() -> None:
    world = World(2)
    first = told(world, 4, 1)
    assert world.arm(2)
    assert world.withdraw(0)
    assert world.hear(1)
    # One that dropped it waits for the last word.
    assert not world.arm(1)
    assert not world.end_withdrawal()
    assert world.hear(2)
    assert world.end_withdrawal()
    assert [ledger.ratios for ledger in world.ledgers] == [[], [], []]
    passed(world, first + 1)
    assert [ledger.epoch() for ledger in world.ledgers] == [0, 0, 0]


@pytest.mark.requirement("INV-2")
def test_a_ratio_in_force_on_any_ledger_is_dropped_by_none() -> None:
    world = World(2)
    first = told(world, 4, 1)
    assert world.arm(2)
    world.ledgers[2].now = world.ledgers[2].ends(first - 1)
    assert world.withdraw(0)
    assert world.hear(1)
    assert not world.hear(2)
    assert not world.end_withdrawal()
    passed(world, first)
    assert world.end_withdrawal()
    # What dropped it takes it late.
    assert world.arm(1)
    passed(world, first + 1)
    assert [ledger.epoch() for ledger in world.ledgers] == [1, 1, 1]
    assert world.ledgers[1].ratios[0].first_day == first + 1


def bridged(design: Design, out: int, carried: int) -> World:
    """What went out at home with another bridge, and what came to the remote ledger of it."""
    world = World(1, design)
    landed(world, HOME, out)
    assert world.bridge_out(HOME, "bob", carried)
    assert world.bridge_in(1, "bob", carried)
    return world


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize(
    ("units", "carried", "numerator", "denominator", "naive"),
    [
        # 100 and 5 there are 420, of which 20 came by no message.
        (20, 5, 4, 1, CameForgotten()),
        # 5 and 5 are 1 there, and at home neither is any.
        (5, 5, 1, 10, NeverShort()),
        (5, 5, 1, 10, NothingRounded()),
    ],
    ids=["came", "short", "rounded"],
)
def test_what_other_bridges_carried_does_not_hold_up_a_lane_after_a_ratio(
    units: int, carried: int, numerator: int, denominator: int, naive: Design
) -> None:
    outcomes: list[Share | Property] = []
    for design in (Design(), naive):
        world = bridged(design, units, carried)
        first = told(world, numerator, denominator)
        passed(world, first + 2)
        try:
            outcomes.append(share(world, first))
            assert world.claimed(first)[1] == world.ledgers[1].has("ann") + world.ledgers[1].has(
                "bob"
            )
        except Broken as broken:
            outcomes.append(broken.what)
    there = (units + carried) * numerator // denominator
    assert outcomes == [Share(0, there, 0, 0), Property.GATE]


@pytest.mark.requirement("INV-6")
def test_what_a_lane_is_short_of_is_restated_by_the_next_ratio() -> None:
    """Of 5 that came by a message and 5 that did not 1 is there after 1:10, and 4 after 4:1."""
    world = bridged(Design(), 5, 5)
    told(world, 1, 10)
    last = told(world, 4, 1)
    passed(world, last + 2)
    assert share(world, last - 1) == Share(0, 1, 0, 0)
    assert share(world, last) == Share(0, 4, 0, 0)


@pytest.mark.requirement("INV-6")
def test_what_left_two_ledgers_and_came_to_one_is_not_refused_for_its_rounding() -> None:
    """5 and 5 are none of 1:10 each; together they are 1."""
    found = []
    for design in (Design(), NothingRounded()):
        world = World(2, design)
        for lane, units in ((1, 20), (2, 25)):
            message = world.send(HOME, lane, "ann", "ann", units)
            assert message is not None
            assert world.deliver(message)
        assert world.bridge_out(HOME, "bob", 5)
        assert world.bridge_out(2, "ann", 5)
        assert world.bridge_in(1, "bob", 5)
        assert world.bridge_in(1, "bob", 5)
        first = told(world, 1, 10)
        assert world.arm(2)
        passed(world, first + 2)
        cut = world.fix(first)
        parts = [cut.accounts, cut.pooled, cut.elsewhere, *cut.kept.values()]
        for each in cut.shares.values():
            parts += [each.home_crossing, each.accounts, each.crossing, each.pooled]
        # What was rounded off is part of the issue too.
        assert sum(parts) == cut.issue
        found.append(
            (cut.breaks, cut.elsewhere, {lane: each.accounts for lane, each in cut.shares.items()})
        )
    assert found == [
        ((), 0, {LANE: 3, lane_id(2): 2}),
        ((Break(LANE, "came by no message", 1, 0),), 0, {lane_id(2): 2}),
    ]


def test_figures_that_do_not_fit_are_seen_in_old_units_and_can_t_hide_in_a_floor() -> None:
    """2 more arrived than were sent: modulo 2**104 nearly all there is, and 1:2**40 of it little
    enough to be owed."""
    home, ratio = HomeEnd(2**70, 0, 2**70), Ratio(1, 2**40 - 1, 9)
    lie = RemoteEnd(2**70 + 2, 0, 0)
    wrong = carry(Base(), home, lie, ratio, LANE)
    assert wrong == Break(LANE, "arrived abroad", 2**70 + 2, 2**70)
    fits = carry(Base(), home, RemoteEnd(2**70 - 2, 0, 0), ratio, LANE)
    assert fits == Base(out=2**70 // (2**40 - 1))


# ------------------------------------------------------------------ the model notices


def _a_remainder_is_credited_twice(world: World) -> None:
    world.home.credit(AGENT, 1)


def _a_lane_pays_a_unit_that_is_dust(world: World) -> None:
    world.home.count("outstanding 1", -1)
    world.home.count("suspense 1", 1)


def _a_lane_owes_less_than_is_out(world: World) -> None:
    world.home.count("outstanding 1", -1)


def _a_remote_ledger_is_early(world: World) -> None:
    world.ledgers[1].ratios[0] = world.ledgers[1].ratios[0]._replace(first_day=1)


def _a_remote_ledger_knows_another_ratio(world: World) -> None:
    world.ledgers[1].ratios[0] = world.ledgers[1].ratios[0]._replace(numerator=5)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (_a_remainder_is_credited_twice, Property.POSITIONS),
        (_a_lane_pays_a_unit_that_is_dust, Property.BACKING),
        (_a_lane_owes_less_than_is_out, Property.BACKING),
        (_a_remote_ledger_is_early, Property.ONCE_EACH),
        (_a_remote_ledger_knows_another_ratio, Property.ONCE_EACH),
    ],
)
def test_a_step_that_breaks_an_invariant_after_a_ratio_is_noticed(
    act: Callable[[World], None], what: Property
) -> None:
    world = World(1)
    landed(world, HOME, 20)
    first = told(world, 3, 2)
    passed(world, first)
    world.check_step()
    act(world)
    with pytest.raises(Broken) as caught:
        world.check_step()
    assert caught.value.what is what


def test_restated_figures_are_those_of_a_ledger_that_takes_the_ratio_at_that_close() -> None:
    figures = RemoteEnd(supply=25, suspense=11, sent=7, came=-15, pooled=9)
    ratio = Ratio(1, 10, 9)
    assert restated(figures, ratio) == RemoteEnd(supply=2, suspense=1, sent=0, came=-1, pooled=0)
