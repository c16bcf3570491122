"""Found in the release authority and of every contract with roles: code, releases, who may what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from tallystick import build
from tallystick.chain import Contract
from tallystick.chain.abi import checksum
from tallystick.deploy.ledger import is_zero
from tallystick.deploy.release import Wanted, other_fields
from tallystick.deploy.steps import GENESIS, blueprint_content
from tallystick.deploy.verify.fact import Found
from tallystick.deploy.verify.reader import Reader
from tallystick.deploy.verify.words import (
    AS_BUILT,
    NOBODY,
    NONE,
    listed,
    role_text,
    seconds_text,
    value_text,
)
from tallystick.files.release import Archive
from tallystick.governance.release import (
    PER_INSTRUMENT,
    PROXIED,
    Version,
    addresses_behind,
    code_hashes,
    is_behind,
    proxy_name,
    release_id,
    release_kind,
)
from tallystick.governance.roles import ALONE, Role, reason_text
from tallystick.reach.connection import proxied_of
from tallystick.text import hex_text, time_text

__all__ = [
    "AS_ARCHIVED",
    "AUTHORITY",
    "found_code",
    "found_in_access",
    "found_in_authority",
    "other_code",
]

AS_ARCHIVED: Final = "as in its archive"
AUTHORITY: Final = "ReleaseAuthority"
_ERC1967_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
_HOUR: Final = 3600
_DAY: Final = 86_400
# What the authority's constructor takes, in seconds.
_PERIODS: Final[Mapping[str, tuple[int, int]]] = {
    "NOTICE": (_HOUR, 90 * _DAY),
    "ACTIVATION_WINDOW": (1, 365 * _DAY),
    "ROLLBACK_WINDOW": (_HOUR, 90 * _DAY),
}
_KINDS: Final = {release_kind(name): name for name in PROXIED}
# Proposals that change what stands, by the contract that logs them.
_PROPOSALS: Final[Mapping[str, tuple[str, ...]]] = {
    "ReleaseAuthority": ("RollBackProposed", "RollBackReasonProposed", "RatificationProposed"),
    "InstrumentRegistry": ("RecordProposed",),
    "SecurityToken": ("ClassProposed", "BridgeLimitsProposed"),
    "BridgeEscrow": ("LaneProposed", "LaneTermsProposed"),
    "ActionsEngine": (
        "PeerProposed",
        "AttestorsProposed",
        "DailyProposed",
        "PayTermsProposed",
        "PoolPayeeProposed",
    ),
}

# Roles are given back by an administrator and the guardian, so much later than by two.
_LONGER: Final = {"RoleProposed": 30 * _DAY}


def found_code(
    reader: Reader, kind: str, address: str, due: Mapping[str, str | None], what: str = ""
) -> Iterator[Found]:
    """Compare code that stands with the build, and each immutable with what is due.

    Args:
        reader: the ledger.
        kind: the contract's name in the build.
        address: where it stands.
        due: what an immutable that is an address has to be; None: that its code tells.
        what: what is said before each fact, where the contract has others, too.
    """
    artifact, code = build.artifact(kind), reader.code(address)
    if not artifact.is_code(code):
        yield Found(kind, f"{what}code", other_code(reader, address), AS_BUILT)
        return
    yield Found(kind, f"{what}code", AS_BUILT, AS_BUILT)
    for name, word in _immutables_of(artifact, code).items():
        if (expected := due.get(name)) is not None:
            yield Found(kind, f"{what}{name}", _address(word), expected)


def _immutables_of(artifact: build.Artifact, code: bytes) -> dict[str, int]:
    """Return the immutables of one word each behind code that is a build's."""
    start = len(artifact.bytecode_runtime)
    return {
        name: int.from_bytes(code[start + entry["offset"] :][:32], "big")
        for name, entry in artifact.layout.get("code_layout", {}).items()
    }


def _address(word: int) -> str:
    return str(checksum(word.to_bytes(20, "big"))) if word < 2**160 else hex(word)


def other_code(reader: Reader, address: str) -> str:
    """Return what is said of code that is not the build's."""
    code = reader.code(address)
    return f"another, {hex_text(reader.code_hash(address))}" if code else "no code"


