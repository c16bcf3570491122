"""Files: read bounded, written whole or not at all; the standard library only (see `build`)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from tallystick.errors import InputError

__all__ = [
    "read_documents",
    "read_json",
    "require_folder",
    "require_writable",
    "write_json",
    "write_whole",
]

_MAX_BYTES: Final = 1 << 26
# Deeper nesting is nobody's file: readers recurse.
_MAX_DEPTH: Final = 32
_DECODER: Final = json.JSONDecoder()


def read_json(path: str | Path) -> Any:
    """Read a JSON file of bounded size and depth.

    Raises:
        InputError: it can't be read, is too large or too deep, or is no JSON.
    """
    raw = _read(path, _MAX_DEPTH)
    try:
        return json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _no_json(path, raw, error) from None


def read_documents(path: str | Path, depth: int) -> list[Any]:
    """Read JSON documents that stand one after the other in a file, as compilers print them.

    Args:
        path: the file.
        depth: how deep they may nest.

    Raises:
        InputError: it can't be read, is too large or too deep, or is no JSON.
    """
    raw = _read(path, depth)
    found, at = [], 0
    try:
        text = raw.decode("utf-8").strip()
        while at < len(text):
            document, end = _DECODER.raw_decode(text, at)
            found.append(document)
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _no_json(path, raw, error) from None
    return found


def _read(path: str | Path, depth: int) -> bytes:
    file = Path(path)
    try:
        if not file.is_file():
            raise InputError(path, "", None, "a file" if file.exists() else "a file that exists")
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "bad name"
        raise InputError(path, "", None, f"a file that can be read ({reason})") from None
    if len(raw) > _MAX_BYTES:
        raise InputError(path, "", f"more than {_MAX_BYTES} bytes", f"at most {_MAX_BYTES} bytes")
    if _depth(raw) > depth:
        raise InputError(path, "", "nested too deeply", f"at most {depth} levels")
    return raw


def _no_json(
    path: str | Path, raw: bytes, error: UnicodeDecodeError | json.JSONDecodeError
) -> InputError:
    if isinstance(error, UnicodeDecodeError):
        at = f"byte {error.start}"
        return InputError(path, at, f"0x{raw[error.start]:02x}", "text in UTF-8")
    return InputError(path, f"line {error.lineno}, column {error.colno}", error.msg, "JSON")


def _depth(raw: bytes) -> int:
    """How deep JSON nests: its reader recurses, and the compiler lifts Python's limit on that."""
    deepest = depth = 0
    for bracket in re.findall(rb"[][{}]", re.sub(rb'"(?:[^"\\]|\\.)*"', b"", raw, flags=re.DOTALL)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def require_folder(option: str, path: Path) -> None:
    """Make sure that a folder is, or could be made, at `path`, which `option` names.

    Raises:
        InputError: something else is there, or above it.
    """
    try:
        _folder_above(option, path, path)
    except (OSError, ValueError) as error:
        raise _no_place(option, path, error) from None


def _folder_above(option: str, path: Path, folder: Path) -> None:
    first = next(each for each in (folder, *folder.parents) if each.exists())
    if not first.is_dir():
        raise InputError("tallystick", option, path, f"a folder, and {first} is none")


def require_writable(option: str, path: Path, *, file: bool = False) -> None:
    """Make sure, before any work, that what `option` names can be written; leaves nothing behind.

    Args:
        option: the option as the user types it.
        path: a folder that is or can be made, or with `file` a file in such a folder.
        file: whether `path` is a file.

    Raises:
        InputError: it can't be written.
    """
    folder = path.parent if file else path
    made: list[Path] = []
    try:
        if file and path.is_dir():
            raise InputError("tallystick", option, path, "a file, and a folder is there")
        _folder_above(option, path, folder)
        for each in (*reversed(folder.parents), folder):
            if not each.exists():
                each.mkdir()
                made.append(each)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise _no_place(option, path, error) from None
    finally:
        # Who else began to write there meanwhile keeps the folder.
        with contextlib.suppress(OSError):
            for each in reversed(made):
                each.rmdir()


def _no_place(option: str, path: Path, error: OSError | ValueError) -> InputError:
    reason = getattr(error, "strerror", None) or "bad name"
    return InputError("tallystick", option, path, f"a place that can be written ({reason})")


def write_json(path: Path, content: Any) -> None:
    """Put JSON on disk, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode())


def write_whole(path: Path, content: bytes) -> None:
    """Put a file on disk: a reader, or who starts again, sees the old one or all of the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, since two may write at once.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
