# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Events: the golden record of every corporate action, on every ledger (R-40)
@license Apache-2.0
@author Tallystick
@notice The issuer announces a version of an event at home, its attestors confirm it, anyone carries it to the other
        ledgers, and each of those tells home when it was told.
@dev Only a version that was confirmed takes effect: the token keeps the close of its record day for ever. Versions
     follow one another without a gap, each with the hash of the one before, and replace it whole; a ledger that
     missed some takes the newest. An event's id is used once: what was cancelled stays so. Two records of one
     version, both attested, halt the event on the ledger where they are shown, for good: what it was for takes
     another id. At home records are its own storage, and no attestation halts them. Once totals are fixed (see `cut`)
     an event can only be cancelled, before its payment day; later it is reversed. A ratio that was armed (see `arming`)
     stays as it is from the close of its record day on, and what becomes of fractions from the first version on that
     gives any. Their price is a record of its own, once the ratio is in force at home, and the first is for good.
     Kept of a record are its hash and what is needed here; the whole of it is in each ledger's log, and who needs
     more of it shows it again.

       version  number 32 | record day 16 | unit epoch 16 | status 4 | late, fixed, halted 3 | rounding 4 | - 5 |
                since 48 | figures by 16 | noticed 48
       terms    numerator 96 | denominator 96 | record day 16 | payment day 16 | relief until 16 | expires 16
