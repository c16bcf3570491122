"""What stands, compared with what was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tallystick import build
from tallystick.actions.message import EVENT_ATTESTATION, MESSAGE_ATTESTATION
from tallystick.bridge.attestation import ATTESTATION_TYPE, SignerSet
from tallystick.bridge.message import LaneId, ledger_id
from tallystick.chain import Contract, Revert
from tallystick.chain.abi import CodecError, checksum, keccak
from tallystick.deploy.signers import EngineSigners, first_signers
from tallystick.deploy.steps import (
    GENESIS,
    NO_LIMIT,
    ROLES_OF,
    blueprint_content,
    is_zero,
)
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Lane, Plan
from tallystick.governance.release import (
    Version,
    addresses_behind,
    code_hashes,
    is_behind,
    release_id,
)
from tallystick.governance.roles import Role, role_of_title
from tallystick.reach.accounts import Parties
from tallystick.reach.connection import Connection, Suite, guarded_of, proxied_of, suites_of
from tallystick.text import hex_text

__all__ = ["left_over", "verify", "verify_code", "verify_roles"]

_ERC1967_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
_NOBODY: Final = "0x" + "00" * 20
_HOUR: Final = 3600
_DAY: Final = 86_400


def verify(
    connection: Connection, plan: Plan | None = None, parties: Parties | None = None
) -> list[str]:
    """Check what a manifest describes against the build and the plan; what is wrong, in words.

    Code is compared with the build and its immutables with the plan, implementations with the
    release the authority keeps and with the manifest, roles with the manifest, each lane's periods
    and first attestors with the plan, the verifiers of all its epochs with the build; what an
    engine speaks for and whom it believes with the manifest, its attestors with the plan; the
    deployer must hold nothing anywhere (INV-9).

    Args:
        connection: a manifest whose ledgers are reached.
        plan: what was to stand; without it, periods and attestors are what the contracts themselves
            ask.
        parties: the plan's accounts, found.
    """
    manifest = connection.manifest
    wrong: list[str] = []
    lanes = (
        {
            entry.id_bytes: (lane, first_signers(lane, attestors))
            for lane, attestors in zip(plan.lanes, parties.attestors, strict=True)
            for entry in manifest.lanes
            if (entry.home, entry.remote) == (lane.home, lane.remote)
        }
        if plan is not None and parties is not None
        else {}
    )
    signers = (
        EngineSigners.of(plan.actions, parties)
        if plan is not None and plan.actions is not None and parties is not None
        else None
    )
    suites = suites_of(connection)
    for name, suite in suites.items():
        roles = _roles_of(connection, name)
        wrong += _verify_lanes(name, suite, lanes)
        wrong += _verify_engine(name, suites, manifest, signers)
        wrong += verify_code(name, suite, plan)
        wrong += verify_roles(name, suite, roles, is_home=name == manifest.instrument.home)
        wrong += _left_with(name, suite, roles.get("deployer"))
        for kind, contract in proxied_of(suite).items():
            meant = manifest.ledger(name).contracts[kind].implementation
            installed = suite.authority.installation_of(contract.address).release
            runs = str(suite.authority.release_of(installed).implementation)
            if runs != meant:
                where = f"{name}: {kind} {contract.address}"
                wrong.append(f"{where}: runs {runs}, the manifest says {meant}")
    return wrong


def _verify_lanes(
    name: str, suite: Suite, lanes: Mapping[LaneId, tuple[Lane, SignerSet]]
) -> Iterator[str]:
    """Compare a ledger's lanes with plan and manifest, and whom they trust, epoch by epoch."""
    for key, first in suite.verifiers.items():
        where = f"{name}: lane {hex_text(key)}"
        state = suite.escrow.lane_state(key)
        planned = None
        if key in lanes:
            lane, planned = lanes[key]
            (verifier,) = lane.verifiers
            for period, due in (
                ("rotation_delay", verifier.rotation_seconds),
                ("retention", verifier.retention_seconds),
            ):
                found = int(getattr(state.terms, period))
                if found != due:
                    yield f"{where}: {period} is {found}, {due} expected"
        for number in range(1, int(state.epoch) + 1):
            trusted = str(suite.escrow.epoch_at(key, number).verifier)
            if number == 1 and trusted != first.address:
                yield f"{where}: its first verifier is {trusted}, {first.address} expected"
            contract = suite.chain.at("QuorumVerifier", trusted)
            yield from _wrong_verifier(name, contract, planned if number == 1 else None)


