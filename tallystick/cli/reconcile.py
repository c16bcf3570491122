"""`tallystick reconcile`: the books of every lane, and what is left to do for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from tallystick.actions.suspensions import MOST_A_MONTH
from tallystick.cli.steps import carried_out, show_steps
from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.errors import InputError
from tallystick.events.books import Books, End, Lane
from tallystick.files.manifest import Manifest
from tallystick.reach import connection as reach
from tallystick.token.position import date_of

__all__ = ["Asked", "run"]

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """What the command is given."""

    manifest_path: Path
    rpc: Mapping[str, str]
    day: str
    account: str
    suspend: bool
    execute: bool
    as_json: bool


def run(asked: Asked) -> int:
    """Do what is left, then show where every lane's books stand.

    Returns:
        the exit status: 1 if anything is refused or suspended, or a deadline has passed.

    Raises:
        InputError: the manifest has no engines, or that day is none that is closed.
    """
    manifest = Manifest.load(asked.manifest_path)
    connection = reach.connect(manifest, account=asked.account, rpc=asked.rpc)
    try:
        books = Books(connection, account=asked.account, execute=asked.execute)
        day = _day(books, asked)
        steps = carried_out(books.settle(day, suspend=asked.suspend))
        with progress("reading the ledgers"):
            lanes = books.standing(day)
    finally:
        connection.close()
    if asked.as_json:
        document = {
            "schema": "tallystick.reconcile/1",
            "executed": asked.execute,
            "steps": [step.as_dict() for step in steps],
            "lanes": [lane.as_dict() for lane in lanes],
        }
        console().print(json_line(document), markup=False, soft_wrap=True)
    else:
        show_steps(str(asked.manifest_path), steps, execute=asked.execute)
        _show(lanes)
    sound = all(end.sound for lane in lanes for end in lane.ends)
    return int(not sound or any(step.state == "refused" for step in steps))


def _day(books: Books, asked: Asked) -> int:
    """The day that was asked for; 0: of each lane the newest that is closed."""
    if not asked.day:
        return 0
    expected = "a day such as 2026-11-27"
    try:
        day = date.fromisoformat(asked.day) if _DATE.fullmatch(asked.day) else None
    except ValueError:
        day = None
    if day is None:
        raise InputError(asked.manifest_path, "--day", asked.day, expected)
    lanes = books.engines.lanes
    first, newest = min(map(books.opened, lanes)), min(map(books.newest, lanes))
    number = (day - date_of(0)).days
    if not first <= number <= newest:
        expected = f"a day that is closed, from {date_of(first)}, when lanes opened, to "
        expected += f"{date_of(newest)}"
        raise InputError(asked.manifest_path, "--day", asked.day, expected)
    return number


def _show(lanes: Sequence[Lane]) -> None:
    show_table(
        console(),
        "Books",
        (
            "Lane to",
            "Close",
            "Figures",
            "Fit",
            "Ledger",
            "Reconciled",
            "Suspended",
            "Times",
            "Late",
        ),
        [
            (*(_known(lane) if end is lane.ends[0] else ("",) * 4), *_standing(end))
            for lane in lanes
            for end in lane.ends
        ],
        empty="no lanes",
    )


def _known(lane: Lane) -> tuple[str, ...]:
    fit = lane.misfit or ("yes" if lane.fits else "")
    return lane.remote, str(date_of(lane.day)), lane.figures or "not told", fit


def _standing(end: End) -> tuple[str, ...]:
    times = f"{end.suspensions}, {end.this_month} this month" if end.suspensions else ""
    often = f"; over {MOST_A_MONTH} in {', '.join(end.often)}" if end.often else ""
    return (
        end.ledger,
        str(date_of(end.reconciled)) if end.reconciled else "never",
        f"for {end.suspended_for.words}" if end.suspended_for else "",
        f"{times}{often}",
        "; ".join(each.words for each in end.late),
    )
