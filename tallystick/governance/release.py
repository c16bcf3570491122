"""Roles, reasons and releases: the Python side of `contracts/governance`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.chain.abi import encode, keccak

__all__ = ["CONTRACTS", "Version", "proxy_name", "release_id", "release_kind", "release_terms"]

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
    types = ["bytes32", "uint256", "address", "bytes32", "bytes32", "bytes32", "bytes32"]
    kind, version, implementation, *hashes = release
    return keccak(encode(types, [kind, version, str(implementation), *hashes]))


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
