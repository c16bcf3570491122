"""Builds the wheel and uses it where neither the compiler nor ape is: `python -m tools.wheel`.

The wheel is unpacked into an empty folder and used from there with the compiler and ape made
unimportable: what works then works for a user who only installs the package. Plain `tallystick
demo` is what such a user types first.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools.report import ROOT

_PROBE = """
import sys

for name in ("ape", "ape_vyper", "ape_foundry", "vyper"):
    sys.modules[name] = None  # makes an import of it fail

import importlib.metadata
from pathlib import Path

def version(name, original=importlib.metadata.version):
    if name == "vyper":
        raise importlib.metadata.PackageNotFoundError(name)
    return original(name)

importlib.metadata.version = version

import tallystick.cli
import tallystick.kit.plugin
from tallystick.build import artifacts
from tallystick.chain.embedded import EmbeddedChain

assert sys.argv[1] in tallystick.cli.__file__, tallystick.cli.__file__
found = artifacts()
assert found, "the wheel carries no contract"
empty = [name for name, item in found.items() if not (item.bytecode and item.abi)]
assert not empty, f"no code or ABI in {empty}"
doubles = [name for name in found if "Mock" in name]
assert not doubles, f"{doubles} are in no release"
assert "Upgraded" in {entry.get("name") for entry in found["ReleaseProxy"].abi}
from tallystick.governance.acts import acts_of, contracts

assert {"BridgeEscrow", "SecurityToken"} <= set(contracts()), "the wheel names no acts"
assert acts_of("BridgeEscrow")["end_epoch"][0].roles == ("administrator",)
chain = EmbeddedChain()
assert chain.chain_id
from tallystick.cli.main import main

assert main(["demo"]) == 0, "the demo failed"
assert Path("out/demo/index.html").is_file(), "the demo left no report"
print(f"the wheel works without compiler and ape: {len(found)} contracts, the demo told")
"""


def main() -> int:
    """Build, unpack, probe; the status of the first step that fails."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        _clear()
        built = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
                *("--no-build-isolation", "--wheel-dir", str(target), str(ROOT)),
            ],
            check=False,
        )
        _clear()
        if built.returncode:
            return built.returncode
        (wheel,) = target.glob("tallystick-*.whl")
        unpacked = target / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(unpacked)
        if "tallystick/py.typed" not in names:
            print("the wheel has no py.typed", file=sys.stderr)
            return 1
        # Started outside the checkout and without site customisation of it: an editable install
        # of this checkout in the same environment comes later on the path.
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE, str(unpacked)],
            cwd=target,
            env={"PYTHONPATH": str(unpacked), "PATH": ""},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        # Of the demo its end is enough; all of it if it went wrong.
        lines = probe.stdout.splitlines(keepends=True)
        sys.stdout.writelines(lines if probe.returncode else lines[-1:])
        return probe.returncode


def _clear() -> None:
    """Remove what setuptools leaves in a checkout.

    Modules that are gone would go along in the next wheel, and the entry points in the egg-info are
    found by whatever runs here afterwards, also when they name what has moved.
    """
    for left in ("build", "tallystick.egg-info"):
        shutil.rmtree(ROOT / left, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