"""
from interfaces import ISecurityToken
from interfaces import IVerifier

from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction

uses: access
uses: dispatch

# Business days between the announcement and the record day, at least, by home's clock.
_NOTICE: constant(uint256) = 2
# As long is every other ledger told, at least, by its own clock, before it takes totals: nothing is paid before.
NOTICE_SECONDS: constant(uint256) = _NOTICE * 86400
_DAY_MASK: constant(uint256) = 2**16 - 1
_RATE_FIELDS: constant(uint256) = 2**192 - 1
_LATE: constant(uint256) = 2**68
_FIXED: constant(uint256) = 2**69
_HALTED: constant(uint256) = 2**70
_ROUNDING_SHIFT: constant(uint256) = 71
_ROUNDING_MASK: constant(uint256) = 15
_SINCE_MASK: constant(uint256) = 2**48 - 1
_FIGURES_SHIFT: constant(uint256) = 128
_NOTICED_SHIFT: constant(uint256) = 144
# In what is kept of a ratio, see `arming`: home's first day in new units.
FIRST_DAY_SHIFT: constant(uint256) = 8
# In what is kept of a redemption.
PART_MASK: constant(uint256) = 2**40 - 1
BEFORE_SHIFT: constant(uint256) = 40
# The token keeps the closings of so many days back without announcement.
_KEPT_DAYS: constant(uint256) = 7
# "RECD", and the record's hash as the document: why a close is announced.
_RECORD_DATE: constant(bytes4) = 0x52454344
_ARMED_TYPEHASH: constant(bytes32) = keccak256(
    "Armed(bytes32 coaf,uint256 version,bytes32 event_version,uint256 taken_at,bool late)"
)


struct Standing:
    corp: bytes32
    # Hashes of records: the one announced last, and the one that counts; empty: none yet.
    newest: bytes32
    in_force: bytes32


struct Version:
    version: uint256
    record_day: uint256
    # In whose units its totals are.
    unit_epoch: uint256
    # Active or cancelled; 0: there is no such version.
    status: uint256
    # This ledger's clock when it was announced here, or taken.
    since: uint256
    # Likewise of the first of its record day, versions that replaced one another counted as one.
    noticed: uint256
    # It was taken when the token no longer kept the closings of its record day.
    late: bool
    # Totals are fixed by it; the event is halted here.
    fixed: bool
    halted: bool


struct Told:
    # That ledger's clock; 0: not yet.
    taken_at: uint256
    late: bool


struct Armed:
    coaf: bytes32
    version: uint256
    # Hash of record and status.
    event_version: bytes32
    # Clock of the ledger that tells, when it was told.
    taken_at: uint256
    late: bool


# What proves that the event attestors confirmed; at home.
attestors: public(address)
# COAF -> where the event stands
event_of: public(HashMap[bytes32, Standing])
# hash of a record -> what is kept of it
_versions: HashMap[bytes32, uint256]
# COAF -> version -> hash of its record, told by itself or by the version after it
record_hash: public(HashMap[bytes32, HashMap[uint256, bytes32]])
# Home: hash of a version (record and status) -> keccak256 of a ledger's CAIP-2 name -> what that ledger told
told_at: public(HashMap[bytes32, HashMap[bytes32, Told]])
# COAF -> what is paid and when by the version in force, see above; without a record day: the event is off
_terms: HashMap[bytes32, uint256]
# Is credited what a ratio's rounding down leaves on this ledger.
_fractions_agent: address
# COAF -> the ratio that is armed here, see `arming`; and by the epoch that it begins, its COAF
_ratios: HashMap[bytes32, uint256]
_coaf_of: HashMap[uint256, bytes32]
# Home: COAF -> ledger -> what that ledger told last of its ratio; ledger -> epoch -> its first day, once in force
_ratio_told: HashMap[bytes32, HashMap[bytes32, uint256]]
_entered: HashMap[bytes32, HashMap[uint256, uint256]]
# COAF -> of a redemption by the version in force: units left 40 | of so many 40, see `arming`; 0: units stay
_left: HashMap[bytes32, uint256]
# COAF -> how its ratio's fractions are treated here, see `fractions`
_fractions: HashMap[bytes32, uint256]
# epoch -> the price of the fractions that the ratio left which began it, see `fractions`, and the COAF of its record
_prices: HashMap[uint256, uint256]
_priced: HashMap[uint256, bytes32]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[22]


event AttestorsProposed:
    act: indexed(bytes32)
    verifier: indexed(address)


event AttestorsSet:
    verifier: indexed(address)


event EventAnnounced:
    coaf: indexed(bytes32)
    record_hash: indexed(bytes32)
    status: uint256
    record: event_record.EventRecord


event RecordSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    record_hash: bytes32
    status: uint256


event RecordTaken:
    coaf: indexed(bytes32)
    record_hash: indexed(bytes32)
    status: uint256
    late: bool
    record: event_record.EventRecord


event ArmedSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    armed: Armed


event ArmedTaken:
    coaf: indexed(bytes32)
    ledger: indexed(bytes32)
    armed: Armed


event EventHalted:
    coaf: indexed(bytes32)
    # Two records of one version: the one known here, the one shown. Status 0: its hash was told by the version after.
    version: uint256
    known_hash: bytes32
    known_status: uint256
    shown_hash: bytes32
    shown_status: uint256


# ------------------------------------------------------------- operator, two keys


@external
def propose_attestors(verifier: address, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes who confirms events; a day later an administrator carries it out with
            `set_attestors`.
    @param verifier The verifier of their attestations.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._attestors_act(verifier)
    access._propose(
        act, access.OPERATOR, access.ADMINISTRATOR, verifier, reason, document, dispatch.DELAY
    )
    log AttestorsProposed(act=act, verifier=verifier)
    return act


@external
def set_attestors(verifier: address, reason: bytes4, document: bytes32):
    """
    @notice Say who confirms events; at home.
    @dev By the set-up key, or by an administrator a day after the operator's proposal.
    @param verifier The verifier of their attestations.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._attestors_act(verifier), access.ADMINISTRATOR)
    self._check_home()
    assert code._is_code(verifier), "events: verifier has no code"
    self.attestors = verifier
    instruction._record(verifier, reason, document)
    log AttestorsSet(verifier=verifier)


# ------------------------------------------------------------------------- issuer


