# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Position word: all that a transfer must know of an account, in one storage slot
@license Apache-2.0
@author Tallystick
@notice Field layout of the position word, of the issue word, and of an opening.
@dev Bit fields, lowest first:

       bits      104      104          16                    16              7      3       6
       position  balance  frozen       eligible until (day)  last movement   epoch  orders  flags
       issue     supply   authorised   close of business     last movement   epoch  stop    flags
       opening   balance  its day 16   -                     movement before epoch  -       class

     The three share amount, day and epoch fields, so that closings are kept by the same code for both.
     104 bits hold 2.0e31 base units: 2.0e13 units at 18 decimals. Eligibility counts days since 1970
     (block time / 86400), movement counts business days; 16 bits reach the year 2149.
     Amounts are kept in units of the word's action epoch; a ratio raises the epoch of the issue word with the
     first act after its moment, and that of an account's word when it is next touched (see `book`).
"""

AMOUNT_MAX: constant(uint256) = 2**104 - 1
DAY_MAX: constant(uint256) = 2**16 - 1
MINUTE_MAX: constant(uint256) = 1439
EPOCH_MAX: constant(uint256) = 2**7 - 1
ORDERS_MAX: constant(uint256) = 2**3 - 1

UPPER_SHIFT: constant(uint256) = 104
TAG_SHIFT: constant(uint256) = 104
CONTROL_SHIFT: constant(uint256) = 208
DAY_SHIFT: constant(uint256) = 224
EPOCH_SHIFT: constant(uint256) = 240
ORDERS_SHIFT: constant(uint256) = 247
# What one more legal order adds to a position.
ONE_ORDER: constant(uint256) = 2**247

# Two words whose epochs differ, differ here.
EPOCH_FIELD: constant(uint256) = EPOCH_MAX * 2**240

# Everything but the field, to replace it.
NOT_UPPER: constant(uint256) = max_value(uint256) - AMOUNT_MAX * 2**104
NOT_AMOUNTS: constant(uint256) = NOT_UPPER - AMOUNT_MAX
NOT_EXPIRY: constant(uint256) = max_value(uint256) - DAY_MAX * 2**208
NOT_DAY: constant(uint256) = max_value(uint256) - DAY_MAX * 2**224

# Flags of a position.
FROZEN: constant(uint256) = 2**250
# An account that holds units for others (escrow, suspense): moved only by itself, never entitled.
LINK: constant(uint256) = 2**251
# Reserved for holds, per-identity rules, delegated votes: each names a second word that is read only if set.
HELD: constant(uint256) = 2**252
RULED: constant(uint256) = 2**253
DELEGATED: constant(uint256) = 2**254
# An account in which units wait for who holds them elsewhere (another bridge's pool): never entitled, else a holder.
POOL: constant(uint256) = 2**255
# The flags that are an account's class: they change by a movement, and stand in openings.
CLASSES: constant(uint256) = LINK + POOL
# The same as an act names them.
CLASS_HOLDER: constant(uint256) = 0
CLASS_LINK: constant(uint256) = 1
CLASS_POOL: constant(uint256) = 2

# Flags of the issue word, from where a position counts its orders on.
SUSPENDED: constant(uint256) = 2**247
LIVE: constant(uint256) = 2**250
HOME: constant(uint256) = 2**251
PAUSED_TRANSFERS: constant(uint256) = 2**252
PAUSED_ISSUANCE: constant(uint256) = 2**253
PAUSED_LANES: constant(uint256) = 2**254
# Ratios are announced: the next one stands under the epoch after this word's (see `book`).
PENDING: constant(uint256) = 2**255

# A ratio, lowest bit first: numerator 40 | denominator 40 | first business day 16 | fractions' agent 160.
PART_MAX: constant(uint256) = 2**40 - 1
DENOMINATOR_SHIFT: constant(uint256) = 40
FIRST_DAY_SHIFT: constant(uint256) = 80
AGENT_SHIFT: constant(uint256) = 96


@internal
@pure
def _lower(word: uint256) -> uint256:
    """
    @dev Balance of a position, supply of the issue.
    """
    return word & AMOUNT_MAX


@internal
@pure
def _upper(word: uint256) -> uint256:
    """
    @dev Frozen amount of a position, authorised amount of the issue.
    """
    return (word >> UPPER_SHIFT) & AMOUNT_MAX


@internal
@pure
def _with_upper(word: uint256, amount: uint256) -> uint256:
    """
    @dev The word with its upper amount replaced; `amount` must fit 104 bits.
    """
    return (word & NOT_UPPER) | (amount << UPPER_SHIFT)


@internal
@pure
def _expiry(word: uint256) -> uint256:
    """
    @dev Last day of eligibility of a position, days since 1970; 0: never admitted.
    """
    return (word >> CONTROL_SHIFT) & DAY_MAX


@internal
@pure
def _close_minute(word: uint256) -> uint256:
    """
    @dev Close of business of the issue, minutes after midnight UTC.
    """
    return (word >> CONTROL_SHIFT) & 2047


@internal
@pure
def _day(word: uint256) -> uint256:
    """
    @dev Business day of the last movement; 0: never moved.
    """
    return (word >> DAY_SHIFT) & DAY_MAX


@internal
@pure
def _epoch(word: uint256) -> uint256:
    """
    @dev Action epoch in whose units the amounts are kept.
    """
    return (word >> EPOCH_SHIFT) & EPOCH_MAX


@internal
@pure
def _first_day(ratio: uint256) -> uint256:
    """
    @dev The first business day of a ratio's epoch.
    """
    return (ratio >> FIRST_DAY_SHIFT) & DAY_MAX


@internal
@pure
def _tag(opening: uint256) -> uint256:
    """
    @dev The day whose opening it is; 0: it is none.
    """
    return (opening >> TAG_SHIFT) & DAY_MAX


@internal
@pure
def _orders(word: uint256) -> uint256:
    """
    @dev How many legal orders stand against an account.
    """
    return (word >> ORDERS_SHIFT) & ORDERS_MAX
