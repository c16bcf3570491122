"""Roles, reasons and releases: the Python side of `contracts/governance`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tallystick.build import Artifact
from tallystick.chain.abi import checksum, encode, keccak
from tallystick.governance.pieces import GETTERS, check_pieces

__all__ = [
    "APPROVERS",
    "CONTRACTS",
    "PER_INSTRUMENT",
    "PROXIED",
    "CodeHashes",
    "Version",
    "addresses_behind",
    "code_hashes",
    "is_behind",
    "proxy_name",
    "release_id",
    "release_kind",
    "release_terms",
]

# Who all have to consent to what the upgrader noticed, each in its role.
APPROVERS: Final = ("issuer", "operator", "auditor")
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
    """Return what `APPROVERS` consent to: the hash of all that a release is.

    Args:
        release: The fields of `Release`, in the contract's order.
    """
    types = ["bytes32", "uint256", "address", *["bytes32"] * 5]
    kind, version, implementation, *hashes = release
    return keccak(encode(types, [kind, version, str(implementation), *hashes]))


class CodeHashes(NamedTuple):
    """The hashes that a release holds its code to, in the order of `Release`."""

    code: bytes
    behind: bytes
    layout: bytes


def code_hashes(artifact: Artifact, behind: Sequence[str] = ()) -> CodeHashes:
    """Return what a release of a build is held to where it stands.

    The code of a piece that hands on ends with the address of the next, so that its hash is another
    on each ledger; the last has no immutables and hashes the same everywhere.

    Args:
        artifact: The build.
        behind: Where the pieces behind its first are on that ledger, in their order.

    Raises:
        CheckFailed: The pieces don't fit.
    """
    check_pieces(artifact)
    pieces = (artifact, *artifact.behind)
    ends = [*(encode(["address"], [address]) for address in behind), b""]
    code, *others = (
        keccak(piece.bytecode_runtime + end) for piece, end in zip(pieces, ends, strict=True)
    )
    return CodeHashes(code, _behind_hash(others), artifact.layout_hash)


def addresses_behind(
    artifact: Artifact, implementation: str, code_at: Callable[[str], bytes]
) -> tuple[str, ...]:
    """Return where the pieces behind a build's first are: each address ends the code before it.

    Args:
        artifact: The build, which says how many they are.
        implementation: Where its first piece is.
        code_at: The ledger's code at an address.
    """
    found = []
    for _ in artifact.behind:
        implementation = _named_by(code_at(implementation))
        found.append(implementation)
    return tuple(found)


def is_behind(code: bytes, behind_hash: bytes, code_at: Callable[[str], bytes]) -> bool:
    """Whether the pieces behind an implementation are those that its release names, of any build.

    Args:
        code: The implementation's, which is as registered.
        behind_hash: The release's.
        code_at: The ledger's code at an address.
    """
    hashes: list[bytes] = []
    for _ in GETTERS:
        if _behind_hash(hashes) == behind_hash:
            break
        code = code_at(_named_by(code))
        hashes.append(keccak(code))
    return _behind_hash(hashes) == behind_hash


def _behind_hash(hashes: Sequence[bytes]) -> bytes:
    """The one hash of the pieces behind the first, as the authority computes it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else bytes(32)
    return keccak(b"".join(hashes))


def _named_by(code: bytes) -> str:
    return str(checksum(code[-20:].rjust(20, b"\0")))


def proxy_name(contract: str, instrument: str = "") -> bytes:
    """Return the name under which a ledger's authority creates a proxy.

    Args:
        contract: Name of the deployable, e.g. `SecurityToken`.
        instrument: ISIN, for contracts of which there is one an instrument.
    """
    return keccak(encode(["string", "string"], [contract, instrument]))


# The deployables behind proxies, one each a ledger; the engine where the plan has one.
PROXIED: Final = ("InstrumentRegistry", "SecurityToken", "BridgeEscrow", "ActionsEngine")
# Of them those of which there is one an instrument.
PER_INSTRUMENT: Final = ("SecurityToken", "ActionsEngine")
# All that a manifest names; a proof verifier where a lane of the plan trusts one.
CONTRACTS: Final = (
    "ReleaseAuthority",
    *PROXIED,
    "QuorumVerifier",
    "ProofVerifier",
    "LaneCustody",
)
