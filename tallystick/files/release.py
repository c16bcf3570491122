"""The archive of a release: what its code was made from, what came of it, what speaks for it.

One JSON file a release, the same byte for byte wherever it was built: no time, no place, no path
of a machine. Its hash is the evidence under which the release is registered, so that whoever
consents to a release consents to its archive. `tallystick/deploy/release.py` makes and checks it.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema, model_validator

from tallystick import build
from tallystick.build import Artifact
from tallystick.chain.abi import CodecError, Interface, keccak
from tallystick.errors import InputError
from tallystick.files.instrument import as_tuples
from tallystick.files.layout import check_layout
from tallystick.files.manifest import Hash
from tallystick.files.strict import (
    Label,
    StrictModel,
    Wrong,
    checked,
    joined,
    json_schema,
    parse,
    wrong,
)
from tallystick.governance.pieces import GETTERS
from tallystick.governance.release import PROXIED, Version, release_id
from tallystick.storage import read_json, write_whole
from tallystick.text import hex_text

__all__ = ["SCHEMA", "Archive", "Document", "Piece", "StandardJson", "archive_schema"]

SCHEMA: Final = "tallystick.release/1"
# What the authority takes as the call of an activation.
_MAX_MIGRATION: Final = 4096


def _hex(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-f]{2})*", value, re.ASCII):
        raise wrong("0x and pairs of small hex digits")
    return value


def _path(value: object) -> str:
    parts = value.split("/") if isinstance(value, str) else []
    if not parts or any(part in {"", ".", ".."} or set(part) & {"\0", "\\", ":"} for part in parts):
        raise wrong("a path from the root of the sources, such as contracts/token/book.vy")
    return "/".join(parts)


def _contract(value: object) -> str:
    if value not in PROXIED:
        raise wrong(f"a contract that has releases: {', '.join(PROXIED)}")
    return str(value)


def _version(value: object) -> str:
    try:
        return str(Version.parse(value if isinstance(value, str) else ""))
    except ValueError:
        raise wrong("a version: MAJOR.MINOR.PATCH") from None


Contract = Annotated[
    str, BeforeValidator(_contract), WithJsonSchema({"type": "string", "enum": [*PROXIED]})
]
Hex = Annotated[
    str,
    BeforeValidator(_hex),
    WithJsonSchema({"type": "string", "$comment": "bytes: 0x and hex digits"}),
]
SourcePath = Annotated[
    str,
    BeforeValidator(_path),
    WithJsonSchema({"type": "string", "$comment": "a path from the root of the sources"}),
]
ReleaseVersion = Annotated[
    str,
    BeforeValidator(_version),
    WithJsonSchema({"type": "string", "$comment": "a version: MAJOR.MINOR.PATCH"}),
]


class Document(StrictModel):
    """A document that is not in the archive: what it is called, and its hash."""

    name: Label
    keccak256: Hash

    @classmethod
    def of(cls, option: str, path: Path) -> Self:
        """Read a document.

        Raises:
            InputError: it can't be read.
        """
        try:
            content = path.read_bytes()
        except (OSError, ValueError):
            raise InputError("release", option, path, "a file that can be read") from None
        return cls(name=path.name, keccak256=hex_text(keccak(content)))


class Source(StrictModel):
    """One file that the compiler read."""

    content: str


class Settings(StrictModel):
    """What the compiler is asked for; how it compiles, the sources say themselves."""

    outputSelection: dict[SourcePath, list[Label]]  # noqa: N815  (the compiler's word)
    search_paths: list[Label]


class StandardJson(StrictModel):
    """What the compiler takes, of all pieces."""

    language: Literal["Vyper"]
    sources: dict[SourcePath, Source]
    settings: Settings


class Piece(StrictModel):
    """What came of one piece, as `build.as_json` has it, and the hashes of it."""

    name: Label
    source_path: SourcePath
    abi: list[dict[str, Any]]
    bytecode: Hex
    bytecode_runtime: Hex
    method_identifiers: dict[str, str]
    layout: dict[str, Any]
    userdoc: dict[str, Any]
    devdoc: dict[str, Any]
    immutables_length: Annotated[int, Field(ge=0, le=2**15)]
    # Of the code without the immutables behind it, and of the storage's layout.
    code_hash: Hash
    layout_hash: Hash


class Archive(StrictModel):
    """A release; `Archive.load(path)` reads one, `write(path)` puts it on disk."""

    schema_: Literal["tallystick.release/1"] = Field(alias="schema", default=SCHEMA)
    contract: Contract
    version: ReleaseVersion
    compiler: Label
    # The call made through the proxy at activation.
    migration: Hex
    notes: Document
    evidence: Annotated[tuple[Document, ...], Field(min_length=1, max_length=100)]
    standard_json: StandardJson
    pieces: Annotated[tuple[Piece, ...], Field(min_length=1, max_length=len(GETTERS) + 1)]

    _path: Path | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "evidence", "pieces")

    @checked
    def _consistent(self) -> Wrong:
        if self.version == "0.0.0":
            yield wrong("a version above 0.0.0", path="version", value=self.version)
        length = len(self.call)
        if length > _MAX_MIGRATION or (length and length % 32 != 4):
            expected = f"a call: a selector and whole words, at most {_MAX_MIGRATION} bytes"
            yield wrong(expected, path="migration", value=f"{length} bytes")
        for at, piece in enumerate(self.pieces):
            if piece.source_path not in self.standard_json.sources:
                where = joined("pieces", at, "source_path")
                yield wrong("one of the sources", path=where, value=piece.source_path)
            item = build.from_json(piece.model_dump())
            for name in ("code_hash", "layout_hash"):
                due = hex_text(getattr(item, name))
                if getattr(piece, name) != due:
                    of = "its bytecode_runtime" if name == "code_hash" else "its storage_layout"
                    where = joined("pieces", at, name)
                    yield wrong(f"the hash of {of}", path=where, value="another")

    # ------------------------------------------------------------------------- files

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an archive.

        Raises:
            InputError: it is none, or a hash in it is of something else.
        """
        archive = parse(path, read_json(path), cls, SCHEMA)
        archive._path = Path(path)  # noqa: SLF001  (ours)
        for at, piece in enumerate(archive.pieces):
            check_layout(Path(path), joined("pieces", at, "layout"), piece.layout)
            try:
                Interface.of(piece.abi)
            except (CodecError, KeyError, TypeError, ValueError):
                raise InputError(path, joined("pieces", at, "abi"), piece.abi, "an ABI") from None
        return archive

    def content(self) -> bytes:
        """Return the archive as it is written: the same bytes for the same release."""
        data = self.model_dump(mode="json", by_alias=True)
        return f"{json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode()

    def write(self, path: Path) -> None:
        """Put the archive on disk."""
        write_whole(path, self.content())

    @property
    def file(self) -> Path:
        """What to call it in messages."""
        return self._path or Path(f"{self.contract}-{self.version}.json")

    # ----------------------------------------------------------------------- content

    @functools.cached_property
    def hash(self) -> bytes:
        """Keccak-256 of `content`: the evidence under which the release is registered."""
        return keccak(self.content())

    @functools.cached_property
    def artifact(self) -> Artifact:
        """The contract, with all pieces."""
        return build.joined([build.from_json(piece.model_dump()) for piece in self.pieces])

    @property
    def number(self) -> Version:
        """The version, to compare."""
        return Version.parse(self.version)

    @property
    def call(self) -> bytes:
        """The call made at activation; empty: none."""
        return bytes.fromhex(self.migration[2:])

    @property
    def id(self) -> bytes:
        """The release's id."""
        return release_id(self.contract, self.number)

    @property
    def title(self) -> str:
        """What people call it: `SecurityToken@1.1.0`."""
        return f"{self.contract}@{self.version}"


def archive_schema() -> dict[str, Any]:
    """Return the JSON schema of an archive."""
    return json_schema(Archive, SCHEMA, "Release")
