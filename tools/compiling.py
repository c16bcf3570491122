"""The compiled contracts of a suite, as the package's own build gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vyper.cli.vyper_compile import compile_files
from vyper.exceptions import VyperException

from tallystick.build import Artifact, BuildError, artifacts, compile_file, source_root
from tools.vyper_source import source_paths


def contracts(root: Path) -> list[Artifact]:
    """Every deployable of the suite at `root`; from the cache where `root` is this checkout.

    Raises:
        BuildError: one does not compile.
    """
    if root.resolve() == source_root():
        return list(artifacts().values())
    return [
        compile_file(path, root)
        for path in source_paths(root, "contracts")
        if path.suffix == ".vy" and path.stem[:1].isupper()
    ]


def interface_abi(root: Path, path: str) -> list[dict[str, Any]]:
    """ABI of a .vyi file.

    Raises:
        BuildError: it does not compile.
    """
    try:
        result = compile_files([str(root / path)], ["abi"], paths=[str(root)])
    except VyperException as error:
        raise BuildError(f"{path} does not compile:\n{error}") from error
    (output,) = result.values()
    abi: list[dict[str, Any]] = output["abi"]
    return abi


def deployed_size(item: Artifact) -> int:
    """What EIP-170 limits: the runtime code and the immutables behind it."""
    return len(item.bytecode_runtime) + item.immutables_length
