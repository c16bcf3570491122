"""Coverage of a small contract of which we know the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.build import Artifact
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.receipt import Revert
from tools.compiling import contracts
from tools.coverage.mapping import Suite, build_suite
from tools.coverage.record import Collected, Recorder, identify, resolve
from tools.coverage.report import FileCoverage, as_json, compare, line_ranges, table
from tools.coverage.tracing import traced

ROOT = Path(__file__).parent / "fixtures" / "suite"
COUNTER = "contracts/sample/Counter.vy"
LEDGER = "contracts/sample/ledger.vy"


def line_of(path: str, text: str) -> int:
    """Line numbers by text, so that the fixture can be edited."""
    lines = (ROOT / path).read_text().splitlines()
    (number,) = [n for n, line in enumerate(lines, start=1) if line.strip() == text]
    return number


@pytest.fixture(scope="module")
def compiled() -> Artifact:
    (item,) = contracts(ROOT)
    return item


@pytest.fixture(scope="module")
def suite(compiled: Artifact) -> Suite:
    return build_suite([compiled], ROOT)


class Run:
    """Executes calls and compares with the sources."""

    def __init__(self, compiled: Artifact, suite: Suite, start: int = 3) -> None:
        self.compiled, self.suite = compiled, suite
        self.recorder = Recorder()
        with traced(self.recorder):
            self.chain = EmbeddedChain()
        self.sender = self.chain.account(1)
        self.counter = self.chain.deploy(compiled, start, sender=self.sender)

    def call(self, name: str, *arguments: object) -> None:
        getattr(self.counter, name)(*arguments, sender=self.sender)

    def reverts(self, name: str, *arguments: object) -> None:
        with pytest.raises(Revert):
            self.call(name, *arguments)

    def files(self) -> dict[str, FileCoverage]:
        collected = identify(self.recorder, [self.compiled])
        assert collected.foreign == 0
        files = compare(self.suite, resolve(collected, self.suite))
        return {item.path: item for item in files}

    def half_taken(self, path: str = COUNTER) -> set[tuple[int, str, str]]:
        """Without the constructor's, which ran already when the first call is made."""
        constructor = line_of(COUNTER, "if start == 7:")
        return {item for item in self.files()[path].half_taken if item[0] != constructor}


@pytest.fixture
def run(compiled: Artifact, suite: Suite) -> Run:
    return Run(compiled, suite)


def test_nothing_called_covers_nothing_but_the_constructor(run: Run):
    files = run.files()
    assert files[LEDGER].executed == 0
    assert files[LEDGER].seen == 0
    assert line_of(COUNTER, "if mark > 10:") in files[COUNTER].missed_lines
    assert not run.half_taken(), "what was not reached is not half taken"


def test_the_constructor(compiled: Artifact, suite: Suite):
    line = line_of(COUNTER, "if start == 7:")
    (usual,) = Run(compiled, suite, start=3).files()[COUNTER].half_taken
    assert usual == (line, "if", "true")
    (seven,) = Run(compiled, suite, start=7).files()[COUNTER].half_taken
    assert seven == (line, "if", "false")
    assert line + 1 in Run(compiled, suite, start=3).files()[COUNTER].missed_lines
    assert line + 1 not in Run(compiled, suite, start=7).files()[COUNTER].missed_lines


def test_each_arm_of_an_if(run: Run):
    condition = line_of(COUNTER, "if mark > 10:")
    second = line_of(COUNTER, "elif mark > 5:")
    run.call("grade", 11)
    assert run.half_taken() == {(condition, "if", "false")}
    missed = run.files()[COUNTER].missed_lines
    assert {second, second + 1, second + 3} <= missed
    assert condition + 1 not in missed
    run.call("grade", 6)
    assert run.half_taken() == {(second, "if", "false")}
    run.call("grade", 1)
    assert not run.half_taken()
    assert not missed & {condition, condition + 1}
    assert not run.files()[COUNTER].missed_lines & {second, second + 1, second + 3}


def test_an_assert_passes_and_reverts_in_a_module(run: Run):
    first = line_of(LEDGER, 'assert amount != 0, "ledger: nothing"')
    second = line_of(LEDGER, 'assert after <= _LIMIT, "ledger: over the limit"')
    run.reverts("put", 0)
    assert run.half_taken(LEDGER) == {(first, "assert", "passes")}
    assert {first + 1, second, second + 1} <= run.files()[LEDGER].missed_lines
    run.call("put", 100)
    assert run.half_taken(LEDGER) == {(second, "assert", "reverts")}
    run.reverts("put", 1)
    assert run.files()[LEDGER].percent == 100.0


def test_a_loop_over_a_list_and_a_lone_continue(run: Run):
    loop = line_of(COUNTER, "for value: uint256 in values:")
    run.call("sum", [])
    assert run.half_taken() == {(loop, "for", "entered")}
    assert {loop + 1, loop + 2, loop + 3} <= run.files()[COUNTER].missed_lines
    run.call("sum", [1, 2])
    assert run.half_taken() == {(loop + 1, "if", "true")}
    assert loop + 2 in run.files()[COUNTER].missed_lines
    assert loop + 3 not in run.files()[COUNTER].missed_lines
    run.call("sum", [13])
    assert not run.half_taken()
    assert loop + 2 not in run.files()[COUNTER].missed_lines


