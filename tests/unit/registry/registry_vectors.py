"""Actors, and the record that the registry tests vary."""

from __future__ import annotations

from tallystick.registry import DtiKind, InstrumentRecord, Placement

SET_UP_KEY = b"\x0a" * 20
REGISTRAR = b"\x0b" * 20
ISSUER = b"\x0c" * 20
STRANGER = b"\x0d" * 20
DEPLOYER = b"\x0e" * 20
REASON = b"ISSU"
DOCUMENT = b"\x11" * 32
STATED = (REASON, DOCUMENT)

HOME = "eip155:41001"
REMOTE = "eip155:41002"
ETHER = "X9J9K872S"
TOKEN_DTI = "4J3GDX0KF"
OTHER_DTI = "9L5M4XVFH"

APPLE = InstrumentRecord(
    isin="US0378331005",
    cfi="ESVUFR",
    fisn="APPLE INC/SH",
    issuer="HWUPKR0MPOU8FGXBT394",
    decimals=6,
    authorised=10**12,
    terms_hash=b"\x22" * 32,
    terms_uri="https://example.org/terms",
    home=HOME,
    ledgers=(
        Placement(HOME, b"\0" * 12 + b"\x01" * 20, ETHER, DtiKind.LEDGER),
        Placement(REMOTE, b"\0" * 12 + b"\x02" * 20, ETHER, DtiKind.LEDGER),
    ),
)
