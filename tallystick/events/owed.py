"""What engines' storage says that was told and not taken, whatever logs show of it.

Engines keep no list of what they tell. But who took a record says so; totals, ratios and reversals
are kept at both ends: what one end has and the other has not was told, and is in a log.
"""

from __future__ import annotations

from typing import NamedTuple

from tallystick.actions.message import Kind, Status, version_id
from tallystick.bridge.message import ledger_id
from tallystick.chain import Event
from tallystick.events.asking import Asking
from tallystick.events.engines import Engines

__all__ = ["Owed", "key_of", "owed"]


class Owed(NamedTuple):
    """Something that was told: its kind, its event, and which of that kind it is."""

    kind: Kind
    coaf: bytes
    which: bytes


def key_of(kind: Kind, event: Event) -> Owed | None:
    """Return what a log tells, as `owed` names it; None: nothing that storage shows."""
    if kind is Kind.RECORD:
        return Owed(kind, bytes(event.coaf), bytes(event.record_hash))
    if kind is Kind.ARMED:
        return Owed(kind, bytes(event.coaf), bytes(event.args["armed"].event_version))
    if kind is Kind.TOTALS:
        return Owed(kind, bytes(event.coaf), bytes(event.args["totals"].lane))
    if kind in (Kind.RATIO, Kind.ENTERED):
        told = event.args["ratio" if kind is Kind.RATIO else "entered"]
        return Owed(kind, bytes(event.coaf), _of_version(told.version))
    return Owed(kind, bytes(event.coaf), b"") if kind is Kind.REVERSAL else None


def owed(engines: Engines, remote: str, coaf: bytes) -> Asking[list[tuple[str, Owed]]]:
    """Ask what home and a remote ledger told one another of an event that the other has not.

    Returns:
        who told it, and what.
    """
    home, there = engines.engine(engines.home), engines.engine(remote)
    lane = engines.lanes[remote].id_bytes
    name = ledger_id(engines.chain(remote).caip2)
    mine, its, share, its_share, reversal, its_reversal, ratio = yield [
        (home, "event_of", coaf),
        (there, "event_of", coaf),
        (home, "share_of", coaf, lane),
        (there, "share_of", coaf, lane),
        (home, "reversal_of", coaf),
        (there, "reversal_of", coaf),
        (home, "armed_ratio", coaf),
    ]
    version, known, in_force = yield [
        (home, "version_of", mine.in_force),
        (there, "version_of", mine.in_force),
        (there, "version_of", its.in_force),
    ]
    taken = version_id(bytes(its.in_force), in_force.status)
    (armed,) = yield [(home, "told_at", taken, name)]
    newer = in_force.halted or in_force.version >= version.version
    found = []
    if version.status and not known.status and not newer:
        found.append((engines.home, Owed(Kind.RECORD, coaf, bytes(mine.in_force))))
    if in_force.status and not armed.taken_at:
        found.append((remote, Owed(Kind.ARMED, coaf, taken)))
    if share.fixed and not its_share.fixed:
        found.append((engines.home, Owed(Kind.TOTALS, coaf, lane)))
    if reversal.since and not its_reversal.since:
        found.append((engines.home, Owed(Kind.REVERSAL, coaf, b"")))
    if not ratio.epoch:
        # Home arms first and drops last.
        return found
    its_ratio, (_, heard, _) = yield [
        (there, "armed_ratio", coaf),
        (home, "ratio_told", coaf, name),
    ]
    # What the record in force there does not name is not taken there.
    named = in_force.status == Status.ACTIVE and in_force.version == ratio.version
    if not its_ratio.epoch and named and not in_force.halted:
        found.append((engines.home, Owed(Kind.RATIO, coaf, _of_version(ratio.version))))
    if its_ratio.epoch and heard < its_ratio.version:
        found.append((remote, Owed(Kind.ENTERED, coaf, _of_version(its_ratio.version))))
    return found


def _of_version(version: int) -> bytes:
    return int(version).to_bytes(4, "big")