# -------------------------------------------------------------------- the authority


def found_in_authority(
    reader: Reader, accepted: Collection[str], archives: Collection[Archive] = ()
) -> Iterator[Found]:
    """Code of authority, proxies, implementations and all pieces; releases; custody code.

    Args:
        reader: the ledger.
        accepted: releases that this build does not know and that are taken, `CONTRACT@VERSION`.
        archives: of releases that are held to them.
    """
    yield from _found_authority_code(reader)
    authority = reader.suite.authority
    names = ("ReleaseRegistered", "ProxyCreated", "ReleaseActivated", "CustodyCodeRegistered")
    logged = reader.events(authority, (*names, "RollBackReasonSet"))
    yield from _found_releases(
        reader,
        [bytes(event.args["release"]) for event in logged["ReleaseRegistered"]],
        accepted,
        {archive.id: archive for archive in archives},
    )
    created = {str(e.args["proxy"]): bytes(e.args["release"]) for e in logged["ProxyCreated"]}
    activated = list(dict.fromkeys(bytes(e.args["release"]) for e in logged["ReleaseActivated"]))
    yield from _found_proxies(reader, created, activated)
    hashes = dict.fromkeys(bytes(e.args["code_hash"]) for e in logged["CustodyCodeRegistered"])
    ours = build.artifact("LaneCustody").code_hash
    taken = reader.ask((authority, "custody_code", each) for each in (ours, *hashes))
    yield Found(AUTHORITY, "custody code of the build", "taken" if taken[0] else NONE, "taken")
    others = (
        hex_text(each)
        for each, is_taken in zip(hashes, taken[1:], strict=True)
        if is_taken and each != ours
    )
    yield Found(AUTHORITY, "other custody code", listed(others), NONE)
    causes = dict.fromkeys(bytes(e.args["cause"]) for e in logged["RollBackReasonSet"])
    taken = reader.ask((authority, "roll_back_reason", each) for each in causes)
    alone = (reason_text(each) for each, is_taken in zip(causes, taken, strict=True) if is_taken)
    yield Found(AUTHORITY, "guardian rolls back alone for", listed(alone), ALONE)


def _found_authority_code(reader: Reader) -> Iterator[Found]:
    artifact, at = build.artifact(AUTHORITY), str(reader.suite.authority.address)
    yield from found_code(reader, AUTHORITY, at, {})
    if not artifact.is_code(reader.code(at)):
        return
    words = _immutables_of(artifact, reader.code(at))
    for name, (least, most) in _PERIODS.items():
        found = seconds_text(words[name])
        within = least <= words[name] <= most
        yield Found(AUTHORITY, name, found, found if within else f"{least} to {most} s")
    blueprint = _address(words["PROXY_BLUEPRINT"])
    is_ours = reader.code(blueprint) == blueprint_content()
    yield Found(
        AUTHORITY,
        "code of new proxies",
        AS_BUILT if is_ours else other_code(reader, blueprint),
        AS_BUILT,
    )


def _found_releases(
    reader: Reader,
    registered: Iterable[bytes],
    accepted: Collection[str],
    archives: Mapping[bytes, Archive],
) -> Iterator[Found]:
    """Every release that stands registered, and each contract's first one."""
    authority = reader.suite.authority
    first = {release_id(name, GENESIS): name for name in proxied_of(reader.suite)}
    ids = list(dict.fromkeys((*first, *registered)))
    kept = reader.ask((authority, "release_of", each) for each in ids)
    run = reader.ask((authority, "has_run", each) for each in ids)
    waiting: list[str] = []
    for identifier, release, has_run in zip(ids, kept, run, strict=True):
        name = _kind(release.kind)
        if int(release.version) == 0:
            if identifier in first:
                yield Found(AUTHORITY, f"{first[identifier]} {GENESIS}", NONE, AS_BUILT)
            continue
        version = Version.unpack(int(release.version))
        if not has_run:
            waiting.append(f"{name} {version} at {release.implementation}")
        if identifier in archives:
            others = _other_than(archives[identifier], reader, release)
            found = f"with another {', '.join(others)}" if others else AS_ARCHIVED
            yield Found(AUTHORITY, f"{name} {version}", found, AS_ARCHIVED)
            continue
        if not has_run:
            continue
        found = _built(reader, name, version, release)
        is_taken = f"{name}@{version}" in accepted
        yield Found(AUTHORITY, f"{name} {version}", found, found if is_taken else AS_BUILT)
    yield Found(AUTHORITY, "releases that never ran", listed(waiting), NONE)


