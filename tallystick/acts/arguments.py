"""Arguments of acts as people write them: NAME=VALUE, read by the type and name that the ABI gives.

`home-remote` is a lane, `issuer` an account, `2026-03-31` a day, `0.5` half a unit: what a name
means depends on the manifest and the ledger, and nothing is guessed: what could be two things is
refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from tallystick.chain.abi import CodecError, Parameters, address_of, keccak
from tallystick.errors import InputError
from tallystick.files.accounts import parse_address
from tallystick.files.instrument import parse_amount, parse_day, units
from tallystick.files.manifest import Manifest
from tallystick.files.strict import joined
from tallystick.governance.acts import Act
from tallystick.governance.release import Version, release_id
from tallystick.governance.roles import Role, reason_code
from tallystick.token.position import AccountClass, PauseScope

__all__ = [
    "DOCUMENT",
    "EACH_LANE",
    "REASON",
    "Ground",
    "chosen",
    "described",
    "document_hash",
    "read_all",
]

# Why an act is done, and on what document: options of the command, as nearly every act takes them.
REASON: Final = "reason"
DOCUMENT: Final = "document"
# Contracts that every lane has for itself, so that their names alone mean none.
EACH_LANE: Final = frozenset({"LaneCustody", "ProofVerifier", "QuorumVerifier"})
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_TEXT: Final = re.compile(r"[!-~](?:[ -~]{0,30}[!-~])?")
_RELEASE: Final = re.compile(r"(\w+)@(\S+)")
_NOBODY: Final = "0x" + "00" * 20
_DIRECTIONS: Final = {"outbound": 1, "inbound": 2}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()
# Contracts whose amounts are in the decimals of a token, and what they call them.
_IN_UNITS: Final = frozenset({"SecurityToken", "CashToken", "LaneCustody"})
_UNITS: Final = frozenset({"amount", "amounts", "minting_limit", "burning_limit"})
_DAYS: Final = frozenset({"day", "until_day", "first_day"})
_TIMES: Final = frozenset({"expires_at"})
_TEXTS: Final = frozenset({"authority", "coaf", "reference"})


class _Wrong(ValueError):
    """What was expected in place of a value, and where, once that is known."""

    def __init__(self, expected: str, at: str = "", value: object = None) -> None:
        super().__init__(expected)
        self.at, self.value = at, value


@dataclass(frozen=True)
class Ground:
    """What values are read against.

    Attributes:
        manifest: whose names may stand for addresses.
        ledger: the ledger of the act.
        decimals: of the units in which the contract counts.
        terms: from the id of a release what is consented to, as it is registered.
    """

    manifest: Manifest
    ledger: str
    decimals: int = 0
    terms: Callable[[bytes], bytes] | None = None

    def addresses(self, ledger: str = "") -> dict[str, str]:
        """Return what the names of a ledger mean; a name for two addresses means neither."""
        where, manifest = ledger or self.ledger, self.manifest
        found: dict[str, set[str]] = {"nobody": {_NOBODY}}

        def name(said: str, address: str) -> None:
            found.setdefault(said, set()).add(address)

        for contract, entry in manifest.ledger(where).contracts.items():
            if contract not in EACH_LANE:
                name(contract, entry.address)
        for lane in manifest.lanes:
            if where in lane.sides:
                name(f"custody of {lane.home}-{lane.remote}", lane.sides[where].custody)
                of = f"of {lane.home}-{lane.remote}"
                for which, each in zip(
                    ("verifier", "second verifier"), lane.sides[where].verifiers, strict=False
                ):
                    name(f"{which} {of}", each)
        for role, account in manifest.roles.get(where, {}).items():
            name(role, account.address)
        for holder in manifest.holders:
            if holder.ledger == where:
                name(holder.name, holder.address)
        return {said: each.pop() for said, each in found.items() if len(each) == 1}

    def lanes(self) -> dict[str, bytes]:
        """Return the ids of the ledger's lanes by name."""
        return {
            f"{lane.home}-{lane.remote}": lane.id_bytes
            for lane in self.manifest.lanes
            if self.ledger in lane.sides
        }


def chosen(overloads: Sequence[Act], given: Iterable[str]) -> Act:
    """Return the overload that is meant: why is said wherever it can be, else what is named.

    Args:
        overloads: of one function, from few arguments to many.
        given: the names of the arguments that are given.
    """
    said = [act for act in overloads if {REASON, DOCUMENT} <= set(act.names)] or list(overloads)
    names = set(given)
    return next((act for act in said if names <= {*act.names, REASON, DOCUMENT}), said[-1])


