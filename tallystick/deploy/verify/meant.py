"""What a manifest and a plan mean each fact to be. Pure; a manifest knows less than a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from tallystick.bridge.message import NO_CAP
from tallystick.deploy.signers import EngineSigners, first_signers
from tallystick.deploy.steps import ROLES_OF
from tallystick.deploy.verify.fact import Key
from tallystick.deploy.verify.words import (
    NOBODY,
    OUR_BRIDGE,
    cap_text,
    minimum_text,
    peer_text,
    record_facts,
    role_text,
    seconds_text,
    signers_text,
    value_text,
    where,
)
from tallystick.files.instrument import record_of, units
from tallystick.files.manifest import ActionsEntry, LedgerEntry, Manifest
from tallystick.files.plan import Plan
from tallystick.governance.release import PROXIED
from tallystick.governance.roles import Role, role_of_title
from tallystick.reach.accounts import Parties

__all__ = ["accounts_on", "heard_by", "lanes_on", "meant_by", "our_movers", "roles_in"]

# Contract and fact of one ledger, and what it should be.
Meant = Iterator[tuple[str, str, str]]


def meant_by(
    manifest: Manifest, plan: Plan | None = None, parties: Parties | None = None
) -> dict[Key, str]:
    """Return what each fact should be, as far as manifest and plan say.

    Args:
        manifest: what stands where.
        plan: what was to stand; without it periods, caps, attestors and the record's other members
            are not known.
        parties: the plan's accounts, found.
    """
    meant: dict[Key, str] = {}
    for entry in manifest.ledgers:
        for each in (_contracts, _roles, _token, _lanes, _engine):
            meant |= {Key(entry.name, *said): text for *said, text in each(manifest, entry)}
        if plan is not None and parties is not None:
            for said in _planned(manifest, entry, plan, parties):
                meant[Key(entry.name, *said[:2])] = said[2]
    return meant


def lanes_on(manifest: Manifest, ledger: str) -> list[int]:
    """Return the places of the lanes of a ledger among the manifest's."""
    return [
        place for place, lane in enumerate(manifest.lanes) if ledger in (lane.home, lane.remote)
    ]


def our_movers(manifest: Manifest, ledger: str) -> dict[str, str]:
    """Return what escrow and custodies of a ledger are called, by address."""
    movers = {manifest.ledger(ledger).contracts["BridgeEscrow"].address: "the escrow"}
    for lane in manifest.lanes:
        if ledger in (lane.home, lane.remote):
            movers[lane.sides[ledger].custody] = f"custody of {where(lane)}"
    return movers


def accounts_on(manifest: Manifest, ledger: str) -> list[str]:
    """Return every account that a ledger's entry names, in whatever role, and its engine."""
    accounts = [entry.address for entry in manifest.roles.get(ledger, {}).values()]
    engine = manifest.ledger(ledger).contracts.get("ActionsEngine")
    return [*accounts, engine.address] if engine is not None else accounts


def roles_in(manifest: Manifest, ledger: str, kind: str) -> dict[str, Role]:
    """Return the role of each account that has one in a contract, and of the deployer, none."""
    titles = manifest.roles.get(ledger, {})
    known = {entry.address: Role.NONE for title, entry in titles.items() if title == "deployer"}
    for title, entry in titles.items():
        if (role := role_of_title(title)) in (Role.ADMINISTRATOR, *ROLES_OF[kind]):
            known[entry.address] = role
    engine = manifest.ledger(ledger).contracts.get("ActionsEngine")
    if kind == "SecurityToken" and engine is not None:
        known[engine.address] = Role.ACTIONS
    return known


def _contracts(manifest: Manifest, entry: LedgerEntry) -> Meant:
    """Where proxies are and what they run."""
    del manifest
    for name in PROXIED:
        contract = entry.contracts.get(name)
        if contract is None:
            continue
        yield "ReleaseAuthority", f"proxy of {name}", contract.address
        yield name, "release", f"{contract.release} at {contract.implementation}"


def _roles(manifest: Manifest, entry: LedgerEntry) -> Meant:
    for kind in ("ReleaseAuthority", *(name for name in PROXIED if name in entry.contracts)):
        roles = roles_in(manifest, entry.name, kind)
        keys = sum(role == Role.ADMINISTRATOR for role in roles.values())
        yield kind, "administrators", str(keys)
        for account, role in roles.items():
            yield kind, f"role of {account}", role_text(role)


def _token(manifest: Manifest, entry: LedgerEntry) -> Meant:
    """Terms of the token, its link accounts, its bridges: none at home."""
    instrument, is_home = manifest.instrument, entry.name == manifest.instrument.home
    for what, value in (
        ("name", instrument.name),
        ("decimals", instrument.decimals),
        ("isin", instrument.isin),
        ("is_home", is_home),
    ):
        yield "SecurityToken", what, value_text(value)
    movers = our_movers(manifest, entry.name)
    escrow, *custodies = movers.values()
    for name in custodies:
        yield "SecurityToken", f"class of {name}", "link"
    if custodies and not is_home:
        for name in (escrow, *custodies):
            yield "SecurityToken", f"bridge: {name}", OUR_BRIDGE
    yield "InstrumentRegistry", "record: isin", instrument.isin
    yield "InstrumentRegistry", "record: decimals", str(instrument.decimals)
    yield "InstrumentRegistry", "record: home", manifest.ledger(instrument.home).caip2
    for ledger in manifest.ledgers:
        token = instrument.tokens.get(ledger.name, NOBODY)
        yield "InstrumentRegistry", f"record: token on {ledger.caip2}", token


