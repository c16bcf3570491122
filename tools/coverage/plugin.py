"""pytest plugin: `-p tools.coverage.plugin --vyper-coverage [--vyper-coverage-fail-under 95]`.

Traces the embedded ledger; what runs on anvil is not seen. With pytest-xdist every worker traces
and the controller adds up. Prints a table and writes .build/coverage.json.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tallystick.build import Artifact, BuildError, artifact, names
from tools.coverage.mapping import build_suite
from tools.coverage.record import Collected, Recorder, identify, resolve
from tools.coverage.report import compare, table, total_percent, write_json
from tools.coverage.tracing import traced
from tools.report import ROOT

# The variable is for runs inside a run: the tests of this plugin.
OUTPUT = Path(os.environ.get("TALLYSTICK_COVERAGE_FILE", ROOT / ".build" / "coverage.json"))
_KEY = "vyper_coverage"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("vyper-coverage", "coverage of the Vyper sources")
    group.addoption(
        "--vyper-coverage", action="store_true", help="measure line and branch coverage"
    )
    group.addoption(
        "--vyper-coverage-fail-under",
        type=float,
        default=None,
        metavar="PERCENT",
        help="fail when lines and branches together are covered less",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start to trace, here or in the workers."""
    if not config.getoption("--vyper-coverage"):
        return
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker(config), "vyper-coverage-worker")
    else:
        config.pluginmanager.register(_Controller(config), "vyper-coverage-controller")


def _contracts() -> list[Artifact]:
    """Whatever was deployed by name; what tests add brings modules of the suite along."""
    known = names()
    # In a new checkout all have to be compiled, which takes minutes: by all cores.
    with ProcessPoolExecutor() as pool:
        list(pool.map(_compiled, known))
    return [artifact(name) for name in known]


def _compiled(name: str) -> None:
    """Leave a contract's artifact among those that are kept."""
    artifact(name)


class _Tracing:
    """Records the frames of this process while the session runs."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.context = traced(self.recorder)
        self.context.__enter__()

    def finish(self) -> Collected:
        self.context.__exit__(None, None, None)
        return identify(self.recorder, _contracts())


class _Worker:
    def __init__(self, config: pytest.Config) -> None:
        self.config: Any = config
        self.tracing = _Tracing()

    def pytest_sessionfinish(self) -> None:
        self.config.workeroutput[_KEY] = self.tracing.finish().dump()


class _Controller:
    def __init__(self, config: pytest.Config) -> None:
        self.fail_under: float | None = config.getoption("--vyper-coverage-fail-under")
        # Compiled here, so that the workers find everything in the cache.
        try:
            self.contracts = _contracts()
        except BuildError as error:
            raise pytest.UsageError(
                f"no coverage of contracts that don't compile: {error}"
            ) from error
        distributed = bool(config.getoption("numprocesses", default=None))
        self.tracing = None if distributed else _Tracing()
        self.collected = Collected()
        self.lines: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        data = getattr(node, "workeroutput", {}).get(_KEY)
        if data:
            self.collected.merge(Collected.load(data))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.tracing:
            self.collected.merge(self.tracing.finish())
        suite = build_suite(self.contracts, ROOT)
        files = compare(suite, resolve(self.collected, suite))
        write_json(OUTPUT, files)
        self.lines = table(files)
        percent = total_percent(files)
        if self.fail_under is not None and percent < self.fail_under:
            self.lines.append(
                f"FAILED: {percent:.1f} % covered, at least {self.fail_under:g} % asked"
            )
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("coverage of the Vyper sources (embedded ledger)")
        for line in self.lines:
            terminalreporter.line(line)
