"""The whole token under random play, that no function was left out, and that a fault is found."""

from __future__ import annotations

import os

import pytest

from tallystick.build import artifact
from tests.stateful.profiles import chosen, play
from tests.token.token_play import TokenPlay
from tests.token.token_rules import TokenMachine

NAME, PROFILE = chosen()


def test_x():
    play(TokenMachine, 0, PROFILE, name=NAME, runs=int(os.environ.get("RUNS", 10)))
    for f, c in sorted(TokenPlay.called.items()):
        print(f, dict(c))
