"""A fact: what a ledger was meant to say, and what it says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Fact", "Found", "Key", "compare"]


class Key(NamedTuple):
    """What a fact is about: a ledger, the contract that answers, and what is asked."""

    ledger: str
    contract: str
    what: str


class Found(NamedTuple):
    """What a contract says; `otherwise` is meant where neither plan nor manifest says anything.

    None: nothing is meant then, and what was found is only shown.
    """

    contract: str
    what: str
    found: str
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact in words for people; `meant` is None where nobody said what it should be."""

    ledger: str
    contract: str
    what: str
    meant: str | None
    found: str

    @property
    def wrong(self) -> bool:
        """Whether something else was meant."""
        return self.meant is not None and self.meant != self.found

    def __str__(self) -> str:
        expected = "" if self.meant is None else f", {self.meant} expected"
        return f"{self.ledger}: {self.contract}: {self.what}: {self.found}{expected}"


def compare(meant: Mapping[Key, str], found: Mapping[Key, Found]) -> tuple[Fact, ...]:
    """Return every fact that was meant or found, wrong ones first, each contract's together.

    What was meant and not found is a fact, too, unless its contract says something wrong already:
    what can't be asked then follows from that.
    """
    facts = [Fact(*key, meant.get(key, each.otherwise), each.found) for key, each in found.items()]
    broken = {(fact.ledger, fact.contract) for fact in facts if fact.wrong}
    facts += [
        Fact(*key, text, "not found")
        for key, text in meant.items()
        if key not in found and key[:2] not in broken
    ]
    ranks: dict[tuple[str, str], int] = {}
    for fact in facts:
        ranks.setdefault((fact.ledger, fact.contract), len(ranks))
    return tuple(
        sorted(facts, key=lambda fact: (not fact.wrong, ranks[fact.ledger, fact.contract]))
    )
