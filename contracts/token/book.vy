# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Book: positions, issue, and the closing balance of every past business day
@license Apache-2.0
@author Tallystick
@notice The only module that writes amounts. Every movement keeps supply = sum of positions (INV-5).
@dev A movement on a later business day than the account's last one first writes that day's opening
     balance, with the day of the movement before it: a chain of days on which something moved, found from the
     position word. The closing balance of day d is the opening balance of the first day after d
     with a movement. An account that moved before on the same day pays nothing for it.
"""
from contracts.token import position


# A chain of more days than this is walked from a hint (see `_at_close`).
_MAX_WALK: constant(uint256) = 1024
_SECONDS_PER_DAY: constant(uint256) = 86400

# Balance, day of the last movement, epoch.
_OPENING_FIELDS: constant(uint256) = (
    position.AMOUNT_MAX + position.DAY_MAX * 2**224 + position.EPOCH_MAX * 2**240
)

# The supply keeps its closings beside the accounts', under the one address that never holds.
_ISSUE: constant(address) = empty(address)

_positions: HashMap[address, uint256]
# Supply, authorised amount and everything else that a movement must know of the instrument.
_issue: uint256
# account -> business day -> opening balance 104 | - | day of the movement before 16 | epoch 10
_openings: HashMap[address, HashMap[uint256, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


@external
@view
def balance_at_close(account: address, day: uint256, hint: uint256 = 0) -> uint256:
    """
    @notice Units of an account at the close of a past business day; nobody had to announce the day.
    @dev Day n closes at n * 86400 + close minute * 60, exclusive. At most 1,024 days with movements are walked.
    @param account The account.
    @param day The business day.
    @param hint A later business day with a kept opening of the account, to start from; 0 for none. The account's
           first day of movement keeps none: nothing was held before it.
    @return Units.
    """
    assert account != empty(address), "book: no account"
    return self._at_close(account, day, hint)


@external
@view
def supply_at_close(day: uint256, hint: uint256 = 0) -> uint256:
    """
    @notice Units on this ledger at the close of a past business day.
    @param day The business day.
    @param hint A later business day on which the supply moved, to start from; 0 for none.
    @return Units.
    """
    return self._at_close(empty(address), day, hint)


@external
@view
def business_day() -> uint256:
    """
    @notice The business day that this moment belongs to.
    @return Days since 1970; the day's close is the first moment of the next.
    """
    return self._business_day(self._issue)


@external
@view
def close_minute() -> uint256:
    """
    @notice Close of business.
    @return Minutes after midnight UTC.
    """
    return position._close_minute(self._issue)


@external
@view
@reentrant
def action_epoch() -> uint256:
    """
    @notice The epoch in whose units amounts are stated; a ratio (split) raises it.
    @return The epoch.
    """
    return position._epoch(self._issue)


@internal
@view
def _business_day(issue: uint256) -> uint256:
    """
    @dev The business day that this moment belongs to. Day n ends at its close of business, exclusive:
         what happens at the close belongs to day n + 1.
    """
    # No close of business is later than its own day, no block earlier than 1970-01-02.
    return unsafe_add(
        unsafe_sub(
            block.timestamp, unsafe_mul((issue >> position.CONTROL_SHIFT) & 2047, 60)
        ) // _SECONDS_PER_DAY,
        1,
    )


@internal
def _opened(account: address, word: uint256, day: uint256) -> uint256:
    """
    @dev The word of an account about to move on `day`; keeps the opening balance if it is the first move of the day.
    """
    last: uint256 = (word >> position.DAY_SHIFT) & position.DAY_MAX
    if last == day:
        return word
    if last != 0:
        # Amount, day and epoch as they stand; the controls between them don't belong to history.
        self._openings[account][day] = word & _OPENING_FIELDS
    return position._with_day(word, day)


@internal
def _debit(account: address, word: uint256, amount: uint256, day: uint256):
    """
    @dev Take `amount` from an account whose word is `word`; the caller has checked that it is there.
         With an amount of 0 nothing moves, so nothing is written: no stranger leaves a trace in an account's history.
    """
    assert amount <= word & position.AMOUNT_MAX, "book: more than the balance"
    if amount != 0:
        self._positions[account] = unsafe_sub(self._opened(account, word, day), amount)


@internal
def _credit(account: address, word: uint256, amount: uint256, day: uint256):
    """
    @dev Give `amount` to an account whose word is `word`. No overflow into the frozen field: every
         balance is at most the supply, which fits (see `_issue_units`). Nothing is written for 0.
    """
    if amount != 0:
        self._positions[account] = unsafe_add(self._opened(account, word, day), amount)


@internal
def _issue_units(account: address, word: uint256, issue: uint256, amount: uint256):
    """
    @dev Create units on this ledger; the caller has checked that the supply stays within its field.
    """
    day: uint256 = self._business_day(issue)
    if amount != 0:
        self._issue = unsafe_add(self._opened(_ISSUE, issue, day), amount)
    self._credit(account, word, amount, day)
    log Transfer(sender=empty(address), receiver=account, value=amount)


@internal
def _cancel_units(account: address, word: uint256, issue: uint256, amount: uint256):
    """
    @dev Take units off this ledger.
    """
    day: uint256 = self._business_day(issue)
    self._debit(account, word, amount, day)
    if amount != 0:
        self._issue = unsafe_sub(self._opened(_ISSUE, issue, day), amount)
    log Transfer(sender=account, receiver=empty(address), value=amount)


@internal
@view
def _at_close(account: address, day: uint256, hint: uint256) -> uint256:
    """
    @dev Balance at the close of `day`. `hint` is 0, or any later day with an opening of this account, from
         which the walk starts: with the first such day it is one step, however long ago.
    """
    issue: uint256 = self._issue
    assert day < self._business_day(issue), "book: day not closed"
    word: uint256 = self._positions[account]
    if account == _ISSUE:
        word = issue
    cursor: uint256 = position._day(word)
    if cursor <= day:
        return position._lower(word)
    if hint != 0:
        assert hint > day and self._openings[account][hint] != 0, "book: hint is no later opening"
        cursor = hint
    for _: uint256 in range(_MAX_WALK):
        opening: uint256 = self._openings[account][cursor]
        if opening == 0:
            # The account's first day: nothing was held before.
            return 0
        cursor = position._day(opening)
        if cursor <= day:
            return position._lower(opening)
    raise "book: walk too long, give a hint"
