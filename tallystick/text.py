"""What people read of a number: units, moments, spans; and text that stays on its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

__all__ = ["Told", "age_text", "bare_url", "hex_text", "one_line", "time_text", "units_text"]


def one_line(text: str) -> str:
    """Return `text` on one line, with everything unprintable written as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def bare_url(url: str) -> str:
    """Return scheme, host and port of a URL: whatever else is in it may be secret.

    Providers put keys in the path and the query, others a name and password before the host.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def units_text(amount: int, decimals: int) -> str:
    """Return base units as a decimal number with thousands set apart."""
    whole, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if fraction else ""
    text = f"{whole:,}.{digits}" if digits else f"{whole:,}"
    return f"-{text}" if amount < 0 else text


def time_text(timestamp: int) -> str:
    """Return a moment in UTC."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return str(timestamp)


def age_text(seconds: int) -> str:
    """Return a span of time in its two largest units."""
    if seconds < 0:
        return "ahead of its destination"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"


def hex_text(value: bytes) -> str:
    """Return bytes as files and people write them: 0x and hex digits."""
    return "0x" + bytes(value).hex()


@dataclass(frozen=True, slots=True)
class Told:
    """What became of something; `called` says what JSON names otherwise, or not at all."""

    called: ClassVar[Mapping[str, str]] = {}

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: bytes as 0x text, an amount as text."""
        called = {"tx_hash": "tx", "gas_used": "gas", **self.called}
        found: dict[str, Any] = {}
        for each in fields(self):
            value, name = getattr(self, each.name), called.get(each.name, each.name)
            if isinstance(value, bytes):
                value = hex_text(value)
            if name:
                found[name] = str(value) if name == "amount" else value
        return found
