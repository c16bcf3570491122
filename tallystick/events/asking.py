"""Questions to views that depend on one another, of many things at once: a batch a round."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from tallystick.chain import Chain, ChainError, CodecError, Revert

__all__ = ["Asking", "answered"]

T = TypeVar("T")

# Yields questions, (contract, view, its arguments …) each, and is sent what the views answer.
Asking = Generator[Sequence[tuple[Any, ...]], list[Any], T]


def answered(
    askings: Sequence[Asking[T]], block: Callable[[str], int | None] = lambda _: None
) -> list[T]:
    """Return what each finds out; what all of them ask next goes in one batch a ledger.

    Args:
        askings: however many, of any ledgers.
        block: the block at which the ledger of a name is asked; None: its last one.

    Raises:
        Revert: a view reverted.
        ChainError: a ledger can't be reached.
    """
    found: dict[int, T] = {}
    asked: dict[int, Sequence[tuple[Any, ...]]] = {}

    def go_on(at: int, answers: list[Any] | None) -> None:
        try:
            asked[at] = askings[at].send(answers)  # type: ignore[arg-type] # None begins
        except StopIteration as end:
            found[at] = end.value

    for at in range(len(askings)):
        go_on(at, None)
    while asked:
        by_chain: dict[Chain, list[tuple[int, int]]] = {}
        for at, questions in asked.items():
            for number, question in enumerate(questions):
                by_chain.setdefault(question[0].chain, []).append((at, number))
        round_, asked = asked, {}
        answers = {at: [None] * len(questions) for at, questions in round_.items()}
        for chain, places in by_chain.items():
            of_chain = (round_[at][number] for at, number in places)
            found_there = chain.ask(of_chain, block=block(chain.name))
            for (at, number), answer in zip(places, found_there, strict=True):
                if isinstance(answer, Revert):
                    raise answer
                if isinstance(answer, CodecError):
                    raise ChainError(str(answer))
                answers[at][number] = answer
        for at, of_one in answers.items():
            go_on(at, of_one)
    return [found[at] for at in range(len(askings))]
