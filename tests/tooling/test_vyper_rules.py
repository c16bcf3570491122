"""Each rule of the Vyper lint finds the bad snippet and leaves the good one alone."""

from __future__ import annotations

import pytest

from tools.lint import vyper_rules
from tools.reasons import collect_custom_errors, collect_reasons
from tools.vyper_source import VyperSource, load_tree, parse

HEAD = "# pragma version 0.4.3\n# pragma nonreentrancy on\n"
DEPLOYABLE_HEAD = "# pragma version 0.4.3\n# pragma evm-version prague\n# pragma nonreentrancy on\n"
DOC = '"""\n@title T\n@license Apache-2.0\n@author A\n@notice N\n"""\n'
FULL_DOC = DOC[:-4] + '@custom:security S\n@custom:kill K\n"""\n'


def source(text: str, path: str = "contracts/token/book.vy") -> VyperSource:
    return parse(path, text)


def messages(findings) -> list[str]:
    return [str(finding) for finding in findings]


def test_pragmas_in_their_exact_form_pass():
    assert not messages(vyper_rules.check_pragmas(source(HEAD)))
    deployable = source(DEPLOYABLE_HEAD, "contracts/token/Token.vy")
    assert not messages(vyper_rules.check_pragmas(deployable))
    small = source(DEPLOYABLE_HEAD + "# pragma optimize codesize\n", "contracts/token/Token.vy")
    assert not messages(vyper_rules.check_pragmas(small))
    interface = source("# pragma version 0.4.3\n", "interfaces/IToken.vyi")
    assert not messages(vyper_rules.check_pragmas(interface))


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("# pragma version ~=0.4.3\n# pragma nonreentrancy on\n", "contracts/token/book.vy", 1),
        ("# pragma version 0.4.3\n", "contracts/token/book.vy", 2),
        (HEAD, "contracts/token/Token.vy", 2),
        (HEAD + "# pragma optimize codesize\n", "contracts/token/book.vy", 3),
    ],
)
def test_a_missing_loose_or_stray_pragma_is_found(text: str, path: str, line: int):
    found = messages(vyper_rules.check_pragmas(source(text, path)))
    assert any(message.startswith(f"{path}:{line}: ") for message in found)


def test_the_order_of_a_file():
    good = (
        HEAD + "from ethereum.ercs import IERC20\nimplements: IERC20\n"
        "from contracts.token import position\nuses: position\nexports: position.x\n"
        "A: constant(uint256) = 1\nB: immutable(uint256)\nflag F:\n    ONE\n"
        "struct S:\n    a: uint256\nx: uint256\nevent E:\n    a: uint256\n"
        "@deploy\ndef __init__():\n    pass\n"
        "@external\ndef f():\n    pass\n@internal\ndef _g():\n    pass\n"
    )
    assert not messages(vyper_rules.check_order(source(good)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x: uint256\nA: constant(uint256) = 1\n", "4: constants come before storage"),
        ("event E:\n    a: uint256\nx: uint256\n", "5: storage come before events"),
        (
            "@internal\ndef _g():\n    pass\n@external\ndef f():\n    pass\n",
            "7: external functions come before internal functions",
        ),
        (
            "from contracts.token import position\nfrom interfaces import IToken\n",
            "4: own interfaces (import, implements) come before module imports",
        ),
        (
            "from contracts.token import position\nimplements: IToken\n",
            "4: `implements` belongs beside the interface imports, before the modules",
        ),
    ],
)
def test_a_thing_out_of_order_is_found(body: str, expected: str):
    found = messages(vyper_rules.check_order(source(HEAD + body)))
    assert found == [f"contracts/token/book.vy:{expected} [order]"]


def test_the_docstring_of_a_file():
    assert not messages(vyper_rules.check_natspec_of_file(source(HEAD + DOC)))
    token = "contracts/token/Token.vy"
    full = source(DEPLOYABLE_HEAD + FULL_DOC, token)
    assert not messages(vyper_rules.check_natspec_of_file(full))
    short = messages(vyper_rules.check_natspec_of_file(source(DEPLOYABLE_HEAD + DOC, token)))
    assert [message.split(": ", 1)[1] for message in short] == [
        "the file's docstring has no @custom:security [natspec]",
        "the file's docstring has no @custom:kill [natspec]",
    ]
    agpl = source(HEAD + DOC.replace("Apache-2.0", "AGPL-3.0-only"))
    assert "AGPL" in messages(vyper_rules.check_natspec_of_file(agpl))[0]
    assert len(messages(vyper_rules.check_natspec_of_file(source(HEAD)))) == 4


