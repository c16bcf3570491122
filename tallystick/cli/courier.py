"""`tallystick courier`: steps until interrupted, or once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tallystick.bridge.message import MessageId
from tallystick.chain import ChainError
from tallystick.courier.courier import Courier, Outcome

__all__ = []

# Figures that change from step to step make no new reason to wait.
_COUNTS: Final = re.compile(r"\d+")


def run(
    courier: Courier,
    report: Callable[[Outcome], None],
    pause: Callable[[], None],
    trouble: Callable[[str], None],
    *,
    once: bool = False,
) -> bool:
    """Step until interrupted, or once; reports what changed and each new reason to wait.

    Args:
        courier: the courier.
        report: called with each outcome that is new.
        pause: waits between two steps.
        trouble: called once for each spell in which a node can't be reached.
        once: stop after one step that leaves nothing more to do at this moment.

    Returns:
        whether nothing was refused and nothing failed in the last step.
    """
    said: dict[MessageId, tuple[str, str]] = {}
    ill = ""
    while True:
        good, now = True, {}
        try:
            for outcome in courier.carry():
                key = (outcome.what, _COUNTS.sub("…", outcome.detail))
                if outcome.changed or said.get(outcome.id) != key:
                    report(outcome)
                said[outcome.id] = now[outcome.id] = key
                good &= outcome.what not in {"refused", "failed"}
            said, ill = now, ""
        except ChainError as error:
            if once:
                raise
            if str(error) != ill:
                trouble(str(error))
            ill = str(error)
        if once:
            return good
        pause()