@external
def announce(record: event_record.EventRecord, status: uint256, reason: bytes4, document: bytes32):
    """
    @notice Home: announce an event, its next version, or that it is cancelled. It takes effect once it is confirmed.
    @dev A version replaces the one before whole; a record day that is in force needs no notice again. What cancels is
         a version too, for which no notice is needed.
    @param record The whole record, linked to the version announced before, confirmed or not.
    @param status Active (1) or cancelled (2).
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer
    """
    self._check_issuer()
    event_record._check(record, status, dispatch.instrument)
    e: Standing = self.event_of[record.coaf]
    in_force: Version = self._version(e.in_force)
    assert in_force.status != event_record.CANCELLED, "events: cancelled already"
    self._check_changeable(record.coaf, in_force, record.record_day, status)
    # No version is 0, whose hash is empty as the one before the first.
    assert record.version == self._version(e.newest).version + 1, "events: not the next version"
    assert record.previous == e.newest, "events: not linked to previous"
    assert e.corp in [empty(bytes32), record.corp], "events: of another CORP"
    # A ledger that is told late gives what the others do.
    assert self._rounding(e.in_force) in [
        0, event_record.ROUNDING_DOWN, record.rounding
    ], "events: other fractions"
    if status == event_record.ACTIVE:
        if record.record_day not in [0, in_force.record_day]:
            today: uint256 = staticcall ISecurityToken(dispatch.token).business_day()
            assert record.record_day >= today + _NOTICE, "events: too little notice"
    hashed: bytes32 = event_record._hash(record)
    self._keep(record, hashed, status, False, in_force)
    self.event_of[record.coaf] = Standing(corp=record.corp, newest=hashed, in_force=e.in_force)
    instruction._record(empty(address), reason, document)
    log EventAnnounced(coaf=record.coaf, record_hash=hashed, status=status, record=record)


# ------------------------------------------------------------------------- anyone


@external
def confirm(record: event_record.EventRecord, attestation: Bytes[1034]):
    """
    @notice Home: put the version announced last in force, which enough event attestors signed, and tell it.
    @param record Its record.
    @param attestation What their verifier asks for, of the version's hash, in this engine's domain.
    @custom:role anyone
    """
    self._check_home()
    coaf: bytes32 = record.coaf
    e: Standing = self.event_of[coaf]
    assert e.newest != e.in_force, "events: nothing to confirm"
    assert e.newest == event_record._hash(record), "events: not the newest version"
    version: Version = self._version(e.newest)
    self._check_changeable(coaf, self._version(e.in_force), version.record_day, version.status)
    assert staticcall IVerifier(self.attestors).verify(
        dispatch._domain_separator(chain.id, self),
        event_record._version_hash(e.newest, version.status),
        attestation,
    ), "events: not confirmed"
    assert not self._keep_close(
        e.in_force, version.record_day, version.status, e.newest
    ), "events: record day too long past"
    self.event_of[coaf].in_force = e.newest
    self._set_terms(record, version.status)
    self._tell(coaf, e.newest)


@external
def take_record(
    header: dispatch.Header,
    record: event_record.EventRecord,
    status: uint256,
    attestation: Bytes[1034],
) -> bool:
    """
    @notice Remote: take a version that is in force at home, and tell when.
    @dev One that contradicts what was taken halts the event here; it does not revert, or nobody could show it.
    @param header The message, as home logged it.
    @param record The record.
    @param status Active or cancelled.
    @param attestation What home's verifier here asks for, in the domain of home's engine.
    @return Whether it is in force now; False: the event is halted.
    @custom:role anyone
    """
    assert not dispatch.is_home, "events: home keeps its own"
    hashed: bytes32 = event_record._hash(record)
    dispatch._verify(
        header, dispatch.RECORD, event_record._version_hash(hashed, status), attestation
    )
    e: Standing = self.event_of[record.coaf]
    before: Version = self._version(e.in_force)
    assert not before.halted, "events: halted"
    if self._is_contradicted(record, hashed, status):
        self._halt(record.coaf)
        return False
    assert self._versions[hashed] == 0, "events: taken already"
    assert record.version > before.version, "events: a later version stands"
    event_record._check(record, status, dispatch.instrument)
    assert (status == event_record.CANCELLED or not before.fixed), "events: totals are fixed"
    late: bool = self._keep_close(e.in_force, record.record_day, status, hashed)
    self._keep(record, hashed, status, late, before)
    if record.version != 1:
        self.record_hash[record.coaf][record.version - 1] = record.previous
    self.event_of[record.coaf] = Standing(corp=record.corp, newest=hashed, in_force=hashed)
    self._set_terms(record, status)
    log RecordTaken(coaf=record.coaf, record_hash=hashed, status=status, late=late, record=record)
    self._tell(record.coaf, hashed)
    return True