def _verify_engine(
    name: str, suites: Mapping[str, Suite], manifest: Manifest, planned: EngineSigners | None
) -> Iterator[str]:
    """Compare what a ledger's engine speaks for and whom it believes; every peer is looked at."""
    suite, actions, home = suites[name], manifest.actions, manifest.instrument.home
    engine, is_home = suite.engine, name == home
    if engine is None or actions is None:
        return
    where = f"{name}: ActionsEngine {engine.address}"
    # The engine of each ledger that it hears: home every other one, those home.
    heard = {
        ledger_id(manifest.ledger(other).caip2): (
            manifest.ledger(other).chain_id,
            manifest.ledger(other).contracts["ActionsEngine"].address,
            actions.messages.get(name, ""),
        )
        for other in suites
        if (other == home) != is_home
    }
    due = {
        "token": str(suite.token.address),
        "escrow": str(suite.escrow.address),
        "instrument": keccak(manifest.instrument.isin.encode()),
        "is_home": is_home,
        "attestors": actions.events if is_home else _NOBODY,
        "home_ledger": bytes(32) if is_home else next(iter(heard)),
    }
    for view, expected in due.items():
        found = getattr(engine, view)()
        if found != expected:
            yield f"{where}: {view} is {_shown(found)}, {_shown(expected)} expected"
    words = ("events alone", "each day")
    asked, due_daily = engine.daily_since() != 0, actions.reconcile == "daily"
    if asked != due_daily:
        yield f"{where}: asks for the closes of {words[asked]}, {words[due_daily]} expected"
    topic = engine.interface.events_by_name["PeerSet"][0].topic
    named = [
        bytes(suite.chain.decode_log(log).args["ledger"])
        for log in suite.chain.raw_logs(engine, topics=[topic])
    ]
    for ledger in dict.fromkeys((*heard, *named)):
        believed, peer = tuple(engine.peer_of(ledger)), heard.get(ledger, (0, _NOBODY, _NOBODY))
        if believed != peer:
            is_, should = (" ".join(map(str, each)) for each in (believed, peer))
            yield f"{where}: peer {hex_text(ledger)} is {is_}, {should} expected"
    for address, attests, signers in (
        (actions.events if is_home else None, EVENT_ATTESTATION, planned and planned.events),
        (actions.messages.get(name), MESSAGE_ATTESTATION, planned and planned.messages),
    ):
        if address is not None:
            verifier = suite.chain.at("QuorumVerifier", address)
            yield from _wrong_verifier(name, verifier, signers, attests)


def _shown(value: object) -> str:
    return hex_text(value) if isinstance(value, bytes) else str(value)


def _wrong_verifier(
    name: str, verifier: Contract, planned: SignerSet | None, attests: str = ATTESTATION_TYPE
) -> Iterator[str]:
    """What is wrong with a verifier: its code is the build's, its immutables a sound set's."""
    where = f"{name}: QuorumVerifier {verifier.address}"
    runtime = build.artifact("QuorumVerifier").bytecode_runtime
    code = verifier.chain.code(verifier.address)
    if not build.artifact("QuorumVerifier").is_code(code):
        yield f"{where}: code differs from the build"
        return
    try:
        kept = verifier.signer_set()
        signers = SignerSet.of(1, int(kept.threshold), map(str, kept.signers), attests)
    except (CodecError, Revert, ValueError):
        signers = None
    # The constructor takes no other; code may come from elsewhere.
    if signers is None or code[len(runtime) :] != signers.verifier_immutables:
        yield f"{where}: signers or type are none that its constructor takes"
    elif planned is not None and signers != planned:
        yield f"{where}: first attestors are not the plan's"


