"""`tallystick courier`: steps until interrupted, or once; what it says, to whom."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from tallystick.bridge.carrying import Halt
from tallystick.cli.terminal import errors, json_line
from tallystick.courier.courier import Courier
from tallystick.events.courier import BookKeeper, EngineCourier
from tallystick.events.ratio_keeper import RatioKeeper
from tallystick.reach.connection import Connection
from tallystick.reach.sending import Ledgers, SentJournal
from tallystick.text import one_line

__all__ = ["couriers", "reporter", "run"]

# Figures that change from step to step make no new reason to wait.
_COUNTS: Final = re.compile(r"\d+")
# Seconds for which a single step waits for the blocks of what it handed over.
_BLOCKS: Final = 120.0
_BAD: Final = frozenset({"failed", "incomplete", "refused", "stopped"})


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


def couriers(
    connection: Connection, account: str = "", journal: SentJournal | None = None
) -> tuple[Carries, ...]:
    """Return who carries what there is: units of lanes; with engines what those tell.

    With engines also who has lanes taken over ratios, and days' closes told and reconciled.

    Args:
        connection: the ledgers.
        account: who sends and pays on every ledger, as for `Courier`.
        journal: where what was handed over and is not final is kept; in memory when left out.

    Raises:
        InputError: nothing here signs for the account.
    """
    # They send from the same accounts.
    ledgers = Ledgers(connection, account, journal)
    lanes = Courier(connection, ledgers=ledgers)
    if connection.manifest.actions is None:
        return (lanes,)
    return (
        lanes,
        EngineCourier(connection, account=account, ledgers=ledgers),
        RatioKeeper(connection, account=account, ledgers=ledgers),
        BookKeeper(connection, account=account, ledgers=ledgers),
    )


def run(
    carriers: Sequence[Carries],
    report: Callable[[Outcome], None],
    pause: Callable[[], None],
    *,
    once: bool = False,
) -> bool:
    """Step until interrupted, or once; reports what changed and each new reason to wait or halt.

    Args:
        carriers: who carries, one after the other in each step.
        report: called with each outcome that is new.
        pause: waits between two steps.
        once: stop after one step, or as many as it takes until what was handed over is in blocks.

    Returns:
        whether in the last step nothing was refused, nothing failed and nothing halted.
    """
    ends = time.monotonic() + _BLOCKS
    said: dict[tuple[str, ...], tuple[str, str]] = {}
    halted: dict[tuple[str, ...], Halt] = {}
    while True:
        good, under_way, now = True, False, dict[tuple[str, ...], tuple[str, str]]()
        halts, halted = halted, {}
        for number, carrier in enumerate(carriers):
            for outcome in carrier.carry():
                what, way = outcome.what, (outcome.id.hex(), outcome.source, outcome.destination)
                key = (what, _COUNTS.sub("…", outcome.detail))
                message: tuple[str, ...] = (*way, str(number))
                if isinstance(outcome, Halt):
                    # One direction's trouble is one, whoever comes upon it.
                    message = (*way, *key)
                    halted[message] = outcome
                if outcome.changed or said.get(message) != key:
                    report(outcome)
                said[message] = now[message] = key
                good &= what not in _BAD
                under_way |= what == "waiting" and bool(outcome.tx_hash)
        gone = {message: halt for message, halt in halts.items() if message not in halted}
        for message in gone:
            said.pop(message, None)
        stopped = {halt.way for halt in halted.values() if halt.what == "stopped"}
        for ended in dict.fromkeys(halt.way for halt in gone.values() if halt.what == "stopped"):
            if ended not in stopped:
                report(Halt("resumed", *ended))
        # Of a direction that stopped, what it said before stays said.
        said = said | now if halted else now
        if once and not (under_way and time.monotonic() < ends):
            return good
        pause()


def reporter(*, as_json: bool, quiet: bool = False) -> Callable[[Outcome], None]:
    """Return what prints a courier's doings.

    What was carried, refused or failed is a line on standard output, and on a terminal what waits,
    too; elsewhere that is a line on standard error, as is always what stops a direction. In JSON
    all of it is on standard output, an object a line.

    Args:
        as_json: print JSON.
        quiet: leave out what waits, where nobody watches.
    """
    watched = sys.stdout.isatty()

    def report(outcome: Outcome) -> None:
        halt = isinstance(outcome, Halt)
        if as_json:
            print(json_line(outcome.as_dict()), flush=True)
        else:
            detail = f": {outcome.detail}" if outcome.detail else ""
            tail = f" {outcome.tx_hash}" if outcome.tx_hash else ""
            way = f"{outcome.source} to {outcome.destination}"
            line = f"{outcome.what} {way} {outcome.words}{detail}{tail}"
            if halt:
                errors(line)
            elif watched or outcome.what != "waiting":
                print(one_line(line), flush=True)
            elif not quiet:
                errors(line)
        if isinstance(outcome, Halt) and outcome.error is not None:
            # Nobody foresaw it: whoever mends it needs all of it.
            traceback.print_exception(outcome.error)

    return report
