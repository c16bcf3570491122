"""How long hypothesis plays, by TALLYSTICK_HYPOTHESIS_PROFILE: `dev`, `ci`, `deep`, or `mutation`.

`ci` repeats itself: its runs follow from the seeds below and nothing else
(TALLYSTICK_HYPOTHESIS_SEED shifts them). `dev` and `deep` draw a seed, and a failure prints it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test

# Hypothesis plays much of a run again in the next ones. Fresh seeds let it not dwell on one.
_RUNS_A_SEED: Final = 25
# The runs of a profile are split, so that several workers can share them.
PARTS: Final = 3


@dataclass(frozen=True)
class Profile:
    """Runs in all parts together, steps a run, whether runs repeat exactly."""

    runs: int
    steps: int
    repeats: bool
    shrinks: bool = True


PROFILES: Final = {
    "dev": Profile(runs=150, steps=40, repeats=False),
    "ci": Profile(runs=600, steps=50, repeats=True),
    "deep": Profile(runs=6_000, steps=100, repeats=False),
    # For each mutant of tools/mutation; too few runs to reach everything, so it gives a seed.
    "mutation": Profile(runs=60, steps=50, repeats=True, shrinks=False),
}


def chosen() -> tuple[str, Profile]:
    """The profile of this process; an unknown name is an error."""
    fallback = "ci" if os.environ.get("CI") else os.environ.get("HYPOTHESIS_PROFILE", "ci")
    name = os.environ.get("TALLYSTICK_HYPOTHESIS_PROFILE", fallback)
    if name not in PROFILES:
        raise ValueError(f"TALLYSTICK_HYPOTHESIS_PROFILE is {name}: expected {', '.join(PROFILES)}")
    return name, PROFILES[name]


@contextmanager
def _nothing_from_sources() -> Iterator[None]:
    """Keep hypothesis from drawing the constants of whatever modules happen to be loaded.

    A play would else depend on which tests ran before it in the same process.
    """
    with (
        patch.object(providers, "_get_local_constants", Constants),
        patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
    ):
        yield


def play(
    machine: type[RuleBasedStateMachine],
    part: int,
    profile: Profile,
    *,
    name: str = "",
    runs: int | None = None,
) -> None:
    """Play one part of a profile's runs.

    Raises:
        AssertionError: the shortest play found in which ledgers and model differ, as notes.
    """
    base = int(os.environ.get("TALLYSTICK_HYPOTHESIS_SEED", "20261126"))
    number = base + part if profile.repeats else random.SystemRandom().getrandbits(32)
    print(f"profile {name or 'given'}, part {part}: seed {number}")
    phases = [Phase.generate, *([Phase.shrink] if profile.shrinks else [])]
    left = -(-profile.runs // PARTS) if runs is None else runs
    begun = 0
    while left > 0:
        _play_some(machine, min(left, _RUNS_A_SEED), number + begun * 2**32, part, profile, phases)
        left, begun = left - _RUNS_A_SEED, begun + 1


def _play_some(
    machine: type[RuleBasedStateMachine],
    runs: int,
    number: int,
    part: int,
    profile: Profile,
    phases: list[Phase],
) -> None:
    """Play some runs of a part, from a seed of their own."""
    test: Any = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=profile.steps,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    try:
        with _nothing_from_sources():
            seed(number)(test)()
    except BaseException as error:
        base = number % 2**32
        error.add_note(f"seed {base} (TALLYSTICK_HYPOTHESIS_SEED={base - part}, part {part})")
        raise
