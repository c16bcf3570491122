"""A story told as it happens, and kept as one HTML page without outside parts.

Who listens while it is told is a `Teller`: the terminal of `cli`, or a test.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tallystick.storage import write_whole
from tallystick.text import units_text

__all__ = ["Figure", "Report", "Sample", "Section", "Table", "Teller"]


@dataclass(frozen=True)
class Table:
    """Rows of text under named columns; `numeric` columns are set to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    total: bool = False


@dataclass(frozen=True)
class Sample:
    """How many units lay where, at one moment of a story, or are whose."""

    label: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """Units by place, a bar for each step of a story, or for each of those they belong to."""

    title: str
    places: tuple[str, ...]
    samples: tuple[Sample, ...]
    decimals: int


@dataclass
class Section:
    """A heading with what belongs under it, in order."""

    title: str
    items: list[str | Table] = field(default_factory=list)


class Teller(Protocol):
    """Where a story is told, piece by piece."""

    def title(self, title: str, note: str) -> None:
        """Begin a story; `note` says what it is."""

    def section(self, number: int, title: str) -> None:
        """Begin a section."""

    def say(self, text: str) -> None:
        """Tell a line of text."""

    def table(self, table: Table) -> None:
        """Show a table."""

    def end(self, page: Path | None) -> None:
        """End the story; `page` is where it can be read again, if it was kept."""


# Colours that stay apart for readers who see few of them (Okabe and Ito, 2008).
_COLOURS: Final = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")


class Report:
    """Tells as it goes, and keeps everything for the page."""

    def __init__(self, title: str, note: str, teller: Teller) -> None:
        self.title = title
        self.note = note
        self.sections: list[Section] = []
        self.figures: list[Figure] = []
        self._teller = teller
        teller.title(title, note)

    def section(self, title: str) -> None:
        """Begin a section."""
        self.sections.append(Section(title))
        self._teller.section(len(self.sections), title)

    def say(self, text: str) -> None:
        """Add a line of text."""
        self.sections[-1].items.append(text)
        self._teller.say(text)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        numeric: Iterable[int] = (),
        total: bool = False,
    ) -> None:
        """Add a table; with `total` the last row is set apart."""
        table = Table(
            title, tuple(columns), tuple(tuple(row) for row in rows), frozenset(numeric), total
        )
        self.sections[-1].items.append(table)
        self._teller.table(table)

    def figure(self, figure: Figure) -> None:
        """Add a picture; the page shows it before everything else, a teller not at all."""
        self.figures.append(figure)

    def end(self, page: Path | None) -> None:
        """End the story, and write the page if it has a place."""
        if page is not None:
            self.write(page)
        self._teller.end(page)

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all."""
        text = page(self.title, self.note, self.figures, self.sections)
        write_whole(path, text.encode())


def page(title: str, note: str, figures: Sequence[Figure], sections: Sequence[Section]) -> str:
    """Return the HTML page: no script, no font, no image from outside."""
    body = "\n".join(
        f"<section><h2>{number}. {html.escape(section.title)}</h2>\n"
        + "\n".join(_item(item) for item in section.items)
        + "</section>"
        for number, section in enumerate(sections, 1)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{html.escape(title)}</h1><p class="note">{html.escape(note)}</p></header>
<main>
{"".join(svg(figure) for figure in figures)}
{body}
</main>
</body>
</html>
"""


def _item(item: str | Table) -> str:
    if isinstance(item, Table):
        return _table(item)
    return f"<p>{html.escape(item)}</p>"


