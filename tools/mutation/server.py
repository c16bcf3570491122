"""One pytest session that is collected once and forked for each mutant.

`python -m tools.mutation.server TEST ...` in a copy of the tree, which it changes: it reads one
JSON request a line and answers with one line each. Requests: `{"reach": FOLDER, "files": {...}}`
runs the tests of some files (each with the digest that it is kept under) traced, over the sources
as they are; `{"mutant": {...}, "stages": [...]}` plants, and for each stage compiles its contracts
and runs its tests.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, Phase, settings

from tallystick import build
from tools.coverage.tracing import traced
from tools.mutation.operators import Mutant
from tools.mutation.reach import Reaching, Stage

# CPU seconds of one mutant, several times what a survivor takes; wall time only ends what waits.
CPU_LIMIT = 900
_WALL_FACTOR = 4
_CACHE = Path(".build/tallystick")
_PRISTINE = Path(".build/pristine")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    `status` is killed, survived, timeout, same code or no code (it doesn't compile); `test` the one
    that failed, `tests` how many ran, `seconds` of processor time, `compiling` those for building.
    """

    status: str
    test: str = ""
    tests: int = 0
    seconds: float = 0.0
    compiling: float = 0.0


class _Server:
    """A plugin in place of pytest's own loop over the tests."""

    def __init__(self, requests: TextIO, answers: TextIO) -> None:
        self.requests = requests
        self.answers = answers
        self.root = Path.cwd()
        self.failed = ""
        self.why = ""
        self.seconds: dict[str, float] = {}
        self.reaching: Reaching | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        reaching = self.reaching if fixturedef.scope != "function" else None
        if reaching:
            reaching.begin()
        try:
            return (yield)
        finally:
            if reaching:
                reaching.end(fixturedef)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.seconds[report.nodeid] = report.duration
        if report.failed and not self.failed:
            self.failed = report.nodeid
            self.why = report.longreprtext

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self._answer({"error": "the tests can't be collected: see server.log"})
            return True
        self.session = session
        self.items = {item.nodeid: item for item in session.items}
        # Everything compiled and loaded, so that a child compiles what its mutant changes.
        self.contracts = {name: build.artifact(name) for name in build.names()}
        shutil.rmtree(_PRISTINE, ignore_errors=True)
        shutil.copytree(_CACHE, _PRISTINE)
        # What the compiler loads when it first runs, no child has to load again.
        smallest = min(build.artifacts().values(), key=lambda item: len(item.bytecode))
        build.compile_file(smallest.source_path)
        # Nor has a child's collector to look through what the parent made.
        gc.collect()
        gc.freeze()
        self._answer({"ready": len(self.items)})
        for line in self.requests:
            try:
                answer = self._serve(json.loads(line))
            except RuntimeError as error:
                answer = {"error": str(error)}
            self._answer(answer)
        return True

    def _answer(self, answer: dict[str, Any]) -> None:
        self.answers.write(json.dumps(answer) + "\n")
        self.answers.flush()

    def _serve(self, request: dict[str, Any]) -> dict[str, Any]:
        if "mutant" in request:
            mutant = Mutant(**request["mutant"])
            return asdict(self._mutant(mutant, [Stage(**stage) for stage in request["stages"]]))
        return self._fork(partial(self._trace, Path(request["reach"]), request["files"]), limit=0)

    def _mutant(self, mutant: Mutant, stages: Sequence[Stage]) -> Verdict:
        file = self.root / mutant.path
        text = file.read_text(encoding="utf-8")
        file.write_text(mutant.apply(text), encoding="utf-8")
        verdicts: list[Verdict] = []
        changed: list[str] = []
        try:
            for stage in stages:
                # With what is compiled already: after the last, nothing is without the fault.
                changed += stage.contracts
                verdicts.append(Verdict(**self._fork(partial(self._try, stage, changed))))
                if verdicts[-1].status not in {"survived", "same code"}:
                    break
        finally:
            file.write_text(text, encoding="utf-8")
            shutil.rmtree(_CACHE)
            shutil.copytree(_PRISTINE, _CACHE, copy_function=os.link)
        found = {verdict.status: verdict for verdict in verdicts}
        # The last that says something: a fault need not change every contract that has the file.
        last = verdicts[-1] if verdicts[-1].status != "same code" else found.get("survived")
        return replace(
            last or verdicts[-1],
            tests=sum(verdict.tests for verdict in verdicts),
            seconds=round(sum(verdict.seconds for verdict in verdicts), 2),
            compiling=round(sum(verdict.compiling for verdict in verdicts), 2),
        )

    def _fork(self, act: Callable[[], dict[str, Any]], limit: int = CPU_LIMIT) -> dict[str, Any]:
        """What `act` returns in a child process: no state of a run is left for the next."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                if limit:
                    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 10))
                    signal.alarm(_WALL_FACTOR * limit)
                answer = json.dumps(act()).encode()
            except BaseException as error:  # noqa: BLE001 - the parent raises it
                answer = json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(answer)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGALRM}:
                return asdict(Verdict("timeout", seconds=CPU_LIMIT))
            raise RuntimeError(f"a run ended by signal {os.WTERMSIG(status)}")
        answer = json.loads(told)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return dict(answer)

    # --- in the child --------------------------------------------------------------------------

    def _try(self, stage: Stage, changed: Collection[str]) -> dict[str, Any]:
        return asdict(self._tried(stage, changed))

    def _tried(self, stage: Stage, changed: Collection[str]) -> Verdict:
        build.forget(changed)
        # Compiling makes much and drops little: the collector would take a quarter of the time.
        gc.disable()
        try:
            # What tests derive is compiled when one asks for it.
            of_release = [name for name in stage.contracts if name in build.artifacts()]
            codes = {name: _codes(build.artifact(name)) for name in of_release}
        except build.BuildError:
            return Verdict("no code", seconds=time.process_time())
        gc.enable()
        compiling = time.process_time()
        if all(code == _codes(self.contracts[name]) for name, code in codes.items()):
            return Verdict("same code", seconds=compiling, compiling=compiling)
        ran = self._run(stage.tests)
        return Verdict(
            "killed" if self.failed else "survived",
            self.failed,
            ran,
            round(time.process_time(), 2),
            round(compiling, 2),
        )

    def _trace(self, folder: Path, files: Mapping[str, str]) -> dict[str, Any]:
        reaching = self.reaching = Reaching(self.root, folder)
        tests = {file: [test for test in self.items if test.startswith(file)] for file in files}
        # File by file: a run that was ended goes on.
        last = {found[-1]: file for file, found in tests.items() if found}
        for file in files.keys() - last.values():
            reaching.save(file, files[file])

        failed: list[str] = []

        def done(test: str) -> None:
            reaching.done(self.items[test], self.seconds.get(test, 0.0))
            # All that fail are told, and nothing is kept of their files.
            failed.extend(
                [f"{self.failed} fails on unchanged sources:\n{self.why}"] * bool(self.failed)
            )
            self.failed = ""
            if test in last:
                file = last[test]
                reaching.save(
                    file, "" if any(why.startswith(file) for why in failed) else files[file]
                )

        with traced(reaching.recorder):
            ran = self._run([test for found in tests.values() for test in found], done)
        if failed:
            raise RuntimeError("\n".join(failed))
        return {"ran": ran}

    def _run(self, tests: Sequence[str], done: Callable[[str], None] = lambda _: None) -> int:
        """Runs tests in this order up to the first that fails; returns how many ran."""
        items = [self.items[test] for test in tests]
        for number, item in enumerate(items):
            following = items[number + 1] if number + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            done(item.nodeid)
            if self.failed:
                return number + 1
        return len(items)


def _codes(item: build.Artifact) -> tuple[bytes, bytes]:
    """What is deployed and what deploys it, without the hash of the sources at its end."""
    length = int.from_bytes(item.bytecode[-2:])
    return item.bytecode_runtime, item.bytecode[: len(item.bytecode) - length]


def main(tests: list[str]) -> int:
    """Serve until the requests end."""
    root = Path.cwd()
    if build.source_root() != root:
        print(f"the package in {build.source_root()} would be tested, not {root}", file=sys.stderr)
        return 2
    # Tests print what they like: the pipe is for answers alone.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        # The same examples for every mutant, none shrunk: that they fail is all that is asked.
        settings.register_profile(
            "mutation",
            max_examples=60,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        )
        plain = ("-p", "no:ape_test", "-p", "no:cacheprovider", "-s", "-qq", "--tb=no")
        return int(pytest.main([*plain, *tests], plugins=[_Server(sys.stdin, answers)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
