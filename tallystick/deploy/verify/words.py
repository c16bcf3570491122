"""How a fact is written, the same for what was meant and for what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tallystick.bridge.message import NO_CAP, ledger_id, party_address
from tallystick.files.manifest import LaneEntry, Manifest
from tallystick.governance.roles import Role
from tallystick.registry.record import DtiKind
from tallystick.text import hex_text, time_text, units_text

__all__ = [
    "AS_BUILT",
    "NOBODY",
    "NONE",
    "OUR_BRIDGE",
    "cap_text",
    "ledger_names",
    "listed",
    "minimum_text",
    "party_text",
    "peer_text",
    "record_facts",
    "role_text",
    "seconds_text",
    "signers_text",
    "until_text",
    "value_text",
    "where",
]

AS_BUILT: Final = "as built"
NONE: Final = "none"
NOBODY: Final = "nobody"
OUR_BRIDGE: Final = "of our lanes, no limit"
# Members of a record that change with every version, whatever it says.
_OF_VERSION: Final = frozenset({"version", "previous"})


def where(lane: LaneEntry) -> str:
    """What a lane is called."""
    return f"lane {lane.home}-{lane.remote}"


def ledger_names(manifest: Manifest) -> dict[bytes, str]:
    """Return the names of the ledgers by the ids that contracts give them."""
    return {ledger_id(ledger.caip2): ledger.name for ledger in manifest.ledgers}


def role_text(role: Role) -> str:
    """What an account is that holds a role."""
    return str(role.name).lower() if role else NOBODY


def seconds_text(seconds: int) -> str:
    """A period."""
    return f"{seconds} s"


def cap_text(cap: int) -> str:
    """A lane's cap or limit in whole units; the largest of either is none."""
    return NONE if cap >= NO_CAP else f"{cap:,} units"


def minimum_text(least: int, decimals: int) -> str:
    """The least that may leave on a lane, from base units."""
    return f"{units_text(least, decimals)} units" if least else NONE


def signers_text(threshold: int, signers: Iterable[str]) -> str:
    """Who attests, and how many of them must agree."""
    return f"{threshold} of {', '.join(signers)}"


def party_text(word: bytes) -> str:
    """A party of a message: an account where it is one."""
    try:
        return party_address(word)
    except ValueError:
        return hex_text(word) if any(word) else NOBODY


def peer_text(chain_id: int, engine: str, verifier: str) -> str:
    """Whom an engine believes of another ledger, and who attests what that one tells."""
    if not any((chain_id, int(engine, 16), int(verifier, 16))):
        return NOBODY
    return f"{engine} on chain {chain_id} by {verifier}"


def until_text(moment: int, end: int) -> str:
    """Until when something is valid; `end` stands for ever."""
    return "" if moment >= end else f" until {time_text(moment)}"


def listed(things: Iterable[str]) -> str:
    """Things that are none too many, in one line."""
    return "; ".join(things) or NONE


def value_text(value: Any) -> str:
    """A value of a contract: codes and names as text, hashes as hex, what is empty as none."""
    if isinstance(value, bytes):
        short = value.rstrip(b"\0")
        if not short:
            return NONE
        return short.decode() if len(value) < 32 and short.isascii() else hex_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(held)}" for name, held in value.items())
    if isinstance(value, list | tuple):
        return f"({', '.join(map(value_text, value))})"
    return str(value) or NONE


def record_facts(instrument: Mapping[str, Any], placements: Iterable[Any]) -> dict[str, str]:
    """Return what a record says, but for what counts its versions.

    Args:
        instrument: its members by name.
        placements: (CAIP-2 name, token, DTI, what the DTI denotes) of each ledger, in their order.
    """
    facts = {
        f"record: {name}": value_text(value)
        for name, value in instrument.items()
        if name not in _OF_VERSION
    }
    for caip2, token, dti, kind in placements:
        facts[f"record: token on {caip2}"] = party_text(token)
        facts[f"record: DTI on {caip2}"] = f"{value_text(dti)}, of {DtiKind(kind).name.lower()}"
    return facts
