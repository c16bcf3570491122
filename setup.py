"""Build hook: the wheel carries compiled contracts and an example.

So it works with neither vyper nor ape, and plain `tallystick demo` has something to tell.
Everything else is in pyproject.toml. An editable install compiles nothing: in a checkout the
harness compiles from the sources, and stale artifacts beside them would only mislead.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildPyWithContracts(build_py):
    """Copies the Python package, then puts an example, ABI and bytecode of every deployable in."""

    def run(self) -> None:
        """Builds; a contract that does not compile fails the build."""
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib).resolve() / "tallystick"
        examples = package / "examples"
        examples.mkdir(exist_ok=True)
        shutil.copy(ROOT / "examples" / "apple.yaml", examples)
        target = package / "artifacts"
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
