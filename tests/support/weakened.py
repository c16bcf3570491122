"""Copies of a contract that lack a check: an attack on one shows what the check is for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tallystick import build
from tests.support.world import ROOT

__all__ = ["weakened"]


def weakened(folder: Path, source: str, edits: Mapping[str, Mapping[str, str]]) -> build.Artifact:
    """Compile a contract over edited sources.

    Args:
        folder: an empty one; the suite's sources are copied into it.
        source: the contract's file, from the repository's root.
        edits: file -> text that occurs in it exactly once -> what stands there instead.
    """
    for part in ("contracts", "interfaces"):
        shutil.copytree(ROOT / part, folder / part)
    path = folder / source
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / source, path)
    for file, changes in edits.items():
        text = (folder / file).read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{file}: {old!r} once expected"
            text = text.replace(old, new)
        (folder / file).write_text(text)
    return build.compile_file(path, folder)
