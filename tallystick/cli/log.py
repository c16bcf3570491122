"""`tallystick log`: what a ledger's contracts logged, and whether they say what their logs say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Final

from rich.console import Console

from tallystick.chain.abi import address_of, keccak
from tallystick.cli.terminal import show_table
from tallystick.governance.acts import PROPOSED_BY
from tallystick.governance.release import PROXIED, Version, release_kind
from tallystick.governance.roles import Role, reason_text
from tallystick.reach.connection import Connection
from tallystick.status.ledger_log import Compared, LedgerLog
from tallystick.status.observation import DIRECTIONS, SCOPES, named
from tallystick.status.observe import names_of
from tallystick.status.rules.step import Logged
from tallystick.text import hex_text, time_text, units_text

__all__ = ["log_dict", "show_events", "show_rebuilt"]

# How values are read, by the names of arguments, members and views.
_READ: Final = {
    name: kind
    for kind, names in {
        "amount": "amount value balance frozen authorised outstanding suspense suspended "
        "minting_limit burning_limit came_in went_out mintingMaxLimitOf burningMaxLimitOf "
        "mintingCurrentLimitOf burningCurrentLimitOf totalSupply allowance "
        "balance_at_close entitled_at_close supply_at_close sent_at_close suspense_at_close "
        "came_at_close",
        "role": "role previous_role proposer_role confirmer_role role_of",
        "time": "expires_at counts_from lapses_at valid_from valid_until not_before noticed_at "
        "activated_at ends_at lock_time deadline",
        "day": "day until_day eligible_until last_movement announced_closes",
        "scopes": "scope paused_scopes",
        "directions": "directions paused_directions",
        "letters": "reason authority cfi issuer dti dti_group currency",
    }.items()
    for name in names.split()
}
# The arguments of views that are no accounts or hashes.
_ASKED: Final = {
    "order_in_force": ("", "", "amount", ""),
    "balance_at_close": ("", "day", "day"),
    "entitled_at_close": ("", "day", "day"),
    "supply_at_close": ("day", "day"),
    "came_at_close": ("day", "day"),
    "sent_at_close": ("", "day", "day"),
    "suspense_at_close": ("", "day", "day"),
}
_NOBODY: Final = "0x" + "00" * 20
_UINT_MAX: Final = 2**256 - 1
# From here on a version is a release's, packed; below an event's or a record's.
_RELEASES: Final = Version(0, 1, 0).packed
# Beyond it readers of JSON lose digits.
_EXACT: Final = 2**53


def show_events(log: LedgerLog, connection: Connection, console: Console) -> None:
    """Print a ledger's events, oldest first."""
    instrument, say = connection.manifest.instrument, _say(log, connection)
    show_table(
        console,
        f"{instrument.name}, {instrument.isin}: {log.ledger} up to block {log.block.number}",
        ("Block", "Time (UTC)", "Contract", "Event", "What"),
        [
            (
                str(event.block),
                time_text(event.time),
                event.contract,
                *_happened(event, say),
            )
            for event in log.events
        ],
        numeric={0},
        empty="nothing",
    )


def show_rebuilt(
    log: LedgerLog, rows: Sequence[Compared], connection: Connection, console: Console
) -> None:
    """Print what the logs leave beside what the contracts say, differences first."""
    say = _say(log, connection)
    wrong = sum(not row.same for row in rows)
    show_table(
        console,
        f"{log.ledger} at block {log.block.number}, from {len(log.events)} events",
        ("", "Contract", "Fact", "From logs", "On chain"),
        [
            (
                "" if row.same else "DIFFERS",
                row.contract,
                _fact(row, say),
                say(_name(row), row.logs, short=row.same),
                say(_name(row), row.chain, short=row.same),
            )
            for row in sorted(rows, key=lambda row: row.same)
        ],
    )
    verdict = f"{wrong} differ" if wrong else "the contracts say what their logs say"
    console.print(f"{len(rows)} facts of {log.ledger}: {verdict}", markup=False, soft_wrap=True)


def log_dict(
    log: LedgerLog, connection: Connection, rows: Sequence[Compared] | None = None
) -> dict[str, Any]:
    """Return a ledger's events for JSON, or the comparison, differences first.

    Amounts are base units as text.
    """
    listed: dict[str, Any] = {"events": [_row(event) for event in log.events]}
    if rows is not None:
        ordered = sorted(rows, key=lambda row: row.same)
        listed = {"ok": all(row.same for row in rows), "facts": [_row(row) for row in ordered]}
    instrument = connection.manifest.instrument
    return {
        "schema": "tallystick.log/1" if rows is None else "tallystick.rebuild/1",
        "isin": instrument.isin,
        "decimals": instrument.decimals,
        "ledger": log.ledger,
        "block": log.block.number,
        "time": log.block.timestamp,
        **listed,
    }


