"""Score of a run: on the terminal, and as docs/mutation.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.mutation.operators import Mutant
from tools.mutation.sample import Equivalent


@dataclass(frozen=True)
class Tried:
    """One mutant of the sample: its status, and the judgement on it where there is one."""

    mutant: Mutant
    status: str
    test: str
    equivalent: Equivalent | None = None

    @property
    def survived(self) -> bool:
        """Whether a test is missing."""
        return self.status == "survived" and self.equivalent is None


@dataclass(frozen=True)
class Score:
    """Counts of some mutants."""

    killed: int
    timeout: int
    survived: int
    equivalent: int

    @classmethod
    def of(cls, tried: Sequence[Tried]) -> Score:
        """Count them."""
        return cls(
            killed=sum(item.status == "killed" for item in tried),
            timeout=sum(item.status == "timeout" for item in tried),
            survived=sum(item.survived for item in tried),
            equivalent=sum(
                item.status == "survived" and item.equivalent is not None for item in tried
            ),
        )

    @property
    def percent(self) -> float:
        """Killed or timed out, of all that are not equivalent."""
        noticed = self.killed + self.timeout
        total = noticed + self.survived
        return 100.0 * noticed / total if total else 100.0

    def cells(self) -> list[str]:
        """For a row of a table."""
        counts = (self.killed, self.timeout, self.survived, self.equivalent)
        # Rounded down: 94.96 is not 95.
        return [*map(str, counts), f"{int(self.percent * 10) / 10:.1f} %"]


_COLUMNS = ["killed", "timed out", "survived", "equivalent", "score"]


def rows(tried: Sequence[Tried], by: Callable[[Mutant], str]) -> list[list[str]]:
    """One row for each value of `by`, in the order of the values."""
    values = sorted({by(item.mutant) for item in tried})
    return [
        [value, *Score.of([item for item in tried if by(item.mutant) == value]).cells()]
        for value in values
    ]


def terminal(tried: Sequence[Tried]) -> list[str]:
    """Survivors and the table by file."""
    lines = [
        f"survived  {item.mutant.path}:{item.mutant.line} {item.mutant.function}"
        f" [{item.mutant.operator}]\n    - {item.mutant.before}\n    + {item.mutant.after}"
        for item in _in_order(tried)
        if item.survived
    ]
    table = [["file", *_COLUMNS], *rows(tried, lambda mutant: mutant.path)]
    table.append(["all", *Score.of(tried).cells()])
    width = max(len(row[0]) for row in table)
    return lines + [
        row[0].ljust(width) + "".join(cell.rjust(12) for cell in row[1:]) for row in table
    ]


def document(
    tried: Sequence[Tried], *, seed: int, available: int, dropped: int, folders: Sequence[str]
) -> str:
    """The whole docs/mutation.md."""
    score = Score.of(tried)
    places = " and ".join(f"`{folder}`" for folder in folders)
    text = f"""\
# Mutation run

Written by `python -m tools.mutation --write`; `make audit` runs it without writing. Each mutant is
one small fault planted in a copy of the sources: an assert dropped, a comparison relaxed, a
constant off by one, a statement deleted, two fields of an event swapped and the like
(`tools/mutation/operators.py`). It is killed when a test fails; what survives is a fault that the
tests would have let through.

| | |
|---|---|
| sources | {places} |
| mutants that the operators offer | {available:,} |
| seed | {seed} |
| sample | {len(tried)}, at least one of each function |
| not counted: no code, or the same code as without the fault | {dropped} |
| killed | {score.killed} |
| timed out, counted as killed | {score.timeout} |
| survived | {score.survived} |
| equivalent, judged by hand | {score.equivalent} |
| score | {score.cells()[-1]} |

## Survivors

"""
    survivors = [item.mutant for item in _in_order(tried) if item.survived]
    if survivors:
        text += _table(
            ["place", "function", "operator", "before", "after"],
            [
                [
                    f"{m.path}:{m.line}",
                    f"`{m.function}`",
                    m.operator,
                    _code(m.before),
                    _code(m.after),
                ]
                for m in survivors
            ],
        )
    else:
        text += "None.\n"
    judged = [item for item in _in_order(tried) if item.equivalent and item.status == "survived"]
    if judged:
        text += "\n## Equivalent\n\nFrom `tools/mutation/equivalent.toml`.\n\n" + _table(
            ["place", "before", "after", "why nothing can tell them apart"],
            [
                [
                    f"{item.mutant.path}:{item.mutant.line}",
                    _code(item.mutant.before),
                    _code(item.mutant.after),
                    item.equivalent.reason if item.equivalent else "",
                ]
                for item in judged
            ],
        )
    for title, by in (
        ("By file", lambda mutant: mutant.path),
        ("By operator", lambda mutant: mutant.operator),
        ("By function", lambda mutant: f"{mutant.path} `{mutant.function}`"),
    ):
        text += f"\n## {title}\n\n" + _table(
            [title.removeprefix("By "), *_COLUMNS], rows(tried, by), right=len(_COLUMNS)
        )
    return text


def _in_order(tried: Sequence[Tried]) -> list[Tried]:
    return sorted(tried, key=lambda item: (item.mutant.path, item.mutant.start, item.mutant.new))


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _table(head: list[str], body: list[list[str]], right: int = 0) -> str:
    marks = ["---"] * (len(head) - right) + ["--:"] * right
    lines = [" | ".join(head), "|".join(marks), *(" | ".join(row) for row in body)]
    return "".join(
        f"|{line}|\n" if number == 1 else f"| {line} |\n" for number, line in enumerate(lines)
    )
