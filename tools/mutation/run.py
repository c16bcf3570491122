"""`python -m tools.mutation [FOLDER ...]`: plant, test, count; exit 1 below the asked score."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tallystick.storage import write_whole
from tools.mutation.operators import Mutant
from tools.mutation.report import Score, Tried, document, terminal
from tools.mutation.sample import Equivalent, all_mutants, drawn, equivalents
from tools.report import ROOT

FOLDERS = ("contracts/token", "contracts/governance")
# In collection order; what comes first for a mutant is decided in `reach.ordered`.
TESTS = (
    "tests/token",
    "tests/governance",
    "tests/bridge",
    "tests/regression",
    "tests/stateful/test_two_ledgers.py::test_ledgers_do_what_the_model_says",
)
SEED = 20250615
SAMPLE = 200
LEAST = 95.0
TARGET = Path("docs/mutation.md")
JUDGED = Path("tools/mutation/equivalent.toml")
_BUILD = Path(".build/mutation")
# What a copy of the tree does without: of the root, and anywhere.
_LEFT_OUT = {".build", ".git", ".hypothesis", ".venv", "build", "dist", "out"}
_ANYWHERE = {".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "node_modules"}
_COUNTED = {"killed", "survived", "timeout"}


class MutationError(Exception):
    """The run can't go on: a server failed, or the tests fail on unchanged sources."""


@dataclass(frozen=True)
class Options:
    """What a run is asked for."""

    root: Path = ROOT
    folders: tuple[str, ...] = FOLDERS
    tests: tuple[str, ...] = TESTS
    seed: int = SEED
    sample: int = SAMPLE
    workers: int = 1
    fresh: bool = False

    @property
    def build(self) -> Path:
        """Where copies and results are kept."""
        return self.root / _BUILD


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    tried: list[Tried]
    # Mutants that the operators offer, and those of the draw without code of their own.
    available: int
    dropped: int
    # Mutants run now rather than known from before, and processor seconds that they took.
    ran: int
    seconds: float
    # Judgements that no longer hold, each as a sentence.
    refuted: list[str]


# --- results -----------------------------------------------------------------------------------


class Kept:
    """Verdicts of this and earlier runs, one JSON line each, so that a run can go on.

    A verdict holds for the same sources. That a mutant is killed holds while the file of the test
    that killed it is as it was; that it survived, while all tests are.
    """

    def __init__(self, options: Options) -> None:
        self.root = options.root
        self.path = options.build / "results.jsonl"
        self.sources = _digest(self.root, _files(self.root, ("contracts", "interfaces"), ".vy*"))
        rooms = {"/".join(test.partition("::")[0].split("/")[:2]) for test in options.tests}
        folders = ("tallystick", "tests/contracts", "tests/support", *sorted(rooms))
        common = [self.root / name for name in ("pyproject.toml", "tests/conftest.py")]
        self.tests = _digest(self.root, [*_files(self.root, folders, ".*"), *common])
        self.known: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        if options.fresh:
            self.path.unlink(missing_ok=True)
        elif self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # the line that was being written when a run was ended
                    continue
                if entry["sources"] == self.sources:
                    self.known[entry["key"]] = entry

    def get(self, mutant: Mutant) -> dict[str, Any] | None:
        """The verdict on a mutant, if one holds."""
        entry = self.known.get(mutant.key)
        if entry is None:
            return None
        if entry["status"] == "killed":
            return entry if entry["killer"] == self._killer(entry["test"]) else None
        if entry["status"] in _COUNTED and entry["tests_digest"] != self.tests:
            return None
        return entry

    def put(self, mutant: Mutant, verdict: dict[str, Any]) -> None:
        """Keep a verdict, on disk at once."""
        entry = {
            **verdict,
            "key": mutant.key,
            "sources": self.sources,
            "tests_digest": self.tests,
            "killer": self._killer(verdict["test"]),
        }
        with self.lock:
            self.known[mutant.key] = entry
            with self.path.open("a", encoding="utf-8") as file:
                # A line that was cut off ends here.
                file.write(("" if self._ends() else "\n") + json.dumps(entry) + "\n")

    def _ends(self) -> bool:
        text = self.path.read_bytes()[-1:] if self.path.exists() else b""
        return text in {b"", b"\n"}

    def _killer(self, test: str) -> str:
        file = self.root / test.partition("::")[0]
        return _digest(self.root, [file]) if test and file.is_file() else ""