def read_all(
    act: Act, given: Mapping[str, object], ground: Ground
) -> tuple[list[Any], list[InputError]]:
    """Read all arguments of an act.

    Returns:
        the values in their order, and everything that is wrong; without errors the values fit.
    """
    wrong: list[InputError] = []
    for name, value in given.items():
        if name not in act.names:
            near = get_close_matches(name, act.names, 1)
            listed = ", ".join(each for each in act.names if each not in {REASON, DOCUMENT})
            expected = f"{near[0]}?" if near else f"one of {listed}" if listed else "no arguments"
            wrong.append(InputError(act.name, _at(name), value, expected))
    values = []
    for each in act.inputs:
        name = str(each["name"])
        values.append(given.get(name))
        option = _at(name)
        if name not in given:
            what = f"{described(act, each, ground.decimals)}: {act.params.get(name, '')}"
            wrong.append(InputError(act.name, option, None, what.removesuffix(": ").rstrip(".")))
            continue
        try:
            values[-1] = _read(act.contract, each, given[name], ground, option)
            Parameters([each]).encode([values[-1]])
        except InputError as error:
            wrong.append(error)
        except _Wrong as error:
            wrong.append(InputError(act.name, error.at, error.value, str(error)))
        except CodecError as error:
            wrong.append(InputError(act.name, option, given[name], str(error)))
    return values, wrong


def described(act: Act, parameter: Mapping[str, Any], decimals: int | None = None) -> str:
    """Say how an argument is written."""
    name, kind = str(parameter["name"]), str(parameter["type"])
    base, bracket, _ = kind.partition("[")
    places = "" if decimals is None else f" of at most {decimals} decimal places"
    what = {
        "address": "an address, or a name of the manifest",
        "bool": "true or false",
        "bytes": "0x and hex digits",
        "string": "text",
        "tuple": "a JSON object, or @FILE",
        "bytes4": "a reason code of four capital letters or digits",
        "bytes32": "0x and 64 hex digits",
    }.get(base, "a whole number")
    if base == "tuple":
        members = ", ".join(str(each["name"]) for each in parameter["components"])
        what = f"a JSON object of {members}, or @FILE"
    elif base.startswith("uint"):
        if act.contract in _IN_UNITS and name in _UNITS:
            what = f"units as people write them, such as 12.5{places}"
        what = {
            "role": f"one of {', '.join(_titles())}",
            "scope": "transfers, issuance or lanes, joined by +",
            "directions": "outbound, inbound, or both joined by +",
            "account_class": f"one of {', '.join(each.name.lower() for each in AccountClass)}",
            "chain_id": "a chain id, or a ledger of the manifest",
            **dict.fromkeys(_DAYS, "a day as YYYY-MM-DD, or its number"),
            **dict.fromkeys(_TIMES, "a moment such as 2026-03-31T12:00Z, or its seconds"),
        }.get(name, what)
    elif base == "bytes32":
        what = {
            DOCUMENT: "a file, or 0x and 64 hex digits",
            "lane": "a lane such as home-remote, or 0x and 64 hex digits",
            "release": "a release such as SecurityToken@1.1.0, or 0x and 64 hex digits",
            "terms": "a registered release such as SecurityToken@1.1.0, or 0x and 64 hex digits",
            **dict.fromkeys(_TEXTS, "text of up to 32 letters, or 0x and 64 hex digits"),
        }.get(name, what)
    return f"{what}; several as JSON or with commas" if bracket else what


def document_hash(file: str | Path, at: str, text: str) -> bytes:
    """Return the hash of a document: what is given in hex, or Keccak-256 of a file's bytes.

    Raises:
        InputError: neither.
    """
    if _WORD.fullmatch(text):
        return bytes.fromhex(text[2:])
    try:
        return keccak(Path(text).read_bytes())
    except (OSError, ValueError):
        expected = "a file that can be read, or 0x and 64 hex digits"
        raise InputError(file, at, text, expected) from None


def _at(name: str) -> str:
    """How an argument is given: as NAME=VALUE, or by an option of the command."""
    return f"--{name}" if name in {REASON, DOCUMENT} else name


# -------------------------------------------------------------------------------- one value


def _titles() -> tuple[str, ...]:
    return tuple(role.name.lower() for role in (Role.NONE, *Role) if role.name)


def _read(
    contract: str, parameter: Mapping[str, Any], value: object, ground: Ground, at: str
) -> Any:
    """Read a value; what is wrong says where, of members too."""
    try:
        return _value(contract, parameter, value, ground, at)
    except _Wrong as error:
        if error.at:
            raise
        raise _Wrong(str(error), at, value) from None
    except PydanticCustomError as error:
        raise _Wrong(str((error.context or {})["expected"]), at, value) from None
    except ValueError as error:
        raise _Wrong(str(error).removeprefix("expected "), at, value) from None


def _value(
    contract: str, parameter: Mapping[str, Any], value: object, ground: Ground, at: str
) -> Any:
    name, kind = str(parameter["name"]), str(parameter["type"])
    base, _, count = kind.removesuffix("]").rpartition("[")
    if base or kind == "tuple":
        value = _json(value) if isinstance(value, str) else value
    if base:
        listed = value.split(",") if isinstance(value, str) and base != "tuple" else value
        if not isinstance(listed, list) or (count and len(listed) != int(count)):
            raise _Wrong(f"a list of {count or 'values'}")
        inner = {**parameter, "type": base}
        return [
            _read(contract, inner, each, ground, joined(at, number))
            for number, each in enumerate(listed)
        ]
    if kind == "tuple":
        return _members(contract, parameter["components"], value, ground, at)
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        # As in JSON, where true is no number.
        value = json.dumps(value)
    if not isinstance(value, str):
        raise _Wrong("text or a number")
    return _scalar(contract, name, kind, value, ground)