def _lanes(manifest: Manifest, entry: LedgerEntry) -> Meant:
    for place in lanes_on(manifest, entry.name):
        lane = manifest.lanes[place]
        is_home = entry.name == lane.home
        side, other = lane.sides[entry.name], lane.remote if is_home else lane.home
        for what, text in (
            ("home", value_text(is_home)),
            ("custody", side.custody),
            ("verifier in force", " and ".join(side.verifiers)),
            ("grade", lane.grade),
            ("peer ledger", other),
            ("peer escrow", lane.escrow_on(other)),
            ("decimals", str(manifest.instrument.decimals)),
        ):
            yield "BridgeEscrow", f"{where(lane)}: {what}", text


def _engine(manifest: Manifest, entry: LedgerEntry) -> Meant:
    actions, home = manifest.actions, manifest.instrument.home
    if actions is None:
        return
    is_home = entry.name == home
    yield "ActionsEngine", "is_home", value_text(is_home)
    asks = "each day" if actions.reconcile == "daily" else "events alone"
    yield "ActionsEngine", "asks for the closes of", asks
    if (agent := manifest.roles.get(entry.name, {}).get("fractions_agent")) is not None:
        yield "ActionsEngine", "fractions' agent", agent.address
    if is_home:
        yield "ActionsEngine", "verifier of events", actions.events
    else:
        yield "ActionsEngine", "home_ledger", home
    for other in heard_by(manifest, entry.name):
        yield "ActionsEngine", f"believes of {other.name}", _peer(other, entry, actions)


def heard_by(manifest: Manifest, ledger: str) -> list[LedgerEntry]:
    """Return the ledgers whose engines that of a ledger hears: home every other, those home."""
    home = manifest.instrument.home
    return [each for each in manifest.ledgers if (each.name == home) != (ledger == home)]


def _peer(other: LedgerEntry, entry: LedgerEntry, actions: ActionsEntry) -> str:
    engine = other.contracts["ActionsEngine"].address
    return peer_text(other.chain_id, engine, actions.messages.get(entry.name, "0x0"))


def _planned(manifest: Manifest, entry: LedgerEntry, plan: Plan, parties: Parties) -> Meant:
    """What a plan knows besides: periods, the record, terms of lanes, who attests."""
    for name, seconds in (
        ("NOTICE", plan.upgrade.notice_seconds),
        ("ACTIVATION_WINDOW", plan.upgrade.activation_seconds),
        ("ROLLBACK_WINDOW", plan.upgrade.rollback_seconds),
    ):
        yield "ReleaseAuthority", name, seconds_text(seconds)
    instrument = plan.loaded_instrument
    yield "SecurityToken", "symbol", instrument.symbol
    yield "SecurityToken", "close_minute", str(instrument.close_minute_utc)
    yield from _recorded(manifest, plan)
    yield from _planned_lanes(manifest, entry, plan, parties)
    if plan.actions is not None:
        signers = EngineSigners.of(plan.actions, parties)
        if entry.name == plan.home:
            told = signers_text(signers.events.threshold, signers.events.signers)
            yield "ActionsEngine", "events: attestors", told
            yield "ActionsEngine", "events: operator", plan.actions.events.operator
        told = signers_text(signers.messages.threshold, signers.messages.signers)
        for other in heard_by(manifest, entry.name):
            yield "ActionsEngine", f"of {other.name}: attestors", told
            yield "ActionsEngine", f"of {other.name}: operator", plan.actions.messages.operator


def _recorded(manifest: Manifest, plan: Plan) -> Meant:
    record = record_of(plan.loaded_instrument, manifest.instrument.tokens, plan.caip2)
    values, placements = record.as_tuple()
    facts = record_facts(dict(zip(_MEMBERS, values, strict=True)), placements)
    for what, text in facts.items():
        yield "InstrumentRegistry", what, text


# Of a record's instrument, in the order of its ABI tuple.
_MEMBERS = (
    "isin",
    "cfi",
    "fisn",
    "issuer",
    "dti_group",
    "currency",
    "denomination",
    "decimals",
    "close_minute",
    "authorised",
    "terms_hash",
    "terms_uri",
    "home",
    "version",
    "previous",
)


def _planned_lanes(manifest: Manifest, entry: LedgerEntry, plan: Plan, parties: Parties) -> Meant:
    planned: Mapping[tuple[str, str], str] = {
        (lane.home, lane.remote): where(lane) for lane in manifest.lanes
    }
    for lane, attestors in zip(plan.lanes, parties.attestors, strict=True):
        if entry.name not in (lane.home, lane.remote):
            continue
        name, decimals = planned[lane.home, lane.remote], plan.loaded_instrument.decimals
        for what, text in (
            ("change delay", seconds_text(lane.change_seconds)),
            ("retention", seconds_text(lane.retention_seconds)),
            ("cap", cap_text(NO_CAP if lane.cap is None else int(lane.cap))),
            ("limit", cap_text(NO_CAP if lane.limit is None else int(lane.limit))),
            ("limit window", seconds_text(lane.limit_window_seconds)),
            ("ramp", seconds_text(lane.ramp_seconds)),
            ("minimum", minimum_text(units(lane.minimum or Decimal(0), decimals), decimals)),
            ("close_minute", str(plan.loaded_instrument.close_minute_utc)),
        ):
            yield "BridgeEscrow", f"{name}: {what}", text
        for which, verifier, signers in zip(
            ("", "second: "), lane.verifiers, first_signers(lane, attestors), strict=False
        ):
            told = signers_text(signers.threshold, signers.signers)
            whose = f"{name}: {which}quorum: " if verifier.kind else f"{name}: {which}"
            yield "BridgeEscrow", f"{whose}attestors", told
            yield "BridgeEscrow", f"{whose}operator", verifier.operator