def _files(root: Path, folders: Sequence[str], ending: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (root / folder).rglob(f"*{ending}")
        if path.is_file() and "__pycache__" not in path.parts
    )


def _digest(root: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        if path.exists():
            total.update(path.relative_to(root).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:20]


# --- servers -----------------------------------------------------------------------------------


def copy_tree(root: Path, target: Path, compiled: Path) -> None:
    """Bring a copy of the tree up to date; what it has compiled stays, or starts as `compiled`."""
    target.mkdir(parents=True, exist_ok=True)
    for path in target.iterdir():
        if path.name != ".build":
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def ignored(folder: str, _: list[str]) -> set[str]:
        return _ANYWHERE | (_LEFT_OUT if Path(folder) == root else set())

    shutil.copytree(root, target, ignore=ignored, dirs_exist_ok=True)
    cache = target / ".build" / "tallystick"
    if compiled.is_dir() and not cache.is_dir():
        shutil.copytree(compiled, cache)


class Server:
    """A process of `tools.mutation.server` in a copy of the tree of its own."""

    def __init__(self, tree: Path, options: Options) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(tree),
            "PYTHONHASHSEED": "0",
            "HYPOTHESIS_PROFILE": "mutation",
            "TALLYSTICK_HYPOTHESIS_PROFILE": "mutation",
            "TALLYSTICK_HYPOTHESIS_SEED": str(options.seed),
        }
        for name in ("CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"):
            environment.pop(name, None)
        self.log = tree / ".build" / "server.log"
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.mutation.server", *options.tests],
                cwd=tree,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A group of its own: the run that it forked ends with it.
                start_new_session=True,
            )
        self._answer()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            MutationError: the server ended instead.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            self.close()
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
            raise MutationError(f"server in {self.log.parent}: {answer['error']}\n{tail}")
        return answer

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


# --- the run -----------------------------------------------------------------------------------


