# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Limits: how much of a lane may arrive at once, and when what is more may be credited
@license Apache-2.0
@author Tallystick
@notice Virtual scheduling: one moment a lane, at which all that arrived is worked off.
@dev What arrives is worked off evenly, as much as the limit a window. Each arrival moves `drained at` on by what it
     takes of the window; it may be credited as soon as no more than a window is left to work off, or, while the room
     still grows from nothing after a new verifier, that part of a window. So what is over the limit waits for exactly
     its overdraft at the rate at which room comes back, and neither parts nor patience get anything through sooner
     (INV-11): what waits counts like what was credited, and later arrivals wait behind it. Everything is rounded up,
     against whoever wants units.

       limit   ramp, hours 12 | window, minutes 15 | limit, base units 104, 0: none | ramps until 36 |
               drained at, 2**-32 s 89
"""

UNLIMITED: constant(uint256) = 2**43 - 1

_MINUTE: constant(uint256) = 60
_HOUR: constant(uint256) = 3600
_MIN_WINDOW: constant(uint256) = 3600
_MAX_WINDOW: constant(uint256) = 14 * 86400
_MIN_RAMP: constant(uint256) = 3600
_MAX_RAMP: constant(uint256) = 90 * 86400

_RAMP_MASK: constant(uint256) = 2**12 - 1
_WINDOW_SHIFT: constant(uint256) = 12
_WINDOW_MASK: constant(uint256) = 2**15 - 1
_LIMIT_SHIFT: constant(uint256) = 27
_LIMIT_MASK: constant(uint256) = 2**104 - 1
_RAMPS_SHIFT: constant(uint256) = 131
_RAMPS_MASK: constant(uint256) = 2**36 - 1
_DRAINED_SHIFT: constant(uint256) = 167
# Everything but the field, to replace it.
NOT_DRAINED: constant(uint256) = 2**167 - 1
_DRAINED_MAX: constant(uint256) = 2**89 - 1
# Parts of a second in which the work that is left is counted.
_FRACTION: constant(uint256) = 32
# A minute in them.
MINUTE: constant(uint256) = 60 * 2**32


struct LimitState:
    # Base units that may arrive at once, 0: any; seconds in which that room comes back; seconds in which it grows.
    limit: uint256
    window: uint256
    ramp: uint256
    # When it has grown, and when all that arrived is worked off: in seconds, and in 2**-32 seconds.
    ramps_until: uint256
    drained_at: uint256


@internal
@pure
def _opened(limit: uint256, window: uint256, ramp: uint256) -> uint256:
    """
    @dev The word of a lane that opens, with a limit in base units, 0: none.
    """
    assert (
        window >= _MIN_WINDOW and window <= _MAX_WINDOW and window % _MINUTE == 0
    ), "limits: window out of range"
    assert (
        ramp >= _MIN_RAMP and ramp <= _MAX_RAMP and ramp % _HOUR == 0
    ), "limits: ramp out of range"
    return ((limit << _LIMIT_SHIFT) | ((window // _MINUTE) << _WINDOW_SHIFT) | (ramp // _HOUR))


@internal
@view
def _ramping(word: uint256) -> uint256:
    """
    @dev The word with room that grows from nothing from now on; what arrived stays counted.
    """
    until: uint256 = block.timestamp + (word & _RAMP_MASK) * _HOUR
    return (word & ~(_RAMPS_MASK << _RAMPS_SHIFT)) | (until << _RAMPS_SHIFT)


@internal
@view
def _changed(word: uint256, limit: uint256) -> uint256:
    """
    @dev The word with another limit, in base units, 0: none. What is left to work off is as many units as before, so
         that no change makes room; where there was no limit nobody counted, and it begins with none.
    """
    old: uint256 = (word >> _LIMIT_SHIFT) & _LIMIT_MASK
    now: uint256 = block.timestamp << _FRACTION
    drained: uint256 = word >> _DRAINED_SHIFT
    if old == 0 and limit != 0:
        drained = now + (self._window(word) << _FRACTION)
    # What never ends, as counted, does not begin to end by a change.
    elif limit != 0 and drained > now and drained != _DRAINED_MAX:
        drained = min(now + ((drained - now) * old + limit - 1) // limit, _DRAINED_MAX)
    return (
        (word & ~(_LIMIT_MASK << _LIMIT_SHIFT) & (2**_DRAINED_SHIFT - 1))
        | (limit << _LIMIT_SHIFT)
        | (drained << _DRAINED_SHIFT)
    )


@internal
@pure
def _restated(word: uint256, numerator: uint256, denominator: uint256) -> uint256:
    """
    @dev The word over a ratio. The limit rounds down, to no less than one base unit, as 0 is none; what does not fit is
         the most that does. What is left to work off stays, as it is time.
    """
    limit: uint256 = self._limit(word)
    if limit == 0:
        return word
    # Fields of 104 and 40 bits.
    limit = min(max(unsafe_div(unsafe_mul(limit, numerator), denominator), 1), _LIMIT_MASK)
    return (word & ~(_LIMIT_MASK << _LIMIT_SHIFT)) | (limit << _LIMIT_SHIFT)


@internal
@pure
def _limit(word: uint256) -> uint256:
    """
    @dev The limit in base units; 0: none.
    """
    return (word >> _LIMIT_SHIFT) & _LIMIT_MASK


@internal
@view
def _after(word: uint256, amount: uint256) -> uint256:
    """
    @dev The word once `amount` has arrived, at most 2**104 base units. There is a limit.
    """
    limit: uint256 = (word >> _LIMIT_SHIFT) & _LIMIT_MASK
    # Each of the factors is within its field: 104, 21 and 32 bits.
    work: uint256 = unsafe_mul(amount, unsafe_mul((word >> _WINDOW_SHIFT) & _WINDOW_MASK, MINUTE))
    drained: uint256 = unsafe_add(
        max(word >> _DRAINED_SHIFT, block.timestamp << _FRACTION),
        unsafe_div(unsafe_add(work, unsafe_sub(limit, 1)), limit),
    )
    if drained > _DRAINED_MAX:
        drained = _DRAINED_MAX
    return (word & NOT_DRAINED) | (drained << _DRAINED_SHIFT)


@internal
@view
def _until(word: uint256) -> uint256:
    """
    @dev From when on, in whole seconds, what arrived last may be credited, by the word after it; 0: now.
    """
    window: uint256 = unsafe_mul((word >> _WINDOW_SHIFT) & _WINDOW_MASK, MINUTE)
    drained: uint256 = word >> _DRAINED_SHIFT
    ramps_until: uint256 = (word >> _RAMPS_SHIFT) & _RAMPS_MASK
    if block.timestamp >= ramps_until and drained <= unsafe_add(
        block.timestamp << _FRACTION, window
    ):
        return 0
    # Nothing below is below 0: a block's time is later than any ramp or window after 1970.
    until: uint256 = (drained - window + 2**_FRACTION - 1) >> _FRACTION
    # Where what is left to work off, which shrinks, meets what may be, which grows; after the ramp the other is later.
    ramp: uint256 = (word & _RAMP_MASK) * _HOUR
    both: uint256 = (ramp << _FRACTION) + window
    until = max(until, (ramp * drained + window * (ramps_until - ramp) + both - 1) // both)
    return until if until > block.timestamp else 0


@internal
@view
def _room(word: uint256) -> uint256:
    """
    @dev The most base units that would not wait now; there is a limit.
    """
    now: uint256 = block.timestamp << _FRACTION
    window: uint256 = self._window(word) << _FRACTION
    ramp: uint256 = (word & _RAMP_MASK) * _HOUR
    ramps_until: uint256 = (word >> _RAMPS_SHIFT) & _RAMPS_MASK
    most: uint256 = window
    if block.timestamp < ramps_until:
        most = window * (block.timestamp + ramp - ramps_until) // ramp
    left: uint256 = max(word >> _DRAINED_SHIFT, now) - now
    if left >= most:
        return 0
    return (most - left) * ((word >> _LIMIT_SHIFT) & _LIMIT_MASK) // window


@internal
@pure
def _state(word: uint256) -> LimitState:
    """
    @dev The word by its parts.
    """
    return LimitState(
        limit=(word >> _LIMIT_SHIFT) & _LIMIT_MASK,
        window=self._window(word),
        ramp=(word & _RAMP_MASK) * _HOUR,
        ramps_until=(word >> _RAMPS_SHIFT) & _RAMPS_MASK,
        drained_at=word >> _DRAINED_SHIFT,
    )


@internal
@pure
def _window(word: uint256) -> uint256:
    """
    @dev Seconds in which room comes back.
    """
    return unsafe_mul((word >> _WINDOW_SHIFT) & _WINDOW_MASK, _MINUTE)
