"""Any play of three live ledgers over three ratios: home's engine splits as the model does.

What stood at a close is seen as it happens and carried here, ratio by ratio; no history is asked
for it. Either other ledger is told of each ratio in time, or whenever chance has it, so that it is
up to three behind. Somebody else's bridges carry units between all three.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.cut import (
    Cut,
)
from tallystick.actions.message import EventVersion
from tallystick.actions.record import EventRecord
from tallystick.status.ledger_log import read_log
from tallystick.status.reconciled import reconcile
from tests.actions.play_over_ratios import (
    EACH,
    END,
    FRACTIONS,
    RECORD_DAYS,
    TODAY,
    Play,
    epoch_at_home,
)
from tests.actions.test_cut_on_chain import close_ahead
from tests.support.actions import begin
from tests.support.over_ratio import paid_soon
from tests.support.three_ledgers import HOLDERS, HOME, REMOTES, ThreeLedgers
from tests.support.world import ISIN, STATED

_remotes, _ledgers = st.sampled_from(REMOTES), st.sampled_from((HOME, *REMOTES))
_holders, _which = st.integers(0, len(HOLDERS) - 1), st.integers(0, 9)
_units = st.sampled_from([1, 5, 7, 30, 95])
# How often, of how many acts.
_ACTS: dict[st.SearchStrategy[tuple[Any, ...]], int] = {
    st.tuples(
        *(st.just("send"), _remotes, st.booleans(), _holders, st.sampled_from([True, True, False])),
        *(_units, st.sampled_from([1, 3, 60])),
    ): 6,
    st.tuples(st.just("deliver"), _which): 4,
    st.tuples(st.just("tick"), _ledgers, st.sampled_from([5, 12, 24, 40])): 3,
    st.tuples(st.just("to_close"), _ledgers, st.sampled_from([-60, 0])): 2,
    st.tuples(st.just("catch_up")): 2,
    st.tuples(st.just("give_back"), _which): 1,
    st.tuples(st.just("late"), _remotes): 2,
    st.tuples(st.just("carry"), _ledgers, st.booleans(), _holders, _units): 3,
}
_KINDS = [kind for kind, often in _ACTS.items() for _ in range(often)]
_steps = st.lists(
    st.sampled_from(_KINDS).flatmap(lambda kind: kind),
    # Long enough that most plays lead over all ratios.
    min_size=25,
    max_size=45,
)
# Everybody has units everywhere before chance has its way.
_SPREAD: list[tuple[Any, ...]] = [
    *(("send", remote, True, holder, True, 500, 60) for remote in REMOTES for holder in (0, 1)),
    ("catch_up",),
    *(("deliver", 0),) * 4,
]


@pytest.fixture(scope="module")
def suite() -> ThreeLedgers:
    """Three ledgers, and a dividend for each record day, in force at home."""
    world = ThreeLedgers.deploy(EACH)
    home = world.home
    for name in world.sides:
        begin(world.sides[name], TODAY, 3_600)
    for record in records():
        home.engine.announce(record.as_tuple(), 1, *STATED, sender=home.issuer)
        proof = world.confirmed(EventVersion(record).id)
        home.engine.confirm(record.as_tuple(), proof, sender=home.courier)
    return world


def records() -> Iterator[EventRecord]:
    """A dividend of its own for each record day, in home's units of then."""
    for day in RECORD_DAYS:
        yield paid_soon(day - TODAY, day, epoch_at_home(day))


def played(
    world: ThreeLedgers,
    rates: list[tuple[int, int]],
    in_time: list[list[bool]],
    order: tuple[str, ...],
    steps: list[tuple[Any, ...]],
) -> list[Cut]:
    """Carry a play out, cut each record day, let all land, and compare."""
    with world.isolated():
        play = Play(world)
        play.begin(rates, in_time)
        for name, *arguments in _SPREAD + steps:
            getattr(play, name)(*arguments)
        for ledger, side in world.sides.items():
            while play.day(ledger) < END:
                play.to(ledger, close_ahead(side))
        for record in records():
            play.cut(record, order)
        cuts = [play.check(record) for record in records()]
        play.land_all()
        check_declared(world)
        for record, split in zip(records(), cuts, strict=True):
            play.check_claims(record, split)
        return cuts


def check_declared(world: ThreeLedgers) -> None:
    """What was fixed is what closes and messages say, from logs alone."""
    logs = {name: read_log(world.network.connection, name) for name in (HOME, *REMOTES)}
    events = {event.coaf: event.differences for event in reconcile(logs, ISIN)}
    assert [events[record.coaf] for record in records()] == [()] * len(RECORD_DAYS)


@pytest.mark.requirement("R-41", "R-42", "INV-6", "INV-12")
@settings(max_examples=max(settings().max_examples // 5, 1))
@given(
    rates=st.lists(st.sampled_from(FRACTIONS), min_size=3, max_size=3),
    in_time=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=2),
    order=st.permutations(REMOTES).map(tuple),
    steps=_steps,
)
def test_every_close_is_split_over_ratios_as_the_reference_splits_it(
    suite: ThreeLedgers,
    rates: list[tuple[int, int]],
    in_time: list[list[bool]],
    order: tuple[str, ...],
    steps: list[tuple[Any, ...]],
) -> None:
    played(suite, rates, in_time, order, steps)
