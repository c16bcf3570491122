"""Acts on ledgers as a command shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

__all__ = ["Shown", "carried_out", "show_steps"]

_STATES: Final = ("executed", "done", "pending", "waiting", "refused")


class Shown(Protocol):
    """What became of one act on a ledger, of an event or of a script."""

    @property
    def ledger(self) -> str:
        """Where."""

    @property
    def act(self) -> str:
        """What is called."""

    @property
    def state(self) -> str:
        """How far it is."""

    @property
    def detail(self) -> str:
        """What of it, or why."""


AnyStep = TypeVar("AnyStep", bound=Shown)


def carried_out(steps: Iterable[AnyStep]) -> list[AnyStep]:
    """Do steps one after the other; shows which."""
    from tallystick.cli.terminal import progress

    found = []
    with progress() as tell:
        for step in steps:
            tell(f"{step.ledger}: {step.act}")
            found.append(step)
    return found


def show_steps(title: str, found: Sequence[Shown], *, execute: bool) -> None:
    """Print what became of steps, and how many are how far."""
    from tallystick.cli.terminal import console, show_table

    shown = console()
    rows = [(step.ledger, step.act, step.state, step.detail) for step in found]
    show_table(shown, title, ("Ledger", "Act", "State", ""), rows, empty="nothing to do")
    counts = [(sum(step.state == state for step in found), state) for state in _STATES]
    summary = ", ".join(f"{count} {state}" for count, state in counts if count)
    dry = "" if execute else "dry run, nothing was sent (--execute sends): "
    if found:
        shown.print(f"{dry}{summary}", markup=False, soft_wrap=True)
