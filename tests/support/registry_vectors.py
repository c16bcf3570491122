"""The records that the registry tests vary, and the tokens that they place."""

from __future__ import annotations

from dataclasses import replace

from tallystick.registry.record import DtiKind, InstrumentRecord, Placement, token_word

REASON = b"ISSU"
DOCUMENT = b"\x11" * 32
STATED = (REASON, DOCUMENT)

# Creates every contract, in one order on every ledger, so that the addresses are known here.
DEPLOYER = b"\x0e" * 20
APPLE_TOKEN = token_word("0x515dce59e773e4d6c2b10433d3775f0a9d25f062")
BUND_TOKEN = token_word("0xf325249cec2ae37d3f67e7c409922cfb19e0bac1")

HOME = "eip155:41001"
REMOTE = "eip155:41002"
# A ledger that has no registry in these tests.
ELSEWHERE = "cosmos:elsewhere"
ETHER = "X9J9K872S"
TOKEN_DTI = "4J3GDX0KF"
OTHER_DTI = "9L5M4XVFH"

APPLE = InstrumentRecord(
    isin="US0378331005",
    cfi="ESVUFR",
    fisn="APPLE INC/SH",
    issuer="HWUPKR0MPOU8FGXBT394",
    decimals=6,
    close_minute=1260,
    authorised=10**12,
    terms_hash=b"\x22" * 32,
    terms_uri="https://example.org/terms",
    home=HOME,
    ledgers=(
        Placement(HOME, APPLE_TOKEN, ETHER, DtiKind.LEDGER),
        Placement(REMOTE, APPLE_TOKEN, ETHER, DtiKind.LEDGER),
    ),
)
BUND = replace(
    APPLE,
    isin="DE0001102580",
    cfi="DBFTFB",
    fisn="BUNDESREPUB DTL/ANL 20320215",
    issuer="529900AQBND3S6YJLY83",
    currency="EUR",
    denomination=10**18,
    decimals=2,
    close_minute=990,
    ledgers=(Placement(HOME, BUND_TOKEN), Placement(REMOTE, BUND_TOKEN)),
)
