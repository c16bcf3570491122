"""What a user sees when something is wrong: one line, an exit status, and no secret.

Status 1 means that a check failed or an invariant is broken, status 2 that the input is wrong.
The command line prints `str(error)` on stderr and exits with `error.exit_status`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tallystick.text import one_line

__all__ = ["MAX_SHOWN", "CheckFailed", "InputError", "TallystickError", "refuse", "shown"]

MAX_SHOWN: Final = 80
_SECRET_FIELD: Final = re.compile(
    r"mnemonic|private|secret|password|passphrase|seed|api_?key|keystore|bearer", re.IGNORECASE
)
_HEX_KEY: Final = re.compile(r"(?i)(?<![0-9a-z])(?:0x)?[0-9a-f]{64,}(?![0-9a-z])")
_WORD_LIST: Final = re.compile(r"\b(?:[a-z]{3,8}[\s,]+){11,}[a-z]{3,8}\b")
_URL: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)(\S*)")


class TallystickError(Exception):
    """An error that a user may see as it is: one line, never a secret."""

    exit_status: int = 1

    @property
    def lines(self) -> tuple[str, ...]:
        """What a command prints, a line each."""
        return (str(self),)


class CheckFailed(TallystickError):  # a verdict, not a fault
    """A check failed or an invariant is broken (exit status 1)."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        super().__init__(one_line(_without_secrets(message)))


class InputError(TallystickError):
    """The input is wrong (exit status 2).

    `str()` is the one line that every command gives: `FILE: FIELD: VALUE: expected …`. The value
    is shown as it would be typed, cut to a readable length, and not at all if it may be a secret.
    Where more is wrong with the same file, `others` says the rest; `lines` has all of it.
    """

    exit_status = 2
    others: tuple[InputError, ...] = ()

    def __init__(self, file: str | Path, field: str, value: object, expected: str) -> None:
        self.file = str(file)
        self.field = field
        self.value = shown(field, value)
        self.expected = one_line(_without_secrets(expected.removeprefix("expected ")))
        parts = [self.file, self.field, self.value, f"expected {self.expected}"]
        super().__init__(": ".join(one_line(part) for part in parts if part))

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything that is wrong, a line each, nothing twice."""
        each = (str(self), *(line for other in self.others for line in other.lines))
        return tuple(dict.fromkeys(each))


def refuse(errors: Iterable[InputError]) -> None:
    """Raise all of these errors as one, the first of which speaks; if there is none, go on.

    Raises:
        InputError: there is one.
    """
    found = tuple(errors)
    if found:
        first, *others = found
        first.others += tuple(others)
        raise first


def shown(field: str, value: object) -> str:
    """Return `value` as it may be shown beside `field`."""
    if _SECRET_FIELD.search(field):
        return "(not shown)"
    return _cut(one_line(_without_secrets(_typed(value))))


def _typed(value: object) -> str:
    """Return `value` as a user would have typed it in YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if value and value == value.strip() else f'"{value}"'
    if isinstance(value, dict):
        return _counted("mapping", value)
    if isinstance(value, list | tuple):
        return _counted("list", value)
    return str(value)


def _counted(kind: str, value: Any) -> str:
    """Name a collection by its size: its members may be long, or secret."""
    return f"a {kind} of {len(value)}"


def _without_secrets(text: str) -> str:
    """Hide what looks like a key, a word list, or the private part of a URL."""
    text = _URL.sub(_public_url, text)
    text = _WORD_LIST.sub("(words not shown)", text)
    return _HEX_KEY.sub("(64 hex digits not shown)", text)


def _public_url(match: re.Match[str]) -> str:
    """Keep scheme, host and port; providers put keys in the user part, the path and the query."""
    scheme, rest = match.group(1), match.group(2)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    return scheme + host + ("/…" if len(rest) > len(authority) + 1 or "@" in authority else "")


def _cut(text: str) -> str:
    """Cut a long value."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
