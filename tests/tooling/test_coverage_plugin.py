"""The coverage plugin in a whole pytest run, alone and with workers."""

from __future__ import annotations

import json

import pytest

from tools.report import ROOT

pytest_plugins = ["pytester"]

TEST = """
import pytest
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.upgrade import deploy_implementation

@pytest.mark.parametrize("n", [1, 2])
def test_deploy(n):
    chain = EmbeddedChain()
    sender = chain.account(1)
    token = deploy_implementation(chain, "SecurityToken", sender=sender)
    assert token.balanceOf(sender.address) == 0
    token.instruct(b"TEST", b"\\1" * 32, sender=sender)
    assert token.set_up_key() == "0x" + "00" * 20
"""
# What the calls to the second and the third piece ran, on the way and there.
RAN = {
    "contracts/token/SecurityToken.vy": "return raw_call(CONTROLS, ",
    "contracts/token/SecurityTokenControls.vy": "return raw_call(SETTINGS, ",
    "contracts/token/SecurityTokenSettings.vy": "self._initialized = True",
    "contracts/token/standing.vy": "log Instructed(actor=msg.sender, ",
}


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_it_measures_and_enforces(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    # The file of the run that this test is part of must survive it.
    monkeypatch.setenv("TALLYSTICK_COVERAGE_FILE", str(pytester.path / "coverage.json"))
    pytester.makepyfile(TEST)
    plain = ("-p", "no:ape_test", "-p", "tools.coverage.plugin", *options)
    result = pytester.runpytest_subprocess(*plain, "--vyper-coverage")
    assert result.ret == 0
    data = json.loads((pytester.path / "coverage.json").read_text())
    assert 0 < data["percent"] < 100, "something ran, and not everything"
    for path, text in RAN.items():
        lines = enumerate((ROOT / path).read_text().splitlines(), 1)
        number = next(number for number, line in lines if line.strip().startswith(text))
        assert number not in data["files"][path]["missed_lines"], path
    assert data["files"]["contracts/token/controls.vy"]["executed"] == 0
    failing = pytester.runpytest_subprocess(
        *plain, "--vyper-coverage", "--vyper-coverage-fail-under", "100"
    )
    failing.stdout.fnmatch_lines(["FAILED: * % covered, at least 100 % asked"])
    assert failing.ret == 1
