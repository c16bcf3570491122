# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Lanes: one instrument between one home and one remote ledger, each with a ledger of its own
@license Apache-2.0
@author Tallystick
@notice Opens lanes, keeps their terms, stops and suspends them; shows what each owes.
@dev A lane is a CSD link: what its custody holds is what it owes. On the home side `outstanding` is what was
     locked and not released; on the remote side, what was issued and not burned. Neither can go
     below zero, so that one lane can never pay from another's units (INV-2, INV-7).
     The ledger is kept in units of the lane's action epoch; a ratio transforms ledger and epoch in one act, the first
     after its moment (`restating`). The terms word says when to look.
     A change of a lane's verifiers, cap and limit takes two keys and time: the operator proposes, an administrator
     confirms; then it waits for the lane's delay, shown in full, while the guardian can cancel it; then anyone applies
     it. There is no way round, for nobody.
     Who proves what arrives is trusted in epochs: verifiers that are replaced stay valid for a retention time, so that
     messages in flight need no new signatures. An epoch has one verifier, or two of distinct operators who both must
     prove a message; a lane of grade production has two, always.
     A remote ledger has one lane an instrument, to its home: whoever breaks another lane reaches nothing here.
     Each end may limit what arrives there (`limits`): what is over the limit comes later, nothing is lost.

       terms   mover 160 | side and stops 8 | decimals 8 | action epoch 10 | cap, whole units 43 |
               next ratio's first day 16, 0: none | close of business, minutes after midnight UTC 11
       ledger  outstanding 104 | messages sent 47 | page of arrivals 41 | its bits 64
       epoch   verifier 160 | whether there is a second 1 | valid from 47 | valid until 48
