# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Reconciliation: the books of a lane at any close, and what follows if they don't fit in time (R-13, R-14, INV-7)
@license Apache-2.0
@author Tallystick
@notice Home compares a lane's figures of a close with its own, and tells its remote ledger that they fit. Past the
        deadline anyone has a lane suspended that was not reconciled; the next close that fits lifts it.
@dev A deadline is an event's (its record says until when figures of the record day are waited for), or, where each day
     is asked for, the end of the day after. Each ledger goes by its own storage and clock: a remote ledger that
     was told nothing stops by itself, and nobody's word suspends anything. Home's `fix_lane` and a remote ledger's
     `take_totals` reconcile the record day too, without a message more.
     An engine of which days are asked counts calendar days, each of which has a close: machines tell figures on
     Sundays as well.
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import suspensions
from contracts.governance import access
from contracts.governance import instruction

uses: access
uses: cut
uses: dispatch
uses: events
uses: suspensions

_RECONCILED_TYPEHASH: constant(bytes32) = keccak256(
    "Reconciled(bytes32 lane,uint256 day,uint256 epoch,uint256 crossing)"
)
# The close of a day is reconciled before the close of the next: of this many days ago it was to be by now.
_DAYS_BACK: constant(uint256) = 2
_SECONDS_PER_DAY: constant(uint256) = 86400


struct Reconciled:
    lane: bytes32
    day: uint256
    # In whose units.
    epoch: uint256
    # Base units on their way to the remote ledger then, or arrived there and waiting.
    crossing: uint256


# First business day whose close is asked for, and each one's after it; 0: none is, but those of events.
daily_since: public(uint256)
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[31]


event DailyProposed:
    act: indexed(bytes32)
    daily: bool


event DailySet:
    daily: bool
    since: uint256


event ReconciledSent:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    reconciled: Reconciled
    # What may land at home.
    homeward: uint256


event ReconciledTaken:
    lane: indexed(bytes32)
    reconciled: Reconciled


# ------------------------------------------------------------- operator, two keys