@external
def take_armed(header: dispatch.Header, armed: Armed, attestation: Bytes[1034]):
    """
    @notice Home: take note that a remote ledger was told of a version, and when.
    @param header The message, as the remote engine logged it.
    @param armed What it tells.
    @param attestation What that ledger's verifier here asks for, in the domain of its engine.
    @custom:role anyone
    """
    self._check_home()
    dispatch._verify(header, dispatch.ARMED, self._armed_body(armed), attestation)
    assert armed.event_version == self._version_hash(
        armed.coaf, armed.version
    ), "events: told of another record"
    assert dispatch.is_told[
        dispatch._id(dispatch._own(dispatch.RECORD, armed.event_version))
    ], "events: not in force yet"
    ledger: bytes32 = header.source_ledger
    assert self.told_at[armed.event_version][ledger].taken_at == 0, "events: told already"
    self.told_at[armed.event_version][ledger] = Told(taken_at=armed.taken_at, late=armed.late)
    log ArmedTaken(coaf=armed.coaf, ledger=ledger, armed=armed)


@external
def tell(coaf: bytes32):
    """
    @notice Log once more, under the same id, what this ledger told of an event last.
    @param coaf The event.
    @custom:role anyone
    """
    in_force: bytes32 = self.event_of[coaf].in_force
    assert in_force != empty(bytes32), "events: nothing to tell"
    self._tell(coaf, in_force)


# ------------------------------------------------------------------------- views


@external
@view
def version_of(record_hash: bytes32) -> Version:
    """
    @notice What is kept of a version that was announced or taken here.
    @param record_hash Hash of its record.
    @return Number, record day, unit epoch, status (0: there is none), since when by this ledger's clock, since when its
            record day is known, whether it was late, whether totals are fixed by it, whether the event is halted here.
    """
    return self._version(record_hash)


@external
@view
def version_hash(coaf: bytes32, version: uint256) -> bytes32:
    """
    @notice EIP-712 struct hash of a version, record and status: what event attestors sign, and ledgers tell.
    @param coaf The event.
    @param version The version.
    @return The hash; empty if it is not known here.
    """
    return self._version_hash(coaf, version)


# ---------------------------------------------------------------------- internal


@internal
@view
def _check_home():
    """
    @dev Revert unless this is the instrument's home.
    """
    assert dispatch.is_home, "events: at home only"


@internal
@view
def _check_issuer():
    """
    @dev Revert unless the issuer calls, at home.
    """
    access._check_role(access.ISSUER)
    self._check_home()


@internal
@view
def _version_hash(coaf: bytes32, version: uint256) -> bytes32:
    """
    @dev Hash of a version as it was announced or taken here; empty if it was not.
    """
    hashed: bytes32 = self.record_hash[coaf][version]
    status: uint256 = self._version(hashed).status
    return event_record._version_hash(hashed, status) if status != 0 else empty(bytes32)


@internal
def _keep(
    record: event_record.EventRecord,
    hashed: bytes32,
    status: uint256,
    late: bool,
    before: Version,
):
    """
    @dev Enter a version. Who was told of its record day before was told in time of it.
    """
    noticed: uint256 = block.timestamp
    if before.status == event_record.ACTIVE and before.record_day == record.record_day:
        noticed = before.noticed
    self.record_hash[record.coaf][record.version] = hashed
    self._versions[hashed] = (
        record.version
        | (record.record_day << 32)
        | (record.unit_epoch << 48)
        | (status << 64)
        | (_LATE if late else 0)
        | (record.rounding << _ROUNDING_SHIFT)
        | (block.timestamp << 80)
        | (record.figures_by << _FIGURES_SHIFT)
        | (noticed << _NOTICED_SHIFT)
    )


