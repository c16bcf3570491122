"""The mutation run: its operators on planted sources, its draw, its score, a whole run."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tools.mutation.__main__ import GROUPS, main
from tools.mutation.operators import Mutant, events_of, mutants
from tools.mutation.reach import Compiled, Reach, Stage
from tools.mutation.report import Outcome, Score, Tried, document, terminal
from tools.mutation.run import JUDGED, Options, run
from tools.mutation.sample import Equivalent, all_mutants, drawn, equivalents
from tools.report import ROOT
from tools.vyper_source import parse

FOLDERS = sorted({folder for folders, _ in GROUPS.values() for folder in folders})
EVENTS = """
event Moved:
    sender: indexed(address)
    receiver: address
    amount: uint256
"""


def changes(body: str, head: str = "def f(x: uint256, y: uint256):") -> Counter[tuple[str, str]]:
    """(operator, changed lines) of every mutant of one function; each must parse."""
    text = f"{EVENTS}\n@internal\n{head}\n    {body}\n"
    source = parse("contracts/token/planted.vy", text)
    found = mutants(source, events_of([source]))
    for mutant in found:
        parse(mutant.path, mutant.apply(text))
        assert mutant.apply(text) != text
        assert (mutant.line, mutant.function) == (9, "f")
    return Counter((mutant.operator, mutant.after) for mutant in found)


def expected(*rows: tuple[str, str]) -> Counter[tuple[str, str]]:
    return Counter(rows)


PLANTED = {
    'assert x < y, "f: late"': expected(
        ("drop assert", "pass"),
        ("compare", 'assert x <= y, "f: late"'),
        ("compare", 'assert x >= y, "f: late"'),
    ),
    "self.a = x == y": expected(("delete assignment", "pass"), ("compare", "self.a = x != y")),
    "self.a = (x) not in (y)": expected(
        ("delete assignment", "pass"), ("compare", "self.a = (x) in (y)")
    ),
    "a: bool = x and y and self.c": expected(
        ("and / or", "a: bool = x or y and self.c"),
        ("and / or", "a: bool = x and y or self.c"),
        ("drop an operand", "a: bool = True and y and self.c"),
        ("drop an operand", "a: bool = x and True and self.c"),
        ("drop an operand", "a: bool = x and y and True"),
    ),
    # What stands in a type is no constant of the program.
    "a: uint256[7] = [x, 0]": expected(("constant off by one", "a: uint256[7] = [x, 1]")),
    "a: bool = not self.b": expected(("drop not", "a: bool = (self.b)")),
    "self.a -= x * 2": expected(
        ("delete assignment", "pass"),
        ("arithmetic", "self.a += x * 2"),
        ("arithmetic", "self.a -= x // 2"),
        ("constant off by one", "self.a -= x * 3"),
        ("constant off by one", "self.a -= x * 1"),
    ),
    "self._check(ADMIN | ISSUER)": expected(
        ("delete call", "pass"),
        ("arithmetic", "self._check(ADMIN & ISSUER)"),
        ("arithmetic", "self._check(ADMIN ^ ISSUER)"),
        ("drop a flag", "self._check(ADMIN)"),
        ("drop a flag", "self._check(ISSUER)"),
    ),
    "a: uint256 = unsafe_add(min(x, y), x)": expected(
        ("arithmetic", "a: uint256 = unsafe_sub(min(x, y), x)"),
        ("arithmetic", "a: uint256 = unsafe_add(max(x, y), x)"),
    ),
    # Sender and receiver have one type, indexed or not; the amount has another.
    "log Moved(sender=a, receiver=self.b, amount=x)": expected(
        ("delete log", "pass"),
        ("swap event fields", "log Moved(sender=self.b, receiver=a, amount=x)"),
    ),
    "extcall IOther(x).act()": expected(("delete call", "pass")),
    'raise "f: no"': expected(("delete raise", "pass")),
}


@pytest.mark.parametrize("body", PLANTED)
def test_operators_offer_these_mutants(body):
    assert changes(body) == PLANTED[body]


def test_conditions_are_fixed_or_turned_round():
    found = changes("if self.open: return", "def f():")
    assert found == expected(
        ("negate", "if not (self.open): return"),
        ("condition always", "if True: return"),
        ("condition never", "if False: return"),
    )


@pytest.mark.parametrize(
    ("returned", "value", "constants"),
    [
        ("bool", "self.a", ["return True", "return False"]),
        ("bool", "True", ["return False"]),
        ("uint256", "self.a", ["return empty(uint256)"]),
        ("(uint256, bool)", "self.a", []),
    ],
)
def test_what_is_returned_becomes_constant(returned, value, constants):
    found = changes(f"return {value}", f"def f() -> {returned}:")
    assert found == expected(*(("return constant", after) for after in constants))


COMPOUND = """MAX: constant(uint256) = 5