def _table(table: Table) -> str:
    def cell(tag: str, index: int, text: str) -> str:
        kind = ' class="n"' if index in table.numeric else ""
        return f"<{tag}{kind}>{html.escape(text)}</{tag}>"

    head = "".join(cell("th", index, column) for index, column in enumerate(table.columns))
    rows = []
    for number, row in enumerate(table.rows):
        last = table.total and number == len(table.rows) - 1
        cells = "".join(cell("td", index, text) for index, text in enumerate(row))
        kind = ' class="total"' if last else ""
        rows.append(f"<tr{kind}>{cells}</tr>")
    return (
        f'<div class="scroll"><table><caption>{html.escape(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


_WIDTH: Final = 960
_PLOT: Final = (70, 40, 800, 300)  # left, top, width, height


def svg(figure: Figure) -> str:
    """Draw a figure: one stacked bar a step, so that a bar's height is the issue.

    The middle of the issue hardly moves in most stories; the scale is therefore cut where every
    bar is one and the same place, and says so.
    """
    left, top, width, height = _PLOT
    totals = [sum(sample.places) for sample in figure.samples]
    largest = max(totals, default=0) or 1
    steady = min((sample.places[0] for sample in figure.samples if sum(sample.places)), default=0)
    # Start a little below what never left the first place; 0 if that hides nothing.
    floor = steady * 9 // 10 if steady * 10 > largest * 3 else 0
    # To a round number, two digits: nobody reads 757,172.475 off a scale.
    round_to = 10 ** max(len(str(floor)) - 2, 0)
    floor -= floor % round_to
    span = largest - floor or 1
    count = max(len(figure.samples), 1)
    step = width / count
    bar = max(min(step * 0.72, 40), 3)
    size = f"0 0 {_WIDTH} {top + height + 115}"
    label = html.escape(figure.title)
    parts = [f'<figure><svg viewBox="{size}" role="img" aria-label="{label}">']
    for tick in range(5):
        value = floor + span * tick // 4
        y = top + height - height * tick / 4
        parts.append(
            f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" class="tick end">'
            f"{_short(value, figure.decimals)}</text>"
        )
    for number, sample in enumerate(figure.samples):
        x = left + step * number + (step - bar) / 2
        below = 0
        for place, amount in enumerate(sample.places):
            low, high = max(below, floor), max(below + amount, floor)
            below += amount
            if high == low:
                continue
            # What is there is seen, however little it is.
            pixels = max((high - low) * height / span, 1.5)
            y = top + height - (high - floor) * height / span
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{pixels:.1f}" '
                f'fill="{_COLOURS[place % len(_COLOURS)]}">'
                f"<title>{html.escape(sample.label)}: {html.escape(figure.places[place])} "
                f"{units_text(amount, figure.decimals)}</title>"
                "</rect>"
            )
        parts.append(
            f'<text transform="translate({x + bar / 2 + 4:.1f} {top + height + 12}) rotate(40)" '
            f'class="tick">{html.escape(sample.label)}</text>'
        )
    for place, name in enumerate(figure.places):
        x = left + place * 170
        parts.append(
            f'<rect x="{x}" y="8" width="12" height="12" '
            f'fill="{_COLOURS[place % len(_COLOURS)]}"/>'
            f'<text x="{x + 18}" y="18" class="key">{html.escape(name)}</text>'
        )
    cut = f" The scale starts at {units_text(floor, figure.decimals)}." if floor else ""
    title = html.escape(figure.title)
    parts.append(f"</svg><figcaption>{title}.{cut}</figcaption></figure>")
    return "".join(parts)


def _short(units: int, decimals: int) -> str:
    """A tick: whole units, in thousands or millions where that is exact enough to read."""
    whole = units / 10**decimals
    for size, letter in ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k")):
        if whole >= size:
            return f"{whole / size:.4g}{letter}"
    return f"{whole:.4g}"


_STYLE: Final = """
:root{color-scheme:light;--ink:#1b1f24;--quiet:#59636e;--line:#d1d9e0}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#fff;margin:0}
header,main{max-width:1000px;margin:0 auto;padding:0 20px}
h1{font-size:1.7rem;margin:2rem 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{margin:.35rem 0;overflow-wrap:anywhere}.note{color:var(--quiet)}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-style:italic;color:var(--quiet);padding:.25rem 0}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{border-bottom-width:2px}td{overflow-wrap:anywhere}th:first-child,td:first-child{white-space:nowrap}.n{text-align:right;white-space:nowrap}
tr.total td{border-top:2px solid var(--line);font-weight:600}
figure{margin:1rem 0}svg{width:100%;height:auto}figcaption{color:var(--quiet);font-size:.9rem}
.grid{stroke:var(--line)}.tick{font-size:11px;fill:var(--quiet)}.end{text-anchor:end}
.key{font-size:13px;fill:var(--ink)}
section:last-child{padding-bottom:3rem}
"""
