# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Release authority: which code runs behind each address, since when, and by whose consent
@license Apache-2.0
@author Tallystick
@notice Registers releases, creates the proxies of one ledger, and moves a proxy to another release: notice, consent of
        issuer and auditor, activation by anyone after the notice, rollback within a window.
@dev The only caller that a proxy obeys. Each proxy is moved by itself: an upgrade of one instrument's token touches no
     other. A release is bound to the hash of its code (checked again at activation), of its storage
     layout and of its evidence; versions only go forward. While the contract is set up, its key may
     create proxies without notice; afterwards nobody can.
@custom:security Neither upgradeable nor replaceable; it holds no units and calls nothing but its proxies.
@custom:kill The guardian cancels a noticed activation and rolls back within the window.
"""
from contracts.governance import access
from contracts.governance import instruction

initializes: access

exports: (
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
)

_MAX_INITIALISATION: constant(uint256) = 4096
_MAX_PERIOD: constant(uint256) = 90 * 86400
# A proxy answers an upgrade with nothing.
_NO_MIGRATION: constant(bytes32) = empty(bytes32)

NOTICE: public(immutable(uint256))
ROLLBACK_WINDOW: public(immutable(uint256))
PROXY_BLUEPRINT: public(immutable(address))


struct Release:
    kind: bytes32
    # major * 2**32 + minor * 2**16 + patch
    version: uint256
    implementation: address
    code_hash: bytes32
    layout_hash: bytes32
    # Hash of what shows that it was tested and reviewed.
    evidence_hash: bytes32
    # keccak256 of the one call made through the proxy at activation; empty: none.
    migration_hash: bytes32


struct Installation:
    kind: bytes32
    release: bytes32
    previous: bytes32
    activated_at: uint256


struct Notice:
    release: bytes32
    noticed_at: uint256
    # Consent counts while its giver holds the role (INV-9).
    upgrader: address
    issuer: address
    auditor: address


release_of: public(HashMap[bytes32, Release])
installation_of: public(HashMap[address, Installation])
notice_of: public(HashMap[address, Notice])
proxy_at: public(HashMap[bytes32, address])


event ReleaseRegistered:
    release: indexed(bytes32)
    kind: indexed(bytes32)
    version: uint256
    implementation: address
    code_hash: bytes32
    layout_hash: bytes32
    evidence_hash: bytes32
    migration_hash: bytes32


event ProxyCreated:
    proxy: indexed(address)
    kind: indexed(bytes32)
    release: indexed(bytes32)
    name: bytes32


event ActivationNoticed:
    proxy: indexed(address)
    release: indexed(bytes32)
    not_before: uint256


event ActivationApproved:
    proxy: indexed(address)
    release: indexed(bytes32)
    approved_by: indexed(address)


event ActivationCancelled:
    proxy: indexed(address)
    release: indexed(bytes32)


event ReleaseActivated:
    proxy: indexed(address)
    release: indexed(bytes32)
    previous: indexed(bytes32)


event ReleaseRolledBack:
    proxy: indexed(address)
    release: indexed(bytes32)
    previous: indexed(bytes32)


@deploy
def __init__(
    set_up_key_: address, notice: uint256, rollback_window: uint256, proxy_blueprint: address
):
    """
    @notice Fix the periods of this authority and name the key that sets it up.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @param notice Seconds between notice and activation.
    @param rollback_window Seconds in which an activation can be rolled back.
    @param proxy_blueprint ERC-5202 blueprint of the proxy.
    """
    assert notice <= _MAX_PERIOD, "release: notice above 90 days"
    assert rollback_window <= _MAX_PERIOD, "release: window above 90 days"
    assert proxy_blueprint.is_contract, "release: no proxy blueprint"
    NOTICE = notice
    ROLLBACK_WINDOW = rollback_window
    PROXY_BLUEPRINT = proxy_blueprint
    access._initialize(set_up_key_)


# ------------------------------------------------------------- upgrader or set-up


@external
def register_release(release: Release, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice Register a release of a kind of contract, with the hashes it is held to.
    @param release The release.
    @param reason Four-letter reason code.
    @param document Hash of the release notes.
    @return The release's id.
    """
    access._check_role_or_set_up(access.UPGRADER)
    assert release.kind != empty(bytes32), "release: no kind"
    assert release.version != 0, "release: no version"
    assert release.code_hash != empty(bytes32), "release: no code hash"
    assert release.layout_hash != empty(bytes32), "release: no layout hash"
    assert release.evidence_hash != empty(bytes32), "release: no evidence"
    assert release.implementation.codehash == release.code_hash, "release: other code there"
    id: bytes32 = self._release_id(release.kind, release.version)
    assert self.release_of[id].version == 0, "release: registered already"
    self.release_of[id] = release
    instruction._record(release.implementation, reason, document)
    log ReleaseRegistered(
        release=id,
        kind=release.kind,
        version=release.version,
        implementation=release.implementation,
        code_hash=release.code_hash,
        layout_hash=release.layout_hash,
        evidence_hash=release.evidence_hash,
        migration_hash=release.migration_hash,
    )
    return id


