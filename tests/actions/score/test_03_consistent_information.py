"""SCoRE 3, consistency of information along the chain: every ledger has the same record, word for
word, and who carries it changes none."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.actions.message import EventVersion
from tests.support.actions import APPLE, COAF, Actions
from tests.support.world import refused


def logged(engine: Any, name: str) -> Any:
    """The one event of a name that an engine logged."""
    (event,) = [each for each in engine.events() if each.name == name]
    return event


@pytest.mark.requirement("R-40")
def test_both_ledgers_log_the_same_words_under_the_same_hash(actions: Actions) -> None:
    actions.take(actions.in_force(APPLE))
    announced = logged(actions.home.engine, "EventAnnounced")
    taken = logged(actions.remote.engine, "RecordTaken")
    assert tuple(announced.record) == tuple(taken.record) == APPLE.as_tuple()
    assert announced.record_hash == taken.record_hash == APPLE.hash
    for side in (actions.home, actions.remote):
        assert side.engine.record_hash(COAF, 1) == APPLE.hash


@pytest.mark.requirement("R-40", "INV-4")
@pytest.mark.parametrize("word", range(len(APPLE.as_tuple())))
def test_who_carries_a_record_changes_no_word_of_it(actions: Actions, word: int) -> None:
    """Not even to another that is well formed: what attestors signed is all of it."""
    version = actions.in_force(APPLE)
    message, record = actions.message(version), list(APPLE.as_tuple())
    now = record[word]
    record[word] = bytes([now[0] ^ 1]) + now[1:] if isinstance(now, bytes) else now + 1
    engine, key = actions.remote.engine, actions.remote.courier
    with refused(actions.world, "dispatch: of something else"):
        engine.take_record(message.as_tuple(), tuple(record), 1, actions.proof(message), sender=key)
    assert engine.event_of(COAF).in_force == bytes(32)
    actions.take(EventVersion(APPLE))
