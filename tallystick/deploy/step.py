"""A step of a deployment: one transaction, and the question whether it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tallystick.chain import Contract, Method

__all__ = ["Call", "NotYet", "Question", "Step"]


class NotYet(Exception):
    """Something that this step builds on does not stand yet."""


class Question(NamedTuple):
    """What a contract is asked, and which answers say that a step is done: those that are true."""

    method: Method
    args: tuple[Any, ...] = ()
    holds: Callable[[Any], bool] = bool


class Call(NamedTuple):
    """What a transaction is to do: call a contract, or without one create what `data` creates."""

    to: Contract | None
    data: bytes


@dataclass(frozen=True, eq=False)
class Step:
    """A transaction and the question whether it is done already; the deployer's, unless a role's.

    Attributes:
        ledger: where it is sent.
        title: what people call it.
        done: whether it is, or what to ask, many at once; raises `NotYet` where what it builds on
            does not stand.
        call: what is sent; raises `NotYet` likewise.
        makes: what it puts on the ledger: a journalled contract's key, or a proxy's name.
        after: steps that have to be done before, where `call` doesn't ask for what they make.
        last: it ends the set-up of a contract, so that nothing of its ledger may be left before it.
        by: whose it is, as a manifest calls the role; empty: the deployer's.
    """

    ledger: str
    title: str
    done: Callable[[], bool | Question]
    call: Callable[[], Call]
    makes: str | None = None
    after: tuple[Step, ...] = ()
    last: bool = False
    by: str = ""
