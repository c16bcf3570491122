"""`tallystick demo`: the story as a terminal shows it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from tallystick.demo.report import Table

__all__ = ["Told"]


class Told:
    """A story told on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, title: str, note: str) -> None:
        """Print the title in bold and the note below it."""
        self._console.print(f"[bold]{escape(title)}[/bold]")
        self._console.print(escape(note), style="dim", soft_wrap=True)

    def section(self, number: int, title: str) -> None:
        """Print a numbered heading."""
        self._console.print(f"\n[bold]{number}. {escape(title)}[/bold]")

    def say(self, text: str) -> None:
        """Print a line of text."""
        self._console.print("   " + escape(text), soft_wrap=True, highlight=False)

    def table(self, table: Table) -> None:
        """Print a table; numeric columns stand right and are never broken."""
        drawn = RichTable(title=escape(table.title), title_justify="left", title_style="italic")
        for index, column in enumerate(table.columns):
            drawn.add_column(
                escape(column),
                justify="right" if index in table.numeric else "left",
                no_wrap=index in table.numeric,
                overflow="fold",
            )
        for number, row in enumerate(table.rows):
            if table.total and number == len(table.rows) - 1:
                drawn.add_section()
            drawn.add_row(*(escape(cell) for cell in row))
        self._console.print(drawn)

    def end(self, page: Path | None) -> None:
        """Say where the page is."""
        if page is not None:
            self._console.print(f"\nreport {page}", highlight=False, markup=False, soft_wrap=True)