def _json(text: str) -> object:
    """What JSON says, from a file if that is named; text that is no JSON as it is."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise _Wrong("a file that can be read") from None
    try:
        found: object = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, list | dict) else text


def _members(
    contract: str, components: Sequence[Any], value: object, ground: Ground, at: str
) -> list[Any]:
    names = [str(each["name"]) for each in components]
    if not isinstance(value, dict):
        raise _Wrong(f"a JSON object of {', '.join(names)}")
    for name in (*value, *names):
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            expected = f"{near[0]}?" if near else f"one of {', '.join(names)}"
            raise _Wrong(expected, joined(at, str(name)), value[name])
        if name not in value:
            raise _Wrong("this member", joined(at, name), "missing")
    return [
        _read(contract, each, value[each["name"]], ground, joined(at, str(each["name"])))
        for each in components
    ]


def _scalar(contract: str, name: str, kind: str, value: str, ground: Ground) -> Any:
    if kind == "string":
        return value
    if kind == "bool":
        if value not in {"true", "false"}:
            raise _Wrong("true or false")
        return value == "true"
    if kind == "address":
        return _address(value, ground)
    if kind.startswith(("uint", "int")):
        return _number(contract, name, value, ground)
    if kind == "bytes4" and name == REASON:
        try:
            return reason_code(value)
        except ValueError:
            raise _Wrong("a reason code of four capital letters or digits") from None
    if kind == "bytes32":
        return _word(name, value, ground)
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value):
        raise _Wrong("0x and hex digits")
    return bytes.fromhex(value[2:])


def _address(text: str, ground: Ground) -> str:
    ledger, colon, name = text.partition(":")
    if not colon:
        ledger, name = ground.ledger, text
    if ledger not in {each.name for each in ground.manifest.ledgers}:
        listed = ", ".join(each.name for each in ground.manifest.ledgers)
        raise _Wrong(f"LEDGER:NAME of one of the ledgers: {listed}")
    named = ground.addresses(ledger)
    if name in named:
        return named[name]
    try:
        return str(address_of(parse_address(name)))
    except PydanticCustomError as error:
        if name.startswith("0x"):
            raise _Wrong(str((error.context or {})["expected"])) from None
        near = get_close_matches(name, named, 1)
        expected = f"{near[0]}?" if near else f"an address, or one of {', '.join(sorted(named))}"
        raise _Wrong(expected) from None


def _number(contract: str, name: str, text: str, ground: Ground) -> int:
    if contract in _IN_UNITS and name in _UNITS:
        return units(parse_amount(text), ground.decimals)
    bits: Mapping[str, Mapping[str, int]] = {
        "role": {title: int(Role[title.upper()]) for title in _titles()},
        "account_class": {each.name.lower(): int(each) for each in AccountClass},
        "chain_id": {each.name: each.chain_id for each in ground.manifest.ledgers},
    }
    masks: Mapping[str, Mapping[str, int]] = {
        "scope": {each.name.lower(): int(each) for each in PauseScope if each.name},
        "directions": _DIRECTIONS,
    }
    if text in bits.get(name, {}):
        return bits[name][text]
    if name in masks and not text.isdigit():
        parts = text.split("+")
        if unknown := [part for part in parts if part not in masks[name]]:
            raise _Wrong(f"{', '.join(masks[name])}, joined by +, not {unknown[0]}")
        return sum({part: masks[name][part] for part in parts}.values())
    if name in _DAYS and not text.isdigit():
        return (parse_day(text) - _EPOCH).days
    if name in _TIMES and not text.isdigit():
        return _moment(text)
    if not re.fullmatch(r"-?(?:0|[1-9][0-9]{0,77})", text, re.ASCII):
        listed = f", or one of {', '.join(bits[name])}" if name in bits else ""
        raise _Wrong(f"a whole number{listed}")
    return int(text)


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _Wrong("a moment with its zone, such as 2026-03-31T12:00Z")
    return int(found.timestamp())


def _word(name: str, text: str, ground: Ground) -> bytes:
    if _WORD.fullmatch(text):
        return bytes.fromhex(text[2:])
    lanes = ground.lanes() if name == "lane" else {}
    if text in lanes:
        return lanes[text]
    if name in _TEXTS and _TEXT.fullmatch(text):
        return text.encode().ljust(32, b"\0")
    if name in {"release", "terms"} and (match := _RELEASE.fullmatch(text)):
        try:
            release = release_id(match[1], Version.parse(match[2]))
        except ValueError:
            raise _Wrong("a release such as SecurityToken@1.1.0") from None
        return release if name == "release" or ground.terms is None else ground.terms(release)
    listed = f", or one of {', '.join(lanes)}" if lanes else ""
    raise _Wrong(f"0x and 64 hex digits{listed}")