@external
def create_proxy(
    release: bytes32,
    name: bytes32,
    initialisation: Bytes[_MAX_INITIALISATION],
    reason: bytes4,
    document: bytes32,
) -> address:
    """
    @notice Create a proxy on a registered release and initialise it; while the contract is set up.
    @dev The address follows from `name`: creating it twice fails.
    @param release The release's id.
    @param name What it is here, for example the hash of contract name and ISIN.
    @param initialisation The call that initialises it.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The proxy.
    """
    assert msg.sender == access.set_up_key, "release: not in set-up"
    assert self.proxy_at[name] == empty(address), "release: proxy exists"
    chosen: Release = self._sound_release(release)
    proxy: address = create_from_blueprint(
        PROXY_BLUEPRINT, chosen.implementation, initialisation, salt=name
    )
    self.proxy_at[name] = proxy
    self.installation_of[proxy] = Installation(
        kind=chosen.kind, release=release, previous=empty(bytes32), activated_at=block.timestamp
    )
    instruction._record(proxy, reason, document)
    log ProxyCreated(proxy=proxy, kind=chosen.kind, release=release, name=name)
    return proxy


@external
def give_notice(proxy: address, release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Give notice that a proxy will move to a newer release of its kind; earlier consents lapse.
    @param proxy The proxy.
    @param release The release's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.UPGRADER)
    installed: Installation = self._installed(proxy)
    chosen: Release = self._sound_release(release)
    assert chosen.kind == installed.kind, "release: of another kind"
    assert chosen.version > self.release_of[installed.release].version, "release: not newer"
    self.notice_of[proxy] = Notice(
        release=release,
        noticed_at=block.timestamp,
        upgrader=msg.sender,
        issuer=empty(address),
        auditor=empty(address),
    )
    instruction._record(proxy, reason, document)
    log ActivationNoticed(proxy=proxy, release=release, not_before=block.timestamp + NOTICE)


# ------------------------------------------------------------- issuer and auditor


@external
def approve(proxy: address, release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Consent to a noticed activation; issuer and auditor both must.
    @param proxy The proxy.
    @param release The release that is noticed, so that nobody consents to another.
    @param reason Four-letter reason code.
    @param document Hash of the review.
    """
    access._check_role(access.ISSUER | access.AUDITOR)
    assert release != empty(bytes32), "release: approve what"
    assert self.notice_of[proxy].release == release, "release: not the noticed one"
    if access.role_of[msg.sender] == access.ISSUER:
        self.notice_of[proxy].issuer = msg.sender
    else:
        self.notice_of[proxy].auditor = msg.sender
    instruction._record(proxy, reason, document)
    log ActivationApproved(proxy=proxy, release=release, approved_by=msg.sender)


# -------------------------------------------------------------------------- anyone


@external
def activate(proxy: address, release: bytes32, migration: Bytes[_MAX_INITIALISATION] = b""):
    """
    @notice Move a proxy to its noticed release, once the notice is over and both have consented.
    @param proxy The proxy.
    @param release The release that is noticed.
    @param migration The call registered with the release; empty if it has none.
    """
    noticed: Notice = self.notice_of[proxy]
    assert release != empty(bytes32), "release: activate what"
    assert noticed.release == release, "release: not noticed"
    assert block.timestamp >= noticed.noticed_at + NOTICE, "release: notice not over"
    assert (access.role_of[noticed.upgrader] == access.UPGRADER), "release: upgrader lost its role"
    assert access.role_of[noticed.issuer] == access.ISSUER, "release: issuer has not approved"
    assert access.role_of[noticed.auditor] == access.AUDITOR, "release: auditor has not approved"
    chosen: Release = self._sound_release(release)
    # A call is a selector and whole words. 32 bytes would reach the proxy as an upgrade of its own.
    assert len(migration) == 0 or len(migration) % 32 == 4, "release: migration is no call"
    if len(migration) == 0:
        assert chosen.migration_hash == _NO_MIGRATION, "release: migration missing"
    else:
        assert keccak256(migration) == chosen.migration_hash, "release: other migration"
    installed: Installation = self._installed(proxy)
    self.notice_of[proxy] = empty(Notice)
    self.installation_of[proxy] = Installation(
        kind=installed.kind,
        release=release,
        previous=installed.release,
        activated_at=block.timestamp,
    )
    log ReleaseActivated(proxy=proxy, release=release, previous=installed.release)
    self._point(proxy, chosen.implementation)
    if len(migration) != 0:
        raw_call(proxy, migration)


# ------------------------------------------------------------------------ guardian


@external
def cancel(proxy: address, reason: bytes4, document: bytes32):
    """
    @notice Cancel a noticed activation; guardian or upgrader.
    @param proxy The proxy.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.GUARDIAN | access.UPGRADER)
    release: bytes32 = self.notice_of[proxy].release
    assert release != empty(bytes32), "release: nothing to cancel"
    self.notice_of[proxy] = empty(Notice)
    instruction._record(proxy, reason, document)
    log ActivationCancelled(proxy=proxy, release=release)


@external
def roll_back(proxy: address, reason: bytes4, document: bytes32):
    """
    @notice Return a proxy to the release before, within the window after an activation; no notice.
    @dev One key suffices: the target was approved before, and can't be chosen.
    @param proxy The proxy.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.GUARDIAN)
    installed: Installation = self._installed(proxy)
    assert installed.previous != empty(bytes32), "release: nothing to roll back to"
    assert block.timestamp < installed.activated_at + ROLLBACK_WINDOW, "release: window closed"
    before: Release = self._sound_release(installed.previous)
    # What was noticed before the trouble is noticed anew.
    self.notice_of[proxy] = empty(Notice)
    self.installation_of[proxy] = Installation(
        kind=installed.kind,
        release=installed.previous,
        previous=empty(bytes32),
        activated_at=block.timestamp,
    )
    instruction._record(proxy, reason, document)
    log ReleaseRolledBack(proxy=proxy, release=installed.previous, previous=installed.release)
    self._point(proxy, before.implementation)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: no proxy is created any more, and the set-up key keeps nothing.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._hand_over(reason, document)


@external
@view
def release_id(kind: bytes32, version: uint256) -> bytes32:
    """
    @notice Id of a release.
    @param kind The kind of contract.
    @param version The packed version.
    @return Its id.
    """
    return self._release_id(kind, version)


# ------------------------------------------------------------------------ internal


@internal
@pure
def _release_id(kind: bytes32, version: uint256) -> bytes32:
    """
    @dev Hash of kind and version.
    """
    return keccak256(abi_encode(kind, version))


@internal
@view
def _installed(proxy: address) -> Installation:
    """
    @dev Installation of a proxy that this authority created.
    """
    installed: Installation = self.installation_of[proxy]
    assert installed.kind != empty(bytes32), "release: unknown proxy"
    return installed


@internal
@view
def _sound_release(release: bytes32) -> Release:
    """
    @dev A registered release whose code still is what was registered.
    """
    chosen: Release = self.release_of[release]
    assert chosen.version != 0, "release: not registered"
    assert chosen.implementation.codehash == chosen.code_hash, "release: code has changed"
    return chosen


@internal
def _point(proxy: address, implementation: address):
    """
    @dev Tell a proxy its implementation: 32 bytes of calldata, see ReleaseProxy.
    """
    raw_call(proxy, abi_encode(implementation))