"""
from interfaces import IBridgeEscrow
from interfaces import ILaneCustody
from interfaces import IReleaseAuthority
from interfaces import ISecurityToken
from interfaces import IVerifier

from contracts.bridge import limits
from contracts.bridge import message
from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction
from contracts.governance import stops

uses: access
uses: stops


# Side and stops of a lane, in the terms word.
HOME: constant(uint256) = 2**160
_PAUSED_OUT: constant(uint256) = 2**161
_PAUSED_IN: constant(uint256) = 2**162
_PAUSE_SHIFT: constant(uint256) = 161
_SUSPENDED: constant(uint256) = 2**163
# What arrives is limited; what leaves has a least amount: each says that there is more to read.
LIMITED: constant(uint256) = 2**164
_MINIMUM: constant(uint256) = 2**165
# Its end is under way: nothing leaves. It has ended: nothing leaves, arrives or goes back, for ever. See `endings`.
ENDING: constant(uint256) = 2**166
ENDED: constant(uint256) = 2**167
_ALL_DIRECTIONS: constant(uint256) = 3
_DECIMALS_SHIFT: constant(uint256) = 168
_EPOCH_SHIFT: constant(uint256) = 176
_EPOCH_MASK: constant(uint256) = 2**10 - 1
_CAP_SHIFT: constant(uint256) = 186
_CAP_MAX: constant(uint256) = 2**43 - 1
_NEXT_SHIFT: constant(uint256) = 229
_DAY_MAX: constant(uint256) = 2**16 - 1
# Of the next ratio's first day: one is announced, and may be due.
NEXT: constant(uint256) = _DAY_MAX * 2**229
# Of an epoch that is over: above the remainder.
SENT_SHIFT: constant(uint256) = 40
_MINUTE_SHIFT: constant(uint256) = 245
SECONDS_PER_DAY: constant(uint256) = 86400

AMOUNT_MAX: constant(uint256) = 2**104 - 1
_SENT_SHIFT: constant(uint256) = 104
_SENT_MAX: constant(uint256) = 2**47 - 1
_PAGE_SHIFT: constant(uint256) = 151
_PAGE_MAX: constant(uint256) = 2**41 - 1
_BITS_SHIFT: constant(uint256) = 192

# What a lane is for; both sides say the same, as its id commits to it. Production asks for two verifiers.
_PILOT: constant(uint8) = 1
_PRODUCTION: constant(uint8) = 2

# Less leaves no time to notice a wrong verifier, nor to deliver what is in flight.
_MIN_CHANGE_DELAY: constant(uint256) = 10 * 60
_MAX_CHANGE_DELAY: constant(uint256) = 30 * 86400
_MIN_RETENTION: constant(uint256) = 60 * 60
_MAX_RETENTION: constant(uint256) = 90 * 86400
_TIME_MASK: constant(uint256) = 2**48 - 1
_FROM_MASK: constant(uint256) = 2**47 - 1
# Of an epoch's word: a second verifier must prove what arrives, too.
TWO: constant(uint256) = 2**95
# Whoever sums an instrument's lanes walks them all.
MAX_LANES: constant(uint256) = 16
# A closed lane is walked for closes of before as long as engines fix any, and two days: then another may be.
_KEPT_DAYS: constant(uint256) = 102
_DAY_MASK: constant(uint256) = 2**16 - 1
UNTIL_SHIFT: constant(uint256) = 16


struct LaneTerms:
    isin: String[12]
    home: bool
    token: address
    custody: address
    # Of the newest epoch, see `epoch_at`; the second may be nobody on a lane of grade pilot.
    verifier: address
    second: address
    # Seconds from the confirmation of a change until it can be applied; how long verifiers that it replaces stay valid.
    change_delay: uint256
    retention: uint256
    peer_ledger: bytes32
    peer_escrow: bytes32
    # Most that may be outstanding, in whole units; the largest value is no limit.
    cap: uint256
    # Most that may arrive here at once, in whole units; the largest value is no limit. Seconds in which that room comes
    # back, and in which it grows from nothing after a new verifier: see `limits`.
    limit: uint256
    limit_window: uint256
    ramp: uint256
    # Least base units that may leave; 0: any.
    minimum: uint256
    # What both sides count alike, as the record states it; part of the lane's id.
    decimals: uint8
    close_minute: uint16
    # 1 pilot, 2 production; part of the lane's id.
    grade: uint8


struct PendingTerms:
    verifier: address
    second: address
    cap: uint256
    limit: uint256
    # 0: no change is pending.
    applies_from: uint256


struct LaneEnds:
    token: address
    custody: address
    peer_ledger: bytes32
    # First business day of whose close it has books, 0: of any; and the first one of whose it has none any more.
    first_day: uint256
    until: uint256


struct Epoch:
    verifier: address
    # Nobody: the first proves alone.
    second: address
    valid_from: uint256
    valid_until: uint256


struct LastState:
    # How many lists of the lane were in force before this one.
    list: uint256
    # The last block of the dead ledger: number, hash, its clock.
    number: uint256
    block_hash: bytes32
    time: uint256
    # Its action epoch then, in whose units the list is.
    epoch: uint256
    # Of the tree of who gets what at home, and what that sums up to, in base units.
    root: bytes32
    total: uint256


struct Ending:
    state: LastState
    # Who proposed it.
    registrar: address
    # 0: nobody has confirmed it.
    applies_from: uint256


struct Words:
    terms: uint256
    ledger: uint256
    limit: uint256
    suspense: uint256


struct Lane:
    terms: LaneTerms
    epoch: uint256
    outstanding: uint256
    suspense: uint256
    sent: uint256
    paused_directions: uint256


_terms: HashMap[bytes32, uint256]
_ledger: HashMap[bytes32, uint256]
# lane -> nonce / 64 -> bits of the nonces that arrived (INV-3); the newest page is in the ledger word
_arrived: HashMap[bytes32, HashMap[uint256, uint256]]
# lane -> base units in suspense, in those of the epoch beside them, see `flows`
_suspense: HashMap[bytes32, uint256]
# lane -> epoch -> its word
_epochs: HashMap[bytes32, HashMap[uint256, uint256]]
# lane -> epoch -> its second verifier, where its word says that there is one
_seconds: HashMap[bytes32, HashMap[uint256, address]]
# lane -> its newest epoch
_newest: HashMap[bytes32, uint256]
_opened_with: HashMap[bytes32, LaneTerms]
# lane -> the one change that waits
_pending: HashMap[bytes32, PendingTerms]
# keccak256(isin, peer ledger) -> the one lane there may be
canonical_lane: public(HashMap[bytes32, bytes32])
# custody -> the one lane whose units lie there
lane_of_custody: public(HashMap[address, bytes32])
# keccak256(isin) -> its lanes: at home one for each remote ledger, there the one to its home
_lanes_of: HashMap[bytes32, DynArray[bytes32, MAX_LANES]]
# Created this escrow's proxy; knows the code of a custody.
release_authority: public(address)
# lane -> base units sent since it was opened, and what that and `_suspense` were at past closes: see `flows`
_sent: HashMap[bytes32, uint256]
_openings: HashMap[bytes32, HashMap[uint256, uint256]]
# lane -> its limit's word, see `limits`
_limits: HashMap[bytes32, uint256]
# lane -> the end, or the further list, that is proposed or under way, see `endings`
_endings: HashMap[bytes32, Ending]
# lane -> how many lists are in force; their roots; base units that each still owes, in those of the epoch beside them,
# and all of a lane together, in the lane's
_lists: HashMap[bytes32, uint256]
_roots: HashMap[bytes32, HashMap[uint256, bytes32]]
_owed: HashMap[bytes32, HashMap[uint256, uint256]]
_promised: HashMap[bytes32, uint256]
# leaf of a list -> whether it was paid
_paid: HashMap[bytes32, bool]
# lane -> action epoch that is over -> what the ratio that ended it left of what was outstanding, in parts of its
# denominator 40 | base units sent in it 104
_by_epoch: HashMap[bytes32, HashMap[uint256, uint256]]
# lane -> first business day of whose close it has books 16 | first of whose it has none, being closed 16, 0: open
_spans: HashMap[bytes32, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[19]


event LaneProposed:
    act: indexed(bytes32)
    token: indexed(address)
    terms: LaneTerms


event LaneTermsProposed:
    act: indexed(bytes32)
    lane: indexed(bytes32)
    verifier: indexed(address)
    second: address
    cap: uint256
    limit: uint256


event LaneTermsConfirmed:
    lane: indexed(bytes32)
    verifier: indexed(address)
    second: address
    cap: uint256
    limit: uint256
    applies_from: uint256


event LaneTermsCancelled:
    lane: indexed(bytes32)
    cancelled_by: indexed(address)


event LaneOpened:
    lane: indexed(bytes32)
    token: indexed(address)
    terms: LaneTerms


event LaneTermsSet:
    lane: indexed(bytes32)
    verifier: indexed(address)
    second: address
    cap: uint256
    limit: uint256


event EpochBegins:
    lane: indexed(bytes32)
    epoch: indexed(uint256)
    verifier: indexed(address)
    second: address
    valid_from: uint256


event EpochEnds:
    lane: indexed(bytes32)
    epoch: indexed(uint256)
    valid_until: uint256


event LanePaused:
    lane: indexed(bytes32)
    directions: uint256
    ends_at: uint256


event LaneUnpaused:
    lane: indexed(bytes32)
    directions: uint256
    # At the latest.
    ends_at: uint256


event LaneSuspensionSet:
    lane: indexed(bytes32)
    suspended: bool


# ------------------------------------------------------------- operator, two keys


@external
def propose_lane(terms: LaneTerms, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes to open a lane; an administrator carries it out with `open_lane`.
    @param terms The lane's terms.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._open_act(terms)
    access._propose(act, access.OPERATOR, access.ADMINISTRATOR, terms.token, reason, document)
    log LaneProposed(act=act, token=terms.token, terms=terms)
    return act


@external
def propose_lane_terms(
    lane: bytes32,
    verifier: address,
    second: address,
    cap: uint256,
    limit: uint256,
    reason: bytes4,
    document: bytes32,
) -> bytes32:
    """
    @notice The operator proposes a lane's verifiers, cap and limit; an administrator confirms with
            `confirm_lane_terms`.
    @dev Several may wait; the first that replaces a verifier ends the others.
    @param lane The lane.
    @param verifier The verifier of what arrives.
    @param second Who must prove it too, of another operator; nobody: the first alone, on a lane of grade pilot.
    @param cap Most that may be outstanding, in whole units.
    @param limit Most that may arrive at once, in whole units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._terms_act(lane, verifier, second, cap, limit)
    access._propose(act, access.OPERATOR, access.ADMINISTRATOR, verifier, reason, document)
    log LaneTermsProposed(
        act=act, lane=lane, verifier=verifier, second=second, cap=cap, limit=limit
    )
    return act