def verify_code(name: str, suite: Suite, plan: Plan | None = None) -> list[str]:
    """Compare a ledger's code with the build and its releases; returns what is wrong.

    The same runtime code with another immutable is another contract: a proxy that obeys somebody
    else, an authority without notice. Hence every immutable is compared, read from the code itself.

    Args:
        name: the ledger, for the messages.
        suite: its contracts.
        plan: says the authority's periods; without it they are what the contract itself asks.
    """
    wrong: list[str] = []
    authority = suite.authority
    wrong += _wrong_code(name, "ReleaseAuthority", authority, _authority_terms(plan))
    wrong += _wrong_blueprint(name, authority)
    bound = {"_ESCROW": _exactly(suite.escrow.address), "_TOKEN": _exactly(suite.token.address)}
    for custody in suite.custodies.values():
        wrong += _wrong_code(name, "LaneCustody", custody, bound)
    wrong += _wrong_custody_code(name, authority)
    for kind, contract in proxied_of(suite).items():
        where = f"{name}: {kind} {contract.address}"
        release = suite.authority.release_of(
            suite.authority.installation_of(contract.address).release
        )
        code = suite.chain.code(release.implementation)
        if int(release.version) == 0:
            wrong.append(f"{where}: not installed by the authority")
            continue
        if keccak(code) != bytes(release.code_hash):
            wrong.append(f"{where}: implementation differs from its release")
        elif not is_behind(code, bytes(release.behind_hash), suite.chain.code):
            wrong.append(f"{where}: code behind it differs from its release")
        # Later releases are other builds; what they must be, their registered hash says.
        version = Version.unpack(int(release.version))
        if version == GENESIS and not build.artifact(kind).is_code(code):
            wrong.append(f"{where}: code of {version} differs from the build")
        wrong += _wrong_beginning(where, kind, authority, contract)
        obeys = {"_AUTHORITY": _exactly(authority.address)}
        wrong += _wrong_code(name, "ReleaseProxy", contract, obeys)
        pointed_at = suite.chain.storage(contract.address, _ERC1967_SLOT)
        if int.from_bytes(pointed_at, "big") != int(str(release.implementation), 16):
            wrong.append(f"{where}: points to 0x{pointed_at[12:].hex()}, not to its release")
    return wrong


def _wrong_code(
    name: str, kind: str, contract: Contract, due: Mapping[str, range | None]
) -> Iterator[str]:
    """What is wrong with deployed code: it is the build's, then immutables, each within its due."""
    where = f"{name}: {kind} {contract.address}"
    artifact = build.artifact(kind)
    code = contract.chain.code(contract.address)
    runtime, words = artifact.bytecode_runtime, artifact.immutables_length
    if code[: len(runtime)] != runtime or len(code) != len(runtime) + words:
        yield f"{where}: code differs from the build"
        return
    layout = artifact.layout.get("code_layout", {})
    for immutable, entry in layout.items():
        at = len(runtime) + int(entry["offset"])
        value = int.from_bytes(code[at : at + 32], "big")
        allowed = due[immutable]
        if allowed is None or value in allowed:
            continue
        shown: Callable[[int], str] = str if entry["type"] == "uint256" else _word
        ends = dict.fromkeys((shown(allowed[0]), shown(allowed[-1])))
        yield f"{where}: {immutable} is {shown(value)}, {' to '.join(ends)} expected"


def _wrong_blueprint(name: str, authority: Contract) -> Iterator[str]:
    """What is wrong with the code from which the authority creates proxies."""
    code = authority.chain.code(authority.PROXY_BLUEPRINT())
    if code != blueprint_content():
        yield f"{name}: ReleaseAuthority {authority.address}: its proxies are of another build"


def _wrong_beginning(
    where: str, kind: str, authority: Contract, contract: Contract
) -> Iterator[str]:
    """What is wrong with the release that a proxy was created on: the first one, of this build."""
    first = release_id(kind, GENESIS)
    topic = authority.interface.events_by_name["ProxyCreated"][0].topic
    proxy = bytes.fromhex(str(contract.address)[2:]).rjust(32, b"\0")
    for log in authority.chain.raw_logs(authority, topics=[topic, proxy]):
        if bytes(authority.chain.decode_log(log).args["release"]) != first:
            yield f"{where}: was not created on {GENESIS}"
    release, artifact = authority.release_of(first), build.artifact(kind)
    behind = addresses_behind(artifact, release.implementation, contract.chain.code)
    due = code_hashes(artifact, behind)
    if (bytes(release.code_hash), bytes(release.behind_hash)) != (due.code, due.behind):
        yield f"{where}: {GENESIS} is registered with other code than the build's"


def _wrong_custody_code(name: str, authority: Contract) -> Iterator[str]:
    """What code besides the build's may hold units in custody."""
    topic = authority.interface.events_by_name["CustodyCodeRegistered"][0].topic
    ours = build.artifact("LaneCustody").code_hash
    for log in authority.chain.raw_logs(authority, topics=[topic]):
        registered = bytes(authority.chain.decode_log(log).args["code_hash"])
        if registered != ours and authority.custody_code(registered):
            yield (
                f"{name}: ReleaseAuthority {authority.address}: takes custodies of other code, "
                f"{hex_text(registered)}"
            )


def _exactly(value: object) -> range:
    number = value if isinstance(value, int) else int(str(value), 16)
    return range(number, number + 1)


