# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Stops: stopping is quick and ends by itself, lifting is slow
@license Apache-2.0
@author Tallystick
@notice When what a guardian stopped goes on.
@dev A guardian stops at once, alone, for a week. An administrator prolongs what a guardian stopped, a guardian what an
     administrator prolonged or lifts, by a week from then: two keys in turn, never one twice. What no
     administrator answers ends, and the guardian alone can't stop it again for another week. So neither a
     lost nor a stolen key stops anything for ever. Lifting takes a day, in which the guardian can stop anew.
     The user keeps a bit for each stop in a word that its hot path reads anyway, and asks here only while the bit
     is set; a bit whose stop has ended stays until an administrator lifts it.
"""
from contracts.governance import access

uses: access


# Long enough to find out and to assemble the administrators, over any holidays.
_LENGTH: constant(uint256) = 7 * 86400
_REST: constant(uint256) = 7 * 86400
LIFT_DELAY: constant(uint256) = 86400
_MAX_STOPS: constant(uint256) = 4
_FIELD_MASK: constant(uint256) = 2**64 - 1

# subject -> for each of its stops, lowest first: when it ends 63 | whether a guardian spoke last 1
_stops: HashMap[bytes32, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


@internal
def _stop(subject: bytes32, stops: uint256) -> uint256:
    """
    @dev Stop or prolong each of `stops`, a mask; returns when they end. The user has checked that its caller is
         guardian or administrator, states why and logs.
    """
    guardian: bool = access._held[msg.sender] & access.GUARDIAN != 0
    ends_at: uint256 = unsafe_add(block.timestamp, _LENGTH)
    word: uint256 = self._stops[subject]
    for i: uint256 in range(_MAX_STOPS):
        if (stops >> i) & 1 != 0:
            field: uint256 = self._field(word, i)
            until: uint256 = field >> 1
            if guardian:
                assert (
                    field & 1 == 0 or block.timestamp >= unsafe_add(until, _REST)
                ), "stops: administrator's turn"
            else:
                assert field & 1 != 0 and block.timestamp < until, "stops: nothing to prolong"
            word = self._with_field(word, i, (ends_at << 1) | convert(guardian, uint256))
    self._stops[subject] = word
    return ends_at


@internal
def _lift(subject: bytes32, stops: uint256) -> uint256:
    """
    @dev Let each of `stops` end a day from now, if not before; returns which of them have ended, for the caller to
         clear their bits. The user has checked that its caller is an administrator.
    """
    ends_at: uint256 = unsafe_add(block.timestamp, LIFT_DELAY)
    word: uint256 = self._stops[subject]
    for i: uint256 in range(_MAX_STOPS):
        if (stops >> i) & 1 != 0:
            until: uint256 = min(self._field(word, i) >> 1, ends_at)
            word = self._with_field(word, i, until << 1)
    self._stops[subject] = word
    return stops & ~self._running(subject, stops)


@internal
@view
def _running(subject: bytes32, stops: uint256) -> uint256:
    """
    @dev Which of `stops` have not ended.
    """
    word: uint256 = self._stops[subject]
    running: uint256 = 0
    for i: uint256 in range(_MAX_STOPS):
        if (stops >> i) & 1 != 0 and block.timestamp < self._field(word, i) >> 1:
            running |= 1 << i
    return running


@internal
@pure
def _field(word: uint256, i: uint256) -> uint256:
    """
    @dev What is kept of one stop.
    """
    return (word >> (i << 6)) & _FIELD_MASK


@internal
@pure
def _with_field(word: uint256, i: uint256, field: uint256) -> uint256:
    """
    @dev The word with one stop replaced.
    """
    return word ^ ((self._field(word, i) ^ field) << (i << 6))