@internal
@view
def _version(hashed: bytes32) -> Version:
    """
    @dev What is kept of a version; empty if there is none.
    """
    word: uint256 = self._versions[hashed]
    return Version(
        version=word & (2**32 - 1),
        record_day=(word >> 32) & _DAY_MASK,
        unit_epoch=(word >> 48) & _DAY_MASK,
        status=(word >> 64) & 15,
        since=(word >> 80) & _SINCE_MASK,
        noticed=(word >> _NOTICED_SHIFT) & _SINCE_MASK,
        late=word & _LATE != 0,
        fixed=word & _FIXED != 0,
        halted=word & _HALTED != 0,
    )


@internal
@view
def _rounding(hashed: bytes32) -> uint256:
    """
    @dev What a version says of fractions; 0: there is none.
    """
    return (self._versions[hashed] >> _ROUNDING_SHIFT) & _ROUNDING_MASK


@internal
@view
def _figures_by(coaf: bytes32) -> uint256:
    """
    @dev The last day on which figures of an event's record day are waited for; 0: the record says none.
    """
    return (self._versions[self.event_of[coaf].in_force] >> _FIGURES_SHIFT) & _DAY_MASK


@internal
@view
def _active(coaf: bytes32) -> Version:
    """
    @dev The version in force of an event that takes place and has a record day.
    """
    version: Version = self._version(self.event_of[coaf].in_force)
    assert not version.halted, "events: halted"
    assert version.status == event_record.ACTIVE, "events: none, or cancelled"
    assert version.record_day != 0, "events: no record day"
    return version


@internal
@view
def _check_changeable(coaf: bytes32, in_force: Version, day: uint256, status: uint256):
    """
    @dev Once totals are fixed an event can only be cancelled, and not where holders may have been paid. Its record day
         stays: by that the figures are found that its shares are of. Units that a ratio changed, nothing changes back.
    """
    today: uint256 = staticcall ISecurityToken(dispatch.token).business_day()
    first_day: uint256 = (self._ratios[coaf] >> FIRST_DAY_SHIFT) & _DAY_MASK
    assert first_day == 0 or today < first_day, "events: ratio has begun"
    if in_force.fixed:
        assert (
            status == event_record.CANCELLED and day == in_force.record_day
        ), "events: totals are fixed"
        payment_day: uint256 = (self._terms[coaf] >> 208) & _DAY_MASK
        # Where nothing is paid no payment begins.
        assert payment_day == 0 or today < payment_day, "events: payment has begun"


@internal
def _fix(coaf: bytes32):
    """
    @dev Totals are fixed by the version in force.
    """
    in_force: bytes32 = self.event_of[coaf].in_force
    self._versions[in_force] = self._versions[in_force] | _FIXED


@internal
def _set_terms(record: event_record.EventRecord, status: uint256):
    """
    @dev Keep what is paid, and when, and what is left of units; if the event is cancelled, at what rate it was funded.
    """
    if event_record._is_price(record) and status == event_record.ACTIVE:
        self._set_price(record)
    self._terms[record.coaf] &= _RATE_FIELDS
    left: uint256 = 0
    if status == event_record.ACTIVE:
        left = (record.units_before << BEFORE_SHIFT) | record.units_after
        self._terms[record.coaf] = (
            record.numerator
            | (record.denominator << 96)
            | (record.record_day << 192)
            | (record.payment_day << 208)
            | (record.relief_until << 224)
            | (record.expires << 240)
        )
    if self._left[record.coaf] != left:
        self._left[record.coaf] = left