class _Run:
    """Takes mutants in the order of the draw until enough of them have code of their own."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.kept = Kept(options)
        self.found = all_mutants(options.root, options.folders)
        self.queue = iter(drawn(self.found, options.seed))
        self.verdicts: dict[str, dict[str, Any]] = {}
        self.taken: list[Mutant] = []
        self.under_way = 0
        self.ran = 0
        self.seconds = 0.0
        self.failure: BaseException | None = None
        self.changed = threading.Condition()

    def counted(self) -> int:
        return sum(verdict["status"] in _COUNTED for verdict in self.verdicts.values())

    def next(self) -> Mutant | None:
        """The next mutant that has to be run; None when the sample is complete."""
        with self.changed:
            while True:
                missing = self.options.sample - self.counted()
                if missing <= 0 or self.failure:
                    return None
                # Those under way may all count: never take more than are needed.
                if self.under_way >= missing:
                    self.changed.wait()
                    continue
                mutant = next(self.queue, None)
                if mutant is None:
                    return None
                self.taken.append(mutant)
                known = self.kept.get(mutant)
                if known is None:
                    self.under_way += 1
                    return mutant
                self.verdicts[mutant.key] = known

    def settle(self, mutant: Mutant, verdict: dict[str, Any]) -> None:
        self.kept.put(mutant, verdict)
        with self.changed:
            self.verdicts[mutant.key] = verdict
            self.under_way -= 1
            self.ran += 1
            self.seconds += verdict["seconds"]
            print(
                f"{self.counted():4}/{self.options.sample} {verdict['status']:9}"
                f" {verdict['seconds']:6.1f} s  {mutant.path}:{mutant.line} [{mutant.operator}]"
                f" {verdict['test']}",
                flush=True,
            )
            self.changed.notify_all()

    def work(self, server: Server, reach: Path) -> None:
        try:
            while mutant := self.next():
                self.settle(mutant, server.ask(mutant=asdict(mutant), reach=str(reach)))
        except BaseException as error:  # noqa: BLE001 - raised again by `execute`
            with self.changed:
                self.failure = error
                self.changed.notify_all()

    def complete(self) -> bool:
        """Whether what is kept answers everything."""
        wanted: list[Mutant] = []
        counted = 0
        for mutant in drawn(self.found, self.options.seed):
            if counted >= self.options.sample:
                break
            known = self.kept.get(mutant)
            wanted += [mutant] if known is None else []
            counted += known is not None and known["status"] in _COUNTED
        return not wanted

    def execute(self) -> None:
        options = self.options
        servers: list[Server] = []
        if self.complete():
            self.next()
            return
        try:
            reach = options.build / f"reach-{self.kept.sources}-{self.kept.tests}.json"
            for number in range(options.workers):
                tree = options.build / f"tree-{number}"
                first = options.build / "tree-0" / ".build" / "tallystick"
                copy_tree(
                    options.root, tree, first if number else options.root / ".build" / "tallystick"
                )
                servers.append(Server(tree, options))
                if number == 0 and not reach.exists():
                    for old in options.build.glob("reach-*.json"):
                        old.unlink()
                    print("which tests execute what: one run over unchanged sources", flush=True)
                    servers[0].ask(reach=str(reach))
            threads = [
                threading.Thread(target=self.work, args=(server, reach), daemon=True)
                for server in servers
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            for server in servers:
                server.close()
        if self.failure:
            raise self.failure


def run(options: Options) -> Outcome:
    """Test a sample of mutants.

    Raises:
        MutationError: a server failed, or the tests fail on unchanged sources.
    """
    options.build.mkdir(parents=True, exist_ok=True)
    state = _Run(options)
    state.execute()
    judged = equivalents(options.root / JUDGED)
    tried = [
        Tried(
            mutant=mutant,
            status=verdict["status"],
            test=verdict["test"],
            equivalent=next((item for item in judged if item.matches(mutant)), None),
        )
        for mutant in state.taken
        if (verdict := state.verdicts[mutant.key])["status"] in _COUNTED
    ]
    return Outcome(
        tried=tried,
        available=len(state.found),
        dropped=len(state.taken) - len(tried),
        ran=state.ran,
        seconds=state.seconds,
        refuted=list(_refuted(judged, state.found, tried, options)),
    )


def _refuted(
    judged: Sequence[Equivalent], found: Sequence[Mutant], tried: Sequence[Tried], options: Options
) -> Iterable[str]:
    for item in judged:
        within = item.path.startswith(tuple(f"{folder}/" for folder in options.folders))
        if within and not any(item.matches(mutant) for mutant in found):
            yield f"{item.path}: no mutant any more: {item.before} -> {item.after}"
    for known in tried:
        if known.equivalent and known.status != "survived":
            place = f"{known.mutant.path}: not equivalent"
            yield f"{place}, {known.test} kills it: {known.mutant.after}"


def main(arguments: Sequence[str]) -> int:
    """Run, print, and write docs/mutation.md if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=f"default: {FOLDERS}")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants that count")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--tests", nargs="+", default=TESTS, help="what pytest is given")
    parser.add_argument("--fail-under", type=float, default=LEAST, metavar="PERCENT")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET}")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    options = Options(
        root=given.root.resolve(),
        folders=tuple(folder.rstrip("/") for folder in given.folders) or FOLDERS,
        tests=tuple(given.tests),
        seed=given.seed,
        sample=given.sample,
        workers=given.workers,
        fresh=given.fresh,
    )
    started = time.monotonic()
    try:
        outcome = run(options)
    except MutationError as error:
        print(error, file=sys.stderr)
        return 2
    for line in terminal(outcome.tried):
        print(line)
    if outcome.ran:
        print(
            f"{outcome.ran} mutants in {time.monotonic() - started:.0f} s,"
            f" {outcome.seconds / outcome.ran:.1f} s of processor time each"
        )
    if given.write:
        text = document(
            outcome.tried,
            seed=options.seed,
            available=outcome.available,
            dropped=outcome.dropped,
            folders=options.folders,
        )
        write_whole(options.root / TARGET, text.encode())
    for line in outcome.refuted:
        print(f"{JUDGED}: {line}", file=sys.stderr)
    score = Score.of(outcome.tried).percent
    if score < given.fail_under:
        print(
            f"FAILED: {score:.1f} % killed, at least {given.fail_under:g} % asked", file=sys.stderr
        )
    return 1 if outcome.refuted or score < given.fail_under else 0
