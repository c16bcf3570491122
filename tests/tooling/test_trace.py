"""The trace of requirements to tests."""

from __future__ import annotations

import pytest

from tools.report import ROOT
from tools.trace.spec import SpecError, parse_spec

pytest_plugins = ["pytester"]

SPEC = """
# Specification

| id | requirement | status | where |
|---|---|---|---|
| INV-1 | the sum holds | claimed | contracts/token |
| **REQ-TOK-2** | a \\| b | planned | later |
"""

PASSING = """
import pytest

@pytest.mark.requirement("INV-1")
def test_one(): pass

@pytest.mark.requirement("INV-1", "REQ-TOK-2")
@pytest.mark.parametrize("n", [1, 2])
def test_two(n): pass

@pytest.mark.requirement("REQ-TOK-2")
@pytest.mark.skip(reason="later")
def test_three(): pass
"""


def test_the_specification_is_read():
    found = parse_spec(SPEC)
    assert list(found) == ["INV-1", "REQ-TOK-2"]
    assert found["INV-1"].status == "claimed"
    assert found["REQ-TOK-2"].text == "a \\| b"
    assert found["INV-1"].line == 6


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("| INV-1 | text | done | where |", "docs/spec.md:1: INV-1: status 'done'"),
        ("| INV-1 | text | claimed |", "expected | id | text | status | where |"),
        (
            "| INV-1 | a | claimed | w |\n| INV-1 | b | claimed | w |",
            "docs/spec.md:2: INV-1 is defined in line 1 already",
        ),
        ("nothing", "no row"),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error(row: str, expected: str):
    with pytest.raises(SpecError) as caught:
        parse_spec(row)
    assert expected in str(caught.value)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makeini("[pytest]\nmarkers =\n    requirement(*ids): evidence\n")
    pytester.mkdir("docs")
    (pytester.path / "docs/spec.md").write_text(SPEC)
    return pytester


def trace(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess(
        "-p", "no:ape_test", "-p", "tools.trace.plugin", "--requirement-trace", *options
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_full_trace_passes_and_counts(project: pytest.Pytester, options: tuple[str, ...]):
    project.makepyfile(PASSING)
    result = trace(project, *options)
    result.stdout.re_match_lines([r"INV-1 +claimed +3 +0 +0", r"REQ-TOK-2 +planned +2 +0 +1"])
    assert result.ret == 0


@pytest.mark.parametrize("options", [(), ("-n", "2")])
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (
            "def test_one(): pass\n",
            "FAILED: INV-1 is claimed (spec.md:6), but no test of it passed",
        ),
        (
            (
                'import pytest\n@pytest.mark.requirement("INV-1")\n'
                '@pytest.mark.skip(reason="x")\ndef test_one(): pass\n'
            ),
            "FAILED: INV-1 is claimed (spec.md:6), but no test of it passed",
        ),
        (
            PASSING + '\n@pytest.mark.requirement("INV-9")\ndef test_four(): pass\n',
            "FAILED: INV-9 is not defined in spec.md, but marked in *::test_four",
        ),
    ],
)
def test_a_gap_fails_the_run(
    project: pytest.Pytester, test: str, expected: str, options: tuple[str, ...]
):
    project.makepyfile(test)
    result = trace(project, *options)
    result.stdout.fnmatch_lines([expected.replace("[", "[[]")])
    assert result.ret == 1


def test_without_a_specification_the_trace_fails(project: pytest.Pytester):
    (project.path / "docs/spec.md").unlink()
    project.makepyfile(PASSING)
    result = trace(project)
    result.stdout.fnmatch_lines(["FAILED: spec.md is missing*"])
    assert result.ret == 1


def test_a_failing_test_is_no_evidence(project: pytest.Pytester):
    project.makepyfile(
        'import pytest\n@pytest.mark.requirement("INV-1")\ndef test_one(): assert 0\n'
    )
    result = trace(project)
    result.stdout.re_match_lines([r"INV-1 +claimed +0 +1 +0"])
    assert result.ret == 1


def test_without_the_option_nothing_is_enforced(project: pytest.Pytester):
    project.makepyfile("def test_one(): pass\n")
    result = project.runpytest_subprocess("-p", "no:ape_test", "-p", "tools.trace.plugin")
    assert result.ret == 0
    assert "requirements" not in result.stdout.str()
