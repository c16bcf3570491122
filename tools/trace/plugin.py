"""pytest plugin: `-p tools.trace.plugin --requirement-trace`, for a run of the whole suite.

Tests name what they give evidence for: `@pytest.mark.requirement("INV-1")`. At the end a table
shows passed, failed and skipped tests of each requirement; the run fails when a claimed requirement
has no passing test, or when a marker names an id that the specification does not define.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tools.trace.spec import Requirement, SpecError, read_spec

_PROPERTY = "requirement"
_OUTCOMES = ("passed", "failed", "skipped")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("requirement-trace", "trace of requirements to tests")
    group.addoption(
        "--requirement-trace", action="store_true", help="print the trace and enforce it"
    )
    group.addoption(
        "--requirement-spec",
        default="docs/spec.md",
        metavar="FILE",
        help="the document that defines the requirements, relative to the root",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Enforcement happens where the results come together: not in a worker."""
    if config.getoption("--requirement-trace") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Trace(config), "requirement-trace")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The ids travel with the reports, from workers too."""
    for item in items:
        ids = {str(name) for marker in item.iter_markers("requirement") for name in marker.args}
        item.user_properties += [(_PROPERTY, name) for name in sorted(ids)]


class _Trace:
    def __init__(self, config: pytest.Config) -> None:
        self.path = Path(config.rootpath) / config.getoption("--requirement-spec")
        self.outcomes: dict[str, str] = {}
        self.tests: dict[str, set[str]] = defaultdict(set)
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self.tests[str(value)].add(report.nodeid)
        known = self.outcomes.get(report.nodeid)
        if report.failed or known == "failed":
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped or known == "skipped":
            self.outcomes[report.nodeid] = "skipped"
        elif report.when == "call":
            self.outcomes[report.nodeid] = "passed"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        try:
            spec = read_spec(self.path)
        except SpecError as error:
            problems = [str(error)]
        else:
            self.lines = self._table(spec)
            problems = self._problems(spec)
        self.lines += [f"FAILED: {problem}" for problem in problems]
        if problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _count(self, name: str) -> dict[str, int]:
        outcomes = [self.outcomes.get(test, "skipped") for test in self.tests.get(name, ())]
        return {outcome: outcomes.count(outcome) for outcome in _OUTCOMES}

    def _table(self, spec: dict[str, Requirement]) -> list[str]:
        width = max(len(name) for name in spec)
        lines = [f"{'id':<{width}}  status   passed  failed  skipped"]
        for name, requirement in spec.items():
            count = self._count(name)
            lines.append(
                f"{name:<{width}}  {requirement.status:<7}  {count['passed']:6d}"
                f"  {count['failed']:6d}  {count['skipped']:7d}"
            )
        return lines

    def _problems(self, spec: dict[str, Requirement]) -> list[str]:
        problems = [
            f"{name} is claimed ({self.path.name}:{requirement.line}), but no test of it passed"
            for name, requirement in spec.items()
            if requirement.status == "claimed" and not self._count(name)["passed"]
        ]
        for name in sorted(self.tests.keys() - spec.keys()):
            first = min(self.tests[name])
            problems.append(f"{name} is not defined in {self.path.name}, but marked in {first}")
        return problems

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("requirements")
        for line in self.lines:
            terminalreporter.line(line)
