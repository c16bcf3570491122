"""Upgrades: a proxy moves to another release, one function a step and `upgrade` for all of them.

Who acts in which step is the authority's rule, not ours: the upgrader registers and gives notice,
issuer and auditor consent, anybody activates once the notice is over and before it lapses, the
guardian rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick import build
from tallystick.chain import Contract, Receipt
from tallystick.chain.abi import keccak
from tallystick.errors import CheckFailed
from tallystick.governance.layout import layout_conflicts
from tallystick.governance.release import Version, release_id, release_kind, release_terms
from tallystick.governance.roles import reason_code
from tallystick.local.network import COURIER, Network
from tallystick.reach.connection import Suite

__all__ = [
    "Upgraded",
    "activate",
    "approve",
    "await_notice",
    "deploy_implementation",
    "give_notice",
    "installed_artifact",
    "proxy_of",
    "register_release",
    "roll_back",
    "upgrade",
]

REASON: Final = "UPGR"
ROLL_BACK: Final = "ROLB"
DOCUMENT: Final = keccak(b"release notes")
_APPROVERS: Final = ("issuer", "auditor")
_PROXIES: Final[Mapping[str, Callable[[Suite], Contract]]] = {
    "InstrumentRegistry": lambda suite: suite.registry,
    "SecurityToken": lambda suite: suite.token,
    "BridgeEscrow": lambda suite: suite.escrow,
}


@dataclass(frozen=True)
class Upgraded:
    """A finished upgrade.

    Attributes:
        release: the release's id.
        implementation: where its code is.
        contract: the proxy, with the new release's ABI.
        activation: receipt of the activation.
    """

    release: bytes
    implementation: str
    contract: Contract
    activation: Receipt


def proxy_of(network: Network, ledger: str, contract_name: str) -> Contract:
    """Return the proxy of a contract on a ledger.

    Raises:
        CheckFailed: the contract has no proxy, so that no release can replace it.
    """
    found = _PROXIES.get(contract_name)
    if found is None:
        raise CheckFailed(
            f"{contract_name} can't be upgraded: expected one of {', '.join(sorted(_PROXIES))}"
        )
    return found(network.suite(ledger))


def deploy_implementation(network: Network, ledger: str, artifact_name: str) -> str:
    """Put a release's code on a ledger; returns its address. Anybody could: code has no power."""
    suite = network.suite(ledger)
    deployed = suite.chain.deploy(artifact_name, sender=network.party(ledger, "upgrader"))
    return str(deployed.address)


