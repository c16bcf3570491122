"""Roles and reason codes: the Python side of `contracts/governance/access.vy`."""

from __future__ import annotations

import re
from enum import IntFlag
from typing import Final

from tallystick.text import hex_text

__all__ = ["ALONE", "Role", "reason_code", "reason_text", "role_of_title"]


class Role(IntFlag):
    """The roles of `contracts/governance/access.vy`, bit for bit; an account holds at most one."""

    NONE = 0
    ADMINISTRATOR = 1
    ISSUER = 2
    NOTARY = 4
    REGISTRAR = 8
    CUSTODIAN = 16
    OPERATOR = 32
    GUARDIAN = 64
    UPGRADER = 128
    PAYING_AGENT = 256
    AUDITOR = 512
    ACTIONS = 1024


def role_of_title(title: str) -> Role:
    """Return the role of `paying_agent` or `administrator-2`; NONE of a title that is no role."""
    return Role.__members__.get(title.partition("-")[0].upper(), Role.NONE)


# For what every authority lets the guardian roll back alone from the first.
ALONE: Final = "FALT"
_REASON: Final = re.compile(r"[A-Z0-9]{4}")


def reason_code(code: str) -> bytes:
    """Return the four bytes of a reason code such as `CORT`, `SANC`, `ISSU`.

    Raises:
        ValueError: it is not four capital letters or digits.
    """
    if not _REASON.fullmatch(code):
        raise ValueError(f"{code!r} is no reason code: four capital letters or digits expected")
    return code.encode("ascii")


def reason_text(code: bytes) -> str:
    """Return a reason code's letters; of other bytes their hex digits."""
    letters = code.rstrip(b"\0")
    return letters.decode() if letters.isalnum() and letters.isascii() else hex_text(code)
