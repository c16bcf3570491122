# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Release authority: which code runs behind each address, since when, and by whose consent
@license Apache-2.0
@author Tallystick
@notice Registers releases, creates the proxies of one ledger, and moves a proxy to another release: notice, consent of
        issuer, operator and auditor, activation by anyone after the notice and before it lapses, rollback within a
        window by two roles, or by the guardian for a registered reason. In an emergency the guardian shortens the
        notice, for what is then ratified or undone.
        Knows which code may hold units in custody.
@dev The only caller that a proxy obeys, and of one build only: the blueprint's hash is a constant here. Each proxy is
     moved by itself: an upgrade of one instrument's token touches no other. A release is bound to the hash of its
     code and of the code behind it, if it is in several pieces (all checked again at activation), of its
     storage layout and of its evidence; notice and consents are bound to all of that, not to its number. Versions
     only go forward. Proxies are created without notice: by the set-up key, afterwards by the upgrader for contracts of
     a new instrument, on a release that was activated or ran since the set-up; a name that has its proxy never gets
     another.
@custom:security Neither upgradeable nor replaceable; it holds no units and calls nothing but its proxies, and reads
        what they say a rollback would strand, and the pieces that implementations name (`_GETTERS`).
@custom:kill The guardian cancels a noticed activation and rolls back within the window.
"""
from contracts.governance import access
from contracts.governance import code
from contracts.governance import emergency
from contracts.governance import instruction

initializes: access
initializes: emergency[access := access]

exports: (
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    emergency.propose_ratification,
    emergency.ratify,
    emergency.emergency_of,
    emergency.on_trial,
)

_MAX_INITIALISATION: constant(uint256) = 4096
# Less than an hour is no notice: nobody could object, and nobody could roll back.
_MIN_PERIOD: constant(uint256) = 3600
_MAX_PERIOD: constant(uint256) = 90 * 86400
_MAX_ACTIVATION_WINDOW: constant(uint256) = 365 * 86400
# Major, minor and patch in 16 bits each; what lies above would end all upgrades.
_VERSION_LIMIT: constant(uint256) = 2**48
# keccak256 of 0xfe7100 (ERC-5202) and the creation code of ReleaseProxy. A constructor of another kind leaves the
# same runtime code with another authority in it, so that only the creation code tells whom a proxy obeys.
_PROXY_BLUEPRINT_HASH: constant(bytes32) = (
    0x53ff37149e18c8608c09eda838219d897ab03e41dd317eb208453394297f9be6
)
# keccak256(abi_encode("BridgeEscrow", "")): under which name this ledger's escrow was created.
_ESCROW_NAME: constant(bytes32) = (
    0x5d3546fd6b4f404dd8e116127ad1e0e95793c9a8f2f5ed46f42d10684b6399d4
)
# Two immutables at the end of a custody's code: its escrow and its token.
_CUSTODY_IMMUTABLES: constant(uint256) = 64
_MAX_CUSTODY_WORDS: constant(uint256) = 160
# The first reason for which the guardian rolls back alone: "FALT", the release does what its notes don't say.
_FAULT: constant(bytes4) = 0x46414c54
# Names of what a rollback would strand; what is longer is cut.
_MAX_NAMES: constant(uint256) = 160
# An answer's offset and length come first.
_NAMES_AT: constant(uint256) = 64
# More than any list of names takes; a release that is at fault must not use up what a rollback needs.
_GAS_TO_NAME: constant(uint256) = 500_000
# What each piece of an implementation calls the next.
_GETTERS: constant(bytes4[5]) = [
    method_id("CONTROLS()", output_type=bytes4),
    method_id("SETTINGS()", output_type=bytes4),
    method_id("RECORDS()", output_type=bytes4),
    method_id("RATIOS()", output_type=bytes4),
    method_id("FRACTIONS()", output_type=bytes4),
]
# A proxy answers an upgrade with nothing.
_NO_MIGRATION: constant(bytes32) = empty(bytes32)

NOTICE: public(immutable(uint256))
ACTIVATION_WINDOW: public(immutable(uint256))
ROLLBACK_WINDOW: public(immutable(uint256))
PROXY_BLUEPRINT: public(immutable(address))


interface SetUp:
    def set_up_key() -> address: view


struct Release:
    kind: bytes32
    # major * 2**32 + minor * 2**16 + patch
    version: uint256
    implementation: address
    code_hash: bytes32
    # Of the code of all pieces behind the first (see `_behind_hash`); empty: it is in one piece.
    behind_hash: bytes32
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
    # keccak256 of the whole release: under a withdrawn number another may stand by now.
    terms: bytes32
    noticed_at: uint256
    # Consent counts while its giver holds the role in which it was given (INV-9): warrants, see Access.
    upgrader: uint256
    issuer: uint256
    operator: uint256
    auditor: uint256


struct Consents:
    release: bytes32
    terms: bytes32
    noticed_at: uint256
    # Empty: none that counts.
    upgrader: address
    issuer: address
    operator: address
    auditor: address


release_of: public(HashMap[bytes32, Release])
installation_of: public(HashMap[address, Installation])
_notice_of: HashMap[address, Notice]
proxy_at: public(HashMap[bytes32, address])
# Releases that a proxy runs or ran: what they are stays on record.
has_run: public(HashMap[bytes32, bool])
# keccak256 of code without its immutables -> whether it may hold units in custody.
custody_code: public(HashMap[bytes32, bool])
# Kinds of which there is a proxy.
_kind_runs: HashMap[bytes32, bool]
# Reason codes for which the guardian rolls back alone.
roll_back_reason: public(HashMap[bytes4, bool])


event AuthorityCreated:
    proxy_blueprint: indexed(address)
    notice: uint256
    activation_window: uint256
    rollback_window: uint256


event ReleaseRegistered:
    release: indexed(bytes32)
    kind: indexed(bytes32)
    version: uint256
    implementation: address
    code_hash: bytes32
    behind_hash: bytes32
    layout_hash: bytes32
    evidence_hash: bytes32
    migration_hash: bytes32


event ReleaseWithdrawn:
    release: indexed(bytes32)


event ProxyCreated:
    proxy: indexed(address)
    kind: indexed(bytes32)
    release: indexed(bytes32)
    name: bytes32


event ActivationNoticed:
    proxy: indexed(address)
    release: indexed(bytes32)
    terms: bytes32
    not_before: uint256
    lapses_at: uint256


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


event RollBackReasonProposed:
    act: indexed(bytes32)
    cause: indexed(bytes4)
    registered: bool


event RollBackReasonSet:
    cause: indexed(bytes4)
    registered: bool


event RollBackProposed:
    act: indexed(bytes32)
    proxy: indexed(address)
    # What it would leave.
    release: indexed(bytes32)
    # Whether it may strand anything; what it would, as the release says at this time.
    strand: bool
    strands: String[_MAX_NAMES]


event ReleaseRolledBack:
    proxy: indexed(address)
    release: indexed(bytes32)
    previous: indexed(bytes32)


event CustodyCodeRegistered:
    code_hash: indexed(bytes32)


event CustodyCodeWithdrawn:
    code_hash: indexed(bytes32)


@deploy
def __init__(
    set_up_key_: address,
    notice: uint256,
    activation_window: uint256,
    rollback_window: uint256,
    proxy_blueprint: address,
):
    """
    @notice Fix the periods of this authority and name the key that sets it up.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @param notice Seconds between notice and activation.
    @param activation_window Seconds after the notice in which the activation must take place.
    @param rollback_window Seconds in which an activation can be rolled back.
    @param proxy_blueprint ERC-5202 blueprint of the proxy, of exactly the build that this code knows.
    """
    assert notice >= _MIN_PERIOD, "release: notice under an hour"
    assert notice <= _MAX_PERIOD, "release: notice above 90 days"
    assert activation_window != 0, "release: no activation window"
    assert activation_window <= _MAX_ACTIVATION_WINDOW, "release: activation above a year"
    assert rollback_window >= _MIN_PERIOD, "release: window under an hour"
    assert rollback_window <= _MAX_PERIOD, "release: window above 90 days"
    assert proxy_blueprint.codehash == _PROXY_BLUEPRINT_HASH, "release: other proxy blueprint"
    NOTICE = notice
    ACTIVATION_WINDOW = activation_window
    ROLLBACK_WINDOW = rollback_window
    PROXY_BLUEPRINT = proxy_blueprint
    log AuthorityCreated(
        proxy_blueprint=proxy_blueprint,
        notice=notice,
        activation_window=activation_window,
        rollback_window=rollback_window,
    )
    self.roll_back_reason[_FAULT] = True
    log RollBackReasonSet(cause=_FAULT, registered=True)
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
    @custom:role upgrader, set-up key
    """
    access._check_role_or_set_up(access.UPGRADER)
    assert release.kind != empty(bytes32), "release: no kind"
    assert release.version != 0, "release: no version"
    assert release.version < _VERSION_LIMIT, "release: version too large"
    assert release.code_hash != empty(bytes32), "release: no code hash"
    assert release.layout_hash != empty(bytes32), "release: no layout hash"
    assert release.evidence_hash != empty(bytes32), "release: no evidence"
    assert code._is_code(release.implementation), "release: no contract there"
    assert release.implementation.codehash == release.code_hash, "release: other code there"
    assert (
        self._behind_hash(release.implementation) == release.behind_hash
    ), "release: other code behind"
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
        behind_hash=release.behind_hash,
        layout_hash=release.layout_hash,
        evidence_hash=release.evidence_hash,
        migration_hash=release.migration_hash,
    )
    return id


