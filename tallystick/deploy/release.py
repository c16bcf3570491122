"""Archives of releases: made from a checkout, checked against their sources and the last release.

What a ledger is told of a release, and what it says of it; who acts when is `deploy/upgrade.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from tallystick import build
from tallystick.build import Artifact
from tallystick.chain import Chain, Revert
from tallystick.chain.abi import CodecError, keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.upgrade import deploy_implementation, installed_artifact, proxy_of
from tallystick.errors import CheckFailed, InputError
from tallystick.files.release import Archive, Document, Piece, Settings, Source, StandardJson
from tallystick.governance.layout import conflicts
from tallystick.governance.pieces import misfits
from tallystick.governance.release import (
    PROXIED,
    Version,
    addresses_behind,
    code_hashes,
    release_id,
    release_kind,
)
from tallystick.reach.connection import Suite
from tallystick.text import hex_text

__all__ = [
    "FIELDS",
    "Check",
    "Wanted",
    "archive_of",
    "checks",
    "checks_after",
    "checks_on",
    "contract_of",
    "other_fields",
]

# The fields of `Release`, in the contract's order.
FIELDS: Final = (
    *("kind", "version", "implementation", "code_hash", "behind_hash", "layout_hash"),
    *("evidence_hash", "migration_hash"),
)
_OUTPUTS: Final = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "layout"]
# Of a piece, what its sources have to give again.
_MADE: Final = (
    *("bytecode", "bytecode_runtime", "abi", "layout", "method_identifiers"),
    *("immutables_length", "userdoc", "devdoc"),
)


@dataclass(frozen=True)
class Wanted:
    """A release that is to be registered.

    Attributes:
        contract: the contract that has the release.
        version: its number.
        artifact: its build.
        evidence: hash of what shows that it was tested.
        migration: the call made at activation; empty: none.
    """

    contract: str
    version: Version
    artifact: Artifact
    evidence: bytes
    migration: bytes = b""

    @classmethod
    def of(cls, archive: Archive) -> Wanted:
        """Return what an archive has."""
        return cls(archive.contract, archive.number, archive.artifact, archive.hash, archive.call)

    @property
    def id(self) -> bytes:
        """The release's id."""
        return release_id(self.contract, self.version)

    @property
    def title(self) -> str:
        """What people call it: `SecurityToken@1.1.0`."""
        return f"{self.contract}@{self.version}"

    def record(self, chain: Chain, implementation: str) -> list[Any]:
        """Return the fields of `Release` where its code stands at an address; see `FIELDS`.

        Raises:
            CheckFailed: its pieces don't fit.
        """
        behind = addresses_behind(self.artifact, implementation, chain.code)
        return [
            release_kind(self.contract),
            self.version.packed,
            implementation,
            *code_hashes(self.artifact, behind),
            self.evidence,
            keccak(self.migration) if self.migration else bytes(32),
        ]


class Check(NamedTuple):
    """What was looked at, and why it is wrong; empty: it is right."""

    what: str
    wrong: str


# ------------------------------------------------------------------------------------ made


def archive_of(
    contract: str,
    version: Version,
    artifact: Artifact,
    *,
    notes: Path,
    evidence: Sequence[Path],
    migration: bytes = b"",
) -> Archive:
    """Return the archive of a release that this checkout builds.

    Args:
        contract: the contract that has the release.
        version: its number.
        artifact: the build of the release.
        notes: the release notes.
        evidence: what shows that it was tested and reviewed.
        migration: the call made at activation; empty: none.

    Raises:
        BuildError: the sources are not here.
        CheckFailed: its pieces don't fit, or its code says another version.
        InputError: a document can't be read.
    """
    pieces = (artifact, *artifact.behind)
    archive = Archive(
        contract=contract,
        version=str(version),
        compiler=str(build.compiler_version()),
        migration=hex_text(migration),
        notes=Document.of("--notes", notes),
        evidence=tuple(Document.of("--evidence", each) for each in evidence),
        standard_json=StandardJson(
            language="Vyper",
            sources={
                path: Source(content=text) for path, text in build.source_texts(artifact).items()
            },
            settings=Settings(
                outputSelection={piece.source_path: _OUTPUTS for piece in pieces},
                search_paths=["."],
            ),
        ),
        pieces=tuple(
            Piece(
                **build.as_json(piece),
                code_hash=hex_text(piece.code_hash),
                layout_hash=hex_text(piece.layout_hash),
            )
            for piece in pieces
        ),
    )
    bad = [each for each in (_fits(archive), _runs(archive)) if each.wrong]
    if bad:
        raise CheckFailed(f"{archive.title} can't be released: {bad[0].wrong}")
    return archive


