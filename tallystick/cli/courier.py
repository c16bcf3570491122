"""`tallystick courier`: steps until interrupted, or once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from tallystick.chain import ChainError
from tallystick.courier.courier import Courier
from tallystick.events.courier import BookKeeper, EngineCourier
from tallystick.reach.connection import Connection

__all__ = []

# Figures that change from step to step make no new reason to wait.
_COUNTS: Final = re.compile(r"\d+")


class Outcome(Protocol):
    """What became of a message in one step, of whatever kind it is."""

    @property
    def what(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def id(self) -> bytes: ...
    @property
    def detail(self) -> str: ...
    @property
    def tx_hash(self) -> str: ...
    @property
    def changed(self) -> bool: ...
    def as_dict(self) -> dict[str, Any]: ...


class Carries(Protocol):
    """A courier of some kind of message."""

    def carry(self) -> Iterator[Outcome]: ...


def couriers(connection: Connection, account: str = "") -> tuple[Carries, ...]:
    """Return who carries what there is: units of lanes; with engines what those tell, days' closes.

    Raises:
        InputError: nothing here signs for the account.
    """
    lanes = Courier(connection, account=account)
    if connection.manifest.actions is None:
        return (lanes,)
    return (
        lanes,
        EngineCourier(connection, account=account),
        BookKeeper(connection, account=account),
    )


def run(
    carriers: Sequence[Carries],
    report: Callable[[Outcome], None],
    pause: Callable[[], None],
    trouble: Callable[[str], None],
    *,
    once: bool = False,
) -> bool:
    """Step until interrupted, or once; reports what changed and each new reason to wait.

    Args:
        carriers: who carries, one after the other in each step.
        report: called with each outcome that is new.
        pause: waits between two steps.
        trouble: called once for each spell in which a node can't be reached.
        once: stop after one step that leaves nothing more to do at this moment.

    Returns:
        whether nothing was refused and nothing failed in the last step.
    """
    said: dict[tuple[bytes, str], tuple[str, str]] = {}
    ill: list[str] = []
    while True:
        good, now, errors = True, {}, list[ChainError]()
        for carrier in carriers:
            try:
                for outcome in carrier.carry():
                    message = (outcome.id, outcome.destination)
                    key = (outcome.what, _COUNTS.sub("…", outcome.detail))
                    if outcome.changed or said.get(message) != key:
                        report(outcome)
                    said[message] = now[message] = key
                    good &= outcome.what not in {"refused", "failed"}
            except ChainError as error:
                # What the others carry may be between ledgers that are there.
                errors.append(error)
        if errors and once:
            raise errors[0]
        for text in dict.fromkeys(str(error) for error in errors):
            if text not in ill:
                trouble(text)
        ill = [str(error) for error in errors]
        if not ill:
            said = now
        if once:
            return good
        pause()