@internal
def f(x: uint256):
    if x > 0:
        self._g(
            x + MAX
        )
"""


def test_a_mutant_knows_its_statement_and_a_constant_has_none():
    text = COMPOUND
    found = {m.after: m for m in mutants(parse("contracts/token/planted.vy", text), {})}
    plus = found["x - MAX"]
    assert (plus.line, plus.statement, plus.before) == (7, 6, "x + MAX")
    limit = found["MAX: constant(uint256) = 6"]
    assert (limit.function, limit.statement) == ("(constants)", 0)
    whole = found["pass"]
    assert whole.before == "self._g( x + MAX )"


def test_mutants_of_the_suite_keep_their_keys_and_are_no_two_alike():
    found = all_mutants(ROOT, FOLDERS)
    assert len({mutant.key for mutant in found}) == len(found) > 1_000
    assert {Path(mutant.path).parent.as_posix() for mutant in found} == set(FOLDERS)
    assert found == all_mutants(ROOT, FOLDERS)


def test_a_draw_follows_from_its_seed_and_starts_with_every_function():
    found = all_mutants(ROOT, ["contracts/governance"])
    draw = drawn(found, 7)
    assert draw == drawn(found, 7)
    assert draw != drawn(found, 8)
    assert sorted(draw, key=found.index) == found, "all of them, each once"
    functions = {(mutant.path, mutant.function) for mutant in found}
    first = draw[: len(functions)]
    assert {(mutant.path, mutant.function) for mutant in first} == functions
    assert len({mutant.operator for mutant in first}) > 5


def planted(line: int = 3) -> Mutant:
    return Mutant(
        "contracts/token/a.vy",
        "f",
        line,
        line,
        "compare",
        10 * line,
        10 * line + 1,
        "<=",
        "a | b",
        "c",
    )


A, B, PLAY = "tests/token/test_a.py", "tests/bridge/test_b.py", "tests/stateful/test_s.py"


def compiled(first: str, size: int, *places: int, released: bool = True) -> Compiled:
    path = "contracts/token/a.vy"
    return Compiled(first, size, released, [path], [f"{path}:{line}" for line in places])


REACH = Reach(
    compiled={
        "Token": compiled("Token", 900, 3, 4, 6),
        "TokenControls": compiled("Token", 200, 3),
        "Cash": compiled("Cash", 1_000, 3, 6),
        "NextToken": compiled("NextToken", 90, 3, released=False),
        "Other": Compiled("Other", 1, True, ["contracts/token/b.vy"], []),
    },
    seconds={
        A: {f"{A}::other": 0.1, f"{A}::slow": 2.0, f"{A}::quick": 0.2},
        B: {f"{B}::other": 0.1, f"{B}::reaches": 0.1},
        PLAY: {f"{PLAY}::play": 30.0},
    },
    tests={
        A: {
            "contracts/token/a.vy:3": {"Token": [1, 2], "NextToken": [1]},
            "contracts/token/a.vy:6": {"Token": [0, 1]},
        },
        B: {"contracts/token/a.vy:3": {"Token": [1], "Cash": [1]}},
        PLAY: {"contracts/token/a.vy:3": {"Token": [0], "TokenControls": [0]}},
    },
)
ALL = (A, B, PLAY)


def test_contracts_and_tests_that_execute_a_statement_come_the_cheap_first_and_others_never():
    assert REACH.stages(planted(), ALL) == [
        Stage(["Cash"], [f"{B}::reaches"]),
        Stage(
            ["NextToken", "Token", "TokenControls"],
            [f"{A}::quick", f"{B}::reaches", f"{A}::slow", f"{PLAY}::play"],
        ),
    ]
    assert REACH.stages(planted(), [A]) == [
        Stage(["NextToken", "Token"], [f"{A}::quick", f"{A}::slow"])
    ]
    *_, last = REACH.stages(planted(), ALL, judged=True)
    assert last.tests == [f"{A}::quick", f"{B}::reaches", f"{A}::slow"], "enough for a judgement"


def test_what_nothing_executes_no_test_can_tell():
    assert REACH.stages(planted(4), ALL) == [Stage(["Token"], [])]
    assert REACH.stages(planted(6), [B, PLAY]) == [Stage(["Cash"], [])]


def test_where_nothing_is_known_all_contracts_are_tried_with_all_that_execute_them():
    assert REACH.stages(planted(5), ALL) == [
        Stage(["Cash"], [f"{B}::reaches"]),
        Stage(
            ["NextToken", "Token", "TokenControls"],
            [f"{A}::other", f"{A}::quick", f"{B}::reaches", f"{A}::slow", f"{PLAY}::play"],
        ),
    ]


def outcome(tried: list[Tried]) -> Outcome:
    return Outcome(
        name="planted",
        folders=["contracts/token"],
        tests=["tests/token"],
        seed=5,
        tried=tried,
        contracts="c0de",
        available=9,
        dropped=2,
    )


def test_the_score_counts_what_was_noticed_of_what_is_no_equivalent():
    tried = [
        Tried(planted(1), "killed", "tests/token/a.py::t"),
        Tried(planted(2), "timeout", ""),
        Tried(planted(3), "survived", ""),
        Tried(planted(4), "survived", "", judged(planted(4))),
    ]
    assert Score.of(tried) == Score(killed=1, timeout=1, survived=1, equivalent=1)
    assert Score.of(tried).cells() == ["1", "1", "1", "1", "66.6 %"]
    assert Score.of(tried[3:]).cells() == ["0", "0", "0", "1", "-"], "of nothing there is no score"
    assert [line for line in terminal(tried) if line.startswith("survived")] == [
        "survived  contracts/token/a.vy:3 f [compare]\n    - a | b\n    + c"
    ]
    others = replace(outcome(tried[:2]), name="others")
    text = document([outcome(tried), others])
    assert "| planted | 9 | 4 | 2 | 1 | 1 | 1 | 1 | 66.6 % |" in text
    assert "| contracts/token/a.vy:3 | `f` | compare | `a \\| b` | `c` |" in text
    assert "| contracts/token/a.vy | 1 | 1 | 1 | 1 | 66.6 % |" in text
    assert text.count("nobody can tell") == 1
    assert text.count("\n## Planted\n") == text.count("\n## Others\n") == 1
    assert text.count("None.") == 1
    # One group is written anew; what was said of the other stays.
    again = replace(others, tried=tried[2:], contracts="c1de")
    assert document([again], text) == document([outcome(tried), again]) != text
    assert document([again], document([again])) == document([again])


def judged(mutant: Mutant) -> Equivalent:
    known = (mutant.path, mutant.function, mutant.before, mutant.after)
    return Equivalent(*known, reason="nobody can tell")


def test_every_judgement_of_the_suite_is_of_a_mutant_and_has_its_reason():
    found = all_mutants(ROOT, FOLDERS)
    for item in equivalents(ROOT / JUDGED):
        assert item.reason
        assert any(item.matches(mutant) for mutant in found), item


# ----------------------------------------------------------------------- a whole run

COUNTER = """
# pragma version 0.4.3