@external
def propose_daily(daily: bool, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes that each day's close is to be reconciled, or events' alone; a day later an
            administrator carries it out with `set_daily`.
    @param daily Whether each day's is.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._daily_act(daily)
    access._propose(
        act, access.OPERATOR, access.ADMINISTRATOR, empty(address), reason, document, dispatch.DELAY
    )
    log DailyProposed(act=act, daily=daily)
    return act


@external
def set_daily(daily: bool, reason: bytes4, document: bytes32):
    """
    @notice Ask for each day's close from today's on, or for events' alone.
    @dev By the set-up key, or by an administrator a day after the operator's proposal. Each ledger asks for its own.
    @param daily Whether each day's is asked for.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._daily_act(daily), access.ADMINISTRATOR)
    assert daily == (self.daily_since == 0), "reconciliation: unchanged"
    self.daily_since = self._today() if daily else 0
    instruction._record(empty(address), reason, document)
    log DailySet(daily=daily, since=self.daily_since)


# ------------------------------------------------------------------------- anyone


@external
def reconcile(lane: bytes32, day: uint256, hints: uint256[3], came_hint: uint256):
    """
    @notice Home: compare what a lane's remote ledger told of a close with what home holds for it, and tell that it
            fits. It lifts the suspension for a break of that day or of one before.
    @param lane The lane.
    @param day The business day.
    @param hints As for `fix_lane`.
    @param came_hint As for the token's `came_at_close`, asked if other bridges brought units there.
    @custom:role anyone
    """
    events._check_home()
    assert cut._counts(lane, day), "reconciliation: no figures, or two"
    epoch: uint256 = cut._epoch_on(day)
    share: cut.Share = empty(cut.Share)
    taken: uint256 = 0
    share, taken = cut._split(lane, day, epoch, hints, cut._brought(lane, day, epoch, came_hint), 0)
    suspensions._reconcile(lane, day, epoch, share.home_crossing)
    reconciled: Reconciled = Reconciled(
        lane=lane,
        day=day,
        epoch=epoch,
        crossing=share.crossing,
    )
    header: dispatch.Header = dispatch._send(dispatch.RECONCILED, self._body(reconciled))
    log ReconciledSent(
        lane=lane,
        id=dispatch._id(header),
        header=header,
        reconciled=reconciled,
        homeward=share.home_crossing,
    )


@external
def take_reconciled(header: dispatch.Header, reconciled: Reconciled, attestation: Bytes[1034]):
    """
    @notice Remote: take that the books fit at a close, if it is a newer one. It lifts the suspension for a break of
            that day or of one before.
    @param header The message, as home logged it.
    @param reconciled What it tells.
    @param attestation What home's verifier here asks for, in the domain of home's engine.
    @custom:role anyone
    """
    assert not dispatch.is_home, "reconciliation: home does it itself"
    dispatch._verify(header, dispatch.RECONCILED, self._body(reconciled), attestation)
    cut._check_lane(reconciled.lane)
    assert reconciled.crossing <= figures.AMOUNT_MAX, "reconciliation: out of range"
    assert reconciled.day < self._today(), "reconciliation: day not closed"
    # In home's, which are later ones if this ledger was late.
    assert (
        reconciled.epoch >= cut._epoch_on(reconciled.day) and reconciled.epoch <= cut._MAX_EPOCHS
    ), "reconciliation: in other units"
    assert (
        reconciled.day > suspensions._reconciliation(reconciled.lane).day
    ), "reconciliation: not a newer day"
    log ReconciledTaken(lane=reconciled.lane, reconciled=reconciled)
    suspensions._reconcile(reconciled.lane, reconciled.day, reconciled.epoch, reconciled.crossing)


@external
def suspend(coaf: bytes32, lane: bytes32, hints: uint256[3], came_hint: uint256):
    """
    @notice Suspend a lane that was not reconciled in time: at home the lane, on a remote ledger the instrument.
    @param coaf The event whose record day was to be; empty: the day before yesterday, where each day is asked for.
    @param lane The lane.
    @param hints At home, if there are figures that don't fit: as for `fix_lane`.
    @param came_hint The same: as for `reconcile`.
    @custom:role anyone
    """
    today: uint256 = self._today()
    day: uint256 = unsafe_sub(today, _DAYS_BACK)
    if coaf == empty(bytes32):
        assert (self.daily_since != 0 and day >= self.daily_since), "reconciliation: no day was due"
    else:
        version: events.Version = events._active(coaf)
        day = version.record_day
        assert self._is_late(coaf, version, today), "reconciliation: deadline not passed"
    # It had no books then; nor has another's lane any.
    assert cut._has_books(lane, day) and self._opened_on(lane) <= day, "reconciliation: no books"
    # What nobody took the trouble to reconcile is no break.
    assert not (
        dispatch.is_home and cut._fits(lane, day, hints, came_hint)
    ), "reconciliation: figures fit"
    suspensions._suspend(lane, coaf, day)


@external
def resume(lane: bytes32):
    """
    @notice Let a lane go on whose break is none any more: its event is cancelled, or asks for another day or for
            longer; or each day is asked for no longer.
    @dev What is reconciled lifts a suspension by itself. That an event is halted does not: a close does.
    @param lane The lane.
    @custom:role anyone
    """
    standing: suspensions.Reconciliation = suspensions._reconciliation(lane)
    assert standing.suspended_for != 0, "reconciliation: not suspended"
    stands: bool = self.daily_since != 0 and standing.suspended_for >= self.daily_since
    if standing.coaf != empty(bytes32):
        version: events.Version = events._version(events.event_of[standing.coaf].in_force)
        stands = (
            version.status == event_record.ACTIVE
            and version.record_day == standing.suspended_for
            and self._is_late(standing.coaf, version, self._today())
        )
    assert not stands, "reconciliation: break stands"
    suspensions._resume(lane)


# ----------------------------------------------------------------------- internal


@internal
@view
def _today() -> uint256:
    """
    @dev The business day that this moment belongs to.
    """
    return staticcall ISecurityToken(dispatch.token).business_day()


@internal
@view
def _is_late(coaf: bytes32, version: events.Version, today: uint256) -> bool:
    """
    @dev Whether the deadline of the version in force has passed. A ledger that was told late has until the end of the
         day after.
    """
    figures_by: uint256 = events._figures_by(coaf)
    return figures_by != 0 and max(figures_by, self._day_of(version.since) + 1) < today


@internal
@view
def _opened_on(lane: bytes32) -> uint256:
    """
    @dev The business day on which a lane was opened here: since then it has had a verifier.
    """
    return self._day_of((staticcall IBridgeEscrow(dispatch.escrow).epoch_at(lane, 1)).valid_from)


@internal
@view
def _day_of(moment: uint256) -> uint256:
    """
    @dev The business day that a moment belongs to.
    """
    minute: uint256 = staticcall ISecurityToken(dispatch.token).close_minute()
    return (moment - minute * 60) // _SECONDS_PER_DAY + 1


@internal
@pure
def _daily_act(daily: bool) -> bytes32:
    """
    @dev Hash of the act of asking for each day's close, or no longer.
    """
    return keccak256(abi_encode("set_daily", daily))


@internal
@pure
def _body(reconciled: Reconciled) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_RECONCILED_TYPEHASH, reconciled))