GOOD_FUNCTION = '''
@external
def f(a: uint256, b: address) -> (uint256, bool):
    """
    @notice Does something
            over two lines.
    @param a First.
    @param b Second.
    @return One thing.
    @return Another.
    """
    return a, True


@internal
def _g():
    """
    @dev Why.
    """
    pass
'''


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("@notice Does", "@dev Does", "f: no @notice"),
        ("    @param b Second.\n", "", "f: no @param for `b`"),
        ("@param b Second.", "@param b", "f: no @param for `b`"),
        ("@param b Second.", "@param c Second.", "f: @param `c` is no parameter"),
        ("    @return Another.\n", "", "f: 1 @return for 2 value(s)"),
        ("    @dev Why.", "    Why.", "_g: no @dev"),
    ],
)
def test_natspec_of_functions(good: str, bad: str, expected: str):
    assert not messages(vyper_rules.check_natspec_of_functions(source(HEAD + GOOD_FUNCTION)))
    assert good in GOOD_FUNCTION
    broken = source(HEAD + GOOD_FUNCTION.replace(good, bad, 1))
    found = messages(vyper_rules.check_natspec_of_functions(broken))
    assert any(expected in message for message in found)
    # Doubles of tests need no documentation of every parameter.
    mock = parse("tests/contracts/BookMock.vy", broken.text)
    assert not messages(vyper_rules.check_natspec_of_functions(mock))


def test_a_function_without_any_docstring_is_found():
    text = HEAD + "@external\ndef f():\n    pass\n"
    assert any("f: no @notice" in m for m in messages(vyper_rules.check_all([source(text)])))


def test_imports():
    good = (
        "import math\nfrom ethereum.ercs import IERC20\nfrom interfaces import IToken\n"
        "from contracts.token import position\n"
    )
    assert not messages(vyper_rules.check_imports(source(HEAD + good)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from . import position", "relative import"),
        ("from contracts.token import position as p", "under a second name `p`"),
        ("import contracts.token.position as position", "write `from … import …`"),
        ("from snekmate.auth import ownable", "AGPL"),
        ("from token import position", "expected a path under"),
        (
            "from contracts.token import position\nfrom contracts.token import position",
            "imported twice",
        ),
    ],
)
def test_a_bad_import_is_found(line: str, expected: str):
    found = messages(vyper_rules.check_imports(source(f"{HEAD}{line}\n")))
    assert any(expected in message for message in found)


def test_one_name_means_one_module_in_the_whole_suite():
    one = source(HEAD + "from contracts.token import message\n")
    same = source(HEAD + "from contracts.token import message\n", "contracts/token/other.vy")
    assert not messages(vyper_rules.check_module_names([one, same]))
    two = source(HEAD + "from contracts.bridge import message\n", "contracts/bridge/lanes.vy")
    assert len(messages(vyper_rules.check_module_names([one, two]))) == 2


def with_body(body: str, path: str = "contracts/token/book.vy") -> VyperSource:
    return source(f"{HEAD}@external\ndef f(a: uint256):\n    {body}\n", path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("contracts/token/book.vy", "book: nothing held"),
        ("contracts/governance/ReleaseProxy.vy", "proxy: no code"),
        ("contracts/token/erc20.vy", "erc20: too much"),
        ("contracts/token/standard_errors.vy", "standard errors: unknown"),
    ],
)
def test_a_reason_starts_with_a_word_of_its_file(path: str, reason: str):
    good = with_body(f'assert a == 1, "{reason}"', path)
    assert not messages(vyper_rules.check_reasons([good]))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert a == 1", "no reason"),
        ("raise", "no reason"),
        ("assert a == 1, UNREACHABLE", "no reason"),
        ('assert a == 1, "nothing held"', "does not read"),
        ('assert a == 1, "token: nothing held"', "does not read"),
        ('raise "book: "', "does not read"),
        (f'assert a == 1, "book: {"x" * 55}"', "61 characters"),
    ],
)
def test_a_bad_reason_is_found(body: str, expected: str):
    found = messages(vyper_rules.check_reasons([with_body(body)]))
    assert any(message.startswith("contracts/token/book.vy:5: ") for message in found)
    assert any(expected in message for message in found)


