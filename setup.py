"""Build hook: the wheel carries compiled contracts, so that it works with neither vyper nor ape.

Everything else is in pyproject.toml. An editable install compiles nothing: in a checkout the
harness compiles from the sources, and stale artifacts beside them would only mislead.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildPyWithContracts(build_py):
    """Copies the Python package, then exports ABI and bytecode of every deployable into it."""

    def run(self) -> None:
        """Builds; a contract that does not compile fails the build."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib).resolve() / "tallystick" / "artifacts"
        # A process of its own from the source tree: the isolated build environment holds the
        # compiler but not the package, and the export must see contracts/ and interfaces/.
        subprocess.run(
            [sys.executable, "-m", "tallystick.build", "export", str(target)],
            cwd=ROOT,
            check=True,
        )
        if not any(target.glob("**/*.json")):
            message = f"the contract build wrote no artifact to {target}"
            raise RuntimeError(message)


setup(cmdclass={"build_py": BuildPyWithContracts})