def test_a_bounded_range_with_a_raise_inside(run: Run):
    loop = line_of(COUNTER, "for _: uint256 in range(times, bound=10):")
    run.call("repeat", 2)
    assert run.half_taken() == {(loop, "for", "skipped"), (loop + 2, "if", "true")}
    assert loop + 3 in run.files()[COUNTER].missed_lines
    run.call("repeat", 0)
    run.reverts("repeat", 9)
    assert not run.half_taken()
    assert loop + 3 not in run.files()[COUNTER].missed_lines
    # More rounds than the bound is the compiler's check, no branch of ours.
    run.reverts("repeat", 11)
    assert not run.half_taken()


@pytest.mark.parametrize(("first", "missing"), [(True, "false"), (False, "true")])
def test_a_conditional_expression(run: Run, first: bool, missing: str):
    line = line_of(COUNTER, "return left + 1 if flag_ else right * 2")
    run.call("choose", first, 2, 3)
    assert run.half_taken() == {(line, "if … else", missing)}
    run.call("choose", not first, 2, 3)
    assert not run.half_taken()
    # An overflow is no branch either.
    run.reverts("choose", True, 2**256 - 1, 0)
    assert not run.half_taken()


def test_operands_of_and_and_or(run: Run):
    check = line_of(COUNTER, 'assert left < 1000 and right < 1000, "counter: too large"')
    either = line_of(COUNTER, "if left < 10 or right < 10:")
    both = line_of(COUNTER, "small: bool = left < 10 and right < 10")
    decided, evaluated = "decided by this operand", "next operand evaluated"
    run.call("both", 5, 5)
    assert run.half_taken() == {
        (check, "and/or", decided),
        (check, "assert", "reverts"),
        (either, "and/or", evaluated),
        (either, "if", "false"),
        (both, "and/or", decided),
    }
    run.call("both", 50, 50)
    assert run.half_taken() == {(check, "and/or", decided), (check, "assert", "reverts")}
    run.reverts("both", 5, 1000)
    assert run.half_taken() == {(check, "and/or", decided)}
    run.reverts("both", 1000, 5)
    assert not run.half_taken()


def test_everything_but_one_function(run: Run):
    for mark in (11, 6, 1):
        run.call("grade", mark)
    run.call("sum", [])
    run.call("sum", [1, 13])
    run.call("choose", True, 1, 1)
    run.call("choose", False, 1, 1)
    run.call("both", 5, 5)
    run.call("both", 50, 50)
    run.reverts("both", 1000, 5)
    run.call("repeat", 0)
    run.reverts("repeat", 9)
    run.call("repeat", 1)
    item = run.files()[COUNTER]
    never = line_of(COUNTER, "result: uint256 = 1")
    assert item.missed_lines == {never, never + 1, line_of(COUNTER, "self.total = 7")}
    assert not run.half_taken()
    assert item.seen == item.outcomes - 1, "the constructor ran one way only"


def test_code_of_no_contract_is_counted_apart(run: Run, compiled: Artifact):
    run.call("grade", 1)
    collected = identify(run.recorder, [])
    assert not collected.executed
    assert collected.foreign >= 2


def test_code_that_a_copy_shares_is_the_suite_s(run: Run, compiled: Artifact):
    """What tests derive from a contract is often the same code: its original was executed."""
    run.call("grade", 1)
    copy = replace(compiled, name="ACopy", source_path="tests/contracts/ACopy.vy")
    original = replace(compiled, source_path="contracts/Counter.vy")
    collected = identify(run.recorder, [copy, original])
    assert {key.partition(":")[0] for key in collected.executed} == {compiled.name}


def test_two_processes_add_up(compiled: Artifact, suite: Suite):
    one, two = Run(compiled, suite), Run(compiled, suite, start=4)
    one.call("grade", 11)
    two.call("grade", 1)
    collected = Collected()
    for run in (one, two):
        collected.merge(Collected.load(identify(run.recorder, [compiled]).dump()))
    (counter, _) = compare(suite, resolve(collected, suite))
    second = line_of(COUNTER, "elif mark > 5:")
    assert (second, "if", "true") in counter.half_taken
    assert len(counter.half_taken) == 2, "the constructor's and this one"


def test_the_table_and_the_file(run: Run, suite: Suite):
    run.call("grade", 11)
    files = list(run.files().values())
    text = "\n".join(table(files))
    assert COUNTER in text
    assert f"`if` never false: {line_of(COUNTER, 'if mark > 10:')}" in text
    data = as_json(files)
    assert data["schema"] == "tallystick.coverage/1"
    assert {"kind": "if", "never": "false"}.items() <= data["files"][COUNTER]["half_taken"][
        -1
    ].items()
    assert 0 < data["percent"] < 100


def test_line_ranges():
    assert line_ranges({1, 2, 3, 7}) == "1-3, 7"
    assert line_ranges(set()) == ""
