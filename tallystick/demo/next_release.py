"""What the demo upgrades to: the same contract under its next version, where no compiler is too."""

from __future__ import annotations

import dataclasses
import functools

from tallystick import build

__all__ = ["next_release"]

# The constant as the compiler pushes it, in a word of its own.
_THIS, _NEXT = (b"\x7f" + version.ljust(32, b"\0") for version in (b"1.0.0", b"1.1.0"))


@functools.cache
def next_release(name: str) -> str:
    """Return the name of release 1.1.0 of a contract of 1.0.0; `build.artifact` knows it.

    Raises:
        BuildError: the contract's code does not name its release exactly once.
    """
    known = build.artifact(name)
    if (known.bytecode.count(_THIS), known.bytecode_runtime.count(_THIS)) != (1, 1):
        raise build.BuildError(f"{name}: its code does not name release 1.0.0 exactly once")
    changed = dataclasses.replace(
        known,
        name=f"{name}Next",
        bytecode=known.bytecode.replace(_THIS, _NEXT),
        bytecode_runtime=known.bytecode_runtime.replace(_THIS, _NEXT),
    )
    build.add({changed.name: changed})
    return changed.name
