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
class Outcome:
    """What a run of a group found: a fault in `folders` should make one of `tests` fail."""

    name: str
    folders: Sequence[str]
    tests: Sequence[str]
    seed: int
    tried: list[Tried]
    # Digest of all contracts, as they were then.
    contracts: str
    # Mutants that the operators offer, and those of the draw without code of their own.
    available: int
    dropped: int
    # Mutants run now rather than known from before, and processor seconds that they took.
    ran: int = 0
    seconds: float = 0.0
    # Judgements that no longer hold, each as a sentence.
    refuted: Sequence[str] = ()


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
        score = f"{int(self.percent * 10) / 10:.1f} %" if any(counts[:3]) else "-"
        return [*map(str, counts), score]


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


_CHAPTER = "\n## "
_HEAD = """\
# Mutation run

Written by `python -m tools.mutation --write`, or chapter by chapter with `--group "bridge"`: each
is of the contracts whose digest it names. `make audit` runs it without writing. Each mutant is one
small fault planted in a copy of the sources: an assert dropped, a comparison relaxed, a constant
off by one, a statement deleted, two fields of an event swapped and the like
(`tools/mutation/operators.py`). It is killed when a test fails; what survives is a fault that the
tests would have let through. The draw begins with one mutant of each function, and goes on until
200 have code of their own; where a sample is smaller, the run had not come further (`--known`).

What makes a run affordable, and why it counts no fault as noticed that was not:

- The tests are run once over unchanged sources, traced, and repeat themselves: no random seed.
  One that did not execute the statement there does with the mutant what it did then, so it is not
  run for it. What a fixture executes counts for every test that uses it. Where nothing is known of
  a statement (constants, declarations, what has no code of its own), all tests are run.
- Only the contracts in which some test executed the statement are compiled anew; the others keep
  their code, in which nothing would be executed that changed. "The same code as without the fault"
  is said of those that were compiled.
- Where those are several contracts, one after the other gets the fault with all its pieces, the
  quickly compiled first, and keeps it: after the last, nothing is without it. A fault in
  `access.vy:230` was compiled into 16 contracts, 61 s of processor time, and is killed after one,
  2.5 s; one in `book.vy:152` into three pieces, 10.7 s, and is killed after one, 3.8 s.
- Quick tests come first, random play last; the first failure ends it. A mutant that is judged to
  change nothing, and does not count, is tried with a few of them only.
- What the tests of a file execute, and verdicts, are kept: a run goes on where it was ended, and a
  survivor meets new tests only.

Leaving a test out can only let a mutant survive: the scores err on the low side.

"""


def document(outcomes: Sequence[Outcome], before: str = "") -> str:
    """The whole docs/mutation.md, with one chapter for each group.

    Of groups that are not among the outcomes stays what the document said `before`.
    """
    first, *others = before.split(_CHAPTER)
    known = [line[2:-2].split(" | ") for line in first.splitlines() if line.startswith("| ")]
    table = {row[0]: row for row in known[1:]}
    chapters = dict(zip(table, others, strict=True))
    for outcome in outcomes:
        counts = (*_sizes(outcome), *Score.of(outcome.tried).cells())
        table[outcome.name] = [outcome.name, *map(str, counts)]
        chapters[outcome.name] = _chapter(outcome)
    head = ["group", "mutants that the operators offer", "sample", "without code of its own"]
    text = _HEAD + _table([*head, *_COLUMNS], list(table.values()), right=3 + len(_COLUMNS))
    return text + "".join(_CHAPTER + chapter for chapter in chapters.values())


def _sizes(outcome: Outcome) -> tuple[str, int, int]:
    return f"{outcome.available:,}", len(outcome.tried), outcome.dropped


def _chapter(outcome: Outcome) -> str:
    places = " and ".join(f"`{folder}`" for folder in outcome.folders)
    tests = ", ".join(f"`{test}`" for test in outcome.tests)
    text = f"{outcome.name[:1].upper()}{outcome.name[1:]}\n\nSources: {places}, of contracts"
    text += f" `{outcome.contracts}`; tests: {tests}; seed {outcome.seed}.\n\n"
    in_order = _in_order(outcome.tried)
    survivors = [item.mutant for item in in_order if item.survived]
    text += "### Survivors\n\n" + (
        _table(
            ["place", "function", "operator", "before", "after"],
            [
                [
                    f"{m.path}:{m.line}",
                    f"`{m.function}`",
                    m.operator,
                    *map(_code, (m.before, m.after)),
                ]
                for m in survivors
            ],
        )
        if survivors
        else "None.\n"
    )
    judged = [item for item in in_order if item.equivalent and item.status == "survived"]
    if judged:
        text += "\n### Equivalent\n\nFrom `tools/mutation/equivalent.toml`.\n\n" + _table(
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
    table = _table(
        ["file", *_COLUMNS], rows(outcome.tried, lambda mutant: mutant.path), right=len(_COLUMNS)
    )
    return text + "\n### By file\n\n" + table


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