@external
def open_lane(terms: LaneTerms, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice Open the lane of an instrument to a peer ledger; there is one for each pair, after one that was closed.
    @dev By the set-up key, or by an administrator after the operator's proposal. Nothing opens a closed lane again, as
         its nonces would begin again: the next one of a pair differs in grade or escrow, and has another custody.
    @param terms The lane's terms.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The lane's id, the same on both ledgers.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._open_act(terms), access.ADMINISTRATOR)
    assert code._is_code(terms.token), "lanes: token has no code"
    assert staticcall IReleaseAuthority(self.release_authority).is_custody(
        terms.custody, terms.token
    ), "lanes: no custody of that token"
    assert (
        terms.change_delay >= _MIN_CHANGE_DELAY and terms.change_delay <= _MAX_CHANGE_DELAY
    ), "lanes: delay out of range"
    # Never below the delay: verifiers replaced in turn on both ledgers of a lane overlap the next ones on both.
    assert (
        terms.retention >= max(terms.change_delay, _MIN_RETENTION)
        and terms.retention <= _MAX_RETENTION
    ), "lanes: retention out of range"
    assert terms.grade == _PILOT or terms.grade == _PRODUCTION, "lanes: unknown grade"
    self._check_terms(terms.grade, terms.verifier, terms.second, terms.cap, terms.limit)
    assert terms.minimum <= AMOUNT_MAX, "lanes: minimum out of range"
    token: ISecurityToken = ISecurityToken(terms.token)
    custody: ILaneCustody = ILaneCustody(terms.custody)
    isin: String[12] = staticcall token.isin()
    assert keccak256(isin) == keccak256(terms.isin), "lanes: token of another ISIN"
    home: bool = staticcall token.is_home()
    assert home == terms.home, "lanes: token of the other side"
    assert staticcall token.is_link(terms.custody), "lanes: custody is no link account"
    custody_escrow: address = staticcall custody.escrow()
    assert custody_escrow == self, "lanes: custody of another escrow"
    decimals: uint8 = staticcall token.decimals()
    assert decimals == terms.decimals, "lanes: token of other decimals"
    close_minute: uint256 = staticcall token.close_minute()
    assert close_minute == convert(
        terms.close_minute, uint256
    ), "lanes: token of another close of business"
    epoch: uint256 = staticcall token.action_epoch()
    here: bytes32 = message._this_ledger()
    this_escrow: bytes32 = convert(convert(self, uint256), bytes32)
    assert terms.peer_ledger != here, "lanes: peer is this ledger"
    assert terms.peer_ledger != empty(bytes32), "lanes: no peer ledger"
    assert terms.peer_escrow != empty(bytes32), "lanes: no peer escrow"
    lane: bytes32 = message._lane_id(
        isin,
        decimals,
        terms.close_minute,
        terms.grade,
        here,
        this_escrow,
        terms.peer_ledger,
        terms.peer_escrow,
    )
    if not terms.home:
        lane = message._lane_id(
            isin,
            decimals,
            terms.close_minute,
            terms.grade,
            terms.peer_ledger,
            terms.peer_escrow,
            here,
            this_escrow,
        )
    pair: bytes32 = keccak256(abi_encode(isin, terms.peer_ledger))
    former: bytes32 = self.canonical_lane[pair]
    first_day: uint256 = self._spans[former] >> UNTIL_SHIFT
    assert former == empty(bytes32) or first_day != 0, "lanes: pair has its lane"
    assert self._terms[lane] == 0, "lanes: closed for ever"

    # Each lane's units are physically its own (INV-7).
    assert self.lane_of_custody[terms.custody] == empty(bytes32), "lanes: custody of another lane"

    instrument: bytes32 = keccak256(isin)
    walked: DynArray[bytes32, MAX_LANES] = self._still_walked(instrument, terms.home, close_minute)
    assert len(walked) < MAX_LANES, "lanes: instrument on too many ledgers"
    walked.append(lane)
    self._lanes_of[instrument] = walked
    # One ledger's figures of a close are one lane's books.
    self._spans[lane] = first_day
    self.canonical_lane[pair] = lane
    self.lane_of_custody[terms.custody] = lane
    self._opened_with[lane] = terms
    word: uint256 = (
        convert(terms.custody if terms.home else terms.token, uint256)
        | (convert(decimals, uint256) << _DECIMALS_SHIFT)
        | (epoch << _EPOCH_SHIFT)
        | (close_minute << _MINUTE_SHIFT)
    )
    if terms.home:
        word |= HOME
    if terms.minimum != 0:
        word |= _MINIMUM
    self._limits[lane] = limits._opened(
        self._base_limit(word, terms.limit), terms.limit_window, terms.ramp
    )
    self._set_cap(lane, word, terms.cap, terms.limit)
    instruction._record(terms.token, reason, document)
    log LaneOpened(lane=lane, token=terms.token, terms=terms)
    self._begin(lane, 1, terms.verifier, terms.second)
    # The ratio that is next.
    extcall IBridgeEscrow(self).bring_up(lane)
    return lane