def _other_than(archive: Archive, reader: Reader, release: Any) -> list[str]:
    """The fields in which a release is another than its archive."""
    others = other_fields(Wanted.of(archive), reader.suite.chain, release)
    # What a first one's evidence is, the plan says.
    of_plan = {"evidence_hash"} if archive.number == GENESIS else set()
    return [name for name in others if name not in of_plan]


def _built(reader: Reader, name: str, version: Version, release: Any) -> str:
    """Whether a release is one of this build's: the first is its contract, later ones any of it."""
    candidates: Iterable[str] = (name,) if name in PROXIED else ()
    if candidates and version != GENESIS:
        candidates = (name, *(each for each in build.names() if each.startswith(name)))
    code = reader.code(release.implementation)
    for candidate in candidates:
        artifact = build.artifact(candidate)
        if artifact.is_code(code):
            behind = addresses_behind(artifact, release.implementation, reader.code)
            due = code_hashes(artifact, behind)
            if (bytes(release.code_hash), bytes(release.behind_hash)) == (due.code, due.behind):
                return AS_BUILT
    return f"not known to this build, {hex_text(release.code_hash)}"


def _found_proxies(
    reader: Reader, created: Mapping[str, bytes], activated: Collection[bytes]
) -> Iterator[Found]:
    """Where each proxy is, what it runs, whom it obeys.

    It began on the first release or, of an instrument that joined, on one that another proxy had
    been moved to: with notice, and the consent of issuer, operator and auditor.
    """
    authority, isin = reader.suite.authority, reader.isin
    proxied = proxied_of(reader.suite)
    names = {
        name: proxy_name(name, isin if name in PER_INSTRUMENT else "")
        for name in PROXIED  # an engine that is not in the manifest is one too many
    }
    at = reader.ask((authority, "proxy_at", each) for each in names.values())
    for name, address in zip(names, at, strict=True):
        found = NOBODY if is_zero(address) else str(address)
        yield Found(AUTHORITY, f"proxy of {name}", found, NOBODY)
    ours = {*(str(contract.address) for contract in proxied.values()), *reader.neighbours()}
    others = (address for address in created if address not in ours)
    yield Found(AUTHORITY, "other proxies", listed(others), NONE)
    installed = reader.ask((authority, "installation_of", each) for each in proxied.values())
    releases = reader.ask((authority, "release_of", each.release) for each in installed)
    notices = reader.ask((authority, "notice_of", each) for each in proxied.values())
    emergencies = reader.ask((authority, "emergency_of", each) for each in proxied.values())
    notice, window = reader.ask(((authority, "NOTICE"), (authority, "ACTIVATION_WINDOW")))
    noticed = reader.ask((authority, "release_of", each.release) for each in notices)
    kept = reader.ask((authority, "release_of", each) for each in activated)
    approved = {key: _version(each) for key, each in zip(activated, kept, strict=True)}
    for (name, contract), kept, release, given, to, emergency in zip(
        proxied.items(), installed, releases, notices, noticed, emergencies, strict=True
    ):
        yield from _found_proxy(reader, name, contract, release)
        yield Found(name, "takes releases of", _kind(kept.kind), name)
        began = created.get(str(contract.address))
        known = {release_id(name, GENESIS): str(GENESIS)} | approved
        found = known.get(began, hex_text(began)) if began else "not by the authority"
        due = approved.get(began, str(GENESIS)) if began else str(GENESIS)
        yield Found(name, "was created on", found, due)
        lapses = int(given.noticed_at) + int(notice) + int(window)
        is_open = any(given.release) and reader.block.timestamp < lapses
        found = f"{_version(to)} until {time_text(lapses)}" if is_open else NONE
        yield Found(name, "release to come", found, NONE)
        ends = int(emergency.ratify_before)
        found = f"{_version(release)}, to be ratified before {time_text(ends)}" if ends else NONE
        yield Found(name, "runs in an emergency", found, NONE)


