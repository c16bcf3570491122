"""A run of one group: plant, test, count; what it finds is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.mutation.operators import Mutant
from tools.mutation.reach import Reach
from tools.mutation.report import Outcome, Tried
from tools.mutation.sample import Equivalent, all_mutants, drawn, equivalents
from tools.report import ROOT

SEED = 20250615
SAMPLE = 200
JUDGED = Path("tools/mutation/equivalent.toml")
_BUILD = Path(".build/mutation")
# What a copy of the tree does without: of the root, and anywhere.
_LEFT_OUT = {".build", ".git", ".hypothesis", ".venv", "build", "dist", "out"}
_ANYWHERE = {".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "node_modules"}
# Marks the files of tests of which a mutant that is judged to change nothing had the first ones.
_FEW = "+"
_COUNTED = {"killed", "survived", "timeout"}


class MutationError(Exception):
    """The run can't go on: a server failed, or the tests fail on unchanged sources."""


@dataclass(frozen=True)
class Options:
    """What a run is asked for: a fault in a file of `folders` should make one of `tests` fail."""

    name: str
    folders: tuple[str, ...]
    tests: tuple[str, ...]
    root: Path = ROOT
    seed: int = SEED
    sample: int = SAMPLE
    workers: int = 1
    # Run nothing: take what is known, up to the first mutant that isn't.
    known: bool = False

    @property
    def build(self) -> Path:
        """Where copies and results are kept."""
        return self.root / _BUILD

    @property
    def results(self) -> Path:
        """The verdicts."""
        return self.build / "results.jsonl"


# --- results -----------------------------------------------------------------------------------


class Kept:
    """Verdicts of this and earlier runs, one JSON line each, so that a run can go on.

    A verdict holds for the same sources. That a mutant is killed holds while the file of the test
    that killed it is as it was; that it survived, for the files of tests that it survived.
    """

    def __init__(self, options: Options) -> None:
        self.root = options.root
        self.path = options.results
        self.sources = _digest(self.root, _files(self.root, ("contracts", "interfaces"), ".vy*"))
        # What all tests stand on.
        common = [path for path in _files(self.root, ("tests",), "") if not _is_test(path)]
        common += [*_files(self.root, ("tallystick",), ""), self.root / "pyproject.toml"]
        self.common = _digest(self.root, common) + self.sources
        self.tests = {name: self._test(name) for name in _tests(self.root, options.tests)}
        self.judged = equivalents(self.root / JUDGED)
        self.known: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        if self.path.exists():
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
        if entry is None or self.missing(mutant):
            return None
        return entry

    def missing(self, mutant: Mutant) -> list[str]:
        """The files of tests that a mutant has to be tried with."""
        entry = self.known.get(mutant.key, {"status": "", "passed": {}})
        if entry["status"] == "killed" and entry["killer"] == self._killer(entry["test"]):
            return []
        if entry["status"] not in {*_COUNTED, ""}:
            return []
        passed = entry["passed"]
        enough = ["", _FEW] if self.is_judged(mutant) else [""]
        return [
            name
            for name, now in self.tests.items()
            if passed.get(name) not in {now + few for few in enough}
        ]

    def put(self, mutant: Mutant, verdict: dict[str, Any]) -> dict[str, Any]:
        """Keep a verdict, on disk at once."""
        before = self.known.get(mutant.key, {"passed": {}})["passed"]
        few = _FEW if self.is_judged(mutant) else ""
        passed = {name: self.tests[name] + few for name in self.missing(mutant)}
        entry = {
            **verdict,
            "key": mutant.key,
            "sources": self.sources,
            "killer": self._killer(verdict["test"]),
            "passed": {} if verdict["status"] == "killed" else {**before, **passed},
        }
        with self.lock:
            self.known[mutant.key] = entry
            with self.path.open("a", encoding="utf-8") as file:
                # A line that was cut off ends here.
                file.write(("" if self._ends() else "\n") + json.dumps(entry) + "\n")
        return entry

    def is_judged(self, mutant: Mutant) -> bool:
        """Whether it is said to change nothing."""
        return any(item.matches(mutant) for item in self.judged)

    def _ends(self) -> bool:
        text = self.path.read_bytes()[-1:] if self.path.exists() else b""
        return text in {b"", b"\n"}

    def _test(self, name: str) -> str:
        file = self.root / name.partition("::")[0]
        return hashlib.sha256((self.common + _digest(self.root, [file])).encode()).hexdigest()[:20]

    def _killer(self, test: str) -> str:
        file = self.root / test.partition("::")[0]
        return _digest(self.root, [file]) if test and file.is_file() else ""


def _is_test(path: Path) -> bool:
    return path.name.startswith("test_") and path.suffix == ".py"


def _tests(root: Path, given: Sequence[str]) -> list[str]:
    """The files of tests in what pytest is given, where that is a folder."""
    return [
        name
        for test in given
        for name in (
            [
                path.relative_to(root).as_posix()
                for path in _files(root, [test], ".py")
                if _is_test(path)
            ]
            if (root / test).is_dir()
            else [test]
        )
    ]


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
        self.reach = Reach()
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
                known = self.kept.get(mutant)
                if known is None and self.options.known:
                    return None
                self.taken.append(mutant)
                if known is None:
                    self.under_way += 1
                    return mutant
                self.verdicts[mutant.key] = known

    def settle(self, mutant: Mutant, verdict: dict[str, Any]) -> None:
        verdict = self.kept.put(mutant, verdict)
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

    def work(self, server: Server) -> None:
        try:
            while mutant := self.next():
                judged = self.kept.is_judged(mutant)
                stages = self.reach.stages(mutant, self.kept.missing(mutant), judged=judged)
                verdict = server.ask(
                    mutant=asdict(mutant), stages=[asdict(stage) for stage in stages]
                )
                self.settle(mutant, verdict)
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
        if options.known or self.complete():
            self.next()
            return
        try:
            folder = options.build / "reach"
            for number in range(options.workers):
                tree = options.build / f"tree-{number}"
                first = options.build / "tree-0" / ".build" / "tallystick"
                copy_tree(
                    options.root, tree, first if number else options.root / ".build" / "tallystick"
                )
                servers.append(Server(tree, options))
                missing = Reach.missing(folder, self.kept.tests)
                if missing:
                    print(
                        f"what the tests of {len(missing)} files execute: one run over unchanged"
                        " sources",
                        flush=True,
                    )
                    files = {name: self.kept.tests[name] for name in missing}
                    servers[0].ask(reach=str(folder), files=files)
            self.reach = Reach.load(folder, self.kept.tests)
            threads = [
                threading.Thread(target=self.work, args=(server,), daemon=True)
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
    judged = state.kept.judged
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
        name=options.name,
        folders=options.folders,
        tests=options.tests,
        seed=options.seed,
        tried=tried,
        contracts=state.kept.sources,
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
