"""Upgrades: a proxy moves to another release, one function a step and `upgrade` for all of them.

Who acts in which step is the authority's rule, not ours: the upgrader registers and gives notice,
issuer, operator and auditor consent, anybody activates once the notice is over and before it
lapses, the guardian rolls back: alone for a registered reason, for another after the upgrader
proposed it. Each step takes the contracts of one ledger and who signs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick import build
from tallystick.chain import Account, Chain, Contract, Receipt
from tallystick.chain.abi import keccak
from tallystick.errors import CheckFailed
from tallystick.governance.layout import conflicts
from tallystick.governance.pieces import check_pieces
from tallystick.governance.release import (
    APPROVERS,
    Version,
    addresses_behind,
    code_hashes,
    release_id,
    release_kind,
    release_terms,
)
from tallystick.governance.roles import ALONE, reason_code
from tallystick.reach.connection import Suite, proxied_of

__all__ = [
    "Upgraded",
    "activate",
    "approve",
    "await_notice",
    "check_next",
    "deploy_implementation",
    "give_notice",
    "installed_artifact",
    "proxy_of",
    "register_release",
    "roll_back",
    "upgrade",
]

REASON: Final = "UPGR"
DOCUMENT: Final = keccak(b"release notes")


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


def proxy_of(suite: Suite, contract_name: str) -> Contract:
    """Return the proxy of a contract on a ledger.

    Raises:
        CheckFailed: the contract has no proxy, so that no release can replace it.
    """
    proxies = proxied_of(suite)
    if contract_name not in proxies:
        raise CheckFailed(
            f"{contract_name} can't be upgraded: expected one of {', '.join(sorted(proxies))}"
        )
    return proxies[contract_name]


def check_next(
    before: build.Artifact, after: build.Artifact, renames: Mapping[str, str] | None = None
) -> None:
    """Refuse a release that can't follow another.

    Args:
        before: the release whose storage there is.
        after: the release that shall run on it.
        renames: what it calls otherwise, as `governance.layout.compare` takes it.

    Raises:
        CheckFailed: its storage layout contradicts the other's, its pieces don't fit or lack a
            function.
    """
    found = conflicts(before.layout, after.layout, renames)
    if found:
        raise CheckFailed(f"{after.name} does not keep the storage of {before.name}: {found[0]}")
    check_pieces(after, before)


def deploy_implementation(
    chain: Chain, release: build.Artifact | str, *, sender: Account
) -> Contract:
    """Put a release's code on a ledger, all pieces of it; returns what a proxy points to.

    Anybody could: code has no power.

    Args:
        chain: the ledger.
        release: the build of the release, or its name.
        sender: who pays.

    Raises:
        CheckFailed: the pieces don't fit.
    """
    artifact = build.artifact(release) if isinstance(release, str) else release
    check_pieces(artifact)
    behind: list[Contract] = []
    # From the last, as each names the address of the next.
    for piece in reversed(artifact.behind):
        behind = [chain.deploy(piece, *behind, sender=sender)]
    return chain.deploy(artifact, *behind, sender=sender)


def register_release(
    suite: Suite,
    contract_name: str,
    artifact_name: str,
    version: Version,
    implementation: str,
    *,
    sender: Account,
    migration: bytes = b"",
    evidence: bytes | None = None,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the upgrader register a release, held to the hashes of this build.

    Raises:
        CheckFailed: its pieces don't fit.
    """
    artifact = build.artifact(artifact_name)
    behind = addresses_behind(artifact, implementation, suite.chain.code)
    return Receipt.of(
        suite.authority.register_release(
            (
                release_kind(contract_name),
                version.packed,
                implementation,
                *code_hashes(artifact, behind),
                document if evidence is None else evidence,
                keccak(migration) if migration else bytes(32),
            ),
            reason_code(reason),
            document,
            sender=sender,
        )
    )


