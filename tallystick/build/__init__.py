"""Compiled contracts: found, compiled in process, cached, exported.

`artifact("SecurityToken")` is the one way in. In a checkout it compiles from the sources with the
pinned compiler and caches the result under `.build/tallystick/`; installed from a wheel it reads
the artifacts that the wheel carries, and needs no compiler. A contract `X` beside which there is an
`XControls` is one contract in two pieces, with an `XSettings` too in three, with an `XRecords` too
in four, with an `XRatios` too in five, with an `XFractions` too in six: `X` has the ABI of all.
A release is what `artifacts` has; whoever needs other contracts by name, as tests need fakes, adds
them for the process (`add`).

This module and what it imports need the standard library only (the wheel's build hook runs it in
an environment that holds nothing but the compiler): `python -m tallystick.build export DIR`.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.build.compiler import (
    BuildError,
    abi_parameter,
    compile_layout,
    compile_source,
    compiler_version,
)
from tallystick.storage import write_whole

try:
    import fcntl
except ImportError:  # not a POSIX system: two compilers may do the same work twice, no more
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Artifact",
    "BuildError",
    "abi_parameter",
    "add",
    "artifact",
    "artifacts",
    "as_json",
    "compile_file",
    "compile_layout",
    "compile_texts",
    "compiler_version",
    "export",
    "forget",
    "from_json",
    "joined",
    "main",
    "names",
    "source_root",
    "source_texts",
    "sources",
    "watched",
]

# Raise when the content of the cache files changes.
_FORMAT = 11
# What the names of the pieces behind a contract's first end with, in their order.
_BEHIND = ("Controls", "Settings", "Records", "Ratios", "Fractions")
_PACKAGED = Path(__file__).resolve().parents[1] / "artifacts"
# What this process knows beside the release, by name.
_added: list[Mapping[str, Artifact]] = []
_watchers: list[Callable[[str], None]] = []


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: the file name without its ending, which is the contract's name everywhere.
        source_path: path of the source relative to the root of the suite, forward slashes.
        abi: JSON ABI, with an `error` entry for every `raw_revert` of a named error; its inputs
            have the names of the variables that are encoded there. Of several pieces: of all.
        bytecode: creation code, without constructor arguments.
        bytecode_runtime: code on chain, without the immutables that are appended to it.
        method_identifiers: signature -> four-byte selector as `0x` hex.
        layout: the compiler's `layout` output (storage, transient storage, code), its types whole:
            `Name{member: type}` is a struct, `Name(MEMBER)` a flag, `interface Name` an address.
        userdoc: NatSpec for users; its `methods` by signature, of exported modules too. Of several
            pieces: of all.
        devdoc: NatSpec for developers, of the same shape.
        immutables_length: bytes of immutables appended to the runtime code on chain.
        behind: the pieces behind this one, each handing to the next what it does not know; empty:
            it is in one piece, or is itself behind another.
        sources: path -> SHA-256 of what it was compiled from, relative as above; empty where only
            the outcome is known.
    """

    name: str
    source_path: str
    abi: list[dict[str, Any]]
    bytecode: bytes = field(repr=False)
    bytecode_runtime: bytes = field(repr=False)
    method_identifiers: Mapping[str, str] = field(repr=False)
    layout: Mapping[str, Any] = field(repr=False)
    userdoc: Mapping[str, Any] = field(repr=False)
    devdoc: Mapping[str, Any] = field(repr=False)
    immutables_length: int
    behind: tuple[Artifact, ...] = field(default=(), repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    debug_path: Path | None = field(default=None, repr=False, compare=False)

    @functools.cached_property
    def code_hash(self) -> bytes:
        """Keccak-256 of the runtime code; what is on chain only if there are no immutables."""
        return _keccak(self.bytecode_runtime)

    @functools.cached_property
    def layout_hash(self) -> bytes:
        """Keccak-256 of the storage layout as canonical JSON (sorted keys, no spaces)."""
        storage = self.layout.get("storage_layout", {})
        return _keccak(json.dumps(storage, sort_keys=True, separators=(",", ":")).encode())

    def is_code(self, code: bytes) -> bool:
        """Whether code on chain is this contract's, whatever the immutables behind it."""
        length = len(self.bytecode_runtime)
        return (
            code[:length] == self.bytecode_runtime and len(code) == length + self.immutables_length
        )

    @property
    def source_map_runtime(self) -> Mapping[str, Any]:
        """The compiler's map of the runtime code; `pc_ast_map`: pc -> [source id, node id]."""
        value: Mapping[str, Any] = self._debug["source_map_runtime"]
        return value

    @property
    def source_map(self) -> Mapping[str, Any]:
        """The compiler's map of the creation code, of the same shape."""
        value: Mapping[str, Any] = self._debug["source_map"]
        return value

    @property
    def annotated_ast(self) -> Mapping[str, Any]:
        """The compiler's annotated syntax tree: `ast` of the file, `imports` of its modules."""
        value: Mapping[str, Any] = self._debug["annotated_ast"]
        return value

    @functools.cached_property
    def _debug(self) -> Mapping[str, Any]:
        # A file of its own: it is a hundred times the rest, and few need it.
        if self.debug_path is None or not self.debug_path.exists():
            raise BuildError(
                f"{self.name}: source map and syntax tree are kept in a checkout only; "
                "this artifact was packaged, or its cache was removed while in use"
            )
        value: Mapping[str, Any] = json.loads(self.debug_path.read_bytes())
        return value

    @classmethod
    def from_abi(cls, name: str, abi: list[dict[str, Any]], bytecode: bytes = b"") -> Artifact:
        """Wraps what another toolchain compiled, so that chains can deploy and call it."""
        return cls(
            name=name,
            source_path="",
            abi=abi,
            bytecode=bytecode,
            bytecode_runtime=b"",
            method_identifiers={},
            layout={},
            userdoc={},
            devdoc={},
            immutables_length=0,
        )


def source_root() -> Path | None:
    """The checkout this package belongs to, or None when it was installed without sources."""
    root = Path(__file__).resolve().parents[2]
    if (root / "contracts").is_dir() and (root / "interfaces").is_dir():
        return root
    return None


def artifact(name: str) -> Artifact:
    """The compiled contract of that name, of the release or among those added.

    Raises:
        BuildError: there is no such contract, it does not compile, or there is no compiler.
    """
    for known in (artifacts(), *_added):
        if name in known:
            return known[name]
    raise BuildError(_unknown(name, names()))


def names() -> list[str]:
    """The names that `artifact` finds."""
    return sorted(name for known in (artifacts(), *_added) for name in known)


def add(contracts: Mapping[str, Artifact]) -> None:
    """Lets `artifact` find these too, in this process: `artifacts` and `export` don't know them.

    Raises:
        BuildError: one has the name of another contract.
    """
    if any(known is contracts for known in _added):
        return
    if taken := set(contracts).intersection(names()):
        raise BuildError(f"two contracts are called {min(taken)}")
    _added.append(contracts)


def forget(changed: Collection[str] | None = None) -> None:
    """Lets this process look at the sources again, for what changes them while it runs.

    Args:
        changed: the contracts to look at again, with those that have one behind them; by default
            all.
    """
    for known in (artifacts(), *_added):
        if isinstance(known, _Sources):
            known.digests.clear()
            for name, item in list(known.loaded.items()):
                pieces = (item, *item.behind)
                if changed is None or any(piece.name in changed for piece in pieces):
                    del known.loaded[name]


def sources(root: Path | str, folder: str) -> Mapping[str, Artifact]:
    """The deployable contracts of a folder under `root`, where their absolute imports start."""
    return _sources(Path(root).resolve(), folder)


def artifacts() -> Mapping[str, Artifact]:
    """Every contract of the release by name; each is compiled when first asked for."""
    root = source_root()
    if root is not None and compiler_version() is not None:
        return sources(root, "contracts")
    if _PACKAGED.is_dir():
        return _packaged(_PACKAGED)
    if root is not None:
        raise BuildError(
            "the contracts have to be compiled but vyper is not installed; "
            "install it with: pip install 'vyper==0.4.3'"
        )
    raise BuildError(
        "this installation of tallystick carries no compiled contracts; "
        "install it from a wheel, or work in a checkout with vyper==0.4.3"
    )


def export(directory: Path | str) -> list[Path]:
    """Writes one `NAME.json` for each deployable into `directory`; returns the files written."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    root = Path.cwd() if _is_root(Path.cwd()) else source_root()
    if root is None:
        raise BuildError(f"no contracts/ and interfaces/ in {Path.cwd()}: nothing to export")
    if compiler_version() is None:
        raise BuildError("export needs the compiler: pip install 'vyper==0.4.3'")
    written = []
    for item in _Sources(root).values():
        path = target / f"{item.name}.json"
        write_whole(path, json.dumps(as_json(item), sort_keys=True).encode() + b"\n")
        written.append(path)
    return written


def compile_file(path: Path | str, root: Path | str | None = None) -> Artifact:
    """Compiles any Vyper file, uncached (for contracts outside the suite).

    Args:
        path: the source.
        root: where its absolute imports start; by default this suite's root or the file's folder.

    Raises:
        BuildError: it does not compile; the text is the compiler's.
    """
    file = Path(path).resolve()
    base = Path(root).resolve() if root is not None else source_root() or file.parent
    try:
        relative = file.relative_to(base)
    except ValueError:
        base, relative = file.parent, Path(file.name)
    head, debug, _ = compile_source(base, relative)
    item = from_json(head)
    # Not cached: keep the debug output in memory, where the property would otherwise load it.
    item.__dict__["_debug"] = debug
    return item


def source_texts(item: Artifact) -> dict[str, str]:
    """The sources of a contract and of all that it imports, of every piece, by path.

    Raises:
        BuildError: they are not here, or not any more what was compiled.
    """
    root, texts = source_root(), {}
    for piece in (item, *item.behind):
        if root is None or not piece.sources:
            raise BuildError(f"{piece.name}: its sources are kept in a checkout only")
        for path, digest in piece.sources.items():
            content = (root / path).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise BuildError(f"{path} changed while it was compiled: build again")
            texts[path] = content.decode()
    return texts


def compile_texts(texts: Mapping[str, str], paths: Iterable[str]) -> Artifact:
    """Compiles sources and nothing else: what they import is among them, or the compiler's own.

    Args:
        texts: the sources by path, relative and without `..`.
        paths: those of the contract's pieces, the first one first.

    Raises:
        BuildError: one does not compile, or there is no compiler.
    """
    if compiler_version() is None:
        raise BuildError("sources need the compiler: pip install 'vyper==0.4.3'")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for path, text in texts.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        return joined([from_json(compile_source(root, Path(path))[0]) for path in paths])


@contextlib.contextmanager
def watched(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the name of each contract before it is compiled, while the block runs."""
    _watchers.append(tell)
    try:
        yield
    finally:
        _watchers.remove(tell)


# --- sources ---------------------------------------------------------------------------------


class _Artifacts(Mapping[str, Artifact]):
    """Artifacts by name, each read when it is first asked for."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self.paths = paths
        self.loaded: dict[str, Artifact] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __contains__(self, name: object) -> bool:
        return name in self.paths

    def __getitem__(self, name: str) -> Artifact:
        if name not in self.loaded:
            if name not in self.paths:
                raise BuildError(_unknown(name, self.paths))
            behind = itertools.takewhile(self.paths.__contains__, (name + end for end in _BEHIND))
            self.loaded[name] = joined((self._load(name), *(self[piece] for piece in behind)))
        return self.loaded[name]

    @abc.abstractmethod
    def _load(self, name: str) -> Artifact: ...


class _Sources(_Artifacts):
    """Artifacts of a checkout, compiled or loaded from the cache on first access."""

    def __init__(self, root: Path, folder: str = "contracts") -> None:
        super().__init__({})
        self.root = root
        self.cache = root / ".build" / "tallystick"
        self.digests: dict[str, str | None] = {}
        for path in sorted((root / folder).rglob("*.vy")):
            # The case of the name decides: CamelCase.vy is deployed, snake_case.vy is a module.
            if not path.stem[:1].isupper():
                continue
            if path.stem in self.paths:
                raise BuildError(
                    f"two contracts are called {path.stem}: "
                    f"{self.paths[path.stem]} and {path.relative_to(root)}"
                )
            self.paths[path.stem] = path.relative_to(root)

    def _load(self, name: str) -> Artifact:
        return self._cached(name) or self._built(name)

    def _cached(self, name: str) -> Artifact | None:
        try:
            head = json.loads((self.cache / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        if head.get("format") != _FORMAT or head.get("compiler") != compiler_version():
            return None
        if head["source_path"] != self.paths[name].as_posix():
            return None
        if any(self._digest(path) != digest for path, digest in head["sources"].items()):
            return None
        debug = self.cache / f"{name}.{head['key']}.debug.json"
        return from_json(head, debug) if debug.exists() else None

    def _built(self, name: str) -> Artifact:
        self.cache.mkdir(parents=True, exist_ok=True)
        with _locked(self.cache / f"{name}.lock"):
            # Another process may have built it while this one waited.
            found = self._cached(name)
            if found is not None:
                return found
            for tell in _watchers:
                tell(name)
            head, debug, sources = compile_source(self.root, self.paths[name])
            head |= {"format": _FORMAT, "compiler": compiler_version(), "sources": sources}
            identity = json.dumps([_FORMAT, head["compiler"], sources], sort_keys=True)
            head["key"] = hashlib.sha256(identity.encode()).hexdigest()[:20]
            path = self.cache / f"{name}.{head['key']}.debug.json"
            self._tidy(name)
            write_whole(path, json.dumps(debug).encode())
            write_whole(self.cache / f"{name}.json", json.dumps(head).encode())
            return from_json(head, path)

    def _tidy(self, name: str) -> None:
        """Removes debug parts of earlier sources, unless somebody may still be reading them."""
        for path in self.cache.glob(f"{name}.*.debug.json"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > 3_600:
                    path.unlink()

    def _digest(self, path: str) -> str | None:
        if path not in self.digests:
            try:
                content = (self.root / path).read_bytes()
            except OSError:
                self.digests[path] = None
            else:
                self.digests[path] = hashlib.sha256(content).hexdigest()
        return self.digests[path]


class _Packaged(_Artifacts):
    """Artifacts that a wheel carries."""

    def __init__(self, directory: Path) -> None:
        super().__init__({path.stem: path for path in sorted(directory.glob("*.json"))})

    def _load(self, name: str) -> Artifact:
        return from_json(json.loads(self.paths[name].read_bytes()))


@functools.cache
def _sources(root: Path, folder: str) -> _Sources:
    return _Sources(root, folder)


@functools.cache
def _packaged(directory: Path) -> _Packaged:
    return _Packaged(directory)


def joined(pieces: Iterable[Artifact]) -> Artifact:
    """A contract in pieces: callers of the first reach what is in those behind it too."""
    item, *others = pieces
    behind = tuple(others)

    def key(entry: Mapping[str, Any]) -> tuple[str, str, str]:
        types = json.dumps([[i["type"], i.get("components")] for i in entry["inputs"]])
        return entry["type"], entry["name"], types

    abi = list(item.abi)
    known = {key(entry) for entry in abi if "name" in entry}
    for entry in itertools.chain.from_iterable(piece.abi for piece in behind):
        if "name" in entry and key(entry) not in known:
            known.add(key(entry))
            abi.append(entry)
    return dataclasses.replace(
        item,
        abi=abi,
        behind=behind,
        userdoc=_noted([piece.userdoc for piece in (item, *behind)]),
        devdoc=_noted([piece.devdoc for piece in (item, *behind)]),
    )


def _noted(notes: list[Mapping[str, Any]]) -> dict[str, Any]:
    """NatSpec of pieces as one: what the first says, and of each function who has it first."""
    methods: dict[str, Any] = {}
    for each in reversed(notes):
        methods |= each.get("methods", {})
    return {**notes[0], "methods": methods}


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"there is no contract called {name!r}; there are: {', '.join(sorted(known))}"


def _is_root(path: Path) -> bool:
    return (path / "contracts").is_dir() and (path / "interfaces").is_dir()


def _keccak(data: bytes) -> bytes:
    try:
        from eth_hash.auto import keccak
    except ImportError:  # the build environment of a wheel: the compiler, and what it brings
        from vyper.utils import keccak256

        return bytes(keccak256(data))
    return keccak(data)


# --- files -----------------------------------------------------------------------------------


def as_json(item: Artifact) -> dict[str, Any]:
    """An artifact as files have it, without the pieces behind it; `from_json` undoes it."""
    return {
        "name": item.name,
        "source_path": item.source_path,
        "abi": item.abi,
        "bytecode": "0x" + item.bytecode.hex(),
        "bytecode_runtime": "0x" + item.bytecode_runtime.hex(),
        "method_identifiers": dict(item.method_identifiers),
        "layout": item.layout,
        "userdoc": item.userdoc,
        "devdoc": item.devdoc,
        "immutables_length": item.immutables_length,
    }


def from_json(head: Mapping[str, Any], debug: Path | None = None) -> Artifact:
    """Undo `as_json`; `debug` is where the compiler's source map and syntax tree are, if kept."""
    return Artifact(
        name=head["name"],
        source_path=head["source_path"],
        abi=head["abi"],
        bytecode=bytes.fromhex(head["bytecode"][2:]),
        bytecode_runtime=bytes.fromhex(head["bytecode_runtime"][2:]),
        method_identifiers=head["method_identifiers"],
        layout=head["layout"],
        userdoc=head["userdoc"],
        devdoc=head["devdoc"],
        immutables_length=head["immutables_length"],
        sources=head.get("sources", {}),
        debug_path=debug,
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """`python -m tallystick.build [export DIR]`: compiles everything, or writes it to DIR."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if len(given) == 2 and given[0] == "export":
            for path in export(given[1]):
                print(path)
            return 0
        if not given:
            for name, item in artifacts().items():
                print(f"{len(item.bytecode_runtime):6} bytes  {name}")
            return 0
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print("usage: python -m tallystick.build [export DIR]", file=sys.stderr)
    return 2