# --------------------------------------------------------------------------------- checked


def checks(archive: Archive) -> Iterator[Check]:
    """Check an archive by itself: that its sources give what it has, its pieces fit, its code runs.

    Raises:
        BuildError: there is no compiler.
    """
    yield Check("compiled again", _compiled_otherwise(archive))
    yield _fits(archive)
    yield _runs(archive)


def checks_after(
    archive: Archive,
    before: Artifact,
    number: Version,
    renames: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """Check whether an archive can follow a release.

    Args:
        archive: the archive.
        before: what was built of the release.
        number: the release's.
        renames: what the archive calls otherwise in storage; see `governance.layout.compare`.
    """
    later = "" if archive.number > number else f"{archive.version} is not newer"
    yield Check(f"later than {number}", later)
    found = conflicts(before.layout, archive.artifact.layout, renames)
    yield Check(f"storage of {number} kept", str(found[0]) if found else "")
    lost = set(misfits(archive.artifact, before)) - set(misfits(archive.artifact))
    yield Check(f"functions of {number} kept", "; ".join(sorted(lost)))


def checks_on(
    archive: Archive,
    suite: Suite,
    after: Archive | None = None,
    renames: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """Check an archive against a ledger: what is registered under its number, and what runs.

    Args:
        archive: the archive.
        suite: the contracts of the ledger.
        after: the archive of what runs there, where this checkout does not build it.
        renames: as of `checks_after`.

    Raises:
        CheckFailed: the contract has no proxy there, or nobody here has the build of what runs.
    """
    ledger, proxy = suite.chain.name, proxy_of(suite, archive.contract)
    known = suite.authority.release_of(archive.id)
    if known.version:
        others = other_fields(Wanted.of(archive), suite.chain, known)
        wrong = f"with another {', '.join(others)}" if others else ""
        yield Check(f"{ledger}: registered so", wrong)
    else:
        yield Check(f"{ledger}: not registered so far", "")
    installed = bytes(suite.authority.installation_of(proxy).release)
    if installed == archive.id:
        return
    version = Version.unpack(int(suite.authority.release_of(installed).version))
    before = installed_artifact(suite, archive.contract, [after.artifact] if after else [])
    for each in checks_after(archive, before, version, renames):
        yield Check(f"{ledger}: {each.what}", each.wrong)


def other_fields(wanted: Wanted, chain: Chain, known: Any) -> list[str]:
    """Return the names of the fields in which a registered release is another than is wanted."""
    record = wanted.record(chain, str(known.implementation))
    return [name for name, due, is_ in zip(FIELDS, record, known, strict=True) if due != is_]


def _compiled_otherwise(archive: Archive) -> str:
    """What its sources don't give; empty: they give all of it."""
    ours = build.compiler_version()
    if ours != archive.compiler:
        return f"not with Vyper {archive.compiler}, and here is {ours or 'none'}"
    sources = archive.standard_json.sources
    try:
        made = build.compile_texts(
            {path: each.content for path, each in sources.items()},
            [piece.source_path for piece in archive.pieces],
        )
    except build.BuildError as error:
        return str(error)
    return "; ".join(
        f"{piece.name}: another {name}"
        for piece, again in zip(archive.pieces, (made, *made.behind), strict=True)
        for name in _MADE
        if getattr(piece, name) != build.as_json(again)[name]
    )


def _fits(archive: Archive) -> Check:
    return Check("pieces fit", "; ".join(misfits(archive.artifact)))


def _runs(archive: Archive) -> Check:
    """Put it on a ledger of its own: it has to be what hashes say, and to say its version."""
    what = f"release() is {archive.version}"
    if misfits(archive.artifact):
        return Check(what, "pieces that don't fit are not tried")
    chain = EmbeddedChain("here", 1)
    try:
        code = deploy_implementation(chain, archive.artifact, sender=chain.account(0))
        said = code.release()
    except (Revert, CodecError, AttributeError) as error:
        return Check(what, f"its code does not run: {error}")
    hashes = Wanted.of(archive).record(chain, str(code.address))
    if keccak(chain.code(code.address)) != hashes[FIELDS.index("code_hash")]:
        return Check(what, "bytecode leaves other code than bytecode_runtime")
    return Check(what, "" if said == archive.version else f"its code says {said}")


def contract_of(text: str) -> str:
    """Return a contract that has releases, by name.

    Raises:
        InputError: it has none.
    """
    if text not in PROXIED:
        expected = f"a contract that has releases: {', '.join(PROXIED)}"
        raise InputError("release", "CONTRACT", text, expected)
    return text