@external
def withdraw_release(release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a release that no proxy ever ran; its number is free again.
    @dev A notice of it comes to nothing: it names the exact release, not the number.
    @param release The release's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role upgrader, set-up key
    """
    access._check_role_or_set_up(access.UPGRADER)
    withdrawn: Release = self.release_of[release]
    assert withdrawn.version != 0, "release: nothing to withdraw"
    assert not self.has_run[release], "release: was run by a proxy"
    self.release_of[release] = empty(Release)
    instruction._record(withdrawn.implementation, reason, document)
    log ReleaseWithdrawn(release=release)


@external
def register_custody_code(code_hash: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Let accounts of this code hold units in custody, each for this ledger's escrow and one token.
    @param code_hash keccak256 of the code without its immutables.
    @param reason Four-letter reason code.
    @param document Hash of the review.
    @custom:role upgrader, set-up key
    """
    access._check_role_or_set_up(access.UPGRADER)
    assert code_hash != empty(bytes32), "release: no custody code hash"
    assert not self.custody_code[code_hash], "release: custody code known"
    self.custody_code[code_hash] = True
    instruction._record(empty(address), reason, document)
    log CustodyCodeRegistered(code_hash=code_hash)


@external
def withdraw_custody_code(code_hash: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Let no further account of this code become a custody; those that are stay.
    @param code_hash keccak256 of the code without its immutables.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role upgrader, set-up key
    """
    access._check_role_or_set_up(access.UPGRADER)
    assert self.custody_code[code_hash], "release: custody code unknown"
    self.custody_code[code_hash] = False
    instruction._record(empty(address), reason, document)
    log CustodyCodeWithdrawn(code_hash=code_hash)


@external
def create_proxy(
    release: bytes32,
    name: bytes32,
    initialisation: Bytes[_MAX_INITIALISATION],
    reason: bytes4,
    document: bytes32,
) -> address:
    """
    @notice Create a proxy on a registered release and initialise it: in the set-up, or for an instrument that joins
            what stands.
    @dev The address follows from `name`: creating it twice fails. A proxy alone is nobody's: lanes are opened to its
         token and a record names it by two keys each, none of them the upgrader's. After the set-up the release must
         be one that ran; of a kind that nothing here runs, any, since none was ever consented to.
    @param release The release's id.
    @param name What it is here, for example the hash of contract name and ISIN.
    @param initialisation The call that initialises it.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The proxy.
    @custom:role upgrader, set-up key
    """
    access._check_role_or_set_up(access.UPGRADER)
    assert self.proxy_at[name] == empty(address), "release: proxy exists"
    chosen: Release = self._sound_release(release)
    if access.set_up_key == empty(address) and self._kind_runs[chosen.kind]:
        assert self.has_run[release], "release: never activated here"
        assert not emergency.on_trial[release], "release: on trial"
    proxy: address = create_from_blueprint(
        PROXY_BLUEPRINT, chosen.implementation, initialisation, salt=name
    )
    # The last word of its code. The blueprint's hash says so too: this asks what was in fact created.
    authority: bytes32 = convert(slice(proxy.code, proxy.codesize - 32, 32), bytes32)
    assert authority == convert(self, bytes32), "release: proxy obeys another"
    # A call that initialises nothing would leave the proxy to whoever initialises it first. In the set-up its key is
    # that of all others; an upgrader sets nothing up, and names who does.
    key: address = staticcall SetUp(proxy).set_up_key()
    assert key != empty(address), "release: proxy not initialised"
    assert access.set_up_key == empty(address) or key == msg.sender, "release: another set-up key"
    self.proxy_at[name] = proxy
    self._kind_runs[chosen.kind] = True
    self.has_run[release] = True
    self.installation_of[proxy] = Installation(
        kind=chosen.kind, release=release, previous=empty(bytes32), activated_at=block.timestamp
    )
    instruction._record(proxy, reason, document)
    log ProxyCreated(proxy=proxy, kind=chosen.kind, release=release, name=name)
    return proxy


@external
def give_notice(proxy: address, release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Give notice that a proxy will move to a newer release of its kind; an earlier notice is cancelled.
    @param proxy The proxy.
    @param release The release's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role upgrader
    """
    access._check_role(access.UPGRADER)
    installed: Installation = self._installed(proxy)
    chosen: Release = self._sound_release(release)
    assert chosen.kind == installed.kind, "release: of another kind"
    assert chosen.version > self.release_of[installed.release].version, "release: not newer"
    instruction._record(proxy, reason, document)
    self._log_end_of_notice(proxy)
    terms: bytes32 = self._terms(chosen)
    self._notice_of[proxy] = Notice(
        release=release,
        terms=terms,
        noticed_at=block.timestamp,
        upgrader=access._warrant(msg.sender),
        issuer=0,
        operator=0,
        auditor=0,
    )
    not_before: uint256 = block.timestamp + NOTICE
    log ActivationNoticed(
        proxy=proxy,
        release=release,
        terms=terms,
        not_before=not_before,
        lapses_at=not_before + ACTIVATION_WINDOW,
    )


# --------------------------------------------------- issuer, operator and auditor


@external
def approve(proxy: address, terms: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Consent to a noticed activation; issuer, operator and auditor each must.
    @dev The operator says that lanes, courier and payments, which it runs, are ready. By the terms, not by the number:
         what stands under a number may have been withdrawn and replaced while the consent was on its way.
    @param proxy The proxy.
    @param terms keccak256 of the ABI-encoded release that is noticed, so that nobody consents to another.
    @param reason Four-letter reason code.
    @param document Hash of the review.
    @custom:role issuer, operator, auditor
    """
    access._check_role(access.ISSUER | access.OPERATOR | access.AUDITOR)
    assert terms != empty(bytes32), "release: approve what"
    noticed: Notice = self._notice_of[proxy]
    assert noticed.terms == terms, "release: not the noticed one"
    assert block.timestamp < self._lapse(noticed), "release: consent after the lapse"
    warrant: uint256 = access._warrant(msg.sender)
    if warrant & access.ISSUER != 0:
        self._notice_of[proxy].issuer = warrant
    elif warrant & access.OPERATOR != 0:
        self._notice_of[proxy].operator = warrant
    else:
        self._notice_of[proxy].auditor = warrant
    instruction._record(proxy, reason, document)
    log ActivationApproved(proxy=proxy, release=noticed.release, approved_by=msg.sender)


# -------------------------------------------------------------------------- anyone


@external
def activate(proxy: address, release: bytes32, migration: Bytes[_MAX_INITIALISATION] = b""):
    """
    @notice Move a proxy to its noticed release, once all have consented and the notice is over, before it lapses.
    @param proxy The proxy.
    @param release The release that is noticed.
    @param migration The call registered with the release; empty if it has none.
    @custom:role anyone
    """
    chosen: Release = self._consented(proxy, release, NOTICE)
    # A call is a selector and whole words. 32 bytes would reach the proxy as an upgrade of its own.
    assert len(migration) == 0 or len(migration) % 32 == 4, "release: migration is no call"
    if len(migration) == 0:
        assert chosen.migration_hash == _NO_MIGRATION, "release: migration missing"
    else:
        assert keccak256(migration) == chosen.migration_hash, "release: other migration"
    emergency.on_trial[release] = False
    self._move(proxy, self._installed(proxy), release, chosen.implementation)
    if len(migration) != 0:
        raw_call(proxy, migration)


@external
def undo_emergency(proxy: address):
    """
    @notice Return a proxy to the release before an emergency that was not ratified in time.
    @param proxy The proxy.
    @custom:role anyone
    """
    emergency._check_lapsed(proxy)
    self._return(proxy, self._installed(proxy))


# ------------------------------------------------------------------------ guardian


@external
def cancel(proxy: address, reason: bytes4, document: bytes32):
    """
    @notice Cancel a noticed activation; guardian or upgrader.
    @param proxy The proxy.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role guardian, upgrader
    """
    access._check_role(access.GUARDIAN | access.UPGRADER)
    assert self._notice_of[proxy].release != empty(bytes32), "release: nothing to cancel"
    instruction._record(proxy, reason, document)
    self._log_end_of_notice(proxy)
    self._notice_of[proxy] = empty(Notice)


@external
def activate_in_emergency(proxy: address, release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Move a proxy to its noticed release before the notice is over, with the consent of issuer, operator and
            auditor; what two administrators do not ratify in time, anyone undoes.
    @dev Narrower than `activate`: the same layout, no migration, and five roles' consent, for the caller's is one.
    @param proxy The proxy.
    @param release The release that is noticed.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role guardian
    """
    access._check_role(access.GUARDIAN)
    chosen: Release = self._consented(proxy, release, 0)
    assert chosen.migration_hash == _NO_MIGRATION, "release: emergency with migration"
    installed: Installation = self._installed(proxy)
    assert (
        chosen.layout_hash == self.release_of[installed.release].layout_hash
    ), "release: emergency changes layout"
    instruction._record(proxy, reason, document)
    emergency._begin(proxy, release, installed.release, self.has_run[release])
    self._move(proxy, installed, release, chosen.implementation)


@external
def roll_back(proxy: address, strand: bool, reason: bytes4, document: bytes32):
    """
    @notice Return a proxy to the release before, within the window after an activation, or until an emergency is
            ratified; no notice. A pending notice stays, with its consents: what mends the trouble does not wait
            twice; `cancel` ends one that is bad.
    @dev The target was approved before, and can't be chosen. For a registered reason the guardian acts alone, for
         another the upgrader proposes it. Either is refused with the names of what it would strand, if the release
         that is left says that there is any, unless both roles say that it may: so no release, however wrong what
         it says, keeps itself in place.
    @param proxy The proxy.
    @param strand Whether it may strand what the release names; then the upgrader proposes it for every reason.
    @param reason Four-letter reason code; a registered one is the guardian's alone.
    @param document Hash of the document that orders it.
    @custom:role guardian
    """
    access._check_role(access.GUARDIAN)
    installed: Installation = self._leaving(proxy)
    instruction._record(proxy, reason, document)
    if not strand:
        named: String[_MAX_NAMES] = self._strands(proxy)
        if len(named) != 0:
            raise concat("release: would strand", ": ", named)
    if strand or not self.roll_back_reason[reason]:
        access._carry_out(self._roll_back_act(proxy, installed.release, strand), access.GUARDIAN)
    self._return(proxy, installed)


# ----------------------------------------------------------- who lets it roll back


@external
def propose_roll_back(proxy: address, strand: bool, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice Propose to return a proxy to the release before, which the guardian carries out within the window.
    @dev Says what the release that would be left names as stranded by it.
    @param proxy The proxy.
    @param strand Whether it may strand what the release names by then.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role upgrader
    """
    access._check_role(access.UPGRADER)
    release: bytes32 = self._leaving(proxy).release
    act: bytes32 = self._roll_back_act(proxy, release, strand)
    access._propose(act, access.UPGRADER, access.GUARDIAN, proxy, reason, document)
    log RollBackProposed(
        act=act, proxy=proxy, release=release, strand=strand, strands=self._strands(proxy)
    )
    return act


@external
def propose_roll_back_reason(
    cause: bytes4, registered: bool, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice An administrator proposes that the guardian may roll back alone for a reason, or may not any more.
    @param cause The reason's code.
    @param registered Whether it may.
    @param reason Four-letter reason code.
    @param document Hash of the document that says what the reason is.
    @return The act, to withdraw it by.
    @custom:role administrator
    """
    act: bytes32 = self._reason_act(cause, registered)
    access._propose(
        act, access.ADMINISTRATOR, access.ADMINISTRATOR, empty(address), reason, document
    )
    log RollBackReasonProposed(act=act, cause=cause, registered=registered)
    return act


@external
def set_roll_back_reason(cause: bytes4, registered: bool, reason: bytes4, document: bytes32):
    """
    @notice Let the guardian roll back alone for a reason, or no more: another administrator, or the set-up key.
    @param cause The reason's code.
    @param registered Whether it may.
    @param reason Four-letter reason code.
    @param document Hash of the document that says what the reason is.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._reason_act(cause, registered), access.ADMINISTRATOR)
    assert cause != empty(bytes4), "release: no reason to register"
    assert self.roll_back_reason[cause] != registered, "release: reason unchanged"
    self.roll_back_reason[cause] = registered
    instruction._record(empty(address), reason, document)
    log RollBackReasonSet(cause=cause, registered=registered)


# -------------------------------------------------------------------------- set-up


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing, and proxies are created by the upgrader alone.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    access._hand_over(reason, document)


@external
@view
def notice_of(proxy: address) -> Consents:
    """
    @notice The pending notice of a proxy, and whose consent counts.
    @param proxy The proxy.
    @return Release, its terms, time of the notice; upgrader, issuer, operator, auditor while their consent counts.
    """
    noticed: Notice = self._notice_of[proxy]
    return Consents(
        release=noticed.release,
        terms=noticed.terms,
        noticed_at=noticed.noticed_at,
        upgrader=access._holder(noticed.upgrader),
        issuer=access._holder(noticed.issuer),
        operator=access._holder(noticed.operator),
        auditor=access._holder(noticed.auditor),
    )


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


@external
@view
def is_custody(account: address, token: address) -> bool:
    """
    @notice Whether an account's code is that of a custody, bound to this ledger's escrow and to `token`.
    @dev Reads its code and calls nothing: an account could answer what it likes.
    @param account The account.
    @param token The token.
    @return True if it is; false for whatever else is there, also for nothing.
    """
    size: uint256 = account.codesize
    if size <= _CUSTODY_IMMUTABLES or size > 32 * _MAX_CUSTODY_WORDS:
        return False
    # Two slices of a given length; the code before them has a length that only `size` tells.
    escrow: bytes32 = convert(slice(account.code, size - 64, 32), bytes32)
    held: bytes32 = convert(slice(account.code, size - 32, 32), bytes32)
    expected: address = self.proxy_at[_ESCROW_NAME]
    if expected == empty(address) or escrow != convert(expected, bytes32):
        return False
    if held != convert(token, bytes32):
        return False
    # Whole words reach into the immutables, which are longer than a word, and never beyond the code.
    words: DynArray[bytes32, _MAX_CUSTODY_WORDS] = []
    for i: uint256 in range(size // 32, bound=_MAX_CUSTODY_WORDS):
        words.append(convert(slice(account.code, 32 * i, 32), bytes32))
    encoded: Bytes[32 * _MAX_CUSTODY_WORDS + 64] = abi_encode(words)
    # Behind offset and length of the encoding.
    return self.custody_code[keccak256(slice(encoded, 64, size - _CUSTODY_IMMUTABLES))]


# ------------------------------------------------------------------------ internal


@internal
@pure
def _release_id(kind: bytes32, version: uint256) -> bytes32:
    """
    @dev Hash of kind and version.
    """
    return keccak256(abi_encode(kind, version))


@internal
@pure
def _terms(release: Release) -> bytes32:
    """
    @dev Hash of all that a release is.
    """
    return keccak256(abi_encode(release))


@internal
@view
def _lapse(noticed: Notice) -> uint256:
    """
    @dev From when on a notice counts no more.
    """
    return noticed.noticed_at + NOTICE + ACTIVATION_WINDOW


@internal
def _log_end_of_notice(proxy: address):
    """
    @dev Say that the pending notice of a proxy, if there is one, counts no more. The caller replaces it.
    """
    release: bytes32 = self._notice_of[proxy].release
    if release != empty(bytes32):
        log ActivationCancelled(proxy=proxy, release=release)


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
def _consented(proxy: address, release: bytes32, notice: uint256) -> Release:
    """
    @dev A release that is noticed for a proxy since `notice` seconds and has not lapsed, still is what was noticed, and
         has the consent of all whom a notice needs.
    """
    noticed: Notice = self._notice_of[proxy]
    assert release != empty(bytes32), "release: activate what"
    assert noticed.release == release, "release: not noticed"
    emergency._check_settled(proxy)
    assert block.timestamp >= noticed.noticed_at + notice, "release: notice not over"
    assert block.timestamp < self._lapse(noticed), "release: notice has lapsed"
    assert access._holder(noticed.upgrader) != empty(address), "release: upgrader lost its role"
    assert access._holder(noticed.issuer) != empty(address), "release: issuer has not approved"
    assert (
        access._holder(noticed.operator) != empty(address)
    ), "release: operator has not approved"
    assert access._holder(noticed.auditor) != empty(address), "release: auditor has not approved"
    chosen: Release = self._sound_release(release)
    assert self._terms(chosen) == noticed.terms, "release: terms have changed"
    return chosen


@internal
def _move(proxy: address, installed: Installation, release: bytes32, implementation: address):
    """
    @dev Install a release after another, which uses its notice up.
    """
    self._notice_of[proxy] = empty(Notice)
    self.has_run[release] = True
    self.installation_of[proxy] = Installation(
        kind=installed.kind,
        release=release,
        previous=installed.release,
        activated_at=block.timestamp,
    )
    log ReleaseActivated(proxy=proxy, release=release, previous=installed.release)
    self._point(proxy, implementation)


@internal
def _return(proxy: address, installed: Installation):
    """
    @dev Install the release before again; whatever was proposed or to be ratified of the one that is left ends.
    """
    before: Release = self._sound_release(installed.previous)
    emergency._end(proxy)
    access._proposals[self._roll_back_act(proxy, installed.release, False)] = 0
    access._proposals[self._roll_back_act(proxy, installed.release, True)] = 0
    self.installation_of[proxy] = Installation(
        kind=installed.kind,
        release=installed.previous,
        previous=empty(bytes32),
        activated_at=block.timestamp,
    )
    log ReleaseRolledBack(proxy=proxy, release=installed.previous, previous=installed.release)
    self._point(proxy, before.implementation)


@internal
@view
def _leaving(proxy: address) -> Installation:
    """
    @dev Installation of a proxy that can still return to the release before.
    """
    installed: Installation = self._installed(proxy)
    assert installed.previous != empty(bytes32), "release: nothing to roll back to"
    # What is not ratified yet can be left at any time: until then nothing can follow it.
    assert (
        block.timestamp < installed.activated_at + ROLLBACK_WINDOW
        or emergency.emergency_of[proxy].ratify_before != 0
    ), "release: window closed"
    return installed


@internal
@pure
def _roll_back_act(proxy: address, release: bytes32, strand: bool) -> bytes32:
    """
    @dev Hash of the act of leaving a release for the one before, whatever that strands or not.
    """
    return keccak256(abi_encode("roll_back", proxy, release, strand))


@internal
@pure
def _reason_act(cause: bytes4, registered: bool) -> bytes32:
    """
    @dev Hash of the act of registering a reason, or of ending that.
    """
    return keccak256(abi_encode("set_roll_back_reason", cause, registered))


@internal
@view
def _strands(proxy: address) -> String[_MAX_NAMES]:
    """
    @dev What the release of a proxy names of its own that the one before would not know, such as messages, holds or
         claims; empty if it names nothing, does not answer, or answers with no string.
    """
    answered: bool = False
    answer: Bytes[_NAMES_AT + _MAX_NAMES] = b""
    answered, answer = raw_call(
        proxy,
        method_id("stranded_by_roll_back()"),
        max_outsize=_NAMES_AT + _MAX_NAMES,
        gas=_GAS_TO_NAME,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not answered or len(answer) <= _NAMES_AT:
        return ""
    length: uint256 = min(convert(slice(answer, 32, 32), uint256), len(answer) - _NAMES_AT)
    return convert(slice(answer, _NAMES_AT, length), String[_MAX_NAMES])


@internal
@view
def _sound_release(release: bytes32) -> Release:
    """
    @dev A registered release whose code still is what was registered.
    """
    chosen: Release = self.release_of[release]
    assert chosen.version != 0, "release: not registered"
    assert chosen.implementation.codehash == chosen.code_hash, "release: code has changed"
    assert (
        self._behind_hash(chosen.implementation) == chosen.behind_hash
    ), "release: code behind has changed"
    return chosen


@internal
@view
def _behind_hash(implementation: address) -> bytes32:
    """
    @dev Hash of the code that an implementation delegates to: of the piece that it names, or of the hashes of that and
         of those that follow; empty if it names none. An address alone commits to no code, so each is hashed.
    """
    piece: address = implementation
    hashes: DynArray[bytes32, 5] = []
    for getter: bytes4 in _GETTERS:
        piece = self._behind(piece, getter)
        if piece == empty(address):
            break
        hashes.append(piece.codehash)
    if len(hashes) < 2:
        return hashes[0] if len(hashes) == 1 else empty(bytes32)
    # Behind offset and length of the encoding.
    return keccak256(slice(abi_encode(hashes), 64, 32 * len(hashes)))


@internal
@view
def _behind(piece: address, getter: bytes4) -> address:
    """
    @dev The contract that a piece names itself, to hand calls to; empty if it names none. What it answers follows from
         its code, which is held to a hash of its own.
    """
    named: bool = False
    answer: Bytes[32] = b""
    named, answer = raw_call(
        piece, concat(getter, b""), max_outsize=32, is_static_call=True, revert_on_failure=False
    )
    if not named or len(answer) != 32:
        return empty(address)
    behind: address = convert(convert(answer, uint256), address)
    # An account that delegates (EIP-7702) keeps its hash while what it delegates to changes.
    assert code._is_code(behind), "release: no contract behind"
    return behind


@internal
def _point(proxy: address, implementation: address):
    """
    @dev Tell a proxy its implementation: 32 bytes of calldata, see ReleaseProxy.
    """
    raw_call(proxy, abi_encode(implementation))
