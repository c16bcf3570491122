"""What the commands print: tables for people, JSON for programs, progress only on a terminal."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from tallystick.text import one_line

__all__ = [
    "Asking",
    "Compiling",
    "Progress",
    "console",
    "errors",
    "json_line",
    "progress",
    "show_table",
    "table",
]

_PIPE_WIDTH = 200


class _Console(Console):
    """A console that leaves it to the command what to do when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return a console on standard output; wide enough for whole rows where nobody watches."""
    found = _Console(highlight=False, soft_wrap=False)
    if not found.is_terminal:
        found = _Console(highlight=False, width=_PIPE_WIDTH, color_system=None)
    return found


def errors(message: str) -> None:
    """Print one line on standard error."""
    print(one_line(message), file=sys.stderr, flush=True)


def json_line(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Iterable[int] = (),
) -> Table:
    """Return a table of plain text; numeric columns stand right and are never broken."""
    right = set(numeric)
    drawn = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE)
    for index, column in enumerate(columns):
        drawn.add_column(
            escape(column),
            justify="right" if index in right else "left",
            no_wrap=index in right,
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(escape(one_line(cell)) for cell in row))
    return drawn


def show_table(
    where: Console,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Iterable[int] = (),
    empty: str = "",
) -> None:
    """Print a table, or a line that says that there is nothing to show."""
    listed = list(rows)
    if listed:
        where.print(table(title, columns, listed, numeric=numeric))
    elif empty:
        where.print(f"{escape(title)}: {escape(empty)}", soft_wrap=True)


class Progress:
    """One line on standard error that says what is being done; nothing where nobody watches."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
            _moving.append(self._status)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
            if self._status in _moving:
                _moving.remove(self._status)

    def __call__(self, text: str) -> None:
        if self._status is not None:
            self._status.update(escape(one_line(text)))


# What moves on the terminal, and has to stand still while somebody reads or types.
_moving: list[Status] = []


@contextmanager
def _still() -> Iterator[None]:
    moving = [*_moving]
    for each in moving:
        each.stop()
    try:
        yield
    finally:
        for each in moving:
            each.start()


class Asking:
    """Says on standard error what is to be signed, and asks for passphrases on a terminal."""

    def tell(self, step: str, account: str) -> None:
        """Say what an account is about to sign."""
        with _still():
            errors(f"sign {step} as {account}")

    def ask(self, account: str) -> str | None:
        """Ask for the passphrase of an account; None without a terminal."""
        with _still():
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                return None
            try:
                return getpass.getpass(f"passphrase of {account}: ", sys.stderr)
            except EOFError:
                return None


class Compiling:
    """Says once, on standard error, that contracts are compiled; called with each one's name."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, name: str) -> None:
        if not self._said:
            errors("compiling contracts that are new or changed: this takes a while, but only once")
        self._said = True


@contextmanager
def progress(first: str = "") -> Iterator[Progress]:
    """Show progress while the block runs."""
    with Progress() as shown:
        if first:
            shown(first)
        yield shown
