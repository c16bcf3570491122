"""The formatter's answer becomes findings."""

from __future__ import annotations

import pytest

from tools.lint.formatting import FORMATTER, run_formatter

UGLY = "# pragma version 0.4.3\nx:   uint256\n"
NEAT = "# pragma version 0.4.3\nx: uint256\n"


def test_no_formatter_is_a_finding_and_not_a_pass(tmp_path):
    found = run_formatter(["a.vy"], write=False, root=tmp_path, formatter=tmp_path / "none")
    assert "not installed" in found[0].message


@pytest.mark.skipif(not FORMATTER.exists(), reason="the formatter is installed by make lint")
def test_it_reports_and_it_rewrites(tmp_path):
    (tmp_path / "ugly.vy").write_text(UGLY)
    (tmp_path / "neat.vy").write_text(NEAT)
    paths = ["ugly.vy", "neat.vy"]
    assert [str(item) for item in run_formatter(paths, write=False, root=tmp_path)] == [
        "ugly.vy:1: not formatted: make format [format]"
    ]
    assert (tmp_path / "ugly.vy").read_text() == UGLY
    assert not run_formatter(paths, write=True, root=tmp_path)
    assert (tmp_path / "ugly.vy").read_text() == NEAT
    (tmp_path / "broken.vy").write_text("def :\n")
    assert run_formatter(["broken.vy"], write=False, root=tmp_path)[0].path == "broken.vy"