total: public(uint256)

@external
def add(amount: uint256):
    assert amount <= 10, "counter: too much"
    self.total += amount
"""
TESTS = """
import pytest
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.reverts import reverts

@pytest.fixture(scope="module")
def counter():
    chain = EmbeddedChain()
    return chain.deploy("Counter", sender=chain.account(1))

def test_adds(counter):
    counter.add(3, sender=counter.chain.account(1))
    assert counter.total() == 3

def test_refuses(counter):
    with reverts("counter: too much"):
        counter.add(11, sender=counter.chain.account(1))
"""
EDGE = """
from tallystick.chain.embedded import EmbeddedChain

def test_adds_the_most():
    chain = EmbeddedChain()
    counter = chain.deploy("Counter", sender=chain.account(1))
    counter.add(10, sender=chain.account(1))
    assert counter.total() == 10
"""
SURVIVORS = {
    'assert amount < 10, "counter: too much"',
    'assert amount <= 9, "counter: too much"',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One contract, whose tests miss its limit."""
    for name in ("tallystick", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / JUDGED).unlink()
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "interfaces").mkdir()
    for path, text in {
        "contracts/token/Counter.vy": COUNTER,
        "tests/conftest.py": "",
        "tests/test_counter.py": TESTS,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def _survivors(outcome) -> set[str]:
    return {item.mutant.after for item in outcome.tried if item.survived}


@pytest.mark.slow
def test_a_run_kills_goes_on_and_notices_new_tests(project, capsys):
    options = Options(
        name="counter", root=project, folders=("contracts/token",), tests=("tests",), sample=50
    )
    begun = run(replace(options, sample=2))
    assert begun.ran == 2
    # Ended in the middle of a line.
    results = project / ".build" / "mutation" / "results.jsonl"
    with results.open("a") as file:
        file.write('{"key": "')
    whole = run(options)
    assert (whole.available, whole.ran, whole.dropped) == (7, 5, 0)
    assert _survivors(whole) == SURVIVORS
    assert {item.status for item in whole.tried} == {"killed", "survived"}
    killers = {item.mutant.after: item.test for item in whole.tried}
    assert killers["pass"] == "tests/test_counter.py::test_refuses"
    assert (project / "contracts/token/Counter.vy").read_text() == COUNTER

    again = run(options)
    assert (again.ran, again.tried) == (0, whole.tried)

    # Below the score; judged equivalent; judged wrongly.
    asked = ["contracts/token", "--root", str(project), "--tests", "tests", "--sample", "50"]
    assert main([*asked, "--write"]) == 1
    assert "71.4 %" in (project / "docs/mutation.md").read_text()
    entries = [
        f"[[mutant]]\npath = 'contracts/token/Counter.vy'\nfunction = 'add'\n"
        f"before = 'assert amount <= 10, \"counter: too much\"'\nafter = '{after}'\nreason = 'so'\n"
        for after in sorted(SURVIVORS)
    ]
    (project / JUDGED).write_text("".join(entries))
    assert main(asked) == 0

    (project / "tests/test_edge.py").write_text(EDGE)
    capsys.readouterr()
    assert main(asked) == 1
    assert (
        "not equivalent, tests/test_edge.py::test_adds_the_most kills it" in capsys.readouterr().err
    )
    (project / JUDGED).unlink()
    better = run(options)
    assert (better.ran, _survivors(better)) == (0, set())
    lines = [json.loads(line) for line in results.read_text().splitlines() if line.endswith("}")]
    assert len(lines) == 7 + len(SURVIVORS), "what was killed was not run again"


@pytest.mark.slow
def test_a_run_over_failing_tests_says_which(project, capsys):
    (project / "tests/test_edge.py").write_text("def test_wrong():\n    assert 1 == 2\n")
    asked = ["contracts/token", "--root", str(project), "--tests", "tests"]
    assert main(asked) == 2
    assert "tests/test_edge.py::test_wrong fails on unchanged sources" in capsys.readouterr().err