def test_a_reason_may_be_a_constant_here_or_in_a_module():
    here = source(
        f'{HEAD}_R: constant(String[32]) = "book: closed"\n@external\ndef f():\n    raise _R\n'
    )
    there = source(
        f"{HEAD}from contracts.token import book\n@external\ndef f():\n    raise book._R\n",
        "contracts/token/Book.vy",
    )
    assert [reason.text for reason in collect_reasons([here, there])] == ["book: closed"] * 2


def test_of_a_reason_that_names_something_the_literal_is_the_reason():
    named = source(
        f'{HEAD}@external\ndef f(a: String[9]):\n    raise concat("book: kept", ": ", a)\n'
    )
    assert [reason.text for reason in collect_reasons([named])] == ["book: kept"]
    unnamed = source(f'{HEAD}@external\ndef f(a: String[9]):\n    raise concat(a, "book: kept")\n')
    assert [reason.text for reason in collect_reasons([unnamed])] == [None]


def test_one_reason_in_two_files_is_found_in_one_file_it_is_not():
    twice = source(
        f'{HEAD}@external\ndef f(a: uint256):\n    assert a == 1, "book: no"\n'
        '    assert a == 1, "book: no"\n'
    )
    assert not messages(vyper_rules.check_reasons([twice]))
    other = with_body('assert a == 1, "book: no"', "contracts/bridge/book.vy")
    found = messages(vyper_rules.check_reasons([twice, other]))
    assert len(found) == 3
    assert "stands in contracts/bridge/book.vy too" in found[0]


def test_custom_errors_are_read_and_must_be_readable():
    good = with_body('raw_revert(abi_encode(a, method_id=method_id("Bad(uint256)")))')
    assert [error.signature for error in collect_custom_errors([good])] == ["Bad(uint256)"]
    assert not messages(vyper_rules.check_raw_revert(good))
    bad = with_body("raw_revert(abi_encode(a))")
    assert len(messages(vyper_rules.check_raw_revert(bad))) == 1


@pytest.mark.parametrize("header", ["range(10)", "range(a, bound=N)", "range(N)", "[1, 2]"])
def test_bounded_loops_pass(header: str):
    good = source(
        f"{HEAD}N: constant(uint256) = 100\n@external\ndef f(a: uint256):\n"
        f"    for i: uint256 in {header}:\n        pass\n"
    )
    assert not messages(vyper_rules.check_loops([good]))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("range(5000)", "up to 5000 iterations"),
        ("range(a, bound=100000)", "up to 100000 iterations"),
        ("range(a, bound=UNKNOWN)", "no integer constant"),
    ],
)
def test_a_long_or_unreadable_loop_is_found(header: str, expected: str):
    bad = with_body(f"for i: uint256 in {header}:\n        pass")
    found = messages(vyper_rules.check_loops([bad]))
    assert len(found) == 1
    assert expected in found[0]


def test_raw_call_only_where_it_is_listed_and_the_list_holds_no_more():
    call = with_body('raw_call(msg.sender, b"")')
    assert not messages(vyper_rules.check_raw_calls([call], {(call.path, "f"): 1}))
    assert "is not in" in messages(vyper_rules.check_raw_calls([call], {}))[0]
    stale = messages(vyper_rules.check_raw_calls([], {("contracts/gone.vy", "f"): 3}))
    assert stale[0].startswith("tools/lint/raw_call_allowed.txt:3: contracts/gone.vy f")


def test_wide_comments_are_found():
    assert not messages(vyper_rules.check_comment_width(source(HEAD + "# " + "x" * 118 + "\n")))
    assert messages(vyper_rules.check_comment_width(source(HEAD + "# " + "x" * 119 + "\n")))


def test_a_file_that_does_not_parse_is_one_finding(tmp_path):
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "bad.vy").write_text("def :\n")
    (folder / "good.vy").write_text(HEAD)
    sources, findings = load_tree(tmp_path)
    assert [item.path for item in sources] == ["contracts/good.vy"]
    assert findings[0].path == "contracts/bad.vy"