def register_release(
    network: Network,
    ledger: str,
    contract_name: str,
    artifact_name: str,
    version: Version,
    implementation: str,
    *,
    migration: bytes = b"",
    evidence: bytes | None = None,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the upgrader register a release, held to the hashes of this build."""
    artifact = build.artifact(artifact_name)
    return _receipt(
        network.suite(ledger).authority.register_release(
            (
                release_kind(contract_name),
                version.packed,
                implementation,
                artifact.code_hash,
                artifact.layout_hash,
                document if evidence is None else evidence,
                keccak(migration) if migration else bytes(32),
            ),
            reason_code(reason),
            document,
            sender=network.party(ledger, "upgrader"),
        )
    )


def give_notice(
    network: Network,
    ledger: str,
    contract_name: str,
    version: Version,
    *,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the upgrader give notice that a contract moves to a registered release."""
    return _receipt(
        network.suite(ledger).authority.give_notice(
            proxy_of(network, ledger, contract_name),
            release_id(contract_name, version),
            reason_code(reason),
            document,
            sender=network.party(ledger, "upgrader"),
        )
    )


def approve(
    network: Network,
    ledger: str,
    contract_name: str,
    version: Version,
    role: str,
    *,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the issuer or the auditor consent to a noticed release, exactly as it is registered."""
    authority = network.suite(ledger).authority
    return _receipt(
        authority.approve(
            proxy_of(network, ledger, contract_name),
            release_terms(authority.release_of(release_id(contract_name, version))),
            reason_code(reason),
            document,
            sender=network.party(ledger, role),
        )
    )


def await_notice(network: Network, ledger: str, contract_name: str) -> int:
    """Move a local ledger's clock to the end of the notice; returns by how many seconds.

    Raises:
        Unsupported: the notice is not over, and time passes by itself on this ledger.
    """
    suite = network.suite(ledger)
    notice = suite.authority.notice_of(proxy_of(network, ledger, contract_name))
    missing = int(notice.noticed_at) + int(suite.authority.NOTICE()) - suite.chain.now
    if missing > 0:
        suite.chain.advance(missing)
    return max(missing, 0)


def activate(
    network: Network,
    ledger: str,
    contract_name: str,
    version: Version,
    *,
    migration: bytes = b"",
) -> Receipt:
    """Activate a noticed release: anybody may, here a courier does."""
    suite = network.suite(ledger)
    return _receipt(
        suite.authority.activate(
            proxy_of(network, ledger, contract_name),
            release_id(contract_name, version),
            migration,
            sender=suite.chain.account(COURIER),
        )
    )


def upgrade(
    network: Network,
    ledger: str,
    contract_name: str,
    artifact_name: str,
    version: Version | str,
    migration: bytes = b"",
    *,
    reason: str = REASON,
    document: bytes = DOCUMENT,
    evidence: bytes | None = None,
    previous: build.Artifact | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Upgraded:
    """Carry out an upgrade from first to last step, with all parties' keys at hand.

    Args:
        network: the suite and its parties.
        ledger: name of the ledger.
        contract_name: what is upgraded, e.g. `SecurityToken`.
        artifact_name: the build of the new release.
        version: its version.
        migration: call made through the proxy at activation; empty for none.
        reason: reason code of every act.
        document: hash of the release notes.
        evidence: hash of what shows that the release was tested; the document unless given.
        previous: build of the installed release, found by its code hash unless given.
        progress: called with each step in words, after it was done.

    Raises:
        CheckFailed: the new storage layout contradicts the installed one.
        Revert: the authority refused a step.
    """
    version = Version.parse(version) if isinstance(version, str) else version
    before = previous or installed_artifact(network, ledger, contract_name)
    conflicts = layout_conflicts(before, build.artifact(artifact_name))
    if conflicts:
        raise CheckFailed(
            f"{artifact_name} does not keep the storage of {before.name}: {conflicts[0]}"
        )
    progress(f"storage layout of {artifact_name} keeps that of {before.name}")
    implementation = deploy_implementation(network, ledger, artifact_name)
    progress(f"{contract_name} {version}: code at {implementation}")
    register_release(
        network,
        ledger,
        contract_name,
        artifact_name,
        version,
        implementation,
        migration=migration,
        evidence=evidence,
        reason=reason,
        document=document,
    )
    progress(f"{contract_name} {version}: registered by the upgrader")
    give_notice(network, ledger, contract_name, version, reason=reason, document=document)
    progress(f"{contract_name} {version}: notice given")
    for role in _APPROVERS:
        approve(network, ledger, contract_name, version, role, reason=reason, document=document)
        progress(f"{contract_name} {version}: approved by the {role}")
    waited = await_notice(network, ledger, contract_name)
    progress(f"{contract_name} {version}: notice over after {waited} s")
    receipt = activate(network, ledger, contract_name, version, migration=migration)
    progress(f"{contract_name} {version}: active")
    proxy = proxy_of(network, ledger, contract_name)
    return Upgraded(
        release=release_id(contract_name, version),
        implementation=implementation,
        contract=proxy.chain.at(artifact_name, proxy),
        activation=receipt,
    )


def roll_back(
    network: Network,
    ledger: str,
    contract_name: str,
    *,
    reason: str = ROLL_BACK,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the guardian return a contract to the release before, within the window."""
    return _receipt(
        network.suite(ledger).authority.roll_back(
            proxy_of(network, ledger, contract_name),
            reason_code(reason),
            document,
            sender=network.party(ledger, "guardian"),
        )
    )


def installed_artifact(network: Network, ledger: str, contract_name: str) -> build.Artifact:
    """Return the build of the release that runs behind a proxy, found by its code hash.

    Raises:
        CheckFailed: this checkout does not build it.
    """
    authority = network.suite(ledger).authority
    installed = authority.installation_of(proxy_of(network, ledger, contract_name))
    release = authority.release_of(installed.release)
    artifacts = build.artifacts()
    for name in sorted(artifacts):
        if name.startswith(contract_name) and artifacts[name].code_hash == release.code_hash:
            return artifacts[name]
    version = Version.unpack(release.version)
    raise CheckFailed(
        f"{ledger}: nothing built here has the code of {contract_name} {version}, which runs "
        "there; give its build, so that the storage layouts can be compared"
    )


def _receipt(value: Any) -> Receipt:
    assert isinstance(value, Receipt)
    return value