@internal
def _set_price(record: event_record.EventRecord):
    """
    @dev Keep the price of a ratio's fractions, for good. Home has one for each ratio in force, of the same CORP; what
         contradicts it elsewhere changes nothing.
    """
    epoch: uint256 = record.unit_epoch
    if dispatch.is_home:
        coaf: bytes32 = self._coaf_of[epoch]
        assert (
            coaf != empty(bytes32)
            and self.event_of[coaf].corp == record.corp
            and epoch <= staticcall ISecurityToken(dispatch.token).action_epoch()
        ), "events: price of no ratio in force"
        assert self._prices[epoch] == 0, "events: price stands"
    if self._prices[epoch] == 0:
        self._priced[epoch] = record.coaf
        self._prices[epoch] = (
            record.numerator
            | (record.denominator << 96)
            | (record.payment_day << 192)
            | (record.cash_decimals << 208)
            | (convert(record.currency, uint256) << 216)
        )


@internal
def _reverse(coaf: bytes32):
    """
    @dev Nothing is paid of an event any more. Its payment day stays: it can't be cancelled.
    """
    self._terms[coaf] &= ~(_DAY_MASK << 192)


@internal
def _halt(coaf: bytes32):
    """
    @dev Nothing of an event goes on here, for good.
    """
    in_force: bytes32 = self.event_of[coaf].in_force
    self._versions[in_force] = self._versions[in_force] | _HALTED
    self._terms[coaf] &= _RATE_FIELDS


@internal
def _keep_close(in_force: bytes32, day: uint256, status: uint256, hashed: bytes32) -> bool:
    """
    @dev Have the token keep the close of a record day for ever; whether it is too late for that. Whatever else keeps
         the token from it reverts, and passes: who makes a call fail must not make an event late.
    """
    if day == 0 or status == event_record.CANCELLED:
        return False
    before: Version = self._version(in_force)
    if day == before.record_day:
        # As the version before found it.
        return before.late
    token: ISecurityToken = ISecurityToken(dispatch.token)
    today: uint256 = staticcall token.business_day()
    if day + _KEPT_DAYS < today:
        return True
    extcall token.announce_close(day, _RECORD_DATE, hashed)
    return False


@internal
def _is_contradicted(record: event_record.EventRecord, hashed: bytes32, status: uint256) -> bool:
    """
    @dev Whether what is known here can't be true beside the record shown; logs both.
    """
    version: uint256 = record.version
    shown: bytes32 = hashed
    shown_status: uint256 = status
    known: bytes32 = self.record_hash[record.coaf][version]
    if known in [empty(bytes32), hashed] and self._version(hashed).status in [0, status]:
        if version <= 1:
            return False
        # It names the version before it.
        version -= 1
        shown = record.previous
        shown_status = 0
        known = self.record_hash[record.coaf][version]
        if known in [empty(bytes32), shown]:
            return False
    log EventHalted(
        coaf=record.coaf,
        version=version,
        known_hash=known,
        known_status=self._version(known).status,
        shown_hash=shown,
        shown_status=shown_status,
    )
    return True


@internal
def _tell(coaf: bytes32, hashed: bytes32):
    """
    @dev Tell what is in force: home tells every ledger of the record, another ledger tells home when it took it.
    """
    version: Version = self._version(hashed)
    event_version: bytes32 = event_record._version_hash(hashed, version.status)
    if dispatch.is_home:
        header: dispatch.Header = dispatch._send(dispatch.RECORD, event_version)
        log RecordSent(
            coaf=coaf,
            id=dispatch._id(header),
            header=header,
            record_hash=hashed,
            status=version.status,
        )
        return
    armed: Armed = Armed(
        coaf=coaf,
        version=version.version,
        event_version=event_version,
        taken_at=version.since,
        late=version.late,
    )
    header: dispatch.Header = dispatch._send(dispatch.ARMED, self._armed_body(armed))
    log ArmedSent(coaf=coaf, id=dispatch._id(header), header=header, armed=armed)


@internal
@pure
def _armed_body(armed: Armed) -> bytes32:
    """
    @dev EIP-712 struct hash of what a remote ledger tells home.
    """
    return keccak256(abi_encode(_ARMED_TYPEHASH, armed))


@internal
@pure
def _attestors_act(verifier: address) -> bytes32:
    """
    @dev Hash of the act of setting who confirms events.
    """
    return keccak256(abi_encode("set_attestors", verifier))
