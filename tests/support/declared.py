"""What is declared and what was given, of a world's logs; and faults that are planted in those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tallystick.actions.record import EventRecord
from tallystick.status.declared import Difference, What
from tallystick.status.ledger_log import LedgerLog, read_log
from tallystick.status.reconciled import Event, Holding, reconcile, reconciled_of
from tallystick.status.rules.step import Logged
from tests.support.actions import APPLE
from tests.support.world import DAY, ISIN, World

Logs = Mapping[str, LedgerLog]
Change = Callable[[Logged], Logged]


def logs_of(world: World) -> dict[str, LedgerLog]:
    """Every ledger's log, home's first."""
    return {name: read_log(world.network.connection, name) for name in ("home", "remote")}


def event_of(world: World, coaf: str = APPLE.coaf) -> Event:
    """The event as it stands; nothing differs."""
    found = reconciled_of(world.network.connection, coaf)
    assert found.ok
    (event,) = found.events
    assert event.differences == ()
    return event


def holding(event: Event, account: Any, what: What = What.HELD) -> Holding:
    """What one holder is due."""
    (found,) = (
        each for each in event.holdings if (each.claim.account, each.claim.what) == (account, what)
    )
    return found


def changed(**arguments: Any) -> Change:
    """Arguments of an event, replaced, or by so much where a function says."""

    def change(logged: Logged) -> Logged:
        made = {n: v(logged.args[n]) if callable(v) else v for n, v in arguments.items()}
        return replace(logged, args={**logged.args, **made})

    return change


def earlier(days: int) -> Change:
    """An event so many days earlier."""
    return lambda logged: replace(logged, time=logged.time - days * DAY)


def more(*names: str) -> Callable[[Any], Any]:
    """One more in these members of a struct, or in a number."""
    if not names:
        return lambda value: value + 1
    return lambda struct: struct._replace(**{name: getattr(struct, name) + 1 for name in names})


def planted(logs: Logs, ledger: str, event: str, change: Change, at: int = 0) -> dict[str, Any]:
    """The logs with one event changed, the first of its name unless said otherwise."""
    log = logs[ledger]
    places = [place for place, each in enumerate(log.events) if each.event == event]
    events = list(log.events)
    events[places[at]] = change(events[places[at]])
    return {**logs, ledger: replace(log, events=tuple(events))}


def differences(logs: Logs, file: EventRecord | None = None) -> list[Difference]:
    """What differs of all events."""
    return [each for event in reconcile(logs, ISIN, "", file) for each in event.differences]


def shown(found: Difference) -> tuple[Any, ...]:
    """A difference, less the event and holder."""
    assert found.coaf == APPLE.coaf
    return found.kind, found.ledger, found.what, dict(found.declared), dict(found.applied)
