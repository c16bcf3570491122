"""Requests to sign: who is told what is signed, and asked for a passphrase.

Nobody, unless a command says who sits there (`attended`): then each request is told with its ledger
and its step, before anything is asked or signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Attendant", "asked", "attended", "told"]


class Attendant(Protocol):
    """Whoever sits before a command."""

    def tell(self, step: str, account: str) -> None:
        """Say what an account is about to sign."""

    def ask(self, account: str) -> str | None:
        """Ask for the passphrase of an account; None where nobody can be asked."""


_present: list[Attendant] = []


@contextmanager
def attended(by: Attendant) -> Iterator[None]:
    """Tell and ask somebody, while the block runs."""
    _present.append(by)
    try:
        yield
    finally:
        _present.remove(by)


def told(step: str, account: str) -> None:
    """Tell whoever is there what an account is about to sign."""
    for each in _present[-1:]:
        each.tell(step, account)


def asked(account: str) -> str | None:
    """Ask whoever is there for the passphrase of an account; None: there is nobody."""
    return _present[-1].ask(account) if _present else None
