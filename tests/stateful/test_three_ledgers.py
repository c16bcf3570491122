"""Three ledgers and two instruments under random play, beside their model."""

from __future__ import annotations

import pytest

from tests.stateful.many_machine import ManyLedgersMachine
from tests.stateful.many_play import Play
from tests.stateful.profiles import chosen, play

NAME, PROFILE = chosen()


def test_all_ledgers_do_what_the_model_says() -> None:
    play(ManyLedgersMachine, 0, PROFILE, name=NAME, runs=20)
    for k, v in sorted(Play.outcomes.items()): print(k, v)
