# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Suspensions: what stops while a lane's books are not reconciled, and how often they were not (R-14, INV-7)
@license Apache-2.0
@author Tallystick
@notice Keeps of each lane the newest close that was reconciled, what may still land here of what left before it, and
        the break for which it is suspended.
@dev Home suspends the lane alone, both ways: what does not fit may be more than there is. A remote ledger suspends the
     instrument: nobody else's books say that what circulates there is good. What lifts it is a reconciled close, of
     the day of the break or later: who has more at a close than was sent to it fits at no later one either. So
     figures of one day that can never count, since two are there, suspend nobody for ever.

     Ratios make other units of what may land, which can't be told in older ones: the newest close in those is kept as
     well. After a ratio remainders stay in what may land, though all has: nothing here waits for none.

       lane     newest close reconciled 16 | close whose break suspends it 16, 0: none | times suspended 32 |
                may land here 104 | epoch in whose units 7
       before   newest close reconciled 16 | - 48 | may land here 104
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import dispatch

uses: dispatch

# "RECN": why a lane is suspended, or goes on.
_RECONCILIATION: constant(bytes4) = 0x5245434e
_DAY_MASK: constant(uint256) = 2**16 - 1
_BROKEN_SHIFT: constant(uint256) = 16
_COUNT_SHIFT: constant(uint256) = 32
_ONE_MORE: constant(uint256) = 2**32
_COUNT_MASK: constant(uint256) = 2**32 - 1
_LAND_SHIFT: constant(uint256) = 64
_LAND_MASK: constant(uint256) = 2**104 - 1
_EPOCH_SHIFT: constant(uint256) = 168


struct Reconciliation:
    # Newest business day whose close was reconciled; 0: none.
    day: uint256
    # Base units that were under way here at that close, or arrived and waited.
    may_land: uint256
    # The business day for whose break the lane is suspended; 0: it is not.
    suspended_for: uint256
    # The event that waited for it; empty: each day is asked for.
    coaf: bytes32
    # How often it was suspended.
    suspensions: uint256


# lane -> where its books stand, see above
_lanes: HashMap[bytes32, uint256]
# lane -> the event for which it was suspended last
_cause: HashMap[bytes32, bytes32]
# lane -> an epoch before that of the newest close -> the newest in its units, see above
_before: HashMap[bytes32, HashMap[uint256, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[29]


event Suspended:
    lane: indexed(bytes32)
    coaf: indexed(bytes32)
    day: uint256
    # How often by now.
    suspensions: uint256


event Resumed:
    lane: indexed(bytes32)
    coaf: indexed(bytes32)
    day: uint256


# -------------------------------------------------------------------------- views


@external
@view
def reconciliation_of(lane: bytes32) -> Reconciliation:
    """
    @notice Where the books of a lane stand on this ledger.
    @param lane The lane.
    @return Newest close reconciled, base units that may still land here of it; the day and event for which it is
            suspended; how often it was.
    """
    return self._reconciliation(lane)


# ----------------------------------------------------------------------- internal


@internal
def _reconcile(lane: bytes32, day: uint256, epoch: uint256, may_land: uint256):
    """
    @dev A lane's books fit at a close, in units of an epoch. Only a newer one counts; it ends the suspension for a
         break of before.
    """
    word: uint256 = self._lanes[lane]
    last: uint256 = word >> _EPOCH_SHIFT
    if day <= word & _DAY_MASK:
        if epoch < last and day > self._before[lane][epoch] & _DAY_MASK:
            self._before[lane][epoch] = (may_land << _LAND_SHIFT) | day
        return
    if epoch != last:
        self._before[lane][last] = (
            (((word >> _LAND_SHIFT) & _LAND_MASK) << _LAND_SHIFT) | (word & _DAY_MASK)
        )
    broken: uint256 = (word >> _BROKEN_SHIFT) & _DAY_MASK
    counted: uint256 = (word >> _COUNT_SHIFT) & _COUNT_MASK
    self._lanes[lane] = (
        (epoch << _EPOCH_SHIFT)
        | (may_land << _LAND_SHIFT)
        | (counted << _COUNT_SHIFT)
        | (broken << _BROKEN_SHIFT)
        | day
    )
    if broken != 0 and broken <= day:
        self._resume(lane)


@internal
def _suspend(lane: bytes32, coaf: bytes32, day: uint256):
    """
    @dev Suspend a lane for what was not reconciled in time; the caller has checked the deadline.
    """
    word: uint256 = self._lanes[lane]
    assert word & _DAY_MASK < day, "suspensions: reconciled"
    assert (word >> _BROKEN_SHIFT) & _DAY_MASK == 0, "suspensions: suspended already"
    # 32 bits hold more than blocks can bring.
    self._lanes[lane] = unsafe_add(word, _ONE_MORE) | (day << _BROKEN_SHIFT)
    self._cause[lane] = coaf
    log Suspended(
        lane=lane,
        coaf=coaf,
        day=day,
        suspensions=unsafe_add((word >> _COUNT_SHIFT) & _COUNT_MASK, 1),
    )
    self._tell(lane, True)


@internal
def _resume(lane: bytes32):
    """
    @dev Let a lane that is suspended go on.
    """
    word: uint256 = self._lanes[lane]
    broken: uint256 = (word >> _BROKEN_SHIFT) & _DAY_MASK
    self._lanes[lane] = word ^ (broken << _BROKEN_SHIFT)
    log Resumed(lane=lane, coaf=self._cause[lane], day=broken)
    self._tell(lane, False)


@internal
def _tell(lane: bytes32, suspended: bool):
    """
    @dev Have it done: home stops the lane, a remote ledger, which has one, the instrument.
    """
    if dispatch.is_home:
        extcall IBridgeEscrow(dispatch.escrow).set_suspended(lane, suspended, _RECONCILIATION, lane)
    else:
        extcall ISecurityToken(dispatch.token).set_suspended(suspended, _RECONCILIATION, lane)


@internal
@view
def _reconciliation(lane: bytes32) -> Reconciliation:
    """
    @dev Where the books of a lane stand.
    """
    word: uint256 = self._lanes[lane]
    broken: uint256 = (word >> _BROKEN_SHIFT) & _DAY_MASK
    return Reconciliation(
        day=word & _DAY_MASK,
        may_land=(word >> _LAND_SHIFT) & _LAND_MASK,
        suspended_for=broken,
        coaf=self._cause[lane] if broken != 0 else empty(bytes32),
        suspensions=(word >> _COUNT_SHIFT) & _COUNT_MASK,
    )


@internal
@view
def _newest(lane: bytes32, epoch: uint256) -> (uint256, uint256):
    """
    @dev The newest close of a lane that was reconciled in units of an epoch, and what may land of it; 0: none was.
    """
    word: uint256 = self._lanes[lane]
    if word >> _EPOCH_SHIFT != epoch:
        word = self._before[lane][epoch]
    return (word & _DAY_MASK, (word >> _LAND_SHIFT) & _LAND_MASK)


@internal
@view
def _last(lane: bytes32) -> (uint256, uint256, uint256):
    """
    @dev The newest close of a lane that was reconciled, what may land of it, and in units of which epoch; 0: none was.
    """
    word: uint256 = self._lanes[lane]
    return (word & _DAY_MASK, (word >> _LAND_SHIFT) & _LAND_MASK, word >> _EPOCH_SHIFT)
