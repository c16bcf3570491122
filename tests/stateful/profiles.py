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
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test

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
def _each_run_drawn_anew() -> Iterator[None]:
    """Keep hypothesis from drawing constants of modules, and from playing copies of a run.

    With the constants of whatever modules happen to be loaded a play would depend on which tests
    ran before it in the same process. Of every run drawn it plays six copies with a piece of them
    repeated: of 200 runs 29 would be different plays.
    """
    with (
        patch.object(providers, "_get_local_constants", Constants),
        patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
        patch.object(ConjectureRunner, "generate_mutations_from", lambda *_: None),
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
    test: Any = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=-(-profile.runs // PARTS) if runs is None else runs,
            stateful_step_count=profile.steps,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    try:
        with _each_run_drawn_anew():
            seed(number)(test)()
    except BaseException as error:
        error.add_note(f"seed {number} (TALLYSTICK_HYPOTHESIS_SEED={number - part}, part {part})")
        raise
