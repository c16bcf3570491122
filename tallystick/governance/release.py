"""Roles, reasons and releases: the Python side of `contracts/governance`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tallystick.build import Artifact
from tallystick.chain.abi import checksum, encode, keccak
from tallystick.governance.halves import check_halves

__all__ = [
    "CONTRACTS",
    "CodeHashes",
    "Version",
    "code_hashes",
    "controls_in",
    "proxy_name",
    "release_id",
    "release_kind",
    "release_terms",
]

_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_PART_MAX: Final = 2**16 - 1


@dataclass(frozen=True, order=True, slots=True)
class Version:
    """Semantic version of a release (semver.org 2.0.0, without suffixes)."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `MAJOR.MINOR.PATCH`.

        Raises:
            ValueError: it is not of that form, or a part is above 65535.
        """
        match = _VERSION.fullmatch(text)
        parts = [int(part) for part in match.groups()] if match else []
        if not parts or max(parts) > _PART_MAX:
            raise ValueError(f"{text!r} is no version: MAJOR.MINOR.PATCH expected")
        return cls(*parts)

    @property
    def packed(self) -> int:
        """The number that the release authority compares: major, minor, patch in 16 bits each."""
        return self.major << 32 | self.minor << 16 | self.patch

    @classmethod
    def unpack(cls, packed: int) -> Version:
        """Undo `packed`."""
        return cls(packed >> 32, packed >> 16 & _PART_MAX, packed & _PART_MAX)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def release_kind(contract: str) -> bytes:
    """Return the kind under which releases of a deployable are registered: the hash of its name."""
    return keccak(contract.encode())


def release_id(contract: str, version: Version) -> bytes:
    """Return the id of a release, as `ReleaseAuthority.release_id` computes it."""
    return keccak(encode(["bytes32", "uint256"], [release_kind(contract), version.packed]))


def release_terms(release: Iterable[Any]) -> bytes:
    """Return what issuer and auditor consent to: the hash of all that a release is.

    Args:
        release: The fields of `Release`, in the contract's order.
    """
    types = ["bytes32", "uint256", "address", *["bytes32"] * 5]
    kind, version, implementation, *hashes = release
    return keccak(encode(types, [kind, version, str(implementation), *hashes]))


class CodeHashes(NamedTuple):
    """The hashes that a release holds its code to, in the order of `Release`."""

    code: bytes
    controls: bytes
    layout: bytes


def code_hashes(artifact: Artifact, controls: str | None = None) -> CodeHashes:
    """Return what a release of a build is held to where it stands.

    The code of a contract in two halves ends with the address of the other, so that its hash is
    another on each ledger; the other half has no immutables and hashes the same everywhere.

    Args:
        artifact: The build.
        controls: Where its other half is on that ledger; None for a contract in one piece.

    Raises:
        CheckFailed: The two halves don't fit.
    """
    check_halves(artifact)
    if artifact.controls is None:
        return CodeHashes(artifact.code_hash, bytes(32), artifact.layout_hash)
    code = artifact.bytecode_runtime + encode(["address"], [controls])
    return CodeHashes(keccak(code), artifact.controls.code_hash, artifact.layout_hash)


def controls_in(code: bytes) -> str:
    """Return where the other half of a contract is: its address ends the code of the first."""
    return str(checksum(code[-20:].rjust(20, b"\0")))


def proxy_name(contract: str, instrument: str = "") -> bytes:
    """Return the name under which a ledger's authority creates a proxy.

    Args:
        contract: Name of the deployable, e.g. `SecurityToken`.
        instrument: ISIN, for contracts of which there is one an instrument.
    """
    return keccak(encode(["string", "string"], [contract, instrument]))


# The deployables behind proxies, one each a ledger.
PROXIED: Final = ("InstrumentRegistry", "SecurityToken", "BridgeEscrow")
CONTRACTS: Final = ("ReleaseAuthority", *PROXIED, "QuorumVerifier", "LaneCustody")