def _happened(event: Logged, say: Any) -> tuple[str, str]:
    """What happened, in words: of an act who did what, why, and which key comes next."""
    args = {name: say(name, value) for name, value in event.args.items()}
    if event.event != "PrivilegedAct":
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", event.event).lower()
        return words.capitalize(), ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in args.items()
        )
    later = [each for each, by in PROPOSED_BY.items() if by == event.args["act"]]
    said = f"{args['actor']}: {args['act']}"
    said += f" for {args['subject']}" if event.args["subject"] != _NOBODY else ""
    said += f", reason {args['reason']}, document {args['document']}"
    return "Act", f"{said}; to be carried out by {' or '.join(later)}" if later else said


def _row(item: Any) -> dict[str, Any]:
    row = {field.name: _exact(field.name, getattr(item, field.name)) for field in fields(item)}
    if isinstance(item, Compared):
        row |= {side: _exact(_name(item), getattr(item, side)) for side in ("logs", "chain")}
        row["same"] = item.same
    return row


def _say(log: LedgerLog, connection: Connection) -> Any:
    """How values are put: by the contracts, the manifest's parties and lanes, and nobody."""
    manifest = connection.manifest
    names: dict[str | bytes, str] = {
        keccak(manifest.instrument.isin.encode()): manifest.instrument.isin
    }
    for entry in manifest.ledgers:
        if entry.name != log.ledger:
            names |= {
                each.address: f"{name} on {entry.name}" for name, each in entry.contracts.items()
            }
    names |= {address: each.artifact.name for address, each in log.contracts.items()}
    names[_NOBODY] = "nobody"
    names.update(names_of(connection, log.ledger))
    for lane in manifest.lanes:
        named = f"{lane.home}-{lane.remote}"
        names[lane.id_bytes] = named
        if log.ledger in lane.sides:
            first, *second = lane.sides[log.ledger].verifiers
            names |= {first: f"verifier of {named}"}
            names |= dict.fromkeys(second, f"second verifier of {named}")
    kinds: dict[str | bytes, str] = {release_kind(each): each for each in PROXIED}
    for event in log.events:
        if event.event == "ReleaseRegistered":
            kind = kinds.get(event.args["kind"], "a contract")
            version = Version.unpack(event.args["version"])
            names[event.args["release"]] = f"{kind} {version}"
    return partial(_words, decimals=manifest.instrument.decimals, names={**names, **kinds})


def _name(row: Compared) -> str:
    """What tells how the value is read: the last part of a member, or the view."""
    return row.member.rpartition(".")[2] or row.view


def _fact(row: Compared, say: Any) -> str:
    names = _ASKED.get(row.view, ("",) * len(row.arguments))
    asked = ", ".join(say(n, value) for n, value in zip(names, row.arguments, strict=True))
    return f"{row.view}({asked})" + (f" {row.member}" if row.member else "")


def _words(
    name: str, value: Any, *, decimals: int, names: Mapping[str | bytes, str], short: bool = True
) -> str:
    """A value as people read it, by the name that its contract gives it; `short` cuts hashes."""
    say = partial(_words, decimals=decimals, names=names, short=short)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "_asdict"):
        return f"({', '.join(f'{n} {say(n, v)}' for n, v in value._asdict().items())})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(say(name, each) for each in value)}]"
    if isinstance(value, bytes):
        if value in names:
            return names[value]
        if short and not any(value):
            return "none"
        if len(value) == 32 and any(value) and not any(value[:12]):
            return say(name, str(address_of(value[12:])))
        text = _coded(name, value)
        return f"{text[:18]}…" if short and len(value) == 32 else text
    if isinstance(value, str):
        return names.get(value, value)
    kind = _READ.get(name)
    if kind == "amount":
        return "all" if value == _UINT_MAX else units_text(value, decimals)
    if kind in ("scopes", "directions"):
        bits = SCOPES if kind == "scopes" else DIRECTIONS
        return " + ".join(named(value, bits)) or "nothing"
    if kind == "time":
        return time_text(value)
    if name == "version" and value >= _RELEASES:
        return str(Version.unpack(value))
    if kind == "day":
        return time_text(value * 86_400)[:10] if value else "never"
    return str(_numbered(name, value))


def _exact(name: str, value: Any) -> Any:
    """A value for JSON."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {n: _exact(n, v) for n, v in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(name, each) for each in value]
    if isinstance(value, bytes):
        return _coded(name, value)
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return str(value) if _READ.get(name) == "amount" or value >= _EXACT else _numbered(name, value)


def _coded(name: str, value: bytes) -> str:
    """A reason's letters, or hex digits."""
    return reason_text(value) if _READ.get(name) == "letters" else hex_text(value)


def _numbered(name: str, value: int) -> Any:
    """A role's title, or the number."""
    return (Role(value).name or str(value)).lower() if _READ.get(name) == "role" else value
