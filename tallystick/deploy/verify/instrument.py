"""Found of the instrument: its token's terms, classes of accounts, bridges; its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tallystick.chain import Revert
from tallystick.chain.abi import encode, keccak
from tallystick.deploy.steps import NO_LIMIT
from tallystick.deploy.verify.fact import Found
from tallystick.deploy.verify.reader import Reader
from tallystick.deploy.verify.words import (
    NOBODY,
    NONE,
    OUR_BRIDGE,
    listed,
    record_facts,
    value_text,
)
from tallystick.registry.record import RECORD_ABI
from tallystick.text import hex_text
from tallystick.token.position import PauseScope

__all__ = ["found_in_registry", "found_in_token"]

_KIND: Final = "SecurityToken"
_REGISTRY: Final = "InstrumentRegistry"
# The terms with which a token begins, and which nothing changes.
_TERMS: Final = ("name", "symbol", "decimals", "isin", "is_home", "close_minute")


def found_in_token(reader: Reader, ours: Mapping[str, str]) -> Iterator[Found]:
    """The token: its terms, what stands still, link and pool accounts, who else issues.

    Args:
        reader: the ledger.
        ours: what the escrow and the custodies are called, by address.
    """
    token, authority = reader.suite.token, str(reader.suite.authority.address)
    views = (*_TERMS, "release_authority", "is_live", "paused_scopes", "is_suspended", "authorised")
    answers = dict(zip(views, reader.ask((token, view) for view in views), strict=True))
    for term in _TERMS:
        yield Found(_KIND, term, value_text(answers[term]))
    yield Found(_KIND, "release_authority", str(answers["release_authority"]), authority)
    yield Found(_KIND, "is_live", value_text(answers["is_live"]), "yes")
    stopped = PauseScope(int(answers["paused_scopes"]))
    yield Found(_KIND, "stopped", listed(str(s.name).lower() for s in stopped), NONE)
    yield Found(_KIND, "suspended", value_text(answers["is_suspended"]), "no")
    yield Found(_KIND, "authorised", value_text(answers["authorised"]))
    logged = reader.events(token, ("ClassSet", "BridgeLimitsSet"))
    yield from _found_classes(reader, ours, [str(e.args["account"]) for e in logged["ClassSet"]])
    bridges = [str(event.args["bridge"]) for event in logged["BridgeLimitsSet"]]
    yield from _found_bridges(reader, ours, bridges)


def _found_classes(reader: Reader, ours: Mapping[str, str], set_once: list[str]) -> Iterator[Found]:
    """What each account is that ever was more than a holder, and each of ours."""
    accounts = list(dict.fromkeys((*ours, *set_once)))
    positions = reader.ask((reader.suite.token, "position_of", each) for each in accounts)
    found = {
        account: "link" if position.link else "pool" if position.pool else "holder"
        for account, position in zip(accounts, positions, strict=True)
    }
    for account, name in ours.items():
        yield Found(_KIND, f"class of {name}", found[account], "holder")
    others = (
        f"{account} is a {kind}"
        for account, kind in found.items()
        if kind != "holder" and account not in ours
    )
    yield Found(_KIND, "other link and pool accounts", listed(others), NONE)


def _found_bridges(reader: Reader, ours: Mapping[str, str], set_once: list[str]) -> Iterator[Found]:
    """Who may issue and take off units: everybody who ever might is looked at, and ours."""
    token, accounts = reader.suite.token, list(dict.fromkeys((*ours, *set_once)))
    views = ("mintingMaxLimitOf", "burningMaxLimitOf", "bridge_of")
    answers = iter(reader.ask((token, view, each) for each in accounts for view in views))
    found = {
        account: _bridge(*limits)
        for account, *limits in zip(accounts, answers, answers, answers, strict=True)
    }
    for account, name in ours.items():
        yield Found(_KIND, f"bridge: {name}", found[account], NONE)
    others = (
        f"{account}, {limits}"
        for account, limits in found.items()
        if limits != NONE and account not in ours
    )
    yield Found(_KIND, "other bridges", listed(others), NONE)


def _bridge(minting: int, burning: int, kept: Any) -> str:
    """A bridge by its limits a day, and whether it is of our lanes."""
    if not (minting or burning or kept.ours):
        return NONE
    limits = (f"{name} {limit}" for name, limit in (("in", minting), ("out", burning)))
    if kept.ours and minting == burning == NO_LIMIT:
        return OUR_BRIDGE
    return ", ".join((*limits, "of our lanes" if kept.ours else "of others"))


def found_in_registry(reader: Reader) -> Iterator[Found]:
    """The instrument's record in force on the ledger, all that it says; other records."""
    registry, isin = reader.suite.registry, reader.isin
    logged = reader.events(registry, ("RecordPutInForce",))["RecordPutInForce"]
    others = dict.fromkeys(str(e.args["record"].instrument.isin) for e in logged)
    known = (isin, *reader.beside)
    yield Found(_REGISTRY, "other records", listed(e for e in others if e not in known), NONE)
    instrument, count, kept = reader.ask_any(
        (registry, name, isin) for name in ("instrument", "ledger_count", "record_hash")
    )
    if isinstance(instrument, Revert):
        yield Found(_REGISTRY, f"record of {isin}", NONE, "one")
        return
    names = reader.ask((registry, "ledger_at", isin, place) for place in range(int(count)))
    placed = reader.ask((registry, "resolve", isin, name) for name in names)
    placements = [
        (name, bytes(at.token), bytes(at.dti), int(at.dti_kind))
        for name, at in zip(names, placed, strict=True)
    ]
    yield Found(_REGISTRY, f"record of {isin}", "one", "one")
    for what, text in record_facts(instrument._asdict(), placements).items():
        yield Found(_REGISTRY, what, text, NOBODY if what.startswith("record: token on") else None)
    said = hex_text(keccak(encode([RECORD_ABI], [(tuple(instrument), placements)])))
    yield Found(_REGISTRY, "record: hash", hex_text(kept), said)
    token = reader.suite.token
    (ceiling,) = reader.ask([(registry, "authorised_of", token)])
    yield Found(_REGISTRY, "most to be authorised", value_text(ceiling), str(instrument.authorised))