def _kind(kind: bytes) -> str:
    """The contract whose kind that is."""
    return _KINDS.get(bytes(kind), hex_text(kind))


def _version(release: Any) -> str:
    return str(Version.unpack(int(release.version)))


def _found_proxy(reader: Reader, name: str, contract: Contract, release: Any) -> Iterator[Found]:
    """The proxy's own code and pointer, and the code that runs behind it."""
    authority, proxy = str(reader.suite.authority.address), str(contract.address)
    for found in found_code(reader, "ReleaseProxy", proxy, {"_AUTHORITY": authority}, "proxy: "):
        yield found._replace(contract=name)
    implementation = str(release.implementation)
    pointed = reader.storage_address(contract, _ERC1967_SLOT)
    yield Found(name, "proxy: points to", pointed, implementation)
    if int(release.version) == 0:
        yield Found(name, "release", "none of the authority's", "one of the authority's")
        return
    yield Found(name, "release", f"{_version(release)} at {implementation}")
    hashed = reader.code_hash(implementation)
    yield Found(name, "code", hex_text(hashed), hex_text(release.code_hash))
    behind = is_behind(reader.code(implementation), bytes(release.behind_hash), reader.code)
    registered = "as registered"
    yield Found(name, "code behind it", registered if behind else "another", registered)


# ----------------------------------------------------------------- roles, proposals


def found_in_access(
    reader: Reader, kind: str, contract: Contract, expected: Collection[str], known: Collection[str]
) -> Iterator[Found]:
    """Who may what in a contract, who might next, and who still sets it up.

    Args:
        reader: the ledger.
        kind: the contract's name.
        contract: the contract.
        expected: accounts each of which is a fact of its own.
        known: others that are looked at, whatever was logged.
    """
    begun, changed = "SetUpBegun", "RoleChanged"
    proposed = ("RoleProposed", *_PROPOSALS[kind])
    logged = reader.events(contract, (begun, changed, *proposed))
    whole = "from its beginning" if logged[begun] else "its beginning is missing"
    yield Found(kind, "log", whole, "from its beginning")
    # One event, however often it was proposed: an act is proposed anew under its own name.
    acts = {bytes(e.args["act"]): (name, e) for name in proposed for e in logged[name]}
    accounts = list(
        dict.fromkeys(
            (*expected, *known, *(str(event.args["account"]) for event in logged[changed]))
        )
    )
    key, count, *answers = reader.ask(
        (
            (contract, "set_up_key"),
            (contract, "administrators"),
            *((contract, "role_of", account) for account in accounts),
            *((contract, "proposal_of", act) for act in acts),
        )
    )
    yield Found(kind, "set-up key", NOBODY if is_zero(key) else str(key), NOBODY)
    yield Found(kind, "administrators", str(count))
    roles = dict(zip(accounts, (Role(int(each)) for each in answers), strict=False))
    for account in expected:
        yield Found(kind, f"role of {account}", role_text(roles[account]), NOBODY)
    others = (
        f"{account} is {role_text(role)}"
        for account, role in roles.items()
        if role and account not in expected
    )
    yield Found(kind, "other roles", listed(others), NONE)
    pending = [
        _proposal(name, event.args, proposal)
        for (name, event), proposal in zip(acts.values(), answers[len(accounts) :], strict=True)
        if not is_zero(proposal.proposer)
        and reader.block.timestamp < int(proposal.lapses_at) + _LONGER.get(name, 0)
    ]
    yield Found(kind, "pending changes", listed(pending), NONE)


def _proposal(name: str, arguments: Mapping[str, Any], proposal: Any) -> str:
    """A proposal in words: what is proposed, by whom."""
    told = ", ".join(
        f"{argument} {role_text(Role(value)) if argument == 'role' else value_text(value)}"
        for argument, value in arguments.items()
        if argument != "act"
    )
    return f"{name.removesuffix('Proposed')}: {told}, by {proposal.proposer}"
