"""The fixtures: one test on every back end, and nothing left behind."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tallystick.chain import Chain, Contract

_INSTALLED = any(p.value == "tallystick.kit.plugin" for p in entry_points(group="pytest11"))
_OPTIONS = (*(() if _INSTALLED else ("-p", "tallystick.kit.plugin")), "-p", "no:ape_test", "-q")


@pytest.fixture
def suite(pytester, monkeypatch):
    """A test suite in another directory, as a bridge builder has it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makepyfile(
        """
        import pytest
        def test_two(home, remote):
            assert home.backend == remote.backend
            home.send(sender=home.account(0), to=home.account(1), value=1)
        @pytest.mark.anvil_only
        def test_anvil(home):
            assert home.backend == "anvil"
        @pytest.mark.requirement("INV-1")
        def test_none():
            pass
        """
    )
    return pytester


@pytest.fixture(scope="module")
def probe(module_ledgers) -> Contract:
    (chain,) = module_ledgers(1)
    return chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))


@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_does_is_undone(probe: Contract, turn: int) -> None:
    assert probe.counter() == 0
    block = probe.chain.block_number
    probe.increase(sender=probe.chain.account(0))
    assert (probe.counter(), probe.chain.block_number) == (1, block + 1)


def test_two_ledgers_are_told_apart(home: Chain, remote: Chain) -> None:
    assert (home.name, remote.name) == ("home", "remote")
    assert home.chain_id != remote.chain_id
    assert home.genesis_hash != remote.genesis_hash
    assert not set(home.accounts(5)) & set(remote.accounts(5))


def test_a_ledger_opened_within_a_test(ledgers) -> None:
    third = ledgers(3)[2]
    third.send(sender=third.account(0), to=third.account(1), value=1)
    assert third.block_number == 1


def test_is_clean_in_the_next(ledgers) -> None:
    assert ledgers(3)[2].block_number == 0


@pytest.mark.anvil_only
def test_anvil_only_runs_on_anvil(home: Chain) -> None:
    assert home.backend == "anvil"


@pytest.mark.anvil_only
@pytest.mark.parametrize(
    ("option", "passed", "skipped"),
    [(None, 3, 0), ("embedded", 2, 1), ("anvil", 3, 0), ("both", 4, 0)],
)
def test_the_option_chooses_the_back_end(suite, option, passed, skipped) -> None:
    given = [f"--ledger-backend={option}"] if option else []
    result = suite.runpytest_subprocess(*_OPTIONS, *given)
    result.assert_outcomes(passed=passed, skipped=skipped)


def test_without_anvil_its_tests_are_skipped_with_a_reason(suite) -> None:
    suite.makeconftest("import tallystick.chain.process as a\na.find_anvil = lambda: None")
    result = suite.runpytest_subprocess(*_OPTIONS, "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*anvil is not installed*"])


def test_the_plugin_alone_imports_no_chain(suite) -> None:
    suite.makepyfile(
        """
        import sys
        def test_light():
            assert not {"eth", "web3", "ape", "vyper"} & {m.split(".")[0] for m in sys.modules}
            assert "tallystick.chain" not in sys.modules
        """
    )
    result = suite.runpytest_subprocess(*_OPTIONS, "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