@external
def confirm_lane_terms(
    lane: bytes32,
    verifier: address,
    second: address,
    cap: uint256,
    limit: uint256,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Confirm the operator's change of a lane's verifiers, cap and limit; it can be applied after the lane's
            delay.
    @dev An administrator does, never the set-up key, which opens lanes and changes none. One change waits at a time.
    @param lane The lane.
    @param verifier The verifier of what arrives.
    @param second Who must prove it too; nobody: the first alone.
    @param cap Most that may be outstanding, in whole units.
    @param limit Most that may arrive at once, in whole units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    access._carry_out(self._terms_act(lane, verifier, second, cap, limit), access.ADMINISTRATOR)
    self._open_terms(lane)
    assert self._pending[lane].applies_from == 0, "lanes: change pending"
    # Now, so that nothing can stand against it when it is applied.
    self._check_terms(self._opened_with[lane].grade, verifier, second, cap, limit)
    applies_from: uint256 = unsafe_add(block.timestamp, self._opened_with[lane].change_delay)
    self._pending[lane] = PendingTerms(
        verifier=verifier, second=second, cap=cap, limit=limit, applies_from=applies_from
    )
    instruction._record(verifier, reason, document)
    log LaneTermsConfirmed(
        lane=lane,
        verifier=verifier,
        second=second,
        cap=cap,
        limit=limit,
        applies_from=applies_from,
    )


@external
def end_epoch(lane: bytes32, number: uint256, reason: bytes4, document: bytes32):
    """
    @notice An administrator ends an epoch of a lane at once: keys of its verifiers are lost or stolen.
    @dev Ending the newest stops what arrives until another verifier is valid. A change that is pending stays so: who
         fears the verifier in it cancels it.
    @param lane The lane.
    @param number The epoch.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    assert self._epochs[lane][number] & _TIME_MASK > block.timestamp, "lanes: no epoch to end"
    instruction._record(empty(address), reason, document)
    self._end(lane, number, block.timestamp)


# ------------------------------------------------------------------------ engine


@external
def set_suspended(lane: bytes32, suspended: bool, reason: bytes4, document: bytes32):
    """
    @notice Home: suspend a lane, both ways, or let it go on; no other lane changes (INV-7).
    @dev The actions engine of the lane's token does, by facts alone (R-14). Beside the guardian's stops: neither lifts
         the other, and this one does not end by itself. What is in flight waits; claims from suspense go on.
    @param lane The lane.
    @param suspended Whether it is suspended after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role actions
    """
    word: uint256 = self._open_terms(lane)
    # Who that is the token says: this contract serves many instruments.
    role: uint256 = staticcall ISecurityToken(self._opened_with[lane].token).role_of(msg.sender)
    assert role == access.ACTIONS, "lanes: only its token's engine"
    self._terms[lane] = word | _SUSPENDED if suspended else word & ~_SUSPENDED
    instruction._record(empty(address), reason, document)
    log LaneSuspensionSet(lane=lane, suspended=suspended)


# ---------------------------------------------------------------------- guardian


@external
def pause_lane(lane: bytes32, directions: uint256, reason: bytes4, document: bytes32):
    """
    @notice Stop what leaves (1), what arrives (2), or both (3), on one lane.
    @dev By the guardian for a week; an administrator prolongs what the guardian stopped, and the other way round,
         see Stops. Claims from suspense go on.
    @param lane The lane.
    @param directions What to stop, or to prolong.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, guardian
    """
    access._check_role(access.GUARDIAN | access.ADMINISTRATOR)
    word: uint256 = self._open_terms(lane)
    assert directions != 0 and directions <= _ALL_DIRECTIONS, "lanes: unknown direction"
    ends_at: uint256 = stops._stop(lane, directions)
    self._terms[lane] = word | (directions << _PAUSE_SHIFT)
    instruction._record(empty(address), reason, document)
    log LanePaused(lane=lane, directions=directions, ends_at=ends_at)


@external
def unpause_lane(lane: bytes32, directions: uint256, reason: bytes4, document: bytes32):
    """
    @notice Let go on, within a day, what a guardian stopped on one lane; another role's act.
    @dev The guardian may stop it anew meanwhile.
    @param lane The lane.
    @param directions What to let go on.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    word: uint256 = self._open_terms(lane)
    assert directions != 0 and directions <= _ALL_DIRECTIONS, "lanes: unknown direction to lift"
    ended: uint256 = stops._lift(lane, directions)
    self._terms[lane] = word & ~(ended << _PAUSE_SHIFT)
    instruction._record(empty(address), reason, document)
    log LaneUnpaused(
        lane=lane,
        directions=directions,
        ends_at=unsafe_add(block.timestamp, stops.LIFT_DELAY),
    )


@external
def cancel_lane_terms(lane: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Cancel the change of a lane's terms that is pending; until it is applied.
    @dev The guardian does, who watches what two keys confirmed; or an administrator, who thought better of it.
    @param lane The lane.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, guardian
    """
    access._check_role(access.GUARDIAN | access.ADMINISTRATOR)
    assert self._pending[lane].applies_from != 0, "lanes: no change to cancel"
    self._pending[lane] = empty(PendingTerms)
    instruction._record(empty(address), reason, document)
    log LaneTermsCancelled(lane=lane, cancelled_by=msg.sender)


# ------------------------------------------------------------------------ anyone


@external
def apply_lane_terms(lane: bytes32):
    """
    @notice Apply the change of a lane's terms that has waited for its delay.
    @dev Cap and limit count from now on, in whole units as they are now; verifiers that differ begin an epoch, and
         those before end a retention later.
    @param lane The lane.
    @custom:role anyone
    """
    pending: PendingTerms = self._pending[lane]
    assert pending.applies_from != 0, "lanes: no change pending"
    assert block.timestamp >= pending.applies_from, "lanes: change waits"
    self._pending[lane] = empty(PendingTerms)
    self._set_cap(lane, self._current(lane), pending.cap, pending.limit)
    log LaneTermsSet(
        lane=lane,
        verifier=pending.verifier,
        second=pending.second,
        cap=pending.cap,
        limit=pending.limit,
    )
    number: uint256 = self._newest[lane]
    newest: uint256 = self._epochs[lane][number]
    # The same ones begin nothing: an epoch that was ended, as their keys were stolen, must not come back with a cap.
    if (
        newest >> 96 == convert(pending.verifier, uint256)
        and self._seconds[lane][number] == pending.second
    ):
        return
    valid_until: uint256 = unsafe_add(block.timestamp, self._opened_with[lane].retention)
    if newest & _TIME_MASK > valid_until:
        self._end(lane, number, valid_until)
    self._begin(lane, unsafe_add(number, 1), pending.verifier, pending.second)


# ------------------------------------------------------------------------- views


@external
@view
def lane_state(lane: bytes32) -> Lane:
    """
    @notice A lane's terms and ledger.
    @param lane The lane.
    @return Terms now in force; newest epoch; base units outstanding and in suspense; messages sent; stops.
    """
    words: Words = self._seen(lane)
    word: uint256 = words.terms
    number: uint256 = self._newest[lane]
    terms: LaneTerms = self._opened_with[lane]
    terms.verifier = convert(self._epochs[lane][number] >> 96, address)
    terms.second = self._seconds[lane][number]
    terms.cap = (word >> _CAP_SHIFT) & _CAP_MAX
    terms.limit = limits.UNLIMITED
    if word & LIMITED != 0:
        terms.limit = (limits._state(words.limit).limit // 10**convert(terms.decimals, uint256))
    return Lane(
        terms=terms,
        epoch=number,
        outstanding=words.ledger & AMOUNT_MAX,
        suspense=words.suspense,
        sent=(words.ledger >> _SENT_SHIFT) & _SENT_MAX,
        paused_directions=stops._running(lane, _ALL_DIRECTIONS),
    )


@external
@view
def pending_lane_terms(lane: bytes32) -> PendingTerms:
    """
    @notice The change of a lane's terms that was confirmed and not applied.
    @param lane The lane.
    @return Verifiers, cap and limit in whole units, and from when on anyone can apply it; all 0: there is none.
    """
    return self._pending[lane]


@external
@view
def posture(lane: bytes32) -> uint256:
    """
    @notice What a lane lacks of one that is in order for production, as this ledger knows it.
    @param lane The lane.
    @return Bits: 1 its grade is pilot, 2 one verifier alone, 4 no cap, 8 its newest epoch has ended, 16 suspended,
        32 what leaves is stopped, 64 what arrives is stopped, 128 the set-up is not handed over, 256 no limit,
        512 its end is under way, 1024 it has ended. 0: nothing.
    """
    word: uint256 = self._seen(lane).terms
    newest: uint256 = self._epochs[lane][self._newest[lane]]
    lacks: uint256 = stops._running(lane, _ALL_DIRECTIONS) << 5
    if self._opened_with[lane].grade == _PILOT:
        lacks |= 1
    if newest & TWO == 0:
        lacks |= 2
    if (word >> _CAP_SHIFT) & _CAP_MAX == _CAP_MAX:
        lacks |= 4
    if newest & _TIME_MASK <= block.timestamp:
        lacks |= 8
    if word & _SUSPENDED != 0:
        lacks |= 16
    if access.set_up_key != empty(address):
        lacks |= 128
    if word & LIMITED == 0:
        lacks |= 256
    if word & ENDING != 0:
        lacks |= 512
    if word & ENDED != 0:
        lacks |= 1024
    return lacks


@external
@view
def limit_state(lane: bytes32) -> limits.LimitState:
    """
    @notice What a lane's limit here is and has counted.
    @param lane The lane.
    @return Limit in base units, 0: none; window and ramp in seconds; when its room began to grow; when all that arrived
        is worked off, in 2**-32 seconds.
    """
    return limits._state(self._seen(lane).limit)


@external
@view
def room(lane: bytes32) -> uint256:
    """
    @notice The most base units that would be credited at once if they arrived on a lane now.
    @param lane The lane.
    @return Base units; without a limit the largest amount there is.
    """
    words: Words = self._seen(lane)
    if words.terms & LIMITED == 0:
        return AMOUNT_MAX
    return limits._room(words.limit)


@external
@view
def would_wait(lane: bytes32, amount: uint256) -> uint256:
    """
    @notice From when on an amount could be credited here if it arrived on a lane now, for whoever is to send it there.
    @param lane The lane.
    @param amount Base units.
    @return The time; 0: at once.
    """
    assert amount <= AMOUNT_MAX, "lanes: more than can arrive"
    words: Words = self._seen(lane)
    if words.terms & LIMITED == 0:
        return 0
    return limits._until(limits._after(words.limit, amount))


@external
@view
def is_suspended(lane: bytes32) -> bool:
    """
    @notice Whether a lane is suspended here.
    @param lane The lane.
    @return Whether it is.
    """
    return self._open_terms(lane) & _SUSPENDED != 0


@external
@view
def lanes_of(instrument: bytes32) -> DynArray[bytes32, MAX_LANES]:
    """
    @notice The lanes of an instrument, in the order in which they were opened; on a remote ledger the one to its home.
    @dev A closed one is among them until a lane is opened later than 102 days after it was closed.
    @param instrument keccak256 of the ISIN.
    @return The lanes.
    """
    return self._lanes_of[instrument]


@external
@view
def lane_ends(lane: bytes32) -> LaneEnds:
    """
    @notice Where a lane ends, for contracts that ask: what never changes, and of which closes it has books.
    @param lane The lane.
    @return Its token and custody here, and the ledger at its other end, nothing if it was never opened; first business
        day of whose close it has books, and from which day on it has none, the last of all: it is open.
    """
    span: uint256 = self._spans[lane]
    until: uint256 = span >> UNTIL_SHIFT
    return LaneEnds(
        token=self._opened_with[lane].token,
        custody=self._opened_with[lane].custody,
        peer_ledger=self._opened_with[lane].peer_ledger,
        first_day=span & _DAY_MASK,
        until=until if until != 0 else _DAY_MASK,
    )


@external
@view
def epoch_at(lane: bytes32, number: uint256) -> Epoch:
    """
    @notice Who proves what arrives on a lane in an epoch.
    @param lane The lane.
    @param number The epoch; the newest is in `lane_state`.
    @return The verifier and the second, and from when until when (exclusive) they are valid; nobody if there is no such
        epoch.
    """
    word: uint256 = self._epochs[lane][number]
    return Epoch(
        verifier=convert(word >> 96, address),
        second=self._seconds[lane][number],
        valid_from=(word >> 48) & _FROM_MASK,
        valid_until=word & _TIME_MASK,
    )


# ---------------------------------------------------------------------- internal


@internal
@pure
def _open_act(terms: LaneTerms) -> bytes32:
    """
    @dev Hash of the act of opening a lane.
    """
    return keccak256(abi_encode("open_lane", terms))


@internal
@view
def _still_walked(
    instrument: bytes32, home: bool, close_minute: uint256
) -> DynArray[bytes32, MAX_LANES]:
    """
    @dev An instrument's lanes but those that were closed long ago; revert if this is a remote ledger and one is open.
    """
    today: uint256 = (block.timestamp - close_minute * 60) // SECONDS_PER_DAY + 1
    walked: DynArray[bytes32, MAX_LANES] = []
    for lane: bytes32 in self._lanes_of[instrument]:
        until: uint256 = self._spans[lane] >> UNTIL_SHIFT
        assert home or until != 0, "lanes: instrument has its home"
        if until == 0 or until + _KEPT_DAYS >= today:
            walked.append(lane)
    return walked


@internal
@view
def _terms_act(
    lane: bytes32, verifier: address, second: address, cap: uint256, limit: uint256
) -> bytes32:
    """
    @dev Hash of the act of changing a lane's terms; of its newest epoch, so that a change of verifier voids the others.
    """
    return keccak256(
        abi_encode("confirm_lane_terms", lane, self._newest[lane], verifier, second, cap, limit)
    )


@internal
@view
def _check_terms(grade: uint8, verifier: address, second: address, cap: uint256, limit: uint256):
    """
    @dev What verifiers, cap and limit must be, at first and at every change.
    """
    assert cap <= _CAP_MAX, "lanes: cap out of range"
    # Nothing at once would be for ever: who wants nothing to arrive stops it.
    assert limit != 0 and limit <= limits.UNLIMITED, "lanes: limit out of range"
    assert code._is_code(verifier), "lanes: verifier has no code"
    if second == empty(address):
        assert grade != _PRODUCTION, "lanes: production needs two verifiers"
        return
    assert second != verifier, "lanes: one verifier twice"
    assert code._is_code(second), "lanes: second verifier has no code"
    operator: bytes32 = staticcall IVerifier(verifier).operator()
    other: bytes32 = staticcall IVerifier(second).operator()
    assert operator != other, "lanes: two verifiers of one operator"


@internal
def _set_cap(lane: bytes32, word: uint256, cap: uint256, limit: uint256):
    """
    @dev Keep a terms word with that cap in it, and that limit beside it.
    """
    set: uint256 = (word & ~((_CAP_MAX << _CAP_SHIFT) | LIMITED)) | (cap << _CAP_SHIFT)
    if limit != limits.UNLIMITED:
        set |= LIMITED
    self._terms[lane] = set
    self._limits[lane] = limits._changed(self._limits[lane], self._base_limit(word, limit))


@internal
@pure
def _base_limit(word: uint256, limit: uint256) -> uint256:
    """
    @dev A limit in base units, 0: none, by the decimals in a terms word.
    """
    if limit == limits.UNLIMITED:
        return 0
    return limit * 10**((word >> _DECIMALS_SHIFT) & 255)


@internal
def _begin(lane: bytes32, number: uint256, verifier: address, second: address):
    """
    @dev Keep a new epoch, valid from now on, open-ended.
    """
    word: uint256 = (convert(verifier, uint256) << 96) | (block.timestamp << 48) | _TIME_MASK
    if second != empty(address):
        word |= TWO
        self._seconds[lane][number] = second
    self._newest[lane] = number
    self._epochs[lane][number] = word
    self._limits[lane] = limits._ramping(self._limits[lane])
    log EpochBegins(
        lane=lane, epoch=number, verifier=verifier, second=second, valid_from=block.timestamp
    )


@internal
def _end(lane: bytes32, number: uint256, valid_until: uint256):
    """
    @dev Set the end of an epoch.
    """
    self._epochs[lane][number] = ((self._epochs[lane][number] >> 48) << 48) | valid_until
    log EpochEnds(lane=lane, epoch=number, valid_until=valid_until)


@internal
@view
def _valid_epoch(lane: bytes32, number: uint256) -> uint256:
    """
    @dev The word of an epoch that is valid now: its verifier, and whether there is a second.
    """
    word: uint256 = self._epochs[lane][number]
    # Of an epoch that there is not, both ends are 0.
    assert (
        block.timestamp >= (word >> 48) & _FROM_MASK and block.timestamp < word & _TIME_MASK
    ), "lanes: no such epoch now"
    return word


@internal
@view
def _check_proven(
    lane: bytes32, id: bytes32, batch: bool, attestation: Bytes[1034], second: Bytes[1034]
):
    """
    @dev Revert unless every verifier of a valid epoch proves a message, or a batch; `transit.deliver` has it in line.
    """
    number: uint256 = convert(extract32(attestation, 0), uint256) >> 192
    epoch: uint256 = self._valid_epoch(lane, number)
    self._ask(convert(epoch >> 96, address), id, batch, attestation)
    if epoch & TWO == 0:
        assert len(second) == 0, "lanes: one verifier alone"
        return
    assert len(second) != 0, "lanes: needs two attestations"
    assert convert(extract32(second, 0), uint256) >> 192 == number, "lanes: of two epochs"
    self._ask(self._seconds[lane][number], id, batch, second)


@internal
@view
def _ask(verifier: address, id: bytes32, batch: bool, attestation: Bytes[1034]):
    """
    @dev Revert unless a verifier finds it proven.
    """
    domain: bytes32 = message._domain_separator()
    proven: bool = False
    if batch:
        proven = staticcall IVerifier(verifier).verify_batch(domain, id, attestation)
    else:
        proven = staticcall IVerifier(verifier).verify(domain, id, attestation)
    assert proven, "lanes: not verified"


@internal
@view
def _open_terms(lane: bytes32) -> uint256:
    """
    @dev Terms word of a lane that exists.
    """
    word: uint256 = self._terms[lane]
    assert word != 0, "lanes: unknown lane"
    return word


@internal
@view
def _is_due(terms: uint256) -> bool:
    """
    @dev Whether a ratio is in force that the lane has not followed.
    """
    next: uint256 = (terms >> _NEXT_SHIFT) & _DAY_MAX
    return next != 0 and self._day_clock(terms) >= unsafe_mul(next, SECONDS_PER_DAY)


@internal
def _current(lane: bytes32) -> uint256:
    """
    @dev Terms word of a lane that exists, as every act on its units begins: in the units of now, with its ledger.
    """
    word: uint256 = self._open_terms(lane)
    if self._is_due(word):
        # Once a ratio; by a call, as one piece alone has what it takes.
        extcall IBridgeEscrow(self).bring_up(lane)
        word = self._terms[lane]
    return word


@internal
@view
def _seen(lane: bytes32) -> Words:
    """
    @dev What is kept of a lane that exists, in the units of now; for views.
    """
    words: Words = empty(Words)
    words.terms, words.ledger, words.limit, words.suspense = staticcall IBridgeEscrow(
        self
    ).restated(lane)
    return words


@internal
@view
def _ratio(lane: bytes32, epoch: uint256) -> ISecurityToken.Ratio:
    """
    @dev What began an epoch of a lane's token, or will; empty if nothing is announced.
    """
    return staticcall ISecurityToken(self._opened_with[lane].token).ratio_at(epoch)


@internal
@view
def _carried(lane: bytes32, amount: uint256, since: uint256, terms: uint256) -> uint256:
    """
    @dev An amount of an epoch in the units of the lane, whose terms word that is; rounded down at each ratio.
    """
    until: uint256 = self._epoch(terms)
    if since == until:
        return amount
    return staticcall ISecurityToken(self._opened_with[lane].token).carried(amount, since, until)


@internal
@pure
def _mover(terms: uint256) -> address:
    """
    @dev What moves a lane's units: its custody at home, its token on the remote ledger.
    """
    return convert(terms & (2**160 - 1), address)


@internal
@pure
def _epoch(terms: uint256) -> uint256:
    """
    @dev Action epoch in whose units the lane is kept.
    """
    return (terms >> _EPOCH_SHIFT) & _EPOCH_MASK


@internal
@view
def _day_clock(terms: uint256) -> uint256:
    """
    @dev This moment as business day * 86400 + seconds since its first; the tokens of both sides count the same days.
    """
    # No close of business is later than its own day.
    return unsafe_add(
        block.timestamp, unsafe_sub(SECONDS_PER_DAY, unsafe_mul(terms >> _MINUTE_SHIFT, 60))
    )


@internal
@view
def _is_paused(lane: bytes32, flag: uint256) -> bool:
    """
    @dev Whether a direction is stopped; asked only while its flag stands in the terms word, which says that it may be.
    """
    return stops._running(lane, flag >> _PAUSE_SHIFT) != 0


@internal
@pure
def _check_suspended(terms: uint256):
    """
    @dev Revert if the lane is suspended or has ended; asked only where a flag of a terms word says that it may be.
    """
    assert terms & ENDED == 0, "lanes: ended"
    assert terms & _SUSPENDED == 0, "lanes: suspended"


@internal
@view
def _token_role(lane: bytes32, account: address) -> uint256:
    """
    @dev An account's role in the lane's token: this contract serves many instruments.
    """
    self._open_terms(lane)
    return staticcall ISecurityToken(self._opened_with[lane].token).role_of(account)


@internal
def _book_out(lane: bytes32, terms: uint256, amount: uint256) -> uint256:
    """
    @dev Enter a message that leaves; returns its nonce. At home the lane owes more, on a remote ledger less.
    """
    if terms & (_PAUSED_OUT + _SUSPENDED + _MINIMUM + ENDING + ENDED) != 0:
        # A lane with a least amount comes by here at every message.
        if terms & (_SUSPENDED + ENDED) != 0:
            self._check_suspended(terms)
        if terms & (_PAUSED_OUT + ENDING) != 0:
            assert terms & ENDING == 0, "lanes: its end is under way"
            assert not self._is_paused(lane, _PAUSED_OUT), "lanes: outbound paused"
        if terms & _MINIMUM != 0:
            assert amount >= self._opened_with[lane].minimum, "lanes: below its minimum"
    ledger: uint256 = self._ledger[lane]
    outstanding: uint256 = ledger & AMOUNT_MAX
    nonce: uint256 = (ledger >> _SENT_SHIFT) & _SENT_MAX
    assert nonce < _SENT_MAX, "lanes: no nonces left"
    if terms & HOME != 0:
        self._check_room(terms, outstanding, amount)
        ledger = unsafe_add(ledger, amount)
    else:
        assert amount <= outstanding, "lanes: more than issued here"
        ledger = unsafe_sub(ledger, amount)
    self._ledger[lane] = unsafe_add(ledger, 1 << _SENT_SHIFT)
    return nonce


@internal
def _book_in(
    lane: bytes32, terms: uint256, ledger: uint256, nonce: uint256, amount: uint256
) -> uint256:
    """
    @dev Enter a message that arrives into the ledger word as it stands; from when on it may be credited, 0: now. At
         home never more is released than is locked on this lane.
    """
    if terms & (_PAUSED_IN + _SUSPENDED + ENDED) != 0:
        self._check_suspended(terms)
        assert not self._is_paused(lane, _PAUSED_IN), "lanes: inbound paused"
    until: uint256 = 0
    if terms & LIMITED != 0:
        # Of what a ratio left nothing, nothing is to be worked off: the word stays, as the logs tell.
        if amount != 0:
            limit: uint256 = self._limits[lane]
            # `limits._after` in line, where it may be credited now: that is below what the word can hold.
            window: uint256 = unsafe_mul(
                (limit >> limits._WINDOW_SHIFT) & limits._WINDOW_MASK, limits.MINUTE
            )
            # Rounded up: neither the amount nor the window is 0.
            drained: uint256 = unsafe_add(
                max(limit >> limits._DRAINED_SHIFT, block.timestamp << limits._FRACTION),
                unsafe_add(
                    unsafe_div(
                        unsafe_sub(unsafe_mul(amount, window), 1),
                        (limit >> limits._LIMIT_SHIFT) & limits._LIMIT_MASK,
                    ),
                    1,
                ),
            )
            if (
                drained <= unsafe_add(block.timestamp << limits._FRACTION, window)
                and block.timestamp >= (limit >> limits._RAMPS_SHIFT) & limits._RAMPS_MASK
            ):
                self._limits[lane] = (limit & limits.NOT_DRAINED) | (
                    drained << limits._DRAINED_SHIFT
                )
            else:
                limit = limits._after(limit, amount)
                until = limits._until(limit)
                self._limits[lane] = limit
    moved: uint256 = 0
    if terms & HOME != 0:
        assert amount <= ledger & AMOUNT_MAX, "lanes: more than locked here"
        moved = unsafe_sub(ledger, amount)
    else:
        # The home side keeps the same cap: only a quorum gone wrong can come up against this one.
        self._check_room(terms, ledger & AMOUNT_MAX, amount)
        moved = unsafe_add(ledger, amount)
    self._ledger[lane] = self._with_arrival(lane, moved, nonce)
    return until


@internal
def _book_back(lane: bytes32, terms: uint256, amount: uint256) -> uint256:
    """
    @dev Enter what waited here and leaves again; returns its nonce. It was outstanding at home before it arrived, and
         is here on a remote ledger, so that no cap is asked; and it is an exit, so that no pause stops it. But nothing
         goes back to a ledger that is dead, or is taken to be.
    """
    if terms & (_SUSPENDED + ENDING + ENDED) != 0:
        self._check_suspended(terms)
        raise "lanes: no way back while its end is under way"
    ledger: uint256 = self._ledger[lane]
    sent: uint256 = (ledger >> _SENT_SHIFT) & _SENT_MAX
    assert sent < _SENT_MAX, "lanes: no nonces left to return"
    outstanding: uint256 = ledger & AMOUNT_MAX
    if terms & HOME != 0:
        assert amount <= AMOUNT_MAX - outstanding, "lanes: more than can be outstanding"
        ledger = unsafe_add(ledger, amount)
    else:
        assert amount <= outstanding, "lanes: more than waits here"
        ledger = unsafe_sub(ledger, amount)
    self._ledger[lane] = unsafe_add(ledger, 1 << _SENT_SHIFT)
    return sent


@internal
def _book_word(lane: bytes32) -> uint256:
    """
    @dev Enter a message without units that leaves; returns its nonce. Neither stop nor suspension keeps it back.
    """
    ledger: uint256 = self._ledger[lane]
    sent: uint256 = (ledger >> _SENT_SHIFT) & _SENT_MAX
    assert sent < _SENT_MAX, "lanes: no nonces left to tell"
    self._ledger[lane] = unsafe_add(ledger, 1 << _SENT_SHIFT)
    return sent


@internal
def _book_undone(lane: bytes32, terms: uint256, amount: uint256):
    """
    @dev Take back the arrival of what waited here and had never left: what is outstanding is as before it.
    """
    ledger: uint256 = self._ledger[lane]
    outstanding: uint256 = ledger & AMOUNT_MAX
    if terms & HOME != 0:
        assert amount <= AMOUNT_MAX - outstanding, "lanes: more undone than can be outstanding"
        self._ledger[lane] = unsafe_add(ledger, amount)
    else:
        assert amount <= outstanding, "lanes: more undone than waits here"
        self._ledger[lane] = unsafe_sub(ledger, amount)


@internal
def _reopen(lane: bytes32, nonce: uint256):
    """
    @dev Free a nonce that arrived: its message was none.
    """
    ledger: uint256 = self._ledger[lane]
    page: uint256 = nonce >> 6
    bit: uint256 = 1 << (nonce & 63)
    if page == (ledger >> _PAGE_SHIFT) & _PAGE_MAX:
        self._ledger[lane] = ledger & ~(bit << _BITS_SHIFT)
    else:
        self._arrived[lane][page] &= ~bit


@internal
def _with_arrival(lane: bytes32, ledger: uint256, nonce: uint256) -> uint256:
    """
    @dev The ledger word once `nonce` has arrived; the caller has checked that it had not. The newest
         page of arrivals is kept in that word, which a delivery writes anyway; it goes to a slot of its own when a
         later page begins. Any order works, and no nonce can stand in another's way.
    """
    page: uint256 = nonce >> 6
    newest: uint256 = (ledger >> _PAGE_SHIFT) & _PAGE_MAX
    if page == newest:
        return ledger | (2**_BITS_SHIFT << (nonce & 63))
    bit: uint256 = 1 << (nonce & 63)
    if page < newest:
        self._arrived[lane][page] |= bit
        return ledger
    assert page <= _PAGE_MAX, "lanes: nonce out of range"
    self._arrived[lane][newest] = ledger >> _BITS_SHIFT
    return (ledger & (2**_PAGE_SHIFT - 1)) | (page << _PAGE_SHIFT) | (bit << _BITS_SHIFT)


@internal
@view
def _has_arrived(lane: bytes32, ledger: uint256, nonce: uint256) -> bool:
    """
    @dev Whether a nonce arrived, by the lane's ledger word as it stands.
    """
    page: uint256 = nonce >> 6
    bits: uint256 = ledger >> _BITS_SHIFT
    if page != (ledger >> _PAGE_SHIFT) & _PAGE_MAX:
        bits = self._arrived[lane][page]
    return (bits >> (nonce & 63)) & 1 != 0


@internal
@pure
def _has_room(terms: uint256, ledger: uint256, amount: uint256) -> bool:
    """
    @dev Whether that much may leave, as `_book_out` asks.
    """
    outstanding: uint256 = ledger & AMOUNT_MAX
    if (ledger >> _SENT_SHIFT) & _SENT_MAX == _SENT_MAX:
        return False
    if terms & HOME == 0:
        return amount <= outstanding
    if amount > AMOUNT_MAX - outstanding:
        return False
    cap: uint256 = (terms >> _CAP_SHIFT) & _CAP_MAX
    return cap == _CAP_MAX or outstanding + amount <= cap * 10**((terms >> _DECIMALS_SHIFT) & 255)


@internal
@pure
def _check_room(terms: uint256, outstanding: uint256, amount: uint256):
    """
    @dev Whether `amount` more may be outstanding.
    """
    assert amount <= AMOUNT_MAX - outstanding, "lanes: outstanding out of range"
    cap: uint256 = (terms >> _CAP_SHIFT) & _CAP_MAX
    if cap != _CAP_MAX:
        scale: uint256 = 10**((terms >> _DECIMALS_SHIFT) & 255)
        assert outstanding + amount <= cap * scale, "lanes: cap reached"
