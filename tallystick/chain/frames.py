"""What ran, as a tracer of the embedded ledger sees it."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple, Protocol

from tallystick.chain.interpreter import instructions

__all__ = ["Frame", "Tracer", "run_pcs"]


class Frame(NamedTuple):
    """One execution of code, as a tracer sees it after it ended.

    Attributes:
        code: the code that ran. On chain it is the artifact's `bytecode_runtime` with the
            immutables behind it; during creation it is the creation code with its arguments.
        runs: (first pc, last pc) of each stretch executed without a jump, in order; few differ.
        jumps: (pc, taken) of every JUMPI, in order.
        create: whether it is creation code.
        address: whose storage it ran on.
        code_address: where the code lives (another one under DELEGATECALL).
    """

    code: bytes
    runs: tuple[tuple[int, int], ...]
    jumps: tuple[tuple[int, bool], ...]
    create: bool
    address: bytes
    code_address: bytes


@functools.lru_cache(maxsize=65_536)
def run_pcs(code: bytes, first: int, last: int) -> tuple[int, ...]:
    """The program counters of the instructions from `first` to `last`."""
    counters = (pc for pc, _, _ in instructions(code, first))
    return tuple(itertools.takewhile(lambda pc: pc <= last, counters))


class Tracer(Protocol):
    """Receives every frame of code that runs, calls included, the innermost first."""

    def __call__(self, frame: Frame, /) -> None:
        """Called when the frame ended, whether it returned or reverted."""