def _authority_terms(plan: Plan | None) -> dict[str, range | None]:
    """What the authority's immutables may be."""
    # Where the blueprint is tells nothing; its code does.
    elsewhere: dict[str, range | None] = {"PROXY_BLUEPRINT": None}
    if plan is None:
        return elsewhere | {
            "NOTICE": range(_HOUR, 90 * _DAY + 1),
            "ACTIVATION_WINDOW": range(1, 365 * _DAY + 1),
            "ROLLBACK_WINDOW": range(_HOUR, 90 * _DAY + 1),
        }
    return elsewhere | {
        "NOTICE": _exactly(plan.upgrade.notice_seconds),
        "ACTIVATION_WINDOW": _exactly(plan.upgrade.activation_seconds),
        "ROLLBACK_WINDOW": _exactly(plan.upgrade.rollback_seconds),
    }


def _word(value: int) -> str:
    return str(checksum(value.to_bytes(20, "big"))) if value < 2**160 else hex(value)


def verify_roles(name: str, suite: Suite, roles: Mapping[str, str], *, is_home: bool) -> list[str]:
    """Compare who holds which role with who should; every account that ever had one is looked at.

    Args:
        name: the ledger, for the messages.
        suite: its contracts.
        roles: account of each role, as the manifest names them.
        is_home: whether it is the instrument's home ledger.
    """
    wrong: list[str] = []
    for kind, contract in guarded_of(suite):
        expected = {
            account: role
            for title, account in roles.items()
            if (role := role_of_title(title)) in (Role.ADMINISTRATOR, *ROLES_OF[kind])
        }
        if kind == "SecurityToken" and suite.engine is not None:
            expected[str(suite.engine.address)] = Role.ACTIONS
        topic = contract.interface.events_by_name["RoleChanged"][0].topic
        named = [
            str(suite.chain.decode_log(log).args["account"])
            for log in suite.chain.raw_logs(contract, topics=[topic])
        ]
        for account in dict.fromkeys((*expected, *named)):
            held, due = Role(int(contract.role_of(account))), expected.get(account, Role.NONE)
            if held != due:
                wrong.append(
                    f"{name}: {kind} {contract.address}: {account} is {_title(held)}, "
                    f"{_title(due)} expected"
                )
        if kind == "SecurityToken":
            wrong += _verify_bridges(name, contract, suite, is_home=is_home)
    return wrong


def _verify_bridges(name: str, token: Contract, suite: Suite, *, is_home: bool) -> list[str]:
    """Compare who may issue and take off units of a token; everybody who ever might is looked at.

    On a remote ledger the escrow issues to holders, a custody to itself; nobody at home. A set-up
    lets no other bridge in.
    """
    ours: set[str] = set()
    if suite.custodies and not is_home:
        ours = {str(c.address) for c in (suite.escrow, *suite.custodies.values())}
    topic = token.interface.events_by_name["BridgeLimitsSet"][0].topic
    named = [
        str(suite.chain.decode_log(log).args["bridge"])
        for log in suite.chain.raw_logs(token, topics=[topic])
    ]
    wrong: list[str] = []
    for account in dict.fromkeys((*sorted(ours), *named)):
        limits = (int(token.mintingMaxLimitOf(account)), int(token.burningMaxLimitOf(account)))
        if limits != ((NO_LIMIT, NO_LIMIT) if account in ours else (0, 0)):
            wrong.append(
                f"{name}: SecurityToken {token.address}: {account} is "
                f"{'a bridge' if any(limits) else 'no bridge'}, "
                f"{'a bridge of ours' if account in ours else 'none'} expected"
            )
    return wrong


def left_over(connection: Connection) -> list[str]:
    """Return what the deployer can still do anywhere: set-up keys and roles (INV-9)."""
    return [
        line
        for name, suite in suites_of(connection).items()
        for line in _left_with(name, suite, _roles_of(connection, name).get("deployer"))
    ]


def _left_with(name: str, suite: Suite, deployer: str | None) -> list[str]:
    left: list[str] = []
    for kind, contract in guarded_of(suite):
        where = f"{name}: {kind} {contract.address}"
        if not is_zero(contract.set_up_key()):
            left.append(f"{where}: not handed over")
        if deployer is not None and int(contract.role_of(deployer)) != 0:
            left.append(f"{where}: the deployer holds a role")
    return left


def _title(role: Role) -> str:
    return str(role.name).lower() if role else "nobody"


def _roles_of(connection: Connection, ledger: str) -> dict[str, str]:
    """Account of each role on a ledger, as the manifest names them."""
    return {
        title: entry.address for title, entry in connection.manifest.roles.get(ledger, {}).items()
    }