def give_notice(
    suite: Suite,
    contract_name: str,
    version: Version,
    *,
    sender: Account,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let the upgrader give notice that a contract moves to a registered release."""
    return Receipt.of(
        suite.authority.give_notice(
            proxy_of(suite, contract_name),
            release_id(contract_name, version),
            reason_code(reason),
            document,
            sender=sender,
        )
    )


def approve(
    suite: Suite,
    contract_name: str,
    version: Version,
    *,
    sender: Account,
    reason: str = REASON,
    document: bytes = DOCUMENT,
) -> Receipt:
    """Let one of `APPROVERS` consent to a noticed release, exactly as it is registered."""
    authority = suite.authority
    return Receipt.of(
        authority.approve(
            proxy_of(suite, contract_name),
            release_terms(authority.release_of(release_id(contract_name, version))),
            reason_code(reason),
            document,
            sender=sender,
        )
    )


def await_notice(suite: Suite, contract_name: str) -> int:
    """Move a local ledger's clock to the end of the notice; returns by how many seconds.

    Raises:
        CheckFailed: the notice is not over, and time passes by itself on this ledger.
    """
    notice = suite.authority.notice_of(proxy_of(suite, contract_name))
    missing = int(notice.noticed_at) + int(suite.authority.NOTICE()) - suite.chain.now
    if missing > 0:
        if not suite.chain.controlled:
            raise CheckFailed(
                f"{suite.chain.name}: the notice for {contract_name} is over in {missing} s: "
                "activate then"
            )
        suite.chain.advance(missing)
    return max(missing, 0)


def activate(
    suite: Suite,
    contract_name: str,
    version: Version,
    *,
    sender: Account,
    migration: bytes = b"",
) -> Receipt:
    """Activate a noticed release; anybody may."""
    return Receipt.of(
        suite.authority.activate(
            proxy_of(suite, contract_name),
            release_id(contract_name, version),
            migration,
            sender=sender,
        )
    )


def upgrade(
    suite: Suite,
    signers: Mapping[str, Account],
    contract_name: str,
    artifact_name: str,
    version: Version | str,
    migration: bytes = b"",
    *,
    reason: str = REASON,
    document: bytes = DOCUMENT,
    evidence: bytes | None = None,
    previous: build.Artifact | None = None,
    renames: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Upgraded:
    """Carry out an upgrade from first to last step, with the keys of all who sign at hand.

    Args:
        suite: the contracts of the ledger.
        signers: the accounts of upgrader, issuer, operator and auditor by role; the courier's, if
            there is one, activates.
        contract_name: what is upgraded, e.g. `SecurityToken`.
        artifact_name: the build of the new release.
        version: its version.
        migration: call made through the proxy at activation; empty for none.
        reason: reason code of every act.
        document: hash of the release notes.
        evidence: hash of what shows that the release was tested; the document unless given.
        previous: build of the installed release, found by its code hash unless given.
        renames: what the new release calls otherwise in storage; see `check_next`.
        progress: called with each step in words, after it was done.

    Raises:
        CheckFailed: a signer is missing, the new storage layout contradicts the installed one, its
            pieces don't fit or lack a function, or this ledger's clock can't be moved over the
            notice.
        Revert: the authority refused a step.
    """
    version = Version.parse(version) if isinstance(version, str) else version
    missing = [role for role in ("upgrader", *APPROVERS) if role not in signers]
    if missing:
        raise CheckFailed(f"{suite.chain.name}: nobody signs as {', '.join(missing)}")
    upgrader = signers["upgrader"]
    before = previous or installed_artifact(suite, contract_name)
    check_next(before, build.artifact(artifact_name), renames)
    progress(f"storage layout of {artifact_name} keeps that of {before.name}")
    code = deploy_implementation(suite.chain, artifact_name, sender=upgrader)
    implementation = str(code.address)
    progress(f"{contract_name} {version}: code at {implementation}")
    register_release(
        suite,
        contract_name,
        artifact_name,
        version,
        implementation,
        sender=upgrader,
        migration=migration,
        evidence=evidence,
        reason=reason,
        document=document,
    )
    progress(f"{contract_name} {version}: registered by the upgrader")
    give_notice(suite, contract_name, version, sender=upgrader, reason=reason, document=document)
    progress(f"{contract_name} {version}: notice given")
    for role in APPROVERS:
        sender = signers[role]
        approve(suite, contract_name, version, sender=sender, reason=reason, document=document)
        progress(f"{contract_name} {version}: approved by the {role}")
    waited = await_notice(suite, contract_name)
    progress(f"{contract_name} {version}: notice over after {waited} s")
    activator = signers.get("courier", upgrader)
    receipt = activate(suite, contract_name, version, sender=activator, migration=migration)
    progress(f"{contract_name} {version}: active")
    return Upgraded(
        release=release_id(contract_name, version),
        implementation=implementation,
        contract=suite.chain.at(artifact_name, proxy_of(suite, contract_name)),
        activation=receipt,
    )


def roll_back(
    suite: Suite,
    contract_name: str,
    *,
    sender: Account,
    reason: str = ALONE,
    document: bytes = DOCUMENT,
    strand: bool = False,
) -> Receipt:
    """Let the guardian return a contract to the release before, within the window.

    Alone for a registered reason, as the default is; for another, or to `strand` what the release
    names, the upgrader proposed it.
    """
    return Receipt.of(
        suite.authority.roll_back(
            proxy_of(suite, contract_name), strand, reason_code(reason), document, sender=sender
        )
    )


def installed_artifact(
    suite: Suite, contract_name: str, others: Iterable[build.Artifact] = ()
) -> build.Artifact:
    """Return the build of the release that runs behind a proxy, found by its code hash.

    Args:
        suite: the contracts of the ledger.
        contract_name: the contract.
        others: builds that are looked at before this checkout's, such as an archive's.

    Raises:
        CheckFailed: none of them is it.
    """
    authority = suite.authority
    installed = authority.installation_of(proxy_of(suite, contract_name))
    release = authority.release_of(installed.release)
    code = suite.chain.code(release.implementation)
    ours = (build.artifact(name) for name in build.names() if name.startswith(contract_name))
    for found in (*others, *ours):
        if not found.is_code(code):
            continue
        behind = addresses_behind(found, release.implementation, suite.chain.code)
        if code_hashes(found, behind).behind == bytes(release.behind_hash):
            return found
    version = Version.unpack(release.version)
    raise CheckFailed(
        f"{suite.chain.name}: nothing built here has the code of {contract_name} {version}, which "
        "runs there; give its build or its archive, so that the storage layouts can be compared"
    )
