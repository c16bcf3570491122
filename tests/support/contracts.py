"""Contracts that only tests deploy: fakes, and releases derived from the suite's contracts."""

from __future__ import annotations

from tallystick import build
from tests.support.next_releases import FOLDER, ROOT, write_derived


def add_contracts() -> None:
    """Let them be found by name in this process, as the suite's own are."""
    write_derived()
    for folder in ("tests/contracts", FOLDER):
        build.add(build.sources(ROOT, folder))
