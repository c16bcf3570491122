"""A journal that was lost, from what stands: a manifest or a registry leads to all of it.

Where neither is, the deployer's own transactions do: the plan's authority is the one that was told
of exactly that plan. Each ledger's release authority knows releases and proxies; lanes and engines
know the rest, and what none of them knows yet is found as `PlannedLedger.creation` asks for it. The
first releases name the hash of the plan that was carried out as their evidence, so that no other
plan goes on where one stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick import build
from tallystick.bridge.message import ledger_id
from tallystick.chain import Account, Chain, Contract
from tallystick.chain.abi import address_of, checksum, encode, keccak
from tallystick.deploy.journal import Journal
from tallystick.deploy.signers import verifier_keys
from tallystick.deploy.steps import EVENTS_VERIFIER, GENESIS, MESSAGES_VERIFIER
from tallystick.errors import InputError
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.files.strict import joined
from tallystick.governance.release import (
    PER_INSTRUMENT,
    PROXIED,
    addresses_behind,
    proxy_name,
    release_id,
)
from tallystick.reach.connection import check_same
from tallystick.reach.created import created_by
from tallystick.registry.record import token_address
from tallystick.text import hex_text

__all__ = ["Given", "rebuild"]


@dataclass(frozen=True)
class Given:
    """What is said to stand already: a manifest, registries by ledger, or nothing."""

    manifest: Manifest | None = None
    registries: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Place:
    """A release authority on a ledger, where it was said, and since when its logs matter.

    Nobody said it of one that the deployer left behind.
    """

    authority: str
    file: str | Path = ""
    field: str = ""
    value: str = ""
    from_block: int | None = None


def rebuild(
    book: Journal,
    plan: Plan,
    deployers: Mapping[str, Account],
    chains: Mapping[str, Chain],
    given: Given,
) -> bool:
    """Put what stands into a journal that does not know it; returns whether there was any.

    Args:
        book: the journal.
        plan: what is meant.
        deployers: who deploys, by ledger.
        chains: the ledgers at hand.
        given: what is said to stand.

    Raises:
        InputError: what is given is of another instrument, chain or plan, or not what the journal
            knows.
    """
    found = False
    places = _places(plan, chains, given)
    for name in chains.keys() - places.keys():
        if "ReleaseAuthority" not in book.ledger(name, chains[name])["contracts"]:
            places |= _left_behind(plan, deployers[name], chains[name])
    for name, place in places.items():
        entry = book.ledger(name, chains[name])
        known = entry["contracts"].get("ReleaseAuthority", {}).get("address")
        if known is not None:
            if known != place.authority:
                expected = f"the suite of {book.name}, whose release authority is {known}"
                raise InputError(place.file, place.field, place.value, expected)
            continue
        authority = chains[name].at("ReleaseAuthority", place.authority)
        # The evidence of a suite's first releases is its own plan, not that of what joins it.
        if plan.joins is None:
            _refuse_another_plan(plan, name, authority, place)
        since = place.from_block
        if since is None:
            since = min(log.block_number for log in authority.chain.raw_logs(authority))
        entry["from_block"] = since
        entry["contracts"] |= {
            key: {"address": address_of(address), "nonce": None}
            for key, address in _standing(plan, name, authority, since)
        }
        found = True
    return found


def _places(plan: Plan, chains: Mapping[str, Chain], given: Given) -> dict[str, _Place]:
    """Where the release authorities are."""
    places: dict[str, _Place] = {}
    manifest = given.manifest or plan.joins
    if manifest is not None:
        isin = plan.loaded_instrument.isin
        if manifest is not plan.joins and manifest.instrument.isin != isin:
            expected = f"{isin}, which the plan is for (another deployment has its own --out)"
            at = "instruments[0].isin"
            raise InputError(manifest.file, at, manifest.instrument.isin, expected)
        for number, ledger in enumerate(manifest.ledgers):
            if ledger.name in chains:
                where = joined("ledgers", number)
                check_same(manifest.file, where, ledger, chains[ledger.name])
                address = ledger.contracts["ReleaseAuthority"].address
                field = f"{where}.contracts.ReleaseAuthority.address"
                places[ledger.name] = _Place(
                    address, manifest.file, field, address, ledger.from_block
                )
    for name, registry in (given.registries or {}).items():
        if name not in plan.caip2:
            expected = f"one of the plan's ledgers: {', '.join(plan.caip2)}"
            raise InputError("tallystick", "--registry", name, expected)
        if name in chains:
            places |= _by_registry(plan, chains, name, registry)
    return places


def _left_behind(plan: Plan, deployer: Account, chain: Chain) -> dict[str, _Place]:
    """The authority that the deployer created for the plan: its first act names the plan's hash.

    Or, where there is none such, the newest of the plan's periods that was told nothing yet.
    """
    artifact, found = build.artifact("ReleaseAuthority"), ""
    for address, code in created_by(chain, deployer):
        if artifact.is_code(code):
            authority = chain.at(artifact, address)
            first = _first(authority, "PrivilegedAct", 0)
            if first and bytes(first["document"]) == plan.document:
                return {chain.name: _Place(address)}
            if not first and _has_periods(authority, plan):
                found = address
    return {chain.name: _Place(found)} if found else {}


def _has_periods(authority: Contract, plan: Plan) -> bool:
    upgrade = plan.upgrade
    meant = (upgrade.notice_seconds, upgrade.activation_seconds, upgrade.rollback_seconds)
    views = ("NOTICE", "ACTIVATION_WINDOW", "ROLLBACK_WINDOW")
    return tuple(int(getattr(authority, view)()) for view in views) == meant


def _by_registry(
    plan: Plan, chains: Mapping[str, Chain], name: str, address: str
) -> Iterator[tuple[str, _Place]]:
    """The authority of a registry; where its record has tokens on other ledgers, theirs too."""
    said = ("tallystick", "--registry", f"{name}={address}")
    yield name, _Place(_authority_of(chains[name], address, said), *said)
    registry, isin = chains[name].at("InstrumentRegistry", address), plan.loaded_instrument.isin
    if registry.is_registered(isin):
        for other, chain in chains.items():
            if other != name:
                token = token_address(bytes(registry.resolve(isin, plan.caip2[other]).token))
                yield other, _Place(_authority_of(chain, token, said), *said)


def _authority_of(chain: Chain, proxy: str, said: tuple[str, str, str]) -> str:
    """Whom a proxy obeys: the only immutable of its code."""
    code = chain.code(proxy)
    if not build.artifact("ReleaseProxy").is_code(code):
        raise InputError(*said, f"a registry behind a proxy of this build: {proxy} is none")
    return checksum(code[-20:])


def _refuse_another_plan(plan: Plan, name: str, authority: Contract, place: _Place) -> None:
    """The first releases name the plan that was carried out."""
    for kind in PROXIED:
        release = authority.release_of(release_id(kind, GENESIS))
        evidence = bytes(release.evidence_hash)
        if int(release.version) and evidence != plan.document:
            expected = (
                f"plan and instrument as they were when the suite on {name} was deployed, to which "
                f"{place.file} leads: document {hex_text(evidence)[:18]}…; no journal says which "
                "fields are others"
            )
            shown = f"document {hex_text(plan.document)[:18]}…"
            raise InputError(plan.file, "", shown, expected)


def _standing(plan: Plan, name: str, authority: Contract, since: int) -> Iterator[tuple[str, str]]:
    """Every contract of a ledger that the journal knows, by its key."""
    chain, isin = authority.chain, plan.loaded_instrument.isin
    yield "ReleaseProxy", str(authority.PROXY_BLUEPRINT())
    yield "ReleaseAuthority", str(authority.address)
    proxies: dict[str, Contract] = {}
    for kind in PROXIED:
        release = authority.release_of(release_id(kind, GENESIS))
        if not int(release.version):
            continue
        artifact = build.artifact(kind)
        first = str(release.implementation)
        pieces = (first, *addresses_behind(artifact, first, chain.code))
        for piece, address in zip((artifact, *artifact.behind), pieces, strict=True):
            yield f"{piece.name}@{GENESIS}", address
        proxy = str(authority.proxy_at(proxy_name(kind, isin if kind in PER_INSTRUMENT else "")))
        if int(proxy, 16):
            proxies[kind] = chain.at(kind, proxy)
    if "BridgeEscrow" in proxies:
        yield from _lanes(plan, name, proxies["BridgeEscrow"])
    if "ActionsEngine" in proxies:
        for event, key in (("AttestorsSet", EVENTS_VERIFIER), ("PeerSet", MESSAGES_VERIFIER)):
            if set_up := _first(proxies["ActionsEngine"], event, since):
                yield key, str(set_up["verifier"])


def _lanes(plan: Plan, name: str, escrow: Contract) -> Iterator[tuple[str, str]]:
    """Custody and first verifiers of each lane that is open."""
    for index, lane in enumerate(plan.lanes):
        if name not in (lane.home, lane.remote):
            continue
        peer = plan.ledger(lane.remote if name == lane.home else lane.home)
        pair = keccak(
            encode(["string", "bytes32"], [plan.loaded_instrument.isin, ledger_id(peer.caip2)])
        )
        opened = bytes(escrow.canonical_lane(pair))
        if any(opened):
            first = escrow.epoch_at(opened, 1)
            verifiers = (str(first.verifier), str(first.second))
            for key, verifier in zip(verifier_keys(lane, index), verifiers, strict=False):
                yield key.trusted, verifier
                if key.trusted != key.quorum:
                    yield key.quorum, str(escrow.chain.at(key.kind, verifier).QUORUM())
            yield f"LaneCustody#{index}", str(escrow.lane_state(opened).terms.custody)


def _first(contract: Contract, event: str, since: int) -> Mapping[str, Any]:
    """What the first event of that name says; nothing if there is none."""
    topic = contract.interface.events_by_name[event][0].topic
    logs = contract.chain.raw_logs(contract, since, topics=[topic])
    return contract.chain.decode_log(logs[0]).args if logs else {}
