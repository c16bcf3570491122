"""Roles and reason codes: the Python side of `contracts/governance/access.vy`."""

from __future__ import annotations

import re
from enum import IntFlag
from typing import Final

__all__ = ["Role", "reason_code", "role_of_title"]


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


_REASON: Final = re.compile(r"[A-Z0-9]{4}")


def reason_code(code: str) -> bytes:
    """Return the four bytes of a reason code such as `CORT`, `SANC`, `ISSU`.

    Raises:
        ValueError: it is not four capital letters or digits.
    """
    if not _REASON.fullmatch(code):
        raise ValueError(f"{code!r} is no reason code: four capital letters or digits expected")
    return code.encode("ascii")
