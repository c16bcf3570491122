"""Copies of the contracts that lack a check: an attack on one shows what the check is for.

Compiling an escrow takes seconds, and incidents are many: so the suite is compiled once more with a
switch in front of each assertion and in the places that `otherwise.toml` names; `lacking` and
`without` throw some. A switch is a constant of the code (`block.timestamp >` a number that no clock
reaches; 0 throws it): nothing is stored, and the layout stays.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from eth_utils.crypto import keccak

from tallystick import build
from tallystick.chain.abi import address_of
from tests.support.world import ROOT, Side

__all__ = ["lacking", "without"]

_FOLDER: Final = ROOT / ".build" / "switches"
# What shows a library's functions.
_HARNESS: Final = Path("tests/contracts/TrieHarness.vy")
# An assertion with its reason; of one that calls out for good the call stays, whatever it answers.
_ASSERTION: Final = re.compile(
    r'assert ((?:(?!assert |"""|extcall).)*?),\s*"(\w+: [^"]+)"', re.DOTALL
)
# Name -> file, text that stands there once, and what stands there instead.
OTHERWISE: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("otherwise.toml").read_text()
)


def _switch(name: str) -> int:
    """The number that stands for a switch: as large as eight bytes are, and nothing else's."""
    return int.from_bytes(b"\xf5" + keccak(text=name)[:7], "big")


def _expression(name: str) -> str:
    return f"(block.timestamp > {_switch(name)})"


def switched(path: str, text: str) -> str:
    """The text of a contract's file with switches.

    Args:
        path: the file, below contracts/.
        text: what it says.
    """

    def with_switch(found: re.Match[str]) -> str:
        condition, reason = found.groups()
        return f'assert {_expression(reason)} or ({condition}), "{reason}"'

    changed = text
    for name, edit in OTHERWISE.items():
        if edit["file"] == path:
            assert changed.count(edit["here"]) == 1, f"{path}: {name}: once expected"
            instead = edit["instead"].replace("{on}", _expression(name))
            changed = changed.replace(edit["here"], instead)
    changed = _ASSERTION.sub(with_switch, changed)
    # A clock is no constant: what asks one is no pure function.
    return changed.replace("@pure\n", "@view\n")


def _copies() -> Iterator[tuple[Path, str]]:
    harness = switched(_HARNESS.name, (ROOT / _HARNESS).read_text())
    yield _FOLDER / "contracts" / _HARNESS.name, harness
    for path in sorted([*ROOT.glob("contracts/**/*.vy"), *ROOT.glob("interfaces/*.vyi")]):
        below, text = path.relative_to(ROOT), path.read_text()
        if below.parts[0] == "contracts":
            text = switched(Path(*below.parts[1:]).as_posix(), text)
        yield _FOLDER / below, text


# Of the sources as they are when this is imported: what somebody plants in them later, to see tests
# fail (`tools/mutation`), is planted in ours and not in the copies.
_TEXTS: Final = dict(_copies())


@functools.cache
def _written() -> None:
    """Bring the copies with switches up to date."""
    for stale in {*_FOLDER.glob("*/**/*.vy"), *_FOLDER.glob("*/*.vyi")} - set(_TEXTS):
        stale.unlink(missing_ok=True)
    for copy, text in _TEXTS.items():
        if not copy.exists() or copy.read_text() != text:
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Whole: other workers may be reading it.
            scratch = copy.with_suffix(f".{os.getpid()}")
            scratch.write_text(text)
            scratch.replace(copy)


@functools.cache
def _artifact(name: str) -> build.Artifact:
    """A piece with switches, without those behind it; compiled once, for all processes."""
    _written()
    return build.sources(_FOLDER, "contracts")._load(name)


def _strip(code: bytes, *checks: str) -> bytes:
    """Code of a contract with switches, in which those of some checks are thrown.

    Args:
        code: what was compiled.
        checks: reasons of assertions, or names in otherwise.toml.
    """
    for check in checks:
        # The compiler writes some comparisons as with the next number.
        constants = [(_switch(check) + more).to_bytes(8, "big") for more in (0, 1)]
        found = [constant for constant in constants if constant in code]
        assert found, f"no check of that contract: {check}"
        for constant in found:
            code = code.replace(constant, bytes(8))
    return code


def without(name: str, *checks: str) -> build.Artifact:
    """A contract to deploy that lacks some checks; see `lacking`."""
    whole = _artifact(name)
    return build.Artifact.from_abi(name, list(whole.abi), _strip(whole.bytecode, *checks))


class Ledgers(Protocol):
    """Sides, each on a ledger of its own."""

    @property
    def sides(self) -> Sequence[Side]:
        """One for each ledger."""
        ...

    def isolated(self) -> AbstractContextManager[None]:
        """Undo what the block does to any of them."""
        ...


@contextmanager
def lacking(world: Ledgers, name: str, *checks: str) -> Iterator[None]:
    """On all ledgers a contract lacks some checks while the block runs; then all is undone.

    Args:
        world: the ledgers.
        name: the contract, as the file of its piece is called.
        checks: reasons of assertions, or names in otherwise.toml.
    """
    weak = _strip(_artifact(name).bytecode_runtime, *checks)
    with world.isolated():
        for side in world.sides:
            place = _place(side, name)
            # Behind the code stand its immutables, which stay.
            behind = side.chain.code(place)[len(build.artifact(name).bytecode_runtime) :]
            side.chain.set_code(place, weak + behind)
        yield


def _place(side: Side, name: str) -> str:
    """Where the code of a contract is on a ledger."""
    # A piece knows the one behind it.
    for first, contract in (
        ("BridgeEscrow", side.escrow),
        ("SecurityToken", side.token),
        ("ActionsEngine", side.engine),
    ):
        if piece := name.partition(first)[2]:
            return str(address_of(getattr(contract, piece.upper())()))
    alone = {
        "LaneCustody": side.custody,
        "QuorumVerifier": side.verifier,
        "ReleaseProxy": side.escrow,
    }
    return str(alone[name].address if name in alone else side.implementations[name])
