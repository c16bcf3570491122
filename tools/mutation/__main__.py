"""`python -m tools.mutation [FOLDER ...]`: runs groups; exit 1 below the asked score."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tallystick.storage import write_whole
from tools.mutation.report import Outcome, Score, document, terminal
from tools.mutation.run import JUDGED, SAMPLE, SEED, MutationError, Options, run
from tools.report import ROOT

_REGRESSION = "tests/regression"
_STATEFUL = "tests/stateful/test_two_ledgers.py::test_ledgers_do_what_the_model_says"
# Name -> folders of sources, and tests in collection order (`reach` says what comes first).
GROUPS = {
    "token and governance": (
        ("contracts/token", "contracts/governance"),
        ("tests/token", "tests/governance", "tests/bridge", _REGRESSION, _STATEFUL),
    ),
    "governance and registry": (
        ("contracts/governance", "contracts/registry"),
        ("tests/governance", "tests/registry", _REGRESSION, _STATEFUL),
    ),
    "bridge": (
        ("contracts/bridge",),
        ("tests/bridge", _REGRESSION, "tests/crosschain", _STATEFUL),
    ),
}
LEAST = 95.0
TARGET = Path("docs/mutation.md")


def main(arguments: Sequence[str]) -> int:
    """Run, print, and write docs/mutation.md if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="in place of the groups")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="what tests the folders")
    parser.add_argument("--group", action="append", choices=GROUPS, help="default: every group")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants of each that count")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fail-under", type=float, default=LEAST, metavar="PERCENT")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET}")
    parser.add_argument("--known", action="store_true", help="run nothing, say what is known")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    groups = {name: GROUPS[name] for name in given.group or GROUPS}
    if given.folders:
        folders = tuple(folder.rstrip("/") for folder in given.folders)
        groups = {", ".join(folders): (folders, tuple(given.tests))}
    outcomes: list[Outcome] = []
    for name, (folders, tests) in groups.items():
        options = Options(
            name=name,
            folders=folders,
            tests=tests,
            root=given.root.resolve(),
            seed=given.seed,
            sample=given.sample,
            workers=given.workers,
            known=given.known,
        )
        if given.fresh and not outcomes:
            options.results.unlink(missing_ok=True)
        started = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            outcomes.append(run(options))
        except MutationError as error:
            print(error, file=sys.stderr)
            return 2
        _show(outcomes[-1], time.monotonic() - started)
    if given.write:
        target = given.root.resolve() / TARGET
        before = target.read_text(encoding="utf-8") if given.group else ""
        write_whole(target, document(outcomes, before).encode())
    refuted = sorted({line for outcome in outcomes for line in outcome.refuted})
    for line in refuted:
        print(f"{JUDGED}: {line}", file=sys.stderr)
    scores = {outcome.name: Score.of(outcome.tried).percent for outcome in outcomes}
    low = {name: score for name, score in scores.items() if score < given.fail_under}
    for name, score in low.items():
        asked = f"{score:.1f} % killed, at least {given.fail_under:g} % asked"
        print(f"FAILED: {name}: {asked}", file=sys.stderr)
    return 1 if refuted or low else 0


def _show(outcome: Outcome, seconds: float) -> None:
    for line in terminal(outcome.tried):
        print(line)
    if outcome.ran:
        each = f"{outcome.seconds / outcome.ran:.1f} s of processor time each"
        print(f"{outcome.ran} mutants in {seconds:.0f} s, {each}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
